//! Which services requests are for, as text: `users 3, users/admin 1, orders 2`.

use crate::policy::gateway::split;
use crate::sim::Rng;

/// The most services in a mix.
const SERVICES_MAX: usize = 16;

/// Reads a mix: services, or services with the beginning of a path, each with its weight, which is
/// 1 where it is not said. Nothing is a mix too: then the key says the service.
///
/// # Errors
/// When it is not of that form; says what is wrong, in words for a person.
pub(super) fn parse(text: &str) -> Result<Vec<(String, f64)>, String> {
    let mut mix = Vec::new();
    for part in text.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty()) {
        let mut words = part.split_whitespace();
        let (name, weight) = (words.next().unwrap_or_default(), words.next());
        let short: String = part.chars().take(40).collect();
        if split(name).0.is_empty() || name.contains(':') || words.next().is_some() {
            return Err(format!("{short:?} must be a service and its weight, as in users 3"));
        }
        let weight = match weight.map(str::parse::<f64>) {
            None => 1.0,
            Some(Ok(weight)) if weight > 0.0 && weight <= 1e6 => weight,
            Some(_) => return Err(format!("{short:?}: the weight must be above 0, up to 1e6")),
        };
        mix.push((name.to_owned(), weight));
    }
    match mix.len() > SERVICES_MAX {
        true => Err(format!("must have at most {SERVICES_MAX} services")),
        false => Ok(mix),
    }
}

/// A mix in use: what each service is called by, and how often it is asked for.
#[derive(Clone, Debug)]
pub(super) struct Mix {
    rng: Rng,
    /// The numbers of the services' names, with the sums of weights up to and with each.
    sums: Vec<(u32, f64)>,
}

impl Mix {
    /// No services yet.
    pub(super) fn new(rng: Rng) -> Mix {
        Mix { rng, sums: Vec::new() }
    }

    /// The services from now on; `name` gives the number of a name.
    pub(super) fn set(&mut self, text: &str, mut name: impl FnMut(&str) -> u32) {
        let mut sum = 0.0;
        let with_sum = |(service, weight): (String, f64)| {
            sum += weight;
            (name(&service), sum)
        };
        self.sums = parse(text).unwrap_or_default().into_iter().map(with_sum).collect();
    }

    /// The service of the next request. Draws only where there is a choice.
    #[inline]
    pub(super) fn next(&mut self) -> Option<u32> {
        let (last, all) = *self.sums.last()?;
        if self.sums.len() == 1 {
            return Some(last);
        }
        let drawn = self.rng.unit() * all;
        Some(self.sums.iter().find(|(_, sum)| drawn < *sum).map_or(last, |(name, _)| *name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_come_in_proportion_to_their_weights() {
        let mut mix = Mix::new(Rng::from_seed(1));
        assert_eq!(mix.next(), None);
        let mut number = 0;
        mix.set("users 3, orders", |_| {
            number += 1;
            number
        });
        let users = (0..4_000).filter(|_| mix.next() == Some(1)).count();
        assert!((2_900..3_100).contains(&users), "{users}");
    }

    #[test]
    fn what_is_not_a_mix_is_refused_with_a_reason() {
        assert_eq!(parse(" , "), Ok(Vec::new()));
        for wrong in ["users 0", "users x", "users 1 2", "users: 1", "/path", "users -1"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        let many: String = (0..17).map(|n| format!("s{n},")).collect();
        assert!(parse(&many).is_err_and(|words| words.contains("at most 16")));
    }
}
