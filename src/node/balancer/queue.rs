//! Requests that wait in a balancer until a server has room.
//!
//! A server has room while fewer requests are in flight to it than it may have: its own limit, or
//! else the balancer's. As in HAProxy, a request for which nobody was chosen because all are full
//! waits for anybody; one whose strategy names a full server waits for that one. A server that is
//! free again takes, of those two lines, whoever has waited longest, and the strategy is not asked.
//! Round robins and `first` are not asked either while others wait for anybody; HAProxy's other
//! strategies are, and may find room that nobody else was given.
//!
//! A request that has waited as long as it may fails (`timeout queue`). When the server that some
//! wait for may not be used any more they wait for anybody (as with `option redispatch`), and when
//! nobody may be used they fail. Limits that grow with the load (`minconn`), priorities and
//! `maxqueue` per server are not modelled.
//! Source: HAProxy 2.6 `queue.c`, `backend.c`, the manual; recordings of 2.6.12.

use std::collections::{BTreeMap, BTreeSet};

use super::super::guarded;
use super::{Balancer, WAITED};
use crate::policy::guard::Withdrawn;
use crate::sim::{Context, Line, Reason, Sink, Span, Why};
use crate::stats::Level;

/// Limits and the queue, with numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct QueueConfig {
    /// The most requests in flight to a server that has no limit of its own; 0 is no limit.
    pub connections: u32,
    /// Waiting places in the balancer; 0 is no queue.
    pub places: u32,
    /// How long a request may wait, in ms; 0 is for ever.
    pub timeout_ms: f64,
}

impl QueueConfig {
    /// Does the balancer itself see to it that nobody gets more than its limit?
    pub(super) fn is_on(&self) -> bool {
        self.connections > 0 || self.places > 0
    }
}

/// A request that waits.
#[derive(Clone, Copy, Debug)]
struct Waiter {
    slot: u32,
    /// The number of the server it waits for; nothing is anybody.
    server: Option<u32>,
}

/// Those who wait, by the numbers they drew when they came: the lower, the longer.
#[derive(Clone, Debug, Default)]
pub(super) struct WaitingLine {
    all: BTreeMap<u32, Waiter>,
    for_anybody: BTreeSet<u32>,
    for_one: BTreeMap<u32, BTreeSet<u32>>,
    next: u32,
    level: Level,
    waited: u64,
    turned_away: u64,
    timed_out: u64,
    /// Has something happened to the servers since the last look at who might be served?
    pub(super) stale: bool,
}

impl WaitingLine {
    fn join(&mut self, ticket: u32, waiter: Waiter) {
        self.all.insert(ticket, waiter);
        match waiter.server {
            None => self.for_anybody.insert(ticket),
            Some(server) => self.for_one.entry(server).or_default().insert(ticket),
        };
    }

    fn leave(&mut self, ticket: u32) -> Option<Waiter> {
        let waiter = self.all.remove(&ticket)?;
        match waiter.server {
            None => {
                self.for_anybody.remove(&ticket);
            }
            Some(server) => {
                if let Some(line) = self.for_one.get_mut(&server) {
                    line.remove(&ticket);
                    if line.is_empty() {
                        self.for_one.remove(&server);
                    }
                }
            }
        }
        Some(waiter)
    }

    /// Who has waited longest for this server, or also for anybody.
    fn oldest(&self, server: u32, or_anybody: bool) -> Option<u32> {
        let own = self.for_one.get(&server).and_then(|line| line.first());
        let anybody = self.for_anybody.first().filter(|_| or_anybody);
        own.into_iter().chain(anybody).min().copied()
    }

    /// Does somebody wait for whoever has room first?
    #[inline]
    pub(super) fn anybody_waits(&self) -> bool {
        !self.for_anybody.is_empty()
    }
}

impl Balancer {
    /// Does it see to limits, and let requests wait?
    pub fn keeps_limits(&self) -> bool {
        self.config.queue.is_on()
    }

    /// How many wait here, now and on average.
    pub fn waiting(&self) -> &Level {
        &self.line.level
    }

    /// Requests that had to wait here.
    pub fn waited(&self) -> u64 {
        self.line.waited
    }

