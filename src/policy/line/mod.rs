//! Who is served next, and who is dropped?

mod adaptive_lifo;
mod codel;
mod fifo;
mod lifo;
mod priority;
#[cfg(test)]
mod properties;
mod sharing;

pub use sharing::ProcessorSharing;

use super::Knobs;
use crate::sim::{Time, Why};

/// Somebody in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Who.
    pub id: u64,
    /// Since when.
    pub since: Time,
    /// How urgent: 0 is the most urgent.
    pub priority: u8,
}

/// What became of somebody who was in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// To be served now.
    Serve(Waiting),
    /// To be turned away now; ask again.
    Drop(Waiting),
    /// Nobody is left.
    Nobody,
}

/// An order of service.
pub trait Discipline: dyn_clone::DynClone + std::fmt::Debug {
    /// Somebody joins.
    fn push(&mut self, who: Waiting, now: Time);

    /// A worker is free: who is next? Never goes back in time; an earlier `now` counts as the
    /// latest one seen.
    fn pop(&mut self, now: Time, why: &mut Why) -> Next;

    /// Takes somebody out who gave up. Was that one there?
    fn remove(&mut self, id: u64) -> bool;

    /// How many wait. Worth writing where it is known without a list.
    fn len(&self) -> usize {
        self.waiting().len()
    }

    /// Does nobody wait?
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Everybody who waits, the next first as far as that is known.
    fn waiting(&self) -> Vec<Waiting>;
}

dyn_clone::clone_trait_object!(Discipline);

/// A discipline as people meet it.
pub type Entry = super::Entry<Make>;

/// How a discipline is made: as a line before the workers, or as sharing among all.
#[derive(Clone, Copy, Debug)]
pub enum Make {
    /// A line before the workers.
    Line(fn(&Knobs) -> Box<dyn Discipline>),
    /// Everybody is served at once, each at a share of the speed: see [`ProcessorSharing`].
    Sharing,
}

/// Every discipline there is.
pub const CATALOGUE: &[&Entry] = &[
    &fifo::ENTRY,
    &lifo::ENTRY,
    &priority::ENTRY,
    &codel::ENTRY,
    &adaptive_lifo::ENTRY,
    &sharing::ENTRY,
];

/// The discipline with this name.
pub fn find(key: &str) -> Option<&'static Entry> {
    super::find(CATALOGUE, key)
}

/// Somebody who waits, as a row of a decision: `waited 20.0 ms, place 1 of 3`.
fn row(who: &Waiting, now: Time, place: usize, of: usize, chosen: bool) -> crate::sim::Line {
    crate::sim::Line {
        subject: format!("#{}", who.id),
        numbers: format!("waited {}, place {place} of {of}", now.since(who.since)),
        chosen,
    }
}

/// Takes out the one with this id; who waits longest is looked at first, because he gives up first.
fn take_out(line: &mut std::collections::VecDeque<Waiting>, id: u64) -> bool {
    let place = line.iter().position(|who| who.id == id);
    place.and_then(|place| line.remove(place)).is_some()
}
