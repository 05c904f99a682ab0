//! What can be set on a gateway.

use super::params;
use crate::node::param::Param;
use crate::node::tuning::Tuning;
use crate::node::{Settings, Value};
use crate::policy::gateway::Routes;
use crate::policy::guard::{self, Backoff, Guard, Make};
use crate::policy::{Knob, Knobs, balance};
use crate::sim::Span;

/// Who shares a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// All requests.
    All,
    /// Those for one service.
    Service,
    /// Those from one address.
    Address,
}

/// What can be set on a gateway. Filters that are 0 or `none` are not there.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// The table of routes, as text.
    pub routes: String,
    /// One balancer for all services, as in the course? Otherwise one for each.
    pub shared: bool,
    /// The balancers' strategy, from the catalogue.
    pub strategy: &'static str,
    /// Are requests without a token refused?
    pub auth: bool,
    /// How many of a hundred addresses have no token.
    pub no_token: f64,
    /// The rate limiter, from the catalogue of guards; none if empty.
    pub limit: &'static str,
    /// The limiters' own settings.
    pub tuning: Tuning,
    /// Who shares a limit.
    pub per: Per,
    /// The most requests under way; 0 is no limit.
    pub most: u32,
    /// How many of a hundred addresses go to a route's canary.
    pub canary: f64,
    /// The circuit breaker for each instance, from the catalogue of guards; none if empty.
    pub breaker: &'static str,
    /// How many of a hundred must fail for it to open.
    pub breaker_percent: f64,
    /// With fewer calls it never opens.
    pub breaker_calls: u32,
    /// For how long it is open, in s.
    pub breaker_open_s: f64,
    /// How long an attempt may take, in ms; 0 is no limit.
    pub timeout_ms: f64,
    /// How many attempts there may be after the first.
    pub retries: u32,
    /// How long to wait between attempts, from the catalogue of guards.
    pub backoff: &'static str,
    /// The wait that grows, in ms.
    pub backoff_ms: f64,
    /// The retry budget, from the catalogue of guards; none if empty.
    pub budget: &'static str,
    /// How many retries it allows for a hundred requests.
    pub budget_percent: f64,
    /// How long all attempts together may take, in ms; 0 is no limit.
    pub deadline_ms: f64,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        GatewayConfig {
            routes: "user: *".to_owned(),
            shared: false,
            strategy: "round_robin",
            auth: false,
            no_token: 10.0,
            limit: "",
            tuning: Tuning::default(),
            per: Per::All,
            most: 0,
            canary: 0.0,
            breaker: "",
            breaker_percent: 50.0,
            breaker_calls: 20,
            breaker_open_s: 5.0,
            timeout_ms: 0.0,
            retries: 0,
            backoff: "no_backoff",
            backoff_ms: 50.0,
            budget: "",
            budget_percent: 20.0,
            deadline_ms: 0.0,
        }
    }
}

impl PartialEq for GatewayConfig {
    fn eq(&self, other: &GatewayConfig) -> bool {
        let own = |c: &GatewayConfig| -> Vec<Value> {
            params::ALL.iter().map(|param| (param.get)(c)).collect()
        };
        own(self) == own(other) && self.same_limit(other)
    }
}

impl Settings for GatewayConfig {
    const PARAMS: &'static [Param<Self>] = params::ALL;

    fn idle(&self, key: &str) -> bool {
        match key {
            "no_token" => !self.auth,
            "limit_per" => self.limit.is_empty(),
            "canary" => self.shared,
            "breaker_percent" | "breaker_calls" | "breaker_open" => self.breaker.is_empty(),
            "backoff" | "budget" => self.retries == 0,
            "backoff_base" => self.retries == 0 || self.backoff == "no_backoff",
            "budget_percent" => self.retries == 0 || self.budget.is_empty(),
            _ => false,
        }
    }

    fn algorithm(&self) -> Option<(&'static str, &'static [Knob])> {
        guard::find(self.limit).map(|entry| (entry.key, entry.knobs))
    }

    fn tuning(&self) -> Option<&Tuning> {
        Some(&self.tuning)
    }

    fn tuning_mut(&mut self) -> Option<&mut Tuning> {
        Some(&mut self.tuning)
    }
}

impl GatewayConfig {
    /// The table. What does not parse was refused when it was set.
    pub fn table(&self) -> Routes {
        Routes::parse(&self.routes).unwrap_or_default()
    }

