//! The ground a router stands on: its shards, the placement over them, and how both are drawn.

use std::sync::Arc;

use super::config::RouterConfig;
use crate::node::shape::Shape;
use crate::policy::place::{Placed, Placement, Shard, moved};
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
        self.shape.mark(&*self.placement, key)
    }

    /// The smallest share of keys that any placement would have to move from `before` to here.
    pub(super) fn ideal_from(&self, before: &Ground) -> f64 {
        let old = Placed { by: &*before.placement, shards: &before.shards };
        let new = Placed { by: &*self.placement, shards: &self.shards };
        moved(old, new, [""; 0]).ideal
    }
}
