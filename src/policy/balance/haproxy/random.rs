//! HAProxy's random(N): draw N times, keep the least loaded.
//!
//! Each draw is 32 random bits, looked up on the ring of consistent hashing (`ring.rs`): the
//! nearest point's server is drawn. Draws are with replacement. A new draw replaces the one kept
//! unless `in flight of the new * weight of the kept` is **more than** `in flight of the kept *
//! weight of the new`; so among equals the newest draw wins. If the server kept is full, nobody is
//! chosen and the request waits for any server. When the first backup takes everything, every draw
//! falls to it, and the bits are used up all the same.
//!
//! Because draws are arcs of a ring and not weights, equal servers are not drawn equally often: of
//! three with weight 1, 35 %, 30 % and 35 %.
//!
//! The bits are not the simulator's but HAProxy's own: a xorshift of 32 bits (Marsaglia, 2003),
//! `y ^= y << 13; y ^= y >> 17; y ^= y << 5`, which is at 2463534242 when the process starts. Its
//! state belongs to the strategy, as it does there (with one thread), so that picks can be compared
//! with a freshly started HAProxy, one by one. Another seed gives another run.
//!
//! Whose: HAProxy 2.6; later versions break ties otherwise. Source: its manual; Mitzenmacher, "The
//! power of two choices" (2001); eight recorded sequences.

use super::ring::Ring;
use super::{ALL_BACKUPS, PARTS, Pool, Serving, avoided, explain_nobody, has_room};
use crate::policy::Knob;
use crate::policy::balance::{Ask, Backend, Balancer, Entry, Pick};
use crate::sim::{Line, Rng, Why};

/// The state.
#[derive(Clone, Debug)]
pub struct HaproxyRandom {
    pool: Pool,
    ring: Ring,
    draws: usize,
    bits: u32,
}

impl HaproxyRandom {
    /// Draws so many times, at least once; a generator at `seed`, 0 being no state it can have.
    pub fn new(draws: usize, seed: u32, all_backups: bool) -> HaproxyRandom {
        let bits = if seed == 0 { SEED.default as u32 } else { seed };
        let pool = Pool::new(all_backups);
        HaproxyRandom { pool, ring: Ring::default(), draws: draws.max(1), bits }
    }

    fn draw(&mut self) -> u32 {
        self.bits ^= self.bits << 13;
        self.bits ^= self.bits >> 17;
        self.bits ^= self.bits << 5;
        self.bits
    }

    /// Whose arc `hash` is on.
    fn owner(&self, hash: u32, avoid: Option<usize>) -> Option<usize> {
        match self.pool.serving() {
            Serving::Only(place) => Some(place),
            _ => {
                let found = self.ring.near(hash, |place| avoid != Some(place))?;
                Some(self.ring.point(found.taken).0)
            }
        }
    }

    /// One draw, for reasons.
    fn row(&self, number: usize, hash: u32, drawn: usize, backends: &[Backend]) -> Line {
        let Backend { name, in_flight, .. } = &backends[drawn];
        let weight = self.pool.servers[drawn].weight / PARTS;
        let number = number + 1;
        Line {
            subject: name.to_string(),
            numbers: format!("draw {number}: {hash}, {in_flight} in flight, weight {weight}"),
            chosen: false,
        }
    }

    /// In flight of one by the weight of the other.
    fn product(&self, one: usize, other: usize, backends: &[Backend]) -> u64 {
        u64::from(backends[one].in_flight) * u64::from(self.pool.servers[other].weight / PARTS)
    }
}

