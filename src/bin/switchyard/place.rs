//! `switchyard place`: where keys live, why, and which move when the nodes change.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, Write};

use pico_args::Arguments;
use serde_json::{Value as Json, json};
use switchyard::policy::place::directory::Directory;
use switchyard::policy::place::moved::ideal;
use switchyard::policy::place::range::Ranges;
use switchyard::policy::place::{CATALOGUE, Entry, Placed, Placement, Shard};
use switchyard::policy::{Knobs, Refusal};
use switchyard::sim::Why;

use crate::options::{algorithm, knobs, line, needed, number, optional, unwritten, weighted};

/// A placement and the list it places on.
struct Side {
    shards: Vec<Shard>,
    placement: Box<dyn Placement>,
}

impl Side {
    fn placed(&self) -> Placed<'_> {
        Placed { by: &*self.placement, shards: &self.shards }
    }

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
    args: Arguments,
    input: &mut dyn BufRead,
    out: &mut dyn Write,
) -> Result<(), String> {
    let (mut args, behind) = at_the_dashes(args);
    let entry = algorithm(CATALOGUE, &mut args, "--strategy")?;
    let knobs = knobs(&mut args, entry.knobs)?;
    let listed = weighted("--nodes", &needed(&mut args, "--nodes")?)?;
    let shards: Vec<Shard> =
        listed.iter().map(|(name, weight)| Shard::new(name, *weight)).collect();
    let placement = made(&mut args, entry, &knobs, &shards)?;
    let before = Side { shards, placement };
    let after = changed(&mut args, &before)?;
    let report = Report {
        json: args.contains("--json"),
        summary: args.contains("--summary"),
        replicas: number(&mut args, "--replicas", 1, 1..=1_000)? as usize,
    };
    let mut keys = args.finish();
    if let Some(option) = keys.iter().find(|key| key.as_encoded_bytes().starts_with(b"--")) {
        return Err(format!(
            "does not understand {option:?}; see switchyard help (a key like this goes after --)"
        ));
    }
    keys.extend(behind);
    if report.json {
        let mut head = json!({ "strategy": entry.key, "whose": entry.whose, "rule": entry.rule });
        if report.replicas > 1 {
            head["preference_is"] = json!(before.placement.second().words());
        }
        let head = head.to_string();
        line(out, &format!("{},\"keys\":[", head.trim_end_matches('}')))?;
    }
    let mut sums = Sums { each: vec![0; before.shards.len()], ..Sums::default() };
    let mut each = |key: &[u8]| one(key, &before, after.as_ref(), &report, &mut sums, out);
    match keys.is_empty() {
        false => keys.iter().try_for_each(|key| each(key.as_encoded_bytes()))?,
        true => lines(input, &mut each)?,
    }
    ends(&before, after.as_ref(), &report, &sums, out)
}

/// What is before the first `--`, and what is behind it.
fn at_the_dashes(args: Arguments) -> (Arguments, Vec<OsString>) {
    let mut all = args.finish();
    let behind = match all.iter().position(|arg| arg == "--") {
        Some(dashes) => all.split_off(dashes).split_off(1),
        None => Vec::new(),
    };
    (Arguments::from_vec(all), behind)
}

/// Calls `each` with every line of the input, whatever bytes it has. A line ends with its line feed
/// and, if all else in it is UTF-8 text, with a carriage return before that: text files may come
/// from Windows, but in other bytes a carriage return is a byte like any. Memory does not grow with
/// the input.
fn lines(
    input: &mut dyn BufRead,
    each: &mut dyn FnMut(&[u8]) -> Result<(), String>,
) -> Result<(), String> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input.read_until(b'\n', &mut line);
        if read.map_err(|error| format!("standard input: {error}"))? == 0 {
            return Ok(());
        }
        let whole = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = line.strip_suffix(b"\r\n").filter(|text| std::str::from_utf8(text).is_ok());
        each(text.unwrap_or(whole))?;
    }
}

