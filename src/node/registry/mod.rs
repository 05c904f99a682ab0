//! A registry, and the clients that discover through it.
//!
//! Modelled: every server wired to it is an instance of one service that registers itself when it
//! starts, a link's latency later; the registry checks each over that link with requests of its own
//! ([`Op::Check`]), or hears its heartbeats; the catalogue, the states and the reaper are
//! Consul's ([`crate::policy::registry`]). A request that comes here is one of a client that
//! discovers: whoever is wired to the registry is one client with one list, which reads the list,
//! takes an instance and sends the request there. That part lives with the client, so it goes on
//! while the registry is down: a list that is kept serves until it has expired.
//!
//! What kills an instance is not seen here: only checks that fail, and connections that are
//! refused. A heartbeat crosses the link both ways, as a check does. Not modelled: several
//! registry servers that have to agree, watches (blocking queries), other services' instances.

mod checks;
mod config;
mod discover;
mod why;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use config::{Checking, RegistryConfig};

use crate::policy::phi::Heartbeats;
use crate::policy::registry::{Catalogue, Check, Discovery, Instance, REAP_INTERVAL, Status};
use crate::sim::{Context, Event, LinkId, Reason, Rng, Signal, Sink, Span, Time, What};
use crate::stats::Meter;

/// Timers: begin a check; a check took too long; a silence is too long; the reaper comes; a client
/// has its list; a registration arrives.
const CHECK: u8 = 0;
const TIMEOUT: u8 = 1;
const SILENCE: u8 = 2;
const REAP: u8 = 3;
const LOOKUP: u8 = 4;
const REGISTER: u8 = 5;

/// The service that the instances belong to.
const SERVICE: &str = "service";

/// A server that is wired to the registry.
#[derive(Clone, Debug)]
pub struct Member {
    link: LinkId,
    /// Its id, by which it registers.
    pub id: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Was it up when it was last looked at? Only its own start is read from this.
    up: bool,
    /// Timers of checks that were set before this changed ring for nobody.
    round: u16,
    /// The call that is out as a check.
    open: Option<u32>,
    /// When the next check begins.
    pub next: Option<Time>,
    /// Timers of silences that were set before this changed ring for nobody.
    beat: u16,
    beats: Option<Heartbeats>,
    /// When a check last came out well.
    good: Option<Time>,
    /// Requests sent to it.
    pub sent: u64,
    /// Those of them whose connection was refused or lost there.
    pub in_vain: u64,
    /// Those since a check last came out well.
    vain_since_good: u64,
}

/// How it was found out that an instance is not well.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    /// Whom.
    pub name: Arc<str>,
    /// When it turned critical.
    pub at: Time,
    /// How long after the last check that came out well, if there was one.
    pub after: Option<Span>,
    /// How many requests were sent to it in vain in between.
    pub in_vain: u64,
}

/// What the registry counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Times a client asked for the list.
    pub lookups: u64,
    /// Requests that a list in hand was enough for.
    pub from_list: u64,
    /// Requests for which nobody was passing.
    pub nobody: u64,
    /// Requests that needed the list while the registry was down.
    pub unreachable: u64,
    /// Requests whose connection was refused or lost at the instance.
    pub in_vain: u64,
    /// Checks begun, or heartbeats due.
    pub checks: u64,
    /// Checks that came out critical, and silences that were too long.
    pub failed_checks: u64,
    /// Checks and heartbeats lost on their way.
    pub lost_checks: u64,
    /// Instances struck out by the reaper.
    pub reaped: u64,
    /// Registrations that found the registry down.
    pub failed_registrations: u64,
}

/// A running registry.
#[derive(Clone, Debug)]
pub struct Registry {
    config: RegistryConfig,
    list: Catalogue,
    members: Vec<Member>,
    /// The clients' lists, by the link they are at the other end of.
    clients: BTreeMap<LinkId, Discovery>,
    /// Requests whose client waits for the list, by the number of the look-up.
    waiting: BTreeMap<u32, u32>,
    look_ups: u32,
    /// The calls that are out as checks, and whose.
    calls: BTreeMap<u32, LinkId>,
    up: bool,
    /// Counts starts: a timer of the reaper's set before the last one rings for nobody.
    life: u32,
    picks: Rng,
    stagger: Rng,
    /// How many times as long the pause between two checks is as it is set.
    check_clock: u64,
    losses: Rng,
    counts: Counts,
    sent: Meter,
    detection: Option<Detection>,
}

impl Registry {
    /// A registry called `id` in a run with this seed. Its instances come with its links.
    pub fn new(id: &str, seed: u64, config: RegistryConfig) -> Registry {
        Registry {
            config,
            list: Catalogue::default(),
            members: Vec::new(),
            clients: BTreeMap::new(),
            waiting: BTreeMap::new(),
            look_ups: 0,
            calls: BTreeMap::new(),
            up: true,
            life: 0,
            picks: Rng::stream(seed, id, "picks"),
            stagger: Rng::stream(seed, id, "first checks"),
            check_clock: 1,
            losses: Rng::stream(seed, id, "lost checks"),
            counts: Counts::default(),
            sent: Meter::default(),
            detection: None,
        }
    }

