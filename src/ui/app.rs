//! The page as a whole: what it opens with, its regions, and what happens when all else fails.

use leptos::ev;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use leptos::wasm_bindgen::closure::Closure;

use super::canvas::Canvas;
use super::dialogs::Dialogs;
use super::dock::Dock;
use super::inspector::Inspector;
use super::options::{self, Options};
use super::outline::Outline;
use super::palette::Palette;
use super::request_panel::RequestPanel;
use super::store::{Dialog, Panel, Selection, Store, store};
use super::topbar::TopBar;
use super::{draft, frame, keys, theme};
use crate::scenario::gallery::{GALLERY, Preset};
use crate::scenario::{Scenario, link};
use crate::session::{Explanation, Session};

/// Shows the page.
pub fn run() {
    let options = Options::read();
    theme::init(&options);
    mount_to_body(move || view! { <App options=options /> });
    if let Some(poster) = document().get_element_by_id("poster") {
        poster.remove();
    }
    if options.panic {
        set_timeout(|| panic!("on purpose, because the address asks for it"), two_seconds());
    }
}

fn two_seconds() -> std::time::Duration {
    std::time::Duration::from_secs(2)
}

/// Where the first scenario came from.
struct Opening {
    scenario: Scenario,
    shared: bool,
    broken: Option<(String, String)>,
}

/// The link wins over the preset, the preset over the draft, the draft over the first example.
fn opening(options: &Options) -> Opening {
    let first = || GALLERY[0].scenario();
    let plain = |scenario| Opening { scenario, shared: false, broken: None };
    if let Some(text) = options::fragment() {
        return match link::decode(&text) {
            Ok(scenario) => Opening { scenario, shared: true, broken: None },
            Err(error) => {
                let head: String = text.chars().take(400).collect();
                let diagnostic = format!("{error}\n{error:?}\n{} characters\n{head}", text.len());
                let scenario = draft::load().unwrap_or_else(first);
                Opening { scenario, shared: false, broken: Some((error.to_string(), diagnostic)) }
            }
        };
    }
    if let Some(preset) = options::preset().as_deref().and_then(Preset::find) {
        return Opening { scenario: preset.scenario(), shared: true, broken: None };
    }
    match options.embed {
        true => plain(first()),
        false => plain(draft::load().unwrap_or_else(first)),
    }
}

#[component]
fn App(options: Options) -> impl IntoView {
    let opening = opening(&options);
    let session = Session::new(opening.scenario).or_else(|_| Session::new(Scenario::default()));
    let session = session.expect("an empty scenario passes its check");
    let store = Store::new(session, options);
    provide_context(store);
    store.shared.set(opening.shared);
    if let Some((sentence, diagnostic)) = opening.broken {
        store.dialog.set(Dialog::Broken(sentence, diagnostic));
    }
    let calm = theme::reduced_motion();
    let play = options.autoplay.unwrap_or(!calm) && !calm;
    let awake = RwSignal::new(!options.embed);
    let begun = StoredValue::new(false);
    Effect::new(move |_| {
        if awake.get() && play && !begun.get_value() {
            begun.set_value(true);
            store.playing.set(true);
        }
    });
    frame::start(store, awake);
    if options.embed {
        wake_when_seen(awake);
    }
    let explanation = explanation(store);
    let handle = window_event_listener(ev::keydown, move |event| keys::anywhere(store, &event));
    let up = window_event_listener(ev::keyup, move |event| keys::let_go(store, &event));
    let leave = window_event_listener(ev::pagehide, move |_| draft::save(&store));
    on_cleanup(move || {
        handle.remove();
        up.remove();
        leave.remove();
    });
    listen_for_links(store);
    view! {
        <div class="app" class:embedded=options.embed class:sheet-open=move || store.sheet.get()>
            {(!options.embed).then(|| view! {
                <a class="skip" href="#outline-tab">"Skip to the outline"</a>
                <TopBar />
                <Palette />
            })}
            <main class="stage">
                <Canvas explanation=explanation />
                <Notice />
            </main>
            {(!options.embed).then(|| view! { <SidePanel explanation=explanation /> })}
            <Dock explanation=explanation />
            <Dialogs />
            <p class="unseen" role="status" aria-live="polite">{move || store.said.get()}</p>
        </div>
    }
}

