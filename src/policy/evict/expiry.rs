//! Time to live: entries end at a time of their own, whatever the policy thinks of them.
//!
//! Redis's rules. An entry lives up to and including its deadline. *Lazily*: whoever asks for an
//! entry that is over finds it gone, and that request removes it. *Actively*: ten times a second
//! (`hz 10`) a cycle looks at 20 entries that have a deadline, removes those that are over, and
//! goes on while more than 10 % of the 20 were. Where it stops the next cycle begins. So entries
//! nobody asks for go away too, but at any time about a tenth of those held may be over.
//!
//! Redis walks the buckets of its hash table; here entries stand in an order shuffled by their
//! keys, which is as good. It matters that it is a walk and not a draw: when half is over, half of
//! every 20 is, up to the last, and one cycle clears all; with draws it would stop half-way. Not as
//! in Redis: a cycle has no limit of processor time (25 ms), because simulated time stands still
//! within a decision.
//!
//! [`Expiry`] keeps deadlines for whoever keeps entries; [`Expiring`] puts it in front of any
//! policy. Jitter spreads deadlines, so that entries that came in together do not end together.

use super::crowd::Crowd;
use super::index::{Table, mix};
use super::{Access, Eviction, Held};
use crate::sim::{Line, Rng, Span, Time, Why};

/// Cycles per second.
const HZ: u64 = 10;
/// Entries looked at in one loop of a cycle.
const PER_LOOP: usize = 20;
/// A cycle goes on while more than one in so many was over.
const STALE_ONE_IN: usize = 10;
/// Cycles made up for after a long silence: a minute's worth.
const CATCH_UP: u64 = 60 * HZ;

/// Deadlines, and the cycle that looks for those that have passed.
#[derive(Clone, Debug, Default)]
pub struct Expiry {
    table: Table,
    deadlines: Vec<Time>,
    crowd: Crowd,
    /// Cycles up to now, had there always been any.
    cycles: u64,
    /// The place from which the next cycle goes on.
    cursor: usize,
}

impl Expiry {
    /// How many entries have a deadline.
    pub fn len(&self) -> usize {
        self.crowd.len()
    }

    /// Has none a deadline?
    pub fn is_empty(&self) -> bool {
        self.crowd.len() == 0
    }

    /// Gives `key` this deadline, or takes it away.
    pub fn set(&mut self, key: u64, at: Option<Time>) {
        let Some(at) = at else { return self.forget(key) };
        let slot = match self.table.find(key) {
            Some(slot) => slot,
            None => self.table.insert(key, 0, 0),
        };
        if self.deadlines.len() < self.table.slots() {
            self.deadlines.resize(self.table.slots(), Time::MAX);
        }
        self.deadlines[slot as usize] = at;
        self.crowd.insert_anywhere(slot, mix(key));
    }

    /// `key` has no deadline any more.
    pub fn forget(&mut self, key: u64) {
        if let Some(slot) = self.table.find(key) {
            self.crowd.remove(slot);
            self.table.forget(slot);
        }
    }

    /// When `key` ends, if it has a deadline.
    pub fn deadline(&self, key: u64) -> Option<Time> {
        self.table.find(key).map(|slot| self.deadlines[slot as usize])
    }

    /// Is `key` over? At its deadline it still lives.
    pub fn is_over(&self, key: u64, now: Time) -> bool {
        self.deadline(key).is_some_and(|at| now > at)
    }

    /// One active cycle. Forgets what it finds over and hands each such key to `gone`.
    pub fn cycle(&mut self, now: Time, gone: &mut dyn FnMut(u64)) {
        loop {
            let (look_at, mut over) = (PER_LOOP.min(self.crowd.len()), 0);
            for _ in 0..look_at {
                if self.cursor >= self.crowd.len() {
                    self.cursor = 0;
                }
                let Some(slot) = self.crowd.at(self.cursor) else { return };
                if now > self.deadlines[slot as usize] {
                    // The last one takes its place, and is looked at next.
                    self.crowd.remove(slot);
                    gone(self.table.forget(slot));
                    over += 1;
                } else {
                    self.cursor += 1;
                }
            }
            if over * STALE_ONE_IN <= look_at {
                return;
            }
        }
    }

    /// Time has come to `now`: runs the cycles that are due, each at its own time. After a long
    /// silence those of the last minute are enough.
    pub fn advance(&mut self, now: Time, gone: &mut dyn FnMut(u64)) {
        let period = 1_000_000_000 / HZ;
        let due = now.ns() / period;
        let first = self.cycles.max(due.saturating_sub(CATCH_UP));
        for cycle in first..due {
            if self.is_empty() {
                break;
            }
            self.cycle(Time::from_ns((cycle + 1) * period), gone);
        }
        self.cycles = self.cycles.max(due);
    }

