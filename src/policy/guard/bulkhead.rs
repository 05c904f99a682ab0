//! Bulkhead: so many at once, and no more.
//!
//! A request passes while those under way cost less than the limit by at least its own cost; it
//! gives its places back when it ends. Both libraries refuse at once by default. (resilience4j can
//! make a thread wait for a place; here whoever should wait stands in the line of a server.)

use super::{Ask, Ended, Entry, Guard, Make, Verdict, Withdrawn, explain, knobs};
use crate::policy::{Knob, Knobs};
use crate::sim::{Rng, Time, Why};

/// The state: how many places are taken.
#[derive(Clone, Debug)]
struct Bulkhead {
    most: u32,
    taken: u32,
}

impl Bulkhead {
    fn leave(&mut self, cost: u32) {
        self.taken = self.taken.saturating_sub(cost);
    }
}

impl Guard for Bulkhead {
    fn admit(&mut self, ask: &Ask, _: &mut Rng, why: &mut Why) -> Verdict {
        let (taken, most, cost) = (self.taken, self.most, ask.cost);
        let passes = cost <= most - taken;
        explain(why, passes, "under way", || {
            let sentence = match passes {
                true => format!("{} of {most} places are taken now.", taken + cost),
                false => format!("{taken} of {most} places are taken: no room for {cost}."),
            };
            (format!("{taken} + {cost} of {most}"), sentence)
        });
        if !passes {
            return Verdict::Refuse(None);
        }
        self.taken += cost;
        Verdict::Pass
    }

    fn ended(&mut self, ended: &Ended, _: &mut Rng) {
        self.leave(ended.cost);
    }

    fn withdrawn(&mut self, gone: &Withdrawn) {
        self.leave(gone.cost);
    }

    fn under_way(&self) -> u32 {
        self.taken
    }

    fn state(&self, _: Time) -> String {
        format!("{} of {} under way", self.taken, self.most)
    }

    fn gauge(&self, _: Time) -> (f64, f64) {
        (f64::from(self.taken), f64::from(self.most))
    }
}

const MOST: Knob = Knob {
    key: "most",
    wire: 0,
    label: "At most",
    unit: "at once",
    help: "How many may be under way at once.",
    min: 0.0,
    max: 1e6,
    default: 25.0,
    whole: true,
};
const KNOBS: &[Knob] = &[MOST];
const KNOBS_HYSTRIX: &[Knob] = &[Knob { default: 10.0, ..MOST }];

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "bulkhead",
    wire: 14,
    name: "Bulkhead",
    whose: "resilience4j's semaphore Bulkhead, waiting for nothing",
    rule: "At most 25 are under way at once; more are refused.",
    cost: "O(1) time; one number",
    when: "One slow service must not use up all threads or connections.",
    when_not: "Nobody knows the right number, or it changes: let it adapt.",
    source: "resilience4j BulkheadConfig.java",
    knobs: KNOBS,
    make: Make::Guard(|knobs: &Knobs| {
        Box::new(Bulkhead { most: knobs::count(knobs, &KNOBS[0]), taken: 0 })
    }),
};

/// As people meet Hystrix's.
pub(super) const ENTRY_HYSTRIX: Entry = Entry {
    key: "bulkhead_hystrix",
    wire: 15,
    name: "Bulkhead, Hystrix",
    whose: "Hystrix 1.5.18, isolation by semaphore",
    rule: "At most 10 are under way at once; more are refused.",
    source: "Netflix/Hystrix HystrixCommandProperties.java",
    knobs: KNOBS_HYSTRIX,
    make: Make::Guard(|knobs: &Knobs| {
        Box::new(Bulkhead { most: knobs::count(knobs, &KNOBS_HYSTRIX[0]), taken: 0 })
    }),
    ..ENTRY
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Span;

    #[test]
    fn a_place_is_free_again_when_its_request_ends() {
        let mut guard = Bulkhead { most: 3, taken: 0 };
        let rng = &mut Rng::from_seed(1);
        let mut why = Why::on();
        let mut ask = |guard: &mut Bulkhead, cost: u32| {
            let ask = Ask { cost, ..Ask::at(Time::ZERO) };
            guard.admit(&ask, &mut Rng::from_seed(1), &mut why) == Verdict::Pass
        };
        assert!(ask(&mut guard, 2) && !ask(&mut guard, 2) && ask(&mut guard, 1));
        guard.ended(&Ended { cost: 2, ..Ended::badly(Time::ZERO, Span::ZERO) }, rng);
        assert_eq!(guard.state(Time::ZERO), "1 of 3 under way");
        assert!(ask(&mut guard, 2));
        assert_eq!(why.sentence, "3 of 3 places are taken now.");
        let gone = Withdrawn { cost: 9, ..Withdrawn::rejected(Time::ZERO) };
        (0..9).for_each(|_| guard.withdrawn(&gone));
        assert_eq!(guard.under_way(), 0);
    }
}
