//! The systems of `benches/shared` behind two functions that a page can call.

#[path = "../../shared/mod.rs"]
mod shared;

pub use shared::systems::{self, Done, SYSTEMS};

fn run(system: u32, customers: u32) -> Done {
    (SYSTEMS[system as usize].run)(u64::from(customers))
}

/// Runs a system, by its place in the table, and gives the mean response in mean service times.
#[unsafe(no_mangle)]
pub extern "C" fn response(system: u32, customers: u32) -> f64 {
    run(system, customers).response
}

/// Runs a system and gives how many events it took.
#[unsafe(no_mangle)]
pub extern "C" fn events(system: u32, customers: u32) -> f64 {
    run(system, customers).events as f64
}
