//! Strict priority: the most urgent first, and among those whoever has waited longest.
//!
//! 0 is the most urgent. Nothing is pre-empted and nobody grows more urgent with time, so the less
//! urgent starve: as long as the more urgent fill the workers by themselves, nobody else is served.

use std::collections::VecDeque;

use super::{Discipline, Entry, Make, Next, Waiting, row, take_out};
use crate::sim::{Line, Time, Why};

/// A line for each priority that was ever seen, the most urgent first.
#[derive(Clone, Debug, Default)]
struct Priority {
    lines: Vec<(u8, VecDeque<Waiting>)>,
    length: usize,
}

/// The first of a line, as a row of a decision: `priority 5, waited 20.0 ms, place 1 of 3`.
fn first(who: &Waiting, now: Time, of: usize, chosen: bool) -> Line {
    let plain = row(who, now, 1, of, chosen);
    Line { numbers: format!("priority {}, {}", who.priority, plain.numbers), ..plain }
}

impl Discipline for Priority {
    fn push(&mut self, who: Waiting, _: Time) {
        let place = match self.lines.binary_search_by_key(&who.priority, |(priority, _)| *priority)
        {
            Ok(place) => place,
            Err(place) => {
                self.lines.insert(place, (who.priority, VecDeque::new()));
                place
            }
        };
        self.lines[place].1.push_back(who);
        self.length += 1;
    }

    fn pop(&mut self, now: Time, why: &mut Why) -> Next {
        let Some((priority, line)) = self.lines.iter_mut().find(|(_, line)| !line.is_empty())
        else {
            return Next::Nobody;
        };
        let (priority, of) = (*priority, line.len());
        let Some(who) = line.pop_front() else { return Next::Nobody };
        self.length -= 1;
        why.line(|| first(&who, now, of, true));
        for (_, less) in self.lines.iter().filter(|(other, _)| *other > priority) {
            if let Some(who) = less.front() {
                why.line(|| first(who, now, less.len(), false));
            }
        }
        why.say(|| {
            format!("#{} is first of the {of} with priority {priority}, the most urgent.", who.id)
        });
        Next::Serve(who)
    }

    fn remove(&mut self, id: u64) -> bool {
        let removed = self.lines.iter_mut().any(|(_, line)| take_out(line, id));
        self.length -= usize::from(removed);
        removed
    }

    fn len(&self) -> usize {
        self.length
    }

    fn waiting(&self) -> Vec<Waiting> {
        self.lines.iter().flat_map(|(_, line)| line.iter().copied()).collect()
    }
}

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "priority",
    wire: 2,
    name: "Strict priority",
    whose: "the textbook's",
    rule: "The most urgent first; among equals whoever has waited longest. Others may starve.",
    cost: "O(p) time for p priorities in use; one entry for each who waits",
    when: "A few urgent requests must not wait behind many that can.",
    when_not: "The urgent alone can fill the server: the others are then never served.",
    source: "Textbook",
    knobs: &[],
    make: Make::Line(|_| Box::<Priority>::default()),
};

#[cfg(test)]
mod tests {
    use super::*;

    fn served(line: &mut Priority) -> u64 {
        match line.pop(Time::ZERO, &mut Why::off()) {
            Next::Serve(who) => who.id,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn urgent_first_and_in_order_among_equals() {
        let mut line = Priority::default();
        let who = |id, priority| Waiting { id, since: Time::ZERO, priority };
        for (id, priority) in [(1, 5), (2, 0), (3, 5), (4, 0), (5, 255)] {
            line.push(who(id, priority), Time::ZERO);
        }
        let ids: Vec<u64> = line.waiting().iter().map(|who| who.id).collect();
        assert_eq!(ids, [2, 4, 1, 3, 5]);
        let mut why = Why::on();
        assert_eq!(line.pop(Time::ZERO, &mut why), Next::Serve(who(2, 0)));
        let rows: Vec<&str> = why.lines.iter().map(|line| line.subject.as_str()).collect();
        assert_eq!(rows, ["#2", "#1", "#5"]);
        let numbers: Vec<&str> = why.lines.iter().map(|line| line.numbers.as_str()).collect();
        let priorities = ["priority 0", "priority 5", "priority 255"];
        let places = ["place 1 of 2", "place 1 of 2", "place 1 of 1"];
        let expected: Vec<String> =
            (0..3).map(|n| format!("{}, waited 0 ms, {}", priorities[n], places[n])).collect();
        assert_eq!(numbers, expected);
        assert!(line.remove(4) && line.len() == 3);
        assert_eq!(served(&mut line), 1);
    }

    #[test]
    fn the_less_urgent_starve() {
        let mut line = Priority::default();
        line.push(Waiting { id: 0, since: Time::ZERO, priority: 1 }, Time::ZERO);
        for id in 1..1000 {
            line.push(Waiting { id, since: Time::ZERO, priority: 0 }, Time::ZERO);
            assert_eq!(served(&mut line), id);
        }
        assert_eq!(served(&mut line), 0, "only once nobody else is there");
    }
}
