//! What the page offers to scripts, and what happens when it breaks down.

use wasm_bindgen::prelude::*;

use crate::scenario::Scenario;
use crate::session::Session;
use crate::sim::Span;

/// Runs a scenario, given as JSON, for so many simulated seconds and returns its report as an
/// object. Throws a text with path and reason when the scenario is not right.
#[wasm_bindgen]
pub fn simulate(scenario: &str, seconds: f64) -> Result<JsValue, JsValue> {
    let text = |problem: &dyn ToString| JsValue::from_str(&problem.to_string());
    if !(0.0..=1e6).contains(&seconds) {
        return Err(text(&"seconds: must be between 0 and 1000000"));
    }
    let read = Scenario::from_json(scenario).and_then(Scenario::finished);
    let scenario = read.map_err(|problem| text(&problem))?;
    let mut session = Session::new(scenario).map_err(|problem| text(&problem))?;
    session.advance(Span::from_seconds_f64(seconds), u64::MAX);
    serde_wasm_bindgen::to_value(&session.report()).map_err(|error| text(&error))
}

/// The scenario of a built-in example as JSON, or nothing when there is none of that name.
#[wasm_bindgen]
pub fn preset(key: &str) -> Option<String> {
    let preset = crate::scenario::gallery::Preset::find(key)?;
    Some(preset.scenario().to_json())
}

/// From now on a breakdown shows a page that a person can read, with a text to copy. The page holds
/// it ready in its HTML, because after a breakdown nothing here runs any more.
pub fn explain_panics() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        let document = web_sys::window().and_then(|window| window.document());
        let Some(document) = document else { return };
        // Only the first breakdown tells; those after it follow from it.
        if let Some(text) = document.get_element_by_id("breakdown-text")
            && text.text_content().is_none_or(|text| text.is_empty())
        {
            text.set_text_content(Some(&format!(
                "Switchyard {}\n{info}",
                env!("CARGO_PKG_VERSION")
            )));
        }
        if let Some(page) = document.get_element_by_id("breakdown") {
            // The attribute name is a constant that every browser accepts.
            let _ = page.remove_attribute("hidden");
        }
    }));
}
