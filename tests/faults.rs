//! What the plan can do to nodes and wires: each does what it says, loses what it must and nothing
//! else, and is there again, to the nanosecond, when the run is gone through once more.

mod common;

use common::{at_ms, fault, link, one_by_one, poisson, scenario, send, steady, wire_fault};
use switchyard::node::{AnyNode, CacheConfig, Kind, ServerConfig, Service, Value};
use switchyard::scenario::build::{Run, build};
use switchyard::scenario::gallery::Preset;
use switchyard::scenario::{Fault, FaultKind, Scenario, Target};
use switchyard::session::{Command, Session};
use switchyard::sim::sink::Full;
use switchyard::sim::{Outcome, Reason, Silent, Span, Time};

/// Clients of this rate before one server of this service time, wires of 1 ms.
fn pair(rate: f64, service_ms: f64, faults: Vec<Fault>) -> Scenario {
    let nodes = vec![poisson("c", rate), steady("s", service_ms)];
    Scenario { faults, ..scenario(3, nodes, vec![link("c", "s", 1.0)]) }
}

fn run(scenario: &Scenario, ms: u64) -> Run {
    scenario.check().expect("a valid scenario");
    let mut run = build(scenario);
    run.run_until(at_ms(ms), u64::MAX, &mut Silent);
    assert!(run.conserved());
    run
}

fn failed(run: &Run, reason: Reason) -> u64 {
    run.tally().failed[reason as usize]
}

/// When each of the single requests of a scenario ended, in ms, with its reason if it failed.
fn ends(scenario: &Scenario, until_ms: u64) -> Vec<(f64, Option<Reason>)> {
    scenario.check().expect("a valid scenario");
    let mut run = build(scenario);
    let mut sink = Full::default();
    run.run_until(at_ms(until_ms), u64::MAX, &mut sink);
    let mut ended: Vec<_> = sink.finished.iter().collect();
    ended.sort_by_key(|(_, request)| request.id);
    let failure = |outcome| match outcome {
        Outcome::Failed(reason, _) => Some(reason),
        _ => None,
    };
    ended.iter().map(|(at, request)| (at.seconds() * 1e3, failure(request.outcome))).collect()
}

// ===== errors =====

#[test]
fn of_a_hundred_requests_so_many_get_an_error_and_nobody_elses_draws_change() {
    let plain = run(&pair(500.0, 0.1, vec![]), 60_000);
    let faults =
        vec![fault(10_000, "s", FaultKind::Errors(30)), fault(50_000, "s", FaultKind::Errors(0))];
    let ill = run(&pair(500.0, 0.1, faults), 60_000);
    assert_eq!(plain.tally().sent, ill.tally().sent, "arrivals are drawn by themselves");
    let errors = failed(&ill, Reason::Errored) as f64;
    // 20,000 requests at 30 %: four standard errors are 260.
    assert!((errors - 6_000.0).abs() < 260.0 + 4.0 * 40.0, "{errors}");
    assert_eq!(ill.tally().failures(), errors as u64, "they fail of nothing else");
    let all = run(&pair(500.0, 0.1, vec![fault(0, "s", FaultKind::Errors(100))]), 1_000);
    assert_eq!(all.tally().completed, 0);
}

#[test]
fn an_error_says_what_it_drew() {
    let sick = pair(100.0, 1.0, vec![fault(0, "s", FaultKind::Errors(50))]);
    let mut session = Session::new(sick).expect("valid");
    session.advance(Span::from_millis(500), u64::MAX);
    let mut outcomes = [0, 0];
    for request in 1..=20 {
        let story = session.explain(request).expect("it is there");
        let (_, why) = story.decisions.first().expect("the door decides first");
        assert!(why.sentence.contains("Of a hundred requests 50 fail"), "{}", why.sentence);
        let drawn = why.lines[0].numbers.split(' ').nth(1);
        let drawn: f64 = drawn.and_then(|n| n.parse().ok()).expect("a number");
        let errs = matches!(story.outcome, Outcome::Failed(Reason::Errored, _));
        assert_eq!((why.lines[0].chosen, errs), (drawn < 50.0, drawn < 50.0), "{why:?}");
        outcomes[usize::from(errs)] += 1;
    }
    assert!(outcomes.iter().all(|count| *count > 3), "{outcomes:?}");
}

// ===== standing still =====

