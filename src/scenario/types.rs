//! The scenario document.

use std::ops::RangeInclusive;

use crate::node::{Kind, PARTS_MAX};
use crate::sim::{Op, Time};

/// The version of the document, as it stands in files.
pub const SCHEMA: &str = "switchyard/1";

/// Everything that makes a run: the same document and seed give the same run.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Its title, at most 120 characters.
    pub title: String,
    /// A text from its author, at most 4,000 characters.
    pub note: String,
    /// The seed of all randomness in it.
    pub seed: u64,
    /// How much simulated time passes in a second on the screen, 0.001 to 1000.
    pub speed: f64,
    /// The nodes, at most 500.
    pub nodes: Vec<NodeSpec>,
    /// The links between them, at most 2,000.
    pub links: Vec<LinkSpec>,
    /// What goes wrong, and when.
    pub faults: Vec<Fault>,
    /// Single requests with a typed key.
    pub sends: Vec<SendOne>,
}

/// A node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeSpec {
    /// Its id, unique in the scenario: letters, digits, `_` and `-`, at most 40. Its random streams
    /// are named after it.
    pub id: String,
    /// Its name as shown, at most 80 characters.
    pub label: String,
    /// The left edge, in canvas units.
    pub x: i32,
    /// The top edge, in canvas units.
    pub y: i32,
    /// Its kind and settings.
    pub kind: Kind,
}

/// A link.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkSpec {
    /// The id of the node that requests come from.
    pub from: String,
    /// The id of the node that they go to.
    pub to: String,
    /// How long a crossing takes, in ms, 0 to 60,000.
    pub latency_ms: f64,
    /// The probability that a crossing fails, 0 to 1.
    pub loss: f64,
}

/// What can go wrong, and right again. Where there is a number, it is the part of the node, counted
/// from 0, or a factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The node dies and loses what it holds.
    Crash,
    /// The node comes up again, empty.
    Restart,
    /// The node fails everything that would change what it stores.
    RefuseWrites,
    /// It takes changes again.
    AcceptWrites,
    /// Everything takes so many times as long.
    Slow(u8),
    /// It is as fast as ever.
    Normal,
    /// Balancers choose it no more; it goes on with what it has.
    Drain,
    /// Balancers may choose it again.
    Ready,
    /// One member of the node dies.
    CrashPart(u8),
    /// One member comes up again.
    RestartPart(u8),
    /// One member is cut off from the others, and goes on.
    CutPart(u8),
    /// It can be reached by the others again.
    JoinPart(u8),
}

