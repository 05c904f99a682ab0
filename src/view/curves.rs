//! The lines of all wires, found by the ids of their ends.

use std::collections::BTreeMap;

use super::curve::Curve;
use super::layout;
use crate::scenario::Scenario;

/// The lines of all wires.
#[derive(Clone, Debug, Default)]
pub struct Curves {
    lines: Vec<Curve>,
    places: BTreeMap<String, BTreeMap<String, usize>>,
}

impl Curves {
    /// The lines of a scenario's wires.
    pub fn of(scenario: &Scenario) -> Curves {
        let mut curves = Curves::default();
        for link in &scenario.links {
            if let Some(curve) = layout::wire(scenario, &link.from, &link.to) {
                let place = curves.lines.len();
                curves.lines.push(curve);
                let leaving = curves.places.entry(link.from.clone()).or_default();
                leaving.insert(link.to.clone(), place);
            }
        }
        curves
    }

    /// The place of a wire's line.
    pub fn place(&self, from: &str, to: &str) -> Option<usize> {
        self.places.get(from)?.get(to).copied()
    }

    /// The line at a place.
    pub fn line(&self, place: usize) -> Option<&Curve> {
        self.lines.get(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::gallery::GALLERY;

    #[test]
    fn every_wire_has_its_line() {
        for preset in GALLERY {
            let scenario = preset.scenario();
            let curves = Curves::of(&scenario);
            for link in &scenario.links {
                let place = curves.place(&link.from, &link.to).expect("it is there");
                let own = layout::wire(&scenario, &link.from, &link.to).expect("both ends are");
                assert_eq!(curves.line(place).map(Curve::path), Some(own.path()));
            }
        }
        assert_eq!(Curves::default().place("a", "b"), None);
        assert!(Curves::default().line(0).is_none());
    }
}
