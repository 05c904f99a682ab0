//! MongoDB, hashed sharding: the numbers a key can hash to are cut into chunks, which shards own.
//!
//! A key's place is a signed number of 64 bits (`hash::mongodb`; here every key is a text). When an
//! empty collection is sharded, the numbers are cut evenly into two chunks per shard, and shards
//! get neighbouring ones. Each chunk includes its lower end and not its upper. Chunks move as
//! wholes: when members change, those of a lost shard go to whoever has fewest, and then one after
//! another moves from the fullest to the emptiest shard while they differ by two or more. So two
//! chunks per shard never get quite even again; more chunks do. (Before 6.0 the balancer counted
//! chunks like this, with a threshold; since then it compares their sizes.)
//!
//! There is no second owner. In MongoDB a shard is a replica set, and one of its own takes over;
//! the preference names the shards that follow in the list.
//!
//! Source: MongoDB `initial_split_policy.cpp` (4.4 to 6.0) and the manual on hashed sharding.

use std::sync::Arc;

use super::members::{admit, at_most, even_out, in_turn, places, shown};
use super::{Entry, Knob, Knobs, Picture, Placement, Refusal, Second, Shard};
use crate::policy::hash::mongodb::{Value, mongodb_hash};
use crate::sim::{Line, Why};

const CHUNKS_MAX: usize = 1_000_000;

const CHUNKS: Knob = Knob {
    key: "chunks",
    wire: 0,
    label: "Chunks per shard",
    unit: "",
    help: "How many chunks each shard starts with.",
    min: 1.0,
    max: 8_192.0,
    default: 2.0,
    whole: true,
};

#[derive(Clone, Debug)]
struct Chunks {
    shards: Arc<[Shard]>,
    /// The lowest number of each chunk but the first, ascending.
    splits: Arc<[i64]>,
    /// The shard of each chunk: one more than there are splits.
    owners: Arc<[u32]>,
}

/// Where `chunks` even chunks are cut.
fn splits(chunks: usize) -> Vec<i64> {
    let width = (i64::MAX / chunks.max(1) as i64).saturating_mul(2);
    let mut splits = Vec::with_capacity(chunks);
    let mut at = 0i64;
    if chunks.is_multiple_of(2) {
        splits.push(at);
        at = at.saturating_add(width);
    } else {
        at = at.saturating_add(width / 2);
    }
    for _ in 0..chunks.saturating_sub(1) / 2 {
        splits.extend([at, -at]);
        at = at.saturating_add(width);
    }
    splits.sort_unstable();
    splits
}

impl Chunks {
    fn new(per_shard: usize, shards: &[Shard]) -> Result<Chunks, Refusal> {
        let shards = admit(shards)?;
        let per_shard = per_shard.max(1);
        let count = per_shard.saturating_mul(shards.len());
        at_most(CHUNKS_MAX, "chunks", count)?;
        let owners = (0..count).map(|chunk| (chunk / per_shard) as u32).collect();
        Ok(Chunks { shards, splits: splits(count).into(), owners })
    }

    fn chunk(&self, place: i64) -> usize {
        self.splits.partition_point(|&split| split <= place)
    }
}

/// A signed number with a true minus sign.
fn signed(number: i64) -> String {
    number.to_string().replace('-', "\u{2212}")
}

impl Placement for Chunks {
    fn owner(&self, key: &[u8], why: &mut Why) -> Option<usize> {
        let place = mongodb_hash(Value::Text(key), 0);
        let chunk = self.chunk(place);
        let owner = self.owners[chunk] as usize;
        if why.wanted() {
            let edge = |at: Option<&i64>, none: &str| at.map_or(none.to_owned(), |&at| signed(at));
            let from = edge(chunk.checked_sub(1).and_then(|at| self.splits.get(at)), "the lowest");
            let to = edge(self.splits.get(chunk), "the highest");
            let name = &self.shards[owner].name;
            why.line(|| Line {
                subject: name.to_string(),
                numbers: format!("chunk {}: {from} to {to}", chunk + 1),
                chosen: true,
            });
            why.say(|| {
                let (key, place, n) = (shown(key), signed(place), self.owners.len());
                format!("{key} hashes to {place}: chunk {} of {n}, which {name} has.", chunk + 1)
            });
        }
        Some(owner)
    }

