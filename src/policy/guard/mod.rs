//! May this pass, now?
//!
//! Rate limits, circuit breakers, bulkheads, retry budgets, adaptive concurrency limits and load
//! shedding answer the same question, so they share one trait. How long to wait before trying
//! again is the other question, and [`Backoff`]'s.

mod adaptive;
mod aimd;
mod atomic_limiter;
mod backoff;
mod bulkhead;
pub mod defaults;
mod envoy_budget;
mod finagle_budget;
mod fixed_window;
mod gcra;
mod gradient2;
mod grpc_throttle;
mod guava;
mod hystrix;
mod jitter;
mod knobs;
mod leaky_bucket;
mod per_key;
#[cfg(test)]
mod properties;
mod resilience4j;
mod retry_quota;
mod rolling;
mod shed;
mod sliding_counter;
mod sliding_log;
mod throttle;
mod token_bucket;
mod vegas;
mod warming;

pub use aimd::Aimd;
pub use finagle_budget::FinagleBudget;
pub use gcra::{Gcra, Throttled};
pub use gradient2::Gradient2;
pub use guava::{Bursty, Smooth, Store};
pub use leaky_bucket::LeakyBucket;
pub use per_key::PerKey;
pub use token_bucket::TokenBucket;
pub use vegas::Vegas;
pub use warming::WarmingUp;

use super::Knobs;
use crate::sim::{Line, Rng, Span, Time, Why};

/// What a guard says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go.
    Pass,
    /// Go, but only after this long.
    Delay(Span),
    /// No. Where it is known: how long until the same would pass if nobody else asks.
    Refuse(Option<Span>),
}

/// Somebody at the door, and what can be seen from there.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// When.
    pub now: Time,
    /// What passing costs: 1 for an ordinary request.
    pub cost: u32,
    /// How many wait in line behind the door. Only load shedding looks.
    pub waiting: u32,
    /// How long the one at the head of that line has waited.
    pub oldest: Span,
}

impl Ask {
    /// An ordinary request; nobody waits behind the door.
    pub const fn at(now: Time) -> Ask {
        Ask { now, cost: 1, waiting: 0, oldest: Span::ZERO }
    }
}

/// How something that passed ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// When.
    pub now: Time,
    /// How long it took.
    pub took: Span,
    /// Well, or badly?
    pub ok: bool,
    /// Was it dropped or timed out, rather than answered badly?
    pub dropped: bool,
    /// Was it a retry, and not a first attempt?
    pub retry: bool,
    /// What it cost when it was admitted.
    pub cost: u32,
    /// What [`Guard::under_way`] said just after it was admitted.
    pub among: u32,
}

impl Ended {
    /// An ordinary first attempt that ended well.
    pub const fn well(now: Time, took: Span) -> Ended {
        Ended { now, took, ok: true, dropped: false, retry: false, cost: 1, among: 1 }
    }

    /// An ordinary first attempt that was answered badly.
    pub const fn badly(now: Time, took: Span) -> Ended {
        Ended { ok: false, ..Ended::well(now, took) }
    }
}

/// How something that passed came to nothing.
#[derive(Clone, Copy, Debug)]
pub struct Withdrawn {
    /// When.
    pub now: Time,
    /// When it was admitted.
    pub since: Time,
    /// What it cost when it was admitted.
    pub cost: u32,
    /// Did the next guard refuse it? Otherwise who asked gave up.
    pub rejected: bool,
}

impl Withdrawn {
    /// An ordinary request that passed at `since` and was given up.
    pub const fn given_up(now: Time, since: Time) -> Withdrawn {
        Withdrawn { now, since, cost: 1, rejected: false }
    }

    /// An ordinary request that passed just now and was refused by the next guard.
    pub const fn rejected(now: Time) -> Withdrawn {
        Withdrawn { now, since: now, cost: 1, rejected: true }
    }
}

/// Decides who may pass. A clock that goes backwards does no harm: where the real system has a rule
/// for that, the guard has it too; otherwise an earlier `now` counts as the latest one seen.
pub trait Guard: dyn_clone::DynClone + std::fmt::Debug {
    /// May this one pass? What passes or is delayed counts as under way until [`Guard::ended`] or
    /// [`Guard::withdrawn`]. `rng` is for guards that toss a coin.
    fn admit(&mut self, ask: &Ask, rng: &mut Rng, why: &mut Why) -> Verdict;

