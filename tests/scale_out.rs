//! Scaling out: what a shared database makes of more servers, and what it costs to take one away.

mod common;

use common::{at_ms, fault, link, poisson, scenario, steady, the_clients, the_database};
use switchyard::node::{DatabaseConfig, ServerConfig};
use switchyard::scenario::build::{Run, build};
use switchyard::scenario::{FaultKind, Scenario};
use switchyard::session::{Command, Session};
use switchyard::sim::{Silent, Span};

/// More requests than can be answered, before so many servers that hold their one core while they
/// ask one database that takes 10 ms.
fn before_one_database(servers: usize, contention: f64, coherency: f64) -> Run {
    let config = DatabaseConfig {
        replicas: 0,
        workers: 64,
        read_ms: 10.0,
        spread: switchyard::node::database::Spread::Constant,
        contention,
        coherency,
        ..DatabaseConfig::default()
    };
    let mut nodes = vec![
        poisson("c", 2_000.0),
        common::balancer("lb", "least_connections"),
        common::database("db", config),
    ];
    let mut links = vec![link("c", "lb", 0.0)];
    for number in 0..servers {
        let id = format!("s{number}");
        let config = ServerConfig { service_ms: 0.001, queue_limit: 4, ..ServerConfig::default() };
        nodes.push(common::server(&id, config));
        links.push(link("lb", &id, 0.0));
        links.push(link(&id, "db", 0.0));
    }
    let mut run = build(&scenario(7, nodes, links));
    run.run_until(at_ms(30_000), u64::MAX, &mut Silent);
    run
}

/// The universal scalability law, from its own formula: n servers keep n requests at work.
#[test]
fn throughput_behind_a_shared_database_follows_the_universal_scalability_law() {
    for (contention, coherency) in [(0.0, 0.0), (5.0, 0.0), (2.0, 5.0)] {
        for servers in [1usize, 2, 4, 8, 12] {
            let run = before_one_database(servers, contention, coherency);
            let n = servers as f64;
            let crowd = contention / 100.0 * (n - 1.0) + coherency / 100.0 * n * (n - 1.0);
            let expected = 100.0 * n / (1.0 + crowd);
            let answered = the_clients(&run, "c").answered().total() as f64 / 30.0;
            let error = (answered - expected).abs() / expected;
            assert!(error < 0.01, "{servers}: {answered} a second, not {expected}");
            assert_eq!(the_database(&run, "db").config().workers, 64);
        }
    }
}

#[test]
fn eight_servers_get_less_done_than_four() {
    let answered = |servers| {
        let run = before_one_database(servers, 2.0, 5.0);
        the_clients(&run, "c").answered().total()
    };
    let [one, two, four, eight] = [1, 2, 4, 8].map(answered);
    assert!(two > one * 17 / 10 && four > two, "{one}, {two}, {four}");
    assert!(eight < four * 9 / 10, "{eight}, {four}");
}

/// Three servers of four cores under half load, the middle one to be taken out at 2 s.
fn three(faults: &[(u64, FaultKind)]) -> Session {
    let mut nodes = vec![poisson("c", 40.0), common::balancer("lb", "round_robin")];
    let mut links = vec![link("c", "lb", 20.0)];
    for id in ["s1", "s2", "s3"] {
        let mut server = steady(id, 150.0);
        server.kind.set("cores", switchyard::node::Value::Number(4.0)).expect("allowed");
        nodes.push(server);
        links.push(link("lb", id, 20.0));
    }
    let faults = faults.iter().map(|&(ms, kind)| fault(ms, "s2", kind)).collect();
    let scenario = Scenario { faults, ..scenario(3, nodes, links) };
    Session::new(scenario).expect("it is valid")
}

#[test]
fn a_drained_server_goes_without_a_loss_and_one_taken_out_loses_what_goes_through_it() {
    // As it comes: everything on its way to it, in it, and nothing else, is lost.
    let mut session = three(&[]);
    session.advance(Span::from_millis(2_000), u64::MAX);
    let number = session.run().find("s2").expect("it runs");
    let through = session.run().through(number) as u64;
    assert!(through > 0);
    session.apply(Command::RemoveNode("s2".into()), 0).expect("it can be removed");
    session.advance(Span::from_millis(3_000), u64::MAX);
    assert_eq!(session.run().tally().failures(), through);

    // Drained: after the longest it can take, nothing goes through it.
    let mut session = three(&[(2_000, FaultKind::Drain)]);
    session.advance(Span::from_millis(2_000), u64::MAX);
    assert!(session.run().through(number) > 0);
    session.advance(Span::from_millis(400), u64::MAX);
    assert_eq!(session.run().through(number), 0);
    assert!(session.run().card(number).up);
    session.apply(Command::RemoveNode("s2".into()), 0).expect("it can be removed");
    session.advance(Span::from_millis(3_000), u64::MAX);
    assert_eq!(session.run().tally().failures(), 0);
}

#[test]
fn a_server_that_is_ready_again_gets_its_share_again() {
    let mut session = three(&[(1_000, FaultKind::Drain), (3_000, FaultKind::Ready)]);
    let served = |session: &Session| common::the_server(session.run(), "s2").served().total();
    session.advance(Span::from_millis(1_500), u64::MAX);
    let before = served(&session);
    session.advance(Span::from_millis(1_500), u64::MAX);
    assert_eq!(served(&session), before);
    session.advance(Span::from_millis(3_000), u64::MAX);
    assert!(served(&session) > before + 20);
    assert_eq!(session.run().tally().failures(), 0);
}

/// An edit elsewhere leaves the drained drained.
#[test]
fn an_edit_does_not_undo_draining() {
    let mut session = three(&[(1_000, FaultKind::Drain)]);
    session.advance(Span::from_millis(1_500), u64::MAX);
    session.apply(Command::Rename("s2".into(), "second".into()), 0).expect("a name");
    let number = session.run().find("s2").expect("it runs");
    assert!(session.run().card(number).draining);
    let before = common::the_server(session.run(), "s2").arrived().total();
    session.advance(Span::from_millis(1_500), u64::MAX);
    assert_eq!(common::the_server(session.run(), "s2").arrived().total(), before);
}
