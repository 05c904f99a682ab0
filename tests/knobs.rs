//! No dead knobs: everything that can be set changes what happens, from the start and while it
//! runs; and in every built-in scenario everybody has something to do.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use switchyard::node::cache::Pattern;
use switchyard::node::clients::Popularity;
use switchyard::node::{
    AnyNode, BoardConfig, CATALOGUE, CacheConfig, ClientsConfig, ClusterConfig, DatabaseConfig,
    GatewayConfig, GroupConfig, Kind, Range, RegistryConfig, ServerConfig, Spec, Value,
};
use switchyard::policy::balance::Memory;
use switchyard::policy::registry::Pick;
use switchyard::scenario::gallery::GALLERY;
use switchyard::scenario::{FaultKind, Scenario, link};
use switchyard::session::{Command, Report, Session};
use switchyard::sim::{NodeId, Op, Request, Span};

use common::{presets, steady, trio, with_queue, with_router, with_table};

/// What a parameter needs around it before it can matter. One that is not here is tried in the
/// middle of the common scenario; a new parameter that does nothing there fails until it has a row.
const CONTEXTS: &[(&str, &str, Context)] = &[
    // A pause is only made between answer and request.
    ("clients", "pause", Context::with(&[("c", "arrivals", "one_by_one")])),
    // Each belongs to one popularity.
    ("clients", "zipf_s", Context::with(&[("c", "popularity", "zipf")])),
    ("clients", "hot_keys", Context::with(&[("c", "popularity", "hot")])),
    ("clients", "hot_share", Context::with(&[("c", "popularity", "hot")])),
    ("clients", "scan_width", Context::with(&[("c", "scans", "50")])),
    // Each belongs to one way to make requests.
    ("clients", "burst_size", Context::with(&[("c", "arrivals", "bursts")])),
    ("clients", "burst_pause", Context::with(&[("c", "arrivals", "bursts")])),
    ("clients", "ramp_from", Context::with(&[("c", "arrivals", "ramp")])),
    ("clients", "ramp_start", Context::with(&[("c", "arrivals", "ramp")])),
    ("clients", "ramp_over", Context::with(&[("c", "arrivals", "ramp")])),
    ("clients", "swing", Context::with(&[("c", "arrivals", "day")])),
    ("clients", "period", Context::with(&[("c", "arrivals", "day")])),
    ("clients", "peak_at", Context::with(&[("c", "arrivals", "day")])),
    ("clients", "times", Context::with(&[("c", "arrivals", "list")])),
    ("clients", "users", Context::with(&[("c", "arrivals", "closed")])),
    ("clients", "think", Context::with(&[("c", "arrivals", "closed")])),
    ("clients", "think_spread", Context::with(&[("c", "arrivals", "closed")])),
    ("clients", "key_list", Context::with(&[("c", "popularity", "listed")])),
    // Only some strategies look at addresses.
    ("clients", "addresses", Context::with(&[("lb", "strategy", "ip_hash")])),
    // Strategies that differ only in what they do when a server is removed, or a connection lost.
    ("balancer", "strategy", Context { remove: Some("s1"), loss: 0.05, ..Context::with(&[]) }),
    // A second try is made when a connection was lost.
    ("balancer", "tries", Context { kill: Some("s1"), ..Context::with(&[]) }),
    // Nobody waits where everybody has room, and nobody for too long where they are few.
    (
        "balancer",
        "connections",
        Context::with(&[("s1", "queue", "500"), ("s2", "queue", "500"), ("s3", "queue", "500")]),
    ),
    ("balancer", "queue", Context::with(&[("lb", "connections", "1")])),
    (
        "balancer",
        "queue_timeout",
        Context::with(&[("lb", "connections", "1"), ("lb", "queue", "500")]),
    ),
    // Only nginx's and HAProxy's strategies know limits and backups.
    (
        "server",
        "in_flight_max",
        Context::with(&[("lb", "strategy", "nginx_round_robin"), ("s3", "queue", "500")]),
    ),
    // Bounds and splits are those of ranges.
    ("table", "bounds", Context::with(&[("t", "scheme", "range")])),
    ("table", "split", Context::with(&[("t", "scheme", "range"), ("t", "records", "4000")])),
    // What is placed elsewhere shows when the shards change.
    ("router", "migration", Context { remove: Some("s1"), ..Context::with(&[]) }),
    ("router", "meanwhile", MOVING),
    ("router", "move_rate", MOVING),
    ("server", "backup", Context::with(&[("lb", "strategy", "nginx_round_robin")])),
    // Each belongs to one distribution of service times.
    ("server", "cv", Context::with(&[("s3", "spread", "log_normal")])),
    ("server", "alpha", Context::with(&[("s3", "spread", "pareto")])),
    ("server", "list", Context::with(&[("s3", "spread", "list")])),
    // Each belongs to another one of the machine: nothing is held, or sent, until it is set.
    ("server", "memory", Context::with(&[("s3", "memory_per_request", "1000")])),
    ("server", "memory_per_request", Context::with(&[("s3", "memory", "1")])),
    ("server", "network", Context::with(&[("s3", "response_kb", "1000")])),
    // There must be somebody to ask.
    ("server", "calls", Context { behind: true, ..Context::with(&[]) }),
    ("server", "hold", Context { behind: true, ..Context::with(&[]) }),
    // There must be a cache to manage.
    ("server", "on_write", Context { aside: true, ..Context::with(&[]) }),
    // Each belongs to one pattern.
    ("cache", "refresh_at", Context::with(&[("cache", "pattern", "refresh_ahead")])),
    ("cache", "flush", Context::with(&[("cache", "pattern", "write_behind")])),
    // Only a key that nobody has written yet can be missing.
    ("database", "records", Context::with(&[("db", "records", "5"), ("c", "writes", "5")])),
    ("database", "queue", Context::with(&[("db", "reads", "primary_only")])),
    // Each matters to one way to replicate.
    (
        "database",
        "semi_timeout",
        Context::with(&[("db", "semi_timeout", "60"), ("db", "replication", "semi_sync")]),
    ),
    // Short enough to be over while it runs.
    ("database", "lifetime", Context::with(&[("db", "lifetime", "200")])),
    // Two that wait for one replica differ when the time is over.
    ("database", "replication", Context::with(&[("db", "semi_timeout", "60")])),
    ("database", "wait_for", Context::with(&[("db", "replication", "wait")])),
    // Each belongs to watchers, and to who is known to be gone.
    ("database", "sentinel_quorum", Context::with(&[("db", "sentinels", "5")])),
    ("database", "sentinels_frozen", Context::with(&[("db", "sentinels", "3")])),
    (
        "database",
        "max_silence",
        Context::with(&[("db", "min_replicas", "2"), ("db", "max_silence", "0.1")]),
    ),
    // One at work alone has nobody to wait for.
    ("database", "contention", Context::with(&[("db", "workers", "4")])),
    ("database", "coherency", Context::with(&[("db", "workers", "4")])),
    // Only gateways look at services.
    ("clients", "services", Context { scene: "gateway", ..Context::with(&[]) }),
    // Each belongs to one way to check, and a dead instance must be noticed.
    ("registry", "check", Context::with(&[("reg", "silence", "5")])),
    ("registry", "silence", Context::with(&[("reg", "check", "heartbeat")])),
    ("registry", "phi", Context::with(&[("reg", "check", "phi")])),
    ("registry", "forget", Context::with(&[("reg", "ttl", "6"), ("reg", "lost", "0")])),
    // A canary is one of a route, a limit for somebody, and each of the others to a filter.
    ("gateway", "no_token", Context::with(&[("gw", "auth", "on")])),
    ("gateway", "limit_per", Context::with(&[("gw", "limiter", "token_bucket")])),
    ("gateway", "breaker_percent", BREAKING),
    ("gateway", "breaker_calls", BREAKING),
    ("gateway", "breaker_open", BREAKING),
    ("gateway", "backoff_base", Context::with(&[("gw", "backoff", "full_jitter")])),
    ("gateway", "budget_percent", Context::with(&[("gw", "budget", "finagle_budget")])),
    ("gateway", "under_way", Context::with(&[("c", "rate", "3000")])),
    // Strategies that differ by weights, or only in what they do when a server is removed.
    (
        "gateway",
        "strategy",
        Context { remove: Some("s4"), ..Context::with(&[("s1", "weight", "3")]) },
    ),
    ("database", "write_quorum", Context::with(&[("db", "replication", "quorum")])),
    ("database", "read_quorum", Context::with(&[("db", "replication", "quorum")])),
    // Time limits matter where something takes that long.
    ("clients", "timeout", TOO_SLOW),
    ("clients", "hedge", TOO_SLOW),
    ("clients", "deadline", TOO_SLOW),
    // What happens between attempts needs attempts, and failures.
    ("clients", "backoff", Context::with(&[("c", "tries", "3")])),
    (
        "clients",
        "backoff_base",
        Context::with(&[("c", "tries", "3"), ("c", "backoff", "fixed_backoff")]),
    ),
    (
        "clients",
        "backoff_cap",
        Context::with(&[("c", "tries", "3"), ("c", "backoff", "full_jitter")]),
    ),
    ("clients", "budget", Context::with(&[("c", "tries", "3"), ("s1", "service", "2000")])),
    // A circuit breaker needs many failures.
    ("clients", "breaker", FAILING_MOST),
    ("clients", "breaker_percent", FAILING_MOST),
    ("clients", "breaker_calls", FAILING_MOST),
    (
        "clients",
        "breaker_open",
        Context::with(&[
            ("c", "breaker", "hystrix"),
            ("s1", "service", "2000"),
            ("c", "breaker_open", "1"),
        ]),
    ),
    ("clients", "at_once_most", Context::with(&[("c", "at_once", "bulkhead")])),
    // Each belongs to one way to find out who is there, and somebody must die.
    ("balancer", "health", DYING),
    (
        "balancer",
        "check_interval",
        Context { kill: Some("s1"), ..Context::with(&[("lb", "health", "checks")]) },
    ),
    (
        "balancer",
        "check_timeout",
        Context::with(&[("lb", "health", "checks"), ("lb", "check_timeout", "50")]),
    ),
    ("balancer", "rise", CHECKED),
    ("balancer", "fall", CHECKED),
    (
        "balancer",
        "out_after",
        Context { kill: Some("s1"), ..Context::with(&[("lb", "health", "passive")]) },
    ),
    ("balancer", "out_for", COMING_BACK),
    ("balancer", "max_ejected", Context::with(&[("lb", "health", "outliers")])),
    (
        "balancer",
        "panic",
        Context::with(&[("lb", "health", "outliers"), ("lb", "max_ejected", "100")]),
    ),
    ("balancer", "slow_start", COMING_BACK),
    // Guards before a server that nobody leaves out, although it is dead.
    ("balancer", "breaker", DEAD_AND_USED),
    ("balancer", "breaker_percent", DEAD_AND_USED),
    ("balancer", "breaker_calls", DEAD_AND_USED),
    ("balancer", "breaker_open", DEAD_AND_USED),
    ("balancer", "at_once", LIMITED),
    (
        "balancer",
        "at_once_most",
        Context::with(&[("lb", "at_once", "bulkhead"), ("lb", "at_once_most", "5")]),
    ),
    // A line long enough to be too long, and deadlines that pass in it.
    ("server", "shed", Context::with(&[("s3", "queue", "500"), ("s3", "service", "200")])),
    (
        "server",
        "drop_late",
        Context::with(&[
            ("c", "deadline", "300"),
            ("s3", "queue", "500"),
            ("s3", "service", "200"),
        ]),
    ),
    // Nobody is repaired whose answer was not heard beside another.
    ("cluster", "repair", Context::with(&[("k", "read_level", "quorum")])),
    // Each belongs to an exchange that looks at it, or to messages that no queue is bound for.
    ("queue", "bindings", Context::with(&[("q", "exchange", "topic")])),
    (
        "queue",
        "routing_key",
        Context::with(&[("q", "exchange", "direct"), ("q", "bindings", "put user.7")]),
    ),
    ("queue", "mandatory", Context::with(&[("q", "exchange", "direct")])),
    // Short enough to be reached.
    ("queue", "ttl", Context::with(&[("q", "ttl", "200")])),
    ("queue", "length", Context::with(&[("q", "length", "20")])),
    ("queue", "overflow", Context::with(&[("q", "length", "20")])),
    // Each belongs to something that is done with what fails.
    ("queue", "tries", Context::with(&[("w1", "poison_every", "5"), ("q", "tries", "1")])),
    ("queue", "retry_after", Context::with(&[("q", "on_failure", "retry")])),
    ("queue", "dead_letters", Context::with(&[("q", "on_failure", "reject")])),
    ("queue", "partitions", Context::with(&[("q", "form", "log")])),
    ("queue", "groups", Context::with(&[("q", "form", "log")])),
    ("queue", "assignor", Context::with(&[("q", "form", "log")])),
    ("queue", "partitioner", Context::with(&[("q", "form", "log")])),
    ("queue", "session", Context::with(&[("q", "form", "log")])),
    ("queue", "rebalance", Context::with(&[("q", "form", "log")])),
    // More than one message at a time must have been sent to it.
    ("worker", "cores", Context::with(&[("q", "prefetch", "10")])),
    ("worker", "poison_every", BUSY),
    ("worker", "idempotent", BUSY),
    // Somebody must be at work where servers are taken out.
    (
        "group",
        "drain",
        Context::with(&[
            ("g", "metric", "queue_depth"),
            ("g", "service", "300"),
            ("g", "cores", "4"),
        ]),
    ),
    // Each belongs to one measure.
    ("group", "target_queue", Context::with(&[("g", "metric", "queue_depth")])),
    // Each belongs to one distribution of service times.
    ("group", "cv", Context::with(&[("g", "spread", "log_normal")])),
    ("group", "alpha", Context::with(&[("g", "spread", "pareto")])),
    ("group", "list", Context::with(&[("g", "spread", "list")])),
];

