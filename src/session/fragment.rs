//! Copying: a part of a picture as a scenario of its own, and putting one into another.
//!
//! What is copied is an ordinary scenario document, so that it can be pasted into a file, an issue
//! or another tab, and is checked as any document is.

use std::collections::BTreeMap;

use super::Command;
use super::twin::numbered;
use crate::scenario::{LinkSpec, NodeSpec, Scenario};

/// The nodes and annotations with these ids and the links between them, as a scenario.
pub fn fragment(scenario: &Scenario, ids: &[String]) -> Scenario {
    let chosen = |id: &String| ids.contains(id);
    Scenario {
        title: scenario.title.clone(),
        seed: scenario.seed,
        speed: scenario.speed,
        nodes: scenario.nodes.iter().filter(|node| chosen(&node.id)).cloned().collect(),
        links: (scenario.links.iter())
            .filter(|link| chosen(&link.from) && chosen(&link.to))
            .cloned()
            .collect(),
        annotations: (scenario.annotations.iter())
            .filter(|annotation| chosen(&annotation.id))
            .cloned()
            .collect(),
        ..Scenario::default()
    }
}

/// The upper left corner of what stands in a scenario, if there is anything.
pub fn corner(scenario: &Scenario) -> Option<(i32, i32)> {
    let nodes = scenario.nodes.iter().map(|node| (node.x, node.y));
    let drawn = scenario.annotations.iter().map(|annotation| (annotation.x, annotation.y));
    let (x, y): (Vec<i32>, Vec<i32>) = nodes.chain(drawn).unzip();
    Some((x.into_iter().min()?, y.into_iter().min()?))
}

/// The ids that the nodes of `part` get in `scenario`, and what puts them there moved by `by`:
/// nodes under free ids and names, the links between them, and annotations. Faults and single
/// requests stay behind.
pub fn insert(scenario: &Scenario, part: &Scenario, by: (i32, i32)) -> (Vec<String>, Vec<Command>) {
    let mut grown = scenario.clone();
    let mut ids = BTreeMap::new();
    let mut commands = Vec::new();
    for node in &part.nodes {
        let id = match grown.place(&node.id) {
            None => node.id.clone(),
            Some(_) => grown.fresh_id(node.kind.entry().key),
        };
        let taken = |label: &String| grown.nodes.iter().any(|other| other.label == *label);
        let label = match taken(&node.label) {
            true => numbered(&node.label, taken),
            false => node.label.clone(),
        };
        let (x, y) = (node.x.saturating_add(by.0), node.y.saturating_add(by.1));
        ids.insert(node.id.clone(), id.clone());
        let node = NodeSpec { id, label, x, y, kind: node.kind.clone() };
        commands.push(Command::AddNode(grown.nodes.len(), node.clone()));
        grown.nodes.push(node);
    }
    for link in &part.links {
        if let (Some(from), Some(to)) = (ids.get(&link.from), ids.get(&link.to)) {
            let link = LinkSpec { from: from.clone(), to: to.clone(), ..link.clone() };
            commands.push(Command::AddLink(grown.links.len(), link.clone()));
            grown.links.push(link);
        }
    }
    let mut fresh: Vec<String> =
        part.nodes.iter().filter_map(|node| ids.get(&node.id).cloned()).collect();
    for annotation in &part.annotations {
        let mut annotation = annotation.clone();
        if grown.place(&annotation.id).is_some() {
            annotation.id = grown.fresh_id(annotation.what.word());
        }
        annotation.x = annotation.x.saturating_add(by.0);
        annotation.y = annotation.y.saturating_add(by.1);
        fresh.push(annotation.id.clone());
        commands.push(Command::AddAnnotation(grown.annotations.len(), annotation.clone()));
        grown.annotations.push(annotation);
    }
    (fresh, commands)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::gallery::GALLERY;
    use crate::session::Session;

    #[test]
    fn what_is_copied_comes_back_beside_itself_with_its_wires_and_settings() {
        for preset in GALLERY {
            let before = preset.scenario();
            let ids: Vec<String> = before.nodes.iter().map(|node| node.id.clone()).collect();
            let part = fragment(&before, &ids);
            assert_eq!(Scenario::from_json(&part.to_json()).expect("a document"), part);
            let (fresh, commands) = insert(&before, &part, (32, 48));
            let mut session = Session::new(before.clone()).expect("valid");
            session.apply(Command::All(commands), 0).expect("it can be pasted");
            let after = session.scenario();
            assert_eq!(after.nodes.len(), 2 * before.nodes.len(), "{}", preset.key);
            assert_eq!(after.links.len(), 2 * before.links.len());
            for (node, copy) in before.nodes.iter().zip(&fresh) {
                let copy = after.node(copy).expect("it is there");
                assert_eq!((copy.x, copy.y), (node.x + 32, node.y + 48));
                assert_eq!(copy.kind, node.kind);
                assert_ne!(copy.label, node.label);
            }
            assert!(session.undo().expect("one step"));
            assert_eq!(*session.scenario(), before);
        }
    }

    #[test]
    fn a_part_takes_only_the_wires_inside_it_and_keeps_free_ids() {
        let all = GALLERY[0].scenario();
        let ends = |link: &LinkSpec| [link.from.clone(), link.to.clone()];
        let two: Vec<String> = all.links[0..1].iter().flat_map(ends).collect();
        let part = fragment(&all, &two);
        assert_eq!((part.nodes.len(), part.links.len()), (2, 1));
        assert_eq!(corner(&Scenario::default()), None);
        let (fresh, commands) = insert(&Scenario::default(), &part, (0, 0));
        assert_eq!(fresh.len(), 2);
        assert!(fresh.iter().all(|id| part.node(id).is_some()), "free ids are kept");
        assert_eq!(commands.len(), 3);
    }
}
