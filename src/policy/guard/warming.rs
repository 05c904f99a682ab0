//! Guava's RateLimiter, warming up: after a rest, slow at first.
//!
//! As Guava's SmoothWarmingUp (commit 09594275). A rest stores permits, but taking stored ones is
//! *dearer* than fresh ones: a permit costs the stable interval while at most `threshold` are
//! stored, and rises from there in a straight line to `cold_factor` times that at the most that can
//! be stored. The area under that line is the time: the way from full to the threshold takes the
//! warm-up period, `threshold = warmup / 2 / stable` and
//! `most = threshold + 2 * warmup / (stable + cold)`. It begins cold. The rest is as in the bursty
//! kind.

use super::guava::{Smooth, Store, WAIT};
use super::knobs::{self, RATE};
use super::{Entry, Make};
use crate::policy::{Knob, Knobs};
use crate::sim::Span;

/// The line that stored permits cost along.
#[derive(Clone, Debug)]
pub struct WarmingUp {
    /// Whole microseconds.
    warmup_us: f64,
    cold_factor: f64,
    stable_us: f64,
    threshold: f64,
    most: f64,
    slope: f64,
}

impl WarmingUp {
    fn new(warmup_s: f64, cold_factor: f64) -> WarmingUp {
        let warmup_us = (warmup_s * 1e6).floor().max(1.0);
        WarmingUp { warmup_us, cold_factor, stable_us: 0.0, threshold: 0.0, most: 0.0, slope: 0.0 }
    }
}

impl Smooth<WarmingUp> {
    /// `rate` permits a second (above 0) once warm, which takes `warmup_s` seconds (at least a
    /// microsecond); when cold a permit costs `cold_factor` times as much (at least 1). Whoever
    /// would wait longer than `patience` is refused.
    pub fn warming_up(
        rate: f64,
        warmup_s: f64,
        cold_factor: f64,
        patience: Span,
    ) -> Smooth<WarmingUp> {
        Smooth::new(WarmingUp::new(warmup_s, cold_factor), rate, patience)
    }
}

impl Store for WarmingUp {
    fn set_rate(&mut self, _: f64, stable_us: f64) {
        let cold_us = stable_us * self.cold_factor;
        self.stable_us = stable_us;
        self.threshold = 0.5 * self.warmup_us / stable_us;
        self.most = self.threshold + 2.0 * self.warmup_us / (stable_us + cold_us);
        self.slope = (cold_us - stable_us) / (self.most - self.threshold);
    }

    fn at_first(&self) -> f64 {
        self.most
    }

    fn most(&self) -> f64 {
        self.most
    }

    fn cool_down_us(&self) -> f64 {
        self.warmup_us / self.most
    }

    fn price_us(&self, stored: f64, take: f64) -> i64 {
        let interval = |above: f64| self.stable_us + above * self.slope;
        let above = stored - self.threshold;
        if above <= 0.0 {
            return (self.stable_us * take) as i64;
        }
        // The sloping part is a trapezoid; Guava cuts each part to whole microseconds.
        let dear = above.min(take);
        let sloping = (dear * (interval(above) + interval(above - dear)) / 2.0) as i64;
        sloping.saturating_add((self.stable_us * (take - dear)) as i64)
    }
}

const KNOBS: &[Knob] = &[
    RATE,
    Knob {
        key: "warmup_s",
        wire: 1,
        label: "Warm-up",
        unit: "s",
        help: "How long it takes from cold to the full rate.",
        min: 0.001,
        max: 3600.0,
        default: 4.0,
        whole: false,
    },
    WAIT,
    Knob {
        key: "cold_factor",
        wire: 3,
        label: "Cold factor",
        unit: "",
        help: "How many times dearer a permit is when cold.",
        min: 1.0,
        max: 100.0,
        default: 3.0,
        whole: false,
    },
];

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "guava_warming",
    wire: 7,
    name: "Guava RateLimiter, warming up",
    whose: "Guava's SmoothWarmingUp, commit 09594275",
    rule: "After a rest requests go slowly at first and reach the rate after the warm-up.",
    cost: "O(1) time; two numbers",
    when: "What is behind is slow after a rest: cold caches, just started.",
    when_not: "Bursts after a rest are what you want to allow.",
    source: "google/guava SmoothRateLimiter.java, RateLimiterTest.java",
    knobs: KNOBS,
    make: Make::Guard(|knobs: &Knobs| {
        let value = |place: usize| knobs.get(&KNOBS[place]);
        let patience = knobs::millis(knobs, &KNOBS[2]);
        Box::new(Smooth::warming_up(value(0), value(1), value(3), patience))
    }),
};

#[cfg(test)]
mod tests {
    use super::super::{Ask, Guard, Verdict};
    use super::*;
    use crate::sim::{Rng, Time, Why};

    /// Two a second, four seconds of warm-up: threshold 4, most 8, intervals from 0.5 s to 1.5 s.
    #[test]
    fn stored_permits_cost_the_area_under_the_line() {
        let mut store = WarmingUp::new(4.0, 3.0);
        store.set_rate(2.0, 500_000.0);
        assert_eq!((store.threshold, store.most), (4.0, 8.0));
        let prices: Vec<i64> = (1..=8).rev().map(|n| store.price_us(f64::from(n), 1.0)).collect();
        let sloping = [1_375_000, 1_125_000, 875_000, 625_000];
        assert_eq!(prices[..4], sloping);
        assert_eq!(prices[4..], [500_000; 4]);
        assert_eq!(store.price_us(8.0, 4.0), 4_000_000, "the warm-up");
        assert_eq!(store.price_us(8.0, 8.0), 6_000_000);
        assert_eq!(store.cool_down_us(), 500_000.0);
    }

    /// Three acquisitions, then the rate is doubled, five more, a rest and eleven more, as in
    /// Guava's testWarmUpAndUpdate and testWarmUpAndUpdateWithColdFactor: waits in hundredths of a
    /// second as published there.
    #[test]
    fn the_areas_stay_the_same_when_the_rate_is_changed() {
        let waits = |rate: f64, cold_factor: f64, rest_ms: u64| -> Vec<u64> {
            let mut limiter = Smooth::warming_up(rate, 4.0, cold_factor, Span::from_ns(u64::MAX));
            let mut now = Time::ZERO;
            let mut acquire = |step: u32| {
                match step {
                    3 => assert!(limiter.set_rate(rate * 2.0, now)),
                    8 => now = now + Span::from_millis(rest_ms),
                    _ => {}
                }
                let rng = &mut Rng::from_seed(1);
                let wait = match limiter.admit(&Ask::at(now), rng, &mut Why::off()) {
                    Verdict::Delay(wait) => wait,
                    _ => Span::ZERO,
                };
                now = now + wait;
                (wait.ns() + 5_000_000) / 10_000_000
            };
            (0..19).map(&mut acquire).collect()
        };
        let (warm, warming) = ([34, 28, 25, 25], [0, 72, 66, 59, 53, 47, 41]);
        let got = waits(2.0, 3.0, 4250);
        assert_eq!((&got[..4], &got[4..8]), (&[0, 138, 113, 88][..], &warm[..]));
        assert_eq!((&got[8..15], &got[15..]), (&warming[..], &warm[..]));
        let (warm, warming) = ([20, 10, 10, 10], [0, 94, 81, 69, 57, 44, 32]);
        let got = waits(5.0, 10.0, 4100);
        assert_eq!((&got[..4], &got[4..8]), (&[0, 175, 126, 76][..], &warm[..]));
        assert_eq!((&got[8..15], &got[15..]), (&warming[..], &warm[..]));
    }
}
