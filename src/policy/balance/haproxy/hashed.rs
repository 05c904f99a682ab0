//! HAProxy's hashes: the same key goes to the same server.
//!
//! A request becomes a number (`key.rs`), and the number a server, in one of two ways:
//!
//! * **map-based** (the default): the slot `number mod W` of the static map (`map.rs`). Fast and
//!   exactly by weight, but nearly every key moves when a server comes or goes.
//! * **consistent**: the nearest point on a ring (`ring.rs`). Only the keys of the server that came
//!   or went move. `hash-balance-factor` bounds how much one server can get (`bound.rs`).
//!
//! A request without a key takes the next slot of the map, or the next point of the ring in
//! ascending order, whose server has room; keys do not move that walk. A server chosen by key gets
//! the request even if it is full. While one server alone is in use, source, uri and hdr hash
//! nothing and take slot 0 (url_param hashes all the same; `hash` does as url_param here).
//!
//! Whose: HAProxy 2.6; `preserve_affinity` is of 3.x. Ties: points at equal distance, the one
//! before the hash.

use super::bound::Bound;
use super::hash_knobs::{
    AVALANCHE, BALANCE_FACTOR, CONSISTENT, DEPTH, EMPTY_KEY, FUNCTION, LENGTH, PATH_ONLY,
    PRESERVE_AFFINITY, WHOLE, key_source, named, uri_part,
};
use super::key::{Reader, Source};
use super::map::Map;
use super::ring::Ring;
use super::{ALL_BACKUPS, Pool, Serving, avoided, explain_nobody, explain_only, has_room};
use crate::policy::Knobs;
use crate::policy::balance::{Answer, Ask, Backend, Balancer, Entry, Pick};
use crate::policy::hash::haproxy::HaproxyHash;
use crate::sim::{Rng, Why};

/// From a number to a server.
#[derive(Clone, Debug)]
pub(super) enum Table {
    Map(Map),
    Ring(Ring),
}

/// The state.
#[derive(Clone, Debug)]
pub struct HaproxyHashed {
    pub(super) pool: Pool,
    pub(super) reader: Reader,
    pub(super) table: Table,
    pub(super) bound: Bound,
    /// Does a full server lose its keys as long as it is full?
    spills: bool,
}

impl HaproxyHashed {
    fn new(source: Source, function: Option<HaproxyHash>, knobs: &Knobs) -> HaproxyHashed {
        let consistent = knobs.count(&CONSISTENT) > 0;
        let avalanche = match knobs.count(&AVALANCHE) {
            0 => consistent && function.is_none(),
            choice => choice == 1,
        };
        HaproxyHashed {
            pool: Pool::new(knobs.count(&ALL_BACKUPS) > 0),
            reader: Reader { source, function: function.unwrap_or(HaproxyHash::Sdbm), avalanche },
            table: match consistent {
                true => Table::Ring(Ring::default()),
                false => Table::Map(Map::default()),
            },
            bound: Bound::new(knobs.count(&BALANCE_FACTOR) as u64),
            spills: knobs.count(&PRESERVE_AFFINITY) > 0,
        }
    }

    fn refresh(&mut self, backends: &[Backend]) {
        match &mut self.table {
            Table::Map(map) => map.changed(&self.pool),
            Table::Ring(ring) => ring.changed(&self.pool, backends),
        }
        self.bound.changed(&self.pool, backends);
    }

    /// Is nothing hashed, because there is only one server to find?
    pub(super) fn alone(&self) -> bool {
        self.pool.in_use() == 1 && self.reader.source != Source::Key
    }

    /// The number of a request, before and after the avalanche; nothing if it has no key.
    fn number(&self, ask: &Ask) -> Option<(u32, u32)> {
        if self.alone() { Some((0, 0)) } else { self.reader.read(ask) }
    }

