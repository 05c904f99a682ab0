//! What a cache cluster shows: the placement, a row per member, and loudly what is lost or old.

use super::face::{Condition, Face, Inside, rate};
use super::shards::placing;
use crate::node::Cluster;
use crate::node::cluster::{Change, Loss, MemberState, Standing};
use crate::scenario::build::Run;

/// A member of a cache cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterRow {
    /// Its name.
    pub name: String,
    /// How it stands, when it is not simply up.
    pub standing: &'static str,
    /// Entries over capacity, from 0 to 1.
    pub full: f64,
    /// Its share of everything asked of members, from 0 to 1.
    pub load: f64,
    /// How many entries it holds, and what waits.
    pub entries: String,
    /// Hits of all looks at it.
    pub hits: String,
    /// Does it hold the last key?
    pub holds: bool,
    /// Is something wrong with it?
    pub wrong: bool,
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// `1 key`, `4 keys`.
fn keys(count: u64) -> String {
    if count == 1 { "1 key".to_owned() } else { format!("{count} keys") }
}

pub(super) fn face(node: &Cluster, run: &Run) -> Face {
    let now = run.now();
    let key = node.last().map(|key| run.key_name(key)).unwrap_or_default();
    let holders = if key.is_empty() { Vec::new() } else { node.holders(&key) };
    let states: Vec<MemberState> = node.members().collect();
    let asked: u64 = states.iter().map(|state| state.asked.total()).sum();
    let rows: Vec<ClusterRow> = states
        .iter()
        .enumerate()
        .map(|(place, state)| ClusterRow {
            name: format!("m{place}"),
            standing: if state.standing == Standing::Up { "" } else { state.standing.words() },
            full: state.entries as f64 / f64::from(node.config().capacity.max(1)),
            load: state.asked.total() as f64 / asked.max(1) as f64,
            entries: match state.waiting {
                0 => state.entries.to_string(),
                waiting => format!("{} +{waiting}", state.entries),
            },
            hits: state.hit_ratio().map(percent).unwrap_or_default(),
            holds: holders.contains(&place),
            wrong: !matches!(state.standing, Standing::Up | Standing::Joining),
        })
        .collect();
    let told: Vec<String> = rows.iter().zip(&states).map(told).collect();
    let hit = node.hit_ratio().map(percent).unwrap_or_default();
    let moving = moving(node);
    let words = format!(
        "{} requests per second, {hit} hits; {} holds each key on {} members; {}; {}; {}{}",
        rate(node.arrived().per_second(now)),
        node.config().placing().name,
        node.config().copies,
        told.join(", "),
        news(node),
        if moving.is_empty() { "" } else { &moving },
        node.loss().map(|loss| format!("; {}", lost(loss, run))).unwrap_or_default(),
    );
    let number = match hit.is_empty() {
        true => format!("{}/s", rate(node.arrived().per_second(now))),
        false => format!("{}/s \u{b7} {hit}", rate(node.arrived().per_second(now))),
    };
    let owner = holders.first().copied();
    let mark = node.mark(&key);
    Face {
        condition: Condition::Fine,
        number,
        detail: detail(node),
        words,
        inside: Inside::Cluster(rows, placing(node.shape(), mark, owner, key, moving)),
    }
}

fn told((row, state): (&ClusterRow, &MemberState)) -> String {
    let standing = state.standing.words();
    let hits = if row.hits.is_empty() { String::new() } else { format!(", {} hits", row.hits) };
    format!("{} {standing}, {} entries{hits}", row.name, state.entries)
}

/// The counts that nobody wants to be above zero.
fn news(node: &Cluster) -> String {
    let counts = node.counts();
    format!(
        "{} lost, {} stale hits, {} answers of members missing, {} requests failed for that",
        keys(counts.lost),
        counts.stale_hits,
        counts.no_answer,
        counts.unanswered + counts.too_few
    )
}

