//! The result of a run in plain data, and as text: for the command line, pages and tests.

use std::fmt::Write as _;

use serde::Serialize;

use super::Session;
use crate::node::balancer::Health;
use crate::node::clients::AttemptCounts;
use crate::node::gateway::{GATES, Gate};
use crate::node::table::Part;
use crate::node::{
    AnyNode, Balancer, Board, Cache, Clients, Cluster, Database, Gateway, Group, Queue, Registry,
    Router, Server, Table, Worker,
};
use crate::policy::broker::Cause;
use crate::sim::{Reason, Time};
use crate::stats::judge::Violation;

/// What came out of a run so far.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The simulated time, in seconds.
    pub seconds: f64,
    /// Events handled.
    pub events: u64,
    /// The hash over all events, in hexadecimal: equal hashes, equal runs.
    pub trace_hash: String,
    /// Requests made.
    pub sent: u64,
    /// Requests answered.
    pub completed: u64,
    /// Requests in flight.
    pub in_flight: u64,
    /// Failed requests by reason, without the reasons that did not occur.
    pub failed: Vec<(String, u64)>,
    /// What each node says about itself.
    pub nodes: Vec<NodeReport>,
}

/// What one node came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeReport {
    /// Its id in the scenario.
    pub id: String,
    /// Its name.
    pub label: String,
    /// Its kind.
    pub kind: String,
    /// Figures with their names, in the units of the names.
    pub figures: Vec<(String, f64)>,
}

impl Session {
    /// The report as of the playhead.
    pub fn report(&self) -> Report {
        let run = self.run();
        let failed = Reason::ALL.iter().map(|&r| (r, run.tally().failed[r as usize]));
        Report {
            seconds: run.now().seconds(),
            events: run.events(),
            trace_hash: format!("{:016x}", run.trace_hash()),
            sent: run.tally().sent,
            completed: run.tally().completed,
            in_flight: run.in_flight(),
            failed: failed
                .filter(|&(_, count)| count > 0)
                .map(|(reason, count)| (reason.words().to_owned(), count))
                .collect(),
            nodes: self.scenario().nodes.iter().filter_map(|n| self.node_report(&n.id)).collect(),
        }
    }

    fn node_report(&self, id: &str) -> Option<NodeReport> {
        let spec = self.scenario().node(id)?;
        let number = self.run().find(id)?;
        let node = &self.run().nodes()[usize::from(number.0)];
        let named = |(name, figure): (&str, f64)| (name.to_owned(), figure);
        Some(NodeReport {
            id: spec.id.clone(),
            label: spec.label.clone(),
            kind: spec.kind.entry().key.to_owned(),
            figures: figures(node, self).into_iter().map(named).collect(),
        })
    }
}

fn figures(node: &AnyNode, session: &Session) -> Vec<(&'static str, f64)> {
    let now = session.run().now();
    match node {
        AnyNode::Clients(clients) => of_clients(clients),
        AnyNode::Balancer(balancer) => of_balancer(balancer, now),
        AnyNode::Server(server) => of_server(server, now),
        AnyNode::Cache(cache) => cache_figures(cache, session),
        AnyNode::Table(table) => of_table(table, now),
        AnyNode::Router(router) => of_router(router),
        AnyNode::Cluster(cluster) => of_cluster(cluster),
        AnyNode::Database(database) => of_database(database),
        AnyNode::Registry(registry) => of_registry(registry),
        AnyNode::Gateway(gateway) => of_gateway(gateway),
        AnyNode::Queue(queue) => of_queue(queue, now),
        AnyNode::Worker(worker) => of_worker(worker, now),
        AnyNode::Group(group) => of_group(group, now),
        AnyNode::Board(board) => of_board(board, now),
    }
}

