//! LIRS: low inter-reference recency set.
//!
//! What counts is not when a key was last asked for but how many other keys were asked for between
//! its last two requests. Entries for which that was few are LIR and have nearly all of the cache;
//! the rest, HIR, pass through a short queue.
//!
//! - The stack S orders entries by their last request, and it also holds ghosts: keys of HIR
//!   entries that left. Its bottom is always LIR; whatever else sinks there falls out (pruning).
//! - The queue Q holds the HIR entries in the cache; the oldest of it is always the victim. It is
//!   still remembered if it is in S.
//! - A hit on LIR moves it to the top of S. A hit on HIR that is in S makes it LIR, and the LIR at
//!   the bottom goes to Q as HIR; one that is not in S goes to the top of S and the end of Q.
//! - A miss on a ghost makes it LIR as well; any other new key comes in as HIR.
//! - While there are fewer LIR than may be (at the start, and after removals), whoever is asked for
//!   becomes LIR.
//! - The same key several times in a row counts once.
//!
//! This is the program of the LIRS authors (lirs.c, 2002), which knows no removals: HIR 1 % of the
//! capacity, at least 2. It limits S to 2,500 times the capacity, here it is 100 times unless set;
//! beyond that the ghost that left earliest is forgotten, where the program takes the lowest HIR in
//! S. libCacheSim 0.3.5 differs: HIR at least 1, S limited to twice the capacity, and after a hit
//! on an HIR entry that is not in S it holds entries it does not count. With the knobs set so, hits
//! differ from its own by less than 1 in 100 requests.

use super::index::{CAPACITY_MAX, Table, part, room};
use super::list::{Link, List};
use super::{Access, Entry, Eviction, Held};
use crate::policy::Knob;
use crate::sim::{Line, Rng, Why};

const LIR: u8 = 0;
const HIR: u8 = 1;
const GHOST: u8 = 2;

/// The state. An HIR entry's mark says whether it is in S.
#[derive(Clone, Debug)]
pub struct Lirs {
    table: Table,
    /// The stack S, its top in front.
    stack: List,
    /// Links of Q and of the ghosts: an entry is never in both, but in S as well.
    links: Vec<Link>,
    /// The queue Q, the latest in front.
    queue: List,
    /// Ghosts in the order in which they left, the latest in front.
    ghosts: List,
    lir: usize,
    hir_max: usize,
    stack_max: usize,
    last: Option<u64>,
    capacity: usize,
}

impl Lirs {
    fn lir_max(&self) -> usize {
        self.capacity - self.hir_max
    }

    fn push_stack(&mut self, slot: u32) {
        self.table.node_mut(slot).mark = 1;
        self.stack.push_front(&mut self.table, slot);
    }

    fn leave_stack(&mut self, slot: u32) {
        self.table.node_mut(slot).mark = 0;
        self.stack.remove(&mut self.table, slot);
    }

    fn push_queue(&mut self, slot: u32) {
        self.table.node_mut(slot).queue = HIR;
        self.queue.push_front(&mut self.links, slot);
    }

    fn forget_ghost(&mut self, slot: u32) {
        self.ghosts.remove(&mut self.links, slot);
        self.leave_stack(slot);
        self.table.forget(slot);
    }

    /// Lets everything below the lowest LIR entry fall out of S.
    fn prune(&mut self) {
        while let Some(bottom) = self.stack.back() {
            match self.table.node(bottom).queue {
                LIR => return,
                HIR => self.leave_stack(bottom),
                _ => self.forget_ghost(bottom),
            }
        }
    }

    /// An entry whose return was quick becomes LIR; if that is one too many, the lowest LIR pays.
    fn promote(&mut self, slot: u32) {
        self.table.node_mut(slot).queue = LIR;
        self.lir += 1;
        if self.lir > self.lir_max()
            && let Some(bottom) = self.stack.back()
        {
            self.leave_stack(bottom);
            self.push_queue(bottom);
            self.lir -= 1;
        }
    }

