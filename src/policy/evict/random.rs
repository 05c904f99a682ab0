//! Random: anybody may leave, each with the same chance.
//!
//! It has the same hit ratio as FIFO when requests are independent. With the knob `volatile` only
//! entries with a time to live may leave (Redis's volatile-random); when there is none, the new key
//! is refused.

use super::crowd::Crowd;
use super::index::{Table, room};
use super::{Access, Entry, Eviction, Held};
use crate::policy::Knob;
use crate::sim::{Line, Rng, Time, Why};

/// The state: entries, and those of them that may leave.
#[derive(Clone, Debug)]
pub struct Random {
    table: Table,
    all: Crowd,
    /// Those with a time to live; used with `volatile` only.
    mortal: Crowd,
    volatile: bool,
    capacity: usize,
}

impl Random {
    fn forget(&mut self, slot: u32) -> u64 {
        self.all.remove(slot);
        self.mortal.remove(slot);
        self.table.forget(slot)
    }

    fn evict(&mut self, rng: &mut Rng, why: &mut Why) -> Option<u64> {
        let crowd = if self.volatile { &self.mortal } else { &self.all };
        let slot = crowd.draw(rng)?;
        let (key, count) = (self.table.node(slot).key, crowd.len());
        why.line(|| Line {
            subject: key.to_string(),
            numbers: format!("drawn out of {count}"),
            chosen: true,
        });
        why.say(|| format!("It was drawn; each of {count} entries had the same chance."));
        Some(self.forget(slot))
    }
}

impl Eviction for Random {
    fn access(&mut self, key: u64, rng: &mut Rng, why: &mut Why) -> Access {
        if self.table.find(key).is_some() {
            return Access::HIT;
        }
        let mut evicted = None;
        if self.all.len() >= self.capacity {
            evicted = self.evict(rng, why);
            if evicted.is_none() {
                why.say(|| refusal().to_owned());
                return Access::Miss { evicted: Some(key) };
            }
        }
        let slot = self.table.insert(key, 0, 0);
        self.all.insert(slot);
        Access::Miss { evicted }
    }

    fn contains(&self, key: u64) -> bool {
        self.table.find(key).is_some()
    }

    fn remove(&mut self, key: u64) -> bool {
        let found = self.table.find(key);
        found.map(|slot| self.forget(slot)).is_some()
    }

    fn set_deadline(&mut self, key: u64, at: Option<Time>) {
        match (self.table.find(key), at) {
            (Some(slot), Some(_)) => self.mortal.insert(slot),
            (Some(slot), None) => self.mortal.remove(slot),
            (None, _) => {}
        }
    }

    fn len(&self) -> usize {
        self.all.len()
    }

    /// In no order: anybody may be next.
    fn held(&self) -> Vec<Held> {
        self.all.iter().map(|slot| self.table.held(slot, "entries")).collect()
    }

    fn check(&self) -> Result<(), String> {
        super::within(self.len(), self.capacity)?;
        self.all.check()?;
        self.mortal.check()?;
        self.table.check_count(self.len())
    }
}

/// What is said when no entry may leave.
pub(super) fn refusal() -> &'static str {
    "No entry has a time to live, so none may leave: the new key is refused."
}

/// For policies that may be limited to entries with a time to live.
pub(super) const VOLATILE: Knob = Knob {
    key: "volatile",
    wire: 9,
    label: "Only with a TTL",
    unit: "",
    help: "1: only entries with a time to live may leave, and without any a new key is refused \
           (Redis's volatile-*). 0: any entry may (allkeys-*).",
    min: 0.0,
    max: 1.0,
    default: 0.0,
    whole: true,
};

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "random",
    wire: 9,
    name: "Random",
    whose: "textbook; Redis's allkeys-random and volatile-random",
    rule: "Anybody leaves, each entry with the same chance.",
    cost: "O(1) time; one number per entry, and a hit writes nothing",
    when: "Keeping an order is too dear, or requests come in loops larger than the cache.",
    when_not: "Some keys are asked for much more often than others.",
    source: "Belady 1966, A study of replacement algorithms for a virtual-storage computer",
    knobs: &[VOLATILE],
    make: |knobs, capacity| {
        Ok(Box::new(Random {
            table: Table::default(),
            all: Crowd::default(),
            mortal: Crowd::default(),
            volatile: knobs.count(&VOLATILE) == 1,
            capacity: room(capacity)?,
        }))
    },
};

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    #[test]
    fn everybody_leaves_equally_often() {
        let mut cache = Bench::new(&ENTRY, 5);
        let mut left = [0u32; 5];
        for _ in 0..2000 {
            cache.ask(&[0, 1, 2, 3, 4]);
            let Access::Miss { evicted: Some(key) } = cache.once(9) else { panic!("it is full") };
            left[key as usize] += 1;
            cache.policy.remove(9);
        }
        // Four standard deviations of a binomial of 2000 with a fifth.
        assert!(left.iter().all(|&n| n.abs_diff(400) < 72), "{left:?}");
        assert_eq!(cache.why.sentence, "It was drawn; each of 5 entries had the same chance.");
    }

    #[test]
    fn volatile_spares_what_has_no_time_to_live() {
        let mut cache = Bench::with(&ENTRY, 2, "volatile", 1.0);
        cache.ask(&[1, 2]);
        assert_eq!(cache.once(3), Access::Miss { evicted: Some(3) });
        assert_eq!(cache.why.sentence, refusal());
        cache.policy.set_deadline(1, Some(Time::MAX));
        assert_eq!(cache.once(3), Access::Miss { evicted: Some(1) });
    }
}
