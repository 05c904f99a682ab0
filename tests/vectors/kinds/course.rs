//! The course's kinds: one pick after another, the demo program, adding and removing.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use switchyard::node::{Arrivals, ClientsConfig, Kind, ServerConfig};
use switchyard::policy::Knobs;
use switchyard::policy::balance::{self, Ask, Backend, Memory, Pick};
use switchyard::scenario::Scenario;
use switchyard::scenario::build::{Run, reconcile};
use switchyard::sim::sink::Full;
use switchyard::sim::{Outcome, Place, Rng, Silent, Span, Time, Why};

use super::common::{self, balancer, link, one_by_one, server, steady};
use super::{Covered, compare, is_true, items, text, whole};

/// What this file covers.
pub(crate) const KINDS: &[Covered] = &[
    Covered::course("round_robin", round_robin),
    Covered::course("round_robin_process", round_robin_process),
    Covered::course("scale_out", scale_out),
    Covered::course("smooth_wrr", smooth_wrr),
];

// ===== one pick after another: round_robin, smooth_wrr =====

/// What a pick came to.
enum Picked {
    Server(String),
    Nobody,
    Panic(String),
}

/// A balancer under test: once the strategy alone, once as a node in a running world.
trait Subject {
    fn add(&mut self, id: &str, weight: i64, healthy: bool);
    fn remove(&mut self, id: &str);
    fn mark(&mut self, id: &str, healthy: bool);
    fn pick(&mut self) -> Picked;
    fn memory(&self) -> Memory;
}

fn round_robin(case: &Json) -> Result<(), String> {
    let modes: Vec<&str> =
        items(&case["inputs"], "ops").iter().filter_map(|op| op["mode"].as_str()).collect();
    let all = |mode: &str| modes.iter().all(|m| *m == mode);
    let known = [("literal", "round_robin_as_in_course"), ("adjusted", "round_robin")];
    let strategies: Vec<&str> =
        known.iter().filter(|(mode, _)| all(mode)).map(|(_, strategy)| *strategy).collect();
    if strategies.is_empty() {
        return Err(format!("removals of more than one or of an unknown mode: {modes:?}"));
    }
    strategies.iter().try_for_each(|strategy| picks(case, strategy))
}

fn smooth_wrr(case: &Json) -> Result<(), String> {
    picks(case, "smooth_weighted")
}

fn picks(case: &Json, strategy: &'static str) -> Result<(), String> {
    let told = |how: &'static str| move |wrong| format!("{strategy}, {how}: {wrong}");
    let bare = run_picks(case, &mut Bare::new(strategy))?;
    compare("expected", &case["expected"], &bare).map_err(told("alone"))?;
    let whole = run_picks(case, &mut Whole::new(strategy))?;
    compare("expected", &case["expected"], &whole).map_err(told("in a world"))
}

/// Does what the case says and gives what it should expect.
fn run_picks(case: &Json, subject: &mut dyn Subject) -> Result<Json, String> {
    let inputs = &case["inputs"];
    for server in items(inputs, "servers") {
        subject.add(text(server, "id")?, whole(server, "weight", 0), is_true(server, "healthy"));
    }
    let (mut steps, mut counts) = (Vec::new(), BTreeMap::<String, u64>::new());
    'ops: for (number, op) in items(inputs, "ops").iter().enumerate() {
        match text(op, "op")? {
            "add" => subject.add(text(op, "id")?, whole(op, "weight", 0), is_true(op, "healthy")),
            "remove" => subject.remove(text(op, "id")?),
            "health" => subject.mark(text(op, "id")?, is_true(op, "healthy")),
            "next" => {
                for _ in 0..whole(op, "times", 1) {
                    let picked = subject.pick();
                    let died = matches!(picked, Picked::Panic(_));
                    steps.push(step(number, picked, subject.memory(), &mut counts));
                    if died {
                        // The course's program ends with its panic.
                        break 'ops;
                    }
                }
            }
            other => return Err(format!("op {number} is {other:?}, which is not known")),
        }
    }
    let mut result = json!({ "steps": steps });
    if !case["expected"]["counts"].is_null() {
        result["counts"] = json!(counts);
    }
    Ok(result)
}

