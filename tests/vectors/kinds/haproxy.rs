//! The kinds that concern HAProxy: its hash functions, and its balancers pick for pick.

use std::net::IpAddr;

use serde_json::{Value as Json, json};
use switchyard::policy::Knobs;
use switchyard::policy::balance::{self, Answer, Ask, Backend, Balancer, Pick};
use switchyard::policy::balance::{slow_start_period, slow_start_weight, weight_shown};
use switchyard::policy::hash::haproxy::{HaproxyHash, avalanche, crc32c};
use switchyard::policy::health::Checked;
use switchyard::sim::{Rng, Span, Time, Why};

use super::{Covered, compare, items, text, whole};

#[path = "haproxy_config.rs"]
mod config;
#[path = "haproxy_node.rs"]
mod node;
#[path = "haproxy_queue.rs"]
mod queue;

use config::{Config, Setting, algorithm, inputs, known, unlimited};

/// What this file covers.
pub(crate) const KINDS: &[Covered] = &[
    // The keys asked are the keys of the map expected, so one left out is one not asked.
    Covered::field("haproxy_balance_uri_consistent", published_uri, &["first", "with hash-*"])
        .given(),
    Covered::field("haproxy_balance_uri_map", published_uri, &["map"]).given(),
    Covered::recorded("haproxy_bounded", bounded),
    Covered::recorded("haproxy_hash", hash),
    Covered::field("haproxy_hashes", hashes, HASHES),
    Covered::recorded("haproxy_health", health),
    Covered::recorded("haproxy_leastconn", leastconn),
    Covered::recorded("haproxy_queue", queue::queue),
    // Times of a shared machine, in milliseconds.
    Covered::recorded("haproxy_queue_timeout", node::queue_timeout).rough(),
    // Counts within four standard deviations: the generator's state at the start is not known.
    Covered::recorded("haproxy_random", random).rough(),
    Covered::recorded("haproxy_random_seq", random_seq),
    // Times of a shared machine, in milliseconds.
    Covered::recorded("haproxy_redispatch", queue::redispatch).rough(),
    // How many picks to make is said by the picks alone, so fewer picks are fewer made.
    Covered::field("haproxy_roundrobin", published_roundrobin, &["picks"]).given(),
    Covered::field("haproxy_roundrobin_weighted", weighted, &WEIGHTED),
    Covered::recorded("haproxy_rr", rr),
    // Times of a shared machine, in milliseconds.
    Covered::recorded("haproxy_slowstart", slowstart).rough(),
    Covered::recorded("haproxy_source", source),
];

/// What a case of haproxy_roundrobin_weighted expects.
const WEIGHTED: [&str; 2] = ["roundrobin_two_cycles", "static_rr_map"];

const HASHES: &[&str] = &["sdbm", "djb2", "wt6", "crc32", "crc32c", "sdbm_avalanche"];

/// How far a recorded time may be from the one computed.
const SLACK_MS: f64 = 60.0;

// ===== a backend under test =====

/// A strategy with its servers.
struct Proxy {
    policy: Box<dyn Balancer>,
    list: Vec<Backend>,
    /// The weights of the configuration.
    weights: Vec<i64>,
    rng: Rng,
}

impl Proxy {
    fn new(strategy: &str, knobs: &[Setting], list: Vec<Backend>) -> Result<Proxy, String> {
        let entry = balance::find(strategy).ok_or(format!("there is no {strategy}"))?;
        let mut set = Knobs::default();
        for (key, value) in knobs {
            set.set(entry.knobs, key, *value).map_err(|refused| refused.to_string())?;
        }
        let mut policy = (entry.make)(&set);
        (1..=list.len()).for_each(|joined| policy.added(&list[..joined]));
        let weights = list.iter().map(|backend| backend.weight).collect();
        Ok(Proxy { policy, list, weights, rng: Rng::from_seed(1) })
    }

    fn place(&self, id: &str) -> Result<usize, String> {
        let found = self.list.iter().position(|backend| &*backend.name == id);
        found.ok_or(format!("there is no server {id:?}"))
    }

    fn change(&mut self, place: usize, change: impl FnOnce(&mut Backend)) {
        change(&mut self.list[place]);
        self.policy.changed(place, &self.list);
    }

