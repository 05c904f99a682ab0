//! MurmurHash2 in its 64-bit version for 64-bit machines (64A), as in Envoy's ring hash (there the
//! default of libstdc++'s `std::hash`, hence the seed) and in mcrouter's rendezvous hashing.
//!
//! Eight bytes at a time, little-endian: multiply, fold the high bits down, multiply, mix in.
//! Own code because no well-kept crate has this version. Not for keys that an opponent chooses.
//! Source: Austin Appleby, MurmurHash2.cpp, public domain.

/// The seed that Envoy uses.
pub const ENVOY_SEED: u64 = 0xc70f_6907;

/// The hash of `bytes` with this seed.
pub fn murmur2_64a(bytes: &[u8], seed: u64) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    const R: u32 = 47;
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(M);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word).wrapping_mul(M);
        hash = (hash ^ (word ^ (word >> R)).wrapping_mul(M)).wrapping_mul(M);
    }
    if !rest.is_empty() {
        let last = rest.iter().rev().fold(0, |word, &byte| (word << 8) | u64::from(byte));
        hash = (hash ^ last).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> R)).wrapping_mul(M);
    hash ^ (hash >> R)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_in_envoys_own_test() {
        let hash = |text: &str| murmur2_64a(text.as_bytes(), ENVOY_SEED);
        assert_eq!(hash(""), 6_142_509_188_972_423_790);
        assert_eq!(hash("foo"), 9_631_199_822_919_835_226);
        assert_eq!(hash("foo\nbar"), 16_306_510_975_912_980_159);
    }

    #[test]
    fn length_and_seed_count() {
        let (a, b) = (murmur2_64a(b"abcdefgh", 1), murmur2_64a(b"abcdefgh\0", 1));
        assert_ne!(a, b, "a zero byte at the end is not nothing");
        assert_ne!(murmur2_64a(b"abcdefghi", 1), murmur2_64a(b"abcdefghi", 2));
    }
}