    /// Requests that found every waiting place taken, or none there.
    pub fn turned_away(&self) -> u64 {
        self.line.turned_away
    }

    /// Requests that waited as long as they may.
    pub fn waited_in_vain(&self) -> u64 {
        self.line.timed_out
    }

    /// Has the server at this place as many requests as it may have?
    #[inline]
    pub(super) fn is_full(&self, place: usize) -> bool {
        let backend = &self.backends[place];
        self.config.queue.is_on()
            && backend.in_flight_max > 0
            && backend.in_flight >= backend.in_flight_max
    }

    /// Is there a server that would take the request, were it not full?
    pub(super) fn somebody_is_full(&self) -> bool {
        self.config.queue.is_on()
            && (0..self.backends.len()).any(|place| {
                self.is_full(place) && self.policy.takes_waiting(place, &self.backends)
            })
    }

    /// The request has to wait: for this server, or for anybody. With the number that it drew
    /// before, if it waited already.
    pub(super) fn let_wait<S: Sink + ?Sized>(
        &mut self,
        slot: u32,
        (ticket, server): (Option<u32>, Option<usize>),
        mut why: Why,
        cx: &mut Context<'_, S>,
    ) {
        let taken = self.line.all.len();
        if taken >= self.config.queue.places as usize && ticket.is_none() {
            if why.wanted() {
                let name = cx.own_name();
                why.title(|| format!("{name} had no room for it"));
                self.tell_connections(&mut why, |limit| {
                    format!(
                        "It would have to wait, and {taken} of {limit} waiting places are taken."
                    )
                });
            }
            cx.decided(slot, why);
            self.line.turned_away += 1;
            self.tried.remove(&slot);
            return cx.fail(slot, Reason::QueueFull);
        }
        let wait = Span::from_millis_f64(self.config.queue.timeout_ms);
        if why.wanted() {
            let name = cx.own_name();
            let whom = server.map(|place| self.backends[place].name.clone());
            why.title(|| format!("{name} let it wait"));
            self.tell_connections(&mut why, |limit| {
                let whom = whom.as_deref().unwrap_or("whoever has room first");
                let most = match (wait == Span::ZERO, ticket) {
                    (true, _) => String::new(),
                    (false, None) => format!(", for {wait} at most"),
                    (false, Some(_)) => ", for as long as it still may".to_owned(),
                };
                format!("It waits for {whom}{most}; {taken} of {limit} waiting places were taken.")
            });
        }
        cx.decided(slot, why);
        let drawn = ticket.unwrap_or_else(|| {
            self.line.waited += 1;
            self.line.next = self.line.next.wrapping_add(1);
            if wait > Span::ZERO {
                cx.wake_in(wait, WAITED, self.line.next);
            }
            cx.wait(slot);
            self.line.next
        });
        let server = server.map(|place| self.backends[place].id);
        self.line.join(drawn, Waiter { slot, server });
        self.line.level.set(cx.now(), self.line.all.len() as u32);
    }

    /// Adds how many requests each server has, and what follows.
    fn tell_connections(&self, why: &mut Why, then: impl FnOnce(u32) -> String) {
        let mut said = Why::on();
        for backend in &self.backends {
            said.line(|| Line {
                subject: backend.name.to_string(),
                numbers: connections(backend.in_flight, backend.in_flight_max),
                chosen: false,
            });
        }
        said.say(|| then(self.config.queue.places));
        guarded::add("connections", said, why);
    }

