//! Ketama, the ring that made consistent hashing popular with memcached clients.
//!
//! A shard with the share p of all weights gets ⌊p · 40 · n⌋ digests md5("name-0"), md5("name-1"),
//! ...; each digest is cut into four little-endian words, and each word is a point. A share too
//! small for one digest gets no key at all. A key is at the first word of its own md5. The share is
//! kept in 32-bit floating point as in the original, so ⌊...⌋ falls as it does there: equal weights
//! make 160 points a shard, but 156 when there are 61 or 122 of them, because 1/61 is rounded down.
//!
//! Both p and n hang on the whole list. With unequal weights nearly every change of members gives
//! some of the *other* shards a digest more or less, and moves a few keys between these; with equal
//! ones only a change to or from such a count does.
//!
//! Source: libketama (last.fm), `ketama.c`, `ketama_create_continuum` and `ketama_get_server`.

use super::members::{MOST_POINTS, at_most, weights};
use super::ring::{Points, RingPlacement, Scheme};
use super::{Entry, Knob, Knobs, Refusal, Second, Shard};
use crate::policy::hash::md5::{md5, md5_of, word};

const DIGESTS: Knob = Knob {
    key: "digests",
    wire: 0,
    label: "Digests per shard",
    unit: "",
    help: "How many digests a shard of average weight gets; each makes four points.",
    min: 1.0,
    max: 1_000.0,
    default: 40.0,
    whole: true,
};

/// How many digests each shard gets.
pub(super) fn digests(per_shard: usize, weights: &[u64]) -> Result<Vec<usize>, Refusal> {
    let total = weights.iter().fold(0u64, |sum, &weight| sum.saturating_add(weight)) as f32;
    let count = |&weight: &u64| {
        let share = weight as f32 / total;
        let digests = f64::from(share) * per_shard as f64 * f64::from(weights.len() as f32);
        (digests as f32).floor() as usize
    };
    let counts: Vec<usize> = weights.iter().map(count).collect();
    let sum = counts.iter().fold(0usize, |sum, &count| sum.saturating_add(count));
    at_most(MOST_POINTS, "points", sum.saturating_mul(4))?;
    Ok(counts)
}

/// Four points from each of `digests` digests of "name-number".
pub(super) fn add_points(name: &str, shard: u32, digests: usize, points: &mut Vec<(u64, u32)>) {
    for number in 0..digests {
        let digest = md5_of(&[name.as_bytes(), b"-", number.to_string().as_bytes()]);
        points.extend((0..4).map(|place| (u64::from(word(&digest, place)), shard)));
    }
}

fn points(knobs: &Knobs, shards: &[Shard]) -> Result<Points, Refusal> {
    let mut points = Vec::new();
    let counts = digests(knobs.count(&DIGESTS), &weights(shards)?)?;
    for (place, (shard, digests)) in shards.iter().zip(counts).enumerate() {
        add_points(&shard.name, place as u32, digests, &mut points);
    }
    Ok(points)
}

static SCHEME: Scheme = Scheme {
    size: 1 << 32,
    points,
    position: |_, key| u64::from(word(&md5(key), 0)),
    words: |_| "the first four bytes of its md5, little-endian",
    shown: |position| position.to_string(),
    second: Second::Neighbour(
        "After the owner come the next distinct shards on the ring as it stands. libketama skips \
         nobody: it makes the ring anew, and where a digest of another shard comes or goes with \
         that, another shard owns the key.",
    ),
};

/// The ring of `shards`, for comparisons with libketama itself.
///
/// # Errors
/// When the list or a weight cannot be used.
pub fn ketama_points(shards: &[Shard]) -> Result<Vec<(u64, u32)>, Refusal> {
    Ok(RingPlacement::new(&SCHEME, Knobs::DEFAULTS, shards)?.points().to_vec())
}

/// Where libketama hashes a key to.
pub fn ketama_hash(key: &[u8]) -> u32 {
    word(&md5(key), 0)
}

pub(super) const ENTRY: Entry = Entry {
    key: "ketama",
    wire: 2,
    name: "Ketama ring",
    whose: "libketama (last.fm)",
    rule: "Every shard has about 160 points on a ring, by weight; the next point at or after the \
           key's MD5 owns it.",
    cost: "O(log points) time and one MD5; about 160 points of memory per shard",
    when: "Caches that come and go: adding one of n + 1 moves about 1/(n + 1) of the keys, and \
           with unequal weights a few more.",
    when_not: "Loads must be even to a few percent: with 160 points shares still differ by a tenth \
               or so. Or no key but those of the changed shard may move.",
    source: "libketama ketama.c",
    knobs: &[DIGESTS],
    make: |knobs, shards| Ok(Box::new(RingPlacement::new(&SCHEME, knobs, shards)?)),
};

#[cfg(test)]
mod tests {
    use super::super::tests::why;
    use super::*;

    fn two() -> [Shard; 2] {
        [Shard::new("127.0.0.1:11211", 600), Shard::new("127.0.0.1:11212", 400)]
    }

    #[test]
    fn the_next_point_at_or_after_the_key_owns_it() {
        let place = (ENTRY.make)(Knobs::DEFAULTS, &two()).expect("two shards");
        let why = why(&*place, b"test");
        let words = "\"test\" is at 3446378249 (the first four bytes of its md5, little-endian). \
                     The next of 320 points is 3454255383, of 127.0.0.1:11211.";
        assert_eq!(why.sentence, words);
        assert_eq!(why.lines[0].numbers, "point 3454255383, 7877134 further on");
    }

    #[test]
    fn points_follow_weights_and_the_knob() {
        assert_eq!(digests(40, &[600, 400]), Ok(vec![48, 32]));
        assert_eq!(digests(10, &[1, 1, 1, 1]), Ok(vec![10; 4]));
        assert_eq!(digests(40, &[1, 10_000]), Ok(vec![0, 79]));
        let uneven = |n: &usize| digests(40, &vec![7; *n]) != Ok(vec![40; *n]);
        assert_eq!((1..200).filter(uneven).collect::<Vec<usize>>(), [61, 122]);
        assert_eq!(digests(40, &[1; 61]), Ok(vec![39; 61]));
        assert!(digests(1_000, &[1; 50_000]).is_err());
        let mut knobs = Knobs::default();
        knobs.set(&[DIGESTS], "digests", 10.0).expect("in range");
        assert_eq!(points(&knobs, &two()).map(|points| points.len()), Ok(80));
    }
}
