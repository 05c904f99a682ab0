//! How busy a node is, for whoever watches: the share of its cores or workers at work, or of its
//! waiting places where waiting is all it does.

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
            AnyNode::Cluster(node) => {
                let workers = u32::from(node.config().workers);
                node.members().filter_map(|member| share(member.busy, workers)).reduce(f64::max)
            }
            // Places to wait are what these have: a queue with a limit, and a balancer that lets
            // requests wait.
            AnyNode::Queue(node) => {
                let most = node.config().length;
                let lengths = node.lengths();
                lengths.filter_map(|waiting| share(waiting as u32, most)).reduce(f64::max)
            }
            AnyNode::Balancer(node) => share(node.waiting().value(), node.config().queue.places),
            // Who has no places cannot run out of them; a cache that is full is as it should be.
            AnyNode::Clients(_)
            | AnyNode::Cache(_)
            | AnyNode::Router(_)
            | AnyNode::Registry(_)
            | AnyNode::Gateway(_)
            | AnyNode::Board(_) => None,
        }
    }
}
