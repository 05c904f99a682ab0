//! Files, and scenarios kept in this browser: saved, opened, dropped on the page, kept and taken
//! out.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use leptos::wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, DragEvent, File, HtmlAnchorElement, HtmlInputElement, Url};

use super::draft;
use super::store::{Dialog, Store, sentence, store};
use crate::scenario::picture::{self, PICTURE_MAX};
use crate::scenario::{Problem, Scenario};
use crate::session::{Full, Kept, Shelf, file_name};

/// The largest file that is read, in bytes; larger than any scenario.
const BYTES_MAX: usize = 2 * 1024 * 1024;

/// Another scenario in the place of this one, whose draft is kept aside.
fn open(store: Store, scenario: Scenario) {
    // An untouched copy of somebody else's is had again where it came from.
    let mine = !store.shared.get_untracked();
    draft::set_aside(&store);
    store.shared.set(false);
    super::options::drop_fragment();
    if store.open(scenario) {
        store.dialog.set(Dialog::None);
        draft::save(&store);
        let words = match mine {
            true => "Opened. What was here before is under Examples: the draft before.",
            false => "Opened.",
        };
        store.notice.set(Some(words.to_owned()));
    }
}

fn read(store: Store, file: File) {
    if file.size() > PICTURE_MAX as f64 {
        let reason = format!("{} is larger than 16 MiB, no scenario is", file.name());
        return store.warn(&sentence(&reason));
    }
    leptos::task::spawn_local(async move {
        let bytes = JsFuture::from(file.array_buffer()).await;
        let Ok(bytes) = bytes.map(|bytes| js_sys::Uint8Array::new(&bytes).to_vec()) else {
            return store.warn(&sentence(&format!("{} cannot be read", file.name())));
        };
        match scenario_in(&bytes) {
            Ok(scenario) => open(store, scenario),
            Err(problem) => {
                store.warn(&sentence(&format!("{} cannot be opened: {problem}", file.name())));
            }
        }
    });
}

