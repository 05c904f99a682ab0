//! Vegas: guess the queue from the delay, and keep it short.
//!
//! As VegasLimit of Netflix's concurrency-limits (commit 78a74b98), after TCP Vegas. The shortest
//! time seen stands for the time without a queue. Of `limit` requests under way,
//! `queue = ceil(limit * (1 - shortest / rtt))` wait. With L = log10(limit), cut, at least 1: a
//! drop lowers the limit by L; otherwise, and only if at least half of the limit was under way, a
//! queue of at most L raises it by beta, one below alpha by L, one above beta lowers it by L; alpha
//! is 3 L, beta 6 L. A new shortest time only replaces the old one. From time to time, after
//! `jitter * 30 * limit` samples with a jitter drawn from 0.5 to 1, the shortest time is set to the
//! latest, because the server may have become slower for good.

use super::adaptive::{Adaptive, Limit, Sample};
use super::{Entry, Make, knobs};
use crate::policy::{Knob, Knobs};
use crate::sim::{Rng, Span};

/// The rule's state and settings.
#[derive(Clone, Debug)]
pub struct Vegas {
    limit: f64,
    most: f64,
    smoothing: f64,
    /// Fixed, or 3 L.
    alpha: Option<u32>,
    /// Fixed, or 6 L.
    beta: Option<u32>,
    /// Divide by this to lower the limit, rather than subtract L.
    divisor: Option<f64>,
    probe: f64,
    shortest_ns: u64,
    probes: u64,
    /// Not drawn yet before the first sample.
    jitter: Option<f64>,
}

impl Vegas {
    /// With these settings; see [`super::CATALOGUE`] for what there is.
    pub fn new(knobs: &Knobs) -> Vegas {
        let fixed = |knob: &Knob| Some(knobs::count(knobs, knob)).filter(|count| *count > 0);
        let divisor = knobs.get(&KNOBS[5]);
        Vegas {
            limit: knobs.get(&KNOBS[0]),
            most: knobs.get(&KNOBS[1]),
            smoothing: knobs.get(&KNOBS[2]),
            alpha: fixed(&KNOBS[3]),
            beta: fixed(&KNOBS[4]),
            divisor: (divisor > 1.0).then_some(divisor),
            probe: knobs.get(&KNOBS[6]),
            shortest_ns: 0,
            probes: 0,
            jitter: None,
        }
    }

    /// How many may be under way at once.
    pub fn limit(&self) -> u32 {
        self.limit as u32
    }

    /// Learns from one that took this long with so many under way, and gives the limit.
    pub fn sample(&mut self, rtt: Span, among: u32, dropped: bool, rng: &mut Rng) -> u32 {
        self.learn(Sample { rtt_ns: rtt.ns().max(1), among, dropped }, rng);
        self.limit()
    }

    fn lowered(&self, step: f64) -> f64 {
        self.divisor.map_or(self.limit - step, |divisor| self.limit / divisor)
    }

    /// What the limit would be, before the clamp; nothing when it stays.
    fn wanted(&self, sample: Sample) -> Option<f64> {
        let log = (self.limit as u32).max(1).ilog10().max(1);
        let step = f64::from(log);
        if sample.dropped {
            return Some(self.lowered(step));
        }
        if f64::from(sample.among) * 2.0 < self.limit {
            return None;
        }
        let share = 1.0 - self.shortest_ns as f64 / sample.rtt_ns as f64;
        let queue = (self.limit * share).ceil();
        let alpha = f64::from(self.alpha.unwrap_or(3 * log));
        let beta = f64::from(self.beta.unwrap_or(6 * log));
        if queue <= step {
            Some(self.limit + beta)
        } else if queue < alpha {
            Some(self.limit + step)
        } else if queue > beta {
            Some(self.lowered(step))
        } else {
            None
        }
    }
}

impl Limit for Vegas {
    fn learn(&mut self, sample: Sample, rng: &mut Rng) {
        let mut draw = || 0.5 + rng.unit() / 2.0;
        let jitter = *self.jitter.get_or_insert_with(&mut draw);
        self.probes += 1;
        if jitter * self.probe * self.limit <= self.probes as f64 {
            self.jitter = Some(draw());
            self.probes = 0;
            self.shortest_ns = sample.rtt_ns;
            return;
        }
        if self.shortest_ns == 0 || sample.rtt_ns < self.shortest_ns {
            self.shortest_ns = sample.rtt_ns;
            return;
        }
        if let Some(wanted) = self.wanted(sample) {
            let clamped = wanted.min(self.most).max(1.0);
            self.limit = (1.0 - self.smoothing) * self.limit + self.smoothing * clamped;
        }
    }

    fn exact(&self) -> f64 {
        self.limit
    }

    fn most(&self) -> f64 {
        self.most
    }
}

