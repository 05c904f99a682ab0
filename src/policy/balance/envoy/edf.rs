//! Envoy's earliest-deadline-first scheduler: by weight, with a priority queue.
//!
//! Everybody has a deadline. The earliest is picked, of equal ones whoever was put in first; the
//! clock jumps to it, and the one picked is put back with the deadline `now + 1 / weight`. Weight 5
//! comes round five times as often as weight 1. The weight is asked for at every pick, so it may
//! change meanwhile. Deadlines are 64-bit floats, and equal sums that were rounded differently
//! decide ties: the expressions below are Envoy's to the letter.
//!
//! There are two generations, which differ in how the first deadlines are made. See [`Generation`].
//! Sources: Envoy `edf_scheduler.h` at 10f2a5bd (old), and with `createWithPicks`, change 31592 of
//! January 2024 (new).

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Which Envoy: it decides how a schedule begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// Until 2023: all are added to an empty schedule in list order, then `seed mod n` picks are
    /// made and thrown away.
    Old,
    /// Since 2024: the state after `seed` picks is computed at once, with 1e-13 added to each
    /// weight while doing so; only the few picks that are left over are made one by one.
    New,
}

/// A host in the queue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Due {
    /// When it is due, on the scheduler's own clock.
    pub deadline: f64,
    /// Grows with every entry made: of equal deadlines the smaller goes first.
    pub order: u64,
    /// Its number in the list of weights.
    pub host: usize,
}

impl Eq for Due {}

impl Ord for Due {
    /// Turned round, because the standard queue gives the greatest first.
    fn cmp(&self, other: &Due) -> Ordering {
        let deadlines = other.deadline.total_cmp(&self.deadline);
        deadlines.then_with(|| other.order.cmp(&self.order))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Due) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The scheduler.
#[derive(Clone, Debug, Default)]
pub struct Edf {
    now: f64,
    order: u64,
    queue: BinaryHeap<Due>,
}

impl Edf {
    /// A schedule for hosts with these weights, all above zero. `seed` sets where it begins, so
    /// that a thousand proxies that start together do not all send to the same host.
    pub fn begin(generation: Generation, weights: &[f64], seed: u64) -> Edf {
        match generation {
            _ if weights.is_empty() => Edf::default(),
            Generation::Old => Edf::from_empty(weights, seed),
            Generation::New => Edf::with_picks(weights, seed as u32),
        }
    }

    fn from_empty(weights: &[f64], seed: u64) -> Edf {
        let mut edf = Edf::default();
        for (host, weight) in weights.iter().enumerate() {
            edf.queue.push(Due { deadline: edf.now + 1.0 / weight, order: edf.order, host });
            edf.order += 1;
        }
        (0..seed % weights.len() as u64).for_each(|_| edf.skip(weights));
        edf
    }

    fn with_picks(weights: &[f64], picks: u32) -> Edf {
        // Beyond this, says Envoy, more picks make no difference worth computing.
        let picks = picks % 429_496_729;
        let raised = || weights.iter().map(|weight| weight + 1e-13);
        let sum: f64 = raised().fold(0.0, |sum, weight| sum + weight);
        let (mut edf, mut made) = (Edf::default(), 0u32);
        let mut queue = Vec::with_capacity(weights.len());
        for (host, weight) in raised().enumerate() {
            let mut own = (weight * f64::from(picks) / sum) as u32;
            // Rounding may give somebody a pick too many.
            if own > 0 && f64::from(own) / weight >= f64::from(picks) / sum {
                own -= 1;
            }
            let own_time = f64::from(own) / weight;
            let deadline = f64::from(own + 1) / weight;
            queue.push(Due { deadline, order: host as u64, host });
            edf.now = if own_time > edf.now { own_time } else { edf.now };
            made += own;
        }
        edf.order = weights.len() as u64;
        edf.queue = queue.into();
        (made..picks).for_each(|_| edf.skip(weights));
        edf
    }

    fn skip(&mut self, weights: &[f64]) {
        self.pick(|host| weights[host]);
    }

