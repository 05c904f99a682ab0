//! Scenarios in a few words, for tests.
#![allow(dead_code, reason = "each test crate uses its own part of this")]

use switchyard::node::{AnyNode, Cache, CacheConfig, Server, ServerConfig, Service};
pub(crate) mod random;
pub(crate) mod states;
pub(crate) mod store;
pub(crate) mod wire;

use switchyard::node::clients::Popularity;
use switchyard::node::{
    Arrivals, Balancer, BalancerConfig, Clients, ClientsConfig, Kind, Router, RouterConfig, Table,
    TableConfig,
};
use switchyard::node::{
    Board, BoardConfig, Cluster, ClusterConfig, Database, DatabaseConfig, Gateway, GatewayConfig,
    Group, GroupConfig, Queue, QueueConfig, Registry, RegistryConfig, Worker, WorkerConfig,
};
use switchyard::scenario::build::Run;
use switchyard::scenario::gallery::GALLERY;
use switchyard::scenario::{Fault, FaultKind, LinkSpec, NodeSpec, Scenario, SendOne, Target};
use switchyard::sim::{Op, Span, Time};

pub(crate) fn node(id: &str, kind: Kind) -> NodeSpec {
    NodeSpec { id: id.into(), label: id.into(), x: 0, y: 0, kind }
}

pub(crate) fn clients(id: &str, config: ClientsConfig) -> NodeSpec {
    node(id, Kind::Clients(config))
}

pub(crate) fn poisson(id: &str, rate: f64) -> NodeSpec {
    clients(id, ClientsConfig { rate, ..ClientsConfig::default() })
}

/// Clients that send one after another, so many in all.
pub(crate) fn one_by_one(id: &str, total: u32) -> NodeSpec {
    clients(id, ClientsConfig { arrivals: Arrivals::OneByOne, total, ..ClientsConfig::default() })
}

pub(crate) fn balancer(id: &str, strategy: &'static str) -> NodeSpec {
    node(id, Kind::Balancer(BalancerConfig { strategy, ..BalancerConfig::default() }))
}

pub(crate) fn server(id: &str, config: ServerConfig) -> NodeSpec {
    node(id, Kind::Server(config))
}

pub(crate) fn cache(id: &str, config: CacheConfig) -> NodeSpec {
    node(id, Kind::Cache(config))
}

pub(crate) fn database(id: &str, config: DatabaseConfig) -> NodeSpec {
    node(id, Kind::Database(config))
}

pub(crate) fn cluster(id: &str, config: ClusterConfig) -> NodeSpec {
    node(id, Kind::Cluster(config))
}

pub(crate) fn registry(id: &str, config: RegistryConfig) -> NodeSpec {
    node(id, Kind::Registry(config))
}

pub(crate) fn gateway(id: &str, config: GatewayConfig) -> NodeSpec {
    node(id, Kind::Gateway(config))
}

pub(crate) fn board(id: &str, rules: &str, window_ms: f64) -> NodeSpec {
    node(id, Kind::Board(BoardConfig { rules: rules.into(), window_ms }))
}

pub(crate) fn group(id: &str, config: GroupConfig) -> NodeSpec {
    node(id, Kind::Group(config))
}

/// A server whose every request takes `service_ms`.
pub(crate) fn steady(id: &str, service_ms: f64) -> NodeSpec {
    let service = Service::Constant;
    server(id, ServerConfig { service_ms, service, ..ServerConfig::default() })
}

pub(crate) fn link(from: &str, to: &str, latency_ms: f64) -> LinkSpec {
    LinkSpec { from: from.into(), to: to.into(), latency_ms, loss: 0.0 }
}

pub(crate) fn lossy(from: &str, to: &str, latency_ms: f64, loss: f64) -> LinkSpec {
    LinkSpec { loss, ..link(from, to, latency_ms) }
}

pub(crate) fn fault(ms: u64, node: &str, kind: FaultKind) -> Fault {
    Fault { at: at_ms(ms), on: Target::node(node), kind }
}

pub(crate) fn wire_fault(ms: u64, from: &str, to: &str, kind: FaultKind) -> Fault {
    Fault { at: at_ms(ms), on: Target::wire(from, to), kind }
}