/// The placement on `shards`, with its `--split`s or `--list`s.
fn made(
    args: &mut Arguments,
    entry: &Entry,
    knobs: &Knobs,
    shards: &[Shard],
) -> Result<Box<dyn Placement>, String> {
    let (splits, lists) = (every(args, "--split")?, every(args, "--list")?);
    if !splits.is_empty() && entry.key != "range" {
        return Err(format!("--split is for --strategy range, not {}", entry.key));
    }
    if !lists.is_empty() && entry.key != "directory" {
        return Err(format!("--list is for --strategy directory, not {}", entry.key));
    }
    let refused = |no: Refusal| format!("--nodes: {no}");
    match entry.key {
        "range" => Ok(Box::new(split(Ranges::even(shards).map_err(refused)?, &splits, shards)?)),
        "directory" => {
            let directory = Directory::with_knobs(knobs, shards).map_err(refused)?;
            Ok(Box::new(listed(directory, &lists, shards)?))
        }
        _ => (entry.make)(knobs, shards).map_err(refused),
    }
}

/// Every value of an option that may be given again and again, in order.
fn every(args: &mut Arguments, name: &'static str) -> Result<Vec<Vec<u8>>, String> {
    let bytes = |text: &OsStr| Ok::<_, String>(text.as_encoded_bytes().to_vec());
    let mut all = Vec::new();
    while let Some(value) =
        args.opt_value_from_os_str(name, bytes).map_err(|error| error.to_string())?
    {
        all.push(value);
    }
    Ok(all)
}

/// A key and what follows its last `=`.
fn key_and_nodes(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match text.iter().rposition(|&byte| byte == b'=') {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

/// The place of the node that an option names.
fn place_of(option: &str, name: &[u8], shards: &[Shard]) -> Result<usize, String> {
    let place = shards.iter().position(|shard| shard.name.as_bytes() == name);
    place.ok_or_else(|| format!("{option}: there is no node {:?}", String::from_utf8_lossy(name)))
}

/// Ranges cut at every `KEY[=node]`.
fn split(mut ranges: Ranges, splits: &[Vec<u8>], shards: &[Shard]) -> Result<Ranges, String> {
    for text in splits {
        let (key, node) = key_and_nodes(text);
        let split = match node {
            Some(node) => ranges.split(key, place_of("--split", node, shards)?),
            None => ranges.split_off(key),
        };
        ranges = split.map_err(|no| format!("--split: {no}"))?;
    }
    Ok(ranges)
}

/// A directory with every `KEY=node,...`.
fn listed(
    mut directory: Directory,
    lists: &[Vec<u8>],
    shards: &[Shard],
) -> Result<Directory, String> {
    for text in lists {
        let words = String::from_utf8_lossy(text);
        let (key, Some(nodes)) = key_and_nodes(text) else {
            return Err(format!("--list must be KEY=node, got {words:?}"));
        };
        let places = nodes.split(|&byte| byte == b',');
        let places = places.map(|name| place_of("--list", name, shards));
        let places = places.collect::<Result<Vec<usize>, String>>()?;
        let count = directory.count();
        directory.assign(key, &places).map_err(|no| format!("--list: {no}"))?;
        if directory.count() == count {
            let key = String::from_utf8_lossy(key);
            return Err(format!("--list: {key:?} is listed twice"));
        }
    }
    Ok(directory)
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
    let mut why = match (report.summary, report.json) {
        (true, _) => Why::off(),
        (false, true) => Why::on(),
        // Text shows the sentence alone.
        (false, false) => Why::brief(),
    };
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
                "ideal": ideal(before.placed(), after.placed()) });
        }
        let tail = tail.to_string();
        return line(out, &format!("],{}", tail.trim_start_matches('{')));
    }
    if report.replicas > 1 && !report.summary {
        line(out, &format!("# {}", before.placement.second().words()))?;
    }
    let counts: Vec<String> = counts.iter().map(|(name, n)| format!("{name} {n}")).collect();
    let homeless = if *homeless > 0 { format!("; no owner {homeless}") } else { String::new() };
    line(out, &format!("# {keys} keys: {}{homeless}", counts.join(", ")))?;
    let Some(after) = after else { return Ok(()) };
    let ideal = ideal(before.placed(), after.placed());
    line(out, &format!("# moved {moved} of {keys} = {fraction:.4}; ideal {ideal:.4}"))
}
