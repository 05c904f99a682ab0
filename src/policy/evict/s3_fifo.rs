//! S3-FIFO: three FIFO queues, the first of them small, to be rid of one-hit wonders quickly.
//!
//! `small` has a tenth of the capacity, `main` the rest, `ghost` remembers keys that left `small`,
//! as many as nine tenths of the capacity. A new key goes to `small`, one remembered in `ghost` to
//! `main`, both with count 0; a hit adds one, up to 3, and moves nothing. While the cache fills for
//! the first time, a new key goes to `main` once `small` is full.
//!
//! Victims come from `main` when it is over its share or `small` is empty, otherwise from `small`;
//! that is decided again only when `small` has become empty without giving one:
//!
//! - the oldest of `small` goes on to `main` with count 0 if its count is at least 2 (the
//!   threshold), otherwise it leaves and `ghost` remembers it;
//! - the oldest of `main` goes round again with its count less one if that is above 0, otherwise it
//!   leaves.
//!
//! As in libCacheSim 0.3.5, which needs 20 entries (below that it holds nothing).

use super::index::{Table, part, room};
use super::list::List;
use super::{Access, Entry, Eviction, Held, Sweep};
use crate::policy::Knob;
use crate::sim::{Rng, Why};

const SMALL: u8 = 0;
const MAIN: u8 = 1;
const GHOST: u8 = 2;
const COUNT_MAX: u32 = 3;

/// The state: three queues, each with the newest in front; marks are the counts.
#[derive(Clone, Debug)]
pub struct S3Fifo {
    table: Table,
    small: List,
    main: List,
    ghost: List,
    small_max: usize,
    ghost_max: usize,
    threshold: u32,
    /// Did anybody leave yet?
    evicted_before: bool,
    capacity: usize,
}

/// A search for a victim.
#[derive(Default)]
struct Search {
    sweep: Sweep,
    /// How many entries went on from `small` to `main`; all others spared went round in `main`,
    /// some of them several times.
    moved: usize,
}

impl Search {
    /// What happened before the victim was found, as a last sentence.
    fn before(&self) -> String {
        let moved = format!("{} went on from `small` to `main`", self.moved);
        let looks = match self.sweep.spared - self.moved {
            1 => "once the oldest of `main` went round again".to_owned(),
            looks => format!("{looks} times the oldest of `main` went round again"),
        };
        match (self.moved, self.sweep.spared - self.moved) {
            (0, 0) => String::new(),
            (_, 0) => format!(" Before it, {moved}."),
            (0, _) => format!(" Before it, {looks}."),
            _ => format!(" Before it, {moved}, and {looks}."),
        }
    }
}

impl S3Fifo {
    fn evict(&mut self, why: &mut Why) -> Option<u64> {
        self.evicted_before = true;
        let main_max = self.capacity - self.small_max;
        let mut search = Search::default();
        loop {
            // Decided once: `small` is gone through until one leaves or it is empty, even if that
            // brings `main` over its share.
            let from_main = self.main.len() > main_max || self.small.len() == 0;
            while from_main || self.small.len() > 0 {
                let left = match from_main {
                    true => self.evict_main(&mut search, why)?,
                    false => self.evict_small(&mut search, why)?,
                };
                if left.is_some() {
                    return left;
                }
            }
        }
    }

    /// Looks at the oldest of `small`. The key, if it left.
    fn evict_small(&mut self, search: &mut Search, why: &mut Why) -> Option<Option<u64>> {
        let slot = self.small.back()?;
        let (key, count) = (self.table.node(slot).key, self.table.node(slot).mark);
        let threshold = self.threshold;
        self.small.remove(&mut self.table, slot);
        if count >= threshold {
            search.moved += 1;
            search
                .sweep
                .spared(why, key, || format!("small, count {count} of {threshold}: to main"));
            let node = self.table.node_mut(slot);
            (node.queue, node.mark) = (MAIN, 0);
            self.main.push_front(&mut self.table, slot);
            return Some(None);
        }
        search.sweep.victim(why, key, || format!("small, count {count} of {threshold}"));
        why.say(|| {
            format!(
                "It is the oldest of `small` and was hit fewer than {threshold} time{} ({count}); \
                 {}.{}",
                if threshold == 1 { "" } else { "s" },
                match self.ghost_max {
                    0 => "its key is forgotten",
                    _ => "`ghost` remembers the key",
                },
                search.before()
            )
        });
        if self.ghost_max == 0 {
            return Some(Some(self.table.forget(slot)));
        }
        if self.ghost.len() >= self.ghost_max
            && let Some(oldest) = self.ghost.back()
        {
            self.ghost.remove(&mut self.table, oldest);
            self.table.forget(oldest);
        }
        self.table.node_mut(slot).queue = GHOST;
        self.ghost.push_front(&mut self.table, slot);
        Some(Some(key))
    }

