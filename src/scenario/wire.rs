//! The wire form, version 1: what stands inside a link. These types are frozen.
//!
//! Links are for ever, so nothing here may change: not a field, not an order, not a number. Only a
//! variant may be put after the last of an enumeration, as `Setting::Text` was: it changes nothing
//! about links that do not use it. Other new things make a version beside this one, as `wire2` is.
//! The rest of the program never uses these types.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::check::Problem;
use super::fault::Target;
use super::{fault_wire, types};
use crate::node::{CATALOGUE, Range, Value};
use crate::sim::{Op, Time};

/// The number of this version.
pub(super) const VERSION: u32 = 1;

/// Where what a single request asks for begins in the number of who sends it.
const SEND_OP_SHIFT: u32 = 12;

/// A number: most are small whole ones.
#[derive(Serialize, Deserialize)]
enum Number {
    Whole(i64),
    Broken(f64),
}

#[derive(Serialize, Deserialize)]
enum Setting {
    Number(Number),
    Choice(u8),
    Switch(bool),
    Text(String),
}

#[derive(Serialize, Deserialize)]
struct Node {
    kind: u8,
    id: String,
    /// Absent when it is the id.
    label: Option<String>,
    x: i32,
    y: i32,
    #[serde(deserialize_with = "at_most::<64, _, _>")]
    settings: Vec<(u8, Setting)>,
}

#[derive(Serialize, Deserialize)]
struct Link {
    from: u16,
    to: u16,
    latency_ms: Number,
    loss: Number,
}

#[derive(Serialize, Deserialize)]
struct Fault {
    at_ns: u64,
    node: u16,
    kind: u8,
}

#[derive(Serialize, Deserialize)]
struct Send {
    at_ns: u64,
    /// The low twelve bits say who; the high four say what, 0 being to read.
    from: u16,
    key: String,
}

/// A whole scenario.
#[derive(Serialize, Deserialize)]
pub(super) struct Scenario {
    title: String,
    note: String,
    seed: u64,
    speed: Number,
    #[serde(deserialize_with = "at_most::<2_000, _, _>")]
    nodes: Vec<Node>,
    #[serde(deserialize_with = "at_most::<8_000, _, _>")]
    links: Vec<Link>,
    #[serde(deserialize_with = "at_most::<4_000, _, _>")]
    faults: Vec<Fault>,
    #[serde(deserialize_with = "at_most::<4_000, _, _>")]
    sends: Vec<Send>,
}

/// Reads a list that must not be longer than any that could be right, so that a hostile one costs
/// no memory. What is a little too long is left to the check, which says so in better words.
pub(super) fn at_most<'de, const MOST: usize, T, D>(from: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct Bounded<const MOST: usize, T>(PhantomData<T>);

    impl<'de, const MOST: usize, T: Deserialize<'de>> Visitor<'de> for Bounded<MOST, T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {MOST} items")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while let Some(item) = items.next_element()? {
                if list.len() == MOST {
                    return Err(A::Error::invalid_length(MOST + 1, &self));
                }
                list.push(item);
            }
            Ok(list)
        }
    }

    from.deserialize_seq(Bounded::<MOST, T>(PhantomData))
}

impl From<f64> for Number {
    fn from(n: f64) -> Number {
        match n.fract() == 0.0 && n.abs() < 9e15 {
            true => Number::Whole(n as i64),
            false => Number::Broken(n),
        }
    }
}

impl From<Number> for f64 {
    fn from(n: Number) -> f64 {
        match n {
            Number::Whole(n) => n as f64,
            Number::Broken(n) => n,
        }
    }
}

impl Scenario {
    /// The wire form of a scenario that has been checked.
    pub(super) fn pack(scenario: &types::Scenario) -> Scenario {
        let place = |id: &str| {
            let found = scenario.nodes.iter().position(|node| node.id == id);
            found.unwrap_or(usize::from(u16::MAX)) as u16
        };
        let wire = |from: &str, to: &str| {
            let found = scenario.links.iter().position(|link| link.from == from && link.to == to);
            found.unwrap_or(usize::from(u16::MAX)) as u16
        };
        Scenario {
            title: scenario.title.clone(),
            note: scenario.note.clone(),
            seed: scenario.seed,
            speed: scenario.speed.into(),
            nodes: scenario.nodes.iter().map(pack_node).collect(),
            links: (scenario.links.iter())
                .map(|link| Link {
                    from: place(&link.from),
                    to: place(&link.to),
                    latency_ms: link.latency_ms.into(),
                    loss: link.loss.into(),
                })
                .collect(),
            faults: (scenario.faults.iter())
                .flat_map(|fault| fault_wire::pack(fault, place, wire))
                .map(|(at_ns, node, kind)| Fault { at_ns, node, kind })
                .collect(),
            sends: (scenario.sends.iter())
                .map(|send| Send {
                    at_ns: send.at.ns(),
                    from: place(&send.from) | (send.op as u16) << SEND_OP_SHIFT,
                    key: send.key.clone(),
                })
                .collect(),
        }
    }