pub(crate) fn send(ms: u64, from: &str, key: &str) -> SendOne {
    SendOne { at: at_ms(ms), from: from.into(), key: key.into(), op: Op::Read }
}

pub(crate) fn at_ms(ms: u64) -> Time {
    Time::ZERO + Span::from_millis(ms)
}

pub(crate) fn scenario(seed: u64, nodes: Vec<NodeSpec>, links: Vec<LinkSpec>) -> Scenario {
    Scenario { seed, nodes, links, ..Scenario::default() }
}

/// Clients, a balancer and three servers with wires of 5 ms: something of everything.
pub(crate) fn trio(seed: u64, rate: f64) -> Scenario {
    let small = ServerConfig { service_ms: 40.0, queue_limit: 6, ..ServerConfig::default() };
    let big = ServerConfig { cores: 3, weight: 3, ..small.clone() };
    let nodes = vec![
        poisson("c", rate),
        balancer("lb", "smooth_weighted"),
        server("s1", big),
        server("s2", small.clone()),
        server("s3", small),
    ];
    let wires = ["s1", "s2", "s3"].map(|id| link("lb", id, 5.0));
    scenario(seed, nodes, [vec![link("c", "lb", 5.0)], wires.to_vec()].concat())
}

/// Clients that read, write and delete, a cache too small for their keys, and a server as store.
pub(crate) fn cached(seed: u64, rate: f64) -> Scenario {
    let crowd = ClientsConfig {
        rate,
        keys: 60,
        popularity: Popularity::Zipf,
        writes: 15.0,
        deletes: 5.0,
        ..ClientsConfig::default()
    };
    let small = CacheConfig { capacity: 20, ttl_ms: 800.0, ..CacheConfig::default() };
    let store = ServerConfig { cores: 8, service_ms: 20.0, ..ServerConfig::default() };
    let nodes = vec![clients("c", crowd), cache("cache", small), server("s", store)];
    scenario(seed, nodes, vec![link("c", "cache", 5.0), link("cache", "s", 5.0)])
}

/// The trio's clients, who also write and ask for runs, with a partitioned table.
pub(crate) fn with_table(seed: u64, rate: f64) -> Scenario {
    let table = TableConfig { queue_limit: 6, ..TableConfig::default() };
    let nodes = vec![mixed("c", rate), node("t", Kind::Table(table))];
    scenario(seed, nodes, vec![link("c", "t", 5.0)])
}

/// The trio with a shard router in the balancer's place, whose clients also write and ask for runs.
pub(crate) fn with_router(seed: u64, rate: f64) -> Scenario {
    let mut made = trio(seed, rate);
    made.nodes[0] = mixed("c", rate);
    made.nodes[1] = node("sh", Kind::Router(RouterConfig::default()));
    for link in &mut made.links {
        for end in [&mut link.from, &mut link.to] {
            if end == "lb" {
                *end = "sh".to_owned();
            }
        }
    }
    made
}

fn mixed(id: &str, rate: f64) -> NodeSpec {
    let config = ClientsConfig { writes: 20.0, scans: 15.0, ..ClientsConfig::default() };
    clients(id, ClientsConfig { rate, ..config })
}

pub(crate) fn queue(id: &str, config: QueueConfig) -> NodeSpec {
    node(id, Kind::Queue(config))
}

pub(crate) fn worker(id: &str, config: WorkerConfig) -> NodeSpec {
    node(id, Kind::Worker(config))
}

/// Clients of every sort, a queue, and two workers that are slower than they, one of which fails
/// now and then and dies for a while; the queue dies too.
pub(crate) fn with_queue(seed: u64, rate: f64) -> Scenario {
    let fails = WorkerConfig { service_ms: 20.0, fails_every: 7, ..WorkerConfig::default() };
    let slower = WorkerConfig { service_ms: 30.0, ..WorkerConfig::default() };
    let nodes = vec![
        mixed("c", rate),
        queue("q", QueueConfig::default()),
        worker("w1", fails),
        worker("w2", slower),
    ];
    let ends = [("c", "q"), ("q", "w1"), ("q", "w2")];
    let mut made = scenario(seed, nodes, ends.map(|(from, to)| link(from, to, 5.0)).to_vec());
    made.faults = vec![
        fault(1_150, "q", FaultKind::Crash),
        fault(1_200, "q", FaultKind::Restart),
        fault(1_300, "w1", FaultKind::Crash),
        fault(2_600, "q", FaultKind::Crash),
        fault(2_900, "q", FaultKind::Restart),
        fault(3_200, "w1", FaultKind::Restart),
    ];
    made
}

