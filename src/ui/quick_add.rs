//! Adding a component by name: a field with a list, at a point of the canvas. Opened by a key, by a
//! double click, or by dropping a wire where nothing is; then what is added is wired at once.

use leptos::html;
use leptos::prelude::*;
use web_sys::KeyboardEvent;

use super::icons::{self, Icon};
use super::store::{Selection, Store, store};
use crate::node::{CATALOGUE, Family, KindEntry};
use crate::scenario::{NodeSpec, connectable};
use crate::session::Command;
use crate::view::camera::Point;
use crate::view::layout;

/// Where the field is, and which node is to be wired to what is added.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Quick {
    at: Point,
    from: Option<String>,
}

/// Opens the field in the middle of the canvas; wired to nothing.
pub(super) fn open(store: Store) {
    let (width, height) = store.viewport.get_untracked();
    open_at(store, Point::new(width / 2.0, height / 3.0), None);
}

/// Opens the field at a point of the screen.
pub(super) fn open_at(store: Store, at: Point, from: Option<String>) {
    if !store.fixed() && !fitting(store, from.as_deref(), "").is_empty() {
        store.quick.set(Some(Quick { at, from }));
    }
}

/// Opens the field on one side of the node that has the keyboard, which is to be wired to what is
/// added.
pub(super) fn open_beside(store: Store, (dx, dy): (i32, i32)) {
    let from = store.focus.get_untracked();
    let own = from.as_ref().and_then(|id| {
        store.with(|session| {
            let scenario = session.scenario();
            scenario.node(id).map(|node| layout::bounds(scenario, node))
        })
    });
    let Some(own) = own else { return open(store) };
    let by = |size: f64, gap: f64, way: i32| f64::from(way) * (size + gap);
    let middle = own.centre();
    let (x, y) = (middle.x + by(own.width, 112.0, dx), middle.y + by(own.height, 48.0, dy));
    let at = store.camera.get_untracked().to_screen(Point::new(x, y));
    match fitting(store, from.as_deref(), "").is_empty() {
        true => open_at(store, at, None),
        false => open_at(store, at, from),
    }
}

/// The kinds whose names or sentences hold what was typed, and that may follow the node.
fn fitting(store: Store, from: Option<&str>, typed: &str) -> Vec<&'static KindEntry> {
    let typed = typed.trim().to_lowercase();
    let named = |entry: &&KindEntry| entry.name.to_lowercase().contains(&typed);
    let told = |entry: &&KindEntry| entry.blurb.to_lowercase().contains(&typed);
    let follows = |entry: &&'static KindEntry| match from {
        None => true,
        Some(from) => store.with(|session| {
            let mut grown = session.scenario().clone();
            let id = grown.fresh_id(entry.key);
            grown.nodes.push(spec(entry, &id, (0, 0)));
            connectable(&grown, from, &id).is_ok()
        }),
    };
    let all = || CATALOGUE.iter().filter(follows);
    // Names first; words of the sentences only where no name fits.
    let by_name: Vec<&KindEntry> = all().filter(named).collect();
    if by_name.is_empty() { all().filter(told).collect() } else { by_name }
}

fn spec(entry: &KindEntry, id: &str, (x, y): (i32, i32)) -> NodeSpec {
    NodeSpec { id: id.to_owned(), label: id.to_owned(), x, y, kind: (entry.make)() }
}

/// Adds a component where the field is, wired to the node it was opened from.
fn add(store: Store, quick: &Quick, family: Family) {
    let at = store.camera.get_untracked().to_canvas(quick.at);
    let node = store.new_node(family, Some(at));
    let (id, label) = (node.id.clone(), node.label.clone());
    let commands = store.with(|session| {
        let scenario = session.scenario();
        let mut commands = vec![Command::append_node(scenario, node)];
        let connect = |from: &String| Command::connect(scenario, from, &id);
        commands.extend(quick.from.as_ref().map(connect));
        commands
    });
    let words = match &quick.from {
        Some(from) => format!("Added {label}, connected to {}", store.label(from)),
        None => format!("Added {label}"),
    };
    store.quick.set(None);
    if store.edit(Command::All(commands), 0, &words) {
        store.select(Selection::Node(id.clone()));
        super::keys::focus_node(&id);
    }
}

