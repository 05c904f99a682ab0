//! By chance: every healthy backend alike, or by weight.
//!
//! `random` draws one of the healthy places. `weighted_random` lays the weights of the healthy
//! end to end, draws a number below their sum and takes whoever it falls on; a weight below 1 is
//! drained and never drawn. Nothing is remembered, so any number of balancers can do it side by
//! side without agreeing on anything.

use super::healthy::Healthy;
use super::{Ask, Backend, Balancer, Entry, Pick};
use crate::sim::{Line, Rng, Why};

/// A number below `n`, uniform. Above 2^32 by multiplication, whose bias is below 2^-20 there for
/// all sums of weights that fit in 44 bits. Zero when `n` is zero.
pub(super) fn below(rng: &mut Rng, n: u64) -> u64 {
    match u32::try_from(n) {
        Ok(n) => u64::from(rng.below(n)),
        Err(_) => ((u128::from(rng.bits()) * u128::from(n)) >> 64) as u64,
    }
}

/// Every healthy backend with the same chance.
#[derive(Clone, Debug, Default)]
pub struct Random {
    healthy: Healthy,
}

impl Balancer for Random {
    fn pick(&mut self, _: &Ask, backends: &[Backend], rng: &mut Rng, why: &mut Why) -> Pick {
        let places = self.healthy.places();
        if places.is_empty() {
            why.say(|| format!("None of the {} servers is healthy.", backends.len()));
            return Pick::Nobody;
        }
        let n = places.len();
        let draw = rng.below(n as u32) as usize;
        let chosen = places[draw];
        if why.wanted() {
            why.lines.extend(places.iter().enumerate().map(|(number, &place)| Line {
                subject: backends[place].name.to_string(),
                numbers: format!("number {} of {n} healthy", number + 1),
                chosen: place == chosen,
            }));
        }
        let name = &backends[chosen].name;
        why.say(|| format!("Number {} of {n} was drawn: {name}.", draw + 1));
        Pick::Backend(chosen)
    }

    fn added(&mut self, backends: &[Backend]) {
        self.healthy.refresh(backends);
    }

    fn removed(&mut self, _: usize, backends: &[Backend]) {
        self.healthy.refresh(backends);
    }

    fn changed(&mut self, _: usize, backends: &[Backend]) {
        self.healthy.refresh(backends);
    }

    fn check(&self, backends: &[Backend]) -> Result<(), String> {
        self.healthy.check(backends)
    }
}

/// Every healthy backend with a chance that goes with its weight.
#[derive(Clone, Debug, Default)]
pub struct WeightedRandom {
    /// Where each backend's part of the numbers ends, in list order; added up anew when the list,
    /// a weight or somebody's health changes.
    ends: Vec<u64>,
}

impl WeightedRandom {
    fn refresh(&mut self, backends: &[Backend]) {
        self.ends.clear();
        self.ends.extend(backends.iter().scan(0u64, |end, backend| {
            *end = end.saturating_add(share(backend));
            Some(*end)
        }));
    }
}

/// What a weight counts for in a draw: nothing below 1.
fn share(backend: &Backend) -> u64 {
    match backend.healthy {
        true => u64::try_from(backend.weight).unwrap_or(0),
        false => 0,
    }
}

/// A row for everybody, with its part of the numbers that could be drawn.
fn explain(draw: u64, sum: u64, backends: &[Backend], why: &mut Why) {
    let mut start = 0u64;
    for backend in backends {
        let end = start.saturating_add(share(backend));
        why.line(|| Line {
            subject: backend.name.to_string(),
            numbers: match (backend.healthy, end > start) {
                (true, true) => format!("from {start} to {}", end - 1),
                (true, false) => format!("weight {}: never drawn", backend.weight),
                (false, _) => "unhealthy: not drawn".to_owned(),
            },
            chosen: (start..end).contains(&draw),
        });
        start = end;
    }
    why.say(|| format!("{draw} was drawn from 0 to {}.", sum - 1));
}

impl Balancer for WeightedRandom {
    fn pick(&mut self, _: &Ask, backends: &[Backend], rng: &mut Rng, why: &mut Why) -> Pick {
        let sum = self.ends.last().copied().unwrap_or(0);
        if sum == 0 {
            why.say(|| "Nobody is healthy and has a weight of 1 or more.".to_owned());
            return Pick::Nobody;
        }
        let draw = below(rng, sum);
        if why.wanted() {
            explain(draw, sum, backends, why);
        }
        // The first whose part ends beyond the draw. Who has no part ends where the last one did.
        Pick::Backend(self.ends.partition_point(|&end| end <= draw))
    }

