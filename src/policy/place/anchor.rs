//! AnchorHash: consistent, even, fast, and any shard may go, for a bounded number of shards.
//!
//! There are `a` buckets from the start, more than will ever be needed; w of them work. A key first
//! draws one of all a. If that bucket was taken out when N were left, the key draws again among
//! those N, as they were then; so a key moves only when its bucket goes, and comes back when it
//! returns. Buckets come back in the reverse order of going: a new shard gets the bucket that went
//! last. About 1 + ln(a/w) draws are needed.
//!
//! The past matters: the same members may own different keys after a different history. If the
//! owner is gone, the preference is what a copy says after taking it out.
//!
//! A bucket takes 56 bytes: four numbers in the arrays of the paper and one in the stack of those
//! that went (or, while it works, in the list of the shards' buckets), and 16 for its shard.
//!
//! Source: Mendelson, Vargaftik, Barabash, Lorenz, Keslassy and Orda, AnchorHash, 2021; arrays as
//! in the authors' `anchorhash.py`, redrawing by xxHash64 as there.

use std::sync::Arc;

use super::members::{admit, places, shown};
use super::{Entry, Knob, Knobs, Picture, Placement, Refusal, Second, Shard};
use crate::policy::hash::xxh64::xxh64;
use crate::sim::{Line, Why};

/// How a key draws again after it met bucket `b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redraw {
    /// xxHash64 of both numbers in binary digits, seeded with the key: the authors' choice.
    XxHash,
    /// The generator of jump hash: their faster alternative, which is less even.
    Linear,
}

impl Redraw {
    fn draw(self, key: u64, bucket: usize) -> u64 {
        match self {
            Redraw::Linear => key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1),
            Redraw::XxHash => {
                // "0b" and up to 64 digits, twice.
                let mut text = [0u8; 132];
                let end = binary(key, &mut text, 0);
                let end = binary(bucket as u64, &mut text, end);
                xxh64(&text[..end], key)
            }
        }
    }
}

/// Writes `number` as Python's `bin` does, from `at` on; the place after it.
fn binary(number: u64, text: &mut [u8; 132], at: usize) -> usize {
    text[at] = b'0';
    text[at + 1] = b'b';
    let digits = (u64::BITS - number.leading_zeros()).max(1) as usize;
    for place in 0..digits {
        let bit = number >> (digits - 1 - place) & 1;
        text[at + 2 + place] = b'0' + bit as u8;
    }
    at + 2 + digits
}

/// The buckets: which work, and in which order the others went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buckets {
    /// For each bucket 0 while it works, else how many were left when it went (A in the paper).
    left_at: Vec<usize>,
    /// The working ones in its first part (W).
    working: Vec<usize>,
    /// Where in `working` each bucket was last (L).
    last: Vec<usize>,
    /// Who took its place in `working` (K).
    successor: Vec<usize>,
    /// Those that went, the latest at the end (R).
    gone: Vec<usize>,
}

impl Buckets {
    /// `all` buckets, of which the first `working` work. `None` unless 1 ≤ working ≤ all.
    pub fn new(all: usize, working: usize) -> Option<Buckets> {
        if working == 0 || working > all {
            return None;
        }
        let numbers: Vec<usize> = (0..all).collect();
        // As if all had worked, and then the highest had gone, and then the next: each when as many
        // were left as its own number says.
        let left_at = (0..all).map(|bucket| if bucket < working { 0 } else { bucket }).collect();
        Some(Buckets {
            left_at,
            working: numbers.clone(),
            last: numbers.clone(),
            successor: numbers,
            gone: (working..all).rev().collect(),
        })
    }

    /// How many work.
    pub fn count(&self) -> usize {
        self.working.len() - self.gone.len()
    }

    /// Takes `bucket` out. False when it does not work or is the last that does.
    pub fn remove(&mut self, bucket: usize) -> bool {
        if self.left_at.get(bucket) != Some(&0) || self.count() < 2 {
            return false;
        }
        self.gone.push(bucket);
        let left = self.count();
        let mover = self.working[left];
        self.left_at[bucket] = left;
        self.working[self.last[bucket]] = mover;
        self.last[mover] = self.last[bucket];
        self.successor[bucket] = mover;
        true
    }

    /// Puts the bucket back that went last: its number, or `None` when all work.
    pub fn add(&mut self) -> Option<usize> {
        let left = self.count();
        let bucket = self.gone.pop()?;
        self.left_at[bucket] = 0;
        self.last[self.working[left]] = left;
        self.working[self.last[bucket]] = bucket;
        self.successor[bucket] = bucket;
        Some(bucket)
    }

