//! The kinds that concern envoy: its schedules, rings, tables, bounds, and outliers.

use serde_json::{Map, Value as Json, json};
use switchyard::policy::Knobs;
use switchyard::policy::balance::envoy::edf::{Edf, Generation};
use switchyard::policy::balance::envoy::outlier::{Settings, success_rate_threshold};
use switchyard::policy::balance::envoy::{Maglev, RingHash, RingSizes, Table, bounded};
use switchyard::policy::balance::{self, Ask, Backend, Pick};
use switchyard::policy::place::maglev_table::MaglevTable;
use switchyard::sim::{Rng, Why};

use super::place::whole_weights;
use super::{Covered, compare, items};

/// What this file covers.
pub(crate) const KINDS: &[Covered] = &[
    // How many picks to make is said by the picks alone, so fewer picks are fewer made.
    Covered::field("envoy_edf_wrr", edf, &["picks", "count_of_i", "createWithPicks*", "old_*"])
        .given(),
    // Lookups mix hashes, which are inputs, with answers; they are compared all the same.
    Covered::field("envoy_ring_hash", ring, &["ring*", "counts", "retry_*", "attempt*"]).given(),
    Covered::field(
        "envoy_maglev",
        maglev,
        &["table_port", "table", "min_entries", "max_entries", "counts", "retry_*", "attempt*"],
    )
    .given(),
    Covered::field("maglev_permutation_fill", fill, &["lookup", "dead_node_*"]),
    Covered::field("envoy_bounded_load", bound, &["picked", "mt19937_shuffle_of_*"]).given(),
    Covered::field("envoy_outlier_success_rate", outlier, &["mean", "threshold"]),
    Covered::field("envoy_outlier_defaults", defaults, DEFAULTS),
];

fn object(case: &Json) -> Result<&Map<String, Json>, String> {
    case.as_object().ok_or_else(|| format!("not an object: {case}"))
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| format!("not a number: {text:?}"))
}

fn count(json: &Json, key: &str) -> Result<u64, String> {
    json[key].as_u64().ok_or_else(|| format!("needs {key:?}, a whole number: {json}"))
}

/// The fields of a case must all be known, so that no new one is passed over in silence.
fn known(case: &Json, keys: &[&str]) -> Result<(), String> {
    let strange = object(case)?.keys().find(|key| !keys.contains(&key.as_str()));
    strange.map_or(Ok(()), |key| Err(format!("the field {key:?} is not known")))
}

// ===== envoy_edf_wrr =====

const BOTH: [Generation; 2] = [Generation::Old, Generation::New];

/// Picks by a schedule, and by the strategy where one with these weights exists: they must agree.
fn scheduled(
    generation: Generation,
    weights: &[f64],
    seed: u64,
    picks: usize,
) -> Result<Vec<usize>, String> {
    if let Some(weight) = weights.iter().find(|weight| **weight <= 0.0) {
        return Err(format!("a schedule has no weight {weight}"));
    }
    let mut schedule = Edf::begin(generation, weights, seed);
    let alone: Vec<usize> =
        (0..picks).filter_map(|_| schedule.pick(|host| weights[host])).collect();
    // The strategy has whole weights only, and no schedule while they are equal.
    let whole = weights.iter().all(|weight| weight.fract() == 0.0 && *weight < 4e9);
    if !whole || weights.windows(2).all(|pair| pair[0] == pair[1]) {
        return Ok(alone);
    }
    let key = match generation {
        Generation::Old => "envoy_round_robin_2023",
        Generation::New => "envoy_round_robin",
    };
    let entry = balance::find(key).ok_or("the strategy is missing")?;
    let mut knobs = Knobs::default();
    knobs.set(entry.knobs, "seed", seed as f64).map_err(|refusal| refusal.to_string())?;
    let mut policy = (entry.make)(&knobs);
    let backend = |(n, &weight): (usize, &f64)| Backend::new(n as u32 + 1, "s", weight as i64);
    let list: Vec<Backend> = weights.iter().enumerate().map(backend).collect();
    (1..=list.len()).for_each(|joined| policy.added(&list[..joined]));
    let mut rng = Rng::from_seed(1);
    for (number, host) in alone.iter().enumerate() {
        let picked = policy.pick(&Ask::NOTHING, &list, &mut rng, &mut Why::off());
        if picked != Pick::Backend(*host) {
            return Err(format!("pick {number}: the strategy {picked:?}, the schedule {host}"));
        }
    }
    Ok(alone)
}

