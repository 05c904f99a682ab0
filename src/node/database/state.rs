//! What can be seen of a database: members, positions, lags, losses.

use super::member::Task;
use super::{Cell, Database, DatabaseConfig, Is, Lost};
use crate::sim::{Key, Span, Time};
use crate::stats::Meter;

/// What a member is to the others just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It takes changes.
    Primary,
    /// It follows the primary.
    Replica,
    /// It does not run.
    Down,
    /// The others cannot reach it, and it was no primary.
    Cut,
    /// It was the primary, and is refused now.
    Fenced,
    /// It was the primary, and goes on as if it still were.
    SecondPrimary,
}

impl Role {
    /// As it is shown.
    pub fn words(self) -> &'static str {
        match self {
            Role::Primary => "primary",
            Role::Replica => "replica",
            Role::Down => "down",
            Role::Cut => "cut off",
            Role::Fenced => "fenced",
            Role::SecondPrimary => "second primary",
        }
    }
}

/// A member as it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MemberState {
    /// What it is to the others.
    pub role: Role,
    /// Does it run?
    pub up: bool,
    /// Is it cut off from the others?
    pub cut: bool,
    /// The last log entry it has applied.
    pub position: u64,
    /// How many entries it is behind the primary.
    pub behind: u64,
    /// How long ago the first of those was stored at the primary.
    pub behind_for: Span,
    /// How many entries of its own it has that the others do not have.
    pub apart: u64,
    /// Workers at work.
    pub busy: u32,
    /// Workers.
    pub workers: u32,
    /// Tasks waiting for one.
    pub waiting: u32,
    /// How often it was asked, also while it could not answer.
    pub asked: u64,
}

/// A member took the primary's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promotion {
    /// When.
    pub at: Time,
    /// Who, by number.
    pub member: u8,
    /// Whose place.
    pub instead_of: u8,
    /// Its log position then.
    pub position: u64,
    /// Its priority number.
    pub priority: u16,
    /// How many entries the old primary had beyond that.
    pub behind: u64,
    /// How many of those were acknowledged.
    pub lost: u64,
    /// The other members in reach.
    pub runners_up: Vec<RunnerUp>,
}

/// Somebody who could have taken the primary's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunnerUp {
    /// Who, by number.
    pub member: u8,
    /// Its log position then.
    pub position: u64,
    /// Its priority number.
    pub priority: u16,
}

/// How a change waited for replicas under WAIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waited {
    /// How many were wanted.
    pub wanted: u8,
    /// How many had it in the end: what the client is told.
    pub have: u8,
    /// How long it waited.
    pub took: Span,
}

impl Promotion {
    /// Why it was this one, in a sentence.
    pub fn words(&self) -> String {
        let Promotion { member, instead_of, position, behind, lost, .. } = self;
        // Priorities are spoken of where they decided, or somebody is left out for them.
        let differ = self.runners_up.iter().any(|other| other.priority != self.priority);
        let others: Vec<String> = self.runners_up.iter().map(|other| other.words(differ)).collect();
        let against = match others.is_empty() {
            true => "nobody else could be reached".to_owned(),
            false => format!("against {}", others.join(", ")),
        };
        let rank = match differ {
            true => format!("the best priority, {}", self.priority),
            false => "the longest log".to_owned(),
        };
        let loss = match (behind, lost) {
            (0, _) => "nothing is lost".to_owned(),
            (_, 0) => format!("{behind} unacknowledged changes are lost"),
            (_, _) => format!("{behind} changes are lost, {lost} of them acknowledged"),
        };
        format!(
            "Member {member} took the place of member {instead_of} at {}: it had {rank}, \
             entry {position} ({against}); {loss}.",
            self.at
        )
    }
}

impl RunnerUp {
    /// `member 2 at 117`, or with its priority.
    fn words(&self, priorities: bool) -> String {
        let RunnerUp { member, position, priority } = self;
        match (priorities, priority) {
            (false, _) => format!("member {member} at {position}"),
            (true, 0) => format!("member {member} at {position}, never promoted"),
            (true, n) => format!("member {member} at {position}, priority {n}"),
        }
    }
}

impl Waited {
    /// What the client was told, in a sentence.
    pub fn words(&self) -> String {
        let Waited { wanted, have, took } = self;
        format!("The last change waited {took} for {wanted} replicas; {have} have it.")
    }
}

impl Database {
    /// The settings in force.
    pub fn config(&self) -> &DatabaseConfig {
        &self.config
    }

    /// The members as they stand, by number; number 0 was the first primary.
    pub fn members(&self, now: Time) -> impl Iterator<Item = MemberState> {
        (0..self.members.len()).map(move |place| self.member(place, now))
    }

