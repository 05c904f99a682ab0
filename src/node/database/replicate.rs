//! The log on its way to the replicas, and who is told when that a change is done.

use super::log::{Cell, Entry};
use super::loss::{LISTED_MAX, Lost};
use super::member::Apart;
use super::state::Waited;
use super::{APPLY, DELIVER, Database, Replication, Waiting, timer};
use crate::sim::{Context, Key, Outcome, Reason, Request, Sink, Span};

/// Entries that are kept for a member that is gone; one that misses more gets a copy of everything.
const KEPT_FOR_THE_GONE: u64 = 4_096;
/// How often old entries are forgotten, in entries.
const FORGET_EVERY: u64 = 128;

impl Database {
    /// The primary puts a change in the log, and sends it to the replicas in its reach.
    pub(super) fn append<S: Sink + ?Sized>(
        &mut self,
        entry: Entry,
        cx: &mut Context<'_, S>,
    ) -> u64 {
        let position = self.log.push(entry);
        let primary = &mut self.members[self.primary];
        (primary.received, primary.applied) = (position, position);
        for place in 0..self.members.len() {
            if self.follows(place) {
                self.send_entry(place, cx);
            }
        }
        if position.is_multiple_of(FORGET_EVERY) {
            let needs = |member: &super::Member| match member.in_reach() {
                true => member.applied,
                false => member.applied.max(position.saturating_sub(KEPT_FOR_THE_GONE)),
            };
            let needed = self.members.iter().map(needs).min().unwrap_or(position);
            self.log.forget(needed);
        }
        position
    }

    /// Does this member get the primary's log?
    pub(super) fn follows(&self, place: usize) -> bool {
        let member = &self.members[place];
        place != self.primary
            && !member.leads
            && member.apart.is_none()
            && self.linked(place, self.primary)
    }

