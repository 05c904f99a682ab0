//! What can go wrong with a node, in the inspector: a switch for each, thrown just now and noted in
//! the scenario; and one node more of its kind.

use leptos::prelude::*;

use super::icons::{self, Icon};
use super::store::{Selection, store};
use crate::node::KindEntry;
use crate::scenario::{FaultKind, Impairment, impairment};
use crate::session::{Command, twin};
use crate::view::camera::Point;
use crate::view::layout;

/// How many times slower a slow node is, when it is made slow by hand.
const SLOWER: u8 = 10;

/// A switch: what it is called, whether it is thrown, what throws it and what puts it back.
type Switch = (&'static str, fn(&Impairment) -> bool, FaultKind, FaultKind);

/// What can go wrong with the node with this id, and a button for another like it.
#[component]
pub(super) fn Impairments(id: String, entry: &'static KindEntry) -> impl IntoView {
    let store = store();
    let id = StoredValue::new(id);
    let now = Memo::new(move |_| {
        store.rev.track();
        store.pulse.track();
        let at = store.with(|session| session.run().now());
        store.doc(|scenario| impairment(scenario, &id.get_value(), at))
    });
    let mut switches: Vec<Switch> =
        vec![("Draining", |t| t.draining, FaultKind::Drain, FaultKind::Ready)];
    if entry.slows {
        let slow = FaultKind::Slow(SLOWER);
        switches.push(("Ten times as slow", |t| t.slow > 1, slow, FaultKind::Normal));
    }
    if entry.refuses {
        let (refuse, accept) = (FaultKind::RefuseWrites, FaultKind::AcceptWrites);
        switches.push(("Refuses changes", |t| t.refuses, refuse, accept));
    }
    let switch = move |(name, is_on, on, off): Switch| {
        let toggle = move |_| {
            let kind = if now.with_untracked(is_on) { off } else { on };
            let words =
                format!("{}: {}", store.label(&id.get_value()), kind.name().replace('_', " "));
            store.edit_by(|s| s.fault(&id.get_value(), kind).map(|()| true), &words);
            store.settle();
        };
        view! {
            <label class="impairment">
                <input type="checkbox" class="switch" prop:checked=move || now.with(is_on)
                    disabled=move || now.with(|t| t.down) on:change=toggle />
                {name}
            </label>
        }
    };
    let another = move |_| {
        let added = store.doc(|scenario| {
            let id = id.get_value();
            let model = scenario.node(&id)?;
            let box_of = layout::bounds(scenario, model);
            let middle =
                Point::new(box_of.x + box_of.width / 2.0, box_of.y + box_of.height * 1.5 + 24.0);
            twin(scenario, &id, layout::free_place(scenario, &model.kind, middle))
        });
        if let Some((fresh, commands)) = added {
            let words = format!("Added another like {}", store.label(&id.get_value()));
            if store.edit(Command::All(commands), 0, &words) {
                store.select(Selection::Node(fresh));
            }
        }
    };
    view! {
        <fieldset class="field impairments">
            <legend>"Make trouble"</legend>
            {switches.into_iter().map(switch).collect_view()}
            <p class="help">
                "Draining: balancers choose it no more and it goes on with what it has; taken out \
                 after that, nothing is lost. Each is noted in the scenario, at this instant."
            </p>
        </fieldset>
        <div class="actions">
            <button class="button" on:click=another>
                <Icon path=icons::PLUS /> "Add another like it"
            </button>
        </div>
    }
}
