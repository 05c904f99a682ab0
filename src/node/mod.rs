//! The kinds of component: how each reacts to a request, an answer, a timer, a fault.
//!
//! To add a kind: one file, or a folder when it grows, with its settings (which are
//! [`Settings`]) and its behaviour; one variant of [`Kind`] and of [`AnyNode`] with the arms that
//! the compiler then asks for; one row in [`CATALOGUE`]. Palette, inspector, files, links and the
//! test against dead knobs follow from the row.

pub mod aside;
pub mod balancer;
pub mod board;
mod busy;
pub mod cache;
mod catalogue;
pub mod clients;
pub mod cluster;
pub mod database;
pub mod gateway;
pub mod group;
pub mod guarded;
mod kind;
pub mod machine;
pub mod param;
pub mod queue;
pub mod registry;
pub mod router;
pub mod server;
mod shape;
mod shelf;
pub mod table;
pub mod tuning;
pub mod worker;

pub use balancer::{Balancer, BalancerConfig};
pub use board::{Board, BoardConfig};
pub use cache::{Cache, CacheConfig};
pub use catalogue::{CATALOGUE, KindEntry};
pub use clients::{Arrivals, Clients, ClientsConfig};
pub use cluster::{Cluster, ClusterConfig};
pub use database::{Database, DatabaseConfig};
pub use gateway::{Gateway, GatewayConfig};
pub use group::{Group, GroupConfig};
pub use kind::{Family, Kind, PARTS_MAX, Settings};
pub use param::{Choice, Range, Spec, Value};
pub use queue::{Queue, QueueConfig};
pub use registry::{Registry, RegistryConfig};
pub use router::{Router, RouterConfig};
pub use server::{Calls, Discipline, Server, ServerConfig, Service};
pub use table::{Table, TableConfig};
pub use worker::{Worker, WorkerConfig};

use crate::sim::{Context, Event, Node, Signal, Sink, Time, apart};

/// A node of any kind, running.
#[derive(Debug)]
pub enum AnyNode {
    /// Clients.
    Clients(Box<Clients>),
    /// A load balancer.
    Balancer(Box<Balancer>),
    /// A server.
    Server(Box<Server>),
    /// A cache.
    Cache(Box<Cache>),
    /// A partitioned table.
    Table(Box<Table>),
    /// A shard router.
    Router(Box<Router>),
    /// A database.
    Database(Box<Database>),
    /// A cache cluster.
    Cluster(Box<Cluster>),
    /// A registry.
    Registry(Box<Registry>),
    /// A gateway.
    Gateway(Box<Gateway>),
    /// A queue.
    Queue(Box<Queue>),
    /// A worker.
    Worker(Box<Worker>),
    /// An autoscaled group.
    Group(Box<Group>),
    /// A board.
    Board(Box<Board>),
}

impl Clone for AnyNode {
    fn clone(&self) -> AnyNode {
        match self {
            AnyNode::Clients(node) => AnyNode::Clients(apart(|| node.clone())),
            AnyNode::Balancer(node) => AnyNode::Balancer(apart(|| node.clone())),
            AnyNode::Server(node) => AnyNode::Server(apart(|| node.clone())),
            AnyNode::Cache(node) => AnyNode::Cache(apart(|| node.clone())),
            AnyNode::Table(node) => AnyNode::Table(apart(|| node.clone())),
            AnyNode::Router(node) => AnyNode::Router(apart(|| node.clone())),
            AnyNode::Database(node) => AnyNode::Database(apart(|| node.clone())),
            AnyNode::Cluster(node) => AnyNode::Cluster(apart(|| node.clone())),
            AnyNode::Registry(node) => AnyNode::Registry(apart(|| node.clone())),
            AnyNode::Gateway(node) => AnyNode::Gateway(apart(|| node.clone())),
            AnyNode::Queue(node) => AnyNode::Queue(apart(|| node.clone())),
            AnyNode::Worker(node) => AnyNode::Worker(apart(|| node.clone())),
            AnyNode::Group(node) => AnyNode::Group(apart(|| node.clone())),
            AnyNode::Board(node) => AnyNode::Board(apart(|| node.clone())),
        }
    }
}

