//! What a server says about its resources: which is the limit, in its box and in words.

use crate::node::Server;
use crate::sim::Time;

/// The second line in the box: the limit, if there is one.
pub(super) fn detail(node: &Server, now: Time) -> String {
    match node.usage(now).limit() {
        Some(("memory", share)) => format!("limit: memory, {} full", percent(share)),
        Some((resource, share)) => format!("limit: {resource}, {} busy", percent(share)),
        None => String::new(),
    }
}

/// What is to be said about it beyond cores and queue: nothing where nothing is used.
pub(super) fn words(node: &Server, now: Time) -> String {
    let (config, usage) = (node.config(), node.usage(now));
    let mut words = String::new();
    if node.shared().value() > 0 {
        words += &format!(", {} share the cores", node.shared().value());
    }
    if node.asking().value() > 0 {
        words += &format!(", {} wait for others", node.asking().value());
    }
    if config.memory_per_request > 0.0 {
        words += &format!(
            ", {:.0} of {:.0} MB of memory held, {} refused for want of it",
            node.memory_held(),
            config.memory_gb * 1e3,
            node.refused_memory()
        );
    }
    if config.response_kb > 0.0 {
        let line = node.leaving().value();
        words += &format!(", network {} busy, {line} answers wait for it", percent(usage.network));
    }
    if let Some((resource, share)) = usage.limit() {
        words += &format!("; limit: {resource}, {} in use", percent(share));
    }
    words
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