/// The common scenario of a kind, and the node of that kind in it.
fn common_scenario(kind: &str) -> (Scenario, &'static str) {
    match kind {
        "cache" => (common::cached(5, 160.0), "cache"),
        // More traffic than the servers can take, so that queues and cores matter.
        "clients" => (trio(5, 160.0), "c"),
        "balancer" => (trio(5, 160.0), "lb"),
        "server" | "" => (trio(5, 160.0), "s3"),
        "table" => (with_table(5, 160.0), "t"),
        "router" => (with_router(5, 160.0), "sh"),
        "database" => (replicated(), "db"),
        "cluster" => (clustered(), "k"),
        "registry" => (discovered(), "reg"),
        "gateway" => (filtered(), "gw"),
        "queue" => (with_queue(5, 160.0), "q"),
        "worker" => (with_queue(5, 160.0), "w1"),
        "group" => (scaled(), "g"),
        "board" => (watched(), "b"),
        other => panic!("{other} has no common scenario"),
    }
}

/// Servers that take seconds.
const TOO_SLOW: Context =
    Context::with(&[("s1", "service", "3000"), ("s2", "service", "3000"), ("s3", "queue", "500")]);

/// A server that dies.
const DYING: Context = Context { kill: Some("s1"), ..Context::with(&[]) };

