//! What can be set on a balancer: settings, their defaults and their tables.

use super::super::Settings;
use super::super::guarded::{self, GuardConfig, guard_params};
use super::super::param::{Choice, Param, Range, Spec, Value, number};
use super::super::tuning::Tuning;
use super::health::{Health, HealthConfig};
use super::queue::QueueConfig;
use crate::policy::Knob;
use crate::policy::balance;

/// What can be set on a balancer.
#[derive(Clone, Debug)]
pub struct BalancerConfig {
    /// The strategy, from the catalogue.
    pub strategy: &'static str,
    /// The strategies' own settings.
    pub tuning: Tuning,
    /// How many servers a request may try.
    pub tries: u8,
    /// How it finds out which servers may be used.
    pub health: HealthConfig,
    /// How many requests a server may have, and how many may wait for one.
    pub queue: QueueConfig,
    /// What stands between it and each server.
    pub guards: GuardConfig,
}

impl BalancerConfig {
    /// The catalogue entry of the strategy.
    pub fn entry(&self) -> &'static balance::Entry {
        balance::find(self.strategy).unwrap_or(balance::CATALOGUE[0])
    }
}

impl PartialEq for BalancerConfig {
    fn eq(&self, other: &BalancerConfig) -> bool {
        let set = |c: &BalancerConfig, knob: &Knob| c.tuning.of(c.strategy).get(knob);
        self.strategy == other.strategy
            && self.tries == other.tries
            && self.health == other.health
            && self.queue == other.queue
            && self.guards == other.guards
            && self.entry().knobs.iter().all(|knob| set(self, knob) == set(other, knob))
    }
}

impl Default for BalancerConfig {
    fn default() -> Self {
        BalancerConfig {
            strategy: balance::CATALOGUE[0].key,
            tuning: Tuning::default(),
            tries: 1,
            health: HealthConfig::default(),
            queue: QueueConfig::default(),
            guards: GuardConfig::default(),
        }
    }
}

impl Settings for BalancerConfig {
    const PARAMS: &'static [Param<Self>] = PARAMS;
    const MORE: &'static [&'static [Param<Self>]] = &[HEALTH, QUEUE, GUARDS];

    fn idle(&self, key: &str) -> bool {
        self.health.idle(key)
            || self.guards.idle(key)
            || (key == "queue_timeout" && self.queue.places == 0)
    }

    fn algorithm(&self) -> Option<(&'static str, &'static [Knob])> {
        Some((self.strategy, self.entry().knobs))
    }

    fn tuning(&self) -> Option<&Tuning> {
        Some(&self.tuning)
    }

    fn tuning_mut(&mut self) -> Option<&mut Tuning> {
        Some(&mut self.tuning)
    }
}

const GUARDS: &[Param<BalancerConfig>] = guard_params!(BalancerConfig, 20);

/// The parameters.
const PARAMS: &[Param<BalancerConfig>] = &[
    Param {
        spec: Spec {
            key: "strategy",
            wire: 0,
            label: "Strategy",
            unit: "",
            help: "How it chooses a server for each request.",
            range: Range::Choice(|| balance::CATALOGUE.iter().map(|e| Choice::of(e)).collect()),
        },
        get: |c| Value::Choice(c.strategy.to_owned()),
        set: |c, v| {
            let Value::Choice(key) = v else { return };
            if let Some(entry) = balance::find(&key) {
                c.strategy = entry.key;
            }
        },
    },
    Param {
        spec: Spec {
            key: "tries",
            wire: 1,
            label: "Servers tried",
            unit: "servers",
            help: "How many servers a request may try: the strategy is asked again when a \
                   connection was refused or lost. 1 is no second try.",
            range: Range::Number { min: 1.0, max: 16.0, handy: 5.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.tries)),
        set: |c, v| c.tries = number(v) as u8,
    },
];

