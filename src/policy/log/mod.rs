//! A partitioned log with the rules of Kafka: records stay, each group of readers notes how far it
//! is in each partition, and each partition is read by one member of a group at most.
//!
//! A state machine without a clock of its own, as the broker beside it: it is told the time. What a
//! member took and has not committed when it dies is read again from the committed offset on.
//! Offsets are committed in order: a record that is done before an earlier one waits for it.
//!
//! Not modelled: brokers and replicas (the log itself does not fail), batches on the wire,
//! transactions, compaction; records that every group is past are forgotten. Source: Kafka's
//! clients and their documentation; assignors and partitions by key are checked against Kafka's own
//! examples.

use std::collections::{BTreeMap, VecDeque};

use super::place::kafka_assignors;
use super::place::kafka_murmur2::partition_for_key;
use crate::sim::Time;

/// How partitions are shared out among members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Runs of partitions by order of name.
    Range,
    /// In turn.
    RoundRobin,
    /// As before as far as it is fair; all stop meanwhile.
    Sticky,
    /// As before as far as it is fair; only what moves stops.
    Cooperative,
}

/// A record that a member took.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken<B> {
    /// Of which group.
    pub group: usize,
    /// By whom.
    pub member: u32,
    /// From which partition.
    pub partition: usize,
    /// Its number there.
    pub offset: u64,
    /// The reading it belongs to: after the partition was read anew, it means nothing any more.
    pub epoch: u64,
    /// Has it been taken before?
    pub again: bool,
    /// The record.
    pub body: B,
}

/// How far a group is in a partition.
#[derive(Clone, Debug, Default)]
pub struct Cursor {
    /// The member that reads it.
    pub owner: Option<u32>,
    /// The first offset that is not committed.
    pub committed: u64,
    /// The next offset to be taken.
    pub position: u64,
    /// It stands still until then.
    pub still_until: Time,
    /// How often the record at the committed offset failed.
    pub failures: u32,
    epoch: u64,
    /// The highest offset that was ever taken, and one.
    high: u64,
    /// Done ahead of their turn; true for those that were passed over.
    done: BTreeMap<u64, bool>,
}

/// A group of readers.
#[derive(Clone, Debug, Default)]
pub struct Readers {
    /// Its members by their numbers, with their names.
    members: BTreeMap<u32, String>,
    cursors: Vec<Cursor>,
    next: usize,
    /// How often partitions were shared out.
    pub generation: u64,
}

impl Readers {
    /// How far it is in each partition.
    pub fn cursors(&self) -> &[Cursor] {
        &self.cursors
    }

    /// Its members' names by their numbers.
    pub fn members(&self) -> &BTreeMap<u32, String> {
        &self.members
    }

    /// How many records a member holds that it has not committed.
    fn held_by(&self, member: u32) -> u64 {
        let own = self.cursors.iter().filter(|cursor| cursor.owner == Some(member));
        own.map(|c| c.position - c.committed - c.done.len() as u64).sum()
    }
}

#[derive(Clone, Debug, Default)]
struct Partition<B> {
    start: u64,
    records: VecDeque<(B, Time)>,
}

impl<B> Partition<B> {
    fn end(&self) -> u64 {
        self.start + self.records.len() as u64
    }
}

/// A log.
#[derive(Clone, Debug)]
pub struct Log<B> {
    partitions: Vec<Partition<B>>,
    groups: Vec<Readers>,
    turn: u64,
}

impl<B: Clone> Log<B> {
    /// An empty one, with so many partitions and groups.
    pub fn new(partitions: usize, groups: usize) -> Log<B> {
        let empty = || Partition { start: 0, records: VecDeque::new() };
        let group =
            || Readers { cursors: vec![Cursor::default(); partitions], ..Readers::default() };
        Log {
            partitions: (0..partitions).map(|_| empty()).collect(),
            groups: (0..groups).map(|_| group()).collect(),
            turn: 0,
        }
    }

    /// Its groups.
    pub fn groups(&self) -> &[Readers] {
        &self.groups
    }

    /// One behind the last offset of a partition.
    pub fn end(&self, partition: usize) -> u64 {
        self.partitions.get(partition).map_or(0, Partition::end)
    }

    /// How many records are kept.
    pub fn kept(&self) -> usize {
        self.partitions.iter().map(|partition| partition.records.len()).sum()
    }

