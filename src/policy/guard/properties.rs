//! What every guard keeps to, whatever is asked and whenever.

use proptest::prelude::*;

use super::*;
use crate::policy::Knob;
use crate::sim::Rng;

const SECOND: u64 = 1_000_000_000;

/// A setting out of its range: at a limit as often as not.
fn value(knob: &Knob, gene: u8) -> f64 {
    let value = match gene % 4 {
        0 => knob.min,
        1 => knob.max.min(knob.default.max(1.0) * 100.0),
        2 => knob.default,
        _ => knob.min + (knob.default - knob.min) * f64::from(gene) / 255.0,
    };
    if knob.whole { value.round() } else { value }
}

fn settings(known: &'static [Knob], genes: &[u8]) -> Knobs {
    let mut knobs = Knobs::default();
    for (knob, gene) in known.iter().zip(genes) {
        knobs.set(known, knob.key, value(knob, *gene)).expect("it is within its range");
    }
    knobs
}

/// Any time at all: near the start, at the end, back again.
fn time(now: &mut Time, gene: u8, step: u32) -> Time {
    *now = match gene % 8 {
        0 => Time::MAX,
        1 => Time::ZERO,
        2 => *now - Span::from_ns(u64::from(step) * 1000),
        3 => *now + Span::from_ns(u64::from(step) * SECOND),
        _ => *now + Span::from_ns(u64::from(step)),
    };
    *now
}

fn cost(gene: u8) -> u32 {
    match gene % 6 {
        0 => 0,
        1 => u32::MAX,
        2 => u32::from(gene),
        _ => 1,
    }
}

