//! What strategies that keep a key with its backend share, and what they promise: tests of how many
//! keys move when a backend comes or goes.

use std::net::IpAddr;

use super::Ask;

/// The hash of what a request is placed by: its key, or the address of its client when it has none.
#[inline]
pub(super) fn key_or_client(ask: &Ask, hash: impl Fn(&[u8]) -> u64) -> u64 {
    match (ask.key, ask.client) {
        (Some(key), _) => hash(key),
        (None, IpAddr::V4(address)) => hash(&address.octets()),
        (None, IpAddr::V6(address)) => hash(&address.octets()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Knobs;
    use crate::policy::balance::{Backend, Balancer, Pick, find};
    use crate::sim::{Rng, Why};

    const KEYS: u32 = 4000;

    fn list(count: usize) -> Vec<Backend> {
        (0..count).map(|n| Backend::new(n as u32 + 1, &format!("10.0.0.{n}:80"), 1)).collect()
    }

    fn owners(policy: &mut dyn Balancer, list: &[Backend]) -> Vec<usize> {
        let mut rng = Rng::from_seed(1);
        let mut owner = |n: u32| {
            let key = format!("user:{n}");
            let ask = Ask { key: Some(key.as_bytes()), ..Ask::NOTHING };
            match policy.pick(&ask, list, &mut rng, &mut Why::off()) {
                Pick::Backend(place) => place,
                other => panic!("{other:?}"),
            }
        };
        (0..KEYS).map(&mut owner).collect()
    }

    /// Adds one to n others: how many keys moved to it, and how many between the others.
    fn moved(strategy: &str, count: usize, settings: &[(&str, f64)]) -> (usize, usize) {
        let entry = find(strategy).expect("it is in the catalogue");
        let mut knobs = Knobs::default();
        for (key, value) in settings {
            knobs.set(entry.knobs, key, *value).expect("in range");
        }
        let list = list(count + 1);
        let mut policy = (entry.make)(&knobs);
        (1..=count).for_each(|joined| policy.added(&list[..joined]));
        let before = owners(&mut *policy, &list[..count]);
        policy.added(&list);
        let after = owners(&mut *policy, &list);
        assert_eq!(policy.check(&list), Ok(()));
        let changed = || before.iter().zip(&after).filter(|(before, after)| before != after);
        let (all, to_new) = (changed().count(), changed().filter(|pair| *pair.1 == count).count());
        (to_new, all - to_new)
    }

    /// Only to the newcomer, and about its fair share of them.
    #[test]
    fn rings_and_rendezvous_move_keys_only_to_the_newcomer() {
        for strategy in ["rendezvous", "bounded_ring"] {
            for count in [2, 4, 9, 19] {
                let (to_new, others) = moved(strategy, count, &[]);
                let fair = KEYS as f64 / (count as f64 + 1.0);
                assert_eq!(others, 0, "{strategy} at {count}: between others");
                let near = (to_new as f64 - fair).abs() < 0.3 * fair;
                assert!(near, "{strategy} at {count}: {to_new} instead of {fair}");
            }
        }
    }

    /// Envoy scales its ring to the same number of points whoever is on it. A newcomer therefore
    /// takes points away from everybody, and some of their keys go to others. With one point each,
    /// where nothing is scaled, none do.
    #[test]
    fn envoys_ring_moves_keys_between_others_too() {
        for count in [2, 4, 9, 19] {
            let (to_new, others) = moved("envoy_ring_hash", count, &[]);
            let fair = KEYS as f64 / (count as f64 + 1.0);
            assert!((to_new as f64 - fair).abs() < 0.4 * fair, "{count}: {to_new}, {fair}");
            assert!(others > 0 && (others as f64) < fair, "{count}: {others}, {fair}");
            assert_eq!(moved("envoy_ring_hash", count, &[("minimum_ring_size", 1.0)]).1, 0);
        }
    }

    /// Envoy's documentation says that Maglev moves about twice as many keys as a ring: here the
    /// newcomer's share and at most as much again between the others.
    #[test]
    fn maglev_moves_some_keys_between_others() {
        for strategy in ["envoy_maglev", "maglev"] {
            for count in [2, 4, 9, 19] {
                let (to_new, others) = moved(strategy, count, &[]);
                let fair = KEYS as f64 / (count as f64 + 1.0);
                assert!((to_new as f64 - fair).abs() < 0.2 * fair, "{strategy}: {to_new}, {fair}");
                assert!(others > 0 && (others as f64) < fair, "{strategy}: {others}, {fair}");
            }
        }
    }

    /// Twice the weight, twice the keys.
    #[test]
    fn weights_are_honoured() {
        let ring: &[(&str, f64)] = &[("minimum_ring_size", 100_000.0)];
        let all = [
            ("envoy_ring_hash", ring),
            ("envoy_maglev", &[]),
            ("rendezvous", &[]),
            ("bounded_ring", &[("points", 1000.0)]),
        ];
        for (strategy, settings) in all {
            let entry = find(strategy).expect("it is in the catalogue");
            let mut knobs = Knobs::default();
            for (key, value) in settings {
                knobs.set(entry.knobs, key, *value).expect("in range");
            }
            let mut policy = (entry.make)(&knobs);
            let mut list = list(4);
            list.iter_mut().zip([1, 2, 3, 4]).for_each(|(backend, weight)| backend.weight = weight);
            (1..=4).for_each(|joined| policy.added(&list[..joined]));
            let owners = owners(&mut *policy, &list);
            for (place, backend) in list.iter().enumerate() {
                let own = owners.iter().filter(|owner| **owner == place).count() as f64;
                let fair = f64::from(KEYS) * backend.weight as f64 / 10.0;
                assert!((own - fair).abs() < 0.15 * fair, "{strategy}: {own} instead of {fair}");
            }
        }
    }

    #[test]
    fn without_a_key_the_client_counts() {
        let by = |text: &str| {
            let client = text.parse().expect("an address");
            key_or_client(&Ask { client, ..Ask::NOTHING }, |bytes| bytes.len() as u64)
        };
        assert_eq!((by("10.0.0.1"), by("::1")), (4, 16));
        let empty = Ask { key: Some(b""), ..Ask::NOTHING };
        assert_eq!(key_or_client(&empty, |bytes| bytes.len() as u64), 0);
    }
}
