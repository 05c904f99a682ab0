//! Which shard owns this key?
//!
//! Every placement answers with a preference list: the owner first, then other shards, nobody
//! twice. Failover and replicas take those. Who comes second differs: for some placements it is the
//! shard that owns the key once the first has left the list, for others a neighbour in a table or
//! on a ring that is made anew when the list changes. Each says which ([`Placement::second`]).
//!
//! Looking up changes nothing. A change of members makes a new placement out of the old one
//! ([`Placement::with`]): most are a function of the list alone, but those that keep a table
//! (anchor, slots, chunks, ranges, directory) depend on what came before.
//!
//! To add one: a file with its type and its `ENTRY`, and a line in [`CATALOGUE`]; the tests in
//! `tests.rs` then hold it to what every placement promises.

pub mod anchor;
mod cassandra;
pub mod course;
pub mod directory;
pub mod hash_ring;
pub mod jump;
pub mod kafka_assignors;
pub mod kafka_murmur2;
pub mod kafka_sticky;
pub mod ketama;
mod maglev;
pub mod maglev_table;
mod mcrouter;
mod md5_modulo;
mod members;
mod modulo;
mod mongodb;
pub mod moved;
mod multi_probe;
mod nginx_ketama;
pub mod range;
pub mod redis_slots;
pub mod rendezvous;
pub mod rendezvous_score;
mod ring;
mod twemproxy;
mod vitess;

use std::sync::Arc;

pub use moved::{Moved, Placed, moved};

use super::{Knob, Knobs, Refusal};
use crate::sim::Why;

/// A place where keys can live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Its name or address: what the placements that hash shards hash.
    pub name: Arc<str>,
    /// Its share compared with the others. Placements without weights ignore it, and say so.
    pub weight: i64,
}

impl Shard {
    /// A shard called `name`.
    pub fn new(name: &str, weight: i64) -> Shard {
        Shard { name: name.into(), weight }
    }
}

/// A way to place keys.
pub trait Placement: dyn_clone::DynClone + std::fmt::Debug {
    /// The place, in the list of shards, of the one that owns `key`. `None` when the key has no
    /// owner, for example in a directory that does not list it. Writes the numbers into `why`.
    fn owner(&self, key: &[u8], why: &mut Why) -> Option<usize>;

    /// Puts the places of the first `count` distinct shards for `key` into `out`: the owner first,
    /// then what [`Placement::second`] says. Fewer when there are fewer, none when the key has no
    /// owner. A shard that can own nothing, for its weight, is not among them.
    fn preference(&self, key: &[u8], count: usize, out: &mut Vec<usize>);

    /// What the shards after the owner in a preference list are.
    fn second(&self) -> Second;

    /// Do the weights of shards count?
    fn weighted(&self) -> bool {
        false
    }

    /// The placement after a change of members: shards are the same when they have the same name.
    ///
    /// # Errors
    /// When it cannot work with this list; the old one then still stands.
    fn with(&self, shards: &[Shard]) -> Result<Box<dyn Placement>, Refusal>;

    /// What it looks like, for pictures.
    fn picture(&self) -> Picture;

    /// Where `key` falls in the picture: a position on the ring, or a cell of the table. `None`
    /// when there is no such place, or the picture does not show it.
    fn position(&self, _key: &[u8]) -> Option<u64> {
        None
    }

    /// Is what it keeps consistent? For tests.
    ///
    /// # Errors
    /// Says what is not.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

dyn_clone::clone_trait_object!(Placement);

/// What the second shard of a preference list is, and the third to the second, and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Second {
    /// The heir: it owns the key once the first is taken off the list ([`Placement::with`]).
    Heir,
    /// A neighbour in what the placement keeps, as it stands. Once the first is taken off the list
    /// another may own the key. Says whose look this is, and what happens instead.
    Neighbour(&'static str),
}

impl Second {
    /// In words: a whole sentence.
    pub fn words(self) -> &'static str {
        match self {
            Second::Heir => "Each one owns the key once those before it have left the list.",
            Second::Neighbour(words) => words,
        }
    }
}

/// What a placement looks like.
#[derive(Clone, Debug, PartialEq)]
pub enum Picture {
    /// Points on a ring of `size` positions (2^32 or 2^64), ascending: position and shard.
    Ring {
        /// How many positions.
        size: u128,
        /// The points.
        points: Vec<(u64, u32)>,
    },
    /// A number below `cells.len()` selects a cell; each has an owner.
    Table(Vec<u32>),
    /// Ascending ranges of keys: the first key of each (empty for the first) and its shard.
    Ranges(Vec<(Vec<u8>, u32)>),
    /// Every shard is asked for its score; nothing is kept.
    Scores,
}

/// A placement as people meet it.
pub type Entry = super::Entry<fn(&Knobs, &[Shard]) -> Result<Box<dyn Placement>, Refusal>>;

/// Every placement there is.
pub const CATALOGUE: &[&Entry] = &[
    &md5_modulo::ENTRY_FIRST_BYTE,
    &md5_modulo::ENTRY_WHOLE,
    &ketama::ENTRY,
    &nginx_ketama::ENTRY,
    &twemproxy::ENTRY_KETAMA,
    &twemproxy::ENTRY_MODULA,
    &jump::ENTRY,
    &rendezvous::ENTRY,
    &mcrouter::ENTRY,
    &mcrouter::ENTRY_WEIGHTED,
    &maglev::ENTRY,
    &multi_probe::ENTRY,
    &anchor::ENTRY,
    &redis_slots::ENTRY,
    &kafka_murmur2::ENTRY,
    &cassandra::ENTRY,
    &mongodb::ENTRY,
    &vitess::ENTRY,
    &range::ENTRY,
    &directory::ENTRY,
];

/// The placement with this name.
pub fn find(key: &str) -> Option<&'static Entry> {
    super::find(CATALOGUE, key)
}

#[cfg(test)]
mod tests;
