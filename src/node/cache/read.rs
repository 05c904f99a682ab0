//! Reads: found, not found, being loaded, loaded.

use super::explain::{Hit, Miss};
use super::write::known;
use super::{Cache, Entry, Holding, Load, NOBODY, Pattern, is_behind};
use crate::node::shelf::Cause;
use crate::sim::{Context, Found, Key, Op, Outcome, Reason, Sink, Span, Stamp, Time, Want, Why};

impl Cache {
    /// A read came in.
    pub(super) fn read<S: Sink + ?Sized>(&mut self, slot: u32, key: Key, cx: &mut Context<'_, S>) {
        let now = cx.now();
        if let Some(dirty) = self.buffer.get(key) {
            let found = if dirty.deleted { Found::Nothing } else { Found::Value };
            if self.shelf.look(key).is_some() {
                let out = self.shelf.touch(key, now);
                self.left(&out, key, cx);
            }
            return self.hit(slot, key, (found, dirty.stamp), Hit::Waiting, cx);
        }
        let Some(entry) = self.shelf.look(key) else { return self.miss(slot, key, cx) };
        let answer = (entry.found, entry.stamp);
        if now <= entry.ends {
            let out = self.shelf.touch(key, now);
            self.left(&out, key, cx);
            self.hit(slot, key, answer, Hit::Held(entry), cx);
            if self.is_late(&entry, now) {
                self.refresh(key, cx);
            }
        } else if self.may_revalidate(&entry, now) {
            let out = self.shelf.touch(key, now);
            self.left(&out, key, cx);
            self.counts.over_hits += 1;
            self.hit(slot, key, answer, Hit::Over(entry), cx);
            self.refresh(key, cx);
        } else {
            self.counts.expired += 1;
            self.shelf.remove(key, now, Cause::Expired(entry.ends));
            self.miss(slot, key, cx);
        }
    }

    /// Refresh-ahead: is the entry so old that it is to be loaded again?
    fn is_late(&self, entry: &Entry, now: Time) -> bool {
        if self.config.pattern != Pattern::RefreshAhead || entry.ends == Time::MAX {
            return false;
        }
        let life = entry.ends.since(entry.since).seconds();
        now.since(entry.since).seconds() > life * self.config.refresh_at / 100.0
    }

    fn may_revalidate(&self, entry: &Entry, now: Time) -> bool {
        let spare = Span::from_millis_f64(self.config.revalidate_ms);
        self.config.pattern.loads() && spare > Span::ZERO && now <= entry.ends + spare
    }

    fn hit<S: Sink + ?Sized>(
        &mut self,
        slot: u32,
        key: Key,
        (found, stamp): (Found, Stamp),
        how: Hit,
        cx: &mut Context<'_, S>,
    ) {
        self.counts.hits += 1;
        let behind = is_behind(cx.truth(), key, stamp);
        self.counts.stale_hits += u64::from(behind);
        let why = self.explain_hit(cx.why(slot), key, how, cx);
        cx.decided(slot, why);
        cx.found(slot, found, stamp);
        cx.reply(slot, Outcome::Done);
    }

    fn miss<S: Sink + ?Sized>(&mut self, slot: u32, key: Key, cx: &mut Context<'_, S>) {
        self.counts.misses += 1;
        let load = self.loads.get(key);
        let waits = self.config.pattern.loads() && self.config.single_flight && load.is_some();
        let next = match (self.config.pattern.loads(), self.store) {
            (false, _) => Miss::Answer,
            _ if waits => Miss::Wait,
            (true, Some(_)) => Miss::Load,
            (true, None) => Miss::Nowhere,
        };
        let why = self.explain_miss(cx.why(slot), key, next, cx);
        cx.decided(slot, why);
        match (load, self.store) {
            (Some(load), _) if waits => self.wait(slot, key, load, cx),
            _ if next == Miss::Answer => {
                cx.found(slot, Found::Unasked, Stamp::default());
                cx.reply(slot, Outcome::Done);
            }
            (_, Some(link)) => {
                if cx.forward(slot, link) {
                    self.counts.loads += 1;
                    self.hold(slot, Holding::Loading(key));
                    self.begin_load(key, slot);
                }
            }
            (_, None) => cx.fail(slot, Reason::BadRequest),
        }
    }

    /// Others may wait for this load, unless there is another already.
    fn begin_load(&mut self, key: Key, leader: u32) {
        if self.loads.get(key).is_none() {
            self.loads.insert(key, Load { leader, first: NOBODY, last: NOBODY });
        }
    }

    /// Waits for a load that is under way, behind those who wait already.
    fn wait<S: Sink + ?Sized>(&mut self, slot: u32, key: Key, load: Load, cx: &mut Context<'_, S>) {
        self.counts.coalesced += 1;
        self.waiting += 1;
        self.hold(slot, Holding::Waiting(NOBODY));
        let first = if load.first == NOBODY { slot } else { load.first };
        if load.last != NOBODY {
            self.hold(load.last, Holding::Waiting(slot));
        }
        self.loads.insert(key, Load { first, last: slot, ..load });
        cx.wait(slot);
    }

    /// Loads a key in the background, unless it is being loaded.
    fn refresh<S: Sink + ?Sized>(&mut self, key: Key, cx: &mut Context<'_, S>) {
        let Some(link) = self.store.filter(|_| self.loads.get(key).is_none()) else { return };
        self.counts.refreshes += 1;
        let call = cx.call(None, Want::one(Op::Read, key), Stamp::default(), link);
        self.hold(call, Holding::Refreshing(key));
        self.begin_load(key, call);
    }

    /// A load came back, in `slot`: keeps what it brought and answers everybody who waited for it.
    pub(super) fn loaded<S: Sink + ?Sized>(
        &mut self,
        slot: u32,
        key: Key,
        cx: &mut Context<'_, S>,
    ) {
        let Some(request) = cx.request(slot).copied() else { return };
        let (outcome, found) = (request.outcome, known(request.found));
        let stamp = match request.found {
            Found::Unasked => self.buffer.version(key),
            Found::Nothing | Found::Value => request.stamp,
        };
        if outcome == Outcome::Done {
            cx.found(slot, found, stamp);
            self.keep_loaded(slot, key, found, stamp, cx);
        }
        let Some(load) = self.loads.get(key).filter(|load| load.leader == slot) else { return };
        self.loads.remove(key);
        let mut next = load.first;
        while next != NOBODY {
            let waiting = next;
            let Holding::Waiting(after) = self.let_go(waiting) else { return };
            next = after;
            self.waiting -= 1;
            match outcome {
                Outcome::Failed(reason, _) => cx.fail(waiting, reason),
                Outcome::Done | Outcome::Pending => {
                    cx.found(waiting, found, stamp);
                    cx.reply(waiting, Outcome::Done);
                }
            }
        }
    }

    fn keep_loaded<S: Sink + ?Sized>(
        &mut self,
        slot: u32,
        key: Key,
        found: Found,
        stamp: Stamp,
        cx: &mut Context<'_, S>,
    ) {
        if self.refuses {
            self.counts.refused += 1;
        } else if self.buffer.get(key).is_none() {
            // A write that waits to be flushed is newer than anything the store has.
            let mut why: Why = cx.why(slot);
            self.keep(key, found, stamp, &mut why, cx);
            self.explain_kept(&mut why, key, cx);
            cx.decided(slot, why);
        }
    }
}