impl Balancer for HaproxyRandom {
    fn pick(&mut self, ask: &Ask, backends: &[Backend], _: &mut Rng, why: &mut Why) -> Pick {
        self.ring.ready(&self.pool, backends);
        let avoid = avoided(ask);
        let mut kept: Option<usize> = None;
        let mut row = 0;
        for number in 0..self.draws {
            if self.pool.serving() == Serving::Nobody {
                break;
            }
            let hash = self.draw();
            let Some(drawn) = self.owner(hash, avoid).filter(|place| *place < backends.len())
            else {
                break;
            };
            if why.wanted() {
                why.lines.push(self.row(number, hash, drawn, backends));
            }
            let worse = kept.is_some_and(|kept| {
                self.product(drawn, kept, backends) > self.product(kept, drawn, backends)
            });
            if !worse {
                (kept, row) = (Some(drawn), number);
            }
        }
        let Some(place) = kept else {
            explain_nobody(&self.pool, backends, why);
            return Pick::Nobody;
        };
        let name = &backends[place].name;
        let only = matches!(self.pool.serving(), Serving::Only(_));
        if !has_room(&backends[place]) {
            why.say(|| match only {
                true => format!(
                    "{name}, the first usable backup, takes every draw and is full, so the request \
                     waits."
                ),
                false => format!("{name} was drawn and is full, so the request waits for anybody."),
            });
            return Pick::Nobody;
        }
        if why.wanted() {
            why.lines[row].chosen = true;
            why.sentence = match self.draws {
                _ if only => format!(
                    "No active server is usable, so every draw falls to the first usable backup, \
                     {name}."
                ),
                1 => format!("{name} was drawn."),
                draws => format!(
                    "Of {draws} draws {name} has the fewest in flight for its weight; among equals \
                     the newest draw wins."
                ),
            };
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
        self.pool.added(backends);
        self.ring.changed(&self.pool, backends);
    }

    fn removed(&mut self, place: usize, _: &[Backend]) {
        if self.pool.removed(place).is_some() {
            self.ring.removed(place);
        }
    }

    fn changed(&mut self, place: usize, backends: &[Backend]) {
        if self.pool.changed(place, backends).is_some_and(|(before, now)| before != now) {
            self.ring.changed(&self.pool, backends);
        }
    }

    fn check(&self, backends: &[Backend]) -> Result<(), String> {
        self.pool.check(backends)?;
        self.ring.check(&self.pool)
    }
}

const DRAWS: Knob = Knob {
    key: "draws",
    wire: 1,
    label: "Draws",
    unit: "",
    help: "How many servers to draw, with replacement, before the least loaded is kept.",
    min: 1.0,
    max: 64.0,
    default: 2.0,
    whole: true,
};

const SEED: Knob = Knob {
    key: "seed",
    wire: 2,
    label: "Seed",
    unit: "",
    help: "The generator's first state. A real HAProxy always starts with 2463534242.",
    min: 1.0,
    max: u32::MAX as f64,
    default: 2_463_534_242.0,
    whole: true,
};

/// As people meet it.
pub(in crate::policy::balance) const ENTRY: Entry = Entry {
    key: "haproxy_random",
    wire: 37,
    name: "HAProxy random(N)",
    whose: "HAProxy 2.6, balance random",
    rule: "N draws on a ring; the one with the fewest in flight for its weight is kept, the newest \
           among equals.",
    cost: "O(N log points) time; one number per point, and all points are made and sorted anew at \
           each change of health or weight",
    when: "There are many servers, or many balancers that do not know of each other.",
    when_not: "There are few servers: they are not drawn equally often.",
    source: "HAProxy 2.6 manual, balance random; recorded from HAProxy 2.6.12",
    knobs: &[ALL_BACKUPS, DRAWS, SEED],
    make: |knobs| {
        let (draws, seed) = (knobs.count(&DRAWS), knobs.count(&SEED) as u32);
        Box::new(HaproxyRandom::new(draws, seed, knobs.count(&ALL_BACKUPS) > 0))
    },
};

#[cfg(test)]
mod tests {
    use super::super::testing::{list, picks};
    use super::*;

    const START: u32 = 2_463_534_242;

