//! Vitess: rows by the `hash` vindex, shards as ranges of keyspace ids.
//!
//! The id of a row becomes a keyspace id (`hash::vitess`), and every shard owns one range of these,
//! written like `40-80`: from 40 (with zeros behind it) to before 80. A new keyspace is cut into n
//! ranges as Vitess's own tool cuts it, at whole bytes (pairs of bytes above 256 shards), so that
//! three shards get -55, 55-aa and aa-.
//!
//! When members change, ranges are split and merged, which is what resharding is there: the range
//! of a lost shard goes to the shard whose range is before it (after it, for the first), and a new
//! shard takes the upper half of the widest range, the lowest of equally wide ones. So keys move
//! only to new shards and from lost ones; doubling the list splits every range and moves half of
//! the rows; until then some shards have twice as many as others. (In Vitess both halves of a split
//! are new shards, and the old one goes; an operator decides which to split.)
//!
//! Only whole numbers can be hashed by this vindex: keys that are none have no owner. (Texts need
//! another one.) In Vitess a lost primary is replaced by a replica in its own shard.
//!
//! Source: Vitess `go/vt/vtgate/vindexes/hash.go`; `GenerateShardRanges` in `go/vt/key/key.go`; its
//! documentation on resharding.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::members::{admit, at_most, places, shown};
use super::{Entry, Picture, Placement, Refusal, Second, Shard};
use crate::policy::hash::vitess::VitessHash;
use crate::sim::{Line, Why};

/// The most ranges that Vitess's tool makes.
const RANGES_MAX: usize = 65_536;

#[derive(Clone, Debug)]
struct Vitess {
    shards: Arc<[Shard]>,
    /// One range per shard: the first keyspace id, ascending from 0, and the shard's place.
    ranges: Arc<[(u64, u32)]>,
    hash: VitessHash,
}

/// A row id: decimal digits, perhaps after a minus sign; negative ones wrap as in Vitess.
fn row_id(key: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(key).ok()?;
    if text.starts_with('+') {
        return None;
    }
    text.parse::<u64>().ok().or_else(|| text.parse::<i64>().ok().map(|id| id as u64))
}

/// The first keyspace id of range `place` of `n` in a new keyspace.
fn first_of(place: usize, n: usize) -> u64 {
    let (cuts, shift) = if n <= 256 { (256.0, 56) } else { (65_536.0, 48) };
    // In floating point and cut off, as there.
    let size = cuts / n as f64;
    ((place as f64 * size) as u64) << shift
}

/// The end of a range in Vitess's hexadecimal, without the zeros at the end; 0 is open.
fn edge(id: u64) -> String {
    let digits = format!("{id:016x}");
    let bytes = (8 - id.trailing_zeros() / 8) as usize;
    if id == 0 { String::new() } else { digits[..2 * bytes].to_owned() }
}

impl Vitess {
    fn new(shards: &[Shard]) -> Result<Vitess, Refusal> {
        let shards = admit(shards)?;
        let n = shards.len();
        at_most(RANGES_MAX, "ranges of keyspace ids", n)?;
        let ranges = (0..n).map(|place| (first_of(place, n), place as u32)).collect();
        Ok(Vitess { shards, ranges, hash: VitessHash::new() })
    }

    /// The keyspace id of `key`, and the number of the range that it is in.
    fn find(&self, key: &[u8]) -> Option<(u64, usize)> {
        let id = self.hash.keyspace_id(row_id(key)?);
        // The first range begins with 0, so there is always one at or before.
        Some((id, self.ranges.partition_point(|&(first, _)| first <= id).saturating_sub(1)))
    }

    /// The keyspace id after the last of range `number`; 0 after the last of all.
    fn end(&self, number: usize) -> u64 {
        self.ranges.get(number + 1).map_or(0, |&(first, _)| first)
    }

    /// Ranges after lost shards' have been merged with those before, by their first keyspace id.
    fn merged(&self, shards: &[Shard]) -> BTreeMap<u64, u32> {
        let now = places(&self.shards, shards);
        let kept = |&(first, old): &(u64, u32)| now[old as usize].map(|new| (first, new as u32));
        let mut ranges: BTreeMap<u64, u32> = self.ranges.iter().filter_map(kept).collect();
        // Nobody is before the first range: it goes to whoever is next.
        if let Some((_, owner)) = ranges.pop_first() {
            ranges.insert(0, owner);
        }
        ranges
    }
}

