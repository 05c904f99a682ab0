//! A load balancer: asks its strategy which backend gets the request, and passes it on.
//!
//! Modelled: one list of backends in the order in which they were wired, counts of requests in
//! flight per backend; health as in the course (a mark on the server that the balancer reads at
//! once, also when a server crashes), or found out by checks or from the requests themselves
//! (`believe`); a circuit breaker and a limit on calls at once per server; a limit of requests in
//! flight per server and backup servers, for the strategies that know them; another server for a
//! request whose connection was refused or lost, as nginx's `proxy_next_upstream error`; a
//! queue for requests that no server has room for, as HAProxy's (`queue`).

mod believe;
mod check;
mod choose;
mod config;
mod health;
mod queue;

use std::collections::BTreeMap;

pub use believe::{Detection, HealthCounts};
pub use config::BalancerConfig;
pub use health::{Health, HealthConfig};
pub use queue::QueueConfig;

use super::guarded::{Door, Passed, end_of};
use crate::policy::balance::{self, Answer, Ask, Backend, Memory, Pick};
use crate::sim::{
    Context, Event, LinkId, NodeId, Outcome, Place, Reason, Request, Rng, Signal, Sink, Time, What,
    Why,
};
use crate::stats::Meter;
use believe::Belief;
use queue::WaitingLine;

/// Timers: a check is due; a check has taken too long; a server that was left out may come back;
/// outlier detection looks at all; a request may have waited as long as it may.
const CHECK: u8 = 0;
const TIMEOUT: u8 = 1;
const REVIEW: u8 = 2;
const INTERVAL: u8 = 3;
const WAITED: u8 = 4;

/// A running load balancer.
#[derive(Clone, Debug)]
pub struct Balancer {
    config: BalancerConfig,
    policy: Box<dyn balance::Balancer>,
    rng: Rng,
    /// How many backends ever joined.
    joined: u32,
    backends: Vec<Backend>,
    /// How many requests each backend was sent, in list order.
    picks: Vec<u64>,
    /// Place in the list by link number; `u16::MAX` for links that are not in it.
    places: Vec<u16>,
    /// When each request was sent on, by its slot: kept whatever the strategy, because the next one
    /// may want to know.
    sent_at: Vec<Sent>,
    /// Counts restarts: answers to requests sent before the last one are nobody's any more.
    epoch: u32,
    /// The requests that failed with a backend and may try another, by their slots: the numbers of
    /// the backends they tried.
    tried: BTreeMap<u32, Vec<u32>>,
    retried: u64,
    /// The key of the request being looked at, spelled out.
    key: String,
    picked: Meter,
    refused: u64,
    belief: Belief,
    /// How many times as long the pause between two checks is as it is set.
    check_clock: u64,
    /// The guards before each, in list order; nobody where there are none.
    doors: Vec<Door>,
    guards: Rng,
    /// Requests that no server's guard let pass.
    stopped: u64,
    /// Those who wait for a server that has room.
    line: WaitingLine,
    /// The last words of a strategy that fell over.
    last_words: Option<String>,
}

impl Balancer {
    /// A balancer called `id` in a run with this seed. Its backends come with its links.
    pub fn new(id: &str, seed: u64, config: BalancerConfig) -> Balancer {
        Balancer {
            rng: Rng::stream(seed, id, "picks"),
            belief: Belief::new(id, seed, &config.health),
            check_clock: 1,
            doors: Vec::new(),
            guards: Rng::stream(seed, id, "guards"),
            stopped: 0,
            line: WaitingLine::default(),
            joined: 0,
            policy: make(&config),
            config,
            backends: Vec::new(),
            picks: Vec::new(),
            places: Vec::new(),
            sent_at: Vec::new(),
            epoch: 0,
            tried: BTreeMap::new(),
            retried: 0,
            key: String::new(),
            picked: Meter::default(),
            refused: 0,
            last_words: None,
        }
    }

    /// New settings, from the next request on. Another strategy begins with no history, and so do
    /// other guards and another way to find out about health.
    pub fn configure<S: Sink + ?Sized>(&mut self, config: BalancerConfig, cx: &mut Context<'_, S>) {
        let old = std::mem::replace(&mut self.config, config);
        let mut same = old.clone();
        same.tries = self.config.tries;
        (same.health, same.queue) = (self.config.health, self.config.queue);
        same.guards = self.config.guards.clone();
        if same != self.config {
            self.policy = make(&self.config);
            introduce(self.policy.as_mut(), &self.backends);
        }
        if old.guards != self.config.guards {
            self.doors.clear();
            self.set_doors();
        }
        if old.health != self.config.health {
            self.believe_anew(cx);
        }
        if old.queue.connections != self.config.queue.connections {
            for place in 0..self.backends.len() {
                self.describe(place, cx);
                self.policy.changed(place, &self.backends);
            }
        }
        self.look_at_line(cx);
    }

