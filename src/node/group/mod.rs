//! An autoscaled group: identical servers behind one address, and a controller that starts and
//! stops them.
//!
//! Modelled: servers with cores and a line each; two rules of dispatch; a controller that looks
//! back at fixed instants and decides by target tracking ([`wanted`]) on utilisation or queue
//! depth, with a tolerance and two cool-downs; start-up time, in which a server costs and serves
//! nothing; draining; servers that die and are replaced once that is noticed; cost by the
//! server-hour. Not modelled: the time a decision takes, machines of several sizes, predictions,
//! servers that are slow when new; those in the group ask nobody else.
//!
//! Formulas: wanted = ceil(current x measured / target); cost = price x the integral of the number
//! of servers, from the start of each to its end. In steady load of a erlangs the group settles at
//! the fewest servers for which a / (servers x cores) is at most the target.
//!
//! Sources: Kubernetes, Horizontal Pod Autoscaling; AWS Application Auto Scaling, target tracking
//! and cool-down periods.

mod config;
mod control;
mod fleet;
mod member;
mod state;
mod tracking;
mod why;

use std::collections::VecDeque;

pub use config::{Dispatch, GroupConfig, Metric};
pub use control::{Action, Decision};
pub use member::Life;
pub use state::MemberState;
pub use tracking::wanted;

use crate::node::PARTS_MAX;
use crate::sim::{Context, Dist, Event, Outcome, PartFault, Reason, Rng, Signal, Sink, What};
use crate::stats::{Level, Meter};
use control::Mark;
use member::Member;
use tracking::Cooling;

/// Timers: a core is done, a server is up, a death is noticed, the controller looks.
const DONE: u8 = 0;
const READY: u8 = 1;
const DETECT: u8 = 2;
const LOOK: u8 = 3;

/// A timer's number holds the place of the server in its lowest bits, then the core.
const PLACE_BITS: u32 = 4;
const CORE_BITS: u32 = 6;
const NUMBER_BITS: u32 = 32 - PLACE_BITS - CORE_BITS;

/// What has been counted.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    refused: u64,
    refused_dead: u64,
    lost: u64,
    scaled_out: u64,
    scaled_in: u64,
    replaced: u64,
    most_servers: u32,
}

/// A running autoscaled group.
#[derive(Clone, Debug)]
pub struct Group {
    config: GroupConfig,
    service: Dist,
    rng: Rng,
    slow: u64,
    /// Has the whole group crashed?
    down: bool,
    places: Vec<Option<Member>>,
    /// How many servers there are to be.
    desired: u8,
    /// The place that was chosen last.
    last: usize,
    /// Servers ever started, to tell them apart.
    numbers: u32,
    cooling: Cooling,
    /// Only the newest timer of the controller counts; does one run?
    turn: u32,
    looking: bool,
    mark: Mark,
    decision: Option<Decision>,
    /// The decisions that changed something, newest last.
    log: VecDeque<Decision>,
    /// All of these are over time: cores at work and all cores of servers that are up, those that
    /// wait there, servers that are up, servers that cost.
    busy: Level,
    capacity: Level,
    waiting: Level,
    up: Level,
    paid: Level,
    /// Requests at work and waiting anywhere in the group, over time.
    serving: Level,
    in_line: Level,
    /// What was paid until `billed`, an area of `paid`, at the prices of then.
    spent: f64,
    billed: u128,
    arrived: Meter,
    served: Meter,
    counts: Counts,
}

impl Group {
    /// A group called `id` in a run with this seed.
    pub fn new(id: &str, seed: u64, config: GroupConfig) -> Group {
        Group {
            service: config.times(),
            rng: Rng::stream(seed, id, "service"),
            slow: 1,
            down: false,
            places: vec![None; usize::from(PARTS_MAX)],
            desired: config.fewest(),
            config,
            last: usize::from(PARTS_MAX) - 1,
            numbers: 0,
            cooling: Cooling::default(),
            turn: 0,
            looking: false,
            mark: Mark::default(),
            decision: None,
            log: VecDeque::new(),
            busy: Level::default(),
            capacity: Level::default(),
            waiting: Level::default(),
            up: Level::default(),
            paid: Level::default(),
            serving: Level::default(),
            in_line: Level::default(),
            spent: 0.0,
            billed: 0,
            arrived: Meter::default(),
            served: Meter::default(),
            counts: Counts::default(),
        }
    }

