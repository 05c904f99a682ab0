//! What the address asks for. Unknown or odd values never break anything: they mean the default.

use web_sys::UrlSearchParams;

/// The options in the query of the address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    /// Canvas and transport only, for a frame in somebody else's page.
    pub(super) embed: bool,
    /// Start at once, or not, whatever else would decide.
    pub(super) autoplay: Option<bool>,
    /// The theme, whatever the system prefers.
    pub(super) theme: Option<&'static str>,
    /// Break down on purpose, to see what a person would see.
    pub(super) panic: bool,
}

impl Options {
    /// Reads the address.
    pub(super) fn read() -> Options {
        let Some(query) = query() else { return Options::default() };
        let is_on = |value: String| !matches!(value.as_str(), "0" | "false" | "no");
        Options {
            embed: query.get("embed").is_some_and(is_on),
            autoplay: query.get("autoplay").map(is_on),
            theme: match query.get("theme").as_deref() {
                Some("dark") => Some("dark"),
                Some("light") => Some("light"),
                _ => None,
            },
            panic: query.get("test").as_deref() == Some("panic"),
        }
    }
}

/// The built-in scenario that the address names.
pub(super) fn preset() -> Option<String> {
    query()?.get("preset")
}

/// The scenario in the fragment, without its `s=`.
pub(super) fn fragment() -> Option<String> {
    let hash = window().location().hash().ok()?;
    let inside = hash.strip_prefix('#')?;
    inside.split('&').find_map(|part| part.strip_prefix("s=")).map(str::to_owned)
}

/// Takes the scenario out of the address, so that nobody passes on a link that is no longer true.
pub(super) fn drop_fragment() {
    let location = window().location();
    let (Ok(path), Ok(search)) = (location.pathname(), location.search()) else { return };
    if let Ok(history) = window().history() {
        let here = format!("{path}{search}");
        // Where the address cannot be changed, as in some frames, it stays as it is.
        let _ = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&here));
    }
}

/// The address of this page with a scenario in it.
pub(super) fn link(payload: &str, query: &str) -> String {
    let location = window().location();
    let origin = location.origin().unwrap_or_default();
    let path = location.pathname().unwrap_or_default();
    format!("{origin}{path}{query}#s={payload}")
}

fn query() -> Option<UrlSearchParams> {
    UrlSearchParams::new_with_str(&window().location().search().ok()?).ok()
}

fn window() -> web_sys::Window {
    leptos::prelude::window()
}
