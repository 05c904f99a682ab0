//! Leaky bucket: requests pour in, leak out at a steady rate, and overflow is refused.
//!
//! As nginx's `limit_req` (1.22.1 recorded, source 3f6f7824), all in whole numbers of a thousandth
//! of a request, with time in whole milliseconds. `ms` is the time since the last request that
//! counted; when the clock has gone back, 0, or 1 if by more than a minute.
//! `excess = max(0, excess - rate * ms / 1000 + 1000)`; above `burst` the request is refused and
//! nothing is stored. Otherwise it waits `(excess - delay) * 1000 / rate` ms when `excess` is above
//! `delay`; with `nodelay` it never waits. The first request ever finds an empty bucket and costs
//! nothing itself. nginx has no costs other than 1; here cost n counts as n requests at once, and
//! cost 0 only looks.

use super::knobs::{BURST, RATE};
use super::{Ask, Entry, Guard, Make, Verdict, explain};
use crate::policy::{Knob, Knobs};
use crate::sim::{Rng, Span, Time, Why};

/// The state: how full, and since when.
#[derive(Clone, Debug)]
pub struct LeakyBucket {
    /// Thousandths of a request per second.
    rate: i128,
    /// In thousandths.
    burst: i128,
    /// From what excess on requests wait, in thousandths; none for `nodelay`.
    delay: Option<i128>,
    /// How full, in thousandths, and when that was, in ms; none before the first request.
    level: Option<(i128, u64)>,
    looked_at: i128,
}

impl LeakyBucket {
    /// An empty bucket: thousandths of a request per second (at least 1), and in whole requests the
    /// burst and the excess from which on requests wait (none for `nodelay`).
    pub fn new(rate_milli: u64, burst: u32, delay: Option<u32>) -> LeakyBucket {
        LeakyBucket {
            rate: i128::from(rate_milli.max(1)),
            burst: i128::from(burst) * 1000,
            delay: delay.map(|delay| i128::from(delay) * 1000),
            level: None,
            looked_at: 0,
        }
    }

    /// The excess computed for the last request, in thousandths, whether it passed or not.
    pub fn excess(&self) -> u64 {
        u64::try_from(self.looked_at).unwrap_or(u64::MAX)
    }

    /// How full it is at `ms`, and whether time has moved.
    fn drained(&self, ms: u64) -> (i128, bool) {
        let Some((excess, last)) = self.level else { return (0, true) };
        let elapsed = match i128::from(ms) - i128::from(last) {
            back if back < -60_000 => 1,
            elapsed => elapsed.max(0),
        };
        (excess - self.rate * elapsed / 1000, elapsed != 0)
    }

    /// How long from `now` on until an excess of `too_much` would fit. A first request that does
    /// not fit never will: a bucket that nothing is in does not drain.
    fn until_it_fits(&self, too_much: i128, now: Time) -> Option<Span> {
        let (excess, last) = self.level?;
        let drained = excess - self.drained(now.ns() / 1_000_000).0;
        let at = (drained + too_much - self.burst) * 1000;
        let ms = (at + self.rate - 1) / self.rate + i128::from(last);
        let ns = u64::try_from(ms).ok()?.checked_mul(1_000_000)?;
        Some(Time::from_ns(ns).since(now))
    }
}

impl Guard for LeakyBucket {
    fn admit(&mut self, ask: &Ask, _: &mut Rng, why: &mut Why) -> Verdict {
        let ms = ask.now.ns() / 1_000_000;
        let (before, moved) = self.drained(ms);
        let one = if ask.cost == 0 || self.level.is_none() { 0 } else { 1000 };
        let others = i128::from(ask.cost.saturating_sub(1)) * 1000;
        let excess = (before + one).max(0) + others;
        self.looked_at = excess;
        let passes = excess <= self.burst;
        let above = match self.delay {
            Some(delay) if passes => (excess - delay).max(0),
            _ => 0,
        };
        let wait = above * 1000 / self.rate;
        explain(why, passes, "excess", || {
            let units = |milli: i128| super::decimal(milli as f64 / 1000.0);
            let numbers = format!("{}, burst {}", units(excess), units(self.burst));
            let sentence = match (passes, wait) {
                (false, _) => "The bucket would run over.".to_owned(),
                (true, 0) => "It fits and need not wait.".to_owned(),
                (true, wait) => {
                    format!("It fits; {} × 1000 / {} = {wait} ms to wait.", above, self.rate)
                }
            };
            (numbers, sentence)
        });
        if !passes {
            let wait = self.until_it_fits(excess, ask.now).filter(|_| others <= self.burst);
            return Verdict::Refuse(wait);
        }
        if ask.cost > 0 {
            let last = self.level.map_or(ms, |(_, last)| if moved { ms } else { last });
            self.level = Some((excess, last));
        }
        match u64::try_from(wait) {
            Ok(0) => Verdict::Pass,
            Ok(wait) => Verdict::Delay(Span::from_ns(wait.saturating_mul(1_000_000))),
            Err(_) => Verdict::Delay(Span::from_ns(u64::MAX)),
        }
    }

