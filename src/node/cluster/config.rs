//! What can be set on a cache cluster.

use crate::node::tuning::Tuning;
use crate::policy::{Knob, evict, place};

/// How many of a key's members must answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// One.
    One,
    /// More than half.
    Quorum,
    /// Every one.
    All,
}

impl Level {
    /// How many that is of `copies`.
    pub fn of(self, copies: usize) -> usize {
        match self {
            Level::One => 1,
            Level::Quorum => copies / 2 + 1,
            Level::All => copies,
        }
    }
}

/// Which of a key's members a read asks first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadsFrom {
    /// The owner, then the next on the list.
    Owner,
    /// Each in turn.
    InTurn,
}

/// Who loads, and where writes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// It loads what it misses. A write goes to the store first, then into the cluster.
    WriteThrough,
    /// The application manages it: it answers what it has, and takes what it is given.
    CacheAside,
    /// It loads what it misses; writes pass by unseen.
    ReadThrough,
}

/// What can be set on a cache cluster.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// How many members there are.
    pub members: u8,
    /// The placement, from the catalogue.
    pub placement: &'static str,
    /// The placements' own settings.
    pub tuning: Tuning,
    /// How many members hold each key, if there are so many.
    pub copies: u8,
    /// How many of them a read needs.
    pub read_level: Level,
    /// How many of them a write needs.
    pub write_level: Level,
    /// Which of them a read asks first.
    pub reads_from: ReadsFrom,
    /// Are the other members that hold a key asked when those first asked have nothing?
    pub second_look: bool,
    /// How much later copies are made that a write does not wait for, in ms.
    pub lag_ms: f64,
    /// Who loads, and where writes go.
    pub pattern: Pattern,
    /// How many entries fit into each member.
    pub capacity: u32,
    /// Which entry leaves, from the catalogue.
    pub policy: &'static str,
    /// Life of an entry in ms; 0 is without end.
    pub ttl_ms: f64,
    /// How long a deletion is remembered, in ms; 0 is not at all.
    pub tombstone_ms: f64,
    /// How long a member takes for a look or a change, in ms.
    pub look_ms: f64,
    /// How many of them each member does at the same time; 0 is any number.
    pub workers: u16,
    /// Waiting places at each member.
    pub queue_limit: u32,
    /// Time to a member, and the same back, in ms.
    pub hop_ms: f64,
    /// How long a member's answer is waited for, in ms.
    pub timeout_ms: f64,
    /// Time from one heartbeat to the next, in ms.
    pub heartbeat_ms: f64,
    /// So many heartbeats in a row must be missing before a member is known to be gone.
    pub misses: u16,
    /// Does the next on the list take the place of a member that is known to be gone?
    pub failover: bool,
    /// Are entries handed to whoever is to hold them after a change?
    pub handover: bool,
    /// How many keys are handed over in a second.
    pub move_rate: f64,
    /// Is what a member that is gone should have got kept for it?
    pub hints: bool,
    /// Is a member that answered with an older version given the newest?
    pub repair: bool,
    /// From when on the last member is one of them, in s; 0 is from the beginning.
    pub joins_s: f64,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        ClusterConfig {
            members: 4,
            placement: "ketama",
            tuning: Tuning::default(),
            copies: 2,
            read_level: Level::One,
            write_level: Level::One,
            reads_from: ReadsFrom::InTurn,
            second_look: true,
            lag_ms: 50.0,
            pattern: Pattern::WriteThrough,
            capacity: 100,
            policy: "lru",
            ttl_ms: 0.0,
            tombstone_ms: 1_000.0,
            look_ms: 0.5,
            workers: 0,
            queue_limit: 100,
            hop_ms: 0.5,
            timeout_ms: 100.0,
            heartbeat_ms: 500.0,
            misses: 3,
            failover: true,
            handover: false,
            move_rate: 50.0,
            hints: false,
            repair: false,
            joins_s: 0.0,
        }
    }
}

impl ClusterConfig {
    /// The catalogue entry of the placement.
    pub fn placing(&self) -> &'static place::Entry {
        place::find(self.placement).unwrap_or(place::CATALOGUE[0])
    }

    /// The catalogue entry of the eviction policy.
    pub fn eviction(&self) -> &'static evict::Entry {
        evict::find(self.policy).unwrap_or(evict::CATALOGUE[0])
    }

    /// Does the other one place keys by the same rule?
    pub(super) fn same_rule(&self, other: &ClusterConfig) -> bool {
        let set = |c: &ClusterConfig, knob: &Knob| c.tuning.of(c.placement).get(knob);
        self.placement == other.placement
            && self.placing().knobs.iter().all(|knob| set(self, knob) == set(other, knob))
    }

    /// Every setting but the placement's own, to compare.
    fn plain(&self) -> impl PartialEq {
        let counts = (self.members, self.copies, self.capacity, self.workers, self.queue_limit);
        let counts = (counts, self.misses);
        let choices = (self.read_level, self.write_level, self.reads_from, self.pattern);
        let switches = [self.failover, self.handover, self.hints, self.repair, self.second_look];
        let times = [self.lag_ms, self.ttl_ms, self.tombstone_ms, self.look_ms, self.hop_ms];
        let more = [self.timeout_ms, self.heartbeat_ms, self.move_rate, self.joins_s];
        (counts, choices, switches, times, more, self.policy)
    }
}

impl PartialEq for ClusterConfig {
    fn eq(&self, other: &ClusterConfig) -> bool {
        self.same_rule(other) && self.plain() == other.plain()
    }
}
