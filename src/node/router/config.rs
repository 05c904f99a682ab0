//! What can be set on a shard router.

use crate::node::Settings;
use crate::node::param::{Choice, Param, Range, Spec, Value, number};
use crate::node::tuning::Tuning;
use crate::policy::Knob;
use crate::policy::place;

/// What happens to rows when the shards change while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migration {
    /// Nothing, as in the course: keys land elsewhere and their rows stay behind.
    None,
    /// Rows follow their keys, one after another.
    Move,
}

/// Who is asked for a key whose row has not moved yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meanwhile {
    /// The shard that still has it.
    Old,
    /// The shard that will have it, which misses.
    New,
}

/// What can be set on a shard router.
#[derive(Clone, Debug)]
pub struct RouterConfig {
    /// The placement, from the catalogue.
    pub strategy: &'static str,
    /// The placements' own settings.
    pub tuning: Tuning,
    /// How many numbered keys are handed out, counted and moved.
    pub keys: u32,
    /// What happens to rows when the shards change.
    pub migration: Migration,
    /// Who is asked for a key whose row has not moved yet.
    pub meanwhile: Meanwhile,
    /// How many rows are moved in a second.
    pub move_rate: f64,
    /// From when on the last shard is one of them, in s; 0 is from the beginning.
    pub joins_s: f64,
}

impl RouterConfig {
    /// The catalogue entry of the placement.
    pub fn entry(&self) -> &'static place::Entry {
        place::find(self.strategy).unwrap_or(place::CATALOGUE[0])
    }

    /// Does the other one place keys by the same rule?
    pub(super) fn same_rule(&self, other: &RouterConfig) -> bool {
        let set = |c: &RouterConfig, knob: &Knob| c.tuning.of(c.strategy).get(knob);
        self.strategy == other.strategy
            && self.entry().knobs.iter().all(|knob| set(self, knob) == set(other, knob))
    }
}

impl PartialEq for RouterConfig {
    fn eq(&self, other: &RouterConfig) -> bool {
        self.same_rule(other)
            && (self.keys, self.migration, self.meanwhile)
                == (other.keys, other.migration, other.meanwhile)
            && (self.move_rate, self.joins_s) == (other.move_rate, other.joins_s)
    }
}

impl Default for RouterConfig {
    fn default() -> Self {
        RouterConfig {
            strategy: place::CATALOGUE[0].key,
            tuning: Tuning::default(),
            keys: 1_000,
            migration: Migration::None,
            meanwhile: Meanwhile::Old,
            move_rate: 50.0,
            joins_s: 0.0,
        }
    }
}

const MIGRATIONS: [(Migration, Choice); 2] = [
    (
        Migration::None,
        Choice::plain(
            "none",
            0,
            "Stay behind, as in the course",
            "Keys land elsewhere at once; their rows stay where they were, so reads miss.",
        ),
    ),
    (
        Migration::Move,
        Choice::plain(
            "move",
            1,
            "Move, one after another",
            "Each row is taken out of its old shard and put into its new one, beside the traffic.",
        ),
    ),
];

const MEANWHILES: [(Meanwhile, Choice); 2] = [
    (
        Meanwhile::Old,
        Choice::plain(
            "old",
            0,
            "The old shard",
            "It still has the row. While the row itself is on its way, requests for it wait.",
        ),
    ),
    (
        Meanwhile::New,
        Choice::plain("new", 1, "The new shard", "It does not have the row yet: reads miss."),
    ),
];

impl Settings for RouterConfig {
    const PARAMS: &'static [Param<Self>] = PARAMS;

    fn idle(&self, key: &str) -> bool {
        matches!(key, "meanwhile" | "move_rate") && self.migration != Migration::Move
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

/// The parameters.
const PARAMS: &[Param<RouterConfig>] = &[
    Param {
        spec: Spec {
            key: "strategy",
            wire: 0,
            label: "Keys are placed by",
            unit: "",
            help: "Which shard owns which key.",
            range: Range::Choice(|| place::CATALOGUE.iter().map(|e| Choice::of(e)).collect()),
        },
        get: |c| Value::Choice(c.strategy.to_owned()),
        set: |c, v| {
            let Value::Choice(key) = v else { return };
            if let Some(entry) = place::find(&key) {
                c.strategy = entry.key;
            }
        },
    },
    Param {
        spec: Spec {
            key: "keys",
            wire: 1,
            label: "Keys accounted for",
            unit: "keys",
            help: "user:0 up to this many are handed to the shards at the start, counted in the \
                   shares, and moved when the shards change.",
            range: Range::Number { min: 0.0, max: 1e5, handy: 4_000.0, step: 10.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.keys)),
        set: |c, v| c.keys = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "migration",
            wire: 2,
            label: "When shards change, rows",
            unit: "",
            help: "What happens to the rows of keys that have another owner now.",
            range: Range::Choice(|| MIGRATIONS.iter().map(|(_, choice)| *choice).collect()),
        },
        get: |c| {
            let found = MIGRATIONS.iter().find(|(one, _)| *one == c.migration);
            Value::Choice(found.map_or("", |(_, choice)| choice.key).to_owned())
        },
        set: |c, v| {
            let Value::Choice(key) = v else { return };
            if let Some((one, _)) = MIGRATIONS.iter().find(|(_, choice)| choice.key == key) {
                c.migration = *one;
            }
        },
    },
    Param {
        spec: Spec {
            key: "meanwhile",
            wire: 3,
            label: "Until a row has moved, ask",
            unit: "",
            help: "Who is asked for a key whose row has not moved yet. Used only while rows move.",
            range: Range::Choice(|| MEANWHILES.iter().map(|(_, choice)| *choice).collect()),
        },
        get: |c| {
            let found = MEANWHILES.iter().find(|(one, _)| *one == c.meanwhile);
            Value::Choice(found.map_or("", |(_, choice)| choice.key).to_owned())
        },
        set: |c, v| {
            let Value::Choice(key) = v else { return };
            if let Some((one, _)) = MEANWHILES.iter().find(|(_, choice)| choice.key == key) {
                c.meanwhile = *one;
            }
        },
    },
    Param {
        spec: Spec {
            key: "move_rate",
            wire: 4,
            label: "Rows moved",
            unit: "rows/s",
            help: "How many rows begin to move in a second. Used only while rows move.",
            range: Range::Number { min: 0.1, max: 1e4, handy: 500.0, step: 1.0, whole: false },
        },
        get: |c| Value::Number(c.move_rate),
        set: |c, v| c.move_rate = number(v),
    },
    Param {
        spec: Spec {
            key: "joins",
            wire: 5,
            label: "Last shard joins after",
            unit: "s",
            help: "Until then the shard that was wired last owns nothing; 0 is from the start. \
                   With one shard alone it makes no difference.",
            range: Range::Number { min: 0.0, max: 1e5, handy: 30.0, step: 1.0, whole: false },
        },
        get: |c| Value::Number(c.joins_s),
        set: |c, v| c.joins_s = number(v),
    },
];
