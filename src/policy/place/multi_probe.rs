//! Multi-probe consistent hashing: one point per shard, many probes per key.
//!
//! A ring needs many points per shard to be even. Here each shard has a single point, and the key
//! is hashed to k positions; the one whose next point is nearest decides. With 21 probes the
//! busiest shard gets about 5 percent more than its share, for 16 bytes of memory a shard: its
//! point and its place.
//!
//! The point of a shard is the SipHash-2-4 of its name under the key (0, 0); probe i is at h1 + i ·
//! h2, with h1 and h2 the SipHashes of the key under (1, 0) and (2, 0). The next point is strictly
//! after the probe, and of equally near ones the first probe decides. If the owner is gone, its
//! point is, and the same probes look for the next.
//!
//! Source: Appleton and O'Reilly, Multi-probe consistent hashing, 2015; constants as in go-mpchash.

use std::sync::Arc;

use super::members::{admit, shown};
use super::{Entry, Knob, Knobs, Picture, Placement, Refusal, Second, Shard};
use crate::policy::hash::siphash::siphash24;
use crate::sim::{Line, Why};

const PROBES: Knob = Knob {
    key: "probes",
    wire: 0,
    label: "Probes",
    unit: "",
    help: "At how many positions a key looks for the nearest point.",
    min: 1.0,
    max: 1_000.0,
    default: 21.0,
    whole: true,
};

#[derive(Clone, Debug)]
struct MultiProbe {
    probes: u64,
    shards: Arc<[Shard]>,
    points: Arc<[(u64, u32)]>,
}

/// A probe and what it found.
#[derive(Clone, Copy)]
struct Found {
    probe: u64,
    number: u64,
    at: usize,
    distance: u64,
}

impl MultiProbe {
    fn new(probes: u64, shards: &[Shard]) -> Result<MultiProbe, Refusal> {
        let shards = admit(shards)?;
        let point = |(place, shard): (usize, &Shard)| {
            (siphash24(0, 0, shard.name.as_bytes()), place as u32)
        };
        let mut points: Vec<(u64, u32)> = shards.iter().enumerate().map(point).collect();
        points.sort_unstable();
        Ok(MultiProbe { probes: probes.max(1), shards, points: points.into() })
    }

    /// The place, in the ring, of the next point after `probe` that is not of one of `gone`.
    fn next(&self, probe: u64, gone: &[usize]) -> Option<usize> {
        let after = self.points.partition_point(|&(point, _)| point <= probe);
        let around = (after..self.points.len()).chain(0..after);
        around.into_iter().find(|&at| !gone.contains(&(self.points[at].1 as usize)))
    }

    /// The nearest of all probes, when the shards in `gone` are gone.
    fn nearest(&self, key: &[u8], gone: &[usize]) -> Option<Found> {
        let (first, step) = (siphash24(1, 0, key), siphash24(2, 0, key));
        let mut best: Option<Found> = None;
        let mut probe = first;
        for number in 0..self.probes {
            let at = self.next(probe, gone)?;
            let distance = self.points[at].0.wrapping_sub(probe);
            if best.is_none_or(|best| distance < best.distance) {
                best = Some(Found { probe, number, at, distance });
            }
            probe = probe.wrapping_add(step);
        }
        best
    }
}

impl Placement for MultiProbe {
    fn owner(&self, key: &[u8], why: &mut Why) -> Option<usize> {
        let found = self.nearest(key, &[])?;
        let owner = self.points[found.at].1 as usize;
        if why.wanted() {
            let (point, name) = (self.points[found.at].0, &self.shards[owner].name);
            let Found { probe, number, distance, .. } = found;
            why.line(|| Line {
                subject: name.to_string(),
                numbers: format!("point {point} − probe {probe} = {distance}"),
                chosen: true,
            });
            why.say(|| {
                let (key, probes, number) = (shown(key), self.probes, number + 1);
                format!(
                    "Of {probes} probes for {key}, probe {number} is nearest to the point after \
                     it, which is of {name}."
                )
            });
        }
        Some(owner)
    }

    fn preference(&self, key: &[u8], count: usize, out: &mut Vec<usize>) {
        out.clear();
        while out.len() < count.min(self.shards.len()) {
            let Some(found) = self.nearest(key, out) else { return };
            out.push(self.points[found.at].1 as usize);
        }
    }

    fn second(&self) -> Second {
        Second::Heir
    }

    fn with(&self, shards: &[Shard]) -> Result<Box<dyn Placement>, Refusal> {
        Ok(Box::new(MultiProbe::new(self.probes, shards)?))
    }

    fn picture(&self) -> Picture {
        Picture::Ring { size: 1 << 64, points: self.points.to_vec() }
    }
}

pub(super) const ENTRY: Entry = Entry {
    key: "multi_probe",
    wire: 11,
    name: "Multi-probe",
    whose: "Appleton and O'Reilly 2015, constants as in go-mpchash",
    rule: "A shard has one point on the ring; a key looks from 21 positions, and the position \
           nearest before a point decides. Weights are ignored.",
    cost: "O(k log n) time for k probes; 16 bytes of memory per shard",
    when: "Very many shards, and memory or building time matters.",
    when_not: "Look-ups must be as fast as they can be: a ring with many points looks once.",
    source: "arXiv:1505.00062; go-mpchash",
    knobs: &[PROBES],
    make: |knobs: &Knobs, shards| {
        Ok(Box::new(MultiProbe::new(knobs.count(&PROBES) as u64, shards)?))
    },
};

#[cfg(test)]
mod tests {
    use super::super::tests::{named, owner, why};
    use super::*;

    /// The largest share of 20 000 keys over 50 shards, compared with the mean.
    fn busiest(probes: f64) -> f64 {
        let mut knobs = Knobs::default();
        knobs.set(&[PROBES], "probes", probes).expect("in range");
        let place = (ENTRY.make)(&knobs, &named(50)).expect("shards");
        let mut counts = [0u32; 50];
        (0..20_000).for_each(|key| counts[owner(&*place, &key.to_string())] += 1);
        counts.iter().map(|&count| f64::from(count) / 400.0).fold(0.0, f64::max)
    }

    #[test]
    fn more_probes_are_more_even() {
        assert!(busiest(1.0) > 2.0, "a single point each is very uneven: {}", busiest(1.0));
        assert!(busiest(21.0) < 1.3, "{}", busiest(21.0));
    }

    #[test]
    fn the_nearest_probe_can_be_checked() {
        let place = MultiProbe::new(21, &named(6)).expect("shards");
        let why = why(&place, b"user:1");
        let parts: Vec<u64> =
            why.lines[0].numbers.split(' ').filter_map(|word| word.parse().ok()).collect();
        assert_eq!(parts[0].wrapping_sub(parts[1]), parts[2]);
    }
}
