//! What changes a cache: writes and deletions on their way to the store, fills, and flushes.

use super::{Cache, Entry, FLUSH, Holding, Out, Pattern};
use crate::node::shelf::{Cause, Put};
use crate::sim::{Context, Found, Key, Op, Outcome, Reason, Sink, Span, Stamp, Time, Want, Why};

impl Cache {
    /// A write or deletion came in.
    pub(super) fn change<S: Sink + ?Sized>(
        &mut self,
        slot: u32,
        key: Key,
        cx: &mut Context<'_, S>,
    ) {
        if self.config.pattern == Pattern::WriteBehind {
            return self.accept(slot, key, cx);
        }
        // In cache-aside, whoever manages the cache writes to the store; the cache cannot.
        let Some(link) = self.store.filter(|_| self.config.pattern.loads()) else {
            return cx.fail(slot, Reason::BadRequest);
        };
        let why = self.explain_passing(cx.why(slot), key, cx);
        cx.decided(slot, why);
        if cx.forward(slot, link) {
            self.counts.written += 1;
            self.hold(slot, Holding::Writing(key));
        }
    }

    /// Write-behind: acknowledges at once, under a promise.
    fn accept<S: Sink + ?Sized>(&mut self, slot: u32, key: Key, cx: &mut Context<'_, S>) {
        if self.refuses {
            self.counts.refused += 1;
            return cx.fail(slot, Reason::WriteRefused);
        }
        let deleted = cx.request(slot).is_some_and(|request| request.op == Op::Delete);
        let stamp = cx.promise(slot);
        let mut why = self.explain_promise(cx.why(slot), key, cx);
        self.buffer.wrote(key, stamp, deleted);
        let found = if deleted { Found::Nothing } else { Found::Value };
        self.keep(key, found, stamp, &mut why, cx);
        cx.decided(slot, why);
        self.plan_flush(cx);
        cx.reply(slot, Outcome::Done);
    }

    /// The store's answer to a write or deletion.
    pub(super) fn wrote<S: Sink + ?Sized>(&mut self, slot: u32, key: Key, cx: &mut Context<'_, S>) {
        let Some(request) = cx.request(slot).copied() else { return };
        if request.outcome != Outcome::Done || self.config.pattern == Pattern::ReadThrough {
            return cx.pass_back(slot);
        }
        self.buffer.supersede(key);
        if self.refuses {
            // As in the course: an error is reported, although the store has the value.
            self.counts.refused += 1;
            return cx.fail(slot, Reason::WriteRefused);
        }
        if self.config.pattern == Pattern::WriteAround {
            self.drop_key(key, cx);
        } else {
            let mut why = cx.why(slot);
            let found = if request.op == Op::Delete { Found::Nothing } else { Found::Value };
            self.keep(key, found, request.stamp, &mut why, cx);
            self.explain_kept(&mut why, key, cx);
            cx.decided(slot, why);
        }
        cx.pass_back(slot);
    }

    /// Whoever manages the cache hands it a version to keep.
    pub(super) fn take<S: Sink + ?Sized>(&mut self, slot: u32, key: Key, cx: &mut Context<'_, S>) {
        let Some(request) = cx.request(slot).copied() else { return };
        if self.refuses {
            self.counts.refused += 1;
            return cx.fail(slot, Reason::WriteRefused);
        }
        let mut why = cx.why(slot);
        self.keep(key, known(request.found), request.stamp, &mut why, cx);
        self.explain_kept(&mut why, key, cx);
        cx.decided(slot, why);
        cx.reply(slot, Outcome::Done);
    }

    /// Whoever manages the cache has it forget a key. A key that is not there is no error.
    pub(super) fn forget<S: Sink + ?Sized>(
        &mut self,
        slot: u32,
        key: Key,
        cx: &mut Context<'_, S>,
    ) {
        if self.refuses {
            self.counts.refused += 1;
            return cx.fail(slot, Reason::WriteRefused);
        }
        self.drop_key(key, cx);
        cx.reply(slot, Outcome::Done);
    }

