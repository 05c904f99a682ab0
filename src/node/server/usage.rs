//! How much of each resource is in use, and which is the limit.

use super::Server;
use crate::sim::{Span, Time};

/// How often a mark is set.
const STEP: Span = Span::from_millis(1_000);
/// From here on a resource is called the limit.
const MUCH: f64 = 0.7;

/// The resources' areas at two instants, so that shares over the last second or two can be told.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks {
    before: Mark,
    last: Mark,
    due: Time,
}

#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    at: Time,
    /// Cores at work or held, times nanoseconds.
    cores: u128,
    /// Nanoseconds for which the network was busy.
    network: u128,
}

/// The shares of the resources in use, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Cores at work or held, over the last second or two.
    pub cores: f64,
    /// Memory held just now.
    pub memory: f64,
    /// Of the time, over the last second or two.
    pub network: f64,
}

impl Usage {
    /// The resource that is used most, if it is used much: its name and its share.
    pub fn limit(&self) -> Option<(&'static str, f64)> {
        let all = [("cores", self.cores), ("memory", self.memory), ("network", self.network)];
        let most = all.into_iter().reduce(|a, b| if b.1 > a.1 { b } else { a });
        most.filter(|(_, share)| *share >= MUCH)
    }
}

impl Server {
    /// Keeps the marks up to date: called often.
    #[inline]
    pub(super) fn mark(&mut self, now: Time) {
        if now >= self.marks.due {
            self.set_mark(now);
        }
    }

    #[cold]
    fn set_mark(&mut self, now: Time) {
        self.marks.before = self.marks.last;
        self.marks.last = self.areas(now);
        self.marks.due = now + STEP;
    }

    fn areas(&self, now: Time) -> Mark {
        let cores = self.busy.area(now) + self.held.area(now);
        Mark { at: now, cores, network: self.sending.area(now) }
    }

    /// How much of each resource is in use.
    pub fn usage(&self, now: Time) -> Usage {
        let (from, to) = (self.marks.before, self.areas(now));
        let span = to.at.since(from.at).ns().max(1) as f64;
        let share = |area: u128, capacity: f64| (area as f64 / span / capacity).min(1.0);
        Usage {
            cores: share(to.cores - from.cores, f64::from(self.config.cores)),
            memory: (self.memory_held() / (self.config.memory_gb * 1e3)).min(1.0),
            network: share(to.network - from.network, 1.0),
        }
    }

    /// MB of memory that requests hold just now.
    pub fn memory_held(&self) -> f64 {
        f64::from(self.here) * self.config.memory_per_request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_what_is_used_most() {
        let usage = |cores, memory, network| Usage { cores, memory, network };
        assert_eq!(usage(0.3, 0.2, 0.69).limit(), None);
        assert_eq!(usage(0.8, 0.2, 0.93).limit(), Some(("network", 0.93)));
        assert_eq!(usage(0.8, 0.8, 0.1).limit(), Some(("cores", 0.8)));
    }
}
