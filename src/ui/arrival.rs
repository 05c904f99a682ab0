//! What the page opens with, and at which moment of it.

use leptos::ev;
use leptos::prelude::*;

use super::options;
use super::store::{Dialog, Panel, Selection, Store};
use super::{draft, source, theme};
use crate::scenario::gallery::{GALLERY, Preset};
use crate::scenario::link::{self, LinkError};
use crate::scenario::{Problem, Scenario};
use crate::session::{Moment, Same};
use crate::view::camera::{Camera, Point};
use crate::view::options::Options;

/// Where the first scenario came from.
pub(super) struct Opening {
    pub(super) scenario: Scenario,
    /// From somebody else: not the draft of whoever sits here.
    shared: bool,
    broken: Option<(String, String)>,
    moment: Option<Moment>,
}

/// The link wins over the preset, the preset over the draft, the draft over the first example.
/// (What `src` names comes later, when it was fetched.)
pub(super) fn opening(options: &Options) -> Opening {
    let mut opening = found(options);
    opening.scenario.seed = options.seed.unwrap_or(opening.scenario.seed);
    opening.scenario.speed = options.speed.unwrap_or(opening.scenario.speed);
    opening
}

fn found(options: &Options) -> Opening {
    let mine = || match options.embed {
        true => GALLERY[0].scenario(),
        false => draft::load().unwrap_or_else(|| GALLERY[0].scenario()),
    };
    let fragment = options::fragment().unwrap_or_default();
    if let Some(text) = options::payload(&fragment) {
        return match link::decode(text) {
            Ok(scenario) => {
                let moment = Moment::read(&fragment);
                Opening { scenario, shared: true, broken: None, moment }
            }
            Err(error) => {
                let broken = Some((error.to_string(), diagnostic(&error, text)));
                Opening { scenario: mine(), shared: false, broken, moment: None }
            }
        };
    }
    if let Some(name) = options.preset.as_deref().filter(|_| options.src.is_none()) {
        return match Preset::find(name) {
            Some(preset) => {
                Opening { scenario: preset.scenario(), shared: true, broken: None, moment: None }
            }
            None => {
                let unknown = Problem::new("preset", format!("there is no example {name}"));
                let broken = Some((unknown.to_string(), format!("{unknown:?}")));
                Opening { scenario: mine(), shared: false, broken, moment: None }
            }
        };
    }
    Opening { scenario: mine(), shared: false, broken: None, moment: None }
}

fn diagnostic(error: &LinkError, text: &str) -> String {
    let head: String = text.chars().take(400).collect();
    format!("{error}\n{error:?}\n{} characters\n{head}", text.len())
}

/// Puts the page into the state that was asked for, and lets it run when it is awake.
pub(super) fn arrive(store: Store, opening: Opening, awake: RwSignal<bool>) {
    let options = store.options;
    store.shared.set(opening.shared);
    store.original.set_value(Some(opening.scenario));
    if let Some(first) = [Panel::Request, Panel::Inspect, Panel::Outline, Panel::Text]
        .into_iter()
        .find(|panel| options.shows(panel.word()))
    {
        store.panel.set(first);
    }
    if let Some((sentence, diagnostic)) = opening.broken {
        store.dialog.set(Dialog::Broken(sentence, diagnostic));
    } else if !options.problems.is_empty() {
        store.warn(&options.problems.join(" "));
    }
    if let Some(at) = options.at {
        let until = at.since(crate::sim::Time::ZERO);
        store.travel(|session| session.advance(until, crate::session::MOMENT_EVENTS_MAX));
    }
    let calm = theme::reduced_motion();
    let mut play = options.autoplay.unwrap_or(!calm);
    if let Some(moment) = &opening.moment {
        // Whoever opens a moment wants to see that moment.
        play = options.autoplay == Some(true);
        show(store, moment);
    }
    let begun = StoredValue::new(false);
    Effect::new(move |_| {
        if awake.get() && play && !begun.get_value() {
            begun.set_value(true);
            store.playing.set(true);
        }
    });
    if options.src.is_some() && !opening.shared {
        source::fetch(store);
    }
}

/// Goes to a moment, and says whether it is the same run.
pub(super) fn show(store: Store, moment: &Moment) {
    let same = store.travel(|session| session.go_to(moment));
    store.playing.set(false);
    store.moment.set(Some((moment.checksum, same)));
    if let Some(request) = moment.request {
        store.select(Selection::Request(request));
    }
    if let Some(panel) = moment.panel.as_deref().and_then(Panel::named) {
        store.panel.set(panel);
    }
    if let Some((x, y, zoom)) = moment.view {
        store.view.set(Some((Point::new(x, y), zoom)));
    }
    store.refresh();
    store.say(same_words(same));
}

/// In words, whether it is the same run.
pub(super) fn same_words(same: Same) -> &'static str {
    match same {
        Same::Yes => {
            "Same run: yes. Every event up to here is the one that the link was made from."
        }
        Same::No => {
            "Same run: no. The events differ from those the link was made from: it was \
                     made by another version."
        }
        Same::TooFar => "Same run: not known. This moment is too many events away.",
    }
}

/// The moment that is on the screen, for a link to it.
pub(super) fn moment(store: Store) -> Option<Moment> {
    let mut moment = store.with(crate::session::Session::moment)?;
    if let Selection::Request(id) = store.selection.get_untracked() {
        moment.request = Some(id);
    }
    let (width, height) = store.viewport.get_untracked();
    let camera = store.camera.get_untracked();
    let middle = camera.to_canvas(Point::new(width / 2.0, height / 2.0));
    moment.view = Some((middle.x, middle.y, camera.zoom));
    moment.panel = Some(store.panel.get_untracked().word().to_owned());
    Some(moment)
}

/// The camera that has this point in the middle.
pub(super) fn looking_at(store: Store, middle: Point, zoom: f64) -> Camera {
    let (width, height) = store.viewport.get_untracked();
    Camera { x: width / 2.0 - middle.x * zoom, y: height / 2.0 - middle.y * zoom, zoom }
}

/// Another link put into the address bar opens; Back and Forward too.
pub(super) fn listen_for_links(store: Store) {
    let handle = window_event_listener(ev::hashchange, move |_| {
        let Some(fragment) = options::fragment() else { return };
        let Some(text) = options::payload(&fragment) else { return };
        match link::decode(text) {
            Ok(scenario) => {
                draft::save(&store);
                store.shared.set(false);
                if store.open(scenario) {
                    store.shared.set(true);
                    if let Some(moment) = Moment::read(&fragment) {
                        show(store, &moment);
                    }
                }
            }
            Err(error) => {
                store.dialog.set(Dialog::Broken(error.to_string(), diagnostic(&error, text)));
            }
        }
    });
    on_cleanup(move || handle.remove());
}
