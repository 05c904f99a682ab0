//! The table of what can be set on a server.

use super::super::param::{Param, Range, Spec, Value, key_of, number, of_key};
use super::config::{
    SERVICE_MS_MAX, ServerConfig, Service, choices, disciplines, on_writes, services, times, ways,
};
use super::shed;
use crate::node::Settings;
use crate::node::tuning::Tuning;
use crate::policy::Knob;

impl Settings for ServerConfig {
    const PARAMS: &'static [Param<Self>] = PARAMS;
    const MORE: &'static [&'static [Param<Self>]] = &[shed::PARAMS];

    fn idle(&self, key: &str) -> bool {
        match key {
            "service" => self.service == Service::List,
            "cv" => self.service != Service::LogNormal,
            "alpha" => self.service != Service::Pareto,
            "list" => self.service != Service::List,
            "memory" => self.memory_per_request == 0.0,
            "network" => self.response_kb == 0.0,
            _ => false,
        }
    }

    fn algorithm(&self) -> Option<(&'static str, &'static [Knob])> {
        self.shedding.algorithm()
    }

    fn tuning(&self) -> Option<&Tuning> {
        Some(&self.shedding.tuning)
    }

    fn tuning_mut(&mut self) -> Option<&mut Tuning> {
        Some(&mut self.shedding.tuning)
    }
}

