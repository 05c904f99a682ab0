//! A gateway: one door for many services, with filters that can be switched on one by one.
//!
//! Modelled: a table of routes by service and path; one balancer for all instances, as in the
//! course, so that requests land on servers of other services (which do not know what is asked
//! for), or one for each route; filters in the order in which a request meets them: tokens, a rate
//! limit, a limit of those under way, a canary's share, a breaker for each instance, a time limit
//! for each attempt, retries with backoff and budget, a deadline for all attempts together. Each
//! attempt is a call of the gateway's own: when its time is over the request goes on without it,
//! and the answer is dropped when it comes. The guards are those of [`crate::policy::guard`].
//!
//! The gateway decides in no time, and reads the marks that operators put on servers, as in the
//! course; that a server died it learns from requests that fail. Not modelled: encryption,
//! aggregation of several answers, caching.

mod attempt;
mod config;
mod filters;
mod params;
mod why;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use config::{GatewayConfig, Per};
pub use filters::{GATES, Gate};

use crate::policy::balance::Backend;
use crate::policy::gateway::Door;
use crate::policy::guard::{Guard, PerKey};
use crate::sim::{
    Card, Context, Event, LinkId, Outcome, Reason, Rng, Signal, Sink, Span, Time, What,
};
use crate::stats::Meter;

/// The timer of all that can be waited for.
const DUE: u8 = 0;
/// The most addresses, or services, with a limit of their own.
const KEYS_MAX: usize = 4_096;

/// What a request waits for here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// The rate limit lets it go on.
    Turn,
    /// The next attempt.
    Retry,
    /// The answer to an attempt, for no longer than this.
    Answer,
    /// All attempts together.
    Deadline,
}

/// An attempt that is out.
#[derive(Clone, Copy, Debug)]
struct Out {
    call: u32,
    link: LinkId,
    pool: usize,
    since: Time,
    /// How many were under way at the breaker.
    among: u32,
    /// Was it sent to a server of another service?
    astray: bool,
}

/// A request that has been let in.
#[derive(Clone, Debug)]
struct Flight {
    service: String,
    path: String,
    canary: bool,
    since: Time,
    /// How many were under way here, with it.
    among: u32,
    attempts: u32,
    tried: Vec<LinkId>,
    out: Option<Out>,
    /// How long the last wait between attempts was.
    waited: Option<Span>,
    /// The timers that are set for it.
    wait: Option<u32>,
    deadline: Option<u32>,
    /// Did a budget let its last attempt pass as a retry?
    retry: bool,
}

/// What a gate let through, and what it stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GateCount {
    /// Requests or attempts that went on.
    pub passed: u64,
    /// Those that did not.
    pub stopped: u64,
}

/// What became of a service's requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServiceCount {
    /// Requests for it.
    pub asked: u64,
    /// Answered by it.
    pub answered: u64,
    /// Attempts that went to servers of other services.
    pub astray: u64,
    /// Attempts that went to its canary.
    pub canary: u64,
}

/// What an operator says about an instance. That it is up, nobody says.
fn may_be_chosen(card: &Card) -> bool {
    card.healthy && !card.draining
}

/// A running gateway.
#[derive(Clone, Debug)]
pub struct Gateway {
    config: GatewayConfig,
    door: Door,
    /// Counts doors: what was sent through an earlier one is not under way behind this one.
    doors: u32,
    links: Vec<LinkId>,
    /// How the instances are called: by another name one may belong to another route.
    names: BTreeMap<LinkId, Arc<str>>,
    limiter: Option<PerKey>,
    places: Option<Box<dyn Guard>>,
    budget: Option<Box<dyn Guard>>,
    breakers: BTreeMap<LinkId, Box<dyn Guard>>,
    flights: BTreeMap<u32, Flight>,
    calls: BTreeMap<u32, (u32, u32)>,
    waits: BTreeMap<u32, (u32, Wait)>,
    numbers: u32,
    picks: Rng,
    tosses: Rng,
    jitter: Rng,
    gates: [GateCount; GATES.len()],
    services: Vec<ServiceCount>,
    sent: BTreeMap<LinkId, u64>,
    arrived: Meter,
    answered: u64,
    late: u64,
}

