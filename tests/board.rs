//! A board: its readings against what is known, when alerts fire and clear, and that it changes
//! nothing by looking.

mod common;

use common::{at_ms, board, fault, link, scenario, steady, the_board, trio};
use switchyard::node::board::{Change, State};
use switchyard::node::{Arrivals, ClientsConfig, Value};
use switchyard::scenario::build::build;
use switchyard::scenario::gallery::Preset;
use switchyard::scenario::{FaultKind, NodeSpec, Scenario};
use switchyard::session::{Command, Session};
use switchyard::sim::{Silent, Span, Time};

fn even(id: &str, rate: f64) -> NodeSpec {
    let config = ClientsConfig { rate, arrivals: Arrivals::Constant, ..ClientsConfig::default() };
    common::clients(id, config)
}

/// Evenly spaced clients, one server of 10 ms behind wires of 5 ms, and a board.
fn simple(rate: f64, rules: &str, window_ms: f64) -> Scenario {
    let nodes = vec![even("c", rate), steady("s", 10.0), board("b", rules, window_ms)];
    scenario(3, nodes, vec![link("c", "s", 5.0)])
}

fn log(session: &Session) -> Vec<Change> {
    the_board(session.run(), "b").log().cloned().collect()
}

fn advance(session: &mut Session, ms: u64) {
    assert!(session.advance(Span::from_millis(ms), u64::MAX).reached);
}

#[test]
fn readings_are_what_is_known_of_steady_traffic() {
    let mut session = Session::new(simple(50.0, "saturation of s > 10%", 2_000.0)).expect("valid");
    advance(&mut session, 10_050);
    let node = the_board(session.run(), "b");
    let readings = node.readings();
    assert!((readings.rate.expect("a rate") - 50.0).abs() < 0.6, "{readings:?}");
    assert_eq!(readings.errors, Some(0.0));
    for ms in [readings.p50, readings.p99] {
        let ms = ms.expect("answers");
        assert!((20.0..20.4).contains(&ms), "{ms}");
    }
    // Busy for 10 of every 20 ms; at whole tenths always or never, which sampling cannot help.
    let value = node.alerts()[0].value.expect("it has cores");
    assert!(value == 0.0 || value == 1.0 || (value - 0.5).abs() < 0.2, "{value}");
    // Poisson arrivals see time averages.
    let mut random = simple(50.0, "saturation of s > 10%", 60_000.0);
    random.nodes[0] = common::poisson("c", 50.0);
    let mut session = Session::new(random).expect("valid");
    advance(&mut session, 60_000);
    let value = the_board(session.run(), "b").alerts()[0].value.expect("it has cores");
    assert!((value - 0.5).abs() < 0.06, "{value}");
}

#[test]
fn an_alert_is_pending_for_as_long_as_its_rule_says_and_clears() {
    let mut scenario = simple(50.0, "errors > 50% for 2s; errors > 50%; rate > 1000/s", 1_000.0);
    scenario.faults =
        vec![fault(3_000, "s", FaultKind::Crash), fault(8_000, "s", FaultKind::Restart)];
    let mut session = Session::new(scenario).expect("valid");
    advance(&mut session, 4_000);
    let states: Vec<State> =
        the_board(session.run(), "b").alerts().iter().map(|a| a.state).collect();
    let State::Pending { since } = states[0] else { panic!("{states:?}") };
    assert_eq!((states[1], states[2]), (State::Firing { since }, State::Fine));
    // Within the window of a second, half of it failed.
    assert!(since >= at_ms(3_400) && since <= at_ms(3_700), "{since:?}");
    advance(&mut session, 10_000);
    let all = log(&session);
    let told: Vec<_> = all.iter().map(|c| (c.rule.as_str(), c.fired)).collect();
    let (slow, quick) = ("errors > 50% for 2s", "errors > 50%");
    assert_eq!(told, [(quick, true), (slow, true), (slow, false), (quick, false)]);
    assert_eq!(all[1].at, since + Span::from_millis(2_000));
    assert_eq!(all[2].at, all[3].at);
    assert!(all[2].at > at_ms(8_300) && all[2].at < at_ms(8_800), "{all:?}");
    let node = the_board(session.run(), "b");
    assert_eq!((node.fired(), node.cleared()), (2, 2));
    let seconds = node.firing().area(session.run().now()) as f64 / 1e9;
    let expected: f64 = [(0, 3), (1, 2)]
        .map(|(from, to): (usize, usize)| all[to].at.since(all[from].at).seconds())
        .iter()
        .sum();
    assert!((seconds - expected).abs() < 1e-9);
}

