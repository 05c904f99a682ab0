//! Envoy's strategies, each in a file of its own.
//!
//! What they share is Envoy's too. A weight below 1 counts as 1, as `HostImpl::weight` does it.
//! What is built from the list (an order, a ring, a table) is built over the healthy hosts, anew
//! after every change of membership, weight or health, at the next pick; a pick itself looks only
//! at what was built. Left out: priorities, localities, subsets, slow start, and panic mode, in
//! which Envoy uses unhealthy hosts as well once half of them are unhealthy. Here an unhealthy one
//! is never chosen.
//!
//! Each of Envoy's worker threads has a state of its own; this is one with a single worker.

pub mod bounded;
mod consistent;
pub mod edf;
#[cfg(test)]
mod fuzz;
mod least_request;
mod maglev;
mod mt19937;
pub mod outlier;
mod random;
mod ring_hash;
mod round_robin;
mod schedule;

pub use consistent::{Consistent, Table};
pub use least_request::LeastRequest;
pub use maglev::Maglev;
pub use random::Random;
pub use ring_hash::{RingHash, RingSizes};
pub use round_robin::RoundRobin;

use super::{Backend, Entry};

/// Envoy's part of the catalogue.
pub(super) const ROUND_ROBIN: &Entry = &round_robin::ENTRY;
pub(super) const ROUND_ROBIN_OLD: &Entry = &round_robin::ENTRY_OLD;
pub(super) const LEAST_REQUEST: &Entry = &least_request::ENTRY;
pub(super) const RANDOM: &Entry = &random::ENTRY;
pub(super) const RING_HASH: &Entry = &ring_hash::ENTRY;
pub(super) const MAGLEV: &Entry = &maglev::ENTRY;
pub(super) const BOUNDED_LOAD: &Entry = &bounded::ENTRY;

/// The weight as Envoy keeps it: 32 bits, and at least 1.
fn weight(backend: &Backend) -> u32 {
    backend.weight.clamp(1, i64::from(u32::MAX)) as u32
}

/// Puts the places of the healthy into `places`.
fn healthy(backends: &[Backend], places: &mut Vec<usize>) {
    places.clear();
    places.extend((0..backends.len()).filter(|&place| backends[place].healthy));
}