    fn drop_key<S: Sink + ?Sized>(&mut self, key: Key, cx: &Context<'_, S>) {
        let was_there = self.shelf.remove(key, cx.now(), Cause::Forgotten);
        self.counts.invalidated += u64::from(was_there);
    }

    /// Puts a version in, for its time to live. What the store does not have is only kept when the
    /// cache remembers such things.
    pub(super) fn keep<S: Sink + ?Sized>(
        &mut self,
        key: Key,
        found: Found,
        stamp: Stamp,
        why: &mut Why,
        cx: &mut Context<'_, S>,
    ) {
        let now = cx.now();
        let life = match found {
            Found::Nothing if self.config.negative_ms <= 0.0 => {
                return self.drop_key(key, cx);
            }
            Found::Nothing => self.config.negative_ms,
            Found::Unasked | Found::Value => self.config.ttl_ms,
        };
        let ends = self.end(life, now);
        let spare = Span::from_millis_f64(match self.config.pattern.loads() {
            true => self.config.revalidate_ms,
            false => 0.0,
        });
        match self.shelf.put(key, Entry { stamp, found, since: now, ends }, spare, why) {
            Put::In(out) => {
                self.counts.fills += 1;
                self.left(&out, key, cx);
            }
            Put::NotAdmitted => {
                self.counts.not_admitted += 1;
                self.flush_one(key, cx);
            }
        }
    }

    /// These keys were evicted for another.
    pub(super) fn left<S: Sink + ?Sized>(&mut self, out: &[Key], by: Key, cx: &mut Context<'_, S>) {
        for &key in out {
            self.counts.evictions += 1;
            self.out = Some(Out { key, by, at: cx.now() });
            // It must not leave with a write that the store does not have.
            self.flush_one(key, cx);
        }
    }

    /// When an entry that comes in now ends. Without a time to live, never.
    fn end(&mut self, life_ms: f64, now: Time) -> Time {
        if life_ms <= 0.0 {
            return Time::MAX;
        }
        let factor = self.shelf.jitter(self.config.ttl_jitter / 100.0);
        now + Span::from_millis_f64(life_ms * factor)
    }

    fn plan_flush<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        if !self.buffer.planned && self.buffer.len() > 0 {
            self.buffer.planned = true;
            cx.wake_in(Span::from_millis_f64(self.config.flush_ms), FLUSH, self.epoch);
        }
    }

    /// The flush interval is over: everything that waits is sent.
    pub(super) fn flush<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        self.buffer.planned = false;
        for key in self.buffer.grounded() {
            self.flush_one(key, cx);
        }
    }

    /// Sends the write of a key that waits, if there is one and none of its kind is on its way.
    pub(super) fn flush_one<S: Sink + ?Sized>(&mut self, key: Key, cx: &mut Context<'_, S>) {
        let Some(dirty) = self.buffer.get(key).filter(|dirty| !dirty.flying) else { return };
        let Some(link) = self.store else {
            self.buffer.failed(key, cx.now());
            return self.plan_flush(cx);
        };
        let op = if dirty.deleted { Op::Delete } else { Op::Write };
        let call = cx.call(None, Want::one(op, key), dirty.stamp, link);
        self.buffer.sent(key);
        self.counts.written += 1;
        self.hold(call, Holding::Flushing(key, dirty.stamp));
    }

    /// A flush came back.
    pub(super) fn flushed<S: Sink + ?Sized>(
        &mut self,
        call: u32,
        key: Key,
        promised: Stamp,
        cx: &mut Context<'_, S>,
    ) {
        let Some(request) = cx.request(call) else { return };
        if request.outcome == Outcome::Done {
            let stamp = request.stamp;
            self.buffer.stored(key, promised, stamp);
            self.shelf.restamp(key, promised, stamp);
        } else {
            self.buffer.failed(key, cx.now());
        }
        self.plan_flush(cx);
    }
}

/// What an answer says: one without a version is a value as it was loaded.
pub(super) fn known(found: Found) -> Found {
    match found {
        Found::Unasked | Found::Value => Found::Value,
        Found::Nothing => Found::Nothing,
    }
}
