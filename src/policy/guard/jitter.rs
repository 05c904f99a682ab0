//! Waiting between attempts with chance, so that clients that failed together do not return
//! together.
//!
//! With `v = min(cap, base * 2^n)`, n the attempts that failed, as in AWS's backoff simulator
//! (commit 66cb1692): *full* waits a time drawn evenly from 0 to v; *equal* half of v and a time
//! drawn from 0 to the other half; *decorrelated* a time drawn from base to three times the
//! previous wait (the base before the first), at most cap. *botocore* is full jitter with n counted
//! from 0 at the first retry (botocore 1.44.5, standard mode: 50 ms, or 1 s if throttled, up to 20
//! s). *randomized* is resilience4j's: `interval = base * multiplier^(n - 1)`, and a time drawn
//! from `interval * (1 - factor)` to `interval * (1 + factor)`.

use super::backoff::{BASE, CAP, ENTRY_EXPONENTIAL, Expo};
use super::{Backoff, Entry, Make, defaults, explain, knobs};
use crate::policy::{Knob, Knobs};
use crate::sim::{Rng, Span, Why};

#[derive(Clone, Debug)]
enum Jitter {
    Full(Expo),
    Equal(Expo),
    Decorrelated(Expo),
    Botocore(Expo),
    Randomized { base: Span, multiplier: f64, factor: f64 },
}

/// Drawn evenly from `low` to `high`, in ns.
fn between(low: f64, high: f64, rng: &mut Rng) -> f64 {
    low + (high - low) * rng.unit()
}

impl Jitter {
    /// From where to where the wait is drawn, in ns, and how that came about.
    fn range(&self, attempt: u32, previous: Option<Span>) -> (f64, f64) {
        match self {
            Jitter::Full(expo) => (0.0, expo.after(attempt).ns() as f64),
            Jitter::Equal(expo) => {
                let v = expo.after(attempt).ns() as f64;
                (v / 2.0, v)
            }
            Jitter::Decorrelated(expo) => {
                let previous = previous.unwrap_or(expo.base);
                (expo.base.ns() as f64, previous.ns() as f64 * 3.0)
            }
            Jitter::Botocore(expo) => (0.0, expo.after(attempt.saturating_sub(1)).ns() as f64),
            Jitter::Randomized { base, multiplier, factor } => {
                let power = libm::pow(*multiplier, f64::from(attempt.saturating_sub(1)));
                let interval = (base.ns() as f64 * power).min(u64::MAX as f64 / 2.0);
                (interval * (1.0 - factor), interval * (1.0 + factor))
            }
        }
    }

    fn cap(&self) -> Span {
        match self {
            Jitter::Full(expo) | Jitter::Equal(expo) => expo.cap,
            Jitter::Decorrelated(expo) | Jitter::Botocore(expo) => expo.cap,
            Jitter::Randomized { .. } => Span::from_ns(u64::MAX),
        }
    }
}

impl Backoff for Jitter {
    fn wait(&self, attempt: u32, previous: Option<Span>, rng: &mut Rng, why: &mut Why) -> Span {
        let (low, high) = self.range(attempt, previous);
        let drawn = Span::from_ns(between(low, high, rng) as u64);
        let wait = drawn.min(self.cap());
        explain(why, true, "wait", || {
            let span = |ns: f64| Span::from_ns(ns as u64);
            let numbers = format!("drawn from {} to {}: {drawn}", span(low), span(high));
            let sentence = match wait < drawn {
                true => format!("Retry {attempt} comes after {wait}: no wait is longer."),
                false => format!("Retry {attempt} comes after {wait}."),
            };
            (numbers, sentence)
        });
        wait
    }
}

/// As people meet full jitter.
pub(super) const ENTRY_FULL: Entry = Entry {
    key: "full_jitter",
    wire: 24,
    name: "Backoff with full jitter",
    rule: "Wait anything from nothing to what exponential backoff would.",
    cost: "O(1) time; one random number",
    when: "Nearly always: the least work for the server, and clients spread out best.",
    when_not: "Each retry should be sure to wait at least some time.",
    make: Make::Backoff(|knobs| Box::new(Jitter::Full(Expo::new(knobs)))),
    ..ENTRY_EXPONENTIAL
};

/// As people meet equal jitter.
pub(super) const ENTRY_EQUAL: Entry = Entry {
    key: "equal_jitter",
    wire: 25,
    name: "Backoff with equal jitter",
    rule: "Wait half of what exponential backoff would, and anything up to the other half.",
    when: "Retries should spread out but never come at once.",
    when_not: "The total work matters most: full jitter needs less.",
    make: Make::Backoff(|knobs| Box::new(Jitter::Equal(Expo::new(knobs)))),
    ..ENTRY_FULL
};

/// As people meet decorrelated jitter.
pub(super) const ENTRY_DECORRELATED: Entry = Entry {
    key: "decorrelated_jitter",
    wire: 26,
    name: "Backoff with decorrelated jitter",
    rule: "Wait anything from the base to three times the previous wait.",
    when: "As full jitter, and growing by luck rather than by number of attempts.",
    when_not: "A client's waits should grow steadily.",
    make: Make::Backoff(|knobs| Box::new(Jitter::Decorrelated(Expo::new(knobs)))),
    ..ENTRY_FULL
};

