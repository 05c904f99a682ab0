//! What can be set on a database.

use super::choices::{READS, REPLICATIONS, Reads, Replication, SPREADS, Spread};
use crate::node::Settings;
use crate::node::param::{Param, Range, Value, choose, key_of, number, row, whole};

/// The most replicas of a primary.
const REPLICAS_MAX: u8 = 8;

/// What can be set on a database.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseConfig {
    /// Keys that are there from the start: `user:0` up to this many.
    pub records: u32,
    /// Members beside the primary.
    pub replicas: u8,
    /// Requests that each member works on at the same time.
    pub workers: u16,
    /// Mean time of a read, in ms.
    pub read_ms: f64,
    /// Mean time of a change at the primary, in ms.
    pub write_ms: f64,
    /// How the two vary.
    pub spread: Spread,
    /// Waiting places at each member.
    pub queue_limit: u32,
    /// When a change is acknowledged.
    pub replication: Replication,
    /// Mean time until a replica has received a change, in ms.
    pub lag_ms: f64,
    /// How that varies.
    pub lag_spread: Spread,
    /// Time from there until reads see it, in ms.
    pub apply_ms: f64,
    /// How long a change waits for replicas at most, in ms.
    pub semi_timeout_ms: f64,
    /// Members that must have applied a change, the primary among them.
    pub write_quorum: u8,
    /// Members that a read asks.
    pub read_quorum: u8,
    /// Who answers reads.
    pub reads: Reads,
    /// Is a replica that is known to be gone passed over?
    pub health: bool,
    /// Does a replica take the place of a primary that is gone?
    pub failover: bool,
    /// Time until the others know that a member is gone, in ms.
    pub detection_ms: f64,
    /// Does an old primary refuse changes once there is a new one?
    pub fencing: bool,
    /// How much longer each request takes for each other one at work in the same member, in
    /// percent: the time they queue for what only one can have.
    pub contention: f64,
    /// How much longer it takes for each pair of them, in percent: the time they spend on
    /// agreeing.
    pub coherency: f64,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        DatabaseConfig {
            records: 1_000,
            replicas: 2,
            workers: 4,
            read_ms: 5.0,
            write_ms: 10.0,
            spread: Spread::Exponential,
            queue_limit: 100,
            replication: Replication::Async,
            lag_ms: 50.0,
            lag_spread: Spread::Exponential,
            apply_ms: 0.0,
            semi_timeout_ms: 10_000.0,
            write_quorum: 2,
            read_quorum: 2,
            reads: Reads::RoundRobin,
            health: true,
            failover: true,
            detection_ms: 1_000.0,
            fencing: true,
            contention: 0.0,
            coherency: 0.0,
        }
    }
}

/// A length of time in ms as a range, with this much on the slider.
const fn ms(min: f64, handy: f64) -> Range {
    Range::Number { min, max: 3.6e6, handy, step: 1.0, whole: false }
}

impl Settings for DatabaseConfig {
    const PARAMS: &'static [Param<Self>] = PARAMS;

    fn idle(&self, key: &str) -> bool {
        let alone = self.replicas == 0;
        let quorum = self.replication == Replication::Quorum;
        match key {
            "reads" => alone || quorum,
            "health" => alone || quorum || self.reads == Reads::PrimaryOnly,
            "replication" | "lag" | "lag_spread" | "apply" | "failover" => alone,
            "semi_timeout" => alone || self.replication == Replication::Async,
            "write_quorum" | "read_quorum" => !quorum,
            "detection" | "fencing" => alone || !self.failover,
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
];

/// A share in percent as a range, with this much on the slider.
const fn share(handy: f64) -> Range {
    Range::Number { min: 0.0, max: 100.0, handy, step: 0.1, whole: false }
}

impl DatabaseConfig {
    /// How many members it has.
    pub fn members(&self) -> usize {
        usize::from(self.replicas) + 1
    }

    /// How many times as long each request takes with so many at work in its member: the universal
    /// scalability law (Gunther, "A General Theory of Computational Scalability", 2008), by which
    /// n at work get n / (1 + σ(n − 1) + κn(n − 1)) times as much done as one.
    pub fn slowdown(&self, at_work: usize) -> f64 {
        let n = at_work.max(1) as f64;
        1.0 + self.contention / 100.0 * (n - 1.0) + self.coherency / 100.0 * n * (n - 1.0)
    }

    /// How many members must have a change, and how many a read asks: no more than there are.
    pub(super) fn quorums(&self) -> (usize, usize) {
        let most = |n: u8| usize::from(n).min(self.members());
        (most(self.write_quorum), most(self.read_quorum))
    }
}
