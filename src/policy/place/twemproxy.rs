//! twemproxy (nutcracker): its ketama ring and its `modula`, each with any of its twelve hashes.
//!
//! Ketama: as libketama's, but counted in groups of four points with 32-bit rounding of its own (of
//! 25 equal servers each gets 156 points, of 24 or 26 each gets 160), and with the proxy's own hash
//! for keys. Modula: servers sorted by name, **shorter names first, then by bytes**, each repeated
//! as often as its weight says; the hash modulo the length of that list. A server without a name of
//! its own is called "host:port", or only "host" when the port is 11211. With the hash `crc32`,
//! which has 15 bits, a ring of 32 bits leaves nearly all keys to one server.
//!
//! A server that fails too often is ejected (`auto_eject_hosts`): ring or list are made anew
//! without it. For modula the preference says just that; for the ring it names the next servers on
//! the ring as it stands, which are the same except where points of others come or go.
//!
//! Source: twemproxy 0.5.0, `nc_ketama.c` and `nc_modula.c`; order and names as recorded from it.

use std::sync::Arc;

use super::ketama::add_points;
use super::members::{MOST_POINTS, admit, at_most, shown, weights};
use super::ring::{Points, RingPlacement, Scheme};
use super::{Entry, Knob, Knobs, Picture, Placement, Refusal, Second, Shard};
use crate::policy::hash::twemproxy::{KEY_HASHES, KeyHash};
use crate::sim::{Line, Why};

const HASH: Knob = Knob {
    key: "hash",
    wire: 0,
    label: "Key hash",
    unit: "",
    help: "0 one_at_a_time, 1 md5, 2 crc16, 3 crc32, 4 crc32a, 5 fnv1_64, 6 fnv1a_64, 7 fnv1_32, \
           8 fnv1a_32, 9 hsieh, 10 murmur, 11 jenkins.",
    min: 0.0,
    max: 11.0,
    default: 6.0,
    whole: true,
};

const POINTS: Knob = Knob {
    key: "points",
    wire: 1,
    label: "Points per server",
    unit: "",
    help: "How many points a server of average weight gets, in groups of four; 160 in twemproxy, \
           where it cannot be changed.",
    min: 4.0,
    max: 4_000.0,
    default: 160.0,
    whole: true,
};

fn key_hash(knobs: &Knobs) -> &'static KeyHash {
    &KEY_HASHES[knobs.count(&HASH).min(KEY_HASHES.len() - 1)]
}

/// What twemproxy calls a server that is "host:port".
fn server_name(name: &str) -> &str {
    name.strip_suffix(":11211").unwrap_or(name)
}

/// How many groups of four points each server gets.
fn groups(points: usize, weights: &[u64]) -> Vec<usize> {
    let total = weights.iter().fold(0u64, |sum, &weight| sum.saturating_add(weight)) as f32;
    let group = |&weight: &u64| {
        let share = weight as f32 / total;
        let groups = share * points as f32 / 4.0 * weights.len() as f32;
        ((f64::from(groups) + 1e-10) as f32).floor() as usize
    };
    weights.iter().map(group).collect()
}

/// The servers in twemproxy's order: places in `shards`.
fn sorted(shards: &[Shard]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..shards.len()).collect();
    let name = |place: usize| server_name(&shards[place].name);
    order.sort_by(|&a, &b| (name(a).len(), name(a)).cmp(&(name(b).len(), name(b))));
    order
}

fn points(knobs: &Knobs, shards: &[Shard]) -> Result<Points, Refusal> {
    let groups = groups(knobs.count(&POINTS), &weights(shards)?);
    let sum = groups.iter().fold(0usize, |sum, &group| sum.saturating_add(group));
    at_most(MOST_POINTS, "points", sum.saturating_mul(4))?;
    let mut points = Vec::with_capacity(sum * 4);
    for place in sorted(shards) {
        add_points(server_name(&shards[place].name), place as u32, groups[place], &mut points);
    }
    Ok(points)
}

static SCHEME: Scheme = Scheme {
    size: 1 << 32,
    points,
    position: |knobs, key| u64::from((key_hash(knobs).hash)(key)),
    words: |knobs| key_hash(knobs).name,
    shown: |position| position.to_string(),
    second: Second::Neighbour(
        "After the owner come the next distinct servers on the ring as it stands. twemproxy makes \
         the ring anew without a server that it ejects, and where a group of points of another \
         server comes or goes with that, another server owns the key.",
    ),
};

