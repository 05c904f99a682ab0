//! Which backend gets this request?
//!
//! How to choose and what load means are separate axes: a strategy that compares loads is written
//! once, over [`Load`].
//!
//! To add a strategy: one file with a type, its `Balancer` and its `ENTRY`, and one line in
//! [`CATALOGUE`]. Menus, validation, links and the property tests below follow from that line.

mod bounded_ring;
pub mod envoy;
mod haproxy;
mod healthy;
mod in_flight;
mod ip_hash;
mod keyed;
mod least;
mod load;
mod maglev;
pub mod nginx;
mod power_of_two;
mod random;
mod rendezvous;
mod round_robin;
mod smooth_weighted;
mod sticky;
mod winner_tree;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

pub use bounded_ring::BoundedRing;
pub use haproxy::{
    HaproxyFirst, HaproxyHashed, HaproxyLeastConn, HaproxyRandom, HaproxyRoundRobin,
    HaproxyStaticRr, slow_start_period, slow_start_weight, weight_shown,
};
pub use ip_hash::AddressHash;
pub use least::Least;
pub use load::{InFlight, InFlightPerWeight, MeanResponse, PeakEwma, Steady};
pub use maglev::Maglev;
pub use power_of_two::P2c;
pub use random::{Random, WeightedRandom};
pub use rendezvous::Rendezvous;
pub use round_robin::RoundRobin;
pub use smooth_weighted::SmoothWeighted;
pub use sticky::Sticky;

use super::Knobs;
use crate::sim::{LinkId, Rng, Span, Time, Why};

/// One of the servers to choose from, as its balancer sees it.
#[derive(Clone, Debug)]
pub struct Backend {
    /// The link that leads to it.
    pub link: LinkId,
    /// Its name or address: for reasons, and for the algorithms that hash it.
    pub name: Arc<str>,
    /// Its number among all that ever joined this balancer, from 1. Never moves, never reused.
    pub id: u32,
    /// Its weight. Zero and negative are accepted, as in the course.
    pub weight: i64,
    /// May it be chosen? False while it is marked unhealthy, disabled or down.
    pub healthy: bool,
    /// When it joined this balancer.
    pub joined: Time,
    /// Requests sent to it and not yet answered: waiting and in service alike.
    pub in_flight: u32,
    /// The most requests it may have in flight; 0 is no limit. Only the strategies that say so
    /// look at it.
    pub in_flight_max: u32,
    /// To be used only when no other can be? Only the strategies that say so look at it.
    pub backup: bool,
}

impl Backend {
    /// Backend number `id`, healthy, with nothing in flight, no limit and no link.
    pub fn new(id: u32, name: &str, weight: i64) -> Backend {
        Backend {
            link: LinkId(0),
            name: name.into(),
            id,
            weight,
            healthy: true,
            joined: Time::ZERO,
            in_flight: 0,
            in_flight_max: 0,
            backup: false,
        }
    }
}

/// What is known about the request when a backend is chosen for it.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// When.
    pub now: Time,
    /// What it asks for, if it has a key. An empty key is a key.
    pub key: Option<&'a [u8]>,
    /// Where it comes from.
    pub client: IpAddr,
    /// Places in the list that were already tried for this very request, in that order.
    pub tried: &'a [usize],
}

impl Ask<'_> {
    /// A request about which nothing is known, at time zero.
    pub const NOTHING: Ask<'static> =
        Ask { now: Time::ZERO, key: None, client: IpAddr::V4(Ipv4Addr::UNSPECIFIED), tried: &[] };
}

/// How a request that was sent to a backend came back.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// When.
    pub now: Time,
    /// From being sent to being back.
    pub took: Span,
    /// Did the server answer at all, be it with an error? False when its connection was refused or
    /// lost.
    pub ok: bool,
}

/// What a balancer decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// The backend at this place in the list.
    Backend(usize),
    /// None can be chosen.
    Nobody,
    /// The algorithm itself fell over, with the words a person would see in the log.
    Crash(String),
}

