//! Light and dark, and the colours of the style sheet for those who paint by pixel.

use std::cell::Cell;

use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;

use super::draft;
use crate::view::options::Options;
use crate::view::raster::Colour;

thread_local! {
    static DARK: Cell<bool> = const { Cell::new(false) };
}

/// Is the dark theme on?
pub(super) fn is_dark() -> bool {
    DARK.get()
}

/// Sets the theme at the start: asked for in the address, chosen earlier, or as the system.
pub(super) fn init(options: &Options) {
    let chosen = options.theme.map(str::to_owned).or_else(draft::theme);
    let known = chosen.filter(|name| matches!(&**name, "dark" | "light" | "projector"));
    set(&known.unwrap_or_else(|| system().to_owned()));
}

/// Changes to the other theme and remembers it.
pub(super) fn toggle() -> &'static str {
    let other = if is_dark() { "light" } else { "dark" };
    set(other);
    draft::keep_theme(other);
    other
}

/// Would the person rather not see things move?
pub(super) fn reduced_motion() -> bool {
    prefers("(prefers-reduced-motion: reduce)")
}

/// A colour token of the style sheet.
pub(super) fn colour(token: &str) -> Colour {
    Colour::from_hex(&token_text(token)).unwrap_or_default()
}

/// A colour token of the style sheet, as text for a canvas.
pub(super) fn token_text(token: &str) -> String {
    let style = root().and_then(|root| window().get_computed_style(&root).ok().flatten());
    style.and_then(|style| style.get_property_value(token).ok()).unwrap_or_default()
}

fn set(name: &str) {
    DARK.set(name == "dark");
    if let Some(root) = root() {
        // The attribute name is a constant that every browser accepts.
        let _ = root.set_attribute("data-theme", name);
    }
}

fn system() -> &'static str {
    if prefers("(prefers-color-scheme: dark)") { "dark" } else { "light" }
}

fn prefers(query: &str) -> bool {
    window().match_media(query).ok().flatten().is_some_and(|list| list.matches())
}

fn root() -> Option<web_sys::Element> {
    document().document_element()?.dyn_into().ok()
}