    /// The working bucket of `key`; tells the buckets drawn on the way that do not work, each with
    /// how many were left when it went.
    pub fn find(&self, mut key: u64, redraw: Redraw, mut met: impl FnMut(usize, usize)) -> usize {
        let mut bucket = (key % self.left_at.len() as u64) as usize;
        while self.left_at[bucket] > 0 {
            let left = self.left_at[bucket];
            met(bucket, left);
            key = redraw.draw(key, bucket);
            let mut drawn = (key % left as u64) as usize;
            // Those that went earlier were not there then: whoever took their place was.
            while self.left_at[drawn] >= left {
                drawn = self.successor[drawn];
            }
            bucket = drawn;
        }
        bucket
    }
}

const CAPACITY: Knob = Knob {
    key: "capacity",
    wire: 0,
    label: "Capacity",
    unit: "shards",
    help: "How many shards there can ever be at once; fixed from the start.",
    min: 1.0,
    max: 100_000.0,
    default: 64.0,
    whole: true,
};

#[derive(Clone, Debug)]
struct Anchor {
    shards: Arc<[Shard]>,
    /// The bucket of each shard.
    bucket_of: Arc<[usize]>,
    /// The shard of each bucket that works.
    shard_of: Arc<[Option<usize>]>,
    buckets: Arc<Buckets>,
}

/// The list, if it can be used and there is a bucket for each.
fn admitted(capacity: usize, shards: &[Shard]) -> Result<Arc<[Shard]>, Refusal> {
    let (shards, n) = (admit(shards)?, shards.len());
    if n > capacity {
        return Err(Refusal::Settings(format!(
            "{n} shards do not fit in an anchor of capacity {capacity}, which is fixed from the \
             start; it is a setting (--set capacity={n} on the command line)"
        )));
    }
    Ok(shards)
}

impl Anchor {
    fn new(capacity: usize, shards: &[Shard]) -> Result<Anchor, Refusal> {
        let shards = admitted(capacity, shards)?;
        let buckets = Buckets::new(capacity, shards.len()).ok_or(Refusal::NoNodes)?;
        let bucket_of = (0..shards.len()).collect();
        Ok(Anchor::of(shards, bucket_of, buckets))
    }

    fn of(shards: Arc<[Shard]>, bucket_of: Vec<usize>, buckets: Buckets) -> Anchor {
        let mut shard_of = vec![None; buckets.left_at.len()];
        for (shard, &bucket) in bucket_of.iter().enumerate() {
            shard_of[bucket] = Some(shard);
        }
        let (bucket_of, shard_of) = (bucket_of.into(), shard_of.into());
        Anchor { shards, bucket_of, shard_of, buckets: Arc::new(buckets) }
    }

    fn changed(&self, shards: &[Shard]) -> Result<Anchor, Refusal> {
        let capacity = self.shard_of.len();
        let shards = admitted(capacity, shards)?;
        let before = places(&shards, &self.shards);
        if before.iter().all(Option::is_none) {
            return Anchor::new(capacity, &shards);
        }
        let mut buckets = (*self.buckets).clone();
        for (now, &bucket) in places(&self.shards, &shards).iter().zip(&*self.bucket_of) {
            if now.is_none() {
                buckets.remove(bucket);
            }
        }
        let mut bucket_of = Vec::with_capacity(shards.len());
        for before in before {
            let kept = before.map(|place| self.bucket_of[place]);
            match kept.or_else(|| buckets.add()) {
                Some(bucket) => bucket_of.push(bucket),
                None => return Err(Refusal::Settings("no bucket is left".to_owned())),
            }
        }
        Ok(Anchor::of(shards, bucket_of, buckets))
    }
}

impl Placement for Anchor {
    fn owner(&self, key: &[u8], why: &mut Why) -> Option<usize> {
        let hash = xxh64(key, 0);
        let mut draws = 1;
        let bucket = self.buckets.find(hash, Redraw::XxHash, |bucket, left| {
            draws += 1;
            why.line(|| Line {
                subject: format!("bucket {bucket}"),
                numbers: format!("went when {left} were left: draw among those {left}"),
                chosen: false,
            });
        });
        let owner = self.shard_of[bucket]?;
        let name = &self.shards[owner].name;
        why.line(|| Line {
            subject: name.to_string(),
            numbers: format!("bucket {bucket} works"),
            chosen: true,
        });
        why.say(|| {
            let (key, all) = (shown(key), self.shard_of.len());
            format!(
                "{key} (xxh64 {hash}) first drew bucket {} of {all}; draw {draws} met a bucket \
                 that works, {bucket}, which is of {name}.",
                hash % all as u64
            )
        });
        Some(owner)
    }

