//! Envoy's ring hash: hosts have many points on a ring, a request goes to the next point.
//!
//! Point i of a host is the hash of `name_i` with xxHash64 (or MurmurHash2 64A). The number of
//! points follows the weights; see [`HashRing::by_weight`] for the rule and its rounding. A request
//! belongs to the first point at or after its hash; attempt k of a retry goes k points further.
//! Adding a host to n others moves about 1 in n + 1 keys to it. Because the ring as a whole is
//! scaled to its least size, the others then have fewer points each, and a few keys move between
//! them, too.
//!
//! Not when evenness matters most: with the 1024 points that Envoy makes at least, shares differ by
//! tens of percent. Source: Envoy `ring_hash_lb.cc` at 13e9fdb2.

use super::consistent::{Consistent, HOST_RETRIES, Table};
use crate::policy::balance::Entry;
use crate::policy::hash::murmur2::{ENVOY_SEED, murmur2_64a};
use crate::policy::hash::xxh64::xxh64;
use crate::policy::place::hash_ring::HashRing;
use crate::policy::{Knob, Knobs};

/// The knobs' wire numbers do not collide with those of `bounded.rs`, which has these too.
pub(super) const FEWEST: Knob = Knob {
    key: "minimum_ring_size",
    wire: 3,
    label: "Points, at least",
    unit: "",
    help: "The ring is scaled up to this many points. Envoy allows eight times the maximum here.",
    min: 1.0,
    max: 1_048_576.0,
    default: 1024.0,
    whole: true,
};

pub(super) const MOST: Knob = Knob {
    key: "maximum_ring_size",
    wire: 4,
    label: "Points, at most",
    unit: "",
    help: "The ring is not scaled beyond this many points. Wins over the least number. \
           Envoy allows eight times as many; here fewer, so that a page stays quick.",
    min: 1.0,
    max: 1_048_576.0,
    default: 1_048_576.0,
    whole: true,
};

pub(super) const MURMUR: Knob = Knob {
    key: "murmur_hash_2",
    wire: 5,
    label: "MurmurHash2 for points",
    unit: "",
    help: "0 hashes points with xxHash64, 1 with MurmurHash2.",
    min: 0.0,
    max: 1.0,
    default: 0.0,
    whole: true,
};

/// How the ring is made.
#[derive(Clone, Copy, Debug)]
pub struct RingSizes {
    /// Scaled up to this many points at least.
    pub fewest: u64,
    /// And to this many at most.
    pub most: u64,
    /// MurmurHash2 instead of xxHash64 for the points?
    pub murmur: bool,
}

pub(super) fn sizes(knobs: &Knobs) -> RingSizes {
    RingSizes {
        fewest: knobs.count(&FEWEST) as u64,
        most: knobs.count(&MOST) as u64,
        murmur: knobs.count(&MURMUR) == 1,
    }
}

/// The ring.
#[derive(Clone, Debug)]
pub struct RingHash {
    sizes: RingSizes,
    ring: HashRing,
}

impl RingHash {
    /// Without points.
    pub fn new(sizes: RingSizes) -> RingHash {
        RingHash { sizes, ring: HashRing::default() }
    }

    /// The points, ascending: hash and host.
    pub fn points(&self) -> &[(u64, u32)] {
        self.ring.points()
    }

    fn point(&self, hash: u64, attempt: u32) -> Option<usize> {
        let first = self.ring.find(hash)?;
        Some((first + attempt as usize) % self.ring.points().len())
    }
}

impl Table for RingHash {
    fn build(&mut self, hosts: &[(&str, u64)]) {
        let RingSizes { fewest, most, murmur } = self.sizes;
        self.ring = match murmur {
            true => HashRing::by_weight(hosts, fewest, most, |name| murmur2_64a(name, ENVOY_SEED)),
            false => HashRing::by_weight(hosts, fewest, most, |name| xxh64(name, 0)),
        };
    }

    #[inline]
    fn find(&self, hash: u64, attempt: u32) -> Option<usize> {
        let point = self.point(hash, attempt)?;
        Some(self.ring.points()[point].1 as usize)
    }

    fn numbers(&self, hash: u64, attempt: u32) -> String {
        let points = self.ring.points();
        let Some(point) = self.point(hash, attempt) else { return String::new() };
        let (number, count, at) = (point + 1, points.len(), points[point].0);
        match attempt {
            0 => format!("next point is {at:#018x}, number {number} of {count}"),
            _ => format!("{attempt} further is {at:#018x}, number {number} of {count}"),
        }
    }
}

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "envoy_ring_hash",
    wire: 54,
    name: "Envoy ring hash",
    whose: "Envoy's RING_HASH",
    rule: "The key's hash is a place on a ring; the next point's host is taken.",
    cost: "O(log p) time for p points; 16 bytes each, made and sorted anew at each change of \
           health, weight or membership",
    when: "The same key should meet the same host, and few keys should move with every change.",
    when_not: "Shares must be even, or one key is hot: it has one host whatever that carries.",
    source: "Envoy ring_hash_lb.cc; Karger et al. 1997",
    knobs: &[HOST_RETRIES, FEWEST, MOST, MURMUR],
    make: |knobs| Box::new(Consistent::new(RingHash::new(sizes(knobs)), knobs, 0)),
};

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTS: [(&str, u64); 3] = [("127.0.0.1:90", 1), ("127.0.0.1:91", 2), ("127.0.0.1:92", 3)];

    fn ring(settings: &[(&str, f64)]) -> RingHash {
        let mut knobs = Knobs::default();
        for (key, value) in settings {
            knobs.set(ENTRY.knobs, key, *value).expect("in range");
        }
        let mut ring = RingHash::new(sizes(&knobs));
        ring.build(&HOSTS);
        ring
    }

    /// From Envoy's own test: six points for weights 1, 2 and 3.
    #[test]
    fn points_follow_the_weights() {
        let ring = ring(&[("minimum_ring_size", 6.0), ("maximum_ring_size", 6.0)]);
        let points = ring.points();
        assert_eq!(points.iter().map(|point| point.1).collect::<Vec<_>>(), [2, 2, 1, 1, 2, 0]);
        assert_eq!(points[5], (xxh64(b"127.0.0.1:90_0", 0), 0));
        // Past the last point is the first; a retry goes to the next point, whoever owns it.
        assert_eq!(ring.find(points[5].0 + 1, 0), Some(2));
        let owners = [0, 1, 2, 6].map(|attempt| ring.find(points[5].0, attempt));
        assert_eq!(owners, [0, 2, 2, 0].map(Some));
        let words = "1 further is 0x0ce1dd4962fdc0f4, number 1 of 6";
        assert_eq!(ring.numbers(points[5].0, 1), words);
    }

    #[test]
    fn each_setting_changes_the_ring() {
        let usual = ring(&[]);
        assert_eq!(usual.points().len(), 1026);
        assert_eq!(ring(&[("minimum_ring_size", 60.0)]).points().len(), 60);
        assert_eq!(ring(&[("maximum_ring_size", 60.0)]).points().len(), 60);
        let murmur = ring(&[("murmur_hash_2", 1.0)]);
        assert!(murmur.points().contains(&(murmur2_64a(b"127.0.0.1:90_0", ENVOY_SEED), 0)));
        assert_ne!(murmur.points(), usual.points());
    }
}
