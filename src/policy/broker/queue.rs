//! One queue: who waits, who is out unacknowledged, and which consumer is next.
//!
//! Consumers stand in a line. The head gets the message and goes to the back; one whose prefetch is
//! used up leaves the line and comes back at its end with the next acknowledgement; higher priority
//! goes first. Unacknowledged messages that come back take their old place. Times to live run from
//! the moment of publishing and end at the head of the queue only. Length limits count those that
//! wait, not those that are out.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::message::Message;
use crate::sim::{Span, Time};

/// Whoever takes messages out of queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConsumerId(pub u32);

/// The number of a delivery that is to be acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag(pub u64);

/// What a queue does when it is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The oldest goes.
    #[default]
    DropHead,
    /// The new one is refused.
    Reject,
    /// The new one is refused, and a copy is dead-lettered.
    RejectDead,
}

/// How a queue is declared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueueArgs {
    /// Does the queue itself survive a restart?
    pub durable: bool,
    /// Is it a quorum queue: everything in it is on several disks, and returns are counted?
    pub quorum: bool,
    /// How long a message may wait.
    pub ttl: Option<Span>,
    /// The most messages that may wait.
    pub length_max: Option<u64>,
    /// The most bytes that may wait.
    pub bytes_max: Option<u64>,
    /// What happens when it is full.
    pub overflow: Overflow,
    /// The exchange for what dies here.
    pub dead_letter_exchange: Option<Arc<str>>,
    /// The key for what dies here, in place of its own.
    pub dead_letter_key: Option<Arc<str>>,
    /// How often a message may come back.
    pub delivery_limit: Option<u32>,
    /// The highest priority; with it, more urgent messages overtake.
    pub priority_max: Option<u8>,
    /// Does only one consumer at a time get messages?
    pub single_active: bool,
}

/// How a consumer takes messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConsumerArgs {
    /// The most unacknowledged messages it holds; 0 is no limit.
    pub prefetch: u32,
    /// Does a message count as handled once it is sent?
    pub auto_ack: bool,
    /// Who goes first.
    pub priority: i32,
}

#[derive(Clone, Copy, Debug)]
struct Consumer {
    args: ConsumerArgs,
    out: u32,
}

impl Consumer {
    fn has_credit(&self) -> bool {
        self.args.auto_ack || self.args.prefetch == 0 || self.out < self.args.prefetch
    }
}

/// Where a message stands: urgent ones first, then by its number.
type Place = (u8, u64);

#[derive(Clone, Debug)]
pub(super) struct Out<B> {
    pub(super) consumer: ConsumerId,
    place: Place,
    pub(super) message: Message<B>,
}

/// Somebody in the line of consumers, for showing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Who.
    pub consumer: ConsumerId,
    /// How many it holds unacknowledged.
    pub out: u32,
    /// Its prefetch; 0 is no limit.
    pub prefetch: u32,
    /// Its place in the line, the head being 0; none while its prefetch is used up.
    pub place: Option<usize>,
}

/// A queue.
#[derive(Clone, Debug)]
pub struct Queue<B> {
    name: Arc<str>,
    args: QueueArgs,
    ready: BTreeMap<Place, Message<B>>,
    ready_bytes: u64,
    unacked: BTreeMap<Tag, Out<B>>,
    consumers: BTreeMap<ConsumerId, Consumer>,
    line: VecDeque<ConsumerId>,
    /// Consumers in the order in which they came: the first is the active one.
    order: Vec<ConsumerId>,
    next: u64,
}

impl<B: Clone> Queue<B> {
    pub(super) fn new(name: Arc<str>, args: QueueArgs) -> Queue<B> {
        Queue {
            name,
            args,
            ready: BTreeMap::new(),
            ready_bytes: 0,
            unacked: BTreeMap::new(),
            consumers: BTreeMap::new(),
            line: VecDeque::new(),
            order: Vec::new(),
            next: 0,
        }
    }

    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// How it is declared.
    pub fn args(&self) -> &QueueArgs {
        &self.args
    }

    pub(super) fn set_args(&mut self, args: QueueArgs) {
        self.args = args;
    }

    /// How many wait.
    pub fn depth(&self) -> usize {
        self.ready.len()
    }

