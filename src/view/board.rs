//! What a board shows: rate, errors, duration, saturation, and how each alert stands.

use super::face::{Condition, Face, Inside};
use crate::node::Board;
use crate::node::board::{Alert, Metric, State};

/// An alert on a board.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertRow {
    /// The rule, as it was written.
    pub rule: String,
    /// `fine`, `pending` or `firing`.
    pub state: &'static str,
    /// The value just now.
    pub value: String,
}

/// The inside of a board.
#[derive(Clone, Debug, PartialEq)]
pub struct BoardFace {
    /// Name and value of rate, errors, duration and saturation.
    pub readings: [(&'static str, String); 4],
    /// A row for each rule.
    pub alerts: Vec<AlertRow>,
}

pub(super) fn face(node: &Board) -> Face {
    let readings = node.readings();
    let shown = |metric: Metric, value: Option<f64>| {
        value.map_or_else(|| "\u{2013}".to_owned(), |value| metric.words(value))
    };
    let readings = [
        ("rate", shown(Metric::Rate, readings.rate)),
        ("errors", shown(Metric::Errors, readings.errors)),
        ("p99", shown(Metric::Percentile(99), readings.p99)),
        ("busiest", shown(Metric::Errors, readings.busiest)),
    ];
    let alerts: Vec<AlertRow> = node.alerts().iter().map(row).collect();
    let firing = node.firing().value();
    let told = readings.iter().map(|(name, value)| format!("{name} {value}"));
    let told: Vec<String> = told.collect();
    let all = node.alerts().iter().map(|alert| format!("{}: {}", alert.rule.text, alert.words()));
    let all: Vec<String> = all.collect();
    Face {
        condition: Condition::Fine,
        number: match firing {
            0 => "no alert".to_owned(),
            1 => "1 alert".to_owned(),
            n => format!("{n} alerts"),
        },
        detail: match node.log().next_back() {
            None => String::new(),
            Some(change) => {
                let verb = if change.fired { "fired" } else { "cleared" };
                format!("{verb} at {:.1} s: {}", change.at.seconds(), change.rule)
            }
        },
        inside: Inside::Board(BoardFace { readings, alerts }),
        words: format!("{firing} alerts firing; {}; {}", told.join(", "), all.join("; ")),
    }
}

fn row(alert: &Alert) -> AlertRow {
    AlertRow {
        rule: alert.rule.text.clone(),
        state: match alert.state {
            State::Fine => "fine",
            State::Pending { .. } => "pending",
            State::Firing { .. } => "firing",
        },
        value: alert.value.map_or_else(String::new, |value| alert.rule.metric.words(value)),
    }
}
