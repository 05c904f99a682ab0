//! HAProxy's ring, for consistent hashing and for random draws.
//!
//! Server number s of effective weight e owns the points `avalanche(s * 4096 + i)` for i below e,
//! that is 16 points per unit of weight, on a circle of 2^32. A hash belongs to the **nearer** of
//! the points on its two sides; at equal distance to the one before it. (Most other rings take the
//! next point.) When that server may not be used, the walk goes up, point by point.
//!
//! The shares are arcs, and with 16 points per unit of weight they are uneven: three servers of
//! weight 1, numbered 1 to 3, get 35 %, 30 % and 35 %.
//!
//! Whose: HAProxy 2.6. Points that coincide stand in list order.

use super::{Pool, Serving, has_room};
use crate::policy::balance::Backend;
use crate::policy::hash::haproxy::avalanche;

/// How many points a server can have: the distance between the numbers hashed for two servers.
const POINTS_MAX: u32 = super::EFFECTIVE_MAX;

/// The ring, and the point at which a walk in turn has stopped.
#[derive(Clone, Debug, Default)]
pub(super) struct Ring {
    /// Point in the upper half, place in the list in the lower, sorted.
    points: Vec<u64>,
    /// The entry last taken in turn.
    last: Option<u64>,
    /// Must it be built anew?
    stale: bool,
}

/// Where a hash fell, as numbers of points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The point before the hash, and the one after.
    pub(super) around: [usize; 2],
    /// The nearer of them.
    pub(super) near: usize,
    /// The point whose server may be used.
    pub(super) taken: usize,
}

impl Ring {
    /// Somebody joined or changed.
    pub(super) fn changed(&mut self) {
        self.stale = true;
    }

    /// The server that was at `place` is gone.
    pub(super) fn removed(&mut self, place: usize) {
        self.stale = true;
        if let Some(last) = &mut self.last
            && place_of(*last) > place
        {
            *last -= 1;
        }
    }

    /// Is it as it should be for `pool`?
    pub(super) fn check(&self, pool: &Pool) -> Result<(), String> {
        let serves = |point: &u64| pool.serves(place_of(*point));
        match self.stale || (self.points.is_sorted() && self.points.iter().all(serves)) {
            true => Ok(()),
            false => Err("the ring names a server that is not in use".to_owned()),
        }
    }

    /// Builds it anew if it must be.
    pub(super) fn ready(&mut self, pool: &Pool, backends: &[Backend]) {
        if !self.stale {
            return;
        }
        self.stale = false;
        self.points.clear();
        let Serving::Group(group) = pool.serving() else { return };
        for (place, (server, backend)) in pool.servers.iter().zip(backends).enumerate() {
            if server.usable && server.group() == group {
                let first = backend.id.wrapping_mul(POINTS_MAX);
                let point = |i| (u64::from(avalanche(first.wrapping_add(i))) << 32) | place as u64;
                self.points.extend((0..server.weight).map(point));
            }
        }
        self.points.sort_unstable();
    }

    /// How many points there are.
    pub(super) fn len(&self) -> usize {
        self.points.len()
    }

    /// The place in the list and the position of point number `point`.
    pub(super) fn point(&self, point: usize) -> (usize, u32) {
        (place_of(self.points[point]), position(self.points[point]))
    }

    /// Where `hash` belongs. `may` says whether a server may be used; if none may, whoever owns the
    /// last point gets it. Nothing if there is no point.
    pub(super) fn near(&self, hash: u32, may: impl Fn(usize) -> bool) -> Option<Found> {
        let count = self.points.len();
        if count == 0 {
            return None;
        }
        let after = self.points.partition_point(|point| position(*point) < hash) % count;
        let before = (after + count - 1) % count;
        let down = hash.wrapping_sub(position(self.points[before]));
        let up = position(self.points[after]).wrapping_sub(hash);
        let near = if down <= up { before } else { after };
        let mut walk = (0..count).map(|step| (near + step) % count);
        let taken = walk.find(|point| may(place_of(self.points[*point]))).unwrap_or(count - 1);
        Some(Found { around: [before, after], near, taken })
    }

    /// The next point in ascending order whose server has room; the server to be avoided only if no
    /// other has. Gives the number of the point.
    pub(super) fn in_turn(&mut self, avoid: Option<usize>, backends: &[Backend]) -> Option<usize> {
        let count = self.points.len();
        let start = match self.last {
            Some(last) => self.points.partition_point(|point| *point <= last),
            None => 0,
        };
        let mut fallback = None;
        for step in 0..count {
            let number = (start + step) % count;
            let place = place_of(self.points[number]);
            if backends.get(place).is_none_or(|backend| !has_room(backend)) {
                continue;
            }
            fallback = Some(number);
            if avoid != Some(place) {
                break;
            }
        }
        if let Some(number) = fallback {
            self.last = Some(self.points[number]);
        }
        fallback
    }
}

fn position(point: u64) -> u32 {
    (point >> 32) as u32
}

fn place_of(point: u64) -> usize {
    point as u32 as usize
}

#[cfg(test)]
mod tests {
    use super::super::testing::list;
    use super::*;

    fn ring(weights: &[i64]) -> Ring {
        let (list, mut pool, mut ring) = (list(weights), Pool::default(), Ring::default());
        pool.added(&list);
        ring.changed();
        ring.ready(&pool, &list);
        ring
    }

    #[test]
    fn sixteen_points_per_unit_of_weight() {
        let ring = ring(&[1, 0, 3]);
        assert_eq!(ring.len(), 64);
        assert_eq!((0..64).filter(|point| ring.point(*point).0 == 0).count(), 16);
        // Server number 1, i = 0: as HAProxy's own code computes it.
        assert!((0..64).any(|point| ring.point(point) == (0, 1_237_450_891)));
    }

    #[test]
    fn the_nearer_point_gets_the_hash() {
        let ring = ring(&[1, 1]);
        let (_, low) = ring.point(4);
        let (_, high) = ring.point(5);
        let near = |hash| ring.near(hash, |_| true).map(|found| found.near);
        let half = low + (high - low) / 2;
        assert_eq!([near(low), near(half), near(half + 1), near(high)], [4, 4, 5, 5].map(Some));
        // Below the first point and above the last, the circle closes.
        let (_, first) = ring.point(0);
        assert_eq!(ring.near(first.wrapping_sub(1), |_| true).map(|f| f.around), Some([31, 0]));
    }

    #[test]
    fn a_server_that_may_not_is_walked_past() {
        let ring = ring(&[1, 1]);
        for hash in [0, 7, 1 << 31, u32::MAX] {
            let found = ring.near(hash, |place| place == 1).expect("there are points");
            assert_eq!(ring.point(found.taken).0, 1);
        }
        assert_eq!(ring.near(5, |_| false).map(|found| found.taken), Some(31));
    }

    /// As recorded: 1, 1, 1 without a key.
    #[test]
    fn a_walk_in_turn_goes_up() {
        let (list, mut ring) = (list(&[1, 1, 1]), ring(&[1, 1, 1]));
        let mut step = || ring.in_turn(None, &list).map(|point| ring.point(point).0);
        let places: Vec<Option<usize>> = (0..9).map(|_| step()).collect();
        assert_eq!(places, [2, 2, 1, 0, 2, 0, 0, 1, 2].map(Some));
    }
}
