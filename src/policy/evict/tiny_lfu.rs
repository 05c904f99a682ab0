//! W-TinyLFU: a small LRU window, and a doorman who knows how often everybody was asked for.
//!
//! As in Caffeine, without its climbing of the window's size. The capacity is cut into a window
//! (1 %, LRU) and a main part, an SLRU of probation and protected (80 % of main). All requests,
//! hits and misses, are counted in a sketch (`sketch.rs`), from the moment the cache is half full.
//! A new key goes to the window; what the window pushes out goes to the newest end of probation. If
//! the cache then holds too many, that candidate meets the oldest of probation: it stays, and the
//! other leaves, if its frequency is larger; otherwise it leaves itself, except for one time in 128
//! if its frequency is at least 6 (so that nobody can wall off the cache by making collisions). A
//! hit in probation lifts an entry to protected, whose oldest falls back to probation when it is
//! over its share.

use super::index::{Table, part, room};
use super::list::List;
use super::sketch::Sketch;
use super::{Access, Entry, Eviction, Held};
use crate::policy::Knob;
use crate::sim::{Line, Rng, Why};

const WINDOW: u8 = 0;
const PROBATION: u8 = 1;
const PROTECTED: u8 = 2;
/// A candidate as frequent as this may be admitted by chance.
const CHANCE_FROM: u64 = 6;

/// The state: three LRU lists, each with the latest in front, and the sketch.
#[derive(Clone, Debug)]
pub struct TinyLfu {
    table: Table,
    window: List,
    probation: List,
    protected: List,
    sketch: Sketch,
    window_max: usize,
    protected_max: usize,
    sample_factor: u64,
    capacity: usize,
}

impl TinyLfu {
    fn count(&mut self, key: u64) {
        if !self.sketch.is_ready() && self.len() >= self.capacity / 2 {
            self.sketch = Sketch::new(self.capacity, self.sample_factor);
        }
        self.sketch.increment(key);
    }

    fn enter(&mut self, slot: u32, queue: u8) {
        self.table.node_mut(slot).queue = queue;
        let list = match queue {
            WINDOW => &mut self.window,
            PROBATION => &mut self.probation,
            _ => &mut self.protected,
        };
        list.push_front(&mut self.table, slot);
    }

    fn hit(&mut self, slot: u32) {
        match self.table.node(slot).queue {
            WINDOW => self.window.move_front(&mut self.table, slot),
            PROTECTED => self.protected.move_front(&mut self.table, slot),
            _ => {
                self.probation.remove(&mut self.table, slot);
                self.enter(slot, PROTECTED);
                if self.protected.len() > self.protected_max
                    && let Some(oldest) = self.protected.back()
                {
                    self.protected.remove(&mut self.table, oldest);
                    self.enter(oldest, PROBATION);
                }
            }
        }
    }

    /// Who leaves: the candidate at the newest end of probation, or the oldest there.
    fn duel(&mut self, rng: &mut Rng, why: &mut Why) -> Option<u64> {
        let (candidate, victim) = (self.probation.front()?, self.probation.back()?);
        let (new, old) = (self.table.node(candidate).key, self.table.node(victim).key);
        let (f_new, f_old) = (self.sketch.frequency(new), self.sketch.frequency(old));
        let chance = f_new <= f_old && f_new >= CHANCE_FROM && candidate != victim;
        let lucky = chance && rng.bits() & 127 == 0;
        let admitted = f_new > f_old || lucky;
        let mut line = |key: u64, role: &str, frequency, chosen| {
            why.line(|| Line {
                subject: key.to_string(),
                numbers: format!("{role}, frequency {frequency}"),
                chosen,
            });
        };
        line(new, "candidate from the window", f_new, !admitted);
        if candidate != victim {
            line(old, "oldest of probation", f_old, admitted);
        }
        why.say(|| match (candidate == victim, lucky, admitted) {
            (true, ..) => "It came out of the window and nobody else is on probation.".to_owned(),
            (_, true, _) => format!(
                "The candidate has frequency {f_new}, no more than it ({f_old}), \
                 but was let in by chance (1 in 128)."
            ),
            (.., true) => {
                format!("The candidate from the window has frequency {f_new}, it only {f_old}.")
            }
            (.., false) => format!(
                "It came out of the window with frequency {f_new}, not more than the oldest on \
                 probation ({f_old})."
            ),
        });
        let loser = if admitted { victim } else { candidate };
        self.probation.remove(&mut self.table, loser);
        Some(self.table.forget(loser))
    }
}

impl Eviction for TinyLfu {
    fn access(&mut self, key: u64, rng: &mut Rng, why: &mut Why) -> Access {
        if let Some(slot) = self.table.find(key) {
            self.count(key);
            self.hit(slot);
            return Access::HIT;
        }
        let slot = self.table.insert(key, WINDOW, 0);
        self.window.push_front(&mut self.table, slot);
        self.count(key);
        while self.window.len() > self.window_max
            && let Some(oldest) = self.window.back()
        {
            self.window.remove(&mut self.table, oldest);
            self.enter(oldest, PROBATION);
        }
        let evicted = if self.len() > self.capacity { self.duel(rng, why) } else { None };
        Access::Miss { evicted }
    }

