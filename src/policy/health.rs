//! Is a server to be used? What can be known of it from checks, and from requests.
//!
//! * [`Checked`]: HAProxy's counter. It goes from 0 to `rise + fall - 1`; the server is up from
//!   `rise` on. A good check adds one, and one that reaches `rise` fills it up; a bad one takes
//!   one, and one that falls below `rise` empties it. So it takes `fall` bad checks in a row to
//!   lose a server that was up, and `rise` good ones to have it back. Source: HAProxy 2.6
//!   `check.c`.
//! * [`Passive`]: nginx's `max_fails` and `fail_timeout`, on a clock that is exact (nginx's has
//!   whole seconds). So many failed requests, and it is out; after the time one request is let
//!   through, and an answer to it clears the failures. Source: nginx 1.22
//!   `ngx_http_upstream_round_robin.c`.

use crate::sim::{Span, Time};

/// A server that is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    rise: u32,
    fall: u32,
    count: u32,
}

impl Checked {
    /// A server taken to be up, which takes `fall` bad checks to be down and `rise` good ones to be
    /// up again; both are at least 1.
    pub fn new(rise: u32, fall: u32) -> Checked {
        let (rise, fall) = (rise.max(1), fall.max(1));
        Checked { rise, fall, count: rise + fall - 1 }
    }

    /// Is it up?
    pub fn is_up(&self) -> bool {
        self.count >= self.rise
    }

    /// A check went well, or not.
    pub fn heard(&mut self, well: bool) {
        let full = self.rise + self.fall - 1;
        self.count = match (well, self.count + 1 >= self.rise) {
            (true, true) if self.is_up() => full.min(self.count + 1),
            (true, true) => full,
            (true, false) => self.count + 1,
            (false, _) if self.count > self.rise => self.count - 1,
            (false, _) => 0,
        };
    }

    /// As HAProxy shows it: `UP`, `UP 2/3`, `DOWN 1/2`, `DOWN`.
    pub fn words(&self) -> String {
        let Checked { rise, fall, count } = *self;
        match count {
            0 => "DOWN".to_owned(),
            _ if !self.is_up() => format!("DOWN {count}/{rise}"),
            _ if count == rise + fall - 1 => "UP".to_owned(),
            _ => format!("UP {}/{fall}", count - rise + 1),
        }
    }
}

/// A server that is judged by the requests sent to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passive {
    fails: u32,
    /// The time of the last failure.
    accessed: Option<Time>,
    /// From when on it is left out, or when it was let through on trial.
    checked: Option<Time>,
}

impl Passive {
    /// A request is sent to it.
    pub fn sent(&mut self, now: Time, fail_timeout: Span) {
        if self.checked.is_none_or(|checked| now.since(checked) > fail_timeout) {
            self.checked = Some(now);
        }
    }

    /// A request was answered by it, or its connection failed.
    pub fn answered(&mut self, well: bool, now: Time) {
        if !well {
            self.fails = self.fails.saturating_add(1);
            (self.accessed, self.checked) = (Some(now), Some(now));
        } else if self.accessed < self.checked {
            self.fails = 0;
        }
    }

    /// Is it left out at `now`, and until when?
    pub fn out_until(&self, max_fails: u32, fail_timeout: Span, now: Time) -> Option<Time> {
        let checked = self.checked.filter(|_| max_fails > 0 && self.fails >= max_fails)?;
        (now.since(checked) <= fail_timeout).then(|| checked + fail_timeout)
    }

    /// Its failures so far that no answer has cleared.
    pub fn fails(&self) -> u32 {
        self.fails
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::ZERO + Span::from_millis(ms)
    }

    #[test]
    fn it_takes_fall_bad_checks_and_rise_good_ones_in_a_row() {
        let mut checked = Checked::new(2, 3);
        let mut seen = vec![checked.words()];
        for well in [false, false, true, false, false, true, false, false, false, true, false] {
            checked.heard(well);
            seen.push(checked.words());
        }
        // A good check while it is up takes back one bad one, as HAProxy counts.
        let expected = [
            "UP", "UP 2/3", "UP 1/3", "UP 2/3", "UP 1/3", "DOWN", "DOWN 1/2", "DOWN", "DOWN",
            "DOWN", "DOWN 1/2", "DOWN",
        ];
        assert_eq!(seen, expected);
        checked.heard(true);
        checked.heard(true);
        assert_eq!(checked.words(), "UP");
    }

    #[test]
    fn one_request_is_let_through_after_the_time_and_its_answer_decides() {
        let (max, timeout) = (2, Span::from_millis(100));
        let mut server = Passive::default();
        server.sent(at(0), timeout);
        server.answered(false, at(1));
        assert_eq!(server.out_until(max, timeout, at(1)), None, "one failure is not two");
        server.answered(false, at(2));
        assert_eq!(server.out_until(max, timeout, at(102)), Some(at(102)));
        assert_eq!(server.out_until(max, timeout, at(103)), None, "its time is over");
        server.sent(at(103), timeout);
        assert_eq!(server.out_until(max, timeout, at(104)), Some(at(203)), "one at a time");
        server.answered(true, at(105));
        assert_eq!((server.fails(), server.out_until(max, timeout, at(105))), (0, None));
        assert_eq!(server.out_until(0, timeout, at(1)), None, "0 is never");
    }
}
