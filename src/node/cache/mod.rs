//! A cache: real keys in real versions, found or not found, and a policy that says who leaves.
//!
//! Modelled: entries with a time to live and jitter; every eviction policy there is; six patterns
//! ([`Pattern`]); single flight; negative entries; stale while revalidating; refresh ahead; a look
//! takes its time, and looks do not wait for each other. A crash empties it. While it refuses
//! writes, what should come in is turned away, as in the course's failed cache writes: reads do not
//! notice, writes report the failure although the store has the value. Not modelled: sizes of
//! values, a limit of looks at a time; range queries pass through.
//!
//! As in the course, what is loaded or written last is kept, also when it is the older version: a
//! load that began before a write and ends after it leaves the old value there.
//!
//! **Write-behind and versions.** A write is acknowledged before the store has committed it, so it
//! has no commit yet. It is given a promise ([`Context::promise`]): a number from the same counter
//! as commits, without becoming the truth about its key. When it is flushed, the store commits it
//! under a later number, by the same writer. So whoever was acknowledged may expect that version or
//! a later one, and the judge needs no special rule: when a crash loses the promise, the next read
//! of an older version is a stale read, and that names the write which was lost. The oracle, on the
//! other hand, never takes a promise for the truth. Writes of one key that wait are one flush: only
//! the last is sent, and only the last can be lost. A flush that fails is tried again after the
//! flush interval, up to eight times; then the write is given up and listed as lost. What is on its
//! way to the store during a crash is in doubt, and counted so: the store may still get it.
//!
//! Formulas: reads of one key at rate r with time to live T hit with probability rT / (1 + rT); for
//! LRU and FIFO over many keys, Che's approximation ([`crate::stats::che`]).

mod buffer;
mod config;
mod explain;
mod read;
mod write;

pub use super::shelf::{Cause, Entry, Gone, SHOWN};
pub use buffer::Lost;
pub use config::{CacheConfig, Pattern};

use super::shelf::Shelf;
use crate::policy::evict::Eviction;
use crate::sim::{
    Context, Event, Key, KeyMap, LinkId, Op, Reason, Rng, Signal, Sink, Span, Stamp, Time, Truth,
    What,
};
use crate::stats::Meter;
use buffer::Buffer;

const LOOKED: u8 = 0;
const FLUSH: u8 = 1;
const NOBODY: u32 = u32::MAX;

/// What the cache counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Reads answered from what it has.
    pub hits: u64,
    /// Reads it could not answer.
    pub misses: u64,
    /// Hits with a version that was not the newest any more.
    pub stale_hits: u64,
    /// Hits with an entry that was over and being loaded again.
    pub over_hits: u64,
    /// Misses that waited for somebody else's load.
    pub coalesced: u64,
    /// Misses that asked the store.
    pub loads: u64,
    /// Loads in the background.
    pub refreshes: u64,
    /// Entries that came in or got a new version.
    pub fills: u64,
    /// Entries that the policy did not let in.
    pub not_admitted: u64,
    /// What was turned away because it refused writes.
    pub refused: u64,
    /// Entries that left to make room.
    pub evictions: u64,
    /// Entries whose time was over.
    pub expired: u64,
    /// Entries forgotten on demand.
    pub invalidated: u64,
    /// Writes and deletions sent to the store.
    pub written: u64,
    /// Requests lost in crashes.
    pub dropped: u64,
}

/// What the cache knows of a request or call, by its slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Holding {
    #[default]
    Nothing,
    /// The look takes its time.
    Looking,
    /// Sent on to be answered by the store.
    Loading(Key),
    /// Waits for a load of its key; the next one that waits follows.
    Waiting(u32),
    /// Sent on to be written by the store.
    Writing(Key),
    /// An own call: loads a key in the background.
    Refreshing(Key),
    /// An own call: writes this version of a key.
    Flushing(Key, Stamp),
}

/// A load that others may wait for.
#[derive(Clone, Copy, Debug, Default)]
struct Load {
    leader: u32,
    first: u32,
    last: u32,
}

/// Who left for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Out {
    /// The key that left.
    pub key: Key,
    /// The key that needed its room.
    pub by: Key,
    /// When.
    pub at: Time,
}

/// A running cache.
#[derive(Clone, Debug)]
pub struct Cache {
    config: CacheConfig,
    shelf: Shelf,
    buffer: Buffer,
    store: Option<LinkId>,
    holding: Vec<Holding>,
    looking: u32,
    waiting: u32,
    loads: KeyMap<Load>,
    refuses: bool,
    /// How many times as long everything takes.
    slow: u64,
    /// Counts crashes: what was planned before one never happens.
    epoch: u32,
    counts: Counts,
    arrived: Meter,
    out: Option<Out>,
}

impl Cache {
    /// A cache called `id` in a run with this seed.
    pub fn new(id: &str, seed: u64, config: CacheConfig) -> Cache {
        Cache {
            shelf: Shelf::new(make(&config), Rng::stream(seed, id, "entries")),
            config,
            buffer: Buffer::default(),
            store: None,
            holding: Vec::new(),
            looking: 0,
            waiting: 0,
            loads: KeyMap::default(),
            refuses: false,
            slow: 1,
            epoch: 0,
            counts: Counts::default(),
            arrived: Meter::default(),
            out: None,
        }
    }