fn step(op: usize, picked: Picked, memory: Memory, counts: &mut BTreeMap<String, u64>) -> Json {
    let mut step = json!({ "op": op, "pick": null });
    let mut count = |id: &str| *counts.entry(id.to_owned()).or_default() += 1;
    match picked {
        Picked::Server(id) => {
            count(&id);
            step["pick"] = json!(id);
        }
        Picked::Nobody => count("(none)"),
        Picked::Panic(words) => step["panic"] = json!(format!("runtime error: {words}")),
    }
    match memory {
        Memory::Cursor(cursor) => step["cursor"] = json!(cursor),
        Memory::Weights(weights) if weights.is_empty() => {}
        Memory::Weights(weights) => step["current_weights"] = json!(weights),
        Memory::Nothing | Memory::Loads(..) | Memory::Order(_) => {}
    }
    step
}

/// The strategy alone, with a list kept by hand.
struct Bare {
    policy: Box<dyn balance::Balancer>,
    list: Vec<Backend>,
    rng: Rng,
}

impl Bare {
    fn new(strategy: &str) -> Bare {
        let entry = balance::find(strategy).expect("the strategy is in the catalogue");
        Bare { policy: (entry.make)(Knobs::DEFAULTS), list: Vec::new(), rng: Rng::from_seed(1) }
    }

    fn place(&self, id: &str) -> Option<usize> {
        self.list.iter().position(|backend| &*backend.name == id)
    }
}

impl Subject for Bare {
    fn add(&mut self, id: &str, weight: i64, healthy: bool) {
        let number = self.list.len() as u32 + 1;
        self.list.push(Backend { healthy, ..Backend::new(number, id, weight) });
        self.policy.added(&self.list);
    }

    fn remove(&mut self, id: &str) {
        if let Some(place) = self.place(id) {
            self.list.remove(place);
            self.policy.removed(place, &self.list);
        }
    }

    fn mark(&mut self, id: &str, healthy: bool) {
        if let Some(place) = self.place(id) {
            self.list[place].healthy = healthy;
        }
    }

    fn pick(&mut self) -> Picked {
        match self.policy.pick(&Ask::NOTHING, &self.list, &mut self.rng, &mut Why::off()) {
            Pick::Backend(place) => Picked::Server(self.list[place].name.to_string()),
            Pick::Nobody => Picked::Nobody,
            Pick::Crash(words) => Picked::Panic(words),
        }
    }

    fn memory(&self) -> Memory {
        self.policy.memory(&self.list, Time::ZERO)
    }
}

/// A balancer in a running world. Ids may repeat in a case, so they are the names of nodes; the
/// document is edited without its check, because a case may go beyond the editor's limits.
struct Whole {
    document: Scenario,
    run: Run,
    added: usize,
}

impl Whole {
    fn new(strategy: &'static str) -> Whole {
        let document = common::scenario(1, vec![balancer("lb", strategy)], Vec::new());
        let mut whole = Whole { document, run: Run::default(), added: 0 };
        whole.reconcile();
        whole
    }

    fn reconcile(&mut self) {
        reconcile(&mut self.run, &self.document, &mut Silent);
    }

    fn place(&self, id: &str) -> Option<usize> {
        let of_server = |kind: &Kind| matches!(kind, Kind::Server(_));
        self.document.nodes.iter().position(|node| node.label == id && of_server(&node.kind))
    }

    fn names(&self) -> Vec<String> {
        let backends = common::the_balancer(&self.run, "lb").backends();
        backends.iter().map(|backend| backend.name.to_string()).collect()
    }
}

impl Subject for Whole {
    fn add(&mut self, id: &str, weight: i64, healthy: bool) {
        let own = format!("n{}", self.added);
        self.added += 1;
        let config = ServerConfig { weight, healthy, service_ms: 0.001, ..ServerConfig::default() };
        let mut node = server(&own, config);
        node.label = id.to_owned();
        self.document.nodes.push(node);
        self.document.links.push(link("lb", &own, 0.0));
        self.reconcile();
    }

    fn remove(&mut self, id: &str) {
        if let Some(place) = self.place(id) {
            let node = self.document.nodes.remove(place);
            self.document.links.retain(|link| link.to != node.id);
            self.reconcile();
        }
    }

    fn mark(&mut self, id: &str, on: bool) {
        if let Some(place) = self.place(id)
            && let Kind::Server(config) = &mut self.document.nodes[place].kind
        {
            config.healthy = on;
            self.reconcile();
        }
    }

