//! The rows of a table: those that were there from the beginning, and what changed since.

use std::sync::Arc;

use crate::sim::{Key, KeyMap, Stamp};

/// How a row that changed stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// It is here.
    #[default]
    Here,
    /// It was deleted.
    Deleted,
    /// It was handed over to whoever moves keys.
    Handed,
}

/// A row that changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) stamp: Stamp,
    pub(super) state: State,
}

/// What was there from the beginning.
#[derive(Clone, Debug)]
enum Base {
    /// The first so many numbered keys.
    First(u32),
    /// A set of numbered keys, a bit each.
    Set(Arc<[u64]>),
}

/// The rows of a table.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    base: Base,
    changed: KeyMap<Row>,
}

impl Rows {
    pub(super) fn first(count: u32) -> Rows {
        Rows { base: Base::First(count), changed: KeyMap::default() }
    }

    /// Other rows from the beginning; what changed since stays. Those that were handed over in a
    /// parcel stay as well.
    pub(super) fn set_first(&mut self, count: u32) {
        if let Base::First(first) = &mut self.base {
            *first = count;
        }
    }

    pub(super) fn set_base(&mut self, keys: Arc<[u64]>) {
        self.base = Base::Set(keys);
    }

    fn in_base(&self, key: Key) -> bool {
        let Some(number) = key.number() else { return false };
        match &self.base {
            Base::First(count) => number < *count,
            Base::Set(keys) => {
                let word = keys.get(number as usize / 64);
                word.is_some_and(|word| word >> (number % 64) & 1 == 1)
            }
        }
    }

    /// How a row stands; absent when it never was here.
    pub(super) fn get(&self, key: Key) -> Option<Row> {
        self.changed.get(key).or_else(|| self.in_base(key).then(Row::default))
    }

    pub(super) fn is_here(&self, key: Key) -> bool {
        self.get(key).is_some_and(|row| row.state == State::Here)
    }

    pub(super) fn put(&mut self, key: Key, row: Row) {
        self.changed.insert(key, row);
    }

    /// The keys of all rows that are here, in no order that matters.
    pub(super) fn here(&self) -> impl Iterator<Item = Key> + '_ {
        let most = match &self.base {
            Base::First(count) => *count,
            Base::Set(keys) => keys.len() as u32 * 64,
        };
        let base = (0..most).map(Key::numbered).filter(|&key| self.is_here(key));
        let changed = self.changed.iter();
        let others = changed.filter(|&(key, row)| row.state == State::Here && !self.in_base(key));
        base.chain(others.map(|(key, _)| key))
    }
}
