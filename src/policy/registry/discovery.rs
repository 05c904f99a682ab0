//! A client that discovers: a list that it keeps for a while, and a rule by which it takes one.
//!
//! The course asks the registry for every call and takes the first of what it gets, so one instance
//! does all the work for as long as it passes. With a list that is kept, the registry is asked less
//! and may even be down; what changes there is not seen until the list has expired, which is when
//! its age is *more* than its time to live. A list with nobody on it is not kept.

use std::sync::Arc;

use super::catalogue::Catalogue;
use crate::sim::{Line, Rng, Span, Time, Why};

/// Which of the passing instances a client takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// The first, always.
    First,
    /// Any, each as likely as the others.
    Random,
    /// One after the other.
    RoundRobin,
}

/// One client's side of discovery.
#[derive(Clone, Debug, Default)]
pub struct Discovery {
    list: Vec<Arc<str>>,
    read: Option<Time>,
    cursor: usize,
}

impl Discovery {
    /// The list it has, if that may still be used at `now`.
    pub fn fresh(&self, now: Time, ttl: Span) -> Option<&[Arc<str>]> {
        let age = now.since(self.read?);
        let usable = ttl > Span::ZERO && age <= ttl && !self.list.is_empty();
        usable.then_some(&self.list[..])
    }

    /// When it read the list that it has.
    pub fn read_at(&self) -> Option<Time> {
        self.read
    }

    /// It reads the passing instances of a service.
    pub fn read(&mut self, list: &Catalogue, service: &str, now: Time) {
        self.list.clear();
        self.list.extend(list.passing(service).map(|one| one.registration.id.clone()));
        self.read = Some(now);
    }

    /// Forgets one instance, because a request to it came to nothing.
    pub fn drop_one(&mut self, id: &str) {
        self.list.retain(|known| **known != *id);
    }

    /// What it read last.
    pub fn list(&self) -> &[Arc<str>] {
        &self.list
    }

    /// Takes one of the list it has; nothing when that is empty. `name` says how an instance is
    /// called on the screen.
    pub fn pick(
        &mut self,
        rule: Pick,
        rng: &mut Rng,
        why: &mut Why,
        name: impl Fn(&str) -> String,
    ) -> Option<Arc<str>> {
        let count = self.list.len();
        if count == 0 {
            return None;
        }
        let cursor = self.cursor;
        let place = match rule {
            Pick::First => 0,
            Pick::Random => rng.below(count as u32) as usize,
            Pick::RoundRobin => {
                self.cursor = cursor.wrapping_add(1);
                cursor % count
            }
        };
        for (number, id) in self.list.iter().enumerate() {
            let chosen = number == place;
            why.line(|| Line { subject: name(id), numbers: format!("place {number}"), chosen });
        }
        let chosen = self.list[place].clone();
        why.say(|| {
            let who = name(&chosen);
            match rule {
                Pick::First => format!("The first of {count} passing is always taken: {who}."),
                Pick::Random => format!("A fair draw from {count} passing gave place {place}."),
                Pick::RoundRobin => {
                    format!("In turn: pick {cursor} mod {count} passing = place {place}.")
                }
            }
        });
        Some(chosen)
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Answer, Thresholds};
    use super::super::handle::Registration;
    use super::*;

    fn three() -> Catalogue {
        let mut list = Catalogue::default();
        for id in ["a", "b", "c"] {
            list.register(Registration::as_in_course(id, "users", 80));
            let check = list.check_mut(id).expect("it is there");
            check.heard(Answer::Http(200), Time::ZERO, Thresholds::default());
        }
        list
    }

    fn shares(rule: Pick) -> [u32; 3] {
        let (mut client, mut rng) = (Discovery::default(), Rng::from_seed(1));
        client.read(&three(), "users", Time::ZERO);
        let mut shares = [0; 3];
        for _ in 0..300 {
            let one = client.pick(rule, &mut rng, &mut Why::off(), str::to_owned);
            let one = one.expect("somebody passes");
            shares[usize::from(one.as_bytes()[0] - b'a')] += 1;
        }
        shares
    }

    #[test]
    fn the_first_takes_all_and_turns_are_even() {
        assert_eq!(shares(Pick::First), [300, 0, 0]);
        assert_eq!(shares(Pick::RoundRobin), [100, 100, 100]);
        assert!(shares(Pick::Random).iter().all(|share| (70..130).contains(share)));
    }

    #[test]
    fn a_list_is_fresh_up_to_and_with_its_time_to_live() {
        let mut client = Discovery::default();
        let (ttl, at) = (Span::from_millis(5_000), |ms: u64| Time::from_ns(ms * 1_000_000));
        assert!(client.fresh(at(0), ttl).is_none());
        client.read(&three(), "users", at(1_000));
        assert!(client.fresh(at(6_000), ttl).is_some());
        assert!(client.fresh(at(6_001), ttl).is_none());
        assert!(client.fresh(at(1_000), Span::ZERO).is_none(), "nothing is kept for no time");
        client.drop_one("b");
        assert_eq!(client.list().len(), 2);
        for id in ["a", "c"] {
            client.drop_one(id);
        }
        assert!(client.fresh(at(1_000), ttl).is_none(), "nobody is left");
    }
}
