//! The scenario as a picture that can be opened again.

use leptos::prelude::*;
use leptos::wasm_bindgen::closure::Closure;
use leptos::wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, CanvasRenderingContext2d, HtmlCanvasElement, HtmlImageElement};

use super::store::{Store, store};
use super::{files, theme};
use crate::scenario::picture;
use crate::session::file_name;
use crate::view::svg;

/// Pixels of a PNG for one of the drawing.
const SCALE: f64 = 2.0;
/// The longest side of a PNG, in pixels.
const SIDE_MAX: f64 = 8_192.0;

/// PNG and SVG, both with the scenario inside.
#[component]
pub(super) fn SharePicture() -> impl IntoView {
    let store = store();
    let dark = RwSignal::new(theme::is_dark());
    let drawing = Memo::new(move |_| {
        let dark = dark.get();
        store.placed(|scenario, _| svg::svg(scenario, &picture::inside(scenario), dark))
    });
    let source = move || {
        let text = String::from(js_sys::encode_uri_component(&drawing.get()));
        format!("data:image/svg+xml,{text}")
    };
    let alt = move || store.doc(|scenario| format!("A drawing of {}", scenario.title));
    view! {
        <div class="field">
            <img class="picture" src=source alt=alt />
            <label class="check">
                <input type="checkbox" prop:checked=move || dark.get()
                    on:change=move |event| dark.set(event_target_checked(&event)) />
                " Dark"
            </label>
            <p class="help">
                "The scenario is inside the file: drop the picture on this page and it opens. \
                 Programs that make pictures smaller may take it out."
            </p>
            <button class="button primary" on:click=move |_| save_png(store, drawing.get())>
                "Save as PNG"
            </button>
            " "
            <button class="button" on:click=move |_| {
                let name = named(store, "svg");
                files::offer(store, &name, "image/svg+xml", drawing.get().as_bytes());
            }>"Save as SVG"</button>
        </div>
    }
}

fn named(store: Store, ending: &str) -> String {
    let name = store.with(|session| file_name(&session.scenario().title));
    name.replace(".json", &format!(".{ending}"))
}

fn save_png(store: Store, drawing: String) {
    spawn_local(async move {
        match png(&drawing).await {
            Ok(bytes) => {
                let bytes = store.with(|session| picture::png_with(session.scenario(), &bytes));
                files::offer(store, &named(store, "png"), "image/png", &bytes);
            }
            Err(_) => store.warn("The browser could not make a PNG. Save it as SVG instead."),
        }
    });
}

/// The drawing in pixels.
async fn png(drawing: &str) -> Result<Vec<u8>, JsValue> {
    let image = HtmlImageElement::new()?;
    let text = String::from(js_sys::encode_uri_component(drawing));
    image.set_src(&format!("data:image/svg+xml,{text}"));
    JsFuture::from(image.decode()).await?;
    let (width, height) = (f64::from(image.natural_width()), f64::from(image.natural_height()));
    let scale = SCALE.min(SIDE_MAX / width.max(height).max(1.0));
    let canvas: HtmlCanvasElement = document().create_element("canvas")?.unchecked_into();
    canvas.set_width((width * scale) as u32);
    canvas.set_height((height * scale) as u32);
    let context = canvas.get_context("2d")?.ok_or(JsValue::NULL)?;
    let context: CanvasRenderingContext2d = context.unchecked_into();
    context.draw_image_with_html_image_element_and_dw_and_dh(
        &image,
        0.0,
        0.0,
        width * scale,
        height * scale,
    )?;
    let made = js_sys::Promise::new(&mut |done, _| {
        let ready = Closure::once_into_js(move |blob: JsValue| done.call1(&JsValue::NULL, &blob));
        // A canvas that gives nothing gives a null, and that is an error below.
        let _ = canvas.to_blob(ready.unchecked_ref());
    });
    let blob: Blob = JsFuture::from(made).await?.dyn_into()?;
    let bytes = JsFuture::from(blob.array_buffer()).await?;
    Ok(js_sys::Uint8Array::new(&bytes).to_vec())
}
