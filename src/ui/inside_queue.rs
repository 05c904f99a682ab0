//! A queue on the canvas: a row per queue or partition, with those that wait as places, those that
//! are with workers apart from them.

use leptos::prelude::*;

use crate::view::face::{Face, Inside, MessageRow};
use crate::view::queue::MESSAGES_SHOWN;

/// A row per queue, or per partition and group.
pub(super) fn messages(quick: RwSignal<Option<Face>>) -> impl IntoView {
    let all = move || {
        quick.with(|face| match face.as_ref().map(|f| &f.inside) {
            Some(Inside::Messages(rows)) => rows.clone(),
            _ => Vec::new(),
        })
    };
    let count = Memo::new(move |_| all().len());
    let row = move |place: usize| {
        let part =
            move |read: fn(&MessageRow) -> String| all().get(place).map(read).unwrap_or_default();
        let shown = move |read: fn(&MessageRow) -> u64| {
            all().get(place).map_or(0, read).min(MESSAGES_SHOWN).to_string()
        };
        let idle = move || all().get(place).is_some_and(|row| row.idle);
        let full = move || all().get(place).is_some_and(|row| row.waiting > MESSAGES_SHOWN);
        view! {
            <div class="row queue-row" class:queue-idle=idle>
                <span class="who">{move || part(|r| r.name.clone())}</span>
                <span class="queue-waits" class:queue-full=full
                    style:--waits=move || shown(|r| r.waiting)></span>
                <span class="queue-out" style:--out=move || shown(|r| r.out)></span>
                <span class="value">{move || part(|r| r.numbers.clone())}</span>
            </div>
        }
    };
    view! {
        <div class="queue-rows">{move || (0..count.get()).map(row).collect_view()}</div>
    }
}
