//! What the tests of this folder share: short lists, picks written as letters, and a fuzzer.

use crate::policy::Knobs;
use crate::policy::balance::{Answer, Ask, Backend, Balancer, Entry, Pick};
use crate::sim::{Rng, Span, Time, Why};
use proptest::prelude::*;

/// Servers a, b, c... with these weights, numbered from 1.
pub(super) fn list(weights: &[i64]) -> Vec<Backend> {
    let name = |place: usize| match place {
        0..26 => char::from(b'a' + place as u8).to_string(),
        _ => format!("s{place}"),
    };
    let backend =
        |(place, weight): (usize, &i64)| Backend::new(place as u32 + 1, &name(place), *weight);
    weights.iter().enumerate().map(backend).collect()
}

pub(super) fn names(list: &[Backend]) -> impl Iterator<Item = &str> {
    list.iter().map(|backend| &*backend.name)
}

/// The names of `count` picks about which nothing is known, one after another; `-` is nobody.
pub(super) fn picks(policy: &mut dyn Balancer, list: &[Backend], count: usize) -> String {
    (0..count).map(|_| one(policy, list, &Ask::NOTHING)).collect()
}

/// The name picked for `ask`.
pub(super) fn one(policy: &mut dyn Balancer, list: &[Backend], ask: &Ask) -> String {
    match policy.pick(ask, list, &mut Rng::from_seed(1), &mut Why::off()) {
        Pick::Backend(place) => list[place].name.to_string(),
        Pick::Nobody => "-".to_owned(),
        Pick::Crash(words) => words,
    }
}

/// Something that may happen to a balancer.
#[derive(Clone, Debug)]
pub(super) enum Happens {
    Joins { weight: i64, backup: bool, most: u32 },
    Leaves(usize),
    Weighs(usize, i64),
    Health(usize),
    Limit(usize, u32),
    Asks(Option<Vec<u8>>, Vec<usize>),
    Answers(usize),
}

pub(super) fn happenings() -> impl Strategy<Value = Vec<Happens>> {
    let weight = || prop_oneof![0..5i64, 0..=256i64, Just(-1), Just(i64::MIN), Just(i64::MAX)];
    let key = prop::option::of(prop::collection::vec(any::<u8>(), 0..6));
    let asks = (key, prop::collection::vec(0..9usize, 0..3));
    let one = prop_oneof![
        2 => (weight(), prop::bool::weighted(0.3), 0..3u32)
            .prop_map(|(weight, backup, most)| Happens::Joins { weight, backup, most }),
        1 => (0..8usize).prop_map(Happens::Leaves),
        1 => (0..8usize, weight()).prop_map(|(place, weight)| Happens::Weighs(place, weight)),
        1 => (0..8usize).prop_map(Happens::Health),
        1 => (0..8usize, 0..3u32).prop_map(|(place, most)| Happens::Limit(place, most)),
        6 => asks.prop_map(|(key, tried)| Happens::Asks(key, tried)),
        3 => (0..8usize).prop_map(Happens::Answers),
    ];
    prop::collection::vec(one, 1..60)
}

/// Lets it all happen: nothing panics, only usable servers are picked, reasons name the one picked,
/// and what the strategy keeps stays consistent.
pub(super) fn survives(entry: &Entry, knobs: &Knobs, happenings: Vec<Happens>) {
    let mut world = World { policy: (entry.make)(knobs), list: Vec::new(), joined: 0 };
    for happens in happenings {
        world.happens(happens);
        assert_eq!(world.policy.check(&world.list), Ok(()), "{}", entry.key);
        world.policy.memory(&world.list, Time::ZERO);
    }
}

struct World {
    policy: Box<dyn Balancer>,
    list: Vec<Backend>,
    joined: u32,
}

impl World {
    fn happens(&mut self, happens: Happens) {
        let count = self.list.len();
        match happens {
            Happens::Joins { weight, backup, most } if count < 8 => {
                self.joined += 1;
                let new = Backend::new(self.joined * 3, &format!("n{}", self.joined), weight);
                self.list.push(Backend { backup, in_flight_max: most, ..new });
                self.policy.added(&self.list);
            }
            Happens::Leaves(place) if place < count => {
                self.list.remove(place);
                self.policy.removed(place, &self.list);
            }
            Happens::Weighs(place, weight) if place < count => {
                self.list[place].weight = weight;
                self.policy.changed(place, &self.list);
            }
            Happens::Health(place) if place < count => {
                self.list[place].healthy ^= true;
                self.policy.changed(place, &self.list);
            }
            Happens::Limit(place, most) if place < count => {
                self.list[place].in_flight_max = most;
                self.policy.changed(place, &self.list);
            }
            Happens::Asks(key, tried) => self.asks(key.as_deref(), &tried),
            Happens::Answers(place) if place < count && self.list[place].in_flight > 0 => {
                self.list[place].in_flight -= 1;
                let answer = Answer { now: Time::ZERO, took: Span::ZERO, ok: true };
                self.policy.answered(place, &answer, &self.list);
            }
            _ => {}
        }
    }

    fn asks(&mut self, key: Option<&[u8]>, tried: &[usize]) {
        let ask = Ask { key, tried, ..Ask::NOTHING };
        let (mut why, rng) = (Why::on(), &mut Rng::from_seed(1));
        let silent = self.policy.clone().pick(&ask, &self.list, rng, &mut Why::off());
        let picked = self.policy.pick(&ask, &self.list, rng, &mut why);
        assert_eq!(silent, picked, "being watched changes nothing");
        assert!(!why.sentence.is_empty());
        let chosen: Vec<&str> =
            why.lines.iter().filter(|line| line.chosen).map(|line| &*line.subject).collect();
        match picked {
            Pick::Backend(place) => {
                assert!(self.list[place].healthy && self.list[place].weight > 0);
                assert_eq!(chosen, [&*self.list[place].name]);
                self.list[place].in_flight += 1;
                self.policy.sent(place, &self.list);
            }
            Pick::Nobody => assert!(chosen.is_empty()),
            Pick::Crash(words) => panic!("{words}"),
        }
    }
}
