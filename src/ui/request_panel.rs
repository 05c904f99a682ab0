//! One request: where its milliseconds went, and why it went where it went.

use leptos::prelude::*;

use super::store::{Selection, Store, store};
use crate::session::{Conflict, Explanation, StayLine};
use crate::sim::{Outcome, Place, Time, Why};
use crate::stats::judge::Finding;

/// How many answered and how many failed requests are listed.
const LISTED: usize = 10;
const FAILED_LISTED: usize = 4;
/// How many of the judge's findings are listed.
const FOUND_LISTED: usize = 6;

/// The selected request, or those that ended last to pick one from.
#[component]
pub(super) fn RequestPanel(explanation: Memo<Option<Explanation>>) -> impl IntoView {
    let chosen = Memo::new(move |_| explanation.with(Option::is_some));
    view! {
        <Show when=move || chosen.get() fallback=|| view! { <Recent /> }>
            <One explanation=explanation />
        </Show>
    }
}

#[component]
fn One(explanation: Memo<Option<Explanation>>) -> impl IntoView {
    let store = store();
    let text = move |read: fn(&Explanation) -> String| {
        explanation.with(|e| e.as_ref().map(read).unwrap_or_default())
    };
    let failed = move || {
        explanation.with(|e| e.as_ref().is_some_and(|e| matches!(e.outcome, Outcome::Failed(..))))
    };
    let decisions = move || {
        explanation.with(|e| {
            let all = e.as_ref().map(|e| e.decisions.clone()).unwrap_or_default();
            all.into_iter().map(|(_, why)| decision(why)).collect_view()
        })
    };
    view! {
        <div class="request">
            <p class="headline">
                <strong>{move || text(|e| format!("#{}", e.request))}</strong>
                <code>{move || text(|e| format!("{} {}", e.op.words(), e.key))}</code>
                <span class="total">{move || text(|e| e.latency.to_string())}</span>
            </p>
            <p class="ending" class:failed=failed>{move || text(|e| e.ending.clone())}</p>
            <p class="version">{move || text(|e| e.version.clone())}</p>
            {move || explanation.with(|e| e.as_ref().map(stays))}
            {move || explanation.with(|e| {
                let all = e.as_ref().map(|e| e.conflicts.clone()).unwrap_or_default();
                all.into_iter().map(|one| conflict(store, one)).collect_view()
            })}
            <h2>"Why here?"</h2>
            {decisions}
            <div class="actions">
                <button class="button" on:click=move |_| store.selection.set(Selection::Nothing)>
                    "Let it go"
                </button>
            </div>
        </div>
    }
}

/// What is wrong with a read, and a way to the request that shows it.
fn conflict(store: Store, conflict: Conflict) -> impl IntoView {
    let other = conflict.other;
    view! {
        <section class="conflict">
            <h3>{conflict.title}</h3>
            <p>{conflict.words}</p>
            <button class="button small" on:click=move |_| {
                store.select(Selection::Request(other));
                store.refresh();
            }>{format!("Show #{other}")}</button>
            <small>{format!("The dashed way on the canvas is that of #{other}.")}</small>
        </section>
    }
}

/// The stays as bars on one scale of time. They add up to the latency.
fn stays(explanation: &Explanation) -> impl IntoView + use<> {
    let whole = explanation.latency.ns().max(1) as f64;
    let bar = |stay: &StayLine| {
        let class = match stay.place {
            Place::Going(_) | Place::Returning(_) | Place::At(_) => "bar wire-time",
            Place::Waiting(_) | Place::AtDoor(_) => "bar wait-time",
            Place::Serving(_) => "bar serve-time",
            Place::Calling(_) => "bar call-time",
        };
        let left = stay.offset.ns() as f64 / whole * 100.0;
        let width = (stay.span.ns() as f64 / whole * 100.0).max(0.6);
        view! {
            <tr>
                <th scope="row">{stay.words.clone()}</th>
                <td class="bars">
                    <span class=class style=format!("left:{left:.2}%;width:{width:.2}%")></span>
                </td>
                <td class="ms">{format!("{:.1}", stay.span.millis())}</td>
            </tr>
        }
    };
    view! {
        <table class="stays">
            <caption class="unseen">"Where the time went, in milliseconds"</caption>
            <tbody>{explanation.stays.iter().map(bar).collect_view()}</tbody>
        </table>
    }
}

