//! A node's hands: everything it can do to the world while it handles one event.

use std::sync::Arc;

use super::event::{Event, What};
use super::link::Link;
use super::node::{LinkId, NodeId};
use super::request::{Found, Key, Op, Outcome, Place, Reason, Request, Stamp, Want};
use super::sink::Sink;
use super::time::{Span, Time};
use super::truth::{Newest, Truth};
use super::watch::Ended;
use super::why::Why;
use super::world::Core;

/// What others may know about a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// The node's id in the scenario.
    pub id: Arc<str>,
    /// Its name as shown.
    pub name: Arc<str>,
    /// Its weight, as balancers read it.
    pub weight: i64,
    /// Is it marked healthy?
    pub healthy: bool,
    /// The most requests a balancer may have in flight to it; 0 is no limit.
    pub in_flight_max: u32,
    /// Is it to be used only when no other can be?
    pub backup: bool,
    /// Is it a cache that whoever asks has to manage: that answers `not here` and fetches nothing?
    pub looks_aside: bool,
    /// Is it to be chosen no more, and goes on with what it has?
    pub draining: bool,
    /// Does a part of it live with those who ask, so that it decides although it is down?
    pub lives_on: bool,
    /// Is it running, that is, not crashed?
    pub up: bool,
    /// Was it taken out of the run?
    pub gone: bool,
    /// Is it in trouble that shows at its door?
    pub ailing: bool,
}

impl Card {
    /// A node that runs, healthy, of weight 1, without a limit.
    pub fn new(id: &str, name: &str) -> Card {
        Card {
            id: id.into(),
            name: name.into(),
            weight: 1,
            healthy: true,
            in_flight_max: 0,
            backup: false,
            looks_aside: false,
            draining: false,
            lives_on: false,
            up: true,
            gone: false,
            ailing: false,
        }
    }
}

/// The world as one node sees it during one event.
pub struct Context<'a, S: Sink + ?Sized> {
    pub(crate) core: &'a mut Core,
    pub(crate) sink: &'a mut S,
    pub(crate) node: NodeId,
}

impl<S: Sink> Context<'_, S> {
    /// The same for whatever sink: code that takes this is compiled once instead of once for every
    /// kind of sink, at the price of a call through a table whenever it tells the sink something.
    pub fn any(&mut self) -> Context<'_, dyn Sink + '_> {
        Context { core: self.core, sink: self.sink, node: self.node }
    }
}

