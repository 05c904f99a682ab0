//! `switchyard place`: where keys live, why, and which move when the nodes change.

use std::io::{BufRead, Write};

use pico_args::Arguments;
use serde_json::{Value as Json, json};
use switchyard::policy::place::{CATALOGUE, Placement, Shard};
use switchyard::sim::Why;

use crate::options::{algorithm, knobs, line, needed, number, optional, unwritten, weighted};

/// A placement and the list it places on.
struct Side {
    shards: Vec<Shard>,
    placement: Box<dyn Placement>,
}

impl Side {
    fn owner(&self, key: &[u8], why: &mut Why) -> Option<&str> {
        let place = self.placement.owner(key, why)?;
        self.shards.get(place).map(|shard| &*shard.name)
    }
}

/// How keys are reported.
struct Report {
    json: bool,
    summary: bool,
    replicas: usize,
}

/// What adds up over all keys.
#[derive(Default)]
struct Sums {
    keys: u64,
    moved: u64,
    homeless: u64,
    each: Vec<u64>,
}

/// Runs the command.
pub(crate) fn run(
    mut args: Arguments,
    input: &mut dyn BufRead,
    out: &mut dyn Write,
) -> Result<(), String> {
    let entry = algorithm(CATALOGUE, &mut args, "--strategy")?;
    let knobs = knobs(&mut args, entry.knobs)?;
    let listed = weighted("--nodes", &needed(&mut args, "--nodes")?)?;
    let shards: Vec<Shard> =
        listed.iter().map(|(name, weight)| Shard::new(name, *weight)).collect();
    let placement = (entry.make)(&knobs, &shards).map_err(|no| format!("--nodes: {no}"))?;
    let before = Side { shards, placement };
    let after = changed(&mut args, &before)?;
    let report = Report {
        json: args.contains("--json"),
        summary: args.contains("--summary"),
        replicas: number(&mut args, "--replicas", 1, 1..=1_000)? as usize,
    };
    let given = args.finish();
    if let Some(option) = given.iter().find(|key| key.as_encoded_bytes().starts_with(b"--")) {
        return Err(format!("does not understand {option:?}; see switchyard help"));
    }
    if report.json {
        let head = json!({ "strategy": entry.key, "whose": entry.whose, "rule": entry.rule });
        let head = head.to_string();
        line(out, &format!("{},\"keys\":[", head.trim_end_matches('}')))?;
    }
    let mut sums = Sums { each: vec![0; before.shards.len()], ..Sums::default() };
    let mut each = |key: &[u8]| one(key, &before, after.as_ref(), &report, &mut sums, out);
    match given.is_empty() {
        false => given.iter().try_for_each(|key| each(key.as_encoded_bytes()))?,
        true => crate::lines(input, &mut each)?,
    }
    ends(&before, after.as_ref(), &report, &sums, out)
}

/// The nodes after `--add` and `--remove`, if there is a change.
fn changed(args: &mut Arguments, before: &Side) -> Result<Option<Side>, String> {
    let mut shards = before.shards.clone();
    while let Some(text) = optional(args, "--remove")? {
        for (name, _) in weighted("--remove", &text)? {
            let place = shards.iter().position(|shard| *shard.name == *name);
            let place = place.ok_or_else(|| format!("--remove: there is no node {name:?}"))?;
            shards.remove(place);
        }
    }
    while let Some(text) = optional(args, "--add")? {
        for (name, weight) in weighted("--add", &text)? {
            if shards.iter().any(|shard| *shard.name == *name) {
                return Err(format!("--add: there is a node {name:?} already"));
            }
            shards.push(Shard::new(&name, weight));
        }
    }
    if shards == before.shards {
        return Ok(None);
    }
    let placement = before.placement.with(&shards);
    let placement = placement.map_err(|no| format!("after the change: {no}"))?;
    Ok(Some(Side { shards, placement }))
}

