//! A database: a primary that takes changes, and replicas that follow its log and answer reads.
//!
//! Modelled: members with workers and a line each; data by key and version; a log that is sent to
//! every replica in order; five ways to acknowledge (asynchronous, semi-synchronous as MySQL with
//! its timeout, synchronous, quorum, WAIT as Redis); four ways to read; faults of members;
//! detection by the members or by sentinels with a quorum, promotion by priority and then of the
//! longest log (the rank rule of Redis Cluster), fencing, and what is lost without it. A
//! client address is a session; it sends changes to the primary it knows until that one refuses.
//! Not modelled: the way back of the replicas' acknowledgements, work that applying costs,
//! transactions, locks, reads within a change; a range query costs as much as a read and says what
//! its first key is.
//!
//! Formulas: under constant lag d + apply a, a read from a replica t after a change is stale
//! exactly when t < d + a; R + W > N makes every read meet the newest acknowledged change; of n
//! replicas a dead one that is not passed over fails 1 / n of the reads.
//!
//! n requests at work in a member get n / (1 + σ(n − 1) + κn(n − 1)) times as much done as one
//! ([`DatabaseConfig::slowdown`]).
//!
//! Sources: System Design Basics, Read Replicas (`DatabaseCluster`); MySQL 8 manual,
//! Semisynchronous Replication; PostgreSQL manual, `synchronous_commit = remote_apply`; Redis
//! Cluster, replica rank; WAIT, `min-replicas-to-write` and Sentinel as recorded from 7.0.15.

mod choices;
mod config;
mod failover;
mod log;
mod loss;
mod member;
mod params;
mod replicate;
mod resize;
mod sentinel;
mod serve;
mod state;
mod why;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use choices::{Reads, Replication, Spread};
pub use config::DatabaseConfig;
pub use log::{Cell, Is};
pub use loss::Lost;
pub use sentinel::{Said, SentinelEvent};
pub use state::{MemberState, Promotion, Role, RunnerUp, Waited};

use crate::sim::{Context, Dist, Event, Key, Op, PartFault, Signal, Sink, Span, Time, What};
use crate::stats::Meter;
use log::Log;
use loss::Losses;
use member::Member;
use sentinel::Sentinels;

/// A worker has done its task.
const DONE: u8 = 0;
/// Entries come in at a replica.
const DELIVER: u8 = 1;
/// Entries that were received are applied.
const APPLY: u8 = 2;
/// The others notice that a member is gone.
const DETECT: u8 = 3;
/// A change has waited long enough.
const TIMEOUT: u8 = 4;
/// An old primary hears that there is a new one.
const DEMOTE: u8 = 5;
/// The watchers take the next step of a failover.
const SENTINEL: u8 = 6;

/// A timer's number holds the member in its lowest bits.
const MEMBER_BITS: u32 = 4;
const WORKER_BITS: u32 = 12;

/// Sessions that are remembered; beyond, reads that must see their own writes ask the primary.
const SESSIONS_MAX: usize = 65_536;

/// What is remembered of a client address.
#[derive(Clone, Copy, Debug)]
struct Session {
    /// The member it sends changes to.
    leader: u8,
    /// The log position of its last acknowledged change; the highest number when that is not in the
    /// log that the others have.
    wrote: u64,
    /// The highest log position of a member that answered it a read.
    seen: u64,
}

/// A change that is stored and not yet acknowledged.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    slot: u32,
    /// Who stored it.
    leader: usize,
    /// Its place in the log; 0 when it is in an old primary's own.
    position: u64,
    /// When it was stored.
    since: Time,
}

/// A read that several members are asked for.
#[derive(Clone, Copy, Debug)]
struct Poll {
    slot: u32,
    need: u8,
    got: u8,
    /// A bit per member that was asked, and per member whose answer is awaited.
    asked: u16,
    pending: u16,
    /// The newest answer, and whose it is.
    best: Option<(Cell, u8)>,
}

/// What has been counted.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    reads: u64,
    stale: u64,
    not_found: u64,
    received: u64,
    acknowledged: u64,
    failed: u64,
    /// Acknowledged and in the log that the members share.
    kept: u64,
    discarded: u64,
    promotions: u64,
    gave_up_waiting: u64,
    expired: u64,
}

/// A running database.
#[derive(Clone, Debug)]
pub struct Database {
    id: Arc<str>,
    seed: u64,
    config: DatabaseConfig,
    read_time: Dist,
    write_time: Dist,
    lag: Dist,
    slow: u64,
    refuses: bool,
    /// The numbered keys it holds from the start, when it was handed a set.
    parcel: Option<Arc<[u64]>>,
    members: Vec<Member>,
    primary: usize,
    log: Log,
    cursor: usize,
    sessions: BTreeMap<u32, Session>,
    /// Changes in the log that wait for replicas, in its order; and those of old primaries.
    waiting: BTreeMap<u32, Waiting>,
    stranded: BTreeMap<u32, Waiting>,
    /// Semi-synchronous has given up waiting until a replica has caught up.
    alone: bool,
    polls: BTreeMap<u32, Poll>,
    tickets: u32,
    queries: Meter,
    counts: Counts,
    losses: Losses,
    promotion: Option<Promotion>,
    sentinels: Sentinels,
    waited: Option<Waited>,
}

