//! The inspector: every setting of what is selected; of the scenario when nothing is.

use leptos::prelude::*;

use super::alerts::Alerts;
use super::annotations::AnnotationSettings;
use super::dead_letters::DeadLetters;
use super::field::{ParamField, try_edit};
use super::fleet::Fleet;
use super::gestures::fresh_number;
use super::icons::{self, Icon};
use super::impairments::{Another, Impairments};
use super::inside_shards::TryKey;
use super::members::Members;
use super::plan::Plan;
use super::several::Several;
use super::store::{Dialog, Selection, Store, sentence, store};
use super::upgrade::Upgrade;
use crate::node::{Family, Kind, Range, Spec};
use crate::scenario::{NodeSpec, Target};
use crate::session::Command;
use crate::sim::Op;
use crate::view::camera::Point;
use crate::view::layout;

/// The inspector.
#[component]
pub(super) fn Inspector() -> impl IntoView {
    let store = store();
    let selected = Memo::new(move |_| {
        store.rev.track();
        store.with(|session| match store.selection.get() {
            Selection::Node(id) => match session.scenario().place(&id) {
                Some(_) => Selection::Node(id),
                None => Selection::Nothing,
            },
            Selection::Wire(from, to) => match session.scenario().link(&from, &to) {
                Some(_) => Selection::Wire(from, to),
                None => Selection::Nothing,
            },
            Selection::Nodes(mut ids) => {
                ids.retain(|id| session.scenario().place(id).is_some());
                match ids.len() {
                    0 => Selection::Nothing,
                    1 => Selection::Node(ids.remove(0)),
                    _ => Selection::Nodes(ids),
                }
            }
            Selection::Nothing | Selection::Request(_) => Selection::Nothing,
        })
    });
    move || match selected.get() {
        Selection::Node(id) if store.with(|s| s.scenario().annotation(&id).is_some()) => {
            view! { <AnnotationSettings id=id /> }.into_any()
        }
        Selection::Node(id) => view! { <NodeSettings id=id /> }.into_any(),
        Selection::Nodes(ids) => view! { <Several ids=ids /> }.into_any(),
        Selection::Wire(from, to) => view! { <WireSettings from=from to=to /> }.into_any(),
        _ => view! { <ScenarioSettings /> }.into_any(),
    }
}

#[component]
fn NodeSettings(id: String) -> impl IntoView {
    let store = store();
    let kind = store.with(|s| s.scenario().node(&id).map(|node| node.kind.clone()));
    let Some(kind) = kind else { return ().into_any() };
    let entry = kind.entry();
    let id = StoredValue::new(id);
    let label = move || store.doc(|s| s.node(&id.get_value()).map(|n| n.label.clone()));
    let gesture = StoredValue::new(0u64);
    let error = RwSignal::new(None::<String>);
    let rename = move |event: web_sys::Event| {
        let name = event_target_value(&event);
        error.set(try_edit(store, Command::Rename(id.get_value(), name), gesture.get_value()));
    };
    let up = move || {
        store.pulse.track();
        store.with(|session| session.is_up(&id.get_value()))
    };
    let gap = move || {
        let gaps = store.doc(|scenario| {
            let place = scenario.nodes.iter().position(|node| node.id == id.get_value());
            let path = place.map(|place| format!("nodes[{place}]"));
            scenario.gaps().into_iter().find(|gap| Some(&gap.path) == path.as_ref())
        });
        gaps.map(|gap| sentence(&gap.reason))
    };
    // Which settings there are, and which matter, depends on what is chosen in some of them.
    let specs = move || {
        let now = store.doc(|s| s.node(&id.get_value()).map(|node| node.kind.clone()));
        let used = |kind: Kind| {
            let all = kind.specs().into_iter();
            all.filter(|spec| !kind.idle(spec.key)).collect::<Vec<_>>()
        };
        now.map(used).unwrap_or_default()
    };
    // A row stays as it is while the same setting with the same limits stays.
    let row = |spec: &Spec| match spec.range {
        Range::Number { min, max, .. } => (spec.key, spec.help, [min.to_bits(), max.to_bits()]),
        Range::Choice(_) | Range::Switch | Range::Text { .. } => (spec.key, spec.help, [0, 0]),
    };
    let field = move |spec: Spec| view! { <ParamField id=id.get_value() spec=spec /> };
    view! {
        <div class="settings" data-settings=id.get_value()>
            <p class="kind-name"><Icon path=icons::kind(entry.family) /> {entry.name}</p>
            <div class="field">
                <label for="inspector-name">"Name"</label>
                <input id="inspector-name" maxlength="80"
                    prop:value=move || label().unwrap_or_default()
                    on:focus=move |_| gesture.set_value(fresh_number()) on:input=rename />
                <p class="error" role="alert">{move || error.get()}</p>
            </div>
            <p class="error" role="alert">{gap}</p>
            <Show when=move || gap().is_some()>
                <div class="actions">
                    <button class="button" on:click=move |_| starter(store, &id.get_value())>
                        <Icon path=icons::PLUS /> "Add two databases as shards"
                    </button>
                </div>
            </Show>
            {(entry.family == Family::Clients).then(|| view! { <SendOne id=id.get_value() /> })}
            {(entry.family == Family::Server).then(|| view! { <Upgrade id=id.get_value() /> })}
            {matches!(entry.family, Family::Router | Family::Table | Family::Cluster)
                .then(|| view! { <TryKey id=id.get_value() /> })}
            <For each=specs key=row children=field />
            {matches!(entry.family, Family::Database | Family::Cluster)
                .then(|| view! { <Members id=id.get_value() /> })}
            {(entry.family == Family::Board).then(|| view! { <Alerts id=id.get_value() /> })}
            {(entry.family == Family::Queue).then(|| view! { <DeadLetters id=id.get_value() /> })}
            {(entry.family == Family::Group).then(|| view! { <Fleet id=id.get_value() /> })}
            {entry.takes.then(|| view! {
                <Impairments on=Target::Node(id.get_value()) />
                <Another id=id.get_value() />
            })}
            <div class="actions">
                <button class="button" on:click=move |_| store.toggle_life(&id.get_value())>
                    <Icon path=icons::POWER />
                    {move || if up() { "Kill" } else { "Revive" }}
                </button>
                <DeleteOne id=id />
            </div>
            <details class="model-card">
                <summary>"What is modelled"</summary>
                <p>{entry.card}</p>
            </details>
        </div>
    }
    .into_any()
}

