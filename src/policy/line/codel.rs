//! CoDel: drop from the head of the line while it has been slow for long.
//!
//! RFC 8289, section 5 (the rule and its constants; the arithmetic of time is ours: whole
//! nanoseconds, the square root as a float and cut). When somebody is taken from the head: if he
//! waited less than `target`, 5 ms, or the line now holds at most one more (the RFC: one largest
//! packet), the line is good. If it has not been good for `interval`, 100 ms, dropping begins: this
//! one is dropped, the next served, and the next drop is due `interval / sqrt(count)` later with
//! count 1. While dropping, each drop that falls due raises the count and sets the next one that
//! much after the one just done; as soon as the line is good again dropping ends. If it begins
//! again less than 16 intervals after the last drop was due, and there was more than one drop, it
//! takes up the count where that stood: as many as were added last time.

use std::collections::VecDeque;

use super::{Discipline, Entry, Make, Next, Waiting, take_out};
use crate::policy::Knob;
use crate::sim::{Line, Span, Time, Why};

/// Where a dequeue stands: it may turn several away before it serves one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// A new one begins.
    Begin,
    /// Dropping has just begun with one drop; the next is served.
    Entered,
    /// A drop that fell due has been done; more may have.
    Dropping,
}

/// The line and the RFC's variables.
#[derive(Clone, Debug)]
struct Codel {
    target: Span,
    interval: Span,
    line: VecDeque<Waiting>,
    step: Step,
    last: Time,
    /// When it will have been above the target for an interval.
    first_above: Option<Time>,
    dropping: bool,
    drop_next: Time,
    count: u32,
    last_count: u32,
}

impl Codel {
    fn new(target: Span, interval: Span) -> Codel {
        Codel {
            target,
            interval,
            line: VecDeque::new(),
            step: Step::Begin,
            last: Time::ZERO,
            first_above: None,
            dropping: false,
            drop_next: Time::ZERO,
            count: 0,
            last_count: 0,
        }
    }

    /// When the next drop is due after one at `at`.
    fn control_law(&self, at: Time) -> Time {
        let ns = self.interval.ns() as f64 / f64::from(self.count.max(1)).sqrt();
        at + Span::from_ns(ns as u64)
    }

    /// Takes the head; may it be dropped?
    fn take_head(&mut self) -> Option<(Waiting, bool)> {
        let Some(who) = self.line.pop_front() else {
            self.first_above = None;
            return None;
        };
        if self.last.since(who.since) < self.target || self.line.len() <= 1 {
            self.first_above = None;
            return Some((who, false));
        }
        let Some(at) = self.first_above else {
            self.first_above = Some(self.last + self.interval);
            return Some((who, false));
        };
        Some((who, self.last >= at))
    }

    /// The RFC's rule for where to begin the count.
    fn enter(&mut self) {
        let added = self.count.wrapping_sub(self.last_count);
        let sixteen = self.interval.ns().saturating_mul(16);
        let soon = self.last.since(self.drop_next).ns() < sixteen;
        self.dropping = true;
        self.count = if added > 1 && soon { added } else { 1 };
        self.drop_next = self.control_law(self.last);
        self.last_count = self.count;
    }

    /// What the drop just done goes by, and when the next is due.
    fn why_dropped(&self) -> String {
        let Codel { interval, count, .. } = self;
        let from = if self.step == Step::Entered { self.last } else { self.drop_next };
        let later = self.control_law(from).since(from);
        let next = format!("due {interval} / √{count} = {later}");
        match (self.step, count) {
            (Step::Entered, 1) => {
                format!("Slow for {interval} or longer: dropping begins; the next is {next} later.")
            }
            (Step::Entered, _) => format!(
                "Slow for {interval} or longer, again soon after the last spell: the count goes \
                 on at {count}; the next is {next} later."
            ),
            _ => format!(
                "Still slow, and a drop was due at {}: the count is {count}, the next is {next} \
                 after that.",
                self.drop_next
            ),
        }
    }

    /// Serves the head, or drops it: the RFC's dequeue, one decision at a time.
    fn next(&mut self) -> Next {
        let step = std::mem::replace(&mut self.step, Step::Begin);
        let Some((who, may_drop)) = self.take_head() else {
            self.dropping = false;
            return Next::Nobody;
        };
        if step == Step::Entered {
            return Next::Serve(who);
        }
        if step == Step::Begin && !self.dropping {
            if !may_drop {
                return Next::Serve(who);
            }
            self.enter();
            self.step = Step::Entered;
            return Next::Drop(who);
        }
        if !may_drop {
            self.dropping = false;
            return Next::Serve(who);
        }
        if step == Step::Dropping {
            self.drop_next = self.control_law(self.drop_next);
        }
        if self.last < self.drop_next {
            return Next::Serve(who);
        }
        self.count = self.count.saturating_add(1);
        self.step = Step::Dropping;
        Next::Drop(who)
    }
}

impl Discipline for Codel {
    fn push(&mut self, who: Waiting, now: Time) {
        self.last = self.last.max(now);
        self.line.push_back(who);
    }

    fn pop(&mut self, now: Time, why: &mut Why) -> Next {
        self.last = self.last.max(now);
        let next = self.next();
        if let (Next::Serve(who) | Next::Drop(who), true) = (next, why.wanted()) {
            let served = matches!(next, Next::Serve(_));
            let waited = self.last.since(who.since);
            why.line(|| Line {
                subject: format!("#{}", who.id),
                numbers: format!("waited {waited}, target {}", self.target),
                chosen: served,
            });
            why.say(|| match (served, self.dropping, self.first_above) {
                (false, ..) => self.why_dropped(),
                (true, true, _) => {
                    let wait = self.drop_next.since(self.last);
                    format!("Served; the next drop is due in {wait} if it stays slow.")
                }
                (true, false, Some(at)) if at > self.last => {
                    let wait = at.since(self.last);
                    format!("Served; dropping begins in {wait} if it stays slow.")
                }
                _ => "Served; the line is good.".to_owned(),
            });
        }
        next
    }

    fn remove(&mut self, id: u64) -> bool {
        take_out(&mut self.line, id)
    }

    fn len(&self) -> usize {
        self.line.len()
    }

    fn waiting(&self) -> Vec<Waiting> {
        self.line.iter().copied().collect()
    }
}

const TARGET: Knob = Knob {
    key: "target_ms",
    wire: 0,
    label: "Target",
    unit: "ms",
    help: "Who waited less than this came through a good line.",
    min: 0.001,
    max: 3_600_000.0,
    default: 5.0,
    whole: false,
};
const KNOBS: &[Knob] = &[
    TARGET,
    Knob {
        key: "interval_ms",
        wire: 1,
        label: "Interval",
        help: "How long the line must be slow before dropping begins.",
        default: 100.0,
        ..TARGET
    },
];

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "codel",
    wire: 3,
    name: "CoDel",
    whose: "RFC 8289, with its re-entry rule",
    rule: "Slow for a whole interval: drop from the head, ever more often, until it is fast again.",
    cost: "O(1) time; one entry for each who waits and five numbers",
    when: "A line should absorb bursts but not stand: it needs no tuning to the load.",
    when_not: "Nothing slows down when requests are dropped, and all must be done.",
    source: "RFC 8289 (2018), sections 4 and 5",
    knobs: KNOBS,
    make: Make::Line(|knobs| {
        let millis = |place: usize| Span::from_millis_f64(knobs.get(&KNOBS[place]));
        Box::new(Codel::new(millis(0), millis(1)))
    }),
};

#[cfg(test)]
mod tests;
