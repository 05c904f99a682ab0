//! Clients: where requests come from.
//!
//! Modelled: an open loop (Poisson or evenly spaced; the next request does not wait for the answer
//! to the last), or one after another as in the course's demo program, where it does. Keys are
//! drawn from `user:0` to `user:n-1`: all alike, by Zipf's law, mostly from a hot set, or one after
//! the other; client addresses from so many. A share of the requests writes, deletes, or asks for a
//! run of keys. Answers are judged for consistency, an address being a session. Not modelled:
//! timeouts and retries.
//!
//! Formulas: Poisson arrivals have exponential gaps with mean 1 / rate; by Zipf's law the k-th key
//! is asked for in proportion to 1 / k^s.

use super::param::{Choice, Param, Range, Spec, Value, number};
use crate::sim::{
    Context, Dist, Event, Found, Key, LinkId, Op, Outcome, Reason, Request, Rng, Signal, Sink,
    Span, Want, What, Zipf,
};
use crate::stats::judge::{Judge, Seen};
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
    /// The share of requests that write, in percent.
    pub writes: f64,
    /// The share of requests that delete, in percent.
    pub deletes: f64,
    /// The share of requests that ask for a run of keys, in percent.
    pub scans: f64,
    /// How many keys a run has.
    pub scan_width: u32,
    /// How popular the keys are.
    pub popularity: Popularity,
    /// The exponent of Zipf's law.
    pub zipf_s: f64,
    /// How many keys are hot.
    pub hot_keys: u32,
    /// The share of requests for hot keys, in percent.
    pub hot_share: f64,
}

/// How popular keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Popularity {
    /// All alike.
    Uniform,
    /// The k-th in proportion to 1 / k^s.
    Zipf,
    /// A few get most of the requests.
    HotSet,
    /// One after the other, again and again.
    Sequential,
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
            writes: 0.0,
            deletes: 0.0,
            scans: 0.0,
            scan_width: 10,
            popularity: Popularity::Uniform,
            zipf_s: 1.0,
            hot_keys: 10,
            hot_share: 80.0,
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

