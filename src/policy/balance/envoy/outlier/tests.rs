//! Causes one after another, their bounds, and what is said about each.

use super::*;
use crate::sim::Rng;
use proptest::prelude::*;

fn at(seconds: u64) -> Time {
    Time::from_ns(seconds * 1_000_000_000)
}

fn detector(hosts: usize, settings: Settings) -> (Outlier, Rng) {
    let mut detector = Outlier::new(settings);
    (0..hosts).for_each(|_| detector.added());
    (detector, Rng::from_seed(1))
}

fn answer(detector: &mut Outlier, place: usize, reply: Reply, count: usize, now: Time) -> bool {
    let mut rng = Rng::from_seed(1);
    let mut answer = || detector.answered(place, reply, now, &mut rng, &mut Why::off());
    (0..count).fold(false, |out, _| answer() || out)
}

#[test]
fn five_in_a_row_eject_for_thirty_seconds_and_then_for_longer() {
    let (mut detector, mut rng) = detector(4, Settings::ENVOY);
    assert!(!answer(&mut detector, 0, Reply::Error, 4, at(0)));
    assert!(!answer(&mut detector, 0, Reply::Fine, 1, at(0)));
    assert!(!answer(&mut detector, 0, Reply::Error, 4, at(1)));
    assert!(answer(&mut detector, 0, Reply::Error, 1, at(2)));
    let cause = Cause::Consecutive5xx;
    let first = Ejection { since: at(2), until: at(32), cause };
    assert_eq!(detector.ejection(0), Some(first));
    // It ends at the first interval after it is over.
    for tick in [10, 20, 30] {
        detector.interval(at(tick), &mut rng, &mut Why::off());
        assert_eq!(detector.ejected(), 1);
    }
    detector.interval(at(40), &mut rng, &mut Why::off());
    assert_eq!(detector.ejection(0), None);
    answer(&mut detector, 0, Reply::Error, 5, at(41));
    assert_eq!(detector.ejection(0), Some(Ejection { since: at(41), until: at(101), cause }));
    // Every interval in service takes one step back.
    for tick in 10..20 {
        detector.interval(at(tick * 10 + 1), &mut rng, &mut Why::off());
    }
    answer(&mut detector, 0, Reply::Error, 5, at(200));
    assert_eq!(detector.ejection(0).map(|ejection| ejection.until), Some(at(230)));
}

#[test]
fn no_ejection_is_longer_than_the_longest() {
    let (mut detector, mut rng) = detector(1, Settings::ENVOY);
    let mut now = 0;
    let mut lengths = Vec::new();
    for _ in 0..13 {
        answer(&mut detector, 0, Reply::Error, 5, at(now));
        let until = detector.ejection(0).expect("it is out").until;
        lengths.push(until.since(at(now)).ns() / 1_000_000_000);
        now += lengths[lengths.len() - 1];
        detector.interval(at(now), &mut rng, &mut Why::off());
    }
    assert_eq!(lengths, [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300, 300]);
}

/// 10 %: of 20 hosts two, of 4 hosts one, because the share is looked at before.
#[test]
fn only_so_many_are_out_at_once() {
    for (hosts, most) in [(1, 1), (4, 1), (10, 1), (11, 2), (20, 2)] {
        let (mut detector, _) = detector(hosts, Settings::ENVOY);
        for place in 0..hosts {
            answer(&mut detector, place, Reply::Error, 5, at(0));
        }
        assert_eq!(detector.ejected(), most, "of {hosts}");
        detector.removed(0);
        assert_eq!(detector.ejected(), most - 1, "of {hosts}");
    }
}

