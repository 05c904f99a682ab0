//! A balancer's further tries with another server, its limits and backups, and its counts of what
//! is in flight across a restart of its own.

mod common;

use switchyard::node::{BalancerConfig, Kind, ServerConfig, Service};
use switchyard::scenario::build::{Run, build};
use switchyard::scenario::{FaultKind, Scenario};
use switchyard::sim::Silent;

use common::{at_ms, fault, link, node, one_by_one, scenario, send, server, the_balancer};

fn run_to(scenario: &Scenario, ms: u64) -> Run {
    scenario.check().expect("a valid scenario");
    let mut run = build(scenario);
    run.run_until(at_ms(ms), u64::MAX, &mut Silent);
    run
}

fn trying(strategy: &'static str, tries: u8) -> Kind {
    Kind::Balancer(BalancerConfig { strategy, tries, ..BalancerConfig::default() })
}

fn slow(service_ms: f64) -> ServerConfig {
    let service = Service::Constant;
    ServerConfig { cores: 2, service_ms, service, ..ServerConfig::default() }
}

/// Ten requests one after another over two servers; the first dies with the first in its hands.
fn one_dies(tries: u8, strategy: &'static str) -> Run {
    let nodes = vec![
        one_by_one("c", 10),
        node("lb", trying(strategy, tries)),
        server("s1", slow(50.0)),
        server("s2", slow(50.0)),
    ];
    let links = vec![link("c", "lb", 1.0), link("lb", "s1", 1.0), link("lb", "s2", 1.0)];
    let faults = vec![fault(20, "s1", FaultKind::Crash)];
    run_to(&Scenario { faults, ..scenario(1, nodes, links) }, 5_000)
}

#[test]
fn what_a_dead_server_held_is_tried_elsewhere() {
    let run = one_dies(1, "round_robin");
    assert_eq!((run.tally().completed, run.tally().failures()), (9, 1));
    for strategy in ["round_robin", "nginx_round_robin", "power_of_two", "envoy_maglev"] {
        let run = one_dies(2, strategy);
        assert_eq!((run.tally().completed, run.tally().failures()), (10, 0), "{strategy}");
        let balancer = the_balancer(&run, "lb");
        assert_eq!(balancer.picks().iter().sum::<u64>(), 10 + balancer.retried());
        assert!(balancer.backends().iter().all(|backend| backend.in_flight == 0), "{strategy}");
    }
    assert_eq!(the_balancer(&one_dies(2, "round_robin"), "lb").retried(), 1);
}

/// Nobody is left: the request goes back as it failed, and is counted once.
#[test]
fn tries_end() {
    let nodes =
        vec![one_by_one("c", 3), node("lb", trying("random", 16)), server("s1", slow(50.0))];
    let links = vec![link("c", "lb", 1.0), link("lb", "s1", 1.0)];
    let faults = vec![fault(20, "s1", FaultKind::Crash)];
    let run = run_to(&Scenario { faults, ..scenario(1, nodes, links) }, 5_000);
    assert_eq!((run.tally().completed, run.tally().failures()), (0, 3));
    assert_eq!(run.requests().len(), 0);
}

/// At most so many in flight to each, then the backup, then nobody: as nginx does.
#[test]
fn limits_and_backups_reach_the_strategies_that_know_them() {
    let one = ServerConfig { in_flight_max: 1, ..slow(1_000.0) };
    let spare = ServerConfig { backup: true, ..slow(1_000.0) };
    let nodes = vec![
        one_by_one("c", 0),
        node("lb", trying("nginx_round_robin", 1)),
        server("s1", one.clone()),
        server("s2", one),
        server("s3", ServerConfig { in_flight_max: 2, ..spare }),
    ];
    let mut links = vec![link("c", "lb", 0.0)];
    links.extend(["s1", "s2", "s3"].map(|id| link("lb", id, 0.0)));
    let mut scenario = scenario(1, nodes, links);
    scenario.nodes[0].kind.set("rate", switchyard::node::Value::Number(0.0)).expect("allowed");
    let poisson = switchyard::node::Value::Choice("poisson".into());
    scenario.nodes[0].kind.set("arrivals", poisson).expect("allowed");
    scenario.sends = (1..=6).map(|n| send(n, "c", "k")).collect();
    let run = run_to(&scenario, 500);
    assert_eq!(the_balancer(&run, "lb").picks(), [1, 1, 2]);
    assert_eq!(run.tally().failures(), 2);
}

/// Answers to what was sent before a restart are nobody's: they do not lower the count of what was
/// sent after it.
#[test]
fn a_restarted_balancer_counts_from_nothing() {
    let nodes = vec![
        one_by_one("c", 1),
        node("lb", trying("least_connections", 1)),
        server("s1", slow(10_000.0)),
    ];
    let links = vec![link("c", "lb", 0.0), link("lb", "s1", 0.0)];
    let faults = vec![fault(1_000, "lb", FaultKind::Crash), fault(2_000, "lb", FaultKind::Restart)];
    let sends = vec![send(3_000, "c", "second")];
    let scenario = Scenario { faults, sends, ..scenario(1, nodes, links) };
    let in_flight = |ms: u64| the_balancer(&run_to(&scenario, ms), "lb").backends()[0].in_flight;
    assert_eq!([in_flight(500), in_flight(2_500), in_flight(3_500)], [1, 0, 1]);
    assert_eq!(in_flight(11_000), 1, "the first answer came back meanwhile");
    assert_eq!(in_flight(13_500), 0);
}
