//! What can be set on when requests are made: bursts, ramps, days, pasted lists, users.

use super::super::param::{Choice, Param, Range, Value, choose, key_of, number, row, whole};
use super::config::{Arrivals, ClientsConfig};
use super::curve::Curve;
use super::listed;
use crate::sim::{Dist, Span};

/// When requests are made, beyond a rate.
#[derive(Clone, Debug, PartialEq)]
pub struct PaceConfig {
    /// How many requests a burst has.
    pub burst_size: u32,
    /// How long after the last request of a burst the next burst begins, in ms.
    pub burst_pause_ms: f64,
    /// The rate at which a ramp begins, in requests per second.
    pub ramp_from: f64,
    /// When it begins, in s.
    pub ramp_start_s: f64,
    /// How long it takes, in s.
    pub ramp_over_s: f64,
    /// How far a day rises above and falls below its mean, in percent of it.
    pub swing: f64,
    /// How long a day is, in s.
    pub period_s: f64,
    /// When in it the rate is highest, in percent of its length.
    pub peak_at: f64,
    /// The instants of requests, a line each.
    pub times: String,
    /// How many users there are.
    pub users: u32,
    /// How long each thinks between an answer and its next request, in ms, on average.
    pub think_ms: f64,
    /// How that time varies.
    pub think: Think,
    /// The keys that are asked for, a line each.
    pub key_list: String,
}

/// How think times vary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Think {
    /// They are exponential.
    Exponential,
    /// They are all the same.
    Constant,
}

impl Default for PaceConfig {
    fn default() -> Self {
        PaceConfig {
            burst_size: 20,
            burst_pause_ms: 1_000.0,
            ramp_from: 0.0,
            ramp_start_s: 0.0,
            ramp_over_s: 10.0,
            swing: 80.0,
            period_s: 60.0,
            peak_at: 50.0,
            times: "0.5\n1 user:7\n1.5 user:7 write".to_owned(),
            users: 10,
            think_ms: 500.0,
            think: Think::Exponential,
            key_list: "user:1\nuser:2\nuser:1 write".to_owned(),
        }
    }
}

const THINKS: [(Think, Choice); 2] = [
    (
        Think::Exponential,
        Choice::plain("exponential", 0, "Exponential", "Often short, now and then long."),
    ),
    (
        Think::Constant,
        Choice::plain(
            "constant",
            1,
            "Always the same",
            "Everybody thinks equally long. The first thought is cut at random, so that they do \
             not all ask at once.",
        ),
    ),
];

impl ClientsConfig {
    /// The rate over time, where it changes with time.
    pub fn curve(&self) -> Option<Curve> {
        let pace = &*self.pace;
        match self.arrivals {
            Arrivals::Ramp => Some(Curve::Ramp {
                from: pace.ramp_from,
                to: self.rate,
                start: pace.ramp_start_s,
                over: pace.ramp_over_s,
            }),
            Arrivals::Day => Some(Curve::Day {
                mean: self.rate,
                swing: pace.swing / 100.0,
                period: pace.period_s,
                peak: pace.peak_at / 100.0,
            }),
            _ => None,
        }
    }

    /// Is a request made whether or not the one before was answered?
    pub fn is_open_loop(&self) -> bool {
        !matches!(self.arrivals, Arrivals::OneByOne | Arrivals::Closed)
    }

    /// Are requests made at a rate, whose number is the one to turn?
    pub fn has_rate(&self) -> bool {
        self.is_open_loop() && self.arrivals != Arrivals::List
    }

    /// Do both make requests at the same pace?
    pub(super) fn same_pace(&self, other: &ClientsConfig) -> bool {
        let (a, b) = (&*self.pace, &*other.pace);
        self.arrivals == other.arrivals
            && match self.arrivals {
                Arrivals::Poisson | Arrivals::Constant => self.rate == other.rate,
                Arrivals::OneByOne => self.pause_ms == other.pause_ms,
                Arrivals::Bursts => {
                    let burst = |p: &PaceConfig| (p.burst_size, p.burst_pause_ms);
                    self.rate == other.rate && burst(a) == burst(b)
                }
                Arrivals::Ramp | Arrivals::Day => self.curve() == other.curve(),
                Arrivals::List => a.times == b.times,
                Arrivals::Closed => a.users == b.users && self.same_thoughts(other),
            }
    }

    /// Do users think in the same way?
    pub(super) fn same_thoughts(&self, other: &ClientsConfig) -> bool {
        let thoughts = |c: &ClientsConfig| (c.pace.think, c.pace.think_ms);
        thoughts(self) == thoughts(other)
    }

    /// How long gaps, pauses or thoughts are.
    pub(super) fn gap(&self) -> Dist {
        let mean = Span::from_seconds_f64(1.0 / self.rate.max(1e-9));
        let thought = Span::from_millis_f64(self.pace.think_ms);
        match self.arrivals {
            Arrivals::OneByOne => Dist::Constant(Span::from_millis_f64(self.pause_ms)),
            Arrivals::Closed => match self.pace.think {
                Think::Exponential => Dist::exponential(thought),
                Think::Constant => Dist::Constant(thought),
            },
            Arrivals::Poisson => Dist::exponential(mean),
            Arrivals::Constant
            | Arrivals::Bursts
            | Arrivals::Ramp
            | Arrivals::Day
            | Arrivals::List => Dist::Constant(mean),
        }
    }
}

/// Does the parameter with this name make no difference with these arrivals?
pub(super) fn idle(arrivals: Arrivals, key: &str) -> bool {
    let belongs_to = match key {
        "burst_size" | "burst_pause" => Arrivals::Bursts,
        "ramp_from" | "ramp_start" | "ramp_over" => Arrivals::Ramp,
        "swing" | "period" | "peak_at" => Arrivals::Day,
        "times" => Arrivals::List,
        "users" | "think" | "think_spread" => Arrivals::Closed,
        _ => return false,
    };
    arrivals != belongs_to
}