    fn by_map(&mut self, ask: &Ask, backends: &[Backend], why: &mut Why) -> Option<usize> {
        let number = self.number(ask);
        let Table::Map(map) = &mut self.table else { return None };
        let (place, slot) = match number {
            Some((_, hash)) => map.of_hash(hash, &self.pool)?,
            None => map.in_turn(avoided(ask), &self.pool, backends)?,
        };
        if why.wanted() {
            self.explain_slot(ask, number, (place, slot), backends, why);
        }
        Some(place)
    }

    fn by_ring(&mut self, ask: &Ask, backends: &[Backend], why: &mut Why) -> Option<usize> {
        let number = self.number(ask);
        let Table::Ring(ring) = &mut self.table else { return None };
        ring.ready(&self.pool, backends);
        let avoid = avoided(ask);
        let Some(number) = number else {
            let (place, point) = ring.in_turn(avoid, backends).map(|point| ring.point(point))?;
            if why.wanted() {
                self.explain_turn(place, point, backends, why);
            }
            return Some(place);
        };
        let Table::Ring(ring) = &self.table else { return None };
        let may = |place| self.passed_over(place, avoid, backends).is_none();
        let found = ring.near(number.1, may)?;
        if why.wanted() {
            self.explain(ask, number, found, backends, why);
        }
        Some(ring.point(found.taken).0)
    }

    /// Why the server of a point may not be used; nothing if it may.
    pub(super) fn passed_over(
        &self,
        place: usize,
        avoid: Option<usize>,
        backends: &[Backend],
    ) -> Option<Passed> {
        if avoid == Some(place) {
            Some(Passed::Tried)
        } else if self.bound.on() && !self.bound.allows(place, &self.pool) {
            Some(Passed::Share)
        } else if self.spills && backends.get(place).is_none_or(|backend| !has_room(backend)) {
            Some(Passed::Full)
        } else {
            None
        }
    }
}

/// Why a server was passed over on the ring.
#[derive(Clone, Copy, Debug)]
pub(super) enum Passed {
    Tried,
    Share,
    Full,
}

impl Balancer for HaproxyHashed {
    fn pick(&mut self, ask: &Ask, backends: &[Backend], _: &mut Rng, why: &mut Why) -> Pick {
        let found = match (&self.table, self.pool.serving()) {
            (Table::Ring(_), Serving::Only(place)) if place < backends.len() => {
                explain_only(place, backends, why);
                return Pick::Backend(place);
            }
            (Table::Ring(_), _) => self.by_ring(ask, backends, why),
            (Table::Map(_), _) => self.by_map(ask, backends, why),
        };
        match found {
            Some(place) => Pick::Backend(place),
            None => {
                explain_nobody(&self.pool, backends, why);
                self.explain_lost(backends, why);
                Pick::Nobody
            }
        }
    }

    fn knows_limits(&self) -> bool {
        true
    }

    fn asked_past_queue(&self) -> bool {
        true
    }

    fn takes_waiting(&self, place: usize, _: &[Backend]) -> bool {
        self.pool.serves(place)
    }

    fn added(&mut self, backends: &[Backend]) {
        self.pool.added(backends);
        self.refresh(backends);
    }

    fn removed(&mut self, place: usize, backends: &[Backend]) {
        if self.pool.removed(place).is_some() {
            match &mut self.table {
                Table::Map(map) => map.removed(place, &self.pool),
                Table::Ring(ring) => ring.removed(place),
            }
            self.bound.changed(&self.pool, backends);
        }
    }

    fn changed(&mut self, place: usize, backends: &[Backend]) {
        if self.pool.changed(place, backends).is_some_and(|(before, now)| before != now) {
            self.refresh(backends);
        }
    }

    fn sent(&mut self, place: usize, backends: &[Backend]) {
        self.bound.counted(place, backends);
    }

    fn answered(&mut self, place: usize, _: &Answer, backends: &[Backend]) {
        self.bound.counted(place, backends);
    }

    fn reads_key(&self) -> bool {
        self.reader.source != Source::Client
    }

    fn check(&self, backends: &[Backend]) -> Result<(), String> {
        self.pool.check(backends)?;
        self.bound.check(backends)?;
        match &self.table {
            Table::Map(map) => map.check(&self.pool),
            Table::Ring(ring) => ring.check(&self.pool),
        }
    }
}

