//! HAProxy's `hash-balance-factor`: nobody gets much more than its share, hash or no hash.
//!
//! With n requests in flight in all, factor F percent, and servers that weigh W together, a server
//! of weight w behind servers of weight c has
//!
//! `t = ((n + 1) F + 99) / 100, q = t / W, r = t mod W,`
//! `slots = w q + (c + w) r / W - c r / W`, at least 1
//!
//! (whole-number divisions). It may be used while it has fewer requests in flight than slots;
//! otherwise the walk along the ring goes on. The slots of all servers add up to at least t, which
//! is more than n: somebody always may.
//!
//! Two things are simpler here. HAProxy works out `c` when it starts and leaves it as it is when a
//! weight changes at runtime, while W follows; here both follow. And it counts only requests that
//! are being served: here those that wait in a server's queue are in flight, too, and fill its
//! slots.
//!
//! Whose: HAProxy 2.6, consistent hashing only; the idea is "consistent hashing with bounded loads"
//! (Mirrokni, Thorup, Zadimoghaddam, 2016). Source of the formula: ten recorded runs.

use super::{Pool, Server};
use crate::policy::balance::Backend;

/// The factor, and how many requests are in flight where.
#[derive(Clone, Debug, Default)]
pub(super) struct Bound {
    /// In percent; 100 and less is no bound.
    factor: u64,
    in_flight: Vec<u32>,
    all: u64,
    /// The sum of the weights of the usable servers before each place, and of all.
    before: Vec<u64>,
}

impl Bound {
    pub(super) fn new(factor: u64) -> Bound {
        Bound { factor, ..Bound::default() }
    }

    /// Is there a bound at all?
    pub(super) fn on(&self) -> bool {
        self.factor > 100
    }

    /// The list, or what is known of a server in it, has changed.
    pub(super) fn changed(&mut self, pool: &Pool, backends: &[Backend]) {
        self.in_flight.clear();
        self.in_flight.extend(backends.iter().map(|backend| backend.in_flight));
        self.all = self.in_flight.iter().map(|n| u64::from(*n)).sum();
        self.before.clear();
        let mut sum = 0;
        for (place, server) in pool.servers.iter().enumerate() {
            self.before.push(sum);
            sum += if pool.serves(place) { u64::from(server.weight) } else { 0 };
        }
        self.before.push(sum);
    }

    /// The number in flight at `place` has changed.
    pub(super) fn counted(&mut self, place: usize, backends: &[Backend]) {
        if let (Some(known), Some(backend)) = (self.in_flight.get_mut(place), backends.get(place)) {
            self.all = (self.all + u64::from(backend.in_flight)).saturating_sub(u64::from(*known));
            *known = backend.in_flight;
        }
    }

    /// Requests in flight everywhere.
    pub(super) fn all(&self) -> u64 {
        self.all
    }

    /// How many requests the server at `place` may have before it is passed over.
    pub(super) fn slots(&self, place: usize, pool: &Pool) -> u64 {
        let (Some(Server { weight, .. }), Some(total)) =
            (pool.servers.get(place), self.before.last().filter(|total| **total > 0))
        else {
            return 1;
        };
        let (own, before) = (u64::from(*weight), self.before[place]);
        let slots =
            (self.all.saturating_add(1).saturating_mul(self.factor).saturating_add(99)) / 100;
        let (whole, rest) = (slots / total, slots % total);
        (own * whole + (before + own) * rest / total - before * rest / total).max(1)
    }

    /// May the server at `place` be used?
    pub(super) fn allows(&self, place: usize, pool: &Pool) -> bool {
        let in_flight = self.in_flight.get(place).map_or(0, |n| u64::from(*n));
        !self.on() || in_flight < self.slots(place, pool)
    }

    /// Does it count what the list says?
    pub(super) fn check(&self, backends: &[Backend]) -> Result<(), String> {
        let now: Vec<u32> = backends.iter().map(|backend| backend.in_flight).collect();
        match now == self.in_flight && self.all == now.iter().map(|n| u64::from(*n)).sum::<u64>() {
            true => Ok(()),
            false => Err(format!("counts {:?} in flight, not {now:?}", self.in_flight)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::list;
    use super::*;

    /// 3 in flight and factor 150: t = (4 * 150 + 99) / 100 = 6 slots over weights 1, 1, 2.
    #[test]
    fn slots_by_weight() {
        let mut list = list(&[1, 1, 2]);
        list[2].in_flight = 3;
        let (mut pool, mut bound) = (Pool::default(), Bound::new(150));
        pool.added(&list);
        bound.changed(&pool, &list);
        let slots: Vec<u64> = (0..3).map(|place| bound.slots(place, &pool)).collect();
        assert_eq!((bound.all(), slots), (3, vec![1, 2, 3]));
        let may: Vec<bool> = (0..3).map(|place| bound.allows(place, &pool)).collect();
        assert_eq!(may, [true, true, false]);
        list[2].in_flight = 2;
        bound.counted(2, &list);
        assert_eq!(bound.check(&list), Ok(()));
    }

    #[test]
    fn absurd_numbers_do_no_harm() {
        let mut list = list(&[256, 1]);
        list[0].in_flight = u32::MAX;
        let (mut pool, mut bound) = (Pool::default(), Bound::new(u64::MAX));
        assert_eq!(bound.slots(7, &pool), 1);
        pool.added(&list);
        bound.changed(&pool, &list);
        assert!(bound.slots(0, &pool) > bound.slots(1, &pool));
        assert!(bound.allows(0, &pool) && bound.allows(9, &pool));
    }
}
