//! Processor sharing: everybody is served at once, each at a share of the speed.
//!
//! With n jobs on c servers each job gets `min(1, c / n)` of a server. Instead of lowering every
//! job's remaining work, one clock runs at the speed all jobs get: *virtual* time. A job that
//! arrives at virtual time V with work w is done at V + w, so the order of completions is fixed at
//! arrival and each step costs O(log n).
//!
//! Arithmetic: real time in whole nanoseconds, virtual time in units of 2^-32 ns in 128 bits. Each
//! step of virtual time is rounded down, so a job is late by less than 2^-32 ns for each arrival or
//! departure it sees. Steps go from one of these to the next: looking takes none, and changes
//! nothing. A completion is reported at the first whole nanosecond at which the work is done;
//! between the true instant and that one the job still takes its share. Ties go to the earliest to
//! arrive. A clock that goes back counts as standing still.

use std::collections::BTreeMap;

use super::{Entry, Make};
use crate::sim::{Span, Time};

/// Fractional bits of virtual time.
const BITS: u32 = 32;

/// When, in virtual time, and in which order of arrival.
type Place = (u128, u64);

/// The jobs in service and the clock they share.
#[derive(Clone, Debug)]
pub struct ProcessorSharing {
    servers: u32,
    /// When the number of jobs or servers last changed, on both clocks.
    anchor: Time,
    virtual_anchor: u128,
    /// Who is done when, the first first.
    order: BTreeMap<Place, u64>,
    places: BTreeMap<u64, Place>,
    arrivals: u64,
}

impl ProcessorSharing {
    /// Nobody in service yet. With 0 servers nobody ever gets anywhere.
    pub fn new(servers: u32) -> ProcessorSharing {
        ProcessorSharing {
            servers,
            anchor: Time::ZERO,
            virtual_anchor: 0,
            order: BTreeMap::new(),
            places: BTreeMap::new(),
            arrivals: 0,
        }
    }

    /// Takes in job `id`, which needs `work` on a server of its own. False, and nothing happens, if
    /// a job with this id is there already.
    pub fn arrive(&mut self, id: u64, work: Span, now: Time) -> bool {
        if self.places.contains_key(&id) {
            return false;
        }
        self.move_anchor(now);
        let place = (self.virtual_anchor + (u128::from(work.ns()) << BITS), self.arrivals);
        self.arrivals += 1;
        self.order.insert(place, id);
        self.places.insert(id, place);
        true
    }

    /// Takes job `id` out, done or not, and gives the work that was left, rounded up to the
    /// nanosecond; nothing if there is no such job.
    pub fn leave(&mut self, id: u64, now: Time) -> Option<Span> {
        let left = self.remaining(id, now)?;
        self.move_anchor(now);
        if let Some(place) = self.places.remove(&id) {
            self.order.remove(&place);
        }
        Some(left)
    }

    /// The next job to be done if nobody comes or goes, and when: `now` if it is done already.
    pub fn next(&self, now: Time) -> Option<(Time, u64)> {
        let (&(done, _), &id) = self.order.first_key_value()?;
        let left = done.saturating_sub(self.virtual_anchor);
        let shares = u128::from(self.servers).min(self.jobs());
        if shares == 0 {
            return None;
        }
        // One unit of virtual time takes jobs / shares units of real time.
        let units = left.saturating_mul(self.jobs()).div_ceil(shares);
        let ns = u64::try_from(units.div_ceil(1 << BITS)).unwrap_or(u64::MAX);
        Some(((self.anchor + Span::from_ns(ns)).max(now), id))
    }

    /// The work that job `id` still needs at `now`, rounded up to the nanosecond.
    pub fn remaining(&self, id: u64, now: Time) -> Option<Span> {
        let &(done, _) = self.places.get(&id)?;
        let ns = done.saturating_sub(self.virtual_at(now)).div_ceil(1 << BITS);
        Some(Span::from_ns(u64::try_from(ns).unwrap_or(u64::MAX)))
    }

    /// Changes the number of servers.
    pub fn set_servers(&mut self, servers: u32, now: Time) {
        self.move_anchor(now);
        self.servers = servers;
    }

    /// Nobody was served for the last `span`.
    pub fn stood_still(&mut self, span: Span) {
        self.anchor = self.anchor + span;
    }

    /// How many are in service.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Is nobody in service?
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Who is in service, the next to be done first.
    pub fn in_service(&self) -> impl Iterator<Item = u64> {
        self.order.values().copied()
    }

    fn jobs(&self) -> u128 {
        self.places.len() as u128
    }

    /// Virtual time at `now`, if nobody has come or gone since the anchor.
    fn virtual_at(&self, now: Time) -> u128 {
        let elapsed = u128::from(now.since(self.anchor).ns()) << BITS;
        let jobs = self.jobs();
        match jobs {
            0 => self.virtual_anchor,
            _ => self.virtual_anchor + elapsed * u128::from(self.servers).min(jobs) / jobs,
        }
    }

