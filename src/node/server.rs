//! A server: cores that work, and a queue of those who wait for one.
//!
//! Modelled: c cores, each serving one request at a time; service times constant or exponential;
//! one queue, first in first out, with a limit on the places; a crash that loses everything held.
//! Not modelled here: memory, disk and network, other disciplines, calls to further nodes.
//!
//! Formula: with Poisson arrivals and exponential service this is M/M/c; load is
//! rate x service time / cores, and the queue is stable below 1.

use std::collections::VecDeque;

use super::param::{Choice, Param, Range, Spec, Value, number};
use crate::sim::{Context, Dist, Event, Line, Outcome, Reason, Rng, Signal, Sink, Span, What, Why};
use crate::stats::{Level, Meter};

/// How service times vary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Always the mean.
    Constant,
    /// Exponential.
    Exponential,
}

/// What can be set on a server.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerConfig {
    /// Requests served at the same time.
    pub cores: u16,
    /// Mean service time in ms.
    pub service_ms: f64,
    /// How service times vary.
    pub service: Service,
    /// Waiting places.
    pub queue_limit: u32,
    /// Share in weighted strategies.
    pub weight: i64,
    /// Do balancers count it as healthy?
    pub healthy: bool,
    /// The most requests a balancer may have in flight to it; 0 is no limit.
    pub in_flight_max: u32,
    /// Is it to be used only when no other can be?
    pub backup: bool,
}

impl Default for ServerConfig {
    fn default() -> Self {
        ServerConfig {
            cores: 1,
            service_ms: 100.0,
            service: Service::Exponential,
            queue_limit: 100,
            weight: 1,
            healthy: true,
            in_flight_max: 0,
            backup: false,
        }
    }
}

const SERVICES: [(Service, Choice); 2] = [
    (
        Service::Exponential,
        Choice::plain(
            "exponential",
            0,
            "Exponential",
            "Many short ones and a few long ones; spread equal to the mean.",
        ),
    ),
    (
        Service::Constant,
        Choice::plain("constant", 1, "Constant", "Every request takes the same time."),
    ),
];

/// The parameters.
pub const PARAMS: &[Param<ServerConfig>] = &[
    Param {
        spec: Spec {
            key: "service",
            wire: 0,
            label: "Service time",
            unit: "ms",
            help: "How long one request keeps one core busy, on average.",
            range: Range::Number { min: 0.001, max: 3.6e6, handy: 500.0, step: 1.0, whole: false },
        },
        get: |c| Value::Number(c.service_ms),
        set: |c, v| c.service_ms = number(v),
    },
    Param {
        spec: Spec {
            key: "spread",
            wire: 1,
            label: "Service times are",
            unit: "",
            help: "Whether every request takes equally long.",
            range: Range::Choice(|| SERVICES.iter().map(|(_, choice)| *choice).collect()),
        },
        get: |c| {
            let found = SERVICES.iter().find(|(service, _)| *service == c.service);
            Value::Choice(found.map_or("", |(_, choice)| choice.key).to_owned())
        },
        set: |c, v| {
            let Value::Choice(key) = v else { return };
            if let Some((service, _)) = SERVICES.iter().find(|(_, choice)| choice.key == key) {
                c.service = *service;
            }
        },
    },
    Param {
        spec: Spec {
            key: "cores",
            wire: 2,
            label: "Cores",
            unit: "cores",
            help: "How many requests it works on at the same time.",
            range: Range::Number { min: 1.0, max: 1_024.0, handy: 16.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.cores)),
        set: |c, v| c.cores = number(v) as u16,
    },
    Param {
        spec: Spec {
            key: "queue",
            wire: 3,
            label: "Queue limit",
            unit: "places",
            help: "How many requests may wait for a core. The next one fails: queue full.",
            range: Range::Number { min: 0.0, max: 1e6, handy: 100.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.queue_limit)),
        set: |c, v| c.queue_limit = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "weight",
            wire: 4,
            label: "Weight",
            unit: "",
            help: "Its share in weighted strategies, against the weights of the others.",
            range: Range::Number { min: -1e3, max: 1e6, handy: 10.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(c.weight as f64),
        set: |c, v| c.weight = number(v) as i64,
    },
    Param {
        spec: Spec {
            key: "healthy",
            wire: 5,
            label: "Marked healthy",
            unit: "",
            help: "The switch of the course: a balancer skips a server marked unhealthy, \
                   although it would still answer.",
            range: Range::Switch,
        },
        get: |c| Value::Switch(c.healthy),
        set: |c, v| c.healthy = v == Value::Switch(true),
    },
    Param {
        spec: Spec {
            key: "in_flight_max",
            wire: 6,
            label: "Most in flight",
            unit: "requests",
            help: "How many requests a balancer may have sent it and not had back; 0 is no limit. \
                   Only nginx's and HAProxy's strategies look at it.",
            range: Range::Number { min: 0.0, max: 1e6, handy: 20.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.in_flight_max)),
        set: |c, v| c.in_flight_max = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "backup",
            wire: 7,
            label: "Backup",
            unit: "",
            help: "Gets requests only when no other server can be chosen. \
                   Only nginx's and HAProxy's strategies look at it.",
            range: Range::Switch,
        },
        get: |c| Value::Switch(c.backup),
        set: |c, v| c.backup = v == Value::Switch(true),
    },
];