    fn hit(&mut self, slot: u32) {
        let (queue, in_stack) = (self.table.node(slot).queue, self.table.node(slot).mark == 1);
        match in_stack {
            true => self.stack.move_front(&mut self.table, slot),
            false => self.push_stack(slot),
        }
        if queue == HIR {
            self.queue.remove(&mut self.links, slot);
            match in_stack || self.lir < self.lir_max() {
                true => self.promote(slot),
                false => self.push_queue(slot),
            }
        }
        self.settle();
    }

    /// Keeps S as it has to be: LIR at the bottom, and not too long.
    fn settle(&mut self) {
        self.prune();
        while self.stack.len() > self.stack_max
            && let Some(oldest) = self.ghosts.back()
        {
            self.forget_ghost(oldest);
        }
    }

    /// The oldest of Q leaves, and is a ghost if it is in S.
    fn evict(&mut self, why: &mut Why) -> Option<u64> {
        let slot = self.queue.back()?;
        let (key, in_stack) = (self.table.node(slot).key, self.table.node(slot).mark == 1);
        let (waiting, lir) = (self.queue.len(), self.lir);
        why.line(|| Line {
            subject: key.to_string(),
            numbers: format!(
                "oldest of {waiting} HIR in Q, {} S; {lir} LIR are safe",
                if in_stack { "in" } else { "not in" }
            ),
            chosen: true,
        });
        self.queue.remove(&mut self.links, slot);
        if !in_stack {
            return Some(self.table.forget(slot));
        }
        self.table.node_mut(slot).queue = GHOST;
        self.ghosts.push_front(&mut self.links, slot);
        Some(key)
    }

    fn miss(&mut self, key: u64, ghost: Option<u32>, why: &mut Why) -> Access {
        if let Some(slot) = ghost {
            self.ghosts.remove(&mut self.links, slot);
        }
        let waiting = self.queue.len();
        let evicted = if self.len() >= self.capacity { self.evict(why) } else { None };
        let slot = match ghost {
            Some(slot) => {
                self.stack.move_front(&mut self.table, slot);
                slot
            }
            None => {
                let slot = self.table.insert(key, HIR, 0);
                if self.links.len() < self.table.slots() {
                    self.links.resize(self.table.slots(), Link::LOOSE);
                }
                self.push_stack(slot);
                slot
            }
        };
        match ghost.is_some() || self.lir < self.lir_max() {
            true => self.promote(slot),
            false => self.push_queue(slot),
        }
        self.settle();
        if let Some(left) = evicted {
            // Only now is it known: to let the new one in, its key may have fallen out of S.
            why.say(|| {
                let memory = match self.table.find(left) {
                    Some(_) => "its key stays in the stack, so a quick return makes it LIR",
                    None => "its key is forgotten",
                };
                format!("It is the oldest HIR entry, of {waiting} in the queue; {memory}.")
            });
        }
        Access::Miss { evicted }
    }
}

impl Eviction for Lirs {
    fn access(&mut self, key: u64, _: &mut Rng, why: &mut Why) -> Access {
        let known = self.table.find(key);
        let again = self.last == Some(key);
        self.last = Some(key);
        match known {
            Some(slot) if self.table.node(slot).queue != GHOST => {
                if !again {
                    self.hit(slot);
                }
                Access::HIT
            }
            ghost => self.miss(key, ghost, why),
        }
    }

    fn contains(&self, key: u64) -> bool {
        self.table.find(key).is_some_and(|slot| self.table.node(slot).queue != GHOST)
    }

    fn remove(&mut self, key: u64) -> bool {
        let Some(slot) = self.table.find(key) else { return false };
        let node = *self.table.node(slot);
        match node.queue {
            LIR => self.lir -= 1,
            HIR => self.queue.remove(&mut self.links, slot),
            _ => return false,
        }
        if node.mark == 1 {
            self.leave_stack(slot);
        }
        self.table.forget(slot);
        self.prune();
        true
    }

    fn len(&self) -> usize {
        self.lir + self.queue.len()
    }

    fn ghosts(&self) -> usize {
        self.ghosts.len()
    }

