//! A shard router: sends each request to the shard that owns its key.
//!
//! Modelled: every placement of the catalogue over the outgoing links in their order, by names and
//! weights; the rows that each shard has from the start, handed over at time 0; a change
//! of shards or of the rule while it runs, with rows that stay behind or move one after another by
//! calls, beside the traffic; range queries that ask every shard with a key of the run and wait for
//! the last. The router decides in no time, and is one machine that never forgets who has what (a
//! row in its hands when it crashes is moved again afterwards). Not modelled: copies of a shard,
//! two routers that disagree, rows beyond the keys accounted for (they stay where they are).

mod config;
mod ground;
mod hot;
mod moving;
mod scatter;
mod why;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

pub use super::shape::Shape;
pub use config::{Meanwhile, Migration, RouterConfig};
pub use ground::Member;

use self::ground::Ground;
use self::hot::Hot;
use self::moving::Move;
use self::scatter::Scan;
use crate::sim::{
    Context, Event, Found, Key, KeyMap, LinkId, NodeId, Op, Outcome, Place, Reason, Signal, Sink,
    Span, Time, What, Why,
};
use crate::stats::Meter;

/// What a call of the router's was for.
#[derive(Clone, Copy, Debug)]
enum Errand {
    /// A part of the range query in this slot.
    Scan(u32),
    /// The move of this key's row.
    Move(u32),
}

/// Which way a request goes.
enum Way {
    To(LinkId),
    /// Its row is on the way just now: it waits.
    Hold(u32),
    /// No shard owns the key.
    Nowhere,
}

/// What the last change of shards meant.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Change {
    /// How many of the keys accounted for have another owner than before.
    pub moved: u32,
    /// How many there are.
    pub of: u32,
    /// The smallest share of keys that any placement would have to move, from 0 to 1.
    pub ideal: f64,
}

/// Timer: look at the shards anew.
const SETTLE: u8 = 0;
/// Timer: begin to move the next row.
const MOVE: u8 = 1;

/// A running shard router.
#[derive(Clone, Debug)]
pub struct Router {
    config: RouterConfig,
    /// The settings that the ground was made by.
    made_by: RouterConfig,
    ground: Option<Rc<Ground>>,
    /// Requests sent to each shard of the ground, in its order.
    sent: Vec<Meter>,
    /// Every shard there ever was: one that comes back has its rows.
    known: BTreeSet<NodeId>,
    /// Why it cannot place anything just now.
    refusal: Option<String>,
    /// Did shards, their names or weights, or the rule change since?
    stale: bool,
    /// The places of the owners of numbered keys that were asked for: the rule is the same while
    /// the ground is, and hashing a name anew for each request is most of what a router costs.
    homes: KeyMap<u16>,
    /// Keys whose row is not at their owner: the number of the node where it is.
    astray: KeyMap<u16>,
    /// Keys to move, in order, and how far it got.
    plan: Arc<[u32]>,
    next: usize,
    /// Keys whose move did not work, to be moved again.
    again: VecDeque<u32>,
    moves: BTreeMap<u32, Move>,
    /// Is a timer for the next move set?
    ticking: bool,
    /// Counts crashes: a timer set before one rings for nobody.
    life: u32,
    calls: BTreeMap<u32, Errand>,
    scans: BTreeMap<u32, Scan>,
    /// Requests that wait for the row of a key to arrive, by key.
    held: BTreeMap<u32, Vec<u32>>,
    last: Option<Key>,
    hot: Hot,
    change: Option<Change>,
    routed: Meter,
    moved: u64,
    failed_moves: u64,
    left_behind: u64,
    misroutes: u64,
    misses: u64,
    homeless: u64,
}

