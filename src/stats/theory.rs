//! Closed forms of queueing theory, to check the simulation against and to show beside it.
//!
//! Kendall's notation: M/M/c/K is Poisson arrivals, exponential service, c servers, room for K in
//! all (no limit when left out); G is any distribution, PS is processor sharing. Unless a function
//! says otherwise times are in units of the mean service time, `rho` is the load of each server and
//! below 1, and `offered` is the load in servers, `rho * c`. `ca2` and `cs2` are the squared
//! coefficients of variation of the times between arrivals and of service: 0 for constant, 1 for
//! exponential.

/// Mean response time in M/M/1.
pub fn mm1_response(rho: f64) -> f64 {
    1.0 / (1.0 - rho)
}

/// The response time that a share `p` (from 0 to 1) of all in M/M/1 do not exceed: it is
/// exponential.
pub fn mm1_quantile(rho: f64, p: f64) -> f64 {
    -libm::log(1.0 - p) / (1.0 - rho)
}

/// The chance that just `n` are there in M/M/1: `(1 - rho) * rho^n`.
pub fn mm1_count(rho: f64, n: u32) -> f64 {
    (1.0 - rho) * libm::pow(rho, f64::from(n))
}

/// The chance of waiting longer than `t` in M/M/1.
pub fn mm1_wait_tail(rho: f64, t: f64) -> f64 {
    rho * libm::exp(-(1.0 - rho) * t)
}

/// The chance that all servers are busy where nobody waits (M/G/c/c), by the stable recursion.
pub fn erlang_b(servers: u32, offered: f64) -> f64 {
    (1..=servers).fold(1.0, |blocked, k| offered * blocked / (f64::from(k) + offered * blocked))
}

/// The chance of having to wait in M/M/c.
pub fn erlang_c(servers: u32, offered: f64) -> f64 {
    let blocked = erlang_b(servers, offered);
    let rho = offered / f64::from(servers);
    blocked / (1.0 - rho * (1.0 - blocked))
}

/// Mean wait in M/M/c.
pub fn mmc_wait(servers: u32, rho: f64) -> f64 {
    let c = f64::from(servers);
    erlang_c(servers, rho * c) / (c * (1.0 - rho))
}

/// Mean response time in M/M/c.
pub fn mmc_response(servers: u32, rho: f64) -> f64 {
    1.0 + mmc_wait(servers, rho)
}

/// The chance that just `n` are there in M/M/c.
pub fn mmc_count(servers: u32, rho: f64, n: u32) -> f64 {
    let offered = rho * f64::from(servers);
    // Down from all busy and nobody waiting, and up from there: no factorial grows too large.
    let full = (1.0 - rho) * erlang_c(servers, offered);
    match n.checked_sub(servers) {
        Some(waiting) => full * libm::pow(rho, f64::from(waiting)),
        None => (n + 1..=servers).rev().fold(full, |chance, k| chance * f64::from(k) / offered),
    }
}

/// The chance of waiting longer than `t` in M/M/c.
pub fn mmc_wait_tail(servers: u32, rho: f64, t: f64) -> f64 {
    let c = f64::from(servers);
    erlang_c(servers, rho * c) * libm::exp(-c * (1.0 - rho) * t)
}

/// Mean wait in M/G/1, first come first served: Pollaczek and Khinchine.
pub fn mg1_wait(rho: f64, cs2: f64) -> f64 {
    rho / (1.0 - rho) * (1.0 + cs2) / 2.0
}

/// Mean response time in M/G/1, first come first served.
pub fn mg1_response(rho: f64, cs2: f64) -> f64 {
    1.0 + mg1_wait(rho, cs2)
}

/// Mean response time in M/G/1-PS, whatever the distribution of service.
pub fn ps_response(rho: f64) -> f64 {
    1.0 / (1.0 - rho)
}

/// Mean response time in M/G/1-PS of those whose service takes `x`.
pub fn ps_response_of(x: f64, rho: f64) -> f64 {
    x / (1.0 - rho)
}

/// Mean wait in G/G/c, approximately: Kingman for one server, Allen and Cunneen for more.
pub fn ggc_wait(servers: u32, rho: f64, ca2: f64, cs2: f64) -> f64 {
    mmc_wait(servers, rho) * (ca2 + cs2) / 2.0
}

/// Little's law: how many are there on average when `rate` come per unit of time and each stays
/// this long. Exact for any system that is stable.
pub fn little(rate: f64, time: f64) -> f64 {
    rate * time
}

