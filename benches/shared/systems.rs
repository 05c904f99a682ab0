//! The systems that are measured, natively and in a browser alike, each as one function from a
//! number of customers to what came out: how many events it took, and the mean response.

use std::cell::RefCell;
use std::hint::black_box;

use switchyard::node::clients::Popularity;
use switchyard::node::{
    AnyNode, BalancerConfig, CacheConfig, ClientsConfig, DatabaseConfig, Kind, RouterConfig,
    ServerConfig,
};
use switchyard::scenario::build::{self, Run};
use switchyard::scenario::{LinkSpec, NodeSpec, Scenario};
use switchyard::session::Session;
use switchyard::sim::{Dist, Rng, Silent, Sink, Span, Time};

use super::hand_loop::hand_loop;

/// The load of every server here.
pub const LOAD: f64 = 0.8;
/// The mean service time.
pub const SERVICE_MS: f64 = 1.0;
/// Requests per second that make about 80,000 events of a minute.
pub const MINUTE_RATE: f64 = 80_000.0 / 60.0 / 6.0;

/// What a system did.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    /// Customers that came out.
    pub customers: u64,
    /// Events it took.
    pub events: u64,
    /// Their mean time in it, in mean service times.
    pub response: f64,
}

/// A system by name.
#[derive(Debug)]
pub struct System {
    /// As `benches/run.mjs` calls it.
    pub name: &'static str,
    /// Is it measured in customers per second?
    pub rate: bool,
    /// Runs it.
    pub run: fn(u64) -> Done,
}

const fn rate(name: &'static str, run: fn(u64) -> Done) -> System {
    System { name, rate: true, run }
}

const fn task(name: &'static str, run: fn(u64) -> Done) -> System {
    System { name, rate: false, run }
}

/// What is measured in the browser as well as natively.
pub const SYSTEMS: &[System] = &[
    rate("hand 1", |customers| yardstick(1, customers)),
    rate("hand 4", |customers| yardstick(4, customers)),
    rate("hand 1, log", |customers| yardstick_log(1, customers)),
    rate("M/M/1", |customers| engine(1, 1, 0.0, customers)),
    rate("M/M/4", |customers| engine(4, 1, 0.0, customers)),
    rate("M/M/1, 1 ms", |customers| engine(1, 1, 1.0, customers)),
    rate("M/M/4, 1 ms", |customers| engine(4, 1, 1.0, customers)),
    rate("two balancers", |customers| engine(1, 2, 1.0, customers)),
    rate("five hops", five_hops),
    task("minute", minutes),
    task("seek", seeks),
];

/// The yardstick with the engine's own exponential.
pub fn yardstick(servers: u32, customers: u64) -> Done {
    let (mut gaps, mut services) = streams();
    let gap = Dist::exponential(mean_gap(servers));
    let service = Dist::exponential(Span::from_millis_f64(SERVICE_MS));
    let mean_ns = hand_loop(
        servers,
        customers,
        || gap.draw(&mut gaps).ns(),
        || service.draw(&mut services).ns(),
    );
    done(customers, customers * 2, mean_ns)
}

/// The yardstick with the textbook's exponential: one logarithm for each draw.
pub fn yardstick_log(servers: u32, customers: u64) -> Done {
    let (mut gaps, mut services) = streams();
    let (gap, service) = (mean_gap(servers).ns() as f64, SERVICE_MS * 1e6);
    let draw = |rng: &mut Rng, mean: f64| (-libm::log(1.0 - rng.unit()) * mean) as u64;
    let mean_ns =
        hand_loop(servers, customers, || draw(&mut gaps, gap), || draw(&mut services, service));
    done(customers, customers * 2, mean_ns)
}

/// The engine: clients, link, a row of balancers, link, a server, and all the way back.
pub fn engine(cores: u16, balancers: u32, latency_ms: f64, customers: u64) -> Done {
    let mut run = build::build(&chain(cores, balancers, latency_ms));
    run_customers(&mut run, customers, &mut Silent)
}

