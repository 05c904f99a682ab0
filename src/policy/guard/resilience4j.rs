//! resilience4j's circuit breaker: failure and slow-call rates over calls or over seconds.
//!
//! As resilience4j 1.7 and later. CLOSED counts how calls end: the last `window` calls, or those of
//! the last `window` seconds. With at least `minimum` of them (no more than the window, if that
//! counts calls), each call that ends compares the rates; at or above a threshold it goes to OPEN.
//! A slow call took *longer* than `slow_s`. OPEN refuses until *more* than `open_s` has gone by;
//! the next call makes it HALF_OPEN. (With `automatic` it becomes so by itself.) HALF_OPEN lets
//! `trials` calls pass and no more, and counts as before with a window of that many calls: rates at
//! or above a threshold mean OPEN, below both mean CLOSED with an empty count. A call that began
//! earlier and ends in HALF_OPEN counts there too, as in the library. A trial call that never went
//! ahead gives its place back; one that passed before this spell of HALF_OPEN has none to give. (In
//! the library it gives one back all the same, and more than `trials` pass.) With `half_open_s`
//! above 0 it goes back to OPEN after that long undecided. DISABLED and METRICS_ONLY let all pass,
//! FORCED_OPEN none. A clock that goes back counts as standing still.

mod window;

use window::{Call, Counts, Window};

use super::{Ask, Ended, Entry, Guard, Make, Verdict, Withdrawn, explain, knobs};
use crate::policy::{Knob, Knobs};
use crate::sim::{Rng, Span, Time, Why};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Normal,
    Disabled,
    ForcedOpen,
    MetricsOnly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    /// Since when.
    Open(Time),
    /// Since when, and how many more may pass.
    HalfOpen(Time, u32),
}

#[derive(Clone, Debug)]
struct Settings {
    window: usize,
    by_time: bool,
    minimum: u32,
    failure_rate: f32,
    slow_rate: f32,
    slow: Span,
    open: Span,
    trials: u32,
    automatic: bool,
    half_open: Option<Span>,
    mode: Mode,
}

/// The state machine and its count.
#[derive(Clone, Debug)]
struct Resilience4j {
    set: Settings,
    state: State,
    closed: Window,
    /// Used anew each time it is half open.
    trial: Window,
    last: Time,
}

impl Resilience4j {
    fn new(set: Settings) -> Resilience4j {
        let closed = Window::new(set.window, set.by_time);
        let trial = Window::new(set.trials as usize, false);
        Resilience4j { set, state: State::Closed, closed, trial, last: Time::ZERO }
    }

    /// What happens by itself, by timers, up to `now`.
    fn catch_up(&mut self, now: Time) {
        self.last = self.last.max(now);
        self.closed.catch_up(self.last);
        loop {
            match self.state {
                State::Open(since) if self.set.automatic && self.over(since) => {
                    self.half_open(self.skip_rounds(since + self.set.open));
                }
                State::HalfOpen(since, _) => match self.set.half_open {
                    Some(most) if self.last.since(since) >= most => {
                        self.state = State::Open(since + most);
                    }
                    _ => return,
                },
                _ => return,
            }
        }
    }

    /// Where the last of the whole rounds of open and half open that fit before now begins.
    fn skip_rounds(&self, since: Time) -> Time {
        let Some(half_open) = self.set.half_open else { return since };
        let round = (half_open + self.set.open).ns().max(1);
        let rounds = self.last.since(since).ns() / round;
        since + Span::from_ns(rounds * round)
    }

    /// Has it been open for long enough? Asked like this because the end may lie beyond all time.
    fn over(&self, since: Time) -> bool {
        self.last.since(since) >= self.set.open
    }

    fn half_open(&mut self, since: Time) {
        self.trial.clear();
        self.state = State::HalfOpen(since, self.set.trials);
    }

    fn close(&mut self) {
        self.closed.clear();
        self.state = State::Closed;
    }

    /// The counts that matter in this state, and how many calls there must be.
    fn counts(&self) -> (Counts, u32) {
        let minimum =
            |window: usize| self.set.minimum.min(u32::try_from(window).unwrap_or(u32::MAX));
        match self.state {
            State::HalfOpen(..) => (self.trial.counts(), minimum(self.set.trials as usize)),
            _ if self.set.by_time => (self.closed.counts(), self.set.minimum),
            _ => (self.closed.counts(), minimum(self.set.window)),
        }
    }

