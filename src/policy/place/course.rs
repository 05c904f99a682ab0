//! The course's `ShardManager`, as far as it places keys: literally, mistakes included.
//!
//! It is made for a number of shards that is never checked: none at all falls over when the first
//! key is looked up, and fewer than none when the list is made. `place::find("md5_first_byte")` is
//! the same rule with the input checked.
//!
//! Source: System Design Basics, Database Sharding.

use super::Shard;
use crate::policy::hash::md5::md5;

/// A shard as the course describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CourseShard {
    /// Its number, from 0.
    pub id: usize,
    /// `shard_0`.
    pub database: String,
    /// `shard0.example.com`.
    pub host: String,
    /// 5432, for all.
    pub port: u16,
}

/// The course's manager.
#[derive(Clone, Debug)]
pub struct ShardManager {
    shards: Vec<CourseShard>,
}

/// More than this many are not made here; the course would try, and might run out of memory.
const SHARDS_MAX: i64 = 1_000_000;
/// From here on Go itself refuses: a `Shard` has 48 bytes, and a slice at most 2^48.
const GO_MAX: i64 = (1 << 48) / 48;

impl ShardManager {
    /// With `count` shards.
    ///
    /// # Errors
    /// The words with which the course's program falls over; or, for more than a million, which it
    /// would make, words of our own.
    pub fn new(count: i64) -> Result<ShardManager, String> {
        if !(0..=GO_MAX).contains(&count) {
            return Err("runtime error: makeslice: len out of range".to_owned());
        }
        if count > SHARDS_MAX {
            return Err(format!("at most {SHARDS_MAX} shards are made here, got {count}"));
        }
        let shard = |id: usize| CourseShard {
            id,
            database: format!("shard_{id}"),
            host: format!("shard{id}.example.com"),
            port: 5432,
        };
        Ok(ShardManager { shards: (0..count as usize).map(shard).collect() })
    }

    /// All shards.
    pub fn shards(&self) -> &[CourseShard] {
        &self.shards
    }

    /// The shard of `key`: the first byte of its MD5 modulo the number of shards.
    ///
    /// # Errors
    /// The words with which the course's program falls over.
    pub fn shard(&self, key: &[u8]) -> Result<&CourseShard, String> {
        let place = usize::from(md5(key)[0]).checked_rem(self.shards.len());
        place
            .and_then(|place| self.shards.get(place))
            .ok_or_else(|| "runtime error: integer divide by zero".to_owned())
    }

    /// The shards for a placement that checks its input.
    pub fn list(&self) -> Vec<Shard> {
        self.shards.iter().map(|shard| Shard::new(&shard.database, 1)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::place::{Knobs, find};
    use crate::sim::Why;

    #[test]
    fn the_demo_leaves_shard_1_empty() {
        let manager = ShardManager::new(4).expect("four");
        let of = |user: &str| manager.shard(user.as_bytes()).map(|shard| shard.id);
        assert_eq!(["user1", "user2", "user3", "user4"].map(of), [0, 2, 2, 3].map(Ok));
        let checked =
            (find("md5_first_byte").expect("there").make)(Knobs::DEFAULTS, &manager.list());
        let owner = checked.expect("four").owner(b"user4", &mut Why::off());
        assert_eq!(owner, Some(3));
    }

    #[test]
    fn nothing_is_checked() {
        let none = ShardManager::new(0).expect("making none works");
        assert_eq!(
            none.shard(b"k").map(|_| ()),
            Err("runtime error: integer divide by zero".into())
        );
        let words = |count: i64| ShardManager::new(count).map(|_| ()).expect_err("refused");
        let panic = "runtime error: makeslice: len out of range";
        assert_eq!([words(-1), words(i64::MAX), words(GO_MAX + 1)], [panic; 3]);
        assert_eq!(words(1_000_001), "at most 1000000 shards are made here, got 1000001");
    }
}
