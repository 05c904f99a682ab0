//! What "busy" means: the loads that a strategy can compare.
//!
//! How to choose and what load means are separate: `Least<L>` takes the smallest load of all,
//! `P2c<L>` the smaller of two drawn, whatever `L` is.
//!
//! * [`InFlight`]: requests sent and not yet answered, waiting and in service alike.
//! * [`InFlightPerWeight`]: the same divided by the weight; below weight 1 a backend gets nothing.
//! * [`MeanResponse`]: the mean response time, times one more than the requests in flight.
//! * [`PeakEwma`]: Finagle's: jumps up with a slow answer, comes down slowly with time.

use super::{Answer, Backend, Load};
use crate::sim::{Span, Time};

/// A load that changes only when the balancer is told something, never by time passing.
/// The smallest of such loads can be kept instead of looked for.
pub trait Steady: Load {}

/// Requests in flight: waiting and in service.
#[derive(Clone, Debug, Default)]
pub struct InFlight;

impl Load for InFlight {
    const NAME: &'static str = "number of requests in flight";

    fn load(&self, place: usize, backends: &[Backend], _: Time) -> f64 {
        f64::from(backends[place].in_flight)
    }

    fn numbers(&self, place: usize, backends: &[Backend], _: Time) -> String {
        format!("{} in flight", backends[place].in_flight)
    }
}

impl Steady for InFlight {}

/// Requests in flight divided by the weight. A weight below 1 makes it infinite: such a backend
/// gets nothing.
#[derive(Clone, Debug, Default)]
pub struct InFlightPerWeight;

impl Load for InFlightPerWeight {
    const NAME: &'static str = "number of requests in flight for its weight";

    fn load(&self, place: usize, backends: &[Backend], _: Time) -> f64 {
        let Backend { in_flight, weight, .. } = backends[place];
        // Equal fractions give equal quotients, because division rounds correctly.
        if weight < 1 { f64::INFINITY } else { f64::from(in_flight) / weight as f64 }
    }

    fn numbers(&self, place: usize, backends: &[Backend], now: Time) -> String {
        let Backend { in_flight, weight, .. } = backends[place];
        let load = self.load(place, backends, now);
        match load.is_finite() {
            true => format!("{in_flight} in flight / weight {weight} = {load:.3}"),
            false => format!("weight {weight}: gets nothing"),
        }
    }
}

impl Steady for InFlightPerWeight {}

/// What each request in flight counts for while a backend has not answered yet: an hour.
const UNKNOWN_MS: f64 = 3_600_000.0;

/// The mean response time times (requests in flight + 1).
///
/// The mean is exponentially weighted by answers: `mean += gain * (took - mean)`; the first answer
/// is the first mean. Failed requests count as long as they took. A backend that has not answered
/// yet has load 0 while nothing is in flight to it, so it is asked; after that every request in
/// flight counts an hour, so that it is asked once and not flooded before its first answer.
#[derive(Clone, Debug)]
pub struct MeanResponse {
    /// The share of a new answer in the mean, from 0 to 1.
    gain: f64,
    /// In milliseconds; `None` before the first answer.
    means: Vec<Option<f64>>,
}

impl MeanResponse {
    /// No answers yet. `gain` is the share of a new answer in the mean, above 0 and up to 1.
    pub fn new(gain: f64) -> MeanResponse {
        MeanResponse { gain, means: Vec::new() }
    }
}

