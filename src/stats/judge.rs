//! The consistency judge: were reads as fresh as a client may expect?
//!
//! It sees only what clients see: when they asked, when they were answered, which version they were
//! given. It checks while the run goes on and names the two requests that do not fit together.
//!
//! * **Stale read**: a write was acknowledged before the read began, and the read gave an older
//!   version. (Linearizability on a single key forbids it.)
//! * **Own write unseen**: as above, and the writer was the reader (read-your-writes).
//! * **Back in time**: a client was given a version older than one it had been given before
//!   (monotonic reads).
//!
//! Terms: Terry et al., "Session Guarantees for Weakly Consistent Replicated Data", 1994.
//! Of each key the last few acknowledgements are kept. When more than that came during one read,
//! the older ones count as one: a stale read may then be missed, but none is invented.

use std::collections::{BTreeMap, VecDeque};

use crate::sim::{Key, KeyMap, Stamp, Time};

/// How many acknowledgements of a key are kept.
const KEPT: usize = 4;
/// How many (client, key) pairs are remembered; further ones are not judged as sessions.
const SESSIONS_MAX: usize = 65_536;
/// How many violations are kept to be shown.
const SHOWN_MAX: usize = 50;

/// What did not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    /// An acknowledged write was not seen.
    StaleRead,
    /// A client did not see its own write.
    OwnWriteUnseen,
    /// A client saw an older version after a newer one.
    BackInTime,
}

impl Violation {
    /// All of them, in the order of their numbers.
    pub const ALL: [Violation; 3] =
        [Violation::StaleRead, Violation::OwnWriteUnseen, Violation::BackInTime];

    /// As it is shown.
    pub fn words(self) -> &'static str {
        match self {
            Violation::StaleRead => "stale read",
            Violation::OwnWriteUnseen => "own write not seen",
            Violation::BackInTime => "went back in time",
        }
    }
}

/// Two requests that do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub violation: Violation,
    /// When the second was answered.
    pub at: Time,
    /// On which key.
    pub key: Key,
    /// The request that should have been seen.
    pub first: Party,
    /// The read.
    pub second: Party,
}

/// One of two requests that do not fit together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Party {
    /// Its serial number.
    pub request: u64,
    /// The version that it made, or was given.
    pub stamp: Stamp,
    /// When it was asked.
    pub born: Time,
    /// When it was answered.
    pub ended: Time,
}

/// An answered request, as its client saw it.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Its serial number.
    pub request: u64,
    /// Who asked: one client address is one session.
    pub client: u32,
    /// For what.
    pub key: Key,
    /// Which version it wrote, or was given.
    pub stamp: Stamp,
    /// When it was asked.
    pub born: Time,
    /// When it was answered.
    pub at: Time,
}

#[derive(Clone, Copy, Debug, Default)]
struct Ack {
    party: Party,
    /// Known by then.
    at: Time,
}

impl Ack {
    fn of(seen: Seen) -> Ack {
        let Seen { request, stamp, born, at, .. } = seen;
        Ack { party: Party { request, stamp, born, ended: at }, at }
    }
}

/// The last acknowledgements of a key, latest last, and the newest of all before them.
#[derive(Clone, Copy, Debug, Default)]
struct Acks {
    older: Ack,
    last: [Ack; KEPT],
    len: u8,
}

impl Acks {
    fn note(&mut self, ack: Ack) {
        let len = usize::from(self.len);
        if len < KEPT {
            self.last[len] = ack;
            self.len += 1;
            return;
        }
        let gone = self.last[0];
        if gone.party.stamp >= self.older.party.stamp {
            self.older.party = gone.party;
        }
        self.older.at = gone.at;
        self.last.rotate_left(1);
        self.last[KEPT - 1] = ack;
    }

    /// The newest version that was acknowledged no later than `at`.
    fn newest_by(&self, at: Time) -> Option<Ack> {
        let kept = self.last[..usize::from(self.len)].iter().chain([&self.older]);
        let known = kept.filter(|ack| ack.party.request > 0 && ack.at <= at);
        known.max_by_key(|ack| ack.party.stamp).copied()
    }
}

/// The newest that a client wrote and read of a key.
#[derive(Clone, Copy, Debug, Default)]
struct Session {
    wrote: Ack,
    read: Ack,
}

/// Judges the answers of a group of clients.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    acks: KeyMap<Acks>,
    sessions: BTreeMap<(Key, u32), Session>,
    counts: [u64; Violation::ALL.len()],
    judged: u64,
    findings: VecDeque<Finding>,
}

impl Judge {
    /// A write or deletion was acknowledged.
    pub fn wrote(&mut self, seen: Seen) {
        let ack = Ack::of(seen);
        let mut acks = self.acks.get(seen.key).unwrap_or_default();
        acks.note(ack);
        self.acks.insert(seen.key, acks);
        if let Some(session) = self.session(seen)
            && ack.party.stamp > session.wrote.party.stamp
        {
            session.wrote = ack;
        }
    }