/// Same scenario, same alerts; also after going back and running on again.
#[test]
fn alerts_are_the_same_after_seeking_back() {
    let mut watched = trio(5, 110.0);
    let rules = "errors > 5% for 300ms; p95 > 200ms; saturation of s2 > 80% for 500ms";
    watched.nodes.push(board("b", rules, 1_000.0));
    watched.faults =
        vec![fault(2_000, "s1", FaultKind::Crash), fault(4_000, "s1", FaultKind::Restart)];
    let mut session = Session::new(watched.clone()).expect("valid");
    advance(&mut session, 9_000);
    let (first, report) = (log(&session), session.report());
    assert!(first.len() > 3, "{first:?}");
    for ms in [6_543, 2_100, 50] {
        session.seek(at_ms(ms));
        assert!(log(&session).iter().all(|change| change.at <= at_ms(ms)));
        session.seek(at_ms(9_000));
        assert_eq!((log(&session), session.report()), (first.clone(), report.clone()));
    }
    let mut again = build(&watched);
    assert!(again.run_until(at_ms(9_000), u64::MAX, &mut Silent).reached);
    assert_eq!(the_board(&again, "b").log().cloned().collect::<Vec<_>>(), first);
}

#[test]
fn a_board_changes_nothing_for_the_others() {
    let plain = trio(5, 110.0);
    let mut watched = plain.clone();
    watched.nodes.push(board("b", "p99 > 1ms; saturation of s1 > 1%", 500.0));
    watched.nodes.push(board("b2", "", 60_000.0));
    let [mut alone, mut seen] = [plain, watched].map(|s| Session::new(s).expect("valid"));
    for session in [&mut alone, &mut seen] {
        advance(session, 7_777);
    }
    assert_eq!(alone.run().tally(), seen.run().tally());
    assert_eq!(alone.report().nodes, seen.report().nodes[..5]);
}

#[test]
fn two_boards_see_the_same() {
    let mut scenario = simple(70.0, "errors > 1%", 1_000.0);
    scenario.nodes.push(board("b2", "errors > 1%", 1_000.0));
    scenario.faults = vec![fault(3_000, "s", FaultKind::Crash)];
    let mut run = build(&scenario);
    for ms in (250..6_000).step_by(250) {
        assert!(run.run_until(at_ms(ms), u64::MAX, &mut Silent).reached);
        assert_eq!(the_board(&run, "b").readings(), the_board(&run, "b2").readings());
        assert_eq!(the_board(&run, "b").alerts(), the_board(&run, "b2").alerts());
    }
}

#[test]
fn when_nothing_goes_on_a_board_comes_to_rest_and_begins_again() {
    let mut scenario = simple(0.0, "rate < 1/s for 2s", 1_000.0);
    scenario.nodes[0] = common::one_by_one("c", 5);
    let mut run = build(&scenario);
    while run.step(Time::MAX, &mut Silent).is_some() {
        assert!(run.events() < 1_000, "it does not come to rest");
    }
    // Before that it had the time to see that nothing comes.
    assert_eq!(the_board(&run, "b").fired(), 1);

    let mut session = Session::new(scenario).expect("valid");
    advance(&mut session, 20_000);
    let more = Command::Set("c".into(), "total".into(), Value::Number(0.0));
    session.apply(more, 0).expect("allowed");
    advance(&mut session, 1_000);
    assert!(the_board(session.run(), "b").readings().rate.is_some_and(|rate| rate > 10.0));
    assert_eq!(the_board(session.run(), "b").cleared(), 1);
}

