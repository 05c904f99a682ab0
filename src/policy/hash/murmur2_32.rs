//! MurmurHash2, 32 bits, as in Kafka's producer and, with another seed, in twemproxy.
//!
//! Four bytes at a time, little-endian: multiply, fold the top eight bits down, multiply, mix into
//! the state. Kafka writes the result as a signed number; the bits are the same.
//!
//! Own code because no well-kept crate has this version.
//!
//! Source: Austin Appleby, MurmurHash2; Apache Kafka `Utils.murmur2` (clients, 2024).

const M: u32 = 0x5bd1_e995;

/// The seed of Kafka's producer.
pub const KAFKA_SEED: u32 = 0x9747_b28c;

/// The hash of `bytes` with this seed. Lengths are counted modulo 2^32.
pub fn murmur2_32(bytes: &[u8], seed: u32) -> u32 {
    let mut hash = seed ^ bytes.len() as u32;
    let (blocks, tail) = bytes.as_chunks::<4>();
    for block in blocks {
        let mut k = u32::from_le_bytes(*block).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    if !tail.is_empty() {
        for (place, &byte) in tail.iter().enumerate() {
            hash ^= u32::from(byte) << (8 * place);
        }
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

/// As Kafka's producer hashes a key.
pub fn kafka(bytes: &[u8]) -> i32 {
    murmur2_32(bytes, KAFKA_SEED) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_in_kafkas_own_test() {
        assert_eq!(kafka(b"21"), -973_932_308);
        assert_eq!(kafka(b"foobar"), -790_332_482);
        assert_eq!(kafka(b"abc"), 479_470_107);
    }
}
