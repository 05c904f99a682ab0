//! Which service, and which of its instances? A gateway's table and pools, free of any engine.
//!
//! [`Routes`] is the table: which service and path go to whom. [`Door`] is the table with its
//! balancers: one for all services, as in the course, or one for each.

mod door;
mod routes;

pub use door::{Door, Refusal, Target, url};
pub use routes::{ROUTES_MAX, Route, Routes, Targets, split};
