//! GCRA, the generic cell rate algorithm: one number says everything a leaky bucket knows.
//!
//! As redis-cell (commit 4d423387). `T = period / count` is the time between requests at the rate,
//! in whole nanoseconds, cut. The number is the theoretical arrival time, `tat`: when the next
//! request would come if all kept to the rate. A request of cost n moves it to
//! `max(now, tat) + T * n` and passes unless that is more than `T * (burst + 1)` ahead of now; a
//! refusal moves nothing. Cost 0 only looks. Once `tat` is over the key has expired, and the next
//! request finds a fresh one. (redis-cell sets that time to live in whole seconds; here it is
//! exact.) A clock that goes back finds `tat` further ahead.

use super::{Ask, Entry, Guard, Make, Verdict, explain, knobs};
use crate::policy::{Knob, Knobs};
use crate::sim::{Rng, Span, Time, Why};

/// The state: the theoretical arrival time, in ns.
#[derive(Clone, Debug)]
pub struct Gcra {
    interval: i128,
    tolerance: i128,
    limit: u64,
    tat: Option<i128>,
}

/// What redis-cell answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttled {
    /// Refused?
    pub limited: bool,
    /// The most that may pass at once: the burst and one more.
    pub limit: u64,
    /// How many would pass now.
    pub remaining: u64,
    /// How long until the full limit is there again.
    pub reset_after: Span,
    /// How long until the same would pass; none when it passed or never will.
    pub retry_after: Option<Span>,
}

impl Gcra {
    /// `burst` above the first, `count` in each `period` (both at least 1).
    pub fn new(burst: u32, count: u32, period: Span) -> Gcra {
        // redis-cell divides as floats and cuts.
        let interval = (period.ns() as f64 / f64::from(count.max(1))) as i128;
        let interval = interval.max(1);
        let limit = u64::from(burst) + 1;
        Gcra { interval, tolerance: interval * i128::from(limit), limit, tat: None }
    }

    /// Asks as `CL.THROTTLE` does.
    pub fn throttle(&mut self, now: Time, quantity: u32) -> Throttled {
        let now = i128::from(now.ns());
        let tat = self.tat.filter(|tat| *tat > now).unwrap_or(now);
        let increment = self.interval * i128::from(quantity);
        let new_tat = tat + increment;
        let early = new_tat - self.tolerance - now;
        let limited = early > 0;
        if !limited {
            self.tat = Some(new_tat);
        }
        let ttl = if limited { tat - now } else { new_tat - now };
        let spare = self.tolerance - ttl;
        let remaining = if spare > -self.interval { spare / self.interval } else { 0 };
        Throttled {
            limited,
            limit: self.limit,
            remaining: u64::try_from(remaining).unwrap_or(0),
            reset_after: span(ttl),
            retry_after: (limited && increment <= self.tolerance).then(|| span(early)),
        }
    }

    fn ahead(&self, now: Time) -> i128 {
        self.tat.map_or(0, |tat| (tat - i128::from(now.ns())).max(0))
    }
}

/// Negative lengths are zero, immense ones the longest there is.
fn span(ns: i128) -> Span {
    Span::from_ns(u64::try_from(ns.max(0)).unwrap_or(u64::MAX))
}

impl Guard for Gcra {
    fn admit(&mut self, ask: &Ask, _: &mut Rng, why: &mut Why) -> Verdict {
        let before = self.ahead(ask.now);
        let answer = self.throttle(ask.now, ask.cost);
        explain(why, !answer.limited, "ahead of the rate", || {
            let each = self.interval * i128::from(ask.cost);
            let (most, after) = (span(self.tolerance), span(before + each));
            let numbers = format!("{} + {} = {after}, at most {most}", span(before), span(each));
            let sentence = match (answer.limited, answer.retry_after) {
                (false, _) => format!("It passes, and {} more would.", answer.remaining),
                (true, Some(wait)) => format!("That is {wait} too far ahead."),
                (true, None) => format!("No more than {} ever pass at once.", answer.limit),
            };
            (numbers, sentence)
        });
        if answer.limited { Verdict::Refuse(answer.retry_after) } else { Verdict::Pass }
    }

    fn state(&self, now: Time) -> String {
        let (used, most) = self.gauge(now);
        format!("{} of {most} used", super::decimal(used))
    }

    fn gauge(&self, now: Time) -> (f64, f64) {
        (self.ahead(now) as f64 / self.interval as f64, self.limit as f64)
    }
}

const KNOBS: &[Knob] = &[
    Knob {
        key: "burst",
        wire: 0,
        label: "Burst",
        unit: "",
        help: "How many more than one may pass at once.",
        min: 0.0,
        max: 1e6,
        default: 15.0,
        whole: true,
    },
    Knob {
        key: "count",
        wire: 1,
        label: "Count",
        unit: "per period",
        help: "How many pass in each period in the long run.",
        min: 1.0,
        max: 1e6,
        default: 30.0,
        whole: true,
    },
    Knob {
        key: "period_s",
        wire: 2,
        label: "Period",
        unit: "s",
        help: "How long a period is.",
        min: 0.001,
        max: 86_400.0,
        default: 60.0,
        whole: false,
    },
];

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "gcra",
    wire: 5,
    name: "GCRA",
    whose: "redis-cell, commit 4d423387; settings of its README's example",
    rule: "Requests are due at even intervals; too far ahead of that is refused.",
    cost: "O(1) time; one number",
    when: "A limit for each of very many keys: one number each, and no clean-up job.",
    when_not: "Who is refused should wait in line instead: use a leaky bucket.",
    source: "brandur/redis-cell src/cell/mod.rs and README",
    knobs: KNOBS,
    make: Make::Guard(|knobs: &Knobs| {
        let period = knobs::seconds(knobs, &KNOBS[2]);
        Box::new(Gcra::new(knobs::count(knobs, &KNOBS[0]), knobs::count(knobs, &KNOBS[1]), period))
    }),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_a_second_and_one_more_at_once() {
        let mut gcra = Gcra::new(1, 1, Span::from_millis(1000));
        let mut why = Why::on();
        let rng = &mut Rng::from_seed(1);
        let start = Ask::at(Time::ZERO);
        assert_eq!(gcra.admit(&start, rng, &mut why), Verdict::Pass);
        assert_eq!(why.lines[0].numbers, "0 ms + 1.00 s = 1.00 s, at most 2.00 s");
        assert_eq!(why.sentence, "It passes, and 1 more would.");
        assert_eq!(gcra.admit(&start, rng, &mut why), Verdict::Pass);
        let wait = Verdict::Refuse(Some(Span::from_millis(1000)));
        assert_eq!(gcra.admit(&start, rng, &mut why), wait);
        assert_eq!(gcra.admit(&Ask { cost: 3, ..start }, rng, &mut why), Verdict::Refuse(None));
        assert_eq!(why.sentence, "No more than 2 ever pass at once.");
        assert_eq!(gcra.state(Time::from_ns(500_000_000)), "1.5 of 2 used");
    }

    #[test]
    fn after_a_rest_the_key_is_fresh() {
        let mut gcra = Gcra::new(4, 1, Span::from_millis(1000));
        gcra.throttle(Time::ZERO, 1);
        let said = gcra.throttle(Time::from_ns(20_000_000_000), 6);
        let fresh = Gcra::new(4, 1, Span::from_millis(1000)).throttle(Time::ZERO, 6);
        assert_eq!(said, fresh);
        assert_eq!((said.limited, said.remaining, said.reset_after), (true, 5, Span::ZERO));
    }
}
