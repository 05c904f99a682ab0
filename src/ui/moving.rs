//! Moving nodes by hand: what a box touches, what a dragged node meets, and the wire it is dropped
//! on.

use leptos::prelude::*;

use super::store::Store;
use crate::session::splice;
use crate::view::camera::{Point, Rect};
use crate::view::guides;
use crate::view::layout;

/// How near a dragged node must come to the line of another to meet it, in pixels.
const GUIDE_REACH: f64 = 8.0;
/// How near the middle of a node must be to a wire to be put into it, in canvas units.
const SPLICE_REACH: f64 = 24.0;

/// The nodes and notes that the box between two points of the screen touches, and the regions that
/// it holds.
pub(super) fn inside(store: Store, a: Point, b: Point) -> Vec<String> {
    let camera = store.camera.get_untracked();
    let (a, b) = (camera.to_canvas(a), camera.to_canvas(b));
    let (left, right) = (a.x.min(b.x), a.x.max(b.x));
    let (top, bottom) = (a.y.min(b.y), a.y.max(b.y));
    store.with(|session| {
        let scenario = session.scenario();
        let taken = Rect { x: left, y: top, width: right - left, height: bottom - top };
        let nodes = scenario.nodes.iter();
        let touched =
            nodes.filter(|node| taken.touches(store.with_places(|places| places.bounds(&node.id))));
        let drawn = scenario.annotations.iter().filter(|annotation| {
            let own = layout::drawn(annotation);
            match annotation.is_note() {
                true => taken.touches(own),
                false => taken.holds(own),
            }
        });
        let nodes = touched.map(|node| node.id.clone());
        nodes.chain(drawn.map(|annotation| annotation.id.clone())).collect()
    })
}

/// Nodes are moved by so much from where they were. The first of them meets the edges and middles
/// of others, or else the grid, and the rest goes along.
pub(super) fn move_nodes(
    store: Store,
    were: &[(String, i32, i32)],
    by: Point,
    (number, free): (u64, bool),
) {
    let zoom = store.camera.get_untracked().zoom;
    let (places, guides) = store.with(|session| {
        let scenario = session.scenario();
        let Some((lead, x, y)) = were.first() else { return Default::default() };
        let stays = |id: &String| !were.iter().any(|(other, ..)| other == id);
        let others = scenario.nodes.iter().filter(|node| stays(&node.id));
        let (own, others) = store.with_places(|places| {
            let others = others.map(|node| places.bounds(&node.id));
            (places.bounds(lead), others.collect::<Vec<Rect>>())
        });
        let wanted = Point::new(f64::from(*x) + by.x, f64::from(*y) + by.y);
        let moving = Rect { x: wanted.x, y: wanted.y, ..own };
        let (met, guides) = match free {
            true => ((None, None), Vec::new()),
            false => guides::align(moving, &others, GUIDE_REACH / zoom),
        };
        let (grid_x, grid_y) = layout::snap(wanted);
        let place = |met: Option<f64>, own: f64, grid: i32| match (free, met) {
            (true, _) => own.round() as i32,
            (false, Some(by)) => (own + by).round() as i32,
            (false, None) => grid,
        };
        let dx = place(met.0, wanted.x, grid_x) - x;
        let dy = place(met.1, wanted.y, grid_y) - y;
        let moved = were.iter().map(|(id, x, y)| (id.clone(), x + dx, y + dy)).collect::<Vec<_>>();
        (moved, guides)
    });
    store.guides.set(guides);
    let stay = store.with(|session| {
        places
            .iter()
            .all(|(id, x, y)| session.scenario().place(id).is_none_or(|place| place == (*x, *y)))
    });
    if !stay {
        store.shift(places, number);
    }
}

/// A node without wires that is dropped on a wire goes into it.
pub(super) fn splice_in(store: Store, id: &str) {
    let found = store.with(|session| {
        let scenario = session.scenario();
        let middle = layout::bounds(scenario, scenario.node(id)?).centre();
        let near = scenario.links.iter().filter(|link| {
            let curve = layout::wire(scenario, &link.from, &link.to);
            curve.is_some_and(|curve| curve.distance2(middle) < SPLICE_REACH * SPLICE_REACH)
        });
        let mut fitting = near.filter_map(|link| {
            let command = splice(scenario, id, &link.from, &link.to)?;
            Some((command, link.from.clone(), link.to.clone()))
        });
        fitting.next()
    });
    if let Some((command, from, to)) = found {
        let [own, from, to] = [id, &from, &to].map(|id| store.label(id));
        store.edit(command, 0, &format!("Put {own} between {from} and {to}"));
    }
}
