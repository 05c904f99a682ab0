//! Ranges: neighbouring keys live together, as in Bigtable, HBase, CockroachDB and TiKV.
//!
//! Keys are ordered by their bytes and cut into ranges; each range includes its first key and ends
//! before the first key of the next. A query for a range of keys asks few shards, and a shard that
//! has become too big or too busy is *split* at the median of its keys, the upper half going
//! elsewhere. Keys that grow (times, counters) all fall into the last range, which stays hot
//! however many shards there are.
//!
//! Made from a list of n shards alone, the space of all keys is cut evenly by its first bytes. With
//! keys that all begin alike that is one range for all of them, until it is split. When members
//! change, ranges move as wholes: those of a lost shard go one by one to whoever has fewest, and a
//! new shard gets ranges only while another has two or more than it; otherwise it waits for a
//! split. If an owner is gone before that, the shards of the ranges that follow are asked, then the
//! rest.
//!
//! Source: Chang and others, Bigtable, 2006, section 5.1; CockroachDB and HBase on range splits.

use std::sync::Arc;

use super::members::{admit, at_most, shown};
use super::{Entry, Picture, Placement, Refusal, Shard};
use crate::sim::{Line, Why};

/// The most ranges there can be.
const RANGES_MAX: usize = 1_000_000;

/// Keys by range.
#[derive(Clone, Debug)]
pub struct Ranges {
    shards: Arc<[Shard]>,
    /// The first key of each range, ascending, the first of them empty; and its shard.
    ranges: Arc<[(Vec<u8>, u32)]>,
}

impl Ranges {
    /// Ranges with these first keys and the places of their shards.
    ///
    /// # Errors
    /// When the list of shards cannot be used, the first range does not begin with the empty key,
    /// the keys do not ascend, or a range has no shard.
    pub fn new(ranges: &[(&[u8], usize)], shards: &[Shard]) -> Result<Ranges, Refusal> {
        let shards = admit(shards)?;
        at_most(RANGES_MAX, "ranges", ranges.len())?;
        let refuse = |words: &str| Err(Refusal::Settings(words.to_owned()));
        if ranges.first().is_none_or(|(first, _)| !first.is_empty()) {
            return refuse("the first range must begin with the empty key");
        }
        if !ranges.is_sorted_by(|a, b| a.0 < b.0) {
            return refuse("the first keys of the ranges must ascend");
        }
        if ranges.iter().any(|&(_, shard)| shard >= shards.len()) {
            return refuse("a range has no shard");
        }
        let ranges = ranges.iter().map(|&(first, shard)| (first.to_vec(), shard as u32));
        Ok(Ranges { shards, ranges: ranges.collect() })
    }

    /// One range per shard, cut evenly by the first bytes of keys.
    fn even(shards: &[Shard]) -> Result<Ranges, Refusal> {
        let shards = admit(shards)?;
        let n = shards.len() as u128;
        let first = |place: u128| {
            let start = ((place << 64).div_ceil(n) as u64).to_be_bytes();
            let length = start.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            (start[..length].to_vec(), place as u32)
        };
        Ok(Ranges { ranges: (0..n).map(first).collect(), shards })
    }

    /// Which range `key` falls into.
    pub fn range_of(&self, key: &[u8]) -> usize {
        // The first range begins with the empty key, so there is always one at or before.
        self.ranges.partition_point(|(first, _)| &**first <= key).saturating_sub(1)
    }

    /// How many ranges there are.
    pub fn count(&self) -> usize {
        self.ranges.len()
    }

    /// Cuts the range that `at` falls into: `at` and the keys after it go to the shard `to`.
    ///
    /// # Errors
    /// When `at` is already the first key of a range, there is no shard `to`, or there are too
    /// many.
    pub fn split(&self, at: &[u8], to: usize) -> Result<Ranges, Refusal> {
        let range = self.range_of(at);
        at_most(RANGES_MAX, "ranges", self.ranges.len() + 1)?;
        if self.ranges[range].0 == at {
            let words = format!("a range begins with {} already", shown(at));
            return Err(Refusal::Settings(words));
        }
        if to >= self.shards.len() {
            return Err(Refusal::Settings(format!("there is no shard {to}")));
        }
        let mut ranges = self.ranges.to_vec();
        ranges.insert(range + 1, (at.to_vec(), to as u32));
        Ok(Ranges { shards: self.shards.clone(), ranges: ranges.into() })
    }

