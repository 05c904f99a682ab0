//! The score of rendezvous hashing: how much does this key like this node?
//!
//! Every node gives every key a score that looks random; the highest wins. Nothing is kept, and
//! when a node goes only its own keys move. Bit for bit mcrouter's: name and key are hashed apart
//! with MurmurHash2 64A (two seeds), then mixed. With weights the lower 53 bits of the score become
//! a number u in [0, 1), and `weight / -ln(u)` is compared instead: twice the weight, twice the
//! keys.
//!
//! Sources: Thaler and Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", 1998;
//! mcrouter `RendezvousHashFunc.cpp` and `RendezvousHashHelper.h` (2024); the mix is that of
//! CityHash, as in folly's `hash_128_to_64`.

use crate::policy::hash::murmur2::murmur2_64a;

/// The hash of a node's name: worth keeping, because names do not change.
pub fn name_hash(name: &[u8]) -> u64 {
    murmur2_64a(name, 4_193_360_111)
}

/// The hash of a key: worth computing once for all nodes.
pub fn key_hash(key: &[u8]) -> u64 {
    murmur2_64a(key, 2_718_281_828)
}

/// The score without weights, from [`name_hash`] and [`key_hash`]. The highest wins; of equal ones
/// the earlier node.
#[inline]
pub fn score(name: u64, key: u64) -> u64 {
    const MULTIPLIER: u64 = 0x9ddf_ea08_eb38_2d69;
    let mixed = (key ^ name).wrapping_mul(MULTIPLIER);
    let mixed = (name ^ mixed ^ (mixed >> 47)).wrapping_mul(MULTIPLIER);
    (mixed ^ (mixed >> 47)).wrapping_mul(MULTIPLIER)
}

/// The lower 53 bits of a score as a number in [0, 1).
#[inline]
pub fn unit(score: u64) -> f64 {
    (score & ((1 << 53) - 1)) as f64 / (1u64 << 53) as f64
}

/// The score with a weight: `weight / -ln(u)`, zero for a node without weight. The highest above
/// zero wins; of equal ones the earlier node.
#[inline]
pub fn weighted(score: u64, weight: f64) -> f64 {
    weight * (1.0 / -libm::log(unit(score)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// mcrouter's own test: three endpoints, xxx.0.yy to xxx.2.yy.
    #[test]
    fn chooses_as_mcrouter_does() {
        let hashes = ["xxx.0.yy", "xxx.1.yy", "xxx.2.yy"].map(|name| name_hash(name.as_bytes()));
        let best = |key: &str| {
            let scores = hashes.map(|name| score(name, key_hash(key.as_bytes())));
            scores.iter().position(|score| Some(score) == scores.iter().max())
        };
        assert_eq!(["sample", "", "mykey"].map(best), [1, 1, 1].map(Some));
        let best = |key: &str| {
            let scores = hashes.map(|name| weighted(score(name, key_hash(key.as_bytes())), 1.0));
            let highest = scores.iter().copied().fold(0.0, f64::max);
            scores.iter().position(|score| *score == highest)
        };
        assert_eq!(["sample", "", "mykey"].map(best), [0, 2, 1].map(Some));
    }

    /// u = 0 is the one number without a logarithm: its score is the smallest, not an accident.
    #[test]
    fn the_ends_are_in_order() {
        assert_eq!(weighted(0, 5.0), 0.0);
        assert_eq!(weighted(7, 0.0), 0.0);
        assert!(weighted(1, 1.0) < weighted(1 << 52, 1.0));
        assert!(weighted((1 << 53) - 1, 1.0).is_finite());
    }
}
