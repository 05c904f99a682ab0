//! HAProxy's roundrobin: every server has a next position on a line, the lowest is served.
//!
//! One position passes per request. A server of effective weight e (its weight in sixteenths),
//! among servers that weigh T together, comes back T/e positions later; what the division leaves
//! over is carried and makes a step one longer when it has grown to e. Heavier servers go first at
//! the start of a round. With 5, 1, 1 that gives a a a b a a c.
//!
//! Three trees hold the servers, so that weights can change while it runs:
//!
//! * **init**: not yet placed in this round, heaviest first. The round takes from here whenever
//!   nobody is due.
//! * **current**: placed, by next position; between equals the smallest "carried less weight".
//! * **next**: those whose next position lies past this round, heaviest first. When the other two
//!   are empty, *next* becomes *init* and the position starts again at the sum of the weights.
//!
//! Changes: a server that comes up is placed one of its steps ahead of the present position. A new
//! weight moves its next turn to one new step after its last, never later than before, and never
//! into the past. One that goes down leaves its tree. Full servers are passed over: they move on as
//! if they had been served.
//!
//! A round is 16 requests per unit of weight. Over it every server gets exactly its share, unless a
//! light one finds no free position within its own first step: then it has one turn less (weights
//! 19, 17, 6 do that).
//!
//! Whose: HAProxy 2.6 (`balance roundrobin`, the default there). Servers that join before the first
//! request are its configuration; later ones come up at runtime.

use super::rounds::{In, Rounds, Spot};
use super::{
    ALL_BACKUPS, PARTS, Server, Serving, avoided, explain_nobody, explain_only, out_of_it,
};
use crate::policy::balance::{Ask, Backend, Balancer, Entry, Memory, Pick};
use crate::sim::{Line, Rng, Time, Why};

/// The state.
#[derive(Clone, Debug)]
pub struct HaproxyRoundRobin(Rounds);

impl HaproxyRoundRobin {
    /// With or without `option allbackups`.
    pub fn new(all_backups: bool) -> HaproxyRoundRobin {
        HaproxyRoundRobin(Rounds::new(all_backups))
    }

    /// One row per server, as it stood before the choice. Carried amounts are in sixteenths.
    fn rows(&self, group: usize, backends: &[Backend], why: &mut Why) {
        let state = &self.0.groups[group];
        for (place, backend) in backends.iter().enumerate() {
            let Some(server) = self.0.pool.servers.get(place) else { continue };
            let weight = server.weight / PARTS;
            why.line(|| Line {
                subject: backend.name.to_string(),
                numbers: match (out_of_it(place, &self.0.pool, backends), self.0.spots[place]) {
                    (Some(words), _) => words.to_owned(),
                    (None, Spot { tree: In::Current, next, carried, .. }) => {
                        let due = if next <= state.position { "due" } else { "not due" };
                        let (own, now) = (server.weight, state.position);
                        format!("next at {next}, carries {carried} of {own}; now at {now}: {due}")
                    }
                    (None, Spot { tree: In::ByWeight(which), .. }) if which == state.init => {
                        format!("not yet placed in this round, weight {weight}")
                    }
                    _ => format!("waits for the next round, weight {weight}"),
                },
                chosen: false,
            });
        }
    }

    /// By what rule it was the turn of the server at `place`, which stood as in `before`.
    fn rule(&self, place: usize, before: &Before, name: &str) -> String {
        let Before { spots, position, init, avoid } = before;
        match spots[place] {
            _ if *avoid == Some(place) => {
                format!("{name} has just been tried, but nobody else can take it: its turn was")
            }
            Spot { tree: In::Current, next, .. } if next <= *position => {
                let servers = &self.0.pool.servers;
                let level = |(spot, server): &(&Spot, &Server)| {
                    let same = spot.tree == In::Current && spot.next == next;
                    same && server.group() == servers[place].group()
                };
                match spots.iter().zip(servers).filter(level).count() {
                    1 => format!("{name} is due: its turn is"),
                    _ => format!(
                        "{name} is due, and of those at its position the one whose carried less \
                         weight is least: its turn is"
                    ),
                }
            }
            Spot { tree: In::ByWeight(which), .. } if which == *init => format!(
                "Nobody else is due, and {name} is the first of the heaviest not yet placed: its \
                 turn is"
            ),
            Spot { tree: In::Current, .. } => {
                format!("Nobody is due or to be placed, so the next one comes, {name}: its turn is")
            }
            _ => format!(
                "The round is over, and {name} is the first of the heaviest in the new one: its \
                 turn is"
            ),
        }
    }

