//! The queue as a broker: declaring, publishing, delivering, burying.

use std::sync::Arc;

use super::config::{DEAD, EXCHANGE};
use super::{Acknowledge, How, Note, OnFailure, Out, Queue, QueueConfig, RoutingKey, spelled};
use crate::policy::broker::{
    Binding, Cause, ConsumerArgs, Gone, Message, Overflow, Published, QueueArgs, Tag,
};
use crate::sim::{Context, Reason, Sink, Span, Time};

/// How many dead letters are kept to be looked at; all are counted.
const DEAD_KEPT: u64 = 100;

/// Where the messages of a queue wait to be tried again.
fn aside(queue: &str) -> String {
    format!("{queue} again")
}

impl Queue {
    fn consumer_args(&self) -> ConsumerArgs {
        let auto_ack = self.config.acknowledge == Acknowledge::Auto;
        ConsumerArgs { prefetch: self.config.prefetch, auto_ack, priority: 0 }
    }

    /// Declares exchange, queues and bindings; those that are there stay.
    pub(super) fn declare(&mut self) {
        let queues = self.config.queues();
        if let Some(exchanging) = self.config.exchanging() {
            self.broker.declare_exchange(EXCHANGE, exchanging, self.config.durable);
        }
        for (name, binding) in &queues {
            self.broker.declare_queue(name, self.config.queue_args());
            if let Some(key) = binding {
                self.broker.bind(EXCHANGE, Binding::key(key), name);
            }
            let again = QueueArgs {
                durable: self.config.durable,
                dead_letter_exchange: Some("".into()),
                dead_letter_key: Some(name.as_str().into()),
                ..QueueArgs::default()
            };
            self.broker.declare_queue(&aside(name), again);
        }
        let kept = QueueArgs { durable: true, length_max: Some(DEAD_KEPT), ..QueueArgs::default() };
        self.broker.declare_queue(DEAD, kept);
    }

    /// Other settings: queues and bindings that are not among them go.
    pub(super) fn reshape<S: Sink + ?Sized>(
        &mut self,
        before: &QueueConfig,
        cx: &mut Context<'_, S>,
    ) {
        let (old, new) = (before.queues(), self.config.queues());
        for (name, binding) in &old {
            if let Some(key) = binding
                && !new.contains(&(name.clone(), binding.clone()))
            {
                self.broker.unbind(EXCHANGE, &Binding::key(key), name);
            }
            if !new.iter().any(|(other, _)| other == name) {
                for gone in [name.clone(), aside(name)] {
                    self.ledger.lost += self.broker.delete_queue(&gone).len() as u64;
                }
                self.out.retain(|_, out| !matches!(&out.how, How::Tag(_, q) if **q == **name));
            }
        }
        if self.up {
            self.declare();
        }
        let now = cx.now();
        if before.acknowledge != self.config.acknowledge {
            let mut workers = std::mem::take(&mut self.workers);
            workers.iter_mut().for_each(|worker| self.hang_up(worker, now));
            self.workers = workers;
        }
        if before.prefetch != self.config.prefetch {
            for (name, _) in &new {
                self.broker.set_prefetch(name, self.config.prefetch, now);
            }
        }
        self.broker.tick(now);
        if self.up {
            self.see_workers(cx);
        }
    }

    /// Everybody who is there consumes its queue.
    pub(super) fn connect_all(&mut self, now: Time) {
        let (args, queues) = (self.consumer_args(), self.config.queues());
        let mut workers = std::mem::take(&mut self.workers);
        for worker in &mut workers {
            if !worker.is_there() || worker.consumer.is_some() {
                continue;
            }
            let Some((queue, _)) = queues.get(worker.of) else { continue };
            if self.broker.queue(queue).is_none() {
                // The constructor of whoever consumes declares its queue.
                self.declare();
            }
            let id = self.broker.new_consumer();
            worker.consumer = self.broker.subscribe(queue, id, args, now).then_some(id);
        }
        self.workers = workers;
    }

    /// The routing key of a message.
    fn routing_key<S: Sink + ?Sized>(&self, note: &Note, cx: &Context<'_, S>) -> Arc<str> {
        if self.config.exchanging().is_none() {
            return "q1".into();
        }
        let operation = note.want.op.words().to_lowercase();
        let key = || spelled(note.want.key, cx).replace(':', ".");
        match self.config.routing_key {
            RoutingKey::Operation => operation.into(),
            RoutingKey::Key => key().into(),
            RoutingKey::Both => format!("{operation}.{}", key()).into(),
        }
    }

