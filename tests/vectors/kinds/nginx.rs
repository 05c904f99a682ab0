//! The kinds that concern nginx: what nginx 1.22.1 did, and what its own tests publish.
//!
//! The methods choose; this file plays the rest of nginx's upstream: ask for a server, send, keep
//! the account, and go on to the next one when the kind of failure allows it.

use std::net::IpAddr;

use serde_json::{Map, Value as Json, json};
use switchyard::policy::Knobs;
use switchyard::policy::balance::nginx::{
    Hash, HashConsistent, IpHash, KetamaRing, LeastConn, Limits, Nginx, Random, RandomTwo,
    RoundRobin,
};
use switchyard::policy::balance::{self, Answer, Ask, Backend, Balancer, Memory, Pick};
use switchyard::sim::{Rng, Span, Time, Why};

use super::{Covered, compare, is_true, items, text, whole};

#[path = "nginx_node.rs"]
mod node;

/// What this file covers.
pub(crate) const KINDS: &[Covered] = &[
    Covered::field("nginx_hash_plain", hash_plain, &["server_index"]),
    Covered::field("nginx_ip_hash", ip_hash, &["observed", "counts"]),
    // What the address of each client hashes to.
    Covered::field("nginx_ip_hash_values", ip_hash_values, &["hash*", "mod*", "server*", "index*"])
        .given(),
    Covered::field("nginx_least_conn", least_conn, &["observed", "counts", "then_10_sequential"]),
    Covered::field("nginx_max_conns", max_conns, &["counts", "order"]),
    Covered::field("nginx_rr_max_fails", rr_max_fails, &["expected_success_counts"]),
    Covered::field("nginx_smooth_wrr", smooth_wrr, &["picks", TABLES[0], TABLES[1]]),
    // How many picks to make is said by the picks alone, so fewer picks are fewer made.
    Covered::field("nginx_smooth_wrr_more", smooth_wrr, &PICKS).given(),
    Covered::recorded("nginx_hash", |case| hashed(case, "hash")),
    Covered::recorded("nginx_least_conn_seq", |case| sequence(case, "least_conn")),
    Covered::recorded("nginx_random", random).rough(),
    Covered::recorded("nginx_rr", |case| sequence(case, "")),
    Covered::recorded("nginx_rr_held", |case| held(case, "")),
    // Stated, because a map from keys to servers is question and answer at once: with a row left
    // out, less is asked. `what_is_stated_is_noticed_where_it_can_be` changes everything else.
    Covered::field(
        "nginx_hash_consistent",
        hash_consistent,
        &["observed", "map", "map_bytes", "next_points"],
    )
    .stated(),
    Covered::field(
        "nginx_hash_consistent_more",
        hash_consistent,
        &["map", "map_bytes", "server_index", "server", "port", "next_points"],
    )
    .given(),
    // Stated, because how late the recorder's requests were is no decision of nginx. The same test
    // changes all the tries.
    Covered::recorded("nginx_rr_timed", timed).stated(),
];

// ===== nginx's upstream =====

/// One `upstream` block, and the directives of its `location` that matter.
struct Upstream {
    policy: Box<dyn Balancer>,
    list: Vec<Backend>,
    rng: Rng,
    now: Time,
    /// Servers that close every connection.
    dead: Vec<bool>,
    /// `proxy_next_upstream`.
    next: Vec<String>,
    /// `proxy_next_upstream_tries`; 0 is no limit.
    tries_max: usize,
}

/// A request, and what will happen to it.
struct Request<'a> {
    key: Option<&'a str>,
    client: IpAddr,
    idempotent: bool,
    /// Servers that close the connection without an answer.
    bad: &'a [Json],
    /// Servers that answer 500.
    fail500: &'a [Json],
}

const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const PLAIN: Request =
    Request { key: None, client: CLIENT, idempotent: true, bad: &[], fail500: &[] };

/// The servers asked, in order, each with its status; nobody is 502.
type Tries = Vec<(Option<usize>, u16)>;

impl Upstream {
    /// With the method as it stands in the configuration; nothing is round robin.
    fn new(method: &str, servers: &[Json]) -> Result<Upstream, String> {
        let (mut limits, mut list, mut dead) = (Vec::new(), Vec::new(), Vec::new());
        for server in servers {
            let map = server.as_object().ok_or("a server is an object")?;
            if let Some(key) = map.keys().find(|key| !SERVER.contains(&key.as_str())) {
                return Err(format!("a server with {key:?}, which is not known"));
            }
            limits.push(Limits {
                max_fails: small(server, "max_fails", 1)?,
                fail_timeout_s: small(server, "fail_timeout_s", 10)?,
            });
            dead.push(is_true(server, "dead"));
            let name = match server["host"].as_str() {
                Some(host) => match server["port"].as_u64() {
                    Some(port) => format!("{host}:{port}"),
                    None => host.to_owned(),
                },
                None => text(server, "id")?.to_owned(),
            };
            list.push(Backend {
                healthy: !is_true(server, "down"),
                backup: is_true(server, "backup"),
                in_flight_max: small(server, "max_conns", 0)?,
                ..Backend::new(list.len() as u32 + 1, &name, whole(server, "weight", 1))
            });
        }
        let mut policy: Box<dyn Balancer> = match method {
            "" => Box::new(Nginx::<RoundRobin>::new(limits, Limits::default())),
            "least_conn" => Box::new(Nginx::<LeastConn>::new(limits, Limits::default())),
            "ip_hash" => Box::new(Nginx::<IpHash>::new(limits, Limits::default())),
            "hash" => Box::new(Nginx::<Hash>::new(limits, Limits::default())),
            "hash consistent" => Box::new(Nginx::<HashConsistent>::new(limits, Limits::default())),
            "random" => Box::new(Nginx::<Random>::new(limits, Limits::default())),
            "random two" | "random two least_conn" => {
                Box::new(Nginx::<RandomTwo>::new(limits, Limits::default()))
            }
            other => return Err(format!("the method {other:?} is not known")),
        };
        (1..=list.len()).for_each(|joined| policy.added(&list[..joined]));
        let next = ["error", "timeout"].map(str::to_owned).to_vec();
        let (rng, now) = (Rng::from_seed(1), Time::ZERO);
        Ok(Upstream { policy, list, rng, now, dead, next, tries_max: 0 })
    }

