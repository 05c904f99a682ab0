//! The plan of what goes wrong, as a person reads and edits it: what can happen to what, the list
//! of what is planned, and the wires that a partition cuts.

use crate::scenario::{Fault, FaultKind, Impairment, Scenario, Target, can_happen};
use crate::sim::{Span, Time, WireTrouble};

/// One line of the list of what is planned.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// Its place in the scenario's list.
    pub place: usize,
    /// The fault itself.
    pub fault: Fault,
    /// Whom it happens to.
    pub name: String,
    /// What happens: `answers errors to 20 %`.
    pub words: String,
}

/// What is planned, in the order of its happening.
pub fn planned(scenario: &Scenario) -> Vec<Planned> {
    let mut all: Vec<Planned> = (scenario.faults.iter().enumerate())
        .map(|(place, fault)| Planned {
            place,
            fault: fault.clone(),
            name: name(scenario, &fault.on),
            words: fault.kind.sentence(),
        })
        .collect();
    all.sort_by_key(|planned| planned.fault.at);
    all
}

/// The name of a node, or the names of both ends of a wire.
pub fn name(scenario: &Scenario, on: &Target) -> String {
    let label = |id: &str| scenario.node(id).map_or_else(|| id.to_owned(), |n| n.label.clone());
    match on {
        Target::Node(id) => label(id),
        Target::Wire(from, to) => format!("{} \u{2192} {}", label(from), label(to)),
    }
}

/// Everything that something can happen to: nodes, then wires.
pub fn targets(scenario: &Scenario) -> Vec<Target> {
    let nodes = scenario.nodes.iter().map(|node| Target::node(&node.id));
    let wires = scenario.links.iter().map(|link| Target::wire(&link.from, &link.to));
    nodes.chain(wires).collect()
}

/// What can happen to it, each with a number to begin with.
pub fn kinds(scenario: &Scenario, on: &Target) -> Vec<FaultKind> {
    let fits = |kind: &FaultKind| can_happen(scenario, on, *kind).is_ok();
    FaultKind::ALL.into_iter().filter(fits).collect()
}

/// The wires between the nodes with these ids and all others.
pub fn between(scenario: &Scenario, side: &[String]) -> Vec<Target> {
    let here = |id: &String| side.contains(id);
    let crossing = scenario.links.iter().filter(|link| here(&link.from) != here(&link.to));
    crossing.map(|link| Target::wire(&link.from, &link.to)).collect()
}

/// What is the matter with a wire in a few letters, the worst first, with how much it holds; empty
/// when nothing is.
pub fn wire_words(trouble: &WireTrouble, held: usize) -> String {
    let all = [
        trouble.cut.then(|| "cut".to_owned()),
        trouble.holds.then(|| format!("holds {held}")),
        (trouble.lose > 0).then(|| format!("loses {} %", trouble.lose)),
        (trouble.delay > Span::ZERO).then(|| format!("+{} ms", trouble.delay.millis())),
    ];
    all.into_iter().flatten().collect::<Vec<String>>().join(", ")
}

/// A thing that can be switched on and off in what something suffers from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Switch {
    /// What it is called: `Answers errors`.
    pub name: &'static str,
    /// What switches it on, with the number that it has now or begins with.
    pub on: FaultKind,
    /// Is it on?
    pub is_on: bool,
    /// The unit of its number, if it has one.
    pub unit: Option<&'static str>,
}

/// What a node suffers from, of what it can suffer from. Its members are not in it.
pub fn node_switches(scenario: &Scenario, id: &str, now: &Impairment) -> Vec<Switch> {
    let amount = |n: u8, plain: u8, first: u8| if n == plain { first } else { n };
    let switch = |name, on, is_on, unit| Switch { name, on, is_on, unit };
    let all = [
        switch("Draining", FaultKind::Drain, now.draining, None),
        switch("Stands still", FaultKind::Pause, now.paused, None),
        switch(
            "Answers errors",
            FaultKind::Errors(amount(now.errors, 0, 20)),
            now.errors > 0,
            Some("% of requests"),
        ),
        switch(
            "Slow",
            FaultKind::Slow(amount(now.slow, 1, 10)),
            now.slow > 1,
            Some("times as long"),
        ),
        switch("Refuses changes", FaultKind::RefuseWrites, now.refuses, None),
        switch(
            "Checks seldom",
            FaultKind::CheckClock(amount(now.check_clock, 1, 10)),
            now.check_clock > 1,
            Some("times the interval"),
        ),
    ];
    let on = Target::node(id);
    all.into_iter().filter(|switch| can_happen(scenario, &on, switch.on).is_ok()).collect()
}

