//! Rates that change with time: a ramp, and a day.
//!
//! Arrivals are a Poisson process whose rate is a curve. On a ramp the next one is found by
//! inversion: a number is drawn from the exponential distribution with mean 1, and the next request
//! comes when that much area lies under the curve since the last. A day's curve has no such inverse
//! in closed form: candidates come at a constant rate that the curve does not exceed, and each is
//! kept with the chance curve / that rate (thinning: Lewis and Shedler, 1979). The rate of the
//! candidates is the highest of the part of the day they fall in, so that few are thrown away.

use std::f64::consts::TAU;

use crate::sim::{Dist, Rng, Span, Time};

/// In how many parts a day is cut, where it has enough requests.
const PARTS: i64 = 64;

/// A rate over time. Rates are in requests per second, times in seconds since the run began.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Curve {
    /// A straight line from one rate to another, which stays.
    Ramp {
        /// The rate before.
        from: f64,
        /// The rate after.
        to: f64,
        /// When it begins to change.
        start: f64,
        /// How long it changes; 0 is a step.
        over: f64,
    },
    /// A wave around a mean: `mean * (1 + swing * cos(2 pi (t / period - peak)))`.
    Day {
        /// The mean of a whole period.
        mean: f64,
        /// How far it rises and falls, as a share of the mean: 0 to 1.
        swing: f64,
        /// How long a day is; above 0.
        period: f64,
        /// At which share of the period it is highest.
        peak: f64,
    },
}

/// How the instant of a request was found, so that it can be redone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Drawn {
    /// The instant from which it was looked for.
    pub(super) since: Time,
    /// On a ramp: the area drawn.
    pub(super) area: f64,
    /// On a day: the rate of the candidates, and the number drawn to keep this one.
    pub(super) candidates: f64,
    pub(super) toss: f64,
}

impl Curve {
    /// Requests per second at this time.
    pub fn rate(&self, t: f64) -> f64 {
        match *self {
            Curve::Ramp { from, to, start, over } => match () {
                () if t < start => from,
                () if t >= start + over => to,
                () => from + (to - from) * (t - start) / over,
            },
            Curve::Day { mean, swing, period, peak } => {
                mean * (1.0 + swing * libm::cos(TAU * part(t / period - peak)))
            }
        }
    }

    /// How many requests are to be expected between two times: the area under the curve.
    pub fn expected(&self, from: f64, until: f64) -> f64 {
        match *self {
            Curve::Ramp { from: low, to: high, start, over } => {
                let end = start + over;
                let (a, b) = (from.clamp(start, end), until.clamp(start, end));
                let before = (until.min(start) - from.min(start)) * low;
                let after = (until.max(end) - from.max(end)) * high;
                before + (self.line(a) + self.line(b)) / 2.0 * (b - a) + after
            }
            Curve::Day { mean, swing, period, peak } => {
                let wave = |t: f64| libm::sin(TAU * part(t / period - peak)) * period / TAU;
                mean * (until - from + swing * (wave(until) - wave(from)))
            }
        }
    }

    /// The highest rate it ever has from now on.
    pub fn highest(&self) -> f64 {
        match *self {
            Curve::Ramp { from, to, .. } => from.max(to),
            Curve::Day { mean, swing, .. } => mean * (1.0 + swing),
        }
    }

    /// When the next request comes, and how that was found; none when none will.
    pub(super) fn next(
        &self,
        now: Time,
        arrivals: &mut Rng,
        tosses: &mut Rng,
    ) -> Option<(Span, Drawn)> {
        let unit = Dist::exponential(Span::from_ns(1_000_000_000));
        let mut draw = || unit.draw(arrivals).seconds();
        let nothing = Drawn { since: now, area: 0.0, candidates: 0.0, toss: 0.0 };
        let (gap, drawn) = match self {
            Curve::Ramp { .. } => {
                let area = draw();
                (self.after_area(now.seconds(), area)?, Drawn { area, ..nothing })
            }
            Curve::Day { mean, .. } if *mean <= 0.0 => return None,
            Curve::Day { .. } => {
                let (gap, candidates, toss) = self.kept(now.seconds(), &mut draw, tosses);
                (gap, Drawn { candidates, toss, ..nothing })
            }
        };
        Some((Span::from_seconds_f64(gap), drawn))
    }

    /// The rate of a ramp's line at a time within it; that of its end where it has no length.
    fn line(&self, t: f64) -> f64 {
        match *self {
            Curve::Ramp { from, to, start, over } if over > 0.0 => {
                from + (to - from) * (t - start) / over
            }
            _ => self.rate(t),
        }
    }

    /// How long after `t` so much area lies under a ramp; never, where it ends at 0.
    fn after_area(&self, t: f64, mut area: f64) -> Option<f64> {
        let Curve::Ramp { from, to, start, over } = *self else { return None };
        let (end, mut at) = (start + over, t);
        if at < start {
            let before = from * (start - at);
            if area < before {
                return Some(area / from);
            }
            (area, at) = (area - before, start);
        }
        if at < end {
            let (rate, slope) = (self.line(at), (to - from) / over);
            let left = (rate + to) / 2.0 * (end - at);
            if area < left {
                // From rate s + slope s^2 / 2 = area, in the form that does not cancel.
                let root = (rate * rate + 2.0 * slope * area).max(0.0).sqrt();
                let further = if area > 0.0 { 2.0 * area / (rate + root) } else { 0.0 };
                return Some(at - t + further);
            }
            (area, at) = (area - left, end);
        }
        (to > 0.0).then(|| at - t + area / to)
    }

