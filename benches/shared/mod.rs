//! What the native bench and the one in the browser share: the yardstick and the systems.
#![allow(dead_code, unreachable_pub, reason = "each of the two uses its own part")]

pub mod counting;
pub mod hand_loop;
pub mod systems;
