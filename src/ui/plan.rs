//! The plan of what goes wrong: as marks on the strip of time that can be dragged, moved with the
//! arrow keys and taken out, and as a list in which each can be changed and others added.

use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use web_sys::{HtmlElement, KeyboardEvent, PointerEvent};

use super::field::try_edit;
use super::gestures::fresh_number;
use super::icons::{self, Icon};
use super::store::{Panel, Selection, Store, sentence, store};
use crate::scenario::{Fault, FaultKind, Target};
use crate::session::{Command, Edit};
use crate::sim::{Span, Time};
use crate::view::plan::{self, Planned};
use crate::view::strip::{self, FaultMark, Window};

/// How far an arrow key moves a mark, and how far with shift.
const NUDGE: Span = Span::from_millis(100);
const LONG_NUDGE: Span = Span::from_millis(1_000);

// ===== marks on the strip =====

/// The marks of what is planned, over the strip.
#[component]
pub(super) fn Marks(width: Signal<f64>) -> impl IntoView {
    /// About the width of a letter.
    const LETTER: f64 = 7.0;
    let store = store();
    let marks = Memo::new(move |_| {
        store.rev.track();
        store.pulse.track();
        let letter = LETTER / width.get().max(100.0);
        store.with(|session| {
            let window = Window::around(session.frontier(), session.scenario());
            strip::fault_marks(session.scenario(), window, letter)
        })
    });
    let places = Memo::new(move |_| {
        marks.with(|all| all.iter().map(|mark| mark.places.clone()).collect::<Vec<_>>())
    });
    view! {
        <div class="fault-marks" role="group" aria-label="What is planned">
            <For each=move || places.get() key=|places| places.clone() let:places>
                <Mark places=places marks=marks />
            </For>
        </div>
    }
}

#[component]
fn Mark(places: Vec<usize>, marks: Memo<Vec<FaultMark>>) -> impl IntoView {
    let store = store();
    let places = StoredValue::new(places);
    let mark = move || {
        marks.with(|all| places.with_value(|p| all.iter().find(|m| m.places == *p).cloned()))
    };
    // While it is dragged: where it would be.
    let ghost = RwSignal::new(None::<f64>);
    let gesture = StoredValue::new(0u64);
    let share = move || ghost.get().or_else(|| mark().map(|m| m.share)).unwrap_or_default();
    let shown =
        move || store.with(|session| Window::around(session.frontier(), session.scenario()));
    let begin = move |event: PointerEvent| {
        if event.button() != 0 || store.options.edit == Edit::Nothing {
            return;
        }
        event.stop_propagation();
        if let Some(element) = element(&event) {
            // Without the capture the drag ends at the edge of the mark.
            let _ = element.set_pointer_capture(event.pointer_id());
        }
        ghost.set(untrack(mark).map(|m| m.share));
    };
    let follow = move |event: PointerEvent| {
        if ghost.get_untracked().is_none() {
            return;
        }
        let track = element(&event).and_then(|e| e.closest(".track").ok().flatten());
        if let Some(track) = track {
            let area = track.get_bounding_client_rect();
            let at = (f64::from(event.client_x()) - area.left()) / area.width().max(1.0);
            ghost.set(Some(at.clamp(0.0, 1.0)));
        }
    };
    let drop_here = move |_: PointerEvent| {
        let (Some(at), Some(was)) = (ghost.get_untracked(), untrack(mark)) else { return };
        ghost.set(None);
        // A press without a drag is a click, which shows it in the list.
        if (at - was.share).abs() > 0.004 {
            move_to(store, &places.get_value(), rounded(shown().instant(at)), 0);
        } else {
            show_in_list(store, places.with_value(|p| p.first().copied()));
        }
    };
    let press = move |event: KeyboardEvent| {
        let Some(was) = untrack(mark) else { return };
        let step = if event.shift_key() { LONG_NUDGE } else { NUDGE };
        let to = match event.key().as_str() {
            "ArrowLeft" => was.at - step,
            "ArrowRight" => was.at + step,
            "Delete" | "Backspace" => {
                event.prevent_default();
                event.stop_propagation();
                remove(store, &places.get_value());
                return super::keys::focus("panel");
            }
            "Enter" | " " => {
                event.prevent_default();
                return show_in_list(store, was.places.first().copied());
            }
            "Escape" if ghost.get_untracked().is_some() => return ghost.set(None),
            _ => return,
        };
        event.prevent_default();
        event.stop_propagation();
        if !event.repeat() {
            gesture.set_value(fresh_number());
        }
        move_to(store, &places.get_value(), to, gesture.get_value());
    };
    let told = move || {
        mark().map_or(String::new(), |m| {
            format!("{}, at {}. Arrow keys move it, Delete takes it out", m.told, seconds(m.at))
        })
    };
    view! {
        <button class="fault-mark" class:good=move || mark().is_some_and(|m| m.good)
            class:dragged=move || ghost.get().is_some()
            style:left=move || format!("{:.3}%", share() * 100.0)
            aria-label=told title=move || mark().map(|m| m.told)
            disabled=store.options.edit == Edit::Nothing
            on:pointerdown=begin on:pointermove=follow on:pointerup=drop_here
            on:pointercancel=move |_| ghost.set(None) on:keydown=press>
            {move || mark().map(|m| m.words)}
        </button>
    }
}

