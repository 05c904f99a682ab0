//! A limit on what is under way that moves with what it sees: the part all three rules share.
//!
//! As SimpleLimiter of Netflix's concurrency-limits (commit 78a74b98). A request passes while fewer
//! are under way than the limit. When one ends well or is dropped, the rule learns how long it
//! took, how many were under way when it was admitted (itself included), and whether it was
//! dropped. One that was answered badly teaches nothing: a quick error says nothing about the load.

use super::{Ask, Ended, Guard, Verdict, Withdrawn, decimal, explain};
use crate::sim::{Rng, Time, Why};

/// What a rule learns from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// How long it took, at least 1 ns.
    pub(super) rtt_ns: u64,
    /// How many were under way.
    pub(super) among: u32,
    pub(super) dropped: bool,
}

/// A rule that moves the limit.
pub(super) trait Limit: Clone + std::fmt::Debug {
    /// Learns from one that ended.
    fn learn(&mut self, sample: Sample, rng: &mut Rng);

    /// The limit before it is cut to a whole number.
    fn exact(&self) -> f64;

    /// The largest limit there can be.
    fn most(&self) -> f64;
}

/// A guard with such a limit.
#[derive(Clone, Debug)]
pub(super) struct Adaptive<L> {
    rule: L,
    under_way: u32,
}

impl<L: Limit> Adaptive<L> {
    pub(super) fn new(rule: L) -> Adaptive<L> {
        Adaptive { rule, under_way: 0 }
    }

    fn leave(&mut self, cost: u32) {
        self.under_way = self.under_way.saturating_sub(cost);
    }
}

impl<L: Limit + 'static> Guard for Adaptive<L> {
    fn admit(&mut self, ask: &Ask, _: &mut Rng, why: &mut Why) -> Verdict {
        let limit = self.rule.exact() as u32;
        let (under_way, cost) = (self.under_way, ask.cost);
        let passes = cost <= limit.saturating_sub(under_way);
        explain(why, passes, "under way", || {
            let exact = decimal(self.rule.exact());
            let numbers = format!("{under_way} + {cost}, limit {limit} (from {exact})");
            let sentence = match passes {
                true => format!("{} are under way now; the limit is {limit}.", under_way + cost),
                false => format!("{under_way} are under way and the limit is {limit} at present."),
            };
            (numbers, sentence)
        });
        if !passes {
            return Verdict::Refuse(None);
        }
        self.under_way += cost;
        Verdict::Pass
    }

    fn ended(&mut self, ended: &Ended, rng: &mut Rng) {
        self.leave(ended.cost);
        if ended.ok || ended.dropped {
            let (rtt_ns, dropped) = (ended.took.ns().max(1), ended.dropped);
            self.rule.learn(Sample { rtt_ns, among: ended.among, dropped }, rng);
        }
    }

    fn withdrawn(&mut self, gone: &Withdrawn) {
        self.leave(gone.cost);
    }

    fn under_way(&self) -> u32 {
        self.under_way
    }

    fn state(&self, _: Time) -> String {
        format!("{} of {} under way", self.under_way, self.rule.exact() as u32)
    }

    fn gauge(&self, _: Time) -> (f64, f64) {
        (self.rule.exact(), self.rule.most())
    }
}