    /// Marks say whether an entry is in S.
    fn held(&self) -> Vec<Held> {
        let waiting = self.queue.walk(&self.links);
        let mut out: Vec<Held> = waiting.map(|slot| self.table.held(slot, "HIR")).collect();
        let lir = self.stack.walk(&self.table).filter(|&s| self.table.node(s).queue == LIR);
        out.extend(lir.map(|slot| self.table.held(slot, "LIR")));
        out
    }

    fn check(&self) -> Result<(), String> {
        super::within(self.len(), self.capacity)?;
        super::within(self.lir, self.lir_max())?;
        super::within(self.queue.len(), self.hir_max)?;
        super::within(self.stack.len(), self.stack_max)?;
        self.stack.check(&self.table, "S")?;
        self.queue.check(&self.links, "Q")?;
        self.ghosts.check(&self.links, "ghosts")?;
        self.table.check_count(self.len() + self.ghosts.len())?;
        let state = |slot: u32| self.table.node(slot).queue;
        if self.stack.back().is_some_and(|bottom| state(bottom) != LIR) {
            return Err("the bottom of S is not LIR".to_owned());
        }
        let count = |queue| self.stack.walk(&self.table).filter(|&s| state(s) == queue).count();
        if (count(LIR), count(GHOST)) != (self.lir, self.ghosts.len()) {
            return Err("S does not hold all LIR entries and all ghosts".to_owned());
        }
        let marked = self.stack.walk(&self.table).all(|slot| self.table.node(slot).mark == 1);
        let in_stack = self.queue.walk(&self.links).filter(|&s| self.table.node(s).mark == 1);
        if !marked || in_stack.count() != count(HIR) {
            return Err("an entry's mark does not say whether it is in S".to_owned());
        }
        match self.queue.walk(&self.links).all(|slot| state(slot) == HIR) {
            true => Ok(()),
            false => Err("an entry in Q is not HIR".to_owned()),
        }
    }
}

const HIR_SHARE: Knob = Knob {
    key: "hir",
    wire: 0,
    label: "HIR",
    unit: "%",
    help: "The share of the capacity for entries without a quick return.",
    min: 0.0,
    max: 100.0,
    default: 1.0,
    whole: false,
};

const HIR_LEAST: Knob = Knob {
    key: "hir_least",
    wire: 1,
    label: "HIR at least",
    unit: "entries",
    help: "The fewest entries for that share; libCacheSim has 1.",
    min: 1.0,
    max: 1000.0,
    default: 2.0,
    whole: true,
};