    /// Looks at the oldest of `main`. The key, if it left.
    fn evict_main(&mut self, search: &mut Search, why: &mut Why) -> Option<Option<u64>> {
        let slot = self.main.back()?;
        let node = self.table.node_mut(slot);
        let (key, count) = (node.key, node.mark);
        if count > 0 {
            node.mark = count - 1;
            search.sweep.spared(why, key, || format!("main, count {count} − 1 = {}", count - 1));
            self.main.move_front(&mut self.table, slot);
            return Some(None);
        }
        search.sweep.victim(why, key, || "main, count 0".to_owned());
        why.say(|| format!("It is the oldest of `main` and its count is 0.{}", search.before()));
        self.main.remove(&mut self.table, slot);
        Some(Some(self.table.forget(slot)))
    }
}

impl Eviction for S3Fifo {
    #[inline]
    fn access(&mut self, key: u64, _: &mut Rng, why: &mut Why) -> Access {
        let mut remembered = false;
        if let Some(slot) = self.table.find(key) {
            let node = self.table.node_mut(slot);
            if node.queue != GHOST {
                node.mark = (node.mark + 1).min(COUNT_MAX);
                return Access::HIT;
            }
            self.ghost.remove(&mut self.table, slot);
            self.table.forget(slot);
            remembered = true;
        }
        let full = self.len() >= self.capacity;
        let evicted = if full { self.evict(why) } else { None };
        let filling = !self.evicted_before && self.small.len() >= self.small_max;
        let (list, queue) = match remembered || filling {
            true => (&mut self.main, MAIN),
            false => (&mut self.small, SMALL),
        };
        let slot = self.table.insert(key, queue, 0);
        list.push_front(&mut self.table, slot);
        Access::Miss { evicted }
    }

    fn contains(&self, key: u64) -> bool {
        self.table.find(key).is_some_and(|slot| self.table.node(slot).queue != GHOST)
    }

    fn remove(&mut self, key: u64) -> bool {
        let Some(slot) = self.table.find(key) else { return false };
        match self.table.node(slot).queue {
            SMALL => self.small.remove(&mut self.table, slot),
            MAIN => self.main.remove(&mut self.table, slot),
            _ => return false,
        }
        self.table.forget(slot);
        true
    }

    fn len(&self) -> usize {
        self.small.len() + self.main.len()
    }

    fn ghosts(&self) -> usize {
        self.ghost.len()
    }

    /// Marks are the counts.
    fn held(&self) -> Vec<Held> {
        let mut out = Vec::new();
        self.table.show(&self.small, "small", &mut out);
        self.table.show(&self.main, "main", &mut out);
        out
    }

    fn check(&self) -> Result<(), String> {
        super::within(self.len(), self.capacity)?;
        super::within(self.ghost.len(), self.ghost_max)?;
        let (small, main) = ((&self.small, SMALL, "small"), (&self.main, MAIN, "main"));
        self.table.check(&[small, main, (&self.ghost, GHOST, "ghost")])
    }
}

const SMALL_SHARE: Knob = Knob {
    key: "small",
    wire: 0,
    label: "Share of `small`",
    unit: "",
    help: "The share of the capacity that the small queue has.",
    min: 0.0,
    max: 1.0,
    default: 0.1,
    whole: false,
};

const GHOST_SHARE: Knob = Knob {
    key: "ghost",
    wire: 1,
    label: "Size of `ghost`",
    unit: "",
    help: "How many keys that left are remembered, as a share of the capacity; \
           the paper has as many as main has entries.",
    min: 0.0,
    max: 1.0,
    default: 0.9,
    whole: false,
};

