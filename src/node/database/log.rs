//! What a database stores of a key, and its log: every change in the order in which it was
//! committed. Replicas apply it in that order, so what a member has is always a prefix.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::sim::{Found, Key, Stamp, Time};

/// How a key stands at a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Is {
    /// As it was loaded before the run.
    #[default]
    Loaded,
    /// It was written.
    Written,
    /// It was deleted.
    Deleted,
    /// It was handed over to another database, with this to be found. Asked again, because the
    /// answer was lost on its way, it hands over the same.
    Moved(Found),
}

/// A version of a key at a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Which version.
    pub stamp: Stamp,
    /// When it was stored at the primary.
    pub at: Time,
    /// What it is.
    pub is: Is,
}

impl Cell {
    /// What a read of it finds, when a key that was never changed is there or is not.
    pub(super) fn answer(self, loaded: bool) -> (Found, Stamp) {
        match self.is {
            Is::Loaded if loaded => (Found::Value, Stamp::default()),
            Is::Loaded | Is::Moved(_) => (Found::Nothing, Stamp::default()),
            Is::Written => (Found::Value, self.stamp),
            Is::Deleted => (Found::Nothing, self.stamp),
        }
    }
}

/// One change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) key: Key,
    /// What the key became.
    pub(super) after: Cell,
    /// What it was before: the same at every member, because all have the same prefix.
    pub(super) before: Cell,
    /// Was its request told that it is done?
    pub(super) acknowledged: bool,
}

/// Entries in a block: a clone of the log shares all blocks and copies only the one that is
/// written.
const BLOCK: u64 = 128;

/// The log: entries numbered from 1. Old ones that nobody needs any more are forgotten.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    /// The number of the first block that is kept.
    first: u64,
    blocks: VecDeque<Arc<Vec<Entry>>>,
    head: u64,
}

impl Log {
    /// The number of the last entry; 0 when there was none.
    pub(super) fn head(&self) -> u64 {
        self.head
    }

    /// Every entry after this one is kept.
    pub(super) fn base(&self) -> u64 {
        self.first * BLOCK
    }

    /// Adds an entry and gives its number.
    pub(super) fn push(&mut self, entry: Entry) -> u64 {
        if self.head.is_multiple_of(BLOCK) || self.blocks.is_empty() {
            self.blocks.push_back(Arc::new(Vec::with_capacity(BLOCK as usize)));
        }
        if let Some(last) = self.blocks.back_mut() {
            Arc::make_mut(last).push(entry);
        }
        self.head += 1;
        self.head
    }

    /// Entry number `position`, if it is kept.
    pub(super) fn get(&self, position: u64) -> Option<&Entry> {
        let (block, place) = self.place(position)?;
        self.blocks.get(block)?.get(place)
    }

    /// Notes that the request behind entry `position` was told that it is done.
    pub(super) fn acknowledge(&mut self, position: u64) {
        let Some((block, place)) = self.place(position) else { return };
        if let Some(block) = self.blocks.get_mut(block)
            && let Some(entry) = Arc::make_mut(block).get_mut(place)
        {
            entry.acknowledged = true;
        }
    }

    /// Forgets every entry after `position`.
    pub(super) fn cut_back(&mut self, position: u64) {
        let kept = position.max(self.base()).min(self.head);
        let within = kept - self.base();
        self.blocks.truncate(within.div_ceil(BLOCK) as usize);
        if !within.is_multiple_of(BLOCK)
            && let Some(last) = self.blocks.back_mut()
        {
            Arc::make_mut(last).truncate((within % BLOCK) as usize);
        }
        self.head = kept;
    }

    /// Forgets whole blocks up to `position`; nobody needs an entry up to there.
    pub(super) fn forget(&mut self, position: u64) {
        while self.base() + BLOCK <= position.min(self.head) && !self.blocks.is_empty() {
            self.blocks.pop_front();
            self.first += 1;
        }
    }

    fn place(&self, position: u64) -> Option<(usize, usize)> {
        let beyond = position.checked_sub(1)?.checked_sub(self.base())?;
        (position <= self.head).then_some(((beyond / BLOCK) as usize, (beyond % BLOCK) as usize))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The same as a plain list from which the front was taken.
        #[test]
        fn is_a_list(steps in prop::collection::vec((0u8..8, any::<u16>()), 0..120)) {
            let (mut log, mut model) = (Log::default(), Vec::<(u32, bool)>::new());
            for (what, n) in steps {
                match what {
                    0 => {
                        let kept = u64::from(n) % (model.len() as u64 + 1);
                        log.cut_back(kept);
                        model.truncate(kept.max(log.base()) as usize);
                    }
                    1 => log.forget(u64::from(n) % (model.len() as u64 + 1)),
                    2 => {
                        let place = usize::from(n) % (model.len() + 1);
                        log.acknowledge(place as u64 + 1);
                        if let Some(entry) = model.get_mut(place) && place as u64 >= log.base() {
                            entry.1 = true;
                        }
                    }
                    _ => for step in 0..=u32::from(n % 60) {
                        let stamp = Stamp { commit: step + u32::from(n), by: 1 };
                        let after = Cell { stamp, ..Cell::default() };
                        let (key, before) = (Key::numbered(1), Cell::default());
                        let at = log.push(Entry { key, after, before, acknowledged: false });
                        model.push((stamp.commit, false));
                        prop_assert_eq!(at, model.len() as u64);
                    }
                }
                prop_assert_eq!(log.head(), model.len() as u64);
                for (place, (commit, acknowledged)) in model.iter().enumerate() {
                    let entry = log.get(place as u64 + 1);
                    prop_assert_eq!(entry.is_some(), place as u64 >= log.base());
                    if let Some(entry) = entry {
                        prop_assert_eq!(entry.after.stamp.commit, *commit);
                        prop_assert_eq!(entry.acknowledged, *acknowledged);
                    }
                }
                prop_assert!(log.get(0).is_none() && log.get(log.head() + 1).is_none());
            }
        }
    }
}
