//! Through the document and through time: edits, undo, advance, step, seek, restart.

use std::collections::BTreeMap;

use super::command::{self, Command, Refusal};
use super::series::{Series, Since};
use super::snapshots::Snapshots;
use super::{History, Session};
use crate::node::Family;
use crate::scenario::build::{self, Run};
use crate::scenario::{Fault, FaultKind, Scenario, SendOne, Target};
use crate::sim::{Event, NodeId, Op, Outcome, Silent, Sink, Span, Time, What};

/// The most events that putting a changed past right may take; beyond that the present waits.
const REPLAY_EVENTS_MAX: u64 = 2_000_000;

/// So many events at one instant mean that time will never move again.
const STANDSTILL_EVENTS: u64 = 200_000;

/// The most requests in flight.
const IN_FLIGHT_MAX: usize = 1_000_000;

/// How far `advance` came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advanced {
    /// Events handled.
    pub events: u64,
    /// Did it come as far as it was asked? Otherwise the budget ran out first.
    pub reached: bool,
    /// Why going on makes no sense, if it makes none.
    pub halt: Option<Halt>,
}

/// Why a run cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// Requests go round at one instant without end.
    Standstill,
    /// More requests are in flight than are kept.
    TooMany,
}

impl Halt {
    /// In a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Halt::Standstill => {
                "Paused: requests come back at the very instant they are sent, without end. \
                 Wire the clients to something, or give them a pause."
            }
            Halt::TooMany => "Paused: a million requests are in flight. Lower the rate.",
        }
    }
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

fn kinds(scenario: &Scenario) -> BTreeMap<String, Family> {
    scenario.nodes.iter().map(|node| (node.id.clone(), node.kind.family())).collect()
}

impl Session {
    /// Makes an edit, unless it is locked. Edits with the same non-zero `gesture` on the same thing
    /// undo as one.
    pub fn apply(&mut self, command: Command, gesture: u64) -> Result<(), Refusal> {
        self.lock.admit(&self.scenario, &command)?;
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
        self.fault(Target::node(id), FaultKind::Crash)
    }

    /// Brings a crashed node up again just now.
    pub fn revive(&mut self, id: &str) -> Result<(), Refusal> {
        self.fault(Target::node(id), FaultKind::Restart)
    }

    /// Lets something go wrong, or right again, at a node or a wire just now. It becomes part of
    /// the scenario.
    pub fn fault(&mut self, on: Target, kind: FaultKind) -> Result<(), Refusal> {
        self.faults(vec![(on, kind)])
    }

    /// Lets several things happen just now, at one instant, in this order. One step of undo.
    pub fn faults(&mut self, all: Vec<(Target, FaultKind)>) -> Result<(), Refusal> {
        let (at, first) = (self.free_instant(), self.scenario.faults.len());
        let numbered = all.into_iter().enumerate();
        let add = |(n, (on, kind))| Command::AddFault(first + n, Fault { at, on, kind });
        let mut commands: Vec<Command> = numbered.map(add).collect();
        match commands.len() {
            1 => self.apply(commands.remove(0), 0),
            _ => self.apply(Command::All(commands), 0),
        }
    }

