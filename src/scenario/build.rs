//! From document to world: building a run, and bringing a running one in line with an edited
//! document.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::fault::{Fault, FaultKind, Target};
use super::types::{LinkSpec, NodeSpec, Scenario};
use crate::node::cache::Pattern;
use crate::node::{AnyNode, Kind, cluster};
use crate::sim::{
    Card, Link, LinkId, NodeId, Order, PartFault, Planned, Rng, Signal, Silent, Sink, Span, Time,
    WireFault, World,
};

/// A running scenario.
pub type Run = World<AnyNode>;

/// A run at its beginning.
pub fn build(scenario: &Scenario) -> Run {
    let mut run = Run::seeded(scenario.seed);
    reconcile(&mut run, scenario, &mut Silent);
    run
}

/// Brings a run in line with the document: adds, removes and changes what differs, and sets the
/// plan from now on. What is the same is not touched.
pub fn reconcile<S: Sink>(run: &mut Run, scenario: &Scenario, sink: &mut S) {
    remove_nodes(run, scenario, sink);
    let there = numbers(run);
    for node in &scenario.nodes {
        match there.get(node.id.as_str()) {
            Some(&id) => change_node(run, id, node, sink),
            None => {
                let fresh = AnyNode::new(&node.id, scenario.seed, &node.kind);
                run.add_node(fresh, card(node), sink);
            }
        }
    }
    let there = numbers(run);
    remove_links(run, scenario, sink);
    add_links(run, scenario, &there, sink);
    let plan = plan(run, scenario, &there);
    run.set_plan(plan);
}

/// The numbers of the nodes in a run by their ids: with hundreds of them, looking each up in the
/// list is most of the work.
fn numbers(run: &Run) -> BTreeMap<Arc<str>, NodeId> {
    let all = (0..run.nodes().len()).map(|number| NodeId(number as u16));
    let there = all.filter(|&id| !run.card(id).gone);
    there.map(|id| (run.card(id).id.clone(), id)).collect()
}

fn card(node: &NodeSpec) -> Card {
    let card = Card::new(&node.id, &node.label);
    match &node.kind {
        Kind::Server(config) => Card {
            weight: config.weight,
            healthy: config.healthy,
            in_flight_max: config.in_flight_max,
            backup: config.backup,
            ..card
        },
        Kind::Registry(_) => Card { lives_on: true, ..card },
        Kind::Cache(config) => Card { looks_aside: config.pattern == Pattern::CacheAside, ..card },
        Kind::Cluster(config) => {
            let looks_aside = config.pattern == cluster::Pattern::CacheAside;
            Card { looks_aside, ..card }
        }
        Kind::Clients(_)
        | Kind::Balancer(_)
        | Kind::Table(_)
        | Kind::Router(_)
        | Kind::Database(_)
        | Kind::Gateway(_)
        | Kind::Queue(_)
        | Kind::Worker(_)
        | Kind::Group(_)
        | Kind::Board(_) => card,
    }
}

fn remove_nodes<S: Sink>(run: &mut Run, scenario: &Scenario, sink: &mut S) {
    let wanted: BTreeMap<&str, &NodeSpec> =
        scenario.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    for (id, number) in numbers(run) {
        let running = &run.nodes()[usize::from(number.0)];
        if !wanted.get(&*id).is_some_and(|node| same_kind(running, node)) {
            run.remove_node(number, sink);
        }
    }
}

fn same_kind(running: &AnyNode, node: &NodeSpec) -> bool {
    matches!(
        (running, &node.kind),
        (AnyNode::Clients(_), Kind::Clients(_))
            | (AnyNode::Balancer(_), Kind::Balancer(_))
            | (AnyNode::Server(_), Kind::Server(_))
            | (AnyNode::Cache(_), Kind::Cache(_))
            | (AnyNode::Table(_), Kind::Table(_))
            | (AnyNode::Router(_), Kind::Router(_))
            | (AnyNode::Database(_), Kind::Database(_))
            | (AnyNode::Cluster(_), Kind::Cluster(_))
            | (AnyNode::Registry(_), Kind::Registry(_))
            | (AnyNode::Gateway(_), Kind::Gateway(_))
            | (AnyNode::Queue(_), Kind::Queue(_))
            | (AnyNode::Worker(_), Kind::Worker(_))
            | (AnyNode::Group(_), Kind::Group(_))
            | (AnyNode::Board(_), Kind::Board(_))
    )
}

fn change_node<S: Sink>(run: &mut Run, id: NodeId, node: &NodeSpec, sink: &mut S) {
    let now = run.card(id);
    let wanted = Card { up: now.up, draining: now.draining, ailing: now.ailing, ..card(node) };
    if *now != wanted {
        run.set_card(id, wanted, sink);
    }
    run.with_node(id, sink, |running, cx| running.configure(&node.kind, cx));
}

