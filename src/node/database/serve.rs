//! Requests: who gets them, who works on them, what they find.

use super::log::{Cell, Entry, Is};
use super::member::Task;
use super::why::Turn;
use super::{DONE, Database, Poll, Reads, Replication, SESSIONS_MAX, Session, Waiting};
use super::{TIMEOUT, WORKER_BITS, stores, timer};
use crate::sim::{Context, Found, Key, Op, Outcome, Reason, Request, Sink, Span, Stamp, Time};

impl Database {
    #[inline]
    pub(super) fn arrive<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        let Some(&Request { op, address, .. }) = cx.request(slot) else { return };
        self.queries.mark(cx.now());
        match op {
            _ if stores(op) => self.arrive_change(slot, address, cx),
            // Nobody keeps copies here that could be filled or dropped.
            Op::Fill | Op::Invalidate => cx.fail(slot, Reason::BadRequest),
            _ if self.config.replication == Replication::Quorum => self.begin_poll(slot, cx),
            _ => self.arrive_read(slot, address, cx),
        }
    }

    /// The member that this address sends changes to.
    fn leader_of(&self, address: u32) -> usize {
        let known = self.sessions.get(&address).map(|session| usize::from(session.leader));
        known.filter(|place| *place < self.members.len()).unwrap_or(self.primary)
    }

    /// The address was refused by who is not the primary, or is not there; now it knows who is.
    fn learn(&mut self, address: u32) {
        let primary = self.primary as u8;
        if let Some(session) = self.sessions.get_mut(&address) {
            session.leader = primary;
        }
    }

    fn remember(&mut self, address: u32, leader: usize) {
        if self.sessions.len() < SESSIONS_MAX && !self.sessions.contains_key(&address) {
            self.sessions.insert(address, Session { leader: leader as u8, wrote: 0, seen: 0 });
        }
    }

    fn arrive_change<S: Sink + ?Sized>(
        &mut self,
        slot: u32,
        address: u32,
        cx: &mut Context<'_, S>,
    ) {
        self.counts.received += 1;
        let leader = self.leader_of(address);
        self.remember(address, leader);
        let (write, _) = self.config.quorums();
        let reached = (0..self.members.len()).filter(|m| self.linked(leader, *m)).count();
        let wants_more = self.config.replication == Replication::Quorum && reached < write
            || self.heard_from(leader, cx.now()) < self.config.min_replicas;
        let refusal = match () {
            () if self.refuses => Some(Reason::WriteRefused),
            () if !self.members[leader].up => Some(Reason::ConnectionRefused),
            () if !self.takes_changes(leader) => Some(Reason::NotLeader),
            () if wants_more => Some(Reason::QuorumNotReached),
            () => None,
        };
        self.members[leader].asked += 1;
        self.explain_change(slot, leader, refusal, reached, cx);
        match refusal {
            Some(reason) => {
                if matches!(reason, Reason::ConnectionRefused | Reason::NotLeader) {
                    self.learn(address);
                }
                self.refuse(slot, reason, cx);
            }
            None => self.take(leader, slot, cx),
        }
    }

    /// How many other members a primary has heard from lately: those it reaches, and those that
    /// have not been out of reach for long and did not close the connection.
    pub(super) fn heard_from(&self, leader: usize, now: Time) -> u8 {
        if self.config.min_replicas == 0 {
            return 0;
        }
        let lately = Span::from_seconds_f64(self.config.max_silence_s);
        let recent = |place: usize| {
            let silent = self.members[place].silent;
            silent.is_none_or(|since| now.since(since) <= lately)
        };
        let heard = |place: &usize| {
            let other = *place != leader && self.members[*place].up;
            other && (self.linked(leader, *place) || recent(leader) && recent(*place))
        };
        (0..self.members.len()).filter(heard).count() as u8
    }

    fn arrive_read<S: Sink + ?Sized>(&mut self, slot: u32, address: u32, cx: &mut Context<'_, S>) {
        self.counts.reads += 1;
        let turn = self.turn(address);
        self.members[turn.place].asked += 1;
        self.explain_turn(slot, &turn, cx);
        if self.members[turn.place].up {
            return self.take(turn.place, slot, cx);
        }
        let reason = match turn.place == self.primary {
            true => Reason::ConnectionRefused,
            false => Reason::ReplicaLost,
        };
        self.learn(address);
        self.refuse(slot, reason, cx);
    }

    /// Who answers this read. The course's rule: `replicas[cursor]`, then the cursor moves on.
    fn turn(&mut self, address: u32) -> Turn {
        let known = self.leader_of(address);
        if self.members[known].up && !self.takes_changes(known) {
            self.learn(address);
        }
        let leader = self.leader_of(address);
        let replicas = self.members.len() - 1;
        let mut turn =
            Turn { place: leader, taken: None, replicas, after: 0, skipped: 0, behind: None };
        if self.config.reads == Reads::PrimaryOnly {
            return turn;
        }
        let sync = self.config.replication == Replication::Sync;
        for _ in 0..replicas {
            let taken = self.cursor % replicas;
            let Some(place) = self.replicas().nth(taken) else { break };
            self.cursor = (taken + 1) % replicas;
            let (missed, in_sync) = (self.members[place].missed, self.members[place].in_sync);
            if self.config.health && (missed || sync && !in_sync) {
                turn.skipped += 1;
                continue;
            }
            (turn.place, turn.taken, turn.after) = (place, Some(taken), self.cursor);
            break;
        }
        if let Some(needs) = self.needs(address)
            && turn.taken.is_some()
        {
            let applied = self.members[turn.place].applied;
            if applied < needs {
                turn.behind = Some((turn.place, applied, needs));
                turn.place = leader;
            }
        }
        turn
    }

    /// The log position that a member must have applied to answer this address, if that matters.
    fn needs(&self, address: u32) -> Option<u64> {
        let of_session: fn(&Session) -> u64 = match self.config.reads {
            Reads::ReadYourWrites => |session| session.wrote,
            Reads::Monotonic => |session| session.seen,
            Reads::RoundRobin | Reads::PrimaryOnly => return None,
        };
        let full = self.sessions.len() >= SESSIONS_MAX;
        let unknown = if full { u64::MAX } else { 0 };
        Some(self.sessions.get(&address).map_or(unknown, of_session))
    }

    /// A member takes a request: works on it, lets it wait, or has no place for it.
    fn take<S: Sink + ?Sized>(&mut self, place: usize, slot: u32, cx: &mut Context<'_, S>) {
        let member = &mut self.members[place];
        let open = usize::from(self.config.workers).min(member.workers.len());
        match member.workers[..open].iter().position(Option::is_none) {
            Some(worker) => self.begin(place, worker, Task::Request(slot), cx),
            None if member.line.len() < self.config.queue_limit as usize => {
                member.line.push_back(Task::Request(slot));
                cx.wait(slot);
            }
            None => self.refuse(slot, Reason::QueueFull, cx),
        }
    }

    fn begin<S: Sink + ?Sized>(
        &mut self,
        place: usize,
        worker: usize,
        task: Task,
        cx: &mut Context<'_, S>,
    ) {
        let changes = match task {
            Task::Request(slot) => cx.request(slot).is_some_and(|request| stores(request.op)),
            Task::Share(_) => false,
        };
        let time = if changes { &self.write_time } else { &self.read_time };
        let span = time.draw(&mut self.members[place].service) * self.slow;
        let member = &mut self.members[place];
        member.workers[worker] = Some(task);
        let at_work = member.busy();
        let slowdown = self.config.slowdown(at_work);
        // Multiplied only where it matters: times stay whole nanoseconds as they were drawn.
        let span = match slowdown > 1.0 {
            true => Span::from_seconds_f64(span.seconds() * slowdown),
            false => span,
        };
        let number = u32::from(member.life) << WORKER_BITS | worker as u32;
        if let Task::Request(slot) = task {
            if slowdown > 1.0 {
                self.explain_slowdown(slot, place, at_work, cx);
            }
            cx.serve(slot, span);
        }
        cx.wake_in(span, DONE, timer(place, number));
    }

    /// A worker has done its task.
    pub(super) fn done<S: Sink + ?Sized>(
        &mut self,
        place: usize,
        worker: usize,
        cx: &mut Context<'_, S>,
    ) {
        let Some(task) = self.members[place].workers.get_mut(worker).and_then(Option::take) else {
            return;
        };
        match task {
            Task::Share(poll) => self.share(place, poll, cx),
            Task::Request(slot) => match cx.request(slot).map(|request| request.op) {
                Some(op) if stores(op) => self.change(place, slot, cx),
                Some(_) => self.answer(place, slot, cx),
                None => {}
            },
        }
        self.next(place, worker, cx);
    }

    /// The worker is free: who waits longest, comes next.
    pub(super) fn next<S: Sink + ?Sized>(
        &mut self,
        place: usize,
        worker: usize,
        cx: &mut Context<'_, S>,
    ) {
        let wanted = usize::from(self.config.workers);
        let member = &mut self.members[place];
        if worker >= wanted {
            while member.workers.len() > wanted && member.workers.last() == Some(&None) {
                member.workers.pop();
            }
        } else if member.workers.get(worker) == Some(&None)
            && let Some(task) = member.line.pop_front()
        {
            self.begin(place, worker, task, cx);
        }
    }

    /// A read is done at this member.
    fn answer<S: Sink + ?Sized>(&mut self, place: usize, slot: u32, cx: &mut Context<'_, S>) {
        let Some(&Request { key, address, .. }) = cx.request(slot) else { return };
        self.expire(place, key, cx);
        let cell = self.members[place].cell(key);
        let (found, stamp) = self.look(cell, key, cx.now());
        self.show(address, place);
        let newest = self.count_read(key, found, stamp);
        self.explain_answer(slot, place, newest, cx);
        cx.found(slot, found, stamp);
        cx.reply(slot, Outcome::Done);
    }

    /// Is its lifetime over? Everybody goes by the primary's clock.
    pub(super) fn expired(&self, cell: Cell, now: Time) -> bool {
        let lifetime = Span::from_millis_f64(self.config.lifetime_ms);
        lifetime > Span::ZERO && cell.is == Is::Written && now.since(cell.at) >= lifetime
    }

    /// What a read of this version of the key finds.
    fn look(&self, cell: Cell, key: Key, now: Time) -> (Found, Stamp) {
        match self.expired(cell, now) {
            true => (Found::Nothing, cell.stamp),
            false => cell.answer(self.loaded(key)),
        }
    }

    /// The primary deletes an expired key that it meets, as Redis does; a replica waits until that
    /// comes to it in the log.
    fn expire<S: Sink + ?Sized>(&mut self, place: usize, key: Key, cx: &mut Context<'_, S>) {
        let before = self.members[place].cell(key);
        if place != self.primary || !self.expired(before, cx.now()) {
            return;
        }
        let after = Cell { at: cx.now(), is: Is::Deleted, ..before };
        self.members[place].store(key, after);
        self.append(Entry { key, after, before, acknowledged: false }, cx);
        self.counts.expired += 1;
        self.settle(cx);
    }

    /// The address was shown what this member has. What an old primary has by itself is no position
    /// in the log.
    fn show(&mut self, address: u32, place: usize) {
        if self.config.reads == Reads::Monotonic && self.members[place].apart.is_none() {
            self.remember(address, self.primary);
            let applied = self.members[place].applied;
            if let Some(session) = self.sessions.get_mut(&address) {
                session.seen = session.seen.max(applied);
            }
        }
    }

    /// Counts a read by what it found. Gives the version that the primary would have found.
    fn count_read(&mut self, key: Key, found: Found, stamp: Stamp) -> Stamp {
        let (_, newest) = self.members[self.primary].cell(key).answer(self.loaded(key));
        self.counts.stale += u64::from(newest > stamp);
        self.counts.not_found += u64::from(found == Found::Nothing);
        newest
    }

    /// A change is durable at this member, if it still may take changes.
    fn change<S: Sink + ?Sized>(&mut self, place: usize, slot: u32, cx: &mut Context<'_, S>) {
        let Some(&Request { op, key, stamp, found, address, .. }) = cx.request(slot) else {
            return;
        };
        if !self.takes_changes(place) {
            self.learn(address);
            return self.refuse(slot, Reason::NotLeader, cx);
        }
        let before = self.members[place].cell(key);
        let (stamp, is) = match op {
            Op::MoveOut => {
                let (found, stamp) = match before.is {
                    Is::Moved(found) => (found, before.stamp),
                    _ => self.look(before, key, cx.now()),
                };
                cx.found(slot, found, stamp);
                (stamp, Is::Moved(found))
            }
            Op::MoveIn if found == Found::Nothing => (stamp, Is::Deleted),
            Op::MoveIn => (stamp, Is::Written),
            Op::Delete => (cx.commit(slot), Is::Deleted),
            _ => (cx.commit(slot), Is::Written),
        };
        let after = Cell { stamp, at: cx.now(), is };
        self.members[place].store(key, after);
        let ticket = self.ticket();
        let mut waiting = Waiting { slot, leader: place, position: 0, since: cx.now() };
        if place == self.primary {
            let entry = Entry { key, after, before, acknowledged: false };
            waiting.position = self.append(entry, cx);
            self.waiting.insert(ticket, waiting);
            self.settle(cx);
        } else {
            self.note_apart(place, key, before);
            self.stranded.insert(ticket, waiting);
            self.settle_stranded(ticket, cx);
        }
        if self.waiting.contains_key(&ticket) || self.stranded.contains_key(&ticket) {
            cx.wait_for_calls(slot);
            cx.wake_in(Span::from_millis_f64(self.config.semi_timeout_ms), TIMEOUT, ticket);
        }
    }

    /// The request fails here.
    pub(super) fn refuse<S: Sink + ?Sized>(
        &mut self,
        slot: u32,
        reason: Reason,
        cx: &mut Context<'_, S>,
    ) {
        let changes = cx.request(slot).is_some_and(|request| stores(request.op));
        self.counts.failed += u64::from(changes);
        cx.fail(slot, reason);
    }

    // ===== reads of several members =====

    fn begin_poll<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        self.counts.reads += 1;
        let (_, need) = self.config.quorums();
        let reached = self.members.iter().filter(|member| member.in_reach()).count();
        let first = self.cursor % self.members.len();
        self.cursor = (first + 1) % self.members.len();
        self.explain_poll(slot, first, need, reached, cx);
        if reached < need {
            return self.refuse(slot, Reason::QuorumNotReached, cx);
        }
        cx.wait_for_calls(slot);
        let number = self.ticket();
        let poll = Poll { slot, need: need as u8, got: 0, asked: 0, pending: 0, best: None };
        self.polls.insert(number, poll);
        for _ in 0..need {
            self.ask_another(number, first, Reason::QueueFull, cx);
        }
    }

    /// Asks the next member that was not asked yet, from `first` on. With nobody left the read
    /// fails.
    fn ask_another<S: Sink + ?Sized>(
        &mut self,
        number: u32,
        first: usize,
        otherwise: Reason,
        cx: &mut Context<'_, S>,
    ) {
        let count = self.members.len();
        for place in (first..first + count).map(|place| place % count) {
            let Some(poll) = self.polls.get_mut(&number) else { return };
            if poll.asked >> place & 1 == 1 || !self.members[place].in_reach() {
                continue;
            }
            poll.asked |= 1 << place;
            self.members[place].asked += 1;
            let open = usize::from(self.config.workers).min(self.members[place].workers.len());
            let member = &mut self.members[place];
            let free = member.workers[..open].iter().position(Option::is_none);
            if free.is_none() && member.line.len() >= self.config.queue_limit as usize {
                continue;
            }
            poll.pending |= 1 << place;
            match free {
                Some(worker) => self.begin(place, worker, Task::Share(number), cx),
                None => member.line.push_back(Task::Share(number)),
            }
            return;
        }
        if let Some(poll) = self.polls.remove(&number) {
            self.refuse(poll.slot, otherwise, cx);
        }
    }

    /// A member has read its share.
    fn share<S: Sink + ?Sized>(&mut self, place: usize, number: u32, cx: &mut Context<'_, S>) {
        let Some(poll) = self.polls.get_mut(&number) else { return };
        if poll.pending >> place & 1 == 0 {
            return;
        }
        let Some(&Request { key, .. }) = cx.request(poll.slot) else { return };
        self.expire(place, key, cx);
        let Some(poll) = self.polls.get_mut(&number) else { return };
        let cell = self.members[place].cell(key);
        let rank = |cell: Cell| (cell.stamp, matches!(cell.is, Is::Moved(_)));
        let newer = |best: Cell| rank(cell) > rank(best);
        if poll.best.is_none_or(|(best, _)| newer(best)) {
            poll.best = Some((cell, place as u8));
        }
        poll.pending &= !(1 << place);
        poll.got += 1;
        if poll.got < poll.need {
            return;
        }
        let poll = *poll;
        self.polls.remove(&number);
        let (cell, best) = poll.best.unwrap_or_default();
        let (found, stamp) = self.look(cell, key, cx.now());
        let newest = self.count_read(key, found, stamp);
        self.explain_share(&poll, usize::from(best), newest, cx);
        cx.found(poll.slot, found, stamp);
        cx.reply(poll.slot, Outcome::Done);
    }

    /// A member will not answer any more: somebody else is asked.
    pub(super) fn lose_share<S: Sink + ?Sized>(
        &mut self,
        place: usize,
        number: u32,
        cx: &mut Context<'_, S>,
    ) {
        let Some(poll) = self.polls.get_mut(&number) else { return };
        if poll.pending >> place & 1 == 1 {
            poll.pending &= !(1 << place);
            self.ask_another(number, place, Reason::QuorumNotReached, cx);
        }
    }
}