const STACK: Knob = Knob {
    key: "stack",
    wire: 2,
    label: "Stack at most",
    unit: "× capacity",
    help: "The longest the stack may grow, ghosts included: the memory it takes. The authors' \
           program has 2500, libCacheSim 2.",
    min: 1.0,
    max: 2500.0,
    default: 100.0,
    whole: false,
};

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "lirs",
    wire: 12,
    name: "LIRS",
    whose: "Jiang and Zhang, as the authors' own program, with a stack of at most 100 times the \
            capacity",
    rule: "Entries that return quickly have the cache but for 1 %, at least 2 entries, which is a \
           short queue for all others; a quick return lifts them out of it.",
    cost: "O(1) time on average; four links per entry, and up to 100 remembered keys for each",
    when: "Loops and scans larger than the cache are mixed with repeats.",
    when_not: "Memory for keys that left is dear: the stack may hold many more than the cache.",
    source: "LIRS: An efficient low inter-reference recency set replacement policy, \
             SIGMETRICS 2002; lirs.c, 15 Nov 2002",
    knobs: &[HIR_SHARE, HIR_LEAST, STACK],
    make: |knobs, capacity| {
        let capacity = room(capacity)?;
        let share = part(capacity, knobs.get(&HIR_SHARE) / 100.0);
        // With room for one entry there is no LIR.
        let hir_max = share.max(knobs.count(&HIR_LEAST)).min((capacity - 1).max(1));
        let stack_max = (capacity as f64 * knobs.get(&STACK)) as usize;
        Ok(Box::new(Lirs {
            table: Table::default(),
            stack: List::default(),
            links: Vec::new(),
            queue: List::default(),
            ghosts: List::default(),
            lir: 0,
            hir_max,
            stack_max: stack_max.clamp(capacity, 2 * CAPACITY_MAX),
            last: None,
            capacity,
        }))
    },
};

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, faults};
    use super::*;

    #[test]
    fn a_quick_return_makes_lir_and_the_slowest_lir_pays() {
        let mut cache = Bench::new(&ENTRY, 5);
        // Three places for LIR, two for HIR.
        cache.ask(&[1, 2, 3, 4, 5]);
        assert_eq!(cache.marks(), "HIR 4:1 5:1 | LIR 1:1 2:1 3:1");
        cache.ask(&[6]);
        assert_eq!(cache.marks(), "HIR 5:1 6:1 | LIR 1:1 2:1 3:1");
        assert_eq!(
            cache.why.sentence,
            "It is the oldest HIR entry, of 2 in the queue; its key stays in the stack, \
             so a quick return makes it LIR."
        );
        // 4 is a ghost in S, above 1: it becomes LIR, and 1, at the bottom, HIR outside S.
        cache.ask(&[4]);
        assert_eq!(cache.marks(), "HIR 6:1 1:0 | LIR 2:1 3:1 4:1");
    }

    #[test]
    fn a_loop_larger_than_the_cache_still_hits() {
        let round: Vec<u64> = (0..6000).map(|n| n % 120).collect();
        assert_eq!(faults(&ENTRY, 100, &round), 1198);
        assert_eq!(faults(&super::super::lru::ENTRY, 100, &round), 6000);
    }

    #[test]
    fn places_for_lir_that_removals_left_are_filled_again() {
        let mut cache = Bench::new(&ENTRY, 5);
        cache.ask(&[1, 2, 3, 4, 5]);
        (1..=3).for_each(|key| assert!(cache.policy.remove(key)));
        // With no LIR in it the stack is empty.
        assert_eq!(cache.marks(), "HIR 4:0 5:0");
        cache.ask(&[6]);
        assert_eq!(cache.marks(), "HIR 4:0 5:0 | LIR 6:1");
        // A hit fills such a place as well as a miss.
        cache.ask(&[4, 7]);
        assert_eq!(cache.marks(), "HIR 5:0 | LIR 6:1 4:1 7:1");
        cache.ask(&[8]);
        assert_eq!(cache.marks(), "HIR 5:0 8:1 | LIR 6:1 4:1 7:1");
    }

    #[test]
    fn the_reason_says_what_is_remembered_in_the_end() {
        let mut cache = Bench::new(&ENTRY, 5);
        // In S from the bottom: 1, 4, 5, 2, 3, 6; 4 is a ghost.
        cache.ask(&[1, 2, 3, 4, 5, 2, 3, 6]);
        // 4 becomes LIR and 1 leaves S, so that 5, a ghost for a moment, is at the bottom.
        cache.ask(&[4]);
        assert_eq!(
            cache.why.sentence,
            "It is the oldest HIR entry, of 2 in the queue; its key is forgotten."
        );
        assert_eq!(cache.policy.ghosts(), 0);
        // A stack as long as the cache has no place for ghosts.
        let mut cache = Bench::with(&ENTRY, 5, "stack", 1.0);
        cache.ask(&[1, 2, 3, 4, 5, 6]);
        assert!(cache.why.sentence.ends_with("its key is forgotten."), "{}", cache.why.sentence);
    }

    #[test]
    fn the_same_key_in_a_row_counts_once() {
        let mut cache = Bench::new(&ENTRY, 5);
        cache.ask(&[1, 2, 3, 4, 4, 4]);
        assert_eq!(cache.marks(), "HIR 4:1 | LIR 1:1 2:1 3:1");
        cache.ask(&[3, 4]);
        assert_eq!(cache.marks(), "HIR 1:0 | LIR 2:1 3:1 4:1");
    }
}
