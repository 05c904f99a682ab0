//! The course's `DatabaseCluster`: reads from replicas in turn, whatever they are, writes to the
//! master.

use serde_json::{Value as Json, json};
use switchyard::node::database::Spread;
use switchyard::node::{ClientsConfig, DatabaseConfig, Value};
use switchyard::scenario::{FaultKind, Scenario, Target};
use switchyard::session::{Command, Session};
use switchyard::sim::{Op, Span};

use super::common::{self, clients, database, link, the_database};
use super::{Covered, compare, is_true, items, text, whole};

/// What this file covers.
pub(crate) const KINDS: &[Covered] = &[Covered::course("read_replica", read_replica)];

/// A database as in the course, in a running world, asked by hand.
struct Cluster {
    session: Session,
    /// The names of the members, the master first.
    names: Vec<String>,
}

impl Cluster {
    fn new(replicas: Vec<String>) -> Cluster {
        let config = DatabaseConfig {
            replicas: replicas.len() as u8,
            health: false,
            failover: false,
            spread: Spread::Constant,
            ..DatabaseConfig::default()
        };
        let quiet = ClientsConfig { rate: 0.0, ..ClientsConfig::default() };
        let nodes = vec![clients("c", quiet), database("db", config)];
        let document: Scenario = common::scenario(1, nodes, vec![link("c", "db", 1.0)]);
        let session = Session::new(document).expect("a valid scenario");
        Cluster { session, names: [vec!["master".to_owned()], replicas].concat() }
    }

    fn pass(&mut self) {
        assert!(self.session.advance(Span::from_millis(1_000), 100_000).reached);
    }

    /// How often each member was asked so far, and how many requests failed.
    fn asked(&self) -> (Vec<u64>, u64) {
        let run = self.session.run();
        let members = the_database(run, "db").members(run.now());
        (members.map(|member| member.asked).collect(), run.tally().failures())
    }

    /// One query: who was asked for it, and did it fail?
    fn query(&mut self, op: Op) -> Result<(String, bool), String> {
        let (before, failed) = self.asked();
        self.session.send_one("c", "user:1", op).map_err(|e| e.to_string())?;
        self.pass();
        let (after, failures) = self.asked();
        let target = (0..after.len()).find(|place| after[*place] > before[*place]);
        let target = target.ok_or("nobody was asked")?;
        Ok((self.names[target].clone(), failures > failed))
    }

    fn add(&mut self, name: &str) -> Result<(), String> {
        self.names.push(name.to_owned());
        let replicas = Value::Number(self.names.len() as f64 - 1.0);
        let command = Command::Set("db".into(), "replicas".into(), replicas);
        self.session.apply(command, 0).map_err(|e| e.to_string())?;
        self.pass();
        Ok(())
    }

    fn fault(&mut self, name: &str, on: bool) -> Result<(), String> {
        let place = self.names.iter().position(|known| known == name);
        let member = place.ok_or_else(|| format!("there is no {name}"))? as u8;
        let kind = if on { FaultKind::CrashPart(member) } else { FaultKind::RestartPart(member) };
        self.session.fault(Target::node("db"), kind).map_err(|e| e.to_string())?;
        self.pass();
        Ok(())
    }
}

fn read_replica(case: &Json) -> Result<(), String> {
    let inputs = &case["inputs"];
    let name = |name: &Json| name.as_str().unwrap_or_default().to_owned();
    let mut cluster = Cluster::new(items(inputs, "replicas").iter().map(name).collect());
    let mut steps = Vec::new();
    for (number, op) in items(inputs, "ops").iter().enumerate() {
        let query = match text(op, "op")? {
            "read" => Op::Read,
            "write" => Op::Write,
            "add" => {
                cluster.add(text(op, "node")?)?;
                continue;
            }
            "fault" => {
                cluster.fault(text(op, "node")?, is_true(op, "on"))?;
                continue;
            }
            other => return Err(format!("unknown operation {other}")),
        };
        for _ in 0..whole(op, "times", 1) {
            let (target, failed) = cluster.query(query)?;
            let cursor = the_database(cluster.session.run(), "db").cursor();
            let mut step = json!({ "op": number, "target": target, "cursor": cursor });
            if failed {
                step["error"] = json!(true);
            }
            steps.push(step);
        }
    }
    compare("expected", &case["expected"], &json!({ "steps": steps }))
}
