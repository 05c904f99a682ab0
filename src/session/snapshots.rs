//! Clones of the run along the way, so that going back is a short way forward.
//!
//! There is one after every edit made while it ran (a *mark*), because an edit is not part of the
//! run and cannot be replayed; and one every so often in between. Memory is bounded: those in
//! between are thinned first, the oldest first; then the oldest marks go, and with them the past
//! before the next one.

use crate::node::AnyNode;
use crate::scenario::build::Run;
use crate::sim::{Span, Time};

/// What all snapshots may take together.
const BYTES_MAX: usize = 32 * 1024 * 1024;
/// Simulated time between two of them.
const EVERY: Span = Span::from_millis(1_000);
/// Or so many events, whichever is sooner.
const EVENTS: u64 = 5_000;

#[derive(Clone, Debug)]
struct Snapshot {
    run: Run,
    mark: bool,
    bytes: usize,
}

/// The snapshots of a run, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshots {
    all: Vec<Snapshot>,
    bytes: usize,
}

/// How far a run has come. At one instant there may be many events, and edits between them.
fn reach(run: &Run) -> (Time, u64) {
    (run.now(), run.events())
}

impl Snapshots {
    /// Keeps the run as it stands just after an edit, or at its beginning.
    pub(super) fn mark(&mut self, run: &Run) {
        // Several edits with no event in between leave one mark.
        while self.all.last().is_some_and(|last| reach(&last.run) >= reach(run)) {
            self.pop();
        }
        self.push(run, true);
    }

    /// Keeps the run if the last one kept is long enough ago.
    pub(super) fn offer(&mut self, run: &Run) {
        let due = self.all.last().is_none_or(|last| {
            let ahead = run.now() > last.run.now();
            let events = run.events().saturating_sub(last.run.events());
            ahead && (run.now().since(last.run.now()) >= EVERY || events >= EVENTS)
        });
        if due {
            self.push(run, false);
        }
    }

    /// The place of the latest no later than `at`.
    pub(super) fn place_at(&self, at: Time) -> Option<usize> {
        self.all.partition_point(|snapshot| snapshot.run.now() <= at).checked_sub(1)
    }

    /// The place of the latest with no more events than this.
    pub(super) fn place_within(&self, events: u64) -> Option<usize> {
        self.all.partition_point(|snapshot| snapshot.run.events() <= events).checked_sub(1)
    }

    /// The place of the latest from which everything that happened at `at` is still to come.
    pub(super) fn place_before(&self, at: Time) -> Option<usize> {
        let earlier = self.all.partition_point(|snapshot| snapshot.run.now() < at);
        let is_start = |first: &Snapshot| first.run.events() == 0;
        earlier.checked_sub(1).or_else(|| self.all.first().is_some_and(is_start).then_some(0))
    }

    /// The snapshot at a place.
    pub(super) fn get(&self, place: usize) -> Option<&Run> {
        self.all.get(place).map(|snapshot| &snapshot.run)
    }

    /// The next mark after the snapshot at `place`, with its own place.
    pub(super) fn next_mark(&self, place: usize) -> Option<(usize, &Run)> {
        let later = self.all.iter().enumerate().skip(place + 1);
        later.filter(|(_, snapshot)| snapshot.mark).map(|(place, s)| (place, &s.run)).next()
    }

    /// Is there a mark that this run has not come to?
    pub(super) fn mark_ahead(&self, run: &Run) -> bool {
        self.all.iter().rev().any(|s| s.mark && reach(&s.run) > reach(run))
    }

    /// At most how many events to handle before offering again.
    pub(super) fn events_between(&self) -> u64 {
        EVENTS
    }

    /// How long to run before offering again.
    pub(super) fn span_between(&self) -> Span {
        EVERY
    }

    /// Forgets everything that this run has not come to.
    pub(super) fn forget_after(&mut self, run: &Run) {
        while self.all.last().is_some_and(|last| reach(&last.run) > reach(run)) {
            self.pop();
        }
    }

    /// The earliest instant that can be gone back to.
    pub(super) fn earliest(&self) -> Time {
        self.all.first().map_or(Time::ZERO, |first| first.run.now())
    }

    fn push(&mut self, run: &Run, mark: bool) {
        let inside: usize = run.nodes().iter().map(AnyNode::bytes).sum();
        let bytes = run.bytes() + inside;
        self.bytes += bytes;
        self.all.push(Snapshot { run: run.clone(), mark, bytes });
        if self.bytes > BYTES_MAX {
            self.thin();
        }
    }

    fn pop(&mut self) {
        if let Some(last) = self.all.pop() {
            self.bytes -= last.bytes;
        }
    }

    /// Takes out every second one in between from the older half; when that is not enough, the
    /// oldest of all.
    fn thin(&mut self) {
        let half = self.all.len() / 2;
        let mut place = 0;
        self.all.retain(|snapshot| {
            place += 1;
            place == 1 || snapshot.mark || place > half || place % 2 == 1
        });
        self.bytes = self.all.iter().map(|snapshot| snapshot.bytes).sum();
        while self.bytes > BYTES_MAX && self.all.len() > 2 {
            let oldest = self.all.remove(0);
            self.bytes -= oldest.bytes;
        }
        // What is now the oldest is where the reachable past begins.
        if let Some(first) = self.all.first_mut() {
            first.mark = true;
        }
    }
}
