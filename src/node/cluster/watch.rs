//! Members that die, are cut off and come back: when that is noticed, and what is lost.

use super::{Cluster, GREET, Hands, NOTICE, timer};
use crate::sim::{Found, Key, Reason, Span, Time};

/// How many lost keys are named.
const NAMED_MAX: usize = 12;

/// What the death of a member cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// When.
    pub at: Time,
    /// Which member.
    pub member: u8,
    /// Values that it held.
    pub held: u32,
    /// Keys of which no living member has a value.
    pub lost: u32,
    /// Keys of which only an older version is left.
    pub set_back: u32,
    /// Some of those that are lost.
    pub keys: Vec<Key>,
}

/// A member was found to be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noticed {
    /// When.
    pub at: Time,
    /// Which member.
    pub member: u8,
    /// How long it had been gone by then.
    pub after: Span,
}

impl Cluster {
    pub(super) fn crash(&mut self, cx: &mut Hands<'_>) {
        self.shares.clear();
        self.copies.clear();
        self.errands.clear();
        self.hints.clear();
        self.bag.clear();
        self.stop_moving();
        for place in 0..self.members.len() {
            self.fall(place, cx);
        }
        for work in std::mem::take(&mut self.works).into_values() {
            self.counts.dropped += 1;
            cx.fail(work.slot, Reason::ConnectionLost);
        }
    }

    /// Everybody comes up again, empty; who was cut off still is.
    pub(super) fn restart(&mut self, cx: &mut Hands<'_>) {
        for place in 0..self.members.len() {
            let member = &mut self.members[place];
            member.up = true;
            (member.gone, member.joining) = (false, false);
            member.watch = member.watch.wrapping_add(1);
            member.lost_at = None;
            if self.members[place].cut {
                self.lose_touch(place, cx);
            }
        }
        self.await_the_last(cx);
        self.settle(cx);
    }

    pub(super) fn crash_part(&mut self, place: usize, cx: &mut Hands<'_>) {
        if !self.members[place].up {
            return;
        }
        self.fall(place, cx);
        if !self.members[place].cut {
            self.lose_touch(place, cx);
        }
    }

    pub(super) fn restart_part(&mut self, place: usize, cx: &mut Hands<'_>) {
        if self.members[place].up {
            return;
        }
        self.members[place].up = true;
        if !self.members[place].cut {
            self.find_again(place, cx);
        }
    }

    pub(super) fn cut_part(&mut self, place: usize, cx: &mut Hands<'_>) {
        if self.members[place].cut {
            return;
        }
        self.members[place].cut = true;
        if self.members[place].up {
            self.lose_touch(place, cx);
        }
    }

    pub(super) fn join_part(&mut self, place: usize, cx: &mut Hands<'_>) {
        if !self.members[place].cut {
            return;
        }
        self.members[place].cut = false;
        if self.members[place].up {
            self.find_again(place, cx);
        }
    }

    /// A member dies: what it held and what was in its hands is lost.
    fn fall(&mut self, place: usize, cx: &Hands<'_>) {
        if !self.members[place].up {
            return;
        }
        self.count_loss(place, cx.now());
        self.members[place].fall(&self.config, cx.now());
        self.shares.retain(|_, share| share.back || usize::from(share.place) != place);
    }

    fn count_loss(&mut self, place: usize, now: Time) {
        let mut loss =
            Loss { at: now, member: place as u8, held: 0, lost: 0, set_back: 0, keys: Vec::new() };
        for (key, entry) in self.members[place].shelf.iter() {
            if entry.found != Found::Value || entry.ends < now {
                continue;
            }
            loss.held += 1;
            let others = self.members.iter().enumerate().filter(|(other, _)| *other != place);
            let copies = others.filter_map(|(_, member)| member.value(key, now));
            match copies.map(|copy| copy.stamp).max() {
                None => {
                    loss.lost += 1;
                    if loss.keys.len() < NAMED_MAX {
                        loss.keys.push(key);
                    }
                }
                Some(newest) => loss.set_back += u32::from(newest < entry.stamp),
            }
        }
        self.counts.lost += u64::from(loss.lost);
        self.counts.set_back += u64::from(loss.set_back);
        self.loss = Some(loss);
    }

    // ===== noticing =====

    fn interval(&self) -> Span {
        Span::from_millis_f64(self.config.heartbeat_ms)
    }

    /// Time from now to the next heartbeat, which are at the multiples of the interval.
    fn to_next_beat(&self, now: Time) -> Span {
        let interval = self.interval().ns().max(1);
        Span::from_ns(interval - now.ns() % interval)
    }

    /// A member cannot be reached from now on.
    fn lose_touch(&mut self, place: usize, cx: &mut Hands<'_>) {
        let now = cx.now();
        let first = self.to_next_beat(now);
        let rest = self.interval() * u64::from(self.config.misses.saturating_sub(1));
        let member = &mut self.members[place];
        member.watch = member.watch.wrapping_add(1);
        member.lost_at.get_or_insert(now);
        cx.wake_in(first + rest, NOTICE, timer(place, member.watch));
    }

    /// A member can be reached again.
    fn find_again(&mut self, place: usize, cx: &mut Hands<'_>) {
        let first = self.to_next_beat(cx.now());
        let member = &mut self.members[place];
        member.watch = member.watch.wrapping_add(1);
        if member.gone {
            cx.wake_in(first, GREET, timer(place, member.watch));
        } else {
            member.lost_at = None;
            self.deliver_hints(place, cx);
            self.plan(cx);
        }
    }

    fn is_watched(&self, place: usize, watch: u32) -> bool {
        let counter = |count: u32| timer(0, count) >> super::MEMBER_BITS;
        self.members.get(place).is_some_and(|member| counter(member.watch) == watch)
    }

    /// So many heartbeats in a row are missing.
    pub(super) fn notice(&mut self, place: usize, watch: u32, cx: &mut Hands<'_>) {
        if !self.is_watched(place, watch) {
            return;
        }
        let now = cx.now();
        let member = &mut self.members[place];
        member.gone = true;
        let after = now.since(member.lost_at.unwrap_or(now));
        self.counts.noticed += 1;
        self.notice = Some(Noticed { at: now, member: place as u8, after });
        self.plan(cx);
    }

    /// A heartbeat of a member that was known to be gone.
    pub(super) fn greet(&mut self, place: usize, watch: u32, cx: &mut Hands<'_>) {
        if !self.is_watched(place, watch) {
            return;
        }
        let member = &mut self.members[place];
        (member.gone, member.joining) = (false, true);
        member.lost_at = None;
        self.deliver_hints(place, cx);
        self.plan(cx);
    }
}
