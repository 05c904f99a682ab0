//! Distributions of lengths of time, with the same bits natively and in WebAssembly.
//!
//! The exponential is drawn by the ziggurat method (Marsaglia and Tsang, 2000) with 256 layers.
//! Its tables and its rare slow path use the `libm` crate: `ln` and `exp` of the standard library
//! link to a different implementation in WebAssembly and give different last bits. The normal
//! distribution behind the log-normal is drawn by the polar method (Marsaglia and Bray, 1964).

use std::sync::{Arc, OnceLock};

use super::rng::Rng;
use super::time::Span;

const LAYERS: usize = 256;
/// Where the tail begins with 256 layers.
const TAIL: f64 = 7.697_117_470_131_05;
/// The area of each layer.
const AREA: f64 = 0.003_949_659_822_581_557;

/// Right edges of the layers, widest first, and the density there.
#[derive(Debug)]
struct Ziggurat {
    edge: [f64; LAYERS + 1],
    density: [f64; LAYERS + 1],
}

impl Ziggurat {
    fn tables() -> &'static Ziggurat {
        static TABLES: OnceLock<Ziggurat> = OnceLock::new();
        TABLES.get_or_init(|| {
            let mut edge = [0.0; LAYERS + 1];
            edge[0] = AREA / libm::exp(-TAIL);
            edge[1] = TAIL;
            for layer in 2..LAYERS {
                let below = edge[layer - 1];
                edge[layer] = -libm::log(AREA / below + libm::exp(-below));
            }
            Ziggurat { edge, density: edge.map(|x| libm::exp(-x)) }
        })
    }

    /// One draw with mean 1. One random number in 98.9 % of all cases.
    #[inline]
    fn draw(&self, rng: &mut Rng) -> f64 {
        loop {
            let bits = rng.bits();
            let layer = (bits & 0xff) as usize;
            let x = (bits >> 11) as f64 * (1.0 / (1u64 << 53) as f64) * self.edge[layer];
            if x < self.edge[layer + 1] {
                return x;
            }
            if layer == 0 {
                // No memory: beyond the edge the distribution begins anew.
                return TAIL - libm::log(1.0 - rng.unit());
            }
            let (low, high) = (self.density[layer], self.density[layer + 1]);
            if low + rng.unit() * (high - low) < libm::exp(-x) {
                return x;
            }
        }
    }
}

/// The longest draw: about 36 years. A heavy tail has no end, and simulated time has.
const LONGEST_NS: f64 = (1u64 << 60) as f64;

/// A distribution of lengths of time.
#[derive(Clone, Debug)]
pub enum Dist {
    /// Always the same.
    Constant(Span),
    /// Exponential with this mean: no memory, standard deviation equal to the mean.
    Exponential(Exponential),
    /// The exponential of a normal distribution.
    LogNormal(LogNormal),
    /// Pareto: the chance to exceed x falls as a power of x.
    Pareto(Pareto),
    /// One of these, each as likely as the others; the list is not empty.
    List(Arc<[Span]>),
}

/// The log-normal distribution: `exp(mu + sigma z)` ns, z standard normal.
#[derive(Clone, Copy, Debug)]
pub struct LogNormal {
    mean_ns: f64,
    mu: f64,
    sigma: f64,
}

/// The Pareto distribution: the chance to exceed x is `(least / x)^alpha` from `least` on.
#[derive(Clone, Copy, Debug)]
pub struct Pareto {
    mean_ns: f64,
    least_ns: f64,
    alpha: f64,
    tables: &'static Ziggurat,
}

/// The exponential distribution of a mean.
#[derive(Clone, Copy, Debug)]
pub struct Exponential {
    mean_ns: f64,
    tables: &'static Ziggurat,
}

impl Dist {
    /// Exponential with this mean.
    pub fn exponential(mean: Span) -> Dist {
        Dist::Exponential(Exponential { mean_ns: mean.ns() as f64, tables: Ziggurat::tables() })
    }

