//! Maglev hashing as in Envoy: a table with one look per key.
//!
//! Shards take cells of a table of M (a prime) in turn, each in an order of its own, until it is
//! full; see `maglev_table`. A key belongs to the owner of cell xxh64(key) mod M. Shares are even
//! to one cell in M; when a shard comes or goes, a few keys more than necessary move.
//!
//! The second in the preference is where Envoy goes when it retries on another host: attempt k
//! looks up the hash xor (2^64 − k). Here sixteen attempts are made; if shards are still missing
//! then, those of the cells that follow the key's. None of this says who owns the key once the
//! first has left the list: then the table is filled anew.
//!
//! Envoy sorts its hosts by name before they take turns, so the order of the list does not matter.
//!
//! Source: Eisenbud and others, NSDI 2016; Envoy `maglev_lb.cc` (2024).

use std::sync::Arc;

use super::maglev_table::MaglevTable;
use super::members::{admit, at_most, shown, weights};
use super::{Entry, Knob, Knobs, Picture, Placement, Refusal, Second, Shard};
use crate::policy::hash::xxh64::xxh64;
use crate::sim::{Line, Why};

const CELLS: Knob = Knob {
    key: "table_size",
    wire: 0,
    label: "Table size",
    unit: "cells",
    help: "How many cells the table has: a prime number, far more than there are shards.",
    min: 2.0,
    max: 5_000_011.0,
    default: 65_537.0,
    whole: true,
};

#[derive(Clone, Debug)]
struct Maglev {
    size: u32,
    shards: Arc<[Shard]>,
    /// The cells, by place in the list of shards.
    cells: Arc<[u32]>,
    /// How many cells each shard has.
    counts: Arc<[u32]>,
    /// How many shards have a cell.
    present: usize,
}

/// How often a key looks for another host before it takes the cells in turn.
const ATTEMPTS: u64 = 16;

impl Maglev {
    fn new(size: u32, shards: &[Shard]) -> Result<Maglev, Refusal> {
        let shards = admit(shards)?;
        let weights = weights(&shards)?;
        at_most(size as usize, "shards in this table", shards.len())?;
        let mut order: Vec<usize> = (0..shards.len()).collect();
        order.sort_by_key(|&place| &shards[place].name);
        let candidates: Vec<(&str, u64)> =
            order.iter().map(|&place| (&*shards[place].name, weights[place])).collect();
        let table = MaglevTable::hashed(size, &candidates, xxh64)?;
        let cells: Arc<[u32]> =
            table.cells().iter().map(|&cell| order[cell as usize] as u32).collect();
        let mut counts = vec![0; shards.len()];
        cells.iter().for_each(|&shard| counts[shard as usize] += 1);
        let present = counts.iter().filter(|&&count| count > 0).count();
        Ok(Maglev { size, shards, cells, counts: counts.into(), present })
    }

    /// The cell that attempt number `attempt` of `key` looks up; the owner's is attempt 0's.
    fn at(&self, key: &[u8], attempt: u64) -> usize {
        ((xxh64(key, 0) ^ attempt.wrapping_neg()) % u64::from(self.size)) as usize
    }
}

impl Placement for Maglev {
    fn owner(&self, key: &[u8], why: &mut Why) -> Option<usize> {
        let at = self.at(key, 0);
        let owner = *self.cells.get(at)? as usize;
        why.line(|| Line {
            subject: self.shards[owner].name.to_string(),
            numbers: format!("{} mod {} = {at}", xxh64(key, 0), self.size),
            chosen: true,
        });
        why.say(|| {
            let cells = self.counts[owner];
            let (words, hash, size) = (shown(key), xxh64(key, 0), self.size);
            let name = &self.shards[owner].name;
            format!(
                "{words} has xxh64 {hash}; cell {at} of {size} is one of the {cells} of {name}."
            )
        });
        Some(owner)
    }

    fn preference(&self, key: &[u8], count: usize, out: &mut Vec<usize>) {
        out.clear();
        let count = count.min(self.present);
        let looks = (0..ATTEMPTS).map(|attempt| &self.cells[self.at(key, attempt)]);
        let (before, after) = self.cells.split_at(self.at(key, 0));
        for &shard in looks.chain(after).chain(before) {
            if out.len() >= count {
                return;
            }
            if !out.contains(&(shard as usize)) {
                out.push(shard as usize);
            }
        }
    }

