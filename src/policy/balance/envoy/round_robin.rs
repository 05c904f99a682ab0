//! Envoy's round robin: in turn while weights are equal, by deadlines when they differ.
//!
//! Equal weights: a counter walks the healthy hosts; the n-th request goes to host `n mod count`.
//! The counter begins at a random number and is not touched when the list changes, so a change
//! makes the walk jump. Different weights: earliest deadline first (`edf.rs`). Both generations of
//! that schedule are here under different names, because their order differs from the second cycle
//! on.
//!
//! 5, 1, 1 gives a a a a b c a: in bursts, where nginx gives a a b a c a a.
//! Source: Envoy `load_balancer_impl.cc`, `RoundRobinLoadBalancer`.

use super::edf::Generation;
use super::schedule::{SEED, Schedule, nobody, unhealthy};
use super::weight;
use crate::policy::Knobs;
use crate::policy::balance::{Ask, Backend, Balancer, Entry, Memory, Pick};
use crate::sim::{Line, Rng, Time, Why};

/// The state: a schedule, and a counter for when there is none.
#[derive(Clone, Debug)]
pub struct RoundRobin {
    schedule: Schedule,
    counter: Option<u64>,
}

impl RoundRobin {
    /// With no history.
    pub fn new(generation: Generation, knobs: &Knobs) -> RoundRobin {
        RoundRobin { schedule: Schedule::new(generation, knobs.get(&SEED)), counter: None }
    }
}

fn due(backend: &Backend) -> f64 {
    f64::from(weight(backend))
}

impl Balancer for RoundRobin {
    fn pick(&mut self, _: &Ask, backends: &[Backend], rng: &mut Rng, why: &mut Why) -> Pick {
        self.schedule.refresh(backends, rng, due);
        let numbers = |backend: &Backend| format!("weight {}", due(backend));
        if let Some(place) = self.schedule.pick(backends, why, due, numbers) {
            return Pick::Backend(place);
        }
        let count = self.schedule.hosts.len() as u64;
        if count == 0 {
            nobody(backends, why);
            return Pick::Nobody;
        }
        let seed = self.schedule.seed(rng);
        let counter = self.counter.get_or_insert(seed);
        let host = *counter % count;
        *counter = counter.wrapping_add(1);
        let place = self.schedule.hosts[host as usize];
        if why.wanted() {
            for (number, &place) in self.schedule.hosts.iter().enumerate() {
                why.line(|| Line {
                    subject: backends[place].name.to_string(),
                    numbers: format!("number {number} of the healthy"),
                    chosen: number as u64 == host,
                });
            }
            unhealthy(backends, why);
            let number = counter.wrapping_sub(1);
            why.say(|| {
                format!("All weights are equal: request {number} mod {count} healthy = {host}.")
            });
        }
        Pick::Backend(place)
    }

    fn added(&mut self, _: &[Backend]) {
        self.schedule.outdate();
    }

    fn removed(&mut self, _: usize, _: &[Backend]) {
        self.schedule.outdate();
    }

    fn changed(&mut self, _: usize, _: &[Backend]) {
        self.schedule.outdate();
    }

    fn memory(&self, _: &[Backend], _: Time) -> Memory {
        let next = |counter: u64| {
            let count = self.schedule.hosts.len() as u64;
            (count > 0).then(|| Memory::Cursor(self.schedule.hosts[(counter % count) as usize]))
        };
        let cursor = || self.counter.and_then(next).unwrap_or(Memory::Nothing);
        self.schedule.memory().unwrap_or_else(cursor)
    }

    fn check(&self, backends: &[Backend]) -> Result<(), String> {
        self.schedule.check(backends)
    }
}

/// The generation of today.
pub(super) const ENTRY: Entry = Entry {
    key: "envoy_round_robin",
    wire: 50,
    name: "Envoy round robin",
    whose: "Envoy since 2024 (createWithPicks), one worker thread",
    rule: "Equal weights: each healthy host in turn. Otherwise the earliest deadline, and the next \
           one is 1 / weight later.",
    cost: "O(1) with equal weights, else O(log n) time; one deadline per host",
    when: "Envoy's default. Hosts differ in capacity and the difference is known.",
    when_not: "Some requests take far longer than others, or a burst to the heaviest host hurts: \
               5, 1, 1 gives a a a a b c a.",
    source: "Envoy load_balancer_impl.cc and edf_scheduler.h, change 31592",
    knobs: &[SEED],
    make: |knobs| Box::new(RoundRobin::new(Generation::New, knobs)),
};

