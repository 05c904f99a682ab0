//! What can be set on how clients ask: time limits, attempts, waits between them, budgets, hedges,
//! a deadline, and guards.

use super::super::guarded;
use super::super::param::{Choice, Param, Range, Spec, Value, number};
use super::super::tuning::Tuning;
use super::ClientsConfig;
use crate::policy::Knob;
use crate::policy::guard::{self, Backoff, Guard};
use crate::sim::Span;

/// The ways to wait between attempts.
const WAITS: [&str; 8] = [
    "no_backoff",
    "fixed_backoff",
    "exponential_backoff",
    "full_jitter",
    "equal_jitter",
    "decorrelated_jitter",
    "botocore_backoff",
    "randomized_backoff",
];
/// The retry budgets.
const BUDGETS: [&str; 4] = ["finagle_budget", "envoy_budget", "retry_quota", "grpc_throttle"];

/// How clients ask.
#[derive(Clone, Debug)]
pub struct CallConfig {
    /// How long an attempt may take, in ms; 0 is no limit.
    pub timeout_ms: f64,
    /// How many attempts there may be, the first included.
    pub tries: u32,
    /// How long to wait between attempts, from the catalogue of guards.
    pub backoff: &'static str,
    /// The wait, or what grows, in ms.
    pub base_ms: f64,
    /// No wait is longer, in ms.
    pub cap_ms: f64,
    /// The retry budget, from the catalogue of guards; none if empty.
    pub budget: &'static str,
    /// The budgets' own settings.
    pub tuning: Tuning,
    /// After how many ms without an answer a second attempt goes out beside the first; 0 is never.
    pub hedge_ms: f64,
    /// How long all attempts together may take, in ms; 0 is no limit.
    pub deadline_ms: f64,
}

impl Default for CallConfig {
    fn default() -> Self {
        CallConfig {
            timeout_ms: 0.0,
            tries: 1,
            backoff: "no_backoff",
            base_ms: 50.0,
            cap_ms: 2_000.0,
            budget: "",
            tuning: Tuning::default(),
            hedge_ms: 0.0,
            deadline_ms: 0.0,
        }
    }
}

impl PartialEq for CallConfig {
    fn eq(&self, other: &CallConfig) -> bool {
        let own = |c: &CallConfig| {
            let times = [c.timeout_ms, c.base_ms, c.cap_ms, c.hedge_ms, c.deadline_ms];
            (times, c.tries, c.backoff)
        };
        own(self) == own(other) && self.same_budget(other)
    }
}

impl CallConfig {
    /// The budget: its key, and what can be set on it.
    pub(super) fn algorithm(&self) -> Option<(&'static str, &'static [Knob])> {
        guard::find(self.budget).map(|entry| (entry.key, entry.knobs))
    }

    /// Is the budget the same?
    pub(super) fn same_budget(&self, other: &CallConfig) -> bool {
        let set = |c: &CallConfig, knob: &Knob| c.tuning.of(c.budget).get(knob);
        let knobs = self.algorithm().map_or(&[][..], |(_, knobs)| knobs);
        self.budget == other.budget && knobs.iter().all(|knob| set(self, knob) == set(other, knob))
    }

    /// Is a request sent once and then waited for, however long it takes?
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        let limits = self.timeout_ms + self.hedge_ms + self.deadline_ms;
        limits <= 0.0 && self.tries < 2
    }

    /// A new budget.
    pub(super) fn new_budget(&self) -> Option<Box<dyn Guard>> {
        guard::make(self.budget, self.tuning.of(self.budget))
    }

    /// How long to wait between attempts.
    pub(super) fn waits(&self) -> Option<Box<dyn Backoff>> {
        let (base, cap) = (self.base_ms, self.cap_ms);
        guarded::waits(self.backoff, &[("base_ms", base), ("wait_ms", base), ("cap_ms", cap)])
    }

    /// Does the parameter with this name make no difference?
    pub(super) fn idle(&self, key: &str) -> bool {
        let once = self.tries < 2;
        match key {
            "backoff" => once,
            "budget" => once && self.hedge_ms <= 0.0,
            "backoff_base" => once || self.backoff == "no_backoff",
            "backoff_cap" => {
                let free = ["no_backoff", "fixed_backoff", "randomized_backoff"];
                once || free.contains(&self.backoff)
            }
            _ => false,
        }
    }
}