/// Ten requests at one instant; the server stands still for half a second in the middle: each is
/// answered exactly half a second later than without, whatever the discipline.
#[test]
fn a_node_that_stood_still_is_late_by_just_that() {
    for discipline in ["fifo", "lifo", "sharing"] {
        let at = |faults: Vec<Fault>| {
            let mut nodes = vec![one_by_one("c", 1), steady("s", 100.0)];
            let mut config = ServerConfig { cores: 2, ..ServerConfig::default() };
            (config.service, config.service_ms) = (Service::Constant, 100.0);
            nodes[1].kind = Kind::Server(config);
            let choice = Value::Choice(discipline.into());
            nodes[1].kind.set("discipline", choice).expect(discipline);
            let sends = (0..10).map(|n| send(2_000 + n, "c", "k")).collect();
            let made = scenario(1, nodes, vec![link("c", "s", 1.0)]);
            ends(&Scenario { faults, sends, ..made }, 20_000)
        };
        let plain = at(vec![]);
        let pause = vec![fault(2_150, "s", FaultKind::Pause), fault(2_650, "s", FaultKind::Resume)];
        let late = at(pause);
        assert_eq!((plain.len(), late.len()), (11, 11), "{discipline}");
        let mut moved = 0;
        for (before, after) in plain.iter().zip(&late) {
            // What was answered already, and on its way, is not late.
            let delay = if before.0 < 2_151.0 { 0.0 } else { 500.0 };
            moved += usize::from(delay > 0.0);
            assert!(
                (after.0 - before.0 - delay).abs() < 1e-3,
                "{discipline}: {before:?} {after:?}"
            );
            assert_eq!(after.1, None);
        }
        assert!(moved >= 6, "{discipline}");
    }
}

/// What is turned at a server that stands still takes effect when it goes on.
#[test]
fn a_setting_that_is_turned_meanwhile_makes_nothing_move() {
    let halted = pair(60.0, 50.0, vec![fault(1_000, "s", FaultKind::Pause)]);
    let mut session = Session::new(halted).expect("valid");
    session.advance(Span::from_millis(1_500), u64::MAX);
    let before = *session.run().tally();
    let cores = Command::Set("s".into(), "cores".into(), Value::Number(8.0));
    session.apply(cores, 0).expect("allowed");
    session.advance(Span::from_millis(1_500), u64::MAX);
    assert_eq!(session.run().tally().completed, before.completed, "it stands still");
    session.fault(Target::node("s"), FaultKind::Resume).expect("it fits");
    session.advance(Span::from_millis(2_000), u64::MAX);
    assert!(session.run().tally().completed > before.completed + 100, "and goes on");
    assert!(session.run().conserved());
}

#[test]
fn what_waits_at_the_door_of_a_node_that_stands_still_is_lost_when_it_dies() {
    let pause = fault(1_000, "s", FaultKind::Pause);
    let crash = fault(2_000, "s", FaultKind::Crash);
    let died = run(&pair(100.0, 1.0, vec![pause.clone(), crash]), 2_000);
    let lost = failed(&died, Reason::ConnectionLost);
    assert!((70..130).contains(&(lost + died.in_flight())), "{lost}");
    let later = vec![
        pause.clone(),
        fault(2_000, "s", FaultKind::Crash),
        fault(2_500, "s", FaultKind::Restart),
    ];
    let later = run(&pair(100.0, 1.0, later), 5_000);
    let known = failed(&later, Reason::ConnectionLost) + failed(&later, Reason::ConnectionRefused);
    assert_eq!(later.tally().failures(), known);
    assert!(later.tally().completed > 300, "it does not stand still any more");
    // Nothing is lost by standing still alone.
    let resumed = run(&pair(100.0, 1.0, vec![pause, fault(2_000, "s", FaultKind::Resume)]), 5_000);
    assert_eq!(resumed.tally().failures(), 0);
}

/// A balancer that checks finds out about a server that stands still by its time limit; the course's
/// crash is found by a refusal, at once.
#[test]
fn checks_notice_a_server_that_stands_still_by_their_time_limit() {
    let mut nodes = vec![poisson("c", 50.0), common::balancer("lb", "round_robin")];
    nodes.extend(["s1", "s2"].map(|id| steady(id, 2.0)));
    nodes[1].kind.set("health", Value::Choice("checks".into())).expect("allowed");
    let mut links = vec![link("c", "lb", 1.0)];
    links.extend(["s1", "s2"].map(|id| link("lb", id, 1.0)));
    let faults = vec![fault(5_000, "s2", FaultKind::Pause)];
    let halted = Scenario { faults, ..scenario(3, nodes, links) };
    let run = run(&halted, 30_000);
    let lb = common::the_balancer(&run, "lb");
    assert!(lb.believes(1, run.now()).starts_with("DOWN"), "{}", lb.believes(1, run.now()));
    // Those sent before it was found out still wait; nothing has failed.
    assert_eq!(run.tally().failures(), 0);
    assert!(run.in_flight() > 10);
}

