//! A member of a cluster: its entries, its workers and its line.

use std::collections::VecDeque;

use super::config::ClusterConfig;
use crate::node::shelf::{Cause, Entry, Put, Shelf};
use crate::policy::Knobs;
use crate::policy::evict::Eviction;
use crate::sim::{Found, Key, Rng, Span, Time, Why};
use crate::stats::Meter;

/// One member.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) up: bool,
    pub(super) cut: bool,
    /// Is it known to be gone?
    pub(super) gone: bool,
    /// Since when it cannot be reached, while it cannot.
    pub(super) lost_at: Option<Time>,
    /// Is it new, or back, and not everything handed over to it yet?
    pub(super) joining: bool,
    pub(super) shelf: Shelf,
    /// Shares in the hands of workers, and those that wait, by their tickets.
    pub(super) busy: u32,
    pub(super) line: VecDeque<u32>,
    /// Counts the times that it was lost or found.
    pub(super) watch: u32,
    pub(super) asked: Meter,
    pub(super) hits: u64,
    pub(super) misses: u64,
}

/// What came of handing a member a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// It is there; these left for it.
    In(Vec<Key>),
    /// A newer one was there, or the policy did not let it in.
    Not,
}

impl Member {
    /// Member number `place` of the cluster `id`, empty and idle.
    pub(super) fn new(seed: u64, id: &str, place: usize, config: &ClusterConfig) -> Member {
        Member {
            up: true,
            cut: false,
            gone: false,
            lost_at: None,
            joining: false,
            shelf: Shelf::new(make(config), Rng::stream(seed, id, &format!("entries {place}"))),
            busy: 0,
            line: VecDeque::new(),
            watch: 0,
            asked: Meter::default(),
            hits: 0,
            misses: 0,
        }
    }

    /// Can it be reached?
    pub(super) fn in_reach(&self) -> bool {
        self.up && !self.cut
    }

    /// The entry of a key that is not over.
    pub(super) fn look(&self, key: Key, now: Time) -> Option<Entry> {
        self.shelf.look(key).filter(|entry| now <= entry.ends)
    }

    /// The value of a key that is not over.
    pub(super) fn value(&self, key: Key, now: Time) -> Option<Entry> {
        self.look(key, now).filter(|entry| entry.found == Found::Value)
    }

    /// Takes a version, unless it has a newer one. Says what came of it.
    pub(super) fn keep(&mut self, key: Key, entry: Entry, now: Time, why: &mut Why) -> Kept {
        let newer = self.look(key, now).is_some_and(|held| held.stamp > entry.stamp);
        let deletes = entry.found == Found::Nothing;
        if newer || (entry.ends < now && !deletes) {
            return Kept::Not;
        }
        if deletes && entry.ends <= now {
            // It is not remembered, or not any more.
            self.shelf.remove(key, now, Cause::Forgotten);
            return Kept::In(Vec::new());
        }
        match self.shelf.put(key, Entry { since: now, ..entry }, Span::ZERO, why) {
            Put::In(out) => Kept::In(out),
            Put::NotAdmitted => Kept::Not,
        }
    }

    /// Another policy or capacity: how many entries found no room.
    pub(super) fn rebuild(&mut self, config: &ClusterConfig, now: Time) -> u64 {
        self.shelf.rebuild(make(config), now).len() as u64
    }

    /// It dies: everything it holds is lost.
    pub(super) fn fall(&mut self, config: &ClusterConfig, now: Time) {
        self.up = false;
        self.busy = 0;
        self.line.clear();
        self.flush(config, now);
    }

    /// Everything it keeps is forgotten.
    pub(super) fn flush(&mut self, config: &ClusterConfig, now: Time) {
        self.shelf.clear(make(config), now);
    }
}

fn make(config: &ClusterConfig) -> Box<dyn Eviction> {
    let capacity = config.capacity.max(1) as usize;
    let made = (config.eviction().make)(Knobs::DEFAULTS, capacity);
    made.expect("every capacity in its range is allowed, as a test of the cache checks")
}
