//! What a case says of HAProxy's configuration: as inputs, and in the text of its `config`.
//!
//! Both are read, and what neither knows is refused: a line or a word that is passed over in silence
//! may be the one that matters.

use serde_json::{Value as Json, json};
use switchyard::policy::balance::Backend;

use super::super::{items, text};
use super::Proxy;

/// A knob by its name, and its value.
pub(super) type Setting = (&'static str, f64);

/// A backend's configuration.
#[derive(Debug)]
pub(super) struct Config<'a> {
    /// The inputs it was read from.
    pub(super) inputs: &'a Json,
    /// The servers, with their static limits.
    pub(super) list: Vec<Backend>,
    /// `minconn` and `maxconn` of each; 0 is no limit.
    pub(super) limits: Vec<[u64; 2]>,
    pub(super) balance: Option<String>,
    pub(super) hash_type: Option<String>,
    pub(super) factor: Option<f64>,
    pub(super) all_backups: bool,
    pub(super) fullconn: Option<u64>,
    pub(super) retries: Option<u64>,
    /// `option redispatch`, with its interval: by default -1, the last retry.
    pub(super) redispatch: Option<i64>,
}

/// The inputs of a recorded case, none of which may be unknown. All may have a `config`.
pub(super) fn inputs<'a>(case: &'a Json, known: &[&str]) -> Result<&'a Json, String> {
    let map = case["inputs"].as_object().ok_or("a case without inputs")?;
    match map.keys().find(|key| !known.contains(&key.as_str()) && *key != "config") {
        Some(key) => Err(format!("the input {key:?} is not known")),
        None => Ok(&case["inputs"]),
    }
}

/// The fields of a published case, none of which may be unknown.
pub(super) fn known(case: &Json, fields: &[&str]) -> Result<(), String> {
    let map = case.as_object().ok_or("a case is an object")?;
    match map.keys().find(|key| !fields.contains(&key.as_str()) && *key != "note") {
        Some(key) => Err(format!("the field {key:?} is not known")),
        None => Ok(()),
    }
}

/// Limits are for runners that have queues.
pub(super) fn unlimited(list: &[Backend]) -> Result<(), String> {
    match list.iter().find(|backend| backend.in_flight_max > 0) {
        Some(Backend { name, .. }) => Err(format!("{name} has a limit, and nobody can wait here")),
        None => Ok(()),
    }
}

/// A server's words in a configuration, and what they are called in the inputs.
const SERVER: [(&str, &str); 6] = [
    ("weight", "weight"),
    ("id", "sid"),
    ("maxconn", "maxconn"),
    ("minconn", "minconn"),
    ("backup", "backup"),
    ("disabled", "disabled"),
];

