//! A board: rate, errors, duration and saturation of the run, and alerts by rules of one's own.
//!
//! Modelled: the clients' requests as they are made and end, and how busy nodes are, seen ten times
//! a second of simulated time at whole tenths; rules over a window that slides, with a time for
//! which they must hold; alerts that are fine, pending or firing; a log of what fired and cleared.
//! A board sends nothing, is sent nothing and changes nothing. Not modelled: that metrics are
//! collected late or get lost, notices to people, a board that is overloaded; a board that has
//! crashed sees nothing until it is back, and begins anew then.
//!
//! Formulas: rate = requests made / window; errors = failed / ended; a percentile is that of the
//! answered ones, to within 2 %; saturation = the mean of ten samples a second of the share of
//! cores or workers at work.
//!
//! Sources: rate, errors, duration: T. Wilkie, "The RED Method"; saturation: B. Gregg, "The USE
//! Method", and Google, "Site Reliability Engineering", the four golden signals; pending and
//! firing: Prometheus, alerting rules.

mod config;
mod rules;
mod window;

use std::collections::VecDeque;

pub use config::BoardConfig;
pub use rules::{Metric, RULES_MAX, Rule, parse};

use crate::sim::watch::SAMPLE;
use crate::sim::{Context, Event, Signal, Sink, Span, Time, What};
use crate::stats::Level;
use window::{Seen, Window};

/// How often it looks.
const STEP: Span = Span::from_millis(100);
/// How many changes are kept.
const LOG_MAX: usize = 200;

/// How an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The rule is not broken.
    Fine,
    /// It is broken, and not for long enough.
    Pending {
        /// Since when.
        since: Time,
    },
    /// It has been broken for long enough.
    Firing {
        /// Since when it fires.
        since: Time,
    },
}

/// A rule and how it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// The rule.
    pub rule: Rule,
    /// How it stands.
    pub state: State,
    /// The value just now; none when there is nothing to measure.
    pub value: Option<f64>,
}

/// An alert fired, or cleared.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// When.
    pub at: Time,
    /// The rule, as it was written.
    pub rule: String,
    /// Did it fire? Otherwise it cleared.
    pub fired: bool,
    /// The value just then, in words.
    pub value: String,
}

/// The board's newest readings, over its window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Readings {
    /// Requests made in a second.
    pub rate: Option<f64>,
    /// The share of ended requests that failed.
    pub errors: Option<f64>,
    /// The median latency, in ms.
    pub p50: Option<f64>,
    /// The 99th percentile, in ms.
    pub p99: Option<f64>,
    /// How busy the busiest node was at the last look, 0 to 1.
    pub busiest: Option<f64>,
}

/// A running board.
#[derive(Clone, Debug)]
pub struct Board {
    config: BoardConfig,
    alerts: Vec<Alert>,
    window: Window,
    readings: Readings,
    /// How much of what was made and of what ended it has seen.
    sent: u64,
    ended: u64,
    /// Only the newest timer counts; does one run?
    turn: u32,
    looking: bool,
    /// When it last looked, and since when nothing has been going on.
    looked: Time,
    idle: Option<Time>,
    log: VecDeque<Change>,
    fired: u64,
    cleared: u64,
    firing: Level,
}

impl Board {
    /// A board with these settings.
    pub fn new(config: BoardConfig) -> Board {
        Board {
            alerts: config.parsed().into_iter().map(Alert::new).collect(),
            window: Window::new(1, Time::ZERO),
            config,
            readings: Readings::default(),
            sent: 0,
            ended: 0,
            turn: 0,
            looking: false,
            looked: Time::ZERO,
            idle: None,
            log: VecDeque::new(),
            fired: 0,
            cleared: 0,
            firing: Level::default(),
        }
    }

