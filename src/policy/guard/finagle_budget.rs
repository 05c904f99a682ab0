//! Finagle's retry budget: requests pay in, retries draw out.
//!
//! As Finagle's RetryBudget (commit 4feb34cb), in whole numbers. Each first attempt pays in 1000. A
//! retry costs `1000 / percent`, cut to a whole number of 32 bits: 5000 at 20 %, so that five
//! requests pay for one retry. What is paid in or drawn is forgotten after about `ttl` seconds: the
//! sum is over ten slices of time, of which the oldest is dropped as a new one begins. A reserve of
//! `min_per_s * ttl` retries is there on top at all times, for those who send little; it is a
//! number of 64 bits here, where Finagle's 32 overflow if the percentage is tiny. A retry passes if
//! the balance covers it. When requests are forgotten before the retries they paid for, the balance
//! falls below zero, which is shown as no retries left. A slice ends with the first call after its
//! time, and the next is timed from that call. A clock that goes back counts as standing still.

use super::{Ask, Entry, Guard, Make, Verdict, explain, knobs};
use crate::policy::{Knob, Knobs};
use crate::sim::{Rng, Time, Why};

/// Slices kept besides the one being written.
const OLD_SLICES: usize = 9;

/// The state: what was paid in less what was drawn, by slice of time.
#[derive(Clone, Debug)]
pub struct FinagleBudget {
    deposit: i64,
    withdrawal: i64,
    reserve: i64,
    slice_ms: u64,
    newest: i64,
    old: [i64; OLD_SLICES],
    /// Which of the old ones is the oldest.
    oldest: usize,
    began_ms: u64,
}

impl FinagleBudget {
    /// Remembers `ttl_s` seconds, allows `min_per_s` retries a second at all times, and `percent`
    /// more for each request (0.2 is one in five).
    pub fn new(ttl_s: u32, min_per_s: u32, percent: f64) -> FinagleBudget {
        let (deposit, withdrawal) = match percent {
            // Only the reserve counts, and each retry costs one of it.
            none if none <= 0.0 => (0, 1),
            // Too large a number becomes the largest, as in Finagle.
            share => (1000, i64::from(((1000.0 / share) as i32).max(1))),
        };
        let retries = i64::from(min_per_s).saturating_mul(i64::from(ttl_s));
        FinagleBudget {
            deposit,
            withdrawal,
            reserve: retries.saturating_mul(withdrawal),
            slice_ms: (u64::from(ttl_s) * 1000 / (OLD_SLICES as u64 + 1)).max(1),
            newest: 0,
            old: [0; OLD_SLICES],
            oldest: 0,
            began_ms: 0,
        }
    }

    /// What each request pays in.
    pub fn deposit(&self) -> i64 {
        self.deposit
    }

    /// What each retry draws.
    pub fn withdrawal(&self) -> i64 {
        self.withdrawal
    }

    /// What is there on top at all times.
    pub fn reserve(&self) -> i64 {
        self.reserve
    }

    /// How many retries the balance at `now` covers.
    pub fn retries_at(&self, now: Time) -> i64 {
        let mut then = self.clone();
        then.catch_up(now);
        (then.balance() / self.withdrawal).max(0)
    }

    fn catch_up(&mut self, now: Time) {
        let ms = now.ns() / 1_000_000;
        let slices = ms.saturating_sub(self.began_ms) / self.slice_ms;
        if slices == 0 {
            return;
        }
        self.old[self.oldest] = std::mem::take(&mut self.newest);
        self.oldest = (self.oldest + 1) % OLD_SLICES;
        for _ in 0..(slices - 1).min(OLD_SLICES as u64) {
            self.old[self.oldest] = 0;
            self.oldest = (self.oldest + 1) % OLD_SLICES;
        }
        self.began_ms = ms;
    }

    /// What was paid in less what was drawn, as far as it is remembered; may be negative.
    fn kept(&self) -> i64 {
        self.old.iter().fold(self.newest, |sum, slice| sum.saturating_add(*slice))
    }

    fn balance(&self) -> i64 {
        self.kept().saturating_add(self.reserve)
    }
}

impl Guard for FinagleBudget {
    fn admit(&mut self, ask: &Ask, _: &mut Rng, why: &mut Why) -> Verdict {
        self.catch_up(ask.now);
        let (kept, balance) = (self.kept(), self.balance());
        let price = self.withdrawal.saturating_mul(i64::from(ask.cost));
        let passes = balance >= price;
        explain(why, passes, "balance", || {
            let sentence = match passes {
                true => format!("{balance} − {price} = {} are left.", balance - price),
                false => {
                    let missing = price.saturating_sub(balance);
                    format!("A retry costs {price}; {missing} are missing.")
                }
            };
            let reserve = self.reserve;
            (format!("{kept} + reserve {reserve} = {balance}, needs {price}"), sentence)
        });
        if !passes {
            return Verdict::Refuse(None);
        }
        self.newest = self.newest.saturating_sub(price);
        Verdict::Pass
    }

    fn began(&mut self, now: Time) {
        self.catch_up(now);
        self.newest = self.newest.saturating_add(self.deposit);
    }

