//! Wires: one SVG layer under everything that moves. Redrawn on edits only, width four times a
//! second.

use leptos::prelude::*;

use super::gestures::Gesture;
use super::live::{self, Line};
use super::store::{Selection, Store, store};
use crate::session::Explanation;
use crate::sim::{LinkId, WireTrouble};
use crate::view::curve::Curve;
use crate::view::layout;
use crate::view::plan::wire_words;

/// All wires, the one being drawn, and the way of the selected request.
#[component]
pub(super) fn Wires(explanation: Memo<Option<Explanation>>) -> impl IntoView {
    let store = store();
    let ends = Memo::new(move |_| {
        store.doc(|scenario| {
            let pair = |link: &crate::scenario::LinkSpec| (link.from.clone(), link.to.clone());
            scenario.links.iter().map(pair).collect::<Vec<_>>()
        })
    });
    view! {
        <svg class="wires" aria-hidden="true">
            <defs>
                <marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8"
                    markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">
                    <path d="M0 0.5 7 4 0 7.5z" />
                </marker>
            </defs>
            <g>
                <For each=move || ends.get() key=|pair| pair.clone() let:pair>
                    <Wire from=pair.0 to=pair.1 explanation=explanation />
                </For>
                <path class="wire drawing" d=move || drawing(store) />
            </g>
        </svg>
    }
}

#[component]
fn Wire(from: String, to: String, explanation: Memo<Option<Explanation>>) -> impl IntoView {
    let store = store();
    let pair = StoredValue::new((from, to));
    let Line { curve, chosen, trouble, width } =
        pair.with_value(|(from, to)| live::line(store, from, to));
    let path = Memo::new(move |_| curve.with(|c| c.as_ref().map_or(String::new(), Curve::path)));
    let on_path = move || {
        let tried = store.tried.with(|tried| pair.with_value(|pair| tried.as_ref() == Some(pair)));
        tried || explanation.with(|e| e.as_ref().is_some_and(|e| crosses(store, &e.path, pair)))
    };
    let against = move || {
        explanation.with(|e| {
            let conflicts = e.as_ref().map(|e| &e.conflicts[..]).unwrap_or_default();
            conflicts.iter().any(|conflict| crosses(store, &conflict.path, pair))
        })
    };
    let is = move |read: fn(&WireTrouble) -> bool| trouble.with(|(now, _)| read(now));
    let middle = move || curve.with(|curve| curve.as_ref().map(|curve| curve.at(0.5)));
    let press = move |event: web_sys::PointerEvent| {
        if event.button() == 0 && !store.options.embed {
            let (from, to) = pair.get_value();
            // A dot on the wire is meant before the wire.
            super::gestures::press_canvas(store, &event);
            let idle = |g: &Gesture| matches!(g, Gesture::Pan { .. } | Gesture::Marquee { .. });
            if store.gesture.with_untracked(idle) {
                store.gesture.set(Gesture::None);
                store.select(Selection::Wire(from, to));
            }
            event.stop_propagation();
        }
    };
    let ask = move |event: web_sys::MouseEvent| {
        let (from, to) = pair.get_value();
        super::menu::open(store, &event, Some(Selection::Wire(from, to)));
    };
    view! {
        <g class="wire-group" class:selected=chosen class:on-path=on_path class:against=against
            class:cut=move || is(|now| now.cut) class:holds=move || is(|now| now.holds)
            class:troubled=move || is(|now| *now != WireTrouble::default())>
            <path class="wire-hit" d=path on:pointerdown=press on:contextmenu=ask />
            <path class="wire" d=path marker-end="url(#tip)"
                style:stroke-width=move || format!("{:.1}px", width.get()) />
            <Show when=against>
                <path class="other-way" d=path />
            </Show>
            <Show when=move || is(|now| *now != WireTrouble::default())>
                <text class="wire-trouble"
                    x=move || middle().map(|at| format!("{:.1}", at.x))
                    y=move || middle().map(|at| format!("{:.1}", at.y - 8.0))>
                    {move || trouble.with(|(now, held)| wire_words(now, *held))}
                </text>
            </Show>
        </g>
    }
}

/// Is the wire one of these links?
fn crosses(store: Store, path: &[LinkId], pair: StoredValue<(String, String)>) -> bool {
    store.with(|session| {
        let run = session.run();
        pair.with_value(|(from, to)| {
            path.iter().any(|link| {
                let link = &run.links()[usize::from(link.0)];
                *run.card(link.from).id == **from && *run.card(link.to).id == **to
            })
        })
    })
}

/// The wire that follows the pointer.
fn drawing(store: Store) -> String {
    let Gesture::Wire { from, at, .. } = store.gesture.get() else { return String::new() };
    let end = store.camera.get().to_canvas(at);
    let start = store.with_places(|places| layout::port_out(places.bounds(&from)));
    Curve::between(start, end).path()
}
