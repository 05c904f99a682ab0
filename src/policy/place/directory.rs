//! A directory: a table that says, key by key, where it lives.
//!
//! The freest placement (any key can move alone, a big customer can have a shard of its own) and
//! the one with most to keep: an entry per key, in a service that every request asks. A key that is
//! not listed has no owner, or goes to one shard that is named for such keys.
//!
//! When members change, entries of lost shards go: their keys move to the next shard in their
//! entry, and to the shard for keys not listed (or nobody) when there is none. If that shard itself
//! is lost, keys not listed have no owner. Nothing moves to a new shard by itself.
//!
//! The preference is in that order: the entry's own shards, the shard for keys not listed, then the
//! rest of the list, which no key goes to unless it is listed there.
//!
//! Source: System design textbooks' lookup-based sharding; Vitess calls it a lookup vindex.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::members::{admit, places, shown};
use super::{Entry, Knob, Knobs, Picture, Placement, Refusal, Second, Shard};
use crate::sim::{Line, Why};

const DEFAULT: Knob = Knob {
    key: "default",
    wire: 0,
    label: "Shard for keys not listed",
    unit: "",
    help: "The number, from 1, of the shard for keys that are not listed; 0: they have no owner.",
    min: 0.0,
    max: 100_000.0,
    default: 1.0,
    whole: true,
};

/// Keys by list.
#[derive(Clone, Debug)]
pub struct Directory {
    shards: Arc<[Shard]>,
    /// The shard for keys that are not listed.
    default: Option<usize>,
    /// The shards of each key: the owner first, then its replicas. Never empty.
    entries: Arc<BTreeMap<Vec<u8>, Vec<usize>>>,
}

impl Directory {
    /// A directory that lists nothing. Keys not listed go to the place `default`, or nowhere.
    ///
    /// # Errors
    /// When the list of shards cannot be used or there is no such place.
    pub fn new(default: Option<usize>, shards: &[Shard]) -> Result<Directory, Refusal> {
        let shards = admit(shards)?;
        match default {
            Some(place) if place >= shards.len() => {
                let words = format!("there is no shard {} for keys not listed", place + 1);
                Err(Refusal::Settings(words))
            }
            _ => Ok(Directory { shards, default, entries: Arc::default() }),
        }
    }

    /// Lists `key` at these places, the owner first; at none, it is taken off the list.
    ///
    /// # Errors
    /// When there is no such place, or one is there twice.
    pub fn assign(&mut self, key: &[u8], places: &[usize]) -> Result<(), Refusal> {
        if let Some(place) = places.iter().find(|&&place| place >= self.shards.len()) {
            return Err(Refusal::Settings(format!("there is no shard {place}")));
        }
        let mut sorted = places.to_vec();
        sorted.sort_unstable();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Refusal::Duplicate(self.shards[pair[0]].name.to_string()));
        }
        let entries = Arc::make_mut(&mut self.entries);
        match places {
            [] => entries.remove(key),
            _ => entries.insert(key.to_vec(), places.to_vec()),
        };
        Ok(())
    }

    /// As the catalogue makes it, with the number of the shard for keys not listed from `knobs`.
    ///
    /// # Errors
    /// As [`Directory::new`].
    pub fn with_knobs(knobs: &Knobs, shards: &[Shard]) -> Result<Directory, Refusal> {
        Directory::new(knobs.count(&DEFAULT).checked_sub(1), shards)
    }

    /// How many keys are listed.
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    fn owner_of(&self, key: &[u8]) -> Option<usize> {
        let listed = self.entries.get(key).and_then(|places| places.first().copied());
        listed.or(self.default)
    }
}

impl Placement for Directory {
    fn owner(&self, key: &[u8], why: &mut Why) -> Option<usize> {
        let owner = self.owner_of(key);
        if why.wanted() {
            let listed = self.entries.contains_key(key);
            let key = shown(key);
            let Some(owner) = owner else {
                why.say(|| {
                    format!("{key} is not in the list, and there is no shard for such keys.")
                });
                return None;
            };
            let name = &self.shards[owner].name;
            why.line(|| Line {
                subject: name.to_string(),
                numbers: if listed { "listed" } else { "not listed" }.to_owned(),
                chosen: true,
            });
            why.say(|| match listed {
                true => format!("The list, of length {}, says {key} is in {name}.", self.count()),
                false => format!("{key} is not in the list; such keys go to {name}."),
            });
        }
        owner
    }

