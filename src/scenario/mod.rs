//! A system as data: what a file, a link or the editor describes, checked before anything runs.
//!
//! Nothing is loaded half: a document is either taken whole or refused with the path and the
//! reason.

mod annotation;
pub mod build;
mod check;
mod fault;
mod fault_wire;
pub mod gallery;
mod impairment;
mod json;
pub mod link;
pub mod picture;
mod ring;
mod schema;
mod types;
mod wire;
mod wire2;

pub use annotation::{Annotation, AnnotationKind, EDGE_MAX, EDGE_MIN};
pub use check::{Problem, can_happen, connectable};
pub(crate) use check::{check_place, clean};
pub use fault::{Fault, FaultKind, Target};
pub use impairment::{Impairment, impairment, wire_impairment};
pub use schema::schema;
pub use types::{LinkSpec, NodeSpec, SCHEMA, Scenario, SendOne};