/// What a balancer keeps between picks, for pictures and tests.
#[derive(Clone, Debug, PartialEq)]
pub enum Memory {
    /// Nothing but what the list itself says.
    Nothing,
    /// The place in the list from which the next scan starts.
    Cursor(usize),
    /// One running weight per backend, in list order, unhealthy ones included.
    Weights(Vec<i64>),
    /// One number per backend, in list order, with its unit: the smaller, the sooner chosen.
    Loads(Vec<f64>, &'static str),
    /// The places in the list in the order in which they come next, as far as that is known.
    Order(Vec<usize>),
}

/// A way to choose. The list keeps its order; whoever changes it says so at once, after the change.
pub trait Balancer: dyn_clone::DynClone + std::fmt::Debug {
    /// Chooses for one request. Same state, same request, same bits of `rng`: same choice.
    fn pick(&mut self, ask: &Ask, backends: &[Backend], rng: &mut Rng, why: &mut Why) -> Pick;

    /// The backend at the end of the list was appended.
    fn added(&mut self, backends: &[Backend]);

    /// The backend that was at `place` was taken out; those after it moved up.
    fn removed(&mut self, place: usize, backends: &[Backend]);

    /// Weight, health, limit or name of the backend at `place` changed.
    fn changed(&mut self, _place: usize, _backends: &[Backend]) {}

    /// A request was sent to `place`: its number in flight has just gone up.
    fn sent(&mut self, _place: usize, _backends: &[Backend]) {}

    /// A request came back from `place`: its number in flight has just gone down.
    fn answered(&mut self, _place: usize, _answer: &Answer, _backends: &[Backend]) {}

    /// Does it look at the key of a request? Otherwise nobody needs to spell it out.
    fn reads_key(&self) -> bool {
        false
    }

    /// Does it look at how long answers took? Otherwise nobody needs to keep the times.
    fn reads_times(&self) -> bool {
        false
    }

    /// Does it look at limits itself? If so and it still names a server that is full, the request
    /// is to wait for that very server; otherwise full servers have to be kept from it.
    fn knows_limits(&self) -> bool {
        false
    }

    /// Is it asked although others wait already? If not, the next request goes to the end of their
    /// queue and no choice is made for it.
    fn asked_past_queue(&self) -> bool {
        false
    }

    /// May the server at `place` take a request that waits for whoever has room?
    fn takes_waiting(&self, place: usize, backends: &[Backend]) -> bool {
        backends.get(place).is_some_and(|backend| backend.healthy)
    }

    /// What it keeps between picks, as it stands at `_now`.
    fn memory(&self, _backends: &[Backend], _now: Time) -> Memory {
        Memory::Nothing
    }

    /// Is what it keeps consistent with the list? For tests, at the end of a run.
    ///
    /// # Errors
    /// Says what is not.
    fn check(&self, _backends: &[Backend]) -> Result<(), String> {
        Ok(())
    }
}

dyn_clone::clone_trait_object!(Balancer);

/// How busy is a backend? The smaller, the sooner it is chosen.
pub trait Load: Clone + std::fmt::Debug {
    /// Its name in reasons: `requests in flight`.
    const NAME: &'static str;

