//! A ring of points, and the placements that are one: libketama's, nginx's, twemproxy's and
//! Cassandra's.
//!
//! Each shard has many points on a circle of numbers. A key is hashed to a position; the first
//! point at or after it owns the key, and after the last point comes the first. The more points a
//! shard has, the nearer its share of the circle is to its weight.
//!
//! Taking a shard away takes its points away: its keys go to the points that follow. In nginx's and
//! Cassandra's rings that is all, and no other key moves. In libketama's and twemproxy's the number
//! of points of a shard hangs on its *share* of all weights, so that a few points of others come or
//! go as well, and their keys with them.
//!
//! The schemes differ in how points and positions are computed; each has a file of its own.
//! Source: Karger and others, Consistent Hashing and Random Trees, 1997.

use std::sync::Arc;

use super::hash_ring::HashRing;
use super::members::{MOST_POINTS, admit, at_most, shown};
use super::{Knobs, Picture, Placement, Refusal, Second, Shard};
use crate::sim::{Line, Why};

/// How many shards the reasons name: the owner and those that would follow.
const SHOWN: usize = 3;

/// Points on a ring: the position of each, and the place of its shard in the list.
pub(super) type Points = Vec<(u64, u32)>;

/// What tells one ring from another.
#[derive(Debug)]
pub(super) struct Scheme {
    /// How many positions there are.
    pub(super) size: u128,
    /// The points of all shards, in any order.
    pub(super) points: fn(&Knobs, &[Shard]) -> Result<Points, Refusal>,
    /// Where a key falls.
    pub(super) position: fn(&Knobs, &[u8]) -> u64,
    /// How the position is found, in words: `the first four bytes of md5`.
    pub(super) words: fn(&Knobs) -> &'static str,
    /// A position as the real system writes it.
    pub(super) shown: fn(u64) -> String,
    /// What the next distinct shard on the ring is: the heir, if no shard gets other points than
    /// before when another leaves the list.
    pub(super) second: Second,
}

/// A placement that is a ring.
#[derive(Clone, Debug)]
pub(super) struct RingPlacement {
    scheme: &'static Scheme,
    knobs: Knobs,
    shards: Arc<[Shard]>,
    ring: HashRing,
    /// How many shards have a point.
    present: usize,
}

impl RingPlacement {
    /// The ring of `shards`.
    ///
    /// # Errors
    /// When there are no shards, a name is there twice, or the points cannot be made.
    pub(super) fn new(
        scheme: &'static Scheme,
        knobs: &Knobs,
        shards: &[Shard],
    ) -> Result<RingPlacement, Refusal> {
        let shards = admit(shards)?;
        let points = (scheme.points)(knobs, &shards)?;
        at_most(MOST_POINTS, "points", points.len())?;
        if points.is_empty() {
            return Err(Refusal::Settings("no shard gets a point on the ring".to_owned()));
        }
        let mut seen = vec![false; shards.len()];
        points.iter().for_each(|&(_, shard)| seen[shard as usize] = true);
        let present = seen.iter().filter(|&&seen| seen).count();
        let ring = HashRing::new(points);
        Ok(RingPlacement { scheme, knobs: knobs.clone(), shards, ring, present })
    }

    /// The points, ascending.
    pub(super) fn points(&self) -> &[(u64, u32)] {
        self.ring.points()
    }

    /// How far it is from `position` on to `point`.
    fn way(&self, position: u64, point: u64) -> u128 {
        let (from, to) = (u128::from(position), u128::from(point));
        if to >= from { to - from } else { self.scheme.size - from + to }
    }

    fn explain(&self, key: &[u8], position: u64, why: &mut Why) {
        let shown_at = self.scheme.shown;
        let mut met: Vec<u32> = Vec::new();
        for (point, shard) in self.ring.walk(position) {
            if met.contains(&shard) {
                continue;
            }
            let name = &self.shards[shard as usize].name;
            if met.is_empty() {
                why.say(|| {
                    let (key, points) = (shown(key), self.points().len());
                    let (at, how) = (shown_at(position), (self.scheme.words)(&self.knobs));
                    let next = shown_at(point);
                    let next = format!("The next of {points} points is {next}, of {name}.");
                    format!("{key} is at {at} ({how}). {next}")
                });
            }
            let way = self.way(position, point);
            why.line(|| Line {
                subject: name.to_string(),
                numbers: format!("point {}, {way} further on", shown_at(point)),
                chosen: met.is_empty(),
            });
            met.push(shard);
            if met.len() == SHOWN.min(self.present) {
                return;
            }
        }
    }
}

impl Placement for RingPlacement {
    fn owner(&self, key: &[u8], why: &mut Why) -> Option<usize> {
        let position = (self.scheme.position)(&self.knobs, key);
        if why.wanted() {
            self.explain(key, position, why);
        }
        self.ring.owner(position).map(|shard| shard as usize)
    }

    /// The next distinct shards on the ring.
    fn preference(&self, key: &[u8], count: usize, out: &mut Vec<usize>) {
        let position = (self.scheme.position)(&self.knobs, key);
        self.ring.distinct(position, count.min(self.present), out);
    }

    fn second(&self) -> Second {
        self.scheme.second
    }

    fn weighted(&self) -> bool {
        true
    }

    fn with(&self, shards: &[Shard]) -> Result<Box<dyn Placement>, Refusal> {
        Ok(Box::new(RingPlacement::new(self.scheme, &self.knobs, shards)?))
    }

    fn picture(&self) -> Picture {
        Picture::Ring { size: self.scheme.size, points: self.points().to_vec() }
    }

    fn position(&self, key: &[u8]) -> Option<u64> {
        Some((self.scheme.position)(&self.knobs, key))
    }

    fn check(&self) -> Result<(), String> {
        let ascending = self.points().is_sorted_by_key(|&(position, _)| position);
        let fits = |&(position, shard): &(u64, u32)| {
            u128::from(position) < self.scheme.size && (shard as usize) < self.shards.len()
        };
        match (ascending, self.points().iter().all(fits)) {
            (true, true) => Ok(()),
            (false, _) => Err("the points are not in order".to_owned()),
            (_, false) => Err("a point is off the ring or of no shard".to_owned()),
        }
    }
}