    /// One more request from clients that send one after another.
    fn pick(&mut self) -> Picked {
        let one_more = |config: &mut ClientsConfig| config.total += 1;
        let clients = self.document.nodes.iter_mut().find_map(|node| match &mut node.kind {
            Kind::Clients(config) if config.arrivals == Arrivals::OneByOne => Some(config),
            _ => None,
        });
        match clients {
            Some(config) => one_more(config),
            None => {
                self.document.nodes.push(one_by_one("c", 1));
                self.document.links.push(link("c", "lb", 0.0));
            }
        }
        let before = common::the_balancer(&self.run, "lb").picks().to_vec();
        self.reconcile();
        let ran = self.run.run_until(self.run.now() + Span::from_millis(1_000), 100, &mut Silent);
        assert!(ran.reached && self.run.requests().is_empty(), "one request takes a few events");
        let balancer = common::the_balancer(&self.run, "lb");
        if let Some(words) = balancer.last_words() {
            return Picked::Panic(words.to_owned());
        }
        let mut pairs = balancer.picks().iter().zip(&before);
        match pairs.position(|(after, before)| after > before) {
            Some(place) => Picked::Server(balancer.backends()[place].name.to_string()),
            None => Picked::Nobody,
        }
    }

    fn memory(&self) -> Memory {
        common::the_balancer(&self.run, "lb").memory(self.run.now())
    }
}

// ===== round_robin_process =====

/// The course's demo program as a scenario: one request after another, wires without length.
fn round_robin_process(case: &Json) -> Result<(), String> {
    ["round_robin_as_in_course", "round_robin"].into_iter().try_for_each(|strategy| {
        let got = process(&case["inputs"], strategy)?;
        compare("expected", &case["expected"], &got).map_err(|wrong| format!("{strategy}: {wrong}"))
    })
}

fn process(inputs: &Json, strategy: &'static str) -> Result<Json, String> {
    let requests = whole(inputs, "requests", 0) as usize;
    let mut nodes = vec![one_by_one("c", requests as u32), balancer("lb", strategy)];
    let mut links = vec![link("c", "lb", 0.0)];
    for (number, given) in items(inputs, "servers").iter().enumerate() {
        let mut node =
            steady(&format!("n{number}"), given["response_time_ms"].as_f64().unwrap_or(0.0));
        node.label = text(given, "id")?.to_owned();
        if let Kind::Server(config) = &mut node.kind {
            config.healthy = is_true(given, "healthy");
        }
        links.push(link("lb", &node.id, 0.0));
        nodes.push(node);
    }
    let mut run = Run::default();
    let mut sink = Full::default();
    reconcile(&mut run, &common::scenario(1, nodes, links), &mut sink);
    while sink.finished.len() < requests {
        run.step(Time::MAX, &mut sink).ok_or("the run ended before all requests did")?;
    }
    let assigned = |id: u64| {
        let served = sink.stays.iter().find_map(|(request, stay)| match stay.place {
            Place::Serving(node) if *request == id => Some(node),
            _ => None,
        });
        served.map(|node| run.card(node).name.to_string())
    };
    let failed = |(_, request): &&(Time, _)| {
        let request: &switchyard::sim::Request = request;
        request.outcome != Outcome::Done
    };
    let end = sink.finished.last().map_or(Time::ZERO, |(at, _)| *at);
    Ok(json!({
        "assigned": sink.finished.iter().map(|(_, r)| assigned(r.id)).collect::<Vec<_>>(),
        "failed": sink.finished.iter().filter(failed).count(),
        "total_sequential_ms": end.since(Time::ZERO).millis(),
    }))
}

// ===== scale_out =====

/// Adding and removing while it runs. A line is printed for what changed the balancer's list.
fn scale_out(case: &Json) -> Result<(), String> {
    let mut whole = Whole::new("round_robin");
    let (mut lines, mut lists) = (0, Vec::new());
    for op in items(&case["inputs"], "ops") {
        let before = whole.names();
        match text(op, "op")? {
            "add" => whole.add(text(op, "id")?, 1, true),
            "remove" => whole.remove(text(op, "id")?),
            other => return Err(format!("the op {other:?} is not known")),
        }
        lines += usize::from(whole.names() != before);
        lists.push(whole.names());
    }
    let got = json!({ "log_lines": lines, "servers_after_each": lists });
    compare("expected", &case["expected"], &got)
}