/// Servers so busy that checks fail.
const CHECKED: Context =
    Context::with(&[("lb", "health", "checks"), ("lb", "check_interval", "50")]);

/// A server that is dead, left out, and tried again.
const COMING_BACK: Context = Context {
    kill: Some("s1"),
    ..Context::with(&[("lb", "health", "passive"), ("lb", "out_for", "0.5")])
};

/// A server that is dead and goes on being chosen, behind a circuit breaker.
const DEAD_AND_USED: Context = Context {
    kill: Some("s1"),
    ..Context::with(&[
        ("lb", "health", "passive"),
        ("lb", "out_after", "1000"),
        ("lb", "breaker", "hystrix"),
        ("lb", "breaker_percent", "10"),
        ("lb", "breaker_open", "1"),
    ])
};

/// Servers with long lines behind a limit on calls at once.
const LIMITED: Context = Context::with(&[
    ("lb", "at_once_most", "5"),
    ("s1", "queue", "500"),
    ("s2", "queue", "500"),
    ("s3", "queue", "500"),
]);

/// A server that fails most of its requests, and a circuit breaker.
const FAILING_MOST: Context =
    Context::with(&[("c", "breaker", "hystrix"), ("s1", "service", "2000")]);
/// Most messages go to one worker, and are done when the broker has forgotten that it sent them.
const BUSY: Context = Context::with(&[("w1", "service", "5"), ("q", "prefetch", "10")]);

