//! Zipf's law: the k-th most popular of n things is asked for in proportion to 1 / k^s.
//!
//! Drawn by rejection-inversion (Hörmann and Derflinger, 1996): constant time and memory whatever n
//! is, with few rejections. Logarithms and exponentials are `libm`'s, for the same bits everywhere.

use super::rng::Rng;

/// A popularity that falls with the rank.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Zipf {
    n: f64,
    s: f64,
    /// The integral up to the first rank, and up to the last.
    first: f64,
    last: f64,
    /// A draw this close below its rank is always accepted.
    squeeze: f64,
}

/// `ln(1 + x) / x`, also near zero.
fn log1p_over(x: f64) -> f64 {
    if x.abs() > 1e-8 { libm::log1p(x) / x } else { 1.0 - x * (0.5 - x * (1.0 / 3.0)) }
}

/// `(e^x - 1) / x`, also near zero.
fn expm1_over(x: f64) -> f64 {
    if x.abs() > 1e-8 { libm::expm1(x) / x } else { 1.0 + x * 0.5 * (1.0 + x * (1.0 / 3.0)) }
}

impl Zipf {
    /// Ranks 1 to `n` (at least 1) with exponent `s` (above 0).
    pub fn new(n: u32, s: f64) -> Zipf {
        let mut zipf = Zipf { n: f64::from(n.max(1)), s, first: 0.0, last: 0.0, squeeze: 0.0 };
        zipf.first = zipf.integral(1.5) - 1.0;
        zipf.last = zipf.integral(zipf.n + 0.5);
        zipf.squeeze = 2.0 - zipf.inverse(zipf.integral(2.5) - zipf.density(2.0));
        zipf
    }

    /// One rank, from 1 to n.
    pub fn draw(&self, rng: &mut Rng) -> u32 {
        loop {
            let u = self.last + rng.unit() * (self.first - self.last);
            let x = self.inverse(u);
            let rank = libm::round(x).clamp(1.0, self.n);
            if rank - x <= self.squeeze || u >= self.integral(rank + 0.5) - self.density(rank) {
                return rank as u32;
            }
        }
    }

    fn density(&self, x: f64) -> f64 {
        libm::exp(-self.s * libm::log(x))
    }

    /// The integral of x^-s, up to a constant.
    fn integral(&self, x: f64) -> f64 {
        let log = libm::log(x);
        expm1_over((1.0 - self.s) * log) * log
    }

    fn inverse(&self, x: f64) -> f64 {
        let t = (x * (1.0 - self.s)).max(-1.0);
        libm::exp(log1p_over(t) * x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the exact probabilities, within four standard errors.
    #[test]
    fn ranks_have_their_chances() {
        for (n, s) in [(1, 1.0), (2, 0.5), (1_000, 1.0), (1_000, 0.8), (50, 2.5), (10, 0.01)] {
            let (zipf, mut rng) = (Zipf::new(n, s), Rng::from_seed(11));
            let draws = 200_000;
            let mut counts = vec![0u32; n as usize];
            for _ in 0..draws {
                counts[zipf.draw(&mut rng) as usize - 1] += 1;
            }
            let weight = |k: u32| libm::pow(f64::from(k), -s);
            let sum: f64 = (1..=n).map(weight).sum();
            for rank in [1, 2, 3, 10, n] {
                if rank > n {
                    continue;
                }
                let p = weight(rank) / sum;
                let (mean, sd) = (p * f64::from(draws), (p * f64::from(draws)).sqrt());
                let got = f64::from(counts[rank as usize - 1]);
                assert!((got - mean).abs() <= 4.0 * sd + 1.0, "{n} {s} {rank}: {got} for {mean}");
            }
        }
    }
}
