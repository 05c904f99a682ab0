//! The members of a database in the inspector: a switch for the life and the reach of each, why the
//! last one was promoted, and which acknowledged changes are lost.

use leptos::prelude::*;

use super::icons::{self, Icon};
use super::store::{Store, store};
use crate::node::database::MemberState;
use crate::node::{AnyNode, Database};
use crate::scenario::FaultKind;
use crate::session::Session;

/// How many lost changes are listed.
const LISTED: usize = 12;

/// The members of the database with this id.
#[component]
pub(super) fn Members(id: String) -> impl IntoView {
    let store = store();
    let id = StoredValue::new(id);
    let states = Memo::new(move |_| {
        store.rev.track();
        store.pulse.track();
        let states = |session: &Session| {
            let now = session.run().now();
            with_database(session, &id.get_value(), |database| database.members(now).collect())
        };
        let found: Option<Vec<MemberState>> = store.with(states);
        found.unwrap_or_default()
    });
    let notes = Memo::new(move |_| {
        store.pulse.track();
        store.with(|session| notes(session, &id.get_value()))
    });
    let count = Memo::new(move |_| states.with(Vec::len));
    let row = move |place: usize| {
        let state = move || states.with(|states| states.get(place).copied());
        let role = move || state().map(|s| s.role.words()).unwrap_or_default();
        let up = move || state().is_none_or(|s| s.up);
        let cut = move || state().is_some_and(|s| s.cut);
        let number = place as u8;
        let life = move || if up() { "Kill" } else { "Revive" };
        let reach = move || if cut() { "Join" } else { "Cut" };
        let toggle_life = move |_| {
            let kind =
                if up() { FaultKind::CrashPart(number) } else { FaultKind::RestartPart(number) };
            happen(store, &id.get_value(), kind, &format!("{} member {place}", life()));
        };
        let toggle_reach = move |_| {
            let kind = if cut() { FaultKind::JoinPart(number) } else { FaultKind::CutPart(number) };
            happen(store, &id.get_value(), kind, &format!("{} member {place}", reach()));
        };
        view! {
            <li data-member=place.to_string()>
                <span>{format!("Member {place}: ")}{role}</span>
                <button class="button small" on:click=toggle_life
                    aria-label=move || format!("{} member {place}", life())>
                    <Icon path=icons::POWER /> {life}
                </button>
                <button class="button small" on:click=toggle_reach
                    aria-label=move || format!("{} member {place}", reach())>
                    {reach}
                </button>
            </li>
        }
    };
    view! {
        <div class="field">
            <p class="label">"Members"</p>
            <ul class="member-list">{move || (0..count.get()).map(row).collect_view()}</ul>
            {move || notes.get().into_iter().map(|note| view! {
                <p class="help">{note}</p>
            }).collect_view()}
        </div>
    }
}

/// Lets something happen to a member just now.
fn happen(store: Store, id: &str, kind: FaultKind, words: &str) {
    let words = format!("{words} of {}", store.label(id));
    store.edit_by(|session| session.fault(id, kind).map(|()| true), &words);
    store.settle();
}

fn with_database<T>(session: &Session, id: &str, read: impl FnOnce(&Database) -> T) -> Option<T> {
    let number = session.run().find(id)?;
    match &session.run().nodes()[usize::from(number.0)] {
        AnyNode::Database(database) => Some(read(database)),
        _ => None,
    }
}

/// The last promotion, and what is lost.
fn notes(session: &Session, id: &str) -> Vec<String> {
    let run = session.run();
    let told = with_database(session, id, |database| {
        let mut notes: Vec<String> = database.promotion().map(|p| p.words()).into_iter().collect();
        if database.lost() > 0 {
            let lost: Vec<_> = database.losses().collect();
            let last = lost.iter().rev().take(LISTED);
            let one = |lost: &&crate::node::database::Lost| {
                format!("{} version {}", run.key_name(lost.key), lost.stamp.commit)
            };
            let named: Vec<String> = last.map(one).collect();
            notes.push(format!(
                "{} acknowledged changes are lost, the last of them: {}.",
                database.lost(),
                named.join(", ")
            ));
        }
        notes
    });
    told.unwrap_or_default()
}
