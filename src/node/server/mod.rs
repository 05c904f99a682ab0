//! A server: cores that work, a line of those who wait for one, a network that answers leave by,
//! and others that it asks for its requests' sake.
//!
//! Modelled: c cores, each serving one request at a time, first or last in first out, or all
//! requests sharing them; service times from five distributions; a limit on the waiting places;
//! memory that requests hold while they are here; load shedding, and dropping what is too late;
//! answers that go out one after another at the network's speed; calls to other nodes in turn or at
//! once, with or without a core held meanwhile; a cache that only looks aside, managed as in the
//! course (`node::aside`); health checks, which wait in line like all others and are nobody's
//! traffic; a crash that loses everything held. Not modelled here: storage, failures that take time
//! to send, memory that grows.
//!
//! Formula: with Poisson arrivals and exponential service this is M/M/c; load is
//! rate x service time / cores, and the queue is stable below 1.

mod ask;
mod config;
mod explain;
mod params;
mod send;
mod shed;
#[cfg(test)]
mod tests;
mod usage;
mod work;

use std::collections::{BTreeMap, VecDeque};

pub use config::{Calls, Discipline, ServerConfig, Service};
pub(super) use config::{Shape, Table, choices, services, times};
pub use shed::ShedConfig;
pub use usage::Usage;

use crate::policy::line::ProcessorSharing;
use crate::sim::{Context, Dist, Event, LinkId, Reason, Rng, Signal, Sink, Span, Time, What};
use crate::stats::{Level, Meter};
use ask::{Key, Task};
use shed::Shedding;
use usage::Marks;
use work::is_check;

/// Timers: a core is done, somebody who shares the cores is done, an answer has left.
const DONE: u8 = 0;
const SHARED: u8 = 1;
const SENT: u8 = 2;

/// A core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Core {
    Free,
    /// Works on the request in this slot.
    At(u32),
    /// Held by a request for which others are being asked.
    Held,
}

/// A running server.
#[derive(Clone, Debug)]
pub struct Server {
    config: ServerConfig,
    service: Dist,
    rng: Rng,
    cores: Vec<Core>,
    /// Those who wait for a core, in the order in which they came.
    queue: VecDeque<u32>,
    shedding: Shedding,
    /// Those who share the cores, where that is the discipline.
    sharing: ProcessorSharing,
    /// What is left of the work of those who had begun under another discipline.
    left: BTreeMap<u32, Span>,
    /// How many times as long everything takes.
    slow: u64,
    /// What a core was doing before this changed never ends.
    epoch: u16,
    /// Only the newest timer of those who share counts.
    turn: u32,
    /// The links to those behind it, and to the cache that it manages.
    stores: Vec<LinkId>,
    cache: Option<LinkId>,
    /// The requests for which others are being asked.
    tasks: BTreeMap<Key, Task>,
    /// The calls that are out, and for which request.
    calls: BTreeMap<u32, Key>,
    /// The answer that is going out, and those that wait for it.
    sending_now: Option<u32>,
    outbox: VecDeque<u32>,
    /// Counts crashes, for the network.
    life: u32,
    /// Requests that are here, with those for which others are being asked.
    here: u32,
    busy: Level,
    shared: Level,
    held: Level,
    waiting: Level,
    asking: Level,
    sending: Level,
    leaving: Level,
    marks: Marks,
    arrived: Meter,
    served: Meter,
    checks: u64,
    refused: u64,
    refused_memory: u64,
    failed_behind: u64,
    lost: u64,
}

impl Server {
    /// A server called `id` in a run with this seed. Those behind it come with its links.
    pub fn new(id: &str, seed: u64, config: ServerConfig) -> Server {
        Server {
            service: config.times(),
            shedding: Shedding::new(id, seed, &config),
            rng: Rng::stream(seed, id, "service"),
            cores: vec![Core::Free; usize::from(config.cores)],
            sharing: ProcessorSharing::new(u32::from(config.cores)),
            config,
            queue: VecDeque::new(),
            left: BTreeMap::new(),
            slow: 1,
            epoch: 0,
            turn: 0,
            stores: Vec::new(),
            cache: None,
            tasks: BTreeMap::new(),
            calls: BTreeMap::new(),
            sending_now: None,
            outbox: VecDeque::new(),
            life: 0,
            here: 0,
            busy: Level::default(),
            shared: Level::default(),
            held: Level::default(),
            waiting: Level::default(),
            asking: Level::default(),
            sending: Level::default(),
            leaving: Level::default(),
            marks: Marks::default(),
            arrived: Meter::default(),
            served: Meter::default(),
            checks: 0,
            refused: 0,
            refused_memory: 0,
            failed_behind: 0,
            lost: 0,
        }
    }

