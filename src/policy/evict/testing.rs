//! What the tests of this room share: a cache with everything it needs, shown as text.

use super::{Access, Entry, Eviction};
use crate::policy::Knobs;
use crate::sim::{Rng, Span, Time, Why};

/// A cache under test, which checks itself after every request.
pub(super) struct Bench {
    pub(super) policy: Box<dyn Eviction>,
    pub(super) rng: Rng,
    /// The reasons of the last request.
    pub(super) why: Why,
    now: Time,
}

impl Bench {
    pub(super) fn new(entry: &Entry, capacity: usize) -> Bench {
        Bench::made(entry, capacity, Knobs::DEFAULTS)
    }

    /// With one knob set.
    pub(super) fn with(entry: &Entry, capacity: usize, knob: &str, value: f64) -> Bench {
        let mut knobs = Knobs::default();
        knobs.set(entry.knobs, knob, value).expect("a knob it has");
        Bench::made(entry, capacity, &knobs)
    }

    pub(super) fn made(entry: &Entry, capacity: usize, knobs: &Knobs) -> Bench {
        let policy = (entry.make)(knobs, capacity).expect("a capacity that is possible");
        Bench { policy, rng: Rng::from_seed(1), why: Why::off(), now: Time::ZERO }
    }

    /// Asks for these keys in turn: `h` for a hit, `.` for a miss.
    pub(super) fn ask(&mut self, keys: &[u64]) -> String {
        keys.iter().map(|&key| if self.once(key).is_hit() { 'h' } else { '.' }).collect()
    }

    pub(super) fn once(&mut self, key: u64) -> Access {
        self.why = Why::on();
        let access = self.policy.access(key, &mut self.rng, &mut self.why);
        self.policy.check().expect("its lists are consistent");
        access
    }

    /// Lets time pass.
    pub(super) fn wait(&mut self, span: Span) {
        self.now = self.now + span;
        self.policy.tick(self.now, &mut self.rng);
    }

    /// `T1 2 3 | T2 1`: lists with their keys, the next victim first.
    pub(super) fn shown(&self) -> String {
        self.text(|key, _| key.to_string())
    }

    /// `queue 1:1 2:0`: keys with their marks.
    pub(super) fn marks(&self) -> String {
        self.text(|key, mark| format!("{key}:{mark}"))
    }

    fn text(&self, one: impl Fn(u64, u64) -> String) -> String {
        let (mut out, mut queue) = (String::new(), "");
        for held in self.policy.held() {
            if held.queue != queue {
                out += if queue.is_empty() { "" } else { " | " };
                queue = held.queue;
                out += queue;
            }
            out += " ";
            out += &one(held.key, held.mark);
        }
        out
    }

    /// The rows of the last reason.
    pub(super) fn rows(&self) -> Vec<String> {
        let row = |line: &crate::sim::Line| {
            let chosen = if line.chosen { " (chosen)" } else { "" };
            format!("{} {}{chosen}", line.subject, line.numbers)
        };
        self.why.lines.iter().map(row).collect()
    }
}

/// How many of these requests miss.
pub(super) fn faults(entry: &Entry, capacity: usize, requests: &[u64]) -> usize {
    Bench::new(entry, capacity).ask(requests).matches('.').count()
}
