//! One health check: what an answer says, and what a row of them makes of an instance.
//!
//! As Consul (agent/checks/check.go, agent/local/state.go): an HTTP check is passing when the
//! answer is 2xx, warning when it is 429, and critical when it is anything else, an error, or not
//! there in time. A check begins critical unless the registration says otherwise. With
//! `success_before_passing` and `failures_before_critical` above 1, so many in a row are needed
//! before the status follows. How long it has been critical counts from the first answer that made
//! it so: a check that begins critical and was never tried has not been critical at all, and will
//! not be deregistered.

use crate::sim::{Span, Time};

/// No check is made more often than this (`MinInterval`).
pub const INTERVAL_MIN: Span = Span::from_millis(1_000);

/// How long an HTTP or TCP check waits for its answer when that is not set.
pub const TIMEOUT_UNSET: Span = Span::from_millis(10_000);

/// How long a script may run when that is not set.
pub const SCRIPT_TIMEOUT: Span = Span::from_millis(30_000);

/// How an instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It may be used.
    Passing,
    /// It answers, but asks not to be used: whoever wants passing ones does not get it.
    Warning,
    /// It does not answer as it should.
    Critical,
}

impl Status {
    /// As Consul writes it.
    pub fn words(self) -> &'static str {
        match self {
            Status::Passing => "passing",
            Status::Warning => "warning",
            Status::Critical => "critical",
        }
    }

    /// The status that is written so.
    pub fn find(words: &str) -> Option<Status> {
        let all = [Status::Passing, Status::Warning, Status::Critical];
        all.into_iter().find(|status| status.words() == words)
    }
}

/// What came of asking an instance how it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// An HTTP status.
    Http(u16),
    /// A sign of life of the instance's own, for checks that wait for one.
    Heartbeat,
    /// No connection, or it broke.
    Error,
    /// Nothing within the time allowed.
    TimedOut,
    /// No sign of life for too long.
    Silence,
}

impl Answer {
    /// What it says.
    pub fn status(self) -> Status {
        match self {
            Answer::Http(200..=299) | Answer::Heartbeat => Status::Passing,
            Answer::Http(429) => Status::Warning,
            Answer::Http(_) | Answer::Error | Answer::TimedOut | Answer::Silence => {
                Status::Critical
            }
        }
    }

    /// In a few words: `HTTP 200`, `no answer in time`.
    pub fn words(self) -> String {
        match self {
            Answer::Http(code) => format!("HTTP {code}"),
            Answer::Heartbeat => "heartbeat".to_owned(),
            Answer::Error => "no connection".to_owned(),
            Answer::TimedOut => "no answer in time".to_owned(),
            Answer::Silence => "no heartbeat in time".to_owned(),
        }
    }
}

/// What the exit code of a script check says.
pub fn of_exit(code: i32) -> Status {
    match code {
        0 => Status::Passing,
        1 => Status::Warning,
        _ => Status::Critical,
    }
}

/// How many answers in a row are needed before the status follows; 0 and 1 are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Thresholds {
    /// To become passing or warning.
    pub passes: u32,
    /// To become critical.
    pub failures: u32,
}

/// The state of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What the registry says about the instance.
    pub status: Status,
    /// Good answers in a row, and bad ones: one of them is 0.
    pub passes: u32,
    /// Bad answers in a row.
    pub failures: u32,
    /// Since when it is critical because of an answer.
    pub critical_since: Option<Time>,
    /// The last answer, and when it was there.
    pub last: Option<(Time, Answer)>,
    /// When the status last changed.
    pub changed: Option<Time>,
}

impl Check {
    /// One that has not been made yet.
    pub fn new(status: Status) -> Check {
        let none = (None, None, None);
        let (critical_since, last, changed) = none;
        Check { status, passes: 0, failures: 0, critical_since, last, changed }
    }

    /// An answer. Gives the status before, if it is another now.
    pub fn heard(&mut self, answer: Answer, now: Time, needed: Thresholds) -> Option<Status> {
        self.last = Some((now, answer));
        let said = answer.status();
        let enough = match said {
            Status::Passing | Status::Warning => {
                (self.passes, self.failures) = (self.passes.saturating_add(1), 0);
                self.passes >= needed.passes
            }
            Status::Critical => {
                (self.passes, self.failures) = (0, self.failures.saturating_add(1));
                self.failures >= needed.failures
            }
        };
        if enough { self.set(said, now) } else { None }
    }

    /// The status is set. Gives the one before, if it was another.
    pub fn set(&mut self, status: Status, now: Time) -> Option<Status> {
        self.critical_since = match status {
            Status::Critical => self.critical_since.or(Some(now)),
            Status::Passing | Status::Warning => None,
        };
        let before = std::mem::replace(&mut self.status, status);
        let changed = before != status;
        if changed {
            self.changed = Some(now);
        }
        changed.then_some(before)
    }

    /// Has it been critical for strictly longer than this?
    pub fn overdue(&self, now: Time, after: Span) -> bool {
        self.critical_since.is_some_and(|since| now.since(since) > after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(s: u64) -> Time {
        Time::from_ns(s * 1_000_000_000)
    }

    #[test]
    fn a_check_begins_critical_and_follows_every_answer() {
        let mut check = Check::new(Status::Critical);
        let needed = Thresholds::default();
        assert_eq!(check.heard(Answer::Http(200), at(1), needed), Some(Status::Critical));
        assert_eq!(check.heard(Answer::Http(204), at(2), needed), None);
        assert_eq!(check.heard(Answer::Http(429), at(3), needed), Some(Status::Passing));
        assert_eq!(check.heard(Answer::Http(500), at(4), needed), Some(Status::Warning));
        assert_eq!((check.status, check.critical_since), (Status::Critical, Some(at(4))));
        assert_eq!(check.heard(Answer::TimedOut, at(9), needed), None);
        assert_eq!(check.critical_since, Some(at(4)), "it counts from the first bad answer");
    }

    #[test]
    fn so_many_in_a_row_are_needed() {
        let needed = Thresholds { passes: 2, failures: 3 };
        let mut check = Check::new(Status::Critical);
        let mut hear = |answer, s| {
            check.heard(answer, at(s), needed);
            check.status
        };
        assert_eq!(hear(Answer::Http(200), 1), Status::Critical);
        assert_eq!(hear(Answer::Error, 2), Status::Critical);
        assert_eq!(hear(Answer::Http(200), 3), Status::Critical);
        assert_eq!(hear(Answer::Http(200), 4), Status::Passing);
        assert_eq!(hear(Answer::Error, 5), Status::Passing);
        assert_eq!(hear(Answer::Error, 6), Status::Passing);
        assert_eq!(hear(Answer::Error, 7), Status::Critical);
    }

    #[test]
    fn what_was_never_tried_is_never_overdue() {
        let check = Check::new(Status::Critical);
        assert!(!check.overdue(at(1_000_000), Span::ZERO));
    }
}
