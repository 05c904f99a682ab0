//! A request that is asked in attempts: time limits, retries, hedges, budgets, a deadline.
//!
//! The request itself stays with its client; each attempt is a call made for it. It is counted and
//! judged once, when the first answer is there or none will be. There is no way to take a call
//! back: what was given up goes on at the servers, and its answer is dropped and counted as late.
//!
//! An attempt that a guard refuses is a failed attempt. A hedge is one more attempt beside the
//! first, once for a request; it needs the budget's leave, as a retry does.

use super::super::guarded::{self, Door, Passed};
use super::calling::{CallConfig, span_of};
use super::flights::{AttemptCounts, Attempts, Flight, Out};
use super::{ATTEMPT, Clients};
use crate::policy::guard::Withdrawn;
use crate::sim::{Context, Outcome, Place, Reason, Sink, Span, Stamp, Time, Want, Why};

impl Clients {
    /// What came of attempts.
    pub fn attempts(&self) -> &AttemptCounts {
        &self.attempts.counts
    }

    /// How many requests wait for answers to calls, and how many for their next attempt.
    pub fn in_hand(&self) -> (u32, u32) {
        self.attempts.in_hand()
    }

    /// How budget and guards stand, in a few words; nothing where there are none.
    pub fn guards_state(&self, now: Time) -> String {
        let budget = self.attempts.budget.as_ref().map(|budget| budget.state(now));
        let door = self.attempts.door.state(now);
        let all = budget.into_iter().chain((!door.is_empty()).then_some(door));
        all.collect::<Vec<String>>().join("; ")
    }

    /// Are requests asked in attempts?
    #[inline]
    pub(super) fn asks_in_attempts(&self) -> bool {
        !(self.config.calls.is_plain() && self.config.guards.is_off())
    }

    /// A new request is asked for the first time.
    pub(super) fn begin<S: Sink + ?Sized>(
        &mut self,
        slot: u32,
        want: Want,
        cx: &mut Context<'_, S>,
    ) {
        let Some(id) = cx.request(slot).map(|request| request.id) else { return };
        let CallConfig { deadline_ms, hedge_ms, .. } = *self.config.calls;
        let now = cx.now();
        let deadline = span_of(deadline_ms).map(|span| now + span);
        let hedge_at = span_of(hedge_ms).map(|span| now + span);
        let flight = Flight {
            slot,
            id,
            want,
            tries: 0,
            outs: [None, None],
            hedge_at,
            retry_at: None,
            waited: None,
            deadline,
        };
        let place = self.attempts.enter(flight);
        if let Some(deadline) = deadline {
            cx.set_deadline(slot, deadline);
            cx.wake_in(deadline.since(now), ATTEMPT, place);
        }
        if let Some(at) = hedge_at {
            cx.wake_in(at.since(now), ATTEMPT, place);
        }
        if let Some(budget) = &mut self.attempts.budget {
            budget.began(now);
        }
        self.attempt(place, cx);
    }

    /// Another attempt goes out, or is refused by a guard.
    fn attempt<S: Sink + ?Sized>(&mut self, place: u32, cx: &mut Context<'_, S>) {
        let Some(flight) = self.attempts.get(place) else { return };
        flight.tries += 1;
        flight.retry_at = None;
        let (slot, tries, retry) = (flight.slot, flight.tries, flight.tries > 1);
        let mut why = cx.why(slot);
        let let_in = self.knock(cx.now(), &mut why);
        if why.wanted() {
            title_attempt(tries, self.config.calls.tries, let_in.err(), &mut why, cx);
        }
        cx.decided(slot, why);
        match let_in {
            Ok(passed) => self.go_out(place, passed, retry, cx),
            Err(reason) => {
                if let Some(budget) = &mut self.attempts.budget
                    && retry
                {
                    budget.withdrawn(&Withdrawn::rejected(cx.now()));
                }
                self.again(place, failed_here(reason, cx), cx);
            }
        }
    }

    /// Asks the guards before the one who is called.
    fn knock(&mut self, now: Time, why: &mut Why) -> Result<Passed, Reason> {
        let Attempts { door, tosses, counts, .. } = &mut self.attempts;
        let let_in = door.admit(now, tosses, why);
        match let_in {
            Err(Reason::CircuitOpen) => counts.circuit_open += 1,
            Err(_) => counts.over_limit += 1,
            Ok(_) => {}
        }
        let_in
    }

    fn go_out<S: Sink + ?Sized>(
        &mut self,
        place: u32,
        passed: Passed,
        retry: bool,
        cx: &mut Context<'_, S>,
    ) {
        let timeout = span_of(self.config.calls.timeout_ms);
        let Some(flight) = self.attempts.get(place) else { return };
        let (slot, want, now) = (flight.slot, flight.want, cx.now());
        let Some(link) = self.way else {
            // It was taken away since the request was made.
            self.attempts.door.withdrawn(&Withdrawn::given_up(now, now));
            return self.conclude(place, failed_here(Reason::BadRequest, cx), cx);
        };
        let call = cx.call(Some(slot), want, Stamp::default(), link);
        cx.wait_for_calls(slot);
        let until = timeout.map(|span| now + span);
        let out = Out { call, since: now, until, passed, retry };
        let Some(flight) = self.attempts.get(place) else { return };
        let free = usize::from(flight.outs[0].is_some());
        flight.outs[free] = Some(out);
        self.attempts.note(call, place);
        self.attempts.counts.made += 1;
        self.attempts.counts.retries += u64::from(retry && free == 0);
        if let Some(span) = timeout {
            cx.wake_in(span, ATTEMPT, place);
        }
    }

