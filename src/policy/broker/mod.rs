//! A message broker with the rules of RabbitMQ: exchanges, queues, acknowledgements, redelivery,
//! times to live, length limits, dead letters.
//!
//! It is a state machine without a clock of its own: each operation is told the time, and leaves
//! what follows from it, deliveries and deaths, to be taken with [`Broker::take_deliveries`] and
//! [`Broker::take_gone`]. The queue node runs this very machine, and so do the recordings of the
//! real broker (RabbitMQ 3.10.8) in the tests.
//!
//! Not modelled: connections and channels as such (whoever holds messages is a consumer), memory
//! alarms, flow control, plug-ins. Source: rabbitmq-server 3.10 and its
//! documentation, corrected by recordings.

pub mod exchange;
mod message;
mod queue;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use exchange::{Binding, Exchange, Exchanging, Header, Headers, Target};
pub use message::{Cause, Death, Message};
pub use queue::{ConsumerArgs, ConsumerId, Overflow, Queue, QueueArgs, Standing, Tag};

use crate::sim::Time;

/// What the publisher hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// How many queues it is bound for.
    pub routed: usize,
    /// How many of them took a copy.
    pub queues: usize,
    /// Did some queue refuse it? Then it is not confirmed.
    pub refused: bool,
    /// Did it come back because no queue is bound for it? Only a mandatory message does.
    pub returned: bool,
}

/// A message on its way to a consumer.
#[derive(Clone, Debug)]
pub struct Delivery<B> {
    /// From which queue.
    pub queue: Arc<str>,
    /// To whom.
    pub consumer: ConsumerId,
    /// By which number it is to be acknowledged; none with auto-ack.
    pub tag: Option<Tag>,
    /// How many consumers stood in the line then, this one among them; 0 for one who fetched it.
    pub in_line: usize,
    /// What.
    pub message: Message<B>,
}

/// A message that left a queue without being handled.
#[derive(Clone, Debug)]
pub struct Gone<B> {
    /// From which queue.
    pub queue: Arc<str>,
    /// Why.
    pub cause: Cause,
    /// How many queues took it as a dead letter; with 0 it is gone for good.
    pub dead_lettered: usize,
    /// Was it dropped because it would have gone round for ever?
    pub cycle: bool,
    /// What.
    pub message: Message<B>,
}

/// There is no exchange of that name: 404.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoExchange;

/// A broker.
#[derive(Clone, Debug)]
pub struct Broker<B> {
    exchanges: BTreeMap<Arc<str>, Exchange>,
    queues: BTreeMap<Arc<str>, Queue<B>>,
    deliveries: Vec<Delivery<B>>,
    gone: Vec<Gone<B>>,
    next_tag: u64,
    next_consumer: u32,
}

impl<B> Default for Broker<B> {
    fn default() -> Self {
        Broker {
            exchanges: BTreeMap::new(),
            queues: BTreeMap::new(),
            deliveries: Vec::new(),
            gone: Vec::new(),
            next_tag: 1,
            next_consumer: 1,
        }
    }
}

impl<B: Clone> Broker<B> {
    /// Declares an exchange; one that is there keeps its bindings.
    pub fn declare_exchange(&mut self, name: &str, exchanging: Exchanging, durable: bool) {
        let fresh = || Exchange::new(exchanging, durable);
        let exchange = self.exchanges.entry(name.into()).or_insert_with(fresh);
        (exchange.exchanging, exchange.durable) = (exchanging, durable);
    }

    /// Declares a queue; one that is there keeps its messages.
    pub fn declare_queue(&mut self, name: &str, args: QueueArgs) {
        match self.queues.get_mut(name) {
            Some(queue) => queue.set_args(args),
            None => {
                let name: Arc<str> = name.into();
                self.queues.insert(name.clone(), Queue::new(name, args));
            }
        }
    }

    /// Takes a queue away; what was in it.
    pub fn delete_queue(&mut self, name: &str) -> Vec<Message<B>> {
        self.exchanges.values_mut().for_each(|exchange| exchange.forget(name));
        self.queues.remove(name).map_or_else(Vec::new, |queue| queue.everything().collect())
    }

    /// Binds a queue to an exchange, both of which must be there.
    pub fn bind(&mut self, exchange: &str, binding: Binding, queue: &str) {
        if let Some(exchange) = self.exchanges.get_mut(exchange)
            && let Some((name, _)) = self.queues.get_key_value(queue)
        {
            exchange.bind(binding, Target::Queue(name.clone()));
        }
    }

    /// Takes the binding of a queue away.
    pub fn unbind(&mut self, exchange: &str, binding: &Binding, queue: &str) {
        if let Some(exchange) = self.exchanges.get_mut(exchange) {
            exchange.unbind(binding, &Target::Queue(queue.into()));
        }
    }

    /// Binds an exchange to another one.
    pub fn bind_exchange(&mut self, exchange: &str, binding: Binding, to: &str) {
        if let Some(exchange) = self.exchanges.get_mut(exchange) {
            exchange.bind(binding, Target::Exchange(to.into()));
        }
    }