    /// Log-normal with this mean and coefficient of variation (standard deviation over mean, at
    /// least 0): `sigma^2 = ln(1 + cv^2)`, `mu = ln(mean) - sigma^2 / 2`.
    pub fn log_normal(mean: Span, cv: f64) -> Dist {
        let mean_ns = mean.ns() as f64;
        let variance = libm::log1p(cv * cv);
        let mu = libm::log(mean_ns.max(1.0)) - variance / 2.0;
        Dist::LogNormal(LogNormal { mean_ns, mu, sigma: variance.sqrt() })
    }

    /// Pareto with this mean and tail exponent `alpha`, above 1; `least` is mean x (alpha - 1) /
    /// alpha. The variance is infinite up to 2.
    pub fn pareto(mean: Span, alpha: f64) -> Dist {
        let mean_ns = mean.ns() as f64;
        let least_ns = mean_ns * (alpha - 1.0) / alpha;
        Dist::Pareto(Pareto { mean_ns, least_ns, alpha, tables: Ziggurat::tables() })
    }

    /// One of these lengths, drawn uniformly. An empty list is no time at all.
    pub fn list(lengths: &[Span]) -> Dist {
        match lengths {
            [] => Dist::Constant(Span::ZERO),
            lengths => Dist::List(lengths.into()),
        }
    }

    /// One draw, cut to the nanosecond.
    #[inline]
    pub fn draw(&self, rng: &mut Rng) -> Span {
        match self {
            Dist::Constant(span) => *span,
            Dist::Exponential(e) => Span::from_ns((e.tables.draw(rng) * e.mean_ns) as u64),
            Dist::LogNormal(d) => long(libm::exp(d.mu + d.sigma * normal(rng))),
            // The logarithm of a Pareto variable over its least value is exponential.
            Dist::Pareto(d) => long(d.least_ns * libm::exp(d.tables.draw(rng) / d.alpha)),
            Dist::List(all) => all[rng.below(all.len() as u32) as usize],
        }
    }

    /// The mean.
    pub fn mean(&self) -> Span {
        match self {
            Dist::Constant(span) => *span,
            Dist::Exponential(Exponential { mean_ns, .. })
            | Dist::LogNormal(LogNormal { mean_ns, .. })
            | Dist::Pareto(Pareto { mean_ns, .. }) => Span::from_ns(*mean_ns as u64),
            Dist::List(all) => {
                let sum: u128 = all.iter().map(|span| u128::from(span.ns())).sum();
                Span::from_ns((sum / all.len() as u128) as u64)
            }
        }
    }
}

/// So many nanoseconds, as far as they fit.
fn long(ns: f64) -> Span {
    Span::from_ns(ns.min(LONGEST_NS) as u64)
}

