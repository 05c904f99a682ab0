//! One guard for each key, for as many keys as fit.
//!
//! A limit for each address or customer is one guard, copied for each key that is seen. Memory is
//! bounded: when a new key comes and all places are taken, the key that was asked for longest ago
//! is forgotten with its guard, as nginx's shared memory zones do. Whoever is forgotten begins
//! anew, so the number of keys has to cover those that are active at once.

use std::collections::BTreeMap;

use super::{Ask, Ended, Guard, Verdict, Withdrawn};
use crate::sim::{Rng, Time, Why};

/// No neighbour.
const NONE: usize = usize::MAX;

#[derive(Clone, Debug)]
struct Place {
    key: Box<[u8]>,
    guard: Box<dyn Guard>,
    /// The one asked for just after this one.
    newer: usize,
    older: usize,
}

/// A guard for each key.
#[derive(Clone, Debug)]
pub struct PerKey {
    prototype: Box<dyn Guard>,
    most: usize,
    places: Vec<Place>,
    by_key: BTreeMap<Box<[u8]>, usize>,
    newest: usize,
    oldest: usize,
}

impl PerKey {
    /// Copies of `prototype`, for at most `most` keys at once (at least one).
    pub fn new(prototype: Box<dyn Guard>, most: usize) -> PerKey {
        let (places, by_key) = (Vec::new(), BTreeMap::new());
        PerKey { prototype, most: most.max(1), places, by_key, newest: NONE, oldest: NONE }
    }

    /// May this one pass, as far as its key goes?
    pub fn admit(&mut self, key: &[u8], ask: &Ask, rng: &mut Rng, why: &mut Why) -> Verdict {
        self.guard(key).admit(ask, rng, why)
    }

    /// A first attempt with this key began; see [`Guard::began`].
    pub fn began(&mut self, key: &[u8], now: Time) {
        self.guard(key).began(now);
    }

    /// One with this key has ended. Nothing happens if the key has been forgotten.
    pub fn ended(&mut self, key: &[u8], ended: &Ended, rng: &mut Rng) {
        if let Some(&place) = self.by_key.get(key) {
            self.places[place].guard.ended(ended, rng);
        }
    }

    /// One with this key never went ahead. Nothing happens if the key has been forgotten.
    pub fn withdrawn(&mut self, key: &[u8], gone: &Withdrawn) {
        if let Some(&place) = self.by_key.get(key) {
            self.places[place].guard.withdrawn(gone);
        }
    }

    /// How many keys are remembered.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Is no key remembered?
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The keys and their guards, the one asked for last first.
    pub fn newest_first(&self) -> impl Iterator<Item = (&[u8], &dyn Guard)> {
        let mut next = self.newest;
        std::iter::from_fn(move || {
            let place = self.places.get(next)?;
            next = place.older;
            Some((&*place.key, &*place.guard))
        })
    }

    /// The guard of this key, now the one asked for last.
    fn guard(&mut self, key: &[u8]) -> &mut dyn Guard {
        let place = match self.by_key.get(key) {
            Some(&place) => {
                self.unlink(place);
                place
            }
            None => self.new_place(key),
        };
        self.link(place);
        &mut *self.places[place].guard
    }

    fn new_place(&mut self, key: &[u8]) -> usize {
        let guard = self.prototype.clone();
        let new = Place { key: key.into(), guard, newer: NONE, older: NONE };
        let place = if self.places.len() < self.most {
            self.places.push(new);
            self.places.len() - 1
        } else {
            let place = self.oldest;
            self.unlink(place);
            self.by_key.remove(&self.places[place].key);
            self.places[place] = new;
            place
        };
        self.by_key.insert(key.into(), place);
        place
    }

    fn unlink(&mut self, place: usize) {
        let Place { newer, older, .. } = self.places[place];
        match newer {
            NONE => self.newest = older,
            newer => self.places[newer].older = older,
        }
        match older {
            NONE => self.oldest = newer,
            older => self.places[older].newer = newer,
        }
    }

    fn link(&mut self, place: usize) {
        let before = std::mem::replace(&mut self.newest, place);
        self.places[place].newer = NONE;
        self.places[place].older = before;
        match before {
            NONE => self.oldest = place,
            before => self.places[before].newer = place,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::make;
    use super::*;
    use crate::policy::Knobs;

    #[test]
    fn each_key_has_its_own_limit_and_the_oldest_is_forgotten() {
        let mut knobs = Knobs::default();
        let entry = super::super::find("bulkhead").expect("it is in the catalogue");
        knobs.set(entry.knobs, "most", 1.0).expect("it has that setting");
        let mut keys = PerKey::new(make("bulkhead", &knobs).expect("it is a guard"), 2);
        let mut ask = |key: &str| {
            let (ask, rng) = (Ask::at(Time::ZERO), &mut Rng::from_seed(1));
            let passes = keys.admit(key.as_bytes(), &ask, rng, &mut Why::off()) == Verdict::Pass;
            let known =
                keys.newest_first().map(|(key, _)| String::from_utf8_lossy(key).into_owned());
            (passes, known.collect::<Vec<_>>().join(" "))
        };
        assert_eq!(ask("a"), (true, "a".to_owned()));
        assert_eq!(ask("b"), (true, "b a".to_owned()));
        assert_eq!(ask("a"), (false, "a b".to_owned()), "a has used its place");
        assert_eq!(ask("c"), (true, "c a".to_owned()), "b was asked for longest ago");
        assert_eq!(ask("a"), (false, "a c".to_owned()));
        assert_eq!(ask("b"), (true, "b a".to_owned()), "and begins anew");
        assert_eq!(ask(""), (true, " b".to_owned()), "an empty key is a key");
    }

    #[test]
    fn ends_and_withdrawals_find_their_key_or_nobody() {
        let mut keys = PerKey::new(make("bulkhead", Knobs::DEFAULTS).expect("a guard"), 0);
        let rng = &mut Rng::from_seed(1);
        keys.admit(b"a", &Ask::at(Time::ZERO), rng, &mut Why::off());
        keys.ended(b"b", &Ended::well(Time::ZERO, crate::sim::Span::ZERO), rng);
        keys.withdrawn(b"b", &Withdrawn::rejected(Time::ZERO));
        assert_eq!((keys.len(), keys.is_empty()), (1, false), "room for one at least");
        let under_way =
            |keys: &PerKey| keys.newest_first().map(|(_, g)| g.under_way()).sum::<u32>();
        assert_eq!(under_way(&keys), 1);
        keys.withdrawn(b"a", &Withdrawn::rejected(Time::ZERO));
        assert_eq!(under_way(&keys), 0);
        keys.began(b"\xff", Time::ZERO);
        assert_eq!(keys.len(), 1);
    }
}
