//! What can be set on a cache.

use crate::node::Settings;
use crate::node::param::{Choice, Param, Range, Spec, Value, number};
use crate::node::tuning::Tuning;
use crate::policy::Knob;
use crate::policy::evict;

/// Who loads, who writes, and in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// The application manages it: it answers what it has, and takes what it is given.
    CacheAside,
    /// It loads what it misses; writes pass by unseen.
    ReadThrough,
    /// Writes go to the store first, then into the cache.
    WriteThrough,
    /// Writes are acknowledged at once and go to the store later.
    WriteBehind,
    /// Writes go past it to the store; it then forgets the key.
    WriteAround,
    /// As write-through; entries that will end soon are loaded again before they do.
    RefreshAhead,
}

impl Pattern {
    /// Does it ask the store itself?
    pub(super) fn loads(self) -> bool {
        self != Pattern::CacheAside
    }
}

const PATTERNS: [(Pattern, Choice); 6] = [
    (
        Pattern::WriteThrough,
        Choice::plain(
            "write_through",
            0,
            "Write-through",
            "Loads what it misses. A write goes to the store first, then into the cache.",
        ),
    ),
    (
        Pattern::CacheAside,
        Choice::plain(
            "cache_aside",
            1,
            "Cache-aside",
            "The server in front manages it: it answers what it has and loads nothing.",
        ),
    ),
    (
        Pattern::ReadThrough,
        Choice::plain(
            "read_through",
            2,
            "Read-through",
            "Loads what it misses. Writes pass by unseen: what it holds is old until it expires.",
        ),
    ),
    (
        Pattern::WriteBehind,
        Choice::plain(
            "write_behind",
            3,
            "Write-behind",
            "A write is acknowledged at once and sent to the store later; a crash loses it.",
        ),
    ),
    (
        Pattern::WriteAround,
        Choice::plain(
            "write_around",
            4,
            "Write-around",
            "A write goes to the store; the cache then forgets the key.",
        ),
    ),
    (
        Pattern::RefreshAhead,
        Choice::plain(
            "refresh_ahead",
            5,
            "Refresh-ahead",
            "Write-through, and entries asked for late in their life are loaded again meanwhile.",
        ),
    ),
];

/// What can be set on a cache.
#[derive(Clone, Debug)]
pub struct CacheConfig {
    /// How many entries fit.
    pub capacity: u32,
    /// Which entry leaves, from the catalogue.
    pub policy: &'static str,
    /// The policies' own settings.
    pub tuning: Tuning,
    /// Who loads, who writes, and in which order.
    pub pattern: Pattern,
    /// Life of an entry in ms; 0 is without end.
    pub ttl_ms: f64,
    /// How far a life may be shorter or longer, in percent.
    pub ttl_jitter: f64,
    /// How long a look takes, in ms.
    pub hit_ms: f64,
    /// Do requests for a key that is being loaded wait for it?
    pub single_flight: bool,
    /// How long it remembers that a key is not there, in ms; 0 is not at all.
    pub negative_ms: f64,
    /// How long after its end an entry may still be served while it is loaded again, in ms.
    pub revalidate_ms: f64,
    /// At which share of its life an entry is loaded again (refresh-ahead), in percent.
    pub refresh_at: f64,
    /// How long writes are held back (write-behind), in ms.
    pub flush_ms: f64,
}

impl Default for CacheConfig {
    fn default() -> Self {
        CacheConfig {
            capacity: 100,
            policy: "lru",
            tuning: Tuning::default(),
            pattern: Pattern::WriteThrough,
            ttl_ms: 5_000.0,
            ttl_jitter: 0.0,
            hit_ms: 0.5,
            single_flight: false,
            negative_ms: 0.0,
            revalidate_ms: 0.0,
            refresh_at: 80.0,
            flush_ms: 1_000.0,
        }
    }
}

impl CacheConfig {
    /// The catalogue entry of the policy.
    pub fn entry(&self) -> &'static evict::Entry {
        evict::find(self.policy).unwrap_or(evict::CATALOGUE[0])
    }

    /// The name of the pattern.
    pub fn pattern_name(&self) -> &'static str {
        chosen(self).map_or("", |choice| choice.name)
    }

    /// Do both hold the same entries in the same way?
    pub(super) fn same_policy(&self, other: &CacheConfig) -> bool {
        let set = |c: &CacheConfig, knob: &Knob| c.tuning.of(c.policy).get(knob);
        (self.capacity, self.policy) == (other.capacity, other.policy)
            && self.entry().knobs.iter().all(|knob| set(self, knob) == set(other, knob))
    }
}

impl PartialEq for CacheConfig {
    fn eq(&self, other: &CacheConfig) -> bool {
        let times = |c: &CacheConfig| {
            let life = [c.ttl_ms, c.ttl_jitter, c.negative_ms, c.revalidate_ms, c.refresh_at];
            (life, c.hit_ms, c.flush_ms)
        };
        self.same_policy(other)
            && times(self) == times(other)
            && (self.pattern, self.single_flight) == (other.pattern, other.single_flight)
    }
}

fn chosen(config: &CacheConfig) -> Option<Choice> {
    let found = PATTERNS.iter().find(|(pattern, _)| *pattern == config.pattern);
    found.map(|(_, choice)| *choice)
}

/// A length of time in ms, up to an hour.
const fn millis(handy: f64) -> Range {
    Range::Number { min: 0.0, max: 3.6e6, handy, step: 100.0, whole: false }
}

const PERCENT: Range =
    Range::Number { min: 0.0, max: 100.0, handy: 100.0, step: 1.0, whole: false };