    /// One more entry is on its way to a replica; it does not overtake those before it.
    fn send_entry<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        let member = &mut self.members[place];
        let delay = (self.lag.draw(&mut member.delays) + member.extra_lag) * self.slow;
        let at = member.coming.back().copied().unwrap_or_default().max(cx.now() + delay);
        member.coming.push_back(at);
        if member.coming.len() == 1 {
            cx.wake_in(at.since(cx.now()), DELIVER, timer(place, member.feed));
        }
    }

    /// Begins to send a replica everything that it does not have.
    pub(super) fn feed<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        self.members[place].stop_feed();
        if !self.follows(place) {
            return;
        }
        let head = self.log.head();
        if self.members[place].received < self.log.base() {
            // The entries it misses are not kept any more.
            self.members[place].catch_up(&self.log);
            let data = self.members[self.primary].data.clone();
            let member = &mut self.members[place];
            (member.data, member.received, member.applied) = (data, head, head);
            member.in_sync = true;
        }
        for _ in self.members[place].received..head {
            self.send_entry(place, cx);
        }
        self.note_sync(place);
    }

    /// Entries have come in at a replica.
    pub(super) fn deliver<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        let (now, head) = (cx.now(), self.log.head());
        let apply = Span::from_millis_f64(self.config.apply_ms) * self.slow;
        let member = &mut self.members[place];
        while member.coming.front().is_some_and(|at| *at <= now) {
            member.coming.pop_front();
            member.received += 1;
            if apply == Span::ZERO && member.ripening.is_empty() {
                member.apply_next(&self.log);
                continue;
            }
            let at = member.ripening.back().copied().unwrap_or_default().max(now + apply);
            member.ripening.push_back(at);
            if member.ripening.len() == 1 {
                cx.wake_in(at.since(now), APPLY, timer(place, member.ripe));
            }
        }
        if let Some(next) = member.coming.front() {
            cx.wake_in(next.since(now), DELIVER, timer(place, member.feed));
        }
        if member.received == head {
            self.alone = false;
        }
        self.note_sync(place);
        self.settle(cx);
    }

    /// Entries that a replica had received can be seen there.
    pub(super) fn apply<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        let now = cx.now();
        let member = &mut self.members[place];
        while member.ripening.front().is_some_and(|at| *at <= now) {
            member.ripening.pop_front();
            member.apply_next(&self.log);
        }
        if let Some(next) = member.ripening.front() {
            cx.wake_in(next.since(now), APPLY, timer(place, member.ripe));
        }
        self.note_sync(place);
        self.settle(cx);
    }

    /// Once a replica has everything, synchronous changes wait for it again.
    pub(super) fn note_sync(&mut self, place: usize) {
        let head = self.log.head();
        if self.follows(place) && self.members[place].applied == head {
            self.members[place].in_sync = true;
        }
    }

    /// The last entry that the mode counts as safe.
    fn horizon(&self) -> u64 {
        let head = self.log.head();
        let replicas = self.replicas().map(|place| &self.members[place]);
        match self.config.replication {
            Replication::Async => head,
            Replication::SemiSync if self.alone => head,
            Replication::SemiSync => replicas.map(|member| member.received).max().unwrap_or(head),
            Replication::Sync => {
                let synced = replicas.filter(|member| member.in_sync);
                synced.map(|member| member.applied).min().unwrap_or(head)
            }
            Replication::Quorum => {
                let (write, _) = self.config.quorums();
                let mut applied: Vec<u64> = replicas.map(|member| member.applied).collect();
                applied.sort_unstable_by(|a, b| b.cmp(a));
                write.checked_sub(2).map_or(head, |nth| applied.get(nth).copied().unwrap_or(0))
            }
            Replication::Wait => {
                // Whose connection is closed does not count; who is cut off has said what it has.
                let mut applied: Vec<u64> =
                    replicas.filter(|m| m.up).map(|member| member.applied).collect();
                applied.sort_unstable_by(|a, b| b.cmp(a));
                let nth = usize::from(self.config.wait_for).checked_sub(1);
                nth.map_or(head, |nth| applied.get(nth).copied().unwrap_or(0))
            }
        }
    }

    /// Acknowledges what the mode counts as safe by now.
    pub(super) fn settle<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        if self.waiting.is_empty() {
            return;
        }
        let horizon = self.horizon();
        while let Some((&ticket, waiting)) = self.waiting.first_key_value()
            && waiting.position <= horizon
        {
            let waiting = *waiting;
            self.waiting.remove(&ticket);
            self.acknowledge_shared(waiting, cx);
        }
    }

    /// Acknowledges a change that is in the log the members share.
    fn acknowledge_shared<S: Sink + ?Sized>(&mut self, waiting: Waiting, cx: &mut Context<'_, S>) {
        self.log.acknowledge(waiting.position);
        self.counts.kept += 1;
        if self.config.replication == Replication::Wait {
            self.waited = Some(Waited {
                wanted: self.config.wait_for,
                have: self.having(waiting.position),
                took: cx.now().since(waiting.since),
            });
        }
        self.acknowledge(waiting, waiting.position, cx);
    }

    /// How many replicas have applied the log up to `position`, as far as the primary was told:
    /// whose connection is closed does not count.
    pub fn having(&self, position: u64) -> u8 {
        let has = |place: &usize| {
            let member = &self.members[*place];
            member.up && member.applied >= position
        };
        self.replicas().filter(has).count() as u8
    }

    /// An old primary acknowledges what it may by itself.
    pub(super) fn settle_stranded<S: Sink + ?Sized>(
        &mut self,
        ticket: u32,
        cx: &mut Context<'_, S>,
    ) {
        let (write, _) = self.config.quorums();
        let by_itself = match self.config.replication {
            Replication::Async => true,
            Replication::SemiSync => self.alone,
            Replication::Sync => false,
            Replication::Quorum => write == 1,
            Replication::Wait => self.config.wait_for == 0,
        };
        if by_itself && let Some(waiting) = self.stranded.remove(&ticket) {
            self.acknowledge_apart(waiting, cx);
        }
    }

    fn acknowledge<S: Sink + ?Sized>(
        &mut self,
        waiting: Waiting,
        position: u64,
        cx: &mut Context<'_, S>,
    ) {
        let Some(&Request { address, .. }) = cx.request(waiting.slot) else { return };
        self.counts.acknowledged += 1;
        if let Some(session) = self.sessions.get_mut(&address) {
            session.wrote = position;
        }
        self.explain_acknowledged(&waiting, cx);
        cx.reply(waiting.slot, Outcome::Done);
    }

    /// Acknowledges a change that only an old primary has.
    fn acknowledge_apart<S: Sink + ?Sized>(&mut self, waiting: Waiting, cx: &mut Context<'_, S>) {
        let Some(&Request { key, stamp, .. }) = cx.request(waiting.slot) else { return };
        let at = self.members[waiting.leader].cell(key).at;
        if let Some(apart) = &mut self.members[waiting.leader].apart {
            apart.acknowledged += 1;
            if apart.shown.len() < LISTED_MAX {
                apart.shown.push(Lost { key, stamp, at });
            }
        }
        self.acknowledge(waiting, u64::MAX, cx);
    }

    /// A change has waited long enough for replicas.
    pub(super) fn give_up<S: Sink + ?Sized>(&mut self, ticket: u32, cx: &mut Context<'_, S>) {
        let semi = self.config.replication == Replication::SemiSync;
        let told = semi || self.config.replication == Replication::Wait;
        if let Some(waiting) = self.stranded.remove(&ticket) {
            match told {
                true => self.acknowledge_apart(waiting, cx),
                false => self.refuse(waiting.slot, Reason::QuorumNotReached, cx),
            }
        } else if self.waiting.contains_key(&ticket) {
            self.counts.gave_up_waiting += 1;
            if semi {
                self.alone = true;
                self.settle(cx);
            } else if let Some(waiting) = self.waiting.remove(&ticket) {
                if told {
                    return self.acknowledge_shared(waiting, cx);
                }
                self.refuse(waiting.slot, Reason::QuorumNotReached, cx);
            }
        }
    }

    /// An old primary has changed a key that it should not have.
    pub(super) fn note_apart(&mut self, place: usize, key: Key, before: Cell) {
        let member = &mut self.members[place];
        let from = member.received;
        let apart = member.apart.get_or_insert_with(|| Apart { from, ..Apart::default() });
        apart.entries += 1;
        if apart.undo.get(key).is_none() {
            apart.undo.insert(key, before);
        }
    }
}
