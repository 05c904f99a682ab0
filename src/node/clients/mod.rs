//! Clients: where requests come from.
//!
//! Modelled: an open loop (Poisson, evenly spaced, in bursts, on a ramp, over a day, or at pasted
//! instants; the next request does not wait for the answer to the last), or a closed one: users who
//! think, ask and wait (`users`), or one after another as in the course's demo program. Keys are
//! drawn from `user:0` to `user:n-1`: all alike, by Zipf's law, mostly from a hot set, or one after
//! the other; or taken from a pasted list. Client addresses are drawn from so many, and a user
//! keeps its own; a mix of services, for gateways. A share of the
//! requests writes, deletes, or asks for a run of keys. Answers are judged for consistency, an
//! address being a session. A request can be asked in attempts, with time limits, retries, a budget
//! for them, hedges, a deadline, a circuit breaker and a limit on calls at once (`attempts`). Not
//! modelled: connections.
//!
//! Formulas: Poisson arrivals have exponential gaps with mean 1 / rate, and where the rate changes
//! as many requests as there is area under it (`curve`); by Zipf's law the k-th key is asked for in
//! proportion to 1 / k^s.

mod attempts;
mod calling;
mod config;
mod curve;
mod flights;
mod listed;
mod pace;
mod pacing;
mod services;
mod users;

pub use calling::CallConfig;
pub use config::{Arrivals, ClientsConfig, Popularity};
pub use curve::Curve;
pub use flights::AttemptCounts;
pub use pace::{PaceConfig, Think};

use crate::sim::{
    Context, Dist, Event, Found, Key, LinkId, Op, Outcome, Reason, Request, Rng, Signal, Sink,
    Span, Time, Want, What, Zipf,
};
use crate::stats::judge::{Judge, Seen};
use crate::stats::{Latency, Meter};
use flights::Attempts;
use pacing::{Made, Pacing};

/// Timers: the next request; something about a request that is asked in attempts; a user.
const NEXT: u8 = 0;
const ATTEMPT: u8 = 1;
const USER: u8 = 2;

/// How long clients who wait for their answers pause at least after a request that took no time.
const AFTER_REFUSAL: Span = Span::from_millis(1);

/// A running group of clients.
#[derive(Clone, Debug)]
pub struct Clients {
    config: ClientsConfig,
    gap: Dist,
    way: Option<LinkId>,
    arrivals: Rng,
    keys: Rng,
    zipf: Zipf,
    /// Decides what a request asks for.
    mix: Rng,
    addresses: Rng,
    services: services::Mix,
    judge: Judge,
    /// Timers of earlier settings carry an older number and are ignored.
    epoch: u32,
    generated: u32,
    /// The request whose answer is waited for, when they go one after another.
    awaited: Option<u64>,
    latency: Latency,
    sent: Meter,
    answered: Meter,
    failed: u64,
    attempts: Attempts,
    pacing: Pacing,
    /// When a request last failed in no time.
    failed_at_once: Option<Time>,
}

impl Clients {
    /// Clients called `id` in a run with this seed.
    pub fn new(id: &str, seed: u64, config: ClientsConfig) -> Clients {
        Clients {
            gap: config.gap(),
            zipf: Zipf::new(config.keys, config.zipf_s),
            attempts: Attempts::new(id, seed, &config),
            pacing: Pacing::new(id, seed),
            config,
            way: None,
            arrivals: Rng::stream(seed, id, "arrivals"),
            keys: Rng::stream(seed, id, "keys"),
            mix: Rng::stream(seed, id, "mix"),
            services: services::Mix::new(Rng::stream(seed, id, "services")),
            judge: Judge::default(),
            addresses: Rng::stream(seed, id, "addresses"),
            epoch: 0,
            generated: 0,
            awaited: None,
            failed_at_once: None,
            latency: Latency::default(),
            sent: Meter::default(),
            answered: Meter::default(),
            failed: 0,
        }
    }

