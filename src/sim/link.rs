//! Links: how long a request is on its way, and how often it never arrives.

use super::node::NodeId;
use super::rng::Rng;
use super::time::Span;
use super::trouble::WireTrouble;

/// A wire between two nodes. Requests cross it one way, their answers the other.
#[derive(Clone, Debug)]
pub struct Link {
    /// Where requests come from.
    pub from: NodeId,
    /// Where requests go.
    pub to: NodeId,
    /// How long each crossing takes, as things are.
    pub latency: Span,
    /// The probability that a crossing fails, in [0, 1], as things are.
    pub loss: f64,
    /// How long a crossing takes, and how likely it fails, without trouble.
    usual: (Span, f64),
    /// The trouble it is in.
    pub trouble: WireTrouble,
    /// Does everything that is put on it arrive in its time?
    pub(super) clear: bool,
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
        let mut link = Link {
            from,
            to,
            latency,
            loss,
            usual: (latency, loss),
            trouble: WireTrouble::default(),
            clear: false,
            gone: false,
            carried: 0,
            lost: 0,
            rng,
        };
        link.settle();
        link
    }

    /// Changes what it is like without trouble, from the next crossing on.
    pub(super) fn set(&mut self, latency: Span, loss: f64) {
        self.usual = (latency, loss);
        self.settle();
    }

    /// It is taken away.
    pub(super) fn take_away(&mut self) {
        self.gone = true;
        self.settle();
    }

    /// Puts together what it is like with the trouble it is in. Of what it always loses and what it
    /// loses for trouble each is decided by itself.
    pub(super) fn settle(&mut self) {
        let (latency, loss) = self.usual;
        let WireTrouble { cut, holds, lose, delay } = self.trouble;
        self.latency = latency + delay;
        self.loss = match lose {
            0 => loss,
            percent => 1.0 - (1.0 - loss) * (1.0 - f64::from(percent) / 100.0),
        };
        self.clear = !self.gone && !cut && !holds && self.loss == 0.0;
    }

    /// Does this crossing fail? Draws only when there is something to decide.
    pub(super) fn loses(&mut self) -> bool {
        (self.gone || self.trouble.cut || self.loss > 0.0) && self.draws_loss()
    }

    fn draws_loss(&mut self) -> bool {
        let lost = self.gone || self.trouble.cut || self.rng.unit() < self.loss;
        self.lost += u64::from(lost);
        lost
    }
}
