//! The simulation against queueing theory: a million customers each, within three standard errors.
//!
//! Response times of neighbours are strongly correlated, so standard errors come from the means of
//! fifty long batches, which are not.

mod common;

use switchyard::node::{Arrivals, ClientsConfig, Discipline, Kind, ServerConfig, Service};
use switchyard::scenario::Scenario;
use switchyard::scenario::build::{Run, build};
use switchyard::sim::{Outcome, Reason, Request, Sink, Time};
use switchyard::stats::theory::{
    finite, little, mg1_wait, mm1_response, mmc_response, ps_response, tandem,
};

use common::{balancer, clients, link, scenario, server, the_clients, the_server};

const CUSTOMERS: u32 = 1_000_000;
const BATCHES: usize = 50;
const SERVICE_MS: f64 = 10.0;

// ===== the queue =====

/// What stands between the clients and the server.
#[derive(Clone, Copy, Debug)]
enum Way {
    Direct,
    Balanced,
}

struct Queue {
    cores: u16,
    load: f64,
    service: Service,
    queue_limit: u32,
    way: Way,
    seed: u64,
}

const MM1: Queue = Queue {
    cores: 1,
    load: 0.8,
    service: Service::Exponential,
    queue_limit: 1_000_000,
    way: Way::Balanced,
    seed: 1,
};

impl Queue {
    fn scenario(&self) -> Scenario {
        let rate = self.load * f64::from(self.cores) * 1e3 / SERVICE_MS;
        let config = ServerConfig {
            cores: self.cores,
            service_ms: SERVICE_MS,
            service: self.service,
            queue_limit: self.queue_limit,
            ..ServerConfig::default()
        };
        let total = CUSTOMERS;
        let crowd = clients("c", ClientsConfig { rate, total, ..ClientsConfig::default() });
        let station = server("s", config);
        match self.way {
            Way::Direct => scenario(self.seed, vec![crowd, station], vec![link("c", "s", 0.0)]),
            Way::Balanced => scenario(
                self.seed,
                vec![crowd, balancer("lb", "round_robin"), station],
                vec![link("c", "lb", 0.0), link("lb", "s", 0.0)],
            ),
        }
    }

    /// Runs until the last customer has left.
    fn run(&self) -> (Run, Ended) {
        run_out(&self.scenario())
    }
}

/// Runs until the last customer has left.
fn run_out(scenario: &Scenario) -> (Run, Ended) {
    scenario.check().expect("a valid scenario");
    let mut run = build(scenario);
    let mut ended = Ended::default();
    while run.step(Time::MAX, &mut ended).is_some() {}
    assert_eq!(run.tally().sent, u64::from(CUSTOMERS));
    assert!(run.requests().is_empty() && run.conserved());
    (run, ended)
}

/// What became of each request, in the order in which they ended.
#[derive(Default)]
struct Ended {
    /// Response times of those that were answered, in service times.
    responses: Vec<f64>,
    /// For each of all: 1 when it failed, else 0.
    failures: Vec<f64>,
}

impl Sink for Ended {
    fn wants(&self, _request: &Request) -> bool {
        false
    }

    fn finished(&mut self, now: Time, request: &Request) {
        let answered = request.outcome == Outcome::Done;
        if answered {
            self.responses.push(now.since(request.born).millis() / SERVICE_MS);
        }
        self.failures.push(f64::from(u8::from(!answered)));
    }
}

// ===== statistics =====

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// A figure of each batch: their mean and its standard error.
fn in_batches(values: &[f64], figure: impl Fn(&[f64]) -> f64) -> (f64, f64) {
    let figures: Vec<f64> = values.chunks_exact(values.len() / BATCHES).map(figure).collect();
    let middle = mean(&figures);
    let squares: f64 = figures.iter().map(|f| (f - middle) * (f - middle)).sum();
    let n = figures.len() as f64;
    (middle, (squares / (n - 1.0) / n).sqrt())
}

/// Asserts a figure within three standard errors, which must themselves be small.
#[track_caller]
fn agrees(name: &str, (got, error): (f64, f64), theory: f64) {
    println!("{name}: {got:.4} +- {error:.4}, theory {theory:.4}");
    assert!(error < 0.03 * theory, "{name}: the standard error {error} of {got} proves nothing");
    assert!((got - theory).abs() <= 3.0 * error, "{name}: {got} +- {error}, not {theory}");
}

fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted[((sorted.len() as f64 * q).ceil() as usize).max(1) - 1]
}

