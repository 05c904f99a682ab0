//! What can be set on clients: settings, their defaults and their table.

use super::super::guarded::{self, GuardConfig, guard_params};
use super::super::param::{Choice, Param, Range, Spec, Value, choose, key_of, number};
use super::calling::{self, CallConfig};
use super::pace::{self, PaceConfig};
use super::services;
use crate::node::Settings;
use crate::node::tuning::Tuning;
use crate::policy::Knob;

/// How requests are spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// Independent of each other, exponential gaps.
    Poisson,
    /// Evenly spaced.
    Constant,
    /// Each waits for the answer to the one before.
    OneByOne,
    /// So many at the rate, then a pause, again and again.
    Bursts,
    /// At a rate that changes from one to another.
    Ramp,
    /// At a rate that rises and falls.
    Day,
    /// At given instants.
    List,
    /// By users who wait for their answers and think.
    Closed,
}

/// What can be set on clients.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientsConfig {
    /// How requests are spaced.
    pub arrivals: Arrivals,
    /// Requests per second: on average, within a burst, or at the end of a ramp.
    pub rate: f64,
    /// Pause between an answer and the next request, in ms (one by one).
    pub pause_ms: f64,
    /// Stop after this many; 0 is never.
    pub total: u32,
    /// How many different keys.
    pub keys: u32,
    /// How many different client addresses.
    pub addresses: u32,
    /// The share of requests that write, in percent.
    pub writes: f64,
    /// The share of requests that delete, in percent.
    pub deletes: f64,
    /// The share of requests that ask for a run of keys, in percent.
    pub scans: f64,
    /// How many keys a run has.
    pub scan_width: u32,
    /// How popular the keys are.
    pub popularity: Popularity,
    /// The exponent of Zipf's law.
    pub zipf_s: f64,
    /// How many keys are hot.
    pub hot_keys: u32,
    /// The share of requests for hot keys, in percent.
    pub hot_share: f64,
    /// When they ask: bursts, ramps, days, lists, users.
    pub pace: Box<PaceConfig>,
    /// How they ask: time limits, attempts, hedges.
    pub calls: Box<CallConfig>,
    /// What stands between them and whom they ask.
    pub guards: Box<GuardConfig>,
    /// Which services requests are for, with weights; empty where the key says so.
    pub services: String,
}

/// How popular keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Popularity {
    /// All alike.
    Uniform,
    /// The k-th in proportion to 1 / k^s.
    Zipf,
    /// A few get most of the requests.
    HotSet,
    /// One after the other, again and again.
    Sequential,
    /// As in a list, again and again.
    Listed,
}

impl Default for ClientsConfig {
    fn default() -> Self {
        ClientsConfig {
            arrivals: Arrivals::Poisson,
            rate: 20.0,
            pause_ms: 0.0,
            total: 0,
            keys: 1_000,
            addresses: 200,
            writes: 0.0,
            deletes: 0.0,
            scans: 0.0,
            scan_width: 10,
            popularity: Popularity::Uniform,
            zipf_s: 1.0,
            hot_keys: 10,
            hot_share: 80.0,
            pace: Box::default(),
            calls: Box::default(),
            guards: Box::default(),
            services: String::new(),
        }
    }
}

const ARRIVALS: [(Arrivals, Choice); 8] = [
    (
        Arrivals::Poisson,
        Choice::plain("poisson", 0, "Poisson", "Independent of each other; gaps are exponential."),
    ),
    (Arrivals::Constant, Choice::plain("constant", 1, "Evenly spaced", "Every gap is 1 / rate.")),
    (
        Arrivals::OneByOne,
        Choice::plain(
            "one_by_one",
            2,
            "One after another, as in the course",
            "The next is sent when the last one has come back.",
        ),
    ),
    (
        Arrivals::Bursts,
        Choice::plain("bursts", 3, "Bursts", "So many, evenly spaced at the rate; then a pause."),
    ),
    (
        Arrivals::Ramp,
        Choice::plain(
            "ramp",
            4,
            "A ramp",
            "Poisson, at a rate that changes in a straight line and then stays.",
        ),
    ),
    (
        Arrivals::Day,
        Choice::plain(
            "day",
            5,
            "A day",
            "Poisson, at a rate that rises and falls: rate x (1 + swing x cos(2 pi (t / day - \
             peak))).",
        ),
    ),
    (
        Arrivals::List,
        Choice::plain("list", 6, "A list of times", "Just when the list says, and no more."),
    ),
    (
        Arrivals::Closed,
        Choice::plain(
            "closed",
            7,
            "Users who wait (closed loop)",
            "Each waits for its answer, thinks, and asks again.",
        ),
    ),
];

