//! Requests: what one is, how it can end, where it is just now, and the slab they live in.

use super::node::{LinkId, NodeId};
use super::time::{Span, Time};

/// The most links a request may cross on its way; a longer way is a loop.
pub const HOPS_MAX: usize = 12;

/// What a request asks for, as a small number: `user:N`, or a typed key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(pub(crate) u32);

impl Key {
    const TYPED: u32 = 1 << 31;

    /// Key number `n` of the numbered keys, written `user:n`.
    pub fn numbered(n: u32) -> Key {
        Key(n & !Key::TYPED)
    }

    /// Typed key number `n`; its text is in the world's list.
    pub fn typed(n: u32) -> Key {
        Key(n | Key::TYPED)
    }

    /// The number of a numbered key.
    pub fn number(self) -> Option<u32> {
        (self.0 & Key::TYPED == 0).then_some(self.0)
    }

    /// The place in the list of typed keys, if this is one.
    pub fn typed_place(self) -> Option<usize> {
        (self.0 & Key::TYPED != 0).then_some((self.0 & !Key::TYPED) as usize)
    }
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Op {
    /// The value of the key.
    #[default]
    Read,
    /// To give the key a new value.
    Write,
    /// To delete the key.
    Delete,
    /// The values of a run of keys, beginning with the key.
    Scan,
    /// Asked of a cache by whoever manages it: to keep the version that comes along.
    Fill,
    /// Asked of a cache by whoever manages it: to forget the key.
    Invalidate,
    /// Asked of a database by whoever moves keys: to take the version that comes along over.
    MoveIn,
    /// Asked of a database by whoever moves keys: to hand the key over and forget it.
    MoveOut,
    /// Asked of a server by a registry: how it is.
    Check,
}

impl Op {
    /// All of them, in the order of their numbers.
    pub const ALL: [Op; 9] = [
        Op::Read,
        Op::Write,
        Op::Delete,
        Op::Scan,
        Op::Fill,
        Op::Invalidate,
        Op::MoveIn,
        Op::MoveOut,
        Op::Check,
    ];

    /// As it is shown before the key: `GET`.
    pub fn words(self) -> &'static str {
        match self {
            Op::Read => "GET",
            Op::Write => "PUT",
            Op::Delete => "DELETE",
            Op::Scan => "SCAN",
            Op::Fill => "FILL",
            Op::Invalidate => "INVALIDATE",
            Op::MoveIn => "MOVE IN",
            Op::MoveOut => "MOVE OUT",
            Op::Check => "CHECK",
        }
    }

    /// Does it change what is stored?
    pub fn changes(self) -> bool {
        matches!(self, Op::Write | Op::Delete)
    }
}

/// Which version of a key's value: the number of the commit that made it, and who wrote it. Later
/// commits have higher numbers, whichever database they went to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// The number of the commit in this run; 0 is the value that was there from the beginning.
    pub commit: u32,
    /// The low 32 bits of the serial number of the request that wrote it.
    pub by: u32,
}

/// What a read found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Found {
    /// Nobody has looked yet.
    #[default]
    Unasked,
    /// The key is not there.
    Nothing,
    /// The key is there, in the version of the request's stamp.
    Value,
}

/// Why a request failed. Each is counted, and shown on the node that dropped it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Reason {
    /// The balancer has no server that is healthy.
    NoHealthyBackend,
    /// Every waiting place was taken.
    QueueFull,
    /// Nobody is listening there: the node is down or gone.
    ConnectionRefused,
    /// The way was cut, or the node died with the request in hand.
    ConnectionLost,
    /// It cannot be served as it is wired: nowhere to go, or round in a loop.
    BadRequest,
    /// The partition that the row belongs to is not attached.
    PartitionNotFound,
    /// The replica that should have answered is gone.
    ReplicaLost,
    /// The member that was asked to write is not the primary any more.
    NotLeader,
    /// Too few members answered.
    QuorumNotReached,
    /// It takes no changes just now.
    WriteRefused,
    /// There was no memory for one more.
    MemoryFull,
    /// The gateway knows no such service.
    ServiceNotFound,
    /// Nobody who answers for the service may be used.
    NoHealthyEndpoints,
    /// It came without a token.
    NotAllowed,
    /// More came than are let in.
    RateLimited,
    /// So many were under way that no more are taken.
    Shed,
    /// Too many failed at everybody it could go to: nobody asks them for a while.
    CircuitOpen,
    /// No answer came in the time allowed.
    TimedOut,
    /// Every attempt that was allowed has failed.
    RetriesUsedUp,
    /// The time for all attempts together is over.
    DeadlinePassed,
    /// It went to a server of another service, which does not know what it asks for.
    WrongService,
    /// A queue would not take the message, or a worker refused it.
    MessageRejected,
    /// It had waited as long as it may before anybody had room.
    TimedOutWaiting,
    /// The node answered that something went wrong inside.
    Errored,
}

