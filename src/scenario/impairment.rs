//! What is the matter with a node at an instant, as the plan of the scenario has it.

use super::types::{FaultKind, Scenario};
use crate::sim::Time;

/// What is the matter with a node, beyond its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Impairment {
    /// Did it crash?
    pub down: bool,
    /// How many times as long everything takes.
    pub slow: u8,
    /// Does it fail everything that would change what it stores?
    pub refuses: bool,
    /// Is it chosen no more?
    pub draining: bool,
}

impl Impairment {
    /// Nothing is the matter.
    pub const NONE: Impairment =
        Impairment { down: false, slow: 1, refuses: false, draining: false };

    /// In words of a few letters, the worst first; empty when nothing is the matter, or it is down.
    pub fn words(&self) -> String {
        let mut words = Vec::new();
        if self.slow > 1 {
            words.push(format!("slow \u{d7}{}", self.slow));
        }
        if self.refuses {
            words.push("refuses changes".to_owned());
        }
        if self.draining {
            words.push("draining".to_owned());
        }
        words.join(", ")
    }
}

/// What is the matter with the node with this id once everything planned until `now` has happened.
/// A node that is down hears of nothing but its own restart, and of being drained.
pub fn impairment(scenario: &Scenario, id: &str, now: Time) -> Impairment {
    let mut happened: Vec<_> =
        scenario.faults.iter().filter(|fault| fault.node == id && fault.at <= now).collect();
    happened.sort_by_key(|fault| fault.at);
    let mut state = Impairment::NONE;
    for fault in happened {
        match fault.kind {
            FaultKind::Crash => state.down = true,
            FaultKind::Restart => state.down = false,
            FaultKind::Drain => state.draining = true,
            FaultKind::Ready => state.draining = false,
            _ if state.down => {}
            FaultKind::Slow(factor) => state.slow = factor,
            FaultKind::Normal => state.slow = 1,
            FaultKind::RefuseWrites => state.refuses = true,
            FaultKind::AcceptWrites => state.refuses = false,
            FaultKind::CrashPart(_)
            | FaultKind::RestartPart(_)
            | FaultKind::CutPart(_)
            | FaultKind::JoinPart(_) => {}
        }
    }
    state
}

#[cfg(test)]
mod tests {
    use super::super::types::Fault;
    use super::*;
    use crate::sim::Span;

    #[test]
    fn the_last_word_counts_and_the_dead_hear_nothing() {
        let at = |ms| Time::ZERO + Span::from_millis(ms);
        let fault = |ms, node: &str, kind| Fault { at: at(ms), node: node.into(), kind };
        let scenario = Scenario {
            faults: vec![
                fault(50, "s", FaultKind::Restart),
                fault(10, "s", FaultKind::Slow(10)),
                fault(20, "s", FaultKind::Crash),
                fault(30, "s", FaultKind::RefuseWrites),
                fault(40, "s", FaultKind::Drain),
                fault(5, "other", FaultKind::Crash),
                fault(60, "s", FaultKind::Normal),
            ],
            ..Scenario::default()
        };
        let known = |ms| impairment(&scenario, "s", at(ms));
        assert_eq!(known(9), Impairment::NONE);
        assert_eq!(known(10).words(), "slow \u{d7}10");
        assert!(known(20).down && known(40).draining);
        assert_eq!(known(55), Impairment { slow: 10, draining: true, ..Impairment::NONE });
        assert_eq!(known(55).words(), "slow \u{d7}10, draining");
        assert_eq!(known(60).words(), "draining");
    }
}