impl Load for MeanResponse {
    const NAME: &'static str = "expected response time";
    const UNIT: (&'static str, f64) = ("ms", 1.0);
    const FROM_TIMES: bool = true;

    fn load(&self, place: usize, backends: &[Backend], _: Time) -> f64 {
        let in_flight = f64::from(backends[place].in_flight);
        match self.means[place] {
            Some(mean) => mean * (in_flight + 1.0),
            None => in_flight * UNKNOWN_MS,
        }
    }

    fn numbers(&self, place: usize, backends: &[Backend], now: Time) -> String {
        let in_flight = backends[place].in_flight;
        let load = Span::from_millis_f64(self.load(place, backends, now));
        match self.means[place].map(Span::from_millis_f64) {
            Some(mean) => format!("mean {mean} × ({in_flight} in flight + 1) = {load}"),
            None if in_flight == 0 => "no answer yet, nothing in flight: 0".to_owned(),
            None => format!("no answer yet, {in_flight} in flight: an hour each"),
        }
    }

    fn added(&mut self, _: &[Backend]) {
        self.means.push(None);
    }

    fn removed(&mut self, place: usize, _: &[Backend]) {
        self.means.remove(place);
    }

    fn answered(&mut self, place: usize, answer: &Answer, _: &[Backend]) {
        let took = answer.took.millis();
        let mean = &mut self.means[place];
        *mean = Some(mean.map_or(took, |mean| mean + self.gain * (took - mean)));
    }
}

impl Steady for MeanResponse {}

/// Finagle's penalty for a backend without history that was already asked: 2^47 ns, some 39 hours.
const PENALTY_NS: f64 = (i64::MAX >> 16) as f64;

/// Finagle's peak EWMA: `cost × (requests in flight + 1)`.
///
/// With dt since the last answer and w = e^(−dt / decay), an answer that took longer than the cost
/// becomes the cost at once (the peak); one that took less moves it: `cost × w + took × (1 − w)`.
/// Looking at it counts as an answer that took nothing: the cost decays by w. A cost of zero
/// with requests in flight is a host never heard of that was already asked: it gets a penalty.
///
/// linkerd starts a newcomer with a default round-trip time instead of zero. Until the first answer
/// this guess does not decay; then it has aged since that request was sent.
#[derive(Clone, Debug)]
pub struct PeakEwma {
    /// In nanoseconds.
    decay: f64,
    first_guess: f64,
    costs: Vec<Cost>,
}

#[derive(Clone, Copy, Debug)]
struct Cost {
    /// In nanoseconds.
    cost: f64,
    /// When the last answer came; `None` before the first.
    stamp: Option<Time>,
}

impl PeakEwma {
    /// No answers yet. The cost falls to 1/e in `decay` and begins at `first_guess`.
    pub fn new(decay: Span, first_guess: Span) -> PeakEwma {
        let first_guess = first_guess.ns() as f64;
        PeakEwma { decay: (decay.ns() as f64).max(1.0), first_guess, costs: Vec::new() }
    }

    /// What is left of a cost after `dt`.
    fn weight(&self, dt: Span) -> f64 {
        libm::exp(-(dt.ns() as f64) / self.decay)
    }