// ===== what theory says =====

#[test]
fn mean_response_in_mm1_is_one_over_one_minus_load() {
    for (load, published, seed) in [(0.5, 2.0, 11), (0.8, 5.0, 12), (0.9, 10.0, 13)] {
        assert!((mm1_response(load) - published).abs() < 1e-9);
        let (_, ended) = Queue { load, seed, ..MM1 }.run();
        agrees(&format!("M/M/1 at {load}"), in_batches(&ended.responses, mean), published);
    }
}

#[test]
fn wires_and_a_balancer_without_length_change_no_response() {
    let (_, direct) = Queue { way: Way::Direct, ..MM1 }.run();
    let (_, balanced) = Queue { way: Way::Balanced, ..MM1 }.run();
    agrees("M/M/1 at 0.8, direct", in_batches(&direct.responses, mean), 5.0);
    assert!(direct.responses == balanced.responses, "the responses differ");
}

#[test]
fn mean_response_in_mmc_is_erlangs() {
    for (cores, published, seed) in [(2, 2.7778, 22), (3, 2.0787, 23), (4, 1.7455, 24)] {
        assert!((mmc_response(u32::from(cores), 0.8) - published).abs() < 5e-5);
        let (_, ended) = Queue { cores, seed, ..MM1 }.run();
        agrees(&format!("M/M/{cores} at 0.8"), in_batches(&ended.responses, mean), published);
    }
}

/// Pollaczek and Khinchine: without spread in service, half the waiting.
#[test]
fn mean_response_in_md1_is_pollaczeks() {
    let (_, ended) = Queue { service: Service::Constant, ..MM1 }.run();
    agrees("M/D/1 at 0.8", in_batches(&ended.responses, mean), 1.0 + 0.8 / (2.0 * 0.2));
}

/// With room for four in all, this share finds no place: load^4 (1 - load) / (1 - load^5).
#[test]
fn a_full_queue_turns_away_the_share_that_theory_says() {
    let (run, ended) = Queue { queue_limit: 3, ..MM1 }.run();
    let fourth = 0.8 * 0.8 * 0.8 * 0.8;
    let theory = fourth * 0.2 / (1.0 - fourth * 0.8);
    agrees("M/M/1/4 blocking", in_batches(&ended.failures, mean), theory);
    assert_eq!(the_server(&run, "s").refused(), run.tally().failures());
}

/// The response time in M/M/1 is exponential, so each percentile is known.
#[test]
fn percentiles_of_mm1_follow_the_exponential_law() {
    let (run, ended) = MM1.run();
    for percent in [50.0, 95.0, 99.0] {
        let q = percent / 100.0;
        let theory = -libm::log(1.0 - q) * mm1_response(MM1.load);
        let name = format!("M/M/1 at 0.8, p{percent}");
        agrees(&name, in_batches(&ended.responses, |batch| quantile(batch, q)), theory);
        // What the clients report comes from a histogram with cells of one percent.
        let exact = quantile(&ended.responses, q);
        let shown = the_clients(&run, "c").latency().percentile(percent).millis() / SERVICE_MS;
        assert!((shown / exact - 1.0).abs() < 0.01, "{name}: shows {shown}, is {exact}");
    }
}

#[test]
fn utilisation_is_the_load_and_littles_law_holds() {
    for (cores, load) in [(1, 0.5), (1, 0.9), (4, 0.8)] {
        let (run, ended) = Queue { cores, load, ..MM1 }.run();
        let (now, server) = (run.now(), the_server(&run, "s"));
        let utilisation = server.busy().mean(now) / f64::from(cores);
        assert!((utilisation / load - 1.0).abs() < 0.01, "{utilisation} busy at load {load}");
        // Everybody has left, so this is an identity and not a limit.
        let inside = server.busy().mean(now) + server.waiting().mean(now);
        let rate = run.tally().completed as f64 / now.seconds();
        let response = mean(&ended.responses) * SERVICE_MS / 1e3;
        assert!((inside / (rate * response) - 1.0).abs() < 1e-6, "{inside}, {rate} x {response}");
        let shown = the_clients(&run, "c").latency().mean().seconds();
        assert!((shown / response - 1.0).abs() < 1e-6, "the clients show {shown} s");
    }
}

// ===== other services, other disciplines, more room =====

