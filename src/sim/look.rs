//! What can be read of a world without changing it.

use super::context::Card;
use super::link::Link;
use super::node::{LinkId, NodeId};
use super::request::{Key, Request, Slab};
use super::time::Time;
use super::truth::Truth;
use super::world::{Planned, Tally, World};

impl<N> World<N> {
    /// The simulated time.
    pub fn now(&self) -> Time {
        self.core.calendar.now()
    }

    /// When the next event happens.
    pub fn next_event(&self) -> Option<Time> {
        self.core.calendar.peek()
    }

    /// How many events were handled so far.
    pub fn events(&self) -> u64 {
        self.core.events
    }

    /// A running hash over every event so far: equal hashes, equal runs.
    pub fn trace_hash(&self) -> u64 {
        self.core.hash
    }

    /// What became of all requests so far.
    pub fn tally(&self) -> &Tally {
        &self.core.tally
    }

    /// How many of the clients' requests are in flight.
    pub fn in_flight(&self) -> u64 {
        let Tally { sent, completed, .. } = self.core.tally;
        sent - completed - self.core.tally.failures()
    }

    /// How many requests are at a node, on their way to it or sent on by it: those that would be
    /// lost if it were taken out now. Its own calls are not counted beside those they are for.
    pub fn through(&self, node: NodeId) -> usize {
        let leads = |link: &LinkId| self.core.links[usize::from(link.0)].to == node;
        self.core.requests.iter().filter(|(_, request)| request.path().iter().any(leads)).count()
    }

    /// What is true about the keys.
    pub fn truth(&self) -> &Truth {
        &self.core.truth
    }

    /// The requests in flight, and the calls that nodes made for them.
    pub fn requests(&self) -> &Slab {
        &self.core.requests
    }

    /// All nodes that ever were in this run; `card` says which are gone.
    pub fn nodes(&self) -> &[N] {
        &self.nodes
    }

    /// What others know about a node.
    pub fn card(&self, id: NodeId) -> &Card {
        &self.core.cards[usize::from(id.0)]
    }

    /// The number of the node with this id in the scenario, unless it is gone.
    pub fn find(&self, id: &str) -> Option<NodeId> {
        let place = self.core.cards.iter().position(|card| &*card.id == id && !card.gone)?;
        Some(NodeId(place as u16))
    }

    /// All links that ever were in this run; `gone` says which are no more.
    pub fn links(&self) -> &[Link] {
        &self.core.links
    }

    /// The plan.
    pub fn planned(&self) -> &[Planned] {
        &self.core.plan
    }

    /// About how many bytes a clone takes, not counting what nodes hold inside.
    pub fn bytes(&self) -> usize {
        const NODE: usize = 16 * 1024;
        let requests = self.core.requests.slots() * size_of::<Option<Request>>();
        self.nodes.len() * NODE
            + requests
            + self.core.calendar.len() * 24
            + self.core.links.len() * 96
    }

    /// A key as it is written.
    pub fn key_name(&self, key: Key) -> String {
        let mut name = String::new();
        self.core.spell_key(key, &mut name);
        name
    }

    /// What a request asks for, with its service: `orders:7`. Where no service was said that is the
    /// key itself.
    pub fn asked_name(&self, request: &Request) -> String {
        let mut name = String::new();
        self.core.spell_asked(request, &mut name);
        name
    }

    /// The request with this serial number, while it is in flight.
    pub fn request(&self, id: u64) -> Option<&Request> {
        let all = self.core.requests.iter().map(|(_, request)| request);
        all.into_iter().find(|request| request.id == id && !request.is_call)
    }

    /// Do completed, failed and in flight add up to what was sent?
    pub fn conserved(&self) -> bool {
        let Tally { sent, completed, calls, calls_ended, .. } = self.core.tally;
        let ended = completed + self.core.tally.failures();
        // In flight are clients' requests and open calls; each is somewhere in the slab.
        let open = self.core.requests.len() as u64;
        ended <= sent && calls_ended <= calls && (sent - ended) + (calls - calls_ended) == open
    }
}