/// `createWithPicks_3_then_picks` and `old_empty_add_then_picks`: which generation, and the seed;
/// nothing if it is no such name.
fn generation(field: &str) -> Option<(Generation, Option<u64>)> {
    let begins = field.strip_suffix("_then_picks")?;
    let name = begins.trim_end_matches(|c: char| c.is_ascii_digit());
    let seed = begins[name.len()..].parse().ok();
    match name.trim_end_matches('_') {
        "createWithPicks" => Some((Generation::New, seed)),
        "old_empty_add" | "old_prepicks" | "old_seed" | "old" => Some((Generation::Old, seed)),
        _ => None,
    }
}

fn edf(case: &Json) -> Result<(), String> {
    let weights: Vec<f64> = match &case["weights"] {
        Json::String(rule) => return edf_by_rule(case, rule),
        list => serde_json::from_value(list.clone()).map_err(|error| error.to_string())?,
    };
    let seeds = ["seed_prepicks", "seed", "prepicks"];
    let given = seeds.iter().find_map(|field| case[*field].as_u64());
    let mut expects = 0;
    for (key, expected) in object(case)? {
        let length = expected.as_array().map_or(0, Vec::len);
        let got = |generation, seed| scheduled(generation, &weights, seed, length);
        match generation(key) {
            Some((generation, seed)) => {
                let seed = seed.or(given).unwrap_or(0);
                compare(key, expected, &json!(got(generation, seed)?))?;
            }
            None if key == "picks" => {
                let seed = given.unwrap_or(0);
                let of = |generation| compare(key, expected, &json!(got(generation, seed)?));
                match case["generation"].as_str() {
                    Some("old") => of(Generation::Old)?,
                    Some("new") => of(Generation::New)?,
                    // It does not say which generation; while there are no ties both agree.
                    None => of(Generation::Old).or_else(|_| of(Generation::New))?,
                    Some(other) => return Err(format!("the generation {other:?} is not known")),
                }
            }
            None => {
                let inputs = ["weights", "derived", "generation", "note"];
                known(&json!({ key: null }), &[&inputs[..], &seeds].concat())?;
                continue;
            }
        }
        if length == 0 {
            return Err(format!("{key} has no picks"));
        }
        expects += 1;
    }
    if expects == 0 { Err("no picks".to_owned()) } else { Ok(()) }
}

/// `i+1 for i in 0..127`, and `all 1 (128 entries)`.
fn edf_by_rule(case: &Json, rule: &str) -> Result<(), String> {
    known(case, &["weights", "picks", "count_of_i"])?;
    let strange = || format!("the rule {rule:?} is not known");
    if let Some(range) = rule.strip_prefix("i+1 for i in 0..") {
        let last: i64 = number(range)?;
        let weights: Vec<i64> = (0..=last).map(|i| i + 1).collect();
        compare("count_of_i", &case["count_of_i"], &json!("i+1"))?;
        compare("picks", &case["picks"], &json!(weights.iter().sum::<i64>()))?;
        let floats: Vec<f64> = weights.iter().map(|weight| *weight as f64).collect();
        for generation in BOTH {
            let picks = scheduled(generation, &floats, 0, count(case, "picks")? as usize)?;
            let mut counts = vec![0i64; weights.len()];
            picks.iter().for_each(|pick| counts[*pick] += 1);
            compare("counts", &json!(weights), &json!(counts))?;
        }
        return Ok(());
    }
    let (weight, entries) = rule
        .strip_prefix("all ")
        .and_then(|rest| rest.strip_suffix(" entries)")?.split_once(" ("))
        .ok_or_else(strange)?;
    let (weight, entries): (f64, usize) = (number(weight)?, number(entries)?);
    let last = entries.saturating_sub(1);
    let words = format!("0,1,...,{last} repeated (FIFO ties)");
    compare("picks", &case["picks"], &json!(words))?;
    for generation in BOTH {
        // The schedule itself: the strategy would not make one for equal weights.
        let mut schedule = Edf::begin(generation, &vec![weight; entries], 0);
        for number in 0..3 * entries {
            if schedule.pick(|_| weight) != Some(number % entries) {
                return Err(format!("{generation:?}: pick {number} is out of turn"));
            }
        }
    }
    Ok(())
}

