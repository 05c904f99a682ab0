//! Who is there, and who is well? A registry in Consul's sense, free of any engine.
//!
//! [`Catalogue`] is the registry's own list: instances with the state of their checks.
//! [`Check`] is one check: how answers and silences become passing, warning or critical.
//! [`Handle`] is the course's `ServiceRegistry`, which a process registers itself by.
//! [`Discovery`] is the other side: a client with a list that it keeps for a while, and a rule by
//! which it takes one.

mod catalogue;
mod check;
mod discovery;
mod handle;

pub use catalogue::{Catalogue, Instance, Reaped};
pub use check::{
    Answer, Check, INTERVAL_MIN, SCRIPT_TIMEOUT, Status, TIMEOUT_UNSET, Thresholds, of_exit,
};
pub use discovery::{Discovery, Pick};
pub use handle::{Handle, Registration};

use crate::sim::Span;

/// Values of `DeregisterCriticalServiceAfter` below this are raised to it
/// (`check_deregister_interval_min`).
pub const DEREGISTER_MIN: Span = Span::from_millis(60_000);

/// How often Consul looks for instances that have been critical for too long
/// (`check_reap_interval`).
pub const REAP_INTERVAL: Span = Span::from_millis(30_000);

/// How often an agent compares all it has with the servers, in a small cluster (`ae_interval`).
pub const SYNC_INTERVAL: Span = Span::from_millis(60_000);

/// For how many nodes the interval between full comparisons is as it is set.
const SYNC_NODES: f64 = 128.0;

/// By how much the interval between full comparisons grows in a cluster of `nodes`:
/// `ceil(log2(n) - log2(128)) + 1` above 128 nodes, else 1 (Consul, agent/ae/ae.go `scaleFactor`).
pub fn sync_scale(nodes: u32) -> u32 {
    let nodes = f64::from(nodes);
    match nodes <= SYNC_NODES {
        true => 1,
        false => (libm::log2(nodes) - libm::log2(SYNC_NODES)).ceil() as u32 + 1,
    }
}

/// After how long an instance that stays critical goes, when so long is wanted: nothing means
/// never, as does a wish of no time.
pub fn deregisters_after(wanted: Span) -> Option<Span> {
    (wanted > Span::ZERO).then(|| wanted.max(DEREGISTER_MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_comparisons_come_later_in_large_clusters() {
        assert_eq!([1, 128, 129, 256, 257, 512, 513].map(sync_scale), [1, 1, 2, 2, 3, 3, 4]);
    }

    #[test]
    fn thirty_seconds_become_a_minute() {
        assert_eq!(deregisters_after(Span::from_millis(30_000)), Some(DEREGISTER_MIN));
        assert_eq!(deregisters_after(Span::from_millis(90_000)), Some(Span::from_millis(90_000)));
        assert_eq!(deregisters_after(Span::ZERO), None);
    }
}
