//! The outline: the whole system as ordinary buttons and text. Everything the canvas can do, it
//! can.

use leptos::prelude::*;

use super::annotations;
use super::field::try_edit;
use super::gestures::fresh_number;
use super::store::{Panel, Selection, Store, store};
use crate::node::CATALOGUE;
use crate::scenario::{Annotation, AnnotationKind, connectable};
use crate::session::Command;
use crate::view::face;

/// The outline.
#[component]
pub(super) fn Outline() -> impl IntoView {
    let store = store();
    let ids = Memo::new(move |_| {
        store.doc(|s| s.nodes.iter().map(|node| node.id.clone()).collect::<Vec<_>>())
    });
    let summary = move || {
        store.pulse.track();
        store.with(|session| {
            let (run, tally) = (session.run(), session.run().tally());
            format!(
                "{:.1} s simulated: {} sent, {} answered, {} failed, {} in flight",
                run.now().seconds(),
                tally.sent,
                tally.completed,
                tally.failures(),
                run.in_flight()
            )
        })
    };
    let add = |entry: &'static crate::node::KindEntry| {
        view! {
            <button class="button" title=entry.blurb
                on:click=move |_| {
                    store.add_node(entry.family, None);
                    store.panel.set(Panel::Outline);
                }>
                {format!("Add {}", entry.name.to_lowercase())}
            </button>
        }
    };
    view! {
        <div class="outline">
            <p class="help">{summary}</p>
            <div class="actions">{CATALOGUE.iter().map(add).collect_view()}</div>
            <ul class="tree" aria-label="Components">
                <For each=move || ids.get() key=|id| id.clone() let:id>
                    <Item id=id />
                </For>
            </ul>
            <Drawn />
        </div>
    }
}

/// Regions and notes, and buttons that add one.
#[component]
fn Drawn() -> impl IntoView {
    let store = store();
    let all = move || {
        store.doc(|scenario| {
            let one = |a: &Annotation| (a.id.clone(), a.what, a.name());
            scenario.annotations.iter().map(one).collect::<Vec<_>>()
        })
    };
    let add = |what: AnnotationKind| {
        view! {
            <button class="button" on:click=move |_| annotations::add(store, what)>
                {format!("Add a {}", what.word())}
            </button>
        }
    };
    let row = move |(id, what, name): (String, AnnotationKind, String)| {
        let (word, own) = (what.word(), id.clone());
        let delete = format!("Delete the {word} {name}");
        let said = format!("Deleted the {word} {name}");
        view! {
            <li>
                <button class="link" on:click=move |_| store.select(Selection::Node(own.clone()))>
                    {format!("{name} ({word})")}
                </button>
                <button class="button small" aria-label=delete on:click=move |_| {
                    store.edit(Command::RemoveAnnotation(id.clone()), 0, &said);
                }>"Delete"</button>
            </li>
        }
    };
    view! {
        <h2>"Regions and notes"</h2>
        <ul class="wires-list">{move || all().into_iter().map(row).collect_view()}</ul>
        <div class="actions">{AnnotationKind::ALL.map(add)}</div>
    }
}

#[component]
fn Item(id: String) -> impl IntoView {
    let store = store();
    let id = StoredValue::new(id);
    let label =
        move || store.doc(|s| s.node(&id.get_value()).map(|n| n.label.clone()).unwrap_or_default());
    let kind = move || {
        let name = store.doc(|s| s.node(&id.get_value()).map(|n| n.kind.entry().name));
        name.unwrap_or_default().to_lowercase()
    };
    let words = move || {
        store.pulse.track();
        store.with(|session| {
            let spec = session.scenario().node(&id.get_value())?;
            face::face(session.scenario(), session.run(), spec).map(|face| face.words)
        })
    };
    let up = move || {
        store.pulse.track();
        store.with(|session| session.is_up(&id.get_value()))
    };
    let power = move || format!("{} {}", if up() { "Kill" } else { "Revive" }, label());
    let remove = move |_| {
        let words = format!("Deleted {}", label());
        if store.edit(Command::RemoveNode(id.get_value()), 0, &words) {
            super::keys::focus("panel");
        }
    };
    view! {
        <li data-outline=move || id.get_value()>
            <h2>
                <button class="link" on:click=move |_| store.select(Selection::Node(id.get_value()))
                    aria-label=move || format!("Settings of {}", label())>{label}</button>
                " " <small>{kind}</small>
            </h2>
            <p class="help words">{words}</p>
            <Wires id=id.get_value() />
            <Connect id=id.get_value() />
            <Place id=id.get_value() />
            <div class="actions">
                <button class="button small" on:click=move |_| store.toggle_life(&id.get_value())>
                    {power}
                </button>
                <button class="button small" on:click=remove>
                    {move || format!("Delete {}", label())}
                </button>
            </div>
        </li>
    }
}

