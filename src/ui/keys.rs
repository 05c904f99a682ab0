//! The keyboard: what works anywhere, and what works while the canvas has the focus.

use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use web_sys::KeyboardEvent;

use super::gestures;
use super::store::{Dialog, Panel, Selection, Store};
use super::{annotations, menu, quick_add, several};
use crate::scenario::AnnotationKind;
use crate::session::{Command, neighbour};
use crate::view::camera::Point;
use crate::view::layout::{self, GRID};
use crate::view::{regions, tidy};

/// What the sheet of shortcuts lists.
pub(super) const SHEET: &[(&str, &str)] = &[
    ("Space or K", "run, pause"),
    (".  ,", "one event on, one back"),
    ("Home  End", "back to the start, on to the latest moment"),
    ("[  ]", "slower, faster"),
    ("Arrows", "to the nearest node that way"),
    ("Alt + arrows", "along the wires: on, back, to the next branch"),
    ("Ctrl + arrows", "move what is selected; four times as far with Shift"),
    ("Alt + Shift + arrows", "add a component on that side, connected"),
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
    ("Ctrl + G", "a region around what is selected"),
    ("Drag", "select; with a finger, the right or the middle button: move the canvas"),
    ("Space + drag", "move the canvas"),
    ("Alt + drag", "duplicate"),
    ("Ctrl while dragging", "snap to nothing"),
    ("Ctrl + '", "snap or do not snap"),
    ("Ctrl + Z", "undo"),
    ("Ctrl + Shift + Z", "redo"),
    ("Shift + 1, 2, 0", "see everything, what is selected, full size"),
    ("+  \u{2212}", "zoom"),
    ("Esc", "let go"),
    ("Alt + R", "say again what was said last"),
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
        "r" | "R" if event.alt_key() && !command => {
            let last = store.said.get_untracked();
            store.say(last.trim_end_matches('\u{a0}'));
        }
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
        _ if store.fixed() && (command || changes(&key)) => false,
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
        "g" | "G" if command => {
            annotations::add(store, AnnotationKind::Region);
            true
        }
        "'" if command => {
            super::habits::change(store, |habits| habits.snap = !habits.snap);
            let snap = store.habits.with_untracked(|habits| habits.snap);
            store.say(if snap { "Snaps to the grid" } else { "Snaps to nothing" });
            true
        }
        "F10" if event.shift_key() => menu::open_for_selection(store),
        "ContextMenu" => menu::open_for_selection(store),
        "ArrowLeft" => arrow(store, (-1, 0), event),
        "ArrowRight" => arrow(store, (1, 0), event),
        "ArrowUp" => arrow(store, (0, -1), event),
        "ArrowDown" => arrow(store, (0, 1), event),
        " " => {
            // Whether it runs, or moves the canvas with the pointer, shows when it is let go.
            if !event.repeat() && store.space.get_untracked().is_none() {
                store.space.set(Some(false));
            }
            true
        }
        _ if command || event.alt_key() => false,
        letter if is_letter(letter) && !store.habits.with_untracked(|h| h.letters) => false,
        _ => plain_key(store, &key),
    };
    if handled {
        event.prevent_default();
        event.stop_propagation();
    }
}

fn plain_key(store: Store, key: &str) -> bool {
    match key {
        "k" | "K" => store.toggle_play(),
        "." => super::dock::step(store),
        "," => super::dock::step_back(store),
        "Home" => store.restart(),
        "End" => super::dock::live_edge(store),
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
        "+" | "=" => zoom(store, true),
        "-" => zoom(store, false),
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

/// The space bar is let go: unless it moved the canvas, it runs or pauses.
pub(super) fn let_go(store: Store, event: &KeyboardEvent) {
    if event.key() == " " && store.space.get_untracked() == Some(false) {
        store.toggle_play();
    }
    if event.key() == " " {
        store.space.set(None);
    }
}

/// Is it one character that can be typed?
fn is_letter(key: &str) -> bool {
    let mut letters = key.chars();
    letters.next().is_some_and(|c| !c.is_whitespace()) && letters.next().is_none()
}

fn arrow(store: Store, (dx, dy): (i32, i32), event: &KeyboardEvent) -> bool {
    let (command, shift) = (event.ctrl_key() || event.meta_key(), event.shift_key());
    match (command, event.alt_key(), shift) {
        (true, ..) => {
            let step = if shift { 4 * GRID } else { GRID };
            several::nudge(store, dx * step, dy * step);
        }
        (false, true, true) => quick_add::open_beside(store, (dx, dy)),
        (false, true, false) => along_wires(store, (dx, dy)),
        (false, false, _) => walk(store, f64::from(dx), f64::from(dy), shift),
    }
    true
}

/// On along the first wire, back along it, or to the node before or after this one of those that
/// are wired to the same.
fn along_wires(store: Store, by: (i32, i32)) {
    let Some(here) = store.focus.get_untracked() else { return walk(store, 0.0, 0.0, false) };
    match store.with(|session| neighbour(session.scenario(), &here, by)) {
        Some(id) => {
            focus_node(&id);
            store.select(Selection::Node(id));
        }
        None => store.say("No wire leads there"),
    }
}

/// To the nearest node in a direction; to the first one when none has the focus.
fn walk(store: Store, dx: f64, dy: f64, too: bool) {
    let from = store.focus.get_untracked();
    let next = store.with(|session| {
        let scenario = session.scenario();
        let middle = |id: &str| layout::bounds_of(scenario, id).map(|own| own.centre());
        let Some(here) = from.as_deref().and_then(middle) else {
            return scenario.ids().next().map(str::to_owned);
        };
        let cost = |p: Point| {
            let (x, y) = (p.x - here.x, p.y - here.y);
            let along = x * dx + y * dy;
            let aside = (x * dy - y * dx).abs();
            (along > 8.0).then_some(along + 2.0 * aside)
        };
        let candidates = scenario.ids().filter_map(|id| {
            let cost = cost(middle(id)?)?;
            Some((cost, id.to_owned()))
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

/// Gives a field the keyboard, once it is there, with its text marked: what is typed replaces it.
pub(super) fn focus_text(id: &str) {
    let id = id.to_owned();
    request_animation_frame(move || {
        focus_now(&id);
        let field = document().get_element_by_id(&id);
        if let Some(field) = field.and_then(|e| e.dyn_into::<web_sys::HtmlInputElement>().ok()) {
            field.select();
        }
    });
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
    let commands = store.with(|session| {
        let mut commands = vec![Command::Move(places.clone())];
        commands.extend(regions::follow(session.scenario(), &places));
        commands
    });
    if store.edit(Command::All(commands), 0, "Tidied up") {
        store.fit();
    }
}

/// One canvas unit is one pixel, about the middle.
fn full_size(store: Store) {
    let camera = store.camera.get_untracked();
    store.camera.set(camera.zoomed(middle(store), 1.0 / camera.zoom));
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

/// The next step of zoom, about the middle of the canvas.
pub(super) fn zoom(store: Store, nearer: bool) {
    store.camera.update(|camera| *camera = camera.stepped(middle(store), nearer));
}

fn middle(store: Store) -> Point {
    let (width, height) = store.viewport.get_untracked();
    Point::new(width / 2.0, height / 2.0)
}