/// Takes out what is shown, and nothing else that may be selected.
#[component]
pub(super) fn DeleteOne(id: StoredValue<String>) -> impl IntoView {
    let store = store();
    view! {
        <button class="button" on:click=move |_| {
            store.select(Selection::Node(id.get_value()));
            store.delete_selected();
        }>
            <Icon path=icons::TRASH /> "Delete"
        </button>
    }
}

/// Two shards for a router that has none, wired to it. One step of undo.
fn starter(store: Store, id: &str) {
    let commands = store.with(|session| {
        let mut grown = session.scenario().clone();
        let mut commands = Vec::new();
        for number in 1..=2 {
            let Some(router) = grown.node(id) else { return commands };
            let kind = (Family::Database.entry().make)();
            let (x, y) =
                (f64::from(router.x) + 480.0, f64::from(router.y) + 200.0 * f64::from(number - 1));
            let (x, y) = layout::free_place(&grown, &kind, Point::new(x, y));
            let fresh = grown.fresh_id("db");
            let node = NodeSpec { id: fresh.clone(), label: format!("Shard {number}"), x, y, kind };
            commands.push(Command::append_node(&grown, node.clone()));
            grown.nodes.push(node);
            let Command::AddLink(place, link) = Command::connect(&grown, id, &fresh) else { break };
            commands.push(Command::AddLink(place, link.clone()));
            grown.links.push(link);
        }
        commands
    });
    store.edit(Command::All(commands), 0, "Added two shards");
}

/// What a single request can do.
const OPS: [Op; 3] = [Op::Read, Op::Write, Op::Delete];

/// One request with a key of one's own.
#[component]
fn SendOne(id: String) -> impl IntoView {
    let store = store();
    let key = RwSignal::new("user:42".to_owned());
    let op = RwSignal::new(Op::Read);
    let send = move || {
        let (from, text) = (id.clone(), key.get_untracked());
        let next = store.with(|session| session.run().tally().sent + 1);
        let op = op.get_untracked();
        let words = format!("Sent one request: {} {text}", op.words());
        if store.edit_by(|session| session.send_one(&from, &text, op).map(|()| true), &words) {
            // It leaves at the next instant: let that pass, then follow it.
            store.settle();
            store.select(Selection::Request(next));
            store.refresh();
        }
    };
    view! {
        <form class="field send" on:submit=move |event| { event.prevent_default(); send(); }>
            <label for="send-key">"Send one request for"</label>
            <div class="number-field">
                <select id="send-op" aria-label="What it does with the key"
                    on:change=move |event| {
                        let words = event_target_value(&event);
                        let chosen = OPS.into_iter().find(|op| op.words() == words);
                        op.set(chosen.unwrap_or_default());
                    }>
                    {OPS.map(|op| view! { <option value=op.words()>{op.words()}</option> })}
                </select>
                <input id="send-key" class="mono" maxlength="200" prop:value=move || key.get()
                    on:input=move |event| key.set(event_target_value(&event)) />
                <button class="button">"Send"</button>
            </div>
        </form>
    }
}

