//! A cache cluster: members that hold entries, and a coordinator that knows who holds what.
//!
//! Modelled: members with entries, an eviction policy, workers and a line each; any placement of
//! the catalogue, whose list for a key names its owner and those that hold copies; replication
//! factor; reads and writes that need one, a quorum or all of them; copies that nobody waits for,
//! made later; versions, of which a member keeps the newest; deletions that are remembered or not;
//! members that die and lose what they held, that are cut off and come back with what is old by
//! then, that join and leave; a coordinator that notices by missing heartbeats and waits in vain
//! for answers until then; failover to the next on the list; a second look at the copies after a
//! miss; hinted handoff, read repair, keys handed over. Not modelled: several coordinators that
//! disagree, sizes of values, the work that copies cost, single flight; range queries pass through.
//!
//! Formulas: with N copies, R answers to a read and W to a write, R + W > N makes every read meet
//! the newest acknowledged version while members stay as they are; under the delay d a copy that
//! was not waited for is old until d after the write began; a member that falls between two
//! heartbeats is known to be gone (misses - 1) to misses intervals later; one more beside n members
//! takes over 1 / (n + 1) of the keys at least.
//!
//! Sources: DeCandia et al., Dynamo: Amazon's Highly Available Key-value Store, 2007 (preference
//! list, quorums, hinted handoff, read repair); twemproxy, `auto_eject_hosts` (the next takes
//! over); mcrouter, `MissFailoverRoute` (the second look).

mod ask;
mod config;
mod copies;
mod ground;
mod handover;
mod member;
mod params;
mod seen;
mod serve;
mod state;
mod watch;
mod why;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

pub use config::{ClusterConfig, Level, Pattern, ReadsFrom};
pub use handover::Change;
pub use state::{MemberState, Standing};
pub use watch::{Loss, Noticed};

use super::shelf::Entry;
use crate::sim::{Context, Event, Key, KeyMap, LinkId, PartFault, Signal, Sink, Span, Time, What};
use crate::stats::Meter;
use ground::Ground;
use member::Member;
use seen::Seen;

/// A node's hands, whoever records.
type Hands<'a> = Context<'a, dyn Sink + 'a>;

/// A share reaches its member.
const REACH: u8 = 0;
/// A member has done a share.
const DONE: u8 = 1;
/// A member's answer is back.
const BACK: u8 = 2;
/// A member's answer has been waited for long enough.
const TIMEOUT: u8 = 3;
/// A copy reaches its member.
const COPY: u8 = 4;
/// The heartbeat is due by which a member is known to be gone.
const NOTICE: u8 = 5;
/// A heartbeat of a member that was known to be gone.
const GREET: u8 = 6;
/// The next key is handed over.
const MOVE: u8 = 7;
/// The last member joins.
const JOIN: u8 = 8;

/// A timer's number holds the member in its lowest bits.
const MEMBER_BITS: u32 = 4;
const TICKETS: u32 = u32::MAX >> MEMBER_BITS;

/// What a request wants of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// To look for its key.
    Look,
    /// To keep this version.
    Keep(Entry),
}

/// A request for which members are being asked.
#[derive(Clone, Debug)]
struct Work {
    slot: u32,
    key: Key,
    purpose: Purpose,
    /// When it came, or came back from the store.
    since: Time,
    /// Who may be asked, in this order.
    list: Vec<u8>,
    /// How many hold the key when all is well.
    copies: u8,
    /// How many must answer.
    need: u8,
    /// Have those answered with nothing, so that others are asked?
    again: bool,
    /// A bit per member that was asked, and per member whose answer is awaited.
    asked: u16,
    pending: u16,
    /// Who answered with what.
    answers: Vec<(u8, Option<Entry>)>,
}

/// What one member does of it.
#[derive(Clone, Copy, Debug)]
struct Share {
    /// The work it is of, by its ticket.
    work: u32,
    place: u8,
    key: Key,
    purpose: Purpose,
    /// Is it on its way back? Then with this; nothing when the member had no place for it.
    answer: Option<Option<Entry>>,
    back: bool,
}