/// The parameters.
const PARAMS: &[Param<ServerConfig>] = &[
    Param {
        spec: Spec {
            key: "service",
            wire: 0,
            label: "Service time",
            unit: "ms",
            help: "How long one request keeps one core busy, on average. A list has its own times.",
            range: Range::Number {
                min: 0.001,
                max: SERVICE_MS_MAX,
                handy: 500.0,
                step: 1.0,
                whole: false,
            },
        },
        get: |c| Value::Number(c.service_ms),
        set: |c, v| c.service_ms = number(v),
    },
    Param {
        spec: Spec {
            key: "spread",
            wire: 1,
            label: "Service times are",
            unit: "",
            help: "How much service times differ from one another.",
            range: Range::Choice(|| choices(services())),
        },
        get: |c| key_of(&services(), &c.service),
        set: |c, v| c.service = of_key(&services(), &v).unwrap_or(c.service),
    },
    Param {
        spec: Spec {
            key: "cv",
            wire: 8,
            label: "Spread",
            unit: "of the mean",
            help: "Log-normal only: standard deviation over mean.",
            range: Range::Number { min: 0.01, max: 20.0, handy: 5.0, step: 0.1, whole: false },
        },
        get: |c| Value::Number(c.cv),
        set: |c, v| c.cv = number(v),
    },
    Param {
        spec: Spec {
            key: "alpha",
            wire: 9,
            label: "Tail exponent",
            unit: "",
            help: "Pareto only: the smaller, the heavier the tail; no finite variance up to 2.",
            range: Range::Number { min: 1.01, max: 100.0, handy: 5.0, step: 0.1, whole: false },
        },
        get: |c| Value::Number(c.alpha),
        set: |c, v| c.alpha = number(v),
    },
    Param {
        spec: Spec {
            key: "list",
            wire: 10,
            label: "Times",
            unit: "ms",
            help: "From a list only: up to 100 times in ms, with spaces between them; each as \
                   likely as the others.",
            range: Range::Text {
                most: 800,
                check: |text| times(text).map(|_| ()),
                example: "5 5 5 120",
            },
        },
        get: |c| Value::Text(c.list.clone()),
        set: |c, v| {
            if let Value::Text(list) = v {
                c.list = list;
            }
        },
    },
    Param {
        spec: Spec {
            key: "cores",
            wire: 2,
            label: "Cores",
            unit: "cores",
            help: "How many requests it works on at the same time.",
            range: Range::Number { min: 1.0, max: 1_024.0, handy: 16.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.cores)),
        set: |c, v| c.cores = number(v) as u16,
    },
    Param {
        spec: Spec {
            key: "discipline",
            wire: 11,
            label: "Who is next",
            unit: "",
            help: "Who gets a core when more requests are there than cores.",
            range: Range::Choice(|| choices(disciplines())),
        },
        get: |c| key_of(&disciplines(), &c.discipline),
        set: |c, v| c.discipline = of_key(&disciplines(), &v).unwrap_or(c.discipline),
    },
    Param {
        spec: Spec {
            key: "queue",
            wire: 3,
            label: "Queue limit",
            unit: "places",
            help: "How many requests may wait for a core. The next one fails: queue full.",
            range: Range::Number { min: 0.0, max: 1e6, handy: 100.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.queue_limit)),
        set: |c, v| c.queue_limit = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "memory",
            wire: 12,
            label: "Memory",
            unit: "GB",
            help: "Requests that find no room in it are refused: memory full. 1 GB is 1,000 MB.",
            range: Range::Number { min: 0.1, max: 1e6, handy: 128.0, step: 1.0, whole: false },
        },
        get: |c| Value::Number(c.memory_gb),
        set: |c, v| c.memory_gb = number(v),
    },
    Param {
        spec: Spec {
            key: "memory_per_request",
            wire: 13,
            label: "Memory per request",
            unit: "MB",
            help: "How much of the memory a request holds from its arrival until its answer has \
                   left; 0 is nothing.",
            range: Range::Number { min: 0.0, max: 1e6, handy: 500.0, step: 1.0, whole: false },
        },
        get: |c| Value::Number(c.memory_per_request),
        set: |c, v| c.memory_per_request = number(v),
    },
    Param {
        spec: Spec {
            key: "network",
            wire: 14,
            label: "Network",
            unit: "Gbps",
            help: "How fast answers go out, one after another.",
            range: Range::Number { min: 0.001, max: 1e4, handy: 100.0, step: 1.0, whole: false },
        },
        get: |c| Value::Number(c.network_gbps),
        set: |c, v| c.network_gbps = number(v),
    },
    Param {
        spec: Spec {
            key: "response_kb",
            wire: 15,
            label: "Size of an answer",
            unit: "KB",
            help: "What goes out through the network for each answer; failures are short and take \
                   no time.",
            range: Range::Number { min: 0.0, max: 1e7, handy: 5e3, step: 10.0, whole: false },
        },
        get: |c| Value::Number(c.response_kb),
        set: |c, v| c.response_kb = number(v),
    },
    Param {
        spec: Spec {
            key: "calls",
            wire: 16,
            label: "Asks those behind it",
            unit: "",
            help: "How it asks the nodes it is wired to, once it has worked on the request itself.",
            range: Range::Choice(|| choices(ways())),
        },
        get: |c| key_of(&ways(), &c.calls),
        set: |c, v| c.calls = of_key(&ways(), &v).unwrap_or(c.calls),
    },
    Param {
        spec: Spec {
            key: "hold",
            wire: 17,
            label: "Holds a core meanwhile",
            unit: "",
            help: "Whether a request keeps its core while others are asked, as a thread that waits \
                   does; otherwise the core is free for the next at once.",
            range: Range::Switch,
        },
        get: |c| Value::Switch(c.hold),
        set: |c, v| c.hold = v == Value::Switch(true),
    },
    Param {
        spec: Spec {
            key: "on_write",
            wire: 18,
            label: "On a write",
            unit: "",
            help: "What a write does to the cache that this server manages, once the store has it.",
            range: Range::Choice(|| choices(on_writes())),
        },
        get: |c| key_of(&on_writes(), &c.on_write),
        set: |c, v| c.on_write = of_key(&on_writes(), &v).unwrap_or(c.on_write),
    },
    Param {
        spec: Spec {
            key: "weight",
            wire: 4,
            label: "Weight",
            unit: "",
            help: "Its share in weighted strategies, against the weights of the others.",
            range: Range::Number { min: -1e3, max: 1e6, handy: 10.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(c.weight as f64),
        set: |c, v| c.weight = number(v) as i64,
    },
    Param {
        spec: Spec {
            key: "healthy",
            wire: 5,
            label: "Marked healthy",
            unit: "",
            help: "The switch of the course: a balancer skips a server marked unhealthy, \
                   although it would still answer.",
            range: Range::Switch,
        },
        get: |c| Value::Switch(c.healthy),
        set: |c, v| c.healthy = v == Value::Switch(true),
    },
    Param {
        spec: Spec {
            key: "in_flight_max",
            wire: 6,
            label: "Most in flight",
            unit: "requests",
            help: "How many requests a balancer may have sent it and not had back; 0 is no limit. \
                   Only nginx's and HAProxy's strategies look at it.",
            range: Range::Number { min: 0.0, max: 1e6, handy: 20.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.in_flight_max)),
        set: |c, v| c.in_flight_max = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "backup",
            wire: 7,
            label: "Backup",
            unit: "",
            help: "Gets requests only when no other server can be chosen. \
                   Only nginx's and HAProxy's strategies look at it.",
            range: Range::Switch,
        },
        get: |c| Value::Switch(c.backup),
        set: |c, v| c.backup = v == Value::Switch(true),
    },
];
