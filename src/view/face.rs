//! What each node shows about itself: numbers, cells, rows, state. Made afresh from the run.

pub use super::cluster::ClusterRow;
pub use super::database::MemberRow;
pub use super::gateway::{GateCell, RouteRow};
pub use super::queue::MessageRow;
pub use super::registry::InstanceRow;
use crate::node::balancer::Health;
use crate::node::{AnyNode, Arrivals, Balancer, Clients, Kind, Server};
use crate::scenario::build::Run;
use crate::scenario::{Impairment, NodeSpec, Scenario, impairment};
use crate::sim::{Time, apart};
use crate::stats::judge::Violation;
use crate::view::board::{self, BoardFace};
use crate::view::cache_face::{self, Ring};
use crate::view::group::{self, Fleet};
use crate::view::shards::{self, Placing, ShareRow};
use crate::view::{cluster, database, gateway, queue, registry, rows, server};

/// How a node is doing, for its border, its badge and its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It runs.
    Fine,
    /// It runs, but everything takes longer.
    Slow,
    /// It stands still: nothing happens in it.
    Still,
    /// It runs, but is marked unhealthy, or is to be chosen no more.
    Unhealthy,
    /// It crashed.
    Down,
}

/// What a node shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Face {
    /// How it is doing.
    pub condition: Condition,
    /// Its one live number, with unit.
    pub number: String,
    /// A quiet second line.
    pub detail: String,
    /// What it shows of its inside.
    pub inside: Inside,
    /// Everything it shows, in words.
    pub words: String,
}

/// What a node shows of its inside.
#[derive(Clone, Debug, PartialEq)]
pub enum Inside {
    /// Clients: latencies so far.
    Latency {
        /// `p50 136 ms`.
        p50: String,
        /// `p99 392 ms`.
        p99: String,
    },
    /// A balancer: one row per backend.
    Rows(Vec<Row>),
    /// A server: its cores and its queue.
    Cells {
        /// Cores at work.
        busy: u32,
        /// Cores.
        cores: u32,
        /// Requests waiting.
        waiting: u32,
        /// Waiting places.
        places: u32,
        /// Cores at work over cores, 0 to 1.
        load: f64,
    },
    /// A cache: its entries.
    Rings {
        /// One for each place.
        rings: Vec<Ring>,
        /// How many entries have no place.
        more: usize,
        /// What happened last: who left for whom, or what is in danger.
        note: String,
    },
    /// A table: one row per partition.
    Partitions(Vec<ShareRow>),
    /// A shard router: one row per shard, and the placement.
    Shards(Vec<ShareRow>, Placing),
    /// A database: a row per member.
    Members(Vec<MemberRow>),
    /// A cache cluster: a row per member, and the placement.
    Cluster(Vec<ClusterRow>, Placing),
    /// A registry: a row per instance, and what happened last.
    Instances(Vec<InstanceRow>, String),
    /// A gateway: its gates, then a row per route.
    Gates(Vec<GateCell>, Vec<RouteRow>),
    /// A queue: a row per queue, or per partition and group.
    Messages(Vec<MessageRow>),
    /// An autoscaled group: a box per server, and what was measured.
    Group(Fleet),
    /// A board: its readings and its alerts.
    Board(BoardFace),
}

/// A backend in a balancer.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// A bar from -1 to 1.
    pub bar: f64,
    /// The number beside it.
    pub number: String,
    /// Is it next, or the strongest?
    pub next: bool,
    /// Can it be chosen?
    pub healthy: bool,
}

