//! What holds for every placement there is, and helpers for the tests of each.

use proptest::prelude::*;

use super::*;

/// `n` shards of weight 1, called s0, s1, ...
pub(super) fn named(n: usize) -> Vec<Shard> {
    (0..n).map(|place| Shard::new(&format!("s{place}"), 1)).collect()
}

/// The place of the owner of `key`, which has one.
pub(super) fn owner(placement: &dyn Placement, key: &str) -> usize {
    placement.owner(key.as_bytes(), &mut Why::off()).expect("the key has an owner")
}

/// The reasons for the owner of `key`.
pub(super) fn why(placement: &dyn Placement, key: &[u8]) -> Why {
    let mut why = Why::on();
    placement.owner(key, &mut why);
    why
}

fn make(key: &str, shards: &[Shard]) -> Box<dyn Placement> {
    (find(key).expect("in the catalogue").make)(Knobs::DEFAULTS, shards).expect("can be made")
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

#[test]
fn lists_that_cannot_work_are_refused_by_all() {
    for entry in CATALOGUE {
        let made = |shards: &[Shard]| (entry.make)(Knobs::DEFAULTS, shards).map(|_| ());
        assert_eq!(made(&[]), Err(Refusal::NoNodes), "{}", entry.key);
        let twice = [Shard::new("a", 1), Shard::new("b", 1), Shard::new("a", 1)];
        assert_eq!(made(&twice), Err(Refusal::Duplicate("a".to_owned())), "{}", entry.key);
        let good = made(&named(2));
        assert_eq!(good, Ok(()), "{}", entry.key);
        let old = make(entry.key, &named(2));
        assert!(old.with(&[]).is_err() && old.with(&twice).is_err(), "{}", entry.key);
    }
}

/// The keys that move when one of four equal shards is added, out of ten thousand: how many, and
/// how many of them to the new one.
fn growth(key: &str) -> (u64, u64) {
    let (four, five) = (named(4), named(5));
    let before = make(key, &four);
    let after = before.with(&five).expect("one more");
    let keys = (0..10_000u32).map(|number| match key {
        "vitess_hash" => number.to_string(),
        _ => format!("key:{number}"),
    });
    let (mut moved, mut to_new) = (0, 0);
    for key in keys {
        let (old, new) = (owner(&*before, &key), owner(&*after, &key));
        moved += u64::from(old != new);
        to_new += u64::from(old != new && new == 4);
    }
    (moved, to_new)
}

#[test]
fn those_that_promise_it_move_a_fifth_and_only_to_the_new_one() {
    let rings = ["ketama", "nginx_ketama", "twemproxy_ketama", "cassandra_murmur3", "multi_probe"];
    let others = [
        "jump",
        "rendezvous",
        "mcrouter_rendezvous",
        "weighted_rendezvous",
        "anchor",
        "redis_slots",
    ];
    for key in rings.into_iter().chain(others) {
        let (moved, to_new) = growth(key);
        assert_eq!(moved, to_new, "{key}");
        // The arcs of a ring differ; scores and jumps are even.
        let slack = if rings.contains(&key) { 900 } else { 150 };
        assert!(moved.abs_diff(2_000) < slack, "{key}: {moved}");
    }
}

#[test]
fn maglev_moves_a_few_more_and_a_rest_moves_four_fifths() {
    let (moved, to_new) = growth("maglev");
    assert!((2_000..3_200).contains(&moved), "{moved}");
    assert!(to_new.abs_diff(2_000) < 150, "{to_new}");
    for key in ["md5_mod", "kafka_murmur2", "twemproxy_modula"] {
        let (moved, _) = growth(key);
        assert!(moved.abs_diff(8_000) < 150, "{key}: {moved}");
    }
    let (moved, _) = growth("md5_first_byte");
    assert!(moved.abs_diff(7_969) < 150, "204 of 256 first bytes move: {moved}");
}

#[test]
fn weights_are_honoured_where_they_count() {
    let list = [Shard::new("a", 1), Shard::new("b", 2), Shard::new("c", 0), Shard::new("d", 5)];
    for (key, slack) in [
        ("ketama", 0.06),
        ("nginx_ketama", 0.06),
        ("twemproxy_ketama", 0.06),
        ("twemproxy_modula", 0.02),
        ("cassandra_murmur3", 0.15),
        ("weighted_rendezvous", 0.02),
        ("maglev", 0.02),
    ] {
        let placement = make(key, &list);
        let mut counts = [0.0f64; 4];
        for number in 0..10_000 {
            counts[owner(&*placement, &format!("key:{number}"))] += 1e-4;
        }
        for (count, share) in counts.into_iter().zip([0.125, 0.25, 0.0, 0.625]) {
            assert!((count - share).abs() < slack, "{key}: {counts:?}");
        }
        assert!(
            (find(key).expect("there").make)(
                Knobs::DEFAULTS,
                &[Shard::new("a", -1), Shard::new("b", 1)]
            )
            .is_err()
        );
    }
}

/// Some weights: ordinary, none, negative, huge.
fn any_weight() -> impl Strategy<Value = i64> {
    prop_oneof![1..5i64, Just(0), Just(-3), Just(i64::MAX), Just(i64::MIN)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Owner first, nobody twice, nobody missing, the same twice, and reasons that mark the owner.
    #[test]
    fn preferences_are_complete_and_stable(
        which in 0..CATALOGUE.len(),
        n in 1usize..12,
        key in prop::collection::vec(any::<u8>(), 0..20),
        count in 0usize..14,
    ) {
        let shards = named(n);
        let placement = make(CATALOGUE[which].key, &shards);
        prop_assert_eq!(placement.check(), Ok(()));
        let mut why = Why::on();
        let owner = placement.owner(&key, &mut why);
        prop_assert_eq!(owner, placement.clone().owner(&key, &mut Why::off()));
        prop_assert!(!why.sentence.is_empty());
        let chosen: Vec<&str> =
            why.lines.iter().filter(|line| line.chosen).map(|line| &*line.subject).collect();
        let name: Vec<&str> = owner.iter().map(|&owner| &*shards[owner].name).collect();
        prop_assert_eq!(chosen, name);
        let mut out = vec![99];
        placement.preference(&key, count, &mut out);
        let expected = if owner.is_some() { count.min(n) } else { 0 };
        prop_assert_eq!(out.len(), expected);
        prop_assert_eq!(out.first().copied(), owner.filter(|_| count > 0));
        out.sort_unstable();
        out.dedup();
        prop_assert_eq!(out.len(), expected);
        prop_assert!(out.iter().all(|&place| place < n));
    }

    /// Whoever would own a key if its owner were gone does own it when the owner is gone: where
    /// that is a promise.
    #[test]
    fn the_second_choice_is_the_owner_after_the_first_is_gone(
        key in "[a-z]{0,12}",
        n in 2usize..9,
    ) {
        for scheme in [
            "md5_first_byte", "md5_mod", "kafka_murmur2", "nginx_ketama", "ketama",
            "cassandra_murmur3", "twemproxy_ketama", "jump", "rendezvous", "mcrouter_rendezvous",
            "weighted_rendezvous", "multi_probe", "anchor",
        ] {
            let mut shards = named(n);
            let placement = make(scheme, &shards);
            let mut out = Vec::new();
            placement.preference(key.as_bytes(), 2, &mut out);
            let second = shards[out[1]].name.clone();
            shards.remove(out[0]);
            let after = placement.with(&shards).expect("one fewer");
            prop_assert_eq!(&shards[owner(&*after, &key)].name, &second, "{}", scheme);
        }
    }

    /// Any members in any order, again and again: an answer or a refusal, never a panic.
    #[test]
    fn any_change_of_members_is_taken_or_refused(
        which in 0..CATALOGUE.len(),
        lists in prop::collection::vec(
            prop::collection::vec((0u8..9, any_weight()), 0..9), 1..6),
        keys in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 4),
    ) {
        let mut placement = make(CATALOGUE[which].key, &named(3));
        let mut n = 3;
        for list in lists {
            let shard = |(name, weight): &(u8, i64)| Shard::new(&format!("s{name}"), *weight);
            let shards: Vec<Shard> = list.iter().map(shard).collect();
            if let Ok(next) = placement.with(&shards) {
                placement = next;
                n = shards.len();
            }
            prop_assert_eq!(placement.check(), Ok(()));
            for key in &keys {
                let owner = placement.owner(key, &mut Why::off());
                prop_assert!(owner.is_none_or(|owner| owner < n));
                let mut out = Vec::new();
                placement.preference(key, usize::MAX, &mut out);
                prop_assert_eq!(out.first().copied(), owner);
                prop_assert!(out.iter().all(|&place| place < n));
            }
        }
    }
}
