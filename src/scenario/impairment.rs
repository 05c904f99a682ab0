//! What is the matter with a node or a wire at an instant, as the plan of the scenario has it.

use super::fault::{Fault, FaultKind, Target};
use super::types::Scenario;
use crate::sim::{Span, Time, WireTrouble};

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
    /// To how many of a hundred requests it answers with an error.
    pub errors: u8,
    /// Does it stand still?
    pub paused: bool,
    /// How many times as seldom it checks others.
    pub check_clock: u8,
}

impl Impairment {
    /// Nothing is the matter.
    pub const NONE: Impairment = Impairment {
        down: false,
        slow: 1,
        refuses: false,
        draining: false,
        errors: 0,
        paused: false,
        check_clock: 1,
    };

    /// In words of a few letters, the worst first; empty when nothing is the matter, or it is down.
    pub fn words(&self) -> String {
        let all = [
            self.paused.then(|| "paused".to_owned()),
            (self.errors > 0).then(|| format!("errors {} %", self.errors)),
            (self.slow > 1).then(|| format!("slow \u{d7}{}", self.slow)),
            self.refuses.then(|| "refuses changes".to_owned()),
            self.draining.then(|| "draining".to_owned()),
            (self.check_clock > 1).then(|| format!("checks \u{d7}{} as seldom", self.check_clock)),
        ];
        all.into_iter().flatten().collect::<Vec<String>>().join(", ")
    }
}

/// What happened to whatever `is` says until `now`, in its order.
fn happened(scenario: &Scenario, now: Time, is: impl Fn(&Target) -> bool) -> Vec<&Fault> {
    let faults = scenario.faults.iter();
    let mut happened: Vec<&Fault> =
        faults.filter(|fault| fault.at <= now && is(&fault.on)).collect();
    happened.sort_by_key(|fault| fault.at);
    happened
}

/// What is the matter with the node with this id once everything planned until `now` has happened.
/// A node that is down hears of nothing but its own restart, and of being drained; it stands still
/// no more when it comes up again.
pub fn impairment(scenario: &Scenario, id: &str, now: Time) -> Impairment {
    let mut state = Impairment::NONE;
    for fault in happened(scenario, now, |on| on.is_node(id)) {
        match fault.kind {
            FaultKind::Crash => (state.down, state.paused) = (true, false),
            FaultKind::Restart => state.down = false,
            FaultKind::Drain => state.draining = true,
            FaultKind::Ready => state.draining = false,
            _ if state.down => {}
            FaultKind::Slow(factor) => state.slow = factor,
            FaultKind::Normal => state.slow = 1,
            FaultKind::RefuseWrites => state.refuses = true,
            FaultKind::AcceptWrites => state.refuses = false,
            FaultKind::Errors(percent) => state.errors = percent,
            FaultKind::Pause => state.paused = true,
            FaultKind::Resume => state.paused = false,
            FaultKind::CheckClock(factor) => state.check_clock = factor,
            FaultKind::CrashPart(_)
            | FaultKind::RestartPart(_)
            | FaultKind::CutPart(_)
            | FaultKind::JoinPart(_)
            | FaultKind::Flush
            | FaultKind::Cut
            | FaultKind::Join
            | FaultKind::Lose(_)
            | FaultKind::Delay(_) => {}
        }
    }
    state
}

/// What is the matter with the wire between these nodes once everything planned until `now` has
/// happened.
pub fn wire_impairment(scenario: &Scenario, from: &str, to: &str, now: Time) -> WireTrouble {
    let mut state = WireTrouble::default();
    for fault in happened(scenario, now, |on| on.is_wire(from, to)) {
        match fault.kind {
            FaultKind::Cut => state.cut = true,
            FaultKind::Join => state.cut = false,
            FaultKind::Pause => state.holds = true,
            FaultKind::Resume => state.holds = false,
            FaultKind::Lose(percent) => state.lose = percent,
            FaultKind::Delay(ms) => state.delay = Span::from_millis(u64::from(ms)),
            _ => {}
        }
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Span;

    #[test]
    fn the_last_word_counts_and_the_dead_hear_nothing() {
        let at = |ms| Time::ZERO + Span::from_millis(ms);
        let fault = |ms, node: &str, kind| Fault { at: at(ms), on: Target::node(node), kind };
        let wire = |ms, kind| Fault { at: at(ms), on: Target::wire("a", "b"), kind };
        let scenario = Scenario {
            faults: vec![
                fault(50, "s", FaultKind::Restart),
                fault(10, "s", FaultKind::Slow(10)),
                fault(20, "s", FaultKind::Crash),
                fault(30, "s", FaultKind::RefuseWrites),
                fault(40, "s", FaultKind::Drain),
                fault(5, "other", FaultKind::Crash),
                fault(60, "s", FaultKind::Normal),
                fault(70, "s", FaultKind::Errors(20)),
                fault(70, "s", FaultKind::Pause),
                fault(80, "s", FaultKind::Crash),
                fault(90, "s", FaultKind::Restart),
                wire(20, FaultKind::Cut),
                wire(30, FaultKind::Delay(40)),
                wire(40, FaultKind::Join),
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
        assert_eq!(known(75).words(), "paused, errors 20 %, draining");
        assert_eq!(known(95).words(), "errors 20 %, draining");
        let wire = |ms| wire_impairment(&scenario, "a", "b", at(ms));
        assert_eq!(wire(19), WireTrouble::default());
        assert!(wire(35).cut && !wire(40).cut);
        assert_eq!(wire(99).delay, Span::from_millis(40));
        assert_eq!(wire_impairment(&scenario, "b", "a", at(99)), WireTrouble::default());
    }
}
