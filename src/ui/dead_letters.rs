//! The dead letters of a queue in the inspector: which message, from where, of what and when.

use leptos::prelude::*;

use super::store::store;
use crate::node::AnyNode;
use crate::session::Session;
use crate::view::queue;

/// How many are listed.
const LISTED: usize = 20;

/// The newest dead letters of the queue with this id.
#[component]
pub(super) fn DeadLetters(id: String) -> impl IntoView {
    let store = store();
    let letters = Memo::new(move |_| {
        store.rev.track();
        store.pulse.track();
        store.with(|session| letters(session, &id)).unwrap_or_default()
    });
    let rows = move || letters.get().into_iter().map(|line| view! { <li>{line}</li> });
    view! {
        <div class="field">
            <p class="label">"Dead letters, the newest first"</p>
            <Show when=move || letters.with(Vec::is_empty)>
                <p class="help">"None. With dead letters switched on, what is refused, \
                    waits too long or does not fit is kept here with the reason."</p>
            </Show>
            <ul class="member-list">{move || rows().collect_view()}</ul>
        </div>
    }
}

fn letters(session: &Session, id: &str) -> Option<Vec<String>> {
    let run = session.run();
    match &run.nodes()[usize::from(run.find(id)?.0)] {
        AnyNode::Queue(node) => Some(queue::dead_letters(node, run, LISTED)),
        _ => None,
    }
}