    /// New settings, from the next request on. With another policy or capacity the entries stay, as
    /// far as they fit; writes that wait are flushed when they would have been.
    pub fn configure<S: Sink + ?Sized>(&mut self, config: CacheConfig, cx: &mut Context<'_, S>) {
        let same = self.config.same_policy(&config);
        self.config = config;
        if !same {
            let now = cx.now();
            let out = self.shelf.rebuild(make(&self.config), now);
            self.counts.evictions += out.len() as u64;
            for key in out {
                self.flush_one(key, cx);
            }
        }
    }

    /// The settings in force.
    pub fn config(&self) -> &CacheConfig {
        &self.config
    }

    /// What it counted so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Requests that came, by rate and in all.
    pub fn arrived(&self) -> &Meter {
        &self.arrived
    }

    /// Hits of all reads, 0 to 1; nothing before the first read.
    pub fn hit_ratio(&self) -> Option<f64> {
        let reads = self.counts.hits + self.counts.misses;
        (reads > 0).then(|| self.counts.hits as f64 / reads as f64)
    }

    /// How many entries it holds.
    pub fn entries(&self) -> usize {
        self.shelf.len()
    }

    /// The entry of a key. Counts as no access.
    pub fn entry(&self, key: Key) -> Option<Entry> {
        self.shelf.look(key)
    }

    /// The entries that have a place in the picture, by their places.
    pub fn shown(&self) -> [Option<(Key, Entry)>; SHOWN] {
        self.shelf.shown().map(|key| key.and_then(|key| Some((key, self.shelf.look(key)?))))
    }

    /// Is a write of this key waiting to be flushed?
    pub fn is_dirty(&self, key: Key) -> bool {
        self.buffer.get(key).is_some()
    }

    /// How many keys have writes that wait to be flushed, or are being.
    pub fn dirty(&self) -> usize {
        self.buffer.len()
    }

    /// The acknowledged writes that were lost, oldest first; of many, the last ones.
    pub fn lost(&self) -> impl Iterator<Item = &Lost> {
        self.buffer.lost()
    }

    /// How many acknowledged writes were lost.
    pub fn lost_writes(&self) -> u64 {
        self.buffer.lost_count()
    }

    /// How many were on their way to the store when it crashed.
    pub fn in_doubt(&self) -> u64 {
        self.buffer.in_doubt()
    }

    /// How many entries are older than the truth.
    pub fn diverged(&self, truth: &Truth) -> usize {
        self.shelf.iter().filter(|(key, entry)| is_behind(truth, *key, entry.stamp)).count()
    }

    /// Who left last for whom.
    pub fn out(&self) -> Option<Out> {
        self.out
    }

    /// Requests that it is looking for at the moment.
    pub fn looking(&self) -> u32 {
        self.looking
    }

    /// Requests that wait for somebody else's load.
    pub fn waiting(&self) -> u32 {
        self.waiting
    }

    #[inline]
    pub(super) fn on_event<S: Sink + ?Sized>(&mut self, event: Event, cx: &mut Context<'_, S>) {
        match event.what {
            What::Arrive => self.arrive(event.arg, cx),
            What::Timer(LOOKED) => {
                // A look that a crash ended, in a slot that was used again, ends at another time.
                let due = cx.request(event.arg).is_some_and(|r| r.until == cx.now());
                if due && self.held(event.arg) == Holding::Looking {
                    self.let_go(event.arg);
                    self.looking -= 1;
                    self.decide(event.arg, cx);
                }
            }
            What::Timer(FLUSH) if event.arg == self.epoch => self.flush(cx),
            What::Reply => self.back(event.arg, cx),
            What::Timer(_) | What::Planned => {}
        }
    }

    pub(super) fn on_signal<S: Sink + ?Sized>(&mut self, signal: Signal, cx: &mut Context<'_, S>) {
        match signal {
            Signal::LinkAdded(link) => self.store = self.store.or(Some(link)),
            Signal::LinkRemoved(_) => self.store = cx.outgoing().map(|(link, _)| link).next(),
            Signal::RefuseWrites(refuses) => self.refuses = refuses,
            Signal::Slow(factor) => self.slow = u64::from(factor),
            Signal::Crash => self.crash(cx),
            // What waits to be written is no entry: it stays.
            Signal::Flush => self.shelf.clear(make(&self.config), cx.now()),
            Signal::Restart | Signal::PeerChanged(_) => {}
            Signal::SendOne(..)
            | Signal::Part(..)
            | Signal::Parcel
            | Signal::CheckClock(_)
            | Signal::StoodStill(_) => {}
        }
    }

