//! SplitMix64: the smallest generator that is good enough to seed others and to make test keys.
//!
//! The state grows by 2^64 divided by the golden ratio; the output is the state, mixed. Every
//! number of 64 bits comes out exactly once before any repeats. From the crate `rand_xoshiro`.
//!
//! Source: Steele, Lea and Flood, 2014; Vigna's public-domain `splitmix64.c`.

use rand_xoshiro::rand_core::{Rng as _, SeedableRng as _};

/// The generator.
#[derive(Clone, Debug)]
pub struct SplitMix64(rand_xoshiro::SplitMix64);

impl SplitMix64 {
    /// Whose state is `seed`.
    pub fn new(seed: u64) -> SplitMix64 {
        SplitMix64(rand_xoshiro::SplitMix64::from_seed(seed.to_le_bytes()))
    }
}

impl Iterator for SplitMix64 {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        Some(self.0.next_u64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_sequence() {
        let first: Vec<u64> = SplitMix64::new(1_234_567).take(2).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }
}