impl Router {
    /// A router. Its shards come with its links.
    pub fn new(config: RouterConfig) -> Router {
        Router {
            made_by: config.clone(),
            config,
            ground: None,
            sent: Vec::new(),
            known: BTreeSet::new(),
            refusal: None,
            stale: true,
            homes: KeyMap::default(),
            astray: KeyMap::default(),
            plan: Arc::default(),
            next: 0,
            again: VecDeque::new(),
            moves: BTreeMap::new(),
            ticking: false,
            life: 0,
            calls: BTreeMap::new(),
            scans: BTreeMap::new(),
            held: BTreeMap::new(),
            last: None,
            hot: Hot::default(),
            change: None,
            routed: Meter::default(),
            moved: 0,
            failed_moves: 0,
            left_behind: 0,
            misroutes: 0,
            misses: 0,
            homeless: 0,
        }
    }

    /// New settings. Another rule moves keys as another list of shards does.
    pub fn configure<S: Sink + ?Sized>(&mut self, config: RouterConfig, cx: &mut Context<'_, S>) {
        if config != self.config {
            self.config = config;
            self.await_the_last(cx);
            self.unsettle(cx);
        }
    }

    /// The settings in force.
    pub fn config(&self) -> &RouterConfig {
        &self.config
    }

    /// The shards, in the order of their links, as they were when it last looked.
    pub fn members(&self) -> &[Member] {
        self.ground.as_ref().map_or(&[], |ground| &ground.members)
    }

    /// Requests sent to each shard, in the same order.
    pub fn sent(&self) -> &[Meter] {
        &self.sent
    }

    /// What the placement looks like.
    pub fn shape(&self) -> Option<&Shape> {
        self.ground.as_ref().map(|ground| &ground.shape)
    }

    /// Where a key falls in the picture, from 0 to 1, where that can be said.
    pub fn mark(&self, key: &str) -> Option<f64> {
        self.ground.as_ref()?.mark(key)
    }

    /// The key of the last request.
    pub fn last(&self) -> Option<Key> {
        self.last
    }

    /// The hottest keys with the share of requests that was certainly theirs, hottest first: those
    /// with a twentieth at least.
    pub fn hot(&self) -> Vec<(Key, f64)> {
        self.hot.top(0.05)
    }

    /// Why it cannot place anything, if it cannot.
    pub fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    /// What the last change meant, if there was one.
    pub fn change(&self) -> Option<Change> {
        self.change
    }

    /// Keys accounted for whose row is not at their owner.
    pub fn astray(&self) -> usize {
        self.astray.len()
    }

    /// Requests sent to shards, by rate and in all.
    pub fn routed(&self) -> &Meter {
        &self.routed
    }

    /// Rows that were moved.
    pub fn moved(&self) -> u64 {
        self.moved
    }

    /// Attempts to move a row that failed, and were or will be made again.
    pub fn failed_moves(&self) -> u64 {
        self.failed_moves
    }

    /// Rows that were lost because their shard went before they were moved.
    pub fn left_behind(&self) -> u64 {
        self.left_behind
    }

    /// Requests sent to a shard that did not have the key's row yet.
    pub fn misroutes(&self) -> u64 {
        self.misroutes
    }

    /// Those of them that read, and found nothing.
    pub fn misses(&self) -> u64 {
        self.misses
    }

    /// Requests for keys that no shard owns.
    pub fn homeless(&self) -> u64 {
        self.homeless
    }

    /// Requests that wait here, and range queries that wait for their parts.
    pub fn in_hand(&self) -> (u32, u32) {
        (self.held.values().map(Vec::len).sum::<usize>() as u32, self.scans.len() as u32)
    }

