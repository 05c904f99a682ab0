//! What every placement does with its list of shards and with keys in words.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Refusal, Shard};

/// The most shards one placement takes.
pub(super) const MOST_SHARDS: usize = 100_000;
/// The most points on one ring.
pub(super) const MOST_POINTS: usize = 4_000_000;

/// The list, if there is a shard in it, not too many, and no name twice.
pub(super) fn admit(shards: &[Shard]) -> Result<Arc<[Shard]>, Refusal> {
    if shards.is_empty() {
        return Err(Refusal::NoNodes);
    }
    at_most(MOST_SHARDS, "shards", shards.len())?;
    let mut names: Vec<&str> = shards.iter().map(|shard| &*shard.name).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Refusal::Duplicate(pair[0].to_owned())),
        None => Ok(shards.into()),
    }
}

/// No more than `most` of `what`.
pub(super) fn at_most(most: usize, what: &'static str, got: usize) -> Result<(), Refusal> {
    if got > most { Err(Refusal::TooMany { what, most, got }) } else { Ok(()) }
}

/// The weights, none below zero and not all zero.
pub(super) fn weights(shards: &[Shard]) -> Result<Vec<u64>, Refusal> {
    let weights = shards.iter().map(|shard| {
        u64::try_from(shard.weight).map_err(|_| Refusal::Weight {
            name: shard.name.to_string(),
            weight: shard.weight,
            must: "at least 0",
        })
    });
    let weights = weights.collect::<Result<Vec<u64>, Refusal>>()?;
    if weights.iter().all(|&weight| weight == 0) {
        return Err(Refusal::Settings("every shard has weight 0".to_owned()));
    }
    Ok(weights)
}

/// Where each shard of `old` is in `new`: the place of the one with the same name.
pub(super) fn places(old: &[Shard], new: &[Shard]) -> Vec<Option<usize>> {
    let now: BTreeMap<&str, usize> =
        new.iter().enumerate().map(|(place, shard)| (&*shard.name, place)).collect();
    old.iter().map(|shard| now.get(&*shard.name).copied()).collect()
}

/// Evens out how many of some things (chunks, ranges) each of `n` shards has, from the present
/// owner of each; `None` has lost its shard. They move as wholes: first those that are lost go one
/// by one to whoever has fewest; then one after another goes from whoever has most to whoever has
/// fewest, while these differ by two or more: the one that came last, else the first. Of shards
/// that have as many, the earlier in the list.
pub(super) fn even_out(owners: &[Option<u32>], n: usize) -> Vec<u32> {
    let mut of: Vec<Vec<usize>> = vec![Vec::new(); n];
    for (thing, owner) in owners.iter().enumerate().rev() {
        owner.iter().for_each(|&shard| of[shard as usize].push(thing));
    }
    let mut by_count: BTreeSet<(usize, usize)> =
        of.iter().enumerate().map(|(shard, things)| (things.len(), shard)).collect();
    fn give(thing: usize, of: &mut [Vec<usize>], by_count: &mut BTreeSet<(usize, usize)>) {
        if let Some((count, to)) = by_count.pop_first() {
            of[to].push(thing);
            by_count.insert((count + 1, to));
        }
    }
    for thing in (0..owners.len()).filter(|&thing| owners[thing].is_none()) {
        give(thing, &mut of, &mut by_count);
    }
    while let (Some(&(fewest, _)), Some(&(most, _))) = (by_count.first(), by_count.last()) {
        let from = by_count.range((most, 0)..).next().copied().filter(|_| most >= fewest + 2);
        let Some((count, from)) = from else { break };
        let Some(thing) = of[from].pop() else { break };
        by_count.remove(&(count, from));
        by_count.insert((count - 1, from));
        give(thing, &mut of, &mut by_count);
    }
    let mut owners = vec![0; owners.len()];
    for (shard, things) in of.iter().enumerate() {
        things.iter().for_each(|&thing| owners[thing] = shard as u32);
    }
    owners
}

/// Fills `out` with up to `count` of `n` places by asking again and again which of those still left
/// comes next: `choose` is given how many are left and answers with a number below that.
pub(super) fn one_by_one(
    n: usize,
    count: usize,
    out: &mut Vec<usize>,
    mut choose: impl FnMut(usize) -> usize,
) {
    out.clear();
    // Those chosen so far, ascending: before the i-th of them, its place less i are left.
    let mut gone: Vec<usize> = Vec::new();
    while out.len() < count.min(n) {
        let nth = choose(n - out.len());
        let before = passed(&gone, nth);
        out.push(nth + before);
        gone.insert(before, nth + before);
    }
}

