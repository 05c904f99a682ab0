//! Envoy's bounded loads: a host that carries too much passes requests on, in a random order that
//! is the same for the same key.
//!
//! `total = ((in flight + 1) * factor + 99) / 100`, and a host has `max(1, ceil(total * share))`
//! slots, where its share is its part of the sum of weights. A host is overloaded when
//! `its in flight / slots` is above 1: one with all slots taken gets one more. Then the hosts are
//! shuffled by a Mersenne Twister seeded with the hash, and the first that is not overloaded is
//! taken; if all are, the least overloaded, the earliest met of equals. The random order spares the
//! next host on the ring the whole overflow (Chen, Coleman and Shrivastava, 2019).
//!
//! Sources: Envoy `thread_aware_lb_impl.cc` at 8b9304c6, `BoundedLoadHashingLoadBalancer`;
//! Mirrokni, Thorup and Zadimoghaddam, "Consistent Hashing with Bounded Loads", 2018.

use super::consistent::{Consistent, HOST_RETRIES};
use super::maglev::{self, Maglev};
use super::mt19937::Mt19937;
use super::ring_hash::{self, RingHash};
use crate::policy::balance::{Balancer, Entry};
use crate::policy::{Knob, Knobs};

/// The order in which hosts are tried for `hash`, put into `order`. Lazily made: `next` tells for
/// each host met whether to go on.
fn shuffled(count: usize, hash: u64, order: &mut Vec<u32>, mut next: impl FnMut(usize) -> bool) {
    order.clear();
    order.extend(0..count as u32);
    let mut twister = Mt19937::new(hash as u32);
    for place in 0..count {
        let left = (count - place) as u32;
        let width = ((1u64 << 32) / u64::from(left)) as u32;
        // A number below `left`; the few that would make it uneven are thrown away.
        let step = loop {
            // With one left the width is 2^32, which is no 32-bit number: all fall into it.
            let drawn = twister.bits().checked_div(width).unwrap_or(0);
            if drawn < left {
                break drawn;
            }
        };
        order.swap(place, place + step as usize);
        if !next(order[place] as usize) {
            return;
        }
    }
}

/// The whole order in which `count` hosts are tried for `hash`.
pub fn order(count: usize, hash: u64) -> Vec<usize> {
    let (mut all, mut scratch) = (Vec::with_capacity(count), Vec::new());
    shuffled(count, hash, &mut scratch, |host| {
        all.push(host);
        true
    });
    all
}

/// The number of the host that takes a request with this hash: `first`, the one it belongs to,
/// unless that is overloaded. `load` tells how full a host is; above 1 it is overloaded. `order` is
/// working space.
pub fn choose(
    first: usize,
    count: usize,
    hash: u64,
    order: &mut Vec<u32>,
    mut load: impl FnMut(usize) -> f64,
) -> usize {
    let mut least = load(first);
    let mut chosen = first;
    if least <= 1.0 {
        return first;
    }
    shuffled(count, hash, order, |host| {
        if host == first {
            return true;
        }
        let own = load(host);
        if own < least {
            (least, chosen) = (own, host);
        }
        own > 1.0
    });
    chosen
}

/// How many requests each host may carry.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    factor: u32,
    shares: Vec<f64>,
}

impl Slots {
    /// For hosts with these weights, and `factor` percent of the average.
    pub(super) fn new(factor: u32, weights: impl Iterator<Item = u64> + Clone) -> Slots {
        let total = weights.clone().sum::<u64>() as f64;
        Slots { factor, shares: weights.map(|weight| weight as f64 / total).collect() }
    }

    /// The slots of a host when `active` requests are in flight in all.
    fn of(&self, host: usize, active: u64) -> f64 {
        let total = ((active + 1) * u64::from(self.factor)).div_ceil(100) as f64;
        let slots = (total * self.shares[host]).ceil();
        if slots < 1.0 { 1.0 } else { slots }
    }

    /// How full a host with `own` in flight is; 1 is full.
    pub(super) fn load(&self, host: usize, own: u32, active: u64) -> f64 {
        f64::from(own) / self.of(host, active)
    }

