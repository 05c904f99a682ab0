//! Envoy's outlier detection: hosts that answer badly are ejected for a while.
//!
//! Fed with answers, it says who is ejected until when. Four causes, each enforced in so many
//! percent of cases: `consecutive_5xx` bad answers in a row; `consecutive_gateway_failure` answers
//! 502, 503 or 504 in a row; and, at every interval, over the answers since the last one: a success
//! rate below `mean - factor * standard deviation` of all hosts with enough requests, or a
//! percentage of failures at a threshold. An ejection lasts `base * k`, at most `max`, where k
//! grows with every ejection and shrinks by one at each interval that a host is in; it ends at the
//! first interval after that. No more are ejected while `max_ejection_percent` of the hosts are out
//! already; as that is checked before, one host can always be ejected. Envoy's order among hosts
//! that are due at the same interval is that of a hash table; here it is the list's.
//!
//! This is Envoy of 2021, before jitter and `always_eject_one_host`. Failures of the connection
//! itself count as bad gateways, as without `split_external_local_origin_errors`. It only decides:
//! whoever owns it marks the hosts and rings the bell for [`Outlier::interval`].
//! Source: Envoy `outlier_detection_impl.cc`, `outlier_detection.proto` at 1282f875.

use crate::sim::{Line, Rng, Span, Time, Why};

/// What can be set. Times in whole seconds, `enforcing` and limits in percent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bad answers in a row that eject.
    pub consecutive_5xx: u32,
    /// How often the bad answers in a row do eject.
    pub enforcing_consecutive_5xx: u32,
    /// Gateway failures in a row that eject.
    pub consecutive_gateway_failure: u32,
    /// How often these do eject.
    pub enforcing_consecutive_gateway_failure: u32,
    /// Seconds between two looks at the rates and at the ends of ejections.
    pub interval_s: u32,
    /// The first ejection lasts this many seconds.
    pub base_ejection_time_s: u32,
    /// No ejection lasts longer than this many seconds.
    pub max_ejection_time_s: u32,
    /// Nobody is ejected while this part of the hosts is.
    pub max_ejection_percent: u32,
    /// Hosts with enough requests, at least, for rates to be compared.
    pub success_rate_minimum_hosts: u32,
    /// Requests in an interval, at least, for a rate to count.
    pub success_rate_request_volume: u32,
    /// Thousandths of a standard deviation below the mean that eject.
    pub success_rate_stdev_factor: u32,
    /// How often the success rate does eject.
    pub enforcing_success_rate: u32,
    /// The percentage of failures that ejects.
    pub failure_percentage_threshold: u32,
    /// How often that does eject.
    pub enforcing_failure_percentage: u32,
    /// Hosts with enough requests, at least, for the percentage to count.
    pub failure_percentage_minimum_hosts: u32,
    /// Requests in an interval, at least, for the percentage to count.
    pub failure_percentage_request_volume: u32,
}

impl Settings {
    /// Envoy's defaults.
    pub const ENVOY: Settings = Settings {
        consecutive_5xx: 5,
        enforcing_consecutive_5xx: 100,
        consecutive_gateway_failure: 5,
        enforcing_consecutive_gateway_failure: 0,
        interval_s: 10,
        base_ejection_time_s: 30,
        max_ejection_time_s: 300,
        max_ejection_percent: 10,
        success_rate_minimum_hosts: 5,
        success_rate_request_volume: 100,
        success_rate_stdev_factor: 1900,
        enforcing_success_rate: 100,
        failure_percentage_threshold: 85,
        enforcing_failure_percentage: 0,
        failure_percentage_minimum_hosts: 5,
        failure_percentage_request_volume: 50,
    };
}

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Any status below 500.
    Fine,
    /// 5xx, but not a gateway failure.
    Error,
    /// 502, 503, 504, or no answer at all.
    GatewayFailure,
}

/// Why a host is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Bad answers in a row.
    Consecutive5xx,
    /// Gateway failures in a row.
    ConsecutiveGatewayFailure,
    /// A success rate far below the others'.
    SuccessRate,
    /// Too many failures, whatever the others do.
    FailurePercentage,
}

/// An ejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ejection {
    /// When it began.
    pub since: Time,
    /// It ends at the first interval from here on.
    pub until: Time,
    /// Why.
    pub cause: Cause,
}