    /// How many are out unacknowledged.
    pub fn unacked(&self) -> usize {
        self.unacked.len()
    }

    /// Those that wait, the head first.
    pub fn waiting(&self) -> impl Iterator<Item = &Message<B>> {
        self.ready.values()
    }

    /// Those that are out, oldest delivery first, and with whom.
    pub fn out(&self) -> impl Iterator<Item = (ConsumerId, &Message<B>)> {
        self.unacked.values().map(|out| (out.consumer, &out.message))
    }

    /// Everybody who consumes here.
    pub fn consumers(&self) -> impl Iterator<Item = Standing> + '_ {
        self.order.iter().filter_map(|id| {
            let Consumer { args, out } = *self.consumers.get(id)?;
            let place = self.line.iter().position(|other| other == id);
            Some(Standing { consumer: *id, out, prefetch: args.prefetch, place })
        })
    }

    /// How many consumers have credit for one more.
    pub fn in_line(&self) -> usize {
        self.line.len()
    }

    /// When the head expires.
    pub fn head_expires(&self) -> Option<Time> {
        self.ready.first_key_value().and_then(|(_, message)| self.expiry(message))
    }

    fn expiry(&self, message: &Message<B>) -> Option<Time> {
        let own = message.expiration.into_iter().chain(self.args.ttl).min();
        own.map(|span| message.since + span)
    }

    pub(super) fn push(&mut self, mut message: Message<B>, now: Time) {
        let urgent = self.args.priority_max.map_or(0, |most| message.priority.min(most));
        (message.since, message.returns) = (now, 0);
        self.insert((u8::MAX - urgent, self.next), message);
        self.next += 1;
    }

    fn insert(&mut self, place: Place, message: Message<B>) {
        self.ready_bytes += u64::from(message.bytes);
        self.ready.insert(place, message);
    }

    fn pop(&mut self) -> Option<(Place, Message<B>)> {
        let (place, message) = self.ready.pop_first()?;
        self.ready_bytes -= u64::from(message.bytes);
        Some((place, message))
    }

    /// Would one more of this size be refused?
    pub(super) fn refuses(&self, bytes: u32) -> bool {
        let one_more = self.ready.len() as u64 + 1;
        let more_bytes = self.ready_bytes + u64::from(bytes);
        self.args.overflow != Overflow::DropHead
            && (self.args.length_max.is_some_and(|most| one_more > most)
                || self.args.bytes_max.is_some_and(|most| more_bytes > most))
    }

    /// Takes the head out if the queue is too long.
    pub(super) fn drop_head(&mut self) -> Option<Message<B>> {
        let too_long = self.args.length_max.is_some_and(|most| self.ready.len() as u64 > most)
            || self.args.bytes_max.is_some_and(|most| self.ready_bytes > most);
        if too_long { self.pop().map(|(_, message)| message) } else { None }
    }

    /// Takes the head out if its time is up before `now`, or, with `at_once`, also just now.
    pub(super) fn expired(&mut self, now: Time, at_once: bool) -> Option<Message<B>> {
        let expires = self.head_expires()?;
        let is_over = expires < now || (at_once && expires == now);
        if is_over { self.pop().map(|(_, message)| message) } else { None }
    }

    pub(super) fn subscribe(&mut self, consumer: ConsumerId, args: ConsumerArgs) {
        self.consumers.insert(consumer, Consumer { args, out: 0 });
        self.order.push(consumer);
        self.line.push_back(consumer);
    }

    /// It gets no more messages; what it holds it keeps.
    pub(super) fn cancel(&mut self, consumer: ConsumerId) {
        self.consumers.remove(&consumer);
        self.line.retain(|other| *other != consumer);
        self.order.retain(|other| *other != consumer);
    }

    /// Another prefetch for everybody who consumes here.
    pub(super) fn set_prefetch(&mut self, prefetch: u32) {
        for id in &self.order {
            let Some(consumer) = self.consumers.get_mut(id) else { continue };
            consumer.args.prefetch = prefetch;
            let standing = self.line.iter().position(|other| other == id);
            match (consumer.has_credit(), standing) {
                (true, None) => self.line.push_back(*id),
                (false, Some(place)) => drop(self.line.remove(place)),
                _ => {}
            }
        }
    }

    /// Who is next: the earliest in the line of those with the highest priority.
    pub(super) fn next_consumer(&self) -> Option<ConsumerId> {
        let priority = |id: &ConsumerId| self.consumers.get(id).map(|one| one.args.priority);
        if self.args.single_active {
            let active = self.order.first()?;
            return self.line.contains(active).then_some(*active);
        }
        let highest = self.line.iter().filter_map(priority).max()?;
        self.line.iter().find(|id| priority(id) == Some(highest)).copied()
    }

    /// Hands the head to the next consumer. With auto-ack it is handled by that.
    pub(super) fn hand_out(&mut self, tag: Tag) -> Option<(ConsumerId, bool, Message<B>)> {
        if self.ready.is_empty() {
            return None;
        }
        let id = self.next_consumer()?;
        let (place, message) = self.pop()?;
        let consumer = self.consumers.get_mut(&id)?;
        let auto_ack = consumer.args.auto_ack;
        if !auto_ack {
            consumer.out += 1;
        }
        let stays = consumer.has_credit();
        self.line.retain(|other| *other != id);
        if stays {
            self.line.push_back(id);
        }
        if !auto_ack {
            self.unacked.insert(tag, Out { consumer: id, place, message: message.clone() });
        }
        Some((id, auto_ack, message))
    }

    /// Somebody fetches the head.
    pub(super) fn get(&mut self, holder: ConsumerId, tag: Tag) -> Option<Message<B>> {
        let (place, message) = self.pop()?;
        self.unacked.insert(tag, Out { consumer: holder, place, message: message.clone() });
        Some(message)
    }

    /// Takes a delivery off the list; its consumer has credit for one more.
    pub(super) fn settle(&mut self, tag: Tag) -> Option<Out<B>> {
        let out = self.unacked.remove(&tag)?;
        if let Some(consumer) = self.consumers.get_mut(&out.consumer) {
            consumer.out = consumer.out.saturating_sub(1);
            if consumer.has_credit() && !self.line.contains(&out.consumer) {
                self.line.push_back(out.consumer);
            }
        }
        Some(out)
    }

    /// Puts a message back where it was; handed back if it came once too often.
    pub(super) fn put_back(&mut self, mut out: Out<B>) -> Result<(), Message<B>> {
        out.message.redelivered = true;
        out.message.returns = out.message.returns.saturating_add(1);
        if self.args.delivery_limit.is_some_and(|most| out.message.returns > most) {
            return Err(out.message);
        }
        self.insert(out.place, out.message);
        Ok(())
    }

    /// The deliveries that somebody holds, oldest first.
    pub(super) fn held_by(&self, consumer: ConsumerId) -> Vec<Tag> {
        let held = self.unacked.iter().filter(|(_, out)| out.consumer == consumer);
        held.map(|(tag, _)| *tag).collect()
    }

    /// The broker died. What is kept returns to its place; the rest is handed back. After a kill
    /// the broker cannot tell what was delivered: everything is flagged.
    pub(super) fn restart(&mut self, killed: bool) -> Vec<Message<B>> {
        let (args, mut lost) = (self.args.clone(), Vec::new());
        let survives = |message: &Message<B>| args.quorum || (args.durable && message.persistent);
        for (place, message) in std::mem::take(&mut self.ready) {
            match survives(&message) {
                true => drop(self.ready.insert(place, message)),
                false => lost.push(message),
            }
        }
        if killed && !args.quorum {
            self.ready.values_mut().for_each(|message| message.redelivered = true);
        }
        for (_, mut out) in std::mem::take(&mut self.unacked) {
            out.message.redelivered = true;
            match survives(&out.message) {
                true => drop(self.ready.insert(out.place, out.message)),
                false => lost.push(out.message),
            }
        }
        self.ready_bytes = self.ready.values().map(|message| u64::from(message.bytes)).sum();
        self.consumers.clear();
        self.line.clear();
        self.order.clear();
        lost
    }

    /// Everything in it, waiting and out.
    pub(super) fn everything(self) -> impl Iterator<Item = Message<B>> {
        self.ready.into_values().chain(self.unacked.into_values().map(|out| out.message))
    }
}
