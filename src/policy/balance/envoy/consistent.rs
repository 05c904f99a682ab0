//! What Envoy's ring hash and Maglev share: the hash of a request selects a host in a structure.
//!
//! The hash of a request is xxHash64 of its key; a request without a key gets a random one, as in
//! Envoy. The structure is built over the healthy hosts. With `host_retries` above zero, a host
//! that was already tried for this request is passed over, at most so many times; the last one
//! found is taken even so. That is Envoy with the `previous_hosts` predicate; without it (0) a
//! retry meets the same host again. With a balance factor, hosts that carry too much are passed
//! over (`bounded.rs`). Source: Envoy `thread_aware_lb_impl.cc`.

use super::bounded::{self, Slots};
use super::schedule::{nobody, unhealthy};
use super::{healthy, weight};
use crate::policy::balance::in_flight::InFlightSum;
use crate::policy::balance::{Answer, Ask, Backend, Balancer, Pick};
use crate::policy::hash::xxh64::xxh64;
use crate::policy::{Knob, Knobs};
use crate::sim::{Line, Rng, Why};

/// How often a host that was already tried may be passed over.
pub(super) const HOST_RETRIES: Knob = Knob {
    key: "host_retries",
    wire: 0,
    label: "Other hosts on a retry",
    unit: "",
    help: "How many times another host is looked for when the one found was already tried for this \
           request. 0 is Envoy without a retry host predicate.",
    min: 0.0,
    max: 100.0,
    default: 0.0,
    whole: true,
};

/// A structure that answers which host a hash belongs to.
pub trait Table: Clone + std::fmt::Debug + 'static {
    /// Builds it anew for these hosts: names and weights, in list order.
    fn build(&mut self, hosts: &[(&str, u64)]);

    /// The number of the host that `hash` belongs to, the `attempt`-th time (from 0) that one is
    /// looked for. `None` when there are no hosts.
    fn find(&self, hash: u64, attempt: u32) -> Option<usize>;

    /// How the answer came about, in numbers: `position 12 of 1024, 0x12ab`.
    fn numbers(&self, hash: u64, attempt: u32) -> String;
}

/// A strategy that hashes: the structure, and the hosts it was built over.
#[derive(Clone, Debug)]
pub struct Consistent<T> {
    table: T,
    stale: bool,
    retries: u32,
    /// Percent of the average that a host may carry. Zero is no bound.
    factor: u32,
    hosts: Vec<usize>,
    slots: Slots,
    in_flight: InFlightSum,
    order: Vec<u32>,
    /// The hosts whose rows were written for the last attempt, in their order. Empty when nobody is
    /// looking.
    met: Vec<usize>,
}

impl<T: Table> Consistent<T> {
    /// Without hosts. `factor` is the balance factor in percent; zero is no bound.
    pub fn new(table: T, knobs: &Knobs, factor: u32) -> Consistent<T> {
        let retries = knobs.count(&HOST_RETRIES) as u32;
        Consistent {
            table,
            stale: true,
            retries,
            factor,
            hosts: Vec::new(),
            slots: Slots::default(),
            in_flight: InFlightSum::default(),
            order: Vec::new(),
            met: Vec::new(),
        }
    }

    /// Builds what is out of date.
    fn refresh(&mut self, backends: &[Backend]) {
        if !self.stale {
            return;
        }
        self.stale = false;
        healthy(backends, &mut self.hosts);
        let host = |&place: &usize| (&*backends[place].name, u64::from(weight(&backends[place])));
        let hosts: Vec<(&str, u64)> = self.hosts.iter().map(host).collect();
        self.table.build(&hosts);
        self.slots = Slots::new(self.factor, hosts.iter().map(|host| host.1));
    }

    /// The number of the host for `hash`, bounded or not.
    fn find(
        &mut self,
        hash: u64,
        attempt: u32,
        backends: &[Backend],
        why: &mut Why,
    ) -> Option<usize> {
        let found = self.table.find(hash, attempt)?;
        self.met.clear();
        if self.factor == 0 {
            if why.wanted() {
                self.met.push(found);
            }
            why.line(|| Line {
                subject: backends[self.hosts[found]].name.to_string(),
                numbers: self.table.numbers(hash, attempt),
                chosen: false,
            });
            return Some(found);
        }
        let active = self.in_flight.of(backends, |_| true);
        let (hosts, slots, met) = (&self.hosts, &self.slots, &mut self.met);
        let load = |host: usize| slots.load(host, backends[hosts[host]].in_flight, active);
        let chosen = bounded::choose(found, hosts.len(), hash, &mut self.order, |host| {
            if why.wanted() {
                met.push(host);
            }
            why.line(|| Line {
                subject: backends[hosts[host]].name.to_string(),
                numbers: slots.numbers(host, backends[hosts[host]].in_flight, active),
                chosen: false,
            });
            load(host)
        });
        Some(chosen)
    }
}

impl<T: Table> Balancer for Consistent<T> {
    fn pick(&mut self, ask: &Ask, backends: &[Backend], rng: &mut Rng, why: &mut Why) -> Pick {
        self.refresh(backends);
        let hash = ask.key.map_or_else(|| rng.bits(), |key| xxh64(key, 0));
        let mut attempt = 0;
        let place = loop {
            let rows = why.lines.len();
            let Some(host) = self.find(hash, attempt, backends, why) else {
                nobody(backends, why);
                return Pick::Nobody;
            };
            let place = self.hosts[host];
            if attempt == self.retries || !ask.tried.contains(&place) {
                self.mark(rows, host, why);
                break place;
            }
            attempt += 1;
        };
        if why.wanted() {
            self.explain(ask, hash, attempt, place, backends, why);
        }
        Pick::Backend(place)
    }

