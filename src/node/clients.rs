//! Clients: where requests come from.
//!
//! Modelled: an open loop (Poisson or evenly spaced; the next request does not wait for the answer
//! to the last), or one after another as in the course's demo program, where it does. Keys are
//! drawn uniformly from `user:0` to `user:n-1`, client addresses from so many. Not modelled:
//! timeouts and retries.
//!
//! Formula: Poisson arrivals have exponential gaps with mean 1 / rate.

use super::param::{Choice, Param, Range, Spec, Value, number};
use crate::sim::{
    Context, Dist, Event, Key, LinkId, Outcome, Reason, Rng, Signal, Sink, Span, What,
};
use crate::stats::{Latency, Meter};

/// How requests are spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// Independent of each other, exponential gaps.
    Poisson,
    /// Evenly spaced.
    Constant,
    /// Each waits for the answer to the one before.
    OneByOne,
}

/// What can be set on clients.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientsConfig {
    /// How requests are spaced.
    pub arrivals: Arrivals,
    /// Requests per second (open loop).
    pub rate: f64,
    /// Pause between an answer and the next request, in ms (one by one).
    pub pause_ms: f64,
    /// Stop after this many; 0 is never.
    pub total: u32,
    /// How many different keys.
    pub keys: u32,
    /// How many different client addresses.
    pub addresses: u32,
}

impl Default for ClientsConfig {
    fn default() -> Self {
        ClientsConfig {
            arrivals: Arrivals::Poisson,
            rate: 20.0,
            pause_ms: 0.0,
            total: 0,
            keys: 1_000,
            addresses: 200,
        }
    }
}

const ARRIVALS: [(Arrivals, Choice); 3] = [
    (
        Arrivals::Poisson,
        Choice::plain("poisson", 0, "Poisson", "Independent of each other; gaps are exponential."),
    ),
    (Arrivals::Constant, Choice::plain("constant", 1, "Evenly spaced", "Every gap is 1 / rate.")),
    (
        Arrivals::OneByOne,
        Choice::plain(
            "one_by_one",
            2,
            "One after another, as in the course",
            "The next is sent when the last one has come back.",
        ),
    ),
];

/// The parameters.
pub const PARAMS: &[Param<ClientsConfig>] = &[
    Param {
        spec: Spec {
            key: "rate",
            wire: 0,
            label: "Rate",
            unit: "requests/s",
            help: "How many requests a second, on average. \
                   Not used when they go one after another.",
            range: Range::Number { min: 0.0, max: 1e6, handy: 200.0, step: 1.0, whole: false },
        },
        get: |c| Value::Number(c.rate),
        set: |c, v| c.rate = number(v),
    },
    Param {
        spec: Spec {
            key: "arrivals",
            wire: 1,
            label: "Arrivals",
            unit: "",
            help: "How requests are spaced in time.",
            range: Range::Choice(|| ARRIVALS.iter().map(|(_, choice)| *choice).collect()),
        },
        get: |c| {
            let found = ARRIVALS.iter().find(|(arrivals, _)| *arrivals == c.arrivals);
            Value::Choice(found.map_or("", |(_, choice)| choice.key).to_owned())
        },
        set: |c, v| {
            let Value::Choice(key) = v else { return };
            if let Some((arrivals, _)) = ARRIVALS.iter().find(|(_, choice)| choice.key == key) {
                c.arrivals = *arrivals;
            }
        },
    },
    Param {
        spec: Spec {
            key: "total",
            wire: 2,
            label: "Stop after",
            unit: "requests",
            help: "How many requests to send in all; 0 means no end.",
            range: Range::Number { min: 0.0, max: 1e9, handy: 100.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.total)),
        set: |c, v| c.total = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "pause",
            wire: 3,
            label: "Pause between",
            unit: "ms",
            help: "How long to wait after an answer before the next request. \
                   Used only when they go one after another.",
            range: Range::Number { min: 0.0, max: 3.6e6, handy: 1_000.0, step: 10.0, whole: false },
        },
        get: |c| Value::Number(c.pause_ms),
        set: |c, v| c.pause_ms = number(v),
    },
    Param {
        spec: Spec {
            key: "keys",
            wire: 4,
            label: "Different keys",
            unit: "keys",
            help: "Requests ask for user:0 up to this many users, each equally often.",
            range: Range::Number { min: 1.0, max: 1e9, handy: 1_000.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.keys)),
        set: |c, v| c.keys = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "addresses",
            wire: 5,
            label: "Different addresses",
            unit: "addresses",
            help: "Requests come from this many client addresses, each equally often. \
                   Neighbours are in different /24 networks.",
            range: Range::Number { min: 1.0, max: 60_000.0, handy: 400.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.addresses)),
        set: |c, v| c.addresses = number(v) as u32,
    },
];

const NEXT: u8 = 0;

