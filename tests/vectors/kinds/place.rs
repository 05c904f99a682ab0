//! The kinds about who owns a key: the course's sharding, and the placements of real systems.

#[path = "place_course.rs"]
mod place_course;
#[path = "place_kafka.rs"]
mod place_kafka;

use std::fmt::Write as _;

use serde_json::{Value as Json, json};
use switchyard::policy::Knobs;
use switchyard::policy::hash::crc::crc16;
use switchyard::policy::hash::md5::{hex, md5};
use switchyard::policy::hash::murmur3::murmur3_32;
use switchyard::policy::hash::splitmix64::SplitMix64;
use switchyard::policy::hash::twemproxy::KEY_HASHES;
use switchyard::policy::place::anchor::{Buckets, Redraw};
use switchyard::policy::place::hash_ring::HashRing;
use switchyard::policy::place::jump::jump;
use switchyard::policy::place::ketama::{ketama_hash, ketama_points};
use switchyard::policy::place::redis_slots::slot;
use switchyard::policy::place::{Placed, Placement, Shard, find, moved};
use switchyard::sim::Why;

use super::{Covered, compare, items, text};

/// What this file covers.
pub(crate) const KINDS: &[Covered] = &[
    Covered::course("partition_name", place_course::partition_name),
    Covered::course("shard_bias", place_course::shard_bias),
    Covered::course("shard_index", place_course::shard_index),
    Covered::course("shard_invalid", place_course::shard_invalid),
    Covered::course("shard_remap", place_course::shard_remap),
    Covered::course("shard_topology", place_course::shard_topology),
    Covered::field("anchorhash", anchorhash, &["steps"]),
    // In `pairs` the keys stand beside what they lead to: a pair less, or another key for the same
    // bucket, is no contradiction. Numbers are compared exactly all the same.
    Covered::field("jump_consistent_hash", jump_consistent_hash, JUMP).rough(),
    Covered::field("kafka_assignors", place_kafka::assignors, place_kafka::ASSIGNORS),
    // The keys of `map` are what is asked: one less cannot be missed.
    Covered::field("kafka_partition_for_key", place_kafka::partition_for_key, &["map"]).rough(),
    Covered::field("kafka_sticky_adaptive", place_kafka::sticky, place_kafka::STICKY),
    Covered::field("libketama", libketama, LIBKETAMA),
    // As for `map` above; numbers are compared exactly.
    Covered::field("mcrouter_rendezvous", mcrouter, MCROUTER).rough(),
    Covered::field("mcrouter_weighted_rendezvous", mcrouter_weighted, MCROUTER).rough(),
    Covered::field("mpchash", mpchash, &["first_five", "last_five", "first_ten"]),
    // `same_slot` holds keys, which stay in one slot whatever follows their tag.
    Covered::field("redis_cluster_slot", redis_cluster_slot, &["same_slot"]).stated(),
    Covered::recorded("redis_keyslot", redis_keyslot),
    // `map` and `murmur3_32` hold what is asked beside the answers, and some answers are texts.
    Covered::field("rendezvous_murmur3", rendezvous, &["map"]).stated(),
    Covered::recorded("twemproxy_map", twemproxy_map),
];

const JUMP: &[&str] = &[
    "buckets_1_to_10",
    "buckets_1_to_18",
    "buckets_1_to_19",
    "buckets_1_to_20",
    "buckets_1_to_21",
    "keys_0_to_9",
    "keys_0_to_19",
    "pairs",
];
const LIBKETAMA: &[&str] =
    &["points", "hashi(test)", "get_server(test)", "md5_of_output", "map", "counts"];
const MCROUTER: &[&str] = &[
    "map",
    "counts",
    "keys that move when the first/last/middle endpoint is removed",
    "keys that move when the first/last/middle(249) endpoint is removed",
];

// ===== helpers =====

fn fields(json: &Json) -> Result<&serde_json::Map<String, Json>, String> {
    json.as_object().ok_or_else(|| format!("should be an object: {json}"))
}

fn unknown(field: &str) -> String {
    format!("the field {field:?} is not known")
}

/// All whole numbers in a text.
fn numbers(text: &str) -> Vec<u64> {
    let digits = |c: char| !c.is_ascii_digit();
    text.split(digits).filter_map(|number| number.parse().ok()).collect()
}

/// A whole number: one in JSON, or a text such as "0xdeadbeef".
fn number(json: &Json) -> Result<u64, String> {
    let hex = || u64::from_str_radix(json.as_str()?.strip_prefix("0x")?, 16).ok();
    json.as_u64().or_else(hex).ok_or_else(|| format!("should be a whole number: {json}"))
}

