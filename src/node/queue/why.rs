//! Why a message went where it went, and who got it, in the numbers of the broker or the log.

use super::{Note, Queue};
use crate::policy::broker::{Delivery, Message, Published, Queue as BrokerQueue};
use crate::policy::hash::murmur2_32::kafka;
use crate::policy::log::Taken;
use crate::sim::why::Line;
use crate::sim::{Context, LinkId, Sink, Why};

/// A queue as it stands: `3 wait of 5, 1 with workers`.
fn standing(queue: &BrokerQueue<Note>) -> String {
    let limit = queue.args().length_max.map_or(String::new(), |most| format!(" of {most}"));
    format!("{} wait{limit}, {} with workers", queue.depth(), queue.unacked())
}

impl Queue {
    /// Which queues get it, before it is published.
    pub(super) fn explain_publish<S: Sink + ?Sized>(
        &self,
        slot: u32,
        message: &Message<Note>,
        cx: &Context<'_, S>,
    ) -> Why {
        let mut why = cx.why(slot);
        why.title(|| format!("{} took {}", cx.own_name(), self.name_of(&message.body, cx)));
        let key = &message.routing_key;
        for (name, binding) in self.config.queues() {
            why.line(|| {
                let Some(queue) = self.broker.queue(&name) else {
                    return Line { subject: name, numbers: "is gone".into(), chosen: false };
                };
                let exchange = self.broker.exchange(super::config::EXCHANGE);
                let bound = binding.as_ref().map(|binding| {
                    let binding = crate::policy::broker::Binding::key(binding);
                    let matches = exchange.is_some_and(|x| x.matches(&binding, key, None));
                    (binding.key, matches)
                });
                let (rule, chosen) = match bound {
                    None => (String::new(), true),
                    Some((pattern, true)) => (format!("{pattern} matches {key}; "), true),
                    Some((pattern, false)) => (format!("{pattern} does not match {key}; "), false),
                };
                Line { subject: name, numbers: format!("{rule}{}", standing(queue)), chosen }
            });
        }
        why
    }

    /// What the broker said to it.
    pub(super) fn explain_published(&self, mut why: Why, published: Published) -> Why {
        why.say(|| match published {
            Published { routed: 0, returned: true, .. } => {
                "No queue is bound for it, and it is mandatory: it comes back.".to_owned()
            }
            Published { routed: 0, .. } => {
                "No queue is bound for it: it is dropped, and nobody hears of it.".to_owned()
            }
            Published { routed, queues, refused: true, .. } => {
                let hears = match self.config.confirms {
                    true => "the producer hears so",
                    false => "without confirms nobody hears of it",
                };
                format!("{} of {routed} queues were full: {hears}.", routed - queues)
            }
            Published { queues, .. } => {
                let copies = if queues == 1 { "a copy" } else { "copies" };
                let safe = match (self.config.durable, self.config.persistent) {
                    (true, true) => "It is durable and persistent: it survives a restart.",
                    (true, false) => {
                        "The queue is durable, the message is not: a restart loses it."
                    }
                    (false, _) => "The queue is not durable: a restart loses both.",
                };
                format!("{queues} queue{} got {copies}. {safe}", if queues == 1 { "" } else { "s" })
            }
        });
        why
    }

    /// Who gets it, and why.
    pub(super) fn explain_delivery<S: Sink + ?Sized>(
        &self,
        call: u32,
        delivery: &Delivery<Note>,
        worker: LinkId,
        cx: &mut Context<'_, S>,
    ) {
        let mut why = cx.why(call);
        if !why.wanted() {
            return;
        }
        let name = cx.peer(worker).name.clone();
        why.title(|| format!("{} sent it to {name}", cx.own_name()));
        if let Some(queue) = self.broker.queue(&delivery.queue) {
            for standing in queue.consumers() {
                let found = self.workers.iter().find(|w| w.consumer == Some(standing.consumer));
                let subject = found.map_or(String::new(), |worker| worker.name.to_string());
                let credit = match (delivery.tag, standing.prefetch) {
                    (None, _) => "auto-ack".to_owned(),
                    (_, 0) => format!("holds {} of any number", standing.out),
                    (_, most) => format!("holds {} of {most}", standing.out),
                };
                let place = match standing.place {
                    Some(place) => format!("now number {} in the line", place + 1),
                    None => "out of the line".to_owned(),
                };
                let chosen = standing.consumer == delivery.consumer;
                why.line(|| Line { subject, numbers: format!("{credit}; {place}"), chosen });
            }
        }
        why.say(|| {
            let again = match delivery.message.redelivered {
                true => " It had been delivered before: it may come twice.",
                false => "",
            };
            format!(
                "{name} was at the head of the line of {} with credit, gets the head of the queue \
                 and goes to the back, or out when it holds all it may.{again}",
                delivery.in_line
            )
        });
        cx.decided(call, why);
    }

    /// In which partition it went.
    pub(super) fn explain_append<S: Sink + ?Sized>(
        &self,
        slot: u32,
        key: &str,
        partition: usize,
        offset: u64,
        cx: &Context<'_, S>,
    ) -> Why {
        let mut why = cx.why(slot);
        why.title(|| format!("{} put it in partition {partition}", cx.own_name()));
        let count = self.config.partitions;
        for other in 0..count as usize {
            let numbers = || format!("{} records so far", self.log.end(other));
            let chosen = other == partition;
            why.line(|| Line { subject: format!("p{other}"), numbers: numbers(), chosen });
        }
        why.say(|| {
            let rule = match self.config.partitioner {
                super::Partitioner::Key => {
                    let hash = kafka(key.as_bytes()) & 0x7fff_ffff;
                    format!("murmur2({key}) without its sign = {hash}; {hash} mod {count}")
                }
                super::Partitioner::InTurn => format!("in turn, of {count}"),
            };
            format!("{rule} = partition {partition}, offset {offset}.")
        });
        why
    }

    /// Who reads it.
    pub(super) fn explain_taken<S: Sink + ?Sized>(
        &self,
        call: u32,
        taken: &Taken<()>,
        worker: LinkId,
        cx: &mut Context<'_, S>,
    ) {
        let mut why = cx.why(call);
        if !why.wanted() {
            return;
        }
        let (own, name) = (cx.own_name(), cx.peer(worker).name.clone());
        let Taken { group, partition, offset, .. } = *taken;
        why.title(|| format!("{own} gave it to {name}"));
        for (place, cursor) in self.log.groups()[group].cursors().iter().enumerate() {
            let owner = self.workers.iter().find(|w| Some(u32::from(w.link.0)) == cursor.owner);
            let owner = owner.map_or("nobody", |worker| &worker.name).to_owned();
            let end = self.log.end(place);
            let lag = end - cursor.committed;
            let numbers = format!(
                "{owner}; committed {}, next {}, end {end}: lag {lag}",
                cursor.committed, cursor.position
            );
            let chosen = place == partition;
            why.line(|| Line { subject: format!("p{place}"), numbers, chosen });
        }
        why.say(|| {
            format!(
                "In group {} partition {partition} is read by {name} alone, in order: offset \
                 {offset} is next.",
                group + 1
            )
        });
        cx.decided(call, why);
    }
}
