//! Randomness by name: one seed, and an independent stream for every (node, purpose).
//!
//! A stream depends on the seed and on names only. Adding a node, or giving a balancer another
//! strategy, therefore changes nobody else's arrivals or service times: two set-ups can be compared
//! on the same traffic (common random numbers).
//!
//! Generator: xoshiro256++ (Blackman and Vigna, 2018), seeded through SplitMix64.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng as _, SeedableRng};

/// A deterministic source of random bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng(Xoshiro256PlusPlus);

impl Rng {
    /// A stream that depends on `seed` alone.
    pub fn from_seed(seed: u64) -> Rng {
        Rng(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// The stream of `purpose` at `owner` in a run with this `seed`.
    pub fn stream(seed: u64, owner: &str, purpose: &str) -> Rng {
        let mut hash = fnv1a(0xcbf2_9ce4_8422_2325, &seed.to_le_bytes());
        hash = fnv1a(hash, owner.as_bytes());
        // The zero byte keeps ("ab", "c") and ("a", "bc") apart.
        hash = fnv1a(hash, &[0]);
        hash = fnv1a(hash, purpose.as_bytes());
        Rng::from_seed(hash)
    }

    /// 64 random bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in [0, 1), uniform, with 53 random bits.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A whole number below `n`, uniform without bias (Lemire, 2019). Zero when `n` is zero.
    #[inline]
    pub fn below(&mut self, n: u32) -> u32 {
        let n64 = u64::from(n);
        loop {
            let product = u64::from((self.bits() >> 32) as u32) * n64;
            // The low half is biased only when it is under 2^32 mod n.
            let low = product as u32;
            if low >= n || n == 0 || low >= n.wrapping_neg() % n {
                return (product >> 32) as u32;
            }
        }
    }
}

/// FNV-1a over bytes; mixes names into a seed. Not for anything that an opponent chooses.
fn fnv1a(mut hash: u64, bytes: &[u8]) -> u64 {
    for &byte in bytes {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_told_apart_by_every_part_of_their_name() {
        let first = |seed, owner, purpose| Rng::stream(seed, owner, purpose).bits();
        let base = first(1, "ab", "c");
        assert_ne!(base, first(2, "ab", "c"));
        assert_ne!(base, first(1, "a", "bc"));
        assert_ne!(base, first(1, "ab", "d"));
        assert_eq!(base, first(1, "ab", "c"));
    }

    /// Chi-square over ten cells; 27.9 is the 0.1 % point with nine degrees of freedom.
    #[test]
    fn below_is_uniform() {
        let mut rng = Rng::from_seed(42);
        let mut cells = [0u32; 10];
        for _ in 0..100_000 {
            cells[rng.below(10) as usize] += 1;
        }
        let square = |&n: &u32| (f64::from(n) - 1e4) * (f64::from(n) - 1e4) / 1e4;
        let chi: f64 = cells.iter().map(square).sum();
        assert!(chi < 27.9, "chi-square {chi} from {cells:?}");
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.below(1), 0);
    }
}
