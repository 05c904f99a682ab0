//! Client-side throttling: who is refused a lot stops asking so much.
//!
//! As in Google's Site Reliability Engineering, chapter "Handling Overload". Over the last two
//! minutes the client counts its requests, those it refused itself included, and its accepts, those
//! that ended well. It refuses a request itself with probability
//! `max(0, (requests - K * accepts) / (requests + 1))`, K = 2. The book says "two minutes of
//! history"; here these are 120 buckets of a second, the current one included. A clock that goes
//! back counts as standing still.

use super::rolling::Rolling;
use super::{Ask, Ended, Entry, Guard, Make, Verdict, decimal, explain, knobs};
use crate::policy::{Knob, Knobs};
use crate::sim::{Rng, Time, Why};

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    requests: u64,
    accepts: u64,
}

/// The state: counts by bucket, and their sum.
#[derive(Clone, Debug)]
struct Throttle {
    k: f64,
    bucket_ns: u64,
    buckets: Rolling<Counts>,
    sum: Counts,
}

/// The window is cut into this many.
const BUCKETS: usize = 120;

impl Throttle {
    fn new(k: f64, window_ns: u64) -> Throttle {
        let bucket_ns = (window_ns / BUCKETS as u64).max(1);
        Throttle { k, bucket_ns, buckets: Rolling::new(BUCKETS), sum: Counts::default() }
    }

    fn catch_up(&mut self, now: Time) {
        let sum = &mut self.sum;
        self.buckets.move_to(now.ns() / self.bucket_ns, |old| {
            sum.requests -= old.requests;
            sum.accepts -= old.accepts;
        });
    }

    /// The probability that the next one is refused.
    fn refusal(&self) -> f64 {
        let requests = self.sum.requests as f64;
        ((requests - self.k * self.sum.accepts as f64) / (requests + 1.0)).max(0.0)
    }
}

impl Guard for Throttle {
    fn admit(&mut self, ask: &Ask, rng: &mut Rng, why: &mut Why) -> Verdict {
        self.catch_up(ask.now);
        let probability = self.refusal();
        let drawn = rng.unit();
        let passes = drawn >= probability;
        explain(why, passes, "refusal", || {
            let Counts { requests, accepts } = self.sum;
            let numbers = format!(
                "({requests} − {} × {accepts}) / {} → {probability:.3}, drawn {drawn:.3}",
                decimal(self.k),
                requests + 1
            );
            let sentence = match (passes, probability > 0.0) {
                (true, false) => "Enough was accepted lately: nobody is refused here.".to_owned(),
                (true, true) => "The number drawn is not below the probability.".to_owned(),
                (false, _) => "The number drawn is below the probability.".to_owned(),
            };
            (numbers, sentence)
        });
        self.buckets.newest().requests += u64::from(ask.cost);
        self.sum.requests += u64::from(ask.cost);
        if passes { Verdict::Pass } else { Verdict::Refuse(None) }
    }

    fn ended(&mut self, ended: &Ended, _: &mut Rng) {
        self.catch_up(ended.now);
        let accepts = u64::from(ended.cost) * u64::from(ended.ok && !ended.dropped);
        self.buckets.newest().accepts += accepts;
        self.sum.accepts += accepts;
    }

    fn state(&self, now: Time) -> String {
        let mut then = self.clone();
        then.catch_up(now);
        format!("refuses {:.1} % by itself", then.refusal() * 100.0)
    }

    fn gauge(&self, now: Time) -> (f64, f64) {
        let mut then = self.clone();
        then.catch_up(now);
        (then.refusal() * 100.0, 100.0)
    }
}

const KNOBS: &[Knob] = &[
    Knob {
        key: "k",
        wire: 0,
        label: "K",
        unit: "",
        help: "How many requests are sent for each that is accepted, when many are refused.",
        min: 1.0,
        max: 100.0,
        default: 2.0,
        whole: false,
    },
    Knob {
        key: "window_s",
        wire: 1,
        label: "Window",
        unit: "s",
        help: "How far back it counts.",
        min: 0.12,
        max: 86_400.0,
        default: 120.0,
        whole: false,
    },
];

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "throttle",
    wire: 19,
    name: "Client-side throttling",
    whose: "Google's, as in the SRE book",
    rule: "The more of the last two minutes' requests failed, the more are refused at the source.",
    cost: "O(1) time; 120 pairs of counts and one random number",
    when: "Refusing costs the server almost as much as answering.",
    when_not: "A client sends so little that its own counts say nothing.",
    source: "Site Reliability Engineering (Google, 2016), chapter 21, Handling Overload",
    knobs: KNOBS,
    make: Make::Guard(|knobs: &Knobs| {
        let window = knobs::seconds(knobs, &KNOBS[1]);
        Box::new(Throttle::new(knobs.get(&KNOBS[0]), window.ns()))
    }),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Span;

    /// The probability after 100 requests of which so many were accepted.
    fn refusal(k: f64, accepted: u64) -> f64 {
        let mut guard = Throttle::new(k, 120_000_000_000);
        let rng = &mut Rng::from_seed(1);
        for n in 0..100 {
            guard.admit(&Ask::at(Time::ZERO), rng, &mut Why::off());
            if n < accepted {
                guard.ended(&Ended::well(Time::ZERO, Span::ZERO), rng);
            }
        }
        guard.refusal()
    }

    #[test]
    fn half_accepted_is_fine_and_fewer_are_not() {
        assert_eq!(refusal(2.0, 50), 0.0);
        assert_eq!(refusal(2.0, 25), 50.0 / 101.0);
        assert_eq!(refusal(1.1, 50), (100.0 - 1.1 * 50.0) / 101.0);
    }

    #[test]
    fn after_the_window_all_is_forgotten() {
        let mut guard = Throttle::new(2.0, 120_000_000_000);
        let rng = &mut Rng::from_seed(1);
        let refused = (0..1000)
            .filter(|_| guard.admit(&Ask::at(Time::ZERO), rng, &mut Why::off()) != Verdict::Pass);
        assert!(refused.count() > 900, "nothing was ever accepted");
        assert_eq!(guard.state(Time::from_ns(119_000_000_000)), "refuses 99.9 % by itself");
        assert_eq!(guard.state(Time::from_ns(120_000_000_000)), "refuses 0.0 % by itself");
    }
}