/// Equal to the last bit, unlike floating-point numbers in `compare`.
fn exactly(what: &str, expected: &Json, got: u64) -> Result<(), String> {
    if expected.as_u64() == Some(got) {
        Ok(())
    } else {
        Err(format!("{what} should be {expected}, is {got}"))
    }
}

fn make(key: &str, knobs: &Knobs, shards: &[Shard]) -> Result<Box<dyn Placement>, String> {
    let entry = find(key).ok_or_else(|| format!("no placement is called {key:?}"))?;
    (entry.make)(knobs, shards).map_err(|refused| refused.to_string())
}

fn owner(placement: &dyn Placement, key: &[u8]) -> Result<usize, String> {
    let mut out = Vec::new();
    placement.preference(key, 1, &mut out);
    match placement.owner(key, &mut Why::off()) {
        Some(owner) if out == [owner] => Ok(owner),
        other => Err(format!("owner {other:?} but preference {out:?} for {key:?}")),
    }
}

fn equal_shards<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<Shard> {
    names.into_iter().map(|name| Shard::new(name, 1)).collect()
}

// ===== jump_consistent_hash =====

fn jump_consistent_hash(case: &Json) -> Result<(), String> {
    for (field, expected) in fields(case)? {
        let list = || expected.as_array().ok_or_else(|| format!("{field} should be a list"));
        match numbers(field)[..] {
            _ if field == "key" || field == "n" => {}
            [1, to] if field.starts_with("buckets_") => {
                if list()?.len() as u64 != to {
                    return Err(format!("{field} has {} numbers", list()?.len()));
                }
                let key = number(&case["key"])?;
                for (n, expected) in (1..).zip(list()?) {
                    exactly(&format!("{key} of {n}"), expected, jump(key, n).into())?;
                }
            }
            [0, to] if field.starts_with("keys_") => {
                if list()?.len() as u64 != to + 1 {
                    return Err(format!("{field} has {} numbers", list()?.len()));
                }
                let n = number(&case["n"])? as u32;
                for (key, expected) in (0..).zip(list()?) {
                    exactly(&format!("{key} of {n}"), expected, jump(key, n).into())?;
                }
            }
            _ if field == "pairs" => {
                for pair in list()? {
                    let (key, n) = (number(&pair[0])?, number(&pair[1])? as u32);
                    exactly(&format!("{key} of {n}"), &pair[2], jump(key, n).into())?;
                }
            }
            _ => return Err(unknown(field)),
        }
    }
    Ok(())
}

// ===== libketama =====

/// The file `ketama.servers` in libketama.
const KETAMA_SERVERS: [(&str, i64); 8] = [
    ("10.0.1.1:11211", 600),
    ("10.0.1.2:11211", 300),
    ("10.0.1.3:11211", 200),
    ("10.0.1.4:11211", 350),
    ("10.0.1.5:11211", 1000),
    ("10.0.1.6:11211", 800),
    ("10.0.1.7:11211", 950),
    ("10.0.1.8:11211", 100),
];

