//! The hash functions HAProxy 2.6 balances by: sdbm, djb2, wt6, crc32, and its full avalanche.
//!
//! * sdbm: `h = byte + (h << 6) + (h << 16) - h`, from 0.
//! * djb2: `h = h * 33 + byte`, from 5381.
//! * wt6: two words rotated by amounts that depend on the words themselves. HAProxy's own; good for
//!   short keys that differ in few bits.
//! * crc32: the usual one (IEEE 802.3), as in `hash::crc`.
//! * none: no hash at all: the key is a whole number in decimal, with a sign or without, of which
//!   the lower 32 bits count. It ends at the first byte that is no digit; a key without digits is
//!   0. Beyond 64 bits with a sign it stays at the limit. (Later versions; 2.6 does not have it.)
//! * crc32c: Castagnoli's (iSCSI), from the crate `crc`; no `hash-type`, but a converter that
//!   `balance hash` can put a key through.
//! * avalanche: Bob Jenkins' six-step integer hash, then a product with 3221225473. It spreads what
//!   another function left close together, so a ring is filled evenly.
//!
//! sdbm, djb2 and wt6 are written here because no well-kept crate has all of them over 32 bits. All
//! sums wrap at 32 bits. None withstands an opponent who chooses the keys. Source of the rules:
//! HAProxy's configuration manual, `hash-type`; Jenkins, "Integer hash function" (public domain).
//! Checked against the C code's own results (vectors `haproxy_hashes`).

use super::crc::crc32;

/// A hash function that HAProxy's `hash-type` can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HaproxyHash {
    /// The default.
    Sdbm,
    /// Better than sdbm on some short keys.
    Djb2,
    /// HAProxy's own.
    Wt6,
    /// The usual CRC of 32 bits.
    Crc32,
    /// The key is the number.
    None,
}

impl HaproxyHash {
    /// The hash of `key`.
    pub fn of(self, key: &[u8]) -> u32 {
        match self {
            HaproxyHash::Sdbm => sdbm(key),
            HaproxyHash::Djb2 => djb2(key),
            HaproxyHash::Wt6 => wt6(key),
            HaproxyHash::Crc32 => crc32(key),
            HaproxyHash::None => decimal(key) as u32,
        }
    }

    /// Its name in HAProxy's configuration.
    pub fn name(self) -> &'static str {
        match self {
            HaproxyHash::Sdbm => "sdbm",
            HaproxyHash::Djb2 => "djb2",
            HaproxyHash::Wt6 => "wt6",
            HaproxyHash::Crc32 => "crc32",
            HaproxyHash::None => "none",
        }
    }
}

/// sdbm: `h = h * 65599 + byte`, which is what the shifts come to.
pub fn sdbm(key: &[u8]) -> u32 {
    key.iter().fold(0, |hash: u32, &byte| hash.wrapping_mul(65_599).wrapping_add(u32::from(byte)))
}

/// djb2 (Daniel J. Bernstein): `h = h * 33 + byte`, from 5381.
pub fn djb2(key: &[u8]) -> u32 {
    key.iter().fold(5_381, |hash: u32, &byte| hash.wrapping_mul(33).wrapping_add(u32::from(byte)))
}

/// wt6: each byte is mixed into two words, which then change places, rotated by amounts taken from
/// their own bits.
pub fn wt6(key: &[u8]) -> u32 {
    let (mut one, mut two): (u32, u32) = (0xa53c_965a, 0x5ca6_953a);
    let (mut turn_one, mut turn_two) = (6, 18);
    for &byte in key {
        let stirred = !(one ^ u32::from(byte));
        one = (!two.wrapping_add(u32::from(byte))).rotate_left(turn_one);
        two = stirred.rotate_left(turn_two);
        let bits = ((one >> 16) ^ two) & 0xffff;
        (turn_one, turn_two) = (bits & 0x1f, bits >> 11);
    }
    one ^ two
}

/// The whole number that `key` begins with.
fn decimal(key: &[u8]) -> i64 {
    let (negative, digits) = match key {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, key),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0i64, |number, byte| {
        let digit = i64::from(byte - b'0');
        let ten = number.saturating_mul(10);
        if negative { ten.saturating_sub(digit) } else { ten.saturating_add(digit) }
    })
}

/// HAProxy's converter `crc32c`.
pub fn crc32c(key: &[u8]) -> u32 {
    const CASTAGNOLI: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);
    CASTAGNOLI.checksum(key)
}

/// HAProxy's `avalanche`: every bit of `word` changes about half the bits of the result.
pub fn avalanche(word: u32) -> u32 {
    let mut a = word;
    a = a.wrapping_add(0x7ed5_5d16).wrapping_add(a << 12);
    a = (a ^ 0xc761_c23c) ^ (a >> 19);
    a = a.wrapping_add(0x1656_67b1).wrapping_add(a << 5);
    a = a.wrapping_add(0xd3a2_646c) ^ (a << 9);
    a = a.wrapping_add(0xfd70_46c5).wrapping_add(a << 3);
    a = (a ^ 0xb55a_4f09) ^ (a >> 16);
    // A prime close to three quarters of the range: neighbours on the ring end far apart.
    a.wrapping_mul(3_221_225_473)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_function_the_key_is_the_number() {
        let none = |key: &str| HaproxyHash::None.of(key.as_bytes());
        assert_eq!(
            [none(""), none("x1"), none("17"), none("+17x"), none("017")],
            [0, 0, 17, 17, 17]
        );
        assert_eq!([none("-1"), none("4294967297"), none("-")], [u32::MAX, 1, 0]);
        // The limits of 64 bits: 2^63 - 1 and -2^63.
        assert_eq!([none("99999999999999999999"), none("-99999999999999999999")], [u32::MAX, 0]);
    }

    /// Computed by HAProxy's own C code.
    #[test]
    fn agrees_with_the_original() {
        let known = [
            (HaproxyHash::Sdbm, 849_955_110),
            (HaproxyHash::Djb2, 193_491_849),
            (HaproxyHash::Wt6, 3_349_746_274),
            (HaproxyHash::Crc32, 2_356_372_769),
        ];
        for (function, hash) in known {
            assert_eq!(function.of(b"foo"), hash, "{}", function.name());
        }
        let avalanches = [
            (0, 2_874_071_335),
            (1, 881_230_262),
            (2, 3_798_448_204),
            (4_096, 1_237_450_891),
            (4_097, 2_761_370_759),
            (8_192, 1_079_705_203),
            (0xffff_ffff, 2_120_532_354),
            (0xc0a8_0101, 1_777_276_424),
        ];
        for (word, hash) in avalanches {
            assert_eq!(avalanche(word), hash, "{word}");
        }
    }

    #[test]
    fn the_usual_check_values() {
        assert_eq!(HaproxyHash::Crc32.of(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn an_empty_key_has_a_hash_too() {
        let of_nothing =
            [HaproxyHash::Sdbm, HaproxyHash::Djb2, HaproxyHash::Wt6].map(|f| f.of(b""));
        assert_eq!(of_nothing, [0, 5_381, 4_187_620_192]);
    }
}