/// The utilisation law: how much of a server is busy on average when `rate` are served per unit of
/// time and each takes it this long. Exact as well.
pub fn utilisation(rate: f64, service: f64) -> f64 {
    rate * service
}

/// Mean response time at each server of a row of M/M/1, in the unit of the rates: with Poisson
/// arrivals each is as if alone (Burke, Jackson).
pub fn tandem(arrivals: f64, service: &[f64]) -> Vec<f64> {
    service.iter().map(|mu| 1.0 / (mu - arrivals)).collect()
}

/// M/M/c/K in the long run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finite {
    /// The chance that nobody is there.
    pub empty: f64,
    /// The chance that all room is taken, so that whoever comes is turned away.
    pub blocked: f64,
    /// How many are there on average.
    pub in_system: f64,
    /// How many are served per unit of time.
    pub throughput: f64,
    /// Mean response time of those who get in.
    pub response: f64,
}

/// M/M/c/K with `arrivals` and `service` (of each server) per unit of time, and room for `room` in
/// all. Any load is fine.
pub fn finite(servers: u32, room: u32, arrivals: f64, service: f64) -> Finite {
    // Each weight is the one before times arrivals over the rate of departures, kept near 1 in sum.
    let (mut weight, mut sum, mut in_system, mut empty) = (1.0, 1.0, 0.0, 1.0);
    for n in 1..=room {
        weight *= arrivals / (f64::from(n.min(servers)) * service);
        sum += weight;
        in_system += f64::from(n) * weight;
        if sum > 1e200 {
            let scale = 1.0 / sum;
            for number in [&mut weight, &mut sum, &mut in_system, &mut empty] {
                *number *= scale;
            }
        }
    }
    let (blocked, in_system) = (weight / sum, in_system / sum);
    let throughput = arrivals * (1.0 - blocked);
    Finite { empty: empty / sum, blocked, in_system, throughput, response: in_system / throughput }
}

/// The share of servers with at least `n` requests when each request goes to the shortest of `d`
/// drawn at random, for very many servers (the supermarket model): `rho^((d^n - 1) / (d - 1))`.
pub fn jsq_tail(rho: f64, d: u32, n: u32) -> f64 {
    let exponent = (0..n).fold(0.0, |exponent, _| exponent * f64::from(d) + 1.0);
    libm::pow(rho, exponent)
}

/// Mean response time in the supermarket model; with `d` 1 it is M/M/1's. Infinite for a load of 1
/// or more, and no number for one that is none or below 0.
pub fn jsq_response(rho: f64, d: u32) -> f64 {
    if rho.is_nan() || rho < 0.0 {
        return f64::NAN;
    }
    if rho >= 1.0 {
        return f64::INFINITY;
    }
    if d <= 1 {
        return mm1_response(rho);
    }
    let (mut exponent, mut sum, mut term) = (0.0, 0.0, 1.0);
    while term >= 1e-18 {
        sum += term;
        exponent = f64::from(d) * (exponent + 1.0);
        term = libm::pow(rho, exponent);
    }
    sum
}

/// How many requests arrive per unit of time when `rate` first attempts do and each of them is
/// retried `retries` times: what a server is offered while everything times out.
pub fn retried(rate: f64, retries: f64) -> f64 {
    rate * (1.0 + retries)
}

/// Can an overload last although `rate` first attempts are fewer than `capacity`? It can once they
/// and their retries are more (Bronson and others, 2021): something slows the server down for a
/// moment, and the retries keep it so.
pub fn metastable(rate: f64, retries: f64, capacity: f64) -> bool {
    rate < capacity && retried(rate, retries) > capacity
}

/// The rate of first attempts below which such an overload ends by itself.
pub fn recovers_below(capacity: f64, retries: f64) -> f64 {
    capacity / (1.0 + retries)
}

/// How many requests reach the last of `tiers` for one at the first, when all of them fail and each
/// tier makes `attempts` of each.
pub fn retry_amplification(attempts: u32, tiers: u32) -> f64 {
    libm::pow(f64::from(attempts), f64::from(tiers))
}

/// A closed system in the long run.
#[derive(Clone, Debug, PartialEq)]
pub struct Closed {
    /// How many requests are answered per unit of time.
    pub throughput: f64,
    /// Mean response time, without the think time.
    pub response: f64,
    /// How many are at each server on average.
    pub at: Vec<f64>,
}

