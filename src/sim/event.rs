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

impl Event {
    /// The event as one number, for the trace hash.
    pub(crate) fn bits(self) -> u64 {
        let what = match self.what {
            What::Timer(tag) => 0x100 | u64::from(tag),
            What::Arrive => 1,
            What::Reply => 2,
            What::Planned => 3,
        };
        // An item's place in the plan is no part of the run: taking out another one moves it.
        let arg = if self.what == What::Planned { 0 } else { self.arg };
        u64::from(arg) << 32 | u64::from(self.node.0) << 16 | what
    }
}
