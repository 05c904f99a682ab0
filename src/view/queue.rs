//! What a queue and a worker show: messages that wait, those that are with workers, how old the
//! oldest is, who reads which partition, and loudly what is lost.

use super::face::{Condition, Face, Inside, rate};
use super::layout::ROWS_MAX;
use crate::node::queue::Form;
use crate::node::{Queue, Worker};
use crate::policy::broker::Cause;
use crate::scenario::build::Run;
use crate::sim::{Span, Time};

/// A queue, or a partition as a group reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageRow {
    /// Its name, with its binding or its reader.
    pub name: String,
    /// Messages that wait.
    pub waiting: u64,
    /// Messages that are with workers, unacknowledged.
    pub out: u64,
    /// Its numbers: `12 + 3`, or `offset 40, lag 7`.
    pub numbers: String,
    /// The same in words.
    pub words: String,
    /// Does nobody take from it, or does it stand still?
    pub idle: bool,
}

/// More messages than this are drawn as a full strip.
pub const MESSAGES_SHOWN: u64 = 12;

/// A dead letter in words: what it was, where it died, of what, and when.
pub fn dead_letters(node: &Queue, run: &Run, most: usize) -> Vec<String> {
    let told = node.dead_letters().take(most).map(|letter| {
        let note = letter.body;
        let name = format!("{} {}", note.want.op.words(), run.key_name(note.want.key));
        match letter.deaths().first() {
            Some(death) => format!(
                "{name}, from {}: {} at {:.2} s, published by #{}",
                death.queue,
                cause(death.cause),
                letter.since.seconds(),
                note.request
            ),
            None => format!("{name}, published by #{}", note.request),
        }
    });
    told.collect()
}

fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Rejected => "refused by its worker",
        Cause::Expired => "had waited too long",
        Cause::MaxLen => "did not fit in",
        Cause::DeliveryLimit => "came back too often",
    }
}

pub(super) fn face(node: &Queue, now: Time) -> Face {
    let rows = match node.config().form {
        Form::Broker => queues(node),
        Form::Log => partitions(node, now),
    };
    let (waiting, out) = node.counts();
    let ledger = node.ledger();
    let told: Vec<&str> = rows.iter().map(|row| row.words.as_str()).collect();
    let words = format!(
        "{} published per second, {} handled per second; {waiting} wait, {out} with workers{}; \
         {}; of {} published {} handled, {} lost, {} dropped, {} dead letters; {} redelivered",
        rate(node.arrived().per_second(now)),
        rate(node.handled().per_second(now)),
        age(node, now).map_or(String::new(), |age| format!(", the oldest for {age}")),
        told.join("; "),
        ledger.published,
        ledger.handled,
        ledger.lost,
        ledger.dropped,
        ledger.dead,
        ledger.redelivered,
    );
    Face {
        condition: Condition::Fine,
        number: format!("{waiting} wait"),
        detail: detail(node, now),
        inside: Inside::Messages(rows.into_iter().take(ROWS_MAX).collect()),
        words,
    }
}

/// How long the oldest has been waiting.
fn age(node: &Queue, now: Time) -> Option<Span> {
    node.oldest().map(|since| now.since(since))
}

/// The worst first.
fn detail(node: &Queue, now: Time) -> String {
    let ledger = node.ledger();
    let mut parts = Vec::new();
    if ledger.lost > 0 {
        parts.push(format!("{} LOST", ledger.lost));
    }
    if ledger.dropped > 0 {
        parts.push(format!("{} dropped", ledger.dropped));
    }
    if ledger.dead > 0 {
        parts.push(format!("{} dead letters", ledger.dead));
    }
    if let Some(age) = age(node, now) {
        parts.push(format!("oldest {age}"));
    }
    parts.extend(node.last().map(str::to_owned));
    parts.join(" \u{b7} ")
}

fn queues(node: &Queue) -> Vec<MessageRow> {
    let row = |(number, (name, binding)): (usize, (String, Option<String>))| {
        let title = binding.map_or(name.clone(), |binding| format!("{name} {binding}"));
        let Some(queue) = node.broker().queue(&name) else {
            let numbers = "gone".to_owned();
            let words = format!("{title} is gone");
            return MessageRow { name: title, waiting: 0, out: 0, numbers, words, idle: true };
        };
        let (waiting, out) = (queue.depth() as u64, queue.unacked() as u64);
        let (readers, ahead) = (queue.consumers().count(), node.sent_ahead(number));
        let (numbers, idle) = match (readers, ahead) {
            (0, _) => (format!("{waiting}, no worker"), true),
            (_, 0) => (format!("{waiting} + {out}"), false),
            (_, ahead) => (format!("{waiting}, {ahead} sent"), false),
        };
        let words = format!(
            "{title}: {waiting} wait, {out} unacknowledged, {ahead} sent and not done, {readers} \
             workers"
        );
        MessageRow { name: title, waiting, out, numbers, words, idle }
    };
    node.config().queues().into_iter().enumerate().map(row).collect()
}

