//! What each card and each wire shows, pushed to it. A signal to which a thousand listen costs the
//! square of them each time it changes; so a few listen, compare, and tell only those for whom
//! something is different.

use std::collections::{BTreeMap, BTreeSet};

use leptos::prelude::*;

use super::gestures::Gesture;
use super::motion;
use super::store::{Selection, Store};
use crate::scenario::{NodeSpec, connectable, wire_impairment};
use crate::session::Session;
use crate::sim::{LinkId, WireTrouble};
use crate::view::camera::Rect;
use crate::view::curve::Curve;
use crate::view::face::{self, Face};

/// How a node takes to the wire that is being drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Wiring {
    /// None is being drawn.
    #[default]
    Idle,
    /// It would fit.
    Fits,
    /// It would not, and why.
    Refused(String),
}

/// What one card shows.
#[derive(Clone, Copy)]
pub(super) struct Card {
    pub(super) spec: RwSignal<Option<NodeSpec>>,
    /// Where it stood when it was last put down, and where it is now.
    pub(super) home: RwSignal<Rect>,
    pub(super) bounds: RwSignal<Rect>,
    /// Cells, about twelve times a second.
    pub(super) quick: RwSignal<Option<Face>>,
    /// Words, four times a second.
    pub(super) slow: RwSignal<Option<Face>>,
    pub(super) chosen: RwSignal<bool>,
    pub(super) wiring: RwSignal<Wiring>,
}

/// What one wire shows.
#[derive(Clone, Copy)]
pub(super) struct Line {
    pub(super) curve: RwSignal<Option<Curve>>,
    pub(super) chosen: RwSignal<bool>,
    /// The trouble it is in, and how much it holds.
    pub(super) trouble: RwSignal<(WireTrouble, usize)>,
    /// In pixels.
    pub(super) width: RwSignal<f64>,
}

/// All of them, by id and by the ids of their ends.
#[derive(Default)]
pub(super) struct Live {
    cards: BTreeMap<String, Card>,
    lines: BTreeMap<(String, String), Line>,
}

/// The signals of a card that comes on the canvas; they go with it.
pub(super) fn card(store: Store, id: &str) -> Card {
    let home = store.with_places(|places| places.bounds(id));
    let card = Card {
        spec: RwSignal::new(store.with(|session| session.scenario().node(id).cloned())),
        home: RwSignal::new(home),
        bounds: RwSignal::new(home),
        quick: RwSignal::new(None),
        slow: RwSignal::new(None),
        chosen: RwSignal::new(untrack(|| store.is_selected(id))),
        wiring: RwSignal::new(Wiring::Idle),
    };
    let shown = store.with(|session| look(session, card));
    card.quick.set(shown.clone());
    card.slow.set(shown);
    let id = id.to_owned();
    store.with_live(|live| live.cards.insert(id.clone(), card));
    on_cleanup(move || {
        store.with_live(|live| {
            // Another with the same id may have come by now.
            if live.cards.get(&id).is_some_and(|other| other.spec == card.spec) {
                live.cards.remove(&id);
            }
        });
    });
    card
}

/// The signals of a wire that comes on the canvas; they go with it.
pub(super) fn line(store: Store, from: &str, to: &str) -> Line {
    let pair = (from.to_owned(), to.to_owned());
    let line = Line {
        curve: RwSignal::new(store.with_places(|places| places.wire(from, to).cloned())),
        chosen: RwSignal::new(is_chosen(&store.selection.get_untracked(), &pair)),
        trouble: RwSignal::new(Default::default()),
        width: RwSignal::new(WIDTH_MIN),
    };
    store.with_live(|live| live.lines.insert(pair.clone(), line));
    on_cleanup(move || {
        store.with_live(|live| {
            if live.lines.get(&pair).is_some_and(|other| other.width == line.width) {
                live.lines.remove(&pair);
            }
        });
    });
    line
}

/// Tells a signal what is new for it.
fn tell<T: PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, now: T) {
    // One whose card has just gone hears nothing.
    if signal.try_with_untracked(|before| *before != now) == Some(true) {
        let _ = signal.try_set(now);
    }
}

/// Tells a signal what is there now, which is copied only when it is new for it.
fn show<T: Clone + PartialEq + Send + Sync + 'static>(
    signal: RwSignal<Option<T>>,
    now: Option<&T>,
) {
    if signal.try_with_untracked(|before| before.as_ref() != now) == Some(true) {
        let _ = signal.try_set(now.cloned());
    }
}

/// Listens for all of them.
pub(super) fn listen(store: Store) {
    Effect::new(move |_| {
        store.rev.track();
        documents(store);
        places(store);
    });
    Effect::new(move |before: Option<(u32, bool)>| {
        store.rev.track();
        store.beat.track();
        let now = (store.pulse.get(), store.moving.get());
        // Where numbers had to wait for the camera, all are read when it rests.
        let words = before != Some(now);
        if !motion::holds_numbers(store) {
            faces(store, words);
            if words {
                wires(store);
            }
        }
        now
    });
    Effect::new(move |_| {
        store.selection.track();
        selection(store);
    });
    let drawn_from = Memo::new(move |_| {
        store.gesture.with(|gesture| match gesture {
            Gesture::Wire { from, .. } => Some(from.clone()),
            _ => None,
        })
    });
    Effect::new(move |_| {
        store.rev.track();
        wiring(store, drawn_from.get());
    });
}

