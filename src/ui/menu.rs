//! The menu of what is under the pointer or has the keyboard: everything it offers also has a key
//! or a place in a panel.

use leptos::html;
use leptos::prelude::*;
use web_sys::{KeyboardEvent, MouseEvent};

use super::annotations;
use super::gestures::on_canvas;
use super::quick_add;
use super::several;
use super::store::{Selection, Store, store};
use crate::scenario::AnnotationKind;
use crate::view::camera::Point;
use crate::view::layout;

/// An open menu.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Menu {
    at: Point,
}

/// A line of a menu: its words, its key, what it does.
type Item = (&'static str, &'static str, fn(Store, Point));

/// The pointer asks for the menu, on a node, a wire or the canvas.
pub(super) fn open(store: Store, event: &MouseEvent, on: Option<Selection>) {
    event.prevent_default();
    event.stop_propagation();
    if store.fixed() {
        return;
    }
    match on {
        Some(Selection::Node(id)) if store.is_selected(&id) => {}
        Some(on) => store.select(on),
        None => store.selection.set(Selection::Nothing),
    }
    super::gestures::cancel(store);
    store.menu.set(Some(Menu { at: on_canvas(event) }));
}

/// A finger asks for the menu of what is selected.
pub(super) fn open_at(store: Store, at: Point) {
    store.menu.set(Some(Menu { at }));
}

/// The keyboard asks for the menu of what is selected.
pub(super) fn open_for_selection(store: Store) -> bool {
    let at = store.with(|session| {
        let scenario = session.scenario();
        Some(layout::bounds_of(scenario, store.selected_nodes().last()?)?.centre())
    });
    let (width, height) = store.viewport.get_untracked();
    let middle = Point::new(width / 2.0, height / 2.0);
    let camera = store.camera.get_untracked();
    let at = at
        .map_or(middle, |p| Point::new(p.x * camera.zoom + camera.x, p.y * camera.zoom + camera.y));
    store.menu.set(Some(Menu { at }));
    true
}

/// A double click on a node: its settings.
pub(super) fn settings_of(store: Store, event: &MouseEvent) {
    event.stop_propagation();
    settings(store, Point::default());
}

fn settings(store: Store, _: Point) {
    store.sheet.set(true);
    super::keys::focus("inspector-name");
}

fn toggle_life(store: Store, _: Point) {
    for id in store.selected_nodes() {
        store.toggle_life(&id);
    }
}

fn delete(store: Store, _: Point) {
    store.delete_selected();
}

const OF_NODES: &[Item] = &[
    ("Settings", "Enter", settings),
    ("Kill or revive", "X", toggle_life),
    ("Duplicate", "Ctrl D", |store, _| several::duplicate(store)),
    ("Delete", "Del", delete),
    ("Region around it", "Ctrl G", |store, _| annotations::add(store, AnnotationKind::Region)),
    ("Delete and reconnect", "Ctrl Del", |store, _| several::delete_and_reconnect(store)),
];

const OF_DRAWINGS: &[Item] = &[
    ("Text and size", "Enter", settings),
    ("Duplicate", "Ctrl D", |store, _| several::duplicate(store)),
    ("Delete", "Del", delete),
];

const OF_WIRES: &[Item] = &[
    ("Settings", "", |store, _| store.sheet.set(true)),
    ("Cut or join", "", |store, _| super::impairments::toggle_cut(store)),
    ("Delete", "Del", delete),
];

const OF_CANVAS: &[Item] = &[
    ("Add a component", "A", |store, at| quick_add::open_at(store, at, None)),
    ("Add a note", "", |store, _| annotations::add(store, AnnotationKind::Note)),
    ("Select everything", "Ctrl A", |store, _| several::select_all(store)),
    ("Tidy up", "L", |store, _| super::keys::tidy_up(store)),
    ("See everything", "Shift 1", |store, _| store.fit()),
    ("Settings of the scenario", "", |store, _| {
        store.selection.set(Selection::Nothing);
        store.panel.set(super::store::Panel::Inspect);
        store.sheet.set(true);
    }),
];

/// The menu, while one is open.
#[component]
pub(super) fn ContextMenu() -> impl IntoView {
    let store = store();
    move || store.menu.get().map(|menu| view! { <Open menu=menu /> })
}

#[component]
fn Open(menu: Menu) -> impl IntoView {
    let store = store();
    let list = NodeRef::<html::Ul>::new();
    let items = match store.selection.get_untracked() {
        Selection::Node(id) if store.with(|s| s.scenario().annotation(&id).is_some()) => {
            OF_DRAWINGS
        }
        Selection::Node(_) | Selection::Nodes(_) => OF_NODES,
        Selection::Wire(..) => OF_WIRES,
        Selection::Nothing | Selection::Request(_) => OF_CANVAS,
    };
    super::keys::focus("menu-0");
    let at = menu.at;
    let press = move |event: KeyboardEvent| {
        let here = document().active_element().map(|e| e.id()).unwrap_or_default();
        let here: usize =
            here.strip_prefix("menu-").and_then(|n| n.parse().ok()).unwrap_or_default();
        match event.key().as_str() {
            "ArrowDown" => super::keys::focus(&format!("menu-{}", (here + 1) % items.len())),
            "ArrowUp" => {
                super::keys::focus(&format!("menu-{}", (here + items.len() - 1) % items.len()));
            }
            "Escape" | "Tab" => {
                super::keys::focus_now("canvas");
                store.menu.set(None);
            }
            _ => return event.stop_propagation(),
        }
        event.prevent_default();
        event.stop_propagation();
    };
    let row = move |(place, (words, key, act)): (usize, &Item)| {
        let (words, key, act) = (*words, *key, *act);
        view! {
            <li role="none">
                <button role="menuitem" id=format!("menu-{place}") tabindex="-1"
                    on:click=move |_| {
                        store.menu.set(None);
                        act(store, at);
                    }>
                    <span>{words}</span><kbd>{key}</kbd>
                </button>
            </li>
        }
    };
    let place = {
        let (width, height) = store.viewport.get_untracked();
        let tall = 40.0 * items.len() as f64 + 16.0;
        let (x, y) = (at.x.min(width - 240.0).max(4.0), at.y.min(height - tall).max(4.0));
        format!("left:{x}px;top:{y}px")
    };
    view! {
        <ul class="menu" role="menu" aria-label="What to do with it" style=place node_ref=list
            on:pointerdown=|event: web_sys::PointerEvent| event.stop_propagation()
            on:contextmenu=|event: MouseEvent| {
                event.prevent_default();
                event.stop_propagation();
            }
            on:keydown=press>
            {items.iter().enumerate().map(row).collect_view()}
        </ul>
    }
}
