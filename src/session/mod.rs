//! The one mutable root: a document, its run, and the way through both.
//!
//! `apply` edits, with undo; `advance`, `step` and `seek` move in time; `explain` replays to say
//! why. Whoever asks (pointer, keyboard, a host page, a test) asks here.

mod command;
mod explain;
pub mod figures;
mod fragment;
mod history;
mod lock;
mod message;
mod moment;
mod report;
mod series;
mod shelf;
mod snapshots;
mod splice;
mod steer;
mod twin;
mod upgrade;
mod walk;

pub use command::{Command, Refusal};
pub use explain::{Conflict, Explanation, StayLine};
pub use fragment::{corner, fragment, insert};
pub use lock::{Edit, Lock};
pub use message::{FromHost, Heard, MESSAGES, Refused, hear, say};
pub use moment::{MOMENT_EVENTS_MAX, Moment, Same};
pub use report::{NodeReport, Report};
pub use series::{Bucket, Finished, LATENCY_CELLS, Series, Trouble, cell_floor};
pub use shelf::{Full, Kept, Shelf, file_name};
pub use splice::{bypass, splice};
pub use steer::{Advanced, Halt, Stepped};
pub use twin::twin;
pub use walk::neighbour;

use crate::scenario::build::{self, Run};
use crate::scenario::{Problem, Scenario};
use crate::sim::Time;
use history::History;
use snapshots::Snapshots;

/// A document being edited and run.
#[derive(Clone, Debug)]
pub struct Session {
    scenario: Scenario,
    history: History,
    run: Run,
    snapshots: Snapshots,
    series: Series,
    /// How far the run has ever come.
    frontier: Time,
    /// How many events that took: the frontier may lie in the middle of an instant.
    frontier_events: u64,
    /// Was a parameter or a wire changed since the run began, other than by its plan?
    edited: bool,
    /// Events handled since time last moved.
    standing: u64,
    /// What may not be changed.
    lock: Lock,
}

impl Session {
    /// A session at the beginning of this scenario, which must pass `Scenario::check`.
    pub fn new(scenario: Scenario) -> Result<Session, Problem> {
        scenario.check()?;
        let run = build::build(&scenario);
        let mut snapshots = Snapshots::default();
        snapshots.mark(&run);
        Ok(Session {
            scenario,
            history: History::default(),
            run,
            snapshots,
            series: Series::default(),
            frontier: Time::ZERO,
            frontier_events: 0,
            edited: false,
            standing: 0,
            lock: Lock::default(),
        })
    }

    /// The document.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Locks it from now on; gives what was locked before.
    pub fn lock(&mut self, lock: Lock) -> Lock {
        std::mem::replace(&mut self.lock, lock)
    }

    /// The run at the playhead.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// What was measured so far, over time.
    pub fn series(&self) -> &Series {
        &self.series
    }

    /// How far the run has ever come; the playhead is at or before it.
    pub fn frontier(&self) -> Time {
        self.frontier
    }

    /// Was anything changed while it ran, so that starting again gives another run?
    pub fn edited_while_running(&self) -> bool {
        self.edited
    }

    /// The earliest instant that can still be gone back to.
    pub fn earliest(&self) -> Time {
        self.snapshots.earliest()
    }
}
