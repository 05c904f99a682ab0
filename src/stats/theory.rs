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

/// Mean wait in M/G/1, first come first served: Pollaczek and Khinchine.
pub fn mg1_wait(rho: f64, cs2: f64) -> f64 {
    rho / (1.0 - rho) * (1.0 + cs2) / 2.0
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

/// Mean response time in the supermarket model; with `d` 1 it is M/M/1's.
pub fn jsq_response(rho: f64, d: u32) -> f64 {
    if d <= 1 {
        return mm1_response(rho);
    }
    let (mut exponent, mut sum) = (0.0, 0.0);
    loop {
        let term = libm::pow(rho, exponent);
        sum += term;
        if rho >= 1.0 {
            return f64::INFINITY;
        }
        if term < 1e-18 {
            return sum;
        }
        exponent = f64::from(d) * (exponent + 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: f64, expected: f64) {
        assert!((got - expected).abs() < 5e-5, "{got} against {expected}");
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

    #[test]
    fn overload_is_no_trouble_where_there_is_no_room() {
        let full = finite(1, 100_000, 1e6, 1.0);
        near(full.throughput, 1.0);
        near(full.blocked, 1.0 - 1e-6);
        assert_eq!(jsq_response(1.0, 2), f64::INFINITY);
        assert_eq!(jsq_tail(0.5, 3, 0), 1.0);
    }
}
