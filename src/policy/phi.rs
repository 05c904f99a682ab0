//! Is it dead? Phi: how surprising the silence is, as a number.
//!
//! Phi is `-log10` of the chance that the next heartbeat comes later than it is late already: 1
//! means one error in ten such decisions, 8 (the threshold of both systems below) one in a hundred
//! million. They differ in what they take the times between heartbeats to be.
//!
//! *Akka* (PhiAccrualFailureDetector) takes them to be normally distributed, with the mean and the
//! standard deviation of the latest `window` intervals, in whole milliseconds: a pause that is
//! acceptable is added to the mean, and the deviation is at least `least_deviation`. It begins with
//! two made-up intervals, a quarter below and a quarter above the first estimate. An interval that
//! ends a silence beyond the threshold is not kept. The normal law is the logistic approximation
//! `y = (t - mean) / sd`, `e = exp(-y * (1.5976 + 0.070566 * y^2))`, chance `e / (1 + e)`. Dead
//! means phi at or above the threshold.
//!
//! *Cassandra* (FailureDetector, early versions) takes them to be exponential, so that only the
//! mean matters: phi is `t / mean / ln 10`. It begins with one made-up interval, half the gossip
//! interval. Dead means phi above the threshold.

use std::collections::VecDeque;

use crate::sim::{Span, Time};

/// Phi after a silence of `t`, in the same unit as the mean and the standard deviation of the times
/// between heartbeats. Infinite when the silence is beyond what floats can tell from certain death;
/// a deviation that is not positive counts as the smallest there is.
pub fn phi(t: f64, mean: f64, sd: f64) -> f64 {
    let y = (t - mean) / sd.max(f64::MIN_POSITIVE);
    let e = libm::exp(-y * (1.5976 + 0.070566 * y * y));
    // Either way of writing the chance loses its digits on one side of the mean.
    let chance = if t > mean { e / (1.0 + e) } else { 1.0 - 1.0 / (1.0 + e) };
    (-libm::log10(chance)).max(0.0)
}

/// Phi after a silence of `t` when times between heartbeats are exponential with this mean, in the
/// same unit. A mean that is not positive counts as the smallest there is.
pub fn phi_exponential(t: f64, mean: f64) -> f64 {
    t / mean.max(f64::MIN_POSITIVE) * std::f64::consts::LOG10_E
}

/// What the times between heartbeats are taken to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Law {
    /// Normal, as Akka.
    Normal {
        /// The standard deviation counts as this at least.
        least_deviation: Span,
        /// A silence longer than usual by this much is still usual.
        pause: Span,
    },
    /// Exponential, as Cassandra.
    Exponential,
}

/// A detector's settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// What the times between heartbeats are taken to be.
    pub law: Law,
    /// The phi at or above which a node is dead (Cassandra: above).
    pub threshold: f64,
    /// How many of the latest intervals are kept, at least one.
    pub window: usize,
    /// How often a heartbeat is expected before any is known.
    pub expected: Span,
}

impl Settings {
    /// Akka Cluster's defaults.
    pub const AKKA: Settings = Settings {
        law: Law::Normal {
            least_deviation: Span::from_millis(100),
            pause: Span::from_millis(3000),
        },
        threshold: 8.0,
        window: 1000,
        expected: Span::from_millis(1000),
    };

    /// Cassandra's defaults.
    pub const CASSANDRA: Settings = Settings {
        law: Law::Exponential,
        threshold: 8.0,
        window: 1000,
        expected: Span::from_millis(1000),
    };
}

/// One node's heartbeats. Times are cut to whole milliseconds, as both systems have them; a clock
/// that goes back counts as standing still.
#[derive(Clone, Debug)]
pub struct Heartbeats {
    settings: Settings,
    /// In milliseconds, the oldest first.
    intervals: VecDeque<u64>,
    sum: u64,
    squares: u128,
    last_ms: Option<u64>,
}

impl Heartbeats {
    /// Of a node that has not been heard of yet.
    pub fn new(settings: Settings) -> Heartbeats {
        Heartbeats { settings, intervals: VecDeque::new(), sum: 0, squares: 0, last_ms: None }
    }

    /// A heartbeat has come.
    pub fn beat(&mut self, now: Time) {
        let now_ms = ms(now.ns());
        let Some(last_ms) = self.last_ms else {
            let expected = ms(self.settings.expected.ns());
            match self.settings.law {
                Law::Normal { .. } => {
                    self.keep(expected - expected / 4);
                    self.keep(expected + expected / 4);
                }
                Law::Exponential => self.keep(expected / 2),
            }
            self.last_ms = Some(now_ms);
            return;
        };
        // A long silence would skew Akka's mean; Cassandra takes it as it is.
        if self.settings.law == Law::Exponential || !self.dead(now) {
            self.keep(now_ms.saturating_sub(last_ms));
        }
        self.last_ms = Some(now_ms.max(last_ms));
    }

