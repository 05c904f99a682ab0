//! SIEVE: FIFO with a visited bit and a hand that stays where it is.
//!
//! New entries come in at the head with the bit clear; a hit sets it and moves nothing. To evict,
//! the hand goes from the tail towards the head: a set bit is cleared and the entry stays in its
//! place, the first entry with a clear bit leaves, and the hand waits at its newer neighbour. At
//! the head it goes back to the tail. Unlike CLOCK, survivors keep their places, so new entries are
//! sifted while the popular ones gather behind the hand.

use super::index::{Table, room};
use super::list::{List, NONE};
use super::{Access, Entry, Eviction, Held, Sweep};
use crate::sim::{Rng, Why};

/// The state: one queue, the newest in front; marks are the visited bits.
#[derive(Clone, Debug)]
pub struct Sieve {
    table: Table,
    queue: List,
    /// Where the next search begins; `NONE` is the tail.
    hand: u32,
    capacity: usize,
}

impl Sieve {
    fn evict(&mut self, why: &mut Why) -> Option<u64> {
        let mut sweep = Sweep::default();
        let mut at = if self.hand == NONE { self.queue.back()? } else { self.hand };
        while self.table.node(at).mark != 0 {
            let node = self.table.node_mut(at);
            node.mark = 0;
            sweep.spared(why, node.key, || "visited: bit cleared".to_owned());
            at = List::before(&self.table, at).or(self.queue.back())?;
        }
        sweep.victim(why, self.table.node(at).key, || "not visited".to_owned());
        why.say(|| {
            let visited = ["stays", "stay"].map(|end| format!("had been visited and {end}"));
            sweep.sentence(self.queue.len(), &visited[0], &visited[1])
        });
        self.hand = List::before(&self.table, at).unwrap_or(NONE);
        self.queue.remove(&mut self.table, at);
        Some(self.table.forget(at))
    }
}

impl Eviction for Sieve {
    #[inline]
    fn access(&mut self, key: u64, _: &mut Rng, why: &mut Why) -> Access {
        if let Some(slot) = self.table.find(key) {
            self.table.node_mut(slot).mark = 1;
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
        if self.hand == slot {
            self.hand = List::before(&self.table, slot).unwrap_or(NONE);
        }
        self.queue.remove(&mut self.table, slot);
        self.table.forget(slot);
        true
    }

    fn len(&self) -> usize {
        self.queue.len()
    }

    /// From the hand on, once round; marks are the visited bits.
    fn held(&self) -> Vec<Held> {
        let mut out = Vec::new();
        self.table.show(&self.queue, "queue", &mut out);
        let place = self.queue.walk(&self.table).position(|slot| slot == self.hand);
        out.rotate_left(place.unwrap_or(0));
        out
    }

    fn check(&self) -> Result<(), String> {
        super::within(self.len(), self.capacity)?;
        let hand = self.hand;
        if hand != NONE && !self.queue.walk(&self.table).any(|slot| slot == hand) {
            return Err(format!("the hand points to slot {hand}, which is not in the queue"));
        }
        self.table.check(&[(&self.queue, 0, "queue")])
    }
}

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "sieve",
    wire: 3,
    name: "SIEVE",
    whose: "Zhang, Yang, Yue, Vigfusson and Rashmi; same hits as libCacheSim 0.3.5",
    rule: "A hand walks from old to new, clears visited bits and takes the first without; \
           nobody moves.",
    cost: "O(1) time on average, O(n) at worst; one bit per entry, and a hit writes only that",
    when: "Popularity is skewed, as on the web: many keys are asked for once.",
    when_not: "Long loops or scans: a scan is sifted out, but a loop is as bad as in LRU.",
    source: "SIEVE is Simpler than LRU, NSDI 2024",
    knobs: &[],
    make: |_, capacity| {
        let capacity = room(capacity)?;
        Ok(Box::new(Sieve {
            table: Table::default(),
            queue: List::default(),
            hand: NONE,
            capacity,
        }))
    },
};

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    #[test]
    fn the_hand_clears_bits_and_survivors_keep_their_places() {
        let mut cache = Bench::new(&ENTRY, 4);
        cache.ask(&[1, 2, 3, 4, 1, 2]);
        assert_eq!(cache.marks(), "queue 1:1 2:1 3:0 4:0");
        cache.ask(&[5]);
        // 1 and 2 lost their bits, 3 left, the hand waits at 4.
        assert_eq!(cache.marks(), "queue 4:0 5:0 1:0 2:0");
        assert_eq!(
            cache.rows(),
            ["1 visited: bit cleared", "2 visited: bit cleared", "3 not visited (chosen)"]
        );
        assert_eq!(
            cache.why.sentence,
            "2 entries had been visited and stay; it was the first without."
        );
        cache.ask(&[6]);
        assert_eq!(cache.marks(), "queue 5:0 6:0 1:0 2:0");
        cache.ask(&[5, 6, 7]);
        // From the head the hand goes back to the tail.
        assert_eq!(cache.marks(), "queue 2:0 5:0 6:0 7:0");
        cache.ask(&[2, 5, 6, 7, 8]);
        assert_eq!(
            cache.why.sentence,
            "All 4 entries had been hit; after 4 looks the hand came round to it again."
        );
    }
}
