//! The 24 bits in which Redis keeps an entry's recency or frequency.
//!
//! LRU: the seconds of a clock that wraps after 2^24 (194 days). LFU: sixteen bits of minutes, when
//! the counter last decayed, and eight bits of a counter that grows by the logarithm: it begins at
//! 5, and a hit adds one with probability 1 / ((counter − 5) · factor + 1), where the bracket is
//! at least 0; it stops at 255. For each `decay` minutes that pass it loses one, at the next look.
//! Where the seconds or the minutes wrap, Redis counts one less than passed, and so does this.
//!
//! Source: Redis 7.0, evict.c.

use crate::sim::{Rng, Time};

/// The counter of a new entry.
const LFU_NEW: u32 = 5;
const LFU_MAX: u32 = 255;
const SECONDS_MASK: u64 = (1 << 24) - 1;
const MINUTES_MASK: u64 = (1 << 16) - 1;
const SECOND_NS: u64 = 1_000_000_000;

/// The LRU clock at `now`.
pub(super) fn seconds(now: Time) -> u32 {
    ((now.ns() / SECOND_NS) & SECONDS_MASK) as u32
}

/// How many seconds an entry has been idle by that clock.
pub(super) fn idle(clock: u32, mark: u32) -> u32 {
    elapsed(clock, mark, SECONDS_MASK as u32)
}

/// What passed between a mark and now on a clock that stands at 0 after `last`. Redis's arithmetic:
/// across the wrap one less than true.
fn elapsed(now: u32, mark: u32, last: u32) -> u32 {
    if now >= mark { now - mark } else { now + (last - mark) }
}

/// How an LFU counter grows and decays.
#[derive(Clone, Copy, Debug)]
pub(super) struct Log {
    pub(super) factor: f64,
    /// Minutes for one step down; 0 is never.
    pub(super) decay: u32,
}

impl Log {
    /// The mark of a new entry.
    pub(super) fn new_mark(now: Time) -> u32 {
        minutes(now) << 8 | LFU_NEW
    }

    /// The counter in `mark`, decayed up to now.
    pub(super) fn counter(&self, mark: u32, now: Time) -> u32 {
        let passed = elapsed(minutes(now), mark >> 8, MINUTES_MASK as u32);
        let steps = passed.checked_div(self.decay).unwrap_or(0);
        (mark & LFU_MAX).saturating_sub(steps)
    }

    /// The mark after a hit.
    pub(super) fn hit(&self, mark: u32, now: Time, rng: &mut Rng) -> u32 {
        let counter = self.counter(mark, now);
        let above = f64::from(counter.saturating_sub(LFU_NEW));
        let grows = counter < LFU_MAX && rng.unit() < 1.0 / (above * self.factor + 1.0);
        minutes(now) << 8 | (counter + u32::from(grows))
    }
}

fn minutes(now: Time) -> u32 {
    ((now.ns() / (60 * SECOND_NS)) & MINUTES_MASK) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seconds_wrap() {
        assert_eq!(seconds(Time::from_ns(1_999_999_999)), 1);
        // Four seconds passed, Redis counts three.
        assert_eq!((idle(3, 16_777_215), idle(0, 16_777_215), idle(7, 3)), (3, 0, 4));
        let (log, minute) = (Log { factor: 0.0, decay: 1 }, 60 * SECOND_NS);
        let mark = Log::new_mark(Time::from_ns(65_535 * minute));
        assert_eq!(log.counter(mark, Time::from_ns((65_536 + 3) * minute)), 2);
    }

    #[test]
    fn the_counter_starts_at_five_and_loses_one_a_minute() {
        let log = Log { factor: 0.0, decay: 1 };
        let rng = &mut Rng::from_seed(1);
        let start = Log::new_mark(Time::ZERO);
        // With factor 0 every hit counts.
        let ten = (0..10).fold(start, |mark, _| log.hit(mark, Time::ZERO, rng));
        assert_eq!(log.counter(ten, Time::ZERO), 15);
        assert_eq!(log.counter(ten, Time::from_ns(3 * 60 * SECOND_NS)), 12);
        assert_eq!(log.counter(ten, Time::from_ns(60 * 60 * SECOND_NS)), 0);
        assert_eq!(Log { decay: 0, ..log }.counter(ten, Time::MAX), 15);
    }
}