    /// Sends one request with this key just now. It becomes part of the scenario.
    pub fn send_one(&mut self, from: &str, key: &str, op: Op) -> Result<(), Refusal> {
        let send = SendOne { at: self.free_instant(), from: from.into(), key: key.into(), op };
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
        self.frontier_events = 0;
        self.standing = 0;
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
            let before = self.run.now();
            let chunk = (events_max - events).min(self.snapshots.events_between());
            // Where nothing happens there is nothing to keep.
            let next = self.run.next_event().unwrap_or(until);
            let pause = until.min(next.max(before + self.snapshots.span_between()));
            let (done, reached) = self.run_chunk(pause, chunk);
            events += done;
            if reached && pause == until {
                return Advanced { events, reached: true, halt: None };
            }
            if let Some(halt) = self.halt(before, done) {
                return Advanced { events, reached: false, halt: Some(halt) };
            }
        }
        Advanced { events, reached: false, halt: None }
    }

    fn halt(&mut self, before: Time, events: u64) -> Option<Halt> {
        let moved = self.run.now() > before;
        self.standing = if moved { 0 } else { self.standing + events };
        if self.standing >= STANDSTILL_EVENTS {
            return Some(Halt::Standstill);
        }
        (self.run.requests().len() > IN_FLIGHT_MAX).then_some(Halt::TooMany)
    }

    /// Handles one event. Absent when nothing will ever happen again.
    pub fn step(&mut self) -> Option<Stepped> {
        self.leave_the_past();
        let fresh = self.run.events() >= self.frontier_events;
        let (at, event) = match fresh {
            true => self.run.step(Time::MAX, &mut self.series),
            false => self.run.step(Time::MAX, &mut Silent),
        }?;
        self.note_frontier();
        self.snapshots.offer(&self.run);
        let request = match event.what {
            What::Arrive | What::Reply => self.run.requests().get(event.arg).map(|r| r.id),
            What::Timer(_) | What::Planned => None,
        };
        Some(Stepped { at, event, request })
    }

    /// Goes to just before the last event that was handled. Was there one, and is it still kept?
    pub fn step_back(&mut self) -> bool {
        let Some(wanted) = self.run.events().checked_sub(1) else { return false };
        let Some(place) = self.snapshots.place_within(wanted) else { return false };
        let now = self.run.now();
        match self.replay_from(place, now, wanted, &mut Silent) {
            Some(run) => self.run = run,
            None => return false,
        }
        true
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
        let place = self.snapshots.place_at(at)?;
        self.replay_from(place, at, self.frontier_events, sink)
    }

    /// The run as it was at `at`, or after so many events, shown to `sink` from the snapshot at
    /// `place` on. Where the run was edited, it continues from the snapshot taken just after.
    pub(super) fn replay_from<S: Sink>(
        &self,
        mut place: usize,
        at: Time,
        events: u64,
        sink: &mut S,
    ) -> Option<Run> {
        let mut run = self.snapshots.get(place)?.clone();
        loop {
            let next = self.snapshots.next_mark(place);
            let mark = next.filter(|(_, mark)| mark.now() <= at && mark.events() <= events);
            let (until, stop) = mark.map_or((at, events), |(_, m)| (m.now(), m.events()));
            let left = stop.saturating_sub(run.events());
            run.run_until(until, left.min(REPLAY_EVENTS_MAX), sink);
            let Some((later, edited)) = mark else { return Some(run) };
            tell_of_edit(&run, edited, sink);
            run = edited.clone();
            place = later;
        }
    }

    fn edit(&mut self, command: Command) -> Result<Command, Refusal> {
        let plan_before = (self.scenario.faults.clone(), self.scenario.sends.clone());
        let look_only = command.leaves_run_alone();
        let reseeded = self.scenario.seed;
        let kinds = matches!(command, Command::Replace(_)).then(|| kinds(&self.scenario));
        let inverse = command::apply(&mut self.scenario, command)?;
        // A node that is now of another kind under its old id has nothing to go on with.
        let anew = kinds.is_some_and(|before| {
            let now = self::kinds(&self.scenario);
            before.iter().any(|(id, kind)| now.get(id).is_some_and(|other| other != kind))
        });
        if anew || reseeded != self.scenario.seed {
            self.restart();
            return Ok(inverse);
        }
        if !look_only {
            // What hangs on a node comes and goes with it from now on: the past stays as it was.
            self.take_over();
            self.edited |= self.run.now() > Time::ZERO || self.run.events() > 0;
        } else if let Some(first) = self.first_change(&plan_before) {
            self.change_plan(first);
        }
        Ok(inverse)
    }

    /// Just after now, at an instant that nothing else in the plan has.
    pub(super) fn free_instant(&self) -> Time {
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
            return self.take_over();
        }
        match self.replay(first - Span::from_ns(1), &mut Silent) {
            Some(run) => {
                self.run = run;
                self.take_over();
            }
            // That far back nothing is kept any more, but the beginning can be made again.
            None => self.restart(),
        }
        self.advance(now.since(self.run.now()), REPLAY_EVENTS_MAX);
    }

    /// The run at the playhead follows the document from here on.
    fn take_over(&mut self) {
        self.fork_here();
        build::reconcile(&mut self.run, &self.scenario, &mut self.series);
        self.snapshots.mark(&self.run);
        self.standing = 0;
    }

    /// Whoever goes on from the past makes the present of it. Without an edit in between the future
    /// is the same again and is kept.
    fn leave_the_past(&mut self) {
        if self.snapshots.mark_ahead(&self.run) {
            self.take_over();
        }
    }

    /// Forgets what came after the playhead.
    fn fork_here(&mut self) {
        let (now, events) = (self.run.now(), self.run.events());
        if now >= self.frontier && events >= self.frontier_events {
            return;
        }
        self.snapshots.forget_after(&self.run);
        (self.frontier, self.frontier_events) = (now, events);
        // The tenth of a second that was cut is measured once more, up to the playhead.
        let mut series = std::mem::take(&mut self.series);
        let from = series.forget_from_bucket(now);
        let place = self.snapshots.place_before(from).unwrap_or(0);
        self.replay_from(place, now, events, &mut Since { from, series: &mut series });
        self.series = series;
    }

    fn run_chunk(&mut self, until: Time, events: u64) -> (u64, bool) {
        // Up to the frontier everything has been measured already.
        let measured = self.frontier_events.saturating_sub(self.run.events());
        let ran = if measured > 0 || self.run.now() < self.frontier {
            self.run.run_until(until.min(self.frontier), events.min(measured), &mut Silent)
        } else {
            let ran = self.run.run_until(until, events, &mut self.series);
            self.snapshots.offer(&self.run);
            ran
        };
        self.note_frontier();
        (ran.events, ran.reached && self.run.now() >= until)
    }

    fn note_frontier(&mut self) {
        self.frontier = self.frontier.max(self.run.now());
        self.frontier_events = self.frontier_events.max(self.run.events());
    }

    /// The name of a node in the run, for sentences.
    pub fn name_of(&self, node: NodeId) -> String {
        self.run.card(node).name.to_string()
    }
}

/// An edit moves requests without an event: taking a server out fails what it holds.
fn tell_of_edit<S: Sink>(before: &Run, after: &Run, sink: &mut S) {
    for (slot, was) in before.requests().iter() {
        let Some(is) = after.requests().get(slot).filter(|is| is.id == was.id) else { continue };
        if (was.place, was.since) != (is.place, is.since) {
            sink.stayed(after.now(), was);
        }
        if was.outcome != is.outcome && matches!(is.outcome, Outcome::Failed(..)) {
            sink.failed(after.now(), is);
        }
    }
}

/// What is left of two lists without their common beginning and end.
fn differing<'a, T: PartialEq>(a: &'a [T], b: &'a [T]) -> impl Iterator<Item = &'a T> {
    let start = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[start..], &b[start..]);
    let end = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    a[..a.len() - end].iter().chain(&b[..b.len() - end])
}
