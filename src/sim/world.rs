//! The world as a value: nodes, links, requests and pending events, advanced only by `step`.
//!
//! Same parts and same seed give the same events, byte for byte. A clone is a snapshot; running a
//! clone on is "what if".

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::calendar::Calendar;
use super::context::{Card, Context};
use super::event::{Event, What, Word};
use super::keys::KeyMap;
use super::link::Link;
use super::node::{LinkId, Node, NodeId, Signal};
use super::request::{Key, Reason, Request, Slab};
use super::sink::Sink;
use super::time::{Span, Time};
use super::trouble::{Ailment, WireFault};
use super::truth::Truth;
use super::watch::{SAMPLE, Watch};

/// What became of all requests so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Made by clients.
    pub sent: u64,
    /// Answered.
    pub completed: u64,
    /// Failed, by reason.
    pub failed: [u64; Reason::ALL.len()],
    /// Calls that nodes made, for a request's sake or on their own.
    pub calls: u64,
    /// Calls that came to their end.
    pub calls_ended: u64,
}

impl Tally {
    /// All failures.
    pub fn failures(&self) -> u64 {
        self.failed.iter().sum()
    }
}

/// Something that happens to a node at a fixed instant because the scenario says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// When.
    pub at: Time,
    /// To whom.
    pub node: NodeId,
    /// What.
    pub order: Order,
}

/// What a scenario makes happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The node is told this.
    Tell(Signal),
    /// Those who choose among several choose it no more, or do so again; it does not notice.
    Drain(bool),
    /// Of a hundred requests so many are answered with an error at its door.
    Err(u8),
    /// It stands still, or goes on.
    Halt(bool),
    /// Something happens to a wire that leaves the node.
    Wire(LinkId, WireFault),
}

/// Everything about a world except its nodes, so that a node can change it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Core {
    pub(crate) calendar: Calendar,
    pub(crate) requests: Slab,
    pub(crate) links: Vec<Link>,
    pub(crate) cards: Vec<Card>,
    pub(crate) tally: Tally,
    pub(crate) plan: Vec<Planned>,
    pub(crate) typed_keys: Arc<Vec<String>>,
    pub(crate) truth: Truth,
    /// The messages that were handled, by their numbers, for the readers of each queue.
    pub(crate) made: BTreeMap<(NodeId, u32), KeyMap<bool>>,
    /// Sets of keys on their way to nodes, and the one that is just being handed over.
    pub(crate) parcels: VecDeque<(NodeId, Arc<[u64]>)>,
    pub(crate) opened: Option<Arc<[u64]>>,
    /// Nodes that killed themselves during this event.
    pub(crate) falling: Vec<NodeId>,
    pub(crate) watch: Watch,
    /// The trouble that nodes are in.
    pub(crate) ailments: BTreeMap<NodeId, Ailment>,
    /// What wires hold, in the order in which it was put on them.
    pub(crate) stuck: BTreeMap<LinkId, VecDeque<Event>>,
    pub(super) events: u64,
    pub(super) hash: u64,
}

/// A running system.
#[derive(Clone, Debug)]
pub struct World<N> {
    pub(super) nodes: Vec<N>,
    pub(super) core: Core,
    /// The seed of what happens by chance to nodes that have no part in it.
    pub(super) seed: u64,
}

/// How far `run_until` got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Events handled.
    pub events: u64,
    /// Did it reach the time asked for? Otherwise the budget of events ran out.
    pub reached: bool,
}

impl<N> Default for World<N> {
    fn default() -> Self {
        World { nodes: Vec::new(), core: Core::default(), seed: 0 }
    }
}

impl<N: Node> World<N> {
    /// A world without nodes, with the seed of what happens to them by chance.
    pub fn seeded(seed: u64) -> World<N> {
        World { seed, ..World::default() }
    }

    /// Adds a node; it starts at once.
    pub fn add_node<S: Sink>(&mut self, node: N, card: Card, sink: &mut S) -> NodeId {
        let id = NodeId(self.nodes.len() as u16);
        self.nodes.push(node);
        self.core.cards.push(card);
        self.with_node(id, sink, |node, cx| node.start(cx));
        id
    }

    /// Adds a link and tells the node it leaves.
    pub fn add_link<S: Sink>(&mut self, link: Link, sink: &mut S) -> LinkId {
        let id = LinkId(self.core.links.len() as u16);
        let from = link.from;
        self.core.links.push(link);
        self.signal(from, Signal::LinkAdded(id), sink);
        id
    }

    /// Takes a node out of the run: what it holds is lost, its links go with it.
    pub fn remove_node<S: Sink>(&mut self, id: NodeId, sink: &mut S) {
        let Some(card) = self.core.cards.get_mut(usize::from(id.0)) else { return };
        card.gone = true;
        card.up = false;
        self.die_standing(id, sink);
        self.signal(id, Signal::Crash, sink);
        for number in 0..self.core.links.len() {
            let link = &self.core.links[number];
            if !link.gone && (link.from == id || link.to == id) {
                self.remove_link(LinkId(number as u16), sink);
            }
        }
    }