fn element(event: &PointerEvent) -> Option<HtmlElement> {
    event.current_target().and_then(|target| target.dyn_into::<HtmlElement>().ok())
}

/// Dropped by hand, a hundredth of a second is as exact as anybody means.
fn rounded(at: Time) -> Time {
    const GRID: u64 = 10_000_000;
    Time::from_ns((at.ns() + GRID / 2) / GRID * GRID)
}

fn seconds(at: Time) -> String {
    format!("{:.2} s", at.seconds())
}

fn move_to(store: Store, places: &[usize], at: Time, gesture: u64) {
    let moved = store.with(|session| plan::moved(session.scenario(), places, at));
    let mut all: Vec<Command> =
        moved.into_iter().map(|(place, fault)| Command::SetFault(place, fault)).collect();
    let command = if all.len() == 1 { all.remove(0) } else { Command::All(all) };
    store.edit(command, gesture, &format!("Moved to {}", seconds(at)));
}

fn remove(store: Store, places: &[usize]) {
    let mut places = places.to_vec();
    places.sort_unstable();
    let all = places.iter().rev().map(|&place| Command::RemoveFault(place)).collect();
    store.edit(Command::All(all), 0, "Taken out of the plan");
}

/// Shows the plan with this fault in it.
fn show_in_list(store: Store, place: Option<usize>) {
    store.selection.set(Selection::Nothing);
    store.panel.set(Panel::Inspect);
    store.sheet.set(true);
    if let Some(place) = place {
        super::keys::focus(&format!("plan-at-{place}"));
    }
}

// ===== the list =====

/// The plan as a list, and a form for one more.
#[component]
pub(super) fn Plan() -> impl IntoView {
    let store = store();
    let all = Memo::new(move |_| store.doc(plan::planned));
    let places =
        Memo::new(move |_| all.with(|all| all.iter().map(|p| p.place).collect::<Vec<_>>()));
    let empty = move || places.with(Vec::is_empty);
    view! {
        <section class="field plan" aria-labelledby="plan-title">
            <h2 id="plan-title">"What goes wrong, and when"</h2>
            <Show when=empty>
                <p class="help">"Nothing is planned. Kill something, or add what is to happen."</p>
            </Show>
            <ol class="plan-list">
                <For each=move || places.get() key=|place| *place let:place>
                    <Item place=place all=all />
                </For>
            </ol>
            <Add />
        </section>
    }
}

#[component]
fn Item(place: usize, all: Memo<Vec<Planned>>) -> impl IntoView {
    let store = store();
    let own = move || all.with(|all| all.iter().find(|p| p.place == place).cloned());
    let error = RwSignal::new(None::<String>);
    let set = move |change: &dyn Fn(Fault) -> Fault| {
        if let Some(planned) = untrack(own) {
            let command = Command::SetFault(place, change(planned.fault));
            error.set(try_edit(store, command, 0));
        }
    };
    let set_at = move |event: web_sys::Event| match instant(&event_target_value(&event)) {
        Ok(at) => set(&|fault| Fault { at, ..fault }),
        Err(reason) => error.set(Some(reason)),
    };
    let amount = move || own().and_then(|p| p.fault.kind.number());
    let set_amount = move |event: web_sys::Event| {
        let Some(kind) = untrack(own).map(|p| p.fault.kind) else { return };
        match amount_of(kind, &event_target_value(&event)) {
            Ok(kind) => set(&|fault| Fault { kind, ..fault }),
            Err(reason) => error.set(Some(reason)),
        }
    };
    let words = move || own().map(|p| format!("{} {}", p.name, p.words)).unwrap_or_default();
    let unit = move || own().and_then(|p| p.fault.kind.amount()).map(|(name, _)| name);
    view! {
        <li class:good=move || own().is_some_and(|p| p.fault.kind.mends())>
            <span class="what">{words}</span>
            <span class="when">
                <input type="number" class="mono" min="0" step="any" id=format!("plan-at-{place}")
                    aria-label=move || format!("When: {}, in seconds", words())
                    prop:value=move || own().map(|p| short_seconds(p.fault.at))
                    on:change=set_at />
                <span class="unit">"s"</span>
                <Show when=move || amount().is_some()>
                    <input type="number" class="mono" step="1"
                        aria-label=move || format!("How much: {}", words())
                        prop:value=move || amount().map(|n| n.to_string())
                        on:change=set_amount />
                    <span class="unit">{unit}</span>
                </Show>
                <button class="button small" aria-label=move || format!("Take out: {}", words())
                    on:click=move |_| {
                        remove(store, &[place]);
                        super::keys::focus("panel");
                    }>
                    <Icon path=icons::TRASH />
                </button>
            </span>
            <p class="error" role="alert">{move || error.get()}</p>
        </li>
    }
}

