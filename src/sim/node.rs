//! What the engine asks of a node, and how nodes, links and signals are named.

use super::context::Context;
use super::event::Event;
use super::request::Op;
use super::sink::Sink;
use super::time::{Span, Time};

/// A node's number in a running world. It is never given to another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId(pub u16);

/// A link's number in a running world. It is never given to another link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkId(pub u16);

/// News for a node that is not a request: it takes no time and is part of no queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The node dies: whatever it holds is lost.
    Crash,
    /// The node comes up again, empty.
    Restart,
    /// A link that leaves this node was added.
    LinkAdded(LinkId),
    /// A link that leaves this node was taken away.
    LinkRemoved(LinkId),
    /// The node at the far end of this link changed: its health, weight or name.
    PeerChanged(LinkId),
    /// Send one request for this with the typed key of this number.
    SendOne(u32, Op),
    /// Fail everything that would change what is stored, or stop doing so.
    RefuseWrites(bool),
    /// Everything takes so many times as long; 1 is as ever.
    Slow(u8),
    /// Everything it keeps for a time only is forgotten.
    Flush,
    /// Its checks of others come so many times as seldom; 1 is as ever.
    CheckClock(u8),
    /// It has stood still for so long, and goes on now. Its timers are later by that much already.
    StoodStill(Span),
    /// A member of the node, by its number, dies or comes up again.
    Part(u8, PartFault),
    /// It was handed the keys it is to hold from the beginning; see `Context::take_parcel`.
    Parcel,
}

/// What happens to a member of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartFault {
    /// It dies.
    Crash,
    /// It comes up again.
    Restart,
    /// The others cannot reach it any more, nor it them.
    Cut,
    /// They can again.
    Join,
}

/// A thing that requests visit. All its effects on the world go through the context.
pub trait Node: Clone {
    /// The run begins, or the node was added to a run.
    fn start<S: Sink>(&mut self, cx: &mut Context<'_, S>);

    /// A timer rang, a request came in, or an answer came back.
    fn on_event<S: Sink>(&mut self, event: Event, cx: &mut Context<'_, S>);

    /// News that is not a request.
    fn on_signal<S: Sink>(&mut self, signal: Signal, cx: &mut Context<'_, S>);

    /// An answer comes back for it while it is down, and is lost with it: only for keeping account
    /// of what became of what it had sent.
    fn missed<S: Sink>(&mut self, _slot: u32, _cx: &mut Context<'_, S>) {}

    /// The share of its places of work that are taken, 0 to 1, for whoever watches the run; none
    /// where that means nothing.
    fn busy(&self, _now: Time) -> Option<f64> {
        None
    }
}