/// A shard goes, and rows move.
const MOVING: Context =
    Context { remove: Some("s1"), ..Context::with(&[("sh", "migration", "move")]) };

/// A breaker that opens at a server that is dead for a while.
const BREAKING: Context = Context::with(&[
    ("gw", "breaker", "hystrix"),
    ("gw", "retries", "0"),
    ("gw", "breaker_calls", "8"),
    ("gw", "breaker_open", "0.5"),
]);

/// A registry that goes down, and instances that die and come back, one of them struck out before;
/// ten times as long as the other scenarios, because checks are seconds apart.
fn discovered() -> Scenario {
    let config = RegistryConfig {
        interval_s: 2.0,
        timeout_s: 0.3,
        pick: Pick::RoundRobin,
        ttl_s: 0.5,
        lost: 10.0,
        ..RegistryConfig::default()
    };
    let small = ServerConfig { service_ms: 40.0, queue_limit: 2, ..ServerConfig::default() };
    let mut nodes = vec![common::poisson("c", 16.0), common::registry("reg", config)];
    nodes.extend(["s1", "s2", "s3"].map(|id| common::server(id, small.clone())));
    let wires = ["s1", "s2", "s3"].map(|id| common::link("reg", id, 5.0));
    let mut made =
        common::scenario(5, nodes, [vec![common::link("c", "reg", 5.0)], wires.to_vec()].concat());
    made.faults = vec![
        common::fault(9_000, "s3", FaultKind::Crash),
        common::fault(15_000, "s2", FaultKind::Slow(20)),
        common::fault(30_000, "s2", FaultKind::Normal),
        common::fault(100_000, "reg", FaultKind::Crash),
        common::fault(100_700, "reg", FaultKind::Restart),
        common::fault(130_000, "s3", FaultKind::Restart),
    ];
    made
}

/// A gateway for two services, with a canary and a bit of every filter, at servers that are slow
/// and die.
fn filtered() -> Scenario {
    let asks = ClientsConfig {
        rate: 120.0,
        services: "user, orders".to_owned(),
        addresses: 40,
        ..ClientsConfig::default()
    };
    let config = GatewayConfig {
        routes: "user: s1 s2 s4 canary s3; orders: s3 s4".to_owned(),
        timeout_ms: 150.0,
        retries: 2,
        canary: 10.0,
        backoff: "fixed_backoff",
        ..GatewayConfig::default()
    };
    let small = ServerConfig { service_ms: 25.0, queue_limit: 4, ..ServerConfig::default() };
    let names = ["s1", "s2", "s3", "s4"];
    let mut nodes = vec![common::clients("c", asks), common::gateway("gw", config)];
    nodes.extend(names.map(|id| common::server(id, small.clone())));
    let wires = names.map(|id| common::link("gw", id, 5.0));
    let mut made =
        common::scenario(5, nodes, [vec![common::link("c", "gw", 5.0)], wires.to_vec()].concat());
    made.faults = vec![
        common::fault(1_500, "s1", FaultKind::Crash),
        common::fault(3_300, "s1", FaultKind::Restart),
    ];
    made
}

