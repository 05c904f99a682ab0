//! How large nodes are, where their ports are, and where a new one fits.

use std::collections::BTreeMap;

use super::cache_face::{self, RINGS_PER_ROW};
use super::camera::{Point, Rect};
use super::curve::Curve;
use super::gateway;
use super::group::BOXES_PER_ROW;
use crate::node::{Family, Kind};
use crate::scenario::{Annotation, NodeSpec, Scenario};

/// The grid that nodes snap to, in canvas units.
pub const GRID: i32 = 16;
/// Rows that a balancer shows at most.
pub const ROWS_MAX: usize = 8;

/// The size of a node's card. A balancer grows with its backends.
pub fn size(kind: &Kind, links: usize) -> (f64, f64) {
    match kind.family() {
        Family::Clients => (168.0, 104.0),
        Family::Balancer => (208.0, 74.0 + 22.0 * links.clamp(1, ROWS_MAX) as f64),
        Family::Server => (192.0, 104.0),
        Family::Cache => (208.0, 84.0 + 21.0 * ring_rows(kind) as f64),
        Family::Table => {
            let parts = match kind {
                Kind::Table(config) => config.parts_shown(),
                _ => 1,
            };
            (208.0, 78.0 + 22.0 * parts.clamp(1, ROWS_MAX) as f64)
        }
        // The placement is drawn above the shards.
        Family::Router => (224.0, 196.0 + 22.0 * links.clamp(1, ROWS_MAX) as f64),
        // Up to three lines about what moved stand below the members.
        Family::Cluster => (224.0, 212.0 + 22.0 * f64::from(kind.parts().max(1))),
        Family::Gateway => (320.0, 70.0 + gateway_rows(kind)),
        Family::Registry => (320.0, 94.0 + 22.0 * links.clamp(1, ROWS_MAX) as f64),
        Family::Database => (224.0, 74.0 + 22.0 * f64::from(kind.parts().max(1))),
        Family::Queue => {
            let rows = match kind {
                Kind::Queue(config) => config.rows_shown(),
                _ => 1,
            };
            (256.0, 74.0 + 22.0 * rows.clamp(1, ROWS_MAX) as f64)
        }
        Family::Worker => (176.0, 104.0),
        // Four numbers, then a row for each rule.
        Family::Board => {
            let rules = match kind {
                Kind::Board(config) => config.count(),
                _ => 0,
            };
            (256.0, 92.0 + 20.0 * rules.clamp(1, ROWS_MAX) as f64)
        }
        Family::Group => {
            let rows = usize::from(kind.parts()).div_ceil(BOXES_PER_ROW);
            (224.0, 112.0 + 26.0 * rows as f64)
        }
    }
}

/// How much room a gateway's gates and services take.
fn gateway_rows(kind: &Kind) -> f64 {
    match kind {
        Kind::Gateway(config) => gateway::height(config),
        _ => 0.0,
    }
}

/// How many rows of rings a cache shows.
fn ring_rows(kind: &Kind) -> usize {
    match kind {
        Kind::Cache(config) => cache_face::places(config.capacity).div_ceil(RINGS_PER_ROW),
        _ => 0,
    }
}

/// The boxes of all nodes, in their order.
pub fn all_bounds(scenario: &Scenario) -> Vec<Rect> {
    let mut leaving = BTreeMap::<&str, usize>::new();
    for link in &scenario.links {
        *leaving.entry(&link.from).or_default() += 1;
    }
    let one = |node: &NodeSpec| {
        let links = leaving.get(node.id.as_str()).copied().unwrap_or(0);
        let (width, height) = size(&node.kind, links);
        Rect { x: f64::from(node.x), y: f64::from(node.y), width, height }
    };
    scenario.nodes.iter().map(one).collect()
}

/// The box of a node on the canvas.
pub fn bounds(scenario: &Scenario, node: &NodeSpec) -> Rect {
    let links = scenario.links.iter().filter(|link| link.from == node.id).count();
    let (width, height) = size(&node.kind, links);
    Rect { x: f64::from(node.x), y: f64::from(node.y), width, height }
}

