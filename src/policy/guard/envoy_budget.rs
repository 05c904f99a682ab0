//! Envoy's retry budget: retries under way are a share of all requests under way.
//!
//! As Envoy's ResourceManagerImpl (`retry_budget`). A retry passes when fewer retries are under way
//! than `max(percent / 100 * active, minimum)`, cut to a whole number, where active are all
//! requests under way, retries included. (In Envoy a retry that waits out its backoff counts as a
//! retry and not yet as active; here it counts as both from the moment it passes.)

use super::{Ask, Ended, Entry, Guard, Make, Verdict, Withdrawn, decimal, explain, knobs};
use crate::policy::{Knob, Knobs};
use crate::sim::{Rng, Time, Why};

/// The state: requests under way, and how many of them are retries.
#[derive(Clone, Debug)]
struct EnvoyBudget {
    percent: f64,
    minimum: u32,
    active: u32,
    retries: u32,
}

impl EnvoyBudget {
    fn most(&self) -> u32 {
        ((self.percent / 100.0 * f64::from(self.active)) as u32).max(self.minimum)
    }

    /// A retry is under way no more.
    fn leave(&mut self, cost: u32) {
        self.active = self.active.saturating_sub(cost);
        self.retries = self.retries.saturating_sub(cost);
    }
}

impl Guard for EnvoyBudget {
    fn admit(&mut self, ask: &Ask, _: &mut Rng, why: &mut Why) -> Verdict {
        let (most, retries, cost) = (self.most(), self.retries, ask.cost);
        let passes = cost <= most.saturating_sub(retries);
        explain(why, passes, "retries", || {
            let percent = decimal(self.percent);
            let most_of = format!("{percent} % of {}, at least {}", self.active, self.minimum);
            let numbers = format!("{retries} + {cost} of {most} ({most_of})");
            let sentence = match passes {
                true => format!("{} retries are under way now.", retries + cost),
                false => format!("{retries} retries are under way already."),
            };
            (numbers, sentence)
        });
        if !passes {
            return Verdict::Refuse(None);
        }
        self.retries += cost;
        self.active = self.active.saturating_add(cost);
        Verdict::Pass
    }

    fn began(&mut self, _: Time) {
        self.active = self.active.saturating_add(1);
    }

    fn ended(&mut self, ended: &Ended, _: &mut Rng) {
        match ended.retry {
            true => self.leave(ended.cost),
            false => self.active = self.active.saturating_sub(1),
        }
    }

    fn withdrawn(&mut self, gone: &Withdrawn) {
        self.leave(gone.cost);
    }

    fn under_way(&self) -> u32 {
        self.active
    }

    fn state(&self, _: Time) -> String {
        format!("{} of {} retries, {} requests under way", self.retries, self.most(), self.active)
    }

    fn gauge(&self, _: Time) -> (f64, f64) {
        (f64::from(self.retries), f64::from(self.most()))
    }
}

const KNOBS: &[Knob] = &[
    Knob {
        key: "percent",
        wire: 0,
        label: "Share",
        unit: "%",
        help: "How many of a hundred requests under way may be retries.",
        min: 0.0,
        max: 100.0,
        default: 20.0,
        whole: false,
    },
    Knob {
        key: "minimum",
        wire: 1,
        label: "At least",
        unit: "retries",
        help: "How many retries may be under way however few requests are.",
        min: 0.0,
        max: 1e6,
        default: 3.0,
        whole: true,
    },
];

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "envoy_budget",
    wire: 12,
    name: "Retry budget, Envoy",
    whose: "Envoy's circuit_breakers.retry_budget, commit 01c2c1fa",
    rule: "At most a fifth of what is under way may be retries, but always three.",
    cost: "O(1) time; two numbers",
    when: "A proxy sees all requests under way.",
    when_not: "Few long requests: a share of what is under way says little then.",
    source: "envoyproxy/envoy source/common/upstream/resource_manager_impl.h",
    knobs: KNOBS,
    make: Make::Guard(|knobs: &Knobs| {
        let (percent, minimum) = (knobs.get(&KNOBS[0]), knobs::count(knobs, &KNOBS[1]));
        Box::new(EnvoyBudget { percent, minimum, active: 0, retries: 0 })
    }),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Span;

    #[test]
    fn a_fifth_of_what_is_under_way_but_at_least_three() {
        let mut guard = EnvoyBudget { percent: 20.0, minimum: 3, active: 0, retries: 0 };
        let rng = &mut Rng::from_seed(1);
        let mut why = Why::on();
        let mut ask = |guard: &mut EnvoyBudget| {
            guard.admit(&Ask::at(Time::ZERO), &mut Rng::from_seed(1), &mut why) == Verdict::Pass
        };
        (0..17).for_each(|_| guard.began(Time::ZERO));
        assert!((0..3).all(|_| ask(&mut guard)), "twenty under way, three of them retries");
        assert!(ask(&mut guard), "a fifth of twenty is four");
        assert!(!ask(&mut guard));
        assert_eq!(guard.state(Time::ZERO), "4 of 4 retries, 21 requests under way");
        let well = Ended::well(Time::ZERO, Span::ZERO);
        guard.ended(&Ended { retry: true, ..well }, rng);
        (0..17).for_each(|_| guard.ended(&well, rng));
        assert_eq!(guard.state(Time::ZERO), "3 of 3 retries, 3 requests under way");
        assert!(!ask(&mut guard));
        assert_eq!(why.lines[5].numbers, "3 + 1 of 3 (20 % of 3, at least 3)");
    }
}
