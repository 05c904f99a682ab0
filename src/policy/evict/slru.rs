//! Segmented LRU: an entry has to be hit to climb, and falls one step at a time.
//!
//! The capacity is cut into equal segments; what the division leaves over belongs to none. A new
//! entry goes to the lowest segment that has room; when none has, entries leave from the lowest
//! segment that is not empty until the cache as a whole has room, and the new one goes to the
//! lowest, which so holds the rest of the division as well.
//!
//! A hit moves an entry to the front of the next segment up, in the topmost to its front. If that
//! segment runs over, its last entry falls to the front of the one below, where the hit has just
//! made a place. Only the lowest may be full all the same, with the rest of the division: then its
//! last entries leave until there is room. So a hit may evict as many entries as that rest.
//!
//! As in libCacheSim 0.3.5, which needs at least as many entries as segments (below that it holds
//! nothing; here a hit then moves an entry to the front, which is LRU).

use super::index::{Table, room};
use super::list::List;
use super::{Access, Entry, Evicted, Eviction, Held};
use crate::policy::Knob;
use crate::sim::{Line, Rng, Why};

/// The most segments.
pub(super) const SEGMENTS_MAX: usize = 8;

/// Each has a name for pictures.
const NAMES: [&str; SEGMENTS_MAX] = [
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
    /// Who leaves for a new entry.
    fn evict(&mut self, why: &mut Why) -> Option<u64> {
        let place = self.segments.iter().position(|segment| segment.len() > 0)?;
        why.say(|| format!("It is last in {}, the lowest that is not empty.", NAMES[place]));
        self.drop_last(place, why)
    }

    /// The last entry of a segment leaves. Its key.
    fn drop_last(&mut self, place: usize, why: &mut Why) -> Option<u64> {
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
        Some(self.table.forget(slot))
    }

    fn enter(&mut self, slot: u32, place: usize) {
        self.table.node_mut(slot).queue = place as u8;
        self.segments[place].push_front(&mut self.table, slot);
    }

    /// Up one segment; what runs over falls, and whoever is in the way leaves.
    fn promote(&mut self, slot: u32, why: &mut Why) -> Evicted {
        let mut evicted = Evicted::NONE;
        let place = usize::from(self.table.node(slot).queue);
        let above = place + 1;
        if above == self.segments.len() || self.room == 0 {
            self.segments[place].move_front(&mut self.table, slot);
            return evicted;
        }
        self.segments[place].remove(&mut self.table, slot);
        self.enter(slot, above);
        let Some(last) = self.segments[above].back().filter(|_| self.is_over(above)) else {
            return evicted;
        };
        self.segments[above].remove(&mut self.table, last);
        let before = self.segments[place].len();
        while self.segments[place].len() >= self.room
            && let Some(key) = self.drop_last(place, why)
        {
            evicted.push(key);
        }
        self.enter(last, place);
        let left = evicted.keys().len();
        if left > 0 {
            why.say(|| {
                let who = match left {
                    1 => "its last leaves".to_owned(),
                    _ => format!("its last {left} leave"),
                };
                let room = self.room;
                format!(
                    "The hit lifts an entry to {}, where one too many falls to {}: that holds \
                     {before} and has room for {room}, so {who}.",
                    NAMES[above], NAMES[place]
                )
            });
        }
        evicted
    }

    fn is_over(&self, place: usize) -> bool {
        self.segments[place].len() > self.room
    }
}

impl Eviction for Slru {
    fn access(&mut self, key: u64, _: &mut Rng, why: &mut Why) -> Access {
        if let Some(slot) = self.table.find(key) {
            return Access::Hit { evicted: self.promote(slot, why) };
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
        let lowest = self.capacity - self.room * (self.segments.len() - 1);
        super::within(self.segments[0].len(), lowest)?;
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
    max: SEGMENTS_MAX as f64,
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
           the last entry of the lowest leaves, for a new one or for one that falls.",
    cost: "O(segments) time; two links and a number per entry",
    when: "Many keys are asked for once, a few often: one hit is needed to get out of the way.",
    when_not: "Everything is asked for about equally often.",
    source: "Karedla, Love and Wherry 1994, Caching strategies to improve disk system performance",
    knobs: &[SEGMENTS],
    make: |knobs, capacity| {
        let capacity = room(capacity)?;
        let count = knobs.count(&SEGMENTS).clamp(1, SEGMENTS_MAX);
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

    #[test]
    fn a_hit_evicts_where_the_segments_do_not_divide_the_capacity() {
        let mut cache = Bench::new(&ENTRY, 5);
        cache.ask(&[2, 3, 1, 6, 4]);
        assert_eq!(cache.shown(), "segment 1 2 4 | segment 2 3 | segment 3 1 | segment 4 6");
        let Access::Hit { evicted } = cache.once(4) else { panic!("it is there") };
        assert_eq!(evicted.keys(), [2]);
        assert_eq!(cache.shown(), "segment 1 3 | segment 2 4 | segment 3 1 | segment 4 6");
        assert_eq!(cache.rows(), ["2 last of 1 in segment 1 (chosen)"]);
        assert_eq!(
            cache.why.sentence,
            "The hit lifts an entry to segment 2, where one too many falls to segment 1: \
             that holds 1 and has room for 1, so its last leaves."
        );
        // The rest of the division is 3, so a hit may push out three.
        let mut cache = Bench::new(&ENTRY, 11);
        cache.ask(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
        let Access::Hit { evicted } = cache.once(11) else { panic!("it is there") };
        assert_eq!(evicted.keys(), [1, 2, 9]);
        assert_eq!(cache.policy.len(), 8);
    }

    #[test]
    fn with_fewer_entries_than_segments_it_is_lru() {
        let mut cache = Bench::new(&ENTRY, 3);
        cache.ask(&[1, 2, 3, 1, 4]);
        assert_eq!(cache.shown(), "segment 1 3 1 4");
    }
}
