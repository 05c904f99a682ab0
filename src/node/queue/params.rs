//! The parameters of a queue.

use super::config::{
    ACKNOWLEDGES, ASSIGNORS, Acknowledge, FORMS, Form, ON_FAILURES, OVERFLOWS, OnFailure,
    PARTITIONERS, QueueConfig, ROUTING_KEYS, ROUTINGS, Routing, check_bindings,
};
use crate::node::Settings;
use crate::node::param::{Param, Range, Spec, Value, key_of, number, of_key};

/// A parameter that is one of several: its spec, its table, the field.
macro_rules! one_of {
    ($key:literal, $wire:literal, $label:literal, $help:literal, $all:ident, $($field:ident).+) => {
        Param {
            spec: Spec {
                key: $key,
                wire: $wire,
                label: $label,
                unit: "",
                help: $help,
                range: Range::Choice(|| $all.iter().map(|(_, choice)| *choice).collect()),
            },
            get: |c| key_of($all, &c.$($field).+),
            set: |c, v| c.$($field).+ = of_key($all, &v).unwrap_or(c.$($field).+),
        }
    };
}

/// A parameter that is on or off.
macro_rules! switch {
    ($key:literal, $wire:literal, $label:literal, $help:literal, $field:ident) => {
        Param {
            spec: Spec {
                key: $key,
                wire: $wire,
                label: $label,
                unit: "",
                help: $help,
                range: Range::Switch,
            },
            get: |c| Value::Switch(c.$field),
            set: |c, v| c.$field = v == Value::Switch(true),
        }
    };
}

/// A parameter that is a whole number.
macro_rules! count {
    ($key:literal, $wire:literal, $label:literal, $unit:literal, $help:literal,
     $min:literal..$handy:literal..$max:literal, $field:ident) => {
        Param {
            spec: Spec {
                key: $key,
                wire: $wire,
                label: $label,
                unit: $unit,
                help: $help,
                range: Range::Number {
                    min: $min,
                    max: $max,
                    handy: $handy,
                    step: 1.0,
                    whole: true,
                },
            },
            get: |c| Value::Number(f64::from(c.$field)),
            set: |c, v| c.$field = number(v) as u32,
        }
    };
}

/// A parameter that is a time in milliseconds.
macro_rules! millis {
    ($key:literal, $wire:literal, $label:literal, $help:literal, $handy:literal, $field:ident) => {
        Param {
            spec: Spec {
                key: $key,
                wire: $wire,
                label: $label,
                unit: "ms",
                help: $help,
                range: Range::Number {
                    min: 0.0,
                    max: 3.6e6,
                    handy: $handy,
                    step: 1.0,
                    whole: false,
                },
            },
            get: |c| Value::Number(c.$field),
            set: |c, v| c.$field = number(v),
        }
    };
}

impl Settings for QueueConfig {
    const PARAMS: &'static [Param<Self>] = PARAMS;

    fn idle(&self, key: &str) -> bool {
        let auto = self.acknowledge == Acknowledge::Auto;
        let elsewhere = match self.form {
            Form::Broker => matches!(
                key,
                "partitions" | "groups" | "assignor" | "partitioner" | "session" | "rebalance"
            ),
            Form::Log => matches!(
                key,
                "exchange"
                    | "bindings"
                    | "routing_key"
                    | "durable"
                    | "persistent"
                    | "mandatory"
                    | "ttl"
                    | "length"
                    | "overflow"
            ),
        };
        elsewhere
            || match key {
                "bindings" => self.routing == Routing::Default,
                "routing_key" => matches!(self.routing, Routing::Default | Routing::Fanout),
                "disk" => !self.confirms || !self.on_disk(),
                "overflow" => self.length == 0,
                "prefetch" | "on_failure" => auto,
                "tries" => auto || self.on_failure == OnFailure::Reject,
                "retry_after" => auto || self.on_failure != OnFailure::Retry,
                _ => false,
            }
    }
}

