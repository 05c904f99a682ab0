//! A cache cluster on the canvas: the placement, then a row per member: how full it is, its share
//! of the work, its entries and hits.

use leptos::prelude::*;

use super::inside_shards::drawing;
use crate::view::face::{ClusterRow, Face, Inside};
use crate::view::shards::Placing;

/// The placement and the members.
pub(super) fn cluster(quick: RwSignal<Option<Face>>) -> impl IntoView {
    let placing = Memo::new(move |_| {
        quick.with(|face| match face.as_ref().map(|f| &f.inside) {
            Some(Inside::Cluster(_, placing)) => placing.clone(),
            _ => Placing::default(),
        })
    });
    let rows = Memo::new(move |_| {
        quick.with(|face| match face.as_ref().map(|f| &f.inside) {
            Some(Inside::Cluster(rows, _)) => rows.clone(),
            _ => Vec::new(),
        })
    });
    let count = Memo::new(move |_| rows.with(Vec::len));
    let row = move |place: usize| {
        let part = move |read: fn(&ClusterRow) -> String| {
            rows.with(|rows| rows.get(place).map(read).unwrap_or_default())
        };
        let number = move |read: fn(&ClusterRow) -> f64| {
            rows.with(|rows| rows.get(place).map_or(0.0, read).clamp(0.0, 1.0))
        };
        let is = move |read: fn(&ClusterRow) -> bool| {
            rows.with(|rows| rows.get(place).is_some_and(read))
        };
        let stands = Memo::new(move |_| part(|r| r.standing.to_owned()));
        view! {
            <div class="row" class:holds=move || is(|r| r.holds)
                class:wrong=move || is(|r| r.wrong)>
                <span class="who">{move || part(|r| r.name.clone())}</span>
                {move || match stands.get() {
                    words if words.is_empty() => view! {
                        <span class="room"
                            style:--full=move || format!("{:.3}", number(|r| r.full))
                            style:--load=move || format!("{:.3}", number(|r| r.load))></span>
                    }.into_any(),
                    words => view! { <span class="standing">{words}</span> }.into_any(),
                }}
                <span class="value">{move || part(|r| r.entries.clone())}</span>
                <span class="hits">{move || part(|r| r.hits.clone())}</span>
            </div>
        }
    };
    view! {
        {drawing(placing)}
        <div class="parts">{move || (0..count.get()).map(row).collect_view()}</div>
        <p class="moving">{move || placing.with(|p| p.moving.clone())}</p>
    }
}
