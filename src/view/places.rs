//! Where everything stands, worked out once for a document: boxes by id, and the lines of all wires
//! by the ids of their ends.

use std::collections::{BTreeMap, BTreeSet};

use super::camera::Rect;
use super::curve::Curve;
use super::layout;
use crate::scenario::Scenario;

/// The boxes of nodes and annotations, and the lines of wires.
#[derive(Clone, Debug, Default)]
pub struct Places {
    boxes: BTreeMap<String, Rect>,
    lines: Vec<Curve>,
    wires: BTreeMap<String, BTreeMap<String, usize>>,
}

impl Places {
    /// Where everything in a scenario stands.
    pub fn of(scenario: &Scenario) -> Places {
        let mut places = Places::default();
        for (node, own) in scenario.nodes.iter().zip(layout::all_bounds(scenario)) {
            places.boxes.insert(node.id.clone(), own);
        }
        for annotation in &scenario.annotations {
            places.boxes.insert(annotation.id.clone(), layout::drawn(annotation));
        }
        for link in &scenario.links {
            if let Some(line) = places.between(&link.from, &link.to) {
                let leaving = places.wires.entry(link.from.clone()).or_default();
                leaving.insert(link.to.clone(), places.lines.len());
                places.lines.push(line);
            }
        }
        places
    }

    fn between(&self, from: &str, to: &str) -> Option<Curve> {
        let (from, to) = (self.boxes.get(from)?, self.boxes.get(to)?);
        Some(Curve::between(layout::port_out(*from), layout::port_in(*to)))
    }

    /// These stand elsewhere now and nothing else is different: they and their wires are looked at
    /// again.
    pub fn shift(&mut self, scenario: &Scenario, ids: &[String]) {
        for id in ids {
            if let (Some((x, y)), Some(own)) = (scenario.place(id), self.boxes.get_mut(id)) {
                (own.x, own.y) = (f64::from(x), f64::from(y));
            }
        }
        let ids: BTreeSet<&String> = ids.iter().collect();
        for link in &scenario.links {
            if ids.contains(&link.from) || ids.contains(&link.to) {
                let place = self.place(&link.from, &link.to);
                let line = self.between(&link.from, &link.to);
                if let (Some(place), Some(line)) = (place, line) {
                    self.lines[place] = line;
                }
            }
        }
    }

    /// The box of a node or annotation; an empty one when it is not there.
    pub fn bounds(&self, id: &str) -> Rect {
        self.boxes.get(id).copied().unwrap_or_default()
    }

    /// The line of the wire between two nodes.
    pub fn wire(&self, from: &str, to: &str) -> Option<&Curve> {
        self.line(self.place(from, to)?)
    }

    /// The place of a wire's line: the same as long as no wire comes or goes.
    pub fn place(&self, from: &str, to: &str) -> Option<usize> {
        self.wires.get(from)?.get(to).copied()
    }

    /// The line at a place.
    pub fn line(&self, place: usize) -> Option<&Curve> {
        self.lines.get(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::gallery::GALLERY;

    #[test]
    fn it_is_what_the_layout_says_of_each() {
        for preset in GALLERY {
            let scenario = preset.scenario();
            let places = Places::of(&scenario);
            for node in &scenario.nodes {
                assert_eq!(places.bounds(&node.id), layout::bounds(&scenario, node));
            }
            for link in &scenario.links {
                let own = layout::wire(&scenario, &link.from, &link.to).expect("both ends are");
                let found = places.wire(&link.from, &link.to).expect("it is there");
                assert_eq!(found.path(), own.path());
            }
        }
        let mut moved = GALLERY[0].scenario();
        let mut places = Places::of(&moved);
        let ids: Vec<String> = moved.nodes.iter().take(2).map(|node| node.id.clone()).collect();
        for node in moved.nodes.iter_mut().take(2) {
            (node.x, node.y) = (node.x + 48, node.y - 16);
        }
        places.shift(&moved, &ids);
        let anew = Places::of(&moved);
        assert_eq!((places.boxes, places.lines), (anew.boxes, anew.lines));
        assert_eq!(Places::default().place("a", "b"), None);
        assert_eq!(Places::default().bounds("a"), Rect::default());
    }
}
