//! The course's sharding and partitioning, as far as they say where a key belongs.

use serde_json::{Value as Json, json};
use switchyard::policy::hash::md5::{hex, md5};
use switchyard::policy::place::course::{
    CourseShard, Field, NotInserted, PartitionedTable, ShardManager, User,
};
use switchyard::policy::place::{Picture, Placed, Placement, Shard, find, moved};
use switchyard::policy::{Knobs, Refusal};

use super::{compare, equal_shards, items, make, owner, text};

fn first_byte(shards: &[Shard]) -> Result<Box<dyn Placement>, String> {
    make("md5_first_byte", Knobs::DEFAULTS, shards)
}

fn shards(json: &Json) -> Result<Vec<Shard>, String> {
    let count = json.as_i64().ok_or_else(|| format!("a count of shards: {json}"))?;
    Ok(ShardManager::new(count)?.list())
}

fn key(json: &Json) -> Result<&str, String> {
    json.as_str().ok_or_else(|| format!("a key is a text: {json}"))
}

/// Which shard each of the 256 first bytes leads to.
fn bytes(placement: &dyn Placement) -> Result<Vec<u32>, String> {
    match placement.picture() {
        Picture::Table(cells) if cells.len() == 256 => Ok(cells),
        other => Err(format!("should be a table of 256 cells: {other:?}")),
    }
}

pub(crate) fn shard_index(case: &Json) -> Result<(), String> {
    let inputs = &case["inputs"];
    let placements = items(inputs, "shard_counts")
        .iter()
        .map(|count| first_byte(&shards(count)?))
        .collect::<Result<Vec<_>, String>>()?;
    let row = |json: &Json| {
        let key = key(json)?;
        let digest = md5(key.as_bytes());
        let index = placements.iter().map(|placement| owner(&**placement, key.as_bytes()));
        let index = index.collect::<Result<Vec<usize>, String>>()?;
        Ok(json!({ "key": key, "md5": hex(&digest), "first_byte": digest[0], "index": index }))
    };
    let rows = items(inputs, "keys").iter().map(row).collect::<Result<Vec<Json>, String>>()?;
    compare("expected", &case["expected"], &json!({ "rows": rows }))
}

pub(crate) fn shard_bias(case: &Json) -> Result<(), String> {
    let list = shards(&case["inputs"]["shards"])?;
    let mut counts = vec![0u32; list.len()];
    bytes(&*first_byte(&list)?)?.into_iter().for_each(|shard| counts[shard as usize] += 1);
    let reached = || counts.iter().filter(|&&count| count > 0);
    let got = json!({
        "byte_values_per_shard": counts,
        "max": counts.iter().max(),
        "min_reachable": reached().min(),
        "unreachable_shards": counts.len() - reached().count(),
    });
    compare("expected", &case["expected"], &got)
}

pub(crate) fn shard_remap(case: &Json) -> Result<(), String> {
    let inputs = &case["inputs"];
    let (from, to) = (shards(&inputs["from"])?, shards(&inputs["to"])?);
    let before = first_byte(&from)?;
    let after = before.with(&to).map_err(|refused| refused.to_string())?;
    let keys = text(inputs, "keys")?;
    let (first, last) = keys.split_once("..").ok_or("keys are first..last")?;
    let prefix = first.trim_end_matches(|c: char| c.is_ascii_digit());
    let end = |text: &str| {
        let digits = text.strip_prefix(prefix).and_then(|digits| digits.parse::<u64>().ok());
        digits.ok_or_else(|| format!("the keys {keys:?} are not known"))
    };
    let moved = moved(
        Placed { by: &*before, shards: &from },
        Placed { by: &*after, shards: &to },
        (end(first)?..=end(last)?).map(|number| format!("{prefix}{number}")),
    );
    let (old, new) = (bytes(&*before)?, bytes(&*after)?);
    let got = json!({
        "ideal_moved_fraction": moved.ideal,
        "moved_byte_values": old.iter().zip(&new).filter(|(old, new)| old != new).count(),
        "moved_keys": moved.count,
    });
    compare("expected", &case["expected"], &got)
}

