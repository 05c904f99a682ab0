//! The settings of a server, and what they come to.

use super::super::aside::OnWrite;
use super::super::param::Choice;
use super::shed::ShedConfig;
use crate::policy::line;
use crate::sim::{Dist, Span};

/// How service times vary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Always the mean.
    Constant,
    /// Exponential.
    Exponential,
    /// Log-normal, with a coefficient of variation.
    LogNormal,
    /// Pareto, with a tail exponent.
    Pareto,
    /// One of a list.
    List,
}

/// Who gets a core next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discipline {
    /// Whoever has waited longest.
    Fifo,
    /// Whoever came last.
    Lifo,
    /// Everybody at once, each at a share of the speed.
    Sharing,
}

/// How a server asks those behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// One after another, in the order in which they were wired.
    InTurn,
    /// All at once.
    AtOnce,
}

/// What can be set on a server.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerConfig {
    /// Requests served at the same time.
    pub cores: u16,
    /// Mean service time in ms.
    pub service_ms: f64,
    /// How service times vary.
    pub service: Service,
    /// Log-normal service: standard deviation over mean.
    pub cv: f64,
    /// Pareto service: the exponent of the tail.
    pub alpha: f64,
    /// Listed service: the times in ms, as they were typed.
    pub list: String,
    /// Who gets a core next.
    pub discipline: Discipline,
    /// Waiting places.
    pub queue_limit: u32,
    /// GB of memory.
    pub memory_gb: f64,
    /// MB that a request holds while it is here.
    pub memory_per_request: f64,
    /// Gbps of network.
    pub network_gbps: f64,
    /// KB of an answer.
    pub response_kb: f64,
    /// How it asks those behind it.
    pub calls: Calls,
    /// Is a core held while others are asked?
    pub hold: bool,
    /// What a write does to the cache that it manages.
    pub on_write: OnWrite,
    /// Share in weighted strategies.
    pub weight: i64,
    /// Do balancers count it as healthy?
    pub healthy: bool,
    /// The most requests a balancer may have in flight to it; 0 is no limit.
    pub in_flight_max: u32,
    /// Is it to be used only when no other can be?
    pub backup: bool,
    /// What it does not take on, and what it does not go on with.
    pub shedding: ShedConfig,
}

impl Default for ServerConfig {
    fn default() -> Self {
        ServerConfig {
            cores: 1,
            service_ms: 100.0,
            service: Service::Exponential,
            cv: 2.0,
            alpha: 2.5,
            list: "10 20 20 50".to_owned(),
            discipline: Discipline::Fifo,
            queue_limit: 100,
            memory_gb: 4.0,
            memory_per_request: 0.0,
            network_gbps: 1.0,
            response_kb: 0.0,
            calls: Calls::InTurn,
            hold: true,
            on_write: OnWrite::Update,
            weight: 1,
            healthy: true,
            in_flight_max: 0,
            backup: false,
            shedding: ShedConfig::default(),
        }
    }
}

/// How service times vary, with what belongs to it: for whatever kind has them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::node) struct Shape {
    /// Which distribution.
    pub(in crate::node) service: Service,
    /// Log-normal: standard deviation over mean.
    pub(in crate::node) cv: f64,
    /// Pareto: the exponent of the tail.
    pub(in crate::node) alpha: f64,
}

impl Shape {
    /// The distribution with this mean in ms; a list has its own times.
    pub(in crate::node) fn times(&self, service_ms: f64, list: &str) -> Dist {
        let mean = Span::from_millis_f64(service_ms);
        match self.service {
            Service::Constant => Dist::Constant(mean),
            Service::Exponential => Dist::exponential(mean),
            Service::LogNormal => Dist::log_normal(mean, self.cv),
            Service::Pareto => Dist::pareto(mean, self.alpha),
            Service::List => {
                let times = times(list).unwrap_or_default();
                Dist::list(&times.into_iter().map(Span::from_millis_f64).collect::<Vec<_>>())
            }
        }
    }
}

/// The most times in a list.
const TIMES_MAX: usize = 100;
/// The longest service time, in ms.
pub(super) const SERVICE_MS_MAX: f64 = 3.6e6;

impl ServerConfig {
    /// The distribution of service times.
    pub(super) fn times(&self) -> Dist {
        let shape = Shape { service: self.service, cv: self.cv, alpha: self.alpha };
        shape.times(self.service_ms, &self.list)
    }

