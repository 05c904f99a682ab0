//! What the page offers to scripts, and what happens when it breaks down.

use wasm_bindgen::prelude::*;

use crate::scenario::Scenario;
use crate::session::{Session, figures};
use crate::sim::Span;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = include_str!("../www/api.d.ts");

/// Runs a scenario, an object or JSON, and gives its report. `options` is a number of simulated
/// seconds, or `{ seconds, seed }`. Throws a text with path and reason when something is not right.
#[wasm_bindgen(unchecked_return_type = "Report")]
pub fn simulate(
    #[wasm_bindgen(unchecked_param_type = "Scenario | string")] scenario: JsValue,
    #[wasm_bindgen(unchecked_param_type = "number | RunOptions")] options: JsValue,
) -> Result<JsValue, JsValue> {
    let json =
        scenario.as_string().or_else(|| js_sys::JSON::stringify(&scenario).ok()?.as_string());
    let json = json.ok_or_else(|| words(&"scenario: must be an object or JSON"))?;
    let options = match options.as_f64() {
        Some(seconds) => RunOptions { seconds, seed: None },
        None => taken(options)?,
    };
    if !(0.0..=1e6).contains(&options.seconds) {
        return Err(words(&"seconds: must be between 0 and 1000000"));
    }
    let read = Scenario::from_json(&json).and_then(Scenario::finished);
    let mut scenario = read.map_err(|problem| words(&problem))?;
    scenario.seed = options.seed.unwrap_or(scenario.seed);
    let mut session = Session::new(scenario).map_err(|problem| words(&problem))?;
    session.advance(Span::from_seconds_f64(options.seconds), u64::MAX);
    given(&session.report())
}

/// How a scenario is run.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RunOptions {
    seconds: f64,
    seed: Option<u64>,
}

fn words(problem: &dyn ToString) -> JsValue {
    JsValue::from_str(&problem.to_string())
}

/// What a script gave, by the names of its fields; a field that is unknown is told.
fn taken<T: serde::de::DeserializeOwned>(order: JsValue) -> Result<T, JsValue> {
    let plain: serde_json::Value =
        serde_wasm_bindgen::from_value(order).map_err(|error| words(&error))?;
    serde_json::from_value(plain).map_err(|error| words(&error))
}

/// As plain objects: maps too.
fn given<T: serde::Serialize>(answer: &T) -> Result<JsValue, JsValue> {
    let plain = serde_wasm_bindgen::Serializer::json_compatible();
    answer.serialize(&plain).map_err(|error| words(&error))
}

/// Where keys are placed, why, and which move when the nodes change.
#[wasm_bindgen(unchecked_return_type = "Places")]
pub fn place(
    #[wasm_bindgen(unchecked_param_type = "PlaceOrder")] order: JsValue,
) -> Result<JsValue, JsValue> {
    let order = taken(order)?;
    given(&figures::place(&order).map_err(|problem| words(&problem))?)
}

/// One pick of a balancer after another, with the numbers of each.
#[wasm_bindgen(unchecked_return_type = "Picks")]
pub fn pick(
    #[wasm_bindgen(unchecked_param_type = "PickOrder")] order: JsValue,
) -> Result<JsValue, JsValue> {
    let order = taken(order)?;
    given(&figures::pick(&order).map_err(|problem| words(&problem))?)
}

/// A stream of keys through one cache.
#[wasm_bindgen(unchecked_return_type = "CacheRun")]
pub fn cache(
    #[wasm_bindgen(unchecked_param_type = "CacheOrder")] order: JsValue,
) -> Result<JsValue, JsValue> {
    let order = taken(order)?;
    given(&figures::cache(&order).map_err(|problem| words(&problem))?)
}

/// Every algorithm and kind of node that there is, with their settings.
#[wasm_bindgen(unchecked_return_type = "Catalogue")]
pub fn describe() -> Result<JsValue, JsValue> {
    given(&figures::describe())
}

/// The JSON Schema of a scenario.
#[wasm_bindgen(unchecked_return_type = "object")]
pub fn schema() -> Result<JsValue, JsValue> {
    given(&crate::scenario::schema())
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
        // In Node there is no page.
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
