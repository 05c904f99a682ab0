//! What a catalogue says about an algorithm, and the settings it may have.

use std::fmt;

/// An algorithm as people meet it. `Make` is how the room makes one.
#[derive(Debug)]
pub struct Entry<Make: 'static> {
    /// Its name in scenario files and on the command line.
    pub key: &'static str,
    /// Its number in links; never reused within its room.
    pub wire: u8,
    /// Its name in menus.
    pub name: &'static str,
    /// Whose algorithm exactly, with the version.
    pub whose: &'static str,
    /// The rule in one sentence.
    pub rule: &'static str,
    /// What a decision costs: time and memory, for n candidates.
    pub cost: &'static str,
    /// When to use it.
    pub when: &'static str,
    /// When not to.
    pub when_not: &'static str,
    /// Where the rule comes from.
    pub source: &'static str,
    /// What can be set on it.
    pub knobs: &'static [Knob],
    /// Makes one with no history.
    pub make: Make,
}

impl<Make> Entry<Make> {
    /// All of it but the way to make one.
    pub fn card(&self) -> Entry<()> {
        let Entry { key, wire, name, whose, rule, cost, when, when_not, source, knobs, .. } = *self;
        Entry { key, wire, name, whose, rule, cost, when, when_not, source, knobs, make: () }
    }
}

/// Something that can be set on an algorithm.
#[derive(Debug, PartialEq)]
pub struct Knob {
    /// Its name in scenario files and on the command line.
    pub key: &'static str,
    /// Its number in links; never reused within its algorithm.
    pub wire: u8,
    /// Its name in the inspector.
    pub label: &'static str,
    /// Its unit, or nothing.
    pub unit: &'static str,
    /// What it does, in a sentence.
    pub help: &'static str,
    /// The smallest value allowed.
    pub min: f64,
    /// The largest value allowed.
    pub max: f64,
    /// Its value unless set: the real system's default where there is one.
    pub default: f64,
    /// Whole numbers only?
    pub whole: bool,
}

/// Values for the knobs of one algorithm; those not set have their defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Knobs(Vec<(&'static str, f64)>);

impl Knobs {
    /// All defaults.
    pub const DEFAULTS: &'static Knobs = &Knobs(Vec::new());

    /// The value of `knob`.
    pub fn get(&self, knob: &Knob) -> f64 {
        let set = self.0.iter().find(|(key, _)| *key == knob.key);
        set.map_or(knob.default, |(_, value)| *value)
    }

    /// The value of a knob that counts something. Fractions are cut off.
    pub fn count(&self, knob: &Knob) -> usize {
        self.get(knob).max(0.0) as usize
    }

    /// Sets the knob called `key` out of `known`.
    ///
    /// # Errors
    /// When no such knob is known, or the value is out of its range.
    pub fn set(&mut self, known: &'static [Knob], key: &str, value: f64) -> Result<(), Refusal> {
        let Some(knob) = known.iter().find(|knob| knob.key == key) else {
            return Err(Refusal::NoSuchKnob {
                key: key.to_owned(),
                known: known.iter().map(|knob| knob.key).collect(),
            });
        };
        let fits = (knob.min..=knob.max).contains(&value);
        if !fits || (knob.whole && value.fract() != 0.0) {
            return Err(Refusal::KnobRange { knob, value });
        }
        match self.0.iter_mut().find(|(known, _)| *known == knob.key) {
            Some(slot) => slot.1 = value,
            None => self.0.push((knob.key, value)),
        }
        Ok(())
    }
}

/// Why an algorithm cannot be made from what it was given.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// Nothing to choose from.
    NoNodes,
    /// Two of them have the same name.
    Duplicate(String),
    /// A weight it cannot work with.
    Weight {
        /// Whose.
        name: String,
        /// The weight.
        weight: i64,
        /// What it must be: `at least 1`.
        must: &'static str,
    },
    /// More nodes, points or entries than it can hold.
    TooMany {
        /// Of what.
        what: &'static str,
        /// The most it can hold.
        most: usize,
        /// How many were asked for.
        got: usize,
    },
    /// A setting that does not go with the rest.
    Settings(String),
    /// A knob it does not have.
    NoSuchKnob {
        /// The name given.
        key: String,
        /// The names it has.
        known: Vec<&'static str>,
    },
    /// A knob out of its range.
    KnobRange {
        /// Which.
        knob: &'static Knob,
        /// The value given.
        value: f64,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NoNodes => write!(f, "there is no node to choose from"),
            Refusal::Duplicate(name) => write!(f, "two nodes are called {name:?}"),
            Refusal::Weight { name, weight, must } => {
                write!(f, "the weight of {name:?} must be {must}, got {weight}")
            }
            Refusal::TooMany { what, most, got } => {
                write!(f, "at most {most} {what} are possible, got {got}")
            }
            Refusal::Settings(words) => write!(f, "{words}"),
            Refusal::NoSuchKnob { key, known } if known.is_empty() => {
                write!(f, "there is nothing to set, so not {key:?} either")
            }
            Refusal::NoSuchKnob { key, known } => {
                write!(f, "there is no setting {key:?}; there is {}", known.join(", "))
            }
            Refusal::KnobRange { knob, value } => {
                let kind = if knob.whole { "a whole number" } else { "a number" };
                let Knob { key, min, max, .. } = knob;
                write!(f, "{key} must be {kind} from {min} to {max}, got {value}")
            }
        }
    }
}

impl std::error::Error for Refusal {}

/// The entry with this key.
pub fn find<Make>(
    catalogue: &'static [&'static Entry<Make>],
    key: &str,
) -> Option<&'static Entry<Make>> {
    catalogue.iter().find(|entry| entry.key == key).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOBS: &[Knob] = &[Knob {
        key: "draws",
        wire: 0,
        label: "Draws",
        unit: "",
        help: "How many to draw.",
        min: 1.0,
        max: 8.0,
        default: 2.0,
        whole: true,
    }];

    #[test]
    fn a_knob_keeps_its_default_until_it_is_set_in_range() {
        let mut knobs = Knobs::default();
        assert_eq!(knobs.count(&KNOBS[0]), 2);
        assert_eq!(knobs.set(KNOBS, "draws", 3.0), Ok(()));
        assert_eq!(knobs.count(&KNOBS[0]), 3);
        let words = |refused: Result<(), Refusal>| refused.expect_err("refused").to_string();
        let range = "draws must be a whole number from 1 to 8, got 2.5";
        assert_eq!(words(knobs.set(KNOBS, "draws", 2.5)), range);
        assert!(knobs.set(KNOBS, "draws", f64::NAN).is_err());
        let unknown = "there is no setting \"drawers\"; there is draws";
        assert_eq!(words(knobs.set(KNOBS, "drawers", 3.0)), unknown);
        assert_eq!(knobs.count(&KNOBS[0]), 3);
    }
}
