//! Rows on the move: what must move after a change, and moving it, one call after another.
//!
//! A row is taken out of its old shard (`MoveOut`, which gives its version) and put into its new
//! one (`MoveIn`). Until it is there the key is astray. A call that fails is made again later; a
//! store that gave a row away gives it again when asked again.

use std::rc::Rc;

use super::ground::{Ground, Member};
use super::{Change, Errand, MOVE, Migration, Router};
use crate::sim::{
    Context, Found, Key, KeyMap, LinkId, NodeId, Op, Outcome, Place, Request, Sink, Span, Stamp,
    Want, Why,
};
use crate::stats::Meter;

/// How many rows are under way at the same time, at most.
const UNDER_WAY_MAX: usize = 64;

/// A row on the move.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move {
    pub(super) from: NodeId,
    /// The version in the router's hands, once the old shard gave it away: a value, or a deletion.
    pub(super) carried: Option<(Stamp, Found)>,
    /// Is a call for it out just now?
    pub(super) under_way: bool,
}

fn spelled<S: Sink + ?Sized>(number: u32, cx: &Context<'_, S>) -> String {
    let mut name = String::new();
    cx.spell_key(Key::numbered(number), &mut name);
    name
}

impl Router {
    /// Takes new ground: counts who owns how many keys, hands newcomers what they have from the
    /// beginning, and notes whose row is where.
    pub(super) fn replan<S: Sink + ?Sized>(
        &mut self,
        mut ground: Ground,
        before: Option<&Ground>,
        cx: &mut Context<'_, S>,
    ) {
        let keys = self.config.keys;
        let words = keys.div_ceil(64) as usize;
        let mut sets =
            vec![vec![0u64; if before.is_none() { words } else { 0 }]; ground.members.len()];
        let mut change = Change { of: keys, ..Change::default() };
        for number in 0..keys {
            let (key, name) = (Key::numbered(number), spelled(number, cx));
            let owner = ground.owner(&name, &mut Why::off());
            if let Some(place) = owner {
                ground.members[place].keys += 1;
            }
            let Some(before) = before else {
                if let Some(set) = owner.and_then(|place| sets.get_mut(place)) {
                    set[number as usize / 64] |= 1 << (number % 64);
                }
                continue;
            };
            let old = before.home(&name).map(|member| member.node);
            let new = owner.map(|place| ground.members[place].node);
            change.moved += u32::from(old != new);
            if self.moves.contains_key(&number) {
                // It is in good hands, and goes to whoever owns it when it gets there.
                continue;
            }
            let at = self.astray.get(key).map(NodeId).or(old);
            self.note_place(key, at, new, &ground);
        }
        for (member, set) in ground.members.iter().zip(sets) {
            if self.known.insert(member.node) {
                cx.hand(member.link, set.into());
            }
        }
        self.sent = ground.members.iter().map(|member| self.sent_to(member)).collect();
        if let Some(before) = before {
            change.ideal = ground.ideal_from(before);
            // Another count of keys alone moves nothing and is no change to speak of.
            if change.moved > 0 || before.shards != ground.shards {
                self.change = Some(change);
            }
        }
        let to_move = self.astray.iter().filter_map(|(key, _)| key.number());
        self.plan = to_move.filter(|number| !self.moves.contains_key(number)).collect();
        self.next = 0;
        self.ground = Some(Rc::new(ground));
        self.homes = KeyMap::default();
    }

    /// Notes where a key's row is and that it should be with `new`.
    fn note_place(&mut self, key: Key, at: Option<NodeId>, new: Option<NodeId>, ground: &Ground) {
        let is_gone = at.is_some_and(|at| ground.member(at).is_none());
        match (at, new) {
            _ if is_gone => {
                self.left_behind += 1;
                self.astray.remove(key);
            }
            (Some(at), Some(new)) if at != new => {
                self.astray.insert(key, at.0);
            }
            _ => {
                self.astray.remove(key);
            }
        }
    }

    /// Requests sent to this shard so far.
    fn sent_to(&self, member: &Member) -> Meter {
        let place = self.members().iter().position(|known| known.node == member.node);
        place.and_then(|place| self.sent.get(place).copied()).unwrap_or_default()
    }

