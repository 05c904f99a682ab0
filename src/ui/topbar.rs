//! The bar on top: title, undo, examples, share, theme.

use leptos::prelude::*;

use super::gestures::fresh_number;
use super::icons::{self, Icon};
use super::store::{Dialog, store};
use super::theme;
use crate::session::Command;

/// The bar on top.
#[component]
pub(super) fn TopBar() -> impl IntoView {
    let store = store();
    let title = move || store.doc(|scenario| scenario.title.clone());
    let gesture = StoredValue::new(0u64);
    let dark = RwSignal::new(theme::is_dark());
    let depth = move || {
        store.rev.track();
        store.with(|session| session.undo_depth())
    };
    let rename = move |event: web_sys::Event| {
        let title = event_target_value(&event);
        store.edit(Command::SetTitle(title), gesture.get_value(), "");
    };
    let sun_or_moon = Signal::derive(move || if dark.get() { icons::SUN } else { icons::MOON });
    view! {
        <header class="top">
            <svg class="mark" viewBox="0 0 32 20" aria-hidden="true">
                <path d="M1 15h6c9 0 9-12 18-12h6" />
                <path class="faint" d="M1 3h8M23 17h8" />
            </svg>
            <h1>"Switchyard"</h1>
            <input class="title" aria-label="Title of this scenario" maxlength="120"
                prop:value=title on:focus=move |_| gesture.set_value(fresh_number())
                on:input=rename />
            <Show when=move || store.shared.get()>
                <span class="chip" title="Opened from a link or an example. Your draft is kept \
                    until you change something here.">"Shared copy"</span>
                <button class="button small" on:click=move |_| super::draft::make_mine(&store)>
                    "Make it mine"
                </button>
            </Show>
            <span class="spring"></span>
            <button class="button icon-only" aria-label="Undo" title="Undo (Ctrl+Z)"
                disabled=move || depth().0 == 0 on:click=move |_| store.undo()>
                <Icon path=icons::UNDO />
            </button>
            <button class="button icon-only" aria-label="Redo" title="Redo (Ctrl+Shift+Z)"
                disabled=move || depth().1 == 0 on:click=move |_| store.redo()>
                <Icon path=icons::REDO />
            </button>
            <button class="button" on:click=move |_| store.dialog.set(Dialog::Examples)>
                "Examples"
            </button>
            <button class="button primary" on:click=move |_| store.dialog.set(Dialog::Share)>
                "Share"
            </button>
            <button class="button icon-only" title="Light or dark"
                aria-label=move || if dark.get() { "Light theme" } else { "Dark theme" }
                on:click=move |_| {
                    dark.set(theme::toggle() == "dark");
                    store.refresh();
                    super::surface::draw(store);
                }>
                <Icon path=sun_or_moon />
            </button>
            <button class="button icon-only" aria-label="Keyboard shortcuts" title="Keys (?)"
                on:click=move |_| store.dialog.set(Dialog::Keys)>"?"</button>
            <button class="button icon-only open-sheet" aria-label="Details"
                on:click=move |_| store.sheet.update(|open| *open = !*open)>
                <Icon path=icons::PANEL />
            </button>
        </header>
    }
}
