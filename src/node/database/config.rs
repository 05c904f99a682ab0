//! What can be set on a database, as plain data.

use super::choices::{Reads, Replication, Spread};
use crate::sim::Span;

/// The most replicas of a primary.
pub(super) const REPLICAS_MAX: u8 = 8;
/// The most watchers beside the members.
pub(super) const SENTINELS_MAX: u8 = 9;
/// The longest time that can be set, in ms.
pub(super) const MS_MAX: f64 = 3.6e6;
/// The priority of a member that has none of its own, as Redis' `replica-priority`.
pub(super) const PRIORITY: u16 = 100;
/// The largest priority that can be set.
const PRIORITY_MAX: u16 = 10_000;

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
    /// Under WAIT: replicas that must have applied a change before the client goes on.
    pub wait_for: u8,
    /// What each member's changes take longer on their way to it than others', in ms: a list from
    /// member 0 on; nothing for those beyond its end.
    pub extra_lag: String,
    /// Who is promoted first, the lower the sooner, 0 never: a list from member 0 on;
    /// [`PRIORITY`] for those beyond its end.
    pub priorities: String,
    /// Watchers beside the members that decide about a failover; 0 means that the members do it by
    /// themselves.
    pub sentinels: u8,
    /// How many watchers must hold a primary for gone.
    pub sentinel_quorum: u8,
    /// How many watchers do not answer.
    pub sentinels_frozen: u8,
    /// Replicas that must have been heard from lately, or the primary refuses changes.
    pub min_replicas: u8,
    /// How long ago that may be, in seconds.
    pub max_silence_s: f64,
    /// How long a written key lives, in ms; 0 is for ever.
    pub lifetime_ms: f64,
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
            wait_for: 1,
            extra_lag: String::new(),
            priorities: String::new(),
            sentinels: 0,
            sentinel_quorum: 2,
            sentinels_frozen: 0,
            min_replicas: 0,
            max_silence_s: 10.0,
            lifetime_ms: 0.0,
        }
    }
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

    /// How much longer changes take to reach this member than others.
    pub(super) fn extra_lag(&self, place: usize) -> Span {
        let ms = numbers(&self.extra_lag).unwrap_or_default().get(place).copied();
        Span::from_millis_f64(ms.unwrap_or(0.0))
    }

    /// Its priority at a promotion: the lowest comes first, 0 never.
    pub fn priority(&self, place: usize) -> u16 {
        let set = numbers(&self.priorities).unwrap_or_default().get(place).copied();
        set.map_or(PRIORITY, |n| n as u16)
    }

    /// Watchers that answer.
    pub fn sentinels_awake(&self) -> u8 {
        self.sentinels.saturating_sub(self.sentinels_frozen)
    }

    /// How many votes a watcher needs to lead a failover: a majority of all watchers, awake or
    /// not, and no fewer than hold the primary for gone.
    pub fn votes_needed(&self) -> u8 {
        (self.sentinels / 2 + 1).max(self.sentinel_quorum)
    }
}

/// Numbers with spaces or commas between them, one per member from member 0 on.
fn numbers(text: &str) -> Result<Vec<f64>, String> {
    let words = text.split([' ', ',']).filter(|word| !word.is_empty());
    let number = |word: &str| word.parse().map_err(|_| "must be numbers".to_owned());
    words.map(number).collect()
}

/// Says what is wrong with a list of numbers up to `most`, if anything is.
fn check(text: &str, most: f64, whole: bool) -> Result<(), String> {
    let all = numbers(text)?;
    let members = usize::from(REPLICAS_MAX) + 1;
    let fits = |n: &f64| (0.0..=most).contains(n) && (!whole || n.fract() == 0.0);
    match () {
        () if all.len() > members => Err(format!("must be at most {members} numbers")),
        () if !all.iter().all(fits) => {
            let kind = if whole { "whole numbers" } else { "numbers" };
            Err(format!("must be {kind} between 0 and {most}"))
        }
        () => Ok(()),
    }
}

/// Says what is wrong with a list of times in ms.
pub(super) fn check_lags(text: &str) -> Result<(), String> {
    check(text, MS_MAX, false)
}

/// Says what is wrong with a list of priorities.
pub(super) fn check_priorities(text: &str) -> Result<(), String> {
    check(text, f64::from(PRIORITY_MAX), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_by_member_are_read_or_refused() {
        let config = DatabaseConfig {
            extra_lag: "0, 300".to_owned(),
            priorities: "100 10 0".to_owned(),
            ..DatabaseConfig::default()
        };
        assert_eq!([0, 1, 2].map(|n| config.extra_lag(n).millis()), [0.0, 300.0, 0.0]);
        assert_eq!([0, 1, 2, 3].map(|n| config.priority(n)), [100, 10, 0, PRIORITY]);
        for wrong in ["x", "-1", "1e9", "NaN", "1 2 3 4 5 6 7 8 9 10"] {
            assert!(check_lags(wrong).is_err() && check_priorities(wrong).is_err(), "{wrong}");
        }
        assert!(check_lags("").is_ok() && check_lags("0.5").is_ok());
        assert!(check_priorities("0.5").is_err());
    }

    #[test]
    fn a_leader_needs_a_majority_of_all_and_the_quorum() {
        let votes = |sentinels, sentinel_quorum| {
            let config = DatabaseConfig { sentinels, sentinel_quorum, ..DatabaseConfig::default() };
            config.votes_needed()
        };
        assert_eq!([votes(3, 1), votes(3, 2), votes(3, 3), votes(5, 2)], [2, 2, 3, 3]);
    }
}
