//! Gateways in running worlds: who is sent where, and what each filter stops.

mod common;

use switchyard::node::gateway::Gate;
use switchyard::node::{
    Arrivals, ClientsConfig, Gateway, GatewayConfig, ServerConfig, Service, Value,
};
use switchyard::scenario::{FaultKind, Scenario};
use switchyard::session::{Command, Session};
use switchyard::sim::{Op, Outcome, Reason, Span};

use common::{
    at_ms, clients, fault, gateway, link, scenario, send, server, the_clients, the_gateway,
    the_server,
};

const TABLE: &str = "users: u1 u2; orders: o1 o2";

/// Even clients at 40 a second, half for users and half for orders, a gateway, and two servers for
/// each, on wires of 1 ms; a request takes a server 10 ms.
fn two_services(config: GatewayConfig) -> Scenario {
    let even = ClientsConfig {
        arrivals: Arrivals::Constant,
        rate: 40.0,
        services: "users, orders".to_owned(),
        ..ClientsConfig::default()
    };
    let quick =
        ServerConfig { service: Service::Constant, service_ms: 10.0, ..ServerConfig::default() };
    let names = ["u1", "u2", "o1", "o2"];
    let config = match config.routes == GatewayConfig::default().routes {
        true => GatewayConfig { routes: TABLE.to_owned(), ..config },
        false => config,
    };
    let mut nodes = vec![clients("c", even), gateway("gw", config)];
    nodes.extend(names.map(|id| server(id, quick.clone())));
    let wires = names.map(|id| link("gw", id, 1.0));
    scenario(7, nodes, [vec![link("c", "gw", 1.0)], wires.to_vec()].concat())
}

fn ran(scenario: Scenario, ms: u64) -> Session {
    let mut session = Session::new(scenario).expect("a valid scenario");
    on(&mut session, ms);
    session
}

fn on(session: &mut Session, ms: u64) {
    assert!(session.advance(Span::from_millis(ms), u64::MAX).reached);
}

fn node(session: &Session) -> &Gateway {
    the_gateway(session.run(), "gw")
}

fn failed(session: &Session, reason: Reason) -> u64 {
    session.run().tally().failed[reason as usize]
}

fn served(session: &Session, id: &str) -> u64 {
    the_server(session.run(), id).arrived().total()
}

fn stopped(session: &Session, gate: Gate) -> u64 {
    node(session).gate(gate).stopped
}

/// All failures are for this reason, and the gate counted the same.
fn only(session: &Session, reason: Reason) -> u64 {
    let count = failed(session, reason);
    assert_eq!(session.run().tally().failures(), count, "{:?}", session.report().failed);
    count
}

// ===== who is sent where =====

#[test]
fn one_balancer_for_all_sends_half_to_the_wrong_service() {
    let session =
        ran(two_services(GatewayConfig { shared: true, ..GatewayConfig::default() }), 20_000);
    let (wrong, sent) = (only(&session, Reason::WrongService), node(&session).sent());
    assert!(node(&session).astray().abs_diff(wrong) <= 1);
    let share = wrong as f64 / sent as f64;
    assert!((0.4..0.6).contains(&share), "{share}: two of four are of the other service");
}

#[test]
fn one_for_each_service_sends_none_there() {
    let session = ran(two_services(GatewayConfig::default()), 20_000);
    assert_eq!((session.run().tally().failures(), node(&session).astray()), (0, 0));
    assert!(served(&session, "u1").abs_diff(served(&session, "u2")) <= 1);
    let services = node(&session).services();
    assert!(services.iter().all(|s| s.asked > 300 && s.asked - s.answered <= 2));
}

#[test]
fn the_longest_path_and_a_typed_key_find_their_route() {
    let routes = "users: u1; users/admin: u2; orders: o1".to_owned();
    let mut made = two_services(GatewayConfig { routes, ..GatewayConfig::default() });
    made.nodes[0].kind.set("rate", Value::Number(0.0)).expect("allowed");
    let keys = ["users:1", "users/admin/7", "orders:2", "orders/admin:3", "ghost:1", "users/x"];
    made.sends = (1..).zip(keys).map(|(n, key)| send(n * 100, "c", key)).collect();
    let session = ran(made, 2_000);
    assert_eq!(["u1", "u2", "o1"].map(|id| served(&session, id)), [2, 1, 2]);
    assert_eq!(only(&session, Reason::ServiceNotFound), 1);
    assert_eq!(stopped(&session, Gate::Route), 1);
}

