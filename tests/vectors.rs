//! Golden vectors from outside this project: every case of every covered kind must come out as it
//! says, and every kind that is not covered yet is listed here by name.
//!
//! Reads all `*.json` in `tests/vectors/`, or in the folder that `SWITCHYARD_VECTORS` names.

mod common;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use serde_json::{Map, Value as Json, json};
use switchyard::node::{Arrivals, ClientsConfig, Kind, ServerConfig};
use switchyard::policy::balance::{self, Backend, Memory, Pick};
use switchyard::scenario::Scenario;
use switchyard::scenario::build::{Run, reconcile};
use switchyard::sim::sink::Full;
use switchyard::sim::{LinkId, Outcome, Place, Silent, Span, Time, Why};

use common::{balancer, link, one_by_one, server, steady};

/// What runs the cases of a kind: `Err` says the first difference.
type Runner = fn(&Json) -> Result<(), String>;

const COVERED: [(&str, Runner); 4] = [
    ("round_robin", round_robin),
    ("round_robin_process", round_robin_process),
    ("scale_out", scale_out),
    ("smooth_wrr", smooth_wrr),
];

/// Kinds whose algorithms are not built yet. This list only shrinks.
const NOT_YET_COVERED: &[&str] = &[
    "adaptive_concurrency_netflix",
    "anchorhash",
    "aws_backoff",
    "belady_anomaly",
    "cache_aside",
    "cache_goldens_unit_size",
    "cassandra_murmur3_token",
    "che_approximation",
    "consul_anti_entropy_scale",
    "consul_timers",
    "coordinated_omission_backfill",
    "envoy_bounded_load",
    "envoy_edf_wrr",
    "envoy_maglev",
    "envoy_murmurhash2_64",
    "envoy_outlier_defaults",
    "envoy_outlier_success_rate",
    "envoy_ring_hash",
    "finagle_retry_budget",
    "gateway",
    "gcra_redis_cell",
    "guava_rate_limiter",
    "haproxy_balance_uri_consistent",
    "haproxy_balance_uri_map",
    "haproxy_bounded",
    "haproxy_hash",
    "haproxy_hashes",
    "haproxy_health",
    "haproxy_leastconn",
    "haproxy_queue",
    "haproxy_queue_timeout",
    "haproxy_random",
    "haproxy_random_seq",
    "haproxy_redispatch",
    "haproxy_roundrobin",
    "haproxy_roundrobin_weighted",
    "haproxy_rr",
    "haproxy_slowstart",
    "haproxy_source",
    "hystrix_defaults",
    "jump_consistent_hash",
    "kafka_assignors",
    "kafka_murmur2",
    "kafka_partition_for_key",
    "kafka_sticky_adaptive",
    "libcachesim_cloudphysics_bytes",
    "libketama",
    "lirs_reference_c",
    "maglev_permutation_fill",
    "mcrouter_rendezvous",
    "mcrouter_weighted_rendezvous",
    "memcached_rules",
    "memcached_slabs",
    "mongodb_hashed_index",
    "mpchash",
    "nginx_hash",
    "nginx_hash_consistent",
    "nginx_hash_plain",
    "nginx_ip_hash",
    "nginx_least_conn",
    "nginx_least_conn_seq",
    "nginx_limit_req",
    "nginx_limit_req_trace",
    "nginx_max_conns",
    "nginx_random",
    "nginx_rr",
    "nginx_rr_held",
    "nginx_rr_max_fails",
    "nginx_rr_timed",
    "nginx_smooth_wrr",
    "partition_insert",
    "partition_name",
    "phi_accrual_akka",
    "queue",
    "queueing_closed_forms",
    "rabbitmq_ack",
    "rabbitmq_confirm",
    "rabbitmq_dlx",
    "rabbitmq_durability",
    "rabbitmq_headers",
    "rabbitmq_misc",
    "rabbitmq_overflow",
    "rabbitmq_prefetch",
    "rabbitmq_redelivery",
    "rabbitmq_routing",
    "rabbitmq_topic",
    "rabbitmq_ttl",
    "read_replica",
    "redis_cluster",
    "redis_cluster_slot",
    "redis_eviction_hits",
    "redis_eviction_survivors",
    "redis_expire",
    "redis_keyslot",
    "redis_lfu_counter",
    "redis_lfu_counter_table",
    "redis_replication",
    "redis_sentinel",
    "redis_wait",
    "registration_payload",
    "registry",
    "rendezvous_murmur3",
    "resilience4j_defaults",
    "shard_bias",
    "shard_crud",
    "shard_index",
    "shard_invalid",
    "shard_remap",
    "shard_topology",
    "splitmix64",
    "token_bucket_go_xtime",
    "twemproxy_hashes",
    "twemproxy_map",
    "upgrade",
    "vitess_hash_vindex",
    "write_through",
    "xxhash64",
];