// ===== envoy_ring_hash, envoy_maglev =====

/// A host of a ring or table.
#[derive(Clone, Debug)]
struct Host {
    /// What it is called in what a case expects.
    name: String,
    /// What is hashed for it: its address, hostname, or key in its metadata.
    key: String,
    weight: u64,
}

/// The fields in which [`hosts`] looks.
const HOSTS: [&str; 6] =
    ["hosts", "hosts_weights", "weights", "hosts_by_hostname", "hashing_key", "note"];

/// The hosts of a case: as a list, with weights beside it or in it, or by a range of keys.
fn hosts(case: &Json) -> Result<Vec<Host>, String> {
    let own = |name: &str| Host { name: name.to_owned(), key: name.to_owned(), weight: 1 };
    let maps = ["hosts", "hosts_weights", "weights"].iter().find_map(|key| case[*key].as_object());
    let mut list: Vec<Host> = if let Some(map) = maps {
        let mut list: Vec<Host> = map.keys().map(|name| own(name)).collect();
        weigh(&mut list, map.values())?;
        list
    } else {
        let key = if case["hosts"].is_null() { "hosts_by_hostname" } else { "hosts" };
        let name = |name: &Json| Ok(own(name.as_str().ok_or("a host without a name")?));
        items(case, key).iter().map(name).collect::<Result<_, String>>()?
    };
    match &case["hashing_key"] {
        Json::Null => {}
        Json::String(range) => keyed(&mut list, range)?,
        Json::Object(map) => {
            for host in &mut list {
                let key = map.get(&host.name).and_then(Json::as_str);
                host.key = key.ok_or_else(|| format!("{} has no key", host.name))?.to_owned();
            }
        }
        Json::Array(keys) => {
            let keys: Option<Vec<&str>> = keys.iter().map(Json::as_str).collect();
            replace_keys(&mut list, &keys.ok_or("a key is a text")?)?;
        }
        other => return Err(format!("the hashing key {other} is not known")),
    }
    if let Some(weights) = case["weights"].as_array() {
        if weights.len() != list.len() {
            return Err(format!("{} weights for {} hosts", weights.len(), list.len()));
        }
        weigh(&mut list, weights.iter())?;
    }
    if list.is_empty() { Err("no hosts".to_owned()) } else { Ok(list) }
}

/// Gives the hosts their weights; fractions are scaled up exactly, which changes no comparison.
fn weigh<'a>(list: &mut [Host], weights: impl Iterator<Item = &'a Json>) -> Result<(), String> {
    let weight = |json: &Json| json.as_f64().ok_or_else(|| format!("weight {json}"));
    let weights = weights.map(weight).collect::<Result<Vec<f64>, String>>()?;
    let whole = whole_weights(&weights)?;
    list.iter_mut().zip(whole).for_each(|(host, weight)| host.weight = weight as u64);
    Ok(())
}