    /// New settings, from now on. A change of pace draws the next gap anew.
    pub fn configure<S: Sink + ?Sized>(&mut self, config: ClientsConfig, cx: &mut Context<'_, S>) {
        let had_ended = self.ended();
        self.gap = config.gap();
        self.zipf = Zipf::new(config.keys, config.zipf_s);
        self.attempts.configure(&self.config, &config);
        self.services.set(&config.services, |name| cx.word(name));
        let old = std::mem::replace(&mut self.config, config);
        self.read_lists(Some(&old), cx);
        if !old.same_pace(&self.config) {
            self.change_pace(&old);
            self.restart_timer(cx);
        } else if had_ended != self.ended() {
            self.restart_timer(cx);
        }
    }

    /// Latencies of all answered requests.
    pub fn latency(&self) -> &Latency {
        &self.latency
    }

    /// Requests sent, by rate and in all.
    pub fn sent(&self) -> &Meter {
        &self.sent
    }

    /// Requests answered, by rate and in all.
    pub fn answered(&self) -> &Meter {
        &self.answered
    }

    /// What was found about the consistency of the answers.
    pub fn judge(&self) -> &Judge {
        &self.judge
    }

    /// Requests that failed.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// The settings in force.
    pub fn config(&self) -> &ClientsConfig {
        &self.config
    }

