//! HAProxy's leastconn: the server with the least load; among equals the one that waits longest.
//!
//! Load of a server with n requests in flight, waiting ones included, and weight w:
//! 0 when n = 0, otherwise `(n + 1) * 4096 / (16 w)`, cut off to a whole number. The `+ 1` is the
//! request about to be sent: it is the load after the choice. Idle servers are equal whatever they
//! weigh.
//!
//! Ties: the servers stand in a tree sorted by load, equal loads in order of arrival. One whose
//! load has changed arrives anew, behind its equals, so idle servers are used in turn. Full servers
//! are passed over and keep their place.
//!
//! Finding the least is one look at the tree's root, and a change of load O(log n): 512 servers
//! cost no more than nine steps, never a scan of the list.
//!
//! Whose: HAProxy 2.6. From 3.2 on, ties are broken with some randomness. Use it for long or very
//! unequal requests (databases, sessions); for short ones the number in flight says little.

use super::tree::Tree;
use super::{
    ALL_BACKUPS, EFFECTIVE_MAX, PARTS, Pool, Serving, avoided, explain_nobody, explain_only,
    has_room, out_of_it,
};
use crate::policy::balance::{Answer, Ask, Backend, Balancer, Entry, Memory, Pick};
use crate::sim::{Line, Rng, Time, Why};

/// A server's entry in its tree; it keeps it while it is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Slot {
    load: u64,
    arrival: u64,
}

/// The state.
#[derive(Clone, Debug)]
pub struct HaproxyLeastConn {
    pool: Pool,
    slots: Vec<Slot>,
    /// The active servers and the backups that can take one more, by load.
    trees: [Tree; 2],
    arrivals: u64,
}

/// The load of a server with `in_flight` requests and this effective weight.
fn load(in_flight: u32, weight: u32) -> u64 {
    match in_flight {
        0 => 0,
        n => (u64::from(n) + 1) * u64::from(EFFECTIVE_MAX) / u64::from(weight.max(1)),
    }
}

impl HaproxyLeastConn {
    /// With or without `option allbackups`.
    pub fn new(all_backups: bool) -> HaproxyLeastConn {
        HaproxyLeastConn {
            pool: Pool::new(all_backups),
            slots: Vec::new(),
            trees: Default::default(),
            arrivals: 0,
        }
    }

    /// The server at `place` goes where its load says; when that is new, or `anew`, behind its
    /// equals.
    fn refresh(&mut self, place: usize, anew: bool, backends: &[Backend]) {
        let (Some(server), Some(backend)) = (self.pool.servers.get(place), backends.get(place))
        else {
            return;
        };
        let load = load(backend.in_flight, server.weight);
        let slot = &mut self.slots[place];
        if anew || load != slot.load {
            self.arrivals += 1;
            *slot = Slot { load, arrival: self.arrivals };
        }
        let tree = &mut self.trees[server.group()];
        match server.usable && has_room(backend) {
            true => tree.put(place, slot.load, slot.arrival),
            false => tree.take(place),
        }
    }

    /// One row per server; the last says how many others have the same load as the one chosen.
    fn explain(&self, chosen: usize, avoid: Option<usize>, backends: &[Backend], why: &mut Why) {
        let mut equals = 0;
        for (place, backend) in backends.iter().enumerate() {
            let (slot, weight) = (self.slots[place], self.pool.servers[place].weight);
            let words = out_of_it(place, &self.pool, backends);
            // The one just tried does not take part, unless it is the last resort.
            let passed = avoid == Some(place) && place != chosen;
            let tie = words.is_none() && !passed && slot.load == self.slots[chosen].load;
            equals += usize::from(tie && place != chosen);
            why.line(|| Line {
                subject: backend.name.to_string(),
                numbers: match words {
                    Some(words) => words.to_owned(),
                    None if passed => "has just been tried".to_owned(),
                    None => sum(backend.in_flight, weight),
                },
                chosen: place == chosen,
            });
        }
        let (name, load) = (&backends[chosen].name, self.slots[chosen].load);
        why.say(|| match equals {
            0 => format!("{name} has the least load, {load}."),
            _ => format!(
                "{name} has the least load, {load}; of the {} that have it, it has stood there \
                 longest.",
                equals + 1
            ),
        });
    }
}

