//! nginx's `least_conn`: the fewest connections for the weight.
//!
//! Quotients are compared without dividing: `a.conns × b.weight < b.conns × a.weight`. If several
//! share the smallest one, a step of smooth weighted round robin among them decides, so idle
//! servers are used by weight and not in list order. Backups are asked when no other can be.

use super::peers::{Group, Peers};
use super::{Entry, KNOBS, Method, Nginx, Turn, WHOSE};

/// `least_conn`.
#[derive(Clone, Debug, Default)]
pub struct LeastConn;

impl Method for LeastConn {
    const READS_KEY: bool = false;
    const BY_RUNNING_WEIGHT: bool = true;

    fn pick(&mut self, peers: &mut Peers, turn: &mut Turn) -> Option<usize> {
        let groups = Group::order(turn.ask, turn.backends);
        if turn.backends.len() == 1 {
            return peers.round_robin(groups, turn.ask, turn.backends, turn.why);
        }
        groups.iter().find_map(|group| least(*group, peers, turn))
    }
}

/// How the connections for the weight of `a` compare with those of `b`.
fn compare(peers: &Peers, turn: &Turn, a: usize, b: usize) -> std::cmp::Ordering {
    let conns = |place: usize| u64::from(turn.backends[place].in_flight);
    (conns(a) * peers.weight(b)).cmp(&(conns(b) * peers.weight(a)))
}

fn least(group: Group, peers: &mut Peers, turn: &mut Turn) -> Option<usize> {
    let open = |peers: &Peers, turn: &Turn, place: usize| {
        let backend = &turn.backends[place];
        group.has(backend) && peers.open(turn.ask, place, backend)
    };
    let (mut best, mut ties) = (None, false);
    for place in 0..turn.backends.len() {
        if !open(peers, turn, place) {
            continue;
        }
        let order = best.map(|best| compare(peers, turn, place, best));
        if order.is_none_or(std::cmp::Ordering::is_lt) {
            (best, ties) = (Some(place), false);
        } else if order.is_some_and(std::cmp::Ordering::is_eq) {
            ties = true;
        }
    }
    explain(group, peers, turn);
    let best = best?;
    let chosen = if ties {
        smooth_among_equals(group, best, peers, turn)?
    } else {
        let Turn { backends, why, .. } = turn;
        if why.wanted() {
            why.lines[best].chosen = true;
            let name = &backends[best].name;
            why.sentence = format!("{name} has the fewest in flight for its weight.");
        }
        best
    };
    peers.taken(chosen, turn.ask.now);
    Some(chosen)
}

/// The step of round robin among those that share the smallest quotient.
fn smooth_among_equals(
    group: Group,
    first: usize,
    peers: &mut Peers,
    turn: &mut Turn,
) -> Option<usize> {
    let Turn { ask, backends, why, .. } = turn;
    let conns = |place: usize| u64::from(backends[place].in_flight);
    let tied = |peers: &Peers, place: usize| {
        conns(place) * peers.weight(first) == conns(first) * peers.weight(place)
            && group.has(&backends[place])
            && peers.open(ask, place, &backends[place])
    };
    let chosen = peers.smooth(first..backends.len(), tied, why);
    if why.wanted() {
        let rule = std::mem::take(&mut why.sentence);
        why.sentence = format!("Several have the fewest in flight for their weight; {rule}");
    }
    chosen
}

fn explain(group: Group, peers: &Peers, turn: &mut Turn) {
    let Turn { ask, backends, why, .. } = turn;
    peers.rows(group, ask, backends, why);
    if why.wanted() {
        for (place, row) in why.lines.iter_mut().enumerate() {
            if row.numbers.is_empty() {
                let (conns, weight) = (backends[place].in_flight, peers.weight(place));
                row.numbers = format!("{conns} in flight / weight {weight}");
            }
        }
    }
}

pub(super) const ENTRY: Entry = Entry {
    key: "nginx_least_conn",
    wire: 11,
    name: "nginx: least_conn",
    whose: WHOSE,
    rule: "The fewest requests in flight for the weight; among equals, smooth weighted \
           round robin.",
    cost: "O(n) time; six numbers per server",
    when: "Requests take very different times.",
    when_not: "A server that refuses at once looks idle until max_fails takes it out.",
    source: "nginx documentation, ngx_http_upstream_module, least_conn",
    knobs: KNOBS,
    make: Nginx::<LeastConn>::make,
};