    fn aged(&self, place: usize, now: Time) -> f64 {
        let Cost { cost, stamp } = self.costs[place];
        stamp.map_or(cost, |stamp| cost * self.weight(now.since(stamp)))
    }
}

impl Load for PeakEwma {
    const NAME: &'static str = "peak EWMA";
    const UNIT: (&'static str, f64) = ("ms", 1e-6);
    const FROM_TIMES: bool = true;

    fn load(&self, place: usize, backends: &[Backend], now: Time) -> f64 {
        let (cost, in_flight) = (self.aged(place, now), f64::from(backends[place].in_flight));
        if cost == 0.0 && in_flight != 0.0 {
            return PENALTY_NS + in_flight;
        }
        cost * (in_flight + 1.0)
    }

    fn numbers(&self, place: usize, backends: &[Backend], now: Time) -> String {
        let in_flight = backends[place].in_flight;
        let cost = self.aged(place, now);
        let span = |ns: f64| Span::from_millis_f64(ns / 1e6);
        match cost == 0.0 && in_flight != 0 {
            true => format!("no history, {in_flight} in flight: penalty"),
            false => {
                let load = span(self.load(place, backends, now));
                format!("cost {} × ({in_flight} in flight + 1) = {load}", span(cost))
            }
        }
    }

    fn added(&mut self, _: &[Backend]) {
        self.costs.push(Cost { cost: self.first_guess, stamp: None });
    }

    fn removed(&mut self, place: usize, _: &[Backend]) {
        self.costs.remove(place);
    }

    fn answered(&mut self, place: usize, answer: &Answer, _: &[Backend]) {
        let Cost { cost, stamp } = self.costs[place];
        let took = answer.took.ns() as f64;
        let since = stamp.unwrap_or(answer.now - answer.took);
        let w = self.weight(answer.now.since(since));
        let cost = if took > cost { took } else { cost * w + took * (1.0 - w) };
        self.costs[place] = Cost { cost, stamp: Some(answer.now) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(at_ms: u64, took_ms: u64) -> Answer {
        let now = Time::ZERO + Span::from_millis(at_ms);
        Answer { now, took: Span::from_millis(took_ms), ok: true }
    }

    fn busy(in_flight: u32, weight: i64) -> [Backend; 1] {
        [Backend { in_flight, ..Backend::new(1, "s1", weight) }]
    }

    #[test]
    fn per_weight_is_a_quotient() {
        let load =
            |in_flight, weight| InFlightPerWeight.load(0, &busy(in_flight, weight), Time::ZERO);
        assert_eq!(load(2, 5), 0.4);
        assert_eq!(load(1, 3), load(2, 6));
        assert_eq!(load(0, 0), f64::INFINITY);
        let words = InFlightPerWeight.numbers(0, &busy(2, 5), Time::ZERO);
        assert_eq!(words, "2 in flight / weight 5 = 0.400");
    }

    #[test]
    fn the_mean_moves_by_its_gain() {
        let mut load = MeanResponse::new(0.125);
        load.added(&busy(0, 1));
        assert_eq!(load.load(0, &busy(0, 1), Time::ZERO), 0.0);
        assert_eq!(load.load(0, &busy(2, 1), Time::ZERO), 2.0 * UNKNOWN_MS);
        load.answered(0, &answer(10, 10), &busy(0, 1));
        assert_eq!(load.load(0, &busy(0, 1), Time::ZERO), 10.0);
        load.answered(0, &answer(60, 50), &busy(0, 1));
        // 10 + (50 − 10) / 8 = 15; two in flight and this one make three times that.
        assert_eq!(load.load(0, &busy(2, 1), Time::ZERO), 45.0);
        let words = load.numbers(0, &busy(2, 1), Time::ZERO);
        assert_eq!(words, "mean 15.0 ms × (2 in flight + 1) = 45.0 ms");
    }

    #[test]
    fn a_peak_counts_at_once_and_is_forgotten_slowly() {
        let seconds = |s: u64| Time::ZERO + Span::from_millis(1_000 * s);
        let mut load = PeakEwma::new(Span::from_millis(10_000), Span::ZERO);
        load.added(&busy(0, 1));
        assert_eq!(load.load(0, &busy(0, 1), seconds(0)), 0.0);
        assert_eq!(load.load(0, &busy(2, 1), seconds(0)), 140_737_488_355_327.0 + 2.0);
        load.answered(0, &answer(1_000, 100), &busy(0, 1));
        assert_eq!(load.load(0, &busy(0, 1), seconds(1)), 100e6);
        assert_eq!(load.load(0, &busy(1, 1), seconds(1)), 200e6);
        // Ten seconds later 1/e of it is left.
        let later = load.load(0, &busy(0, 1), seconds(11));
        assert!((later - 36_787_944.1).abs() < 0.1, "{later}");
        // An answer of 20 ms then moves it towards 20 ms: 100 × 0.368 + 20 × 0.632.
        load.answered(0, &answer(11_000, 20), &busy(0, 1));
        let mixed = load.load(0, &busy(0, 1), seconds(11));
        assert!((mixed - (36_787_944.1 + 20e6 * 0.632_120_558_8)).abs() < 1.0, "{mixed}");
        // A slower one replaces it.
        load.answered(0, &answer(11_000, 80), &busy(0, 1));
        assert_eq!(load.load(0, &busy(0, 1), seconds(11)), 80e6);
    }

    #[test]
    fn a_first_guess_waits_for_the_first_answer() {
        let mut load = PeakEwma::new(Span::from_millis(10_000), Span::from_millis(30));
        load.added(&busy(0, 1));
        let late = Time::ZERO + Span::from_millis(500_000);
        assert_eq!(load.load(0, &busy(1, 1), late), 60e6);
        load.answered(0, &answer(500_000, 10), &busy(0, 1));
        let after = load.load(0, &busy(0, 1), late);
        assert!((29.9e6..30e6).contains(&after), "it has aged by one answer: {after}");
    }
}