    /// The catalogue entry of the balancers' strategy.
    pub fn entry(&self) -> &'static balance::Entry {
        balance::find(self.strategy).unwrap_or(balance::CATALOGUE[0])
    }

    /// Are the table and its balancers the same?
    pub(super) fn same_door(&self, other: &GatewayConfig) -> bool {
        (&self.routes, self.shared, self.strategy) == (&other.routes, other.shared, other.strategy)
    }

    /// Is the limit the same?
    pub(super) fn same_limit(&self, other: &GatewayConfig) -> bool {
        let set = |c: &GatewayConfig, knob: &Knob| c.tuning.of(c.limit).get(knob);
        let knobs = guard::find(self.limit).map_or(&[][..], |entry| entry.knobs);
        (self.limit, self.per) == (other.limit, other.per)
            && knobs.iter().all(|knob| set(self, knob) == set(other, knob))
    }

    /// Are breakers, budget and places the same?
    pub(super) fn same_guards(&self, other: &GatewayConfig) -> bool {
        let all = |c: &GatewayConfig| {
            let breaker = (c.breaker, c.breaker_percent, c.breaker_calls, c.breaker_open_s);
            (breaker, c.most, c.budget, c.budget_percent)
        };
        all(self) == all(other)
    }

    /// A new limiter.
    pub(super) fn limiter(&self) -> Option<Box<dyn Guard>> {
        guard::make(self.limit, self.tuning.of(self.limit))
    }

    /// The places of those under way.
    pub(super) fn places(&self) -> Option<Box<dyn Guard>> {
        let most = [("most", f64::from(self.most))];
        (self.most > 0).then(|| made("bulkhead", &most)).flatten()
    }

    /// A new breaker.
    pub(super) fn new_breaker(&self) -> Option<Box<dyn Guard>> {
        let (percent, calls) = (self.breaker_percent, f64::from(self.breaker_calls));
        match self.breaker {
            "hystrix" => made(
                "hystrix",
                &[("percent", percent), ("volume", calls), ("sleep_ms", self.breaker_open_s * 1e3)],
            ),
            other => made(
                other,
                &[
                    ("window", calls.max(100.0)),
                    ("minimum", calls),
                    ("failure_rate", percent),
                    ("open_s", self.breaker_open_s),
                ],
            ),
        }
    }

    /// A new retry budget.
    pub(super) fn new_budget(&self) -> Option<Box<dyn Guard>> {
        let percent = self.budget_percent;
        match self.budget {
            "finagle_budget" => {
                made("finagle_budget", &[("percent", percent / 100.0), ("min_per_s", 0.0)])
            }
            other => made(other, &[("percent", percent), ("minimum", 0.0)]),
        }
    }

    /// How long to wait between attempts.
    pub(super) fn waits(&self) -> Option<Box<dyn Backoff>> {
        let entry = guard::find(self.backoff)?;
        let base = self.backoff_ms;
        let knobs = with(entry, &[("base_ms", base), ("wait_ms", base)]);
        match entry.make {
            Make::Backoff(make) => Some(make(&knobs)),
            Make::Guard(_) => None,
        }
    }

    /// How long an attempt may take.
    pub(super) fn timeout(&self) -> Option<Span> {
        (self.timeout_ms > 0.0).then(|| Span::from_millis_f64(self.timeout_ms))
    }

    /// How long all attempts together may take.
    pub(super) fn deadline(&self) -> Option<Span> {
        (self.deadline_ms > 0.0).then(|| Span::from_millis_f64(self.deadline_ms))
    }
}

/// A guard with these settings.
fn made(key: &str, set: &[(&str, f64)]) -> Option<Box<dyn Guard>> {
    guard::make(key, &with(guard::find(key)?, set))
}

/// These settings, as far as the algorithm has them; the others stay at its defaults.
fn with(entry: &'static guard::Entry, set: &[(&str, f64)]) -> Knobs {
    let mut knobs = Knobs::default();
    for (key, value) in set {
        if let Some(knob) = entry.knobs.iter().find(|knob| knob.key == *key) {
            let value = if knob.whole { value.round() } else { *value };
            // The parameters' ranges are within the knobs', so nothing is refused here.
            let _set = knobs.set(entry.knobs, key, value.clamp(knob.min, knob.max));
        }
    }
    knobs
}