fn decision(why: Why) -> impl IntoView {
    let line = |line: crate::sim::Line| {
        view! {
            <tr class:chosen=line.chosen>
                <th scope="row">{line.subject}</th>
                <td>{line.numbers}</td>
                <td>{if line.chosen { "\u{2190}" } else { "" }}</td>
            </tr>
        }
    };
    view! {
        <section class="why">
            <h3>{why.title}</h3>
            <table>{why.lines.into_iter().map(line).collect_view()}</table>
            <p>{why.sentence}</p>
        </section>
    }
}

/// What the judge of consistency found last; nothing while it finds nothing.
#[component]
fn Inconsistent() -> impl IntoView {
    let store = store();
    let rows = Memo::new(move |_| {
        store.pulse.track();
        store.with(|session| {
            let mut all: Vec<_> = session.findings().copied().collect();
            all.sort_by_key(|finding| (finding.at, finding.second.request, finding.violation));
            let row = |finding: &Finding| {
                let (first, second) = (finding.first.request, finding.second.request);
                let key = session.run().key_name(finding.key);
                (second, finding.violation.words(), key, format!("against #{first}"))
            };
            all.iter().rev().take(FOUND_LISTED).map(row).collect::<Vec<_>>()
        })
    });
    let row = move |(id, title, key, against): (u64, &'static str, String, String)| {
        view! {
            <li>
                <button on:click=move |_| {
                    store.select(Selection::Request(id));
                    store.refresh();
                }>
                    <b>{format!("#{id}")}</b>
                    <code>{key}</code>
                    <span class="ending failed">{title}</span>
                    <span class="total">{against}</span>
                </button>
            </li>
        }
    };
    view! {
        <Show when=move || rows.with(|rows| !rows.is_empty())>
            <h2>"Reads that do not fit"</h2>
            <p class="help">
                "Each was answered with an older version than was known before. Pick one to see \
                 both requests and their ways."
            </p>
            <ul>
                <For each=move || rows.get() key=|row| (row.0, row.1) let:item>{row(item)}</For>
            </ul>
        </Show>
    }
}

/// The requests that ended last.
#[component]
fn Recent() -> impl IntoView {
    let store = store();
    // Nothing moves under a pointer that is about to click.
    let hovered = RwSignal::new(false);
    let rows = Memo::new(move |before: Option<&Vec<(u64, String, String, String)>>| {
        if let (true, Some(before)) = (hovered.get(), before) {
            return before.clone();
        }
        store.pulse.track();
        store.with(|session| {
            let run = session.run();
            let row = |finished: &crate::session::Finished| {
                let request = finished.request;
                let latency = finished.at.since(request.born).to_string();
                let ending = match request.outcome {
                    Outcome::Failed(reason, _) => reason.words().to_owned(),
                    Outcome::Done | Outcome::Pending => "answered".to_owned(),
                };
                (request.id, run.asked_name(&request), latency, ending)
            };
            // Failures first: they are rarer, and what one looks for.
            let ended = |failed: bool| {
                let all = session.series().finished(run.now());
                all.filter(move |f| (f.request.outcome != Outcome::Done) == failed)
            };
            let failed = ended(true).take(FAILED_LISTED);
            failed.chain(ended(false).take(LISTED)).map(row).collect::<Vec<_>>()
        })
    });
    let started = move || {
        store.pulse.track();
        store.with(|session| session.run().now() > Time::ZERO)
    };
    let row = move |(id, key, latency, ending): (u64, String, String, String)| {
        let failed = ending != "answered";
        view! {
            <li>
                <button on:click=move |_| {
                    store.select(Selection::Request(id));
                    store.refresh();
                }>
                    <b>{format!("#{id}")}</b>
                    <code>{key}</code>
                    <span class="ending" class:failed=failed>{ending}</span>
                    <span class="total">{latency}</span>
                </button>
            </li>
        }
    };
    let note = move || store.doc(|scenario| scenario.note.clone());
    let whose = move || match store.shared.get() {
        true => "From the author",
        false => "Note",
    };
    view! {
        <div class="recent">
            <Show when=move || !note().is_empty()>
                <section class="note"><small>{whose}</small><p>{note}</p></section>
            </Show>
            <h2>"Click a moving dot"</h2>
            <p class="help">
                "It shows where the request went, how long each part took, and why it went there. \
                 Or pick one that has just ended:"
            </p>
            <Show when=move || !started()>
                <p class="help">"Nothing has run yet. Press Run below."</p>
            </Show>
            <ul on:pointerenter=move |_| hovered.set(true)
                on:pointerleave=move |_| hovered.set(false)>
                <For each=move || rows.get() key=|row| row.0 let:item>{row(item)}</For>
            </ul>
            <Inconsistent />
        </div>
    }
}
