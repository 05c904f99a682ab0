//! What callers do when things go wrong: attempts, hedges, deadlines, budgets, guards; and the storm
//! that retries make of a short trouble.

mod common;

use common::{at_ms, clients, fault, link, scenario, server, steady, the_clients, the_server};
use switchyard::node::clients::CallConfig;
use switchyard::node::{ClientsConfig, ServerConfig, Value};
use switchyard::scenario::build::{Run, build};
use switchyard::scenario::gallery::Preset;
use switchyard::scenario::{FaultKind, Scenario};
use switchyard::session::{Command, Session};
use switchyard::sim::sink::Full;
use switchyard::sim::{Outcome, Reason, Silent, Span, Time};

fn run(scenario: &Scenario, ms: u64) -> Run {
    scenario.check().expect("a valid scenario");
    let mut run = build(scenario);
    run.run_until(at_ms(ms), u64::MAX, &mut Silent);
    run
}

/// Clients that send `total` requests one a second, and ask as `calls` says.
fn asking(total: u32, calls: CallConfig) -> ClientsConfig {
    let arrivals = switchyard::node::Arrivals::Constant;
    ClientsConfig { rate: 1.0, arrivals, total, calls: Box::new(calls), ..ClientsConfig::default() }
}

fn failed(run: &Run, reason: Reason) -> u64 {
    run.tally().failed[reason as usize]
}

/// Such clients and one server over a wire of 5 ms.
fn pair(config: ClientsConfig, service_ms: f64) -> Scenario {
    let nodes = vec![clients("c", config), steady("s", service_ms)];
    scenario(1, nodes, vec![link("c", "s", 5.0)])
}

// ===== time limits, attempts, hedges, deadlines =====

#[test]
fn an_attempt_that_takes_too_long_is_given_up_and_its_answer_is_late() {
    let calls = CallConfig { timeout_ms: 50.0, ..CallConfig::default() };
    let run = run(&pair(asking(3, calls), 100.0), 10_000);
    let counts = *the_clients(&run, "c").attempts();
    assert_eq!((counts.made, counts.timed_out, counts.late, counts.retries), (3, 3, 3, 0));
    assert_eq!(failed(&run, Reason::TimedOut), 3);
    assert_eq!(the_server(&run, "s").served().total(), 3, "it worked for nobody");
    assert!(run.conserved() && run.requests().is_empty());
}

#[test]
fn retries_come_after_their_wait_and_are_counted_once() {
    let calls = CallConfig {
        timeout_ms: 50.0,
        tries: 3,
        backoff: "fixed_backoff",
        base_ms: 200.0,
        ..CallConfig::default()
    };
    let scenario = pair(asking(1, calls), 100.0);
    let mut run = build(&scenario);
    let mut full = Full::default();
    run.run_until(at_ms(10_000), u64::MAX, &mut full);
    let counts = *the_clients(&run, "c").attempts();
    assert_eq!((counts.made, counts.retries, counts.timed_out, counts.late), (3, 2, 3, 3));
    assert_eq!(failed(&run, Reason::RetriesUsedUp), 1);
    assert_eq!(run.tally().sent, 1);
    let [(end, request)] = &full.finished[..] else { panic!("one request") };
    // 50 ms, 200 ms, 50 ms, 200 ms, 50 ms.
    assert_eq!(end.since(request.born), Span::from_millis(550));
}

#[test]
fn a_retry_that_is_answered_is_an_answer() {
    let calls =
        CallConfig { tries: 2, backoff: "fixed_backoff", base_ms: 300.0, ..CallConfig::default() };
    let mut scenario = pair(asking(1, calls), 20.0);
    scenario.faults =
        vec![fault(900, "s", FaultKind::Crash), fault(1_200, "s", FaultKind::Restart)];
    let run = run(&scenario, 5_000);
    assert_eq!((run.tally().completed, run.tally().failures()), (1, 0));
    let latency = the_clients(&run, "c").latency().mean().millis();
    // Refused after 10 ms, 300 ms of waiting, then 30 ms.
    assert!((latency - 340.0).abs() < 0.01, "{latency}");
}