const DONE: u8 = 0;

/// A running server.
#[derive(Clone, Debug)]
pub struct Server {
    config: ServerConfig,
    service: Dist,
    rng: Rng,
    /// The request each core works on.
    cores: Vec<Option<u32>>,
    queue: VecDeque<u32>,
    /// How many times as long everything takes.
    slow: u64,
    /// Counts crashes: what a core was doing before one never ends.
    epoch: u16,
    busy: Level,
    waiting: Level,
    arrived: Meter,
    served: Meter,
    refused: u64,
    lost: u64,
}

impl Server {
    /// A server called `id` in a run with this seed.
    pub fn new(id: &str, seed: u64, config: ServerConfig) -> Server {
        Server {
            service: service(&config),
            rng: Rng::stream(seed, id, "service"),
            cores: vec![None; usize::from(config.cores)],
            config,
            queue: VecDeque::new(),
            slow: 1,
            epoch: 0,
            busy: Level::default(),
            waiting: Level::default(),
            arrived: Meter::default(),
            served: Meter::default(),
            refused: 0,
            lost: 0,
        }
    }

    /// New settings, from the next request on. A core that is taken away finishes its request.
    pub fn configure<S: Sink>(&mut self, config: ServerConfig, cx: &mut Context<'_, S>) {
        self.service = service(&config);
        let cores = usize::from(config.cores);
        self.config = config;
        if self.cores.len() < cores {
            self.cores.resize(cores, None);
        }
        self.drop_idle_surplus();
        for core in 0..cores {
            if self.cores[core].is_none() {
                self.take_next(core, cx);
            }
        }
    }

    /// The settings in force.
    pub fn config(&self) -> &ServerConfig {
        &self.config
    }

    /// Cores at work, over time.
    pub fn busy(&self) -> &Level {
        &self.busy
    }

    /// Requests waiting, over time.
    pub fn waiting(&self) -> &Level {
        &self.waiting
    }

    /// Requests that came, by rate and in all.
    pub fn arrived(&self) -> &Meter {
        &self.arrived
    }

    /// Requests answered, by rate and in all.
    pub fn served(&self) -> &Meter {
        &self.served
    }

    /// Requests turned away because the queue was full.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Requests lost in crashes.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    #[inline]
    pub(super) fn on_event<S: Sink>(&mut self, event: Event, cx: &mut Context<'_, S>) {
        match event.what {
            What::Arrive => self.arrive(event.arg, cx),
            What::Timer(DONE) if (event.arg >> 16) as u16 == self.epoch => {
                let core = (event.arg & 0xffff) as usize;
                if let Some(slot) = self.cores.get_mut(core).and_then(Option::take) {
                    self.served.mark(cx.now());
                    cx.reply(slot, Outcome::Done);
                    self.core_free(core, cx);
                }
            }
            What::Timer(_) | What::Reply | What::Planned => {}
        }
    }