#[derive(Clone, Copy, Debug, Default)]
struct Host {
    bad_in_row: u32,
    gateway_in_row: u32,
    /// Since the last interval.
    total: u64,
    fine: u64,
    /// The k of the next ejection, less one.
    multiplier: u32,
    ejection: Option<Ejection>,
}

/// What became of a host that reached a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Out for this long.
    Out(Span),
    /// So many of so many were out already that no more may be.
    TooManyOut(usize, usize),
    /// A number below a hundred was drawn, and only those below the other are enforced.
    Spared(u64, u32),
}

/// The detector: one entry per host, in list order.
#[derive(Clone, Debug)]
pub struct Outlier {
    settings: Settings,
    hosts: Vec<Host>,
    ejected: usize,
}

impl Outlier {
    /// Without hosts.
    pub fn new(settings: Settings) -> Outlier {
        Outlier { settings, hosts: Vec::new(), ejected: 0 }
    }

    /// A host was appended.
    pub fn added(&mut self) {
        self.hosts.push(Host::default());
    }

    /// The host at `place` was taken out.
    pub fn removed(&mut self, place: usize) {
        if place < self.hosts.len() {
            self.ejected -= usize::from(self.hosts.remove(place).ejection.is_some());
        }
    }

    /// Is the host at `place` out, and until when?
    pub fn ejection(&self, place: usize) -> Option<Ejection> {
        self.hosts.get(place)?.ejection
    }

    /// How many are out.
    pub fn ejected(&self) -> usize {
        self.ejected
    }

    /// The host at `place` answered. True when this ejected it.
    pub fn answered(
        &mut self,
        place: usize,
        reply: Reply,
        now: Time,
        rng: &mut Rng,
        why: &mut Why,
    ) -> bool {
        let Some(host) = self.hosts.get_mut(place) else { return false };
        host.total += 1;
        if reply == Reply::Fine {
            host.fine += 1;
            (host.bad_in_row, host.gateway_in_row) = (0, 0);
            why.line(|| answers(place, 0, 0, false));
            why.say(|| "A good answer: the counts begin anew.".to_owned());
            return false;
        }
        host.bad_in_row = host.bad_in_row.saturating_add(1);
        host.gateway_in_row = match reply {
            Reply::GatewayFailure => host.gateway_in_row.saturating_add(1),
            Reply::Fine | Reply::Error => 0,
        };
        let (bad, gateway) = (host.bad_in_row, host.gateway_in_row);
        // Equal, not at least: one that is already out goes on counting and is not looked at again.
        let mut fates = [None, None];
        if gateway == self.settings.consecutive_gateway_failure && host.ejection.is_none() {
            host.gateway_in_row = 0;
            fates[0] = Some(self.eject(place, Cause::ConsecutiveGatewayFailure, now, rng));
        }
        if bad == self.settings.consecutive_5xx && self.hosts[place].ejection.is_none() {
            self.hosts[place].bad_in_row = 0;
            fates[1] = Some(self.eject(place, Cause::Consecutive5xx, now, rng));
        }
        let out = fates.iter().any(|fate| matches!(fate, Some(Fate::Out(_))));
        why.line(|| answers(place, bad, gateway, out));
        why.say(|| self.why_answered(place, fates));
        out
    }

    fn why_answered(&self, place: usize, fates: [Option<Fate>; 2]) -> String {
        let Settings { consecutive_5xx, consecutive_gateway_failure, .. } = self.settings;
        let bounds = [
            format!("{consecutive_gateway_failure} gateway failures in a row"),
            format!("{consecutive_5xx} bad answers in a row"),
        ];
        let reached = bounds.iter().zip(fates).filter_map(|(bound, fate)| {
            fate.map(|fate| format!("That is {bound}: {}.", self.fate_words(fate)))
        });
        match (fates, self.hosts[place].ejection) {
            ([None, None], Some(_)) => "It is out already; its bad answers only count.".to_owned(),
            ([None, None], None) => {
                format!("It takes {} or {} to eject it.", bounds[1], bounds[0])
            }
            _ => reached.collect::<Vec<String>>().join(" "),
        }
    }