#[test]
fn the_first_of_two_hedged_answers_wins_and_the_other_is_late() {
    // Behind a balancer that takes turns: the first goes to the slow server.
    let calls = CallConfig { hedge_ms: 50.0, ..CallConfig::default() };
    let nodes = vec![
        clients("c", asking(1, calls)),
        common::balancer("lb", "round_robin"),
        steady("slow", 1_000.0),
        steady("fast", 10.0),
    ];
    let links = vec![link("c", "lb", 0.0), link("lb", "slow", 0.0), link("lb", "fast", 0.0)];
    let run = run(&scenario(1, nodes, links), 5_000);
    let counts = *the_clients(&run, "c").attempts();
    assert_eq!((counts.made, counts.hedges, counts.late, counts.retries), (2, 1, 1, 0));
    let latency = the_clients(&run, "c").latency().mean().millis();
    assert!((latency - 60.0).abs() < 0.01, "{latency}: 50 ms, then 10 ms");
}

#[test]
fn a_deadline_travels_and_a_server_that_looks_at_it_does_no_work_in_vain() {
    let calls = CallConfig { deadline_ms: 300.0, ..CallConfig::default() };
    let crowd = ClientsConfig { rate: 50.0, calls: Box::new(calls), ..ClientsConfig::default() };
    let served = |drop_late: bool| {
        let mut nodes = vec![clients("c", crowd.clone()), steady("s", 40.0)];
        nodes[1].kind.set("drop_late", Value::Switch(drop_late)).expect("a switch");
        let run = run(&scenario(1, nodes, vec![link("c", "s", 5.0)]), 20_000);
        assert!(failed(&run, Reason::DeadlinePassed) > 0);
        let server = the_server(&run, "s");
        (run.tally().completed, server.served().total(), server.too_late())
    };
    let (answered, served_all, none) = served(false);
    let (answered_more, served_less, dropped) = served(true);
    assert_eq!(none, 0);
    assert!(dropped > 300 && answered_more > 5 * answered, "{answered} and {answered_more}");
    // It was busy all the time, both times: what becomes too late while it is worked on is not
    // dropped, and first in, first out, most of those at the head are about to.
    assert!(served_all > 400 && served_less > 400, "{served_all} and {served_less}");
}

#[test]
fn with_everything_off_no_call_is_made() {
    let run = run(&pair(asking(3, CallConfig::default()), 100.0), 10_000);
    assert_eq!((run.tally().calls, run.tally().completed), (0, 3));
}

#[test]
fn a_failure_that_a_retry_cannot_help_is_passed_on_as_it_is() {
    let calls = CallConfig { tries: 5, ..CallConfig::default() };
    // A balancer that is wired to nobody.
    let nodes = vec![clients("c", asking(2, calls)), common::balancer("lb", "round_robin")];
    let run = run(&scenario(1, nodes, vec![link("c", "lb", 1.0)]), 5_000);
    assert_eq!(failed(&run, Reason::BadRequest), 2);
    assert_eq!(the_clients(&run, "c").attempts().retries, 0);
}

#[test]
fn clients_that_die_lose_what_they_ask_for_and_nothing_stays_behind() {
    let calls = CallConfig { timeout_ms: 400.0, tries: 4, hedge_ms: 20.0, ..CallConfig::default() };
    let crowd = ClientsConfig { rate: 100.0, calls: Box::new(calls), ..ClientsConfig::default() };
    let mut scenario = pair(crowd, 30.0);
    scenario.faults =
        vec![fault(1_000, "c", FaultKind::Crash), fault(1_050, "c", FaultKind::Restart)];
    let mut run = run(&scenario, 3_000);
    assert!(run.conserved() && run.tally().failures() > 10);
    let Some(number) = run.find("c") else { panic!("it is there") };
    let mut session = Session::new(scenario).expect("valid");
    session.advance(Span::from_millis(3_000), u64::MAX);
    session.apply(Command::RemoveNode("c".into()), 0).expect("it can be removed");
    session.advance(Span::from_millis(60_000), u64::MAX);
    assert!(session.run().requests().is_empty() && session.run().conserved());
    assert!(run.run_until(at_ms(3_001), u64::MAX, &mut Silent).reached);
    assert!(run.card(number).up);
}

