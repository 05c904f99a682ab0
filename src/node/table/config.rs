//! What can be set on a partitioned table, and how its texts are read.

use std::cmp::Ordering;

use crate::node::Settings;
use crate::node::param::{Choice, Param, Range, Spec, Value, key_of, number, of_key};
use crate::policy::place::course::PARTITIONS;

/// How rows are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// The first byte of the key's MD5 modulo four, as in the course.
    Hash,
    /// By bounds: neighbouring keys together.
    Range,
}

/// How the service times of partitions vary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// Exponential.
    Exponential,
    /// Always the mean.
    Constant,
}

/// What can be set on a partitioned table.
#[derive(Clone, Debug, PartialEq)]
pub struct TableConfig {
    /// How rows are told apart.
    pub scheme: Scheme,
    /// The first keys of the second and later ranges, with spaces between.
    pub bounds: String,
    /// `all`, `none`, or the numbers of the attached partitions.
    pub attached: String,
    /// Rows there from the beginning: `user:0` up to this many.
    pub records: u32,
    /// Workers of each partition.
    pub workers: u16,
    /// Mean time of a worker for one query in one partition, in ms.
    pub service_ms: f64,
    /// How service times vary.
    pub spread: Spread,
    /// Waiting places of each partition.
    pub queue_limit: u32,
    /// A range with more rows than this is split; 0 is never.
    pub split_at: u32,
}

impl Default for TableConfig {
    fn default() -> Self {
        TableConfig {
            scheme: Scheme::Hash,
            bounds: "user:250 user:500 user:750".to_owned(),
            attached: "all".to_owned(),
            records: 1_000,
            workers: 1,
            service_ms: 20.0,
            spread: Spread::Exponential,
            queue_limit: 100,
            split_at: 0,
        }
    }
}

impl TableConfig {
    /// Is the partition with this number, of those that are there from the beginning, attached?
    pub fn is_attached(&self, number: usize) -> bool {
        match self.attached.trim() {
            "all" => true,
            "none" => false,
            list => list.split_whitespace().any(|word| word.parse() == Ok(number)),
        }
    }

    /// How many partitions need room on the screen: those at the beginning, or as many as there can
    /// be when ranges are split.
    pub fn parts_shown(&self) -> usize {
        match (self.scheme, self.split_at) {
            (Scheme::Hash, _) => PARTITIONS,
            (Scheme::Range, 0) => self.bounds().len() + 1,
            (Scheme::Range, _) => super::PARTITIONS_MAX,
        }
    }

    /// The first keys of the second and later ranges, ascending.
    pub fn bounds(&self) -> Vec<String> {
        self.bounds.split_whitespace().map(str::to_owned).collect()
    }
}

/// Keys are ordered by their text up to the number at its end, then by that number, so that
/// `user:9` comes before `user:10`.
pub fn order(a: &str, b: &str) -> Ordering {
    fn parts(key: &str) -> (&str, Option<u64>) {
        // At most 18 digits, so that the number always fits.
        let digits = key.bytes().rev().take(18).take_while(u8::is_ascii_digit).count();
        let (words, number) = key.split_at(key.len() - digits);
        (words, number.parse().ok())
    }
    parts(a).cmp(&parts(b)).then_with(|| a.cmp(b))
}

/// The most bounds that can be given.
const BOUNDS_MAX: usize = 15;

fn check_bounds(text: &str) -> Result<(), String> {
    let bounds: Vec<&str> = text.split_whitespace().collect();
    if bounds.len() > BOUNDS_MAX {
        return Err(format!("must be at most {BOUNDS_MAX} keys, got {}", bounds.len()));
    }
    if text.chars().any(char::is_control) || text.contains('\u{202e}') {
        return Err("must hold no control characters".to_owned());
    }
    match bounds.windows(2).find(|pair| order(pair[0], pair[1]) != Ordering::Less) {
        Some(pair) => Err(format!("must ascend: {} does not come before {}", pair[0], pair[1])),
        None => Ok(()),
    }
}

fn check_attached(text: &str) -> Result<(), String> {
    let is_number = |word: &str| word.parse::<u8>().is_ok_and(|number| number < 64);
    match text.trim() {
        "all" | "none" => Ok(()),
        list if !list.is_empty() && list.split_whitespace().all(is_number) => Ok(()),
        _ => Err("must be all, none, or numbers of partitions like 0 2 3".to_owned()),
    }
}

const SCHEMES: [(Scheme, Choice); 2] = [
    (
        Scheme::Hash,
        Choice::plain(
            "hash",
            0,
            "Hash, as in the course",
            "The first byte of the key's MD5 modulo 4, four partitions for good. The course calls \
             it range partitioning; it is not.",
        ),
    ),
    (
        Scheme::Range,
        Choice::plain(
            "range",
            1,
            "Range",
            "Bounds cut the order of keys; a range query touches only the ranges it meets.",
        ),
    ),
];

const SPREADS: [(Spread, Choice); 2] = [
    (
        Spread::Exponential,
        Choice::plain("exponential", 0, "Exponential", "Many short ones and a few long ones."),
    ),
    (Spread::Constant, Choice::plain("constant", 1, "Constant", "Always the same time.")),
];

fn text(value: Value) -> String {
    match value {
        Value::Text(text) => text,
        Value::Number(_) | Value::Choice(_) | Value::Switch(_) => String::new(),
    }
}

impl Settings for TableConfig {
    const PARAMS: &'static [Param<Self>] = PARAMS;

