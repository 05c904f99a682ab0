//! Settings that change while it runs: members come and go.

use super::member::{Member, Task};
use super::{Database, DatabaseConfig, Replication, dist};
use crate::sim::{Context, Reason, Sink};

impl Database {
    /// New settings, from the next request, and the next entry, on. A worker that is taken away
    /// finishes its task.
    pub fn configure<S: Sink + ?Sized>(&mut self, config: DatabaseConfig, cx: &mut Context<'_, S>) {
        if config == self.config {
            return;
        }
        self.read_time = dist(config.spread, config.read_ms);
        self.write_time = dist(config.spread, config.write_ms);
        self.lag = dist(config.lag_spread, config.lag_ms);
        let becomes_sync =
            config.replication == Replication::Sync && self.config.replication != Replication::Sync;
        self.config = config;
        let (have, want) = (self.members.len(), self.config.members());
        if want < have {
            self.shrink(want, cx);
        }
        for place in have..want {
            self.add_member(place, cx);
        }
        for place in 0..self.members.len() {
            self.members[place].extra_lag = self.config.extra_lag(place);
        }
        if becomes_sync {
            for place in 0..self.members.len() {
                self.members[place].in_sync = false;
                self.note_sync(place);
            }
        }
        let workers = usize::from(self.config.workers);
        for place in 0..self.members.len() {
            if self.members[place].workers.len() < workers {
                self.members[place].workers.resize(workers, None);
            }
            for worker in (0..self.members[place].workers.len()).rev() {
                self.next(place, worker, cx);
            }
        }
        self.settle(cx);
        self.elect(cx);
    }

    /// A new member begins with a copy of what the primary has.
    fn add_member<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        let workers = usize::from(self.config.workers);
        let mut member = Member::new(self.seed, &self.id, place, workers);
        let primary = &self.members[self.primary];
        member.data = primary.data.clone();
        (member.received, member.applied) = (self.log.head(), self.log.head());
        member.up = primary.up || self.members.iter().any(|member| member.up);
        self.members.push(member);
        self.feed(place, cx);
    }

    /// The last members are taken away. A primary among them hands everything over first.
    fn shrink<S: Sink + ?Sized>(&mut self, want: usize, cx: &mut Context<'_, S>) {
        if self.primary >= want {
            let rank = |place: &usize| {
                let member = &self.members[*place];
                (member.in_reach(), member.received, std::cmp::Reverse(*place))
            };
            let heir = (0..want).max_by_key(rank).unwrap_or(0);
            self.hand_over(heir, cx);
        }
        for place in want..self.members.len() {
            self.discard(place, cx);
            self.fail_waiting(place, Reason::ConnectionLost, cx);
        }
        let gone: Vec<Member> = self.members.drain(want..).collect();
        for (place, mut member) in (want..).zip(gone) {
            for task in member.drop_all() {
                match task {
                    Task::Request(slot) => self.refuse(slot, Reason::ConnectionLost, cx),
                    Task::Share(poll) => self.lose_share(place, poll, cx),
                }
            }
        }
        self.cursor %= self.members.len();
        for session in self.sessions.values_mut().filter(|s| usize::from(s.leader) >= want) {
            session.leader = self.primary as u8;
        }
        for place in 0..self.members.len() {
            self.feed(place, cx);
        }
    }

    /// A planned change of the primary: the heir gets everything, nothing is lost.
    fn hand_over<S: Sink + ?Sized>(&mut self, heir: usize, cx: &mut Context<'_, S>) {
        self.discard(heir, cx);
        let (old, head) = (self.primary, self.log.head());
        let data = self.members[old].data.clone();
        let member = &mut self.members[heir];
        member.stop_feed();
        member.catch_up(&self.log);
        (member.data, member.received, member.applied) = (data, head, head);
        (member.leads, member.in_sync) = (true, true);
        self.members[old].leads = false;
        self.primary = heir;
    }
}
