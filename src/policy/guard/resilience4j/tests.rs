//! The breaker's states one after another, and what each of its settings changes.

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
        let took = Span::from_millis(500);
        let ended = if ok { Ended::well(at(ms), took) } else { Ended::badly(at(ms), took) };
        self.0.ended(&ended, &mut self.1);
    }

    fn state(&self, ms: u64) -> String {
        self.0.state(at(ms))
    }
}

const SMALL: [(&str, f64); 4] =
    [("window", 4.0), ("minimum", 2.0), ("trials", 3.0), ("open_s", 1.0)];

#[test]
fn closed_open_half_open_closed() {
    let mut bench = Bench::new(&SMALL);
    bench.end(0, false);
    assert_eq!(bench.state(0), "closed, 1 failed and 0 slow of 1 calls, 2 needed");
    bench.end(0, true);
    assert_eq!(bench.state(0), "open until 1.000 s", "one of two is 50 %");
    assert!(!bench.ask(1000), "not yet: it must be more than a second");
    let passed = (0..9).filter(|_| bench.ask(1001)).count();
    assert_eq!((passed, bench.state(1001).as_str()), (3, "half open, 0 trials left"));
    bench.end(1002, true);
    bench.end(1002, true);
    let empty = "closed, 0 failed and 0 slow of 0 calls, 2 needed";
    assert_eq!(bench.state(1002), empty, "two are enough, because the minimum is two");
}

#[test]
fn a_bad_trial_opens_it_again_and_a_withdrawn_one_is_given_back() {
    let mut bench = Bench::new(&SMALL);
    bench.end(0, false);
    bench.end(0, false);
    assert!(bench.ask(1001) && bench.ask(1001) && bench.ask(1001) && !bench.ask(1001));
    bench.0.withdrawn(&Withdrawn::rejected(at(1001)));
    assert!(bench.ask(1001) && !bench.ask(1001));
    bench.end(1002, true);
    bench.end(1003, false);
    assert_eq!(bench.state(1003), "open until 2.003 s");
}

#[test]
fn only_a_trial_of_this_spell_gives_its_place_back() {
    let mut bench = Bench::new(&SMALL);
    assert!(bench.ask(0));
    bench.end(0, false);
    bench.end(0, false);
    assert!((0..3).all(|_| bench.ask(1001)) && !bench.ask(1001));
    bench.0.withdrawn(&Withdrawn::given_up(at(1002), at(0)));
    assert_eq!(bench.state(1002), "half open, 0 trials left", "it passed while it was closed");
    bench.end(1003, false);
    bench.end(1003, false);
    assert!((0..3).all(|_| bench.ask(2004)));
    bench.0.withdrawn(&Withdrawn::given_up(at(2005), at(1001)));
    assert_eq!(bench.state(2005), "half open, 0 trials left", "it was a trial of the first spell");
    bench.0.withdrawn(&Withdrawn::given_up(at(2005), at(2004)));
    assert_eq!(bench.state(2005), "half open, 1 trials left");
}

#[test]
fn reasons_count_what_is_in_the_window_now() {
    let mut bench = Bench::new(&[("window", 2.0), ("minimum", 5.0), ("by_time", 1.0)]);
    bench.end(500, false);
    let mut numbers = |ms: u64| {
        let mut why = Why::on();
        bench.0.admit(&Ask::at(at(ms)), &mut bench.1, &mut why);
        why.lines.remove(0).numbers
    };
    assert_eq!(numbers(1999), "1 failed and 0 slow of 1 calls, 5 needed");
    assert_eq!(numbers(2000), "0 failed and 0 slow of 0 calls, 5 needed");
}

#[test]
fn a_window_of_calls_forgets_calls_and_one_of_seconds_forgets_seconds() {
    let calls = [("window", 3.0), ("minimum", 3.0)];
    let mut bench = Bench::new(&calls);
    [true, false, true, true].iter().for_each(|ok| bench.end(0, *ok));
    assert_eq!(bench.state(0), "closed, 1 failed and 0 slow of 3 calls, 3 needed");
    bench.end(0, true);
    assert_eq!(bench.state(0), "closed, 0 failed and 0 slow of 3 calls, 3 needed");

    let mut bench = Bench::new(&[("window", 2.0), ("minimum", 5.0), ("by_time", 1.0)]);
    bench.end(500, false);
    bench.end(1500, true);
    assert_eq!(bench.state(1999), "closed, 1 failed and 0 slow of 2 calls, 5 needed");
    assert_eq!(bench.state(2000), "closed, 0 failed and 0 slow of 1 calls, 5 needed");
}

#[test]
fn rates_and_what_is_slow() {
    let opened = |set: &[(&str, f64)], ends: &[bool]| {
        let all = [&SMALL[..], set].concat();
        let mut bench = Bench::new(&all);
        ends.iter().for_each(|ok| bench.end(0, *ok));
        !bench.ask(1)
    };
    assert!(opened(&[], &[true, false]));
    assert!(!opened(&[("failure_rate", 51.0)], &[true, false]));
    assert!(!opened(&[], &[true, true]));
    assert!(opened(&[("slow_s", 0.499)], &[true, true]), "all took half a second");
    assert!(!opened(&[("slow_s", 0.5)], &[true, true]), "which is not longer than that");
    assert!(opened(&[("slow_s", 0.499), ("slow_rate", 50.0), ("minimum", 1.0)], &[true]));
}

#[test]
fn timers_and_modes() {
    let open = |set: &[(&str, f64)]| {
        let all = [&SMALL[..], set].concat();
        let mut bench = Bench::new(&all);
        bench.end(0, false);
        bench.end(0, false);
        bench
    };
    assert_eq!(open(&[("automatic", 1.0)]).state(1000), "half open, 3 trials left");
    assert_eq!(open(&[]).state(1000), "open until 1.000 s");
    let both = [("automatic", 1.0), ("half_open_s", 2.0)];
    assert_eq!(open(&both).state(2999), "half open, 3 trials left");
    assert_eq!(open(&both).state(3000), "open until 4.000 s");
    assert_eq!(open(&both).state(3_000_000), "open until 3001.000 s");
    assert_eq!(open(&[("mode", 1.0)]).state(0), "disabled");
    let metrics = "metrics only, 2 failed and 0 slow of 2 calls, 2 needed";
    assert_eq!(open(&[("mode", 3.0)]).state(0), metrics);
    assert!(open(&[("mode", 1.0)]).ask(0) && open(&[("mode", 3.0)]).ask(0));
    assert!(!Bench::new(&[("mode", 2.0)]).ask(0));
}
