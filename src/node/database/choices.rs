//! What can be chosen on a database: how it replicates, who answers reads, how times vary.

use crate::node::param::Choice;

/// How lengths of time vary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// Always the mean.
    Constant,
    /// Exponential.
    Exponential,
}

/// When a change is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replication {
    /// As soon as the primary has it.
    Async,
    /// When one replica has received it, or after a time without that.
    SemiSync,
    /// When all replicas have applied it.
    Sync,
    /// When a number of members have applied it.
    Quorum,
    /// When a number of replicas have applied it, or after a time without that.
    Wait,
}

/// Who answers reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Replicas in turn.
    RoundRobin,
    /// The primary.
    PrimaryOnly,
    /// The replica whose turn it is, if it has what the session wrote.
    ReadYourWrites,
    /// The replica whose turn it is, if it has all that the session was shown.
    Monotonic,
}

pub(super) const REPLICATIONS: [(Replication, Choice); 5] = [
    (
        Replication::Async,
        Choice::plain(
            "async",
            0,
            "Asynchronous",
            "Acknowledged when the primary has it; replicas follow.",
        ),
    ),
    (
        Replication::SemiSync,
        Choice::plain(
            "semi_sync",
            1,
            "Semi-synchronous, as MySQL",
            "Acknowledged when one replica has received it; after the timeout as asynchronous, \
             until a replica has caught up.",
        ),
    ),
    (
        Replication::Sync,
        Choice::plain(
            "sync",
            2,
            "Synchronous",
            "Acknowledged when every replica that is known to be there has applied it.",
        ),
    ),
    (
        Replication::Quorum,
        Choice::plain(
            "quorum",
            3,
            "Quorum",
            "Acknowledged when W members have applied it; reads ask R and take the newest.",
        ),
    ),
    (
        Replication::Wait,
        Choice::plain(
            "wait",
            4,
            "Asynchronous, then WAIT, as Redis",
            "The client waits until so many replicas have applied its change, or until the time \
             is over, and is told how many have. The change is done either way.",
        ),
    ),
];

pub(super) const READS: [(Reads, Choice); 4] = [
    (
        Reads::RoundRobin,
        Choice::plain(
            "round_robin",
            0,
            "Replicas in turn, as in the course",
            "replicas[cursor], then cursor = (cursor + 1) mod n; no replicas means the primary.",
        ),
    ),
    (
        Reads::PrimaryOnly,
        Choice::plain("primary_only", 1, "The primary only", "Replicas only wait for their day."),
    ),
    (
        Reads::ReadYourWrites,
        Choice::plain(
            "read_your_writes",
            2,
            "Read your writes, by log position",
            "The replica whose turn it is, if it has applied the last change of this client \
             address (as a GTID is waited for); the primary otherwise.",
        ),
    ),
    (
        Reads::Monotonic,
        Choice::plain(
            "monotonic",
            3,
            "Monotonic reads, by log position",
            "The replica whose turn it is, if it has applied all that this client address was \
             shown before; the primary otherwise.",
        ),
    ),
];

pub(super) const SPREADS: [(Spread, Choice); 2] = [
    (
        Spread::Exponential,
        Choice::plain(
            "exponential",
            0,
            "Exponential",
            "Many short ones and a few long ones; spread equal to the mean.",
        ),
    ),
    (Spread::Constant, Choice::plain("constant", 1, "Constant", "All alike.")),
];
