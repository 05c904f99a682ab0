//! From document to world: building a run, and bringing a running one in line with an edited
//! document.

use std::sync::Arc;

use super::types::{FaultKind, LinkSpec, NodeSpec, Scenario};
use crate::node::{AnyNode, Kind};
use crate::sim::{
    Card, Link, LinkId, NodeId, Planned, Rng, Signal, Silent, Sink, Span, Time, World,
};

/// A running scenario.
pub type Run = World<AnyNode>;

/// A run at its beginning.
pub fn build(scenario: &Scenario) -> Run {
    let mut run = Run::default();
    reconcile(&mut run, scenario, &mut Silent);
    run
}

/// Brings a run in line with the document: adds, removes and changes what differs, and sets the
/// plan from now on. What is the same is not touched.
pub fn reconcile<S: Sink>(run: &mut Run, scenario: &Scenario, sink: &mut S) {
    remove_nodes(run, scenario, sink);
    for node in &scenario.nodes {
        match run.find(&node.id) {
            Some(id) => change_node(run, id, node, sink),
            None => {
                let fresh = AnyNode::new(&node.id, scenario.seed, &node.kind);
                run.add_node(fresh, card(node), sink);
            }
        }
    }
    remove_links(run, scenario, sink);
    for link in &scenario.links {
        wire(run, scenario.seed, link, sink);
    }
    let plan = plan(run, scenario);
    run.set_plan(plan);
}

fn card(node: &NodeSpec) -> Card {
    let (weight, healthy) = match &node.kind {
        Kind::Server(config) => (config.weight, config.healthy),
        Kind::Clients(_) | Kind::Balancer(_) => (1, true),
    };
    let name: Arc<str> = node.label.as_str().into();
    Card { id: node.id.as_str().into(), name, weight, healthy, up: true, gone: false }
}

fn remove_nodes<S: Sink>(run: &mut Run, scenario: &Scenario, sink: &mut S) {
    for number in 0..run.nodes().len() {
        let id = NodeId(number as u16);
        let card = run.card(id);
        let kept =
            scenario.node(&card.id).is_some_and(|node| same_kind(&run.nodes()[number], node));
        if !card.gone && !kept {
            run.remove_node(id, sink);
        }
    }
}

fn same_kind(running: &AnyNode, node: &NodeSpec) -> bool {
    matches!(
        (running, &node.kind),
        (AnyNode::Clients(_), Kind::Clients(_))
            | (AnyNode::Balancer(_), Kind::Balancer(_))
            | (AnyNode::Server(_), Kind::Server(_))
    )
}

fn change_node<S: Sink>(run: &mut Run, id: NodeId, node: &NodeSpec, sink: &mut S) {
    let now = run.card(id);
    let wanted = Card { up: now.up, ..card(node) };
    let differs =
        now.name != wanted.name || now.weight != wanted.weight || now.healthy != wanted.healthy;
    if differs {
        run.set_card(id, wanted, sink);
    }
    run.with_node(id, sink, |running, cx| running.configure(&node.kind, cx));
}

fn remove_links<S: Sink>(run: &mut Run, scenario: &Scenario, sink: &mut S) {
    for number in 0..run.links().len() {
        let link = &run.links()[number];
        let (from, to) = (&run.card(link.from).id, &run.card(link.to).id);
        if !link.gone && scenario.link(from, to).is_none() {
            run.remove_link(LinkId(number as u16), sink);
        }
    }
}

fn wire<S: Sink>(run: &mut Run, seed: u64, link: &LinkSpec, sink: &mut S) {
    let (Some(from), Some(to)) = (run.find(&link.from), run.find(&link.to)) else { return };
    let latency = Span::from_millis_f64(link.latency_ms);
    let there = run.links().iter().position(|l| !l.gone && l.from == from && l.to == to);
    match there {
        Some(number) => run.set_link(LinkId(number as u16), latency, link.loss),
        None => {
            let name = format!("{}>{}", link.from, link.to);
            let rng = Rng::stream(seed, &name, "loss");
            run.add_link(Link::new(from, to, latency, link.loss, rng), sink);
        }
    }
}

/// Faults, then single requests; a node that is not there has none.
fn plan(run: &mut Run, scenario: &Scenario) -> Vec<Planned> {
    let mut plan = Vec::new();
    let mut add = |run: &Run, at: Time, id: &str, signal| {
        let planned = |node| Planned { at: at.max(Time::from_ns(1)), node, signal };
        plan.extend(run.find(id).map(planned));
    };
    for fault in &scenario.faults {
        let signal = match fault.kind {
            FaultKind::Crash => Signal::Crash,
            FaultKind::Restart => Signal::Restart,
        };
        add(run, fault.at, &fault.node, signal);
    }
    for send in &scenario.sends {
        let key = run.typed_key(&send.key);
        add(run, send.at, &send.from, Signal::SendOne(key));
    }
    plan
}
