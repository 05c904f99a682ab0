//! A queue: messages wait here for workers, so that who sends need not wait for who works.
//!
//! Modelled, as a broker: an exchange in front of one queue or several, acknowledgement when sent
//! or when handled, prefetch, redelivery to the old place, time to live at the head, length limits,
//! dead letters, confirms, restarts that keep what is durable and persistent. As a log: partitions,
//! keys, offsets, groups of readers, rebalances. Both machines live in `policy` and know nothing of
//! this node ([`crate::policy::broker`], [`crate::policy::log`]); the node gives them a clock,
//! producers and workers. A delivery is a call over a link; its coming back is the acknowledgement.
//! Whatever is asked becomes a message; its producer is answered as soon as it is taken in.
//!
//! Not modelled: the size of messages, flow control, replicas of the broker. No more than
//! [`MESSAGES_MAX`] messages fit.
//!
//! Formula: while more is published than handled, the depth grows by the difference of the rates.

mod broker;
mod config;
mod journal;
mod ledger;
mod params;
mod why;
mod workers;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use config::{
    Acknowledge, Assignor, Form, OnFailure, Partitioner, QUEUES_MAX, QueueConfig, Routing,
    RoutingKey,
};
pub use ledger::Ledger;
pub use workers::Worker;

use self::config::DEAD;
use crate::policy::broker::{Broker, Message, Tag};
use crate::policy::log::{Log, Taken};
use crate::sim::{
    Context, Event, Key, LinkId, Op, Outcome, Reason, Request, Signal, Sink, Span, Stamp, Time,
    Want, What,
};
use crate::stats::Meter;

/// The most messages a queue holds; more are refused for lack of memory.
pub const MESSAGES_MAX: usize = 50_000;
/// How long a worker whose connection broke takes to connect again.
const RECONNECT: Span = Span::from_millis(200);

const CONFIRM: u8 = 0;
const TICK: u8 = 1;
const AGAIN: u8 = 2;
const MISSED: u8 = 3;

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Note {
    /// The serial number of the request that published it.
    pub request: u64,
    /// What is to be done.
    pub want: Want,
    /// The version promised for it; its writer is the message's number.
    pub stamp: Stamp,
    /// How often a worker has failed on it.
    pub tries: u32,
}

/// A delivery that has not come back.
#[derive(Clone, Debug)]
struct Out {
    note: Note,
    worker: LinkId,
    /// The number of its queue, or of the group.
    readers: usize,
    how: How,
}

/// How a delivery is to be acknowledged.
#[derive(Clone, Debug)]
enum How {
    /// It was, when it was sent.
    Auto,
    /// To the broker, by this number; the queue it came from.
    Tag(Tag, Arc<str>),
    /// To the log; nothing is kept twice, so without its body.
    Offset(Box<Taken<()>>),
}

/// A running queue.
#[derive(Clone, Debug)]
pub struct Queue {
    config: QueueConfig,
    broker: Broker<Note>,
    log: Log<Note>,
    workers: Vec<Worker>,
    /// Deliveries by the slots of their calls.
    out: BTreeMap<u32, Out>,
    /// Of those, acknowledged in advance.
    out_auto: u64,
    /// Producers that wait for their confirm, by a number that their timers carry.
    confirming: BTreeMap<u32, u32>,
    next_confirm: u32,
    /// For when the next tick is set.
    tick_at: Option<Time>,
    up: bool,
    ledger: Ledger,
    arrived: Meter,
    handled: Meter,
    /// What happened last to a message that was given up.
    last: Option<String>,
}

impl Queue {
    /// A queue with these settings.
    pub fn new(config: QueueConfig) -> Queue {
        Queue {
            broker: Broker::default(),
            log: Log::new(config.partitions as usize, config.groups as usize),
            config,
            workers: Vec::new(),
            out: BTreeMap::new(),
            out_auto: 0,
            confirming: BTreeMap::new(),
            next_confirm: 0,
            tick_at: None,
            up: true,
            ledger: Ledger::default(),
            arrived: Meter::default(),
            handled: Meter::default(),
            last: None,
        }
    }

    /// The settings in force.
    pub fn config(&self) -> &QueueConfig {
        &self.config
    }

    /// What became of all messages.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Messages published, by rate and in all.
    pub fn arrived(&self) -> &Meter {
        &self.arrived
    }