/// Clients, a balancer, eight caches, a shard router and eight databases of four workers, and all
/// the way back. What a cache has goes no further.
fn five_hops(customers: u64) -> Done {
    FIVE_HOPS.with_borrow_mut(|run| {
        let run = run.get_or_insert_with(|| build::build(&sharded_caches()));
        advance(run, customers, 6, &mut Silent)
    })
}

thread_local! {
    /// They go on where the slice before ended: handing every shard its rows and filling the caches
    /// would be most of what so short a slice measures.
    static FIVE_HOPS: RefCell<Option<Run>> = const { RefCell::new(None) };
}

/// A scenario of a minute and about 80,000 events, to its end and so many times, as the page runs
/// it: with its series and its snapshots.
fn minutes(times: u64) -> Done {
    let mut events = 0;
    for _ in 0..times {
        events += minute(MINUTE_RATE).run().events();
    }
    done(0, events, 0.0)
}

/// A minute at 1,000 requests a second, and then going to so many instants all over it.
fn seeks(times: u64) -> Done {
    let mut session = minute(1_000.0);
    for number in 0..times {
        session.seek(instant(number));
    }
    done(0, session.run().events(), 0.0)
}

/// A session of a minute at so many requests a second, at its end.
pub fn minute(rate: f64) -> Session {
    let mut session = Session::new(three_servers(rate)).expect("the scenario passes its check");
    session.advance(Span::from_millis(60_000), u64::MAX);
    session
}

/// Instants scattered over a minute, the same ones every time.
pub fn instant(number: u64) -> Time {
    Time::from_ns(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 60_000_000_000)
}

/// Runs until so many customers more have come out, with this sink.
pub fn run_customers<S: Sink>(run: &mut Run, customers: u64, sink: &mut S) -> Done {
    // Each takes two events for each link, an arrival and a departure.
    let each = 2 * run.links().len() as u64 + 2;
    advance(run, customers, each, sink)
}

/// The same where a customer takes about so many events.
fn advance<S: Sink>(run: &mut Run, customers: u64, each: u64, sink: &mut S) -> Done {
    let (before, events) = (run.tally().completed, run.events());
    let wanted = before + customers;
    while run.tally().completed < wanted {
        let missing = (wanted - run.tally().completed) * each;
        run.run_until(Time::MAX, missing, sink);
    }
    black_box(run.trace_hash());
    let AnyNode::Clients(clients) = &run.nodes()[0] else { unreachable!("clients come first") };
    let mean_ns = clients.latency().mean().ns() as f64;
    done(run.tally().completed - before, run.events() - events, mean_ns)
}

/// Clients, a row of balancers and a server, wired one after the other.
pub fn chain(cores: u16, balancers: u32, latency_ms: f64) -> Scenario {
    let mut nodes = vec![clients("clients", load_rate(cores))];
    nodes.extend((0..balancers).map(|number| balancer(&format!("balancer{number}"))));
    nodes.push(server("server", cores));
    let links = nodes.windows(2).map(|pair| link(&pair[0].id, &pair[1].id, latency_ms)).collect();
    Scenario { nodes, links, ..Scenario::default() }
}

/// Keys by Zipf's law through caches that hold a twentieth of them each, over shards at a third of
/// what they can do.
fn sharded_caches() -> Scenario {
    const COLUMN: u32 = 8;
    let keys = 100_000;
    let crowd = ClientsConfig {
        rate: 20_000.0,
        keys,
        popularity: Popularity::Zipf,
        ..ClientsConfig::default()
    };
    let balancing = BalancerConfig { strategy: "power_of_two", ..BalancerConfig::default() };
    let shelf = CacheConfig {
        capacity: keys / 20,
        policy: "sieve",
        ttl_ms: 0.0,
        hit_ms: 0.0,
        ..CacheConfig::default()
    };
    let shard = DatabaseConfig {
        replicas: 0,
        workers: 4,
        read_ms: SERVICE_MS,
        records: keys,
        ..DatabaseConfig::default()
    };
    let mut scenario = Scenario::default();
    scenario.nodes.push(node("clients", Kind::Clients(crowd)));
    scenario.nodes.push(node("balancer", Kind::Balancer(balancing)));
    scenario.nodes.push(node("router", Kind::Router(RouterConfig::default())));
    scenario.links.push(link("clients", "balancer", 0.1));
    for number in 0..COLUMN {
        let (cache, database) = (format!("cache{number}"), format!("database{number}"));
        scenario.nodes.push(node(&cache, Kind::Cache(shelf.clone())));
        scenario.nodes.push(node(&database, Kind::Database(shard.clone())));
        scenario.links.push(link("balancer", &cache, 0.1));
        scenario.links.push(link(&cache, "router", 0.1));
        scenario.links.push(link("router", &database, 0.1));
    }
    scenario
}