    /// The step that it takes from there, in sixteenths of a weight.
    fn step(&self, place: usize, group: usize) -> String {
        let (spot, total) = (self.0.spots[place], self.0.groups[group].total);
        let own = i64::from(self.0.pool.servers[place].weight);
        let (step, rest) = (total / own, total % own);
        // What it carried before is what, with the rest, comes to what it carries now.
        let longer = spot.carried < rest;
        let before = spot.carried - rest + if longer { own } else { 0 };
        let sum = before + rest;
        let (next, past) = self.0.next_turn(place);
        let carry = match longer {
            true => format!("reaches {own}, so one position more, and {} is left", spot.carried),
            false => format!("stays below {own}"),
        };
        let place = match past {
            true => format!("Its next would be {next}, past the end of the round, so it waits."),
            false => format!("Its next is {next}."),
        };
        format!(
            "position {}. In sixteenths of a weight, all have {total} and it has {own}: a step \
             of {total} / {own} = {step}, remainder {rest}; carried {before} + {rest} = {sum} \
             {carry}. {place}",
            spot.last
        )
    }
}

/// How things stood before a choice, for its reasons.
struct Before {
    spots: Vec<Spot>,
    position: i64,
    init: usize,
    avoid: Option<usize>,
}

impl Balancer for HaproxyRoundRobin {
    fn pick(&mut self, ask: &Ask, backends: &[Backend], _: &mut Rng, why: &mut Why) -> Pick {
        self.0.start();
        let group = match self.0.pool.serving() {
            Serving::Group(group) => group,
            Serving::Only(place) if place < backends.len() => {
                explain_only(place, backends, why);
                return Pick::Backend(place);
            }
            Serving::Only(_) | Serving::Nobody => {
                explain_nobody(&self.0.pool, backends, why);
                return Pick::Nobody;
            }
        };
        let avoid = avoided(ask);
        let mut before = None;
        if why.wanted() {
            self.rows(group, backends, why);
            let (spots, state) = (self.0.spots.clone(), &self.0.groups[group]);
            before = Some(Before { spots, position: state.position, init: state.init, avoid });
        }
        let Some(place) = self.0.choose(group, avoid, backends) else {
            why.say(|| "Every server that could be asked is full.".to_owned());
            return Pick::Nobody;
        };
        if let Some(before) = before {
            why.lines[place].chosen = true;
            let rule = self.rule(place, &before, &backends[place].name);
            why.sentence = format!("{rule} {}", self.step(place, group));
        }
        Pick::Backend(place)
    }

    fn knows_limits(&self) -> bool {
        true
    }

    fn takes_waiting(&self, place: usize, _: &[Backend]) -> bool {
        self.0.pool.serves(place)
    }

    fn added(&mut self, backends: &[Backend]) {
        self.0.added(backends);
    }

    fn removed(&mut self, place: usize, _: &[Backend]) {
        self.0.removed(place);
    }

    fn changed(&mut self, place: usize, backends: &[Backend]) {
        self.0.changed(place, backends);
    }

    /// Who comes next if nothing changes, as many as there are servers.
    fn memory(&self, backends: &[Backend], _: Time) -> Memory {
        let (mut later, mut rng) = (self.clone(), Rng::from_seed(0));
        let mut next = || later.pick(&Ask::NOTHING, backends, &mut rng, &mut Why::off());
        let places = backends.iter().map_while(|_| match next() {
            Pick::Backend(place) => Some(place),
            Pick::Nobody | Pick::Crash(_) => None,
        });
        Memory::Order(places.collect())
    }

    fn check(&self, backends: &[Backend]) -> Result<(), String> {
        self.0.check(backends)
    }
}