    fn second(&self) -> Second {
        Second::Neighbour(
            "After the owner come the hosts that Envoy's retries look up, attempt k at the hash \
             xor (2^64 − k), then those of the cells that follow. When a shard leaves the list, \
             the table is filled anew and others may own its keys.",
        )
    }

    fn weighted(&self) -> bool {
        true
    }

    fn with(&self, shards: &[Shard]) -> Result<Box<dyn Placement>, Refusal> {
        Ok(Box::new(Maglev::new(self.size, shards)?))
    }

    fn picture(&self) -> Picture {
        Picture::Table(self.cells.to_vec())
    }

    fn position(&self, key: &[u8]) -> Option<u64> {
        Some(self.at(key, 0) as u64)
    }
}

pub(super) const ENTRY: Entry = Entry {
    key: "maglev",
    wire: 10,
    name: "Maglev",
    whose: "Envoy's Maglev (2024), all hosts healthy",
    rule: "Shards fill a table of 65537 cells in turn, each in an order of its own; the key's \
           xxh64 modulo the size selects a cell.",
    cost: "O(1) time; 4 bytes of memory per cell, and the table is filled anew at every change",
    when: "Look-ups must be fast and shares very even, and a few needless moves do not hurt.",
    when_not: "Moves are expensive, or the list changes all the time.",
    source: "NSDI 2016; Envoy maglev_lb.cc",
    knobs: &[CELLS],
    make: |knobs: &Knobs, shards| Ok(Box::new(Maglev::new(knobs.count(&CELLS) as u32, shards)?)),
};

#[cfg(test)]
mod tests {
    use super::super::tests::{named, owner, why};
    use super::*;

    #[test]
    fn the_order_of_the_list_does_not_matter() {
        let mut list = named(5);
        let place = Maglev::new(251, &list).expect("five");
        let name = list[owner(&place, "user:1")].name.clone();
        list.reverse();
        let back = place.with(&list).expect("five");
        assert_eq!(list[owner(&*back, "user:1")].name, name);
    }

    #[test]
    fn the_size_is_a_knob() {
        let mut knobs = Knobs::default();
        knobs.set(&[CELLS], "table_size", 7.0).expect("in range");
        let place = (ENTRY.make)(&knobs, &named(3)).expect("three");
        assert!(matches!(place.picture(), Picture::Table(cells) if cells.len() == 7));
        assert!(place.with(&named(8)).is_err(), "seven cells do not do for eight");
        knobs.set(&[CELLS], "table_size", 8.0).expect("in range");
        assert!((ENTRY.make)(&knobs, &named(3)).is_err(), "eight is not prime");
    }

    #[test]
    fn the_cell_is_named() {
        let place = Maglev::new(7, &named(3)).expect("three");
        let at = xxh64(b"k", 0) % 7;
        let why = why(&place, b"k");
        assert_eq!(why.lines[0].numbers, format!("{} mod 7 = {at}", xxh64(b"k", 0)));
        let Picture::Table(cells) = place.picture() else { panic!("a table") };
        let (at, owner) = (at as usize, owner(&place, "k"));
        let count = cells.iter().filter(|&&cell| cell as usize == owner).count();
        assert!(why.sentence.ends_with(&format!("is one of the {count} of s{owner}.")));
        assert_eq!(cells[at] as usize, owner);
    }

    /// Envoy's own test (six hosts, seven cells, hash 10) has port 91, then 90, then 95; here the
    /// rule alone, because a key with that hash is hard to come by.
    #[test]
    fn the_second_is_where_envoys_retries_go() {
        let place = Maglev::new(251, &named(9)).expect("nine");
        let Picture::Table(cells) = place.picture() else { panic!("a table") };
        let mut out = Vec::new();
        for key in 0..200 {
            let key = key.to_string();
            let look = |attempt: u64| {
                let hash = xxh64(key.as_bytes(), 0) ^ 0u64.wrapping_sub(attempt);
                cells[(hash % 251) as usize] as usize
            };
            let mut looks: Vec<usize> = Vec::new();
            (0..6).map(look).for_each(|shard| {
                if !looks.contains(&shard) {
                    looks.push(shard);
                }
            });
            place.preference(key.as_bytes(), looks.len(), &mut out);
            assert_eq!(out, looks);
            place.preference(key.as_bytes(), 99, &mut out);
            out.sort_unstable();
            assert!(out.into_iter().eq(0..9));
            out = Vec::new();
        }
    }
}
