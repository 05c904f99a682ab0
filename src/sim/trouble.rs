//! Trouble: what the scenario does to a node or a wire without the node's having a part in it.
//!
//! A node that answers errors or stands still does so at its door, whatever kind it is; a wire is
//! cut, holds what crosses it, loses it or takes longer.
//!
//! A node that stands still is a machine that is suspended: its own clock stands too. What was to
//! happen in 3 ms happens 3 ms after it goes on, what comes meanwhile waits at its door in the
//! order in which it came, and nobody is told. That is what makes it worse than a crash.

use std::collections::VecDeque;

use super::context::Context;
use super::event::{Event, What};
use super::link::Link;
use super::node::{LinkId, Node, NodeId, Signal};
use super::request::{Outcome, Place, Reason, Request, Slab};
use super::rng::Rng;
use super::sink::Sink;
use super::time::{Span, Time};
use super::why::Line;
use super::world::World;

/// What happens to a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireFault {
    /// Nothing crosses it any more, which whoever sends notices after a round trip; or it does
    /// again.
    Cut(bool),
    /// It holds whatever is put on it, and nobody is told; or lets it go, in the same order.
    Hold(bool),
    /// Of a hundred crossings so many more are lost, by chance, 0 to 100.
    Lose(u8),
    /// Each crossing takes so much longer.
    Delay(Span),
}

/// The trouble a wire is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WireTrouble {
    /// Is it cut?
    pub cut: bool,
    /// Does it hold what is put on it?
    pub holds: bool,
    /// How many of a hundred crossings are lost beyond those it always loses.
    pub lose: u8,
    /// How much longer a crossing takes.
    pub delay: Span,
}

/// What happens after how long, in the order of its happening.
type Held = VecDeque<(Span, Event)>;

/// The requests a node was working on, by their slots, and how long each would have taken yet.
type Frozen = Vec<(u32, Span)>;

/// The trouble a node is in.
#[derive(Clone, Debug)]
pub(crate) struct Ailment {
    /// Of a hundred requests so many are answered with an error.
    errors: u8,
    rng: Rng,
    /// Since when it stands still, if it does.
    still: Option<Time>,
    /// What happens when it goes on.
    held: Held,
    frozen: Frozen,
}

impl<N: Node> World<N> {
    fn ailment(&mut self, node: NodeId) -> &mut Ailment {
        let (seed, card) = (self.seed, &mut self.core.cards[usize::from(node.0)]);
        card.ailing = true;
        self.core.ailments.entry(node).or_insert_with(|| Ailment {
            errors: 0,
            rng: Rng::stream(seed, &card.id, "errors"),
            still: None,
            held: VecDeque::new(),
            frozen: Vec::new(),
        })
    }

    /// Of a hundred requests that come to the node from now on, so many fail at its door.
    pub(super) fn let_err(&mut self, node: NodeId, percent: u8) {
        self.ailment(node).errors = percent;
    }

    /// The node stands still from now on. Its timers wait with it.
    pub(super) fn stand_still(&mut self, node: NodeId) {
        let now = self.now();
        let ailment = self.ailment(node);
        if ailment.still.is_none() {
            ailment.still = Some(now);
            self.stop_clock(node);
        }
    }

    /// What a node that stands still has begun waits until it goes on: it may have been told
    /// something meanwhile, or been set otherwise.
    pub(super) fn stop_clock(&mut self, node: NodeId) {
        if !self.stands_still(node) {
            return;
        }
        let now = self.now();
        let timers = self.core.calendar.take_timers(node);
        let frozen = freeze(&mut self.core.requests, node, now);
        let ailment = self.ailment(node);
        ailment.frozen.extend(frozen);
        ailment.held.extend(timers.into_iter().map(|(at, event)| (at.since(now), event)));
    }

    /// The node goes on: it is told how long it stood still, then all that was held happens.
    pub(super) fn go_on<S: Sink>(&mut self, node: NodeId, sink: &mut S) {
        let now = self.now();
        let Some((since, held, frozen)) = self.end_standing(node) else { return };
        thaw(&mut self.core.requests, node, now, &frozen);
        self.signal(node, Signal::StoodStill(now.since(since)), sink);
        for (rest, event) in held {
            self.core.calendar.push(now + rest, event);
        }
    }

    /// The node dies where it stands: what had come to its door is lost with it.
    pub(super) fn die_standing<S: Sink>(&mut self, node: NodeId, sink: &mut S) {
        let Some((_, held, _)) = self.end_standing(node) else { return };
        let mut cx = Context { core: &mut self.core, sink, node };
        for (_, event) in held {
            match event.what {
                What::Arrive => cx.fail(event.arg, Reason::ConnectionLost),
                What::Reply => cx.pass_back_broken(event.arg),
                What::Timer(_) | What::Planned => {}
            }
        }
    }

    fn end_standing(&mut self, node: NodeId) -> Option<(Time, Held, Frozen)> {
        let ailment = self.core.ailments.get_mut(&node)?;
        let since = ailment.still.take()?;
        Some((since, std::mem::take(&mut ailment.held), std::mem::take(&mut ailment.frozen)))
    }