#[test]
fn a_rate_far_below_the_others_ejects() {
    let (mut detector, mut rng) = detector(5, Settings::ENVOY);
    for place in 0..5 {
        for n in 0..100 {
            let bad = place == 0 && n % 2 == 0;
            let reply = if bad { Reply::Error } else { Reply::Fine };
            answer(&mut detector, place, reply, 1, at(n));
        }
    }
    let mut why = Why::on();
    detector.interval(at(100), &mut rng, &mut why);
    let out = detector.ejection(0).expect("it is out");
    assert_eq!((out.cause, out.until, detector.ejected()), (Cause::SuccessRate, at(130), 1));
    let words = "Success rates: the mean is 90 %, the standard deviation 20; who is below \
                 90 − 1.9 × 20 = 52 is to be ejected. Failures: who fails in 85 % or more is to be \
                 ejected.";
    assert_eq!(why.sentence, words);
    assert_eq!(why.lines[0].numbers, "50 % of 100 answered well, below 52: out for 30.0 s");
    assert_eq!(why.lines[1].numbers, "100 % of 100 answered well, not below 52");
    assert_eq!(why.lines[5].numbers, "50 % of 100 failed, but it is out already");
    assert_eq!(why.lines[6].numbers, "0 % of 100 failed, not at or above 85");
    let chosen: Vec<bool> = why.lines.iter().map(|line| line.chosen).collect();
    assert_eq!((chosen.len(), chosen.iter().filter(|out| **out).count()), (10, 1));
    assert!(chosen[0]);
}

/// An interval in which each host answered so many of a hundred badly.
fn interval(settings: Settings, bad: &[usize]) -> (Outlier, Why) {
    let (mut detector, mut rng) = detector(bad.len(), settings);
    for (place, bad) in bad.iter().enumerate() {
        answer(&mut detector, place, Reply::Error, *bad, at(0));
        answer(&mut detector, place, Reply::Fine, 100 - bad, at(0));
    }
    let mut why = Why::on();
    detector.interval(at(10), &mut rng, &mut why);
    (detector, why)
}