const POPULARITIES: [(Popularity, Choice); 5] = [
    (Popularity::Uniform, Choice::plain("uniform", 0, "All alike", "Every key equally often.")),
    (
        Popularity::Zipf,
        Choice::plain("zipf", 1, "Zipf's law", "The k-th key in proportion to 1 / k^s."),
    ),
    (
        Popularity::HotSet,
        Choice::plain("hot", 2, "A hot set", "A few keys get most of the requests."),
    ),
    (
        Popularity::Sequential,
        Choice::plain("sequential", 3, "One after the other", "user:0, user:1, and so on, again."),
    ),
    (
        Popularity::Listed,
        Choice::plain("listed", 4, "As in a list", "Line by line, and from the top again."),
    ),
];

impl ClientsConfig {
    /// Is there a list that can say what to do with a key?
    fn has_lists(&self) -> bool {
        self.arrivals == Arrivals::List || self.popularity == Popularity::Listed
    }
}

impl Settings for ClientsConfig {
    const PARAMS: &'static [Param<Self>] = PARAMS;
    const MORE: &'static [&'static [Param<Self>]] =
        &[pace::PARAMS, WHAT, pace::KEYS, SERVICES, calling::PARAMS, GUARDS];

    fn idle(&self, key: &str) -> bool {
        match key {
            "rate" => !self.has_rate(),
            "pause" => self.arrivals != Arrivals::OneByOne,
            "zipf_s" => self.popularity != Popularity::Zipf,
            "hot_keys" | "hot_share" => self.popularity != Popularity::HotSet,
            "key_list" => self.popularity != Popularity::Listed,
            // A line of a list can ask for a run of keys whatever the shares are.
            "scan_width" => self.scans == 0.0 && !self.has_lists(),
            _ => pace::idle(self.arrivals, key) || self.calls.idle(key) || self.guards.idle(key),
        }
    }

    fn algorithm(&self) -> Option<(&'static str, &'static [Knob])> {
        self.calls.algorithm()
    }

    fn tuning(&self) -> Option<&Tuning> {
        Some(&self.calls.tuning)
    }

    fn tuning_mut(&mut self) -> Option<&mut Tuning> {
        Some(&mut self.calls.tuning)
    }
}

const GUARDS: &[Param<ClientsConfig>] = guard_params!(ClientsConfig, 22);

/// When there are requests.
const PARAMS: &[Param<ClientsConfig>] = &[
    Param {
        spec: Spec {
            key: "rate",
            wire: 0,
            label: "Rate",
            unit: "requests/s",
            help: "How many requests a second: on average, within a burst, or at the end of a \
                   ramp.",
            range: Range::Number { min: 0.0, max: 1e6, handy: 200.0, step: 1.0, whole: false },
        },
        get: |c| Value::Number(c.rate),
        set: |c, v| c.rate = number(v),
    },
    Param {
        spec: Spec {
            key: "arrivals",
            wire: 1,
            label: "Arrivals",
            unit: "",
            help: "How requests are spaced in time.",
            range: Range::Choice(|| ARRIVALS.iter().map(|(_, choice)| *choice).collect()),
        },
        get: |c| key_of(&ARRIVALS, &c.arrivals),
        set: |c, v| choose(&ARRIVALS, &v, &mut c.arrivals),
    },
];

