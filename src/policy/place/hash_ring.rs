//! A ring of points: the structure under every consistent hash with virtual nodes.
//!
//! Positions are numbers below 2^64 (rings of 2^32 positions use the lower part). A point belongs
//! to one owner; a position belongs to the first point at or after it, and past the last point to
//! the first. Which points there are is up to whoever builds the ring; [`HashRing::by_weight`] is
//! Envoy's way (`ring_hash_lb.cc`, 2024): the points of an owner are the hashes of `name_0`,
//! `name_1`, ..., and their number follows the weights.
//!
//! Looking up is a binary search; adding an owner moves only the keys that it takes over.
//! Source: Karger et al., "Consistent Hashing and Random Trees", 1997.

use std::sync::Arc;

/// The most points that [`HashRing::by_weight`] makes: Envoy's limit.
pub const POINTS_MAX: u64 = 8_388_608;

/// Points on a ring, ascending. Cloning shares them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashRing {
    points: Arc<[(u64, u32)]>,
}

impl Default for HashRing {
    /// A ring without points.
    fn default() -> HashRing {
        HashRing::new(Vec::new())
    }
}

impl HashRing {
    /// The ring of these points, each a position and its owner. Of points at the same position the
    /// one given first owns it.
    pub fn new(mut points: Vec<(u64, u32)>) -> HashRing {
        points.sort_by_key(|&(position, _)| position);
        HashRing { points: points.into() }
    }

    /// Envoy's ring: point number i of an owner is `hash("name_i")`, owners are numbered as listed.
    ///
    /// The total is scaled so that the lightest gets a whole number of points and there are at
    /// least `fewest`, but at most `most` (and [`POINTS_MAX`]). The running sum of what everybody
    /// should have had so far decides how many each one gets. A weight of zero gets none.
    pub fn by_weight(
        owners: &[(&str, u64)],
        fewest: u64,
        most: u64,
        hash: impl Fn(&[u8]) -> u64,
    ) -> HashRing {
        let weights = owners.iter().map(|&(_, weight)| weight);
        let total: f64 = weights.clone().map(|weight| weight as f64).sum();
        let Some(lightest) = weights.filter(|&weight| weight > 0).min() else {
            return HashRing::default();
        };
        let lightest = lightest as f64 / total;
        let most = most.min(POINTS_MAX) as f64;
        let scale = ((lightest * fewest as f64).ceil() / lightest).min(most);
        let mut points = Vec::with_capacity(scale.ceil() as usize);
        let (mut made, mut due) = (0.0, 0.0);
        let mut name = Vec::new();
        for (owner, &(own, weight)) in owners.iter().enumerate() {
            due += scale * (weight as f64 / total);
            let mut number = 0u64;
            while made < due {
                name.clear();
                name.extend_from_slice(own.as_bytes());
                name.push(b'_');
                push_decimal(&mut name, number);
                points.push((hash(&name), owner as u32));
                number += 1;
                made += 1.0;
            }
        }
        HashRing::new(points)
    }

    /// All points, ascending: position and owner.
    pub fn points(&self) -> &[(u64, u32)] {
        &self.points
    }

    /// The number, in [`HashRing::points`], of the point that `position` belongs to.
    /// `None` when there are no points.
    #[inline]
    pub fn find(&self, position: u64) -> Option<usize> {
        if self.points.is_empty() {
            return None;
        }
        let number = self.points.partition_point(|&(at, _)| at < position);
        Some(if number == self.points.len() { 0 } else { number })
    }

    /// The owner of `position`. `None` when there are no points.
    #[inline]
    pub fn owner(&self, position: u64) -> Option<u32> {
        self.find(position).map(|number| self.points[number].1)
    }

    /// All points once round, beginning with the one that `position` belongs to.
    pub fn walk(&self, position: u64) -> impl Iterator<Item = (u64, u32)> + '_ {
        let (before, from) = self.points.split_at(self.find(position).unwrap_or(0));
        from.iter().chain(before).copied()
    }

    /// Puts the first `count` distinct owners met from `position` on into `out`, the owner first.
    pub fn distinct(&self, position: u64, count: usize, out: &mut Vec<usize>) {
        out.clear();
        for (_, owner) in self.walk(position) {
            if out.len() >= count {
                return;
            }
            if !out.contains(&(owner as usize)) {
                out.push(owner as usize);
            }
        }
    }
}