fn of_clients(clients: &Clients) -> Vec<(&'static str, f64)> {
    let latency = clients.latency();
    let mut figures = vec![
        ("sent", clients.sent().total() as f64),
        ("answered", clients.answered().total() as f64),
        ("failed", clients.failed() as f64),
        ("stale_reads", clients.judge().count(Violation::StaleRead) as f64),
        ("own_writes_unseen", clients.judge().count(Violation::OwnWriteUnseen) as f64),
        ("back_in_time", clients.judge().count(Violation::BackInTime) as f64),
        ("latency_mean_ms", latency.mean().millis()),
        ("latency_p50_ms", latency.percentile(50.0).millis()),
        ("latency_p95_ms", latency.percentile(95.0).millis()),
        ("latency_p99_ms", latency.percentile(99.0).millis()),
    ];
    let counts = *clients.attempts();
    if counts != AttemptCounts::default() {
        figures.extend([
            ("attempts", counts.made as f64),
            ("retries", counts.retries as f64),
            ("hedges", counts.hedges as f64),
            ("timed_out", counts.timed_out as f64),
            ("late_answers", counts.late as f64),
            ("retries_not_paid", counts.not_paid as f64),
            ("circuit_open", counts.circuit_open as f64),
            ("over_limit", counts.over_limit as f64),
        ]);
    }
    figures
}

fn of_balancer(balancer: &Balancer, now: Time) -> Vec<(&'static str, f64)> {
    let mut figures = vec![
        ("picks", balancer.picked().total() as f64),
        ("further_tries", balancer.retried() as f64),
        ("nobody_to_choose", balancer.refused() as f64),
    ];
    if balancer.keeps_limits() {
        figures.extend([
            ("waited", balancer.waited() as f64),
            ("waiting_mean", balancer.waiting().mean(now)),
            ("no_place_to_wait", balancer.turned_away() as f64),
            ("timed_out_waiting", balancer.waited_in_vain() as f64),
        ]);
    }
    let (config, counts) = (balancer.config(), balancer.health());
    if config.health.how != Health::Mark {
        let windows = balancer.detections();
        let last = windows.last().map(|window| window.until.unwrap_or(now).since(window.from));
        figures.extend([
            ("checks", counts.checks as f64),
            ("checks_failed", counts.bad_checks as f64),
            ("sent_to_dead", counts.to_dead as f64),
            ("detection_windows", windows.len() as f64),
            ("last_detection_ms", last.map_or(0.0, |span| span.millis())),
        ]);
    }
    if !config.guards.is_off() {
        figures.push(("stopped_by_guards", balancer.stopped() as f64));
    }
    figures
}

fn of_server(server: &Server, now: Time) -> Vec<(&'static str, f64)> {
    let mut figures = vec![
        ("arrived", server.arrived().total() as f64),
        ("served", server.served().total() as f64),
        ("refused", server.refused() as f64),
        ("refused_memory", server.refused_memory() as f64),
        ("failed_behind", server.failed_behind() as f64),
        ("lost", server.lost() as f64),
        ("busy_cores_mean", server.busy().mean(now)),
        ("held_cores_mean", server.held().mean(now)),
        ("queue_mean", server.waiting().mean(now)),
        ("network_busy_mean", server.sending().mean(now)),
        ("inside_mean", server.inside_mean(now)),
        ("health_checks", server.checks() as f64),
    ];
    if !server.config().shedding.how.is_empty() || server.config().shedding.drop_late {
        figures.extend([("shed", server.shed() as f64), ("too_late", server.too_late() as f64)]);
    }
    figures
}

fn cache_figures(cache: &Cache, session: &Session) -> Vec<(&'static str, f64)> {
    let counts = cache.counts();
    let diverged = cache.diverged(session.run().truth());
    vec![
        ("arrived", cache.arrived().total() as f64),
        ("hit_ratio", cache.hit_ratio().unwrap_or(0.0)),
        ("hits", counts.hits as f64),
        ("misses", counts.misses as f64),
        ("expired", counts.expired as f64),
        ("evictions", counts.evictions as f64),
        ("fills", counts.fills as f64),
        ("not_admitted", counts.not_admitted as f64),
        ("invalidated", counts.invalidated as f64),
        ("loads", counts.loads as f64),
        ("coalesced", counts.coalesced as f64),
        ("refreshes", counts.refreshes as f64),
        ("served_over", counts.over_hits as f64),
        ("stale_hits", counts.stale_hits as f64),
        ("refused", counts.refused as f64),
        ("written", counts.written as f64),
        ("dropped", counts.dropped as f64),
        ("entries", cache.entries() as f64),
        ("diverged", diverged as f64),
        ("dirty", cache.dirty() as f64),
        ("lost_writes", cache.lost_writes() as f64),
        ("writes_in_doubt", cache.in_doubt() as f64),
    ]
}

