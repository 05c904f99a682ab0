//! A set of slots from which a random one can be drawn in constant time.

use super::list::NONE;
use crate::sim::Rng;

/// The slots, in no order that means anything.
#[derive(Clone, Debug, Default)]
pub(super) struct Crowd {
    slots: Vec<u32>,
    /// For each slot its place among `slots`, or `NONE`.
    places: Vec<u32>,
}

impl Crowd {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    #[inline]
    pub(super) fn contains(&self, slot: u32) -> bool {
        self.places.get(slot as usize).is_some_and(|&place| place != NONE)
    }

    /// Adds `slot` unless it is there.
    pub(super) fn insert(&mut self, slot: u32) {
        if self.contains(slot) {
            return;
        }
        let needed = slot as usize + 1;
        if self.places.len() < needed {
            self.places.resize(needed, NONE);
        }
        self.places[slot as usize] = self.slots.len() as u32;
        self.slots.push(slot);
    }

    /// Takes `slot` out if it is there; the last one takes its place.
    pub(super) fn remove(&mut self, slot: u32) {
        if !self.contains(slot) {
            return;
        }
        let place = self.places[slot as usize];
        self.slots.swap_remove(place as usize);
        if let Some(&moved) = self.slots.get(place as usize) {
            self.places[moved as usize] = place;
        }
        self.places[slot as usize] = NONE;
    }

    /// A random one.
    #[inline]
    pub(super) fn draw(&self, rng: &mut Rng) -> Option<u32> {
        self.slots.get(rng.below(self.slots.len() as u32) as usize).copied()
    }

    /// Adds `slot` at a place that `bits` decides, so that the order has nothing to do with the
    /// order of coming in (an inside-out shuffle). Unless it is there.
    pub(super) fn insert_anywhere(&mut self, slot: u32, bits: u64) {
        if self.contains(slot) {
            return;
        }
        self.insert(slot);
        let last = self.slots.len() - 1;
        let place = (bits % self.slots.len() as u64) as usize;
        self.slots.swap(place, last);
        self.places[self.slots[last] as usize] = last as u32;
        self.places[slot as usize] = place as u32;
    }

    /// The slot at a place below `len`.
    #[inline]
    pub(super) fn at(&self, place: usize) -> Option<u32> {
        self.slots.get(place).copied()
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.slots.iter().copied()
    }

    /// Does every slot know its place? For tests.
    pub(super) fn check(&self) -> Result<(), String> {
        let known = self.places.iter().filter(|&&place| place != NONE).count();
        let numbered = self.slots.iter().zip(0u32..);
        let stray = numbered.into_iter().find(|&(&slot, at)| self.places[slot as usize] != at);
        match stray {
            None if known == self.slots.len() => Ok(()),
            None => Err(format!("{known} places for {} slots", self.slots.len())),
            Some((slot, _)) => Err(format!("slot {slot} does not know its place")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_come_and_go() {
        let (mut crowd, rng) = (Crowd::default(), &mut Rng::from_seed(3));
        (0..10).for_each(|slot| crowd.insert(slot));
        crowd.remove(4);
        crowd.remove(4);
        assert_eq!(crowd.iter().collect::<Vec<u32>>(), [0, 1, 2, 3, 9, 5, 6, 7, 8]);
        crowd.insert_anywhere(4, 11);
        assert_eq!((crowd.at(1), crowd.at(9), crowd.at(10)), (Some(4), Some(1), None));
        assert_eq!(crowd.check(), Ok(()));
        assert!(crowd.draw(rng).is_some_and(|slot| slot < 10));
        assert_eq!(Crowd::default().draw(rng), None);
    }
}