    fn member(&self, place: usize, now: Time) -> MemberState {
        let member = &self.members[place];
        let head = self.log.head();
        let next = self.log.get(member.applied + 1);
        let role = match () {
            () if !member.up => Role::Down,
            () if place == self.primary => Role::Primary,
            () if member.leads && self.config.fencing => Role::Fenced,
            () if member.leads => Role::SecondPrimary,
            () if member.cut => Role::Cut,
            () => Role::Replica,
        };
        MemberState {
            role,
            up: member.up,
            cut: member.cut,
            position: member.applied,
            behind: head - member.applied,
            behind_for: next.map_or(Span::ZERO, |entry| now.since(entry.after.at)),
            apart: member.apart.as_ref().map_or(0, |apart| apart.entries),
            busy: member.busy() as u32,
            workers: u32::from(self.config.workers),
            waiting: member.line.len() as u32,
            asked: member.asked,
        }
    }

    /// The number of the primary.
    pub fn primary(&self) -> usize {
        self.primary
    }

    /// The version of a key that a member has; that of a key it never changed is `Is::Loaded`.
    pub fn cell(&self, member: usize, key: Key) -> Cell {
        self.members.get(member).map_or_else(Cell::default, |member| member.cell(key))
    }

    /// The replica whose turn the next read is.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Requests that came, by rate and in all.
    pub fn queries(&self) -> &Meter {
        &self.queries
    }

    /// Reads that came.
    pub fn reads(&self) -> u64 {
        self.counts.reads
    }

    /// Reads that were given an older version than the primary had.
    pub fn reads_behind(&self) -> u64 {
        self.counts.stale
    }

    /// Reads that found nothing under their key.
    pub fn not_found(&self) -> u64 {
        self.counts.not_found
    }

    /// Changes that came.
    pub fn changes(&self) -> u64 {
        self.counts.received
    }

    /// Changes that were acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.counts.acknowledged
    }

    /// Changes that failed. A failed change may be stored all the same.
    pub fn changes_failed(&self) -> u64 {
        self.counts.failed
    }

    /// Acknowledged changes that are in the log the members share.
    pub fn kept(&self) -> u64 {
        self.counts.kept
    }

    /// Acknowledged changes that are lost.
    pub fn lost(&self) -> u64 {
        self.losses.count()
    }

    /// The last of them, oldest first, at most two hundred.
    pub fn losses(&self) -> impl Iterator<Item = &Lost> {
        self.losses.listed()
    }

    /// Entries that members hold and the others do not have.
    pub fn diverged(&self) -> u64 {
        let apart = self.members.iter().filter_map(|member| member.apart.as_ref());
        apart.map(|apart| apart.entries).sum()
    }

    /// Changes that only an old primary has and that it acknowledged after it was replaced.
    pub fn acknowledged_apart(&self) -> u64 {
        let apart = self.members.iter().filter_map(|member| member.apart.as_ref());
        apart.map(|apart| apart.acknowledged).sum()
    }

    /// Entries that members threw away to follow the primary.
    pub fn discarded(&self) -> u64 {
        self.counts.discarded
    }

    /// How often a replica took the primary's place.
    pub fn promotions(&self) -> u64 {
        self.counts.promotions
    }

    /// The last time one did.
    pub fn promotion(&self) -> Option<&Promotion> {
        self.promotion.as_ref()
    }

    /// How the last change that was acknowledged under WAIT had waited.
    pub fn waited(&self) -> Option<Waited> {
        self.waited
    }

    /// The last entry of the log.
    pub fn head(&self) -> u64 {
        self.log.head()
    }

    /// Expired keys that the primary deleted, because it was asked for them.
    pub fn expired_keys(&self) -> u64 {
        self.counts.expired
    }

    /// How many keys a member holds, also expired ones that it has not deleted.
    pub fn keys(&self, member: usize) -> u64 {
        let Some(member) = self.members.get(member) else { return 0 };
        let mut keys = match &self.parcel {
            Some(words) => words.iter().map(|word| u64::from(word.count_ones())).sum(),
            None => u64::from(self.config.records),
        };
        for (key, cell) in member.data.iter() {
            match (cell.is == Is::Written, self.loaded(key)) {
                (true, false) => keys += 1,
                (false, true) => keys -= 1,
                _ => {}
            }
        }
        keys
    }

    /// How often a change waited for replicas until the time was up.
    pub fn gave_up_waiting(&self) -> u64 {
        self.counts.gave_up_waiting
    }

    /// Requests being worked on, waiting for a worker, and waiting for members.
    pub fn held(&self) -> (u32, u32, u32) {
        let whole = |task: &&Task| matches!(task, Task::Request(_));
        let members = || self.members.iter();
        let busy = members().flat_map(|member| member.workers.iter().flatten()).filter(whole);
        let line = members().flat_map(|member| member.line.iter()).filter(whole);
        let calling = self.waiting.len() + self.stranded.len() + self.polls.len();
        (busy.count() as u32, line.count() as u32, calling as u32)
    }
}
