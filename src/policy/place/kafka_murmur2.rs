//! Kafka's producer: which partition does a record with a key go to?
//!
//! MurmurHash2 of the key, sign bit cleared, modulo the number of partitions, all of them counted,
//! reachable or not. Adding partitions therefore breaks "one key, one partition" for nearly all
//! keys, which is why partitions are made plentiful at the start. A record *without* a key goes
//! elsewhere: see `kafka_sticky`. An empty key is a key.
//!
//! Source: Apache Kafka `BuiltInPartitioner.partitionForKey` (clients, October 2024).

use super::Entry;
use super::modulo::{Modulo, Rule};
use crate::policy::hash::murmur2_32::kafka;

/// The partition of `key` out of `partitions`; `None` when there are none.
pub fn partition_for_key(key: &[u8], partitions: u32) -> Option<u32> {
    positive(key).checked_rem(partitions)
}

/// The hash with the sign bit cleared.
fn positive(key: &[u8]) -> u32 {
    kafka(key) as u32 & 0x7fff_ffff
}

static RULE: Rule = Rule {
    number: |key| u128::from(positive(key)),
    words: |key| format!("has murmur2 {}, without the sign bit {}", kafka(key), positive(key)),
    numbers: None,
};

pub(super) const ENTRY: Entry = Entry {
    key: "kafka_murmur2",
    wire: 14,
    name: "Kafka, murmur2 modulo",
    whose: "Apache Kafka's Java producer (October 2024), records with a key",
    rule: "MurmurHash2 of the key with the sign bit cleared, modulo the number of partitions; \
           weights are ignored.",
    cost: "O(1) time; no memory",
    when: "Order matters per key and the number of partitions stays.",
    when_not: "Partitions are added later: keys change partition, and their order is lost there.",
    source: "Apache Kafka BuiltInPartitioner.partitionForKey",
    knobs: &[],
    make: |_, shards| Ok(Box::new(Modulo::new(&RULE, shards)?)),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sign_bit_is_cleared_not_the_sign_changed() {
        assert_eq!(kafka(b"foobar"), -790_332_482);
        assert_eq!(positive(b"foobar"), 1_357_151_166);
        assert_eq!(partition_for_key(b"foobar", 12), Some(6));
        assert_eq!(partition_for_key(b"", 12), Some(9));
        assert_eq!(partition_for_key(b"foobar", 0), None);
    }
}
