//! Requests: which members are asked, in which order, how many must answer, and what comes of it.

use super::config::{Pattern, ReadsFrom};
use super::ground::Homes;
use super::{Cluster, Errand, Hands, Purpose, REACH, Share, TIMEOUT, Work, timer};
use crate::node::shelf::Entry;
use crate::sim::{Found, Key, Op, Outcome, Reason, Request, Span, Stamp, Time};

impl Cluster {
    pub(super) fn arrive(&mut self, slot: u32, cx: &mut Hands<'_>) {
        self.arrived.mark(cx.now());
        let loads = self.config.pattern != Pattern::CacheAside;
        let Some(&Request { op, key, stamp, found, .. }) = cx.request(slot) else { return };
        self.last = Some(key);
        match (op, self.store) {
            // Whoever it asks asks it again: the load would wait for itself.
            _ if loads && cx.came_round(slot) => cx.fail(slot, Reason::BadRequest),
            (Op::Read, _) => self.look(slot, key, cx),
            (Op::Fill | Op::Invalidate, _) if self.refuses => self.turn_away(slot, cx),
            (Op::Fill, _) => self.keep(slot, key, (found, stamp), cx),
            (Op::Invalidate, _) => self.keep(slot, key, (Found::Nothing, stamp), cx),
            (Op::Write | Op::Delete, Some(link)) if loads => {
                self.explain_passing(slot, cx);
                if cx.forward(slot, link) {
                    self.counts.written += 1;
                    self.errands.insert(slot, Errand::Write);
                }
            }
            (Op::Scan, Some(link)) if loads => drop(cx.forward(slot, link)),
            _ => cx.fail(slot, Reason::BadRequest),
        }
    }

    fn turn_away(&mut self, slot: u32, cx: &mut Hands<'_>) {
        self.counts.refused += 1;
        cx.fail(slot, Reason::WriteRefused);
    }

    /// Who holds a key as things are; nobody when it cannot be placed.
    pub(super) fn homes(&self, key: &str) -> Homes {
        match self.ground.as_ref().filter(|_| self.refusal.is_none()) {
            Some(ground) => ground.homes(key, &self.config, |place| {
                self.members.get(place).is_none_or(|member| member.gone)
            }),
            None => Homes::default(),
        }
    }

    fn look(&mut self, slot: u32, key: Key, cx: &mut Hands<'_>) {
        let homes = self.homes(&spelled(key, cx));
        let mut list = homes.acting.clone();
        let turn = self.cursor;
        if self.config.reads_from == ReadsFrom::InTurn && !list.is_empty() {
            let first = turn as usize % list.len();
            list.rotate_left(first);
            self.cursor = turn.wrapping_add(1);
        }
        let need = self.config.read_level.of(homes.copies);
        self.explain_asking(slot, &homes, &list, need, turn, cx);
        self.ask_members(slot, (key, Purpose::Look), &homes, list, need, cx);
    }

    /// A version is to be kept.
    fn keep(&mut self, slot: u32, key: Key, version: (Found, Stamp), cx: &mut Hands<'_>) {
        let entry = self.entry(version, cx.now());
        let homes = self.homes(&spelled(key, cx));
        let list = homes.acting.clone();
        let need = self.config.write_level.of(homes.copies);
        self.explain_keeping(slot, &homes, need, entry, cx);
        if self.ask_members(slot, (key, Purpose::Keep(entry)), &homes, list, need, cx) {
            let lag = Span::from_millis_f64(self.config.lag_ms);
            for &place in homes.acting.iter().skip(need) {
                self.copy(place, key, entry, lag, cx);
            }
        }
        for &place in &homes.passed {
            self.hint(place, key, entry);
        }
    }

    /// A version as an entry that begins now.
    pub(super) fn entry(&self, (found, stamp): (Found, Stamp), now: Time) -> Entry {
        let (found, ends) = match found {
            // Whatever never was needs no remembering.
            Found::Nothing if stamp == Stamp::default() => (found, now),
            Found::Nothing => (found, now + Span::from_millis_f64(self.config.tombstone_ms)),
            _ if self.config.ttl_ms <= 0.0 => (Found::Value, Time::MAX),
            _ => (Found::Value, now + Span::from_millis_f64(self.config.ttl_ms)),
        };
        Entry { stamp, found, since: now, ends }
    }