    /// Messages handled, by rate and in all.
    pub fn handled(&self) -> &Meter {
        &self.handled
    }

    /// The broker, when it is one.
    pub fn broker(&self) -> &Broker<Note> {
        &self.broker
    }

    /// The log, when it is one.
    pub fn log(&self) -> &Log<Note> {
        &self.log
    }

    /// Its workers, in the order of the links.
    pub fn workers(&self) -> &[Worker] {
        &self.workers
    }

    /// What was given up last, and why.
    pub fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// About how many bytes its messages take.
    pub fn bytes(&self) -> usize {
        const MESSAGE: usize = 200;
        let in_broker: usize = self.broker.queues().map(|q| q.depth() + q.unacked()).sum();
        (in_broker + self.log.kept()) * MESSAGE
    }

    /// Messages that wait, and those that are with workers.
    pub fn counts(&self) -> (u64, u64) {
        match self.config.form {
            Form::Broker => {
                let at_work = self.broker.queues().filter(|queue| &**queue.name() != DEAD);
                at_work.fold((0, self.out_auto), |(waiting, out), queue| {
                    (waiting + queue.depth() as u64, out + queue.unacked() as u64)
                })
            }
            Form::Log => {
                let (waiting, out) = self.log.counts();
                (waiting, out + self.out_auto)
            }
        }
    }

    /// How many messages wait in each queue of a broker; nothing in a log, which has no limit.
    pub fn lengths(&self) -> impl Iterator<Item = usize> {
        let at_work = self.broker.queues().filter(|queue| &**queue.name() != DEAD);
        at_work.map(|queue| queue.depth()).filter(|_| self.config.form == Form::Broker)
    }

    /// The dead letters that are kept, the newest first.
    pub fn dead_letters(&self) -> impl Iterator<Item = &Message<Note>> {
        let dead = self.broker.queue(DEAD).into_iter();
        let kept: Vec<&Message<Note>> = dead.flat_map(|queue| queue.waiting()).collect();
        kept.into_iter().rev()
    }

    /// Messages of this queue or group that were acknowledged when they were sent and are not
    /// handled yet.
    pub fn sent_ahead(&self, of: usize) -> u64 {
        let of_it = |out: &&Out| out.readers == of && matches!(out.how, How::Auto);
        self.out.values().filter(of_it).count() as u64
    }

    /// Since when the oldest message waits.
    pub fn oldest(&self) -> Option<Time> {
        match self.config.form {
            Form::Broker => {
                let at_work = self.broker.queues().filter(|queue| &**queue.name() != DEAD);
                at_work.filter_map(|queue| queue.waiting().next()).map(|m| m.since).min()
            }
            Form::Log => self.log.oldest(),
        }
    }

    /// The most records that a group has not committed in one partition; 0 in a broker.
    pub fn lag_largest(&self) -> u64 {
        let cursors = self.log.groups().iter().flat_map(|group| group.cursors().iter().enumerate());
        cursors.map(|(partition, c)| self.log.end(partition) - c.committed).max().unwrap_or(0)
    }

    /// Do the terms add up?
    pub fn balances(&self) -> bool {
        let (waiting, out) = self.counts();
        self.ledger.balances(waiting, out)
    }

    /// Producers that wait for their confirm.
    pub fn confirming(&self) -> usize {
        self.confirming.len()
    }

    /// New settings. Queues that are not among them any more are deleted with all that is in them,
    /// and so is a log that is cut otherwise.
    pub fn configure<S: Sink + ?Sized>(&mut self, config: QueueConfig, cx: &mut Context<'_, S>) {
        if self.config == config {
            return;
        }
        let before = std::mem::replace(&mut self.config, config);
        let now = &self.config;
        if before.form != now.form {
            self.empty(&before, cx);
        }
        match self.config.form {
            Form::Broker => self.reshape(&before, cx),
            Form::Log => self.recut(&before, cx),
        }
        self.settle(cx);
    }

    /// Another form: what the old one held is lost.
    fn empty<S: Sink + ?Sized>(&mut self, before: &QueueConfig, cx: &mut Context<'_, S>) {
        let config = std::mem::replace(&mut self.config, before.clone());
        let (waiting, out) = self.counts();
        self.ledger.lost += waiting + out - self.out_auto;
        self.out.retain(|_, out| matches!(out.how, How::Auto));
        self.config = config;
        self.broker = Broker::default();
        self.log = Log::new(self.config.partitions as usize, self.config.groups as usize);
        self.workers.clear();
        self.start(cx);
    }

