//! HAProxy's first: fill the server with the lowest number, then the next.
//!
//! The usable server with the lowest number that has fewer than `maxconn` requests in flight is
//! taken. Weights say only whether a server is used at all. Without limits everything goes to one
//! server; a limit is the point of it: the fewest servers do the work and the rest can be shut
//! down. Numbers are unique, so there are no ties.
//!
//! Whose: HAProxy 2.6, `balance first`. Source: its manual; recorded from 2.6.12.

use super::tree::Tree;
use super::{
    ALL_BACKUPS, Pool, Serving, avoided, explain_nobody, explain_only, has_room, out_of_it,
};
use crate::policy::balance::{Answer, Ask, Backend, Balancer, Entry, Memory, Pick};
use crate::sim::{Line, Rng, Time, Why};

/// The state: those that can take one more, by number.
#[derive(Clone, Debug)]
pub struct HaproxyFirst {
    pool: Pool,
    trees: [Tree; 2],
}

impl HaproxyFirst {
    /// With or without `option allbackups`.
    pub fn new(all_backups: bool) -> HaproxyFirst {
        HaproxyFirst { pool: Pool::new(all_backups), trees: Default::default() }
    }

    fn explain(&self, place: usize, avoid: Option<usize>, backends: &[Backend], why: &mut Why) {
        for (other, backend) in backends.iter().enumerate() {
            why.line(|| Line {
                subject: backend.name.to_string(),
                numbers: format!(
                    "number {}, {} in flight{}: {}",
                    backend.id,
                    backend.in_flight,
                    match backend.in_flight_max {
                        0 => ", no limit".to_owned(),
                        most => format!(" of at most {most}"),
                    },
                    out_of_it(other, &self.pool, backends).unwrap_or("has room")
                ),
                chosen: other == place,
            });
        }
        why.say(|| {
            let Backend { name, id, .. } = &backends[place];
            match avoid {
                Some(tried) if self.pool.serves(tried) && tried != place => {
                    format!("{name} has the lowest number with room, {id}, but for the one tried.")
                }
                _ => format!("{name} has the lowest number of those with room, {id}."),
            }
        });
    }

    fn refresh(&mut self, place: usize, backends: &[Backend]) {
        let (Some(server), Some(backend)) = (self.pool.servers.get(place), backends.get(place))
        else {
            return;
        };
        let tree = &mut self.trees[server.group()];
        let key = (server.usable && has_room(backend)).then_some(u64::from(backend.id));
        match key {
            _ if key == tree.key(place) => {}
            Some(key) => tree.insert(place, key),
            None => tree.take(place),
        }
    }
}

impl Balancer for HaproxyFirst {
    fn pick(&mut self, ask: &Ask, backends: &[Backend], _: &mut Rng, why: &mut Why) -> Pick {
        let avoid = avoided(ask);
        let found = match self.pool.serving() {
            Serving::Only(place) if place < backends.len() => {
                explain_only(place, backends, why);
                return Pick::Backend(place);
            }
            Serving::Group(group) => {
                let tree = &self.trees[group];
                avoid.map_or_else(|| tree.first(), |avoid| tree.first_but(avoid)).or(tree.first())
            }
            Serving::Only(_) | Serving::Nobody => None,
        };
        let Some(place) = found else {
            explain_nobody(&self.pool, backends, why);
            return Pick::Nobody;
        };
        if why.wanted() {
            self.explain(place, avoid, backends, why);
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
        let known = self.pool.servers.len();
        self.pool.added(backends);
        let count = self.pool.servers.len();
        self.trees.iter_mut().for_each(|tree| tree.grow(count));
        (known..count).for_each(|place| self.refresh(place, backends));
    }

    fn removed(&mut self, place: usize, _: &[Backend]) {
        if self.pool.removed(place).is_some() {
            self.trees.iter_mut().for_each(|tree| tree.remove(place));
        }
    }

    fn changed(&mut self, place: usize, backends: &[Backend]) {
        if self.pool.changed(place, backends).is_some() {
            self.trees.iter_mut().for_each(|tree| tree.take(place));
            self.refresh(place, backends);
        }
    }

    fn sent(&mut self, place: usize, backends: &[Backend]) {
        self.refresh(place, backends);
    }

    fn answered(&mut self, place: usize, _: &Answer, backends: &[Backend]) {
        self.refresh(place, backends);
    }

    /// The servers in the order in which they fill up.
    fn memory(&self, backends: &[Backend], _: Time) -> Memory {
        let mut order: Vec<usize> =
            (0..backends.len()).filter(|place| self.pool.serves(*place)).collect();
        order.sort_by_key(|place| backends[*place].id);
        Memory::Order(order)
    }

    fn check(&self, backends: &[Backend]) -> Result<(), String> {
        self.pool.check(backends)?;
        self.trees.iter().try_for_each(Tree::check)?;
        for (place, (server, backend)) in self.pool.servers.iter().zip(backends).enumerate() {
            let inside = server.usable && has_room(backend);
            let key = self.trees[server.group()].key(place);
            if key != inside.then_some(u64::from(backend.id)) {
                return Err(format!("{} is wrong in the tree", backend.name));
            }
        }
        Ok(())
    }
}

/// As people meet it.
pub(in crate::policy::balance) const ENTRY: Entry = Entry {
    key: "haproxy_first",
    wire: 33,
    name: "HAProxy first",
    whose: "HAProxy 2.6, balance first",
    rule: "The server with the lowest number that has not reached its limit.",
    cost: "O(log n) time; a tree of the servers",
    when: "The fewest servers should do the work, so that the others can be switched off.",
    when_not: "Servers have no limit: the first would get everything.",
    source: "HAProxy 2.6 manual, balance first; recorded from HAProxy 2.6.12",
    knobs: &[ALL_BACKUPS],
    make: |knobs| Box::new(HaproxyFirst::new(knobs.count(&ALL_BACKUPS) > 0)),
};

#[cfg(test)]
mod tests {
    use super::super::testing::{list, one};
    use super::*;

    #[test]
    fn the_lowest_number_fills_up_first() {
        let mut list = list(&[1, 1, 1]);
        for (backend, (id, most)) in list.iter_mut().zip([(30, 1), (20, 2), (10, 1)]) {
            (backend.id, backend.in_flight_max) = (id, most);
        }
        let mut policy = HaproxyFirst::new(false);
        policy.added(&list);
        let mut went = String::new();
        for _ in 0..5 {
            let name = one(&mut policy, &list, &Ask::NOTHING);
            if let Some(place) = list.iter().position(|backend| *backend.name == *name) {
                list[place].in_flight += 1;
                policy.sent(place, &list);
            }
            went += &name;
        }
        assert_eq!(went, "cbba-");
        assert_eq!(policy.check(&list), Ok(()));
        assert_eq!(policy.memory(&list, Time::ZERO), Memory::Order(vec![2, 1, 0]));
    }

    #[test]
    fn says_who_was_full() {
        let mut list = list(&[1, 1]);
        (list[0].in_flight, list[0].in_flight_max) = (4, 4);
        let mut policy = HaproxyFirst::new(false);
        policy.added(&list);
        let mut why = Why::on();
        policy.pick(&Ask::NOTHING, &list, &mut Rng::from_seed(1), &mut why);
        let rows: Vec<&str> = why.lines.iter().map(|line| line.numbers.as_str()).collect();
        let full = "number 1, 4 in flight of at most 4: full";
        assert_eq!(rows, [full, "number 2, 0 in flight, no limit: has room"]);
        assert_eq!(why.sentence, "b has the lowest number of those with room, 2.");
    }
}
