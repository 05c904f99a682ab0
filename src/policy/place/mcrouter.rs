//! mcrouter's rendezvous hashing, without weights and with them.
//!
//! Names and key are hashed apart and then mixed into one score per shard, so a key is hashed only
//! once; the highest score owns the key, the earlier of equals. With weights the score becomes a
//! number u between 0 and 1, and w · (1 / −ln u) is compared: a shard with twice the weight wins
//! twice as many keys, and changing one weight moves keys only to or from that shard. A shard of
//! weight 0 takes no part.
//!
//! Numbers in the reasons have as many digits as it takes to read back the very same number.
//!
//! Source: mcrouter `RendezvousHashFunc.cpp`, `WeightedRendezvousHashFunc.cpp`.

use std::cmp::Ordering;
use std::sync::Arc;

use super::members::{admit, shown, weights};
use super::rendezvous_score::{key_hash, name_hash, score, unit, weighted};
use super::{Entry, Picture, Placement, Refusal, Second, Shard};
use crate::sim::{Line, Why};

#[derive(Clone, Debug)]
struct Mcrouter {
    shards: Arc<[Shard]>,
    /// The hash of each name, and its weight; without weights 1.
    names: Arc<[(u64, f64)]>,
    weighted: bool,
}

impl Mcrouter {
    fn new(weighted: bool, shards: &[Shard]) -> Result<Mcrouter, Refusal> {
        let shards = admit(shards)?;
        let weights = if weighted { weights(&shards)? } else { vec![1; shards.len()] };
        let name =
            |(shard, weight): (&Shard, u64)| (name_hash(shard.name.as_bytes()), weight as f64);
        let names = shards.iter().zip(weights).map(name).collect();
        Ok(Mcrouter { shards, names, weighted })
    }

    /// Does the shard at `a` come before the one at `b`? Only shards with weight are compared.
    fn compare(&self, a: usize, b: usize, key: u64) -> Ordering {
        let ((name_a, weight_a), (name_b, weight_b)) = (self.names[a], self.names[b]);
        let (score_a, score_b) = (score(name_a, key), score(name_b, key));
        let by_score = match self.weighted {
            true => weighted(score_b, weight_b).total_cmp(&weighted(score_a, weight_a)),
            false => score_b.cmp(&score_a),
        };
        by_score.then(a.cmp(&b))
    }

    fn explain(&self, key: &[u8], owner: usize, why: &mut Why) {
        let hash = key_hash(key);
        for (place, (shard, &(name, weight))) in self.shards.iter().zip(&*self.names).enumerate() {
            why.line(|| Line {
                subject: shard.name.to_string(),
                numbers: match (score(name, hash), self.weighted) {
                    (score, false) => format!("score {score}"),
                    (_, true) if weight == 0.0 => "weight 0: takes no part".to_owned(),
                    (score, true) => {
                        let (u, own) = (unit(score), weighted(score, weight));
                        format!("u = {u}, {weight} · (1 / −ln u) = {own}")
                    }
                },
                chosen: place == owner,
            });
        }
        why.say(|| {
            let n = self.names.iter().filter(|&&(_, weight)| weight > 0.0).count();
            let (name, key) = (&self.shards[owner].name, shown(key));
            let what = if self.weighted { "weighted scores" } else { "scores" };
            format!("{name} has the highest of {n} {what} for {key}.")
        });
    }
}

impl Placement for Mcrouter {
    fn owner(&self, key: &[u8], why: &mut Why) -> Option<usize> {
        let hash = key_hash(key);
        let mut best: Option<(usize, f64, u64)> = None;
        for (place, &(name, weight)) in self.names.iter().enumerate() {
            if weight == 0.0 {
                continue;
            }
            let score = score(name, hash);
            let own = if self.weighted { weighted(score, weight) } else { 0.0 };
            // Without weights the first part is always equal, and the whole score decides.
            let wins = best.is_none_or(|(_, most, highest)| match self.weighted {
                true => own > most,
                false => score > highest,
            });
            if wins {
                best = Some((place, own, score));
            }
        }
        let (owner, ..) = best?;
        if why.wanted() {
            self.explain(key, owner, why);
        }
        Some(owner)
    }

