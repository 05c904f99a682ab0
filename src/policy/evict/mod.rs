//! Which entry leaves the cache?
//!
//! A policy owns its index of keys and the order of entries; values and sizes belong to whoever
//! uses it. Keys are numbers: callers with texts intern or hash them first. Time to live is a
//! companion of any policy ([`expiry`]).
//!
//! To add a policy: one file with a type, its `Eviction` and its `ENTRY`, and one line in
//! [`CATALOGUE`]. What they share: entries and index (`index`), lists (`list`), random draws
//! (`crowd`, `dict`).

mod arc;
#[cfg(test)]
mod blackboard;
mod clock;
mod crowd;
mod dict;
pub mod expiry;
mod fifo;
mod heap;
mod index;
mod lfu;
mod lirs;
mod list;
mod lru;
mod lru_2;
mod random;
mod redis;
mod redis_clock;
mod s3_fifo;
mod sieve;
mod sketch;
mod slru;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tiny_lfu;
mod two_q;

pub use arc::Arc;
pub use clock::Clock;
pub use fifo::Fifo;
pub use lfu::Lfu;
pub use lirs::Lirs;
pub use lru::Lru;
pub use lru_2::Lru2;
pub use random::Random;
pub use redis::Sampled;
pub use s3_fifo::S3Fifo;
pub use sieve::Sieve;
pub use slru::Slru;
pub use tiny_lfu::TinyLfu;
pub use two_q::TwoQ;

use super::{Knobs, Refusal};
use crate::sim::{Line, Rng, Time, Why};

/// What happened when a key was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It was there. Hardly ever somebody leaves for that: in SLRU a hit may push entries out of
    /// the lowest segment.
    Hit {
        /// Who left.
        evicted: Evicted,
    },
    /// It was not; now it is, and `evicted` (if any) left for it. A policy that admits (W-TinyLFU)
    /// may evict the new key itself, and one that finds nobody it may evict refuses it so.
    Miss {
        /// Who left.
        evicted: Option<u64>,
    },
}

impl Access {
    /// A hit for which nobody left.
    const HIT: Access = Access::Hit { evicted: Evicted::NONE };

    /// Was it there?
    #[inline]
    pub fn is_hit(&self) -> bool {
        matches!(self, Access::Hit { .. })
    }

    /// The keys that left for it, whichever it was.
    #[inline]
    pub fn evicted(&self) -> &[u64] {
        match self {
            Access::Hit { evicted } => evicted.keys(),
            Access::Miss { evicted } => evicted.as_slice(),
        }
    }
}

/// The most keys that leave for one hit.
const EVICTED_MAX: usize = slru::SEGMENTS_MAX - 1;

/// The few keys that left for a hit, in the order in which they did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evicted {
    keys: [u64; EVICTED_MAX],
    len: u8,
}

impl Evicted {
    /// Nobody.
    pub const NONE: Evicted = Evicted { keys: [0; EVICTED_MAX], len: 0 };

    /// The keys.
    #[inline]
    pub fn keys(&self) -> &[u64] {
        &self.keys[..usize::from(self.len)]
    }

    /// One more. There must be fewer than `EVICTED_MAX`.
    fn push(&mut self, key: u64) {
        self.keys[usize::from(self.len)] = key;
        self.len += 1;
    }
}

/// An entry as a picture shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The key.
    pub key: u64,
    /// The list or segment it is in: `small`, `T1`.
    pub queue: &'static str,
    /// Its mark there: visited bit, count, recency; what it means, the policy's file says.
    pub mark: u64,
}

/// A way to choose victims. Holds at most its capacity, always.
pub trait Eviction: dyn_clone::DynClone + std::fmt::Debug {
    /// The key is asked for: a hit when it is there; otherwise it comes in, and somebody may leave.
    /// `why` gets the reason of an eviction: the queue the victim came from and its marks. A line's
    /// subject is the key in decimal; sentences name no keys.
    fn access(&mut self, key: u64, rng: &mut Rng, why: &mut Why) -> Access;

    /// Is it there? Counts as no access.
    fn contains(&self, key: u64) -> bool;

