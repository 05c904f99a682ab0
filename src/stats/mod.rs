//! Measures: rates, levels over time, latencies, and the closed forms they are checked against.

pub mod che;
pub mod judge;
mod latency;
mod level;
mod meter;
mod omission;
pub mod theory;

pub use latency::Latency;
pub use level::Level;
pub use meter::Meter;
pub use omission::backfill;