/// The wires that leave a node.
#[component]
fn Wires(id: String) -> impl IntoView {
    let store = store();
    let id = StoredValue::new(id);
    let targets = Memo::new(move |_| {
        store.doc(|s| {
            let from = id.get_value();
            let leaving = s.links.iter().filter(|link| link.from == from);
            leaving.map(|link| (link.to.clone(), link.latency_ms, link.loss)).collect::<Vec<_>>()
        })
    });
    let row = move |(to, latency, loss): (String, f64, f64)| {
        let target = StoredValue::new(to);
        let name = store.label(&target.get_value());
        let text = match loss > 0.0 {
            true => format!("to {name}, {latency} ms, loses {} %", loss * 100.0),
            false => format!("to {name}, {latency} ms"),
        };
        let own = store.label(&id.get_value());
        let cut = move |_| {
            let words = format!("Deleted the wire {own} to {}", store.label(&target.get_value()));
            store.edit(Command::RemoveLink(id.get_value(), target.get_value()), 0, &words);
        };
        let edit = move |_| store.select(Selection::Wire(id.get_value(), target.get_value()));
        view! {
            <li>
                <button class="link" on:click=edit>{text}</button>
                <button class="button small" aria-label=format!("Disconnect {name}") on:click=cut>
                    "Disconnect"
                </button>
            </li>
        }
    };
    view! {
        <ul class="wires-list" aria-label="Wires">
            {move || targets.get().into_iter().map(row).collect_view()}
        </ul>
    }
}

/// Connect to another node: those to which a wire would be accepted.
#[component]
fn Connect(id: String) -> impl IntoView {
    let store = store();
    let id = StoredValue::new(id);
    let targets = Memo::new(move |_| store.doc(|_| fitting(store, &id.get_value())));
    let chosen = RwSignal::new(String::new());
    let name = format!("connect-{}", id.get_value());
    let connect = move |_| {
        let all = targets.get_untracked();
        let wanted = chosen.get_untracked();
        let target = all.iter().find(|(id, _)| *id == wanted).or(all.first());
        if let Some((target, _)) = target {
            store.connect(&id.get_value(), target);
        }
    };
    let options = move || {
        let option = |(id, label): (String, String)| view! { <option value=id>{label}</option> };
        targets.get().into_iter().map(option).collect_view()
    };
    let label = move || format!("Connect {} to", store.label(&id.get_value()));
    view! {
        <Show when=move || !targets.with(Vec::is_empty)>
            <div class="connect">
                <label for=name.clone()>{label}</label>
                <select id=name.clone()
                    on:change=move |event| chosen.set(event_target_value(&event))>
                    {options}
                </select>
                <button class="button small" on:click=connect>"Connect"</button>
            </div>
        </Show>
    }
}

fn fitting(store: Store, from: &str) -> Vec<(String, String)> {
    store.with(|session| {
        let scenario = session.scenario();
        let fits = scenario.nodes.iter().filter(|n| connectable(scenario, from, &n.id).is_ok());
        fits.map(|node| (node.id.clone(), node.label.clone())).collect()
    })
}

/// Where it stands on the canvas, in numbers: moving without dragging.
#[component]
fn Place(id: String) -> impl IntoView {
    let store = store();
    let id = StoredValue::new(id);
    let place = move || store.placed(|s, _| s.node(&id.get_value()).map_or((0, 0), |n| (n.x, n.y)));
    let set = move |x: i32, y: i32| {
        try_edit(store, Command::Move(vec![(id.get_value(), x, y)]), fresh_number());
    };
    let number = |event: &web_sys::Event| event_target_value(event).parse::<i32>().ok();
    view! {
        <details class="place">
            <summary>"Position"</summary>
            <label>"x "
                <input type="number" step="16" prop:value=move || place().0.to_string()
                    on:change=move |event| set(number(&event).unwrap_or(place().0), place().1) />
            </label>
            <label>" y "
                <input type="number" step="16" prop:value=move || place().1.to_string()
                    on:change=move |event| set(place().0, number(&event).unwrap_or(place().1)) />
            </label>
        </details>
    }
}