    /// How long the network is busy with one answer: bits over bits per second.
    pub fn sending(&self) -> Span {
        Span::from_seconds_f64(self.response_kb * 8e3 / (self.network_gbps * 1e9))
    }

    /// Is there no memory for one more, when so many are here?
    pub(super) fn is_full(&self, here: u32) -> bool {
        f64::from(here + 1) * self.memory_per_request > self.memory_gb * 1e3
    }
}

/// The times in a list, in ms: numbers above 0, with spaces or commas between them.
pub(in crate::node) fn times(text: &str) -> Result<Vec<f64>, String> {
    let words = text.split([' ', ',']).filter(|word| !word.is_empty());
    let time = |word: &str| match word.parse::<f64>() {
        Ok(ms) if (0.001..=SERVICE_MS_MAX).contains(&ms) => Ok(ms),
        _ => Err(format!("must be times in ms between 0.001 and {SERVICE_MS_MAX}")),
    };
    let times = words.map(time).collect::<Result<Vec<f64>, String>>()?;
    match times.len() {
        1..=TIMES_MAX => Ok(times),
        n => Err(format!("must be 1 to {TIMES_MAX} times in ms, got {n}")),
    }
}

/// The choices of a parameter with what each stands for.
pub(in crate::node) type Table<T> = Vec<(T, Choice)>;

/// A table's choices alone.
pub(in crate::node) fn choices<T>(table: Table<T>) -> Vec<Choice> {
    table.into_iter().map(|(_, choice)| choice).collect()
}

pub(in crate::node) fn services() -> Table<Service> {
    let row = |service, key, wire, name, rule| (service, Choice::plain(key, wire, name, rule));
    vec![
        row(
            Service::Exponential,
            "exponential",
            0,
            "Exponential",
            "Many short ones and a few long ones; spread equal to the mean.",
        ),
        row(Service::Constant, "constant", 1, "Constant", "Every request takes the same time."),
        row(
            Service::LogNormal,
            "log_normal",
            2,
            "Log-normal",
            "Most are near the middle, some far above; the spread is set below.",
        ),
        row(
            Service::Pareto,
            "pareto",
            3,
            "Pareto",
            "A heavy tail: rare ones take many times the mean.",
        ),
        row(Service::List, "list", 4, "From a list", "One of the times listed below, at random."),
    ]
}

pub(super) fn disciplines() -> Table<Discipline> {
    let known =
        [(Discipline::Fifo, "fifo"), (Discipline::Lifo, "lifo"), (Discipline::Sharing, "sharing")];
    let row = |(discipline, key)| line::find(key).map(|entry| (discipline, Choice::of(entry)));
    known.into_iter().filter_map(row).collect()
}

pub(super) fn ways() -> Table<Calls> {
    let row = |calls, key, wire, name, rule| (calls, Choice::plain(key, wire, name, rule));
    vec![
        row(
            Calls::InTurn,
            "in_turn",
            0,
            "In turn",
            "One after another, in the order in which they were wired: their times add up.",
        ),
        row(
            Calls::AtOnce,
            "at_once",
            1,
            "At once",
            "All together: the slowest decides how long it takes.",
        ),
    ]
}

pub(super) fn on_writes() -> Table<OnWrite> {
    let row = |it, key, wire, name, rule| (it, Choice::plain(key, wire, name, rule));
    vec![
        row(
            OnWrite::Update,
            "update",
            0,
            "Update the cache",
            "The store first, then the new value into the cache, as in the course. An error of the \
             cache is then the answer, although the store has the value.",
        ),
        row(
            OnWrite::Invalidate,
            "invalidate",
            1,
            "Invalidate",
            "The store first, then the cache forgets the key: the next read fetches it.",
        ),
        row(
            OnWrite::Leave,
            "leave",
            2,
            "Leave the cache",
            "Only the store: the cache gives the old value until it expires.",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_times_is_read_or_refused() {
        assert_eq!(times("10 20,20,  50.5"), Ok(vec![10.0, 20.0, 20.0, 50.5]));
        for wrong in ["", " , ", "10 x", "-1", "0", "NaN", "inf", "1e9", &"1 ".repeat(101)] {
            assert!(times(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_answer_takes_its_bits_over_the_networks_speed() {
        let config = ServerConfig { response_kb: 125.0, network_gbps: 1.0, ..Default::default() };
        assert_eq!(config.sending(), Span::from_millis(1));
        let full = ServerConfig { memory_gb: 1.0, memory_per_request: 250.0, ..config };
        assert_eq!([0, 3, 4].map(|here| full.is_full(here)), [false, false, true]);
    }
}
