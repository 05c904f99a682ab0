//! Coordinated omission: what a client that waits for each answer does not measure.
//!
//! A client that sends every `interval` but waits for each answer sends nothing while an answer
//! takes long, so one long time stands for all those it should have measured meanwhile. The repair,
//! as in HdrHistogram's `recordValueWithExpectedInterval`: with a value v also record v - interval,
//! v - 2 interval and so on, down to the interval itself.

/// The value, and those that were omitted. All in the same unit; an interval of 0 adds none.
pub fn backfill(value: u64, interval: u64) -> impl Iterator<Item = u64> {
    let less = move |v: &u64| v.checked_sub(interval).filter(|v| interval > 0 && *v >= interval);
    std::iter::successors(Some(value), less)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_counts_for_all_it_kept_from_being_sent() {
        assert_eq!(backfill(35, 10).collect::<Vec<_>>(), [35, 25, 15]);
        assert_eq!(backfill(0, 0).collect::<Vec<_>>(), [0]);
        assert_eq!(backfill(u64::MAX, 0).count(), 1);
    }
}
