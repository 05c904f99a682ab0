//! Several nodes that are selected: what can be done with all of them at once, by hand, by menu and
//! from the inspector, and copying through the clipboard.

use std::cell::Cell;

use leptos::ev;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use web_sys::{ClipboardEvent, DataTransfer};

use super::icons::{self, Icon};
use super::store::{Selection, Store, sentence, store};
use crate::scenario::Scenario;
use crate::scenario::link;
use crate::session::{Command, bypass, corner, fragment, insert};
use crate::view::camera::Point;
use crate::view::layout::{self, GRID};
use crate::view::regions;

/// The type of what is copied, for other tabs with this page.
const KIND: &str = "application/x-switchyard+json";

/// What the inspector shows for several nodes.
#[component]
pub(super) fn Several(ids: Vec<String>) -> impl IntoView {
    let store = store();
    let count = ids.len();
    let ids = StoredValue::new(ids);
    let row = move |id: String| {
        let key = id.clone();
        view! {
            <li>
                <button class="link" on:click=move |_| store.select(Selection::Node(key.clone()))>
                    {store.label(&id)}
                </button>
            </li>
        }
    };
    view! {
        <div class="settings">
            <p class="kind-name">{format!("{count} components")}</p>
            <ul class="member-list">{ids.get_value().into_iter().map(row).collect_view()}</ul>
            <div class="actions">
                <button class="button" on:click=move |_| duplicate(store)>
                    <Icon path=icons::PLUS /> "Duplicate"
                </button>
                <button class="button" on:click=move |_| store.delete_selected()>
                    <Icon path=icons::TRASH /> "Delete"
                </button>
            </div>
            <p class="help">
                "Drag one of them and all move. Ctrl with the arrow keys moves them a step, \
                 Ctrl + C copies them, also into another tab."
            </p>
        </div>
    }
}

/// Another of everything that is selected, with the wires between, a little lower and to the right.
pub(super) fn duplicate(store: Store) {
    let ids = store.selected_nodes();
    if ids.is_empty() || store.fixed() {
        return;
    }
    let part = store.with(|session| fragment(session.scenario(), &ids));
    place(store, &part, (2 * GRID, 2 * GRID), "Duplicated");
}

fn place(store: Store, part: &Scenario, by: (i32, i32), verb: &str) -> bool {
    let (fresh, commands) = store.with(|session| insert(session.scenario(), part, by));
    let words = match fresh.len() {
        1 => format!("{verb} 1 component"),
        n => format!("{verb} {n} components"),
    };
    let done = store.edit(Command::All(commands), 0, &words);
    if done {
        store.select_nodes(fresh);
    }
    done
}

/// Everything.
pub(super) fn select_all(store: Store) {
    let ids: Vec<String> =
        store.with(|session| session.scenario().ids().map(str::to_owned).collect());
    let count = ids.len();
    store.select_nodes(ids);
    store.say(&format!("{count} selected"));
}

/// Takes the selected nodes out and wires those before them to those behind them.
pub(super) fn delete_and_reconnect(store: Store) {
    let ids = store.selected_nodes();
    if ids.is_empty() {
        return store.delete_selected();
    }
    let command = store.with(|session| bypass(session.scenario(), &ids));
    let words = format!("Deleted {}, neighbours stay connected", store.names(&ids));
    if store.edit(command, 0, &words) {
        store.selection.set(Selection::Nothing);
        super::keys::focus_after_delete();
    }
}

/// Steps with the keyboard that follow one another as fast as this are one step of undo, in ms.
const BURST_MS: f64 = 500.0;

thread_local! {
    /// When the last step was made, and the number of the burst it belongs to.
    static BURST: Cell<(f64, u64)> = const { Cell::new((f64::NEG_INFINITY, 0)) };
}

/// The number of the burst that a step now belongs to.
fn burst() -> u64 {
    let now = js_sys::Date::now();
    let (last, number) = BURST.get();
    let number = if now - last < BURST_MS { number } else { super::gestures::fresh_number() };
    BURST.set((now, number));
    number
}

/// Moves everything that is selected.
pub(super) fn nudge(store: Store, dx: i32, dy: i32) {
    let ids = store.selected_nodes();
    let places = store.with(|session| {
        let scenario = session.scenario();
        let moved = |id: String| scenario.place(&id).map(|(x, y)| (id, x + dx, y + dy));
        let all = regions::carried(scenario, &ids).into_iter();
        all.filter_map(moved).collect::<Vec<_>>()
    });
    let words = match &places[..] {
        [] => return,
        [(id, x, y)] => format!("Moved {}, x {x}, y {y}", store.label(id)),
        several => format!("Moved {} components", several.len()),
    };
    store.edit(Command::Move(places), burst(), &words);
}

