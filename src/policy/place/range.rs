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
//! change, ranges move as wholes: those of a lost shard go one by one to whoever has fewest, and
//! then from whoever has most to whoever has fewest, until nobody has two more than another. So a
//! new shard may get none, and wait for a split.
//!
//! There is no second owner: in these systems a range has replicas of its own. The preference names
//! the shards of the ranges that follow, then the rest.
//!
//! Source: Chang and others, Bigtable, 2006, section 5.1; CockroachDB and HBase on range splits.

use std::sync::Arc;

use super::members::{admit, at_most, even_out, places, shown};
use super::{Entry, Picture, Placement, Refusal, Second, Shard};
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
    ///
    /// # Errors
    /// When the list of shards cannot be used.
    pub fn even(shards: &[Shard]) -> Result<Ranges, Refusal> {
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

    /// As [`Ranges::split`], to the shard that has fewest ranges, the earlier of equals; not to the
    /// one that has the range already, unless it is the only one.
    ///
    /// # Errors
    /// As there.
    pub fn split_off(&self, at: &[u8]) -> Result<Ranges, Refusal> {
        let has = self.ranges[self.range_of(at)].1 as usize;
        let mut counts = vec![0usize; self.shards.len()];
        self.ranges.iter().for_each(|&(_, shard)| counts[shard as usize] += 1);
        let others = (0..counts.len()).filter(|&shard| shard != has);
        self.split(at, others.min_by_key(|&shard| counts[shard]).unwrap_or(has))
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

    /// The shards of the ranges that follow, then the rest.
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

    fn second(&self) -> Second {
        Second::Neighbour(
            "After the owner come the shards of the ranges that follow, then the rest. In these \
             systems another replica of the range takes over; when a shard leaves the list, its \
             ranges go to whoever has fewest.",
        )
    }

    fn with(&self, shards: &[Shard]) -> Result<Box<dyn Placement>, Refusal> {
        let shards = admit(shards)?;
        let now = places(&self.shards, &shards);
        let now = |&(_, old): &(Vec<u8>, u32)| now[old as usize].map(|place| place as u32);
        let owners: Vec<Option<u32>> = self.ranges.iter().map(now).collect();
        let owners = even_out(&owners, shards.len());
        let firsts = self.ranges.iter().map(|(first, _)| first.clone());
        Ok(Box::new(Ranges { shards, ranges: firsts.zip(owners).collect() }))
    }

    fn picture(&self) -> Picture {
        Picture::Ranges(self.ranges.to_vec())
    }

    fn position(&self, key: &[u8]) -> Option<u64> {
        Some(self.range_of(key) as u64)
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
    when_not: "Keys that grow: all writes go to the last range. Keys that begin alike share one \
               range until it is split.",
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
        // Left to itself, the upper half goes to the other shard with fewest ranges.
        let other = three().split_off(b"user7").expect("a split");
        assert_eq!((owner(&other, "user5"), owner(&other, "user7")), (2, 0));
        let again = other.split_off(b"user8").expect("a split");
        assert_eq!((owner(&again, "user7"), owner(&again, "user8")), (0, 1));
        let alone = Ranges::even(&named(1)).expect("one").split_off(b"k").expect("a split");
        assert_eq!((alone.count(), owner(&alone, "z")), (2, 0));
        assert_eq!(Ranges::median(&mut [b"k"]), None);
        assert_eq!(Ranges::median(&mut [b"k", b"k", b"k"]), None);
    }

    /// One shard has split itself into five ranges: two more shards, and then nobody has two more
    /// than another.
    #[test]
    fn ranges_move_as_wholes_until_they_are_level() {
        let mut ranges = three();
        for at in ["q", "r", "s", "t"] {
            ranges = ranges.split(at.as_bytes(), 2).expect("a split");
        }
        let after = ranges.with(&named(5)).expect("five");
        let Picture::Ranges(cut) = after.picture() else { panic!("ranges") };
        let counts = [0, 1, 2, 3, 4].map(|shard| cut.iter().filter(|(_, s)| *s == shard).count());
        assert_eq!(counts, [2, 1, 2, 1, 1]);
        let back = after.with(&named(1)).expect("one");
        assert_eq!(["a", "h", "q", "z"].map(|key| owner(&*back, key)), [0; 4]);
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