    fn preference(&self, key: &[u8], count: usize, out: &mut Vec<usize>) {
        out.clear();
        let hash = xxh64(key, 0);
        let place =
            |buckets: &Buckets| self.shard_of[buckets.find(hash, Redraw::XxHash, |_, _| {})];
        if count <= 1 {
            out.extend(place(&self.buckets).filter(|_| count == 1));
            return;
        }
        let mut buckets = (*self.buckets).clone();
        while out.len() < count.min(self.shards.len()) {
            let Some(shard) = place(&buckets) else { return };
            out.push(shard);
            buckets.remove(self.bucket_of[shard]);
        }
    }

    fn second(&self) -> Second {
        Second::Heir
    }

    fn with(&self, shards: &[Shard]) -> Result<Box<dyn Placement>, Refusal> {
        Ok(Box::new(self.changed(shards)?))
    }

    /// The buckets that work, in order; drawing one of the others means drawing again.
    fn picture(&self) -> Picture {
        let owner = |shard: &Option<usize>| shard.map(|shard| shard as u32);
        Picture::Table(self.shard_of.iter().filter_map(owner).collect())
    }

    fn check(&self) -> Result<(), String> {
        let works = |&bucket: &usize| self.buckets.left_at[bucket] == 0;
        match self.bucket_of.iter().all(works) && self.buckets.count() == self.shards.len() {
            true => Ok(()),
            false => Err("a shard has a bucket that does not work".to_owned()),
        }
    }
}

pub(super) const ENTRY: Entry = Entry {
    key: "anchor",
    wire: 12,
    name: "Anchor",
    whose: "AnchorHash 2021, the authors' Python",
    rule: "A key draws one of all buckets; as long as it meets one that is gone, it draws again \
           among those that were left then. Weights are ignored.",
    cost: "O(1 + (ln(a/w))²) time on average for w shards of capacity a; 56 bytes per bucket",
    when: "Any shard may fail and return, and only its keys may move.",
    when_not: "Balancers that must agree without talking: the same members in another history \
               place keys elsewhere.",
    source: "AnchorHash, IEEE/ACM Transactions on Networking 2021",
    knobs: &[CAPACITY],
    make: |knobs: &Knobs, shards| Ok(Box::new(Anchor::new(knobs.count(&CAPACITY), shards)?)),
};

#[cfg(test)]
mod tests {
    use super::super::tests::{named, owner};
    use super::*;

    #[test]
    fn numbers_are_written_as_python_does() {
        let mut text = [0; 132];
        let end = binary(5, &mut text, 0);
        let end = binary(0, &mut text, end);
        assert_eq!(&text[..end], b"0b1010b0");
        assert_eq!(binary(u64::MAX, &mut text, 66), 132);
    }

    #[test]
    fn a_bucket_that_returns_gets_its_keys_back() {
        let mut buckets = Buckets::new(10, 7).expect("seven of ten");
        let find = |buckets: &Buckets| -> Vec<usize> {
            (0..500).map(|key| buckets.find(key * key, Redraw::XxHash, |_, _| {})).collect()
        };
        let before = find(&buckets);
        assert!(buckets.remove(3) && buckets.remove(0) && !buckets.remove(3));
        for (old, new) in before.iter().zip(find(&buckets)) {
            assert!(*old == new || *old == 3 || *old == 0);
        }
        assert_eq!((buckets.add(), buckets.add()), (Some(0), Some(3)));
        assert_eq!(find(&buckets), before);
        assert_eq!(Buckets::new(4, 5), None);
        assert!(!Buckets::new(4, 1).expect("one").remove(0), "the last one stays");
    }

    #[test]
    fn history_matters_and_capacity_is_a_limit() {
        let list = named(4);
        let fresh = Anchor::new(8, &list[..3]).expect("three");
        let grown = Anchor::new(8, &list).expect("four").with(&list[..3]).expect("three");
        assert!(
            (0..500)
                .all(|key| { owner(&fresh, &key.to_string()) == owner(&*grown, &key.to_string()) })
        );
        // The other way round: s0 goes and s3 takes its bucket.
        let swapped = fresh.with(&list[1..]).expect("three");
        let moved = (0..500).filter(|key| {
            let old = owner(&fresh, &key.to_string());
            old != 0 && old != owner(&*swapped, &key.to_string()) + 1
        });
        assert_eq!(moved.count(), 0);
        let words = fresh.with(&named(9)).map(|_| ()).expect_err("eight at most").to_string();
        assert!(words.contains("--set capacity=9"), "{words}");
        let mut knobs = Knobs::default();
        knobs.set(&[CAPACITY], "capacity", 3.0).expect("in range");
        assert!((ENTRY.make)(&knobs, &list).is_err());
    }
}