/// How many of `gone`, ascending places, come before the `nth` (from 0) of those that are left.
fn passed(gone: &[usize], nth: usize) -> usize {
    let (mut least, mut most) = (0, gone.len());
    while least < most {
        let middle = least.midpoint(most);
        if gone[middle] - middle <= nth {
            least = middle + 1;
        } else {
            most = middle;
        }
    }
    least
}

/// Fills `out` with the owner and the shards that follow it in the list of `n`.
pub(super) fn in_turn(owner: usize, n: usize, count: usize, out: &mut Vec<usize>) {
    out.clear();
    out.extend((0..count.min(n)).map(|step| (owner + step) % n));
}

/// A key in words: in quotes, what cannot be printed escaped, cut off when it is long.
pub(super) fn shown(key: &[u8]) -> String {
    let text = String::from_utf8_lossy(key);
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_looked_at_before_anything_is_built() {
        let shard = |name, weight| Shard::new(name, weight);
        assert_eq!(admit(&[]), Err(Refusal::NoNodes));
        let twice = [shard("a", 1), shard("b", 1), shard("a", 2)];
        assert_eq!(admit(&twice), Err(Refusal::Duplicate("a".to_owned())));
        assert!(weights(&[shard("a", 1), shard("b", -1)]).is_err());
        assert!(weights(&[shard("a", 0)]).is_err());
        assert_eq!(weights(&[shard("a", 0), shard("b", i64::MAX)]), Ok(vec![0, i64::MAX as u64]));
    }

    #[test]
    fn counting_skips_those_that_are_gone() {
        assert_eq!([passed(&[], 3), passed(&[0, 1], 0), passed(&[1, 3], 2)], [0, 2, 2]);
        let mut out = Vec::new();
        one_by_one(4, 9, &mut out, |left| 5 % left);
        assert_eq!(out, [1, 3, 2, 0]);
        // As taking them out of a list.
        let mut list: Vec<usize> = (0..1_000).collect();
        let taken: Vec<usize> =
            (0..1_000).map(|step| list.remove((step * step + 7) % (1_000 - step))).collect();
        one_by_one(1_000, 1_000, &mut out, |left| {
            let step = 1_000 - left;
            (step * step + 7) % left
        });
        assert_eq!(out, taken);
    }

    #[test]
    fn shards_are_found_again_by_name() {
        let list = ["a", "b", "c"].map(|name| Shard::new(name, 1));
        let new = ["c", "d", "a"].map(|name| Shard::new(name, 2));
        assert_eq!(places(&list, &new), [Some(2), None, Some(0)]);
    }

    #[test]
    fn wholes_move_until_none_has_two_more_than_another() {
        let some =
            |owners: &[u32]| -> Vec<Option<u32>> { owners.iter().copied().map(Some).collect() };
        assert_eq!(even_out(&some(&[0, 0, 1, 1]), 3), [2, 0, 1, 1]);
        assert_eq!(even_out(&[Some(0), Some(0), None, None], 2), [0, 0, 1, 1]);
        assert_eq!(even_out(&some(&[0, 0, 1, 1, 2, 2]), 4), [3, 0, 1, 1, 2, 2]);
        assert_eq!(even_out(&[Some(0), None, Some(1)], 2), [0, 0, 1]);
        assert_eq!(even_out(&some(&[0; 4]), 2), [1, 1, 0, 0]);
        assert_eq!(even_out(&some(&[0, 1]), 3), [0, 1], "no two more than another");
        // A single pass over the owners would stop short here.
        let owners = even_out(&some(&[1, 1, 1, 1, 1, 0, 0, 0, 0, 0]), 5);
        let counts = [0, 1, 2, 3, 4].map(|shard| owners.iter().filter(|&&o| o == shard).count());
        assert_eq!(counts, [2; 5]);
    }

    #[test]
    fn keys_in_words_are_short_and_printable() {
        assert_eq!(shown(b"user:1"), "\"user:1\"");
        assert_eq!(shown(&[0xff, b'\n']), "\"\u{fffd}\\n\"");
        assert_eq!(shown(&[b'x'; 99]).chars().count(), 43);
    }
}
