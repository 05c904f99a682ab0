//! nginx's recordings of failing servers, played to the balancer of the product in a world.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use switchyard::node::BalancerConfig;
use switchyard::sim::{Card, Op, Outcome, Place, Reason, Span, Time};

use super::{is_true, items, small, text, whole};
use crate::balancer_node::{Does, Stage};

/// The door's link comes first, then those of the servers.
const FIRST: u16 = 1;

/// A balancer before these servers, with the limits of failures of the first.
fn stage(servers: &[Json], strategy: &'static str) -> Result<Stage, String> {
    let first = limits(servers.first().ok_or("needs servers")?)?;
    let used = servers.iter().filter(|server| !is_true(server, "down")).count();
    let config = BalancerConfig { strategy, tries: used.max(1) as u8, ..BalancerConfig::default() };
    let knobs = [("max_fails", f64::from(first.0)), ("fail_timeout", f64::from(first.1))];
    let mut stage = Stage::new(config, &knobs)?;
    for server in servers {
        let id = text(server, "id")?;
        let card = Card {
            weight: whole(server, "weight", 1),
            healthy: !is_true(server, "down"),
            backup: is_true(server, "backup"),
            in_flight_max: small(server, "max_conns", 0)?,
            ..Card::new(id, id)
        };
        stage.add(card, Does::Answers);
    }
    Ok(stage)
}

/// `max_fails` and `fail_timeout` of a server.
fn limits(server: &Json) -> Result<(u32, u32), String> {
    Ok((small(server, "max_fails", 1)?, small(server, "fail_timeout_s", 10)?))
}

/// The tries of request after request. Nothing where the case needs what a balancer of the product
/// does not have: limits of failures that differ from server to server, other directives.
pub(super) fn sequence(inputs: &Json, strategy: &'static str) -> Result<Option<Json>, String> {
    let servers = items(inputs, "servers");
    let first = limits(servers.first().ok_or("needs servers")?)?;
    let primary = servers.iter().filter(|server| !is_true(server, "backup"));
    let alike = primary.map(limits).all(|one| one == Ok(first));
    let more = ["directives", "method", "fail500"].iter().any(|key| !inputs[*key].is_null());
    if !alike || more {
        return Ok(None);
    }
    let mut stage = stage(servers, strategy)?;
    let at_ms = items(inputs, "at_ms");
    let n = whole(inputs, "n", at_ms.len() as i64) as usize;
    let mut shown = Vec::new();
    for place in 0..n {
        if let Some(ms) = at_ms.get(place).and_then(Json::as_u64) {
            stage.until(Time::ZERO + Span::from_millis(ms));
        }
        let bad = inputs["bad"][place].as_array().map_or(&[][..], Vec::as_slice);
        for (number, server) in servers.iter().enumerate() {
            let closes = is_true(server, "dead") || bad.contains(&server["id"]);
            stage.does(number, if closes { Does::Closes } else { Does::Answers });
        }
        let serial = stage.send(Op::Read, None);
        shown.push(tries(&stage, servers, serial)?);
    }
    Ok(Some(Json::Array(shown)))
}

/// How many requests each server answers when every so-manieth that reaches the first one fails.
pub(super) fn failing_every(
    servers: &[Json],
    every: usize,
    requests: usize,
) -> Result<Json, String> {
    let (mut reached, mut served) = (0, BTreeMap::<String, u64>::new());
    let first = text(&servers[0], "id")?;
    let mut stage = stage(servers, "nginx_round_robin")?;
    for _ in 0..requests {
        let fails = (reached + 1) % every == 0;
        stage.does(0, if fails { Does::Closes } else { Does::Answers });
        let serial = stage.send(Op::Read, None);
        let rows = tries(&stage, servers, serial)?;
        let rows = rows.as_array().ok_or("tries are a list")?;
        reached += rows.iter().filter(|row| row[0] == first).count();
        if let Some(id) = rows.last().filter(|row| row[1] == 200).and_then(|row| row[0].as_str()) {
            *served.entry(id.to_owned()).or_default() += 1;
        }
    }
    Ok(json!(served))
}

/// Which servers a request was sent to, and what came of it.
pub(super) fn tries(stage: &Stage, servers: &[Json], serial: u64) -> Result<Json, String> {
    let (_, outcome) = stage.end(serial).ok_or(format!("{serial} has not ended"))?;
    let sent = stage.sink.stays.iter().filter_map(|(id, stay)| match stay.place {
        Place::Going(link) if *id == serial => link.0.checked_sub(FIRST),
        _ => None,
    });
    let mut rows: Vec<Json> =
        sent.map(|place| json!([servers[usize::from(place)]["id"], 502])).collect();
    match outcome {
        Outcome::Failed(Reason::NoHealthyBackend, _) => rows.push(json!([null, 502])),
        Outcome::Failed(..) => {}
        _ => {
            let last = rows.last_mut().ok_or("answered by nobody")?;
            last[1] = json!(200);
        }
    }
    Ok(Json::Array(rows))
}