fn remove_links<S: Sink>(run: &mut Run, scenario: &Scenario, sink: &mut S) {
    let wanted: BTreeSet<(&str, &str)> = scenario.links.iter().map(ends).collect();
    for number in 0..run.links().len() {
        let link = &run.links()[number];
        let (from, to) = (&run.card(link.from).id, &run.card(link.to).id);
        if !link.gone && !wanted.contains(&(&**from, &**to)) {
            run.remove_link(LinkId(number as u16), sink);
        }
    }
}

fn ends(link: &LinkSpec) -> (&str, &str) {
    (&link.from, &link.to)
}

fn add_links<S: Sink>(
    run: &mut Run,
    scenario: &Scenario,
    nodes: &BTreeMap<Arc<str>, NodeId>,
    sink: &mut S,
) {
    let numbered = run.links().iter().enumerate().filter(|(_, link)| !link.gone);
    let there: BTreeMap<(NodeId, NodeId), LinkId> =
        numbered.map(|(number, link)| ((link.from, link.to), LinkId(number as u16))).collect();
    for link in &scenario.links {
        let (from, to) = ends(link);
        let (Some(&from), Some(&to)) = (nodes.get(from), nodes.get(to)) else { continue };
        let latency = Span::from_millis_f64(link.latency_ms);
        match there.get(&(from, to)) {
            Some(&number) => run.set_link(number, latency, link.loss),
            None => {
                let name = format!("{}>{}", link.from, link.to);
                let rng = Rng::stream(scenario.seed, &name, "loss");
                run.add_link(Link::new(from, to, latency, link.loss, rng), sink);
            }
        }
    }
}

/// Faults, then single requests; a node or a wire that is not there has none.
fn plan(run: &mut Run, scenario: &Scenario, nodes: &BTreeMap<Arc<str>, NodeId>) -> Vec<Planned> {
    let number = |id: &str| nodes.get(id).copied();
    let mut plan = Vec::new();
    let mut add = |at: Time, node: Option<NodeId>, order| {
        let planned = |node| Planned { at: at.max(Time::from_ns(1)), node, order };
        plan.extend(node.map(planned));
    };
    for fault in &scenario.faults {
        match &fault.on {
            Target::Node(id) => {
                if let Some(order) = node_order(fault) {
                    add(fault.at, number(id), order);
                }
            }
            Target::Wire(from, to) => {
                let ends = number(from).zip(number(to));
                let wire = ends.and_then(|(from, to)| {
                    let here = |link: &Link| !link.gone && link.from == from && link.to == to;
                    run.links().iter().position(here)
                });
                if let Some(order) = wire.and_then(|wire| wire_order(fault, LinkId(wire as u16))) {
                    add(fault.at, number(from), order);
                }
            }
        }
    }
    for send in &scenario.sends {
        let key = run.typed_key(&send.key);
        add(send.at, number(&send.from), Order::Tell(Signal::SendOne(key, send.op)));
    }
    plan
}

fn node_order(fault: &Fault) -> Option<Order> {
    Some(Order::Tell(match fault.kind {
        FaultKind::Drain => return Some(Order::Drain(true)),
        FaultKind::Ready => return Some(Order::Drain(false)),
        FaultKind::Errors(percent) => return Some(Order::Err(percent)),
        FaultKind::Pause => return Some(Order::Halt(true)),
        FaultKind::Resume => return Some(Order::Halt(false)),
        FaultKind::Crash => Signal::Crash,
        FaultKind::Restart => Signal::Restart,
        FaultKind::RefuseWrites => Signal::RefuseWrites(true),
        FaultKind::AcceptWrites => Signal::RefuseWrites(false),
        FaultKind::Slow(factor) => Signal::Slow(factor),
        FaultKind::Normal => Signal::Slow(1),
        FaultKind::CrashPart(part) => Signal::Part(part, PartFault::Crash),
        FaultKind::RestartPart(part) => Signal::Part(part, PartFault::Restart),
        FaultKind::CutPart(part) => Signal::Part(part, PartFault::Cut),
        FaultKind::JoinPart(part) => Signal::Part(part, PartFault::Join),
        FaultKind::Flush => Signal::Flush,
        FaultKind::CheckClock(factor) => Signal::CheckClock(factor),
        FaultKind::Cut | FaultKind::Join | FaultKind::Lose(_) | FaultKind::Delay(_) => return None,
    }))
}

fn wire_order(fault: &Fault, wire: LinkId) -> Option<Order> {
    let what = match fault.kind {
        FaultKind::Cut => WireFault::Cut(true),
        FaultKind::Join => WireFault::Cut(false),
        FaultKind::Pause => WireFault::Hold(true),
        FaultKind::Resume => WireFault::Hold(false),
        FaultKind::Lose(percent) => WireFault::Lose(percent),
        FaultKind::Delay(ms) => WireFault::Delay(Span::from_millis(u64::from(ms))),
        _ => return None,
    };
    Some(Order::Wire(wire, what))
}