/// By the client's address.
pub(in crate::policy::balance) const ENTRY_SOURCE: Entry = Entry {
    key: "haproxy_source",
    wire: 34,
    name: "HAProxy source",
    whose: "HAProxy 2.6, balance source",
    rule: "The client's address, folded to 32 bits if it is longer, picks a slot of a map, or the \
           nearest point of a ring.",
    cost: "O(1) time with a map, O(log points) with a ring; one number per slot or point, and all \
           of them are made anew at each change of health or weight",
    when: "A client should stay with its server and there is no cookie.",
    when_not: "Many clients share an address: they all land on one server.",
    source: "HAProxy 2.6 manual, balance source, hash-type; recorded from HAProxy 2.6.12",
    knobs: &[ALL_BACKUPS, CONSISTENT, AVALANCHE, BALANCE_FACTOR, PRESERVE_AFFINITY],
    make: |knobs| Box::new(HaproxyHashed::new(Source::Client, None, knobs)),
};

/// By the URI.
pub(in crate::policy::balance) const ENTRY_URI: Entry = Entry {
    key: "haproxy_uri",
    wire: 35,
    name: "HAProxy uri",
    whose: "HAProxy 2.6, balance uri",
    rule: "The hash of the URI up to its question mark picks a slot of a map, or the nearest point \
           of a ring.",
    cost: ENTRY_SOURCE.cost,
    when: "Caches stand behind the balancer: each object should be in one of them.",
    when_not: "A few objects get most of the requests: their servers drown, unless a balance \
               factor is set.",
    source: "HAProxy 2.6 manual, balance uri, hash-type; recorded from HAProxy 2.6.12",
    knobs: &[
        ALL_BACKUPS,
        CONSISTENT,
        FUNCTION,
        AVALANCHE,
        BALANCE_FACTOR,
        PRESERVE_AFFINITY,
        WHOLE,
        DEPTH,
        LENGTH,
        PATH_ONLY,
    ],
    make: |knobs| Box::new(HaproxyHashed::new(Source::Uri(uri_part(knobs)), named(knobs), knobs)),
};

/// By a key.
pub(in crate::policy::balance) const ENTRY_KEY: Entry = Entry {
    key: "haproxy_hash",
    wire: 36,
    name: "HAProxy hash",
    whose: "HAProxy 2.6, balance hash, url_param and hdr",
    rule: "The hash of the key picks a slot of a map, or the nearest point of a ring; without a \
           key (for hdr, also with an empty one) the next slot or point is taken.",
    cost: ENTRY_SOURCE.cost,
    when: "The same key should find the same server: its cache or its session is there.",
    when_not: "One key gets most of the requests, unless a balance factor is set.",
    source: "HAProxy 2.6 manual, balance hash, url_param, hdr; recorded from HAProxy 2.6.12",
    knobs: &[
        ALL_BACKUPS,
        CONSISTENT,
        FUNCTION,
        AVALANCHE,
        BALANCE_FACTOR,
        PRESERVE_AFFINITY,
        EMPTY_KEY,
    ],
    make: |knobs| Box::new(HaproxyHashed::new(key_source(knobs), named(knobs), knobs)),
};

#[cfg(test)]
mod tests {
    use super::super::testing::{list, one};
    use super::*;

    /// The strategy with these knobs set, knowing `list`.
    fn policy(entry: &Entry, knobs: &[(&str, f64)], list: &[Backend]) -> Box<dyn Balancer> {
        let mut set = Knobs::default();
        for (key, value) in knobs {
            set.set(entry.knobs, key, *value).expect("a knob in its range");
        }
        let mut policy = (entry.make)(&set);
        policy.added(list);
        policy
    }

    fn went(policy: &mut dyn Balancer, list: &[Backend], key: &str) -> String {
        one(policy, list, &Ask { key: Some(key.as_bytes()), ..Ask::NOTHING })
    }