    /// The key at which to split a range that holds `keys`, in any order: the median, the later of
    /// two in the middle. `None` when there are fewer than two, or all are equal up to it, so that
    /// nothing would stay.
    pub fn median<'a>(keys: &mut [&'a [u8]]) -> Option<&'a [u8]> {
        let middle = keys.len() / 2;
        if keys.len() < 2 {
            return None;
        }
        let (before, median, _) = keys.select_nth_unstable(middle);
        before.iter().any(|key| key < median).then_some(*median)
    }

    /// The owners of the ranges after a change of members; `None` has lost its shard.
    fn reassign(owners: &[Option<u32>], n: usize) -> Vec<u32> {
        let mut counts = vec![0usize; n];
        owners.iter().flatten().for_each(|&shard| counts[shard as usize] += 1);
        let emptiest = |counts: &[usize]| (0..n).min_by_key(|&shard| counts[shard]).unwrap_or(0);
        let mut now = Vec::with_capacity(owners.len());
        for owner in owners {
            let shard = owner.map_or_else(|| emptiest(&counts), |shard| shard as usize);
            if owner.is_none() {
                counts[shard] += 1;
            }
            now.push(shard as u32);
        }
        for shard in &mut now {
            let to = emptiest(&counts);
            let (from, most) = (*shard as usize, counts.iter().max().copied().unwrap_or(0));
            if counts[from] == most && most >= counts[to] + 2 {
                counts[from] -= 1;
                counts[to] += 1;
                *shard = to as u32;
            }
        }
        now
    }
}

impl Placement for Ranges {
    fn owner(&self, key: &[u8], why: &mut Why) -> Option<usize> {
        let range = self.range_of(key);
        let (first, owner) = &self.ranges[range];
        if why.wanted() {
            let name = &self.shards[*owner as usize].name;
            let from = shown(first);
            let to = match self.ranges.get(range + 1) {
                Some((next, _)) => format!("before {}", shown(next)),
                None => "the end".to_owned(),
            };
            let (n, number, key) = (self.ranges.len(), range + 1, shown(key));
            why.line(|| Line {
                subject: name.to_string(),
                numbers: format!("range {number} of {n}: from {from} to {to}"),
                chosen: true,
            });
            why.say(|| format!("{key} is in range {number} of {n}, which {name} has."));
        }
        Some(*owner as usize)
    }

    fn preference(&self, key: &[u8], count: usize, out: &mut Vec<usize>) {
        out.clear();
        let (before, after) = self.ranges.split_at(self.range_of(key));
        let following = after.iter().chain(before).map(|&(_, shard)| shard as usize);
        for shard in following.chain(0..self.shards.len()) {
            if out.len() >= count.min(self.shards.len()) {
                return;
            }
            if !out.contains(&shard) {
                out.push(shard);
            }
        }
    }

    fn with(&self, shards: &[Shard]) -> Result<Box<dyn Placement>, Refusal> {
        let shards = admit(shards)?;
        let now = |old: &Shard| {
            let place = shards.iter().position(|shard| shard.name == old.name);
            place.map(|place| place as u32)
        };
        let now: Vec<Option<u32>> = self.shards.iter().map(now).collect();
        let owners: Vec<Option<u32>> =
            self.ranges.iter().map(|&(_, shard)| now[shard as usize]).collect();
        let owners = Ranges::reassign(&owners, shards.len());
        let firsts = self.ranges.iter().map(|(first, _)| first.clone());
        Ok(Box::new(Ranges { shards, ranges: firsts.zip(owners).collect() }))
    }

    fn picture(&self) -> Picture {
        Picture::Ranges(self.ranges.to_vec())
    }