    /// For runners that only look at who is chosen, and never at an answer.
    fn nobody_is_dead(self) -> Result<Upstream, String> {
        match self.dead.iter().position(|dead| *dead) {
            Some(place) => Err(format!("{} is dead, and nobody would notice here", self.id(place))),
            None => Ok(self),
        }
    }

    /// `directive value ...; directive ...;`
    fn directives(&mut self, text: &str) -> Result<(), String> {
        for directive in text.split(';').map(str::trim).filter(|text| !text.is_empty()) {
            let words: Vec<&str> = directive.split_whitespace().collect();
            match words[..] {
                ["proxy_next_upstream", ref kinds @ ..] => {
                    if let Some(kind) = kinds.iter().find(|kind| !NEXT.contains(*kind)) {
                        return Err(format!("proxy_next_upstream {kind} is not known"));
                    }
                    self.next = kinds.iter().map(|&kind| kind.to_owned()).collect();
                }
                ["proxy_next_upstream_tries", n] => {
                    self.tries_max = n.parse().map_err(|error| format!("{n}: {error}"))?;
                }
                _ => return Err(format!("the directive {directive:?} is not known")),
            }
        }
        Ok(())
    }

    fn id(&self, place: usize) -> &str {
        &self.list[place].name
    }

    fn place(&self, id: &str) -> Result<usize, String> {
        let found = self.list.iter().position(|backend| &*backend.name == id);
        found.ok_or_else(|| format!("there is no server {id:?}"))
    }

    /// Chooses a server and sends the request there.
    fn send(&mut self, request: &Request, tried: &[usize]) -> Result<Option<usize>, String> {
        let key = request.key.map(str::as_bytes);
        let ask = Ask { now: self.now, key, client: request.client, tried };
        match self.policy.pick(&ask, &self.list, &mut self.rng, &mut Why::off()) {
            Pick::Backend(place) => {
                self.list[place].in_flight += 1;
                self.policy.sent(place, &self.list);
                Ok(Some(place))
            }
            Pick::Nobody => Ok(None),
            Pick::Crash(words) => Err(words),
        }
    }

    /// The server has answered, or is known not to.
    fn finish(&mut self, place: usize, ok: bool) {
        self.list[place].in_flight -= 1;
        let answer = Answer { now: self.now, took: Span::ZERO, ok };
        self.policy.answered(place, &answer, &self.list);
    }

    /// A whole request, from one server to the next.
    fn request(&mut self, request: &Request) -> Result<Tries, String> {
        // nginx counts the servers that are not down, and gives up when it has used them all.
        let mut left = self.list.iter().filter(|backend| backend.healthy).count();
        if self.tries_max > 0 {
            left = left.min(self.tries_max);
        }
        let (mut seen, mut tried) = (Tries::new(), Vec::new());
        loop {
            let Some(place) = self.send(request, &tried)? else {
                seen.push((None, 502));
                return Ok(seen);
            };
            tried.push(place);
            let listed = |list: &[Json]| list.iter().any(|id| *id == *self.id(place));
            let closes = self.dead[place] || listed(request.bad);
            let (status, kind) = match (closes, listed(request.fail500)) {
                (true, _) => (502, "error"),
                (false, true) => (500, "http_500"),
                (false, false) => (200, ""),
            };
            let may = |kind: &str| self.next.iter().any(|next| next == kind);
            let mut next = may(kind) && (request.idempotent || may("non_idempotent"));
            // An answer of 500 is only withheld, and counted, if there is a server left to ask.
            next &= status != 500 || left > 1;
            seen.push((Some(place), status));
            self.finish(place, status == 200 || (status == 500 && !next));
            left = if self.list.len() == 1 { 0 } else { left.saturating_sub(1) };
            if !next || left == 0 {
                return Ok(seen);
            }
        }
    }

    fn shown(&self, tries: &Tries) -> Json {
        let shown = |(place, status): &(Option<usize>, u16)| {
            json!([place.map(|place| self.id(place)), status])
        };
        tries.iter().map(shown).collect()
    }

    /// The server that was asked last, if the last that happened was not that there was none.
    fn last<'a>(&'a self, tries: &Tries) -> Option<&'a str> {
        tries.last().and_then(|(place, _)| place.map(|place| self.id(place)))
    }
}

/// What a server can have in a case; `dead` ones close every connection.
const SERVER: [&str; 10] = [
    "id",
    "weight",
    "max_fails",
    "fail_timeout_s",
    "max_conns",
    "down",
    "backup",
    "dead",
    "host",
    "port",
];

/// What can follow `proxy_next_upstream`.
const NEXT: [&str; 12] = [
    "error",
    "timeout",
    "invalid_header",
    "http_500",
    "http_502",
    "http_503",
    "http_504",
    "http_403",
    "http_404",
    "http_429",
    "non_idempotent",
    "off",
];

fn small(json: &Json, key: &str, otherwise: i64) -> Result<u32, String> {
    u32::try_from(whole(json, key, otherwise)).map_err(|_| format!("{key} of {json}"))
}