/// A running group of clients.
#[derive(Clone, Debug)]
pub struct Clients {
    config: ClientsConfig,
    gap: Dist,
    way: Option<LinkId>,
    arrivals: Rng,
    keys: Rng,
    addresses: Rng,
    /// Timers of earlier settings carry an older number and are ignored.
    epoch: u32,
    generated: u32,
    /// The request whose answer is waited for, when they go one after another.
    awaited: Option<u64>,
    latency: Latency,
    sent: Meter,
    answered: Meter,
    failed: u64,
}

impl Clients {
    /// Clients called `id` in a run with this seed.
    pub fn new(id: &str, seed: u64, config: ClientsConfig) -> Clients {
        Clients {
            gap: gap(&config),
            config,
            way: None,
            arrivals: Rng::stream(seed, id, "arrivals"),
            keys: Rng::stream(seed, id, "keys"),
            addresses: Rng::stream(seed, id, "addresses"),
            epoch: 0,
            generated: 0,
            awaited: None,
            latency: Latency::default(),
            sent: Meter::default(),
            answered: Meter::default(),
            failed: 0,
        }
    }

    /// New settings, from now on. A change of pace draws the next gap anew.
    pub fn configure<S: Sink>(&mut self, config: ClientsConfig, cx: &mut Context<'_, S>) {
        let paced = |c: &ClientsConfig| (c.arrivals, c.rate.to_bits(), c.pause_ms.to_bits());
        let pace_changed = paced(&self.config) != paced(&config);
        let had_ended = self.ended();
        self.gap = gap(&config);
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

    /// Requests that failed.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// The settings in force.
    pub fn config(&self) -> &ClientsConfig {
        &self.config
    }

    pub(super) fn start<S: Sink>(&mut self, cx: &mut Context<'_, S>) {
        self.restart_timer(cx);
    }

    #[inline]
    pub(super) fn on_event<S: Sink>(&mut self, event: Event, cx: &mut Context<'_, S>) {
        match event.what {
            What::Timer(NEXT) if event.arg == self.epoch => {
                self.generated += 1;
                let key = Key::numbered(self.keys.below(self.config.keys));
                let person = self.addresses.below(self.config.addresses);
                let slot = self.send(key, person, cx);
                if self.config.arrivals == Arrivals::OneByOne {
                    self.awaited = cx.request(slot).map(|request| request.id);
                }
                self.go_on(cx);
            }
            What::Reply => self.home(event.arg, cx),
            What::Arrive => cx.fail(event.arg, Reason::BadRequest),
            What::Timer(_) | What::Planned => {}
        }
    }

    pub(super) fn on_signal<S: Sink>(&mut self, signal: Signal, cx: &mut Context<'_, S>) {
        match signal {
            Signal::LinkAdded(link) => self.way = self.way.or(Some(link)),
            Signal::LinkRemoved(_) => self.way = cx.outgoing().map(|(link, _)| link).next(),
            Signal::SendOne(typed) => {
                self.send(Key::typed(typed), 0, cx);
            }
            Signal::Crash => {
                self.epoch += 1;
                self.awaited = None;
            }
            Signal::Restart => self.restart_timer(cx),
            Signal::PeerChanged(_) => {}
        }
    }

    /// Makes a request of this person and sends it. With nowhere to go it ends at once.
    fn send<S: Sink>(&mut self, key: Key, person: u32, cx: &mut Context<'_, S>) -> u32 {
        let slot = cx.send_new(key, address(person, cx.own_number().0));
        self.sent.mark(cx.now());
        match self.way {
            Some(link) => {
                cx.forward(slot, link);
            }
            None => {
                cx.fail(slot, Reason::BadRequest);
                self.failed += 1;
            }
        }
        slot
    }

    /// An answer, or a failure, is home.
    #[inline]
    fn home<S: Sink>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        let Some(request) = cx.request(slot) else { return };
        let id = request.id;
        if request.outcome == Outcome::Done {
            let took = cx.now().since(request.born);
            self.latency.record(took);
            self.answered.mark(cx.now());
        } else {
            self.failed += 1;
        }
        cx.finish(slot);
        if self.awaited == Some(id) {
            self.awaited = None;
            if self.config.arrivals == Arrivals::OneByOne {
                self.schedule_next(cx);
            }
        }
    }

    fn ended(&self) -> bool {
        let open_loop = self.config.arrivals != Arrivals::OneByOne;
        let all_sent = self.config.total > 0 && self.generated >= self.config.total;
        all_sent || (open_loop && self.config.rate <= 0.0)
    }

    fn restart_timer<S: Sink>(&mut self, cx: &mut Context<'_, S>) {
        self.epoch += 1;
        self.go_on(cx);
    }

    /// The next request, unless it has to wait for the answer to the last.
    fn go_on<S: Sink>(&mut self, cx: &mut Context<'_, S>) {
        if self.config.arrivals != Arrivals::OneByOne || self.awaited.is_none() {
            self.schedule_next(cx);
        }
    }

    #[inline]
    fn schedule_next<S: Sink>(&mut self, cx: &mut Context<'_, S>) {
        if self.ended() {
            return;
        }
        let first = self.generated == 0;
        let gap = match self.config.arrivals {
            Arrivals::OneByOne if first => Span::ZERO,
            _ => self.gap.draw(&mut self.arrivals),
        };
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
