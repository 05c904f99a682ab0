//! What a database shows: a row per member, and loudly what is lost.

use super::face::{Condition, Face, Inside, rate};
use crate::node::Database;
use crate::node::database::{MemberState, Role};
use crate::sim::Time;

/// A member of a database.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberRow {
    /// Its number.
    pub name: String,
    /// What it is to the others just now.
    pub role: &'static str,
    /// Its log position, or what it has that the others do not.
    pub position: String,
    /// How far it is behind.
    pub lag: String,
    /// Workers at work over workers, 0 to 1.
    pub load: f64,
    /// Does it take changes?
    pub leads: bool,
    /// Is something wrong with it?
    pub wrong: bool,
}

pub(super) fn face(node: &Database, now: Time) -> Face {
    let members: Vec<MemberRow> = node.members(now).enumerate().map(row).collect();
    let told = members.iter().map(|member| {
        let MemberRow { name, role, position, lag, .. } = member;
        format!("member {name} {role}, log {position}, {lag}")
    });
    let told: Vec<String> = told.collect();
    let number = format!("{}/s", rate(node.queries().per_second(now)));
    let promoted = node.promotion().map(|promotion| format!("; {}", promotion.words()));
    let stuck = node.stuck().map(|why| format!("; {why}"));
    let words = format!(
        "{} queries per second; {}; {} reads, {} of them behind the primary; \
         {} changes, {} acknowledged, {} \
         failed, {} lost after they were acknowledged{}{}",
        rate(node.queries().per_second(now)),
        told.join("; "),
        node.reads(),
        node.reads_behind(),
        node.changes(),
        node.acknowledged(),
        node.changes_failed(),
        node.lost(),
        promoted.unwrap_or_default(),
        stuck.unwrap_or_default()
    );
    let (inside, detail) = (Inside::Members(members), detail(node, now));
    Face { condition: Condition::Fine, number, detail, inside, words }
}

/// The worst first.
fn detail(node: &Database, now: Time) -> String {
    let many = |count: u64, one: &str, more: &str| match count {
        1 => format!("1 {one}"),
        n => format!("{n} {more}"),
    };
    if node.lost() > 0 {
        return many(node.lost(), "acknowledged change LOST", "acknowledged changes LOST");
    }
    if node.stuck().is_some() {
        return "nobody is promoted".to_owned();
    }
    if node.acknowledged_apart() > 0 {
        return format!("split: {} acknowledged apart", node.acknowledged_apart());
    }
    let most = node.members(now).map(|member| member.busy as usize).max().unwrap_or(0);
    let slowdown = node.config().slowdown(most);
    if slowdown >= 1.5 {
        return format!("{most} at work, each takes {slowdown:.1} times as long");
    }
    if node.reads_behind() > 0 {
        return many(node.reads_behind(), "read behind the primary", "reads behind the primary");
    }
    String::new()
}

fn row((number, member): (usize, MemberState)) -> MemberRow {
    let MemberState { role, position, behind, behind_for, apart, busy, workers, .. } = member;
    MemberRow {
        name: number.to_string(),
        role: role.words(),
        position: match apart {
            0 => position.to_string(),
            n => format!("{position}+{n}"),
        },
        lag: match (role, behind) {
            (Role::Primary, _) => String::new(),
            (_, 0) => "level".to_owned(),
            (_, n) => format!("\u{2212}{n}, {behind_for}"),
        },
        load: f64::from(busy) / f64::from(workers.max(1)),
        leads: matches!(role, Role::Primary | Role::SecondPrimary),
        wrong: !matches!(role, Role::Primary | Role::Replica),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;
    use crate::scenario::build::build;
    use crate::sim::{Silent, Span};

    #[test]
    fn a_database_says_who_is_who_and_shouts_what_is_lost() {
        let json = r#"{ "schema": "switchyard/1", "seed": 4, "nodes": [
            { "id": "c", "kind": "clients", "label": "c", "x": 0, "y": 0,
              "rate": 100, "writes": 80 },
            { "id": "db", "kind": "database", "label": "db", "x": 300, "y": 0,
              "lag": 400, "replicas": 1 }
        ], "links": [{ "from": "c", "to": "db", "latency_ms": 1 }],
        "faults": [{ "at_ms": 1000, "node": "db", "what": "crash_part", "part": 0 }] }"#;
        let scenario = Scenario::from_json(json).expect("it is valid");
        let mut run = build(&scenario);
        let shown = |run: &_| {
            let face = super::super::face::face(&scenario, run, &scenario.nodes[1]);
            let face = face.expect("it is in the run");
            let Inside::Members(members) = face.inside else { panic!("a database has members") };
            let roles: Vec<&str> = members.iter().map(|member| member.role).collect();
            (roles, members[1].lag.clone(), face.detail)
        };
        run.run_until(Time::ZERO + Span::from_millis(900), u64::MAX, &mut Silent);
        let (roles, lag, _) = shown(&run);
        assert_eq!(roles, ["primary", "replica"]);
        assert!(lag.starts_with('\u{2212}') && lag.contains(" ms"), "{lag}");
        run.run_until(Time::ZERO + Span::from_millis(3_000), u64::MAX, &mut Silent);
        let (roles, _, detail) = shown(&run);
        assert_eq!(roles, ["down", "primary"]);
        assert!(detail.ends_with("acknowledged changes LOST"), "{detail}");
    }
}