impl Queue {
    /// The same with other settings of its server.
    fn with(&self, change: impl FnOnce(&mut ServerConfig)) -> (Run, Ended) {
        let mut scenario = self.scenario();
        let station = scenario.nodes.iter_mut().find(|node| node.id == "s").expect("the server");
        if let Kind::Server(config) = &mut station.kind {
            change(config);
        }
        run_out(&scenario)
    }
}

/// Pollaczek and Khinchine: the wait grows with one plus the squared coefficient of variation.
#[test]
fn mean_response_in_mg1_is_pollaczeks() {
    let queue = Queue { load: 0.6, way: Way::Direct, seed: 31, ..MM1 };
    let (_, steady) = queue.with(|s| (s.service, s.cv) = (Service::LogNormal, 0.5));
    agrees("M/G/1, log-normal 0.5", in_batches(&steady.responses, mean), 1.0 + mg1_wait(0.6, 0.25));
    let (_, varied) = queue.with(|s| (s.service, s.cv) = (Service::LogNormal, 1.5));
    agrees("M/G/1, log-normal 1.5", in_batches(&varied.responses, mean), 1.0 + mg1_wait(0.6, 2.25));
    // Mean 10, mean square 154: the squared coefficient of variation is 0.54.
    let (_, listed) = queue.with(|s| {
        (s.service, s.list) = (Service::List, "2 5 5 8 30".to_owned());
    });
    let square = (4.0 + 25.0 + 25.0 + 64.0 + 900.0) / 5.0 / 100.0 - 1.0;
    agrees("M/G/1, a list", in_batches(&listed.responses, mean), 1.0 + mg1_wait(0.6, square));
    let (_, tailed) = queue.with(|s| (s.service, s.alpha) = (Service::Pareto, 5.0));
    let square = 1.0 / (5.0 * 3.0);
    agrees("M/G/1, Pareto 5", in_batches(&tailed.responses, mean), 1.0 + mg1_wait(0.6, square));
}

/// Last in first out: the same mean as first in first out, for any order that looks at no length.
#[test]
fn the_order_of_a_line_changes_the_spread_and_not_the_mean() {
    let queue = Queue { load: 0.7, way: Way::Direct, seed: 41, ..MM1 };
    let (_, fifo) = queue.run();
    let (_, lifo) = queue.with(|s| s.discipline = Discipline::Lifo);
    let theory = mm1_response(0.7);
    agrees("M/M/1 last in first out", in_batches(&lifo.responses, mean), theory);
    assert!(quantile(&lifo.responses, 0.99) > 1.5 * quantile(&fifo.responses, 0.99));
    assert!(quantile(&lifo.responses, 0.5) < quantile(&fifo.responses, 0.5));
}

/// Processor sharing: 1 / (1 - load) whatever the distribution of service.
#[test]
fn processor_sharing_does_not_care_how_work_is_distributed() {
    let queue = Queue { load: 0.7, way: Way::Direct, seed: 51, ..MM1 };
    for service in [Service::Constant, Service::Exponential, Service::LogNormal, Service::List] {
        let (run, ended) = queue.with(|s| {
            (s.discipline, s.service, s.cv) = (Discipline::Sharing, service, 1.5);
            s.list = "1 1 1 1 1 1 1 1 1 91".to_owned();
        });
        let name = format!("M/G/1-PS, {service:?}");
        agrees(&name, in_batches(&ended.responses, mean), ps_response(0.7));
        let busy = the_server(&run, "s").busy().mean(run.now());
        assert!((busy / 0.7 - 1.0).abs() < 0.02, "{name}: {busy} busy");
    }
}

/// Room for 8 at 3 cores: the share that is turned away, and how long the others stay.
#[test]
fn a_full_room_of_several_cores_is_as_theory_says() {
    let queue = Queue { cores: 3, load: 0.95, queue_limit: 5, way: Way::Direct, seed: 61, ..MM1 };
    let theory = finite(3, 8, 0.95 * 3.0, 1.0);
    for discipline in [Discipline::Fifo, Discipline::Sharing] {
        // With exponential service, how the cores are shared changes nothing about how many are
        // there.
        let (_, ended) = queue.with(|s| s.discipline = discipline);
        let name = format!("M/M/3/8, {discipline:?}");
        agrees(&format!("{name}: blocked"), in_batches(&ended.failures, mean), theory.blocked);
        agrees(&format!("{name}: mean"), in_batches(&ended.responses, mean), theory.response);
    }
}

