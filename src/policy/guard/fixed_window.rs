//! Fixed window: so many in each minute of the clock.
//!
//! Time is cut into windows of equal length from the start of the run on. A request passes when the
//! count of its window, with its cost, stays within the limit. At a boundary the count begins anew,
//! so a stretch as long as one window that straddles it may see twice the limit. A clock that goes
//! back counts as standing still.

use super::knobs::{LIMIT, WINDOW, count, millis};
use super::{Ask, Entry, Guard, Make, Verdict, explain};
use crate::policy::{Knob, Knobs};
use crate::sim::{Rng, Span, Time, Why};

/// The state: the number of the window, and how many passed in it.
#[derive(Clone, Debug)]
struct FixedWindow {
    limit: u32,
    window: u64,
    number: u64,
    passed: u32,
}

impl FixedWindow {
    fn new(limit: u32, window: Span) -> FixedWindow {
        FixedWindow { limit, window: window.ns().max(1), number: 0, passed: 0 }
    }

    fn passed_at(&self, now: Time) -> u32 {
        if now.ns() / self.window > self.number { 0 } else { self.passed }
    }
}

impl Guard for FixedWindow {
    fn admit(&mut self, ask: &Ask, _: &mut Rng, why: &mut Why) -> Verdict {
        self.passed = self.passed_at(ask.now);
        self.number = self.number.max(ask.now.ns() / self.window);
        let next = self.number.saturating_add(1).saturating_mul(self.window);
        let wait = Time::from_ns(next).since(ask.now);
        let passes = ask.cost <= self.limit - self.passed;
        let (passed, cost, limit) = (self.passed, ask.cost, self.limit);
        explain(why, passes, "this window", || {
            let numbers = format!("{passed} + {cost} of {limit}");
            let sentence = match passes {
                true => format!("It fits; the count begins anew in {wait}."),
                false if cost > limit => format!("No window has room for {cost}."),
                false => format!("It does not fit; the next window begins in {wait}."),
            };
            (numbers, sentence)
        });
        if !passes {
            return Verdict::Refuse((cost <= limit).then_some(wait));
        }
        self.passed += cost;
        Verdict::Pass
    }

    fn state(&self, now: Time) -> String {
        format!("{} of {} passed in this window", self.passed_at(now), self.limit)
    }

    fn gauge(&self, now: Time) -> (f64, f64) {
        (f64::from(self.passed_at(now)), f64::from(self.limit))
    }
}

const KNOBS: &[Knob] = &[LIMIT, WINDOW];

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "fixed_window",
    wire: 2,
    name: "Fixed window",
    whose: "the textbook's",
    rule: "So many pass in each window of the clock; then the count begins anew.",
    cost: "O(1) time; two numbers",
    when: "A rough limit is enough and the counter is shared, for example one key in Redis.",
    when_not: "Twice the limit around a boundary would hurt.",
    source: "Textbook",
    knobs: KNOBS,
    make: Make::Guard(|knobs: &Knobs| {
        Box::new(FixedWindow::new(count(knobs, &KNOBS[0]), millis(knobs, &KNOBS[1])))
    }),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_the_limit_passes_around_a_boundary() {
        let mut guard = FixedWindow::new(10, Span::from_millis(1000));
        let mut ask = |ms: u64| {
            let ask = Ask::at(Time::from_ns(ms * 1_000_000));
            guard.admit(&ask, &mut Rng::from_seed(1), &mut Why::off())
        };
        assert!((0..10).all(|_| ask(990) == Verdict::Pass));
        assert_eq!(ask(990), Verdict::Refuse(Some(Span::from_millis(10))));
        assert!((0..10).all(|_| ask(1000) == Verdict::Pass), "twenty in ten milliseconds");
        assert!(matches!(ask(1000), Verdict::Refuse(_)));
        assert!(matches!(ask(10), Verdict::Refuse(_)), "going back opens no old window");
    }

    #[test]
    fn says_whether_waiting_helps() {
        let mut guard = FixedWindow::new(10, Span::from_millis(1000));
        let mut why = Why::on();
        let mut ask = |cost: u32| {
            let ask = Ask { cost, ..Ask::at(Time::ZERO) };
            let said = guard.admit(&ask, &mut Rng::from_seed(1), &mut why);
            (said, format!("{}: {}", why.lines.remove(0).numbers, why.sentence))
        };
        ask(3);
        let second = Verdict::Refuse(Some(Span::from_millis(1000)));
        let words = "3 + 8 of 10: It does not fit; the next window begins in 1.00 s.";
        assert_eq!(ask(8), (second, words.to_owned()));
        let words = "3 + 11 of 10: No window has room for 11.";
        assert_eq!(ask(11), (Verdict::Refuse(None), words.to_owned()));
    }
}
