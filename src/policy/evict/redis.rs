//! Redis: a sample instead of an order.
//!
//! Redis keeps no list. To evict it draws a few different entries (5), scores them and puts those
//! it may into a pool of the 16 best candidates, which it keeps from one eviction to the next; the
//! best in the pool that still exists leaves, of equals the one drawn first. An entry gets into a
//! full pool only if its score beats the worst there. A score in the pool is not renewed: who was
//! drawn, then hit, may still leave. Who is drawn again later is in the pool twice, and who is gone
//! stays there until it comes to the top.
//!
//! - `redis_lru`: the score is the idle time, by a clock that ticks once a second. When the cache
//!   turns over within a second this is hardly better than random.
//! - `redis_lfu`: the score is 255 less the logarithmic counter ([`super::redis_clock`]).
//! - `nearest_expiry` (volatile-ttl): only entries with a time to live, the nearest first.
//!
//! The draw is Redis's as well: neighbours in a hash table (`dict.rs`). Measured against recordings
//! of Redis 7.0.15, hit ratios agree within 2 points.

use super::dict::Dict;
use super::index::{Table, room};
use super::random::{VOLATILE, refusal};
use super::redis_clock::{self as clock, Log};
use super::{Access, Entry, Eviction, Held};
use crate::policy::{Knob, Knobs, Refusal};
use crate::sim::{Line, Rng, Time, Why};

/// How many candidates are kept.
const POOL: usize = 16;

/// What the best candidate is.
#[derive(Clone, Copy, Debug)]
enum Rule {
    Idle,
    Rare(Log),
    NearestExpiry,
}

/// The state: entries with 24 bits each (the mark), and the pool.
#[derive(Clone, Debug)]
pub struct Sampled {
    table: Table,
    /// Those that may leave: all, or those with a time to live.
    candidates: Dict,
    /// For each slot, when its time to live ends; `None` is never.
    deadlines: Vec<Option<Time>>,
    /// Those just drawn.
    drawn: Vec<u32>,
    /// (score, key), ascending.
    pool: Vec<(u64, u64)>,
    rule: Rule,
    samples: usize,
    volatile: bool,
    now: Time,
    held: usize,
    capacity: usize,
}

impl Sampled {
    /// The higher, the sooner it leaves.
    fn score(&self, slot: u32) -> u64 {
        let mark = self.table.node(slot).mark;
        match self.rule {
            Rule::Idle => u64::from(clock::idle(clock::seconds(self.now), mark)),
            Rule::Rare(log) => u64::from(255 - log.counter(mark, self.now)),
            Rule::NearestExpiry => {
                let at = self.deadlines[slot as usize].unwrap_or(Time::MAX);
                u64::MAX - at.ns()
            }
        }
    }

    fn numbers(&self, score: u64) -> String {
        match self.rule {
            Rule::Idle => format!("idle {score} s"),
            Rule::Rare(_) => format!("counter {}", 255 - score),
            Rule::NearestExpiry => format!("expires at {}", Time::from_ns(u64::MAX - score)),
        }
    }

    /// Draws, scores, and puts into the pool what is good enough. How many were drawn.
    fn populate(&mut self, rng: &mut Rng) -> usize {
        let mut drawn = std::mem::take(&mut self.drawn);
        self.candidates.draw(self.samples, rng, &mut drawn);
        for &slot in &drawn {
            let score = self.score(slot);
            let place = self.pool.partition_point(|&(other, _)| other < score);
            let item = (score, self.table.node(slot).key);
            if self.pool.len() < POOL {
                self.pool.insert(place, item);
            } else if place > 0 {
                // The worst falls out at the front.
                self.pool.copy_within(1..place, 0);
                self.pool[place - 1] = item;
            }
        }
        self.drawn = drawn;
        self.drawn.len()
    }

    /// Where the candidate with this key is, if it still is one.
    fn candidate(&self, key: u64) -> Option<u32> {
        self.table.find(key).filter(|&slot| self.candidates.contains(slot))
    }

    fn evict(&mut self, rng: &mut Rng, why: &mut Why) -> Option<u64> {
        let mut drawn = 0;
        while self.candidates.len() > 0 {
            drawn += self.populate(rng);
            while let Some((score, key)) = self.pool.pop() {
                let Some(slot) = self.candidate(key) else { continue };
                if why.wanted() {
                    self.explain(score, key, drawn, why);
                }
                self.forget(slot);
                return Some(key);
            }
        }
        None
    }