// ===== wires =====

#[test]
fn a_cut_wire_loses_everything_until_it_is_joined() {
    let cut = vec![
        wire_fault(1_000, "c", "s", FaultKind::Cut),
        wire_fault(3_000, "c", "s", FaultKind::Join),
    ];
    let run = run(&pair(100.0, 1.0, cut), 6_000);
    let lost = failed(&run, Reason::ConnectionLost);
    assert_eq!(run.tally().failures(), lost);
    assert!((160..240).contains(&lost), "{lost}");
    assert!(run.tally().completed > 330);
}

#[test]
fn a_wire_that_holds_lets_go_in_order_and_loses_nothing() {
    let hold = vec![
        wire_fault(1_000, "c", "s", FaultKind::Pause),
        wire_fault(3_000, "c", "s", FaultKind::Resume),
    ];
    let held = Scenario {
        sends: (0..5).map(|n| send(1_500 + n * 100, "c", "k")).collect(),
        ..pair(1.0, 1.0, hold)
    };
    let mut quiet = held.clone();
    quiet.nodes[0] = one_by_one("c", 1);
    let ended = ends(&quiet, 10_000);
    assert_eq!(ended.len(), 6);
    // One server, 1 ms each, one after another from the letting go on: 1 there, 1 there, 1 back.
    for (place, (at, failure)) in ended[1..].iter().enumerate() {
        let due = 3_000.0 + 3.0 + place as f64;
        assert!((at - due).abs() < 1e-3 && failure.is_none(), "{place}: {at}");
    }
    assert_eq!(run(&held, 2_999).tally().failures(), 0);
    assert!(run(&held, 2_999).in_flight() >= 5);
}

#[test]
fn a_wire_loses_as_many_more_and_takes_as_much_longer_as_is_said() {
    let lose = vec![wire_fault(0, "c", "s", FaultKind::Lose(20))];
    let mut plain = pair(500.0, 0.1, lose);
    plain.links[0].loss = 0.1;
    let run = run(&plain, 60_000);
    let share = run.tally().failures() as f64 / run.tally().sent as f64;
    // Each crossing fails with 1 - 0.9 * 0.8 = 0.28; a request crosses twice: 1 - 0.72^2.
    let exact = 1.0 - 0.72 * 0.72;
    assert!((share - exact).abs() < 4.0 * (exact * (1.0 - exact) / 30_000.0_f64).sqrt(), "{share}");
    let delay = vec![wire_fault(1_000, "c", "s", FaultKind::Delay(70))];
    let mut slow = pair(1.0, 1.0, delay);
    slow.nodes[0] = one_by_one("c", 1);
    slow.sends = vec![send(2_000, "c", "k")];
    let ended = ends(&slow, 5_000);
    assert!((ended[1].0 - 2_000.0 - 2.0 * 71.0 - 1.0).abs() < 1e-3, "{ended:?}");
}

/// What a wire or a node holds when it is taken away is lost, not forgotten.
#[test]
fn what_is_held_is_lost_with_what_holds_it() {
    let hold = vec![wire_fault(500, "c", "s", FaultKind::Pause)];
    let mut session = Session::new(pair(100.0, 1.0, hold)).expect("valid");
    session.advance(Span::from_millis(1_500), u64::MAX);
    let held = session.run().in_flight();
    assert!(held > 50);
    session.apply(Command::RemoveLink("c".into(), "s".into()), 0).expect("it is there");
    assert!(session.scenario().faults.is_empty(), "its faults go with it");
    session.advance(Span::from_millis(100), u64::MAX);
    assert!(session.run().conserved());
    assert!(failed(session.run(), Reason::ConnectionLost) >= held);
    assert!(session.undo().expect("the undo works"));
    assert_eq!(session.scenario().faults.len(), 1, "and come back with it");

    let pause = vec![fault(500, "s", FaultKind::Pause)];
    let mut session = Session::new(pair(100.0, 1.0, pause)).expect("valid");
    session.advance(Span::from_millis(1_500), u64::MAX);
    let held = session.run().in_flight();
    session.apply(Command::RemoveNode("s".into()), 0).expect("it is there");
    session.advance(Span::from_millis(100), u64::MAX);
    assert!(session.run().conserved());
    assert!(failed(session.run(), Reason::ConnectionLost) + 5 >= held);
}

