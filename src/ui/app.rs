//! The page as a whole: what it opens with, its regions, and what happens when all else fails.

use leptos::ev;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use leptos::wasm_bindgen::closure::Closure;

use super::canvas::Canvas;
use super::dialogs::Dialogs;
use super::dock::Dock;
use super::inspector::Inspector;
use super::options;
use super::outline::Outline;
use super::palette::Palette;
use super::request_panel::RequestPanel;
use super::store::{Panel, Selection, Store, store};
use super::text_panel::TextPanel;
use super::topbar::TopBar;
use super::{arrival, draft, frame, keys, theme};
use crate::scenario::Scenario;
use crate::session::{Edit, Explanation, Session};
use crate::view::options::{Around, Options};

/// Shows the page.
pub fn run() {
    // They hold as long as the page.
    let options: &'static Options = Box::leak(Box::new(options::read()));
    theme::init(options);
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

#[component]
fn App(options: &'static Options) -> impl IntoView {
    let opening = arrival::opening(options);
    let session = Session::new(opening.scenario.clone());
    let session = session.or_else(|_| Session::new(Scenario::default()));
    let session = session.expect("an empty scenario passes its check");
    let store = Store::new(session, options);
    provide_context(store);
    let awake = RwSignal::new(!options.embed);
    arrival::arrive(store, opening, awake);
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
    arrival::listen_for_links(store);
    if options.embed {
        super::host::listen(store);
    }
    let everything = options.around == Around::Everything;
    let side = ["request", "inspect", "outline", "text"].iter().any(|panel| options.shows(panel));
    view! {
        <div class="app" class:embedded=!everything class:sheet-open=move || store.sheet.get()
            class:beside=side && !everything class:fixed=options.edit != Edit::All>
            {everything.then(|| view! {
                <a class="skip" href="#outline-tab">"Skip to the outline"</a>
                <TopBar />
                {(options.edit == Edit::All).then(|| view! { <Palette /> })}
            })}
            <main class="stage">
                <Canvas explanation=explanation />
                <Notice />
            </main>
            {side.then(|| view! { <SidePanel explanation=explanation /> })}
            {(options.around > Around::Nothing)
                .then(|| view! { <Dock explanation=explanation /> })}
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
        (Panel::Text, "Text", "text"),
    ];
    let shown = move |(_, _, id): &(Panel, &str, &str)| store.options.shows(id);
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
                <div role="tablist" aria-label="Details">
                    {tabs.into_iter().filter(shown).map(tab).collect_view()}
                </div>
                <button class="close-sheet" aria-label="Close the panel"
                    on:click=move |_| store.sheet.set(false)>"\u{d7}"</button>
            </div>
            <div class="panel" id="panel" role="tabpanel" tabindex="-1">
                {move || match store.panel.get() {
                    Panel::Request => view! { <RequestPanel explanation=explanation /> }.into_any(),
                    Panel::Inspect => view! { <Inspector /> }.into_any(),
                    Panel::Outline => view! { <Outline /> }.into_any(),
                    Panel::Text => view! { <TextPanel /> }.into_any(),
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
