//! The kinds about who owns a key: the course's sharding, and the placements of real systems.

#[path = "place_course.rs"]
mod place_course;
#[path = "place_kafka.rs"]
mod place_kafka;
#[path = "place_ketama.rs"]
mod place_ketama;

use serde_json::{Value as Json, json};
use switchyard::policy::Knobs;
use switchyard::policy::hash::crc::crc16;
use switchyard::policy::hash::murmur3::murmur3_32;
use switchyard::policy::hash::splitmix64::SplitMix64;
use switchyard::policy::hash::twemproxy::KEY_HASHES;
use switchyard::policy::place::anchor::{Buckets, Redraw};
use switchyard::policy::place::jump::jump;
use switchyard::policy::place::redis_slots::slot;
use switchyard::policy::place::{Placed, Placement, Shard, find, moved};
use switchyard::sim::Why;

use super::{Covered, compare, items, text};

/// What this file covers.
pub(crate) const KINDS: &[Covered] = &[
    Covered::course("partition_insert", place_course::partition_insert),
    Covered::course("partition_name", place_course::partition_name),
    Covered::course("shard_bias", place_course::shard_bias),
    Covered::course("shard_crud", place_course::shard_crud),
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
    // As for `map` above; what else is changed is noticed, in a test of its own.
    Covered::field("libketama", place_ketama::libketama, place_ketama::EXPECTS).stated(),
    // As for `map` above; numbers are compared exactly.
    Covered::field("mcrouter_rendezvous", mcrouter, MCROUTER).rough(),
    Covered::field("mcrouter_weighted_rendezvous", mcrouter_weighted, MCROUTER).rough(),
    Covered::field("mpchash", mpchash, &["first_five", "last_five", "first_ten"]),
    // `same_slot` holds keys, which stay in one slot whatever follows their tag.
    Covered::field("redis_cluster_slot", redis_cluster_slot, SLOT).stated(),
    Covered::field("redis_cluster_slot_more", redis_cluster_slot, SLOT).stated(),
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
const SLOT: &[&str] = &["same_slot", "slot", "slots", "crc16", "map"];
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

// ===== mcrouter =====

fn mcrouter(case: &Json) -> Result<(), String> {
    mcrouter_with("mcrouter_rendezvous", case)
}

fn mcrouter_weighted(case: &Json) -> Result<(), String> {
    mcrouter_with("weighted_rendezvous", case)
}

/// Weights as whole numbers: all multiplied by the smallest power of two that makes them whole,
/// which is exact and changes no comparison.
pub(crate) fn whole_weights(weights: &[f64]) -> Result<Vec<i64>, String> {
    let mut scale = 1.0;
    // Beyond 2^63 nothing fits, and what is no number never becomes whole.
    while scale < (1u64 << 63) as f64 && weights.iter().any(|w| (w * scale).fract() != 0.0) {
        scale *= 2.0;
    }
    let whole = |weight: &f64| {
        let scaled = weight * scale;
        let fits = scaled.fract() == 0.0 && (0.0..(1u64 << 63) as f64).contains(&scaled);
        fits.then_some(scaled as i64).ok_or_else(|| format!("the weights {weights:?} do not fit"))
    };
    weights.iter().map(whole).collect()
}

#[test]
fn weights_become_whole_without_loss() {
    assert_eq!(whole_weights(&[1.0, 0.0, 0.5]), Ok(vec![2, 0, 1]));
    let scaled = whole_weights(&[0.1, 0.3, 1.0]).expect("they fit");
    let back: Vec<f64> = scaled.iter().map(|&w| w as f64 / scaled[2] as f64).collect();
    assert_eq!(back, [0.1, 0.3, 1.0]);
    assert!(whole_weights(&[1e-30, 1.0]).is_err() && whole_weights(&[-1.0]).is_err());
    assert!(whole_weights(&[f64::NAN]).is_err() && whole_weights(&[f64::INFINITY]).is_err());
}

fn mcrouter_with(key: &str, case: &Json) -> Result<(), String> {
    let weights: Vec<f64> = match (&case["weights"], case["n"].as_u64()) {
        (Json::Array(weights), _) => weights.iter().filter_map(Json::as_f64).collect(),
        (Json::Null, Some(n)) => vec![1.0; n as usize],
        (Json::String(all), Some(n)) if all == "all 1" => vec![1.0; n as usize],
        (other, _) => return Err(format!("the weights {other} are not known")),
    };
    let shard = |(place, &weight): (usize, &i64)| Shard::new(&format!("xxx.{place}.yy"), weight);
    let shards: Vec<Shard> = whole_weights(&weights)?.iter().enumerate().map(shard).collect();
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
    let mut knobs = Knobs::default();
    if !case["seed"].is_null() {
        let known = find("rendezvous").ok_or("no such placement")?.knobs;
        let seed = number(&case["seed"])? as f64;
        knobs.set(known, "seed", seed).map_err(|refused| refused.to_string())?;
    }
    let of = |names: &[String]| {
        let shards = equal_shards(names.iter().map(String::as_str));
        make("rendezvous", &knobs, &shards).map(|placement| (placement, shards))
    };
    let counted = |n: u64| (0..n).map(|number| number.to_string()).collect::<Vec<_>>();
    for (field, expected) in fields(case)? {
        match field.as_str() {
            "nodes" | "keys" | "seed" => {}
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

/// What a case asks is in the names of its fields, or it has a `key`, or a map from keys to slots.
fn redis_cluster_slot(case: &Json) -> Result<(), String> {
    for (field, expected) in fields(case)? {
        let inner = |name: &str| {
            let rest = field.strip_prefix(name)?;
            if rest.is_empty() {
                case["key"].as_str()
            } else {
                rest.strip_prefix("(\"")?.strip_suffix("\")")
            }
        };
        if field == "key" {
            continue;
        } else if let Some(key) = inner("crc16") {
            let got = crc16(key.as_bytes());
            if number(expected) != Ok(got.into()) {
                return Err(format!("{field} should be {expected}, is {got:#06X}"));
            }
        } else if let Some(key) = inner("slot") {
            exactly(field, expected, slot(key.as_bytes()).into())?;
        } else if let ("map" | "slots", Json::Object(map)) = (field.as_str(), expected) {
            for (key, expected) in map {
                exactly(key, expected, slot(key.as_bytes()).into())?;
            }
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
