//! Through the document and through time: edits, undo, advance, step, seek, restart.

use super::command::{self, Command, Refusal};
use super::series::Series;
use super::snapshots::Snapshots;
use super::{History, Session};
use crate::scenario::build::{self, Run};
use crate::scenario::{Fault, FaultKind, Scenario, SendOne};
use crate::sim::{Event, NodeId, Silent, Sink, Span, Time};

/// The most events that putting a changed past right may take; beyond that the present waits.
const REPLAY_EVENTS_MAX: u64 = 2_000_000;

/// How far `advance` came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advanced {
    /// Events handled.
    pub events: u64,
    /// Did it come as far as it was asked? Otherwise the budget ran out first.
    pub reached: bool,
}

/// One event, for those who step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stepped {
    /// When it happened.
    pub at: Time,
    /// What happened.
    pub event: Event,
    /// The serial number of the request it is about, if it is about one in flight.
    pub request: Option<u64>,
}

impl Session {
    /// Makes an edit. Edits with the same non-zero `gesture` on the same thing undo as one.
    pub fn apply(&mut self, command: Command, gesture: u64) -> Result<(), Refusal> {
        let inverse = self.edit(command.clone())?;
        self.history.note(command, inverse, gesture);
        Ok(())
    }

    /// Takes the last edit back; false when there is none.
    pub fn undo(&mut self) -> Result<bool, Refusal> {
        let Some(command) = self.history.take_undo() else { return Ok(false) };
        let inverse = self.edit(command)?;
        self.history.undone(inverse);
        Ok(true)
    }

    /// Makes the last edit that was taken back again; false when there is none.
    pub fn redo(&mut self) -> Result<bool, Refusal> {
        let Some(command) = self.history.take_redo() else { return Ok(false) };
        let inverse = self.edit(command.clone())?;
        self.history.redone(command, inverse);
        Ok(true)
    }

    /// How many edits can be taken back, and how many made again.
    pub fn undo_depth(&self) -> (usize, usize) {
        self.history.depth()
    }

    /// Kills a node just now. The fault becomes part of the scenario, so a link reproduces it.
    pub fn kill(&mut self, id: &str) -> Result<(), Refusal> {
        self.fault_now(id, FaultKind::Crash)
    }

    /// Brings a crashed node up again just now.
    pub fn revive(&mut self, id: &str) -> Result<(), Refusal> {
        self.fault_now(id, FaultKind::Restart)
    }

    /// Sends one request with this key just now. It becomes part of the scenario.
    pub fn send_one(&mut self, from: &str, key: &str) -> Result<(), Refusal> {
        let send = SendOne { at: self.free_instant(), from: from.into(), key: key.into() };
        self.apply(Command::AddSend(self.scenario.sends.len(), send), 0)
    }

    /// Is the node with this id running?
    pub fn is_up(&self, id: &str) -> bool {
        self.run.find(id).is_some_and(|node| self.run.card(node).up)
    }

    /// Starts again from the beginning with the document as it is now.
    pub fn restart(&mut self) {
        self.run = build::build(&self.scenario);
        self.snapshots = Snapshots::default();
        self.snapshots.mark(&self.run);
        self.series = Series::default();
        self.frontier = Time::ZERO;
        self.edited = false;
    }

    /// Replaces the document by another one that passes its check, and starts it.
    pub fn open(&mut self, scenario: Scenario) -> Result<(), Refusal> {
        scenario.check()?;
        self.scenario = scenario;
        self.history = History::default();
        self.restart();
        Ok(())
    }

    /// Runs on for `span` of simulated time, but handles at most about `events_max` events.
    pub fn advance(&mut self, span: Span, events_max: u64) -> Advanced {
        self.leave_the_past();
        let until = self.run.now() + span;
        let mut events = 0;
        while events < events_max {
            let chunk = (events_max - events).min(self.snapshots.events_between());
            let pause = until.min(self.run.now() + self.snapshots.span_between());
            let (done, reached) = self.run_chunk(pause, chunk);
            events += done;
            if reached && pause == until {
                return Advanced { events, reached: true };
            }
        }
        Advanced { events, reached: false }
    }

    /// Handles one event. Absent when nothing will ever happen again.
    pub fn step(&mut self) -> Option<Stepped> {
        self.leave_the_past();
        let next = self.run.next_event()?;
        let fresh = next > self.frontier || self.run.now() >= self.frontier;
        let (at, event) = match fresh {
            true => self.run.step(Time::MAX, &mut self.series),
            false => self.run.step(Time::MAX, &mut Silent),
        }?;
        self.frontier = self.frontier.max(at);
        self.snapshots.offer(&self.run);
        let request = self.run.requests().get(event.arg).map(|request| request.id);
        Some(Stepped { at, event, request })
    }

    /// Goes to an instant between `earliest` and the frontier.
    pub fn seek(&mut self, at: Time) {
        let at = at.clamp(self.earliest(), self.frontier);
        if let Some(run) = self.replay(at, &mut Silent) {
            self.run = run;
        }
    }