    /// Something about a request may be due. Timers that nobody waits for any more ring too; what
    /// is due is what counts.
    pub(super) fn ring<S: Sink + ?Sized>(&mut self, place: u32, cx: &mut Context<'_, S>) {
        let now = cx.now();
        let is_due = |at: Option<Time>| at.is_some_and(|at| at <= now);
        let Some(flight) = self.attempts.get(place) else { return };
        if is_due(flight.deadline) {
            return self.conclude(place, failed_here(Reason::DeadlinePassed, cx), cx);
        }
        if is_due(flight.retry_at) {
            return self.attempt(place, cx);
        }
        let mut gave_up = false;
        for number in 0..2 {
            let Some(flight) = self.attempts.get(place) else { return };
            if let Some(out) = flight.outs[number].take_if(|out| is_due(out.until)) {
                gave_up = true;
                self.attempts.counts.timed_out += 1;
                self.attempts.end_out(&out, now, failed_here(Reason::TimedOut, cx));
            }
        }
        let Some(flight) = self.attempts.get(place) else { return };
        if gave_up && !flight.is_out() {
            return self.again(place, failed_here(Reason::TimedOut, cx), cx);
        }
        if is_due(flight.hedge_at) {
            flight.hedge_at = None;
            if flight.tries == 1 && flight.outs.iter().flatten().count() == 1 {
                self.hedge(place, cx);
            }
        }
    }

    /// A second attempt beside the first.
    fn hedge<S: Sink + ?Sized>(&mut self, place: u32, cx: &mut Context<'_, S>) {
        let Some(flight) = self.attempts.get(place) else { return };
        // The attempt that is out stays in the first place.
        if flight.outs[0].is_none() {
            flight.outs.swap(0, 1);
        }
        let slot = flight.slot;
        let mut why = cx.why(slot);
        let paid = self.pay(cx.now(), &mut why);
        let let_in = if paid { self.knock(cx.now(), &mut why).ok() } else { None };
        let goes = let_in.is_some();
        why.title(|| match goes {
            true => format!("{} hedged", cx.own_name()),
            false => format!("{} did not hedge", cx.own_name()),
        });
        cx.decided(slot, why);
        match let_in {
            Some(passed) => {
                self.attempts.counts.hedges += 1;
                self.go_out(place, passed, true, cx);
            }
            None if paid => self.take_back(cx.now()),
            None => {}
        }
    }

    /// Does the budget give its leave?
    fn pay(&mut self, now: Time, why: &mut Why) -> bool {
        let Attempts { budget, tosses, counts, .. } = &mut self.attempts;
        let Some(budget) = budget else { return true };
        let paid = guarded::asked("budget", budget.as_mut(), now, tosses, why);
        counts.not_paid += u64::from(!paid);
        paid
    }

    /// What the budget gave its leave for did not go ahead.
    fn take_back(&mut self, now: Time) {
        if let Some(budget) = &mut self.attempts.budget {
            budget.withdrawn(&Withdrawn::given_up(now, now));
        }
    }

    /// A call has come back, perhaps too late.
    pub(super) fn call_back<S: Sink + ?Sized>(&mut self, call: u32, cx: &mut Context<'_, S>) {
        let Some(&answer) = cx.request(call) else { return };
        cx.end_call(call);
        let Some((place, number)) = self.attempts.whose(call, answer.id) else {
            self.attempts.counts.late += 1;
            return;
        };
        let Some(flight) = self.attempts.get(place) else { return };
        let (slot, out) = (flight.slot, flight.outs[number].take());
        let still_out = flight.is_out();
        if let Some(out) = out {
            self.attempts.end_out(&out, cx.now(), answer.outcome);
        }
        match answer.outcome {
            Outcome::Done => {
                cx.found(slot, answer.found, answer.stamp);
                self.conclude(place, Outcome::Done, cx);
            }
            // The other one may still be answered.
            _ if still_out => {}
            failure => self.again(place, failure, cx),
        }
    }

