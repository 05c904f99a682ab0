//! How many keys move when the members change?
//!
//! Two placements are asked for the owner of every key; the owners are the same when their names
//! are. Beside the count stands the smallest share that could have moved: every shard whose part of
//! all weights shrinks must give up at least the difference. A perfect placement moves no more.
//! Where the placement ignores weights, all shards count alike.
//!
//! Keys are taken one at a time: memory depends on the number of shards only.

use super::members::places;
use super::{Placement, Shard};
use crate::sim::Why;

/// A placement and the list of shards it was made from, which its answers are places in.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'a> {
    /// Who decides.
    pub by: &'a dyn Placement,
    /// Between whom.
    pub shards: &'a [Shard],
}

/// What a change of members did to some keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// How many keys were asked about.
    pub total: u64,
    /// How many of them have another owner than before, or one where there was none, or none where
    /// there was one.
    pub count: u64,
    /// The smallest share of keys that any placement could have moved, from 0 to 1.
    pub ideal: f64,
    /// For each shard of the list before, how many of its keys went elsewhere.
    pub left: Vec<u64>,
    /// For each shard of the list after, how many keys came to it.
    pub came: Vec<u64>,
}

impl Moved {
    /// The share of keys that moved, from 0 to 1; 0 when there were none.
    pub fn share(&self) -> f64 {
        if self.total == 0 { 0.0 } else { self.count as f64 / self.total as f64 }
    }
}

/// Which keys move from `before` to `after`?
pub fn moved<K: AsRef<[u8]>>(
    before: Placed<'_>,
    after: Placed<'_>,
    keys: impl IntoIterator<Item = K>,
) -> Moved {
    let now = places(before.shards, after.shards);
    let mut moved = Moved {
        total: 0,
        count: 0,
        ideal: ideal(before, after),
        left: vec![0; before.shards.len()],
        came: vec![0; after.shards.len()],
    };
    for key in keys {
        let old = before.by.owner(key.as_ref(), &mut Why::off());
        let new = after.by.owner(key.as_ref(), &mut Why::off());
        moved.total += 1;
        let stays = match (old, new) {
            (None, None) => true,
            (Some(old), Some(new)) => now.get(old).copied().flatten() == Some(new),
            _ => false,
        };
        if !stays {
            moved.count += 1;
            let left = old.and_then(|old| moved.left.get_mut(old));
            let came = new.and_then(|new| moved.came.get_mut(new));
            left.into_iter().chain(came).for_each(|count| *count += 1);
        }
    }
    moved
}

/// The share of keys that must move at least, from 0 to 1: the sum of what each shard's part of all
/// weights shrinks by. A placement that ignores weights is held to equal ones. Negative weights
/// count as 0; without any weight nothing must move.
pub fn ideal(before: Placed<'_>, after: Placed<'_>) -> f64 {
    let weights = |placed: Placed<'_>| -> Vec<f64> {
        let weight = |shard: &Shard| match placed.by.weighted() {
            true => shard.weight.max(0) as f64,
            false => 1.0,
        };
        placed.shards.iter().map(weight).collect()
    };
    let (old, new) = (weights(before), weights(after));
    let (all_old, all_new) = (old.iter().sum::<f64>(), new.iter().sum::<f64>());
    if all_old == 0.0 || all_new == 0.0 {
        return 0.0;
    }
    // Whole numbers until the one division at the end: exact for ordinary weights.
    let shrinks = |(weight, now): (&f64, Option<usize>)| {
        let now = now.and_then(|place| new.get(place)).copied().unwrap_or(0.0);
        (weight * all_new - now * all_old).max(0.0)
    };
    let now = places(before.shards, after.shards);
    old.iter().zip(now).map(shrinks).sum::<f64>() / (all_old * all_new)
}

#[cfg(test)]
mod tests {
    use super::super::tests::named;
    use super::super::{Knobs, find};
    use super::*;

    fn growth(key: &str, from: usize, to: usize) -> Moved {
        let (before, after) = (named(from), named(to));
        let make = find(key).expect("in the catalogue").make;
        let old = make(Knobs::DEFAULTS, &before).expect("made");
        let new = old.with(&after).expect("changed");
        let keys = (1..=1000).map(|number| format!("user{number}"));
        moved(Placed { by: &*old, shards: &before }, Placed { by: &*new, shards: &after }, keys)
    }

    /// The course's numbers: 786 of user1 to user1000 move from four shards to five.
    #[test]
    fn the_first_byte_moves_nearly_all_and_jump_a_fifth() {
        let byte = growth("md5_first_byte", 4, 5);
        assert_eq!((byte.count, byte.total, byte.ideal), (786, 1000, 0.2));
        let jump = growth("jump", 4, 5);
        assert!(jump.share() < 0.25, "{jump:?}");
        assert_eq!(jump.came[..4], [0; 4], "all to the new one");
        assert_eq!(jump.left.iter().sum::<u64>(), jump.count);
    }

    #[test]
    fn names_count_and_not_places() {
        let list = named(3);
        let back: Vec<Shard> = list.iter().rev().cloned().collect();
        let make = find("rendezvous").expect("in the catalogue").make;
        let old = make(Knobs::DEFAULTS, &list).expect("made");
        let new = old.with(&back).expect("changed");
        let keys = (0..100).map(|number| number.to_string());
        let (old, new) = (Placed { by: &*old, shards: &list }, Placed { by: &*new, shards: &back });
        assert_eq!(moved(old, new, keys).count, 0);
        assert_eq!(moved(old, new, [""; 0]).share(), 0.0);
    }

    fn least(key: &str, before: &[Shard], after: &[Shard]) -> f64 {
        let make = find(key).expect("in the catalogue").make;
        let by = make(Knobs::DEFAULTS, &named(1)).expect("made");
        ideal(Placed { by: &*by, shards: before }, Placed { by: &*by, shards: after })
    }

    #[test]
    fn the_least_that_must_move() {
        for key in ["jump", "maglev"] {
            assert_eq!(least(key, &named(4), &named(8)), 0.5);
            assert_eq!(least(key, &named(8), &named(7)), 0.125);
        }
        let a_and_b = |weight| [Shard::new("a", weight), Shard::new("b", 1)];
        assert_eq!(least("maglev", &a_and_b(1), &a_and_b(1)[..1]), 0.5);
        assert_eq!(least("maglev", &a_and_b(3), &a_and_b(1)), 0.25, "from 3 of 4 to 1 of 2");
        assert_eq!(least("maglev", &a_and_b(3), &a_and_b(3)[..1]), 0.25);
        assert_eq!(least("maglev", &[Shard::new("a", -1)], &named(1)), 0.0);
    }

    /// One of two shards goes: half of the keys must move, whatever weights the list has.
    #[test]
    fn weights_that_are_ignored_do_not_count() {
        let list = [Shard::new("a", 3), Shard::new("b", 1)];
        assert_eq!(least("jump", &list, &list[..1]), 0.5);
        assert_eq!(least("jump", &list, &[Shard::new("a", 9), Shard::new("b", 1)]), 0.0);
    }
}
