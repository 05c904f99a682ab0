//! Pointer gestures on the canvas: drag a node, drag a wire, drag a kind from the palette, pan.
//!
//! Every gesture ends cleanly: released, cancelled, left or interrupted.

use leptos::ev;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use web_sys::PointerEvent;

use super::store::{Selection, Store};
use crate::node::Family;
use crate::scenario::connectable;
use crate::session::Command;
use crate::view::camera::Point;
use crate::view::dots;
use crate::view::layout;

/// How far a mouse may wander before a click becomes a drag, in pixels; touch may wander more.
const CLICK: f64 = 4.0;
const TOUCH: f64 = 6.0;
const TOUCH_PALETTE: f64 = 25.0;
/// How near a dot must be to be clicked, in pixels.
const DOT_REACH: f64 = 14.0;
/// How near the edge the canvas begins to move along, in pixels, and how fast.
const EDGE: f64 = 24.0;
const EDGE_SPEED: f64 = 8.0;

/// What the pointer is doing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Gesture {
    #[default]
    None,
    /// The canvas follows the pointer.
    Pan { last: Point, from: Point, moved: bool },
    /// A node follows the pointer; `grip` is where it was taken, from its corner.
    Node { id: String, grip: Point, from: Point, moved: bool, number: u64 },
    /// A wire leads from a node to the pointer. `sticky`: begun by a click, ended by the next.
    Wire { from: String, at: Point, start: Point, sticky: bool },
    /// A kind from the palette follows the pointer.
    New { family: Family, at: Point, start: Point, moved: bool, touch: bool },
}

/// The element that is the canvas, for its place on the screen.
fn canvas_box() -> Option<web_sys::DomRect> {
    Some(document().get_element_by_id("canvas")?.get_bounding_client_rect())
}

/// The pointer, from the corner of the canvas.
pub(super) fn on_canvas(event: &web_sys::MouseEvent) -> Point {
    let corner = canvas_box().map_or(Point::default(), |b| Point::new(b.left(), b.top()));
    Point::new(f64::from(event.client_x()) - corner.x, f64::from(event.client_y()) - corner.y)
}

/// A number that no other gesture has.
pub(super) fn fresh_number() -> u64 {
    (js_sys::Math::random() * 9e15) as u64 + 1
}

fn far(a: Point, b: Point, limit: f64) -> bool {
    a.distance2(b) > limit * limit
}

/// The pointer went down on a node.
pub(super) fn press_node(store: Store, event: &PointerEvent, id: String) {
    if event.button() != 0 {
        return;
    }
    event.stop_propagation();
    if end_sticky_wire(store, Some(&id)) {
        return;
    }
    store.select(Selection::Node(id.clone()));
    if store.options.embed {
        return;
    }
    let from = on_canvas(event);
    let corner = store.with(|session| {
        let node = session.scenario().node(&id);
        node.map(|node| Point::new(f64::from(node.x), f64::from(node.y)))
    });
    let Some(corner) = corner else { return };
    let at = store.camera.get_untracked().to_canvas(from);
    let grip = Point::new(at.x - corner.x, at.y - corner.y);
    store.gesture.set(Gesture::Node { id, grip, from, moved: false, number: fresh_number() });
}

/// The pointer went down on a port where requests leave.
pub(super) fn press_port(store: Store, event: &PointerEvent, id: String) {
    if event.button() != 0 || store.options.embed {
        return;
    }
    event.stop_propagation();
    event.prevent_default();
    let at = on_canvas(event);
    store.gesture.set(Gesture::Wire { from: id, at, start: at, sticky: false });
}

/// The pointer went down on the canvas itself, on a dot or on a wire.
pub(super) fn press_canvas(store: Store, event: &PointerEvent) {
    let at = on_canvas(event);
    if event.button() > 1 || end_sticky_wire(store, None) {
        return;
    }
    let p = store.camera.get_untracked().to_canvas(at);
    let reach = DOT_REACH / store.camera.get_untracked().zoom;
    if let Some(dot) = store.with_dots(|all| dots::nearest(all, p, reach)) {
        store.select(Selection::Request(dot.request));
        store.refresh();
        return;
    }
    if store.options.embed && event.pointer_type() == "touch" {
        return;
    }
    store.gesture.set(Gesture::Pan { last: at, from: at, moved: false });
}

/// The pointer went down on a kind in the palette.
pub(super) fn press_palette(store: Store, event: &PointerEvent, family: Family) {
    if event.button() != 0 {
        return;
    }
    let at = on_canvas(event);
    let touch = event.pointer_type() == "touch";
    store.gesture.set(Gesture::New { family, at, start: at, moved: false, touch });
}

/// Listens on the window, because a gesture may leave the canvas.
pub(super) fn listen(store: Store) {
    let touch = |event: &PointerEvent| event.pointer_type() == "touch";
    let move_handle = window_event_listener(ev::pointermove, move |event| {
        if store.gesture.with_untracked(|gesture| *gesture != Gesture::None) {
            moved(store, on_canvas(&event), if touch(&event) { TOUCH } else { CLICK });
        }
    });
    let up_handle = window_event_listener(ev::pointerup, move |event| released(store, &event));
    let cancel_handle = window_event_listener(ev::pointercancel, move |_| end(store));
    let blur_handle = window_event_listener(ev::blur, move |_| end(store));
    on_cleanup(move || {
        move_handle.remove();
        up_handle.remove();
        cancel_handle.remove();
        blur_handle.remove();
    });
}

