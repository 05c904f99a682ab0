//! The last seconds, in steps of a tenth: counts, latencies, how busy nodes were.
//!
//! Latencies are kept in cells that are at most 1/64 of their value wide (the layout of an HDR
//! histogram), so a percentile is right to within 2 %.

use std::collections::{BTreeMap, VecDeque};

use crate::sim::{Span, Time};

/// Cells in each doubling, as a power of two.
const FINE: u32 = 6;

/// One step.
#[derive(Clone, Debug, Default)]
struct Step {
    sent: u64,
    failed: u32,
    done: u32,
    sum_us: u64,
    latencies: BTreeMap<u16, u32>,
    /// How busy each watched node was just then.
    busy: Vec<Option<f64>>,
}

/// The last steps and their sums.
#[derive(Clone, Debug)]
pub(super) struct Window {
    most: usize,
    steps: VecDeque<Step>,
    /// When the first step began.
    from: Time,
}

/// What one step is made from.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) sent: u64,
    pub(super) failed: u32,
    pub(super) answered: Vec<Span>,
    pub(super) busy: Vec<Option<f64>>,
}

impl Window {
    /// An empty one of so many steps, from now on.
    pub(super) fn new(most: usize, now: Time) -> Window {
        Window { most: most.max(1), steps: VecDeque::new(), from: now }
    }

    /// One step more, which took `length`.
    pub(super) fn push(&mut self, seen: Seen, length: Span) {
        let mut step =
            Step { sent: seen.sent, failed: seen.failed, busy: seen.busy, ..Step::default() };
        for latency in seen.answered {
            let us = latency.ns() / 1_000;
            step.done += 1;
            step.sum_us += us;
            *step.latencies.entry(cell(us)).or_default() += 1;
        }
        self.steps.push_back(step);
        if self.steps.len() > self.most {
            self.steps.pop_front();
            self.from = self.from + length;
        }
    }

    /// Requests made in a second.
    pub(super) fn rate(&self, now: Time) -> Option<f64> {
        let span = now.since(self.from).seconds();
        let sent: u64 = self.steps.iter().map(|step| step.sent).sum();
        (span > 0.0).then(|| sent as f64 / span)
    }

    /// The share of ended requests that failed; none when none ended.
    pub(super) fn errors(&self) -> Option<f64> {
        let failed: u64 = self.steps.iter().map(|step| u64::from(step.failed)).sum();
        let ended = failed + self.done();
        (ended > 0).then(|| failed as f64 / ended as f64)
    }

    fn done(&self) -> u64 {
        self.steps.iter().map(|step| u64::from(step.done)).sum()
    }

    /// The mean latency in ms; none when nothing was answered.
    pub(super) fn mean(&self) -> Option<f64> {
        let sum: u64 = self.steps.iter().map(|step| step.sum_us).sum();
        let done = self.done();
        (done > 0).then(|| sum as f64 / done as f64 / 1e3)
    }

    /// A percentile of the latencies in ms; none when nothing was answered.
    pub(super) fn percentile(&self, percent: u8) -> Option<f64> {
        let mut all = BTreeMap::<u16, u64>::new();
        for (cell, count) in self.steps.iter().flat_map(|step| &step.latencies) {
            *all.entry(*cell).or_default() += u64::from(*count);
        }
        let rank = (self.done() * u64::from(percent)).div_ceil(100).max(1);
        let mut below = 0;
        let found = all.into_iter().find(|(_, count)| {
            below += count;
            below >= rank
        });
        found.map(|(cell, _)| top_us(cell) as f64 / 1e3)
    }

    /// How busy the watched node of this number was on average; none when nobody can tell.
    pub(super) fn busy(&self, number: usize) -> Option<f64> {
        let known =
            || self.steps.iter().filter_map(|step| step.busy.get(number).copied().flatten());
        let count = known().count();
        (count > 0).then(|| known().sum::<f64>() / count as f64)
    }
}

/// The cell of a number of microseconds.
fn cell(us: u64) -> u16 {
    let doublings = (u64::BITS - us.leading_zeros()).saturating_sub(FINE + 1);
    ((u64::from(doublings) << FINE) + (us >> doublings)) as u16
}

/// The largest number of microseconds in a cell.
fn top_us(cell: u16) -> u64 {
    let cell = u64::from(cell);
    let doublings = (cell >> FINE).saturating_sub(1);
    (((cell - (doublings << FINE)) + 1) << doublings) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_holds_its_numbers_and_is_narrow() {
        let mut last = 0;
        for us in (0..5_000).chain((0..40).map(|n| 5_000 + (1u64 << n) * 3 / 2)) {
            let (cell, top) = (cell(us), top_us(cell(us)));
            assert!(cell >= last && top >= us, "{us} in {cell} up to {top}");
            assert!((top - us) as f64 <= us as f64 / 64.0, "{us}: {top}");
            last = cell;
        }
    }

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        let tenth = Span::from_millis(100);
        let at = |step: u64| Time::ZERO + tenth * step;
        let mut window = Window::new(10, Time::ZERO);
        assert_eq!((window.rate(Time::ZERO), window.errors(), window.mean()), (None, None, None));
        for step in 0..30u64 {
            let answered = (1..=4).map(|n| Span::from_millis(n * 10 + step)).collect();
            let busy = vec![(step >= 25).then_some(0.5), None];
            window.push(Seen { sent: step, failed: 1, answered, busy }, tenth);
        }
        // The last ten steps: 20 to 29.
        assert_eq!(window.rate(at(30)), Some(245.0));
        assert_eq!(window.errors(), Some(0.2));
        assert_eq!(window.mean(), Some(25.0 + 24.5));
        let p99 = window.percentile(99).expect("answers");
        assert!((69.0..69.0 * 1.02).contains(&p99), "{p99}");
        let p50 = window.percentile(50).expect("answers");
        assert!((46.0..=51.0).contains(&p50), "{p50}");
        assert_eq!((window.busy(0), window.busy(1), window.busy(2)), (Some(0.5), None, None));
    }
}