    /// Are its parts consistent? For tests.
    ///
    /// # Errors
    /// Says what is not.
    pub fn check(&self) -> Result<(), String> {
        self.crowd.check()?;
        self.table.check_count(self.crowd.len())
    }
}

/// How long entries live, and how removal works.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lifetime {
    /// From coming in to the deadline; a hit does not renew it.
    pub ttl: Span,
    /// Each deadline is earlier or later by up to this share of `ttl`, 0 to 1, uniform.
    pub jitter: f64,
    /// Look for what is over ten times a second as well, not only when asked for?
    pub active: bool,
}

impl Lifetime {
    /// When an entry that comes in `now` ends.
    fn end(&self, now: Time, rng: &mut Rng) -> Time {
        if self.jitter <= 0.0 {
            return now + self.ttl;
        }
        let factor = 1.0 + self.jitter.min(1.0) * (2.0 * rng.unit() - 1.0);
        now + Span::from_seconds_f64(self.ttl.seconds() * factor)
    }
}

/// Any policy, with a time to live in front of it.
#[derive(Clone, Debug)]
pub struct Expiring {
    policy: Box<dyn Eviction>,
    expiry: Expiry,
    life: Lifetime,
    now: Time,
    expired: u64,
}

impl Expiring {
    /// Puts `life` in front of a policy that holds nothing yet.
    pub fn new(policy: Box<dyn Eviction>, life: Lifetime) -> Expiring {
        Expiring { policy, expiry: Expiry::default(), life, now: Time::ZERO, expired: 0 }
    }

    /// How many entries have been removed because they were over.
    pub fn expired(&self) -> u64 {
        self.expired
    }

    /// Time has come to `now`; what is removed by it is handed to `gone`.
    pub fn advance(&mut self, now: Time, rng: &mut Rng, gone: &mut dyn FnMut(u64)) {
        self.now = self.now.max(now);
        self.policy.tick(self.now, rng);
        if self.life.active {
            let (policy, expired) = (&mut self.policy, &mut self.expired);
            self.expiry.advance(self.now, &mut |key| {
                policy.remove(key);
                *expired += 1;
                gone(key);
            });
        }
    }
}

impl Eviction for Expiring {
    fn access(&mut self, key: u64, rng: &mut Rng, why: &mut Why) -> Access {
        if let Some(at) = self.expiry.deadline(key)
            && self.now > at
        {
            self.policy.remove(key);
            self.expiry.forget(key);
            self.expired += 1;
            let now = self.now;
            why.line(|| Line {
                subject: key.to_string(),
                numbers: format!("expired at {at}, now {now}"),
                chosen: false,
            });
            why.say(|| format!("It was held until its time was over, at {at}; now it is {now}."));
        }
        let access = self.policy.access(key, rng, why);
        access.evicted().iter().for_each(|&left| self.expiry.forget(left));
        if !access.is_hit() && !access.evicted().contains(&key) {
            let at = self.life.end(self.now, rng);
            self.expiry.set(key, Some(at));
            self.policy.set_deadline(key, Some(at));
        }
        access
    }

    /// What is over is not there, though it is held until somebody asks for it or a cycle finds it.
    fn contains(&self, key: u64) -> bool {
        self.policy.contains(key) && !self.expiry.is_over(key, self.now)
    }

    fn remove(&mut self, key: u64) -> bool {
        let there = self.contains(key);
        self.expiry.forget(key);
        self.policy.remove(key);
        there
    }

    fn tick(&mut self, now: Time, rng: &mut Rng) {
        self.advance(now, rng, &mut |_| {});
    }

    fn set_deadline(&mut self, key: u64, at: Option<Time>) {
        if self.policy.contains(key) {
            self.expiry.set(key, at);
            self.policy.set_deadline(key, at);
        }
    }

    /// Those that are over and not yet removed count, as in Redis's DBSIZE.
    fn len(&self) -> usize {
        self.policy.len()
    }

    fn ghosts(&self) -> usize {
        self.policy.ghosts()
    }

    fn held(&self) -> Vec<Held> {
        self.policy.held()
    }

    fn check(&self) -> Result<(), String> {
        self.expiry.check()?;
        self.policy.check()?;
        super::within(self.expiry.len(), self.policy.len())
    }
}

