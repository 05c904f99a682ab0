//! The partitions of a table: which rows are whose, who works and who waits in each.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

use super::config::{Scheme, TableConfig, order};
use crate::policy::place::course::{PARTITIONS, partition_of};
use crate::stats::{Level, Meter};

/// The most partitions there can be.
pub const PARTITIONS_MAX: usize = 64;

/// One partition.
#[derive(Clone, Debug)]
pub struct Part {
    /// `partition_2`: numbered in the order in which they came.
    pub name: Arc<str>,
    /// Can it be reached?
    pub attached: bool,
    /// How many rows are in it.
    pub rows: u32,
    /// Workers at work, over time.
    pub busy: Level,
    /// Queries that wait for a worker, over time.
    pub waiting: Level,
    /// Queries worked on to their end, by rate and in all.
    pub served: Meter,
    /// The slots of those that wait.
    pub(super) line: VecDeque<u32>,
}

impl Part {
    fn new(number: usize, attached: bool) -> Part {
        Part {
            name: format!("partition_{number}").into(),
            attached,
            rows: 0,
            busy: Level::default(),
            waiting: Level::default(),
            served: Meter::default(),
            line: VecDeque::new(),
        }
    }
}

/// All partitions. They keep their numbers; ranges also have an order.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    scheme: Scheme,
    pub(super) all: Vec<Part>,
    /// The numbers in the order of their ranges.
    order: Vec<usize>,
    /// The first key of each range after the first.
    bounds: Vec<String>,
    /// How many there were from the beginning: those that the settings name.
    named: usize,
}

impl Parts {
    pub(super) fn new(config: &TableConfig) -> Parts {
        let bounds = match config.scheme {
            Scheme::Hash => Vec::new(),
            Scheme::Range => config.bounds(),
        };
        let count = match config.scheme {
            Scheme::Hash => PARTITIONS,
            Scheme::Range => bounds.len() + 1,
        };
        let part = |number| Part::new(number, config.is_attached(number));
        let all: Vec<Part> = (0..count).map(part).collect();
        Parts { scheme: config.scheme, order: (0..count).collect(), all, bounds, named: count }
    }

    pub(super) fn attach(&mut self, config: &TableConfig) {
        // A range that a split made stays as the one it came from was then.
        for (number, part) in self.all.iter_mut().enumerate().take(self.named) {
            part.attached = config.is_attached(number);
        }
    }

    /// The place, in the order of the ranges, of the one that `key` falls into.
    fn range_of(&self, key: &str) -> usize {
        self.bounds.partition_point(|bound| order(bound, key) != Ordering::Greater)
    }

    /// The partition that a row with this key is in.
    pub(super) fn of(&self, key: &str) -> usize {
        match self.scheme {
            Scheme::Hash => partition_of(key.as_bytes()).1,
            Scheme::Range => self.order[self.range_of(key)],
        }
    }

    /// The partitions that hold rows from `first` to `last`, as far as can be known beforehand.
    pub(super) fn between(&self, first: &str, last: &str) -> Vec<usize> {
        match self.scheme {
            Scheme::Hash => (0..self.all.len()).collect(),
            Scheme::Range => {
                let (from, to) = (self.range_of(first), self.range_of(last));
                self.order[from..=to.max(from)].to_vec()
            }
        }
    }

    /// The number in the order of the ranges, from 1, and from where to where it goes.
    pub(super) fn words(&self, part: usize) -> (usize, String) {
        let place = self.order.iter().position(|&number| number == part).unwrap_or(0);
        let from = match place.checked_sub(1) {
            Some(before) => format!("from {}", self.bounds[before]),
            None => "from the beginning".to_owned(),
        };
        let to = match self.bounds.get(place) {
            Some(next) => format!("to before {next}"),
            None => "to the end".to_owned(),
        };
        (place + 1, format!("{from} {to}"))
    }

    /// Cuts a range: `at` and the keys after it go to a new partition. False when there are too
    /// many already, or nothing would be cut off.
    pub(super) fn split(&mut self, part: usize, at: String) -> bool {
        let place = self.range_of(&at);
        let begins = place.checked_sub(1).is_some_and(|before| self.bounds[before] == at);
        if self.all.len() >= PARTITIONS_MAX || self.order[place] != part || begins {
            return false;
        }
        let number = self.all.len();
        self.all.push(Part::new(number, self.all[part].attached));
        self.order.insert(place + 1, number);
        self.bounds.insert(place, at);
        true
    }

    /// All partitions in the order of their ranges.
    pub(super) fn in_order(&self) -> impl Iterator<Item = &Part> {
        self.order.iter().map(|&number| &self.all[number])
    }

    /// The number of the first query that waits and has a worker free, if there is one.
    pub(super) fn ready(&self, workers: u16) -> Option<usize> {
        let free = |part: &Part| !part.line.is_empty() && part.busy.value() < u32::from(workers);
        self.all.iter().position(free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges() -> Parts {
        Parts::new(&TableConfig { scheme: Scheme::Range, ..TableConfig::default() })
    }

    #[test]
    fn a_range_begins_with_its_bound() {
        let parts = ranges();
        let of = ["user:0", "user:249", "user:250", "user:9999", "aaa", "zzz"].map(|k| parts.of(k));
        assert_eq!(of, [0, 0, 1, 3, 0, 3]);
        assert_eq!(parts.between("user:240", "user:249"), [0]);
        assert_eq!(parts.between("user:240", "user:500"), [0, 1, 2]);
        assert_eq!(parts.words(1), (2, "from user:250 to before user:500".to_owned()));
        assert_eq!(parts.words(3).1, "from user:750 to the end");
    }

    #[test]
    fn a_split_keeps_the_order_and_the_numbers() {
        let mut parts = ranges();
        assert!(parts.split(1, "user:300".to_owned()));
        assert_eq!(["user:299", "user:300", "user:500"].map(|k| parts.of(k)), [1, 4, 2]);
        assert_eq!(parts.between("user:290", "user:310"), [1, 4]);
        assert!(!parts.split(4, "user:300".to_owned()), "it begins there already");
        assert!(!parts.split(1, "user:600".to_owned()), "that is another range");
        let names: Vec<&str> = parts.in_order().map(|part| &*part.name).collect();
        assert_eq!(names[1..3], ["partition_1", "partition_4"]);
    }

    #[test]
    fn hashing_touches_one_for_a_key_and_all_for_a_run() {
        let parts = Parts::new(&TableConfig::default());
        assert_eq!(["user1", "user2", "user3", "user4"].map(|key| parts.of(key)), [0, 2, 2, 3]);
        assert_eq!(parts.between("user:1", "user:2"), [0, 1, 2, 3]);
    }
}
