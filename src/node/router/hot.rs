//! The keys that are asked for most, in little memory.
//!
//! Space-Saving: a fixed number of counters; a key without one takes over the smallest, count
//! included, and remembers how much of it is not its own. A key with more than 1 / counters of all
//! requests always has a counter, and count minus error is never more than the truth.
//!
//! Source: Metwally, Agrawal, El Abbadi, Efficient Computation of Frequent and Top-k Elements in
//! Data Streams, 2005.

use crate::sim::Key;

const COUNTERS: usize = 16;

/// A key and how often it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counter {
    key: Key,
    count: u64,
    error: u64,
}

/// Counters of the hottest keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Hot {
    counters: Vec<Counter>,
    total: u64,
}

impl Hot {
    pub(super) fn note(&mut self, key: Key) {
        self.total += 1;
        if let Some(counter) = self.counters.iter_mut().find(|counter| counter.key == key) {
            counter.count += 1;
        } else if self.counters.len() < COUNTERS {
            self.counters.push(Counter { key, count: 1, error: 0 });
        } else if let Some(least) = self.counters.iter_mut().min_by_key(|counter| counter.count) {
            *least = Counter { key, count: least.count + 1, error: least.count };
        }
    }

    /// The hottest keys with the share of all requests that was certainly theirs, from 0 to 1,
    /// hottest first; without those that may be as rare as any.
    pub(super) fn top(&self, least: f64) -> Vec<(Key, f64)> {
        let share = |c: &Counter| (c.key, (c.count - c.error) as f64 / self.total.max(1) as f64);
        let mut top: Vec<(Key, f64)> =
            self.counters.iter().map(share).filter(|&(_, share)| share >= least).collect();
        top.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        top
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hot_key_stands_out_among_many() {
        let mut hot = Hot::default();
        for n in 0..10_000u32 {
            hot.note(Key::numbered(if n % 4 == 0 { 7 } else { 100 + n }));
        }
        let top = hot.top(0.1);
        assert_eq!(top.len(), 1);
        assert_eq!(top[0].0, Key::numbered(7));
        assert!(top[0].1 <= 0.25 && top[0].1 > 0.18, "{top:?}");
    }

    #[test]
    fn few_keys_are_counted_exactly() {
        let mut hot = Hot::default();
        for n in [1, 2, 1, 3, 1, 2] {
            hot.note(Key::numbered(n));
        }
        let top: Vec<(Key, f64)> = hot.top(0.0);
        assert_eq!(top[0], (Key::numbered(1), 0.5));
        assert_eq!(top.len(), 3);
    }
}