fn libketama(case: &Json) -> Result<(), String> {
    let shards: Vec<Shard> = match case["servers"].as_object() {
        Some(servers) => {
            let weight = |json: &Json| json.as_i64().ok_or("a weight is a number");
            let shard = |(name, json): (&String, &Json)| Ok(Shard::new(name, weight(json)?));
            servers.iter().map(shard).collect::<Result<_, &str>>()?
        }
        None => KETAMA_SERVERS.iter().map(|(name, weight)| Shard::new(name, *weight)).collect(),
    };
    let placement = make("ketama", Knobs::DEFAULTS, &shards)?;
    let points = ketama_points(&shards).map_err(|refused| refused.to_string())?;
    let ring = HashRing::new(points);
    let at = |hash: u32| -> Result<(u64, &str), String> {
        let at = ring.find(hash.into()).ok_or("an empty ring")?;
        let (point, shard) = ring.points()[at];
        Ok((point, &*shards[shard as usize].name))
    };
    let server = |key: &str| {
        let (point, name) = at(ketama_hash(key.as_bytes()))?;
        match &*shards[owner(&*placement, key.as_bytes())?].name == name {
            true => Ok((point, name)),
            false => Err(format!("the ring and the placement disagree about {key:?}")),
        }
    };
    for (field, expected) in fields(case)? {
        let inner = |name: &str| field.strip_prefix(name).and_then(|rest| rest.strip_suffix(')'));
        match field.as_str() {
            "servers" | "servers_file" | "output" | "computed" => {}
            "points" => exactly(field, expected, ring.points().len() as u64)?,
            "md5_of_output" => {
                let mut output = "\n".to_owned();
                for key in 0..1_000_000 {
                    let key = key.to_string();
                    let hash = ketama_hash(key.as_bytes());
                    // The placement is asked about some of them: a million take seconds.
                    let (point, name) = match key.ends_with("00") {
                        true => server(&key)?,
                        false => at(hash)?,
                    };
                    writeln!(output, "{hash} {point} {name}").map_err(|error| error.to_string())?;
                }
                compare(field, expected, &json!(hex(&md5(output.as_bytes()))))?;
            }
            "map" => {
                let first = numbers(case["computed"].as_str().unwrap_or_default());
                if first
                    .first()
                    .is_some_and(|&n| Ok(n as usize) != fields(expected).map(|m| m.len()))
                {
                    return Err("not as many keys as it says".to_owned());
                }
                for (key, name) in fields(expected)? {
                    compare(key, name, &json!(server(key)?.1))?;
                }
            }
            _ => match (inner("hashi("), inner("get_server(")) {
                (Some(key), _) => exactly(field, expected, ketama_hash(key.as_bytes()).into())?,
                (_, Some(key)) => {
                    let (point, name) = server(key)?;
                    compare(field, expected, &json!([point, name]))?;
                }
                _ => return Err(unknown(field)),
            },
        }
    }
    Ok(())
}

// ===== mcrouter =====

fn mcrouter(case: &Json) -> Result<(), String> {
    mcrouter_with("mcrouter_rendezvous", case)
}

fn mcrouter_weighted(case: &Json) -> Result<(), String> {
    mcrouter_with("weighted_rendezvous", case)
}

/// Weights become whole numbers: multiplied by a power of two, which changes no comparison.
const WEIGHT_ONE: f64 = (1u64 << 20) as f64;

fn mcrouter_with(key: &str, case: &Json) -> Result<(), String> {
    let weights: Vec<f64> = match (&case["weights"], case["n"].as_u64()) {
        (Json::Array(weights), _) => weights.iter().filter_map(Json::as_f64).collect(),
        (Json::Null, Some(n)) => vec![1.0; n as usize],
        (Json::String(all), Some(n)) if all == "all 1" => vec![1.0; n as usize],
        (other, _) => return Err(format!("the weights {other} are not known")),
    };
    let shard = |(place, weight): (usize, &f64)| {
        Shard::new(&format!("xxx.{place}.yy"), (weight * WEIGHT_ONE) as i64)
    };
    let shards: Vec<Shard> = weights.iter().enumerate().map(shard).collect();
    let placement = make(key, Knobs::DEFAULTS, &shards)?;
    let count = numbers(case["keys"].as_str().unwrap_or_default()).first().copied();
    let keys = || (0..count.unwrap_or(10_000)).map(|number| format!("mykey:{number}"));
    for (field, expected) in fields(case)? {
        match field.as_str() {
            "endpoints" | "n" | "weights" | "keys" => {}
            "map" => {
                for (key, expected) in fields(expected)? {
                    let got = owner(&*placement, &mcrouter_key(key)?)?;
                    exactly(key, expected, got as u64)?;
                }
            }
            "counts" => {
                let mut counts = vec![0u64; shards.len()];
                for key in keys() {
                    counts[owner(&*placement, key.as_bytes())?] += 1;
                }
                compare(field, expected, &json!(counts))?;
            }
            _ if field.starts_with("keys that move when the first/last/middle") => {
                let n = shards.len();
                let mut got = Vec::new();
                for gone in [0, n - 1, n / 2] {
                    let mut left = shards.clone();
                    left.remove(gone);
                    let after = placement.with(&left).map_err(|refused| refused.to_string())?;
                    let before = Placed { by: &*placement, shards: &shards };
                    let moved = moved(before, Placed { by: &*after, shards: &left }, keys());
                    if moved.left[gone] != moved.count {
                        return Err("a key moved whose owner stayed".to_owned());
                    }
                    got.push(moved.count);
                }
                compare(field, expected, &json!(got))?;
            }
            _ => return Err(unknown(field)),
        }
    }
    Ok(())
}

