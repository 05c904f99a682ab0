//! Rendezvous (highest random weight): every shard gives a score for the key, the highest owns it.
//!
//! The score is the 32-bit MurmurHash3 of "shard-key", under a seed that all who place keys must
//! share; of equal scores the greater name wins. When
//! a shard goes, only its keys move, each to its second highest, so they spread over all others;
//! when one joins, only the keys it wins move. No ring, no table, but every shard is asked every
//! time.
//!
//! Source: Thaler and Ravishankar, 1998; scores as in clandestined, `murmur_seed` included.

use std::sync::Arc;

use super::members::{admit, shown};
use super::{Entry, Knob, Knobs, Picture, Placement, Refusal, Second, Shard};
use crate::policy::hash::murmur3::murmur3_32;
use crate::sim::{Line, Why};

const SEED: Knob = Knob {
    key: "seed",
    wire: 0,
    label: "Seed",
    unit: "",
    help: "The seed of MurmurHash3: another one places all keys anew. 0 in clandestined, if none \
           is given.",
    min: 0.0,
    max: 4_294_967_295.0,
    default: 0.0,
    whole: true,
};

/// The score of the shard called `name` for `key`.
pub fn score(name: &str, key: &[u8], seed: u32) -> u32 {
    murmur3_32(&[name.as_bytes(), b"-", key], seed)
}

#[derive(Clone, Debug)]
struct Rendezvous {
    seed: u32,
    shards: Arc<[Shard]>,
}

impl Rendezvous {
    fn new(seed: u32, shards: &[Shard]) -> Result<Rendezvous, Refusal> {
        Ok(Rendezvous { seed, shards: admit(shards)? })
    }

    /// Higher comes first.
    fn rank(&self, place: usize, key: &[u8]) -> (u32, &str) {
        let name = &*self.shards[place].name;
        (score(name, key, self.seed), name)
    }
}

impl Placement for Rendezvous {
    fn owner(&self, key: &[u8], why: &mut Why) -> Option<usize> {
        let mut best = (0, self.rank(0, key));
        for place in 1..self.shards.len() {
            let rank = self.rank(place, key);
            if rank > best.1 {
                best = (place, rank);
            }
        }
        let (owner, (score, name)) = best;
        if why.wanted() {
            for place in 0..self.shards.len() {
                why.line(|| {
                    let (score, name) = self.rank(place, key);
                    let (subject, numbers) = (name.to_owned(), format!("score {score}"));
                    Line { subject, numbers, chosen: place == owner }
                });
            }
            why.say(|| {
                let (key, n) = (shown(key), self.shards.len());
                format!("{name} has the highest of {n} scores for {key}: {score}.")
            });
        }
        Some(owner)
    }

    fn preference(&self, key: &[u8], count: usize, out: &mut Vec<usize>) {
        out.clear();
        out.extend(0..self.shards.len());
        out.sort_unstable_by(|&a, &b| self.rank(b, key).cmp(&self.rank(a, key)));
        out.truncate(count);
    }

    fn second(&self) -> Second {
        Second::Heir
    }

    fn with(&self, shards: &[Shard]) -> Result<Box<dyn Placement>, Refusal> {
        Ok(Box::new(Rendezvous::new(self.seed, shards)?))
    }

    fn picture(&self) -> Picture {
        Picture::Scores
    }
}

pub(super) const ENTRY: Entry = Entry {
    key: "rendezvous",
    wire: 7,
    name: "Rendezvous",
    whose: "highest random weight, scores as in clandestined",
    rule: "The shard with the highest murmur3 of \"shard-key\" owns the key; weights are ignored.",
    cost: "O(n) time; no memory",
    when: "Up to some dozens of shards, or replicas: the second and third highest are ready.",
    when_not: "Thousands of shards: every one is asked for every key.",
    source: "Thaler and Ravishankar 1998; clandestined-python",
    knobs: &[SEED],
    make: |knobs: &Knobs, shards| Ok(Box::new(Rendezvous::new(knobs.count(&SEED) as u32, shards)?)),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_keys_of_the_one_that_went_move() {
        let list = ["0", "1", "2"].map(|name| Shard::new(name, 1));
        let place = Rendezvous::new(0, &list).expect("three");
        let without = place.with(&[list[0].clone(), list[2].clone()]).expect("two");
        let owners = |place: &dyn Placement, names: [&'static str; 3]| {
            ["ok", "mykey", "wat"]
                .map(|key| place.owner(key.as_bytes(), &mut Why::off()).map(|owner| names[owner]))
        };
        assert_eq!(owners(&place, ["0", "1", "2"]), [Some("0"), Some("1"), Some("2")]);
        assert_eq!(owners(&*without, ["0", "2", ""]), [Some("0"), Some("0"), Some("2")]);
        let mut why = Why::on();
        place.owner(b"mykey", &mut why);
        let highest = score("1", b"mykey", 0);
        let words = format!("1 has the highest of 3 scores for \"mykey\": {highest}.");
        assert_eq!(why.sentence, words);
    }
}