    /// Phi at `now`; 0 for a node that has not been heard of.
    pub fn phi(&self, now: Time) -> f64 {
        let Some(last_ms) = self.last_ms else { return 0.0 };
        let silence = ms(now.ns()).saturating_sub(last_ms) as f64;
        let (mean, deviation) = self.mean_and_deviation();
        match self.settings.law {
            Law::Exponential => phi_exponential(silence, mean),
            Law::Normal { least_deviation, pause } => {
                let (least, pause) = (ms(least_deviation.ns()), ms(pause.ns()));
                phi(silence, mean + pause as f64, deviation.max(least as f64))
            }
        }
    }

    /// Is it taken for dead at `now`?
    pub fn dead(&self, now: Time) -> bool {
        let phi = self.phi(now);
        match self.settings.law {
            Law::Normal { .. } => phi >= self.settings.threshold,
            Law::Exponential => phi > self.settings.threshold,
        }
    }

    /// The mean and the standard deviation of the intervals kept, in milliseconds; 0 if there are
    /// none.
    pub fn mean_and_deviation(&self) -> (f64, f64) {
        let count = self.intervals.len().max(1) as f64;
        let mean = self.sum as f64 / count;
        // As both systems: exact sums, and so not below zero by more than a float's last digits.
        let variance = self.squares as f64 / count - mean * mean;
        (mean, variance.max(0.0).sqrt())
    }

    fn keep(&mut self, interval: u64) {
        if self.intervals.len() >= self.settings.window.max(1)
            && let Some(oldest) = self.intervals.pop_front()
        {
            self.sum -= oldest;
            self.squares -= u128::from(oldest) * u128::from(oldest);
        }
        self.intervals.push_back(interval);
        self.sum += interval;
        self.squares += u128::from(interval) * u128::from(interval);
    }
}

fn ms(ns: u64) -> u64 {
    ns / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> Time {
        Time::from_ns(ms * 1_000_000)
    }

    fn near(got: f64, expected: f64) {
        assert!((got - expected).abs() < 1e-9, "{got} against {expected}");
    }

    #[test]
    fn the_longer_the_silence_the_surer() {
        let at = |t: f64| phi(t, 1000.0, 100.0);
        assert!((at(1000.0) - libm::log10(2.0)).abs() < 1e-12, "half of all come later than usual");
        assert!([0.0, 900.0, 1100.0, 1500.0].windows(2).all(|pair| at(pair[0]) < at(pair[1])));
        assert_eq!((at(0.0), at(1e9)), (0.0, f64::INFINITY));
        assert_eq!((phi(2.0, 1.0, 0.0), phi(1.0, 2.0, 0.0)), (f64::INFINITY, 0.0));
    }

    #[test]
    fn akka_begins_with_a_guess_and_then_knows() {
        let mut node = Heartbeats::new(Settings::AKKA);
        assert_eq!((node.phi(at(99_999)), node.dead(at(99_999))), (0.0, false), "not heard of yet");
        node.beat(at(500));
        assert_eq!(node.mean_and_deviation(), (1000.0, 250.0));
        near(node.phi(at(4500)), libm::log10(2.0));
        // 1000 and 1000 and 1600 beside the two guesses: the mean is 1120.
        [1500, 2500, 4100].iter().for_each(|ms| node.beat(at(*ms)));
        let (mean, deviation) = node.mean_and_deviation();
        near(mean, 1120.0);
        near(
            deviation * deviation,
            (750.0 * 750.0 + 1250.0 * 1250.0 + 4.56e6) / 5.0 - 1120.0 * 1120.0,
        );
        near(node.phi(at(9100)), phi(5000.0, 4120.0, deviation));
    }

    #[test]
    fn akka_forgets_the_oldest_and_never_learns_a_death() {
        let mut node = Heartbeats::new(Settings { window: 3, ..Settings::AKKA });
        (0..10).for_each(|n| node.beat(at(n * 400)));
        assert_eq!(node.mean_and_deviation(), (400.0, 0.0));
        // Mean 400 and a pause of 3000: five and a half deviations of 100 later it is dead.
        assert!(!node.dead(at(3600 + 3900)) && node.dead(at(3600 + 4000)));
        node.beat(at(3600 + 4000));
        assert_eq!(node.mean_and_deviation(), (400.0, 0.0), "that silence is not kept");
        assert!(!node.dead(at(7600)));
        node.beat(at(7000));
        node.beat(at(7900));
        assert_eq!(node.mean_and_deviation().0, (400.0 + 0.0 + 300.0) / 3.0, "time stood still");
    }

    #[test]
    fn cassandra_looks_at_the_mean_only() {
        let mut node = Heartbeats::new(Settings { window: 2, ..Settings::CASSANDRA });
        node.beat(at(1000));
        assert_eq!(node.mean_and_deviation().0, 500.0);
        node.beat(at(2500));
        near(node.phi(at(3500)), std::f64::consts::LOG10_E);
        // 8 is reached at mean * 8 * ln 10 = 18420.7 ms, and must be passed.
        assert!(!node.dead(at(2500 + 18_420)) && node.dead(at(2500 + 18_421)));
        node.beat(at(2500 + 18_500));
        assert_eq!(node.mean_and_deviation().0, 10_000.0, "a silence is kept, the guess is not");
        assert!(phi_exponential(0.0, 0.0) == 0.0 && phi_exponential(1.0, 0.0) > 1e300);
    }
}