/// What a wire suffers from, of what it can suffer from.
pub fn wire_switches(now: &WireTrouble) -> Vec<Switch> {
    let switch = |name, on, is_on, unit| Switch { name, on, is_on, unit };
    let lose = if now.lose > 0 { now.lose } else { 20 };
    let delay_ms = if now.delay == Span::ZERO { 100 } else { now.delay.millis() as u16 };
    vec![
        switch("Cut", FaultKind::Cut, now.cut, None),
        switch("Holds everything", FaultKind::Pause, now.holds, None),
        switch("Loses more", FaultKind::Lose(lose), now.lose > 0, Some("% of crossings")),
        switch("Slower", FaultKind::Delay(delay_ms), now.delay > Span::ZERO, Some("ms each way")),
    ]
}

/// The faults of an instant moved to another one, with their places.
pub fn moved(scenario: &Scenario, places: &[usize], at: Time) -> Vec<(usize, Fault)> {
    let there = places.iter().filter_map(|&place| Some((place, scenario.faults.get(place)?)));
    there.map(|(place, fault)| (place, Fault { at, ..fault.clone() })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::gallery::Preset;
    use crate::scenario::{impairment, wire_impairment};

    fn scenario() -> Scenario {
        let at = |ms| Time::ZERO + Span::from_millis(ms);
        let mut scenario = Preset::find("server-dies").expect("it is there").scenario();
        scenario.faults = vec![
            Fault { at: at(500), on: Target::node("s2"), kind: FaultKind::Errors(35) },
            Fault { at: at(400), on: Target::wire("lb", "s1"), kind: FaultKind::Delay(40) },
        ];
        scenario.check().expect("valid");
        scenario
    }

    #[test]
    fn the_list_is_in_the_order_of_its_happening_and_says_who_and_what() {
        let scenario = scenario();
        let list = planned(&scenario);
        let words: Vec<(usize, &str)> = list.iter().map(|p| (p.place, &*p.words)).collect();
        assert_eq!(words, [(1, "is 40 ms slower"), (0, "answers errors to 35 %")]);
        assert!(list[0].name.contains('\u{2192}'), "{}", list[0].name);
        let later = moved(&scenario, &[1], Time::from_ns(9));
        assert_eq!((later[0].0, later[0].1.at), (1, Time::from_ns(9)));
        assert_eq!(moved(&scenario, &[7], Time::from_ns(9)), []);
    }

    #[test]
    fn everything_that_is_offered_can_happen_and_everything_else_cannot() {
        for preset in crate::scenario::gallery::GALLERY {
            let scenario = preset.scenario();
            for on in targets(&scenario) {
                let offered = kinds(&scenario, &on);
                assert!(!offered.is_empty(), "nothing can happen to {on:?}");
                for kind in FaultKind::ALL {
                    let mut with = scenario.clone();
                    with.faults.push(Fault { at: Time::from_ns(1), on: on.clone(), kind });
                    assert_eq!(with.check().is_ok(), offered.contains(&kind), "{on:?} {kind:?}");
                }
            }
        }
    }

    #[test]
    fn switches_show_what_is_on_with_its_number() {
        let scenario = scenario();
        let now = impairment(&scenario, "s2", Time::from_ns(600_000_000));
        let on = node_switches(&scenario, "s2", &now);
        let on: Vec<FaultKind> = on.iter().filter(|s| s.is_on).map(|s| s.on).collect();
        assert_eq!(on, [FaultKind::Errors(35)]);
        let now = wire_impairment(&scenario, "lb", "s1", Time::from_ns(600_000_000));
        let on = wire_switches(&now);
        let on: Vec<FaultKind> = on.iter().filter(|s| s.is_on).map(|s| s.on).collect();
        assert_eq!(on, [FaultKind::Delay(40)]);
        assert_eq!(wire_words(&now, 0), "+40 ms");
        let all = WireTrouble { cut: true, holds: true, lose: 5, ..now };
        assert_eq!(wire_words(&all, 12), "cut, holds 12, loses 5 %, +40 ms");
        assert_eq!(wire_words(&WireTrouble::default(), 3), "");
    }

    #[test]
    fn a_partition_cuts_the_wires_between_its_sides_and_no_other() {
        let scenario = scenario();
        let cut = between(&scenario, &["s1".to_owned(), "s2".to_owned()]);
        assert_eq!(cut, [Target::wire("lb", "s1"), Target::wire("lb", "s2")]);
        let all: Vec<String> = scenario.nodes.iter().map(|node| node.id.clone()).collect();
        assert_eq!(between(&scenario, &all), []);
    }
}
