//! The alerts of a board in the inspector: how each stands, and what fired and cleared when.

use leptos::prelude::*;

use super::store::store;
use crate::node::{AnyNode, Board};
use crate::session::Session;

/// How many changes are listed.
const LISTED: usize = 20;

/// The alerts of the board with this id.
#[component]
pub(super) fn Alerts(id: String) -> impl IntoView {
    let store = store();
    let id = StoredValue::new(id);
    let read = move |of: fn(&Board) -> Vec<String>| {
        store.rev.track();
        store.pulse.track();
        store.with(|session| with_board(session, &id.get_value(), of)).unwrap_or_default()
    };
    let states = Memo::new(move |_| read(states));
    let log = Memo::new(move |_| read(log));
    let list = |all: Memo<Vec<String>>| {
        move || all.get().into_iter().map(|line| view! { <li>{line}</li> }).collect_view()
    };
    view! {
        <div class="field">
            <p class="label">"Alerts"</p>
            <ul class="member-list" aria-live="polite">{list(states)}</ul>
            <p class="label">"Fired and cleared"</p>
            <ul class="member-list">{list(log)}</ul>
        </div>
    }
}

fn states(board: &Board) -> Vec<String> {
    let alerts = board.alerts().iter();
    alerts.map(|alert| format!("{}: {}", alert.rule.text, alert.words())).collect()
}

/// The newest first.
fn log(board: &Board) -> Vec<String> {
    let changes = board.log().rev().take(LISTED);
    let told = changes.map(|change| {
        let verb = if change.fired { "fired" } else { "cleared" };
        format!("{:.1} s: {} {verb}, {}", change.at.seconds(), change.rule, change.value)
    });
    told.collect()
}

fn with_board<T>(session: &Session, id: &str, read: impl FnOnce(&Board) -> T) -> Option<T> {
    let number = session.run().find(id)?;
    match &session.run().nodes()[usize::from(number.0)] {
        AnyNode::Board(board) => Some(read(board)),
        _ => None,
    }
}
