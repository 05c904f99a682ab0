//! The closed loop: users who think, ask, and wait for the answer before they think again.
//!
//! Each user is in one of two states, thinking or waiting. A timer carries only the user's number;
//! whether it still counts is what the user's own note of when it asks next says, so timers of
//! earlier settings need not be found and removed.
//!
//! The first thought of each is the rest of one that began before the run: with a constant think
//! time a random part of it, so that they do not all ask at once.

use crate::sim::{Dist, Rng, Span, Time};

/// One user.
#[derive(Clone, Copy, Debug, Default)]
struct User {
    /// Since when it thinks, or waits.
    since: Time,
    /// When it asks next, while it thinks.
    until: Option<Time>,
    /// The request whose answer it waits for; 0 is none.
    waits: u64,
}

/// All users of one group of clients.
#[derive(Clone, Debug)]
pub(super) struct Users {
    all: Vec<User>,
    /// By the slot of a request: who made the last one there.
    by_slot: Vec<u32>,
    think: Rng,
}

impl Users {
    /// Nobody yet; `think` is the stream of think times.
    pub(super) fn new(think: Rng) -> Users {
        Users { all: Vec::new(), by_slot: Vec::new(), think }
    }

    /// There are so many from now on. Those beyond leave: at once, or with the answer they wait
    /// for.
    pub(super) fn limit(&mut self, count: u32) {
        let count = count as usize;
        if self.all.len() < count {
            self.all.resize(count, User::default());
        }
        self.all.iter_mut().skip(count).for_each(|user| user.until = None);
        while self.all.len() > count && self.all.last().is_some_and(|user| user.waits == 0) {
            self.all.pop();
        }
    }

    /// How many think.
    pub(super) fn thinking(&self) -> u32 {
        self.all.iter().filter(|user| user.until.is_some()).count() as u32
    }

    /// How many wait for an answer.
    pub(super) fn waiting(&self) -> u32 {
        self.all.iter().filter(|user| user.waits > 0).count() as u32
    }

    /// Does it neither think nor wait?
    pub(super) fn is_idle(&self, user: u32) -> bool {
        self.all.get(user as usize).is_some_and(|user| user.until.is_none() && user.waits == 0)
    }

    /// It begins to think, for at least so long: how long. The first time only for the rest of a
    /// thought.
    pub(super) fn think(
        &mut self,
        number: u32,
        first: bool,
        dist: &Dist,
        least: Span,
        now: Time,
    ) -> Option<Span> {
        let user = self.all.get_mut(number as usize)?;
        let drawn = match dist {
            Dist::Constant(span) if first => {
                Span::from_ns((self.think.unit() * span.ns() as f64) as u64)
            }
            dist => dist.draw(&mut self.think),
        };
        let span = drawn.max(least);
        (user.since, user.until, user.waits) = (now, Some(now + span), 0);
        Some(span)
    }

    /// A timer rings: is its time to ask? Since when it thought, then.
    pub(super) fn asks(&mut self, number: u32, now: Time) -> Option<Time> {
        let user = self.all.get_mut(number as usize)?;
        user.until.take_if(|until| *until == now)?;
        Some(std::mem::replace(&mut user.since, now))
    }

    /// It waits for the answer to this request, which is in this slot.
    pub(super) fn wait(&mut self, number: u32, request: u64, slot: u32) {
        if let Some(user) = self.all.get_mut(number as usize) {
            (user.waits, user.until) = (request, None);
        }
        if self.by_slot.len() <= slot as usize {
            self.by_slot.resize(slot as usize + 1, u32::MAX);
        }
        self.by_slot[slot as usize] = number;
    }

    /// A request that was in this slot has ended: who waited for it, and since when. It waits no
    /// more.
    pub(super) fn answered(&mut self, request: u64, slot: u32) -> Option<(u32, Time)> {
        let number = *self.by_slot.get(slot as usize)?;
        let user = self.all.get_mut(number as usize).filter(|user| user.waits == request)?;
        user.waits = 0;
        Some((number, user.since))
    }

    /// All forget what they did.
    pub(super) fn forget(&mut self) {
        self.all.iter_mut().for_each(|user| *user = User::default());
    }

    /// Nobody thinks any more; who waits goes on waiting.
    pub(super) fn stop(&mut self) {
        self.all.iter_mut().for_each(|user| user.until = None);
    }

    /// About how many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        self.all.len() * size_of::<User>() + self.by_slot.len() * size_of::<u32>()
    }
}