    /// Who gets what an exchange has no binding for.
    pub fn set_alternate(&mut self, exchange: &str, to: Option<&str>) {
        if let Some(exchange) = self.exchanges.get_mut(exchange) {
            exchange.alternate = to.map(Into::into);
        }
    }

    /// The exchange of this name.
    pub fn exchange(&self, name: &str) -> Option<&Exchange> {
        self.exchanges.get(name)
    }

    /// The queue of this name.
    pub fn queue(&self, name: &str) -> Option<&Queue<B>> {
        self.queues.get(name)
    }

    /// All queues, by name.
    pub fn queues(&self) -> impl Iterator<Item = &Queue<B>> {
        self.queues.values()
    }

    /// The next number for whoever takes messages.
    pub fn new_consumer(&mut self) -> ConsumerId {
        self.next_consumer += 1;
        ConsumerId(self.next_consumer)
    }

    /// The queues that would get a copy; the exchange without a name is the default one.
    ///
    /// # Errors
    ///
    /// When there is no such exchange.
    pub fn route(&self, message: &Message<B>) -> Result<Vec<Arc<str>>, NoExchange> {
        let key = &message.routing_key;
        if message.exchange.is_empty() {
            let named = self.queues.get_key_value(key);
            return Ok(named.map(|(name, _)| name.clone()).into_iter().collect());
        }
        if !self.exchanges.contains_key(&message.exchange) {
            return Err(NoExchange);
        }
        let (mut queues, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let mut open = vec![message.exchange.clone()];
        while let Some(name) = open.pop() {
            let Some(exchange) = self.exchanges.get(&name) else { continue };
            if !seen.insert(name) {
                continue;
            }
            let targets = exchange.route(key, message.headers());
            if targets.is_empty() {
                open.extend(exchange.alternate.clone());
            }
            for target in targets {
                match target {
                    Target::Queue(queue) => drop(queues.insert(queue)),
                    Target::Exchange(exchange) => open.push(exchange),
                }
            }
        }
        Ok(queues.into_iter().collect())
    }

    /// Publishes a message to the exchange and with the key that it says.
    ///
    /// # Errors
    ///
    /// When there is no such exchange.
    pub fn publish(
        &mut self,
        message: Message<B>,
        mandatory: bool,
        now: Time,
    ) -> Result<Published, NoExchange> {
        let queues = self.route(&message)?;
        let (routed, returned) = (queues.len(), mandatory && queues.is_empty());
        let mut published = Published { routed, queues: 0, refused: false, returned };
        for name in queues {
            let Some(queue) = self.queues.get_mut(&name) else { continue };
            if !queue.refuses(message.bytes) {
                queue.push(message.clone(), now);
                published.queues += 1;
                continue;
            }
            published.refused = true;
            if queue.args().overflow == Overflow::RejectDead {
                self.bury(&name, message.clone(), Cause::MaxLen, now);
            }
        }
        self.pump(now);
        Ok(published)
    }

    /// Somebody consumes a queue from now on. False when there is no such queue.
    pub fn subscribe(
        &mut self,
        queue: &str,
        consumer: ConsumerId,
        args: ConsumerArgs,
        now: Time,
    ) -> bool {
        let Some(queue) = self.queues.get_mut(queue) else { return false };
        queue.subscribe(consumer, args);
        self.pump(now);
        true
    }

    /// Another prefetch for everybody who consumes this queue.
    pub fn set_prefetch(&mut self, queue: &str, prefetch: u32, now: Time) {
        if let Some(queue) = self.queues.get_mut(queue) {
            queue.set_prefetch(prefetch);
        }
        self.pump(now);
    }

    /// Somebody fetches one message, to be acknowledged.
    pub fn get(&mut self, queue: &str, holder: ConsumerId, now: Time) -> Option<Delivery<B>> {
        self.pump(now);
        let tag = self.take_tag();
        let found = self.queues.get_mut(queue)?;
        let message = found.get(holder, tag)?;
        let queue = found.name().clone();
        self.pump(now);
        Some(Delivery { queue, consumer: holder, tag: Some(tag), in_line: 0, message })
    }

    /// A delivery was handled. False when it is not known, or was requeued meanwhile.
    pub fn ack(&mut self, tag: Tag, now: Time) -> bool {
        let settled = self.queues.values_mut().any(|queue| queue.settle(tag).is_some());
        self.pump(now);
        settled
    }

    /// A delivery was refused: it goes back to its place, or dies. False when it is not known.
    pub fn nack(&mut self, tag: Tag, requeue: bool, now: Time) -> bool {
        let settle = |queue: &mut Queue<B>| Some((queue.name().clone(), queue.settle(tag)?));
        let Some((name, out)) = self.queues.values_mut().find_map(settle) else { return false };
        if requeue {
            self.put_back(&name, out, now);
        } else {
            self.bury(&name, out.message, Cause::Rejected, now);
        }
        self.pump(now);
        true
    }

    /// A consumer gets no more messages, but keeps what it holds.
    pub fn cancel(&mut self, consumer: ConsumerId) {
        self.queues.values_mut().for_each(|queue| queue.cancel(consumer));
    }

    /// A consumer is gone: what it holds goes back to its place.
    pub fn close(&mut self, consumer: ConsumerId, now: Time) {
        self.cancel(consumer);
        self.recover(consumer, now);
    }

    /// All that a consumer holds goes back to its place, and perhaps to it again.
    pub fn recover(&mut self, consumer: ConsumerId, now: Time) {
        let mut back = Vec::new();
        for queue in self.queues.values_mut() {
            for tag in queue.held_by(consumer) {
                back.extend(queue.settle(tag).map(|out| (queue.name().clone(), out)));
            }
        }
        for (name, out) in back {
            self.put_back(&name, out, now);
        }
        self.pump(now);
    }

    /// Time has passed: lets expire what expires.
    pub fn tick(&mut self, now: Time) {
        self.pump(now);
    }

    /// When the next message expires, unless something happens before.
    pub fn next_expiry(&self) -> Option<Time> {
        self.queues.values().filter_map(Queue::head_expires).min()
    }

    /// The broker stops and starts again, cleanly or because it was killed: what is transient is
    /// lost, and handed back; everybody's connection is broken.
    pub fn restart(&mut self, killed: bool, now: Time) -> Vec<(Arc<str>, Message<B>)> {
        let mut lost = Vec::new();
        let names: Vec<Arc<str>> = self.queues.keys().cloned().collect();
        for name in names {
            let Some(queue) = self.queues.get_mut(&name) else { continue };
            let survives = queue.args().durable || queue.args().quorum;
            let gone = if survives { queue.restart(killed) } else { self.delete_queue(&name) };
            lost.extend(gone.into_iter().map(|message| (name.clone(), message)));
        }
        self.exchanges.retain(|_, exchange| exchange.durable);
        self.pump(now);
        lost
    }

    /// The deliveries since the last time.
    pub fn take_deliveries(&mut self) -> Vec<Delivery<B>> {
        std::mem::take(&mut self.deliveries)
    }

    /// The deaths since the last time.
    pub fn take_gone(&mut self) -> Vec<Gone<B>> {
        std::mem::take(&mut self.gone)
    }

    fn take_tag(&mut self) -> Tag {
        self.next_tag += 1;
        Tag(self.next_tag)
    }

    fn put_back(&mut self, name: &Arc<str>, out: queue::Out<B>, now: Time) {
        let Some(queue) = self.queues.get_mut(name) else { return };
        if let Err(message) = queue.put_back(out) {
            self.bury(name, message, Cause::DeliveryLimit, now);
        }
    }

    /// Hands out and lets expire until nothing moves any more.
    fn pump(&mut self, now: Time) {
        loop {
            let mut dead = Vec::new();
            for queue in self.queues.values_mut() {
                while let Some(message) = queue.expired(now, false) {
                    dead.push((queue.name().clone(), Cause::Expired, message));
                }
                loop {
                    let (tag, in_line) = (Tag(self.next_tag + 1), queue.in_line());
                    let Some((consumer, auto_ack, message)) = queue.hand_out(tag) else { break };
                    self.next_tag += 1;
                    let tag = (!auto_ack).then_some(tag);
                    let queue = queue.name().clone();
                    self.deliveries.push(Delivery { queue, consumer, tag, in_line, message });
                }
                while let Some(message) = queue.expired(now, true) {
                    dead.push((queue.name().clone(), Cause::Expired, message));
                }
                while let Some(message) = queue.drop_head() {
                    dead.push((queue.name().clone(), Cause::MaxLen, message));
                }
            }
            if dead.is_empty() {
                return;
            }
            for (name, cause, message) in dead {
                self.bury(&name, message, cause, now);
            }
        }
    }

    /// A message dies in a queue: its dead-letter exchange, if there is one, gets it.
    fn bury(&mut self, name: &Arc<str>, message: Message<B>, cause: Cause, now: Time) {
        let mut gone = Gone { queue: name.clone(), cause, dead_lettered: 0, cycle: false, message };
        let args = self.queues.get(name).map(|queue| queue.args().clone()).unwrap_or_default();
        if let Some(exchange) = args.dead_letter_exchange {
            let message = &mut gone.message;
            message.die(name, cause, now);
            message.exchange = exchange;
            if let Some(key) = args.dead_letter_key {
                message.routing_key = key;
            }
            for target in self.route(message).unwrap_or_default() {
                // Whoever is refused is asked again: only what nobody refused goes round for ever.
                if cause != Cause::Rejected && gone.message.goes_round(&target) {
                    gone.cycle = true;
                } else if let Some(queue) = self.queues.get_mut(&target) {
                    queue.push(gone.message.clone(), now);
                    gone.dead_lettered += 1;
                }
            }
        }
        self.gone.push(gone);
    }
}