    /// The pool as it was when `key`, the best there, was taken out. Redis leaves keys in it that
    /// are gone or in it twice; they are no candidates, and not shown.
    fn explain(&self, score: u64, key: u64, drawn: usize, why: &mut Why) {
        let mut rows = vec![(score, key)];
        for &(score, other) in self.pool.iter().rev() {
            if self.candidate(other).is_some() && rows.iter().all(|&(_, shown)| shown != other) {
                rows.push((score, other));
            }
        }
        for &(score, subject) in &rows {
            let numbers = || self.numbers(score);
            let chosen = subject == key;
            why.line(|| Line { subject: subject.to_string(), numbers: numbers(), chosen });
        }
        why.say(|| {
            let numbers = self.numbers(score);
            let were = if drawn == 1 { "entry was" } else { "entries were" };
            match rows.len() {
                1 => {
                    format!("{drawn} {were} drawn; the pool holds no other candidate ({numbers}).")
                }
                pool => format!(
                    "{drawn} {were} drawn; the pool holds {pool} candidates as they were when \
                     drawn, and it is the best of them ({numbers})."
                ),
            }
        });
    }

    fn forget(&mut self, slot: u32) {
        self.candidates.remove(slot);
        self.deadlines[slot as usize] = None;
        self.table.forget(slot);
        self.held -= 1;
    }
}

impl Eviction for Sampled {
    fn access(&mut self, key: u64, rng: &mut Rng, why: &mut Why) -> Access {
        if let Some(slot) = self.table.find(key) {
            let node = self.table.node_mut(slot);
            node.mark = match self.rule {
                Rule::Rare(log) => log.hit(node.mark, self.now, rng),
                _ => clock::seconds(self.now),
            };
            return Access::HIT;
        }
        let mut evicted = None;
        if self.held >= self.capacity {
            evicted = self.evict(rng, why);
            if evicted.is_none() {
                why.say(|| refusal().to_owned());
                return Access::Miss { evicted: Some(key) };
            }
        }
        let mark = match self.rule {
            Rule::Rare(_) => Log::new_mark(self.now),
            _ => clock::seconds(self.now),
        };
        let slot = self.table.insert(key, 0, mark);
        if self.deadlines.len() < self.table.slots() {
            self.deadlines.resize(self.table.slots(), None);
        }
        if !self.volatile {
            self.candidates.insert(slot, key);
        }
        self.held += 1;
        Access::Miss { evicted }
    }

    fn contains(&self, key: u64) -> bool {
        self.table.find(key).is_some()
    }

    fn remove(&mut self, key: u64) -> bool {
        let found = self.table.find(key);
        found.map(|slot| self.forget(slot)).is_some()
    }

    fn tick(&mut self, now: Time, _: &mut Rng) {
        self.now = self.now.max(now);
    }

    fn set_deadline(&mut self, key: u64, at: Option<Time>) {
        let Some(slot) = self.table.find(key) else { return };
        self.deadlines[slot as usize] = at;
        if self.volatile {
            match at {
                Some(_) => self.candidates.insert(slot, key),
                None => self.candidates.remove(slot),
            }
        }
    }

    fn len(&self) -> usize {
        self.held
    }

    /// The candidates by score, the best first; marks are idle seconds, counters, or the deadline
    /// in milliseconds. Chance decides which of them is drawn.
    fn held(&self) -> Vec<Held> {
        let scored = self.candidates.iter().map(|slot| (self.score(slot), slot));
        let mut scored: Vec<(u64, u32)> = scored.collect();
        scored.sort_unstable_by_key(|&(score, slot)| (u64::MAX - score, slot));
        let mark = |score: u64| match self.rule {
            Rule::Idle => score,
            Rule::Rare(_) => 255 - score,
            Rule::NearestExpiry => (u64::MAX - score) / 1_000_000,
        };
        let show = |(score, slot)| Held { mark: mark(score), ..self.table.held(slot, "keys") };
        let mut out: Vec<Held> = scored.into_iter().map(show).collect();
        let all = 0..self.table.slots() as u32;
        let safe = all.filter(|&slot| {
            let key = self.table.node(slot).key;
            self.table.find(key) == Some(slot) && !self.candidates.contains(slot)
        });
        out.extend(safe.map(|slot| Held { mark: 0, ..self.table.held(slot, "without TTL") }));
        out
    }

