//! The requests that are being asked in attempts, and what decides about them.

use super::super::guarded::{Door, Passed, end_of};
use super::ClientsConfig;
use crate::policy::guard::{Backoff, Ended, Guard, Withdrawn};
use crate::sim::{Outcome, Rng, Span, Time, Want};

/// A call that is out for a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Out {
    pub(super) call: u32,
    pub(super) since: Time,
    /// When it is given up.
    pub(super) until: Option<Time>,
    pub(super) passed: Passed,
    /// Did the budget have to give its leave?
    pub(super) retry: bool,
}

/// A request that is being asked in attempts.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) slot: u32,
    pub(super) id: u64,
    pub(super) want: Want,
    /// Attempts so far, without the hedge.
    pub(super) tries: u32,
    /// What is out: an attempt, and its hedge.
    pub(super) outs: [Option<Out>; 2],
    /// When a hedge goes out, if there is no answer by then.
    pub(super) hedge_at: Option<Time>,
    /// When the next attempt goes out, and how long the wait for it is.
    pub(super) retry_at: Option<Time>,
    pub(super) waited: Option<Span>,
    /// When all is over.
    pub(super) deadline: Option<Time>,
}

/// What came of attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttemptCounts {
    /// Calls made.
    pub made: u64,
    /// Of these, second and later attempts.
    pub retries: u64,
    /// Of these, hedges.
    pub hedges: u64,
    /// Attempts given up because they took too long.
    pub timed_out: u64,
    /// Answers that came when nobody waited for them any more.
    pub late: u64,
    /// Retries and hedges for which the budget did not give its leave.
    pub not_paid: u64,
    /// Attempts that an open circuit breaker refused.
    pub circuit_open: u64,
    /// Attempts that the limit on calls at once refused.
    pub over_limit: u64,
}

/// All requests that are being asked in attempts, and what decides about them.
#[derive(Clone, Debug)]
pub(super) struct Attempts {
    pub(super) flights: Vec<Option<Flight>>,
    pub(super) free: Vec<u32>,
    /// By the slot of a call: for which flight it was made last.
    pub(super) by_call: Vec<u32>,
    pub(super) budget: Option<Box<dyn Guard>>,
    pub(super) waits: Option<Box<dyn Backoff>>,
    pub(super) door: Door,
    pub(super) jitter: Rng,
    pub(super) tosses: Rng,
    pub(super) counts: AttemptCounts,
}

impl Attempts {
    pub(super) fn new(id: &str, seed: u64, config: &ClientsConfig) -> Attempts {
        Attempts {
            flights: Vec::new(),
            free: Vec::new(),
            by_call: Vec::new(),
            budget: config.calls.new_budget(),
            waits: config.calls.waits(),
            door: Door::new(&config.guards),
            jitter: Rng::stream(seed, id, "jitter"),
            tosses: Rng::stream(seed, id, "guards"),
            counts: AttemptCounts::default(),
        }
    }

    /// New settings, from the next decision on. What has changed begins without history.
    pub(super) fn configure(&mut self, old: &ClientsConfig, new: &ClientsConfig) {
        if !old.calls.same_budget(&new.calls) {
            self.budget = new.calls.new_budget();
        }
        if old.guards != new.guards {
            self.door = Door::new(&new.guards);
        }
        self.waits = new.calls.waits();
    }

    pub(super) fn enter(&mut self, flight: Flight) -> u32 {
        match self.free.pop() {
            Some(place) => {
                self.flights[place as usize] = Some(flight);
                place
            }
            None => {
                self.flights.push(Some(flight));
                self.flights.len() as u32 - 1
            }
        }
    }

    pub(super) fn get(&mut self, place: u32) -> Option<&mut Flight> {
        self.flights.get_mut(place as usize)?.as_mut()
    }

    pub(super) fn leave(&mut self, place: u32) -> Option<Flight> {
        let flight = self.flights.get_mut(place as usize)?.take()?;
        self.free.push(place);
        Some(flight)
    }

    /// The flight that a call is out for, and where in it.
    pub(super) fn whose(&mut self, call: u32, id: u64) -> Option<(u32, usize)> {
        let place = *self.by_call.get(call as usize)?;
        let flight = self.get(place).filter(|flight| flight.id == id)?;
        let out = flight.outs.iter().position(|out| out.is_some_and(|out| out.call == call))?;
        Some((place, out))
    }

    pub(super) fn note(&mut self, call: u32, place: u32) {
        if self.by_call.len() <= call as usize {
            self.by_call.resize(call as usize + 1, u32::MAX);
        }
        self.by_call[call as usize] = place;
    }

    pub(super) fn end_out(&mut self, out: &Out, now: Time, outcome: Outcome) {
        let end = Ended { retry: out.retry, ..end_of(now, now.since(out.since), outcome) };
        self.door.ended(out.passed, end, &mut self.tosses);
        if let Some(budget) = &mut self.budget {
            budget.ended(&end, &mut self.tosses);
        }
    }

    /// A call is of no interest any more, because another one was answered.
    pub(super) fn let_be(&mut self, out: &Out, now: Time) {
        self.door.withdrawn(&Withdrawn::given_up(now, out.since));
        if let Some(budget) = &mut self.budget {
            let end = Ended { retry: out.retry, ..Ended::well(now, now.since(out.since)) };
            budget.ended(&end, &mut self.tosses);
        }
    }

    /// How many requests have calls out, and how many wait for their next attempt.
    pub(super) fn in_hand(&self) -> (u32, u32) {
        let all = self.flights.iter().flatten();
        let out = all.clone().filter(|flight| flight.is_out()).count();
        (out as u32, (all.count() - out) as u32)
    }
}

impl Flight {
    pub(super) fn is_out(&self) -> bool {
        self.outs.iter().any(Option::is_some)
    }
}