/// Gives each of `new` shards the upper half of the range that is widest then.
fn split(mut ranges: BTreeMap<u64, u32>, new: impl Iterator<Item = u32>) -> Vec<(u64, u32)> {
    let ends = ranges.keys().skip(1).map(|&first| u128::from(first)).chain([1 << 64]);
    let width = |(&first, end): (&u64, u128)| (end - u128::from(first), Reverse(first));
    let mut widths: BTreeSet<(u128, Reverse<u64>)> = ranges.keys().zip(ends).map(width).collect();
    for shard in new {
        let Some((width, Reverse(first))) = widths.pop_last() else { break };
        // Half of 2^64 at most: it fits.
        let middle = first + (width / 2) as u64;
        ranges.insert(middle, shard);
        widths.insert((width / 2, Reverse(first)));
        widths.insert((width - width / 2, Reverse(middle)));
    }
    ranges.into_iter().collect()
}

impl Placement for Vitess {
    fn owner(&self, key: &[u8], why: &mut Why) -> Option<usize> {
        let Some((id, number)) = self.find(key) else {
            why.say(|| {
                format!(
                    "{} is not a whole number: Vitess's hash vindex takes only these.",
                    shown(key)
                )
            });
            return None;
        };
        let (first, owner) = self.ranges[number];
        let range = || format!("{}-{}", edge(first), edge(self.end(number)));
        let name = &self.shards[owner as usize].name;
        why.line(|| Line {
            subject: name.to_string(),
            numbers: format!("{id:016x} is in {}", range()),
            chosen: true,
        });
        why.say(|| {
            let (key, range, n) = (shown(key), range(), self.ranges.len());
            format!("Row {key} has keyspace id {id:016x}, in {range}: of {n} ranges, {name}'s.")
        });
        Some(owner as usize)
    }

    /// Whoever takes the range over: those before it, the nearest first, then those after it.
    fn preference(&self, key: &[u8], count: usize, out: &mut Vec<usize>) {
        out.clear();
        if let Some((_, number)) = self.find(key) {
            let (before, after) = self.ranges.split_at(number + 1);
            let heirs = before.iter().rev().chain(after).take(count);
            out.extend(heirs.map(|&(_, shard)| shard as usize));
        }
    }

    fn second(&self) -> Second {
        Second::Heir
    }

    fn with(&self, shards: &[Shard]) -> Result<Box<dyn Placement>, Refusal> {
        let shards = admit(shards)?;
        at_most(RANGES_MAX, "ranges of keyspace ids", shards.len())?;
        let merged = self.merged(&shards);
        if merged.is_empty() {
            return Ok(Box::new(Vitess::new(&shards)?));
        }
        let before = places(&shards, &self.shards);
        let new = (0..shards.len()).filter(|&place| before[place].is_none());
        let ranges = split(merged, new.map(|place| place as u32)).into();
        Ok(Box::new(Vitess { shards, ranges, hash: self.hash.clone() }))
    }

    /// Each range ends at a point that belongs to its owner.
    fn picture(&self) -> Picture {
        let point = |number: usize| (self.end(number).wrapping_sub(1), self.ranges[number].1);
        Picture::Ring { size: 1 << 64, points: (0..self.ranges.len()).map(point).collect() }
    }

    fn check(&self) -> Result<(), String> {
        let ascending = self.ranges.is_sorted_by(|a, b| a.0 < b.0);
        let begins = self.ranges.first().is_some_and(|&(first, _)| first == 0);
        let mut owners: Vec<usize> = self.ranges.iter().map(|&(_, s)| s as usize).collect();
        owners.sort_unstable();
        match ascending && begins && owners.iter().copied().eq(0..self.shards.len()) {
            true => Ok(()),
            false => Err("not every shard has one range".to_owned()),
        }
    }
}

pub(super) const ENTRY: Entry = Entry {
    key: "vitess_hash",
    wire: 17,
    name: "Vitess key ranges",
    whose: "Vitess, hash vindex, ranges cut as by its GenerateShardRanges",
    rule: "The row's id, encrypted with DES under a zero key, falls into one of n ranges, at first \
           equal ones; a new shard takes the upper half of the widest. Keys must be whole numbers; \
           weights are ignored.",
    cost: "O(log n) time, one DES block; 16 bytes of memory per shard",
    when: "Numbers as keys and a count of shards that doubles: every range is split, and half of \
           the rows move.",
    when_not: "Keys that are texts. Or shards added one by one: those whose range is not yet split \
               have twice as many rows.",
    source: "Vitess vindexes/hash.go, key/key.go",
    knobs: &[],
    make: |_, shards| Ok(Box::new(Vitess::new(shards)?)),
};