/// Every built-in scenario with its name.
pub(crate) fn presets() -> impl Iterator<Item = (&'static str, Scenario)> {
    GALLERY.iter().map(|preset| (preset.key, preset.scenario()))
}

pub(crate) fn the_clients<'a>(run: &'a Run, id: &str) -> &'a Clients {
    match find(run, id) {
        AnyNode::Clients(clients) => clients,
        other => panic!("{id} is {other:?}"),
    }
}

pub(crate) fn the_balancer<'a>(run: &'a Run, id: &str) -> &'a Balancer {
    match find(run, id) {
        AnyNode::Balancer(balancer) => balancer,
        other => panic!("{id} is {other:?}"),
    }
}

pub(crate) fn the_server<'a>(run: &'a Run, id: &str) -> &'a Server {
    match find(run, id) {
        AnyNode::Server(server) => server,
        other => panic!("{id} is {other:?}"),
    }
}

pub(crate) fn the_cache<'a>(run: &'a Run, id: &str) -> &'a Cache {
    match find(run, id) {
        AnyNode::Cache(cache) => cache,
        other => panic!("{id} is {other:?}"),
    }
}

pub(crate) fn the_table<'a>(run: &'a Run, id: &str) -> &'a Table {
    match find(run, id) {
        AnyNode::Table(table) => table,
        other => panic!("{id} is {other:?}"),
    }
}

pub(crate) fn the_router<'a>(run: &'a Run, id: &str) -> &'a Router {
    match find(run, id) {
        AnyNode::Router(router) => router,
        other => panic!("{id} is {other:?}"),
    }
}

pub(crate) fn the_database<'a>(run: &'a Run, id: &str) -> &'a Database {
    match find(run, id) {
        AnyNode::Database(database) => database,
        other => panic!("{id} is {other:?}"),
    }
}

pub(crate) fn the_cluster<'a>(run: &'a Run, id: &str) -> &'a Cluster {
    match find(run, id) {
        AnyNode::Cluster(cluster) => cluster,
        other => panic!("{id} is {other:?}"),
    }
}

pub(crate) fn the_registry<'a>(run: &'a Run, id: &str) -> &'a Registry {
    match find(run, id) {
        AnyNode::Registry(registry) => registry,
        other => panic!("{id} is {other:?}"),
    }
}

pub(crate) fn the_gateway<'a>(run: &'a Run, id: &str) -> &'a Gateway {
    match find(run, id) {
        AnyNode::Gateway(gateway) => gateway,
        other => panic!("{id} is {other:?}"),
    }
}

pub(crate) fn the_queue<'a>(run: &'a Run, id: &str) -> &'a Queue {
    match find(run, id) {
        AnyNode::Queue(queue) => queue,
        other => panic!("{id} is {other:?}"),
    }
}

pub(crate) fn the_worker<'a>(run: &'a Run, id: &str) -> &'a Worker {
    match find(run, id) {
        AnyNode::Worker(worker) => worker,
        other => panic!("{id} is {other:?}"),
    }
}

pub(crate) fn the_board<'a>(run: &'a Run, id: &str) -> &'a Board {
    match find(run, id) {
        AnyNode::Board(board) => board,
        other => panic!("{id} is {other:?}"),
    }
}

pub(crate) fn the_group<'a>(run: &'a Run, id: &str) -> &'a Group {
    match find(run, id) {
        AnyNode::Group(group) => group,
        other => panic!("{id} is {other:?}"),
    }
}

fn find<'a>(run: &'a Run, id: &str) -> &'a AnyNode {
    let number = run.find(id).unwrap_or_else(|| panic!("there is no {id}"));
    &run.nodes()[usize::from(number.0)]
}