fn documents(store: Store) {
    store.with(|session| {
        store.with_live(|live| {
            for node in &session.scenario().nodes {
                if let Some(card) = live.cards.get(&node.id) {
                    show(card.spec, Some(node));
                }
            }
        });
    });
}

fn places(store: Store) {
    store.with_places(|places| {
        store.with_live(|live| {
            for (id, card) in &live.cards {
                let own = places.bounds(id);
                tell(card.bounds, own);
                tell(card.home, own);
            }
            for ((from, to), line) in &live.lines {
                show(line.curve, places.wire(from, to));
            }
        });
    });
}

/// These are in the hand and stand elsewhere now.
pub(super) fn moved(store: Store, ids: &[String]) {
    store.with(|session| {
        store.with_places(|places| {
            store.with_live(|live| {
                for id in ids {
                    if let Some(card) = live.cards.get(id) {
                        tell(card.bounds, places.bounds(id));
                    }
                }
                let ids: BTreeSet<&String> = ids.iter().collect();
                let links = session.scenario().links.iter();
                for link in links.filter(|l| ids.contains(&l.from) || ids.contains(&l.to)) {
                    let pair = (link.from.clone(), link.to.clone());
                    if let Some(line) = live.lines.get(&pair) {
                        show(line.curve, places.wire(&pair.0, &pair.1));
                    }
                }
            });
        });
    });
}

fn look(session: &Session, card: Card) -> Option<Face> {
    let face = |spec: &NodeSpec| face::face(session.scenario(), session.run(), spec);
    card.spec.try_with_untracked(|spec| spec.as_ref().and_then(face)).flatten()
}

/// The faces of all cards that can be seen; also their words?
fn faces(store: Store, words: bool) {
    let seen = motion::seen(store);
    store.with(|session| {
        store.with_live(|live| {
            for card in live.cards.values() {
                let there = card.bounds.try_get_untracked().unwrap_or_default();
                if seen.is_some_and(|seen| !seen.touches(there)) {
                    continue;
                }
                let now = look(session, *card);
                if words {
                    tell(card.slow, now.clone());
                }
                tell(card.quick, now);
            }
        });
    });
}

/// The thinnest and the thickest a wire is drawn, in pixels.
const WIDTH_MIN: f64 = 1.5;
const WIDTH_MAX: f64 = 5.0;

fn wires(store: Store) {
    store.with(|session| {
        let (scenario, run) = (session.scenario(), session.run());
        let mut numbers = BTreeMap::new();
        for (place, link) in run.links().iter().enumerate().filter(|(_, link)| !link.gone) {
            let ends = (&*run.card(link.from).id, &*run.card(link.to).id);
            numbers.insert(ends, LinkId(place as u16));
        }
        store.with_live(|live| {
            for ((from, to), line) in &live.lines {
                let number = numbers.get(&(from.as_str(), to.as_str())).copied();
                let carried = number.map_or(0, |n| run.links()[usize::from(n.0)].carried);
                // Thicker with traffic: by the square root of requests a second.
                let rate = carried as f64 / run.now().seconds().max(1.0);
                let width = (WIDTH_MIN + rate.sqrt() * 0.12).min(WIDTH_MAX);
                // In tenths of a pixel, as it is drawn.
                tell(line.width, (width * 10.0).round() / 10.0);
                let trouble = match scenario.faults.is_empty() {
                    true => WireTrouble::default(),
                    false => wire_impairment(scenario, from, to, run.now()),
                };
                let held = number.filter(|_| trouble.holds).map_or(0, |n| run.held(n));
                tell(line.trouble, (trouble, held));
            }
        });
    });
}

fn is_chosen(selection: &Selection, (from, to): &(String, String)) -> bool {
    matches!(selection, Selection::Wire(a, b) if a == from && b == to)
}

fn selection(store: Store) {
    store.with_live(|live| {
        let chosen = store.selected_nodes();
        for (id, card) in &live.cards {
            tell(card.chosen, chosen.contains(id));
        }
        store.selection.with_untracked(|selection| {
            for (pair, line) in &live.lines {
                tell(line.chosen, is_chosen(selection, pair));
            }
        });
    });
}

/// What each node would say to a wire from this one.
fn wiring(store: Store, from: Option<String>) {
    store.with(|session| {
        store.with_live(|live| {
            for (id, card) in &live.cards {
                let now = match &from {
                    None => Wiring::Idle,
                    Some(from) => match connectable(session.scenario(), from, id) {
                        Ok(()) => Wiring::Fits,
                        Err(reason) => Wiring::Refused(reason),
                    },
                };
                tell(card.wiring, now);
            }
        });
    });
}
