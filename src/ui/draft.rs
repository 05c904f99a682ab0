//! The draft in the browser's own storage: it survives a reload and a crash.
//!
//! Storage may be missing or refuse, as in a sandboxed frame; then the draft lives in memory only.

use leptos::prelude::*;
use web_sys::Storage;

use super::habits::Habits;
use super::options;
use super::store::Store;
use crate::scenario::Scenario;
use crate::session::Shelf;

const DRAFT: &str = "switchyard/draft";
const BEFORE: &str = "switchyard/draft-before";
const SHELF: &str = "switchyard/kept";
const HABITS: &str = "switchyard/habits";
const THEME: &str = "switchyard/theme";

fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

fn read(key: &str) -> Option<String> {
    storage()?.get_item(key).ok().flatten()
}

/// Was it written? A full or forbidden storage loses the draft on reload, nothing else.
fn write(key: &str, value: &str) -> bool {
    storage().is_some_and(|storage| storage.set_item(key, value).is_ok())
}

/// The draft of the last visit, if there is one and it can be read.
pub(super) fn load() -> Option<Scenario> {
    Scenario::from_json(&read(DRAFT)?).ok()
}

/// Keeps the draft. An embed, and a shared copy that nobody has touched, keep nothing.
pub(super) fn save(store: &Store) {
    if !store.options.embed && !store.shared.get_untracked() {
        write(DRAFT, &store.with(|session| session.scenario().to_json()));
    }
}

/// A shared copy becomes the draft; the draft before it is kept aside.
pub(super) fn make_mine(store: &Store) {
    store.shared.set(false);
    if !store.options.embed {
        options::drop_fragment();
        if let Some(before) = read(DRAFT) {
            write(BEFORE, &before);
        }
        save(store);
    }
}

/// The draft is kept aside, because another scenario comes in its place.
pub(super) fn set_aside(store: &Store) {
    save(store);
    if let Some(before) = read(DRAFT) {
        write(BEFORE, &before);
    }
}

/// What is kept by name; nothing where nothing can be kept.
pub(super) fn shelf() -> Option<Shelf> {
    storage()?;
    Some(Shelf::read(&read(SHELF).unwrap_or_default()))
}

/// Keeps what is kept by name. Could it be written?
pub(super) fn keep_shelf(shelf: Option<&Shelf>) -> bool {
    shelf.is_some_and(|shelf| write(SHELF, &shelf.write()))
}

/// The draft that a shared copy has replaced.
pub(super) fn earlier() -> Option<Scenario> {
    Scenario::from_json(&read(BEFORE)?).ok()
}

/// How this person likes to work.
pub(super) fn habits() -> Habits {
    read(HABITS).map(|text| Habits::read(&text)).unwrap_or_default()
}

/// Remembers how this person likes to work; where nothing is kept, until the page is closed.
pub(super) fn keep_habits(habits: &Habits) {
    write(HABITS, &habits.write());
}

/// The theme chosen by hand.
pub(super) fn theme() -> Option<String> {
    read(THEME)
}

/// Remembers the theme chosen by hand.
pub(super) fn keep_theme(name: &str) {
    write(THEME, name);
}