    pub(super) fn publish_to_broker<S: Sink + ?Sized>(
        &mut self,
        slot: u32,
        note: Note,
        cx: &mut Context<'_, S>,
    ) {
        let mut message = Message::new(note, 1);
        message.routing_key = self.routing_key(&note, cx);
        message.persistent = self.config.persistent;
        if self.config.exchanging().is_some() {
            message.exchange = EXCHANGE.into();
        }
        let why = self.explain_publish(slot, &message, cx);
        // Without its exchange the broker has nowhere to put it either.
        let nowhere =
            Published { routed: 0, queues: 0, refused: false, returned: self.config.mandatory };
        let published = self.broker.publish(message, self.config.mandatory, cx.now());
        let published = published.unwrap_or(nowhere);
        cx.decided(slot, self.explain_published(why, published));
        self.book(published);
        match published {
            Published { returned: true, .. } => cx.fail(slot, Reason::BadRequest),
            Published { refused: true, .. } if self.config.confirms => {
                cx.fail(slot, Reason::MessageRejected);
            }
            Published { queues: 0, .. } => cx.reply(slot, crate::sim::Outcome::Done),
            _ => self.confirm(slot, cx),
        }
    }

    fn book(&mut self, published: Published) {
        let ledger = &mut self.ledger;
        ledger.published += published.routed.max(1) as u64;
        if published.routed == 0 {
            ledger.unroutable += 1;
            ledger.dropped += 1;
        }
        let refused = (published.routed - published.queues) as u64;
        ledger.refused += refused;
        // Those that are dead-lettered all the same are counted when they are.
        if self.config.overflow != Overflow::RejectDead {
            ledger.dropped += refused;
        }
    }

    /// What the broker gave up since the last time.
    pub(super) fn bury<S: Sink + ?Sized>(&mut self, cx: &Context<'_, S>) {
        for Gone { queue, cause, dead_lettered, message, .. } in self.broker.take_gone() {
            // Who waited aside has joined its queue again; of the dead only some are kept.
            let is_aside = queue.ends_with(" again");
            if &*queue == DEAD || (is_aside && dead_lettered > 0) {
                continue;
            }
            self.ledger.give_up(cause, dead_lettered > 0);
            let name = self.name_of(&message.body, cx);
            self.last = Some(match cause {
                Cause::Expired => format!("{name} expired in {queue}"),
                Cause::MaxLen => format!("{name} did not fit in {queue}"),
                Cause::Rejected => format!("{name} refused by its worker"),
                Cause::DeliveryLimit => format!("{name} came back too often"),
            });
        }
    }

    /// Sends what the broker hands out.
    pub(super) fn deliver<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        for delivery in self.broker.take_deliveries() {
            let taker = |worker: &&super::Worker| worker.consumer == Some(delivery.consumer);
            let found = self.workers.iter().find(taker);
            let Some((worker, readers)) = found.map(|worker| (worker.link, worker.of)) else {
                // Its connection broke in this very instant: what waits for an acknowledgement is
                // back in its place already.
                self.ledger.lost += u64::from(delivery.tag.is_none());
                continue;
            };
            self.ledger.redelivered += u64::from(delivery.message.redelivered);
            let how = match delivery.tag {
                Some(tag) => How::Tag(tag, delivery.queue.clone()),
                None => How::Auto,
            };
            let call = self.send(Out { note: delivery.message.body, worker, readers, how }, cx);
            self.explain_delivery(call, &delivery, worker, cx);
        }
    }

    /// A worker failed on a message.
    pub(super) fn refused_by_worker<S: Sink + ?Sized>(
        &mut self,
        tag: Tag,
        queue: &Arc<str>,
        note: Note,
        cx: &mut Context<'_, S>,
    ) {
        let now = cx.now();
        let most = self.config.tries;
        let again = most == 0 || note.tries < most;
        match self.config.on_failure {
            OnFailure::Requeue => drop(self.broker.nack(tag, true, now)),
            OnFailure::Retry if again => {
                if !self.broker.ack(tag, now) {
                    return;
                }
                self.ledger.retried += 1;
                let mut message = Message::new(Note { tries: note.tries + 1, ..note }, 1);
                message.routing_key = aside(queue).into();
                message.persistent = self.config.persistent;
                message.expiration = Some(Span::from_millis_f64(self.config.retry_ms));
                let published = self.broker.publish(message, false, now);
                if published.is_ok_and(|published| published.queues == 0) {
                    self.ledger.lost += 1;
                }
            }
            OnFailure::Reject | OnFailure::Retry => drop(self.broker.nack(tag, false, now)),
        }
    }

    /// The broker was killed.
    pub(super) fn lose_what_is_not_on_disk<S: Sink + ?Sized>(&mut self, cx: &Context<'_, S>) {
        let lost = self.broker.restart(true, cx.now());
        let lost = lost.iter().filter(|(queue, _)| &**queue != DEAD).count() as u64;
        self.ledger.lost += lost;
        if lost > 0 {
            self.last = Some(format!("{lost} lost when the broker died"));
        }
        self.bury(cx);
    }
}
