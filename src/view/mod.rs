//! The picture as plain data: where things are, what each node shows, which dots are where, and
//! pixels. No browser here, so pictures are tested like everything else.

pub mod board;
pub mod cache_face;
pub mod camera;
pub mod cluster;
pub mod curve;
mod database;
pub mod dots;
pub mod face;
mod gateway;
pub mod group;
pub mod guides;
pub mod layout;
pub mod minimap;
pub mod options;
pub mod places;
pub mod plan;
pub mod qr;
pub mod queue;
pub mod raster;
pub mod regions;
mod registry;
mod rows;
mod server;
pub mod shards;
pub mod silhouette;
pub mod strip;
pub mod svg;
pub mod tidy;
pub mod wheel;
