//! Cassandra's token ring.
//!
//! A key has a token, a signed number of 64 bits: its MurmurHash3, in Cassandra's variant. Nodes
//! own tokens; the node with the first token at or after the key's holds the first replica, and the
//! next distinct nodes around the ring hold the others (SimpleStrategy): these are the preference,
//! and since a node's tokens hang on nobody else, also the owners once those before have left. Each
//! range includes its right end and not its left.
//!
//! Cassandra draws a node's tokens at random when it first starts. Here token i is the hash of
//! "name-i", so that the same cluster is always the same. A node of weight w has w times as many,
//! which is how bigger machines are set up there too.
//!
//! Source: Apache Cassandra 4.1 `Murmur3Partitioner`, `SimpleStrategy`; `num_tokens` in its
//! `cassandra.yaml`.

use super::members::{MOST_POINTS, at_most, weights};
use super::ring::{Points, RingPlacement, Scheme};
use super::{Entry, Knob, Knobs, Refusal, Second, Shard};
use crate::policy::hash::murmur3::cassandra_token;

const NUM_TOKENS: Knob = Knob {
    key: "num_tokens",
    wire: 0,
    label: "Tokens per node",
    unit: "",
    help: "How many tokens (virtual nodes) a node of weight 1 has; 16 since 4.0, 256 before.",
    min: 1.0,
    max: 1_536.0,
    default: 16.0,
    whole: true,
};

/// Where a token is on a ring that starts at the smallest.
fn place_of(token: i64) -> u64 {
    (token as u64) ^ (1 << 63)
}

fn points(knobs: &Knobs, shards: &[Shard]) -> Result<Points, Refusal> {
    let weights = weights(shards)?;
    let tokens = knobs.count(&NUM_TOKENS) as u64;
    let total =
        weights.iter().fold(0u64, |sum, &weight| sum.saturating_add(weight.saturating_mul(tokens)));
    at_most(MOST_POINTS, "tokens", usize::try_from(total).unwrap_or(usize::MAX))?;
    let mut points = Vec::with_capacity(total as usize);
    for (place, (shard, weight)) in shards.iter().zip(weights).enumerate() {
        let token = |number: u64| cassandra_token(format!("{}-{number}", shard.name).as_bytes());
        points.extend((0..weight * tokens).map(|number| (place_of(token(number)), place as u32)));
    }
    Ok(points)
}

static SCHEME: Scheme = Scheme {
    size: 1 << 64,
    points,
    position: |_, key| place_of(cassandra_token(key)),
    words: |_| "its token",
    shown: |position| ((position ^ (1 << 63)) as i64).to_string().replace('-', "\u{2212}"),
    second: Second::Heir,
};

pub(super) const ENTRY: Entry = Entry {
    key: "cassandra_murmur3",
    wire: 15,
    name: "Cassandra token ring",
    whose: "Apache Cassandra 4.1, Murmur3Partitioner and SimpleStrategy, tokens drawn by name",
    rule: "Every node has 16 tokens per unit of weight; the node with the first token at or after \
           the key's owns it.",
    cost: "O(log tokens) time; 16 tokens of memory per node",
    when: "A database that grows node by node and keeps replicas on the nodes that follow.",
    when_not: "Few nodes with few tokens: shares are very uneven, which is why Cassandra can also \
               compute tokens instead of drawing them.",
    source: "Apache Cassandra Murmur3Partitioner",
    knobs: &[NUM_TOKENS],
    make: |knobs, shards| Ok(Box::new(RingPlacement::new(&SCHEME, knobs, shards)?)),
};

#[cfg(test)]
mod tests {
    use super::super::tests::{named, why};
    use super::*;

    #[test]
    fn tokens_are_ordered_as_signed_numbers() {
        assert!(place_of(-1) < place_of(0) && place_of(i64::MIN) == 0);
        let place = (ENTRY.make)(Knobs::DEFAULTS, &named(3)).expect("three nodes");
        let words = why(&*place, b"").sentence;
        assert!(words.starts_with("\"\" is at −9223372036854775808 (its token)."), "{words}");
    }

    #[test]
    fn tokens_follow_weights_and_the_knob() {
        let list = [Shard::new("a", 2), Shard::new("b", 1)];
        let count = |knobs: &Knobs| points(knobs, &list).map(|points| points.len());
        assert_eq!(count(Knobs::DEFAULTS), Ok(48));
        let mut knobs = Knobs::default();
        knobs.set(&[NUM_TOKENS], "num_tokens", 256.0).expect("in range");
        assert_eq!(count(&knobs), Ok(768));
    }
}