    /// Asks the first `need` of the list. False when the request fails at once, because they are
    /// not there.
    fn ask_members(
        &mut self,
        slot: u32,
        (key, purpose): (Key, Purpose),
        homes: &Homes,
        list: Vec<u8>,
        need: usize,
        cx: &mut Hands<'_>,
    ) -> bool {
        if homes.copies == 0 {
            cx.fail(slot, Reason::BadRequest);
            return false;
        }
        if list.len() < need {
            self.counts.too_few += 1;
            cx.fail(slot, missing(need));
            return false;
        }
        cx.wait_for_calls(slot);
        let ticket = self.ticket();
        let first: Vec<u8> = list[..need].to_vec();
        let (copies, need) = (homes.copies as u8, need as u8);
        let answers = Vec::with_capacity(usize::from(need));
        let (again, since) = (false, cx.now());
        let work = Work {
            slot,
            key,
            purpose,
            since,
            list,
            copies,
            need,
            again,
            asked: 0,
            pending: 0,
            answers,
        };
        self.works.insert(ticket, work);
        for place in first {
            self.ask(ticket, place, cx);
        }
        true
    }

    fn ask(&mut self, work: u32, place: u8, cx: &mut Hands<'_>) {
        let ticket = self.ticket();
        let Some(asking) = self.works.get_mut(&work) else { return };
        asking.asked |= 1 << place;
        asking.pending |= 1 << place;
        let (key, purpose) = (asking.key, asking.purpose);
        let share = Share { work, place, key, purpose, answer: None, back: false };
        self.shares.insert(ticket, share);
        cx.wake_in(Span::from_millis_f64(self.config.hop_ms), REACH, ticket);
        let patience = Span::from_millis_f64(self.config.timeout_ms);
        cx.wake_in(patience, TIMEOUT, timer(usize::from(place), work));
    }

    /// A member's answer is back, unless the way was cut meanwhile.
    pub(super) fn back(&mut self, ticket: u32, cx: &mut Hands<'_>) {
        let Some(share) = self.shares.remove(&ticket) else { return };
        if self.members.get(usize::from(share.place)).is_some_and(|member| member.cut) {
            return;
        }
        let Some(work) = self.works.get_mut(&share.work) else { return };
        if work.pending >> share.place & 1 == 0 {
            // It was given up already.
            return;
        }
        work.pending &= !(1 << share.place);
        match share.answer {
            Some(answer) => {
                work.answers.push((share.place, answer));
                if work.answers.len() >= usize::from(work.need) {
                    self.finish(share.work, cx);
                }
            }
            None => self.ask_another(share.work, share.place, Reason::QueueFull, cx),
        }
    }

    /// A member has had its time to answer.
    pub(super) fn time_is_up(&mut self, work: u32, place: usize, cx: &mut Hands<'_>) {
        let Some(asking) = self.works.get_mut(&work) else { return };
        if asking.pending >> place & 1 == 0 {
            return;
        }
        asking.pending &= !(1 << place);
        let (key, purpose, need) = (asking.key, asking.purpose, usize::from(asking.need));
        self.counts.no_answer += 1;
        if let Purpose::Keep(entry) = purpose {
            self.hint(place as u8, key, entry);
        }
        self.ask_another(work, place as u8, missing(need), cx);
    }

    /// The next of the list who was not asked and is not known to be gone.
    fn next_of(&self, work: &Work) -> Option<u8> {
        let there = |place: &&u8| {
            let member = self.members.get(usize::from(**place));
            work.asked >> **place & 1 == 0 && member.is_some_and(|member| !member.gone)
        };
        work.list.iter().find(there).copied()
    }

    /// Somebody else is asked instead of this member; with nobody left the request fails.
    fn ask_another(&mut self, ticket: u32, instead: u8, reason: Reason, cx: &mut Hands<'_>) {
        let Some(work) = self.works.get(&ticket) else { return };
        let (next, slot, again) = (self.next_of(work), work.slot, work.again);
        self.explain_silence(work, instead, next, reason, cx);
        match next {
            Some(place) => self.ask(ticket, place, cx),
            // Enough have said that they have nothing.
            None if again => self.finish(ticket, cx),
            None => {
                self.works.remove(&ticket);
                match reason {
                    Reason::QueueFull => self.counts.queue_full += 1,
                    _ => self.counts.unanswered += 1,
                }
                cx.fail(slot, reason);
            }
        }
    }

