//! The ground a router stands on: its shards, the placement over them, and how both are drawn.

use std::sync::Arc;

use super::config::RouterConfig;
use crate::policy::place::{Picture, Placed, Placement, Shard, moved};
use crate::sim::{LinkId, NodeId, Why};

/// A shard as its router knows it.
#[derive(Clone, Debug)]
pub struct Member {
    /// The link to it.
    pub link: LinkId,
    /// Its number: the same when it is wired again.
    pub node: NodeId,
    /// Its name: what placements that hash shards hash.
    pub name: Arc<str>,
    /// Its weight.
    pub weight: i64,
    /// How many of the keys accounted for it owns.
    pub keys: u32,
}

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
    fn of(placement: &dyn Placement) -> Shape {
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
}

/// Shards and the placement over them.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) members: Vec<Member>,
    pub(super) shards: Vec<Shard>,
    pub(super) placement: Box<dyn Placement>,
    pub(super) shape: Shape,
}

impl Ground {
    /// Over these members, made from the one before if there is one by the same rule.
    ///
    /// # Errors
    /// The words with which the placement refuses.
    pub(super) fn new(
        members: Vec<Member>,
        before: Option<&Ground>,
        config: &RouterConfig,
    ) -> Result<Ground, String> {
        let shards: Vec<Shard> =
            members.iter().map(|member| Shard::new(&member.name, member.weight)).collect();
        let made = match before {
            Some(before) => before.placement.with(&shards),
            None => (config.entry().make)(config.tuning.of(config.strategy), &shards),
        };
        let placement = made.map_err(|refused| refused.to_string())?;
        let shape = Shape::of(&*placement);
        Ok(Ground { members, shards, placement, shape })
    }

    /// The place of the shard that owns a key.
    pub(super) fn owner(&self, key: &str, why: &mut Why) -> Option<usize> {
        self.placement.owner(key.as_bytes(), why)
    }

    /// The shard that owns a key.
    pub(super) fn home(&self, key: &str) -> Option<&Member> {
        self.members.get(self.owner(key, &mut Why::off())?)
    }

    /// The shard at the end of this link.
    pub(super) fn behind(&self, link: LinkId) -> Option<&Member> {
        self.members.iter().find(|member| member.link == link)
    }

    /// The shard that is this node.
    pub(super) fn member(&self, node: NodeId) -> Option<&Member> {
        self.members.iter().find(|member| member.node == node)
    }

    /// Where a key falls in the picture, from 0 to 1.
    pub(super) fn mark(&self, key: &str) -> Option<f64> {
        let half = if self.shape.ring { 0.0 } else { 0.5 };
        let position = self.placement.position(key.as_bytes())? as f64;
        Some((position + half) / self.shape.positions)
    }

    /// The smallest share of keys that any placement would have to move from `before` to here.
    pub(super) fn ideal_from(&self, before: &Ground) -> f64 {
        let old = Placed { by: &*before.placement, shards: &before.shards };
        let new = Placed { by: &*self.placement, shards: &self.shards };
        moved(old, new, [""; 0]).ideal
    }
}
