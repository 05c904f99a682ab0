//! Health as a protocol: nobody knows that a server died until a check failed or a request did.

mod common;

use common::{at_ms, fault, link, poisson, scenario, steady, the_balancer, the_server};
use switchyard::node::Value;
use switchyard::node::balancer::Detection;
use switchyard::scenario::build::{Run, build};
use switchyard::scenario::gallery::Preset;
use switchyard::scenario::{Fault, FaultKind, Scenario};
use switchyard::session::Session;
use switchyard::sim::sink::Full;
use switchyard::sim::{Reason, Silent, Span, Time};

fn number(n: f64) -> Value {
    Value::Number(n)
}

fn choice(key: &str) -> Value {
    Value::Choice(key.into())
}

/// Clients that send `rate` a second, a balancer in turns with these settings, three quick servers.
fn three(rate: f64, settings: &[(&str, Value)], faults: Vec<Fault>) -> Scenario {
    let mut nodes = vec![poisson("c", rate), common::balancer("lb", "round_robin")];
    nodes.extend(["s1", "s2", "s3"].map(|id| steady(id, 2.0)));
    for (key, value) in settings {
        nodes[1].kind.set(key, value.clone()).expect("allowed");
    }
    let mut links = vec![link("c", "lb", 1.0)];
    links.extend(["s1", "s2", "s3"].map(|id| link("lb", id, 1.0)));
    Scenario { faults, ..scenario(3, nodes, links) }
}

fn dies(at: u64, back: u64) -> Vec<Fault> {
    vec![fault(at, "s2", FaultKind::Crash), fault(back, "s2", FaultKind::Restart)]
}

fn run(scenario: &Scenario, ms: u64) -> Run {
    scenario.check().expect("a valid scenario");
    let mut run = build(scenario);
    run.run_until(at_ms(ms), u64::MAX, &mut Silent);
    run
}

fn refused(run: &Run) -> u64 {
    run.tally().failed[Reason::ConnectionRefused as usize]
}

fn ms(span: Span) -> f64 {
    span.millis()
}

/// How long a window was.
fn length(window: &Detection) -> Span {
    window.until.expect("it is over").since(window.from)
}

// ===== finding out =====

#[test]
fn an_oracle_notices_at_once_and_loses_only_what_was_on_its_way() {
    let run = run(&three(300.0, &[], dies(2_000, 9_000)), 8_000);
    let lb = the_balancer(&run, "lb");
    assert_eq!((lb.health().to_dead, lb.detections().len()), (0, 0));
    assert!(refused(&run) <= 2, "{} were on their way", refused(&run));
}

const CHECKS: [(&str, f64); 4] =
    [("check_interval", 400.0), ("check_timeout", 100.0), ("fall", 3.0), ("rise", 2.0)];

fn checking() -> Vec<(&'static str, Value)> {
    let numbers = CHECKS.map(|(key, n)| (key, number(n)));
    [("health", choice("checks"))].into_iter().chain(numbers).collect()
}

#[test]
fn checks_need_as_many_failures_as_they_were_told_and_what_is_lost_meanwhile_is_counted() {
    let scenario = three(300.0, &checking(), dies(2_000, 6_000));
    let run = run(&scenario, 9_000);
    let lb = the_balancer(&run, "lb");
    let windows = lb.detections();
    assert_eq!(windows.len(), 1, "{windows:?}");
    let window = &windows[0];
    assert_eq!((&*window.server, window.from), ("s2", at_ms(2_000)));
    // A check is refused after the round trip of 2 ms; the next comes 400 ms after that. The first
    // of three comes within 402 ms of the death.
    let took = ms(length(window));
    assert!((2.0 * 402.0..=3.0 * 402.0 + 2.0).contains(&took), "{took} ms");
    let expected = 100.0 * took / 1_000.0;
    assert!((window.lost as f64 - expected).abs() < 4.0 * expected.sqrt(), "{}", window.lost);
    assert_eq!(lb.health().to_dead, window.lost);
    // All of these were lost, and next to nothing else.
    assert!((window.lost..=window.lost + 2).contains(&refused(&run)));
    // It is used again after two good checks.
    let mut again = build(&scenario);
    again.run_until(at_ms(6_000), u64::MAX, &mut Silent);
    let before = the_server(&again, "s2").served().total();
    again.run_until(at_ms(6_390), u64::MAX, &mut Silent);
    assert_eq!(the_server(&again, "s2").served().total(), before, "one good check is not two");
    again.run_until(at_ms(6_900), u64::MAX, &mut Silent);
    assert!(the_server(&again, "s2").served().total() > before);
}

