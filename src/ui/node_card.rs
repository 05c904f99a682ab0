//! A node on the canvas: its name, its live number, and a picture of its inside.

use leptos::prelude::*;
use web_sys::PointerEvent;

use super::gestures;
use super::icons::{self, Icon};
use super::inside_board;
use super::inside_cache;
use super::inside_cluster;
use super::inside_database;
use super::inside_gateway;
use super::inside_group;
use super::inside_queue;
use super::inside_registry;
use super::inside_shards;
use super::live::{self, Card, Wiring};
use super::store::{Selection, Store, store};
use crate::node::{Family, Kind, Value};
use crate::scenario::{NodeSpec, Scenario};
use crate::session::{Command, Session};
use crate::view::face::{Condition, Face, Inside, Row};

/// More cells than this are written as a number.
const CELLS_MAX: u32 = 10;

/// One node.
#[component]
pub(super) fn NodeCard(id: String) -> impl IntoView {
    let store = store();
    let id = StoredValue::new(id);
    let Card { spec, home, bounds, quick, slow, chosen, wiring } =
        id.with_value(|id| live::card(store, id));
    let family = spec.with_untracked(|s| s.as_ref().map(|s| s.kind.family()));
    let family = family.unwrap_or(Family::Server);
    let place = move || {
        let (b, h) = (bounds.get(), home.get());
        let full = quick.with(load);
        let size = format!("width:{}px;height:{}px;--fullness:{full:.2}", b.width, b.height);
        // In the hand it is shifted, which the browser does without laying anything out anew.
        let shift = match (b.x == h.x, b.y == h.y) {
            (true, true) => String::new(),
            _ => format!(";transform:translate({}px,{}px)", b.x - h.x, b.y - h.y),
        };
        format!("left:{}px;top:{}px;{size}{shift}", h.x, h.y)
    };
    let is = move |what| quick.with(|face| condition(face) == what);
    let objection = move || match wiring.get() {
        Wiring::Refused(reason) => reason,
        Wiring::Fits | Wiring::Idle => String::new(),
    };
    let load = move || quick.with(load);
    view! {
        <div class=format!("node {}", family.entry().key) style=place
            class:selected=chosen class:down=move || is(Condition::Down)
            class:unhealthy=move || is(Condition::Unhealthy)
            class:slowed=move || is(Condition::Slow) class:still=move || is(Condition::Still)
            class:in-hand=move || bounds.get() != home.get()
            class:hot=move || { load() > 0.9 }
            class:refuses=move || wiring.with(|w| matches!(w, Wiring::Refused(_)))
            class:welcomes=move || wiring.with(|w| *w == Wiring::Fits)
            data-node=id.get_value() title=objection
            on:pointerdown=move |event: PointerEvent| {
                gestures::press_node(store, &event, id.get_value());
            }
            on:contextmenu=move |event| {
                super::menu::open(store, &event, Some(Selection::Node(id.get_value())));
            }
            on:dblclick=move |event| super::menu::settings_of(store, &event)>
            <Head id=id family=family spec=spec slow=slow />
            <Body id=id quick=quick slow=slow spec=spec />
            <Show when=move || family.entry().takes>
                <span class="port in" aria-hidden="true"></span>
            </Show>
            <Show when=move || !family.entry().sends_to.is_empty() && !store.fixed()>
                <span class="port out" aria-hidden="true" title="Drag to another node to connect"
                    on:pointerdown=move |event: PointerEvent| {
                        gestures::press_port(store, &event, id.get_value());
                    }></span>
            </Show>
        </div>
    }
}

