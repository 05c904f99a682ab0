//! Token bucket: tokens drip in at a steady rate up to a brim; passing takes some out.
//!
//! As Go's `golang.org/x/time/rate` (commit 2b4e4390), in the same floating-point steps. The bucket
//! starts full. With `t` tokens after the drip, a request for `n` passes when `n` is no more than
//! the brim and the wait for the missing `n - t` tokens is no longer than allowed; then `t` falls
//! by `n`, below zero if it waits (a reservation). A refusal leaves the bucket untouched, and tells
//! after how long what is left of the wait will be allowed. When the clock goes back nothing drips,
//! but on success the earlier time is remembered, as in Go: the same stretch of time then fills the
//! bucket twice.

use super::knobs::{BURST, PATIENCE, RATE, count, millis};
use super::{Ask, Entry, Guard, Make, Verdict, decimal, explain};
use crate::policy::{Knob, Knobs};
use crate::sim::{Rng, Span, Time, Why};

/// The state: tokens, and when they were counted.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    rate: f64,
    burst: u32,
    patience: Span,
    tokens: f64,
    last: Time,
}

impl TokenBucket {
    /// A full bucket: tokens a second, the brim, and how long somebody may be made to wait.
    pub fn new(rate: f64, burst: u32, patience: Span) -> TokenBucket {
        TokenBucket { rate, burst, patience, tokens: f64::from(burst), last: Time::ZERO }
    }

    /// How many tokens there are at `now`.
    pub fn tokens_at(&self, now: Time) -> f64 {
        let elapsed = now.since(self.last).ns();
        // Whole seconds and the rest apart, as Go's Duration.Seconds.
        let seconds = (elapsed / 1_000_000_000) as f64 + (elapsed % 1_000_000_000) as f64 / 1e9;
        (self.tokens + seconds * self.rate.max(0.0)).min(f64::from(self.burst))
    }

    /// How long this many tokens take to drip in, cut to the nanosecond; none when for ever.
    fn time_for(&self, tokens: f64) -> Option<Span> {
        let ns = tokens / self.rate * 1e9;
        (self.rate > 0.0 && ns <= i64::MAX as f64).then(|| Span::from_ns(ns as u64))
    }
}

impl Guard for TokenBucket {
    fn admit(&mut self, ask: &Ask, _: &mut Rng, why: &mut Why) -> Verdict {
        let before = self.tokens_at(ask.now);
        let left = before - f64::from(ask.cost);
        let wait = if left < 0.0 { self.time_for(-left) } else { Some(Span::ZERO) };
        let fits = ask.cost <= self.burst;
        let passes = fits && wait.is_some_and(|wait| wait <= self.patience);
        let (burst, cost) = (self.burst, ask.cost);
        explain(why, passes, "tokens", || {
            let numbers = format!("{} of {burst}, needs {cost}", decimal(before));
            let (missing, rate) = (decimal(-left), decimal(self.rate));
            let sentence = match wait {
                _ if !fits => format!("The bucket never holds {cost}: its brim is {burst}."),
                Some(Span::ZERO) => {
                    format!("{} − {cost} = {} are left.", decimal(before), decimal(left))
                }
                Some(wait) => {
                    format!("{missing} are missing, which takes {wait} at {rate} per second.")
                }
                None if self.rate > 0.0 => {
                    format!("{missing} are missing, which takes centuries at this rate.")
                }
                None => format!("{missing} are missing, and nothing drips in."),
            };
            (numbers, sentence)
        });
        if !passes {
            let rest = |wait: Span| Span::from_ns(wait.ns().saturating_sub(self.patience.ns()));
            return Verdict::Refuse(wait.filter(|_| fits).map(rest));
        }
        self.tokens = left;
        self.last = ask.now;
        match wait {
            Some(wait) if wait > Span::ZERO => Verdict::Delay(wait),
            _ => Verdict::Pass,
        }
    }

