//! HAProxy's static map: a table with one slot per unit of weight.
//!
//! Weights are divided by their greatest common divisor; W is their sum. For every slot each
//! server's score grows by its weight, `v = (score + W) / W` is cut off to a whole number, the
//! first server with the largest v gets the slot and its score falls by W. Weights 3, 2, 1 give
//! a a b a b c. Built anew, when it is next needed, after a server has come or gone.
//!
//! The divisor belongs to the weights as configured: a server that is drained still counts with the
//! weight it last had, because HAProxy's static algorithms know only "all" and "nothing".
//!
//! When only backups are left and the first is to take everything, W is the first one's weight
//! alone. If that is 1, the only slot is its own. Otherwise HAProxy fills the W slots from *all*
//! usable backups: of two that weigh 2 each, the second gets every other slot. So it does here.
//!
//! Whose: HAProxy 2.6, for `static-rr` and `hash-type map-based`.

use super::{Pool, Serving, has_room, out_of_it};
use crate::policy::balance::Backend;

/// The table, and the slot with which a walk through it goes on.
#[derive(Clone, Debug, Default)]
pub(super) struct Map {
    slots: Vec<u32>,
    /// How many slots each server has.
    shares: Vec<usize>,
    next: usize,
    /// Must it be built anew?
    stale: bool,
    /// The weight each server was last known to have when it was not drained.
    configured: Vec<u32>,
}

impl Map {
    /// Somebody joined or changed.
    pub(super) fn changed(&mut self, pool: &Pool) {
        self.stale = true;
        self.configured.resize(pool.servers.len(), 0);
        for (known, server) in self.configured.iter_mut().zip(&pool.servers) {
            if server.weight > 0 {
                *known = server.weight;
            }
        }
    }

    /// The server that was at `place` is gone.
    pub(super) fn removed(&mut self, place: usize, pool: &Pool) {
        if place < self.configured.len() {
            self.configured.remove(place);
        }
        self.changed(pool);
    }

    /// Is it as it should be for `pool`?
    pub(super) fn check(&self, pool: &Pool) -> Result<(), String> {
        if self.stale {
            return Ok(());
        }
        let serves = |place: &u32| pool.in_turn(*place as usize);
        if !self.slots.iter().all(serves) {
            return Err("the map names a server that is not in use".to_owned());
        }
        let count =
            |place: usize| self.slots.iter().filter(|slot| **slot as usize == place).count();
        let counts: Vec<usize> = (0..pool.servers.len()).map(count).collect();
        match counts == self.shares {
            true => Ok(()),
            false => Err(format!("shares are {:?}, the map says {counts:?}", self.shares)),
        }
    }

    /// How many slots there are; built anew if it must be.
    pub(super) fn ready(&mut self, pool: &Pool) -> usize {
        if self.stale {
            self.stale = false;
            self.build(pool);
        }
        self.slots.len()
    }

    /// Who has the slot that `hash` falls into, and that slot.
    pub(super) fn of_hash(&mut self, hash: u32, pool: &Pool) -> Option<(usize, usize)> {
        let slot = (hash as usize).checked_rem(self.ready(pool))?;
        Some((self.slots[slot] as usize, slot))
    }

    /// The next slot whose server has room; the server to be avoided only if no other has. Gives
    /// the server and the slot.
    pub(super) fn in_turn(
        &mut self,
        avoid: Option<usize>,
        pool: &Pool,
        backends: &[Backend],
    ) -> Option<(usize, usize)> {
        let count = self.ready(pool);
        // The walk may have stopped past the end of a map that has since become shorter; it goes on
        // where it stopped when the map has become longer.
        if self.next >= count {
            self.next = 0;
        }
        let mut fallback = None;
        for step in 0..count {
            let slot = (self.next + step) % count;
            let place = self.slots[slot] as usize;
            if backends.get(place).is_none_or(|backend| !has_room(backend)) {
                continue;
            }
            if avoid != Some(place) {
                self.next = slot + 1;
                return Some((place, slot));
            }
            fallback = Some((place, slot));
        }
        if let Some((_, slot)) = fallback {
            self.next = slot + 1;
        }
        fallback
    }

    /// The servers of the slots to come, one round of them.
    pub(super) fn order(&self) -> impl Iterator<Item = usize> {
        let count = self.slots.len();
        let start = if self.next < count { self.next } else { 0 };
        (0..count).map(move |step| self.slots[(start + step) % count] as usize)
    }

    /// `place`'s share: its slots, of all.
    pub(super) fn share(&self, place: usize) -> (usize, usize) {
        (self.shares.get(place).copied().unwrap_or(0), self.slots.len())
    }

