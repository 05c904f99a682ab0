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
    pub fn answered(&mut self, place: usize, reply: Reply, now: Time, rng: &mut Rng) -> bool {
        let Some(host) = self.hosts.get_mut(place) else { return false };
        host.total += 1;
        if reply == Reply::Fine {
            host.fine += 1;
            (host.bad_in_row, host.gateway_in_row) = (0, 0);
            return false;
        }
        host.bad_in_row = host.bad_in_row.saturating_add(1);
        host.gateway_in_row = match reply {
            Reply::GatewayFailure => host.gateway_in_row.saturating_add(1),
            Reply::Fine | Reply::Error => 0,
        };
        // Equal, not at least: one that is already out goes on counting and is not looked at again.
        let gateway = host.gateway_in_row == self.settings.consecutive_gateway_failure
            && host.ejection.is_none();
        let bad = host.bad_in_row == self.settings.consecutive_5xx;
        let mut out = false;
        if gateway {
            host.gateway_in_row = 0;
            out = self.eject(place, Cause::ConsecutiveGatewayFailure, now, rng);
        }
        if bad && self.hosts[place].ejection.is_none() {
            self.hosts[place].bad_in_row = 0;
            out = self.eject(place, Cause::Consecutive5xx, now, rng);
        }
        out
    }

    /// Another interval is over: takes hosts back whose time is up, then compares rates.
    pub fn interval(&mut self, now: Time, rng: &mut Rng, why: &mut Why) {
        let mut rates = Vec::with_capacity(self.hosts.len());
        for host in &mut self.hosts {
            match host.ejection {
                None => host.multiplier = host.multiplier.saturating_sub(1),
                Some(ejection) if now >= ejection.until => {
                    self.ejected -= 1;
                    host.ejection = None;
                    (host.bad_in_row, host.gateway_in_row) = (0, 0);
                }
                Some(_) => {}
            }
            let (fine, total) = (host.fine, host.total);
            (host.fine, host.total) = (0, 0);
            rates.push((fine as f64 * 100.0 / total as f64, total, host.ejection.is_none()));
        }
        self.by_success_rate(&rates, now, rng, why);
        self.by_failures(&rates, now, rng);
    }

    fn by_success_rate(&mut self, rates: &[Rate], now: Time, rng: &mut Rng, why: &mut Why) {
        let volume = u64::from(self.settings.success_rate_request_volume);
        let enough = |&(_, total, present): &Rate| present && total >= volume && total > 0;
        let valid: Vec<f64> = rates.iter().filter(|rate| enough(rate)).map(|rate| rate.0).collect();
        let few = valid.len() < self.settings.success_rate_minimum_hosts as usize;
        if few || valid.is_empty() {
            return;
        }
        let factor = f64::from(self.settings.success_rate_stdev_factor) / 1000.0;
        let (mean, threshold) = success_rate_threshold(&valid, factor);
        for (place, rate) in rates.iter().enumerate().filter(|(_, rate)| enough(rate)) {
            let below = rate.0 < threshold;
            let out = below && self.eject(place, Cause::SuccessRate, now, rng);
            why.line(|| Line {
                subject: format!("host {}", place + 1),
                numbers: format!("{:.1} % of {} answered well", rate.0, rate.1),
                chosen: out,
            });
        }
        why.say(|| format!("Below {threshold:.1} % is far below the mean of {mean:.1} %."));
    }

    fn by_failures(&mut self, rates: &[Rate], now: Time, rng: &mut Rng) {
        let volume = u64::from(self.settings.failure_percentage_request_volume);
        let enough = |&(_, total, present): &Rate| present && total >= volume && total > 0;
        let count = rates.iter().filter(|rate| enough(rate)).count();
        if count == 0 || count < self.settings.failure_percentage_minimum_hosts as usize {
            return;
        }
        let threshold = f64::from(self.settings.failure_percentage_threshold);
        for (place, rate) in rates.iter().enumerate().filter(|(_, rate)| enough(rate)) {
            if 100.0 - rate.0 >= threshold && self.hosts[place].ejection.is_none() {
                self.eject(place, Cause::FailurePercentage, now, rng);
            }
        }
    }

    /// Ejects the host at `place` unless too many are out or this cause is not enforced this time.
    fn eject(&mut self, place: usize, cause: Cause, now: Time, rng: &mut Rng) -> bool {
        let settings = &self.settings;
        let out = 100.0 * self.ejected as f64 / self.hosts.len() as f64;
        let enforcing = match cause {
            Cause::Consecutive5xx => settings.enforcing_consecutive_5xx,
            Cause::ConsecutiveGatewayFailure => settings.enforcing_consecutive_gateway_failure,
            Cause::SuccessRate => settings.enforcing_success_rate,
            Cause::FailurePercentage => settings.enforcing_failure_percentage,
        };
        let room = out < f64::from(settings.max_ejection_percent.min(100));
        if !room || rng.bits() % 100 >= u64::from(enforcing) {
            return false;
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
        true
    }
}