    pub(super) fn start<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        if self.config.form == Form::Broker {
            self.declare();
        }
        self.see_workers(cx);
    }

    pub(super) fn on_event<S: Sink + ?Sized>(&mut self, event: Event, cx: &mut Context<'_, S>) {
        match event.what {
            What::Arrive => self.publish(event.arg, cx),
            What::Reply => self.came_back(event.arg, cx),
            What::Timer(CONFIRM) => {
                if let Some(slot) = self.confirming.remove(&event.arg) {
                    cx.reply(slot, Outcome::Done);
                }
            }
            What::Timer(TICK) => {
                self.tick_at = self.tick_at.filter(|at| *at > cx.now());
                self.broker.tick(cx.now());
            }
            What::Timer(AGAIN) => self.connect_again(LinkId(event.arg as u16), cx),
            What::Timer(MISSED) => self.share_out(event.arg as usize, cx),
            What::Timer(_) | What::Planned => {}
        }
        self.settle(cx);
    }

    pub(super) fn on_signal<S: Sink + ?Sized>(&mut self, signal: Signal, cx: &mut Context<'_, S>) {
        match signal {
            Signal::Crash => return self.crash(cx),
            Signal::Restart => self.restart(cx),
            Signal::LinkAdded(_) | Signal::LinkRemoved(_) | Signal::PeerChanged(_) => {
                if self.up {
                    self.see_workers(cx);
                }
            }
            Signal::SendOne(..)
            | Signal::RefuseWrites(_)
            | Signal::Slow(_)
            | Signal::Part(..)
            | Signal::Parcel
            | Signal::Flush
            | Signal::CheckClock(_)
            | Signal::StoodStill(_) => {}
        }
        self.settle(cx);
    }

    /// The broker dies: producers that wait for a confirm hear nothing any more; what is not on
    /// disk is lost. What was acknowledged in advance is with its worker: it is what becomes of
    /// it.
    fn crash<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        self.up = false;
        for (_, slot) in std::mem::take(&mut self.confirming) {
            cx.fail(slot, Reason::ConnectionLost);
        }
        self.out.retain(|_, out| matches!(out.how, How::Auto));
        self.tick_at = None;
        match self.config.form {
            Form::Broker => self.lose_what_is_not_on_disk(cx),
            Form::Log => {
                for group in 0..self.log.groups().len() {
                    for partition in 0..self.config.partitions as usize {
                        self.log.rewind(group, partition, Time::ZERO);
                    }
                }
            }
        }
        for worker in &mut self.workers {
            (worker.consumer, worker.pausing) = (None, false);
            worker.dark = !self.config.reconnect;
        }
    }

    fn restart<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        self.up = true;
        if self.config.form == Form::Broker && self.config.reconnect {
            self.declare();
        }
        self.see_workers(cx);
    }

    /// What is asked becomes a message.
    fn publish<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        let Some(&Request { id, op, key, width, .. }) = cx.request(slot) else { return };
        if matches!(op, Op::Fill | Op::Invalidate | Op::MoveIn | Op::MoveOut) {
            // Nobody waits for these who could do without the answer.
            return cx.fail(slot, Reason::BadRequest);
        }
        self.arrived.mark(cx.now());
        let (waiting, out) = self.counts();
        if waiting + out >= MESSAGES_MAX as u64 {
            return cx.fail(slot, Reason::MemoryFull);
        }
        let mut stamp = Stamp { commit: 0, by: id as u32 };
        if op.changes() {
            stamp = cx.promise(slot);
        }
        let note = Note { request: id, want: Want { op, key, width }, stamp, tries: 0 };
        match self.config.form {
            Form::Broker => self.publish_to_broker(slot, note, cx),
            Form::Log => self.append(slot, note, cx),
        }
    }

    /// The message is taken in: its producer hears that now, or when it is on disk.
    fn confirm<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        if !self.config.confirms || !self.config.on_disk() || self.config.disk_ms == 0.0 {
            return cx.reply(slot, Outcome::Done);
        }
        let span = Span::from_millis_f64(self.config.disk_ms);
        self.next_confirm = self.next_confirm.wrapping_add(1);
        self.confirming.insert(self.next_confirm, slot);
        cx.serve(slot, span);
        cx.wake_in(span, CONFIRM, self.next_confirm);
    }

    /// Sends a message to a worker.
    fn send<S: Sink + ?Sized>(&mut self, out: Out, cx: &mut Context<'_, S>) -> u32 {
        self.ledger.deliveries += 1;
        let Note { request, want, stamp, .. } = out.note;
        let call = cx.call_for(request, want, stamp, out.readers as u32, out.worker);
        self.out_auto += u64::from(matches!(out.how, How::Auto));
        self.out.insert(call, out);
        call
    }

    /// A worker is done, or died, with a message that was acknowledged in advance, and the broker
    /// is down: it hears nothing of it, but it is so.
    pub(super) fn missed<S: Sink + ?Sized>(&mut self, call: u32, cx: &mut Context<'_, S>) {
        let outcome = cx.request(call).map(|request| request.outcome);
        let Some(out) = self.out.remove(&call) else { return };
        self.out_auto -= u64::from(matches!(out.how, How::Auto));
        match outcome {
            Some(Outcome::Done) => self.count_handled(1, cx.now()),
            _ => self.ledger.lost += 1,
        }
    }

    /// A delivery came back.
    fn came_back<S: Sink + ?Sized>(&mut self, call: u32, cx: &mut Context<'_, S>) {
        let outcome = cx.request(call).map(|request| request.outcome);
        let known = self.out.remove(&call);
        cx.end_call(call);
        let (Some(out), Some(outcome)) = (known, outcome) else { return };
        let broken = matches!(
            outcome,
            Outcome::Failed(Reason::ConnectionLost | Reason::ConnectionRefused, _)
        );
        match (&out.how, outcome) {
            (How::Auto, Outcome::Done) => {
                self.out_auto -= 1;
                self.count_handled(1, cx.now());
            }
            (How::Auto, _) => {
                self.out_auto -= 1;
                self.ledger.lost += 1;
                self.last = Some(format!("{} lost with its worker", self.name_of(&out.note, cx)));
            }
            (How::Tag(tag, _), Outcome::Done) => {
                if self.broker.ack(*tag, cx.now()) {
                    self.count_handled(1, cx.now());
                }
            }
            (How::Offset(taken), Outcome::Done) => {
                let handled = self.commit(taken, false);
                self.count_handled(handled, cx.now());
            }
            (How::Tag(..), _) if broken => {}
            (How::Offset(taken), _) if broken => self.log.give_back(taken),
            (How::Tag(tag, queue), _) => {
                let (tag, queue) = (*tag, queue.clone());
                self.refused_by_worker(tag, &queue, out.note, cx);
            }
            (How::Offset(taken), _) => self.failed_in_log(&taken.clone(), &out.note, cx),
        }
        if broken {
            self.broke(out.worker, cx);
        }
    }

    fn count_handled(&mut self, count: u64, now: Time) {
        self.ledger.handled += count;
        (0..count).for_each(|_| self.handled.mark(now));
    }

    /// Sends out what the machine hands out, and sets the clock for what it waits for.
    fn settle<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        if !self.up {
            // Other settings may have given something up all the same.
            return self.bury(cx);
        }
        let next = match self.config.form {
            Form::Broker => {
                self.bury(cx);
                self.deliver(cx);
                self.broker.next_expiry()
            }
            Form::Log => {
                self.hand_out(cx);
                self.log.next_start(cx.now())
            }
        };
        if let Some(next) = next.filter(|next| self.tick_at.is_none_or(|at| *next < at)) {
            self.tick_at = Some(next);
            cx.wake_in(next.since(cx.now()), TICK, 0);
        }
    }

    /// A message by what it asks for: `PUT user:7`.
    fn name_of<S: Sink + ?Sized>(&self, note: &Note, cx: &Context<'_, S>) -> String {
        format!("{} {}", note.want.op.words(), spelled(note.want.key, cx))
    }
}

fn spelled<S: Sink + ?Sized>(key: Key, cx: &Context<'_, S>) -> String {
    let mut name = String::new();
    cx.spell_key(key, &mut name);
    name
}
