//! Settings that several guards share, so that they read alike.

use crate::policy::{Knob, Knobs};
use crate::sim::Span;

/// How many a second.
pub(super) const RATE: Knob = Knob {
    key: "rate",
    wire: 0,
    label: "Rate",
    unit: "per second",
    help: "How many pass each second in the long run.",
    min: 0.001,
    max: 1e6,
    default: 10.0,
    whole: false,
};

/// How many at once.
pub(super) const BURST: Knob = Knob {
    key: "burst",
    wire: 1,
    label: "Burst",
    unit: "",
    help: "How many may pass at once after a quiet time.",
    min: 0.0,
    max: 1e6,
    default: 10.0,
    whole: true,
};

/// How many in a window.
pub(super) const LIMIT: Knob = Knob {
    key: "limit",
    wire: 0,
    label: "Limit",
    unit: "per window",
    help: "How many may pass in one window.",
    min: 0.0,
    max: 1e6,
    default: 10.0,
    whole: true,
};

/// How long a window is.
pub(super) const WINDOW: Knob = Knob {
    key: "window_ms",
    wire: 1,
    label: "Window",
    unit: "ms",
    help: "How long a window is.",
    min: 1.0,
    max: 86_400_000.0,
    default: 1000.0,
    whole: true,
};

/// How long somebody would rather wait than be refused.
pub(super) const PATIENCE: Knob = Knob {
    key: "wait_ms",
    wire: 2,
    label: "Longest wait",
    unit: "ms",
    help: "Whoever would have to wait longer than this is refused.",
    min: 0.0,
    max: 3_600_000.0,
    default: 0.0,
    whole: false,
};

/// The value of a knob in milliseconds, as a length of time.
pub(super) fn millis(knobs: &Knobs, knob: &Knob) -> Span {
    Span::from_millis_f64(knobs.get(knob))
}

/// The value of a knob in seconds, as a length of time.
pub(super) fn seconds(knobs: &Knobs, knob: &Knob) -> Span {
    Span::from_seconds_f64(knobs.get(knob))
}

/// The value of a knob that counts, in 32 bits.
pub(super) fn count(knobs: &Knobs, knob: &Knob) -> u32 {
    u32::try_from(knobs.count(knob)).unwrap_or(u32::MAX)
}

/// For tests: defaults, but for these.
#[cfg(test)]
pub(super) fn with(known: &'static [Knob], set: &[(&str, f64)]) -> Knobs {
    let mut knobs = Knobs::default();
    for (key, value) in set {
        knobs.set(known, key, *value).expect("the test sets what there is, in range");
    }
    knobs
}