    #[inline]
    fn arrive<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        self.arrived.mark(cx.now());
        if self.config.pattern.loads() && cx.came_round(slot) {
            // Whoever it asks asks it again: the load would wait for itself.
            return cx.fail(slot, Reason::BadRequest);
        }
        let span = Span::from_millis_f64(self.config.hit_ms) * self.slow;
        if span == Span::ZERO {
            return self.decide(slot, cx);
        }
        self.hold(slot, Holding::Looking);
        self.looking += 1;
        cx.serve(slot, span);
        cx.wake_in(span, LOOKED, slot);
    }

    /// The look is over.
    fn decide<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        self.counts.expired += self.shelf.advance(cx.now());
        let Some(request) = cx.request(slot) else { return };
        let key = request.key;
        match request.op {
            Op::Read => self.read(slot, key, cx),
            Op::Write | Op::Delete => self.change(slot, key, cx),
            Op::Fill => self.take(slot, key, cx),
            Op::Invalidate => self.forget(slot, key, cx),
            Op::Scan => match self.store.filter(|_| self.config.pattern.loads()) {
                Some(link) => drop(cx.forward(slot, link)),
                None => cx.fail(slot, Reason::BadRequest),
            },
            Op::MoveIn | Op::MoveOut | Op::Check => cx.fail(slot, Reason::BadRequest),
        }
    }

    /// An answer came back: to a request that was sent on, or to an own call.
    fn back<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        self.counts.expired += self.shelf.advance(cx.now());
        match self.let_go(slot) {
            Holding::Loading(key) => {
                self.loaded(slot, key, cx);
                cx.pass_back(slot);
            }
            Holding::Refreshing(key) => {
                self.loaded(slot, key, cx);
                cx.end_call(slot);
            }
            Holding::Writing(key) => self.wrote(slot, key, cx),
            Holding::Flushing(key, stamp) => {
                self.flushed(slot, key, stamp, cx);
                cx.end_call(slot);
            }
            Holding::Nothing | Holding::Looking | Holding::Waiting(_) => {
                // A scan, or something from before a crash. An own call is at its end here.
                cx.pass_back(slot);
            }
        }
    }

    /// Everything it holds is lost.
    fn crash<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        self.epoch = self.epoch.wrapping_add(1);
        self.shelf.clear(make(&self.config), cx.now());
        self.buffer.crash(cx.now());
        self.loads = KeyMap::default();
        self.out = None;
        (self.looking, self.waiting) = (0, 0);
        for (slot, held) in std::mem::take(&mut self.holding).into_iter().enumerate() {
            if matches!(held, Holding::Looking | Holding::Waiting(_)) {
                self.counts.dropped += 1;
                cx.fail(slot as u32, Reason::ConnectionLost);
            }
        }
    }

    fn held(&self, slot: u32) -> Holding {
        self.holding.get(slot as usize).copied().unwrap_or_default()
    }

    fn hold(&mut self, slot: u32, what: Holding) {
        let slot = slot as usize;
        if self.holding.len() <= slot {
            self.holding.resize(slot + 1, Holding::Nothing);
        }
        self.holding[slot] = what;
    }

    fn let_go(&mut self, slot: u32) -> Holding {
        self.holding.get_mut(slot as usize).map(std::mem::take).unwrap_or_default()
    }
}

/// Is a version of a key older than the truth? One that was promised and then committed is not.
fn is_behind(truth: &Truth, key: Key, stamp: Stamp) -> bool {
    let newest = truth.newest(key).map(|newest| newest.stamp);
    newest.is_some_and(|newest| newest.commit > stamp.commit && newest.by != stamp.by)
}

fn make(config: &CacheConfig) -> Box<dyn Eviction> {
    let capacity = config.capacity.max(1) as usize;
    let made = (config.entry().make)(config.tuning.of(config.policy), capacity);
    made.expect("every capacity and setting in its range is allowed, as a test checks")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::param::{Range, Spec};
    use crate::node::{Kind, Value};
    use crate::policy::evict;

    /// Each policy can be made at the limits of capacity and of each of its settings.
    #[test]
    fn every_policy_can_be_made_with_whatever_is_allowed() {
        for entry in evict::CATALOGUE {
            let mut kind = Kind::Cache(CacheConfig::default());
            kind.set("policy", Value::Choice(entry.key.into())).expect("it is in the catalogue");
            let specs: Vec<Spec> = kind.specs();
            let capacities = [1.0, 2.0, 3.0, 1e5].map(|n| ("capacity", n));
            let knobs = entry.knobs.iter().flat_map(|knob| {
                let spec = specs.iter().find(|spec| spec.key == knob.key);
                let range = spec.map(|spec| spec.range);
                let Some(Range::Number { min, max, .. }) = range else { panic!("{}", knob.key) };
                [(knob.key, min), (knob.key, max)]
            });
            for (key, value) in capacities.into_iter().chain(knobs) {
                let mut turned = kind.clone();
                turned.set(key, Value::Number(value)).expect("it is in its range");
                let Kind::Cache(config) = turned else { panic!("it was a cache") };
                assert!(make(&config).is_empty(), "{} with {key} {value}", entry.key);
            }
        }
    }
}
