//! Adaptive LIFO: first in, first out while the line is short; the latest first while it is long.
//!
//! After Facebook's "Fail at Scale" (Maurer, 2015), which gives no number for "long": the threshold
//! is ours. With more than `threshold` waiting the latest is next, otherwise the earliest.

use std::collections::VecDeque;

use super::{Discipline, Entry, Make, Next, Waiting, row, take_out};
use crate::policy::Knob;
use crate::sim::{Time, Why};

/// Those who wait, the earliest first.
#[derive(Clone, Debug)]
struct AdaptiveLifo {
    threshold: usize,
    line: VecDeque<Waiting>,
}

impl AdaptiveLifo {
    fn latest_first(&self) -> bool {
        self.line.len() > self.threshold
    }
}

impl Discipline for AdaptiveLifo {
    fn push(&mut self, who: Waiting, _: Time) {
        self.line.push_back(who);
    }

    fn pop(&mut self, now: Time, why: &mut Why) -> Next {
        let (length, latest) = (self.line.len(), self.latest_first());
        let who = if latest { self.line.pop_back() } else { self.line.pop_front() };
        let Some(who) = who else { return Next::Nobody };
        why.line(|| row(&who, now, if latest { length } else { 1 }, length, true));
        why.say(|| match latest {
            true => format!("{length} are more than {}: the latest goes first.", self.threshold),
            false => format!("{length} are not more than {}: in order.", self.threshold),
        });
        Next::Serve(who)
    }

    fn remove(&mut self, id: u64) -> bool {
        take_out(&mut self.line, id)
    }

    fn len(&self) -> usize {
        self.line.len()
    }

    /// As if nobody else came: the latest until the line is short, then the earliest.
    fn waiting(&self) -> Vec<Waiting> {
        let long = self.line.len().saturating_sub(self.threshold);
        let latest = self.line.iter().rev().take(long);
        latest.chain(self.line.iter().take(self.line.len() - long)).copied().collect()
    }
}

const KNOBS: &[Knob] = &[Knob {
    key: "threshold",
    wire: 0,
    label: "Long is over",
    unit: "waiting",
    help: "With more than this in line the latest goes first.",
    min: 0.0,
    max: 1e6,
    default: 10.0,
    whole: true,
}];

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "adaptive_lifo",
    wire: 4,
    name: "Adaptive LIFO",
    whose: "after Facebook's; the threshold is ours",
    rule: "In order while the line is short, the latest first while it is long.",
    cost: "O(1) time; one entry for each who waits",
    when: "Fair in quiet times, and useful work in an overload. Goes well with CoDel's ideas.",
    when_not: "Those passed over never give up: they wait until the overload ends.",
    source: "B. Maurer, Fail at Scale, ACM Queue 13(8), 2015",
    knobs: KNOBS,
    make: Make::Line(|knobs| {
        let threshold = knobs.count(&KNOBS[0]);
        Box::new(AdaptiveLifo { threshold, line: VecDeque::new() })
    }),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_first_only_while_the_line_is_long() {
        let mut line = AdaptiveLifo { threshold: 2, line: VecDeque::new() };
        for id in 1..=5 {
            line.push(Waiting { id, since: Time::ZERO, priority: 0 }, Time::ZERO);
        }
        let foreseen: Vec<u64> = line.waiting().iter().map(|who| who.id).collect();
        let served: Vec<u64> = (0..5)
            .map(|_| match line.pop(Time::ZERO, &mut Why::off()) {
                Next::Serve(who) => who.id,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(served, [5, 4, 3, 1, 2]);
        assert_eq!(foreseen, served);
    }
}
