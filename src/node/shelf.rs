//! What a cache, or a member of a cache cluster, holds: entries, their ends, the policy that says
//! who leaves, and what became of those who left.

use crate::policy::evict::expiry::Expiry;
use crate::policy::evict::{Access, Eviction};
use crate::sim::{Context, Found, Key, KeyMap, Rng, Sink, Span, Stamp, Time, Why};

/// So many entries have a place in the picture.
pub const SHOWN: usize = 24;
/// So many departures are remembered, to say why a key is missing.
const DEPARTURES_MAX: usize = 65_536;

/// An entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Which version.
    pub stamp: Stamp,
    /// A value, or that there is none.
    pub found: Found,
    /// When it came in.
    pub since: Time,
    /// The last instant at which it is good.
    pub ends: Time,
}

/// Why a key is not there any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It had to make room for this key.
    EvictedFor(Key),
    /// The policy did not let it in.
    NotAdmitted,
    /// Its time was over at this instant.
    Expired(Time),
    /// Somebody had it forgotten: it was written past the cache, or deleted.
    Forgotten,
    /// The cache crashed.
    Crash,
}

/// A departure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// When.
    pub at: Time,
    /// Why.
    pub cause: Cause,
}

impl Gone {
    /// How a key left, and how long ago.
    pub(super) fn words<S: Sink + ?Sized>(self, cx: &Context<'_, S>) -> String {
        let ago = cx.now().since(self.at);
        match self.cause {
            Cause::EvictedFor(by) => {
                let mut word = String::new();
                cx.spell_key(by, &mut word);
                format!("evicted for {word} {ago} ago")
            }
            Cause::NotAdmitted => format!("not let in {ago} ago"),
            Cause::Expired(end) => format!("expired {} ago", cx.now().since(end)),
            Cause::Forgotten => format!("forgotten on demand {ago} ago"),
            Cause::Crash => format!("lost in a crash {ago} ago"),
        }
    }
}

/// What came of putting an entry in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// It is in; these keys left for it: one at most, but for policies in which a hit evicts.
    In(Vec<Key>),
    /// The policy did not let it in.
    NotAdmitted,
}

/// Entries in the order of a policy.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    policy: Box<dyn Eviction>,
    entries: KeyMap<Entry>,
    /// When entries are taken out; later than their end while they may be served stale.
    expiry: Expiry,
    gone: KeyMap<Option<Gone>>,
    /// Were departures forgotten, so that "never here" cannot be said?
    forgetful: bool,
    /// Who has which place in the picture. A newcomer takes the place of whoever left.
    shown: [Option<Key>; SHOWN],
    rng: Rng,
}

impl Shelf {
    pub(super) fn new(policy: Box<dyn Eviction>, rng: Rng) -> Shelf {
        Shelf {
            policy,
            entries: KeyMap::default(),
            expiry: Expiry::default(),
            gone: KeyMap::default(),
            forgetful: false,
            shown: [None; SHOWN],
            rng,
        }
    }

