//! The entries of a cache and the index that finds them: slots of 24 bytes, numbered from 0.
//!
//! An entry is named by its slot, a 32-bit number: lists link slots ([`super::list`]), and the hash
//! table holds nothing but slots, so it stays small enough for the processor's caches. Entries that
//! left but are remembered (ghosts) are in the same table under another queue number, so one look
//! tells resident, ghost and unknown apart. The hash is a fixed multiplication: the same on every
//! machine and in every run, and nothing ever walks the table in its order.

use hashbrown::HashTable;

use super::list::{Link, Links, List, NONE};
use super::{Held, Refusal};

/// The most entries a policy can be made for: slots have 32 bits, and ghosts need some as well.
pub(super) const CAPACITY_MAX: usize = 1 << 28;

/// An entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) key: u64,
    link: Link,
    /// What the policy notes about it: visited bit, count.
    pub(super) mark: u32,
    /// Which of the policy's lists it is in.
    pub(super) queue: u8,
}

/// All entries, findable by key.
#[derive(Clone, Debug)]
pub(super) struct Table {
    nodes: Vec<Node>,
    /// Unused slots, chained by their links.
    free: u32,
    index: HashTable<u32>,
}

impl Default for Table {
    fn default() -> Table {
        Table { nodes: Vec::new(), free: NONE, index: HashTable::new() }
    }
}

/// Mixes a key; the table uses the lowest and the highest bits. The factor is 2^64 divided by the
/// golden ratio (Knuth's multiplicative hashing).
#[inline]
pub(super) fn mix(key: u64) -> u64 {
    let product = (key ^ (key >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    product ^ (product >> 32)
}

impl Table {
    /// The slot of `key`, ghosts included.
    #[inline]
    pub(super) fn find(&self, key: u64) -> Option<u32> {
        self.index.find(mix(key), |&slot| self.nodes[slot as usize].key == key).copied()
    }

    /// Makes an entry for `key`, which must have none, in `queue`, with this mark. Its slot.
    #[inline]
    pub(super) fn insert(&mut self, key: u64, queue: u8, mark: u32) -> u32 {
        let node = Node { key, link: Link::LOOSE, mark, queue };
        let slot = match self.free {
            NONE => {
                self.nodes.push(node);
                (self.nodes.len() - 1) as u32
            }
            slot => {
                let old = std::mem::replace(&mut self.nodes[slot as usize], node);
                self.free = old.link.next_free();
                slot
            }
        };
        let nodes = &self.nodes;
        self.index.insert_unique(mix(key), slot, |&slot| mix(nodes[slot as usize].key));
        slot
    }

    /// Forgets the entry in `slot`, which is in no list any more. Its key.
    #[inline]
    pub(super) fn forget(&mut self, slot: u32) -> u64 {
        let node = &mut self.nodes[slot as usize];
        node.link = Link::to_free(self.free);
        self.free = slot;
        let key = node.key;
        if let Ok(entry) = self.index.find_entry(mix(key), |&other| other == slot) {
            entry.remove();
        }
        key
    }

    /// How many slots were ever in use: every slot is below.
    pub(super) fn slots(&self) -> usize {
        self.nodes.len()
    }

    #[inline]
    pub(super) fn node(&self, slot: u32) -> &Node {
        &self.nodes[slot as usize]
    }

    #[inline]
    pub(super) fn node_mut(&mut self, slot: u32) -> &mut Node {
        &mut self.nodes[slot as usize]
    }

    /// Appends the entries of `list`, back to front, under this name.
    pub(super) fn show(&self, list: &List, queue: &'static str, out: &mut Vec<Held>) {
        out.extend(list.walk(self).map(|slot| self.held(slot, queue)));
    }

    /// One entry as a picture shows it.
    pub(super) fn held(&self, slot: u32, queue: &'static str) -> Held {
        let node = self.node(slot);
        Held { key: node.key, queue, mark: u64::from(node.mark) }
    }

    /// Are these lists, with their queue numbers, consistent, and all that the index knows? For
    /// tests.
    pub(super) fn check(&self, lists: &[(&List, u8, &str)]) -> Result<(), String> {
        let mut total = 0;
        for (list, queue, name) in lists {
            list.check(self, name)?;
            for slot in list.walk(self) {
                let node = self.node(slot);
                if node.queue != *queue || self.find(node.key) != Some(slot) {
                    return Err(format!("{name}: key {} is not where it says", node.key));
                }
            }
            total += list.len();
        }
        self.check_count(total)
    }

    /// Does the index know so many entries? For tests.
    pub(super) fn check_count(&self, total: usize) -> Result<(), String> {
        match self.index.len() == total {
            true => Ok(()),
            false => Err(format!("{} in the index, {total} in the lists", self.index.len())),
        }
    }
}

impl Links for Table {
    #[inline]
    fn link(&mut self, slot: u32) -> &mut Link {
        &mut self.nodes[slot as usize].link
    }

    #[inline]
    fn peek(&self, slot: u32) -> Link {
        self.nodes[slot as usize].link
    }
}

/// A capacity as policies keep it.
///
/// # Errors
/// When it is zero or more than slots can number.
pub(super) fn room(capacity: usize) -> Result<usize, Refusal> {
    match capacity {
        0 => Err(Refusal::Settings("a cache needs room for at least 1 entry".to_owned())),
        got if got > CAPACITY_MAX => {
            Err(Refusal::TooMany { what: "entries", most: CAPACITY_MAX, got })
        }
        fits => Ok(fits),
    }
}

/// `share` of the capacity, cut off, never more than all of it.
pub(super) fn part(capacity: usize, share: f64) -> usize {
    ((capacity as f64 * share) as usize).min(capacity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_used_again() {
        let mut table = Table::default();
        let (a, b) = (table.insert(10, 0, 0), table.insert(20, 1, 7));
        assert_eq!((table.find(10), table.find(20), table.find(30)), (Some(a), Some(b), None));
        assert_eq!(table.forget(a), 10);
        assert_eq!(table.insert(30, 0, 0), a);
        assert_eq!((table.find(10), table.find(30), table.slots()), (None, Some(a), 2));
    }

    #[test]
    fn keys_that_differ_only_in_high_bits_spread() {
        let low: std::collections::BTreeSet<u64> =
            (0..1000u64).map(|key| mix(key << 44) & 1023).collect();
        assert!(low.len() > 500, "{} of 1024 places", low.len());
    }
}