fn end(store: Store) {
    cancel(store);
}

/// Ends whatever is going on, without effect. A node that was dragged stays where it is.
pub(super) fn cancel(store: Store) -> bool {
    let busy = store.gesture.with_untracked(|gesture| *gesture != Gesture::None);
    if busy {
        store.gesture.set(Gesture::None);
    }
    busy
}

fn moved(store: Store, at: Point, slack: f64) {
    let mut gesture = store.gesture.get_untracked();
    match &mut gesture {
        Gesture::None => return,
        Gesture::Pan { last, from, moved } => {
            *moved |= far(at, *from, slack);
            if *moved {
                store.camera.update(|camera| *camera = camera.panned(at.x - last.x, at.y - last.y));
            }
            *last = at;
        }
        Gesture::Node { id, grip, from, moved, number } => {
            *moved |= far(at, *from, slack);
            if *moved {
                pan_at_edge(store, at);
                let p = store.camera.get_untracked().to_canvas(at);
                let (x, y) = layout::snap(Point::new(p.x - grip.x, p.y - grip.y));
                move_node(store, id, x, y, *number);
            }
        }
        Gesture::Wire { at: end, .. } => {
            pan_at_edge(store, at);
            *end = at;
        }
        Gesture::New { at: end, start, moved, touch, .. } => {
            *moved |= far(at, *start, if *touch { TOUCH_PALETTE } else { slack });
            *end = at;
        }
    }
    store.gesture.set(gesture);
}

fn move_node(store: Store, id: &str, x: i32, y: i32, number: u64) {
    let stays = store
        .with(|session| session.scenario().node(id).is_none_or(|node| (node.x, node.y) == (x, y)));
    if !stays {
        store.edit(Command::Move(vec![(id.to_owned(), x, y)]), number, "");
    }
}

fn released(store: Store, event: &PointerEvent) {
    let at = on_canvas(event);
    match store.gesture.get_untracked() {
        Gesture::None => {}
        Gesture::Pan { moved, .. } => {
            store.gesture.set(Gesture::None);
            if !moved {
                store.selection.set(Selection::Nothing);
            }
        }
        Gesture::Node { id, moved, .. } => {
            store.gesture.set(Gesture::None);
            if moved {
                store.say(&format!("Moved {}", store.label(&id)));
            }
        }
        Gesture::Wire { from, start, sticky, .. } => {
            if !sticky && !far(at, start, CLICK) {
                // A click on a port: the wire now follows the pointer until the next click.
                store.gesture.set(Gesture::Wire { from, at, start, sticky: true });
                store.say("Click the node to connect to");
                return;
            }
            if !sticky {
                store.gesture.set(Gesture::None);
                if let Some(target) = node_under(event) {
                    store.connect(&from, &target);
                }
            }
        }
        Gesture::New { family, moved, .. } => {
            store.gesture.set(Gesture::None);
            if moved && over_canvas(event) {
                let p = store.camera.get_untracked().to_canvas(at);
                store.add_node(family, Some(p));
            } else if !moved {
                store.add_node(family, None);
            }
        }
    }
}

/// The second click of click-and-click wiring.
fn end_sticky_wire(store: Store, target: Option<&str>) -> bool {
    let Gesture::Wire { from, sticky: true, .. } = store.gesture.get_untracked() else {
        return false;
    };
    store.gesture.set(Gesture::None);
    if let Some(target) = target {
        store.connect(&from, target);
    }
    true
}

fn pan_at_edge(store: Store, at: Point) {
    let (width, height) = store.viewport.get_untracked();
    let push = |place: f64, size: f64| {
        if place < EDGE {
            EDGE_SPEED
        } else if place > size - EDGE {
            -EDGE_SPEED
        } else {
            0.0
        }
    };
    let (dx, dy) = (push(at.x, width), push(at.y, height));
    if dx != 0.0 || dy != 0.0 {
        store.camera.update(|camera| *camera = camera.panned(dx, dy));
    }
}

fn under(event: &PointerEvent) -> Option<web_sys::Element> {
    document().element_from_point(event.client_x() as f32, event.client_y() as f32)
}

fn node_under(event: &PointerEvent) -> Option<String> {
    let card = under(event)?.closest("[data-node]").ok().flatten()?;
    card.get_attribute("data-node")
}

fn over_canvas(event: &PointerEvent) -> bool {
    let inside = under(event).and_then(|element| element.closest("#canvas").ok().flatten());
    inside.is_some_and(|element| element.is_instance_of::<web_sys::Element>())
}

/// Why a wire to this node would be refused, while one is being drawn; nothing when it would fit.
pub(super) fn objection(store: Store, target: &str) -> Option<String> {
    let from = store.gesture.with(|gesture| match gesture {
        Gesture::Wire { from, .. } => Some(from.clone()),
        _ => None,
    })?;
    store.with(|session| connectable(session.scenario(), &from, target).err())
}