#[cfg(test)]
mod tests {
    use super::super::tests::{named, owner, why};
    use super::*;

    fn ranges(place: &dyn Placement) -> Vec<(u64, u32)> {
        match place.picture() {
            Picture::Ring { points, .. } => points,
            other => panic!("{other:?}"),
        }
    }

    /// As in the tests of `GenerateShardRanges`.
    #[test]
    fn a_new_keyspace_is_cut_as_vitess_cuts_it() {
        let cut = |n: usize| -> Vec<String> {
            let firsts = (1..n).map(|place| edge(first_of(place, n)));
            firsts.collect()
        };
        assert!(cut(1).is_empty());
        assert_eq!(cut(3), ["55", "aa"]);
        assert_eq!(cut(4), ["40", "80", "c0"]);
        assert_eq!(cut(10), ["19", "33", "4c", "66", "80", "99", "b3", "cc", "e6"]);
        assert_eq!((cut(512)[0].as_str(), cut(512)[510].as_str()), ("0080", "ff80"));
        for n in [1, 7, 255, 256, 257, 1_000, RANGES_MAX] {
            assert_eq!(Vitess::new(&named(n)).expect("shards").check(), Ok(()), "{n}");
        }
        assert!(Vitess::new(&named(RANGES_MAX + 1)).is_err());
    }

    #[test]
    fn only_whole_numbers_are_rows() {
        let place = Vitess::new(&named(4)).expect("four");
        let why = why(&place, b"1");
        let words = "Row \"1\" has keyspace id 166b40b44aba4bd6, in -40: of 4 ranges, s0's.";
        assert_eq!(why.sentence, words);
        assert_eq!(why.lines[0].numbers, "166b40b44aba4bd6 is in -40");
        assert_eq!(row_id(b"-1"), Some(u64::MAX));
        for key in ["", "user:1", "1.5", "+1", "99999999999999999999"] {
            assert_eq!(place.owner(key.as_bytes(), &mut Why::off()), None, "{key}");
        }
    }

    /// As many names again at the end of the list: every range is split, and half of its rows move
    /// to the one shard that got the upper half.
    #[test]
    fn doubling_splits_every_range_and_moves_half() {
        for n in [1, 3, 4, 10] {
            let once = Vitess::new(&named(n)).expect("shards");
            let twice = once.with(&named(2 * n)).expect("twice as many");
            let mut heirs = vec![Vec::new(); n];
            for key in 0..4_000 {
                let (old, new) = (owner(&once, &key.to_string()), owner(&*twice, &key.to_string()));
                assert!(new == old || new >= n);
                heirs[old].push(new);
            }
            for (old, mut heirs) in heirs.into_iter().enumerate() {
                let stay = heirs.iter().filter(|&&new| new == old).count();
                assert!((stay * 2).abs_diff(heirs.len()) < 300, "{stay} of {}", heirs.len());
                heirs.sort_unstable();
                heirs.dedup();
                assert_eq!(heirs.len(), 2, "the old one and one new one");
            }
        }
    }

    #[test]
    fn ranges_are_split_and_merged() {
        let four = Vitess::new(&named(4)).expect("four");
        let five = four.with(&named(5)).expect("five");
        let quarter = 1 << 62;
        let ends = [quarter / 2, quarter, 2 * quarter, 3 * quarter, 0];
        let points = |owners: [u32; 5]| -> Vec<(u64, u32)> {
            ends.map(|end: u64| end.wrapping_sub(1)).into_iter().zip(owners).collect()
        };
        assert_eq!(ranges(&*five), points([0, 4, 1, 2, 3]), "s4 has the upper half of s0's");
        // Without s4 and s2: their ranges go to those before them.
        let list = named(5);
        let left = [list[0].clone(), list[1].clone(), list[3].clone()];
        let three = five.with(&left).expect("three");
        let ends = [quarter - 1, 3 * quarter - 1, u64::MAX];
        assert_eq!(ranges(&*three), ends.into_iter().zip([0, 1, 2]).collect::<Vec<_>>());
        // Without the first, the next takes over.
        let two = three.with(&left[1..]).expect("two");
        assert_eq!(ranges(&*two), [(3 * quarter - 1, 0), (u64::MAX, 1)]);
        let other = two.with(&[Shard::new("x", 1)]).expect("one");
        assert_eq!(ranges(&*other), [(u64::MAX, 0)], "nobody stayed: a new keyspace");
    }
}