#[test]
fn nobody_marked_healthy_is_no_healthy_endpoints_and_a_dead_server_is_not_known() {
    let mut made = two_services(GatewayConfig::default());
    for node in made.nodes.iter_mut().filter(|node| node.id.starts_with('o')) {
        node.kind.set("healthy", Value::Switch(false)).expect("a switch");
    }
    made.faults = vec![fault(1_000, "u1", FaultKind::Crash)];
    let session = ran(made, 5_000);
    assert!(failed(&session, Reason::NoHealthyEndpoints) > 50);
    let refused = failed(&session, Reason::ConnectionRefused);
    assert!(refused > 20, "every other one goes on going there: {refused}");
}

#[test]
fn a_server_that_is_drained_gets_nothing_more() {
    let mut made = two_services(GatewayConfig::default());
    made.faults = vec![fault(1_000, "u1", FaultKind::Drain)];
    let mut session = ran(made, 1_100);
    let before = served(&session, "u1");
    on(&mut session, 3_000);
    assert_eq!((served(&session, "u1") - before, session.run().tally().failures()), (0, 0));
}

// ===== the filters =====

#[test]
fn addresses_without_a_token_are_refused_and_always_the_same() {
    let config = GatewayConfig { auth: true, no_token: 25.0, ..GatewayConfig::default() };
    let session = ran(two_services(config), 50_000);
    let refused = only(&session, Reason::NotAllowed);
    assert_eq!(refused, stopped(&session, Gate::Auth));
    let share = refused as f64 / session.run().tally().sent as f64;
    assert!((0.15..0.35).contains(&share), "{share}");
    let mut fates = std::collections::BTreeMap::<u32, bool>::new();
    for ended in session.series().finished(session.run().now()) {
        let ok = ended.request.outcome == Outcome::Done;
        assert_eq!(*fates.entry(ended.request.address).or_insert(ok), ok);
    }
}

#[test]
fn a_rate_limit_lets_its_rate_and_its_burst_in() {
    let mut made =
        two_services(GatewayConfig { limit: "token_bucket", ..GatewayConfig::default() });
    for (key, value) in [("rate", 10.0), ("burst", 5.0)] {
        made.nodes[1].kind.set(key, Value::Number(value)).expect("a knob");
    }
    let session = ran(made, 60_000);
    let (refused, sent) = (only(&session, Reason::RateLimited), session.run().tally().sent);
    let passed = sent - refused;
    assert!(passed.abs_diff(10 * 60 + 5) <= 1, "{passed}: rate x time + burst");
    assert_eq!(refused, stopped(&session, Gate::Limit));
}

#[test]
fn a_limit_for_each_service_is_two_limits_and_a_leaky_bucket_delays() {
    let passed = |per: &str| {
        let mut made =
            two_services(GatewayConfig { limit: "leaky_bucket", ..GatewayConfig::default() });
        let gateway = &mut made.nodes[1].kind;
        for (key, value) in [("rate", 5.0), ("burst", 2.0)] {
            gateway.set(key, Value::Number(value)).expect("a knob");
        }
        gateway.set("limit_per", Value::Choice(per.into())).expect("a choice");
        let session = ran(made, 30_000);
        // Held by the bucket for up to burst / rate.
        let slowest = the_clients(session.run(), "c").latency().percentile(95.0).millis();
        assert!((300.0..450.0).contains(&slowest), "{slowest} ms");
        session.run().tally().sent - failed(&session, Reason::RateLimited)
    };
    let (all, service) = (passed("all"), passed("service"));
    assert!(all.abs_diff(150) <= 4 && service.abs_diff(300) <= 8, "{all} and {service}");
}

#[test]
fn more_under_way_than_there_is_room_for_are_shed() {
    let mut made = two_services(GatewayConfig { most: 2, ..GatewayConfig::default() });
    made.nodes[0].kind.set("rate", Value::Number(400.0)).expect("allowed");
    let mut session = ran(made, 1_000);
    for _ in 0..200 {
        on(&mut session, 7);
        let (waiting, out) = node(&session).in_hand();
        assert!(waiting + out <= 2);
    }
    let shed = only(&session, Reason::Shed);
    assert!(shed > 100 && shed == stopped(&session, Gate::Room));
}

#[test]
fn a_canary_gets_its_share_of_addresses() {
    let routes = "users: u1 canary u2; orders: o1 o2".to_owned();
    let config = GatewayConfig { routes, canary: 20.0, ..GatewayConfig::default() };
    let session = ran(two_services(config), 60_000);
    let share = served(&session, "u2") as f64 / node(&session).services()[0].asked as f64;
    assert!((0.12..0.28).contains(&share), "{share}");
    assert_eq!(node(&session).services()[0].canary, served(&session, "u2"));
    assert_eq!(session.run().tally().failures(), 0);
}

