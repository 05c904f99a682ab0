//! First in, first out: whoever came in first leaves first.
//!
//! A hit changes nothing. With some request sequences a larger cache then hits *less* often
//! (Belady's anomaly: 1 2 3 4 1 2 5 1 2 3 4 5 misses 9 times with 3 entries and 10 times with 4).

use super::index::{Table, room};
use super::list::List;
use super::{Access, Entry, Eviction, Held};
use crate::sim::{Line, Rng, Why};

/// The state: one queue, the newest in front.
#[derive(Clone, Debug)]
pub struct Fifo {
    table: Table,
    queue: List,
    capacity: usize,
}

impl Fifo {
    fn evict(&mut self, why: &mut Why) -> Option<u64> {
        let slot = self.queue.back()?;
        let (key, held) = (self.table.node(slot).key, self.queue.len());
        why.line(|| Line {
            subject: key.to_string(),
            numbers: format!("place 1 of {held} by arrival"),
            chosen: true,
        });
        why.say(|| format!("It came in first of all {held} entries; hits do not count."));
        self.queue.remove(&mut self.table, slot);
        Some(self.table.forget(slot))
    }
}

impl Eviction for Fifo {
    #[inline]
    fn access(&mut self, key: u64, _: &mut Rng, why: &mut Why) -> Access {
        if self.table.find(key).is_some() {
            return Access::HIT;
        }
        let full = self.queue.len() >= self.capacity;
        let evicted = if full { self.evict(why) } else { None };
        let slot = self.table.insert(key, 0, 0);
        self.queue.push_front(&mut self.table, slot);
        Access::Miss { evicted }
    }

    fn contains(&self, key: u64) -> bool {
        self.table.find(key).is_some()
    }

    fn remove(&mut self, key: u64) -> bool {
        let Some(slot) = self.table.find(key) else { return false };
        self.queue.remove(&mut self.table, slot);
        self.table.forget(slot);
        true
    }

    fn len(&self) -> usize {
        self.queue.len()
    }

    fn held(&self) -> Vec<Held> {
        let mut out = Vec::new();
        self.table.show(&self.queue, "queue", &mut out);
        out
    }

    fn check(&self) -> Result<(), String> {
        super::within(self.len(), self.capacity)?;
        self.table.check(&[(&self.queue, 0, "queue")])
    }
}

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "fifo",
    wire: 0,
    name: "FIFO",
    whose: "textbook; same hits as libCacheSim 0.3.5",
    rule: "The entry that came in first leaves first; a hit changes nothing.",
    cost: "O(1) time; one link each way per entry",
    when: "A hit must not write anything, or entries age alike anyway.",
    when_not: "Some keys are asked for again and again: they leave as early as the others.",
    source: "Belady 1966, A study of replacement algorithms for a virtual-storage computer",
    knobs: &[],
    make: |_, capacity| {
        let capacity = room(capacity)?;
        Ok(Box::new(Fifo { table: Table::default(), queue: List::default(), capacity }))
    },
};

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, faults};
    use super::*;

    #[test]
    fn hits_do_not_save() {
        let mut cache = Bench::new(&ENTRY, 3);
        assert_eq!(cache.ask(&[1, 2, 3, 1]), "...h");
        assert_eq!(cache.shown(), "queue 1 2 3");
        assert_eq!(cache.ask(&[4]), ".");
        assert_eq!(cache.shown(), "queue 2 3 4");
        assert_eq!(cache.why.sentence, "It came in first of all 3 entries; hits do not count.");
    }

    #[test]
    fn more_room_can_mean_more_misses() {
        let requests = [1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5];
        assert_eq!((faults(&ENTRY, 3, &requests), faults(&ENTRY, 4, &requests)), (9, 10));
    }
}
