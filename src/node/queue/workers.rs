//! The workers of a queue: who is there, whose connection is broken, who comes back.

use std::sync::Arc;

use super::{AGAIN, Form, How, Queue, RECONNECT};
use crate::policy::broker::ConsumerId;
use crate::sim::{Context, LinkId, Sink, Time};

/// A worker at the far end of a link.
#[derive(Clone, Debug)]
pub struct Worker {
    pub(super) link: LinkId,
    /// Its name.
    pub name: Arc<str>,
    /// Is it running?
    pub up: bool,
    /// Did its connection break, and does it not come back by itself?
    pub dark: bool,
    /// Is it just about to connect again?
    pub(super) pausing: bool,
    /// Its number at the broker, while it consumes.
    pub(super) consumer: Option<ConsumerId>,
    /// The number of its queue, or of its group.
    pub of: usize,
}

impl Worker {
    pub(super) fn is_there(&self) -> bool {
        self.up && !self.dark && !self.pausing
    }
}

impl Queue {
    /// Looks who is there, and in which order.
    pub(super) fn see_workers<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        let there: Vec<(LinkId, Arc<str>, bool)> =
            cx.outgoing().map(|(id, _)| (id, cx.peer(id).name.clone(), cx.peer(id).up)).collect();
        let count = match self.config.form {
            Form::Broker => self.config.queues().len(),
            Form::Log => self.config.groups as usize,
        };
        let (mut before, now) = (std::mem::take(&mut self.workers), cx.now());
        for (number, (link, name, up)) in there.into_iter().enumerate() {
            let of = number % count.max(1);
            let known = before.iter().position(|worker| worker.link == link);
            let mut worker = match known {
                Some(place) => before.remove(place),
                None => {
                    let consumer = None;
                    Worker {
                        link,
                        name: name.clone(),
                        up,
                        dark: false,
                        pausing: false,
                        consumer,
                        of,
                    }
                }
            };
            // A worker that comes up anew connects as it did the first time.
            worker.dark &= worker.up || !up;
            (worker.name, worker.up) = (name, up);
            if worker.of != of || !up {
                self.hang_up(&mut worker, now);
            }
            worker.of = of;
            self.workers.push(worker);
        }
        before.iter_mut().for_each(|worker| self.hang_up(worker, now));
        match self.config.form {
            Form::Broker => self.connect_all(now),
            Form::Log => self.see_members(cx),
        }
    }

    /// The connection to a worker is over: what it held comes back.
    pub(super) fn hang_up(&mut self, worker: &mut Worker, now: Time) {
        if let Some(consumer) = worker.consumer.take() {
            self.broker.close(consumer, now);
            self.forget_calls(worker.link);
        }
    }

    /// Whatever this worker still answers means nothing any more, but for what was acknowledged in
    /// advance.
    pub(super) fn forget_calls(&mut self, link: LinkId) {
        self.out.retain(|_, out| out.worker != link || matches!(out.how, How::Auto));
    }

    /// A delivery was lost on its way: the connection to that worker is broken.
    pub(super) fn broke<S: Sink + ?Sized>(&mut self, link: LinkId, cx: &mut Context<'_, S>) {
        let Some(place) = self.workers.iter().position(|worker| worker.link == link) else {
            return;
        };
        let mut worker = self.workers[place].clone();
        if !worker.up {
            return;
        }
        self.hang_up(&mut worker, cx.now());
        if !self.config.reconnect {
            worker.dark = true;
        } else if !worker.pausing {
            worker.pausing = true;
            cx.wake_in(RECONNECT, AGAIN, u32::from(link.0));
        }
        self.workers[place] = worker;
        if self.config.form == Form::Log {
            self.see_members(cx);
        }
    }

    pub(super) fn connect_again<S: Sink + ?Sized>(
        &mut self,
        link: LinkId,
        cx: &mut Context<'_, S>,
    ) {
        if let Some(worker) = self.workers.iter_mut().find(|worker| worker.link == link) {
            worker.pausing = false;
        }
        self.see_workers(cx);
    }
}
