//! What can be set on an autoscaled group.

use super::super::param::{Choice, Param, Range, Value, key_of, number, of_key, row, whole};
use super::super::server::{Service, Shape, Table, choices, services, times};
use crate::node::{PARTS_MAX, Settings};
use crate::sim::{Dist, Span};

/// Who gets the next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispatch {
    /// Whoever has the fewest in hand; of equals, the next in turn.
    LeastBusy,
    /// Each in turn.
    RoundRobin,
}

/// What the controller measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// The share of the servers' cores that work.
    Utilisation,
    /// How many requests wait in each server.
    QueueDepth,
}

/// What can be set on an autoscaled group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupConfig {
    /// Fewest servers; never more than the most.
    pub min: u8,
    /// Most servers.
    pub max: u8,
    /// What is measured.
    pub metric: Metric,
    /// The share of cores to keep at work, in percent.
    pub target_utilisation: f64,
    /// Requests to keep waiting in each server.
    pub target_queue: f64,
    /// How far from the target nothing is done, in percent of it.
    pub tolerance: f64,
    /// How often the controller measures and decides, in ms.
    pub interval_ms: f64,
    /// How long a new server takes until it serves, in ms.
    pub startup_ms: f64,
    /// How long after servers were added none is added, in ms.
    pub out_cooldown_ms: f64,
    /// How long after any change no server is taken out, in ms.
    pub in_cooldown_ms: f64,
    /// Does a server finish what it has before it goes?
    pub drain: bool,
    /// How long it takes until a dead server is noticed, in ms.
    pub detection_ms: f64,
    /// What a server costs in an hour.
    pub price: f64,
    /// Who gets the next request.
    pub dispatch: Dispatch,
    /// Requests that each server works on at the same time.
    pub cores: u16,
    /// Waiting places in each server.
    pub queue_limit: u32,
    /// Mean service time in ms.
    pub service_ms: f64,
    /// How service times vary.
    pub service: Service,
    /// Log-normal service: standard deviation over mean.
    pub cv: f64,
    /// Pareto service: the exponent of the tail.
    pub alpha: f64,
    /// Listed service: the times in ms, as they were typed.
    pub list: String,
}

impl Default for GroupConfig {
    fn default() -> Self {
        GroupConfig {
            min: 2,
            max: 8,
            metric: Metric::Utilisation,
            target_utilisation: 60.0,
            target_queue: 2.0,
            tolerance: 10.0,
            interval_ms: 500.0,
            startup_ms: 2_000.0,
            out_cooldown_ms: 1_000.0,
            in_cooldown_ms: 3_000.0,
            drain: true,
            detection_ms: 500.0,
            price: 0.1,
            dispatch: Dispatch::LeastBusy,
            cores: 1,
            queue_limit: 20,
            service_ms: 50.0,
            service: Service::Exponential,
            cv: 2.0,
            alpha: 2.5,
            list: "10 20 20 50".to_owned(),
        }
    }
}

impl GroupConfig {
    /// The distribution of service times.
    pub(super) fn times(&self) -> Dist {
        let shape = Shape { service: self.service, cv: self.cv, alpha: self.alpha };
        shape.times(self.service_ms, &self.list)
    }

    /// The fewest servers there are to be.
    pub fn fewest(&self) -> u8 {
        self.min.min(self.max)
    }

    /// What is measured is to be this: a share, or requests for each server.
    pub fn target(&self) -> f64 {
        match self.metric {
            Metric::Utilisation => self.target_utilisation / 100.0,
            Metric::QueueDepth => self.target_queue,
        }
    }

    pub(super) fn interval(&self) -> Span {
        Span::from_millis_f64(self.interval_ms)
    }
}

fn dispatches() -> Table<Dispatch> {
    let row = |it, key, wire, name, rule| (it, Choice::plain(key, wire, name, rule));
    vec![
        row(
            Dispatch::LeastBusy,
            "least_busy",
            0,
            "Least busy",
            "The server with the fewest requests in hand; of equals, the next in turn. A dead \
             server has none in hand, and draws everything until it is noticed.",
        ),
        row(Dispatch::RoundRobin, "round_robin", 1, "Round robin", "Each server in turn."),
    ]
}

