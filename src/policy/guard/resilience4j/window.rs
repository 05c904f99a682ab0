//! What resilience4j's breaker counts in: the latest calls, or the latest seconds.

use std::collections::VecDeque;

use super::super::rolling::Rolling;
use crate::sim::Time;

/// How a call ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) failed: bool,
    pub(super) slow: bool,
}

/// How many calls ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) total: u32,
    pub(super) failed: u32,
    pub(super) slow: u32,
}

impl Counts {
    /// `part` of the total in percent, in single precision as the library has it.
    pub(super) fn percent(self, part: u32) -> f32 {
        if self.total == 0 { 0.0 } else { part as f32 * 100.0 / self.total as f32 }
    }

    fn add(&mut self, call: Call) {
        self.total = self.total.saturating_add(1);
        self.failed = self.failed.saturating_add(u32::from(call.failed));
        self.slow = self.slow.saturating_add(u32::from(call.slow));
    }

    fn take(&mut self, other: Counts) {
        self.total = self.total.saturating_sub(other.total);
        self.failed = self.failed.saturating_sub(other.failed);
        self.slow = self.slow.saturating_sub(other.slow);
    }
}

#[derive(Clone, Debug)]
enum Kept {
    Calls(VecDeque<Call>),
    /// One bucket for each second of the clock.
    Seconds(Rolling<Counts>),
}

/// The calls that count.
#[derive(Clone, Debug)]
pub(super) struct Window {
    length: usize,
    kept: Kept,
    sum: Counts,
}

impl Window {
    /// An empty window of this many calls or seconds, at least one.
    pub(super) fn new(length: usize, by_time: bool) -> Window {
        let length = length.max(1);
        let kept = match by_time {
            true => Kept::Seconds(Rolling::new(length)),
            false => Kept::Calls(VecDeque::with_capacity(length)),
        };
        Window { length, kept, sum: Counts::default() }
    }

    /// Forgets all calls.
    pub(super) fn clear(&mut self) {
        match &mut self.kept {
            Kept::Calls(calls) => calls.clear(),
            Kept::Seconds(seconds) => *seconds = Rolling::new(self.length),
        }
        self.sum = Counts::default();
    }

    /// Forgets what is too old at `now`.
    pub(super) fn catch_up(&mut self, now: Time) {
        let sum = &mut self.sum;
        if let Kept::Seconds(seconds) = &mut self.kept {
            seconds.move_to(now.ns() / 1_000_000_000, |old| sum.take(old));
        }
    }

    /// Adds a call that ended at `now`, and forgets what is too old or too many.
    pub(super) fn record(&mut self, call: Call, now: Time) {
        self.catch_up(now);
        match &mut self.kept {
            Kept::Calls(calls) => {
                if calls.len() == self.length
                    && let Some(Call { failed, slow }) = calls.pop_front()
                {
                    let (failed, slow) = (u32::from(failed), u32::from(slow));
                    self.sum.take(Counts { total: 1, failed, slow });
                }
                calls.push_back(call);
            }
            Kept::Seconds(seconds) => seconds.newest().add(call),
        }
        self.sum.add(call);
    }

    /// How many there are.
    pub(super) fn counts(&self) -> Counts {
        self.sum
    }
}