fn of_database(database: &Database) -> Vec<(&'static str, f64)> {
    vec![
        ("queries", database.queries().total() as f64),
        ("reads", database.reads() as f64),
        ("not_found", database.not_found() as f64),
        ("reads_behind_primary", database.reads_behind() as f64),
        ("changes", database.changes() as f64),
        ("acknowledged", database.acknowledged() as f64),
        ("changes_failed", database.changes_failed() as f64),
        ("lost_acknowledged", database.lost() as f64),
        ("diverged", database.diverged() as f64),
        ("discarded", database.discarded() as f64),
        ("promotions", database.promotions() as f64),
        ("gave_up_waiting", database.gave_up_waiting() as f64),
        ("expired_keys", database.expired_keys() as f64),
        ("failovers_tried", f64::from(database.epoch())),
    ]
}

fn of_table(table: &Table, now: Time) -> Vec<(&'static str, f64)> {
    let sum = |read: fn(&Part) -> u32| table.parts().map(read).sum::<u32>();
    let most = |read: fn(&Part) -> f64| table.parts().map(read).fold(0.0, f64::max);
    let busiest = table.parts().map(|part| part.busy.mean(now)).fold(0.0, f64::max);
    vec![
        ("arrived", table.arrived().total() as f64),
        ("served", table.served().total() as f64),
        ("touched", table.touched() as f64),
        ("refused", table.refused() as f64),
        ("not_found", table.not_found() as f64),
        ("lost", table.lost() as f64),
        ("rows", f64::from(sum(|part| part.rows))),
        ("partitions", table.parts().count() as f64),
        ("splits", table.splits() as f64),
        ("rows_in_largest", most(|part| f64::from(part.rows))),
        ("served_by_busiest", most(|part| part.served.total() as f64)),
        ("busy_workers_mean", table.parts().map(|part| part.busy.mean(now)).sum()),
        ("busy_workers_mean_busiest", busiest),
        ("queue_mean", table.parts().map(|part| part.waiting.mean(now)).sum()),
    ]
}

fn of_router(router: &Router) -> Vec<(&'static str, f64)> {
    let keys = || router.members().iter().map(|member| f64::from(member.keys));
    let most = router.sent().iter().map(|sent| sent.total() as f64).fold(0.0, f64::max);
    let change = router.change().unwrap_or_default();
    vec![
        ("routed", router.routed().total() as f64),
        ("routed_to_busiest", most),
        ("shards", router.members().len() as f64),
        ("keys", keys().sum()),
        ("keys_on_fullest", keys().fold(0.0, f64::max)),
        ("changed_shard", f64::from(change.moved)),
        ("least_that_could", change.ideal * f64::from(change.of)),
        ("rows_astray", router.astray() as f64),
        ("rows_moved", router.moved() as f64),
        ("moves_failed", router.failed_moves() as f64),
        ("rows_left_behind", router.left_behind() as f64),
        ("misroutes", router.misroutes() as f64),
        ("misses", router.misses() as f64),
        ("no_owner", router.homeless() as f64),
    ]
}

