//! ARC: the adaptive replacement cache, which learns how much recency and how much frequency pay.
//!
//! T1 holds entries asked for once of late, T2 those asked for again; B1 and B2 remember the keys
//! that left each of them. Every hit moves the entry to the front of T2. The target `p` for the
//! size of T1 begins at 0; C is the capacity:
//!
//! - miss, key in B1: `p = min(p + max(|B2| / |B1|, 1), C)`, room is made, the key goes to T2;
//! - miss, key in B2: `p = max(p − max(|B1| / |B2|, 1), 0)`, room is made, the key goes to T2;
//! - other miss: if |T1| + |B1| = C, the oldest of B1 is forgotten (if B1 is empty, the oldest of
//!   T1 leaves and is not remembered); else, if all four hold 2C, the oldest of B2 is forgotten.
//!   Room is made if there is none, the key goes to T1.
//!
//! Making room: the oldest of T1 goes to B1 when |T1| > p, or |T1| = p and the key was in B2;
//! otherwise the oldest of T2 goes to B2. `p` is a fraction, not rounded, as in libCacheSim.

use std::cmp::Ordering;

use super::index::{Table, room};
use super::list::List;
use super::{Access, Entry, Eviction, Held};
use crate::sim::{Line, Rng, Why};

const T1: usize = 0;
const T2: usize = 1;
const B1: usize = 2;
const B2: usize = 3;
const NAMES: [&str; 4] = ["T1", "T2", "B1", "B2"];

/// The state: four lists, each with the latest in front, and the target.
#[derive(Clone, Debug)]
pub struct Arc {
    table: Table,
    lists: [List; 4],
    p: f64,
    capacity: usize,
}

/// The target with two digits behind the point, or with as many as it takes to tell that it is no
/// whole number.
fn shown(p: f64) -> String {
    let rounded = format!("{p:.2}");
    match rounded.ends_with(".00") && p.fract() != 0.0 {
        true => p.to_string(),
        false => rounded,
    }
}

impl Arc {
    fn count(&self, list: usize) -> usize {
        self.lists[list].len()
    }

    fn shift(&mut self, slot: u32, to: usize) {
        let from = usize::from(self.table.node(slot).queue);
        self.lists[from].remove(&mut self.table, slot);
        self.table.node_mut(slot).queue = to as u8;
        self.lists[to].push_front(&mut self.table, slot);
    }

    /// Forgets the oldest of a list. Its key.
    fn drop_oldest(&mut self, list: usize) -> Option<u64> {
        let slot = self.lists[list].back()?;
        self.lists[list].remove(&mut self.table, slot);
        Some(self.table.forget(slot))
    }

    /// A place for one more: the oldest of T1 or T2 becomes a memory.
    fn replace(&mut self, in_b2: bool, why: &mut Why) -> Option<u64> {
        if self.len() < self.capacity {
            return None;
        }
        let (t1, p) = (self.count(T1), self.p);
        let over = t1 as f64 > p || (in_b2 && t1 as f64 == p);
        let from = if (t1 > 0 && over) || self.count(T2) == 0 { T1 } else { T2 };
        let slot = self.lists[from].back()?;
        let key = self.table.node(slot).key;
        if why.wanted() {
            self.explain(key, from, why);
        }
        self.shift(slot, from + 2);
        Some(key)
    }

    fn explain(&self, key: u64, from: usize, why: &mut Why) {
        let (t1, p) = (self.count(T1), shown(self.p));
        why.line(|| Line {
            subject: key.to_string(),
            numbers: format!("oldest of {}: |T1| = {t1}, p = {p}", NAMES[from]),
            chosen: true,
        });
        let than = match (t1 as f64).total_cmp(&self.p) {
            Ordering::Less => "less than",
            Ordering::Equal => "exactly",
            Ordering::Greater => "more than",
        };
        let also = match (from, t1 as f64 > self.p) {
            (T1, true) => "",
            (T1, _) if self.count(T2) == 0 => ", but T2 is empty",
            (T1, _) => ", and the key asked for was in B2",
            _ if t1 == 0 => ", and has none to give",
            (_, _) => "",
        };
        why.say(|| {
            format!(
                "T1 holds {t1}, {than} its target of {p}{also}; the oldest of {} leaves, \
                 and {} remembers the key.",
                NAMES[from],
                NAMES[from + 2]
            )
        });
    }

    /// The key asked for is remembered in B1 or B2.
    fn return_of(&mut self, slot: u32, from: usize, why: &mut Why) -> Access {
        let ratio = |a: usize, b: usize| (a as f64 / b as f64).max(1.0);
        let (b1, b2) = (self.count(B1), self.count(B2));
        self.p = match from {
            B1 => (self.p + ratio(b2, b1)).min(self.capacity as f64),
            _ => (self.p - ratio(b1, b2)).max(0.0),
        };
        // Out of the ghosts first: its own memory must not be taken for room.
        self.lists[from].remove(&mut self.table, slot);
        let evicted = self.replace(from == B2, why);
        self.table.node_mut(slot).queue = T2 as u8;
        self.lists[T2].push_front(&mut self.table, slot);
        Access::Miss { evicted }
    }

