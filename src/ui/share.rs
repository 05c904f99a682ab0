//! The share dialog: a link with the whole scenario in it, and a snippet to embed.

use leptos::prelude::*;

use super::clipboard;
use super::options;
use super::store::store;
use crate::scenario::link;

/// Lengths up to which links work everywhere, and up to which with care.
const EVERYWHERE: usize = 2_000;
const WITH_CARE: usize = 8_000;

/// Link and embed code.
#[component]
pub(super) fn Share() -> impl IntoView {
    let store = store();
    let payload = Memo::new(move |_| store.doc(link::encode));
    let address = move || options::link(&payload.get(), "");
    let snippet =
        move || snippet(&options::link(&payload.get(), "?embed"), &store.doc(|s| s.title.clone()));
    let json = move || store.with(|session| session.scenario().to_json());
    let advice = move || {
        let length = address().len();
        if link::decode(&payload.get()).is_err() {
            return format!("{length} characters: too large for a link. Copy it as JSON.");
        }
        let words = match length {
            n if n <= EVERYWHERE => "works everywhere",
            n if n <= WITH_CARE => "may be cut by chat programs: try it before you send it",
            _ => "too long for most programs: send it as JSON instead",
        };
        format!("{length} characters: {words}.")
    };
    view! {
        <div class="share">
            <div class="field">
                <label for="share-link">"Link"</label>
                <textarea id="share-link" class="mono" rows="3" readonly
                    prop:value=address></textarea>
                <p class="help">{advice}</p>
                <button class="button primary"
                    on:click=move |_| clipboard::copy(store, address(), "Link", "share-link")>
                    "Copy link"
                </button>
                " "
                <button class="button"
                    on:click=move |_| clipboard::copy(store, json(), "JSON", "share-link")>
                    "Copy as JSON"
                </button>
                " "
                <button class="button" on:click=move |_| super::files::save(store)>
                    "Save as a file"
                </button>
            </div>
            <div class="field">
                <label for="share-embed">"Embed in a page"</label>
                <textarea id="share-embed" class="mono" rows="6" readonly
                    prop:value=snippet></textarea>
                <p class="help">"Canvas and transport only. It starts when it is seen."</p>
                <button class="button"
                    on:click=move |_| {
                        clipboard::copy(store, snippet(), "Embed code", "share-embed");
                    }>
                    "Copy embed code"
                </button>
            </div>
            <p class="help">
                "The link contains the whole scenario. Nothing is uploaded. \
                 It opens at the beginning, with these settings."
            </p>
        </div>
    }
}

/// An iframe for somebody else's page.
fn snippet(address: &str, title: &str) -> String {
    let escape = |text: &str| {
        text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
    };
    let title = if title.is_empty() { "Switchyard" } else { title };
    format!(
        "<iframe title=\"{}\"\n  src=\"{}\"\n  width=\"100%\" height=\"480\" \
         style=\"border:0;border-radius:12px\"\n  loading=\"lazy\" \
         allow=\"fullscreen; clipboard-write\" allowfullscreen></iframe>",
        escape(title),
        escape(address)
    )
}