// ===== the files =====

struct Case {
    id: String,
    kind: String,
    json: Json,
}

#[test]
fn every_case_of_a_covered_kind_comes_out_as_it_says() {
    let (mut tally, mut wrong) = (BTreeMap::<String, (usize, usize)>::new(), Vec::new());
    for case in all_cases() {
        let (passed, total) = tally.entry(case.kind.clone()).or_default();
        *total += 1;
        match runner(&case.kind).map(|run| run(&case.json)) {
            Some(Ok(())) => *passed += 1,
            Some(Err(difference)) => wrong.push(format!("{}: {difference}", case.id)),
            None => {}
        }
    }
    // Straight to the terminal, because the test harness swallows what a passing test prints.
    let mut out = io::stdout().lock();
    for (kind, (passed, total)) in &tally {
        let line = match (runner(kind), NOT_YET_COVERED.contains(&kind.as_str())) {
            (Some(_), _) => format!("{kind}: {passed}/{total}"),
            (None, true) => format!("{kind}: not yet covered ({total} cases)"),
            (None, false) => {
                wrong.push(format!("{kind}: this test does not know the kind"));
                format!("{kind}: unknown ({total} cases)")
            }
        };
        writeln!(out, "{line}").expect("the terminal takes text");
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Whatever is changed in what a case expects, its runner notices.
#[test]
fn a_wrong_expectation_is_noticed() {
    for case in all_cases() {
        let Some(run) = runner(&case.kind) else { continue };
        let mut wrong = Vec::new();
        falsify(&case.json["expected"], &mut |expected| {
            wrong.push(Json::Object(Map::from_iter([
                ("inputs".to_owned(), case.json["inputs"].clone()),
                ("expected".to_owned(), expected),
            ])));
        });
        assert!(!wrong.is_empty(), "{} expects nothing", case.id);
        // The sums over all steps may be left out: they say nothing that the steps do not.
        let sums = |json: &Json| json["expected"].get("counts").is_some();
        for json in wrong.iter().filter(|json| sums(json) == sums(&case.json)) {
            assert!(run(json).is_err(), "{}: passes with {}", case.id, json["expected"]);
        }
    }
}

#[test]
fn a_kind_is_covered_or_not_yet_and_never_both() {
    assert!(NOT_YET_COVERED.is_sorted_by(|a, b| a < b), "sorted, so that two edits do not collide");
    for (kind, _) in COVERED {
        assert!(!NOT_YET_COVERED.contains(&kind), "{kind} is covered: take it off the list");
    }
}

fn runner(kind: &str) -> Option<Runner> {
    COVERED.iter().find(|(covered, _)| *covered == kind).map(|(_, run)| *run)
}

fn all_cases() -> Vec<Case> {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let folder = env::var_os("SWITCHYARD_VECTORS").map_or_else(own, PathBuf::from);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a folder can be listed").path());
    let mut files: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    assert!(!files.is_empty(), "there is no *.json in {}", folder.display());
    files.iter().flat_map(|file| cases(file)).collect()
}

/// The cases in one file, whichever of the three formats it has.
fn cases(file: &Path) -> Vec<Case> {
    let name = file.display();
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{name}: {error}"));
    let json: Json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let list = |list: &Json| list.as_array().unwrap_or_else(|| panic!("{name}: no list")).clone();
    let told = |case: Json| {
        let field = |key: &str| match case[key].as_str() {
            Some(text) => text.to_owned(),
            None => panic!("{name}: a case without {key:?}: {case}"),
        };
        Case { id: field("id"), kind: field("kind"), json: case }
    };
    match json.get("format").map(|format| format.as_str().unwrap_or("")) {
        Some("course-vectors/1") => list(&json["vectors"]).into_iter().map(told).collect(),
        Some("recorded/1") => list(&json["cases"]).into_iter().map(told).collect(),
        Some(other) => panic!("{name}: the format {other:?} is not known"),
        None => {
            let kinds = json.as_object().unwrap_or_else(|| panic!("{name}: not keyed by kind"));
            let of_kind = |(kind, group): (&String, &Json)| -> Vec<Case> {
                let numbered = list(&group["cases"]).into_iter().enumerate();
                let case =
                    |(n, json)| Case { id: format!("{kind}[{n}]"), kind: kind.clone(), json };
                numbered.map(case).collect()
            };
            kinds.iter().flat_map(of_kind).collect()
        }
    }
}

/// Every version of `json` with one value in it changed.
fn falsify(json: &Json, found: &mut dyn FnMut(Json)) {
    match json {
        Json::Null => found(json!("somebody")),
        Json::Bool(on) => found(json!(!on)),
        Json::Number(n) => found(json!(n.as_f64().expect("a number is a number") + 1.0)),
        Json::String(text) => found(json!(format!("{text}?"))),
        Json::Array(items) => {
            if let Some((_, shorter)) = items.split_last() {
                found(json!(shorter));
            }
            for (place, item) in items.iter().enumerate() {
                falsify(item, &mut |wrong| {
                    let mut items = items.clone();
                    items[place] = wrong;
                    found(Json::Array(items));
                });
            }
        }
        Json::Object(map) => {
            for (key, item) in map {
                let mut without = map.clone();
                without.remove(key);
                found(Json::Object(without));
                falsify(item, &mut |wrong| {
                    let mut map = map.clone();
                    map.insert(key.clone(), wrong);
                    found(Json::Object(map));
                });
            }
        }
    }
}

/// Where two trees first differ, in words.
fn compare(path: &str, expected: &Json, got: &Json) -> Result<(), String> {
    let differ = || Err(format!("{path} should be {expected}, is {got}"));
    match (expected, got) {
        (Json::Array(a), Json::Array(b)) => {
            for (place, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&format!("{path}[{place}]"), a, b)?;
            }
            match a.len() == b.len() {
                true => Ok(()),
                false => Err(format!("{path} should have {} items, has {}", a.len(), b.len())),
            }
        }
        (Json::Object(a), Json::Object(b)) => {
            for key in a.keys().chain(b.keys()) {
                let side = |map: &Map<String, Json>| map.get(key).cloned();
                match (side(a), side(b)) {
                    (Some(a), Some(b)) => compare(&format!("{path}.{key}"), &a, &b)?,
                    (Some(a), None) => {
                        return Err(format!("{path}.{key} should be {a}, is absent"));
                    }
                    (None, b) => return Err(format!("{path}.{key} should be absent, is {b:?}")),
                }
            }
            Ok(())
        }
        (Json::Number(a), Json::Number(b)) if a == b || a.as_f64() == b.as_f64() => Ok(()),
        _ if expected == got => Ok(()),
        _ => differ(),
    }
}

// ===== inputs =====

/// A list of a case; one that is absent is empty.
fn items<'a>(json: &'a Json, key: &str) -> &'a [Json] {
    json[key].as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(json: &'a Json, key: &str) -> Result<&'a str, String> {
    json[key].as_str().ok_or_else(|| format!("needs {key:?}: {json}"))
}

fn whole(json: &Json, key: &str, otherwise: i64) -> i64 {
    json[key].as_i64().unwrap_or(otherwise)
}

/// Booleans that are absent are false.
fn is_true(json: &Json, key: &str) -> bool {
    json[key].as_bool().unwrap_or(false)
}

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
    }
    step
}

