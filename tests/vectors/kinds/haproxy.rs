//! The kinds that concern HAProxy: its hash functions, and its balancers pick for pick.

use std::net::IpAddr;

use serde_json::{Value as Json, json};
use switchyard::policy::Knobs;
use switchyard::policy::balance::{self, Answer, Ask, Backend, Balancer, Pick};
use switchyard::policy::balance::{slow_start_period, slow_start_weight, weight_shown};
use switchyard::policy::hash::haproxy::{HaproxyHash, avalanche, crc32c};
use switchyard::sim::{Rng, Span, Time, Why};

use super::{Covered, compare, is_true, items, text, whole};

/// What this file covers.
pub(crate) const KINDS: &[Covered] = &[
    // The keys asked are the keys of the map expected, so one left out is one not asked.
    Covered::field("haproxy_balance_uri_consistent", published_uri, &["first", SATURATED]).stated(),
    Covered::field("haproxy_balance_uri_map", published_uri, &["map"]).stated(),
    Covered::recorded("haproxy_bounded", bounded),
    Covered::recorded("haproxy_hash", hash),
    Covered::field("haproxy_hashes", hashes, HASHES),
    Covered::recorded("haproxy_leastconn", leastconn),
    Covered::recorded("haproxy_queue", queue),
    // Counts within four standard deviations: the generator's state at the start is not known.
    Covered::recorded("haproxy_random", random).rough(),
    Covered::recorded("haproxy_random_seq", random_seq),
    // Times of a shared machine, in milliseconds.
    Covered::recorded("haproxy_redispatch", redispatch).rough(),
    // How many picks to make is said by the picks alone, so fewer picks are fewer made.
    Covered::field("haproxy_roundrobin", published_roundrobin, &["picks"]).stated(),
    Covered::field(
        "haproxy_roundrobin_weighted",
        weighted,
        &["roundrobin_two_cycles", "static_rr_map"],
    ),
    Covered::recorded("haproxy_rr", rr),
    // Times of a shared machine, in milliseconds.
    Covered::recorded("haproxy_slowstart", slowstart).rough(),
    Covered::recorded("haproxy_source", source),
];

const SATURATED: &str = "with hash-preserve-affinity maxconn and srv0 saturated (maxconn 1)";

const HASHES: &[&str] = &["sdbm", "djb2", "wt6", "crc32", "crc32c", "sdbm_avalanche"];

/// How far a recorded time may be from the one computed.
const SLACK_MS: f64 = 60.0;

/// A knob by its name, and its value.
type Setting = (&'static str, f64);

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

/// The servers of a case: `{id, weight, sid, maxconn, backup, disabled}`, all but the id optional.
fn servers(inputs: &Json) -> Result<Vec<Backend>, String> {
    let known = ["id", "weight", "sid", "maxconn", "backup", "disabled"];
    let mut list: Vec<Backend> = Vec::new();
    for (place, server) in items(inputs, "servers").iter().enumerate() {
        let fields = server.as_object().ok_or(format!("not a server: {server}"))?;
        if let Some(other) = fields.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(format!("the field {other:?} of a server is not known"));
        }
        // A server without a number gets the lowest that is free.
        let own = server["sid"].as_u64().map(|id| id as u32);
        let given = items(inputs, "servers").iter().filter_map(|other| other["sid"].as_u64());
        let taken: Vec<u32> = given.map(|id| id as u32).chain(list.iter().map(|b| b.id)).collect();
        let free = (1..).find(|id| !taken.contains(id)).unwrap_or(place as u32 + 1);
        list.push(Backend {
            healthy: !is_true(server, "disabled"),
            in_flight_max: whole(server, "maxconn", 0) as u32,
            backup: is_true(server, "backup"),
            ..Backend::new(own.unwrap_or(free), text(server, "id")?, whole(server, "weight", 1))
        });
    }
    Ok(list)
}