pub(crate) fn shard_topology(case: &Json) -> Result<(), String> {
    let count = case["inputs"]["shards"].as_i64().ok_or("a count of shards")?;
    let manager = ShardManager::new(count)?;
    let shard = |shard: &CourseShard| {
        json!({
            "id": shard.id, "database": shard.database, "host": shard.host, "port": shard.port,
        })
    };
    let list: Vec<Json> = manager.shards().iter().map(shard).collect();
    compare("expected", &case["expected"], &json!({ "shards": list }))
}

/// The literal manager falls over; the placement for people refuses with words of its own.
pub(crate) fn shard_invalid(case: &Json) -> Result<(), String> {
    let inputs = &case["inputs"];
    let count = inputs["shards"].as_i64().ok_or("a count of shards")?;
    let got = match ShardManager::new(count) {
        Err(panic) => json!({ "panic": panic, "panics_at": "construct" }),
        Ok(manager) => match manager.shard(text(inputs, "key")?.as_bytes()) {
            Err(panic) => json!({ "panic": panic, "panics_at": "lookup" }),
            Ok(shard) => json!({ "shard": shard.id }),
        },
    };
    let entry = find("md5_first_byte").ok_or("no such placement")?;
    if !matches!((entry.make)(Knobs::DEFAULTS, &[]), Err(Refusal::NoNodes)) {
        return Err("no shards at all are not refused".to_owned());
    }
    compare("expected", &case["expected"], &got)
}

/// Messages of the course's demo program to its manager.
pub(crate) fn shard_crud(case: &Json) -> Result<(), String> {
    let inputs = &case["inputs"];
    let manager = ShardManager::new(inputs["shards"].as_i64().ok_or("a count of shards")?)?;
    let (mut steps, mut lines) = (Vec::new(), Vec::new());
    for op in items(inputs, "ops") {
        let id = text(op, "id")?.to_owned();
        match text(op, "op")? {
            "create" => {
                let (name, email) = (text(op, "name")?.to_owned(), text(op, "email")?.to_owned());
                let user = User { id, name, email, shard: None };
                let (shard, line) = manager.create(&user)?;
                lines.push(line);
                let own = user.shard.map_or(-1, |shard| shard as i64);
                steps.push(json!({ "shard": shard.id, "error": false, "caller_shard_id": own }));
            }
            "get" => {
                let (user, line) = manager.get(&id)?;
                lines.push(line);
                let User { name, email, shard, .. } = user;
                let step = json!({ "shard": shard, "error": false, "name": name, "email": email });
                steps.push(step);
            }
            other => return Err(format!("the op {other:?} is not known")),
        }
    }
    let got = json!({ "log_lines": lines.len(), "steps": steps });
    compare("expected", &case["expected"], &got)
}

pub(crate) fn partition_insert(case: &Json) -> Result<(), String> {
    let inputs = &case["inputs"];
    let attached =
        items(inputs, "attached").iter().map(key).collect::<Result<Vec<&str>, String>>()?;
    let table = PartitionedTable::new(&attached);
    let field = &inputs["row"][text(inputs, "partition_key")?];
    let field = match (field.as_str(), field.as_i64()) {
        (Some(text), _) => Field::Text(text),
        (None, Some(number)) => Field::Whole(number),
        (None, None) => Field::Absent,
    };
    let got = match table.insert(text(inputs, "table")?, field) {
        Ok((name, statement)) => json!({ "node": format!("db:{name}"), "query": statement }),
        Err(NotInserted::Error(words)) => json!({ "error": words }),
        Err(NotInserted::Panic(words)) => json!({ "panic": words }),
    };
    compare("expected", &case["expected"], &got)
}

pub(crate) fn partition_name(case: &Json) -> Result<(), String> {
    let list = equal_shards(["partition_0", "partition_1", "partition_2", "partition_3"]);
    let placement = first_byte(&list)?;
    let name = |json: &Json| Ok(&*list[owner(&*placement, key(json)?.as_bytes())?].name);
    let names =
        items(&case["inputs"], "keys").iter().map(name).collect::<Result<Vec<&str>, String>>()?;
    compare("expected", &case["expected"], &json!({ "partitions": names }))
}