/// As people meet it.
pub(in crate::policy::balance) const ENTRY: Entry = Entry {
    key: "haproxy_roundrobin",
    wire: 30,
    name: "HAProxy roundrobin",
    whose: "HAProxy 2.6, balance roundrobin",
    rule: "Every server has a next position; the lowest is served and moves on by the sum of the \
           weights divided by its own.",
    cost: "O(log n) time unless servers are full; a few numbers per server",
    when: "Servers differ in capacity, and weights change while it runs.",
    when_not: "Requests differ a lot in length: it does not look at how busy a server is.",
    source: "HAProxy 2.6 manual, balance roundrobin; recorded from HAProxy 2.6.12",
    knobs: &[ALL_BACKUPS],
    make: |knobs| Box::new(HaproxyRoundRobin::new(knobs.count(&ALL_BACKUPS) > 0)),
};

#[cfg(test)]
mod tests {
    use super::super::testing::{list, names, picks};
    use super::*;
    use crate::sim::Rng;
    use proptest::prelude::*;

    fn policy(list: &[Backend]) -> HaproxyRoundRobin {
        let mut policy = HaproxyRoundRobin::new(false);
        policy.added(list);
        policy
    }

    #[test]
    fn the_heavy_one_is_spread_out() {
        let list = list(&[5, 1, 1]);
        assert_eq!(picks(&mut policy(&list), &list, 14), "aaabaacaaabaac");
    }

    #[test]
    fn says_the_step_it_took() {
        let list = list(&[5, 1, 1]);
        let mut policy = policy(&list);
        picks(&mut policy, &list, 1);
        let mut why = Why::on();
        policy.pick(&Ask::NOTHING, &list, &mut Rng::from_seed(1), &mut why);
        let rows: Vec<&str> = why.lines.iter().map(|line| line.numbers.as_str()).collect();
        let waiting = "not yet placed in this round, weight 1";
        assert_eq!(rows, ["next at 113, carries 32 of 80; now at 113: due", waiting, waiting]);
        let words = "a is due: its turn is position 113. In sixteenths of a weight, all have 112 \
                     and it has 80: a step of 112 / 80 = 1, remainder 32; carried 32 + 32 = 64 \
                     stays below 80. Its next is 114.";
        assert_eq!(why.sentence, words);
        assert_eq!(policy.memory(&list, Time::ZERO), Memory::Order(vec![0, 1, 0]));
    }

