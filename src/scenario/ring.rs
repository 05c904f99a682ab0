//! Rings: nodes that would ask one another for ever, each waiting for itself.

use std::collections::BTreeMap;

use super::types::LinkSpec;

/// Where links lead, by the node they leave.
type Ways<'a> = BTreeMap<&'a str, Vec<&'a str>>;

fn ways(links: &[LinkSpec]) -> Ways<'_> {
    let mut ways = Ways::new();
    for link in links {
        ways.entry(&link.from).or_default().push(&link.to);
    }
    ways
}

/// The nodes on a way along links from one to another, both ends included, if there is one.
pub(super) fn way(links: &[LinkSpec], from: &str, to: &str) -> Option<Vec<String>> {
    let ways = ways(links);
    // Who was reached from whom.
    let mut before = BTreeMap::<&str, &str>::new();
    let mut open = vec![from];
    while let Some(node) = open.pop() {
        if node == to {
            let back = std::iter::successors(Some(node), |node| before.get(node).copied());
            let mut way: Vec<String> = back.map(str::to_owned).collect();
            way.reverse();
            return Some(way);
        }
        for &next in ways.get(node).map_or(&[][..], Vec::as_slice) {
            if next != from && !before.contains_key(next) {
                before.insert(next, node);
                open.push(next);
            }
        }
    }
    None
}

/// Is there a ring? (Kahn: takes nodes away that nobody leads to, until none is left.)
fn has_ring(links: &[LinkSpec]) -> bool {
    let ways = ways(links);
    let mut leading = BTreeMap::<&str, usize>::new();
    for link in links {
        leading.entry(&link.from).or_default();
        *leading.entry(&link.to).or_default() += 1;
    }
    let mut free: Vec<&str> =
        leading.iter().filter(|(_, count)| **count == 0).map(|(node, _)| *node).collect();
    let mut left = leading.len();
    while let Some(node) = free.pop() {
        left -= 1;
        for &next in ways.get(node).map_or(&[][..], Vec::as_slice) {
            if let Some(count) = leading.get_mut(next) {
                *count -= 1;
                if *count == 0 {
                    free.push(next);
                }
            }
        }
    }
    left > 0
}

/// The place of the first link that closes a ring.
pub(super) fn closing(links: &[LinkSpec]) -> Option<usize> {
    if !has_ring(links) {
        return None;
    }
    // The shortest beginning of the list with a ring in it ends with that link.
    let (mut without, mut with) = (0, links.len());
    while with - without > 1 {
        let middle = (without + with) / 2;
        match has_ring(&links[..middle]) {
            true => with = middle,
            false => without = middle,
        }
    }
    Some(with - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(ends: &[(&str, &str)]) -> Vec<LinkSpec> {
        let link = |(from, to): &(&str, &str)| LinkSpec {
            from: (*from).to_owned(),
            to: (*to).to_owned(),
            latency_ms: 1.0,
            loss: 0.0,
        };
        ends.iter().map(link).collect()
    }

    #[test]
    fn two_ways_to_one_node_are_no_ring() {
        let diamond = links(&[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]);
        assert_eq!(closing(&diamond), None);
        assert_eq!(way(&diamond, "d", "a"), None);
        let found = way(&diamond, "a", "d").expect("there are two");
        assert_eq!((found.len(), &*found[0], &*found[2]), (3, "a", "d"));
    }

    #[test]
    fn the_link_that_closes_the_first_ring_is_named() {
        let ends = [("c", "a"), ("a", "b"), ("b", "x"), ("x", "a"), ("x", "y"), ("y", "x")];
        assert_eq!(closing(&links(&ends)), Some(3));
        assert_eq!(
            way(&links(&ends[..3]), "a", "x"),
            Some(vec!["a".into(), "b".into(), "x".into()])
        );
    }
}