    fn newcomer(&mut self, key: u64, why: &mut Why) -> Access {
        let capacity = self.capacity;
        let total: usize = self.lists.iter().map(List::len).sum();
        let mut evicted = None;
        if self.count(T1) + self.count(B1) >= capacity {
            if self.count(T1) < capacity {
                self.drop_oldest(B1);
                evicted = self.replace(false, why);
            } else {
                evicted = self.drop_oldest(T1);
                let (key, t1) = (evicted.unwrap_or_default(), capacity);
                why.line(|| Line {
                    subject: key.to_string(),
                    numbers: format!("oldest of T1: |T1| = {t1} = C, |B1| = 0"),
                    chosen: true,
                });
                why.say(|| {
                    format!("T1 alone fills the cache with {t1}; its oldest leaves unremembered.")
                });
            }
        } else if total >= capacity {
            if total >= 2 * capacity {
                self.drop_oldest(B2);
            }
            evicted = self.replace(false, why);
        }
        let slot = self.table.insert(key, T1 as u8, 0);
        self.lists[T1].push_front(&mut self.table, slot);
        Access::Miss { evicted }
    }
}

impl Eviction for Arc {
    fn access(&mut self, key: u64, _: &mut Rng, why: &mut Why) -> Access {
        let Some(slot) = self.table.find(key) else { return self.newcomer(key, why) };
        match usize::from(self.table.node(slot).queue) {
            T1 => self.shift(slot, T2),
            T2 => self.lists[T2].move_front(&mut self.table, slot),
            ghost => return self.return_of(slot, ghost, why),
        }
        Access::HIT
    }

    fn contains(&self, key: u64) -> bool {
        self.table.find(key).is_some_and(|slot| usize::from(self.table.node(slot).queue) <= T2)
    }

    fn remove(&mut self, key: u64) -> bool {
        let Some(slot) = self.table.find(key) else { return false };
        let list = usize::from(self.table.node(slot).queue);
        if list > T2 {
            return false;
        }
        self.lists[list].remove(&mut self.table, slot);
        self.table.forget(slot);
        true
    }

    fn len(&self) -> usize {
        self.count(T1) + self.count(T2)
    }

    fn ghosts(&self) -> usize {
        self.count(B1) + self.count(B2)
    }

    fn held(&self) -> Vec<Held> {
        let mut out = Vec::new();
        self.table.show(&self.lists[T1], NAMES[T1], &mut out);
        self.table.show(&self.lists[T2], NAMES[T2], &mut out);
        out
    }

    fn check(&self) -> Result<(), String> {
        super::within(self.len(), self.capacity)?;
        super::within(self.count(T1) + self.count(B1), self.capacity)?;
        super::within(self.lists.iter().map(List::len).sum(), 2 * self.capacity)?;
        if !(0.0..=self.capacity as f64).contains(&self.p) {
            return Err(format!("p is {}", self.p));
        }
        let place = |n: usize| (&self.lists[n], n as u8, NAMES[n]);
        self.table.check(&[place(T1), place(T2), place(B1), place(B2)])
    }
}

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "arc",
    wire: 7,
    name: "ARC",
    whose: "Megiddo and Modha, p as a fraction as in libCacheSim 0.3.5; same hits",
    rule: "Two lists, seen once and seen again; misses on what just left either of them shift the \
           target for the first.",
    cost: "O(1) time; two links and keys per entry, twice the capacity in keys",
    when: "The mix of scans and repeats changes and nobody wants to tune.",
    when_not: "Loops larger than the cache: it never hits, like LRU.",
    source: "ARC: A self-tuning, low overhead replacement cache, FAST 2003",
    knobs: &[],
    make: |_, capacity| {
        let capacity = room(capacity)?;
        let lists = [List::default(); 4];
        Ok(Box::new(Arc { table: Table::default(), lists, p: 0.0, capacity }))
    },
};

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    #[test]
    fn a_return_from_b1_makes_room_for_recency() {
        let mut cache = Bench::new(&ENTRY, 3);
        cache.ask(&[1, 2, 3, 1]);
        assert_eq!(cache.shown(), "T1 2 3 | T2 1");
        cache.ask(&[4]);
        assert_eq!(cache.shown(), "T1 3 4 | T2 1");
        assert_eq!(
            cache.why.sentence,
            "T1 holds 2, more than its target of 0.00; the oldest of T1 leaves, \
             and B1 remembers the key."
        );
        // 2 is in B1: p becomes 1, and |T1| = 2 > 1, so 3 leaves.
        cache.ask(&[2]);
        assert_eq!(cache.shown(), "T1 4 | T2 1 2");
        assert_eq!(cache.rows(), ["3 oldest of T1: |T1| = 2, p = 1.00 (chosen)"]);
        // Now |T1| = 1 is not over its target, so the oldest of T2 leaves.
        cache.ask(&[3]);
        assert_eq!(cache.shown(), "T1 4 | T2 2 3");
        assert_eq!(
            cache.why.sentence,
            "T1 holds 1, less than its target of 2.00; the oldest of T2 leaves, \
             and B2 remembers the key."
        );
    }

    #[test]
    fn the_target_is_told_with_enough_digits_to_compare() {
        assert_eq!([0.0, 2.0, 1.25, 4.0 / 3.0].map(shown), ["0.00", "2.00", "1.25", "1.33"]);
        assert_eq!([2.999, 3.001].map(shown), ["2.999", "3.001"]);
    }

    #[test]
    fn an_empty_list_gives_nobody() {
        let mut cache = Bench::new(&ENTRY, 2);
        // 1 and 2 are in T2, B1 and B2 are empty, and T1 has none.
        cache.ask(&[1, 2, 1, 2, 3]);
        assert_eq!(
            cache.why.sentence,
            "T1 holds 0, exactly its target of 0.00, and has none to give; the oldest of T2 \
             leaves, and B2 remembers the key."
        );
        // 1 is in B2, and T1 holds 3: more than p, which stays at 0.
        cache.ask(&[1]);
        assert_eq!(cache.shown(), "T2 2 1");
    }
}
