//! Changes that were acknowledged and are no more: counted exactly, the last ones listed.

use std::collections::VecDeque;

use crate::sim::{Key, Stamp, Time};

/// How many lost changes are listed.
pub(super) const LISTED_MAX: usize = 200;

/// An acknowledged change that is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Of which key.
    pub key: Key,
    /// Which version.
    pub stamp: Stamp,
    /// When it was stored, which is before it was lost.
    pub at: Time,
}

/// What is lost.
#[derive(Clone, Debug, Default)]
pub(super) struct Losses {
    count: u64,
    listed: VecDeque<Lost>,
}

impl Losses {
    pub(super) fn note(&mut self, lost: Lost) {
        self.note_unseen(1);
        if self.listed.len() == LISTED_MAX {
            self.listed.pop_front();
        }
        self.listed.push_back(lost);
    }

    /// Counts so many that are not listed.
    pub(super) fn note_unseen(&mut self, count: u64) {
        self.count += count;
    }

    /// How many acknowledged changes are lost.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The last of them, oldest first, at most fifty.
    pub(super) fn listed(&self) -> impl Iterator<Item = &Lost> {
        self.listed.iter()
    }
}