    /// Are the rates too high? Not known while there are too few calls.
    fn too_high(&self) -> Option<bool> {
        let (counts, minimum) = self.counts();
        let enough = counts.total > 0 && counts.total >= minimum;
        let slow = counts.percent(counts.slow) >= self.set.slow_rate;
        enough.then(|| slow || counts.percent(counts.failed) >= self.set.failure_rate)
    }

    fn words(&self) -> String {
        let (counts, minimum) = self.counts();
        let Counts { total, failed, slow } = counts;
        format!("{failed} failed and {slow} slow of {total} calls, {minimum} needed")
    }
}

impl Guard for Resilience4j {
    fn admit(&mut self, ask: &Ask, _: &mut Rng, why: &mut Why) -> Verdict {
        self.catch_up(ask.now);
        if self.set.mode != Mode::Normal {
            let passes = self.set.mode != Mode::ForcedOpen;
            explain(why, passes, "mode", || (self.state(ask.now), "So it was set.".to_owned()));
            return if passes { Verdict::Pass } else { Verdict::Refuse(None) };
        }
        let mut wait = None;
        if let State::Open(since) = self.state {
            // By itself it turns at that time; a call must come after it.
            let needed = self.set.open.ns().saturating_add(u64::from(!self.set.automatic));
            let left = needed.saturating_sub(self.last.since(since).ns());
            wait = Some(Span::from_ns(left));
            if left == 0 {
                self.half_open(self.last);
            }
        }
        let (subject, passes) = match &mut self.state {
            State::Closed => ("closed", true),
            State::Open(_) => ("open", false),
            State::HalfOpen(_, left) => {
                let passes = *left > 0;
                *left = left.saturating_sub(1);
                ("half open", passes)
            }
        };
        explain(why, passes, subject, || {
            let sentence = match (self.state, wait) {
                (State::Closed, _) => "The circuit is closed: everybody passes.".to_owned(),
                (State::HalfOpen(_, left), _) if passes => {
                    format!("A trial call; {left} more may pass.")
                }
                (State::HalfOpen(..), _) => "All trial calls have been let through.".to_owned(),
                (State::Open(_), wait) => {
                    format!("The circuit is open; trials begin in {}.", wait.unwrap_or_default())
                }
            };
            (self.words(), sentence)
        });
        if passes { Verdict::Pass } else { Verdict::Refuse(wait.filter(|wait| wait.ns() > 0)) }
    }

    fn ended(&mut self, ended: &Ended, _: &mut Rng) {
        self.catch_up(ended.now);
        if matches!(self.set.mode, Mode::Disabled | Mode::ForcedOpen) {
            return;
        }
        let call = Call { failed: !ended.ok || ended.dropped, slow: ended.took > self.set.slow };
        match self.state {
            State::Open(_) => return,
            State::Closed => self.closed.record(call, self.last),
            State::HalfOpen(..) => self.trial.record(call, self.last),
        }
        match (self.state, self.too_high()) {
            _ if self.set.mode == Mode::MetricsOnly => {}
            (_, Some(true)) => self.state = State::Open(self.last),
            (State::HalfOpen(..), Some(false)) => self.close(),
            _ => {}
        }
    }

    fn withdrawn(&mut self, gone: &Withdrawn) {
        self.catch_up(gone.now);
        if let State::HalfOpen(since, left) = &mut self.state
            && gone.since >= *since
        {
            *left = (*left + 1).min(self.set.trials);
        }
    }

    fn state(&self, now: Time) -> String {
        let mut then = self.clone();
        then.catch_up(now);
        match (then.set.mode, then.state) {
            (Mode::Disabled, _) => "disabled".to_owned(),
            (Mode::ForcedOpen, _) => "forced open".to_owned(),
            (Mode::MetricsOnly, _) => format!("metrics only, {}", then.words()),
            (_, State::Closed) => format!("closed, {}", then.words()),
            (_, State::Open(since)) => format!("open until {}", since + then.set.open),
            (_, State::HalfOpen(_, left)) => format!("half open, {left} trials left"),
        }
    }

    fn gauge(&self, now: Time) -> (f64, f64) {
        let mut then = self.clone();
        then.catch_up(now);
        let (counts, _) = then.counts();
        (f64::from(counts.percent(counts.failed)), 100.0)
    }
}

