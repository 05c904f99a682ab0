//! First in, first out: whoever has waited longest is next.
//!
//! The order of joining decides, not the time stamps.

use std::collections::VecDeque;

use super::{Discipline, Entry, Make, Next, Waiting, row, take_out};
use crate::sim::{Time, Why};

/// Those who wait, the next first.
#[derive(Clone, Debug, Default)]
struct Fifo(VecDeque<Waiting>);

impl Discipline for Fifo {
    fn push(&mut self, who: Waiting, _: Time) {
        self.0.push_back(who);
    }

    fn pop(&mut self, now: Time, why: &mut Why) -> Next {
        let length = self.0.len();
        let Some(who) = self.0.pop_front() else { return Next::Nobody };
        why.line(|| row(&who, now, 1, length, true));
        why.say(|| format!("#{} has waited longest of {length}.", who.id));
        Next::Serve(who)
    }

    fn remove(&mut self, id: u64) -> bool {
        take_out(&mut self.0, id)
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn waiting(&self) -> Vec<Waiting> {
        self.0.iter().copied().collect()
    }
}

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "fifo",
    wire: 0,
    name: "First in, first out",
    whose: "the textbook's",
    rule: "Whoever has waited longest is next.",
    cost: "O(1) time; one entry for each who waits",
    when: "Nearly always: it is fair, and the longest wait is the shortest possible.",
    when_not: "An overload lasts longer than clients wait: all that is served has been given up.",
    source: "Textbook",
    knobs: &[],
    make: Make::Line(|_| Box::<Fifo>::default()),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_the_order_of_joining() {
        let mut line = Fifo::default();
        for id in [7, 8, 9] {
            line.push(Waiting { id, since: Time::ZERO, priority: 0 }, Time::ZERO);
        }
        assert!(line.remove(8) && !line.remove(8));
        let mut why = Why::on();
        let now = Time::from_ns(20_000_000);
        assert!(matches!(line.pop(now, &mut why), Next::Serve(Waiting { id: 7, .. })));
        assert_eq!(why.lines[0].numbers, "waited 20.0 ms, place 1 of 2");
        assert!(matches!(line.pop(now, &mut why), Next::Serve(Waiting { id: 9, .. })));
        assert_eq!(line.pop(now, &mut why), Next::Nobody);
    }
}
