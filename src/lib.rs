//! Switchyard.

pub mod node;
pub mod policy;
pub mod scenario;
pub mod session;
pub mod sim;
pub mod stats;
