//! Load shedding: refuse at the door what would only wait too long inside.
//!
//! Ours, and as simple as can be. A request is refused when at least `waiting` wait in line behind
//! the door, or when the one at the head of that line has waited longer than `age_ms`. The first
//! bounds the memory, the second the time: a line whose head is young is draining, however long it
//! is. 0 turns that half off.

use super::{Ask, Entry, Guard, Make, Verdict, explain, knobs};
use crate::policy::{Knob, Knobs};
use crate::sim::{Rng, Span, Time, Why};

/// The bounds, and what was seen last.
#[derive(Clone, Debug)]
struct Shed {
    waiting: Option<u32>,
    age: Option<Span>,
    seen: (u32, Span),
}

impl Guard for Shed {
    fn admit(&mut self, ask: &Ask, _: &mut Rng, why: &mut Why) -> Verdict {
        self.seen = (ask.waiting, ask.oldest);
        let long = self.waiting.is_some_and(|most| ask.waiting >= most);
        let old = self.age.is_some_and(|most| ask.oldest > most);
        let passes = !long && !old;
        explain(why, passes, "line", || {
            let most = self.waiting.map_or("any".to_owned(), |most| format!("below {most}"));
            let age = self.age.map_or("any".to_owned(), |age| format!("at most {age}"));
            let (waiting, oldest) = (ask.waiting, ask.oldest);
            let numbers = format!("{waiting} wait ({most}), the first for {oldest} ({age})");
            let sentence = match (long, old) {
                (true, _) => format!("{waiting} wait already."),
                (_, true) => format!("The first in line has waited {oldest} already."),
                _ => "The line is short and young enough.".to_owned(),
            };
            (numbers, sentence)
        });
        if passes { Verdict::Pass } else { Verdict::Refuse(None) }
    }

    fn state(&self, _: Time) -> String {
        let (waiting, oldest) = self.seen;
        format!("{waiting} in line, the first for {oldest}")
    }

    fn gauge(&self, _: Time) -> (f64, f64) {
        let waiting = f64::from(self.seen.0);
        (waiting, self.waiting.map_or(waiting, f64::from))
    }
}

const KNOBS: &[Knob] = &[
    Knob {
        key: "waiting",
        wire: 0,
        label: "Line shorter than",
        unit: "",
        help: "With so many in line more are refused; 0: any length will do.",
        min: 0.0,
        max: 1e6,
        default: 100.0,
        whole: true,
    },
    Knob {
        key: "age_ms",
        wire: 1,
        label: "First waits at most",
        unit: "ms",
        help: "When the first in line has waited longer more are refused; 0: any time will do.",
        min: 0.0,
        max: 3_600_000.0,
        default: 1000.0,
        whole: false,
    },
];

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "shed",
    wire: 20,
    name: "Load shedding",
    whose: "ours",
    rule: "A long line, or an old one, lets nobody in.",
    cost: "O(1) time; no memory",
    when: "An answer that comes too late is worth nothing: better a quick no.",
    when_not: "Every request must be done in the end, however late.",
    source: "The rule is stated here",
    knobs: KNOBS,
    make: Make::Guard(|knobs: &Knobs| {
        let waiting = Some(knobs::count(knobs, &KNOBS[0])).filter(|most| *most > 0);
        let age = Some(knobs::millis(knobs, &KNOBS[1])).filter(|most| *most > Span::ZERO);
        Box::new(Shed { waiting, age, seen: (0, Span::ZERO) })
    }),
};

#[cfg(test)]
mod tests {
    use super::knobs::with;
    use super::*;

    fn passes(set: &[(&str, f64)], waiting: u32, ms: u64) -> bool {
        let Make::Guard(make) = ENTRY.make else { panic!("it is a guard") };
        let ask = Ask { waiting, oldest: Span::from_millis(ms), ..Ask::at(Time::ZERO) };
        let mut guard = make(&with(KNOBS, set));
        guard.admit(&ask, &mut Rng::from_seed(1), &mut Why::on()) == Verdict::Pass
    }

    #[test]
    fn by_length_and_by_age() {
        assert!(passes(&[], 99, 1000) && !passes(&[], 100, 0) && !passes(&[], 0, 1001));
        assert!(passes(&[("waiting", 0.0)], u32::MAX, 0));
        assert!(passes(&[("age_ms", 0.0)], 0, 3_600_000));
        assert!(!passes(&[("waiting", 5.0)], 5, 0) && !passes(&[("age_ms", 5.0)], 0, 6));
    }
}
