//! The table of a gateway's parameters.

use super::config::{GatewayConfig, Per};
use crate::node::param::{Choice, Param, Range, Spec, Value, number};
use crate::policy::gateway::Routes;
use crate::policy::{balance, guard};

const NONE: Choice = Choice::plain("none", 0, "None", "This filter is not there.");

/// The limiters on offer.
const LIMITERS: [&str; 6] =
    ["token_bucket", "leaky_bucket", "fixed_window", "sliding_counter", "sliding_log", "gcra"];
const BREAKERS: [&str; 2] = ["hystrix", "resilience4j"];
const BUDGETS: [&str; 2] = ["finagle_budget", "envoy_budget"];
const BACKOFFS: [&str; 6] = [
    "no_backoff",
    "fixed_backoff",
    "exponential_backoff",
    "full_jitter",
    "equal_jitter",
    "decorrelated_jitter",
];

/// `None` and these guards. Numbers in links are those of the catalogue and one more.
fn or_none(keys: &[&str]) -> Vec<Choice> {
    let entries = keys.iter().filter_map(|key| guard::find(key));
    let choice = |entry| {
        let choice = Choice::of(entry);
        Choice { wire: choice.wire + 1, ..choice }
    };
    [NONE].into_iter().chain(entries.map(choice)).collect()
}

fn chosen(key: &'static str) -> Value {
    Value::Choice(if key.is_empty() { "none" } else { key }.to_owned())
}

/// The catalogue's own text for a choice; empty for none.
fn guard_of(value: &Value) -> &'static str {
    match value {
        Value::Choice(key) => guard::find(key).map_or("", |entry| entry.key),
        Value::Number(_) | Value::Switch(_) | Value::Text(_) => "",
    }
}

const PERS: [(Per, Choice); 3] = [
    (Per::All, Choice::plain("all", 0, "All together", "One limit for everything.")),
    (Per::Service, Choice::plain("service", 1, "Each service", "One limit for each service.")),
    (
        Per::Address,
        Choice::plain("address", 2, "Each address", "One limit for each client address."),
    ),
];

const fn percent(min: f64) -> Range {
    Range::Number { min, max: 100.0, handy: 100.0, step: 1.0, whole: false }
}

const fn milliseconds(handy: f64) -> Range {
    Range::Number { min: 0.0, max: 3.6e6, handy, step: 10.0, whole: false }
}