    fn policy(draws: usize, list: &[Backend]) -> HaproxyRandom {
        let mut policy = HaproxyRandom::new(draws, START, false);
        policy.added(list);
        policy
    }

    /// Marsaglia's generator, from Marsaglia's own seed.
    #[test]
    fn the_generator_is_a_xorshift() {
        let mut policy = policy(1, &[]);
        assert_eq!(
            [policy.draw(), policy.draw(), policy.draw()],
            [723_471_715, 2_497_366_906, 2_064_144_800]
        );
    }

    #[test]
    fn arcs_are_not_weights() {
        let list = list(&[1, 1, 1]);
        let taken = picks(&mut policy(1, &list), &list, 10_000);
        let share = |name: &str| taken.matches(name).count() / 100;
        assert_eq!([share("a"), share("b"), share("c")], [34, 29, 36]);
    }

    #[test]
    fn more_draws_avoid_the_busy_server() {
        let mut list = list(&[1, 1, 1]);
        list[0].in_flight = 3;
        let of = |draws| picks(&mut policy(draws, &list), &list, 3_000).matches('a').count();
        let counts = [of(1), of(2), of(4)];
        assert!(
            counts[0] > 950 && (300..450).contains(&counts[1]) && counts[2] < 100,
            "{counts:?}"
        );
    }

    #[test]
    fn another_seed_is_another_run_and_a_full_server_nobody() {
        let mut list = list(&[1, 1]);
        let mut other = HaproxyRandom::new(2, 1, false);
        other.added(&list);
        assert_ne!(picks(&mut other, &list, 40), picks(&mut policy(2, &list), &list, 40));
        for backend in &mut list {
            (backend.in_flight, backend.in_flight_max) = (1, 1);
        }
        assert_eq!(picks(&mut other, &list, 3), "---");
    }

    /// One draw for each that is asked for, although there is nothing to choose.
    #[test]
    fn a_single_backup_takes_every_draw() {
        let mut list = list(&[1, 1, 1]);
        (list[1].backup, list[2].backup) = (true, true);
        list[0].healthy = false;
        let mut policy = policy(3, &list);
        let mut why = Why::on();
        let rng = &mut Rng::from_seed(1);
        assert_eq!(policy.pick(&Ask::NOTHING, &list, rng, &mut why), Pick::Backend(1));
        let rows: Vec<(&str, bool)> =
            why.lines.iter().map(|line| (line.subject.as_str(), line.chosen)).collect();
        assert_eq!(rows, [("b", false), ("b", false), ("b", true)]);
        let words =
            "No active server is usable, so every draw falls to the first usable backup, b.";
        assert_eq!(why.sentence, words);
        // The fourth number of Marsaglia's sequence comes next.
        let mut fresh = HaproxyRandom::new(3, START, false);
        (0..3).for_each(|_| _ = fresh.draw());
        assert_eq!(policy.draw(), fresh.draw());
        (list[1].in_flight, list[1].in_flight_max) = (1, 1);
        let mut why = Why::on();
        assert_eq!(policy.pick(&Ask::NOTHING, &list, rng, &mut why), Pick::Nobody);
        assert!(why.sentence.starts_with("b, the first usable backup, takes every draw"));
    }

    #[test]
    fn shows_every_draw() {
        let list = list(&[1, 1]);
        let mut why = Why::on();
        let picked = policy(2, &list).pick(&Ask::NOTHING, &list, &mut Rng::from_seed(1), &mut why);
        let rows: Vec<(&str, bool)> =
            why.lines.iter().map(|line| (line.numbers.as_str(), line.chosen)).collect();
        let draws = [
            "draw 1: 723471715, 0 in flight, weight 1",
            "draw 2: 2497366906, 0 in flight, weight 1",
        ];
        assert_eq!(rows, [(draws[0], false), (draws[1], true)]);
        assert!(
            matches!(picked, Pick::Backend(place) if *list[place].name == *why.lines[1].subject)
        );
    }
}
