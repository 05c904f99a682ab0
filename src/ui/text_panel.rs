//! The scenario as text, both ways: what is written here is on the canvas as soon as it is right,
//! and what is done on the canvas stands here.

use leptos::html;
use leptos::prelude::*;

use super::gestures::fresh_number;
use super::store::{Store, store};
use crate::scenario::Scenario;
use crate::session::Command;

/// How long after a key the text is read, in ms.
const READ_MS: u64 = 300;

/// The text, and what is wrong with it.
#[component]
pub(super) fn TextPanel() -> impl IntoView {
    let store = store();
    let area = NodeRef::<html::Textarea>::new();
    let problem = RwSignal::new(String::new());
    // What is typed without a pause elsewhere is one step of undo.
    let gesture = StoredValue::new(fresh_number());
    let typed = StoredValue::new(0u32);
    let is_typed_in = move || {
        let here = area.get_untracked().map(web_sys::Element::from);
        here.is_some() && document().active_element() == here
    };
    let text = Memo::new(move |_| {
        store.shifted.track();
        store.doc(Scenario::to_json)
    });
    Effect::new(move |_| {
        let text = text.get();
        if let Some(area) = area.get()
            && !is_typed_in()
        {
            area.set_value(&text);
            problem.set(String::new());
        }
    });
    let on_input = move |_| {
        typed.update_value(|n| *n += 1);
        let mine = typed.get_value();
        let later = std::time::Duration::from_millis(READ_MS);
        set_timeout(
            move || {
                if let (true, Some(area)) = (typed.get_value() == mine, area.get_untracked()) {
                    problem.set(read(store, &area.value(), gesture.get_value()));
                }
            },
            later,
        );
    };
    let leave = move |_| {
        gesture.set_value(fresh_number());
        if problem.with_untracked(String::is_empty)
            && let Some(area) = area.get_untracked()
        {
            area.set_value(&text.get_untracked());
        }
    };
    view! {
        <div class="text-panel">
            <label for="scenario-text">"The scenario as text"</label>
            <textarea id="scenario-text" class="mono" spellcheck="false" autocapitalize="off"
                node_ref=area aria-describedby="scenario-problem"
                aria-invalid=move || (!problem.with(String::is_empty)).to_string()
                readonly=store.fixed()
                on:input=on_input on:blur=leave></textarea>
            <p id="scenario-problem" class="problem" role="status">{move || problem.get()}</p>
            <p class="help">
                "It is read as you type; while something is wrong, the canvas stays as it is. "
                <a href="scenario.schema.json" target="_blank" rel="noopener">"Its JSON Schema"</a>
                " is for editors that know schemas."
            </p>
        </div>
    }
}

/// Makes of a text the scenario; gives what is wrong with it, which is nothing when it is right.
fn read(store: Store, written: &str, gesture: u64) -> String {
    match Scenario::from_json(written).and_then(Scenario::finished) {
        Ok(scenario) if store.with(|session| *session.scenario() == scenario) => String::new(),
        Ok(scenario) => {
            let command = Command::Replace(Box::new(scenario));
            match store.edit(command, gesture, "Read the text") {
                true => String::new(),
                false => store.notice.get_untracked().unwrap_or_default(),
            }
        }
        Err(wrong) => wrong.to_string(),
    }
}