/// Success rate in percent, answers in all, and whether the host is in.
type Rate = (f64, u64, bool);

/// The mean of success rates, and the rate below which a host is an outlier: so many standard
/// deviations (of the population) below it. There must be at least one rate.
pub fn success_rate_threshold(rates: &[f64], factor: f64) -> (f64, f64) {
    let count = rates.len() as f64;
    let mean = rates.iter().sum::<f64>() / count;
    let square = |rate: &f64| (rate - mean) * (rate - mean);
    let variance = rates.iter().map(square).sum::<f64>() / count;
    (mean, mean - factor * variance.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Rng;
    use proptest::prelude::*;

    fn at(seconds: u64) -> Time {
        Time::from_ns(seconds * 1_000_000_000)
    }

    fn detector(hosts: usize, settings: Settings) -> (Outlier, Rng) {
        let mut detector = Outlier::new(settings);
        (0..hosts).for_each(|_| detector.added());
        (detector, Rng::from_seed(1))
    }

    fn answer(detector: &mut Outlier, place: usize, reply: Reply, count: usize, now: Time) -> bool {
        let mut rng = Rng::from_seed(1);
        (0..count).fold(false, |out, _| detector.answered(place, reply, now, &mut rng) || out)
    }

    #[test]
    fn five_in_a_row_eject_for_thirty_seconds_and_then_for_longer() {
        let (mut detector, mut rng) = detector(4, Settings::ENVOY);
        assert!(!answer(&mut detector, 0, Reply::Error, 4, at(0)));
        assert!(!answer(&mut detector, 0, Reply::Fine, 1, at(0)));
        assert!(!answer(&mut detector, 0, Reply::Error, 4, at(1)));
        assert!(answer(&mut detector, 0, Reply::Error, 1, at(2)));
        let cause = Cause::Consecutive5xx;
        let first = Ejection { since: at(2), until: at(32), cause };
        assert_eq!(detector.ejection(0), Some(first));
        // It ends at the first interval after it is over.
        for tick in [10, 20, 30] {
            detector.interval(at(tick), &mut rng, &mut Why::off());
            assert_eq!(detector.ejected(), 1);
        }
        detector.interval(at(40), &mut rng, &mut Why::off());
        assert_eq!(detector.ejection(0), None);
        answer(&mut detector, 0, Reply::Error, 5, at(41));
        assert_eq!(detector.ejection(0), Some(Ejection { since: at(41), until: at(101), cause }));
        // Every interval in service takes one step back.
        for tick in 10..20 {
            detector.interval(at(tick * 10 + 1), &mut rng, &mut Why::off());
        }
        answer(&mut detector, 0, Reply::Error, 5, at(200));
        assert_eq!(detector.ejection(0).map(|ejection| ejection.until), Some(at(230)));
    }

    #[test]
    fn no_ejection_is_longer_than_the_longest() {
        let (mut detector, mut rng) = detector(1, Settings::ENVOY);
        let mut now = 0;
        let mut lengths = Vec::new();
        for _ in 0..13 {
            answer(&mut detector, 0, Reply::Error, 5, at(now));
            let until = detector.ejection(0).expect("it is out").until;
            lengths.push(until.since(at(now)).ns() / 1_000_000_000);
            now += lengths[lengths.len() - 1];
            detector.interval(at(now), &mut rng, &mut Why::off());
        }
        assert_eq!(lengths, [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300, 300]);
    }

    /// 10 %: of 20 hosts two, of 4 hosts one, because the share is looked at before.
    #[test]
    fn only_so_many_are_out_at_once() {
        for (hosts, most) in [(1, 1), (4, 1), (10, 1), (11, 2), (20, 2)] {
            let (mut detector, _) = detector(hosts, Settings::ENVOY);
            for place in 0..hosts {
                answer(&mut detector, place, Reply::Error, 5, at(0));
            }
            assert_eq!(detector.ejected(), most, "of {hosts}");
            detector.removed(0);
            assert_eq!(detector.ejected(), most - 1, "of {hosts}");
        }
    }

    #[test]
    fn a_rate_far_below_the_others_ejects() {
        let (mut detector, mut rng) = detector(5, Settings::ENVOY);
        for place in 0..5 {
            for n in 0..100 {
                let bad = place == 0 && n % 2 == 0;
                let reply = if bad { Reply::Error } else { Reply::Fine };
                answer(&mut detector, place, reply, 1, at(n));
            }
        }
        let mut why = Why::on();
        detector.interval(at(100), &mut rng, &mut why);
        let out = detector.ejection(0).expect("it is out");
        assert_eq!((out.cause, out.until, detector.ejected()), (Cause::SuccessRate, at(130), 1));
        assert_eq!(why.sentence, "Below 52.0 % is far below the mean of 90.0 %.");
        assert_eq!(why.lines[0].numbers, "50.0 % of 100 answered well");
        assert!(why.lines[0].chosen && !why.lines[1].chosen);
    }

    #[test]
    fn gateway_failures_and_percentages_eject_only_when_enforced() {
        let enforced = Settings {
            consecutive_5xx: 1000,
            enforcing_consecutive_gateway_failure: 100,
            enforcing_failure_percentage: 100,
            enforcing_success_rate: 0,
            max_ejection_percent: 100,
            ..Settings::ENVOY
        };
        for (settings, expected) in [
            (enforced.clone(), Some(Cause::ConsecutiveGatewayFailure)),
            (Settings { enforcing_consecutive_gateway_failure: 0, ..enforced }, None),
        ] {
            let (mut detector, mut rng) = detector(5, settings);
            answer(&mut detector, 0, Reply::GatewayFailure, 4, at(0));
            answer(&mut detector, 0, Reply::Error, 1, at(0));
            answer(&mut detector, 0, Reply::GatewayFailure, 4, at(0));
            assert_eq!(detector.ejected(), 0);
            answer(&mut detector, 0, Reply::GatewayFailure, 1, at(0));
            assert_eq!(detector.ejection(0).map(|out| out.cause), expected);
            (1..5).for_each(|place| {
                answer(&mut detector, place, Reply::Error, 49, at(1));
                answer(&mut detector, place, Reply::Fine, 1, at(1));
            });
            answer(&mut detector, 0, Reply::Error, 50, at(1));
            detector.interval(at(10), &mut rng, &mut Why::off());
            let causes = (0..5).filter_map(|place| detector.ejection(place)).map(|out| out.cause);
            let by_percentage = causes.filter(|cause| *cause == Cause::FailurePercentage).count();
            // With one out already only four have enough requests, fewer than the five it takes.
            assert_eq!(by_percentage, if expected.is_some() { 0 } else { 5 });
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_the_count_is_right(
            hosts in 0usize..6,
            steps in prop::collection::vec((0u8..6, 0usize..7, any::<u64>()), 0..200),
        ) {
            let (mut detector, mut rng) = detector(hosts, Settings {
                consecutive_5xx: 2, success_rate_request_volume: 2, ..Settings::ENVOY
            });
            for (what, place, now) in steps {
                let now = Time::from_ns(now);
                match what {
                    0 => detector.interval(now, &mut rng, &mut Why::on()),
                    1 => detector.added(),
                    2 => detector.removed(place),
                    3 => { detector.answered(place, Reply::Fine, now, &mut rng); }
                    4 => { detector.answered(place, Reply::GatewayFailure, now, &mut rng); }
                    _ => { detector.answered(place, Reply::Error, now, &mut rng); }
                }
                let out = (0..detector.hosts.len()).filter(|&n| detector.ejection(n).is_some());
                prop_assert_eq!(out.count(), detector.ejected());
            }
        }
    }
}