/// A key, or one told by its bytes: `bytes 0x80..0xff,0x00..0x7f`.
fn mcrouter_key(key: &str) -> Result<Vec<u8>, String> {
    let Some(ranges) = key.strip_prefix("bytes ") else { return Ok(key.as_bytes().to_vec()) };
    let mut bytes = Vec::new();
    for range in ranges.split(',') {
        let ends = range.split_once("..").ok_or_else(|| format!("no range: {range}"))?;
        let byte = |text: &str| u8::from_str_radix(text.trim().trim_start_matches("0x"), 16);
        let (from, to) = (byte(ends.0), byte(ends.1));
        bytes.extend(from.map_err(|e| e.to_string())?..=to.map_err(|e| e.to_string())?);
    }
    Ok(bytes)
}

// ===== rendezvous_murmur3 =====

fn rendezvous(case: &Json) -> Result<(), String> {
    let of = |names: &[String]| {
        let shards = equal_shards(names.iter().map(String::as_str));
        make("rendezvous", Knobs::DEFAULTS, &shards).map(|placement| (placement, shards))
    };
    let counted = |n: u64| (0..n).map(|number| number.to_string()).collect::<Vec<_>>();
    for (field, expected) in fields(case)? {
        match field.as_str() {
            "nodes" | "keys" => {}
            "murmur3_32" => {
                for (words, expected) in fields(expected)? {
                    let (key, seed) = words.split_once(" seed ").ok_or_else(|| unknown(words))?;
                    let seed = seed.parse().map_err(|_| unknown(words))?;
                    exactly(words, expected, murmur3_32(&[key.as_bytes()], seed).into())?;
                }
            }
            "map" => {
                let nodes = items(case, "nodes").iter().filter_map(Json::as_str);
                let (placement, shards) = of(&nodes.map(str::to_owned).collect::<Vec<_>>())?;
                for (key, expected) in fields(expected)? {
                    let got = owner(&*placement, key.as_bytes())?;
                    compare(key, expected, &json!(&*shards[got].name))?;
                }
            }
            _ => match numbers(field)[..] {
                [from, to] if field.starts_with("nodes ") => {
                    let (before, old) = of(&counted(from))?;
                    let (after, new) = of(&counted(to))?;
                    let last = numbers(text(case, "keys")?).last().copied().ok_or("no keys")?;
                    let moved = moved(
                        Placed { by: &*before, shards: &old },
                        Placed { by: &*after, shards: &new },
                        counted(last + 1),
                    );
                    let told = numbers(expected.as_str().unwrap_or_default());
                    if told != [moved.count, moved.count * 2] {
                        return Err(format!("{field} should be {expected}, is {}", moved.count));
                    }
                }
                _ => return Err(unknown(field)),
            },
        }
    }
    Ok(())
}

// ===== mpchash =====

fn mpchash(case: &Json) -> Result<(), String> {
    let [from, to] = numbers(text(case, "buckets")?)[..] else {
        return Err("which buckets?".to_owned());
    };
    let names: Vec<String> = (from..=to).map(|number| format!("shard-{number}")).collect();
    let shards = equal_shards(names.iter().map(String::as_str));
    let placement = make("multi_probe", Knobs::DEFAULTS, &shards)?;
    for (field, expected) in fields(case)? {
        if matches!(field.as_str(), "buckets" | "hash" | "keys") {
            continue;
        }
        let (end, count) = field.split_once('_').ok_or_else(|| unknown(field))?;
        let words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
        let count = words.iter().position(|word| *word == count).ok_or_else(|| unknown(field))? + 1;
        let keys = match end {
            "first" => &names[..count],
            "last" => &names[names.len() - count..],
            _ => return Err(unknown(field)),
        };
        let name = |key: &String| {
            owner(&*placement, key.as_bytes()).map(|owner| shards[owner].name.to_string())
        };
        let got = keys.iter().map(name).collect::<Result<Vec<_>, String>>()?;
        compare(field, expected, &json!(got))?;
    }
    Ok(())
}

// ===== anchorhash =====

