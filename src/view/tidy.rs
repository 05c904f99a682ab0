//! Tidying up: a layered layout from left to right (Sugiyama), by the crate `rust-sugiyama`, which
//! finds layers and orders; gaps and the grid are ours.

use rust_sugiyama::configure::{Config, CrossingMinimization, RankingType};
use rust_sugiyama::from_vertices_and_edges;

use super::layout::{self, GRID};
use crate::scenario::{NodeSpec, Scenario};

/// Between layers, and between nodes of one layer, in canvas units.
const ACROSS: f64 = 112.0;
const DOWN: f64 = 32.0;

/// A place for every node: layers from left to right in the direction of requests, nothing on
/// anything, the upper left corner where it was. Parts that are not connected, and nodes without
/// wires, stand one below the other. The same document gives the same places.
pub fn tidy(scenario: &Scenario) -> Vec<(String, i32, i32)> {
    let number = |id: &str| scenario.nodes.iter().position(|node| node.id == id);
    let size = |place: usize| {
        let bounds = layout::bounds(scenario, &scenario.nodes[place]);
        (bounds.width, bounds.height)
    };
    let wired = |place: usize| {
        let id = &scenario.nodes[place].id;
        scenario.links.iter().any(|link| link.from == *id || link.to == *id)
    };
    let ends = scenario.links.iter();
    let edges: Vec<(u32, u32)> = ends
        .filter_map(|link| Some((number(&link.from)? as u32, number(&link.to)? as u32)))
        .collect();
    // Its layers lie one below the other: ours stand side by side, so sizes are turned.
    let vertices: Vec<(u32, (f64, f64))> = (0..scenario.nodes.len())
        .filter(|&place| wired(place))
        .map(|place| (place as u32, (size(place).1 + DOWN, size(place).0)))
        .collect();
    let config = Config {
        minimum_length: 1,
        vertex_spacing: DOWN,
        dummy_vertices: true,
        dummy_size: 1.0,
        ranking_type: RankingType::MinimizeEdgeLength,
        c_minimization: CrossingMinimization::Barycenter,
        transpose: true,
    };
    let mut parts: Vec<Vec<(usize, f64, f64)>> = from_vertices_and_edges(&vertices, &edges, &config)
            .into_iter()
            // It names vertices by where they stand in the list.
            .map(|(part, ..)| {
                let own = |n: usize| vertices[n].0 as usize;
                part.into_iter().map(|(n, (x, y))| (own(n), x, y)).collect()
            })
            .collect();
    // The parts in the order of their first nodes, whatever order they come in.
    parts.sort_by_key(|part| part.iter().map(|(place, ..)| *place).min());
    let mut places = vec![(0.0, 0.0); scenario.nodes.len()];
    let mut top = 0.0;
    for part in parts {
        top = put(&part, size, top, &mut places) + 2.0 * DOWN;
    }
    let mut left = 0.0;
    for place in (0..scenario.nodes.len()).filter(|&place| !wired(place)) {
        places[place] = (left, top);
        left += size(place).0 + DOWN;
    }
    // Of nodes only: regions follow them, and would drift away with their margins.
    let least = |along: fn(&NodeSpec) -> i32| scenario.nodes.iter().map(along).min();
    let (x0, y0) = (least(|n| n.x).unwrap_or(0), least(|n| n.y).unwrap_or(0));
    let snap = |value: f64| (value / f64::from(GRID)).ceil() as i32 * GRID;
    let moved = scenario.nodes.iter().zip(places);
    moved.map(|(node, (x, y))| (node.id.clone(), x0 + snap(x), y0 + snap(y))).collect()
}

/// Puts the nodes of one connected part below `top`; gives where it ends.
fn put(
    part: &[(usize, f64, f64)],
    size: impl Fn(usize) -> (f64, f64),
    top: f64,
    places: &mut [(f64, f64)],
) -> f64 {
    let mut layers: Vec<Vec<(usize, f64)>> = Vec::new();
    let mut sorted = part.to_vec();
    sorted.sort_by(|a, b| a.2.total_cmp(&b.2).then(a.1.total_cmp(&b.1)).then(a.0.cmp(&b.0)));
    let mut last = f64::NEG_INFINITY;
    for (place, along, layer) in sorted {
        if layer - last > 1.0 {
            layers.push(Vec::new());
            last = layer;
        }
        if let Some(current) = layers.last_mut() {
            current.push((place, along));
        }
    }
    let least = part.iter().map(|(place, along, _)| along - size(*place).1 / 2.0);
    let least = least.fold(f64::INFINITY, f64::min);
    let (mut left, mut bottom) = (0.0, top);
    for layer in layers {
        let widest = layer.iter().map(|(place, _)| size(*place).0).fold(0.0, f64::max);
        let mut free = top;
        for (place, along) in layer {
            let (width, height) = size(place);
            // Where it wants to be, but not on the one above it.
            let y = (top + along - least - height / 2.0).max(free);
            places[place] = (left + (widest - width) / 2.0, y);
            free = y + height + DOWN;
            bottom = f64::max(bottom, y + height);
        }
        left += widest + ACROSS;
    }
    bottom
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::gallery::GALLERY;
    use crate::session::{Command, Session};
    use crate::view::camera::Rect;

    #[test]
    fn nothing_lies_on_anything_and_wires_go_to_the_right() {
        for preset in GALLERY {
            let before = preset.scenario();
            let places = tidy(&before);
            assert_eq!(places, tidy(&before), "the same document, the same places");
            let mut session = Session::new(before.clone()).expect("valid");
            session.apply(Command::Move(places.clone()), 0).expect("they can be moved there");
            let after = session.scenario();
            let boxes: Vec<Rect> =
                after.nodes.iter().map(|node| layout::bounds(after, node)).collect();
            for (n, a) in boxes.iter().enumerate() {
                for b in &boxes[n + 1..] {
                    assert!(!a.touches(*b), "{}: {a:?} {b:?}", preset.key);
                }
            }
            let x = |id: &str| after.node(id).map(|node| node.x);
            for link in &after.links {
                assert!(x(&link.from) < x(&link.to), "{}: {link:?}", preset.key);
            }
            assert_eq!(tidy(after), places, "{}: tidy is tidy", preset.key);
            let corner = crate::session::corner;
            assert_eq!(corner(after), corner(&before));
            assert!(session.undo().expect("one step"));
            assert_eq!(*session.scenario(), before);
        }
    }

    #[test]
    fn an_empty_canvas_and_loose_nodes_are_no_trouble() {
        assert_eq!(tidy(&Scenario::default()), []);
        let mut loose = GALLERY[0].scenario();
        loose.links.clear();
        let places = tidy(&loose);
        assert!(places.iter().all(|(_, _, y)| *y == places[0].2));
    }
}