    fn why(policy: &mut dyn Balancer, list: &[Backend], key: &str) -> (Vec<String>, String) {
        let mut why = Why::on();
        let ask = Ask { key: Some(key.as_bytes()), ..Ask::NOTHING };
        policy.pick(&ask, list, &mut Rng::from_seed(1), &mut why);
        (why.lines.iter().map(|l| format!("{} {}", l.subject, l.numbers)).collect(), why.sentence)
    }

    /// As published with HAProxy: /url1 s2, /url2 s3, /url3 s4, /url4 s1, whatever the query.
    #[test]
    fn a_uri_finds_its_slot() {
        let list = list(&[1, 1, 1, 1]);
        let mut uri = policy(&ENTRY_URI, &[], &list);
        let keys = ["/url1", "/url1?ignore=this-arg", "/url2", "/url3", "/url4"];
        assert_eq!(keys.map(|key| went(&mut *uri, &list, key)), ["b", "b", "c", "d", "a"]);
        let (rows, sentence) = why(&mut *uri, &list, "/url1?x");
        assert_eq!(rows[1], "b 1 of 4 slots");
        let words = "sdbm of \"/url1\" is 4103199409; modulo 4 that is 1, and slot 1 is b's.";
        assert_eq!(sentence, words);
    }

    #[test]
    fn every_knob_moves_some_key() {
        let keys: Vec<String> = (0..200).map(|n| format!("http://h{n}/a/{n}/c/d?q={n}")).collect();
        let mut list = list(&[1, 2, 1]);
        let all = |knobs: &[(&str, f64)], list: &[Backend]| -> String {
            let mut policy = policy(&ENTRY_URI, knobs, list);
            keys.iter().map(|key| went(&mut *policy, list, key)).collect()
        };
        let base = all(&[], &list);
        let knobs = [
            ("consistent", 1.0),
            ("function", 2.0),
            ("function", 3.0),
            ("function", 4.0),
            ("function", 5.0),
            ("avalanche", 1.0),
            ("whole", 1.0),
            ("depth", 4.0),
            ("len", 12.0),
            ("path_only", 1.0),
        ];
        for knob in knobs {
            assert_ne!(all(&[knob], &list), base, "{knob:?}");
        }
        let ring = [("consistent", 1.0)];
        let unset = all(&ring, &list);
        assert_eq!(all(&[ring[0], ("avalanche", 1.0)], &list), unset);
        assert_ne!(all(&[ring[0], ("avalanche", 2.0)], &list), unset);
        // Naming the default function takes the avalanche away.
        assert_ne!(all(&[ring[0], ("function", 1.0)], &list), unset);
        (list[0].in_flight, list[0].in_flight_max) = (1, 1);
        assert_eq!(all(&ring, &list), unset);
        assert_ne!(all(&[ring[0], ("preserve_affinity", 1.0)], &list), unset);
        assert_ne!(all(&[ring[0], ("balance_factor", 101.0)], &list), unset);
        list[0].healthy = false;
        (list[1].backup, list[2].backup) = (true, true);
        assert_ne!(all(&[("all_backups", 1.0)], &list), all(&[], &list));
    }

    /// One more server takes its keys from all and moves no other, on the ring but not on the map.
    #[test]
    fn a_ring_moves_few_keys() {
        let (ten, eleven) = (list(&[1; 10]), list(&[1; 11]));
        let moved = |knobs: &[(&str, f64)]| {
            let mut before = policy(&ENTRY_KEY, knobs, &ten);
            let mut after = policy(&ENTRY_KEY, knobs, &eleven);
            let keys = (0..1_000).map(|n| format!("user:{n}"));
            let pairs =
                keys.map(|key| (went(&mut *before, &ten, &key), went(&mut *after, &eleven, &key)));
            let moves: Vec<(String, String)> = pairs.filter(|(old, new)| old != new).collect();
            (moves.len(), moves.iter().all(|(_, new)| new == "k"))
        };
        let (on_map, on_ring) = (moved(&[]), moved(&[("consistent", 1.0)]));
        assert!(on_map.0 > 850 && !on_map.1, "{on_map:?}");
        assert!(on_ring.0 < 200 && on_ring.1, "{on_ring:?}");
    }