#[test]
fn what_takes_too_long_is_given_up_and_its_answer_dropped() {
    let mut made = two_services(GatewayConfig { timeout_ms: 30.0, ..GatewayConfig::default() });
    made.nodes[2].kind.set("service", Value::Number(100.0)).expect("allowed");
    made.nodes[0].kind.set("rate", Value::Number(8.0)).expect("allowed");
    let session = ran(made, 20_000);
    let given_up = only(&session, Reason::TimedOut);
    assert!(given_up > 20 && given_up == stopped(&session, Gate::Timeout));
    assert!(given_up.abs_diff(node(&session).late()) <= 1, "each answer comes all the same");
    for ended in session.series().finished(session.run().now()) {
        if let Outcome::Failed(..) = ended.request.outcome {
            let took = ended.at.since(ended.request.born);
            assert_eq!(took, Span::from_millis(32), "1 + 30 + 1 ms");
        }
    }
}

#[test]
fn retries_find_another_server_and_wait_as_they_are_told() {
    let mut made = two_services(GatewayConfig { retries: 1, ..GatewayConfig::default() });
    made.faults = vec![fault(1_000, "u1", FaultKind::Crash)];
    let session = ran(made.clone(), 20_000);
    assert_eq!(session.run().tally().failures(), 0, "the next in turn is up");
    assert!(node(&session).gate(Gate::Retry).passed > 100);
    made.nodes[1].kind.set("backoff", Value::Choice("fixed_backoff".into())).expect("a choice");
    made.nodes[1].kind.set("backoff_base", Value::Number(70.0)).expect("allowed");
    let session = ran(made, 20_000);
    let slow = the_clients(session.run(), "c").latency().percentile(99.0).millis();
    assert!((84.0..90.0).contains(&slow), "1 + 2 + 70 + 2 + 10 + 1 ms at least: {slow}");
}

#[test]
fn retries_are_used_up_and_a_budget_keeps_them_few() {
    let retried = |budget: &str| {
        let mut made = two_services(GatewayConfig { retries: 3, ..GatewayConfig::default() });
        made.faults = ["u1", "u2", "o1", "o2"].map(|id| fault(1, id, FaultKind::Crash)).to_vec();
        made.nodes[1].kind.set("budget", Value::Choice(budget.into())).expect("a choice");
        let session = ran(made, 20_000);
        let failed = only(&session, Reason::RetriesUsedUp);
        assert_eq!(failed, stopped(&session, Gate::Retry));
        node(&session).gate(Gate::Retry).passed as f64 / failed as f64
    };
    assert_eq!(retried("none"), 3.0);
    let finagle = retried("finagle_budget");
    assert!((0.15..0.25).contains(&finagle), "{finagle}: a fifth of the requests");
    assert!(retried("envoy_budget") < 0.3);
}

#[test]
fn a_deadline_ends_all_attempts_together() {
    let config = GatewayConfig {
        timeout_ms: 40.0,
        retries: 10,
        deadline_ms: 100.0,
        ..GatewayConfig::default()
    };
    let mut made = two_services(config);
    for node in made.nodes.iter_mut().skip(2) {
        node.kind.set("service", Value::Number(500.0)).expect("allowed");
        node.kind.set("queue", Value::Number(1_000.0)).expect("allowed");
    }
    let session = ran(made, 5_000);
    assert!(only(&session, Reason::DeadlinePassed) > 150);
    for ended in session.series().finished(session.run().now()) {
        assert_eq!(ended.at.since(ended.request.born), Span::from_millis(102));
    }
}

#[test]
fn a_breaker_opens_at_a_dead_server_and_the_others_take_over() {
    for breaker in ["hystrix", "resilience4j"] {
        let config = GatewayConfig { breaker, breaker_calls: 10, ..GatewayConfig::default() };
        let mut made = two_services(config);
        made.faults = vec![fault(10_000, "u1", FaultKind::Crash)];
        let session = ran(made.clone(), 40_000);
        let with = failed(&session, Reason::ConnectionRefused);
        made.nodes[1].kind.set("breaker", Value::Choice("none".into())).expect("a choice");
        let without = failed(&ran(made, 40_000), Reason::ConnectionRefused);
        assert!(with * 3 < without, "{breaker}: {with} against {without}");
    }
}