    fn idle(&self, key: &str) -> bool {
        matches!(key, "bounds" | "split") && self.scheme == Scheme::Hash
    }

    fn fit(&self) -> Result<(), (&'static str, String)> {
        let there = self.parts_shown();
        let numbers = self.attached.split_whitespace().filter_map(|word| word.parse().ok());
        match numbers.max().filter(|&most: &usize| most >= there) {
            Some(most) => {
                let reason = format!("there is no partition {most}, only 0 to {}", there - 1);
                Err(("attached", reason))
            }
            None => Ok(()),
        }
    }
}

/// The parameters.
const PARAMS: &[Param<TableConfig>] = &[
    Param {
        spec: Spec {
            key: "scheme",
            wire: 0,
            label: "Rows fall in partitions by",
            unit: "",
            help: "What decides in which partition a row is.",
            range: Range::Choice(|| SCHEMES.iter().map(|(_, choice)| *choice).collect()),
        },
        get: |c| key_of(&SCHEMES, &c.scheme),
        set: |c, v| c.scheme = of_key(&SCHEMES, &v).unwrap_or(c.scheme),
    },
    Param {
        spec: Spec {
            key: "bounds",
            wire: 1,
            label: "Ranges begin at",
            unit: "",
            help: "The first keys of the second and later ranges, ascending: by text, then by the \
                   number at the end. Used only with ranges.",
            range: Range::Text { most: 400, check: check_bounds, example: "user:100 user:500" },
        },
        get: |c| Value::Text(c.bounds.clone()),
        set: |c, v| c.bounds = text(v),
    },
    Param {
        spec: Spec {
            key: "attached",
            wire: 2,
            label: "Attached partitions",
            unit: "",
            help: "all, none as in the course, or numbers from 0. What touches a partition that is \
                   not attached fails: partition not found.",
            range: Range::Text { most: 200, check: check_attached, example: "0 2" },
        },
        get: |c| Value::Text(c.attached.clone()),
        set: |c, v| c.attached = text(v),
    },
    Param {
        spec: Spec {
            key: "records",
            wire: 3,
            label: "Rows from the start",
            unit: "rows",
            help: "user:0 up to this many are there from the beginning. A shard router hands over \
                   its own share instead.",
            range: Range::Number { min: 0.0, max: 1e5, handy: 4_000.0, step: 10.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.records)),
        set: |c, v| c.records = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "workers",
            wire: 4,
            label: "Workers",
            unit: "per partition",
            help: "How many queries a partition works on at the same time.",
            range: Range::Number { min: 1.0, max: 64.0, handy: 8.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.workers)),
        set: |c, v| c.workers = number(v) as u16,
    },
    Param {
        spec: Spec {
            key: "service",
            wire: 5,
            label: "Time per partition",
            unit: "ms",
            help: "How long a query keeps a worker busy in each partition it touches, on average.",
            range: Range::Number { min: 0.001, max: 3.6e6, handy: 200.0, step: 1.0, whole: false },
        },
        get: |c| Value::Number(c.service_ms),
        set: |c, v| c.service_ms = number(v),
    },
    Param {
        spec: Spec {
            key: "spread",
            wire: 6,
            label: "Times are",
            unit: "",
            help: "Whether every query takes equally long.",
            range: Range::Choice(|| SPREADS.iter().map(|(_, choice)| *choice).collect()),
        },
        get: |c| key_of(&SPREADS, &c.spread),
        set: |c, v| c.spread = of_key(&SPREADS, &v).unwrap_or(c.spread),
    },
    Param {
        spec: Spec {
            key: "queue",
            wire: 7,
            label: "Queue limit",
            unit: "per partition",
            help: "How many queries may wait in a partition. What needs one more place fails: \
                   queue full.",
            range: Range::Number { min: 0.0, max: 1e6, handy: 100.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.queue_limit)),
        set: |c, v| c.queue_limit = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "split",
            wire: 8,
            label: "Split a range above",
            unit: "rows",
            help: "A range with more rows is split at its median row, up to 64 ranges; 0 is never. \
                   Used only with ranges.",
            range: Range::Number { min: 0.0, max: 1e6, handy: 2_000.0, step: 50.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.split_at)),
        set: |c, v| c.split_at = number(v) as u32,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_ordered_by_text_and_then_by_number() {
        let mut keys =
            ["user:10", "user:9", "user", "user:", "user:x", "a:99", "user:010", "\u{e9}1"];
        keys.sort_by(|a, b| order(a, b));
        assert_eq!(
            keys,
            ["a:99", "user", "user:", "user:9", "user:010", "user:10", "user:x", "\u{e9}1"]
        );
        assert_eq!(order("7", "7"), Ordering::Equal);
    }

    #[test]
    fn texts_that_mean_nothing_are_refused() {
        assert_eq!(check_bounds("user:9 user:10"), Ok(()));
        assert_eq!(check_bounds(""), Ok(()));
        assert!(check_bounds("user:10 user:9").is_err() && check_bounds("a a").is_err());
        assert!(check_bounds(&["a", "b", "c", "d", "e", "f", "g", "h", "i"].join(" ")).is_ok());
        assert!(check_bounds(&(10..26).map(|n| format!("k{n} ")).collect::<String>()).is_err());
        for right in ["all", "none", " 0 3 63 "] {
            assert_eq!(check_attached(right), Ok(()));
        }
        for wrong in ["", "some", "64", "-1", "0,1", "all 1"] {
            assert!(check_attached(wrong).is_err(), "{wrong:?}");
        }
    }
}
