//! A worker: takes messages from a queue, works on each, and says when it is done.
//!
//! Modelled: cores with a line before them, failures by number of try and by message, a step that
//! asks a database and keeps the core meanwhile, whether a message that comes again is done again.
//! What has been handled is remembered over a crash and by all workers of a queue together, as by a
//! unique key in the database where the effect is; what a worker held when it died is gone from it,
//! and whether the queue still has it is the queue's matter. Not modelled: the cost of remembering,
//! partial effects of what fails.
//!
//! Formula: it handles cores / time messages per second at most.

mod config;

use std::collections::VecDeque;

pub use config::{Spread, WorkerConfig};

use crate::sim::{
    Context, Dist, Event, Found, Outcome, Reason, Request, Rng, Signal, Sink, Span, What, Why,
};
use crate::stats::{Level, Meter};

/// What a core is at.
#[derive(Clone, Copy, Debug)]
struct Job {
    slot: u32,
    /// The message's number.
    message: u32,
    /// The number its timer carries; 0 while somebody behind is asked.
    number: u32,
}

const DONE: u8 = 0;

/// A running worker.
#[derive(Clone, Debug)]
pub struct Worker {
    config: WorkerConfig,
    service: Dist,
    rng: Rng,
    line: VecDeque<u32>,
    jobs: Vec<Job>,
    next_job: u32,
    slow: u64,
    tries: u64,
    arrived: Meter,
    handled: Meter,
    busy: Level,
    failed: u64,
    duplicates: u64,
    skipped: u64,
    lost: u64,
}

fn service(config: &WorkerConfig) -> Dist {
    let mean = Span::from_millis_f64(config.service_ms);
    match config.spread {
        Spread::Constant => Dist::Constant(mean),
        Spread::Exponential => Dist::exponential(mean),
    }
}

impl Worker {
    /// A worker called `id` in a run with this seed.
    pub fn new(id: &str, seed: u64, config: WorkerConfig) -> Worker {
        Worker {
            service: service(&config),
            config,
            rng: Rng::stream(seed, id, "service"),
            line: VecDeque::new(),
            jobs: Vec::new(),
            next_job: 0,
            slow: 1,
            tries: 0,
            arrived: Meter::default(),
            handled: Meter::default(),
            busy: Level::default(),
            failed: 0,
            duplicates: 0,
            skipped: 0,
            lost: 0,
        }
    }

    /// New settings; what it is at goes on as it began.
    pub fn configure<S: Sink + ?Sized>(&mut self, config: WorkerConfig, cx: &mut Context<'_, S>) {
        self.service = service(&config);
        self.config = config;
        self.take_up(cx);
    }

    /// The settings in force.
    pub fn config(&self) -> &WorkerConfig {
        &self.config
    }

    /// Messages that came, by rate and in all.
    pub fn arrived(&self) -> &Meter {
        &self.arrived
    }

    /// Messages whose effect was made, once or again.
    pub fn handled(&self) -> &Meter {
        &self.handled
    }

    /// Cores at work.
    pub fn busy(&self) -> &Level {
        &self.busy
    }

    /// Messages it failed on, or somebody behind it did.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// Effects that were made again.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Messages that were skipped because their effect was there.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Messages it held when it died.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Messages it works on, and those that wait inside it.
    pub fn in_hand(&self) -> (u32, u32) {
        let working = self.jobs.iter().filter(|job| job.number > 0).count();
        (working as u32, self.line.len() as u32)
    }

    pub(super) fn on_event<S: Sink + ?Sized>(&mut self, event: Event, cx: &mut Context<'_, S>) {
        match event.what {
            What::Arrive => {
                self.arrived.mark(cx.now());
                self.line.push_back(event.arg);
                cx.wait(event.arg);
            }
            What::Timer(DONE) => {
                let is_it = |job: &Job| job.number == event.arg && job.number > 0;
                if let Some(place) = self.jobs.iter().position(is_it) {
                    self.worked(place, cx);
                }
            }
            What::Reply => self.heard(event.arg, cx),
            What::Timer(_) | What::Planned => {}
        }
        self.take_up(cx);
    }

    pub(super) fn on_signal<S: Sink + ?Sized>(&mut self, signal: Signal, cx: &mut Context<'_, S>) {
        match signal {
            Signal::Slow(factor) => self.slow = u64::from(factor),
            Signal::Crash => {
                let at_work = std::mem::take(&mut self.jobs);
                let waiting = std::mem::take(&mut self.line);
                self.busy.set(cx.now(), 0);
                // Who has been sent on comes back to a dead end by itself.
                let own = at_work.into_iter().filter(|job| job.number > 0).map(|job| job.slot);
                for slot in own.chain(waiting) {
                    self.lost += 1;
                    cx.fail(slot, Reason::ConnectionLost);
                }
            }
            Signal::Restart
            | Signal::SendOne(..)
            | Signal::LinkAdded(_)
            | Signal::LinkRemoved(_)
            | Signal::PeerChanged(_)
            | Signal::RefuseWrites(_)
            | Signal::Part(..)
            | Signal::Parcel
            | Signal::Flush
            | Signal::CheckClock(_)
            | Signal::StoodStill(_) => {}
        }
    }