impl Reason {
    /// All of them, in the order of their numbers.
    pub const ALL: [Reason; 24] = [
        Reason::NoHealthyBackend,
        Reason::QueueFull,
        Reason::ConnectionRefused,
        Reason::ConnectionLost,
        Reason::BadRequest,
        Reason::PartitionNotFound,
        Reason::ReplicaLost,
        Reason::NotLeader,
        Reason::QuorumNotReached,
        Reason::WriteRefused,
        Reason::MemoryFull,
        Reason::ServiceNotFound,
        Reason::NoHealthyEndpoints,
        Reason::NotAllowed,
        Reason::RateLimited,
        Reason::Shed,
        Reason::CircuitOpen,
        Reason::TimedOut,
        Reason::RetriesUsedUp,
        Reason::DeadlinePassed,
        Reason::WrongService,
        Reason::MessageRejected,
        Reason::TimedOutWaiting,
        Reason::Errored,
    ];

    /// As it is shown: `queue full`.
    pub fn words(self) -> &'static str {
        match self {
            Reason::NoHealthyBackend => "no healthy backend",
            Reason::QueueFull => "queue full",
            Reason::ConnectionRefused => "connection refused",
            Reason::ConnectionLost => "connection lost",
            Reason::BadRequest => "nowhere to go",
            Reason::PartitionNotFound => "partition not found",
            Reason::ReplicaLost => "replica lost",
            Reason::NotLeader => "not leader",
            Reason::QuorumNotReached => "quorum not reached",
            Reason::WriteRefused => "write refused",
            Reason::MemoryFull => "memory full",
            Reason::ServiceNotFound => "service not found",
            Reason::NoHealthyEndpoints => "no healthy endpoints",
            Reason::NotAllowed => "not allowed",
            Reason::RateLimited => "rate limited",
            Reason::Shed => "shed",
            Reason::CircuitOpen => "circuit open",
            Reason::TimedOut => "timed out",
            Reason::RetriesUsedUp => "retries used up",
            Reason::DeadlinePassed => "deadline passed",
            Reason::WrongService => "wrong service",
            Reason::MessageRejected => "message rejected",
            Reason::TimedOutWaiting => "timed out waiting",
            Reason::Errored => "server error",
        }
    }
}

/// What a request is made to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// What to do.
    pub op: Op,
    /// With which key.
    pub key: Key,
    /// For a scan: with how many keys from there on.
    pub width: u32,
}

impl Want {
    /// To do this with one key.
    pub fn one(op: Op, key: Key) -> Want {
        Want { op, key, width: 1 }
    }
}

/// How a request stands or ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// Still asking.
    #[default]
    Pending,
    /// Answered.
    Done,
    /// Failed for this reason, at this place.
    Failed(Reason, Place),
}

/// Where a request is. It is in exactly one place at any time, so its stays add up to its latency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On a link, away from the client.
    Going(LinkId),
    /// On a link, back to the client.
    Returning(LinkId),
    /// In a node's queue.
    Waiting(NodeId),
    /// Being worked on.
    Serving(NodeId),
    /// Held by a node that asked others for it and waits for their answers.
    Calling(NodeId),
    /// Just come in at a node that has not decided yet, or just been made.
    At(NodeId),
    /// At the door of a node that stands still.
    AtDoor(NodeId),
}

/// One request. Plain data, about a hundred bytes.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Serial number in this run, from 1. A call made for a request's sake has that request's; one
    /// made for nobody's has 0.
    pub id: u64,
    /// When the client made it.
    pub born: Time,
    /// What it asks for.
    pub key: Key,
    /// The client that made it.
    pub client: NodeId,
    /// The address it came from, as an IPv4 number.
    pub address: u32,
    /// How it stands.
    pub outcome: Outcome,
    /// Where it is.
    pub place: Place,
    /// Since when it is there.
    pub since: Time,
    /// When it will leave, where that is known: the end of a link, the end of service.
    pub until: Time,
    /// Which version it carries: the one to store, or the one that was found.
    pub stamp: Stamp,
    /// For a scan: how many keys, beginning with `key`.
    pub width: u32,
    /// How many microseconds after its birth its answer is of no use any more; 0 is never.
    patience_us: u32,
    hops: [LinkId; HOPS_MAX],
    depth: u8,
    /// For a call: how many of the hops are those of the request it was made for.
    base: u8,
    /// Which service it is for, as the number of its name and one; 0 where its key says so.
    pub service: u16,
    /// What it wants.
    pub op: Op,
    /// What a read found so far.
    pub found: Found,
    /// Is it a call that a node made, not a client's request?
    pub is_call: bool,
}

