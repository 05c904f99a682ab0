//! The gates that a request passes on its way in.

use super::{Flight, Gateway, GatewayConfig, Per, Wait};
use crate::policy::gateway::split;
use crate::policy::guard::{Ask, Ended, Verdict, Withdrawn};
use crate::policy::hash::splitmix64::SplitMix64;
use crate::sim::request::HOPS_MAX;
use crate::sim::{Context, Reason, Sink, Time, Why};

/// A gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Gate {
    /// Is the service known?
    Route,
    /// Is there a token?
    Auth,
    /// Do no more come than the limit allows?
    Limit,
    /// Is there room among those under way?
    Room,
    /// Stable or canary?
    Canary,
    /// Is there an instance whose breaker is closed?
    Breaker,
    /// Did the attempt end in time?
    Timeout,
    /// May there be another attempt?
    Retry,
    /// Is the time for all attempts together not over?
    Deadline,
}

/// All of them, in the order in which a request meets them.
pub const GATES: [Gate; 9] = [
    Gate::Route,
    Gate::Auth,
    Gate::Limit,
    Gate::Room,
    Gate::Canary,
    Gate::Breaker,
    Gate::Timeout,
    Gate::Retry,
    Gate::Deadline,
];

impl Gate {
    /// Its name on the screen.
    pub fn name(self) -> &'static str {
        match self {
            Gate::Route => "route",
            Gate::Auth => "token",
            Gate::Limit => "limit",
            Gate::Room => "room",
            Gate::Canary => "canary",
            Gate::Breaker => "breaker",
            Gate::Timeout => "timeout",
            Gate::Retry => "retry",
            Gate::Deadline => "deadline",
        }
    }

    /// Is it switched on?
    pub fn is_on(self, config: &GatewayConfig) -> bool {
        match self {
            Gate::Route => true,
            Gate::Auth => config.auth,
            Gate::Limit => !config.limit.is_empty(),
            Gate::Room => config.most > 0,
            Gate::Canary => config.canary > 0.0 && !config.shared,
            Gate::Breaker => !config.breaker.is_empty(),
            Gate::Timeout => config.timeout_ms > 0.0,
            Gate::Retry => config.retries > 0,
            Gate::Deadline => config.deadline_ms > 0.0,
        }
    }
}

/// What a hash of the address is used for, so that the same addresses are not drawn for both.
#[derive(Clone, Copy)]
pub(super) enum Lot {
    Token = 1,
    Canary = 2,
}

/// A number from 0 to 9999 that an address always draws: the first output of SplitMix64 whose state
/// is `lot * 2^32 + address`, mod 10000.
pub(super) fn lot(lot: Lot, address: u32) -> u64 {
    let state = ((lot as u64) << 32) | u64::from(address);
    SplitMix64::new(state).next().map_or(0, |drawn| drawn % 10_000)
}

/// Has the lot fallen on an address, when it falls on so many of a hundred?
pub(super) fn falls(lot: u64, percent: f64) -> bool {
    (lot as f64) < percent * 100.0
}

impl Gateway {
    fn count(&mut self, gate: Gate, passes: bool) -> bool {
        let count = &mut self.gates[gate as usize];
        match passes {
            true => count.passed += 1,
            false => count.stopped += 1,
        }
        passes
    }

    pub(super) fn stopped(&mut self, gate: Gate) {
        self.count(gate, false);
    }

    pub(super) fn passed(&mut self, gate: Gate) {
        self.count(gate, true);
    }

