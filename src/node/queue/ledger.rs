//! What became of all messages: the terms always add up to what was published.

use crate::policy::broker::Cause;

/// What became of messages so far. A message that goes into several queues, or is read by several
/// groups, counts once for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Published.
    pub published: u64,
    /// Acknowledged, or handled after having been acknowledged in advance.
    pub handled: u64,
    /// Gone although nobody had given them up: with a worker that was not done, or in a crash.
    pub lost: u64,
    /// Given up and not kept.
    pub dropped: u64,
    /// Given up and kept apart.
    pub dead: u64,
    /// Of those given up: no queue was bound for them.
    pub unroutable: u64,
    /// Of those given up: refused, because the queue was full.
    pub refused: u64,
    /// Of those given up, by cause.
    pub causes: [u64; Cause::ALL.len()],
    /// Deliveries of messages that had been delivered before.
    pub redelivered: u64,
    /// Deliveries.
    pub deliveries: u64,
    /// Times a message was put aside to be tried again.
    pub retried: u64,
    /// Times partitions were shared out anew.
    pub rebalances: u64,
}

impl Ledger {
    /// Given up for this cause.
    pub(super) fn give_up(&mut self, cause: Cause, kept: bool) {
        self.causes[cause as usize] += 1;
        match kept {
            true => self.dead += 1,
            false => self.dropped += 1,
        }
    }

    /// Do they add up, with so many waiting and so many with workers?
    pub fn balances(&self, waiting: u64, out: u64) -> bool {
        self.published == waiting + out + self.handled + self.lost + self.dropped + self.dead
    }
}
