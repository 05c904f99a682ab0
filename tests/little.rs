//! Little's law on every node of a system of all kinds: how many are there on average is how many
//! come in a second times how long they stay. The number is counted at fixed instants, the stays by
//! a sink; neither knows of the other.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{at_ms, cache, clients, cluster, database, link, scenario, server};
use switchyard::node::{
    CacheConfig, ClientsConfig, ClusterConfig, DatabaseConfig, Kind, RouterConfig, ServerConfig,
    TableConfig,
};
use switchyard::scenario::Scenario;
use switchyard::scenario::build::build;
use switchyard::sim::sink::Full;
use switchyard::sim::{NodeId, Place};

const SECONDS: u64 = 200;
const EVERY_MS: u64 = 5;

/// Clients, a balancer, two servers of which one asks a cache and one a cache cluster, which ask a
/// router over a database and a table.
fn everything() -> Scenario {
    let crowd = ClientsConfig { rate: 150.0, writes: 20.0, keys: 400, ..ClientsConfig::default() };
    let web = ServerConfig { service_ms: 8.0, cores: 4, queue_limit: 500, ..Default::default() };
    let shelf = CacheConfig { capacity: 60, hit_ms: 2.0, ..CacheConfig::default() };
    let store = DatabaseConfig { read_ms: 9.0, write_ms: 14.0, replicas: 1, ..Default::default() };
    let router = RouterConfig { keys: 400, ..RouterConfig::default() };
    let rows = TableConfig { workers: 2, service_ms: 11.0, ..TableConfig::default() };
    let nodes = vec![
        clients("c", crowd),
        common::balancer("lb", "least_connections"),
        server("s1", web.clone()),
        server("s2", web),
        cache("k", shelf),
        common::node("r", Kind::Router(router)),
        database("db", store),
        common::node("t", Kind::Table(rows)),
        cluster("kk", ClusterConfig { capacity: 30, ..ClusterConfig::default() }),
    ];
    let ends = [
        ("c", "lb"),
        ("lb", "s1"),
        ("lb", "s2"),
        ("s1", "k"),
        ("s2", "kk"),
        ("kk", "r"),
        ("k", "r"),
        ("r", "db"),
        ("r", "t"),
    ];
    scenario(12, nodes, ends.map(|(from, to)| link(from, to, 1.0)).to_vec())
}

fn node_of(place: Place) -> Option<NodeId> {
    match place {
        Place::At(node)
        | Place::AtDoor(node)
        | Place::Waiting(node)
        | Place::Serving(node)
        | Place::Calling(node) => Some(node),
        Place::Going(_) | Place::Returning(_) => None,
    }
}

#[test]
fn the_number_at_every_node_is_rate_times_stay() {
    let mut run = build(&everything());
    let mut full = Full::default();
    let mut counted = BTreeMap::<NodeId, u64>::new();
    let samples = SECONDS * 1_000 / EVERY_MS;
    for sample in 1..=samples {
        run.run_until(at_ms(sample * EVERY_MS), u64::MAX, &mut full);
        let places = run.requests().iter().filter(|(_, request)| !request.is_call);
        for node in places.filter_map(|(_, request)| node_of(request.place)) {
            *counted.entry(node).or_default() += 1;
        }
    }
    // By node: how many came, and how long they stayed together, in seconds.
    let mut stays = BTreeMap::<NodeId, (BTreeSet<u64>, f64)>::new();
    for (request, stay) in &full.stays {
        if let Some(node) = node_of(stay.place) {
            let (visitors, whole) = stays.entry(node).or_default();
            visitors.insert(*request);
            *whole += stay.span().seconds();
        }
    }
    let mut seen = Vec::new();
    for (node, (visitors, whole)) in stays {
        let rate = visitors.len() as f64 / SECONDS as f64;
        let stay = whole / visitors.len() as f64;
        let number = counted.get(&node).copied().unwrap_or(0) as f64 / samples as f64;
        if rate * stay > 0.05 {
            let id = run.card(node).id.to_string();
            let error = number / (rate * stay) - 1.0;
            assert!(error.abs() < 0.02, "{id}: {number} there, {rate}/s for {stay} s");
            seen.push(id);
        }
    }
    assert_eq!(seen, ["s1", "s2", "k", "db", "t", "kk"]);
}
