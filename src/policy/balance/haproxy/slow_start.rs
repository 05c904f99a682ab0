//! HAProxy's slow start: the weight of a server that has just come up grows with time.
//!
//! For weight w and a slow start of s whole seconds, t whole seconds after the server came up:
//!
//! * effective weight = `w * ((16 t + s) / s)`, the division cut off to a whole number, as long as
//!   t < s; from then on `16 w`.
//! * It is worked out anew every second, or every s/20 seconds if that is longer.
//! * The weight HAProxy shows is the effective weight divided by 16, rounded up.
//!
//! Only the algorithms that can change at runtime follow it (roundrobin, leastconn, consistent
//! hashing). Source: HAProxy 2.6 manual, `slowstart`; the samples recorded from 2.6.12.

use super::PARTS;
use crate::sim::Span;

/// The effective weight (in sixteenths) of a server of `weight` that came up `seconds` ago with a
/// slow start of `slow_start` seconds.
pub fn slow_start_weight(weight: u32, seconds: u64, slow_start: u64) -> u32 {
    let full = u64::from(PARTS);
    let parts = match seconds < slow_start {
        true => {
            (u128::from(full) * u128::from(seconds) + u128::from(slow_start))
                / u128::from(slow_start)
        }
        false => u128::from(full),
    };
    weight.saturating_mul(parts.min(u128::from(full)) as u32)
}

/// How long an effective weight stands until it is worked out anew, for a slow start of
/// `slow_start` seconds.
pub fn slow_start_period(slow_start: u64) -> Span {
    Span::from_ns((slow_start.saturating_mul(1_000) / 20).max(1_000).saturating_mul(1_000_000))
}

/// The weight that HAProxy shows for an effective weight.
pub fn weight_shown(effective: u32) -> u32 {
    effective.div_ceil(PARTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As recorded from HAProxy 2.6.12: weight 100, slow start 8 s, second by second.
    #[test]
    fn the_weight_grows_by_eighths() {
        let shown: Vec<u32> = (0..10).map(|t| weight_shown(slow_start_weight(100, t, 8))).collect();
        assert_eq!(shown, [7, 19, 32, 44, 57, 69, 82, 94, 100, 100]);
    }

    #[test]
    fn without_slow_start_the_weight_is_there_at_once() {
        assert_eq!(slow_start_weight(100, 0, 0), 1_600);
        assert_eq!(slow_start_weight(u32::MAX, u64::MAX - 1, u64::MAX), u32::MAX);
        assert_eq!(slow_start_weight(0, 3, 8), 0);
    }

    #[test]
    fn the_period_is_a_second_or_a_twentieth() {
        let periods = [0, 8, 20, 40, 90].map(|s| slow_start_period(s).millis());
        assert_eq!(periods, [1_000.0, 1_000.0, 1_000.0, 2_000.0, 4_500.0]);
    }
}
