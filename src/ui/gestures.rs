//! Pointer gestures on the canvas: drag a node, drag a wire, drag a kind from the palette, pan.
//!
//! Every gesture ends cleanly: released, cancelled, left or interrupted.

use std::cell::Cell;

use leptos::ev;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use web_sys::PointerEvent;

use super::annotations;
use super::motion;
use super::moving::{inside, move_nodes, splice_in};
use super::quick_add;
use super::store::{Selection, Store};
use super::touch::{pinched, second_finger};
use crate::node::Family;
use crate::scenario::Annotation;
use crate::session::{Command, Session, fragment, insert};
use crate::view::camera::Point;
use crate::view::dots;
use crate::view::layout;
use crate::view::regions;

/// How far a mouse may wander before a click becomes a drag, in pixels; touch may wander more.
const CLICK: f64 = 4.0;
const TOUCH: f64 = 6.0;
const TOUCH_PALETTE: f64 = 25.0;
/// How near a dot must be to be clicked, in pixels.
const DOT_REACH: f64 = 14.0;
/// What the pointer is doing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Gesture {
    #[default]
    None,
    /// The canvas follows the pointer.
    Pan { last: Point, from: Point, moved: bool },
    /// Two fingers: the canvas goes and grows with them. The fingers and where they were.
    Pinch { fingers: [(i32, Point); 2] },
    /// Whatever lies in the box between two points is selected, beside what was before.
    Marquee { from: Point, at: Point, before: Vec<String>, moved: bool },
    /// Nodes follow the pointer, the first of them in its hand: where they were, where on the
    /// canvas they were taken, and where on the screen. `copies`: others like them are to move.
    Nodes {
        were: Vec<(String, i32, i32)>,
        taken: Point,
        from: Point,
        moved: bool,
        copies: bool,
        number: u64,
    },
    /// The far corner of a region or note follows the pointer: what it was, and by how much the
    /// corner was missed.
    Size { was: Annotation, off: Point, number: u64 },
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

/// Whoever goes on elsewhere does not want what lies over the canvas any more.
fn close_popups(store: Store) {
    store.menu.set(None);
    store.quick.set(None);
}

/// The pointer went down on a node.
pub(super) fn press_node(store: Store, event: &PointerEvent, id: String) {
    if event.button() != 0 || store.space.get_untracked().is_some() {
        return;
    }
    event.stop_propagation();
    close_popups(store);
    if second_finger(store, event) {
        return;
    }
    if end_sticky_wire(store, Some(&id)) {
        return;
    }
    if (event.shift_key() || event.ctrl_key() || event.meta_key()) && !store.fixed() {
        return store.toggle_selected(&id);
    }
    if !store.is_selected(&id) {
        store.select(Selection::Node(id.clone()));
    }
    if store.fixed() {
        return;
    }
    let from = on_canvas(event);
    let mut ids = store.selected_nodes();
    ids.retain(|other| *other != id);
    ids.insert(0, id);
    let were = places(store, &ids);
    let taken = store.camera.get_untracked().to_canvas(from);
    let (copies, number) = (event.alt_key(), fresh_number());
    store.gesture.set(Gesture::Nodes { were, taken, from, moved: false, copies, number });
}

/// Where these are, and what lies in those of them that are regions.
fn places(store: Store, ids: &[String]) -> Vec<(String, i32, i32)> {
    store.with(|session| {
        let scenario = session.scenario();
        let place = |id: String| scenario.place(&id).map(|(x, y)| (id, x, y));
        regions::carried(scenario, ids).into_iter().filter_map(place).collect()
    })
}

/// Puts copies where these are, which are moved in their place. One step of undo with the moving.
fn copy(store: Store, were: &[(String, i32, i32)], number: u64) -> Vec<(String, i32, i32)> {
    let ids: Vec<String> = were.iter().map(|(id, ..)| id.clone()).collect();
    let (mut fresh, commands) = store.with(|session| {
        let part = fragment(session.scenario(), &ids);
        insert(session.scenario(), &part, (0, 0))
    });
    if !store.edit(Command::All(commands), number, "") {
        return Vec::new();
    }
    // The one in the hand first, as before: copies come in the order of the document.
    let corner = were.first().map(|(_, x, y)| (*x, *y));
    let first = |id: &String| store.with(|s| s.scenario().place(id)) == corner;
    if let Some(place) = fresh.iter().position(first) {
        fresh.swap(0, place);
    }
    store.select_nodes(fresh.clone());
    places(store, &fresh)
}

/// The pointer went down on the corner by which an annotation is made larger.
pub(super) fn press_grip(store: Store, event: &PointerEvent, id: String) {
    if event.button() != 0 || store.fixed() || store.space.get_untracked().is_some() {
        return;
    }
    event.stop_propagation();
    close_popups(store);
    store.select(Selection::Node(id.clone()));
    let Some(was) = store.with(|session| session.scenario().annotation(&id).cloned()) else {
        return;
    };
    let at = store.camera.get_untracked().to_canvas(on_canvas(event));
    let own = layout::drawn(&was);
    let off = Point::new(own.x + own.width - at.x, own.y + own.height - at.y);
    store.gesture.set(Gesture::Size { was, off, number: fresh_number() });
}