/// Looks at the fields of a published case, none of which may be unknown.
fn known(case: &Json, fields: &[&str]) -> Result<(), String> {
    let map = case.as_object().ok_or("a case is an object")?;
    match map.keys().find(|key| !fields.contains(&key.as_str()) && *key != "note") {
        Some(key) => Err(format!("the field {key:?} is not known")),
        None => Ok(()),
    }
}

/// The inputs of a recorded case, none of which may be unknown.
fn inputs<'a>(case: &'a Json, known: &[&str]) -> Result<&'a Json, String> {
    let map = case["inputs"].as_object().ok_or("a case without inputs")?;
    match map.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("the input {key:?} is not known")),
        None => Ok(&case["inputs"]),
    }
}

// ===== recorded: one request after another =====

/// nginx_rr, nginx_least_conn_seq.
fn sequence(case: &Json, method: &str) -> Result<(), String> {
    let known = ["servers", "n", "bad", "fail500", "directives", "method", "config"];
    let inputs = inputs(case, &known)?;
    let (picks, tries) = run_sequence(inputs, method)?;
    let mut got = json!({ "picks": picks });
    if !inputs["bad"].is_null() || !inputs["fail500"].is_null() {
        got["tries"] = tries;
    }
    compare("observed", &case["observed"], &got)
}

fn timed(case: &Json) -> Result<(), String> {
    let inputs = inputs(case, &["servers", "at_ms", "bad", "config"])?;
    let (_, tries) = run_sequence(inputs, "")?;
    compare("observed.tries", &case["observed"]["tries"], &tries)?;
    match node::sequence(inputs, "nginx_round_robin")? {
        Some(in_a_world) => compare("in a world", &case["observed"]["tries"], &in_a_world),
        None => Ok(()),
    }
}

fn run_sequence(inputs: &Json, method: &str) -> Result<(String, Json), String> {
    let mut upstream = Upstream::new(method, items(inputs, "servers"))?;
    upstream.directives(inputs["directives"].as_str().unwrap_or(""))?;
    let idempotent = match inputs["method"].as_str().unwrap_or("GET") {
        "GET" | "HEAD" | "PUT" | "DELETE" | "OPTIONS" => true,
        "POST" | "LOCK" | "PATCH" => false,
        other => return Err(format!("the method {other:?} is not known")),
    };
    let at_ms = items(inputs, "at_ms");
    let n = whole(inputs, "n", at_ms.len() as i64) as usize;
    let (mut picks, mut shown) = (String::new(), Vec::new());
    for number in 0..n {
        if let Some(ms) = at_ms.get(number) {
            let ms = ms.as_u64().ok_or("a time in whole milliseconds")?;
            upstream.now = Time::ZERO + Span::from_millis(ms);
        }
        let list = |key: &str| inputs[key][number].as_array().map_or(&[][..], Vec::as_slice);
        let (bad, fail500) = (list("bad"), list("fail500"));
        let tries = upstream.request(&Request { idempotent, bad, fail500, ..PLAIN })?;
        picks.push_str(upstream.last(&tries).unwrap_or("-"));
        shown.push(upstream.shown(&tries));
    }
    Ok((picks, Json::Array(shown)))
}

// ===== recorded: requests that are held =====

/// nginx_rr_held, and nginx_least_conn as recorded.
fn held(case: &Json, method: &str) -> Result<(), String> {
    let inputs = inputs(case, &["servers", "ops", "config"])?;
    let mut upstream = Upstream::new(method, items(inputs, "servers"))?.nobody_is_dead()?;
    let mut servers = Map::new();
    for op in items(inputs, "ops") {
        let id = op[1].as_u64().ok_or_else(|| format!("no request in {op}"))?.to_string();
        match op[0].as_str() {
            Some("start") => {
                let place = upstream.send(&PLAIN, &[])?;
                servers.insert(id, json!(place.map(|place| upstream.id(place))));
            }
            Some("finish") => {
                let server = servers.get(&id).ok_or_else(|| format!("{id} was not started"))?;
                if let Some(name) = server.as_str() {
                    let place = upstream.place(name)?;
                    upstream.finish(place, true);
                }
            }
            _ => return Err(format!("the op {op} is not known")),
        }
    }
    compare("observed", &case["observed"], &json!({ "server": servers }))
}

// ===== recorded: hashes =====

/// nginx_hash, and nginx_ip_hash and nginx_hash_consistent as recorded.
fn hashed(case: &Json, method: &str) -> Result<(), String> {
    let by_client = method == "ip_hash";
    let asked = if by_client { "clients" } else { "keys" };
    let inputs = inputs(case, &["servers", asked, "config"])?;
    let mut upstream = Upstream::new(method, items(inputs, "servers"))?;
    // In these kinds a server answers by its id, which need not be the name that is hashed.
    let ids: Vec<Json> = items(inputs, "servers").iter().map(|s| s["id"].clone()).collect();
    let (mut servers, mut tries, mut hit) = (Vec::new(), Vec::new(), false);
    for asked in items(inputs, asked) {
        let asked = asked.as_str().ok_or("a key or client is a text")?;
        let mut request = Request { key: Some(asked), ..PLAIN };
        if by_client {
            request.client = asked.parse().map_err(|error| format!("{asked}: {error}"))?;
        }
        let seen = upstream.request(&request)?;
        let id = |place: Option<usize>| place.map_or(Json::Null, |place| ids[place].clone());
        servers.push(id(seen.last().and_then(|(place, _)| *place)));
        tries.push(seen.iter().map(|(place, status)| json!([id(*place), status])).collect());
        hit |= seen.len() > 1;
    }
    let mut got = json!({ "server": servers });
    if hit {
        got["tries"] = Json::Array(tries);
    }
    compare("observed", &case["observed"], &got)
}