/// What requests ask for, and how many there are.
const WHAT: &[Param<ClientsConfig>] = &[
    Param {
        spec: Spec {
            key: "total",
            wire: 2,
            label: "Stop after",
            unit: "requests",
            help: "How many requests to send in all; 0 means no end.",
            range: Range::Number { min: 0.0, max: 1e9, handy: 100.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.total)),
        set: |c, v| c.total = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "pause",
            wire: 3,
            label: "Pause between",
            unit: "ms",
            help: "How long to wait after an answer before the next request. \
                   Used only when they go one after another.",
            range: Range::Number { min: 0.0, max: 3.6e6, handy: 1_000.0, step: 10.0, whole: false },
        },
        get: |c| Value::Number(c.pause_ms),
        set: |c, v| c.pause_ms = number(v),
    },
    Param {
        spec: Spec {
            key: "keys",
            wire: 4,
            label: "Different keys",
            unit: "keys",
            help: "Requests ask for user:0 up to this many users.",
            range: Range::Number { min: 1.0, max: 1e9, handy: 1_000.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.keys)),
        set: |c, v| c.keys = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "addresses",
            wire: 5,
            label: "Different addresses",
            unit: "addresses",
            help: "Requests come from this many client addresses, each equally often. \
                   Neighbours are in different /24 networks.",
            range: Range::Number { min: 1.0, max: 60_000.0, handy: 400.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.addresses)),
        set: |c, v| c.addresses = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "writes",
            wire: 6,
            label: "Writes",
            unit: "%",
            help: "How many of a hundred requests write their key.",
            range: Range::Number { min: 0.0, max: 100.0, handy: 100.0, step: 1.0, whole: false },
        },
        get: |c| Value::Number(c.writes),
        set: |c, v| c.writes = number(v),
    },
    Param {
        spec: Spec {
            key: "deletes",
            wire: 7,
            label: "Deletes",
            unit: "%",
            help: "How many of a hundred requests delete their key. Writes come first when the \
                   shares add up to more than 100.",
            range: Range::Number { min: 0.0, max: 100.0, handy: 100.0, step: 1.0, whole: false },
        },
        get: |c| Value::Number(c.deletes),
        set: |c, v| c.deletes = number(v),
    },
    Param {
        spec: Spec {
            key: "scans",
            wire: 8,
            label: "Range queries",
            unit: "%",
            help: "How many of a hundred requests ask for a run of keys that begins with theirs.",
            range: Range::Number { min: 0.0, max: 100.0, handy: 100.0, step: 1.0, whole: false },
        },
        get: |c| Value::Number(c.scans),
        set: |c, v| c.scans = number(v),
    },
    Param {
        spec: Spec {
            key: "scan_width",
            wire: 9,
            label: "Keys in a range",
            unit: "keys",
            help: "How many keys a range query asks for.",
            range: Range::Number { min: 1.0, max: 1e6, handy: 200.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.scan_width)),
        set: |c, v| c.scan_width = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "popularity",
            wire: 10,
            label: "Keys are asked for",
            unit: "",
            help: "Whether some keys are wanted more often than others.",
            range: Range::Choice(|| POPULARITIES.iter().map(|(_, choice)| *choice).collect()),
        },
        get: |c| key_of(&POPULARITIES, &c.popularity),
        set: |c, v| choose(&POPULARITIES, &v, &mut c.popularity),
    },
    Param {
        spec: Spec {
            key: "zipf_s",
            wire: 11,
            label: "Zipf's exponent",
            unit: "",
            help: "How steep Zipf's law is: 0.6 to 1.1 is usual. Used only with Zipf's law.",
            range: Range::Number { min: 0.01, max: 10.0, handy: 2.0, step: 0.05, whole: false },
        },
        get: |c| Value::Number(c.zipf_s),
        set: |c, v| c.zipf_s = number(v),
    },
    Param {
        spec: Spec {
            key: "hot_keys",
            wire: 12,
            label: "Hot keys",
            unit: "keys",
            help: "How many keys are hot, from user:0 on. Used only with a hot set.",
            range: Range::Number { min: 1.0, max: 1e9, handy: 100.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.hot_keys)),
        set: |c, v| c.hot_keys = number(v) as u32,
    },
    Param {
        spec: Spec {
            key: "hot_share",
            wire: 13,
            label: "Requests for hot keys",
            unit: "%",
            help: "How many of a hundred requests ask for a hot key. Used only with a hot set.",
            range: Range::Number { min: 0.0, max: 100.0, handy: 100.0, step: 1.0, whole: false },
        },
        get: |c| Value::Number(c.hot_share),
        set: |c, v| c.hot_share = number(v),
    },
];

/// Which services they are for.
const SERVICES: &[Param<ClientsConfig>] = &[Param {
    spec: Spec {
        key: "services",
        wire: 40,
        label: "Services",
        unit: "",
        help: "Which services requests are for, each with its weight: users 3, orders 1. \
                   Gateways look at it. Empty: what stands before the colon of the key.",
        range: Range::Text {
            most: 400,
            check: |text| services::parse(text).map(|_| ()),
            example: "user 3, orders 1",
        },
    },
    get: |c| Value::Text(c.services.clone()),
    set: |c, v| {
        let Value::Text(text) = v else { return };
        c.services = text;
    },
}];
