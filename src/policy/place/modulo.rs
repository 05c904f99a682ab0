//! A number modulo the count of shards: the course's sharding, whole digests, Kafka.
//!
//! The simplest rule there is, and the one that moves most: going from n to n + 1 shards, a key
//! stays only when its number has the same rest for both, so n of n + 1 keys move. If the owner is
//! gone, the same rule is asked again over the shards that are left.

use std::sync::Arc;

use super::members::{admit, one_by_one, shown};
use super::{Picture, Placement, Refusal, Second, Shard};
use crate::sim::{Line, Why};

/// What tells one rule from another.
#[derive(Debug)]
pub(super) struct Rule {
    /// The number of a key.
    pub(super) number: fn(&[u8]) -> u128,
    /// How the number is found, in words with the values met on the way.
    pub(super) words: fn(&[u8]) -> String,
    /// How many different numbers there are, when they are few enough to draw.
    pub(super) numbers: Option<u32>,
}

/// A placement that is a rest.
#[derive(Clone, Debug)]
pub(super) struct Modulo {
    rule: &'static Rule,
    shards: Arc<[Shard]>,
}

impl Modulo {
    /// Over `shards`; weights are ignored.
    ///
    /// # Errors
    /// When there are no shards or a name is there twice.
    pub(super) fn new(rule: &'static Rule, shards: &[Shard]) -> Result<Modulo, Refusal> {
        Ok(Modulo { rule, shards: admit(shards)? })
    }
}

/// The rest of `number`, as a place in a list of `n`.
fn rest(number: u128, n: usize) -> usize {
    // Numbers of 64 bits are divided much faster than those of 128.
    match u64::try_from(number) {
        Ok(small) => (small % n as u64) as usize,
        Err(_) => (number % n as u128) as usize,
    }
}

impl Placement for Modulo {
    fn owner(&self, key: &[u8], why: &mut Why) -> Option<usize> {
        let (number, n) = ((self.rule.number)(key), self.shards.len());
        let place = rest(number, n);
        why.line(|| Line {
            subject: self.shards[place].name.to_string(),
            numbers: format!("{number} mod {n} = {place}"),
            chosen: true,
        });
        why.say(|| {
            let words = (self.rule.words)(key);
            let name = &self.shards[place].name;
            format!("{} {words}; {number} mod {n} = {place}: {name}.", shown(key))
        });
        Some(place)
    }

    /// The same rule over the shards that are left, in their order.
    fn preference(&self, key: &[u8], count: usize, out: &mut Vec<usize>) {
        let number = (self.rule.number)(key);
        one_by_one(self.shards.len(), count, out, |left| rest(number, left));
    }

    fn second(&self) -> Second {
        Second::Heir
    }

    fn with(&self, shards: &[Shard]) -> Result<Box<dyn Placement>, Refusal> {
        Ok(Box::new(Modulo::new(self.rule, shards)?))
    }

    fn picture(&self) -> Picture {
        let n = self.shards.len() as u32;
        match self.rule.numbers {
            Some(numbers) => Picture::Table((0..numbers).map(|number| number % n).collect()),
            None => Picture::Table((0..n).collect()),
        }
    }

    fn position(&self, key: &[u8]) -> Option<u64> {
        let cells = self.rule.numbers.map_or(self.shards.len(), |numbers| numbers as usize);
        Some(rest((self.rule.number)(key), cells) as u64)
    }
}