/// Users who think for `think` on average, cross a row of single servers that need them for
/// `demands` on average, and begin anew: exact mean value analysis (Reiser and Lavenberg, 1980),
/// for exponential service, or any with processor sharing. With one server it is M/M/1//N, the
/// machine repairman.
pub fn closed(users: u32, think: f64, demands: &[f64]) -> Closed {
    let (response, at) = (demands.iter().sum(), vec![0.0; demands.len()]);
    let mut found = Closed { throughput: 0.0, response, at };
    for n in 1..=users {
        // Whoever arrives meets what is there with one user less.
        let stays = demands.iter().zip(&found.at).map(|(demand, there)| demand * (1.0 + there));
        let stays: Vec<f64> = stays.collect();
        found.response = stays.iter().sum();
        found.throughput = f64::from(n) / (think + found.response);
        found.at = stays.iter().map(|stay| found.throughput * stay).collect();
    }
    found
}

/// The interactive response time law: N / X - Z, for `users` who get `throughput` answers per unit
/// of time together and think for `think` between them. Exact for any closed system.
pub fn interactive_response(users: f64, throughput: f64, think: f64) -> f64 {
    users / throughput - think
}

/// M/M/c//N by its balance equations: `users` who think for `think` on average, and servers that
/// take `service` for each.
pub fn repairmen(servers: u32, users: u32, think: f64, service: f64) -> Closed {
    // The weight of n at the servers is that of n - 1 times its arrivals over its departures.
    let mut weights = vec![1.0];
    for n in 1..=users {
        let arrivals = f64::from(users - n + 1) / think;
        let departures = f64::from(n.min(servers)) / service;
        weights.push(weights[n as usize - 1] * arrivals / departures);
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
    }
    let there = |(n, weight): (usize, &f64)| n as f64 * weight;
    let at: f64 = weights.iter().enumerate().map(there).sum();
    let throughput = (f64::from(users) - at) / think;
    Closed { throughput, response: at / throughput, at: vec![at] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: f64, expected: f64) {
        assert!((got - expected).abs() < 5e-5, "{got} against {expected}");
    }

    /// Two ways to the same: by mean values, and by the chances of all states. For three servers
    /// the first two users are done by hand: alone 15 + 4.055; with one more each stay grows by who
    /// is there.
    #[test]
    fn closed_systems_are_the_same_by_mean_values_by_states_and_by_hand() {
        for users in [1, 2, 10, 50] {
            let (values, states) = (closed(users, 5.0, &[1.0]), repairmen(1, users, 5.0, 1.0));
            assert!((values.throughput / states.throughput - 1.0).abs() < 1e-9, "{users}");
            assert!((values.response / states.response - 1.0).abs() < 1e-9, "{users}");
            let law = interactive_response(f64::from(users), values.throughput, 5.0);
            assert!((law / values.response - 1.0).abs() < 1e-9, "{users}");
        }
        let three = |users| closed(users, 15.0, &[0.605, 2.1, 1.35]);
        assert!((three(1).throughput - 1.0 / 19.055).abs() < 1e-9, "{:?}", three(1));
        let second: f64 = [0.605, 2.1, 1.35].iter().map(|d| d * (1.0 + d / 19.055)).sum();
        assert!((three(2).response - second).abs() < 1e-9, "{:?}", three(2));
        assert!((three(2).throughput - 2.0 / (15.0 + second)).abs() < 1e-9);
        // Many users keep the slowest server busy.
        assert!((three(200).throughput * 2.1 - 1.0).abs() < 1e-9);
        // As many servers as users: nobody waits.
        assert!((repairmen(8, 8, 5.0, 1.0).response - 1.0).abs() < 1e-9);
    }

    #[test]
    fn agrees_with_the_published_figures() {
        for (rho, expected) in [(0.5, 2.0), (0.8, 5.0), (0.9, 10.0), (0.95, 20.0)] {
            assert!((mm1_response(rho) - expected).abs() < 1e-9);
            assert!((mmc_response(1, rho) - expected).abs() < 1e-9);
        }
        for (servers, expected) in [(2, 2.7778), (3, 2.0787), (4, 1.7455)] {
            near(mmc_response(servers, 0.8), expected);
        }
        near(mm1_quantile(0.8, 0.95), 14.97866);
        near(erlang_b(10, 5.0), 0.01838);
        near(jsq_response(0.9, 2), 2.61406);
    }

    #[test]
    fn one_form_is_a_special_case_of_another() {
        near(mg1_wait(0.8, 1.0), mmc_wait(1, 0.8));
        near(mg1_wait(0.8, 0.0), mg1_wait(0.8, 1.0) / 2.0);
        near(mg1_response(0.8, 1.0), mm1_response(0.8));
        near(ggc_wait(3, 0.7, 1.0, 1.0), mmc_wait(3, 0.7));
        near(ggc_wait(1, 0.7, 1.0, 4.0), mg1_wait(0.7, 4.0));
        near(ps_response_of(1.0, 0.6), ps_response(0.6));
        near(jsq_response(0.7, 1), mm1_response(0.7));
        near(tandem(0.5, &[1.0, 0.8]).iter().sum(), 2.0 + 1.0 / 0.3);
        // Room for all is no limit; room for the servers alone is Erlang's B.
        near(finite(2, 4000, 1.6, 1.0).response, mmc_response(2, 0.8));
        near(finite(10, 10, 5.0, 1.0).blocked, erlang_b(10, 5.0));
        let full = finite(2, 7, 3.0, 1.0);
        near(little(full.throughput, full.response), full.in_system);
    }

    /// Erlang's C for two servers at 0.8 is 0.7111, and the mean wait 1.7778.
    #[test]
    fn chances_add_up_to_the_means() {
        near(mm1_wait_tail(0.8, 0.0), 0.8);
        near(mmc_wait_tail(2, 0.8, 0.0), 0.711111);
        near(mmc_wait_tail(2, 0.8, 5.0), 0.711111 * 0.135335);
        for (servers, rho) in [(1, 0.5), (1, 0.9), (2, 0.8), (10, 0.95), (100, 0.95)] {
            let chances: Vec<f64> = (0..2000).map(|n| mmc_count(servers, rho, n)).collect();
            let mean = |value: &dyn Fn(u32) -> f64| -> f64 {
                (0u32..).zip(&chances).map(|(n, chance)| value(n) * chance).sum()
            };
            near(mean(&|_| 1.0), 1.0);
            near(mean(&f64::from), rho * f64::from(servers) * mmc_response(servers, rho));
            near(
                mean(&|n| f64::from(n.saturating_sub(servers))) / rho / f64::from(servers),
                mmc_wait(servers, rho),
            );
            near(mean(&|n| f64::from(u8::from(n >= servers))), mmc_wait_tail(servers, rho, 0.0));
            // The mean wait is the area under its tail.
            let tail = |step: u32| mmc_wait_tail(servers, rho, (f64::from(step) + 0.5) / 1000.0);
            near((0..400_000).map(tail).sum::<f64>() / 1000.0, mmc_wait(servers, rho));
        }
        for n in [0, 1, 7] {
            near(mm1_count(0.9, n), mmc_count(1, 0.9, n));
        }
        near(mm1_wait_tail(0.9, 3.0), mmc_wait_tail(1, 0.9, 3.0));
        near(finite(3, 2000, 2.4, 1.0).empty, mmc_count(3, 0.8, 0));
    }

    #[test]
    fn retries_multiply() {
        // 600 of 1000 are fine, and with two retries each they are 1800.
        near(retried(600.0, 2.0), 1800.0);
        assert!(metastable(600.0, 2.0, 1000.0) && !metastable(600.0, 0.5, 1000.0));
        assert!(!metastable(1001.0, 2.0, 1000.0), "that is no more than overload");
        near(recovers_below(1000.0, 2.0), 1000.0 / 3.0);
        let edge = recovers_below(1000.0, 2.0);
        assert!(metastable(edge + 0.001, 2.0, 1000.0) && !metastable(edge - 0.001, 2.0, 1000.0));
        assert_eq!((retry_amplification(3, 4), retry_amplification(4, 0)), (81.0, 1.0));
        near(utilisation(80.0, 0.01), 0.8);
    }

    #[test]
    fn overload_is_no_trouble_where_there_is_no_room() {
        let full = finite(1, 100_000, 1e6, 1.0);
        near(full.throughput, 1.0);
        near(full.blocked, 1.0 - 1e-6);
        for d in [0, 1, 2, 9] {
            assert_eq!(jsq_response(1.0, d), f64::INFINITY);
            assert_eq!(jsq_response(1.5, d), f64::INFINITY);
            assert_eq!(jsq_response(0.0, d), 1.0);
            assert!(jsq_response(f64::NAN, d).is_nan() && jsq_response(-2.0, d).is_nan());
            assert!(jsq_response(1.0 - f64::EPSILON, d).is_finite());
        }
        assert_eq!(jsq_tail(0.5, 3, 0), 1.0);
    }
}
