//! What stands between a caller and one whom it calls: a circuit breaker, and a limit on how many
//! calls are under way at once.
//!
//! Both come from the library (`policy::guard`) and are there only if they are chosen. Whoever
//! calls several has a door for each. The breaker is asked first; a call that it lets pass and
//! the limit refuses is none for it.

use super::param::{Choice, Value};
use crate::policy::Knobs;
use crate::policy::guard::{self, Ask, Backoff, Ended, Guard, Make, Verdict, Withdrawn};
use crate::sim::{Line, Outcome, Reason, Rng, Span, Time, Why};

/// In files and menus: there is none.
pub(super) const NONE: &str = "none";

/// The circuit breakers there are.
pub(super) const BREAKERS: [&str; 2] = ["hystrix", "resilience4j"];
/// The limits there are.
pub(super) const LIMITS: [&str; 4] = ["bulkhead", "aimd", "vegas", "gradient2"];

/// Which guards a caller has.
#[derive(Clone, Debug, PartialEq)]
pub struct GuardConfig {
    /// The circuit breaker, from the catalogue of guards; none if empty.
    pub breaker: &'static str,
    /// How many of a hundred calls must fail for it to open.
    pub breaker_percent: f64,
    /// With fewer calls it never opens.
    pub breaker_calls: u32,
    /// For how long it is open, in s.
    pub breaker_open_s: f64,
    /// The limit on calls under way, from the catalogue of guards; none if empty.
    pub limit: &'static str,
    /// How many at once, or to begin with.
    pub limit_most: u32,
}

impl Default for GuardConfig {
    fn default() -> Self {
        GuardConfig {
            breaker: "",
            breaker_percent: 50.0,
            breaker_calls: 20,
            breaker_open_s: 5.0,
            limit: "",
            limit_most: 20,
        }
    }
}

impl GuardConfig {
    /// Is there no guard?
    pub fn is_off(&self) -> bool {
        self.breaker.is_empty() && self.limit.is_empty()
    }

    /// Does the parameter with this name make no difference?
    pub(super) fn idle(&self, key: &str) -> bool {
        match key {
            "breaker_percent" | "breaker_calls" | "breaker_open" => self.breaker.is_empty(),
            "at_once_most" => self.limit.is_empty(),
            _ => false,
        }
    }

    fn new_breaker(&self) -> Option<Box<dyn Guard>> {
        let (percent, calls) = (self.breaker_percent, f64::from(self.breaker_calls));
        match self.breaker {
            "hystrix" => made(
                "hystrix",
                &[("percent", percent), ("volume", calls), ("sleep_ms", self.breaker_open_s * 1e3)],
            ),
            other => made(
                other,
                &[
                    ("window", calls.max(100.0)),
                    ("minimum", calls),
                    ("failure_rate", percent),
                    ("open_s", self.breaker_open_s),
                ],
            ),
        }
    }

    fn new_limit(&self) -> Option<Box<dyn Guard>> {
        let most = f64::from(self.limit_most);
        match self.limit {
            "bulkhead" => made("bulkhead", &[("most", most)]),
            other => made(other, &[("initial", most)]),
        }
    }
}

/// A guard with these settings.
pub(super) fn made(key: &str, set: &[(&str, f64)]) -> Option<Box<dyn Guard>> {
    guard::make(key, &with(guard::find(key)?, set))
}

/// A way to wait with these settings.
pub(super) fn waits(key: &str, set: &[(&str, f64)]) -> Option<Box<dyn Backoff>> {
    let entry = guard::find(key)?;
    match entry.make {
        Make::Backoff(make) => Some(make(&with(entry, set))),
        Make::Guard(_) => None,
    }
}

/// These settings, as far as the algorithm has them; the others stay at its defaults.
fn with(entry: &'static guard::Entry, set: &[(&str, f64)]) -> Knobs {
    let mut knobs = Knobs::default();
    for (key, value) in set {
        if let Some(knob) = entry.knobs.iter().find(|knob| knob.key == *key) {
            let value = if knob.whole { value.round() } else { *value };
            // Within the knob's range now, so nothing is refused here.
            let _set = knobs.set(entry.knobs, key, value.clamp(knob.min, knob.max));
        }
    }
    knobs
}

