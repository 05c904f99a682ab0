//! botocore's retry quota: a purse that retries empty and successes fill.
//!
//! As botocore 1.44.5, standard mode. The purse starts full. A retry takes `retry_cost` and is
//! refused if less is there; after a timeout it takes `timeout_cost` (ask with cost 2 then). A
//! retry that ends well puts back what it took, a first attempt that ends well puts in `refund`,
//! never more than was there at first. A failure puts back nothing.

use super::{Ask, Ended, Entry, Guard, Make, Verdict, Withdrawn, explain, knobs};
use crate::policy::{Knob, Knobs};
use crate::sim::{Rng, Time, Why};

/// The state: what is in the purse.
#[derive(Clone, Debug)]
struct RetryQuota {
    full: u32,
    retry_cost: u32,
    timeout_cost: u32,
    refund: u32,
    left: u32,
}

impl RetryQuota {
    /// Cost 1 is an ordinary retry, more than that one after a timeout.
    fn price(&self, cost: u32) -> u32 {
        match cost {
            0 => 0,
            1 => self.retry_cost,
            _ => self.timeout_cost,
        }
    }

    fn put(&mut self, amount: u32) {
        self.left = self.left.saturating_add(amount).min(self.full);
    }
}

impl Guard for RetryQuota {
    fn admit(&mut self, ask: &Ask, _: &mut Rng, why: &mut Why) -> Verdict {
        let (left, price) = (self.left, self.price(ask.cost));
        let passes = price <= left;
        explain(why, passes, "purse", || {
            let sentence = match passes {
                true => format!("{left} − {price} = {} are left.", left - price),
                false => format!("A retry takes {price}; {} are missing.", price - left),
            };
            (format!("{left} of {}, needs {price}", self.full), sentence)
        });
        if !passes {
            return Verdict::Refuse(None);
        }
        self.left -= price;
        Verdict::Pass
    }

    fn ended(&mut self, ended: &Ended, _: &mut Rng) {
        if ended.ok && !ended.dropped {
            self.put(if ended.retry { self.price(ended.cost) } else { self.refund });
        }
    }

    fn withdrawn(&mut self, gone: &Withdrawn) {
        self.put(self.price(gone.cost));
    }

    fn state(&self, _: Time) -> String {
        format!("{} of {} left", self.left, self.full)
    }

    fn gauge(&self, _: Time) -> (f64, f64) {
        (f64::from(self.left), f64::from(self.full))
    }
}

const FULL: Knob = Knob {
    key: "quota",
    wire: 0,
    label: "Quota",
    unit: "",
    help: "How much the purse holds.",
    min: 0.0,
    max: 1e6,
    default: 500.0,
    whole: true,
};
const KNOBS: &[Knob] = &[
    FULL,
    Knob {
        key: "retry_cost",
        wire: 1,
        label: "A retry takes",
        help: "What an ordinary retry takes out.",
        default: 5.0,
        ..FULL
    },
    Knob {
        key: "timeout_cost",
        wire: 2,
        label: "After a timeout",
        help: "What a retry after a timeout takes out.",
        default: 10.0,
        ..FULL
    },
    Knob {
        key: "refund",
        wire: 3,
        label: "A success puts in",
        help: "What a first attempt that ends well puts in.",
        default: 1.0,
        ..FULL
    },
];

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "retry_quota",
    wire: 13,
    name: "Retry quota, AWS",
    whose: "botocore 1.44.5, standard mode",
    rule: "A retry takes 5 out of 500; successes put 1 in, successful retries what they took.",
    cost: "O(1) time; one number",
    when: "One client with many requests: a hundred retries in a bad hour, then none.",
    when_not: "Idle time should count: this purse fills by successes only.",
    source: "boto/botocore retries/standard.py, quota.py",
    knobs: KNOBS,
    make: Make::Guard(|knobs: &Knobs| {
        let value = |place: usize| knobs::count(knobs, &KNOBS[place]);
        Box::new(RetryQuota {
            full: value(0),
            retry_cost: value(1),
            timeout_cost: value(2),
            refund: value(3),
            left: value(0),
        })
    }),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Span;

    #[test]
    fn retries_take_and_successes_give() {
        let set = knobs::with(KNOBS, &[("quota", 17.0), ("refund", 2.0), ("timeout_cost", 9.0)]);
        let Make::Guard(make) = ENTRY.make else { panic!("it is a guard") };
        let (mut guard, rng) = (make(&set), &mut Rng::from_seed(1));
        let ask = |guard: &mut Box<dyn Guard>, cost: u32| {
            let ask = Ask { cost, ..Ask::at(Time::ZERO) };
            guard.admit(&ask, &mut Rng::from_seed(1), &mut Why::off()) == Verdict::Pass
        };
        assert!(ask(&mut guard, 1) && ask(&mut guard, 2) && !ask(&mut guard, 1));
        assert_eq!(guard.state(Time::ZERO), "3 of 17 left");
        let well = Ended::well(Time::ZERO, Span::ZERO);
        guard.ended(&well, rng);
        assert_eq!(guard.state(Time::ZERO), "5 of 17 left");
        guard.ended(&Ended { retry: true, cost: 2, ..well }, rng);
        guard.ended(&Ended::badly(Time::ZERO, Span::ZERO), rng);
        assert_eq!(guard.state(Time::ZERO), "14 of 17 left");
        (0..9).for_each(|_| guard.ended(&well, rng));
        assert_eq!(guard.state(Time::ZERO), "17 of 17 left");
    }
}
