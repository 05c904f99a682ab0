//! A member of a database: its data, how far it has the log, its workers and its line.

use std::collections::VecDeque;

use super::log::{Cell, Is, Log};
use super::loss::Lost;
use crate::sim::{Key, KeyMap, Rng, Span, Time};

/// Something that a member's workers have to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// The request in this slot.
    Request(u32),
    /// Its share of a read that several are asked for, by the number of the poll.
    Share(u32),
}

/// What a member has that the database no longer has: changes made or received before it, or the
/// others, learned that somebody else is the primary now.
#[derive(Clone, Debug, Default)]
pub(super) struct Apart {
    /// The last entry it shares with the others.
    pub(super) from: u64,
    /// What the keys were there, to go back.
    pub(super) undo: KeyMap<Cell>,
    /// How many entries it has beyond.
    pub(super) entries: u64,
    /// How many changes it acknowledged after somebody else had become the primary.
    pub(super) acknowledged: u64,
    /// The first of those.
    pub(super) shown: Vec<Lost>,
}

/// One member.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) up: bool,
    pub(super) cut: bool,
    /// Does it hold itself for the primary?
    pub(super) leads: bool,
    /// Have the others noticed that they cannot reach it?
    pub(super) missed: bool,
    /// Since when the others cannot reach it, if they cannot.
    pub(super) silent: Option<Time>,
    /// How much longer changes take to reach it than others.
    pub(super) extra_lag: Span,
    /// Does it have every acknowledged change? Kept up to date under sync only.
    pub(super) in_sync: bool,
    pub(super) data: KeyMap<Cell>,
    /// The last entry it has received, and the last it has applied.
    pub(super) received: u64,
    pub(super) applied: u64,
    /// When the next entries come in, first the one after `received`.
    pub(super) coming: VecDeque<Time>,
    /// When the received ones are applied, first the one after `applied`.
    pub(super) ripening: VecDeque<Time>,
    pub(super) apart: Option<Apart>,
    pub(super) workers: Vec<Option<Task>>,
    pub(super) line: VecDeque<Task>,
    /// Counts its crashes: what a worker was doing before one never ends.
    pub(super) life: u16,
    /// Counts the times that its deliveries, and what waits to be applied, began anew.
    pub(super) feed: u32,
    pub(super) ripe: u32,
    /// Counts the times that it was lost or found.
    pub(super) watch: u32,
    /// How often it was asked, also while it could not answer.
    pub(super) asked: u64,
    pub(super) service: Rng,
    pub(super) delays: Rng,
}

impl Member {
    /// Member number `place` of the database `id`, empty and idle.
    pub(super) fn new(seed: u64, id: &str, place: usize, workers: usize) -> Member {
        Member {
            up: true,
            cut: false,
            leads: false,
            missed: false,
            silent: None,
            extra_lag: Span::ZERO,
            in_sync: true,
            data: KeyMap::default(),
            received: 0,
            applied: 0,
            coming: VecDeque::new(),
            ripening: VecDeque::new(),
            apart: None,
            workers: vec![None; workers],
            line: VecDeque::new(),
            life: 0,
            feed: 0,
            ripe: 0,
            watch: 0,
            asked: 0,
            service: Rng::stream(seed, id, &format!("service {place}")),
            delays: Rng::stream(seed, id, &format!("lag {place}")),
        }
    }

    /// Can the other members reach it?
    pub(super) fn in_reach(&self) -> bool {
        self.up && !self.cut
    }

    /// The version of a key that it has.
    pub(super) fn cell(&self, key: Key) -> Cell {
        self.data.get(key).unwrap_or_default()
    }

    /// Workers at work.
    pub(super) fn busy(&self) -> usize {
        self.workers.iter().flatten().count()
    }

    /// Everything in its hands, workers first; it is idle then.
    pub(super) fn drop_all(&mut self) -> Vec<Task> {
        self.life = self.life.wrapping_add(1);
        let working = self.workers.iter_mut().filter_map(Option::take);
        working.chain(self.line.drain(..)).collect()
    }

    /// Nothing is on its way to it any more.
    pub(super) fn stop_feed(&mut self) {
        self.feed = self.feed.wrapping_add(1);
        self.coming.clear();
    }

    /// Everything it has received is applied.
    pub(super) fn catch_up(&mut self, log: &Log) {
        self.ripe = self.ripe.wrapping_add(1);
        self.ripening.clear();
        while self.applied < self.received {
            self.apply_next(log);
        }
    }

    /// Applies the next entry that it has received.
    pub(super) fn apply_next(&mut self, log: &Log) {
        self.applied += 1;
        if let Some(entry) = log.get(self.applied) {
            self.store(entry.key, entry.after);
        }
    }

    /// A key becomes this.
    pub(super) fn store(&mut self, key: Key, cell: Cell) {
        match cell.is {
            Is::Loaded => self.data.remove(key),
            Is::Written | Is::Deleted | Is::Moved(_) => self.data.insert(key, cell),
        };
    }
}