    fn state(&self, now: Time) -> String {
        format!("{} retries left", self.retries_at(now))
    }

    fn gauge(&self, now: Time) -> (f64, f64) {
        let balance = self.retries_at(now) as f64;
        (balance, balance.max((self.reserve / self.withdrawal) as f64))
    }
}

const KNOBS: &[Knob] = &[
    Knob {
        key: "ttl_s",
        wire: 0,
        label: "Remembers",
        unit: "s",
        help: "How long a request pays for retries.",
        min: 1.0,
        max: 60.0,
        default: 10.0,
        whole: true,
    },
    Knob {
        key: "min_per_s",
        wire: 1,
        label: "Reserve",
        unit: "retries/s",
        help: "How many retries a second are allowed however few requests there are.",
        min: 0.0,
        max: 1e6,
        default: 10.0,
        whole: true,
    },
    Knob {
        key: "percent",
        wire: 2,
        label: "Share",
        unit: "",
        help: "How many retries each request pays for: 0.2 is one in five.",
        min: 0.0,
        max: 1000.0,
        default: 0.2,
        whole: false,
    },
];

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "finagle_budget",
    wire: 11,
    name: "Retry budget, Finagle",
    whose: "Finagle's RetryBudget, commit 4feb34cb",
    rule: "Five requests pay for one retry, and 10 retries a second are free.",
    cost: "O(1) time; ten numbers",
    when: "Always, on top of any backoff: retries cannot multiply an overload.",
    when_not: "Retries must not fail fast, as in a nightly batch.",
    source: "twitter/finagle RetryBudget.scala; twitter/util TokenBucket, WindowedAdder",
    knobs: KNOBS,
    make: Make::Guard(|knobs: &Knobs| {
        let (ttl, min) = (knobs::count(knobs, &KNOBS[0]), knobs::count(knobs, &KNOBS[1]));
        Box::new(FinagleBudget::new(ttl, min, knobs.get(&KNOBS[2])))
    }),
};

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> Time {
        Time::from_ns(ms * 1_000_000)
    }

    fn retries(guard: &mut FinagleBudget, ms: u64) -> usize {
        let rng = &mut Rng::from_seed(1);
        let mut ask = || guard.admit(&Ask::at(at(ms)), rng, &mut Why::off());
        (0..1000).take_while(|_| ask() == Verdict::Pass).count()
    }

    #[test]
    fn five_requests_pay_for_one_retry_for_ten_seconds() {
        let mut guard = FinagleBudget::new(10, 0, 0.2);
        (0..14).for_each(|_| guard.began(at(0)));
        assert_eq!(guard.state(at(0)), "2 retries left");
        assert_eq!((retries(&mut guard, 0), retries(&mut guard, 0)), (2, 0));
        let mut guard = FinagleBudget::new(10, 0, 0.2);
        (0..5).for_each(|_| guard.began(at(0)));
        assert_eq!((guard.retries_at(at(9999)), guard.retries_at(at(10_000))), (1, 0));
    }

    #[test]
    fn the_reserve_comes_back() {
        let mut guard = FinagleBudget::new(10, 10, 0.2);
        assert_eq!((retries(&mut guard, 0), retries(&mut guard, 5000)), (100, 0));
        assert_eq!(retries(&mut guard, 15_000), 100);
        let mut guard = FinagleBudget::new(5, 2, 0.0);
        (0..50).for_each(|_| guard.began(at(0)));
        assert_eq!(retries(&mut guard, 0), 10, "without a share only the reserve counts");
    }

    #[test]
    fn a_balance_below_zero_is_no_retries() {
        let mut guard = FinagleBudget::new(10, 0, 0.2);
        (0..5).for_each(|_| guard.began(at(0)));
        assert_eq!(retries(&mut guard, 5000), 1);
        // The requests are forgotten, the retry is not.
        let mut why = Why::on();
        let ask = Ask::at(at(10_000));
        assert_eq!(guard.admit(&ask, &mut Rng::from_seed(1), &mut why), Verdict::Refuse(None));
        assert_eq!(why.lines[0].numbers, "-5000 + reserve 0 = -5000, needs 5000");
        assert_eq!(why.sentence, "A retry costs 5000; 10000 are missing.");
        assert_eq!(guard.state(at(10_000)), "0 retries left");
        assert_eq!(guard.gauge(at(10_000)), (0.0, 0.0));
        (0..5).for_each(|_| guard.began(at(10_000)));
        assert_eq!(retries(&mut guard, 10_000), 0, "five more only pay the debt");
        assert_eq!(retries(&mut guard, 15_000), 1, "until that retry is forgotten as well");
    }

    #[test]
    fn a_tiny_share_makes_a_retry_dear_but_not_the_reserve_small() {
        for percent in [1e-7, 1e-300, f64::MIN_POSITIVE] {
            let guard = FinagleBudget::new(60, 1_000_000, percent);
            assert_eq!(guard.withdrawal(), i64::from(i32::MAX));
            assert_eq!(guard.retries_at(at(0)), 60_000_000, "{percent}");
        }
        let absurd = FinagleBudget::new(u32::MAX, u32::MAX, 1e-300);
        assert_eq!(absurd.reserve(), i64::MAX);
    }
}
