//! The engine: time, events, randomness, requests, links and the world they make up.
//!
//! It knows nothing of caches, balancers or pixels. What a node does is the business of the `node`
//! layer; here is only what every node needs.

mod apart;
pub mod calendar;
pub mod context;
pub mod dist;
pub mod event;
pub mod keys;
pub mod link;
mod look;
pub mod node;
pub mod request;
pub mod rng;
pub mod sink;
pub mod time;
pub mod trouble;
pub mod truth;
pub mod watch;
pub mod why;
pub mod world;
pub mod zipf;

pub use apart::apart;
pub use context::{Card, Context};
pub use dist::Dist;
pub use event::{Event, What};
pub use keys::KeyMap;
pub use link::Link;
pub use node::{LinkId, Node, NodeId, PartFault, Signal};
pub use request::{Found, Key, Op, Outcome, Place, Reason, Request, Stamp, Want};
pub use rng::Rng;
pub use sink::{Focus, Full, Silent, Sink};
pub use time::{Span, Time};
pub use trouble::{WireFault, WireTrouble};
pub use truth::{Newest, Truth};
pub use why::{Line, Why};
pub use world::{Order, Planned, Tally, World};
pub use zipf::Zipf;
