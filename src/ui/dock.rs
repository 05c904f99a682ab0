//! The dock below: run, pause, step, speed, and time as a strip one can drag.

use leptos::prelude::*;

use super::charts::Charts;
use super::gestures::fresh_number;
use super::icons::{self, Icon};
use super::store::{Selection, Store, store};
use crate::scenario::link;
use crate::session::{Command, Explanation, Same, Session};
use crate::sim::{Time, What};

/// The speeds offered: simulated seconds in a second on the screen.
const SPEEDS: [f64; 12] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 5.0, 20.0, 100.0];

/// The dock.
#[component]
pub(super) fn Dock(explanation: Memo<Option<Explanation>>) -> impl IntoView {
    let store = store();
    view! {
        <section class="dock" aria-label="Time">
            <Caption explanation=explanation />
            <Transport />
            {store.options.shows("charts").then(|| view! { <Charts /> })}
        </section>
    }
}

#[component]
fn Transport() -> impl IntoView {
    let store = store();
    let playing = move || store.playing.get();
    let path = Signal::derive(move || if playing() { icons::PAUSE } else { icons::PLAY });
    let solid = |name: &'static str, path: &'static str, keys: &'static str, go: fn(Store)| {
        view! {
            <button class="round" aria-label=name title=format!("{name} ({keys})")
                on:click=move |_| go(store)>
                <Icon path=path solid=true />
            </button>
        }
    };
    let now = move || {
        store.beat.track();
        store.with(|session| format!("{:.3} s", session.run().now().seconds()))
    };
    let tally = move || {
        store.pulse.track();
        store.with(tally)
    };
    let changed = move || {
        store.pulse.track();
        store.with(Session::edited_while_running)
    };
    view! {
        <div class="transport">
            <div class="buttons" role="group" aria-label="Run">
                {solid("Back to the start", icons::RESTART, "Home", |store| store.restart())}
                <button class="round play" title="Run, pause (Space)"
                    aria-label=move || if playing() { "Pause" } else { "Run" }
                    on:click=move |_| store.toggle_play()>
                    <Icon path=path solid=true />
                </button>
                {(!store.options.embed)
                    .then(|| solid("One event back", icons::STEP_BACK, ",", step_back))}
                {solid("One event on", icons::STEP, ".", step)}
            </div>
            <Speed />
            <span class="now" role="timer" aria-label="Simulated time">{now}</span>
            <Show when=move || store.behind.get() && playing()>
                <span class="chip warn" title="So much happens that it runs slower than asked.">
                    "running behind"
                </span>
            </Show>
            <Show when=changed>
                <span class="chip" title="Settings were changed while it ran. Start again to see \
                    the run that a link gives.">"changed while running"</span>
            </Show>
            <SameRun />
            <span class="tally" title="Every request is answered, failed or in flight.">
                {tally}
            </span>
            {store.options.embed.then(|| view! { <Reset /> })}
            {(store.options.embed && store.options.links).then(|| view! { <OpenOut /> })}
        </div>
    }
}

/// After a link to a moment: is this the run that the link was made from?
#[component]
fn SameRun() -> impl IntoView {
    let store = store();
    move || {
        let (checksum, same) = store.moment.get()?;
        let answer = match same {
            Same::Yes => "yes",
            Same::No => "no",
            Same::TooFar => "not known",
        };
        let words = super::arrival::same_words(same);
        let title = format!("{words} Checksum of its events: {checksum:016x}.");
        Some(view! {
            <button class="chip same" class:warn=same != Same::Yes title=title.clone()
                on:click=move |_| store.warn(&title)>
                {format!("Same run: {answer}")}
            </button>
        })
    }
}

/// Back to the scenario as it came, however it was changed.
#[component]
fn Reset() -> impl IntoView {
    let store = store();
    let changed = move || {
        store.rev.track();
        store.shifted.track();
        store.is_changed()
    };
    view! {
        <Show when=changed>
            <button class="button" title="The scenario as it came"
                on:click=move |_| store.reset()>
                "Reset"
            </button>
        </Show>
    }
}

