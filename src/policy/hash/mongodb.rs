//! The number by which MongoDB places a document whose shard key is hashed.
//!
//! MD5 over a seed (0 for collections), the kind of the value and the value itself; the first eight
//! bytes of the digest are a signed little-endian number. Every number is cut to a whole one first,
//! so 2 and 2.9 have the same place.
//!
//! Source: MongoDB `src/mongo/db/hasher.cpp`, hash version 0.

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
    /// A number with a fraction: it is cut off. What is no number counts as 0.
    pub fn number(value: f64) -> Value<'static> {
        Value::Number(value as i64)
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
}
