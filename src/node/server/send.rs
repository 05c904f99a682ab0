//! Answers go out through the network, one after another.

use super::work::is_check;
use super::{SENT, Server};
use crate::sim::{Context, Found, Outcome, Sink, Span, Stamp};

impl Server {
    /// The request is done: its answer goes out, or waits for those before it.
    #[inline]
    pub(super) fn send<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        if self.sending_now.is_some() {
            self.outbox.push_back(slot);
            self.leaving.set(cx.now(), self.outbox.len() as u32);
            return cx.wait(slot);
        }
        match self.config.response_kb > 0.0 && !is_check(slot, cx) {
            true => self.put_out(slot, cx),
            false => self.depart(slot, cx),
        }
    }

    fn put_out<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        let span: Span = self.config.sending();
        self.sending_now = Some(slot);
        self.sending.set(cx.now(), 1);
        let mut why = cx.why(slot);
        if why.wanted() {
            self.explain_sending(slot, span, &mut why, cx);
        }
        cx.decided(slot, why);
        cx.serve(slot, span);
        cx.wake_in(span, SENT, self.life);
    }

    /// An answer has left; the next.
    pub(super) fn sent<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        let Some(slot) = self.sending_now.take() else { return };
        self.sending.set(cx.now(), 0);
        self.depart(slot, cx);
        if let Some(next) = self.outbox.pop_front() {
            self.leaving.set(cx.now(), self.outbox.len() as u32);
            self.put_out(next, cx);
        }
    }

    #[inline]
    fn depart<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        self.here -= 1;
        match is_check(slot, cx) {
            false => self.served.mark(cx.now()),
            true => {
                self.checks += 1;
                // As 200 or 503 would say.
                let well = self.config.healthy;
                let found = if well { Found::Value } else { Found::Nothing };
                cx.found(slot, found, Stamp::default());
            }
        }
        cx.reply(slot, Outcome::Done);
    }
}
