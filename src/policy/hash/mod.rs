//! Hash functions, bit for bit those of the systems that use them.
//!
//! From well-kept crates where one is exact; our own code only where the real system's variant
//! differs from every crate, and then the file says which and why. All take bytes, whatever they
//! are; none needs text.

pub mod crc;
pub mod haproxy;
pub mod lookup3;
pub mod md5;
pub mod mongodb;
pub mod murmur2;
pub mod murmur2_32;
pub mod murmur3;
pub mod siphash;
pub mod splitmix64;
pub mod superfast;
pub mod twemproxy;
pub mod vitess;
pub mod xxh64;