// ===== recorded: chance =====

/// How often requests are drawn here for each one recorded.
const DRAWS: u32 = 100;

/// The recorded counts are a sample: each must be within four standard deviations of the share that
/// a hundred times as many draws find.
fn random(case: &Json) -> Result<(), String> {
    let inputs = inputs(case, &["servers", "method", "held", "n", "config"])?;
    let method = text(inputs, "method")?.trim_end_matches(';');
    let mut upstream = Upstream::new(method, items(inputs, "servers"))?.nobody_is_dead()?;
    if let Some(held) = inputs["held"].as_object() {
        for (id, requests) in held {
            let place = upstream.place(id)?;
            upstream.list[place].in_flight =
                requests.as_u64().and_then(|n| n.try_into().ok()).ok_or("a number held")?;
        }
    }
    let n = small(inputs, "n", 0)?;
    let mut drawn = vec![0u32; upstream.list.len()];
    for _ in 0..n * DRAWS {
        let place = upstream.send(&PLAIN, &[])?.ok_or("nobody was drawn")?;
        upstream.finish(place, true);
        drawn[place] += 1;
    }
    let counts = case["observed"]["counts"].as_object().ok_or("no counts")?;
    let total: f64 = counts.values().filter_map(Json::as_f64).sum();
    if total != f64::from(n) {
        return Err(format!("{total} counted of {n} requests"));
    }
    for id in counts.keys() {
        upstream.place(id)?;
    }
    for (place, drawn) in drawn.into_iter().enumerate() {
        let share = f64::from(drawn) / f64::from(n * DRAWS);
        let (mean, id) = (share * f64::from(n), upstream.id(place));
        let counted = counts.get(id).and_then(Json::as_f64).unwrap_or(0.0);
        let bound = 4.0 * (mean * (1.0 - share)).sqrt() + 0.5;
        if (counted - mean).abs() > bound {
            return Err(format!("{id} has {counted}, should have {mean:.0} ± {bound:.0}"));
        }
    }
    Ok(())
}

// ===== both recorded and published =====

fn ip_hash(case: &Json) -> Result<(), String> {
    if !case["observed"].is_null() {
        return hashed(case, "ip_hash");
    }
    known(case, &["clients", "servers", "weights", "counts"])?;
    // "127.0.i.2 for i=1..30"
    let clients = text(case, "clients")?;
    let unknown = || format!("clients {clients:?} are not understood");
    let (pattern, range) = clients.split_once(" for i=").ok_or_else(unknown)?;
    let (from, to) = numbers_to(range).ok_or_else(unknown)?;
    let mut upstream = Upstream::new("ip_hash", &weighted(items(case, "weights")))?;
    if whole(case, "servers", 0) != upstream.list.len() as i64 {
        return Err("as many weights as servers".to_owned());
    }
    let mut counts = vec![0; upstream.list.len()];
    for i in from..=to {
        let client = pattern.replace('i', &i.to_string());
        let client = client.parse().map_err(|_| unknown())?;
        let tries = upstream.request(&Request { client, ..PLAIN })?;
        if let Some((Some(place), 200)) = tries.last() {
            counts[*place] += 1;
        }
    }
    compare("counts", &case["counts"], &json!(counts))
}

fn least_conn(case: &Json) -> Result<(), String> {
    if !case["observed"].is_null() {
        return held(case, "least_conn");
    }
    known(case, &["config", "counts", "then_10_sequential"])?;
    let config = text(case, "config")?;
    if config == "p1 holds one long request (two were started: one to each, p2 finished)" {
        let mut upstream = Upstream::new("least_conn", &weighted(&[json!(1), json!(1)]))?;
        let started = [upstream.send(&PLAIN, &[])?, upstream.send(&PLAIN, &[])?];
        if started != [Some(0), Some(1)] {
            return Err(format!("one to each, not {started:?}"));
        }
        upstream.finish(1, true);
        let counts = sequential(&mut upstream, 10)?;
        return compare("then_10_sequential", &case["then_10_sequential"], &counts);
    }
    let [servers, requests] = pattern(config, "# idle servers, # sequential requests")?[..] else {
        return Err(format!("{config:?} is not understood"));
    };
    let mut upstream = Upstream::new("least_conn", &weighted(&vec![json!(1); servers]))?;
    let counts = sequential(&mut upstream, requests)?;
    compare("counts", &case["counts"], &counts)
}

fn hash_consistent(case: &Json) -> Result<(), String> {
    if !case["observed"].is_null() {
        return hashed(case, "hash consistent");
    }
    let inputs = ["servers", "weight", "weights", "keys", "walk_from_key"];
    let expected = ["map", "map_bytes", "next_points", "server_index", "server", "port"];
    known(case, &[&inputs[..], &expected].concat())?;
    if let Some(names) = case["servers"].as_str() {
        // "127.0.0.1..10:6443 (10 servers, then 11)": the same map before and after.
        let [a, b, c, from, to, port, before, after] =
            pattern(names, "#.#.#.#..#:# (# servers, then #)")?[..]
        else {
            return Err(format!("{names:?} is not understood"));
        };
        if to + 1 - from != before {
            return Err(format!("{names:?}: how many?"));
        }
        return [before, after].iter().try_for_each(|n| {
            let name = |i: usize| format!("{a}.{b}.{c}.{i}:{port}");
            let names: Vec<String> = (from..from + n).map(name).collect();
            let names: Vec<(String, i64)> = names.into_iter().map(|name| (name, 1)).collect();
            maps(&names, &case["map_bytes"])
        });
    }
    let names = ring_servers(case)?;
    if case["walk_from_key"].is_null() {
        return placed(case, &names);
    }
    let weight = |weight: i64| u64::try_from(weight).map_err(|error| error.to_string());
    let servers = names.iter().map(|(name, own)| Ok((name.as_str(), weight(*own)?)));
    let servers = servers.collect::<Result<Vec<(&str, u64)>, String>>()?;
    let ring = KetamaRing::new(&servers).map_err(|refused| refused.to_string())?;
    let start = ring.find(text(case, "walk_from_key")?.as_bytes());
    let port = |step: usize| {
        let server = ring.server(start + step).ok_or("an empty ring")?;
        let port = servers[server].0.rsplit_once(':').map(|(_, port)| port);
        port.map(|port| json!(port)).ok_or("a name without a port")
    };
    let ports = (0..items(case, "next_points").len()).map(port).collect::<Result<Json, _>>()?;
    compare("next_points", &case["next_points"], &ports)
}