/// The field with its list.
#[component]
pub(super) fn QuickAdd() -> impl IntoView {
    let store = store();
    move || store.quick.get().map(|quick| view! { <Field quick=quick /> })
}

#[component]
fn Field(quick: Quick) -> impl IntoView {
    let store = store();
    let typed = RwSignal::new(String::new());
    let chosen = RwSignal::new(0usize);
    let field = NodeRef::<html::Input>::new();
    let quick = StoredValue::new(quick);
    let found = Memo::new(move |_| {
        let typed = typed.get();
        let from = quick.with_value(|q| q.from.clone());
        fitting(store, from.as_deref(), &typed).into_iter().map(|e| e.family).collect::<Vec<_>>()
    });
    Effect::new(move |_| {
        if let Some(field) = field.get() {
            // A field that cannot take the focus can still be clicked.
            let _ = field.focus();
        }
    });
    let press = move |event: KeyboardEvent| {
        let count = found.with_untracked(Vec::len);
        match event.key().as_str() {
            "ArrowDown" if count > 0 => chosen.update(|n| *n = (*n + 1) % count),
            "ArrowUp" if count > 0 => chosen.update(|n| *n = (*n + count - 1) % count),
            "Enter" => {
                let family = found.with_untracked(|all| all.get(chosen.get_untracked()).copied());
                if let Some(family) = family {
                    quick.with_value(|quick| add(store, quick, family));
                }
            }
            "Escape" => {
                super::keys::focus_now("canvas");
                store.quick.set(None);
            }
            _ => return event.stop_propagation(),
        }
        event.prevent_default();
        event.stop_propagation();
    };
    let option = move |(place, family): (usize, Family)| {
        let entry = family.entry();
        view! {
            <li role="option" id=format!("quick-{place}") data-kind=entry.key
                aria-selected=move || if chosen.get() == place { "true" } else { "false" }
                on:pointerdown=move |event| {
                    event.prevent_default();
                    event.stop_propagation();
                    quick.with_value(|quick| add(store, quick, family));
                }>
                <Icon path=icons::kind(family) />
                <span>{entry.name}<small>{entry.blurb}</small></span>
            </li>
        }
    };
    let place = quick.with_value(|q| {
        let (width, height) = store.viewport.get_untracked();
        let (x, y) = (q.at.x.min(width - 300.0).max(8.0), q.at.y.min(height - 260.0).max(8.0));
        format!("left:{x}px;top:{y}px")
    });
    let label = quick.with_value(|q| match &q.from {
        Some(from) => format!("What comes after {}?", store.label(from)),
        None => "Add a component".to_owned(),
    });
    view! {
        <div class="quick-add" style=place
            on:pointerdown=|event: web_sys::PointerEvent| event.stop_propagation()
            on:dblclick=|event| event.stop_propagation()>
            <label for="quick-field">{label}</label>
            <input id="quick-field" node_ref=field role="combobox" autocomplete="off"
                aria-expanded="true" aria-controls="quick-list"
                aria-activedescendant=move || format!("quick-{}", chosen.get())
                on:input=move |event| {
                    typed.set(event_target_value(&event));
                    chosen.set(0);
                }
                on:keydown=press on:blur=move |_| store.quick.set(None) />
            <ul id="quick-list" role="listbox" aria-label="Components">
                {move || found.get().into_iter().enumerate().map(option).collect_view()}
            </ul>
            <Show when=move || found.with(Vec::is_empty)>
                <p class="help">"Nothing by that name."</p>
            </Show>
        </div>
    }
}
