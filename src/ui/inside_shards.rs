//! The inside of tables and shard routers: shares against their equal share, and the placement as a
//! ring or a strip; and in the inspector, a key to try.

use leptos::prelude::*;

use super::store::{Store, store};
use crate::node::AnyNode;
use crate::session::Session;
use crate::sim::{Line, Why};
use crate::view::face::{Face, Inside};
use crate::view::shards::{Placing, ShareRow};

/// A row per partition or shard: its share, the equal share as a mark, how busy it is.
pub(super) fn shares(quick: RwSignal<Option<Face>>) -> impl IntoView {
    let all = move || {
        quick.with(|face| match face.as_ref().map(|f| &f.inside) {
            Some(Inside::Partitions(rows) | Inside::Shards(rows, _)) => rows.clone(),
            _ => Vec::new(),
        })
    };
    let rows = Memo::new(move |_| all());
    let count = Memo::new(move |_| rows.with(Vec::len));
    let row = move |place: usize| {
        let part = move |read: fn(&ShareRow) -> String| {
            rows.with(|rows| rows.get(place).map(read).unwrap_or_default())
        };
        let number = move |read: fn(&ShareRow) -> f64| {
            rows.with(|rows| rows.get(place).map_or(0.0, read).clamp(0.0, 1.0))
        };
        let is =
            move |read: fn(&ShareRow) -> bool| rows.with(|rows| rows.get(place).is_some_and(read));
        view! {
            <div class="row" class:next=move || is(|r| r.last) class:out=move || is(|r| !r.there)>
                <span class="who">{move || part(|r| r.name.clone())}</span>
                <span class="share"
                    style:--share=move || format!("{:.3}", number(|r| r.share))
                    style:--equal=move || format!("{:.3}", number(|r| r.equal))
                    style:--load=move || format!("{:.3}", number(|r| r.load))></span>
                <span class="value">{move || part(|r| r.number.clone())}</span>
            </div>
        }
    };
    view! {
        <div class="rows shares">{move || (0..count.get()).map(row).collect_view()}</div>
    }
}

/// A router: its placement, then its shards.
pub(super) fn placement(quick: RwSignal<Option<Face>>) -> impl IntoView {
    let placing = Memo::new(move |_| {
        quick.with(|face| match face.as_ref().map(|f| &f.inside) {
            Some(Inside::Shards(_, placing)) => placing.clone(),
            _ => Placing::default(),
        })
    });
    view! {
        {drawing(placing)}
        {shares(quick)}
        <p class="moving">{move || placing.with(|p| p.moving.clone())}</p>
    }
}

/// A placement as a ring or a strip, with the last key.
pub(super) fn drawing(placing: Memo<Placing>) -> impl IntoView {
    let outline = move |place: usize| move || placing.with(|p| p.paths[place].clone());
    let mark = move || {
        placing.with(|p| {
            let at = p.mark.map(|(x, y)| format!("translate({x:.1} {y:.1})"));
            at.map(|at| view! { <circle class="mark" r="4" transform=at /> })
        })
    };
    let words = move || placing.with(|p| p.key.clone());
    let scores = move || placing.with(|p| !p.ring && p.paths.iter().all(String::is_empty));
    view! {
        <div class="placing" class:circular=move || placing.with(|p| p.ring) aria-hidden="true">
            <svg viewBox="0 0 100 100" preserveAspectRatio="none">
                <path class="other a" d=outline(1) />
                <path class="other b" d=outline(2) />
                <path class="other c" d=outline(3) />
                <path class="mine" d=outline(0) />
                {mark}
            </svg>
            <code>{words}</code>
            <Show when=scores><small>"every shard is asked for its score"</small></Show>
        </div>
    }
}

/// What the node would do with a key: where it would go, and why.
fn tried(session: &Session, id: &str, key: &str) -> Option<(String, Why)> {
    let run = session.run();
    let number = run.find(id)?;
    match &run.nodes()[usize::from(number.0)] {
        AnyNode::Router(router) => {
            let (place, why) = router.try_key(key);
            let shard = place.and_then(|place| router.members().get(place));
            let node = shard.map(|shard| run.card(shard.node).id.to_string());
            Some((node.unwrap_or_default(), why))
        }
        AnyNode::Table(table) => Some((String::new(), table.try_key(key))),
        AnyNode::Cluster(cluster) => Some((String::new(), cluster.try_key(key))),
        _ => None,
    }
}

/// A field for a key: where it would go and why, with no request sent. Its wire lights up.
#[component]
pub(super) fn TryKey(id: String) -> impl IntoView {
    let store: Store = store();
    let id = StoredValue::new(id);
    let key = RwSignal::new("user:42".to_owned());
    let answer = Memo::new(move |_| {
        store.pulse.track();
        store.rev.track();
        let key = key.get();
        store.with(|session| tried(session, &id.get_value(), &key)).unwrap_or_default()
    });
    Effect::new(move |_| {
        let to = answer.with(|(to, _)| to.clone());
        store.tried.set((!to.is_empty()).then(|| (id.get_value(), to)));
    });
    on_cleanup(move || store.tried.set(None));
    let line = |line: Line| {
        view! {
            <tr class:chosen=line.chosen>
                <th scope="row">{line.subject}</th>
                <td>{line.numbers}</td>
            </tr>
        }
    };
    view! {
        <div class="field try">
            <label for="try-key">"Try a key"</label>
            <input id="try-key" class="mono" maxlength="200" spellcheck="false"
                prop:value=move || key.get()
                on:input=move |event| key.set(event_target_value(&event)) />
            <section class="why" aria-live="polite">
                <table>
                    {move || answer.with(|(_, why)| why.lines.clone()).into_iter().map(line)
                        .collect_view()}
                </table>
                <p>{move || answer.with(|(_, why)| why.sentence.clone())}</p>
            </section>
        </div>
    }
}