    fn contains(&self, key: u64) -> bool {
        self.table.find(key).is_some()
    }

    fn remove(&mut self, key: u64) -> bool {
        let Some(slot) = self.table.find(key) else { return false };
        match self.table.node(slot).queue {
            WINDOW => self.window.remove(&mut self.table, slot),
            PROBATION => self.probation.remove(&mut self.table, slot),
            _ => self.protected.remove(&mut self.table, slot),
        }
        self.table.forget(slot);
        true
    }

    fn len(&self) -> usize {
        self.window.len() + self.probation.len() + self.protected.len()
    }

    /// Marks are the frequencies the sketch has.
    fn held(&self) -> Vec<Held> {
        let mut out = Vec::new();
        self.table.show(&self.probation, "probation", &mut out);
        self.table.show(&self.window, "window", &mut out);
        self.table.show(&self.protected, "protected", &mut out);
        out.iter_mut().for_each(|held| held.mark = self.sketch.frequency(held.key));
        out
    }

    fn check(&self) -> Result<(), String> {
        super::within(self.len(), self.capacity)?;
        super::within(self.window.len(), self.window_max)?;
        super::within(self.protected.len(), self.protected_max)?;
        let window = (&self.window, WINDOW, "window");
        let probation = (&self.probation, PROBATION, "probation");
        self.table.check(&[window, probation, (&self.protected, PROTECTED, "protected")])
    }
}

const WINDOW_SHARE: Knob = Knob {
    key: "window",
    wire: 0,
    label: "Window",
    unit: "%",
    help: "The share of the capacity that new entries have for themselves; at least one entry.",
    min: 0.0,
    max: 100.0,
    default: 1.0,
    whole: false,
};

const PROTECTED_SHARE: Knob = Knob {
    key: "protected",
    wire: 1,
    label: "Protected",
    unit: "%",
    help: "The share of the main part that entries hit there have for themselves.",
    min: 0.0,
    max: 100.0,
    default: 80.0,
    whole: false,
};

const SAMPLE: Knob = Knob {
    key: "sample",
    wire: 2,
    label: "Halve after",
    unit: "× capacity",
    help: "After how many counted requests, in multiples of the capacity, all counts are halved.",
    min: 1.0,
    max: 1000.0,
    default: 10.0,
    whole: true,
};

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "w_tinylfu",
    wire: 11,
    name: "W-TinyLFU",
    whose: "Einziger, Friedman and Manes, as Caffeine 3 with a fixed window",
    rule: "What a small window pushes out gets in only if it was asked for more often than the \
           entry it would replace.",
    cost: "O(1) time; two links per entry and 64 bits of counters",
    when: "Popularity is skewed and lasting, and the best hit ratio is worth some work per hit.",
    when_not: "Bursts of new keys that are each asked for a few times and never again: the window \
               is too small for them.",
    source: "TinyLFU: A highly efficient cache admission policy, ACM ToS 2017; Caffeine, \
             BoundedLocalCache and FrequencySketch",
    knobs: &[WINDOW_SHARE, PROTECTED_SHARE, SAMPLE],
    make: |knobs, capacity| {
        let capacity = room(capacity)?;
        let main = part(capacity, 1.0 - knobs.get(&WINDOW_SHARE) / 100.0).min(capacity - 1);
        Ok(Box::new(TinyLfu {
            table: Table::default(),
            window: List::default(),
            probation: List::default(),
            protected: List::default(),
            sketch: Sketch::default(),
            window_max: capacity - main,
            protected_max: part(main, knobs.get(&PROTECTED_SHARE) / 100.0),
            sample_factor: knobs.count(&SAMPLE) as u64,
            capacity,
        }))
    },
};

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    #[test]
    fn a_newcomer_has_to_beat_the_oldest_on_probation() {
        let mut cache = Bench::new(&ENTRY, 4);
        cache.ask(&[1, 2, 3, 4]);
        // The window has room for one; counting began with the second request.
        assert_eq!(cache.marks(), "probation 1:0 2:1 3:1 | window 4:1");
        cache.ask(&[1, 1, 2]);
        assert_eq!(cache.marks(), "probation 3:1 | window 4:1 | protected 1:2 2:2");
        assert_eq!(cache.once(5), Access::Miss { evicted: Some(4) });
        assert_eq!(
            cache.why.sentence,
            "It came out of the window with frequency 1, not more than the oldest on probation (1)."
        );
        cache.ask(&[5]);
        assert_eq!(cache.once(6), Access::Miss { evicted: Some(3) });
        assert_eq!(
            cache.rows(),
            [
                "5 candidate from the window, frequency 2",
                "3 oldest of probation, frequency 1 (chosen)"
            ]
        );
    }
}
