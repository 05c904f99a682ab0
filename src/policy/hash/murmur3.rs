//! MurmurHash3: 32 bits, the first half of the 128 bits, and Cassandra's variant of that half.
//!
//! Cassandra's differs in one place: the bytes left over after the last block of sixteen are read
//! as *signed* numbers, so a byte above 127 also flips all bits to its left. Keys in ASCII never
//! notice. A token is that half as a signed number; an empty key has the smallest token, and a hash
//! that comes out smallest is moved to the largest, because the smallest means "no key".
//!
//! Own code because no crate has that variant, and the 32-bit one here takes its input in parts.
//!
//! Source: Austin Appleby, MurmurHash3; Apache Cassandra `Murmur3Partitioner` and `MurmurHash`.

/// MurmurHash3 x86, 32 bits, of `parts` one after another, as if they were one.
pub fn murmur3_32(parts: &[&[u8]], seed: u32) -> u32 {
    let scramble = |k: u32| k.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let (mut hash, mut block, mut length) = (seed, 0u32, 0u32);
    for &byte in parts.iter().copied().flatten() {
        block |= u32::from(byte) << (8 * (length % 4));
        length = length.wrapping_add(1);
        if length % 4 == 0 {
            hash = (hash ^ scramble(block)).rotate_left(13);
            hash = hash.wrapping_mul(5).wrapping_add(0xe654_6b64);
            block = 0;
        }
    }
    // Without a rest the block is zero, and zero scrambled is zero.
    hash ^= scramble(block);
    hash ^= length;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

const C1: u64 = 0x87c3_7b91_1142_53d5;
const C2: u64 = 0x4cf5_ad43_2745_937f;

/// The first 64 of the 128 bits of MurmurHash3 x64.
pub fn murmur3_128_first(bytes: &[u8], seed: u32) -> u64 {
    first_half(bytes, seed, u64::from)
}

/// The token of a partition key in Cassandra.
pub fn cassandra_token(key: &[u8]) -> i64 {
    if key.is_empty() {
        return i64::MIN;
    }
    let signed = |byte: u8| i64::from(byte as i8) as u64;
    match first_half(key, 0, signed) as i64 {
        i64::MIN => i64::MAX,
        token => token,
    }
}

fn first_half(bytes: &[u8], seed: u32, widen: impl Fn(u8) -> u64) -> u64 {
    let scramble1 = |k: u64| k.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2);
    let scramble2 = |k: u64| k.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1);
    let (mut h1, mut h2) = (u64::from(seed), u64::from(seed));
    let (blocks, tail) = bytes.as_chunks::<16>();
    for block in blocks {
        let both = u128::from_le_bytes(*block);
        h1 = (h1 ^ scramble1(both as u64)).rotate_left(27).wrapping_add(h2);
        h1 = h1.wrapping_mul(5).wrapping_add(0x52dc_e729);
        h2 = (h2 ^ scramble2((both >> 64) as u64)).rotate_left(31).wrapping_add(h1);
        h2 = h2.wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    let (mut k1, mut k2) = (0u64, 0u64);
    for (place, &byte) in tail.iter().enumerate() {
        match place {
            0..8 => k1 ^= widen(byte) << (8 * place),
            _ => k2 ^= widen(byte) << (8 * (place - 8)),
        }
    }
    h1 ^= scramble1(k1) ^ bytes.len() as u64;
    h2 ^= scramble2(k2) ^ bytes.len() as u64;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    finish(h1).wrapping_add(finish(h2))
}

fn finish(mut k: u64) -> u64 {
    k = (k ^ (k >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    k = (k ^ (k >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    k ^ (k >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_hashed_as_if_they_were_one() {
        assert_eq!(murmur3_32(&[b"6666"], 0), 1_361_238_019);
        assert_eq!(murmur3_32(&[b"6666"], 10), 2_981_722_772);
        assert_eq!(murmur3_32(&[b"node", b"-", b"key"], 7), murmur3_32(&[b"node-key"], 7));
        assert_eq!(murmur3_32(&[], 0), 0);
    }

    #[test]
    fn cassandra_differs_only_where_a_left_over_byte_is_above_127() {
        assert_eq!(cassandra_token(b"123"), -7_468_325_962_851_647_638);
        assert_eq!(cassandra_token(b"123"), murmur3_128_first(b"123", 0) as i64);
        assert_eq!(cassandra_token(&[0xfe; 8]), -8_927_430_733_708_461_935);
        assert_ne!(cassandra_token(&[0xfe; 8]), murmur3_128_first(&[0xfe; 8], 0) as i64);
        assert_eq!(cassandra_token(&[0xfe; 16]), murmur3_128_first(&[0xfe; 16], 0) as i64);
        assert_eq!(cassandra_token(b""), i64::MIN);
    }
}
