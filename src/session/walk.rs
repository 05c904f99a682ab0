//! From node to node along the wires.

use crate::scenario::Scenario;

/// The node that one comes to from `here`: on along the first wire (to the right), back along the
/// first that leads here (to the left), or to the next of those that the same node is wired to (up
/// and down, round and round).
pub fn neighbour(scenario: &Scenario, here: &str, (dx, dy): (i32, i32)) -> Option<String> {
    let before = || scenario.links.iter().find(|link| link.to == here).map(|link| &link.from);
    let found = match (dx, dy) {
        (1, _) => scenario.links.iter().find(|link| link.from == here).map(|link| &link.to),
        (-1, _) => before(),
        (_, 0) => None,
        (_, dy) => {
            let from = before()?;
            let all: Vec<&String> =
                scenario.links.iter().filter(|l| l.from == *from).map(|l| &l.to).collect();
            let place = all.iter().position(|id| *id == here)?;
            let step = if dy > 0 { 1 } else { all.len() - 1 };
            Some(all[(place + step) % all.len()]).filter(|id| *id != here)
        }
    };
    found.cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::gallery::GALLERY;

    #[test]
    fn every_wire_can_be_walked_both_ways_and_branches_in_a_round() {
        for preset in GALLERY {
            let scenario = preset.scenario();
            for link in &scenario.links {
                assert!(neighbour(&scenario, &link.from, (1, 0)).is_some());
                let back = neighbour(&scenario, &link.to, (-1, 0)).expect("it leads here");
                assert!(scenario.link(&back, &link.to).is_some());
                let branches = scenario.links.iter().filter(|l| l.from == back).count();
                let mut here = link.to.clone();
                for _ in 0..branches {
                    let Some(next) = neighbour(&scenario, &here, (0, 1)) else { break };
                    assert_eq!(neighbour(&scenario, &next, (0, -1)).as_ref(), Some(&here));
                    here = next;
                }
                assert_eq!(here, link.to, "{}: round and back", preset.key);
            }
            assert_eq!(neighbour(&scenario, "nobody", (1, 0)), None);
            assert_eq!(neighbour(&scenario, "nobody", (0, 1)), None);
        }
    }
}
