//! Gradient2: compare this request's time with the long-term average.
//!
//! As Gradient2Limit of Netflix's concurrency-limits (commit 78a74b98). The long-term time is the
//! plain mean of the first 10 samples and from then on an exponential average over `window` of
//! them; when it is more than twice the latest time it is cut by 5 %, to recover quickly after an
//! overload. Unless less than half of the limit was under way:
//! `gradient = tolerance * long / latest`, kept within 0.5 and 1, and
//! `limit = limit * (1 - smoothing) + (limit * gradient + queue) * smoothing`, kept within its
//! bounds. A drop counts like any other sample.

use super::adaptive::{Adaptive, Limit, Sample};
use super::vegas::{INITIAL, MOST, SMOOTHING};
use super::{Entry, Make};
use crate::policy::{Knob, Knobs};
use crate::sim::{Rng, Span};

/// Samples before the average becomes exponential.
const WARM_UP: u32 = 10;

/// The rule's state and settings.
#[derive(Clone, Debug)]
pub struct Gradient2 {
    limit: f64,
    least: f64,
    most: f64,
    smoothing: f64,
    queue: f64,
    window: f64,
    tolerance: f64,
    long: f64,
    sum: f64,
    samples: u32,
}

impl Gradient2 {
    /// With these settings; see [`super::CATALOGUE`] for what there is.
    pub fn new(knobs: &Knobs) -> Gradient2 {
        let value = |place: usize| knobs.get(&KNOBS[place]);
        Gradient2 {
            limit: value(0),
            most: value(1),
            smoothing: value(2),
            least: value(3),
            queue: value(4),
            window: value(5),
            tolerance: value(6),
            long: 0.0,
            sum: 0.0,
            samples: 0,
        }
    }

    /// How many may be under way at once.
    pub fn limit(&self) -> u32 {
        self.limit as u32
    }

    /// Learns from one that took this long with so many under way, and gives the limit.
    pub fn sample(&mut self, rtt: Span, among: u32) -> u32 {
        self.see(rtt.ns().max(1), among);
        self.limit()
    }

    fn average(&mut self, rtt: f64) -> f64 {
        if self.samples < WARM_UP {
            self.samples += 1;
            self.sum += rtt;
            self.long = self.sum / f64::from(self.samples);
        } else {
            let factor = 2.0 / (self.window + 1.0);
            self.long = self.long * (1.0 - factor) + rtt * factor;
        }
        self.long
    }

    fn see(&mut self, rtt_ns: u64, among: u32) {
        let short = rtt_ns as f64;
        let long = self.average(short);
        if long / short > 2.0 {
            self.long *= 0.95;
        }
        if f64::from(among) < self.limit / 2.0 {
            return;
        }
        let gradient = (self.tolerance * long / short).clamp(0.5, 1.0);
        let wanted = self.limit * gradient + self.queue;
        let next = self.limit * (1.0 - self.smoothing) + wanted * self.smoothing;
        self.limit = next.min(self.most).max(self.least);
    }
}

impl Limit for Gradient2 {
    fn learn(&mut self, sample: Sample, _: &mut Rng) {
        self.see(sample.rtt_ns, sample.among);
    }

    fn exact(&self) -> f64 {
        self.limit
    }

    fn most(&self) -> f64 {
        self.most
    }
}

const KNOBS: &[Knob] = &[
    INITIAL,
    Knob { default: 200.0, ..MOST },
    Knob { default: 0.2, ..SMOOTHING },
    Knob { key: "least", wire: 3, label: "At least", help: "The smallest limit.", ..INITIAL },
    Knob {
        key: "queue",
        wire: 4,
        label: "Queue allowed",
        unit: "requests",
        help: "By how many the limit may grow while times are good.",
        min: 0.0,
        max: 1000.0,
        default: 4.0,
        whole: true,
    },
    Knob {
        key: "window",
        wire: 5,
        label: "Long window",
        unit: "samples",
        help: "Over how many samples the long-term time is averaged.",
        min: 1.0,
        max: 100_000.0,
        default: 600.0,
        whole: true,
    },
    Knob {
        key: "tolerance",
        wire: 6,
        label: "Tolerance",
        unit: "times",
        help: "How many times the long-term time is still fine.",
        min: 1.0,
        max: 100.0,
        default: 1.5,
        whole: false,
    },
];

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "gradient2",
    wire: 17,
    name: "Adaptive limit, Gradient2",
    whose: "Netflix concurrency-limits, commit 78a74b98",
    rule: "Times above the long-term average lower the limit in proportion; good times raise it.",
    cost: "O(1) time; four numbers",
    when: "Times differ by nature and drift; the shortest time says little.",
    when_not: "An overload lasts: the average gets used to it.",
    source: "Netflix/concurrency-limits Gradient2Limit.java, ExpAvgMeasurement.java",
    knobs: KNOBS,
    make: Make::Guard(|knobs: &Knobs| Box::new(Adaptive::new(Gradient2::new(knobs)))),
};

#[cfg(test)]
mod tests {
    use super::super::knobs::with;
    use super::*;

    /// The limit after steady times of 10 and one of `last`.
    fn after(set: &[(&str, f64)], last: u64, among: u32) -> f64 {
        let mut rule = Gradient2::new(&with(KNOBS, set));
        let rng = &mut Rng::from_seed(1);
        let mut learn = |rtt_ns, among| rule.learn(Sample { rtt_ns, among, dropped: false }, rng);
        (0..11).for_each(|_| learn(10, 0));
        learn(last, among);
        rule.limit
    }

    #[test]
    fn slow_times_lower_it_and_every_setting_counts() {
        let is = |got: f64, wanted: f64| assert!((got - wanted).abs() < 0.01, "{got}");
        // 20 * 0.8 + (20 + 4) * 0.2.
        is(after(&[], 10, 20), 20.8);
        is(after(&[], 10, 9), 20.0);
        // Ten times as long: the gradient is 0.5 and the limit would be 18.8, but 20 is the least.
        is(after(&[], 100, 20), 20.0);
        is(after(&[("least", 5.0)], 100, 20), 18.8);
        is(after(&[("initial", 50.0)], 100, 50), 45.8);
        is(after(&[("most", 20.0)], 10, 20), 20.0);
        is(after(&[("smoothing", 1.0)], 10, 20), 24.0);
        is(after(&[("queue", 9.0)], 10, 20), 21.8);
        // The long-term time is 10.03 or, with a short window, (10 * 0 + 20 * 1) = 20.
        is(after(&[("initial", 50.0)], 20, 50), 48.33);
        is(after(&[("initial", 50.0), ("window", 1.0)], 20, 50), 50.8);
        is(after(&[("initial", 50.0), ("tolerance", 2.0)], 20, 50), 50.8);
    }

    #[test]
    fn after_an_overload_the_average_is_cut() {
        let mut rule = Gradient2::new(Knobs::DEFAULTS);
        let rng = &mut Rng::from_seed(1);
        let mut learn = |rtt_ns| rule.learn(Sample { rtt_ns, among: 0, dropped: false }, rng);
        learn(1000);
        learn(100);
        assert_eq!(rule.long, 550.0 * 0.95);
    }
}
