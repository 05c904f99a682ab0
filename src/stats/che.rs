//! Closed forms of caches, to check the simulation against and to show beside it.
//!
//! With independent requests of fixed popularity, Che's approximation (Che, Tung and Wang 2002)
//! says that an entry stays for a characteristic time T, the same for all, after its last request
//! (LRU) or after it came in (FIFO and random; Fricker, Robert and Roberts 2012). T is counted in
//! requests and follows from the capacity.

/// What Che's approximation says of a cache.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Che {
    /// The characteristic time, in requests.
    pub time: f64,
    /// The hit ratio, 0 to 1.
    pub hits: f64,
}

/// LRU: key i is in the cache with probability `1 − exp(−p_i T)`. `weights` are popularities, in
/// any unit; `capacity` is in entries. Nothing when the cache holds every key or none.
pub fn che_lru(weights: &[f64], capacity: f64) -> Option<Che> {
    che(weights, capacity, |pt| -libm::expm1(-pt))
}

/// FIFO and random: key i is in the cache with probability `p_i T / (1 + p_i T)`. Otherwise as
/// [`che_lru`].
pub fn che_fifo(weights: &[f64], capacity: f64) -> Option<Che> {
    che(weights, capacity, |pt| pt / (1.0 + pt))
}

/// Finds T by halving: the expected number of entries grows with T and must be the capacity.
fn che(weights: &[f64], capacity: f64, present: impl Fn(f64) -> f64) -> Option<Che> {
    let total: f64 = weights.iter().sum();
    let popular = weights.iter().filter(|&&weight| weight > 0.0).count();
    let fits = capacity > 0.0 && capacity < popular as f64;
    let sound = total.is_finite() && weights.iter().all(|&weight| weight >= 0.0);
    if !fits || !sound {
        return None;
    }
    let sum = |time: f64, value: fn(f64, f64) -> f64| -> f64 {
        let one = |weight: &f64| value(weight / total, present(weight / total * time));
        weights.iter().map(one).sum()
    };
    let entries = |time: f64| sum(time, |_, present| present);
    let mut high = 1.0;
    while entries(high) < capacity {
        high *= 2.0;
        if high > 1e300 {
            return None;
        }
    }
    let mut low = 0.0;
    // A double has 53 bits, so nothing changes after some sixty halvings.
    for _ in 0..64 {
        let middle = low + (high - low) / 2.0;
        match entries(middle) < capacity {
            true => low = middle,
            false => high = middle,
        }
    }
    Some(Che { time: high, hits: sum(high, |p, present| p * present) })
}

/// The best that a cache which never changes can do, and perfect LFU in the long run: it holds the
/// most popular keys. Its hit ratio, 0 to 1.
pub fn static_optimum(weights: &[f64], capacity: usize) -> f64 {
    let mut sorted = weights.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let held: f64 = sorted.iter().take(capacity).sum();
    held / sorted.iter().sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_keys_are_hit_as_often_as_they_fit() {
        let equal = [3.0; 50];
        for solve in [che_lru, che_fifo] {
            let hits = solve(&equal, 10.0).map(|che| che.hits);
            assert!(hits.is_some_and(|hits| (hits - 0.2).abs() < 1e-12), "{hits:?}");
            assert_eq!(solve(&equal, 50.0), None);
            assert_eq!(solve(&equal, 0.0), None);
            assert_eq!(solve(&[], 1.0), None);
            assert_eq!(solve(&[1.0, f64::NAN, 2.0], 1.0), None);
        }
        assert!((static_optimum(&[1.0, 4.0, 5.0], 2) - 0.9).abs() < 1e-12);
    }
}