#[test]
fn with_every_breaker_open_the_circuit_is_open() {
    let config = GatewayConfig { breaker: "hystrix", breaker_calls: 5, ..GatewayConfig::default() };
    let mut made = two_services(config);
    made.faults = ["u1", "u2"].map(|id| fault(5_000, id, FaultKind::Crash)).to_vec();
    made.faults.extend(["u1", "u2"].map(|id| fault(20_000, id, FaultKind::Restart)));
    let mut session = ran(made, 20_000);
    let open = failed(&session, Reason::CircuitOpen);
    assert!(open > 100 && open == stopped(&session, Gate::Breaker), "{open}");
    on(&mut session, 6_000);
    let failures = session.run().tally().failures();
    on(&mut session, 5_000);
    assert_eq!(session.run().tally().failures(), failures, "a trial closed them");
}

// ===== the rest =====

/// Writes come through with their versions, and a repeated write is one change.
#[test]
fn versions_come_through() {
    let asks = ClientsConfig { writes: 40.0, keys: 10, addresses: 5, ..ClientsConfig::default() };
    let database = common::database(
        "db",
        switchyard::node::DatabaseConfig {
            replicas: 0,
            ..switchyard::node::DatabaseConfig::default()
        },
    );
    let nodes = vec![clients("c", asks), gateway("gw", GatewayConfig::default()), database];
    let links = vec![link("c", "gw", 1.0), link("gw", "db", 1.0)];
    let session = ran(scenario(3, nodes, links), 20_000);
    use switchyard::stats::judge::Violation;
    let judge = the_clients(session.run(), "c").judge();
    for violation in [Violation::StaleRead, Violation::OwnWriteUnseen, Violation::BackInTime] {
        assert_eq!(judge.count(violation), 0);
    }
    let ended: Vec<_> = session.series().finished(session.run().now()).collect();
    assert!(ended.iter().any(|e| e.request.op == Op::Write && e.request.stamp.commit > 0));
}

#[test]
fn a_crash_loses_what_is_in_hand_and_a_restart_goes_on() {
    let mut made = two_services(GatewayConfig { timeout_ms: 50.0, ..GatewayConfig::default() });
    made.faults =
        vec![fault(5_005, "gw", FaultKind::Crash), fault(6_000, "gw", FaultKind::Restart)];
    let mut session = ran(made, 7_000);
    let failures = session.run().tally().failures();
    assert!(failed(&session, Reason::ConnectionRefused) >= 38);
    on(&mut session, 5_000);
    assert_eq!(session.run().tally().failures(), failures);
}

#[test]
fn a_new_table_is_in_force_at_once() {
    let mut session = ran(two_services(GatewayConfig::default()), 2_000);
    let set = |text: &str| Command::Set("gw".into(), "routes".into(), Value::Text(text.into()));
    session.apply(set("users: u2"), 0).expect("allowed");
    let before = served(&session, "u1");
    on(&mut session, 2_000);
    assert!(served(&session, "u1") - before <= 1);
    assert!(failed(&session, Reason::ServiceNotFound) > 20);
    assert!(session.apply(set("users u1"), 0).is_err(), "what is no table is refused");
}

#[test]
fn reasons_name_every_gate_with_numbers_that_can_be_redone() {
    let config = GatewayConfig {
        auth: true,
        no_token: 25.0,
        limit: "token_bucket",
        canary: 30.0,
        routes: "users: u1 canary u2; orders: o1 o2".to_owned(),
        ..GatewayConfig::default()
    };
    let mut made = two_services(config);
    made.sends = vec![send(5_000, "c", "users:1")];
    let session = ran(made, 6_000);
    let ended: Vec<_> = session.series().finished(session.run().now()).collect();
    let one =
        ended.iter().find(|e| e.request.born == at_ms(5_000) && e.request.key.number().is_none());
    let story = session.explain(one.expect("it ended").request.id).expect("it was recorded");
    let (_, gates) = &story.decisions[0];
    let lines: Vec<&str> = gates.lines.iter().map(|line| &*line.subject).collect();
    assert!(lines.contains(&"route users") && lines.contains(&"token"), "{lines:?}");
    let token = gates.lines.iter().find(|line| line.subject == "token").expect("a line");
    let drawn: f64 =
        token.numbers.split(' ').nth(3).and_then(|n| n.parse().ok()).expect("a number");
    assert_eq!(token.chosen, drawn >= 2_500.0, "{}", token.numbers);
    assert!(gates.sentence.contains("It asks for users/1."), "{}", gates.sentence);
    let drawn = ended.iter().find(|e| e.request.key.number().is_some()).expect("clients sent some");
    let story = session.explain(drawn.request.id).expect("it was recorded");
    assert!(story.key.starts_with("users:") || story.key.starts_with("orders:"), "{}", story.key);
}
