//! Smooth weighted round robin: by weight, but spread out.
//!
//! Every healthy backend's running weight grows by its weight; the largest is taken, the earliest
//! of equals; the winner then pays the sum of the healthy weights. With 5, 1, 1 that gives
//! a a b a c a a instead of a a a a a b c. Unhealthy backends are skipped and their running weight
//! stays frozen, neither reset nor decayed. A backend that joins begins at zero.
//!
//! This is the course's version, and nginx's as long as no request fails: nginx also lowers a
//! backend's *effective* weight after failures.

use super::{Ask, Backend, Balancer, Entry, Memory, Pick};
use crate::sim::{Line, Rng, Time, Why};

/// The state: one running weight per backend.
#[derive(Clone, Debug, Default)]
pub struct SmoothWeighted {
    running: Vec<i64>,
}

impl Balancer for SmoothWeighted {
    fn pick(&mut self, _: &Ask, backends: &[Backend], _: &mut Rng, why: &mut Why) -> Pick {
        debug_assert_eq!(backends.len(), self.running.len());
        let mut total = 0i64;
        let mut best: Option<usize> = None;
        for (place, backend) in backends.iter().enumerate() {
            let before = self.running[place];
            if backend.healthy {
                // As in Go, where sums that are too large wrap round.
                self.running[place] = before.wrapping_add(backend.weight);
                total = total.wrapping_add(backend.weight);
                if best.is_none_or(|best| self.running[place] > self.running[best]) {
                    best = Some(place);
                }
            }
            why.line(|| Line {
                subject: backend.name.to_string(),
                numbers: match backend.healthy {
                    true => sum(before, backend.weight),
                    false => format!("{} frozen, unhealthy", number(before)),
                },
                chosen: false,
            });
        }
        let Some(best) = best else {
            why.say(|| format!("None of the {} servers is healthy.", backends.len()));
            return Pick::Nobody;
        };
        let before = self.running[best];
        self.running[best] = before.wrapping_sub(total);
        if why.wanted() {
            why.lines[best].chosen = true;
            let healthy =
                if backends.iter().all(|backend| backend.healthy) { "" } else { "healthy " };
            why.sentence = format!(
                "{} has the largest running weight and pays the sum of the {healthy}weights: {}.",
                backends[best].name,
                sum(before, total.wrapping_neg())
            );
        }
        Pick::Backend(best)
    }

    fn added(&mut self, _: &[Backend]) {
        self.running.push(0);
    }

    fn removed(&mut self, place: usize, _: &[Backend]) {
        self.running.remove(place);
    }

    fn memory(&self, _: &[Backend], _: Time) -> Memory {
        Memory::Weights(self.running.clone())
    }
}

/// A number with a true minus sign.
pub(super) fn number(n: i64) -> String {
    n.to_string().replace('-', "\u{2212}")
}

/// `a + b = c`, or `a − |b| = c`.
pub(super) fn sum(a: i64, b: i64) -> String {
    let sign = if b < 0 { '\u{2212}' } else { '+' };
    format!("{} {sign} {} = {}", number(a), b.unsigned_abs(), number(a.wrapping_add(b)))
}

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "smooth_weighted",
    wire: 1,
    name: "Smooth weighted round robin",
    whose: "as in the course and as nginx while nothing fails",
    rule: "Running weights grow by the weight; the largest is taken and pays the sum of the \
           weights of the healthy.",
    cost: "O(n) time; one number per server",
    when: "Servers differ in capacity and the difference is known.",
    when_not: "The difference is not known or changes: weights do not notice a slow server.",
    source: "System Design Basics, Weighted Round Robin; nginx commit 52327e06",
    knobs: &[],
    make: |_| Box::<SmoothWeighted>::default(),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_sums_it_compared() {
        let list = [Backend::new(1, "s1", 5), Backend::new(2, "s2", 1), Backend::new(3, "s3", 1)];
        let mut policy = SmoothWeighted::default();
        list.iter().for_each(|_| policy.added(&list));
        let rng = &mut Rng::from_seed(1);
        policy.pick(&Ask::NOTHING, &list, rng, &mut Why::off());
        let mut why = Why::on();
        assert_eq!(policy.pick(&Ask::NOTHING, &list, rng, &mut why), Pick::Backend(0));
        let rows: Vec<&str> = why.lines.iter().map(|line| line.numbers.as_str()).collect();
        assert_eq!(rows, ["−2 + 5 = 3", "1 + 1 = 2", "1 + 1 = 2"]);
        let words =
            "s1 has the largest running weight and pays the sum of the weights: 3 − 7 = −4.";
        assert_eq!(why.sentence, words);
        // Who is unhealthy neither grows nor counts.
        let mut list = list;
        list[1].healthy = false;
        let mut why = Why::on();
        assert_eq!(policy.pick(&Ask::NOTHING, &list, rng, &mut why), Pick::Backend(2));
        assert_eq!(why.lines[1].numbers, "2 frozen, unhealthy");
        let words = "s3 has the largest running weight and pays the sum of the healthy weights: \
                     3 − 6 = −3.";
        assert_eq!(why.sentence, words);
    }
}
