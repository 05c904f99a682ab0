//! Hystrix's circuit breaker: too many failures, and nobody passes for a while.
//!
//! As Hystrix 1.5.18 (commit 7c03bafe). CLOSED lets everybody pass. Every health snapshot (500 ms
//! from the start of the count on, and not at each failure) it looks at the last ten seconds: with
//! at least 20 requests of which at least 50 % failed it goes to OPEN. The percentage is
//! `errors / total * 100` as a float, cut: 29 of 100 are 28.999999999999996 and so 28 %. There
//! nobody passes until *more* whole milliseconds than the sleep window of 5 s have gone by; the
//! next request is the one trial, in HALF_OPEN. The first request that ends then decides, whichever
//! it is: well means CLOSED with an empty count, badly means OPEN for another sleep window. A
//! request longer than the timeout has failed, and so has one that the next guard refuses, as those
//! which Hystrix's thread pool rejects; one that was given up is not counted, but as a trial it has
//! failed. What the breaker itself refuses is not counted. A clock that goes back counts as
//! standing still.

use super::rolling::Rolling;
use super::{Ask, Ended, Entry, Guard, Make, Verdict, Withdrawn, explain, knobs};
use crate::policy::{Knob, Knobs};
use crate::sim::{Rng, Span, Time, Why};

/// Requests and failures.
#[derive(Clone, Copy, Debug, Default)]
struct Health {
    total: u64,
    errors: u64,
}

impl Health {
    /// In percent, in double precision as the library has it.
    fn exact(self) -> f64 {
        if self.total == 0 { 0.0 } else { self.errors as f64 / self.total as f64 * 100.0 }
    }

    /// In percent, cut to a whole number.
    fn percent(self) -> u64 {
        self.exact() as u64
    }

    /// `10 of 20 failed, 50 %`, or how a number that is no whole one was cut.
    fn words(self) -> String {
        let (Health { total, errors }, percent, exact) = (self, self.percent(), self.exact());
        let cut = if exact == percent as f64 { String::new() } else { format!("{exact} cut to ") };
        format!("{errors} of {total} failed, {cut}{percent} %")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    /// Since when.
    Open(Time),
    HalfOpen,
}

#[derive(Clone, Debug)]
struct Settings {
    snapshot: Span,
    volume: u64,
    percent: u64,
    sleep: Span,
    timeout: Span,
}

/// The state machine and its count.
#[derive(Clone, Debug)]
struct Hystrix {
    set: Settings,
    state: State,
    /// One bucket for each snapshot.
    buckets: Rolling<Health>,
    /// The sum of all buckets.
    sum: Health,
    /// When the count began, from which the snapshots are timed.
    origin: Time,
    /// Snapshots taken since.
    snapshots: u64,
    length: usize,
    last: Time,
}

impl Hystrix {
    fn new(window: Span, set: Settings) -> Hystrix {
        let length = (window.ns() / set.snapshot.ns().max(1)).max(1) as usize;
        Hystrix {
            set,
            state: State::Closed,
            buckets: Rolling::new(length),
            sum: Health::default(),
            origin: Time::ZERO,
            snapshots: 0,
            length,
            last: Time::ZERO,
        }
    }

    /// Takes the snapshots that were due up to `now`.
    fn catch_up(&mut self, now: Time) {
        self.last = self.last.max(now);
        let due = self.last.since(self.origin).ns() / self.set.snapshot.ns().max(1);
        // Once all buckets are empty a snapshot changes nothing.
        while self.snapshots < due && self.sum.total > 0 {
            self.snapshots += 1;
            let bad = self.sum.total >= self.set.volume && self.sum.percent() >= self.set.percent;
            if self.state == State::Closed && bad {
                let ns = self.set.snapshot.ns().saturating_mul(self.snapshots);
                self.state = State::Open(self.origin + Span::from_ns(ns));
            }
            self.begin_bucket();
        }
        self.snapshots = due.max(self.snapshots);
        self.begin_bucket();
    }

    fn begin_bucket(&mut self) {
        let sum = &mut self.sum;
        self.buckets.move_to(self.snapshots, |old| {
            sum.total -= old.total;
            sum.errors -= old.errors;
        });
    }

    fn close(&mut self) {
        self.state = State::Closed;
        self.buckets = Rolling::new(self.length);
        self.sum = Health::default();
        self.origin = self.last;
        self.snapshots = 0;
    }

    /// How long until a trial may pass: the clock must show more whole milliseconds than the sleep
    /// window after those at which it opened.
    fn until_trial(&self, since: Time, now: Time) -> Span {
        let ms = |ns: u64| ns / 1_000_000;
        let first = ms(since.ns()) + ms(self.set.sleep.ns()) + 1;
        if ms(now.ns()) >= first {
            return Span::ZERO;
        }
        Span::from_ns(first.saturating_mul(1_000_000).saturating_sub(now.ns()).max(1))
    }

    fn count(&mut self, failed: bool) {
        for health in [self.buckets.newest(), &mut self.sum] {
            health.total += 1;
            health.errors += u64::from(failed);
        }
    }