    fn check(&self) -> Result<(), String> {
        super::within(self.held, self.capacity)?;
        super::within(self.pool.len(), POOL)?;
        self.candidates.check()?;
        self.table.check_count(self.held)?;
        match self.pool.is_sorted_by_key(|&(score, _)| score) {
            true => Ok(()),
            false => Err("the pool is not in order".to_owned()),
        }
    }
}

fn make(
    rule: Rule,
    volatile: bool,
    knobs: &Knobs,
    capacity: usize,
) -> Result<Box<dyn Eviction>, Refusal> {
    Ok(Box::new(Sampled {
        table: Table::default(),
        candidates: Dict::default(),
        drawn: Vec::new(),
        deadlines: Vec::new(),
        pool: Vec::with_capacity(POOL),
        rule,
        samples: knobs.count(&SAMPLES),
        volatile,
        now: Time::ZERO,
        held: 0,
        capacity: room(capacity)?,
    }))
}

const SAMPLES: Knob = Knob {
    key: "samples",
    wire: 0,
    label: "Samples",
    unit: "",
    help: "How many different entries are drawn for an eviction (maxmemory-samples).",
    min: 1.0,
    max: 64.0,
    default: 5.0,
    whole: true,
};

const LOG_FACTOR: Knob = Knob {
    key: "log_factor",
    wire: 1,
    label: "Log factor",
    unit: "",
    help: "How slowly the counter grows (lfu-log-factor): 0 counts every hit.",
    min: 0.0,
    max: 10_000.0,
    default: 10.0,
    whole: false,
};

const DECAY: Knob = Knob {
    key: "decay",
    wire: 2,
    label: "Decay time",
    unit: "min",
    help: "Minutes in which the counter loses one (lfu-decay-time); 0: never.",
    min: 0.0,
    max: 65_535.0,
    default: 1.0,
    whole: true,
};

/// allkeys-lru and volatile-lru.
pub(super) const LRU: Entry = Entry {
    key: "redis_lru",
    wire: 13,
    name: "Redis LRU",
    whose: "Redis 7.0, allkeys-lru and volatile-lru",
    rule: "Of 5 entries drawn and the 16 best drawn before, the one idle longest leaves, by a \
           clock of seconds.",
    cost: "O(samples) time; 24 bits per entry, and 16 candidates in all",
    when: "LRU is wanted without links, and entries live much longer than a second.",
    when_not: "The cache turns over within seconds: the clock cannot tell entries apart.",
    source: "Redis 7.0, evict.c; recordings of 7.0.15",
    knobs: &[SAMPLES, VOLATILE],
    make: |knobs, capacity| make(Rule::Idle, knobs.count(&VOLATILE) == 1, knobs, capacity),
};

/// allkeys-lfu and volatile-lfu.
pub(super) const LFU: Entry = Entry {
    key: "redis_lfu",
    wire: 14,
    name: "Redis LFU",
    whose: "Redis 7.0, allkeys-lfu and volatile-lfu",
    rule: "Of 5 entries drawn and the 16 best drawn before, the one with the lowest logarithmic \
           counter leaves.",
    cost: "O(samples) time; 24 bits per entry, and 16 candidates in all",
    when: "Popularity is skewed and lasts for minutes.",
    when_not: "Popularity changes faster than counters decay, one a minute.",
    source: "Redis 7.0, evict.c; recordings of 7.0.15",
    knobs: &[SAMPLES, LOG_FACTOR, DECAY, VOLATILE],
    make: |knobs, capacity| {
        let log = Log { factor: knobs.get(&LOG_FACTOR), decay: knobs.count(&DECAY) as u32 };
        make(Rule::Rare(log), knobs.count(&VOLATILE) == 1, knobs, capacity)
    },
};

