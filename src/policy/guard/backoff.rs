//! Waiting between attempts without chance: not at all, always the same, or twice as long each
//! time.
//!
//! As AWS's backoff simulator (commit 66cb1692): `expo(n) = min(cap, base * 2^n)`, where n counts
//! the attempts that failed. The first retry therefore waits 2 * base. Clients that failed together
//! come back together: see the kinds with jitter.

use super::{Backoff, Entry, Make, explain, knobs};
use crate::policy::{Knob, Knobs};
use crate::sim::{Rng, Span, Why};

/// Doubling up to a cap.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expo {
    pub(super) base: Span,
    pub(super) cap: Span,
}

impl Expo {
    /// With the knobs that all kinds with doubling share.
    pub(super) fn new(knobs: &Knobs) -> Expo {
        Expo { base: knobs::millis(knobs, &BASE), cap: knobs::millis(knobs, &CAP) }
    }

    /// `min(cap, base * 2^n)`.
    pub(super) fn after(&self, n: u32) -> Span {
        let doubled = match n {
            0..64 => self.base.ns().saturating_mul(1 << n),
            _ if self.base == Span::ZERO => 0,
            _ => u64::MAX,
        };
        Span::from_ns(doubled).min(self.cap)
    }

    /// `min(100 ms × 2^3, 2 s) = 800 ms`.
    pub(super) fn words(&self, n: u32) -> String {
        format!("min({} × 2^{n}, {}) = {}", self.base, self.cap, self.after(n))
    }
}

/// Waits that need no chance.
#[derive(Clone, Debug)]
enum Plain {
    Fixed(Span),
    Exponential(Expo),
}

impl Backoff for Plain {
    fn wait(&self, attempt: u32, _: Option<Span>, _: &mut Rng, why: &mut Why) -> Span {
        let wait = match self {
            Plain::Fixed(wait) => *wait,
            Plain::Exponential(expo) => expo.after(attempt),
        };
        explain(why, true, "wait", || {
            let numbers = match self {
                Plain::Fixed(wait) => wait.to_string(),
                Plain::Exponential(expo) => expo.words(attempt),
            };
            (numbers, format!("Retry {attempt} comes after {wait}."))
        });
        wait
    }
}

/// What is doubled.
pub(super) const BASE: Knob = Knob {
    key: "base_ms",
    wire: 0,
    label: "Base",
    unit: "ms",
    help: "What is doubled with each attempt.",
    min: 0.0,
    max: 3_600_000.0,
    default: 5.0,
    whole: false,
};
/// Where doubling ends.
pub(super) const CAP: Knob = Knob {
    key: "cap_ms",
    wire: 1,
    label: "Cap",
    help: "No wait is longer than this.",
    default: 2000.0,
    ..BASE
};
const WAIT: Knob =
    Knob { key: "wait_ms", label: "Wait", help: "How long each wait is.", default: 500.0, ..BASE };

/// As people meet the one that does not wait.
pub(super) const ENTRY_NONE: Entry = Entry {
    key: "no_backoff",
    wire: 21,
    name: "No backoff",
    whose: "AWS's backoff simulator, commit 66cb1692",
    rule: "Try again at once.",
    cost: "O(1) time; no memory",
    when: "The failure had nothing to do with load, and another server is asked.",
    when_not: "The server is overloaded: the retries keep it so.",
    source: "aws-samples/aws-arch-backoff-simulator",
    knobs: &[],
    make: Make::Backoff(|_| Box::new(Plain::Fixed(Span::ZERO))),
};

/// As people meet the one that always waits the same.
pub(super) const ENTRY_FIXED: Entry = Entry {
    key: "fixed_backoff",
    wire: 22,
    name: "Fixed backoff",
    whose: "resilience4j's Retry by default",
    rule: "Wait half a second, then try again.",
    when: "Failures are short and clients are few.",
    when_not: "Many clients fail at once: they all come back at once.",
    source: "resilience4j IntervalFunction.java",
    knobs: &[WAIT],
    make: Make::Backoff(|knobs| Box::new(Plain::Fixed(knobs::millis(knobs, &WAIT)))),
    ..ENTRY_NONE
};

/// As people meet the one that doubles.
pub(super) const ENTRY_EXPONENTIAL: Entry = Entry {
    key: "exponential_backoff",
    wire: 23,
    name: "Exponential backoff",
    rule: "Wait twice as long before each attempt, up to a cap.",
    when: "The server needs time, and clients do not fail together.",
    when_not: "They do: add jitter.",
    knobs: &[BASE, CAP],
    make: Make::Backoff(|knobs| Box::new(Plain::Exponential(Expo::new(knobs)))),
    ..ENTRY_NONE
};

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(entry: &Entry, set: &[(&str, f64)]) -> Vec<u64> {
        let Make::Backoff(make) = entry.make else { panic!("it is a backoff") };
        let backoff = make(&knobs::with(entry.knobs, set));
        let rng = &mut Rng::from_seed(1);
        let mut wait = |attempt| backoff.wait(attempt, None, rng, &mut Why::off()).ns() / 1_000_000;
        [1, 2, 3, 9, u32::MAX].map(&mut wait).to_vec()
    }

    #[test]
    fn none_fixed_and_doubling() {
        assert_eq!(waits(&ENTRY_NONE, &[]), [0; 5]);
        assert_eq!(waits(&ENTRY_FIXED, &[]), [500; 5]);
        assert_eq!(waits(&ENTRY_FIXED, &[("wait_ms", 7.0)]), [7; 5]);
        assert_eq!(waits(&ENTRY_EXPONENTIAL, &[]), [10, 20, 40, 2000, 2000]);
        let set = [("base_ms", 1.0), ("cap_ms", 100.0)];
        assert_eq!(waits(&ENTRY_EXPONENTIAL, &set), [2, 4, 8, 100, 100]);
        assert_eq!(waits(&ENTRY_EXPONENTIAL, &[("base_ms", 0.0)]), [0; 5]);
    }

    #[test]
    fn shows_the_doubling() {
        let expo = Expo { base: Span::from_millis(100), cap: Span::from_millis(2000) };
        let mut why = Why::on();
        let rng = &mut Rng::from_seed(1);
        Plain::Exponential(expo).wait(3, None, rng, &mut why);
        assert_eq!(why.lines[0].numbers, "min(100 ms × 2^3, 2.00 s) = 800 ms");
        assert_eq!(why.sentence, "Retry 3 comes after 800 ms.");
    }
}
