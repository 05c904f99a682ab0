//! What others may see of a cluster.

use super::member::Member;
use super::{Change, Cluster, ClusterConfig, Counts, Loss, Noticed};
use crate::node::shape::Shape;
use crate::node::shelf::Entry;
use crate::sim::{Found, Key};
use crate::stats::Meter;

/// How a member stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It answers.
    Up,
    /// It answers, and keys are being handed to it.
    Joining,
    /// It is dead, and nobody has noticed.
    DownUnnoticed,
    /// It is dead, and known to be.
    Down,
    /// It cannot be reached, and nobody has noticed.
    CutUnnoticed,
    /// It cannot be reached, and that is known.
    Cut,
    /// It can be reached again, and nobody has noticed.
    Back,
}

impl Standing {
    /// In few words.
    pub fn words(self) -> &'static str {
        match self {
            Standing::Up => "up",
            Standing::Joining => "joining",
            Standing::DownUnnoticed => "down, unnoticed",
            Standing::Down => "down",
            Standing::CutUnnoticed => "cut off, unnoticed",
            Standing::Cut => "cut off",
            Standing::Back => "back, unnoticed",
        }
    }

    fn of(member: &Member) -> Standing {
        match (member.up, member.cut, member.gone) {
            (true, false, true) => Standing::Back,
            (true, false, false) if member.joining => Standing::Joining,
            (true, false, false) => Standing::Up,
            (false, _, false) => Standing::DownUnnoticed,
            (false, _, true) => Standing::Down,
            (true, true, false) => Standing::CutUnnoticed,
            (true, true, true) => Standing::Cut,
        }
    }
}

/// A member, as it can be seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MemberState {
    /// How it stands.
    pub standing: Standing,
    /// Does it run?
    pub up: bool,
    /// Is it cut off?
    pub cut: bool,
    /// Entries that it holds.
    pub entries: usize,
    /// Looks that found a value.
    pub hits: u64,
    /// Looks that did not.
    pub misses: u64,
    /// Looks and changes asked of it, by rate and in all.
    pub asked: Meter,
    /// Looks and changes in work.
    pub busy: u32,
    /// Looks and changes that wait.
    pub waiting: usize,
}

impl Cluster {
    /// The settings in force.
    pub fn config(&self) -> &ClusterConfig {
        &self.config
    }

    /// Its members, by their numbers.
    pub fn members(&self) -> impl Iterator<Item = MemberState> {
        self.members.iter().map(|member| MemberState {
            standing: Standing::of(member),
            up: member.up,
            cut: member.cut,
            entries: member.shelf.len(),
            hits: member.hits,
            misses: member.misses,
            asked: member.asked,
            busy: member.busy,
            waiting: member.line.len(),
        })
    }

    /// What a member holds of a key, over or not. Counts as no access.
    pub fn entry_at(&self, member: usize, key: Key) -> Option<Entry> {
        self.members.get(member)?.shelf.look(key)
    }

    /// What it counted so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Requests that came, by rate and in all.
    pub fn arrived(&self) -> &Meter {
        &self.arrived
    }

    /// Hits of all reads, 0 to 1; nothing before the first read.
    pub fn hit_ratio(&self) -> Option<f64> {
        let reads = self.counts.hits + self.counts.misses;
        (reads > 0).then(|| self.counts.hits as f64 / reads as f64)
    }

    /// How many entries all members hold together, copies included.
    pub fn entries(&self) -> usize {
        self.members.iter().map(|member| member.shelf.len()).sum()
    }

    /// How many of them are values that are older than what has been acknowledged.
    pub fn diverged(&self) -> usize {
        let all = self.members.iter().flat_map(|member| member.shelf.iter());
        let old = |(key, entry): &(Key, Entry)| {
            entry.found == Found::Value && entry.stamp < self.newest(*key)
        };
        all.filter(old).count()
    }

    /// Requests that wait for members.
    pub fn calling(&self) -> u32 {
        self.works.len() as u32
    }

    /// Versions that are kept for members that are gone.
    pub fn hints(&self) -> usize {
        self.hints.len()
    }

    /// The key of the last request.
    pub fn last(&self) -> Option<Key> {
        self.last
    }

    /// Why it cannot place keys, if it cannot.
    pub fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    /// What the last change of members or of the rule meant, if there was one.
    pub fn change(&self) -> Option<Change> {
        self.change
    }

    /// What the last death of a member cost, if there was one.
    pub fn loss(&self) -> Option<&Loss> {
        self.loss.as_ref()
    }

    /// The last member that was found to be gone, if there was one.
    pub fn noticed(&self) -> Option<Noticed> {
        self.notice
    }

    /// What the placement looks like.
    pub fn shape(&self) -> Option<&Shape> {
        self.ground.as_ref().map(|ground| &ground.shape)
    }

    /// Where a key falls in the picture, from 0 to 1, where that can be said.
    pub fn mark(&self, key: &str) -> Option<f64> {
        let ground = self.ground.as_ref()?;
        ground.shape.mark(&*ground.placement, key)
    }

    /// Who holds a key as things are, the owner first.
    pub fn holders(&self, key: &str) -> Vec<usize> {
        self.homes(key).acting.into_iter().map(usize::from).collect()
    }
}

impl MemberState {
    /// Hits of all looks at it, 0 to 1; nothing before the first.
    pub fn hit_ratio(&self) -> Option<f64> {
        let looks = self.hits + self.misses;
        (looks > 0).then(|| self.hits as f64 / looks as f64)
    }
}
