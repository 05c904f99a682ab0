//! nginx's default: smooth weighted round robin that notices failures.
//!
//! Each server that can be chosen adds its effective weight to its running weight; the largest
//! wins, the earliest of equals, and pays the sum. Failures lower the effective weight and, once
//! there are `max_fails`, leave the server out. Backups are asked when no other can be.

use super::peers::{Group, Peers};
use super::{Entry, KNOBS, Method, Nginx, Turn, WHOSE};

/// `upstream` without a method.
#[derive(Clone, Debug, Default)]
pub struct RoundRobin;

impl Method for RoundRobin {
    const READS_KEY: bool = false;
    const BY_RUNNING_WEIGHT: bool = true;

    fn pick(&mut self, peers: &mut Peers, turn: &mut Turn) -> Option<usize> {
        let groups = Group::order(turn.ask, turn.backends);
        peers.round_robin(groups, turn.ask, turn.backends, turn.why)
    }
}

pub(super) const ENTRY: Entry = Entry {
    key: "nginx_round_robin",
    wire: 10,
    name: "nginx: round robin",
    whose: WHOSE,
    rule: "Smooth weighted round robin over servers that are not full and did not fail \
           max_fails times; failures lower a weight, looking at it raises it by one.",
    cost: "O(n) time; six numbers per server",
    when: "The default, and right for most: servers that fail are noticed by the requests that \
           fail.",
    when_not: "Servers get slow instead of failing: nothing here looks at time or load.",
    source: "nginx documentation, ngx_http_upstream_module",
    knobs: KNOBS,
    make: Nginx::<RoundRobin>::make,
};