/// A server that asks another when it has done its own work is a tandem queue when it holds no
/// core meanwhile: each as if alone (Burke).
#[test]
fn a_server_that_asks_another_is_a_tandem() {
    let row = |seed, hold| {
        let config = |service_ms| ServerConfig {
            service_ms,
            hold,
            queue_limit: 1_000_000,
            ..ServerConfig::default()
        };
        let crowd = ClientsConfig { rate: 60.0, total: CUSTOMERS, ..ClientsConfig::default() };
        let nodes = vec![
            clients("c", crowd),
            server("a", config(10.0)),
            server("b", config(8.0)),
            server("d", config(3.0)),
        ];
        let links = [("c", "a"), ("a", "b"), ("b", "d")].map(|(from, to)| link(from, to, 0.0));
        scenario(seed, nodes, links.to_vec())
    };
    let (run, ended) = run_out(&row(71, false));
    // In requests per service time of 10 ms, which is the unit of the responses.
    let theory: f64 = tandem(0.6, &[1.0, 1.25, 10.0 / 3.0]).iter().sum();
    agrees("a row of three", in_batches(&ended.responses, mean), theory);
    let now = run.now();
    let rate = run.tally().completed as f64 / now.seconds();
    // Little's law at each: who is there is the rate times the response from there on.
    let alone = tandem(60.0, &[100.0, 125.0, 1_000.0 / 3.0]);
    for (place, id) in ["a", "b", "d"].into_iter().enumerate() {
        let onward: f64 = alone[place..].iter().sum();
        let inside = the_server(&run, id).inside_mean(now);
        assert!((inside / little(rate, onward) - 1.0).abs() < 0.02, "{id}: {inside}");
    }
    // Held cores make one long service of the three: at 0.6 x 2.1 the first cannot keep up.
    let mut held = build(&row(71, true));
    held.run_until(Time::from_ns(100_000_000_000), u64::MAX, &mut Ended::default());
    let first = the_server(&held, "a");
    assert!(first.waiting().value() > 500, "{} wait", first.waiting().value());
    assert!(first.held().mean(held.now()) > 0.4);
}

/// The network as a queue of its own: behind exponential service it is met by Poisson arrivals, and
/// every answer takes equally long (M/D/1).
#[test]
fn answers_that_leave_one_after_another_are_a_queue() {
    let queue = Queue { load: 0.5, way: Way::Direct, seed: 81, ..MM1 };
    // 1,000 KB at 1 Gbps are 8 ms: 40 % of the time at 50 a second.
    let (run, ended) = queue.with(|s| s.response_kb = 1_000.0);
    let network = 0.8 * (1.0 + mg1_wait(0.4, 0.0));
    agrees("M/M/1 and a network", in_batches(&ended.responses, mean), mm1_response(0.5) + network);
    let (now, server) = (run.now(), the_server(&run, "s"));
    assert!((server.sending().mean(now) / 0.4 - 1.0).abs() < 0.01);
    let rate = run.tally().completed as f64 / now.seconds();
    let response = mean(&ended.responses) * SERVICE_MS / 1e3;
    assert!((server.inside_mean(now) / little(rate, response) - 1.0).abs() < 1e-6);
}

/// Memory for so many is room for so many: M/M/1/4 again, with another reason.
#[test]
fn memory_for_four_is_room_for_four() {
    let (run, ended) = MM1.with(|s| (s.memory_gb, s.memory_per_request) = (1.0, 250.0));
    agrees("M/M/1/4 by memory", in_batches(&ended.failures, mean), finite(1, 4, 0.8, 1.0).blocked);
    assert_eq!(the_server(&run, "s").refused_memory(), run.tally().failures());
    assert_eq!(run.tally().failed[Reason::MemoryFull as usize], run.tally().failures());
}

// ===== arrivals =====

#[derive(Default)]
struct Arrived(Vec<f64>);

impl Sink for Arrived {
    fn wants(&self, _request: &Request) -> bool {
        false
    }

    fn sent(&mut self, now: Time, _request: &Request) {
        self.0.push(now.seconds());
    }
}

