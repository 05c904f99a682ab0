//! A heap of slots by a number, in which the number of any slot may grow and any slot may leave.
//!
//! A binary heap in a vector, the smallest first; each slot knows its place, so nothing is searched
//! for and nothing stale is left behind. Time O(log n).

use super::list::NONE;

/// The heap.
#[derive(Clone, Debug, Default)]
pub(super) struct Heap {
    /// (number, slot), each not larger than its two children.
    items: Vec<(u64, u32)>,
    /// For each slot its place among `items`, or `NONE`.
    places: Vec<u32>,
}

impl Heap {
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// The smallest number and whose it is.
    pub(super) fn first(&self) -> Option<(u64, u32)> {
        self.items.first().copied()
    }

    /// Adds `slot`, which is not in it.
    pub(super) fn insert(&mut self, slot: u32, number: u64) {
        let needed = slot as usize + 1;
        if self.places.len() < needed {
            self.places.resize(needed, NONE);
        }
        self.items.push((number, slot));
        self.up(self.items.len() - 1);
    }

    /// Takes `slot`, which is in it, out.
    pub(super) fn remove(&mut self, slot: u32) {
        let place = self.places[slot as usize] as usize;
        self.items.swap_remove(place);
        self.places[slot as usize] = NONE;
        if place < self.items.len() {
            self.up(place);
            self.down(place);
        }
    }

    /// The number of `slot`, which is in it, has grown.
    pub(super) fn grow(&mut self, slot: u32, number: u64) {
        let place = self.places[slot as usize] as usize;
        self.items[place].0 = number;
        self.down(place);
    }

    fn up(&mut self, mut place: usize) {
        while place > 0 && self.items[place] < self.items[(place - 1) / 2] {
            self.items.swap(place, (place - 1) / 2);
            self.note(place);
            place = (place - 1) / 2;
        }
        self.note(place);
    }

    fn down(&mut self, mut place: usize) {
        loop {
            let left = 2 * place + 1;
            let Some(mut least) = self.items.get(left).map(|_| left) else { break };
            if self.items.get(left + 1).is_some_and(|right| *right < self.items[left]) {
                least = left + 1;
            }
            if self.items[place] <= self.items[least] {
                break;
            }
            self.items.swap(place, least);
            self.note(place);
            place = least;
        }
        self.note(place);
    }

    fn note(&mut self, place: usize) {
        self.places[self.items[place].1 as usize] = place as u32;
    }

    /// All of it, the smallest first.
    pub(super) fn sorted(&self) -> Vec<(u64, u32)> {
        let mut items = self.items.clone();
        items.sort_unstable();
        items
    }

    /// Is every parent not larger than its children, and every place right? For tests.
    pub(super) fn check(&self) -> Result<(), String> {
        for (place, &(number, slot)) in self.items.iter().enumerate() {
            let parent = self.items[place.saturating_sub(1) / 2].0;
            if parent > number || self.places[slot as usize] as usize != place {
                return Err(format!("slot {slot} is not where it belongs in the heap"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_grow_and_slots_leave() {
        let mut heap = Heap::default();
        [5, 3, 8, 1, 9, 2].into_iter().zip(0..).for_each(|(n, slot)| heap.insert(slot, n));
        assert_eq!(heap.first(), Some((1, 3)));
        heap.grow(3, 7);
        heap.remove(1);
        assert_eq!(heap.check(), Ok(()));
        assert_eq!(heap.sorted(), [(2, 5), (5, 0), (7, 3), (8, 2), (9, 4)]);
    }
}
