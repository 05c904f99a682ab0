//! Least recently used: whoever was asked for longest ago leaves.
//!
//! A list in the order of the last request, the newest in front; a hit moves the entry to the
//! front, the victim is at the back. The hit ratio of a stream of independent requests can be
//! computed: Che's approximation, [`crate::stats::che::che_lru`].

use super::index::{Table, room};
use super::list::List;
use super::{Access, Entry, Eviction, Held};
use crate::sim::{Line, Rng, Why};

/// The state: one list, the latest asked for in front.
#[derive(Clone, Debug)]
pub struct Lru {
    table: Table,
    list: List,
    capacity: usize,
}

impl Lru {
    fn evict(&mut self, why: &mut Why) -> Option<u64> {
        let slot = self.list.back()?;
        let (key, held) = (self.table.node(slot).key, self.list.len());
        why.line(|| Line {
            subject: key.to_string(),
            numbers: format!("place 1 of {held} by last request"),
            chosen: true,
        });
        why.say(|| format!("Of all {held} entries it was asked for longest ago."));
        self.list.remove(&mut self.table, slot);
        Some(self.table.forget(slot))
    }
}

impl Eviction for Lru {
    #[inline]
    fn access(&mut self, key: u64, _: &mut Rng, why: &mut Why) -> Access {
        if let Some(slot) = self.table.find(key) {
            self.list.move_front(&mut self.table, slot);
            return Access::HIT;
        }
        let full = self.list.len() >= self.capacity;
        let evicted = if full { self.evict(why) } else { None };
        let slot = self.table.insert(key, 0, 0);
        self.list.push_front(&mut self.table, slot);
        Access::Miss { evicted }
    }

    fn contains(&self, key: u64) -> bool {
        self.table.find(key).is_some()
    }

    fn remove(&mut self, key: u64) -> bool {
        let Some(slot) = self.table.find(key) else { return false };
        self.list.remove(&mut self.table, slot);
        self.table.forget(slot);
        true
    }

    fn len(&self) -> usize {
        self.list.len()
    }

    fn held(&self) -> Vec<Held> {
        let mut out = Vec::new();
        self.table.show(&self.list, "list", &mut out);
        out
    }

    fn check(&self) -> Result<(), String> {
        super::within(self.len(), self.capacity)?;
        self.table.check(&[(&self.list, 0, "list")])
    }
}

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "lru",
    wire: 1,
    name: "LRU",
    whose: "textbook; same hits as libCacheSim 0.3.5",
    rule: "The entry that was asked for longest ago leaves.",
    cost: "O(1) time, and a hit writes; one link each way per entry",
    when: "What was asked for lately will be asked for soon.",
    when_not: "Long scans or loops pass through: one scan as large as the cache empties it.",
    source: "Mattson, Gecsei, Slutz and Traiger 1970, Evaluation techniques for storage \
             hierarchies",
    knobs: &[],
    make: |_, capacity| {
        let capacity = room(capacity)?;
        Ok(Box::new(Lru { table: Table::default(), list: List::default(), capacity }))
    },
};

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, faults};
    use super::*;

    #[test]
    fn a_hit_saves() {
        let mut cache = Bench::new(&ENTRY, 3);
        assert_eq!(cache.ask(&[1, 2, 3, 1]), "...h");
        assert_eq!(cache.shown(), "list 2 3 1");
        assert_eq!(cache.ask(&[4]), ".");
        assert_eq!(cache.shown(), "list 3 1 4");
        assert_eq!(cache.why.sentence, "Of all 3 entries it was asked for longest ago.");
    }

    #[test]
    fn a_loop_one_larger_than_the_cache_never_hits() {
        let round: Vec<u64> = (0..40).map(|n| n % 4).collect();
        assert_eq!(faults(&ENTRY, 3, &round), 40);
        assert_eq!(faults(&ENTRY, 4, &round), 4);
    }
}
