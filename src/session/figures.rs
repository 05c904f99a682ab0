//! Algorithms by themselves, for pages that draw their own figures: where keys are placed, whom a
//! balancer picks, what a cache keeps, and what there is to choose from. Plain data in, plain data
//! out; whatever is wrong with an order is told in a sentence with the name of the field.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::node::CATALOGUE as KINDS;
use crate::policy::balance::{self, Answer, Ask, Backend, Pick};
use crate::policy::place::moved::ideal;
use crate::policy::place::{self, Placed, Shard};
use crate::policy::{Entry, Knobs, ROOMS, evict, find};
use crate::sim::{Line, Rng, Span, Time, Why};

/// The most keys, requests and picks of one order.
const MOST: usize = 1_000_000;
/// The most nodes or servers.
const NODES_MAX: usize = 10_000;

/// A name, or a name with a weight.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Named {
    Plain(String),
    Weighted { name: String, weight: i64 },
}

impl Named {
    fn parts(&self) -> (&str, i64) {
        match self {
            Named::Plain(name) => (name, 1),
            Named::Weighted { name, weight } => (name, *weight),
        }
    }
}

type Settings = BTreeMap<String, f64>;

/// What `place` is asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceOrder {
    strategy: String,
    nodes: Vec<Named>,
    keys: Vec<String>,
    #[serde(default)]
    settings: Settings,
    /// The nodes after a change, to see what moves.
    #[serde(default)]
    then: Option<Vec<Named>>,
    /// How many nodes of each key's preference are wanted.
    #[serde(default)]
    replicas: usize,
}

/// What `pick` is asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PickOrder {
    strategy: String,
    servers: Vec<Named>,
    picks: usize,
    #[serde(default)]
    settings: Settings,
    #[serde(default)]
    seed: Option<u64>,
    /// Keys that the requests ask for, in turn.
    #[serde(default)]
    keys: Vec<String>,
    /// Servers that are down.
    #[serde(default)]
    down: Vec<String>,
    /// Requests stay in flight instead of being answered at once.
    #[serde(default)]
    hold: bool,
    /// How long an answer takes, in ms; also the time between two picks.
    #[serde(default)]
    took_ms: Option<f64>,
}

/// What `cache` is asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheOrder {
    policy: String,
    capacity: usize,
    keys: Vec<String>,
    #[serde(default)]
    settings: Settings,
    #[serde(default)]
    seed: Option<u64>,
    /// Says of each request what became of it.
    #[serde(default)]
    trace: bool,
}

/// Where one key is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlacedKey {
    /// The key.
    pub key: String,
    /// The node that owns it, if one does.
    pub node: Option<String>,
    /// Why, in a sentence.
    pub why: String,
    /// The owner after the change, if one was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub then: Option<Option<String>>,
    /// The nodes of its preference, the owner first, if asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replicas: Vec<String>,
}

/// Where keys are.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Places {
    /// Whose algorithm it is.
    pub whose: String,
    /// Each key, in the order asked.
    pub keys: Vec<PlacedKey>,
    /// How many keys each node owns.
    pub counts: BTreeMap<String, u64>,
    /// How many of the keys the change moves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved: Option<u64>,
    /// The share of keys that must move for every node to get what is due to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ideal: Option<f64>,
}

/// One pick.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Picked {
    /// The server, if one could be chosen.
    pub server: Option<String>,
    /// Why, in a sentence.
    pub why: String,
    /// The numbers by which it was decided: of whom, which, and whether that one was chosen.
    pub numbers: Vec<(String, String, bool)>,
}

/// A sequence of picks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Picks {
    /// Whose algorithm it is.
    pub whose: String,
    /// Each pick, in order.
    pub picks: Vec<Picked>,
    /// How often each server was picked.
    pub counts: BTreeMap<String, u64>,
}

/// One request of a cache.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CacheStep {
    /// The key.
    pub key: String,
    /// Was it there?
    pub hit: bool,
    /// Who left for it.
    pub evicted: Vec<String>,
    /// Why, in a sentence.
    pub why: String,
}

/// What a cache came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CacheRun {
    /// Whose algorithm it is.
    pub whose: String,
    /// Requests.
    pub requests: u64,
    /// Those that found their key.
    pub hits: u64,
    /// Those that did not.
    pub misses: u64,
    /// The share of hits.
    pub hit_ratio: f64,
    /// Entries held at the end.
    pub held: u64,
    /// Each request, if asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<CacheStep>,
}