fn metrics() -> Table<Metric> {
    let row = |it, key, wire, name, rule| (it, Choice::plain(key, wire, name, rule));
    vec![
        row(
            Metric::Utilisation,
            "utilisation",
            0,
            "Utilisation",
            "The share of the cores that worked since the last time. It ends at 100 %, however \
             many more are wanted.",
        ),
        row(
            Metric::QueueDepth,
            "queue_depth",
            1,
            "Queue depth",
            "Requests waiting in each server, on average since the last time: how far behind they \
             are. With nobody waiting it asks for the fewest servers, busy or not.",
        ),
    ]
}

const fn real(min: f64, max: f64, handy: f64, step: f64) -> Range {
    Range::Number { min, max, handy, step, whole: false }
}

impl Settings for GroupConfig {
    const PARAMS: &'static [Param<Self>] = PARAMS;
}

/// The parameters.
const PARAMS: &[Param<GroupConfig>] = &[
    Param {
        spec: row(
            0,
            ("min", "Fewest servers", "servers"),
            whole(1.0, PARTS_MAX as f64, PARTS_MAX as f64),
            "How many servers there always are; where it is above the most, the most counts.",
        ),
        get: |c| Value::Number(f64::from(c.min)),
        set: |c, v| c.min = number(v) as u8,
    },
    Param {
        spec: row(
            1,
            ("max", "Most servers", "servers"),
            whole(1.0, PARTS_MAX as f64, PARTS_MAX as f64),
            "How many servers there can be.",
        ),
        get: |c| Value::Number(f64::from(c.max)),
        set: |c, v| c.max = number(v) as u8,
    },
    Param {
        spec: row(
            2,
            ("metric", "Scales by", ""),
            Range::Choice(|| choices(metrics())),
            "What is measured. Wanted = current servers \u{d7} measured / target, rounded up.",
        ),
        get: |c| key_of(&metrics(), &c.metric),
        set: |c, v| c.metric = of_key(&metrics(), &v).unwrap_or(c.metric),
    },
    Param {
        spec: row(
            3,
            ("target_utilisation", "Target utilisation", "%"),
            real(1.0, 100.0, 100.0, 1.0),
            "By utilisation only: the share of the cores to keep at work.",
        ),
        get: |c| Value::Number(c.target_utilisation),
        set: |c, v| c.target_utilisation = number(v),
    },
    Param {
        spec: row(
            4,
            ("target_queue", "Target queue", "waiting"),
            real(0.01, 1e4, 20.0, 0.5),
            "By queue depth only: how many requests to keep waiting in each server.",
        ),
        get: |c| Value::Number(c.target_queue),
        set: |c, v| c.target_queue = number(v),
    },
    Param {
        spec: row(
            5,
            ("tolerance", "Tolerance", "%"),
            real(0.0, 100.0, 50.0, 1.0),
            "So close to the target, in percent of it, nothing is done. Kubernetes has 10 %.",
        ),
        get: |c| Value::Number(c.tolerance),
        set: |c, v| c.tolerance = number(v),
    },
    Param {
        spec: row(
            6,
            ("interval", "Measures every", "ms"),
            real(100.0, 600_000.0, 10_000.0, 100.0),
            "How often the controller looks back at what it measured since, and decides.",
        ),
        get: |c| Value::Number(c.interval_ms),
        set: |c, v| c.interval_ms = number(v),
    },
    Param {
        spec: row(
            7,
            ("startup", "Start-up time", "ms"),
            real(0.0, 600_000.0, 10_000.0, 100.0),
            "How long a new server takes until it serves. It costs from the beginning.",
        ),
        get: |c| Value::Number(c.startup_ms),
        set: |c, v| c.startup_ms = number(v),
    },
    Param {
        spec: row(
            8,
            ("out_cooldown", "Cool-down out", "ms"),
            real(0.0, 600_000.0, 10_000.0, 100.0),
            "How long after servers were added none is added.",
        ),
        get: |c| Value::Number(c.out_cooldown_ms),
        set: |c, v| c.out_cooldown_ms = number(v),
    },
    Param {
        spec: row(
            9,
            ("in_cooldown", "Cool-down in", "ms"),
            real(0.0, 600_000.0, 20_000.0, 100.0),
            "How long after servers were added or taken out none is taken out.",
        ),
        get: |c| Value::Number(c.in_cooldown_ms),
        set: |c, v| c.in_cooldown_ms = number(v),
    },
    Param {
        spec: row(
            10,
            ("drain", "Drains first", ""),
            Range::Switch,
            "Whether a server that is taken out finishes what it has; otherwise that is lost.",
        ),
        get: |c| Value::Switch(c.drain),
        set: |c, v| c.drain = v == Value::Switch(true),
    },
    Param {
        spec: row(
            11,
            ("detection", "Detection time", "ms"),
            real(0.0, 600_000.0, 10_000.0, 100.0),
            "How long it takes to notice that a server is dead. Until then it is still chosen and \
             paid for, and what it gets fails: connection refused.",
        ),
        get: |c| Value::Number(c.detection_ms),
        set: |c, v| c.detection_ms = number(v),
    },
    Param {
        spec: row(
            12,
            ("price", "Price", "an hour"),
            real(0.0, 1e6, 2.0, 0.01),
            "What one server costs in an hour, from its start to its end.",
        ),
        get: |c| Value::Number(c.price),
        set: |c, v| c.price = number(v),
    },
    Param {
        spec: row(
            13,
            ("dispatch", "Next request to", ""),
            Range::Choice(|| choices(dispatches())),
            "Which of the servers that are up gets the next request.",
        ),
        get: |c| key_of(&dispatches(), &c.dispatch),
        set: |c, v| c.dispatch = of_key(&dispatches(), &v).unwrap_or(c.dispatch),
    },
    Param {
        spec: row(
            14,
            ("cores", "Cores", "cores"),
            whole(1.0, 64.0, 16.0),
            "How many requests each server works on at the same time.",
        ),
        get: |c| Value::Number(f64::from(c.cores)),
        set: |c, v| c.cores = number(v) as u16,
    },
    Param {
        spec: row(
            15,
            ("queue", "Queue limit", "places"),
            whole(0.0, 1e5, 100.0),
            "How many requests may wait in each server. The next one fails: queue full.",
        ),
        get: |c| Value::Number(f64::from(c.queue_limit)),
        set: |c, v| c.queue_limit = number(v) as u32,
    },
    Param {
        spec: row(
            16,
            ("service", "Service time", "ms"),
            real(0.001, 10_000.0, 500.0, 1.0),
            "How long one request keeps one core busy, on average. A list has its own times.",
        ),
        get: |c| Value::Number(c.service_ms),
        set: |c, v| c.service_ms = number(v),
    },
    Param {
        spec: row(
            17,
            ("spread", "Service times are", ""),
            Range::Choice(|| choices(services())),
            "How much service times differ from one another.",
        ),
        get: |c| key_of(&services(), &c.service),
        set: |c, v| c.service = of_key(&services(), &v).unwrap_or(c.service),
    },
    Param {
        spec: row(
            18,
            ("cv", "Spread", "of the mean"),
            real(0.01, 20.0, 5.0, 0.1),
            "Log-normal only: standard deviation over mean.",
        ),
        get: |c| Value::Number(c.cv),
        set: |c, v| c.cv = number(v),
    },
    Param {
        spec: row(
            19,
            ("alpha", "Tail exponent", ""),
            real(1.01, 100.0, 5.0, 0.1),
            "Pareto only: the smaller, the heavier the tail; no finite variance up to 2.",
        ),
        get: |c| Value::Number(c.alpha),
        set: |c, v| c.alpha = number(v),
    },
    Param {
        spec: row(
            20,
            ("list", "Times", "ms"),
            Range::Text { most: 800, check: |text| times(text).map(|_| ()), example: "5 5 5 120" },
            "From a list only: up to 100 times in ms, with spaces between them; each as likely as \
             the others.",
        ),
        get: |c| Value::Text(c.list.clone()),
        set: |c, v| {
            if let Value::Text(list) = v {
                c.list = list;
            }
        },
    },
];