    /// Sets the timer for the next move if there is something to move and none is set.
    pub(super) fn keep_moving<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        let more = self.next < self.plan.len() || !self.again.is_empty();
        if more && !self.ticking && self.config.migration == Migration::Move {
            self.ticking = true;
            cx.wake_in(Span::from_seconds_f64(1.0 / self.config.move_rate), MOVE, self.life);
        }
    }

    /// Begins to move the next row that is not where it belongs.
    pub(super) fn move_next<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        self.ticking = false;
        if self.config.migration == Migration::Move && self.moves.len() < UNDER_WAY_MAX {
            while let Some(number) = self.next_planned() {
                if self.begin_move(number, cx) {
                    break;
                }
            }
        }
        self.keep_moving(cx);
    }

    fn next_planned(&mut self) -> Option<u32> {
        let planned = self.plan.get(self.next).copied();
        self.next += usize::from(planned.is_some());
        planned.or_else(|| self.again.pop_front())
    }

    /// False when there is nothing to do for this key.
    fn begin_move<S: Sink + ?Sized>(&mut self, number: u32, cx: &mut Context<'_, S>) -> bool {
        let key = Key::numbered(number);
        if let Some(on_its_way) = self.moves.get(&number) {
            return !on_its_way.under_way && self.bring(number, cx);
        }
        let Some(from) = self.astray.get(key).map(NodeId) else { return false };
        let Some(link) = self.link_to(from) else { return false };
        self.moves.insert(number, Move { from, carried: None, under_way: true });
        let call = cx.call(None, Want::one(Op::MoveOut, key), Stamp::default(), link);
        self.calls.insert(call, Errand::Move(number));
        true
    }

    /// Brings a row that was given away to the shard that owns it now.
    fn bring<S: Sink + ?Sized>(&mut self, number: u32, cx: &mut Context<'_, S>) -> bool {
        let ground = self.ground.as_ref();
        let to = ground.and_then(|ground| ground.home(&spelled(number, cx))).map(|home| home.link);
        let Some(on_its_way) = self.moves.get_mut(&number) else { return false };
        let (Some((stamp, found)), Some(to)) = (on_its_way.carried, to) else {
            // Nobody owns it any more.
            self.moves.remove(&number);
            self.astray.remove(Key::numbered(number));
            self.left_behind += 1;
            self.release(number, cx);
            return false;
        };
        on_its_way.under_way = true;
        let call = cx.call(None, Want::one(Op::MoveIn, Key::numbered(number)), stamp, to);
        cx.found(call, found, stamp);
        self.calls.insert(call, Errand::Move(number));
        true
    }

    /// A call for a row's move is back.
    pub(super) fn move_is_back<S: Sink + ?Sized>(
        &mut self,
        call: u32,
        number: u32,
        cx: &mut Context<'_, S>,
    ) {
        let answer = cx.request(call).copied();
        cx.end_call(call);
        let (Some(answer), Some(on_its_way)) = (answer, self.moves.get_mut(&number)) else {
            return;
        };
        on_its_way.under_way = false;
        let (done, from) = (answer.outcome == Outcome::Done, on_its_way.from);
        // A deletion is carried along too: who reads the key must not be told of an older time.
        let found_one = answer.found != Found::Nothing || answer.stamp > Stamp::default();
        match (done, answer.op, found_one) {
            (false, ..) => {
                if on_its_way.carried.is_none() {
                    self.moves.remove(&number);
                }
                self.failed_moves += 1;
                // A shard that went takes the row along.
                let in_hand = self.moves.contains_key(&number);
                if in_hand || self.link_to(from).is_some() {
                    self.again.push_back(number);
                } else {
                    self.astray.remove(Key::numbered(number));
                    self.left_behind += 1;
                }
                self.release(number, cx);
            }
            (true, Op::MoveOut, true) => {
                on_its_way.carried = Some((answer.stamp, answer.found));
                self.bring(number, cx);
            }
            // It is there, or there was nothing to move.
            (true, ..) => {
                self.moves.remove(&number);
                self.astray.remove(Key::numbered(number));
                self.moved += 1;
                self.look_again(number, &answer, cx);
                self.release(number, cx);
            }
        }
        self.keep_moving(cx);
    }

    /// The owner may have changed while the row was on its way.
    fn look_again<S: Sink + ?Sized>(&mut self, number: u32, answer: &Request, cx: &Context<'_, S>) {
        let ground = self.ground.as_ref();
        let owner = ground.and_then(|ground| ground.home(&spelled(number, cx)));
        let Place::Returning(link) = answer.place else { return };
        let at = cx.far_end(link);
        if answer.op == Op::MoveIn && owner.is_some_and(|owner| owner.node != at) {
            self.astray.insert(Key::numbered(number), at.0);
            self.again.push_back(number);
        }
    }

    /// The link to a shard, while it is wired.
    pub(super) fn link_to(&self, node: NodeId) -> Option<LinkId> {
        let found = |ground: &Rc<Ground>| ground.member(node).map(|member| member.link);
        self.ground.as_ref().and_then(found)
    }

    /// Sends on what waited for this row.
    fn release<S: Sink + ?Sized>(&mut self, number: u32, cx: &mut Context<'_, S>) {
        for slot in self.held.remove(&number).unwrap_or_default() {
            self.send(slot, cx);
        }
    }

    /// The router died: no answer to a call will be heard. Rows in its hands are in its log.
    pub(super) fn interrupt_moves(&mut self) {
        self.ticking = false;
        self.life += 1;
        let under_way = self.moves.iter().filter(|(_, on_its_way)| on_its_way.under_way);
        self.again.extend(under_way.map(|(&number, _)| number));
        self.moves.retain(|_, on_its_way| on_its_way.carried.is_some());
        self.moves.values_mut().for_each(|on_its_way| on_its_way.under_way = false);
    }
}
