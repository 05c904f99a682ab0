//! Where a run is recorded. The kind of sink is a type parameter: the silent one compiles to
//! nothing, the focused one keeps everything about a single request.

use super::node::NodeId;
use super::request::{Outcome, Place, Request};
use super::time::{Span, Time};
use super::why::Why;

/// Somebody who may be looking.
pub trait Sink {
    /// Does it want the reasons for decisions about this request? Building them costs time.
    fn wants(&self, request: &Request) -> bool;

    /// A client made a request.
    fn sent(&mut self, _now: Time, _request: &Request) {}

    /// A request, or a call, leaves the place where it has been since `request.since`.
    fn stayed(&mut self, _now: Time, _request: &Request) {}

    /// A node decided about a request.
    fn decided(&mut self, _now: Time, _node: NodeId, _request: &Request, _why: Why) {}

    /// A request failed just here and is on its way back.
    fn failed(&mut self, _now: Time, _request: &Request) {}

    /// A request ended.
    fn finished(&mut self, _now: Time, _request: &Request) {}
}

/// Nobody is looking.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Sink for Silent {
    #[inline]
    fn wants(&self, _request: &Request) -> bool {
        false
    }
}

/// A stay of a request in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay {
    /// Where it was.
    pub place: Place,
    /// From when.
    pub from: Time,
    /// Until when.
    pub until: Time,
}

impl Stay {
    /// How long it was there.
    pub fn span(&self) -> Span {
        self.until.since(self.from)
    }
}

/// A decision about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// When it was taken.
    pub at: Time,
    /// Who took it.
    pub node: NodeId,
    /// Its reasons.
    pub why: Why,
}

/// Everything about one request: all its stays and every decision taken about it.
#[derive(Clone, Debug, Default)]
pub struct Focus {
    request: u64,
    /// Its stays, in order, without gaps. The last is still open while the request is in flight.
    pub stays: Vec<Stay>,
    /// The decisions, in order.
    pub decisions: Vec<Decision>,
    /// How it ended, and when.
    pub end: Option<(Time, Outcome)>,
    /// The request itself as it was last seen.
    pub last: Option<Request>,
}

impl Focus {
    /// Looks at the request with this serial number.
    pub fn on(request: u64) -> Focus {
        Focus { request, ..Focus::default() }
    }

    /// The serial number it looks at.
    pub fn request(&self) -> u64 {
        self.request
    }
}

impl Sink for Focus {
    fn wants(&self, request: &Request) -> bool {
        request.id == self.request
    }

    fn stayed(&mut self, now: Time, request: &Request) {
        if self.wants(request) && !request.is_call {
            self.stays.push(Stay { place: request.place, from: request.since, until: now });
            self.last = Some(*request);
        }
    }

    fn decided(&mut self, now: Time, node: NodeId, request: &Request, why: Why) {
        if self.wants(request) {
            self.decisions.push(Decision { at: now, node, why });
        }
    }

    fn finished(&mut self, now: Time, request: &Request) {
        if self.wants(request) {
            self.end = Some((now, request.outcome));
            self.last = Some(*request);
        }
    }
}

/// Keeps everything about every request: for tests and small runs, it grows without limit.
#[derive(Clone, Debug, Default)]
pub struct Full {
    /// Stays with the serial number of their request, in the order in which they ended; calls have
    /// none here.
    pub stays: Vec<(u64, Stay)>,
    /// Decisions with the serial number of their request, in order.
    pub decisions: Vec<(u64, Decision)>,
    /// Ended requests, in order, with the time of the end.
    pub finished: Vec<(Time, Request)>,
}

impl Sink for Full {
    fn wants(&self, _request: &Request) -> bool {
        true
    }

    fn stayed(&mut self, now: Time, request: &Request) {
        if request.is_call {
            return;
        }
        let stay = Stay { place: request.place, from: request.since, until: now };
        self.stays.push((request.id, stay));
    }

    fn decided(&mut self, now: Time, node: NodeId, request: &Request, why: Why) {
        self.decisions.push((request.id, Decision { at: now, node, why }));
    }

    fn finished(&mut self, now: Time, request: &Request) {
        self.finished.push((now, *request));
    }
}