fn partitions(node: &Queue, now: Time) -> Vec<MessageRow> {
    let several = node.log().groups().len() > 1;
    let mut rows = Vec::new();
    for (number, group) in node.log().groups().iter().enumerate() {
        for (partition, cursor) in group.cursors().iter().enumerate() {
            let owner = cursor.owner.and_then(|owner| group.members().get(&owner));
            let reader = owner.map_or("nobody", String::as_str);
            let end = node.log().end(partition);
            let (waiting, out) = (end - cursor.position, cursor.position - cursor.committed);
            let lag = end - cursor.committed;
            let still = now < cursor.still_until;
            let prefix = if several { format!("g{} ", number + 1) } else { String::new() };
            let pause = if still { " \u{23f8}" } else { "" };
            rows.push(MessageRow {
                name: format!("{prefix}p{partition} {reader}"),
                waiting,
                out,
                numbers: format!("{} \u{2212}{lag}{pause}", cursor.committed),
                words: format!(
                    "{prefix}partition {partition} read by {reader}, committed {}, lag {lag}{}",
                    cursor.committed,
                    if still { ", standing still" } else { "" }
                ),
                idle: still || owner.is_none(),
            });
        }
    }
    rows
}

pub(super) fn worker(node: &Worker, now: Time) -> Face {
    let cores = u32::from(node.config().cores);
    let (busy, (_, waiting)) = (node.busy().value(), node.in_hand());
    let mut parts = Vec::new();
    for (count, words) in [
        (node.lost(), "held when it died"),
        (node.duplicates(), "done twice"),
        (node.skipped(), "skipped"),
        (node.failed(), "failed"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {words}"));
        }
    }
    parts.truncate(2);
    Face {
        condition: Condition::Fine,
        number: format!("{}/s", rate(node.handled().per_second(now))),
        detail: parts.join(" \u{b7} "),
        inside: Inside::Cells {
            busy,
            cores,
            waiting,
            places: waiting.max(MESSAGES_SHOWN as u32),
            load: f64::from(busy) / f64::from(cores.max(1)),
        },
        words: format!(
            "{} handled per second, {busy} of {cores} cores busy, {waiting} wait inside, \
             {} handled, {} of them again, {} skipped, {} failed, {} held when it died",
            rate(node.handled().per_second(now)),
            node.handled().total(),
            node.duplicates(),
            node.skipped(),
            node.failed(),
            node.lost(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;
    use crate::scenario::build::build;
    use crate::sim::Silent;

    fn shown(json: &str, ms: u64) -> Face {
        let scenario = Scenario::from_json(json).expect("it is valid");
        let mut run = build(&scenario);
        run.run_until(Time::ZERO + Span::from_millis(ms), u64::MAX, &mut Silent);
        super::super::face::face(&scenario, &run, &scenario.nodes[1]).expect("it is in the run")
    }

    #[test]
    fn a_queue_shows_what_waits_and_shouts_what_is_lost() {
        let json = r#"{ "schema": "switchyard/1", "seed": 4, "nodes": [
            { "id": "c", "kind": "clients", "label": "c", "x": 0, "y": 0,
              "rate": 100, "writes": 100 },
            { "id": "q", "kind": "queue", "label": "q", "x": 300, "y": 0, "ack": "auto" },
            { "id": "w", "kind": "worker", "label": "w", "x": 600, "y": 0, "service": 100 }
        ], "links": [{ "from": "c", "to": "q", "latency_ms": 1 },
                     { "from": "q", "to": "w", "latency_ms": 1 }],
        "faults": [{ "at_ms": 1000, "node": "w", "what": "crash" }] }"#;
        let face = shown(json, 2_000);
        assert!(face.detail.contains("LOST") && face.detail.contains("oldest"), "{}", face.detail);
        let Inside::Messages(rows) = face.inside else { panic!("a queue has rows") };
        assert!(rows[0].idle && rows[0].waiting > 50, "{rows:?}");
    }

    #[test]
    fn a_log_shows_how_far_its_readers_are() {
        let json = r#"{ "schema": "switchyard/1", "seed": 4, "nodes": [
            { "id": "c", "kind": "clients", "label": "c", "x": 0, "y": 0,
              "rate": 100, "writes": 100 },
            { "id": "q", "kind": "queue", "label": "q", "x": 300, "y": 0, "form": "log",
              "partitions": 3 },
            { "id": "w", "kind": "worker", "label": "w", "x": 600, "y": 0, "service": 50 }
        ], "links": [{ "from": "c", "to": "q", "latency_ms": 1 },
                     { "from": "q", "to": "w", "latency_ms": 1 }] }"#;
        let Inside::Messages(rows) = shown(json, 2_000).inside else { panic!("a log has rows") };
        assert_eq!(rows.len(), 3);
        assert!(rows.iter().all(|row| row.name.ends_with(" w") && !row.idle), "{rows:?}");
        assert!(rows.iter().any(|row| row.waiting > 0), "{rows:?}");
    }
}