// ===== the clipboard =====

/// Copies, cuts and pastes what is selected whenever nobody is typing.
pub(super) fn listen(store: Store) {
    let handles = [
        window_event_listener(ev::copy, move |event| copied(store, &event, false)),
        window_event_listener(ev::cut, move |event| copied(store, &event, true)),
        window_event_listener(ev::paste, move |event| pasted(store, &event)),
    ];
    on_cleanup(move || handles.into_iter().for_each(|handle| handle.remove()));
}

fn data(event: &web_sys::Event) -> Option<DataTransfer> {
    event.dyn_ref::<ClipboardEvent>()?.clipboard_data()
}

/// Does this belong to somebody who is typing or has marked text?
fn elsewhere(store: Store) -> bool {
    let field = document()
        .active_element()
        .is_some_and(|element| matches!(&*element.tag_name(), "INPUT" | "TEXTAREA" | "SELECT"));
    let marked = window().get_selection().ok().flatten().is_some_and(|s| !s.is_collapsed());
    field || marked || store.fixed()
}

fn copied(store: Store, event: &web_sys::Event, cut: bool) {
    let ids = store.selected_nodes();
    if ids.is_empty() || elsewhere(store) {
        return;
    }
    let Some(data) = data(event) else { return };
    let text = store.with(|session| fragment(session.scenario(), &ids).to_json());
    // A browser that refuses the type of our own still takes the text.
    let _ = data.set_data(KIND, &text);
    if data.set_data("text/plain", &text).is_err() {
        return store.warn("The browser did not allow copying.");
    }
    event.prevent_default();
    let names = store.names(&ids);
    match cut {
        true => store.delete_selected(),
        false => store.say(&format!("Copied {names}")),
    }
}

fn pasted(store: Store, event: &web_sys::Event) {
    if elsewhere(store) {
        return;
    }
    let Some(data) = data(event) else { return };
    let read = |kind| data.get_data(kind).ok().filter(|text: &String| !text.is_empty());
    let Some(text) = read(KIND).or_else(|| read("text/plain")) else { return };
    event.prevent_default();
    match part(&text) {
        Ok(part) if part.nodes.is_empty() && part.annotations.is_empty() => {
            store.warn("There is nothing in what was pasted.")
        }
        Ok(part) => {
            let by = beside(store, &part);
            place(store, &part, by, "Pasted");
        }
        Err(reason) => store.warn(&sentence(&format!("This cannot be pasted: {reason}"))),
    }
}

/// A scenario as a document or as a link.
fn part(text: &str) -> Result<Scenario, String> {
    let text = text.trim();
    if text.starts_with('{') {
        return Scenario::from_json(text).map_err(|problem| problem.to_string());
    }
    match text.rsplit_once('#') {
        Some((_, payload)) => link::decode(payload).map_err(|error| error.to_string()),
        None => Err("it is neither a scenario nor a link to one".to_owned()),
    }
}

/// How far to move what is pasted so that it is in sight and covers nothing at the same place.
fn beside(store: Store, part: &Scenario) -> (i32, i32) {
    let extent = layout::extent(part);
    let (width, height) = store.viewport.get_untracked();
    let camera = store.camera.get_untracked();
    let [a, b] = [Point::new(0.0, 0.0), Point::new(width, height)].map(|p| camera.to_canvas(p));
    let seen = extent.x < b.x
        && extent.x + extent.width > a.x
        && extent.y < b.y
        && extent.y + extent.height > a.y;
    let Some((x, y)) = corner(part) else { return (0, 0) };
    let (mut dx, mut dy) = (0, 0);
    if !seen {
        let middle =
            Point::new((a.x + b.x - extent.width) / 2.0, (a.y + b.y - extent.height) / 2.0);
        let (mx, my) = layout::snap(middle);
        (dx, dy) = (mx - x, my - y);
    }
    let taken = |dx: i32, dy: i32| {
        let there = |n: &crate::scenario::NodeSpec| {
            part.nodes.iter().any(|own| (own.x + dx, own.y + dy) == (n.x, n.y))
        };
        store.with(|session| session.scenario().nodes.iter().any(there))
    };
    while taken(dx, dy) {
        (dx, dy) = (dx + GRID, dy + GRID);
    }
    (dx, dy)
}
