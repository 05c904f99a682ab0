//! The builder of snippets for somebody's page: every option that the address takes, with what
//! comes of it beside.

use leptos::prelude::*;

use super::share::payload;
use super::store::store;
use super::{clipboard, options};
use crate::view::options::{OPTIONS, Spec, Values, allowed, query};
use crate::view::svg::escape;

type Chosen = RwSignal<Vec<(&'static str, String)>>;

fn chosen(all: Chosen, name: &str) -> String {
    all.with(|all| all.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone()).unwrap_or_default())
}

fn choose(all: Chosen, name: &'static str, value: String) {
    all.update(|all| match all.iter_mut().find(|(known, _)| *known == name) {
        Some((_, old)) => *old = value,
        None => all.push((name, value)),
    });
}

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Frame,
    Element,
}

/// What was chosen for a snippet.
#[derive(Clone, Copy)]
struct Snippet {
    all: Chosen,
    form: RwSignal<Form>,
    height: RwSignal<String>,
    boxed: RwSignal<bool>,
    with_moment: RwSignal<bool>,
}

/// A snippet, and what it shows.
#[component]
pub(super) fn ShareEmbed() -> impl IntoView {
    let store = store();
    let snippet = Snippet {
        all: RwSignal::new(Vec::new()),
        form: RwSignal::new(Form::Frame),
        height: RwSignal::new("480".to_owned()),
        boxed: RwSignal::new(false),
        with_moment: RwSignal::new(false),
    };
    let Snippet { all, form, height, boxed, with_moment } = snippet;
    let address = Memo::new(move |_| {
        options::link(&payload(store, with_moment.get()), &all.with(|all| query(all)))
    });
    let code = Memo::new(move |_| {
        let title = store.doc(|scenario| scenario.title.clone());
        match form.get() {
            Form::Frame => frame(&address.get(), &title, &height.get(), boxed.get()),
            Form::Element => {
                let base = options::link("", "");
                let base = base.split('#').next().unwrap_or_default().to_owned();
                let payload = payload(store, with_moment.get());
                all.with(|all| element(&base, &payload, &title, &height.get(), all))
            }
        }
    });
    let shown = RwSignal::new(false);
    view! {
        <div class="field">
            <label for="share-embed">"Embed in a page"</label>
            <textarea id="share-embed" class="mono" rows="7" readonly
                prop:value=move || code.get()></textarea>
            <button class="button primary"
                on:click=move |_| clipboard::copy(store, code.get(), "Embed code", "share-embed")>
                "Copy embed code"
            </button>
            " "
            <button class="button" aria-expanded=move || shown.get().to_string()
                on:click=move |_| shown.update(|on| *on = !*on)>
                {move || if shown.get() { "Hide the preview" } else { "Show a preview" }}
            </button>
            <Show when=move || shown.get()>
                <iframe class="preview" title="Preview of the embed"
                    src=move || address.get()
                    style:height=move || format!("{}px", height.get())></iframe>
            </Show>
            <Looks snippet=snippet />
        </div>
    }
}

/// The fields by which it is chosen.
#[component]
fn Looks(snippet: Snippet) -> impl IntoView {
    let Snippet { all, form, height, boxed, with_moment } = snippet;
    let field = move |spec: &'static Spec| view! { <OptionField spec=spec all=all /> };
    view! {
        <details>
            <summary>"What it looks like and what may be done in it"</summary>
            <div class="builder">
                <label>"As"
                    <select aria-label="As" on:change=move |event| form.set(
                        if event_target_value(&event) == "element" { Form::Element }
                        else { Form::Frame })>
                        <option value="frame">"a plain frame"</option>
                        <option value="element">"<switch-yard>, with a script"</option>
                    </select>
                </label>
                <label>"Height in pixels"
                    <input type="number" min="200" max="2000" prop:value=move || height.get()
                        on:change=move |event| height.set(digits(&event_target_value(&event)))
                    />
                </label>
                <label class="check">
                    <input type="checkbox"
                        on:change=move |event| boxed.set(event_target_checked(&event)) />
                    " In a sandbox, without storage"
                </label>
                <label class="check">
                    <input type="checkbox"
                        on:change=move |event| with_moment.set(event_target_checked(&event)) />
                    " To this moment"
                </label>
                {OPTIONS.iter().filter(|spec| spec.offered).map(field).collect_view()}
            </div>
        </details>
    }
}

