//! The yardstick: M/M/c written out by hand, about as fast as one gets it with the standard heap.
//! No nodes, no links, no requests, no histogram; two events for each customer.
//!
//! Every speed of the engine is given as a ratio to this loop, measured in the same run. It takes
//! its gaps and service times from outside, so that it can be given the engine's own exponential:
//! then the ratio shows what the engine costs, not which random numbers were chosen.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// In the order in which they happen; ties by sequence number. 24 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    at: u64,
    sequence: u32,
    arrival: bool,
    born: u64,
}

/// Serves `customers` at one station of `servers` and gives their mean time in it, in nanoseconds.
pub fn hand_loop(
    servers: u32,
    customers: u64,
    mut gap: impl FnMut() -> u64,
    mut service: impl FnMut() -> u64,
) -> f64 {
    let mut heap = BinaryHeap::new();
    let mut queue = VecDeque::new();
    let (mut busy, mut sequence, mut served, mut response_ns) = (0, 0, 0, 0);
    let mut push = |heap: &mut BinaryHeap<Reverse<Event>>, at, arrival, born| {
        sequence += 1;
        heap.push(Reverse(Event { at, sequence, arrival, born }));
    };
    push(&mut heap, gap(), true, 0);
    while served < customers {
        let Some(Reverse(Event { at: now, arrival, born, .. })) = heap.pop() else { break };
        if arrival {
            push(&mut heap, now + gap(), true, 0);
            if busy < servers {
                busy += 1;
                push(&mut heap, now + service(), false, now);
            } else {
                queue.push_back(now);
            }
        } else {
            served += 1;
            response_ns += now - born;
            match queue.pop_front() {
                Some(next) => push(&mut heap, now + service(), false, next),
                None => busy -= 1,
            }
        }
    }
    response_ns as f64 / served as f64
}