    /// The oldest record that a group has not committed: since when it is there.
    pub fn oldest(&self) -> Option<Time> {
        let of_group = |group: &Readers| -> Option<Time> {
            let cursors = group.cursors.iter().zip(&self.partitions);
            cursors
                .filter_map(|(c, p)| Some(p.records.get((c.committed - p.start) as usize)?.1))
                .min()
        };
        self.groups.iter().filter_map(of_group).min()
    }

    /// Appends a record, by its key or in turn. Its partition and offset.
    pub fn append(&mut self, key: Option<&[u8]>, body: B, now: Time) -> (usize, u64) {
        let count = self.partitions.len() as u32;
        let by_key = key.and_then(|key| partition_for_key(key, count));
        let place = match by_key {
            Some(place) => place as usize,
            None => {
                self.turn += 1;
                ((self.turn - 1) % u64::from(count.max(1))) as usize
            }
        };
        let Some(partition) = self.partitions.get_mut(place) else { return (0, 0) };
        partition.records.push_back((body, now));
        (place, partition.end() - 1)
    }

    /// Somebody joins a group; partitions are not shared out by that.
    pub fn join(&mut self, group: usize, member: u32, name: &str) {
        if let Some(group) = self.groups.get_mut(group) {
            group.members.insert(member, name.to_owned());
        }
    }

    /// Somebody is not of the group any more.
    pub fn leave(&mut self, group: usize, member: u32) {
        if let Some(group) = self.groups.get_mut(group) {
            group.members.remove(&member);
        }
    }

    /// Shares the partitions of a group out; those that stand still for it do so until then. How
    /// many changed hands.
    pub fn share_out(&mut self, group: usize, how: Sharing, still_until: Time) -> usize {
        let Some(readers) = self.groups.get_mut(group) else { return 0 };
        let owners = owners(readers, how);
        readers.generation += 1;
        let mut moved = 0;
        for (cursor, owner) in readers.cursors.iter_mut().zip(owners) {
            let moves = cursor.owner != owner;
            moved += usize::from(moves);
            cursor.owner = owner;
            if moves || how != Sharing::Cooperative {
                cursor.still_until = cursor.still_until.max(still_until);
            }
        }
        moved
    }

    /// Would sharing out anew change anything?
    pub fn would_move(&self, group: usize, how: Sharing) -> bool {
        self.groups.get(group).is_some_and(|readers| {
            let now = readers.cursors.iter().map(|cursor| cursor.owner);
            !now.eq(owners(readers, how))
        })
    }

    /// The next record for whoever may hold one more: at most `prefetch` that are not committed, 0
    /// for any number. With `at_once` it is committed by that.
    pub fn take(
        &mut self,
        now: Time,
        prefetch: u32,
        at_once: bool,
        is_there: impl Fn(u32) -> bool,
    ) -> Option<Taken<B>> {
        for number in 0..self.groups.len() {
            let readers = &self.groups[number];
            let count = readers.cursors.len();
            for step in 0..count {
                let partition = (readers.next + step) % count;
                let cursor = &readers.cursors[partition];
                let Some(member) = cursor.owner else { continue };
                let full =
                    !at_once && prefetch > 0 && readers.held_by(member) >= u64::from(prefetch);
                if full || now < cursor.still_until || !is_there(member) {
                    continue;
                }
                let place = (cursor.position - self.partitions[partition].start) as usize;
                let Some((body, _)) = self.partitions[partition].records.get(place) else {
                    continue;
                };
                let (offset, epoch, body) = (cursor.position, cursor.epoch, body.clone());
                let readers = &mut self.groups[number];
                readers.next = (partition + 1) % count;
                let cursor = &mut readers.cursors[partition];
                cursor.position += 1;
                let again = offset < cursor.high;
                cursor.high = cursor.high.max(cursor.position);
                if at_once {
                    cursor.committed = cursor.position;
                    self.forget(partition);
                }
                return Some(Taken {
                    group: number,
                    member,
                    partition,
                    offset,
                    epoch,
                    again,
                    body,
                });
            }
        }
        None
    }

    /// A record is done, or passed over: how many were committed by that, and how many of those
    /// had been passed over.
    pub fn done<T>(&mut self, taken: &Taken<T>, passed_over: bool) -> (u64, u64) {
        let Some(cursor) = self.cursor(taken) else { return (0, 0) };
        cursor.done.insert(taken.offset, passed_over);
        let (mut handled, mut skipped) = (0, 0);
        while let Some(passed_over) = cursor.done.remove(&cursor.committed) {
            cursor.committed += 1;
            cursor.failures = 0;
            match passed_over {
                true => skipped += 1,
                false => handled += 1,
            }
        }
        self.forget(taken.partition);
        (handled, skipped)
    }