/// Where requests leave a node.
pub fn port_out(bounds: Rect) -> Point {
    Point::new(bounds.x + bounds.width, bounds.y + bounds.height / 2.0)
}

/// Where requests come in.
pub fn port_in(bounds: Rect) -> Point {
    Point::new(bounds.x, bounds.y + bounds.height / 2.0)
}

/// The wire between two nodes, if both are there.
pub fn wire(scenario: &Scenario, from: &str, to: &str) -> Option<Curve> {
    let (from, to) = (scenario.node(from)?, scenario.node(to)?);
    Some(Curve::between(port_out(bounds(scenario, from)), port_in(bounds(scenario, to))))
}

/// The box of a region or note on the canvas.
pub fn drawn(annotation: &Annotation) -> Rect {
    let [x, y, width, height] =
        [annotation.x, annotation.y, annotation.width, annotation.height].map(f64::from);
    Rect { x, y, width, height }
}

/// The box of whatever has this id.
pub fn bounds_of(scenario: &Scenario, id: &str) -> Option<Rect> {
    let node = scenario.node(id).map(|node| bounds(scenario, node));
    node.or_else(|| scenario.annotation(id).map(drawn))
}

/// The box around everything; a box around the origin when there is nothing.
pub fn extent(scenario: &Scenario) -> Rect {
    let nodes = all_bounds(scenario).into_iter();
    let all = nodes.chain(scenario.annotations.iter().map(drawn));
    all.reduce(Rect::around).unwrap_or(Rect { x: 0.0, y: 0.0, width: 400.0, height: 300.0 })
}

/// The nearest place on the grid.
pub fn snap(p: Point) -> (i32, i32) {
    let grid = f64::from(GRID);
    let one = |value: f64| ((value / grid).round() * grid).clamp(-1e5, 1e5) as i32;
    (one(p.x), one(p.y))
}

/// A place for a new node of this kind near `wanted`, its middle, that covers no other node.
pub fn free_place(scenario: &Scenario, kind: &Kind, wanted: Point) -> (i32, i32) {
    let (width, height) = size(kind, 0);
    let others = all_bounds(scenario);
    let covered = |x: f64, y: f64| {
        others.iter().any(|other| {
            let margin = 16.0;
            x < other.x + other.width + margin
                && x + width + margin > other.x
                && y < other.y + other.height + margin
                && y + height + margin > other.y
        })
    };
    let (x, y) = (wanted.x - width / 2.0, wanted.y - height / 2.0);
    let step = height + 24.0;
    for ring in 0..40 {
        let down = f64::from(ring) * step;
        for offset in [down, -down] {
            if !covered(x, y + offset) {
                return snap(Point::new(x, y + offset));
            }
        }
    }
    snap(Point::new(x, y))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::gallery::GALLERY;

    #[test]
    fn no_node_of_a_built_in_scenario_covers_another() {
        for preset in GALLERY {
            let scenario = preset.scenario();
            for (place, node) in scenario.nodes.iter().enumerate() {
                let a = bounds(&scenario, node);
                for other in &scenario.nodes[..place] {
                    let b = bounds(&scenario, other);
                    assert!(!a.touches(b), "{}: {} covers {}", preset.key, node.id, other.id);
                }
            }
        }
    }

    #[test]
    fn a_new_node_covers_nothing() {
        let scenario = GALLERY[0].scenario();
        let kind = scenario.nodes[2].kind.clone();
        let middle = bounds(&scenario, &scenario.nodes[2]).centre();
        let (x, y) = free_place(&scenario, &kind, middle);
        let (width, height) = size(&kind, 0);
        let new = Rect { x: f64::from(x), y: f64::from(y), width, height };
        for node in &scenario.nodes {
            assert!(!bounds(&scenario, node).contains(new.centre()), "{}", node.id);
        }
    }
}
