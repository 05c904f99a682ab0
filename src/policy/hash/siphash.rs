//! SipHash-2-4: 64 bits under a secret key of 128 bits, from the crate `siphasher`.
//!
//! Whoever does not know the key cannot aim keys at one shard. Here the key is public and serves
//! as a seed: multi-probe hashing draws its probes with it.
//!
//! Source: Aumasson and Bernstein, SipHash, 2012.

use siphasher::sip::SipHasher24;

/// The hash of `bytes` under the key made of these two halves.
pub fn siphash24(k0: u64, k1: u64, bytes: &[u8]) -> u64 {
    SipHasher24::new_with_keys(k0, k1).hash(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example in the paper's appendix.
    #[test]
    fn the_example_in_the_paper() {
        let bytes: Vec<u8> = (0..15).collect();
        let hash = siphash24(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908, &bytes);
        assert_eq!(hash, 0xa129_ca61_49be_45e5);
    }
}