    fn added(&mut self, _: &[Backend]) {
        self.outdate();
    }

    fn removed(&mut self, _: usize, _: &[Backend]) {
        self.outdate();
    }

    fn changed(&mut self, _: usize, _: &[Backend]) {
        self.outdate();
    }

    fn sent(&mut self, _: usize, _: &[Backend]) {
        self.in_flight.sent();
    }

    fn answered(&mut self, _: usize, _: &Answer, _: &[Backend]) {
        self.in_flight.answered();
    }

    fn reads_key(&self) -> bool {
        true
    }

    fn check(&self, backends: &[Backend]) -> Result<(), String> {
        let mut now = Vec::new();
        healthy(backends, &mut now);
        match self.stale || now == self.hosts {
            true => self.in_flight.check(backends, |_| true),
            false => Err(format!("built over {:?}, healthy {now:?}", self.hosts)),
        }
    }
}

impl<T: Table> Consistent<T> {
    fn outdate(&mut self) {
        self.stale = true;
        self.in_flight.outdate();
    }

    /// Marks the row of the host taken, among those from `rows` on, which are of the last attempt.
    fn mark(&self, rows: usize, host: usize, why: &mut Why) {
        let met = self.met.iter().position(|&met| met == host);
        if let Some(line) = met.and_then(|place| why.lines.get_mut(rows + place)) {
            line.chosen = true;
        }
    }

    /// Says why.
    fn explain(
        &self,
        ask: &Ask,
        hash: u64,
        attempt: u32,
        place: usize,
        backends: &[Backend],
        why: &mut Why,
    ) {
        let name = &backends[place].name;
        unhealthy(backends, why);
        let from = if ask.key.is_some() { "The key hashes to" } else { "No key: a random hash," };
        let numbers = self.table.numbers(hash, attempt);
        let end = match self.factor {
            0 => format!("it belongs to {name}"),
            _ => format!("{name} is the first that is not overloaded, or the least of all"),
        };
        why.say(|| format!("{from} {hash:#018x}: {numbers}; {end}."));
    }
}

#[cfg(test)]
mod tests {
    use super::super::maglev::{ENTRY, Maglev};
    use super::*;
    use crate::sim::Rng;

    fn list() -> Vec<Backend> {
        (0..6).map(|n| Backend::new(n + 1, &format!("127.0.0.1:9{n}"), 1)).collect()
    }

    fn policy(retries: f64) -> Consistent<Maglev> {
        let mut knobs = Knobs::default();
        knobs.set(ENTRY.knobs, "host_retries", retries).expect("in range");
        Consistent::new(Maglev::new(7), &knobs, 0)
    }

    fn pick(retries: f64, tried: &[usize], why: &mut Why) -> Pick {
        // xxHash64 of "foo" is 3 mod 7, and cell 3 is host 1's.
        let ask = Ask { key: Some(b"foo"), tried, ..Ask::NOTHING };
        policy(retries).pick(&ask, &list(), &mut Rng::from_seed(1), why)
    }

    #[test]
    fn a_retry_meets_the_same_host_unless_told_otherwise() {
        let mut why = Why::on();
        assert_eq!(pick(0.0, &[1], &mut why), Pick::Backend(1));
        let words = "The key hashes to 0x33bf00a859c4ba3f: cell 3 = hash mod 7; \
                     it belongs to 127.0.0.1:91.";
        assert_eq!(why.sentence, words);
        let Pick::Backend(other) = pick(1.0, &[1], &mut Why::off()) else { panic!("nobody") };
        assert_ne!(other, 1);
        // All were tried: the last one found is taken even so.
        assert_eq!(pick(1.0, &[0, 1, 2, 3, 4, 5], &mut Why::off()), Pick::Backend(other));
    }

    #[test]
    fn without_a_key_it_is_random() {
        let (mut policy, mut rng) = (policy(0.0), Rng::from_seed(1));
        let mut seen = [false; 6];
        for _ in 0..100 {
            if let Pick::Backend(place) =
                policy.pick(&Ask::NOTHING, &list(), &mut rng, &mut Why::off())
            {
                seen[place] = true;
            }
        }
        assert_eq!(seen, [true; 6]);
    }

    #[test]
    fn built_over_the_healthy_again_after_each_change() {
        let (mut policy, mut list) = (policy(0.0), list());
        let ask = Ask { key: Some(b"foo"), ..Ask::NOTHING };
        let rng = &mut Rng::from_seed(1);
        assert_eq!(policy.pick(&ask, &list, rng, &mut Why::off()), Pick::Backend(1));
        list[1].healthy = false;
        policy.changed(1, &list);
        let mut why = Why::on();
        let Pick::Backend(other) = policy.pick(&ask, &list, rng, &mut why) else {
            panic!("nobody")
        };
        assert_ne!(other, 1);
        assert_eq!(why.lines[1].numbers, "unhealthy: left out");
        assert_eq!(policy.check(&list), Ok(()));
        list[1].healthy = true;
        assert!(policy.check(&list).is_err(), "nobody said so");
        policy.changed(1, &list);
        assert_eq!(policy.pick(&ask, &list, rng, &mut Why::off()), Pick::Backend(1));
    }
}
