//! The kinds that concern envoy: its schedules, rings, tables, bounds, and outliers.

use serde_json::{Map, Value as Json, json};
use switchyard::policy::Knobs;
use switchyard::policy::balance::envoy::edf::{Edf, Generation};
use switchyard::policy::balance::envoy::outlier::{Settings, success_rate_threshold};
use switchyard::policy::balance::envoy::{Maglev, RingHash, RingSizes, Table, bounded};
use switchyard::policy::balance::{self, Ask, Backend, Pick};
use switchyard::policy::place::maglev_table::MaglevTable;
use switchyard::sim::{Rng, Why};

use super::{Covered, compare, items};

/// What this file covers.
pub(crate) const KINDS: &[Covered] = &[
    Covered::field(
        "envoy_edf_wrr",
        edf,
        &["picks", "count_of_i", "createWithPicks_0_then_picks", "old_empty_add_then_picks"],
    ),
    // `lookup` mixes hashes, which are inputs, with answers; it is compared all the same.
    Covered::field("envoy_ring_hash", ring, &["ring", "retry_host_predicate_from_hash_0"]),
    Covered::field(
        "envoy_maglev",
        maglev,
        &["table_port", "table", "min_entries", "max_entries", "attempt0", "attempt1", "attempt2"],
    ),
    Covered::field("maglev_permutation_fill", fill, &["lookup", "dead_node_1_lookup"]),
    // Compared to the last bit; rough only because a seed that is left out cannot be missed.
    Covered::field("envoy_bounded_load", bound, &["picked", "mt19937_shuffle_of_5"]).rough(),
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
    weights: &[i64],
    seed: u64,
    picks: usize,
) -> Result<Vec<usize>, String> {
    let floats: Vec<f64> = weights.iter().map(|&weight| weight as f64).collect();
    let mut schedule = Edf::begin(generation, &floats, seed);
    let alone: Vec<usize> = (0..picks).filter_map(|_| schedule.pick(|host| floats[host])).collect();
    let key = match generation {
        Generation::Old => "envoy_round_robin_2023",
        Generation::New => "envoy_round_robin",
    };
    let entry = balance::find(key).ok_or("the strategy is missing")?;
    let mut knobs = Knobs::default();
    knobs.set(entry.knobs, "seed", seed as f64).map_err(|refusal| refusal.to_string())?;
    let mut policy = (entry.make)(&knobs);
    let backend = |(n, &weight): (usize, &i64)| Backend::new(n as u32 + 1, "s", weight);
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

fn edf(case: &Json) -> Result<(), String> {
    let weights: Vec<i64> = match &case["weights"] {
        Json::String(rule) => return edf_by_rule(case, rule),
        list => serde_json::from_value(list.clone()).map_err(|error| error.to_string())?,
    };
    let mut lengths = Vec::new();
    for (key, expected) in object(case)? {
        let length = expected.as_array().map_or(0, Vec::len);
        let got = |generation, seed| scheduled(generation, &weights, seed, length);
        match key.strip_suffix("_then_picks") {
            Some("old_empty_add") => compare(key, expected, &json!(got(Generation::Old, 0)?))?,
            Some(new) => {
                let picks = new.strip_prefix("createWithPicks_");
                let picks = picks.ok_or_else(|| format!("the field {key:?} is not known"))?;
                compare(key, expected, &json!(got(Generation::New, number(picks)?)?))?;
            }
            None if key == "picks" => {
                // It does not say which generation; while there are no ties both agree.
                let seed = case["seed_prepicks"].as_u64().unwrap_or(0);
                let old = compare(key, expected, &json!(got(Generation::Old, seed)?));
                old.or_else(|_| compare(key, expected, &json!(got(Generation::New, seed)?)))?;
            }
            None => {
                known(&json!({ key: null }), &["weights", "derived", "seed_prepicks"])?;
                continue;
            }
        }
        lengths.push(length);
    }
    // Whole cycles, or the lists would say nothing about where they end.
    let cycle = weights.iter().sum::<i64>() as usize;
    match lengths.iter().find(|length| **length == 0 || **length % cycle != 0) {
        Some(length) => Err(format!("{length} picks are not whole cycles of {cycle}")),
        None => Ok(()),
    }
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
        for generation in BOTH {
            let picks = scheduled(generation, &weights, 0, count(case, "picks")? as usize)?;
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

/// The hosts of a case: as a list, with weights, or by hostnames in a range.
fn hosts(case: &Json) -> Result<Vec<(String, u64)>, String> {
    let weighted = case["hosts_weights"].as_object().or(case["weights"].as_object());
    if let Some(map) = weighted {
        let host = |(name, weight): (&String, &Json)| {
            Ok((name.clone(), weight.as_u64().ok_or_else(|| format!("weight {weight}"))?))
        };
        return map.iter().map(host).collect();
    }
    if let Some(range) = case["hashing_key"].as_str() {
        let parts = range.strip_prefix("hostname ").and_then(|range| range.split_once(".."));
        let (first, last) = parts.ok_or_else(|| format!("hashing key {range:?}"))?;
        let end = |text: &str| number::<u32>(text.trim_matches('"'));
        return Ok((end(first)?..=end(last)?).map(|name| (name.to_string(), 1)).collect());
    }
    let list = match case["hosts"].is_null() {
        true => items(case, "hosts_by_hostname"),
        false => items(case, "hosts"),
    };
    let host = |name: &Json| Ok((name.as_str().ok_or("a host without a name")?.to_owned(), 1));
    list.iter().map(host).collect()
}

/// Hosts are told by their port, or by their name when that is a number.
fn label(hosts: &[(String, u64)], host: Option<usize>) -> Result<u64, String> {
    let (name, _) = host.and_then(|host| hosts.get(host)).ok_or("nobody was found")?;
    number(name.rsplit(':').next().unwrap_or(name))
}

fn build(table: &mut impl Table, hosts: &[(String, u64)]) {
    let hosts: Vec<(&str, u64)> = hosts.iter().map(|(name, w)| (name.as_str(), *w)).collect();
    table.build(&hosts);
}

const RETRY: &str = "retry_host_predicate_from_hash_0";

fn ring(case: &Json) -> Result<(), String> {
    let inputs = ["hosts", "hosts_weights", "hashing_key", "hash_function", "minimum_ring_size"];
    let others = ["maximum_ring_size", "min=max", "ring", "lookup", RETRY];
    known(case, &[&inputs[..], &others[..]].concat())?;
    let (fewest, most) = match case["min=max"].as_u64() {
        Some(both) => (both, both),
        None => {
            let most = case["maximum_ring_size"].as_u64();
            (count(case, "minimum_ring_size")?, most.unwrap_or(8_388_608))
        }
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
    let point = |&(hash, host): &(u64, u32)| Ok((hash, label(&hosts, Some(host as usize))?));
    let points: Vec<(u64, u64)> = ring.points().iter().map(point).collect::<Result<_, String>>()?;
    compare("ring", &case["ring"], &json!(points))?;
    for pair in items(case, "lookup") {
        let hash = pair[0].as_u64().ok_or_else(|| format!("lookup {pair}"))?;
        let got = label(&hosts, ring.find(hash, 0))?;
        compare(&format!("lookup of {hash}"), &pair[1], &json!(got))?;
    }
    match &case[RETRY] {
        Json::Null => Ok(()),
        retries => ring_retries(retries, &ring, &hosts),
    }
}

/// `attempt0`, `attempt1`, ..., the last of them `_exhausted`, and one `n_retries_wrap`.
fn ring_retries(retries: &Json, ring: &RingHash, hosts: &[(String, u64)]) -> Result<(), String> {
    let (mut attempts, mut ends) = (Vec::new(), 0);
    for (key, expected) in object(retries)? {
        let attempt: u32 = match (key.strip_prefix("attempt"), key.strip_suffix("_retries_wrap")) {
            (Some(rest), _) => {
                let bare = rest.strip_suffix("_exhausted");
                ends += u32::from(bare.is_some());
                let attempt = number(bare.unwrap_or(rest))?;
                attempts.push(attempt);
                attempt
            }
            (None, Some(attempt)) => {
                ends += 1;
                number(attempt)?
            }
            _ => return Err(format!("{key:?} is not known")),
        };
        compare(key, expected, &json!(label(hosts, ring.find(0, attempt))?))?;
    }
    attempts.sort_unstable();
    match attempts.iter().copied().eq(0..attempts.len() as u32) && ends == 2 {
        true => Ok(()),
        false => Err(format!("attempts {attempts:?} with {ends} ends are not a whole series")),
    }
}

fn maglev(case: &Json) -> Result<(), String> {
    if let Some(rule) = case["retry"].as_str() {
        return maglev_retries(case, rule);
    }
    let inputs = ["hosts", "hosts_by_hostname", "weights", "table_size"];
    let expected = ["table_port", "table", "min_entries", "max_entries"];
    known(case, &[&inputs[..], &expected[..]].concat())?;
    let hosts = hosts(case)?;
    let mut table = Maglev::new(count(case, "table_size")? as u32);
    build(&mut table, &hosts);
    let labels: Vec<Json> = table
        .cells()
        .iter()
        .map(|&host| {
            let port = label(&hosts, Some(host))?;
            // Names are texts in the table, ports are numbers.
            let words = items(case, "table").first().is_some_and(Json::is_string);
            Ok(if words { json!(port.to_string()) } else { json!(port) })
        })
        .collect::<Result<_, String>>()?;
    for key in ["table_port", "table"] {
        if !case[key].is_null() {
            compare(key, &case[key], &json!(labels))?;
        }
    }
    let entries = |host| table.cells().iter().filter(|cell| **cell == host).count();
    let counts: Vec<usize> = (0..hosts.len()).map(entries).collect();
    for (key, got) in [("min_entries", counts.iter().min()), ("max_entries", counts.iter().max())] {
        if !case[key].is_null() {
            compare(key, &case[key], &json!(got))?;
        }
    }
    Ok(())
}

/// `basic table, hash 10`: the first case's hosts and size.
fn maglev_retries(case: &Json, rule: &str) -> Result<(), String> {
    let hash = rule.strip_prefix("basic table, hash ");
    let hash: u64 = number(hash.ok_or_else(|| format!("the rule {rule:?} is not known"))?)?;
    let hosts: Vec<(String, u64)> = (90..96).map(|port| (format!("127.0.0.1:{port}"), 1)).collect();
    let mut table = Maglev::new(7);
    build(&mut table, &hosts);
    for (key, expected) in object(case)?.iter().filter(|(key, _)| *key != "retry") {
        let attempt = key.strip_prefix("attempt").ok_or_else(|| format!("{key:?} is not known"))?;
        compare(key, expected, &json!(label(&hosts, table.find(hash, number(attempt)?))?))?;
    }
    Ok(())
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
    let mut told = None;
    for (key, value) in object(case)? {
        if let Some(hosts) = key.strip_prefix("mt19937_shuffle_of_") {
            for (hash, expected) in object(value)? {
                let order = bounded::order(number(hosts)?, number(hash)?);
                compare(&format!("{key}.{hash}"), expected, &json!(order))?;
            }
            return Ok(());
        }
        if let Some((hosts, factors)) = key.split_once(" hosts all overloaded, factors ") {
            told = Some(all_overloaded(number(hosts)?, factors)?);
        } else if !["overloaded", "hash", "picked"].contains(&key.as_str()) {
            return Err(format!("the field {key:?} is not known"));
        }
    }
    // Five hosts in Envoy's test; a host that is not overloaded is half full.
    let loads = told.unwrap_or_else(|| {
        let over = |host: &u64| items(case, "overloaded").contains(&json!(host));
        (0..5).map(|host| if over(&host) { 1.01 } else { 0.5 }).collect()
    });
    let hash = count(case, "hash")?;
    // The test's hash balancer beneath takes host `hash mod count`.
    let first = (hash % loads.len() as u64) as usize;
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
