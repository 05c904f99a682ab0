//! Segmented LRU: an entry has to be hit to climb, and falls one step at a time.
//!
//! The capacity is cut into equal segments (rest unused by them, but not wasted: the lowest may
//! run over). A new entry goes to the lowest segment that has room; when none has, entries leave
//! from the lowest segment that is not empty until the cache as a whole has room, and the new one
//! goes to the lowest. A hit moves an entry to the front of the next segment up, in the topmost to
//! its front. A segment that runs over by that lets its last entry fall to the front of the one
//! below, and so on down.

use super::index::{Table, room};
use super::list::List;
use super::{Access, Entry, Eviction, Held};
use crate::policy::Knob;
use crate::sim::{Line, Rng, Why};

/// The most segments; each has a name for pictures.
const NAMES: [&str; 8] = [
    "segment 1",
    "segment 2",
    "segment 3",
    "segment 4",
    "segment 5",
    "segment 6",
    "segment 7",
    "segment 8",
];

/// The state: segments from the lowest up, each with the latest in front.
#[derive(Clone, Debug)]
pub struct Slru {
    table: Table,
    segments: Vec<List>,
    /// Room in each.
    room: usize,
    held: usize,
    capacity: usize,
}

impl Slru {
    fn evict(&mut self, why: &mut Why) -> Option<u64> {
        let place = self.segments.iter().position(|segment| segment.len() > 0)?;
        let segment = &mut self.segments[place];
        let slot = segment.back()?;
        let (key, length) = (self.table.node(slot).key, segment.len());
        segment.remove(&mut self.table, slot);
        self.held -= 1;
        why.line(|| Line {
            subject: key.to_string(),
            numbers: format!("last of {length} in {}", NAMES[place]),
            chosen: true,
        });
        why.say(|| format!("It is last in {}, the lowest that is not empty.", NAMES[place]));
        Some(self.table.forget(slot))
    }

    fn enter(&mut self, slot: u32, place: usize) {
        self.table.node_mut(slot).queue = place as u8;
        self.segments[place].push_front(&mut self.table, slot);
    }

    /// Up one segment; what runs over falls.
    fn promote(&mut self, slot: u32) {
        let place = usize::from(self.table.node(slot).queue);
        if place + 1 == self.segments.len() {
            return self.segments[place].move_front(&mut self.table, slot);
        }
        self.segments[place].remove(&mut self.table, slot);
        self.enter(slot, place + 1);
        let mut over = place + 1;
        while over > 0 && self.segments[over].len() > self.room {
            let Some(last) = self.segments[over].back() else { return };
            self.segments[over].remove(&mut self.table, last);
            self.enter(last, over - 1);
            over -= 1;
        }
    }
}

impl Eviction for Slru {
    fn access(&mut self, key: u64, _: &mut Rng, why: &mut Why) -> Access {
        if let Some(slot) = self.table.find(key) {
            self.promote(slot);
            return Access::Hit;
        }
        let with_room = self.segments.iter().position(|segment| segment.len() < self.room);
        let full = with_room.is_none() && self.held >= self.capacity;
        let evicted = if full { self.evict(why) } else { None };
        let slot = self.table.insert(key, 0, 0);
        self.enter(slot, with_room.unwrap_or(0));
        self.held += 1;
        Access::Miss { evicted }
    }

    fn contains(&self, key: u64) -> bool {
        self.table.find(key).is_some()
    }

    fn remove(&mut self, key: u64) -> bool {
        let Some(slot) = self.table.find(key) else { return false };
        let place = usize::from(self.table.node(slot).queue);
        self.segments[place].remove(&mut self.table, slot);
        self.table.forget(slot);
        self.held -= 1;
        true
    }

    fn len(&self) -> usize {
        self.held
    }

    fn held(&self) -> Vec<Held> {
        let mut out = Vec::new();
        for (segment, name) in self.segments.iter().zip(NAMES) {
            self.table.show(segment, name, &mut out);
        }
        out
    }

    fn check(&self) -> Result<(), String> {
        super::within(self.held, self.capacity)?;
        let upper = self.segments.iter().skip(1);
        if let Some(over) = upper.map(List::len).find(|&length| length > self.room) {
            return Err(format!("an upper segment holds {over}, has room for {}", self.room));
        }
        let numbered = self.segments.iter().zip(0u8..).zip(NAMES);
        let lists: Vec<_> = numbered.map(|((list, place), name)| (list, place, name)).collect();
        self.table.check(&lists)
    }
}

const SEGMENTS: Knob = Knob {
    key: "segments",
    wire: 0,
    label: "Segments",
    unit: "",
    help: "How many segments the capacity is cut into; 1 is LRU.",
    min: 1.0,
    max: NAMES.len() as f64,
    default: 4.0,
    whole: true,
};

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "slru",
    wire: 5,
    name: "SLRU",
    whose: "as libCacheSim 0.3.5, 4 equal segments; same hits",
    rule: "A hit lifts an entry one segment; full segments let their last entry fall one; \
           the last entry of the lowest leaves.",
    cost: "O(segments) time; two links and a number per entry",
    when: "Many keys are asked for once, a few often: one hit is needed to get out of the way.",
    when_not: "Everything is asked for about equally often.",
    source: "Karedla, Love and Wherry 1994, Caching strategies to improve disk system performance",
    knobs: &[SEGMENTS],
    make: |knobs, capacity| {
        let capacity = room(capacity)?;
        let count = knobs.count(&SEGMENTS).clamp(1, NAMES.len());
        Ok(Box::new(Slru {
            table: Table::default(),
            segments: vec![List::default(); count],
            room: capacity / count,
            held: 0,
            capacity,
        }))
    },
};

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    #[test]
    fn one_hit_one_step_and_one_falls_for_it() {
        let mut cache = Bench::with(&ENTRY, 4, "segments", 2.0);
        // While there is room, new entries fill the segments from below.
        cache.ask(&[1, 2, 3, 4]);
        assert_eq!(cache.shown(), "segment 1 1 2 | segment 2 3 4");
        cache.ask(&[1]);
        assert_eq!(cache.shown(), "segment 1 2 3 | segment 2 4 1");
        cache.ask(&[5]);
        assert_eq!(cache.shown(), "segment 1 3 5 | segment 2 4 1");
        assert_eq!(cache.why.sentence, "It is last in segment 1, the lowest that is not empty.");
    }
}
