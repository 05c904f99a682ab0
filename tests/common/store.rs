//! A store with versions behind a cache, as small as can be: it commits at once, answers after a
//! delay, and keeps a record of what it was asked.

use std::collections::BTreeMap;

use switchyard::node::{AnyNode, Kind};
use switchyard::sim::{
    Card, Context, Event, Found, Key, Link, Node, NodeId, Op, Order, Outcome, Planned, Reason, Rng,
    Signal, Silent, Sink, Span, Stamp, Time, What, World,
};

/// A store.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    /// Does it have every key from the beginning?
    pub(crate) full: bool,
    /// How long answers take, next first; the last one stays.
    pub(crate) delays: Vec<Span>,
    /// Does it refuse to write?
    pub(crate) refuses: bool,
    /// The newest version of each key, and whether that is a deletion.
    pub(crate) records: BTreeMap<Key, (Stamp, bool)>,
    pub(crate) reads: u64,
    /// Writes it refused.
    pub(crate) refused: u64,
    /// Every commit, in order.
    pub(crate) writes: Vec<(Key, Stamp)>,
}

impl Store {
    fn asked<S: Sink>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        let Some(request) = cx.request(slot).copied() else { return };
        match request.op {
            Op::Write | Op::Delete if self.refuses => {
                self.refused += 1;
                return cx.fail(slot, Reason::WriteRefused);
            }
            Op::Write | Op::Delete => {
                let stamp = cx.commit(slot);
                self.records.insert(request.key, (stamp, request.op == Op::Delete));
                self.writes.push((request.key, stamp));
            }
            _ => {
                self.reads += 1;
                let (found, stamp) = match self.records.get(&request.key) {
                    Some(&(stamp, true)) => (Found::Nothing, stamp),
                    Some(&(stamp, false)) => (Found::Value, stamp),
                    None if self.full => (Found::Value, Stamp::default()),
                    None => (Found::Nothing, Stamp::default()),
                };
                cx.found(slot, found, stamp);
            }
        }
        let delay = match self.delays.len() {
            0 => Span::ZERO,
            1 => self.delays[0],
            _ => self.delays.remove(0),
        };
        cx.serve(slot, delay);
        cx.wake_in(delay, 0, slot);
    }
}

/// A node of the product, or a store.
#[derive(Clone, Debug)]
pub(crate) enum Rig {
    Real(AnyNode),
    Store(Store),
}

impl Node for Rig {
    fn start<S: Sink>(&mut self, cx: &mut Context<'_, S>) {
        if let Rig::Real(node) = self {
            node.start(cx);
        }
    }

    fn on_event<S: Sink>(&mut self, event: Event, cx: &mut Context<'_, S>) {
        match (self, event.what) {
            (Rig::Real(node), _) => node.on_event(event, cx),
            (Rig::Store(store), What::Arrive) => store.asked(event.arg, cx),
            (Rig::Store(_), What::Timer(_)) => cx.reply(event.arg, Outcome::Done),
            (Rig::Store(_), What::Reply | What::Planned) => {}
        }
    }

    fn on_signal<S: Sink>(&mut self, signal: Signal, cx: &mut Context<'_, S>) {
        match self {
            Rig::Real(node) => node.on_signal(signal, cx),
            Rig::Store(store) => {
                if let Signal::RefuseWrites(refuses) = signal {
                    store.refuses = refuses;
                }
            }
        }
    }
}

/// Nodes in a row, each wired to the next with a latency.
pub(crate) struct Row {
    pub(crate) world: World<Rig>,
    pub(crate) plan: Vec<Planned>,
}

impl Row {
    pub(crate) fn new(seed: u64, kinds: &[(&str, Kind)], store: Store, latency: Span) -> Row {
        let mut world = World::default();
        let mut ids = Vec::new();
        for (id, kind) in kinds {
            let node = Rig::Real(AnyNode::new(id, seed, kind));
            ids.push(world.add_node(node, Card::new(id, id), &mut Silent));
        }
        ids.push(world.add_node(Rig::Store(store), Card::new("store", "store"), &mut Silent));
        for pair in ids.windows(2) {
            let rng = Rng::stream(seed, "wire", "loss");
            world.add_link(Link::new(pair[0], pair[1], latency, 0.0, rng), &mut Silent);
        }
        Row { world, plan: Vec::new() }
    }

    pub(crate) fn id(&self, id: &str) -> NodeId {
        self.world.find(id).expect("it is in the row")
    }

    pub(crate) fn node(&self, id: &str) -> &AnyNode {
        match &self.world.nodes()[usize::from(self.id(id).0)] {
            Rig::Real(node) => node,
            Rig::Store(_) => panic!("{id} is the store"),
        }
    }

    pub(crate) fn cache(&self) -> &switchyard::node::Cache {
        match self.node("cache") {
            AnyNode::Cache(cache) => cache,
            other => panic!("it is {other:?}"),
        }
    }

    pub(crate) fn store(&self) -> &Store {
        match &self.world.nodes()[usize::from(self.id("store").0)] {
            Rig::Store(store) => store,
            Rig::Real(_) => panic!("the store is a store"),
        }
    }

    /// Plans something, later than what was planned before.
    pub(crate) fn plan(&mut self, at: Time, id: &str, signal: Signal) {
        let node = self.id(id);
        self.plan.push(Planned { at, node, order: Order::Tell(signal) });
        self.world.set_plan(self.plan.clone());
    }

    /// Plans one request for a typed key.
    pub(crate) fn send(&mut self, at: Time, from: &str, key: &str, op: Op) {
        let typed = self.world.typed_key(key);
        self.plan(at, from, Signal::SendOne(typed, op));
    }

    pub(crate) fn run_until<S: Sink>(&mut self, at: Time, sink: &mut S) {
        assert!(self.world.run_until(at, u64::MAX, sink).reached);
        assert!(self.world.conserved());
    }
}
