//! The keyspace id of Vitess's `hash` vindex.
//!
//! The id of a row, a number of 64 bits, is encrypted with DES under a key of eight zero bytes.
//! That hides nothing and mixes well, and it can be undone: from a keyspace id Vitess finds the row
//! id again. Every id has another keyspace id. DES itself is the crate `des`.
//!
//! Source: Vitess `go/vt/vtgate/vindexes/hash.go`.

use des::Des;
use des::cipher::{BlockCipherEncrypt as _, KeyInit as _};

/// The hash, with the key prepared once.
#[derive(Clone)]
pub struct VitessHash(Des);

impl VitessHash {
    /// With Vitess's key: all zeros.
    pub fn new() -> VitessHash {
        VitessHash(Des::new(&[0; 8].into()))
    }

    /// The keyspace id of the row `id`: shards own ranges of these, read as big-endian numbers.
    pub fn keyspace_id(&self, id: u64) -> u64 {
        let mut block = id.to_be_bytes().into();
        self.0.encrypt_block(&mut block);
        u64::from_be_bytes(block.into())
    }
}

impl Default for VitessHash {
    fn default() -> VitessHash {
        VitessHash::new()
    }
}

impl std::fmt::Debug for VitessHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VitessHash")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_in_vitesss_own_test() {
        let hash = VitessHash::new();
        assert_eq!(hash.keyspace_id(1), 0x166b_40b4_4aba_4bd6);
        assert_eq!(hash.keyspace_id(2), 0x06e7_ea22_ce92_708f);
    }
}
