//! A partitioned table: rows fall in partitions inside one node, and each partition has workers and
//! a queue of its own, so that a hot one is seen.
//!
//! Modelled: hashing as in the course (four partitions for good) and ranges between bounds; which
//! partitions are attached; point queries that touch one partition and range queries that touch all
//! (hash) or those they meet (range), at the same time, and wait for the last; ranges that are
//! split at their median row. Rows survive a crash, queries in hand do not. Not modelled: indexes,
//! locks, the time that a split or a change of scheme takes (none), the size of rows.
//!
//! Formula: a partition is an M/M/c of its own; its load is its share of the queries x rate x time
//! per partition / workers.

mod config;
mod parts;
mod rows;
mod why;

use std::collections::BTreeMap;

pub use config::{Scheme, Spread, TableConfig, order};
pub use parts::{PARTITIONS_MAX, Part};

use self::parts::Parts;
use self::rows::{Row, Rows, State};
use crate::sim::{
    Context, Dist, Event, Found, Key, Op, Outcome, Reason, Rng, Signal, Sink, Span, Stamp, Time,
    What,
};
use crate::stats::Meter;

/// One query in hand.
#[derive(Clone, Copy, Debug)]
struct Task {
    /// Its turn: those that came earlier have smaller ones.
    turn: u64,
    /// Partitions that have not done their part yet.
    left: u32,
    /// Partitions that are at it just now.
    working: u32,
    /// When the last of those will be done.
    until: Time,
}

/// What one worker is at.
#[derive(Clone, Copy, Debug)]
struct Job {
    slot: u32,
    part: usize,
}

const DONE: u8 = 0;

/// A running table.
#[derive(Clone, Debug)]
pub struct Table {
    config: TableConfig,
    service: Dist,
    rng: Rng,
    parts: Parts,
    rows: Rows,
    /// Queries in hand by their slots.
    tasks: BTreeMap<u32, Task>,
    turns: u64,
    /// What workers are at, by numbers that are never used twice in a run of this length.
    jobs: BTreeMap<u32, Job>,
    next_job: u32,
    slow: u64,
    refuses: bool,
    arrived: Meter,
    served: Meter,
    touched: u64,
    refused: u64,
    not_found: u64,
    lost: u64,
    splits: u64,
}

impl Table {
    /// A table called `id` in a run with this seed.
    pub fn new(id: &str, seed: u64, config: TableConfig) -> Table {
        Table {
            service: service(&config),
            rng: Rng::stream(seed, id, "service"),
            parts: Parts::new(&config),
            rows: Rows::first(config.records),
            config,
            tasks: BTreeMap::new(),
            turns: 0,
            jobs: BTreeMap::new(),
            next_job: 0,
            slow: 1,
            refuses: false,
            arrived: Meter::default(),
            served: Meter::default(),
            touched: 0,
            refused: 0,
            not_found: 0,
            lost: 0,
            splits: 0,
        }
    }

    /// New settings. Another scheme or other bounds sort all rows anew, in no time; queries in hand
    /// begin again.
    pub fn configure<S: Sink + ?Sized>(&mut self, config: TableConfig, cx: &mut Context<'_, S>) {
        let layout = |c: &TableConfig| (c.scheme, c.bounds.clone(), c.records);
        let same = layout(&self.config) == layout(&config);
        self.service = service(&config);
        self.config = config;
        if same {
            self.parts.attach(&self.config);
            self.split_all(cx);
            self.take_up(cx);
        } else {
            self.rows.set_first(self.config.records);
            self.sort_anew(cx);
        }
    }

    /// The settings in force.
    pub fn config(&self) -> &TableConfig {
        &self.config
    }