    /// Every number that is said follows from the ones before it, and every rule is met.
    #[test]
    fn reasons_can_be_done_again() {
        let list = list(&[5, 3, 2, 2]);
        let mut policy = policy(&list);
        let mut starts = std::collections::BTreeSet::new();
        for _ in 0..500 {
            let mut why = Why::on();
            let rng = &mut Rng::from_seed(1);
            let Pick::Backend(place) = policy.pick(&Ask::NOTHING, &list, rng, &mut why) else {
                panic!("nobody");
            };
            let (rule, step) = why.sentence.split_once("its turn is ").expect("a turn");
            let name = &*list[place].name;
            let word = |word: &'_ str| match word.trim_end_matches([':', ',']) == name {
                true => "X".to_owned(),
                false => word.to_owned(),
            };
            starts.insert(rule.split(' ').map(word).collect::<Vec<_>>().join(" "));
            let letters = |c: char| !c.is_ascii_digit();
            let numbers: Vec<i64> =
                step.split(letters).filter_map(|part| part.parse().ok()).collect();
            let [last, total, own, _, _, whole, rest, carried, again, sum, bound, more @ ..] =
                &numbers[..]
            else {
                panic!("{}", why.sentence);
            };
            assert_eq!((*total, *own), (192, 16 * list[place].weight));
            let (step, left) = (total / own, total % own);
            assert_eq!([*whole, *rest, *again, *sum], [step, left, left, carried + rest]);
            let longer = i64::from(sum >= bound);
            assert_eq!((bound, more.last()), (own, Some(&(last + whole + longer))));
            if longer > 0 {
                assert_eq!(more[0], sum - own);
            }
        }
        assert_eq!(starts.len(), 5, "{starts:?}");
    }

    /// HAProxy takes the one that was passed over as it is; it has been moved on once.
    #[test]
    fn the_last_resort_is_moved_on_once() {
        let mut list = list(&[1, 1]);
        let mut policy = policy(&list);
        (list[1].in_flight, list[1].in_flight_max) = (1, 1);
        let ask = Ask { tried: &[0], ..Ask::NOTHING };
        let mut why = Why::on();
        assert_eq!(policy.pick(&ask, &list, &mut Rng::from_seed(1), &mut why), Pick::Backend(0));
        assert!(why.sentence.starts_with("a has just been tried, but nobody else"), "{why:?}");
        assert_eq!(policy.check(&list), Ok(()));
        list[1].in_flight = 0;
        assert_eq!(picks(&mut policy, &list, 8), "babababa");
    }

    /// As recorded: b is drained at request 20, having had weight 3 since request 10.
    #[test]
    fn a_weight_changes_while_it_runs() {
        let mut list = list(&[1, 1, 1]);
        let mut policy = policy(&list);
        assert_eq!(picks(&mut policy, &list, 10), "abcabcabca");
        list[1].weight = 3;
        policy.changed(1, &list);
        assert_eq!(picks(&mut policy, &list, 10), "bcabbbcabb");
        list[1].weight = 0;
        policy.changed(1, &list);
        assert_eq!(picks(&mut policy, &list, 10), "cacacacaca");
    }

    /// The first backup takes everything, until it goes down and the second does.
    #[test]
    fn backups_are_used_one_at_a_time() {
        let mut list = list(&[1, 1, 2]);
        (list[1].backup, list[2].backup) = (true, true);
        let mut one = policy(&list);
        let mut all = HaproxyRoundRobin::new(true);
        all.added(&list);
        assert_eq!(picks(&mut one, &list, 3), "aaa");
        list[0].healthy = false;
        one.changed(0, &list);
        all.changed(0, &list);
        assert_eq!(picks(&mut one, &list, 3), "bbb");
        assert_eq!(picks(&mut all, &list, 3), "ccb");
        list[1].healthy = false;
        one.changed(1, &list);
        assert_eq!(picks(&mut one, &list, 3), "ccc");
    }

    #[test]
    fn full_and_tried_servers_are_passed_over() {
        let mut list = list(&[1, 1, 1]);
        let mut policy = policy(&list);
        (list[0].in_flight, list[0].in_flight_max) = (1, 1);
        assert_eq!(picks(&mut policy, &list, 4), "bcbc");
        let ask = Ask { tried: &[1], ..Ask::NOTHING };
        let rng = &mut Rng::from_seed(1);
        assert_eq!(policy.pick(&ask, &list, rng, &mut Why::off()), Pick::Backend(2));
        (list[2].in_flight, list[2].in_flight_max) = (1, 1);
        assert_eq!(policy.pick(&ask, &list, rng, &mut Why::off()), Pick::Backend(1));
        (list[1].in_flight, list[1].in_flight_max) = (1, 1);
        assert_eq!(policy.pick(&ask, &list, rng, &mut Why::off()), Pick::Nobody);
        assert_eq!(policy.check(&list), Ok(()));
    }

    proptest! {
        /// Over a round every server gets its share, or one turn more or less.
        #[test]
        fn shares_are_kept(weights in prop::collection::vec(0..=30i64, 1..10)) {
            let list = list(&weights);
            let mut policy = policy(&list);
            let round = 16 * weights.iter().sum::<i64>();
            let taken = picks(&mut policy, &list, round as usize);
            for (name, weight) in names(&list).zip(&weights) {
                let turns = taken.matches(name).count() as i64;
                prop_assert!((turns - 16 * weight).abs() <= 1, "{} has {}", name, turns);
            }
        }

        /// With two servers, or with equal weights, a cycle is as long as the weights together and
        /// the shares are exact in every one.
        #[test]
        fn shares_are_exact(one in 0..=256i64, other in 0..=256i64, alike in 1..19usize) {
            for weights in [vec![one, other], vec![one; alike]] {
                let list = list(&weights);
                let mut policy = policy(&list);
                let cycle = weights.iter().sum::<i64>();
                for _ in 0..3 {
                    let taken = picks(&mut policy, &list, cycle as usize);
                    for (name, weight) in names(&list).zip(&weights) {
                        prop_assert_eq!(taken.matches(name).count() as i64, *weight);
                    }
                }
            }
        }
    }
}