    pub(super) fn start<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        self.stale = false;
        self.await_the_last(cx);
        self.unsettle(cx);
    }

    /// When the shard that was wired last becomes one of them.
    fn joins_at(&self) -> Time {
        Time::ZERO + Span::from_seconds_f64(self.config.joins_s)
    }

    /// Has a look at the shards when the last one joins.
    fn await_the_last<S: Sink + ?Sized>(&self, cx: &mut Context<'_, S>) {
        let (now, joins) = (cx.now(), self.joins_at());
        if now < joins {
            cx.wake_in(joins.since(now), SETTLE, 0);
        }
    }

    #[inline]
    pub(super) fn on_event<S: Sink + ?Sized>(&mut self, event: Event, cx: &mut Context<'_, S>) {
        if self.stale {
            self.settle(cx);
        }
        match event.what {
            What::Arrive => self.arrive(event.arg, cx),
            What::Reply => match self.calls.remove(&event.arg) {
                Some(Errand::Scan(slot)) => self.part_is_back(event.arg, slot, cx),
                Some(Errand::Move(key)) => self.move_is_back(event.arg, key, cx),
                None => self.back(event.arg, cx),
            },
            What::Timer(SETTLE) => self.settle(cx),
            What::Timer(MOVE) if event.arg == self.life => self.move_next(cx),
            What::Timer(_) | What::Planned => {}
        }
    }

    pub(super) fn on_signal<S: Sink + ?Sized>(&mut self, signal: Signal, cx: &mut Context<'_, S>) {
        match signal {
            Signal::LinkAdded(_) | Signal::LinkRemoved(_) => self.unsettle(cx),
            Signal::PeerChanged(link) => {
                let (name, weight) = (cx.peer(link).name.clone(), cx.peer(link).weight);
                let member = self.ground.as_ref().and_then(|ground| ground.behind(link));
                if member.is_none_or(|m| *m.name != *name || m.weight != weight) {
                    self.unsettle(cx);
                }
            }
            Signal::Crash => self.crash(cx),
            Signal::Restart => {
                // Timers that were set while it was down rang for nobody.
                self.stale = false;
                self.unsettle(cx);
            }
            Signal::SendOne(..)
            | Signal::RefuseWrites(_)
            | Signal::Slow(_)
            | Signal::Part(..)
            | Signal::Parcel
            | Signal::Flush
            | Signal::CheckClock(_)
            | Signal::StoodStill(_) => {}
        }
    }

    /// The shards are looked at anew before anything else happens: once for all changes of an
    /// instant.
    fn unsettle<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        if !self.stale {
            cx.wake_in(Span::ZERO, SETTLE, 0);
        }
        self.stale = true;
    }

    fn crash<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        self.calls.clear();
        self.interrupt_moves();
        let scans = std::mem::take(&mut self.scans).into_keys();
        let held = std::mem::take(&mut self.held).into_values().flatten();
        for slot in scans.chain(held) {
            cx.fail(slot, Reason::ConnectionLost);
        }
    }

    /// Takes the shards, the rule and the settings as they are now, and plans what must move.
    fn settle<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        self.stale = false;
        let members = self.list(cx);
        let before = self.ground.clone();
        let as_before = before.as_ref().is_some_and(|before| {
            let same = |(a, b): (&Member, &Member)| {
                a.link == b.link && a.name == b.name && a.weight == b.weight
            };
            before.members.len() == members.len()
                && before.members.iter().zip(&members).all(same)
                && self.refusal.is_none()
                && self.made_by.same_rule(&self.config)
                && self.made_by.keys == self.config.keys
        });
        if !as_before {
            let old = before.as_deref().filter(|_| self.made_by.same_rule(&self.config));
            match members.is_empty() {
                true => self.refusal = Some("no shard is wired to it".to_owned()),
                false => match Ground::new(members, old, &self.config) {
                    Ok(ground) => {
                        self.refusal = None;
                        self.made_by = self.config.clone();
                        self.replan(ground, before.as_deref(), cx);
                    }
                    Err(words) => self.refusal = Some(words),
                },
            }
        }
        self.keep_moving(cx);
    }

    /// The shards behind the links, in their order. Of two with the same name, the later one has
    /// its id beside it, because a placement needs different ones.
    fn list<S: Sink + ?Sized>(&self, cx: &Context<'_, S>) -> Vec<Member> {
        let mut list: Vec<Member> = Vec::new();
        for (link, _) in cx.outgoing() {
            let card = cx.peer(link);
            let taken = list.iter().any(|member| *member.name == *card.name);
            let name = match taken {
                true => format!("{} ({})", card.name, card.id).into(),
                false => card.name.clone(),
            };
            list.push(Member { link, node: cx.far_end(link), name, weight: card.weight, keys: 0 });
        }
        if cx.now() < self.joins_at() && list.len() > 1 {
            list.pop();
        }
        list
    }

    /// The place of the shard that owns a key.
    fn owner<S: Sink + ?Sized>(&mut self, key: Key, cx: &Context<'_, S>) -> Option<usize> {
        if let Some(known) = self.homes.get(key) {
            return Some(usize::from(known));
        }
        let mut name = String::new();
        cx.spell_key(key, &mut name);
        let owner = self.ground.as_ref()?.owner(&name, &mut Why::off())?;
        if key.number().is_some() {
            self.homes.insert(key, owner as u16);
        }
        Some(owner)
    }

    /// Which way a request for the key of this name goes.
    fn way(&self, key: Key, name: &str) -> Way {
        let owner = self.ground.as_ref().and_then(|ground| ground.owner(name, &mut Why::off()));
        self.way_to(key, owner)
    }

    /// Which way a request for a key goes that is owned by the shard in this place.
    fn way_to(&self, key: Key, owner: Option<usize>) -> Way {
        let Some(ground) = self.ground.as_ref().filter(|_| self.refusal.is_none()) else {
            return Way::Nowhere;
        };
        let owner = owner.and_then(|place| ground.members.get(place)).map(|member| member.link);
        let Some(owner) = owner else { return Way::Nowhere };
        let old = self.astray.get(key).and_then(|at| ground.member(NodeId(at)));
        match (old, key.number()) {
            (Some(old), Some(number)) if self.asks_old() => match self.moves.get(&number) {
                Some(on_its_way) if on_its_way.under_way => Way::Hold(number),
                Some(on_its_way) if on_its_way.carried.is_some() => Way::To(owner),
                _ => Way::To(old.link),
            },
            _ => Way::To(owner),
        }
    }

    fn asks_old(&self) -> bool {
        (self.config.migration, self.config.meanwhile) == (Migration::Move, Meanwhile::Old)
    }

    #[inline]
    fn arrive<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        let Some(request) = cx.request(slot) else { return };
        let (op, key) = (request.op, request.key);
        self.last = Some(key);
        self.hot.note(key);
        match op {
            Op::Scan => self.scatter(slot, cx),
            _ => self.send(slot, cx),
        }
    }

    /// Sends a request for one key to where it belongs.
    fn send<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        let Some(key) = cx.request(slot).map(|request| request.key) else { return };
        let owner = self.owner(key, cx);
        let way = self.way_to(key, owner);
        let mut why = cx.why(slot);
        if why.wanted() {
            let mut name = String::new();
            cx.spell_key(key, &mut name);
            self.explain(&way, key, &name, &mut why, cx);
        }
        cx.decided(slot, why);
        match way {
            Way::To(link) => {
                let elsewhere = self.astray.get(key).is_some_and(|at| at != cx.far_end(link).0);
                self.misroutes += u64::from(elsewhere);
                self.count_sent(link, cx);
                cx.forward(slot, link);
            }
            Way::Hold(number) => {
                self.held.entry(number).or_default().push(slot);
                cx.wait(slot);
            }
            Way::Nowhere => {
                self.homeless += 1;
                cx.fail(slot, Reason::BadRequest);
            }
        }
    }

    fn count_sent<S: Sink + ?Sized>(&mut self, link: LinkId, cx: &Context<'_, S>) {
        self.routed.mark(cx.now());
        let place = self.members().iter().position(|member| member.link == link);
        if let Some(meter) = place.and_then(|place| self.sent.get_mut(place)) {
            meter.mark(cx.now());
        }
    }

    /// An answer on its way back to the client.
    fn back<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        if let Some(&request) = cx.request(slot)
            && request.outcome == Outcome::Done
            && let Some(at) = self.astray.get(request.key)
            && let Place::Returning(link) = request.place
            && cx.far_end(link).0 != at
        {
            if request.op == Op::Read && request.found == Found::Nothing {
                self.misses += 1;
            }
            // What is written anew is at its owner, unless a move will still bring the old row.
            if request.op.changes() && self.config.migration == Migration::None {
                self.astray.remove(request.key);
            }
        }
        cx.pass_back(slot);
    }
}
