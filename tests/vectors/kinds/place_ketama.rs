//! libketama: its ring, its hash, and whole runs over many keys.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json, json};
use switchyard::policy::Knobs;
use switchyard::policy::hash::md5::{hex, md5};
use switchyard::policy::place::hash_ring::HashRing;
use switchyard::policy::place::ketama::{ketama_hash, ketama_points};
use switchyard::policy::place::{Placement, Shard};

use super::{compare, exactly, fields, make, number, numbers, owner, unknown};

/// The fields that say what is expected.
pub(super) const EXPECTS: &[&str] =
    &["points", "hashi(test)", "get_server(test)", "md5_of_output", "map", "counts"];

/// The file `ketama.servers` in libketama.
const SERVERS: [(&str, i64); 8] = [
    ("10.0.1.1:11211", 600),
    ("10.0.1.2:11211", 300),
    ("10.0.1.3:11211", 200),
    ("10.0.1.4:11211", 350),
    ("10.0.1.5:11211", 1000),
    ("10.0.1.6:11211", 800),
    ("10.0.1.7:11211", 950),
    ("10.0.1.8:11211", 100),
];

/// The ring by itself, which is quick to ask, and the placement that is made of it.
struct Ketama {
    shards: Vec<Shard>,
    placement: Box<dyn Placement>,
    ring: HashRing,
}

impl Ketama {
    fn new(case: &Json) -> Result<Ketama, String> {
        let shards: Vec<Shard> = match case["servers"].as_object() {
            Some(servers) => {
                let weight = |json: &Json| json.as_i64().ok_or("a weight is a number");
                let shard = |(name, json): (&String, &Json)| Ok(Shard::new(name, weight(json)?));
                servers.iter().map(shard).collect::<Result<_, &str>>()?
            }
            None => SERVERS.iter().map(|(name, weight)| Shard::new(name, *weight)).collect(),
        };
        let placement = make("ketama", Knobs::DEFAULTS, &shards)?;
        let points = ketama_points(&shards).map_err(|refused| refused.to_string())?;
        Ok(Ketama { shards, placement, ring: HashRing::new(points) })
    }

    /// The point that a key belongs to, and the place of its server. A million keys take seconds to
    /// ask the placement about, so in `runs` it is asked about some.
    fn find(&self, key: &str, runs: bool) -> Result<(u64, usize), String> {
        let at = self.ring.find(ketama_hash(key.as_bytes()).into()).ok_or("an empty ring")?;
        let (point, shard) = self.ring.points()[at];
        let asked = !runs || key.ends_with("00");
        if asked && owner(&*self.placement, key.as_bytes())? != shard as usize {
            return Err(format!("the ring and the placement disagree about {key:?}"));
        }
        Ok((point, shard as usize))
    }

    fn name(&self, place: usize) -> &str {
        &self.shards[place].name
    }

    fn md5_of_output(&self) -> Result<Json, String> {
        let mut output = "\n".to_owned();
        for key in 0..1_000_000 {
            let key = key.to_string();
            let (point, place) = self.find(&key, true)?;
            let (hash, name) = (ketama_hash(key.as_bytes()), self.name(place));
            writeln!(output, "{hash} {point} {name}").map_err(|error| error.to_string())?;
        }
        Ok(json!(hex(&md5(output.as_bytes()))))
    }

    /// How many of the keys 0, 1, ... each server gets, in order or by name.
    fn counts(&self, keys: u64, by_name: bool) -> Result<Json, String> {
        let mut counts = vec![0u64; self.shards.len()];
        for key in 0..keys {
            counts[self.find(&key.to_string(), true)?.1] += 1;
        }
        let named = self.shards.iter().zip(&counts);
        Ok(match by_name {
            true => named.map(|(shard, count)| (shard.name.to_string(), json!(count))).collect(),
            false => json!(counts),
        })
    }
}

/// How many keys, from "0" on: a number, or words that end with the last one, such as
/// `"0".."999"`; libketama's own test has a million.
fn keys(json: &Json) -> Result<u64, String> {
    match json {
        Json::Null => Ok(1_000_000),
        Json::String(words) => {
            let last = numbers(words).last().map(|last| last + 1);
            last.ok_or_else(|| format!("the keys {words:?} are not known"))
        }
        other => number(other),
    }
}

pub(super) fn libketama(case: &Json) -> Result<(), String> {
    let ketama = Ketama::new(case)?;
    for (field, expected) in fields(case)? {
        let inner = |name: &str| field.strip_prefix(name).and_then(|rest| rest.strip_suffix(')'));
        match field.as_str() {
            "servers" | "servers_file" | "output" | "computed" | "keys" => {}
            "points" => exactly(field, expected, ketama.ring.points().len() as u64)?,
            "md5_of_output" => compare(field, expected, &ketama.md5_of_output()?)?,
            "counts" => {
                let got = ketama.counts(keys(&case["keys"])?, expected.is_object())?;
                compare(field, expected, &got)?;
            }
            "map" => {
                let map = fields(expected)?;
                // `first 25 keys of ...`; other words may have other numbers.
                let words = case["computed"].as_str().unwrap_or_default();
                let first = words.strip_prefix("first").map(numbers).unwrap_or_default();
                if first.first().is_some_and(|&n| n as usize != map.len()) {
                    return Err("not as many keys as it says".to_owned());
                }
                for (key, name) in map {
                    compare(key, name, &json!(ketama.name(ketama.find(key, false)?.1)))?;
                }
            }
            _ => match (inner("hashi("), inner("get_server(")) {
                (Some(key), _) => exactly(field, expected, ketama_hash(key.as_bytes()).into())?,
                (_, Some(key)) => {
                    let (point, place) = ketama.find(key, false)?;
                    compare(field, expected, &json!([point, ketama.name(place)]))?;
                }
                _ => return Err(unknown(field)),
            },
        }
    }
    Ok(())
}

#[test]
fn whatever_is_changed_is_noticed_but_for_a_key_that_is_not_asked() {
    let mut tried = 0;
    for case in crate::all_cases().iter().filter(|case| case.kind == "libketama") {
        for field in EXPECTS.iter().filter(|field| !case.json[**field].is_null()) {
            let length = |json: &Json| json.as_object().map(Map::len);
            crate::falsify(&case.json[*field], crate::Check::Exact, &mut |wrong| {
                if length(&wrong) == length(&case.json[*field]) {
                    let mut json = case.json.clone();
                    json[*field] = wrong;
                    assert!(libketama(&json).is_err(), "{}: passes with {}", case.id, json[*field]);
                    tried += 1;
                }
            });
        }
    }
    let own = std::env::var_os("SWITCHYARD_VECTORS").is_none();
    assert!(tried > 0 || !own, "no case to try");
}