    fn fate_words(&self, fate: Fate) -> String {
        match fate {
            Fate::Out(span) => format!("out for {span}"),
            Fate::TooManyOut(out, of) => format!(
                "it stays, because {out} of {of} hosts are out, which is not below {} %",
                self.settings.max_ejection_percent.min(100)
            ),
            Fate::Spared(drawn, enforcing) => {
                format!("it stays, because {drawn} was drawn, which is not below {enforcing}")
            }
        }
    }

    /// Another interval is over: takes hosts back whose time is up, then compares rates.
    pub fn interval(&mut self, now: Time, rng: &mut Rng, why: &mut Why) {
        let mut rates = Vec::with_capacity(self.hosts.len());
        let mut said = Vec::new();
        for (place, host) in self.hosts.iter_mut().enumerate() {
            match host.ejection {
                None => host.multiplier = host.multiplier.saturating_sub(1),
                Some(ejection) if now >= ejection.until => {
                    self.ejected -= 1;
                    host.ejection = None;
                    (host.bad_in_row, host.gateway_in_row) = (0, 0);
                    tell(why, &mut said, || {
                        format!(
                            "Host {} is back: its time was over at {}.",
                            place + 1,
                            ejection.until
                        )
                    });
                }
                Some(_) => {}
            }
            let (fine, total) = (host.fine, host.total);
            (host.fine, host.total) = (0, 0);
            rates.push((fine as f64 * 100.0 / total as f64, total, host.ejection.is_none()));
        }
        self.by_success_rate(&rates, now, rng, (why, &mut said));
        self.by_failures(&rates, now, rng, (why, &mut said));
        why.say(|| said.join(" "));
    }

    fn by_success_rate(&mut self, rates: &[Rate], now: Time, rng: &mut Rng, told: Told) {
        let (why, said) = told;
        let volume = u64::from(self.settings.success_rate_request_volume);
        let enough = |&(_, total, present): &Rate| present && total >= volume && total > 0;
        let valid: Vec<f64> = rates.iter().filter(|rate| enough(rate)).map(|rate| rate.0).collect();
        let least = self.settings.success_rate_minimum_hosts.max(1);
        if valid.len() < least as usize {
            tell(why, said, || too_few("Success rates", valid.len(), volume, least));
            return;
        }
        let factor = f64::from(self.settings.success_rate_stdev_factor) / 1000.0;
        let (mean, deviation) = spread(&valid);
        let threshold = mean - factor * deviation;
        for (place, rate) in rates.iter().enumerate().filter(|(_, rate)| enough(rate)) {
            let fate =
                (rate.0 < threshold).then(|| self.eject(place, Cause::SuccessRate, now, rng));
            why.line(|| Line {
                subject: format!("host {}", place + 1),
                numbers: format!(
                    "{} % of {} answered well, {}",
                    digits(rate.0),
                    rate.1,
                    self.verdict("below", digits(threshold), fate)
                ),
                chosen: matches!(fate, Some(Fate::Out(_))),
            });
        }
        tell(why, said, || {
            let [mean, deviation, threshold] = [mean, deviation, threshold].map(digits);
            format!(
                "Success rates: the mean is {mean} %, the standard deviation {deviation}; who is \
                 below {mean} − {} × {deviation} = {threshold} is to be ejected.",
                digits(factor)
            )
        });
    }

    fn by_failures(&mut self, rates: &[Rate], now: Time, rng: &mut Rng, told: Told) {
        let (why, said) = told;
        let volume = u64::from(self.settings.failure_percentage_request_volume);
        let enough = |&(_, total, present): &Rate| present && total >= volume && total > 0;
        let count = rates.iter().filter(|rate| enough(rate)).count();
        let least = self.settings.failure_percentage_minimum_hosts.max(1);
        if count < least as usize {
            tell(why, said, || too_few("Failures", count, volume, least));
            return;
        }
        let threshold = f64::from(self.settings.failure_percentage_threshold);
        for (place, rate) in rates.iter().enumerate().filter(|(_, rate)| enough(rate)) {
            let failed = 100.0 - rate.0;
            let out_already = self.hosts[place].ejection.is_some();
            let fate = (failed >= threshold && !out_already)
                .then(|| self.eject(place, Cause::FailurePercentage, now, rng));
            why.line(|| Line {
                subject: format!("host {}", place + 1),
                numbers: format!(
                    "{} % of {} failed, {}",
                    digits(failed),
                    rate.1,
                    match out_already {
                        true => "but it is out already".to_owned(),
                        false => self.verdict("at or above", digits(threshold), fate),
                    }
                ),
                chosen: matches!(fate, Some(Fate::Out(_))),
            });
        }
        tell(why, said, || {
            format!("Failures: who fails in {} % or more is to be ejected.", digits(threshold))
        });
    }

