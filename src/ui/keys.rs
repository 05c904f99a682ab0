//! The keyboard: what works anywhere, and what works while the canvas has the focus.

use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use web_sys::KeyboardEvent;

use super::gestures;
use super::store::{Dialog, Panel, Selection, Store};
use super::{menu, quick_add, several};
use crate::session::Command;
use crate::view::camera::Point;
use crate::view::layout::{self, GRID};
use crate::view::tidy;

/// What the sheet of shortcuts lists.
pub(super) const SHEET: &[(&str, &str)] = &[
    ("Space or K", "run, pause"),
    (".", "one event on"),
    ("Home", "back to the start"),
    ("[  ]", "slower, faster"),
    ("Arrows", "to the nearest node that way"),
    ("Ctrl + arrows", "move the node"),
    ("Enter", "its settings"),
    ("C", "connect it to another"),
    ("X", "kill or revive it"),
    ("Shift + arrows", "take the next one too"),
    ("Ctrl + A", "select everything"),
    ("Ctrl + C, X, V", "copy, cut, paste"),
    ("Ctrl + D", "duplicate"),
    ("Delete", "delete what is selected"),
    ("Ctrl + Delete", "delete, and connect the neighbours"),
    ("A or /", "add a component"),
    ("L", "tidy up"),
    ("Shift + F10", "menu of what is selected"),
    ("Drag", "select; with a finger, the right or the middle button: move the canvas"),
    ("Ctrl + Z", "undo"),
    ("Ctrl + Shift + Z", "redo"),
    ("Shift + 1, 2, 0", "see everything, what is selected, full size"),
    ("+  \u{2212}", "zoom"),
    ("Esc", "let go"),
    ("?", "this sheet"),
];

/// Keys that work wherever the focus is, unless somebody is typing.
pub(super) fn anywhere(store: Store, event: &KeyboardEvent) {
    let command = event.ctrl_key() || event.meta_key();
    if typing(event) {
        return;
    }
    match event.key().as_str() {
        "z" | "Z" if command && event.shift_key() => store.redo(),
        "z" if command => store.undo(),
        "y" if command => store.redo(),
        "Escape" => escape(store),
        _ => return,
    }
    event.prevent_default();
}

/// Keys that work while the canvas has the focus.
pub(super) fn in_canvas(store: Store, event: &KeyboardEvent) {
    let key = event.key();
    if typing(event) || (on_other_button(event) && matches!(key.as_str(), " " | "Enter")) {
        return;
    }
    let command = event.ctrl_key() || event.meta_key();
    let handled = match key.as_str() {
        _ if store.options.embed && (command || changes(&key)) => false,
        "a" | "A" if command => {
            several::select_all(store);
            true
        }
        "d" | "D" if command => {
            several::duplicate(store);
            true
        }
        "Delete" | "Backspace" if command => {
            several::delete_and_reconnect(store);
            true
        }
        "F10" if event.shift_key() => menu::open_for_selection(store),
        "ContextMenu" => menu::open_for_selection(store),
        "ArrowLeft" => arrow(store, -1, 0, command, event.shift_key()),
        "ArrowRight" => arrow(store, 1, 0, command, event.shift_key()),
        "ArrowUp" => arrow(store, 0, -1, command, event.shift_key()),
        "ArrowDown" => arrow(store, 0, 1, command, event.shift_key()),
        _ if command => false,
        _ => plain_key(store, &key),
    };
    if handled {
        event.prevent_default();
        event.stop_propagation();
    }
}

fn plain_key(store: Store, key: &str) -> bool {
    match key {
        " " | "k" | "K" => store.toggle_play(),
        "." => super::dock::step(store),
        "Home" => store.restart(),
        "[" => super::dock::change_speed(store, -1),
        "]" => super::dock::change_speed(store, 1),
        "Enter" => open_settings(store),
        "c" | "C" => open_outline(store),
        "x" | "X" => {
            if let Some(id) = store.focus.get_untracked() {
                store.toggle_life(&id);
            }
        }
        "Delete" | "Backspace" => store.delete_selected(),
        "l" | "L" => tidy_up(store),
        "+" | "=" => zoom(store, 1.25),
        "-" => zoom(store, 0.8),
        "!" | "1" => store.fit(),
        "@" | "2" | "\"" => store.fit_selection(),
        ")" | "0" => full_size(store),
        "a" | "A" | "/" => quick_add::open(store),
        "?" => store.dialog.set(Dialog::Keys),
        "Escape" => escape(store),
        _ => return false,
    }
    true
}

/// Keys that change the scenario; in an embed they do nothing.
fn changes(key: &str) -> bool {
    matches!(
        key,
        "Delete"
            | "Backspace"
            | "Enter"
            | "l"
            | "L"
            | "c"
            | "C"
            | "x"
            | "X"
            | "?"
            | "a"
            | "A"
            | "/"
            | "F10"
    )
}