/// A version on its way to a member, and nobody waits for it.
#[derive(Clone, Copy, Debug)]
struct Copying {
    place: u8,
    key: Key,
    entry: Entry,
}

/// What was sent on to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Errand {
    Load,
    Write,
}

/// What a cluster counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Reads answered from what members have.
    pub hits: u64,
    /// Reads that no member asked could answer.
    pub misses: u64,
    /// Hits with a version older than one that was acknowledged before the read came.
    pub stale_hits: u64,
    /// Members asked because others had nothing.
    pub second_looks: u64,
    /// Misses of keys that another member holds.
    pub elsewhere: u64,
    /// Misses that asked the store.
    pub loads: u64,
    /// Writes and deletions sent to the store.
    pub written: u64,
    /// Versions that members took.
    pub fills: u64,
    /// Entries that left to make room.
    pub evictions: u64,
    /// Entries whose time was over.
    pub expired: u64,
    /// What was turned away because it refused writes.
    pub refused: u64,
    /// Answers of members that were waited for in vain.
    pub no_answer: u64,
    /// Requests that failed for that.
    pub unanswered: u64,
    /// Requests that failed at once: too few members are known to be there.
    pub too_few: u64,
    /// Requests that failed because a member had no waiting place.
    pub queue_full: u64,
    /// Requests lost in a crash of all.
    pub dropped: u64,
    /// Keys that a dead member held and no living one has.
    pub lost: u64,
    /// Keys of which only an older version is left.
    pub set_back: u64,
    /// Keys handed over.
    pub handed: u64,
    /// Members that were found to be gone.
    pub noticed: u64,
    /// Versions kept for members that were gone, and given to them.
    pub hinted: u64,
    /// Versions given to members that answered with older ones.
    pub repaired: u64,
}

/// A running cache cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    id: Arc<str>,
    seed: u64,
    config: ClusterConfig,
    /// The settings that the ground was made by.
    made_by: ClusterConfig,
    ground: Option<Rc<Ground>>,
    /// Why it cannot place keys just now.
    refusal: Option<String>,
    members: Vec<Member>,
    store: Option<LinkId>,
    slow: u64,
    refuses: bool,
    works: BTreeMap<u32, Work>,
    shares: BTreeMap<u32, Share>,
    copies: BTreeMap<u32, Copying>,
    /// What was sent on to the store, by slot.
    errands: BTreeMap<u32, Errand>,
    /// What members that are gone should have got.
    hints: BTreeMap<(u8, Key), Entry>,
    tickets: u32,
    /// Whose turn the next read is.
    cursor: u32,
    /// Keys to hand over, in order, and how far it got.
    plan: Arc<[Key]>,
    next: usize,
    ticking: bool,
    /// Counts the times that handing over was stopped: a timer set before rings for nobody.
    life: u32,
    /// What members that left held and is not handed over yet.
    bag: BTreeMap<Key, Entry>,
    /// Which versions went through.
    seen: KeyMap<Seen>,
    /// The key of the last request.
    last: Option<Key>,
    arrived: Meter,
    counts: Counts,
    change: Option<Change>,
    loss: Option<Loss>,
    notice: Option<Noticed>,
}

impl Cluster {
    /// A cluster called `id` in a run with this seed. Its members come when it starts.
    pub fn new(id: &str, seed: u64, config: ClusterConfig) -> Cluster {
        Cluster {
            id: id.into(),
            seed,
            made_by: config.clone(),
            config,
            ground: None,
            refusal: None,
            members: Vec::new(),
            store: None,
            slow: 1,
            refuses: false,
            works: BTreeMap::new(),
            shares: BTreeMap::new(),
            copies: BTreeMap::new(),
            errands: BTreeMap::new(),
            hints: BTreeMap::new(),
            tickets: 0,
            cursor: 0,
            plan: Arc::default(),
            next: 0,
            ticking: false,
            life: 0,
            bag: BTreeMap::new(),
            seen: KeyMap::default(),
            last: None,
            arrived: Meter::default(),
            counts: Counts::default(),
            change: None,
            loss: None,
            notice: None,
        }
    }

