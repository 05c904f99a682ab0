//! What a scenario must keep to, whoever made it: limits, ids, ends of links.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::annotation::{Annotation, AnnotationKind, EDGE_MAX, EDGE_MIN};
use super::fault::{FaultKind, Target};
use super::ring;
use super::types::{LinkSpec, NodeSpec, Scenario};
use crate::node::Family;
use crate::node::param::brief;
use crate::sim::Op;

/// Why a document was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where in the document: `nodes[3].queue`.
    pub path: String,
    /// What is wrong there.
    pub reason: String,
}

impl Problem {
    /// A problem at a path.
    pub fn new(path: impl Into<String>, reason: impl Into<String>) -> Problem {
        Problem { path: path.into(), reason: reason.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.reason)
        } else {
            write!(f, "{}: {}", self.path, self.reason)
        }
    }
}

impl std::error::Error for Problem {}

pub(super) const NODES_MAX: usize = if cfg!(feature = "large") { 1_000 } else { 500 };
pub(super) const LINKS_MAX: usize = 2_000;
pub(super) const PLAN_MAX: usize = 1_000;
pub(super) const ANNOTATIONS_MAX: usize = 200;
pub(super) const TITLE_MAX: usize = 120;
pub(super) const LABEL_MAX: usize = 80;
pub(super) const NOTE_MAX: usize = 4_000;
pub(super) const KEY_MAX: usize = 200;
pub(super) const ID_MAX: usize = 40;
pub(super) const PLACE_MAX: i32 = 100_000;
pub(super) const LATENCY_MS_MAX: f64 = 60_000.0;
/// About eleven days: far beyond any run, and exact in milliseconds.
pub(super) const AT_MS_MAX: u64 = 1_000_000_000;
const AT_NS_MAX: u64 = AT_MS_MAX * 1_000_000;
/// Whole numbers above this are not exact in JSON.
pub(super) const SEED_MAX: u64 = (1 << 53) - 1;

impl Scenario {
    /// Is everything in its limits, and does every end of a link exist? Says the first thing wrong.
    pub fn check(&self) -> Result<(), Problem> {
        text("title", &self.title, TITLE_MAX, false)?;
        text("note", &self.note, NOTE_MAX, true)?;
        number("speed", self.speed, 0.001, 1_000.0)?;
        if self.seed > SEED_MAX {
            return Err(Problem::new("seed", format!("must be at most {SEED_MAX}")));
        }
        count("nodes", self.nodes.len(), NODES_MAX)?;
        count("links", self.links.len(), LINKS_MAX)?;
        count("faults", self.faults.len(), PLAN_MAX)?;
        count("sends", self.sends.len(), PLAN_MAX)?;
        count("annotations", self.annotations.len(), ANNOTATIONS_MAX)?;
        self.check_nodes()?;
        self.check_links()?;
        self.check_plan()?;
        self.check_annotations()
    }

    /// What is not finished in it: nodes to which requests come and that can do nothing with any.
    /// An editor shows it and goes on; whoever runs a scenario that nobody can mend refuses it.
    pub fn gaps(&self) -> Vec<Problem> {
        let sends = |id: &str| self.links.iter().any(|link| link.from == id);
        let mut gaps = Vec::new();
        for (place, node) in self.nodes.iter().enumerate() {
            if node.kind.family() == Family::Router && !sends(&node.id) {
                let reason = format!(
                    "{} has no shard: wire it to a database, a table or a server",
                    node.label
                );
                gaps.push(Problem::new(format!("nodes[{place}]"), reason));
            }
        }
        gaps
    }

    /// Takes only a scenario without gaps.
    ///
    /// # Errors
    /// The first gap.
    pub fn finished(self) -> Result<Scenario, Problem> {
        match self.gaps().into_iter().next() {
            Some(gap) => Err(gap),
            None => Ok(self),
        }
    }