/// The next check begins an interval after the end of the last, and a dead server refuses it at
/// once: whenever it dies, that is within an interval and a round trip, on average in the middle. One
/// that stands still is found out a time limit later.
#[test]
fn detection_takes_half_an_interval_on_average_and_a_time_limit_more_for_who_says_nothing() {
    let mean = |kind: FaultKind| {
        let mut sum = 0.0;
        for seed in 0..200 {
            let settings = [
                ("health", choice("checks")),
                ("check_interval", number(1_000.0)),
                ("check_timeout", number(300.0)),
                ("fall", number(1.0)),
            ];
            let fault = vec![fault(5_000, "s2", kind)];
            let mut run = build(&Scenario { seed, ..three(1.0, &settings, fault) });
            // Until the balancer leaves it out.
            let found = loop {
                let (at, _) = run.step(at_ms(60_000), &mut Silent).expect("it is found out");
                let lb = the_balancer(&run, "lb");
                if at >= at_ms(5_000) && !lb.backends()[1].healthy {
                    break at.since(at_ms(5_000)).millis();
                }
            };
            let most = if kind == FaultKind::Crash { 1_004.0 } else { 1_304.0 };
            assert!((0.0..=most).contains(&found), "{kind:?} {seed}: {found} ms");
            sum += found;
        }
        sum / 200.0
    };
    // Uniform over an interval: the standard error of 200 is 20 ms.
    let (dies, stands) = (mean(FaultKind::Crash), mean(FaultKind::Pause));
    assert!((dies - 502.0).abs() < 80.0, "{dies}");
    assert!((stands - 802.0).abs() < 80.0, "{stands}");
}

#[test]
fn checks_are_no_traffic_and_a_mark_is_an_answer() {
    let mut scenario = three(30.0, &checking(), vec![]);
    scenario.nodes[3].kind.set("healthy", Value::Switch(false)).expect("a switch");
    let run = run(&scenario, 30_000);
    let lb = the_balancer(&run, "lb");
    assert!(lb.health().checks > 200, "{}", lb.health().checks);
    let served: u64 =
        ["s1", "s2", "s3"].map(|id| the_server(&run, id).served().total()).iter().sum();
    assert_eq!(served, run.tally().completed, "checks are not counted as requests");
    assert!(the_server(&run, "s2").arrived().total() < 20, "left out after three checks");
    assert!(run.conserved());
}

#[test]
fn a_server_that_is_overrun_fails_checks_although_it_runs() {
    let mut scenario = three(60.0, &checking(), vec![]);
    // 20 requests a second of 200 ms each, in a long line.
    scenario.nodes[3].kind.set("service", number(200.0)).expect("allowed");
    let run = run(&scenario, 20_000);
    let lb = the_balancer(&run, "lb");
    assert!(lb.health().bad_checks > 3);
    assert_eq!((lb.health().to_dead, lb.detections().len()), (0, 0), "nobody died");
    assert!(the_server(&run, "s2").arrived().total() < 300);
}