    fn move_anchor(&mut self, now: Time) {
        self.virtual_anchor = self.virtual_at(now);
        self.anchor = self.anchor.max(now);
    }
}

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "sharing",
    wire: 5,
    name: "Processor sharing",
    whose: "the textbook's",
    rule: "All are served at once, each at an equal share of the speed.",
    cost: "O(log n) time for n in service; two entries for each",
    when: "One processor with many threads, or a shared line: short requests overtake long ones.",
    when_not: "Switching or memory is dear: a line with few at once finishes the same work sooner.",
    source: "Textbook; Kleinrock, Queueing Systems vol. 2 (1976), section 4.4",
    knobs: &[],
    make: Make::Sharing,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Dist, Rng};

    const fn at(ns: u64) -> Time {
        Time::from_ns(ns)
    }

    #[test]
    fn two_on_one_server_take_twice_as_long() {
        let mut cpu = ProcessorSharing::new(1);
        assert!(cpu.arrive(1, Span::from_ns(100), at(0)) && !cpu.arrive(1, Span::ZERO, at(0)));
        assert_eq!(cpu.next(at(0)), Some((at(100), 1)));
        // At 50 the first has 50 left; the second needs 20. Each now gets half.
        cpu.arrive(2, Span::from_ns(20), at(50));
        assert_eq!(cpu.next(at(50)), Some((at(90), 2)));
        assert_eq!(cpu.leave(2, at(90)), Some(Span::ZERO));
        assert_eq!(cpu.remaining(1, at(90)), Some(Span::from_ns(30)));
        assert_eq!(cpu.next(at(90)), Some((at(120), 1)));
        assert_eq!(cpu.leave(1, at(100)), Some(Span::from_ns(20)), "gave up");
        assert_eq!((cpu.next(at(100)), cpu.leave(1, at(100))), (None, None));
    }

    #[test]
    fn three_on_two_servers_get_two_thirds_each() {
        let mut cpu = ProcessorSharing::new(2);
        (1..=3).for_each(|id| assert!(cpu.arrive(id, Span::from_ns(10), at(0))));
        // 10 * 3 / 2 = 15, and equal jobs end in the order in which they came.
        assert_eq!(cpu.next(at(0)), Some((at(15), 1)));
        cpu.leave(1, at(15));
        assert_eq!(cpu.next(at(15)), Some((at(15), 2)));
        assert_eq!(cpu.in_service().collect::<Vec<_>>(), [2, 3]);
        cpu.arrive(4, Span::from_ns(10), at(15));
        cpu.set_servers(0, at(15));
        assert_eq!(cpu.next(at(1000)).map(|(when, _)| when), None);
        cpu.set_servers(3, at(1000));
        assert_eq!(cpu.next(at(1000)), Some((at(1000), 2)));
    }

    /// Thirds are rounded at each step; a look in between is no step.
    #[test]
    fn looking_changes_nothing() {
        let mut cpu = ProcessorSharing::new(1);
        (1..=3).for_each(|id| assert!(cpu.arrive(id, Span::from_ns(1_000), at(0))));
        let before = format!("{cpu:?}");
        (1..1000).for_each(|ns| {
            let (left, next) = (cpu.remaining(1, at(ns)), cpu.next(at(ns)));
            assert_eq!(left, Some(Span::from_ns(1_000 - ns / 3)));
            assert_eq!(next, Some((at(3_000), 1)));
        });
        assert!(!cpu.arrive(1, Span::ZERO, at(500)) && cpu.leave(9, at(500)).is_none());
        assert_eq!(format!("{cpu:?}"), before);
    }

    /// Response times in M/G/1-PS: mean and standard error from batch means, in seconds.
    fn responses(load: f64, mut work: impl FnMut(&mut Rng) -> Span) -> (f64, f64) {
        let mut cpu = ProcessorSharing::new(1);
        let between = Dist::exponential(Span::from_ns((1e9 / load) as u64));
        let (mut arrivals, mut sizes) = (Rng::from_seed(11), Rng::from_seed(12));
        let mut came = BTreeMap::new();
        let (batches, batch) = (40, 5000);
        let (mut sum, mut done, mut means) = (0.0, 0, Vec::new());
        let (mut id, mut next_arrival, mut now) = (0, Time::ZERO, Time::ZERO);
        while means.len() < batches {
            match cpu.next(now) {
                Some((when, first)) if when <= next_arrival => {
                    now = when;
                    cpu.leave(first, when);
                    sum += when.since(came.remove(&first).expect("it came")).seconds();
                    done += 1;
                    if done % batch == 0 {
                        means.push(sum / f64::from(batch));
                        sum = 0.0;
                    }
                }
                _ => {
                    cpu.arrive(id, work(&mut sizes), next_arrival);
                    came.insert(id, next_arrival);
                    id += 1;
                    now = next_arrival;
                    next_arrival = next_arrival + between.draw(&mut arrivals);
                }
            }
        }
        means.remove(0); // The first batch began with nobody there.
        let n = means.len() as f64;
        let mean = means.iter().sum::<f64>() / n;
        let variance = means.iter().map(|m| (m - mean) * (m - mean)).sum::<f64>() / (n - 1.0);
        (mean, (variance / n).sqrt())
    }

    /// Only the mean of the work matters, not its distribution.
    #[test]
    fn response_times_are_insensitive() {
        let mean = Span::from_ns(1_000_000_000);
        let expected = 1.0 / (1.0 - 0.7);
        let long = Dist::exponential(Span::from_ns(5_000_000_000));
        let short = Dist::exponential(Span::from_ns(555_555_556));
        let (steady, usual) = (Dist::Constant(mean), Dist::exponential(mean));
        let mixed =
            |rng: &mut Rng| if rng.below(10) == 0 { long.draw(rng) } else { short.draw(rng) };
        for (name, (got, error)) in [
            ("constant", responses(0.7, |rng| steady.draw(rng))),
            ("exponential", responses(0.7, |rng| usual.draw(rng))),
            ("one in ten is long", responses(0.7, mixed)),
        ] {
            let off = (got - expected).abs() / error;
            assert!(off < 3.0, "{name}: {got} is {off} standard errors from {expected}");
        }
    }
}
