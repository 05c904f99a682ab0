//! A registry on the canvas: a row per instance with the lamp of its check.

use leptos::prelude::*;

use crate::view::face::{Face, Inside, InstanceRow};

/// A row per instance, and a line for what happened last.
pub(super) fn instances(
    quick: RwSignal<Option<Face>>,
    slow: RwSignal<Option<Face>>,
) -> impl IntoView {
    let read = |face: &Option<Face>| match face.as_ref().map(|f| &f.inside) {
        Some(Inside::Instances(rows, _)) => rows.clone(),
        _ => Vec::new(),
    };
    let all = move || quick.with(read);
    // Seconds that change ten times in one would only flicker.
    let calm = move || slow.with(read);
    let count = Memo::new(move |_| all().len());
    let row = move |place: usize| {
        let part =
            move |read: fn(&InstanceRow) -> String| all().get(place).map(read).unwrap_or_default();
        let checked = move || calm().get(place).map(|r| r.checked.clone()).unwrap_or_default();
        let share = move || all().get(place).map_or(0.0, |row| row.share.clamp(0.0, 1.0));
        let class = move || {
            let word = part(|r| r.lamp.words().replace(' ', "-"));
            format!("row instance {word}")
        };
        view! {
            <div class=class title=move || part(|r| r.said.clone())>
                <span class="lamp" aria-hidden="true">
                    {move || part(|r| r.lamp.shape().to_owned())}
                </span>
                <span class="who">{move || part(|r| r.name.clone())}</span>
                <span class="state">{move || part(|r| r.lamp.words().to_owned())}</span>
                <span class="checked">{checked}</span>
                <span class="share" style:--share=move || format!("{:.3}", share())></span>
                <span class="value">{move || part(|r| r.number.clone())}</span>
            </div>
        }
    };
    let news = move || {
        slow.with(|face| match face.as_ref().map(|f| &f.inside) {
            Some(Inside::Instances(_, news)) => news.clone(),
            _ => String::new(),
        })
    };
    view! {
        <div class="instances">
            {move || (0..count.get()).map(row).collect_view()}
            <p class="news">{news}</p>
        </div>
    }
}