    /// The partitions, ranges in their order.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.parts.in_order()
    }

    /// Queries that came, by rate and in all.
    pub fn arrived(&self) -> &Meter {
        &self.arrived
    }

    /// Queries answered, by rate and in all.
    pub fn served(&self) -> &Meter {
        &self.served
    }

    /// Partitions touched by all queries together.
    pub fn touched(&self) -> u64 {
        self.touched
    }

    /// Queries turned away because a queue was full.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Queries for a partition that was not attached.
    pub fn not_found(&self) -> u64 {
        self.not_found
    }

    /// Queries lost in crashes.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Ranges that were split since the beginning.
    pub fn splits(&self) -> u64 {
        self.splits
    }

    /// Queries in hand: those that some partition works on, and those that only wait.
    pub fn in_hand(&self) -> (u32, u32) {
        let working = self.tasks.values().filter(|task| task.working > 0).count() as u32;
        (working, self.tasks.len() as u32 - working)
    }

    pub(super) fn start<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        self.count(cx);
    }

    pub(super) fn on_event<S: Sink + ?Sized>(&mut self, event: Event, cx: &mut Context<'_, S>) {
        match event.what {
            What::Arrive => {
                self.arrived.mark(cx.now());
                self.arrive(event.arg, cx);
            }
            What::Timer(DONE) => {
                if let Some(job) = self.jobs.remove(&event.arg) {
                    self.done(job, cx);
                }
            }
            What::Timer(_) | What::Reply | What::Planned => {}
        }
    }

    pub(super) fn on_signal<S: Sink + ?Sized>(&mut self, signal: Signal, cx: &mut Context<'_, S>) {
        match signal {
            Signal::Slow(factor) => self.slow = u64::from(factor),
            Signal::RefuseWrites(on) => self.refuses = on,
            Signal::Crash => {
                for slot in self.drop_work(cx.now()) {
                    self.lost += 1;
                    cx.fail(slot, Reason::ConnectionLost);
                }
            }
            Signal::Parcel => {
                if let Some(keys) = cx.take_parcel() {
                    self.rows.set_base(keys);
                    self.sort_anew(cx);
                }
            }
            Signal::Restart
            | Signal::SendOne(..)
            | Signal::LinkAdded(_)
            | Signal::LinkRemoved(_)
            | Signal::PeerChanged(_)
            | Signal::Part(..)
            | Signal::Flush
            | Signal::CheckClock(_)
            | Signal::StoodStill(_) => {}
        }
    }

    /// Which partitions a query touches.
    fn touches<S: Sink + ?Sized>(&self, slot: u32, cx: &Context<'_, S>) -> Vec<usize> {
        let Some(request) = cx.request(slot) else { return Vec::new() };
        let first = spelled(request.key, cx);
        let last = match (request.op, request.key.number()) {
            (Op::Scan, Some(number)) => number.saturating_add(request.width.saturating_sub(1)),
            _ => return vec![self.parts.of(&first)],
        };
        self.parts.between(&first, &spelled(Key::numbered(last), cx))
    }

    fn arrive<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        let Some(op) = cx.request(slot).map(|request| request.op) else { return };
        let changes = op.changes() || matches!(op, Op::MoveIn | Op::MoveOut);
        if self.refuses && changes {
            return cx.fail(slot, Reason::WriteRefused);
        }
        if matches!(op, Op::Fill | Op::Invalidate) {
            // It is no cache.
            return cx.fail(slot, Reason::BadRequest);
        }
        let parts = self.touches(slot, cx);
        let mut why = cx.why(slot);
        if why.wanted() {
            self.explain(slot, &parts, &mut why, cx);
        }
        cx.decided(slot, why);
        self.touched += parts.len() as u64;
        if parts.iter().any(|&part| !self.parts.all[part].attached) {
            self.not_found += 1;
            return cx.fail(slot, Reason::PartitionNotFound);
        }
        if parts.iter().any(|&part| self.is_full(part)) {
            self.refused += 1;
            return cx.fail(slot, Reason::QueueFull);
        }
        self.turns += 1;
        let left = parts.len() as u32;
        let task = Task { turn: self.turns, left, working: 0, until: Time::ZERO };
        self.tasks.insert(slot, task);
        cx.wait(slot);
        for part in parts {
            let place = &mut self.parts.all[part];
            place.line.push_back(slot);
            place.waiting.set(cx.now(), place.line.len() as u32);
        }
        self.take_up(cx);
    }

    /// Would one more have no place there?
    fn is_full(&self, part: usize) -> bool {
        let part = &self.parts.all[part];
        let free = part.busy.value() < u32::from(self.config.workers);
        !free && part.line.len() >= self.config.queue_limit as usize
    }

    /// Puts free workers to work.
    fn take_up<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        while let Some(part) = self.parts.ready(self.config.workers) {
            let place = &mut self.parts.all[part];
            let Some(slot) = place.line.pop_front() else { return };
            place.waiting.set(cx.now(), place.line.len() as u32);
            place.busy.set(cx.now(), place.busy.value() + 1);
            let span: Span = self.service.draw(&mut self.rng) * self.slow;
            self.next_job = self.next_job.wrapping_add(1);
            self.jobs.insert(self.next_job, Job { slot, part });
            cx.wake_in(span, DONE, self.next_job);
            if let Some(task) = self.tasks.get_mut(&slot) {
                let until = cx.now() + span;
                let longer = task.working == 0 || until > task.until;
                task.working += 1;
                if longer {
                    task.until = until;
                    cx.serve(slot, span);
                }
            }
        }
    }

    /// A worker is done with a query.
    fn done<S: Sink + ?Sized>(&mut self, job: Job, cx: &mut Context<'_, S>) {
        let place = &mut self.parts.all[job.part];
        place.busy.set(cx.now(), place.busy.value().saturating_sub(1));
        place.served.mark(cx.now());
        if let Some(task) = self.tasks.get_mut(&job.slot) {
            task.left -= 1;
            task.working -= 1;
            match (task.left, task.working) {
                (0, _) => {
                    self.tasks.remove(&job.slot);
                    self.answer(job.slot, cx);
                }
                (_, 0) => cx.wait(job.slot),
                _ => {}
            }
        }
        self.take_up(cx);
    }

    /// Does what the query asks for and answers.
    fn answer<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        let Some(&request) = cx.request(slot) else { return };
        let key = request.key;
        let row = self.rows.get(key);
        let stamp = row.map_or(Stamp::default(), |row| row.stamp);
        let is_here = row.is_some_and(|row| row.state == State::Here);
        match request.op {
            Op::Read => {
                let deleted = row.filter(|row| row.state == State::Deleted);
                match is_here {
                    true => cx.found(slot, Found::Value, stamp),
                    false => {
                        let stamp = deleted.map_or(Stamp::default(), |row| row.stamp);
                        cx.found(slot, Found::Nothing, stamp);
                    }
                }
            }
            Op::Write | Op::Delete => {
                let stamp = cx.commit(slot);
                let state = if request.op == Op::Write { State::Here } else { State::Deleted };
                self.put(key, Row { stamp, state }, cx);
            }
            Op::MoveIn => {
                // What was written here meanwhile is newer than what was given away elsewhere.
                let known = row.filter(|row| row.state != State::Handed);
                if known.is_none_or(|known| request.stamp > known.stamp) {
                    let deleted = request.found == Found::Nothing;
                    let state = if deleted { State::Deleted } else { State::Here };
                    self.put(key, Row { stamp: request.stamp, state }, cx);
                }
            }
            Op::MoveOut => {
                // Handed over already: the answer was lost on its way, and is given again.
                let given = row.is_some_and(|row| row.state == State::Handed);
                let found = if is_here || given { Found::Value } else { Found::Nothing };
                if is_here {
                    self.put(key, Row { stamp, state: State::Handed }, cx);
                }
                cx.found(slot, found, stamp);
            }
            Op::Scan | Op::Fill | Op::Invalidate | Op::Check => {}
        }
        self.served.mark(cx.now());
        cx.reply(slot, Outcome::Done);
    }

    /// Stores a row, counts it where it belongs, and splits the range that became too big.
    fn put<S: Sink + ?Sized>(&mut self, key: Key, row: Row, cx: &Context<'_, S>) {
        let before = self.rows.is_here(key);
        self.rows.put(key, row);
        let part = self.parts.of(&spelled(key, cx));
        let rows = &mut self.parts.all[part].rows;
        match (before, row.state == State::Here) {
            (false, true) => {
                *rows += 1;
                self.split_if_too_big(part, cx);
            }
            (true, false) => *rows -= 1,
            _ => {}
        }
    }

    /// Makes the partitions anew and puts every row and every query in hand where it belongs now.
    fn sort_anew<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        let slots = self.drop_work(cx.now());
        self.parts = Parts::new(&self.config);
        self.count(cx);
        for slot in slots {
            self.arrive(slot, cx);
        }
    }

    /// Counts the rows of every partition.
    fn count<S: Sink + ?Sized>(&mut self, cx: &Context<'_, S>) {
        for key in self.rows.here() {
            let part = self.parts.of(&spelled(key, cx));
            self.parts.all[part].rows += 1;
        }
        self.split_all(cx);
    }

    fn split_all<S: Sink + ?Sized>(&mut self, cx: &Context<'_, S>) {
        // Those that a split makes come at the end of the list, and have their turn.
        let mut part = 0;
        while part < self.parts.all.len() {
            self.split_if_too_big(part, cx);
            part += 1;
        }
    }

    /// Splits a range at its median row, again while it is too big.
    fn split_if_too_big<S: Sink + ?Sized>(&mut self, part: usize, cx: &Context<'_, S>) {
        let most = self.config.split_at;
        if self.config.scheme == Scheme::Hash || most == 0 {
            return;
        }
        while self.parts.all[part].rows > most && self.parts.all.len() < PARTITIONS_MAX {
            let spelled_keys = self.rows.here().map(|key| spelled(key, cx));
            let mut keys: Vec<String> =
                spelled_keys.filter(|key| self.parts.of(key) == part).collect();
            let middle = keys.len() / 2;
            if keys.len() < 2 {
                return;
            }
            let (_, median, _) = keys.select_nth_unstable_by(middle, |a, b| order(a, b));
            let at = median.clone();
            if !self.parts.split(part, at) {
                return;
            }
            self.splits += 1;
            let cut = (keys.len() - middle) as u32;
            self.parts.all[part].rows -= cut;
            if let Some(new) = self.parts.all.last_mut() {
                new.rows = cut;
            }
        }
    }

    /// Nobody works and nobody waits any more: the slots of all queries in hand, oldest first.
    fn drop_work(&mut self, now: Time) -> Vec<u32> {
        self.jobs.clear();
        for part in &mut self.parts.all {
            part.line.clear();
            part.busy.set(now, 0);
            part.waiting.set(now, 0);
        }
        let mut held: Vec<(u64, u32)> =
            std::mem::take(&mut self.tasks).into_iter().map(|(slot, t)| (t.turn, slot)).collect();
        held.sort_unstable();
        held.into_iter().map(|(_, slot)| slot).collect()
    }
}

fn service(config: &TableConfig) -> Dist {
    let mean = Span::from_millis_f64(config.service_ms);
    match config.spread {
        Spread::Constant => Dist::Constant(mean),
        Spread::Exponential => Dist::exponential(mean),
    }
}

fn spelled<S: Sink + ?Sized>(key: Key, cx: &Context<'_, S>) -> String {
    let mut name = String::new();
    cx.spell_key(key, &mut name);
    name
}