fn one(
    key: &[u8],
    before: &Side,
    after: Option<&Side>,
    report: &Report,
    sums: &mut Sums,
    out: &mut dyn Write,
) -> Result<(), String> {
    let mut why = if report.summary { Why::off() } else { Why::on() };
    let place = before.placement.owner(key, &mut why);
    let node = place.and_then(|place| before.shards.get(place)).map(|shard| &*shard.name);
    let to = after.map(|after| after.owner(key, &mut Why::off()));
    let moved = to.is_some_and(|to| to != node);
    sums.keys += 1;
    sums.moved += u64::from(moved);
    match place.and_then(|place| sums.each.get_mut(place)) {
        Some(count) => *count += 1,
        None => sums.homeless += 1,
    }
    if report.summary {
        return Ok(());
    }
    let mut list = Vec::new();
    if report.replicas > 1 {
        before.placement.preference(key, report.replicas, &mut list);
    }
    let list: Vec<&str> = list.iter().map(|&place| &*before.shards[place].name).collect();
    if report.json {
        let comma = if sums.keys > 1 { "," } else { "" };
        return line(out, &format!("{comma}{}", described(key, node, to, &list, &why)));
    }
    out.write_all(key).map_err(unwritten)?;
    let node = node.unwrap_or("-");
    let arrow = match to {
        Some(to) if moved => format!(" -> {}", to.unwrap_or("-")),
        _ => String::new(),
    };
    let list = if list.is_empty() { String::new() } else { format!("\t{}", list.join(" ")) };
    line(out, &format!("\t{node}{arrow}{list}\t{}", why.sentence))
}

/// A key as an item of the JSON document. Bytes that are no text are given in hexadecimal as well.
fn described(
    key: &[u8],
    node: Option<&str>,
    to: Option<Option<&str>>,
    list: &[&str],
    why: &Why,
) -> Json {
    let numbers: Vec<Json> = (why.lines.iter())
        .map(|line| json!({ "of": line.subject, "numbers": line.numbers, "chosen": line.chosen }))
        .collect();
    let mut item = json!({ "key": String::from_utf8_lossy(key), "node": node });
    if std::str::from_utf8(key).is_err() {
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        item["key_hex"] = json!(hex);
    }
    if let Some(to) = to {
        item["to"] = json!(to);
        item["moved"] = json!(to != node);
    }
    if !list.is_empty() {
        item["preference"] = json!(list);
    }
    item["why"] = json!(why.sentence);
    item["numbers"] = json!(numbers);
    item
}

/// The share of keys that has to move whatever the algorithm: what the nodes that came get, or
/// what those that went had, by weight.
fn ideal(before: &Side, after: &Side) -> f64 {
    let total = |side: &Side| side.shards.iter().map(|shard| shard.weight.max(0) as f64).sum();
    let only_in = |side: &Side, other: &Side| -> f64 {
        let missing = |shard: &&Shard| other.shards.iter().all(|known| known.name != shard.name);
        side.shards.iter().filter(missing).map(|shard| shard.weight.max(0) as f64).sum()
    };
    let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    let (went, came) = (only_in(before, after), only_in(after, before));
    let (was, is): (f64, f64) = (total(before), total(after));
    share(went, was).max(share(came, is))
}

fn ends(
    before: &Side,
    after: Option<&Side>,
    report: &Report,
    sums: &Sums,
    out: &mut dyn Write,
) -> Result<(), String> {
    let Sums { keys, moved, homeless, each } = sums;
    let fraction = if *keys > 0 { *moved as f64 / *keys as f64 } else { 0.0 };
    let names = before.shards.iter().map(|shard| shard.name.to_string());
    let counts: Vec<(String, u64)> = names.zip(each.iter().copied()).collect();
    if report.json {
        let counts: serde_json::Map<String, Json> =
            counts.into_iter().map(|(name, count)| (name, json!(count))).collect();
        let mut tail = json!({ "counts": counts, "without_owner": homeless, "total": keys });
        if let Some(after) = after {
            tail["moved"] = json!({ "count": moved, "fraction": fraction,
                "ideal": ideal(before, after) });
        }
        let tail = tail.to_string();
        return line(out, &format!("],{}", tail.trim_start_matches('{')));
    }
    let counts: Vec<String> = counts.iter().map(|(name, n)| format!("{name} {n}")).collect();
    let homeless = if *homeless > 0 { format!("; no owner {homeless}") } else { String::new() };
    line(out, &format!("# {keys} keys: {}{homeless}", counts.join(", ")))?;
    let Some(after) = after else { return Ok(()) };
    let ideal = ideal(before, after);
    line(out, &format!("# moved {moved} of {keys} = {fraction:.4}; ideal {ideal:.4}"))
}
