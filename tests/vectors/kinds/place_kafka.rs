//! Kafka: where a record goes, and who reads which partitions.

use serde_json::{Value as Json, json};
use switchyard::policy::Knobs;
use switchyard::policy::place::kafka_assignors::{Assignment, Group};
use switchyard::policy::place::kafka_murmur2;
use switchyard::policy::place::kafka_sticky::Adaptive;

use super::{compare, equal_shards, exactly, fields, items, make, number, numbers, owner, text};

pub(crate) const ASSIGNORS: &[&str] =
    &["result", "after_C0_leaves", "after_C1_leaves", "after_C2_leaves"];
pub(crate) const STICKY: &[&str] =
    &["inverted", "cft", "random_to_partition", "frequencies_per_cycle"];

pub(crate) fn partition_for_key(case: &Json) -> Result<(), String> {
    let n = number(&case["n"])? as u32;
    let names: Vec<String> = (0..n).map(|number| number.to_string()).collect();
    let shards = equal_shards(names.iter().map(String::as_str));
    let placement = make("kafka_murmur2", Knobs::DEFAULTS, &shards)?;
    for (field, expected) in fields(case)? {
        match field.as_str() {
            "n" => {}
            "map" => {
                for (key, expected) in fields(expected)? {
                    let got = kafka_murmur2::partition_for_key(key.as_bytes(), n);
                    if owner(&*placement, key.as_bytes()).ok() != got.map(|got| got as usize) {
                        return Err(format!("two answers for {key:?}"));
                    }
                    exactly(key, expected, got.ok_or("no partition")?.into())?;
                }
            }
            other => return Err(format!("the field {other:?} is not known")),
        }
    }
    Ok(())
}

pub(crate) fn sticky(case: &Json) -> Result<(), String> {
    let queues = items(case, "queue_sizes").iter().map(|queue| number(queue).map(|n| n as u32));
    let queues = queues.collect::<Result<Vec<u32>, String>>()?;
    let adaptive = Adaptive::new(&queues).ok_or("all partitions are alike")?;
    let sums = adaptive.sums();
    let total = sums.last().copied().ok_or("no partitions")?;
    let mut frequencies = vec![0u64; queues.len()];
    (0..total).for_each(|random| frequencies[adaptive.partition(random)] += 1);
    for (field, expected) in fields(case)? {
        match field.as_str() {
            "queue_sizes" => {}
            // The weights are what the running sums grow by, and how often each is drawn.
            "inverted" | "frequencies_per_cycle" => {
                compare(field, expected, &json!(frequencies))?;
            }
            "cft" => compare(field, expected, &json!(sums))?,
            "random_to_partition" => {
                let mut told = 0;
                for (range, expected) in fields(expected)? {
                    let (from, to) = match numbers(range)[..] {
                        [one] => (one, one),
                        [from, to] => (from, to),
                        _ => return Err(format!("no range: {range}")),
                    };
                    for random in from..=to {
                        exactly(range, expected, adaptive.partition(random) as u64)?;
                        told += 1;
                    }
                }
                if told != total {
                    return Err(format!("{told} of {total} numbers are told"));
                }
            }
            other => return Err(format!("the field {other:?} is not known")),
        }
    }
    Ok(())
}

fn group(case: &Json) -> Result<Group<'_>, String> {
    let mut group = Group::default();
    for (topic, count) in fields(&case["topics"])? {
        group.topics.insert(topic, number(count)? as u32);
    }
    for member in items(case, "consumers") {
        let member = member.as_str().ok_or("a consumer is a name")?;
        group.members.insert(member, group.topics.keys().copied().collect());
    }
    if let Some(subscribed) = case["subs"].as_object() {
        for (member, topics) in subscribed {
            let topics = topics.as_array().ok_or("subscriptions are a list")?;
            group.members.insert(member, topics.iter().filter_map(Json::as_str).collect());
        }
    }
    Ok(group)
}

fn shown(assignment: &Assignment) -> Json {
    let partitions = |(member, own): (&&str, &Vec<(&str, u32)>)| {
        let own: Vec<String> =
            own.iter().map(|(topic, number)| format!("{topic}p{number}")).collect();
        ((*member).to_owned(), json!(own))
    };
    Json::Object(assignment.iter().map(partitions).collect())
}

fn assign<'a>(
    kind: &str,
    group: &Group<'a>,
    before: &Assignment<'a>,
) -> Result<Assignment<'a>, String> {
    match kind {
        "range" => Ok(group.range()),
        "roundrobin" => Ok(group.round_robin()),
        "sticky" | "cooperative-sticky" => Ok(group.sticky(before)),
        other => Err(format!("the assignor {other:?} is not known")),
    }
}

pub(crate) fn assignors(case: &Json) -> Result<(), String> {
    let kind = text(case, "assignor")?;
    let group = group(case)?;
    let first = assign(kind, &group, &Assignment::default())?;
    for (field, expected) in fields(case)? {
        let left = field.strip_prefix("after_").and_then(|rest| rest.strip_suffix("_leaves"));
        match (field.as_str(), left) {
            ("assignor" | "consumers" | "subs" | "topics", _) => {}
            ("result", _) => compare(field, expected, &shown(&first))?,
            (_, Some(left)) => {
                let mut group = group.clone();
                group.members.remove(left).ok_or_else(|| format!("{left} is not there"))?;
                compare(field, expected, &shown(&assign(kind, &group, &first)?))?;
            }
            (other, None) => return Err(format!("the field {other:?} is not known")),
        }
    }
    Ok(())
}
