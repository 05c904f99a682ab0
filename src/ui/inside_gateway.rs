//! A gateway on the canvas: the gates that a request passes, in their order, and a row per route.

use leptos::prelude::*;

use crate::view::face::{Face, GateCell, Inside, RouteRow};

/// The gates with their counts, then the routes with their shares.
pub(super) fn gates(quick: RwSignal<Option<Face>>, slow: RwSignal<Option<Face>>) -> impl IntoView {
    let read = |face: &Option<Face>| match face.as_ref().map(|f| &f.inside) {
        Some(Inside::Gates(gates, routes)) => (gates.clone(), routes.clone()),
        _ => Default::default(),
    };
    let all = move || quick.with(read);
    let calm = move || slow.with(read);
    let counts = Memo::new(move |_| {
        let (gates, routes) = all();
        (gates.len(), routes.len())
    });
    let gate = move |place: usize| {
        let part =
            move |read: fn(&GateCell) -> String| all().0.get(place).map(read).unwrap_or_default();
        let stopped = move || calm().0.get(place).map(|g| g.stopped.clone()).unwrap_or_default();
        let shut = move || all().0.get(place).map_or(0.0, |gate| gate.shut.clamp(0.0, 1.0));
        view! {
            <div class="gate" class:stops=move || { shut() > 0.0 }>
                <span class="gate-name">{move || part(|g| g.name.to_owned())}</span>
                <span class="bars" aria-hidden="true" style:--shut=move || format!("{:.3}", shut())>
                </span>
                <span class="through">{move || part(|g| g.passed.clone())}</span>
                <span class="halted">{stopped}</span>
            </div>
        }
    };
    let route = move |place: usize| {
        let part =
            move |read: fn(&RouteRow) -> String| all().1.get(place).map(read).unwrap_or_default();
        let note = move || calm().1.get(place).map(|r| r.note.clone()).unwrap_or_default();
        let share = move || all().1.get(place).map_or(0.0, |row| row.share.clamp(0.0, 1.0));
        view! {
            <div class="row route"
                class:astray=move || all().1.get(place).is_some_and(|row| row.astray)>
                <span class="who">{move || part(|r| r.name.clone())}</span>
                <span class="share" style:--share=move || format!("{:.3}", share())></span>
                <span class="value">{move || part(|r| r.number.clone())}</span>
                <span class="aside">{note}</span>
            </div>
        }
    };
    view! {
        <div class="door">
            <div class="gates">{move || (0..counts.get().0).map(gate).collect_view()}</div>
            {move || (0..counts.get().1).map(route).collect_view()}
        </div>
    }
}
