//! Decisions, pure and readable alone: no events, no clock of their own, no pixels.
//!
//! One room per question; each room has a trait, a catalogue, and one file per algorithm.

pub mod balance;