impl AnyNode {
    /// A node with these settings, called `id`, in a run with this seed.
    pub fn new(id: &str, seed: u64, kind: &Kind) -> AnyNode {
        match kind {
            Kind::Clients(c) => {
                AnyNode::Clients(apart(|| Box::new(Clients::new(id, seed, c.clone()))))
            }
            Kind::Balancer(c) => {
                AnyNode::Balancer(apart(|| Box::new(Balancer::new(id, seed, c.clone()))))
            }
            Kind::Server(c) => {
                AnyNode::Server(apart(|| Box::new(Server::new(id, seed, c.clone()))))
            }
            Kind::Cache(c) => AnyNode::Cache(apart(|| Box::new(Cache::new(id, seed, c.clone())))),
            Kind::Table(c) => AnyNode::Table(apart(|| Box::new(Table::new(id, seed, c.clone())))),
            Kind::Router(c) => AnyNode::Router(apart(|| Box::new(Router::new(c.clone())))),
            Kind::Database(c) => {
                AnyNode::Database(apart(|| Box::new(Database::new(id, seed, c.clone()))))
            }
            Kind::Cluster(c) => {
                AnyNode::Cluster(apart(|| Box::new(Cluster::new(id, seed, c.clone()))))
            }
            Kind::Registry(c) => {
                AnyNode::Registry(apart(|| Box::new(Registry::new(id, seed, c.clone()))))
            }
            Kind::Gateway(c) => {
                AnyNode::Gateway(apart(|| Box::new(Gateway::new(id, seed, c.clone()))))
            }
            Kind::Queue(c) => AnyNode::Queue(apart(|| Box::new(Queue::new(c.clone())))),
            Kind::Worker(c) => {
                AnyNode::Worker(apart(|| Box::new(Worker::new(id, seed, c.clone()))))
            }
            Kind::Group(c) => AnyNode::Group(apart(|| Box::new(Group::new(id, seed, c.clone())))),
            Kind::Board(c) => AnyNode::Board(apart(|| Box::new(Board::new(c.clone())))),
        }
    }

    /// About how many bytes a clone takes beyond what every node takes: what can pile up in it and
    /// is not shared between clones.
    pub fn bytes(&self) -> usize {
        match self {
            AnyNode::Queue(node) => node.bytes(),
            AnyNode::Clients(node) => node.bytes(),
            _ => 0,
        }
    }

    /// New settings while it runs. Settings of another kind change nothing.
    pub fn configure<S: Sink>(&mut self, kind: &Kind, cx: &mut Context<'_, S>) {
        match (self, kind) {
            (AnyNode::Clients(node), Kind::Clients(config)) => node.configure(config.clone(), cx),
            (AnyNode::Balancer(node), Kind::Balancer(config)) => node.configure(config.clone(), cx),
            (AnyNode::Server(node), Kind::Server(config)) => node.configure(config.clone(), cx),
            (AnyNode::Cache(node), Kind::Cache(config)) => {
                apart(|| node.configure(config.clone(), &mut cx.any()))
            }
            (AnyNode::Table(node), Kind::Table(config)) => {
                apart(|| node.configure(config.clone(), &mut cx.any()))
            }
            (AnyNode::Router(node), Kind::Router(config)) => {
                apart(|| node.configure(config.clone(), &mut cx.any()))
            }
            (AnyNode::Database(node), Kind::Database(config)) => {
                apart(|| node.configure(config.clone(), &mut cx.any()))
            }
            (AnyNode::Cluster(node), Kind::Cluster(config)) => {
                apart(|| node.configure(config.clone(), &mut cx.any()))
            }
            (AnyNode::Registry(node), Kind::Registry(config)) => {
                apart(|| node.configure(config.clone(), &mut cx.any()))
            }
            (AnyNode::Gateway(node), Kind::Gateway(config)) => {
                apart(|| node.configure(config.clone(), &cx.any()))
            }
            (AnyNode::Queue(node), Kind::Queue(config)) => {
                apart(|| node.configure(config.clone(), &mut cx.any()))
            }
            (AnyNode::Worker(node), Kind::Worker(config)) => {
                apart(|| node.configure(config.clone(), &mut cx.any()))
            }
            (AnyNode::Group(node), Kind::Group(config)) => {
                apart(|| node.configure(config.clone(), &mut cx.any()))
            }
            (AnyNode::Board(node), Kind::Board(config)) => {
                apart(|| node.configure(config.clone(), &mut cx.any()))
            }
            _ => {}
        }
    }
}

