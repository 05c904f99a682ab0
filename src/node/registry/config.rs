//! What can be set on a registry.

use crate::node::Settings;
use crate::node::param::{Choice, Param, Range, Spec, Value, number};
use crate::policy::registry::{INTERVAL_MIN, Pick, Registration, Thresholds};
use crate::sim::Span;

/// How the registry finds out how an instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checking {
    /// It asks.
    Http,
    /// Instances show signs of life; one that is silent for too long is critical.
    Heartbeat,
    /// The same; how long is too long is judged by how regular they were.
    Phi,
}

/// What can be set on a registry.
#[derive(Clone, Debug, PartialEq)]
pub struct RegistryConfig {
    /// How it finds out how an instance is.
    pub check: Checking,
    /// The pause between two checks, or between two signs of life, in s.
    pub interval_s: f64,
    /// How long a check may take, in s.
    pub timeout_s: f64,
    /// For how long an instance may be silent, in s.
    pub silence_s: f64,
    /// The phi at which an instance that is silent is critical.
    pub phi: f64,
    /// Good answers in a row until an instance is passing.
    pub passes: u32,
    /// Bad ones until it is critical.
    pub failures: u32,
    /// After how long in critical state an instance asks to be struck out, in s; 0 is never.
    pub deregister_s: f64,
    /// Which of the passing instances a client takes.
    pub pick: Pick,
    /// How long a client uses a list that it read, in s; 0 reads anew for each request.
    pub ttl_s: f64,
    /// How long reading the list takes, in ms.
    pub lookup_ms: f64,
    /// Does a client leave an instance out that refused its connection, until it reads anew?
    pub forget: bool,
    /// How many of a hundred checks or signs of life are lost on their way.
    pub lost: f64,
}

impl Default for RegistryConfig {
    fn default() -> Self {
        RegistryConfig {
            check: Checking::Http,
            interval_s: 10.0,
            timeout_s: 3.0,
            silence_s: 30.0,
            phi: 8.0,
            passes: 1,
            failures: 1,
            deregister_s: 30.0,
            pick: Pick::First,
            ttl_s: 0.0,
            lookup_ms: 1.0,
            forget: false,
            lost: 0.0,
        }
    }
}

impl RegistryConfig {
    /// What an instance called `id` registers.
    pub(super) fn registration(&self, id: &str, service: &str) -> Registration {
        Registration {
            interval: self.interval(),
            timeout: Span::from_seconds_f64(self.timeout_s),
            deregister_after: Span::from_seconds_f64(self.deregister_s),
            address: id.into(),
            check_http: format!("http://{id}/health").into(),
            ..Registration::as_in_course(id, service, 80)
        }
    }

    /// The pause between two checks: no shorter than Consul has it, whatever is set.
    pub(super) fn interval(&self) -> Span {
        Span::from_seconds_f64(self.interval_s).max(INTERVAL_MIN)
    }

    /// How long a client uses a list.
    pub fn ttl(&self) -> Span {
        Span::from_seconds_f64(self.ttl_s)
    }

    pub(super) fn thresholds(&self) -> Thresholds {
        Thresholds { passes: self.passes, failures: self.failures }
    }
}

const CHECKS: [(Checking, Choice); 3] = [
    (
        Checking::Http,
        Choice::plain(
            "http",
            0,
            "The registry asks (HTTP)",
            "2xx is passing, 429 warning, anything else or no answer in time critical.",
        ),
    ),
    (
        Checking::Heartbeat,
        Choice::plain(
            "heartbeat",
            1,
            "Heartbeats, with a time limit",
            "Instances show signs of life; one that is silent for longer is critical.",
        ),
    ),
    (
        Checking::Phi,
        Choice::plain(
            "phi",
            2,
            "Heartbeats, judged by phi",
            "How surprising a silence is, after all the pauses before: Akka's accrual detector.",
        ),
    ),
];

const PICKS: [(Pick, Choice); 3] = [
    (
        Pick::First,
        Choice::plain(
            "first",
            0,
            "The first, as in the course",
            "One instance does all the work for as long as it passes.",
        ),
    ),
    (Pick::Random, Choice::plain("random", 1, "Random", "Each is as likely as the others.")),
    (Pick::RoundRobin, Choice::plain("round_robin", 2, "Round robin", "One after the other.")),
];

const CHECK: Param<RegistryConfig> = Param {
    spec: Spec {
        key: "check",
        wire: 0,
        label: "How instances are checked",
        unit: "",
        help: "How the registry finds out how an instance is. Nobody knows that one died before.",
        range: Range::Choice(|| CHECKS.iter().map(|(_, choice)| *choice).collect()),
    },
    get: |c| {
        let found = CHECKS.iter().find(|(one, _)| *one == c.check);
        Value::Choice(found.map_or("", |(_, choice)| choice.key).to_owned())
    },
    set: |c, v| {
        let Value::Choice(key) = v else { return };
        if let Some((one, _)) = CHECKS.iter().find(|(_, choice)| choice.key == key) {
            c.check = *one;
        }
    },
};

const PICK: Param<RegistryConfig> = Param {
    spec: Spec {
        key: "pick",
        wire: 8,
        label: "Clients take",
        unit: "",
        help: "Which of the passing instances a client takes.",
        range: Range::Choice(|| PICKS.iter().map(|(_, choice)| *choice).collect()),
    },
    get: |c| {
        let found = PICKS.iter().find(|(one, _)| *one == c.pick);
        Value::Choice(found.map_or("", |(_, choice)| choice.key).to_owned())
    },
    set: |c, v| {
        let Value::Choice(key) = v else { return };
        if let Some((one, _)) = PICKS.iter().find(|(_, choice)| choice.key == key) {
            c.pick = *one;
        }
    },
};

