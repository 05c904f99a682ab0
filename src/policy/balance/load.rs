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
/// Looking at it for a choice counts as an answer that took nothing: the cost decays by w, and the
/// next peak is measured against what is left. A cost of zero with requests in flight is a host
/// never heard of that was already asked, or one long forgotten: it gets a penalty.
///
/// linkerd starts a newcomer with a default round-trip time instead of zero, which decays from the
/// moment it joined.
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
    /// When it was last brought up to date: by an answer, a look, or when the backend joined.
    stamp: Time,
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
        cost * self.weight(now.since(stamp))
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
            true => format!("no cost left or none yet, {in_flight} in flight: penalty"),
            false => {
                let Cost { cost: last, stamp } = self.costs[place];
                let load = span(self.load(place, backends, now));
                let (age, decay) = (now.since(stamp), span(self.decay));
                format!(
                    "{} × e^(−{age} / {decay}) = {}, × ({in_flight} in flight + 1) = {load}",
                    span(last),
                    span(cost)
                )
            }
        }
    }

    fn looked(&mut self, place: usize, now: Time) {
        let cost = self.aged(place, now);
        self.costs[place] = Cost { cost, stamp: now.max(self.costs[place].stamp) };
    }

    fn added(&mut self, backends: &[Backend]) {
        let stamp = backends.last().map_or(Time::ZERO, |backend| backend.joined);
        self.costs.push(Cost { cost: self.first_guess, stamp });
    }

    fn removed(&mut self, place: usize, _: &[Backend]) {
        self.costs.remove(place);
    }

    fn answered(&mut self, place: usize, answer: &Answer, _: &[Backend]) {
        let Cost { cost, stamp } = self.costs[place];
        let took = answer.took.ns() as f64;
        let w = self.weight(answer.now.since(stamp));
        let cost = if took > cost { took } else { cost * w + took * (1.0 - w) };
        self.costs[place] = Cost { cost, stamp: answer.now };
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
        // Nobody has looked: 50 ms are still below the peak of 100 ms and move it.
        let mut unseen = load.clone();
        unseen.answered(0, &answer(11_000, 50), &busy(0, 1));
        let mixed = unseen.load(0, &busy(0, 1), seconds(11));
        assert!((mixed - (36_787_944.1 + 50e6 * 0.632_120_558_8)).abs() < 1.0, "{mixed}");
        // Once looked at, 36.8 ms are what counts: 50 ms is a new peak, 20 ms begins from there.
        load.looked(0, seconds(11));
        assert_eq!(load.load(0, &busy(0, 1), seconds(11)), later, "looking twice changes nothing");
        load.answered(0, &answer(11_000, 20), &busy(0, 1));
        assert_eq!(load.load(0, &busy(0, 1), seconds(11)), later, "no time has passed");
        load.answered(0, &answer(11_000, 50), &busy(0, 1));
        assert_eq!(load.load(0, &busy(0, 1), seconds(11)), 50e6);
        // A slower one replaces it.
        load.answered(0, &answer(11_000, 80), &busy(0, 1));
        assert_eq!(load.load(0, &busy(0, 1), seconds(11)), 80e6);
    }

    #[test]
    fn a_first_guess_decays_from_the_moment_of_joining() {
        let mut load = PeakEwma::new(Span::from_millis(10_000), Span::from_millis(30));
        let at = |ms: u64| Time::ZERO + Span::from_millis(ms);
        let newcomer = [Backend { joined: at(5_000), ..Backend::new(1, "s1", 1) }];
        load.added(&newcomer);
        assert_eq!(load.load(0, &newcomer, at(5_000)), 30e6);
        // 30 / e after ten seconds, as linkerd's estimate of a host that nobody asked.
        let later = load.load(0, &newcomer, at(15_000));
        assert!((later - 11_036_383.2).abs() < 0.1, "{later}");
        let words = load.numbers(0, &newcomer, at(15_000));
        assert_eq!(
            words,
            "30.0 ms × e^(−10.0 s / 10.0 s) = 11.0 ms, × (0 in flight + 1) = 11.0 ms"
        );
    }
}
