//! The scenario document.

use super::annotation::Annotation;
use super::fault::Fault;
use crate::node::Kind;
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
    /// What its author has drawn beside it, at most 200. It changes no run.
    pub annotations: Vec<Annotation>,
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
            annotations: Vec::new(),
        }
    }
}

impl Scenario {
    /// The node with this id.
    pub fn node(&self, id: &str) -> Option<&NodeSpec> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// The annotation with this id.
    pub fn annotation(&self, id: &str) -> Option<&Annotation> {
        self.annotations.iter().find(|annotation| annotation.id == id)
    }

    /// The ids of all nodes and annotations.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        let nodes = self.nodes.iter().map(|node| node.id.as_str());
        nodes.chain(self.annotations.iter().map(|annotation| annotation.id.as_str()))
    }

    /// Where the node or annotation with this id is, in canvas units.
    pub fn place(&self, id: &str) -> Option<(i32, i32)> {
        let node = self.node(id).map(|node| (node.x, node.y));
        node.or_else(|| self.annotation(id).map(|a| (a.x, a.y)))
    }

    /// What the node or annotation with this id is called.
    pub fn name(&self, id: &str) -> Option<String> {
        let node = self.node(id).map(|node| node.label.clone());
        node.or_else(|| self.annotation(id).map(Annotation::name))
    }

    /// The link between these two.
    pub fn link(&self, from: &str, to: &str) -> Option<&LinkSpec> {
        self.links.iter().find(|link| link.from == from && link.to == to)
    }

    /// An id that no node and no annotation has: the word with the smallest free number.
    pub fn fresh_id(&self, word: &str) -> String {
        let taken = |id: &String| self.place(id).is_some();
        let mut candidates = (1..).map(|number| format!("{word}{number}"));
        candidates.find(|id| !taken(id)).expect("numbers do not end before nodes do")
    }
}