/// The servers of a ring: names with `weight` for all or `weights` for each, `name weight=2`, or as
/// [`named_weights`] reads them.
fn ring_servers(case: &Json) -> Result<Vec<(String, i64)>, String> {
    let Some(list) = case["servers"].as_array().filter(|list| list.iter().all(Json::is_string))
    else {
        return named_weights(&case["servers"]);
    };
    let weights = items(case, "weights");
    if !case["weights"].is_null() && weights.len() != list.len() {
        return Err(format!("{} weights for {} servers", weights.len(), list.len()));
    }
    let one = |(place, name): (usize, &Json)| {
        let name = name.as_str().unwrap_or_default();
        let own = match weights.get(place) {
            Some(weight) => weight.as_i64().ok_or_else(|| format!("not a weight: {weight}"))?,
            None => whole(case, "weight", 1),
        };
        match name.split_once(" weight=") {
            None => Ok((name.to_owned(), own)),
            Some((name, own)) => {
                let own = own.trim().parse().map_err(|error| format!("{own}: {error}"))?;
                Ok((name.trim().to_owned(), own))
            }
        }
    };
    list.iter().enumerate().map(one).collect()
}

/// Where the keys of a case go: by a map, or key by key as an index, a name or a port.
fn placed(case: &Json, names: &[(String, i64)]) -> Result<(), String> {
    for field in ["map", "map_bytes"] {
        if !case[field].is_null() {
            maps(names, &case[field])?;
        }
    }
    if case["keys"].is_null() {
        return match case["map"].is_null() && case["map_bytes"].is_null() {
            true => Err("no keys".to_owned()),
            false => Ok(()),
        };
    }
    let mut upstream = ring_upstream(names)?;
    let mut places = Vec::new();
    for key in keys(&case["keys"])? {
        let place = upstream.send(&Request { key: Some(&key), ..PLAIN }, &[])?;
        places.push(place.ok_or("nobody was chosen")?);
    }
    let name = |place: &usize| names[*place].0.as_str();
    let port = |place: &usize| match name(place).rsplit_once(':') {
        Some((_, port)) => json!(port),
        None => Json::Null,
    };
    let shown = [
        ("server_index", json!(places)),
        ("server", places.iter().map(name).collect()),
        ("port", places.iter().map(port).collect()),
    ];
    let mut expected = shown.iter().filter(|(field, _)| !case[*field].is_null()).peekable();
    expected.peek().ok_or("nothing is expected of the keys")?;
    expected.try_for_each(|(field, got)| compare(field, &case[*field], got))
}

fn ring_upstream(names: &[(String, i64)]) -> Result<Upstream, String> {
    let server = |(name, weight): &(String, i64)| json!({ "id": name, "weight": weight });
    let servers: Vec<Json> = names.iter().map(server).collect();
    Upstream::new("hash consistent", &servers)
}

/// Every key of `map` goes where it says.
fn maps(names: &[(String, i64)], map: &Json) -> Result<(), String> {
    let mut upstream = ring_upstream(names)?;
    let mut got = Map::new();
    for key in map.as_object().ok_or("a map from keys to servers")?.keys() {
        let tries = upstream.request(&Request { key: Some(key), ..PLAIN })?;
        got.insert(key.clone(), json!(upstream.last(&tries)));
    }
    compare("map", map, &Json::Object(got))
}

// ===== published or derived only =====

/// The fields in which picks may be: a list of names, or letters.
const PICKS: [&str; 4] = ["picks", "two_cycles", "picks_two_cycles", "sequence"];

/// The running weights of every step.
const TABLES: [&str; 2] = ["current_weight_after_add", "current_weight_after_pick"];

/// The rows that explain a pick are compared with what was published as well.
fn smooth_wrr(case: &Json) -> Result<(), String> {
    known(case, &[&["weights"], &PICKS[..], &TABLES].concat())?;
    let mut lists = PICKS.iter().chain(&TABLES).filter_map(|field| {
        let length = match &case[*field] {
            Json::Array(list) => list.len(),
            Json::String(letters) => letters.chars().count(),
            _ => return None,
        };
        Some((*field, length))
    });
    let (first, length) = lists.next().ok_or("nothing is expected")?;
    if let Some((other, different)) = lists.find(|(_, other)| *other != length) {
        return Err(format!("{first} is of {length} steps, {other} of {different}"));
    }
    ["nginx_round_robin", "smooth_weighted"].into_iter().try_for_each(|strategy| {
        let entry = balance::find(strategy).ok_or("the strategy is not in the catalogue")?;
        let (mut policy, mut list) = ((entry.make)(Knobs::DEFAULTS), Vec::new());
        for (name, weight) in named_weights(&case["weights"])? {
            list.push(Backend::new(list.len() as u32 + 1, &name, weight));
            policy.added(&list);
        }
        let (mut picks, mut added, mut picked) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..length {
            let mut why = Why::on();
            let rng = &mut Rng::from_seed(1);
            match policy.pick(&Ask::NOTHING, &list, rng, &mut why) {
                Pick::Backend(place) => picks.push(list[place].name.to_string()),
                other => return Err(format!("{other:?}")),
            }
            let sums: Option<Vec<i64>> = why.lines.iter().map(|row| sum_of(&row.numbers)).collect();
            added.push(json!(sums.ok_or_else(|| format!("a row without a sum: {why:?}"))?));
            match policy.memory(&list, Time::ZERO) {
                Memory::Weights(weights) => picked.push(json!(weights)),
                other => return Err(format!("{other:?}")),
            }
        }
        let check = |field: &str, got: Json| match &case[field] {
            Json::Null => Ok(()),
            expected => {
                compare(field, expected, &got).map_err(|wrong| format!("{strategy}: {wrong}"))
            }
        };
        for field in PICKS {
            let letters = case[field].is_string();
            check(field, if letters { json!(picks.concat()) } else { json!(picks) })?;
        }
        check(TABLES[0], Json::Array(added))?;
        check(TABLES[1], Json::Array(picked))
    })
}