impl Database {
    /// A database called `id` in a run with this seed.
    pub fn new(id: &str, seed: u64, config: DatabaseConfig) -> Database {
        let workers = usize::from(config.workers);
        let mut members: Vec<Member> =
            (0..config.members()).map(|place| Member::new(seed, id, place, workers)).collect();
        members[0].leads = true;
        for (place, member) in members.iter_mut().enumerate() {
            member.extra_lag = config.extra_lag(place);
        }
        Database {
            id: id.into(),
            seed,
            read_time: dist(config.spread, config.read_ms),
            write_time: dist(config.spread, config.write_ms),
            lag: dist(config.lag_spread, config.lag_ms),
            config,
            slow: 1,
            refuses: false,
            parcel: None,
            members,
            primary: 0,
            log: Log::default(),
            cursor: 0,
            sessions: BTreeMap::new(),
            waiting: BTreeMap::new(),
            stranded: BTreeMap::new(),
            alone: false,
            polls: BTreeMap::new(),
            tickets: 0,
            queries: Meter::default(),
            counts: Counts::default(),
            losses: Losses::default(),
            promotion: None,
            sentinels: Sentinels::default(),
            waited: None,
        }
    }

    #[inline]
    pub(super) fn on_event<S: Sink + ?Sized>(&mut self, event: Event, cx: &mut Context<'_, S>) {
        let What::Timer(tag) = event.what else {
            if event.what == What::Arrive {
                self.arrive(event.arg, cx);
            }
            return;
        };
        if tag == TIMEOUT {
            return self.give_up(event.arg, cx);
        }
        if tag == SENTINEL {
            return self.step(event.arg, cx);
        }
        let place = (event.arg & ((1 << MEMBER_BITS) - 1)) as usize;
        let number = event.arg >> MEMBER_BITS;
        let Some(member) = self.members.get(place) else { return };
        let counter = |count: u32| timer(0, count) >> MEMBER_BITS;
        match tag {
            DONE if number >> WORKER_BITS == u32::from(member.life) => {
                self.done(place, (number & ((1 << WORKER_BITS) - 1)) as usize, cx);
            }
            DELIVER if number == counter(member.feed) => self.deliver(place, cx),
            APPLY if number == counter(member.ripe) => self.apply(place, cx),
            DETECT if number == counter(member.watch) => self.detect(place, cx),
            DEMOTE if number == counter(member.watch) => self.step_down(place, cx),
            _ => {}
        }
    }

    pub(super) fn on_signal<S: Sink + ?Sized>(&mut self, signal: Signal, cx: &mut Context<'_, S>) {
        match signal {
            Signal::Crash => self.crash(cx),
            Signal::Restart => self.restart(cx),
            Signal::Slow(factor) => self.slow = u64::from(factor),
            Signal::RefuseWrites(refuses) => self.refuses = refuses,
            Signal::Parcel => self.parcel = cx.take_parcel(),
            Signal::Part(part, fault) => {
                let place = usize::from(part);
                if place < self.members.len() {
                    match fault {
                        PartFault::Crash => self.crash_part(place, cx),
                        PartFault::Restart => self.restart_part(place, cx),
                        PartFault::Cut => self.cut_part(place, cx),
                        PartFault::Join => self.join_part(place, cx),
                    }
                }
            }
            Signal::LinkAdded(_)
            | Signal::LinkRemoved(_)
            | Signal::PeerChanged(_)
            | Signal::SendOne(..)
            | Signal::Flush
            | Signal::CheckClock(_)
            | Signal::StoodStill(_) => {}
        }
    }

    /// Is the key there from the start?
    fn loaded(&self, key: Key) -> bool {
        if key.typed_place().is_some() {
            return false;
        }
        match &self.parcel {
            Some(keys) => {
                let word = keys.get((key.0 >> 6) as usize);
                word.is_some_and(|word| word >> (key.0 & 63) & 1 == 1)
            }
            None => key.0 < self.config.records,
        }
    }

    /// Can these two reach each other?
    fn linked(&self, a: usize, b: usize) -> bool {
        a == b || (self.members[a].in_reach() && self.members[b].in_reach())
    }

    /// Does it take changes?
    fn takes_changes(&self, place: usize) -> bool {
        self.members[place].leads && (place == self.primary || !self.config.fencing)
    }

    /// The replicas: every member but the primary.
    fn replicas(&self) -> impl Iterator<Item = usize> {
        let primary = self.primary;
        (0..self.members.len()).filter(move |place| *place != primary)
    }

    fn ticket(&mut self) -> u32 {
        self.tickets = self.tickets.wrapping_add(1);
        self.tickets
    }
}

/// Does it change what is stored here?
fn stores(op: Op) -> bool {
    matches!(op, Op::Write | Op::Delete | Op::MoveIn | Op::MoveOut)
}

/// The number of a timer of a member.
fn timer(place: usize, number: u32) -> u32 {
    number << MEMBER_BITS | place as u32
}

fn dist(spread: Spread, ms: f64) -> Dist {
    let mean = Span::from_millis_f64(ms);
    match spread {
        Spread::Constant => Dist::Constant(mean),
        Spread::Exponential => Dist::exponential(mean),
    }
}