// ===== caches and checks =====

#[test]
fn a_flushed_cache_is_empty_and_keeps_what_it_still_has_to_write() {
    let made = |faults| {
        let cache = common::cache("k", CacheConfig { capacity: 1_000, ..CacheConfig::default() });
        let db = common::database("db", Default::default());
        let nodes = vec![poisson("c", 200.0), cache, db];
        let links = vec![link("c", "k", 1.0), link("k", "db", 1.0)];
        Scenario { faults, ..scenario(3, nodes, links) }
    };
    let entries = |run: &Run| {
        let cache = run.nodes().iter().find_map(|node| match node {
            AnyNode::Cache(cache) => Some(cache.entries()),
            _ => None,
        });
        cache.expect("there is one")
    };
    let before = run(&made(vec![]), 10_000);
    let after = run(&made(vec![fault(10_000, "k", FaultKind::Flush)]), 10_000);
    assert!(entries(&before) > 50 && entries(&after) == 0, "{}", entries(&before));
    assert_eq!(after.tally().failures(), 0);
}

/// The slower the clock of the checks, the longer a dead server stays in use: never longer than
/// `fall` intervals of that clock and a time limit.
#[test]
fn a_slow_clock_of_checks_makes_detection_late() {
    let detection = |factor: u8| {
        let mut nodes = vec![poisson("c", 100.0), common::balancer("lb", "round_robin")];
        nodes.extend(["s1", "s2"].map(|id| steady(id, 2.0)));
        let settings = [
            ("health", Value::Choice("checks".into())),
            ("check_interval", Value::Number(500.0)),
            ("fall", Value::Number(1.0)),
        ];
        for (key, value) in settings {
            nodes[1].kind.set(key, value).expect(key);
        }
        let mut links = vec![link("c", "lb", 1.0)];
        links.extend(["s1", "s2"].map(|id| link("lb", id, 1.0)));
        let faults = vec![
            fault(0, "lb", FaultKind::CheckClock(factor)),
            fault(21_000, "s2", FaultKind::Crash),
        ];
        let run = run(&Scenario { faults, ..scenario(9, nodes, links) }, 60_000);
        let found = common::the_balancer(&run, "lb").detections();
        assert_eq!(found.len(), 1);
        found[0].until.expect("it is found out").since(found[0].from).millis()
    };
    let (usual, slow) = (detection(1), detection(20));
    assert!(usual <= 503.0 && slow <= 10_003.0, "{usual} {slow}");
    assert!(slow > 1_000.0, "{slow}");
}

// ===== the plan =====

/// A fault that is moved in the past gives the run that would have been with it there at first.
#[test]
fn a_fault_that_is_moved_or_changed_gives_the_run_it_would_have_been() {
    let mut session = Session::new(pair(200.0, 3.0, vec![])).expect("valid");
    session.advance(Span::from_millis(2_000), u64::MAX);
    session
        .faults(vec![
            (Target::node("s"), FaultKind::Pause),
            (Target::wire("c", "s"), FaultKind::Lose(30)),
        ])
        .expect("both fit");
    session.advance(Span::from_millis(3_000), u64::MAX);
    let there = |n: usize, ms, session: &Session| Fault {
        at: at_ms(ms),
        ..session.scenario().faults[n].clone()
    };
    let moved = there(0, 700, &session);
    session.apply(Command::SetFault(0, moved), 1).expect("it can be moved");
    let moved = there(0, 900, &session);
    session.apply(Command::SetFault(0, moved), 1).expect("once more");
    let changed = Fault { kind: FaultKind::Lose(5), ..session.scenario().faults[1].clone() };
    session.apply(Command::SetFault(1, changed), 0).expect("it can be changed");
    let resumed = Fault { kind: FaultKind::Resume, ..there(0, 1_500, &session) };
    session.apply(Command::AddFault(2, resumed), 0).expect("it fits");
    let mut fresh = build(session.scenario());
    fresh.run_until(session.run().now(), u64::MAX, &mut Silent);
    assert_eq!(session.run().trace_hash(), fresh.trace_hash());
    assert_eq!(session.run().tally(), fresh.tally());
    // The drag undoes as one, after the other two.
    for _ in 0..3 {
        assert!(session.undo().expect("the undo works"));
    }
    assert_eq!(session.scenario().faults[0].at, Time::from_ns(2_000_000_001));
    assert_eq!(session.scenario().faults[1].kind, FaultKind::Lose(30));
}