/// The ring.
pub(super) const ENTRY_KETAMA: Entry = Entry {
    key: "twemproxy_ketama",
    wire: 4,
    name: "twemproxy ring",
    whose: "twemproxy 0.5.0, distribution ketama",
    rule: "Every server has about 160 md5 points on a ring, by weight; the next point at or after \
           the key's hash owns it.",
    cost: "O(log points) time; about 160 points of memory per server",
    when: "memcached or Redis behind twemproxy, with servers that come and go.",
    when_not: "With the hash crc32, whose 15 bits do not reach most of the ring. Or no key but \
               those of the changed server may move: with unequal weights a few others do.",
    source: "twemproxy nc_ketama.c",
    knobs: &[HASH, POINTS],
    make: |knobs, shards| Ok(Box::new(RingPlacement::new(&SCHEME, knobs, shards)?)),
};

/// A list of servers, repeated by weight, and a rest.
#[derive(Clone, Debug)]
struct Modula {
    key_hash: &'static KeyHash,
    shards: Arc<[Shard]>,
    /// One place of a shard for every unit of weight.
    table: Arc<[u32]>,
    /// The shards with weight, as they follow in the table, each with its weight.
    order: Arc<[(usize, usize)]>,
}

impl Modula {
    fn new(key_hash: &'static KeyHash, shards: &[Shard]) -> Result<Modula, Refusal> {
        let shards = admit(shards)?;
        let weights = weights(&shards)?;
        let total = weights.iter().fold(0u64, |sum, &weight| sum.saturating_add(weight));
        at_most(MOST_POINTS, "units of weight", usize::try_from(total).unwrap_or(usize::MAX))?;
        let order: Arc<[(usize, usize)]> = (sorted(&shards).into_iter())
            .map(|place| (place, weights[place] as usize))
            .filter(|&(_, weight)| weight > 0)
            .collect();
        let repeat = |&(place, weight): &(usize, usize)| std::iter::repeat_n(place as u32, weight);
        let table = order.iter().flat_map(repeat).collect();
        Ok(Modula { key_hash, shards, table, order })
    }

    fn at(&self, key: &[u8]) -> usize {
        (self.key_hash.hash)(key) as usize % self.table.len()
    }
}

impl Placement for Modula {
    fn owner(&self, key: &[u8], why: &mut Why) -> Option<usize> {
        let at = self.at(key);
        let owner = self.table[at] as usize;
        why.line(|| Line {
            subject: self.shards[owner].name.to_string(),
            numbers: format!("{} mod {} = {at}", (self.key_hash.hash)(key), self.table.len()),
            chosen: true,
        });
        why.say(|| {
            let (hash, name) = ((self.key_hash.hash)(key), self.key_hash.name);
            let (length, owner) = (self.table.len(), &self.shards[owner].name);
            let key = shown(key);
            format!(
                "{key} has {name} {hash}; {hash} mod {length} = {at}. \
                 Sorted by length, then name, and repeated by weight, place {at} is {owner}."
            )
        });
        Some(owner)
    }

    /// The same rule over the list without those before, as when the proxy has ejected them.
    fn preference(&self, key: &[u8], count: usize, out: &mut Vec<usize>) {
        out.clear();
        let hash = (self.key_hash.hash)(key) as usize;
        let mut left: Vec<(usize, usize)> = self.order.to_vec();
        let mut units = self.table.len();
        while out.len() < count && units > 0 {
            let mut at = hash % units;
            let owns = |&(_, weight): &(usize, usize)| {
                let owns = at < weight;
                at = at.wrapping_sub(weight);
                owns
            };
            let Some(number) = left.iter().position(owns) else { return };
            let (place, weight) = left.remove(number);
            out.push(place);
            units -= weight;
        }
    }

    fn second(&self) -> Second {
        Second::Heir
    }

    fn weighted(&self) -> bool {
        true
    }

    fn with(&self, shards: &[Shard]) -> Result<Box<dyn Placement>, Refusal> {
        Ok(Box::new(Modula::new(self.key_hash, shards)?))
    }

    fn picture(&self) -> Picture {
        Picture::Table(self.table.to_vec())
    }

