//! One parameter: its name, unit, limits and help, and what is wrong with what was typed, beside
//! it.

use leptos::prelude::*;

use super::gestures::fresh_number;
use super::store::{Store, sentence, store};
use crate::node::param::About;
use crate::node::{Choice, Range, Spec, Value};
use crate::session::Command;

/// Words that may be so long have lines of their own: a field of one line would drop the ends of
/// lines that are pasted.
const LINES_FROM: usize = 4_000;

/// A parameter of a node.
#[component]
pub(super) fn ParamField(id: String, spec: Spec) -> impl IntoView {
    let store = store();
    let id = StoredValue::new(id);
    let value = Memo::new(move |_| {
        store.doc(|s| id.with_value(|id| s.node(id).and_then(|node| node.kind.get(spec.key))))
    });
    let error = RwSignal::new(None::<String>);
    let name = format!("{}-{}", id.get_value(), spec.key);
    let help = format!("{name}-help");
    let set = move |new: Value, gesture: u64| {
        let command = Command::Set(id.get_value(), spec.key.to_owned(), new);
        error.set(try_edit(store, command, gesture));
    };
    let control = match spec.range {
        Range::Number { .. } => numbers(spec, name.clone(), help.clone(), value, set).into_any(),
        Range::Choice(all) => {
            let chosen = move || match value.get() {
                Some(Value::Choice(key)) => key,
                _ => String::new(),
            };
            let choice = move || {
                let key = chosen();
                all().into_iter().find(|choice| choice.key == key)
            };
            let option = move |choice: Choice| {
                view! {
                    <option value=choice.key selected=move || chosen() == choice.key>
                        {choice.name}
                    </option>
                }
            };
            view! {
                <select id=name.clone() aria-describedby=help.clone()
                    on:change=move |event| set(Value::Choice(event_target_value(&event)), 0)>
                    {grouped(all(), option)}
                </select>
                <p class="rule">{move || choice().map(|choice| choice.rule)}</p>
                {move || choice().and_then(|choice| choice.about).map(about)}
            }
            .into_any()
        }
        Range::Switch => view! {
            <input type="checkbox" class="switch" id=name.clone()
                aria-describedby=help.clone()
                prop:checked=move || value.get() == Some(Value::Switch(true))
                on:change=move |event| set(Value::Switch(event_target_checked(&event)), 0) />
        }
        .into_any(),
        Range::Text { .. } => words(spec, name.clone(), help.clone(), value, set).into_any(),
    };
    view! {
        <div class="field" class:wrong=move || error.with(Option::is_some)>
            <label for=name>{spec.label}</label>
            {control}
            <p class="help" id=help>{spec.help}</p>
            <p class="error" role="alert">{move || error.get()}</p>
        </div>
    }
}

/// A field for words of a form of their own.
fn words(
    spec: Spec,
    name: String,
    help: String,
    value: Memo<Option<Value>>,
    set: impl Fn(Value, u64) + Copy + 'static,
) -> impl IntoView {
    let Range::Text { most, example, .. } = spec.range else { return ().into_any() };
    let text = move || match value.get() {
        Some(Value::Text(text)) => text,
        _ => String::new(),
    };
    let gesture = StoredValue::new(0u64);
    if most >= LINES_FROM {
        return view! {
            <textarea class="mono" rows="5" id=name aria-describedby=help
                maxlength=most.to_string() placeholder=example spellcheck="false"
                prop:value=text on:focus=move |_| gesture.set_value(fresh_number())
                on:input=move |event| {
                    set(Value::Text(event_target_value(&event)), gesture.get_value());
                }></textarea>
        }
        .into_any();
    }
    view! {
        <input class="mono" id=name aria-describedby=help maxlength=most.to_string()
            placeholder=example spellcheck="false"
            prop:value=text on:focus=move |_| gesture.set_value(fresh_number())
            on:input=move |event| {
                set(Value::Text(event_target_value(&event)), gesture.get_value());
            } />
    }
    .into_any()
}

/// Choices under the headings of their groups; those without a group come first.
fn grouped<V: IntoView + 'static>(all: Vec<Choice>, option: impl Fn(Choice) -> V) -> Vec<AnyView> {
    let mut groups: Vec<&str> = all.iter().map(Choice::group).collect();
    groups.sort_unstable();
    groups.dedup();
    let of_group = |group: &str| -> Vec<V> {
        all.iter().filter(|choice| choice.group() == group).map(|choice| option(*choice)).collect()
    };
    let heading = |group: &'static str| match group {
        "" => of_group(group).into_any(),
        _ => view! { <optgroup label=group>{of_group(group)}</optgroup> }.into_any(),
    };
    groups.into_iter().map(heading).collect()
}

/// When to use an algorithm, when not, what it costs, and whose it is.
fn about(about: About) -> impl IntoView {
    let rows = [
        ("Use it when", about.when),
        ("Not when", about.when_not),
        ("Cost", about.cost),
        ("Whose", about.whose),
        ("Source", about.source),
    ];
    let row = |(term, words): (&'static str, &'static str)| {
        view! { <dt>{term}</dt><dd>{words}</dd> }
    };
    view! {
        <details class="about">
            <summary>"When to use it"</summary>
            <dl>{rows.into_iter().map(row).collect_view()}</dl>
        </details>
    }
}

/// A slider for the handy part of the range, and a field for all of it.
fn numbers(
    spec: Spec,
    name: String,
    help: String,
    value: Memo<Option<Value>>,
    set: impl Fn(Value, u64) + Copy + 'static,
) -> impl IntoView {
    let Range::Number { min, max, handy, step, whole } = spec.range else { return ().into_any() };
    let number = move || match value.get() {
        Some(Value::Number(n)) => n,
        _ => 0.0,
    };
    let gesture = StoredValue::new(0u64);
    let typed = move |event: web_sys::Event, gesture: u64| {
        // What is not a number at all is refused as one out of range would be.
        let text = event_target_value(&event);
        set(Value::Number(text.trim().parse().unwrap_or(f64::NAN)), gesture);
    };
    let low = min.max(0.0).min(handy);
    let slider_label = format!("{}, slider", spec.label);
    let share = move || ((number() - low) / (handy - low)).clamp(0.0, 1.0);
    view! {
        <div class="number-field">
            <input type="range" aria-label=slider_label min=low max=handy step=step
                prop:value=number style:--share=move || format!("{:.3}", share())
                on:pointerdown=move |_| gesture.set_value(fresh_number())
                on:input=move |event| typed(event, gesture.get_value()) />
            <input type="number" id=name aria-describedby=help min=min max=max
                step=if whole { "1".to_owned() } else { "any".to_owned() }
                prop:value=move || number().to_string()
                on:change=move |event| typed(event, 0) />
            <span class="unit">{spec.unit}</span>
        </div>
    }
    .into_any()
}

/// Makes an edit; if it is refused, says why, for the field to show.
pub(super) fn try_edit(store: Store, command: Command, gesture: u64) -> Option<String> {
    let result = store.travel(|session| session.apply(command, gesture));
    match result {
        Ok(()) => {
            store.changed();
            None
        }
        Err(problem) => {
            let words = sentence(&problem.reason);
            store.say(&words);
            Some(words)
        }
    }
}