#[test]
fn says_why_nobody_is_out() {
    let never_in_a_row = Settings { consecutive_5xx: 1000, ..Settings::ENVOY };
    // All alike: the bound is the mean itself.
    let (detector, why) = interval(never_in_a_row.clone(), &[0; 5]);
    assert_eq!(detector.ejected(), 0);
    assert!(why.sentence.contains("below 100 − 1.9 × 0 = 100 is to be ejected."));
    assert_eq!(why.lines[4].numbers, "100 % of 100 answered well, not below 100");
    // Too many out: of ten hosts one is a tenth.
    let (detector, why) = interval(never_in_a_row.clone(), &[100, 100, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(detector.ejected(), 1);
    let room = "it stays, because 1 of 10 hosts are out, which is not below 10 %";
    assert_eq!(why.lines[1].numbers, format!("0 % of 100 answered well, below 4: {room}"));
    // Failures are not enforced, so whatever is drawn is not below 0; host 2 is not out.
    assert_eq!(why.lines[10].numbers, "100 % of 100 failed, but it is out already");
    assert_eq!(why.lines[11].numbers, format!("100 % of 100 failed, at or above 85: {room}"));
    let all = Settings { max_ejection_percent: 100, ..never_in_a_row };
    let (_, why) = interval(Settings { enforcing_success_rate: 0, ..all }, &[100, 0, 0, 0, 0]);
    for (place, start) in [(0, "0 % of 100 answered well, below"), (5, "100 % of 100 failed, at")] {
        let numbers = &why.lines[place].numbers;
        assert!(numbers.starts_with(start), "{numbers}");
        assert!(numbers.ends_with("was drawn, which is not below 0"), "{numbers}");
    }
    // Too few to compare.
    let (_, why) = interval(Settings::ENVOY, &[0; 4]);
    assert!(why.lines.is_empty());
    let words = "Success rates: 4 hosts had 100 requests or more, and it takes 5 of them. \
                 Failures: 4 hosts had 50 requests or more, and it takes 5 of them.";
    assert_eq!(why.sentence, words);
}

#[test]
fn says_what_an_answer_did() {
    let (mut detector, mut rng) = detector(2, Settings::ENVOY);
    let mut said = |detector: &mut Outlier, place: usize, reply: Reply| {
        let mut why = Why::on();
        let out = detector.answered(place, reply, at(1), &mut rng, &mut why);
        assert_eq!(why.lines[0].chosen, out);
        format!("{}: {}", why.lines[0].numbers, why.sentence)
    };
    let count = |bad: u32, gateway: u32| {
        format!("{bad} bad answers in a row, {gateway} gateway failures in a row")
    };
    let first = said(&mut detector, 0, Reply::GatewayFailure);
    let takes = "It takes 5 bad answers in a row or 5 gateway failures in a row to eject it.";
    assert_eq!(first, format!("{}: {takes}", count(1, 1)));
    let good = said(&mut detector, 0, Reply::Fine);
    assert_eq!(good, format!("{}: A good answer: the counts begin anew.", count(0, 0)));
    (0..4).for_each(|_| drop(said(&mut detector, 0, Reply::Error)));
    let out = said(&mut detector, 0, Reply::Error);
    assert_eq!(out, format!("{}: That is 5 bad answers in a row: out for 30.0 s.", count(5, 0)));
    let more = said(&mut detector, 0, Reply::Error);
    let only = "It is out already; its bad answers only count.";
    assert_eq!(more, format!("{}: {only}", count(1, 0)));
    // One of two is out, and gateway failures are not enforced: both bounds at once, for nothing.
    (0..4).for_each(|_| drop(said(&mut detector, 1, Reply::GatewayFailure)));
    let both = said(&mut detector, 1, Reply::GatewayFailure);
    let room = "it stays, because 1 of 2 hosts are out, which is not below 10 %";
    let bounds = ["gateway failures", "bad answers"];
    let words = bounds.map(|what| format!("That is 5 {what} in a row: {room}.")).join(" ");
    assert_eq!(both, format!("{}: {words}", count(5, 5)));
    let mut why = Why::on();
    detector.interval(at(40), &mut rng, &mut why);
    assert!(why.sentence.starts_with("Host 1 is back: its time was over at 31.000 s. Success"));
}

#[test]
fn gateway_failures_and_percentages_eject_only_when_enforced() {
    let enforced = Settings {
        consecutive_5xx: 1000,
        enforcing_consecutive_gateway_failure: 100,
        enforcing_failure_percentage: 100,
        enforcing_success_rate: 0,
        max_ejection_percent: 100,
        ..Settings::ENVOY
    };
    for (settings, expected) in [
        (enforced.clone(), Some(Cause::ConsecutiveGatewayFailure)),
        (Settings { enforcing_consecutive_gateway_failure: 0, ..enforced }, None),
    ] {
        let (mut detector, mut rng) = detector(5, settings);
        answer(&mut detector, 0, Reply::GatewayFailure, 4, at(0));
        answer(&mut detector, 0, Reply::Error, 1, at(0));
        answer(&mut detector, 0, Reply::GatewayFailure, 4, at(0));
        assert_eq!(detector.ejected(), 0);
        answer(&mut detector, 0, Reply::GatewayFailure, 1, at(0));
        assert_eq!(detector.ejection(0).map(|out| out.cause), expected);
        (1..5).for_each(|place| {
            answer(&mut detector, place, Reply::Error, 49, at(1));
            answer(&mut detector, place, Reply::Fine, 1, at(1));
        });
        answer(&mut detector, 0, Reply::Error, 50, at(1));
        detector.interval(at(10), &mut rng, &mut Why::off());
        let causes = (0..5).filter_map(|place| detector.ejection(place)).map(|out| out.cause);
        let by_percentage = causes.filter(|cause| *cause == Cause::FailurePercentage).count();
        // With one out already only four have enough requests, fewer than the five it takes.
        assert_eq!(by_percentage, if expected.is_some() { 0 } else { 5 });
    }
}

proptest! {
    #[test]
    fn whatever_comes_the_count_is_right(
        hosts in 0usize..6,
        steps in prop::collection::vec((0u8..6, 0usize..7, any::<u64>()), 0..200),
    ) {
        let (mut detector, mut rng) = detector(hosts, Settings {
            consecutive_5xx: 2, success_rate_request_volume: 2, ..Settings::ENVOY
        });
        for (what, place, now) in steps {
            let now = Time::from_ns(now);
            let mut why = Why::on();
            match what {
                0 => {
                    detector.interval(now, &mut rng, &mut why);
                    prop_assert!(!why.sentence.is_empty());
                }
                1 => detector.added(),
                2 => detector.removed(place),
                3 => { detector.answered(place, Reply::Fine, now, &mut rng, &mut why); }
                4 => { detector.answered(place, Reply::GatewayFailure, now, &mut rng, &mut why); }
                _ => { detector.answered(place, Reply::Error, now, &mut rng, &mut why); }
            }
            let out = (0..detector.hosts.len()).filter(|&n| detector.ejection(n).is_some());
            prop_assert_eq!(out.count(), detector.ejected());
        }
    }
}
