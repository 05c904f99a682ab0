//! Scaling out by hand: one node more of the same kind and settings, wired as its model is.

use super::Command;
use crate::scenario::{LinkSpec, NodeSpec, Scenario};

/// The id of a node like the one with this id, and what adds it at this place: the node, and a link
/// for each of its model's.
pub fn twin(scenario: &Scenario, id: &str, (x, y): (i32, i32)) -> Option<(String, Vec<Command>)> {
    let model = scenario.node(id)?;
    let fresh = scenario.fresh_id(model.kind.entry().key);
    let label = numbered(&model.label, |label| scenario.nodes.iter().any(|n| n.label == *label));
    let node = NodeSpec { id: fresh.clone(), label, x, y, ..model.clone() };
    let mut commands = vec![Command::append_node(scenario, node)];
    let theirs = scenario.links.iter().filter(|link| link.from == id || link.to == id);
    for (place, link) in theirs.enumerate() {
        let end = |end: &String| if end == id { fresh.clone() } else { end.clone() };
        let link = LinkSpec { from: end(&link.from), to: end(&link.to), ..link.clone() };
        commands.push(Command::AddLink(scenario.links.len() + place, link));
    }
    Some((fresh, commands))
}

/// The name with the next number at its end that is free: `web` is followed by `web 2`, `s3` by
/// `s4`.
pub(super) fn numbered(name: &str, taken: impl Fn(&String) -> bool) -> String {
    let digits = name.bytes().rev().take(9).take_while(u8::is_ascii_digit).count();
    let (word, number) = name.split_at(name.len() - digits);
    let (word, first) = match number.parse::<u64>() {
        Ok(number) => (word.to_owned(), number + 1),
        Err(_) => (format!("{word} "), 2),
    };
    let mut names = (first..).map(|number| format!("{word}{number}"));
    names.find(|name| !taken(name)).unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::gallery::Preset;
    use crate::session::Session;

    #[test]
    fn a_twin_is_wired_and_set_as_its_model() {
        let scenario = Preset::find("course-round-robin").expect("it is there").scenario();
        let model = scenario.nodes.iter().find(|node| node.kind.entry().key == "server");
        let model = model.expect("there are servers").clone();
        let mut session = Session::new(scenario.clone()).expect("it is valid");
        let (fresh, commands) = twin(&scenario, &model.id, (16, 640)).expect("it is there");
        session.apply(Command::All(commands), 0).expect("a twin can be added");
        let after = session.scenario();
        let made = after.node(&fresh).expect("it was added");
        assert_eq!(made.kind, model.kind);
        assert!(made.label != model.label && (made.x, made.y) == (16, 640));
        let wires = |id: &str| after.links.iter().filter(|l| l.from == id || l.to == id).count();
        assert_eq!(wires(&fresh), wires(&model.id));
        session.undo().expect("it can be taken back");
        assert_eq!(*session.scenario(), scenario);
        assert_eq!(twin(&scenario, "nobody", (0, 0)), None);
    }

    #[test]
    fn names_go_on_counting() {
        let none = |_: &String| false;
        assert_eq!(numbered("s3", none), "s4");
        assert_eq!(numbered("web", none), "web 2");
        assert_eq!(numbered("s1", |name| name == "s2"), "s3");
    }
}