#[component]
fn Speed() -> impl IntoView {
    let store = store();
    let speed = move || store.doc(|scenario| scenario.speed);
    let options = move || {
        let now = speed();
        let mut all = SPEEDS.to_vec();
        if !all.contains(&now) {
            all.push(now);
            all.sort_by(f64::total_cmp);
        }
        let option = |speed: f64| {
            let value = speed.to_string();
            let name = format!("{value}\u{d7}");
            view! { <option value=value selected=speed == now>{name}</option> }
        };
        all.into_iter().map(option).collect_view()
    };
    let choose = move |event: web_sys::Event| {
        if let Ok(speed) = event_target_value(&event).parse::<f64>() {
            set_speed(store, speed);
        }
    };
    view! {
        <label class="speed">
            <span class="unseen">"Speed"</span>
            <select on:change=choose>{options}</select>
        </label>
    }
}

/// In an embed: the way to the whole thing.
#[component]
fn OpenOut() -> impl IntoView {
    let store = store();
    // While nothing was changed, the link that it came by is as good as a new one.
    let came = super::options::fragment();
    let came = came.as_deref().and_then(super::options::payload).map(str::to_owned);
    let address = move || {
        store.rev.track();
        store.shifted.track();
        let payload = match &came {
            Some(payload) if !store.is_changed() => payload.clone(),
            _ => store.doc(link::encode),
        };
        super::options::link(&payload, "")
    };
    view! {
        <a class="button small" target="_blank" rel="noopener" href=address>
            <Icon path=icons::OPEN_OUT />
            "Open"
        </a>
    }
}

/// Where there is no panel, in an embed and on a small screen: why the selected request went where
/// it went.
#[component]
fn Caption(explanation: Memo<Option<Explanation>>) -> impl IntoView {
    let words = move || {
        explanation.with(|e| {
            let e = e.as_ref()?;
            let why = e.decisions.iter().map(|(_, why)| format!("{}. {}", why.title, why.sentence));
            let first = why.collect::<Vec<_>>().join(" ");
            Some(format!("#{} {}: {} after {}. {first}", e.request, e.key, e.ending, e.latency))
        })
    };
    let store = store();
    let more = move |_| store.sheet.set(!store.options.embed);
    move || words().map(|words| view! { <button class="caption" on:click=more>{words}</button> })
}

fn tally(session: &Session) -> String {
    let run = session.run();
    let tally = run.tally();
    format!(
        "{} sent = {} answered + {} failed + {} in flight",
        tally.sent,
        tally.completed,
        tally.failures(),
        run.in_flight()
    )
}

/// One event on, and in words what it was.
pub(super) fn step(store: Store) {
    store.playing.set(false);
    let Some(stepped) = store.travel(Session::step) else {
        store.warn("Nothing will ever happen again: no events are left.");
        return;
    };
    let words = store.with(|session| {
        let name = session.name_of(stepped.event.node);
        let id = stepped.request.map_or(String::new(), |id| format!("#{id} "));
        let what = match stepped.event.what {
            What::Timer(_) if stepped.request.is_none() => format!("{name} acts"),
            What::Timer(_) => format!("{name}: a timer rings"),
            What::Arrive => format!("{id}reaches {name}"),
            What::Reply => format!("{id}comes back to {name}"),
            What::Planned => format!("{name}: as planned"),
        };
        format!("{}: {what}", stepped.at)
    });
    store.refresh();
    super::surface::draw(store);
    store.warn(&words);
    let is_request = matches!(stepped.event.what, What::Arrive | What::Reply);
    if let (true, Some(id)) = (is_request, stepped.request) {
        store.select(Selection::Request(id));
    }
}

/// One event back.
pub(super) fn step_back(store: Store) {
    store.playing.set(false);
    if !store.travel(Session::step_back) {
        return store.warn("This is as far back as it goes.");
    }
    store.refresh();
    super::surface::draw(store);
    let at = store.with(|session| session.run().now());
    store.say(&format!("Back to {:.6} s", at.seconds()));
}

/// As far as the run has ever come.
pub(super) fn live_edge(store: Store) {
    store.travel(|session| session.seek(Time::MAX));
    store.refresh();
    super::surface::draw(store);
    store.say("At the latest moment");
}

/// The next speed up or down.
pub(super) fn change_speed(store: Store, by: isize) {
    let now = store.with(|session| session.scenario().speed);
    let next = match by > 0 {
        true => SPEEDS.iter().copied().find(|&speed| speed > now),
        false => SPEEDS.iter().copied().rfind(|&speed| speed < now),
    };
    if let Some(next) = next {
        set_speed(store, next);
    }
}

fn set_speed(store: Store, speed: f64) {
    store.edit(Command::SetSpeed(speed), fresh_number(), &format!("Speed {speed}"));
}