    #[test]
    fn a_bound_passes_over_who_has_its_share() {
        let mut list = list(&[1, 1]);
        let knobs = [("consistent", 1.0), ("balance_factor", 120.0)];
        let mut bounded = policy(&ENTRY_KEY, &knobs, &list);
        assert_eq!(went(&mut *bounded, &list, "hot"), "a");
        list[0].in_flight = 1;
        bounded.sent(0, &list);
        assert_eq!(went(&mut *bounded, &list, "hot"), "b");
        let (rows, sentence) = why(&mut *bounded, &list, "hot");
        assert!(rows.iter().any(|row| row.contains("has 1 of its")), "{rows:?}");
        assert!(
            sentence.ends_with("being passed over, the next one up is that of b."),
            "{sentence}"
        );
        assert_eq!(bounded.check(&list), Ok(()));
    }

    /// An empty key is a key; no key is none.
    #[test]
    fn without_a_key_slots_are_taken_in_turn() {
        let list = list(&[3, 2, 1]);
        let mut hash = policy(&ENTRY_KEY, &[], &list);
        let taken: String = (0..4).map(|_| one(&mut *hash, &list, &Ask::NOTHING)).collect();
        assert_eq!(taken, "aaba");
        assert_eq!(went(&mut *hash, &list, ""), "a");
        let rest: String = (0..2).map(|_| one(&mut *hash, &list, &Ask::NOTHING)).collect();
        assert_eq!(rest, "bc");
        assert!(hash.reads_key() && !policy(&ENTRY_SOURCE, &[], &list).reads_key());
        // As hdr takes it, an empty header is none, and the walk goes on.
        let mut header = policy(&ENTRY_KEY, &[("empty_key", 1.0)], &list);
        let taken: String = (0..6).map(|_| went(&mut *header, &list, "")).collect();
        assert_eq!(taken, "aababc");
        let (rows, sentence) = why(&mut *header, &list, "");
        assert_eq!(rows[0], "a 3 of 6 slots");
        assert_eq!(sentence, "There is no key; it was the turn of slot 0, a's.");
    }

    #[test]
    fn a_walk_without_a_start_looks_at_one_point() {
        let mut list = list(&[1, 1, 1]);
        let mut hash = policy(&ENTRY_KEY, &[("consistent", 1.0)], &list);
        (list[2].in_flight, list[2].in_flight_max) = (1, 1);
        hash.changed(2, &list);
        let mut why = Why::on();
        let picked = hash.pick(&Ask::NOTHING, &list, &mut Rng::from_seed(1), &mut why);
        assert_eq!(picked, Pick::Nobody);
        assert!(why.sentence.ends_with("its server, c, is full."), "{}", why.sentence);
    }

    /// As HAProxy's map has it: with one server in use slot 0 is taken unseen, and when that server
    /// is the first backup, slot 0 may be another one's.
    #[test]
    fn alone_nothing_is_hashed() {
        let mut list = list(&[1, 1]);
        list[1].healthy = false;
        let mut header = policy(&ENTRY_KEY, &[("empty_key", 1.0)], &list);
        let (_, sentence) = why(&mut *header, &list, "user:1");
        assert_eq!(sentence, "Only one server is in use, so nothing is hashed: slot 0 is a's.");
        // The walk has not moved meanwhile.
        list[1].healthy = true;
        header.changed(1, &list);
        assert_eq!([(); 3].map(|()| went(&mut *header, &list, "")).concat(), "aba");
        list[0].healthy = false;
        header.changed(0, &list);
        list[1].backup = true;
        header.changed(1, &list);
        list.push(Backend { backup: true, ..Backend::new(3, "c", 1) });
        header.added(&list);
        assert_eq!(went(&mut *header, &list, "user:1"), "b");
        list[1].weight = 2;
        list[2].weight = 4;
        for place in [1, 2] {
            header.changed(place, &list);
        }
        assert_eq!(went(&mut *header, &list, "user:1"), "c");
        assert_eq!(header.check(&list), Ok(()));
    }
}
