//! Clients: where requests come from.
//!
//! Modelled: an open loop (Poisson or evenly spaced; the next request does not wait for the answer
//! to the last), or one after another as in the course's demo program, where it does. Keys are
//! drawn from `user:0` to `user:n-1`: all alike, by Zipf's law, mostly from a hot set, or one after
//! the other; client addresses from so many; a mix of services, for gateways. A share of the
//! requests writes, deletes, or asks for a run of keys. Answers are judged for consistency, an
//! address being a session. A request can be asked in attempts, with time limits, retries, a budget
//! for them, hedges, a deadline, a circuit breaker and a limit on calls at once (`attempts`). Not
//! modelled: connections.
//!
//! Formulas: Poisson arrivals have exponential gaps with mean 1 / rate; by Zipf's law the k-th key
//! is asked for in proportion to 1 / k^s.

mod attempts;
mod calling;
mod config;
mod flights;
mod services;

pub use calling::CallConfig;
pub use config::{Arrivals, ClientsConfig, Popularity};
pub use flights::AttemptCounts;

use crate::sim::{
    Context, Dist, Event, Found, Key, LinkId, Op, Outcome, Reason, Request, Rng, Signal, Sink,
    Span, Time, Want, What, Zipf,
};
use crate::stats::judge::{Judge, Seen};
use crate::stats::{Latency, Meter};
use flights::Attempts;

/// Timers: the next request; something about a request that is asked in attempts.
const NEXT: u8 = 0;
const ATTEMPT: u8 = 1;

/// One after another: how long clients whose request was refused by their own guards wait at least.
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
    /// When a request last failed in no time.
    failed_at_once: Option<Time>,
}

