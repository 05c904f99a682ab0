//! An autoscaled group on the canvas: a box per server, filled as far as it works, and what was
//! measured against its target.

use leptos::prelude::*;

use crate::view::face::{Face, Inside};
use crate::view::group::{Fleet, ServerBox};

/// The servers, and the measure.
pub(super) fn fleet(quick: RwSignal<Option<Face>>) -> impl IntoView {
    let read = move |part: fn(&Fleet) -> String| {
        quick.with(|face| match face.as_ref().map(|f| &f.inside) {
            Some(Inside::Group(fleet)) => part(fleet),
            _ => String::new(),
        })
    };
    let boxes = move || {
        quick.with(|face| match face.as_ref().map(|f| &f.inside) {
            Some(Inside::Group(fleet)) => fleet.boxes.clone(),
            _ => Vec::new(),
        })
    };
    let count = Memo::new(move |_| boxes().len());
    let one = move |place: usize| {
        let at = move |part: fn(&ServerBox) -> String| boxes().get(place).map(part);
        let is = move |state: &'static str| boxes().get(place).is_some_and(|b| b.state == state);
        view! {
            <span class="group-server"
                class:starting=move || is("starting") class:draining=move || is("draining")
                class:dead=move || is("dead")
                class:empty=move || boxes().get(place).is_some_and(|b| b.empty)
                class:queue=move || boxes().get(place).is_some_and(|b| b.queue)
                style:--fill=move || at(|b| format!("{:.3}", b.fill))
                title=move || at(|b| format!("server {}: {}", b.name, b.state))>
                {move || at(|b| match b.state {
                    "starting" => "\u{2026}",
                    "draining" => "\u{2193}",
                    "dead" => "\u{d7}",
                    _ => "",
                }.to_owned())}
            </span>
        }
    };
    view! {
        <div class="group-fleet">{move || (0..count.get()).map(one).collect_view()}</div>
        <div class="group-gauge">
            <span class="group-bar" style:--measured=move || read(|f| format!("{:.3}", f.measured))
                style:--target=move || read(|f| format!("{:.3}", f.target))></span>
            <span class="value">{move || read(|f| f.gauge.clone())}</span>
        </div>
        <p class="group-count">{move || read(|f| f.count.clone())}</p>
    }
}
