//! Jump consistent hash: no memory at all, and exactly the right keys move.
//!
//! Imagine the shards being added one after another. Each time, a key moves to the newest with
//! probability 1/(how many there are then), decided by a generator seeded with the key. The
//! function jumps from one move to the next and stops at the last one before n. Adding a shard at
//! the end moves 1/(n + 1) of the keys, all to the new one. Shards are numbers, so only the last
//! can be taken away: taking out another renumbers those behind it, and most of their keys move.
//!
//! Keys are hashed first, here as in Guava's `consistentHash(murmur3_128()...)`. If the owner is
//! gone, the same rule is asked again over the shards that are left, in their order.
//!
//! Source: Lamping and Veach, A Fast, Minimal Memory, Consistent Hash Algorithm, 2014.

use std::sync::Arc;

use super::members::{admit, one_by_one, shown};
use super::{Entry, Picture, Placement, Refusal, Second, Shard};
use crate::policy::hash::murmur3::murmur3_128_first;
use crate::sim::{Line, Why};

/// The bucket of `key` out of `buckets`: below `buckets`, or 0 when there are none.
pub fn jump(key: u64, buckets: u32) -> u32 {
    jumps(key, buckets, |_| {})
}

/// As [`jump`], telling every bucket on the way.
fn jumps(mut key: u64, buckets: u32, mut met: impl FnMut(u32)) -> u32 {
    let (mut bucket, mut next) = (0u32, 0u64);
    while next < u64::from(buckets) {
        bucket = next as u32;
        met(bucket);
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        let draw = ((key >> 33) + 1) as f64;
        // At most 2^32 * 2^31, which fits.
        next = ((f64::from(bucket) + 1.0) * ((1u64 << 31) as f64 / draw)) as u64;
    }
    bucket
}

#[derive(Clone, Debug)]
struct Jump {
    shards: Arc<[Shard]>,
}

impl Jump {
    fn new(shards: &[Shard]) -> Result<Jump, Refusal> {
        Ok(Jump { shards: admit(shards)? })
    }
}

impl Placement for Jump {
    fn owner(&self, key: &[u8], why: &mut Why) -> Option<usize> {
        let hash = murmur3_128_first(key, 0);
        let owner = jump(hash, self.shards.len() as u32) as usize;
        if why.wanted() {
            let mut path = Vec::new();
            jumps(hash, self.shards.len() as u32, |bucket| path.push(bucket as usize));
            for &bucket in &path {
                why.line(|| Line {
                    subject: self.shards[bucket].name.to_string(),
                    numbers: format!("owned it from {} shards on", bucket + 1),
                    chosen: bucket == owner,
                });
            }
            let (key, n) = (shown(key), self.shards.len());
            why.say(|| {
                format!(
                    "{key} (murmur3 {hash}) jumped {} times while the list grew to {n} shards; \
                     it last moved when {} joined.",
                    path.len() - 1,
                    self.shards[owner].name
                )
            });
        }
        Some(owner)
    }

    /// The same rule over the shards that are left, in their order.
    fn preference(&self, key: &[u8], count: usize, out: &mut Vec<usize>) {
        let hash = murmur3_128_first(key, 0);
        one_by_one(self.shards.len(), count, out, |left| jump(hash, left as u32) as usize);
    }

    fn second(&self) -> Second {
        Second::Heir
    }

    fn with(&self, shards: &[Shard]) -> Result<Box<dyn Placement>, Refusal> {
        Ok(Box::new(Jump::new(shards)?))
    }

    fn picture(&self) -> Picture {
        Picture::Scores
    }
}

pub(super) const ENTRY: Entry = Entry {
    key: "jump",
    wire: 6,
    name: "Jump",
    whose: "Lamping and Veach 2014, keys hashed as in Guava",
    rule: "A generator seeded with the key decides at which shards, added one by one, it would \
           have moved; the last of these owns it. Weights are ignored.",
    cost: "O(log n) time; no memory",
    when: "Shards have numbers and are added or removed only at the end: storage, not caches.",
    when_not: "Any shard may fail: taking out one in the middle renumbers those behind it.",
    source: "arXiv:1406.2294",
    knobs: &[],
    make: |_, shards| Ok(Box::new(Jump::new(shards)?)),
};

#[cfg(test)]
mod tests {
    use super::super::tests::named;
    use super::*;

    #[test]
    fn a_key_moves_only_to_the_newest_bucket() {
        let buckets: Vec<u32> = (1..=19).map(|n| jump(0xdead_beef, n)).collect();
        assert_eq!(
            buckets,
            [0, 1, 2, 3, 3, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 16, 16, 16],
            "each number either stays or becomes the last there is"
        );
        assert_eq!((jump(1, 0), jump(u64::MAX, u32::MAX) < u32::MAX), (0, true));
    }

    #[test]
    fn the_jumps_are_shown() {
        let mut why = Why::on();
        let owner = Jump::new(&named(16)).expect("shards").owner(b"user:1", &mut why);
        let chosen = why.lines.last().expect("the last jump is the owner");
        assert!(chosen.chosen && owner.is_some_and(|owner| chosen.subject == format!("s{owner}")));
        assert_eq!(why.lines[0].numbers, "owned it from 1 shards on");
    }
}
