//! The parameters of a database: one row each, walked by files, links and the inspector.

use super::choices::{READS, REPLICATIONS, Reads, Replication, SPREADS};
use super::config::{
    DatabaseConfig, MS_MAX, REPLICAS_MAX, SENTINELS_MAX, check_lags, check_priorities,
};
use crate::node::Settings;
use crate::node::param::{Param, Range, Spec, Value, choose, key_of, number, row, whole};

/// A length of time in ms as a range, with this much on the slider.
const fn ms(min: f64, handy: f64) -> Range {
    Range::Number { min, max: MS_MAX, handy, step: 1.0, whole: false }
}

impl Settings for DatabaseConfig {
    const PARAMS: &'static [Param<Self>] = PARAMS;

    fn idle(&self, key: &str) -> bool {
        let alone = self.replicas == 0;
        let quorum = self.replication == Replication::Quorum;
        let wait = self.replication == Replication::Wait;
        match key {
            "reads" => alone || quorum,
            "health" => alone || quorum || self.reads == Reads::PrimaryOnly,
            // WAIT for replicas that are not there waits in vain.
            "replication" => false,
            "wait_for" => !wait,
            "semi_timeout" if wait => self.wait_for == 0,
            "lag" | "lag_spread" | "apply" | "failover" | "extra_lag" => alone,
            "semi_timeout" => alone || self.replication == Replication::Async,
            "write_quorum" | "read_quorum" => !quorum,
            "detection" | "fencing" | "priorities" | "sentinels" => alone || !self.failover,
            "sentinel_quorum" | "sentinels_frozen" => {
                alone || !self.failover || self.sentinels == 0
            }
            "max_silence" => self.min_replicas == 0,
            _ => false,
        }
    }
}

