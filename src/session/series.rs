//! What happened over time, in tenths of a second: counts, failures, latencies.
//!
//! Percentiles of a bucket come from its raw latencies, which are kept until it closes; the heat
//! map counts latencies in powers of two.

use std::collections::VecDeque;

use crate::sim::{Outcome, Place, Reason, Request, Sink, Span, Time};

/// The length of a bucket.
const BUCKET: Span = Span::from_millis(100);
/// An hour of buckets; older ones go.
const BUCKETS_MAX: usize = 36_000;
/// How many ended requests are remembered.
const FINISHED_MAX: usize = 200;
/// How many failures are remembered for the badges.
const TROUBLES_MAX: usize = 400;
/// Rows of the heat map: below 1 ms, then powers of two.
pub const LATENCY_CELLS: usize = 16;

/// A tenth of a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bucket {
    /// Requests made.
    pub sent: u32,
    /// Requests answered.
    pub done: u32,
    /// Requests failed.
    pub failed: u32,
    /// Answered requests by latency; see `cell_floor`.
    pub cells: [u16; LATENCY_CELLS],
    /// 50th, 95th and 99th percentile of the latencies, in ms; absent when nothing was answered.
    pub percentiles: Option<[f32; 3]>,
}

/// An ended request, in brief.
#[derive(Clone, Copy, Debug)]
pub struct Finished {
    /// When it ended.
    pub at: Time,
    /// The request as it was then.
    pub request: Request,
}

/// A request that failed just then and there.
#[derive(Clone, Copy, Debug)]
pub struct Trouble {
    /// When.
    pub at: Time,
    /// Where.
    pub place: Place,
    /// Why.
    pub reason: Reason,
}

/// What was measured, from the beginning to the frontier.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// The number of the first bucket that is kept.
    first: u64,
    buckets: VecDeque<Bucket>,
    /// Latencies in the bucket that is open, in ms.
    open: Vec<f32>,
    finished: VecDeque<Finished>,
    troubles: VecDeque<Trouble>,
}

/// The shortest latency in a row of the heat map, in ms.
pub fn cell_floor(cell: usize) -> f64 {
    match cell {
        0 => 0.0,
        n => f64::from(1u32 << (n - 1).min(30)),
    }
}

fn cell_of(latency: Span) -> usize {
    let ms = latency.ns() / 1_000_000;
    ((u64::BITS - ms.leading_zeros()) as usize).min(LATENCY_CELLS - 1)
}

impl Series {
    /// The buckets that are kept, with the time at which each begins.
    pub fn buckets(&self) -> impl Iterator<Item = (Time, &Bucket)> {
        let first = self.first;
        let start = move |place: usize| Time::from_ns((first + place as u64) * BUCKET.ns());
        self.buckets.iter().enumerate().map(move |(place, bucket)| (start(place), bucket))
    }

    /// The length of a bucket.
    pub fn bucket_span(&self) -> Span {
        BUCKET
    }

    /// The requests that ended last, latest first, no later than `now`.
    pub fn finished(&self, now: Time) -> impl Iterator<Item = &Finished> {
        self.finished.iter().rev().filter(move |finished| finished.at <= now)
    }

    /// Failures after `since` and no later than `now`, oldest first.
    pub fn troubles(&self, since: Time, now: Time) -> impl Iterator<Item = &Trouble> {
        self.troubles.iter().filter(move |trouble| trouble.at > since && trouble.at <= now)
    }

    /// Forgets the bucket that holds `at` and everything after it. Gives the time from which on
    /// all must be gathered anew.
    pub(super) fn forget_from_bucket(&mut self, at: Time) -> Time {
        let number = at.ns() / BUCKET.ns();
        let start = Time::from_ns(number * BUCKET.ns());
        if number < self.end() {
            self.buckets.truncate(number.saturating_sub(self.first) as usize);
            self.first = self.first.min(number);
            self.open.clear();
        }
        self.finished.retain(|finished| finished.at < start);
        self.troubles.retain(|trouble| trouble.at < start);
        start
    }

    fn bucket(&mut self, now: Time) -> &mut Bucket {
        let number = now.ns() / BUCKET.ns();
        if number > self.end() + BUCKETS_MAX as u64 {
            // Nothing happened for so long that none of what is kept would stay.
            self.close();
            self.buckets.clear();
            self.first = number;
        }
        while self.end() <= number {
            self.close();
            if self.buckets.len() == BUCKETS_MAX {
                self.buckets.pop_front();
                self.first += 1;
            }
            self.buckets.push_back(Bucket::default());
        }
        let place = number.saturating_sub(self.first).min(self.buckets.len() as u64 - 1);
        &mut self.buckets[place as usize]
    }

    /// The number of the bucket after the last.
    fn end(&self) -> u64 {
        self.first + self.buckets.len() as u64
    }

    /// Works out the percentiles of the bucket that was open.
    fn close(&mut self) {
        if self.open.is_empty() {
            return;
        }
        self.open.sort_unstable_by(f32::total_cmp);
        let count = self.open.len();
        let rank = |percent: usize| self.open[(count * percent).div_ceil(100).max(1) - 1];
        let percentiles = [rank(50), rank(95), rank(99)];
        self.open.clear();
        if let Some(last) = self.buckets.back_mut() {
            last.percentiles = Some(percentiles);
        }
    }
}

/// A series that is told only what happened at `from` and later.
#[derive(Debug)]
pub(super) struct Since<'a> {
    pub(super) from: Time,
    pub(super) series: &'a mut Series,
}

impl Sink for Since<'_> {
    fn wants(&self, _request: &Request) -> bool {
        false
    }

    fn sent(&mut self, now: Time, request: &Request) {
        if now >= self.from {
            self.series.sent(now, request);
        }
    }

    fn failed(&mut self, now: Time, request: &Request) {
        if now >= self.from {
            self.series.failed(now, request);
        }
    }

    fn finished(&mut self, now: Time, request: &Request) {
        if now >= self.from {
            self.series.finished(now, request);
        }
    }
}

impl Sink for Series {
    fn wants(&self, _request: &Request) -> bool {
        false
    }

    fn sent(&mut self, now: Time, _request: &Request) {
        self.bucket(now).sent += 1;
    }

    fn failed(&mut self, now: Time, request: &Request) {
        if let Outcome::Failed(reason, place) = request.outcome {
            if self.troubles.len() == TROUBLES_MAX {
                self.troubles.pop_front();
            }
            self.troubles.push_back(Trouble { at: now, place, reason });
        }
    }

    fn finished(&mut self, now: Time, request: &Request) {
        let latency = now.since(request.born);
        let bucket = self.bucket(now);
        if request.outcome == Outcome::Done {
            bucket.done += 1;
            let cell = &mut bucket.cells[cell_of(latency)];
            *cell = cell.saturating_add(1);
            self.open.push(latency.millis() as f32);
        } else {
            bucket.failed += 1;
        }
        if self.finished.len() == FINISHED_MAX {
            self.finished.pop_front();
        }
        self.finished.push_back(Finished { at: now, request: *request });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_powers_of_two() {
        for (ms, cell) in [(0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (1 << 20, LATENCY_CELLS - 1)] {
            assert_eq!(cell_of(Span::from_millis(ms)), cell, "{ms} ms");
            assert!(cell_floor(cell) <= ms as f64);
        }
    }
}
