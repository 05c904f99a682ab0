//! Guava's RateLimiter, bursty: the *next* caller pays for what this one takes.
//!
//! As Guava's SmoothBursty (commit 09594275), in whole microseconds as there. Permits are stored
//! while nobody asks, up to what the rate gives in `burst_s` seconds. A request goes at the time
//! that earlier ones have pushed the door to, at once if that is past, however many permits it
//! takes. Then it takes stored permits, and for those missing pushes the door further out by their
//! time at the rate. Nobody is refused unless he would have to wait longer than allowed. A clock
//! that goes back only makes the wait longer. When the rate is changed, the stored permits change
//! in proportion to what can be stored, and whoever is next still waits for those before him at the
//! old rate. The state and the algorithm are shared with the warming-up kind.

use super::knobs::{self, RATE};
use super::{Ask, Entry, Guard, Make, Verdict, decimal, explain};
use crate::policy::{Knob, Knobs};
use crate::sim::{Rng, Span, Time, Why};

/// How stored permits are gained and what they cost: the only difference between the two kinds.
pub trait Store: Clone + std::fmt::Debug {
    /// The rate is now `rate` permits a second, one for each `stable_us` microseconds.
    fn set_rate(&mut self, rate: f64, stable_us: f64);
    /// How many are stored at first.
    fn at_first(&self) -> f64;
    /// The most permits stored.
    fn most(&self) -> f64;
    /// How long nobody must ask for one permit to be stored, in microseconds.
    fn cool_down_us(&self) -> f64;
    /// What taking `take` out of `stored` permits costs in microseconds.
    fn price_us(&self, stored: f64, take: f64) -> i64;
}

/// The state: permits stored, and when the door opens next.
#[derive(Clone, Debug)]
pub struct Smooth<S> {
    store: S,
    /// Microseconds for each fresh permit.
    stable_us: f64,
    patience: Span,
    stored: f64,
    next_us: i64,
}

impl<S: Store> Smooth<S> {
    /// A limiter that nobody has asked yet, with `stored` permits.
    pub(super) fn new(mut store: S, rate: f64, patience: Span) -> Smooth<S> {
        let stable_us = 1e6 / rate;
        store.set_rate(rate, stable_us);
        Smooth { stored: store.at_first(), store, stable_us, patience, next_us: 0 }
    }

    /// From `now` on, `rate` permits a second, as Guava's `setRate`. False, and nothing happens,
    /// unless that is a number above 0.
    pub fn set_rate(&mut self, rate: f64, now: Time) -> bool {
        if !(rate > 0.0 && rate.is_finite()) {
            return false;
        }
        let now = micros(now);
        self.stored = self.stored_at(now);
        self.next_us = self.next_us.max(now);
        let before = self.store.most();
        self.stable_us = 1e6 / rate;
        self.store.set_rate(rate, self.stable_us);
        if before > 0.0 {
            self.stored = self.stored * self.store.most() / before;
        }
        true
    }

    /// Permits stored at `now`, in microseconds.
    fn stored_at(&self, now_us: i64) -> f64 {
        if now_us <= self.next_us {
            return self.stored;
        }
        let fresh = (now_us - self.next_us) as f64 / self.store.cool_down_us();
        self.store.most().min(self.stored + fresh)
    }

    /// How long until the wait is no longer than allowed, to the nanosecond.
    fn until_it_is_near(&self, now: Time) -> Option<Span> {
        let patience = i64::try_from(self.patience.ns() / 1000).unwrap_or(i64::MAX);
        let us = u64::try_from(self.next_us.saturating_sub(patience)).ok()?;
        Some(Time::from_ns(us.checked_mul(1000)?).since(now))
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
            return Verdict::Refuse(self.until_it_is_near(ask.now));
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
pub struct Bursty {
    burst_s: f64,
    most: f64,
    stable_us: f64,
}

impl Smooth<Bursty> {
    /// `rate` permits a second (above 0), stored for `burst_s` seconds at most; whoever would wait
    /// longer than `patience` is refused.
    pub fn bursty(rate: f64, burst_s: f64, patience: Span) -> Smooth<Bursty> {
        Smooth::new(Bursty { burst_s, most: 0.0, stable_us: 0.0 }, rate, patience)
    }
}

impl Store for Bursty {
    fn set_rate(&mut self, rate: f64, stable_us: f64) {
        self.stable_us = stable_us;
        self.most = self.burst_s * rate;
    }

    fn at_first(&self) -> f64 {
        0.0
    }

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
        let (rate, burst_s) = (knobs.get(&KNOBS[0]), knobs.get(&KNOBS[1]));
        Box::new(Smooth::bursty(rate, burst_s, knobs::millis(knobs, &KNOBS[2])))
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

    #[test]
    fn who_is_next_waits_at_the_old_rate() {
        let mut limiter = Smooth::bursty(1.0, 1.0, Span::from_ns(u64::MAX));
        let mut now = Time::ZERO;
        let mut acquire = |limiter: &mut Smooth<Bursty>, cost: u32| {
            let ask = Ask { cost, ..Ask::at(now) };
            let wait = match limiter.admit(&ask, &mut Rng::from_seed(1), &mut Why::off()) {
                Verdict::Delay(wait) => wait,
                _ => Span::ZERO,
            };
            now = now + wait;
            (wait.ns() / 1_000_000, now)
        };
        assert_eq!((acquire(&mut limiter, 1).0, acquire(&mut limiter, 1).0), (0, 1000));
        assert!(limiter.set_rate(2.0, Time::from_ns(1_000_000_000)));
        let waits: Vec<u64> = [1, 2, 4, 1].map(|cost| acquire(&mut limiter, cost).0).to_vec();
        assert_eq!(waits, [1000, 500, 1000, 2000], "as Guava's testBurstyAndUpdate");
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(!limiter.set_rate(rate, Time::ZERO));
        }
    }

    #[test]
    fn stored_permits_change_with_what_can_be_stored() {
        let mut limiter = Smooth::bursty(10.0, 2.0, Span::ZERO);
        assert_eq!(limiter.gauge(Time::from_ns(1_000_000_000)), (10.0, 20.0));
        limiter.set_rate(5.0, Time::from_ns(1_000_000_000));
        assert_eq!(limiter.gauge(Time::from_ns(1_000_000_000)), (5.0, 10.0));
        assert_eq!(limiter.gauge(Time::from_ns(1_200_000_000)), (6.0, 10.0), "five a second now");
    }

    #[test]
    fn a_refusal_is_exact_though_the_clock_is_in_microseconds() {
        let mut limiter = Smooth::bursty(3.0, 1.0, Span::from_ns(1_700));
        let rng = &mut Rng::from_seed(1);
        let first = limiter.admit(&Ask::at(Time::from_ns(999)), rng, &mut Why::off());
        assert_eq!(first, Verdict::Pass);
        let mut ask = |ns: u64| {
            let ask = Ask::at(Time::from_ns(ns));
            limiter.clone().admit(&ask, rng, &mut Why::off())
        };
        assert_eq!(ask(999), Verdict::Refuse(Some(Span::from_ns(333_332_000 - 999))));
        assert_eq!(ask(333_331_999), Verdict::Refuse(Some(Span::from_ns(1))));
        assert_eq!(ask(333_332_000), Verdict::Delay(Span::from_ns(1000)));
    }
}
