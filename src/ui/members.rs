//! The members of a database or a cache cluster in the inspector: a switch for the life and the
//! reach of each, who took whose place and why, and what is lost.

use leptos::prelude::*;

use super::icons::{self, Icon};
use super::store::{Store, store};
use crate::node::{AnyNode, Cluster, Database};
use crate::scenario::build::Run;
use crate::scenario::{FaultKind, Target};
use crate::session::Session;
use crate::view::cluster::lost;

/// How many lost changes are listed.
const LISTED: usize = 12;

/// A member, whatever it is one of.
#[derive(Clone, Copy, PartialEq)]
struct Part {
    role: &'static str,
    up: bool,
    cut: bool,
}

/// The members of the node with this id.
#[component]
pub(super) fn Members(id: String) -> impl IntoView {
    let store = store();
    let id = StoredValue::new(id);
    let states = Memo::new(move |_| {
        store.rev.track();
        store.pulse.track();
        store.with(|session| parts(session, &id.get_value()))
    });
    let notes = Memo::new(move |_| {
        store.pulse.track();
        store.with(|session| notes(session, &id.get_value()))
    });
    let count = Memo::new(move |_| states.with(Vec::len));
    let row = move |place: usize| {
        let state = move || states.with(|states| states.get(place).copied());
        let role = move || state().map(|s| s.role).unwrap_or_default();
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
    store.edit_by(|session| session.fault(Target::node(id), kind).map(|()| true), &words);
    store.settle();
}

/// The node with this id, and its world.
fn found<'a>(session: &'a Session, id: &str) -> Option<(&'a AnyNode, &'a Run)> {
    let run = session.run();
    let number = run.find(id)?;
    Some((&run.nodes()[usize::from(number.0)], run))
}

/// The members of a node.
fn parts(session: &Session, id: &str) -> Vec<Part> {
    match found(session, id) {
        Some((AnyNode::Database(database), run)) => {
            let part = |member: crate::node::database::MemberState| Part {
                role: member.role.words(),
                up: member.up,
                cut: member.cut,
            };
            database.members(run.now()).map(part).collect()
        }
        Some((AnyNode::Cluster(cluster), _)) => {
            let part = |member: crate::node::cluster::MemberState| Part {
                role: member.standing.words(),
                up: member.up,
                cut: member.cut,
            };
            cluster.members().map(part).collect()
        }
        _ => Vec::new(),
    }
}

/// What there is to say about members that came, went or died.
fn notes(session: &Session, id: &str) -> Vec<String> {
    match found(session, id) {
        Some((AnyNode::Database(database), run)) => of_database(database, run),
        Some((AnyNode::Cluster(cluster), run)) => of_cluster(cluster, run),
        _ => Vec::new(),
    }
}

/// How many lines of the sentinels' log are shown.
const LOG_LINES: usize = 12;

/// The last promotion, or why there is none, what the sentinels say, and what is lost.
fn of_database(database: &Database, run: &Run) -> Vec<String> {
    let mut notes: Vec<String> = database.promotion().map(|p| p.words()).into_iter().collect();
    notes.extend(database.stuck());
    let said: Vec<_> = database.sentinel_events().collect();
    if !said.is_empty() {
        let last = said.iter().skip(said.len().saturating_sub(LOG_LINES));
        let lines: Vec<String> = last.map(|event| event.words()).collect();
        notes.push(format!("The sentinels\u{2019} log: {}.", lines.join("; ")));
    }
    if let Some(waited) = database.waited() {
        notes.push(waited.words());
    }
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
}

/// The last death and what it cost, and how long it took to be noticed.
fn of_cluster(cluster: &Cluster, run: &Run) -> Vec<String> {
    let death = cluster.loss().map(|loss| format!("{}.", lost(loss, run)));
    let notice = cluster.noticed().map(|notice| {
        let unanswered = cluster.counts().no_answer;
        format!(
            "m{} was found to be gone at {}, {} after it was; {unanswered} answers were waited for \
             in vain until now.",
            notice.member, notice.at, notice.after
        )
    });
    death.into_iter().chain(notice).collect()
}