    fn check_nodes(&self) -> Result<(), Problem> {
        let mut ids = BTreeSet::new();
        for (place, node) in self.nodes.iter().enumerate() {
            let path = format!("nodes[{place}]");
            check_node(node, &path)?;
            if !ids.insert(&node.id) {
                let reason = format!("another node has the id {:?} already", node.id);
                return Err(Problem::new(format!("{path}.id"), reason));
            }
        }
        Ok(())
    }

    fn check_annotations(&self) -> Result<(), Problem> {
        let mut ids: BTreeSet<&String> = self.nodes.iter().map(|node| &node.id).collect();
        for (place, annotation) in self.annotations.iter().enumerate() {
            let path = format!("annotations[{place}]");
            check_annotation(annotation, &path)?;
            if !ids.insert(&annotation.id) {
                let reason = format!("another thing has the id {:?} already", annotation.id);
                return Err(Problem::new(format!("{path}.id"), reason));
            }
        }
        Ok(())
    }

    fn check_links(&self) -> Result<(), Problem> {
        let nodes: BTreeMap<&str, &NodeSpec> =
            self.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        let node = |id: &str| nodes.get(id).copied().ok_or_else(|| nobody(id));
        let mut before = BTreeSet::new();
        let mut leaving = BTreeMap::<&str, usize>::new();
        for (place, link) in self.links.iter().enumerate() {
            let path = format!("links[{place}]");
            check_link(link, &path)?;
            let (from, to) = (link.from.as_str(), link.to.as_str());
            let leaving = leaving.entry(from).or_default();
            let joined = node(from).and_then(|source| {
                joinable(source, node(to)?, before.contains(&(from, to)), *leaving)
            });
            joined.map_err(|reason| Problem::new(path, reason))?;
            before.insert((from, to));
            *leaving += 1;
        }
        match ring::closing(&self.links) {
            Some(place) => {
                let LinkSpec { from, to, .. } = &self.links[place];
                let reason = no_ring(self, &self.links[..place], from, to).err();
                Err(Problem::new(format!("links[{place}]"), reason.unwrap_or_default()))
            }
            None => Ok(()),
        }
    }

    fn check_plan(&self) -> Result<(), Problem> {
        for (place, fault) in self.faults.iter().enumerate() {
            let path = format!("faults[{place}]");
            at(&path, fault.at.ns())?;
            if let Target::Node(id) = &fault.on
                && self.node(id).is_none()
            {
                return Err(Problem::new(format!("{path}.node"), nobody(id)));
            }
            can_happen(self, &fault.on, fault.kind).map_err(|reason| Problem::new(path, reason))?;
        }
        for (place, send) in self.sends.iter().enumerate() {
            let path = format!("sends[{place}]");
            at(&path, send.at.ns())?;
            text(&format!("{path}.key"), &send.key, KEY_MAX, false)?;
            if !matches!(send.op, Op::Read | Op::Write | Op::Delete) {
                return Err(Problem::new(format!("{path}.op"), "must be GET, PUT or DELETE"));
            }
            if self.node(&send.from).map(|node| node.kind.family()) != Some(Family::Clients) {
                let reason = format!("there are no clients {:?}", short(&send.from));
                return Err(Problem::new(format!("{path}.from"), reason));
            }
        }
        Ok(())
    }
}

/// Can this happen to that node or wire? If not: why, in words for a person.
pub fn can_happen(scenario: &Scenario, on: &Target, kind: FaultKind) -> Result<(), String> {
    match on {
        Target::Node(id) => fault_fits(kind, scenario.node(id).ok_or_else(|| nobody(id))?),
        Target::Wire(from, to) if scenario.link(from, to).is_none() => {
            Err(format!("there is no wire from {:?} to {:?}", short(from), short(to)))
        }
        Target::Wire(..) if kind.happens_to().1 => Ok(()),
        Target::Wire(..) => Err(format!("a wire cannot {}", kind.name().replace('_', " "))),
    }
}