fn known<Make>(
    field: &str,
    catalogue: &'static [&'static Entry<Make>],
    name: &str,
) -> Result<&'static Entry<Make>, String> {
    let key = name.to_lowercase().replace('-', "_");
    find(catalogue, &key).ok_or_else(|| {
        let all: Vec<&str> = catalogue.iter().map(|entry| entry.key).collect();
        format!("{field}: {name:?} is not known; there is {}", all.join(", "))
    })
}

fn knobs<Make>(entry: &Entry<Make>, settings: &Settings) -> Result<Knobs, String> {
    let mut knobs = Knobs::default();
    for (key, value) in settings {
        knobs.set(entry.knobs, key, *value).map_err(|no| format!("settings: {no}"))?;
    }
    Ok(knobs)
}

/// Names differ and are not empty.
fn distinct<'a>(field: &str, all: &'a [Named]) -> Result<Vec<(&'a str, i64)>, String> {
    let parts: Vec<(&str, i64)> = all.iter().map(Named::parts).collect();
    let names: BTreeSet<&str> = parts.iter().map(|(name, _)| *name).collect();
    match () {
        () if parts.is_empty() => Err(format!("{field}: names nobody")),
        () if parts.len() > NODES_MAX => Err(format!("{field}: at most {NODES_MAX}")),
        () if names.contains("") => Err(format!("{field}: a name is empty")),
        () if names.len() < parts.len() => Err(format!("{field}: a name is there twice")),
        () => Ok(parts),
    }
}

fn bounded(field: &str, count: usize) -> Result<(), String> {
    match count > MOST {
        true => Err(format!("{field}: at most {MOST}")),
        false => Ok(()),
    }
}

/// Where keys are placed, why, and which move when the nodes change.
pub fn place(order: &PlaceOrder) -> Result<Places, String> {
    bounded("keys", order.keys.len())?;
    let entry = known("strategy", place::CATALOGUE, &order.strategy)?;
    let shards = |field, nodes: &[Named]| -> Result<Vec<Shard>, String> {
        let all = distinct(field, nodes)?;
        Ok(all.into_iter().map(|(name, weight)| Shard::new(name, weight)).collect())
    };
    let now = shards("nodes", &order.nodes)?;
    let made = (entry.make)(&knobs(entry, &order.settings)?, &now);
    let made = made.map_err(|no| format!("nodes: {no}"))?;
    let then = match &order.then {
        Some(nodes) => {
            let shards = shards("then", nodes)?;
            let placement = made.with(&shards).map_err(|no| format!("then: {no}"))?;
            Some((shards, placement))
        }
        None => None,
    };
    let name = |shards: &[Shard], place: usize| shards.get(place).map(|s| s.name.to_string());
    let mut counts: BTreeMap<String, u64> = now.iter().map(|s| (s.name.to_string(), 0)).collect();
    let mut moved = 0;
    let one = |key: &String| {
        let (bytes, mut why) = (key.as_bytes(), Why::brief());
        let node = made.owner(bytes, &mut why).and_then(|place| name(&now, place));
        let then = then.as_ref().map(|(shards, placement)| {
            placement.owner(bytes, &mut Why::off()).and_then(|place| name(shards, place))
        });
        moved += u64::from(then.as_ref().is_some_and(|then| *then != node));
        if let Some(count) = node.as_ref().and_then(|node| counts.get_mut(node)) {
            *count += 1;
        }
        let mut list = Vec::new();
        if order.replicas > 1 {
            made.preference(bytes, order.replicas.min(now.len()), &mut list);
        }
        let replicas = list.into_iter().filter_map(|place| name(&now, place)).collect();
        PlacedKey { key: key.clone(), node, why: why.sentence, then, replicas }
    };
    let keys = order.keys.iter().map(one).collect();
    let ideal = then.as_ref().map(|(shards, placement)| {
        let before = Placed { by: &*made, shards: &now };
        ideal(before, Placed { by: &**placement, shards })
    });
    let moved = then.is_some().then_some(moved);
    Ok(Places { whose: entry.whose.to_owned(), keys, counts, moved, ideal })
}