/// A database whose members die, are cut off, and come back.
fn replicated() -> Scenario {
    let config = DatabaseConfig {
        workers: 1,
        queue_limit: 6,
        detection_ms: 300.0,
        ..DatabaseConfig::default()
    };
    let asks = ClientsConfig {
        rate: 160.0,
        writes: 50.0,
        keys: 20,
        addresses: 10,
        ..ClientsConfig::default()
    };
    let nodes = vec![common::clients("c", asks), common::database("db", config)];
    let mut scenario = common::scenario(5, nodes, vec![common::link("c", "db", 5.0)]);
    scenario.faults = vec![
        common::fault(600, "db", FaultKind::CutPart(0)),
        common::fault(1_300, "db", FaultKind::CrashPart(2)),
        common::fault(1_800, "db", FaultKind::JoinPart(0)),
        common::fault(2_200, "db", FaultKind::RestartPart(2)),
        common::fault(2_600, "db", FaultKind::CrashPart(1)),
    ];
    scenario
}

/// A cluster in front of a database, whose members die, are cut off, come back and join.
fn clustered() -> Scenario {
    let config = ClusterConfig {
        members: 5,
        copies: 3,
        capacity: 12,
        look_ms: 4.0,
        workers: 1,
        queue_limit: 3,
        timeout_ms: 40.0,
        heartbeat_ms: 100.0,
        ttl_ms: 300.0,
        joins_s: 2.0,
        handover: true,
        hints: true,
        ..ClusterConfig::default()
    };
    let asks = ClientsConfig {
        rate: 300.0,
        writes: 20.0,
        deletes: 5.0,
        keys: 60,
        addresses: 10,
        popularity: Popularity::Zipf,
        ..ClientsConfig::default()
    };
    let store = DatabaseConfig { workers: 64, replicas: 0, ..DatabaseConfig::default() };
    let nodes = vec![
        common::clients("c", asks),
        common::cluster("k", config),
        common::database("db", store),
    ];
    let wires = vec![common::link("c", "k", 5.0), common::link("k", "db", 5.0)];
    let mut scenario = common::scenario(5, nodes, wires);
    scenario.faults = vec![
        common::fault(1_150, "k", FaultKind::CutPart(0)),
        common::fault(1_420, "k", FaultKind::CrashPart(2)),
        common::fault(1_900, "k", FaultKind::JoinPart(0)),
        common::fault(2_700, "k", FaultKind::RestartPart(2)),
        common::fault(3_100, "k", FaultKind::CrashPart(1)),
    ];
    scenario
}

/// The common servers, too few of them for a while, and a board that watches.
fn watched() -> Scenario {
    let mut scenario = trio(5, 110.0);
    scenario.nodes.push(common::node("b", Kind::Board(BoardConfig::default())));
    scenario.faults = vec![common::fault(700, "s1", FaultKind::Crash)];
    scenario
}

/// A group that grows, loses a server and shrinks again.
fn scaled() -> Scenario {
    let config = GroupConfig {
        min: 1,
        max: 6,
        interval_ms: 200.0,
        startup_ms: 300.0,
        out_cooldown_ms: 400.0,
        in_cooldown_ms: 600.0,
        detection_ms: 200.0,
        service_ms: 40.0,
        queue_limit: 6,
        ..GroupConfig::default()
    };
    let nodes = vec![
        common::poisson("c", 40.0),
        common::poisson("burst", 120.0),
        common::group("g", config),
    ];
    let links = ["c", "burst"].map(|from| common::link(from, "g", 5.0));
    let mut scenario = common::scenario(5, nodes, links.to_vec());
    scenario.faults = vec![
        common::fault(500, "g", FaultKind::CrashPart(0)),
        common::fault(2_300, "burst", FaultKind::Crash),
        common::fault(2_900, "g", FaultKind::CrashPart(1)),
    ];
    scenario
}

/// More values than this are those of a whole catalogue.
const MANY: usize = 8;

#[derive(Clone, Copy, Default)]
struct Context {
    /// The kind whose common scenario it is.
    kind: &'static str,
    /// Another kind, in whose scenario it matters.
    scene: &'static str,
    /// What is set beforehand: node, parameter, choice or number.
    settings: &'static [(&'static str, &'static str, &'static str)],
    /// A server taken out while it runs.
    remove: Option<&'static str>,
    /// A server killed while it runs.
    kill: Option<&'static str>,
    /// How often a crossing of the wires to the servers fails.
    loss: f64,
    /// Are there two servers behind the last one?
    behind: bool,
    /// Does the last server manage a cache in front of another server, for clients that also write?
    aside: bool,
}