    fn state(&self, now: Time) -> String {
        let (full, brim) = self.gauge(now);
        format!("{} of {} above the rate", super::decimal(full), super::decimal(brim))
    }

    fn gauge(&self, now: Time) -> (f64, f64) {
        let level = self.drained(now.ns() / 1_000_000).0.max(0);
        (level as f64 / 1000.0, self.burst as f64 / 1000.0)
    }
}

const KNOBS: &[Knob] = &[
    RATE,
    Knob { default: 0.0, help: "How many above the rate are held rather than refused.", ..BURST },
    Knob {
        key: "delay",
        wire: 2,
        label: "Delay from",
        unit: "",
        help: "How many above the rate pass at once before the others must wait.",
        min: 0.0,
        max: 1e6,
        default: 0.0,
        whole: true,
    },
    Knob {
        key: "nodelay",
        wire: 3,
        label: "No delay",
        unit: "",
        help: "1: whatever fits passes at once and never waits.",
        min: 0.0,
        max: 1.0,
        default: 0.0,
        whole: true,
    },
];

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "leaky_bucket",
    wire: 1,
    name: "Leaky bucket",
    whose: "nginx limit_req, as recorded from 1.22.1",
    rule: "Requests above the rate wait their turn; more than the burst are refused.",
    cost: "O(1) time; two numbers",
    when: "What is behind wants an even stream.",
    when_not: "Callers send in bursts and should not wait: nodelay, or a token bucket.",
    source: "nginx src/http/modules/ngx_http_limit_req_module.c; recordings of nginx 1.22.1",
    knobs: KNOBS,
    make: Make::Guard(|knobs: &Knobs| {
        let delay = super::knobs::count(knobs, &KNOBS[2]);
        Box::new(LeakyBucket::new(
            (knobs.get(&KNOBS[0]) * 1000.0) as u64,
            super::knobs::count(knobs, &KNOBS[1]),
            (knobs.get(&KNOBS[3]) == 0.0).then_some(delay),
        ))
    }),
};

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(bucket: &mut LeakyBucket, ms: u64) -> Verdict {
        let now = Time::from_ns(ms * 1_000_000);
        bucket.admit(&Ask::at(now), &mut Rng::from_seed(1), &mut Why::off())
    }

    const fn wait(ms: u64) -> Verdict {
        Verdict::Delay(Span::from_millis(ms))
    }

    #[test]
    fn two_a_second_with_room_for_two() {
        let mut bucket = LeakyBucket::new(2000, 2, Some(0));
        let said: Vec<Verdict> = (0..4).map(|_| ask(&mut bucket, 0)).collect();
        let refused = Verdict::Refuse(Some(Span::from_millis(500)));
        assert_eq!(said, [Verdict::Pass, wait(500), wait(1000), refused]);
        // Half a second later one has leaked out.
        assert_eq!(ask(&mut bucket, 499), Verdict::Refuse(Some(Span::from_millis(1))));
        assert_eq!(ask(&mut bucket, 500), wait(1000));
    }

    #[test]
    fn a_clock_set_back_drains_nothing_or_a_millisecond() {
        let mut bucket = LeakyBucket::new(1_000_000, 5, None);
        ask(&mut bucket, 100_000);
        ask(&mut bucket, 100_000);
        assert_eq!(bucket.excess(), 1000);
        ask(&mut bucket, 40_000);
        assert_eq!(bucket.excess(), 2000, "back by a minute: no time has passed");
        ask(&mut bucket, 39_999);
        assert_eq!(bucket.excess(), 2000, "by more: one millisecond, which drains one request");
        ask(&mut bucket, 39_999);
        assert_eq!(bucket.excess(), 3000, "and that time is now the last");
    }

    #[test]
    fn looking_leaves_no_trace() {
        let look = Ask { cost: 0, ..Ask::at(Time::ZERO) };
        let rng = &mut Rng::from_seed(1);
        let mut bucket = LeakyBucket::new(1000, 0, None);
        assert_eq!(bucket.admit(&look, rng, &mut Why::off()), Verdict::Pass);
        assert_eq!(ask(&mut bucket, 0), Verdict::Pass, "it is still the first request ever");
        let before = format!("{bucket:?}");
        bucket.admit(&look, rng, &mut Why::off());
        assert_eq!(format!("{bucket:?}"), before);
        assert!(matches!(ask(&mut bucket, 0), Verdict::Refuse(_)));
    }

    #[test]
    fn delay_and_nodelay() {
        let mut bucket = LeakyBucket::new(1000, 3, Some(1));
        let said: Vec<Verdict> = (0..4).map(|_| ask(&mut bucket, 0)).collect();
        assert_eq!(said, [Verdict::Pass, Verdict::Pass, wait(1000), wait(2000)]);
        let mut bucket = LeakyBucket::new(1000, 3, None);
        assert!((0..4).all(|_| ask(&mut bucket, 0) == Verdict::Pass));
        assert!(matches!(ask(&mut bucket, 0), Verdict::Refuse(_)));
    }
}
