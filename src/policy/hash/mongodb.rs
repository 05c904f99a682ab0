//! The number by which MongoDB places a document whose shard key is hashed.
//!
//! MD5 over a seed (0 for collections), the kind of the value and the value itself; the first eight
//! bytes of the digest are a signed little-endian number. Every number is cut to a whole one first,
//! so 2 and 2.9 have the same place.
//!
//! Source: MongoDB `src/mongo/db/hasher.cpp`, hash version 0, and `safeNumberLongForHash`.

use super::md5::md5_of;

/// A value as MongoDB tells kinds apart when it hashes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// A number, cut to a whole one.
    Number(i64),
    /// Text, without its length and without the zero byte at its end.
    Text(&'a [u8]),
    /// An object id.
    ObjectId([u8; 12]),
    /// True or false.
    Bool(bool),
    /// Nothing.
    Null,
}

impl Value<'_> {
    /// A number with a fraction: it is cut off. What is too large or too small becomes the largest
    /// or smallest whole number of 64 bits, and what is no number 0. Only 2^63 itself, the first
    /// that is too large, becomes the *smallest*: so it came out when nobody had thought of it, and
    /// places may not change.
    pub fn number(value: f64) -> Value<'static> {
        const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
        Value::Number(if value == TWO_TO_63 { i64::MIN } else { value as i64 })
    }
}

/// The place of `value`; collections use seed 0.
pub fn mongodb_hash(value: Value<'_>, seed: i32) -> i64 {
    let digest = |kind: u32, value: [&[u8]; 3]| {
        let [first, second, third] = value;
        md5_of(&[&seed.to_le_bytes(), &kind.to_le_bytes(), first, second, third])
    };
    let digest = match value {
        Value::Null => digest(5, [&[]; 3]),
        Value::Number(number) => digest(10, [&number.to_le_bytes(), &[], &[]]),
        // BSON counts the zero byte at the end of a text.
        Value::Text(text) => {
            digest(15, [&(text.len() as u32).wrapping_add(1).to_le_bytes(), text, &[0]])
        }
        Value::ObjectId(id) => digest(35, [&id, &[], &[]]),
        Value::Bool(on) => digest(40, [&[u8::from(on)], &[], &[]]),
    };
    u128::from_le_bytes(digest) as u64 as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_cut_off_before_hashing() {
        assert_eq!(mongodb_hash(Value::Number(42), 0), -944_302_157_085_130_861);
        assert_eq!(mongodb_hash(Value::number(42.9), 0), -944_302_157_085_130_861);
        assert_eq!(mongodb_hash(Value::Text(b"hashthis"), 1), 6_271_151_123_721_111_923);
    }

    /// MongoDB's own test of numbers at the ends of 64 bits, seed 1.
    #[test]
    fn numbers_beyond_64_bits_stop_at_the_ends_but_for_one() {
        const LARGEST: i64 = 1_136_124_329_541_638_701;
        const SMALLEST: i64 = 5_744_114_172_487_291_558;
        const ZERO: i64 = 5_574_369_198_691_456_941;
        let two_to = |power: u32| (0..power).fold(1.0f64, |product, _| product * 2.0);
        let (end, step, half) = (two_to(63), two_to(11), two_to(10));
        for (value, hash) in [
            (end - half, -3_954_856_262_017_896_439),
            (end, SMALLEST),
            (end + step, LARGEST),
            (two_to(500), LARGEST),
            (f64::INFINITY, LARGEST),
            (half - end, -1_762_411_739_488_908_479),
            (-end, SMALLEST),
            (-end - step, SMALLEST),
            (f64::NEG_INFINITY, SMALLEST),
            (f64::NAN, ZERO),
            (-0.5, ZERO),
        ] {
            assert_eq!(mongodb_hash(Value::number(value), 1), hash, "{value}");
        }
        assert_eq!(mongodb_hash(Value::Number(i64::MAX), 1), LARGEST);
    }
}
