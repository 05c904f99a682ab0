//! The kinds that are about a hash function alone.

use serde_json::{Value as Json, json};
use switchyard::policy::hash::md5::{md5, word};
use switchyard::policy::hash::mongodb::{Value, mongodb_hash};
use switchyard::policy::hash::murmur2::{ENVOY_SEED, murmur2_64a};
use switchyard::policy::hash::murmur2_32::kafka;
use switchyard::policy::hash::murmur3::cassandra_token;
use switchyard::policy::hash::splitmix64::SplitMix64;
use switchyard::policy::hash::twemproxy;
use switchyard::policy::hash::vitess::VitessHash;
use switchyard::policy::hash::xxh64::xxh64;

use super::{Covered, compare, text};

/// What this file covers.
pub(crate) const KINDS: &[Covered] = &[
    Covered::field("cassandra_murmur3_token", cassandra, &["token"]),
    Covered::field("cassandra_murmur3_token_more", cassandra, &["token"]),
    Covered::field("envoy_murmurhash2_64", murmur2_64, &["out"]),
    Covered::field("xxhash64", xxhash64, &["out"]),
    Covered::field("kafka_murmur2", kafka_murmur2, &["out"]),
    Covered::field("mongodb_hashed_index", mongodb, &["hash"]),
    Covered::field("splitmix64", splitmix64, &["first5", "first3", "first10"]),
    Covered::field("twemproxy_hashes", twemproxy_hashes, TWEMPROXY),
    Covered::field("vitess_hash_vindex", vitess, &["ksid"]),
];

const TWEMPROXY: &[&str] = &[
    "one_at_a_time",
    "md5",
    "crc16",
    "crc32",
    "crc32a",
    "fnv1_64",
    "fnv1a_64",
    "fnv1_32",
    "fnv1a_32",
    "hsieh",
    "murmur",
    "jenkins",
    "ketama_hash(\"server1-8\",0)",
    "ketama_hash(\"server1-8\",1)",
    "ketama_hash(\"server1-8\",2)",
    "ketama_hash(\"server1-8\",3)",
];

/// Whole numbers, told apart to the last bit.
fn exactly(expected: &Json, got: impl Into<i128>) -> Result<(), String> {
    let got = got.into();
    let whole = expected.as_u64().map(i128::from).or(expected.as_i64().map(i128::from));
    if whole == Some(got) { Ok(()) } else { Err(format!("should be {expected}, is {got}")) }
}

/// Nothing in the case that its runner does not look at.
fn only(case: &Json, known: &[&str]) -> Result<(), String> {
    let fields = case.as_object().ok_or("a case is an object")?;
    match fields.keys().find(|key| !known.contains(&key.as_str())) {
        Some(unknown) => Err(format!("the field {unknown:?} is not known")),
        None => Ok(()),
    }
}

pub(crate) fn bytes_of_hex(hex: &str) -> Result<Vec<u8>, String> {
    let digits = hex.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).map_err(|error| error.to_string())?;
        if pair.len() != 2 {
            return Err(format!("an odd number of digits: {hex}"));
        }
        u8::from_str_radix(pair, 16).map_err(|error| format!("{hex}: {error}"))
    });
    digits.collect()
}

fn cassandra(case: &Json) -> Result<(), String> {
    only(case, &["hex", "key", "text", "token"])?;
    let key = match case.get("hex") {
        Some(_) => bytes_of_hex(text(case, "hex")?)?,
        None => text(case, "key").or_else(|_| text(case, "text"))?.as_bytes().to_vec(),
    };
    exactly(&case["token"], cassandra_token(&key))
}

fn kafka_murmur2(case: &Json) -> Result<(), String> {
    only(case, &["in", "out"])?;
    exactly(&case["out"], kafka(text(case, "in")?.as_bytes()))
}