fn short_seconds(at: Time) -> String {
    let seconds = (at.seconds() * 1e6).round() / 1e6;
    seconds.to_string()
}

fn instant(text: &str) -> Result<Time, String> {
    let seconds: f64 = text.trim().parse().map_err(|_| "When, in seconds.".to_owned())?;
    match (0.0..=1e6).contains(&seconds) {
        true => Ok(Time::from_ns((seconds * 1e9).round() as u64)),
        false => Err("Between 0 and 1,000,000 seconds.".to_owned()),
    }
}

fn amount_of(kind: FaultKind, text: &str) -> Result<FaultKind, String> {
    let Some((_, range)) = kind.amount() else { return Ok(kind) };
    match text.trim().parse::<u16>() {
        Ok(amount) if range.contains(&amount) => Ok(kind.with(amount)),
        _ => Err(format!("A whole number from {} to {}.", range.start(), range.end())),
    }
}

// ===== adding =====

/// What is chosen in the form for one more.
#[derive(Clone, Copy)]
struct Form {
    /// The place of the target in the list; the one after the last is a partition.
    target: RwSignal<usize>,
    kind: RwSignal<String>,
    amount: RwSignal<String>,
    from: RwSignal<String>,
    until: RwSignal<String>,
    side: RwSignal<Vec<String>>,
    error: RwSignal<Option<String>>,
}

#[component]
fn Add() -> impl IntoView {
    let store = store();
    let form = Form {
        target: RwSignal::new(0),
        kind: RwSignal::new(String::new()),
        amount: RwSignal::new(String::new()),
        from: RwSignal::new("5".to_owned()),
        until: RwSignal::new(String::new()),
        side: RwSignal::new(Vec::new()),
        error: RwSignal::new(None),
    };
    let targets = Memo::new(move |_| store.doc(plan::targets));
    let on = move || targets.with(|all| all.get(form.target.get()).cloned());
    let kinds = Memo::new(move |_| {
        on().map(|on| store.doc(|scenario| plan::kinds(scenario, &on))).unwrap_or_default()
    });
    let kind = move || {
        let name = form.kind.get();
        kinds.with(|all| all.iter().find(|kind| kind.name() == name).or(all.first()).copied())
    };
    let target_options = move || {
        let partition = targets.with(Vec::len);
        let names = targets.get().into_iter().enumerate();
        let option = |(place, on): (usize, Target)| {
            let name = store.doc(|scenario| plan::name(scenario, &on));
            view! { <option value=place.to_string()>{name}</option> }
        };
        view! {
            {names.map(option).collect_view()}
            <option value=partition.to_string()>"A partition between two groups"</option>
        }
    };
    let kind_options = move || {
        let option = |kind: FaultKind| view! { <option value=kind.name()>{kind.words()}</option> };
        kinds.get().into_iter().map(option).collect_view()
    };
    let splits = move || form.target.get() >= targets.with(Vec::len);
    let lasts = move || splits() || kind().is_some_and(|kind| kind.mended().is_some());
    let needs = move || kind().filter(|_| !splits()).and_then(FaultKind::amount);
    let add = move || add(store, form, untrack(on), untrack(kind));
    let text = move |signal: RwSignal<String>| {
        move |event: web_sys::Event| signal.set(event_target_value(&event))
    };
    let first = move || kind().and_then(FaultKind::number).map(|n| n.to_string());
    view! {
        <details class="plan-add">
            <summary>"Add what is to happen"</summary>
            <form on:submit=move |event| { event.prevent_default(); add(); }>
                <label for="plan-who">"Where"</label>
                <select id="plan-who" on:change=move |event| {
                    form.target.set(event_target_value(&event).parse().unwrap_or_default());
                    form.amount.set(String::new());
                }>{target_options}</select>
                <Show when=move || !splits()>
                    <label for="plan-what">"What"</label>
                    <select id="plan-what" on:change=move |event| {
                        form.kind.set(event_target_value(&event));
                        form.amount.set(String::new());
                    }>{kind_options}</select>
                </Show>
                <Show when=splits><Side side=form.side /></Show>
                <Show when=move || needs().is_some()>
                    <label for="plan-amount">
                        "How much, " {move || needs().map(|(unit, _)| unit)}
                    </label>
                    <input id="plan-amount" type="number" class="mono" step="1"
                        prop:value=move || {
                            let typed = form.amount.get();
                            if typed.is_empty() { first().unwrap_or_default() } else { typed }
                        }
                        on:input=text(form.amount) />
                </Show>
                <label for="plan-from">"At, in seconds"</label>
                <input id="plan-from" type="number" class="mono" min="0" step="any"
                    prop:value=move || form.from.get() on:input=text(form.from) />
                <Show when=lasts>
                    <label for="plan-until">"Until, in seconds; empty: for good"</label>
                    <input id="plan-until" type="number" class="mono" min="0" step="any"
                        prop:value=move || form.until.get() on:input=text(form.until) />
                </Show>
                <p class="error" role="alert">{move || form.error.get()}</p>
                <button class="button"><Icon path=icons::PLUS /> "Add to the plan"</button>
            </form>
        </details>
    }
}

