//! Switchyard: a playground for system design, where each request lands somewhere for a reason.
//!
//! Read top-down it is a sentence: [`sim`] runs [`node`]s, which ask [`policy`]s and are measured
//! by [`stats`]; a [`scenario`] describes them, a [`session`] holds and steers them, [`view`] turns
//! them into a picture, `ui` shows it.
//!
//! # Layers
//!
//! Each layer may use those above it in this list and never those below; `tests/tidy.rs` fails
//! otherwise. Only `ui`, `api` and `main.rs` may name the browser, and they are compiled for
//! `wasm32` only: everything else is tested natively, in seconds.
//!
//! 1. [`sim`]: time, events, randomness, requests, links, the world. Knows nothing of caches,
//!    balancers or pixels.
//! 2. [`policy`]: pure decisions. No events, no clock of their own.
//! 3. [`stats`]: rates, levels, latencies, and the closed forms they are checked against.
//! 4. [`node`]: one file per kind of component: how it reacts to a request, an answer, a timer.
//! 5. [`scenario`]: a system as data: types, limits, JSON, links.
//! 6. [`session`]: the one mutable root: edits with undo, advance, seek, explain.
//! 7. [`view`]: the picture as plain data, down to pixels.
//! 8. `ui`: DOM events become commands, numbers become text.
//!
//! # The life of a request
//!
//! A client's timer rings ([`node::clients`]); it makes a request in the slab and sends it over a
//! link ([`sim::Context::forward`]). The link's latency later it arrives at a node, whose file
//! decides: a balancer asks its strategy ([`policy::balance`]) and forwards; a server works on it
//! or lets it wait ([`node::server`]). An answer walks back over the same links
//! ([`sim::Context::reply`]). At any time the request is in exactly one place, so its stays add up
//! to its latency. A failure has a reason and a place, and walks back like an answer.
//!
//! # Invariants
//!
//! - A run is a function of scenario and seed: same events, same hash, natively and in the browser.
//! - Completed, failed and in flight add up to what was sent, after every event.
//! - Looking changes nothing: recording is a type parameter ([`sim::Sink`]), and nothing reads it.
//! - Every explanation is written by the algorithm that decided, while it decided ([`sim::Why`]).
//! - Every edit is a [`session::Command`] with an inverse.
//! - What comes from outside is checked whole before any of it is used.
//!
//! Deliberately absent: wall clocks, global randomness, hash maps with random order, the standard
//! library's `ln`, `exp` and `pow` (other bits in WebAssembly), unsafe code, HTML made from text.
//!
//! # How to add
//!
//! - **a strategy**: a file in `policy/balance/` with its type, its `Balancer` and its `ENTRY`, and
//!   a line in the room's `CATALOGUE`. Menus, files, links and property tests follow.
//! - **an eviction policy**: the same in `policy/evict/`, with its `Eviction`; `switchyard cache`
//!   follows too.
//! - **a kind of node**: a file in `node/` with settings and behaviour; a variant in
//!   [`node::Kind`] and [`node::AnyNode`]; a row in [`node::CATALOGUE`]; what it shows, in
//!   [`view::face`]; its icon.
//! - **a panel**: a file in `ui/`, shown from `ui/app.rs`; it reads the session through `Store` and
//!   edits by commands only. Everything it does must also be possible from the outline.
//! - **an option of the address**: a row in [`view::options`], a field, and who heeds it.
//! - **a message**: a variant in [`session::FromHost`], what it does in `ui/host.rs`, a row in
//!   `www/embedding.html`.
//! - **a built-in scenario**: a JSON file in `www/scenarios/` and a row in [`scenario::gallery`].

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
