//! The parameters of a cache cluster: names, units, limits, help.

use super::config::{ClusterConfig, Level, Pattern, ReadsFrom};
use crate::node::param::{Choice, Param, Range, Value, choose, key_of, number, row, whole};
use crate::node::tuning::Tuning;
use crate::node::{PARTS_MAX, Settings};
use crate::policy::{Knob, evict, place};

/// The most members.
const MEMBERS_MAX: f64 = PARTS_MAX as f64;

const LEVELS: [(Level, Choice); 3] = [
    (Level::One, Choice::plain("one", 0, "One", "The first answer is enough.")),
    (
        Level::Quorum,
        Choice::plain("quorum", 1, "Quorum", "More than half of those that hold the key."),
    ),
    (Level::All, Choice::plain("all", 2, "All", "Every member that holds the key.")),
];

const READS_FROM: [(ReadsFrom, Choice); 2] = [
    (
        ReadsFrom::InTurn,
        Choice::plain(
            "in_turn",
            0,
            "Each in turn",
            "Those that hold the key share its reads; copies may be behind.",
        ),
    ),
    (
        ReadsFrom::Owner,
        Choice::plain("owner", 1, "The owner first", "Copies only wait for their day."),
    ),
];

const PATTERNS: [(Pattern, Choice); 3] = [
    (
        Pattern::WriteThrough,
        Choice::plain(
            "write_through",
            0,
            "Write-through",
            "Loads what it misses. A write goes to the store first, then into the cluster.",
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
];

/// A length of time in ms as a range, with this much on the slider.
const fn ms(min: f64, handy: f64, step: f64) -> Range {
    Range::Number { min, max: 3.6e6, handy, step, whole: false }
}

impl Settings for ClusterConfig {
    const PARAMS: &'static [Param<ClusterConfig>] = PARAMS;

    fn idle(&self, key: &str) -> bool {
        let alone = self.copies.min(self.members) == 1;
        match key {
            "read_level" | "write_level" | "reads_from" | "lag" => alone,
            "second_look" => alone || self.read_level == Level::All,
            "repair" => alone || (self.read_level == Level::One && !self.second_look),
            "tombstone" => self.pattern == Pattern::ReadThrough,
            "queue" => self.workers == 0,
            "move_rate" => !self.handover,
            "joins" => self.members == 1,
            _ => false,
        }
    }

    fn algorithm(&self) -> Option<(&'static str, &'static [Knob])> {
        Some((self.placement, self.placing().knobs))
    }

    fn tuning(&self) -> Option<&Tuning> {
        Some(&self.tuning)
    }

    fn tuning_mut(&mut self) -> Option<&mut Tuning> {
        Some(&mut self.tuning)
    }
}

/// The parameters.
const PARAMS: &[Param<ClusterConfig>] = &[
    Param {
        spec: row(
            0,
            ("members", "Members", "members"),
            whole(1.0, MEMBERS_MAX, 8.0),
            "How many members the keys are shared out among. Changed while it runs, keys move.",
        ),
        get: |c| Value::Number(f64::from(c.members)),
        set: |c, v| c.members = number(v) as u8,
    },
    Param {
        spec: row(
            1,
            ("placement", "Keys are placed by", ""),
            Range::Choice(|| place::CATALOGUE.iter().map(|e| Choice::of(e)).collect()),
            "Which members hold which key: the first on the key's list owns it, the next hold \
             copies.",
        ),
        get: |c| Value::Choice(c.placement.to_owned()),
        set: |c, v| {
            let Value::Choice(key) = v else { return };
            if let Some(entry) = place::find(&key) {
                c.placement = entry.key;
            }
        },
    },
    Param {
        spec: row(
            2,
            ("copies", "Replication factor", "members"),
            whole(1.0, MEMBERS_MAX, 5.0),
            "How many members hold each key: the owner and copies. With fewer members, all of \
             them.",
        ),
        get: |c| Value::Number(f64::from(c.copies)),
        set: |c, v| c.copies = number(v) as u8,
    },
    Param {
        spec: row(
            3,
            ("read_level", "Reads need", ""),
            Range::Choice(|| LEVELS.iter().map(|(_, choice)| *choice).collect()),
            "How many of those that hold a key must answer a read; the newest answer counts.",
        ),
        get: |c| key_of(&LEVELS, &c.read_level),
        set: |c, v| choose(&LEVELS, &v, &mut c.read_level),
    },
    Param {
        spec: row(
            4,
            ("write_level", "Writes need", ""),
            Range::Choice(|| LEVELS.iter().map(|(_, choice)| *choice).collect()),
            "How many of those that hold a key must have a new version before it is acknowledged. \
             R + W above the replication factor always meets the newest.",
        ),
        get: |c| key_of(&LEVELS, &c.write_level),
        set: |c, v| choose(&LEVELS, &v, &mut c.write_level),
    },
    Param {
        spec: row(
            5,
            ("reads_from", "Reads ask", ""),
            Range::Choice(|| READS_FROM.iter().map(|(_, choice)| *choice).collect()),
            "Which of those that hold a key a read asks first.",
        ),
        get: |c| key_of(&READS_FROM, &c.reads_from),
        set: |c, v| choose(&READS_FROM, &v, &mut c.reads_from),
    },
    Param {
        spec: row(
            6,
            ("lag", "Replication delay", "ms"),
            ms(0.0, 1_000.0, 1.0),
            "How much later the copies are made that a write, or a load, does not wait for.",
        ),
        get: |c| Value::Number(c.lag_ms),
        set: |c, v| c.lag_ms = number(v),
    },
    Param {
        spec: row(
            7,
            ("pattern", "Pattern", ""),
            Range::Choice(|| PATTERNS.iter().map(|(_, choice)| *choice).collect()),
            "Who loads what is missing, and where writes go.",
        ),
        get: |c| key_of(&PATTERNS, &c.pattern),
        set: |c, v| choose(&PATTERNS, &v, &mut c.pattern),
    },
    Param {
        spec: row(
            8,
            ("entries", "Capacity of each", "entries"),
            whole(1.0, 2e4, 500.0),
            "How many entries fit into each member. One more, and another has to leave.",
        ),
        get: |c| Value::Number(f64::from(c.capacity)),
        set: |c, v| c.capacity = number(v) as u32,
    },
    Param {
        spec: row(
            9,
            ("policy", "Eviction", ""),
            Range::Choice(|| evict::CATALOGUE.iter().map(|e| Choice::of(e)).collect()),
            "Which entry of a member leaves when another needs its room.",
        ),
        get: |c| Value::Choice(c.policy.to_owned()),
        set: |c, v| {
            let Value::Choice(key) = v else { return };
            if let Some(entry) = evict::find(&key) {
                c.policy = entry.key;
            }
        },
    },
    Param {
        spec: row(
            10,
            ("ttl", "Time to live", "ms"),
            ms(0.0, 20_000.0, 100.0),
            "How long an entry lives after it was stored; reads do not renew it. 0 is without \
             end.",
        ),
        get: |c| Value::Number(c.ttl_ms),
        set: |c, v| c.ttl_ms = number(v),
    },
    Param {
        spec: row(
            11,
            ("tombstone", "Remember deletions", "ms"),
            ms(0.0, 10_000.0, 100.0),
            "How long a member remembers that a key was deleted, so that an older version cannot \
             come back; 0 is not at all.",
        ),
        get: |c| Value::Number(c.tombstone_ms),
        set: |c, v| c.tombstone_ms = number(v),
    },
    Param {
        spec: row(
            12,
            ("look", "Time of a look", "ms"),
            Range::Number { min: 0.0, max: 6e4, handy: 10.0, step: 0.1, whole: false },
            "How long a member takes to look for a key or to store one.",
        ),
        get: |c| Value::Number(c.look_ms),
        set: |c, v| c.look_ms = number(v),
    },
    Param {
        spec: row(
            13,
            ("workers", "Workers", "workers"),
            whole(0.0, 1_024.0, 16.0),
            "How many looks each member does at the same time; the others wait. 0 is any number, \
             and nobody waits.",
        ),
        get: |c| Value::Number(f64::from(c.workers)),
        set: |c, v| c.workers = number(v) as u16,
    },
    Param {
        spec: row(
            14,
            ("queue", "Queue limit", "places"),
            whole(0.0, 1e4, 100.0),
            "How many looks may wait at each member with workers. The next one is refused.",
        ),
        get: |c| Value::Number(f64::from(c.queue_limit)),
        set: |c, v| c.queue_limit = number(v) as u32,
    },
    Param {
        spec: row(
            15,
            ("hop", "Time to a member", "ms"),
            Range::Number { min: 0.0, max: 6e4, handy: 20.0, step: 0.1, whole: false },
            "How long the way to a member takes, and the same back.",
        ),
        get: |c| Value::Number(c.hop_ms),
        set: |c, v| c.hop_ms = number(v),
    },
    Param {
        spec: row(
            16,
            ("timeout", "Member timeout", "ms"),
            ms(1.0, 1_000.0, 1.0),
            "How long a member's answer is waited for. Then another that holds the key is asked, \
             or the request fails.",
        ),
        get: |c| Value::Number(c.timeout_ms),
        set: |c, v| c.timeout_ms = number(v),
    },
    Param {
        spec: row(
            17,
            ("heartbeat", "Heartbeat every", "ms"),
            ms(1.0, 5_000.0, 100.0),
            "How often members show that they are there.",
        ),
        get: |c| Value::Number(c.heartbeat_ms),
        set: |c, v| c.heartbeat_ms = number(v),
    },
    Param {
        spec: row(
            18,
            ("misses", "Gone after", "heartbeats"),
            whole(1.0, 100.0, 10.0),
            "So many heartbeats in a row must be missing before a member is known to be gone: \
             together the detection time.",
        ),
        get: |c| Value::Number(f64::from(c.misses)),
        set: |c, v| c.misses = number(v) as u16,
    },
    Param {
        spec: row(
            19,
            ("failover", "Failover", ""),
            Range::Switch,
            "Whether the next on a key's list takes the place of a member that is known to be \
             gone. Without, its keys have a copy less, or none.",
        ),
        get: |c| Value::Switch(c.failover),
        set: |c, v| c.failover = v == Value::Switch(true),
    },
    Param {
        spec: row(
            20,
            ("handover", "Hand keys over", ""),
            Range::Switch,
            "Whether entries follow their keys when members come, go or are found to be gone. \
             Without, they are loaded again when they are missed.",
        ),
        get: |c| Value::Switch(c.handover),
        set: |c, v| c.handover = v == Value::Switch(true),
    },
    Param {
        spec: row(
            21,
            ("move_rate", "Keys handed over", "keys/s"),
            Range::Number { min: 0.1, max: 1e4, handy: 500.0, step: 1.0, whole: false },
            "How many keys are handed over in a second. Used only when they are.",
        ),
        get: |c| Value::Number(c.move_rate),
        set: |c, v| c.move_rate = number(v),
    },
    Param {
        spec: row(
            22,
            ("hints", "Hinted handoff", ""),
            Range::Switch,
            "Whether what a member that is gone should have got is kept for it and given to it \
             when it is back.",
        ),
        get: |c| Value::Switch(c.hints),
        set: |c, v| c.hints = v == Value::Switch(true),
    },
    Param {
        spec: row(
            23,
            ("repair", "Read repair", ""),
            Range::Switch,
            "Whether a member that answered a read with an older version, or none, is given the \
             newest of the answers. Used when a read asks more than one, or looks again.",
        ),
        get: |c| Value::Switch(c.repair),
        set: |c, v| c.repair = v == Value::Switch(true),
    },
    Param {
        spec: row(
            24,
            ("joins", "Last member joins after", "s"),
            Range::Number { min: 0.0, max: 1e5, handy: 30.0, step: 1.0, whole: false },
            "Until then the last member is not one of them; 0 is from the start. With one member \
             alone it makes no difference.",
        ),
        get: |c| Value::Number(c.joins_s),
        set: |c, v| c.joins_s = number(v),
    },
    Param {
        spec: row(
            25,
            ("second_look", "After a miss, ask the copies", ""),
            Range::Switch,
            "Whether the other members that hold a key are asked, one after another, when those \
             first asked have nothing. Without, the store is asked at once.",
        ),
        get: |c| Value::Switch(c.second_look),
        set: |c, v| c.second_look = v == Value::Switch(true),
    },
];
