//! The servers of an autoscaled group in the inspector: one switch for the life of each, the newest
//! decision, and those that changed something.

use leptos::prelude::*;

use super::icons::{self, Icon};
use super::store::store;
use crate::node::group::{Life, MemberState};
use crate::node::{AnyNode, Group};
use crate::scenario::{FaultKind, Target};
use crate::session::Session;

/// How many decisions are listed.
const LISTED: usize = 8;

/// The servers of the group with this id.
#[component]
pub(super) fn Fleet(id: String) -> impl IntoView {
    let store = store();
    let id = StoredValue::new(id);
    let states = Memo::new(move |_| {
        store.rev.track();
        store.pulse.track();
        let states = |group: &Group| group.members().collect::<Vec<MemberState>>();
        store.with(|session| with_group(session, &id.get_value(), states)).unwrap_or_default()
    });
    let notes = Memo::new(move |_| {
        store.pulse.track();
        store.with(|session| notes(session, &id.get_value()))
    });
    let places =
        Memo::new(move |_| states.with(|all| all.iter().map(|s| s.place).collect::<Vec<_>>()));
    let row = move |place: u8| {
        let state = move || states.with(|all| all.iter().find(|s| s.place == place).copied());
        let words = move || {
            let told = |s: MemberState| {
                format!("{}, {} at work, {} waiting", s.life.words(), s.busy, s.waiting)
            };
            state().map(told).unwrap_or_default()
        };
        let dead = move || state().is_some_and(|s| s.life == Life::Dead);
        let verb = move || if dead() { "Revive" } else { "Kill" };
        let toggle = move |_| {
            let kind = match dead() {
                true => FaultKind::RestartPart(place),
                false => FaultKind::CrashPart(place),
            };
            let words = format!("{} server {place} of {}", verb(), store.label(&id.get_value()));
            store.edit_by(|s| s.fault(Target::Node(id.get_value()), kind).map(|()| true), &words);
            store.settle();
        };
        view! {
            <li data-member=place.to_string()>
                <span>{format!("Server {place}: ")}{words}</span>
                <button class="button small" on:click=toggle
                    aria-label=move || format!("{} server {place}", verb())>
                    <Icon path=icons::POWER /> {verb}
                </button>
            </li>
        }
    };
    view! {
        <div class="field">
            <p class="label">"Servers"</p>
            <ul class="member-list">
                {move || places.get().into_iter().map(row).collect_view()}
            </ul>
            <p class="label">"Decisions"</p>
            {move || notes.get().into_iter().map(|note| view! {
                <p class="help">{note}</p>
            }).collect_view()}
        </div>
    }
}

fn with_group<T>(session: &Session, id: &str, read: impl FnOnce(&Group) -> T) -> Option<T> {
    let number = session.run().find(id)?;
    match &session.run().nodes()[usize::from(number.0)] {
        AnyNode::Group(group) => Some(read(group)),
        _ => None,
    }
}

/// The newest decision, then those that changed something, newest first.
fn notes(session: &Session, id: &str) -> Vec<String> {
    let told = with_group(session, id, |group| {
        let config = group.config();
        let at = |d: &crate::node::group::Decision| {
            format!("At {:.1} s: {}", d.at.seconds(), d.words(config))
        };
        let newest = group.decision().filter(|d| group.log().next_back() != Some(*d));
        newest.map(at).into_iter().chain(group.log().rev().take(LISTED).map(at)).collect()
    });
    told.unwrap_or_default()
}
