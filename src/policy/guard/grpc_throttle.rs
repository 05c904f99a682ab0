//! gRPC's retry throttle: failures empty a bucket of tokens, and below half nobody retries.
//!
//! As gRPC's retry design (A6), which all its libraries follow, in thousandths of a token as there.
//! The bucket starts full with `max_tokens`. Every request that fails, retries included, takes one
//! token out, down to none; every one that ends well puts `token_ratio` in, up to full. A retry
//! passes while there are *more* than half of `max_tokens`, and itself takes nothing. In gRPC a
//! failure counts if its status is one that is retried, or if the server says not to retry; here
//! every failure does.

use super::{Ask, Ended, Entry, Guard, Make, Verdict, decimal, explain};
use crate::policy::{Knob, Knobs};
use crate::sim::{Rng, Time, Why};

/// What a failure takes out, in thousandths.
const FAILURE: u32 = 1000;

/// The state: tokens, in thousandths.
#[derive(Clone, Debug)]
struct GrpcThrottle {
    most: u32,
    ratio: u32,
    tokens: u32,
}

/// Thousandths in whole tokens, to show.
fn shown(milli: u32) -> String {
    match milli % 10 {
        0 => decimal(f64::from(milli) / 1000.0),
        _ => format!("{}.{:03}", milli / 1000, milli % 1000),
    }
}

impl Guard for GrpcThrottle {
    fn admit(&mut self, _: &Ask, _: &mut Rng, why: &mut Why) -> Verdict {
        let half = self.most / 2;
        let passes = self.tokens > half;
        explain(why, passes, "tokens", || {
            let (tokens, half) = (shown(self.tokens), shown(half));
            let sentence = match passes {
                true => format!("{tokens} are more than {half}: it may try again."),
                false => format!("{tokens} are not more than {half}: successes must come first."),
            };
            (format!("{tokens} of {}, needs more than {half}", shown(self.most)), sentence)
        });
        if passes { Verdict::Pass } else { Verdict::Refuse(None) }
    }

    fn ended(&mut self, ended: &Ended, _: &mut Rng) {
        self.tokens = match ended.ok && !ended.dropped {
            true => self.tokens.saturating_add(self.ratio).min(self.most),
            false => self.tokens.saturating_sub(FAILURE),
        };
    }

    fn state(&self, _: Time) -> String {
        format!("{} of {} tokens", shown(self.tokens), shown(self.most))
    }

    fn gauge(&self, _: Time) -> (f64, f64) {
        (f64::from(self.tokens) / 1000.0, f64::from(self.most) / 1000.0)
    }
}

const KNOBS: &[Knob] = &[
    Knob {
        key: "max_tokens",
        wire: 0,
        label: "Tokens",
        unit: "",
        help: "How many tokens a full bucket holds; each failure takes one.",
        min: 1.0,
        max: 1000.0,
        default: 10.0,
        whole: true,
    },
    Knob {
        key: "token_ratio",
        wire: 1,
        label: "A success puts in",
        unit: "tokens",
        help: "What each success puts in. Digits beyond the third after the point are cut.",
        min: 0.001,
        max: 1000.0,
        default: 0.1,
        whole: false,
    },
];

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "grpc_throttle",
    wire: 29,
    name: "Retry throttle, gRPC",
    whose: "gRPC's retryThrottling; settings of its design's example",
    rule: "A failure takes a token, a success puts a tenth in; retries need more than half of all.",
    cost: "O(1) time; one number",
    when: "A client should stop retrying by itself once about one request in ten fails.",
    when_not: "Few requests: it takes many successes to allow retries again.",
    source: "grpc/proposal A6-client-retries.md; grpc retry_throttle.cc",
    knobs: KNOBS,
    make: Make::Guard(|knobs: &Knobs| {
        // A hair more, because floats hold 1.001 from below.
        let milli = |place: usize| (knobs.get(&KNOBS[place]) * 1000.0 + 1e-6) as u32;
        Box::new(GrpcThrottle { most: milli(0), ratio: milli(1), tokens: milli(0) })
    }),
};

#[cfg(test)]
mod tests {
    use super::super::knobs::with;
    use super::*;
    use crate::sim::Span;

    /// The tokens after each of these ends, with whether a retry would pass then.
    fn course(set: &[(&str, f64)], ends: &[bool]) -> Vec<(String, bool)> {
        let Make::Guard(make) = ENTRY.make else { panic!("it is a guard") };
        let (mut guard, rng) = (make(&with(KNOBS, set)), &mut Rng::from_seed(1));
        let mut seen = Vec::new();
        for ok in ends {
            guard.ended(&Ended { ok: *ok, ..Ended::well(Time::ZERO, Span::ZERO) }, rng);
            let said = guard.admit(&Ask::at(Time::ZERO), rng, &mut Why::off());
            seen.push((guard.state(Time::ZERO), said == Verdict::Pass));
        }
        seen
    }

    #[test]
    fn failures_take_and_successes_give_and_half_is_too_little() {
        let (ok, bad) = (true, false);
        let ends = [bad, ok, bad, bad, ok, bad, bad, bad, ok];
        let seen = course(&[("max_tokens", 4.0), ("token_ratio", 1.6)], &ends);
        let tokens = ["3", "4", "3", "2", "3.6", "2.6", "1.6", "0.6", "2.2"];
        let passes = [true, true, true, false, true, true, false, false, true];
        for (place, (state, passed)) in seen.iter().enumerate() {
            assert_eq!(*state, format!("{} of 4 tokens", tokens[place]), "{place}");
            assert_eq!(*passed, passes[place], "{place}");
        }
    }

    #[test]
    fn never_below_none_and_in_thousandths() {
        let seen = course(&[("max_tokens", 1.0), ("token_ratio", 0.1239)], &[false, false, true]);
        let states: Vec<&str> = seen.iter().map(|(state, _)| state.as_str()).collect();
        assert_eq!(states, ["0 of 1 tokens", "0 of 1 tokens", "0.123 of 1 tokens"]);
        let Make::Guard(make) = ENTRY.make else { panic!("it is a guard") };
        let mut why = Why::on();
        make(Knobs::DEFAULTS).admit(&Ask::at(Time::ZERO), &mut Rng::from_seed(1), &mut why);
        assert_eq!(why.lines[0].numbers, "10 of 10, needs more than 5");
        assert_eq!(why.sentence, "10 are more than 5: it may try again.");
    }
}
