//! Asking others for a request's sake: in turn, at once, and with a cache that only looks aside.

use super::super::aside::{Aside, Heard, Next};
use super::config::Calls;
use super::{Core, Server};
use crate::sim::request::HOPS_MAX;
use crate::sim::{Context, Found, LinkId, Op, Outcome, Reason, Request, Sink, Stamp, Want};

/// A request at this server: its slot, and how many links it had crossed when it came. Round in a
/// loop it may be here twice.
pub(super) type Key = (u32, u8);

/// A request for which others are being asked.
#[derive(Clone, Debug)]
pub(super) struct Task {
    /// What it came for.
    op: Op,
    /// The core that it holds.
    core: Option<u16>,
    /// Does it hold a thread, or its core?
    holds: bool,
    /// Where it is between cache and stores, if there is such a cache.
    aside: Option<Aside>,
    /// The store asked last, in turn.
    store: Option<LinkId>,
    /// How many calls are out, at once.
    open: u16,
    /// What was found or done, and its version.
    found: Found,
    stamp: Stamp,
    /// The failure last heard of.
    failure: Outcome,
}

impl Task {
    /// Does it wait here for calls that are out?
    pub(super) fn is_calling(&self) -> bool {
        self.open > 0
    }

    /// Holds a place from now on, and no core.
    pub(super) fn give_up_core(&mut self) {
        self.core = None;
    }

    /// Holds nothing from now on.
    pub(super) fn give_up_place(&mut self) {
        self.holds = false;
    }
}

impl Server {
    /// Finds out who is behind it.
    pub(super) fn look_behind<S: Sink + ?Sized>(&mut self, cx: &Context<'_, S>) {
        let all: Vec<LinkId> = cx.outgoing().map(|(link, _)| link).collect();
        self.cache = all.iter().copied().find(|&link| cx.peer(link).looks_aside);
        self.stores = all.into_iter().filter(|&link| Some(link) != self.cache).collect();
    }

    /// Is anybody behind it?
    #[inline]
    pub(super) fn asks_others(&self) -> bool {
        !self.stores.is_empty() || self.cache.is_some()
    }

    /// The server has done its own work on a request and asks others for it.
    pub(super) fn begin_asking<S: Sink + ?Sized>(
        &mut self,
        slot: u32,
        core: Option<u16>,
        cx: &mut Context<'_, S>,
    ) {
        let Some(request) = cx.request(slot) else { return };
        let op = request.op;
        let (aside, next) = match self.cache {
            Some(_) => {
                let (aside, next) = Aside::begin(op, self.config.on_write);
                (Some(aside), next)
            }
            None => (None, Next::Stores),
        };
        let key = (slot, request.path().len() as u8);
        let task = Task {
            op,
            core,
            holds: self.config.hold,
            aside,
            store: None,
            open: 0,
            found: request.found,
            stamp: request.stamp,
            failure: Outcome::Pending,
        };
        let now = cx.now();
        self.asking.set(now, self.asking.value() + 1);
        if task.holds {
            self.held.set(now, self.held.value() + 1);
        }
        self.tasks.insert(key, task);
        self.follow(key, next, cx);
    }

    /// Its way is too long for one link more.
    fn end_too_long<S: Sink + ?Sized>(&mut self, key: Key, cx: &mut Context<'_, S>) {
        self.failed_behind += 1;
        cx.fail(key.0, Reason::BadRequest);
        self.let_go(key, cx);
    }

    fn follow<S: Sink + ?Sized>(&mut self, key: Key, next: Next, cx: &mut Context<'_, S>) {
        match next {
            Next::Cache(op) => self.ask_cache(key, op, cx),
            Next::Stores => match self.config.calls {
                Calls::InTurn => self.ask_store(key, cx),
                Calls::AtOnce => self.ask_all(key, cx),
            },
            Next::Answer => self.end(key, true, cx),
            Next::Fail => self.end(key, false, cx),
        }
    }

