//! The course's `ShardManager` and `PartitionedTable`: literally, mistakes included.
//!
//! The manager is made for a number of shards that is never checked: none at all falls over when
//! the first key is looked up, and fewer than none when the list is made. It stores nothing, so
//! every user can be fetched, with no name and no address. The table is made without partitions and
//! has no way to attach one, so every insert fails. `place::find("md5_first_byte")` is the same
//! rule with the input checked; the shard router and the table on the canvas store what they are
//! given.
//!
//! Source: System Design Basics, Database Sharding and Database Partitioning.

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

/// A user as the course describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// What is hashed.
    pub id: String,
    /// Lost on the way.
    pub name: String,
    /// Lost on the way.
    pub email: String,
    /// The number of its shard, where somebody set it.
    pub shard: Option<usize>,
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

    /// Says that it creates the user and stores nothing. The number of the shard is set on a copy:
    /// the caller's user is as it was. Gives the shard and the line that is printed.
    ///
    /// # Errors
    /// The words with which the course's program falls over.
    pub fn create(&self, user: &User) -> Result<(&CourseShard, String), String> {
        let shard = self.shard(user.id.as_bytes())?;
        Ok((shard, format!("Creating user {} in shard {} ({})", user.id, shard.id, shard.host)))
    }

    /// Gives a user for any id, with only the id and the shard, and the line that is printed.
    ///
    /// # Errors
    /// The words with which the course's program falls over.
    pub fn get(&self, id: &str) -> Result<(User, String), String> {
        let shard = self.shard(id.as_bytes())?;
        let line = format!("Fetching user {id} from shard {} ({})", shard.id, shard.host);
        Ok((User { id: id.to_owned(), shard: Some(shard.id), ..User::default() }, line))
    }

    /// The shards for a placement that checks its input.
    pub fn list(&self) -> Vec<Shard> {
        self.shards.iter().map(|shard| Shard::new(&shard.database, 1)).collect()
    }
}

/// How many partitions the course's table knows: a literal in its program.
pub const PARTITIONS: usize = 4;

/// The first byte of the key's MD5, and that modulo four: the number of the partition.
pub fn partition_of(key: &[u8]) -> (u8, usize) {
    let byte = md5(key)[0];
    (byte, usize::from(byte) % PARTITIONS)
}

/// The value of a row's partition key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    /// The row has no such field.
    Absent,
    /// A whole number.
    Whole(i64),
    /// A text: the only thing that works.
    Text(&'a str),
}

/// Why an insert did not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotInserted {
    /// The error that is returned. Its words double the word partition.
    Error(String),
    /// The words with which the program falls over.
    Panic(String),
}

/// The course's table.
#[derive(Clone, Debug, Default)]
pub struct PartitionedTable {
    attached: Vec<String>,
}

impl PartitionedTable {
    /// With these partitions attached; the course itself attaches none.
    pub fn new(attached: &[&str]) -> PartitionedTable {
        PartitionedTable { attached: attached.iter().map(|&name| name.to_owned()).collect() }
    }

    /// Inserts a row into a table: the partition, and the statement, which has neither columns nor
    /// values.
    ///
    /// # Errors
    /// When the partition is not attached, or the row's key is not a text.
    pub fn insert(&self, table: &str, key: Field<'_>) -> Result<(String, String), NotInserted> {
        let panic = |what: &str| {
            let words = format!("interface conversion: interface {{}} is {what}, not string");
            Err(NotInserted::Panic(words))
        };
        let key = match key {
            Field::Text(key) => key,
            Field::Absent => return panic("nil"),
            Field::Whole(_) => return panic("int"),
        };
        let name = format!("partition_{}", partition_of(key.as_bytes()).1);
        if !self.attached.contains(&name) {
            return Err(NotInserted::Error(format!("partition {name} not found")));
        }
        let statement = format!("INSERT INTO {table}_{name}");
        Ok((name, statement))
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
