//! Counts by bucket of time, of which only the latest few are kept.

/// A ring of buckets with increasing numbers.
#[derive(Clone, Debug)]
pub(super) struct Rolling<T> {
    ring: Vec<T>,
    /// The number of the newest bucket.
    number: u64,
}

impl<T: Copy + Default> Rolling<T> {
    /// `length` empty buckets, at least one; the newest is number 0.
    pub(super) fn new(length: usize) -> Rolling<T> {
        Rolling { ring: vec![T::default(); length.max(1)], number: 0 }
    }

    /// Makes `number` the newest bucket and hands each one that falls out to `lost`. An earlier
    /// number changes nothing.
    pub(super) fn move_to(&mut self, number: u64, mut lost: impl FnMut(T)) {
        let length = self.ring.len() as u64;
        let steps = number.saturating_sub(self.number).min(length);
        for step in 0..steps {
            let place = (self.number.wrapping_add(1).wrapping_add(step) % length) as usize;
            lost(std::mem::take(&mut self.ring[place]));
        }
        // A jump over the whole ring empties it, in whatever order.
        self.number = self.number.max(number);
    }

    /// The newest bucket.
    pub(super) fn newest(&mut self) -> &mut T {
        let place = (self.number % self.ring.len() as u64) as usize;
        &mut self.ring[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_falls_out() {
        let mut ring = Rolling::<u32>::new(3);
        let mut lost = Vec::new();
        for number in 0..5 {
            ring.move_to(number, |old| lost.push(old));
            *ring.newest() = number as u32 + 10;
        }
        // 12, 13 and 14 are left.
        assert_eq!(lost, [0, 0, 10, 11]);
        lost.clear();
        ring.move_to(u64::MAX, |old| lost.push(old));
        lost.sort_unstable();
        assert_eq!(lost, [12, 13, 14]);
        ring.move_to(3, |_| panic!("nothing falls out when time goes back"));
        assert_eq!(*ring.newest(), 0);
    }
}