/// Seconds, from `min` to a day.
const fn seconds(min: f64, handy: f64) -> Range {
    Range::Number { min, max: 86_400.0, handy, step: 1.0, whole: false }
}

impl Settings for RegistryConfig {
    fn idle(&self, key: &str) -> bool {
        match key {
            "timeout" => self.check != Checking::Http,
            "silence" => self.check != Checking::Heartbeat,
            "phi" => self.check != Checking::Phi,
            "forget" => self.ttl_s == 0.0,
            _ => false,
        }
    }

    const PARAMS: &'static [Param<RegistryConfig>] = &[
        CHECK,
        Param {
            spec: Spec {
                key: "interval",
                wire: 1,
                label: "Pause between checks",
                unit: "s",
                help: "From the end of one check to the beginning of the next; the first comes at \
                       a random time within it. Between two heartbeats as well.",
                range: seconds(1.0, 30.0),
            },
            get: |c| Value::Number(c.interval_s),
            set: |c, v| c.interval_s = number(v),
        },
        Param {
            spec: Spec {
                key: "timeout",
                wire: 2,
                label: "Check given up after",
                unit: "s",
                help: "An answer that is not there by then is a bad one; 0 is Consul's own 10 s. \
                       Only where it asks.",
                range: seconds(0.0, 10.0),
            },
            get: |c| Value::Number(c.timeout_s),
            set: |c, v| c.timeout_s = number(v),
        },
        Param {
            spec: Spec {
                key: "silence",
                wire: 3,
                label: "Longest silence",
                unit: "s",
                help: "An instance that shows no sign of life for longer is critical. Only for \
                       heartbeats with a time limit.",
                range: seconds(0.1, 90.0),
            },
            get: |c| Value::Number(c.silence_s),
            set: |c, v| c.silence_s = number(v),
        },
        Param {
            spec: Spec {
                key: "phi",
                wire: 4,
                label: "Critical at phi",
                unit: "",
                help: "1 is one wrong decision in ten, 8 one in a hundred million. Only for \
                       heartbeats judged by phi.",
                range: Range::Number { min: 0.1, max: 100.0, handy: 16.0, step: 0.5, whole: false },
            },
            get: |c| Value::Number(c.phi),
            set: |c, v| c.phi = number(v),
        },
        Param {
            spec: Spec {
                key: "passes",
                wire: 5,
                label: "Good answers until passing",
                unit: "in a row",
                help: "How many an instance needs before it may be used.",
                range: Range::Number { min: 1.0, max: 100.0, handy: 5.0, step: 1.0, whole: true },
            },
            get: |c| Value::Number(f64::from(c.passes)),
            set: |c, v| c.passes = number(v) as u32,
        },
        Param {
            spec: Spec {
                key: "failures",
                wire: 6,
                label: "Bad answers until critical",
                unit: "in a row",
                help: "More forgive a lost check, and find out later about a dead instance.",
                range: Range::Number { min: 1.0, max: 100.0, handy: 5.0, step: 1.0, whole: true },
            },
            get: |c| Value::Number(f64::from(c.failures)),
            set: |c, v| c.failures = number(v) as u32,
        },
        Param {
            spec: Spec {
                key: "deregister",
                wire: 7,
                label: "Struck out after critical for",
                unit: "s",
                help: "0 is never. Less than a minute becomes a minute, and the reaper comes every \
                       30 s. Who was struck out registers again only when it starts.",
                range: seconds(0.0, 180.0),
            },
            get: |c| Value::Number(c.deregister_s),
            set: |c, v| c.deregister_s = number(v),
        },
        PICK,
        Param {
            spec: Spec {
                key: "ttl",
                wire: 9,
                label: "Clients keep their list for",
                unit: "s",
                help: "0 asks the registry for every request, as in the course. A list that is \
                       kept bridges a registry that is down, and hides what changed.",
                range: seconds(0.0, 60.0),
            },
            get: |c| Value::Number(c.ttl_s),
            set: |c, v| c.ttl_s = number(v),
        },
        Param {
            spec: Spec {
                key: "lookup",
                wire: 10,
                label: "Asking the registry takes",
                unit: "ms",
                help: "How long a client waits for the list.",
                range: Range::Number { min: 0.0, max: 6e4, handy: 50.0, step: 1.0, whole: false },
            },
            get: |c| Value::Number(c.lookup_ms),
            set: |c, v| c.lookup_ms = number(v),
        },
        Param {
            spec: Spec {
                key: "forget",
                wire: 11,
                label: "Clients leave out who refused",
                unit: "",
                help: "A client whose connection was refused or lost does not take that instance \
                       again until it reads the list anew. Only for lists that are kept.",
                range: Range::Switch,
            },
            get: |c| Value::Switch(c.forget),
            set: |c, v| c.forget = v == Value::Switch(true),
        },
        Param {
            spec: Spec {
                key: "lost",
                wire: 12,
                label: "Checks lost",
                unit: "%",
                help: "How many of a hundred checks or heartbeats get lost on their way, although \
                       the instance is well.",
                range: Range::Number {
                    min: 0.0,
                    max: 100.0,
                    handy: 100.0,
                    step: 1.0,
                    whole: false,
                },
            },
            get: |c| Value::Number(c.lost),
            set: |c, v| c.lost = number(v),
        },
    ];
}