/// Everything about the selected request; kept when it has ended and is forgotten.
fn explanation(store: Store) -> Memo<Option<Explanation>> {
    Memo::new(move |before: Option<&Option<Explanation>>| {
        let Selection::Request(id) = store.selection.get() else { return None };
        store.pulse.track();
        let before = before.and_then(Option::as_ref).filter(|e| e.request == id).cloned();
        store.with(|session| session.explain(id)).or(before)
    })
}

/// Request, Inspect, Outline.
#[component]
fn SidePanel(explanation: Memo<Option<Explanation>>) -> impl IntoView {
    let store = store();
    let tabs = [
        (Panel::Request, "Request", "request"),
        (Panel::Inspect, "Inspect", "inspect"),
        (Panel::Outline, "Outline", "outline"),
    ];
    let tab = move |(panel, name, id): (Panel, &'static str, &'static str)| {
        let on = move || store.panel.get() == panel;
        view! {
            <button role="tab" id=format!("{id}-tab") aria-controls="panel"
                aria-selected=move || if on() { "true" } else { "false" }
                on:click=move |_| store.panel.set(panel)>{name}</button>
        }
    };
    view! {
        <aside class="side" aria-label="Details">
            <div class="tabs">
                <div role="tablist" aria-label="Details">{tabs.map(tab).collect_view()}</div>
                <button class="close-sheet" aria-label="Close the panel"
                    on:click=move |_| store.sheet.set(false)>"\u{d7}"</button>
            </div>
            <div class="panel" id="panel" role="tabpanel" tabindex="-1">
                {move || match store.panel.get() {
                    Panel::Request => view! { <RequestPanel explanation=explanation /> }.into_any(),
                    Panel::Inspect => view! { <Inspector /> }.into_any(),
                    Panel::Outline => view! { <Outline /> }.into_any(),
                }}
            </div>
        </aside>
    }
}

/// A sentence for those who look, until it is dismissed.
#[component]
fn Notice() -> impl IntoView {
    let store = store();
    move || {
        store.notice.get().map(|words| {
            view! {
                <div class="notice">
                    <p>{words}</p>
                    <button aria-label="Dismiss" on:click=move |_| store.notice.set(None)>
                        "\u{d7}"
                    </button>
                </div>
            }
        })
    }
}

/// An embed sleeps until it is seen, and whenever it is not.
fn wake_when_seen(awake: RwSignal<bool>) {
    let on_change = Closure::<dyn FnMut(js_sys::Array)>::new(move |entries: js_sys::Array| {
        let last = entries.pop().dyn_into::<web_sys::IntersectionObserverEntry>();
        if let Ok(entry) = last
            && entry.is_intersecting() != awake.get_untracked()
        {
            awake.set(entry.is_intersecting());
        }
    });
    let observer = web_sys::IntersectionObserver::new(on_change.as_ref().unchecked_ref());
    match (observer, document().document_element()) {
        (Ok(observer), Some(root)) => observer.observe(&root),
        _ => awake.set(true),
    }
    // Lives as long as the page.
    on_change.forget();
}

/// Another link put into the address bar opens; Back and Forward too.
fn listen_for_links(store: Store) {
    let handle = window_event_listener(ev::hashchange, move |_| {
        let Some(text) = options::fragment() else { return };
        match link::decode(&text) {
            Ok(scenario) => {
                draft::save(&store);
                store.shared.set(false);
                if store.open(scenario) {
                    store.shared.set(true);
                }
            }
            Err(error) => store.dialog.set(Dialog::Broken(error.to_string(), format!("{error:?}"))),
        }
    });
    on_cleanup(move || handle.remove());
}
