//! Larger machines: the course's way to upgrade one, and a catalogue that ends.
//!
//! The course doubles processor, memory and storage for ever and makes the network `10Gbps`
//! whatever it was. In a real catalogue there is a largest machine, price grows faster than size,
//! and the machine reboots. Sizes here are those that are common for rent; prices are made up, in
//! units of the smallest machine, and grow as size to the power 1.2: eight times the cores cost
//! about twelve times as much.

use crate::sim::Span;

/// How long a server is down for an upgrade. Real ones take minutes; the order of events is the
/// same.
pub const REBOOT: Span = Span::from_millis(2_000);

/// A machine as the course describes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CourseMachine {
    /// Cores.
    pub cpu: i64,
    /// GB of memory.
    pub memory: i64,
    /// GB of storage.
    pub storage: i64,
    /// Its network, in words: `1Gbps`.
    pub network: String,
}

impl CourseMachine {
    /// The upgraded machine, as the course has it: everything doubled, the network a constant.
    /// Nothing ends; numbers beyond 64 bits go round and become negative, as they do in Go.
    #[must_use]
    pub fn upgrade(&self) -> CourseMachine {
        CourseMachine {
            cpu: self.cpu.wrapping_mul(2),
            memory: self.memory.wrapping_mul(2),
            storage: self.storage.wrapping_mul(2),
            network: "10Gbps".to_owned(),
        }
    }
}

/// A machine that can be had.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Machine {
    /// Cores.
    pub cores: u16,
    /// GB of memory.
    pub memory_gb: f64,
    /// GB of storage. It changes nothing about how fast a server is.
    pub storage_gb: f64,
    /// Gbps of network.
    pub network_gbps: f64,
    /// The price, the smallest machine's being 1.
    pub price: f64,
}

const fn machine(cores: u16, network_gbps: f64, price: f64) -> Machine {
    let size = cores as f64;
    Machine { cores, memory_gb: 4.0 * size, storage_gb: 50.0 * size, network_gbps, price }
}

/// Every machine that can be had, smallest first.
pub const CATALOGUE: [Machine; 8] = [
    machine(1, 1.0, 1.0),
    machine(2, 1.0, 2.3),
    machine(4, 5.0, 5.3),
    machine(8, 10.0, 12.1),
    machine(16, 10.0, 27.9),
    machine(32, 25.0, 64.0),
    machine(64, 50.0, 147.0),
    machine(96, 100.0, 239.0),
];

/// The next larger machine: the smallest with more cores that has no less of anything. None when
/// this one is the largest there is, or has more of something than any that is larger.
pub fn next_larger(cores: u16, memory_gb: f64, network_gbps: f64) -> Option<Machine> {
    CATALOGUE.into_iter().find(|machine| {
        machine.cores > cores
            && machine.memory_gb >= memory_gb
            && machine.network_gbps >= network_gbps
    })
}

/// The price of the smallest machine that has all this. None when there is none.
pub fn price(cores: u16, memory_gb: f64, network_gbps: f64) -> Option<f64> {
    let enough = CATALOGUE.into_iter().find(|machine| {
        machine.cores >= cores
            && machine.memory_gb >= memory_gb
            && machine.network_gbps >= network_gbps
    });
    enough.map(|machine| machine.price)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_shrinks_and_each_core_costs_more() {
        for pair in CATALOGUE.windows(2) {
            let [small, large] = [pair[0], pair[1]];
            assert!(large.cores > small.cores && large.memory_gb > small.memory_gb);
            assert!(large.storage_gb > small.storage_gb);
            assert!(large.network_gbps >= small.network_gbps);
            let per_core = |machine: Machine| machine.price / f64::from(machine.cores);
            assert!(per_core(large) > per_core(small), "{large:?}");
            let rule = libm::pow(f64::from(large.cores), 1.2);
            assert!((large.price / rule - 1.0).abs() < 0.02, "{large:?}: {rule}");
        }
    }

    #[test]
    fn the_way_up_ends() {
        let (mut steps, mut now) = (0, CATALOGUE[0]);
        while let Some(next) = next_larger(now.cores, now.memory_gb, now.network_gbps) {
            assert!(next.price > now.price);
            (steps, now) = (steps + 1, next);
        }
        assert_eq!((steps, now), (7, CATALOGUE[7]));
        // A fast network is not given up for more cores.
        assert_eq!(next_larger(4, 16.0, 100.0), Some(CATALOGUE[7]));
        assert_eq!(price(3, 1.0, 1.0), Some(5.3));
        assert_eq!(price(97, 1.0, 1.0), None);
    }

    #[test]
    fn the_courses_upgrade_can_be_a_downgrade_and_never_ends() {
        let fast = CourseMachine { cpu: 1, memory: 0, storage: 5, network: "100Gbps".to_owned() };
        let original = fast.clone();
        let next = fast.upgrade();
        assert_eq!((next.cpu, next.memory, next.storage), (2, 0, 10));
        assert_eq!((next.network.as_str(), &fast), ("10Gbps", &original));
        let far = (0..63).fold(fast, |machine, _| machine.upgrade());
        assert_eq!(far.cpu, i64::MIN);
    }
}
