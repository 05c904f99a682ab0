//! AIMD: one more while it goes well, a tenth less when something is dropped.
//!
//! As AIMDLimit of Netflix's concurrency-limits (commit 78a74b98), after TCP's additive increase
//! and multiplicative decrease. A request that was dropped, or took longer than `timeout`, sets the
//! limit to `limit * ratio`, cut to a whole number; any other raises it by 1 if at least half of it
//! was under way. Then it is brought within its bounds; before the first request it is as it was
//! set, in bounds or not.

use super::adaptive::{Adaptive, Limit, Sample};
use super::vegas::{INITIAL, MOST};
use super::{Entry, Make, knobs};
use crate::policy::{Knob, Knobs};
use crate::sim::{Rng, Span};

/// The rule's state and settings.
#[derive(Clone, Debug)]
pub struct Aimd {
    limit: u32,
    least: u32,
    most: u32,
    ratio: f64,
    timeout: Span,
}

impl Aimd {
    /// With these settings; see [`super::CATALOGUE`] for what there is.
    pub fn new(knobs: &Knobs) -> Aimd {
        Aimd {
            limit: knobs::count(knobs, &KNOBS[0]),
            most: knobs::count(knobs, &KNOBS[1]),
            ratio: knobs.get(&KNOBS[2]),
            least: knobs::count(knobs, &KNOBS[3]),
            timeout: knobs::millis(knobs, &KNOBS[4]),
        }
    }

    /// How many may be under way at once.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// Learns from one that took this long with so many under way, and gives the limit.
    pub fn sample(&mut self, rtt: Span, among: u32, dropped: bool) -> u32 {
        if dropped || rtt > self.timeout {
            self.limit = (f64::from(self.limit) * self.ratio) as u32;
        } else if u64::from(among) * 2 >= u64::from(self.limit) {
            self.limit = self.limit.saturating_add(1);
        }
        self.limit = self.limit.max(self.least).min(self.most);
        self.limit
    }
}

impl Limit for Aimd {
    fn learn(&mut self, sample: Sample, _: &mut Rng) {
        self.sample(Span::from_ns(sample.rtt_ns), sample.among, sample.dropped);
    }

    fn exact(&self) -> f64 {
        f64::from(self.limit)
    }

    fn most(&self) -> f64 {
        f64::from(self.most)
    }
}

const KNOBS: &[Knob] = &[
    INITIAL,
    Knob { default: 200.0, ..MOST },
    Knob {
        key: "ratio",
        wire: 2,
        label: "Falls to",
        unit: "of the limit",
        help: "What a drop multiplies the limit by.",
        min: 0.5,
        max: 0.999,
        default: 0.9,
        whole: false,
    },
    Knob {
        key: "least",
        wire: 3,
        label: "At least",
        help: "The smallest limit.",
        min: 0.0,
        ..INITIAL
    },
    Knob {
        key: "timeout_ms",
        wire: 4,
        label: "Timeout",
        unit: "ms",
        help: "What took longer counts as dropped.",
        min: 1.0,
        max: 3_600_000.0,
        default: 5000.0,
        whole: false,
    },
];

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "aimd",
    wire: 18,
    name: "Adaptive limit, AIMD",
    whose: "Netflix concurrency-limits, commit 78a74b98",
    rule: "A success adds one if at least half of the limit was under way; a drop takes a tenth.",
    cost: "O(1) time; one number",
    when: "Overload shows as drops and timeouts, as at a client.",
    when_not: "Overload shows as long times only: nothing is dropped until it is too late.",
    source: "Netflix/concurrency-limits AIMDLimit.java, AIMDLimitTest.java",
    knobs: KNOBS,
    make: Make::Guard(|knobs: &Knobs| Box::new(Adaptive::new(Aimd::new(knobs)))),
};

#[cfg(test)]
mod tests {
    use super::super::{Ask, Ended, Verdict};
    use super::knobs::with;
    use super::*;
    use crate::sim::{Time, Why};

    fn sampled(set: &[(&str, f64)], ms: u64, among: u32, dropped: bool) -> u32 {
        Aimd::new(&with(KNOBS, set)).sample(Span::from_millis(ms), among, dropped)
    }

    #[test]
    fn every_setting_counts() {
        let thirty = ("initial", 30.0);
        assert_eq!(sampled(&[thirty], 1, 15, false), 31);
        assert_eq!(sampled(&[thirty], 1, 14, false), 30);
        assert_eq!(sampled(&[thirty], 1, 30, true), 27);
        assert_eq!(sampled(&[thirty], 5001, 30, false), 27);
        assert_eq!(sampled(&[thirty, ("timeout_ms", 6000.0)], 5001, 30, false), 31);
        assert_eq!(sampled(&[thirty, ("ratio", 0.5)], 1, 30, true), 20, "20 is the least");
        assert_eq!(sampled(&[thirty, ("ratio", 0.5), ("least", 1.0)], 1, 30, true), 15);
        assert_eq!(sampled(&[thirty, ("most", 30.0)], 1, 30, false), 30);
    }

    #[test]
    fn bounds_hold_from_the_first_request_on() {
        let mut rule = Aimd::new(&with(KNOBS, &[("initial", 10.0)]));
        assert_eq!(rule.limit(), 10);
        assert_eq!(rule.sample(Span::from_millis(1), 1, false), 20);
    }

    #[test]
    fn as_a_guard_it_counts_what_is_under_way() {
        let Make::Guard(make) = ENTRY.make else { panic!("it is a guard") };
        let (mut guard, rng) = (make(Knobs::DEFAULTS), &mut Rng::from_seed(1));
        let mut why = Why::on();
        let mut ask = |guard: &mut Box<dyn super::super::Guard>| {
            guard.admit(&Ask::at(Time::ZERO), &mut Rng::from_seed(1), &mut why) == Verdict::Pass
        };
        assert_eq!((0..99).filter(|_| ask(&mut guard)).count(), 20);
        let ended = Ended { among: 20, ..Ended::well(Time::ZERO, Span::from_millis(1)) };
        guard.ended(&ended, rng);
        assert_eq!((0..99).filter(|_| ask(&mut guard)).count(), 2, "one has left, one more may");
        guard.ended(&Ended { ok: false, ..ended }, rng);
        assert_eq!(guard.state(Time::ZERO), "20 of 21 under way", "a bad answer teaches nothing");
        guard.ended(&Ended { ok: false, dropped: true, ..ended }, rng);
        assert_eq!(guard.state(Time::ZERO), "19 of 20 under way");
        assert_eq!(why.lines[20].numbers, "20 + 1, limit 20 (from 20)");
    }
}