/// What the node shows now. Absent when it is not in the run.
pub fn face(scenario: &Scenario, run: &Run, spec: &NodeSpec) -> Option<Face> {
    let id = run.find(&spec.id)?;
    let card = run.card(id);
    let now = run.now();
    let impaired = impairment(scenario, &spec.id, now);
    let condition = match () {
        () if !card.up => Condition::Down,
        () if impaired.paused => Condition::Still,
        () if !card.healthy || card.draining => Condition::Unhealthy,
        () if impaired.slow > 1 => Condition::Slow,
        () => Condition::Fine,
    };
    let mut face = match &run.nodes()[usize::from(id.0)] {
        AnyNode::Clients(node) => apart(|| clients(node, now)),
        AnyNode::Balancer(node) => apart(|| balancer(node, now)),
        AnyNode::Server(node) => apart(|| server(node, now)),
        AnyNode::Cache(node) => apart(|| cache_face::face(node, run)),
        AnyNode::Table(node) => apart(|| shards::table(node, now)),
        AnyNode::Router(node) => apart(|| shards::router(node, run)),
        AnyNode::Database(node) => apart(|| database::face(node, now)),
        AnyNode::Cluster(node) => apart(|| cluster::face(node, run)),
        AnyNode::Gateway(node) => apart(|| gateway::face(node, run)),
        AnyNode::Registry(node) => {
            apart(|| registry::face(node, run, condition == Condition::Down))
        }
        AnyNode::Queue(node) => apart(|| queue::face(node, now)),
        AnyNode::Worker(node) => apart(|| queue::worker(node, now)),
        AnyNode::Group(node) => apart(|| group::face(node, now)),
        AnyNode::Board(node) => apart(|| board::face(node)),
    };
    face.condition = condition;
    if impaired != Impairment::NONE && card.up {
        let words = match impaired.draining {
            true => match run.through(id) {
                0 => format!("{}: nothing is left", impaired.words()),
                n => format!("{}: {n} left", impaired.words()),
            },
            false if impaired.paused => {
                format!("{}: {} wait", impaired.words(), run.at_door(id))
            }
            false => impaired.words(),
        };
        face.words = format!("{words}; {}", face.words);
        face.detail = words;
    }
    if condition == Condition::Down {
        face.detail = "crashed".to_owned();
        face.words = format!("crashed; {}", face.words);
    }
    if let (AnyNode::Balancer(node), Condition::Down) = (&run.nodes()[usize::from(id.0)], condition)
        && let Some(words) = node.last_words()
    {
        face.detail = words.to_owned();
    }
    if unwired(scenario, spec) {
        let words = match spec.kind {
            Kind::Queue(_) => "no worker takes from it yet",
            _ if passes_on(&spec.kind) => "not wired yet",
            _ => "nothing sends to it yet",
        };
        face.detail = words.to_owned();
    }
    Some(face)
}

fn unwired(scenario: &Scenario, spec: &NodeSpec) -> bool {
    // A board reads without a wire.
    !matches!(spec.kind, Kind::Board(_))
        && !scenario.links.iter().any(|link| match passes_on(&spec.kind) {
            true => link.from == spec.id,
            false => link.to == spec.id,
        })
}

/// Is it there to send requests, or to pass on what comes?
fn passes_on(kind: &Kind) -> bool {
    match kind {
        Kind::Clients(_)
        | Kind::Balancer(_)
        | Kind::Router(_)
        | Kind::Registry(_)
        | Kind::Gateway(_)
        | Kind::Queue(_) => true,
        Kind::Server(_)
        | Kind::Cache(_)
        | Kind::Table(_)
        | Kind::Database(_)
        | Kind::Cluster(_)
        | Kind::Worker(_)
        | Kind::Group(_)
        | Kind::Board(_) => false,
    }
}

fn clients(node: &Clients, now: Time) -> Face {
    let config = node.config();
    let latency = node.latency();
    let (thinking, waiting) = node.users();
    let answered = node.answered().per_second(now);
    let judge = node.judge();
    let stale = judge.count(Violation::StaleRead);
    let counts = node.attempts();
    // More calls than requests: what a retry storm is made of.
    let tries = counts.made as f64 / (node.sent().total() as f64).max(1.0);
    let in_attempts = match counts.made {
        0 => String::new(),
        made => format!(
            "; {made} attempts, {} timed out, {} retries, {} hedges, {} answers too late",
            counts.timed_out, counts.retries, counts.hedges, counts.late
        ),
    };
    let guards = match node.guards_state(now) {
        state if state.is_empty() => state,
        state => format!("; {state}"),
    };
    let users = match config.arrivals {
        Arrivals::Closed => format!("{thinking} users think, {waiting} wait for an answer; "),
        _ => String::new(),
    };
    let words = format!(
        "{users}sent {}, answered {}, failed {}, median {}, 99th percentile {}; {stale} stale \
         reads, {} own writes not seen, {} reads that went back in time{in_attempts}{guards}",
        node.sent().total(),
        node.answered().total(),
        node.failed(),
        latency.percentile(50.0),
        latency.percentile(99.0),
        judge.count(Violation::OwnWriteUnseen),
        judge.count(Violation::BackInTime)
    );
    Face {
        condition: Condition::Fine,
        number: pace(node, now),
        detail: match stale {
            0 if counts.made > 0 => {
                format!("{}/s \u{b7} {tries:.1} tries each", rate(answered))
            }
            0 if config.arrivals == Arrivals::Closed => {
                format!("{thinking} think \u{b7} {} answered/s", rate(answered))
            }
            0 => format!("{} answered/s", rate(answered)),
            n => format!("{}/s \u{b7} {n} stale", rate(answered)),
        },
        inside: Inside::Latency {
            p50: latency.percentile(50.0).to_string(),
            p99: latency.percentile(99.0).to_string(),
        },
        words,
    }
}

