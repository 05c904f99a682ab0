//! Who is worked on: cores and the line before them, or all sharing the cores.

use super::ask::Task;
use super::config::Discipline;
use super::{Core, DONE, SHARED, Server};
use crate::sim::{Context, Op, Reason, Sink, Span};

/// What answering a health check costs a core.
const CHECK_WORK: Span = Span::from_ns(100_000);

/// Is it a registry that asks how the server is? It waits in line like all others, so a server that
/// is overrun answers late; but it is nobody's traffic.
#[inline]
pub(super) fn is_check<S: Sink + ?Sized>(slot: u32, cx: &Context<'_, S>) -> bool {
    cx.request(slot).is_some_and(|request| request.op == Op::Check)
}

impl Server {
    /// Do all who are here share the cores?
    pub(super) fn shares(&self) -> bool {
        self.config.discipline == Discipline::Sharing
    }

    #[inline]
    pub(super) fn arrive<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        let check = is_check(slot, cx);
        if !check {
            self.arrived.mark(cx.now());
        }
        self.mark(cx.now());
        if self.asks_others() && cx.came_round(slot) {
            return self.turn_back(slot, cx);
        }
        let full = self.config.is_full(self.here);
        let cores = usize::from(self.config.cores);
        let shares = self.shares();
        let free = match shares {
            true => None,
            false => self.cores[..cores].iter().position(|core| *core == Core::Free),
        };
        let fits = free.is_some() || self.has_room();
        let mut why = cx.why(slot);
        let refused = self.refuses(slot, &mut why, cx);
        if why.wanted() && refused.is_none() {
            match full {
                true => self.explain_memory(&mut why, cx),
                false if shares => self.explain_sharing(fits, &mut why, cx),
                false => self.explain(free, &mut why, cx),
            }
        }
        cx.decided(slot, why);
        if let Some(reason) = refused {
            self.count_turned_away(reason, check);
            return cx.fail(slot, reason);
        }
        if full {
            self.refused_memory += u64::from(!check);
            return cx.fail(slot, Reason::MemoryFull);
        }
        if !fits {
            self.refused += u64::from(!check);
            return cx.fail(slot, Reason::QueueFull);
        }
        self.here += 1;
        match free {
            Some(core) => self.begin(core, slot, cx),
            None if shares => {
                let work = self.work_of(slot, cx);
                self.share(slot, work, cx);
                self.arm(cx);
            }
            None => self.let_wait(slot, cx),
        }
    }

    /// It was sent on from here already and went round in a loop: it would wait for itself.
    #[cold]
    fn turn_back<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        let mut why = cx.why(slot);
        why.title(|| format!("{} turned it away", cx.own_name()));
        why.say(|| "It had been sent on from here already: it goes round in a loop.".to_owned());
        cx.decided(slot, why);
        cx.fail(slot, Reason::BadRequest);
    }

    /// May one more wait, or share?
    fn has_room(&self) -> bool {
        let places = self.config.queue_limit as usize;
        match self.shares() {
            false => self.line_len() < places,
            true => {
                let inside = self.sharing.len() + self.held.value() as usize;
                inside < usize::from(self.config.cores) + places
            }
        }
    }

    fn let_wait<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        self.join_line(slot, cx.now());
        self.waiting.set(cx.now(), self.line_len() as u32);
        cx.wait(slot);
    }

    /// The work on a request that has just come. Checks take no draw, so that they change nobody's
    /// service times.
    #[inline]
    fn work_of<S: Sink + ?Sized>(&mut self, slot: u32, cx: &Context<'_, S>) -> Span {
        match is_check(slot, cx) {
            true => CHECK_WORK * self.slow,
            false => self.service.draw(&mut self.rng) * self.slow,
        }
    }

    /// What is left of the work on a request, or all of it.
    #[inline]
    fn work_on<S: Sink + ?Sized>(&mut self, slot: u32, cx: &Context<'_, S>) -> Span {
        match self.left.is_empty() {
            true => self.work_of(slot, cx),
            false => self.left.remove(&slot).unwrap_or_else(|| self.work_of(slot, cx)),
        }
    }

    // ===== a core for each =====

    #[inline]
    fn begin<S: Sink + ?Sized>(&mut self, core: usize, slot: u32, cx: &mut Context<'_, S>) {
        let span = self.work_on(slot, cx);
        self.cores[core] = Core::At(slot);
        self.busy.set(cx.now(), self.busy.value() + 1);
        cx.serve(slot, span);
        cx.wake_in(span, DONE, u32::from(self.epoch) << 16 | core as u32);
    }

    /// A core has done its work on a request.
    #[inline]
    pub(super) fn worked<S: Sink + ?Sized>(
        &mut self,
        core: usize,
        slot: u32,
        cx: &mut Context<'_, S>,
    ) {
        self.busy.set(cx.now(), self.busy.value() - 1);
        if self.asks_others() && !is_check(slot, cx) {
            let holds = self.config.hold;
            self.cores[core] = if holds { Core::Held } else { Core::Free };
            self.begin_asking(slot, holds.then_some(core as u16), cx);
            if !holds {
                self.core_free(core, cx);
            }
            return;
        }
        self.cores[core] = Core::Free;
        self.send(slot, cx);
        self.core_free(core, cx);
    }

    #[inline]
    pub(super) fn core_free<S: Sink + ?Sized>(&mut self, core: usize, cx: &mut Context<'_, S>) {
        if core < usize::from(self.config.cores) {
            self.take_next(core, cx);
        } else {
            self.drop_idle_surplus();
        }
    }

    #[inline]
    pub(super) fn take_next<S: Sink + ?Sized>(&mut self, core: usize, cx: &mut Context<'_, S>) {
        if let Some(next) = self.next_in_line(cx) {
            self.waiting.set(cx.now(), self.line_len() as u32);
            let mut why = cx.why(next);
            if why.wanted() {
                self.explain_next(next, &mut why, cx);
            }
            cx.decided(next, why);
            self.begin(core, next, cx);
        }
    }

    pub(super) fn drop_idle_surplus(&mut self) {
        let wanted = usize::from(self.config.cores);
        while self.cores.len() > wanted && self.cores.last() == Some(&Core::Free) {
            self.cores.pop();
        }
    }

    // ===== the cores for all =====

    /// One more shares the cores; the timer is still to be set.
    fn share<S: Sink + ?Sized>(&mut self, slot: u32, work: Span, cx: &mut Context<'_, S>) {
        self.sharing.arrive(u64::from(slot), work, cx.now());
        // When it will be done depends on who else comes.
        cx.serve(slot, Span::from_ns(u64::MAX));
    }

    /// Sets the timer for whoever is done next, and counts who is there.
    pub(super) fn arm<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        let now = cx.now();
        let jobs = self.sharing.len() as u32;
        self.shared.set(now, jobs);
        self.busy.set(now, jobs.min(u32::from(self.config.cores)));
        self.turn = self.turn.wrapping_add(1);
        if let Some((when, _)) = self.sharing.next(now) {
            cx.wake_in(when.since(now), SHARED, self.turn);
        }
    }

    /// Whoever shares the cores and is done.
    pub(super) fn shared_done<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        let now = cx.now();
        if let Some((when, slot)) = self.sharing.next(now)
            && when <= now
        {
            self.sharing.leave(slot, now);
            match self.asks_others() && !is_check(slot as u32, cx) {
                true => self.begin_asking(slot as u32, None, cx),
                false => self.send(slot as u32, cx),
            }
        }
        self.arm(cx);
    }

    /// From a core for each to sharing: work that has begun goes on where it is, those who wait
    /// begin. Whoever holds a core while others are asked is a thread that waits from now on.
    pub(super) fn begin_sharing<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        self.epoch = self.epoch.wrapping_add(1);
        let cores =
            std::mem::replace(&mut self.cores, vec![Core::Free; usize::from(self.config.cores)]);
        for slot in cores.into_iter().filter_map(Core::slot) {
            let until = cx.request(slot).map(|request| request.until);
            let work = until.map_or(Span::ZERO, |until| until.since(cx.now()));
            self.share(slot, work, cx);
        }
        for slot in self.empty_line() {
            let work = self.work_on(slot, cx);
            self.share(slot, work, cx);
        }
        self.waiting.set(cx.now(), 0);
        self.tasks.values_mut().for_each(Task::give_up_core);
        self.arm(cx);
    }

    /// From sharing to a core for each: the first to be done has a core first, the rest wait with
    /// what is left of their work. Those for which others are asked have no core to hold.
    pub(super) fn end_sharing<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        let now = cx.now();
        let sharing: Vec<u64> = self.sharing.in_service().collect();
        self.busy.set(now, 0);
        self.shared.set(now, 0);
        self.held.set(now, 0);
        self.tasks.values_mut().for_each(Task::give_up_place);
        self.turn = self.turn.wrapping_add(1);
        for slot in sharing {
            if let Some(left) = self.sharing.leave(slot, now) {
                self.left.insert(slot as u32, left);
                self.let_wait(slot as u32, cx);
            }
        }
    }
}
