//! A tournament among servers: who has the smallest key? Equal keys: who came first.
//!
//! HAProxy keeps its servers in elastic binary trees, sorted by a key, equal keys in order of
//! arrival. What a balancer asks of such a tree is its first entry, and it moves one entry at a
//! time. A tournament does both: servers are the leaves, every inner node holds the better of its
//! two children, the root holds the best of all. Moving one leaf replays the matches on its way to
//! the root: O(log n), and nothing is allocated.

use std::ops::Range;

/// The place of a leaf that takes part in no match.
const VACANT: (u64, u64) = (u64::MAX, u64::MAX);

/// Servers by key, the smallest first, equal keys in order of arrival.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    /// Key and arrival of the server at each place; as many as there are leaves.
    entries: Vec<(u64, u64)>,
    /// The winner of the match at each node; node 1 is the final, the leaves are the last half.
    winners: Vec<u32>,
    arrivals: u64,
}

impl Tree {
    /// Makes room for `count` places; the new ones are vacant.
    pub(super) fn grow(&mut self, count: usize) {
        if count > self.entries.len() {
            self.entries.resize(count.next_power_of_two(), VACANT);
            self.replay_all();
        }
    }

    /// The server at `place` arrives with `key`, behind those that have it already.
    pub(super) fn insert(&mut self, place: usize, key: u64) {
        let arrival = self.arrival();
        self.put(place, key, arrival);
    }

    /// A number larger than any before: for [`Tree::put`].
    pub(super) fn arrival(&mut self) -> u64 {
        self.arrivals += 1;
        self.arrivals
    }

    /// The server at `place` has `key` and its old place among equals.
    pub(super) fn put(&mut self, place: usize, key: u64, arrival: u64) {
        self.entries[place] = (key, arrival);
        self.replay(place);
    }

    /// The server at `place` leaves, if it was in.
    pub(super) fn take(&mut self, place: usize) {
        self.entries[place] = VACANT;
        self.replay(place);
    }

    /// The list has lost `place`; those after it move up.
    pub(super) fn remove(&mut self, place: usize) {
        self.entries.remove(place);
        self.entries.push(VACANT);
        self.replay_all();
    }

    /// The key of the server at `place`, if it is in.
    pub(super) fn key(&self, place: usize) -> Option<u64> {
        self.entries.get(place).filter(|entry| **entry != VACANT).map(|(key, _)| *key)
    }

    /// The first of all.
    pub(super) fn first(&self) -> Option<usize> {
        let winner = *self.winners.get(1)? as usize;
        (self.entries[winner] != VACANT).then_some(winner)
    }

    /// The first of all but `place`: the best of those it meets on its way to the final.
    pub(super) fn first_but(&self, place: usize) -> Option<usize> {
        if place >= self.entries.len() {
            return self.first();
        }
        let mut node = self.entries.len() + place;
        let mut best = None;
        while node > 1 {
            let rival = self.winners[node ^ 1] as usize;
            if self.entries[rival] != VACANT
                && best.is_none_or(|best: usize| self.entries[rival] < self.entries[best])
            {
                best = Some(rival);
            }
            node /= 2;
        }
        best
    }

    /// Does every match have the right winner?
    pub(super) fn check(&self) -> Result<(), String> {
        let wrong = |node: &usize| self.winners[*node] != self.better(*node);
        match self.inner().find(wrong) {
            Some(node) => Err(format!("node {node} of the tree names the wrong server")),
            None => Ok(()),
        }
    }

    fn inner(&self) -> Range<usize> {
        1..self.entries.len()
    }

    fn better(&self, node: usize) -> u32 {
        let (left, right) = (self.winners[2 * node], self.winners[2 * node + 1]);
        let second = self.entries[right as usize] < self.entries[left as usize];
        if second { right } else { left }
    }

    fn replay(&mut self, place: usize) {
        let mut node = (self.entries.len() + place) / 2;
        while node > 0 {
            self.winners[node] = self.better(node);
            node /= 2;
        }
    }

    fn replay_all(&mut self) {
        let leaves = self.entries.len();
        self.winners.clear();
        self.winners.resize(leaves, 0);
        self.winners.extend(0..leaves as u32);
        for node in self.inner().rev() {
            self.winners[node] = self.better(node);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_keys_are_served_in_order_of_arrival() {
        let mut tree = Tree::default();
        tree.grow(3);
        for place in [2, 0, 1] {
            tree.insert(place, 7);
        }
        assert_eq!((tree.first(), tree.first_but(2)), (Some(2), Some(0)));
        // Whoever leaves and comes back stands at the end.
        tree.insert(2, 7);
        assert_eq!((tree.first(), tree.first_but(0)), (Some(0), Some(1)));
        tree.insert(1, 3);
        assert_eq!(tree.first(), Some(1));
    }

    #[test]
    fn a_single_server_wins_without_a_match() {
        let mut tree = Tree::default();
        assert_eq!((tree.first(), tree.first_but(0)), (None, None));
        tree.grow(1);
        assert_eq!(tree.first(), None);
        tree.insert(0, 5);
        assert_eq!((tree.first(), tree.first_but(0)), (Some(0), None));
        tree.remove(0);
        assert_eq!(tree.first(), None);
    }

    proptest! {
        /// The same as a sorted list, whatever is done to it.
        #[test]
        fn is_a_sorted_list(moves in prop::collection::vec((0..4u8, 0..9usize, 0..4u64), 1..80)) {
            let (mut tree, mut list) = (Tree::default(), [VACANT; 9]);
            tree.grow(9);
            for (step, (what, place, key)) in moves.into_iter().enumerate() {
                match what {
                    0 => {
                        tree.take(place);
                        list[place] = VACANT;
                    }
                    1 => {
                        tree.remove(place);
                        list[place..].rotate_left(1);
                        list[8] = VACANT;
                    }
                    _ => {
                        tree.insert(place, key);
                        list[place] = (key, step as u64);
                    }
                }
                let best = |but: usize| {
                    let others = (0..9).filter(|place| *place != but && list[*place] != VACANT);
                    others.min_by_key(|place| list[*place])
                };
                prop_assert_eq!(tree.first(), best(9));
                prop_assert_eq!(tree.first_but(place), best(place));
                prop_assert_eq!(tree.check(), Ok(()));
            }
        }
    }
}
