//! The canvas: grid, wires, moving dots, nodes, and what lies over them.

use std::collections::BTreeMap;

use leptos::html;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use leptos::wasm_bindgen::closure::Closure;
use web_sys::{PointerEvent, WheelEvent};

use super::annotations::Annotations;
use super::gestures::{self, Gesture};
use super::icons::{self, Icon};
use super::keys;
use super::menu::{self, ContextMenu};
use super::minimap::Minimap;
use super::motion;
use super::node_card::NodeCard;
use super::palette::Ghost;
use super::quick_add::{self, QuickAdd};
use super::store::{Store, store};
use super::surface;
use super::wires::Wires;
use crate::node::balancer::Health;
use crate::node::{Family, Kind};
use crate::scenario::AnnotationKind;
use crate::session::Explanation;
use crate::sim::{Place, Span};
use crate::view::camera::Point;
use crate::view::guides::Guide;
use crate::view::layout;
use crate::view::wheel::{Device, Turn};

/// Below this zoom a card shows only what can still be read and hit.
const LEGIBLE: f64 = 0.55;
/// Below this one only that it is there, and how it is.
const FAR: f64 = 0.25;

/// The canvas with everything on it.
#[component]
pub(super) fn Canvas(explanation: Memo<Option<Explanation>>) -> impl IntoView {
    let store = store();
    let dots = NodeRef::<html::Canvas>::new();
    let frame = NodeRef::<html::Div>::new();
    gestures::listen(store);
    super::several::listen(store);
    Effect::new(move |_| {
        if let (Some(frame), Some(dots)) = (frame.get(), dots.get()) {
            surface::attach(store, dots);
            watch_size(store, &frame);
        }
    });
    let ids = Memo::new(move |_| {
        store.doc(|s| s.nodes.iter().map(|node| node.id.clone()).collect::<Vec<_>>())
    });
    let label = move || {
        store.doc(|s| {
            let (nodes, links) = (s.nodes.len(), s.links.len());
            format!("System diagram: {nodes} components, {links} wires")
        })
    };
    motion::watch(store);
    let camera = move || motion::transform(store);
    let moving = move || store.moving.get();
    let legible = motion::legible(store);
    let nodes = move || format!("--zoom:{};{}", legible.get(), camera());
    let below = move |limit: f64| Memo::new(move |_| store.camera.get().zoom < limit);
    let (tiny, far) = (below(LEGIBLE), below(FAR));
    let grid = move || {
        let c = store.camera.get();
        let size = f64::from(layout::GRID) * c.zoom * if c.zoom < 0.5 { 4.0 } else { 2.0 };
        format!("background-size:{size}px {size}px;background-position:{:.1}px {:.1}px", c.x, c.y)
    };
    view! {
        <div id="canvas" class="canvas" role="application" tabindex="-1" aria-label=label
            aria-describedby="canvas-help" node_ref=frame style=grid
            class:embed=store.options.embed
            class:carry=move || store.space.get().is_some()
            on:pointerdown=move |event: PointerEvent| gestures::press_canvas(store, &event)
            on:dblclick=move |event| {
                quick_add::open_at(store, gestures::on_canvas(&event), None);
            }
            on:contextmenu=move |event| menu::open(store, &event, None)
            on:keydown=move |event| keys::in_canvas(store, &event)>
            <p id="canvas-help" class="unseen">
                "Arrow keys go from component to component, Enter opens the settings, C connects, \
                 Space runs and pauses. The Outline panel does everything with ordinary buttons."
            </p>
            <div class="world" class:far=far class:travels=moving style=camera>
                <Annotations what=AnnotationKind::Region />
                <Wires explanation=explanation />
            </div>
            <canvas id="dots" class="dots" aria-hidden="true" node_ref=dots></canvas>
            <div class="world nodes" class:tiny=tiny class:far=far class:travels=moving style=nodes>
                <For each=move || ids.get() key=|id| id.clone() let:id>
                    <NodeCard id=id />
                </For>
                <Annotations what=AnnotationKind::Note />
                <Badges />
            </div>
            <div id="tag" class="tag" aria-hidden="true"></div>
            <Marks />
            <Ghost />
            <QuickAdd />
            <ContextMenu />
            <Empty />
            <Minimap />
            <super::files::Drop />
            <Corner />
        </div>
    }
}