    /// The trial came to this.
    fn decide(&mut self, failed: bool) {
        match (self.state, failed) {
            (State::HalfOpen, true) => self.state = State::Open(self.last),
            (State::HalfOpen, false) => self.close(),
            _ => {}
        }
    }
}

impl Guard for Hystrix {
    fn admit(&mut self, ask: &Ask, _: &mut Rng, why: &mut Why) -> Verdict {
        self.catch_up(ask.now);
        let (before, wait) = match self.state {
            State::Open(since) => ("open", Some(self.until_trial(since, self.last))),
            State::HalfOpen => ("half open", None),
            State::Closed => ("closed", None),
        };
        let passes = self.state == State::Closed || wait == Some(Span::ZERO);
        explain(why, passes, before, || {
            let numbers = self.sum.words();
            let sentence = match (before, wait) {
                ("closed", _) => "The circuit is closed: everybody passes.".to_owned(),
                (_, Some(Span::ZERO)) => {
                    format!("The sleep window of {} is over: this is the trial.", self.set.sleep)
                }
                (_, Some(wait)) => format!("The circuit is open; a trial passes in {wait}."),
                _ => "The trial has not ended yet, so nobody else passes.".to_owned(),
            };
            (numbers, sentence)
        });
        if !passes {
            return Verdict::Refuse(wait);
        }
        if wait.is_some() {
            self.state = State::HalfOpen;
        }
        Verdict::Pass
    }

    fn ended(&mut self, ended: &Ended, _: &mut Rng) {
        self.catch_up(ended.now);
        let failed = !ended.ok || ended.dropped || ended.took > self.set.timeout;
        self.count(failed);
        self.decide(failed);
    }

    fn withdrawn(&mut self, gone: &Withdrawn) {
        self.catch_up(gone.now);
        if gone.rejected {
            self.count(true);
        }
        self.decide(true);
    }

    fn state(&self, now: Time) -> String {
        let mut then = self.clone();
        then.catch_up(now);
        match then.state {
            State::Closed => {
                format!("closed, {} % of {} failed", then.sum.percent(), then.sum.total)
            }
            State::Open(since) => format!("open until {}", since + then.set.sleep),
            State::HalfOpen => "half open, waiting for the trial".to_owned(),
        }
    }

