//! Maglev, as in Google's paper: a big table filled by turns, and one look into it.
//!
//! The healthy backends take turns in list order to choose cells of a table of M cells, M a prime
//! (`place::maglev_table`). A request goes to the owner of cell `hash mod M`. Shares are even
//! within about one hundredth when M is a hundred times the number of backends. The paper hashes a
//! connection's addresses and ports; here the key is hashed, and without one the client's address.
//! It leaves the hash functions open: these are xxHash64 with seeds 0 and 1. Weights are ignored,
//! as in the paper; Envoy's version has them and sorts the hosts by name.
//!
//! When a backend leaves, its keys are spread over the others, and a small part of the other keys
//! moves too. Left out: the table of connections by which a real Maglev keeps those that exist.
//! The table is built anew at the first pick after any change of the list.
//! Source: Eisenbud et al., "Maglev", NSDI 2016, section 3.4.

use super::keyed::key_or_client;
use super::{Ask, Backend, Balancer, Entry, Pick};
use crate::policy::hash::xxh64::xxh64;
use crate::policy::place::maglev_table::{MaglevTable, prime_from};
use crate::policy::{Knob, Knobs};
use crate::sim::{Line, Rng, Why};

/// The state: the table, and the places of those who own its cells.
#[derive(Clone, Debug)]
pub struct Maglev {
    size: u32,
    stale: bool,
    hosts: Vec<usize>,
    table: MaglevTable,
}

impl Maglev {
    /// Without backends.
    pub fn new(knobs: &Knobs) -> Maglev {
        let size = prime_from(knobs.count(&SIZE) as u32);
        Maglev { size, stale: true, hosts: Vec::new(), table: MaglevTable::default() }
    }

    fn refresh(&mut self, backends: &[Backend]) {
        if !self.stale {
            return;
        }
        self.stale = false;
        self.hosts.clear();
        self.hosts.extend((0..backends.len()).filter(|&place| backends[place].healthy));
        let turns: Vec<(&str, u64)> =
            self.hosts.iter().map(|&place| (&*backends[place].name, 1)).collect();
        self.table = MaglevTable::hashed(self.size, &turns, xxh64).unwrap_or_default();
    }
}

impl Balancer for Maglev {
    fn pick(&mut self, ask: &Ask, backends: &[Backend], _: &mut Rng, why: &mut Why) -> Pick {
        self.refresh(backends);
        let hash = key_or_client(ask, |bytes| xxh64(bytes, 0));
        let Some(cell) = self.table.cell(hash) else {
            why.say(|| format!("None of the {} servers is healthy.", backends.len()));
            return Pick::Nobody;
        };
        let cells = self.table.cells();
        let place = self.hosts[cells[cell] as usize];
        if why.wanted() {
            let mut counts = vec![0; self.hosts.len()];
            cells.iter().for_each(|cell| counts[*cell as usize] += 1);
            for (&own, count) in self.hosts.iter().zip(counts) {
                why.line(|| Line {
                    subject: backends[own].name.to_string(),
                    numbers: format!("owns {count} of {} cells", cells.len()),
                    chosen: own == place,
                });
            }
            let name = &backends[place].name;
            why.say(|| format!("{hash} mod {} is cell {cell}, which {name} owns.", cells.len()));
        }
        Pick::Backend(place)
    }

    fn added(&mut self, _: &[Backend]) {
        self.stale = true;
    }

    fn removed(&mut self, _: usize, _: &[Backend]) {
        self.stale = true;
    }

    fn changed(&mut self, _: usize, _: &[Backend]) {
        self.stale = true;
    }

    fn reads_key(&self) -> bool {
        true
    }
}

const SIZE: Knob = Knob {
    key: "table_size",
    wire: 0,
    label: "Cells",
    unit: "",
    help: "How many cells the table has: the next prime from here. The paper has 65537 and 655373.",
    min: 2.0,
    max: 655_373.0,
    default: 65_537.0,
    whole: true,
};

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "maglev",
    wire: 57,
    name: "Maglev",
    whose: "Google's paper of 2016, with xxHash64; without its table of connections",
    rule: "Backends take turns to choose cells of a table; a request goes to the owner of cell \
           hash mod size.",
    cost: "O(1) time; 4 bytes a cell, 65537 cells, filled anew when the list changes",
    when: "The same key should meet the same backend, shares should be even, and picks fast.",
    when_not: "Backends differ in capacity, or every key that moves is expensive.",
    source: "Eisenbud et al., Maglev, NSDI 2016, section 3.4",
    knobs: &[SIZE],
    make: |knobs| Box::new(Maglev::new(knobs)),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_which_cell() {
        let mut knobs = Knobs::default();
        knobs.set(ENTRY.knobs, "table_size", 6.0).expect("in range");
        let list = [Backend::new(1, "a", 1), Backend::new(2, "b", 50)];
        let (mut policy, mut why) = (Maglev::new(&knobs), Why::on());
        let ask = Ask { key: Some(b"foo"), ..Ask::NOTHING };
        assert!(matches!(
            policy.pick(&ask, &list, &mut Rng::from_seed(1), &mut why),
            Pick::Backend(_)
        ));
        let rows: Vec<&str> = why.lines.iter().map(|line| line.numbers.as_str()).collect();
        // The next prime from 6 is 7, and the weight does not matter.
        assert_eq!(rows, ["owns 4 of 7 cells", "owns 3 of 7 cells"]);
        assert_eq!(why.sentence, "3728699739546630719 mod 7 is cell 3, which b owns.");
    }
}
