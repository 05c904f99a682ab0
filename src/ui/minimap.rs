//! The small map in the corner of the canvas: press or drag on it to go there. Whoever uses the
//! keyboard has arrows and fit.

use std::fmt::Write as _;

use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use web_sys::{HtmlElement, PointerEvent};

use super::store::store;
use crate::session::Session;
use crate::view::camera::{Point, Rect};
use crate::view::layout;
use crate::view::minimap::{HEIGHT, Map, WIDTH, centred, enough, is_cut, seen};
use crate::view::places::Places;

/// The map, where there is enough to lose one's way in.
#[component]
pub(super) fn Minimap() -> impl IntoView {
    let store = store();
    // Once a document, not once a move of the camera.
    let all = Memo::new(move |_| store.doc(|s| (layout::extent(s), enough(s))));
    let large = Memo::new(move |_| {
        let (camera, screen) = (store.camera.get(), store.viewport.get());
        let (all, enough) = all.get();
        enough && is_cut(all, camera, screen) && !store.options.embed && screen.0 >= 640.0
    });
    view! { <Show when=move || large.get()><Sheet /></Show> }
}

#[component]
fn Sheet() -> impl IntoView {
    let store = store();
    let held = RwSignal::new(false);
    let map = Memo::new(move |_| store.doc(Map::new));
    // Followed at leisure: a map of hundreds is not drawn anew with every move of a hand.
    let boxes = Memo::new(move |_| {
        let map = map.get();
        store.pulse.track();
        store.rev.track();
        store.with(|session| store.with_places(|places| boxes(session, places, map)))
    });
    let view_box = move || map.get().on_map(seen(store.camera.get(), store.viewport.get()));
    let go = move |event: &PointerEvent| {
        let element = event.current_target().and_then(|e| e.dyn_into::<HtmlElement>().ok());
        let Some(area) = element.map(|element| element.get_bounding_client_rect()) else { return };
        let at = Point::new(
            f64::from(event.client_x()) - area.left(),
            f64::from(event.client_y()) - area.top(),
        );
        let screen = store.viewport.get_untracked();
        store
            .camera
            .update(|camera| *camera = centred(*camera, map.get_untracked().on_canvas(at), screen));
    };
    let press = move |event: PointerEvent| {
        event.stop_propagation();
        if event.button() == 0 {
            let element = event.current_target().and_then(|e| e.dyn_into::<HtmlElement>().ok());
            if let Some(element) = element {
                // Without the capture the drag ends at the edge of the map.
                let _ = element.set_pointer_capture(event.pointer_id());
            }
            held.set(true);
            go(&event);
        }
    };
    let follow = move |event: PointerEvent| {
        if held.get_untracked() {
            go(&event);
        }
    };
    let rect = |b: Rect| {
        format!(
            "left:{:.1}px;top:{:.1}px;width:{:.1}px;height:{:.1}px",
            b.x, b.y, b.width, b.height
        )
    };
    view! {
        <div class="minimap" aria-hidden="true" style=format!("width:{WIDTH}px;height:{HEIGHT}px")
            on:pointerdown=press on:pointermove=follow on:pointerup=move |_| held.set(false)
            on:pointercancel=move |_| held.set(false)
            on:dblclick=|event| event.stop_propagation()>
            <svg width=WIDTH height=HEIGHT>
                <path d=move || boxes.with(|all| all[0].clone()) />
                <path class="down" d=move || boxes.with(|all| all[1].clone()) />
            </svg>
            <b style=move || rect(view_box())></b>
        </div>
    }
}

/// The nodes on the map: the outlines of those that are up, and of those that are down.
fn boxes(session: &Session, places: &Places, map: Map) -> [String; 2] {
    let mut paths = [String::new(), String::new()];
    for node in &session.scenario().nodes {
        let own = map.on_map(places.bounds(&node.id));
        let (x, y) = (own.x, own.y);
        let (width, height) = (own.width.max(3.0), own.height.max(3.0));
        let path = &mut paths[usize::from(!session.is_up(&node.id))];
        // Writing to a string cannot fail.
        let _ = write!(path, "M{x:.1} {y:.1}h{width:.1}v{height:.1}h-{width:.1}z");
    }
    paths
}