#[test]
fn passive_failures_cost_as_many_requests_as_it_takes_and_one_for_each_trial() {
    let settings =
        [("health", choice("passive")), ("out_after", number(3.0)), ("out_for", number(2.0))];
    let run = run(&three(300.0, &settings, dies(2_000, 9_000)), 8_900);
    let windows = the_balancer(&run, "lb").detections();
    // Three failures, and more that were out before the third came back; then one after each 2 s.
    assert!((3..=6).contains(&windows[0].lost), "{windows:?}");
    let trials: Vec<u64> = windows[1..].iter().map(|window| window.lost).collect();
    assert_eq!(trials, [1, 1, 1], "{windows:?}");
    assert_eq!(the_balancer(&run, "lb").health().checks, 0);
}

#[test]
fn outliers_go_out_after_errors_in_a_row_and_longer_each_time() {
    let settings = [
        ("health", choice("outliers")),
        ("out_after", number(5.0)),
        ("out_for", number(1.0)),
        ("check_interval", number(100.0)),
    ];
    let run = run(&three(300.0, &settings, dies(2_000, 60_000)), 20_000);
    let windows = the_balancer(&run, "lb").detections();
    let gaps: Vec<f64> = windows
        .windows(2)
        .map(|pair| pair[1].from.since(pair[0].until.expect("it ended")).seconds())
        .collect();
    assert!(gaps.len() >= 4, "{windows:?}");
    for (place, gap) in gaps.iter().enumerate() {
        let base = place as f64 + 1.0;
        // It ends at the first look after its time, and a look is every 100 ms.
        assert!((base..base + 0.11).contains(gap), "{gaps:?}");
    }
    assert!(windows.iter().all(|window| window.lost >= 5));
}

// ===== what follows =====

#[test]
fn below_the_threshold_all_are_used() {
    let down = |panic: f64| {
        let faults =
            vec![fault(1_000, "s1", FaultKind::Crash), fault(1_000, "s2", FaultKind::Crash)];
        let settings = [checking(), vec![("panic", number(panic))]].concat();
        let run = run(&three(300.0, &settings, faults), 10_000);
        (the_balancer(&run, "lb").panics(), refused(&run))
    };
    let (calm, few) = down(0.0);
    let (panics, many) = down(50.0);
    assert!(!calm && panics);
    assert!(many > 1_500 && few < 400, "a third of all are answered, {many} and {few} refused");
}

#[test]
fn draining_is_obeyed_at_once_however_health_is_found_out() {
    for health in ["mark", "checks", "passive", "outliers"] {
        for panic in [0.0, 100.0] {
            let settings = [("health", choice(health)), ("panic", number(panic))];
            let scenario = three(300.0, &settings, vec![fault(1_000, "s2", FaultKind::Drain)]);
            let mut run = build(&scenario);
            run.run_until(at_ms(1_000), u64::MAX, &mut Silent);
            let picks = the_balancer(&run, "lb").picks()[1];
            run.run_until(at_ms(3_000), u64::MAX, &mut Silent);
            assert_eq!(the_balancer(&run, "lb").picks()[1], picks, "{health}, {panic}");
            assert!(picks > 50 && run.tally().failures() == 0);
        }
    }
}

#[test]
fn a_server_that_comes_back_slowly_gets_a_growing_share() {
    let settings = [checking(), vec![("slow_start", number(4.0))]].concat();
    let scenario = three(600.0, &settings, dies(1_000, 4_000));
    let mut run = build(&scenario);
    let picks = |run: &mut Run, ms: u64| {
        run.run_until(at_ms(ms), u64::MAX, &mut Silent);
        the_balancer(run, "lb").picks()[1]
    };
    let mut back = 4_000;
    let before = picks(&mut run, back);
    while picks(&mut run, back) == before {
        back += 10;
    }
    let mut last = picks(&mut run, back);
    let mut shares = Vec::new();
    for second in 1..=5 {
        let now = picks(&mut run, back + second * 1_000);
        shares.push((now - last) as f64 / 200.0);
        last = now;
    }
    // A share of a third that grows from 0.1 to 1 in four seconds.
    for (share, expected) in shares.iter().zip([0.14, 0.375, 0.625, 0.875, 1.0]) {
        assert!((share - expected).abs() < 0.12, "{shares:?}");
    }
}

