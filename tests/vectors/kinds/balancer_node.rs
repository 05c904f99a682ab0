//! A balancer of the product in a running world, between a door that sends requests and servers
//! that do as they are told: what was recorded from real balancers is played to it.

use switchyard::node::{AnyNode, Balancer, BalancerConfig, Kind, Value};
use switchyard::sim::sink::Full;
use switchyard::sim::{
    Card, Context, Event, Key, Link, LinkId, Node, NodeId, Op, Outcome, Reason, Rng, Signal,
    Silent, Sink, Span, Time, Want, What, World,
};

/// What a server does with requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Does {
    /// It answers at once.
    Answers,
    /// It keeps them until it is told to answer.
    Holds,
    /// It closes the connection without an answer.
    Closes,
}

#[derive(Clone, Debug)]
pub(crate) enum Rig {
    Balancer(Box<AnyNode>),
    /// Where requests come from.
    Door,
    /// A server, with the slots of the requests that it holds.
    Server(Does, Vec<u32>),
}

impl Node for Rig {
    fn start<S: Sink>(&mut self, cx: &mut Context<'_, S>) {
        if let Rig::Balancer(node) = self {
            node.start(cx);
        }
    }

    fn on_event<S: Sink>(&mut self, event: Event, cx: &mut Context<'_, S>) {
        let slot = event.arg;
        match (self, event.what) {
            (Rig::Balancer(node), _) => node.on_event(event, cx),
            (Rig::Door, What::Reply) => cx.pass_back(slot),
            (Rig::Server(does, held), What::Arrive) => match does {
                Does::Answers => cx.reply(slot, Outcome::Done),
                Does::Holds => held.push(slot),
                Does::Closes => cx.fail(slot, Reason::ConnectionLost),
            },
            _ => {}
        }
    }

    fn on_signal<S: Sink>(&mut self, signal: Signal, cx: &mut Context<'_, S>) {
        if let Rig::Balancer(node) = self {
            node.on_signal(signal, cx);
        }
    }
}

/// The world, and what happened in it.
pub(crate) struct Stage {
    pub(crate) world: World<Rig>,
    pub(crate) sink: Full,
    door: NodeId,
    into: LinkId,
    balancer: NodeId,
    servers: Vec<NodeId>,
}

impl Stage {
    /// A balancer without servers, with these knobs of its strategy.
    pub(crate) fn new(config: BalancerConfig, knobs: &[(&str, f64)]) -> Result<Stage, String> {
        let mut kind = Kind::Balancer(config);
        for (key, value) in knobs {
            kind.set(key, Value::Number(*value)).map_err(|refused| format!("{key}: {refused}"))?;
        }
        let node = AnyNode::new("lb", 1, &kind);
        let mut world = World::default();
        let sink = &mut Silent;
        let door = world.add_node(Rig::Door, Card::new("c", "c"), sink);
        let card = Card::new("lb", "lb");
        let balancer = world.add_node(Rig::Balancer(Box::new(node)), card, sink);
        let into = world.add_link(wire(door, balancer), sink);
        Ok(Stage { world, sink: Full::default(), door, into, balancer, servers: Vec::new() })
    }

    /// One more server, with what others may know of it.
    pub(crate) fn add(&mut self, card: Card, does: Does) {
        let server = self.world.add_node(Rig::Server(does, Vec::new()), card, &mut Silent);
        self.world.add_link(wire(self.balancer, server), &mut Silent);
        self.servers.push(server);
    }

    /// A server comes and goes: the next one has a higher number.
    pub(crate) fn skip_number(&mut self) {
        let gone = self.world.add_node(Rig::Door, Card::new("gone", "gone"), &mut Silent);
        self.world.add_link(wire(self.balancer, gone), &mut Silent);
        self.world.remove_node(gone, &mut Silent);
    }

    pub(crate) fn balancer(&self) -> &Balancer {
        match &self.world.nodes()[usize::from(self.balancer.0)] {
            Rig::Balancer(node) => match &**node {
                AnyNode::Balancer(balancer) => balancer,
                other => panic!("it is {other:?}"),
            },
            other => panic!("it is {other:?}"),
        }
    }

    pub(crate) fn name(&self, place: usize) -> String {
        self.world.card(self.servers[place]).name.to_string()
    }

    pub(crate) fn does(&mut self, place: usize, what: Does) {
        let server = self.servers[place];
        self.world.with_node(server, &mut self.sink, |node, _| {
            if let Rig::Server(does, _) = node {
                *does = what;
            }
        });
    }

    /// One request, as far as it comes without time passing. Gives its serial number.
    pub(crate) fn send(&mut self, op: Op, key: Option<&str>) -> u64 {
        let key = Key::typed(self.world.typed_key(key.unwrap_or("")));
        let into = self.into;
        self.world.with_node(self.door, &mut self.sink, |_, cx| {
            let slot = cx.send_new(Want::one(op, key), u32::from_be_bytes([127, 0, 0, 1]));
            cx.forward(slot, into);
        });
        self.now();
        self.world.tally().sent
    }

    /// The server that holds this request answers it.
    pub(crate) fn finish(&mut self, id: u64) -> Result<(), String> {
        let held = |(place, node): (usize, &NodeId)| match &self.world.nodes()[usize::from(node.0)]
        {
            Rig::Server(_, held) => {
                let is = |slot: &&u32| {
                    self.world.requests().get(**slot).is_some_and(|request| request.id == id)
                };
                held.iter().find(is).map(|slot| (place, *slot))
            }
            _ => None,
        };
        let found = self.servers.iter().enumerate().find_map(held);
        let (place, slot) = found.ok_or(format!("{id} is with no server"))?;
        self.world.with_node(self.servers[place], &mut self.sink, |node, cx| {
            if let Rig::Server(_, held) = node {
                held.retain(|other| *other != slot);
            }
            cx.reply(slot, Outcome::Done);
        });
        self.now();
        Ok(())
    }

    /// Everything that happens at this instant.
    fn now(&mut self) {
        self.until(self.world.now());
    }

    pub(crate) fn until(&mut self, at: Time) {
        let ran = self.world.run_until(at, 1_000_000, &mut self.sink);
        assert!(ran.reached && self.world.conserved(), "requests do not add up");
    }

    pub(crate) fn after(&mut self, span: Span) {
        self.until(self.world.now() + span);
    }

    /// The requests that server after server holds, in order of arrival, by serial number.
    pub(crate) fn held(&self, place: usize) -> Vec<u64> {
        match &self.world.nodes()[usize::from(self.servers[place].0)] {
            Rig::Server(_, held) => {
                let id = |slot: &u32| self.world.requests().get(*slot).map(|request| request.id);
                held.iter().filter_map(id).collect()
            }
            _ => Vec::new(),
        }
    }

    /// How this request ended, and when, if it did.
    pub(crate) fn end(&self, id: u64) -> Option<(Time, Outcome)> {
        let found = self.sink.finished.iter().find(|(_, request)| request.id == id);
        found.map(|(at, request)| (*at, request.outcome))
    }
}

fn wire(from: NodeId, to: NodeId) -> Link {
    Link::new(from, to, Span::ZERO, 0.0, Rng::from_seed(1))
}