    /// Is the trouble the node is in all that comes of this event?
    #[cold]
    pub(super) fn ails<S: Sink>(&mut self, event: Event, sink: &mut S) -> bool {
        let Some(ailment) = self.core.ailments.get_mut(&event.node) else { return false };
        if ailment.still.is_some() {
            ailment.held.push_back((Span::ZERO, event));
            if matches!(event.what, What::Arrive | What::Reply) {
                let mut cx = Context { core: &mut self.core, sink, node: event.node };
                cx.move_to(event.arg, Place::AtDoor(event.node), Time::MAX);
            }
            return true;
        }
        if event.what != What::Arrive || ailment.errors == 0 {
            return false;
        }
        let (errors, drawn) = (ailment.errors, ailment.rng.unit() * 100.0);
        let errs = drawn < f64::from(errors);
        let mut cx = Context { core: &mut self.core, sink, node: event.node };
        let mut why = cx.why(event.arg);
        let (verb, sign) =
            if errs { ("answers with an error", '<') } else { ("lets in", '\u{2265}') };
        why.title(|| format!("{} {verb}", cx.own_name()));
        why.line(|| Line {
            subject: "errors".to_owned(),
            numbers: format!("drew {drawn:.1} {sign} {errors}"),
            chosen: errs,
        });
        why.say(|| {
            format!(
                "Of a hundred requests {errors} fail at its door, by chance: it drew {drawn:.1} of \
                 100, which is {}.",
                if errs { "below that" } else { "not below that" }
            )
        });
        cx.decided(event.arg, why);
        if errs {
            cx.fail(event.arg, Reason::Errored);
        }
        errs
    }

    /// Does the node stand still?
    pub fn stands_still(&self, node: NodeId) -> bool {
        self.core.ailments.get(&node).is_some_and(|ailment| ailment.still.is_some())
    }

    /// How many requests and answers a wire holds.
    pub fn held(&self, wire: LinkId) -> usize {
        self.core.stuck.get(&wire).map_or(0, VecDeque::len)
    }

    /// How many requests and answers wait at the door of a node that stands still.
    pub fn at_door(&self, node: NodeId) -> usize {
        let here = |request: &&Request| request.place == Place::AtDoor(node);
        self.core.requests.iter().map(|(_, request)| request).filter(here).count()
    }

    /// Something happens to a wire.
    pub(super) fn afflict<S: Sink>(&mut self, id: LinkId, fault: WireFault, sink: &mut S) {
        let Some(link) = self.core.links.get_mut(usize::from(id.0)).filter(|link| !link.gone)
        else {
            return;
        };
        link.suffer(fault);
        if fault == WireFault::Hold(false) {
            self.let_go(id, sink);
        }
    }

    /// What the wire held goes on, in the order in which it was put on it.
    pub(super) fn let_go<S: Sink>(&mut self, id: LinkId, sink: &mut S) {
        let node = self.core.links[usize::from(id.0)].from;
        let held = self.core.stuck.remove(&id).unwrap_or_default();
        let mut cx = Context { core: &mut self.core, sink, node };
        for event in held {
            match event.what {
                What::Arrive => cx.cross(event.arg, id),
                _ => cx.cross_back(event.arg, id),
            }
        }
    }
}

/// Nobody knows any more when this node is done with what it works on: gives how long each would
/// have taken from `now` on.
fn freeze(requests: &mut Slab, node: NodeId, now: Time) -> Frozen {
    let served = |request: &Request| request.place == Place::Serving(node);
    let known =
        requests.iter().filter(|(_, request)| served(request) && request.until != Time::MAX);
    let frozen: Frozen = known.map(|(slot, request)| (slot, request.until.since(now))).collect();
    for (slot, _) in &frozen {
        if let Some(request) = requests.get_mut(*slot) {
            request.until = Time::MAX;
        }
    }
    frozen
}

/// This node goes on with what it was working on.
fn thaw(requests: &mut Slab, node: NodeId, now: Time, frozen: &Frozen) {
    for &(slot, rest) in frozen {
        let request = requests.get_mut(slot);
        if let Some(request) = request.filter(|request| request.place == Place::Serving(node)) {
            request.until = now + rest;
        }
    }
}

impl<S: Sink + ?Sized> Context<'_, S> {
    /// A request is put on a wire that is not as it should be. True when that is the end of it.
    #[cold]
    pub(super) fn hindered(&mut self, slot: u32, link: LinkId) -> bool {
        let wire = &mut self.core.links[usize::from(link.0)];
        if wire.holds() {
            self.hold(slot, link, What::Arrive);
            return true;
        }
        if wire.loses() {
            self.lose(slot, link);
            return true;
        }
        false
    }

    /// An answer is put on a wire that is not as it should be. True when it stays on it for now.
    #[cold]
    pub(super) fn hindered_back(&mut self, slot: u32, link: LinkId) -> bool {
        let wire = &mut self.core.links[usize::from(link.0)];
        if wire.holds() {
            self.hold(slot, link, What::Reply);
            return true;
        }
        let lost = wire.loses();
        let now = self.now();
        if let Some(request) = self.core.requests.get_mut(slot)
            && lost
            && request.outcome == Outcome::Done
        {
            request.outcome = Outcome::Failed(Reason::ConnectionLost, Place::Returning(link));
            self.sink.failed(now, request);
        }
        false
    }

    fn hold(&mut self, slot: u32, link: LinkId, what: What) {
        let place = match what {
            What::Arrive => Place::Going(link),
            _ => Place::Returning(link),
        };
        let node = self.core.links[usize::from(link.0)].from;
        self.move_to(slot, place, Time::MAX);
        self.core.stuck.entry(link).or_default().push_back(Event { node, what, arg: slot });
    }
}

impl Link {
    /// Something happens to it.
    pub(super) fn suffer(&mut self, fault: WireFault) {
        match fault {
            WireFault::Cut(cut) => self.trouble.cut = cut,
            WireFault::Hold(holds) => self.trouble.holds = holds,
            WireFault::Lose(percent) => self.trouble.lose = percent,
            WireFault::Delay(delay) => self.trouble.delay = delay,
        }
        self.settle();
    }

    /// Does it hold what is put on it?
    pub(super) fn holds(&self) -> bool {
        self.trouble.holds && !self.gone
    }
}