/// Is the focus on a button in the canvas that is not a node's name, such as zoom?
fn on_other_button(event: &KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    target.is_some_and(|e| e.tag_name() == "BUTTON" && !e.class_list().contains("name"))
}

fn typing(event: &KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    target.is_some_and(|element| {
        let name = element.tag_name();
        let slider = element.get_attribute("type").as_deref() == Some("range");
        name == "TEXTAREA" || name == "SELECT" || (name == "INPUT" && !slider)
    })
}

fn escape(store: Store) {
    if gestures::cancel(store) {
        return;
    }
    if store.dialog.get_untracked() != Dialog::None {
        store.dialog.set(Dialog::None);
    } else if store.sheet.get_untracked() {
        store.sheet.set(false);
    } else {
        store.selection.set(Selection::Nothing);
    }
}

fn arrow(store: Store, dx: i32, dy: i32, moves: bool, far: bool) -> bool {
    if moves {
        let step = if far { 4 * GRID } else { GRID };
        several::nudge(store, dx * step, dy * step, 0);
    } else {
        walk(store, f64::from(dx), f64::from(dy), far);
    }
    true
}

/// To the nearest node in a direction; to the first one when none has the focus.
fn walk(store: Store, dx: f64, dy: f64, too: bool) {
    let from = store.focus.get_untracked();
    let next = store.with(|session| {
        let scenario = session.scenario();
        let middle =
            |id: &str| scenario.node(id).map(|node| layout::bounds(scenario, node).centre());
        let Some(here) = from.as_deref().and_then(middle) else {
            return scenario.nodes.first().map(|node| node.id.clone());
        };
        let cost = |p: Point| {
            let (x, y) = (p.x - here.x, p.y - here.y);
            let along = x * dx + y * dy;
            let aside = (x * dy - y * dx).abs();
            (along > 8.0).then_some(along + 2.0 * aside)
        };
        let candidates = scenario.nodes.iter().filter_map(|node| {
            let cost = cost(middle(&node.id)?)?;
            Some((cost, node.id.clone()))
        });
        candidates.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, id)| id)
    });
    if let Some(id) = next {
        focus_node(&id);
        if too {
            let mut all = store.selected_nodes();
            all.extend(from.filter(|from| !all.contains(from)));
            all.retain(|other| *other != id);
            all.push(id.clone());
            store.select_nodes(all);
            store.focus.set(Some(id));
        } else {
            store.select(Selection::Node(id));
        }
    }
}

/// Gives a node in the canvas the keyboard.
pub(super) fn focus_node(id: &str) {
    focus(&format!("node-{id}"));
}

/// What was deleted had the keyboard: its surroundings get it.
pub(super) fn focus_after_delete() {
    let inside = document().query_selector("#canvas :focus, #canvas:focus").ok().flatten();
    focus(if inside.is_some() { "canvas" } else { "panel" });
}

/// Gives an element the keyboard, once it is there.
pub(super) fn focus(id: &str) {
    let id = id.to_owned();
    request_animation_frame(move || focus_now(&id));
}

/// Gives an element that is there the keyboard at once.
pub(super) fn focus_now(id: &str) {
    if let Some(element) = document().get_element_by_id(id)
        && let Ok(element) = element.dyn_into::<web_sys::HtmlElement>()
    {
        // An element that cannot take the focus leaves it where it is.
        let _ = element.focus();
    }
}

/// Everything in layers from left to right, as one step, and in view.
pub(super) fn tidy_up(store: Store) {
    let places = store.with(|session| tidy::tidy(session.scenario()));
    let there = store.with(|session| {
        let at = |(id, x, y): &(String, i32, i32)| {
            session.scenario().node(id).is_some_and(|node| (node.x, node.y) == (*x, *y))
        };
        places.iter().all(at)
    });
    if there {
        return store.say("It is tidy");
    }
    if store.edit(Command::Move(places), 0, "Tidied up") {
        store.fit();
    }
}

/// One canvas unit is one pixel, about the middle.
fn full_size(store: Store) {
    zoom(store, 1.0 / store.camera.get_untracked().zoom);
}

fn open_settings(store: Store) {
    if let Some(id) = store.focus.get_untracked() {
        store.select(Selection::Node(id));
        store.sheet.set(true);
        focus("inspector-name");
    }
}

fn open_outline(store: Store) {
    let Some(id) = store.focus.get_untracked() else { return };
    store.panel.set(Panel::Outline);
    store.sheet.set(true);
    focus(&format!("connect-{id}"));
}

/// Zooms about the middle of the canvas.
pub(super) fn zoom(store: Store, factor: f64) {
    let (width, height) = store.viewport.get_untracked();
    let middle = Point::new(width / 2.0, height / 2.0);
    store.camera.update(|camera| *camera = camera.zoomed(middle, factor));
}