    /// Takes it out (deleted, expired). Was it there?
    fn remove(&mut self, key: u64) -> bool;

    /// It is `now`. Only policies with a clock (Redis's) look at it; the rest count requests. Time
    /// that goes back is ignored.
    fn tick(&mut self, _now: Time, _rng: &mut Rng) {}

    /// An entry that is there got a time to live that ends at `at`, or lost it. Only policies that
    /// choose by it look at it; nobody leaves because of it ([`expiry`] does that).
    fn set_deadline(&mut self, _key: u64, _at: Option<Time>) {}

    /// How many entries are held.
    fn len(&self) -> usize;

    /// How many keys are remembered that are not held (ghosts). At most a multiple of the capacity,
    /// which `cost` in the catalogue says, however many different keys are asked for.
    fn ghosts(&self) -> usize {
        0
    }

    /// Is nothing held?
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Everything held, from the next victim to the safest as far as that is known, ghosts not
    /// included. For pictures, and for tests that read like an explanation.
    fn held(&self) -> Vec<Held>;

    /// Are its lists consistent with each other and with its capacity? For tests.
    ///
    /// # Errors
    /// Says what is not.
    fn check(&self) -> Result<(), String>;
}

dyn_clone::clone_trait_object!(Eviction);

/// A policy as people meet it; it is made for a capacity in entries, at least 1.
pub type Entry = super::Entry<fn(&Knobs, usize) -> Result<Box<dyn Eviction>, Refusal>>;

/// Every policy there is.
pub const CATALOGUE: &[&Entry] = &[
    &fifo::ENTRY,
    &lru::ENTRY,
    &lfu::ENTRY,
    &clock::ENTRY,
    &random::ENTRY,
    &slru::ENTRY,
    &two_q::ENTRY,
    &arc::ENTRY,
    &lirs::ENTRY,
    &lru_2::ENTRY,
    &sieve::ENTRY,
    &s3_fifo::ENTRY,
    &tiny_lfu::ENTRY,
    &redis::LRU,
    &redis::LFU,
    &redis::TTL,
];

/// The policy with this name.
pub fn find(key: &str) -> Option<&'static Entry> {
    super::find(CATALOGUE, key)
}

/// Is `held` at most `capacity`? For checks.
fn within(held: usize, capacity: usize) -> Result<(), String> {
    match held <= capacity {
        true => Ok(()),
        false => Err(format!("{held} entries where {capacity} fit")),
    }
}

/// How many entries that were looked at and spared get a line of their own.
const SPARED_LINES: usize = 8;

/// A search for a victim that may pass by many entries, and by the same one several times.
#[derive(Default)]
struct Sweep {
    /// Looks after which an entry stayed.
    spared: usize,
}

impl Sweep {
    /// This one was looked at and stays.
    #[inline]
    fn spared(&mut self, why: &mut Why, key: u64, numbers: impl FnOnce() -> String) {
        self.spared += 1;
        if self.spared <= SPARED_LINES {
            why.line(|| Line { subject: key.to_string(), numbers: numbers(), chosen: false });
        }
    }

    /// This one leaves.
    #[inline]
    fn victim(&self, why: &mut Why, key: u64, numbers: impl FnOnce() -> String) {
        why.line(|| Line { subject: key.to_string(), numbers: numbers(), chosen: true });
    }

    /// Why the victim of a hand that goes round all `held` entries: what happened to the one entry
    /// or the many that were spared, and that the victim was the first to fare otherwise.
    fn sentence(&self, held: usize, one: &str, many: &str) -> String {
        match self.spared {
            0 => "It was the first one looked at, and had nothing to save it.".to_owned(),
            looks if looks >= held => {
                let all = match held {
                    1 => "The only entry".to_owned(),
                    _ => format!("All {held} entries"),
                };
                let s = if looks == 1 { "" } else { "s" };
                format!(
                    "{all} had been hit; after {looks} look{s} the hand came round to it again."
                )
            }
            1 => format!("1 entry {one}; it was the first without."),
            n => format!("{n} entries {many}; it was the first without."),
        }
    }
}
