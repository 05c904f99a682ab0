//! Which versions went through the cluster: for counting who is given an older one, never for
//! deciding.

use super::Cluster;
use crate::sim::{Key, Stamp, Time};

/// The newest version of a key that was acknowledged, or came from the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    newest: Stamp,
    at: Time,
    /// The newest one before that.
    before: Stamp,
}

impl Cluster {
    /// A version was acknowledged just now, or came from the store.
    pub(super) fn note_seen(&mut self, key: Key, stamp: Stamp, now: Time) {
        let seen = self.seen.get(key).unwrap_or_default();
        if stamp > seen.newest {
            self.seen.insert(key, Seen { newest: stamp, at: now, before: seen.newest });
        }
    }

    /// The version that a request which came at `since` might expect at least. With two that were
    /// acknowledged while it was under way an older one may be named; none is invented.
    pub(super) fn expected(&self, key: Key, since: Time) -> Stamp {
        let seen = self.seen.get(key).unwrap_or_default();
        if seen.at <= since { seen.newest } else { seen.before }
    }

    /// The newest version of a key that went through.
    pub(super) fn newest(&self, key: Key) -> Stamp {
        self.seen.get(key).unwrap_or_default().newest
    }
}