const fn plain(min: f64, max: f64, handy: f64, step: f64) -> Range {
    Range::Number { min, max, handy, step, whole: false }
}

/// The parameters.
pub(super) const PARAMS: &[Param<ClientsConfig>] = &[
    Param {
        spec: row(
            41,
            ("burst_size", "Requests in a burst", "requests"),
            whole(1.0, 1e6, 100.0),
            "How many requests come in a burst, evenly spaced at the rate.",
        ),
        get: |c| Value::Number(f64::from(c.pace.burst_size)),
        set: |c, v| c.pace.burst_size = number(v) as u32,
    },
    Param {
        spec: row(
            42,
            ("burst_pause", "Pause between bursts", "ms"),
            plain(1.0, 3.6e6, 5_000.0, 10.0),
            "How long after the last request of a burst the first of the next one comes.",
        ),
        get: |c| Value::Number(c.pace.burst_pause_ms),
        set: |c, v| c.pace.burst_pause_ms = number(v),
    },
    Param {
        spec: row(
            43,
            ("ramp_from", "Ramp begins at", "requests/s"),
            plain(0.0, 1e6, 200.0, 1.0),
            "The rate before the ramp. It ends at the rate above, and stays there.",
        ),
        get: |c| Value::Number(c.pace.ramp_from),
        set: |c, v| c.pace.ramp_from = number(v),
    },
    Param {
        spec: row(
            44,
            ("ramp_start", "Ramp begins after", "s"),
            plain(0.0, 1e6, 60.0, 1.0),
            "How long after the beginning of the run the rate begins to change.",
        ),
        get: |c| Value::Number(c.pace.ramp_start_s),
        set: |c, v| c.pace.ramp_start_s = number(v),
    },
    Param {
        spec: row(
            45,
            ("ramp_over", "Ramp takes", "s"),
            plain(0.0, 1e6, 60.0, 1.0),
            "How long the rate changes, in a straight line. 0 is a step.",
        ),
        get: |c| Value::Number(c.pace.ramp_over_s),
        set: |c, v| c.pace.ramp_over_s = number(v),
    },
    Param {
        spec: row(
            46,
            ("swing", "Swing", "% of the rate"),
            plain(0.0, 100.0, 100.0, 5.0),
            "How far the rate rises above its mean at the peak, and falls below it half a day \
             later.",
        ),
        get: |c| Value::Number(c.pace.swing),
        set: |c, v| c.pace.swing = number(v),
    },
    Param {
        spec: row(
            47,
            ("period", "Length of a day", "s"),
            plain(0.1, 1e6, 120.0, 1.0),
            "How long it is from peak to peak.",
        ),
        get: |c| Value::Number(c.pace.period_s),
        set: |c, v| c.pace.period_s = number(v),
    },
    Param {
        spec: row(
            48,
            ("peak_at", "Peak at", "% of a day"),
            plain(0.0, 100.0, 100.0, 5.0),
            "When the rate is highest. At 50 the run begins in the night; clients in another \
             time zone have another peak.",
        ),
        get: |c| Value::Number(c.pace.peak_at),
        set: |c, v| c.pace.peak_at = number(v),
    },
    Param {
        spec: row(
            49,
            ("times", "Times of requests", ""),
            Range::Text {
                most: 16_000,
                check: |text| listed::times(text).map(|_| ()),
                example: "0.5\n1.25 user:7\n1.5 user:7 write",
            },
            "A line for each request: when, in seconds from the beginning of the run; then, if you \
             like, its key, and read, write, delete or scan.",
        ),
        get: |c| Value::Text(c.pace.times.clone()),
        set: |c, v| {
            let Value::Text(text) = v else { return };
            c.pace.times = text;
        },
    },
    Param {
        spec: row(
            50,
            ("users", "Users", "users"),
            whole(1.0, 10_000.0, 100.0),
            "How many people ask. Each waits for its answer, thinks, and asks again. There are \
             never more requests under way than users.",
        ),
        get: |c| Value::Number(f64::from(c.pace.users)),
        set: |c, v| c.pace.users = number(v) as u32,
    },
    Param {
        spec: row(
            51,
            ("think", "Think time", "ms"),
            plain(0.0, 3.6e6, 5_000.0, 10.0),
            "How long a user thinks after an answer, or a failure, before the next request, on \
             average.",
        ),
        get: |c| Value::Number(c.pace.think_ms),
        set: |c, v| c.pace.think_ms = number(v),
    },
    Param {
        spec: row(
            52,
            ("think_spread", "Think times are", ""),
            Range::Choice(|| THINKS.iter().map(|(_, choice)| *choice).collect()),
            "How think times vary.",
        ),
        get: |c| key_of(&THINKS, &c.pace.think),
        set: |c, v| choose(&THINKS, &v, &mut c.pace.think),
    },
];

/// What belongs to the keys.
pub(super) const KEYS: &[Param<ClientsConfig>] = &[Param {
    spec: row(
        53,
        ("key_list", "Keys in order", ""),
        Range::Text {
            most: 16_000,
            check: |text| listed::keys(text).map(|_| ()),
            example: "user:1\nuser:2 write\ncart:9",
        },
        "A line for each request, again and again: its key, then, if you like, read, write, \
         delete or scan.",
    ),
    get: |c| Value::Text(c.pace.key_list.clone()),
    set: |c, v| {
        let Value::Text(text) = v else { return };
        c.pace.key_list = text;
    },
}];