    /// An attempt failed: another one, if it may help and is allowed.
    fn again<S: Sink + ?Sized>(&mut self, place: u32, failure: Outcome, cx: &mut Context<'_, S>) {
        let Outcome::Failed(reason, _) = failure else { return };
        let most = self.config.calls.tries;
        let Some(flight) = self.attempts.get(place) else { return };
        if most < 2 || !guarded::may_help(reason) {
            return self.conclude(place, failure, cx);
        }
        let (slot, tries, waited) = (flight.slot, flight.tries, flight.waited);
        let mut why = cx.why(slot);
        let within = tries < most;
        let allowed = within && self.pay(cx.now(), &mut why);
        let wait = allowed.then(|| {
            let Attempts { waits, jitter, .. } = &mut self.attempts;
            let mut said = if why.wanted() { Why::on() } else { Why::off() };
            let wait = waits.as_ref().map(|waits| waits.wait(tries, waited, jitter, &mut said));
            guarded::add("wait", said, &mut why);
            wait.unwrap_or(Span::ZERO)
        });
        if why.wanted() {
            title_again(tries, most, reason, wait, &mut why, cx);
        }
        cx.decided(slot, why);
        let Some(wait) = wait else {
            return self.conclude(place, failed_here(Reason::RetriesUsedUp, cx), cx);
        };
        if wait == Span::ZERO {
            return self.attempt(place, cx);
        }
        cx.wait(slot);
        if let Some(flight) = self.attempts.get(place) {
            (flight.retry_at, flight.waited) = (Some(cx.now() + wait), Some(wait));
        }
        cx.wake_in(wait, ATTEMPT, place);
    }

    /// The request is answered, or fails. What is still out is nobody's from here on.
    fn conclude<S: Sink + ?Sized>(&mut self, place: u32, end: Outcome, cx: &mut Context<'_, S>) {
        let Some(flight) = self.attempts.leave(place) else { return };
        let now = cx.now();
        for out in flight.outs.into_iter().flatten() {
            match end {
                // It was not answered in time.
                Outcome::Failed(..) => self.attempts.end_out(&out, now, end),
                Outcome::Done | Outcome::Pending => self.attempts.let_be(&out, now),
            }
        }
        if flight.retry_at.is_some() {
            self.take_back(now);
        }
        match end {
            Outcome::Failed(reason, at) => {
                if reason == Reason::DeadlinePassed {
                    self.explain_deadline(flight.slot, cx);
                }
                self.failed += 1;
                let born = cx.request(flight.slot).map(|request| request.born);
                if born == Some(now) {
                    self.failed_at_once = Some(now);
                }
                match at == Place::At(cx.own_number()) {
                    true => cx.fail(flight.slot, reason),
                    false => cx.reply(flight.slot, end),
                }
            }
            Outcome::Done | Outcome::Pending => self.answered_at_last(flight.slot, cx),
        }
        self.next_after(flight.id, flight.slot, cx);
    }

    fn answered_at_last<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        let Some(born) = cx.request(slot).map(|request| request.born) else { return };
        self.latency.record(cx.now().since(born));
        self.answered.mark(cx.now());
        self.hear(slot, cx);
        cx.reply(slot, Outcome::Done);
    }

    /// These clients die: all that they ask for is lost, what they remember too.
    pub(super) fn drop_attempts<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        for place in 0..self.attempts.flights.len() as u32 {
            if let Some(flight) = self.attempts.leave(place) {
                self.failed += 1;
                cx.fail(flight.slot, Reason::ConnectionLost);
            }
        }
        self.attempts.budget = self.config.calls.new_budget();
        self.attempts.door = Door::new(&self.config.guards);
    }

    fn explain_deadline<S: Sink + ?Sized>(&self, slot: u32, cx: &mut Context<'_, S>) {
        let mut why = cx.why(slot);
        why.title(|| format!("{} gave up", cx.own_name()));
        why.say(|| {
            let born = cx.request(slot).map_or(cx.now(), |request| request.born);
            let deadline = cx.request(slot).and_then(|request| request.deadline());
            let (deadline, took) = (deadline.unwrap_or(cx.now()), cx.now().since(born));
            format!("Made at {born}, {took} ago: its deadline was {deadline}.")
        });
        cx.decided(slot, why);
    }
}

/// It failed here, for this reason.
fn failed_here<S: Sink + ?Sized>(reason: Reason, cx: &Context<'_, S>) -> Outcome {
    Outcome::Failed(reason, Place::At(cx.own_number()))
}

fn title_attempt<S: Sink + ?Sized>(
    tries: u32,
    most: u32,
    refused: Option<Reason>,
    why: &mut Why,
    cx: &Context<'_, S>,
) {
    let name = cx.own_name();
    why.title(|| match refused {
        None => format!("{name}: attempt {tries} of {most}"),
        Some(reason) => format!("{name} did not send attempt {tries}: {}", reason.words()),
    });
}

fn title_again<S: Sink + ?Sized>(
    tries: u32,
    most: u32,
    reason: Reason,
    wait: Option<Span>,
    why: &mut Why,
    cx: &Context<'_, S>,
) {
    let name = cx.own_name();
    why.title(|| match wait {
        Some(wait) => format!("{name} tries again after {wait}"),
        None => format!("{name} does not try again"),
    });
    let words = format!("Attempt {tries} of {most}: {}.", reason.words());
    let before = std::mem::take(&mut why.sentence);
    let gap = if before.is_empty() { "" } else { " " };
    why.say(|| format!("{words}{gap}{before}"));
}
