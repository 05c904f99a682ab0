//! What all parts of the page share: the session, what is selected, and how to say things.

use leptos::prelude::*;

use super::draft;
use super::gestures::Gesture;
use super::habits::Habits;
use super::live::Live;
use super::menu::Menu;
use super::quick_add::Quick;
pub(super) use super::selection::Selection;
use crate::node::Family;
use crate::scenario::{NodeSpec, Scenario};
use crate::session::{Command, Edit, Lock, Refusal, Same, Session};
use crate::view::camera::{Camera, Point};
use crate::view::dots::Dot;
use crate::view::guides::Guide;
use crate::view::layout;
use crate::view::options::Options;
use crate::view::places::Places;
use crate::view::wheel::Wheel;

/// What the panel on the right shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Panel {
    Request,
    Inspect,
    Outline,
    Text,
}

impl Panel {
    /// Its name in an address.
    pub(super) fn word(self) -> &'static str {
        match self {
            Panel::Request => "request",
            Panel::Inspect => "inspect",
            Panel::Outline => "outline",
            Panel::Text => "text",
        }
    }

    /// The panel of this name.
    pub(super) fn named(word: &str) -> Option<Panel> {
        let all = [Panel::Request, Panel::Inspect, Panel::Outline, Panel::Text];
        all.into_iter().find(|panel| panel.word() == word)
    }
}

/// What lies over the page.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Dialog {
    #[default]
    None,
    Share,
    Examples,
    Keys,
    /// A link or file that could not be opened: the sentence, and what to copy for a report.
    Broken(String, String),
}

/// Everything the page knows. Copying it copies handles.
#[derive(Clone, Copy)]
pub(super) struct Store {
    session: StoredValue<Session, LocalStorage>,
    /// The document changed, otherwise than by something moving.
    pub(super) rev: RwSignal<u32>,
    /// Something stands elsewhere now; nothing else about it is different.
    pub(super) shifted: RwSignal<u32>,
    /// Cells and bars may have changed: about twelve times a second.
    pub(super) beat: RwSignal<u32>,
    /// Numbers may have changed: four times a second.
    pub(super) pulse: RwSignal<u32>,
    pub(super) playing: RwSignal<bool>,
    /// The engine does not keep up with the speed asked for.
    pub(super) behind: RwSignal<bool>,
    pub(super) selection: RwSignal<Selection>,
    pub(super) panel: RwSignal<Panel>,
    /// Is the panel open where it covers the canvas, on small screens?
    pub(super) sheet: RwSignal<bool>,
    pub(super) dialog: RwSignal<Dialog>,
    pub(super) camera: RwSignal<Camera>,
    /// Is the camera on the move?
    pub(super) moving: RwSignal<bool>,
    /// The size of the canvas on the screen.
    pub(super) viewport: RwSignal<(f64, f64)>,
    pub(super) gesture: RwSignal<Gesture>,
    /// How this person likes to work.
    pub(super) habits: RwSignal<Habits>,
    /// What was learned about the wheel.
    pub(super) wheel: StoredValue<Wheel>,
    /// Was it said how to zoom where the plain wheel belongs to the page around?
    pub(super) hinted: StoredValue<bool>,
    /// The space bar is down; and was it used to move the canvas?
    pub(super) space: RwSignal<Option<bool>>,
    /// The ends of the wire that a key being tried would take.
    pub(super) tried: RwSignal<Option<(String, String)>>,
    /// The finger that is on the canvas, and where.
    pub(super) finger: RwSignal<Option<(i32, Point)>>,
    /// The lines that show with what a dragged node is aligned.
    pub(super) guides: RwSignal<Vec<Guide>>,
    /// The field that adds by name, while it is open.
    pub(super) quick: RwSignal<Option<Quick>>,
    /// The menu that is open on the canvas.
    pub(super) menu: RwSignal<Option<Menu>>,
    /// The node that has the keyboard in the canvas.
    pub(super) focus: RwSignal<Option<String>>,
    /// The node by which the keyboard comes into the canvas: that one, or else the first.
    pub(super) entry: Memo<Option<String>>,
    /// What was said last to those who listen.
    pub(super) said: RwSignal<String>,
    /// What was said last to those who look, until it is dismissed.
    pub(super) notice: RwSignal<Option<String>>,
    /// Was this opened from a link and not touched since?
    pub(super) shared: RwSignal<bool>,
    pub(super) per_dot: RwSignal<u64>,
    /// The checksum of the moment that a link named, and whether the run here is the same.
    pub(super) moment: RwSignal<Option<(u64, Same)>>,
    /// The middle and the zoom that a link asks for, until the canvas has a size.
    pub(super) view: RwSignal<Option<(Point, f64)>>,
    pub(super) options: &'static Options,
    /// The scenario as it came.
    pub(super) original: StoredValue<Option<Scenario>>,
    dots: StoredValue<Vec<Dot>, LocalStorage>,
    places: StoredValue<Places, LocalStorage>,
    live: StoredValue<Live, LocalStorage>,
}