    /// Chooses; being watched must change nothing.
    fn choose(&mut self, ask: &Ask) -> Result<Option<usize>, String> {
        let watched = self.policy.clone().pick(ask, &self.list, &mut self.rng, &mut Why::on());
        let picked = self.policy.pick(ask, &self.list, &mut self.rng, &mut Why::off());
        match picked == watched {
            false => Err(format!("watched {watched:?}, otherwise {picked:?}")),
            true => match picked {
                Pick::Backend(place) => Ok(Some(place)),
                Pick::Nobody => Ok(None),
                Pick::Crash(words) => Err(words),
            },
        }
    }

    fn sent(&mut self, place: usize) {
        self.list[place].in_flight += 1;
        self.policy.sent(place, &self.list);
    }

    fn answered(&mut self, place: usize) {
        self.list[place].in_flight -= 1;
        let answer = Answer { now: Time::ZERO, took: Span::ZERO, ok: true };
        self.policy.answered(place, &answer, &self.list);
    }

    /// One request, there and back.
    fn request(&mut self, ask: &Ask) -> Result<Option<String>, String> {
        let Some(place) = self.choose(ask)? else { return Ok(None) };
        self.sent(place);
        self.answered(place);
        self.policy.check(&self.list)?;
        Ok(Some(self.list[place].name.to_string()))
    }

    /// One request per key.
    fn requests(&mut self, keys: &[Option<&str>]) -> Result<Json, String> {
        let ask = |key: &Option<&'_ str>| -> Result<Option<String>, String> {
            self.request(&Ask { key: key.map(str::as_bytes), ..Ask::NOTHING })
        };
        Ok(json!(keys.iter().map(ask).collect::<Result<Vec<_>, String>>()?))
    }

    /// `count` requests about which nothing is known, as letters.
    fn letters(&mut self, count: usize) -> Result<String, String> {
        let name = |_| Ok(self.request(&Ask::NOTHING)?.unwrap_or_else(|| "-".to_owned()));
        (0..count).map(name).collect()
    }
}

/// Servers by their names alone, as in `s1` or `srv0 (id 1)`.
fn named(names: &[Json]) -> Result<Vec<Backend>, String> {
    let of = |(place, name): (usize, &Json)| {
        let words = name.as_str().ok_or(format!("not a name: {name}"))?;
        let (name, rest) = words.split_once(" (").unwrap_or((words, ""));
        let id = match rest.strip_suffix(')').and_then(|rest| rest.strip_prefix("id ")) {
            Some(id) => id.parse().map_err(|_| format!("not a number: {id:?}"))?,
            None => place as u32 + 1,
        };
        Ok(Backend::new(id, name, 1))
    };
    names.iter().enumerate().map(of).collect()
}

/// Servers with weights, however these are written: `[["a", 5], ["b", 1]]`, `{"a": 5, "b": 1}`, or
/// `[5, 1]`, which are s1 and s2.
fn weighed(weights: &Json) -> Result<Vec<Backend>, String> {
    let pairs: Vec<(String, &Json)> = match weights {
        Json::Object(map) => map.iter().map(|(name, weight)| (name.clone(), weight)).collect(),
        Json::Array(list) => {
            let pair = |(place, item): (usize, &'_ Json)| match item[0].as_str() {
                Some(name) => (name.to_owned(), place),
                None => (format!("s{}", place + 1), place),
            };
            let of = |(name, place): (String, usize)| match list[place].is_array() {
                true => (name, &list[place][1]),
                false => (name, &list[place]),
            };
            list.iter().enumerate().map(pair).map(of).collect()
        }
        other => return Err(format!("not a list of weights: {other}")),
    };
    let backend = |(place, (name, weight)): (usize, (String, &Json))| {
        let weight = weight.as_i64().ok_or(format!("not a weight: {weight}"))?;
        Ok(Backend::new(place as u32 + 1, &name, weight))
    };
    pairs.into_iter().enumerate().map(backend).collect()
}

// ===== hash functions =====

fn hashes(case: &Json) -> Result<(), String> {
    let key = text(case, "key")?.as_bytes();
    for name in HASHES.iter().filter(|name| !case[**name].is_null()) {
        let got = match *name {
            "sdbm" => HaproxyHash::Sdbm.of(key),
            "djb2" => HaproxyHash::Djb2.of(key),
            "wt6" => HaproxyHash::Wt6.of(key),
            "crc32" => HaproxyHash::Crc32.of(key),
            "crc32c" => crc32c(key),
            _ => avalanche(HaproxyHash::Sdbm.of(key)),
        };
        compare(name, &case[*name], &json!(got))?;
    }
    let fields = case.as_object().map_or(0, |fields| fields.len());
    match fields == 1 + HASHES.iter().filter(|name| !case[**name].is_null()).count() {
        true => Ok(()),
        false => Err(format!("a field is not known: {case}")),
    }
}