// ===== guards =====

#[test]
fn an_open_circuit_breaker_gives_the_server_a_rest() {
    let calls = CallConfig { timeout_ms: 100.0, ..CallConfig::default() };
    let sent_to = |breaker: &str| {
        let crowd = ClientsConfig {
            rate: 50.0,
            calls: Box::new(calls.clone()),
            ..ClientsConfig::default()
        };
        let mut nodes = vec![clients("c", crowd), steady("s", 500.0)];
        nodes[0].kind.set("breaker", Value::Choice(breaker.into())).expect("a choice");
        let run = run(&scenario(1, nodes, vec![link("c", "s", 5.0)]), 10_000);
        (the_server(&run, "s").arrived().total(), failed(&run, Reason::CircuitOpen))
    };
    let (all, none) = sent_to("none");
    assert_eq!(none, 0);
    for breaker in ["hystrix", "resilience4j"] {
        let (some, refused) = sent_to(breaker);
        assert!(some * 3 < all && refused > 200, "{breaker}: {some} of {all}, {refused} refused");
    }
}

#[test]
fn a_bulkhead_keeps_so_many_under_way_and_no_more() {
    let crowd = ClientsConfig { rate: 200.0, ..ClientsConfig::default() };
    let mut nodes = vec![clients("c", crowd), steady("s", 20.0)];
    nodes[0].kind.set("at_once", Value::Choice("bulkhead".into())).expect("a choice");
    nodes[0].kind.set("at_once_most", Value::Number(5.0)).expect("allowed");
    let mut run = build(&scenario(1, nodes, vec![link("c", "s", 5.0)]));
    while run.now() < at_ms(5_000) {
        run.step(Time::MAX, &mut Silent);
        assert!(run.tally().calls - run.tally().calls_ended <= 5);
    }
    assert!(failed(&run, Reason::Shed) > 300);
    assert!(the_server(&run, "s").served().total() > 240, "5 under way keep one core busy");
}

#[test]
fn load_shedding_keeps_the_line_young() {
    for (shed, longest) in [("none", None), ("shed", Some(700)), ("codel", Some(1_500))] {
        let config =
            ServerConfig { service_ms: 10.0, queue_limit: 2_000, ..ServerConfig::default() };
        let crowd = ClientsConfig { rate: 130.0, ..ClientsConfig::default() };
        let mut nodes = vec![clients("c", crowd), server("s", config)];
        nodes[1].kind.set("shed", Value::Choice(shed.into())).expect("a choice");
        if shed == "shed" {
            nodes[1].kind.set("age_ms", Value::Number(300.0)).expect("allowed");
        }
        let run = run(&scenario(1, nodes, vec![link("c", "s", 0.0)]), 60_000);
        let p99 = the_clients(&run, "c").latency().percentile(99.0).millis();
        match longest {
            None => assert!(p99 > 10_000.0 && failed(&run, Reason::Shed) == 0, "{p99}"),
            Some(ms) => {
                assert!(p99 < f64::from(ms), "{shed}: {p99} ms");
                assert!(failed(&run, Reason::Shed) > 1_000, "{shed}");
                assert!(run.tally().completed > 5_500, "{shed}: the server was busy");
            }
        }
    }
}

// ===== the storm =====

/// How many of a hundred requests that ended between two instants were answered.
fn goodput(session: &Session, clients: &str, from: u64, until: u64) -> f64 {
    let at = |ms: u64| {
        let mut run = build(session.scenario());
        run.run_until(at_ms(ms), u64::MAX, &mut Silent);
        let clients = the_clients(&run, clients);
        (clients.answered().total(), clients.sent().total())
    };
    let (before, after) = (at(from), at(until));
    100.0 * (after.0 - before.0) as f64 / (after.1 - before.1) as f64
}