    pub(super) fn numbers(&self, host: usize, own: u32, active: u64) -> String {
        let over = if self.load(host, own, active) > 1.0 { ": overloaded" } else { "" };
        let (factor, share) = (self.factor, self.shares[host]);
        format!(
            "{own} in flight, slots ⌈⌈({active} + 1) × {factor} %⌉ × {share:.4}⌉ = {}{over}",
            self.of(host, active)
        )
    }
}

const FACTOR: Knob = Knob {
    key: "hash_balance_factor",
    wire: 1,
    label: "Balance factor",
    unit: "%",
    help: "How much of the average a host may carry. Envoy has no default: unset is no bound.",
    min: 100.0,
    max: 10_000.0,
    default: 150.0,
    whole: true,
};

const OVER: Knob = Knob {
    key: "over_maglev",
    wire: 2,
    label: "Over Maglev",
    unit: "",
    help: "0 bounds the ring, 1 bounds Maglev's table.",
    min: 0.0,
    max: 1.0,
    default: 0.0,
    whole: true,
};

fn make(knobs: &Knobs) -> Box<dyn Balancer> {
    let factor = knobs.count(&FACTOR) as u32;
    match knobs.count(&OVER) {
        0 => Box::new(Consistent::new(RingHash::new(ring_hash::sizes(knobs)), knobs, factor)),
        _ => Box::new(Consistent::new(Maglev::new(maglev::size(knobs)), knobs, factor)),
    }
}

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "envoy_bounded_load",
    wire: 56,
    name: "Envoy bounded load",
    whose: "Envoy's ring hash or Maglev with hash_balance_factor",
    rule: "The host that the hash belongs to, unless it carries more than its slots; then the \
           first with room in an order shuffled by the hash.",
    cost: "O(log p) time for p points, or O(1) over Maglev, and O(n) for the shuffle when the host \
           is overloaded; the structure is made anew at each change of health, weight or \
           membership",
    when: "Keys should stay with their host, but a hot key must not drown it.",
    when_not: "Keys must never move, as with sessions kept in memory.",
    source: "Envoy thread_aware_lb_impl.cc; arXiv 1608.01350 and 1908.08762",
    knobs: &[
        HOST_RETRIES,
        FACTOR,
        OVER,
        ring_hash::FEWEST,
        ring_hash::MOST,
        ring_hash::MURMUR,
        maglev::SIZE,
    ],
    make,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::balance::{Answer, Ask, Backend, Pick};
    use crate::sim::{Rng, Span, Time, Why};
    use proptest::prelude::*;

    const ANSWER: Answer = Answer { now: Time::ZERO, took: Span::ZERO, ok: true };

    fn with(settings: &[(&str, f64)]) -> Box<dyn Balancer> {
        let mut knobs = Knobs::default();
        for (key, value) in settings {
            knobs.set(ENTRY.knobs, key, *value).expect("in range");
        }
        (ENTRY.make)(&knobs)
    }

    fn list(count: u32) -> Vec<Backend> {
        (0..count).map(|n| Backend::new(n + 1, &format!("10.0.0.{n}:80"), 1)).collect()
    }

    fn pick(policy: &mut dyn Balancer, list: &[Backend], why: &mut Why) -> usize {
        let ask = Ask { key: Some(b"hot"), ..Ask::NOTHING };
        match policy.pick(&ask, list, &mut Rng::from_seed(1), why) {
            Pick::Backend(place) => place,
            other => panic!("{other:?}"),
        }
    }

    /// From Envoy's own test.
    #[test]
    fn the_hash_shuffles_the_hosts() {
        assert_eq!(order(5, 2), [2, 1, 0, 4, 3]);
        assert_eq!(order(5, 6), [4, 0, 2, 3, 1]);
        assert_eq!(order(1, 7), [0]);
        assert_eq!(order(0, 7), [0usize; 0]);
        // The first with room in that order, or the least overloaded.
        let choose = |loads: [f64; 5]| choose(2, 5, 2, &mut Vec::new(), |host| loads[host]);
        assert_eq!(choose([0.0, 0.0, 1.0, 0.0, 0.0]), 2);
        assert_eq!(choose([1.1, 1.1, 1.1, 0.9, 1.0]), 4);
        assert_eq!(choose([1.4, 1.3, 1.5, 1.2, 1.2]), 4);
    }

    #[test]
    fn says_how_full_they_are() {
        let (mut policy, mut list) = (with(&[]), list(3));
        let home = pick(&mut *policy, &list, &mut Why::off());
        // ceil(8 * 1.5) = 12 slots in all, 4 each; four in flight is not more than four.
        list[home].in_flight = 7;
        policy.changed(home, &list);
        let mut why = Why::on();
        let place = pick(&mut *policy, &list, &mut why);
        assert_ne!(place, home);
        let slots = "slots ⌈⌈(7 + 1) × 150 %⌉ × 0.3333⌉ = 4";
        assert_eq!(why.lines[0].numbers, format!("7 in flight, {slots}: overloaded"));
        assert_eq!(why.lines[1].numbers, format!("0 in flight, {slots}"));
        assert!(why.lines[1].chosen && !why.lines[0].chosen);
        assert!(
            why.sentence.ends_with("is the first that is not overloaded, or the least of all.")
        );
    }

    #[test]
    fn each_setting_matters() {
        let peak = |settings: &[(&str, f64)]| {
            let (mut policy, mut list) = (with(settings), list(10));
            for _ in 0..100 {
                let place = pick(&mut *policy, &list, &mut Why::off());
                list[place].in_flight += 1;
                policy.sent(place, &list);
            }
            list.iter().map(|backend| backend.in_flight).max()
        };
        // A hundred requests, ten each on average. The one that is full gets one more.
        assert_eq!(peak(&[]), Some(16));
        assert_eq!(peak(&[("hash_balance_factor", 100.0)]), Some(11));
        assert_eq!(peak(&[("hash_balance_factor", 10_000.0)]), Some(100));
        let names = |settings: &[(&str, f64)]| {
            let (mut policy, mut why) = (with(settings), Why::on());
            pick(&mut *policy, &list(10), &mut why);
            why.sentence
        };
        assert!(names(&[]).contains(" of 1030;"));
        assert!(names(&[("over_maglev", 1.0)]).contains(" mod 65537;"));
        assert!(names(&[("over_maglev", 1.0), ("table_size", 7.0)]).contains(" mod 7;"));
        assert!(names(&[("minimum_ring_size", 20.0)]).contains(" of 20;"));
        assert!(names(&[("maximum_ring_size", 20.0)]).contains(" of 20;"));
        assert_ne!(names(&[("murmur_hash_2", 1.0)]), names(&[]));
    }

    proptest! {
        /// Nobody ever gets a request beyond its slots and one, however uneven keys are.
        #[test]
        fn nobody_is_given_more_than_its_slots_and_one(
            weights in prop::collection::vec(1i64..20, 1..8),
            factor in 100u32..300,
            over in 0u8..2,
            steps in prop::collection::vec((any::<u8>(), any::<bool>()), 1..150),
        ) {
            let mut policy = with(&[
                ("hash_balance_factor", f64::from(factor)),
                ("over_maglev", f64::from(over)),
                ("table_size", 101.0),
                ("minimum_ring_size", 64.0),
            ]);
            let mut list = list(weights.len() as u32);
            list.iter_mut().zip(&weights).for_each(|(backend, weight)| backend.weight = *weight);
            let total = weights.iter().sum::<i64>() as u64;
            for (key, finish) in steps {
                let place = usize::from(key) % list.len();
                if finish {
                    if list[place].in_flight > 0 {
                        list[place].in_flight -= 1;
                        policy.answered(place, &ANSWER, &list);
                    }
                    continue;
                }
                let active: u64 = list.iter().map(|b| u64::from(b.in_flight)).sum();
                let ask = Ask { key: Some(&[key]), ..Ask::NOTHING };
                let picked = policy.pick(&ask, &list, &mut Rng::from_seed(1), &mut Why::off());
                let Pick::Backend(place) = picked else { panic!("{picked:?}") };
                list[place].in_flight += 1;
                policy.sent(place, &list);
                prop_assert_eq!(policy.check(&list), Ok(()));
                let slots = ((active + 1) * u64::from(factor)).div_ceil(100);
                let own = (slots * list[place].weight as u64).div_ceil(total).max(1);
                // The share is a rounded float, which may add a slot.
                prop_assert!(u64::from(list[place].in_flight) <= own + 2);
            }
        }
    }
}
