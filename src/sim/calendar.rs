//! The event calendar: what happens next, and in which order when two things fall on one instant.
//!
//! Order is (time, sequence number), so ties are first in, first out. What the scenario planned has
//! its own low sequence numbers and comes before anything else at its instant: a fault put in by
//! hand and the same fault read from a link therefore give the same run.
//!
//! Most delays in a run are a few constants (link latencies). Events after a constant delay are
//! already in order, so each such delay gets a plain queue, a *lane*, and only the rest pays for
//! the heap. The order popped is the same whatever lies where.
//!
//! Cost: push and pop are O(log n) in the heap, O(1) in a lane.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

use super::event::{Event, What, Word};
use super::node::NodeId;
use super::time::{Span, Time};

/// How many constant delays have a lane at one time.
const LANES_MAX: usize = 4;

/// Room from the start for what a small run has pending at its busiest.
const ROOM: usize = 64;

/// Sequence numbers below this belong to the plan.
const FIRST_UNPLANNED: u64 = 1 << 32;

#[derive(Clone, Copy, Debug)]
struct Entry {
    at: Time,
    sequence: u64,
    word: Word,
}

impl Entry {
    #[inline]
    fn key(&self) -> (Time, u64) {
        (self.at, self.sequence)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    /// Reversed, because the standard heap keeps its largest on top.
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

#[derive(Clone, Debug)]
struct Lane {
    delay: Span,
    waiting: VecDeque<Entry>,
}

/// Pending events in the order they will happen.
#[derive(Clone, Debug)]
pub struct Calendar {
    now: Time,
    next_sequence: u64,
    heap: BinaryHeap<Entry>,
    lanes: Vec<Lane>,
}

impl Default for Calendar {
    fn default() -> Self {
        Calendar {
            now: Time::ZERO,
            next_sequence: FIRST_UNPLANNED,
            heap: BinaryHeap::with_capacity(ROOM),
            lanes: Vec::new(),
        }
    }
}

impl Calendar {
    /// The time of the event popped last.
    #[inline]
    pub fn now(&self) -> Time {
        self.now
    }

    /// How many events are pending.
    pub fn len(&self) -> usize {
        self.heap.len() + self.lanes.iter().map(|lane| lane.waiting.len()).sum::<usize>()
    }

    /// Is nothing pending?
    pub fn is_empty(&self) -> bool {
        self.peek().is_none()
    }

    /// `event` happens at `at`. Panics when `at` has passed: time never goes back.
    #[inline]
    pub fn push(&mut self, at: Time, event: Event) {
        self.push_word(at, Word::new(event));
    }

    fn push_word(&mut self, at: Time, word: Word) {
        assert!(at >= self.now, "an event at {at} was scheduled at {}", self.now);
        let sequence = self.take_sequence();
        self.heap.push(Entry { at, sequence, word });
    }

    /// `event` happens after a delay that many events share; as `push`, but cheaper.
    #[inline]
    pub fn push_steady(&mut self, delay: Span, event: Event) {
        self.push_word_steady(delay, Word::new(event));
    }

    fn push_word_steady(&mut self, delay: Span, word: Word) {
        let (at, sequence) = (self.now + delay, self.take_sequence());
        let known = self.lanes.iter().position(|lane| lane.delay == delay);
        match known.or_else(|| self.new_lane(delay)) {
            Some(lane) => self.lanes[lane].waiting.push_back(Entry { at, sequence, word }),
            None => self.heap.push(Entry { at, sequence, word }),
        }
    }

    /// Opens a lane for this delay, or takes one that is empty; there may be none.
    fn new_lane(&mut self, delay: Span) -> Option<usize> {
        if self.lanes.len() < LANES_MAX {
            self.lanes.push(Lane { delay, waiting: VecDeque::with_capacity(ROOM) });
            return Some(self.lanes.len() - 1);
        }
        let lane = self.lanes.iter().position(|lane| lane.waiting.is_empty())?;
        self.lanes[lane].delay = delay;
        Some(lane)
    }

    /// Item number `place` of the plan happens at `at`, before all else at that instant.
    pub fn push_planned(&mut self, at: Time, place: u32, event: Event) {
        assert!(at >= self.now, "planned for {at}, but it is {}", self.now);
        self.heap.push(Entry { at, sequence: u64::from(place), word: Word::new(event) });
    }

    /// Takes everything planned out again.
    pub fn drop_planned(&mut self) {
        self.heap.retain(|entry| entry.sequence >= FIRST_UNPLANNED);
    }

    /// Takes all timers of a node out, in the order in which they would have rung.
    pub(super) fn take_timers(&mut self, node: NodeId) -> Vec<(Time, Event)> {
        let mut taken = Vec::new();
        let mut keep = |entry: &Entry| {
            let event = entry.word.event();
            let stays = event.node != node || !matches!(event.what, What::Timer(_));
            if !stays {
                taken.push((entry.key(), event));
            }
            stays
        };
        self.heap.retain(&mut keep);
        for lane in &mut self.lanes {
            lane.waiting.retain(&mut keep);
        }
        taken.sort_by_key(|(key, _)| *key);
        taken.into_iter().map(|((at, _), event)| (at, event)).collect()
    }

    /// When the next event happens.
    pub fn peek(&self) -> Option<Time> {
        let lanes = self.lanes.iter().filter_map(|lane| lane.waiting.front());
        lanes.chain(self.heap.peek()).map(|entry| entry.at).min()
    }

    /// The next event no later than `limit`, with its time; the clock moves there.
    #[inline]
    pub(super) fn pop_until(&mut self, limit: Time) -> Option<(Time, Word)> {
        let (mut at, mut sequence) = self.heap.peek().map_or((Time::MAX, u64::MAX), Entry::key);
        let mut from = LANES_MAX;
        for (number, lane) in self.lanes.iter().enumerate() {
            if let Some(front) = lane.waiting.front()
                && (front.at < at || (front.at == at && front.sequence < sequence))
            {
                (at, sequence, from) = (front.at, front.sequence, number);
            }
        }
        if at > limit || sequence == u64::MAX {
            return None;
        }
        let word = match self.lanes.get_mut(from) {
            Some(lane) => lane.waiting.pop_front()?.word,
            None => self.heap.pop()?.word,
        };
        assert!(at >= self.now, "time went back from {} to {}", self.now, at);
        self.now = at;
        Some((at, word))
    }

    /// Moves the clock forward to `at` when nothing is pending before it.
    pub fn idle_until(&mut self, at: Time) {
        debug_assert!(self.peek().is_none_or(|next| next > at), "an event is still due");
        self.now = self.now.max(at);
    }

    #[inline]
    fn take_sequence(&mut self) -> u64 {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        sequence
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(arg: u32) -> Event {
        Event { node: NodeId(0), what: What::Arrive, arg }
    }

    fn drain(calendar: &mut Calendar) -> Vec<(u64, u32)> {
        std::iter::from_fn(|| calendar.pop_until(Time::MAX))
            .map(|(at, word)| (at.ns(), word.event().arg))
            .collect()
    }

    #[test]
    fn ties_are_first_in_first_out_and_the_plan_goes_first() {
        let mut calendar = Calendar::default();
        calendar.push(Time::from_ns(5), event(1));
        calendar.push_steady(Span::from_ns(5), event(2));
        calendar.push(Time::from_ns(5), event(3));
        calendar.push_planned(Time::from_ns(5), 0, event(9));
        calendar.push(Time::from_ns(4), event(4));
        assert_eq!(drain(&mut calendar), [(4, 4), (5, 9), (5, 1), (5, 2), (5, 3)]);
    }

    #[test]
    #[should_panic(expected = "was scheduled at")]
    fn the_past_is_refused() {
        let mut calendar = Calendar::default();
        calendar.push(Time::from_ns(5), event(1));
        calendar.pop_until(Time::MAX);
        calendar.push(Time::from_ns(4), event(2));
    }

    proptest! {
        /// Lanes are an optimisation: a calendar with only the heap pops the same order.
        #[test]
        fn lanes_change_nothing(steps in prop::collection::vec((0u64..7, 0u8..3), 1..200)) {
            let mut fast = Calendar::default();
            let mut plain = Calendar::default();
            for (number, &(delay, kind)) in steps.iter().enumerate() {
                let event = event(number as u32);
                let delay = Span::from_ns(delay);
                match kind {
                    0 => fast.push(fast.now() + delay, event),
                    _ => fast.push_steady(delay, event),
                }
                plain.push(plain.now() + delay, event);
                if kind == 2 {
                    prop_assert_eq!(fast.pop_until(Time::MAX), plain.pop_until(Time::MAX));
                }
                prop_assert_eq!(fast.len(), plain.len());
            }
            prop_assert_eq!(drain(&mut fast), drain(&mut plain));
        }
    }
}