    /// Puts free cores to work.
    fn take_up<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        while self.jobs.len() < usize::from(self.config.cores) {
            let Some(slot) = self.line.pop_front() else { break };
            let Some(&request) = cx.request(slot) else { continue };
            if self.config.idempotent && cx.is_made(slot, request.stamp.by) {
                self.skip(slot, &request, cx);
                continue;
            }
            self.next_job = self.next_job.wrapping_add(1).max(1);
            let span: Span = self.service.draw(&mut self.rng) * self.slow;
            self.jobs.push(Job { slot, message: request.stamp.by, number: self.next_job });
            cx.serve(slot, span);
            cx.wake_in(span, DONE, self.next_job);
        }
        self.busy.set(cx.now(), self.jobs.len() as u32);
    }

    /// Its effect is there already.
    fn skip<S: Sink + ?Sized>(&mut self, slot: u32, request: &Request, cx: &mut Context<'_, S>) {
        self.skipped += 1;
        let mut why = cx.why(slot);
        why.title(|| format!("{} skipped it", cx.own_name()));
        why.say(|| format!("Message {} has been handled before.", request.stamp.by));
        cx.decided(slot, why);
        cx.reply(slot, Outcome::Done);
    }

    /// A core is done with a message.
    fn worked<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        let slot = self.jobs[place].slot;
        let Some(&request) = cx.request(slot) else { return };
        self.tries += 1;
        let every = |n: u32, of: u64| n > 0 && of.is_multiple_of(u64::from(n));
        let poison = every(self.config.poison_every, u64::from(request.stamp.by));
        let fails = poison || every(self.config.fails_every, self.tries);
        let why = self.explain(slot, fails, poison, &request, cx);
        cx.decided(slot, why);
        if fails {
            self.jobs.swap_remove(place);
            self.failed += 1;
            return cx.fail(slot, Reason::MessageRejected);
        }
        let behind = cx.outgoing().next().map(|(link, _)| link);
        match behind {
            Some(link) => {
                self.jobs[place].number = 0;
                if !cx.forward(slot, link) {
                    self.jobs.swap_remove(place);
                    self.failed += 1;
                }
            }
            None => {
                self.jobs.swap_remove(place);
                self.make(slot, request.stamp.by, cx);
                cx.found(slot, Found::Unasked, request.stamp);
                cx.reply(slot, Outcome::Done);
            }
        }
    }

    fn explain<S: Sink + ?Sized>(
        &self,
        slot: u32,
        fails: bool,
        poison: bool,
        request: &Request,
        cx: &Context<'_, S>,
    ) -> Why {
        let (mut why, number) = (cx.why(slot), request.stamp.by);
        why.title(|| {
            let verb = if fails { "failed on" } else { "worked on" };
            format!("{} {verb} message {number}", cx.own_name())
        });
        why.say(|| match (fails, poison) {
            (true, true) => {
                format!("{number} is a multiple of {}: poison.", self.config.poison_every)
            }
            (true, false) => {
                format!("It is try {}, a multiple of {}.", self.tries, self.config.fails_every)
            }
            (false, _) if cx.is_made(slot, number) => {
                "It has been handled before, and now again.".to_owned()
            }
            (false, _) => "It is handled for the first time.".to_owned(),
        });
        why
    }

    /// Its effect is made.
    fn make<S: Sink + ?Sized>(&mut self, slot: u32, message: u32, cx: &mut Context<'_, S>) {
        self.handled.mark(cx.now());
        self.duplicates += u64::from(cx.make(slot, message));
    }

    /// Somebody behind answered.
    fn heard<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        let is_it = |job: &Job| job.slot == slot && job.number == 0;
        let place = self.jobs.iter().position(is_it);
        let Some(&request) = cx.request(slot) else { return };
        let job = place.map(|place| self.jobs.swap_remove(place));
        match (request.outcome, job) {
            (Outcome::Done, Some(job)) => {
                self.make(slot, job.message, cx);
                cx.pass_back(slot);
            }
            // Who died meanwhile has forgotten that it asked.
            (Outcome::Done, None) => cx.fail(slot, Reason::ConnectionLost),
            (_, None) => cx.pass_back(slot),
            (_, Some(_)) => {
                self.failed += 1;
                cx.fail(slot, Reason::MessageRejected);
            }
        }
    }
}