/// The load as a sum that can be done again.
fn sum(in_flight: u32, weight: u32) -> String {
    match in_flight {
        0 => "0 in flight: load 0".to_owned(),
        n => format!(
            "{n} in flight, weight {}: ({n} + 1) \u{d7} {EFFECTIVE_MAX} / {weight} = {}",
            weight / PARTS,
            load(n, weight)
        ),
    }
}

impl Balancer for HaproxyLeastConn {
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

    fn asked_past_queue(&self) -> bool {
        true
    }

    fn takes_waiting(&self, place: usize, _: &[Backend]) -> bool {
        self.pool.serves(place)
    }

    fn added(&mut self, backends: &[Backend]) {
        let known = self.slots.len();
        self.pool.added(backends);
        let count = self.pool.servers.len();
        self.slots.resize(count, Slot::default());
        self.trees.iter_mut().for_each(|tree| tree.grow(count));
        (known..count).for_each(|place| self.refresh(place, true, backends));
    }

    fn removed(&mut self, place: usize, _: &[Backend]) {
        if self.pool.removed(place).is_some() {
            self.slots.remove(place);
            self.trees.iter_mut().for_each(|tree| tree.remove(place));
        }
    }

    fn changed(&mut self, place: usize, backends: &[Backend]) {
        if let Some((before, now)) = self.pool.changed(place, backends) {
            self.trees.iter_mut().for_each(|tree| tree.take(place));
            // A new limit alone moves nobody.
            self.refresh(place, before != now, backends);
        }
    }

    fn sent(&mut self, place: usize, backends: &[Backend]) {
        self.refresh(place, false, backends);
    }

    fn answered(&mut self, place: usize, _: &Answer, backends: &[Backend]) {
        self.refresh(place, false, backends);
    }

    fn memory(&self, _: &[Backend], _: Time) -> Memory {
        Memory::Loads(self.slots.iter().map(|slot| slot.load as f64).collect(), "")
    }

    fn check(&self, backends: &[Backend]) -> Result<(), String> {
        self.pool.check(backends)?;
        self.trees.iter().try_for_each(Tree::check)?;
        for (place, (server, backend)) in self.pool.servers.iter().zip(backends).enumerate() {
            let should = load(backend.in_flight, server.weight);
            if self.slots[place].load != should {
                let load = self.slots[place].load;
                return Err(format!("{} has load {load}, not {should}", backend.name));
            }
            for (group, tree) in self.trees.iter().enumerate() {
                let inside = server.usable && has_room(backend) && server.group() == group;
                if tree.key(place) != inside.then_some(should) {
                    return Err(format!("{} is wrong in the tree of group {group}", backend.name));
                }
            }
        }
        Ok(())
    }
}

/// As people meet it.
pub(in crate::policy::balance) const ENTRY: Entry = Entry {
    key: "haproxy_leastconn",
    wire: 32,
    name: "HAProxy leastconn",
    whose: "HAProxy 2.6, balance leastconn",
    rule: "The least (in flight + 1) / weight, or 0 when idle; among equals the one that has had \
           its load longest.",
    cost: "O(log n) time; a tree of the servers",
    when: "Requests are long or differ a lot: the busy server gets fewer.",
    when_not: "Requests are very short, or a server that fails fast looks idle and attracts all.",
    source: "HAProxy 2.6 manual, balance leastconn; recorded from HAProxy 2.6.12",
    knobs: &[ALL_BACKUPS],
    make: |knobs| Box::new(HaproxyLeastConn::new(knobs.count(&ALL_BACKUPS) > 0)),
};

#[cfg(test)]
mod tests {
    use super::super::testing::{list, one};
    use super::*;
    use crate::sim::{Span, Time};

