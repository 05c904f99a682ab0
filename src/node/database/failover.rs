//! Members that die, are cut off, and come back; who takes the primary's place; what is lost then.

use super::log::{Cell, Is};
use super::loss::Lost;
use super::member::{Apart, Task};
use super::state::{Promotion, RunnerUp};
use super::{DEMOTE, DETECT, Database, Replication, Waiting, timer};
use crate::sim::{Context, Key, KeyMap, Newest, Reason, Sink, Span};

impl Database {
    pub(super) fn crash<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        for poll in std::mem::take(&mut self.polls).into_values() {
            self.refuse(poll.slot, Reason::ConnectionLost, cx);
        }
        for place in 0..self.members.len() {
            self.fall(place, cx);
        }
    }

    /// Everybody comes up again; who was cut off still is.
    pub(super) fn restart<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        for member in &mut self.members {
            member.up = true;
        }
        for place in 0..self.members.len() {
            match self.members[place].cut {
                true => self.lose_touch(place, cx),
                false => self.greet(place, cx),
            }
        }
    }

    pub(super) fn crash_part<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        if !self.members[place].up {
            return;
        }
        self.fall(place, cx);
        if !self.members[place].cut {
            self.lose_touch(place, cx);
        }
    }

    pub(super) fn restart_part<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        if self.members[place].up {
            return;
        }
        self.members[place].up = true;
        if !self.members[place].cut {
            self.greet(place, cx);
        }
    }

    pub(super) fn cut_part<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        if self.members[place].cut {
            return;
        }
        self.members[place].cut = true;
        if self.members[place].up {
            self.part_ways(place);
            let polls: Vec<u32> = self.polls.keys().copied().collect();
            for poll in polls {
                self.lose_share(place, poll, cx);
            }
            self.lose_touch(place, cx);
        }
    }

    pub(super) fn join_part<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        if !self.members[place].cut {
            return;
        }
        self.members[place].cut = false;
        if self.members[place].up {
            self.greet(place, cx);
        }
    }

    /// A member dies: what is in its hands is lost, what is on its disk is not.
    fn fall<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        self.part_ways(place);
        let member = &mut self.members[place];
        member.up = false;
        member.catch_up(&self.log);
        for task in member.drop_all() {
            match task {
                Task::Request(slot) => self.refuse(slot, Reason::ConnectionLost, cx),
                Task::Share(poll) => self.lose_share(place, poll, cx),
            }
        }
        self.fail_waiting(place, Reason::ConnectionLost, cx);
    }

    /// Nothing crosses between this member and the others any more.
    fn part_ways(&mut self, place: usize) {
        let all = 0..self.members.len();
        for other in all.filter(|other| *other == place || place == self.primary) {
            self.members[other].stop_feed();
        }
    }

    /// Fails what waits for replicas in this member's hands.
    pub(super) fn fail_waiting<S: Sink + ?Sized>(
        &mut self,
        place: usize,
        reason: Reason,
        cx: &mut Context<'_, S>,
    ) {
        let mut lost = Vec::new();
        let mut keep = |_: &u32, waiting: &mut Waiting| {
            let gone = waiting.leader == place;
            if gone {
                lost.push(waiting.slot);
            }
            !gone
        };
        self.waiting.retain(&mut keep);
        self.stranded.retain(&mut keep);
        for slot in lost {
            self.refuse(slot, reason, cx);
        }
    }

    // ===== noticing =====

    fn lose_touch<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        let member = &mut self.members[place];
        member.watch = member.watch.wrapping_add(1);
        member.silent.get_or_insert(cx.now());
        let span = Span::from_millis_f64(self.config.detection_ms);
        cx.wake_in(span, DETECT, timer(place, member.watch));
    }

    /// The others notice that a member is gone.
    pub(super) fn detect<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        if self.members[place].in_reach() {
            return;
        }
        self.members[place].missed = !self.watched() || self.miss(place, cx);
        if place == self.primary {
            self.elect(cx);
        } else {
            // Synchronous changes do not wait for it any more.
            self.members[place].in_sync = false;
            self.settle(cx);
        }
    }

    /// A member can be reached again.
    fn greet<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        let member = &mut self.members[place];
        member.watch = member.watch.wrapping_add(1);
        member.silent = None;
        if std::mem::take(&mut member.missed) && self.watched() {
            self.find_again(place, cx);
        }
        let leads = self.members[place].leads;
        if place == self.primary {
            for other in 0..self.members.len() {
                self.follow(other, cx);
            }
            self.settle(cx);
        } else if leads && !self.config.fencing {
            // It holds itself for the primary until it hears otherwise.
            let span = Span::from_millis_f64(self.config.detection_ms);
            cx.wake_in(span, DEMOTE, timer(place, self.members[place].watch));
        } else {
            self.step_down(place, cx);
        }
        self.elect(cx);
    }

    /// A member that is not the primary follows it from now on.
    pub(super) fn step_down<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        if place == self.primary || !self.members[place].in_reach() {
            return;
        }
        self.members[place].leads = false;
        self.fail_waiting(place, Reason::NotLeader, cx);
        self.follow(place, cx);
    }

    /// Drops what the primary does not have, and takes the rest from it.
    fn follow<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        let stays = place == self.primary || self.members[place].leads;
        if stays || !self.linked(place, self.primary) {
            return;
        }
        self.discard(place, cx);
        self.feed(place, cx);
        self.settle(cx);
    }

    // ===== promotion =====

    /// Puts a replica in the place of a primary that is known to be gone, if that is wanted and
    /// there is one: at once, or when the watchers have agreed.
    pub(super) fn elect<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        let old = self.primary;
        if !self.config.failover || !self.members[old].missed || self.members[old].in_reach() {
            return;
        }
        if self.watched() {
            return self.begin_round(cx);
        }
        let reached = self.members.iter().filter(|member| member.in_reach()).count();
        // Under a quorum a minority promotes nobody, as in Raft.
        let few =
            self.config.replication == Replication::Quorum && reached * 2 <= self.members.len();
        if let Some(best) = self.heir().filter(|_| !few) {
            self.promote(best, cx);
        }
    }

    /// A replica is the primary from now on.
    pub(super) fn promote<S: Sink + ?Sized>(&mut self, best: usize, cx: &mut Context<'_, S>) {
        let (old, head) = (self.primary, self.log.head());
        let others =
            self.replicas().filter(|place| *place != best && self.members[*place].in_reach());
        let runner_up = |place: usize| RunnerUp {
            member: place as u8,
            position: self.members[place].received,
            priority: self.config.priority(place),
        };
        let runners_up = others.map(runner_up).collect();
        self.members[best].stop_feed();
        self.members[best].catch_up(&self.log);
        let position = self.members[best].received;
        for place in (0..self.members.len()).filter(|place| *place != best) {
            self.branch_off(place, position);
        }
        let lost = self.lose_suffix(best, position, cx);
        self.log.cut_back(position);
        self.primary = best;
        self.members[best].leads = true;
        // Synchronous changes do not wait for whoever is gone.
        self.members[old].in_sync = false;
        self.members[best].in_sync = true;
        self.counts.promotions += 1;
        self.promotion = Some(Promotion {
            at: cx.now(),
            member: best as u8,
            instead_of: old as u8,
            position,
            priority: self.config.priority(best),
            behind: head - position,
            lost,
            runners_up,
        });
        for session in self.sessions.values_mut() {
            session.wrote = session.wrote.min(position);
            session.seen = session.seen.min(position);
        }
        self.leave_stranded(old, position, cx);
        for place in 0..self.members.len() {
            self.follow(place, cx);
        }
    }

    /// What a member has beyond `position` is its own from now on.
    fn branch_off(&mut self, place: usize, position: u64) {
        let member = &mut self.members[place];
        member.stop_feed();
        if member.received <= position {
            return;
        }
        member.catch_up(&self.log);
        let mut undo = KeyMap::default();
        for entry in (position + 1..=member.received).filter_map(|n| self.log.get(n)) {
            if undo.get(entry.key).is_none() {
                undo.insert(entry.key, entry.before);
            }
        }
        let entries = member.received - position;
        (member.received, member.applied) = (position, position);
        let apart = member.apart.get_or_insert_with(Apart::default);
        apart.from = position;
        apart.entries += entries;
        // What it undoes already comes later than these.
        for (key, before) in undo.iter() {
            apart.undo.insert(key, before);
        }
    }

    /// Counts the entries after `position` as lost, and lets the oracle know. Gives how many of
    /// them were acknowledged.
    fn lose_suffix<S: Sink + ?Sized>(
        &mut self,
        best: usize,
        position: u64,
        cx: &mut Context<'_, S>,
    ) -> u64 {
        let mut lost = 0;
        for number in position + 1..=self.log.head() {
            let Some(&entry) = self.log.get(number) else { continue };
            let (key, stamp, at) = (entry.key, entry.after.stamp, entry.after.at);
            if entry.acknowledged {
                lost += 1;
                self.losses.note(Lost { key, stamp, at });
            }
            self.roll_back(key, entry.after, best, cx);
        }
        self.counts.kept -= lost;
        lost
    }

    /// If this version is the truth about the key, what the member has is that from now on.
    fn roll_back<S: Sink + ?Sized>(
        &self,
        key: Key,
        lost: Cell,
        holder: usize,
        cx: &mut Context<'_, S>,
    ) {
        if cx.truth().newest(key).is_some_and(|newest| newest.stamp == lost.stamp) {
            let Cell { stamp, at, is } = self.members[holder].cell(key);
            let newest = Newest { stamp, deleted: is == Is::Deleted, at };
            cx.roll_back(key, (is != Is::Loaded).then_some(newest));
        }
    }

    /// What waited in the old primary's hands: refused, or, unfenced, only its own from now on.
    fn leave_stranded<S: Sink + ?Sized>(
        &mut self,
        old: usize,
        position: u64,
        cx: &mut Context<'_, S>,
    ) {
        for (ticket, waiting) in std::mem::take(&mut self.waiting) {
            match waiting.position > position && !self.config.fencing {
                true => {
                    self.stranded.insert(ticket, Waiting { position: 0, leader: old, ..waiting });
                    self.settle_stranded(ticket, cx);
                }
                false => self.refuse(waiting.slot, Reason::NotLeader, cx),
            }
        }
    }

    /// A member throws away what the primary does not have. What it had acknowledged of that is
    /// lost.
    pub(super) fn discard<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        let Some(apart) = self.members[place].apart.take() else { return };
        for (key, before) in apart.undo.iter() {
            let cell = self.members[place].cell(key);
            self.roll_back(key, cell, self.primary, cx);
            self.members[place].store(key, before);
        }
        self.counts.discarded += apart.entries;
        let listed = apart.shown.len() as u64;
        self.losses.note_unseen(apart.acknowledged - listed);
        for lost in apart.shown {
            self.losses.note(lost);
        }
        let head = self.log.head();
        for session in self.sessions.values_mut().filter(|session| session.wrote == u64::MAX) {
            session.wrote = head;
        }
    }
}