    /// The run as it was at `at`, shown to `sink` from the last snapshot on.
    pub(super) fn replay<S: Sink>(&self, at: Time, sink: &mut S) -> Option<Run> {
        self.replay_from(at, at, sink)
    }

    /// As `replay`, shown to `sink` from a snapshot no later than `from` on. Where the run was
    /// edited, it continues from the snapshot taken just after the edit.
    pub(super) fn replay_from<S: Sink>(&self, from: Time, at: Time, sink: &mut S) -> Option<Run> {
        let mut run = self.snapshots.before(from)?.clone();
        loop {
            let mark = self.snapshots.next_mark(run.now(), at);
            let until = mark.map_or(at, |mark| mark.now());
            run.run_until(until, REPLAY_EVENTS_MAX, sink);
            match mark {
                Some(mark) => run = mark.clone(),
                None => return Some(run),
            }
        }
    }

    fn edit(&mut self, command: Command) -> Result<Command, Refusal> {
        let plan_before = (self.scenario.faults.clone(), self.scenario.sends.clone());
        let look_only = command.leaves_run_alone();
        let reseeded = self.scenario.seed;
        let inverse = command::apply(&mut self.scenario, command)?;
        if reseeded != self.scenario.seed {
            self.restart();
            return Ok(inverse);
        }
        if let Some(first) = self.first_change(&plan_before) {
            self.change_plan(first);
        }
        if !look_only {
            self.fork_here();
            build::reconcile(&mut self.run, &self.scenario, &mut self.series);
            self.snapshots.mark(&self.run);
            self.edited |= self.run.now() > Time::ZERO;
        }
        Ok(inverse)
    }

    fn fault_now(&mut self, id: &str, kind: FaultKind) -> Result<(), Refusal> {
        let fault = Fault { at: self.free_instant(), node: id.to_owned(), kind };
        self.apply(Command::AddFault(self.scenario.faults.len(), fault), 0)
    }

    /// Just after now, at an instant that nothing else in the plan has.
    fn free_instant(&self) -> Time {
        let faults = self.scenario.faults.iter().map(|fault| fault.at);
        let taken: Vec<Time> =
            faults.chain(self.scenario.sends.iter().map(|send| send.at)).collect();
        let mut at = self.run.now() + Span::from_ns(1);
        while taken.contains(&at) {
            at = at + Span::from_ns(1);
        }
        at
    }

    /// The earliest instant at which the plan now differs from what it was.
    fn first_change(&self, before: &(Vec<Fault>, Vec<SendOne>)) -> Option<Time> {
        let (faults, sends) = before;
        let scenario = &self.scenario;
        let fault_times = differing(faults, &scenario.faults).map(|fault| fault.at);
        let send_times = differing(sends, &scenario.sends).map(|send| send.at);
        fault_times.chain(send_times).min()
    }

    /// The plan changed from `first` on. If that has passed, the run is put right from there: it
    /// becomes what it would have been, up to the same playhead.
    fn change_plan(&mut self, first: Time) {
        let now = self.run.now();
        if first > now {
            self.fork_here();
            build::reconcile(&mut self.run, &self.scenario, &mut Silent);
            self.snapshots.mark(&self.run);
            return;
        }
        let at = (first - Span::from_ns(1)).max(self.earliest());
        let Some(run) = self.replay(at, &mut Silent) else { return };
        self.run = run;
        self.fork_here();
        build::reconcile(&mut self.run, &self.scenario, &mut self.series);
        self.snapshots.mark(&self.run);
        self.advance(now.since(self.run.now()), REPLAY_EVENTS_MAX);
    }

    /// Whoever goes on from the past makes the present of it. Without an edit in between the future
    /// is the same again and is kept.
    fn leave_the_past(&mut self) {
        let now = self.run.now();
        if self.snapshots.next_mark(now, self.frontier).is_some() {
            self.fork_here();
            build::reconcile(&mut self.run, &self.scenario, &mut self.series);
            self.snapshots.mark(&self.run);
        }
    }

    /// Forgets what came after the playhead.
    fn fork_here(&mut self) {
        let now = self.run.now();
        if now < self.frontier {
            self.snapshots.forget_after(now);
            self.series.forget_after(now);
            self.frontier = now;
        }
    }

    fn run_chunk(&mut self, until: Time, events: u64) -> (u64, bool) {
        // Up to the frontier everything has been measured already.
        let known = self.frontier;
        let ran = if self.run.now() < known {
            self.run.run_until(until.min(known), events, &mut Silent)
        } else {
            let ran = self.run.run_until(until, events, &mut self.series);
            self.snapshots.offer(&self.run);
            ran
        };
        self.frontier = self.frontier.max(self.run.now());
        (ran.events, ran.reached && self.run.now() >= until)
    }

    /// The name of a node in the run, for sentences.
    pub fn name_of(&self, node: NodeId) -> String {
        self.run.card(node).name.to_string()
    }
}

fn differing<'a, T: PartialEq>(a: &'a [T], b: &'a [T]) -> impl Iterator<Item = &'a T> {
    let gone = a.iter().filter(move |item| !b.contains(item));
    let new = b.iter().filter(move |item| !a.contains(item));
    gone.chain(new)
}