const POPULARITIES: [(Popularity, Choice); 4] = [
    (Popularity::Uniform, Choice::plain("uniform", 0, "All alike", "Every key equally often.")),
    (
        Popularity::Zipf,
        Choice::plain("zipf", 1, "Zipf's law", "The k-th key in proportion to 1 / k^s."),
    ),
    (
        Popularity::HotSet,
        Choice::plain("hot", 2, "A hot set", "A few keys get most of the requests."),
    ),
    (
        Popularity::Sequential,
        Choice::plain("sequential", 3, "One after the other", "user:0, user:1, and so on, again."),
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
            help: "Requests ask for user:0 up to this many users.",
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
    Param {
        spec: Spec {
            key: "writes",
            wire: 6,
            label: "Writes",
            unit: "%",
            help: "How many of a hundred requests write their key.",
            range: Range::Number { min: 0.0, max: 100.0, handy: 100.0, step: 1.0, whole: false },
        },
        get: |c| Value::Number(c.writes),
        set: |c, v| c.writes = number(v),
    },
    Param {
        spec: Spec {
            key: "deletes",
            wire: 7,
            label: "Deletes",
            unit: "%",
            help: "How many of a hundred requests delete their key. Writes come first when the \
                   shares add up to more than 100.",
            range: Range::Number { min: 0.0, max: 100.0, handy: 100.0, step: 1.0, whole: false },
        },
        get: |c| Value::Number(c.deletes),
        set: |c, v| c.deletes = number(v),
    },
    Param {
        spec: Spec {
            key: "scans",
            wire: 8,
            label: "Range queries",
            unit: "%",
            help: "How many of a hundred requests ask for a run of keys that begins with theirs.",
            range: Range::Number { min: 0.0, max: 100.0, handy: 100.0, step: 1.0, whole: false },
        },
        get: |c| Value::Number(c.scans),
        set: |c, v| c.scans = number(v),
    },
    Param {
        spec: Spec {
            key: "scan_width",
            wire: 9,
            label: "Keys in a range",
            unit: "keys",
            help: "How many keys a range query asks for.",
            range: Range::Number { min: 1.0, max: 1e6, handy: 200.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.scan_width)),
        set: |c, v| c.scan_width = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "popularity",
            wire: 10,
            label: "Keys are asked for",
            unit: "",
            help: "Whether some keys are wanted more often than others.",
            range: Range::Choice(|| POPULARITIES.iter().map(|(_, choice)| *choice).collect()),
        },
        get: |c| {
            let found = POPULARITIES.iter().find(|(popularity, _)| *popularity == c.popularity);
            Value::Choice(found.map_or("", |(_, choice)| choice.key).to_owned())
        },
        set: |c, v| {
            let Value::Choice(key) = v else { return };
            if let Some((popularity, _)) = POPULARITIES.iter().find(|(_, one)| one.key == key) {
                c.popularity = *popularity;
            }
        },
    },
    Param {
        spec: Spec {
            key: "zipf_s",
            wire: 11,
            label: "Zipf's exponent",
            unit: "",
            help: "How steep Zipf's law is: 0.6 to 1.1 is usual. Used only with Zipf's law.",
            range: Range::Number { min: 0.01, max: 10.0, handy: 2.0, step: 0.05, whole: false },
        },
        get: |c| Value::Number(c.zipf_s),
        set: |c, v| c.zipf_s = number(v),
    },
    Param {
        spec: Spec {
            key: "hot_keys",
            wire: 12,
            label: "Hot keys",
            unit: "keys",
            help: "How many keys are hot, from user:0 on. Used only with a hot set.",
            range: Range::Number { min: 1.0, max: 1e9, handy: 100.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.hot_keys)),
        set: |c, v| c.hot_keys = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "hot_share",
            wire: 13,
            label: "Requests for hot keys",
            unit: "%",
            help: "How many of a hundred requests ask for a hot key. Used only with a hot set.",
            range: Range::Number { min: 0.0, max: 100.0, handy: 100.0, step: 1.0, whole: false },
        },
        get: |c| Value::Number(c.hot_share),
        set: |c, v| c.hot_share = number(v),
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
    zipf: Zipf,
    /// Decides what a request asks for.
    mix: Rng,
    addresses: Rng,
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
}

impl Clients {
    /// Clients called `id` in a run with this seed.
    pub fn new(id: &str, seed: u64, config: ClientsConfig) -> Clients {
        Clients {
            gap: gap(&config),
            zipf: Zipf::new(config.keys, config.zipf_s),
            config,
            way: None,
            arrivals: Rng::stream(seed, id, "arrivals"),
            keys: Rng::stream(seed, id, "keys"),
            mix: Rng::stream(seed, id, "mix"),
            judge: Judge::default(),
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
        self.zipf = Zipf::new(config.keys, config.zipf_s);
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

    pub(super) fn start<S: Sink>(&mut self, cx: &mut Context<'_, S>) {
        self.restart_timer(cx);
    }

    #[inline]
    pub(super) fn on_event<S: Sink>(&mut self, event: Event, cx: &mut Context<'_, S>) {
        match event.what {
            What::Timer(NEXT) if event.arg == self.epoch => {
                self.generated += 1;
                let want = self.want();
                let person = self.addresses.below(self.config.addresses);
                let slot = self.send(want, person, cx);
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
            Signal::SendOne(typed, op) => {
                self.send(Want::one(op, Key::typed(typed)), 0, cx);
            }
            Signal::Crash => {
                self.epoch += 1;
                self.awaited = None;
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

    /// Makes a request of this person and sends it. With nowhere to go it ends at once.
    fn send<S: Sink>(&mut self, want: Want, person: u32, cx: &mut Context<'_, S>) -> u32 {
        let slot = cx.send_new(want, address(person, cx.own_number().0));
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
            self.hear(slot, cx);
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

    /// Lets the judge know of an answer, if it says anything about a version.
    #[inline]
    fn hear<S: Sink>(&mut self, slot: u32, cx: &Context<'_, S>) {
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
