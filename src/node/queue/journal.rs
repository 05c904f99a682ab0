//! The queue as a log: appending, handing out, committing, sharing partitions out.

use std::collections::BTreeSet;

use super::{
    Acknowledge, Assignor, How, MISSED, Note, OnFailure, Out, Partitioner, Queue, QueueConfig,
    spelled,
};
use crate::policy::broker::Cause;
use crate::policy::log::{Log, Sharing, Taken};
use crate::sim::{Context, LinkId, Sink, Span, Time};

impl Queue {
    fn sharing(&self) -> Sharing {
        match self.config.assignor {
            Assignor::Range => Sharing::Range,
            Assignor::RoundRobin => Sharing::RoundRobin,
            Assignor::Sticky => Sharing::Sticky,
            Assignor::Cooperative => Sharing::Cooperative,
        }
    }

    /// Other settings: a log that is cut otherwise begins anew, and what nobody had read is lost.
    pub(super) fn recut<S: Sink + ?Sized>(
        &mut self,
        before: &QueueConfig,
        cx: &mut Context<'_, S>,
    ) {
        let cut = |config: &QueueConfig| (config.partitions, config.groups);
        if cut(before) != cut(&self.config) && before.form == self.config.form {
            let (waiting, out) = self.log.counts();
            self.ledger.lost += waiting + out;
            self.out.retain(|_, out| matches!(out.how, How::Auto));
            self.log = Log::new(self.config.partitions as usize, self.config.groups as usize);
            self.see_workers(cx);
        }
        if before.assignor != self.config.assignor {
            (0..self.log.groups().len()).for_each(|group| self.share_out(group, cx));
        }
        // What is not committed is read anew under the other rule.
        if before.acknowledge != self.config.acknowledge {
            for group in 0..self.log.groups().len() {
                for partition in 0..self.config.partitions as usize {
                    self.log.rewind(group, partition, Time::ZERO);
                }
            }
        }
    }

    /// The members of a group that are there.
    fn there(&self, group: usize) -> BTreeSet<u32> {
        let own = self.workers.iter().filter(|worker| worker.of == group && worker.is_there());
        own.map(|worker| u32::from(worker.link.0)).collect()
    }

    /// Who joins is heard of at once; who has gone is missed after a while.
    pub(super) fn see_members<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        let span = Span::from_millis_f64(self.config.session_ms);
        for group in 0..self.log.groups().len() {
            let there = self.there(group);
            let members = self.log.groups()[group].members();
            let gone: Vec<u32> =
                members.keys().copied().filter(|member| !there.contains(member)).collect();
            let joins = there.iter().any(|member| !members.contains_key(member));
            for member in gone {
                self.log.rewind_member(group, member);
                self.give_back(LinkId(member as u16));
                self.forget_calls(LinkId(member as u16));
                cx.wake_in(span, MISSED, group as u32);
            }
            if joins {
                self.share_out(group, cx);
            }
        }
    }

    /// What this worker holds of partitions that others read by now is read again, too.
    fn give_back(&mut self, link: LinkId) {
        for out in self.out.values().filter(|out| out.worker == link) {
            if let How::Offset(taken) = &out.how {
                self.log.give_back(taken);
            }
        }
    }

    /// Shares the partitions of a group out, if those who are there are not its members.
    pub(super) fn share_out<S: Sink + ?Sized>(&mut self, group: usize, cx: &mut Context<'_, S>) {
        let Some(readers) = self.log.groups().get(group) else { return };
        let there = self.there(group);
        let first = readers.generation == 0;
        let gone: Vec<u32> =
            readers.members().keys().copied().filter(|member| !there.contains(member)).collect();
        let same = readers.members().keys().eq(there.iter());
        if same && !first && !self.log.would_move(group, self.sharing()) {
            return;
        }
        for member in gone {
            self.log.rewind_member(group, member);
            self.log.leave(group, member);
        }
        for worker in self.workers.iter().filter(|worker| worker.of == group) {
            if worker.is_there() {
                self.log.join(group, u32::from(worker.link.0), &worker.name);
            }
        }
        // At the very beginning nobody has anything to give up.
        let still = match first || cx.now() == Time::ZERO {
            true => cx.now(),
            false => cx.now() + Span::from_millis_f64(self.config.rebalance_ms),
        };
        self.log.share_out(group, self.sharing(), still);
        self.ledger.rebalances += 1;
    }

    pub(super) fn append<S: Sink + ?Sized>(
        &mut self,
        slot: u32,
        note: Note,
        cx: &mut Context<'_, S>,
    ) {
        let name = spelled(note.want.key, cx);
        let by_key = self.config.partitioner == Partitioner::Key;
        let (partition, offset) =
            self.log.append(by_key.then_some(name.as_bytes()), note, cx.now());
        self.ledger.published += self.log.groups().len() as u64;
        let why = self.explain_append(slot, &name, partition, offset, cx);
        cx.decided(slot, why);
        self.confirm(slot, cx);
    }

    /// Hands out what members may take.
    pub(super) fn hand_out<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        let at_once = self.config.acknowledge == Acknowledge::Auto;
        loop {
            let workers = &self.workers;
            let is_there =
                |member: u32| workers.iter().any(|w| u32::from(w.link.0) == member && w.is_there());
            let taken = self.log.take(cx.now(), self.config.prefetch, at_once, is_there);
            let Some(Taken { group, member, partition, offset, epoch, again, body }) = taken else {
                return;
            };
            self.ledger.redelivered += u64::from(again);
            let taken = Taken { group, member, partition, offset, epoch, again, body: () };
            let how = match at_once {
                true => How::Auto,
                false => How::Offset(Box::new(taken.clone())),
            };
            let worker = LinkId(member as u16);
            let call = self.send(Out { note: body, worker, readers: group, how }, cx);
            self.explain_taken(call, &taken, worker, cx);
        }
    }

    /// A record is done with: how many were committed as handled by that.
    pub(super) fn commit(&mut self, taken: &Taken<()>, passed_over: bool) -> u64 {
        let (handled, skipped) = self.log.done(taken, passed_over);
        for _ in 0..skipped {
            self.ledger.give_up(Cause::Rejected, self.config.dead_letters);
        }
        handled
    }

    /// A worker failed on a record: its partition stands still and is read again, or the record is
    /// passed over.
    pub(super) fn failed_in_log<S: Sink + ?Sized>(
        &mut self,
        taken: &Taken<()>,
        note: &Note,
        cx: &mut Context<'_, S>,
    ) {
        let Some(failures) = self.log.failed(taken) else { return };
        let most = self.config.tries;
        let given_up = self.config.on_failure == OnFailure::Reject || (most > 0 && failures > most);
        if given_up {
            self.last = Some(format!("{} passed over", self.name_of(note, cx)));
            let handled = self.commit(taken, true);
            return self.count_handled(handled, cx.now());
        }
        let wait = match self.config.on_failure {
            OnFailure::Retry => Span::from_millis_f64(self.config.retry_ms),
            OnFailure::Requeue | OnFailure::Reject => Span::ZERO,
        };
        self.log.rewind(taken.group, taken.partition, cx.now() + wait);
    }
}