#[test]
fn a_board_that_is_down_sees_nothing_and_begins_anew() {
    let mut scenario = simple(50.0, "rate > 1/s", 1_000.0);
    scenario.faults =
        vec![fault(2_050, "b", FaultKind::Crash), fault(4_050, "b", FaultKind::Restart)];
    let mut session = Session::new(scenario).expect("valid");
    advance(&mut session, 3_000);
    let node = the_board(session.run(), "b");
    assert_eq!((node.alerts()[0].state, node.readings().rate), (State::Fine, None));
    advance(&mut session, 2_000);
    let node = the_board(session.run(), "b");
    // What was made while it was down is not counted as made at once.
    assert!(node.readings().rate.is_some_and(|rate| (rate - 50.0).abs() < 2.0));
    assert_eq!(node.fired(), 2);
}

#[test]
fn a_wrong_rule_is_refused_with_its_place() {
    let mut session = Session::new(simple(50.0, "", 1_000.0)).expect("valid");
    let wrong = Command::Set("b".into(), "rules".into(), Value::Text("errors > 5".into()));
    let refusal = session.apply(wrong, 0).expect_err("it is wrong").to_string();
    assert!(refusal.ends_with("at 11: expected %"), "{refusal}");
    let wire = Command::AddLink(1, link("c", "b", 1.0));
    let refusal = session.apply(wire, 0).expect_err("it has no wires").to_string();
    assert!(refusal.contains("watches everything without a wire"), "{refusal}");
}

/// The built-in scenario: nobody is alarmed before the crash, the errors come some seconds after it,
/// and all is clear again some seconds after the restart.
#[test]
fn the_built_in_scenario_tells_its_story() {
    let preset = Preset::find("alerts").expect("it is built in");
    let mut session = Session::new(preset.scenario()).expect("valid");
    advance(&mut session, 12_000);
    let node = the_board(session.run(), "board");
    let all: Vec<(f64, &str, bool)> =
        node.log().map(|c| (c.at.seconds(), c.rule.as_str(), c.fired)).collect();
    let when = |rule: &str, fired: bool| {
        let found = all.iter().find(|(_, r, f)| r.starts_with(rule) && *f == fired);
        found.map(|(at, ..)| *at).unwrap_or_else(|| panic!("{rule} {fired}: {all:?}"))
    };
    assert!(all[0].0 > 2.0, "{all:?}");
    let (saturation, errors) = (when("saturation", true), when("errors", true));
    assert!(saturation < errors && errors > 4.0 && errors < 7.0, "{all:?}");
    assert!(when("errors", false) > 7.0 && node.firing().value() == 0, "{all:?}");
}

/// A queue with a limit and a balancer that lets requests wait are as busy as their waiting places
/// are taken; a cache that is full is not busy.
#[test]
fn places_to_wait_are_watched_and_a_full_cache_is_no_alarm() {
    use switchyard::node::{CacheConfig, Value};
    let mut nodes = vec![
        common::poisson("c", 200.0),
        common::balancer("lb", "round_robin"),
        common::steady("s", 50.0),
        common::poisson("c2", 200.0),
        common::cache("k", CacheConfig { capacity: 5, ..CacheConfig::default() }),
        common::database("db", Default::default()),
    ];
    for (key, n) in [("connections", 1.0), ("queue", 10.0)] {
        nodes[1].kind.set(key, Value::Number(n)).expect(key);
    }
    let links = vec![
        common::link("c", "lb", 1.0),
        common::link("lb", "s", 1.0),
        common::link("c2", "k", 1.0),
        common::link("k", "db", 1.0),
    ];
    let mut run = switchyard::scenario::build::build(&common::scenario(2, nodes, links));
    run.run_until(common::at_ms(3_000), u64::MAX, &mut switchyard::sim::Silent);
    let busy = |id: &str| {
        let number = run.find(id).expect("it is there");
        run.nodes()[usize::from(number.0)].busy_share(run.now())
    };
    assert!(busy("lb").is_some_and(|share| share > 0.8), "{:?}", busy("lb"));
    assert_eq!((busy("k"), busy("c")), (None, None));
}
