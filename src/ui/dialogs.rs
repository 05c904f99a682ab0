//! What lies over the page: examples, shortcuts, share, and a link that could not be opened.

use leptos::html;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;

use super::clipboard;
use super::draft;
use super::files::Yours;
use super::habits::HabitSettings;
use super::keys::SHEET;
use super::share::Share;
use super::store::{Dialog, store};
use crate::scenario::Scenario;
use crate::scenario::gallery::GALLERY;

/// The dialog that is open, if one is.
#[component]
pub(super) fn Dialogs() -> impl IntoView {
    let store = store();
    let element = NodeRef::<html::Dialog>::new();
    let open = Memo::new(move |_| store.dialog.get() != Dialog::None);
    let before = StoredValue::new_local(None::<web_sys::HtmlElement>);
    Effect::new(move |_| {
        if let (true, Some(dialog)) = (open.get(), element.get())
            && !dialog.open()
        {
            before.set_value(document().active_element().and_then(|e| e.dyn_into().ok()));
            store.notice.set(None);
            // A dialog that cannot be modal is shown all the same.
            let _ = dialog.show_modal();
        }
        if !open.get() {
            // Whoever opened it gets the keyboard back.
            if let Some(element) = before.try_update_value(Option::take).flatten() {
                let _ = element.focus();
            }
        }
    });
    let title = move || match store.dialog.get() {
        Dialog::Share => "Share",
        Dialog::Examples => "Examples",
        Dialog::Keys => "Keyboard and pointer",
        Dialog::Broken(..) => "This link could not be opened",
        Dialog::None => "",
    };
    let body = move || match store.dialog.get() {
        Dialog::Share => view! { <Share /> }.into_any(),
        Dialog::Examples => view! { <Examples /> }.into_any(),
        Dialog::Keys => keys().into_any(),
        Dialog::Broken(sentence, diagnostic) => {
            view! { <Broken sentence=sentence diagnostic=diagnostic /> }.into_any()
        }
        Dialog::None => ().into_any(),
    };
    let close = move || store.dialog.set(Dialog::None);
    view! {
        <Show when=move || open.get()>
            <dialog class="dialog" node_ref=element aria-labelledby="dialog-title"
                on:close=move |_| close()
                on:click=move |event| {
                    // A click beside the dialog lands on the dialog element itself.
                    let target = event.target();
                    let own = element.get_untracked().map(web_sys::EventTarget::from);
                    if target == own {
                        close();
                    }
                }>
                <div class="dialog-body">
                    <header>
                        <h2 id="dialog-title">{title}</h2>
                        <button class="button icon-only" aria-label="Close"
                            on:click=move |_| close()>
                            "\u{d7}"
                        </button>
                    </header>
                    {body}
                    <p class="dialog-notice" role="status">{move || store.notice.get()}</p>
                </div>
            </dialog>
        </Show>
    }
}

#[component]
fn Examples() -> impl IntoView {
    let store = store();
    let open = move |scenario: Scenario| {
        draft::save(&store);
        store.shared.set(false);
        if store.open(scenario) {
            store.shared.set(true);
            store.dialog.set(Dialog::None);
        }
    };
    let item = move |preset: &'static crate::scenario::gallery::Preset| {
        let scenario = preset.scenario();
        view! {
            <li>
                <button class="example" data-preset=preset.key
                    on:click=move |_| open(preset.scenario())>
                    <b>{scenario.title}</b>
                    <span>{preset.blurb}</span>
                </button>
            </li>
        }
    };
    let topics: Vec<_> = GALLERY.chunk_by(|a, b| a.topic == b.topic).collect();
    let topic = move |presets: &'static [crate::scenario::gallery::Preset]| {
        view! {
            <section class="topic">
                <h3>{presets[0].topic}</h3>
                <ul class="examples">{presets.iter().map(item).collect_view()}</ul>
            </section>
        }
    };
    let kept = move |(word, scenario): (&'static str, Scenario)| {
        let title = match scenario.title.is_empty() {
            true => word.to_owned(),
            false => format!("{word}: {}", scenario.title),
        };
        let mine = move |_| {
            store.shared.set(false);
            if store.open(scenario.clone()) {
                store.dialog.set(Dialog::None);
            }
        };
        view! {
            <li><button class="example" on:click=mine><b>{title}</b>
                <span>"As it was kept in this browser"</span></button></li>
        }
    };
    let drafts = [
        draft::load().map(|scenario| ("Your draft", scenario)),
        draft::earlier().map(|scenario| ("The draft before", scenario)),
    ];
    let empty = move |_| {
        let blank = Scenario { title: "Untitled".to_owned(), ..Scenario::default() };
        open(blank);
    };
    view! {
        <Yours />
        {topics.into_iter().map(topic).collect_view()}
        <ul class="examples">
            {drafts.into_iter().flatten().map(kept).collect_view()}
            <li><button class="example" on:click=empty><b>"Empty canvas"</b>
                <span>"Build it yourself"</span></button></li>
        </ul>
    }
}

fn keys() -> impl IntoView {
    let row = |(key, words): &(&'static str, &'static str)| {
        view! { <tr><th scope="row"><kbd>{*key}</kbd></th><td>{*words}</td></tr> }
    };
    view! {
        <HabitSettings />
        <table class="keys">{SHEET.iter().map(row).collect_view()}</table>
        <p class="help">
            "Single letters work while the canvas has the focus. The Outline panel does all this \
             with ordinary buttons."
        </p>
    }
}

/// What is wrong with a link, what to copy for a report, and where to go instead.
#[component]
fn Broken(sentence: String, diagnostic: String) -> impl IntoView {
    let store = store();
    let text = StoredValue::new(diagnostic);
    let copy = move |_| clipboard::copy(store, text.get_value(), "Diagnostic", "diagnostic");
    view! {
        <p class="broken">{sentence}</p>
        <p class="help">
            "Nothing of yours was lost. Your draft is open behind this, or start here:"
        </p>
        <Examples />
        <details>
            <summary>"Diagnostic"</summary>
            <textarea id="diagnostic" rows="4" readonly prop:value=move || text.get_value()
                aria-label="Diagnostic"></textarea>
            <button class="button small" on:click=copy>"Copy diagnostic"</button>
        </details>
    }
}
