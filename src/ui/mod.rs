//! The page: shows the state and issues commands. No arithmetic about the system lives here.
//!
//! State of the document and the run is in the session, outside the reactive graph. Signals say
//! only *that* something changed: `rev` for the document, `beat` and `pulse` for live numbers.

// The component macro makes every component's function `pub`, whatever is written.
#![allow(unreachable_pub)]

mod alerts;
mod annotations;
mod app;
mod arrival;
mod canvas;
mod charts;
mod clipboard;
mod dead_letters;
mod dialogs;
mod dock;
mod draft;
mod field;
mod files;
mod fleet;
mod frame;
mod gestures;
mod habits;
mod host;
mod icons;
mod impairments;
mod inside_board;
mod inside_cache;
mod inside_cluster;
mod inside_database;
mod inside_gateway;
mod inside_group;
mod inside_queue;
mod inside_registry;
mod inside_shards;
mod inspector;
mod keys;
mod live;
mod members;
mod menu;
mod minimap;
mod motion;
mod moving;
mod node_card;
mod options;
mod outline;
mod palette;
mod plan;
mod quick_add;
mod request_panel;
mod selection;
mod several;
mod share;
mod share_embed;
mod share_picture;
mod source;
mod store;
mod surface;
mod text_panel;
mod theme;
mod topbar;
mod touch;
mod upgrade;
mod wires;

pub use app::run;