// ===== hashes =====

fn hash(case: &Json) -> Result<(), String> {
    let inputs = inputs(case, &["algorithm", "hash_type", "servers", "keys"])?;
    let config = Config::read(inputs, &["hash-type", "hash-balance-factor"])?;
    let (strategy, knobs) = config.algorithm("")?;
    let mut proxy = config.proxy(strategy, knobs)?;
    let keys: Vec<Option<&str>> = items(inputs, "keys").iter().map(Json::as_str).collect();
    compare("observed", &case["observed"], &json!({ "server": proxy.requests(&keys)? }))
}

fn source(case: &Json) -> Result<(), String> {
    let inputs = inputs(case, &["algorithm", "hash_type", "servers", "clients"])?;
    let config = Config::read(inputs, &["hash-type", "hash-balance-factor"])?;
    let mut proxy = match config.algorithm("source")? {
        ("haproxy_source", knobs) => config.proxy("haproxy_source", knobs)?,
        (other, _) => return Err(format!("{other} is not source")),
    };
    let mut went = Vec::new();
    for client in items(inputs, "clients") {
        let words = client.as_str().ok_or(format!("not an address: {client}"))?;
        let client: IpAddr = words.parse().map_err(|_| format!("not an address: {words:?}"))?;
        went.push(proxy.request(&Ask { client, ..Ask::NOTHING })?);
    }
    compare("observed", &case["observed"], &json!({ "server": went }))
}

/// HAProxy's own tests: URIs by their servers, and one with a server that is full.
fn published_uri(case: &Json) -> Result<(), String> {
    const OPTIONS: [&str; 6] =
        ["algorithm", "balance", "options", "option", "path_only", "path-only"];
    let mut uri = "uri".to_owned();
    for option in OPTIONS {
        match &case[option] {
            Json::Null | Json::Bool(false) => {}
            Json::Bool(true) => uri += " path-only",
            Json::String(words) => {
                let words = words.trim_start_matches("balance ").trim_start_matches("uri");
                uri += &format!(" {}", words.trim());
            }
            other => return Err(format!("{option} is {other}")),
        }
    }
    let full = |field: &str| -> Option<String> {
        let rest = field.strip_prefix("with hash-preserve-affinity maxconn and ")?;
        Some(rest.split_once(" saturated (maxconn ")?.0.to_owned())
    };
    for (field, expected) in case.as_object().ok_or("not a case")? {
        if ["servers", "hash_type", "note"].contains(&field.as_str())
            || OPTIONS.contains(&field.as_str())
        {
            continue;
        }
        let full = full(field);
        if full.is_none() && !["map", "first"].contains(&field.as_str()) {
            return Err(format!("the field {field:?} is not known"));
        }
        let (strategy, mut knobs) = algorithm(uri.trim())?;
        if let Some(line) = case["hash_type"].as_str() {
            knobs.extend(config::hash_type(line, true)?);
        }
        let mut list = named(items(case, "servers"))?;
        if let Some(full) = &full {
            let server = list.iter_mut().find(|backend| *backend.name == **full);
            let server = server.ok_or(format!("there is no server {full:?}"))?;
            (server.in_flight, server.in_flight_max) = (1, 1);
            knobs.push(("preserve_affinity", 1.0));
        }
        let mut proxy = Proxy::new(strategy, &knobs, list)?;
        for (key, server) in expected.as_object().ok_or(format!("{field:?} is no map"))? {
            let got = proxy.requests(&[Some(key)])?;
            compare(&format!("{field}[{key:?}]"), &json!([server]), &got)?;
        }
    }
    Ok(())
}

// ===== round robin =====

fn published_roundrobin(case: &Json) -> Result<(), String> {
    known(case, &["weights", "picks"])?;
    let mut proxy = Proxy::new("haproxy_roundrobin", &[], weighed(&case["weights"])?)?;
    let count = items(case, "picks").len();
    compare("picks", &case["picks"], &proxy.requests(&vec![None; count])?)
}