/// The parameters.
const PARAMS: &[Param<QueueConfig>] = &[
    one_of!(
        "form",
        0,
        "Made like",
        "Whether messages are handed out and forgotten, or stay and \
        are read.",
        FORMS,
        form
    ),
    one_of!(
        "exchange",
        1,
        "Exchange",
        "Which queues get a message. Used only by a queue.",
        ROUTINGS,
        routing
    ),
    Param {
        spec: Spec {
            key: "bindings",
            wire: 2,
            label: "Bindings",
            unit: "",
            help: "One queue for each; the first worker takes from the first queue, the second \
                   from the second, and so on round. Used by all exchanges but the default one.",
            range: Range::Text { most: 200, check: check_bindings, example: "put.# *.user.*" },
        },
        get: |c| Value::Text(c.bindings.clone()),
        set: |c, v| {
            if let Value::Text(text) = v {
                c.bindings = text;
            }
        },
    },
    one_of!(
        "routing_key",
        3,
        "Routing key",
        "What a direct or topic exchange looks at.",
        ROUTING_KEYS,
        routing_key
    ),
    one_of!(
        "ack",
        4,
        "A message is handled",
        "When a queue forgets a message, or a log's reader \
        notes that it is past it.",
        ACKNOWLEDGES,
        acknowledge
    ),
    count!("prefetch", 5, "Prefetch", "messages", "How many messages a worker may hold without \
        having acknowledged them; 0 is no limit. Auto-ack ignores it.",
        0.0..20.0..10_000.0, prefetch),
    switch!(
        "durable",
        6,
        "Durable queues",
        "Whether the queues themselves survive when the \
        broker dies. Messages also have to be persistent.",
        durable
    ),
    switch!(
        "persistent",
        7,
        "Persistent messages",
        "Whether messages are written to disk. They \
        survive only in a durable queue.",
        persistent
    ),
    switch!(
        "confirms",
        8,
        "Confirms",
        "Whether the producer waits until its message is safe, and \
        hears when it was refused. Without, it is answered at once, whatever happened.",
        confirms
    ),
    millis!(
        "disk",
        9,
        "Time to disk",
        "How long it takes until a persistent message in a durable \
        queue is safe and confirmed.",
        50.0,
        disk_ms
    ),
    switch!(
        "mandatory",
        10,
        "Mandatory",
        "Whether a message that no queue is bound for comes \
        back as a failure. Without, it is dropped.",
        mandatory
    ),
    millis!(
        "ttl",
        11,
        "Time to live",
        "How long a message may wait; it goes when it is at the \
        head. 0 is for ever.",
        5_000.0,
        ttl_ms
    ),
    count!("length", 12, "Length limit", "messages", "How many may wait in a queue, those with \
        workers not counted; 0 is no limit.", 0.0..200.0..1_000_000.0, length),
    one_of!(
        "overflow",
        13,
        "When it is full",
        "Who has to go, or stay away, when a queue is as \
        long as it may be.",
        OVERFLOWS,
        overflow
    ),
    one_of!(
        "on_failure",
        14,
        "When a worker fails",
        "What becomes of a message that a worker \
        failed on, when it is acknowledged by hand.",
        ON_FAILURES,
        on_failure
    ),
    count!("tries", 15, "Returns allowed", "times", "How often a message may come back before it \
        is given up as a dead letter; 0 is no limit.", 0.0..20.0..10_000.0, tries),
    millis!(
        "retry_after",
        16,
        "Again after",
        "How long a failed message is put aside, where it \
        is to be tried again after a while.",
        5_000.0,
        retry_ms
    ),
    switch!(
        "dead_letters",
        17,
        "Keep dead letters",
        "Whether what expires, is refused or does not \
        fit is kept apart. Without, it is dropped.",
        dead_letters
    ),
    switch!(
        "reconnect",
        18,
        "Workers reconnect",
        "Whether workers connect again, and declare \
        their queues, when the connection broke. Not so in the course.",
        reconnect
    ),
    count!("partitions", 19, "Partitions", "", "Into how many partitions a log is cut.",
        1.0..12.0..32.0, partitions),
    count!("groups", 20, "Groups", "", "Into how many groups the workers fall, in turn; each group \
        reads everything. Used only by a log.", 1.0..4.0..8.0, groups),
    one_of!(
        "assignor",
        21,
        "Partitions are shared out",
        "How the members of a group divide the \
        partitions of a log.",
        ASSIGNORS,
        assignor
    ),
    one_of!(
        "partitioner",
        22,
        "A message goes",
        "Into which partition of a log a message goes.",
        PARTITIONERS,
        partitioner
    ),
    millis!(
        "session",
        23,
        "Missed after",
        "How long until a group notices that a member died, and \
        shares its partitions out anew.",
        10_000.0,
        session_ms
    ),
    millis!(
        "rebalance",
        24,
        "Rebalance takes",
        "How long the partitions that change hands stand \
        still; with all but the cooperative way, all do.",
        5_000.0,
        rebalance_ms
    ),
];