    /// Takes a link away and tells the node it left.
    pub fn remove_link<S: Sink>(&mut self, id: LinkId, sink: &mut S) {
        let Some(link) = self.core.links.get_mut(usize::from(id.0)) else { return };
        link.take_away();
        let from = link.from;
        self.let_go(id, sink);
        self.signal(from, Signal::LinkRemoved(id), sink);
    }

    /// Changes what others know about a node, and tells those who have a link to it.
    pub fn set_card<S: Sink>(&mut self, id: NodeId, card: Card, sink: &mut S) {
        self.core.cards[usize::from(id.0)] = card;
        self.tell_neighbours(id, sink);
    }

    /// Changes a link's latency and loss, from the next crossing on.
    pub fn set_link(&mut self, id: LinkId, latency: Span, loss: f64) {
        self.core.links[usize::from(id.0)].set(latency, loss);
    }

    /// The plan from now on, in place of the one so far. Items whose time has come or gone are
    /// history: they are neither undone nor done again.
    pub fn set_plan(&mut self, plan: Vec<Planned>) {
        self.core.calendar.drop_planned();
        let now = self.now();
        for (place, planned) in plan.iter().enumerate().filter(|(_, planned)| planned.at > now) {
            let place = place as u32;
            let event = Event { node: planned.node, what: What::Planned, arg: place };
            self.core.calendar.push_planned(planned.at, place, event);
        }
        self.core.plan = plan;
    }

    /// The number of a typed key. A key that has one keeps it: requests carry the number.
    pub fn typed_key(&mut self, key: &str) -> u32 {
        self.core.typed_key(key)
    }

    /// Handles the next event, if one happens no later than `limit`.
    #[inline]
    pub fn step<S: Sink>(&mut self, limit: Time, sink: &mut S) -> Option<(Time, Event)> {
        if !self.core.parcels.is_empty() {
            self.hand_over(sink);
        }
        let (at, word) = self.core.calendar.pop_until(limit)?;
        self.core.note(at, word);
        let event = word.event();
        if event.what == What::Timer(SAMPLE) {
            self.sample();
        }
        let card = &self.core.cards[usize::from(event.node.0)];
        if event.what == What::Planned {
            self.follow_plan(event.arg, sink);
        } else if card.up || (card.lives_on && !card.gone) {
            if card.ailing && self.ails(event, sink) {
                return Some((at, event));
            }
            let node = &mut self.nodes[usize::from(event.node.0)];
            node.on_event(event, &mut Context { core: &mut self.core, sink, node: event.node });
        } else {
            self.nobody_there(event, sink);
        }
        if !self.core.falling.is_empty() {
            self.bury_fallen(sink);
        }
        Some((at, event))
    }

    /// Runs to `until`, or until `events_max` events were handled.
    pub fn run_until<S: Sink>(&mut self, until: Time, events_max: u64, sink: &mut S) -> Ran {
        for events in 0..events_max {
            if self.step(until, sink).is_none() {
                self.core.calendar.idle_until(until);
                return Ran { events, reached: true };
            }
        }
        let reached = self.next_event().is_none_or(|next| next > until);
        if reached {
            self.core.calendar.idle_until(until);
        }
        Ran { events: events_max, reached }
    }