    /// The entry's own shards, the one for keys not listed, then the others in list order.
    fn preference(&self, key: &[u8], count: usize, out: &mut Vec<usize>) {
        out.clear();
        let Some(owner) = self.owner_of(key) else { return };
        let listed = self.entries.get(key).map_or(&[][..], Vec::as_slice);
        let own = [owner].into_iter().chain(listed.iter().copied()).chain(self.default);
        let all = own.chain(0..self.shards.len());
        for place in all {
            if out.len() >= count.min(self.shards.len()) {
                return;
            }
            if !out.contains(&place) {
                out.push(place);
            }
        }
    }

    fn second(&self) -> Second {
        Second::Neighbour(
            "After the owner come the key's other shards in the list, then the shard for keys not \
             listed, then the rest. When the owner leaves, the key goes to the first of these but \
             never to the rest: then it has no owner.",
        )
    }

    fn with(&self, shards: &[Shard]) -> Result<Box<dyn Placement>, Refusal> {
        let shards = admit(shards)?;
        let now = places(&self.shards, &shards);
        let kept = |(key, places): (&Vec<u8>, &Vec<usize>)| {
            let places: Vec<usize> = places.iter().filter_map(|&place| now[place]).collect();
            (!places.is_empty()).then(|| (key.clone(), places))
        };
        let entries = Arc::new(self.entries.iter().filter_map(kept).collect());
        let default = self.default.and_then(|place| now[place]);
        Ok(Box::new(Directory { shards, default, entries }))
    }

    /// The entries in order of their keys.
    fn picture(&self) -> Picture {
        let owners = self.entries.values().filter_map(|places| places.first());
        Picture::Table(owners.map(|&place| place as u32).collect())
    }
}

pub(super) const ENTRY: Entry = Entry {
    key: "directory",
    wire: 19,
    name: "Directory",
    whose: "lookup-based sharding",
    rule: "A list says where each key lives; keys not listed go to one named shard, or have no \
           owner. Weights are ignored.",
    cost: "O(log keys) time and a request to whoever keeps the list; one entry of memory per key",
    when: "Few, big, unequal customers, each moved by hand.",
    when_not: "Very many keys: the list becomes a database that needs sharding itself.",
    source: "Textbooks; Vitess lookup vindexes",
    knobs: &[DEFAULT],
    make: |knobs: &Knobs, shards| Ok(Box::new(Directory::with_knobs(knobs, shards)?)),
};

#[cfg(test)]
mod tests {
    use super::super::tests::{named, why};
    use super::*;

    fn off() -> Why {
        Why::off()
    }

    #[test]
    fn keys_live_where_the_list_says() {
        let mut place = Directory::new(None, &named(3)).expect("three");
        place.assign(b"acme", &[2, 0]).expect("there");
        assert_eq!(
            (place.owner(b"acme", &mut off()), place.owner(b"other", &mut off())),
            (Some(2), None)
        );
        let mut out = Vec::new();
        place.preference(b"acme", 3, &mut out);
        assert_eq!(out, [2, 0, 1]);
        assert_eq!(why(&place, b"acme").sentence, "The list, of length 1, says \"acme\" is in s2.");
        assert!(place.assign(b"acme", &[3]).is_err() && place.assign(b"acme", &[1, 1]).is_err());
        place.assign(b"acme", &[]).expect("taken off");
        assert_eq!(place.count(), 0);
    }

    #[test]
    fn a_lost_shard_leaves_its_keys_to_the_next_in_their_entries() {
        let mut place = Directory::new(Some(2), &named(3)).expect("three");
        place.assign(b"c", &[0]).expect("there");
        let mut out = Vec::new();
        place.preference(b"c", 3, &mut out);
        assert_eq!(out, [0, 2, 1], "then the one for keys not listed");
        let after = place.with(&named(3)[1..]).expect("two");
        assert_eq!(after.owner(b"c", &mut off()), Some(1), "which is s2");
        place.assign(b"a", &[2, 0]).expect("there");
        place.assign(b"b", &[2]).expect("there");
        let after = place.with(&named(2)).expect("two");
        let owners = [b"a", b"b"].map(|key| after.owner(key, &mut off()));
        assert_eq!(owners, [Some(0), None], "the default is gone as well");
    }

    #[test]
    fn the_default_is_a_knob() {
        let with_default = |number: f64| {
            let mut knobs = Knobs::default();
            knobs.set(&[DEFAULT], "default", number).expect("in range");
            (ENTRY.make)(&knobs, &named(2)).map(|place| place.owner(b"k", &mut off()))
        };
        assert_eq!(with_default(0.0), Ok(None));
        assert_eq!(with_default(2.0), Ok(Some(1)));
        assert!(with_default(3.0).is_err());
    }
}