    /// The entry of a key, over or not. Counts as no access.
    pub(super) fn look(&self, key: Key) -> Option<Entry> {
        self.entries.get(key)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, Entry)> + '_ {
        self.entries.iter()
    }

    pub(super) fn shown(&self) -> &[Option<Key>; SHOWN] {
        &self.shown
    }

    /// How a key that is not there left, if it ever was; `Err` when that is not known any more.
    pub(super) fn departure(&self, key: Key) -> Result<Option<Gone>, ()> {
        match self.gone.get(key).flatten() {
            Some(gone) => Ok(Some(gone)),
            None if self.forgetful => Err(()),
            None => Ok(None),
        }
    }

    /// A key that is there was asked for. Who left for that: hardly ever anybody.
    pub(super) fn touch(&mut self, key: Key, now: Time) -> Vec<Key> {
        self.policy.tick(now, &mut self.rng);
        let access = self.policy.access(u64::from(key.0), &mut self.rng, &mut Why::off());
        self.leave(&access, key, now)
    }

    /// Lets those go that the policy evicted for `by`.
    fn leave(&mut self, access: &Access, by: Key, now: Time) -> Vec<Key> {
        let out: Vec<Key> = access.evicted().iter().map(|&name| Key(name as u32)).collect();
        for &key in &out {
            self.drop_entry(key, now, Cause::EvictedFor(by));
        }
        out
    }

    /// Puts an entry in, which is taken out `spare` after its end. Says who left.
    pub(super) fn put(&mut self, key: Key, entry: Entry, spare: Span, why: &mut Why) -> Put {
        let name = u64::from(key.0);
        self.policy.tick(entry.since, &mut self.rng);
        let access = self.policy.access(name, &mut self.rng, why);
        if access.evicted() == [name] {
            self.note(key, entry.since, Cause::NotAdmitted);
            return Put::NotAdmitted;
        }
        let out = self.leave(&access, key, entry.since);
        let leaves = (entry.ends < Time::MAX).then(|| entry.ends + spare);
        self.expiry.set(name, leaves);
        self.policy.set_deadline(name, leaves);
        let new = self.entries.insert(key, entry).is_none();
        if new && let Some(place) = self.shown.iter_mut().find(|place| place.is_none()) {
            *place = Some(key);
        }
        Put::In(out)
    }

    /// A flushed entry has its final version.
    pub(super) fn restamp(&mut self, key: Key, from: Stamp, to: Stamp) {
        if let Some(entry) = self.entries.get(key)
            && entry.stamp == from
        {
            self.entries.insert(key, Entry { stamp: to, ..entry });
        }
    }

    /// Takes a key out. Was it there?
    pub(super) fn remove(&mut self, key: Key, now: Time, cause: Cause) -> bool {
        self.policy.remove(u64::from(key.0));
        self.drop_entry(key, now, cause)
    }

    /// Takes out what was found to be over, ten times a second as Redis does. How many that were.
    pub(super) fn advance(&mut self, now: Time) -> u64 {
        if self.expiry.is_empty() {
            return 0;
        }
        let mut over = Vec::new();
        self.expiry.advance(now, &mut |name| over.push(Key(name as u32)));
        for &key in &over {
            let ended = self.entries.get(key).map_or(now, |entry| entry.ends);
            self.remove(key, now, Cause::Expired(ended));
        }
        over.len() as u64
    }

    /// Everything is lost.
    pub(super) fn clear(&mut self, policy: Box<dyn Eviction>, now: Time) {
        let held: Vec<Key> = self.entries.iter().map(|(key, _)| key).collect();
        for key in held {
            self.drop_entry(key, now, Cause::Crash);
        }
        self.policy = policy;
    }

    /// Another policy, or another capacity: entries come in again, the safest last. Who found no
    /// room, oldest first.
    pub(super) fn rebuild(&mut self, policy: Box<dyn Eviction>, now: Time) -> Vec<Key> {
        let held = self.policy.held();
        self.policy = policy;
        self.policy.tick(now, &mut self.rng);
        let mut out = Vec::new();
        for one in held {
            let access = self.policy.access(one.key, &mut self.rng, &mut Why::off());
            out.extend(self.leave(&access, Key(one.key as u32), now));
            if self.policy.contains(one.key) {
                self.policy.set_deadline(one.key, self.expiry.deadline(one.key));
            }
        }
        out
    }

    fn drop_entry(&mut self, key: Key, now: Time, cause: Cause) -> bool {
        self.expiry.forget(u64::from(key.0));
        if self.entries.remove(key).is_none() {
            return false;
        }
        if let Some(place) = self.shown.iter_mut().find(|place| **place == Some(key)) {
            *place = None;
        }
        self.note(key, now, cause);
        true
    }

    fn note(&mut self, key: Key, at: Time, cause: Cause) {
        if self.gone.len() >= DEPARTURES_MAX {
            self.gone = KeyMap::default();
            self.forgetful = true;
        }
        self.gone.insert(key, Some(Gone { at, cause }));
    }

    /// A factor from 1 - `jitter` to 1 + `jitter`, uniform.
    pub(super) fn jitter(&mut self, jitter: f64) -> f64 {
        if jitter <= 0.0 { 1.0 } else { 1.0 + jitter * (2.0 * self.rng.unit() - 1.0) }
    }
}