/// Does one thing to a guard; the verdict if it asked.
fn act(guard: &mut dyn Guard, now: Time, genes: [u8; 4], why: &mut Why) -> Option<Verdict> {
    let rng = &mut Rng::from_seed(u64::from(genes[3]));
    let cost = cost(genes[1]);
    let waiting = u32::from(genes[2]);
    match genes[0] % 8 {
        0 => guard.began(now),
        1 => {
            let since = now - Span::from_ns(1 << (genes[3] % 64));
            let rejected = genes[2].is_multiple_of(2);
            guard.withdrawn(&Withdrawn { now, since, cost, rejected });
        }
        2..4 => {
            let (ok, dropped) = (genes[2].is_multiple_of(2), genes[2].is_multiple_of(3));
            let took = Span::from_ns(1 << (genes[3] % 64));
            let retry = genes[2].is_multiple_of(5);
            let among = cost.max(1);
            guard.ended(&Ended { now, took, ok, dropped, retry, cost, among }, rng);
        }
        _ => {
            let ask = Ask { now, cost, waiting, oldest: Span::from_ns(u64::from(waiting) << 30) };
            return Some(guard.admit(&ask, rng, why));
        }
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// No input makes a guard panic, and being watched changes nothing it says.
    #[test]
    fn nothing_breaks_and_watching_changes_nothing(
        genes in prop::collection::vec(any::<u8>(), 12),
        ops in prop::collection::vec((any::<[u8; 4]>(), any::<u8>(), any::<u32>()), 1..60),
    ) {
        for entry in CATALOGUE {
            let knobs = settings(entry.knobs, &genes);
            let (mut now, rng) = (Time::ZERO, &mut Rng::from_seed(1));
            match entry.make {
                Make::Backoff(make) => {
                    for (op, _, number) in &ops {
                        let previous = (op[0] > 9).then(|| Span::from_ns(u64::from(*number) << 32));
                        let mut same = rng.clone();
                        let (mut on, mut off) = (Why::on(), Why::off());
                        let wait = make(&knobs).wait(*number, previous, rng, &mut off);
                        let again = make(&knobs).wait(*number, previous, &mut same, &mut on);
                        prop_assert_eq!(wait, again);
                        prop_assert!(!on.sentence.is_empty() && off.lines.is_empty());
                    }
                }
                Make::Guard(make) => {
                    let (mut guard, mut watched) = (make(&knobs), make(&knobs));
                    for (op, when, step) in &ops {
                        let now = time(&mut now, *when, *step);
                        let (mut on, mut off) = (Why::on(), Why::off());
                        let said = act(&mut *guard, now, *op, &mut off);
                        let seen = act(&mut *watched, now, *op, &mut on);
                        prop_assert_eq!(said, seen, "{}", entry.key);
                        let told = on.lines.len() == 1 && on.sentence.len() > 9;
                        prop_assert!(said.is_none() || told);
                        let (value, most) = guard.gauge(now);
                        prop_assert!(value >= 0.0 && most >= 0.0, "{}: {value} {most}", entry.key);
                        prop_assert_eq!(guard.state(now), watched.state(now));
                    }
                }
            }
        }
    }

    /// Whoever waits as long as he was told to, and alone, passes; a nanosecond earlier he does
    /// not.
    #[test]
    fn a_refusal_tells_the_truth(
        genes in prop::collection::vec(any::<u8>(), 12),
        ops in prop::collection::vec((0u64..3 * SECOND, 1u32..4, any::<bool>()), 1..40),
    ) {
        for entry in CATALOGUE {
            let Make::Guard(make) = entry.make else { continue };
            let (mut guard, mut now) = (make(&settings(entry.knobs, &genes)), Time::ZERO);
            let rng = &mut Rng::from_seed(1);
            // The token bucket counts in floats, which leaves it a nanosecond off at times.
            let slack = u64::from(entry.key == "token_bucket");
            for &(step, cost, fails) in &ops {
                now = now + Span::from_ns(step);
                let ask = Ask { cost, ..Ask::at(now) };
                let said = guard.admit(&ask, rng, &mut Why::off());
                if let Verdict::Refuse(Some(wait)) = said {
                    let mut refused_after = |ns: u64| {
                        let later = Ask { now: now + Span::from_ns(ns), ..ask };
                        let said = guard.clone().admit(&later, rng, &mut Why::off());
                        matches!(said, Verdict::Refuse(_))
                    };
                    let ns = wait.ns();
                    prop_assert!(!refused_after(ns + slack), "{}: {ns} ns", entry.key);
                    let early = ns.saturating_sub(1 + slack);
                    prop_assert!(refused_after(early), "{}: {early} ns do", entry.key);
                } else if fails {
                    guard.ended(&Ended { cost, ..Ended::badly(now, Span::ZERO) }, rng);
                }
            }
        }
    }

    /// No rate limiter passes more in any stretch of time than it promises.
    #[test]
    fn rate_limiters_keep_their_promise(
        ops in prop::collection::vec((0u64..SECOND / 4, 1u32..4), 1..150),
    ) {
        // Ten a second and ten at once, each in its own terms: in t seconds no more than this.
        let burst_and_rate = |t: f64| 10.0 + 10.0 * t;
        let second = [("limit", 10.0), ("period_ns", 1e9)];
        let promises: [Promise; 8] = [
            ("token_bucket", &[], &burst_and_rate),
            ("token_bucket", &[("wait_ms", 300.0)], &burst_and_rate),
            // The first is free, and time is cut to milliseconds.
            ("leaky_bucket", &[("burst", 9.0), ("nodelay", 1.0)], &|t| 11.0 + 10.0 * (t + 0.001)),
            ("gcra", &[("burst", 9.0), ("count", 10.0), ("period_s", 1.0)], &burst_and_rate),
            ("fixed_window", &[], &|t| 10.0 * ((t - 1e-9).max(0.0).floor() + 2.0)),
            ("sliding_counter", &[], &|t| 10.0 * (t.floor() + 2.0)),
            ("sliding_log", &[], &|t| 10.0 * ((t + 1e-9).floor() + 1.0)),
            // Each cycle may also use what the one before has left.
            ("atomic_limiter", &second, &|t| 10.0 * (t.floor() + 3.0)),
        ];
        for (key, set, promise) in promises {
            let passed = passes(key, set, &ops);
            for from in 0..passed.len() {
                let mut sum = 0.0;
                for to in from..passed.len() {
                    sum += f64::from(passed[to].1);
                    let t = passed[to].0.since(passed[from].0).seconds();
                    prop_assert!(sum <= promise(t) + 1e-6, "{key}: {sum} in {t} s");
                }
            }
        }
        // Guava: the last one in a stretch is paid for afterwards.
        let passed = passes("guava_bursty", &[], &ops);
        for from in 0..passed.len() {
            let mut sum = 0.0;
            for to in from + 1..passed.len() {
                sum += f64::from(passed[to - 1].1);
                let t = passed[to].0.since(passed[from].0).seconds();
                prop_assert!(sum <= 10.0 + 10.0 * (t + 1e-5), "guava: {sum} in {t} s");
            }
        }
    }

    /// While it is half open, a breaker lets through no more than its trials.
    #[test]
    fn breakers_keep_to_their_trials(
        ops in prop::collection::vec((any::<[u8; 2]>(), 0u64..2 * SECOND), 1..500),
    ) {
        let small = [("window", 5.0), ("minimum", 3.0), ("trials", 4.0), ("open_s", 1.0)];
        // Open for longer than any step, so that no spell of half open ends and begins unseen.
        let timers = [("open_s", 2.5), ("automatic", 1.0), ("half_open_s", 3.0)];
        let timed = [&small[..3], &timers[..]].concat();
        let quick = [("volume", 3.0), ("snapshot_ms", 100.0), ("sleep_ms", 1000.0)];
        for (key, set, most) in
            [("resilience4j", &small[..], 4), ("resilience4j", &timed, 4), ("hystrix", &quick, 1)]
        {
            let entry = find(key).expect("it is in the catalogue");
            let mut guard = make(key, &knobs::with(entry.knobs, set)).expect("it is a guard");
            let (mut now, rng) = (Time::ZERO, &mut Rng::from_seed(1));
            // Calls under way, with the spell of half open in which they passed.
            let (mut under_way, mut spell, mut trials) = (Vec::new(), 0, 0);
            for ([what, how], step) in &ops {
                now = now + Span::from_ns(step / (1 + u64::from(*how)));
                let half_open = |guard: &dyn Guard| guard.state(now).starts_with("half open");
                if !half_open(&*guard) {
                    (spell, trials) = (spell + 1, 0);
                }
                let open = guard.state(now).starts_with("open");
                let one = |calls: &mut Vec<_>| {
                    let place = usize::from(*how) % calls.len().max(1);
                    (place < calls.len()).then(|| calls.swap_remove(place))
                };
                // Most are let in, so that many from before are still under way.
                match what % 8 {
                    0..5 => {
                        let said = guard.admit(&Ask::at(now), rng, &mut Why::off());
                        let passes = said == Verdict::Pass;
                        trials += u32::from(passes);
                        if passes {
                            under_way.push((now, spell));
                        }
                        // Who passes while it is open makes it half open.
                        prop_assert!(!(open && passes) || half_open(&*guard));
                    }
                    5 => if let Some((since, its)) = one(&mut under_way) {
                        guard.withdrawn(&Withdrawn { since, ..Withdrawn::rejected(now) });
                        trials -= u32::from(its == spell && trials > 0);
                    }
                    _ => if let Some((since, _)) = one(&mut under_way) {
                        let ended = Ended::well(now, now.since(since));
                        guard.ended(&Ended { ok: how.is_multiple_of(3), ..ended }, rng);
                    }
                }
                let state = guard.state(now);
                let kept = trials <= most || !half_open(&*guard);
                prop_assert!(kept, "{key}: {trials} passed while {state}");
            }
        }
    }

    /// Under way is never more than the limit was when the last one passed; limits keep their
    /// bounds.
    #[test]
    fn limits_at_once_are_kept(
        ops in prop::collection::vec((any::<u8>(), 0u32..5, 0u64..SECOND), 1..300),
    ) {
        for key in ["bulkhead", "bulkhead_hystrix", "vegas", "gradient2", "aimd"] {
            let mut guard = make(key, Knobs::DEFAULTS).expect("it is a guard");
            let (rng, mut under_way) = (&mut Rng::from_seed(1), Vec::new());
            for &(what, cost, took) in &ops {
                let now = Time::ZERO;
                let taken: u32 = under_way.iter().map(|(cost, _)| cost).sum();
                prop_assert_eq!(guard.under_way(), taken);
                let (value, most) = guard.gauge(now);
                let fixed = key.starts_with("bulkhead");
                let limit = if fixed { most } else { value };
                if !what.is_multiple_of(3) {
                    let ask = Ask { cost, ..Ask::at(now) };
                    let passes = guard.admit(&ask, rng, &mut Why::off()) == Verdict::Pass;
                    prop_assert_eq!(passes, f64::from(taken + cost) <= limit.floor() || cost == 0);
                    if passes {
                        under_way.push((cost, guard.under_way()));
                    }
                } else if let Some((cost, among)) = under_way.pop() {
                    let dropped = what.is_multiple_of(2);
                    let well = Ended::well(now, Span::from_ns(took));
                    guard.ended(&Ended { dropped, cost, among, ..well }, rng);
                }
                let least = if key == "vegas" { 1.0 } else { 20.0 };
                prop_assert!(fixed || (least..=most).contains(&guard.gauge(now).0), "{}", key);
            }
        }
    }

    /// Over several times what it remembers, a retry passes exactly while what was paid in covers
    /// it. How long a request is remembered depends on when the slices of time end: nine tenths of
    /// the `ttl` at least, twice as long at most.
    #[test]
    fn retry_budgets_keep_to_their_share(
        ops in prop::collection::vec((any::<u8>(), 0u64..800), 1..400),
        reserve in 0u32..2,
    ) {
        let (ttl_ms, price) = (2000, 5000);
        let mut budget = FinagleBudget::new(2, reserve, 0.2);
        let (rng, mut ms) = (&mut Rng::from_seed(1), 0);
        let (mut paid, mut drawn) = (Vec::new(), Vec::new());
        let since = |times: &[u64], ms: u64, back: u64| {
            times.iter().filter(|then| **then + back > ms).count() as i64
        };
        for (what, step) in ops {
            ms += step / 8 * u64::from(what % 9);
            let now = Time::from_ns(ms * 1_000_000);
            let (sure, at_most) = (ttl_ms * 9 / 10, ttl_ms * 2);
            if what % 5 > 0 {
                budget.began(now);
                paid.push(ms);
            } else {
                let passes = budget.admit(&Ask::at(now), rng, &mut Why::off()) == Verdict::Pass;
                let reserve = i64::from(reserve) * 2 * price;
                let balance = |paid: i64, drawn: i64| paid * 1000 - drawn * price + reserve;
                let least = balance(since(&paid, ms, sure), since(&drawn, ms, at_most));
                let most = balance(since(&paid, ms, at_most), since(&drawn, ms, sure));
                prop_assert!(!passes || most >= price, "{most} at most, and it passes");
                prop_assert!(passes || least < price, "{least} at least, and it is refused");
                if passes {
                    drawn.push(ms);
                }
            }
            let (left, most) = budget.gauge(now);
            prop_assert!((0.0..=most).contains(&left), "{left} of {most}");
            prop_assert_eq!(budget.state(now), format!("{left} retries left"));
        }
    }

    /// Of what is under way at most a fifth, or three, are retries when one of them passes, and
    /// none is refused before that.
    #[test]
    fn a_fifth_of_what_is_under_way_may_be_retries(
        ops in prop::collection::vec((any::<u8>(), any::<u8>()), 1..400),
    ) {
        let mut budget = make("envoy_budget", Knobs::DEFAULTS).expect("it is a guard");
        let (rng, now, mut under_way) = (&mut Rng::from_seed(1), Time::ZERO, Vec::new());
        for (what, which) in ops {
            let retries = under_way.iter().filter(|retry| **retry).count();
            match what % 8 {
                0..3 => {
                    budget.began(now);
                    under_way.push(false);
                }
                3..6 => {
                    let passes = budget.admit(&Ask::at(now), rng, &mut Why::off()) == Verdict::Pass;
                    prop_assert_eq!(passes, retries < (under_way.len() / 5).max(3));
                    if passes {
                        under_way.push(true);
                    }
                }
                _ if under_way.is_empty() => {}
                _ => match under_way.swap_remove(usize::from(which) % under_way.len()) {
                    true if which.is_multiple_of(2) => budget.withdrawn(&Withdrawn::rejected(now)),
                    retry => {
                        let ok = which.is_multiple_of(3);
                        let ended = Ended::well(now, Span::ZERO);
                        budget.ended(&Ended { retry, ok, ..ended }, rng);
                    }
                }
            }
            prop_assert_eq!(budget.under_way() as usize, under_way.len());
            let retries = under_way.iter().filter(|retry| **retry).count();
            prop_assert_eq!(budget.gauge(now).0, retries as f64);
        }
    }
}

/// A limiter, its settings, and how many it lets through in so many seconds.
type Promise<'a> = (&'a str, &'a [(&'a str, f64)], &'a dyn Fn(f64) -> f64);