fn weighted(case: &Json) -> Result<(), String> {
    known(case, &["weights", WEIGHTED[0], WEIGHTED[1]])?;
    for (field, strategy) in WEIGHTED.into_iter().zip(["haproxy_roundrobin", "haproxy_static_rr"]) {
        if case[field].is_null() {
            continue;
        }
        let (expected, list) = (text(case, field)?, weighed(&case["weights"])?);
        let got = Proxy::new(strategy, &[], list)?.letters(expected.chars().count())?;
        compare(field, &json!(expected), &json!(got))?;
    }
    Ok(())
}

fn rr(case: &Json) -> Result<(), String> {
    let inputs = inputs(case, &["algorithm", "servers", "n", "events"])?;
    let config = Config::read(inputs, &[])?;
    let (strategy, knobs) = config.algorithm("")?;
    if !["haproxy_roundrobin", "haproxy_static_rr"].contains(&strategy) {
        return Err(format!("{strategy} is no round robin"));
    }
    let mut proxy = config.proxy(strategy, knobs)?;
    let n = inputs["n"].as_i64().ok_or("needs n, how many requests")?;
    let mut picks = String::new();
    for number in 0..n {
        for event in items(inputs, "events") {
            let (Some(before), Some(command)) = (event[0].as_i64(), event[1].as_str()) else {
                return Err(format!("not an event: {event}"));
            };
            if before == number {
                run_command(&mut proxy, command, strategy == "haproxy_static_rr")?;
            }
        }
        picks += &proxy.letters(1)?;
    }
    compare("observed", &case["observed"], &json!({ "picks": picks }))
}

/// A command of the runtime interface.
fn run_command(proxy: &mut Proxy, command: &str, fixed: bool) -> Result<(), String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    match words[..] {
        ["disable", "server", id] => {
            let place = proxy.place(id)?;
            proxy.change(place, |backend| backend.healthy = false);
        }
        ["enable", "server", id] => {
            let place = proxy.place(id)?;
            proxy.change(place, |backend| backend.healthy = true);
        }
        ["set", "weight", id, weight] => {
            let place = proxy.place(id)?;
            let configured = proxy.weights[place];
            let number = |text: &str| text.parse::<i64>().map_err(|_| format!("{command:?}"));
            // What is refused leaves the weight as it is: anything negative, more than 256, and by
            // a static algorithm all but nothing and everything. Percents are cut off at 256.
            let weight = match weight.strip_suffix('%') {
                Some(percent) => {
                    let percent = number(percent)?;
                    (percent >= 0).then(|| (configured * percent.min(25_600) / 100).min(256))
                }
                None => Some(number(weight)?).filter(|weight| (0..=256).contains(weight)),
            };
            if let Some(weight) = weight.filter(|w| !fixed || *w == 0 || *w == configured) {
                proxy.change(place, |backend| backend.weight = weight);
            }
        }
        _ => return Err(format!("the command {command:?} is not known")),
    }
    Ok(())
}

// ===== requests that stay: leastconn, bounded, random, queue =====

/// What a case does: `["start", id, key?]` or `["finish", id]`.
enum Op<'a> {
    Start(u64, Option<&'a str>),
    Finish(u64),
}

fn ops(inputs: &Json) -> Result<Vec<Op<'_>>, String> {
    let op = |op: &'_ Json| match (op[0].as_str(), op[1].as_u64()) {
        (Some("start"), Some(id)) => Ok((0, id)),
        (Some("finish"), Some(id)) => Ok((1, id)),
        _ => Err(format!("the op {op} is not known")),
    };
    let mut all = Vec::new();
    for given in items(inputs, "ops") {
        all.push(match op(given)? {
            (0, id) => Op::Start(id, given[2].as_str()),
            (_, id) => Op::Finish(id),
        });
    }
    Ok(all)
}

/// Which server each request went to. Nobody waits: that is for haproxy_queue.
fn held(config: &Config, strategy: &str, knobs: Vec<Setting>) -> Result<Json, String> {
    let inputs = config.inputs;
    let mut proxy = config.proxy(strategy, knobs)?;
    unlimited(&proxy.list)?;
    let (mut went, mut open) = (json!({}), Vec::<(u64, usize)>::new());
    for op in ops(inputs)? {
        match op {
            Op::Start(id, key) => {
                let place = proxy.choose(&Ask { key: key.map(str::as_bytes), ..Ask::NOTHING })?;
                went[id.to_string()] = json!(place.map(|place| &*proxy.list[place].name));
                if let Some(place) = place {
                    proxy.sent(place);
                    open.push((id, place));
                }
            }
            Op::Finish(id) => {
                let found = open.iter().position(|(other, _)| *other == id);
                let (_, place) = open.remove(found.ok_or(format!("{id} is not open"))?);
                proxy.answered(place);
            }
        }
        proxy.policy.check(&proxy.list)?;
    }
    Ok(json!({ "server": went }))
}

