//! What every placement does with its list of shards and with keys in words.

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

/// The place of the `nth` (from 0) shard of those that are not in `gone`.
pub(super) fn nth_left(gone: &[usize], nth: usize) -> usize {
    let mut place = nth;
    loop {
        let before = gone.iter().filter(|&&gone| gone <= place).count();
        if nth + before == place {
            return place;
        }
        place = nth + before;
    }
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
    while out.len() < count.min(n) {
        let nth = choose(n - out.len());
        out.push(nth_left(out, nth));
    }
}

/// Fills `out` with the first `count` distinct entries of `cells` from `at` on, wrapping round.
/// `present` is how many distinct ones there are.
pub(super) fn distinct(
    cells: &[u32],
    at: usize,
    present: usize,
    count: usize,
    out: &mut Vec<usize>,
) {
    out.clear();
    let (before, after) = cells.split_at(at);
    for &shard in after.iter().chain(before) {
        if out.len() >= count.min(present) {
            return;
        }
        if !out.contains(&(shard as usize)) {
            out.push(shard as usize);
        }
    }
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
        assert_eq!(nth_left(&[], 3), 3);
        assert_eq!(nth_left(&[0, 1], 0), 2);
        assert_eq!(nth_left(&[3, 1], 2), 4);
        let mut out = Vec::new();
        one_by_one(4, 9, &mut out, |left| 5 % left);
        assert_eq!(out, [1, 3, 2, 0]);
    }

    #[test]
    fn keys_in_words_are_short_and_printable() {
        assert_eq!(shown(b"user:1"), "\"user:1\"");
        assert_eq!(shown(&[0xff, b'\n']), "\"\u{fffd}\\n\"");
        assert_eq!(shown(&[b'x'; 99]).chars().count(), 43);
    }
}