    fn check(&self) -> Result<(), String> {
        let ascend = self.ranges.is_sorted_by(|a, b| a.0 < b.0);
        let fits = self.ranges.iter().all(|&(_, shard)| (shard as usize) < self.shards.len());
        match ascend && fits && self.ranges.first().is_some_and(|(first, _)| first.is_empty()) {
            true => Ok(()),
            false => Err("the ranges do not fit together".to_owned()),
        }
    }
}

pub(super) const ENTRY: Entry = Entry {
    key: "range",
    wire: 18,
    name: "Ranges of keys",
    whose: "as in Bigtable, HBase and CockroachDB, split at the median key",
    rule: "Keys are ordered by bytes and cut into ranges; a table says which shard has which \
           range. Weights are ignored.",
    cost: "O(log ranges) time; one key of memory per range",
    when: "Queries for ranges of keys: they ask few shards.",
    when_not: "Keys that grow: all writes go to the last range.",
    source: "Bigtable, OSDI 2006, section 5.1",
    knobs: &[],
    make: |_, shards| Ok(Box::new(Ranges::even(shards)?)),
};

#[cfg(test)]
mod tests {
    use super::super::tests::{named, owner, why};
    use super::*;

    fn three() -> Ranges {
        Ranges::new(&[(b"", 0), (b"g", 1), (b"p", 2)], &named(3)).expect("three ranges")
    }

    #[test]
    fn a_range_includes_its_first_key_and_ends_before_the_next() {
        let owners = ["", "a", "fzzz", "g", "ozz", "p", "zz"].map(|key| owner(&three(), key));
        assert_eq!(owners, [0, 0, 0, 1, 1, 2, 2]);
        let why = why(&three(), b"hello");
        assert_eq!(why.lines[0].numbers, "range 2 of 3: from \"g\" to before \"p\"");
        let mut out = Vec::new();
        three().preference(b"hello", 3, &mut out);
        assert_eq!(out, [1, 2, 0]);
    }

    #[test]
    fn a_hot_range_is_split_at_its_median() {
        let mut keys: Vec<&[u8]> = vec![b"user9", b"user1", b"user5", b"user7"];
        let at = Ranges::median(&mut keys).expect("four different keys");
        assert_eq!(at, b"user7");
        let split = three().split(at, 0).expect("a split");
        assert_eq!(
            ["user1", "user5", "user7", "user9"].map(|key| owner(&split, key)),
            [2, 2, 0, 0]
        );
        assert_eq!((split.count(), owner(&split, "h")), (4, 1));
        assert!(split.split(at, 0).is_err() && split.split(b"x", 9).is_err());
        assert_eq!(Ranges::median(&mut [b"k"]), None);
        assert_eq!(Ranges::median(&mut [b"k", b"k", b"k"]), None);
    }

    #[test]
    fn ranges_move_as_wholes() {
        assert_eq!(Ranges::reassign(&[Some(0), None, Some(1)], 2), [0, 0, 1]);
        assert_eq!(Ranges::reassign(&[Some(0); 4], 2), [1, 1, 0, 0]);
        assert_eq!(Ranges::reassign(&[Some(0), Some(1)], 3), [0, 1], "a new one waits for a split");
    }

    #[test]
    fn bounds_that_do_not_fit_are_refused() {
        let made = |ranges: &[(&[u8], usize)]| Ranges::new(ranges, &named(2)).map(|_| ());
        assert!(made(&[]).is_err());
        assert!(made(&[(b"a", 0)]).is_err());
        assert!(made(&[(b"", 0), (b"b", 1), (b"b", 0)]).is_err());
        assert!(made(&[(b"", 0), (b"b", 2)]).is_err());
        assert_eq!(made(&[(b"", 1)]), Ok(()));
    }

    #[test]
    fn made_from_a_list_alone_the_first_bytes_decide() {
        let ranges = Ranges::even(&named(4)).expect("four");
        let firsts: Vec<&[u8]> = ranges.ranges.iter().map(|(first, _)| &**first).collect();
        assert_eq!(firsts, [&[][..], &[0x40], &[0x80], &[0xc0]]);
        assert_eq!(owner(&ranges, "user1"), owner(&ranges, "user2"));
    }
}