fn leastconn(case: &Json) -> Result<(), String> {
    let inputs = inputs(case, &["algorithm", "servers", "ops"])?;
    let config = Config::read(inputs, &[])?;
    let (strategy, knobs) = config.algorithm("leastconn")?;
    if strategy != "haproxy_leastconn" {
        return Err(format!("{strategy} is not leastconn"));
    }
    compare("observed", &case["observed"], &held(&config, strategy, knobs)?)
}

fn bounded(case: &Json) -> Result<(), String> {
    let inputs = inputs(case, &["algorithm", "hash_type", "servers", "factor", "ops"])?;
    let config = Config::read(inputs, &["hash-type", "hash-balance-factor"])?;
    let (strategy, mut knobs) = config.algorithm("url_param k")?;
    knobs.push(("consistent", 1.0));
    let factor = inputs["factor"].as_f64().ok_or("needs a factor")?;
    if config.factor.is_some_and(|other| other != factor) {
        return Err(format!("the factor is {factor}, or {:?}", config.factor));
    }
    knobs.push(("balance_factor", factor));
    compare("observed", &case["observed"], &held(&config, strategy, knobs)?)
}

fn random_seq(case: &Json) -> Result<(), String> {
    let inputs = inputs(case, &["algorithm", "draws", "servers", "ops"])?;
    let config = Config::read(inputs, &[])?;
    let draws = whole(inputs, "draws", 2);
    let (_, knobs) = config.algorithm(&format!("random({draws})"))?;
    match knobs[..] {
        [("draws", said)] if inputs["draws"].is_null() || said == draws as f64 => {}
        _ => return Err(format!("{draws} draws, or {knobs:?}")),
    }
    compare("observed", &case["observed"], &held(&config, "haproxy_random", knobs)?)
}

fn random(case: &Json) -> Result<(), String> {
    /// Picks to find out how probable each server is.
    const TRIALS: usize = 100_000;
    let inputs = inputs(case, &["algorithm", "servers", "held", "n"])?;
    let mut config = Config::read(inputs, &[])?;
    let held = inputs["held"].as_object();
    let known = |id: &&String| config.list.iter().any(|backend| *backend.name == ***id);
    if let Some(other) = held.into_iter().flat_map(|held| held.keys()).find(|id| !known(id)) {
        return Err(format!("there is no server {other:?}"));
    }
    for backend in &mut config.list {
        backend.in_flight = whole(&inputs["held"], &backend.name, 0) as u32;
    }
    let (strategy, knobs) = config.algorithm("")?;
    if strategy != "haproxy_random" {
        return Err(format!("{strategy} does not draw"));
    }
    let mut proxy = config.proxy(strategy, knobs)?;
    unlimited(&proxy.list)?;
    let mut counts = vec![0usize; proxy.list.len()];
    for _ in 0..TRIALS {
        if let Some(place) = proxy.choose(&Ask::NOTHING)? {
            counts[place] += 1;
        }
    }
    let observed = case["observed"]["counts"].as_object().ok_or("needs counts")?;
    if let Some(other) = observed.keys().find(|id| proxy.place(id).is_err()) {
        return Err(format!("there is no server {other:?}"));
    }
    let n = inputs["n"].as_f64().ok_or("needs n, how many requests")?;
    let mut sum = 0.0;
    for (backend, count) in proxy.list.iter().zip(counts) {
        let share = count as f64 / TRIALS as f64;
        let seen = whole(&case["observed"]["counts"], &backend.name, 0) as f64;
        sum += seen;
        let deviation = (n * share * (1.0 - share)).sqrt();
        if (seen - n * share).abs() > 4.0 * deviation {
            let name = &backend.name;
            return Err(format!("{name} has {seen} of {n}, {:.1} expected", n * share));
        }
    }
    compare("the sum of the counts", &json!(sum), &json!(n))
}

// ===== checks =====

