//! What can go wrong with a node or a wire, in the inspector: a switch for each, thrown just now
//! and noted in the scenario, with its number beside it; and one node more of its kind.

use leptos::prelude::*;

use super::icons::{self, Icon};
use super::store::{Selection, Store, sentence, store};
use crate::scenario::{FaultKind, Target, impairment, wire_impairment};
use crate::session::{Command, twin};
use crate::view::camera::Point;
use crate::view::layout;
use crate::view::plan::{self, Switch};

/// What a node or a wire suffers from, as switches, and what can be done to it at once.
#[component]
pub(super) fn Impairments(on: Target) -> impl IntoView {
    let store = store();
    let on = StoredValue::new(on);
    let switches = Memo::new(move |_| {
        store.rev.track();
        store.pulse.track();
        store.with(|session| {
            let (scenario, at) = (session.scenario(), session.run().now());
            on.with_value(|on| match on {
                Target::Node(id) => {
                    plan::node_switches(scenario, id, &impairment(scenario, id, at))
                }
                Target::Wire(from, to) => {
                    plan::wire_switches(&wire_impairment(scenario, from, to, at))
                }
            })
        })
    });
    let names = Memo::new(move |_| {
        switches.with(|all| all.iter().map(|switch| switch.name).collect::<Vec<_>>())
    });
    // A node that is down hears of nothing but that it may be chosen no more.
    let down = move || {
        store.pulse.track();
        on.with_value(|on| match on {
            Target::Node(id) => store.with(|session| !session.is_up(id)),
            Target::Wire(..) => false,
        })
    };
    let row = move |name: &'static str| {
        let state =
            move || switches.with(|all| all.iter().find(|switch| switch.name == name).copied());
        view! { <Row on=on name=name state=Signal::derive(state) down=Signal::derive(down) /> }
    };
    let empties = on.with_value(|on| {
        store.with(|session| {
            crate::scenario::can_happen(session.scenario(), on, FaultKind::Flush).is_ok()
        })
    });
    view! {
        <fieldset class="field impairments">
            <legend>"Make trouble"</legend>
            {move || names.get().into_iter().map(row).collect_view()}
            {empties.then(|| view! {
                <button class="button small" disabled=down
                    on:click=move |_| happen(store, &on.get_value(), FaultKind::Flush)>
                    "Empty it"
                </button>
            })}
            <p class="help">
                "Each happens at this instant and is noted in the plan, which is below the canvas \
                 and in the settings of the scenario: there it can be moved, changed and taken out."
            </p>
        </fieldset>
    }
}

#[component]
fn Row(
    on: StoredValue<Target>,
    name: &'static str,
    state: Signal<Option<Switch>>,
    down: Signal<bool>,
) -> impl IntoView {
    let store = store();
    // What was typed while it is off is what it is switched on with.
    let typed = RwSignal::new(None::<u16>);
    let error = RwSignal::new(None::<String>);
    let is_on = move || state.get().is_some_and(|switch| switch.is_on);
    let kind = move || {
        let on = state.get()?.on;
        Some(typed.get().map_or(on, |amount| on.with(amount)))
    };
    let toggle = move |_| {
        let Some(kind) = untrack(kind) else { return };
        let kind = if untrack(is_on) { kind.mended().unwrap_or(kind) } else { kind };
        happen(store, &on.get_value(), kind);
    };
    let amount = move |event: web_sys::Event| {
        let Some(kind) = untrack(kind) else { return };
        let Some((_, range)) = kind.amount() else { return };
        match event_target_value(&event).parse::<u16>() {
            Ok(amount) if range.contains(&amount) && !kind.with(amount).mends() => {
                error.set(None);
                if untrack(is_on) {
                    typed.set(None);
                    happen(store, &on.get_value(), kind.with(amount));
                } else {
                    typed.set(Some(amount));
                }
            }
            _ => {
                let least = range.clone().find(|&n| !kind.with(n).mends()).unwrap_or_default();
                let most = range.end();
                error.set(Some(format!("A whole number from {least} to {most}.")));
            }
        }
    };
    let number = move || kind().and_then(FaultKind::number);
    let unit = state.with_untracked(|switch| switch.and_then(|switch| switch.unit));
    view! {
        <div class="impairment">
            <label>
                <input type="checkbox" class="switch" prop:checked=is_on
                    disabled=move || down.get() && name != "Draining" on:change=toggle />
                {name}
            </label>
            {unit.map(|unit| view! {
                <input type="number" class="mono" aria-label=format!("{name}: {unit}")
                    disabled=move || down.get()
                    prop:value=move || number().map(|n| n.to_string()) on:change=amount />
                <span class="unit">{unit}</span>
            })}
        </div>
        <Show when=move || error.with(Option::is_some)>
            <p class="error" role="alert">{move || error.get()}</p>
        </Show>
    }
}

/// It happens just now, and is said.
pub(super) fn happen(store: Store, on: &Target, kind: FaultKind) {
    let words =
        store.with(|session| format!("{} {}", plan::name(session.scenario(), on), kind.sentence()));
    store.edit_by(|s| s.fault(on.clone(), kind).map(|()| true), &sentence(&words));
    store.settle();
}

/// Cuts the wire that is selected, or lets it carry again.
pub(super) fn toggle_cut(store: Store) {
    let Selection::Wire(from, to) = store.selection.get_untracked() else { return };
    let cut = store
        .with(|session| wire_impairment(session.scenario(), &from, &to, session.run().now()).cut);
    let kind = if cut { FaultKind::Join } else { FaultKind::Cut };
    happen(store, &Target::Wire(from, to), kind);
}

/// A button for another node like this one.
#[component]
pub(super) fn Another(id: String) -> impl IntoView {
    let store = store();
    let another = move |_| {
        let added = store.doc(|scenario| {
            let model = scenario.node(&id)?;
            let box_of = layout::bounds(scenario, model);
            let middle =
                Point::new(box_of.x + box_of.width / 2.0, box_of.y + box_of.height * 1.5 + 24.0);
            twin(scenario, &id, layout::free_place(scenario, &model.kind, middle))
        });
        if let Some((fresh, commands)) = added {
            let words = format!("Added another like {}", store.label(&id));
            if store.edit(Command::All(commands), 0, &words) {
                store.select(Selection::Node(fresh));
            }
        }
    };
    view! {
        <div class="actions">
            <button class="button" on:click=another>
                <Icon path=icons::PLUS /> "Add another like it"
            </button>
        </div>
    }
}
