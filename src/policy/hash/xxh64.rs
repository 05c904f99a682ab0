//! xxHash64, as in Envoy's consistent hashing: ring, Maglev and the hash of a request's key.
//!
//! The arithmetic is the crate `xxhash-rust`'s. Fast and well spread, not for keys that an opponent
//! chooses. Source: Yann Collet, xxHash specification 0.1.1.

/// The hash of `bytes` with this seed. Envoy takes 0, and 1 for Maglev's second hash.
#[inline]
pub fn xxh64(bytes: &[u8], seed: u64) -> u64 {
    xxhash_rust::xxh64::xxh64(bytes, seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_matters_and_the_values_are_the_published_ones() {
        assert_eq!(xxh64(b"", 0), 0xef46_db37_51d8_e999);
        assert_eq!(xxh64(b"foo", 0), 3_728_699_739_546_630_719);
        assert_ne!(xxh64(b"foo", 1), xxh64(b"foo", 0));
    }
}