/// The counter that a balancer node keeps for each server, over as many bad checks as it takes and
/// as many good ones.
fn health(case: &Json) -> Result<(), String> {
    let inputs = inputs(case, &["inter_ms", "fall", "rise"])?;
    let (fall, rise) = (whole(inputs, "fall", 3) as u32, whole(inputs, "rise", 2) as u32);
    let mut checked = Checked::new(rise, fall);
    let mut seen = vec![];
    let mut count = |well: bool| {
        let before = checked.is_up();
        let mut checks = 0;
        while checked.is_up() == before && checks < 1_000 {
            checked.heard(well);
            // What is shown after each check.
            seen.push(checked.words());
            checks += 1;
        }
        checks
    };
    let (bad, good) = (count(false), count(true));
    compare(
        "bad checks until it was down",
        &case["observed"]["bad_checks_before_DOWN"],
        &json!(bad),
    )?;
    compare(
        "good checks until it was up",
        &case["observed"]["good_checks_before_UP"],
        &json!(good),
    )?;
    compare("what was shown", &case["observed"]["states_seen"], &json!(seen))?;
    let inter = inputs["inter_ms"].as_f64().ok_or("needs inter_ms")?;
    let in_a_world = node::health(inter, fall, rise)?;
    compare("in a world", &json!((bad, good, seen)), &json!(in_a_world))
}

// ===== slow start =====

fn slowstart(case: &Json) -> Result<(), String> {
    let inputs = inputs(case, &["weight", "slowstart_s"])?;
    let weight = whole(inputs, "weight", 1) as u32;
    let slow_start = whole(inputs, "slowstart_s", 0) as u64;
    let period = slow_start_period(slow_start).ns();
    let mut changes: Vec<(f64, u32)> = Vec::new();
    for step in 0.. {
        let at = step * period;
        let shown = weight_shown(slow_start_weight(weight, at / 1_000_000_000, slow_start));
        if changes.last().is_none_or(|(_, last)| *last != shown) {
            changes.push((at as f64 / 1e6, shown));
        }
        if at / 1_000_000_000 >= slow_start {
            break;
        }
    }
    let samples = items(&case["observed"], "samples");
    if samples.len() != changes.len() {
        return Err(format!("{} samples, but the weight changes so: {changes:?}", samples.len()));
    }
    for (sample, (at, shown)) in samples.iter().zip(&changes) {
        compare("the weight", &sample[1], &json!(shown))?;
        near("the time of a change", &sample[0], *at)?;
    }
    Ok(())
}

fn near(what: &str, recorded: &Json, computed: f64) -> Result<(), String> {
    let recorded = recorded.as_f64().ok_or(format!("{what} is no number: {recorded}"))?;
    match (recorded - computed).abs() <= SLACK_MS {
        true => Ok(()),
        false => Err(format!("{what} should be {recorded} ms, is {computed} ms")),
    }
}

#[test]
fn a_weight_that_haproxy_refuses_stays_as_it_is() {
    let weights = |fixed: bool, command: &str| {
        let list = weighed(&json!({ "a": 200, "b": 1 })).expect("two servers");
        let mut proxy = Proxy::new("haproxy_roundrobin", &[], list).expect("a strategy");
        run_command(&mut proxy, &format!("set weight a {command}"), fixed).expect("a command");
        proxy.list[0].weight
    };
    let free = ["256", "257", "-1", "0", "50%", "150%", "999999999%", "-5%"];
    assert_eq!(free.map(|w| weights(false, w)), [256, 200, 200, 0, 100, 256, 256, 200]);
    let fixed = ["256", "0", "200", "50%", "100%", "0%"];
    assert_eq!(fixed.map(|w| weights(true, w)), [200, 0, 200, 200, 200, 0]);
}

#[test]
fn weights_are_read_however_they_are_written() {
    let read = |weights: Json| -> Vec<(String, i64)> {
        let list = weighed(&weights).expect("weights");
        list.iter().map(|backend| (backend.name.to_string(), backend.weight)).collect()
    };
    let pairs =
        |names: [&str; 2]| names.map(str::to_owned).into_iter().zip([5, 1]).collect::<Vec<_>>();
    assert_eq!(read(json!([["b", 5], ["a", 1]])), pairs(["b", "a"]));
    assert_eq!(read(json!({ "b": 5, "a": 1 })), pairs(["b", "a"]));
    assert_eq!(read(json!([5, 1])), pairs(["s1", "s2"]));
    assert!(weighed(&json!(["a"])).is_err() && weighed(&json!("a")).is_err());
}