impl Context {
    const fn with(settings: &'static [(&'static str, &'static str, &'static str)]) -> Context {
        Context {
            kind: "",
            scene: "",
            settings,
            remove: None,
            kill: None,
            loss: 0.0,
            behind: false,
            aside: false,
        }
    }

    fn of(kind: &'static str, key: &str) -> Context {
        let row = CONTEXTS.iter().find(|(k, p, _)| (*k, *p) == (kind, key));
        let context = row.map_or_else(Context::default, |(_, _, context)| *context);
        Context { kind, ..context }
    }

    fn scenario(&self) -> Scenario {
        let scene = if self.scene.is_empty() { self.kind } else { self.scene };
        let mut scenario = common_scenario(scene).0;
        for link in scenario.links.iter_mut().filter(|link| link.from == "lb") {
            link.loss = self.loss;
        }
        if self.aside {
            let aside = CacheConfig { pattern: Pattern::CacheAside, ..CacheConfig::default() };
            scenario.nodes.push(common::cache("k", aside));
            scenario.nodes.push(steady("store", 5.0));
            scenario.links.push(common::link("s3", "k", 1.0));
            scenario.links.push(common::link("s3", "store", 1.0));
            set_in(&mut scenario, "c", "keys", Value::Number(10.0));
            set_in(&mut scenario, "c", "writes", Value::Number(30.0));
        }
        if self.behind {
            for (id, service_ms) in [("b1", 15.0), ("b2", 25.0)] {
                scenario.nodes.push(steady(id, service_ms));
                scenario.links.push(common::link("s3", id, 2.0));
            }
        }
        for (node, key, choice_or_number) in self.settings {
            let words = (*choice_or_number).to_owned();
            let kind = &scenario.node(node).expect("the node is there").kind;
            let value = match kind.spec(key).expect("it has the parameter").range {
                Range::Number { .. } => Value::Number(words.parse().expect("a number")),
                Range::Choice(_) => Value::Choice(words),
                Range::Text { .. } => Value::Text(words),
                Range::Switch => Value::Switch(words == "on"),
            };
            set_in(&mut scenario, node, key, value);
        }
        scenario
    }

    /// Runs for four seconds, with an edit after the first if there is one; for so many times as
    /// long where checks are seconds apart.
    fn run(&self, scenario: &Scenario, edit: Option<Command>) -> Outcome {
        let times = if self.kind == "registry" { 40 } else { 1 };
        let mut session = Session::new(scenario.clone()).expect("a valid scenario");
        session.advance(Span::from_millis(1_000), u64::MAX);
        if let Some(edit) = edit {
            session.apply(edit, 0).expect("an allowed edit");
        }
        session.advance(Span::from_millis(1_003 * times), u64::MAX);
        if let Some(node) = self.remove {
            session.apply(Command::RemoveNode(node.into()), 0).expect("it can be removed");
        }
        if let Some(node) = self.kill {
            session.kill(node).expect("it can be killed");
        }
        session.advance(Span::from_millis(2_000 * times), u64::MAX);
        outcome(&session)
    }
}

/// What comes out of a run, as far as anybody can see it.
#[derive(Debug, PartialEq)]
struct Outcome {
    report: Report,
    /// What the last requests asked for.
    wants: Vec<(Op, String, u32)>,
}

fn outcome(session: &Session) -> Outcome {
    let (run, now) = (session.run(), session.run().now());
    let ended = session.series().finished(now);
    let want = |request: Request| (request.op, run.key_name(request.key), request.width);
    Outcome { report: session.report(), wants: ended.map(|f| want(f.request)).collect() }
}

fn set_in(scenario: &mut Scenario, id: &str, key: &str, value: Value) {
    let node = scenario.nodes.iter_mut().find(|node| node.id == id).expect("the node is there");
    node.kind.set(key, value).expect("an allowed value");
}

/// The values to try: every choice there is, or a number that is not the one set.
fn values(spec: &Spec, now: &Value) -> Vec<Value> {
    let all = match spec.range {
        Range::Number { min, max, handy, step, .. } => {
            [handy, min + step, max].map(Value::Number).to_vec()
        }
        Range::Choice(all) => {
            all().iter().map(|choice| Value::Choice(choice.key.to_owned())).collect()
        }
        Range::Switch => vec![Value::Switch(true), Value::Switch(false)],
        Range::Text { example, .. } => vec![Value::Text(example.to_owned())],
    };
    let others = all.into_iter().filter(|value| value != now);
    match spec.range {
        Range::Number { .. } => others.take(1).collect(),
        Range::Choice(_) | Range::Switch | Range::Text { .. } => others.collect(),
    }
}

