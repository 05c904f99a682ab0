//! The table of all kinds: how people meet each, what it may be wired to, what is modelled.

use super::{
    BalancerConfig, BoardConfig, CacheConfig, ClientsConfig, ClusterConfig, DatabaseConfig,
    GatewayConfig, GroupConfig, QueueConfig, RegistryConfig, RouterConfig, ServerConfig,
    TableConfig, WorkerConfig,
};
use super::{Family, Kind};

/// A kind as people meet it.
#[derive(Debug)]
pub struct KindEntry {
    /// Which kind.
    pub family: Family,
    /// Its name in files, and the beginning of the ids of new nodes.
    pub key: &'static str,
    /// Its number in links; never reused.
    pub wire: u8,
    /// Its name in the palette.
    pub name: &'static str,
    /// What it does, in one line.
    pub blurb: &'static str,
    /// How nodes of this kind are called when they are new; a number follows where it may.
    pub label: &'static str,
    /// May requests come to it over a link?
    pub takes: bool,
    /// To which kinds it may send requests.
    pub sends_to: &'static [Family],
    /// Where a link would be refused although kinds fit: the most links that may leave it.
    pub links_max: usize,
    /// Can it be slowed down?
    pub slows: bool,
    /// Can it be made to refuse what would change its contents?
    pub refuses: bool,
    /// What is modelled, by which formula, and what is not.
    pub card: &'static str,
    /// A new one.
    pub make: fn() -> Kind,
}

/// Who takes requests, the likeliest first.
const ANYWHERE: &[Family] = &[
    Family::Server,
    Family::Balancer,
    Family::Cache,
    Family::Database,
    Family::Router,
    Family::Table,
    Family::Cluster,
    Family::Registry,
    Family::Gateway,
    Family::Queue,
    Family::Group,
];