/// Kinds that decide much per event are compiled once for all sinks ([`Context::any`]); the three
/// that every request crosses, once for each.
impl Node for AnyNode {
    fn start<S: Sink>(&mut self, cx: &mut Context<'_, S>) {
        match self {
            AnyNode::Clients(node) => node.start(cx),
            AnyNode::Table(node) => apart(|| node.start(&mut cx.any())),
            AnyNode::Router(node) => apart(|| node.start(&mut cx.any())),
            AnyNode::Cluster(node) => apart(|| node.start(&mut cx.any())),
            AnyNode::Registry(node) => apart(|| node.start(&mut cx.any())),
            AnyNode::Queue(node) => apart(|| node.start(&mut cx.any())),
            AnyNode::Group(node) => apart(|| node.start(&mut cx.any())),
            AnyNode::Board(node) => apart(|| node.start(&mut cx.any())),
            AnyNode::Balancer(_)
            | AnyNode::Server(_)
            | AnyNode::Cache(_)
            | AnyNode::Database(_)
            | AnyNode::Gateway(_)
            | AnyNode::Worker(_) => {}
        }
    }

    #[inline]
    fn on_event<S: Sink>(&mut self, event: Event, cx: &mut Context<'_, S>) {
        match self {
            AnyNode::Clients(node) => node.on_event(event, cx),
            AnyNode::Balancer(node) => node.on_event(event, cx),
            AnyNode::Server(node) => node.on_event(event, cx),
            AnyNode::Cache(node) => apart(|| node.on_event(event, &mut cx.any())),
            AnyNode::Table(node) => apart(|| node.on_event(event, &mut cx.any())),
            AnyNode::Router(node) => apart(|| node.on_event(event, &mut cx.any())),
            AnyNode::Database(node) => apart(|| node.on_event(event, &mut cx.any())),
            AnyNode::Cluster(node) => apart(|| node.on_event(event, &mut cx.any())),
            AnyNode::Registry(node) => apart(|| node.on_event(event, &mut cx.any())),
            AnyNode::Gateway(node) => apart(|| node.on_event(event, &mut cx.any())),
            AnyNode::Queue(node) => apart(|| node.on_event(event, &mut cx.any())),
            AnyNode::Worker(node) => apart(|| node.on_event(event, &mut cx.any())),
            AnyNode::Group(node) => apart(|| node.on_event(event, &mut cx.any())),
            AnyNode::Board(node) => apart(|| node.on_event(event, &mut cx.any())),
        }
    }

    fn on_signal<S: Sink>(&mut self, signal: Signal, cx: &mut Context<'_, S>) {
        match self {
            AnyNode::Clients(node) => node.on_signal(signal, cx),
            AnyNode::Balancer(node) => node.on_signal(signal, cx),
            AnyNode::Server(node) => node.on_signal(signal, cx),
            AnyNode::Cache(node) => apart(|| node.on_signal(signal, &mut cx.any())),
            AnyNode::Table(node) => apart(|| node.on_signal(signal, &mut cx.any())),
            AnyNode::Router(node) => apart(|| node.on_signal(signal, &mut cx.any())),
            AnyNode::Database(node) => apart(|| node.on_signal(signal, &mut cx.any())),
            AnyNode::Cluster(node) => apart(|| node.on_signal(signal, &mut cx.any())),
            AnyNode::Registry(node) => apart(|| node.on_signal(signal, &mut cx.any())),
            AnyNode::Gateway(node) => apart(|| node.on_signal(signal, &mut cx.any())),
            AnyNode::Queue(node) => apart(|| node.on_signal(signal, &mut cx.any())),
            AnyNode::Worker(node) => apart(|| node.on_signal(signal, &mut cx.any())),
            AnyNode::Group(node) => apart(|| node.on_signal(signal, &mut cx.any())),
            AnyNode::Board(node) => apart(|| node.on_signal(signal, &mut cx.any())),
        }
    }

    fn missed<S: Sink>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        if let AnyNode::Queue(node) = self {
            node.missed(slot, &mut cx.any());
        }
    }

    fn busy(&self, now: Time) -> Option<f64> {
        self.busy_share(now)
    }
}