/// The box that selects, and the lines that show with what a dragged node is aligned.
#[component]
fn Marks() -> impl IntoView {
    let store = store();
    let marquee = move || match store.gesture.get() {
        Gesture::Marquee { from, at, moved: true, .. } => {
            let (left, top) = (from.x.min(at.x), from.y.min(at.y));
            let (width, height) = ((from.x - at.x).abs(), (from.y - at.y).abs());
            Some(format!("left:{left}px;top:{top}px;width:{width}px;height:{height}px"))
        }
        _ => None,
    };
    let line = move |guide: Guide| {
        let camera = store.camera.get();
        let long = (guide.to - guide.from) * camera.zoom;
        let (x, y) = match guide.upright {
            true => (guide.at, guide.from),
            false => (guide.from, guide.at),
        };
        let (x, y) = (x * camera.zoom + camera.x, y * camera.zoom + camera.y);
        let (width, height) = if guide.upright { (1.0, long) } else { (long, 1.0) };
        let style = format!("left:{x}px;top:{y}px;width:{width}px;height:{height}px");
        view! { <i class="guide" style=style></i> }
    };
    view! {
        {move || marquee().map(|style| view! { <div class="marquee" style=style></div> })}
        {move || store.guides.get().into_iter().map(line).collect_view()}
    }
}

/// Reasons of recent failures, floating where they happened.
#[component]
fn Badges() -> impl IntoView {
    let store = store();
    let badges = Memo::new(move |_| {
        store.pulse.track();
        store.rev.track();
        store.shifted.track();
        badges(store)
    });
    move || {
        let badge = |(at, words): (Point, String)| {
            view! {
                <div class="badge" style=format!("transform:translate({}px,{}px)", at.x, at.y)>
                    <span>{words}</span>
                </div>
            }
        };
        badges.with(|all| {
            all.iter().map(|(at, words)| badge((to_point(*at), words.clone()))).collect_view()
        })
    }
}

fn to_point(at: (i32, i32)) -> Point {
    Point::new(f64::from(at.0), f64::from(at.1))
}