    /// A request comes to the first gate.
    pub(super) fn arrive<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        let now = cx.now();
        self.arrived.mark(now);
        let Some(&request) = cx.request(slot) else { return };
        if cx.came_round(slot) || request.way().len() >= HOPS_MAX {
            return cx.fail(slot, Reason::BadRequest);
        }
        let mut key = String::new();
        cx.spell_service(slot, &mut key);
        let (service, path) = split(&key);
        let mut why = cx.why(slot);
        let verdict = self.gates(service, &path, request.address, now, &mut why);
        if why.wanted() {
            self.title(&verdict, service, &path, &mut why, cx);
        }
        cx.decided(slot, why);
        match verdict {
            Err(reason) => cx.fail(slot, reason),
            Ok((canary, wait)) => {
                let flight = Flight {
                    service: service.to_owned(),
                    path,
                    canary,
                    since: now,
                    among: self.places.as_ref().map_or(1, |places| places.under_way()),
                    attempts: 0,
                    tried: Vec::new(),
                    out: None,
                    waited: None,
                    wait: None,
                    deadline: None,
                    retry: false,
                };
                self.flights.insert(slot, flight);
                if let Some(span) = self.config.deadline() {
                    let number = self.wait_for(slot, Wait::Deadline, span, cx);
                    self.with(slot, |flight| flight.deadline = Some(number));
                }
                match wait {
                    None => self.attempt(slot, cx),
                    Some(span) => {
                        cx.wait(slot);
                        let number = self.wait_for(slot, Wait::Turn, span, cx);
                        self.with(slot, |flight| flight.wait = Some(number));
                    }
                }
            }
        }
    }

    /// Does something with a flight that is there.
    pub(super) fn with(&mut self, slot: u32, change: impl FnOnce(&mut Flight)) {
        if let Some(flight) = self.flights.get_mut(&slot) {
            change(flight);
        }
    }

    /// The gates on the way in: who may go on (to the canary? after which wait?), or why not.
    fn gates(
        &mut self,
        service: &str,
        path: &str,
        address: u32,
        now: Time,
        why: &mut Why,
    ) -> Result<(bool, Option<crate::sim::Span>), Reason> {
        let route = self.door.find(service, path);
        self.explain_route(service, path, why);
        if !self.count(Gate::Route, route.is_ok()) {
            return Err(Reason::ServiceNotFound);
        }
        let route = route.unwrap_or_default();
        if let Some(count) = self.services.get_mut(route) {
            count.asked += 1;
        }
        if self.config.auth {
            let drawn = lot(Lot::Token, address);
            let passes = !falls(drawn, self.config.no_token);
            self.explain_token(drawn, passes, why);
            if !self.count(Gate::Auth, passes) {
                return Err(Reason::NotAllowed);
            }
        }
        let wait = self.ask_limiter(service, address, now, why)?;
        self.ask_for_room(service, address, now, why)?;
        let canary = self.draw_canary(route, address, why);
        Ok((canary, wait))
    }

    /// Who shares a limit with a request, as a key.
    fn limit_key(&self, service: &str, address: u32) -> Vec<u8> {
        match self.config.per {
            Per::All => Vec::new(),
            Per::Service => service.as_bytes().to_vec(),
            Per::Address => address.to_be_bytes().to_vec(),
        }
    }

    fn ask_limiter(
        &mut self,
        service: &str,
        address: u32,
        now: Time,
        why: &mut Why,
    ) -> Result<Option<crate::sim::Span>, Reason> {
        let key = self.limit_key(service, address);
        let Some(limiter) = &mut self.limiter else { return Ok(None) };
        let mut said = if why.wanted() { Why::on() } else { Why::off() };
        let verdict = limiter.admit(&key, &Ask::at(now), &mut self.tosses, &mut said);
        super::why::add("limit", said, why);
        let passes = !matches!(verdict, Verdict::Refuse(_));
        match (self.count(Gate::Limit, passes), verdict) {
            (false, _) => Err(Reason::RateLimited),
            (true, Verdict::Delay(span)) => Ok(Some(span)),
            (true, _) => Ok(None),
        }
    }

    fn ask_for_room(
        &mut self,
        service: &str,
        address: u32,
        now: Time,
        why: &mut Why,
    ) -> Result<(), Reason> {
        let Some(places) = &mut self.places else { return Ok(()) };
        let mut said = if why.wanted() { Why::on() } else { Why::off() };
        let verdict = places.admit(&Ask::at(now), &mut self.tosses, &mut said);
        super::why::add("room", said, why);
        let passes = verdict == Verdict::Pass;
        if !self.count(Gate::Room, passes) {
            let key = self.limit_key(service, address);
            if let Some(limiter) = &mut self.limiter {
                limiter.withdrawn(&key, &Withdrawn::rejected(now));
            }
            return Err(Reason::Shed);
        }
        Ok(())
    }

    /// Does the request go to its route's canary?
    fn draw_canary(&mut self, route: usize, address: u32, why: &mut Why) -> bool {
        let has_one = self.door.routes().all().get(route).is_some_and(|r| !r.canary.is_empty());
        if !has_one || !Gate::Canary.is_on(&self.config) {
            return false;
        }
        let drawn = lot(Lot::Canary, address);
        let canary = falls(drawn, self.config.canary);
        self.explain_canary(drawn, canary, why);
        self.count(Gate::Canary, !canary);
        canary
    }

    /// The request is not under way any more: the guards hear of it, its timers ring for nobody.
    pub(super) fn forget<S: Sink + ?Sized>(&mut self, slot: u32, ok: bool, cx: &Context<'_, S>) {
        let Some(flight) = self.flights.remove(&slot) else { return };
        for number in [flight.wait, flight.deadline].into_iter().flatten() {
            self.waits.remove(&number);
        }
        let (now, address) = (cx.now(), cx.request(slot).map_or(0, |request| request.address));
        let took = now.since(flight.since);
        let ended = Ended { ok, among: flight.among, ..Ended::well(now, took) };
        if let Some(places) = &mut self.places {
            places.ended(&ended, &mut self.tosses);
        }
        let key = self.limit_key(&flight.service, address);
        if let Some(limiter) = &mut self.limiter {
            limiter.ended(&key, &ended, &mut self.tosses);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lots_fall_on_their_share_of_addresses_and_not_on_the_same_for_both() {
        let fallen = |which| (0..10_000).filter(move |a| falls(lot(which, *a), 20.0));
        let (tokens, canaries) = (fallen(Lot::Token).count(), fallen(Lot::Canary).count());
        assert!((1_900..2_100).contains(&tokens) && (1_900..2_100).contains(&canaries));
        let both = fallen(Lot::Token).filter(|a| falls(lot(Lot::Canary, *a), 20.0)).count();
        assert!((320..480).contains(&both), "{both}: a fifth of a fifth");
        assert!(!falls(0, 0.0) && falls(9_999, 100.0));
    }
}