    fn policy(list: &[Backend]) -> HaproxyLeastConn {
        let mut policy = HaproxyLeastConn::new(false);
        policy.added(list);
        policy
    }

    /// Sends one request and says where it went.
    fn send(policy: &mut HaproxyLeastConn, list: &mut [Backend]) -> usize {
        let rng = &mut Rng::from_seed(1);
        let Pick::Backend(place) = policy.pick(&Ask::NOTHING, list, rng, &mut Why::off()) else {
            panic!("nobody can be chosen");
        };
        list[place].in_flight += 1;
        policy.sent(place, list);
        place
    }

    fn answer(policy: &mut HaproxyLeastConn, list: &mut [Backend], place: usize) {
        list[place].in_flight -= 1;
        let answer = Answer { now: Time::ZERO, took: Span::ZERO, ok: true };
        policy.answered(place, &answer, list);
    }

    #[test]
    fn idle_servers_are_used_in_turn() {
        let mut list = list(&[3, 2, 1]);
        let mut policy = policy(&list);
        for expected in [0, 1, 2, 0, 1] {
            let place = send(&mut policy, &mut list);
            assert_eq!(place, expected);
            answer(&mut policy, &mut list, place);
        }
    }

    #[test]
    fn requests_that_stay_fill_by_weight() {
        let mut list = list(&[3, 2, 1]);
        let mut policy = policy(&list);
        let places: Vec<usize> = (0..9).map(|_| send(&mut policy, &mut list)).collect();
        assert_eq!(places, [0, 1, 2, 0, 1, 0, 0, 1, 0]);
        assert_eq!(policy.check(&list), Ok(()));
    }

    #[test]
    fn shows_the_loads_it_compared() {
        let mut list = list(&[5, 1]);
        let mut policy = policy(&list);
        (0..3).for_each(|_| _ = send(&mut policy, &mut list));
        let mut why = Why::on();
        policy.pick(&Ask::NOTHING, &list, &mut Rng::from_seed(1), &mut why);
        let rows: Vec<&str> = why.lines.iter().map(|line| line.numbers.as_str()).collect();
        assert_eq!(
            rows,
            [
                "2 in flight, weight 5: (2 + 1) × 4096 / 80 = 153",
                "1 in flight, weight 1: (1 + 1) × 4096 / 16 = 512"
            ]
        );
        assert_eq!(why.sentence, "a has the least load, 153.");
    }

    #[test]
    fn the_server_just_tried_is_the_last_resort() {
        let mut list = list(&[1, 1]);
        let mut policy = policy(&list);
        let again = Ask { tried: &[0], ..Ask::NOTHING };
        assert_eq!(one(&mut policy, &list, &again), "b");
        // Equal loads, but nobody that b would have to be compared with.
        let mut why = Why::on();
        policy.pick(&again, &list, &mut Rng::from_seed(1), &mut why);
        assert_eq!(why.lines[0].numbers, "has just been tried");
        assert_eq!(why.sentence, "b has the least load, 0.");
        list[1].healthy = false;
        policy.changed(1, &list);
        assert_eq!(one(&mut policy, &list, &again), "a");
    }

    /// The tree stays consistent, and the choice is what a scan of the list would find.
    #[test]
    fn five_hundred_and_twelve_servers() {
        let weights: Vec<i64> = (0..512).map(|place| place % 7 + 1).collect();
        let mut list = list(&weights);
        let mut policy = policy(&list);
        let mut rng = Rng::from_seed(7);
        for step in 0..20_000 {
            let busy = rng.below(512) as usize;
            if step % 3 == 2 && list[busy].in_flight > 0 {
                answer(&mut policy, &mut list, busy);
                continue;
            }
            let loads = |place: usize| load(list[place].in_flight, list[place].weight as u32 * 16);
            let least = (0..512).map(loads).min();
            let place = policy.trees[0].first().expect("all are usable");
            assert_eq!(Some(loads(place)), least, "step {step}");
            assert_eq!(send(&mut policy, &mut list), place);
        }
        assert_eq!(policy.check(&list), Ok(()));
    }
}
