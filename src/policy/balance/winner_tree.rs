//! The smallest of n numbers, always at hand: a winner tree, also called a tournament tree.
//!
//! Every number plays against its neighbour, winners play against winners, and the root is the
//! smallest of all. When one number changes, only the matches on its way to the root are played
//! again: log2 n of them, 9 for 512 numbers. Of equal numbers the earlier one wins.
//!
//! Source: Knuth, The Art of Computer Programming, volume 3, section 5.4.1 (replacement selection).

/// Numbers in list order, and who wins each match among them.
#[derive(Clone, Debug, Default)]
pub(super) struct WinnerTree {
    /// One per place. Infinity never wins.
    keys: Vec<f64>,
    /// Match 1 is the final; match m is between the winners of 2m and 2m + 1. The second half are
    /// the places themselves.
    winners: Vec<u32>,
}

/// Stands for the places that make the number of leaves a power of two.
const NOBODY: u32 = u32::MAX;

impl WinnerTree {
    /// Another number at the end.
    pub(super) fn push(&mut self, key: f64) {
        self.keys.push(wins_at_all(key));
        let place = self.keys.len() - 1;
        match place < self.leaves() {
            true => {
                let leaf = self.leaves() + place;
                self.winners[leaf] = place as u32;
                self.play_up(leaf);
            }
            false => self.rebuild(),
        }
    }

    /// Takes out the number at `place`; those after it move up.
    pub(super) fn remove(&mut self, place: usize) {
        if place < self.keys.len() {
            self.keys.remove(place);
            self.rebuild();
        }
    }

    /// Another number at `place`.
    pub(super) fn set(&mut self, place: usize, key: f64) {
        let key = wins_at_all(key);
        if self.keys.get(place).is_some_and(|old| *old != key) {
            self.keys[place] = key;
            self.play_up(self.leaves() + place);
        }
    }

    /// The place of the smallest number, the earliest of equals. `None` when all are infinite.
    pub(super) fn first(&self) -> Option<usize> {
        let winner = *self.winners.get(1)?;
        self.key(winner).is_finite().then_some(winner as usize)
    }

    /// The numbers, in list order.
    pub(super) fn keys(&self) -> &[f64] {
        &self.keys
    }

    fn leaves(&self) -> usize {
        self.winners.len() / 2
    }

    fn key(&self, place: u32) -> f64 {
        self.keys.get(place as usize).copied().unwrap_or(f64::INFINITY)
    }

    /// The left one wins a draw, because it comes earlier in the list.
    fn play(&self, game: usize) -> u32 {
        let (left, right) = (self.winners[2 * game], self.winners[2 * game + 1]);
        if self.key(left) <= self.key(right) { left } else { right }
    }

    fn play_up(&mut self, leaf: usize) {
        let mut game = leaf / 2;
        while game > 0 {
            self.winners[game] = self.play(game);
            game /= 2;
        }
    }

    fn rebuild(&mut self) {
        // At least two leaves, so that there is a final.
        let leaves = self.keys.len().next_power_of_two().max(2);
        self.winners.clear();
        self.winners.resize(2 * leaves, NOBODY);
        for place in 0..self.keys.len() {
            self.winners[leaves + place] = place as u32;
        }
        for game in (1..leaves).rev() {
            self.winners[game] = self.play(game);
        }
    }
}

/// What is no number cannot win either.
fn wins_at_all(key: f64) -> f64 {
    if key.is_nan() { f64::INFINITY } else { key }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_smallest_is_first_and_of_equals_the_earliest() {
        let mut tree = WinnerTree::default();
        assert_eq!(tree.first(), None);
        [3.0, 1.0, 1.0].iter().for_each(|key| tree.push(*key));
        assert_eq!(tree.first(), Some(1));
        tree.set(1, 2.0);
        assert_eq!(tree.first(), Some(2));
        tree.remove(2);
        assert_eq!((tree.first(), tree.keys()), (Some(1), [3.0, 2.0].as_slice()));
        tree.set(0, f64::INFINITY);
        tree.set(1, f64::NAN);
        assert_eq!(tree.first(), None);
    }

    proptest! {
        #[test]
        fn it_is_what_a_scan_finds(
            ops in prop::collection::vec((0..4u8, any::<usize>(), 0..5u8), 1..200),
        ) {
            let (mut tree, mut list) = (WinnerTree::default(), Vec::<f64>::new());
            for (op, place, key) in ops {
                let key = if key == 4 { f64::INFINITY } else { f64::from(key) };
                match (op, list.len()) {
                    (0, _) | (_, 0) => {
                        list.push(key);
                        tree.push(key);
                    }
                    (1, n) => {
                        list.remove(place % n);
                        tree.remove(place % n);
                    }
                    (_, n) => {
                        list[place % n] = key;
                        tree.set(place % n, key);
                    }
                }
                let finite = list.iter().enumerate().filter(|(_, key)| key.is_finite());
                let smallest = finite.min_by(|(_, a), (_, b)| a.total_cmp(b));
                prop_assert_eq!(tree.first(), smallest.map(|(place, _)| place));
            }
        }
    }
}