fn of_cluster(cluster: &Cluster) -> Vec<(&'static str, f64)> {
    let counts = cluster.counts();
    let change = cluster.change().unwrap_or_default();
    let most = cluster.members().map(|member| member.asked.total()).max().unwrap_or(0);
    vec![
        ("arrived", cluster.arrived().total() as f64),
        ("hit_ratio", cluster.hit_ratio().unwrap_or(0.0)),
        ("hits", counts.hits as f64),
        ("misses", counts.misses as f64),
        ("second_looks", counts.second_looks as f64),
        ("misses_held_elsewhere", counts.elsewhere as f64),
        ("stale_hits", counts.stale_hits as f64),
        ("loads", counts.loads as f64),
        ("written", counts.written as f64),
        ("fills", counts.fills as f64),
        ("evictions", counts.evictions as f64),
        ("expired", counts.expired as f64),
        ("refused", counts.refused as f64),
        ("no_answer", counts.no_answer as f64),
        ("failed_unanswered", counts.unanswered as f64),
        ("failed_too_few", counts.too_few as f64),
        ("failed_queue_full", counts.queue_full as f64),
        ("dropped", counts.dropped as f64),
        ("lost_keys", counts.lost as f64),
        ("set_back_keys", counts.set_back as f64),
        ("keys_changed_owner", f64::from(change.moved)),
        ("least_that_could", change.ideal * f64::from(change.of)),
        ("keys_handed_over", counts.handed as f64),
        ("keys_to_hand_over", cluster.to_hand_over() as f64),
        ("noticed_gone", counts.noticed as f64),
        ("hints_kept", cluster.hints() as f64),
        ("hints_given", counts.hinted as f64),
        ("repaired", counts.repaired as f64),
        ("members", cluster.members().count() as f64),
        ("asked_of_busiest", most as f64),
        ("entries", cluster.entries() as f64),
        ("diverged", cluster.diverged() as f64),
    ]
}

fn of_registry(registry: &Registry) -> Vec<(&'static str, f64)> {
    let counts = registry.counts();
    let sent = registry.members().iter().map(|member| member.sent as f64);
    let seen = registry.detection().and_then(|detection| detection.after);
    vec![
        ("sent", registry.sent().total() as f64),
        ("sent_to_busiest", sent.fold(0.0, f64::max)),
        ("registered", registry.catalogue().all().count() as f64),
        ("passing", registry.passing() as f64),
        ("lookups", counts.lookups as f64),
        ("from_list", counts.from_list as f64),
        ("nobody_passing", counts.nobody as f64),
        ("registry_unreachable", counts.unreachable as f64),
        ("sent_in_vain", counts.in_vain as f64),
        ("checks", counts.checks as f64),
        ("checks_failed", counts.failed_checks as f64),
        ("checks_lost", counts.lost_checks as f64),
        ("struck_out", counts.reaped as f64),
        ("registrations_failed", counts.failed_registrations as f64),
        ("last_detection_s", seen.map_or(0.0, |after| after.seconds())),
    ]
}

fn of_gateway(gateway: &Gateway) -> Vec<(&'static str, f64)> {
    let stopped = |gate: Gate| {
        let name = match gate {
            Gate::Route => "no_route",
            Gate::Auth => "no_token",
            Gate::Limit => "rate_limited",
            Gate::Room => "shed",
            Gate::Canary => "sent_to_canary",
            Gate::Breaker => "circuit_open",
            Gate::Timeout => "timed_out",
            Gate::Retry => "retries_used_up",
            Gate::Deadline => "deadline_passed",
        };
        (name, gateway.gate(gate).stopped as f64)
    };
    let own = [
        ("arrived", gateway.arrived().total() as f64),
        ("answered", gateway.answered() as f64),
        ("attempts", gateway.sent() as f64),
        ("retries", gateway.gate(Gate::Retry).passed as f64),
        ("misroutes", gateway.astray() as f64),
        ("late_answers", gateway.late() as f64),
    ];
    own.into_iter().chain(GATES.map(stopped)).collect()
}

fn of_worker(worker: &Worker, now: Time) -> Vec<(&'static str, f64)> {
    vec![
        ("arrived", worker.arrived().total() as f64),
        ("handled", worker.handled().total() as f64),
        ("duplicates", worker.duplicates() as f64),
        ("skipped", worker.skipped() as f64),
        ("failed", worker.failed() as f64),
        ("lost", worker.lost() as f64),
        ("busy_cores_mean", worker.busy().mean(now)),
    ]
}

