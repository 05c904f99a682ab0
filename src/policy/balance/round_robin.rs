//! Round robin: everybody in turn.
//!
//! As in the course: a cursor walks the list; every place looked at moves it on by one, healthy or
//! not, and the first healthy one is taken. Two versions differ only in what happens when a backend
//! is removed. The course has no removal next to this cursor; putting its own `RemoveServer` beside
//! it leaves the cursor where it was, which skips a server or runs off the end of the list.
//! The corrected version moves the cursor with the list.

use super::{Ask, Backend, Balancer, Entry, Memory, Pick};
use crate::sim::{Line, Rng, Time, Why};

/// The state: where the next scan starts.
#[derive(Clone, Debug, Default)]
pub struct RoundRobin {
    cursor: usize,
    /// Leave the cursor alone when a backend is removed?
    literal: bool,
}

impl RoundRobin {
    /// The cursor follows when a backend is removed.
    pub fn corrected() -> RoundRobin {
        RoundRobin { cursor: 0, literal: false }
    }

    /// The cursor stays where it was when a backend is removed.
    pub fn as_in_course() -> RoundRobin {
        RoundRobin { cursor: 0, literal: true }
    }
}

impl Balancer for RoundRobin {
    fn pick(&mut self, _: &Ask, backends: &[Backend], _: &mut Rng, why: &mut Why) -> Pick {
        let length = backends.len();
        if length > 0 && self.cursor >= length {
            let cursor = self.cursor;
            return Pick::Crash(format!("index out of range [{cursor}] with length {length}"));
        }
        for _ in 0..length {
            let place = self.cursor;
            let next = place + 1;
            self.cursor = if next == length { 0 } else { next };
            let backend = &backends[place];
            why.line(|| Line {
                subject: backend.name.to_string(),
                numbers: match backend.healthy {
                    true => format!("place {next} of {length}, healthy"),
                    false => format!("place {next} of {length}, unhealthy: skipped"),
                },
                chosen: backend.healthy,
            });
            if backend.healthy {
                let then = &backends[self.cursor].name;
                why.say(|| {
                    format!(
                        "It was the turn of place {next}. \
                         The next scan starts at place {}, {then}.",
                        self.cursor + 1
                    )
                });
                return Pick::Backend(place);
            }
        }
        why.say(|| format!("None of the {length} servers in the list is healthy."));
        Pick::Nobody
    }

    fn added(&mut self, _: &[Backend]) {}

    fn removed(&mut self, place: usize, backends: &[Backend]) {
        let left = backends.len();
        if self.literal {
            return;
        }
        if place < self.cursor {
            self.cursor -= 1;
        }
        if self.cursor >= left {
            self.cursor = 0;
        }
    }

    fn memory(&self, _: &[Backend], _: Time) -> Memory {
        Memory::Cursor(self.cursor)
    }
}

/// The corrected version.
pub(super) const ENTRY: Entry = Entry {
    key: "round_robin",
    wire: 0,
    name: "Round robin",
    whose: "as in the course, with removal put right",
    rule: "Each healthy server in turn; the cursor follows when a server is removed.",
    cost: "O(1) time while all are healthy, O(n) at worst; one number of memory",
    when: "Servers are alike and so are requests.",
    when_not: "Servers differ in speed, or some requests take far longer than others: \
               the slow server gets as many as the fast one.",
    source: "System Design Basics, Load Balancing, Round Robin",
    knobs: &[],
    make: |_| Box::new(RoundRobin::corrected()),
};

/// The literal version.
pub(super) const ENTRY_AS_IN_COURSE: Entry = Entry {
    key: "round_robin_as_in_course",
    wire: 2,
    name: "Round robin, as in the course",
    whose: "the course's balancer with the course's RemoveServer, unchanged",
    rule: "Each healthy server in turn; removing a server leaves the cursor where it was, \
           so one is skipped, or the balancer falls over.",
    cost: ENTRY.cost,
    when: "To see what the missing line does: remove the last server while it is next.",
    when_not: "Whenever servers come and go.",
    source: ENTRY.source,
    knobs: &[],
    make: |_| Box::new(RoundRobin::as_in_course()),
};

#[cfg(test)]
mod tests {
    use super::*;

    fn list(healthy: &[bool]) -> Vec<Backend> {
        let backend = |(place, &healthy): (usize, &bool)| Backend {
            healthy,
            ..Backend::new(place as u32 + 1, &format!("server{}", place + 1), 1)
        };
        healthy.iter().enumerate().map(backend).collect()
    }

    #[test]
    fn says_whose_turn_it_was() {
        let mut policy = RoundRobin::corrected();
        let mut why = Why::on();
        policy.cursor = 1;
        let rng = &mut Rng::from_seed(1);
        let list = list(&[true, false, true]);
        assert_eq!(policy.pick(&Ask::NOTHING, &list, rng, &mut why), Pick::Backend(2));
        let rows: Vec<String> =
            why.lines.iter().map(|line| format!("{} {}", line.subject, line.numbers)).collect();
        assert_eq!(
            rows,
            ["server2 place 2 of 3, unhealthy: skipped", "server3 place 3 of 3, healthy"]
        );
        let next = "It was the turn of place 3. The next scan starts at place 1, server1.";
        assert_eq!(why.sentence, next);
    }

    #[test]
    fn the_literal_cursor_runs_off_the_end() {
        let mut policy = RoundRobin::as_in_course();
        policy.cursor = 2;
        let list = list(&[true, true]);
        policy.removed(2, &list);
        let words = "index out of range [2] with length 2".to_owned();
        let rng = &mut Rng::from_seed(1);
        let picked = policy.pick(&Ask::NOTHING, &list, rng, &mut Why::off());
        assert_eq!(picked, Pick::Crash(words));
    }
}