const CALLS: Knob = Knob {
    key: "window",
    wire: 0,
    label: "Window",
    unit: "calls or s",
    help: "How many of the latest calls, or seconds, count.",
    min: 1.0,
    max: 10_000.0,
    default: 100.0,
    whole: true,
};
const SWITCH: Knob = Knob {
    key: "by_time",
    wire: 1,
    label: "Window in seconds",
    unit: "",
    help: "0: the window counts calls; 1: seconds.",
    min: 0.0,
    max: 1.0,
    default: 0.0,
    whole: true,
};
const SECONDS: Knob = Knob {
    key: "open_s",
    wire: 6,
    label: "Open for",
    unit: "s",
    help: "How long it stays open before the trials.",
    min: 0.001,
    max: 86_400.0,
    default: 60.0,
    whole: false,
};
const PERCENT: Knob = Knob {
    key: "failure_rate",
    wire: 3,
    label: "Opens at failures",
    unit: "%",
    help: "It opens when at least this many of a hundred calls failed.",
    min: 0.001,
    max: 100.0,
    default: 50.0,
    whole: false,
};

const KNOBS: &[Knob] = &[
    CALLS,
    SWITCH,
    Knob {
        key: "minimum",
        wire: 2,
        label: "Minimum",
        unit: "calls",
        help: "With fewer calls no rate is computed.",
        ..CALLS
    },
    PERCENT,
    Knob {
        key: "slow_rate",
        wire: 4,
        label: "Opens at slow calls",
        default: 100.0,
        help: "It opens when at least this many of a hundred calls were slow.",
        ..PERCENT
    },
    Knob {
        key: "slow_s",
        wire: 5,
        label: "Slow is over",
        help: "A call that took longer was slow.",
        ..SECONDS
    },
    SECONDS,
    Knob {
        key: "trials",
        wire: 7,
        label: "Trials",
        unit: "calls",
        default: 10.0,
        help: "How many calls pass while it is half open.",
        ..CALLS
    },
    Knob {
        key: "automatic",
        wire: 8,
        label: "Half open by itself",
        help: "1: it does not wait for a call to become half open.",
        ..SWITCH
    },
    Knob {
        key: "half_open_s",
        wire: 9,
        label: "Half open at most",
        min: 0.0,
        default: 0.0,
        help: "Undecided for this long it opens again; 0 means it may stay so.",
        ..SECONDS
    },
    Knob {
        key: "mode",
        wire: 10,
        label: "Mode",
        max: 3.0,
        help: "0: normal; 1: disabled; 2: forced open; 3: metrics only.",
        ..SWITCH
    },
];

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "resilience4j",
    wire: 10,
    name: "Circuit breaker, resilience4j",
    whose: "resilience4j's CircuitBreaker, 1.7 and later",
    rule: "Half of the last 100 calls failed, or all were slow: open for 60 s, then 10 trials.",
    cost: "O(1) time; one entry for each call, or second, in the window",
    when: "A service that fails, or that has become slow, should fail fast and get a rest.",
    when_not: "It is overloaded rather than broken: all or nothing makes the load swing.",
    source: "resilience4j CircuitBreakerStateMachine.java, CircuitBreakerConfig.java",
    knobs: KNOBS,
    make: Make::Guard(|knobs: &Knobs| {
        let on = |place: usize| knobs.get(&KNOBS[place]) != 0.0;
        let half_open = knobs::seconds(knobs, &KNOBS[9]);
        Box::new(Resilience4j::new(Settings {
            window: knobs.count(&KNOBS[0]),
            by_time: on(1),
            minimum: knobs::count(knobs, &KNOBS[2]),
            failure_rate: knobs.get(&KNOBS[3]) as f32,
            slow_rate: knobs.get(&KNOBS[4]) as f32,
            slow: knobs::seconds(knobs, &KNOBS[5]),
            open: knobs::seconds(knobs, &KNOBS[6]),
            trials: knobs::count(knobs, &KNOBS[7]),
            automatic: on(8),
            half_open: (half_open > Span::ZERO).then_some(half_open),
            mode: match knobs.count(&KNOBS[10]) {
                0 => Mode::Normal,
                1 => Mode::Disabled,
                2 => Mode::ForcedOpen,
                _ => Mode::MetricsOnly,
            },
        }))
    }),
};

#[cfg(test)]
mod tests;
