//! CLOCK: FIFO with a second chance.
//!
//! Each entry has a small counter, 0 when it comes in; a hit adds one, up to the largest number its
//! bits can hold. The victim is looked for from the oldest on: one with a counter above 0 loses
//! one and goes back to the newest end; the first one with 0 leaves. With one bit this is the
//! classical algorithm, where a hand goes round the frames: moving the entry and moving the hand
//! are the same.

use super::index::{Table, room};
use super::list::List;
use super::{Access, Entry, Eviction, Held, Sweep};
use crate::policy::Knob;
use crate::sim::{Rng, Why};

/// The state: one queue, the newest in front; marks are the counters.
#[derive(Clone, Debug)]
pub struct Clock {
    table: Table,
    queue: List,
    capacity: usize,
    count_max: u32,
}

impl Clock {
    fn evict(&mut self, why: &mut Why) -> Option<u64> {
        let mut sweep = Sweep::default();
        loop {
            let slot = self.queue.back()?;
            let node = self.table.node_mut(slot);
            let (key, count) = (node.key, node.mark);
            if count == 0 {
                sweep.victim(why, key, || "counter 0".to_owned());
                why.say(|| {
                    let fate = "with a counter above 0 went to the newest end";
                    sweep.sentence(self.queue.len(), fate, fate)
                });
                self.queue.remove(&mut self.table, slot);
                return Some(self.table.forget(slot));
            }
            node.mark -= 1;
            sweep.spared(why, key, || format!("counter {count} − 1 = {}", count - 1));
            self.queue.move_front(&mut self.table, slot);
        }
    }
}

impl Eviction for Clock {
    #[inline]
    fn access(&mut self, key: u64, _: &mut Rng, why: &mut Why) -> Access {
        if let Some(slot) = self.table.find(key) {
            let node = self.table.node_mut(slot);
            node.mark = (node.mark + 1).min(self.count_max);
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

const BITS: Knob = Knob {
    key: "bits",
    wire: 0,
    label: "Bits",
    unit: "",
    help: "Bits of an entry's counter: with n bits it survives up to 2^n - 1 rounds.",
    min: 1.0,
    max: 8.0,
    default: 1.0,
    whole: true,
};

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "clock",
    wire: 2,
    name: "CLOCK",
    whose: "textbook, with n bits as in libCacheSim 0.3.5; same hits",
    rule: "From the oldest on: whoever was hit loses one count and goes round again, \
           the first with none leaves.",
    cost: "O(1) time on average, at worst 2^bits − 1 looks at each of n entries; `bits` bits per \
           entry, and a hit writes only these",
    when: "LRU's hits are wanted and moving an entry on each hit is too dear.",
    when_not: "Long scans or loops pass through: they empty it as they empty LRU.",
    source: "Corbato 1968, A paging experiment with the Multics system",
    knobs: &[BITS],
    make: |knobs, capacity| {
        let capacity = room(capacity)?;
        let count_max = (1 << knobs.count(&BITS)) - 1;
        Ok(Box::new(Clock { table: Table::default(), queue: List::default(), capacity, count_max }))
    },
};

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    #[test]
    fn who_was_hit_goes_round_once_more() {
        let mut cache = Bench::new(&ENTRY, 3);
        assert_eq!(cache.ask(&[1, 2, 3, 1, 1]), "...hh");
        assert_eq!(cache.marks(), "queue 1:1 2:0 3:0");
        assert_eq!(cache.ask(&[4]), ".");
        assert_eq!(cache.marks(), "queue 3:0 1:0 4:0");
        assert_eq!(cache.rows(), ["1 counter 1 − 1 = 0", "2 counter 0 (chosen)"]);
        assert_eq!(
            cache.why.sentence,
            "1 entry with a counter above 0 went to the newest end; it was the first without."
        );
    }

    #[test]
    fn where_all_were_hit_the_hand_comes_round() {
        let mut cache = Bench::new(&ENTRY, 2);
        cache.ask(&[1, 2, 1, 2, 3]);
        assert_eq!(
            cache.rows(),
            ["1 counter 1 − 1 = 0", "2 counter 1 − 1 = 0", "1 counter 0 (chosen)"]
        );
        assert_eq!(
            cache.why.sentence,
            "All 2 entries had been hit; after 2 looks the hand came round to it again."
        );
        // With more bits it may pass by an entry several times.
        let mut cache = Bench::with(&ENTRY, 2, "bits", 2.0);
        cache.ask(&[1, 2, 1, 1, 2, 2, 2, 3]);
        assert_eq!(
            cache.why.sentence,
            "All 2 entries had been hit; after 4 looks the hand came round to it again."
        );
        let mut cache = Bench::new(&ENTRY, 1);
        cache.ask(&[1, 1, 2]);
        assert_eq!(
            cache.why.sentence,
            "The only entry had been hit; after 1 look the hand came round to it again."
        );
    }

    #[test]
    fn two_bits_count_to_three() {
        let mut cache = Bench::with(&ENTRY, 2, "bits", 2.0);
        cache.ask(&[1, 1, 1, 1, 1, 2]);
        assert_eq!(cache.marks(), "queue 1:3 2:0");
        cache.ask(&[3, 4, 5]);
        assert_eq!(cache.marks(), "queue 1:0 5:0");
        cache.ask(&[6]);
        assert_eq!(cache.marks(), "queue 5:0 6:0");
    }
}