/// Every parameter of every kind: the node to turn it on, its table row, and its context.
fn knobs() -> Vec<(&'static str, &'static str, Spec, Context)> {
    let mut knobs = Vec::new();
    for entry in CATALOGUE {
        let (scenario, id) = common_scenario(entry.key);
        let there = scenario.node(id).map(|node| node.kind.family());
        assert_eq!(there, Some(entry.family), "{id}");
        for spec in (entry.make)().specs() {
            knobs.push((entry.key, id, spec, Context::of(entry.key, spec.key)));
        }
    }
    knobs
}

#[test]
fn every_parameter_set_beforehand_changes_the_outcome() {
    for (kind, id, spec, context) in knobs() {
        let base = context.scenario();
        let now = base.node(id).and_then(|node| node.kind.get(spec.key)).expect("it has a value");
        let mut outcomes = vec![(now.clone(), context.run(&base, None))];
        for value in values(&spec, &now) {
            let mut turned = base.clone();
            set_in(&mut turned, id, spec.key, value.clone());
            outcomes.push((value, context.run(&turned, None)));
        }
        assert!(outcomes.len() > 1, "{kind}.{}: there is nothing to choose", spec.key);
        all_differ(&format!("{kind}.{}", spec.key), &outcomes);
    }
}

#[test]
fn every_parameter_turned_while_it_runs_changes_the_future() {
    for (kind, id, spec, context) in knobs() {
        let base = context.scenario();
        let now = base.node(id).and_then(|node| node.kind.get(spec.key)).expect("it has a value");
        let mut outcomes = vec![(now.clone(), context.run(&base, None))];
        for value in values(&spec, &now) {
            let turn = Command::Set(id.into(), spec.key.into(), value.clone());
            outcomes.push((value, context.run(&base, Some(turn))));
        }
        all_differ(&format!("{kind}.{} while it runs", spec.key), &outcomes);
    }
}

/// No two values may give the same, or one of them is for show. Of the many strategies, each must
/// differ from the one before the change: some do the same where this scenario leads, and
/// `tests/catalogues.rs` tells them apart where it does not.
fn all_differ(name: &str, outcomes: &[(Value, Outcome)]) {
    for (place, (value, outcome)) in outcomes.iter().enumerate() {
        let others = if outcomes.len() > MANY { place.min(1) } else { place };
        for (other, its) in &outcomes[..others] {
            assert_ne!(outcome, its, "{name} does nothing: {other:?} and {value:?} give the same");
        }
    }
}

/// What the inspector leaves out makes no difference, whatever the other choices of the kind are;
/// and it leaves out nothing that does.
#[test]
fn what_is_left_out_makes_no_difference_and_nothing_else_is_left_out() {
    let mut left_out = BTreeSet::new();
    for (kind, id, spec, context) in knobs() {
        let base = context.scenario();
        let node = |scenario: &Scenario| scenario.node(id).expect("it is there").kind.clone();
        assert!(!node(&base).idle(spec.key), "{kind}.{} matters there", spec.key);
        // The same place with the kind's other settings as they are when it is new.
        let (mut plain, _) = common_scenario(kind);
        for other in node(&plain).specs() {
            let default = node(&plain).default_of(other.key).expect("it has one");
            set_in(&mut plain, id, other.key, default);
        }
        if !node(&plain).idle(spec.key) {
            continue;
        }
        left_out.insert((kind, spec.key));
        let before = context.run(&plain, None);
        let now = node(&plain).get(spec.key).expect("it has a value");
        for value in values(&spec, &now) {
            let mut turned = plain.clone();
            set_in(&mut turned, id, spec.key, value.clone());
            let after = context.run(&turned, None);
            assert_eq!(after, before, "{kind}.{}: {value:?} matters", spec.key);
        }
    }
    assert!(left_out.len() > 12, "{left_out:?}");
}

/// What is set on a strategy reaches it, is kept for it while another is chosen, and is nobody
/// else's: `tests/catalogues.rs` tries every setting of every strategy.
#[test]
fn a_strategys_own_setting_reaches_it() {
    let context = Context::default();
    let drawing = |seed: Option<f64>| {
        let mut scenario = context.scenario();
        set_in(&mut scenario, "lb", "strategy", Value::Choice("haproxy_random".into()));
        if let Some(seed) = seed {
            set_in(&mut scenario, "lb", "seed", Value::Number(seed));
        }
        scenario
    };
    assert_ne!(context.run(&drawing(None), None), context.run(&drawing(Some(7.0)), None));
    let mut scenario = drawing(Some(7.0));
    let seed = |scenario: &Scenario| scenario.node("lb").expect("it is there").kind.get("seed");
    set_in(&mut scenario, "lb", "strategy", Value::Choice("random".into()));
    assert_eq!(seed(&scenario), None);
    assert_eq!(Scenario::from_json(&scenario.to_json()).as_ref(), Ok(&scenario));
    set_in(&mut scenario, "lb", "strategy", Value::Choice("haproxy_random".into()));
    assert_eq!(seed(&scenario), Some(Value::Number(7.0)));
    assert_eq!(Scenario::from_json(&scenario.to_json()).as_ref(), Ok(&scenario));
    assert_eq!(link::decode(&link::encode(&scenario)).as_ref(), Ok(&scenario));
}

