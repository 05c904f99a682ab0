//! What can happen, in eight bytes: which node it concerns, what it is, and one number.

use super::node::NodeId;

/// Something that happens to one node at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The node it happens to.
    pub node: NodeId,
    /// What happens.
    pub what: What,
    /// A request's slot, a timer's own number or a place in the plan, as `what` says.
    pub arg: u32,
}

/// The kinds of event. `arg` is explained per kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A node's own timer rings; `arg` is what the node gave when it set it.
    Timer(u8),
    /// A request comes in over a link; `arg` is the request's slot.
    Arrive,
    /// An answer comes back over a link; `arg` is the request's slot.
    Reply,
    /// Something the scenario planned; `arg` is its place in the plan.
    Planned,
}

/// An event as one word, as it lies in the calendar: written and read back whole, it is never put
/// together from parts that are still on their way to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word(u64);

impl Word {
    const TIMER: u64 = 0x100;
    const ARRIVE: u64 = 1;
    const REPLY: u64 = 2;
    const PLANNED: u64 = 3;

    /// The word of an event.
    #[inline]
    pub(super) fn new(event: Event) -> Word {
        let what = match event.what {
            What::Timer(tag) => Word::TIMER | u64::from(tag),
            What::Arrive => Word::ARRIVE,
            What::Reply => Word::REPLY,
            What::Planned => Word::PLANNED,
        };
        Word(u64::from(event.arg) << 32 | u64::from(event.node.0) << 16 | what)
    }

    /// The event of a word.
    #[inline]
    pub(super) fn event(self) -> Event {
        let what = match self.0 & 0xffff {
            Word::ARRIVE => What::Arrive,
            Word::REPLY => What::Reply,
            Word::PLANNED => What::Planned,
            timer => What::Timer(timer as u8),
        };
        Event { node: NodeId((self.0 >> 16) as u16), what, arg: (self.0 >> 32) as u32 }
    }

    /// What goes into the trace hash. An item's place in the plan is no part of the run: taking
    /// out another one moves it.
    #[inline]
    pub(super) fn trace(self) -> u64 {
        if self.0 & 0xffff == Word::PLANNED { self.0 & 0xffff_ffff } else { self.0 }
    }
}