    /// One door for each backend, where there are guards.
    fn set_doors(&mut self) {
        if !self.config.guards.is_off() {
            let config = &self.config.guards;
            self.doors.resize_with(self.backends.len(), || Door::new(config));
        }
    }

    /// The settings in force.
    pub fn config(&self) -> &BalancerConfig {
        &self.config
    }

    /// The list, in order.
    pub fn backends(&self) -> &[Backend] {
        &self.backends
    }

    /// Requests sent to each, in list order.
    pub fn picks(&self) -> &[u64] {
        &self.picks
    }

    /// What the strategy keeps between picks, as it stands at `now`.
    pub fn memory(&self, now: Time) -> Memory {
        self.policy.memory(&self.backends, now)
    }

    /// The place in the list that the next request would get, if it came at `now` with no key from
    /// no known address. Changes nothing: a copy is asked.
    pub fn next(&self, now: Time) -> Option<usize> {
        let ask = Ask { now, ..Ask::NOTHING };
        let mut policy = self.policy.clone();
        match policy.pick(&ask, &self.backends, &mut self.rng.clone(), &mut Why::off()) {
            Pick::Backend(place) => Some(place),
            Pick::Nobody | Pick::Crash(_) => None,
        }
    }

    /// Picks, by rate and in all.
    pub fn picked(&self) -> &Meter {
        &self.picked
    }

    /// Second and later tries with another server.
    pub fn retried(&self) -> u64 {
        self.retried
    }

    /// Requests for which nobody could be chosen.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Requests that no server's circuit breaker or limit let pass.
    pub fn stopped(&self) -> u64 {
        self.stopped
    }

    /// How the guards before the server at this place stand; nothing where there are none.
    pub fn guards_state(&self, place: usize, now: Time) -> String {
        self.doors.get(place).map_or(String::new(), |door| door.state(now))
    }

    /// The last words of a strategy that fell over, until it is started again.
    pub fn last_words(&self) -> Option<&str> {
        self.last_words.as_deref()
    }

    #[inline]
    pub(super) fn on_event<S: Sink + ?Sized>(&mut self, event: Event, cx: &mut Context<'_, S>) {
        match event.what {
            What::Arrive => self.choose(event.arg, cx),
            What::Reply => {
                let Some(request) = cx.request(event.arg) else { return };
                if request.is_call && request.path().is_empty() {
                    self.check_is_back(event.arg, cx);
                    return self.look_if_stale(cx);
                }
                let outcome = request.outcome;
                if let Some(link) = came_over(request)
                    && let Some(place) = self.place_of(link)
                {
                    let dead = unanswered(outcome, link, cx.far_end(link));
                    self.answered(place, event.arg, (outcome, !dead), cx);
                    self.serve_line(place, cx);
                    if dead && self.may_try_another(place, event.arg) {
                        self.choose(event.arg, cx);
                        return self.look_if_stale(cx);
                    }
                }
                if !self.tried.is_empty() {
                    self.tried.remove(&event.arg);
                }
                cx.pass_back(event.arg);
            }
            What::Timer(CHECK) => self.check_due(event.arg, cx),
            What::Timer(TIMEOUT) => self.check_timed_out(event.arg, cx),
            What::Timer(REVIEW) => self.review(cx),
            What::Timer(INTERVAL) => self.look_at_all(event.arg, cx),
            What::Timer(WAITED) => self.waited_long(event.arg, cx),
            What::Timer(_) | What::Planned => {}
        }
        self.look_if_stale(cx);
    }