#[test]
fn a_circuit_breaker_for_each_server_leaves_out_only_the_one_that_fails() {
    let lost = |breaker: &str| {
        // Nobody is left out for failures: 1000 of them are not reached.
        let settings = [
            ("health", choice("passive")),
            ("out_after", number(1_000.0)),
            ("breaker", choice(breaker)),
            ("breaker_calls", number(20.0)),
        ];
        let run = run(&three(300.0, &settings, dies(2_000, 60_000)), 10_000);
        (refused(&run), the_balancer(&run, "lb").refused(), run.tally().completed)
    };
    let (all, _, _) = lost("none");
    assert!(all > 700, "{all}");
    for breaker in ["hystrix", "resilience4j"] {
        let (some, nobody, completed) = lost(breaker);
        assert!(some < all / 3, "{breaker}: {some} of {all}");
        assert_eq!(nobody, 0, "the other two are there");
        assert!(completed > 2_500);
    }
}

#[test]
fn when_every_limit_is_reached_the_reason_says_so() {
    let settings = [("at_once", choice("bulkhead")), ("at_once_most", number(1.0))];
    let mut scenario = three(300.0, &settings, vec![]);
    for node in &mut scenario.nodes[2..] {
        node.kind.set("service", number(50.0)).expect("allowed");
    }
    let mut run = build(&scenario);
    while run.now() < at_ms(5_000) {
        run.step(Time::MAX, &mut Silent);
        assert!(the_balancer(&run, "lb").backends().iter().all(|backend| backend.in_flight <= 1));
    }
    let shed = run.tally().failed[Reason::Shed as usize];
    assert!(shed > 1_000 && shed == the_balancer(&run, "lb").stopped());
    assert_eq!(run.tally().failures(), shed);
}

/// What a choice says about itself is what the balancer believed, not what was true.
#[test]
fn reasons_say_what_was_believed() {
    let mut run = build(&three(100.0, &checking(), dies(2_000, 9_000)));
    let mut full = Full::default();
    run.run_until(at_ms(4_000), u64::MAX, &mut full);
    let said = |from: u64, until: u64, words: &str| {
        let all = full
            .decisions
            .iter()
            .filter(|(_, decision)| decision.at > at_ms(from) && decision.at < at_ms(until));
        all.filter(|(_, decision)| decision.why.sentence.contains(words)).count()
    };
    assert!(said(2_000, 2_350, "s2 UP") > 0 && said(2_000, 2_350, "s2 DOWN") == 0);
    assert!(said(3_300, 4_000, "s2 DOWN") > 0 && said(3_300, 4_000, "s2 UP") == 0);
}

// ===== the built-in scenario =====

#[test]
fn the_built_in_scenario_shows_both_windows_and_the_session_has_them() {
    let preset = Preset::find("health-checks").expect("it is built in");
    let mut session = Session::new(preset.scenario()).expect("valid");
    session.advance(Span::from_millis(10_000), u64::MAX);
    let (active, passive) = (
        the_balancer(session.run(), "lba").detections(),
        the_balancer(session.run(), "lbb").detections(),
    );
    assert_eq!(active.len(), 1);
    assert!(passive.len() >= 2, "one for the death, one for each trial: {passive:?}");
    assert!(length(&active[0]) > length(&passive[0]) && active[0].lost > passive[0].lost);
    let window = switchyard::view::strip::Window::around(session.frontier(), session.scenario());
    let bands = switchyard::view::strip::detections(session.run(), window);
    assert_eq!(bands.len(), active.len() + passive.len());
    for band in &bands {
        assert!(band.left >= 0.0 && band.left + band.width <= 1.0 && band.width > 0.0, "{band:?}");
        assert!(band.words.contains("lost") || band.words.contains("s"), "{band:?}");
    }
}