#[component]
fn WireSettings(from: String, to: String) -> impl IntoView {
    let store = store();
    let pair = StoredValue::new((from, to));
    let wrong_latency = RwSignal::new(None::<String>);
    let wrong_loss = RwSignal::new(None::<String>);
    let both = move || {
        let (from, to) = pair.get_value();
        store.doc(|s| s.link(&from, &to).map_or((0.0, 0.0), |link| (link.latency_ms, link.loss)))
    };
    let set = move |latency: f64, loss: f64| {
        let (from, to) = pair.get_value();
        try_edit(store, Command::SetLink(from, to, latency, loss), 0)
    };
    let number = |event: &web_sys::Event| event_target_value(event).parse().unwrap_or(f64::NAN);
    let share = move |event: &web_sys::Event| number(event) / 100.0;
    let name = move || {
        let (from, to) = pair.get_value();
        format!("{} to {}", store.label(&from), store.label(&to))
    };
    view! {
        <div class="settings">
            <p class="kind-name">"Wire " {name}</p>
            <div class="field">
                <label for="wire-latency">"Latency"</label>
                <div class="number-field">
                    <input type="number" id="wire-latency" min="0" max="60000" step="any"
                        prop:value=move || both().0.to_string()
                        on:change=move |event| wrong_latency.set(set(number(&event), both().1)) />
                    <span class="unit">"ms each way"</span>
                </div>
                <p class="error" role="alert">{move || wrong_latency.get()}</p>
            </div>
            <div class="field">
                <label for="wire-loss">"Loss"</label>
                <div class="number-field">
                    <input type="number" id="wire-loss" min="0" max="100" step="any"
                        prop:value=move || (both().1 * 100.0).to_string()
                        on:change=move |event| wrong_loss.set(set(both().0, share(&event))) />
                    <span class="unit">"% of crossings"</span>
                </div>
                <p class="help">"A crossing that is lost fails the request: connection lost."</p>
                <p class="error" role="alert">{move || wrong_loss.get()}</p>
            </div>
            <Impairments on=pair.with_value(|(from, to)| Target::wire(from, to)) />
            <div class="actions">
                <button class="button" on:click=move |_| store.delete_selected()>
                    <Icon path=icons::TRASH /> "Delete"
                </button>
            </div>
        </div>
    }
}

#[component]
fn ScenarioSettings() -> impl IntoView {
    let store = store();
    let seed = move || store.doc(|scenario| scenario.seed);
    let note = move || store.doc(|scenario| scenario.note.clone());
    let gesture = StoredValue::new(0u64);
    let error = RwSignal::new(None::<String>);
    let set_seed = move |seed: Option<u64>| match seed {
        Some(seed) => error.set(try_edit(store, Command::SetSeed(seed), 0)),
        None => error.set(Some("A whole number, 0 or more.".to_owned())),
    };
    view! {
        <div class="settings">
            <p class="kind-name">"This scenario"</p>
            <p class="help">"Click a component, a wire or a moving dot to see inside it."</p>
            <div class="field">
                <label for="note">"Note from the author"</label>
                <textarea id="note" rows="5" maxlength="4000" prop:value=note
                    on:focus=move |_| gesture.set_value(fresh_number())
                    on:input=move |event| {
                        let note = event_target_value(&event);
                        store.edit(Command::SetNote(note), gesture.get_value(), "");
                    }></textarea>
            </div>
            <div class="field">
                <label for="seed">"Seed of all randomness"</label>
                <div class="number-field">
                    <input id="seed" type="number" min="0" step="1"
                        prop:value=move || seed().to_string()
                        on:change=move |event| set_seed(event_target_value(&event).parse().ok()) />
                    <button class="button"
                        on:click=move |_| set_seed(Some(fresh_number() % 100_000))>
                        "New seed"
                    </button>
                </div>
                <p class="help">"Same scenario, same seed: the same run, to the byte. \
                    Changing it starts again."</p>
                <p class="error" role="alert">{move || error.get()}</p>
            </div>
            <Plan />
            <div class="actions">
                <button class="button" on:click=move |_| store.dialog.set(Dialog::Examples)>
                    "Open an example"
                </button>
            </div>
        </div>
    }
}
