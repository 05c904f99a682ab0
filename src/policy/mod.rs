//! Decisions, pure and readable alone: no events, no clock of their own, no pixels.
//!
//! One room per question. Each room has a trait, a catalogue and one file per algorithm. An
//! algorithm is handed what it needs (the time, the key, random bits) and, when somebody is
//! looking, writes down the numbers it decided by ([`crate::sim::Why`]).
//!
//! To add one: a file with its type and its `ENTRY`, and a line in the room's `CATALOGUE`. Menus,
//! the command line, the README's table and the property tests follow from that line.

pub mod balance;
pub mod broker;
mod entry;
pub mod evict;
pub mod gateway;
pub mod guard;
pub mod hash;
pub mod health;
pub mod line;
pub mod log;
pub mod phi;
pub mod place;
pub mod registry;
mod rooms;

pub use entry::{Entry, Knob, Knobs, Refusal, find};
pub use rooms::{ROOMS, Room};