    /// Changes a node in place, as when a parameter is turned while it runs.
    pub fn with_node<S: Sink, T>(
        &mut self,
        id: NodeId,
        sink: &mut S,
        change: impl FnOnce(&mut N, &mut Context<'_, S>) -> T,
    ) -> T {
        let node = &mut self.nodes[usize::from(id.0)];
        let changed = change(node, &mut Context { core: &mut self.core, sink, node: id });
        if self.core.cards[usize::from(id.0)].ailing {
            self.stop_clock(id);
        }
        changed
    }

    pub(super) fn signal<S: Sink>(&mut self, to: NodeId, signal: Signal, sink: &mut S) {
        self.with_node(to, sink, |node, cx| node.on_signal(signal, cx));
    }

    fn follow_plan<S: Sink>(&mut self, place: u32, sink: &mut S) {
        let Some(&Planned { node, order, .. }) = self.core.plan.get(place as usize) else {
            return;
        };
        let card = &mut self.core.cards[usize::from(node.0)];
        if card.gone {
            return;
        }
        match order {
            Order::Tell(signal @ (Signal::Crash | Signal::Restart)) => {
                let up = signal == Signal::Restart;
                if card.up != up {
                    card.up = up;
                    self.die_standing(node, sink);
                    self.signal(node, signal, sink);
                    self.tell_neighbours(node, sink);
                }
            }
            Order::Drain(draining) => {
                if card.draining != draining {
                    card.draining = draining;
                    self.tell_neighbours(node, sink);
                }
            }
            Order::Wire(link, fault) => self.afflict(link, fault, sink),
            Order::Tell(signal) if card.up => self.signal(node, signal, sink),
            Order::Err(percent) if card.up => self.let_err(node, percent),
            Order::Halt(true) if card.up => self.stand_still(node),
            Order::Halt(false) if card.up => self.go_on(node, sink),
            Order::Tell(_) | Order::Err(_) | Order::Halt(_) => {}
        }
    }

    #[cold]
    fn hand_over<S: Sink>(&mut self, sink: &mut S) {
        while let Some((node, keys)) = self.core.parcels.pop_front() {
            self.core.opened = Some(keys);
            self.signal(node, Signal::Parcel, sink);
            self.core.opened = None;
        }
    }

    /// A watcher looks: what it may know of the nodes is what they say now.
    #[cold]
    fn sample(&mut self) {
        let now = self.core.calendar.now();
        self.core.watch.timers -= 1;
        let up = |card: &Card| card.up && !card.gone;
        let all = self.nodes.iter().zip(&self.core.cards);
        self.core.watch.busy =
            all.map(|(node, card)| node.busy(now).filter(|_| up(card))).collect();
    }

    fn bury_fallen<S: Sink>(&mut self, sink: &mut S) {
        while let Some(node) = self.core.falling.pop() {
            self.core.cards[usize::from(node.0)].up = false;
            self.die_standing(node, sink);
            self.signal(node, Signal::Crash, sink);
            self.tell_neighbours(node, sink);
        }
    }

    fn tell_neighbours<S: Sink>(&mut self, about: NodeId, sink: &mut S) {
        for number in 0..self.core.links.len() {
            let link = &self.core.links[number];
            if link.to == about && !link.gone {
                let from = link.from;
                self.signal(from, Signal::PeerChanged(LinkId(number as u16)), sink);
            }
        }
    }

    /// An event for a node that is down: a request is refused, an answer finds nobody to hand it
    /// on.
    fn nobody_there<S: Sink>(&mut self, event: Event, sink: &mut S) {
        let mut cx = Context { core: &mut self.core, sink, node: event.node };
        match event.what {
            What::Arrive => cx.fail(event.arg, Reason::ConnectionRefused),
            What::Reply => {
                self.nodes[usize::from(event.node.0)].missed(event.arg, &mut cx);
                cx.pass_back_broken(event.arg);
            }
            What::Timer(_) | What::Planned => {}
        }
    }
}

impl<S: Sink + ?Sized> Context<'_, S> {
    /// Nobody waits for the answer to the request in this slot from `deadline` on.
    pub fn set_deadline(&mut self, slot: u32, deadline: Time) {
        if let Some(request) = self.core.requests.get_mut(slot) {
            request.wait_until(deadline);
        }
    }
}

impl<S: Sink> Context<'_, S> {
    /// An answer came to a node that is down: the caller before it sees a dead connection.
    pub(super) fn pass_back_broken(&mut self, slot: u32) {
        match self.request(slot).map(|request| request.outcome) {
            Some(super::request::Outcome::Done) => self.fail(slot, Reason::ConnectionLost),
            Some(_) => self.pass_back(slot),
            None => {}
        }
    }
}

impl Core {
    /// The number of a typed key, which is given one if it is new.
    pub(crate) fn typed_key(&mut self, key: &str) -> u32 {
        let keys = &mut self.typed_keys;
        let place = keys.iter().position(|known| known == key).unwrap_or_else(|| {
            Arc::make_mut(keys).push(key.to_owned());
            keys.len() - 1
        });
        place as u32
    }

    /// Appends the key as it is written. Without the formatter, because balancers that hash keys
    /// spell one for every request.
    pub(crate) fn spell_key(&self, key: Key, out: &mut String) {
        match key.typed_place() {
            Some(place) => out.push_str(self.typed_keys.get(place).map_or("", |key| key)),
            None => {
                out.push_str("user:");
                out.push_str(itoa::Buffer::new().format(key.0));
            }
        }
    }

    /// Appends a request's service and its own number there, or its key where it says no service.
    pub(crate) fn spell_asked(&self, request: &Request, out: &mut String) {
        let Some(word) = request.service.checked_sub(1) else {
            return self.spell_key(request.key, out);
        };
        self.spell_key(Key::typed(u32::from(word)), out);
        let mut key = String::new();
        self.spell_key(request.key, &mut key);
        out.push(':');
        out.push_str(key.split_once(':').map_or(&key, |(_, own)| own));
    }

    /// Notes an event in the trace hash: one multiplication and one rotation per event.
    #[inline]
    fn note(&mut self, at: Time, word: Word) {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        self.events += 1;
        let mixed = (self.hash ^ at.ns()).wrapping_mul(ODD).rotate_left(29);
        self.hash = (mixed ^ word.trace()).wrapping_mul(ODD);
    }
}