    fn preference(&self, key: &[u8], count: usize, out: &mut Vec<usize>) {
        let hash = key_hash(key);
        out.clear();
        out.extend((0..self.shards.len()).filter(|&place| self.names[place].1 > 0.0));
        out.sort_unstable_by(|&a, &b| self.compare(a, b, hash));
        out.truncate(count);
    }

    fn second(&self) -> Second {
        Second::Heir
    }

    fn weighted(&self) -> bool {
        self.weighted
    }

    fn with(&self, shards: &[Shard]) -> Result<Box<dyn Placement>, Refusal> {
        Ok(Box::new(Mcrouter::new(self.weighted, shards)?))
    }

    fn picture(&self) -> Picture {
        Picture::Scores
    }
}

/// Without weights.
pub(super) const ENTRY: Entry = Entry {
    key: "mcrouter_rendezvous",
    wire: 8,
    name: "Rendezvous, mcrouter",
    whose: "mcrouter, hash function Rendezvous",
    rule: "The shard with the highest mix of its own hash and the key's owns the key; weights are \
           ignored.",
    cost: "O(n) time, a few multiplications each; one hash of memory per shard",
    when: "Up to some hundred shards, when only the keys of a lost shard may move.",
    when_not: "Thousands of shards: every one is asked for every key.",
    source: "mcrouter RendezvousHashFunc.cpp",
    knobs: &[],
    make: |_, shards| Ok(Box::new(Mcrouter::new(false, shards)?)),
};

/// With weights.
pub(super) const ENTRY_WEIGHTED: Entry = Entry {
    key: "weighted_rendezvous",
    wire: 9,
    name: "Weighted rendezvous",
    whose: "mcrouter, hash function WeightedRendezvous",
    rule: "Every shard draws u from its hash and the key's; the highest weight / −ln u owns the \
           key.",
    cost: "O(n) time, a logarithm each; one hash of memory per shard",
    when: "Shards differ in size and weights change: only the keys that must move do.",
    when_not: ENTRY.when_not,
    source: "mcrouter WeightedRendezvousHashFunc.cpp",
    knobs: &[],
    make: |_, shards| Ok(Box::new(Mcrouter::new(true, shards)?)),
};

#[cfg(test)]
mod tests {
    use super::super::tests::{owner, why};
    use super::*;

    #[test]
    fn raising_one_weight_moves_keys_only_to_it() {
        let list = |weight| {
            ["a", "b", "c"].map(|name| Shard::new(name, if name == "b" { weight } else { 10 }))
        };
        let before = Mcrouter::new(true, &list(10)).expect("a list");
        let after = before.with(&list(20)).expect("a list");
        let mut to_b = 0;
        for key in 0..2_000 {
            let (old, new) = (owner(&before, &key.to_string()), owner(&*after, &key.to_string()));
            assert!(old == new || new == 1);
            to_b += u32::from(new == 1);
        }
        assert!(to_b.abs_diff(1_000) < 70, "{to_b}");
    }

    /// From u and the weight as they are printed comes the very number that was compared.
    #[test]
    fn the_reasons_can_be_redone_to_the_last_bit() {
        let list = [Shard::new("a", 3), Shard::new("off", 0), Shard::new("b", 7)];
        let place = Mcrouter::new(true, &list).expect("three");
        for key in 0..100 {
            let why = why(&place, format!("key:{key}").as_bytes());
            let own = |line: &Line| {
                let numbers = line.numbers.replace(',', "");
                let words: Vec<&str> = numbers.split(' ').collect();
                let number = |at: usize| words[at].parse::<f64>().expect("a number");
                let (u, weight, own) = (number(2), number(3), number(words.len() - 1));
                assert_eq!(weight * (1.0 / -libm::log(u)), own, "{numbers}");
                own
            };
            let (a, b) = (own(&why.lines[0]), own(&why.lines[2]));
            assert_eq!(why.lines[0].chosen, a > b, "{:?}", why.lines);
            assert_eq!(why.lines[1].numbers, "weight 0: takes no part");
            assert!(why.sentence.contains("the highest of 2 weighted scores"), "{}", why.sentence);
        }
    }
}