/// Which nodes are on one side of a partition.
#[component]
fn Side(side: RwSignal<Vec<String>>) -> impl IntoView {
    let store = store();
    let nodes = move || {
        store.doc(|s| s.nodes.iter().map(|n| (n.id.clone(), n.label.clone())).collect::<Vec<_>>())
    };
    let row = move |(id, label): (String, String)| {
        let (own, key) = (id.clone(), id);
        view! {
            <label class="choice">
                <input type="checkbox" prop:checked=move || side.with(|all| all.contains(&own))
                    on:change=move |_| side.update(|all| {
                        match all.iter().position(|id| *id == key) {
                            Some(place) => { all.remove(place); }
                            None => all.push(key.clone()),
                        }
                    }) />
                {label}
            </label>
        }
    };
    view! {
        <fieldset class="partition-side">
            <legend>"On one side"</legend>
            {move || nodes().into_iter().map(row).collect_view()}
            <p class="help">
                "Every wire between these and the others is cut at the same instant."
            </p>
        </fieldset>
    }
}

fn add(store: Store, form: Form, on: Option<Target>, kind: Option<FaultKind>) {
    let made = store.with(|session| {
        let from = instant(&form.from.get_untracked())?;
        let until = form.until.get_untracked();
        let until = if until.trim().is_empty() { None } else { Some(instant(&until)?) };
        if until.is_some_and(|until| until <= from) {
            return Err("It must end after it begins.".to_owned());
        }
        let (targets, kind) = match (on, kind) {
            (Some(on), Some(kind)) => {
                let typed = form.amount.get_untracked();
                (vec![on], if typed.is_empty() { kind } else { amount_of(kind, &typed)? })
            }
            _ => {
                let side = form.side.get_untracked();
                (plan::between(session.scenario(), &side), FaultKind::Cut)
            }
        };
        if targets.is_empty() {
            return Err("No wire runs between these and the others.".to_owned());
        }
        let fault = |at, kind| targets.iter().map(move |on| Fault { at, on: on.clone(), kind });
        let mut faults: Vec<Fault> = fault(from, kind).collect();
        if let Some((until, mended)) = until.zip(kind.mended()) {
            faults.extend(fault(until, mended));
        }
        let first = session.scenario().faults.len();
        let numbered = faults.into_iter().enumerate();
        Ok(numbered.map(|(n, fault)| Command::AddFault(first + n, fault)).collect::<Vec<_>>())
    });
    match made {
        Err(reason) => form.error.set(Some(reason)),
        Ok(all) => {
            form.error.set(try_edit(store, Command::All(all), 0).map(|e| sentence(&e)));
            if form.error.with_untracked(Option::is_none) {
                store.say("Added to the plan");
            }
        }
    }
}