impl Settings for CacheConfig {
    const PARAMS: &'static [Param<Self>] = PARAMS;

    fn idle(&self, key: &str) -> bool {
        match key {
            "ttl_jitter" => self.ttl_ms == 0.0,
            "single_flight" | "revalidate" => !self.pattern.loads(),
            "refresh_at" => self.pattern != Pattern::RefreshAhead || self.ttl_ms == 0.0,
            "flush" => self.pattern != Pattern::WriteBehind,
            _ => false,
        }
    }

    fn algorithm(&self) -> Option<(&'static str, &'static [Knob])> {
        Some((self.policy, self.entry().knobs))
    }

    fn tuning(&self) -> Option<&Tuning> {
        Some(&self.tuning)
    }

    fn tuning_mut(&mut self) -> Option<&mut Tuning> {
        Some(&mut self.tuning)
    }
}

/// The parameters.
const PARAMS: &[Param<CacheConfig>] = &[
    Param {
        spec: Spec {
            key: "capacity",
            wire: 0,
            label: "Capacity",
            unit: "entries",
            help: "How many entries fit. One more, and another has to leave.",
            range: Range::Number { min: 1.0, max: 1e5, handy: 200.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.capacity)),
        set: |c, v| c.capacity = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "policy",
            wire: 1,
            label: "Eviction",
            unit: "",
            help: "Which entry leaves when another needs its room.",
            range: Range::Choice(|| evict::CATALOGUE.iter().map(|e| Choice::of(e)).collect()),
        },
        get: |c| Value::Choice(c.policy.to_owned()),
        set: |c, v| {
            let Value::Choice(key) = v else { return };
            if let Some(entry) = evict::find(&key) {
                c.policy = entry.key;
            }
        },
    },
    Param {
        spec: Spec {
            key: "pattern",
            wire: 2,
            label: "Pattern",
            unit: "",
            help: "Who loads what is missing, and where writes go.",
            range: Range::Choice(|| PATTERNS.iter().map(|(_, choice)| *choice).collect()),
        },
        get: |c| Value::Choice(chosen(c).map_or("", |choice| choice.key).to_owned()),
        set: |c, v| {
            let Value::Choice(key) = v else { return };
            if let Some((pattern, _)) = PATTERNS.iter().find(|(_, choice)| choice.key == key) {
                c.pattern = *pattern;
            }
        },
    },
    Param {
        spec: Spec {
            key: "ttl",
            wire: 3,
            label: "Time to live",
            unit: "ms",
            help: "How long an entry lives after it came in; reads do not renew it. 0 is \
                   without end.",
            range: millis(20_000.0),
        },
        get: |c| Value::Number(c.ttl_ms),
        set: |c, v| c.ttl_ms = number(v),
    },
    Param {
        spec: Spec {
            key: "ttl_jitter",
            wire: 4,
            label: "Jitter",
            unit: "%",
            help: "Each life is shorter or longer by up to this share, so that entries which came \
                   in together do not end together.",
            range: PERCENT,
        },
        get: |c| Value::Number(c.ttl_jitter),
        set: |c, v| c.ttl_jitter = number(v),
    },
    Param {
        spec: Spec {
            key: "hit_time",
            wire: 5,
            label: "Time of a look",
            unit: "ms",
            help: "How long it takes to look for a key, hit or miss. Looks do not wait for each \
                   other.",
            range: Range::Number { min: 0.0, max: 6e4, handy: 10.0, step: 0.1, whole: false },
        },
        get: |c| Value::Number(c.hit_ms),
        set: |c, v| c.hit_ms = number(v),
    },
    Param {
        spec: Spec {
            key: "single_flight",
            wire: 6,
            label: "Single flight",
            unit: "",
            help: "Requests for a key that is being loaded already wait for that answer instead of \
                   asking the store as well.",
            range: Range::Switch,
        },
        get: |c| Value::Switch(c.single_flight),
        set: |c, v| c.single_flight = v == Value::Switch(true),
    },
    Param {
        spec: Spec {
            key: "negative",
            wire: 7,
            label: "Remember what is not there",
            unit: "ms",
            help: "How long it remembers that a key is not there, because the store said so or it \
                   was deleted through the cache; 0 is not at all.",
            range: millis(10_000.0),
        },
        get: |c| Value::Number(c.negative_ms),
        set: |c, v| c.negative_ms = number(v),
    },
    Param {
        spec: Spec {
            key: "revalidate",
            wire: 8,
            label: "Stale while revalidating",
            unit: "ms",
            help: "How long after its end an entry is still served while it is loaded again in the \
                   background. Not with cache-aside, which loads nothing.",
            range: millis(10_000.0),
        },
        get: |c| Value::Number(c.revalidate_ms),
        set: |c, v| c.revalidate_ms = number(v),
    },
    Param {
        spec: Spec {
            key: "refresh_at",
            wire: 9,
            label: "Refresh at",
            unit: "% of life",
            help: "With refresh-ahead: an entry older than this share of its life is loaded again \
                   when it is asked for.",
            range: PERCENT,
        },
        get: |c| Value::Number(c.refresh_at),
        set: |c, v| c.refresh_at = number(v),
    },
    Param {
        spec: Spec {
            key: "flush",
            wire: 10,
            label: "Flush after",
            unit: "ms",
            help: "With write-behind: how long the first write waits before all that wait are sent \
                   to the store.",
            range: Range::Number { min: 1.0, max: 3.6e6, handy: 5e3, step: 100.0, whole: false },
        },
        get: |c| Value::Number(c.flush_ms),
        set: |c, v| c.flush_ms = number(v),
    },
];
