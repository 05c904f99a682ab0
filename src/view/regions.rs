//! Regions and what lies in them: a region takes along what is inside when it is moved, and fits
//! itself to it again when the picture is tidied up.

use super::camera::Rect;
use super::layout::{self, GRID};
use crate::scenario::{Annotation, AnnotationKind, Scenario};
use crate::session::Command;

/// How far a region reaches beyond what it was drawn around, in canvas units; its name needs more
/// above.
const MARGIN: f64 = 24.0;
const ABOVE: f64 = 40.0;

/// The ids of what lies in a region: nodes and notes with their middles in it, and regions that are
/// wholly inside.
pub fn inside(scenario: &Scenario, region: &Annotation) -> Vec<String> {
    let own = layout::drawn(region);
    let bounds = layout::all_bounds(scenario);
    let nodes = scenario.nodes.iter().zip(bounds).filter(|(_, b)| own.contains(b.centre()));
    let drawn = scenario.annotations.iter().filter(|other| {
        let bounds = layout::drawn(other);
        match other.what {
            AnnotationKind::Note => own.contains(bounds.centre()),
            AnnotationKind::Region => other.id != region.id && own.holds(bounds),
        }
    });
    nodes.map(|(node, _)| node.id.clone()).chain(drawn.map(|other| other.id.clone())).collect()
}

/// These, and what lies in those of them that are regions: all that moves when they are moved.
pub fn carried(scenario: &Scenario, ids: &[String]) -> Vec<String> {
    let mut all = ids.to_vec();
    for id in ids {
        let region = scenario.annotation(id).filter(|a| a.what == AnnotationKind::Region);
        let within = region.map(|region| inside(scenario, region)).unwrap_or_default();
        for id in within {
            if !all.contains(&id) {
                all.push(id);
            }
        }
    }
    all
}

/// The place and size of a region around these: left, top, width, height. Nothing around nothing.
pub fn around(scenario: &Scenario, ids: &[String]) -> Option<(i32, i32, i32, i32)> {
    let boxes = ids.iter().filter_map(|id| layout::bounds_of(scenario, id));
    Some(frame(boxes.reduce(Rect::around)?))
}

fn frame(b: Rect) -> (i32, i32, i32, i32) {
    let grid = f64::from(GRID);
    let down = |value: f64| (value / grid).floor() as i32 * GRID;
    let up = |value: f64| (value / grid).ceil() as i32 * GRID;
    let (x, y) = (down(b.x - MARGIN), down(b.y - ABOVE));
    (x, y, up(b.x + b.width + MARGIN) - x, up(b.y + b.height + MARGIN) - y)
}

/// What has to follow when nodes are put to these places: regions that held nodes are drawn around
/// them again, and notes that would lie under a node go above everything.
pub fn follow(scenario: &Scenario, places: &[(String, i32, i32)]) -> Vec<Command> {
    let mut moved = scenario.clone();
    for (id, x, y) in places {
        if let Some(node) = moved.nodes.iter_mut().find(|node| node.id == *id) {
            (node.x, node.y) = (*x, *y);
        }
    }
    let regions = scenario.annotations.iter().filter(|a| !a.is_note());
    let held: Vec<(&Annotation, Vec<String>)> =
        regions.map(|region| (region, inside(scenario, region))).collect();
    let mut taken = Vec::new();
    for (_, within) in &held {
        // A note in it stays with the first of its nodes.
        let by = within.iter().find_map(|id| {
            let (was, now) = (scenario.node(id)?, moved.node(id)?);
            Some((now.x - was.x, now.y - was.y))
        });
        let Some((dx, dy)) = by else { continue };
        for id in within {
            let note = moved.annotations.iter_mut().find(|a| a.id == *id && a.is_note());
            if let Some(note) = note.filter(|note| !taken.contains(&note.id)) {
                (note.x, note.y) = (note.x + dx, note.y + dy);
                taken.push(note.id.clone());
            }
        }
    }
    let lifted = above_nodes(&mut moved);
    taken.retain(|id| !lifted.contains(id));
    let mut now = Vec::new();
    for (region, mut within) in held {
        let is_node = |id: &String| scenario.node(id).is_some();
        within.retain(|id| is_node(id) || taken.contains(id));
        let frame = around(&moved, &within).filter(|_| within.iter().any(is_node));
        let kept = (region.x, region.y, region.width, region.height);
        let (x, y, width, height) = frame.unwrap_or(kept);
        now.push(Annotation { x, y, width, height, ..region.clone() });
    }
    now.extend(moved.annotations.into_iter().filter(Annotation::is_note));
    now.retain(|one| scenario.annotation(&one.id) != Some(one));
    now.into_iter().map(Command::SetAnnotation).collect()
}