    /// How long after `t` a candidate is kept, with the rate of the candidates there and the number
    /// that was drawn to keep it.
    fn kept(&self, t: f64, mut draw: impl FnMut() -> f64, tosses: &mut Rng) -> (f64, f64, f64) {
        let Curve::Day { mean, swing, period, peak } = *self else { return (0.0, 0.0, 0.0) };
        // With few requests in a day, looking at each part of it would be most of the work.
        let parts = if mean * period < PARTS as f64 { 1 } else { PARTS };
        let count = parts as f64;
        let mut number = ((t / period - peak) * count).floor() as i64;
        let mut gap = 0.0;
        loop {
            let top = mean * (1.0 + swing * highest_cosine(number.rem_euclid(parts), parts));
            let end = ((number + 1) as f64 / count + peak) * period - t;
            let candidate = gap + draw() / top;
            if parts > 1 && candidate > end {
                // No memory: in the next part it begins anew.
                (gap, number) = (end.max(gap), number + 1);
                continue;
            }
            gap = candidate;
            let toss = tosses.unit();
            if toss * top < self.rate(t + gap) {
                return (gap, top, toss);
            }
        }
    }
}

/// What is left of a number without its whole part, 0 to 1.
fn part(x: f64) -> f64 {
    x - x.floor()
}

/// The highest cosine in a part of a period that begins at its peak.
fn highest_cosine(part: i64, parts: i64) -> f64 {
    let nearest = if part < parts / 2 { part } else { part + 1 };
    match parts {
        1 => 1.0,
        _ => libm::cos(TAU * (nearest as f64 / parts as f64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Curve = Curve::Day { mean: 20.0, swing: 0.9, period: 60.0, peak: 0.25 };
    const RAMP: Curve = Curve::Ramp { from: 5.0, to: 65.0, start: 2.0, over: 6.0 };

    #[test]
    fn a_curve_is_at_its_ends_what_was_set() {
        assert_eq!([0.0, 2.0, 5.0, 8.0, 1e6].map(|t| RAMP.rate(t)), [5.0, 5.0, 35.0, 65.0, 65.0]);
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a}, not {b}");
        near(DAY.rate(15.0), 38.0);
        near(DAY.rate(45.0), 2.0);
        near(DAY.rate(15.0 + 60.0 * 1_000.0), 38.0);
        let step = Curve::Ramp { from: 1.0, to: 3.0, start: 2.0, over: 0.0 };
        assert_eq!([1.9, 2.0].map(|t| step.rate(t)), [1.0, 3.0]);
        assert_eq!(step.expected(0.0, 4.0), 8.0);
    }

    /// The area against the sum of many thin slices.
    #[test]
    fn the_area_is_that_under_the_curve() {
        for curve in [DAY, RAMP] {
            for (from, until) in [(0.0, 1.0), (1.5, 2.5), (3.0, 7.0), (7.0, 31.0), (0.0, 90.0)] {
                let (slices, width) = (100_000, (until - from) / 1e5);
                let middle = |n: i32| from + (f64::from(n) + 0.5) * width;
                let sum: f64 = (0..slices).map(|n| curve.rate(middle(n)) * width).sum();
                let area = curve.expected(from, until);
                assert!((area / sum - 1.0).abs() < 1e-6, "{curve:?} {from} {until}: {area}, {sum}");
            }
        }
    }

    /// What inversion gives has just the area that was drawn.
    #[test]
    fn a_ramps_next_request_comes_after_the_area_that_was_drawn() {
        let down = Curve::Ramp { from: 50.0, to: 0.0, start: 1.0, over: 4.0 };
        for curve in [RAMP, down] {
            for t in [0.0, 1.0, 1.9, 2.0, 3.3, 4.99, 7.9] {
                for area in [0.0, 1e-6, 0.7, 4.0, 30.0] {
                    let gap = curve.after_area(t, area);
                    if let Some(gap) = gap {
                        let got = curve.expected(t, t + gap);
                        assert!((got - area).abs() < 1e-9, "{curve:?} at {t}: {got}, not {area}");
                    } else {
                        assert!(curve.expected(t, 1e6) <= area, "{curve:?} at {t}: {area}");
                    }
                }
            }
        }
        assert_eq!(down.after_area(6.0, 0.1), None);
    }

    /// No part of a day has a higher rate than its candidates, whatever the curve; and a day with
    /// very many or hardly any requests is not looked through for ever.
    #[test]
    fn candidates_are_never_rarer_than_the_curve() {
        for (mean, swing, period) in
            [(1e6, 1.0, 600_000.0), (1e-6, 1.0, 0.1), (1e6, 0.3, 0.1), (3.0, 0.0, 60.0)]
        {
            let curve = Curve::Day { mean, swing, period, peak: 0.4 };
            let (mut arrivals, mut tosses) = (Rng::from_seed(1), Rng::from_seed(2));
            // The trough is the hardest to find anything in.
            let mut now = Time::ZERO + Span::from_seconds_f64(period * 0.9);
            for _ in 0..20 {
                let (gap, drawn) = curve.next(now, &mut arrivals, &mut tosses).expect("there is");
                now = now + gap;
                let rate = curve.rate(now.seconds());
                assert!(rate <= drawn.candidates * (1.0 + 1e-6), "{rate}, {drawn:?}");
                assert!(drawn.toss * drawn.candidates <= rate * (1.0 + 1e-6) + 1e-6, "{drawn:?}");
            }
        }
    }
}