/// A height that can be: digits only, within reason.
fn digits(text: &str) -> String {
    text.parse::<u32>().unwrap_or(480).clamp(200, 2_000).to_string()
}

/// One option, by what values it takes.
#[component]
fn OptionField(spec: &'static Spec, all: Chosen) -> impl IntoView {
    let name = spec.name;
    let set = move |event: leptos::ev::Event| choose(all, name, event_target_value(&event));
    let control = match spec.values {
        Values::Switch => select(&["1", "0"], spec, all).into_any(),
        Values::One(words) => select(words, spec, all).into_any(),
        Values::Some(words) => {
            let one = move |word: &'static str| {
                let toggle = move |event: leptos::ev::Event| {
                    let now = chosen(all, name);
                    let mut on: Vec<&str> = now.split(',').filter(|w| !w.is_empty()).collect();
                    on.retain(|known| *known != word);
                    if event_target_checked(&event) {
                        on.push(word);
                    }
                    choose(all, name, on.join(","));
                };
                view! {
                    <label class="check"><input type="checkbox" on:change=toggle />" "{word}</label>
                }
            };
            view! { <span class="some">{words.iter().copied().map(one).collect_view()}</span> }
                .into_any()
        }
        Values::Number(low, high, _) => view! {
            <input type="number" min=low max=high step="any" placeholder=spec.default
                aria-label=name on:change=set />
        }
        .into_any(),
        Values::Text(_) => {
            view! { <input type="text" placeholder=spec.default aria-label=name on:change=set /> }
                .into_any()
        }
    };
    view! {
        <div class="option">
            <span class="name"><code>{name}</code>" "{control}</span>
            <span class="help">{spec.help}" Values: "{allowed(spec.values)}"."</span>
        </div>
    }
}

fn select(words: &'static [&'static str], spec: &'static Spec, all: Chosen) -> impl IntoView {
    let name = spec.name;
    let option = |word: &'static str| view! { <option value=word>{word}</option> };
    view! {
        <select aria-label=name
            on:change=move |event| choose(all, name, event_target_value(&event))>
            <option value="">{format!("default: {}", spec.default)}</option>
            {words.iter().copied().map(option).collect_view()}
        </select>
    }
}

/// An iframe for somebody else's page.
fn frame(address: &str, title: &str, height: &str, boxed: bool) -> String {
    let title = if title.is_empty() { "Switchyard" } else { title };
    let sandbox = match boxed {
        true => "\n  sandbox=\"allow-scripts allow-popups allow-popups-to-escape-sandbox\"",
        false => "",
    };
    format!(
        "<iframe title=\"{}\"\n  src=\"{}\"\n  width=\"100%\" height=\"{height}\" \
         style=\"border:0;border-radius:12px\"\n  loading=\"lazy\" \
         allow=\"fullscreen; clipboard-write\" allowfullscreen{sandbox}\n  \
         referrerpolicy=\"no-referrer\"></iframe>",
        escape(title),
        escape(address)
    )
}

/// The custom element, with a link inside for where scripts are taken out.
fn element(
    base: &str,
    payload: &str,
    title: &str,
    height: &str,
    all: &[(&'static str, String)],
) -> String {
    let title = if title.is_empty() { "Switchyard" } else { title };
    let given = all.iter().filter(|(_, value)| !value.is_empty());
    let attributes: String =
        given.map(|(name, value)| format!(" {name}=\"{}\"", escape(value))).collect();
    let (base, payload, title) = (escape(base), escape(payload), escape(title));
    format!(
        "<script src=\"{base}embed.js\" async></script>\n<switch-yard s=\"{payload}\" \
         title=\"{title}\" height=\"{height}\"{attributes}>\n  \
         <a href=\"{base}#s={payload}\">{title}</a>\n</switch-yard>"
    )
}