impl Clients {
    /// Clients called `id` in a run with this seed.
    pub fn new(id: &str, seed: u64, config: ClientsConfig) -> Clients {
        Clients {
            gap: gap(&config),
            zipf: Zipf::new(config.keys, config.zipf_s),
            attempts: Attempts::new(id, seed, &config),
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
        let paced = |c: &ClientsConfig| (c.arrivals, c.rate.to_bits(), c.pause_ms.to_bits());
        let pace_changed = paced(&self.config) != paced(&config);
        let had_ended = self.ended();
        self.gap = gap(&config);
        self.zipf = Zipf::new(config.keys, config.zipf_s);
        self.attempts.configure(&self.config, &config);
        self.services.set(&config.services, |name| cx.word(name));
        self.config = config;
        if pace_changed || had_ended != self.ended() {
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
        self.restart_timer(cx);
    }

    #[inline]
    pub(super) fn on_event<S: Sink + ?Sized>(&mut self, event: Event, cx: &mut Context<'_, S>) {
        match event.what {
            What::Timer(NEXT) if event.arg == self.epoch => {
                self.generated += 1;
                let want = self.want();
                let person = self.addresses.below(self.config.addresses);
                self.send(want, person, self.config.arrivals == Arrivals::OneByOne, cx);
                self.go_on(cx);
            }
            What::Reply => self.home(event.arg, cx),
            What::Arrive => cx.fail(event.arg, Reason::BadRequest),
            What::Timer(ATTEMPT) => self.ring(event.arg, cx),
            What::Timer(_) | What::Planned => {}
        }
    }

    pub(super) fn on_signal<S: Sink + ?Sized>(&mut self, signal: Signal, cx: &mut Context<'_, S>) {
        match signal {
            Signal::LinkAdded(link) => self.way = self.way.or(Some(link)),
            Signal::LinkRemoved(_) => self.way = cx.outgoing().map(|(link, _)| link).next(),
            Signal::SendOne(typed, op) => {
                self.send(Want::one(op, Key::typed(typed)), 0, false, cx);
            }
            Signal::Crash => {
                self.epoch += 1;
                self.awaited = None;
                self.drop_attempts(cx);
            }
            Signal::Restart => self.restart_timer(cx),
            Signal::PeerChanged(_)
            | Signal::RefuseWrites(_)
            | Signal::Slow(_)
            | Signal::Part(..)
            | Signal::Parcel => {}
        }
    }

    /// What the next request asks for.
    #[inline]
    fn want(&mut self) -> Want {
        let key = Key::numbered(self.key());
        let ClientsConfig { writes, deletes, scans, scan_width, .. } = self.config;
        if writes + deletes + scans <= 0.0 {
            return Want::one(Op::Read, key);
        }
        let draw = self.mix.unit() * 100.0;
        match draw {
            _ if draw < writes => Want::one(Op::Write, key),
            _ if draw < writes + deletes => Want::one(Op::Delete, key),
            _ if draw < writes + deletes + scans => Want { op: Op::Scan, key, width: scan_width },
            _ => Want::one(Op::Read, key),
        }
    }

    #[inline]
    fn key(&mut self) -> u32 {
        let ClientsConfig { keys, hot_keys, hot_share, popularity, .. } = self.config;
        match popularity {
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
        }
    }

    /// Makes a request of this person and sends it; is it waited for before the next? With nowhere
    /// to go it ends at once.
    fn send<S: Sink + ?Sized>(
        &mut self,
        want: Want,
        person: u32,
        awaits: bool,
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
        let Some(link) = self.way else {
            self.failed += 1;
            return cx.fail(slot, Reason::BadRequest);
        };
        match self.asks_in_attempts() {
            true => self.begin(slot, want, cx),
            false => drop(cx.forward(slot, link)),
        }
        if awaits {
            // One that a guard refused has ended already.
            self.awaited = cx.request(slot).map(|request| request.id);
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
        self.next_after(id, cx);
    }

    /// The request with this number has ended: the next, if it was waited for.
    #[inline]
    fn next_after<S: Sink + ?Sized>(&mut self, id: u64, cx: &mut Context<'_, S>) {
        if self.awaited == Some(id) {
            self.awaited = None;
            if self.config.arrivals == Arrivals::OneByOne {
                self.schedule_next(cx);
            }
        }
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

    fn ended(&self) -> bool {
        let open_loop = self.config.arrivals != Arrivals::OneByOne;
        let all_sent = self.config.total > 0 && self.generated >= self.config.total;
        all_sent || (open_loop && self.config.rate <= 0.0)
    }

    fn restart_timer<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        self.epoch += 1;
        self.go_on(cx);
    }

    /// The next request, unless it has to wait for the answer to the last.
    fn go_on<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        if self.config.arrivals != Arrivals::OneByOne || self.awaited.is_none() {
            self.schedule_next(cx);
        }
    }

    #[inline]
    fn schedule_next<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        if self.ended() {
            return;
        }
        let first = self.generated == 0;
        let mut gap = match self.config.arrivals {
            Arrivals::OneByOne if first => Span::ZERO,
            _ => self.gap.draw(&mut self.arrivals),
        };
        if self.config.arrivals == Arrivals::OneByOne && self.failed_at_once == Some(cx.now()) {
            // Time must go on although no attempt was let out.
            gap = gap.max(AFTER_REFUSAL);
        }
        cx.wake_in(gap, NEXT, self.epoch);
    }
}

/// The address of person number `person` of these clients: 10, the clients' number, then the
/// person's, low byte first, so that neighbours are not in one /24 network.
fn address(person: u32, clients: u16) -> u32 {
    let [low, high, ..] = person.to_le_bytes();
    u32::from_be_bytes([10, clients as u8, low, high.wrapping_add(1)])
}

fn gap(config: &ClientsConfig) -> Dist {
    let mean = Span::from_seconds_f64(1.0 / config.rate.max(1e-9));
    match config.arrivals {
        Arrivals::Poisson => Dist::exponential(mean),
        Arrivals::Constant => Dist::Constant(mean),
        Arrivals::OneByOne => Dist::Constant(Span::from_millis_f64(config.pause_ms)),
    }
}
