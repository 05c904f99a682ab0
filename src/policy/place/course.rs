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

/// More than this many are a mistake; the course would take any number that fits in memory.
const SHARDS_MAX: i64 = 1_000_000;

impl ShardManager {
    /// With `count` shards.
    ///
    /// # Errors
    /// The words with which the course's program falls over.
    pub fn new(count: i64) -> Result<ShardManager, String> {
        if !(0..=SHARDS_MAX).contains(&count) {
            return Err("runtime error: makeslice: len out of range".to_owned());
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
        assert!(ShardManager::new(-1).is_err());
    }
}