fn of_queue(queue: &Queue, now: Time) -> Vec<(&'static str, f64)> {
    let ledger = queue.ledger();
    let (waiting, out) = queue.counts();
    let oldest = queue.oldest().map_or(0.0, |since| now.since(since).millis());
    let cause = |cause: Cause| ledger.causes[cause as usize] as f64;
    vec![
        ("published", ledger.published as f64),
        ("waiting", waiting as f64),
        ("with_workers", out as f64),
        ("handled", ledger.handled as f64),
        ("lost", ledger.lost as f64),
        ("dropped", ledger.dropped as f64),
        ("dead_letters", ledger.dead as f64),
        ("deliveries", ledger.deliveries as f64),
        ("redelivered", ledger.redelivered as f64),
        ("retried", ledger.retried as f64),
        ("unroutable", ledger.unroutable as f64),
        ("refused", ledger.refused as f64),
        ("rejected", cause(Cause::Rejected)),
        ("expired", cause(Cause::Expired)),
        ("over_length", cause(Cause::MaxLen)),
        ("came_back_too_often", cause(Cause::DeliveryLimit)),
        ("rebalances", ledger.rebalances as f64),
        ("lag_largest", queue.lag_largest() as f64),
        ("oldest_ms", oldest),
    ]
}

fn of_board(board: &Board, now: Time) -> Vec<(&'static str, f64)> {
    let readings = board.readings();
    vec![
        ("alerts_fired", board.fired() as f64),
        ("alerts_cleared", board.cleared() as f64),
        ("alerts_firing", f64::from(board.firing().value())),
        ("alert_seconds", board.firing().area(now) as f64 / 1e9),
        ("rate", readings.rate.unwrap_or(0.0)),
        ("errors_percent", readings.errors.unwrap_or(0.0) * 100.0),
        ("p50_ms", readings.p50.unwrap_or(0.0)),
        ("p99_ms", readings.p99.unwrap_or(0.0)),
        ("busiest_percent", readings.busiest.unwrap_or(0.0) * 100.0),
    ]
}

fn of_group(group: &Group, now: Time) -> Vec<(&'static str, f64)> {
    vec![
        ("arrived", group.arrived().total() as f64),
        ("served", group.served().total() as f64),
        ("refused", group.refused() as f64),
        ("refused_by_dead", group.refused_dead() as f64),
        ("lost", group.lost() as f64),
        ("servers", f64::from(group.paid().value())),
        ("servers_mean", group.paid().mean(now)),
        ("servers_most", f64::from(group.most_servers())),
        ("servers_up_mean", group.up().mean(now)),
        ("scaled_out", group.scaled_out() as f64),
        ("scaled_in", group.scaled_in() as f64),
        ("replaced", group.replaced() as f64),
        ("busy_cores_mean", group.serving().mean(now)),
        ("queue_mean", group.in_line().mean(now)),
        ("server_hours", group.server_hours(now)),
        ("cost", group.cost(now)),
    ]
}

impl Report {
    /// The report as text for a terminal.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let failed: u64 = self.failed.iter().map(|(_, count)| count).sum();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:.3} s simulated, {} events, trace {}",
            self.seconds, self.events, self.trace_hash
        );
        let _ = writeln!(
            text,
            "{} sent = {} completed + {failed} failed + {} in flight",
            self.sent, self.completed, self.in_flight
        );
        for (reason, count) in &self.failed {
            let _ = writeln!(text, "  {count:>8}  {reason}");
        }
        for node in &self.nodes {
            let _ = write!(text, "{:<12} {:<9}", node.label, node.kind);
            for (name, figure) in &node.figures {
                let _ = write!(text, " {name} {}", (figure * 1e3).round() / 1e3);
            }
            text.push('\n');
        }
        text
    }
}