    /// Enough members have answered.
    fn finish(&mut self, ticket: u32, cx: &mut Hands<'_>) {
        let Some(mut work) = self.works.remove(&ticket) else { return };
        let newest = |entry: &Entry| (entry.stamp, entry.since);
        let best = work.answers.iter().filter_map(|&(_, entry)| entry).max_by_key(newest);
        let next = self.next_of(&work).filter(|_| self.config.second_look);
        match (work.purpose, best) {
            (Purpose::Keep(entry), _) => {
                self.note_seen(work.key, entry.stamp, cx.now());
                self.explain_acknowledged(&work, cx);
                cx.reply(work.slot, Outcome::Done);
            }
            (Purpose::Look, Some(best)) => {
                self.repair(&work, best, cx);
                match best.found == Found::Value {
                    true => self.hit(&work, best, cx),
                    false => self.miss(&work, cx),
                }
            }
            (Purpose::Look, None) => match next {
                Some(place) => {
                    work.again = true;
                    self.counts.second_looks += 1;
                    self.works.insert(ticket, work);
                    self.ask(ticket, place, cx);
                }
                None => self.miss(&work, cx),
            },
        }
    }

    fn hit(&mut self, work: &Work, entry: Entry, cx: &mut Hands<'_>) {
        self.counts.hits += 1;
        let stale = self.expected(work.key, work.since) > entry.stamp;
        self.counts.stale_hits += u64::from(stale);
        self.explain_hit(work, entry, cx);
        cx.found(work.slot, Found::Value, entry.stamp);
        cx.reply(work.slot, Outcome::Done);
    }

    fn miss(&mut self, work: &Work, cx: &mut Hands<'_>) {
        self.counts.misses += 1;
        let now = cx.now();
        let holders = self.members.iter().filter(|member| member.up);
        let elsewhere = holders.filter(|member| member.value(work.key, now).is_some()).count() > 0
            || self.bag.contains_key(&work.key);
        self.counts.elsewhere += u64::from(elsewhere);
        self.explain_miss(work, cx);
        let loads = self.config.pattern != Pattern::CacheAside;
        match self.store {
            _ if !loads => {
                cx.found(work.slot, Found::Unasked, Stamp::default());
                cx.reply(work.slot, Outcome::Done);
            }
            Some(link) => {
                if cx.forward(work.slot, link) {
                    self.counts.loads += 1;
                    self.errands.insert(work.slot, Errand::Load);
                }
            }
            None => cx.fail(work.slot, Reason::BadRequest),
        }
    }

    /// The store's answer.
    pub(super) fn back_from_store(&mut self, slot: u32, cx: &mut Hands<'_>) {
        let errand = self.errands.remove(&slot);
        let Some(&Request { key, op, stamp, found, outcome, .. }) = cx.request(slot) else {
            return;
        };
        match errand.filter(|_| outcome == Outcome::Done) {
            Some(Errand::Load) => {
                let found = if found == Found::Nothing { found } else { Found::Value };
                cx.found(slot, found, stamp);
                self.note_seen(key, stamp, cx.now());
                if self.refuses {
                    self.counts.refused += 1;
                } else if found == Found::Value {
                    self.keep_loaded(slot, key, stamp, cx);
                }
                cx.pass_back(slot);
            }
            Some(Errand::Write) if self.config.pattern == Pattern::ReadThrough => {
                self.note_seen(key, stamp, cx.now());
                cx.pass_back(slot);
            }
            // As in the course, an error is reported although the store has the value.
            Some(Errand::Write) if self.refuses => self.turn_away(slot, cx),
            Some(Errand::Write) => {
                let found = if op == Op::Delete { Found::Nothing } else { Found::Value };
                self.keep(slot, key, (found, stamp), cx);
            }
            // It failed, or is a scan, or something from before a crash.
            None => cx.pass_back(slot),
        }
    }

    /// What was loaded is given to those who hold the key; nobody waits for that.
    fn keep_loaded(&mut self, slot: u32, key: Key, stamp: Stamp, cx: &mut Hands<'_>) {
        let entry = self.entry((Found::Value, stamp), cx.now());
        let homes = self.homes(&spelled(key, cx));
        let first = self.config.write_level.of(homes.copies);
        self.explain_loaded(slot, &homes, first, entry, cx);
        for (number, &place) in homes.acting.iter().enumerate() {
            let lag = if number < first { 0.0 } else { self.config.lag_ms };
            self.copy(place, key, entry, Span::from_millis_f64(lag), cx);
        }
        for &place in &homes.passed {
            self.hint(place, key, entry);
        }
    }
}

/// Why a request fails for which so many should have answered.
fn missing(need: usize) -> Reason {
    if need > 1 { Reason::QuorumNotReached } else { Reason::ReplicaLost }
}

/// A key as it is written.
pub(super) fn spelled(key: Key, cx: &Hands<'_>) -> String {
    let mut word = String::new();
    cx.spell_key(key, &mut word);
    word
}