    /// Asks the cache, with the version in hand.
    fn ask_cache<S: Sink + ?Sized>(&mut self, key: Key, op: Op, cx: &mut Context<'_, S>) {
        let Some(task) = self.tasks.get(&key) else { return };
        let (found, stamp) = match op {
            Op::Read => (Found::Unasked, task.stamp),
            // A write puts there what it wrote; and what a server works out, that keeps nothing
            // itself, is a value all the same.
            Op::Fill if task.op != Op::Read || task.found == Found::Unasked => {
                (Found::Value, task.stamp)
            }
            _ => (task.found, task.stamp),
        };
        self.explain_cache(key.0, op, task.op, cx);
        let Some(cache) = self.cache else { return self.heard(key, Heard::Failed, cx) };
        cx.ask_for(key.0, op);
        cx.found(key.0, found, stamp);
        self.send_on(key, cache, cx);
    }

    /// Asks the next store with the request itself; when all have been asked, that is heard.
    fn ask_store<S: Sink + ?Sized>(&mut self, key: Key, cx: &mut Context<'_, S>) {
        let Some(task) = self.tasks.get_mut(&key) else { return };
        let next = self.stores.iter().copied().find(|&link| Some(link) > task.store);
        let Some(link) = next else {
            let heard = heard_of(Outcome::Done, task.found);
            return self.heard(key, heard, cx);
        };
        task.store = Some(link);
        let (op, found, stamp) = (task.op, task.found, task.stamp);
        self.explain_store(key.0, link, cx);
        cx.ask_for(key.0, op);
        cx.found(key.0, found, stamp);
        self.send_on(key, link, cx);
    }

    fn send_on<S: Sink + ?Sized>(&mut self, key: Key, link: LinkId, cx: &mut Context<'_, S>) {
        if !cx.forward(key.0, link) {
            // Its way was too long, and it is on its way back already.
            self.failed_behind += 1;
            self.let_go(key, cx);
        }
    }

    /// Calls all stores.
    fn ask_all<S: Sink + ?Sized>(&mut self, key: Key, cx: &mut Context<'_, S>) {
        let Some(task) = self.tasks.get(&key) else { return };
        if self.stores.is_empty() {
            let heard = heard_of(Outcome::Done, task.found);
            return self.heard(key, heard, cx);
        }
        let (op, stamp) = (task.op, task.stamp);
        let Some(request) = cx.request(key.0) else { return };
        if request.way().len() >= HOPS_MAX {
            return self.end_too_long(key, cx);
        }
        let want = Want { op, key: request.key, width: request.width };
        self.explain_all(key.0, cx);
        if let Some(task) = self.tasks.get_mut(&key) {
            task.open = self.stores.len() as u16;
        }
        for &link in &self.stores {
            let call = cx.call(Some(key.0), want, stamp, link);
            self.calls.insert(call, key);
        }
        cx.ask_for(key.0, op);
        cx.wait_for_calls(key.0);
    }