/// May a link be drawn from one node to another? If not: why, in words for a person.
pub fn connectable(scenario: &Scenario, from: &str, to: &str) -> Result<(), String> {
    let node = |id: &str| scenario.node(id).ok_or_else(|| nobody(id));
    let leaving = scenario.links.iter().filter(|link| link.from == from);
    joinable(node(from)?, node(to)?, scenario.link(from, to).is_some(), leaving.count())?;
    no_ring(scenario, &scenario.links, from, to)
}

/// Would a link from one node to another close a ring of these? Then: which.
fn no_ring(scenario: &Scenario, links: &[LinkSpec], from: &str, to: &str) -> Result<(), String> {
    let Some(way) = ring::way(links, to, from) else { return Ok(()) };
    let name = |id: &String| scenario.node(id).map_or_else(|| id.clone(), |n| n.label.clone());
    let named: Vec<String> = way.iter().map(name).collect();
    let (first, round) = (name(&from.to_owned()), named.join(" \u{2192} "));
    Err(format!(
        "would close the ring {first} \u{2192} {round}: a request that comes round would wait for \
         itself"
    ))
}

fn nobody(id: &str) -> String {
    format!("there is no node {:?}", short(id))
}

/// May these two be joined, when they are already or not, and so many links leave the first?
fn joinable(
    source: &NodeSpec,
    target: &NodeSpec,
    joined: bool,
    leaving: usize,
) -> Result<(), String> {
    if source.id == target.id {
        return Err(format!("{} cannot be wired to itself", source.label));
    }
    if joined {
        return Err(format!("{} is wired to {} already", source.label, target.label));
    }
    let watches = |node: &NodeSpec| node.kind.family() == Family::Board;
    if let Some(board) = [source, target].into_iter().find(|node| watches(node)) {
        return Err(format!("{} watches everything without a wire", board.label));
    }
    let entry = source.kind.entry();
    let names = |families: &[Family]| -> Vec<String> {
        families.iter().map(|family| family.entry().name.to_lowercase()).collect()
    };
    if !target.kind.entry().takes {
        return Err(format!("{} only send requests, none can be sent to them", target.label));
    }
    if entry.sends_to.is_empty() {
        return Err(format!("a {} answers requests, it sends none on", entry.name.to_lowercase()));
    }
    if !entry.sends_to.contains(&target.kind.family()) {
        let kinds = names(entry.sends_to).join(" or a ");
        return Err(format!("{} can be wired to a {kinds}", source.label));
    }
    if leaving >= entry.links_max {
        return Err(match entry.links_max {
            1 => format!(
                "{} have one way in; put a balancer there to share requests out",
                source.label
            ),
            most => format!("{} can have at most {most} links", source.label),
        });
    }
    Ok(())
}

/// Can this happen to this node? If not: why.
fn fault_fits(kind: FaultKind, node: &NodeSpec) -> Result<(), String> {
    let entry = node.kind.entry();
    let parts = node.kind.parts();
    let family = node.kind.family();
    match kind {
        FaultKind::Crash | FaultKind::Restart => Ok(()),
        // A part of a registry lives with those who ask: that cannot stand still with it.
        FaultKind::Errors(_) | FaultKind::Pause | FaultKind::Resume
            if entry.takes && family != Family::Registry =>
        {
            Ok(())
        }
        FaultKind::Flush if matches!(family, Family::Cache | Family::Cluster) => Ok(()),
        FaultKind::CheckClock(_) if matches!(family, Family::Balancer | Family::Registry) => Ok(()),
        FaultKind::Drain | FaultKind::Ready if entry.takes => Ok(()),
        FaultKind::Slow(_) | FaultKind::Normal if entry.slows => Ok(()),
        FaultKind::RefuseWrites | FaultKind::AcceptWrites if entry.refuses => Ok(()),
        FaultKind::CrashPart(part)
        | FaultKind::RestartPart(part)
        | FaultKind::CutPart(part)
        | FaultKind::JoinPart(part)
            if parts > 0 =>
        {
            match part < parts {
                true => Ok(()),
                false => Err(format!("{} has {parts} members, from 0; got {part}", node.label)),
            }
        }
        _ => Err(format!("{} cannot {}", node.label, kind.name().replace('_', " "))),
    }
}

