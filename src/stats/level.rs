//! A whole number that changes over time, and its exact time average: busy cores, queue length.

use crate::sim::{Span, Time};

/// A number with its integral over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    value: u32,
    since: Time,
    /// Wide, because a million requests may wait for a week.
    area: u128,
}

impl Level {
    /// The number now.
    #[inline]
    pub fn value(&self) -> u32 {
        self.value
    }

    /// It is `value` from now on.
    #[inline]
    pub fn set(&mut self, now: Time, value: u32) {
        self.area = self.area(now);
        self.since = now;
        self.value = value;
    }

    /// Its integral up to now, in value times nanoseconds.
    pub fn area(&self, now: Time) -> u128 {
        let span = now.since(self.since).ns();
        // Nearly every span is short, and a wide product is a call in WebAssembly.
        self.area
            + match u32::try_from(span) {
                Ok(short) => u128::from(u64::from(self.value) * u64::from(short)),
                Err(_) => u128::from(self.value) * u128::from(span),
            }
    }

    /// Its average from the start until now.
    pub fn mean(&self, now: Time) -> f64 {
        let span: Span = now.since(Time::ZERO);
        self.area(now) as f64 / (span.ns().max(1)) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_is_weighted_by_time() {
        let mut level = Level::default();
        level.set(Time::from_ns(10), 4);
        level.set(Time::from_ns(30), 1);
        assert_eq!(level.area(Time::from_ns(40)), 4 * 20 + 10);
        assert_eq!(level.mean(Time::from_ns(40)), 90.0 / 40.0);
    }
}