/// The pointer went down on a port where requests leave.
pub(super) fn press_port(store: Store, event: &PointerEvent, id: String) {
    if event.button() != 0 || store.fixed() || store.space.get_untracked().is_some() {
        return;
    }
    event.stop_propagation();
    event.prevent_default();
    close_popups(store);
    let at = on_canvas(event);
    store.gesture.set(Gesture::Wire { from: id, at, start: at, sticky: false });
}

/// The pointer went down on the canvas itself, on a dot or on a wire.
pub(super) fn press_canvas(store: Store, event: &PointerEvent) {
    let at = on_canvas(event);
    close_popups(store);
    if second_finger(store, event) {
        return;
    }
    let space = store.space.get_untracked().is_some();
    if (event.button() > 0 || space) && !store.options.embed {
        // The other buttons move the canvas, whatever they are on; so does any with the space bar.
        if space {
            store.space.set(Some(true));
        }
        store.gesture.set(Gesture::Pan { last: at, from: at, moved: false });
        return;
    }
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
    if store.fixed() || event.pointer_type() == "touch" {
        store.gesture.set(Gesture::Pan { last: at, from: at, moved: false });
        return;
    }
    let before = if event.shift_key() { store.selected_nodes() } else { Vec::new() };
    store.gesture.set(Gesture::Marquee { from: at, at, before, moved: false });
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
    let lifted = move |event: &PointerEvent| {
        if store.finger.get_untracked().is_some_and(|(id, _)| id == event.pointer_id()) {
            store.finger.set(None);
        }
    };
    let move_handle = window_event_listener(ev::pointermove, move |event| {
        if touch(&event) {
            let at = on_canvas(&event);
            let id = event.pointer_id();
            if store.finger.get_untracked().is_some_and(|(own, _)| own == id) {
                store.finger.set(Some((id, at)));
            }
            if store.gesture.with_untracked(|gesture| matches!(gesture, Gesture::Pinch { .. })) {
                return pinched(store, id, at);
            }
        }
        if store.gesture.with_untracked(|gesture| *gesture != Gesture::None) {
            let snaps = store.habits.with_untracked(|habits| habits.snap);
            let free = event.ctrl_key() || event.meta_key() || !snaps;
            let slack = if touch(&event) { TOUCH } else { CLICK };
            moved(store, on_canvas(&event), slack, free);
        }
    });
    let up_handle = window_event_listener(ev::pointerup, move |event| {
        lifted(&event);
        released(store, &event);
    });
    let cancel_handle = window_event_listener(ev::pointercancel, move |event| {
        lifted(&event);
        end(store);
    });
    let blur_handle = window_event_listener(ev::blur, move |_| {
        store.space.set(None);
        end(store);
    });
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

/// Ends whatever is going on, without effect: nodes that were dragged are back where they were.
pub(super) fn cancel(store: Store) -> bool {
    let gesture = store.gesture.get_untracked();
    store.guides.set(Vec::new());
    match &gesture {
        // The copies go; the originals have not moved.
        Gesture::Nodes { moved: true, copies: true, .. } => {
            store.edit_by(Session::undo, "");
            store.selection.set(Selection::Nothing);
        }
        Gesture::Nodes { were, moved: true, number, .. } => {
            store.edit(Command::Move(were.clone()), *number, "");
        }
        Gesture::Size { was, number, .. }
            if store.with(|s| s.scenario().annotation(&was.id) != Some(was)) =>
        {
            store.edit(Command::SetAnnotation(was.clone()), *number, "");
        }
        _ => {}
    }
    let busy = gesture != Gesture::None;
    if busy {
        store.gesture.set(Gesture::None);
    }
    busy
}

thread_local! {
    /// Where the pointer was last, and how it was followed.
    static LAST: Cell<(Point, f64, bool)> = const { Cell::new((Point::new(0.0, 0.0), 0.0, false)) };
}

/// Once a frame: what is held near the edge of the canvas moves the canvas along, also while the
/// hand rests there.
pub(super) fn drift(store: Store) {
    let holds = store.gesture.with_untracked(|gesture| match gesture {
        Gesture::Nodes { moved, .. } | Gesture::Marquee { moved, .. } => *moved,
        // Between its two clicks the pointer may be elsewhere on the page; and a wire that was only
        // just begun has not gone anywhere.
        Gesture::Wire { sticky, at, start, .. } => !sticky && far(*at, *start, CLICK),
        _ => false,
    });
    let (at, slack, free) = LAST.get();
    let Some((dx, dy)) = holds.then(|| motion::pan_at_edge(store, at)).flatten() else { return };
    store.gesture.update_untracked(|gesture| {
        if let Gesture::Marquee { from, .. } = gesture {
            // Its first corner stays where it was put on the picture.
            *from = Point::new(from.x + dx, from.y + dy);
        }
    });
    moved(store, at, slack, free);
}

/// Follows the pointer; `free` is without meeting the grid or others.
fn moved(store: Store, at: Point, slack: f64, free: bool) {
    LAST.set((at, slack, free));
    let mut gesture = store.gesture.get_untracked();
    match &mut gesture {
        Gesture::None | Gesture::Pinch { .. } => return,
        Gesture::Pan { last, from, moved } => {
            *moved |= far(at, *from, slack);
            if *moved {
                store.camera.update(|camera| *camera = camera.panned(at.x - last.x, at.y - last.y));
            }
            *last = at;
        }
        Gesture::Nodes { were, taken, from, moved, copies, number } => {
            if !*moved && far(at, *from, slack) {
                *moved = true;
                if *copies {
                    *were = copy(store, were, *number);
                    *copies = !were.is_empty();
                }
            }
            if *moved {
                let p = store.camera.get_untracked().to_canvas(at);
                move_nodes(store, were, Point::new(p.x - taken.x, p.y - taken.y), (*number, free));
            }
        }
        Gesture::Marquee { from, at: end, before, moved } => {
            *moved |= far(at, *from, slack);
            if *moved {
                *end = at;
                let mut ids = before.clone();
                ids.extend(inside(store, *from, at).into_iter().filter(|id| !before.contains(id)));
                store.selection.set(match ids.len() {
                    0 => Selection::Nothing,
                    1 => Selection::Node(ids.remove(0)),
                    _ => Selection::Nodes(ids),
                });
            }
        }
        Gesture::Size { was, off, number } => {
            let p = store.camera.get_untracked().to_canvas(at);
            annotations::pull(store, was, Point::new(p.x + off.x, p.y + off.y), *number);
        }
        Gesture::Wire { at: end, .. } => {
            *end = at;
        }
        Gesture::New { at: end, start, moved, touch, .. } => {
            *moved |= far(at, *start, if *touch { TOUCH_PALETTE } else { slack });
            *end = at;
        }
    }
    store.gesture.set(gesture);
}

fn released(store: Store, event: &PointerEvent) {
    let at = on_canvas(event);
    match store.gesture.get_untracked() {
        Gesture::None => {}
        // The finger that stays does nothing until it is lifted.
        Gesture::Pinch { .. } | Gesture::Size { .. } => store.gesture.set(Gesture::None),
        Gesture::Pan { moved, .. } => {
            store.gesture.set(Gesture::None);
            if !moved && store.space.get_untracked().is_none() {
                store.selection.set(Selection::Nothing);
            }
        }
        Gesture::Marquee { moved, before, .. } => {
            store.gesture.set(Gesture::None);
            let ids = store.selected_nodes();
            match (moved, ids.is_empty()) {
                (true, false) => {
                    store.say(&format!("{} selected", ids.len()));
                    store.select_nodes(ids);
                }
                (false, _) if before.is_empty() => store.selection.set(Selection::Nothing),
                _ => {}
            }
        }
        Gesture::Nodes { were, moved, copies, .. } => {
            store.gesture.set(Gesture::None);
            if moved {
                // What only looks now and then at where things are looks now.
                store.changed();
            }
            store.guides.set(Vec::new());
            put_down(store, were.into_iter().map(|(id, ..)| id).collect(), moved, copies);
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
                match node_under(event) {
                    Some(target) => store.connect(&from, &target),
                    None if over_canvas(event) => quick_add::open_at(store, at, Some(from)),
                    None => {}
                }
            }
        }
        Gesture::New { family, moved, .. } => {
            store.gesture.set(Gesture::None);
            if moved && over_canvas(event) {
                let p = store.camera.get_untracked().to_canvas(at);
                store.add_node(family, Some(p));
                if let Selection::Node(id) = store.selection.get_untracked() {
                    splice_in(store, &id);
                }
            } else if !moved {
                store.add_node(family, None);
            }
        }
    }
}

/// What was in the hand is let go; or it was only clicked.
fn put_down(store: Store, ids: Vec<String>, moved: bool, copies: bool) {
    match (&ids[..], moved) {
        ([], _) => {}
        ([one], true) if copies => store.say(&format!("Added {}", store.label(one))),
        ([one], true) => {
            store.say(&format!("Moved {}", store.label(one)));
            splice_in(store, one);
        }
        (several, true) => {
            let verb = if copies { "Added" } else { "Moved" };
            store.say(&format!("{verb} {} components", several.len()));
        }
        // A click on one of several means that one.
        ([first, ..], false) => store.select(Selection::Node(first.clone())),
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
