//! LRU-2: whoever's last request *but one* is longest ago leaves.
//!
//! One request may be chance, two show an interval. Entries asked for only once since they came in
//! count as infinitely long ago: they leave first, the earliest of them first. Requests are the
//! clock. The history of an entry is forgotten when it leaves, as in libCacheSim; the paper
//! remembers it for a while.

use super::heap::Heap;
use super::index::{Table, room};
use super::list::List;
use super::{Access, Entry, Eviction, Held};
use crate::sim::{Line, Rng, Why};

const ONCE: u8 = 0;
const TWICE: u8 = 1;

/// The state: entries asked for once, by arrival, and the others by their last request but one.
#[derive(Clone, Debug)]
pub struct Lru2 {
    table: Table,
    once: List,
    twice: Heap,
    /// For each slot the number of the last request for it.
    last: Vec<u64>,
    /// Requests so far.
    clock: u64,
    capacity: usize,
}

impl Lru2 {
    fn evict(&mut self, why: &mut Why) -> Option<u64> {
        if let Some(slot) = self.once.back() {
            let (key, count) = (self.table.node(slot).key, self.once.len());
            why.line(|| Line {
                subject: key.to_string(),
                numbers: format!("asked for once; first of {count} such"),
                chosen: true,
            });
            why.say(|| {
                format!("Of the {count} entries asked for only once it was the first to come in.")
            });
            self.once.remove(&mut self.table, slot);
            return Some(self.table.forget(slot));
        }
        let (at, slot) = self.twice.first()?;
        let (key, ago) = (self.table.node(slot).key, self.clock - at);
        why.line(|| Line {
            subject: key.to_string(),
            numbers: format!("last but one: {ago} requests ago"),
            chosen: true,
        });
        why.say(|| {
            format!(
                "All were asked for twice or more; its last request but one, {ago} ago, is the \
                 oldest."
            )
        });
        self.twice.remove(slot);
        Some(self.table.forget(slot))
    }
}

impl Eviction for Lru2 {
    fn access(&mut self, key: u64, _: &mut Rng, why: &mut Why) -> Access {
        self.clock += 1;
        if let Some(slot) = self.table.find(key) {
            let before = std::mem::replace(&mut self.last[slot as usize], self.clock);
            let node = self.table.node_mut(slot);
            if node.queue == ONCE {
                node.queue = TWICE;
                self.once.remove(&mut self.table, slot);
                self.twice.insert(slot, before);
            } else {
                self.twice.grow(slot, before);
            }
            return Access::HIT;
        }
        let evicted = if self.len() >= self.capacity { self.evict(why) } else { None };
        let slot = self.table.insert(key, ONCE, 0);
        if self.last.len() < self.table.slots() {
            self.last.resize(self.table.slots(), 0);
        }
        self.last[slot as usize] = self.clock;
        self.once.push_front(&mut self.table, slot);
        Access::Miss { evicted }
    }

    fn contains(&self, key: u64) -> bool {
        self.table.find(key).is_some()
    }

    fn remove(&mut self, key: u64) -> bool {
        let Some(slot) = self.table.find(key) else { return false };
        match self.table.node(slot).queue {
            ONCE => self.once.remove(&mut self.table, slot),
            _ => self.twice.remove(slot),
        }
        self.table.forget(slot);
        true
    }

    fn len(&self) -> usize {
        self.once.len() + self.twice.len()
    }

    /// Marks are the number of the last request but one; 0 where there was only one.
    fn held(&self) -> Vec<Held> {
        let mut out = Vec::new();
        self.table.show(&self.once, "once", &mut out);
        let show = |(mark, slot)| Held { mark, ..self.table.held(slot, "twice") };
        out.extend(self.twice.sorted().into_iter().map(show));
        out
    }

    fn check(&self) -> Result<(), String> {
        super::within(self.len(), self.capacity)?;
        self.once.check(&self.table, "once")?;
        self.twice.check()?;
        self.table.check_count(self.len())
    }
}

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "lru_2",
    wire: 10,
    name: "LRU-2",
    whose: "O'Neil, O'Neil and Weikum with K = 2, history forgotten as in libCacheSim 0.3.5; \
            same hits",
    rule: "The entry whose last request but one is longest ago leaves; those asked for once \
           leave before all others.",
    cost: "O(log n) time; two numbers and two links per entry",
    when: "Many keys are asked for once and must not push out those asked for regularly.",
    when_not: "Popularity changes quickly: new entries leave before their second request.",
    source: "The LRU-K page replacement algorithm for database disk buffering, SIGMOD 1993",
    knobs: &[],
    make: |_, capacity| {
        Ok(Box::new(Lru2 {
            table: Table::default(),
            once: List::default(),
            twice: Heap::default(),
            last: Vec::new(),
            clock: 0,
            capacity: room(capacity)?,
        }))
    },
};

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    #[test]
    fn once_leaves_before_twice_and_then_the_longest_interval() {
        let mut cache = Bench::new(&ENTRY, 3);
        // Requests 1 to 6: the last but one is 1 for key 1 and 2 for key 2.
        cache.ask(&[1, 2, 3, 2, 1, 4]);
        assert_eq!(cache.marks(), "once 4:0 | twice 1:1 2:2");
        assert_eq!(cache.rows(), ["3 asked for once; first of 1 such (chosen)"]);
        cache.ask(&[4, 5]);
        assert_eq!(cache.marks(), "once 5:0 | twice 2:2 4:6");
        assert_eq!(cache.rows(), ["1 last but one: 7 requests ago (chosen)"]);
    }
}
