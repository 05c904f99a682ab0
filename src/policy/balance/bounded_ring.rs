//! Consistent hashing with bounded loads: a ring on which nobody may carry more than its part.
//!
//! With m requests in flight and n backends, this one included in m, a backend may carry `ceil(c *
//! m / n)`, c being above 1; with weights `ceil(c * m * weight / sum of weights)`, over the
//! healthy. The request goes to the first backend clockwise from its hash that has room. Somebody
//! always has: the capacities add up to c * m or more. Keys stay where they are until a backend is
//! full; a small c moves many and evens out well, a large one is a plain ring.
//!
//! In the paper a change of m may also move requests that were placed before, which nobody can do
//! with requests that are being served: here a capacity that shrinks leaves those in place. In
//! flight is waiting and in service alike. The paper has one point per server; more of them make
//! the ring itself more even. A weight of zero or less gets nothing. Points are xxHash64 of
//! `name_i`, and a request without a key is placed by its client's address. Source: Mirrokni,
//! Thorup and Zadimoghaddam, "Consistent Hashing with Bounded Loads", SODA 2018.

use super::in_flight::InFlightSum;
use super::keyed::key_or_client;
use super::{Answer, Ask, Backend, Balancer, Entry, Pick};
use crate::policy::hash::xxh64::xxh64;
use crate::policy::place::hash_ring::HashRing;
use crate::policy::{Knob, Knobs};
use crate::sim::{Line, Rng, Why};

/// More points than this are not made: above a sum of weights of 800, all have fewer per weight,
/// and a newcomer then takes some away from everybody.
const POINTS_MAX: f64 = 131_072.0;

/// The state: the ring of the healthy, whose owners are places in the list.
#[derive(Clone, Debug)]
pub struct BoundedRing {
    percent: u64,
    points: f64,
    stale: bool,
    total_weight: u64,
    ring: HashRing,
    /// In flight to the healthy.
    in_flight: InFlightSum,
}

impl BoundedRing {
    /// Without backends.
    pub fn new(knobs: &Knobs) -> BoundedRing {
        BoundedRing {
            percent: knobs.count(&FACTOR) as u64,
            points: knobs.get(&POINTS),
            stale: true,
            total_weight: 0,
            ring: HashRing::default(),
            in_flight: InFlightSum::default(),
        }
    }

    fn refresh(&mut self, backends: &[Backend]) {
        if !self.stale {
            return;
        }
        self.stale = false;
        let weights = backends.iter().map(usable);
        self.total_weight = weights.fold(0, u64::saturating_add);
        let scale = self.points.min(POINTS_MAX / self.total_weight as f64);
        let mut points = Vec::new();
        for (place, backend) in backends.iter().enumerate() {
            let count = (usable(backend) as f64 * scale).ceil() as u64;
            let point = |i: u64| xxh64(format!("{}_{i}", backend.name).as_bytes(), 0);
            points.extend((0..count).map(|i| (point(i), place as u32)));
        }
        self.ring = HashRing::new(points);
    }

    fn outdate(&mut self) {
        self.stale = true;
        self.in_flight.outdate();
    }

    /// How many a backend may carry when `all` are in flight, the one asked for included.
    fn capacity(&self, backend: &Backend, all: u64) -> u64 {
        let most = u128::from(self.percent) * u128::from(all) * u128::from(usable(backend));
        let each = u128::from(self.total_weight).max(1) * 100;
        u64::try_from(most.div_ceil(each)).unwrap_or(u64::MAX)
    }
}

/// The weight that counts: zero for the unhealthy.
fn usable(backend: &Backend) -> u64 {
    match backend.healthy {
        // 32 bits, so that no product above can overflow 128.
        true => backend.weight.clamp(0, i64::from(u32::MAX)) as u64,
        false => 0,
    }
}