/// The strategy alone, with a list kept by hand.
struct Bare {
    policy: Box<dyn balance::Balancer>,
    list: Vec<Backend>,
}

impl Bare {
    fn new(strategy: &str) -> Bare {
        let entry = balance::find(strategy).expect("the strategy is in the catalogue");
        Bare { policy: (entry.make)(), list: Vec::new() }
    }

    fn place(&self, id: &str) -> Option<usize> {
        self.list.iter().position(|backend| &*backend.name == id)
    }
}

impl Subject for Bare {
    fn add(&mut self, id: &str, weight: i64, healthy: bool) {
        let name = id.into();
        self.list.push(Backend { link: LinkId(0), name, weight, healthy, in_flight: 0 });
        self.policy.added();
    }

    fn remove(&mut self, id: &str) {
        if let Some(place) = self.place(id) {
            self.list.remove(place);
            self.policy.removed(place, self.list.len());
        }
    }

    fn mark(&mut self, id: &str, healthy: bool) {
        if let Some(place) = self.place(id) {
            self.list[place].healthy = healthy;
        }
    }

    fn pick(&mut self) -> Picked {
        match self.policy.pick(&self.list, &mut Why::off()) {
            Pick::Backend(place) => Picked::Server(self.list[place].name.to_string()),
            Pick::Nobody => Picked::Nobody,
            Pick::Crash(words) => Picked::Panic(words),
        }
    }

    fn memory(&self) -> Memory {
        self.policy.memory()
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
        common::the_balancer(&self.run, "lb").memory()
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
