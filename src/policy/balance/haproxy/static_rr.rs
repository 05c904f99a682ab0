//! HAProxy's static-rr: round robin over a map that is built once.
//!
//! The map has one slot per unit of weight (`map.rs` says how it is filled); requests take its
//! slots in turn. Full servers are passed over. When a server comes or goes the map is built anew
//! and the walk goes on from the same slot number. Unlike roundrobin it costs almost nothing per
//! request, but the real one refuses new weights at runtime except 0 and the configured one; here a
//! new weight is treated as a new configuration.
//!
//! Whose: HAProxy 2.6, `balance static-rr`. Ties while the map is built: the first in the list.

use super::map::Map;
use super::{ALL_BACKUPS, Pool, avoided, explain_nobody};
use crate::policy::balance::{Ask, Backend, Balancer, Entry, Memory, Pick};
use crate::sim::{Line, Rng, Time, Why};

/// The state.
#[derive(Clone, Debug)]
pub struct HaproxyStaticRr {
    pool: Pool,
    map: Map,
}

impl HaproxyStaticRr {
    /// With or without `option allbackups`.
    pub fn new(all_backups: bool) -> HaproxyStaticRr {
        HaproxyStaticRr { pool: Pool::new(all_backups), map: Map::default() }
    }

    fn explain(&self, place: usize, slot: usize, backends: &[Backend], why: &mut Why) {
        for (other, backend) in backends.iter().enumerate() {
            why.line(|| Line {
                subject: backend.name.to_string(),
                numbers: self.map.words(other, &self.pool, backends),
                chosen: other == place,
            });
        }
        why.say(|| {
            let (name, (_, all)) = (&backends[place].name, self.map.share(place));
            format!("It was the turn of slot {} of {all}, which is {name}'s.", slot + 1)
        });
    }
}

impl Balancer for HaproxyStaticRr {
    fn pick(&mut self, ask: &Ask, backends: &[Backend], _: &mut Rng, why: &mut Why) -> Pick {
        let Some((place, slot)) = self.map.in_turn(avoided(ask), &self.pool, backends) else {
            explain_nobody(&self.pool, backends, why);
            return Pick::Nobody;
        };
        if why.wanted() {
            self.explain(place, slot, backends, why);
        }
        Pick::Backend(place)
    }

    fn knows_limits(&self) -> bool {
        true
    }

    fn takes_waiting(&self, place: usize, _: &[Backend]) -> bool {
        self.pool.serves(place)
    }

    fn added(&mut self, backends: &[Backend]) {
        self.pool.added(backends);
        self.map.changed(&self.pool);
    }

    fn removed(&mut self, place: usize, _: &[Backend]) {
        if self.pool.removed(place).is_some() {
            self.map.removed(place, &self.pool);
        }
    }

    fn changed(&mut self, place: usize, backends: &[Backend]) {
        if self.pool.changed(place, backends).is_some_and(|(before, now)| before != now) {
            self.map.changed(&self.pool);
        }
    }

    fn memory(&self, _: &[Backend], _: Time) -> Memory {
        let mut map = self.map.clone();
        map.ready(&self.pool);
        Memory::Order(map.order().collect())
    }

    fn check(&self, backends: &[Backend]) -> Result<(), String> {
        self.pool.check(backends)?;
        self.map.check(&self.pool)
    }
}

/// As people meet it.
pub(in crate::policy::balance) const ENTRY: Entry = Entry {
    key: "haproxy_static_rr",
    wire: 31,
    name: "HAProxy static-rr",
    whose: "HAProxy 2.6, balance static-rr",
    rule: "A table with one slot per unit of weight, well mixed; requests take its slots in turn.",
    cost: "O(1) time; O(n W) to build the table anew when a server comes, goes or is drained; one \
           number per slot",
    when: "Weights never change and a decision should cost nothing.",
    when_not: "Weights change while it runs, or servers have to start slowly.",
    source: "HAProxy 2.6 manual, balance static-rr; recorded from HAProxy 2.6.12",
    knobs: &[ALL_BACKUPS],
    make: |knobs| Box::new(HaproxyStaticRr::new(knobs.count(&ALL_BACKUPS) > 0)),
};

#[cfg(test)]
mod tests {
    use super::super::testing::{list, names, picks};
    use super::*;
    use crate::sim::Rng;
    use proptest::prelude::*;

    fn policy(list: &[Backend]) -> HaproxyStaticRr {
        let mut policy = HaproxyStaticRr::new(false);
        policy.added(list);
        policy
    }

    /// As recorded: a is disabled before request 8 and enabled before request 17.
    #[test]
    fn the_walk_goes_on_when_a_server_comes_or_goes() {
        let mut list = list(&[3, 2, 1]);
        let mut policy = policy(&list);
        assert_eq!(picks(&mut policy, &list, 8), "aababcaa");
        list[0].healthy = false;
        policy.changed(0, &list);
        assert_eq!(picks(&mut policy, &list, 9), "cbbcbbcbb");
        list[0].healthy = true;
        policy.changed(0, &list);
        assert_eq!(policy.memory(&list, Time::ZERO), Memory::Order(vec![1, 0, 1, 2, 0, 0]));
        assert_eq!(picks(&mut policy, &list, 13), "babcaababcaab");
    }

    #[test]
    fn says_whose_slot_it_was() {
        let mut list = list(&[3, 1]);
        (list[1].in_flight, list[1].in_flight_max) = (2, 2);
        let mut policy = policy(&list);
        let mut why = Why::on();
        policy.pick(&Ask::NOTHING, &list, &mut Rng::from_seed(1), &mut why);
        let rows: Vec<&str> = why.lines.iter().map(|line| line.numbers.as_str()).collect();
        assert_eq!(rows, ["3 of 4 slots", "1 of 4 slots, full"]);
        assert_eq!(why.sentence, "It was the turn of slot 1 of 4, which is a's.");
    }

    #[test]
    fn the_server_just_tried_is_the_last_resort() {
        let list = list(&[1, 1]);
        let mut policy = policy(&list);
        let rng = &mut Rng::from_seed(1);
        let again = Ask { tried: &[0], ..Ask::NOTHING };
        for _ in 0..3 {
            assert_eq!(policy.pick(&again, &list, rng, &mut Why::off()), Pick::Backend(1));
        }
        let mut alone = self::policy(&list[..1]);
        assert_eq!(alone.pick(&again, &list[..1], rng, &mut Why::off()), Pick::Backend(0));
    }

    #[test]
    fn all_backups_share_when_told_to() {
        let mut list = list(&[1, 2, 1]);
        list[0].healthy = false;
        (list[1].backup, list[2].backup) = (true, true);
        assert_eq!(picks(&mut policy(&list), &list, 4), "bbbb");
        let mut all = HaproxyStaticRr::new(true);
        all.added(&list);
        assert_eq!(picks(&mut all, &list, 6), "bbcbbc");
    }

    proptest! {
        /// Over a cycle every server gets exactly its share.
        #[test]
        fn shares_are_exact(weights in prop::collection::vec(0..=256i64, 1..12)) {
            let list = list(&weights);
            let taken = picks(&mut policy(&list), &list, weights.iter().sum::<i64>() as usize);
            for (name, weight) in names(&list).zip(&weights) {
                prop_assert_eq!(taken.matches(name).count() as i64, *weight, "{}", taken);
            }
        }
    }
}
