//! The palette: every kind, to drag in or to click.

use leptos::prelude::*;
use web_sys::PointerEvent;

use super::annotations;
use super::gestures::{self, Gesture};
use super::icons::{self, Icon};
use super::store::store;
use crate::node::CATALOGUE;
use crate::scenario::AnnotationKind;

/// The kinds, down the left side.
#[component]
pub(super) fn Palette() -> impl IntoView {
    let store = store();
    let item = move |entry: &'static crate::node::KindEntry| {
        view! {
            <button class="kind" data-kind=entry.key title=entry.blurb
                aria-label=format!("Add {}: {}", entry.name.to_lowercase(), entry.blurb)
                on:pointerdown=move |event: PointerEvent| {
                    gestures::press_palette(store, &event, entry.family);
                }
                on:click=move |event| {
                    // With the keyboard there is no pointer that has added it already.
                    if event.detail() == 0 {
                        store.add_node(entry.family, None);
                    }
                }>
                <Icon path=icons::kind(entry.family) />
                <span>{entry.name}</span>
            </button>
        }
    };
    let drawing = move |what: AnnotationKind| {
        let (name, words) = match what {
            AnnotationKind::Region => ("Region", "a frame around what is selected"),
            AnnotationKind::Note => ("Note", "a text on the canvas"),
        };
        view! {
            <button class="kind" data-kind=what.word() title=words
                aria-label=format!("Add a {}: {words}", what.word())
                on:click=move |_| annotations::add(store, what)>
                <Icon path=icons::drawing(what) />
                <span>{name}</span>
            </button>
        }
    };
    view! {
        <nav class="palette" aria-label="Components">
            {CATALOGUE.iter().map(item).collect_view()}
            {AnnotationKind::ALL.map(drawing)}
        </nav>
    }
}

/// What follows the pointer while a kind is dragged in.
#[component]
pub(super) fn Ghost() -> impl IntoView {
    let store = store();
    let ghost = move || match store.gesture.get() {
        Gesture::New { family, at, moved: true, .. } => Some((family, at)),
        _ => None,
    };
    move || {
        ghost().map(|(family, at)| {
            view! {
                <div class="ghost" style=format!("transform:translate({}px,{}px)", at.x, at.y)>
                    <Icon path=icons::kind(family) />
                    {family.entry().name}
                </div>
            }
        })
    }
}
