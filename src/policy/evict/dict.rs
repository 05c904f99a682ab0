//! A set of slots in a hash table with chains, and how Redis draws some of them: neighbours.
//!
//! From a random bucket on, whatever is in it and in those behind is drawn until there is enough;
//! after a row of empty buckets (5, and more than are wanted) the walk goes on at another random
//! one. So entries that are neighbours by their hash are drawn together again and again, and the
//! pool fills with worse candidates than by drawing each on its own: Redis 7.0.15 was recorded to
//! let early keys live that uniform draws would have found.
//!
//! Redis may draw an entry twice when it goes on elsewhere, and gives up after ten steps for each
//! one wanted. Here nobody is drawn twice, and after so many steps the walk just never goes on
//! elsewhere any more, so all are drawn that there are, if so many are wanted.
//!
//! Source: Redis 7.0, `dictGetSomeKeys` in dict.c.

use super::list::NONE;
use crate::policy::hash::splitmix64::SplitMix64;
use crate::sim::Rng;

/// The fewest buckets.
const BUCKETS_MIN: usize = 4;
/// The table grows when it has an entry for each bucket, and shrinks below one for so many.
const BUCKETS_PER_ENTRY_MAX: usize = 10;
/// Empty buckets in a row after which the walk goes on elsewhere, unless more are wanted.
const EMPTY_MIN: usize = 5;
/// For each one wanted, steps after which it does so no more.
const STEPS: usize = 10;

/// Where a slot is.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    hash: u64,
    /// The next in the same bucket, or `NONE`.
    next: u32,
    present: bool,
}

/// The slots.
#[derive(Clone, Debug)]
pub(super) struct Dict {
    /// For each bucket the slot that came last, or `NONE`. As many as a power of two.
    buckets: Vec<u32>,
    /// For each slot.
    places: Vec<Place>,
    len: usize,
}

impl Default for Dict {
    fn default() -> Dict {
        Dict { buckets: vec![NONE; BUCKETS_MIN], places: Vec::new(), len: 0 }
    }
}

impl Dict {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn contains(&self, slot: u32) -> bool {
        self.places.get(slot as usize).is_some_and(|place| place.present)
    }

    fn bucket(&self, slot: u32) -> usize {
        self.places[slot as usize].hash as usize & (self.buckets.len() - 1)
    }

    /// Adds `slot`, which holds `key`, unless it is there.
    pub(super) fn insert(&mut self, slot: u32, key: u64) {
        if self.contains(slot) {
            return;
        }
        if self.len >= self.buckets.len() {
            self.resize(2 * self.buckets.len());
        }
        let needed = slot as usize + 1;
        if self.places.len() < needed {
            self.places.resize(needed, Place::default());
        }
        let hash = SplitMix64::new(key).next().unwrap_or(key);
        self.places[slot as usize] = Place { hash, next: NONE, present: true };
        self.len += 1;
        self.chain(slot);
    }

    /// Puts `slot` in front of its bucket.
    fn chain(&mut self, slot: u32) {
        let bucket = self.bucket(slot);
        self.places[slot as usize].next = self.buckets[bucket];
        self.buckets[bucket] = slot;
    }

    /// Takes `slot` out if it is there.
    pub(super) fn remove(&mut self, slot: u32) {
        if !self.contains(slot) {
            return;
        }
        let (bucket, next) = (self.bucket(slot), self.places[slot as usize].next);
        let mut others = chain(&self.places, self.buckets[bucket]);
        let before = others.find(|&other| self.places[other as usize].next == slot);
        drop(others);
        match before {
            Some(before) => self.places[before as usize].next = next,
            None => self.buckets[bucket] = next,
        }
        self.places[slot as usize].present = false;
        self.len -= 1;
        if self.buckets.len() > BUCKETS_MIN && self.len * BUCKETS_PER_ENTRY_MAX < self.buckets.len()
        {
            self.resize(self.len.next_power_of_two().max(BUCKETS_MIN));
        }
    }

    fn resize(&mut self, buckets: usize) {
        let slots: Vec<u32> = self.iter().collect();
        self.buckets.clear();
        self.buckets.resize(buckets, NONE);
        self.buckets.shrink_to_fit();
        slots.into_iter().for_each(|slot| self.chain(slot));
    }