/// Names and weights: `{"a": 5}`, `[["a", 5]]`, or `[5]`, which is a.
fn named_weights(weights: &Json) -> Result<Vec<(String, i64)>, String> {
    let weight = |json: &Json| json.as_i64().ok_or_else(|| format!("not a whole weight: {json}"));
    match weights {
        Json::Object(map) => {
            map.iter().map(|(name, json)| Ok((name.clone(), weight(json)?))).collect()
        }
        Json::Array(list) => {
            let one = |(place, item): (usize, &Json)| match item[0].as_str() {
                Some(name) => Ok((name.to_owned(), weight(&item[1])?)),
                None => Ok((char::from(b'a' + place as u8).to_string(), weight(item)?)),
            };
            list.iter().take(26).enumerate().map(one).collect()
        }
        other => Err(format!("not a list of weights: {other}")),
    }
}

/// What follows the last `=` in a row.
fn sum_of(row: &str) -> Option<i64> {
    row.rsplit_once("= ")?.1.replace('\u{2212}', "-").parse().ok()
}

fn hash_plain(case: &Json) -> Result<(), String> {
    known(case, &["weights", "keys", "server_index"])?;
    let mut upstream = Upstream::new("hash", &weighted(items(case, "weights")))?;
    let mut index = Vec::new();
    for key in keys(&case["keys"])? {
        index.push(upstream.send(&Request { key: Some(&key), ..PLAIN }, &[])?);
    }
    compare("server_index", &case["server_index"], &json!(index))
}

/// Keys as a list, or as a range of numbers: `"1".."20"`.
fn keys(keys: &Json) -> Result<Vec<String>, String> {
    if let Some(list) = keys.as_array() {
        let key = |key: &Json| key.as_str().map(str::to_owned).ok_or("a key is a text".to_owned());
        return list.iter().map(key).collect();
    }
    let range = keys.as_str().unwrap_or("").replace('"', "");
    let (from, to) = numbers_to(&range).ok_or_else(|| format!("keys {keys}"))?;
    Ok((from..=to).map(|key| key.to_string()).collect())
}

/// The hash of one client, `{"client": "192.168.1.1", "hash": 154}`, or of several, as lists or as a
/// map from clients to hashes; and which server that is, by `weights` or modulo a number in the name
/// of the field.
fn ip_hash_values(case: &Json) -> Result<(), String> {
    const CLIENTS: [&str; 6] = ["client", "clients", "ip", "address", "addr", "remote_addr"];
    let parsed = |text: &str| text.parse::<IpAddr>().map_err(|error| format!("{text}: {error}"));
    let client = CLIENTS.iter().map(|field| &case[*field]).find(|json| !json.is_null());
    let clients: Vec<IpAddr> = match client {
        Some(Json::String(one)) => vec![parsed(one)?],
        Some(Json::Array(list)) => {
            let one = |json: &Json| parsed(json.as_str().unwrap_or_default());
            list.iter().map(one).collect::<Result<_, String>>()?
        }
        _ => Vec::new(),
    };
    let alone = client.is_some_and(Json::is_string);
    let mut expected = 0;
    for (field, json) in case.as_object().ok_or("a case is an object")? {
        if CLIENTS.contains(&field.as_str()) || ["weights", "note"].contains(&field.as_str()) {
            continue;
        }
        expected += 1;
        if let Some(map) = json.as_object().filter(|_| ["hash", "hashes"].contains(&&**field)) {
            for (client, hash) in map {
                compare(client, hash, &json!(IpHash::hash(parsed(client)?)))?;
            }
            continue;
        }
        let stem = field.trim_end_matches(|c: char| c.is_ascii_digit());
        let modulus = field[stem.len()..].parse::<u64>().ok();
        let value = |client: &IpAddr| -> Result<u64, String> {
            let hash = IpHash::hash(*client);
            match (stem.trim_end_matches(['_', '=', ' ']), modulus) {
                ("hash" | "hashes", None) => Ok(hash),
                ("mod" | "index_of" | "server_of", Some(n)) => {
                    hash.checked_rem(n).ok_or_else(|| "modulo 0".to_owned())
                }
                ("index" | "server_index", None) => {
                    let mut upstream = Upstream::new("ip_hash", &weighted(items(case, "weights")))?;
                    let place = upstream.send(&Request { client: *client, ..PLAIN }, &[])?;
                    Ok(place.ok_or("nobody was chosen")? as u64)
                }
                _ => Err(format!("the field {field:?} is not known")),
            }
        };
        let got = clients.iter().map(value).collect::<Result<Vec<u64>, String>>()?;
        let got = if alone { json!(got[0]) } else { json!(got) };
        compare(field, json, &got)?;
    }
    if expected == 0 { Err("nothing is expected".to_owned()) } else { Ok(()) }
}