/// The parameters.
const PARAMS: &[Param<DatabaseConfig>] = &[
    Param {
        spec: row(
            0,
            ("replicas", "Replicas", "replicas"),
            whole(0.0, REPLICAS_MAX as f64, REPLICAS_MAX as f64),
            "How many members follow the primary.",
        ),
        get: |c| Value::Number(f64::from(c.replicas)),
        set: |c, v| c.replicas = number(v) as u8,
    },
    Param {
        spec: row(
            1,
            ("reads", "Reads go to", ""),
            Range::Choice(|| READS.iter().map(|(_, choice)| *choice).collect()),
            "Who answers reads. Under a quorum, reads ask several members instead.",
        ),
        get: |c| key_of(&READS, &c.reads),
        set: |c, v| choose(&READS, &v, &mut c.reads),
    },
    Param {
        spec: row(
            2,
            ("replication", "Replication", ""),
            Range::Choice(|| REPLICATIONS.iter().map(|(_, choice)| *choice).collect()),
            "When a client is told that its change is done.",
        ),
        get: |c| key_of(&REPLICATIONS, &c.replication),
        set: |c, v| choose(&REPLICATIONS, &v, &mut c.replication),
    },
    Param {
        spec: row(
            3,
            ("lag", "Replication lag", "ms"),
            ms(0.0, 1_000.0),
            "How long a change takes to reach a replica, on average. Changes arrive in order.",
        ),
        get: |c| Value::Number(c.lag_ms),
        set: |c, v| c.lag_ms = number(v),
    },
    Param {
        spec: row(
            4,
            ("lag_spread", "Lags are", ""),
            Range::Choice(|| SPREADS.iter().map(|(_, choice)| *choice).collect()),
            "Whether every change takes equally long to reach a replica.",
        ),
        get: |c| key_of(&SPREADS, &c.lag_spread),
        set: |c, v| choose(&SPREADS, &v, &mut c.lag_spread),
    },
    Param {
        spec: row(
            5,
            ("apply", "Time to apply", "ms"),
            ms(0.0, 1_000.0),
            "How long a change that a replica has received stays unseen there. It is safe on the \
             replica's disk all the while.",
        ),
        get: |c| Value::Number(c.apply_ms),
        set: |c, v| c.apply_ms = number(v),
    },
    Param {
        spec: row(
            6,
            ("workers", "Workers", "workers"),
            whole(1.0, 1_024.0, 16.0),
            "How many requests each member works on at the same time.",
        ),
        get: |c| Value::Number(f64::from(c.workers)),
        set: |c, v| c.workers = number(v) as u16,
    },
    Param {
        spec: row(
            7,
            ("read", "Read time", "ms"),
            ms(0.001, 500.0),
            "How long one read keeps one worker busy, on average.",
        ),
        get: |c| Value::Number(c.read_ms),
        set: |c, v| c.read_ms = number(v),
    },
    Param {
        spec: row(
            8,
            ("write", "Write time", "ms"),
            ms(0.001, 500.0),
            "How long one change keeps one worker of the primary busy, on average.",
        ),
        get: |c| Value::Number(c.write_ms),
        set: |c, v| c.write_ms = number(v),
    },
    Param {
        spec: row(
            9,
            ("spread", "Times are", ""),
            Range::Choice(|| SPREADS.iter().map(|(_, choice)| *choice).collect()),
            "Whether every read, and every change, takes equally long.",
        ),
        get: |c| key_of(&SPREADS, &c.spread),
        set: |c, v| choose(&SPREADS, &v, &mut c.spread),
    },
    Param {
        spec: row(
            10,
            ("queue", "Queue limit", "places"),
            whole(0.0, 1e6, 100.0),
            "How many requests may wait for a worker of each member. The next one fails: queue \
             full.",
        ),
        get: |c| Value::Number(f64::from(c.queue_limit)),
        set: |c, v| c.queue_limit = number(v) as u32,
    },
    Param {
        spec: row(
            11,
            ("records", "Records", "keys"),
            whole(0.0, 1e9, 10_000.0),
            "How many keys there are from the start, from user:0 on.",
        ),
        get: |c| Value::Number(f64::from(c.records)),
        set: |c, v| c.records = number(v) as u32,
    },
    Param {
        spec: row(
            12,
            ("semi_timeout", "Wait for replicas", "ms"),
            ms(0.0, 20_000.0),
            "How long a change waits for replicas at most. Semi-synchronous goes on without them; \
             synchronous and quorum fail it: quorum not reached.",
        ),
        get: |c| Value::Number(c.semi_timeout_ms),
        set: |c, v| c.semi_timeout_ms = number(v),
    },
    Param {
        spec: row(
            13,
            ("write_quorum", "Write quorum W", "members"),
            whole(1.0, REPLICAS_MAX as f64 + 1.0, REPLICAS_MAX as f64 + 1.0),
            "Under a quorum: how many members must have a change, the primary among them.",
        ),
        get: |c| Value::Number(f64::from(c.write_quorum)),
        set: |c, v| c.write_quorum = number(v) as u8,
    },
    Param {
        spec: row(
            14,
            ("read_quorum", "Read quorum R", "members"),
            whole(1.0, REPLICAS_MAX as f64 + 1.0, REPLICAS_MAX as f64 + 1.0),
            "Under a quorum: how many members a read asks. R + W above the number of members \
             always meets the newest change.",
        ),
        get: |c| Value::Number(f64::from(c.read_quorum)),
        set: |c, v| c.read_quorum = number(v) as u8,
    },
    Param {
        spec: row(
            15,
            ("health", "Pass over the dead", ""),
            Range::Switch,
            "Whether reads skip a replica that is known to be gone or, under sync, is behind. In \
             the course they do not, and a dead one's share of reads fails.",
        ),
        get: |c| Value::Switch(c.health),
        set: |c, v| c.health = v == Value::Switch(true),
    },
    Param {
        spec: row(
            16,
            ("failover", "Failover", ""),
            Range::Switch,
            "Whether the replica with the longest log takes the place of a primary that is gone.",
        ),
        get: |c| Value::Switch(c.failover),
        set: |c, v| c.failover = v == Value::Switch(true),
    },
    Param {
        spec: row(
            17,
            ("detection", "Detection time", "ms"),
            ms(0.0, 10_000.0),
            "How long it takes the others to know that a member is gone.",
        ),
        get: |c| Value::Number(c.detection_ms),
        set: |c, v| c.detection_ms = number(v),
    },
    Param {
        spec: row(
            18,
            ("fencing", "Fencing", ""),
            Range::Switch,
            "Whether an old primary refuses changes once there is a new one: not leader. Without, \
             both take changes, and one side's are lost.",
        ),
        get: |c| Value::Switch(c.fencing),
        set: |c, v| c.fencing = v == Value::Switch(true),
    },
    Param {
        spec: row(
            19,
            ("contention", "Contention \u{3c3}", "%"),
            share(10.0),
            "How much longer a request takes for each other one at work in the same member: with \
             n at work, 1 + \u{3c3}(n \u{2212} 1) + \u{3ba}n(n \u{2212} 1) times as long.",
        ),
        get: |c| Value::Number(c.contention),
        set: |c, v| c.contention = number(v),
    },
    Param {
        spec: row(
            20,
            ("coherency", "Coherency \u{3ba}", "%"),
            share(2.0),
            "How much longer it takes for each pair of requests at work that must agree. From \
             n = \u{221a}((1 \u{2212} \u{3c3}) / \u{3ba}) on, more at work get less done.",
        ),
        get: |c| Value::Number(c.coherency),
        set: |c, v| c.coherency = number(v),
    },
    Param {
        spec: row(
            21,
            ("wait_for", "Replicas to wait for", "replicas"),
            whole(0.0, REPLICAS_MAX as f64, REPLICAS_MAX as f64),
            "Under WAIT: how many replicas must have applied a change before the client is \
             answered, if the time for it is not over before.",
        ),
        get: |c| Value::Number(f64::from(c.wait_for)),
        set: |c, v| c.wait_for = number(v) as u8,
    },
    Param {
        spec: by_member(
            22,
            ("extra_lag", "Extra lag, by member", "ms"),
            check_lags,
            "0 300",
            "How much longer a change takes to reach each member, from member 0 on: 0 300 means \
             300 ms more to member 1. Nothing for the rest.",
        ),
        get: |c| Value::Text(c.extra_lag.clone()),
        set: |c, v| {
            if let Value::Text(list) = v {
                c.extra_lag = list;
            }
        },
    },
    Param {
        spec: by_member(
            23,
            ("priorities", "Priority, by member", ""),
            check_priorities,
            "50 10 100",
            "Who takes a primary's place, from member 0 on: the lowest number, 0 never; equal \
             ones by the longest log, then by the lowest member. 100 for the rest.",
        ),
        get: |c| Value::Text(c.priorities.clone()),
        set: |c, v| {
            if let Value::Text(list) = v {
                c.priorities = list;
            }
        },
    },
    Param {
        spec: row(
            24,
            ("sentinels", "Sentinels", "sentinels"),
            whole(0.0, SENTINELS_MAX as f64, SENTINELS_MAX as f64),
            "How many watchers beside the members decide about a failover, as Redis Sentinel: \
             only a majority of them promotes. 0 leaves it to the members.",
        ),
        get: |c| Value::Number(f64::from(c.sentinels)),
        set: |c, v| c.sentinels = number(v) as u8,
    },
    Param {
        spec: row(
            25,
            ("sentinel_quorum", "Sentinels' quorum", "sentinels"),
            whole(1.0, SENTINELS_MAX as f64, SENTINELS_MAX as f64),
            "How many sentinels must miss the primary before it counts as down for all. To \
             promote, a majority of all sentinels must vote for it besides.",
        ),
        get: |c| Value::Number(f64::from(c.sentinel_quorum)),
        set: |c, v| c.sentinel_quorum = number(v) as u8,
    },
    Param {
        spec: row(
            26,
            ("sentinels_frozen", "Sentinels frozen", "sentinels"),
            whole(0.0, SENTINELS_MAX as f64, SENTINELS_MAX as f64),
            "How many of the sentinels do not answer: they notice nothing and do not vote, and \
             count for the majority all the same.",
        ),
        get: |c| Value::Number(f64::from(c.sentinels_frozen)),
        set: |c, v| c.sentinels_frozen = number(v) as u8,
    },
    Param {
        spec: row(
            27,
            ("min_replicas", "Replicas in touch, at least", "replicas"),
            whole(0.0, REPLICAS_MAX as f64, REPLICAS_MAX as f64),
            "A primary that hears from fewer replicas refuses changes: quorum not reached. So one \
             that is cut off soon stops to take what would be lost.",
        ),
        get: |c| Value::Number(f64::from(c.min_replicas)),
        set: |c, v| c.min_replicas = number(v) as u8,
    },
    Param {
        spec: row(
            28,
            ("max_silence", "In touch within", "s"),
            Range::Number { min: 0.0, max: 3_600.0, handy: 30.0, step: 1.0, whole: false },
            "How long ago a primary may have heard from a replica and still count it. One whose \
             connection is closed does not count at once.",
        ),
        get: |c| Value::Number(c.max_silence_s),
        set: |c, v| c.max_silence_s = number(v),
    },
    Param {
        spec: row(
            29,
            ("lifetime", "Lifetime of keys", "ms"),
            ms(0.0, 10_000.0),
            "How long a written key lives; 0 is for ever. An expired one is not found anywhere; \
             it is deleted when the primary is asked for it, and its replicas wait for that.",
        ),
        get: |c| Value::Number(c.lifetime_ms),
        set: |c, v| c.lifetime_ms = number(v),
    },
];

/// A list with a number per member.
const fn by_member(
    wire: u8,
    (key, label, unit): (&'static str, &'static str, &'static str),
    check: fn(&str) -> Result<(), String>,
    example: &'static str,
    help: &'static str,
) -> Spec {
    row(wire, (key, label, unit), Range::Text { most: 100, check, example }, help)
}

/// A share in percent as a range, with this much on the slider.
const fn share(handy: f64) -> Range {
    Range::Number { min: 0.0, max: 100.0, handy, step: 0.1, whole: false }
}