fn mongodb(case: &Json) -> Result<(), String> {
    let seed = match case.get("seed") {
        None => 0,
        Some(seed) => {
            seed.as_i64().and_then(|seed| i32::try_from(seed).ok()).ok_or("a bad seed")?
        }
    };
    let mut value = None;
    for (key, given) in case.as_object().ok_or("a case is an object")? {
        let bad = || format!("{key}: {given} cannot be used");
        let found = match key.as_str() {
            "seed" | "hash" => continue,
            "int" | "int32" | "int64" | "long" => Value::Number(given.as_i64().ok_or_else(bad)?),
            "double" | "float" | "number" => Value::number(double(given).ok_or_else(bad)?),
            "string" => Value::Text(given.as_str().ok_or_else(bad)?.as_bytes()),
            "bool" => Value::Bool(given.as_bool().ok_or_else(bad)?),
            "null" => Value::Null,
            "oid" | "objectid" => {
                let id = bytes_of_hex(given.as_str().ok_or_else(bad)?)?;
                Value::ObjectId(id.try_into().map_err(|_| bad())?)
            }
            other => return Err(format!("the field {other:?} is not known")),
        };
        value = Some(found);
    }
    exactly(&case["hash"], mongodb_hash(value.ok_or("nothing to hash")?, seed))
}

/// A number of any size; a text if JSON has none for it: `Infinity`, `NaN`, `-2^63`.
fn double(json: &Json) -> Option<f64> {
    let Some(text) = json.as_str() else { return json.as_f64() };
    let Some((base, power)) = text.split_once('^') else { return text.parse().ok() };
    let (base, power): (f64, u32) = (base.parse().ok()?, power.parse().ok()?);
    let sign = if base < 0.0 { -1.0 } else { 1.0 };
    Some((0..power).fold(sign, |product, _| product * base.abs()))
}

fn splitmix64(case: &Json) -> Result<(), String> {
    let seed = case["seed"].as_u64().ok_or("needs a seed")?;
    for (key, expected) in case.as_object().ok_or("a case is an object")? {
        if key == "seed" {
            continue;
        }
        let count = key.strip_prefix("first").and_then(|count| count.parse::<usize>().ok());
        let count = count.ok_or_else(|| format!("the field {key:?} is not known"))?;
        let expected = expected.as_array().ok_or("needs a list")?;
        if expected.len() != count {
            return Err(format!("{key} has {} numbers", expected.len()));
        }
        SplitMix64::new(seed)
            .zip(expected)
            .try_for_each(|(got, expected)| exactly(expected, got))?;
    }
    Ok(())
}

fn twemproxy_hashes(case: &Json) -> Result<(), String> {
    for (key, expected) in case.as_object().ok_or("a case is an object")? {
        let wrong = |difference: String| format!("{key}: {difference}");
        if key == "key" {
            continue;
        }
        if let Some(hash) = twemproxy::find(key) {
            let got = (hash.hash)(text(case, "key")?.as_bytes());
            exactly(expected, got).map_err(wrong)?;
            continue;
        }
        let inner = key.strip_prefix("ketama_hash(\"").and_then(|rest| rest.strip_suffix(')'));
        let (name, place) = inner
            .and_then(|inner| inner.rsplit_once("\","))
            .ok_or_else(|| format!("the field {key:?} is not known"))?;
        let place: usize = place.trim().parse().map_err(|_| format!("no place: {key}"))?;
        exactly(expected, word(&md5(name.as_bytes()), place)).map_err(wrong)?;
    }
    Ok(())
}

fn vitess(case: &Json) -> Result<(), String> {
    only(case, &["id", "ksid"])?;
    let id =
        case["id"].as_u64().or(case["id"].as_i64().map(|id| id as u64)).ok_or("needs an id")?;
    let got = format!("{:016x}", VitessHash::new().keyspace_id(id));
    let expected = text(case, "ksid")?;
    if got == expected { Ok(()) } else { Err(format!("should be {expected}, is {got}")) }
}

fn murmur2_64(case: &Json) -> Result<(), String> {
    let seed = case["seed"].as_u64().unwrap_or(ENVOY_SEED);
    compare("out", &case["out"], &json!(murmur2_64a(text(case, "in")?.as_bytes(), seed)))
}

fn xxhash64(case: &Json) -> Result<(), String> {
    let seed = case["seed"].as_u64().unwrap_or(0);
    compare("out", &case["out"], &json!(xxh64(text(case, "in")?.as_bytes(), seed)))
}
