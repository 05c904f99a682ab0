//! Sliding window counter: the fixed window's two numbers, blended.
//!
//! The window that ends now covers a part of the clock's previous window. Whatever passed there is
//! taken to have been spread evenly: `estimate = previous * (1 - elapsed / window) + current`. A
//! request passes when the estimate with its cost stays within the limit, compared here in whole
//! numbers: `previous * (window - elapsed) + (current + cost) * window <= limit * window`. It is an
//! estimate: if all of the previous window came at its end, a stretch as long as one window sees
//! more than the limit, though never twice as many. A clock that goes back counts as standing
//! still.

use super::knobs::{LIMIT, WINDOW, count, millis};
use super::{Ask, Entry, Guard, Make, Verdict, decimal, exact_ms, explain};
use crate::policy::{Knob, Knobs};
use crate::sim::{Rng, Span, Time, Why};

/// The state: the counts of this window and the one before.
#[derive(Clone, Debug)]
struct SlidingCounter {
    limit: u32,
    window: u64,
    number: u64,
    previous: u32,
    current: u32,
    last: Time,
}

/// What a decision looks at.
struct Counts {
    previous: u32,
    current: u32,
    /// How far into the window it is, in ns.
    elapsed: u64,
}

impl SlidingCounter {
    fn new(limit: u32, window: Span) -> SlidingCounter {
        let window = window.ns().max(1);
        SlidingCounter { limit, window, number: 0, previous: 0, current: 0, last: Time::ZERO }
    }

    fn counts_at(&self, now: Time) -> Counts {
        let now = now.max(self.last).ns();
        let (previous, current) = match now / self.window - self.number {
            0 => (self.previous, self.current),
            1 => (self.current, 0),
            _ => (0, 0),
        };
        Counts { previous, current, elapsed: now % self.window }
    }

    fn estimate(&self, counts: &Counts) -> f64 {
        let left = 1.0 - counts.elapsed as f64 / self.window as f64;
        f64::from(counts.previous) * left + f64::from(counts.current)
    }

    /// How long until the same would pass, in the exact arithmetic of the comparison.
    fn until_it_fits(&self, counts: &Counts, cost: u32) -> Option<Span> {
        let window = u128::from(self.window);
        let rest = self.window - counts.elapsed;
        let here = self.limit.checked_sub(cost)?;
        // Within this window the share of the previous one shrinks.
        if let Some(room) = here.checked_sub(counts.current) {
            let spare = u128::from(room) * window;
            let share = u128::from(counts.previous.max(1));
            let keep = spare / share;
            return Some(Span::from_ns((u128::from(rest).saturating_sub(keep)) as u64));
        }
        // In the next one what has passed in this one does.
        let keep = u128::from(here) * window / u128::from(counts.current.max(1));
        let more = window.saturating_sub(keep) as u64;
        Some(Span::from_ns(rest.saturating_add(more)))
    }
}

impl Guard for SlidingCounter {
    fn admit(&mut self, ask: &Ask, _: &mut Rng, why: &mut Why) -> Verdict {
        let counts = self.counts_at(ask.now);
        self.last = self.last.max(ask.now);
        self.number = self.last.ns() / self.window;
        (self.previous, self.current) = (counts.previous, counts.current);
        let window = u128::from(self.window);
        let weighed = u128::from(counts.previous) * u128::from(self.window - counts.elapsed);
        let asked = (u128::from(counts.current) + u128::from(ask.cost)) * window;
        let passes = weighed + asked <= u128::from(self.limit) * window;
        explain(why, passes, "estimate", || {
            let (Counts { previous, current, .. }, limit, cost) = (&counts, self.limit, ask.cost);
            let (rest, window) = (exact_ms(self.window - counts.elapsed), exact_ms(self.window));
            let estimate = decimal(self.estimate(&counts));
            let numbers = format!("{previous} × {rest} / {window} + {current} = {estimate}");
            let sign = if passes { "at most" } else { "more than" };
            // The estimate is shown rounded; what is compared is exact.
            let sum = format!("{previous} × {rest} / {window} + {current} + {cost}");
            (format!("{numbers}, limit {limit}"), format!("{sum} is {sign} {limit}."))
        });
        if !passes {
            return Verdict::Refuse(self.until_it_fits(&counts, ask.cost));
        }
        self.current = self.current.saturating_add(ask.cost);
        Verdict::Pass
    }

    fn state(&self, now: Time) -> String {
        let estimate = self.estimate(&self.counts_at(now));
        format!("about {} of {} in the last window", decimal(estimate), self.limit)
    }

    fn gauge(&self, now: Time) -> (f64, f64) {
        (self.estimate(&self.counts_at(now)), f64::from(self.limit))
    }
}

const KNOBS: &[Knob] = &[LIMIT, WINDOW];

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "sliding_counter",
    wire: 3,
    name: "Sliding window counter",
    whose: "the textbook's; counts only what passed",
    rule: "What passed in the previous window fades as this one goes on; the sum must fit.",
    cost: "O(1) time; two counters",
    when: "Many keys: nearly as fair as the log at the price of two numbers.",
    when_not: "The limit must never be passed: it is an estimate.",
    source: "Textbook",
    knobs: KNOBS,
    make: Make::Guard(|knobs: &Knobs| {
        Box::new(SlidingCounter::new(count(knobs, &KNOBS[0]), millis(knobs, &KNOBS[1])))
    }),
};

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(guard: &mut SlidingCounter, ms: u64, cost: u32, why: &mut Why) -> Verdict {
        let ask = Ask { cost, ..Ask::at(Time::from_ns(ms * 1_000_000)) };
        guard.admit(&ask, &mut Rng::from_seed(1), why)
    }

    /// 42 in the previous minute, 18 in the first quarter of this one.
    #[test]
    fn the_previous_window_fades() {
        let mut guard = SlidingCounter::new(50, Span::from_millis(60_000));
        let off = &mut Why::off();
        assert_eq!(ask(&mut guard, 30_000, 42, off), Verdict::Pass);
        assert_eq!(ask(&mut guard, 75_000, 18, off), Verdict::Pass);
        let mut why = Why::on();
        let soon = Verdict::Refuse(Some(Span::from_ns(714_285_715)));
        assert_eq!(ask(&mut guard, 75_000, 1, &mut why), soon);
        let numbers = "42 × 45000 ms / 60000 ms + 18 = 49.5, limit 50";
        assert_eq!(why.lines[0].numbers, numbers);
        assert_eq!(why.sentence, "42 × 45000 ms / 60000 ms + 18 + 1 is more than 50.");
        assert_eq!(ask(&mut guard, 76_000, 1, off), Verdict::Pass);
    }

    #[test]
    fn an_estimate_may_be_wrong() {
        let mut guard = SlidingCounter::new(10, Span::from_millis(1000));
        let off = &mut Why::off();
        assert_eq!(ask(&mut guard, 999, 10, off), Verdict::Pass);
        let later = (1000..1999).filter(|ms| ask(&mut guard, *ms, 1, off) == Verdict::Pass);
        assert_eq!(later.count(), 9, "nineteen within a second");
    }
}
