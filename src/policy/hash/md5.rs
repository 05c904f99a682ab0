//! MD5, and the numbers that placements read out of its sixteen bytes.
//!
//! MD5 is broken as a signature and still an even mixer, which is all a placement needs. The course
//! reads its first byte, ketama reads four little-endian words, and a whole digest is read here as
//! one big-endian number of 128 bits: the number that its 32 hexadecimal digits spell.
//!
//! Source: RFC 1321; the digest itself is the crate `md-5`.

use md5::{Digest as _, Md5};

/// The digest of `bytes`.
pub fn md5(bytes: &[u8]) -> [u8; 16] {
    Md5::digest(bytes).into()
}

/// The digest of `parts` one after another, as if they were one.
pub fn md5_of(parts: &[&[u8]]) -> [u8; 16] {
    let mut hasher = Md5::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

/// Word `place` (0 to 3) of a digest, little-endian: one point on a ketama ring. Places repeat
/// after four.
pub fn word(digest: &[u8; 16], place: usize) -> u32 {
    let at = place % 4 * 4;
    u32::from_le_bytes([digest[at], digest[at + 1], digest[at + 2], digest[at + 3]])
}

/// The digest as the number that its hexadecimal digits spell.
pub fn number(digest: &[u8; 16]) -> u128 {
    u128::from_be_bytes(*digest)
}

/// The digest in hexadecimal, as people write it.
pub fn hex(digest: &[u8; 16]) -> String {
    format!("{:032x}", number(digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_digest_read_three_ways() {
        let digest = md5(b"user1");
        assert_eq!(hex(&digest), "24c9e15e52afc47c225b757e7bee1f9d");
        assert_eq!(digest[0], 0x24);
        assert_eq!(word(&digest, 0), 0x5ee1_c924);
        assert_eq!(word(&digest, 3), 0x9d1f_ee7b);
        assert_eq!(number(&digest), 0x24c9_e15e_52af_c47c_225b_757e_7bee_1f9d);
    }

    #[test]
    fn nothing_has_a_digest_too() {
        assert_eq!(hex(&md5(b"")), "d41d8cd98f00b204e9800998ecf8427e");
    }
}