    /// The fewest servers are there, and up.
    pub(super) fn start<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        for _ in 0..self.desired {
            self.put(Life::Up);
        }
        self.count(cx.now());
        self.mark = self.areas(cx.now());
    }

    /// New settings, from the next request and the next look on.
    pub fn configure<S: Sink + ?Sized>(&mut self, config: GroupConfig, cx: &mut Context<'_, S>) {
        if config == self.config {
            return;
        }
        self.wake(cx);
        self.bill(cx.now());
        let other_interval = config.interval() != self.config.interval();
        self.service = config.times();
        self.config = config;
        if other_interval {
            self.look_later(cx);
        }
        let cores = usize::from(self.config.cores);
        for place in 0..self.places.len() {
            if let Some(member) = &mut self.places[place] {
                let kept = member.cores.iter().rposition(Option::is_some).map_or(0, |n| n + 1);
                member.cores.resize(cores.max(kept), None);
                self.take_next(place, cx);
            }
        }
        self.desired = self.desired.clamp(self.config.fewest(), self.config.max);
        if !self.down {
            self.meet(cx);
        }
        self.count(cx.now());
    }

    #[inline]
    pub(super) fn on_event<S: Sink + ?Sized>(&mut self, event: Event, cx: &mut Context<'_, S>) {
        let place = (event.arg & ((1 << PLACE_BITS) - 1)) as usize;
        let core = (event.arg >> PLACE_BITS & ((1 << CORE_BITS) - 1)) as usize;
        let number = event.arg >> (PLACE_BITS + CORE_BITS);
        let is_it = self.places[place].as_ref().is_some_and(|member| member.number == number);
        match event.what {
            What::Arrive => {
                self.wake(cx);
                self.arrive(event.arg, cx);
            }
            What::Timer(DONE) if is_it => self.done(place, core, cx),
            What::Timer(READY) if is_it => self.ready(place),
            What::Timer(DETECT) if is_it => self.detect(place, cx),
            What::Timer(LOOK) if event.arg == self.turn => self.look(cx),
            _ => return,
        }
        self.count(cx.now());
    }

    pub(super) fn on_signal<S: Sink + ?Sized>(&mut self, signal: Signal, cx: &mut Context<'_, S>) {
        match signal {
            Signal::Crash => self.crash(cx),
            Signal::Restart => {
                self.down = false;
                self.wake(cx);
                self.desired = self.config.fewest();
                self.meet(cx);
            }
            Signal::Slow(factor) => self.slow = u64::from(factor),
            Signal::Part(part, fault) if usize::from(part) < self.places.len() => {
                self.wake(cx);
                match fault {
                    PartFault::Crash | PartFault::Cut => self.fall(usize::from(part), cx),
                    PartFault::Restart | PartFault::Join => self.rise(usize::from(part)),
                }
            }
            Signal::Part(..)
            | Signal::LinkAdded(_)
            | Signal::LinkRemoved(_)
            | Signal::PeerChanged(_)
            | Signal::SendOne(..)
            | Signal::RefuseWrites(_)
            | Signal::Parcel
            | Signal::Flush
            | Signal::CheckClock(_)
            | Signal::StoodStill(_) => {}
        }
        self.count(cx.now());
    }

    // ===== requests =====

    #[inline]
    fn arrive<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        self.arrived.mark(cx.now());
        let chosen = self.choose();
        let mut why = cx.why(slot);
        if why.wanted() {
            self.explain(chosen, &mut why, cx);
        }
        cx.decided(slot, why);
        let limit = self.config.queue_limit as usize;
        let Some(place) = chosen else { return cx.fail(slot, Reason::NoHealthyBackend) };
        self.last = place;
        let Some(member) = &mut self.places[place] else { return };
        let cores = member.cores.iter().take(usize::from(self.config.cores));
        let free = cores.into_iter().position(Option::is_none);
        match (member.life, free) {
            (Life::Dead, _) => {
                self.counts.refused_dead += 1;
                cx.fail(slot, Reason::ConnectionRefused);
            }
            (_, Some(core)) => self.begin(place, core, slot, cx),
            (_, None) if member.queue.len() < limit => {
                member.queue.push_back(slot);
                cx.wait(slot);
            }
            (_, None) => {
                self.counts.refused += 1;
                cx.fail(slot, Reason::QueueFull);
            }
        }
    }

    /// The place of whoever gets the next request.
    fn choose(&self) -> Option<usize> {
        let all = self.places.len();
        let in_turn = (1..=all).map(|step| (self.last + step) % all);
        let there = in_turn.filter_map(|place| Some((place, self.places[place].as_ref()?)));
        let mut open = there.filter(|(_, member)| member.in_rotation());
        let chosen = match self.config.dispatch {
            Dispatch::RoundRobin => open.next(),
            // The first of equals counts.
            Dispatch::LeastBusy => open.min_by_key(|(_, member)| member.in_hand()),
        };
        chosen.map(|(place, _)| place)
    }

    fn begin<S: Sink + ?Sized>(
        &mut self,
        place: usize,
        core: usize,
        slot: u32,
        cx: &mut Context<'_, S>,
    ) {
        let span = self.service.draw(&mut self.rng) * self.slow;
        let Some(member) = &mut self.places[place] else { return };
        member.cores[core] = Some(slot);
        let number = member.number;
        cx.serve(slot, span);
        cx.wake_in(span, DONE, timer(place, core, number));
    }

    fn done<S: Sink + ?Sized>(&mut self, place: usize, core: usize, cx: &mut Context<'_, S>) {
        let Some(member) = &mut self.places[place] else { return };
        let Some(slot) = member.cores.get_mut(core).and_then(Option::take) else { return };
        member.served += 1;
        self.served.mark(cx.now());
        cx.reply(slot, Outcome::Done);
        self.take_next(place, cx);
        self.leave_if_idle(place);
    }

    /// Free cores of a server take those who wait there; cores that are no more are taken away.
    fn take_next<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        let wanted = usize::from(self.config.cores);
        for core in 0..wanted {
            let Some(member) = &mut self.places[place] else { return };
            if member.cores.get(core) != Some(&None) {
                continue;
            }
            let Some(slot) = member.queue.pop_front() else { break };
            self.explain_next(place, slot, cx);
            self.begin(place, core, slot, cx);
        }
        if let Some(member) = &mut self.places[place] {
            while member.cores.len() > wanted && member.cores.last() == Some(&None) {
                member.cores.pop();
            }
        }
    }
}

/// The number of a timer of a core of a server.
fn timer(place: usize, core: usize, number: u32) -> u32 {
    number << (PLACE_BITS + CORE_BITS) | (core as u32) << PLACE_BITS | place as u32
}