    fn added(&mut self, backends: &[Backend]) {
        self.refresh(backends);
    }

    fn removed(&mut self, _: usize, backends: &[Backend]) {
        self.refresh(backends);
    }

    fn changed(&mut self, _: usize, backends: &[Backend]) {
        self.refresh(backends);
    }

    fn check(&self, backends: &[Backend]) -> Result<(), String> {
        let mut fresh = WeightedRandom::default();
        fresh.refresh(backends);
        match fresh.ends == self.ends {
            true => Ok(()),
            false => Err(format!("parts end at {:?}, kept are {:?}", fresh.ends, self.ends)),
        }
    }
}

/// Uniform.
pub(super) const RANDOM: Entry = Entry {
    key: "random",
    wire: 6,
    name: "Random",
    whose: "general; named in the course's list of strategies",
    rule: "One of the healthy servers, each with the same chance.",
    cost: "O(1) time; nothing is remembered between picks",
    when: "Many balancers that know nothing of each other, and many more requests than servers.",
    when_not: "Waiting matters: chance makes heaps, and with one server's worth of requests each \
               a third of them gets none. Two choices cost hardly more.",
    source: "System Design Basics, Questions and answers",
    knobs: &[],
    make: |_| Box::<Random>::default(),
};

/// By weight.
pub(super) const WEIGHTED_RANDOM: Entry = Entry {
    key: "weighted_random",
    wire: 7,
    name: "Weighted random",
    whose: "general; also one of the routing algorithms of AWS load balancers",
    rule: "One of the healthy servers, with a chance that goes with its weight; \
           a weight below 1 is never drawn.",
    cost: "O(log n) time; one number per server",
    when: "As random, for servers of different size, or to send 1 % of requests to a new version.",
    when_not: "Exact shares in short runs are needed: smooth weighted round robin has them.",
    source: "AWS Elastic Load Balancing guide, weighted random",
    knobs: &[],
    make: |_| Box::<WeightedRandom>::default(),
};

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(mut policy: Box<dyn Balancer>, list: &[Backend], n: u32) -> Vec<u32> {
        (1..=list.len()).for_each(|joined| policy.added(&list[..joined]));
        let (mut counts, rng) = (vec![0; list.len()], &mut Rng::from_seed(42));
        for _ in 0..n {
            match policy.pick(&Ask::NOTHING, list, rng, &mut Why::off()) {
                Pick::Backend(place) => counts[place] += 1,
                other => panic!("{other:?}"),
            }
        }
        counts
    }

    fn down(id: u32) -> Backend {
        Backend { healthy: false, ..Backend::new(id, "down", 9) }
    }

    #[test]
    fn alike_for_all_that_are_healthy() {
        let list = [Backend::new(1, "a", 1), down(2), Backend::new(3, "c", 9)];
        let counts = counts(Box::<Random>::default(), &list, 10_000);
        // Three standard deviations of a fair coin thrown ten thousand times are 150.
        assert!(counts[0].abs_diff(5_000) < 150 && counts[1] == 0, "{counts:?}");
    }

    #[test]
    fn by_weight_for_those_that_have_one() {
        let weights = [5, 0, 1, -3, 4];
        let mut list: Vec<Backend> =
            weights.iter().map(|&weight| Backend::new(1, "s", weight)).collect();
        list.push(down(6));
        let counts = counts(Box::<WeightedRandom>::default(), &list, 10_000);
        assert_eq!((counts[1], counts[3], counts[5]), (0, 0, 0));
        let near = |place: usize, ideal: u32| counts[place].abs_diff(ideal) < 150;
        assert!(near(0, 5_000) && near(2, 1_000) && near(4, 4_000), "{counts:?}");
    }

    #[test]
    fn the_rows_are_the_ranges_it_drew_from() {
        let list = [Backend::new(1, "a", 2), Backend::new(2, "b", 0), Backend::new(3, "c", 3)];
        let mut why = Why::on();
        let rng = &mut Rng::from_seed(3);
        let mut policy = WeightedRandom::default();
        policy.refresh(&list);
        policy.pick(&Ask::NOTHING, &list, rng, &mut why);
        let rows: Vec<&str> = why.lines.iter().map(|line| line.numbers.as_str()).collect();
        assert_eq!(rows, ["from 0 to 1", "weight 0: never drawn", "from 2 to 4"]);
        assert!(why.sentence.ends_with("was drawn from 0 to 4."), "{}", why.sentence);
    }
}