impl Balancer for BoundedRing {
    fn pick(&mut self, ask: &Ask, backends: &[Backend], _: &mut Rng, why: &mut Why) -> Pick {
        self.refresh(backends);
        let hash = key_or_client(ask, |bytes| xxh64(bytes, 0));
        let all = self.in_flight.of(backends, |backend| backend.healthy) + 1;
        // Whose row is there already: one has many points. Never filled when nobody is looking.
        let mut met = Vec::new();
        for (position, place) in self.ring.walk(hash) {
            let backend = &backends[place as usize];
            let (own, capacity) = (u64::from(backend.in_flight), self.capacity(backend, all));
            let room = own < capacity;
            if why.wanted() && !met.contains(&place) {
                met.push(place);
                let full = if room { "" } else { ": full" };
                why.line(|| Line {
                    subject: backend.name.to_string(),
                    numbers: format!("point {position:#018x}, {own} of {capacity}{full}"),
                    chosen: room,
                });
            }
            if room {
                let percent = self.percent;
                let weight = usable(backend);
                let total = self.total_weight;
                why.say(|| {
                    format!(
                        "From {hash:#018x} on, {} is the first with room: {own} of \
                         {percent} % * {all} * {weight} / {total}, rounded up to {capacity}.",
                        backend.name
                    )
                });
                return Pick::Backend(place as usize);
            }
        }
        why.say(|| format!("None of the {} servers is healthy and has weight.", backends.len()));
        Pick::Nobody
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

    fn sent(&mut self, place: usize, backends: &[Backend]) {
        if backends[place].healthy {
            self.in_flight.sent();
        }
    }

    fn answered(&mut self, place: usize, _: &Answer, backends: &[Backend]) {
        if backends[place].healthy {
            self.in_flight.answered();
        }
    }

    fn check(&self, backends: &[Backend]) -> Result<(), String> {
        self.in_flight.check(backends, |backend| backend.healthy)
    }

    fn reads_key(&self) -> bool {
        true
    }
}

const FACTOR: Knob = Knob {
    key: "factor",
    wire: 0,
    label: "Factor",
    unit: "%",
    help: "How much of the average a backend may carry, the c of the paper: 125 is 1.25 times.",
    min: 101.0,
    max: 10_000.0,
    default: 125.0,
    whole: true,
};

const POINTS: Knob = Knob {
    key: "points",
    wire: 1,
    label: "Points",
    unit: "per weight",
    help: "How many points on the ring a backend has for each unit of its weight.",
    min: 1.0,
    max: 1000.0,
    default: 160.0,
    whole: true,
};

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "bounded_ring",
    wire: 59,
    name: "Ring with bounded loads",
    whose: "Mirrokni, Thorup and Zadimoghaddam 2018, on requests in flight",
    rule: "Clockwise from the key's hash, the first backend that carries less than c times the \
           average, rounded up.",
    cost: "O(log p) time, and a step for each full backend met; 16 bytes a point",
    when: "Keys should stay with their backend, but none may be drowned by a hot one.",
    when_not: "Keys must never move. Or the next one on the ring cannot take an overflow: \
               Envoy's version spreads it.",
    source: "Consistent Hashing with Bounded Loads, SODA 2018, arXiv 1608.01350",
    knobs: &[FACTOR, POINTS],
    make: |knobs| Box::new(BoundedRing::new(knobs)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Rng, Span, Time};
    use proptest::prelude::*;

    const ANSWER: Answer = Answer { now: Time::ZERO, took: Span::ZERO, ok: true };

    fn list(in_flight: &[u32]) -> Vec<Backend> {
        let backend = |(n, &in_flight): (usize, &u32)| Backend {
            in_flight,
            ..Backend::new(n as u32 + 1, &format!("s{n}"), 1)
        };
        in_flight.iter().enumerate().map(backend).collect()
    }

    fn pick(policy: &mut BoundedRing, list: &[Backend], key: &[u8], why: &mut Why) -> Pick {
        let ask = Ask { key: Some(key), ..Ask::NOTHING };
        policy.pick(&ask, list, &mut Rng::from_seed(1), why)
    }