/// `hostname "90".."95"`, `metadata hash_key "a", "b"`: what is hashed, wherever it is written.
fn keyed(list: &mut Vec<Host>, words: &str) -> Result<(), String> {
    let strange = || format!("the hashing key {words:?} is not known");
    let quote = words.find('"').ok_or_else(strange)?;
    let (from, keys) = words.split_at(quote);
    if !["hostname", "metadata", "hash_key", "metadata hash_key"].contains(&from.trim()) {
        return Err(strange());
    }
    let keys: Vec<String> = match keys.split_once("..") {
        Some((first, last)) => {
            let end = |text: &str| number::<u32>(text.trim().trim_matches('"'));
            (end(first)?..=end(last)?).map(|key| key.to_string()).collect()
        }
        None => keys.split(',').map(|key| key.trim().trim_matches('"').to_owned()).collect(),
    };
    replace_keys(list, &keys.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Without hosts of their own, keys are their names.
fn replace_keys(list: &mut Vec<Host>, keys: &[&str]) -> Result<(), String> {
    if list.is_empty() {
        let host = |key: &&str| Host { name: (*key).into(), key: (*key).into(), weight: 1 };
        list.extend(keys.iter().map(host));
        return Ok(());
    }
    if list.len() != keys.len() {
        return Err(format!("{} keys for {} hosts", keys.len(), list.len()));
    }
    list.iter_mut().zip(keys).for_each(|(host, key)| host.key = (*key).into());
    Ok(())
}

/// A host as `expected` writes it: by its port as a number or as a text, or by its name.
fn label(hosts: &[Host], host: Option<usize>, expected: &Json) -> Result<Json, String> {
    let Host { name, .. } = host.and_then(|host| hosts.get(host)).ok_or("nobody was found")?;
    let port = name.rsplit(':').next().unwrap_or(name);
    Ok(match expected {
        Json::Number(_) => port.parse::<u64>().map_or_else(|_| json!(name), |port| json!(port)),
        Json::String(text) if text == port => json!(port),
        _ => json!(name),
    })
}

fn build(table: &mut impl Table, hosts: &[Host]) {
    let hosts: Vec<(&str, u64)> = hosts.iter().map(|host| (&*host.key, host.weight)).collect();
    table.build(&hosts);
}

/// Pairs of a hash and its host.
fn lookups(case: &Json, hosts: &[Host], table: &impl Table) -> Result<usize, String> {
    for pair in items(case, "lookup") {
        let hash = pair[0].as_u64().ok_or_else(|| format!("lookup {pair}"))?;
        let got = label(hosts, table.find(hash, 0), &pair[1])?;
        compare(&format!("lookup of {hash}"), &pair[1], &got)?;
    }
    Ok(items(case, "lookup").len())
}

/// How many points or cells each host has: `counts` by name, and the fewest and the most.
fn entries(case: &Json, hosts: &[Host], of: impl Fn(usize) -> usize) -> Result<usize, String> {
    let counts: Vec<usize> = (0..hosts.len()).map(of).collect();
    let mut compared = 0;
    for (key, got) in [("min_entries", counts.iter().min()), ("max_entries", counts.iter().max())] {
        if !case[key].is_null() {
            compare(key, &case[key], &json!(got))?;
            compared += 1;
        }
    }
    let expected = &case["counts"];
    let got = match expected {
        Json::Null => return Ok(compared),
        Json::Object(map) => {
            let short = |name: &str| name.rsplit(':').next().unwrap_or(name).to_owned();
            let named = |(host, count): (&Host, &usize)| match map.contains_key(&host.name) {
                true => (host.name.clone(), json!(count)),
                false => (short(&host.name), json!(count)),
            };
            Json::Object(hosts.iter().zip(&counts).map(named).collect())
        }
        _ => json!(counts),
    };
    compare("counts", expected, &got)?;
    Ok(compared + 1)
}

/// Who is found for a hash when hosts are refused: `attempt0`, `attempt1`, `attempt2_exhausted`,
/// `13_retries_wrap`.
fn attempts<'a>(
    fields: impl Iterator<Item = (&'a String, &'a Json)>,
    hash: u64,
    hosts: &[Host],
    table: &impl Table,
) -> Result<usize, String> {
    let mut compared = 0;
    for (key, expected) in fields {
        let number = match (key.strip_prefix("attempt"), key.strip_suffix("_retries_wrap")) {
            (Some(rest), _) => number(rest.strip_suffix("_exhausted").unwrap_or(rest)),
            (None, Some(rest)) => number(rest),
            _ => Err(format!("{key:?} is not known")),
        };
        compare(key, expected, &label(hosts, table.find(hash, number?), expected)?)?;
        compared += 1;
    }
    Ok(compared)
}

/// `retry_host_predicate_from_hash_0`, in a ring or a table.
fn retries(case: &Json, hosts: &[Host], table: &impl Table) -> Result<usize, String> {
    let mut compared = 0;
    for (key, expected) in object(case)? {
        if let Some(hash) = key.strip_prefix(RETRY) {
            compared += attempts(object(expected)?.iter(), number(hash)?, hosts, table)?;
        }
    }
    Ok(compared)
}

const RETRY: &str = "retry_host_predicate_from_hash_";

/// A case that is about the hosts of Envoy's basic test: `basic ring, hash 0`, with attempts beside
/// it.
fn basic(case: &Json, what: &str, table: &mut impl Table) -> Result<(), String> {
    let rule = case["retry"].as_str().ok_or("not a rule")?;
    let hash = rule.strip_prefix(&format!("basic {what}, hash "));
    let hash: u64 = number(hash.ok_or_else(|| format!("the rule {rule:?} is not known"))?)?;
    let host = |port: u32| {
        let name = format!("127.0.0.1:{port}");
        Host { key: name.clone(), name, weight: 1 }
    };
    let hosts: Vec<Host> = (90..96).map(host).collect();
    build(table, &hosts);
    let fields = object(case)?.iter().filter(|(key, _)| !["retry", "note"].contains(&&***key));
    something(attempts(fields, hash, &hosts, table)?)
}

fn something(compared: usize) -> Result<(), String> {
    if compared == 0 { Err("nothing is expected".to_owned()) } else { Ok(()) }
}

fn ring(case: &Json) -> Result<(), String> {
    if !case["retry"].is_null() {
        let sizes = RingSizes { fewest: 12, most: 8_388_608, murmur: false };
        return basic(case, "ring", &mut RingHash::new(sizes));
    }
    let inputs = ["hash_function", "minimum_ring_size", "maximum_ring_size", "min=max"];
    let others = ["ring", "ring_size", "lookup", "counts", "min_entries", "max_entries"];
    known_or_retry(case, &[&HOSTS[..], &inputs, &others].concat())?;
    let number = |key: &str, otherwise: u64| match &case[key] {
        Json::Null => Ok(otherwise),
        _ => count(case, key),
    };
    let (fewest, most) = match case["min=max"].is_null() {
        true => (number("minimum_ring_size", 1_024)?, number("maximum_ring_size", 8_388_608)?),
        false => (count(case, "min=max")?, count(case, "min=max")?),
    };
    let murmur = match &case["hash_function"] {
        Json::Null => false,
        name if *name == "XX_HASH" => false,
        name if *name == "MURMUR_HASH_2" => true,
        other => return Err(format!("the hash function {other} is not known")),
    };
    let hosts = hosts(case)?;
    let mut ring = RingHash::new(RingSizes { fewest, most, murmur });
    build(&mut ring, &hosts);
    let points = ring.points();
    let mut compared = 0;
    if !case["ring"].is_null() {
        let expected = items(case, "ring");
        let point = |(place, &(hash, host)): (usize, &(u64, u32))| {
            let expected = expected.get(place).map_or(&Json::Null, |pair| &pair[1]);
            Ok(json!([hash, label(&hosts, Some(host as usize), expected)?]))
        };
        let got = points.iter().enumerate().map(point).collect::<Result<Vec<Json>, String>>()?;
        compare("ring", &case["ring"], &json!(got))?;
        compared += 1;
    }
    if !case["ring_size"].is_null() {
        compare("ring_size", &case["ring_size"], &json!(points.len()))?;
        compared += 1;
    }
    let of = |host| points.iter().filter(|(_, owner)| *owner as usize == host).count();
    compared += entries(case, &hosts, of)?;
    compared += lookups(case, &hosts, &ring)?;
    something(compared + retries(case, &hosts, &ring)?)
}

fn known_or_retry(case: &Json, keys: &[&str]) -> Result<(), String> {
    let all: Map<String, Json> = object(case)?.clone();
    let rest = all.into_iter().filter(|(key, _)| !key.starts_with(RETRY));
    known(&Json::Object(rest.collect()), keys)
}

fn maglev(case: &Json) -> Result<(), String> {
    if !case["retry"].is_null() {
        return basic(case, "table", &mut Maglev::new(7));
    }
    let others = ["table_size", "table_port", "table", "min_entries", "max_entries"];
    known_or_retry(case, &[&HOSTS[..], &others, &["counts", "lookup"]].concat())?;
    let hosts = hosts(case)?;
    let size = if case["table_size"].is_null() { 65_537 } else { count(case, "table_size")? };
    let size = u32::try_from(size).map_err(|_| format!("a table of {size}"))?;
    let mut table = Maglev::new(size);
    build(&mut table, &hosts);
    let mut compared = 0;
    for key in ["table_port", "table"] {
        let expected = items(case, key);
        if !case[key].is_null() {
            let cell = |(place, host): (usize, &usize)| {
                label(&hosts, Some(*host), expected.get(place).unwrap_or(&Json::Null))
            };
            let got = table.cells().iter().enumerate().map(cell).collect::<Result<Vec<_>, _>>()?;
            compare(key, &case[key], &json!(got))?;
            compared += 1;
        }
    }
    let of = |host| table.cells().iter().filter(|cell| **cell == host).count();
    compared += entries(case, &hosts, of)?;
    compared += lookups(case, &hosts, &table)?;
    something(compared + retries(case, &hosts, &table)?)
}

// ===== maglev_permutation_fill =====

fn fill(case: &Json) -> Result<(), String> {
    let permutations: Vec<Vec<u32>> = serde_json::from_value(case["permutations"].clone())
        .map_err(|error| format!("permutations: {error}"))?;
    let filled = |dead: Option<usize>| {
        let weights: Vec<u64> =
            (0..permutations.len()).map(|n| u64::from(Some(n) != dead)).collect();
        let mut asked = vec![0; permutations.len()];
        let table = MaglevTable::fill(count(case, "M")? as u32, &weights, |candidate| {
            asked[candidate] += 1;
            permutations[candidate].get(asked[candidate] - 1).copied().unwrap_or(u32::MAX)
        });
        Ok::<_, String>(json!(table.map_err(|refusal| refusal.to_string())?.cells()))
    };
    for (key, expected) in object(case)? {
        let dead = key.strip_prefix("dead_node_").and_then(|rest| rest.strip_suffix("_lookup"));
        match (dead, key.as_str()) {
            (Some(dead), _) => compare(key, expected, &filled(Some(number(dead)?))?)?,
            (None, "lookup") => compare(key, expected, &filled(None)?)?,
            (None, "M" | "permutations") => {}
            (None, other) => return Err(format!("the field {other:?} is not known")),
        }
    }
    Ok(())
}

// ===== envoy_bounded_load =====

fn bound(case: &Json) -> Result<(), String> {
    let (mut told, mut compared) = (None, 0);
    for (key, value) in object(case)? {
        if let Some(hosts) = key.strip_prefix("mt19937_shuffle_of_") {
            for (hash, expected) in object(value)? {
                let order = bounded::order(number(hosts)?, number(hash)?);
                compare(&format!("{key}.{hash}"), expected, &json!(order))?;
                compared += 1;
            }
        } else if let Some((hosts, factors)) = key.split_once(" hosts all overloaded, factors ") {
            told = Some(all_overloaded(number(hosts)?, factors)?);
        } else if !["overloaded", "hosts", "hash", "picked", "note"].contains(&key.as_str()) {
            return Err(format!("the field {key:?} is not known"));
        }
    }
    if case["picked"].is_null() {
        return match ["overloaded", "hosts", "hash"].iter().find(|key| !case[**key].is_null()) {
            Some(key) => Err(format!("{key:?}, and nobody is picked")),
            None => something(compared),
        };
    }
    // Five hosts in Envoy's test; a host that is not overloaded is half full.
    let hosts = if case["hosts"].is_null() { 5 } else { count(case, "hosts")? };
    let loads = told.unwrap_or_else(|| {
        let over = |host: &u64| items(case, "overloaded").contains(&json!(host));
        (0..hosts).map(|host| if over(&host) { 1.01 } else { 0.5 }).collect()
    });
    let hash = count(case, "hash")?;
    // The test's hash balancer beneath takes host `hash mod count`.
    let first = hash.checked_rem(loads.len() as u64).ok_or("no hosts")? as usize;
    let picked = bounded::choose(first, loads.len(), hash, &mut Vec::new(), |host| loads[host]);
    compare("picked", &case["picked"], &json!(picked))
}

/// `host1 1.02 host0 1.03 host2 1.04`
fn all_overloaded(hosts: usize, factors: &str) -> Result<Vec<f64>, String> {
    let words: Vec<&str> = factors.split_whitespace().collect();
    let mut loads = vec![f64::NAN; hosts];
    for pair in words.chunks(2) {
        let host = pair[0].strip_prefix("host").ok_or_else(|| format!("not a host: {pair:?}"))?;
        let load = number(pair.get(1).ok_or("a host without its factor")?)?;
        *loads.get_mut(number::<usize>(host)?).ok_or("a host too many")? = load;
    }
    match loads.iter().any(|load| load.is_nan()) {
        true => Err(format!("factors for {hosts} hosts: {factors}")),
        false => Ok(loads),
    }
}

// ===== outlier detection =====

fn outlier(case: &Json) -> Result<(), String> {
    known(case, &["success_rates", "stdev_factor", "mean", "threshold"])?;
    let rates: Vec<f64> = serde_json::from_value(case["success_rates"].clone())
        .map_err(|error| format!("success_rates: {error}"))?;
    let factor = case["stdev_factor"].as_f64().ok_or("needs a stdev_factor")?;
    let (mean, threshold) = success_rate_threshold(&rates, factor);
    compare("mean", &case["mean"], &json!(mean))?;
    compare("threshold", &case["threshold"], &json!(threshold))
}

const DEFAULTS: &[&str] = &[
    "consecutive_5xx",
    "interval_s",
    "base_ejection_time_s",
    "max_ejection_time_s",
    "max_ejection_percent",
    "success_rate_minimum_hosts",
    "success_rate_request_volume",
    "success_rate_stdev_factor",
    "consecutive_gateway_failure",
    "enforcing_consecutive_gateway_failure",
    "failure_percentage_threshold",
    "enforcing_failure_percentage",
    "failure_percentage_request_volume",
    "enforcing_consecutive_5xx",
    "enforcing_success_rate",
    "failure_percentage_minimum_hosts",
];

fn defaults(case: &Json) -> Result<(), String> {
    let settings = Settings::ENVOY;
    let values = [
        settings.consecutive_5xx,
        settings.interval_s,
        settings.base_ejection_time_s,
        settings.max_ejection_time_s,
        settings.max_ejection_percent,
        settings.success_rate_minimum_hosts,
        settings.success_rate_request_volume,
        settings.success_rate_stdev_factor,
        settings.consecutive_gateway_failure,
        settings.enforcing_consecutive_gateway_failure,
        settings.failure_percentage_threshold,
        settings.enforcing_failure_percentage,
        settings.failure_percentage_request_volume,
        settings.enforcing_consecutive_5xx,
        settings.enforcing_success_rate,
        settings.failure_percentage_minimum_hosts,
    ];
    known(case, DEFAULTS)?;
    for (key, expected) in object(case)? {
        let value = DEFAULTS.iter().zip(values).find(|(known, _)| *known == key);
        compare(key, expected, &json!(value.map(|(_, value)| value)))?;
    }
    Ok(())
}

// ===== what no public case has =====

fn run(kind: &str, case: &Json) -> Result<(), String> {
    let covered = KINDS.iter().find(|covered| covered.kind == kind).expect("a kind");
    (covered.run)(case)
}

/// Passes as it is, and not with `field` set to what is wrong.
fn only_right(kind: &str, case: Json, field: &str, wrong: Json) {
    assert_eq!(run(kind, &case), Ok(()), "{case}");
    let mut other = case;
    other[field] = wrong;
    assert!(run(kind, &other).is_err(), "{other}");
}

#[test]
fn schedules_of_any_length_seed_and_weight() {
    let kind = "envoy_edf_wrr";
    let twenty = [0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 1, 2];
    let case = json!({ "weights": [5, 1, 1], "createWithPicks_0_then_picks": twenty });
    only_right(kind, case, "createWithPicks_0_then_picks", json!([0, 0, 0, 0, 0]));
    // After three picks it goes on with the fourth.
    let later = json!({ "weights": [5, 1, 1], "createWithPicks_3_then_picks": [0, 1, 2, 0, 0] });
    only_right(kind, later, "createWithPicks_3_then_picks", json!([0, 0, 0]));
    // Deadlines by hand: 2, 4, 6 against 0.4, 0.8, ... of weights 0.5 and 2.5.
    let halves = json!({ "weights": [0.5, 2.5], "old_empty_add_then_picks": [1, 1, 1, 1, 0, 1] });
    only_right(kind, halves, "old_empty_add_then_picks", json!([1, 1, 1, 1, 1]));
    for case in [
        json!({ "weights": [1, 2], "createSomehow_then_picks": [1] }),
        json!({ "weights": [1, 2], "picks": [] }),
        json!({ "weights": [1, 2] }),
        json!({ "weights": [0, 2], "picks": [1] }),
        json!({ "weights": [1, 2], "picks": [1], "colour": 1 }),
    ] {
        assert!(run(kind, &case).is_err(), "{case}");
    }
}

/// From Envoy's basic test, told in other ways.
#[test]
fn rings_told_in_other_ways() {
    let kind = "envoy_ring_hash";
    let hosts: Vec<String> = (90..96).map(|port| format!("127.0.0.1:{port}")).collect();
    let lookup = json!([[0, 94], [3_851_675_632_748_031_481u64, "127.0.0.1:93"]]);
    let case = json!({ "hosts": hosts, "minimum_ring_size": 12, "lookup": lookup });
    only_right(kind, case.clone(), "lookup", json!([[0, 95]]));
    let mut counts = case.clone();
    counts["counts"] = json!([2, 2, 2, 2, 2, 2]);
    only_right(kind, counts.clone(), "counts", json!([2, 2, 2, 2, 2, 3]));
    counts["weights"] = json!([1, 1, 1, 1, 1]);
    assert!(run(kind, &counts).is_err());
    // Weights beside the hosts count: 1, 2 and 3 of six points.
    let six =
        json!({ "hosts": hosts[..3], "weights": [1, 2, 3], "min=max": 6, "counts": [1, 2, 3] });
    only_right(kind, six, "weights", json!([3, 2, 1]));
    // 1024 points at least, unless something else is said: 171 for each of six.
    let default = json!({ "hosts": hosts, "ring_size": 1_026 });
    only_right(kind, default, "ring_size", json!(12));
    let by_key = json!([[1_975_508_444_536_362_413u64, 95], [8_787_465_352_164_086_522u64, 90]]);
    for key in [
        json!("metadata hash_key \"90\"..\"95\""),
        json!(["90", "91", "92", "93", "94", "95"]),
        json!({ "127.0.0.1:90": "90", "127.0.0.1:91": "91", "127.0.0.1:92": "92",
                "127.0.0.1:93": "93", "127.0.0.1:94": "94", "127.0.0.1:95": "95" }),
    ] {
        let case = json!({ "hosts": hosts, "minimum_ring_size": 12, "hashing_key": key,
                           "lookup": by_key });
        only_right(kind, case, "hashing_key", json!("hostname \"91\"..\"96\""));
    }
    // Names that are no numbers.
    let named =
        json!({ "hosts": ["red", "blue"], "min=max": 2, "counts": { "red": 1, "blue": 1 } });
    only_right(kind, named, "counts", json!({ "red": 2, "blue": 0 }));
    let retry = json!({ "retry": "basic ring, hash 0", "attempt0": 94, "attempt1": 92 });
    only_right(kind, retry, "attempt1", json!(94));
    assert!(run(kind, &json!({ "hosts": hosts, "minimum_ring_size": 12 })).is_err());
}

#[test]
fn tables_and_bounds_told_in_other_ways() {
    let hosts: Vec<String> = (90..96).map(|port| format!("127.0.0.1:{port}")).collect();
    let kind = "envoy_maglev";
    let retries = json!({ "attempt0": 91, "attempt1": 90, "attempt2": 95 });
    let wrong = json!({ "attempt1": 91 });
    let case = json!({ "hosts": hosts, "table_size": 7, "lookup": [[0, 92], [8, 94]],
                       "retry_host_predicate_from_hash_10": retries });
    only_right(kind, case, "retry_host_predicate_from_hash_10", wrong);
    // The published table of weights 1 and 2, with the weights beside the hosts.
    let case = json!({ "hosts": hosts[..2], "weights": [1, 2], "table_size": 17,
                       "counts": [6, 11] });
    only_right(kind, case, "weights", json!([2, 1]));
    let kind = "envoy_bounded_load";
    let case = json!({ "mt19937_shuffle_of_5": { "2": [2, 1, 0, 4, 3] }, "overloaded": [2],
                       "hash": 2, "picked": 1 });
    only_right(kind, case.clone(), "picked", json!(2));
    only_right(kind, case, "mt19937_shuffle_of_5", json!({ "2": [0, 1, 2, 3, 4] }));
    let half = json!({ "overloaded": [2], "hash": 2, "mt19937_shuffle_of_5": {} });
    assert!(run(kind, &half).is_err());
}
