//! HAProxy's ring, for consistent hashing and for random draws.
//!
//! Server number s of effective weight e owns the points `avalanche(s * 4096 + i)` for i below e,
//! that is 16 points per unit of weight, on a circle of 2^32. A hash belongs to the **nearer** of
//! the points on its two sides; at equal distance to the one before it. (Most other rings take the
//! next point.) When that server may not be used, the walk goes up, point by point.
//!
//! A walk in turn (for requests without a key) goes on at the point after the one it took last. It
//! has two quirks, which are HAProxy's: when it finds nobody with room it forgets where it stood
//! and begins at the lowest point next time; and where it has nothing to go on from, the lowest
//! point alone decides: if its server is full, nobody is chosen. When the point it stood at goes
//! away, it moves on to the next one that is left.
//!
//! The shares are arcs, and with 16 points per unit of weight they are uneven: three servers of
//! weight 1, numbered 1 to 3, get 35 %, 30 % and 35 %.
//!
//! Whose: HAProxy 2.6. Points that coincide stand in list order. One thing is left out: there, a
//! walk that stood among the backups (`option allbackups`) still finishes its round of them after
//! an active server has come back; here it begins anew among the active ones.

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
    /// Whose points these are: the active servers' or the backups'.
    group: Option<usize>,
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
    pub(super) fn changed(&mut self, pool: &Pool, backends: &[Backend]) {
        self.stale = true;
        // A walk in turn has to move now: a point that it stands at may go and come back.
        if self.last.is_some() {
            self.ready(pool, backends);
        }
    }

    /// The server that was at `place` is gone.
    pub(super) fn removed(&mut self, place: usize) {
        self.stale = true;
        self.points.retain(|point| place_of(*point) != place);
        self.stand();
        let behind = |point: &&mut u64| place_of(**point) > place;
        self.points.iter_mut().chain(&mut self.last).filter(behind).for_each(|point| *point -= 1);
    }

    /// Where the walk in turn stands now that some points are gone.
    fn stand(&mut self) {
        self.last = self.last.and_then(|last| {
            let place = self.points.partition_point(|point| *point < last);
            self.points.get(place).or(self.points.first()).copied()
        });
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
        let Serving::Group(group) = pool.serving() else {
            (self.group, self.last) = (None, None);
            return;
        };
        for (place, (server, backend)) in pool.servers.iter().zip(backends).enumerate() {
            if server.usable && server.group() == group {
                let first = backend.id.wrapping_mul(POINTS_MAX);
                let point = |i| (u64::from(avalanche(first.wrapping_add(i))) << 32) | place as u64;
                self.points.extend((0..server.weight).map(point));
            }
        }
        self.points.sort_unstable();
        if self.group != Some(group) {
            (self.group, self.last) = (Some(group), None);
        }
        self.stand();
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
    /// other has. Gives the number of the point. The two quirks are told above.
    pub(super) fn in_turn(&mut self, avoid: Option<usize>, backends: &[Backend]) -> Option<usize> {
        let count = self.points.len();
        let (start, steps) = match self.last {
            Some(last) => (self.points.partition_point(|point| *point <= last), count),
            None => (0, count.min(1)),
        };
        let mut fallback = None;
        for step in 0..steps {
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
        self.last = fallback.map(|number| self.points[number]);
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
        ring.changed(&pool, &list);
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

    #[test]
    fn a_walk_forgets_where_it_stood_when_all_are_full() {
        let (mut list, mut ring) = (list(&[1, 1, 1]), ring(&[1, 1, 1]));
        let mut step = |full: &str| {
            for backend in &mut list {
                backend.in_flight_max = 1;
                backend.in_flight = u32::from(full.contains(&*backend.name));
            }
            ring.in_turn(None, &list).map(|point| ring.point(point).0)
        };
        // Where all servers have room it goes c c b a c a a b c.
        assert_eq!([step(""), step(""), step("")], [2, 2, 1].map(Some));
        assert_eq!(step("abc"), None);
        // The lowest point is c's. While c is full, nobody else is looked at.
        assert_eq!([step("c"), step("c")], [None, None]);
        assert_eq!([step(""), step("c"), step("")], [2, 1, 0].map(Some));
    }

    #[test]
    fn a_walk_moves_on_when_its_point_goes() {
        let (mut list, mut pool, mut ring) = (list(&[1, 1, 1]), Pool::default(), Ring::default());
        pool.added(&list);
        ring.changed(&pool, &list);
        let walk = |ring: &mut Ring, list: &[Backend], steps: usize| -> String {
            let step = |_| {
                let point = ring.in_turn(None, list).expect("there is room");
                char::from(b'a' + ring.point(point).0 as u8)
            };
            (0..steps).map(step).collect()
        };
        ring.ready(&pool, &list);
        assert_eq!(walk(&mut ring, &list, 2), "cc");
        // c goes and comes back: the walk has moved to b's point, and goes on after that.
        for healthy in [false, true] {
            list[2].healthy = healthy;
            pool.changed(2, &list);
            ring.changed(&pool, &list);
        }
        ring.ready(&pool, &list);
        assert_eq!(walk(&mut ring, &list, 4), "acaa");
        // The same when b is taken out of the list for good, right after its turn.
        assert_eq!(walk(&mut ring, &list, 1), "b");
        list.remove(1);
        pool.removed(1);
        ring.removed(1);
        ring.ready(&pool, &list);
        assert_eq!(ring.check(&pool), Ok(()));
        // Where it was b's, the walk stands at the next point, c's; c is now the second of two.
        assert_eq!(walk(&mut ring, &list, 4), "aaab");
    }
}