/// volatile-ttl.
pub(super) const TTL: Entry = Entry {
    key: "nearest_expiry",
    wire: 15,
    name: "Nearest expiry",
    whose: "Redis 7.0, volatile-ttl",
    rule: "Of 5 entries drawn and the 16 best drawn before, the one whose time to live ends first \
           leaves; entries without one never do.",
    cost: "O(samples) time; a deadline per entry, and 16 candidates in all",
    when: "Times to live say what matters: what expires soon is worth least.",
    when_not: "All entries have the same time to live: then it is FIFO at more cost. Or none has \
               one: then nothing new comes in.",
    source: "Redis 7.0, evict.c; recordings of 7.0.15",
    knobs: &[SAMPLES],
    make: |knobs, capacity| make(Rule::NearestExpiry, true, knobs, capacity),
};

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;
    use crate::sim::Span;

    #[test]
    fn the_longest_idle_of_those_drawn_leaves() {
        let mut cache = Bench::with(&LRU, 4, "samples", 64.0);
        for key in 1..=4 {
            cache.ask(&[key]);
            cache.wait(Span::from_millis(1000));
        }
        cache.ask(&[1]);
        assert_eq!(cache.marks(), "keys 2:3 3:2 4:1 1:0");
        assert_eq!(cache.once(5), Access::Miss { evicted: Some(2) });
        assert_eq!(cache.rows()[0], "2 idle 3 s (chosen)");
        // Within one second the clock cannot tell them apart.
        let mut cache = Bench::new(&LRU, 4);
        cache.ask(&[1, 2, 3, 4]);
        cache.wait(Span::from_millis(999));
        assert_eq!(cache.marks(), "keys 1:0 2:0 3:0 4:0");
    }

    #[test]
    fn a_score_in_the_pool_is_not_renewed() {
        let mut cache = Bench::with(&LRU, 4, "samples", 64.0);
        cache.ask(&[1, 2, 3, 4]);
        cache.wait(Span::from_millis(5000));
        let Access::Miss { evicted: Some(_) } = cache.once(5) else { panic!("it is full") };
        // All others were drawn when they had been idle for 5 s. A hit now does not save them.
        cache.ask(&[1, 2, 3, 4].map(|key| if cache.policy.contains(key) { key } else { 5 }));
        let Access::Miss { evicted: Some(next) } = cache.once(6) else { panic!("it is full") };
        assert_ne!(next, 5, "5 has never been drawn with a score above 0");
        assert_eq!(cache.rows()[0], format!("{next} idle 5 s (chosen)"));
    }

    #[test]
    fn the_reason_counts_candidates_that_are_there_once_each() {
        let mut cache = Bench::with(&LRU, 4, "samples", 3.0);
        cache.ask(&[1, 2, 3, 4, 5]);
        assert_eq!(cache.rows().len(), 3);
        assert_eq!(
            cache.why.sentence,
            "3 entries were drawn; the pool holds 3 candidates as they were when drawn, \
             and it is the best of them (idle 0 s)."
        );
        // Whoever is drawn again is in the pool twice; whoever is gone stays in it.
        for key in 6..40 {
            cache.ask(&[key]);
            let mut subjects: Vec<&str> =
                cache.why.lines.iter().map(|line| line.subject.as_str()).collect();
            subjects.sort_unstable();
            subjects.dedup();
            assert_eq!(subjects.len(), cache.why.lines.len());
            assert!((1..=4).contains(&subjects.len()), "{subjects:?}");
            let told = format!("holds {} candidates", subjects.len());
            assert!(subjects.len() == 1 || cache.why.sentence.contains(&told));
            cache.policy.remove(key - 1);
            cache.ask(&[key - 1 + 1000]);
        }
        // There are fewer than are to be drawn.
        let mut cache = Bench::with(&LRU, 1, "samples", 3.0);
        cache.ask(&[1, 2]);
        let words = "1 entry was drawn; the pool holds no other candidate (idle 0 s).";
        assert_eq!(cache.why.sentence, words);
    }

    #[test]
    fn the_rarest_leaves_and_the_nearest_to_its_end() {
        let mut cache = Bench::with(&LFU, 3, "samples", 64.0);
        cache.ask(&[1, 1, 1, 2, 3, 3]);
        assert_eq!(cache.once(4), Access::Miss { evicted: Some(2) });
        assert_eq!(cache.rows()[0], "2 counter 5 (chosen)");

        let mut cache = Bench::with(&TTL, 3, "samples", 64.0);
        cache.ask(&[1, 2, 3]);
        assert_eq!(cache.once(4), Access::Miss { evicted: Some(4) });
        assert_eq!(cache.why.sentence, refusal());
        cache.policy.set_deadline(1, Some(Time::from_ns(9_000_000_000)));
        cache.policy.set_deadline(2, Some(Time::from_ns(7_000_000_000)));
        assert_eq!(cache.marks(), "keys 2:7000 1:9000 | without TTL 3:0");
        assert_eq!(cache.once(4), Access::Miss { evicted: Some(2) });
        assert_eq!(cache.rows()[0], "2 expires at 7.000 s (chosen)");
    }
}
