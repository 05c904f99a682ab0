//! resilience4j's AtomicRateLimiter: so many permissions a cycle, and a debt for those who wait.
//!
//! As resilience4j 1.7 and later. Time is cut into cycles. At the first request of a later cycle
//! the permissions grow by `limit` for each cycle gone by, up to `limit`. Who lacks permissions
//! waits for the start of the cycle in which enough have been added, and takes them at once, so
//! that the count goes below zero; who would wait longer than the timeout is refused and takes
//! nothing. A clock that goes back counts as standing still.

use super::knobs::{self, count};
use super::{Ask, Entry, Guard, Make, Verdict, explain};
use crate::policy::{Knob, Knobs};
use crate::sim::{Rng, Span, Time, Why};

/// The state: the cycle, and the permissions left in it.
#[derive(Clone, Debug)]
struct AtomicLimiter {
    limit: i128,
    period: i128,
    timeout: Span,
    cycle: i128,
    permissions: i128,
    last: Time,
}

impl AtomicLimiter {
    fn new(limit: u32, period: Span, timeout: Span) -> AtomicLimiter {
        let limit = i128::from(limit.max(1));
        let period = i128::from(period.ns().max(1));
        AtomicLimiter { limit, period, timeout, cycle: 0, permissions: limit, last: Time::ZERO }
    }

    /// The cycle and the permissions at `now`.
    fn at(&self, now: Time) -> (i128, i128) {
        let cycle = i128::from(now.max(self.last).ns()) / self.period;
        let grown = self.permissions + (cycle - self.cycle) * self.limit;
        (cycle, grown.min(self.limit))
    }
}

impl Guard for AtomicLimiter {
    fn admit(&mut self, ask: &Ask, _: &mut Rng, why: &mut Why) -> Verdict {
        (self.cycle, self.permissions) = self.at(ask.now);
        self.last = self.last.max(ask.now);
        let (cost, had) = (i128::from(ask.cost), self.permissions);
        let wait = if had >= cost {
            0
        } else {
            let to_next = (self.cycle + 1) * self.period - i128::from(self.last.ns());
            let missing = (cost - had - self.limit).max(0);
            (missing + self.limit - 1) / self.limit * self.period + to_next
        };
        let wait = Span::from_ns(u64::try_from(wait).unwrap_or(u64::MAX));
        let passes = wait <= self.timeout;
        explain(why, passes, "permissions", || {
            let numbers = format!("{had} in cycle {}, needs {cost}", self.cycle);
            let sentence = match (passes, wait) {
                (true, Span::ZERO) => format!("{had} − {cost} = {} are left.", had - cost),
                (true, wait) => {
                    let debt = (cost - had).unsigned_abs();
                    format!("It waits {wait} and leaves a debt of {debt}.")
                }
                (false, wait) => {
                    format!("It would wait {wait}, longer than the timeout of {}.", self.timeout)
                }
            };
            (numbers, sentence)
        });
        if !passes {
            // What is not used is not saved beyond the limit, so more than that comes no nearer.
            let wait = Span::from_ns(wait.ns() - self.timeout.ns());
            return Verdict::Refuse((cost <= self.limit).then_some(wait));
        }
        self.permissions -= cost;
        if wait == Span::ZERO { Verdict::Pass } else { Verdict::Delay(wait) }
    }

    fn state(&self, now: Time) -> String {
        format!("{} of {} permissions", self.at(now).1, self.limit)
    }

    fn gauge(&self, now: Time) -> (f64, f64) {
        (self.at(now).1.max(0) as f64, self.limit as f64)
    }
}

const KNOBS: &[Knob] = &[
    Knob {
        key: "limit",
        wire: 0,
        label: "Limit",
        unit: "per cycle",
        help: "How many permissions each cycle brings.",
        min: 1.0,
        max: 1e6,
        default: 50.0,
        whole: true,
    },
    Knob {
        key: "period_ns",
        wire: 1,
        label: "Cycle",
        unit: "ns",
        help: "How long a cycle is. The library's default of 500 ns hardly limits anything.",
        min: 1.0,
        max: 3.6e12,
        default: 500.0,
        whole: true,
    },
    Knob { default: 5000.0, ..knobs::PATIENCE },
];

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "atomic_limiter",
    wire: 8,
    name: "resilience4j RateLimiter",
    whose: "resilience4j's AtomicRateLimiter, 1.7 and later",
    rule: "Each cycle brings permissions; who lacks them waits for a later cycle, up to a timeout.",
    cost: "O(1) time; two numbers",
    when: "A Java client must keep to a partner's quota and may wait a little.",
    when_not: "With the default cycle: set it to the quota's.",
    source: "resilience4j AtomicRateLimiter.java, RateLimiterConfig.java",
    knobs: KNOBS,
    make: Make::Guard(|knobs: &Knobs| {
        let period = Span::from_ns(knobs.get(&KNOBS[1]) as u64);
        let timeout = knobs::millis(knobs, &KNOBS[2]);
        Box::new(AtomicLimiter::new(count(knobs, &KNOBS[0]), period, timeout))
    }),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_takes_from_the_cycles_to_come() {
        let mut guard = AtomicLimiter::new(2, Span::from_millis(100), Span::from_millis(150));
        let mut ask = |ms: u64| {
            let ask = Ask::at(Time::from_ns(ms * 1_000_000));
            guard.admit(&ask, &mut Rng::from_seed(1), &mut Why::off())
        };
        let wait = |ms| Verdict::Delay(Span::from_millis(ms));
        let said: Vec<Verdict> = (0..5).map(|_| ask(10)).collect();
        let refused = Verdict::Refuse(Some(Span::from_millis(40)));
        assert_eq!(said, [Verdict::Pass, Verdict::Pass, wait(90), wait(90), refused]);
        // The debt of two is paid by the next cycle's two.
        assert_eq!(ask(100), wait(100));
        assert_eq!(guard.state(Time::from_ns(100_000_000)), "-1 of 2 permissions");
        assert_eq!(guard.state(Time::from_ns(300_000_000)), "2 of 2 permissions");
    }
}
