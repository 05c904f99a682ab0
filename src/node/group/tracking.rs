//! Target tracking: how many servers are wanted, in one formula.
//!
//! Source: Kubernetes, Horizontal Pod Autoscaling, "Algorithm details": desired =
//! ceil(current x measured / target), and nothing while |measured / target - 1| is within the
//! tolerance, 0.1 unless set otherwise. Target tracking of AWS Application Auto Scaling adds
//! capacity in the same proportion; its two cool-downs are those here.

use crate::sim::{Span, Time};

/// How many servers are wanted, when `current` of them were measured. With none to measure, none
/// can be told, and `current` stays.
pub fn wanted(current: u8, measured: f64, target: f64, tolerance: f64) -> u32 {
    let ratio = measured / target;
    if (ratio - 1.0).abs() <= tolerance || !ratio.is_finite() {
        return u32::from(current);
    }
    // What is one billionth above a whole number is a rounding of it.
    (f64::from(current) * ratio - 1e-9).ceil().max(0.0) as u32
}

/// When servers were last added, and when anything was last changed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cooling {
    out: Option<Time>,
    any: Option<Time>,
}

impl Cooling {
    /// Servers were added, or taken out.
    pub(super) fn changed(&mut self, now: Time, added: bool) {
        self.any = Some(now);
        if added {
            self.out = Some(now);
        }
    }

    /// Until when none may be added, or taken out, if that is later than now.
    pub(super) fn until(&self, now: Time, adding: bool, cooldown: Span) -> Option<Time> {
        let last = if adding { self.out } else { self.any };
        last.map(|last| last + cooldown).filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formula_rounds_up_and_leaves_alone_what_is_close() {
        // Current servers, measured, target, tolerance, wanted.
        let rows = [
            (3, 0.92, 0.6, 0.1, 5), // 3 x 0.92 / 0.6 = 4.6
            (2, 1.0, 0.6, 0.1, 4),  // 3.33
            (4, 0.6, 0.6, 0.0, 4),  // just on it
            (3, 0.65, 0.6, 0.1, 3), // 1.083 is within a tenth
            (3, 0.67, 0.6, 0.1, 4), // 1.117 is not
            (5, 0.2, 0.6, 0.1, 2),  // 1.67
            (5, 0.0, 0.6, 0.1, 0),
            (4, 0.3, 0.6, 0.0, 2), // 2 exactly
            (6, 0.1, 0.3, 0.0, 2), // 2 but for a rounding
            (0, 0.0, 0.6, 0.1, 0),
            (2, 9.0, 2.0, 0.1, 9), // by queue depth: 2 x 9 / 2
        ];
        for (current, measured, target, tolerance, expected) in rows {
            assert_eq!(
                wanted(current, measured, target, tolerance),
                expected,
                "{current} at {measured} for {target}"
            );
        }
    }

    #[test]
    fn adding_cools_both_ways_and_taking_out_only_the_other() {
        let at = |s: u64| Time::from_ns(s * 1_000_000_000);
        let span = Span::from_millis(3_000);
        let mut cooling = Cooling::default();
        assert_eq!(cooling.until(at(0), false, span), None);
        cooling.changed(at(10), true);
        assert_eq!(cooling.until(at(11), true, span), Some(at(13)));
        assert_eq!(cooling.until(at(11), false, span), Some(at(13)));
        assert_eq!(cooling.until(at(13), false, span), None);
        cooling.changed(at(20), false);
        assert_eq!(cooling.until(at(21), true, span), None);
        assert_eq!(cooling.until(at(21), false, span), Some(at(23)));
    }
}