    /// `not below 52`, or `below 52: out for 30.0 s`.
    fn verdict(&self, sign: &str, threshold: String, fate: Option<Fate>) -> String {
        match fate {
            None => format!("not {sign} {threshold}"),
            Some(fate) => format!("{sign} {threshold}: {}", self.fate_words(fate)),
        }
    }

    /// Ejects the host at `place` unless too many are out or this cause is not enforced this time.
    fn eject(&mut self, place: usize, cause: Cause, now: Time, rng: &mut Rng) -> Fate {
        let settings = &self.settings;
        let (ejected, hosts) = (self.ejected, self.hosts.len());
        let out = 100.0 * ejected as f64 / hosts as f64;
        let enforcing = match cause {
            Cause::Consecutive5xx => settings.enforcing_consecutive_5xx,
            Cause::ConsecutiveGatewayFailure => settings.enforcing_consecutive_gateway_failure,
            Cause::SuccessRate => settings.enforcing_success_rate,
            Cause::FailurePercentage => settings.enforcing_failure_percentage,
        };
        if out >= f64::from(settings.max_ejection_percent.min(100)) {
            return Fate::TooManyOut(ejected, hosts);
        }
        let drawn = rng.bits() % 100;
        if drawn >= u64::from(enforcing) {
            return Fate::Spared(drawn, enforcing);
        }
        let base = u64::from(settings.base_ejection_time_s);
        let most = u64::from(settings.max_ejection_time_s);
        let host = &mut self.hosts[place];
        if u64::from(host.multiplier) * base < most + base {
            host.multiplier = host.multiplier.saturating_add(1);
        }
        let seconds = (base * u64::from(host.multiplier)).min(most);
        let span = Span::from_ns(seconds.saturating_mul(1_000_000_000));
        host.ejection = Some(Ejection { since: now, until: now + span, cause });
        self.ejected += 1;
        Fate::Out(span)
    }
}

/// Success rate in percent, answers in all, and whether the host is in.
type Rate = (f64, u64, bool);

/// Where an interval's rows and sentences go.
type Told<'a> = (&'a mut Why, &'a mut Vec<String>);

/// Adds a sentence once somebody is looking.
fn tell(why: &Why, said: &mut Vec<String>, sentence: impl FnOnce() -> String) {
    if why.wanted() {
        said.push(sentence());
    }
}

fn too_few(what: &str, hosts: usize, volume: u64, least: u32) -> String {
    format!("{what}: {hosts} hosts had {volume} requests or more, and it takes {least} of them.")
}

/// A host that answered, as a row of a decision.
fn answers(place: usize, bad: u32, gateway: u32, chosen: bool) -> Line {
    let numbers = format!("{bad} bad answers in a row, {gateway} gateway failures in a row");
    Line { subject: format!("host {}", place + 1), numbers, chosen }
}

/// With at most four digits after the point: `52`, `89.9333`.
fn digits(x: f64) -> String {
    format!("{x:.4}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The mean and the standard deviation (of the population). There must be at least one rate.
fn spread(rates: &[f64]) -> (f64, f64) {
    let count = rates.len() as f64;
    let mean = rates.iter().sum::<f64>() / count;
    let square = |rate: &f64| (rate - mean) * (rate - mean);
    let variance = rates.iter().map(square).sum::<f64>() / count;
    (mean, variance.sqrt())
}

/// The mean of success rates, and the rate below which a host is an outlier: so many standard
/// deviations (of the population) below it. There must be at least one rate.
pub fn success_rate_threshold(rates: &[f64], factor: f64) -> (f64, f64) {
    let (mean, deviation) = spread(rates);
    (mean, mean - factor * deviation)
}

#[cfg(test)]
mod tests;
