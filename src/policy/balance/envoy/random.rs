//! Envoy's random: any healthy host, whatever its weight.
//!
//! `random mod count` picks among the healthy. No state, no coordination: after a restart of many
//! proxies at once nothing is in step. Loads vary more than with turns, as balls thrown into bins.
//! Source: Envoy `load_balancer_impl.cc`, `RandomLoadBalancer`.

use super::healthy;
use super::schedule::{nobody, unhealthy};
use crate::policy::balance::{Ask, Backend, Balancer, Entry, Pick};
use crate::sim::{Line, Rng, Why};

/// The state: who is healthy.
#[derive(Clone, Debug, Default)]
pub struct Random {
    hosts: Vec<usize>,
    known: bool,
}

impl Balancer for Random {
    fn pick(&mut self, _: &Ask, backends: &[Backend], rng: &mut Rng, why: &mut Why) -> Pick {
        if !self.known {
            self.known = true;
            healthy(backends, &mut self.hosts);
        }
        let count = self.hosts.len() as u64;
        if count == 0 {
            nobody(backends, why);
            return Pick::Nobody;
        }
        let drawn = rng.bits() % count;
        let place = self.hosts[drawn as usize];
        if why.wanted() {
            for (number, &place) in self.hosts.iter().enumerate() {
                why.line(|| Line {
                    subject: backends[place].name.to_string(),
                    numbers: format!("number {number} of the healthy"),
                    chosen: number as u64 == drawn,
                });
            }
            unhealthy(backends, why);
            why.say(|| format!("A random number mod {count} healthy came out as {drawn}."));
        }
        Pick::Backend(place)
    }

    fn added(&mut self, _: &[Backend]) {
        self.known = false;
    }

    fn removed(&mut self, _: usize, _: &[Backend]) {
        self.known = false;
    }

    fn changed(&mut self, _: usize, _: &[Backend]) {
        self.known = false;
    }
}

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "envoy_random",
    wire: 53,
    name: "Envoy random",
    whose: "Envoy's RANDOM",
    rule: "A healthy host at random, all with the same chance; weights are ignored.",
    cost: "O(1) time; the list of the healthy",
    when: "Many balancers that know nothing of each other, and hosts that are alike.",
    when_not: "Loads should stay close together: the lesser of two random ones is far better.",
    source: "Envoy load_balancer_impl.cc, RandomLoadBalancer",
    knobs: &[],
    make: |_| Box::<Random>::default(),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_healthy_has_the_same_chance_whatever_the_weight() {
        let mut list: Vec<Backend> =
            (0..5).map(|n| Backend::new(n + 1, "s", i64::from(n * 10))).collect();
        list[3].healthy = false;
        let (mut policy, mut rng) = (Random::default(), Rng::from_seed(7));
        let mut counts = [0; 5];
        for _ in 0..40_000 {
            if let Pick::Backend(n) = policy.pick(&Ask::NOTHING, &list, &mut rng, &mut Why::off()) {
                counts[n] += 1;
            }
        }
        assert_eq!(counts[3], 0);
        // Standard deviation 87: five of them on either side.
        let near = |count: &i32| (count - 10_000).abs() < 435;
        assert!([0, 1, 2, 4].iter().all(|&n| near(&counts[n])), "{counts:?}");
    }
}