/// A number of ms, or 0 for none.
pub(super) fn span_of(ms: f64) -> Option<Span> {
    (ms > 0.0).then(|| Span::from_millis_f64(ms))
}

/// Times that are 0 where there is none.
const MS: Range =
    Range::Number { min: 0.0, max: 60_000.0, handy: 2_000.0, step: 10.0, whole: false };

/// The parameters.
pub(super) const PARAMS: &[Param<ClientsConfig>] = &[
    Param {
        spec: Spec {
            key: "timeout",
            wire: 14,
            label: "Timeout",
            unit: "ms",
            help: "How long an attempt may take. The server goes on with it all the same, and its \
                   answer is dropped. 0 is no limit.",
            range: MS,
        },
        get: |c| Value::Number(c.calls.timeout_ms),
        set: |c, v| c.calls.timeout_ms = number(v),
    },
    Param {
        spec: Spec {
            key: "tries",
            wire: 15,
            label: "Attempts",
            unit: "attempts",
            help: "How many attempts there may be for a request, the first included. 1: no retry.",
            range: Range::Number { min: 1.0, max: 10.0, handy: 5.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.calls.tries)),
        set: |c, v| c.calls.tries = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "backoff",
            wire: 16,
            label: "Wait between attempts",
            unit: "",
            help: "How long to wait before another attempt.",
            range: Range::Choice(|| {
                WAITS.iter().filter_map(|key| guard::find(key)).map(Choice::of).collect()
            }),
        },
        get: |c| Value::Choice(c.calls.backoff.to_owned()),
        set: |c, v| {
            if let Some(key) = guarded::of_key(&WAITS, &v) {
                c.calls.backoff = key;
            }
        },
    },
    Param {
        spec: Spec {
            key: "backoff_base",
            wire: 17,
            label: "Wait begins at",
            unit: "ms",
            help: "The fixed wait, or what grows with each attempt.",
            range: MS,
        },
        get: |c| Value::Number(c.calls.base_ms),
        set: |c, v| c.calls.base_ms = number(v),
    },
    Param {
        spec: Spec {
            key: "backoff_cap",
            wire: 18,
            label: "Wait at most",
            unit: "ms",
            help: "No wait is longer than this.",
            range: MS,
        },
        get: |c| Value::Number(c.calls.cap_ms),
        set: |c, v| c.calls.cap_ms = number(v),
    },
    Param {
        spec: Spec {
            key: "budget",
            wire: 19,
            label: "Retry budget",
            unit: "",
            help: "Whether retries and hedges must be paid for by first attempts.",
            range: Range::Choice(|| {
                guarded::choices(&BUDGETS, "Every retry that the attempts allow is made.")
            }),
        },
        get: |c| guarded::key_of(c.calls.budget),
        set: |c, v| {
            if let Some(key) = guarded::of_key(&BUDGETS, &v) {
                c.calls.budget = key;
            }
        },
    },
    Param {
        spec: Spec {
            key: "hedge",
            wire: 20,
            label: "Hedge after",
            unit: "ms",
            help: "Without an answer for so long a second attempt goes out beside the first; the \
                   first answer wins. 0 is never.",
            range: MS,
        },
        get: |c| Value::Number(c.calls.hedge_ms),
        set: |c, v| c.calls.hedge_ms = number(v),
    },
    Param {
        spec: Spec {
            key: "deadline",
            wire: 21,
            label: "Deadline",
            unit: "ms",
            help: "How long all attempts together may take. It travels with the request, so that \
                   a server can drop what is too late. 0 is none.",
            range: MS,
        },
        get: |c| Value::Number(c.calls.deadline_ms),
        set: |c, v| c.calls.deadline_ms = number(v),
    },
];