impl Store {
    pub(super) fn new(mut session: Session, options: &'static Options) -> Store {
        session.lock(Lock { edit: options.edit, nodes: options.locked.clone() });
        let session = StoredValue::new_local(session);
        let (rev, focus) = (RwSignal::new(0), RwSignal::new(None::<String>));
        let entry = Memo::new(move |_| {
            rev.track();
            session.with_value(|session| {
                let scenario = session.scenario();
                let there = focus.get().filter(|id| scenario.place(id).is_some());
                there.or_else(|| scenario.ids().next().map(str::to_owned))
            })
        });
        let store = Store {
            session,
            rev,
            shifted: RwSignal::new(0),
            beat: RwSignal::new(0),
            pulse: RwSignal::new(0),
            playing: RwSignal::new(false),
            behind: RwSignal::new(false),
            selection: RwSignal::new(Selection::Nothing),
            panel: RwSignal::new(Panel::Request),
            sheet: RwSignal::new(false),
            dialog: RwSignal::new(Dialog::None),
            camera: RwSignal::new(Camera::default()),
            moving: RwSignal::new(false),
            viewport: RwSignal::new((0.0, 0.0)),
            gesture: RwSignal::new(Gesture::None),
            habits: RwSignal::new(draft::habits()),
            wheel: StoredValue::new(Wheel::default()),
            hinted: StoredValue::new(false),
            space: RwSignal::new(None),
            tried: RwSignal::new(None),
            finger: RwSignal::new(None),
            guides: RwSignal::new(Vec::new()),
            quick: RwSignal::new(None),
            menu: RwSignal::new(None),
            focus,
            entry,
            said: RwSignal::new(String::new()),
            notice: RwSignal::new(None),
            shared: RwSignal::new(false),
            per_dot: RwSignal::new(1),
            moment: RwSignal::new(None),
            view: RwSignal::new(None),
            options,
            original: StoredValue::new(None),
            dots: StoredValue::new_local(Vec::new()),
            places: StoredValue::new_local(Places::default()),
            live: StoredValue::new_local(Live::default()),
        };
        store.find_places();
        store
    }

    /// Is what is there and how it is wired locked?
    pub(super) fn fixed(&self) -> bool {
        self.options.edit != Edit::All
    }

    /// Reads the session.
    pub(super) fn with<T>(&self, read: impl FnOnce(&Session) -> T) -> T {
        self.session.with_value(read)
    }

    /// Reads the document; the caller runs again when it changes.
    pub(super) fn doc<T>(&self, read: impl FnOnce(&Scenario) -> T) -> T {
        self.rev.track();
        self.session.with_value(|session| read(session.scenario()))
    }

    /// Reads where things stand; the caller runs again when that changes.
    pub(super) fn placed<T>(&self, read: impl FnOnce(&Scenario, &Places) -> T) -> T {
        self.shifted.track();
        self.rev.track();
        self.session
            .with_value(|session| self.places.with_value(|places| read(session.scenario(), places)))
    }

    /// Moves things. Only where they stand is looked at again, so that it keeps up with the hand.
    pub(super) fn shift(&self, places: Vec<(String, i32, i32)>, gesture: u64) {
        let ids: Vec<String> = places.iter().map(|(id, ..)| id.clone()).collect();
        match self.travel(|session| session.apply(Command::Move(places), gesture)) {
            Ok(()) => {
                if self.notice.with_untracked(Option::is_some) {
                    self.notice.set(None);
                }
                self.places.update_value(|places| {
                    self.session.with_value(|session| places.shift(session.scenario(), &ids));
                });
                super::live::moved(*self, &ids);
                self.shifted.update(|n| *n += 1);
                if self.shared.get_untracked() {
                    draft::make_mine(self);
                }
            }
            Err(refusal) => self.warn(&sentence(&refusal.to_string())),
        }
    }

    /// Moves in time, without touching the document.
    pub(super) fn travel<T>(&self, go: impl FnOnce(&mut Session) -> T) -> T {
        self.session.try_update_value(go).expect("the session lives as long as the page")
    }

