//! Last in, first out: whoever came last is next.
//!
//! In an overload some are served at once and the others hardly ever; first in, first out would
//! serve everybody too late.

use std::collections::VecDeque;

use super::{Discipline, Entry, Make, Next, Waiting, row, take_out};
use crate::sim::{Time, Why};

/// Those who wait, the next last.
#[derive(Clone, Debug, Default)]
struct Lifo(VecDeque<Waiting>);

impl Discipline for Lifo {
    fn push(&mut self, who: Waiting, _: Time) {
        self.0.push_back(who);
    }

    fn pop(&mut self, now: Time, why: &mut Why) -> Next {
        let length = self.0.len();
        let Some(who) = self.0.pop_back() else { return Next::Nobody };
        why.line(|| row(&who, now, length, length, true));
        why.say(|| format!("#{} came last; {} wait on.", who.id, length - 1));
        Next::Serve(who)
    }

    fn remove(&mut self, id: u64) -> bool {
        take_out(&mut self.0, id)
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn waiting(&self) -> Vec<Waiting> {
        self.0.iter().rev().copied().collect()
    }
}

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "lifo",
    wire: 1,
    name: "Last in, first out",
    whose: "the textbook's",
    rule: "Whoever came last is next.",
    cost: "O(1) time; one entry for each who waits",
    when: "Those who have waited long have probably given up, and load comes in bursts.",
    when_not: "Fairness matters: under load the first to come starve.",
    source: "Textbook",
    knobs: &[],
    make: Make::Line(|_| Box::<Lifo>::default()),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_goes_first() {
        let mut line = Lifo::default();
        for id in [7, 8, 9] {
            line.push(Waiting { id, since: Time::ZERO, priority: 0 }, Time::ZERO);
        }
        assert!(line.remove(8));
        let ids: Vec<u64> = line.waiting().iter().map(|who| who.id).collect();
        assert_eq!(ids, [9, 7]);
        let mut why = Why::on();
        assert!(matches!(line.pop(Time::ZERO, &mut why), Next::Serve(Waiting { id: 9, .. })));
        assert_eq!(why.sentence, "#9 came last; 1 wait on.");
    }
}
