//! HAProxy's recordings, played to the balancer of the product.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use switchyard::node::BalancerConfig;
use switchyard::node::balancer::{Health, HealthConfig, QueueConfig};
use switchyard::policy::balance::Backend;
use switchyard::sim::{Card, Op as Verb, Outcome, Reason, Span};

use super::config::{Config, Setting};
use super::{Op, compare, inputs, items, near, ops, whole};
use crate::balancer_node::{Does, Stage};

/// More than any case lets wait.
const ROOMY: u32 = 100_000;

/// A stage for a configuration. Some strategies go by the numbers of servers, and a balancer of
/// the product numbers them as they come: there they come in that order, with gaps.
fn stage(
    config: &Config,
    strategy: &'static str,
    mut knobs: Vec<Setting>,
    queue: QueueConfig,
) -> Result<Stage, String> {
    knobs.extend(config.more_knobs(strategy)?);
    let settings = BalancerConfig { strategy, queue, ..BalancerConfig::default() };
    let mut stage = Stage::new(settings, &knobs)?;
    let mut list: Vec<&Backend> = config.list.iter().collect();
    let rounds = ["haproxy_roundrobin", "haproxy_static_rr", "haproxy_leastconn"];
    let by_number = !rounds.contains(&strategy);
    if by_number {
        list.sort_by_key(|backend| backend.id);
    }
    let mut number = 0;
    for backend in list {
        while by_number && number + 1 < backend.id {
            stage.skip_number();
            number += 1;
        }
        number += 1;
        let card = Card {
            weight: backend.weight,
            healthy: backend.healthy,
            in_flight_max: backend.in_flight_max,
            backup: backend.backup,
            ..Card::new(&backend.name, &backend.name)
        };
        stage.add(card, Does::Holds);
    }
    Ok(stage)
}

/// haproxy_queue: who arrives at which server during each step. Limits that grow with the load are
/// not modelled by the balancer of the product.
pub(super) fn queue(
    config: &Config,
    strategy: &'static str,
    knobs: Vec<Setting>,
) -> Result<Option<Json>, String> {
    if config.limits.iter().any(|[min, max]| min < max) {
        return Ok(None);
    }
    let line = QueueConfig { places: ROOMY, ..QueueConfig::default() };
    let mut stage = stage(config, strategy, knobs, line)?;
    let (mut numbers, mut there) = (BTreeMap::new(), BTreeMap::<u64, usize>::new());
    let mut arrivals = Vec::new();
    for op in ops(config.inputs)? {
        match op {
            Op::Start(id, key) => {
                // A request's number is known before it is sent, so its way can be looked up.
                numbers.insert(stage.world.tally().sent + 1, id);
                stage.send(Verb::Read, key);
            }
            Op::Finish(id) => {
                let serial = numbers.iter().find(|(_, other)| **other == id);
                let serial = *serial.ok_or(format!("{id} was not started"))?.0;
                stage.finish(serial)?;
            }
        }
        let mut arrived = Vec::new();
        for place in 0..config.list.len() {
            for serial in stage.held(place) {
                if there.insert(serial, place).is_none() {
                    arrived.push((serial, json!([numbers[&serial], stage.name(place)])));
                }
            }
        }
        arrived.sort_by_key(|(serial, _)| *serial);
        arrivals.push(arrived.into_iter().map(|(_, row)| row).collect::<Vec<Json>>());
    }
    Ok(Some(json!({ "arrivals": arrivals })))
}

/// haproxy_queue_timeout: as many requests as are held, then those that wait in vain.
pub(super) fn queue_timeout(case: &Json) -> Result<(), String> {
    let inputs = inputs(case, &["algorithm", "servers", "timeout_queue_ms", "held", "queued"])?;
    let config = Config::read(inputs, &["timeout"])?;
    let (strategy, knobs) = config.algorithm("roundrobin")?;
    let timeout_ms = inputs["timeout_queue_ms"].as_f64().ok_or("needs timeout_queue_ms")?;
    let line = QueueConfig { places: ROOMY, timeout_ms, ..QueueConfig::default() };
    let mut stage = stage(&config, strategy, knobs, line)?;
    let held = whole(inputs, "held", 0);
    for _ in 0..held {
        stage.send(Verb::Read, None);
    }
    let with_servers: usize = (0..config.list.len()).map(|place| stage.held(place).len()).sum();
    if with_servers as i64 != held {
        return Err(format!("{with_servers} of {held} are with servers"));
    }
    let begin = stage.world.now();
    let queued: Vec<u64> =
        (0..whole(inputs, "queued", 0)).map(|_| stage.send(Verb::Read, None)).collect();
    stage.after(Span::from_millis_f64(timeout_ms * 2.0 + 1.0));
    let seen = items(&case["observed"], "requests");
    if seen.len() != queued.len() {
        return Err(format!("{} requests seen, {} waited", seen.len(), queued.len()));
    }
    for (seen, id) in seen.iter().zip(queued) {
        let (at, outcome) = stage.end(id).ok_or("it waits for ever")?;
        let status = match outcome {
            Outcome::Done => 200,
            Outcome::Failed(Reason::TimedOutWaiting, _) => 503,
            other => return Err(format!("it ended as {other:?}")),
        };
        compare("the status", &seen["status"], &json!(status))?;
        near("the time", &seen["ms"], at.since(begin).millis())?;
    }
    Ok(())
}

/// haproxy_health: bad checks until the server is left out and good ones until it is back, and
/// what the balancer shows after each.
pub(super) fn health(
    inter_ms: f64,
    fall: u32,
    rise: u32,
) -> Result<(u64, u64, Vec<String>), String> {
    let health = HealthConfig {
        how: Health::Checks,
        interval_ms: inter_ms,
        timeout_ms: inter_ms,
        rise,
        fall,
        ..HealthConfig::default()
    };
    let strategy = "haproxy_roundrobin";
    let settings = BalancerConfig { strategy, health, ..BalancerConfig::default() };
    let mut stage = Stage::new(settings, &[])?;
    stage.add(Card::new("a", "a"), Does::Closes);
    let mut shown = Vec::new();
    let mut count = |stage: &mut Stage, up: bool| {
        let mut checks = 0;
        while stage.balancer().backends()[0].healthy != up {
            let before = stage.balancer().health().checks;
            while stage.balancer().health().checks == before {
                let next = stage.world.next_event().ok_or("no check comes any more")?;
                stage.until(next);
            }
            checks += 1;
            shown.push(stage.balancer().believes(0, stage.world.now()));
            if checks > 1_000 {
                return Err("a thousand checks change nothing".to_owned());
            }
        }
        Ok::<u64, String>(checks)
    };
    let bad = count(&mut stage, false)?;
    stage.does(0, Does::Answers);
    let good = count(&mut stage, true)?;
    Ok((bad, good, shown))
}