/// Requests that are all in flight together: `p1 weight=2 max_conns=1; p2 backup`.
fn max_conns(case: &Json) -> Result<(), String> {
    let requests = ["parallel_requests", "sequential_held_requests"];
    known(case, &["upstream", requests[0], requests[1], "counts", "order"])?;
    let (mut method, mut servers) = ("", Vec::new());
    for part in text(case, "upstream")?.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let mut words = part.split_whitespace();
        let name = words.next().unwrap_or_default();
        if !name.starts_with('p') {
            method = part;
            continue;
        }
        let mut server = json!({ "id": name });
        for word in words {
            match word.split_once('=') {
                Some((key, value)) => {
                    let value: u32 = value.parse().map_err(|error| format!("{word}: {error}"))?;
                    server[key] = json!(value);
                }
                None => server[word] = json!(true),
            }
        }
        servers.push(server);
    }
    // `hash $variable`: the key is the same for all of them.
    let method = match method.strip_prefix("hash ") {
        Some(key) if key.ends_with(" consistent") => "hash consistent",
        Some(_) => "hash",
        None => method,
    };
    let mut upstream = Upstream::new(method, &servers)?.nobody_is_dead()?;
    // All are in flight at once; one after another, it is known in which order they came.
    let ordered = !case["order"].is_null();
    let n = small(case, requests[usize::from(ordered)], 0)?;
    let mut order = Vec::new();
    for _ in 0..n {
        let place = upstream.send(&Request { key: Some("127.0.0.1"), ..PLAIN }, &[])?;
        order.push(place.map(|place| upstream.id(place).to_owned()));
    }
    if ordered {
        return compare("order", &case["order"], &json!(order));
    }
    compare("counts", &case["counts"], &counts(order.iter().flatten()))
}

fn rr_max_fails(case: &Json) -> Result<(), String> {
    known(case, &["config", "expected_success_counts"])?;
    let config = text(case, "config")?;
    let failing = "# servers, weight #, max_fails=# fail_timeout=#s; every #rd request that \
                   reaches p1 fails (connection closed), proxy_next_upstream error default; # \
                   requests within the same fail_timeout";
    let ordinal = ["st", "nd", "rd", "th"]
        .iter()
        .find_map(|end| pattern(config, &failing.replace("#rd", &format!("#{end}"))).ok());
    let healthy = || pattern(config, "# healthy servers, # requests");
    let (n, weight, max_fails, fail_timeout_s, every, requests) = match ordinal.as_deref() {
        Some(&[n, weight, fails, timeout, every, requests]) => {
            (n, weight, fails, timeout, every, requests)
        }
        _ => match healthy()?[..] {
            [n, requests] => (n, 1, 1, 10, usize::MAX, requests),
            _ => return Err(format!("{config:?} is not understood")),
        },
    };
    let server = |place: usize| {
        json!({ "id": format!("p{place}"), "weight": weight, "max_fails": max_fails,
                "fail_timeout_s": fail_timeout_s })
    };
    let servers: Vec<Json> = (1..=n).map(server).collect();
    let mut upstream = Upstream::new("", &servers)?;
    let (mut reached, mut served) = (0usize, Vec::new());
    for _ in 0..requests {
        let bad = if (reached + 1) % every == 0 { vec![json!("p1")] } else { Vec::new() };
        let tries = upstream.request(&Request { bad: &bad, ..PLAIN })?;
        reached += tries.iter().filter(|(place, _)| *place == Some(0)).count();
        served.extend(upstream.last(&tries).map(str::to_owned));
    }
    let got = counts(served.iter());
    compare("expected_success_counts", &case["expected_success_counts"], &got)?;
    // The same in a world: which of the requests that reach p1 fail is counted as they come.
    let in_a_world = node::failing_every(&servers, every, requests)?;
    compare("in a world", &case["expected_success_counts"], &in_a_world)
}

// ===== small things =====

/// Servers p1, p2, ... of these weights.
fn weighted(weights: &[Json]) -> Vec<Json> {
    let server = |(place, weight): (usize, &Json)| json!({ "id": format!("p{}", place + 1), "weight": weight });
    weights.iter().enumerate().map(server).collect()
}

/// How often each was chosen in so many requests, one after another.
fn sequential(upstream: &mut Upstream, requests: usize) -> Result<Json, String> {
    let mut served = Vec::new();
    for _ in 0..requests {
        let tries = upstream.request(&PLAIN)?;
        served.extend(upstream.last(&tries).map(str::to_owned));
    }
    Ok(counts(served.iter()))
}

fn counts<'a>(names: impl Iterator<Item = &'a String>) -> Json {
    let mut counts = Map::new();
    for name in names {
        let before = counts.get(name).and_then(Json::as_u64).unwrap_or(0);
        counts.insert(name.clone(), json!(before + 1));
    }
    Json::Object(counts)
}

/// `3..17` as numbers.
fn numbers_to(range: &str) -> Option<(u32, u32)> {
    let (from, to) = range.split_once("..")?;
    Some((from.parse().ok()?, to.parse().ok()?))
}

/// The numbers that stand where `pattern` has `#`.
fn pattern(text: &str, pattern: &str) -> Result<Vec<usize>, String> {
    let unknown = || format!("{text:?} is not understood");
    let (mut left, mut numbers) = (text, Vec::new());
    for (number, part) in pattern.split('#').enumerate() {
        if number > 0 {
            let end = left.find(|c: char| !c.is_ascii_digit()).unwrap_or(left.len());
            numbers.push(left[..end].parse().map_err(|_| unknown())?);
            left = &left[end..];
        }
        left = left.strip_prefix(part).ok_or_else(unknown)?;
    }
    if left.is_empty() { Ok(numbers) } else { Err(unknown()) }
}

