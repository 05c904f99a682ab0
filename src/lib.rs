//! Switchyard.

#[cfg(target_arch = "wasm32")]
pub mod api;
pub mod node;
pub mod policy;
pub mod scenario;
pub mod session;
pub mod sim;
pub mod stats;
#[cfg(target_arch = "wasm32")]
pub mod ui;
pub mod view;
