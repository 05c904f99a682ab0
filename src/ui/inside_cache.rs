//! The inside of a cache: a ring for each entry with the time it has left, and a line below.

use leptos::prelude::*;

use crate::view::cache_face::Ring;
use crate::view::face::{Face, Inside};

/// Rings in their places, how many more there are, and what happened last.
pub(super) fn rings(quick: RwSignal<Option<Face>>) -> impl IntoView {
    let read = move |place: usize, read: fn(&Ring) -> String| {
        quick.with(|face| match face.as_ref().map(|f| &f.inside) {
            Some(Inside::Rings { rings, .. }) => rings.get(place).map(read).unwrap_or_default(),
            _ => String::new(),
        })
    };
    let count = Memo::new(move |_| {
        quick.with(|face| match face.as_ref().map(|f| &f.inside) {
            Some(Inside::Rings { rings, .. }) => rings.len(),
            _ => 0,
        })
    });
    let below = Memo::new(move |_| {
        quick.with(|face| match face.as_ref().map(|f| &f.inside) {
            Some(Inside::Rings { more, note, .. }) => (*more, note.clone()),
            _ => (0, String::new()),
        })
    });
    let more = move || match below.get().0 {
        0 => String::new(),
        n => format!("+{n}"),
    };
    let ring = move |place: usize| {
        view! {
            <span class=move || format!("ring {}", read(place, |r| r.standing.class().to_owned()))
                title=move || read(place, |r| r.words.clone())
                style:--left=move || read(place, |r| format!("{:.2}", r.left))></span>
        }
    };
    view! {
        <div class="rings" aria-hidden="true">
            {move || (0..count.get()).map(ring).collect_view()}
        </div>
        <div class="row under">
            <span class="happened">{move || below.get().1}</span>
            <span class="value">{more}</span>
        </div>
    }
}