/// So many groups of ten nodes: clients, a balancer and eight servers, with links of 1 ms.
pub fn groups(count: u32) -> Scenario {
    const SERVERS: u32 = 8;
    let mut scenario = Scenario::default();
    for group in 0..count {
        let (from, balancer_id) = (format!("clients{group}"), format!("balancer{group}"));
        scenario.nodes.push(clients(&from, load_rate(1) * f64::from(SERVERS)));
        scenario.nodes.push(balancer(&balancer_id));
        scenario.links.push(link(&from, &balancer_id, 1.0));
        for number in 0..SERVERS {
            let id = format!("server{group}-{number}");
            scenario.links.push(link(&balancer_id, &id, 1.0));
            scenario.nodes.push(server(&id, 1));
        }
    }
    scenario
}

/// A run with about so many requests in flight: one server, and a thousand times what it can do.
pub fn flood(requests: u64) -> Run {
    let mut scenario = chain(1, 1, 1.0);
    scenario.nodes[0] = clients("clients", 1e6);
    let mut run = build::build(&scenario);
    while (run.requests().len() as u64) < requests {
        run.run_until(Time::MAX, requests, &mut Silent);
    }
    run
}

/// One balancer before three servers at about half load, `rate` requests a second in all.
pub fn three_servers(rate: f64) -> Scenario {
    let mut scenario = Scenario::default();
    scenario.nodes.push(clients("clients", rate));
    scenario.nodes.push(balancer("balancer"));
    scenario.links.push(link("clients", "balancer", 5.0));
    for number in 1..=3 {
        let config = ServerConfig { service_ms: 1_500.0 / rate, ..ServerConfig::default() };
        let id = format!("server{number}");
        scenario.links.push(link("balancer", &id, 5.0));
        scenario.nodes.push(node(&id, Kind::Server(config)));
    }
    scenario
}

fn clients(id: &str, rate: f64) -> NodeSpec {
    node(id, Kind::Clients(ClientsConfig { rate, ..ClientsConfig::default() }))
}

fn balancer(id: &str) -> NodeSpec {
    node(id, Kind::Balancer(BalancerConfig::default()))
}

fn server(id: &str, cores: u16) -> NodeSpec {
    // A queue in which nobody is ever turned away.
    let (service_ms, queue_limit) = (SERVICE_MS, 1_000_000);
    let config = ServerConfig { cores, service_ms, queue_limit, ..ServerConfig::default() };
    node(id, Kind::Server(config))
}

fn node(id: &str, kind: Kind) -> NodeSpec {
    NodeSpec { id: id.to_owned(), label: id.to_owned(), x: 0, y: 0, kind }
}

fn link(from: &str, to: &str, latency_ms: f64) -> LinkSpec {
    LinkSpec { from: from.to_owned(), to: to.to_owned(), latency_ms, loss: 0.0 }
}

/// Requests per second that bring so many cores to the load.
fn load_rate(cores: u16) -> f64 {
    LOAD * f64::from(cores) * 1e3 / SERVICE_MS
}

fn mean_gap(servers: u32) -> Span {
    Span::from_millis_f64(SERVICE_MS / (LOAD * f64::from(servers)))
}

fn streams() -> (Rng, Rng) {
    (Rng::stream(1, "hand", "arrivals"), Rng::stream(1, "hand", "service"))
}

fn done(customers: u64, events: u64, mean_ns: f64) -> Done {
    Done { customers, events, response: mean_ns / (SERVICE_MS * 1e6) }
}