    /// It begins to look, knowing nothing of what was before.
    pub(super) fn start<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        let steps = (self.config.window_ms / STEP.millis()).ceil() as usize;
        let now = cx.now();
        self.window = Window::new(steps, now);
        (self.sent, self.ended, self.looked) = (cx.sent(), cx.ended(), now);
        self.look_later(cx);
    }

    /// New settings. Alerts whose rule is still there stand as they stood.
    pub fn configure<S: Sink + ?Sized>(&mut self, config: BoardConfig, cx: &mut Context<'_, S>) {
        let window = config.window_ms != self.config.window_ms;
        if config.rules != self.config.rules {
            let old = std::mem::take(&mut self.alerts);
            let kept = |rule: Rule| {
                let same = old.iter().find(|alert| alert.rule == rule);
                same.cloned().unwrap_or_else(|| Alert::new(rule))
            };
            self.alerts = config.parsed().into_iter().map(kept).collect();
            self.count_firing(cx.now());
        }
        self.config = config;
        // Something has changed, and may go on from here: it looks again.
        self.idle = None;
        match window {
            true => self.start(cx),
            false if !self.looking => self.look_later(cx),
            false => {}
        }
    }

    pub(super) fn on_event<S: Sink + ?Sized>(&mut self, event: Event, cx: &mut Context<'_, S>) {
        if event.what == What::Timer(SAMPLE) && event.arg == self.turn {
            self.look(cx);
        }
    }

    pub(super) fn on_signal<S: Sink + ?Sized>(&mut self, signal: Signal, cx: &mut Context<'_, S>) {
        match signal {
            Signal::Crash => {
                self.turn = self.turn.wrapping_add(1);
                self.looking = false;
                for alert in &mut self.alerts {
                    (alert.state, alert.value) = (State::Fine, None);
                }
                self.readings = Readings::default();
                self.count_firing(cx.now());
            }
            Signal::Restart => self.start(cx),
            Signal::LinkAdded(_)
            | Signal::LinkRemoved(_)
            | Signal::PeerChanged(_)
            | Signal::SendOne(..)
            | Signal::RefuseWrites(_)
            | Signal::Slow(_)
            | Signal::Part(..)
            | Signal::Parcel
            | Signal::Flush
            | Signal::CheckClock(_)
            | Signal::StoodStill(_) => {}
        }
    }

    /// It looks at the next whole tenth of a second.
    fn look_later<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        self.turn = self.turn.wrapping_add(1);
        self.looking = true;
        let span = Span::from_ns(STEP.ns() - cx.now().ns() % STEP.ns());
        cx.sample_in(span, self.turn);
    }

    fn look<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        let now = cx.now();
        let (sent, ended) = (cx.sent(), cx.ended());
        let mut seen = Seen { sent: sent - self.sent, ..Seen::default() };
        for ended in cx.ended_since(self.ended) {
            match ended.failed {
                true => seen.failed += 1,
                false => seen.answered.push(ended.latency),
            }
        }
        seen.busy = self.alerts.iter().map(|alert| busy(&alert.rule.metric, cx)).collect();
        self.window.push(seen, now.since(self.looked));
        (self.sent, self.ended, self.looked) = (sent, ended, now);
        self.readings = Readings {
            rate: self.window.rate(now),
            errors: self.window.errors(),
            p50: self.window.percentile(50),
            p99: self.window.percentile(99),
            busiest: cx.busiest(),
        };
        for place in 0..self.alerts.len() {
            self.judge(place, now);
        }
        self.count_firing(now);
        if self.is_over(cx) {
            self.looking = false;
        } else {
            self.look_later(cx);
        }
    }

    /// How a rule stands after this look.
    fn judge(&mut self, place: usize, now: Time) {
        let alert = &mut self.alerts[place];
        let value = match &alert.rule.metric {
            Metric::Rate => self.window.rate(now),
            Metric::Errors => self.window.errors(),
            Metric::Mean => self.window.mean(),
            Metric::Percentile(percent) => self.window.percentile(*percent),
            Metric::Saturation(_) => self.window.busy(place),
        };
        alert.value = value;
        let broken = value.is_some_and(|value| alert.rule.holds(value));
        let before = alert.state;
        alert.state = match (broken, before) {
            (false, _) => State::Fine,
            (true, State::Firing { since }) => State::Firing { since },
            (true, State::Fine) if alert.rule.hold == Span::ZERO => State::Firing { since: now },
            (true, State::Fine) => State::Pending { since: now },
            (true, State::Pending { since }) => match now.since(since) >= alert.rule.hold {
                true => State::Firing { since: now },
                false => before,
            },
        };
        let fires = |state: State| matches!(state, State::Firing { .. });
        if fires(before) != fires(alert.state) {
            let (rule, metric) = (alert.rule.text.clone(), &alert.rule.metric);
            let value = value.map_or_else(|| "nothing to measure".to_owned(), |v| metric.words(v));
            let fired = fires(alert.state);
            self.log.push_back(Change { at: now, rule, fired, value });
            if self.log.len() > LOG_MAX {
                self.log.pop_front();
            }
            match fired {
                true => self.fired += 1,
                false => self.cleared += 1,
            }
        }
    }

    fn count_firing(&mut self, now: Time) {
        let firing = |alert: &&Alert| matches!(alert.state, State::Firing { .. });
        self.firing.set(now, self.alerts.iter().filter(firing).count() as u32);
    }

    /// Has nothing been going on for so long that nothing here can change any more? Then looking
    /// on would only keep the run from coming to its end.
    fn is_over<S: Sink + ?Sized>(&mut self, cx: &Context<'_, S>) -> bool {
        if !cx.is_over() {
            self.idle = None;
            return false;
        }
        let since = *self.idle.get_or_insert(cx.now());
        let longest = self.alerts.iter().map(|alert| alert.rule.hold).max().unwrap_or(Span::ZERO);
        let settles = Span::from_millis_f64(self.config.window_ms) + longest + STEP * 2;
        cx.now().since(since) > settles
    }

    /// The settings in force.
    pub fn config(&self) -> &BoardConfig {
        &self.config
    }

    /// The alerts, in the order of the rules.
    pub fn alerts(&self) -> &[Alert] {
        &self.alerts
    }

    /// What it reads just now.
    pub fn readings(&self) -> &Readings {
        &self.readings
    }

    /// What fired and cleared, newest last; at most 200.
    pub fn log(&self) -> impl DoubleEndedIterator<Item = &Change> {
        self.log.iter()
    }

    /// How often an alert fired.
    pub fn fired(&self) -> u64 {
        self.fired
    }

    /// How often one cleared.
    pub fn cleared(&self) -> u64 {
        self.cleared
    }

    /// How many fire, over time.
    pub fn firing(&self) -> &Level {
        &self.firing
    }
}

impl Alert {
    fn new(rule: Rule) -> Alert {
        Alert { rule, state: State::Fine, value: None }
    }

    /// How it stands in words: `firing since 3.2 s`.
    pub fn words(&self) -> String {
        let value = self.value.map(|value| self.rule.metric.words(value));
        let value = value.unwrap_or_else(|| "nothing to measure".to_owned());
        match self.state {
            State::Fine => format!("fine, {value}"),
            State::Pending { since } => format!("pending since {:.1} s, {value}", since.seconds()),
            State::Firing { since } => format!("firing since {:.1} s, {value}", since.seconds()),
        }
    }
}

fn busy<S: Sink + ?Sized>(metric: &Metric, cx: &Context<'_, S>) -> Option<f64> {
    match metric {
        Metric::Saturation(name) => cx.busy(name),
        Metric::Rate | Metric::Errors | Metric::Mean | Metric::Percentile(_) => None,
    }
}
