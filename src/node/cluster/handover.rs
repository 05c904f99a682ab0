//! Members that come and go: what that changes, and handing keys over to whoever holds them now.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use super::ask::spelled;
use super::ground::Ground;
use super::member::Member;
use super::{Cluster, Hands, MOVE};
use crate::node::shelf::{Cause, Entry};
use crate::sim::{Key, Span, Time, Why};

/// What the last change of members, or of the rule, meant.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Change {
    /// When.
    pub at: Time,
    /// Members before.
    pub from: u8,
    /// Members after.
    pub to: u8,
    /// How many of the keys held have another owner than before.
    pub moved: u32,
    /// How many were held.
    pub of: u32,
    /// The smallest share of keys that any placement would have to move, from 0 to 1.
    pub ideal: f64,
}

impl Cluster {
    /// Takes members and rule as they are to be now.
    pub(super) fn settle(&mut self, cx: &mut Hands<'_>) {
        let want = self.wanted(cx.now());
        let same_rule = self.made_by.same_rule(&self.config);
        let before = self.ground.clone();
        let stands = before.as_ref().is_some_and(|ground| ground.members() == want);
        if stands && same_rule {
            self.refusal = None;
            return;
        }
        match Ground::new(want, before.as_deref().filter(|_| same_rule), &self.config) {
            Ok(ground) => {
                self.refusal = None;
                self.made_by = self.config.clone();
                self.note_change(before.as_deref(), &ground, cx);
                self.take_members(want, cx);
                self.ground = Some(Rc::new(ground));
                self.plan(cx);
            }
            Err(words) => self.refusal = Some(words),
        }
    }

    /// Counts the keys that have another owner than before.
    fn note_change(&mut self, before: Option<&Ground>, ground: &Ground, cx: &Hands<'_>) {
        let Some(before) = before else { return };
        let mut change = Change {
            at: cx.now(),
            from: before.members() as u8,
            to: ground.members() as u8,
            ideal: ground.ideal_from(before),
            ..Change::default()
        };
        for key in self.held(cx.now()) {
            let name = spelled(key, cx);
            let owner = |ground: &Ground| ground.owner(&name, &mut Why::off());
            change.of += 1;
            change.moved += u32::from(owner(before) != owner(ground));
        }
        self.change = Some(change);
    }

    /// Every key that somebody who lives holds a value of.
    fn held(&self, now: Time) -> BTreeSet<Key> {
        let living = self.members.iter().filter(|member| member.up);
        let good = |(key, entry): (Key, Entry)| (now <= entry.ends).then_some(key);
        living.flat_map(|member| member.shelf.iter().filter_map(good)).collect()
    }

    /// Makes new members, empty; lets the last ones go. What these hold goes along, or into the bag
    /// to be handed over.
    fn take_members(&mut self, want: usize, cx: &mut Hands<'_>) {
        let now = cx.now();
        for place in self.members.len()..want {
            let mut member = Member::new(self.seed, &self.id, place, &self.config);
            member.joining = self.ground.is_some();
            self.members.push(member);
        }
        for (place, member) in (want..).zip(self.members.drain(want..).collect::<Vec<_>>()) {
            let kept = self.config.handover && member.in_reach();
            for (key, entry) in member.shelf.iter().filter(|(_, entry)| now <= entry.ends) {
                let newer = self.bag.get(&key).is_none_or(|held| held.stamp <= entry.stamp);
                if kept && newer {
                    self.bag.insert(key, entry);
                }
            }
            self.shares.retain(|_, share| share.back || usize::from(share.place) != place);
            self.hints.retain(|(whose, _), _| usize::from(*whose) != place);
        }
    }

    // ===== handing over =====

    /// Finds out which keys are not where they belong.
    pub(super) fn plan(&mut self, cx: &mut Hands<'_>) {
        if !self.config.handover {
            self.bag.clear();
            self.stop_moving();
            return;
        }
        let now = cx.now();
        let mut keys = self.held(now);
        keys.extend(self.bag.keys());
        let plan: Vec<Key> =
            keys.into_iter().filter(|&key| self.carriage(key, now, cx).is_some()).collect();
        (self.plan, self.next) = (plan.into(), 0);
        self.keep_moving(cx);
    }

    /// What is to be done for a key: its newest version, who should have it and has not, and who
    /// has it and should not.
    fn carriage(&self, key: Key, now: Time, cx: &Hands<'_>) -> Option<Carriage> {
        let acting = self.homes(&spelled(key, cx)).acting;
        let holding = |place: usize| {
            let member = self.members.get(place).filter(|member| member.in_reach());
            member.and_then(|member| member.look(key, now))
        };
        let held = (0..self.members.len()).filter_map(holding).chain(self.bag.get(&key).copied());
        let newest = held.max_by_key(|entry| entry.stamp)?;
        let lacks =
            |place: &u8| holding(usize::from(*place)).is_none_or(|held| held.stamp < newest.stamp);
        let to: Vec<u8> = acting.iter().copied().filter(lacks).collect();
        let stray = |place: &usize| holding(*place).is_some() && !acting.contains(&(*place as u8));
        let from: Vec<usize> = (0..self.members.len()).filter(stray).collect();
        let idle = acting.is_empty() || (to.is_empty() && from.is_empty());
        (!idle).then_some(Carriage { newest, to, from })
    }

    pub(super) fn stop_moving(&mut self) {
        self.life = self.life.wrapping_add(1);
        (self.plan, self.next, self.ticking) = (Arc::default(), 0, false);
        self.members.iter_mut().for_each(|member| member.joining = false);
    }

    /// Sets the timer for the next key if there is one and none is set.
    fn keep_moving(&mut self, cx: &mut Hands<'_>) {
        if self.next >= self.plan.len() {
            self.bag.clear();
            self.members.iter_mut().for_each(|member| member.joining = false);
        } else if !self.ticking {
            self.ticking = true;
            cx.wake_in(Span::from_seconds_f64(1.0 / self.config.move_rate), MOVE, self.life);
        }
    }

    /// Hands the next key over that is not where it belongs.
    pub(super) fn move_next(&mut self, cx: &mut Hands<'_>) {
        if !self.ticking {
            return;
        }
        self.ticking = false;
        let now = cx.now();
        while let Some(&key) = self.plan.get(self.next) {
            self.next += 1;
            let todo = self.carriage(key, now, cx);
            self.bag.remove(&key);
            if let Some(Carriage { newest, to, from }) = todo {
                self.counts.handed += 1;
                for place in to {
                    self.copy(place, key, newest, Span::ZERO, cx);
                }
                for place in from {
                    self.members[place].shelf.remove(key, now, Cause::Forgotten);
                }
                break;
            }
        }
        self.keep_moving(cx);
    }

    /// How many keys are still to be handed over, as far as is known.
    pub fn to_hand_over(&self) -> usize {
        self.plan.len() - self.next
    }
}

/// What is to be done for a key.
struct Carriage {
    newest: Entry,
    to: Vec<u8>,
    from: Vec<usize>,
}
