//! Least frequently used: whoever was asked for least often leaves.
//!
//! An entry comes in with count 1; a hit adds one. The victim has the lowest count; of equals, the
//! one that has been at that count longest (FIFO within a frequency). Counts are forgotten when an
//! entry leaves.
//!
//! Constant time, after Shah, Mitra and Matani (2010): entries with one count form a group with a
//! list of its own, and the groups are chained by count, so the lowest is always at hand and a hit
//! moves its entry to the neighbouring group.

use super::index::{Table, room};
use super::list::{Link, Links, List};
use super::{Access, Entry, Eviction, Held};
use crate::sim::{Line, Rng, Why};

/// All entries with one count.
#[derive(Clone, Copy, Debug)]
struct Group {
    count: u64,
    /// The latest that came to this count is in front.
    entries: List,
    link: Link,
}

/// The groups; a slot here numbers a group.
#[derive(Clone, Debug, Default)]
struct Groups(Vec<Group>);

impl Links for Groups {
    #[inline]
    fn link(&mut self, slot: u32) -> &mut Link {
        &mut self.0[slot as usize].link
    }

    #[inline]
    fn peek(&self, slot: u32) -> Link {
        self.0[slot as usize].link
    }
}

/// The state: groups in the order of their counts, the lowest in front; an entry's mark is its
/// group.
#[derive(Clone, Debug)]
pub struct Lfu {
    table: Table,
    groups: Groups,
    by_count: List,
    /// Groups out of use.
    spare: Vec<u32>,
    held: usize,
    capacity: usize,
}

impl Lfu {
    /// A group with this count, right behind `place` or in front of all.
    fn new_group(&mut self, count: u64, place: Option<u32>) -> u32 {
        let group = Group { count, entries: List::default(), link: Link::LOOSE };
        let slot = match self.spare.pop() {
            Some(slot) => {
                self.groups.0[slot as usize] = group;
                slot
            }
            None => {
                self.groups.0.push(group);
                (self.groups.0.len() - 1) as u32
            }
        };
        match place {
            Some(place) => self.by_count.push_after(&mut self.groups, place, slot),
            None => self.by_count.push_front(&mut self.groups, slot),
        }
        slot
    }

    /// The group with this count, which is right behind `place` (or in front) if there is one.
    fn group(&mut self, count: u64, place: Option<u32>) -> u32 {
        let next = match place {
            Some(place) => List::after(&self.groups, place),
            None => self.by_count.front(),
        };
        match next {
            Some(next) if self.groups.0[next as usize].count == count => next,
            _ => self.new_group(count, place),
        }
    }

    /// Takes the entry out of its group, and the group out of the order if that leaves it empty.
    fn leave(&mut self, slot: u32) {
        let at = self.table.node(slot).mark;
        let group = &mut self.groups.0[at as usize];
        group.entries.remove(&mut self.table, slot);
        if group.entries.len() == 0 {
            self.by_count.remove(&mut self.groups, at);
            self.spare.push(at);
        }
    }

    fn enter(&mut self, slot: u32, group: u32) {
        self.table.node_mut(slot).mark = group;
        self.groups.0[group as usize].entries.push_front(&mut self.table, slot);
    }

    fn evict(&mut self, why: &mut Why) -> Option<u64> {
        let Group { count, entries, .. } = self.groups.0[self.by_count.front()? as usize];
        let slot = entries.back()?;
        let (key, ties) = (self.table.node(slot).key, entries.len());
        why.line(|| Line {
            subject: key.to_string(),
            numbers: format!("count {count}, 1st of {ties} with this count"),
            chosen: true,
        });
        why.say(|| match ties {
            1 => format!("Its count of {count} is the lowest."),
            _ => format!(
                "{count} is the lowest count; of the {ties} entries with it, it got there first."
            ),
        });
        self.leave(slot);
        self.held -= 1;
        Some(self.table.forget(slot))
    }
}