/// Appends `number` in decimal digits. `write!` would do; this takes a quarter of the time, and a
/// ring may have millions of points.
fn push_decimal(out: &mut Vec<u8>, mut number: u64) {
    let from = out.len();
    loop {
        out.push(b'0' + (number % 10) as u8);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out[from..].reverse();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Any hash that spreads well will do here.
    fn hash(bytes: &[u8]) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for &byte in bytes {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            hash ^= hash >> 29;
        }
        hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (hash >> 32)
    }

    #[test]
    fn a_position_belongs_to_the_next_point_and_the_end_to_the_first() {
        let ring = HashRing::new(vec![(30, 0), (10, 1), (20, 0)]);
        assert_eq!(ring.points(), [(10, 1), (20, 0), (30, 0)]);
        let owners = [0, 10, 11, 20, 30, 31, u64::MAX].map(|position| ring.owner(position));
        assert_eq!(owners, [1, 1, 0, 0, 0, 1, 1].map(Some));
        let round: Vec<u64> = ring.walk(15).map(|(position, _)| position).collect();
        assert_eq!(round, [20, 30, 10]);
        let mut out = vec![9];
        ring.distinct(15, 2, &mut out);
        assert_eq!(out, [0, 1]);
    }

    #[test]
    fn points_follow_the_weights() {
        // 1 of 6 must get a whole number: ceil(10 / 6) = 2, so 12 points in all.
        let ring = HashRing::by_weight(&[("a", 1), ("b", 2), ("c", 3)], 10, 100, hash);
        let count = |owner| ring.points().iter().filter(|point| point.1 == owner).count();
        assert_eq!([count(0), count(1), count(2)], [2, 4, 6]);
        assert!(ring.points().contains(&(hash(b"b_3"), 1)));
        let capped = HashRing::by_weight(&[("a", 1), ("b", 9)], 10, 4, hash);
        assert_eq!(capped.points().len(), 4);
        assert_eq!(HashRing::by_weight(&[("a", 0)], 10, 100, hash), HashRing::default());
        assert_eq!(HashRing::default().owner(1), None);
    }

    #[test]
    fn digits_are_digits() {
        for number in [0, 9, 10, 1234, u64::MAX] {
            let mut out = b"x_".to_vec();
            push_decimal(&mut out, number);
            assert_eq!(out, format!("x_{number}").into_bytes());
        }
    }

    proptest! {
        /// Taking one owner out moves only its own keys; and nothing panics on any weights.
        #[test]
        fn only_the_keys_of_the_one_that_left_move(
            weights in prop::collection::vec(0u64..4, 2..8),
            gone in 0usize..8,
            keys in prop::collection::vec(any::<u64>(), 50),
        ) {
            let gone = (gone % weights.len()) as u32;
            let names: Vec<String> = (0..weights.len()).map(|n| format!("s{n}")).collect();
            let owners: Vec<(&str, u64)> =
                names.iter().zip(&weights).map(|(name, &weight)| (name.as_str(), weight)).collect();
            let ring = HashRing::by_weight(&owners, 64, 64, hash);
            let left = ring.points().iter().filter(|point| point.1 != gone).copied().collect();
            let after = HashRing::new(left);
            for key in keys {
                if ring.owner(key) != Some(gone) {
                    prop_assert_eq!(ring.owner(key), after.owner(key));
                }
            }
        }

        #[test]
        fn any_weights_and_sizes_are_taken(
            weights in prop::collection::vec(any::<u64>(), 0..5),
            fewest in any::<u64>(),
            most in 0u64..2000,
        ) {
            let owners: Vec<(&str, u64)> = weights.iter().map(|&weight| ("s", weight)).collect();
            let ring = HashRing::by_weight(&owners, fewest, most, hash);
            // The running sum may end a hair above the limit, here as in Envoy.
            prop_assert!(ring.points().len() as u64 <= most + 1);
        }
    }
}