    fn position(&self, key: &[u8]) -> Option<u64> {
        Some(self.at(key) as u64)
    }
}

/// The rest.
pub(super) const ENTRY_MODULA: Entry = Entry {
    key: "twemproxy_modula",
    wire: 5,
    name: "twemproxy modula",
    whose: "twemproxy 0.5.0, distribution modula",
    rule: "Servers sorted by length of name, then name, each repeated by weight; the key's hash \
           modulo the length of that list.",
    cost: "O(1) time; one entry of memory per unit of weight",
    when: "A fixed set of servers.",
    when_not: "Servers come and go: nearly every key moves, and a new name may sort anywhere.",
    source: "twemproxy nc_modula.c, order as recorded",
    knobs: &[HASH],
    make: |knobs, shards| Ok(Box::new(Modula::new(key_hash(knobs), shards)?)),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shorter_names_come_first() {
        let list = ["alpha", "beta", "gamma", "delta"].map(|name| Shard::new(name, 1));
        assert_eq!(sorted(&list), [1, 0, 3, 2]);
        let list = [Shard::new("10.0.0.9:11211", 1), Shard::new("10.0.0.10", 1)];
        assert_eq!(server_name(&list[0].name), "10.0.0.9");
        assert_eq!(sorted(&list), [0, 1]);
    }

    #[test]
    fn modula_repeats_by_weight() {
        let list = [Shard::new("b", 2), Shard::new("a", 1), Shard::new("c", 0)];
        let place = Modula::new(&KEY_HASHES[1], &list).expect("a list");
        assert_eq!(place.picture(), Picture::Table(vec![1, 0, 0]));
        let mut out = Vec::new();
        place.preference(b"k", 9, &mut out);
        assert_eq!(out.len(), 2, "c never gets a key");
        // Without the owner the hash is taken modulo what is left.
        let list = ["a", "b", "c"].map(|name| Shard::new(name, 1));
        let place = Modula::new(&KEY_HASHES[1], &list).expect("a list");
        let hash = (KEY_HASHES[1].hash)(b"k") as usize;
        place.preference(b"k", 2, &mut out);
        let left: Vec<usize> = (0..3).filter(|&place| place != hash % 3).collect();
        assert_eq!(out, [hash % 3, left[hash % 2]]);
        assert!(Modula::new(&KEY_HASHES[1], &[Shard::new("a", i64::MAX)]).is_err());
    }

    #[test]
    fn every_hash_gives_another_map() {
        let list = ["a", "b", "c", "d", "e"].map(|name| Shard::new(name, 1));
        let mut maps = Vec::new();
        for hash in 0..12 {
            let mut knobs = Knobs::default();
            knobs.set(&[HASH], "hash", f64::from(hash)).expect("in range");
            let place = (ENTRY_MODULA.make)(&knobs, &list).expect("a list");
            let owner = |key: u32| place.owner(key.to_string().as_bytes(), &mut Why::off());
            maps.push((0..64).map(owner).collect::<Vec<_>>());
        }
        maps.sort();
        maps.dedup();
        assert_eq!(maps.len(), 12);
    }

    #[test]
    fn only_crc32_is_narrow() {
        let narrow = |known: &&KeyHash| {
            (0..1_000u32).all(|key| (known.hash)(key.to_string().as_bytes()) < 1 << 16)
        };
        let names: Vec<&str> = KEY_HASHES.iter().filter(narrow).map(|known| known.name).collect();
        assert_eq!(names, ["crc32"]);
    }

    #[test]
    fn the_ring_has_whole_groups_of_four() {
        assert_eq!(groups(160, &[1, 1, 1]), [40, 40, 40]);
        let uneven = |n: &usize| groups(160, &vec![7; *n]) != vec![40; *n];
        assert_eq!((1..62).filter(uneven).collect::<Vec<usize>>(), [25, 47, 50, 55, 61]);
        assert_eq!(groups(160, &[1; 25]), [39; 25]);
        assert_eq!(groups(160, &[3, 1, 2]), [60, 20, 40]);
        let mut knobs = Knobs::default();
        knobs.set(&[HASH, POINTS], "points", 8.0).expect("in range");
        let list = ["a", "b"].map(|name| Shard::new(name, 1));
        assert_eq!(points(&knobs, &list).map(|points| points.len()), Ok(16));
    }
}