/// None, or one of these.
pub(super) fn choices(keys: &[&str], none: &'static str) -> Vec<Choice> {
    // No algorithm of the catalogue has this number.
    let nothing = Choice::plain(NONE, 200, "None", none);
    let all = keys.iter().filter_map(|key| guard::find(key)).map(Choice::of);
    [nothing].into_iter().chain(all).collect()
}

/// The key of what is set.
pub(super) fn key_of(set: &'static str) -> Value {
    Value::Choice(if set.is_empty() { NONE } else { set }.to_owned())
}

/// What a key stands for; nothing for one that is not among these.
pub(super) fn of_key(keys: &[&'static str], value: &Value) -> Option<&'static str> {
    match value {
        Value::Choice(key) if key == NONE => Some(""),
        Value::Choice(key) => keys.iter().find(|known| *known == key).copied(),
        _ => None,
    }
}

/// The parameters of a [`GuardConfig`] in the field `guards` of these settings, with links' numbers
/// from `first` on.
macro_rules! guard_params {
    ($config:ty, $first:expr) => {
        &[
            Param {
                spec: Spec {
                    key: "breaker",
                    wire: $first,
                    label: "Circuit breaker",
                    unit: "",
                    help: "Whether calls stop for a while to one that fails too often.",
                    range: Range::Choice(|| {
                        guarded::choices(&guarded::BREAKERS, "Calls go on whatever comes back.")
                    }),
                },
                get: |c: &$config| guarded::key_of(c.guards.breaker),
                set: |c, v| {
                    if let Some(key) = guarded::of_key(&guarded::BREAKERS, &v) {
                        c.guards.breaker = key;
                    }
                },
            },
            Param {
                spec: Spec {
                    key: "breaker_percent",
                    wire: $first + 1,
                    label: "Breaker opens at",
                    unit: "% failures",
                    help: "How many of a hundred calls must fail for the circuit breaker to open.",
                    range: Range::Number {
                        min: 1.0,
                        max: 100.0,
                        handy: 100.0,
                        step: 1.0,
                        whole: false,
                    },
                },
                get: |c| Value::Number(c.guards.breaker_percent),
                set: |c, v| c.guards.breaker_percent = number(v),
            },
            Param {
                spec: Spec {
                    key: "breaker_calls",
                    wire: $first + 2,
                    label: "Breaker needs",
                    unit: "calls",
                    help: "With fewer calls in its window the circuit breaker does not open.",
                    range: Range::Number {
                        min: 1.0,
                        max: 10_000.0,
                        handy: 100.0,
                        step: 1.0,
                        whole: true,
                    },
                },
                get: |c| Value::Number(f64::from(c.guards.breaker_calls)),
                set: |c, v| c.guards.breaker_calls = number(v) as u32,
            },
            Param {
                spec: Spec {
                    key: "breaker_open",
                    wire: $first + 3,
                    label: "Breaker stays open",
                    unit: "s",
                    help: "How long an open circuit breaker lets nobody pass before a trial.",
                    range: Range::Number {
                        min: 0.05,
                        max: 3_600.0,
                        handy: 30.0,
                        step: 0.5,
                        whole: false,
                    },
                },
                get: |c| Value::Number(c.guards.breaker_open_s),
                set: |c, v| c.guards.breaker_open_s = number(v),
            },
            Param {
                spec: Spec {
                    key: "at_once",
                    wire: $first + 4,
                    label: "Calls at once",
                    unit: "",
                    help: "Whether there is a limit on calls under way: a fixed one (a bulkhead), \
                           or one that moves with the answers (adaptive concurrency).",
                    range: Range::Choice(|| {
                        guarded::choices(&guarded::LIMITS, "As many as there are.")
                    }),
                },
                get: |c| guarded::key_of(c.guards.limit),
                set: |c, v| {
                    if let Some(key) = guarded::of_key(&guarded::LIMITS, &v) {
                        c.guards.limit = key;
                    }
                },
            },
            Param {
                spec: Spec {
                    key: "at_once_most",
                    wire: $first + 5,
                    label: "Limit",
                    unit: "calls",
                    help: "How many calls may be under way at once; where the limit moves, what it \
                           begins with.",
                    range: Range::Number {
                        min: 1.0,
                        max: 100_000.0,
                        handy: 100.0,
                        step: 1.0,
                        whole: true,
                    },
                },
                get: |c| Value::Number(f64::from(c.guards.limit_most)),
                set: |c, v| c.guards.limit_most = number(v) as u32,
            },
        ]
    };
}
pub(super) use guard_params;

/// The guards before one whom somebody calls.
#[derive(Clone, Debug, Default)]
pub struct Door {
    breaker: Option<Box<dyn Guard>>,
    limit: Option<Box<dyn Guard>>,
}

/// How it stood when a call passed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Passed {
    breaker: u32,
    limit: u32,
}

impl Door {
    /// With the guards that are chosen, and no history.
    pub(super) fn new(config: &GuardConfig) -> Door {
        Door { breaker: config.new_breaker(), limit: config.new_limit() }
    }

    /// May a call pass? If not: for which reason.
    pub(super) fn admit(
        &mut self,
        now: Time,
        rng: &mut Rng,
        why: &mut Why,
    ) -> Result<Passed, Reason> {
        if let Some(breaker) = &mut self.breaker
            && !asked("circuit breaker", breaker.as_mut(), now, rng, why)
        {
            return Err(Reason::CircuitOpen);
        }
        if let Some(limit) = &mut self.limit
            && !asked("calls at once", limit.as_mut(), now, rng, why)
        {
            if let Some(breaker) = &mut self.breaker {
                breaker.withdrawn(&Withdrawn::rejected(now));
            }
            return Err(Reason::Shed);
        }
        let among = |guard: &Option<Box<dyn Guard>>| guard.as_ref().map_or(1, |g| g.under_way());
        Ok(Passed { breaker: among(&self.breaker), limit: among(&self.limit) })
    }

    /// A call that passed has ended.
    pub(super) fn ended(&mut self, passed: Passed, end: Ended, rng: &mut Rng) {
        if let Some(breaker) = &mut self.breaker {
            breaker.ended(&Ended { among: passed.breaker, ..end }, rng);
        }
        if let Some(limit) = &mut self.limit {
            limit.ended(&Ended { among: passed.limit, ..end }, rng);
        }
    }

    /// A call that passed is of no interest any more: somebody else's answer came first.
    pub(super) fn withdrawn(&mut self, gone: &Withdrawn) {
        for guard in [&mut self.breaker, &mut self.limit].into_iter().flatten() {
            guard.withdrawn(gone);
        }
    }

    /// How the guards stand, in a few words; nothing where there are none.
    pub fn state(&self, now: Time) -> String {
        let all = [&self.breaker, &self.limit].into_iter().flatten();
        all.map(|guard| guard.state(now)).collect::<Vec<String>>().join("; ")
    }
}

/// Asks one guard, and adds what it says to the reasons, under its name.
pub(super) fn asked(
    name: &str,
    guard: &mut dyn Guard,
    now: Time,
    rng: &mut Rng,
    why: &mut Why,
) -> bool {
    let mut said = if why.wanted() { Why::on() } else { Why::off() };
    let passes = guard.admit(&Ask::at(now), rng, &mut said) == Verdict::Pass;
    add(name, said, why);
    passes
}

/// Adds reasons to others, under a name.
pub(super) fn add(name: &str, said: Why, why: &mut Why) {
    if !why.wanted() {
        return;
    }
    for line in said.lines {
        why.line(|| Line { subject: format!("{name}: {}", line.subject), ..line });
    }
    let before = std::mem::take(&mut why.sentence);
    let gap = if before.is_empty() || said.sentence.is_empty() { "" } else { " " };
    why.say(|| format!("{before}{gap}{}", said.sentence));
}

/// How a call ended, as guards are told.
pub(super) fn end_of(now: Time, took: Span, outcome: Outcome) -> Ended {
    let dropped = match outcome {
        Outcome::Failed(reason, _) => dropped(reason),
        Outcome::Done | Outcome::Pending => false,
    };
    Ended { ok: outcome == Outcome::Done, dropped, ..Ended::well(now, took) }
}

/// Does this failure say that somebody was overloaded or did not answer?
fn dropped(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::QueueFull
            | Reason::MemoryFull
            | Reason::ConnectionLost
            | Reason::TimedOut
            | Reason::Shed
            | Reason::RateLimited
            | Reason::DeadlinePassed
    )
}

/// May another attempt come to something after this failure?
pub(super) fn may_help(reason: Reason) -> bool {
    !matches!(
        reason,
        Reason::BadRequest
            | Reason::PartitionNotFound
            | Reason::WriteRefused
            | Reason::ServiceNotFound
            | Reason::NotAllowed
            | Reason::WrongService
            | Reason::DeadlinePassed
    )
}