/// What a member's death cost, in words.
pub fn lost(loss: &Loss, run: &Run) -> String {
    let Loss { at, member, held, lost, set_back, .. } = loss;
    let named: Vec<String> = loss.keys.iter().map(|key| run.key_name(*key)).collect();
    let dots = if named.len() < *lost as usize { ", ..." } else { "" };
    let which =
        if named.is_empty() { String::new() } else { format!(" ({}{dots})", named.join(", ")) };
    let older = match set_back {
        0 => String::new(),
        n => format!(", {n} only in an older version"),
    };
    let survive = held - lost;
    format!(
        "m{member} died at {at} with {}: {lost} lost{which}, {survive} live on in copies{older}",
        keys(u64::from(*held))
    )
}

/// The worst first.
fn detail(node: &Cluster) -> String {
    let counts = node.counts();
    if let Some(words) = node.refusal() {
        return words.to_owned();
    }
    let mut bad = Vec::new();
    if counts.lost > 0 {
        bad.push(format!("{} LOST", keys(counts.lost)));
    }
    if counts.stale_hits > 0 {
        bad.push(format!("{} stale", counts.stale_hits));
    }
    let failed = counts.unanswered + counts.too_few;
    if failed > 0 {
        bad.push(format!("{failed} failed"));
    }
    if bad.is_empty() && counts.no_answer > 0 {
        bad.push(format!("{} answers missing", counts.no_answer));
    }
    match (bad.is_empty(), node.loss()) {
        (false, _) => bad.join(" \u{b7} "),
        (true, Some(_)) => "a member died, nothing is lost".to_owned(),
        (true, None) => {
            format!("{} \u{b7} {} of each", node.config().placing().name, node.config().copies)
        }
    }
}

/// How much is still to be handed over, and what the last change meant beside the least that it
/// could have meant.
fn moving(node: &Cluster) -> String {
    let mut words = Vec::new();
    let (left, handed) = (node.to_hand_over(), node.counts().handed);
    if left > 0 {
        words.push(format!("{left} keys to hand over, {handed} handed"));
    }
    if let Some(Change { from, to, moved, of, ideal, .. }) = node.change() {
        let least = (ideal * f64::from(of)).round();
        let members =
            if from == to { String::new() } else { format!("{from} \u{2192} {to} members: ") };
        words.push(format!("{members}{moved} of {of} keys moved (equal shares: {least})"));
    }
    if node.counts().elsewhere > 0 {
        words.push(format!("{} misses of keys held elsewhere", node.counts().elsewhere));
    }
    words.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;
    use crate::scenario::build::build;
    use crate::sim::{Silent, Span, Time};

    #[test]
    fn a_cluster_says_who_is_gone_and_shouts_what_is_lost() {
        let json = r#"{ "schema": "switchyard/1", "seed": 4, "nodes": [
            { "id": "c", "kind": "clients", "label": "c", "x": 0, "y": 0, "rate": 200, "keys": 50 },
            { "id": "k", "kind": "cluster", "label": "k", "x": 300, "y": 0, "copies": 1 },
            { "id": "db", "kind": "database", "label": "db", "x": 600, "y": 0 }
        ], "links": [{ "from": "c", "to": "k", "latency_ms": 1 },
                     { "from": "k", "to": "db", "latency_ms": 1 }],
        "faults": [{ "at_ms": 2000, "node": "k", "what": "crash_part", "part": 1 }] }"#;
        let scenario = Scenario::from_json(json).expect("it is valid");
        let mut run = build(&scenario);
        let mut at = |ms: u64| {
            run.run_until(Time::ZERO + Span::from_millis(ms), u64::MAX, &mut Silent);
            let face = super::super::face::face(&scenario, &run, &scenario.nodes[1]);
            face.expect("it is there")
        };
        let rows = |face: &Face| match &face.inside {
            Inside::Cluster(rows, _) => rows.clone(),
            other => panic!("{other:?}"),
        };
        let before = at(1_900);
        assert_eq!(before.detail, "Ketama ring \u{b7} 1 of each");
        assert!(rows(&before).iter().all(|row| row.standing.is_empty() && !row.wrong));
        let after = at(2_400);
        assert!(after.detail.contains("keys LOST"), "{}", after.detail);
        assert_eq!(rows(&after)[1].standing, "down, unnoticed");
        assert!(rows(&after)[1].wrong);
        assert!(after.words.contains("m1 died at"), "{}", after.words);
        assert_eq!(rows(&at(4_000))[1].standing, "down");
    }
}
