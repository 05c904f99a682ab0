//! Putting a node into a wire, and taking one out so that its neighbours stay wired.

use super::Command;
use crate::scenario::{LinkSpec, Scenario, connectable};

/// What puts a node that has no wires into the wire between two others: the first half keeps the
/// wire's latency and loss, the second takes its latency. Nothing when it does not fit there.
pub fn splice(scenario: &Scenario, id: &str, from: &str, to: &str) -> Option<Command> {
    let loose = !scenario.links.iter().any(|link| link.from == id || link.to == id);
    let place = scenario.links.iter().position(|link| link.from == from && link.to == to)?;
    if !loose || id == from || id == to {
        return None;
    }
    let mut without = scenario.clone();
    let old = without.links.remove(place);
    connectable(&without, from, id).ok()?;
    let first = LinkSpec { to: id.to_owned(), ..old.clone() };
    without.links.push(first.clone());
    connectable(&without, id, to).ok()?;
    let second = LinkSpec { from: id.to_owned(), loss: 0.0, ..old };
    let last = scenario.links.len() - 1;
    Some(Command::All(vec![
        Command::RemoveLink(from.to_owned(), to.to_owned()),
        Command::AddLink(last, first),
        Command::AddLink(last + 1, second),
    ]))
}

/// What takes nodes out and wires everybody before them to everybody behind them, where that fits.
pub fn bypass(scenario: &Scenario, ids: &[String]) -> Command {
    let mut left = scenario.clone();
    let mut commands = Vec::new();
    for id in ids {
        if scenario.annotation(id).is_some() {
            commands.push(Command::RemoveAnnotation(id.clone()));
            continue;
        }
        let ends = |pick: fn(&LinkSpec) -> (&String, &String)| -> Vec<(String, f64)> {
            let touching = left.links.iter().filter(|link| pick(link).0 == id);
            touching.map(|link| (pick(link).1.clone(), link.latency_ms)).collect()
        };
        let before = ends(|link| (&link.to, &link.from));
        let behind = ends(|link| (&link.from, &link.to));
        commands.push(Command::RemoveNode(id.clone()));
        left.nodes.retain(|node| node.id != *id);
        left.links.retain(|link| link.from != *id && link.to != *id);
        for (from, latency_ms) in &before {
            for (to, _) in &behind {
                if connectable(&left, from, to).is_ok() {
                    let (from, to) = (from.clone(), to.clone());
                    let link = LinkSpec { from, to, latency_ms: *latency_ms, loss: 0.0 };
                    commands.push(Command::AddLink(left.links.len(), link.clone()));
                    left.links.push(link);
                }
            }
        }
    }
    Command::All(commands)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::Family;
    use crate::scenario::NodeSpec;
    use crate::session::Session;

    fn line() -> Scenario {
        let node = |id: &str, family: Family| NodeSpec {
            id: id.into(),
            label: id.into(),
            x: 0,
            y: 0,
            kind: (family.entry().make)(),
        };
        let link = |from: &str, to: &str, latency_ms| LinkSpec {
            from: from.into(),
            to: to.into(),
            latency_ms,
            loss: 0.1,
        };
        Scenario {
            nodes: vec![
                node("c", Family::Clients),
                node("s", Family::Server),
                node("t", Family::Server),
                node("lb", Family::Balancer),
                node("w", Family::Worker),
            ],
            links: vec![link("c", "s", 7.0), link("s", "t", 3.0)],
            ..Scenario::default()
        }
    }

    fn wires(scenario: &Scenario) -> Vec<(&str, &str, f64)> {
        scenario.links.iter().map(|l| (&*l.from, &*l.to, l.latency_ms)).collect()
    }

    #[test]
    fn a_node_goes_into_a_wire_and_out_again() {
        let mut session = Session::new(line()).expect("valid");
        let command = splice(session.scenario(), "lb", "c", "s").expect("it fits");
        session.apply(command, 0).expect("it can be put in");
        assert_eq!(
            wires(session.scenario()),
            [("s", "t", 3.0), ("c", "lb", 7.0), ("lb", "s", 7.0)]
        );
        let command = bypass(session.scenario(), &["lb".to_owned()]);
        session.apply(command, 0).expect("it can be taken out");
        assert_eq!(wires(session.scenario()), [("s", "t", 3.0), ("c", "s", 7.0)]);
        for _ in 0..2 {
            session.undo().expect("one step each");
        }
        assert_eq!(*session.scenario(), line());
    }

    #[test]
    fn what_does_not_fit_or_is_wired_already_is_left_alone() {
        let scenario = line();
        assert_eq!(splice(&scenario, "w", "c", "s"), None, "clients do not send to a worker");
        assert_eq!(splice(&scenario, "t", "c", "s"), None, "it is wired");
        assert_eq!(splice(&scenario, "lb", "c", "t"), None, "there is no such wire");
        assert_eq!(splice(&scenario, "c", "c", "s"), None);
    }

    #[test]
    fn neighbours_of_several_that_go_are_wired_where_that_fits() {
        let mut session = Session::new(line()).expect("valid");
        let command = bypass(session.scenario(), &["s".to_owned()]);
        session.apply(command, 0).expect("it can be taken out");
        assert_eq!(wires(session.scenario()), [("c", "t", 7.0)]);
        let command = bypass(session.scenario(), &["c".to_owned(), "t".to_owned()]);
        session.apply(command, 0).expect("both can be taken out");
        assert_eq!(wires(session.scenario()), []);
    }
}