    /// The server at this place may have room: it takes those who have waited longest.
    pub(super) fn serve_line<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        if self.line.all.is_empty() {
            return;
        }
        while place < self.backends.len() && self.backends[place].healthy && !self.is_full(place) {
            let shares = self.policy.takes_waiting(place, &self.backends);
            let Some(ticket) = self.line.oldest(self.backends[place].id, shares) else { return };
            let Some(waiter) = self.line.leave(ticket) else { return };
            self.line.level.set(cx.now(), self.line.all.len() as u32);
            self.hand_to(place, (ticket, waiter.slot), cx);
            if self.line.all.contains_key(&ticket) {
                // Its guards did not let it pass, and it waits for somebody else.
                return;
            }
        }
    }

    /// A request that waited goes to the server that has room, unless its guards mind: then the
    /// strategy is asked.
    fn hand_to<S: Sink + ?Sized>(
        &mut self,
        place: usize,
        (ticket, slot): (u32, u32),
        cx: &mut Context<'_, S>,
    ) {
        let now = cx.now();
        let mut why = cx.why(slot);
        let passed = match self.doors.get_mut(place) {
            Some(door) => door.admit(now, &mut self.guards, &mut why),
            None => Ok(super::Passed::default()),
        };
        let Ok(passed) = passed else {
            cx.decided(slot, why);
            return self.choose_with(slot, Some(ticket), cx);
        };
        if why.wanted() {
            let (name, backend) = (cx.own_name(), &self.backends[place]);
            let waited = cx.request(slot).map_or(Span::ZERO, |request| now.since(request.since));
            why.title(|| format!("{name} sent it on to {}", backend.name));
            let mut said = Why::on();
            said.line(|| Line {
                subject: backend.name.to_string(),
                numbers: connections(backend.in_flight, backend.in_flight_max),
                chosen: true,
            });
            said.say(|| {
                format!(
                    "{} has room, and of those who wait for it or for anybody this one came \
                     first: it has waited {waited}.",
                    backend.name
                )
            });
            guarded::add("connections", said, &mut why);
        }
        cx.decided(slot, why);
        if cx.forward(slot, self.backends[place].link) {
            self.picks[place] += 1;
            self.picked.mark(now);
            self.sent(place, slot, passed, cx);
        } else {
            self.tried.remove(&slot);
            if let Some(door) = self.doors.get_mut(place) {
                door.withdrawn(&Withdrawn::given_up(now, now));
            }
        }
    }

    /// Something has changed about the servers: who waits for whom, and who may be served.
    pub(super) fn look_at_line<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        self.line.stale = false;
        if self.line.all.is_empty() {
            return;
        }
        let usable = |id: &u32| self.backends.iter().any(|b| b.id == *id && b.healthy);
        let lost: Vec<u32> = self.line.for_one.keys().copied().filter(|id| !usable(id)).collect();
        for ticket in lost.iter().flat_map(|id| self.line.for_one[id].clone()).collect::<Vec<_>>() {
            if let Some(waiter) = self.line.leave(ticket) {
                self.line.join(ticket, Waiter { server: None, ..waiter });
            }
        }
        for place in 0..self.backends.len() {
            self.serve_line(place, cx);
        }
        let takes = |place| self.policy.takes_waiting(place, &self.backends);
        if !(0..self.backends.len()).any(takes) {
            for ticket in std::mem::take(&mut self.line.for_anybody) {
                if let Some(waiter) = self.line.all.remove(&ticket) {
                    self.refused += 1;
                    self.give_up(waiter.slot, Reason::NoHealthyBackend, cx);
                }
            }
        }
    }

    /// A request may have waited as long as it may.
    pub(super) fn waited_long<S: Sink + ?Sized>(&mut self, ticket: u32, cx: &mut Context<'_, S>) {
        if let Some(waiter) = self.line.leave(ticket) {
            self.line.timed_out += 1;
            self.give_up(waiter.slot, Reason::TimedOutWaiting, cx);
        }
    }

    fn give_up<S: Sink + ?Sized>(&mut self, slot: u32, reason: Reason, cx: &mut Context<'_, S>) {
        self.line.level.set(cx.now(), self.line.all.len() as u32);
        self.tried.remove(&slot);
        cx.fail(slot, reason);
    }

    /// The balancer dies with those who wait in it.
    pub(super) fn lose_line<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        self.line.for_anybody.clear();
        self.line.for_one.clear();
        for (_, waiter) in std::mem::take(&mut self.line.all) {
            self.give_up(waiter.slot, Reason::ConnectionLost, cx);
        }
    }
}

fn connections(in_flight: u32, most: u32) -> String {
    match most {
        0 => format!("{in_flight} in flight, no limit"),
        _ if in_flight >= most => format!("{in_flight} of {most} in flight: full"),
        _ => format!("{in_flight} of {most} in flight"),
    }
}