    /// Picks a host and puts it back with the weight it has now, which must be above zero. `None`
    /// when there is no host.
    #[inline]
    pub fn pick(&mut self, weight: impl FnOnce(usize) -> f64) -> Option<usize> {
        let mut top = self.queue.peek_mut()?;
        let host = top.host;
        self.now = top.deadline;
        top.deadline = self.now + 1.0 / weight(host);
        top.order = self.order;
        self.order += 1;
        Some(host)
    }

    /// Everybody in the order in which they are due as things stand: a host that comes round again
    /// before others is listed once.
    pub fn due(&self) -> Vec<Due> {
        let mut due = self.queue.clone().into_sorted_vec();
        due.reverse();
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn picks(edf: &mut Edf, weights: &[f64], count: usize) -> Vec<usize> {
        (0..count).filter_map(|_| edf.pick(|host| weights[host])).collect()
    }

    /// Weights 2 and 1, by hand.
    #[test]
    fn shows_the_deadlines_after_each_pick() {
        let weights = [2.0, 1.0];
        let mut edf = Edf::begin(Generation::Old, &weights, 0);
        let state = |edf: &Edf| -> Vec<(usize, f64)> {
            edf.due().iter().map(|due| (due.host, due.deadline)).collect()
        };
        assert_eq!(state(&edf), [(0, 0.5), (1, 1.0)]);
        assert_eq!(picks(&mut edf, &weights, 1), [0]);
        // Host 0 is due at 0.5 + 1/2 = 1 as well, but host 1 was put in before.
        assert_eq!(state(&edf), [(1, 1.0), (0, 1.0)]);
        assert_eq!(picks(&mut edf, &weights, 1), [1]);
        assert_eq!(state(&edf), [(0, 1.0), (1, 2.0)]);
        assert_eq!(picks(&mut edf, &weights, 1), [0]);
        assert_eq!(state(&edf), [(0, 1.5), (1, 2.0)]);
    }

    /// Envoy does not spread 5, 1, 1 as smoothly as nginx does: a a b a c a a there.
    #[test]
    fn five_one_one() {
        let weights = [5.0, 1.0, 1.0];
        let mut edf = Edf::begin(Generation::Old, &weights, 0);
        assert_eq!(picks(&mut edf, &weights, 7), [0, 0, 0, 0, 1, 2, 0]);
    }

    #[test]
    fn the_generations_part_in_the_second_cycle() {
        let weights = [3.0, 2.0, 1.0];
        let both = [Generation::Old, Generation::New]
            .map(|generation| picks(&mut Edf::begin(generation, &weights, 0), &weights, 12));
        assert_eq!(both[0], [0, 1, 0, 2, 1, 0, 0, 1, 0, 0, 2, 1]);
        assert_eq!(both[1], [0, 1, 0, 2, 1, 0, 0, 1, 0, 2, 1, 0]);
    }

    proptest! {
        /// A schedule that began with k picks goes on as one that made them.
        #[test]
        fn beginning_late_is_as_fair_as_beginning_early(
            weights in prop::collection::vec(1u32..100, 1..8),
            seed in any::<u64>(),
        ) {
            let total: u32 = weights.iter().sum();
            let floats: Vec<f64> = weights.iter().map(|&weight| f64::from(weight)).collect();
            for generation in [Generation::Old, Generation::New] {
                let mut edf = Edf::begin(generation, &floats, seed);
                let made = picks(&mut edf, &floats, total as usize);
                for (host, &weight) in weights.iter().enumerate() {
                    let own = made.iter().filter(|pick| **pick == host).count() as i64;
                    prop_assert!((own - i64::from(weight)).abs() <= 1, "{made:?}");
                }
            }
        }

        #[test]
        fn nothing_panics(
            weights in prop::collection::vec(1e-9f64..4.3e9, 0..6),
            seed in any::<u64>(),
        ) {
            for generation in [Generation::Old, Generation::New] {
                let mut edf = Edf::begin(generation, &weights, seed);
                prop_assert_eq!(edf.due().len(), weights.len());
                prop_assert_eq!(edf.pick(|host| weights[host]).is_some(), !weights.is_empty());
            }
        }
    }
}
