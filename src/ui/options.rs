//! What the address asks for: `view::options` says what that may be.

use web_sys::UrlSearchParams;

use crate::view::options::Options;

/// Reads the address.
pub(super) fn read() -> Options {
    let pairs = window().location().search().ok().and_then(|query| {
        let query = UrlSearchParams::new_with_str(&query).ok()?;
        let entries = js_sys::try_iter(query.as_ref()).ok()??;
        let pair = |entry: Result<wasm_bindgen::JsValue, _>| {
            let entry = js_sys::Array::from(&entry.ok()?);
            Some((entry.get(0).as_string()?, entry.get(1).as_string()?))
        };
        Some(entries.filter_map(pair).collect::<Vec<_>>())
    });
    let mut options = Options::read(&pairs.unwrap_or_default());
    // Somebody pressed Run before there was a program.
    let root = window().document().and_then(|document| document.document_element());
    if root.is_some_and(|root| root.has_attribute("data-run")) {
        options.autoplay = Some(true);
    }
    options
}

/// Everything behind the `#` of the address.
pub(super) fn fragment() -> Option<String> {
    let hash = window().location().hash().ok()?;
    hash.strip_prefix('#').map(str::to_owned)
}

/// The scenario in a fragment, without its `s=`.
pub(super) fn payload(fragment: &str) -> Option<&str> {
    fragment.split('&').find_map(|part| part.strip_prefix("s="))
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

fn window() -> web_sys::Window {
    leptos::prelude::window()
}
