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

/// The line that stored permits cost along.
#[derive(Clone, Debug)]
struct WarmingUp {
    stable_us: f64,
    /// Whole microseconds.
    warmup_us: f64,
    threshold: f64,
    most: f64,
    slope: f64,
}

impl WarmingUp {
    fn new(rate: f64, warmup_s: f64, cold_factor: f64) -> WarmingUp {
        let stable_us = 1e6 / rate;
        let warmup_us = (warmup_s * 1e6).floor();
        let cold_us = stable_us * cold_factor;
        let threshold = 0.5 * warmup_us / stable_us;
        let most = threshold + 2.0 * warmup_us / (stable_us + cold_us);
        let slope = (cold_us - stable_us) / (most - threshold);
        WarmingUp { stable_us, warmup_us, threshold, most, slope }
    }
}

impl Store for WarmingUp {
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
        let rate = knobs.get(&KNOBS[0]);
        let store = WarmingUp::new(rate, knobs.get(&KNOBS[1]), knobs.get(&KNOBS[3]));
        let cold = store.most;
        Box::new(Smooth::new(store, rate, cold, knobs::millis(knobs, &KNOBS[2])))
    }),
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Two a second, four seconds of warm-up: threshold 4, most 8, intervals from 0.5 s to 1.5 s.
    #[test]
    fn stored_permits_cost_the_area_under_the_line() {
        let store = WarmingUp::new(2.0, 4.0, 3.0);
        assert_eq!((store.threshold, store.most), (4.0, 8.0));
        let prices: Vec<i64> = (1..=8).rev().map(|n| store.price_us(f64::from(n), 1.0)).collect();
        let sloping = [1_375_000, 1_125_000, 875_000, 625_000];
        assert_eq!(prices[..4], sloping);
        assert_eq!(prices[4..], [500_000; 4]);
        assert_eq!(store.price_us(8.0, 4.0), 4_000_000, "the warm-up");
        assert_eq!(store.price_us(8.0, 8.0), 6_000_000);
        assert_eq!(store.cool_down_us(), 500_000.0);
    }
}