impl Config<'_> {
    /// From the inputs `servers`, `algorithm`, `hash_type`, `extra` and `config`, as far as they are
    /// there. Of the lines only those that every backend may have, and those `allowed`, are known.
    pub(super) fn read<'a>(inputs: &'a Json, allowed: &[&str]) -> Result<Config<'a>, String> {
        let mut config = Config {
            inputs,
            list: Vec::new(),
            limits: Vec::new(),
            balance: None,
            hash_type: None,
            factor: None,
            all_backups: false,
            fullconn: None,
            retries: None,
            redispatch: None,
        };
        let mut servers = items(inputs, "servers").to_vec();
        let mut lines: Vec<&str> = inputs["config"].as_str().unwrap_or("").split(';').collect();
        for line in items(inputs, "extra") {
            lines.push(line.as_str().ok_or(format!("not a line: {line}"))?);
        }
        for line in lines.into_iter().map(str::trim).filter(|line| !line.is_empty()) {
            config.line(line, allowed, &mut servers)?;
        }
        let said = inputs["algorithm"].as_str();
        if let (Some(one), Some(other)) = (said, &config.balance)
            && algorithm(one)? != algorithm(other)?
        {
            return Err(format!("the algorithm is {one:?}, or {other:?}"));
        }
        if let Some(one) = inputs["hash_type"].as_str() {
            let other = config.hash_type.get_or_insert_with(|| one.to_owned());
            if hash_type(one, true)? != hash_type(other, true)? {
                return Err(format!("the hash-type is {one:?}, or {other:?}"));
            }
        }
        for server in &servers {
            config.server(server, &servers)?;
        }
        Ok(config)
    }

    fn line(&mut self, line: &str, allowed: &[&str], servers: &mut [Json]) -> Result<(), String> {
        let number = |text: &str| text.parse().map_err(|_| format!("not a number: {line:?}"));
        let words: Vec<&str> = line.split_whitespace().collect();
        if !["server", "balance", "option"].contains(&words[0]) && !allowed.contains(&words[0]) {
            return Err(format!("the line {line:?} is not known"));
        }
        match words[..] {
            ["server", id, _, ref rest @ ..] => {
                let server = servers.iter_mut().find(|server| server["id"] == *id);
                merge(server.ok_or(format!("there is no server {id:?}"))?, rest, line)?;
            }
            ["balance", _, ..] => {
                self.balance = Some(line["balance".len()..].trim().to_owned());
            }
            ["hash-type", ..] => self.hash_type = Some(line.to_owned()),
            ["hash-balance-factor", factor] => self.factor = Some(number(factor)? as f64),
            ["fullconn", full] => self.fullconn = Some(number(full)?),
            ["retries", count] => self.retries = Some(number(count)?),
            ["timeout", "queue", time] if longer_than_a_case(time) => {}
            ["option", "allbackups"] => self.all_backups = true,
            ["option", "redispatch", ref after @ ..] if allowed.contains(&"redispatch") => {
                let after = after.first().map_or("-1", |after| *after);
                let after: i64 = after.parse().map_err(|_| format!("not a number: {line:?}"))?;
                self.redispatch = Some(after);
            }
            ["no", "redispatch"] | ["no", "option", "redispatch"] => self.redispatch = None,
            _ => return Err(format!("the line {line:?} is not known")),
        }
        Ok(())
    }

    /// One of the servers, `{id, weight, sid, maxconn, minconn, backup, disabled}`, all but the id
    /// optional.
    fn server(&mut self, server: &Json, all: &[Json]) -> Result<(), String> {
        let Some(fields) = server.as_object() else {
            // Names only: the runner knows how to read them.
            return if server.is_string() {
                Ok(())
            } else {
                Err(format!("not a server: {server}"))
            };
        };
        let known = |key: &str| key == "id" || SERVER.iter().any(|(_, name)| *name == key);
        if let Some(other) = fields.keys().find(|key| !known(key)) {
            return Err(format!("the field {other:?} of a server is not known"));
        }
        let number = |key: &str, otherwise: u64| match &server[key] {
            Json::Null => Ok(otherwise),
            given => given.as_u64().ok_or(format!("{key} is {given}")),
        };
        let flag = |key: &str| match &server[key] {
            Json::Null => Ok(false),
            given => given.as_bool().ok_or(format!("{key} is {given}")),
        };
        // A server without a number gets the lowest that is free.
        let given = all.iter().filter_map(|other| other["sid"].as_u64());
        let taken: Vec<u64> = given.chain(self.list.iter().map(|b| u64::from(b.id))).collect();
        let free = (1..).find(|id| !taken.contains(id)).unwrap_or(1);
        let (min, max) = (number("minconn", 0)?, number("maxconn", 0)?);
        // A lower limit alone, or above the upper one, is the limit; none is the same as the upper.
        let max = max.max(min);
        let min = if min == 0 { max } else { min };
        let id = u32::try_from(number("sid", free)?).map_err(|error| error.to_string())?;
        let weight = i64::try_from(number("weight", 1)?).map_err(|error| error.to_string())?;
        self.list.push(Backend {
            healthy: !flag("disabled")?,
            in_flight_max: u32::try_from(max).map_err(|error| error.to_string())?,
            backup: flag("backup")?,
            ..Backend::new(id, text(server, "id")?, weight)
        });
        self.limits.push([min, max]);
        Ok(())
    }

    /// The strategy that is named as an input or in the configuration, or else `otherwise`.
    pub(super) fn algorithm(
        &self,
        otherwise: &str,
    ) -> Result<(&'static str, Vec<Setting>), String> {
        let said = self.inputs["algorithm"].as_str().or(self.balance.as_deref());
        algorithm(said.unwrap_or(otherwise))
    }

    /// The knobs that the rest of the configuration asks for.
    pub(super) fn more_knobs(&self, strategy: &str) -> Result<Vec<Setting>, String> {
        let mut knobs = vec![("all_backups", f64::from(u8::from(self.all_backups)))];
        if let Some(line) = &self.hash_type {
            knobs.extend(hash_type(line, strategy != "haproxy_source")?);
        }
        knobs.extend(self.factor.map(|factor| ("balance_factor", factor)));
        Ok(knobs)
    }

    /// The strategy with these knobs, and those that the configuration asks for.
    pub(super) fn proxy(&self, strategy: &str, mut knobs: Vec<Setting>) -> Result<Proxy, String> {
        knobs.extend(self.more_knobs(strategy)?);
        Proxy::new(strategy, &knobs, self.list.clone())
    }
}

/// What a `server` line says goes into the server of the inputs, unless it is there already.
fn merge(server: &mut Json, words: &[&str], line: &str) -> Result<(), String> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let known = SERVER.iter().find(|(known, _)| known == word);
        let (_, name) = known.ok_or(format!("{word:?} of {line:?} is not known"))?;
        let value = match *name {
            "backup" | "disabled" => json!(true),
            _ => {
                let number = words.next().and_then(|number| number.parse::<u64>().ok());
                json!(number.ok_or(format!("{word:?} needs a number: {line:?}"))?)
            }
        };
        if server[*name].is_null() {
            server[*name] = value;
        } else if server[*name] != value {
            return Err(format!("{name} is {}, or {value}: {line:?}", server[*name]));
        }
    }
    Ok(())
}