#[cfg(test)]
mod tests {
    use super::super::lru;
    use super::*;
    use crate::policy::Knobs;

    const SECOND: u64 = 1_000_000_000;

    fn cache(life: Lifetime) -> (Expiring, Rng) {
        let policy = (lru::ENTRY.make)(Knobs::DEFAULTS, 1000).expect("1000 entries fit");
        (Expiring::new(policy, life), Rng::from_seed(1))
    }

    const MINUTE: Lifetime =
        Lifetime { ttl: Span::from_millis(60_000), jitter: 0.0, active: false };

    #[test]
    fn it_lives_up_to_its_deadline_and_goes_when_asked_for() {
        let (cache, rng) = (&mut cache(MINUTE).0, &mut Rng::from_seed(1));
        let mut ask = |cache: &mut Expiring, at: u64, why: &mut Why| {
            cache.tick(Time::from_ns(at), rng);
            cache.access(7, rng, why)
        };
        let miss = Access::Miss { evicted: None };
        assert_eq!(ask(cache, 0, &mut Why::off()), miss);
        assert_eq!(ask(cache, 60 * SECOND, &mut Why::off()), Access::HIT);
        // Nobody looked: it is over but still held.
        cache.tick(Time::from_ns(60 * SECOND + 1), &mut Rng::from_seed(1));
        assert_eq!((cache.contains(7), cache.len(), cache.expired()), (false, 1, 0));
        let mut why = Why::on();
        assert_eq!(ask(cache, 61 * SECOND, &mut why), miss);
        assert_eq!((cache.contains(7), cache.len(), cache.expired()), (true, 1, 1));
        let words = "It was held until its time was over, at 60.000 s; now it is 61.000 s.";
        assert_eq!(why.sentence, words);
    }

    #[test]
    fn a_cycle_goes_on_while_more_than_a_tenth_is_over() {
        let (mut cache, mut rng) = cache(Lifetime { active: true, ..MINUTE });
        for key in 0..500 {
            cache.access(key, &mut rng, &mut Why::off());
        }
        cache.tick(Time::from_ns(30 * SECOND), &mut rng);
        for key in 500..1000 {
            cache.access(key, &mut rng, &mut Why::off());
        }
        assert_eq!(cache.len(), 1000);
        // Half of each 20 is over, so one cycle finds them all.
        let mut gone = Vec::new();
        cache.advance(Time::from_ns(60 * SECOND + SECOND / 10), &mut rng, &mut |k| gone.push(k));
        gone.sort_unstable();
        assert_eq!(gone, (0..500).collect::<Vec<u64>>());
        assert_eq!((cache.len(), cache.check()), (500, Ok(())));
    }

    #[test]
    fn a_cycle_stops_where_little_is_over() {
        let mut expiry = Expiry::default();
        (0..1000).for_each(|key| expiry.set(key, Some(Time::from_ns(key / 50 * SECOND))));
        // 50 of 1000 are over, one of 20: the cycle looks at 20 or, by chance, 40.
        let mut gone = 0;
        expiry.cycle(Time::from_ns(1), &mut |_| gone += 1);
        assert!(gone < 5, "{gone}");
        (0..200).for_each(|_| expiry.cycle(Time::from_ns(1), &mut |_| gone += 1));
        assert_eq!((gone, expiry.check()), (50, Ok(())));
    }

    #[test]
    fn jitter_spreads_the_ends() {
        let (life, rng) = (Lifetime { jitter: 0.25, ..MINUTE }, &mut Rng::from_seed(1));
        let ends: Vec<f64> = (0..1000).map(|_| life.end(Time::ZERO, rng).seconds()).collect();
        let (least, most) = ends.iter().fold((1e9f64, 0.0f64), |(a, b), &x| (a.min(x), b.max(x)));
        assert!((45.0..45.2).contains(&least) && (74.8..=75.0).contains(&most), "{least} {most}");
    }

    #[test]
    fn absurd_times_do_no_harm() {
        let (mut cache, mut rng) = cache(Lifetime { ttl: Span::from_ns(u64::MAX), ..MINUTE });
        cache.access(1, &mut rng, &mut Why::off());
        cache.tick(Time::MAX, &mut rng);
        cache.tick(Time::ZERO, &mut rng);
        assert_eq!(cache.access(1, &mut rng, &mut Why::off()), Access::HIT);
        cache.life.active = true;
        cache.tick(Time::MAX, &mut rng);
        assert_eq!(cache.len(), 1);
    }
}
