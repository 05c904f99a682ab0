//! What is true: the order in which writes were committed, and the newest of each key.
//!
//! This is the oracle's knowledge, not a component's: nobody decides by it. Caches and replicas
//! hold versions that may be old; how old is found out by comparing with this.

use super::keys::KeyMap;
use super::request::{Key, Stamp};
use super::time::Time;

/// The newest committed state of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Newest {
    /// Which version.
    pub stamp: Stamp,
    /// Was it a deletion?
    pub deleted: bool,
    /// When it was committed.
    pub at: Time,
}

/// Everything that was committed, by key.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    commits: u32,
    /// How many numbers were given to promises and not to commits.
    promises: u32,
    newest: KeyMap<Newest>,
}

impl Truth {
    /// Commits a write of `key` by the request with serial number `by`: its version.
    pub(crate) fn commit(&mut self, key: Key, by: u64, deleted: bool, at: Time) -> Stamp {
        self.commits += 1;
        let stamp = self.stamp(by);
        self.newest.insert(key, Newest { stamp, deleted, at });
        stamp
    }

    /// Numbers a version that is acknowledged now and committed later, as in a write-behind cache.
    /// It is not the truth about its key yet, and may never be; whoever was told of it may expect
    /// to see it, or something later.
    pub(crate) fn promise(&mut self, by: u64) -> Stamp {
        self.promises += 1;
        self.stamp(by)
    }

    fn stamp(&self, by: u64) -> Stamp {
        Stamp { commit: self.commits + self.promises, by: by as u32 }
    }

    /// A committed version was lost with the database that had it; `now` is the newest left.
    pub(crate) fn roll_back(&mut self, key: Key, now: Option<Newest>) {
        match now {
            Some(now) => self.newest.insert(key, now),
            None => self.newest.remove(key),
        };
    }

    /// The newest of a key; absent while it is as it was loaded.
    pub fn newest(&self, key: Key) -> Option<Newest> {
        self.newest.get(key)
    }

    /// How many writes were committed so far.
    pub fn commits(&self) -> u32 {
        self.commits
    }
}
