//! The small map in the corner of the canvas: press or drag on it to go there. Whoever uses the
//! keyboard has arrows and fit.

use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use web_sys::{HtmlElement, PointerEvent};

use super::store::store;
use crate::view::camera::{Point, Rect};
use crate::view::layout;
use crate::view::minimap::{HEIGHT, Map, WIDTH, centred, is_needed, seen};

/// The map, where there is enough to lose one's way in.
#[component]
pub(super) fn Minimap() -> impl IntoView {
    let store = store();
    let large = Memo::new(move |_| {
        let (camera, screen) = (store.camera.get(), store.viewport.get());
        let needed = store.doc(|scenario| is_needed(scenario, camera, screen));
        needed && !store.options.embed && screen.0 >= 640.0
    });
    view! { <Show when=move || large.get()><Sheet /></Show> }
}

#[component]
fn Sheet() -> impl IntoView {
    let store = store();
    let held = RwSignal::new(false);
    let map = Memo::new(move |_| store.doc(Map::new));
    // Only what changes is drawn anew: a map of hundreds is looked at while the canvas moves.
    let boxes = Memo::new(move |_| {
        let map = map.get();
        store.pulse.track();
        store.doc(|scenario| {
            let on_map = |node| map.on_map(layout::bounds(scenario, node));
            let all = scenario.nodes.iter();
            all.map(|node| (on_map(node), store.with(|s| s.is_up(&node.id)))).collect::<Vec<_>>()
        })
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
            {move || boxes.get().into_iter().map(|(b, up)| {
                view! { <i class:down=!up style=rect(b)></i> }
            }).collect_view()}
            <b style=move || rect(view_box())></b>
        </div>
    }
}
