//! Guava's RateLimiter, bursty: the *next* caller pays for what this one takes.
//!
//! As Guava's SmoothBursty (commit 09594275), in whole microseconds as there. Permits are stored
//! while nobody asks, up to what the rate gives in `burst_s` seconds. A request goes at the time
//! that earlier ones have pushed the door to, at once if that is past, however many permits it
//! takes. Then it takes stored permits, and for those missing pushes the door further out by their
//! time at the rate. Nobody is refused unless he would have to wait longer than allowed. A clock
//! that goes back only makes the wait longer. The state and the algorithm are shared with the
//! warming-up kind.

use super::knobs::{self, RATE};
use super::{Ask, Entry, Guard, Make, Verdict, decimal, explain};
use crate::policy::{Knob, Knobs};
use crate::sim::{Rng, Span, Time, Why};

/// How stored permits are gained and what they cost: the only difference between the two kinds.
pub(super) trait Store: Clone + std::fmt::Debug {
    /// The most permits stored.
    fn most(&self) -> f64;
    /// How long nobody must ask for one permit to be stored, in microseconds.
    fn cool_down_us(&self) -> f64;
    /// What taking `take` out of `stored` permits costs in microseconds.
    fn price_us(&self, stored: f64, take: f64) -> i64;
}

/// The state: permits stored, and when the door opens next.
#[derive(Clone, Debug)]
pub(super) struct Smooth<S> {
    store: S,
    /// Microseconds for each fresh permit.
    stable_us: f64,
    patience: Span,
    stored: f64,
    next_us: i64,
}

impl<S: Store> Smooth<S> {
    /// A limiter that nobody has asked yet, with `stored` permits.
    pub(super) fn new(store: S, rate: f64, stored: f64, patience: Span) -> Smooth<S> {
        Smooth { store, stable_us: 1e6 / rate, patience, stored, next_us: 0 }
    }

    /// Permits stored at `now`, in microseconds.
    fn stored_at(&self, now_us: i64) -> f64 {
        if now_us <= self.next_us {
            return self.stored;
        }
        let fresh = (now_us - self.next_us) as f64 / self.store.cool_down_us();
        self.store.most().min(self.stored + fresh)
    }
}

/// Whole microseconds, as Guava's stopwatch gives them.
fn micros(now: Time) -> i64 {
    (now.ns() / 1000) as i64
}

/// Microseconds as a length of time; negative ones are zero.
fn span(us: i64) -> Span {
    Span::from_ns(u64::try_from(us).unwrap_or(0).saturating_mul(1000))
}

impl<S: Store + 'static> Guard for Smooth<S> {
    fn admit(&mut self, ask: &Ask, _: &mut Rng, why: &mut Why) -> Verdict {
        let now = micros(ask.now);
        let wait = span(self.next_us.saturating_sub(now));
        let passes = wait <= self.patience;
        let stored = self.stored_at(now);
        let take = stored.min(f64::from(ask.cost));
        let fresh = f64::from(ask.cost) - take;
        let price = self.store.price_us(stored, take);
        let price = price.saturating_add((fresh * self.stable_us) as i64);
        explain(why, passes, "permits", || {
            let price = span(price);
            let (stored, take, fresh) = (decimal(stored), decimal(take), decimal(fresh));
            let numbers = format!("{take} of {stored} stored + {fresh} fresh = {price}");
            let sentence = match passes {
                true => format!("It waits {wait} for those before it; the next waits for {price}."),
                false => format!("Those before it hold the door for {wait}: too long to wait."),
            };
            (numbers, sentence)
        });
        if !passes {
            return Verdict::Refuse(Some(Span::from_ns(wait.ns() - self.patience.ns())));
        }
        self.next_us = self.next_us.max(now).saturating_add(price);
        self.stored = stored - take;
        if wait == Span::ZERO { Verdict::Pass } else { Verdict::Delay(wait) }
    }

    fn state(&self, now: Time) -> String {
        let wait = self.next_us.saturating_sub(micros(now));
        match wait {
            ..=0 => format!("open, {} permits stored", decimal(self.stored_at(micros(now)))),
            wait => format!("the next waits {}", span(wait)),
        }
    }

    fn gauge(&self, now: Time) -> (f64, f64) {
        (self.stored_at(micros(now)), self.store.most())
    }
}

/// Stored permits are free.
#[derive(Clone, Debug)]
struct Bursty {
    most: f64,
    stable_us: f64,
}

impl Store for Bursty {
    fn most(&self) -> f64 {
        self.most
    }

    fn cool_down_us(&self) -> f64 {
        self.stable_us
    }

    fn price_us(&self, _: f64, _: f64) -> i64 {
        0
    }
}

/// Longer than anybody will wait: as `acquire()`, which always waits.
pub(super) const WAIT: Knob = Knob { max: 1e12, default: 1e12, ..knobs::PATIENCE };

const KNOBS: &[Knob] = &[
    RATE,
    Knob {
        key: "burst_s",
        wire: 1,
        label: "Stored time",
        unit: "s",
        help: "For how many seconds unused permits are stored.",
        min: 0.0,
        max: 3600.0,
        default: 1.0,
        whole: false,
    },
    WAIT,
];

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "guava_bursty",
    wire: 6,
    name: "Guava RateLimiter",
    whose: "Guava's SmoothBursty, commit 09594275",
    rule: "A request goes at once if the door is open, then holds it shut for what it took.",
    cost: "O(1) time; two numbers",
    when: "A thread may wait its turn, and large requests should start rather than save up.",
    when_not: "Callers should be refused, not kept waiting.",
    source: "google/guava SmoothRateLimiter.java, RateLimiterTest.java",
    knobs: KNOBS,
    make: Make::Guard(|knobs: &Knobs| {
        let rate = knobs.get(&KNOBS[0]);
        let bursty = Bursty { most: knobs.get(&KNOBS[1]) * rate, stable_us: 1e6 / rate };
        Box::new(Smooth::new(bursty, rate, 0.0, knobs::millis(knobs, &KNOBS[2])))
    }),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_one_pays() {
        let set = knobs::with(KNOBS, &[("rate", 1.0), ("wait_ms", 3000.0)]);
        let Make::Guard(make) = ENTRY.make else { panic!("it is a guard") };
        let mut guard = make(&set);
        let mut ask = |cost: u32| {
            let ask = Ask { cost, ..Ask::at(Time::ZERO) };
            guard.admit(&ask, &mut Rng::from_seed(1), &mut Why::off())
        };
        assert_eq!(ask(2), Verdict::Pass, "two at once, though none is stored");
        assert_eq!(ask(2), Verdict::Delay(Span::from_millis(2000)));
        assert_eq!(ask(1), Verdict::Refuse(Some(Span::from_millis(1000))));
        assert_eq!(guard.state(Time::ZERO), "the next waits 4.00 s");
        assert_eq!(guard.state(Time::from_ns(4_500_000_000)), "open, 0.5 permits stored");
        let most = |guard: &dyn Guard| guard.gauge(Time::from_ns(60_000_000_000));
        assert_eq!(most(&*guard), (1.0, 1.0));
        assert_eq!(most(&*make(&knobs::with(KNOBS, &[("burst_s", 3.0)]))), (30.0, 30.0));
    }
}