    fn state(&self, now: Time) -> String {
        format!("{} of {} tokens", decimal(self.tokens_at(now)), self.burst)
    }

    fn gauge(&self, now: Time) -> (f64, f64) {
        (self.tokens_at(now).max(0.0), f64::from(self.burst))
    }
}

const KNOBS: &[Knob] = &[Knob { min: 0.0, ..RATE }, BURST, PATIENCE];

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "token_bucket",
    wire: 0,
    name: "Token bucket",
    whose: "Go's golang.org/x/time/rate, commit 2b4e4390",
    rule: "Tokens drip in at the rate up to the burst; a request takes one or is refused.",
    cost: "O(1) time; two numbers",
    when: "Short bursts are fine as long as the average holds: most public APIs.",
    when_not: "What is behind cannot take a burst: use a leaky bucket.",
    source: "golang/time rate/rate.go and rate_test.go",
    knobs: KNOBS,
    make: Make::Guard(|knobs: &Knobs| {
        let patience = millis(knobs, &KNOBS[2]);
        Box::new(TokenBucket::new(knobs.get(&KNOBS[0]), count(knobs, &KNOBS[1]), patience))
    }),
};

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(bucket: &mut TokenBucket, ms: u64, cost: u32) -> Verdict {
        let ask = Ask { cost, ..Ask::at(Time::from_ns(ms * 1_000_000)) };
        bucket.admit(&ask, &mut Rng::from_seed(1), &mut Why::off())
    }

    #[test]
    fn ten_a_second_and_three_at_once() {
        let mut bucket = TokenBucket::new(10.0, 3, Span::ZERO);
        assert_eq!(ask(&mut bucket, 0, 3), Verdict::Pass);
        assert_eq!(ask(&mut bucket, 0, 1), Verdict::Refuse(Some(Span::from_millis(100))));
        assert_eq!(ask(&mut bucket, 50, 1), Verdict::Refuse(Some(Span::from_millis(50))));
        assert_eq!(ask(&mut bucket, 100, 1), Verdict::Pass);
        assert_eq!(ask(&mut bucket, 100, 4), Verdict::Refuse(None));
        assert_eq!(bucket.state(Time::from_ns(150_000_000)), "0.5 of 3 tokens");
    }

    #[test]
    fn who_may_wait_reserves_what_is_to_come() {
        let mut bucket = TokenBucket::new(10.0, 2, Span::from_millis(150));
        assert_eq!(ask(&mut bucket, 0, 2), Verdict::Pass);
        assert_eq!(ask(&mut bucket, 0, 1), Verdict::Delay(Span::from_millis(100)));
        // Its time comes in 200 ms, and 150 it may wait.
        assert_eq!(ask(&mut bucket, 0, 1), Verdict::Refuse(Some(Span::from_millis(50))));
        assert_eq!(ask(&mut bucket, 50, 1), Verdict::Delay(Span::from_millis(150)));
    }

    #[test]
    fn says_how_many_are_missing() {
        let mut bucket = TokenBucket::new(10.0, 1, Span::ZERO);
        ask(&mut bucket, 0, 1);
        let mut why = Why::on();
        let half = Ask::at(Time::from_ns(50_000_000));
        bucket.admit(&half, &mut Rng::from_seed(1), &mut why);
        assert_eq!(why.lines[0].numbers, "0.5 of 1, needs 1");
        let words = "0.5 are missing, which takes 50.0 ms at 10 per second.";
        assert_eq!(why.sentence, words);
        let mut dry = TokenBucket::new(0.0, 1, Span::ZERO);
        ask(&mut dry, 0, 1);
        assert_eq!(dry.admit(&half, &mut Rng::from_seed(1), &mut why), Verdict::Refuse(None));
        assert_eq!(why.sentence, "1 are missing, and nothing drips in.");
        dry.admit(&Ask { cost: 2, ..half }, &mut Rng::from_seed(1), &mut why);
        assert_eq!(why.sentence, "The bucket never holds 2: its brim is 1.");
    }
}