/// A case takes no time; a wait that would end within seconds may have ended while it was recorded.
fn longer_than_a_case(time: &str) -> bool {
    let digits = time.find(|c: char| !c.is_ascii_digit()).unwrap_or(time.len());
    let ms = match &time[digits..] {
        "" | "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => 0,
    };
    time[..digits].parse::<u64>().is_ok_and(|number| number.saturating_mul(ms) >= 10_000)
}

/// The knobs of a `hash-type` line: `consistent crc32 avalanche`. What stands in brackets is a note.
pub(super) fn hash_type(line: &str, by_key: bool) -> Result<Vec<Setting>, String> {
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
            "none" => function = Some(5.0),
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

/// What follows `balance`: `roundrobin`, `random(3)`, `uri whole depth 2`, `url_param k`, `hdr(x)`:
/// the strategy and its knobs.
pub(super) fn algorithm(line: &str) -> Result<(&'static str, Vec<Setting>), String> {
    let mut words = line.split_whitespace();
    let first = words.next().unwrap_or("");
    let (more, unknown) =
        (words.clone().count(), || format!("the algorithm {line:?} is not known"));
    let mut knobs = Vec::new();
    let strategy = match first {
        "roundrobin" => "haproxy_roundrobin",
        "static-rr" => "haproxy_static_rr",
        "leastconn" => "haproxy_leastconn",
        "first" => "haproxy_first",
        "source" => "haproxy_source",
        _ if first == "random" || first.starts_with("random(") => {
            let inside = first["random".len()..].trim_matches(['(', ')']);
            let draws = if inside.is_empty() { Ok(2.0) } else { inside.parse() };
            knobs.push(("draws", draws.map_err(|_| unknown())?));
            "haproxy_random"
        }
        // What an expression gives is in the case; converters would have to be applied first.
        "url_param" | "hash" if more == 1 && !line.contains(',') => {
            return Ok(("haproxy_hash", knobs));
        }
        _ if first.starts_with("hdr(") => {
            knobs.push(("empty_key", 1.0));
            "haproxy_hash"
        }
        "uri" => {
            uri_options(line, &mut words, &mut knobs)?;
            return Ok(("haproxy_uri", knobs));
        }
        _ => return Err(unknown()),
    };
    if more == 0 { Ok((strategy, knobs)) } else { Err(unknown()) }
}

/// `whole depth 2 len 10 path-only`.
fn uri_options<'a>(
    line: &str,
    words: &mut impl Iterator<Item = &'a str>,
    knobs: &mut Vec<Setting>,
) -> Result<(), String> {
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
    Ok(())
}

#[test]
fn what_a_configuration_says_is_read_or_refused() {
    let servers = json!([{ "id": "a" }, { "id": "b", "weight": 3 }]);
    let read = |text: &str, allowed: &[&str]| -> Result<String, String> {
        let inputs = json!({ "servers": servers, "config": text });
        let Config { list, limits, factor, all_backups, fullconn, .. } =
            Config::read(&inputs, allowed)?;
        let server = |b: &Backend| (b.id, b.weight, b.in_flight_max, b.backup, b.healthy);
        let servers: Vec<_> = list.iter().map(server).collect();
        Ok(format!("{servers:?} {limits:?} {factor:?} {all_backups} {fullconn:?}"))
    };
    let plain = "[(1, 1, 0, false, true), (2, 3, 0, false, true)] [[0, 0], [0, 0]]";
    assert_eq!(read("", &[]), Ok(format!("{plain} None false None")));
    let text = "balance roundrobin; option allbackups; fullconn 40; server a addr id 7 minconn 2 \
                maxconn 9 backup; server b addr weight 3 minconn 5 disabled";
    let odd = "[(7, 1, 9, true, true), (1, 3, 5, false, false)] [[2, 9], [5, 5]]";
    assert_eq!(read(text, &["fullconn"]), Ok(format!("{odd} None true Some(40)")));
    for (text, words) in [
        ("fullconn 40", "not known"),
        ("server b addr weight 4", "weight is 3, or 4"),
        ("server a addr maxqueue 4", "\"maxqueue\""),
        ("server c addr", "no server \"c\""),
        ("option httpclose", "not known"),
        ("timeout queue 20s", "not known"),
    ] {
        assert!(read(text, &[]).is_err_and(|error| error.contains(words)), "{text}");
    }
    let waits = ["9s", "700", "20x", "20s", "30000ms", "1m"];
    let timeout = |time: &&str| read(&format!("timeout queue {time}"), &["timeout"]).is_ok();
    assert_eq!(waits.map(|time| timeout(&time)), [false, false, false, true, true, true]);
    let both = json!({ "algorithm": "uri", "config": "balance url_param k" });
    assert!(Config::read(&both, &[]).is_err_and(|error| error.contains("the algorithm is")));
    let both = json!({ "hash_type": "consistent", "config": "hash-type map-based" });
    let wrong = Config::read(&both, &["hash-type"]);
    assert!(wrong.is_err_and(|error| error.contains("the hash-type is")));
    assert!(inputs(&json!({ "inputs": { "n": 1 } }), &["m"]).is_err());
}
