//! What can be set on a board.

use super::super::param::{Param, Range, Spec, Value, number};
use super::rules::{Rule, parse};
use crate::node::Settings;

/// What can be set on a board.
#[derive(Clone, Debug, PartialEq)]
pub struct BoardConfig {
    /// The rules, as they were typed.
    pub rules: String,
    /// How far it looks back, in ms.
    pub window_ms: f64,
}

impl Default for BoardConfig {
    fn default() -> Self {
        BoardConfig { rules: "errors > 5% for 1s".to_owned(), window_ms: 2_000.0 }
    }
}

impl BoardConfig {
    /// How many rules there are.
    pub fn count(&self) -> usize {
        self.parsed().len()
    }

    /// The rules.
    pub(super) fn parsed(&self) -> Vec<Rule> {
        parse(&self.rules).unwrap_or_default()
    }
}

impl Settings for BoardConfig {
    const PARAMS: &'static [Param<Self>] = &[
        Param {
            spec: Spec {
                key: "rules",
                wire: 0,
                label: "Alert rules",
                unit: "",
                help: "What must hold, and for how long, before an alert fires; ; between rules. \
                       rate < 10/s, errors > 5% for 10s, mean or p50, p90, p95, p99 > 500ms, \
                       saturation of s1 > 90%.",
                range: Range::Text {
                    most: 1_000,
                    check: |text| parse(text).map(|_| ()),
                    example: "errors > 2% for 500ms; p99 > 300ms; rate < 10/s for 2s",
                },
            },
            get: |c| Value::Text(c.rules.clone()),
            set: |c, v| {
                if let Value::Text(rules) = v {
                    c.rules = rules;
                }
            },
        },
        Param {
            spec: Spec {
                key: "window",
                wire: 1,
                label: "Looks back",
                unit: "ms",
                help: "Over how long a time rates, shares, percentiles and saturation are taken.",
                range: Range::Number {
                    min: 100.0,
                    max: 60_000.0,
                    handy: 10_000.0,
                    step: 100.0,
                    whole: false,
                },
            },
            get: |c| Value::Number(c.window_ms),
            set: |c, v| c.window_ms = number(v),
        },
    ];
}