    fn preference(&self, key: &[u8], count: usize, out: &mut Vec<usize>) {
        let chunk = self.chunk(mongodb_hash(Value::Text(key), 0));
        in_turn(self.owners[chunk] as usize, self.shards.len(), count, out);
    }

    fn second(&self) -> Second {
        Second::Neighbour(
            "After the owner come the shards that follow in the list. In MongoDB a member of the \
             owner's own replica set takes over; when a shard leaves the list, its chunks go to \
             whoever has fewest.",
        )
    }

    fn with(&self, shards: &[Shard]) -> Result<Box<dyn Placement>, Refusal> {
        let shards = admit(shards)?;
        let now = places(&self.shards, &shards);
        let now = |&old: &u32| now[old as usize].map(|place| place as u32);
        let owners: Vec<Option<u32>> = self.owners.iter().map(now).collect();
        let owners = even_out(&owners, shards.len()).into();
        Ok(Box::new(Chunks { shards, splits: self.splits.clone(), owners }))
    }

    /// Each chunk ends at a point that belongs to its owner.
    fn picture(&self) -> Picture {
        let last = |&split: &i64| (split.wrapping_sub(1) as u64) ^ (1 << 63);
        let ends = self.splits.iter().map(last).chain([u64::MAX]);
        let points = ends.zip(self.owners.iter().copied()).collect();
        Picture::Ring { size: 1 << 64, points }
    }

    fn check(&self) -> Result<(), String> {
        let fits = self.owners.iter().all(|&shard| (shard as usize) < self.shards.len());
        match fits && self.splits.is_sorted() && self.owners.len() == self.splits.len() + 1 {
            true => Ok(()),
            false => Err("the chunks do not fit together".to_owned()),
        }
    }
}

pub(super) const ENTRY: Entry = Entry {
    key: "mongodb_hashed",
    wire: 16,
    name: "MongoDB hashed chunks",
    whose: "MongoDB 4.4 to 6.0, hashed shard key, texts as keys",
    rule: "The key's hash falls into one of n even chunks; a table says which shard has the chunk. \
           Weights are ignored.",
    cost: "O(log chunks) time; 12 bytes of memory per chunk",
    when: "Keys grow monotonically: hashed, they still spread over all shards.",
    when_not: "Queries for ranges of keys: each asks every shard.",
    source: "MongoDB initial_split_policy.cpp, hasher.cpp",
    knobs: &[CHUNKS],
    make: |knobs: &Knobs, shards| Ok(Box::new(Chunks::new(knobs.count(&CHUNKS), shards)?)),
};

#[cfg(test)]
mod tests {
    use super::super::tests::named;
    use super::*;

    /// The numbers in MongoDB's own test of four chunks.
    #[test]
    fn chunks_are_cut_as_mongodb_cuts_them() {
        assert_eq!(splits(4), [-4_611_686_018_427_387_902, 0, 4_611_686_018_427_387_902]);
        assert!(splits(1).is_empty());
        assert_eq!(splits(3).len(), 2);
    }

    #[test]
    fn more_chunks_are_more_even_after_a_change() {
        let fullest = |per_shard: f64| {
            let mut knobs = Knobs::default();
            knobs.set(&[CHUNKS], "chunks", per_shard).expect("in range");
            let place = (ENTRY.make)(&knobs, &named(4)).expect("four");
            let Picture::Ring { points, .. } = place.with(&named(5)).expect("five").picture()
            else {
                panic!("a ring")
            };
            let count = |shard| points.iter().filter(|point| point.1 == shard).count();
            let most = (0..5).map(count).max().unwrap_or(0);
            most as f64 / points.len() as f64
        };
        assert_eq!(fullest(2.0), 0.25);
        assert_eq!(fullest(10.0), 0.2);
    }
}
