//! Copying text. Where the clipboard is not allowed, the text stays visible to be copied by hand.

use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use wasm_bindgen_futures::JsFuture;

use super::store::Store;

/// Copies a text and says how it went. `field` is selected when copying is not allowed.
pub(super) fn copy(store: Store, text: String, what: &'static str, field: &'static str) {
    leptos::task::spawn_local(async move {
        let promise = window().navigator().clipboard().write_text(&text);
        match JsFuture::from(promise).await {
            Ok(_) => {
                store.notice.set(Some(format!("{what} copied.")));
                store.say(&format!("{what} copied"));
            }
            Err(_) => {
                select(field);
                store
                    .warn("The browser did not allow copying. The text is selected: press Ctrl+C.");
            }
        }
    });
}

fn select(field: &str) {
    if let Some(area) = document().get_element_by_id(field)
        && let Ok(area) = area.dyn_into::<web_sys::HtmlTextAreaElement>()
    {
        area.select();
    }
}
