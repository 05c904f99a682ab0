//! How often something happened in the last second.

use crate::sim::Time;

const CELLS: usize = 10;
const CELL_NS: u64 = 100_000_000;

/// A count over a window of one simulated second that slides in steps of a tenth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meter {
    cells: [u32; CELLS],
    /// The number of the cell that is open, counted from the start of the run.
    open: u64,
    /// Its place among the cells.
    place: usize,
    /// When it closes.
    closes_ns: u64,
    total: u64,
}

impl Meter {
    /// It happened now.
    #[inline]
    pub fn mark(&mut self, now: Time) {
        if now.ns() >= self.closes_ns {
            self.roll(now);
        }
        self.cells[self.place] += 1;
        self.total += 1;
    }

    /// How often in all.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Times per second, over the closed cells of the last second and the open one.
    pub fn per_second(&self, now: Time) -> f64 {
        let mut view = *self;
        if now.ns() >= view.closes_ns {
            view.roll(now);
        }
        let elapsed = now.ns() - view.open * CELL_NS;
        let window = (view.open.min(CELLS as u64 - 1) * CELL_NS + elapsed).max(CELL_NS);
        view.cells.iter().map(|&n| u64::from(n)).sum::<u64>() as f64 * 1e9 / window as f64
    }

    #[cold]
    fn roll(&mut self, now: Time) {
        let open = now.ns() / CELL_NS;
        let stale = (open - self.open).min(CELLS as u64);
        for step in 0..stale {
            self.cells[((open - step) % CELLS as u64) as usize] = 0;
        }
        self.open = open;
        self.place = (open % CELLS as u64) as usize;
        // The last cell before the end of time closes there.
        self.closes_ns = (open + 1).saturating_mul(CELL_NS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_rate_reads_as_itself_and_fades_when_it_stops() {
        let mut meter = Meter::default();
        for n in 1..=500u64 {
            meter.mark(Time::from_ns(n * 10_000_000));
        }
        let at = |ms: u64| meter.per_second(Time::from_ns(ms * 1_000_000));
        assert!((at(5_000) - 100.0).abs() < 2.0, "{}", at(5_000));
        assert!((at(5_500) - 50.0).abs() < 6.0, "{}", at(5_500));
        assert_eq!(at(7_000), 0.0);
        assert_eq!(meter.total(), 500);
    }

    #[test]
    fn the_first_second_is_not_diluted() {
        let mut meter = Meter::default();
        for n in 1..=20u64 {
            meter.mark(Time::from_ns(n * 10_000_000));
        }
        assert!((meter.per_second(Time::from_ns(200_000_000)) - 100.0).abs() < 1.0);
    }
}