#[component]
fn Head(
    id: StoredValue<String>,
    family: Family,
    spec: RwSignal<Option<NodeSpec>>,
    slow: RwSignal<Option<Face>>,
) -> impl IntoView {
    let store = store();
    let label = move || spec.with(|s| s.as_ref().map(|s| s.label.clone()).unwrap_or_default());
    let number =
        move || slow.with(|face| face.as_ref().map(|f| f.number.clone()).unwrap_or_default());
    let words = move || {
        let text = slow.with(|face| face.as_ref().map(|f| f.words.clone()).unwrap_or_default());
        format!("{}, {}: {text}", label(), family.entry().name.to_lowercase())
    };
    let tab_stop = move || id.with_value(|id| store.tab_stop(id));
    let is_up = move || slow.with(|face| condition(face) != Condition::Down);
    let power_words = move || format!("{} {}", if is_up() { "Kill" } else { "Revive" }, label());
    view! {
        <div class="head">
            <Icon path=icons::kind(family) />
            <button class="name" id=format!("node-{}", id.get_value()) tabindex=tab_stop
                aria-label=words
                on:focus=move |_| store.focus.set(Some(id.get_value()))
                on:click=move |event| {
                    // A click with the keyboard has no pointer that selected it already.
                    if event.detail() == 0 {
                        store.select(Selection::Node(id.get_value()));
                    }
                }>{label}</button>
            <Show when=move || family != Family::Clients>
                <span class="number">{number}</span>
                <button class="power" tabindex="-1" title=power_words aria-label=power_words
                    aria-pressed=move || if is_up() { "false" } else { "true" }
                    on:pointerdown=|event: PointerEvent| event.stop_propagation()
                    on:click=move |_| store.toggle_life(&id.get_value())>
                    <Icon path=icons::POWER />
                </button>
            </Show>
        </div>
    }
}

#[component]
fn Body(
    id: StoredValue<String>,
    quick: RwSignal<Option<Face>>,
    slow: RwSignal<Option<Face>>,
    spec: RwSignal<Option<NodeSpec>>,
) -> impl IntoView {
    let store = store();
    let detail =
        move || slow.with(|face| face.as_ref().map(|f| f.detail.clone()).unwrap_or_default());
    let inside = move || match spec.with(|s| s.as_ref().map(|s| s.kind.family())) {
        Some(Family::Clients) => clients(store, id, spec, slow).into_any(),
        Some(Family::Balancer) => rows(quick).into_any(),
        Some(Family::Server) => cells(quick).into_any(),
        Some(Family::Cache) => inside_cache::rings(quick).into_any(),
        Some(Family::Table) => inside_shards::shares(quick).into_any(),
        Some(Family::Router) => inside_shards::placement(quick).into_any(),
        Some(Family::Database) => inside_database::members(quick).into_any(),
        Some(Family::Cluster) => inside_cluster::cluster(quick).into_any(),
        Some(Family::Registry) => inside_registry::instances(quick, slow).into_any(),
        Some(Family::Gateway) => inside_gateway::gates(quick, slow).into_any(),
        Some(Family::Queue) => inside_queue::messages(quick).into_any(),
        Some(Family::Worker) => cells(quick).into_any(),
        Some(Family::Board) => inside_board::board(slow).into_any(),
        Some(Family::Group) => inside_group::fleet(quick).into_any(),
        None => ().into_any(),
    };
    let kind = Memo::new(move |_| spec.with(|s| s.as_ref().map(|s| s.kind.family())));
    view! {
        {move || { kind.track(); untrack(inside) }}
        <p class="detail" class:empty=move || detail().is_empty()>{detail}</p>
    }
}

/// The rate as a large number, with a handle to pull, right on the node.
fn clients(
    store: Store,
    id: StoredValue<String>,
    spec: RwSignal<Option<NodeSpec>>,
    slow: RwSignal<Option<Face>>,
) -> impl IntoView {
    let number = move |part: usize| {
        let text = slow.with(|face| face.as_ref().map(|f| f.number.clone()).unwrap_or_default());
        text.split_once(' ').map(|(a, b)| [a, b][part].to_owned()).unwrap_or_default()
    };
    let rate = move || {
        spec.with(|s| match s.as_ref().map(|s| &s.kind) {
            Some(Kind::Clients(config)) => config.rate,
            _ => 0.0,
        })
    };
    let open_loop = move || {
        spec.with(|s| {
            matches!(s.as_ref().map(|s| &s.kind), Some(Kind::Clients(c))
            if c.has_rate())
        })
    };
    let gesture = StoredValue::new(0u64);
    let input = move |event: web_sys::Event| {
        if let Ok(rate) = event_target_value(&event).parse::<f64>() {
            let command = Command::Set(id.get_value(), "rate".into(), Value::Number(rate));
            store.edit(command, gesture.get_value(), "");
        }
    };
    view! {
        <p class="rate"><strong>{move || number(0)}</strong> " " {move || number(1)}</p>
        <Show when=open_loop>
            <input type="range" class="rate-slider" min="0" max=move || rate().max(200.0) step="1"
                tabindex="-1" aria-label="Requests per second" prop:value=rate
                style:--share=move || format!("{:.3}", rate() / rate().max(200.0))
                on:pointerdown=move |event: PointerEvent| {
                    gesture.set_value(gestures::fresh_number());
                    event.stop_propagation();
                }
                on:input=input />
        </Show>
        <Show when=move || open_loop() && untouched(store)>
            <p class="hint">"Pull this. At which rate do the first requests fail?"</p>
        </Show>
    }
}