#[test]
fn what_is_stated_is_noticed_where_it_can_be() {
    for case in super::all_cases() {
        let stated = ["nginx_hash_consistent", "nginx_rr_timed"];
        let Some(kind) = KINDS.iter().find(|kind| kind.kind == case.kind) else { continue };
        if !stated.contains(&kind.kind) {
            continue;
        }
        let mut wrong = 0;
        let mut try_with = |json: Json| {
            wrong += 1;
            if wrong % 7 == 1 {
                assert!((kind.run)(&json).is_err(), "{}: passes with {json}", case.id);
            }
        };
        for field in kind.expects.iter().filter(|field| case.json.get(**field).is_some()) {
            if let Some(map) = case.json[*field].as_object().filter(|_| *field != "observed") {
                for key in map.keys() {
                    let mut json = case.json.clone();
                    json[*field][key] = json!("127.0.0.99:1");
                    try_with(json);
                }
                continue;
            }
            // The walk is as long as it is published.
            if *field == "next_points" {
                for step in 0..case.json[*field].as_array().expect("a list").len() {
                    let mut json = case.json.clone();
                    json[*field][step] = json!("1");
                    try_with(json);
                }
                continue;
            }
            let mut observed = case.json[*field].clone();
            if let Some(map) = observed.as_object_mut() {
                map.remove("max_lateness_ms");
            }
            super::falsify(&observed, super::Check::Exact, &mut |other| {
                let mut json = case.json.clone();
                json[*field] = other;
                try_with(json);
            });
        }
        assert!(wrong > 0, "{} expects nothing", case.id);
    }
}

/// Kinds that no public file has, in the forms in which they may come; what is recorded of the same
/// servers and keys is what they must say.
#[test]
fn kinds_kept_back_are_read_however_they_are_written() {
    let run = |kind: &str, case: Json| {
        let covered = KINDS.iter().find(|covered| covered.kind == kind).expect("a kind");
        (covered.run)(&case)
    };
    let more = "nginx_smooth_wrr_more";
    for weights in
        [json!({ "a": 3, "b": 2, "c": 1 }), json!([3, 2, 1]), json!([["a", 3], ["b", 2], ["c", 1]])]
    {
        for picks in [json!("abacbaabacba"), json!(["a", "b", "a", "c"])] {
            assert_eq!(run(more, json!({ "weights": weights, "picks": picks })), Ok(()));
        }
        assert!(run(more, json!({ "weights": weights, "two_cycles": "abacbb" })).is_err());
    }
    let values = "nginx_ip_hash_values";
    for case in [
        json!({ "client": "192.168.1.1", "hash": 154, "mod3": 1, "index_of_4": 2 }),
        json!({ "clients": ["192.168.1.1", "192.168.1.200"], "hash": [154, 154] }),
        json!({ "hash": { "192.168.1.1": 154, "192.168.1.200": 154 } }),
        json!({ "ip": "192.168.1.1", "weights": [1, 1, 1], "server_index": 1 }),
    ] {
        assert_eq!(run(values, case.clone()), Ok(()), "{case}");
    }
    for case in [
        json!({ "client": "192.168.1.1", "hash": 155 }),
        json!({ "client": "192.168.1.1" }),
        json!({ "client": "192.168.1.1", "colour": 154 }),
        json!({ "hash": { "192.168.1.1": 0 } }),
    ] {
        assert!(run(values, case.clone()).is_err(), "{case}");
    }
    let ring = "nginx_hash_consistent_more";
    let names = ["127.0.0.1:8081", "127.0.0.1:8082", "127.0.0.1:8083"];
    let servers = [
        json!({ "servers": names, "weights": [2, 3, 1] }),
        json!({ "servers": [[names[0], 2], [names[1], 3], [names[2], 1]] }),
        json!({ "servers": ["127.0.0.1:8081 weight=2", "127.0.0.1:8082 weight=3", names[2]] }),
    ];
    for servers in servers {
        for (field, expected) in [
            ("server_index", json!([0, 1, 1, 2])),
            ("server", json!([names[0], names[1], names[1], names[2]])),
            ("port", json!(["8081", "8082", "8082", "8083"])),
        ] {
            let mut case = servers.clone();
            case["keys"] = json!("\"1\"..\"4\"");
            assert!(run(ring, case.clone()).is_err());
            case[field] = expected;
            assert_eq!(run(ring, case.clone()), Ok(()), "{case}");
            case[field][3] = case[field][0].clone();
            assert!(run(ring, case).is_err());
        }
        let mut case = servers.clone();
        case["map"] = json!({ "1": names[0], "4": names[2] });
        assert_eq!(run(ring, case.clone()), Ok(()), "{case}");
    }
    let wrong = json!({ "servers": names, "weights": [2, 3], "map": { "1": names[0] } });
    assert!(run(ring, wrong).is_err());
}

#[test]
fn a_dead_server_is_noticed_or_refused() {
    let servers = json!([{ "id": "a", "dead": true, "max_fails": 0 }, { "id": "b" }]);
    let inputs = json!({ "servers": servers, "n": 2 });
    let tries = json!([[["a", 502], ["b", 200]], [["b", 200]]]);
    assert_eq!(run_sequence(&inputs, "").map(|(_, tries)| tries), Ok(tries));
    let case = json!({ "inputs": { "servers": servers, "ops": [] }, "observed": {} });
    assert!(held(&case, "").is_err_and(|error| error.contains("a is dead")));
}
