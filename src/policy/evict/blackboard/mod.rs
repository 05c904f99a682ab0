//! Every deterministic policy once more, as one would write it on a blackboard: lists that are
//! searched from end to end, no index, no links. Written from the rules in prose, to be compared
//! with the policies step by step, removals included.
//!
//! All lists have the oldest, the next to go, in front.

mod one_list;
mod several_lists;

use proptest::prelude::*;

use one_list::{Clock, Histories, Row, Sieve};
use several_lists::{Arc, Lirs, S3Fifo, Slru, TwoQ};

use super::find;
use super::testing::Bench;
use crate::policy::Knobs;

/// A policy on the blackboard.
trait Model {
    /// Asks for a key that is not held, or that is: who leaves.
    fn miss(&mut self, key: u64) -> Vec<u64>;

    /// Asks for a key that is held: who leaves.
    fn hit(&mut self, key: u64) -> Vec<u64>;

    /// Takes out a key that is held.
    fn remove(&mut self, key: u64);

    /// The lists of entries by name, ghosts not included.
    fn lists(&self) -> Vec<(String, Vec<u64>)>;

    fn holds(&self, key: u64) -> bool {
        self.lists().iter().any(|(_, list)| list.contains(&key))
    }

    /// As [`Bench::shown`].
    fn shown(&self) -> String {
        let lists = self.lists().into_iter().filter(|(_, list)| !list.is_empty());
        let text = |(name, list): (String, Vec<u64>)| {
            let keys: Vec<String> = list.iter().map(u64::to_string).collect();
            format!("{name} {}", keys.join(" "))
        };
        lists.map(text).collect::<Vec<String>>().join(" | ")
    }
}

/// Takes `key` out of a list. Was it there?
fn take(list: &mut Vec<u64>, key: u64) -> bool {
    let place = list.iter().position(|&held| held == key);
    place.map(|place| list.remove(place)).is_some()
}

fn one(name: &str, list: &[u64]) -> (String, Vec<u64>) {
    (name.to_owned(), list.to_vec())
}

/// One with nothing in it, for so many entries and with a value for each of the knobs.
type Make = fn(usize, &[f64]) -> Box<dyn Model>;

/// Knobs, with values to try.
type Tried = &'static [(&'static str, &'static [f64])];

/// Names of policies, their knobs, and their models.
const MODELS: &[(&str, Tried, Make)] = &[
    ("fifo", &[], |capacity, _| row(capacity, false)),
    ("lru", &[], |capacity, _| row(capacity, true)),
    ("lfu", &[], |capacity, _| histories(capacity, true)),
    ("lru_2", &[], |capacity, _| histories(capacity, false)),
    ("clock", &[("bits", &[1.0, 2.0, 3.0])], |capacity, knobs| {
        Box::new(Clock { list: Vec::new(), capacity, most: (1 << knobs[0] as u32) - 1 })
    }),
    ("sieve", &[], |capacity, _| Box::new(Sieve { list: Vec::new(), hand: None, capacity })),
    ("two_q", &[("in", &[0.25, 0.5, 1.0]), ("out", &[0.5, 0.0, 1.0])], |capacity, knobs| {
        let share = |share: f64| (capacity as f64 * share).floor() as usize;
        Box::new(TwoQ {
            young: Vec::new(),
            main: Vec::new(),
            out: Vec::new(),
            young_max: share(knobs[0]),
            out_max: share(knobs[1]),
            capacity,
        })
    }),
    ("arc", &[], |capacity, _| {
        let [t1, t2, b1, b2] = [const { Vec::new() }; 4];
        Box::new(Arc { t1, t2, b1, b2, p: 0.0, capacity })
    }),
    ("s3_fifo", S3_KNOBS, |capacity, knobs| {
        let share = |share: f64| (capacity as f64 * share).floor() as usize;
        Box::new(S3Fifo {
            small: Vec::new(),
            main: Vec::new(),
            ghost: Vec::new(),
            small_max: share(knobs[0]),
            ghost_max: share(knobs[1]),
            threshold: knobs[2] as u32,
            filled: false,
            capacity,
        })
    }),
    ("slru", &[("segments", &[4.0, 1.0, 2.0, 3.0, 8.0])], |capacity, knobs| {
        Box::new(Slru { segments: vec![Vec::new(); knobs[0] as usize], capacity })
    }),
    (
        "lirs",
        &[("hir_least", &[2.0, 1.0, 3.0]), ("stack", &[100.0, 2.0, 1.0])],
        |capacity, knobs| {
            // Below 100 entries one in a hundred is none.
            let hir_max = (knobs[0] as usize).min(capacity - 1).max(1);
            Box::new(Lirs {
                stack: Vec::new(),
                lir: Vec::new(),
                queue: Vec::new(),
                ghosts: Vec::new(),
                last: None,
                hir_max,
                stack_max: capacity * knobs[1] as usize,
                capacity,
            })
        },
    ),
];

const S3_KNOBS: Tried =
    &[("small", &[0.1, 0.5, 0.25]), ("ghost", &[0.9, 0.0, 0.5]), ("threshold", &[2.0, 1.0, 3.0])];

fn row(capacity: usize, renew: bool) -> Box<dyn Model> {
    Box::new(Row { list: Vec::new(), capacity, renew })
}

fn histories(capacity: usize, by_count: bool) -> Box<dyn Model> {
    Box::new(Histories { entries: Vec::new(), capacity, requests: 0, by_count })
}

/// Are the policy and its model of one mind, step by step? A step is a key and whether it is
/// removed or asked for.
fn agree(
    bench: &mut Bench,
    model: &mut dyn Model,
    steps: &[(u64, bool)],
) -> Result<(), TestCaseError> {
    for &(key, remove) in steps {
        let there = model.holds(key);
        if remove {
            prop_assert_eq!(bench.policy.remove(key), there);
            if there {
                model.remove(key);
            }
            prop_assert_eq!(bench.policy.check(), Ok(()));
        } else {
            let access = bench.once(key);
            prop_assert_eq!(access.is_hit(), there, "is {} there?", key);
            let left = if there { model.hit(key) } else { model.miss(key) };
            prop_assert_eq!(access.evicted(), left, "for {}", key);
        }
        prop_assert_eq!(bench.shown(), model.shown());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// The same hits, the same victims, the same lists in the same order.
    #[test]
    fn policies_are_what_the_blackboard_says(
        capacity in 1usize..=12,
        choices in any::<[prop::sample::Index; 3]>(),
        steps in prop::collection::vec((0u64..30, prop::bool::weighted(0.08)), 1..250),
        near in any::<bool>(),
    ) {
        // Few keys return quickly, many slowly.
        let few = |&(key, remove): &(u64, bool)| (if near { key % 16 } else { key }, remove);
        let steps: Vec<(u64, bool)> = steps.iter().map(few).collect();
        for (name, tried, make) in MODELS {
            let entry = find(name).expect("it is there");
            let (mut knobs, mut values) = (Knobs::default(), Vec::new());
            for ((knob, tried), choice) in tried.iter().zip(&choices) {
                values.push(*choice.get(tried));
                knobs.set(entry.knobs, knob, *choice.get(tried)).expect("within its range");
            }
            let mut bench = Bench::made(entry, capacity, &knobs);
            agree(&mut bench, &mut *make(capacity, &values), &steps).map_err(|error| {
                TestCaseError::fail(format!("{name} with {values:?}, {capacity} entries: {error}"))
            })?;
        }
    }
}