    pub(super) fn start<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        self.services.set(&self.config.services, |name| cx.word(name));
        self.read_lists(None, cx);
        self.restart_timer(cx);
    }

    #[inline]
    pub(super) fn on_event<S: Sink + ?Sized>(&mut self, event: Event, cx: &mut Context<'_, S>) {
        match event.what {
            What::Timer(NEXT) if event.arg == self.epoch => self.next_is_due(cx),
            What::Reply => self.home(event.arg, cx),
            What::Arrive => cx.fail(event.arg, Reason::BadRequest),
            What::Timer(ATTEMPT) => self.ring(event.arg, cx),
            What::Timer(USER) => self.user_is_due(event.arg, cx),
            What::Timer(_) | What::Planned => {}
        }
    }

    pub(super) fn on_signal<S: Sink + ?Sized>(&mut self, signal: Signal, cx: &mut Context<'_, S>) {
        match signal {
            Signal::LinkAdded(link) => self.way = self.way.or(Some(link)),
            Signal::LinkRemoved(_) => self.way = cx.outgoing().map(|(link, _)| link).next(),
            Signal::SendOne(typed, op) => {
                self.send(Want::one(op, Key::typed(typed)), 0, Made::ByHand, cx);
            }
            Signal::Crash => {
                self.epoch += 1;
                self.awaited = None;
                self.drop_attempts(cx);
                self.forget_pace();
            }
            Signal::Restart => self.restart_timer(cx),
            Signal::PeerChanged(_)
            | Signal::RefuseWrites(_)
            | Signal::Slow(_)
            | Signal::Part(..)
            | Signal::Parcel
            | Signal::Flush
            | Signal::CheckClock(_)
            | Signal::StoodStill(_) => {}
        }
    }

    /// What the next request asks for, as far as it is not given.
    #[inline]
    fn want_of(&mut self, key: Option<Key>, op: Option<Op>) -> Want {
        let (key, listed) = match key {
            Some(key) => (key, None),
            None => self.key(),
        };
        match op.or(listed).unwrap_or_else(|| self.op()) {
            Op::Scan => Want { op: Op::Scan, key, width: self.config.scan_width },
            op => Want::one(op, key),
        }
    }

    /// What the next request does.
    #[inline]
    fn op(&mut self) -> Op {
        let ClientsConfig { writes, deletes, scans, .. } = self.config;
        if writes + deletes + scans <= 0.0 {
            return Op::Read;
        }
        let draw = self.mix.unit() * 100.0;
        match draw {
            _ if draw < writes => Op::Write,
            _ if draw < writes + deletes => Op::Delete,
            _ if draw < writes + deletes + scans => Op::Scan,
            _ => Op::Read,
        }
    }

    /// The next key, and what a list says to do with it.
    #[inline]
    fn key(&mut self) -> (Key, Option<Op>) {
        let ClientsConfig { keys, hot_keys, hot_share, popularity, .. } = self.config;
        let number = match popularity {
            Popularity::Uniform => self.keys.below(keys),
            Popularity::Zipf => self.zipf.draw(&mut self.keys) - 1,
            Popularity::Sequential => self.generated.wrapping_sub(1) % keys.max(1),
            Popularity::HotSet => {
                let hot = hot_keys.min(keys);
                match self.keys.unit() * 100.0 < hot_share || hot == keys {
                    true => self.keys.below(hot),
                    false => hot + self.keys.below(keys - hot),
                }
            }
            Popularity::Listed => return self.pacing.listed_key(self.generated),
        };
        (Key::numbered(number), None)
    }

    /// Makes a request of this person and sends it. With nowhere to go it ends at once.
    fn send<S: Sink + ?Sized>(
        &mut self,
        want: Want,
        person: u32,
        made: Made,
        cx: &mut Context<'_, S>,
    ) {
        let slot = cx.send_new(want, address(person, cx.own_number().0));
        self.sent.mark(cx.now());
        // A typed key says its service itself.
        if want.key.number().is_some()
            && let Some(word) = self.services.next()
        {
            cx.say_service(slot, word);
        }
        self.explain_birth(slot, made, cx);
        let id = cx.request(slot).map_or(0, |request| request.id);
        match self.way {
            None => {
                self.failed += 1;
                cx.fail(slot, Reason::BadRequest);
            }
            Some(_) if self.asks_in_attempts() => self.begin(slot, want, cx),
            Some(link) => drop(cx.forward(slot, link)),
        }
        match made {
            Made::ByUser(user, _) => self.user_waits(user, (id, slot), cx),
            // One that a guard refused has ended already.
            Made::InTurn if self.config.arrivals == Arrivals::OneByOne => {
                self.awaited = cx.request(slot).map(|request| request.id);
            }
            Made::InTurn | Made::ByHand => {}
        }
    }

    /// An answer, or a failure, is home.
    #[inline]
    fn home<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        let Some(request) = cx.request(slot) else { return };
        if request.is_call {
            return self.call_back(slot, cx);
        }
        let id = request.id;
        if request.outcome == Outcome::Done {
            let took = cx.now().since(request.born);
            self.latency.record(took);
            self.answered.mark(cx.now());
            self.hear(slot, cx);
        } else {
            self.failed += 1;
        }
        cx.finish(slot);
        self.next_after(id, slot, cx);
    }

    /// The request with this number, in this slot, has ended: the next, if it was waited for.
    #[inline]
    fn next_after<S: Sink + ?Sized>(&mut self, id: u64, slot: u32, cx: &mut Context<'_, S>) {
        if self.awaited == Some(id) {
            self.awaited = None;
            if self.config.arrivals == Arrivals::OneByOne {
                self.schedule_next(cx);
            }
        }
        self.user_hears(id, slot, cx);
    }

    /// Lets the judge know of an answer, if it says anything about a version.
    #[inline]
    fn hear<S: Sink + ?Sized>(&mut self, slot: u32, cx: &Context<'_, S>) {
        let Some(request) = cx.request(slot) else { return };
        let Request { id, address, key, stamp, born, op, found, .. } = *request;
        let seen = Seen { request: id, client: address, key, stamp, born, at: cx.now() };
        match op {
            Op::Read if found != Found::Unasked => self.judge.read(seen),
            Op::Write | Op::Delete if stamp.commit > 0 => self.judge.wrote(seen),
            _ => {}
        }
    }
}

/// The address of person number `person` of these clients: 10, the clients' number, then the
/// person's, low byte first, so that neighbours are not in one /24 network.
fn address(person: u32, clients: u16) -> u32 {
    let [low, high, ..] = person.to_le_bytes();
    u32::from_be_bytes([10, clients as u8, low, high.wrapping_add(1)])
}
