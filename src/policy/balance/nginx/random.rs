//! nginx's `random` and `random two`.
//!
//! `random` draws a number below the sum of all weights; whoever's part it falls on is taken if it
//! can be, else there is another draw; after 21 draws in vain, round robin. (nginx counts the draws
//! of all tries of a request together; here each try has its own 21.)
//!
//! `random two` draws until it has two different ones that can be chosen. The *second* is taken
//! unless it has more connections for its weight than the first. After 21 draws that were not
//! enough for that, round robin. While servers are idle the second wins every tie, and the second
//! is seldom the one with the large weight: weights 4 and 1 give 20 % and 80 %, as the real nginx
//! does.

use super::super::random::below;
use super::peers::{Peers, TRIES_MAX};
use super::{Entry, KNOBS, Method, Nginx, Turn, WHOSE};
use crate::sim::Line;

/// `random`.
#[derive(Clone, Debug, Default)]
pub struct Random;

impl Method for Random {
    const READS_KEY: bool = false;
    const BY_RUNNING_WEIGHT: bool = false;

    fn pick(&mut self, peers: &mut Peers, turn: &mut Turn) -> Option<usize> {
        let Turn { ask, backends, rng, why } = turn;
        if backends.len() < 2 {
            return peers.fall_back("", ask, backends, why);
        }
        let total = peers.total_weight();
        why.say(|| format!("Drawn below {total}, the sum of the weights."));
        peers.walk(false, ask, backends, why, |_| (below(rng, total), String::new()))
    }
}

/// `random two`, which is `random two least_conn`.
#[derive(Clone, Debug, Default)]
pub struct RandomTwo;

impl Method for RandomTwo {
    const READS_KEY: bool = false;
    const BY_RUNNING_WEIGHT: bool = false;

    fn pick(&mut self, peers: &mut Peers, turn: &mut Turn) -> Option<usize> {
        let (total, mut first) = (peers.total_weight(), None);
        if turn.backends.len() < 2 || total == 0 {
            return peers.fall_back("", turn.ask, turn.backends, turn.why);
        }
        for _ in 0..=TRIES_MAX {
            let value = below(turn.rng, total);
            let place = peers.at_weight(value);
            let open = peers.open(turn.ask, place, &turn.backends[place]);
            match first {
                Some(first) if open && first != place => {
                    turn.why.lines.clear();
                    return Some(compare(first, place, peers, turn));
                }
                None if open => first = Some(place),
                _ => {}
            }
            if turn.why.wanted() {
                draw(value, place, peers, turn);
            }
        }
        peers.fall_back(TOO_FEW, turn.ask, turn.backends, turn.why)
    }
}

/// Why `random two` gives up.
const TOO_FEW: &str =
    "21 draws did not find two different servers that can be chosen, so round robin: ";

/// A row for a draw that did not decide.
fn draw(value: u64, place: usize, peers: &Peers, turn: &mut Turn) {
    let Turn { ask, backends, why, .. } = turn;
    let obstacle = peers.obstacle(ask, place, &backends[place]);
    why.line(|| Line {
        subject: backends[place].name.to_string(),
        numbers: match obstacle {
            Some(obstacle) => format!("drawn with {value}: {obstacle}"),
            None => format!("drawn with {value}"),
        },
        chosen: false,
    });
}

/// The second drawn, unless it has more connections for its weight.
fn compare(first: usize, second: usize, peers: &mut Peers, turn: &mut Turn) -> usize {
    let Turn { ask, backends, why, .. } = turn;
    let conns = |place: usize| u64::from(backends[place].in_flight);
    let busier = conns(second) * peers.weight(first) > conns(first) * peers.weight(second);
    let chosen = if busier { first } else { second };
    for place in [first, second] {
        let (conns, weight) = (conns(place), peers.weight(place));
        why.line(|| Line {
            subject: backends[place].name.to_string(),
            numbers: format!("{conns} in flight / weight {weight}"),
            chosen: place == chosen,
        });
    }
    why.say(|| {
        let [first, second] = [first, second].map(|place| &backends[place].name);
        let more = if busier { "has more" } else { "does not have more" };
        format!("{second}, drawn second, {more} in flight for its weight than {first}.")
    });
    peers.taken(chosen, ask.now);
    chosen
}

pub(super) const ENTRY: Entry = Entry {
    key: "nginx_random",
    wire: 15,
    name: "nginx: random",
    whose: WHOSE,
    rule: "A server with a chance that goes with its weight; drawn again while it cannot be \
           chosen, after 21 draws in vain round robin.",
    cost: "O(n) time here, O(log n) in nginx; six numbers per server",
    when: "Many balancers in front of the same servers that know nothing of each other.",
    when_not: "One balancer: round robin spreads better and costs the same.",
    source: "nginx documentation, ngx_http_upstream_module, random",
    knobs: KNOBS,
    make: Nginx::<Random>::make,
};

pub(super) const ENTRY_TWO: Entry = Entry {
    key: "nginx_random_two",
    wire: 16,
    name: "nginx: random two",
    whose: WHOSE,
    rule: "Two different servers are drawn by weight; the second is taken unless it has more in \
           flight for its weight.",
    cost: "O(n) time here, O(log n) in nginx; six numbers per server",
    when: "Many balancers in front of the same busy servers.",
    when_not: "Weights differ and servers are often idle: ties go to the second drawn, which turns \
               the weights upside down.",
    source: ENTRY.source,
    knobs: KNOBS,
    make: Nginx::<RandomTwo>::make,
};