/// One pick after another, with the numbers of each.
pub fn pick(order: &PickOrder) -> Result<Picks, String> {
    bounded("picks", order.picks)?;
    let entry = known("strategy", balance::CATALOGUE, &order.strategy)?;
    let took = order.took_ms.unwrap_or(1.0);
    if !(0.0..=1e9).contains(&took) {
        return Err("took_ms: must be between 0 and 1000000000".to_owned());
    }
    let took = Span::from_millis_f64(took);
    let backend = |(place, (name, weight)): (usize, (&str, i64))| {
        let mut backend = Backend::new(place as u32 + 1, name, weight);
        backend.healthy = !order.down.iter().any(|down| down == name);
        backend
    };
    let servers = distinct("servers", &order.servers)?;
    if let Some(name) = order.down.iter().find(|d| servers.iter().all(|(name, _)| name != d)) {
        return Err(format!("down: there is no server {name:?}"));
    }
    let mut list: Vec<Backend> = servers.into_iter().enumerate().map(backend).collect();
    let mut policy = (entry.make)(&knobs(entry, &order.settings)?);
    (1..=list.len()).for_each(|joined| policy.added(&list[..joined]));
    let mut rng = Rng::from_seed(order.seed.unwrap_or(1));
    let mut counts: BTreeMap<String, u64> = list.iter().map(|b| (b.name.to_string(), 0)).collect();
    let mut picks = Vec::new();
    for number in 0..order.picks {
        let now = Time::ZERO + Span::from_ns(took.ns().saturating_mul(number as u64));
        let key = order.keys.get(number % order.keys.len().max(1)).map(|key| key.as_bytes());
        let ask = Ask { now, key, client: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), tried: &[] };
        let mut why = Why::on();
        let place = match policy.pick(&ask, &list, &mut rng, &mut why) {
            Pick::Backend(place) => Some(place),
            Pick::Nobody => None,
            Pick::Crash(words) => return Err(format!("the strategy itself failed: {words}")),
        };
        if let Some(place) = place {
            list[place].in_flight += 1;
            policy.sent(place, &list);
            if !order.hold {
                list[place].in_flight -= 1;
                policy.answered(place, &Answer { now: now + took, took, ok: true }, &list);
            }
        }
        let server = place.map(|place| list[place].name.to_string());
        if let Some(count) = server.as_ref().and_then(|name| counts.get_mut(name)) {
            *count += 1;
        }
        let line = |line: Line| (line.subject, line.numbers, line.chosen);
        let numbers = why.lines.into_iter().map(line).collect();
        picks.push(Picked { server, why: why.sentence, numbers });
    }
    Ok(Picks { whose: entry.whose.to_owned(), picks, counts })
}

/// A stream of keys through one cache.
pub fn cache(order: &CacheOrder) -> Result<CacheRun, String> {
    bounded("keys", order.keys.len())?;
    let entry = known("policy", evict::CATALOGUE, &order.policy)?;
    let made = (entry.make)(&knobs(entry, &order.settings)?, order.capacity);
    let mut cache = made.map_err(|no| format!("capacity: {no}"))?;
    let mut rng = Rng::from_seed(order.seed.unwrap_or(1));
    let mut numbers = BTreeMap::new();
    let mut names: Vec<&String> = Vec::new();
    let (mut hits, mut steps) = (0, Vec::new());
    for key in &order.keys {
        let next = names.len() as u64;
        let number = *numbers.entry(key).or_insert_with(|| {
            names.push(key);
            next
        });
        let mut why = if order.trace { Why::brief() } else { Why::off() };
        let access = cache.access(number, &mut rng, &mut why);
        hits += u64::from(access.is_hit());
        if order.trace {
            let left = access.evicted().iter().filter_map(|left| names.get(*left as usize));
            let evicted = left.map(|name| (*name).clone()).collect();
            let (key, hit) = (key.clone(), access.is_hit());
            steps.push(CacheStep { key, hit, evicted, why: why.sentence });
        }
    }
    let requests = order.keys.len() as u64;
    Ok(CacheRun {
        whose: entry.whose.to_owned(),
        requests,
        hits,
        misses: requests - hits,
        hit_ratio: hits as f64 / requests.max(1) as f64,
        held: cache.len() as u64,
        steps,
    })
}

