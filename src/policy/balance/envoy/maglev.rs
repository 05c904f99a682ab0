//! Envoy's Maglev: the request's hash, modulo the size of a table, selects a host.
//!
//! Hosts are sorted by name and take turns to choose cells (`place::maglev_table`), with xxHash64,
//! seeds 0 and 1, for offset and skip, and with turns left out in proportion to weight. Attempt k
//! of a retry looks up `hash xor (2^64 - k)`. Compared with the ring: one look instead of a search,
//! and shares within a percent; in return a few keys also move between hosts that stay.
//!
//! Source: Envoy `maglev_lb.cc` at 08417eb6; Eisenbud et al., NSDI 2016.

use super::consistent::{Consistent, HOST_RETRIES, Table};
use crate::policy::balance::Entry;
use crate::policy::hash::xxh64::xxh64;
use crate::policy::place::maglev_table::{MaglevTable, prime_from};
use crate::policy::{Knob, Knobs};

pub(super) const SIZE: Knob = Knob {
    key: "table_size",
    wire: 6,
    label: "Cells",
    unit: "",
    help: "How many cells the table has: the next prime from here. Envoy takes primes only.",
    min: 2.0,
    max: 655_373.0,
    default: 65_537.0,
    whole: true,
};

pub(super) fn size(knobs: &Knobs) -> u32 {
    prime_from(knobs.count(&SIZE) as u32)
}

/// The table.
#[derive(Clone, Debug)]
pub struct Maglev {
    size: u32,
    table: MaglevTable,
    /// Numbers in the list of hosts, in the order in which hosts take turns.
    sorted: Vec<u32>,
}

impl Maglev {
    /// Nobody is in. A `size` that is not a prime, or too large, leaves the table empty for ever.
    pub fn new(size: u32) -> Maglev {
        Maglev { size, table: MaglevTable::default(), sorted: Vec::new() }
    }

    /// The number of the host in every cell.
    pub fn cells(&self) -> Vec<usize> {
        self.table.cells().iter().map(|&turn| self.sorted[turn as usize] as usize).collect()
    }
}

fn changed(hash: u64, attempt: u32) -> u64 {
    hash ^ u64::from(attempt).wrapping_neg()
}

impl Table for Maglev {
    fn build(&mut self, hosts: &[(&str, u64)]) {
        self.sorted = (0..hosts.len() as u32).collect();
        self.sorted.sort_by_key(|&host| hosts[host as usize].0);
        let turns: Vec<(&str, u64)> =
            self.sorted.iter().map(|&host| hosts[host as usize]).collect();
        self.table = MaglevTable::hashed(self.size, &turns, xxh64).unwrap_or_default();
    }

    #[inline]
    fn find(&self, hash: u64, attempt: u32) -> Option<usize> {
        let turn = self.table.owner(changed(hash, attempt))?;
        Some(self.sorted[turn as usize] as usize)
    }

    fn numbers(&self, hash: u64, attempt: u32) -> String {
        let Some(cell) = self.table.cell(changed(hash, attempt)) else { return String::new() };
        match attempt {
            0 => format!("cell {cell} = hash mod {}", self.size),
            _ => format!("cell {cell} = (hash xor (2^64 - {attempt})) mod {}", self.size),
        }
    }
}

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "envoy_maglev",
    wire: 55,
    name: "Envoy Maglev",
    whose: "Envoy's MAGLEV",
    rule: "The key's hash modulo the table's size selects a cell; its host is taken.",
    cost: "O(1) time; 4 bytes a cell, 65537 cells, filled anew at each change of health, weight or \
           membership",
    when: "As ring hash, with faster picks and even shares.",
    when_not: "Every key that moves is expensive: a change moves a few keys between others, too.",
    source: "Envoy maglev_lb.cc; Eisenbud et al., Maglev, NSDI 2016",
    knobs: &[HOST_RETRIES, SIZE],
    make: |knobs| Box::new(Consistent::new(Maglev::new(size(knobs)), knobs, 0)),
};

#[cfg(test)]
mod tests {
    use super::*;

    /// From Envoy's own test: seven cells for six hosts, here told by the last digit of their port,
    /// and the same whatever their order in the list.
    #[test]
    fn hosts_take_turns_by_name() {
        let names: Vec<String> = (0..6).map(|n| format!("127.0.0.1:9{n}")).collect();
        let mut hosts: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
        let mut table = Maglev::new(7);
        table.build(&hosts);
        assert_eq!(table.cells(), [2, 4, 0, 1, 5, 0, 3]);
        assert_eq!([0, 1, 2].map(|attempt| table.find(10, attempt)), [1, 0, 5].map(Some));
        assert_eq!(table.numbers(10, 0), "cell 3 = hash mod 7");
        hosts.reverse();
        table.build(&hosts);
        assert_eq!(table.cells(), [3, 1, 5, 4, 0, 5, 2]);
    }

    #[test]
    fn the_table_has_a_prime_number_of_cells() {
        let mut knobs = Knobs::default();
        assert_eq!(size(&knobs), 65_537);
        knobs.set(ENTRY.knobs, "table_size", 655_373.0).expect("in range");
        assert_eq!(size(&knobs), 655_373);
        knobs.set(ENTRY.knobs, "table_size", 90.0).expect("in range");
        assert_eq!(size(&knobs), 97);
        let mut table = Maglev::new(90);
        table.build(&[("a", 1)]);
        assert_eq!(table.find(1, 0), None, "90 is not a prime");
    }
}