    /// The scenario, not yet checked as a whole.
    pub(super) fn unpack(self) -> Result<types::Scenario, Problem> {
        let mut nodes = Vec::new();
        for (place, node) in self.nodes.into_iter().enumerate() {
            nodes.push(unpack_node(node, place)?);
        }
        let id = |place: u16, path: String| {
            let node: Option<&types::NodeSpec> = nodes.get(usize::from(place));
            node.map(|node| node.id.clone()).ok_or_else(|| Problem::new(path, "names no node"))
        };
        let mut scenario = types::Scenario {
            title: self.title,
            note: self.note,
            seed: self.seed,
            speed: self.speed.into(),
            ..types::Scenario::default()
        };
        for (place, link) in self.links.into_iter().enumerate() {
            scenario.links.push(types::LinkSpec {
                from: id(link.from, format!("links[{place}].from"))?,
                to: id(link.to, format!("links[{place}].to"))?,
                latency_ms: link.latency_ms.into(),
                loss: link.loss.into(),
            });
        }
        let records = self.faults.iter().map(|fault| (fault.at_ns, fault.node, fault.kind));
        let node = |place: u16| Some(Target::node(&nodes.get(usize::from(place))?.id));
        let wire = |place: u16| {
            let link = scenario.links.get(usize::from(place))?;
            Some(Target::wire(&link.from, &link.to))
        };
        scenario.faults = fault_wire::unpack(records, node, wire)?;
        for (place, send) in self.sends.into_iter().enumerate() {
            let path = format!("sends[{place}]");
            let op = Op::ALL.get(usize::from(send.from >> SEND_OP_SHIFT)).copied();
            let Some(op) = op else {
                return Err(Problem::new(path, "asks for something this version does not know"));
            };
            let from = id(send.from & ((1 << SEND_OP_SHIFT) - 1), format!("{path}.from"))?;
            let at = Time::from_ns(send.at_ns);
            scenario.sends.push(types::SendOne { at, from, key: send.key, op });
        }
        scenario.nodes = nodes;
        Ok(scenario)
    }
}

fn pack_node(node: &types::NodeSpec) -> Node {
    let mut settings = Vec::new();
    for spec in node.kind.specs() {
        let value = node.kind.get(spec.key);
        if value == node.kind.default_of(spec.key) {
            continue;
        }
        let setting = match (value, &spec.range) {
            (Some(Value::Number(n)), _) => Setting::Number(n.into()),
            (Some(Value::Switch(on)), _) => Setting::Switch(on),
            (Some(Value::Text(text)), _) => Setting::Text(text),
            (Some(Value::Choice(key)), Range::Choice(all)) => {
                let chosen = all().into_iter().find(|choice| choice.key == key);
                Setting::Choice(chosen.map_or(0, |choice| choice.wire))
            }
            _ => continue,
        };
        settings.push((spec.wire, setting));
    }
    Node {
        kind: node.kind.entry().wire,
        id: node.id.clone(),
        label: (node.label != node.id).then(|| node.label.clone()),
        x: node.x,
        y: node.y,
        settings,
    }
}

fn unpack_node(node: Node, place: usize) -> Result<types::NodeSpec, Problem> {
    let path = format!("nodes[{place}]");
    let newer = |path: &str| Problem::new(path, "is of a kind this version does not know");
    let entry = CATALOGUE.iter().find(|entry| entry.wire == node.kind);
    let mut kind = (entry.ok_or_else(|| newer(&path))?.make)();
    for (number, setting) in node.settings {
        let spec = kind.specs().into_iter().find(|spec| spec.wire == number);
        let spec = spec.ok_or_else(|| newer(&path))?;
        let path = format!("{path}.{}", spec.key);
        let value = match (setting, &spec.range) {
            (Setting::Number(n), _) => Value::Number(n.into()),
            (Setting::Switch(on), _) => Value::Switch(on),
            (Setting::Text(text), _) => Value::Text(text),
            (Setting::Choice(wire), Range::Choice(all)) => {
                let chosen = all().into_iter().find(|choice| choice.wire == wire);
                Value::Choice(chosen.ok_or_else(|| newer(&path))?.key.to_owned())
            }
            (Setting::Choice(_), _) => return Err(Problem::new(path, "is not a choice")),
        };
        kind.set(spec.key, value).map_err(|reason| Problem::new(path, reason))?;
    }
    Ok(types::NodeSpec {
        label: node.label.unwrap_or_else(|| node.id.clone()),
        id: node.id,
        x: node.x,
        y: node.y,
        kind,
    })
}
