//! 2Q: new entries wait in a short queue, and only those that are missed soon after get a lasting
//! place.
//!
//! Three lists: `in` (FIFO, a quarter of the capacity), `main` (LRU), and `out`, which remembers
//! the keys, without entries, that left `in` (half the capacity). A new key goes to `in`; a hit
//! there changes nothing. A miss whose key is in `out` goes to `main`; a hit there moves it to the
//! front. The victim comes from `in` while that is over its share, and its key is remembered in
//! `out`; otherwise it is the last of `main`, which is not remembered.

use super::index::{Table, part, room};
use super::list::List;
use super::{Access, Entry, Eviction, Held};
use crate::policy::Knob;
use crate::sim::{Line, Rng, Why};

const IN: u8 = 0;
const MAIN: u8 = 1;
const OUT: u8 = 2;

/// The state: three lists, each with the latest in front.
#[derive(Clone, Debug)]
pub struct TwoQ {
    table: Table,
    young: List,
    main: List,
    out: List,
    young_max: usize,
    out_max: usize,
    capacity: usize,
}

impl TwoQ {
    fn evict(&mut self, why: &mut Why) -> Option<u64> {
        let from_in = self.young.len() > self.young_max || self.main.len() == 0;
        let slot = if from_in { self.young.back() } else { self.main.back() }?;
        let key = self.table.node(slot).key;
        if why.wanted() {
            self.explain(key, from_in, why);
        }
        if !from_in {
            self.main.remove(&mut self.table, slot);
            return Some(self.table.forget(slot));
        }
        self.young.remove(&mut self.table, slot);
        if self.out_max == 0 {
            return Some(self.table.forget(slot));
        }
        if self.out.len() >= self.out_max
            && let Some(oldest) = self.out.back()
        {
            self.out.remove(&mut self.table, oldest);
            self.table.forget(oldest);
        }
        self.table.node_mut(slot).queue = OUT;
        self.out.push_front(&mut self.table, slot);
        Some(key)
    }

    fn explain(&self, key: u64, from_in: bool, why: &mut Why) {
        let (length, max, main) = (self.young.len(), self.young_max, self.main.len());
        why.line(|| Line {
            subject: key.to_string(),
            numbers: match from_in {
                true => format!("oldest of {length} in `in`, whose share is {max}"),
                false => format!("last of {main} in `main`; `in` holds {length} of {max}"),
            },
            chosen: true,
        });
        let than = if length > max { "more than" } else { "not more than" };
        let who = match (from_in, length > max) {
            (false, _) => "so the last of `main` leaves",
            (true, true) => "so its oldest leaves",
            (true, false) => "but `main` is empty, so the oldest of `in` leaves",
        };
        let memory = match (from_in, self.out_max) {
            (false, _) => "",
            (true, 0) => ", and the key is forgotten",
            (true, _) => ", and `out` remembers the key",
        };
        why.say(|| {
            format!("The queue `in` holds {length}, {than} its share of {max}, {who}{memory}.")
        });
    }
}

impl Eviction for TwoQ {
    fn access(&mut self, key: u64, _: &mut Rng, why: &mut Why) -> Access {
        let known = self.table.find(key);
        let mut remembered = false;
        if let Some(slot) = known {
            match self.table.node(slot).queue {
                IN => return Access::HIT,
                MAIN => {
                    self.main.move_front(&mut self.table, slot);
                    return Access::HIT;
                }
                _ => {
                    self.out.remove(&mut self.table, slot);
                    self.table.forget(slot);
                    remembered = true;
                }
            }
        }
        let evicted = if self.len() >= self.capacity { self.evict(why) } else { None };
        let (list, queue) = match remembered {
            true => (&mut self.main, MAIN),
            false => (&mut self.young, IN),
        };
        let slot = self.table.insert(key, queue, 0);
        list.push_front(&mut self.table, slot);
        Access::Miss { evicted }
    }

    fn contains(&self, key: u64) -> bool {
        self.table.find(key).is_some_and(|slot| self.table.node(slot).queue != OUT)
    }

    fn remove(&mut self, key: u64) -> bool {
        let Some(slot) = self.table.find(key) else { return false };
        match self.table.node(slot).queue {
            IN => self.young.remove(&mut self.table, slot),
            MAIN => self.main.remove(&mut self.table, slot),
            _ => return false,
        }
        self.table.forget(slot);
        true
    }