    /// The unit in which it is shown, and the load times what is that unit.
    const UNIT: (&'static str, f64) = ("", 1.0);

    /// Is it made from how long answers took?
    const FROM_TIMES: bool = false;

    /// The load of the backend at `place`.
    fn load(&self, place: usize, backends: &[Backend], now: Time) -> f64;

    /// The numbers behind it, in a few words a student can check: `2 in flight / weight 5 = 0.4`.
    fn numbers(&self, place: usize, backends: &[Backend], now: Time) -> String;

    /// It was looked at for a choice.
    fn looked(&mut self, _place: usize, _now: Time) {}

    /// As in [`Balancer::added`].
    fn added(&mut self, _backends: &[Backend]) {}

    /// As in [`Balancer::removed`].
    fn removed(&mut self, _place: usize, _backends: &[Backend]) {}

    /// As in [`Balancer::answered`].
    fn answered(&mut self, _place: usize, _answer: &Answer, _backends: &[Backend]) {}
}

/// A strategy as people meet it.
pub type Entry = super::Entry<fn(&Knobs) -> Box<dyn Balancer>>;

/// Every strategy there is.
#[rustfmt::skip] // One a line, so that two edits do not collide.
pub const CATALOGUE: &[&Entry] = &[
    &round_robin::ENTRY,
    &smooth_weighted::ENTRY,
    &round_robin::ENTRY_AS_IN_COURSE,
    &least::LEAST_CONNECTIONS,
    &least::LEAST_RESPONSE_TIME,
    &ip_hash::ENTRY,
    &random::RANDOM,
    &random::WEIGHTED_RANDOM,
    &least::WEIGHTED_LEAST_CONNECTIONS,
    &power_of_two::POWER_OF_TWO,
    &power_of_two::PEAK_EWMA,
    &sticky::ENTRY,
    &nginx::ROUND_ROBIN,
    &nginx::LEAST_CONN,
    &nginx::IP_HASH,
    &nginx::HASH,
    &nginx::HASH_CONSISTENT,
    &nginx::RANDOM,
    &nginx::RANDOM_TWO,
    &haproxy::roundrobin::ENTRY,
    &haproxy::static_rr::ENTRY,
    &haproxy::leastconn::ENTRY,
    &haproxy::first::ENTRY,
    &haproxy::hashed::ENTRY_SOURCE,
    &haproxy::hashed::ENTRY_URI,
    &haproxy::hashed::ENTRY_KEY,
    &haproxy::random::ENTRY,
    envoy::ROUND_ROBIN,
    envoy::ROUND_ROBIN_OLD,
    envoy::LEAST_REQUEST,
    envoy::RANDOM,
    envoy::RING_HASH,
    envoy::MAGLEV,
    envoy::BOUNDED_LOAD,
    &maglev::ENTRY,
    &rendezvous::ENTRY,
    &bounded_ring::ENTRY,
];

/// The strategy with this name in scenario files.
pub fn find(key: &str) -> Option<&'static Entry> {
    super::find(CATALOGUE, key)
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Rng;
    use proptest::prelude::*;

    fn backends(healthy: &[bool]) -> Vec<Backend> {
        let make = |(place, &healthy): (usize, &bool)| Backend {
            healthy,
            ..Backend::new(place as u32 + 1, &format!("s{place}"), place as i64 + 1)
        };
        healthy.iter().enumerate().map(make).collect()
    }

    #[test]
    fn names_and_numbers_are_unique() {
        for (place, entry) in CATALOGUE.iter().enumerate() {
            for other in &CATALOGUE[..place] {
                assert!(entry.key != other.key && entry.wire != other.wire, "{}", entry.key);
            }
            assert_eq!(find(entry.key).map(|found| found.wire), Some(entry.wire));
        }
    }

    proptest! {
        /// Whatever the strategy: a healthy backend when there is one, nobody when there is none,
        /// and reasons that mark exactly the one chosen.
        #[test]
        fn only_the_healthy_are_picked(
            which in 0..CATALOGUE.len(),
            rounds in prop::collection::vec(prop::collection::vec(any::<bool>(), 5), 1..40),
        ) {
            let mut policy = (CATALOGUE[which].make)(Knobs::DEFAULTS);
            let mut rng = Rng::from_seed(1);
            let mut list = backends(&[true; 5]);
            for joined in 1..=5 {
                policy.added(&list[..joined]);
            }
            for healthy in rounds {
                for (place, &healthy) in healthy.iter().enumerate() {
                    list[place].healthy = healthy;
                    policy.changed(place, &list);
                }
                let ask = Ask { key: Some(b"user:1"), ..Ask::NOTHING };
                let mut why = Why::on();
                match policy.pick(&ask, &list, &mut rng, &mut why) {
                    Pick::Backend(place) => {
                        prop_assert!(list[place].healthy);
                        let chosen: Vec<&str> = why.lines.iter()
                            .filter(|line| line.chosen)
                            .map(|line| line.subject.as_str())
                            .collect();
                        prop_assert_eq!(chosen, vec![&*list[place].name]);
                        prop_assert!(!why.sentence.is_empty());
                    }
                    Pick::Nobody => prop_assert!(healthy.iter().all(|up| !up)),
                    Pick::Crash(words) => prop_assert!(false, "{}", words),
                }
            }
        }
    }
}
