//! MD5 modulo the count of shards: by the first byte alone, as in the course, or by the whole
//! digest.
//!
//! The first byte has 256 values. They do not divide evenly by most counts (of 100 shards, 56 get
//! three values and 44 get two), and with more than 256 shards the rest never gets a key. The whole
//! digest, read as one big-endian number of 128 bits, has neither fault; both move nearly every key
//! when the count changes.

use super::Entry;
use super::modulo::{Modulo, Rule};
use crate::policy::hash::md5::{hex, md5, number};

static FIRST_BYTE: Rule = Rule {
    number: |key| u128::from(md5(key)[0]),
    words: |key| {
        let digest = md5(key);
        format!("has md5 {}, first byte {:#04x} = {}", hex(&digest), digest[0], digest[0])
    },
    numbers: Some(256),
};

static WHOLE: Rule = Rule {
    number: |key| number(&md5(key)),
    words: |key| format!("has md5 {}", hex(&md5(key))),
    numbers: None,
};

/// The course's.
pub(super) const ENTRY_FIRST_BYTE: Entry = Entry {
    key: "md5_first_byte",
    wire: 0,
    name: "First MD5 byte, modulo",
    whose: "as in the course",
    rule: "The first byte of the key's MD5, modulo the number of shards; weights are ignored.",
    cost: "O(1) time, one MD5; no memory",
    when: "To see what goes wrong: skew from 3 shards on, dead shards from 257 on.",
    when_not: "Always otherwise. The course's comment calls it consistent hashing; it is not.",
    source: "System Design Basics, Database Sharding, GetShard",
    knobs: &[],
    make: |_, shards| Ok(Box::new(Modulo::new(&FIRST_BYTE, shards)?)),
};

/// With all sixteen bytes.
pub(super) const ENTRY_WHOLE: Entry = Entry {
    key: "md5_mod",
    wire: 1,
    name: "Whole MD5, modulo",
    whose: "the course's rule with all sixteen bytes",
    rule: "The key's MD5 as a big-endian number of 128 bits, modulo the number of shards; \
           weights are ignored.",
    cost: ENTRY_FIRST_BYTE.cost,
    when: "The number of shards is fixed for good, or doubles: then half of the keys move.",
    when_not: "Shards come and go one by one: from n to n + 1 shards n of n + 1 keys move.",
    source: "RFC 1321 for the digest",
    knobs: &[],
    make: |_, shards| Ok(Box::new(Modulo::new(&WHOLE, shards)?)),
};

#[cfg(test)]
mod tests {
    use super::super::tests::{named, owner, why};
    use super::*;
    use crate::policy::Knobs;

    #[test]
    fn it_can_be_checked_on_paper() {
        let place = (ENTRY_FIRST_BYTE.make)(Knobs::DEFAULTS, &named(5)).expect("five shards");
        let why = why(&*place, b"user1");
        let words = "\"user1\" has md5 24c9e15e52afc47c225b757e7bee1f9d, first byte 0x24 = 36; \
                     36 mod 5 = 1: s1.";
        assert_eq!(why.sentence, words);
        assert_eq!(why.lines[0].numbers, "36 mod 5 = 1");
    }

    #[test]
    fn the_first_byte_never_reaches_a_257th_shard() {
        let first = (ENTRY_FIRST_BYTE.make)(Knobs::DEFAULTS, &named(300)).expect("shards");
        let whole = (ENTRY_WHOLE.make)(Knobs::DEFAULTS, &named(300)).expect("shards");
        let most = |place| (0..3000).map(|k| owner(place, &format!("{k}"))).max();
        assert_eq!(most(&*first), Some(255));
        assert_eq!(most(&*whole), Some(299));
    }

    #[test]
    fn the_next_choice_is_the_same_rule_over_those_left() {
        let place = (ENTRY_FIRST_BYTE.make)(Knobs::DEFAULTS, &named(5)).expect("five shards");
        let mut out = Vec::new();
        place.preference(b"user1", 3, &mut out);
        // 36 mod 5 = 1; of 0 2 3 4 the 36 mod 4 = 0th; of 2 3 4 the 36 mod 3 = 0th.
        assert_eq!(out, [1, 0, 2]);
    }
}
