//! Rendezvous hashing (highest random weight): every backend scores the key, the highest wins.
//!
//! A score looks random but depends on the backend's name and the key alone, so nothing has to be
//! remembered or agreed upon, and when a backend goes only its own keys move, evenly to all others.
//! With weights, `weight / -ln(u)` is compared, u being the score as a number in [0, 1). Bit for
//! bit mcrouter's weighted version (`place::rendezvous_score`); of equal scores the earlier in the
//! list wins. A weight of zero or less gets nothing. A request without a key is placed by its
//! client's address.
//!
//! It asks everybody each time: fine for tens of backends, slow for hundreds.
//! Source: Thaler and Ravishankar, 1998; mcrouter `WeightedRendezvousHashFunc.cpp`.

use super::keyed::key_or_client;
use super::{Ask, Backend, Balancer, Entry, Pick};
use crate::policy::place::rendezvous_score::{key_hash, name_hash, score, unit, weighted};
use crate::sim::{Line, Rng, Why};

/// The state: the hashes of the names, in list order.
#[derive(Clone, Debug, Default)]
pub struct Rendezvous {
    names: Vec<u64>,
    /// Are all weights equal? The scores need no logarithm then.
    equal: bool,
}

impl Rendezvous {
    fn notice(&mut self, backends: &[Backend]) {
        let first = backends.first().map(|backend| backend.weight);
        self.equal = backends.iter().all(|backend| Some(backend.weight) == first);
    }
}

impl Balancer for Rendezvous {
    fn pick(&mut self, ask: &Ask, backends: &[Backend], _: &mut Rng, why: &mut Why) -> Pick {
        let key = key_or_client(ask, key_hash);
        let (mut best, mut highest) = (None, 0.0);
        for (place, (backend, &name)) in backends.iter().zip(&self.names).enumerate() {
            let score = score(name, key);
            if backend.healthy && backend.weight > 0 {
                let own = match self.equal {
                    true => unit(score),
                    false => weighted(score, backend.weight as f64),
                };
                if own > highest {
                    (best, highest) = (Some(place), own);
                }
            }
            why.line(|| Line {
                subject: backend.name.to_string(),
                numbers: numbers(backend, unit(score), self.equal),
                chosen: false,
            });
        }
        let Some(best) = best else {
            why.say(|| {
                format!("None of the {} servers is healthy and has weight.", backends.len())
            });
            return Pick::Nobody;
        };
        if why.wanted() {
            why.lines[best].chosen = true;
            why.sentence = format!("{} has the highest score for this key.", backends[best].name);
        }
        Pick::Backend(best)
    }

    fn added(&mut self, backends: &[Backend]) {
        self.names.extend(backends.last().map(|backend| name_hash(backend.name.as_bytes())));
        self.notice(backends);
    }

    fn removed(&mut self, place: usize, backends: &[Backend]) {
        self.names.remove(place);
        self.notice(backends);
    }

    fn changed(&mut self, place: usize, backends: &[Backend]) {
        self.names[place] = name_hash(backends[place].name.as_bytes());
        self.notice(backends);
    }

    fn reads_key(&self) -> bool {
        true
    }

    fn check(&self, backends: &[Backend]) -> Result<(), String> {
        let names = backends.iter().map(|backend| name_hash(backend.name.as_bytes()));
        match self.names.iter().copied().eq(names) {
            true => Ok(()),
            false => Err("the hashes are not those of the names".to_owned()),
        }
    }
}

fn numbers(backend: &Backend, unit: f64, equal: bool) -> String {
    let weight = backend.weight;
    if !backend.healthy {
        return "unhealthy: not asked".to_owned();
    }
    match equal {
        _ if weight <= 0 => format!("weight {weight}: not asked"),
        true => format!("score {unit:.6}"),
        false => {
            format!("score {weight} / -ln({unit:.6}) = {:.6}", weight as f64 / -libm::log(unit))
        }
    }
}

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "rendezvous",
    wire: 58,
    name: "Rendezvous hashing",
    whose: "highest random weight, with mcrouter's hash and weights",
    rule: "Every backend scores the key; the highest score wins.",
    cost: "O(n) time, a logarithm each when weights differ; 8 bytes per backend",
    when: "Tens of backends, keys that should stay, and nothing to build or to agree upon.",
    when_not: "Hundreds of backends at full speed: a ring or a table answers with one search.",
    source: "Thaler and Ravishankar 1998; mcrouter WeightedRendezvousHashFunc.cpp",
    knobs: &[],
    make: |_| Box::<Rendezvous>::default(),
};

#[cfg(test)]
mod tests {
    use super::*;

    fn list(weights: &[i64]) -> Vec<Backend> {
        let backend = |(n, &weight): (usize, &i64)| {
            Backend::new(n as u32 + 1, &format!("xxx.{n}.yy"), weight)
        };
        weights.iter().enumerate().map(backend).collect()
    }

    fn policy(list: &[Backend]) -> Rendezvous {
        let mut policy = Rendezvous::default();
        (1..=list.len()).for_each(|joined| policy.added(&list[..joined]));
        policy
    }

    fn pick(policy: &mut Rendezvous, list: &[Backend], key: &str, why: &mut Why) -> Pick {
        let ask = Ask { key: Some(key.as_bytes()), ..Ask::NOTHING };
        policy.pick(&ask, list, &mut Rng::from_seed(1), why)
    }

    /// The counts in mcrouter's own test: "mykey:0" to "mykey:9999". Its weights 1, 0 and 0.5 are
    /// 2, 0 and 1 here: only ratios matter.
    #[test]
    fn chooses_as_mcrouter_does() {
        let counts = |weights: &[i64]| {
            let list = list(weights);
            let (mut policy, mut counts) = (policy(&list), vec![0; list.len()]);
            for n in 0..10_000 {
                if let Pick::Backend(place) =
                    pick(&mut policy, &list, &format!("mykey:{n}"), &mut Why::off())
                {
                    counts[place] += 1;
                }
            }
            counts
        };
        assert_eq!(counts(&[1, 1, 1]), [3409, 3360, 3231]);
        assert_eq!(counts(&[2, 0, 1]), [6737, 0, 3263]);
        let ten = [2, 2, 2, 2, 2, 1, 1, 1, 1, 1];
        assert_eq!(counts(&ten), [1381, 1299, 1283, 1359, 1296, 667, 669, 665, 672, 709]);
    }

    #[test]
    fn shows_the_scores_and_who_was_not_asked() {
        let mut list = list(&[1, 2, 0, 1]);
        list[3].healthy = false;
        let (mut policy, mut why) = (policy(&list), Why::on());
        assert_eq!(pick(&mut policy, &list, "k", &mut why), Pick::Backend(1));
        let rows: Vec<&str> = why.lines.iter().map(|line| line.numbers.as_str()).collect();
        assert!(rows[1].starts_with("score 2 / -ln(0."), "{}", rows[1]);
        assert_eq!(rows[2..], ["weight 0: not asked", "unhealthy: not asked"]);
        assert_eq!(why.sentence, "xxx.1.yy has the highest score for this key.");
        assert_eq!(policy.check(&list), Ok(()));
    }

    #[test]
    fn nobody_has_weight() {
        let list = list(&[0, -1]);
        assert_eq!(pick(&mut policy(&list), &list, "", &mut Why::off()), Pick::Nobody);
    }
}
