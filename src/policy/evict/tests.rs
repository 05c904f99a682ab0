//! What holds for every policy in the catalogue, whatever it does.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::expiry::{Expiring, Lifetime};
use super::testing::Bench;
use super::*;
use crate::sim::{Rng, Span};

#[test]
fn names_and_numbers_are_unique() {
    for (place, entry) in CATALOGUE.iter().enumerate() {
        for other in &CATALOGUE[..place] {
            assert!(entry.key != other.key && entry.wire != other.wire, "{}", entry.key);
        }
        assert_eq!(find(entry.key).map(|found| found.wire), Some(entry.wire));
        let wires: BTreeSet<u8> = entry.knobs.iter().map(|knob| knob.wire).collect();
        assert_eq!(wires.len(), entry.knobs.len(), "{}: knob numbers", entry.key);
    }
}

#[test]
fn impossible_capacities_are_refused() {
    for entry in CATALOGUE {
        for capacity in [0, usize::MAX] {
            assert!((entry.make)(Knobs::DEFAULTS, capacity).is_err(), "{} {capacity}", entry.key);
        }
        assert!((entry.make)(Knobs::DEFAULTS, 1 << 28).is_ok(), "{}", entry.key);
    }
}

/// A run with everything in it: popular keys, a scan now and then, time that passes, entries with
/// and without a time to live.
fn hits(bench: &mut Bench) -> String {
    let mut draws = Rng::from_seed(7);
    let mut out = String::new();
    for turn in 0..6000u64 {
        let wide = draws.below(400);
        let key = if turn % 100 > 80 { 1000 + turn } else { u64::from(draws.below(wide + 1)) };
        out += &bench.ask(&[key]);
        if key % 3 > 0 {
            bench.policy.set_deadline(key, Some(Time::from_ns(key << 30)));
        }
        bench.wait(Span::from_millis(700));
    }
    out
}

#[test]
fn every_knob_has_an_effect() {
    for entry in CATALOGUE {
        for knob in entry.knobs {
            // Other values of all others: a knob may count only when another does.
            let least = knob.key == "hir_least";
            let run = |value| {
                hits(&mut Bench::with(entry, if least { 30 } else { 100 }, knob.key, value))
            };
            let usual = run(knob.default);
            let changed = [knob.min, knob.max].into_iter().any(|value| run(value) != usual);
            assert!(changed, "{}: {} does nothing", entry.key, knob.key);
        }
    }
}

#[test]
fn the_same_bits_give_the_same_run() {
    for entry in CATALOGUE {
        let run = || hits(&mut Bench::new(entry, 50));
        assert_eq!(run(), run(), "{}", entry.key);
    }
}

/// How many keys that left are remembered for each entry at most. Those not listed remember none.
const GHOSTS: &[(&str, f64)] = &[("two_q", 0.5), ("arc", 2.0), ("s3_fifo", 0.9), ("lirs", 100.0)];