/// Failures of the last two seconds on the screen, counted by place and reason.
fn badges(store: Store) -> Vec<((i32, i32), String)> {
    store.with(|session| {
        let (run, scenario) = (session.run(), session.scenario());
        let window = Span::from_seconds_f64(2.0 * scenario.speed);
        let mut counts: BTreeMap<(String, String, u8), (u64, &'static str)> = BTreeMap::new();
        for trouble in session.series().troubles(run.now() - window, run.now()) {
            let ends = match trouble.place {
                Place::Going(link) | Place::Returning(link) => {
                    let link = &run.links()[usize::from(link.0)];
                    (run.card(link.from).id.to_string(), run.card(link.to).id.to_string())
                }
                Place::At(node)
                | Place::AtDoor(node)
                | Place::Waiting(node)
                | Place::Serving(node)
                | Place::Calling(node) => (run.card(node).id.to_string(), String::new()),
            };
            let key = (ends.0, ends.1, trouble.reason as u8);
            counts.entry(key).or_insert((0, trouble.reason.words())).0 += 1;
        }
        let mut shown: BTreeMap<(i32, i32), String> = BTreeMap::new();
        for ((from, to, _), (count, words)) in counts {
            let at = store.with_places(|places| match (to.is_empty(), scenario.node(&from)) {
                (true, None) => None,
                (true, Some(_)) => {
                    let own = places.bounds(&from);
                    Some(Point::new(own.x + own.width / 2.0, own.y))
                }
                (false, _) => places.wire(&from, &to).map(|curve| curve.at(0.5)),
            });
            let Some(at) = at else { continue };
            let words =
                if count == 1 { words.to_owned() } else { format!("\u{d7}{count} {words}") };
            let text = shown.entry((at.x as i32, at.y as i32)).or_default();
            if !text.is_empty() {
                text.push_str(", ");
            }
            text.push_str(&words);
        }
        shown.into_iter().collect()
    })
}

/// What to do when there is nothing.
#[component]
fn Empty() -> impl IntoView {
    let store = store();
    let empty = move || store.doc(|s| s.nodes.is_empty() && s.annotations.is_empty());
    view! {
        <Show when=empty>
            <div class="empty">
                <h2>"An empty yard"</h2>
                <p>"Drag clients, a balancer and servers here, or start from an example."</p>
                <button class="button primary"
                    on:click=move |_| store.dialog.set(super::store::Dialog::Examples)>
                    "Open an example"
                </button>
            </div>
        </Show>
    }
}

/// Zoom and fit, bottom left; the legend beside it.
#[component]
fn Corner() -> impl IntoView {
    let store = store();
    let stop = |event: PointerEvent| event.stop_propagation();
    let zoom = move || format!("{:.0} %", store.camera.get().zoom * 100.0);
    let legend = move || {
        let speed = store.doc(|scenario| scenario.speed);
        let each = store.per_dot.get();
        let dots = if each == 1 {
            "1 dot = 1 request".to_owned()
        } else {
            format!("1 dot = {each} requests")
        };
        format!("{dots} \u{b7} 1 s on screen = {}", Span::from_seconds_f64(speed))
    };
    // Who finds out about health by asking.
    let checks = move || {
        store.doc(|scenario| {
            scenario.nodes.iter().any(|node| match &node.kind {
                Kind::Balancer(config) => config.health.how == Health::Checks,
                kind => kind.family() == Family::Registry,
            })
        })
    };
    view! {
        <div class="corner" on:pointerdown=stop on:dblclick=|event| event.stop_propagation()>
            <div class="zoom" role="group" aria-label="Zoom">
                <button aria-label="Zoom out" on:click=move |_| keys::zoom(store, false)>
                    "\u{2212}"
                </button>
                <span class="percent">{zoom}</span>
                <button aria-label="Zoom in" on:click=move |_| keys::zoom(store, true)>"+"</button>
                <button aria-label="See everything" title="See everything (Shift+1)"
                    on:click=move |_| store.fit()>
                    <Icon path=icons::FIT />
                </button>
                <Show when=move || !store.fixed()>
                    <button aria-label="Tidy up" title="Tidy up (L)"
                        on:click=move |_| keys::tidy_up(store)>
                        <Icon path=icons::TIDY />
                    </button>
                </Show>
            </div>
            <ul class="legend" aria-label="Legend">
                <li><i class="key request"></i>"request"</li>
                <li><i class="key answer"></i>"answer"</li>
                <li><i class="key waiting"></i>"waiting"</li>
                <li><i class="key failed"></i>"failed"</li>
                <Show when=checks>
                    <li><i class="key check"></i>"check"</li>
                </Show>
                <li class="scale">{legend}</li>
            </ul>
        </div>
    }
}

/// The wheel: zoom with a mouse or with Ctrl, pan with a trackpad. In an embed the page scrolls.
fn wheel(store: Store, event: &WheelEvent) {
    let command = event.ctrl_key() || event.meta_key();
    let asked = store.options.wheel;
    if !command && asked.map_or(store.options.embed, |word| word == "page") {
        return hint(store);
    }
    event.prevent_default();
    let turn = Turn {
        dx: event.delta_x(),
        dy: event.delta_y(),
        lines: event.delta_mode() == WheelEvent::DOM_DELTA_LINE,
        command,
        shift: event.shift_key(),
    };
    let at = gestures::on_canvas(event);
    let device = match asked {
        Some("zoom") => Device::Mouse,
        Some("pan") => Device::Trackpad,
        _ => store.habits.with_untracked(|habits| habits.device),
    };
    let camera = store.camera.get_untracked();
    let camera = store.wheel.try_update_value(|wheel| wheel.turn(device, turn, at, camera));
    if let Some(camera) = camera {
        store.camera.set(camera);
    }
}

/// Says once how to zoom where the plain wheel belongs to the page around.
fn hint(store: Store) {
    if !store.hinted.get_value() {
        store.hinted.set_value(true);
        store.warn("Ctrl and the wheel zoom the picture.");
        let gone = std::time::Duration::from_secs(3);
        set_timeout(move || store.notice.set(None), gone);
    }
}

/// Follows the size of the canvas; the first size brings everything into view.
fn watch_size(store: Store, frame: &web_sys::HtmlDivElement) {
    let element = frame.clone();
    let on_size = Closure::<dyn FnMut()>::new(move || {
        let (width, height) =
            (f64::from(element.client_width()), f64::from(element.client_height()));
        let (old, _) = store.viewport.get_untracked();
        store.viewport.set((width, height));
        if old == 0.0 || store.options.embed {
            store.fit();
        }
        surface::resize(store);
    });
    if let Ok(observer) = web_sys::ResizeObserver::new(on_size.as_ref().unchecked_ref()) {
        observer.observe(frame);
    }
    // Lives as long as the page.
    on_size.forget();
    let on_wheel = Closure::<dyn FnMut(WheelEvent)>::new(move |event: WheelEvent| {
        wheel(store, &event);
    });
    let options = web_sys::AddEventListenerOptions::new();
    options.set_passive(false);
    // A browser that refuses the listener only lacks zooming by wheel.
    let _ = frame.add_event_listener_with_callback_and_add_event_listener_options(
        "wheel",
        on_wheel.as_ref().unchecked_ref(),
        &options,
    );
    on_wheel.forget();
}