    fn gauge(&self, now: Time) -> (f64, f64) {
        let mut then = self.clone();
        then.catch_up(now);
        (then.sum.percent() as f64, 100.0)
    }
}

const MS: Knob = Knob {
    key: "window_ms",
    wire: 0,
    label: "Window",
    unit: "ms",
    help: "How far back failures count.",
    min: 1.0,
    max: 600_000.0,
    default: 10_000.0,
    whole: true,
};

const KNOBS: &[Knob] = &[
    MS,
    Knob {
        key: "snapshot_ms",
        wire: 1,
        label: "Snapshot every",
        help: "How often the count is looked at.",
        min: 100.0,
        default: 500.0,
        ..MS
    },
    Knob {
        key: "volume",
        wire: 2,
        label: "Volume",
        unit: "requests",
        help: "With fewer requests in the window it never opens.",
        min: 1.0,
        max: 1e6,
        default: 20.0,
        whole: true,
    },
    Knob {
        key: "percent",
        wire: 3,
        label: "Opens at",
        unit: "%",
        help: "It opens when at least this many of a hundred failed.",
        min: 0.0,
        max: 100.0,
        default: 50.0,
        whole: true,
    },
    Knob {
        key: "sleep_ms",
        wire: 4,
        label: "Sleep window",
        help: "How long it stays open before a trial.",
        default: 5000.0,
        ..MS
    },
    Knob {
        key: "timeout_ms",
        wire: 5,
        label: "Timeout",
        help: "A request that took longer has failed.",
        default: 1000.0,
        ..MS
    },
];

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "hystrix",
    wire: 9,
    name: "Circuit breaker, Hystrix",
    whose: "Hystrix 1.5.18",
    rule: "Half of at least 20 requests in 10 s failed: open for 5 s, then one trial decides.",
    cost: "O(1) time; one pair of counts for each snapshot in the window",
    when: "A service that fails should fail fast and get a rest.",
    when_not: "It is overloaded rather than broken: all or nothing makes the load swing.",
    source: "Netflix/Hystrix HystrixCircuitBreaker.java, HealthCountsStream.java",
    knobs: KNOBS,
    make: Make::Guard(|knobs: &Knobs| {
        let millis = |place: usize| knobs::millis(knobs, &KNOBS[place]);
        let set = Settings {
            snapshot: millis(1),
            volume: knobs.count(&KNOBS[2]) as u64,
            percent: knobs.count(&KNOBS[3]) as u64,
            sleep: millis(4),
            timeout: millis(5),
        };
        Box::new(Hystrix::new(millis(0), set))
    }),
};

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> Time {
        Time::from_ns(ms * 1_000_000)
    }

    struct Bench(Box<dyn Guard>, Rng);

    impl Bench {
        fn new(set: &[(&str, f64)]) -> Bench {
            let Make::Guard(make) = ENTRY.make else { panic!("it is a guard") };
            Bench(make(&knobs::with(KNOBS, set)), Rng::from_seed(1))
        }

        fn ask(&mut self, ms: u64) -> bool {
            self.0.admit(&Ask::at(at(ms)), &mut self.1, &mut Why::off()) == Verdict::Pass
        }

        fn end(&mut self, ms: u64, ok: bool) {
            let took = Span::from_millis(5);
            let ended = if ok { Ended::well(at(ms), took) } else { Ended::badly(at(ms), took) };
            self.0.ended(&ended, &mut self.1);
        }
    }

    #[test]
    fn it_opens_at_the_snapshot_and_closes_after_a_good_trial() {
        let mut bench = Bench::new(&[]);
        for n in 0..20 {
            assert!(bench.ask(100));
            bench.end(110, n % 2 == 0);
        }
        assert!(bench.ask(499), "ten of twenty failed, but nobody has looked yet");
        assert!(!bench.ask(500));
        assert_eq!(bench.0.state(at(500)), "open until 5.500 s");
        assert!(!bench.ask(5500), "not yet: it must be more than the sleep window");
        let ask = Ask::at(Time::from_ns(5_500_999_999));
        let last = bench.0.admit(&ask, &mut Rng::from_seed(1), &mut Why::off());
        assert_eq!(last, Verdict::Refuse(Some(Span::from_ns(1))), "in whole milliseconds");
        assert!(bench.ask(5501) && !bench.ask(5501), "one trial");
        bench.end(5502, false);
        assert!(!bench.ask(10_502));
        assert!(bench.ask(10_503));
        bench.end(10_504, true);
        assert!(bench.ask(10_504));
        assert_eq!(bench.0.state(at(10_504)), "closed, 0 % of 0 failed");
    }

    #[test]
    fn what_the_next_guard_refuses_has_failed() {
        let mut bench = Bench::new(&[]);
        for n in 0..20 {
            assert!(bench.ask(100));
            match n % 2 {
                0 => bench.end(100, true),
                _ => bench.0.withdrawn(&Withdrawn::rejected(at(100))),
            }
        }
        bench.0.withdrawn(&Withdrawn::given_up(at(200), at(100)));
        assert_eq!(bench.0.state(at(400)), "closed, 50 % of 20 failed");
        // A trial that is refused or given up has failed.
        assert!(!bench.ask(500) && bench.ask(5501));
        bench.0.withdrawn(&Withdrawn::rejected(at(5501)));
        assert!(!bench.ask(10_501) && bench.ask(10_502));
        bench.0.withdrawn(&Withdrawn::given_up(at(10_503), at(10_502)));
        assert!(!bench.ask(15_503) && bench.ask(15_504));
    }

    #[test]
    fn percentages_are_cut_floats() {
        let percent = |errors: u64, total: u64| Health { total, errors }.percent();
        assert_eq!((percent(29, 100), percent(57, 100), percent(50, 101)), (28, 56, 49));
        assert_eq!((percent(0, 0), percent(7, 7), percent(1, 2)), (0, 100, 50));
        let words = Health { total: 100, errors: 29 }.words();
        assert_eq!(words, "29 of 100 failed, 28.999999999999996 cut to 28 %");
        let mut bench = Bench::new(&[("percent", 29.0)]);
        (0..100).for_each(|n| bench.end(0, n >= 29));
        assert!(bench.ask(500), "29 of 100 are below 29 %");
    }

    /// Each knob alone decides whether, or when, the same failures open the circuit.
    #[test]
    fn every_knob_counts() {
        let opened = |set: &[(&str, f64)], requests: u64, failures: u64, ms: u64| {
            let mut bench = Bench::new(set);
            (0..requests).for_each(|n| bench.end(0, n >= failures));
            !bench.ask(ms)
        };
        assert!(opened(&[], 20, 10, 500) && !opened(&[], 19, 19, 500) && !opened(&[], 20, 9, 500));
        assert!(opened(&[("volume", 19.0)], 19, 19, 500));
        assert!(opened(&[("percent", 45.0)], 20, 9, 500));
        assert!(opened(&[("snapshot_ms", 100.0)], 20, 10, 100));
        assert!(!opened(&[("sleep_ms", 10.0)], 20, 10, 511));
        // Of 101 requests 50 fail, which is cut to 49 %.
        assert!(!opened(&[], 101, 50, 500));
        let mut slow = Bench::new(&[("timeout_ms", 4.0)]);
        (0..20).for_each(|_| slow.end(0, true));
        assert!(!slow.ask(500), "all took 5 ms, which is too long");
        // Ten fail at first and ten more just after; a window of one snapshot forgets the first.
        for (window, open) in [(10_000.0, true), (500.0, false)] {
            let mut bench = Bench::new(&[("window_ms", window)]);
            (0..10).for_each(|_| bench.end(0, false));
            (0..10).for_each(|_| bench.end(600, false));
            assert_eq!(!bench.ask(1000), open);
        }
    }
}