/// How it finds out which servers may be used.
const HEALTH: &[Param<BalancerConfig>] = &[
    Param {
        spec: Spec {
            key: "health",
            wire: 2,
            label: "Health",
            unit: "",
            help: "How it finds out which servers may be used. Draining is an order, obeyed at \
                   once however it finds out the rest.",
            range: Range::Choice(|| Health::ALL.iter().map(|(_, choice)| *choice).collect()),
        },
        get: |c| {
            let found = Health::ALL.iter().find(|(health, _)| *health == c.health.how);
            Value::Choice(found.map_or("", |(_, choice)| choice.key).to_owned())
        },
        set: |c, v| {
            let Value::Choice(key) = v else { return };
            if let Some((health, _)) = Health::ALL.iter().find(|(_, one)| one.key == key) {
                c.health.how = *health;
            }
        },
    },
    Param {
        spec: Spec {
            key: "check_interval",
            wire: 3,
            label: "Checks every",
            unit: "ms",
            help: "How long after a check has ended the next one goes out.",
            range: Range::Number { min: 10.0, max: 6e5, handy: 5e3, step: 100.0, whole: false },
        },
        get: |c| Value::Number(c.health.interval_ms),
        set: |c, v| c.health.interval_ms = number(v),
    },
    Param {
        spec: Spec {
            key: "check_timeout",
            wire: 4,
            label: "Check takes at most",
            unit: "ms",
            help: "A check without an answer for so long is a bad one.",
            range: Range::Number { min: 1.0, max: 6e5, handy: 5e3, step: 100.0, whole: false },
        },
        get: |c| Value::Number(c.health.timeout_ms),
        set: |c, v| c.health.timeout_ms = number(v),
    },
    Param {
        spec: Spec {
            key: "fall",
            wire: 5,
            label: "Bad checks to be down",
            unit: "checks",
            help: "How many bad checks in a row it takes until a server is not used any more.",
            range: Range::Number { min: 1.0, max: 100.0, handy: 10.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.health.fall)),
        set: |c, v| c.health.fall = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "rise",
            wire: 6,
            label: "Good checks to be up",
            unit: "checks",
            help: "How many good checks in a row it takes until a server is used again.",
            range: Range::Number { min: 1.0, max: 100.0, handy: 10.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.health.rise)),
        set: |c, v| c.health.rise = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "out_after",
            wire: 7,
            label: "Failures to be out",
            unit: "failures",
            help: "How many failures it takes until a server is left out: refused or lost \
                   connections, and, where errors count, errors in a row.",
            range: Range::Number { min: 1.0, max: 1e3, handy: 10.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.health.max_fails)),
        set: |c, v| c.health.max_fails = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "out_for",
            wire: 8,
            label: "Out for",
            unit: "s",
            help: "How long a server is left out after its failures. Outlier detection takes whole \
                   seconds, at least 1, and adds as much again for each time it was out already.",
            range: Range::Number { min: 0.05, max: 3600.0, handy: 30.0, step: 1.0, whole: false },
        },
        get: |c| Value::Number(c.health.fail_timeout_s),
        set: |c, v| c.health.fail_timeout_s = number(v),
    },
    Param {
        spec: Spec {
            key: "max_ejected",
            wire: 9,
            label: "Out at once",
            unit: "% of servers",
            help: "Outlier detection leaves nobody else out while this many of a hundred servers \
                   are out.",
            range: Range::Number { min: 1.0, max: 100.0, handy: 100.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.health.max_ejected)),
        set: |c, v| c.health.max_ejected = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "panic",
            wire: 10,
            label: "Panic below",
            unit: "% usable",
            help: "With fewer usable servers of a hundred it uses all of them: better some \
                   failures than the whole load on the few. 0 is never.",
            range: Range::Number { min: 0.0, max: 100.0, handy: 50.0, step: 1.0, whole: false },
        },
        get: |c| Value::Number(c.health.panic_percent),
        set: |c, v| c.health.panic_percent = number(v),
    },
    Param {
        spec: Spec {
            key: "slow_start",
            wire: 11,
            label: "Slow start",
            unit: "s",
            help: "For so long after a server may be used again it gets less than its strategy \
                   gives it: a share that grows evenly, from a tenth to all. 0 is all at once.",
            range: Range::Number { min: 0.0, max: 3600.0, handy: 30.0, step: 1.0, whole: false },
        },
        get: |c| Value::Number(c.health.slow_start_s),
        set: |c, v| c.health.slow_start_s = number(v),
    },
];

/// How many requests a server may have, and how many may wait for one.
const QUEUE: &[Param<BalancerConfig>] = &[
    Param {
        spec: Spec {
            key: "connections",
            wire: 12,
            label: "Connections per server",
            unit: "requests",
            help: "How many requests a server may have that were not answered yet, unless it has a \
                   limit of its own (HAProxy's maxconn); 0 is no limit.",
            range: Range::Number { min: 0.0, max: 1e6, handy: 20.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.queue.connections)),
        set: |c, v| c.queue.connections = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "queue",
            wire: 13,
            label: "Waiting places",
            unit: "requests",
            help: "How many requests may wait here for a server that has room. With 0 nobody \
                   waits: a request that finds all servers full fails.",
            range: Range::Number { min: 0.0, max: 1e6, handy: 100.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.queue.places)),
        set: |c, v| c.queue.places = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "queue_timeout",
            wire: 14,
            label: "Waits at most",
            unit: "ms",
            help: "A request that has waited here for so long fails (HAProxy's timeout queue); 0 \
                   is no limit.",
            range: Range::Number { min: 0.0, max: 6e5, handy: 1e3, step: 100.0, whole: false },
        },
        get: |c| Value::Number(c.queue.timeout_ms),
        set: |c, v| c.queue.timeout_ms = number(v),
    },
];