/// A strategy that is chosen while requests are under way knows how long they took: nobody has
/// answered in no time.
#[test]
fn a_strategy_chosen_late_hears_true_times() {
    let context = Context::default();
    let mut session = Session::new(context.scenario()).expect("a valid scenario");
    session.advance(Span::from_millis(1_000), u64::MAX);
    let strategy = Value::Choice("least_response_time".into());
    session.apply(Command::Set("lb".into(), "strategy".into(), strategy), 0).expect("allowed");
    for _ in 0..60 {
        session.advance(Span::from_millis(5), u64::MAX);
        let balancer = common::the_balancer(session.run(), "lb");
        let Memory::Loads(loads, "ms") = balancer.memory(session.run().now()) else {
            panic!("least response time shows its loads in ms");
        };
        for (load, backend) in loads.iter().zip(balancer.backends()) {
            // Wires of 5 ms: even the shortest answer takes 10, and who is busy is not at zero.
            assert!(backend.in_flight == 0 || *load >= 10.0, "{}: {load} ms", backend.name);
        }
    }
}

#[test]
fn links_and_the_seed_change_the_outcome() {
    let context = Context::default();
    let base = context.scenario();
    let before = context.run(&base, None);
    for place in 0..base.links.len() {
        let (from, to) = (base.links[place].from.clone(), base.links[place].to.clone());
        for (latency_ms, loss) in [(17.0, 0.0), (5.0, 0.3)] {
            let mut turned = base.clone();
            (turned.links[place].latency_ms, turned.links[place].loss) = (latency_ms, loss);
            assert_ne!(context.run(&turned, None), before, "link {place}");
            let live = Command::SetLink(from.clone(), to.clone(), latency_ms, loss);
            assert_ne!(context.run(&base, Some(live)), before, "link {place} while it runs");
        }
    }
    let other = Scenario { seed: base.seed + 1, ..base.clone() };
    assert_ne!(context.run(&other, None), before);
    assert_ne!(context.run(&base, Some(Command::SetSeed(base.seed + 1))), before);
}

// ===== the built-in scenarios =====

#[test]
fn in_every_built_in_scenario_everybody_has_something_to_do() {
    for (name, scenario) in presets() {
        let mut session = Session::new(scenario).expect("a valid scenario");
        session.advance(Span::from_millis(20_000), u64::MAX);
        let run = session.run();
        for (number, node) in run.nodes().iter().enumerate() {
            let done = match node {
                AnyNode::Clients(clients) => clients.sent().total(),
                AnyNode::Balancer(balancer) => balancer.picked().total(),
                AnyNode::Server(server) => server.arrived().total() + server.checks(),
                AnyNode::Cache(cache) => cache.arrived().total(),
                AnyNode::Table(table) => table.arrived().total(),
                AnyNode::Router(router) => router.routed().total(),
                AnyNode::Database(database) => database.queries().total(),
                AnyNode::Cluster(cluster) => cluster.arrived().total(),
                AnyNode::Registry(registry) => registry.sent().total(),
                AnyNode::Gateway(gateway) => gateway.sent(),
                AnyNode::Queue(queue) => queue.arrived().total(),
                AnyNode::Worker(worker) => worker.arrived().total(),
                AnyNode::Group(group) => group.arrived().total(),
                // It has something to watch.
                AnyNode::Board(board) => board.readings().rate.map_or(0, |rate| rate.ceil() as u64),
            };
            assert!(done > 0, "{name}: {} does nothing", run.card(NodeId(number as u16)).id);
        }
        for (number, wire) in run.links().iter().enumerate() {
            assert!(wire.carried > 0, "{name}: nothing crosses link {number}");
        }
        assert!(run.tally().completed > 0, "{name}");
    }
}

#[test]
fn every_built_in_scenario_is_valid_and_survives_file_and_link() {
    for (name, scenario) in presets() {
        assert_eq!(scenario.check(), Ok(()), "{name}");
        let text = scenario.to_json();
        assert_eq!(Scenario::from_json(&text).as_ref(), Ok(&scenario), "{name}");
        assert_eq!(link::decode(&link::encode(&scenario)).as_ref(), Ok(&scenario), "{name}");
        assert!(!scenario.title.is_empty(), "{name} has no title");
    }
}

#[test]
fn every_scenario_file_is_in_the_gallery() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("www/scenarios");
    let entries = fs::read_dir(folder).expect("the built-in scenarios");
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let files: BTreeSet<String> =
        entries.map(|entry| name(entry.expect("a folder can be listed"))).collect();
    let listed: BTreeSet<String> =
        GALLERY.iter().map(|preset| format!("{}.json", preset.key)).collect();
    assert_eq!(files, listed);
}
