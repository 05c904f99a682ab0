//! Writes that were acknowledged and not yet sent to the store, and those that never will be.

use std::collections::VecDeque;

use crate::sim::{Key, KeyMap, Stamp, Time};

/// A flush is tried so often; then the write is given up.
const TRIES_MAX: u8 = 8;
/// So many lost writes are listed.
const LISTED_MAX: usize = 200;

/// An acknowledged write that was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Of which key.
    pub key: Key,
    /// The version that was promised.
    pub stamp: Stamp,
    /// When it was lost.
    pub at: Time,
}

/// The last write of a key, waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Dirty {
    /// The version that was promised.
    pub(super) stamp: Stamp,
    /// Is it a deletion?
    pub(super) deleted: bool,
    /// Is a flush of this key on its way? Another one would overtake it.
    pub(super) flying: bool,
    /// Has it been written again since that flush was sent?
    pub(super) newer: bool,
    /// How many flushes failed.
    tries: u8,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffer {
    dirty: KeyMap<Dirty>,
    lost: VecDeque<Lost>,
    lost_count: u64,
    /// The promises that a store without versions has taken. It has the value, but cannot say
    /// which; this says it for it, and outlives a crash as the value does.
    stored: KeyMap<Stamp>,
    in_doubt: u64,
    /// Is a flush planned?
    pub(super) planned: bool,
}

impl Buffer {
    pub(super) fn get(&self, key: Key) -> Option<Dirty> {
        if self.dirty.is_empty() { None } else { self.dirty.get(key) }
    }

    pub(super) fn len(&self) -> usize {
        self.dirty.len()
    }

    pub(super) fn lost(&self) -> impl Iterator<Item = &Lost> {
        self.lost.iter()
    }

    pub(super) fn lost_count(&self) -> u64 {
        self.lost_count
    }

    pub(super) fn in_doubt(&self) -> u64 {
        self.in_doubt
    }

    /// A write was acknowledged under this promise.
    pub(super) fn wrote(&mut self, key: Key, stamp: Stamp, deleted: bool) {
        let before = self.dirty.get(key).unwrap_or_default();
        let newer = before.flying;
        self.dirty.insert(key, Dirty { stamp, deleted, newer, tries: 0, ..before });
    }

    /// The store has a later write of this key already: the one that waits is superseded. One that
    /// is on its way cannot be called back.
    pub(super) fn supersede(&mut self, key: Key) {
        if self.get(key).is_some_and(|dirty| !dirty.flying) {
            self.dirty.remove(key);
        }
    }

    /// Everything that waits and is not on its way, by key.
    pub(super) fn grounded(&self) -> Vec<Key> {
        let grounded = self.dirty.iter().filter(|(_, dirty)| !dirty.flying);
        grounded.map(|(key, _)| key).collect()
    }

    /// A flush of this key is on its way.
    pub(super) fn sent(&mut self, key: Key) {
        if let Some(dirty) = self.dirty.get(key) {
            self.dirty.insert(key, Dirty { flying: true, newer: false, ..dirty });
        }
    }

    /// The version of a key in a store that has no versions.
    pub(super) fn version(&self, key: Key) -> Stamp {
        self.stored.get(key).unwrap_or_default()
    }

    /// A flush of a promise came back with this version, the promise itself when the store has no
    /// versions.
    pub(super) fn stored(&mut self, key: Key, promised: Stamp, stamp: Stamp) {
        if promised == stamp {
            self.stored.insert(key, stamp);
        }
        match self.dirty.get(key) {
            Some(dirty) if dirty.newer => {
                self.dirty.insert(key, Dirty { flying: false, newer: false, ..dirty });
            }
            Some(_) => drop(self.dirty.remove(key)),
            None => {}
        }
    }

    /// A flush failed, or could not be sent. After too many the write is given up and lost.
    pub(super) fn failed(&mut self, key: Key, now: Time) {
        let Some(dirty) = self.dirty.get(key) else { return };
        let tries = dirty.tries + 1;
        if tries < TRIES_MAX {
            self.dirty.insert(key, Dirty { flying: false, newer: false, tries, ..dirty });
        } else {
            self.dirty.remove(key);
            self.lose(key, dirty.stamp, now);
        }
    }

    /// The cache crashed: what waits is lost, what is on its way may arrive.
    pub(super) fn crash(&mut self, now: Time) {
        let dirty = std::mem::take(&mut self.dirty);
        for (key, dirty) in dirty.iter() {
            if dirty.flying && !dirty.newer {
                self.in_doubt += 1;
            } else {
                self.lose(key, dirty.stamp, now);
            }
        }
        self.planned = false;
    }

    fn lose(&mut self, key: Key, stamp: Stamp, at: Time) {
        self.lost_count += 1;
        if self.lost.len() == LISTED_MAX {
            self.lost.pop_front();
        }
        self.lost.push_back(Lost { key, stamp, at });
    }
}
