//! What can be set on a worker.

use crate::node::Settings;
use crate::node::param::{Choice, Param, Range, Spec, Value, number};

/// How the times of messages vary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// Exponential.
    Exponential,
    /// Always the mean.
    Constant,
}

/// What can be set on a worker.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerConfig {
    /// How many messages it works on at the same time.
    pub cores: u16,
    /// Mean time for one message, in ms.
    pub service_ms: f64,
    /// How times vary.
    pub spread: Spread,
    /// Every such try fails; 0 is none.
    pub fails_every: u32,
    /// Every such message fails whenever it is tried; 0 is none.
    pub poison_every: u32,
    /// Does it notice that it has handled a message before?
    pub idempotent: bool,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        WorkerConfig {
            cores: 1,
            service_ms: 50.0,
            spread: Spread::Exponential,
            fails_every: 0,
            poison_every: 0,
            idempotent: false,
        }
    }
}

const SPREADS: [(Spread, Choice); 2] = [
    (
        Spread::Exponential,
        Choice::plain("exponential", 0, "Exponential", "Many short ones and a few long ones."),
    ),
    (Spread::Constant, Choice::plain("constant", 1, "Constant", "Always the same time.")),
];

impl Settings for WorkerConfig {
    const PARAMS: &'static [Param<Self>] = PARAMS;
}

/// The parameters.
const PARAMS: &[Param<WorkerConfig>] = &[
    Param {
        spec: Spec {
            key: "cores",
            wire: 0,
            label: "Cores",
            unit: "",
            help: "How many messages it works on at the same time; more wait inside it.",
            range: Range::Number { min: 1.0, max: 64.0, handy: 8.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.cores)),
        set: |c, v| c.cores = number(v) as u16,
    },
    Param {
        spec: Spec {
            key: "service",
            wire: 1,
            label: "Time per message",
            unit: "ms",
            help: "How long a message keeps a core busy, on average.",
            range: Range::Number { min: 0.001, max: 3.6e6, handy: 500.0, step: 1.0, whole: false },
        },
        get: |c| Value::Number(c.service_ms),
        set: |c, v| c.service_ms = number(v),
    },
    Param {
        spec: Spec {
            key: "spread",
            wire: 2,
            label: "Times are",
            unit: "",
            help: "Whether every message takes equally long.",
            range: Range::Choice(|| SPREADS.iter().map(|(_, choice)| *choice).collect()),
        },
        get: |c| {
            let found = SPREADS.iter().find(|(one, _)| *one == c.spread);
            Value::Choice(found.map_or("", |(_, choice)| choice.key).to_owned())
        },
        set: |c, v| {
            let found = SPREADS.iter().find(|(_, one)| v == Value::Choice(one.key.to_owned()));
            c.spread = found.map_or(c.spread, |(spread, _)| *spread);
        },
    },
    Param {
        spec: Spec {
            key: "fails_every",
            wire: 3,
            label: "Fails every",
            unit: "tries",
            help: "Of all its tries every such one fails; the next may do. 0 is none.",
            range: Range::Number { min: 0.0, max: 1e6, handy: 20.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.fails_every)),
        set: |c, v| c.fails_every = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "poison_every",
            wire: 4,
            label: "Poison every",
            unit: "messages",
            help: "Every such message, by its number, fails however often it is tried. 0 is none.",
            range: Range::Number { min: 0.0, max: 1e6, handy: 20.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.poison_every)),
        set: |c, v| c.poison_every = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "idempotent",
            wire: 5,
            label: "Idempotent",
            unit: "",
            help: "Whether it remembers what it has handled, by the message's number, and skips \
                   what comes again. Without, it does it twice.",
            range: Range::Switch,
        },
        get: |c| Value::Switch(c.idempotent),
        set: |c, v| c.idempotent = v == Value::Switch(true),
    },
];
