//! A database on the canvas: a row per member, with its role, its log and how busy it is.

use leptos::prelude::*;

use crate::view::face::{Face, Inside, MemberRow};

/// A row per member.
pub(super) fn members(quick: RwSignal<Option<Face>>) -> impl IntoView {
    let all = move || {
        quick.with(|face| match face.as_ref().map(|f| &f.inside) {
            Some(Inside::Members(rows)) => rows.clone(),
            _ => Vec::new(),
        })
    };
    let count = Memo::new(move |_| all().len());
    let row = move |place: usize| {
        let part =
            move |read: fn(&MemberRow) -> String| all().get(place).map(read).unwrap_or_default();
        let is = move |read: fn(&MemberRow) -> bool| all().get(place).is_some_and(read);
        let load = move || all().get(place).map_or(0.0, |row| row.load.clamp(0.0, 1.0));
        view! {
            <div class="row member" class:leads=move || is(|r| r.leads)
                class:wrong=move || is(|r| r.wrong)>
                <span class="who">{move || part(|r| format!("{} {}", r.name, r.role))}</span>
                <span class="load" style:--load=move || format!("{:.3}", load())></span>
                <span class="value">{move || part(|r| r.position.clone())}</span>
                <span class="lag">{move || part(|r| r.lag.clone())}</span>
            </div>
        }
    };
    view! {
        <div class="members">{move || (0..count.get()).map(row).collect_view()}</div>
    }
}
