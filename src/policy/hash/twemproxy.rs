//! The twelve key hashes of twemproxy (nutcracker), mistakes included.
//!
//! The names promise more than the code keeps: `crc16` runs in 32 bits and never cuts back to 16;
//! `crc32` is libmemcached's fifteen middle bits of the real one, which twemproxy calls `crc32a`;
//! `fnv1a_64` runs in 32 bits with the 64-bit constants cut in half. Bytes above 127 are negative
//! in the FNV hashes and in `one_at_a_time`, because C's `char` is on the machines they ran on.
//! Whoever wants to find existing keys again must repeat all of that.
//!
//! Source: twemproxy 0.5.0, `src/hashkit/`; numbers from its own `test_all.c`.

use super::crc::{crc32, step16};
use super::lookup3::lookup3;
use super::md5::{md5, word};
use super::murmur2_32::murmur2_32;
use super::superfast::superfast;

/// One of the twelve: its name in twemproxy's configuration, and the function.
pub struct KeyHash {
    /// As in `hash:` of a pool.
    pub name: &'static str,
    /// The function.
    pub hash: fn(&[u8]) -> u32,
}

impl std::fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// All twelve, in twemproxy's order.
pub static KEY_HASHES: [KeyHash; 12] = [
    KeyHash { name: "one_at_a_time", hash: one_at_a_time },
    KeyHash { name: "md5", hash: |key| word(&md5(key), 0) },
    KeyHash { name: "crc16", hash: crc16_in_32 },
    KeyHash { name: "crc32", hash: |key| (crc32(key) >> 16) & 0x7fff },
    KeyHash { name: "crc32a", hash: crc32 },
    KeyHash { name: "fnv1_64", hash: fnv1_64 },
    KeyHash { name: "fnv1a_64", hash: fnv1a_64 },
    KeyHash { name: "fnv1_32", hash: fnv1_32 },
    KeyHash { name: "fnv1a_32", hash: fnv1a_32 },
    KeyHash { name: "hsieh", hash: superfast },
    KeyHash { name: "murmur", hash: murmur },
    KeyHash { name: "jenkins", hash: lookup3 },
];

/// The one with this name.
pub fn find(name: &str) -> Option<&'static KeyHash> {
    KEY_HASHES.iter().find(|key_hash| key_hash.name == name)
}

/// A byte as C's signed `char`, widened.
fn signed(byte: u8) -> u32 {
    i32::from(byte as i8) as u32
}

/// Jenkins's one-at-a-time.
fn one_at_a_time(key: &[u8]) -> u32 {
    let mut hash = 0u32;
    for &byte in key {
        hash = hash.wrapping_add(signed(byte));
        hash = hash.wrapping_add(hash << 10);
        hash ^= hash >> 6;
    }
    hash = hash.wrapping_add(hash << 3);
    hash ^= hash >> 11;
    hash.wrapping_add(hash << 15)
}

fn crc16_in_32(key: &[u8]) -> u32 {
    key.iter().fold(0, |crc: u32, &byte| (crc << 8) ^ u32::from(step16((crc >> 8) as u8 ^ byte)))
}

const FNV_64_START: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_64_PRIME: u64 = 0x0000_0100_0000_01b3;
const FNV_32_START: u32 = 0x811c_9dc5;
const FNV_32_PRIME: u32 = 0x0100_0193;

fn fnv1_64(key: &[u8]) -> u32 {
    let wide = |byte: u8| i64::from(byte as i8) as u64;
    let step = |hash: u64, &byte: &u8| hash.wrapping_mul(FNV_64_PRIME) ^ wide(byte);
    key.iter().fold(FNV_64_START, step) as u32
}

fn fnv1a_64(key: &[u8]) -> u32 {
    let step = |hash: u32, &byte: &u8| (hash ^ signed(byte)).wrapping_mul(FNV_64_PRIME as u32);
    key.iter().fold(FNV_64_START as u32, step)
}

fn fnv1_32(key: &[u8]) -> u32 {
    let step = |hash: u32, &byte: &u8| hash.wrapping_mul(FNV_32_PRIME) ^ signed(byte);
    key.iter().fold(FNV_32_START, step)
}

fn fnv1a_32(key: &[u8]) -> u32 {
    let step = |hash: u32, &byte: &u8| (hash ^ signed(byte)).wrapping_mul(FNV_32_PRIME);
    key.iter().fold(FNV_32_START, step)
}

/// MurmurHash2 whose seed is a multiple of the length.
fn murmur(key: &[u8]) -> u32 {
    murmur2_32(key, 0xdead_beef_u32.wrapping_mul(key.len() as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(name: &str, key: &[u8]) -> u32 {
        (find(name).expect("a hash of twemproxy").hash)(key)
    }

    #[test]
    fn the_names_promise_more_than_they_keep() {
        assert_eq!(hash("crc32", b"apple"), 10_542);
        assert_eq!(hash("crc32a", b"apple"), 2_838_417_488);
        assert!(hash("crc16", b"apple") > 0xffff);
        assert_eq!(hash("crc16", b"apple") & 0xffff, u32::from(super::super::crc::crc16(b"apple")));
    }

    /// A byte above 127 is negative: standard FNV-1a gives another number.
    #[test]
    fn high_bytes_are_negative() {
        let standard = (FNV_32_START ^ 0xe9).wrapping_mul(FNV_32_PRIME);
        assert_ne!(hash("fnv1a_32", &[0xe9]), standard);
        assert_eq!(hash("fnv1a_32", b"a"), (FNV_32_START ^ 0x61).wrapping_mul(FNV_32_PRIME));
    }
}