impl FaultKind {
    /// One of each.
    pub const ALL: [FaultKind; 12] = [
        FaultKind::Crash,
        FaultKind::Restart,
        FaultKind::RefuseWrites,
        FaultKind::AcceptWrites,
        FaultKind::Slow(10),
        FaultKind::Normal,
        FaultKind::CrashPart(0),
        FaultKind::RestartPart(0),
        FaultKind::CutPart(0),
        FaultKind::JoinPart(0),
        FaultKind::Drain,
        FaultKind::Ready,
    ];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            FaultKind::Crash => "crash",
            FaultKind::Restart => "restart",
            FaultKind::RefuseWrites => "refuse_writes",
            FaultKind::AcceptWrites => "accept_writes",
            FaultKind::Slow(_) => "slow",
            FaultKind::Normal => "normal",
            FaultKind::Drain => "drain",
            FaultKind::Ready => "ready",
            FaultKind::CrashPart(_) => "crash_part",
            FaultKind::RestartPart(_) => "restart_part",
            FaultKind::CutPart(_) => "cut_part",
            FaultKind::JoinPart(_) => "join_part",
        }
    }

    /// The name and the limits of the number that goes with it in files, if one does.
    pub fn amount(self) -> Option<(&'static str, RangeInclusive<f64>)> {
        match self {
            FaultKind::Slow(_) => Some(("factor", 2.0..=100.0)),
            FaultKind::CrashPart(_)
            | FaultKind::RestartPart(_)
            | FaultKind::CutPart(_)
            | FaultKind::JoinPart(_) => Some(("part", 0.0..=f64::from(PARTS_MAX - 1))),
            _ => None,
        }
    }

    /// The same with another number.
    pub fn with(self, amount: u8) -> FaultKind {
        match self {
            FaultKind::Slow(_) => FaultKind::Slow(amount),
            FaultKind::CrashPart(_) => FaultKind::CrashPart(amount),
            FaultKind::RestartPart(_) => FaultKind::RestartPart(amount),
            FaultKind::CutPart(_) => FaultKind::CutPart(amount),
            FaultKind::JoinPart(_) => FaultKind::JoinPart(amount),
            plain => plain,
        }
    }

    /// Does it make something right again?
    pub fn mends(self) -> bool {
        match self {
            FaultKind::Restart
            | FaultKind::AcceptWrites
            | FaultKind::Normal
            | FaultKind::Ready
            | FaultKind::RestartPart(_)
            | FaultKind::JoinPart(_) => true,
            FaultKind::Crash
            | FaultKind::RefuseWrites
            | FaultKind::Slow(_)
            | FaultKind::Drain
            | FaultKind::CrashPart(_)
            | FaultKind::CutPart(_) => false,
        }
    }

    /// The number that goes with it.
    pub fn number(self) -> Option<u8> {
        match self {
            FaultKind::Slow(n)
            | FaultKind::CrashPart(n)
            | FaultKind::RestartPart(n)
            | FaultKind::CutPart(n)
            | FaultKind::JoinPart(n) => Some(n),
            _ => None,
        }
    }

    /// Its number in links: never reused. Those with a number have a row of sixteen, or more, each.
    pub fn wire(self) -> u8 {
        match self {
            FaultKind::Crash => 0,
            FaultKind::Restart => 1,
            FaultKind::RefuseWrites => 2,
            FaultKind::AcceptWrites => 3,
            FaultKind::Normal => 4,
            FaultKind::Drain => 5,
            FaultKind::Ready => 6,
            FaultKind::CrashPart(part) => 16 + part,
            FaultKind::RestartPart(part) => 32 + part,
            FaultKind::CutPart(part) => 48 + part,
            FaultKind::JoinPart(part) => 64 + part,
            FaultKind::Slow(factor) => 128 + factor,
        }
    }

    /// The one with this number in links.
    pub fn of_wire(wire: u8) -> Option<FaultKind> {
        Some(match wire {
            0 => FaultKind::Crash,
            1 => FaultKind::Restart,
            2 => FaultKind::RefuseWrites,
            3 => FaultKind::AcceptWrites,
            4 => FaultKind::Normal,
            5 => FaultKind::Drain,
            6 => FaultKind::Ready,
            16..32 => FaultKind::CrashPart(wire - 16),
            32..48 => FaultKind::RestartPart(wire - 32),
            48..64 => FaultKind::CutPart(wire - 48),
            64..80 => FaultKind::JoinPart(wire - 64),
            130..=228 => FaultKind::Slow(wire - 128),
            _ => return None,
        })
    }
}

/// Something that goes wrong, or right again.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// When.
    pub at: Time,
    /// The id of the node it happens to.
    pub node: String,
    /// What.
    pub kind: FaultKind,
}

/// One request that a person sends.
#[derive(Clone, Debug, PartialEq)]
pub struct SendOne {
    /// When.
    pub at: Time,
    /// The id of the clients that send it.
    pub from: String,
    /// The key it asks for, at most 200 characters.
    pub key: String,
    /// What to do with it: read, write or delete.
    pub op: Op,
}

impl Default for Scenario {
    /// An empty canvas.
    fn default() -> Self {
        Scenario {
            title: String::new(),
            note: String::new(),
            seed: 1,
            speed: 0.1,
            nodes: Vec::new(),
            links: Vec::new(),
            faults: Vec::new(),
            sends: Vec::new(),
        }
    }
}

impl Scenario {
    /// The node with this id.
    pub fn node(&self, id: &str) -> Option<&NodeSpec> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// The link between these two.
    pub fn link(&self, from: &str, to: &str) -> Option<&LinkSpec> {
        self.links.iter().find(|link| link.from == from && link.to == to)
    }

    /// An id that no node has: the word with the smallest free number.
    pub fn fresh_id(&self, word: &str) -> String {
        let taken = |id: &String| self.node(id).is_some();
        let mut candidates = (1..).map(|number| format!("{word}{number}"));
        candidates.find(|id| !taken(id)).expect("numbers do not end before nodes do")
    }
}