/// What there is: the rooms of algorithms with their entries and settings, the kinds of nodes.
pub fn describe() -> Json {
    let rooms: serde_json::Map<String, Json> =
        ROOMS.iter().map(|room| (room.key.to_owned(), room.to_json())).collect();
    let kinds: Vec<Json> = KINDS
        .iter()
        .map(|entry| {
            let specs = (entry.make)().specs();
            let settings: Vec<Json> = specs
                .iter()
                .map(|spec| {
                    let (key, name, unit, help) = (spec.key, spec.label, spec.unit, spec.help);
                    json!({ "key": key, "name": name, "unit": unit, "help": help })
                })
                .collect();
            json!({ "key": entry.key, "name": entry.label, "settings": settings })
        })
        .collect();
    json!({ "algorithms": rooms, "kinds": kinds })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order<T: serde::de::DeserializeOwned>(json: Json) -> T {
        serde_json::from_value(json).expect("an order")
    }

    fn placed(json: Json) -> Result<Places, String> {
        place(&order(json))
    }

    #[test]
    fn keys_are_placed_and_moves_are_counted() {
        let keys: Vec<String> = (0..1_000).map(|n| format!("user:{n}")).collect();
        let answer = placed(json!({
            "strategy": "ketama", "nodes": ["a", "b", "c"], "then": ["a", "b", "c", "d"],
            "keys": keys, "replicas": 2,
        }))
        .expect("an answer");
        assert_eq!(answer.counts.values().sum::<u64>(), 1_000);
        let moved = answer.keys.iter().filter(|key| key.then != Some(key.node.clone())).count();
        assert_eq!(answer.moved, Some(moved as u64));
        assert!((answer.ideal.expect("a change") - 0.25).abs() < 1e-9);
        assert!(moved > 150 && moved < 350, "{moved}");
        assert!(answer.keys.iter().all(|key| key.replicas.len() == 2 && !key.why.is_empty()));
    }

    #[test]
    fn picks_are_those_of_the_algorithm() {
        let answer = pick(&order(json!({
            "strategy": "smooth-weighted",
            "servers": [{ "name": "a", "weight": 5 }, { "name": "b", "weight": 1 }, "c"],
            "picks": 7,
        })))
        .expect("an answer");
        let sequence: Vec<&str> = answer.picks.iter().filter_map(|p| p.server.as_deref()).collect();
        assert_eq!(sequence, ["a", "a", "b", "a", "c", "a", "a"]);
        assert_eq!(answer.counts["a"], 5);
        assert!(answer.picks.iter().all(|pick| !pick.why.is_empty() && !pick.numbers.is_empty()));
    }

    #[test]
    fn a_cache_keeps_what_its_policy_keeps() {
        let keys = ["a", "b", "a", "c", "b", "a"];
        let run = |policy: &str| {
            cache(&order(json!({ "policy": policy, "capacity": 2, "keys": keys, "trace": true })))
                .expect("an answer")
        };
        let (lru, fifo) = (run("lru"), run("fifo"));
        assert_eq!((lru.hits, lru.misses, lru.held), (1, 5, 2));
        assert_eq!(lru.steps[3].evicted, ["b"]);
        assert_eq!(fifo.steps[3].evicted, ["a"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (wrong, words) in [
            (
                json!({ "strategy": "nonsense", "nodes": ["a"], "keys": [] }),
                "strategy: \"nonsense\"",
            ),
            (json!({ "strategy": "ketama", "nodes": [], "keys": [] }), "nodes: names nobody"),
            (
                json!({ "strategy": "ketama", "nodes": ["a", "a"], "keys": [] }),
                "nodes: a name is there twice",
            ),
            (json!({ "strategy": "ketama", "nodes": [""], "keys": [] }), "nodes: a name is empty"),
            (
                json!({ "strategy": "ketama", "nodes": ["a"], "keys": [], "settings": { "x": 1 } }),
                "settings: ",
            ),
        ] {
            let told = placed(wrong).expect_err("wrong");
            assert!(told.contains(words), "{told}");
        }
        let unknown = json!({ "strategy": "ketama", "nodes": ["a"], "keys": [], "colour": 1 });
        assert!(serde_json::from_value::<PlaceOrder>(unknown).is_err());
        let down =
            json!({ "strategy": "round_robin", "servers": ["a"], "picks": 1, "down": ["b"] });
        assert_eq!(pick(&order(down)), Err("down: there is no server \"b\"".to_owned()));
        let many = json!({ "strategy": "round_robin", "servers": ["a"], "picks": 1_000_001 });
        assert!(pick(&order(many)).is_err());
    }

    #[test]
    fn everything_there_is_is_described() {
        let all = describe();
        for room in ROOMS {
            let entries = all["algorithms"][room.key].as_array().expect("a list");
            assert_eq!(entries.len(), (room.entries)().len());
            assert!(
                entries.iter().all(|entry| !entry["rule"].as_str().unwrap_or_default().is_empty())
            );
        }
        assert_eq!(all["kinds"].as_array().map(Vec::len), Some(KINDS.len()));
    }
}