/// Seeking back into a pause and on again changes nothing.
#[test]
fn a_run_with_trouble_can_be_gone_through_again() {
    let faults = vec![
        fault(1_000, "s", FaultKind::Pause),
        fault(2_000, "s", FaultKind::Resume),
        fault(2_500, "s", FaultKind::Errors(40)),
        wire_fault(3_000, "c", "s", FaultKind::Pause),
        wire_fault(4_000, "c", "s", FaultKind::Resume),
        wire_fault(4_500, "c", "s", FaultKind::Delay(30)),
    ];
    let made = pair(300.0, 2.0, faults);
    let mut session = Session::new(made.clone()).expect("valid");
    session.advance(Span::from_millis(6_000), u64::MAX);
    let (hash, tally) = (session.run().trace_hash(), *session.run().tally());
    for ms in [1_500, 3_500, 200, 4_600] {
        session.seek(at_ms(ms));
        assert_eq!(session.run().trace_hash(), run(&made, ms).trace_hash(), "{ms}");
    }
    session.seek(at_ms(6_000));
    assert_eq!((session.run().trace_hash(), *session.run().tally()), (hash, tally));
    // Everything is in the link.
    let link = switchyard::scenario::link::encode(session.scenario());
    let back = switchyard::scenario::link::decode(&link).expect("our own");
    assert_eq!(&back, session.scenario());
}

#[test]
fn what_cannot_happen_is_refused_with_its_path() {
    let refused = |fault: Fault| {
        let problem = pair(1.0, 1.0, vec![fault]).check().expect_err("it cannot happen");
        problem.to_string()
    };
    let cut = FaultKind::Cut;
    let text = refused(wire_fault(1, "s", "c", cut));
    assert_eq!(text, "faults[0]: there is no wire from \"s\" to \"c\"");
    assert_eq!(refused(fault(1, "s", cut)), "faults[0]: s cannot cut");
    let text = refused(wire_fault(1, "c", "s", FaultKind::Crash));
    assert_eq!(text, "faults[0]: a wire cannot crash");
    assert_eq!(refused(fault(1, "c", FaultKind::Pause)), "faults[0]: c cannot pause");
    assert_eq!(refused(fault(1, "s", FaultKind::Flush)), "faults[0]: s cannot flush");
    let text = refused(fault(1, "s", FaultKind::CheckClock(3)));
    assert_eq!(text, "faults[0]: s cannot check clock");
}

// ===== the built-in scenarios show what their notes say =====

fn preset(key: &str, ms: u64) -> Run {
    run(&Preset::find(key).expect("it is built in").scenario(), ms)
}

fn requests(run: &Run, id: &str) -> (u64, u64, f64) {
    let clients = common::the_clients(run, id);
    let mean = clients.latency().mean().millis();
    (clients.sent().total(), clients.failed(), mean)
}

#[test]
fn the_server_that_fails_fastest_gets_far_more_than_its_third() {
    let before = preset("fails-fast", 2_000);
    let during = preset("fails-fast", 8_000);
    let share = |id: &str| {
        let (sent, failed, _) = requests(&during, id);
        failed as f64 / (sent - requests(&before, id).0) as f64
    };
    assert_eq!(requests(&before, "ca").1, 0);
    assert!(share("ca") > 0.5, "{}", share("ca"));
    assert!(share("cb") < 0.05, "{}", share("cb"));
}

#[test]
fn standing_still_keeps_requests_waiting_that_dying_does_not() {
    let after = preset("stands-still", 14_000);
    let ((_, lost, quick), (_, late, slow)) = (requests(&after, "ca"), requests(&after, "cb"));
    assert!(lost <= 5 && late == 0, "{lost} {late}");
    assert!(slow > 8.0 * quick, "{quick} {slow}");
}

#[test]
fn a_line_grows_without_end_only_where_nobody_waits_for_answers() {
    let waiting = |id: &str| {
        let run = preset("open-closed", 10_000);
        common::the_server(&run, id).in_line()
    };
    assert!(waiting("so") > 100, "{}", waiting("so"));
    assert!(waiting("sc") < 20, "{}", waiting("sc"));
}

#[test]
fn silence_costs_time_limits_and_a_cut_costs_round_trips() {
    let silent = preset("partition", 6_500);
    assert!(failed(&silent, Reason::TimedOut) > 20);
    assert_eq!(failed(&silent, Reason::ConnectionLost), 0);
    let cut = preset("partition", 13_000);
    assert_eq!(failed(&cut, Reason::TimedOut), failed(&silent, Reason::TimedOut));
    assert!(failed(&cut, Reason::ConnectionLost) > 20);
}
