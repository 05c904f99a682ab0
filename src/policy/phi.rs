//! Is it dead? Phi: how surprising the silence is, as a number.
//!
//! As Akka's PhiAccrualFailureDetector. Heartbeats come `mean` apart with standard deviation `sd`.
//! Phi is `-log10` of the chance that the next one comes later than it is late already, if the
//! times between are normally distributed, by the logistic approximation Akka uses:
//! `y = (t - mean) / sd`, `e = exp(-y * (1.5976 + 0.070566 * y^2))`, and the chance is
//! `e / (1 + e)`. Phi 1 means one error in ten such decisions, 8 (Akka's threshold) one in a
//! hundred million.

/// Phi after a silence of `t`, in the same unit as the mean and the standard deviation of the times
/// between heartbeats. Infinite when the silence is beyond what floats can tell from certain death;
/// a deviation that is not positive counts as the smallest there is.
pub fn phi(t: f64, mean: f64, sd: f64) -> f64 {
    let y = (t - mean) / sd.max(f64::MIN_POSITIVE);
    let e = libm::exp(-y * (1.5976 + 0.070566 * y * y));
    // Either way of writing the chance loses its digits on one side of the mean.
    let chance = if t > mean { e / (1.0 + e) } else { 1.0 - 1.0 / (1.0 + e) };
    (-libm::log10(chance)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_the_silence_the_surer() {
        let at = |t: f64| phi(t, 1000.0, 100.0);
        assert!((at(1000.0) - libm::log10(2.0)).abs() < 1e-12, "half of all come later than usual");
        assert!([0.0, 900.0, 1100.0, 1500.0].windows(2).all(|pair| at(pair[0]) < at(pair[1])));
        assert_eq!((at(0.0), at(1e9)), (0.0, f64::INFINITY));
        assert_eq!((phi(2.0, 1.0, 0.0), phi(1.0, 2.0, 0.0)), (f64::INFINITY, 0.0));
    }
}