/// A stream that never ends, all keys different but for some that return, must not fill memory.
#[test]
fn what_is_remembered_does_not_grow_with_the_stream() {
    const CAPACITY: usize = 20;
    for entry in CATALOGUE {
        let mut policy = (entry.make)(Knobs::DEFAULTS, CAPACITY).expect("it fits");
        let (mut rng, mut why) = (Rng::from_seed(1), Why::off());
        let share = GHOSTS.iter().find(|(name, _)| *name == entry.key).map_or(0.0, |(_, n)| *n);
        let (most, mut seen) = ((share * CAPACITY as f64) as usize, 0);
        for turn in 0..300_000u64 {
            policy.access(turn, &mut rng, &mut why);
            if turn % 7 == 0 {
                policy.access(turn % 40, &mut rng, &mut why);
                policy.remove(turn.saturating_sub(3));
            }
            seen = seen.max(policy.ghosts());
            assert!(policy.ghosts() <= most && policy.len() <= CAPACITY, "{}", entry.key);
        }
        assert_eq!(seen > 0, most > 0, "{}: {seen} of {most}", entry.key);
        assert_eq!(policy.check(), Ok(()), "{}", entry.key);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Ask(u64),
    Remove(u64),
    Live(u64, Option<u64>),
    Time(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let key = || prop_oneof![8 => 0u64..12, 3 => 0u64..80, 1 => any::<u64>()];
    prop_oneof![
        20 => key().prop_map(Step::Ask),
        2 => key().prop_map(Step::Remove),
        2 => (key(), any::<Option<u64>>()).prop_map(|(key, at)| Step::Live(key, at)),
        1 => prop_oneof![0u64..100_000_000_000, any::<u64>()].prop_map(Step::Time),
    ]
}

fn capacity() -> impl Strategy<Value = usize> {
    prop_oneof![Just(1usize), Just(2), Just(3), Just(4), 5usize..40, Just(200)]
}

/// Runs the steps and holds the policy to what it says.
fn obey(policy: &mut dyn Eviction, capacity: usize, steps: &[Step]) -> Result<(), TestCaseError> {
    let (mut rng, mut model) = (Rng::from_seed(5), BTreeSet::new());
    for step in steps {
        let mut why = Why::on();
        match *step {
            Step::Ask(key) => {
                let there = policy.contains(key);
                prop_assert_eq!(there, model.contains(&key));
                let access = policy.access(key, &mut rng, &mut why);
                prop_assert_eq!(access.is_hit(), there, "{} is held: {}", key, there);
                model.insert(key);
                for left in access.evicted() {
                    prop_assert!(model.remove(left), "{} left, but was not there", left);
                }
                let left: Vec<String> = access.evicted().iter().map(u64::to_string).collect();
                let chosen = why.lines.iter().filter(|line| line.chosen);
                let subjects: Vec<String> = chosen.map(|line| line.subject.clone()).collect();
                let refused = left == [key.to_string()] && subjects.is_empty();
                prop_assert!(refused || subjects == left, "{:?}", why);
                prop_assert_eq!(left.is_empty(), why.sentence.is_empty());
                prop_assert!(!there || !left.contains(&key.to_string()), "a hit on who left");
            }
            Step::Remove(key) => prop_assert_eq!(policy.remove(key), model.remove(&key)),
            Step::Live(key, at) => policy.set_deadline(key, at.map(Time::from_ns)),
            Step::Time(at) => policy.tick(Time::from_ns(at), &mut rng),
        }
        prop_assert!(policy.len() <= capacity);
        prop_assert_eq!(policy.is_empty(), model.is_empty());
        prop_assert_eq!(policy.check(), Ok(()));
        let held = policy.held();
        let keys: BTreeSet<u64> = held.iter().map(|held| held.key).collect();
        prop_assert_eq!(held.len(), policy.len());
        prop_assert_eq!(&keys, &model);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Never more than its capacity, hits only for what is held, what left is not held, everything
    /// held is listed once, and every list is consistent after every step.
    #[test]
    fn policies_keep_their_promises(
        capacity in capacity(),
        steps in prop::collection::vec(step(), 1..250),
    ) {
        for entry in CATALOGUE {
            let mut policy = (entry.make)(Knobs::DEFAULTS, capacity).expect("it fits");
            obey(&mut *policy, capacity, &steps)
                .map_err(|error| TestCaseError::fail(format!("{}: {error}", entry.key)))?;
        }
    }

    /// The same with knobs at their ends.
    #[test]
    fn knobs_at_their_ends_break_nothing(
        which in 0..CATALOGUE.len(),
        high in any::<[bool; 4]>(),
        capacity in capacity(),
        steps in prop::collection::vec(step(), 1..250),
    ) {
        let entry = CATALOGUE[which];
        let mut knobs = Knobs::default();
        for (knob, high) in entry.knobs.iter().zip(high) {
            let value = if high { knob.max } else { knob.min };
            knobs.set(entry.knobs, knob.key, value).expect("its own end");
        }
        let mut policy = (entry.make)(&knobs, capacity).expect("it fits");
        obey(&mut *policy, capacity, &steps)
            .map_err(|error| TestCaseError::fail(format!("{}: {error}", entry.key)))?;
    }

    /// A time to live in front of any policy: nothing is hit after its time, and whatever is over
    /// goes in the end.
    #[test]
    fn nothing_is_hit_after_its_time(
        which in 0..CATALOGUE.len(),
        active in any::<bool>(),
        steps in prop::collection::vec((0u64..40, 0u64..40), 1..300),
    ) {
        let life = Lifetime { ttl: Span::from_millis(100), jitter: 0.0, active };
        // Not a multiple of SLRU's segments, so that its hits evict.
        let policy = (CATALOGUE[which].make)(Knobs::DEFAULTS, 23).expect("it fits");
        let (mut cache, mut rng) = (Expiring::new(policy, life), Rng::from_seed(1));
        let (mut now, mut came) = (Time::ZERO, std::collections::BTreeMap::new());
        for (key, wait) in steps {
            now = now + Span::from_millis(wait);
            cache.tick(now, &mut rng);
            if cache.access(key, &mut rng, &mut Why::off()).is_hit() {
                prop_assert!(now.since(came[&key]) <= life.ttl);
            } else {
                came.insert(key, now);
            }
            prop_assert_eq!(cache.check(), Ok(()));
        }
        if active {
            cache.tick(now + Span::from_millis(10_000), &mut rng);
            prop_assert_eq!(cache.len(), 0);
        }
    }
}