    /// A first attempt began. Retry budgets, which only retries ask, count these.
    fn began(&mut self, _now: Time) {}

    /// One that passed has ended; first attempts are told to retry budgets as well.
    fn ended(&mut self, _ended: &Ended, _rng: &mut Rng) {}

    /// One that passed never went ahead.
    fn withdrawn(&mut self, _gone: &Withdrawn) {}

    /// How many are under way, for guards that count them.
    fn under_way(&self) -> u32 {
        0
    }

    /// Its state in a few words with numbers: `open until 5 s`, `3.5 of 10 tokens`.
    fn state(&self, now: Time) -> String;

    /// The state as one number for a gauge, with its largest value: tokens, calls under way.
    fn gauge(&self, now: Time) -> (f64, f64);
}

dyn_clone::clone_trait_object!(Guard);

/// How long to wait before the next attempt. It remembers nothing, so many requests share one.
pub trait Backoff: dyn_clone::DynClone + std::fmt::Debug {
    /// The wait before retry number `attempt` (the first is 1) of a request whose previous wait, if
    /// it had one, was `previous`.
    fn wait(&self, attempt: u32, previous: Option<Span>, rng: &mut Rng, why: &mut Why) -> Span;
}

dyn_clone::clone_trait_object!(Backoff);

/// What a guard's catalogue entry makes.
#[derive(Clone, Copy, Debug)]
pub enum Make {
    /// A guard.
    Guard(fn(&Knobs) -> Box<dyn Guard>),
    /// A backoff.
    Backoff(fn(&Knobs) -> Box<dyn Backoff>),
}

/// A guard as people meet it.
pub type Entry = super::Entry<Make>;

/// Every guard there is.
pub const CATALOGUE: &[&Entry] = &[
    &token_bucket::ENTRY,
    &leaky_bucket::ENTRY,
    &fixed_window::ENTRY,
    &sliding_counter::ENTRY,
    &sliding_log::ENTRY,
    &gcra::ENTRY,
    &guava::ENTRY,
    &warming::ENTRY,
    &atomic_limiter::ENTRY,
    &hystrix::ENTRY,
    &resilience4j::ENTRY,
    &finagle_budget::ENTRY,
    &envoy_budget::ENTRY,
    &retry_quota::ENTRY,
    &bulkhead::ENTRY,
    &bulkhead::ENTRY_HYSTRIX,
    &vegas::ENTRY,
    &gradient2::ENTRY,
    &aimd::ENTRY,
    &throttle::ENTRY,
    &shed::ENTRY,
    &backoff::ENTRY_NONE,
    &backoff::ENTRY_FIXED,
    &backoff::ENTRY_EXPONENTIAL,
    &jitter::ENTRY_FULL,
    &jitter::ENTRY_EQUAL,
    &jitter::ENTRY_DECORRELATED,
    &jitter::ENTRY_BOTOCORE,
    &jitter::ENTRY_RANDOMIZED,
    &grpc_throttle::ENTRY,
];

/// The guard with this name.
pub fn find(key: &str) -> Option<&'static Entry> {
    super::find(CATALOGUE, key)
}

/// A guard with its defaults, by name; nothing for a backoff or a name that is not known.
pub fn make(key: &str, knobs: &Knobs) -> Option<Box<dyn Guard>> {
    match find(key)?.make {
        Make::Guard(make) => Some(make(knobs)),
        Make::Backoff(_) => None,
    }
}

/// Writes down what was compared, once somebody is looking: the numbers, then the sentence.
#[inline]
fn explain(
    why: &mut Why,
    passes: bool,
    subject: &'static str,
    words: impl FnOnce() -> (String, String),
) {
    if why.wanted() {
        let (numbers, sentence) = words();
        why.line(|| Line { subject: subject.to_owned(), numbers, chosen: passes });
        why.say(|| sentence);
    }
}

/// A number with at most two digits after the point: `3`, `2.5`, `0.33`.
fn decimal(x: f64) -> String {
    let text = format!("{x:.2}");
    match text.trim_end_matches('0').trim_end_matches('.') {
        "-0" => "0".to_owned(),
        short => short.to_owned(),
    }
}

/// A length of time in ms to the last digit, for sums that are redone on paper: `45000 ms`.
fn exact_ms(ns: u64) -> String {
    let text = format!("{}.{:06}", ns / 1_000_000, ns % 1_000_000);
    format!("{} ms", text.trim_end_matches('0').trim_end_matches('.'))
}
