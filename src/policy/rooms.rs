//! All rooms in one list, for tables and menus that show every algorithm there is.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::{Entry, balance, evict, guard, line, place};

/// A room and what is in it.
#[derive(Debug)]
pub struct Room {
    /// Its name, also that of its folder.
    pub key: &'static str,
    /// The question its algorithms answer.
    pub question: &'static str,
    /// Its catalogue, without the ways to make them.
    pub entries: fn() -> Vec<Entry<()>>,
}

/// Every room.
pub const ROOMS: &[Room] = &[
    Room {
        key: "balance",
        question: "Which backend gets this request?",
        entries: || balance::CATALOGUE.iter().map(|entry| entry.card()).collect(),
    },
    Room {
        key: "place",
        question: "Which shard owns this key?",
        entries: || place::CATALOGUE.iter().map(|entry| entry.card()).collect(),
    },
    Room {
        key: "evict",
        question: "Which entry leaves the cache?",
        entries: || evict::CATALOGUE.iter().map(|entry| entry.card()).collect(),
    },
    Room {
        key: "line",
        question: "Who is served next, and who is dropped?",
        entries: || line::CATALOGUE.iter().map(|entry| entry.card()).collect(),
    },
    Room {
        key: "guard",
        question: "May this pass, now? And when may it try again?",
        entries: || guard::CATALOGUE.iter().map(|entry| entry.card()).collect(),
    },
];

impl Room {
    /// Its entries with all that the catalogue says of them.
    pub fn to_json(&self) -> Json {
        let entries = (self.entries)();
        let entry = entries.iter().map(|entry| {
            let knobs: Vec<Json> = (entry.knobs.iter())
                .map(|knob| {
                    json!({ "key": knob.key, "unit": knob.unit, "help": knob.help,
                        "min": knob.min, "max": knob.max, "default": knob.default,
                        "whole": knob.whole })
                })
                .collect();
            json!({ "key": entry.key, "name": entry.name, "whose": entry.whose, "rule": entry.rule,
                "cost": entry.cost, "when": entry.when, "when_not": entry.when_not,
                "source": entry.source, "settings": knobs })
        });
        Json::Array(entry.collect())
    }

    /// Its table in Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "### `{}`: {}\n\n| name | whose | rule | cost |\n|---|---|---|---|\n",
            self.key, self.question
        );
        for entry in (self.entries)() {
            let Entry { key, whose, rule, cost, .. } = entry;
            let cells = [whose, rule, cost].map(|cell| cell.replace('|', "\\|"));
            // Writing into a string cannot fail.
            let _written = writeln!(text, "| `{key}` | {} |", cells.join(" | "));
        }
        text
    }
}