impl Request {
    pub(crate) fn new(id: u64, born: Time, want: Want, client: NodeId, address: u32) -> Request {
        let Want { op, key, width } = want;
        Request {
            id,
            born,
            key,
            client,
            address,
            outcome: Outcome::Pending,
            place: Place::At(client),
            since: born,
            until: born,
            stamp: Stamp::default(),
            width,
            patience_us: 0,
            hops: [LinkId(0); HOPS_MAX],
            depth: 0,
            base: 0,
            service: 0,
            op,
            found: Found::Unasked,
            is_call: false,
        }
    }

    /// The links it has crossed and will cross again on its way back, first first.
    pub fn path(&self) -> &[LinkId] {
        &self.hops[usize::from(self.base)..usize::from(self.depth)]
    }

    /// All links between it and the client: for a call, those of the request it was made for too.
    pub fn way(&self) -> &[LinkId] {
        &self.hops[..usize::from(self.depth)]
    }

    /// It is made for the sake of `cause`, whose way is the beginning of its own.
    pub(crate) fn follow(&mut self, cause: &Request) {
        (self.hops, self.depth, self.base) = (cause.hops, cause.depth, cause.depth);
        if let Some(deadline) = cause.deadline() {
            self.wait_until(deadline);
        }
    }

    /// From when on nobody waits for its answer: it is the deadline of whoever it is made for, to
    /// the microsecond, and travels with it.
    #[inline]
    pub fn deadline(&self) -> Option<Time> {
        let patience = Span::from_ns(u64::from(self.patience_us) * 1_000);
        (self.patience_us > 0).then(|| self.born + patience)
    }

    /// Is it of no use any more at `now`?
    #[inline]
    pub fn is_too_late(&self, now: Time) -> bool {
        self.patience_us > 0 && self.deadline().is_some_and(|deadline| now >= deadline)
    }

    /// Nobody waits for its answer from `deadline` on: an hour from its birth at most.
    pub(crate) fn wait_until(&mut self, deadline: Time) {
        let us = deadline.since(self.born).ns().div_ceil(1_000);
        self.patience_us = u32::try_from(us).unwrap_or(u32::MAX).max(1);
    }

    /// It is at `place` from `now` on, and will leave it at `until`.
    #[inline]
    pub(crate) fn go(&mut self, place: Place, now: Time, until: Time) {
        self.place = place;
        self.since = now;
        self.until = until;
    }

    /// Notes one more link on the way out; false when the way is too long.
    pub(crate) fn push_hop(&mut self, link: LinkId) -> bool {
        let Some(slot) = self.hops.get_mut(usize::from(self.depth)) else { return false };
        *slot = link;
        self.depth += 1;
        true
    }

    /// Takes the last link off, to go back over it.
    pub(crate) fn pop_hop(&mut self) -> Option<LinkId> {
        self.depth = self.depth.checked_sub(1).filter(|depth| *depth >= self.base)?;
        Some(self.hops[usize::from(self.depth)])
    }
}

/// The requests in flight. A slot is reused once its request has ended; nothing moves.
#[derive(Clone, Debug, Default)]
pub struct Slab {
    slots: Vec<Option<Request>>,
    free: Vec<u32>,
}

impl Slab {
    /// Puts a request in and gives its slot.
    #[inline]
    pub(crate) fn insert(&mut self, request: Request) -> u32 {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => self.grow(),
        };
        self.slots[slot as usize] = Some(request);
        slot
    }

    /// One slot more. Room grows by a quarter and not to the double: with many requests in flight,
    /// empty slots would be most of the memory.
    #[cold]
    fn grow(&mut self) -> u32 {
        let slots = self.slots.len();
        if slots == self.slots.capacity() {
            self.slots.reserve_exact(slots / 4 + 64);
            // The free list can then take every slot back without growing in a run.
            self.free.reserve_exact(self.slots.capacity());
        }
        self.slots.push(None);
        slots as u32
    }

    /// Takes a request out, if the slot holds one.
    #[inline]
    pub(crate) fn remove(&mut self, slot: u32) {
        if let Some(place) = self.slots.get_mut(slot as usize)
            && place.is_some()
        {
            *place = None;
            self.free.push(slot);
        }
    }

    /// The request in a slot.
    #[inline]
    pub fn get(&self, slot: u32) -> Option<&Request> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// The request in a slot, to change it.
    #[inline]
    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Request> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// How many requests are in flight.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// How many slots there are, taken and free.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Is no request in flight?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All requests in flight with their slots, in the order of the slots.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Request)> {
        let numbered = self.slots.iter().enumerate();
        numbered.filter_map(|(slot, request)| Some((slot as u32, request.as_ref()?)))
    }
}