    pub(super) fn on_signal<S: Sink>(&mut self, signal: Signal, cx: &mut Context<'_, S>) {
        if let Signal::Slow(factor) = signal {
            self.slow = u64::from(factor);
        }
        if signal == Signal::Crash {
            self.epoch = self.epoch.wrapping_add(1);
            let working = self.cores.iter_mut().filter_map(Option::take);
            let held: Vec<u32> = working.chain(self.queue.drain(..)).collect();
            self.lost += held.len() as u64;
            self.busy.set(cx.now(), 0);
            self.waiting.set(cx.now(), 0);
            for slot in held {
                cx.fail(slot, Reason::ConnectionLost);
            }
        }
    }

    #[inline]
    fn arrive<S: Sink>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        self.arrived.mark(cx.now());
        let mut why = cx.why(slot);
        let cores = usize::from(self.config.cores);
        let free = self.cores[..cores].iter().position(Option::is_none);
        if why.wanted() {
            self.explain(free, &mut why, cx);
        }
        cx.decided(slot, why);
        match free {
            Some(core) => self.begin(core, slot, cx),
            None if self.queue.len() < self.config.queue_limit as usize => {
                self.queue.push_back(slot);
                self.waiting.set(cx.now(), self.queue.len() as u32);
                cx.wait(slot);
            }
            None => {
                self.refused += 1;
                cx.fail(slot, Reason::QueueFull);
            }
        }
    }

    #[inline]
    fn begin<S: Sink>(&mut self, core: usize, slot: u32, cx: &mut Context<'_, S>) {
        let span: Span = self.service.draw(&mut self.rng) * self.slow;
        self.cores[core] = Some(slot);
        self.busy.set(cx.now(), self.busy.value() + 1);
        cx.serve(slot, span);
        cx.wake_in(span, DONE, u32::from(self.epoch) << 16 | core as u32);
    }

    #[inline]
    fn core_free<S: Sink>(&mut self, core: usize, cx: &mut Context<'_, S>) {
        self.busy.set(cx.now(), self.busy.value() - 1);
        if core < usize::from(self.config.cores) {
            self.take_next(core, cx);
        } else {
            self.drop_idle_surplus();
        }
    }

    #[inline]
    fn take_next<S: Sink>(&mut self, core: usize, cx: &mut Context<'_, S>) {
        if let Some(next) = self.queue.pop_front() {
            self.waiting.set(cx.now(), self.queue.len() as u32);
            self.begin(core, next, cx);
        }
    }

    fn drop_idle_surplus(&mut self) {
        let wanted = usize::from(self.config.cores);
        while self.cores.len() > wanted && self.cores.last() == Some(&None) {
            self.cores.pop();
        }
    }

    fn explain<S: Sink>(&self, free: Option<usize>, why: &mut Why, cx: &Context<'_, S>) {
        let (cores, limit, ahead) = (self.config.cores, self.config.queue_limit, self.queue.len());
        let name = cx.own_name();
        let busy = self.busy.value();
        why.line(|| Line {
            subject: "cores".to_owned(),
            numbers: format!("{busy} of {cores} busy"),
            chosen: free.is_some(),
        });
        if let Some(core) = free {
            why.title(|| format!("{name} took it at once"));
            why.say(|| format!("Core {} was free, so it did not wait.", core + 1));
            return;
        }
        let fits = ahead < limit as usize;
        why.line(|| Line {
            subject: "queue".to_owned(),
            numbers: format!("{ahead} of {limit} places taken"),
            chosen: fits,
        });
        if fits {
            why.title(|| format!("{name} let it wait"));
            why.say(|| match ahead {
                0 => "Every core was busy; nobody was waiting before it.".to_owned(),
                1 => "Every core was busy; one request was waiting before it.".to_owned(),
                _ => format!("Every core was busy; {ahead} requests were waiting before it."),
            });
        } else {
            why.title(|| format!("{name} turned it away"));
            why.say(|| "Every core was busy and every waiting place taken: queue full.".to_owned());
        }
    }
}

fn service(config: &ServerConfig) -> Dist {
    let mean = Span::from_millis_f64(config.service_ms);
    match config.service {
        Service::Constant => Dist::Constant(mean),
        Service::Exponential => Dist::exponential(mean),
    }
}
