//! Closed forms of queueing theory, to check the simulation against and to show beside it.
//!
//! Kendall's notation: M/M/c is Poisson arrivals, exponential service, c servers, one queue.

/// Mean response time in M/M/1, in units of the mean service time, at load `rho` below 1.
pub fn mm1_response(rho: f64) -> f64 {
    1.0 / (1.0 - rho)
}

/// Mean response time in M/M/c, in units of the mean service time, at load `rho` below 1 per
/// server.
///
/// Erlang's C formula, by the stable recursion for Erlang's B.
pub fn mmc_response(servers: u32, rho: f64) -> f64 {
    let c = f64::from(servers);
    let offered = rho * c;
    let mut blocked = 1.0;
    for k in 1..=servers {
        blocked = offered * blocked / (f64::from(k) + offered * blocked);
    }
    let waits = blocked / (1.0 - rho * (1.0 - blocked));
    1.0 + waits / (c * (1.0 - rho))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_published_figures() {
        for (rho, expected) in [(0.5, 2.0), (0.8, 5.0), (0.9, 10.0), (0.95, 20.0)] {
            assert!((mm1_response(rho) - expected).abs() < 1e-9);
            assert!((mmc_response(1, rho) - expected).abs() < 1e-9);
        }
        for (servers, expected) in [(2, 2.7778), (3, 2.0787), (4, 1.7455)] {
            assert!((mmc_response(servers, 0.8) - expected).abs() < 5e-5, "M/M/{servers}");
        }
    }
}
