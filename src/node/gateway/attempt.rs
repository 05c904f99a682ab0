//! One attempt after another, until one is answered or no more are allowed.

use std::net::{IpAddr, Ipv4Addr};

use super::{Flight, Gate, Gateway, Out, Wait};
use crate::policy::balance::{Answer, Ask};
use crate::policy::gateway::{Refusal, Target};
use crate::policy::guard::{self, Ended, Verdict};
use crate::sim::{Context, LinkId, Outcome, Reason, Request, Sink, Span, Want, Why};

/// Who is to be asked, and how many are under way at its breaker.
struct Choice {
    target: Target,
    among: u32,
}

impl Gateway {
    /// Asks an instance for the request.
    pub(super) fn attempt<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        let Some(&request) = cx.request(slot) else { return };
        let Some(flight) = self.flights.get_mut(&slot) else { return };
        flight.attempts += 1;
        flight.wait = None;
        if flight.attempts == 1
            && let Some(budget) = &mut self.budget
        {
            budget.began(cx.now());
        }
        let mut why = cx.why(slot);
        let chosen = self.choose(slot, &request, &mut why, cx);
        if why.wanted() {
            let to = chosen.as_ref().map(|choice| choice.target.link).map_err(|reason| *reason);
            self.title_attempt(slot, to, &mut why, cx);
        }
        cx.decided(slot, why);
        match chosen {
            Ok(choice) => self.send(slot, &request, choice, cx),
            Err(reason) => {
                self.end_of_attempt(slot, false, Span::ZERO, false, cx);
                self.refuse(slot, reason, cx);
            }
        }
    }

    /// An instance of the route that its breaker lets be asked.
    fn choose<S: Sink + ?Sized>(
        &mut self,
        slot: u32,
        request: &Request,
        why: &mut Why,
        cx: &Context<'_, S>,
    ) -> Result<Choice, Reason> {
        let Some(flight) = self.flights.get(&slot) else { return Err(Reason::BadRequest) };
        let found = self.door.find(&flight.service, &flight.path);
        let route = found.map_err(|_| Reason::ServiceNotFound)?;
        let pool = self.door.pool(route, flight.canary);
        let place_of = |link: &LinkId| self.door.list(pool).iter().position(|b| b.link == *link);
        let mut tried: Vec<usize> = flight.tried.iter().filter_map(place_of).collect();
        let (canary, mut open) = (flight.canary, 0);
        let mut key = String::new();
        cx.spell_key(request.key, &mut key);
        let client = IpAddr::V4(Ipv4Addr::from_bits(request.address));
        // Each turn leaves one instance more out.
        for _ in 0..=self.door.list(pool).len() {
            let ask = Ask { now: cx.now(), key: Some(key.as_bytes()), client, tried: &tried };
            match self.door.choose(route, canary, &ask, &mut self.picks, why) {
                Ok(target) => match self.ask_breaker(target.link, why, cx) {
                    Some(among) => return Ok(Choice { target, among }),
                    None => {
                        open += 1;
                        tried.push(target.place);
                        self.door.mark(target.link, false, cx.peer(target.link).weight);
                    }
                },
                Err(Refusal::ServiceNotFound(_)) => return Err(Reason::ServiceNotFound),
                Err(Refusal::NoHealthyEndpoints(_) | Refusal::Crash(_)) => break,
            }
        }
        self.mark_all(cx);
        match open {
            0 => Err(Reason::NoHealthyEndpoints),
            _ => {
                self.stopped(Gate::Breaker);
                Err(Reason::CircuitOpen)
            }
        }
    }

    /// Lets the marks be those of the cards again: whose breaker is open was left out meanwhile.
    fn mark_all<S: Sink + ?Sized>(&mut self, cx: &Context<'_, S>) {
        for link in &self.links {
            let card = cx.peer(*link);
            self.door.mark(*link, super::may_be_chosen(card), card.weight);
        }
    }

    /// How many are under way at an instance's breaker, with this one; nothing if it is open.
    fn ask_breaker<S: Sink + ?Sized>(
        &mut self,
        link: LinkId,
        why: &mut Why,
        cx: &Context<'_, S>,
    ) -> Option<u32> {
        let Some(breaker) = self.breakers.get_mut(&link) else { return Some(1) };
        let mut said = if why.wanted() { Why::on() } else { Why::off() };
        let verdict = breaker.admit(&guard::Ask::at(cx.now()), &mut self.tosses, &mut said);
        let among = breaker.under_way();
        super::why::add(&format!("breaker of {}", cx.peer(link).name), said, why);
        (verdict == Verdict::Pass).then_some(among)
    }

    fn send<S: Sink + ?Sized>(
        &mut self,
        slot: u32,
        request: &Request,
        Choice { target, among }: Choice,
        cx: &mut Context<'_, S>,
    ) {
        if !self.breakers.is_empty() {
            self.mark_all(cx);
            self.passed(Gate::Breaker);
        }
        let Target { link, pool, .. } = target;
        let Some(flight) = self.flights.get_mut(&slot) else { return };
        let card = cx.peer(link);
        let route = self.door.routes().find(&flight.service, &flight.path).unwrap_or_default();
        let serves = self
            .door
            .routes()
            .all()
            .get(route)
            .is_some_and(|route| route.serves(&card.name, &card.id));
        if let Some(count) = self.services.get_mut(route) {
            count.astray += u64::from(!serves);
            count.canary += u64::from(flight.canary);
        }
        let want = Want { op: request.op, key: request.key, width: request.width };
        let call = cx.call(Some(slot), want, request.stamp, link);
        flight.tried.push(link);
        let out = Out { call, link, pool, since: cx.now(), among, astray: !serves };
        flight.out = Some(out);
        self.calls.insert(call, (slot, self.doors));
        *self.sent.entry(link).or_default() += 1;
        self.door.sent(target);
        cx.wait_for_calls(slot);
        if let Some(span) = self.config.timeout() {
            let number = self.wait_for(slot, Wait::Answer, span, cx);
            self.with(slot, |flight| flight.wait = Some(number));
        }
    }

    /// An attempt has come back, perhaps too late.
    pub(super) fn back<S: Sink + ?Sized>(&mut self, call: u32, cx: &mut Context<'_, S>) {
        let Some(&answer) = cx.request(call) else { return };
        cx.end_call(call);
        let Some((slot, doors)) = self.calls.remove(&call) else {
            self.late += 1;
            return;
        };
        let Some(out) = self.take_out(slot) else { return };
        let astray = out.astray && answer.outcome == Outcome::Done;
        let connected = !unanswered(&answer);
        let took = cx.now().since(out.since);
        if doors == self.doors {
            let told = Answer { now: cx.now(), took, ok: connected };
            self.door.answered(out.pool, out.link, &told);
        }
        let ok = answer.outcome == Outcome::Done;
        self.tell_breaker(&out, ok, false, cx);
        self.end_of_attempt(slot, ok, took, false, cx);
        if self.config.timeout_ms > 0.0 {
            self.passed(Gate::Timeout);
        }
        match answer.outcome {
            _ if astray => self.refuse(slot, Reason::WrongService, cx),
            Outcome::Done => {
                self.count_answer(slot);
                cx.found(slot, answer.found, answer.stamp);
                self.let_go(slot, Outcome::Done, cx);
            }
            Outcome::Failed(reason, _) if may_help(reason) => {
                self.again(slot, answer.outcome, cx);
            }
            outcome => self.let_go(slot, outcome, cx),
        }
    }

    fn count_answer(&mut self, slot: u32) {
        let Some(Flight { service, path, .. }) = self.flights.get(&slot) else { return };
        let route = self.door.routes().find(service, path);
        if let Some(count) = route.and_then(|route| self.services.get_mut(route)) {
            count.answered += 1;
        }
    }

    /// The attempt that is out for a request is over: what it was, without its timer.
    fn take_out(&mut self, slot: u32) -> Option<Out> {
        let flight = self.flights.get_mut(&slot)?;
        if let Some(number) = flight.wait.take() {
            self.waits.remove(&number);
        }
        flight.out.take()
    }

    fn tell_breaker<S: Sink + ?Sized>(
        &mut self,
        out: &Out,
        ok: bool,
        dropped: bool,
        cx: &Context<'_, S>,
    ) {
        if let Some(breaker) = self.breakers.get_mut(&out.link) {
            let now = cx.now();
            let took = now.since(out.since);
            let ended = Ended { ok, dropped, among: out.among, ..Ended::well(now, took) };
            breaker.ended(&ended, &mut self.tosses);
        }
    }

    /// The budget hears how an attempt ended.
    fn end_of_attempt<S: Sink + ?Sized>(
        &mut self,
        slot: u32,
        ok: bool,
        took: Span,
        dropped: bool,
        cx: &Context<'_, S>,
    ) {
        let Some(retry) = self.flights.get(&slot).map(|flight| flight.retry) else { return };
        if let Some(budget) = &mut self.budget {
            let ended = Ended { ok, dropped, retry, ..Ended::well(cx.now(), took) };
            budget.ended(&ended, &mut self.tosses);
        }
    }

    /// The time is over, for an attempt or for all of them.
    pub(super) fn give_up<S: Sink + ?Sized>(
        &mut self,
        slot: u32,
        reason: Reason,
        cx: &mut Context<'_, S>,
    ) {
        let gate = if reason == Reason::DeadlinePassed { Gate::Deadline } else { Gate::Timeout };
        self.stopped(gate);
        if let Some(out) = self.take_out(slot) {
            // Its answer will be nobody's.
            let doors = self.calls.remove(&out.call).map(|(_, doors)| doors);
            let took = cx.now().since(out.since);
            if doors == Some(self.doors) {
                let told = Answer { now: cx.now(), took, ok: false };
                self.door.answered(out.pool, out.link, &told);
            }
            self.tell_breaker(&out, false, true, cx);
            self.end_of_attempt(slot, false, took, true, cx);
        } else {
            self.withdraw_retry(slot, cx);
        }
        self.explain_given_up(slot, reason, cx);
        match reason {
            Reason::DeadlinePassed => self.refuse(slot, reason, cx),
            _ => self.again(slot, Outcome::Pending, cx),
        }
    }

    /// A retry that a budget let pass never went ahead.
    fn withdraw_retry<S: Sink + ?Sized>(&mut self, slot: u32, cx: &Context<'_, S>) {
        let retry = self.flights.get(&slot).is_some_and(|flight| flight.retry);
        if let Some(budget) = self.budget.as_mut().filter(|_| retry) {
            budget.withdrawn(&guard::Withdrawn::given_up(cx.now(), cx.now()));
        }
    }

    /// An attempt came to nothing: another, if one is allowed. `outcome` is how it ended, if it
    /// did.
    fn again<S: Sink + ?Sized>(&mut self, slot: u32, outcome: Outcome, cx: &mut Context<'_, S>) {
        let Some(flight) = self.flights.get(&slot) else { return };
        if self.config.retries == 0 {
            return match outcome {
                Outcome::Pending => self.refuse(slot, Reason::TimedOut, cx),
                _ => self.let_go(slot, outcome, cx),
            };
        }
        let (retry, waited) = (flight.attempts, flight.waited);
        let mut why = cx.why(slot);
        let within = retry <= self.config.retries;
        let allowed = within && self.ask_budget(&mut why, cx);
        let wait = match allowed {
            true => self
                .config
                .waits()
                .map(|waits| waits.wait(retry, waited, &mut self.jitter, &mut why)),
            false => None,
        };
        if why.wanted() {
            self.title_again(retry, within, wait, &mut why, cx);
        }
        cx.decided(slot, why);
        let Some(wait) = wait else {
            self.stopped(Gate::Retry);
            return self.refuse(slot, Reason::RetriesUsedUp, cx);
        };
        self.passed(Gate::Retry);
        self.with(slot, |flight| (flight.waited, flight.retry) = (Some(wait), true));
        if wait == Span::ZERO {
            return self.attempt(slot, cx);
        }
        cx.wait(slot);
        let number = self.wait_for(slot, Wait::Retry, wait, cx);
        self.with(slot, |flight| flight.wait = Some(number));
    }

    fn ask_budget<S: Sink + ?Sized>(&mut self, why: &mut Why, cx: &Context<'_, S>) -> bool {
        let Some(budget) = &mut self.budget else { return true };
        let mut said = if why.wanted() { Why::on() } else { Why::off() };
        let verdict = budget.admit(&guard::Ask::at(cx.now()), &mut self.tosses, &mut said);
        super::why::add("budget", said, why);
        verdict == Verdict::Pass
    }
}

/// Was the connection refused or lost? Anything else is an answer.
fn unanswered(answer: &Request) -> bool {
    matches!(answer.outcome, Outcome::Failed(Reason::ConnectionRefused | Reason::ConnectionLost, _))
}

/// May another attempt come to something after this failure?
fn may_help(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::NoHealthyBackend
            | Reason::NoHealthyEndpoints
            | Reason::QueueFull
            | Reason::MemoryFull
            | Reason::ConnectionRefused
            | Reason::ConnectionLost
            | Reason::TimedOut
            | Reason::Shed
            | Reason::RateLimited
            | Reason::CircuitOpen
    )
}
