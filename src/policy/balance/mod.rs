//! Which backend gets this request?
//!
//! To add a strategy: one file with a type, its `Balancer` and its `ENTRY`, and one line in
//! [`CATALOGUE`]. Menus, validation, links and the property tests below follow from that line.

mod round_robin;
mod smooth_weighted;

use std::sync::Arc;

pub use round_robin::RoundRobin;
pub use smooth_weighted::SmoothWeighted;

use crate::sim::{LinkId, Why};

/// One of the servers to choose from, as its balancer sees it.
#[derive(Clone, Debug)]
pub struct Backend {
    /// The link that leads to it.
    pub link: LinkId,
    /// Its name, for reasons.
    pub name: Arc<str>,
    /// Its weight. Zero and negative are accepted, as in the course.
    pub weight: i64,
    /// May it be chosen?
    pub healthy: bool,
    /// Requests sent to it and not yet answered: waiting and in service alike.
    pub in_flight: u32,
}

/// What a balancer decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// The backend at this place in the list.
    Backend(usize),
    /// None can be chosen.
    Nobody,
    /// The algorithm itself fell over, with the words a person would see in the log.
    Crash(String),
}

/// What a balancer keeps between picks, for pictures and tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Memory {
    /// The place in the list from which the next scan starts.
    Cursor(usize),
    /// One running weight per backend, in list order, unhealthy ones included.
    Weights(Vec<i64>),
}

/// A way to choose. The list keeps its order; whoever changes it says so at once.
pub trait Balancer: dyn_clone::DynClone + std::fmt::Debug {
    /// Chooses for one request.
    fn pick(&mut self, backends: &[Backend], why: &mut Why) -> Pick;

    /// A backend was appended to the list.
    fn added(&mut self);

    /// The backend at `place` was taken out; `left` remain and those after it moved up.
    fn removed(&mut self, place: usize, left: usize);

    /// What it keeps between picks.
    fn memory(&self) -> Memory;
}

dyn_clone::clone_trait_object!(Balancer);

/// A strategy as people meet it.
#[derive(Debug)]
pub struct Entry {
    /// Its name in scenario files.
    pub key: &'static str,
    /// Its number in links; never reused.
    pub wire: u8,
    /// Its name in menus.
    pub name: &'static str,
    /// Whose algorithm exactly.
    pub whose: &'static str,
    /// The rule in one sentence.
    pub rule: &'static str,
    /// What a decision costs for n backends.
    pub cost: &'static str,
    /// When to use it.
    pub when: &'static str,
    /// When not to.
    pub when_not: &'static str,
    /// Where the rule comes from.
    pub source: &'static str,
    /// Makes one with no history.
    pub make: fn() -> Box<dyn Balancer>,
}

/// Every strategy there is.
pub const CATALOGUE: &[Entry] =
    &[round_robin::ENTRY, smooth_weighted::ENTRY, round_robin::ENTRY_AS_IN_COURSE];

/// The strategy with this name in scenario files.
pub fn find(key: &str) -> Option<&'static Entry> {
    CATALOGUE.iter().find(|entry| entry.key == key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn backends(healthy: &[bool]) -> Vec<Backend> {
        let make = |(place, &healthy): (usize, &bool)| Backend {
            link: LinkId(place as u16),
            name: format!("s{place}").into(),
            weight: place as i64 + 1,
            healthy,
            in_flight: 0,
        };
        healthy.iter().enumerate().map(make).collect()
    }

    #[test]
    fn names_and_numbers_are_unique() {
        for (place, entry) in CATALOGUE.iter().enumerate() {
            for other in &CATALOGUE[..place] {
                assert!(entry.key != other.key && entry.wire != other.wire, "{}", entry.key);
            }
            assert_eq!(find(entry.key).map(|found| found.wire), Some(entry.wire));
        }
    }

    proptest! {
        /// Whatever the strategy: a healthy backend when there is one, nobody when there is none,
        /// and reasons that mark exactly the one chosen.
        #[test]
        fn only_the_healthy_are_picked(
            which in 0..CATALOGUE.len(),
            rounds in prop::collection::vec(prop::collection::vec(any::<bool>(), 5), 1..40),
        ) {
            let mut policy = (CATALOGUE[which].make)();
            for _ in 0..5 {
                policy.added();
            }
            for healthy in rounds {
                let list = backends(&healthy);
                let mut why = Why::on();
                match policy.pick(&list, &mut why) {
                    Pick::Backend(place) => {
                        prop_assert!(list[place].healthy);
                        let chosen: Vec<&str> = why.lines.iter()
                            .filter(|line| line.chosen)
                            .map(|line| line.subject.as_str())
                            .collect();
                        prop_assert_eq!(chosen, vec![&*list[place].name]);
                        prop_assert!(!why.sentence.is_empty());
                    }
                    Pick::Nobody => prop_assert!(healthy.iter().all(|up| !up)),
                    Pick::Crash(words) => prop_assert!(false, "{}", words),
                }
            }
        }
    }
}