/// One draw from the standard normal distribution: a point in the unit disc, by the polar method.
fn normal(rng: &mut Rng) -> f64 {
    loop {
        let (x, y) = (2.0 * rng.unit() - 1.0, 2.0 * rng.unit() - 1.0);
        let square = x * x + y * y;
        if square > 0.0 && square < 1.0 {
            return x * (-2.0 * libm::log(square) / square).sqrt();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_close_at_the_top() {
        let tables = Ziggurat::tables();
        assert!(tables.edge.windows(2).all(|pair| pair[0] > pair[1]));
        // The area above the last layer equals the others, which fixes TAIL and AREA.
        let top = tables.edge[LAYERS - 1] * (1.0 - tables.density[LAYERS - 1]);
        assert!((top - AREA).abs() < 1e-12, "{top} against {AREA}");
    }

    #[test]
    fn exponential_has_its_moments_and_its_shape() {
        let dist = Dist::exponential(Span::from_ns(1_000_000_000));
        let mut rng = Rng::from_seed(7);
        let n = 1_000_000;
        let draws: Vec<f64> = (0..n).map(|_| dist.draw(&mut rng).seconds()).collect();
        let mean = draws.iter().sum::<f64>() / f64::from(n);
        let square = draws.iter().map(|x| x * x).sum::<f64>() / f64::from(n);
        // Standard errors: 1/sqrt(n) for the mean, sqrt(20)/sqrt(n) for the second moment 2.
        assert!((mean - 1.0).abs() < 0.003, "mean {mean}");
        assert!((square - 2.0).abs() < 0.0135, "second moment {square}");
        // Kolmogorov-Smirnov at points in the body, at the tail's edge and beyond it.
        for x in [0.01, 0.1, 0.5, 1.0, 2.0, 4.0, 7.0, 8.5] {
            let below = draws.iter().filter(|&&draw| draw < x).count() as f64 / f64::from(n);
            let expected = 1.0 - libm::exp(-x);
            assert!((below - expected).abs() < 0.002, "P(X < {x}) = {below}, not {expected}");
        }
    }

    const DRAWS: u32 = 1_000_000;

    fn draws(dist: &Dist) -> Vec<f64> {
        let mut rng = Rng::from_seed(7);
        (0..DRAWS).map(|_| dist.draw(&mut rng).seconds()).collect()
    }

    fn share(draws: &[f64], which: impl Fn(f64) -> bool) -> f64 {
        draws.iter().filter(|&&draw| which(draw)).count() as f64 / f64::from(DRAWS)
    }

    const SECOND: Span = Span::from_ns(1_000_000_000);

    #[test]
    fn log_normal_has_its_moments_and_its_shape() {
        for cv in [0.5, 1.0, 2.0] {
            let dist = Dist::log_normal(SECOND, cv);
            let draws = draws(&dist);
            let n = f64::from(DRAWS);
            let mean = draws.iter().sum::<f64>() / n;
            let variance = draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
            // Four standard errors of the mean; the fourth moment makes the variance rougher.
            assert!((mean - 1.0).abs() < 4.0 * cv / n.sqrt(), "cv {cv}: mean {mean}");
            assert!((variance.sqrt() / cv - 1.0).abs() < 0.05, "cv {cv}: {}", variance.sqrt());
            // ln X is normal: the median is exp(mu), and 84.13 % are below exp(mu + sigma).
            let sigma = libm::log1p(cv * cv).sqrt();
            let median = libm::exp(-sigma * sigma / 2.0);
            for (z, below) in [(-1.0, 0.158_655), (0.0, 0.5), (1.0, 0.841_345), (2.0, 0.977_250)] {
                let x = median * libm::exp(z * sigma);
                let got = share(&draws, |draw| draw < x);
                assert!((got - below).abs() < 0.002, "cv {cv}: P(X < {x}) = {got}, not {below}");
            }
        }
    }

    #[test]
    fn pareto_has_its_mean_and_its_tail() {
        for alpha in [1.5, 2.5, 4.0] {
            let draws = draws(&Dist::pareto(SECOND, alpha));
            let least = (alpha - 1.0) / alpha;
            assert!(draws.iter().all(|&draw| draw >= least - 1e-8));
            for times in [1.5, 2.0, 5.0, 20.0] {
                let above = libm::pow(times, -alpha);
                let got = share(&draws, |draw| draw > least * times);
                let error = (above * (1.0 - above) / f64::from(DRAWS)).sqrt();
                assert!((got - above).abs() < 4.0 * error, "alpha {alpha}: {got}, not {above}");
            }
        }
        // The mean settles only where the variance is finite.
        let draws = draws(&Dist::pareto(SECOND, 4.0));
        let mean = draws.iter().sum::<f64>() / f64::from(DRAWS);
        assert!((mean - 1.0).abs() < 0.002, "mean {mean}");
    }

    #[test]
    fn a_list_is_drawn_uniformly() {
        let list: Vec<Span> = [10, 20, 20, 50].map(Span::from_millis).to_vec();
        let dist = Dist::list(&list);
        assert_eq!(dist.mean(), Span::from_millis(25));
        let draws = draws(&dist);
        for (ms, expected) in [(10.0, 0.25), (20.0, 0.5), (50.0, 0.25)] {
            let got = share(&draws, |draw| (draw * 1e3 - ms).abs() < 1e-6);
            assert!((got - expected).abs() < 0.002, "{ms} ms: {got}");
        }
        assert_eq!(Dist::list(&[]).mean(), Span::ZERO);
    }

    #[test]
    fn a_tail_ends_where_time_does() {
        let mut rng = Rng::from_seed(1);
        let wild = Dist::pareto(Span::from_millis(3_600_000), 1.01);
        let longest = (0..100_000).map(|_| wild.draw(&mut rng)).max();
        assert!(longest <= Some(Span::from_ns(1 << 60)), "{longest:?}");
    }
}