    /// A read was answered.
    pub fn read(&mut self, seen: Seen) {
        self.judged += 1;
        let newest = self.acks.get(seen.key).and_then(|acks| acks.newest_by(seen.born));
        let found = Ack::of(seen);
        let known = match self.session(seen) {
            Some(session) => {
                let known = *session;
                if found.party.stamp >= session.read.party.stamp {
                    session.read = found;
                }
                known
            }
            None => Session::default(),
        };
        self.compare(Violation::StaleRead, newest.unwrap_or_default(), seen);
        self.compare(Violation::OwnWriteUnseen, known.wrote, seen);
        self.compare(Violation::BackInTime, known.read, seen);
    }

    /// Is the read older than what was known to its client, or to anybody, when it began?
    fn compare(&mut self, violation: Violation, known: Ack, seen: Seen) {
        let (at, known) = (known.at, known.party);
        if known.request == 0 || at > seen.born || known.stamp <= seen.stamp {
            return;
        }
        // One write under two numbers: promised under the lower, committed under the higher.
        if known.stamp.by == seen.stamp.by && seen.stamp.by > 0 {
            return;
        }
        self.counts[violation as usize] += 1;
        if self.findings.len() == SHOWN_MAX {
            self.findings.pop_front();
        }
        self.findings.push_back(Finding {
            violation,
            at: seen.at,
            key: seen.key,
            first: known,
            second: Ack::of(seen).party,
        });
    }

    fn session(&mut self, seen: Seen) -> Option<&mut Session> {
        let (full, name) = (self.sessions.len() >= SESSIONS_MAX, (seen.key, seen.client));
        if full && !self.sessions.contains_key(&name) {
            return None;
        }
        Some(self.sessions.entry(name).or_default())
    }

    /// How often this was found.
    pub fn count(&self, violation: Violation) -> u64 {
        self.counts[violation as usize]
    }

    /// How many reads were judged.
    pub fn judged(&self) -> u64 {
        self.judged
    }

    /// The last findings, oldest first.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Span;

    fn seen(request: u64, client: u32, commit: u32, born_ms: u64, at_ms: u64) -> Seen {
        let at = |ms| Time::ZERO + Span::from_millis(ms);
        let stamp = Stamp { commit, by: request as u32 };
        let (born, at) = (at(born_ms), at(at_ms));
        Seen { request, client, key: Key::numbered(1), stamp, born, at }
    }

    fn counts(judge: &Judge) -> [u64; 3] {
        Violation::ALL.map(|violation| judge.count(violation))
    }

    #[test]
    fn a_read_may_miss_a_write_that_was_not_acknowledged_when_it_began() {
        let mut judge = Judge::default();
        judge.wrote(seen(1, 1, 5, 0, 10));
        judge.read(seen(2, 2, 0, 9, 20));
        assert_eq!(counts(&judge), [0, 0, 0]);
        judge.read(seen(3, 2, 0, 10, 20));
        assert_eq!(counts(&judge), [1, 0, 0], "it began when the acknowledgement was there");
        let finding = judge.findings().next().expect("there is one");
        assert_eq!((finding.first.request, finding.second.request), (1, 3));
        judge.read(seen(4, 2, 5, 30, 40));
        assert_eq!(counts(&judge), [1, 0, 0]);
    }

    /// A write-behind cache promises 5, the store commits the same write as 7.
    #[test]
    fn a_write_with_two_numbers_is_one_version() {
        let mut judge = Judge::default();
        judge.read(seen(2, 2, 7, 11, 12));
        let stamp = |commit| Stamp { commit, by: 2 };
        judge.read(Seen { stamp: stamp(5), ..seen(3, 2, 0, 13, 14) });
        assert_eq!(counts(&judge), [0, 0, 0], "the same write, seen under its promise");
        judge.read(Seen { stamp: Stamp { commit: 5, by: 9 }, ..seen(4, 2, 0, 15, 16) });
        assert_eq!(counts(&judge), [0, 0, 1], "somebody else's");
    }

    #[test]
    fn sessions_are_judged_by_what_they_saw_themselves() {
        let mut judge = Judge::default();
        judge.wrote(seen(1, 1, 5, 0, 10));
        judge.read(seen(2, 1, 4, 11, 12));
        assert_eq!(counts(&judge), [1, 1, 0], "its own write");
        judge.read(seen(3, 2, 7, 11, 12));
        judge.read(seen(4, 2, 5, 13, 14));
        assert_eq!(counts(&judge), [1, 1, 1], "7 was given before 5, though 7 is not acknowledged");
        judge.read(seen(5, 2, 6, 11, 15));
        assert_eq!(counts(&judge), [1, 1, 1], "it began before 7 was given");
    }

    #[test]
    fn many_acknowledgements_during_a_read_are_not_held_against_it() {
        let mut judge = Judge::default();
        for n in 1..=10 {
            judge.wrote(seen(u64::from(n), 1, n, 0, u64::from(n) * 10));
        }
        judge.read(seen(11, 2, 6, 65, 120));
        assert_eq!(counts(&judge), [0, 0, 0], "6 was acknowledged at 60, 7 after it began");
        judge.read(seen(12, 2, 5, 65, 120));
        assert_eq!(counts(&judge)[0], 1);
    }
}
