//! Vitess: rows by the `hash` vindex, shards as ranges of keyspace ids.
//!
//! The id of a row becomes a keyspace id (`hash::vitess`); with n shards, shard i owns the i-th of
//! n equal ranges of keyspace ids, written like `40-80`. Doubling splits every range in two, and
//! half of the rows move; other changes move more. Only whole numbers can be hashed by this vindex:
//! keys that are none have no owner. (Texts need another one.)
//!
//! Source: Vitess `go/vt/vtgate/vindexes/hash.go` and its documentation on key ranges.

use std::sync::Arc;

use super::members::{admit, in_turn, shown};
use super::{Entry, Picture, Placement, Refusal, Shard};
use crate::policy::hash::vitess::VitessHash;
use crate::sim::{Line, Why};

#[derive(Clone, Debug)]
struct Vitess {
    shards: Arc<[Shard]>,
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

/// Which of `n` equal ranges `keyspace_id` falls into.
fn range_of(keyspace_id: u64, n: usize) -> usize {
    ((u128::from(keyspace_id) * n as u128) >> 64) as usize
}

/// The last keyspace id of range `place` of `n`.
fn last_of(place: usize, n: usize) -> u64 {
    let end = ((place as u128 + 1) << 64).div_ceil(n as u128);
    (end - 1) as u64
}

impl Vitess {
    fn new(shards: &[Shard]) -> Result<Vitess, Refusal> {
        Ok(Vitess { shards: admit(shards)?, hash: VitessHash::new() })
    }

    fn place(&self, key: &[u8]) -> Option<(u64, usize)> {
        let keyspace_id = self.hash.keyspace_id(row_id(key)?);
        Some((keyspace_id, range_of(keyspace_id, self.shards.len())))
    }
}

impl Placement for Vitess {
    fn owner(&self, key: &[u8], why: &mut Why) -> Option<usize> {
        let Some((id, owner)) = self.place(key) else {
            why.say(|| {
                format!(
                    "{} is not a whole number: Vitess's hash vindex takes only these.",
                    shown(key)
                )
            });
            return None;
        };
        let (n, name) = (self.shards.len(), &self.shards[owner].name);
        why.line(|| Line {
            subject: name.to_string(),
            numbers: format!("range {} of {n}, up to {:016x}", owner + 1, last_of(owner, n)),
            chosen: true,
        });
        why.say(|| {
            let range = owner + 1;
            format!("Row {} has keyspace id {id:016x}: range {range} of {n}, {name}.", shown(key))
        });
        Some(owner)
    }

    fn preference(&self, key: &[u8], count: usize, out: &mut Vec<usize>) {
        out.clear();
        if let Some((_, owner)) = self.place(key) {
            in_turn(owner, self.shards.len(), count, out);
        }
    }

    fn with(&self, shards: &[Shard]) -> Result<Box<dyn Placement>, Refusal> {
        Ok(Box::new(Vitess { shards: admit(shards)?, hash: self.hash.clone() }))
    }

    /// Each range ends at a point that belongs to its owner.
    fn picture(&self) -> Picture {
        let n = self.shards.len();
        let points = (0..n).map(|place| (last_of(place, n), place as u32)).collect();
        Picture::Ring { size: 1 << 64, points }
    }
}

pub(super) const ENTRY: Entry = Entry {
    key: "vitess_hash",
    wire: 17,
    name: "Vitess key ranges",
    whose: "Vitess, hash vindex, n equal key ranges",
    rule: "The row's id, encrypted with DES under a zero key, falls into one of n equal ranges. \
           Keys must be whole numbers; weights are ignored.",
    cost: "O(1) time, one DES block; no memory",
    when: "Numbers as keys and a count of shards that doubles.",
    when_not: "Keys that are texts, or shards added one by one: the ranges all shift.",
    source: "Vitess vindexes/hash.go",
    knobs: &[],
    make: |_, shards| Ok(Box::new(Vitess::new(shards)?)),
};

#[cfg(test)]
mod tests {
    use super::super::tests::{named, why};
    use super::*;

    #[test]
    fn ranges_are_equal_and_complete() {
        assert_eq!(last_of(0, 4), 0x3fff_ffff_ffff_ffff);
        assert_eq!((last_of(2, 3), last_of(0, 1)), (u64::MAX, u64::MAX));
        for n in 1..20 {
            for place in 0..n - 1 {
                let last = last_of(place, n);
                assert_eq!((range_of(last, n), range_of(last + 1, n)), (place, place + 1));
            }
        }
    }

    #[test]
    fn only_whole_numbers_are_rows() {
        let place = Vitess::new(&named(4)).expect("four");
        let words = "Row \"1\" has keyspace id 166b40b44aba4bd6: range 1 of 4, s0.";
        assert_eq!(why(&place, b"1").sentence, words);
        assert_eq!(row_id(b"-1"), Some(u64::MAX));
        for key in ["", "user:1", "1.5", "+1", "99999999999999999999"] {
            assert_eq!(place.owner(key.as_bytes(), &mut Why::off()), None, "{key}");
        }
    }
}
