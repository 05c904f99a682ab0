//! What a placement looks like, reduced to few cells: shard routers and cache clusters show it.

use std::sync::Arc;

use crate::policy::place::{Picture, Placement};

/// What a placement looks like, for a picture of few cells.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// Is it a ring? Otherwise a strip.
    pub ring: bool,
    /// The place of the owner of each cell; none when every shard is asked for a score.
    pub cells: Arc<[u16]>,
    /// How many positions all cells together are.
    positions: f64,
}

/// The most cells of a picture.
const CELLS_MAX: usize = 128;

impl Shape {
    /// The picture of a placement.
    pub(super) fn of(placement: &dyn Placement) -> Shape {
        let plain =
            |cells: Vec<u16>, positions: f64| Shape { ring: false, cells: cells.into(), positions };
        match placement.picture() {
            Picture::Ring { size, points } => {
                let owner = |cell: usize| {
                    let middle = (size * (2 * cell as u128 + 1) / (2 * CELLS_MAX as u128)) as u64;
                    let next = points.partition_point(|&(position, _)| position < middle);
                    points.get(next).or(points.first()).map_or(0, |&(_, owner)| owner as u16)
                };
                let cells = (0..CELLS_MAX).map(owner).collect();
                Shape { ring: true, cells, positions: size as f64 }
            }
            Picture::Table(table) => {
                let count = table.len().min(CELLS_MAX);
                let at = |cell: usize| (2 * cell + 1) * table.len() / (2 * count);
                plain((0..count).map(|cell| table[at(cell)] as u16).collect(), table.len() as f64)
            }
            Picture::Ranges(ranges) => {
                let owners = ranges.iter().take(CELLS_MAX).map(|&(_, owner)| owner as u16);
                plain(owners.collect(), ranges.len() as f64)
            }
            Picture::Scores => plain(Vec::new(), 1.0),
        }
    }

    /// Where a key falls in the picture, from 0 to 1, where that can be said.
    pub(super) fn mark(&self, placement: &dyn Placement, key: &str) -> Option<f64> {
        let half = if self.ring { 0.0 } else { 0.5 };
        let position = placement.position(key.as_bytes())? as f64;
        Some((position + half) / self.positions)
    }
}
