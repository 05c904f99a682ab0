//! What holds for every placement there is, and helpers for the tests of each.

mod moves;

use proptest::prelude::*;

use super::*;

/// `n` shards of weight 1, called s0, s1, ...
pub(super) fn named(n: usize) -> Vec<Shard> {
    (0..n).map(|place| Shard::new(&format!("s{place}"), 1)).collect()
}

/// Shards s0, s1, ... with these weights.
pub(super) fn heavy(weights: &[i64]) -> Vec<Shard> {
    let shard = |(place, &weight): (usize, &i64)| Shard::new(&format!("s{place}"), weight);
    weights.iter().enumerate().map(shard).collect()
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

/// Keys of any bytes, and whole numbers, which all placements take.
fn any_key() -> impl Strategy<Value = Vec<u8>> {
    let number = any::<i64>().prop_map(|number| number.to_string().into_bytes());
    prop_oneof![prop::collection::vec(any::<u8>(), 0..20), number]
}

/// Some weights: ordinary, none, negative, huge.
fn any_weight() -> impl Strategy<Value = i64> {
    prop_oneof![1..5i64, Just(0), Just(-3), Just(i64::MAX), Just(i64::MIN)]
}

/// Those that promise less than an heir have a reason to: for some key the owner is another.
#[test]
fn a_neighbour_does_not_always_inherit() {
    let mut neighbours = Vec::new();
    for entry in CATALOGUE {
        let shards = heavy(&[1, 2, 3, 1, 2, 3, 1]);
        let placement = make(entry.key, &shards);
        let Second::Neighbour(words) = placement.second() else { continue };
        neighbours.push(entry.key);
        assert!(words.starts_with("After the owner come") && words.ends_with('.'), "{words}");
        let strange = (0..4_000u32).map(|number| number.to_string()).any(|key| {
            let mut out = Vec::new();
            placement.preference(key.as_bytes(), 2, &mut out);
            let mut left = shards.clone();
            left.remove(out[0]);
            let after = placement.with(&left).expect("one fewer");
            let owner = after.owner(key.as_bytes(), &mut Why::off());
            owner.map(|owner| &left[owner].name) != Some(&shards[out[1]].name)
        });
        assert!(strange, "{}: it could promise more", entry.key);
    }
    let expected = [
        "ketama",
        "twemproxy_ketama",
        "maglev",
        "redis_slots",
        "mongodb_hashed",
        "range",
        "directory",
    ];
    assert_eq!(neighbours, expected);
}

/// With equal weights the rings of libketama and twemproxy keep the promise as long as all other
/// servers keep their points: libketama's up to 60 servers, twemproxy's up to 24.
#[test]
fn equal_servers_on_a_ring_inherit_until_rounding_intervenes() {
    let inherits = |key: &str, n: usize| {
        let placement = make(key, &named(n));
        (0..60).all(|number| {
            let (mut shards, mut out) = (named(n), Vec::new());
            placement.preference(number.to_string().as_bytes(), 2, &mut out);
            let second = shards[out[1]].name.clone();
            shards.remove(out[0]);
            let after = placement.with(&shards).expect("one fewer");
            shards[owner(&*after, &number.to_string())].name == second
        })
    };
    for (key, breaks) in [("ketama", &[61, 62][..]), ("twemproxy_ketama", &[25, 26, 47, 48][..])] {
        let all = (2..=62).filter(|n| !inherits(key, *n)).collect::<Vec<usize>>();
        let counts = |n: usize| match make(key, &named(n)).picture() {
            Picture::Ring { points, .. } => points.len() / n,
            other => panic!("{other:?}"),
        };
        assert!(all.iter().all(|&n| counts(n) != counts(n - 1)), "{key}: {all:?}");
        assert_eq!(all[..breaks.len()], *breaks, "{key}");
    }
}

/// Placements that say they ignore weights do, and the others do not.
#[test]
fn weights_count_where_the_placement_says_so() {
    for entry in CATALOGUE {
        let (light, other) = (heavy(&[1, 1, 1, 1]), heavy(&[1, 9, 0, 2]));
        let (before, after) = (make(entry.key, &light), make(entry.key, &other));
        let differs = (0..500).map(|number| number.to_string()).any(|key| {
            before.owner(key.as_bytes(), &mut Why::off())
                != after.owner(key.as_bytes(), &mut Why::off())
        });
        assert_eq!(differs, before.weighted(), "{}", entry.key);
        assert_eq!(before.weighted(), !entry.rule.contains("eights are ignored"), "{}", entry.key);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Owner first, nobody twice, nobody missing, the same twice, and reasons that mark the owner.
    #[test]
    fn preferences_are_complete_and_stable(
        which in 0..CATALOGUE.len(),
        weights in prop::collection::vec(1i64..4, 1..12),
        key in any_key(),
        count in 0usize..14,
    ) {
        let (shards, n) = (heavy(&weights), weights.len());
        let placement = make(CATALOGUE[which].key, &shards);
        prop_assert_eq!(placement.check(), Ok(()));
        let mut why = Why::on();
        let owner = placement.owner(&key, &mut why);
        prop_assert_eq!(owner, placement.clone().owner(&key, &mut Why::off()));
        prop_assert!(!why.sentence.is_empty());
        let mut brief = Why::brief();
        placement.owner(&key, &mut brief);
        prop_assert_eq!(&brief.sentence, &why.sentence);
        prop_assert!(brief.lines.is_empty());
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

    /// Where the second of the preference is an heir, taking the first off the list again and again
    /// makes each in turn the owner: for any number of shards and any weights.
    #[test]
    fn an_heir_inherits(
        weights in prop::collection::vec(0i64..5, 2..63),
        numbers in prop::collection::vec(any::<u64>(), 6),
    ) {
        for entry in CATALOGUE {
            let Ok(placement) = (entry.make)(Knobs::DEFAULTS, &heavy(&weights)) else { continue };
            if placement.second() != Second::Heir {
                continue;
            }
            for number in &numbers {
                let (mut shards, mut now) = (heavy(&weights), placement.clone());
                let key = number.to_string();
                let mut out = Vec::new();
                placement.preference(key.as_bytes(), 4, &mut out);
                let heirs: Vec<Shard> = out.iter().map(|&place| shards[place].clone()).collect();
                for pair in heirs.windows(2) {
                    shards.retain(|shard| shard.name != pair[0].name);
                    now = now.with(&shards).expect("one fewer");
                    let owner = &shards[owner(&*now, &key)].name;
                    prop_assert_eq!(owner, &pair[1].name, "{} {}", entry.key, &key);
                }
            }
        }
    }

    /// Any members in any order, again and again: an answer or a refusal, never a panic.
    #[test]
    fn any_change_of_members_is_taken_or_refused(
        which in 0..CATALOGUE.len(),
        lists in prop::collection::vec(
            prop::collection::vec((0u8..9, any_weight()), 0..9), 1..6),
        keys in prop::collection::vec(any_key(), 4),
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

/// Whoever says where a key falls in its picture says what its rule says.
#[test]
fn the_owner_is_the_one_at_the_keys_place_in_the_picture() {
    let mut shown = 0;
    for entry in CATALOGUE {
        let placement = make(entry.key, &named(5));
        for key in (0..500).map(|number| format!("user:{number}")) {
            let Some(position) = placement.position(key.as_bytes()) else { continue };
            shown += 1;
            let there = match placement.picture() {
                Picture::Table(cells) => cells[position as usize],
                Picture::Ranges(ranges) => ranges[position as usize].1,
                Picture::Ring { points, .. } => {
                    let next = points.partition_point(|&(point, _)| point < position);
                    points[next % points.len()].1
                }
                Picture::Scores => panic!("{}: scores have no places", entry.key),
            };
            assert_eq!(there as usize, owner(&*placement, &key), "{}: {key}", entry.key);
        }
    }
    assert!(shown >= 500 * 9, "rings, rests and slots show where a key falls: {shown}");
}