/// Is this node in its limits?
fn check_node(node: &NodeSpec, path: &str) -> Result<(), Problem> {
    check_id(&node.id, path)?;
    text(&format!("{path}.label"), &node.label, LABEL_MAX, false)?;
    check_place((node.x, node.y), path)?;
    for spec in node.kind.specs() {
        if let Some(value) = node.kind.get(spec.key) {
            spec.check(&value).map_err(|r| Problem::new(format!("{path}.{}", spec.key), r))?;
        }
    }
    node.kind.fit().map_err(|(key, reason)| Problem::new(format!("{path}.{key}"), reason))
}

/// Is this annotation in its limits?
fn check_annotation(annotation: &Annotation, path: &str) -> Result<(), Problem> {
    check_id(&annotation.id, path)?;
    let lines = annotation.what == AnnotationKind::Note;
    text(&format!("{path}.text"), &annotation.text, annotation.what.text_max(), lines)?;
    check_place((annotation.x, annotation.y), path)?;
    for (edge, value) in [("width", annotation.width), ("height", annotation.height)] {
        let (least, most) = (f64::from(EDGE_MIN), f64::from(EDGE_MAX));
        number(&format!("{path}.{edge}"), f64::from(value), least, most)?;
    }
    Ok(())
}

fn check_id(id: &str, path: &str) -> Result<(), Problem> {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if id.is_empty() || id.len() > ID_MAX || !id.chars().all(legal) {
        let reason = format!("must be 1 to {ID_MAX} letters, digits, _ or -");
        return Err(Problem::new(format!("{path}.id"), reason));
    }
    Ok(())
}

/// Is this a place on the canvas?
pub(crate) fn check_place((x, y): (i32, i32), path: &str) -> Result<(), Problem> {
    let most = f64::from(PLACE_MAX);
    number(&format!("{path}.x"), f64::from(x), -most, most)?;
    number(&format!("{path}.y"), f64::from(y), -most, most)
}

/// Are a link's own numbers in their limits?
fn check_link(link: &LinkSpec, path: &str) -> Result<(), Problem> {
    number(&format!("{path}.latency_ms"), link.latency_ms, 0.0, LATENCY_MS_MAX)?;
    number(&format!("{path}.loss"), link.loss, 0.0, 1.0)
}

/// Text without control characters and without marks that reorder what is read.
pub(crate) fn clean(text: &str) -> String {
    let keep = |c: &char| !is_control(*c);
    text.chars().filter(keep).collect()
}

fn is_control(c: char) -> bool {
    let reorders = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    reorders || (c.is_control() && c != '\n')
}

fn text(path: &str, text: &str, most: usize, lines: bool) -> Result<(), Problem> {
    if text.chars().count() > most {
        return Err(Problem::new(path, format!("must be at most {most} characters long")));
    }
    if text.chars().any(|c| is_control(c) || (c == '\n' && !lines)) {
        return Err(Problem::new(path, "must hold no control characters"));
    }
    Ok(())
}

fn number(path: &str, value: f64, min: f64, max: f64) -> Result<(), Problem> {
    match value.is_finite() && value >= min && value <= max {
        true => Ok(()),
        false if value.is_nan() => {
            Err(Problem::new(path, format!("must be a number between {min} and {max}")))
        }
        false => {
            let value = brief(value);
            Err(Problem::new(path, format!("must be between {min} and {max}, got {value}")))
        }
    }
}

fn count(path: &str, have: usize, most: usize) -> Result<(), Problem> {
    match have <= most {
        true => Ok(()),
        false => Err(Problem::new(path, format!("must be at most {most}, got {have}"))),
    }
}

fn at(path: &str, ns: u64) -> Result<(), Problem> {
    match ns <= AT_NS_MAX {
        true => Ok(()),
        false => Err(Problem::new(format!("{path}.at_ms"), "is too far in the future")),
    }
}

fn short(text: &str) -> String {
    clean(text).chars().take(ID_MAX).collect()
}