fn named(names: &[Json]) -> Result<Vec<Backend>, String> {
    let of = |(place, name): (usize, &Json)| {
        // As in `srv0 (id 1)`.
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

/// `option allbackups`, if the configuration has it.
fn all_backups(inputs: &Json) -> f64 {
    let config = inputs["config"].as_str().unwrap_or("");
    f64::from(u8::from(config.contains("option allbackups")))
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

/// The knobs of a `hash-type` line: `consistent crc32 avalanche`. What stands in brackets is a note.
fn hash_type(line: &str, by_key: bool) -> Result<Vec<Setting>, String> {
    let words = line.split('(').next().unwrap_or("").split_whitespace();
    let (mut knobs, mut function) = (Vec::new(), None);
    let mut asked = false;
    for word in words {
        match word {
            "hash-type" | "map-based" => {}
            "consistent" => knobs.push(("consistent", 1.0)),
            "avalanche" => asked = true,
            "sdbm" => function = Some(1.0),
            "djb2" => function = Some(2.0),
            "wt6" => function = Some(3.0),
            "crc32" => function = Some(4.0),
            other => return Err(format!("{other:?} of a hash-type is not known")),
        }
    }
    match (function, by_key) {
        (Some(function), true) => knobs.push(("function", function)),
        // An address is not put through it; naming it only takes the default avalanche away.
        (Some(_), false) => knobs.push(("avalanche", 2.0)),
        (None, _) => {}
    }
    if asked {
        knobs.retain(|(key, _)| *key != "avalanche");
        knobs.push(("avalanche", 1.0));
    }
    Ok(knobs)
}

/// `uri whole depth 2`, `url_param k`, `hdr(x)`, `hash EXPRESSION`: the strategy and its knobs.
fn hash_algorithm(line: &str) -> Result<(&'static str, Vec<Setting>), String> {
    let mut words = line.split_whitespace();
    let first = words.next().unwrap_or("");
    let mut knobs = Vec::new();
    match first {
        "uri" => {}
        // What an expression gives is in the case; converters would have to be applied first.
        "url_param" | "hash" if words.clone().count() == 1 && !line.contains(',') => {
            return Ok(("haproxy_hash", knobs));
        }
        _ if first.starts_with("hdr(") && words.next().is_none() => {
            return Ok(("haproxy_hash", knobs));
        }
        _ => return Err(format!("the algorithm {line:?} is not known")),
    }
    while let Some(word) = words.next() {
        let mut number = || -> Result<f64, String> {
            let number = words.next().and_then(|word| word.parse().ok());
            number.ok_or(format!("{word:?} needs a number: {line:?}"))
        };
        knobs.push(match word {
            "whole" => ("whole", 1.0),
            "path-only" => ("path_only", 1.0),
            "depth" => ("depth", number()?),
            "len" => ("len", number()?),
            other => return Err(format!("{other:?} of {line:?} is not known")),
        });
    }
    Ok(("haproxy_uri", knobs))
}

fn hash(case: &Json) -> Result<(), String> {
    let inputs = &case["inputs"];
    let algorithm = text(inputs, "algorithm")?;
    let (strategy, mut knobs) = hash_algorithm(algorithm)?;
    knobs.extend(hash_type(text(inputs, "hash_type")?, true)?);
    knobs.push(("all_backups", all_backups(inputs)));
    let mut proxy = Proxy::new(strategy, &knobs, servers(inputs)?)?;
    // HAProxy takes an empty header for none at all.
    let header = algorithm.starts_with("hdr(");
    let keys = items(inputs, "keys").iter().map(Json::as_str);
    let keys: Vec<Option<&str>> =
        keys.map(|key| key.filter(|key| !(header && key.is_empty()))).collect();
    compare("observed", &case["observed"], &json!({ "server": proxy.requests(&keys)? }))
}

fn source(case: &Json) -> Result<(), String> {
    let inputs = &case["inputs"];
    let mut knobs = hash_type(text(inputs, "hash_type")?, false)?;
    knobs.push(("all_backups", all_backups(inputs)));
    let mut proxy = Proxy::new("haproxy_source", &knobs, servers(inputs)?)?;
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
    let known = ["servers", "hash_type", "map", "first", SATURATED];
    let fields = case.as_object().ok_or("not a case")?;
    if let Some(other) = fields.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("the field {other:?} is not known"));
    }
    let list = named(items(case, "servers"))?;
    for (field, spills) in [("map", 0.0), ("first", 0.0), (SATURATED, 1.0)] {
        let Some(expected) = case[field].as_object() else { continue };
        let mut knobs = hash_type(text(case, "hash_type")?, true)?;
        knobs.push(("preserve_affinity", spills));
        let mut list = list.clone();
        if spills > 0.0 {
            (list[0].in_flight, list[0].in_flight_max) = (1, 1);
        }
        let mut proxy = Proxy::new("haproxy_uri", &knobs, list)?;
        for (key, server) in expected {
            let got = proxy.requests(&[Some(key)])?;
            compare(&format!("{field}[{key:?}]"), &json!([server]), &got)?;
        }
    }
    Ok(())
}

// ===== round robin =====

fn published_roundrobin(case: &Json) -> Result<(), String> {
    let weights = items(case, "weights").iter().enumerate();
    let list = weights.map(|(place, weight)| {
        let weight = weight.as_i64().ok_or(format!("not a weight: {weight}"))?;
        Ok(Backend::new(place as u32 + 1, &format!("s{}", place + 1), weight))
    });
    let list = list.collect::<Result<Vec<Backend>, String>>()?;
    let mut proxy = Proxy::new("haproxy_roundrobin", &[], list)?;
    let count = items(case, "picks").len();
    compare("picks", &case["picks"], &proxy.requests(&vec![None; count])?)
}

fn weighted(case: &Json) -> Result<(), String> {
    let pairs = items(case, "weights").iter().enumerate();
    let list = pairs.map(|(place, pair)| match (pair[0].as_str(), pair[1].as_i64()) {
        (Some(name), Some(weight)) => Ok(Backend::new(place as u32 + 1, name, weight)),
        _ => Err(format!("not a name and a weight: {pair}")),
    });
    let list = list.collect::<Result<Vec<Backend>, String>>()?;
    let kinds =
        [("roundrobin_two_cycles", "haproxy_roundrobin"), ("static_rr_map", "haproxy_static_rr")];
    for (field, strategy) in kinds {
        if case[field].is_null() {
            continue;
        }
        let expected = text(case, field)?;
        let got = Proxy::new(strategy, &[], list.clone())?.letters(expected.chars().count())?;
        compare(field, &json!(expected), &json!(got))?;
    }
    Ok(())
}

fn rr(case: &Json) -> Result<(), String> {
    let inputs = &case["inputs"];
    let strategy = match text(inputs, "algorithm")? {
        "roundrobin" => "haproxy_roundrobin",
        "static-rr" => "haproxy_static_rr",
        other => return Err(format!("the algorithm {other:?} is not known")),
    };
    let knobs = [("all_backups", all_backups(inputs))];
    let mut proxy = Proxy::new(strategy, &knobs, servers(inputs)?)?;
    let mut picks = String::new();
    for number in 0..whole(inputs, "n", 0) {
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
            let weight = match weight.strip_suffix('%') {
                Some(percent) => configured * number(percent)? / 100,
                None => number(weight)?,
            };
            // A static algorithm refuses all but nothing and everything.
            if !fixed || weight == 0 || weight == configured {
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

/// Which server each request went to.
fn held(inputs: &Json, strategy: &str, knobs: &[Setting]) -> Result<Json, String> {
    let mut proxy = Proxy::new(strategy, knobs, servers(inputs)?)?;
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
    let inputs = &case["inputs"];
    match inputs["algorithm"].as_str() {
        None | Some("leastconn") => {}
        Some(other) => return Err(format!("the algorithm {other:?} is not known")),
    }
    let knobs = [("all_backups", all_backups(inputs))];
    compare("observed", &case["observed"], &held(inputs, "haproxy_leastconn", &knobs)?)
}

fn bounded(case: &Json) -> Result<(), String> {
    let inputs = &case["inputs"];
    let factor = inputs["factor"].as_f64().ok_or("needs a factor")?;
    let knobs = [("consistent", 1.0), ("balance_factor", factor)];
    compare("observed", &case["observed"], &held(inputs, "haproxy_hash", &knobs)?)
}

fn random_seq(case: &Json) -> Result<(), String> {
    let inputs = &case["inputs"];
    let knobs = [("draws", whole(inputs, "draws", 2) as f64)];
    compare("observed", &case["observed"], &held(inputs, "haproxy_random", &knobs)?)
}

/// `random` or `random(3)`: how many draws.
fn draws(algorithm: &str) -> Result<f64, String> {
    let inside = algorithm.strip_prefix("random").map(|rest| rest.trim_matches(['(', ')']));
    match inside {
        Some("") => Ok(2.0),
        Some(draws) => draws.parse().map_err(|_| format!("not a number: {algorithm:?}")),
        None => Err(format!("the algorithm {algorithm:?} is not known")),
    }
}

fn random(case: &Json) -> Result<(), String> {
    /// Picks to find out how probable each server is.
    const TRIALS: usize = 100_000;
    let inputs = &case["inputs"];
    let mut list = servers(inputs)?;
    let held = inputs["held"].as_object();
    let known = |id: &&String| list.iter().any(|backend| *backend.name == ***id);
    if let Some(other) = held.into_iter().flat_map(|held| held.keys()).find(|id| !known(id)) {
        return Err(format!("there is no server {other:?}"));
    }
    for backend in &mut list {
        backend.in_flight = whole(&inputs["held"], &backend.name, 0) as u32;
    }
    let knobs = [("draws", draws(text(inputs, "algorithm")?)?)];
    let mut proxy = Proxy::new("haproxy_random", &knobs, list)?;
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
    let n = whole(inputs, "n", 0) as f64;
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

/// Requests with limits. This runner has the queues that HAProxy puts in front of its strategies:
/// a request whose server is full waits there, one for whom nobody was chosen waits in the
/// backend's queue, and a slot that becomes free takes the request that has waited longest in
/// either. While the backend's queue is not empty, first, roundrobin and static-rr are not asked:
/// HAProxy knows that everybody is full.
fn queue(case: &Json) -> Result<(), String> {
    let inputs = &case["inputs"];
    let strategy = match text(inputs, "algorithm")? {
        "first" => "haproxy_first",
        "leastconn" => "haproxy_leastconn",
        "roundrobin" => "haproxy_roundrobin",
        "static-rr" => "haproxy_static_rr",
        "source" => "haproxy_source",
        other => return Err(format!("queues with {other:?} are not known")),
    };
    if let Some(extra) = items(inputs, "extra").first() {
        return Err(format!("the extra line {extra} is not known"));
    }
    let patient = !["haproxy_leastconn", "haproxy_source"].contains(&strategy);
    let ask = Ask { client: IpAddr::from([127, 0, 0, 1]), ..Ask::NOTHING };
    let mut proxy =
        Proxy::new(strategy, &[("all_backups", all_backups(inputs))], servers(inputs)?)?;
    // Waiting requests in order of arrival, with the server they wait for.
    let (mut open, mut waiting) = (Vec::<(u64, usize)>::new(), Vec::<(u64, Option<usize>)>::new());
    let mut arrivals = Vec::new();
    for op in ops(inputs)? {
        let mut arrived = Vec::new();
        let mut serve = |id: u64, place: usize, name: &str| {
            open.push((id, place));
            arrived.push(json!([id, name]));
        };
        match op {
            Op::Start(id, _) => {
                let known_full = patient && waiting.iter().any(|(_, server)| server.is_none());
                let place = if known_full { None } else { proxy.choose(&ask)? };
                let Some(place) = place else {
                    waiting.push((id, None));
                    arrivals.push(arrived);
                    continue;
                };
                let Backend { in_flight, in_flight_max, name, .. } = &proxy.list[place];
                match *in_flight_max > 0 && in_flight >= in_flight_max {
                    true => waiting.push((id, Some(place))),
                    false => serve(id, place, name),
                }
                proxy.sent(place);
            }
            Op::Finish(id) => {
                let found = open.iter().position(|(other, _)| *other == id);
                let (_, place) = open.remove(found.ok_or(format!("{id} is not in service"))?);
                proxy.answered(place);
                let next = waiting.iter().position(|(_, on)| on.is_none_or(|on| on == place));
                if let Some((id, on)) = next.map(|next| waiting.remove(next)) {
                    open.push((id, place));
                    arrived.push(json!([id, &*proxy.list[place].name]));
                    if on.is_none() {
                        proxy.sent(place);
                    }
                }
            }
        }
        proxy.policy.check(&proxy.list)?;
        arrivals.push(arrived);
    }
    compare("observed", &case["observed"], &json!({ "arrivals": arrivals }))
}

// ===== slow start, redispatch =====

fn slowstart(case: &Json) -> Result<(), String> {
    let inputs = &case["inputs"];
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

/// Servers with nothing listening. With `option redispatch` a round robin tries another server at
/// once when a connection is refused; without it the same server is tried again after a second, as
/// often as `retries` says, and then there is a 503.
fn redispatch(case: &Json) -> Result<(), String> {
    let inputs = &case["inputs"];
    let (mut names, mut dead) = (Vec::new(), Vec::new());
    for server in items(inputs, "servers") {
        let words = server.as_str().ok_or(format!("not a server: {server}"))?;
        dead.push(words.ends_with(" (nothing listens)"));
        names.push(json!(words.trim_end_matches(" (nothing listens)")));
    }
    let (mut retries, mut elsewhere) = (3, false);
    for line in text(inputs, "config")?.split("; ") {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["retries", n] => retries = n.parse().map_err(|_| format!("not a number: {line:?}"))?,
            ["option", "redispatch"] | ["option", "redispatch", _] => elsewhere = true,
            ["no", "redispatch"] | ["no", "option", "redispatch"] => elsewhere = false,
            ["balance", "roundrobin"] => {}
            _ => return Err(format!("the line {line:?} is not known")),
        }
    }
    let mut proxy = Proxy::new("haproxy_roundrobin", &[], named(&names)?)?;
    for request in items(&case["observed"], "requests") {
        let (mut tried, mut left, mut waited) = (Vec::new(), retries, 0.0);
        let (status, place) = loop {
            let place = match tried.last() {
                Some(last) if !elsewhere => Some(*last),
                _ => proxy.choose(&Ask { tried: &tried, ..Ask::NOTHING })?,
            };
            let Some(place) = place else { break (503, None) };
            if !dead[place] {
                break (200, Some(place));
            }
            if left == 0 {
                break (503, Some(place));
            }
            left -= 1;
            if !elsewhere {
                waited += 1_000.0;
            }
            tried.push(place);
        };
        let server = place.map(|place| &*proxy.list[place].name);
        compare("the status", &request["status"], &json!(status))?;
        compare("the server", &request["server"], &json!(server))?;
        near("the time", &request["ms"], waited)?;
    }
    Ok(())
}
