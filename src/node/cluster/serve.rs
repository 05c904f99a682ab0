//! What members do: looks and changes, one per worker, the others in a line.

use super::member::Kept;
use super::{BACK, Cluster, DONE, Hands, Purpose, Share};
use crate::node::shelf::{Cause, Entry};
use crate::sim::{Found, Key, Span, Why};

impl Cluster {
    /// A share reaches its member: it is begun, waits, or there is no place for it. One that is not
    /// there answers nothing.
    pub(super) fn reach(&mut self, ticket: u32, cx: &mut Hands<'_>) {
        let Some(place) = self.shares.get(&ticket).map(|share| usize::from(share.place)) else {
            return;
        };
        let (workers, places) = (u32::from(self.config.workers), self.config.queue_limit as usize);
        let Some(member) = self.members.get_mut(place).filter(|member| member.in_reach()) else {
            self.shares.remove(&ticket);
            return;
        };
        member.asked.mark(cx.now());
        if workers == 0 || member.busy < workers {
            self.begin(place, ticket, cx);
        } else if member.line.len() < places {
            member.line.push_back(ticket);
        } else {
            self.send_back(ticket, None, cx);
        }
    }

    fn begin(&mut self, place: usize, ticket: u32, cx: &mut Hands<'_>) {
        self.members[place].busy += 1;
        cx.wake_in(Span::from_millis_f64(self.config.look_ms) * self.slow, DONE, ticket);
    }

    /// Workers that are free take up what waits.
    pub(super) fn begin_waiting(&mut self, place: usize, cx: &mut Hands<'_>) {
        let workers = u32::from(self.config.workers);
        while let Some(member) = self.members.get_mut(place)
            && (workers == 0 || member.busy < workers)
            && let Some(ticket) = member.line.pop_front()
        {
            self.begin(place, ticket, cx);
        }
    }

    /// A member has done a share.
    pub(super) fn done(&mut self, ticket: u32, cx: &mut Hands<'_>) {
        let Some(&Share { place, key, purpose, work, .. }) = self.shares.get(&ticket) else {
            return;
        };
        let place = usize::from(place);
        let Some(member) = self.members.get_mut(place) else { return };
        member.busy = member.busy.saturating_sub(1);
        let answer = match purpose {
            Purpose::Look => self.look_there(place, key, cx),
            Purpose::Keep(entry) => {
                let slot = self.works.get(&work).map(|work| work.slot);
                self.keep_there(place, key, entry, slot, cx);
                self.members[place].look(key, cx.now())
            }
        };
        self.send_back(ticket, Some(answer), cx);
        self.begin_waiting(place, cx);
    }

    fn send_back(&mut self, ticket: u32, answer: Option<Option<Entry>>, cx: &mut Hands<'_>) {
        if let Some(share) = self.shares.get_mut(&ticket) {
            (share.answer, share.back) = (answer, true);
            cx.wake_in(Span::from_millis_f64(self.config.hop_ms), BACK, ticket);
        }
    }

    /// A member looks for a key.
    fn look_there(&mut self, place: usize, key: Key, cx: &Hands<'_>) -> Option<Entry> {
        let now = cx.now();
        let member = &mut self.members[place];
        self.counts.expired += member.shelf.advance(now);
        let found = member.look(key, now);
        match found {
            Some(_) => {
                let out = member.shelf.touch(key, now);
                self.counts.evictions += out.len() as u64;
            }
            None if member.shelf.look(key).is_some_and(|entry| entry.ends < now) => {
                let ended = member.shelf.look(key).map_or(now, |entry| entry.ends);
                member.shelf.remove(key, now, Cause::Expired(ended));
                self.counts.expired += 1;
            }
            None => {}
        }
        match found.is_some_and(|entry| entry.found == Found::Value) {
            true => member.hits += 1,
            false => member.misses += 1,
        }
        found
    }

    /// A member is handed a version.
    pub(super) fn keep_there(
        &mut self,
        place: usize,
        key: Key,
        entry: Entry,
        slot: Option<u32>,
        cx: &mut Hands<'_>,
    ) {
        let now = cx.now();
        let mut why = slot.map_or(Why::off(), |slot| cx.why(slot));
        let member = &mut self.members[place];
        self.counts.expired += member.shelf.advance(now);
        let kept = member.keep(key, entry, now, &mut why);
        if let Kept::In(out) = &kept {
            self.counts.fills += 1;
            self.counts.evictions += out.len() as u64;
        }
        if let Some(slot) = slot {
            self.explain_kept((slot, place), (key, entry), &kept, why, cx);
        }
    }
}