/// The scenario in a file: JSON, or a picture that has one inside.
fn scenario_in(bytes: &[u8]) -> Result<Scenario, Problem> {
    if picture::is_png(bytes) {
        return picture::from_png(bytes);
    }
    if bytes.len() > BYTES_MAX {
        return Err(Problem::new("", "it is larger than 2 MiB, no scenario is"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Problem::new("", "it is no text"))?;
    match text.trim_start().starts_with('<') {
        true => picture::from_svg(text),
        false => Scenario::from_json(text),
    }
}

/// Offers the scenario as a file.
pub(super) fn save(store: Store) {
    let (name, text) = store.with(|session| {
        let scenario = session.scenario();
        (file_name(&scenario.title), scenario.to_json())
    });
    offer(store, &name, "application/json", text.as_bytes());
}

/// Offers bytes as a file.
pub(super) fn offer(store: Store, name: &str, of_type: &str, bytes: &[u8]) {
    let offered = || -> Result<(), JsValue> {
        let kind = BlobPropertyBag::new();
        kind.set_type(of_type);
        let parts = js_sys::Array::of1(&js_sys::Uint8Array::from(bytes));
        let blob = Blob::new_with_u8_array_sequence_and_options(&parts, &kind)?;
        let url = Url::create_object_url_with_blob(&blob)?;
        let link: HtmlAnchorElement = document().create_element("a")?.unchecked_into();
        link.set_href(&url);
        link.set_download(name);
        link.click();
        Url::revoke_object_url(&url)
    };
    match offered() {
        Ok(()) => store.say(&format!("Saved as {name}")),
        Err(_) => store.warn("The browser did not allow saving. Copy it as JSON instead."),
    }
}

/// A file may be dropped anywhere on the page.
#[component]
pub(super) fn Drop() -> impl IntoView {
    let store = store();
    let over = RwSignal::new(false);
    let has_file = |event: &DragEvent| {
        let kinds = event.data_transfer().map(|data| data.types());
        kinds.is_some_and(|kinds| kinds.includes(&JsValue::from_str("Files"), 0))
    };
    let handles = [
        window_event_listener(ev::dragover, move |event| {
            if has_file(&event) {
                event.prevent_default();
                over.set(!store.options.embed);
            }
        }),
        window_event_listener(ev::dragleave, move |event| {
            if event.related_target().is_none() {
                over.set(false);
            }
        }),
        window_event_listener(ev::drop, move |event| {
            over.set(false);
            let files = event.data_transfer().and_then(|data| data.files());
            if let Some(file) = files.and_then(|files| files.get(0)) {
                // Else the browser would go to the file.
                event.prevent_default();
                if !store.options.embed {
                    read(store, file);
                }
            }
        }),
    ];
    on_cleanup(move || handles.into_iter().for_each(|handle| handle.remove()));
    view! {
        <Show when=move || over.get()>
            <div class="drop-here" aria-hidden="true"><p>"Drop to open"</p></div>
        </Show>
    }
}

/// Changes what is kept: as it is now, another tab may have changed it too. Was it possible, and
/// could it be written? If not, that is shown.
fn change(
    store: Store,
    shown: RwSignal<Option<Shelf>>,
    how: impl FnOnce(&mut Shelf) -> Result<(), Full>,
) -> bool {
    let Some(mut shelf) = draft::shelf() else {
        store.warn("This browser keeps nothing for this page.");
        return false;
    };
    if let Err(full) = how(&mut shelf) {
        store.warn(&full.words());
        return false;
    }
    if !draft::keep_shelf(Some(&shelf)) {
        store.warn("The browser has no room left for it.");
        return false;
    }
    shown.set(Some(shelf));
    true
}

/// Files, and what is kept in this browser.
#[component]
pub(super) fn Yours() -> impl IntoView {
    let store = store();
    let picker = NodeRef::<html::Input>::new();
    let shelf = RwSignal::new(draft::shelf());
    let picked = move |event: web_sys::Event| {
        let field = event.target().and_then(|t| t.dyn_into::<HtmlInputElement>().ok());
        if let Some(field) = field {
            if let Some(file) = field.files().and_then(|files| files.get(0)) {
                read(store, file);
            }
            // The same file can be picked again.
            field.set_value("");
        }
    };
    let keep = move |_| {
        let now = js_sys::Date::now();
        let kept = |shelf: &mut Shelf| store.with(|session| shelf.keep(session.scenario(), now));
        if change(store, shelf, kept) {
            store.notice.set(Some("Kept in this browser.".to_owned()));
        }
    };
    view! {
        <section class="topic">
            <h3>"Yours"</h3>
            <div class="actions">
                <button class="button" on:click=move |_| {
                    if let Some(picker) = picker.get_untracked() {
                        picker.click();
                    }
                }>"Open a file"</button>
                <button class="button" on:click=move |_| save(store)>"Save as a file"</button>
                <Show when=move || shelf.with(Option::is_some)>
                    <button class="button" on:click=keep>"Keep in this browser"</button>
                </Show>
                <input type="file" id="open-file" class="unseen" tabindex="-1" aria-hidden="true"
                    accept=".json,.png,.svg,application/json,image/png,image/svg+xml"
                    node_ref=picker on:change=picked />
            </div>
            <KeptHere shelf=shelf />
        </section>
    }
}

/// What is kept, to be opened and taken out.
#[component]
fn KeptHere(shelf: RwSignal<Option<Shelf>>) -> impl IntoView {
    let store = store();
    let gone = RwSignal::new(None::<Kept>);
    let renaming = RwSignal::new(None::<String>);
    let remove = move |name: String| {
        let mut taken = None;
        change(store, shelf, |shelf| {
            taken = shelf.remove(&name);
            Ok(())
        });
        gone.set(taken);
    };
    let back = move |_| {
        if let Some(one) = gone.get_untracked()
            && change(store, shelf, |shelf| shelf.put_back(one.clone()))
        {
            gone.set(None);
        }
    };
    let rename = move |name: &str, event: &web_sys::Event| {
        let wanted = event_target_value(event);
        if change(store, shelf, |shelf| shelf.rename(name, &wanted)) {
            renaming.set(None);
        }
    };
    let row = move |one: Kept| {
        let (name, words) = (one.name.clone(), format!("Take out {}", one.name));
        let (own, label) = (one.name.clone(), format!("Rename {}", one.name));
        if renaming.get().as_ref() == Some(&own) {
            return view! {
                <li class="kept">
                    <input id="rename" class="rename" maxlength="120" aria-label=label
                        value=own.clone()
                        on:change=move |event| rename(&own, &event)
                        on:keydown=|event| event.stop_propagation() />
                </li>
            }
            .into_any();
        }
        let begin = move |_| {
            renaming.set(Some(own.clone()));
            super::keys::focus_text("rename");
        };
        let when = js_sys::Date::new(&JsValue::from_f64(one.when_ms));
        let when = String::from(when.to_locale_string("default", &JsValue::UNDEFINED));
        let title = one.name.clone();
        view! {
            <li class="kept">
                <button class="example" on:click=move |_| {
                    if let Some(scenario) = one.scenario() {
                        open(store, scenario);
                    }
                }><b>{title}</b><span>{when}</span></button>
                <button class="button small" aria-label=label on:click=begin>"Rename"</button>
                <button class="button small" aria-label=words
                    on:click=move |_| remove(name.clone())>"Take out"</button>
            </li>
        }
        .into_any()
    };
    let all =
        move || shelf.with(|shelf| shelf.as_ref().map(|s| s.kept().to_vec()).unwrap_or_default());
    view! {
        <Show when=move || gone.with(Option::is_some)>
            <p class="help" role="status">
                    {move || gone.with(|g| g.as_ref().map(|g| format!("Took {} out. ", g.name)))}
                <button class="button small" on:click=back>"Put it back"</button>
            </p>
        </Show>
        <ul class="examples">{move || all().into_iter().map(row).collect_view()}</ul>
    }
}
