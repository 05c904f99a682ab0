//! How a person likes to work: what the wheel does, whether single letters are commands, whether
//! things snap to the grid. Kept in the browser, never in a scenario.

use leptos::prelude::*;

use super::draft;
use super::store::{Store, store};
use crate::view::wheel::Device;

/// The habits of one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Habits {
    /// What the wheel belongs to.
    pub(super) device: Device,
    /// Are single letters commands while the canvas has the keyboard?
    pub(super) letters: bool,
    /// Does what is dragged go from place to place of the grid?
    pub(super) snap: bool,
}

impl Default for Habits {
    fn default() -> Self {
        Habits { device: Device::Auto, letters: true, snap: true }
    }
}

impl Habits {
    /// From the text that `write` gave; what cannot be understood is as it is by default.
    pub(super) fn read(text: &str) -> Habits {
        let mut habits = Habits::default();
        for word in text.split(' ') {
            match word {
                "no-letters" => habits.letters = false,
                "no-snap" => habits.snap = false,
                word => habits.device = Device::named(word).unwrap_or(habits.device),
            }
        }
        habits
    }

    /// As a text.
    pub(super) fn write(&self) -> String {
        let mut words = vec![self.device.word()];
        words.extend((!self.letters).then_some("no-letters"));
        words.extend((!self.snap).then_some("no-snap"));
        words.join(" ")
    }
}

/// Changes how this person likes to work, and remembers it.
pub(super) fn change(store: Store, how: impl FnOnce(&mut Habits)) {
    store.habits.update(how);
    draft::keep_habits(&store.habits.get_untracked());
}

/// What can be chosen.
#[component]
pub(super) fn HabitSettings() -> impl IntoView {
    let store = store();
    let option = move |device: Device| {
        view! {
            <option value=device.word()
                selected=move || store.habits.with(|habits| habits.device == device)>
                {device.words()}
            </option>
        }
    };
    let switch = move |id: &'static str,
                       words: &'static str,
                       read: fn(&Habits) -> bool,
                       write: fn(&mut Habits, bool)| {
        view! {
            <div class="field check">
                <input type="checkbox" class="switch" id=id
                    prop:checked=move || store.habits.with(read)
                    on:change=move |event| {
                        let on = event_target_checked(&event);
                        change(store, |habits| write(habits, on));
                    } />
                <label for=id>{words}</label>
            </div>
        }
    };
    view! {
        <section class="habits">
            <div class="field">
                <label for="habit-device">"The wheel"</label>
                <select id="habit-device" on:change=move |event| {
                    if let Some(device) = Device::named(&event_target_value(&event)) {
                        change(store, |habits| habits.device = device);
                    }
                }>{Device::ALL.map(option)}</select>
                <p class="help">"With Ctrl, or pinching, it always zooms."</p>
            </div>
            {switch("habit-letters", "Single letters are commands on the canvas",
                |habits| habits.letters, |habits, on| habits.letters = on)}
            {switch("habit-snap", "What is dragged snaps to the grid and to others",
                |habits| habits.snap, |habits, on| habits.snap = on)}
        </section>
    }
}