/// All of them, in the order in which a request meets what they set.
pub(super) const ALL: &[Param<GatewayConfig>] = &[
    Param {
        spec: Spec {
            key: "routes",
            wire: 0,
            label: "Routes",
            unit: "",
            help: "service: instances by name, or * for all; more routes after a semicolon. A \
                   service may have paths (users/admin: s3) and a canary (users: s1 canary s2).",
            range: Range::Text {
                most: 2_000,
                check: |text| Routes::parse(text).map(|_| ()),
                example: "user: s1 s2; orders: s3",
            },
        },
        get: |c| Value::Text(c.routes.clone()),
        set: |c, v| {
            let Value::Text(text) = v else { return };
            c.routes = text;
        },
    },
    Param {
        spec: Spec {
            key: "shared",
            wire: 1,
            label: "One balancer for all services, as in the course",
            unit: "",
            help: "Off: one balancer for each route. On: one for all instances, whatever service \
                   they are of, so requests land on servers of other services.",
            range: Range::Switch,
        },
        get: |c| Value::Switch(c.shared),
        set: |c, v| c.shared = v == Value::Switch(true),
    },
    Param {
        spec: Spec {
            key: "strategy",
            wire: 2,
            label: "Balancing",
            unit: "",
            help: "How an instance is chosen, with the strategies' usual settings.",
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
            key: "auth",
            wire: 3,
            label: "Refuse without a token",
            unit: "",
            help: "Requests from addresses without a token are refused at the door.",
            range: Range::Switch,
        },
        get: |c| Value::Switch(c.auth),
        set: |c, v| c.auth = v == Value::Switch(true),
    },
    Param {
        spec: Spec {
            key: "no_token",
            wire: 4,
            label: "Addresses without a token",
            unit: "%",
            help: "Which ones is drawn by a hash of the address. Only if they are refused.",
            range: percent(0.0),
        },
        get: |c| Value::Number(c.no_token),
        set: |c, v| c.no_token = number(v),
    },
    Param {
        spec: Spec {
            key: "limiter",
            wire: 5,
            label: "Rate limit",
            unit: "",
            help: "How many are let in; its settings are at the end of the list.",
            range: Range::Choice(|| or_none(&LIMITERS)),
        },
        get: |c| chosen(c.limit),
        set: |c, v| c.limit = guard_of(&v),
    },
    Param {
        spec: Spec {
            key: "limit_per",
            wire: 6,
            label: "The limit is for",
            unit: "",
            help: "Who shares a limit. Only with a rate limit.",
            range: Range::Choice(|| PERS.iter().map(|(_, choice)| *choice).collect()),
        },
        get: |c| {
            let found = PERS.iter().find(|(per, _)| *per == c.per);
            Value::Choice(found.map_or("", |(_, choice)| choice.key).to_owned())
        },
        set: |c, v| {
            let Value::Choice(key) = v else { return };
            if let Some((per, _)) = PERS.iter().find(|(_, choice)| choice.key == key) {
                c.per = *per;
            }
        },
    },
    Param {
        spec: Spec {
            key: "under_way",
            wire: 7,
            label: "At most under way",
            unit: "requests",
            help: "More at once are shed, so that nobody waits behind them; 0 is no limit.",
            range: Range::Number { min: 0.0, max: 1e6, handy: 100.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.most)),
        set: |c, v| c.most = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "canary",
            wire: 8,
            label: "Addresses that get the canary",
            unit: "%",
            help: "Which ones is drawn by a hash of the address, so nobody goes back and forth. \
                   Only for routes with a canary, and not with one balancer for all.",
            range: percent(0.0),
        },
        get: |c| Value::Number(c.canary),
        set: |c, v| c.canary = number(v),
    },
    Param {
        spec: Spec {
            key: "breaker",
            wire: 9,
            label: "Circuit breaker",
            unit: "",
            help: "One for each instance: when too many fail there, nobody asks it for a while.",
            range: Range::Choice(|| or_none(&BREAKERS)),
        },
        get: |c| chosen(c.breaker),
        set: |c, v| c.breaker = guard_of(&v),
    },
    Param {
        spec: Spec {
            key: "breaker_percent",
            wire: 10,
            label: "Breaker opens at",
            unit: "%",
            help: "How many of a hundred must fail. Only with a circuit breaker.",
            range: Range::Number { min: 1.0, max: 100.0, handy: 100.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(c.breaker_percent),
        set: |c, v| c.breaker_percent = number(v),
    },
    Param {
        spec: Spec {
            key: "breaker_calls",
            wire: 11,
            label: "Breaker needs at least",
            unit: "calls",
            help: "With fewer it never opens. Only with a circuit breaker.",
            range: Range::Number { min: 1.0, max: 10_000.0, handy: 100.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.breaker_calls)),
        set: |c, v| c.breaker_calls = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "breaker_open",
            wire: 12,
            label: "Breaker stays open for",
            unit: "s",
            help: "Then trials decide. Only with a circuit breaker.",
            range: Range::Number { min: 0.1, max: 600.0, handy: 60.0, step: 0.1, whole: false },
        },
        get: |c| Value::Number(c.breaker_open_s),
        set: |c, v| c.breaker_open_s = number(v),
    },
    Param {
        spec: Spec {
            key: "timeout",
            wire: 13,
            label: "An attempt is given up after",
            unit: "ms",
            help: "Its answer is dropped when it comes; the server works on it all the same. 0 is \
                   never.",
            range: milliseconds(2_000.0),
        },
        get: |c| Value::Number(c.timeout_ms),
        set: |c, v| c.timeout_ms = number(v),
    },
    Param {
        spec: Spec {
            key: "retries",
            wire: 14,
            label: "Retries",
            unit: "",
            help: "How many attempts after the first, when one was refused, lost or given up.",
            range: Range::Number { min: 0.0, max: 10.0, handy: 5.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.retries)),
        set: |c, v| c.retries = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "backoff",
            wire: 15,
            label: "Wait before a retry",
            unit: "",
            help: "How the wait grows, and how it is spread. Only with retries.",
            range: Range::Choice(|| {
                BACKOFFS.iter().filter_map(|key| guard::find(key)).map(Choice::of).collect()
            }),
        },
        get: |c| Value::Choice(c.backoff.to_owned()),
        set: |c, v| {
            if guard::find(guard_of(&v)).is_some() {
                c.backoff = guard_of(&v);
            }
        },
    },
    Param {
        spec: Spec {
            key: "backoff_base",
            wire: 16,
            label: "Base of the wait",
            unit: "ms",
            help: "What is waited, or doubled. Only with retries that wait.",
            range: milliseconds(500.0),
        },
        get: |c| Value::Number(c.backoff_ms),
        set: |c, v| c.backoff_ms = number(v),
    },
    Param {
        spec: Spec {
            key: "budget",
            wire: 17,
            label: "Retry budget",
            unit: "",
            help: "Retries are a share of the traffic and no more, so they cannot drown it. Only \
                   with retries.",
            range: Range::Choice(|| or_none(&BUDGETS)),
        },
        get: |c| chosen(c.budget),
        set: |c, v| c.budget = guard_of(&v),
    },
    Param {
        spec: Spec {
            key: "budget_percent",
            wire: 18,
            label: "The budget allows",
            unit: "%",
            help: "Retries for a hundred requests. Only with a retry budget.",
            range: percent(0.0),
        },
        get: |c| Value::Number(c.budget_percent),
        set: |c, v| c.budget_percent = number(v),
    },
    Param {
        spec: Spec {
            key: "deadline",
            wire: 19,
            label: "All attempts together",
            unit: "ms",
            help: "A request that is not answered by then fails, whatever is out. 0 is never.",
            range: milliseconds(5_000.0),
        },
        get: |c| Value::Number(c.deadline_ms),
        set: |c, v| c.deadline_ms = number(v),
    },
];
