//! Sliding window log: the time of every request that passed, and an exact count.
//!
//! A request at `t` passes when what passed after `t - window` costs, with it, no more than the
//! limit. So no stretch as long as one window, wherever it begins, ever sees more than the limit.
//! The price is memory: one entry for each request that passed, at most as many as the limit,
//! because each costs at least 1. (A request that costs nothing passes and is not written down.) A
//! clock that goes back counts as standing still.

use std::collections::VecDeque;

use super::knobs::{LIMIT, WINDOW, count, millis};
use super::{Ask, Entry, Guard, Make, Verdict, explain};
use crate::policy::{Knob, Knobs};
use crate::sim::{Rng, Span, Time, Why};

/// The state: what passed and when, the oldest first.
#[derive(Clone, Debug)]
struct SlidingLog {
    limit: u32,
    window: Span,
    log: VecDeque<(Time, u32)>,
    used: u32,
    last: Time,
}

impl SlidingLog {
    fn new(limit: u32, window: Span) -> SlidingLog {
        SlidingLog { limit, window, log: VecDeque::new(), used: 0, last: Time::ZERO }
    }

    fn gone(&self, at: Time, now: Time) -> bool {
        now.since(at) >= self.window
    }

    fn used_at(&self, now: Time) -> u32 {
        let now = now.max(self.last);
        let gone = self.log.iter().take_while(|(at, _)| self.gone(*at, now));
        self.used - gone.map(|(_, cost)| cost).sum::<u32>()
    }

    /// How long until enough of the oldest have left.
    fn until_it_fits(&self, cost: u32) -> Option<Span> {
        let mut room = self.limit - self.used;
        let leaves = |(at, freed): &(Time, u32)| {
            room = room.saturating_add(*freed);
            (room >= cost).then(|| (*at + self.window).since(self.last))
        };
        self.log.iter().find_map(leaves)
    }
}

impl Guard for SlidingLog {
    fn admit(&mut self, ask: &Ask, _: &mut Rng, why: &mut Why) -> Verdict {
        self.last = self.last.max(ask.now);
        while let Some(&(at, cost)) = self.log.front()
            && self.gone(at, self.last)
        {
            self.used -= cost;
            self.log.pop_front();
        }
        let (used, cost, limit) = (self.used, ask.cost, self.limit);
        let passes = cost <= limit - used;
        explain(why, passes, "last window", || {
            let numbers = format!("{used} + {cost} of {limit}");
            let sentence = match (passes, self.until_it_fits(cost)) {
                (true, _) => format!("{used} passed in the last {}; it fits.", self.window),
                (false, Some(wait)) => format!("It fits when enough have left, in {wait}."),
                (false, None) => format!("{cost} is more than the limit of {limit}."),
            };
            (numbers, sentence)
        });
        if !passes {
            return Verdict::Refuse(self.until_it_fits(cost));
        }
        if cost > 0 {
            self.log.push_back((self.last, cost));
            self.used += cost;
        }
        Verdict::Pass
    }

    fn state(&self, now: Time) -> String {
        format!("{} of {} in the last {}", self.used_at(now), self.limit, self.window)
    }

    fn gauge(&self, now: Time) -> (f64, f64) {
        (f64::from(self.used_at(now)), f64::from(self.limit))
    }
}

const KNOBS: &[Knob] = &[Knob { max: 100_000.0, ..LIMIT }, WINDOW];

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "sliding_log",
    wire: 4,
    name: "Sliding window log",
    whose: "the textbook's",
    rule: "In any stretch as long as the window no more than the limit pass.",
    cost: "O(1) time on average; one entry for each that passed in the window",
    when: "The limit is a promise: payments, messages, logins.",
    when_not: "Large limits for many keys: the log costs memory for each request.",
    source: "Textbook",
    knobs: KNOBS,
    make: Make::Guard(|knobs: &Knobs| {
        Box::new(SlidingLog::new(count(knobs, &KNOBS[0]), millis(knobs, &KNOBS[1])))
    }),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_slides_with_each_request() {
        let mut guard = SlidingLog::new(3, Span::from_millis(1000));
        let mut ask = |ms: u64, cost: u32| {
            let ask = Ask { cost, ..Ask::at(Time::from_ns(ms * 1_000_000)) };
            guard.admit(&ask, &mut Rng::from_seed(1), &mut Why::off())
        };
        assert_eq!(ask(900, 2), Verdict::Pass);
        assert_eq!(ask(950, 1), Verdict::Pass);
        assert_eq!(ask(1000, 1), Verdict::Refuse(Some(Span::from_millis(900))));
        assert_eq!(ask(1000, 3), Verdict::Refuse(Some(Span::from_millis(950))));
        assert_eq!(ask(1000, 4), Verdict::Refuse(None));
        assert_eq!(ask(1000, 0), Verdict::Pass);
        assert!(matches!(ask(1899, 1), Verdict::Refuse(_)));
        assert_eq!(ask(1900, 2), Verdict::Pass);
        assert!(matches!(ask(1900, 1), Verdict::Refuse(_)));
    }

    #[test]
    fn says_whether_waiting_helps() {
        let mut guard = SlidingLog::new(3, Span::from_millis(1000));
        let mut ask = |ms: u64, cost: u32| {
            let ask = Ask { cost, ..Ask::at(Time::from_ns(ms * 1_000_000)) };
            let mut why = Why::on();
            guard.admit(&ask, &mut Rng::from_seed(1), &mut why);
            format!("{}: {}", why.lines[0].numbers, why.sentence)
        };
        ask(0, 1);
        ask(100, 2);
        assert_eq!(ask(200, 2), "3 + 2 of 3: It fits when enough have left, in 900 ms.");
        assert_eq!(ask(200, 4), "3 + 4 of 3: 4 is more than the limit of 3.");
    }
}
