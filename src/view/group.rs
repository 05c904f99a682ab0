//! What an autoscaled group shows: a box per server, how many there are to be, what it costs, and
//! what was measured against its target.

use super::face::{Condition, Face, Inside, rate};
use crate::node::Group;
use crate::node::group::{Action, Decision, Life, MemberState, Metric};
use crate::sim::Time;

/// Boxes in a row.
pub const BOXES_PER_ROW: usize = 8;

/// A server of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerBox {
    /// Its number.
    pub name: String,
    /// How it is doing, in one word.
    pub state: &'static str,
    /// Cores at work over cores, 0 to 1.
    pub fill: f64,
    /// Is there nothing in this place?
    pub empty: bool,
    /// Does somebody wait there?
    pub queue: bool,
}

/// The inside of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Fleet {
    /// A box for each place.
    pub boxes: Vec<ServerBox>,
    /// `3 up, 5 wanted`.
    pub count: String,
    /// What was measured last, on a scale from 0 to 1.
    pub measured: f64,
    /// The target on the same scale.
    pub target: f64,
    /// Both in words: `92 % / 60 %`.
    pub gauge: String,
}

pub(super) fn face(node: &Group, now: Time) -> Face {
    let members: Vec<MemberState> = node.members().collect();
    let up = members.iter().filter(|member| member.life == Life::Up).count();
    let desired = node.desired();
    let told = members.iter().map(|member| {
        let MemberState { place, life, busy, waiting, .. } = *member;
        format!("server {place} {}, {busy} at work, {waiting} waiting", life.words())
    });
    let told: Vec<String> = told.collect();
    let decided = node.decision().map(|d| format!("; {}", d.words(node.config())));
    let words = format!(
        "{} answered per second; {up} servers up, {desired} wanted; {}; {} refused, {} lost; cost \
         {:.4} so far{}",
        rate(node.served().per_second(now)),
        told.join("; "),
        node.refused() + node.refused_dead(),
        node.lost(),
        node.cost(now),
        decided.unwrap_or_default()
    );
    Face {
        condition: Condition::Fine,
        number: format!("{}/s", rate(node.served().per_second(now))),
        detail: detail(node, now),
        inside: Inside::Group(fleet(node, &members, up)),
        words,
    }
}

fn fleet(node: &Group, members: &[MemberState], up: usize) -> Fleet {
    let cores = node.config().cores;
    let last = members.last().map_or(0, |member| usize::from(member.place) + 1);
    let places = last.max(usize::from(node.config().max));
    let one = |place: usize| {
        let member = members.iter().find(|member| usize::from(member.place) == place);
        ServerBox {
            name: place.to_string(),
            state: member.map_or("not started", |member| member.life.words()),
            fill: member.map_or(0.0, |m| (f64::from(m.busy) / f64::from(cores)).min(1.0)),
            empty: member.is_none(),
            queue: member.is_some_and(|member| member.waiting > 0),
        }
    };
    let (metric, target) = (node.config().metric, node.config().target());
    let measured = node.decision().filter(|d| d.metric == metric).map(|d| d.measured);
    let shown = measured.unwrap_or(0.0);
    let (scale, gauge) = match metric {
        Metric::Utilisation => {
            let percent = |share: f64| format!("{:.0} %", share * 100.0);
            (1.0, format!("{} / {}", percent(shown), percent(target)))
        }
        Metric::QueueDepth => (2.0 * target, format!("{shown:.1} / {target} waiting")),
    };
    Fleet {
        boxes: (0..places).map(one).collect(),
        count: format!("{up} up, {} wanted", node.desired()),
        measured: (shown / scale).clamp(0.0, 1.0),
        target: target / scale,
        gauge,
    }
}

/// What it costs, and what the controller waits for.
fn detail(node: &Group, now: Time) -> String {
    let cost = node.cost(now);
    let hours = node.server_hours(now);
    let spent = format!("{:.0} server-s, cost {cost:.4}", hours * 3_600.0);
    match node.decision() {
        Some(Decision { action: Action::Cooling { until }, allowed, .. }) if *until > now => {
            format!("wants {allowed}, cooling until {:.1} s", until.seconds())
        }
        _ => spent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;
    use crate::scenario::build::build;
    use crate::sim::{Silent, Span};

    #[test]
    fn a_group_shows_who_starts_and_who_is_dead() {
        let json = r#"{ "schema": "switchyard/1", "seed": 4, "nodes": [
            { "id": "c", "kind": "clients", "label": "c", "x": 0, "y": 0, "rate": 200 },
            { "id": "g", "kind": "group", "label": "g", "x": 300, "y": 0,
              "min": 2, "max": 5, "startup": 2000, "interval": 500, "service": 100 }
        ], "links": [{ "from": "c", "to": "g", "latency_ms": 1 }],
        "faults": [{ "at_ms": 1400, "node": "g", "what": "crash_part", "part": 0 }] }"#;
        let scenario = Scenario::from_json(json).expect("it is valid");
        let mut run = build(&scenario);
        run.run_until(Time::ZERO + Span::from_millis(1_500), u64::MAX, &mut Silent);
        let face = super::super::face::face(&scenario, &run, &scenario.nodes[1]);
        let face = face.expect("it is in the run");
        let Inside::Group(fleet) = face.inside else { panic!("a group has servers") };
        let states: Vec<&str> = fleet.boxes.iter().map(|one| one.state).collect();
        assert_eq!(states, ["dead", "up", "starting", "starting", "not started"]);
        assert_eq!(fleet.count, "1 up, 4 wanted");
        assert_eq!(fleet.target, 0.6);
        assert!(fleet.gauge.ends_with("/ 60 %"), "{}", fleet.gauge);
    }
}
