//! Redis Cluster: 16384 slots, dealt to the nodes.
//!
//! A key's slot is its CRC-16 modulo 16384. If the key has a `{` and a later `}` with something
//! between the first `{` and the first `}` after it, only that something is hashed, so keys with
//! the same tag share a slot. Which node has which slot is a table that the nodes agree on, not a
//! formula: slots move one by one, and a client that asks the wrong node is sent to the right one.
//!
//! At first every node gets one run of slots, rounded as `redis-cli --cluster create` rounds. When
//! members change, as few slots move as make the counts even again (they differ by one at most, and
//! whoever has most keeps the odd ones): slots without a node, and the lowest slots of those with
//! too many, go to the nodes with too few, in list order.
//!
//! There is no second owner. In Redis a replica of the owner's own takes over; the preference names
//! the nodes that follow in the list, where replicas could live.
//!
//! Source: Redis 7.0 `crc16.c`, `cluster.c` keyHashSlot, `redis-cli.c`.

use std::sync::Arc;

use super::members::{admit, at_most, in_turn, places, shown};
use super::{Entry, Picture, Placement, Refusal, Second, Shard};
use crate::policy::hash::crc::crc16;
use crate::sim::{Line, Why};

/// How many slots there are.
pub const SLOTS: usize = 16_384;

/// The part of `key` that is hashed.
pub fn hash_tag(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|&byte| byte == b'{') else { return key };
    let rest = &key[open + 1..];
    match rest.iter().position(|&byte| byte == b'}') {
        Some(length) if length > 0 => &rest[..length],
        _ => key,
    }
}

/// The slot of `key`, below [`SLOTS`].
pub fn slot(key: &[u8]) -> u16 {
    crc16(hash_tag(key)) & 0x3fff
}

#[derive(Clone, Debug)]
struct RedisSlots {
    shards: Arc<[Shard]>,
    /// The node of every slot.
    table: Arc<[u32]>,
}

/// The runs of slots of a new cluster.
fn deal(nodes: usize) -> Vec<u32> {
    let per_node = SLOTS as f32 / nodes as f32;
    let mut table = vec![0u32; SLOTS];
    let (mut first, mut cursor) = (0usize, 0f32);
    for node in 0..nodes {
        let end = (f64::from(cursor + per_node - 1.0)).round().max(0.0) as usize;
        let last = if node + 1 == nodes { SLOTS - 1 } else { end.min(SLOTS - 1).max(first) };
        for slot in table.iter_mut().take(last + 1).skip(first) {
            *slot = node as u32;
        }
        first = last + 1;
        cursor += per_node;
    }
    table
}

/// Moves as few entries of `table` as make all `n` nodes have the same number, to one. Entries are
/// nodes; `None` has lost its node.
fn level(table: &[Option<u32>], n: usize) -> Vec<u32> {
    let mut counts = vec![0usize; n];
    table.iter().flatten().for_each(|&node| counts[node as usize] += 1);
    // Whoever has most keeps the odd ones: moving those would be for nothing.
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|&node| std::cmp::Reverse(counts[node]));
    let mut quota = vec![table.len() / n; n];
    order.iter().take(table.len() % n).for_each(|&node| quota[node] += 1);
    let mut too_many: Vec<usize> =
        counts.iter().zip(&quota).map(|(count, quota)| count.saturating_sub(*quota)).collect();
    let mut taker = 0;
    let mut take = || {
        while taker + 1 < n && counts[taker] >= quota[taker] {
            taker += 1;
        }
        counts[taker] += 1;
        taker as u32
    };
    let mut place = |entry: &Option<u32>| match *entry {
        Some(node) if too_many[node as usize] == 0 => node,
        Some(node) => {
            too_many[node as usize] -= 1;
            take()
        }
        None => take(),
    };
    table.iter().map(&mut place).collect()
}

impl RedisSlots {
    fn new(shards: &[Shard]) -> Result<RedisSlots, Refusal> {
        let shards = admit(shards)?;
        at_most(SLOTS, "nodes for 16384 slots", shards.len())?;
        let table = deal(shards.len()).into();
        Ok(RedisSlots { shards, table })
    }
}

impl Placement for RedisSlots {
    fn owner(&self, key: &[u8], why: &mut Why) -> Option<usize> {
        let slot = slot(key);
        let owner = self.table[usize::from(slot)] as usize;
        why.line(|| Line {
            subject: self.shards[owner].name.to_string(),
            numbers: format!("slot {slot}"),
            chosen: true,
        });
        why.say(|| {
            let (tag, name) = (hash_tag(key), &self.shards[owner].name);
            let crc = crc16(tag);
            let what = match tag.len() == key.len() {
                true => shown(key),
                false => format!("the tag {} of {}", shown(tag), shown(key)),
            };
            format!("CRC-16 of {what} is {crc}; {crc} mod 16384 = slot {slot}, which {name} has.")
        });
        Some(owner)
    }