/// Puts notes that lie on nodes or on one another into a row above everything; gives which.
fn above_nodes(scenario: &mut Scenario) -> Vec<String> {
    let mut lifted = Vec::new();
    let nodes = layout::all_bounds(scenario);
    let Some(all) = nodes.iter().copied().reduce(Rect::around) else { return lifted };
    let mut kept: Vec<Rect> = Vec::new();
    let (mut x, y) = (all.x as i32, all.y as i32);
    for note in scenario.annotations.iter_mut().filter(|a| a.is_note()) {
        let own = layout::drawn(note);
        if nodes.iter().chain(&kept).any(|b| own.touches(*b)) {
            (note.x, note.y) = (x, y - note.height - 3 * GRID);
            x += note.width + GRID;
            lifted.push(note.id.clone());
        }
        kept.push(layout::drawn(note));
    }
    lifted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::gallery::GALLERY;
    use crate::session::Session;
    use crate::view::tidy::tidy;

    fn drawing(id: &str, what: AnnotationKind, at: (i32, i32, i32, i32)) -> Annotation {
        let (x, y, width, height) = at;
        Annotation { id: id.into(), what, text: id.into(), x, y, width, height }
    }

    #[test]
    fn a_region_holds_what_it_was_drawn_around_and_takes_along_what_it_holds() {
        for preset in GALLERY {
            let mut scenario = preset.scenario();
            let ids: Vec<String> =
                scenario.nodes.iter().take(2).map(|node| node.id.clone()).collect();
            let at = around(&scenario, &ids).expect("there are nodes");
            let region = drawing("region", AnnotationKind::Region, at);
            scenario.annotations.push(region.clone());
            let found = inside(&scenario, &region);
            assert!(ids.iter().all(|id| found.contains(id)), "{}", preset.key);
            let frame = layout::drawn(&region);
            for node in scenario.nodes.iter().filter(|node| !found.contains(&node.id)) {
                let apart = !frame.contains(layout::bounds(&scenario, node).centre());
                assert!(apart, "{}: {} is left out", preset.key, node.id);
            }
            let all = carried(&scenario, &["region".into()]);
            assert_eq!(all[0], "region");
            assert_eq!(all[1..], found);
        }
        assert_eq!(around(&Scenario::default(), &[]), None);
    }

    #[test]
    fn tidying_takes_regions_and_notes_along_and_covers_no_note() {
        for preset in GALLERY {
            let mut before = preset.scenario();
            let ids: Vec<String> =
                before.nodes.iter().take(3).map(|node| node.id.clone()).collect();
            let at = around(&before, &ids).expect("there are nodes");
            before.annotations.push(drawing("region", AnnotationKind::Region, at));
            for (n, node) in before.nodes.clone().iter().enumerate() {
                let at = (node.x, node.y, 96, 48);
                before.annotations.push(drawing(&format!("note{n}"), AnnotationKind::Note, at));
            }
            let places = tidy(&before);
            let mut commands = vec![Command::Move(places.clone())];
            commands.extend(follow(&before, &places));
            let mut session = Session::new(before.clone()).expect("valid");
            session.apply(Command::All(commands), 0).expect("one step");
            let after = session.scenario();
            let region = after.annotation("region").expect("still there");
            let found = inside(after, region);
            assert!(ids.iter().all(|id| found.contains(id)), "{}", preset.key);
            for note in after.annotations.iter().filter(|a| a.is_note()) {
                let own = layout::drawn(note);
                for node in &after.nodes {
                    assert!(!own.touches(layout::bounds(after, node)), "{}", preset.key);
                }
            }
            assert!(session.undo().expect("it is one step"));
            assert_eq!(*session.scenario(), before);
        }
    }
}