impl Gateway {
    /// A gateway called `id` in a run with this seed. Its instances come with its links.
    pub fn new(id: &str, seed: u64, config: GatewayConfig) -> Gateway {
        let door = Door::new(config.table(), config.entry(), config.shared);
        let mut made = Gateway {
            services: vec![ServiceCount::default(); door.routes().all().len()],
            door,
            doors: 0,
            config,
            links: Vec::new(),
            names: BTreeMap::new(),
            limiter: None,
            places: None,
            budget: None,
            breakers: BTreeMap::new(),
            flights: BTreeMap::new(),
            calls: BTreeMap::new(),
            waits: BTreeMap::new(),
            numbers: 0,
            picks: Rng::stream(seed, id, "picks"),
            tosses: Rng::stream(seed, id, "guards"),
            jitter: Rng::stream(seed, id, "waits"),
            gates: Default::default(),
            sent: BTreeMap::new(),
            arrived: Meter::default(),
            answered: 0,
            late: 0,
        };
        made.make_limiter();
        made.make_guards();
        made
    }

    /// New settings, for what comes from now on. Filters whose settings changed begin anew.
    pub fn configure<S: Sink + ?Sized>(&mut self, config: GatewayConfig, cx: &Context<'_, S>) {
        let before = std::mem::replace(&mut self.config, config);
        if !before.same_door(&self.config) {
            self.rebuild(cx);
        }
        if !before.same_limit(&self.config) {
            self.make_limiter();
        }
        if !before.same_guards(&self.config) {
            self.make_guards();
        }
    }

    /// The settings in force.
    pub fn config(&self) -> &GatewayConfig {
        &self.config
    }

    /// The table and the balancers.
    pub fn door(&self) -> &Door {
        &self.door
    }

    /// What each route's requests came to, in the table's order.
    pub fn services(&self) -> &[ServiceCount] {
        &self.services
    }

    /// What a gate let through and stopped.
    pub fn gate(&self, gate: Gate) -> GateCount {
        self.gates[gate as usize]
    }

    /// Attempts sent over a link.
    pub fn sent_to(&self, link: LinkId) -> u64 {
        self.sent.get(&link).copied().unwrap_or(0)
    }

    /// The links to the instances, oldest first.
    pub fn links(&self) -> &[LinkId] {
        &self.links
    }

    /// Attempts sent.
    pub fn sent(&self) -> u64 {
        self.sent.values().sum()
    }

    /// Attempts that went to a server of another service.
    pub fn astray(&self) -> u64 {
        self.services.iter().map(|service| service.astray).sum()
    }

    /// Requests that came, by rate and in all.
    pub fn arrived(&self) -> &Meter {
        &self.arrived
    }

    /// Requests that went back answered.
    pub fn answered(&self) -> u64 {
        self.answered
    }

    /// Answers that came after their attempt had been given up.
    pub fn late(&self) -> u64 {
        self.late
    }

    /// Requests that wait here, and those for which an attempt is out.
    pub fn in_hand(&self) -> (u32, u32) {
        let out = self.flights.values().filter(|flight| flight.out.is_some()).count() as u32;
        (self.flights.len() as u32 - out, out)
    }

    /// The breaker of an instance.
    pub fn breaker(&self, link: LinkId) -> Option<&dyn Guard> {
        self.breakers.get(&link).map(|breaker| &**breaker)
    }

    pub(super) fn on_event<S: Sink + ?Sized>(&mut self, event: Event, cx: &mut Context<'_, S>) {
        match event.what {
            What::Arrive => self.arrive(event.arg, cx),
            What::Reply => self.back(event.arg, cx),
            What::Timer(DUE) => self.due(event.arg, cx),
            What::Timer(_) | What::Planned => {}
        }
    }

    pub(super) fn on_signal<S: Sink + ?Sized>(&mut self, signal: Signal, cx: &mut Context<'_, S>) {
        match signal {
            Signal::LinkAdded(link) => {
                self.links.push(link);
                self.enter(link, cx);
            }
            Signal::LinkRemoved(link) => {
                self.links.retain(|one| *one != link);
                self.names.remove(&link);
                self.door.leave(link);
                self.breakers.remove(&link);
            }
            Signal::PeerChanged(link) => self.peer_changed(link, cx),
            Signal::Crash => self.crash(cx),
            Signal::Restart => {
                self.rebuild(cx);
                self.make_limiter();
                self.make_guards();
            }
            Signal::SendOne(..)
            | Signal::RefuseWrites(_)
            | Signal::Slow(_)
            | Signal::Part(..)
            | Signal::Parcel
            | Signal::Flush
            | Signal::CheckClock(_)
            | Signal::StoodStill(_) => {}
        }
    }