/// What passed, and when it acted: asked each after a step, with a cost.
fn passes(key: &str, set: &[(&str, f64)], ops: &[(u64, u32)]) -> Vec<(Time, u32)> {
    let entry = find(key).expect("it is in the catalogue");
    let mut guard = make(key, &knobs::with(entry.knobs, set)).expect("it is a guard");
    let (mut now, rng) = (Time::ZERO, &mut Rng::from_seed(1));
    let mut passed = Vec::new();
    for &(step, cost) in ops {
        now = now + Span::from_ns(step);
        match guard.admit(&Ask { cost, ..Ask::at(now) }, rng, &mut Why::off()) {
            Verdict::Pass => passed.push((now, cost)),
            Verdict::Delay(wait) => passed.push((now + wait, cost)),
            Verdict::Refuse(_) => {}
        }
    }
    passed
}

#[test]
fn the_catalogue_is_in_order() {
    for (place, entry) in CATALOGUE.iter().enumerate() {
        assert_eq!(
            entry.wire as usize, place,
            "{}: numbers are given once and in order",
            entry.key
        );
        assert_eq!(find(entry.key).map(|found| found.wire), Some(entry.wire), "{}", entry.key);
        for (place, knob) in entry.knobs.iter().enumerate() {
            let range = knob.min..=knob.max;
            assert!(range.contains(&knob.default), "{} {}", entry.key, knob.key);
            assert_eq!(knob.wire as usize, place, "{} {}", entry.key, knob.key);
        }
    }
}
