//! The ground a cluster stands on: the placement over its members, and who holds a key by it.

use super::config::ClusterConfig;
use super::name_of;
use crate::node::shape::Shape;
use crate::policy::place::{Placed, Placement, Shard, moved};
use crate::sim::Why;

/// A placement over so many members.
#[derive(Debug)]
pub(super) struct Ground {
    shards: Vec<Shard>,
    pub(super) placement: Box<dyn Placement>,
    pub(super) shape: Shape,
}

/// Who holds a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Homes {
    /// Those that hold it as things are, the owner first.
    pub(super) acting: Vec<u8>,
    /// Those that should hold it and are known to be gone.
    pub(super) passed: Vec<u8>,
    /// How many hold it when all is well.
    pub(super) copies: usize,
}

impl Ground {
    /// Over so many members, made from the one before if there is one by the same rule.
    ///
    /// # Errors
    /// The words with which the placement refuses.
    pub(super) fn new(
        members: usize,
        before: Option<&Ground>,
        config: &ClusterConfig,
    ) -> Result<Ground, String> {
        let shards: Vec<Shard> = (0..members).map(|place| Shard::new(&name_of(place), 1)).collect();
        let made = match before {
            Some(before) => before.placement.with(&shards),
            None => (config.placing().make)(config.tuning.of(config.placement), &shards),
        };
        let placement = made.map_err(|refused| refused.to_string())?;
        let shape = Shape::of(&*placement);
        Ok(Ground { shards, placement, shape })
    }

    /// How many members it was made for.
    pub(super) fn members(&self) -> usize {
        self.shards.len()
    }

    /// The member that owns a key.
    pub(super) fn owner(&self, key: &str, why: &mut Why) -> Option<usize> {
        self.placement.owner(key.as_bytes(), why)
    }

    /// Who holds a key, when these are known to be gone.
    pub(super) fn homes(
        &self,
        key: &str,
        config: &ClusterConfig,
        gone: impl Fn(usize) -> bool,
    ) -> Homes {
        let copies = usize::from(config.copies).min(self.members());
        let missing = (0..self.members()).filter(|place| gone(*place)).count();
        let more = if config.failover { missing } else { 0 };
        let mut list = Vec::with_capacity(copies + more);
        self.placement.preference(key.as_bytes(), copies + more, &mut list);
        let copies = copies.min(list.len());
        let byte = |place: &usize| *place as u8;
        Homes {
            acting: list.iter().filter(|place| !gone(**place)).take(copies).map(byte).collect(),
            passed: list[..copies].iter().filter(|place| gone(**place)).map(byte).collect(),
            copies,
        }
    }

    /// The smallest share of keys that any placement would have to move from `before` to here.
    pub(super) fn ideal_from(&self, before: &Ground) -> f64 {
        let old = Placed { by: &*before.placement, shards: &before.shards };
        let new = Placed { by: &*self.placement, shards: &self.shards };
        moved(old, new, [""; 0]).ideal
    }
}
