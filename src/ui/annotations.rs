//! Regions and notes on the canvas, and their settings.

use leptos::prelude::*;
use web_sys::PointerEvent;

use super::field::try_edit;
use super::gestures::{self, fresh_number};
use super::inspector::DeleteOne;
use super::store::{Selection, Store, store};
use crate::scenario::{Annotation, AnnotationKind, EDGE_MAX, EDGE_MIN};
use crate::session::Command;
use crate::view::camera::Point;
use crate::view::layout::{self, GRID};
use crate::view::regions;

/// The regions, which lie under everything, or the notes, which stand among the nodes.
#[component]
pub(super) fn Annotations(what: AnnotationKind) -> impl IntoView {
    let store = store();
    let ids = Memo::new(move |_| {
        store.doc(|scenario| {
            let own = scenario.annotations.iter().filter(|annotation| annotation.what == what);
            own.map(|annotation| annotation.id.clone()).collect::<Vec<_>>()
        })
    });
    let one = move |id: String| match what {
        AnnotationKind::Region => view! { <Region id=id /> }.into_any(),
        AnnotationKind::Note => view! { <Note id=id /> }.into_any(),
    };
    view! { <For each=move || ids.get() key=|id| id.clone() children=one /> }
}

fn own(store: Store, id: StoredValue<String>) -> Memo<Option<Annotation>> {
    Memo::new(move |_| {
        store.placed(|scenario, _| id.with_value(|id| scenario.annotation(id).cloned()))
    })
}

fn place(annotation: &Option<Annotation>) -> String {
    let Some(a) = annotation else { return String::new() };
    format!("left:{}px;top:{}px;width:{}px;height:{}px", a.x, a.y, a.width, a.height)
}

/// Chosen with the keyboard: a click of the pointer has chosen it already.
fn chosen(store: Store, id: StoredValue<String>, event: &web_sys::MouseEvent) {
    if event.detail() == 0 {
        store.select(Selection::Node(id.get_value()));
    }
}

#[component]
fn Region(id: String) -> impl IntoView {
    let store = store();
    let id = StoredValue::new(id);
    let own = own(store, id);
    let name = move || own.with(|a| a.as_ref().map(Annotation::name).unwrap_or_default());
    let words = move || {
        let count = store.placed(|s, _| {
            let region = id.with_value(|id| s.annotation(id));
            region.map_or(0, |region| regions::inside(s, region).len())
        });
        format!("Region {}, {count} inside", name())
    };
    view! {
        <div class="region" style=move || own.with(place) data-annotation=id.get_value()
            class:selected=move || id.with_value(|id| store.is_selected(id))>
            <button class="name" id=format!("node-{}", id.get_value())
                tabindex=move || id.with_value(|id| store.tab_stop(id)) aria-label=words
                on:focus=move |_| store.focus.set(Some(id.get_value()))
                on:click=move |event| chosen(store, id, &event)
                on:pointerdown=move |event: PointerEvent| {
                    gestures::press_node(store, &event, id.get_value());
                }
                on:contextmenu=move |event| {
                    super::menu::open(store, &event, Some(Selection::Node(id.get_value())));
                }
                on:dblclick=move |event| super::menu::settings_of(store, &event)>{name}</button>
            <Grip id=id />
        </div>
    }
}

#[component]
fn Note(id: String) -> impl IntoView {
    let store = store();
    let id = StoredValue::new(id);
    let own = own(store, id);
    let text = move || own.with(|a| a.as_ref().map(|a| a.text.clone()).unwrap_or_default());
    let words = move || format!("Note: {}", text());
    view! {
        <div class="paper" style=move || own.with(place) data-annotation=id.get_value()
            class:selected=move || id.with_value(|id| store.is_selected(id))
            on:pointerdown=move |event: PointerEvent| {
                gestures::press_node(store, &event, id.get_value());
            }
            on:contextmenu=move |event| {
                super::menu::open(store, &event, Some(Selection::Node(id.get_value())));
            }
            on:dblclick=move |event| super::menu::settings_of(store, &event)>
            <button class="name" id=format!("node-{}", id.get_value())
                tabindex=move || id.with_value(|id| store.tab_stop(id)) aria-label=words
                on:focus=move |_| store.focus.set(Some(id.get_value()))
                on:click=move |event| chosen(store, id, &event)>
                {text}
                <Show when=move || text().trim().is_empty()>
                    <span class="blank">"Write something in the panel."</span>
                </Show>
            </button>
            <Show when=move || store.shared.get()><small>"From the author"</small></Show>
            <Grip id=id />
        </div>
    }
}

/// The corner by which the size is pulled; in numbers it is set in the inspector.
#[component]
fn Grip(id: StoredValue<String>) -> impl IntoView {
    let store = store();
    view! {
        <Show when=move || !store.fixed()>
            <span class="grip" aria-hidden="true" title="Drag to change the size"
                on:pointerdown=move |event: PointerEvent| {
                    gestures::press_grip(store, &event, id.get_value());
                }></span>
        </Show>
    }
}

/// The annotation with another size, its far corner on the grid at this point of the canvas.
pub(super) fn pull(store: Store, was: &Annotation, corner: Point, gesture: u64) {
    let (x, y) = layout::snap(corner);
    let size = |far: i32, near: i32| (far - near).clamp(EDGE_MIN, EDGE_MAX);
    let (width, height) = (size(x, was.x), size(y, was.y));
    let now = Annotation { width, height, ..was.clone() };
    if store.with(|s| s.scenario().annotation(&was.id).is_some_and(|there| *there != now)) {
        store.edit(Command::SetAnnotation(now), gesture, "");
    }
}