    fn preference(&self, key: &[u8], count: usize, out: &mut Vec<usize>) {
        let owner = self.table[usize::from(slot(key))] as usize;
        in_turn(owner, self.shards.len(), count, out);
    }

    fn second(&self) -> Second {
        Second::Neighbour(
            "After the owner come the nodes that follow in the list, as places for replicas. In \
             Redis a replica of the owner takes over; when a node leaves the list, its slots go to \
             those with too few.",
        )
    }

    fn with(&self, shards: &[Shard]) -> Result<Box<dyn Placement>, Refusal> {
        let shards = admit(shards)?;
        at_most(SLOTS, "nodes for 16384 slots", shards.len())?;
        let now = places(&self.shards, &shards);
        let now = |&node: &u32| now[node as usize].map(|place| place as u32);
        let table: Vec<Option<u32>> = self.table.iter().map(now).collect();
        let table = level(&table, shards.len()).into();
        Ok(Box::new(RedisSlots { shards, table }))
    }

    fn picture(&self) -> Picture {
        Picture::Table(self.table.to_vec())
    }

    fn position(&self, key: &[u8]) -> Option<u64> {
        Some(u64::from(slot(key)))
    }

    fn check(&self) -> Result<(), String> {
        let fits = self.table.iter().all(|&node| (node as usize) < self.shards.len());
        match fits && self.table.len() == SLOTS {
            true => Ok(()),
            false => Err("a slot has no node".to_owned()),
        }
    }
}

pub(super) const ENTRY: Entry = Entry {
    key: "redis_slots",
    wire: 13,
    name: "Redis Cluster slots",
    whose: "Redis 7.0 cluster, slots dealt as redis-cli does",
    rule: "CRC-16 of the key, or of its {tag}, modulo 16384 is a slot; a table says which node has \
           the slot. Weights are ignored.",
    cost: "O(1) time; one entry of memory per slot",
    when: "An operator decides what moves when, and related keys must stay together.",
    when_not: "Nobody is there to keep the table: then use a rule that needs none.",
    source: "Redis cluster specification, crc16.c, redis-cli.c",
    knobs: &[],
    make: |_, shards| Ok(Box::new(RedisSlots::new(shards)?)),
};

#[cfg(test)]
mod tests {
    use super::super::tests::{named, why};
    use super::*;

    #[test]
    fn only_the_first_tag_counts_and_only_if_there_is_something_in_it() {
        let tag = |key: &str| String::from_utf8_lossy(hash_tag(key.as_bytes())).into_owned();
        assert_eq!(tag("{user1000}.following"), "user1000");
        assert_eq!(tag("foo{}{bar}"), "foo{}{bar}");
        assert_eq!(tag("foo{{bar}}zap"), "{bar");
        assert_eq!(tag("foo{bar}{zap}"), "bar");
        assert_eq!(tag("}{"), "}{");
        assert_eq!(slot(b"foo"), 12_182);
    }

    #[test]
    fn three_nodes_get_the_well_known_runs() {
        let table = deal(3);
        let ends = [0, 5460, 5461, 10_922, 10_923, 16_383].map(|slot: usize| table[slot]);
        assert_eq!(ends, [0, 0, 1, 1, 2, 2]);
        let mut many = deal(SLOTS);
        many.dedup();
        assert_eq!(many.len(), SLOTS, "each of 16384 nodes has one");
    }

    #[test]
    fn as_few_slots_move_as_need_to() {
        let three = RedisSlots::new(&named(3)).expect("three");
        let table = |place: &dyn Placement| match place.picture() {
            Picture::Table(table) => table,
            other => panic!("{other:?}"),
        };
        let four = three.with(&named(4)).expect("four");
        let (old, new) = (table(&three), table(&*four));
        let moved: Vec<u32> =
            old.iter().zip(&new).filter(|(old, new)| old != new).map(|(_, new)| *new).collect();
        assert_eq!(moved, [3; 4096], "a fourth, all to the new one");
        let back = table(&*four.with(&named(3)).expect("three"));
        let counts = [0, 1, 2].map(|node| back.iter().filter(|&&slot| slot == node).count());
        assert_eq!(counts, [5462, 5461, 5461]);
    }

    #[test]
    fn the_tag_is_named() {
        let place = RedisSlots::new(&named(3)).expect("three");
        let words = "CRC-16 of the tag \"user1000\" of \"{user1000}.following\" is 19827; \
                     19827 mod 16384 = slot 3443, which s0 has.";
        assert_eq!(why(&place, b"{user1000}.following").sentence, words);
    }
}