fn anchorhash(case: &Json) -> Result<(), String> {
    let redraw = match text(case, "rehash")? {
        words if words.starts_with("xxh64(") => Redraw::XxHash,
        words if words.starts_with("k=k*2862933555777941757+1") => Redraw::Linear,
        other => return Err(format!("the rehash {other:?} is not known")),
    };
    let [count, 64, seed] = numbers(text(case, "keys")?)[..] else {
        return Err(format!("the keys {} are not known", case["keys"]));
    };
    let keys: Vec<u64> = SplitMix64::new(seed).take(count as usize).collect();
    let mut buckets: Option<Buckets> = None;
    for step in items(case, "steps") {
        let op = text(step, "op")?;
        let bad = || format!("the op {op:?} cannot be done");
        match (numbers(op)[..].to_vec().as_slice(), &mut buckets) {
            (&[a, w], made) if op == format!("initial a={a} w={w}") => {
                *made = Some(Buckets::new(a as usize, w as usize).ok_or_else(bad)?);
            }
            (&[gone], Some(buckets)) if op == format!("remove_bucket({gone})") => {
                buckets.remove(gone as usize).then_some(()).ok_or_else(bad)?;
            }
            (&[back], Some(buckets)) if op == format!("add_bucket() -> {back}") => {
                (buckets.add() == Some(back as usize)).then_some(()).ok_or_else(bad)?;
            }
            _ => return Err(bad()),
        }
        let buckets = buckets.as_ref().ok_or_else(bad)?;
        let got: Vec<usize> =
            keys.iter().map(|&key| buckets.find(key, redraw, |_, _| {})).collect();
        compare(op, &step["buckets"], &json!(got))?;
    }
    Ok(())
}

// ===== Redis Cluster =====

fn redis_cluster_slot(case: &Json) -> Result<(), String> {
    for (field, expected) in fields(case)? {
        let inner = |name: &str| field.strip_prefix(name).and_then(|rest| rest.strip_suffix("\")"));
        if let Some(key) = inner("crc16(\"") {
            let told = expected.as_str().and_then(|hex| hex.strip_prefix("0x"));
            let told = told.and_then(|hex| u16::from_str_radix(hex, 16).ok());
            let got = crc16(key.as_bytes());
            if told.map(u64::from).or(expected.as_u64()) != Some(got.into()) {
                return Err(format!("{field} should be {expected}, is {got:#06X}"));
            }
        } else if let Some(key) = inner("slot(\"") {
            exactly(field, expected, slot(key.as_bytes()).into())?;
        } else if field == "same_slot" || field == "different_slots" {
            let keys = expected.as_array().ok_or("should be a list")?.iter();
            let mut slots: Vec<u16> =
                keys.filter_map(Json::as_str).map(|key| slot(key.as_bytes())).collect();
            let keys = slots.len();
            slots.sort_unstable();
            slots.dedup();
            if slots.len() != if field == "same_slot" { 1 } else { keys } {
                return Err(format!("{field}: {expected} are in {slots:?}"));
            }
        } else {
            return Err(unknown(field));
        }
    }
    Ok(())
}

fn redis_keyslot(case: &Json) -> Result<(), String> {
    let keys = items(&case["inputs"], "keys").iter();
    let slots: Vec<u16> = keys
        .map(|key| key.as_str().map(|key| slot(key.as_bytes())).ok_or("a key is a text"))
        .collect::<Result<_, _>>()?;
    compare("observed", &case["observed"], &json!({ "slot": slots }))
}

// ===== twemproxy_map =====

fn twemproxy_map(case: &Json) -> Result<(), String> {
    let inputs = &case["inputs"];
    let placement = match text(inputs, "distribution")? {
        "ketama" => "twemproxy_ketama",
        "modula" => "twemproxy_modula",
        other => return Err(format!("the distribution {other:?} is not known")),
    };
    let hash = text(inputs, "hash")?;
    let place = KEY_HASHES.iter().position(|known| known.name == hash);
    let place = place.ok_or_else(|| format!("the hash {hash:?} is not known"))?;
    let mut knobs = Knobs::default();
    let entry = find(placement).ok_or("no such placement")?;
    knobs.set(entry.knobs, "hash", place as f64).map_err(|refused| refused.to_string())?;
    let shard = |server: &Json| {
        let words = server.as_str().ok_or("a server is a text")?;
        let (address, name) = match words.split_once(' ') {
            Some((address, name)) => (address, Some(name)),
            None => (words, None),
        };
        let (host, weight) = address.rsplit_once(':').ok_or("a server has a weight")?;
        let weight = weight.parse().map_err(|_| "a weight is a number")?;
        Ok(Shard::new(name.unwrap_or(host), weight))
    };
    let shards: Vec<Shard> =
        items(inputs, "servers").iter().map(shard).collect::<Result<_, &str>>()?;
    let placement = make(placement, &knobs, &shards)?;
    let server = |key: &Json| owner(&*placement, key.as_str().ok_or("a key is a text")?.as_bytes());
    let got = items(inputs, "keys").iter().map(server).collect::<Result<Vec<_>, String>>()?;
    compare("observed", &case["observed"], &json!({ "server": got }))
}
