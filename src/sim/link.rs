//! Links: how long a request is on its way, and how often it never arrives.

use super::node::NodeId;
use super::rng::Rng;
use super::time::Span;

/// A wire between two nodes. Requests cross it one way, their answers the other.
#[derive(Clone, Debug)]
pub struct Link {
    /// Where requests come from.
    pub from: NodeId,
    /// Where requests go.
    pub to: NodeId,
    /// How long each crossing takes.
    pub latency: Span,
    /// The probability that a crossing fails, in [0, 1].
    pub loss: f64,
    /// Was the link taken away while the run went on?
    pub gone: bool,
    /// Requests put on it so far.
    pub carried: u64,
    /// Crossings, either way, that failed so far.
    pub lost: u64,
    rng: Rng,
}

impl Link {
    /// A link; `rng` is the stream that decides about losses.
    pub fn new(from: NodeId, to: NodeId, latency: Span, loss: f64, rng: Rng) -> Link {
        Link { from, to, latency, loss, gone: false, carried: 0, lost: 0, rng }
    }

    /// Does this crossing fail? Draws only when there is something to decide.
    #[inline]
    pub(crate) fn loses(&mut self) -> bool {
        (self.gone || self.loss > 0.0) && self.draws_loss()
    }

    fn draws_loss(&mut self) -> bool {
        let lost = self.gone || self.rng.unit() < self.loss;
        self.lost += u64::from(lost);
        lost
    }
}