    fn len(&self) -> usize {
        self.young.len() + self.main.len()
    }

    fn ghosts(&self) -> usize {
        self.out.len()
    }

    fn held(&self) -> Vec<Held> {
        let mut out = Vec::new();
        self.table.show(&self.young, "in", &mut out);
        self.table.show(&self.main, "main", &mut out);
        out
    }

    fn check(&self) -> Result<(), String> {
        super::within(self.len(), self.capacity)?;
        super::within(self.out.len(), self.out_max)?;
        let lists = [(&self.young, IN, "in"), (&self.main, MAIN, "main"), (&self.out, OUT, "out")];
        self.table.check(&lists)
    }
}

const IN_SHARE: Knob = Knob {
    key: "in",
    wire: 0,
    label: "Share of `in`",
    unit: "",
    help: "The share of the capacity beyond which the queue of new entries gives the victim.",
    min: 0.0,
    max: 1.0,
    default: 0.25,
    whole: false,
};

const OUT_SHARE: Knob = Knob {
    key: "out",
    wire: 1,
    label: "Size of `out`",
    unit: "",
    help: "How many keys that left are remembered, as a share of the capacity.",
    min: 0.0,
    max: 1.0,
    default: 0.5,
    whole: false,
};

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "two_q",
    wire: 6,
    name: "2Q",
    whose: "Johnson and Shasha's full version, as in libCacheSim 0.3.5; same hits",
    rule: "New entries queue in `in`; those missed again while their key is remembered in `out` \
           get a place in the LRU list `main`.",
    cost: "O(1) time; 1.5 links and keys per entry",
    when: "Scans pass through and should leave the popular entries alone.",
    when_not: "An entry's second request comes late: by then `out` has forgotten it.",
    source: "2Q: A low overhead high performance buffer management replacement algorithm, \
             VLDB 1994",
    knobs: &[IN_SHARE, OUT_SHARE],
    make: |knobs, capacity| {
        let capacity = room(capacity)?;
        Ok(Box::new(TwoQ {
            table: Table::default(),
            young: List::default(),
            main: List::default(),
            out: List::default(),
            young_max: part(capacity, knobs.get(&IN_SHARE)),
            out_max: part(capacity, knobs.get(&OUT_SHARE)),
            capacity,
        }))
    },
};

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    #[test]
    fn a_second_miss_soon_after_gets_a_lasting_place() {
        let mut cache = Bench::new(&ENTRY, 4);
        cache.ask(&[1, 2, 3, 4, 1, 5]);
        // The hit on 1 changed nothing: it was the oldest of `in` and left.
        assert_eq!(cache.shown(), "in 2 3 4 5");
        cache.ask(&[1]);
        assert_eq!(cache.shown(), "in 3 4 5 | main 1");
        // A scan goes through `in` and leaves `main` alone.
        cache.ask(&[6, 7, 8, 9, 10]);
        assert_eq!(cache.shown(), "in 8 9 10 | main 1");
        assert_eq!(
            cache.why.sentence,
            "The queue `in` holds 3, more than its share of 1, so its oldest leaves, \
             and `out` remembers the key."
        );
    }

    #[test]
    fn the_reason_says_what_is_remembered_and_what_is_empty() {
        let mut cache = Bench::with(&ENTRY, 3, "in", 1.0);
        cache.ask(&[1, 2, 3, 4]);
        assert_eq!(
            cache.why.sentence,
            "The queue `in` holds 3, not more than its share of 3, but `main` is empty, \
             so the oldest of `in` leaves, and `out` remembers the key."
        );
        // 1 comes back to `main` in place of 2, which `out` remembers instead.
        cache.ask(&[1, 5]);
        assert_eq!(
            cache.why.sentence,
            "The queue `in` holds 2, not more than its share of 3, so the last of `main` leaves."
        );
        let mut cache = Bench::with(&ENTRY, 3, "out", 0.0);
        cache.ask(&[1, 2, 3, 4]);
        assert_eq!(
            cache.why.sentence,
            "The queue `in` holds 3, more than its share of 0, so its oldest leaves, \
             and the key is forgotten."
        );
    }
}