/// Where a limit begins.
pub(super) const INITIAL: Knob = Knob {
    key: "initial",
    wire: 0,
    label: "Begins at",
    unit: "at once",
    help: "The limit to begin with.",
    min: 1.0,
    max: 100_000.0,
    default: 20.0,
    whole: true,
};
/// The most it may become.
pub(super) const MOST: Knob = Knob {
    key: "most",
    wire: 1,
    label: "At most",
    help: "The largest limit.",
    default: 1000.0,
    ..INITIAL
};
/// How far it follows.
pub(super) const SMOOTHING: Knob = Knob {
    key: "smoothing",
    wire: 2,
    label: "Smoothing",
    unit: "",
    help: "How far each new limit is followed: 1 all the way.",
    min: 0.001,
    max: 1.0,
    default: 1.0,
    whole: false,
};
const ALPHA: Knob = Knob {
    key: "alpha",
    wire: 3,
    label: "Alpha",
    unit: "queued",
    help: "A shorter queue raises the limit; 0 means 3 log10(limit).",
    min: 0.0,
    max: 1000.0,
    default: 0.0,
    whole: true,
};

const KNOBS: &[Knob] = &[
    INITIAL,
    MOST,
    SMOOTHING,
    ALPHA,
    Knob {
        key: "beta",
        wire: 4,
        label: "Beta",
        help: "A longer queue lowers the limit; 0 means 6 log10(limit).",
        ..ALPHA
    },
    Knob {
        key: "divisor",
        wire: 5,
        label: "Lower by dividing",
        unit: "",
        help: "Above 1 the limit is divided by this to lower it; else log10(limit) is subtracted.",
        whole: false,
        ..ALPHA
    },
    Knob {
        key: "probe",
        wire: 6,
        label: "Probe",
        unit: "limits",
        help: "After about this many times the limit's samples the shortest time is set anew.",
        min: 1.0,
        default: 30.0,
        ..ALPHA
    },
];

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "vegas",
    wire: 16,
    name: "Adaptive limit, Vegas",
    whose: "Netflix concurrency-limits, commit 78a74b98",
    rule: "The delay says how many queue: few raise the limit, many lower it.",
    cost: "O(1) time; four numbers",
    when: "Nobody knows the right number of requests at once, and times are steady.",
    when_not: "Times differ by nature: every long request looks like a queue.",
    source: "Netflix/concurrency-limits VegasLimit.java, VegasLimitTest.java",
    knobs: KNOBS,
    make: Make::Guard(|knobs: &Knobs| Box::new(Adaptive::new(Vegas::new(knobs)))),
};

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(set: &[(&str, f64)], samples: &[(u64, u32)]) -> Vec<u32> {
        let mut vegas = Vegas::new(&knobs::with(KNOBS, set));
        let rng = &mut Rng::from_seed(1);
        let learn =
            |&(ms, among): &(u64, u32)| vegas.sample(Span::from_millis(ms), among, false, rng);
        samples.iter().map(learn).collect()
    }

    #[test]
    fn a_short_queue_raises_and_a_long_one_lowers() {
        // With limit 20: no queue; one of ceil(20 * 2/12) = 4, in between; one of 10.
        assert_eq!(limits(&[], &[(10, 20), (10, 20)]), [20, 26]);
        assert_eq!(limits(&[], &[(10, 20), (12, 20)]), [20, 20]);
        assert_eq!(limits(&[], &[(10, 20), (20, 20)]), [20, 19]);
        assert_eq!(limits(&[], &[(10, 20), (20, 9)]), [20, 20], "less than half were under way");
        assert_eq!(limits(&[], &[(10, 20), (5, 20), (10, 20)]), [20, 20, 19], "a shorter time");
    }

    #[test]
    fn every_setting_counts() {
        assert_eq!(limits(&[("most", 22.0)], &[(10, 20), (10, 20)]), [20, 22]);
        assert_eq!(limits(&[("initial", 10.0)], &[(10, 20), (10, 20)]), [10, 16]);
        assert_eq!(limits(&[("smoothing", 0.5)], &[(10, 20), (10, 20)]), [20, 23]);
        assert_eq!(limits(&[("alpha", 5.0)], &[(10, 20), (12, 20)]), [20, 21]);
        assert_eq!(limits(&[("beta", 3.0)], &[(10, 20), (12, 20)]), [20, 19]);
        assert_eq!(limits(&[("divisor", 2.0)], &[(10, 20), (20, 20)]), [20, 10]);
        // A time of 12 is in between, until it has become the shortest time itself.
        let mut slower = vec![(12, 20); 25];
        slower[0] = (10, 20);
        assert_eq!(limits(&[], &slower)[24], 20);
        assert!(limits(&[("probe", 1.0)], &slower)[24] > 20);
    }
}
