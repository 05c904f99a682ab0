//! The share dialog: a link, a snippet for somebody's page, a picture, a file.

use leptos::prelude::*;

use super::options;
use super::share_embed::ShareEmbed;
use super::share_picture::SharePicture;
use super::store::{Store, store};
use super::{arrival, clipboard};
use crate::scenario::link;
use crate::view::qr;

/// Lengths up to which links work everywhere, and up to which with care.
const EVERYWHERE: usize = 2_000;
const WITH_CARE: usize = 8_000;

#[derive(Clone, Copy, PartialEq)]
enum Tab {
    Link,
    Embed,
    Picture,
    File,
}

/// Everything by which a scenario leaves this page.
#[component]
pub(super) fn Share() -> impl IntoView {
    let tab = RwSignal::new(Tab::Link);
    let tabs =
        [(Tab::Link, "Link"), (Tab::Embed, "Embed"), (Tab::Picture, "Image"), (Tab::File, "File")];
    let head = move |(one, name): (Tab, &'static str)| {
        view! {
            <button role="tab" aria-controls="share-body"
                aria-selected=move || if tab.get() == one { "true" } else { "false" }
                on:click=move |_| tab.set(one)>{name}</button>
        }
    };
    view! {
        <div class="share">
            <div class="tabs">
                <div role="tablist" aria-label="How to share">
                    {tabs.map(head).collect_view()}
                </div>
            </div>
            <div id="share-body" role="tabpanel">
                {move || match tab.get() {
                    Tab::Link => view! { <ShareLink /> }.into_any(),
                    Tab::Embed => view! { <ShareEmbed /> }.into_any(),
                    Tab::Picture => view! { <SharePicture /> }.into_any(),
                    Tab::File => view! { <ShareFile /> }.into_any(),
                }}
            </div>
            <p class="help">
                "What you share contains the whole scenario. Nothing is uploaded."
            </p>
        </div>
    }
}

/// The link form of the scenario, and of the moment if that is wanted.
pub(super) fn payload(store: Store, with_moment: bool) -> String {
    let mut text = store.doc(link::encode);
    if with_moment && let Some(moment) = arrival::moment(store) {
        text.push_str(&moment.to_string());
    }
    text
}

#[component]
fn ShareLink() -> impl IntoView {
    let store = store();
    let with_moment = RwSignal::new(false);
    let address = Memo::new(move |_| options::link(&payload(store, with_moment.get()), ""));
    let advice = move || {
        let length = address.with(String::len);
        if store.doc(|scenario| link::decode(&link::encode(scenario)).is_err()) {
            return format!("{length} characters: too large for a link. Share it as a file.");
        }
        let words = match length {
            n if n <= EVERYWHERE => "works everywhere",
            n if n <= WITH_CARE => "may be cut by chat programs: try it before you send it",
            _ => "too long for most programs: share it as a file instead",
        };
        format!("{length} characters: {words}.")
    };
    let opens = move || {
        let far = with_moment.get() && arrival::moment(store).is_none();
        let now = store.with(|session| session.run().now().seconds());
        match with_moment.get() {
            _ if far => {
                "This moment is too many events away: the link opens at the beginning.".to_owned()
            }
            true if store.with(crate::session::Session::edited_while_running) => format!(
                "Settings were changed while it ran. The link opens at {now:.3} s of the run from \
                 its beginning, with the settings as they are now."
            ),
            true => format!(
                "It opens at {now:.3} s, with what is selected and this view, and says whether it \
                 is the same run."
            ),
            false => "It opens at the beginning, with these settings.".to_owned(),
        }
    };
    view! {
        <div class="field">
            <label for="share-link">"Link"</label>
            <textarea id="share-link" class="mono" rows="3" readonly
                prop:value=move || address.get()></textarea>
            <label class="check">
                <input type="checkbox" prop:checked=move || with_moment.get()
                    on:change=move |event| with_moment.set(event_target_checked(&event)) />
                " To this moment"
            </label>
            <p class="help">{opens}</p>
            <p class="help">{advice}</p>
            <button class="button primary"
                on:click=move |_| clipboard::copy(store, address.get(), "Link", "share-link")>
                "Copy link"
            </button>
            <Code text=address />
        </div>
    }
}

/// The link as a QR code, while it is short enough to be read off a projector.
#[component]
fn Code(text: Memo<String>) -> impl IntoView {
    let shown = RwSignal::new(false);
    let code = Memo::new(move |_| text.with(|text| qr::code(text)));
    let label = move || if shown.get() { "Hide the QR code" } else { "Show as a QR code" };
    view! {
        <Show when=move || code.with(Option::is_some)
            fallback=|| view! { <p class="help">"Too long for a QR code."</p> }>
            " "
            <button class="button" aria-expanded=move || shown.get().to_string()
                on:click=move |_| shown.update(|on| *on = !*on)>{label}</button>
            <Show when=move || shown.get()>
                <svg class="qr" role="img" aria-label="The link as a QR code"
                    viewBox=move || {
                        let side = code.with(|code| code.as_ref().map_or(1, |(side, _)| *side));
                        format!("0 0 {side} {side}")
                    }>
                    <path d=move || code.with(|code| code.as_ref().map(|(_, path)| path.clone())) />
                </svg>
            </Show>
        </Show>
    }
}

#[component]
fn ShareFile() -> impl IntoView {
    let store = store();
    let json = Memo::new(move |_| store.doc(crate::scenario::Scenario::to_json));
    view! {
        <div class="field">
            <label for="share-json">"Scenario"</label>
            <textarea id="share-json" class="mono" rows="10" readonly
                prop:value=move || json.get()></textarea>
            <p class="help">
                "JSON, with nothing left out. It opens by dropping it on the page, from Examples, \
                 or with " <code>"switchyard run"</code> " on a command line."
            </p>
            <button class="button primary" on:click=move |_| super::files::save(store)>
                "Save as a file"
            </button>
            " "
            <button class="button"
                on:click=move |_| clipboard::copy(store, json.get(), "JSON", "share-json")>
                "Copy as JSON"
            </button>
        </div>
    }
}