fn gaps(arrivals: Arrivals) -> Vec<f64> {
    let config = ClientsConfig { arrivals, rate: 50.0, total: 200_000, ..ClientsConfig::default() };
    let mut run = build(&scenario(7, vec![clients("c", config)], Vec::new()));
    let mut arrived = Arrived::default();
    while run.step(Time::MAX, &mut arrived).is_some() {}
    assert_eq!(arrived.0.len(), 200_000);
    arrived.0.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn poisson_gaps_are_exponential_and_independent() {
    let gaps: Vec<f64> = gaps(Arrivals::Poisson).iter().map(|gap| gap * 50.0).collect();
    let n = gaps.len() as f64;
    agrees("mean gap", in_batches(&gaps, mean), 1.0);
    // Kolmogorov and Smirnov: 1.63 / sqrt(n) is the 1 % point.
    let mut sorted = gaps.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let off = |(place, gap): (usize, &f64)| {
        let law = 1.0 - libm::exp(-gap);
        (place as f64 / n - law).abs().max(((place + 1) as f64 / n - law).abs())
    };
    let furthest = sorted.iter().enumerate().map(off).fold(0.0, f64::max);
    assert!(furthest < 1.63 / n.sqrt(), "{furthest} from the exponential law");
    // Neighbours: a correlation beyond 3 / sqrt(n) would be seen once in 370 seeds.
    let product: Vec<f64> = gaps.windows(2).map(|w| (w[0] - 1.0) * (w[1] - 1.0)).collect();
    assert!(mean(&product).abs() < 3.0 / n.sqrt(), "neighbours correlate: {}", mean(&product));
}

#[test]
fn constant_gaps_are_constant() {
    let gaps = gaps(Arrivals::Constant);
    assert!(gaps.iter().all(|gap| (gap - 0.02).abs() < 1e-9));
}

#[test]
fn keys_are_asked_for_equally_often() {
    let config = ClientsConfig { rate: 1_000.0, keys: 20, total: 200_000, ..Default::default() };
    let mut run = build(&scenario(7, vec![clients("c", config)], Vec::new()));
    let mut counts = std::collections::BTreeMap::<String, f64>::new();
    let mut full = switchyard::sim::Full::default();
    run.run_until(Time::from_ns(300_000_000_000), u64::MAX, &mut full);
    for (_, request) in &full.finished {
        *counts.entry(run.key_name(request.key)).or_default() += 1.0;
    }
    assert_eq!((counts.len(), full.finished.len()), (20, 200_000));
    let square = |n: &f64| (n - 1e4) * (n - 1e4) / 1e4;
    // 43.8 is the 0.1 % point of chi-square with 19 degrees of freedom.
    let chi: f64 = counts.values().map(square).sum();
    assert!(chi < 43.8, "chi-square {chi} from {counts:?}");
}

// ===== waiting in the balancer =====

/// A balancer that gives each of three servers one request at a time and lets the others wait is one
/// line before three servers, M/M/3, whatever the strategy: the mean wait is Erlang's.
#[test]
fn one_line_in_the_balancer_is_one_line_before_all_servers() {
    for strategy in ["round_robin", "haproxy_roundrobin", "least_connections", "haproxy_leastconn"]
    {
        let mut nodes = vec![common::poisson("c", 80.0), common::balancer("lb", strategy)];
        let one = ServerConfig { service_ms: 30.0, ..ServerConfig::default() };
        nodes.extend(["s1", "s2", "s3"].map(|id| common::server(id, one.clone())));
        for (key, n) in [("connections", 1.0), ("queue", 1e6)] {
            nodes[1].kind.set(key, switchyard::node::Value::Number(n)).expect(key);
        }
        let mut links = vec![common::link("c", "lb", 0.0)];
        links.extend(["s1", "s2", "s3"].map(|id| common::link("lb", id, 0.0)));
        let mut run = build(&common::scenario(11, nodes, links));
        let until = common::at_ms(4_000_000);
        run.run_until(until, u64::MAX, &mut switchyard::sim::Silent);
        let lb = common::the_balancer(&run, "lb");
        let waiting = lb.waiting().mean(until);
        // Erlang C for 2.4 Erlang on 3: the mean number that wait is C * rho / (1 - rho).
        let (load, rho) = (2.4_f64, 0.8_f64);
        let terms = 1.0 + load + load * load / 2.0;
        let last = load * load * load / 6.0 / (1.0 - rho);
        let exact = last / (terms + last) * rho / (1.0 - rho);
        // 320,000 requests: the standard error of the mean is about two hundredths of it.
        assert!((waiting / exact - 1.0).abs() < 0.06, "{strategy}: {waiting} of {exact}");
        for id in ["s1", "s2", "s3"] {
            let server = common::the_server(&run, id);
            assert_eq!(server.waiting().mean(until), 0.0, "nobody waits in a server");
        }
    }
}