    #[inline]
    fn look_if_stale<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        if self.line.stale {
            self.look_at_line(cx);
        }
    }

    pub(super) fn on_signal<S: Sink + ?Sized>(&mut self, signal: Signal, cx: &mut Context<'_, S>) {
        match signal {
            Signal::LinkAdded(link) => self.add(link, cx),
            Signal::LinkRemoved(link) => {
                self.remove(link);
                self.line.stale = true;
            }
            Signal::PeerChanged(link) => {
                if let Some(place) = self.place_of(link) {
                    self.card_changed(place, cx);
                    self.line.stale = true;
                }
            }
            Signal::Crash => {
                self.belief.stop();
                self.lose_line(cx);
            }
            Signal::Restart => self.forget(cx),
            Signal::CheckClock(factor) => self.check_clock = u64::from(factor),
            Signal::SendOne(..)
            | Signal::RefuseWrites(_)
            | Signal::Slow(_)
            | Signal::Part(..)
            | Signal::Parcel
            | Signal::Flush
            | Signal::StoodStill(_) => {}
        }
        self.look_if_stale(cx);
    }

    /// A request is on its way to a backend.
    fn sent<S: Sink + ?Sized>(
        &mut self,
        place: usize,
        slot: u32,
        passed: Passed,
        cx: &mut Context<'_, S>,
    ) {
        self.backends[place].in_flight += 1;
        let slot = slot as usize;
        let sent = Sent { at: cx.now(), epoch: self.epoch, passed };
        if self.sent_at.len() <= slot {
            self.sent_at.resize(slot + 1, sent);
        }
        self.sent_at[slot] = sent;
        self.policy.sent(place, &self.backends);
        self.believe_sent(place, cx);
    }

    /// A request is back from a backend: with which outcome, and whether the server answered at
    /// all.
    fn answered<S: Sink + ?Sized>(
        &mut self,
        place: usize,
        slot: u32,
        (outcome, ok): (Outcome, bool),
        cx: &mut Context<'_, S>,
    ) {
        let now = cx.now();
        let sent = self.sent_at.get(slot as usize).copied();
        let Some(sent) = sent.filter(|sent| sent.epoch == self.epoch) else { return };
        let backend = &mut self.backends[place];
        backend.in_flight = backend.in_flight.saturating_sub(1);
        let took = now.since(sent.at);
        self.policy.answered(place, &Answer { now, took, ok }, &self.backends);
        if let Some(door) = self.doors.get_mut(place) {
            door.ended(sent.passed, end_of(now, took, outcome), &mut self.guards);
        }
        self.believe_answered(place, (outcome, ok), cx);
    }

    fn add<S: Sink + ?Sized>(&mut self, link: LinkId, cx: &mut Context<'_, S>) {
        let card = cx.peer(link);
        self.joined += 1;
        let new = Backend::new(self.joined, &card.name, card.weight);
        let healthy = self.believe_newcomer(card);
        self.backends.push(Backend { link, healthy, joined: cx.now(), ..new });
        self.describe(self.backends.len() - 1, cx);
        self.line.stale = true;
        self.picks.push(0);
        self.policy.added(&self.backends);
        self.index();
        self.set_doors();
        self.watch(link, cx);
    }

    fn remove(&mut self, link: LinkId) {
        if let Some(place) = self.place_of(link) {
            self.backends.remove(place);
            self.picks.remove(place);
            self.policy.removed(place, &self.backends);
            self.index();
            if place < self.doors.len() {
                self.doors.remove(place);
            }
            self.belief.removed(place);
        }
    }

    /// Reads what a server's card says, but for its health.
    fn describe<S: Sink + ?Sized>(&mut self, place: usize, cx: &Context<'_, S>) {
        let backend = &mut self.backends[place];
        let card = cx.peer(backend.link);
        (backend.name, backend.weight, backend.backup) =
            (card.name.clone(), card.weight, card.backup);
        backend.in_flight_max = match card.in_flight_max {
            0 => self.config.queue.connections,
            own => own,
        };
    }

    fn index(&mut self) {
        self.places.clear();
        for (place, backend) in self.backends.iter().enumerate() {
            let number = usize::from(backend.link.0);
            if self.places.len() <= number {
                self.places.resize(number + 1, u16::MAX);
            }
            self.places[number] = place as u16;
        }
    }

    fn place_of(&self, link: LinkId) -> Option<usize> {
        let place = *self.places.get(usize::from(link.0))?;
        (place != u16::MAX).then_some(usize::from(place))
    }

    /// As after a restart: no history, nothing in flight, the same list.
    fn forget<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        self.policy = make(&self.config);
        self.epoch += 1;
        self.tried.clear();
        for backend in &mut self.backends {
            (backend.in_flight, backend.joined) = (0, cx.now());
        }
        introduce(self.policy.as_mut(), &self.backends);
        self.last_words = None;
        self.doors.clear();
        self.set_doors();
        self.believe_anew(cx);
    }
}

/// When a request was sent on, and in which life of the balancer.
#[derive(Clone, Copy, Debug)]
struct Sent {
    at: Time,
    epoch: u32,
    /// How the guards stood.
    passed: Passed,
}

/// Was the connection to the server at the end of this link refused or lost? An error from further
/// behind is an answer.
fn unanswered(outcome: Outcome, link: LinkId, server: NodeId) -> bool {
    let Outcome::Failed(Reason::ConnectionRefused | Reason::ConnectionLost, place) = outcome else {
        return false;
    };
    [Place::Going(link), Place::Returning(link), Place::At(server)].contains(&place)
}

fn make(config: &BalancerConfig) -> Box<dyn balance::Balancer> {
    (config.entry().make)(config.tuning.of(config.strategy))
}

/// Tells a strategy without history about everybody in the list.
fn introduce(policy: &mut dyn balance::Balancer, backends: &[Backend]) {
    (1..=backends.len()).for_each(|joined| policy.added(&backends[..joined]));
}

/// The link over which an answer has just come.
fn came_over(request: &Request) -> Option<LinkId> {
    match (request.place, request.outcome) {
        (Place::Returning(link) | Place::Going(link), _) => Some(link),
        (_, Outcome::Failed(_, Place::Going(link))) => Some(link),
        _ => None,
    }
}