    /// Makes an edit, and says so. A refusal is shown and said; then nothing has changed.
    pub(super) fn edit(&self, command: Command, gesture: u64, done: &str) -> bool {
        if matches!(command, Command::SetSpeed(_)) && self.shared.get_untracked() {
            // To look at somebody's scenario slowly is not to change it.
            let set = self.travel(|session| session.apply(command, gesture)).is_ok();
            self.rev.update(|rev| *rev += 1);
            self.say(done);
            return set;
        }
        let result = self.travel(|session| session.apply(command, gesture));
        self.after_edit(result.map(|()| true), done)
    }

    /// Another way to edit: undo, kill, send one.
    pub(super) fn edit_by(
        &self,
        edit: impl FnOnce(&mut Session) -> Result<bool, Refusal>,
        done: &str,
    ) -> bool {
        let result = self.travel(edit);
        self.after_edit(result, done)
    }

    fn after_edit(&self, result: Result<bool, Refusal>, done: &str) -> bool {
        match result {
            Ok(true) => {
                self.notice.set(None);
                self.changed();
                if !done.is_empty() {
                    self.say(done);
                }
                true
            }
            Ok(false) => false,
            Err(refusal) => {
                self.warn(&sentence(&refusal.to_string()));
                false
            }
        }
    }

    /// The document or the run changed otherwise than by playing on.
    pub(super) fn changed(&self) {
        self.find_places();
        self.rev.update(|rev| *rev += 1);
        self.refresh();
        if self.shared.get_untracked() {
            draft::make_mine(self);
        }
    }

    /// Live numbers are to be read anew.
    pub(super) fn refresh(&self) {
        self.beat.update(|n| *n += 1);
        self.pulse.update(|n| *n += 1);
    }

    /// Shows another scenario from its beginning.
    pub(super) fn open(&self, scenario: Scenario) -> bool {
        let title = scenario.title.clone();
        let result = self.travel(|session| session.open(scenario)).map(|()| true);
        self.moment.set(None);
        self.selection.set(Selection::Nothing);
        let opened = self.after_edit(result, &format!("Opened {title}"));
        if opened {
            self.fit();
        }
        opened
    }

    /// The scenario as it came, once more.
    pub(super) fn reset(&self) {
        if let Some(original) = self.original.get_value() {
            // What the author locks against others must not lock this.
            let lock = self.travel(|session| session.lock(Lock::default()));
            self.open(original);
            self.travel(|session| session.lock(lock));
        }
    }

    /// Is the scenario other than it came?
    pub(super) fn is_changed(&self) -> bool {
        let now = |was: &Scenario| self.with(|session| session.scenario() != was);
        self.original.with_value(|original| original.as_ref().is_some_and(now))
    }

    /// Says something to a screen reader, politely.
    pub(super) fn say(&self, words: &str) {
        // The same words again are announced only if the text differs.
        let again = self.said.with_untracked(|said| said == words);
        self.said.set(if again { format!("{words}\u{a0}") } else { words.to_owned() });
    }

    /// Shows a sentence, and says it.
    pub(super) fn warn(&self, words: &str) {
        self.notice.set(Some(words.to_owned()));
        self.say(words);
    }

    /// A new node of this kind with its middle at a canvas point, or where there is room nearby.
    pub(super) fn new_node(&self, family: Family, at: Option<Point>) -> NodeSpec {
        let entry = family.entry();
        let kind = (entry.make)();
        self.with(|session| {
            let scenario = session.scenario();
            let id = scenario.fresh_id(if family == Family::Server { "s" } else { entry.key });
            let first = !scenario.nodes.iter().any(|n| n.kind.family() == family);
            let label = match (family, first) {
                (Family::Server, _) => id.clone(),
                (_, true) => entry.label.to_owned(),
                (_, false) => {
                    let number = id.trim_start_matches(entry.key);
                    format!("{} {number}", entry.label)
                }
            };
            let middle = at.unwrap_or_else(|| {
                let (width, height) = self.viewport.get_untracked();
                let camera = self.camera.get_untracked();
                camera.to_canvas(Point::new(width / 2.0, height / 2.0))
            });
            let (x, y) = layout::free_place(scenario, &kind, middle);
            NodeSpec { id, label, x, y, kind: kind.clone() }
        })
    }

