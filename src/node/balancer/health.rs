//! How a balancer finds out which servers may be used: the ways, with their numbers.

use super::super::param::Choice;
use crate::policy::balance::envoy::outlier::{Outlier, Settings};
use crate::sim::Span;

/// How a balancer finds out which servers may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It reads the mark, and whether the server runs, at once.
    Mark,
    /// By checks.
    Checks,
    /// By failed requests, as nginx.
    Passive,
    /// By answers, as Envoy's outlier detection.
    Outliers,
}

impl Health {
    /// All of them, as choices.
    pub(super) const ALL: [(Health, Choice); 4] = [
        (
            Health::Mark,
            Choice::plain(
                "mark",
                0,
                "As in the course: the mark, read at once",
                "It knows at once who runs and who is marked healthy.",
            ),
        ),
        (
            Health::Checks,
            Choice::plain(
                "checks",
                1,
                "Active checks",
                "It asks each server how it is, again and again.",
            ),
        ),
        (
            Health::Passive,
            Choice::plain(
                "passive",
                2,
                "Passive: failures, as nginx",
                "So many refused or lost connections, and a server is out for a time.",
            ),
        ),
        (
            Health::Outliers,
            Choice::plain(
                "outliers",
                3,
                "Passive: outlier detection, as Envoy",
                "So many errors in a row, and a server is out for a time that grows.",
            ),
        ),
    ];
}

/// How a balancer finds out which servers may be used, with numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HealthConfig {
    /// How.
    pub how: Health,
    /// The pause between two checks, and between two looks at outliers, in ms.
    pub interval_ms: f64,
    /// How long a check may take, in ms.
    pub timeout_ms: f64,
    /// Good checks in a row until it is up.
    pub rise: u32,
    /// Bad checks in a row until it is down.
    pub fall: u32,
    /// Failures until it is out.
    pub max_fails: u32,
    /// How long it is out, in s.
    pub fail_timeout_s: f64,
    /// Outliers: nobody else goes out while so many of a hundred are out.
    pub max_ejected: u32,
    /// With fewer usable servers of a hundred all are used; 0 is never.
    pub panic_percent: f64,
    /// How long a server that comes back gets less, in s; 0 is not at all.
    pub slow_start_s: f64,
}

impl Default for HealthConfig {
    fn default() -> Self {
        HealthConfig {
            how: Health::Mark,
            interval_ms: 1_000.0,
            timeout_ms: 1_000.0,
            rise: 2,
            fall: 3,
            max_fails: 3,
            fail_timeout_s: 10.0,
            max_ejected: 50,
            panic_percent: 0.0,
            slow_start_s: 0.0,
        }
    }
}

impl HealthConfig {
    /// Does the parameter with this name make no difference?
    pub(super) fn idle(&self, key: &str) -> bool {
        let (checks, outliers) = (self.how == Health::Checks, self.how == Health::Outliers);
        match key {
            "check_interval" => !checks && !outliers,
            "check_timeout" | "rise" | "fall" => !checks,
            "out_after" | "out_for" => !outliers && self.how != Health::Passive,
            "max_ejected" => !outliers,
            _ => false,
        }
    }

    pub(super) fn interval(&self) -> Span {
        Span::from_millis_f64(self.interval_ms)
    }

    pub(super) fn timeout(&self) -> Span {
        Span::from_millis_f64(self.timeout_ms)
    }

    pub(super) fn fail_timeout(&self) -> Span {
        Span::from_seconds_f64(self.fail_timeout_s)
    }

    pub(super) fn outlier(&self) -> Option<Outlier> {
        let base = self.fail_timeout_s.round().max(1.0) as u32;
        (self.how == Health::Outliers).then(|| {
            Outlier::new(Settings {
                consecutive_5xx: self.max_fails,
                base_ejection_time_s: base,
                max_ejection_time_s: base.max(Settings::ENVOY.max_ejection_time_s),
                max_ejection_percent: self.max_ejected,
                ..Settings::ENVOY
            })
        })
    }
}