impl Eviction for Lfu {
    fn access(&mut self, key: u64, _: &mut Rng, why: &mut Why) -> Access {
        if let Some(slot) = self.table.find(key) {
            let at = self.table.node(slot).mark;
            let count = self.groups.0[at as usize].count + 1;
            let next = self.group(count, Some(at));
            self.leave(slot);
            self.enter(slot, next);
            return Access::HIT;
        }
        let evicted = if self.held >= self.capacity { self.evict(why) } else { None };
        let first = self.group(1, None);
        let slot = self.table.insert(key, 0, first);
        self.enter(slot, first);
        self.held += 1;
        Access::Miss { evicted }
    }

    fn contains(&self, key: u64) -> bool {
        self.table.find(key).is_some()
    }

    fn remove(&mut self, key: u64) -> bool {
        let Some(slot) = self.table.find(key) else { return false };
        self.leave(slot);
        self.table.forget(slot);
        self.held -= 1;
        true
    }

    fn len(&self) -> usize {
        self.held
    }

    /// Marks are the counts.
    fn held(&self) -> Vec<Held> {
        let mut out = Vec::new();
        let mut at = self.by_count.front();
        while let Some(group) = at {
            let Group { count, entries, .. } = self.groups.0[group as usize];
            let shown = entries.walk(&self.table);
            out.extend(shown.map(|slot| Held { mark: count, ..self.table.held(slot, "counts") }));
            at = List::after(&self.groups, group);
        }
        out
    }

    fn check(&self) -> Result<(), String> {
        super::within(self.held, self.capacity)?;
        self.by_count.check(&self.groups, "groups")?;
        self.table.check_count(self.held)?;
        let (mut total, mut above) = (0, u64::MAX);
        for at in self.by_count.walk(&self.groups) {
            let Group { count, entries, .. } = self.groups.0[at as usize];
            entries.check(&self.table, "group")?;
            let strays = entries.walk(&self.table).any(|s| self.table.node(s).mark != at);
            if count >= above || entries.len() == 0 || strays {
                return Err(format!("the group with count {count} is not in order"));
            }
            (above, total) = (count, total + entries.len());
        }
        match total == self.held {
            true => Ok(()),
            false => Err(format!("{total} in groups, {} held", self.held)),
        }
    }
}

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "lfu",
    wire: 4,
    name: "LFU",
    whose: "textbook, ties as in libCacheSim 0.3.5 (FIFO within a frequency); same hits",
    rule: "The entry that was asked for least often since it came in leaves; \
           of equals, the one that has been at that count longest.",
    cost: "O(1) time; a count and two links per entry, and a group per count in use",
    when: "Popularity hardly changes.",
    when_not: "Popularity changes: what was popular once keeps its place long after.",
    source: "Shah, Mitra and Matani 2010, An O(1) algorithm for implementing the LFU cache \
             eviction scheme",
    knobs: &[],
    make: |_, capacity| {
        let capacity = room(capacity)?;
        Ok(Box::new(Lfu {
            table: Table::default(),
            groups: Groups::default(),
            by_count: List::default(),
            spare: Vec::new(),
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
    fn the_lowest_count_leaves_and_the_first_of_equals() {
        let mut cache = Bench::new(&ENTRY, 4);
        cache.ask(&[1, 2, 3, 4, 1, 1, 3]);
        assert_eq!(cache.marks(), "counts 2:1 4:1 3:2 1:3");
        cache.ask(&[5]);
        assert_eq!(cache.marks(), "counts 4:1 5:1 3:2 1:3");
        assert_eq!(
            cache.why.sentence,
            "1 is the lowest count; of the 2 entries with it, it got there first."
        );
        // 4 reaches 2 after 3 did, so it stands behind it; then 5 is alone with 1.
        cache.ask(&[4, 6]);
        assert_eq!(cache.marks(), "counts 6:1 3:2 4:2 1:3");
        assert_eq!(cache.why.sentence, "Its count of 1 is the lowest.");
    }

    #[test]
    fn counts_are_forgotten() {
        let mut cache = Bench::new(&ENTRY, 1);
        assert_eq!(cache.ask(&[1, 1, 1, 2, 1]), ".hh..");
        assert_eq!(cache.marks(), "counts 1:1");
    }
}
