//! A board on the canvas: four readings, and a row for each alert.

use leptos::prelude::*;

use crate::view::board::{AlertRow, BoardFace};
use crate::view::face::{Face, Inside};
use crate::view::layout::ROWS_MAX;

/// Readings and alerts.
pub(super) fn board(slow: RwSignal<Option<Face>>) -> impl IntoView {
    let read = move || {
        slow.with(|face| match face.as_ref().map(|f| &f.inside) {
            Some(Inside::Board(face)) => Some(face.clone()),
            _ => None,
        })
    };
    let alerts = move || read().map(|face: BoardFace| face.alerts).unwrap_or_default();
    let count = Memo::new(move |_| alerts().len().min(ROWS_MAX));
    let reading = move |place: usize| {
        let part = move |which: usize| {
            let text = read().map(|face| face.readings[place].clone());
            text.map(|(name, value)| [name.to_owned(), value][which].clone()).unwrap_or_default()
        };
        view! {
            <span class="board-reading"><b>{move || part(1)}</b> {move || part(0)}</span>
        }
    };
    let row = move |place: usize| {
        let part = move |of: fn(&AlertRow) -> String| alerts().get(place).map(of);
        let is = move |state: &'static str| alerts().get(place).is_some_and(|a| a.state == state);
        view! {
            <div class="board-alert" class:firing=move || is("firing")
                class:pending=move || is("pending") title=move || part(|a| a.rule.clone())>
                <span class="board-rule">{move || part(|a| a.rule.clone())}</span>
                <span class="value">{move || part(|a| a.value.clone())}</span>
                <span class="board-state">{move || part(|a| a.state.to_owned())}</span>
            </div>
        }
    };
    view! {
        <div class="board-readings">{(0..4).map(reading).collect_view()}</div>
        <div class="board-alerts">{move || (0..count.get()).map(row).collect_view()}</div>
    }
}
