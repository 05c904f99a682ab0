//! Parameters as data: what can be set on a node, within which limits, and what it means.
//!
//! The inspector, the checks on files and links, and the tests that no knob is dead all read these
//! tables; nothing about a parameter is written down twice.

use crate::policy::Entry;

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number in the parameter's unit.
    Number(f64),
    /// The key of a choice.
    Choice(String),
    /// On or off.
    Switch(bool),
    /// Words that mean something: a list of numbers, bounds.
    Text(String),
}

/// What values a parameter takes.
#[derive(Clone, Copy, Debug)]
pub enum Range {
    /// Numbers from `min` to `max`; `whole` ones only, or any. A slider moves in `step`s up to
    /// `handy`.
    Number {
        /// The smallest allowed.
        min: f64,
        /// The largest allowed.
        max: f64,
        /// The largest that a slider offers; the field beside it takes the rest.
        handy: f64,
        /// One nudge.
        step: f64,
        /// Must it be a whole number?
        whole: bool,
    },
    /// One of these.
    Choice(fn() -> Vec<Choice>),
    /// On or off.
    Switch,
    /// Words of a form of their own.
    Text {
        /// The most characters.
        most: usize,
        /// Says what is wrong with them, if anything is.
        check: fn(&str) -> Result<(), String>,
        /// An example that is right.
        example: &'static str,
    },
}

/// One of several values.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// In files.
    pub key: &'static str,
    /// In links; never reused within its parameter.
    pub wire: u8,
    /// In menus.
    pub name: &'static str,
    /// The rule in one sentence.
    pub rule: &'static str,
    /// More about it, for an algorithm.
    pub about: Option<About>,
}

/// What an algorithm's catalogue entry says beyond its rule.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Whose algorithm exactly.
    pub whose: &'static str,
    /// What a decision costs.
    pub cost: &'static str,
    /// When to use it.
    pub when: &'static str,
    /// When not to.
    pub when_not: &'static str,
    /// Where the rule comes from.
    pub source: &'static str,
}

impl Choice {
    /// One that has nothing more to say than its rule.
    pub const fn plain(
        key: &'static str,
        wire: u8,
        name: &'static str,
        rule: &'static str,
    ) -> Choice {
        Choice { key, wire, name, rule, about: None }
    }

    /// An algorithm of a catalogue.
    pub fn of<Make>(entry: &Entry<Make>) -> Choice {
        let Entry { key, wire, name, rule, whose, cost, when, when_not, source, .. } = *entry;
        let about = Some(About { whose, cost, when, when_not, source });
        Choice { key, wire, name, rule, about }
    }

    /// The heading under which menus list it: the system it is exactly as in, if it is.
    pub fn group(&self) -> &'static str {
        let systems = [("nginx", "nginx"), ("haproxy", "HAProxy"), ("envoy", "Envoy")];
        let found = systems.iter().find(|(prefix, _)| self.key.starts_with(prefix));
        found.map_or("", |(_, name)| name)
    }
}

/// A parameter of one kind of node.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Its name in files.
    pub key: &'static str,
    /// Its number in links; never reused within its kind.
    pub wire: u8,
    /// Its name on the screen.
    pub label: &'static str,
    /// Its unit, or nothing.
    pub unit: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// What values it takes.
    pub range: Range,
}

impl Spec {
    /// Is this value allowed? If not: why, in words for a person.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        match (&self.range, value) {
            (Range::Number { min, max, whole, .. }, Value::Number(n)) => {
                if n.is_nan() {
                    Err(format!("must be a number between {min} and {max}"))
                } else if !n.is_finite() || n < min || n > max {
                    Err(format!("must be between {min} and {max}, got {}", brief(*n)))
                } else if *whole && n.fract() != 0.0 {
                    Err(format!("must be a whole number, got {n}"))
                } else {
                    Ok(())
                }
            }
            (Range::Choice(all), Value::Choice(key)) => match all().iter().any(|c| c.key == key) {
                true => Ok(()),
                false => {
                    let known: Vec<&str> = all().iter().map(|choice| choice.key).collect();
                    let got: String = key.chars().take(40).collect();
                    Err(format!("must be one of {}, got {got:?}", known.join(", ")))
                }
            },
            (Range::Switch, Value::Switch(_)) => Ok(()),
            (Range::Text { most, check, .. }, Value::Text(text)) => {
                match text.chars().count() > *most {
                    true => Err(format!("must be at most {most} characters long")),
                    false => check(text),
                }
            }
            (Range::Number { .. }, _) => Err("must be a number".to_owned()),
            (Range::Choice(_) | Range::Text { .. }, _) => Err("must be a text".to_owned()),
            (Range::Switch, _) => Err("must be true or false".to_owned()),
        }
    }
}

/// A parameter of a settings struct `C`, with the way to it.
#[derive(Debug)]
pub struct Param<C: 'static> {
    /// What it is.
    pub spec: Spec,
    /// Reads it.
    pub get: fn(&C) -> Value,
    /// Writes a value that `Spec::check` has allowed; other types of value change nothing.
    pub set: fn(&mut C, Value),
}

/// A number as short as a sentence needs it.
pub(crate) fn brief(n: f64) -> String {
    if n.abs() < 1e15 { n.to_string() } else { format!("{n:e}") }
}

/// The number in a value that `Spec::check` allowed for a number.
pub(crate) fn number(value: Value) -> f64 {
    match value {
        Value::Number(n) => n,
        Value::Choice(_) | Value::Switch(_) | Value::Text(_) => 0.0,
    }
}

/// The key of what is set, among the choices with what each stands for.
pub(super) fn key_of<T: PartialEq>(choices: &[(T, Choice)], set: &T) -> Value {
    let found = choices.iter().find(|(one, _)| one == set);
    Value::Choice(found.map_or("", |(_, choice)| choice.key).to_owned())
}

/// What a key stands for.
pub(super) fn of_key<T: Copy>(choices: &[(T, Choice)], value: &Value) -> Option<T> {
    let Value::Choice(key) = value else { return None };
    choices.iter().find(|(_, choice)| choice.key == key).map(|(one, _)| *one)
}

/// Sets what a key stands for.
pub(super) fn choose<T: Copy>(choices: &[(T, Choice)], value: &Value, into: &mut T) {
    *into = of_key(choices, value).unwrap_or(*into);
}

/// A row of a table of parameters.
pub(super) const fn row(
    wire: u8,
    (key, label, unit): (&'static str, &'static str, &'static str),
    range: Range,
    help: &'static str,
) -> Spec {
    Spec { key, wire, label, unit, help, range }
}

/// Whole numbers, with this much on the slider.
pub(super) const fn whole(min: f64, max: f64, handy: f64) -> Range {
    Range::Number { min, max, handy, step: 1.0, whole: true }
}