    /// The same in words, for reasons: `2 of 7 slots`, and what is the matter with the server.
    pub(super) fn words(&self, place: usize, pool: &Pool, backends: &[Backend]) -> String {
        // A backup that is not the first may have slots, and is used then.
        let full = backends.get(place).is_some_and(|backend| !has_room(backend));
        let matter = match self.share(place) {
            (own, _) if own > 0 && pool.in_turn(place) => full.then_some("full"),
            _ => out_of_it(place, pool, backends),
        };
        match (self.share(place), matter) {
            ((0, _), Some(words)) => words.to_owned(),
            ((own, all), Some(words)) => format!("{own} of {all} slots, {words}"),
            ((own, all), None) => format!("{own} of {all} slots"),
        }
    }

    fn build(&mut self, pool: &Pool) {
        self.slots.clear();
        self.shares.clear();
        self.shares.resize(pool.servers.len(), 0);
        let divisor = self.configured.iter().fold(0, |a, b| divisor(a, *b)).max(1);
        let weight = |place: usize| i64::from(pool.servers[place].weight.div_ceil(divisor));
        let all = (0..pool.servers.len()).filter(|place| pool.in_turn(*place));
        let mut sharers: Vec<(u32, i64)> = all.map(|place| (place as u32, weight(place))).collect();
        let total: i64 = match pool.serving() {
            Serving::Only(place) => weight(place),
            _ => sharers.iter().map(|(_, weight)| weight).sum(),
        };
        if let (1, Serving::Only(place)) = (total, pool.serving()) {
            sharers.retain(|(sharer, _)| *sharer as usize == place);
        }
        let mut scores = vec![0i64; sharers.len()];
        for _ in 0..total {
            let mut best: Option<(usize, i64)> = None;
            for (number, (_, weight)) in sharers.iter().enumerate() {
                scores[number] += weight;
                let value = (scores[number] + total) / total;
                if best.is_none_or(|(_, most)| value > most) {
                    best = Some((number, value));
                }
            }
            if let Some((number, _)) = best {
                scores[number] -= total;
                self.slots.push(sharers[number].0);
                self.shares[sharers[number].0 as usize] += 1;
            }
        }
    }
}

/// The greatest common divisor; that of 0 and n is n.
fn divisor(mut a: u32, mut b: u32) -> u32 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::super::PARTS;
    use super::super::testing::list;
    use super::*;

    fn map(weights: &[i64]) -> String {
        let (list, mut pool, mut map) = (list(weights), Pool::default(), Map::default());
        pool.added(&list);
        map.changed(&pool);
        map.ready(&pool);
        map.order().map(|place| list[place].name.to_string()).collect()
    }

    #[test]
    fn slots_by_weight() {
        assert_eq!(map(&[5, 1, 1]), "aaabaac");
        assert_eq!(map(&[3, 2, 1]), "aababc");
        assert_eq!(map(&[6, 4, 2]), "aababc");
        assert_eq!(map(&[3, 0, 1]), "aaac");
        assert_eq!(map(&[0, 0]), "");
        assert_eq!(map(&[]), "");
    }

    /// W is the first backup's weight, and all of them are in the running for the slots.
    #[test]
    fn the_first_backups_weight_is_the_length_of_the_map() {
        let backups = |weights: &[i64]| {
            let (mut list, mut pool, mut map) = (list(weights), Pool::default(), Map::default());
            list[0].healthy = false;
            list[1..].iter_mut().for_each(|backend| backend.backup = true);
            pool.added(&list);
            map.changed(&pool);
            map.ready(&pool);
            assert_eq!(map.check(&pool), Ok(()));
            map.order().map(|place| list[place].name.to_string()).collect::<String>()
        };
        assert_eq!(backups(&[1, 1, 5]), "b");
        assert_eq!(backups(&[1, 2, 2]), "bc");
        assert_eq!(backups(&[1, 2, 4]), "cc");
        assert_eq!(backups(&[1, 4, 1]), "bbbb");
        assert_eq!(backups(&[1, 4, 3]), "bbcb");
        assert_eq!(backups(&[2, 2, 4]), "b");
    }

    #[test]
    fn divisors() {
        assert_eq!([divisor(0, 0), divisor(0, 6), divisor(12, 18), divisor(7, 3)], [0, 6, 6, 1]);
    }

    #[test]
    fn sixteenths_do_not_matter() {
        assert_eq!(PARTS, 16);
        assert_eq!(map(&[256, 128]), "aab");
    }
}