impl<S: Sink + ?Sized> Context<'_, S> {
    /// The simulated time.
    #[inline]
    pub fn now(&self) -> Time {
        self.core.calendar.now()
    }

    /// The links that leave this node, oldest first.
    pub fn outgoing(&self) -> impl Iterator<Item = (LinkId, &Link)> {
        let node = self.node;
        let numbered = self.core.links.iter().enumerate();
        numbered
            .filter(move |(_, link)| link.from == node && !link.gone)
            .map(|(number, link)| (LinkId(number as u16), link))
    }

    /// What is known about the node at the far end of a link.
    pub fn peer(&self, link: LinkId) -> &Card {
        &self.core.cards[usize::from(self.core.links[usize::from(link.0)].to.0)]
    }

    /// The node at the far end of a link.
    pub fn far_end(&self, link: LinkId) -> NodeId {
        self.core.links[usize::from(link.0)].to
    }

    /// This node's name.
    pub fn own_name(&self) -> Arc<str> {
        self.core.cards[usize::from(self.node.0)].name.clone()
    }

    /// Rings this node's timer `tag` after `span`; the event carries `arg`.
    #[inline]
    pub fn wake_in(&mut self, span: Span, tag: u8, arg: u32) {
        let event = Event { node: self.node, what: What::Timer(tag), arg };
        self.core.calendar.push(self.core.calendar.now() + span, event);
    }

    /// The number of this node in the world.
    pub fn own_number(&self) -> NodeId {
        self.node
    }

    /// Appends the key as it is written: `user:7`, or what was typed.
    pub fn spell_key(&self, key: Key, out: &mut String) {
        self.core.spell_key(key, out);
    }

    /// The number by which requests carry this word: a service's name.
    pub fn word(&mut self, word: &str) -> u32 {
        self.core.typed_key(word)
    }

    /// The request in this slot is for the service with this word. Of more words than a request
    /// has room for, the last ones are not said.
    #[inline]
    pub fn say_service(&mut self, slot: u32, word: u32) {
        if let Some(request) = self.core.requests.get_mut(slot) {
            request.service = u16::try_from(word + 1).unwrap_or(0);
        }
    }

    /// Appends what a request asks for with its service: `orders:7`. Where no service was said that
    /// is the key itself.
    pub fn spell_service(&self, slot: u32, out: &mut String) {
        if let Some(request) = self.request(slot) {
            self.core.spell_asked(request, out);
        }
    }

    /// Makes a new request at this node, from this IPv4 address, and gives its slot.
    #[inline]
    pub fn send_new(&mut self, want: Want, address: u32) -> u32 {
        let now = self.now();
        self.core.tally.sent += 1;
        let request = Request::new(self.core.tally.sent, now, want, self.node, address);
        self.sink.sent(now, &request);
        self.core.requests.insert(request)
    }

    /// The request in this slot.
    #[inline]
    pub fn request(&self, slot: u32) -> Option<&Request> {
        self.core.requests.get(slot)
    }

    /// Has the request, or the one it was made for, been sent on by this node already? Then it went
    /// round in a loop.
    pub fn came_round(&self, slot: u32) -> bool {
        let way = self.request(slot).map_or(&[][..], Request::way);
        way.iter().any(|link| self.core.links[usize::from(link.0)].from == self.node)
    }

    /// Makes a call: a request of this node's own, carrying `stamp`, for the sake of the request in
    /// slot `cause`, or of nobody. It is sent over `link` at once and comes back here as any
    /// answer does; the node then ends it with [`Context::end_call`]. Gives its slot.
    pub fn call(&mut self, cause: Option<u32>, want: Want, stamp: Stamp, link: LinkId) -> u32 {
        let now = self.now();
        let cause = cause.and_then(|slot| self.request(slot)).copied();
        let (id, address) = cause.map_or((0, 0), |request| (request.id, request.address));
        let service = cause.map_or(0, |request| request.service);
        let mut call = Request::new(id, now, want, self.node, address);
        if let Some(cause) = cause {
            call.follow(&cause);
        }
        (call.is_call, call.stamp, call.service) = (true, stamp, service);
        self.core.tally.calls += 1;
        let slot = self.core.requests.insert(call);
        self.forward(slot, link);
        slot
    }

    /// Makes a call as [`Context::call`] does, for the sake of the request with this serial number,
    /// which may have ended long ago. Its address is the number of the readers it is for.
    pub fn call_for(
        &mut self,
        id: u64,
        want: Want,
        stamp: Stamp,
        readers: u32,
        link: LinkId,
    ) -> u32 {
        let mut call = Request::new(id, self.now(), want, self.node, readers);
        (call.is_call, call.stamp) = (true, stamp);
        self.core.tally.calls += 1;
        let slot = self.core.requests.insert(call);
        self.forward(slot, link);
        slot
    }

    /// Ends a call of this node's that has come back.
    pub fn end_call(&mut self, slot: u32) {
        if self.core.requests.get(slot).is_some_and(|request| request.is_call) {
            self.finish(slot);
        }
    }

    /// The links it crossed are behind it: what the request asks for from here on.
    pub fn ask_for(&mut self, slot: u32, op: Op) {
        if let Some(request) = self.core.requests.get_mut(slot) {
            request.op = op;
            request.outcome = Outcome::Pending;
        }
    }

    /// Notes what a read found, or which version a write made.
    #[inline]
    pub fn found(&mut self, slot: u32, found: Found, stamp: Stamp) {
        if let Some(request) = self.core.requests.get_mut(slot) {
            (request.found, request.stamp) = (found, stamp);
        }
    }

    /// Promises the write or deletion in this slot: the version to acknowledge it with, although
    /// nothing is committed yet. Numbers of promises and commits come from one counter, so what is
    /// committed later has a higher one.
    pub fn promise(&mut self, slot: u32) -> Stamp {
        let Some(request) = self.core.requests.get_mut(slot) else { return Stamp::default() };
        request.stamp = self.core.truth.promise(request.id);
        request.stamp
    }

    /// Commits the write or deletion in this slot, here and now: its version. From now on it is the
    /// truth about its key. A call that carries a promised version is by whom it was promised to.
    pub fn commit(&mut self, slot: u32) -> Stamp {
        let now = self.now();
        let Some(request) = self.core.requests.get_mut(slot) else { return Stamp::default() };
        let deleted = request.op == Op::Delete;
        let promised = request.is_call && request.stamp.by > 0;
        let by = if promised { u64::from(request.stamp.by) } else { request.id };
        request.stamp = self.core.truth.commit(request.key, by, deleted, now);
        request.stamp
    }

    /// Has the message in this slot, of this number, been handled by one of the readers it is for?
    pub fn is_made(&self, slot: u32, number: u32) -> bool {
        let readers = self.request(slot).map(|request| (request.client, request.address));
        let made = readers.and_then(|readers| self.core.made.get(&readers));
        made.and_then(|made| made.get(Key::numbered(number))).unwrap_or(false)
    }

    /// One of the readers of the message in this slot has handled it. Had one before?
    pub fn make(&mut self, slot: u32, number: u32) -> bool {
        let Some(request) = self.core.requests.get(slot) else { return false };
        let made = self.core.made.entry((request.client, request.address)).or_default();
        made.insert(Key::numbered(number), true).is_some()
    }

    /// A committed version is lost; `now` is the newest of the key from here on, if any is.
    pub fn roll_back(&mut self, key: Key, now: Option<Newest>) {
        self.core.truth.roll_back(key, now);
    }

    /// What is true about the keys. For counting who is behind, never for deciding.
    pub fn truth(&self) -> &Truth {
        &self.core.truth
    }

    /// Sends the request on over a link that leaves this node. True when an answer will come back
    /// over it; false when its way was too long already and it failed here.
    #[inline]
    pub fn forward(&mut self, slot: u32, link: LinkId) -> bool {
        let Core { requests, links, .. } = &mut *self.core;
        let Some(request) = requests.get_mut(slot) else { return false };
        let wire = &mut links[usize::from(link.0)];
        if !request.push_hop(link) {
            self.fail(slot, Reason::BadRequest);
            return false;
        }
        wire.carried += 1;
        if !wire.clear && self.hindered(slot, link) {
            return true;
        }
        self.set_out(slot, link);
        true
    }

    /// The request goes over a wire that was holding it, or is lost on it.
    pub(super) fn cross(&mut self, slot: u32, link: LinkId) {
        if !self.hindered(slot, link) {
            self.set_out(slot, link);
        }
    }

    #[inline]
    fn set_out(&mut self, slot: u32, link: LinkId) {
        let Core { requests, links, calendar, .. } = &mut *self.core;
        let Some(request) = requests.get_mut(slot) else { return };
        let wire = &links[usize::from(link.0)];
        let (now, latency) = (calendar.now(), wire.latency);
        self.sink.stayed(now, request);
        request.go(Place::Going(link), now, now + latency);
        calendar.push_steady(latency, Event { node: wire.to, what: What::Arrive, arg: slot });
    }

    /// The request is lost on its way out. Whoever waits at this end notices a dead connection
    /// after a round trip.
    #[cold]
    pub(super) fn lose(&mut self, slot: u32, link: LinkId) {
        let Core { requests, links, calendar, .. } = &mut *self.core;
        let Some(request) = requests.get_mut(slot) else { return };
        let wire = &links[usize::from(link.0)];
        let (now, round_trip) = (calendar.now(), wire.latency + wire.latency);
        request.outcome = Outcome::Failed(Reason::ConnectionLost, Place::Going(link));
        self.sink.stayed(now, request);
        request.go(Place::Going(link), now, now + round_trip);
        self.sink.failed(now, request);
        request.pop_hop();
        let event = Event { node: wire.from, what: What::Reply, arg: slot };
        calendar.push_steady(round_trip, event);
    }

    /// Sends the request back to where it came from, with its outcome; ends it when it is home.
    #[inline]
    pub fn reply(&mut self, slot: u32, outcome: Outcome) {
        if let Some(request) = self.core.requests.get_mut(slot) {
            request.outcome = outcome;
        }
        self.pass_back(slot);
    }

    /// Sends the request back to where it came from, with the outcome it has.
    pub fn pass_back(&mut self, slot: u32) {
        let Some(request) = self.core.requests.get_mut(slot) else { return };
        let Some(link) = request.pop_hop() else { return self.finish(slot) };
        if !self.core.links[usize::from(link.0)].clear && self.hindered_back(slot, link) {
            return;
        }
        self.set_back(slot, link);
    }

    /// The answer goes back over a wire that was holding it, or is lost on it.
    pub(super) fn cross_back(&mut self, slot: u32, link: LinkId) {
        if !self.hindered_back(slot, link) {
            self.set_back(slot, link);
        }
    }

    #[inline]
    fn set_back(&mut self, slot: u32, link: LinkId) {
        let Core { requests, links, calendar, .. } = &mut *self.core;
        let Some(request) = requests.get_mut(slot) else { return };
        let wire = &links[usize::from(link.0)];
        let now = calendar.now();
        let (from, latency) = (wire.from, wire.latency);
        self.sink.stayed(now, request);
        request.go(Place::Returning(link), now, now + latency);
        calendar.push_steady(latency, Event { node: from, what: What::Reply, arg: slot });
    }

    /// The request fails here, for this reason, and goes back.
    pub fn fail(&mut self, slot: u32, reason: Reason) {
        let here = Place::At(self.node);
        if let Some(request) = self.core.requests.get_mut(slot) {
            request.outcome = Outcome::Failed(reason, here);
        }
        self.note_failure(slot);
        self.reply(slot, Outcome::Failed(reason, here));
    }

    /// The request waits at this node from now on.
    #[inline]
    pub fn wait(&mut self, slot: u32) {
        self.move_to(slot, Place::Waiting(self.node), Time::MAX);
    }

    /// This node has asked others for the request's sake and waits for them.
    #[inline]
    pub fn wait_for_calls(&mut self, slot: u32) {
        self.move_to(slot, Place::Calling(self.node), Time::MAX);
    }

    /// This node works on the request from now until `span` has passed.
    #[inline]
    pub fn serve(&mut self, slot: u32, span: Span) {
        let until = self.now() + span;
        self.move_to(slot, Place::Serving(self.node), until);
    }

    /// Ends the request: it is home, or its way home is gone.
    #[inline]
    pub fn finish(&mut self, slot: u32) {
        let now = self.now();
        let Core { requests, tally, watch, .. } = &mut *self.core;
        let Some(request) = requests.get_mut(slot) else { return };
        self.sink.stayed(now, request);
        if request.outcome == Outcome::Pending {
            // A request that ends unanswered lost its way home.
            request.outcome = Outcome::Failed(Reason::ConnectionLost, Place::At(self.node));
            self.sink.failed(now, request);
        }
        if request.is_call {
            tally.calls_ended += 1;
        } else {
            match request.outcome {
                Outcome::Failed(reason, _) => tally.failed[reason as usize] += 1,
                _ => tally.completed += 1,
            }
            if watch.on {
                let failed = matches!(request.outcome, Outcome::Failed(..));
                let latency = now.since(request.born);
                watch.note(Ended { at: now, latency, failed });
            }
            self.sink.finished(now, request);
        }
        requests.remove(slot);
    }

    /// Empty reasons to fill in, if somebody looks at this request.
    #[inline]
    pub fn why(&self, slot: u32) -> Why {
        match self.core.requests.get(slot) {
            Some(request) if self.sink.wants(request) => Why::on(),
            _ => Why::off(),
        }
    }

    /// Hands over the reasons for a decision.
    #[inline]
    pub fn decided(&mut self, slot: u32, why: Why) {
        if !why.wanted() {
            // Nothing was built, so there is nothing to free, and no need to look.
            return std::mem::forget(why);
        }
        if let Some(request) = self.core.requests.get(slot) {
            self.sink.decided(self.core.calendar.now(), self.node, request, why);
        }
    }

    /// Hands the node at the end of this link a set of numbered keys, a bit each, at once and past
    /// all queues: what it is to hold from the beginning. It gets [`Signal::Parcel`].
    pub fn hand(&mut self, link: LinkId, keys: Arc<[u64]>) {
        let to = self.far_end(link);
        self.core.parcels.push_back((to, keys));
    }

    /// The set of keys that [`Signal::Parcel`] is about.
    pub fn take_parcel(&mut self) -> Option<Arc<[u64]>> {
        self.core.opened.take()
    }

    /// This node dies of a fault of its own, as a process that panics.
    pub fn crash_self(&mut self) {
        self.core.falling.push(self.node);
    }

    #[inline]
    pub(super) fn move_to(&mut self, slot: u32, place: Place, until: Time) {
        let now = self.core.calendar.now();
        let Some(request) = self.core.requests.get_mut(slot) else { return };
        self.sink.stayed(now, request);
        request.go(place, now, until);
    }

    fn note_failure(&mut self, slot: u32) {
        if let Some(request) = self.core.requests.get(slot) {
            self.sink.failed(self.core.calendar.now(), request);
        }
    }
}
