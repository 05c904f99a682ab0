//! What can be seen of a group: its servers, its decisions, its cost.

use super::{Decision, Group, GroupConfig, Life};
use crate::sim::Time;
use crate::stats::{Level, Meter};

/// Nanoseconds in an hour.
const HOUR_NS: f64 = 3.6e12;

/// A server of a group just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberState {
    /// Its place in the group, from 0: the number by which faults name it.
    pub place: u8,
    /// How it is doing.
    pub life: Life,
    /// Cores at work.
    pub busy: u32,
    /// Requests waiting.
    pub waiting: u32,
    /// Requests it has answered.
    pub served: u64,
}

impl Group {
    /// Brings everything that is measured in line with the servers.
    #[inline]
    pub(super) fn count(&mut self, now: Time) {
        let cores = u32::from(self.config.cores);
        let [mut busy, mut up, mut waiting, mut there, mut all_busy, mut all_waiting] = [0; 6];
        for member in self.places.iter().flatten() {
            let (at_work, in_line) = (member.busy(), member.queue.len() as u32);
            there += 1;
            all_busy += at_work;
            all_waiting += in_line;
            if member.life == Life::Up {
                up += 1;
                busy += at_work;
                waiting += in_line;
            }
        }
        self.busy.set(now, busy);
        self.capacity.set(now, up * cores);
        self.waiting.set(now, waiting);
        self.up.set(now, up);
        self.paid.set(now, there);
        self.serving.set(now, all_busy);
        self.in_line.set(now, all_waiting);
        self.counts.most_servers = self.counts.most_servers.max(there);
    }

    /// What was used so far is paid at the price of now.
    pub(super) fn bill(&mut self, now: Time) {
        self.spent = self.cost(now);
        self.billed = self.paid.area(now);
    }

    /// What all servers have cost so far.
    pub fn cost(&self, now: Time) -> f64 {
        let since = (self.paid.area(now) - self.billed) as f64 / HOUR_NS;
        self.spent + since * self.config.price
    }

    /// Hours that servers were there, all together.
    pub fn server_hours(&self, now: Time) -> f64 {
        self.paid.area(now) as f64 / HOUR_NS
    }

    /// The settings in force.
    pub fn config(&self) -> &GroupConfig {
        &self.config
    }

    /// The servers there are, by their places.
    pub fn members(&self) -> impl Iterator<Item = MemberState> {
        let all = self.places.iter().enumerate();
        all.filter_map(|(place, member)| {
            let member = member.as_ref()?;
            Some(MemberState {
                place: place as u8,
                life: member.life,
                busy: member.busy(),
                waiting: member.queue.len() as u32,
                served: member.served,
            })
        })
    }

    /// How many servers there are to be.
    pub fn desired(&self) -> u8 {
        self.desired
    }

    /// Servers that cost, over time: all that are there.
    pub fn paid(&self) -> &Level {
        &self.paid
    }

    /// Servers that are up, over time.
    pub fn up(&self) -> &Level {
        &self.up
    }

    /// Requests at work anywhere in the group, over time.
    pub fn serving(&self) -> &Level {
        &self.serving
    }

    /// Requests waiting anywhere in the group, over time.
    pub fn in_line(&self) -> &Level {
        &self.in_line
    }

    /// Cores at work in servers that are up, and all their cores.
    pub fn load(&self) -> (u32, u32) {
        (self.busy.value(), self.capacity.value())
    }

    /// The controller's newest decision.
    pub fn decision(&self) -> Option<&Decision> {
        self.decision.as_ref()
    }

    /// The last decisions that changed the number of servers, newest last; at most 64.
    pub fn log(&self) -> impl DoubleEndedIterator<Item = &Decision> {
        self.log.iter()
    }

    /// Requests that came, by rate and in all.
    pub fn arrived(&self) -> &Meter {
        &self.arrived
    }

    /// Requests answered, by rate and in all.
    pub fn served(&self) -> &Meter {
        &self.served
    }

    /// Requests turned away because the queue of the server that was chosen was full.
    pub fn refused(&self) -> u64 {
        self.counts.refused
    }

    /// Requests sent to a server that was dead.
    pub fn refused_dead(&self) -> u64 {
        self.counts.refused_dead
    }

    /// Requests lost with their server.
    pub fn lost(&self) -> u64 {
        self.counts.lost
    }

    /// How often servers were added.
    pub fn scaled_out(&self) -> u64 {
        self.counts.scaled_out
    }

    /// How often servers were taken out.
    pub fn scaled_in(&self) -> u64 {
        self.counts.scaled_in
    }

    /// How many dead servers were noticed.
    pub fn replaced(&self) -> u64 {
        self.counts.replaced
    }

    /// The most servers there ever were.
    pub fn most_servers(&self) -> u32 {
        self.counts.most_servers
    }
}