const BOTOCORE: &[Knob] = &[
    Knob { default: defaults::BOTOCORE_SCALE.ns() as f64 / 1e6, ..BASE },
    Knob { default: 20_000.0, ..CAP },
];

/// As people meet botocore's.
pub(super) const ENTRY_BOTOCORE: Entry = Entry {
    key: "botocore_backoff",
    wire: 27,
    name: "Backoff, AWS SDK for Python",
    whose: "botocore 1.44.5, standard mode",
    rule: "Full jitter that begins at the base itself, up to 20 s.",
    source: "boto/botocore retries/standard.py",
    knobs: BOTOCORE,
    make: Make::Backoff(|knobs| {
        let (base, cap) = (knobs::millis(knobs, &BOTOCORE[0]), knobs::millis(knobs, &BOTOCORE[1]));
        Box::new(Jitter::Botocore(Expo { base, cap }))
    }),
    ..ENTRY_FULL
};

const RANDOMIZED: &[Knob] = &[
    Knob { default: 500.0, help: "The first interval.", ..BASE },
    Knob {
        key: "multiplier",
        wire: 1,
        label: "Multiplier",
        unit: "times",
        help: "How many times longer each interval is than the one before.",
        min: 1.0,
        max: 100.0,
        default: 1.5,
        whole: false,
    },
    Knob {
        key: "factor",
        wire: 2,
        label: "Spread",
        unit: "",
        help: "How far the wait may be from the interval: 0.5 is half of it either way.",
        min: 0.0,
        max: 1.0,
        default: 0.5,
        whole: false,
    },
];

/// As people meet resilience4j's.
pub(super) const ENTRY_RANDOMIZED: Entry = Entry {
    key: "randomized_backoff",
    wire: 28,
    name: "Randomized exponential backoff",
    whose: "resilience4j's IntervalFunction.ofExponentialRandomBackoff",
    rule: "Wait half as long again each time, give or take a half.",
    when: "Waits should be near a plan.",
    when_not: "Many clients fail together: full jitter spreads wider.",
    source: "resilience4j IntervalFunction.java",
    knobs: RANDOMIZED,
    make: Make::Backoff(|knobs: &Knobs| {
        Box::new(Jitter::Randomized {
            base: knobs::millis(knobs, &RANDOMIZED[0]),
            multiplier: knobs.get(&RANDOMIZED[1]),
            factor: knobs.get(&RANDOMIZED[2]),
        })
    }),
    ..ENTRY_FULL
};

#[cfg(test)]
mod tests {
    use super::*;

    /// The least and the largest of many waits in ms, cut.
    fn spread(
        entry: &Entry,
        set: &[(&str, f64)],
        attempt: u32,
        previous: Option<u64>,
    ) -> (u64, u64) {
        let Make::Backoff(make) = entry.make else { panic!("it is a backoff") };
        let backoff = make(&knobs::with(entry.knobs, set));
        let previous = previous.map(Span::from_millis);
        let rng = &mut Rng::from_seed(1);
        let waits: Vec<u64> = (0..5000)
            .map(|_| backoff.wait(attempt, previous, rng, &mut Why::off()).ns() / 1_000_000)
            .collect();
        (waits.iter().copied().min().unwrap_or(0), waits.iter().copied().max().unwrap_or(0))
    }

    #[test]
    fn each_kind_draws_from_its_own_range() {
        let hundred = [("base_ms", 100.0)];
        assert_eq!(spread(&ENTRY_FULL, &hundred, 2, None), (0, 399));
        assert_eq!(spread(&ENTRY_EQUAL, &hundred, 2, None), (200, 399));
        assert_eq!(spread(&ENTRY_DECORRELATED, &hundred, 2, None), (100, 299));
        assert_eq!(spread(&ENTRY_DECORRELATED, &hundred, 2, Some(500)), (100, 1499));
        assert_eq!(spread(&ENTRY_DECORRELATED, &hundred, 2, Some(2000)).1, 2000, "the cap");
        assert_eq!(spread(&ENTRY_BOTOCORE, &hundred, 2, None), (0, 199));
        assert_eq!(spread(&ENTRY_BOTOCORE, &[], 1, None), (0, 49));
        assert_eq!(spread(&ENTRY_BOTOCORE, &[("cap_ms", 30.0)], 9, None), (0, 29));
        assert_eq!(spread(&ENTRY_RANDOMIZED, &[], 3, None), (562, 1687));
        assert_eq!(spread(&ENTRY_RANDOMIZED, &[("factor", 0.0)], 3, None), (1125, 1125));
        let set = [("base_ms", 100.0), ("multiplier", 2.0), ("factor", 0.1)];
        assert_eq!(spread(&ENTRY_RANDOMIZED, &set, 3, None), (360, 439));
        assert_eq!(spread(&ENTRY_FULL, &[("cap_ms", 10.0)], 60, None), (0, 9));
    }
}