    /// All of them, bucket by bucket.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.buckets.iter().flat_map(|&first| chain(&self.places, first))
    }

    /// Draws `count` different ones, or all if there are fewer, into `drawn`.
    pub(super) fn draw(&self, count: usize, rng: &mut Rng, drawn: &mut Vec<u32>) {
        drawn.clear();
        let (count, mask) = (count.min(self.len), self.buckets.len() - 1);
        let anywhere = |rng: &mut Rng| rng.below(self.buckets.len() as u32) as usize;
        let (mut at, mut empty, mut steps) = (anywhere(rng), 0, 0);
        while drawn.len() < count {
            let first = self.buckets[at];
            empty = if first == NONE { empty + 1 } else { 0 };
            steps += 1;
            if empty >= EMPTY_MIN && empty > count && steps <= STEPS * count {
                (at, empty) = (anywhere(rng), 0);
            }
            for slot in chain(&self.places, first) {
                if drawn.len() < count && !drawn.contains(&slot) {
                    drawn.push(slot);
                }
            }
            at = (at + 1) & mask;
        }
    }

    /// Is every slot where its hash says, and counted? For tests.
    pub(super) fn check(&self) -> Result<(), String> {
        let mut counted = 0;
        for (bucket, &first) in self.buckets.iter().enumerate() {
            for slot in chain(&self.places, first) {
                counted += 1;
                if !self.contains(slot) || self.bucket(slot) != bucket || counted > self.len {
                    return Err(format!("slot {slot} does not belong in bucket {bucket}"));
                }
            }
        }
        let present = self.places.iter().filter(|place| place.present).count();
        match counted == self.len && present == self.len {
            true => Ok(()),
            false => Err(format!("{counted} in buckets, {present} present, {} claimed", self.len)),
        }
    }
}

/// The slots of a bucket from `first` on.
fn chain(places: &[Place], first: u32) -> impl Iterator<Item = u32> + '_ {
    let mut at = first;
    std::iter::from_fn(move || {
        let here = at;
        at = places.get(here as usize)?.next;
        Some(here)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_come_and_go_and_the_table_grows_and_shrinks() {
        let mut dict = Dict::default();
        (0..1000).for_each(|slot| dict.insert(slot, u64::from(slot) << 40));
        dict.insert(7, 7 << 40);
        assert_eq!((dict.len(), dict.buckets.len(), dict.check()), (1000, 1024, Ok(())));
        (0..990).for_each(|slot| dict.remove(slot));
        dict.remove(3);
        assert_eq!((dict.len(), dict.check()), (10, Ok(())));
        assert!(dict.buckets.len() <= 128, "{}", dict.buckets.len());
        let mut left: Vec<u32> = dict.iter().collect();
        left.sort_unstable();
        assert_eq!(left, (990..1000).collect::<Vec<u32>>());
        assert_eq!(
            (dict.contains(989), dict.contains(990), dict.contains(5000)),
            (false, true, false)
        );
    }

    #[test]
    fn those_drawn_differ_and_everybody_is_drawn_in_time() {
        let (mut dict, rng, mut drawn) = (Dict::default(), &mut Rng::from_seed(1), Vec::new());
        dict.draw(5, rng, &mut drawn);
        assert_eq!(drawn.len(), 0);
        // Few entries in many buckets: the walk goes on elsewhere again and again.
        (0..600).for_each(|slot| dict.insert(slot, u64::from(slot)));
        (0..480).for_each(|slot| dict.remove(slot));
        assert_eq!((dict.len(), dict.buckets.len()), (120, 1024));
        let mut times = [0; 600];
        for _ in 0..2000 {
            dict.draw(5, rng, &mut drawn);
            let different: std::collections::BTreeSet<u32> = drawn.iter().copied().collect();
            assert_eq!((drawn.len(), different.len()), (5, 5));
            drawn.iter().for_each(|&slot| times[slot as usize] += 1);
        }
        assert_eq!(times[..480].iter().sum::<u32>(), 0);
        assert!(times[480..].iter().all(|&times| times > 0), "{times:?}");
        for count in [119, 120, 121, 1000] {
            dict.draw(count, rng, &mut drawn);
            drawn.sort_unstable();
            drawn.dedup();
            assert_eq!(drawn.len(), count.min(120));
        }
    }
}
