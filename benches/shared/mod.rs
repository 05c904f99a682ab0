//! What the native bench and the one in the browser share: the yardstick and the systems.

pub mod hand_loop;
pub mod systems;