    /// Adds a node of this kind.
    pub(super) fn add_node(&self, family: Family, at: Option<Point>) {
        let node = self.new_node(family, at);
        let (id, words) = (node.id.clone(), format!("Added {}", node.label));
        let command = self.with(|session| Command::append_node(session.scenario(), node));
        if self.edit(command, 0, &words) {
            self.select(Selection::Node(id));
        }
    }

    /// Draws a wire.
    pub(super) fn connect(&self, from: &str, to: &str) {
        let (names, command) = self.with(|session| {
            let scenario = session.scenario();
            let label = |id| scenario.node(id).map_or(String::new(), |node| node.label.clone());
            ((label(from), label(to)), Command::connect(scenario, from, to))
        });
        self.edit(command, 0, &format!("Connected {} to {}", names.0, names.1));
    }

    /// Takes out what is selected.
    pub(super) fn delete_selected(&self) {
        let (command, words) = match self.selection.get_untracked() {
            Selection::Node(_) | Selection::Nodes(_) => {
                let ids = self.selected_nodes();
                let words = format!("Deleted {}", self.names(&ids));
                let drawn = |id: &String| self.with(|s| s.scenario().annotation(id).is_some());
                let out = |id: String| match drawn(&id) {
                    true => Command::RemoveAnnotation(id),
                    false => Command::RemoveNode(id),
                };
                let mut all: Vec<Command> = ids.into_iter().map(out).collect();
                (if all.len() == 1 { all.remove(0) } else { Command::All(all) }, words)
            }
            Selection::Wire(from, to) => {
                let words =
                    format!("Deleted the wire {} to {}", self.label(&from), self.label(&to));
                (Command::RemoveLink(from, to), words)
            }
            Selection::Nothing | Selection::Request(_) => return,
        };
        if self.edit(command, 0, &words) {
            self.selection.set(Selection::Nothing);
            super::keys::focus_after_delete();
        }
    }

    /// Kills a running node, revives a crashed one.
    pub(super) fn toggle_life(&self, id: &str) {
        if self.with(|session| session.scenario().node(id).is_none()) {
            return;
        }
        let up = self.with(|session| session.is_up(id));
        let label = self.label(id);
        match up {
            true => self.edit_by(|s| s.kill(id).map(|()| true), &format!("Killed {label}")),
            false => self.edit_by(|s| s.revive(id).map(|()| true), &format!("Revived {label}")),
        };
        self.settle();
    }

    /// Lets pass the few nanoseconds after which what was done by hand happens, so that it is seen
    /// also while the run rests.
    pub(super) fn settle(&self) {
        self.travel(|session| session.advance(crate::sim::Span::from_ns(8), 1_000));
        self.refresh();
    }

    pub(super) fn undo(&self) {
        if !self.edit_by(Session::undo, "Undone") {
            self.say("Nothing to undo");
        }
    }

    pub(super) fn redo(&self) {
        if !self.edit_by(Session::redo, "Redone") {
            self.say("Nothing to redo");
        }
    }

    pub(super) fn toggle_play(&self) {
        let playing = !self.playing.get_untracked();
        self.playing.set(playing);
        self.say(if playing { "Running" } else { "Paused" });
        self.refresh();
    }

    pub(super) fn restart(&self) {
        self.travel(Session::restart);
        if matches!(self.selection.get_untracked(), Selection::Request(_)) {
            self.selection.set(Selection::Nothing);
        }
        self.refresh();
        self.say("Back at the start");
    }

    /// What a node, a region or a note is called.
    pub(super) fn label(&self, id: &str) -> String {
        self.with(|session| session.scenario().name(id)).unwrap_or_default()
    }

    /// The dots of the last frame.
    pub(super) fn with_dots<T>(&self, use_them: impl FnOnce(&mut Vec<Dot>) -> T) -> T {
        self.dots.try_update_value(use_them).expect("dots live as long as the page")
    }

    /// Where everything stands.
    pub(super) fn with_places<T>(&self, use_them: impl FnOnce(&Places) -> T) -> T {
        self.places.with_value(use_them)
    }

    /// What cards and wires show.
    pub(super) fn with_live<T>(&self, use_them: impl FnOnce(&mut Live) -> T) -> T {
        self.live.try_update_value(use_them).expect("it lives as long as the page")
    }

    fn find_places(&self) {
        self.places.set_value(self.with(|session| Places::of(session.scenario())));
    }
}

/// With a capital and a full stop.
pub(super) fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let mut text = first + letters.as_str();
    if !text.ends_with('.') {
        text.push('.');
    }
    text
}

/// The store, from anywhere in the page.
pub(super) fn store() -> Store {
    expect_context::<Store>()
}
