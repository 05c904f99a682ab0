//! Latencies as a histogram, never as other summaries.
//!
//! Each value is kept to two significant figures or better (an HDR histogram), the mean exactly.

use hdrhistogram::Histogram;

use crate::sim::Span;

/// Latencies above this are counted as this: an hour.
const LONGEST_NS: u64 = 3_600_000_000_000;
/// Latencies below this are one cell: a microsecond.
const SHORTEST_NS: u64 = 1_000;

/// How long requests took.
#[derive(Clone, Debug)]
pub struct Latency {
    histogram: Histogram<u32>,
    count: u64,
    sum_ns: u128,
}

impl Default for Latency {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(SHORTEST_NS, LONGEST_NS, 2)
            .expect("the bounds and the precision are constants that the crate accepts");
        Latency { histogram, count: 0, sum_ns: 0 }
    }
}

impl Latency {
    /// Adds one.
    #[inline]
    pub fn record(&mut self, span: Span) {
        self.count += 1;
        self.sum_ns += u128::from(span.ns());
        self.histogram.saturating_record(span.ns());
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The exact mean; zero of none.
    pub fn mean(&self) -> Span {
        Span::from_ns((self.sum_ns / u128::from(self.count.max(1))) as u64)
    }

    /// The value that `percent` of all do not exceed, to within one percent; zero of none.
    pub fn percentile(&self, percent: f64) -> Span {
        match self.count {
            0 => Span::ZERO,
            _ => Span::from_ns(self.histogram.value_at_percentile(percent)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_come_from_the_samples() {
        let mut latency = Latency::default();
        assert_eq!(latency.percentile(99.0), Span::ZERO);
        for ms in 1..=1000 {
            latency.record(Span::from_millis(ms));
        }
        assert_eq!(latency.mean(), Span::from_ns(500_500_000));
        for (percent, expected) in [(50.0, 500.0), (95.0, 950.0), (99.0, 990.0)] {
            let got = latency.percentile(percent).millis();
            assert!((got / expected - 1.0).abs() < 0.01, "p{percent} is {got} ms");
        }
    }

    #[test]
    fn absurd_latencies_are_counted_all_the_same() {
        let mut latency = Latency::default();
        latency.record(Span::from_ns(u64::MAX));
        latency.record(Span::ZERO);
        assert_eq!(latency.count(), 2);
    }
}