/// How many requests clients make now, or how many of their users wait.
fn pace(node: &Clients, now: Time) -> String {
    let config = node.config();
    match config.arrivals {
        Arrivals::OneByOne | Arrivals::List => format!("{} sent", node.sent().total()),
        Arrivals::Closed => format!("{} wait", node.users().1),
        Arrivals::Bursts => format!("{} requests/s in a burst", rate(config.rate)),
        Arrivals::Poisson | Arrivals::Constant => format!("{} requests/s", rate(config.rate)),
        Arrivals::Ramp | Arrivals::Day => {
            let now = config.curve().map_or(0.0, |curve| curve.rate(now.seconds()));
            format!("{} per s now", rate(now))
        }
    }
}

fn balancer(node: &Balancer, now: Time) -> Face {
    let name = node.config().entry().name;
    let shares: Vec<String> = (node.backends().iter().zip(node.picks()))
        .enumerate()
        .map(|(place, (backend, picks))| {
            let mark = if backend.healthy { "" } else { " (unhealthy)" };
            let guards = match node.guards_state(place, now) {
                state if state.is_empty() => state,
                state => format!(" ({state})"),
            };
            format!("{} got {picks}{mark}{guards}", backend.name)
        })
        .collect();
    Face {
        condition: Condition::Fine,
        number: format!("{}/s", rate(node.picked().per_second(now))),
        detail: match (node.health().to_dead, node.keeps_limits()) {
            (0, true) => {
                let places = node.config().queue.places;
                format!("{} of {places} wait here", node.waiting().value())
            }
            (0, false) => name.to_owned(),
            (lost, _) => format!("{lost} sent to dead servers"),
        },
        inside: Inside::Rows(rows::of_balancer(node, now)),
        words: format!("{name}; {}{}{}", shares.join(", "), line(node), beliefs(node, now)),
    }
}

/// Who waits in a balancer for a server that has room.
fn line(node: &Balancer) -> String {
    if !node.keeps_limits() {
        return String::new();
    }
    format!(
        "; {} of {} waiting places taken, {} had to wait, {} found no place, {} waited in vain",
        node.waiting().value(),
        node.config().queue.places,
        node.waited(),
        node.turned_away(),
        node.waited_in_vain()
    )
}

/// What a balancer that has to find out believes about its servers, and what that cost.
fn beliefs(node: &Balancer, now: Time) -> String {
    if node.config().health.how == Health::Mark {
        return String::new();
    }
    let all = node.backends().iter().enumerate();
    let words =
        all.map(|(place, backend)| format!("{} {}", backend.name, node.believes(place, now)));
    let words = words.collect::<Vec<String>>().join(", ");
    format!("; believes {words}; {} requests sent to dead servers", node.health().to_dead)
}

fn server(node: &Server, now: Time) -> Face {
    let config = node.config();
    let (busy, waiting) = (node.busy().value(), node.waiting().value());
    let cores = u32::from(config.cores);
    let held = node.held().value().min(cores);
    let words = format!(
        "{} answered per second, {busy} of {cores} cores busy, {waiting} of {} places taken, \
         {} arrived, {} answered, {} refused, {} lost{}",
        rate(node.served().per_second(now)),
        config.queue_limit,
        node.arrived().total(),
        node.served().total(),
        node.refused() + node.refused_memory() + node.shed() + node.too_late(),
        node.lost(),
        server::words(node, now)
    );
    let taken = (busy + held).min(cores);
    Face {
        condition: Condition::Fine,
        number: format!("{}/s", rate(node.served().per_second(now))),
        detail: server::detail(node, now),
        inside: Inside::Cells {
            busy: taken,
            cores,
            waiting,
            places: config.queue_limit,
            load: f64::from(taken) / f64::from(cores.max(1)),
        },
        words,
    }
}

/// A rate with as many digits as help.
pub(super) fn rate(per_second: f64) -> String {
    match per_second {
        r if r >= 99.95 => format!("{r:.0}"),
        r if r >= 9.95 && r.fract() == 0.0 => format!("{r:.0}"),
        r if r.fract() == 0.0 => format!("{r:.0}"),
        r => format!("{r:.1}"),
    }
}