/// Is this the first scenario, and has nothing been changed yet? Then the one handle to pull is
/// pointed out; where an author has something to say, that comes first.
fn untouched(store: Store) -> bool {
    store.rev.track();
    let alone = |scenario: &Scenario| {
        let of_kind = |node: &&NodeSpec| node.kind.family() == Family::Clients;
        scenario.note.is_empty() && scenario.nodes.iter().filter(of_kind).count() == 1
    };
    let fresh = |session: &Session| session.undo_depth() == (0, 0) && alone(session.scenario());
    !store.options.embed && store.with(fresh)
}

/// A row per backend, with its running weight or its share.
fn rows(quick: RwSignal<Option<Face>>) -> impl IntoView {
    let all = move || {
        quick.with(|face| match face.as_ref().map(|f| &f.inside) {
            Some(Inside::Rows(rows)) => rows.clone(),
            _ => Vec::new(),
        })
    };
    let count = Memo::new(move |_| all().len());
    let row = move |place: usize| {
        let part = move |read: fn(&Row) -> String| all().get(place).map(read).unwrap_or_default();
        let is = move |read: fn(&Row) -> bool| all().get(place).is_some_and(read);
        let bar = move || all().get(place).map_or(0.0, |row| row.bar.clamp(-1.0, 1.0));
        view! {
            <div class="row" class:next=move || is(|r| r.next) class:out=move || is(|r| !r.healthy)>
                <span class="who">{move || part(|r| r.name.clone())}</span>
                <span class="bar" class:negative=move || { bar() < 0.0 }
                    style:--bar=move || format!("{:.3}", bar().abs())></span>
                <span class="value">{move || part(|r| r.number.clone())}</span>
            </div>
        }
    };
    view! {
        <div class="rows">{move || (0..count.get()).map(row).collect_view()}</div>
    }
}

/// Cores and waiting places as cells; many as a number.
fn cells(quick: RwSignal<Option<Face>>) -> impl IntoView {
    let state = move || {
        quick.with(|face| match face.as_ref().map(|f| &f.inside) {
            Some(&Inside::Cells { busy, cores, waiting, places, .. }) => {
                [(busy, cores), (waiting, places)]
            }
            _ => [(0, 0), (0, 0)],
        })
    };
    // Filled cells of all cells, in the first or the second row.
    let strip = move |class: &'static str, row: usize| {
        let shown = move || {
            let (filled, all) = state()[row];
            (filled.min(CELLS_MAX), all.min(CELLS_MAX))
        };
        view! {
            <span class=format!("cells {class}") style:--on=move || shown().0.to_string()
                style:--all=move || shown().1.to_string()></span>
        }
    };
    let cores = move || match state()[0].1 {
        1 => "1 core".to_owned(),
        n => format!("{n} cores"),
    };
    view! {
        <div class="row">
            {strip("busy", 0)}
            <span class="value">{cores}</span>
        </div>
        <div class="row">
            {strip("waiting", 1)}
            <span class="value">{move || format!("queue {}", state()[1].0)}</span>
        </div>
    }
}

fn condition(face: &Option<Face>) -> Condition {
    face.as_ref().map_or(Condition::Fine, |face| face.condition)
}

fn load(face: &Option<Face>) -> f64 {
    match face.as_ref().map(|face| &face.inside) {
        Some(Inside::Cells { load, .. }) => load.clamp(0.0, 1.0),
        Some(Inside::Members(members)) => {
            members.iter().fold(0.0, |most: f64, member| most.max(member.load)).clamp(0.0, 1.0)
        }
        Some(Inside::Group(fleet)) => fleet.measured,
        _ => 0.0,
    }
}
