//! The settings that belong to the algorithm a choice names: its knobs, as parameters of the node.
//!
//! They follow the choice: another algorithm, other knobs. What was set for an algorithm is kept
//! when another is chosen and there again when it is chosen again; only the knobs of the chosen one
//! are shown, saved and compared.

use super::param::{Range, Spec};
use crate::policy::{Knob, Knobs};

/// The links' numbers of knobs begin here, after those of a node's own parameters.
const WIRE_FIRST: u8 = 128;

/// Knobs of several algorithms, by the algorithm's key.
#[derive(Clone, Debug, Default)]
pub struct Tuning(Vec<(&'static str, Knobs)>);

impl Tuning {
    /// The knobs of this algorithm.
    pub fn of(&self, algorithm: &str) -> &Knobs {
        let found = self.0.iter().find(|(key, _)| *key == algorithm);
        found.map_or(Knobs::DEFAULTS, |(_, knobs)| knobs)
    }

    /// Sets a knob of this algorithm. A value out of its range changes nothing.
    pub(super) fn set(
        &mut self,
        algorithm: &'static str,
        known: &'static [Knob],
        key: &str,
        value: f64,
    ) {
        let place = self.0.iter().position(|(key, _)| *key == algorithm).unwrap_or_else(|| {
            self.0.push((algorithm, Knobs::default()));
            self.0.len() - 1
        });
        // Nothing to say: whoever sets a parameter has had its value checked by `Spec::check`.
        let _checked = self.0[place].1.set(known, key, value);
    }
}

/// A knob as a parameter.
pub(super) fn spec(knob: &Knob) -> Spec {
    let handy = knob.max.min((knob.default * 4.0).max(knob.min + 10.0));
    let step = match knob.whole {
        true => 1.0,
        false => (handy - knob.min) / 100.0,
    };
    Spec {
        key: knob.key,
        wire: WIRE_FIRST + knob.wire,
        label: knob.label,
        unit: knob.unit,
        help: knob.help,
        range: Range::Number { min: knob.min, max: knob.max, handy, step, whole: knob.whole },
    }
}