    /// A request, or a call, has come back.
    pub(super) fn came_back<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        let Some(&request) = cx.request(slot) else { return };
        if request.is_call && request.path().is_empty() {
            cx.end_call(slot);
            if let Some(key) = self.calls.remove(&slot) {
                self.call_ended(key, &request, cx);
            }
            return;
        }
        let key = (slot, request.path().len() as u8);
        let Some(task) = self.tasks.get_mut(&key) else {
            // It was sent on before a crash: whoever asked sees a dead connection.
            return match request.outcome {
                Outcome::Done => cx.fail(slot, Reason::ConnectionLost),
                _ => cx.pass_back(slot),
            };
        };
        let telling = task.aside.is_some_and(|aside| aside.is_telling());
        match request.outcome {
            Outcome::Done if !telling => {
                (task.found, task.stamp) = (request.found, request.stamp);
            }
            Outcome::Done | Outcome::Pending => {}
            Outcome::Failed(..) => task.failure = request.outcome,
        }
        let in_turn = task.store.is_some() && !telling;
        match (in_turn, request.outcome) {
            (true, Outcome::Done) => self.ask_store(key, cx),
            (_, outcome) => self.heard(key, heard_of(outcome, request.found), cx),
        }
    }

    /// A call has come back: the last of them, or the first that failed, is the word.
    fn call_ended<S: Sink + ?Sized>(&mut self, key: Key, call: &Request, cx: &mut Context<'_, S>) {
        let Some(task) = self.tasks.get_mut(&key) else { return };
        if let Outcome::Failed(..) = call.outcome {
            (task.failure, task.open) = (call.outcome, 0);
            // The others are nobody's from here on.
            self.calls.retain(|_, whose| *whose != key);
            return self.heard(key, Heard::Failed, cx);
        }
        // Of several stores the newest version counts.
        let says_more = call.found != Found::Unasked && task.found == Found::Unasked;
        if says_more || call.stamp > task.stamp {
            (task.found, task.stamp) = (call.found, call.stamp);
        }
        task.open -= 1;
        if task.open == 0 {
            let heard = heard_of(Outcome::Done, task.found);
            self.heard(key, heard, cx);
        }
    }

    /// Whoever was asked has had the last word.
    fn heard<S: Sink + ?Sized>(&mut self, key: Key, heard: Heard, cx: &mut Context<'_, S>) {
        let Some(task) = self.tasks.get_mut(&key) else { return };
        let next = match (&mut task.aside, heard) {
            (Some(aside), heard) => aside.hear(heard),
            (None, Heard::Failed) => Next::Fail,
            (None, Heard::Value | Heard::Done) => Next::Answer,
        };
        self.follow(key, next, cx);
    }

    /// Nobody else is to be asked: the request is done, or fails as whoever was asked did.
    fn end<S: Sink + ?Sized>(&mut self, key: Key, done: bool, cx: &mut Context<'_, S>) {
        let Some(task) = self.tasks.get(&key) else { return };
        let (op, found, stamp, failure) = (task.op, task.found, task.stamp, task.failure);
        cx.ask_for(key.0, op);
        match done {
            true => {
                cx.found(key.0, found, stamp);
                self.send(key.0, cx);
                self.release(key, cx);
            }
            false => {
                self.failed_behind += 1;
                self.explain_failure(key.0, failure, cx);
                match failure {
                    Outcome::Failed(..) => cx.reply(key.0, failure),
                    // The link to whoever was to be asked is gone.
                    Outcome::Pending | Outcome::Done => cx.fail(key.0, Reason::ConnectionLost),
                }
                self.let_go(key, cx);
            }
        }
    }

    /// The request has left without an answer of its own.
    fn let_go<S: Sink + ?Sized>(&mut self, key: Key, cx: &mut Context<'_, S>) {
        self.here -= 1;
        self.release(key, cx);
    }

    /// The request holds no core any more.
    fn release<S: Sink + ?Sized>(&mut self, key: Key, cx: &mut Context<'_, S>) {
        let Some(task) = self.tasks.remove(&key) else { return };
        let now = cx.now();
        self.asking.set(now, self.asking.value() - 1);
        if task.holds {
            self.held.set(now, self.held.value() - 1);
        }
        if let Some(core) = task.core.map(usize::from) {
            self.cores[core] = Core::Free;
            self.core_free(core, cx);
        }
    }
}

/// An answer in the words of the order of asking.
fn heard_of(outcome: Outcome, found: Found) -> Heard {
    match (outcome, found) {
        (Outcome::Failed(..) | Outcome::Pending, _) => Heard::Failed,
        (Outcome::Done, Found::Value) => Heard::Value,
        (Outcome::Done, Found::Unasked | Found::Nothing) => Heard::Done,
    }
}