const THRESHOLD: Knob = Knob {
    key: "threshold",
    wire: 2,
    label: "Hits to move on",
    unit: "",
    help: "How many hits in the small queue earn a place in main; the paper's code has 2, \
           its text 1.",
    min: 1.0,
    max: COUNT_MAX as f64,
    default: 2.0,
    whole: true,
};

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "s3_fifo",
    wire: 8,
    name: "S3-FIFO",
    whose: "Yang, Zhang, Qiu, Yue and Vinayak, parameters of libCacheSim 0.3.5; same hits",
    rule: "New entries must be hit twice in a small queue, or return soon, to get into the main \
           queue, where each hit buys another round.",
    cost: "O(1) time on average; two bits per entry, a hit writes only these; remembers \
           nine keys for ten entries",
    when: "Many keys are asked for once: most of the cache is kept free of them.",
    when_not: "A key's second request usually comes when `small` has let it go, \
               and its third when `ghost` has too.",
    source: "FIFO queues are all you need for cache eviction, SOSP 2023",
    knobs: &[SMALL_SHARE, GHOST_SHARE, THRESHOLD],
    make: |knobs, capacity| {
        let capacity = room(capacity)?;
        Ok(Box::new(S3Fifo {
            table: Table::default(),
            small: List::default(),
            main: List::default(),
            ghost: List::default(),
            small_max: part(capacity, knobs.get(&SMALL_SHARE)),
            ghost_max: part(capacity, knobs.get(&GHOST_SHARE)),
            threshold: knobs.count(&THRESHOLD) as u32,
            evicted_before: false,
            capacity,
        }))
    },
};

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;
    use crate::policy::Knobs;

    #[test]
    fn one_hit_wonders_leave_from_small_and_returns_go_to_main() {
        let mut cache = Bench::new(&ENTRY, 10);
        // The first fills `small`, which has room for one; while it fills, the rest go to `main`.
        cache.ask(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        assert_eq!(cache.shown(), "small 1 | main 2 3 4 5 6 7 8 9 10");
        cache.ask(&[11]);
        assert_eq!(cache.shown(), "small 11 | main 2 3 4 5 6 7 8 9 10");
        assert_eq!(
            cache.why.sentence,
            "It is the oldest of `small` and was hit fewer than 2 times (0); \
             `ghost` remembers the key."
        );
        // 1 is remembered, so it comes back to `main`, which is then over its share of nine.
        cache.ask(&[1]);
        assert_eq!(cache.shown(), "main 2 3 4 5 6 7 8 9 10 1");
        cache.ask(&[2, 12]);
        assert_eq!(cache.marks().split(" 4:0").next(), Some("small 12:0 | main"));
        assert_eq!(cache.rows(), ["2 main, count 1 − 1 = 0", "3 main, count 0 (chosen)"]);
        assert_eq!(
            cache.why.sentence,
            "It is the oldest of `main` and its count is 0. \
             Before it, once the oldest of `main` went round again."
        );
        // Two hits in `small` earn a place in `main`.
        cache.ask(&[12, 12, 13]);
        assert_eq!(cache.shown(), "small 13 | main 5 6 7 8 9 10 1 2 12");
        assert_eq!(
            cache.why.sentence,
            "It is the oldest of `main` and its count is 0. \
             Before it, 1 went on from `small` to `main`."
        );
    }

    #[test]
    fn the_reason_counts_looks_and_says_what_is_forgotten() {
        let mut knobs = Knobs::default();
        for (knob, value) in [("ghost", 0.0), ("small", 0.5), ("threshold", 1.0)] {
            knobs.set(ENTRY.knobs, knob, value).expect("a knob it has");
        }
        let mut cache = Bench::made(&ENTRY, 4, &knobs);
        cache.ask(&[1, 2, 3, 4, 5]);
        assert_eq!(
            cache.why.sentence,
            "It is the oldest of `small` and was hit fewer than 1 time (0); its key is forgotten."
        );
        // 2 and 5 go on to `main`, where 3 and 4 go round before one without a count is found: 2.
        cache.ask(&[2, 5, 3, 3, 4, 4, 6]);
        assert_eq!(
            cache.rows(),
            [
                "2 small, count 1 of 1: to main",
                "5 small, count 1 of 1: to main",
                "3 main, count 2 − 1 = 1",
                "4 main, count 2 − 1 = 1",
                "2 main, count 0 (chosen)"
            ]
        );
        assert_eq!(
            cache.why.sentence,
            "It is the oldest of `main` and its count is 0. Before it, 2 went on from `small` to \
             `main`, and 2 times the oldest of `main` went round again."
        );
    }
}