    #[test]
    fn a_hot_key_overflows_to_the_next() {
        let mut list = list(&[0, 0, 0, 0]);
        let mut policy = BoundedRing::new(Knobs::DEFAULTS);
        let mut taken = Vec::new();
        for _ in 0..8 {
            if let Pick::Backend(place) = pick(&mut policy, &list, b"hot", &mut Why::off()) {
                list[place].in_flight += 1;
                policy.sent(place, &list);
                taken.push(place);
            }
        }
        let home = taken[0];
        // ceil(1.25 * m / 4) is 1 for m to 3, 2 from 4 on and 3 from 7 on.
        let at_home: Vec<bool> = taken.iter().map(|place| *place == home).collect();
        assert_eq!(at_home, [true, false, false, true, false, false, true, false]);
        let mut why = Why::on();
        pick(&mut policy, &list, b"hot", &mut why);
        assert!(why.lines[0].numbers.ends_with("3 of 3: full"), "{:?}", why.lines);
        assert!(why.sentence.contains("of 125 % * 9 * 1 / 4, rounded up to 3."));
    }

    #[test]
    fn a_larger_factor_moves_fewer_and_fewer_points_are_less_even() {
        let with = |key: &str, value: f64| {
            let mut knobs = Knobs::default();
            knobs.set(ENTRY.knobs, key, value).expect("in range");
            BoundedRing::new(&knobs)
        };
        let at_home = |mut policy: BoundedRing| {
            let mut list = list(&[0; 10]);
            for _ in 0..100 {
                if let Pick::Backend(place) = pick(&mut policy, &list, b"hot", &mut Why::off()) {
                    list[place].in_flight += 1;
                    policy.sent(place, &list);
                }
            }
            list.iter().map(|backend| backend.in_flight).max()
        };
        let peaks = [101.0, 200.0, 1000.0].map(|percent| at_home(with("factor", percent)));
        assert_eq!(peaks, [11, 20, 100].map(Some));
        let idle = list(&[0; 10]);
        let largest = |mut policy: BoundedRing| {
            let mut counts = [0; 10];
            for n in 0..2000u32 {
                if let Pick::Backend(place) =
                    pick(&mut policy, &idle, &n.to_le_bytes(), &mut Why::off())
                {
                    counts[place] += 1;
                }
            }
            counts.into_iter().max()
        };
        assert!(largest(with("points", 1.0)) > largest(with("points", 500.0)));
    }

    #[test]
    fn huge_weights_are_scaled_down() {
        let mut list = list(&[u32::MAX, 5]);
        list[0].weight = i64::MAX;
        list[1].weight = 1;
        let mut policy = BoundedRing::new(Knobs::DEFAULTS);
        assert!(matches!(pick(&mut policy, &list, b"", &mut Why::off()), Pick::Backend(0)));
        let points = policy.ring.points();
        assert!(points.len() <= POINTS_MAX as usize + 2);
        assert!(points.iter().any(|point| point.1 == 1), "nobody is without a point");
    }

    proptest! {
        /// Whoever is taken had room, and somebody always has; whatever comes and goes.
        #[test]
        fn nobody_is_given_more_than_its_capacity(
            weights in prop::collection::vec(-1i64..5, 1..8),
            percent in 101u32..400,
            steps in prop::collection::vec((any::<u8>(), any::<bool>(), 0usize..8), 1..200),
        ) {
            let mut knobs = Knobs::default();
            knobs.set(ENTRY.knobs, "factor", f64::from(percent)).expect("in range");
            knobs.set(ENTRY.knobs, "points", 4.0).expect("in range");
            let mut policy = BoundedRing::new(&knobs);
            let mut list = list(&vec![0; weights.len()]);
            list.iter_mut().zip(&weights).for_each(|(backend, weight)| backend.weight = *weight);
            for (key, finish, place) in steps {
                let place = place % list.len();
                if finish {
                    if list[place].in_flight > 0 {
                        list[place].in_flight -= 1;
                        policy.answered(place, &ANSWER, &list);
                    }
                    continue;
                }
                match pick(&mut policy, &list, &[key], &mut Why::off()) {
                    Pick::Backend(place) => {
                        list[place].in_flight += 1;
                        policy.sent(place, &list);
                        prop_assert_eq!(policy.check(&list), Ok(()));
                        let all: u64 = list.iter().map(|b| u64::from(b.in_flight)).sum();
                        let capacity = policy.capacity(&list[place], all);
                        prop_assert!(u64::from(list[place].in_flight) <= capacity);
                    }
                    _ => prop_assert!(weights.iter().all(|weight| *weight <= 0)),
                }
            }
        }
    }
}