fn storm() -> Session {
    let preset = Preset::find("retry-storm").expect("it is built in");
    Session::new(preset.scenario()).expect("valid")
}

/// Load below capacity and five seconds of trouble: with three retries less than a fifth is answered in
/// any five seconds of the minute after it; with a budget of a tenth it is over within ten.
#[test]
fn five_seconds_of_trouble_last_for_ever_or_ten_seconds() {
    let mut scenario = Preset::find("retry-storm").expect("it is built in").scenario();
    let trigger = |at: u64, node: &str, kind| common::fault(at, node, kind);
    scenario.faults = ["sk", "sb"]
        .iter()
        .flat_map(|id| {
            [trigger(2_000, id, FaultKind::Slow(10)), trigger(7_000, id, FaultKind::Normal)]
        })
        .collect();
    let session = Session::new(scenario).expect("valid");
    for from in (8_000..67_000).step_by(5_000) {
        let down = goodput(&session, "ck", from, from + 5_000);
        assert!(down < 20.0, "without a budget: {down} % from {from} ms");
    }
    let up = goodput(&session, "cb", 17_000, 67_000);
    assert!(up > 95.0, "with a budget: {up} %");
}

#[test]
fn after_the_trigger_is_gone_retries_keep_it_down_and_a_budget_lets_it_recover() {
    let session = storm();
    for clients in ["ck", "cb"] {
        assert!(goodput(&session, clients, 500, 2_000) > 95.0, "well before the trigger");
    }
    // The trigger ends at 3 s.
    for (from, until) in [(5_000, 10_000), (20_000, 30_000), (50_000, 60_000)] {
        let down = goodput(&session, "ck", from, until);
        assert!(down < 10.0, "without a budget: {down} % from {from} to {until} ms");
    }
    let up = goodput(&session, "cb", 10_000, 30_000);
    assert!(up > 95.0, "with a budget: {up} %");
}

/// Turns something on the clients that are down at 20 s, and gives their goodput 20 s later.
fn turned(key: &str, value: Value) -> f64 {
    let mut session = storm();
    session.advance(Span::from_millis(20_000), u64::MAX);
    session.apply(Command::Set("ck".into(), key.into(), value), 0).expect("allowed");
    session.advance(Span::from_millis(20_000), u64::MAX);
    let count = |session: &Session| {
        let clients = the_clients(session.run(), "ck");
        (clients.answered().total(), clients.sent().total())
    };
    let before = count(&session);
    session.advance(Span::from_millis(20_000), u64::MAX);
    let after = count(&session);
    100.0 * (after.0 - before.0) as f64 / (after.1 - before.1) as f64
}

#[test]
fn it_recovers_when_a_budget_is_switched_on_or_load_falls_and_not_otherwise() {
    assert!(turned("rate", Value::Number(64.0)) < 10.0, "a little less load is not enough");
    let budget = turned("budget", Value::Choice("finagle_budget".into()));
    assert!(budget > 95.0, "with a budget: {budget} %");
    let less = turned("rate", Value::Number(20.0));
    assert!(less > 95.0, "with less load: {less} %");
}

/// An outcome of an attempt is not one of the request: the tally has one for each request.
#[test]
fn the_tally_counts_requests_and_not_attempts() {
    let session = storm();
    let mut run = build(session.scenario());
    let mut full = Full::default();
    run.run_until(at_ms(8_000), u64::MAX, &mut full);
    assert!(run.tally().calls > run.tally().sent * 3 / 2 && run.conserved());
    let done = full.finished.iter().filter(|(_, r)| r.outcome == Outcome::Done).count() as u64;
    assert_eq!(done, run.tally().completed);
    assert!(full.finished.iter().all(|(_, request)| !request.is_call));
}
