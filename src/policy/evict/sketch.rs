//! A count-min sketch with four-bit counters: how often was a key asked for of late, roughly.
//!
//! As Caffeine's: 64-bit words with sixteen counters each, as many words as entries fit (rounded up
//! to a power of two, at least 8). A key has four counters, all in one block of eight words (one
//! cache line), one in each pair of words. Its frequency is the smallest of the four: collisions
//! can make it too large, never too small. Counters stop at 15. When as many increments have been
//! made as ten times the capacity, all are halved, so that old popularity fades.

/// The counters.
#[derive(Clone, Debug, Default)]
pub(super) struct Sketch {
    words: Vec<u64>,
    block_mask: u32,
    sample: u64,
    size: u64,
}

/// Fits every counter's lowest bit.
const ONES: u64 = 0x1111_1111_1111_1111;
/// What remains of each counter when a word is shifted by one.
const HALVES: u64 = 0x7777_7777_7777_7777;

impl Sketch {
    /// For so many entries; halved after `factor` times as many increments.
    pub(super) fn new(capacity: usize, factor: u64) -> Sketch {
        let length = capacity.next_power_of_two().max(8);
        let sample = (capacity as u64).saturating_mul(factor).max(1);
        let block_mask = (length as u32 >> 3).wrapping_sub(1);
        Sketch { words: vec![0; length], block_mask, sample, size: 0 }
    }

    /// Was it made at all?
    pub(super) fn is_ready(&self) -> bool {
        !self.words.is_empty()
    }

    /// The word and the shift of each of a key's counters.
    #[inline]
    fn places(&self, key: u64) -> [(usize, u32); 4] {
        let mut hash = (key ^ (key >> 32)) as u32;
        hash = (hash ^ (hash >> 17)).wrapping_mul(0xed5a_d4bb);
        hash = (hash ^ (hash >> 11)).wrapping_mul(0xac4c_1b51);
        hash ^= hash >> 15;
        let block = ((hash & self.block_mask) << 3) as usize;
        let mut counters = hash.wrapping_mul(0x3184_8bab);
        counters ^= counters >> 14;
        std::array::from_fn(|row| {
            let h = counters >> (row * 8);
            (block + (h & 1) as usize + row * 2, ((h >> 1) & 15) * 4)
        })
    }

    /// The frequency of `key`, 0 to 15.
    #[inline]
    pub(super) fn frequency(&self, key: u64) -> u64 {
        if !self.is_ready() {
            return 0;
        }
        let count = |(word, shift): (usize, u32)| (self.words[word] >> shift) & 15;
        self.places(key).map(count).into_iter().min().unwrap_or(0)
    }

    /// Counts one request for `key`.
    #[inline]
    pub(super) fn increment(&mut self, key: u64) {
        if !self.is_ready() {
            return;
        }
        let mut added = false;
        for (word, shift) in self.places(key) {
            if (self.words[word] >> shift) & 15 < 15 {
                self.words[word] += 1 << shift;
                added = true;
            }
        }
        self.size += u64::from(added);
        if added && self.size >= self.sample {
            self.halve();
        }
    }

    fn halve(&mut self) {
        let mut odd = 0;
        for word in &mut self.words {
            odd += u64::from((*word & ONES).count_ones());
            *word = (*word >> 1) & HALVES;
        }
        self.size = self.size.saturating_sub(odd / 4) / 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_to_fifteen_and_halves() {
        let mut sketch = Sketch::new(64, 10);
        (0..20).for_each(|_| sketch.increment(7));
        assert_eq!((sketch.frequency(7), sketch.frequency(8)), (15, 0));
        // 15 increments counted; 625 more of other keys reach ten times 64.
        (1000..1625).for_each(|key| sketch.increment(key));
        assert!(sketch.frequency(7) <= 8, "{}", sketch.frequency(7));
    }

    #[test]
    fn never_says_less_than_the_truth() {
        let mut sketch = Sketch::new(1000, 1000);
        for key in 0..300u64 {
            (0..key % 15).for_each(|_| sketch.increment(key));
        }
        assert!((0..300).all(|key| sketch.frequency(key) >= key % 15));
        let exact = (0..300).filter(|&key| sketch.frequency(key) == key % 15).count();
        assert!(exact > 280, "{exact} of 300 are exact");
    }
}
