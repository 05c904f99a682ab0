//! Whatever happens to the list, no strategy of this folder, and none of its three neighbours that
//! keep keys, panics or picks whom it must not.

use proptest::prelude::*;

use crate::policy::Knobs;
use crate::policy::balance::{Answer, Ask, Backend, Balancer, Pick, find};
use crate::sim::{Rng, Span, Time, Why};

const STRATEGIES: [&str; 10] = [
    "envoy_round_robin",
    "envoy_round_robin_2023",
    "envoy_least_request",
    "envoy_random",
    "envoy_ring_hash",
    "envoy_maglev",
    "envoy_bounded_load",
    "maglev",
    "rendezvous",
    "bounded_ring",
];

/// Something that happens: what, to whom, and with which number.
type Step = (u8, usize, i64);

fn apply(step: Step, list: &mut Vec<Backend>, policy: &mut dyn Balancer) {
    let (what, place, number) = step;
    if what == 0 || list.is_empty() {
        // Names repeat.
        let name = format!("s{}", place % 3);
        list.push(Backend::new(list.len() as u32 + 1, &name, number));
        return policy.added(list);
    }
    let place = place % list.len();
    match what {
        1 => {
            list.remove(place);
            return policy.removed(place, list);
        }
        2 => list[place].healthy ^= true,
        3 => list[place].weight = number,
        4 => list[place].name = "".into(),
        // Many at once, as when a balancer takes over from another.
        5 => list[place].in_flight = number as u32 >> 1,
        _ if list[place].in_flight == 0 => return,
        _ => {
            list[place].in_flight -= 1;
            let answer = Answer { now: Time::MAX, took: Span::ZERO, ok: number > 0 };
            return policy.answered(place, &answer, list);
        }
    }
    policy.changed(place, list);
}

fn weight() -> impl Strategy<Value = i64> {
    prop_oneof![4 => -1i64..40, 1 => Just(i64::MAX), 1 => Just(i64::MIN), 1 => Just(0)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_panics_and_only_the_healthy_are_picked(
        which in 0..STRATEGIES.len(),
        steps in prop::collection::vec((0u8..8, 0usize..8, weight()), 0..25),
        key in prop::option::of(prop::collection::vec(any::<u8>(), 0..4)),
        tried in prop::collection::vec(0usize..9, 0..3),
        looked_at in any::<bool>(),
    ) {
        let entry = find(STRATEGIES[which]).expect("it is in the catalogue");
        let mut knobs = Knobs::default();
        for (name, value) in [
            ("table_size", 97.0), ("maximum_ring_size", 500.0), ("points", 2.0),
            ("host_retries", 2.0),
        ] {
            // Not everybody has every knob.
            let _ = knobs.set(entry.knobs, name, value);
        }
        let mut policy = (entry.make)(&knobs);
        let (mut list, mut rng) = (Vec::new(), Rng::from_seed(1));
        let ask = Ask { key: key.as_deref(), tried: &tried, ..Ask::NOTHING };
        for step in steps {
            apply(step, &mut list, &mut *policy);
            let mut why = if looked_at { Why::on() } else { Why::off() };
            match policy.pick(&ask, &list, &mut rng, &mut why) {
                Pick::Backend(place) => {
                    prop_assert!(list[place].healthy);
                    let chosen = why.lines.iter().filter(|line| line.chosen);
                    prop_assert_eq!(chosen.count(), usize::from(looked_at));
                    list[place].in_flight = list[place].in_flight.saturating_add(1);
                    policy.sent(place, &list);
                }
                Pick::Nobody => {
                    let usable = |b: &Backend| {
                        b.healthy && (b.weight > 0 || entry.key.contains("envoy"))
                    };
                    prop_assert!(!list.iter().any(usable), "{}: {list:?}", entry.key);
                }
                Pick::Crash(words) => prop_assert!(false, "{words}"),
            }
            prop_assert_eq!(policy.check(&list), Ok(()));
            policy.memory(&list, Time::ZERO);
        }
    }
}