    /// New settings, from the next request on. A core that is taken away finishes its request;
    /// under another discipline work that had begun goes on where it was.
    pub fn configure<S: Sink + ?Sized>(&mut self, config: ServerConfig, cx: &mut Context<'_, S>) {
        self.service = config.times();
        let cores = usize::from(config.cores);
        let shares = |config: &ServerConfig| config.discipline == Discipline::Sharing;
        let turned = shares(&config) != shares(&self.config);
        let old = std::mem::replace(&mut self.config, config);
        self.reform_line(&old, cx);
        if self.cores.len() < cores {
            self.cores.resize(cores, Core::Free);
        }
        self.sharing.set_servers(u32::from(self.config.cores), cx.now());
        match (turned, self.shares()) {
            (true, true) => self.begin_sharing(cx),
            (true, false) => self.end_sharing(cx),
            (false, true) => self.arm(cx),
            (false, false) => {}
        }
        self.drop_idle_surplus();
        for core in 0..cores {
            if self.cores[core] == Core::Free {
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

    /// Requests that share the cores, over time; none where each has a core of its own.
    pub fn shared(&self) -> &Level {
        &self.shared
    }

    /// Cores held by requests for which others are being asked, over time.
    pub fn held(&self) -> &Level {
        &self.held
    }

    /// Requests waiting for a core, over time.
    pub fn waiting(&self) -> &Level {
        &self.waiting
    }

    /// Requests for which others are being asked, over time.
    pub fn asking(&self) -> &Level {
        &self.asking
    }

    /// Answers going out, over time: one or none.
    pub fn sending(&self) -> &Level {
        &self.sending
    }

    /// Answers waiting for the network, over time.
    pub fn leaving(&self) -> &Level {
        &self.leaving
    }

    /// How many requests it works on or sends the answer of.
    pub fn in_service(&self) -> u32 {
        let worked_on = if self.shares() { self.shared.value() } else { self.busy.value() };
        worked_on + self.sending.value()
    }

    /// How many requests wait for a core or for the network.
    pub fn in_line(&self) -> u32 {
        self.waiting.value() + self.leaving.value()
    }

    /// How many requests wait here for calls that are out.
    pub fn calling(&self) -> u32 {
        self.tasks.values().filter(|task| task.is_calling()).count() as u32
    }

    /// How many requests are here on average: in line, worked on, going out, or waiting for others.
    pub fn inside_mean(&self, now: Time) -> f64 {
        let worked_on = if self.shares() { &self.shared } else { &self.busy };
        let all = [worked_on, &self.waiting, &self.asking, &self.sending, &self.leaving];
        all.iter().map(|level| level.mean(now)).sum()
    }

    /// Requests that came, by rate and in all.
    pub fn arrived(&self) -> &Meter {
        &self.arrived
    }

    /// Requests answered, by rate and in all.
    pub fn served(&self) -> &Meter {
        &self.served
    }

    /// Health checks answered, which are nobody's traffic and in no other count.
    pub fn checks(&self) -> u64 {
        self.checks
    }

    /// Requests turned away because the queue was full.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Requests turned away because the memory was full.
    pub fn refused_memory(&self) -> u64 {
        self.refused_memory
    }

    /// Requests that failed because somebody behind it failed.
    pub fn failed_behind(&self) -> u64 {
        self.failed_behind
    }

    /// Requests lost in crashes.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    #[inline]
    pub(super) fn on_event<S: Sink + ?Sized>(&mut self, event: Event, cx: &mut Context<'_, S>) {
        match event.what {
            What::Arrive => self.arrive(event.arg, cx),
            What::Timer(DONE) if (event.arg >> 16) as u16 == self.epoch => {
                let core = (event.arg & 0xffff) as usize;
                if let Some(&Core::At(slot)) = self.cores.get(core) {
                    self.worked(core, slot, cx);
                }
            }
            What::Timer(SHARED) if event.arg == self.turn => self.shared_done(cx),
            What::Timer(SENT) if event.arg == self.life => self.sent(cx),
            What::Reply => self.came_back(event.arg, cx),
            What::Timer(_) | What::Planned => {}
        }
    }

    pub(super) fn on_signal<S: Sink + ?Sized>(&mut self, signal: Signal, cx: &mut Context<'_, S>) {
        match signal {
            Signal::Slow(factor) => self.slow = u64::from(factor),
            Signal::Crash => self.crash(cx),
            Signal::StoodStill(span) => self.sharing.stood_still(span),
            Signal::LinkAdded(_) | Signal::LinkRemoved(_) | Signal::PeerChanged(_) => {
                self.look_behind(cx);
            }
            Signal::Restart
            | Signal::SendOne(..)
            | Signal::RefuseWrites(_)
            | Signal::Part(..)
            | Signal::Parcel
            | Signal::Flush
            | Signal::CheckClock(_) => {}
        }
    }

    /// Everything held is lost. What is out at others' fails when it comes back.
    fn crash<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        self.epoch = self.epoch.wrapping_add(1);
        self.turn = self.turn.wrapping_add(1);
        self.life = self.life.wrapping_add(1);
        let working = self.cores.iter_mut().map(|core| std::mem::replace(core, Core::Free));
        let mut held: Vec<u32> = working.filter_map(Core::slot).collect();
        held.extend(self.empty_line());
        let sharing: Vec<u64> = self.sharing.in_service().collect();
        for slot in sharing {
            self.sharing.leave(slot, cx.now());
            held.push(slot as u32);
        }
        held.extend(self.sending_now.take());
        held.extend(self.outbox.drain(..));
        let tasks = std::mem::take(&mut self.tasks);
        let waiting = tasks.iter().filter(|(_, task)| task.is_calling());
        held.extend(waiting.map(|(key, _)| key.0));
        self.calls.clear();
        self.left.clear();
        let checks = held.iter().filter(|slot| is_check(**slot, cx)).count() as u64;
        self.lost += u64::from(self.here) - checks;
        self.here = 0;
        let now = cx.now();
        let levels = [&mut self.busy, &mut self.shared, &mut self.held, &mut self.waiting];
        levels.into_iter().for_each(|level| level.set(now, 0));
        let levels = [&mut self.asking, &mut self.sending, &mut self.leaving];
        levels.into_iter().for_each(|level| level.set(now, 0));
        self.drop_idle_surplus();
        for slot in held {
            cx.fail(slot, Reason::ConnectionLost);
        }
    }
}

impl Core {
    /// The request it works on.
    fn slot(self) -> Option<u32> {
        match self {
            Core::At(slot) => Some(slot),
            Core::Free | Core::Held => None,
        }
    }
}
