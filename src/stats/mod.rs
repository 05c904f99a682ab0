//! Measures: rates, levels over time, latencies, and the closed forms they are checked against.

mod latency;
mod level;
mod meter;
pub mod theory;

pub use latency::Latency;
pub use level::Level;
pub use meter::Meter;
