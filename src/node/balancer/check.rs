//! Checks: a balancer asks each server how it is, over the same wire and in the same line as its
//! requests.
//!
//! A check is a call with `Op::Check`. Servers answer it with what their mark says, and take a
//! tenth of a millisecond for it; one that is down refuses it, one that is overrun answers late or
//! turns it away, and a wire loses it as anything else. The first comes at a random time within an
//! interval; the next an interval after the end of the last.

use super::health::Health;
use super::{Balancer, CHECK, TIMEOUT};
use crate::sim::{
    Context, Found, Key, LinkId, Op, Outcome, Reason, Request, Sink, Span, Stamp, Want,
};

impl Balancer {
    /// The time between two checks: the interval, by a clock that may run slow.
    pub(super) fn check_pause(&self) -> Span {
        self.config.health.interval() * self.check_clock
    }

    /// The first check of a server comes at a random time within the pause between two.
    pub(super) fn begin_checks<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        if self.config.health.how == Health::Checks {
            let interval = self.check_pause().ns() as f64;
            let first = Span::from_ns((self.belief.rng.unit() * interval) as u64);
            self.ring_in(place, first, CHECK, cx);
        }
    }

    /// Sets the one timer that counts for a server's checks.
    fn ring_in<S: Sink + ?Sized>(
        &mut self,
        place: usize,
        span: Span,
        timer: u8,
        cx: &mut Context<'_, S>,
    ) {
        let watched = &mut self.belief.list[place];
        watched.round = watched.round.wrapping_add(1);
        cx.wake_in(span, timer, u32::from(watched.round) << 16 | u32::from(watched.link.0));
    }

    /// The server that a timer is about, if it is still about one.
    fn timed(&self, tag: u32) -> Option<usize> {
        let place = self.place_of(LinkId(tag as u16))?;
        (u32::from(self.belief.list[place].round) == tag >> 16).then_some(place)
    }

    /// A check goes out.
    pub(super) fn check_due<S: Sink + ?Sized>(&mut self, tag: u32, cx: &mut Context<'_, S>) {
        let Some(place) = self.timed(tag) else { return };
        self.belief.counts.checks += 1;
        let want = Want::one(Op::Check, Key::default());
        let call = cx.call(None, want, Stamp::default(), self.belief.list[place].link);
        self.belief.list[place].open = Some(call);
        self.ring_in(place, self.config.health.timeout(), TIMEOUT, cx);
    }

    /// A check has not been answered in time; its answer will be nobody's.
    pub(super) fn check_timed_out<S: Sink + ?Sized>(&mut self, tag: u32, cx: &mut Context<'_, S>) {
        if let Some(place) = self.timed(tag) {
            self.heard(place, false, cx);
        }
    }

    /// A check is back, perhaps too late.
    pub(super) fn check_is_back<S: Sink + ?Sized>(&mut self, call: u32, cx: &mut Context<'_, S>) {
        let well = cx.request(call).is_some_and(went_well);
        cx.end_call(call);
        let place = self.belief.list.iter().position(|watched| watched.open == Some(call));
        if let Some(place) = place {
            self.heard(place, well, cx);
        }
    }

    fn heard<S: Sink + ?Sized>(&mut self, place: usize, well: bool, cx: &mut Context<'_, S>) {
        self.belief.counts.bad_checks += u64::from(!well);
        let watched = &mut self.belief.list[place];
        watched.open = None;
        watched.checked.heard(well);
        self.ring_in(place, self.check_pause(), CHECK, cx);
        self.settle(cx.now());
    }
}

/// Did the server answer, and say that it is well? Nodes that know no checks answer as to anything
/// that they do not understand, and that is a sign of life.
fn went_well(check: &Request) -> bool {
    match check.outcome {
        Outcome::Done => check.found != Found::Nothing,
        Outcome::Failed(reason, _) => reason == Reason::BadRequest,
        Outcome::Pending => false,
    }
}
