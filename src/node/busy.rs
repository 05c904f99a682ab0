//! How busy a node is, for whoever watches: the share of its cores or workers at work.

use super::AnyNode;
use crate::sim::Time;

impl AnyNode {
    /// The share of its places of work that are taken just now, 0 to 1, where it has such places;
    /// of several members or partitions the busiest counts.
    pub fn busy_share(&self, now: Time) -> Option<f64> {
        let share = |part: u32, whole: u32| {
            (whole > 0).then(|| (f64::from(part) / f64::from(whole)).min(1.0))
        };
        match self {
            AnyNode::Server(node) => {
                share(node.busy().value() + node.held().value(), node.config().cores.into())
            }
            AnyNode::Worker(node) => share(node.busy().value(), node.config().cores.into()),
            AnyNode::Group(node) => {
                let (busy, cores) = node.load();
                share(busy, cores)
            }
            AnyNode::Database(node) => {
                let all = node.members(now).filter_map(|m| share(m.busy, m.workers));
                all.reduce(f64::max)
            }
            AnyNode::Table(node) => {
                let workers = u32::from(node.config().workers);
                let all = node.parts().filter_map(|part| share(part.busy.value(), workers));
                all.reduce(f64::max)
            }
            _ => None,
        }
    }
}