    /// A record failed: how often it has so far. Nothing else changes.
    pub fn failed<T>(&mut self, taken: &Taken<T>) -> Option<u32> {
        let cursor = self.cursor(taken)?;
        cursor.failures += 1;
        Some(cursor.failures)
    }

    /// A partition is read again from its committed offset, from `now` or later on.
    pub fn rewind(&mut self, group: usize, partition: usize, still_until: Time) {
        let readers = self.groups.get_mut(group);
        let Some(cursor) = readers.and_then(|group| group.cursors.get_mut(partition)) else {
            return;
        };
        cursor.position = cursor.committed;
        cursor.epoch += 1;
        cursor.done.clear();
        cursor.still_until = cursor.still_until.max(still_until);
    }

    /// A record that was taken will never be done: its partition is read again from the committed
    /// offset, whoever reads it by now.
    pub fn give_back<T>(&mut self, taken: &Taken<T>) {
        if self.cursor(taken).is_some() {
            self.rewind(taken.group, taken.partition, Time::ZERO);
        }
    }

    /// All partitions of a member are read again from their committed offsets.
    pub fn rewind_member(&mut self, group: usize, member: u32) {
        let Some(readers) = self.groups.get(group) else { return };
        let cursors = readers.cursors.iter().enumerate();
        let own: Vec<usize> =
            cursors.filter(|(_, c)| c.owner == Some(member)).map(|(place, _)| place).collect();
        for partition in own {
            self.rewind(group, partition, Time::ZERO);
        }
    }

    /// When the next partition that stands still goes on.
    pub fn next_start(&self, now: Time) -> Option<Time> {
        let cursors = self.groups.iter().flat_map(|group| &group.cursors);
        cursors.map(|cursor| cursor.still_until).filter(|until| *until > now).min()
    }

    /// Records that wait, and those that were taken and are not committed, over all groups.
    pub fn counts(&self) -> (u64, u64) {
        let cursors = self.groups.iter().flat_map(|group| group.cursors.iter().enumerate());
        cursors.fold((0, 0), |(waiting, out), (partition, cursor)| {
            let end = self.end(partition);
            (waiting + end - cursor.position, out + cursor.position - cursor.committed)
        })
    }

    /// The cursor that this reading belongs to, if it is still the same.
    fn cursor<T>(&mut self, taken: &Taken<T>) -> Option<&mut Cursor> {
        let readers = self.groups.get_mut(taken.group)?;
        let cursor = readers.cursors.get_mut(taken.partition)?;
        (cursor.epoch == taken.epoch && taken.offset >= cursor.committed).then_some(cursor)
    }

    /// Forgets the records of a partition that every group is past.
    fn forget(&mut self, partition: usize) {
        let committed = self.groups.iter().map(|group| group.cursors[partition].committed);
        let Some(past) = committed.min() else { return };
        let partition = &mut self.partitions[partition];
        while partition.start < past && partition.records.pop_front().is_some() {
            partition.start += 1;
        }
    }
}

const TOPIC: &str = "t";

/// Who reads what from now on.
fn owners(readers: &Readers, how: Sharing) -> Vec<Option<u32>> {
    // Names may be the same; with the number behind them they are not.
    let names: BTreeMap<String, u32> =
        readers.members.iter().map(|(id, name)| (format!("{name} {id:05}"), *id)).collect();
    let mut group = kafka_assignors::Group::default();
    group.topics.insert(TOPIC, readers.cursors.len() as u32);
    for name in names.keys() {
        group.members.insert(name, vec![TOPIC]);
    }
    let mut before = kafka_assignors::Assignment::new();
    let of_member: BTreeMap<u32, &str> = names.iter().map(|(name, id)| (*id, &**name)).collect();
    for (partition, cursor) in readers.cursors.iter().enumerate() {
        if let Some(name) = cursor.owner.and_then(|owner| of_member.get(&owner)) {
            before.entry(name).or_default().push((TOPIC, partition as u32));
        }
    }
    let shared = match how {
        Sharing::Range => group.range(),
        Sharing::RoundRobin => group.round_robin(),
        Sharing::Sticky | Sharing::Cooperative => group.sticky(&before),
    };
    let mut owners = vec![None; readers.cursors.len()];
    for (name, partitions) in shared {
        for (_, partition) in partitions {
            owners[partition as usize] = names.get(name).copied();
        }
    }
    owners
}

#[cfg(test)]
mod tests;
