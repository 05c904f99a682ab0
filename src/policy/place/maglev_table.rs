//! Maglev's lookup table: a big array that answers "who owns this hash?" with one look.
//!
//! The size M is a prime. Every candidate has an order of preference over all M cells, and they
//! take turns: whoever's turn it is takes its first cell that is still free, until none is.
//! Everybody gets nearly the same number of cells, and when one goes most cells keep their owner. A
//! hash belongs to the owner of cell `hash mod M`.
//!
//! The order of preference of a candidate is `(offset + j * skip) mod M`, with
//! `offset = h1(name) mod M` and `skip = h2(name) mod (M - 1) + 1`. The paper leaves the hash
//! functions open and weights out; Envoy (`maglev_lb.cc`, 2024) takes one function with the seeds 0
//! and 1, and lets a candidate sit out rounds in proportion to its weight.
//!
//! Source: Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer",
//! NSDI 2016, section 3.4.

use std::sync::Arc;

use crate::policy::Refusal;

/// The largest table that can be made: the limit Envoy has too.
pub const CELLS_MAX: u32 = 5_000_011;

const FREE: u32 = u32::MAX;

/// A filled table. Cloning shares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaglevTable {
    cells: Arc<[u32]>,
}

impl Default for MaglevTable {
    /// A table that nobody is in.
    fn default() -> MaglevTable {
        MaglevTable { cells: Arc::new([]) }
    }
}

impl MaglevTable {
    /// Fills a table of `size` cells by turns in list order; `hash` takes bytes and a seed.
    /// A weight of zero gets no turn; equal weights are the paper's table.
    ///
    /// # Errors
    /// When `size` is not a prime, or above [`CELLS_MAX`].
    pub fn hashed(
        size: u32,
        candidates: &[(&str, u64)],
        hash: impl Fn(&[u8], u64) -> u64,
    ) -> Result<MaglevTable, Refusal> {
        check_size(size)?;
        let prime = u64::from(size);
        let mut next = Vec::with_capacity(candidates.len());
        let mut skips = Vec::with_capacity(candidates.len());
        for (name, _) in candidates {
            next.push((hash(name.as_bytes(), 0) % prime) as u32);
            skips.push((hash(name.as_bytes(), 1) % (prime - 1)) as u32 + 1);
        }
        let weights: Vec<u64> = candidates.iter().map(|&(_, weight)| weight).collect();
        MaglevTable::fill(size, &weights, |candidate| {
            let cell = next[candidate];
            let after = cell + skips[candidate];
            next[candidate] = if after >= size { after - size } else { after };
            cell
        })
    }

    /// Fills a table by turns, where `choice(n)` tells, each time it is called, the next cell that
    /// candidate n would like. Asked `size` times, it must have named every cell once.
    ///
    /// # Errors
    /// As in [`MaglevTable::hashed`], and when somebody's choices leave a cell out.
    pub fn fill(
        size: u32,
        weights: &[u64],
        mut choice: impl FnMut(usize) -> u32,
    ) -> Result<MaglevTable, Refusal> {
        check_size(size)?;
        let total: f64 = weights.iter().map(|&weight| weight as f64).sum();
        let shares: Vec<f64> = weights.iter().map(|&weight| weight as f64 / total).collect();
        let largest = shares.iter().copied().fold(0.0, f64::max);
        if largest <= 0.0 {
            return Ok(MaglevTable::default());
        }
        let mut cells = vec![FREE; size as usize];
        let mut asked = vec![0u32; weights.len()];
        let mut due = vec![0.0; weights.len()];
        let (mut taken, mut round) = (0, 0.0);
        while taken < size {
            round += 1.0;
            for (candidate, &share) in shares.iter().enumerate() {
                // The heaviest has a turn in every round, one of half its weight in every other.
                if taken == size || share <= 0.0 || round * share < due[candidate] {
                    continue;
                }
                due[candidate] += largest;
                loop {
                    if asked[candidate] == size {
                        return Err(incomplete(candidate));
                    }
                    asked[candidate] += 1;
                    let cell = choice(candidate) as usize;
                    if cells.get(cell) == Some(&FREE) {
                        cells[cell] = candidate as u32;
                        break;
                    }
                }
                taken += 1;
            }
        }
        Ok(MaglevTable { cells: cells.into() })
    }

    /// The owner of every cell: its number in the list of candidates. Empty when nobody is in.
    pub fn cells(&self) -> &[u32] {
        &self.cells
    }

    /// The cell that `hash` falls into. `None` when nobody is in.
    #[inline]
    pub fn cell(&self, hash: u64) -> Option<usize> {
        let size = self.cells.len() as u64;
        (size > 0).then(|| (hash % size) as usize)
    }