    /// New settings: all instances register again with them, which keeps their status.
    pub fn configure<S: Sink + ?Sized>(&mut self, config: RegistryConfig, cx: &mut Context<'_, S>) {
        if config == self.config {
            return;
        }
        let checks = |c: &RegistryConfig| {
            let limit = match c.check {
                Checking::Http => c.timeout_s,
                Checking::Heartbeat => c.silence_s,
                Checking::Phi => c.phi,
            };
            (c.check, c.interval_s, limit, c.deregister_s)
        };
        let same = checks(&config) == checks(&self.config);
        self.config = config;
        for place in 0..self.members.len() {
            if !same && self.up && self.list.get(&self.members[place].id).is_some() {
                self.enter(place, cx);
            }
        }
    }

    /// The settings in force.
    pub fn config(&self) -> &RegistryConfig {
        &self.config
    }

    /// The servers that are wired to it, in the order of their links.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The check of a member; nothing when it is not in the catalogue.
    pub fn check(&self, member: &Member) -> Option<&Check> {
        self.list.get(&member.id).map(|instance| &instance.check)
    }

    /// What the registry says about a member; nothing when it is not in the catalogue.
    pub fn status(&self, member: &Member) -> Option<Status> {
        self.list.get(&member.id).map(Instance::status)
    }

    /// What the registry lists.
    pub fn catalogue(&self) -> &Catalogue {
        &self.list
    }

    /// How many instances are passing.
    pub fn passing(&self) -> usize {
        self.list.passing(SERVICE).count()
    }

    /// What it counted.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Requests sent to instances, by rate and in all.
    pub fn sent(&self) -> &Meter {
        &self.sent
    }

    /// How it was last found out that an instance is not well.
    pub fn detection(&self) -> Option<&Detection> {
        self.detection.as_ref()
    }

    /// The oldest list that a client has, by when it was read.
    pub fn oldest_list(&self) -> Option<Time> {
        self.clients.values().filter_map(Discovery::read_at).min()
    }

    /// Requests whose client waits for the list.
    pub fn in_hand(&self) -> u32 {
        self.waiting.len() as u32
    }

    pub(super) fn start<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        cx.wake_in(REAP_INTERVAL, REAP, self.life);
    }

    pub(super) fn on_event<S: Sink + ?Sized>(&mut self, event: Event, cx: &mut Context<'_, S>) {
        let (link, round) = (LinkId((event.arg & 0xffff) as u16), (event.arg >> 16) as u16);
        match event.what {
            What::Arrive => self.arrive(event.arg, cx),
            What::Reply => self.back(event.arg, cx),
            What::Timer(CHECK) => self.check_due(link, round, cx),
            What::Timer(TIMEOUT) => self.check_timed_out(link, round, cx),
            What::Timer(SILENCE) => self.silent(link, round, cx),
            What::Timer(REAP) if event.arg == self.life && self.up => self.reap(cx),
            What::Timer(LOOKUP) => self.listed(event.arg, cx),
            What::Timer(REGISTER) => self.registration_arrives(link, cx),
            What::Timer(_) | What::Planned => {}
        }
    }

    pub(super) fn on_signal<S: Sink + ?Sized>(&mut self, signal: Signal, cx: &mut Context<'_, S>) {
        match signal {
            Signal::LinkAdded(link) => self.wired(link, cx),
            Signal::LinkRemoved(link) => self.unwired(link),
            Signal::PeerChanged(link) => self.peer_changed(link, cx),
            Signal::Crash => self.crash(cx),
            Signal::Restart => self.restart(cx),
            Signal::CheckClock(factor) => self.check_clock = u64::from(factor),
            Signal::SendOne(..)
            | Signal::RefuseWrites(_)
            | Signal::Slow(_)
            | Signal::Part(..)
            | Signal::Parcel
            | Signal::Flush
            | Signal::StoodStill(_) => {}
        }
    }

    /// The registry dies. What clients have on its way to instances goes on; who waits for the list
    /// waits in vain.
    fn crash<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        self.up = false;
        for place in 0..self.members.len() {
            self.halt(place);
        }
        for slot in std::mem::take(&mut self.waiting).into_values() {
            self.counts.unreachable += 1;
            cx.fail(slot, Reason::ConnectionLost);
        }
    }

    /// It comes up with the catalogue that it kept on disk. What it knew about health it does not
    /// know any more.
    fn restart<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        self.up = true;
        self.life = self.life.wrapping_add(1);
        for member in &self.members {
            if self.list.get(&member.id).is_none() {
                continue;
            }
            // Settings and marks may have changed meanwhile.
            self.list.register(self.config.registration(&member.id, SERVICE));
            self.list.maintain(&member.id, cx.peer(member.link).draining);
        }
        self.list.start_anew();
        cx.wake_in(REAP_INTERVAL, REAP, self.life);
        for place in 0..self.members.len() {
            if self.list.get(&self.members[place].id).is_some() {
                self.begin_checking(place, cx);
            }
        }
    }

    fn reap<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        for gone in self.list.reap(cx.now()) {
            self.counts.reaped += 1;
            if let Some(place) = self.members.iter().position(|one| one.id == gone.id) {
                self.halt(place);
            }
        }
        cx.wake_in(REAP_INTERVAL, REAP, self.life);
    }

    /// The place of the member at the end of a link.
    fn place(&self, link: LinkId) -> Option<usize> {
        self.members.iter().position(|member| member.link == link)
    }
}
