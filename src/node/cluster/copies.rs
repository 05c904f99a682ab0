//! Versions that nobody waits for: copies, repairs, and what is kept for members that are gone.

use super::{COPY, Cluster, Copying, Hands, Work};
use crate::node::shelf::Entry;
use crate::sim::{Key, Span};

/// How many versions are kept for members that are gone; further ones are not.
const HINTS_MAX: usize = 10_000;

impl Cluster {
    /// Sends a version to a member, so much later than at once.
    pub(super) fn copy(
        &mut self,
        place: u8,
        key: Key,
        entry: Entry,
        later: Span,
        cx: &mut Hands<'_>,
    ) {
        let ticket = self.ticket();
        self.copies.insert(ticket, Copying { place, key, entry });
        cx.wake_in(Span::from_millis_f64(self.config.hop_ms) + later, COPY, ticket);
    }

    /// A copy arrives, if there is anybody.
    pub(super) fn copy_arrives(&mut self, ticket: u32, cx: &mut Hands<'_>) {
        let Some(Copying { place, key, entry }) = self.copies.remove(&ticket) else { return };
        match self.members.get(usize::from(place)).map(|member| member.in_reach()) {
            Some(true) => self.keep_there(usize::from(place), key, entry, None, cx),
            Some(false) => self.hint(place, key, entry),
            None => {}
        }
    }

    /// Keeps a version for a member that did not get it.
    pub(super) fn hint(&mut self, place: u8, key: Key, entry: Entry) {
        if !self.config.hints {
            return;
        }
        let held = self.hints.get(&(place, key));
        let newer = held.is_none_or(|held| held.stamp <= entry.stamp);
        if newer && (held.is_some() || self.hints.len() < HINTS_MAX) {
            self.hints.insert((place, key), entry);
        }
    }

    /// Gives a member that is back what was kept for it.
    pub(super) fn deliver_hints(&mut self, place: usize, cx: &mut Hands<'_>) {
        let place = place as u8;
        let (first, last) = ((place, Key::default()), (place + 1, Key::default()));
        let kept: Vec<(Key, Entry)> =
            self.hints.range(first..last).map(|(&(_, key), &entry)| (key, entry)).collect();
        for (key, entry) in kept {
            self.hints.remove(&(place, key));
            self.counts.hinted += 1;
            self.copy(place, key, entry, Span::ZERO, cx);
        }
    }

    /// Gives the newest of the answers to those who answered with less.
    pub(super) fn repair(&mut self, work: &Work, best: Entry, cx: &mut Hands<'_>) {
        if !self.config.repair {
            return;
        }
        for &(place, answer) in &work.answers {
            if answer.is_none_or(|entry| entry.stamp < best.stamp) {
                self.counts.repaired += 1;
                self.copy(place, work.key, best, Span::ZERO, cx);
            }
        }
    }
}