    /// The owner of `hash`. `None` when nobody is in.
    #[inline]
    pub fn owner(&self, hash: u64) -> Option<u32> {
        self.cell(hash).map(|cell| self.cells[cell])
    }
}

fn check_size(size: u32) -> Result<(), Refusal> {
    if size > CELLS_MAX {
        let most = CELLS_MAX as usize;
        return Err(Refusal::TooMany { what: "cells of a table", most, got: size as usize });
    }
    if size != prime_from(size) {
        return Err(Refusal::Settings(format!("the size of a table must be prime, got {size}")));
    }
    Ok(())
}

fn incomplete(candidate: usize) -> Refusal {
    Refusal::Settings(format!("the choices of candidate {candidate} leave a cell out"))
}

/// The first prime that is at least `number`; the last one of 32 bits when there is none.
pub fn prime_from(number: u32) -> u32 {
    const LAST: u32 = 4_294_967_291;
    let is_prime = |n: &u32| {
        let mut divisors = (3u32..).step_by(2).take_while(|d| u64::from(*d).pow(2) <= (*n).into());
        *n == 2
            || (*n > 2
                && !n.is_multiple_of(2)
                && divisors.all(|divisor| !n.is_multiple_of(divisor)))
    };
    (number.min(LAST)..=LAST).find(is_prime).unwrap_or(LAST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Rng;
    use proptest::prelude::*;

    fn hash(bytes: &[u8], seed: u64) -> u64 {
        bytes.iter().fold(Rng::from_seed(seed).bits(), |hash, &byte| {
            Rng::from_seed(hash ^ u64::from(byte)).bits()
        })
    }

    fn table(size: u32, names: &[&str]) -> MaglevTable {
        let candidates: Vec<(&str, u64)> = names.iter().map(|&name| (name, 1)).collect();
        MaglevTable::hashed(size, &candidates, hash).expect("a table")
    }

    /// The worked example of the paper, table 1 and section 3.4: B0, B1 and B2 and seven cells.
    #[test]
    fn fills_as_the_paper_shows() {
        let choices = [[3, 0, 4, 1, 5, 2, 6], [0, 2, 4, 6, 1, 3, 5], [3, 4, 5, 6, 0, 1, 2]];
        let fill = |weights: &[u64]| {
            let mut asked = [0; 3];
            MaglevTable::fill(7, weights, |candidate| {
                asked[candidate] += 1;
                choices[candidate][asked[candidate] - 1]
            })
        };
        assert_eq!(fill(&[1, 1, 1]).expect("a table").cells(), [1, 0, 1, 0, 2, 2, 0]);
        // And without B1.
        assert_eq!(fill(&[1, 0, 1]).expect("a table").cells(), [0, 0, 0, 0, 2, 2, 2]);
        assert_eq!(fill(&[0, 0, 0]).expect("a table").owner(5), None);
    }

    #[test]
    fn cells_follow_the_weights_nearly() {
        let weights = [("a", 1), ("b", 2), ("c", 4)];
        let table = MaglevTable::hashed(701, &weights, hash).expect("a table");
        let count = |owner| table.cells().iter().filter(|cell| **cell == owner).count();
        assert_eq!([count(0), count(1), count(2)], [101, 201, 399]);
    }

    #[test]
    fn sizes_that_do_not_work_are_refused() {
        for size in [0, 1, 4, 65_536, CELLS_MAX + 1] {
            assert!(MaglevTable::hashed(size, &[("a", 1)], hash).is_err(), "{size}");
        }
        assert!(MaglevTable::fill(3, &[1], |_| 0).is_err());
        assert!(MaglevTable::fill(3, &[1], |_| 9).is_err());
        let primes = [0, 3, 4, 90, 65_536, u32::MAX].map(prime_from);
        assert_eq!(primes, [2, 3, 5, 97, 65_537, 4_294_967_291]);
    }

    proptest! {
        /// Equal weights: numbers of cells differ by one at most.
        #[test]
        fn everybody_gets_the_same(n in 1usize..20, size in 2u32..400) {
            let names: Vec<String> = (0..n).map(|n| format!("s{n}")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let table = table(prime_from(size), &names);
            let counts = (0..n as u32).map(|n| table.cells().iter().filter(|c| **c == n).count());
            let (min, max) = (counts.clone().min(), counts.max());
            prop_assert!(max.zip(min).is_some_and(|(max, min)| max - min <= 1));
        }

        #[test]
        fn any_weights_are_taken(weights in prop::collection::vec(any::<u64>(), 0..6)) {
            let all: Vec<(&str, u64)> = weights.iter().map(|&weight| ("s", weight)).collect();
            let table = MaglevTable::hashed(13, &all, hash).expect("a table");
            prop_assert_eq!(table.cells().is_empty(), weights.iter().all(|w| *w == 0));
        }
    }
}