    pub(super) fn start(&mut self, cx: &mut Hands<'_>) {
        self.await_the_last(cx);
        self.settle(cx);
    }

    #[inline]
    pub(super) fn on_event(&mut self, event: Event, cx: &mut Hands<'_>) {
        let (number, place) = (event.arg >> MEMBER_BITS, member_of(event.arg));
        match event.what {
            What::Arrive => self.arrive(event.arg, cx),
            What::Reply => self.back_from_store(event.arg, cx),
            What::Timer(REACH) => self.reach(event.arg, cx),
            What::Timer(DONE) => self.done(event.arg, cx),
            What::Timer(BACK) => self.back(event.arg, cx),
            What::Timer(TIMEOUT) => self.time_is_up(number, place, cx),
            What::Timer(COPY) => self.copy_arrives(event.arg, cx),
            What::Timer(NOTICE) => self.notice(place, number, cx),
            What::Timer(GREET) => self.greet(place, number, cx),
            What::Timer(MOVE) if event.arg == self.life => self.move_next(cx),
            What::Timer(JOIN) => self.settle(cx),
            What::Timer(_) | What::Planned => {}
        }
    }

    pub(super) fn on_signal(&mut self, signal: Signal, cx: &mut Hands<'_>) {
        match signal {
            Signal::LinkAdded(link) => self.store = self.store.or(Some(link)),
            Signal::LinkRemoved(_) => self.store = cx.outgoing().map(|(link, _)| link).next(),
            Signal::RefuseWrites(refuses) => self.refuses = refuses,
            Signal::Slow(factor) => self.slow = u64::from(factor),
            Signal::Crash => self.crash(cx),
            Signal::Flush => {
                let reached = self.members.iter_mut().filter(|member| member.up && !member.cut);
                reached.for_each(|member| member.flush(&self.config, cx.now()));
            }
            Signal::Restart => self.restart(cx),
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
            Signal::PeerChanged(_)
            | Signal::SendOne(..)
            | Signal::Parcel
            | Signal::CheckClock(_)
            | Signal::StoodStill(_) => {}
        }
    }

    /// New settings, from the next request on.
    pub fn configure(&mut self, config: ClusterConfig, cx: &mut Hands<'_>) {
        if config == self.config {
            return;
        }
        let before = std::mem::replace(&mut self.config, config);
        let config = &self.config;
        if (before.policy, before.capacity) != (config.policy, config.capacity) {
            let now = cx.now();
            for member in &mut self.members {
                self.counts.evictions += member.rebuild(config, now);
            }
        }
        self.await_the_last(cx);
        self.settle(cx);
        let holds = |c: &ClusterConfig| (c.copies, c.failover, c.handover);
        if holds(&before) != holds(&self.config) {
            self.plan(cx);
        }
        for place in 0..self.members.len() {
            self.begin_waiting(place, cx);
        }
    }

    /// Has a look at the members when the last one joins.
    fn await_the_last(&self, cx: &mut Hands<'_>) {
        let (now, joins) = (cx.now(), self.joins_at());
        if now < joins {
            cx.wake_in(joins.since(now), JOIN, 0);
        }
    }

    fn joins_at(&self) -> Time {
        Time::ZERO + Span::from_seconds_f64(self.config.joins_s)
    }

    /// How many members there are to be.
    fn wanted(&self, now: Time) -> usize {
        let all = usize::from(self.config.members);
        if now < self.joins_at() && all > 1 { all - 1 } else { all }
    }

    fn ticket(&mut self) -> u32 {
        self.tickets = self.tickets.wrapping_add(1) & TICKETS;
        self.tickets
    }
}

/// The number of a timer of a member.
fn timer(place: usize, number: u32) -> u32 {
    number << MEMBER_BITS | place as u32
}

/// The member that a timer's number names.
fn member_of(arg: u32) -> usize {
    (arg & ((1 << MEMBER_BITS) - 1)) as usize
}

/// The name of a member, which placements hash.
fn name_of(place: usize) -> String {
    format!("m{place}")
}