/// A region around everything that is selected; an empty one, or a note, in the middle of the view.
pub(super) fn add(store: Store, what: AnnotationKind) {
    let ids = store.selected_nodes();
    let annotation = store.with(|session| {
        let scenario = session.scenario();
        let id = scenario.fresh_id(what.word());
        let (width, height) = what.size();
        let around = match what {
            AnnotationKind::Region => regions::around(scenario, &ids),
            AnnotationKind::Note => None,
        };
        let (mut x, mut y, width, height) = around.unwrap_or_else(|| {
            let (across, down) = store.viewport.get_untracked();
            let middle = Point::new(across / 2.0, down / 2.0);
            let p = store.camera.get_untracked().to_canvas(middle);
            let (w, h) = (f64::from(width), f64::from(height));
            let (x, y) = layout::snap(Point::new(p.x - w / 2.0, p.y - h / 2.0));
            (x, y, width, height)
        });
        while scenario.annotations.iter().any(|other| (other.x, other.y) == (x, y)) {
            (x, y) = (x + GRID, y + GRID);
        }
        let text = match what {
            AnnotationKind::Region => "Region".to_owned(),
            AnnotationKind::Note => String::new(),
        };
        Annotation { id, what, text, x, y, width, height }
    });
    let id = annotation.id.clone();
    let last = store.with(|session| session.scenario().annotations.len());
    let words = format!("Added a {}", what.word());
    if store.edit(Command::AddAnnotation(last, annotation), 0, &words) {
        store.select(Selection::Node(id));
        store.sheet.set(true);
        super::keys::focus_text("inspector-name");
    }
}

/// The settings of a region or a note.
#[component]
pub(super) fn AnnotationSettings(id: String) -> impl IntoView {
    let store = store();
    let id = StoredValue::new(id);
    let own = own(store, id);
    let is_note = own.with_untracked(|a| a.as_ref().is_some_and(Annotation::is_note));
    view! {
        <div class="settings">
            <p class="kind-name">{if is_note { "Note" } else { "Region" }}</p>
            <Fields own=own is_note=is_note />
            <Show when=move || !is_note>
                <p class="help">"Moving it moves what lies in it. Take it by its name."</p>
            </Show>
            <div class="actions">
                <Show when=move || !is_note>
                    <button class="button" on:click=move |_| select_inside(store, id)>
                        "Select what is in it"
                    </button>
                </Show>
                <DeleteOne id=id />
            </div>
        </div>
    }
}

/// A number of an annotation: its label, how it is read, how it is set.
type Number = (&'static str, fn(&Annotation) -> i32, fn(&mut Annotation, i32));

const NUMBERS: [Number; 4] = [
    ("Width", |a| a.width, |a, n| a.width = n),
    ("Height", |a| a.height, |a, n| a.height = n),
    ("x", |a| a.x, |a, n| a.x = n),
    ("y", |a| a.y, |a, n| a.y = n),
];

#[component]
fn Fields(own: Memo<Option<Annotation>>, is_note: bool) -> impl IntoView {
    let store = store();
    let gesture = StoredValue::new(0u64);
    let error = RwSignal::new(None::<String>);
    let set = move |change: &dyn Fn(&mut Annotation), gesture: u64| {
        if let Some(mut now) = own.get_untracked() {
            change(&mut now);
            error.set(try_edit(store, Command::SetAnnotation(now), gesture));
        }
    };
    let text = move || own.with(|a| a.as_ref().map(|a| a.text.clone()).unwrap_or_default());
    let write = move |event: web_sys::Event| {
        let text = event_target_value(&event);
        set(&|a| a.text = text.clone(), gesture.get_value());
    };
    let begin = move |_| gesture.set_value(fresh_number());
    let number = move |(label, read, write): Number| {
        let value = move || own.with(|a| a.as_ref().map(read).unwrap_or_default()).to_string();
        let typed = move |event| match event_target_value(&event).parse() {
            Ok(n) => set(&|a| write(a, n), 0),
            Err(_) => error.set(Some("A whole number.".to_owned())),
        };
        view! {
            <label>{label} " "
                <input type="number" step="16" prop:value=value on:change=typed />
            </label>
        }
    };
    let field = match is_note {
        true => view! {
            <textarea id="inspector-name" rows="5" maxlength="500" prop:value=text
                on:focus=begin on:input=write></textarea>
        }
        .into_any(),
        false => view! {
            <input id="inspector-name" maxlength="80" prop:value=text on:focus=begin
                on:input=write />
        }
        .into_any(),
    };
    view! {
        <div class="field">
            <label for="inspector-name">{if is_note { "Text" } else { "Name" }}</label>
            {field}
            <p class="error" role="alert">{move || error.get()}</p>
        </div>
        <div class="numbers">{NUMBERS.map(number)}</div>
    }
}

fn select_inside(store: Store, id: StoredValue<String>) {
    let ids = store.with(|session| {
        let scenario = session.scenario();
        let region = id.with_value(|id| scenario.annotation(id));
        region.map(|region| regions::inside(scenario, region)).unwrap_or_default()
    });
    match ids.is_empty() {
        true => store.warn("Nothing lies in it."),
        false => store.select_nodes(ids),
    }
}