/// The generation before.
pub(super) const ENTRY_OLD: Entry = Entry {
    key: "envoy_round_robin_2023",
    wire: 51,
    name: "Envoy round robin, until 2023",
    whose: "Envoy until 2023 (schedule filled host by host), one worker thread",
    rule: "As today's, but the schedule begins empty and hosts are added one by one; ties of \
           deadlines then fall differently from the second cycle on.",
    cost: ENTRY.cost,
    when: "To compare with an older Envoy, or to see what rounding does to ties.",
    when_not: "The Envoy in question is of 2024 or later.",
    source: "Envoy edf_scheduler.h at 10f2a5bd",
    knobs: &[SEED],
    make: |knobs| Box::new(RoundRobin::new(Generation::Old, knobs)),
};

#[cfg(test)]
mod tests {
    use super::*;

    fn list(weights: &[i64]) -> Vec<Backend> {
        let backend = |(n, &weight): (usize, &i64)| {
            Backend::new(n as u32 + 1, &char::from(b'a' + n as u8).to_string(), weight)
        };
        weights.iter().enumerate().map(backend).collect()
    }

    fn seeded(seed: f64, entry: &Entry) -> Box<dyn Balancer> {
        let mut knobs = Knobs::default();
        knobs.set(entry.knobs, "seed", seed).expect("in range");
        (entry.make)(&knobs)
    }

    fn run(policy: &mut dyn Balancer, list: &[Backend], count: usize) -> String {
        let mut rng = Rng::from_seed(1);
        let mut pick = || policy.pick(&Ask::NOTHING, list, &mut rng, &mut Why::off());
        let name = |pick| match pick {
            Pick::Backend(place) => list[place].name.to_string(),
            _ => "-".to_owned(),
        };
        (0..count).map(|_| name(pick())).collect()
    }

    #[test]
    fn equal_weights_are_a_plain_walk_that_a_change_does_not_reset() {
        let mut list = list(&[7, 7, 7]);
        let mut policy = seeded(1.0, &ENTRY);
        assert_eq!(run(&mut *policy, &list, 4), "bcab");
        list[0].healthy = false;
        policy.changed(0, &list);
        // The counter stands at 5, and 5 mod 2 is 1.
        assert_eq!(run(&mut *policy, &list, 2), "cb");
        assert_eq!(policy.memory(&list, Time::ZERO), Memory::Cursor(2));
        assert_eq!(policy.check(&list), Ok(()));
    }

    #[test]
    fn different_weights_are_scheduled_and_a_change_begins_anew() {
        let mut list = list(&[5, 1, 1]);
        let mut policy = seeded(0.0, &ENTRY_OLD);
        assert_eq!(run(&mut *policy, &list, 3), "aaa");
        assert_eq!(policy.memory(&list, Time::ZERO), Memory::Order(vec![0, 1, 2]));
        list[0].healthy = false;
        policy.changed(0, &list);
        assert_eq!(run(&mut *policy, &list, 3), "bcb");
        list[0].healthy = true;
        policy.changed(0, &list);
        assert_eq!(run(&mut *policy, &list, 7), "aaaabca");
    }

    #[test]
    fn zero_and_less_count_as_one() {
        let mut policy = seeded(0.0, &ENTRY);
        assert_eq!(run(&mut *policy, &list(&[0, -5, 1]), 4), "abca");
    }

    #[test]
    fn says_who_is_due() {
        let list = list(&[2, 1]);
        let mut why = Why::on();
        let mut policy = seeded(0.0, &ENTRY_OLD);
        run(&mut *policy, &list, 1);
        policy.pick(&Ask::NOTHING, &list, &mut Rng::from_seed(1), &mut why);
        let rows: Vec<String> =
            why.lines.iter().map(|line| format!("{} {}", line.subject, line.numbers)).collect();
        assert_eq!(rows, ["b due at 1, weight 1", "a due at 1, weight 2"]);
        let words = "b is due first, at 1 and has waited longest. Its next time is 1 + 1 / 1 = 2.";
        assert_eq!(why.sentence, words);
    }
}