    fn enter<S: Sink + ?Sized>(&mut self, link: LinkId, cx: &Context<'_, S>) {
        let card = cx.peer(link);
        let backend = Backend {
            link,
            joined: cx.now(),
            healthy: may_be_chosen(card),
            in_flight_max: card.in_flight_max,
            backup: card.backup,
            ..Backend::new(0, &card.name, card.weight)
        };
        self.names.insert(link, card.name.clone());
        self.door.enter(backend, &card.id);
        if let Some(breaker) = self.config.new_breaker() {
            self.breakers.entry(link).or_insert(breaker);
        }
    }

    /// An instance is marked anew, weighs something else, or has another name.
    fn peer_changed<S: Sink + ?Sized>(&mut self, link: LinkId, cx: &Context<'_, S>) {
        let card = cx.peer(link);
        match self.names.get(&link).is_some_and(|name| *name == card.name) {
            true => self.door.mark(link, may_be_chosen(card), card.weight),
            false => self.rebuild(cx),
        }
    }

    /// A new table, with new balancers that know nothing of what was.
    fn rebuild<S: Sink + ?Sized>(&mut self, cx: &Context<'_, S>) {
        let table = self.config.table();
        if table != *self.door.routes() {
            self.services = vec![ServiceCount::default(); table.all().len()];
        }
        self.door = Door::new(table, self.config.entry(), self.config.shared);
        self.doors += 1;
        for link in self.links.clone() {
            self.enter(link, cx);
        }
    }

    fn make_limiter(&mut self) {
        self.limiter = self.config.limiter().map(|guard| PerKey::new(guard, KEYS_MAX));
    }

    fn make_guards(&mut self) {
        (self.places, self.budget) = (self.config.places(), self.config.new_budget());
        let made = |link: &LinkId| Some((*link, self.config.new_breaker()?));
        self.breakers = self.links.iter().filter_map(made).collect();
    }

    /// What it holds is lost; what is out comes back to nobody.
    fn crash<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        self.calls.clear();
        self.waits.clear();
        for slot in std::mem::take(&mut self.flights).into_keys() {
            cx.fail(slot, Reason::ConnectionLost);
        }
    }

    /// Sets a timer for a request and gives its number.
    fn wait_for<S: Sink + ?Sized>(
        &mut self,
        slot: u32,
        what: Wait,
        span: Span,
        cx: &mut Context<'_, S>,
    ) -> u32 {
        self.numbers = self.numbers.wrapping_add(1);
        self.waits.insert(self.numbers, (slot, what));
        cx.wake_in(span, DUE, self.numbers);
        self.numbers
    }

    /// A timer rings, if anybody still waits for it.
    fn due<S: Sink + ?Sized>(&mut self, number: u32, cx: &mut Context<'_, S>) {
        let Some((slot, what)) = self.waits.remove(&number) else { return };
        match what {
            Wait::Turn | Wait::Retry => self.attempt(slot, cx),
            Wait::Answer => self.give_up(slot, Reason::TimedOut, cx),
            Wait::Deadline => self.give_up(slot, Reason::DeadlinePassed, cx),
        }
    }

    /// The request leaves, with this outcome: as it failed elsewhere, or here.
    fn let_go<S: Sink + ?Sized>(&mut self, slot: u32, outcome: Outcome, cx: &mut Context<'_, S>) {
        let ok = outcome == Outcome::Done;
        self.answered += u64::from(ok);
        self.forget(slot, ok, cx);
        cx.reply(slot, outcome);
    }

    /// The request fails here.
    fn refuse<S: Sink + ?Sized>(&mut self, slot: u32, reason: Reason, cx: &mut Context<'_, S>) {
        self.forget(slot, false, cx);
        cx.fail(slot, reason);
    }
}
