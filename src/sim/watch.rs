//! What somebody who watches a run may know of it: which requests ended and how, and how busy each
//! node is. A watcher sees it when its own timer rings, and changes nothing by looking.

use std::collections::VecDeque;

use super::context::Context;
use super::sink::Sink;
use super::time::{Span, Time};

/// The timer of watchers; no other kind of node uses this number.
pub const SAMPLE: u8 = u8::MAX;

/// How long what has ended is kept for those who have not looked yet.
const KEPT: Span = Span::from_millis(1_000);

/// A client's request that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: Time,
    /// From its birth to its end.
    pub latency: Span,
    /// Did it fail?
    pub failed: bool,
}

/// What is kept for watchers; nothing while there are none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    /// Has anybody ever watched?
    pub(crate) on: bool,
    /// Timers of watchers that are pending.
    pub(crate) timers: usize,
    /// By node: how busy each was at the last sample, 0 to 1; none where that means nothing.
    pub(crate) busy: Vec<Option<f64>>,
    ended: VecDeque<Ended>,
    /// How many were dropped from the front.
    dropped: u64,
}

impl Watch {
    /// A client's request has ended.
    pub(crate) fn note(&mut self, ended: Ended) {
        while self.ended.front().is_some_and(|first| first.at + KEPT < ended.at) {
            self.ended.pop_front();
            self.dropped += 1;
        }
        self.ended.push_back(ended);
    }

    /// How many have ended since somebody began to watch.
    pub(crate) fn count(&self) -> u64 {
        self.dropped + self.ended.len() as u64
    }

    /// Those that ended after the first `seen`, as far as they are kept.
    pub(crate) fn since(&self, seen: u64) -> impl Iterator<Item = &Ended> {
        self.ended.iter().skip(seen.saturating_sub(self.dropped) as usize)
    }
}

/// What a board sees when its timer rings, and nothing else of the others.
impl<S: Sink + ?Sized> Context<'_, S> {
    /// Rings this node's timer [`SAMPLE`] after `span`; the event carries `arg`. What nodes say of
    /// how busy they are is as of then.
    pub fn sample_in(&mut self, span: Span, arg: u32) {
        self.core.watch.on = true;
        self.core.watch.timers += 1;
        self.wake_in(span, SAMPLE, arg);
    }

    /// How many requests clients have made in this run.
    pub fn sent(&self) -> u64 {
        self.core.tally.sent
    }

    /// How many clients' requests have ended since somebody began to watch.
    pub fn ended(&self) -> u64 {
        self.core.watch.count()
    }

    /// The clients' requests that ended after the first `seen`, oldest first; those that ended
    /// longer than a second ago may be missing.
    pub fn ended_since(&self, seen: u64) -> impl Iterator<Item = &Ended> {
        self.core.watch.since(seen)
    }

    /// How busy the node with this name, or else with this id, was at the last sample, 0 to 1; none
    /// when there is no such node, it is down, or it has no places of work.
    pub fn busy(&self, name: &str) -> Option<f64> {
        let there = || self.core.cards.iter().enumerate().filter(|(_, card)| !card.gone);
        let named = there().find(|(_, card)| &*card.name == name);
        let (place, _) = named.or_else(|| there().find(|(_, card)| &*card.id == name))?;
        self.core.watch.busy.get(place).copied().flatten()
    }

    /// How busy the busiest of all nodes was at the last sample.
    pub fn busiest(&self) -> Option<f64> {
        self.core.watch.busy.iter().copied().flatten().reduce(f64::max)
    }

    /// Will nothing happen any more but that watchers look?
    pub fn is_over(&self) -> bool {
        self.core.requests.is_empty() && self.core.calendar.len() == self.core.watch.timers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_looks_often_enough_misses_nothing() {
        let mut watch = Watch::default();
        let mut seen = 0;
        let mut sum = 0;
        for n in 0..1_000u64 {
            let at = Time::from_ns(n * 7_000_000);
            watch.note(Ended { at, latency: Span::from_ns(n), failed: false });
            if n % 50 == 49 {
                sum += watch.since(seen).map(|ended| ended.latency.ns()).sum::<u64>();
                seen = watch.count();
            }
        }
        assert_eq!((seen, sum), (1_000, 999 * 500));
        assert!(watch.ended.len() < 200);
        assert_eq!(watch.since(seen).count(), 0);
    }
}
