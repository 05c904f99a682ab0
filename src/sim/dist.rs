//! Distributions of lengths of time, with the same bits natively and in WebAssembly.
//!
//! The exponential is drawn by the ziggurat method (Marsaglia and Tsang, 2000) with 256 layers.
//! Its tables and its rare slow path use the `libm` crate: `ln` and `exp` of the standard library
//! link to a different implementation in WebAssembly and give different last bits.

use std::sync::OnceLock;

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

/// A distribution of lengths of time.
#[derive(Clone, Copy, Debug)]
pub enum Dist {
    /// Always the same.
    Constant(Span),
    /// Exponential with this mean: no memory, standard deviation equal to the mean.
    Exponential(Exponential),
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

    /// One draw, cut to the nanosecond.
    #[inline]
    pub fn draw(&self, rng: &mut Rng) -> Span {
        match self {
            Dist::Constant(span) => *span,
            Dist::Exponential(e) => Span::from_ns((e.tables.draw(rng) * e.mean_ns) as u64),
        }
    }

    /// The mean.
    pub fn mean(&self) -> Span {
        match self {
            Dist::Constant(span) => *span,
            Dist::Exponential(e) => Span::from_ns(e.mean_ns as u64),
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
}