/// Every kind, in the order of the palette.
pub const CATALOGUE: &[KindEntry] = &[
    KindEntry {
        family: Family::Clients,
        key: "clients",
        wire: 0,
        name: "Clients",
        blurb: "Send requests, at a rate or as users who wait",
        label: "Clients",
        takes: false,
        sends_to: ANYWHERE,
        links_max: 1,
        slows: false,
        refuses: false,
        card: "Poisson arrivals: gaps between requests are exponential with mean 1 / rate; on a \
               ramp or over a day there are as many as area under the rate. Users of a closed loop \
               wait for their answer, think, and ask again: never more requests than users. \
               Keys are alike, by Zipf's law (the k-th in proportion to 1 / k^s), from a hot set, \
               or in order. An address is a session: answers are judged by the versions they give. \
               With a timeout, retries, hedges or guards each attempt is a call of its own: what \
               was given up goes on at the servers, and its answer is dropped. With none of them \
               a client waits for its answer.",
        make: || Kind::Clients(ClientsConfig::default()),
    },
    KindEntry {
        family: Family::Balancer,
        key: "balancer",
        wire: 1,
        name: "Balancer",
        blurb: "Chooses a server for each request",
        label: "Balancer",
        takes: true,
        sends_to: ANYWHERE,
        links_max: 512,
        slows: false,
        refuses: false,
        card: "Chooses in no time. As in the course it reads each server's health mark \
               directly and at once; or it finds out: by checks over the same wires, which \
               servers answer in 0.1 ms when their turn comes, or from requests that fail. A \
               server that joins is taken to be up. Checks of other kinds of node are \
               answered as they answer anything that they do not understand.",
        make: || Kind::Balancer(BalancerConfig::default()),
    },
    KindEntry {
        family: Family::Server,
        key: "server",
        wire: 2,
        name: "Server",
        blurb: "Works on requests, asks those behind it",
        label: "s",
        takes: true,
        sends_to: ANYWHERE,
        links_max: 64,
        slows: true,
        refuses: false,
        card: "Cores serve one request each and the rest wait, or all share the cores. \
               Load = rate \u{d7} service time / cores; mean response of one core with exponential \
               times, or shared by all, = service time / (1 \u{2212} load). Then it asks those \
               it is wired to, in turn or all at once; a core held meanwhile is a thread that \
               waits, and servers that hold cores and ask one another in a ring can wait for \
               ever, as in reality. A request holds its memory from arrival to answer; answers \
               leave one after another, each for size \u{d7} 8 / network speed. Health checks \
               wait in line and take 0.1 ms. Storage changes \
               nothing about how fast a server is; it is only in the table of machines.",
        make: || Kind::Server(ServerConfig::default()),
    },
    KindEntry {
        family: Family::Cache,
        key: "cache",
        wire: 3,
        name: "Cache",
        blurb: "Keeps answers; somebody has to leave",
        label: "Cache",
        takes: true,
        sends_to: &[Family::Database, Family::Router, Family::Table, Family::Server],
        links_max: 1,
        slows: true,
        refuses: true,
        card: "Real keys in real versions: a hit is a hit because that key is here. Any eviction \
               policy, any of six patterns. Poisson reads of one key at rate r with time to live T \
               hit with probability rT / (1 + rT). Looks do not wait for each other; sizes of \
               values are not modelled, and range queries pass through.",
        make: || Kind::Cache(CacheConfig::default()),
    },
    KindEntry {
        family: Family::Table,
        key: "table",
        wire: 5,
        name: "Table",
        blurb: "Rows in partitions, by hash or by range",
        label: "Table",
        takes: true,
        sends_to: &[],
        links_max: 0,
        slows: true,
        refuses: true,
        card: "Each partition has workers and a queue of its own; load = its share of the queries \
               \u{d7} rate \u{d7} time / workers. A query for one key touches one partition; a run \
               of keys touches all with a hash, and only the ranges it meets otherwise, at the \
               same time, and waits for the last. Rows survive a crash, queries in hand do not. \
               Splits take no time; indexes, locks and the size of rows are not modelled.",
        make: || Kind::Table(TableConfig::default()),
    },
    KindEntry {
        family: Family::Router,
        key: "router",
        wire: 6,
        name: "Shard router",
        blurb: "Sends each key to the shard that owns it",
        label: "Shard router",
        takes: true,
        sends_to: &[Family::Database, Family::Table, Family::Server],
        links_max: 512,
        slows: false,
        refuses: false,
        card: "Places keys in no time. Its shards are the nodes it is wired to, in that order, by \
               their names and weights. At the start it hands each its rows. When shards change, \
               rows stay behind or move by two calls each, beside the traffic; moving a share of \
               1 / (n + 1) for one more shard is the least there is. The router keeps a log: rows \
               in its hands survive a crash. Copies of a shard are not modelled.",
        make: || Kind::Router(RouterConfig::default()),
    },
    KindEntry {
        family: Family::Database,
        key: "database",
        wire: 4,
        name: "Database",
        blurb: "Keeps values: a primary and its replicas",
        label: "Database",
        takes: true,
        sends_to: &[],
        links_max: 0,
        slows: true,
        refuses: true,
        card: "A primary takes changes and sends its log to replicas in order; each member has \
               workers, a line and its own versions. Under constant lag d and apply time a, a \
               replica read t after a change is stale exactly when t < d + a. \
               R + W > N makes reads meet the newest acknowledged change. A client address is a \
               session and sends changes to the primary it knows, until that one refuses. \
               Not modelled: transactions, the way back of replicas' acknowledgements, the work of \
               applying; a range query costs as much as one read.",
        make: || Kind::Database(DatabaseConfig::default()),
    },
    KindEntry {
        family: Family::Cluster,
        key: "cluster",
        wire: 7,
        name: "Cache cluster",
        blurb: "Caches that share keys out and keep copies",
        label: "Cache cluster",
        takes: true,
        sends_to: &[Family::Database, Family::Router, Family::Table, Family::Server],
        links_max: 1,
        slows: true,
        refuses: true,
        card: "A coordinator places each key on its members, reads and writes by levels, and \
               notices by missing heartbeats who is gone: after (misses \u{2212} 1) to misses \
               intervals. R + W > N makes reads meet the newest acknowledged version while members \
               stay as they are. Copies that nobody waits for come after the delay. A member that \
               dies loses what it held; one that is cut off comes back with what is old by then. \
               Not modelled: several coordinators that disagree, sizes of values, the work that \
               copies cost, single flight; range queries pass through.",
        make: || Kind::Cluster(ClusterConfig::default()),
    },
    KindEntry {
        family: Family::Registry,
        key: "registry",
        wire: 10,
        name: "Registry",
        blurb: "Knows who is well; clients discover through it",
        label: "Registry",
        takes: true,
        sends_to: &[Family::Server],
        links_max: 64,
        slows: false,
        refuses: false,
        card: "Consul's rules: servers register when they start, are critical until a check says \
               otherwise, and are struck out when critical for longer than a minute, by a reaper \
               that comes every 30 s. A dead instance stays visible for up to interval + timeout, \
               and then until clients' lists expire. Each node wired to it is one client with one \
               list; that part runs with the client and outlives a crash of the registry, which \
               keeps its catalogue and forgets who was well. All servers are one service. Not \
               modelled: several registry servers, watches.",
        make: || Kind::Registry(RegistryConfig::default()),
    },
    KindEntry {
        family: Family::Gateway,
        key: "gateway",
        wire: 11,
        name: "Gateway",
        blurb: "One door for many services, with filters",
        label: "Gateway",
        takes: true,
        sends_to: ANYWHERE,
        links_max: 64,
        slows: false,
        refuses: false,
        card: "Routes by service and path: what stands before the colon of a key, or what clients \
               say. One balancer for all services sends a request to a wrong server with the share \
               of the others among all instances. Gates in order: route, token, rate limit, room, \
               canary, breaker, then timeout, retries and deadline round each attempt. It decides \
               in no time, reads marks of health as in the course, and learns of dead servers only \
               from requests that fail. An attempt given up still costs its server. Not modelled: \
               encryption, aggregation, caching.",
        make: || Kind::Gateway(GatewayConfig::default()),
    },
    KindEntry {
        family: Family::Queue,
        key: "queue",
        wire: 8,
        name: "Queue",
        blurb: "Keeps messages until a worker has handled them",
        label: "Queue",
        takes: true,
        sends_to: &[Family::Worker],
        links_max: 64,
        slows: false,
        refuses: false,
        card: "Whatever is asked becomes a message, and its producer is answered when it is taken \
               in. As a broker: exchanges, bindings, prefetch, redelivery to the old place, time \
               to live at the head, length limits, dead letters, confirms, restarts. As a log: \
               partitions by key, offsets, groups of readers, rebalances. Published = waiting + \
               with workers + handled + lost + dropped + dead letters, always. While more comes \
               than is handled the depth grows by the difference of the rates. Sizes of messages, \
               flow control and replicas of the broker are not modelled; 50,000 messages fit.",
        make: || Kind::Queue(QueueConfig::default()),
    },
    KindEntry {
        family: Family::Worker,
        key: "worker",
        wire: 9,
        name: "Worker",
        blurb: "Takes messages from a queue and handles them",
        label: "w",
        takes: true,
        sends_to: &[Family::Database, Family::Table],
        links_max: 1,
        slows: true,
        refuses: false,
        card: "Handles cores / time messages per second at most. It may fail on every so many \
               tries, or on some messages for good, and ask a database for each message while it \
               keeps the core. What it held when it died is gone from it; whether the queue still \
               has it is a matter of acknowledgement. What has been handled all workers of a \
               queue remember together, as by a unique key: an idempotent one skips what comes \
               again, another does it twice.",
        make: || Kind::Worker(WorkerConfig::default()),
    },
    KindEntry {
        family: Family::Group,
        key: "group",
        wire: 12,
        name: "Autoscaled group",
        blurb: "Identical servers, as many as the load needs",
        label: "Group",
        takes: true,
        sends_to: &[],
        links_max: 0,
        slows: true,
        refuses: false,
        card: "Servers behind one address, started and stopped by target tracking: wanted = \
               ceil(current \u{d7} measured / target), nothing within the tolerance, two \
               cool-downs. A new server costs from its start and serves after its start-up time. \
               Cost = price \u{d7} the integral of the number of servers. In steady load it \
               settles at the fewest servers whose utilisation is at most the target. Choosing a \
               server and deciding take no time; those in it ask nobody else.",
        make: || Kind::Group(GroupConfig::default()),
    },
    KindEntry {
        family: Family::Board,
        key: "board",
        wire: 13,
        name: "Board",
        blurb: "Watches everything, and alerts by your rules",
        label: "Board",
        takes: false,
        sends_to: &[],
        links_max: 0,
        slows: false,
        refuses: false,
        card: "Looks ten times a second at every request that was made or ended and at how busy \
               nodes are, and changes nothing. Rate = requests / window, errors = failed / ended, \
               percentiles to within 2 %, saturation = cores or workers at work of all. A rule \
               that is broken is pending, and fires once it has been so for as long as it says. \
               Metrics that come late or get lost are not modelled.",
        make: || Kind::Board(BoardConfig::default()),
    },
];
