//! What a Redis primary and its replicas did, by the database node: WAIT, reads behind a slow link,
//! expiry, what a failover loses, and whom Sentinel promotes.
//!
//! The recordings are measured on a real clock, so times are compared by the bounds that the rule
//! sets: never before a time is over, and not later than Redis' own granularity allows. Redis looks
//! at time limits ten times a second; a Sentinel does everything in such steps.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use switchyard::node::database::{Replication, Spread};
use switchyard::node::{ClientsConfig, Database, DatabaseConfig, Value};
use switchyard::scenario::{Fault, FaultKind, Scenario, SendOne, Target};
use switchyard::session::{Command, Session};
use switchyard::sim::sink::Full;
use switchyard::sim::{Found, Op, Request, Span};

use super::common::{self, at_ms, clients, database, fault, link, the_database};
use super::{Covered, compare, items, text, whole};

/// What this file covers. Of a failover, names, counts and presence are exact and times are bounds:
/// [`a_wrong_failover_is_noticed`] tries what must be noticed. The lost writes were sent one per
/// "about" 10 ms: how many survive follows from the pace, within [`PACE_SLACK`].
pub(crate) const KINDS: &[Covered] = &[
    Covered::recorded("redis_replication", replication).rough(),
    Covered::recorded("redis_sentinel", sentinel).stated(),
    Covered::recorded("redis_wait", wait).rough(),
];

/// How late a time limit is noticed, in ms: once in 100, by `hz 10`.
const GRANULE_MS: f64 = 100.0;
/// What the recording's machine adds, in ms.
const SLACK_MS: f64 = 25.0;
/// How much slower than asked for the recording's client was at most: it slept between its writes.
const PACE_SLACK: f64 = 1.25;

/// Everything but the links takes next to no time.
fn quick() -> DatabaseConfig {
    DatabaseConfig {
        read_ms: 0.001,
        write_ms: 0.001,
        spread: Spread::Constant,
        lag_ms: 0.0,
        lag_spread: Spread::Constant,
        workers: 64,
        ..DatabaseConfig::default()
    }
}

fn scenario(config: DatabaseConfig, sends: Vec<SendOne>, faults: Vec<Fault>) -> Scenario {
    let quiet = ClientsConfig { rate: 0.0, ..ClientsConfig::default() };
    let nodes = vec![clients("c", quiet), database("db", config)];
    Scenario { sends, faults, ..common::scenario(1, nodes, vec![link("c", "db", 0.0)]) }
}

fn send(ms: u64, op: Op, key: &str) -> SendOne {
    SendOne { at: at_ms(ms), from: "c".into(), key: key.into(), op }
}

/// Runs it and gives what ended, in the order in which it was sent.
fn finished(scenario: &Scenario, ms: u64) -> (switchyard::scenario::build::Run, Vec<Request>) {
    let mut run = switchyard::scenario::build::build(scenario);
    let mut full = Full::default();
    assert!(run.run_until(at_ms(ms), u64::MAX, &mut full).reached);
    let mut all: Vec<Request> = full.finished.iter().map(|(_, request)| *request).collect();
    all.sort_by_key(|request| request.id);
    (run, all)
}

fn near(what: &str, ms: f64, least: f64, most: f64) -> Result<(), String> {
    match (least..=most).contains(&ms) {
        true => Ok(()),
        false => Err(format!("{what}: {ms} ms is not between {least} and {most}")),
    }
}

// ===== words =====

/// The number before this word, as in `60 acknowledged`, or after it, as in `PX 200`.
fn number_by(text: &str, word: &str) -> Option<f64> {
    let words: Vec<&str> = text.split([' ', ',', ';', '~']).filter(|w| !w.is_empty()).collect();
    let place = words.iter().position(|one| *one == word)?;
    let read = |place: Option<usize>| words.get(place?)?.parse().ok();
    read(place.checked_sub(1)).or_else(|| read(Some(place + 1)))
}

/// A number in a word or in digits.
fn counted(word: &str) -> Option<u8> {
    let words = ["no", "one", "two", "three", "four", "five"];
    let found = words.iter().position(|one| *one == word).map(|n| n as u8);
    found.or_else(|| word.parse().ok())
}

// ===== redis_wait =====

/// A primary and its replicas in a running world.
struct Waiter {
    session: Session,
    replicas: u8,
    late: String,
    stopped: Vec<u8>,
}

impl Waiter {
    fn set(&mut self, key: &str, value: Value) -> Result<(), String> {
        let command = Command::Set("db".into(), key.into(), value);
        self.session.apply(command, 0).map_err(|e| e.to_string())
    }

    fn pass(&mut self, ms: f64) {
        assert!(self.session.advance(Span::from_millis_f64(ms), 1_000_000).reached);
    }

    fn db(&self) -> &Database {
        the_database(self.session.run(), "db")
    }

    /// Makes the replicas what a step says they are; `same` and a step that says nothing about them
    /// leave them as they were.
    fn arrange(&mut self, step: &str) -> Result<(), String> {
        let words: Vec<&str> = step.split([' ', ',']).filter(|w| !w.is_empty()).collect();
        if words.first() == Some(&"same") {
            return Ok(());
        }
        let count = words.windows(2).find(|pair| pair[1].starts_with("replica"));
        if let Some(count) = count.and_then(|pair| counted(pair[0])) {
            self.replicas = count;
        } else if !words.contains(&"replica") {
            return Ok(());
        }
        let mut late = vec![0u64; usize::from(self.replicas) + 1];
        let mut stopped = Vec::new();
        for (place, _) in words.iter().enumerate().filter(|(_, word)| **word == "replica") {
            let of = words.get(place + 1).and_then(|n| n.parse::<u8>().ok());
            let of = of.ok_or_else(|| format!("which replica? {step}"))?;
            match words.get(place + 2) {
                Some(&"stopped") => stopped.push(of),
                Some(&"sees") => {
                    let ms = number_by(step, "ms").ok_or_else(|| format!("how late? {step}"))?;
                    *late.get_mut(usize::from(of)).ok_or("no such replica")? = ms as u64;
                }
                _ => return Err(format!("what is {step:?}?")),
            }
        }
        self.late = late.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
        self.set("replicas", Value::Number(f64::from(self.replicas)))?;
        self.set("extra_lag", Value::Text(self.late.clone()))?;
        for (list, kind) in [
            (&self.stopped, FaultKind::JoinPart as fn(u8) -> FaultKind),
            (&stopped, FaultKind::CutPart as fn(u8) -> FaultKind),
        ] {
            for member in list {
                self.session.fault(Target::node("db"), kind(*member)).map_err(|e| e.to_string())?;
            }
        }
        self.stopped = stopped;
        self.pass(5_000.0);
        Ok(())
    }

    /// A write and WAIT after it, or WAIT alone: the answer, and after how many ms.
    fn wait(&mut self, wanted: u8, timeout: f64, writes: bool) -> Result<(u8, f64), String> {
        if !writes {
            let head = self.db().head();
            let have = self.db().having(head);
            return Ok((have, if have >= wanted { 0.0 } else { timeout }));
        }
        self.set("wait_for", Value::Number(f64::from(wanted)))?;
        self.set("semi_timeout", Value::Number(timeout))?;
        self.session.send_one("c", "user:1", Op::Write).map_err(|e| e.to_string())?;
        self.pass(timeout + 1_000.0);
        let waited = self.db().waited().ok_or("nobody has waited")?;
        assert_eq!(waited.wanted, wanted);
        Ok((waited.have, waited.took.millis()))
    }
}

fn wait(case: &Json) -> Result<(), String> {
    let config = DatabaseConfig { replication: Replication::Wait, replicas: 0, ..quick() };
    let session = Session::new(scenario(config, vec![], vec![])).expect("a valid scenario");
    let mut waiter = Waiter { session, replicas: 0, late: String::new(), stopped: vec![] };
    for step in items(&case["observed"], "steps") {
        let (name, call) = (text(step, "step")?, text(step, "call")?);
        let of_call: Vec<f64> = call.split(' ').filter_map(|word| word.parse().ok()).collect();
        let &[wanted, timeout] = &of_call[..] else { return Err(format!("what is {call}?")) };
        waiter.arrange(name)?;
        let (have, took) = waiter.wait(wanted as u8, timeout, !name.contains("no write"))?;
        compare(name, &step["reply"], &json!(have))?;
        let over = if f64::from(have) < wanted { GRANULE_MS } else { 0.0 };
        let ms = step["ms"].as_f64().ok_or("a step without ms")?;
        near(name, ms, took, took + over + SLACK_MS)?;
    }
    Ok(())
}

// ===== redis_replication =====

fn replication(case: &Json) -> Result<(), String> {
    let (inputs, observed) = (&case["inputs"], &case["observed"]);
    match () {
        () if observed.get("first_new_seen_ms").is_some() => stale_read(inputs, observed),
        () if observed.get("acked").is_some() => lost_writes(inputs, observed),
        () if observed.get("replica_get").is_some() => replica_expires(inputs, observed),
        () => Err(format!("what was observed? {observed}")),
    }
}

/// A value is written over another one, and a replica behind a slow link is asked for it at a pace.
fn stale_read(inputs: &Json, observed: &Json) -> Result<(), String> {
    let (what, delay) = (text(inputs, "what")?, whole(inputs, "link_delay_ms", 0) as f64);
    let pace = number_by(what, "every").ok_or("how often?")?;
    let start = 10_000u64;
    let mut sends = vec![send(1_000, Op::Write, "a"), send(start, Op::Write, "a")];
    let polls = ((delay / pace) as u64 + 4).max(1);
    // A moment after the change, as the recording's first poll was.
    sends.extend((0..polls).map(|n| send(start + 1 + n * pace as u64, Op::Read, "a")));
    let config = DatabaseConfig { replicas: 1, lag_ms: delay, ..quick() };
    let (_, all) = finished(&scenario(config, sends, vec![]), start + 100_000);
    let (old, new) = (all[0].stamp, all[1].stamp);
    let reads = &all[2..];
    let seen = reads.iter().position(|read| read.stamp == new).ok_or("it is never seen")?;
    let name = |read: &Request| if read.stamp == old { "old" } else { "?" };
    let before: BTreeSet<&str> = reads[..seen].iter().map(name).collect();
    compare("values_before", &observed["values_before"], &json!(before))?;
    let ms = observed["first_new_seen_ms"].as_f64().ok_or("when was it seen?")?;
    near("first_new_seen_ms", ms, delay, seen as f64 * pace + pace + SLACK_MS)
}

/// Writes at a pace, acknowledged at once; the primary dies and the replica takes its place.
fn lost_writes(inputs: &Json, observed: &Json) -> Result<(), String> {
    let (what, delay) = (text(inputs, "what")?, whole(inputs, "link_delay_ms", 0) as f64);
    let writes = number_by(what, "acknowledged").ok_or("how many?")? as u64;
    let pace = number_by(what, "per").ok_or("how fast?")?;
    let survived = |pace: f64| {
        let start = 1_000.0;
        let at = |n: u64| start + pace * n as f64;
        let name = |n: u64| format!("w{n}");
        let sends = (0..writes).map(|n| {
            let from_start = Span::from_millis_f64(at(n));
            let at = switchyard::sim::Time::ZERO + from_start;
            SendOne { at, from: "c".into(), key: name(n), op: Op::Write }
        });
        let sends: Vec<SendOne> = sends.collect();
        let dies = at(writes - 1).ceil() as u64 + 1;
        let config = DatabaseConfig { replicas: 1, lag_ms: delay, ..quick() };
        let scenario = scenario(config, sends, vec![fault(dies, "db", FaultKind::CrashPart(0))]);
        let (run, all) = finished(&scenario, dies + 10_000);
        let db = the_database(&run, "db");
        assert_eq!(db.promotions(), 1);
        let there: Vec<bool> =
            all.iter().map(|write| db.cell(1, write.key).stamp == write.stamp).collect();
        let count = there.iter().filter(|there| **there).count() as u64;
        assert_eq!(count + db.lost(), db.acknowledged());
        // A replica has the beginning of the log.
        let prefix = there.iter().take_while(|there| **there).count() as u64 == count;
        (db.acknowledged(), count, prefix)
    };
    let (acked, least, prefix) = survived(pace);
    let (_, most, _) = survived(pace * PACE_SLACK);
    compare("acked", &observed["acked"], &json!(acked))?;
    compare("prefix", &observed["prefix"], &json!(prefix))?;
    let told = observed["survived"].as_u64().ok_or("how many survived?")?;
    match (least..=most).contains(&told) {
        true => Ok(()),
        false => Err(format!("{told} survived, and it should be {least} to {most}")),
    }
}

/// A key expires: a replica does not find it and keeps it, until the primary is asked for it.
fn replica_expires(inputs: &Json, observed: &Json) -> Result<(), String> {
    let what = text(inputs, "what")?;
    let lifetime = number_by(what, "PX").ok_or("how long does it live?")?;
    let later = what.split([' ', ';']).collect::<Vec<_>>();
    let later = later.windows(3).find(|w| w[1] == "ms" && w[2] == "later");
    let later: u64 = later.and_then(|w| w[0].parse().ok()).ok_or("when is it asked for?")?;
    // The other keys that were there are not told; how many the replica holds with it, is.
    let held = observed["replica_dbsize_counts_it"].as_u64().ok_or("how many keys?")?;
    let records = u32::try_from(held).ok().and_then(|n| n.checked_sub(1)).ok_or("how many?")?;
    let sends = |primary: bool| {
        let mut sends = vec![send(1_000, Op::Write, "a"), send(1_000 + later, Op::Read, "a")];
        if primary {
            sends.push(send(1_100 + later, Op::Read, "a"));
        }
        sends
    };
    let config = DatabaseConfig { replicas: 1, lifetime_ms: lifetime, records, ..quick() };
    let (run, all) = finished(&scenario(config.clone(), sends(false), vec![]), 60_000);
    let db = the_database(&run, "db");
    let gone = all[1].found == Found::Nothing;
    let before = [0, 1].map(|member| db.keys(member));
    let mut asked = Session::new(scenario(config, sends(true), vec![])).expect("valid");
    asked.advance(Span::from_millis(1_050 + later), u64::MAX);
    let primary = Value::Choice("primary_only".into());
    asked
        .apply(Command::Set("db".into(), "reads".into(), primary), 0)
        .map_err(|e| e.to_string())?;
    asked.advance(Span::from_millis(10_000), u64::MAX);
    let after = the_database(asked.run(), "db").keys(1);
    let got = json!({
        "replica_get": if gone { Json::Null } else { json!("there") },
        "replica_ttl": if gone { -2 } else { -1 },
        "replica_exists": i32::from(!gone),
        "replica_dbsize_minus_master": before[1] as i64 - before[0] as i64,
        "replica_dbsize_counts_it": before[1],
        "replica_dbsize_after_master_read": after,
    });
    compare("observed", observed, &got)
}

// ===== redis_sentinel =====

/// When the primary dies, in ms.
const DEATH_MS: u64 = 10_000;
/// After how long a sentinel misses a member, in all recordings.
const DOWN_AFTER_MS: f64 = 1_000.0;
/// What happens in this order in every failover, as far as it comes.
const CHAIN: [&str; 8] = [
    "+sdown",
    "+odown",
    "+try-failover",
    "+elected-leader",
    "+selected-slave",
    "+promoted-slave",
    "+switch-master",
    "+failover-end",
];

/// The replicas by the order of their run ids, where it is told, and whether it is.
fn by_id(inputs: &Json, observed: &Json) -> (Vec<String>, bool) {
    let names = inputs["replica_priority"].as_object();
    let mut names: Vec<String> = names.into_iter().flat_map(|map| map.keys().cloned()).collect();
    let sources = [inputs, observed];
    let told = |key: &str| sources.iter().find_map(|json| json.get(key));
    if let Some(order) = told("runid_order").and_then(Json::as_str) {
        let place = |name: &String| order.find(name.as_str());
        names.sort_by_key(place);
        return (names, true);
    }
    if let Some(ids) = told("runids").or_else(|| told("runid")).filter(|ids| ids.is_object()) {
        names.sort_by_key(|name| ids[name.as_str()].as_str().map(str::to_owned));
        return (names, true);
    }
    (names, false)
}

/// The failover in the database node: member 0 is M, then the replicas in this order.
fn failover(inputs: &Json, names: &[String]) -> switchyard::scenario::build::Run {
    let priority = |name: &String| whole(&inputs["replica_priority"], name, 100).to_string();
    let priorities: Vec<String> = names.iter().map(priority).collect();
    let config = DatabaseConfig {
        replicas: names.len() as u8,
        detection_ms: DOWN_AFTER_MS,
        sentinels: whole(inputs, "sentinels", 3) as u8,
        sentinel_quorum: whole(inputs, "quorum", 2) as u8,
        sentinels_frozen: whole(inputs, "sentinels_frozen", 0) as u8,
        priorities: format!("100 {}", priorities.join(" ")),
        ..quick()
    };
    let mut faults = vec![fault(DEATH_MS, "db", FaultKind::CrashPart(0))];
    let mut sends = vec![send(1_000, Op::Write, "a")];
    if let Some(lagging) = inputs["lagging"].as_str() {
        let frozen = names.iter().position(|name| lagging.starts_with(name.as_str()));
        let member = frozen.map_or(0, |place| place as u8 + 1);
        faults.insert(0, fault(DEATH_MS - 2_000, "db", FaultKind::CutPart(member)));
        faults.push(fault(DEATH_MS, "db", FaultKind::JoinPart(member)));
        sends.extend((0..100).map(|n| send(DEATH_MS - 1_500 + n, Op::Write, "a")));
    }
    finished(&scenario(config, sends, faults), DEATH_MS + 9_000).0
}

fn sentinel(case: &Json) -> Result<(), String> {
    let (inputs, observed) = (&case["inputs"], &case["observed"]);
    let (names, ids_known) = by_id(inputs, observed);
    let run = failover(inputs, &names);
    let db = the_database(&run, "db");
    let others = vec![db.config().sentinels - 1; usize::from(db.config().sentinels)];
    compare("sentinels_know_others", &observed["sentinels_know_others"], &json!(others))?;
    let mut promoted = db.promotion().map(|p| names[usize::from(p.member) - 1].as_str());
    if let Some(promotion) = db.promotion() {
        let rank = |member: u8, at: u64| (db.config().priority(usize::from(member)), at);
        let best = rank(promotion.member, promotion.position);
        let tied: Vec<&str> = promotion
            .runners_up
            .iter()
            .filter(|other| rank(other.member, other.position) == best)
            .map(|other| names[usize::from(other.member) - 1].as_str())
            .collect();
        // Only the run ids decide then, which are drawn anew with each start.
        let seen = observed["promoted"].as_str().unwrap_or_default();
        if !ids_known && tied.contains(&seen) {
            promoted = Some(seen);
        }
        offsets(observed, promotion, &names)?;
    }
    compare("promoted", &observed["promoted"], &json!(promoted))?;
    times(observed, db)
}

/// Who had more of the log, in the order of the names: `R1 < R2`.
fn offsets(
    observed: &Json,
    promotion: &switchyard::node::database::Promotion,
    names: &[String],
) -> Result<(), String> {
    let Some(told) = observed["offset_order"].as_str() else { return Ok(()) };
    let mut all: Vec<(&str, u64)> =
        vec![(&names[usize::from(promotion.member) - 1], promotion.position)];
    let other = |o: &switchyard::node::database::RunnerUp| {
        (names[usize::from(o.member) - 1].as_str(), o.position)
    };
    all.extend(promotion.runners_up.iter().map(other));
    all.sort_unstable();
    let sign = |a: u64, b: u64| match a.cmp(&b) {
        std::cmp::Ordering::Less => "<",
        std::cmp::Ordering::Equal => "=",
        std::cmp::Ordering::Greater => ">",
    };
    let mut got = all[0].0.to_owned();
    for pair in all.windows(2) {
        got += &format!(" {} {}", sign(pair[0].1, pair[1].1), pair[1].0);
    }
    compare("offset_order", &json!(told), &json!(got))
}

/// Which events there were and in which order, and that none came before its time or much later.
fn times(observed: &Json, db: &Database) -> Result<(), String> {
    let death = at_ms(DEATH_MS);
    let mine: BTreeSet<&str> = db.sentinel_events().map(|event| event.said.name()).collect();
    let listed: Vec<&str> = items(observed, "events").iter().filter_map(Json::as_str).collect();
    let map = observed["first_ms"].as_object().ok_or("when was what?")?;
    let told: BTreeSet<&str> =
        listed.iter().copied().chain(map.keys().map(String::as_str)).collect();
    compare("events", &json!(told), &json!(mine))?;
    // Only the end of a failover is not among the listed ones.
    let missing = told.iter().find(|name| !listed.contains(name) && **name != "+failover-end");
    if let Some(missing) = missing {
        return Err(format!("{missing} is not listed"));
    }
    let chain = CHAIN.iter().filter(|name| listed.contains(name));
    let places: Vec<_> = chain.map(|name| listed.iter().position(|one| one == name)).collect();
    if !places.is_sorted() {
        return Err(format!("the events are out of order: {listed:?}"));
    }
    let mut last = 0.0;
    for name in CHAIN.iter().filter(|name| told.contains(*name)) {
        let ms =
            map.get(*name).and_then(Json::as_f64).ok_or_else(|| format!("when was {name}?"))?;
        // What came before the death is from the recording's own start.
        let event = db.sentinel_events().filter(|event| event.said.name() == *name).last();
        let model = event.map_or(0.0, |event| event.at.since(death).millis());
        near(name, ms, last, model + GRANULE_MS * 3.0 + SLACK_MS * 2.0)?;
        last = ms;
    }
    let switched = observed["address_switched_ms"].as_f64();
    match (switched, db.promotion()) {
        (None, None) => Ok(()),
        (Some(ms), Some(promotion)) => {
            let model = promotion.at.since(death).millis();
            near("address_switched_ms", ms, DOWN_AFTER_MS, model + GRANULE_MS * 3.0)
        }
        (_, promotion) => {
            Err(format!("switched at {switched:?} ms, and promoted was {promotion:?}"))
        }
    }
}

/// What the kind `redis_sentinel` must notice.
#[test]
fn a_wrong_failover_is_noticed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/recorded.json");
    let text = std::fs::read_to_string(path).expect("the recordings are there");
    let json: Json = serde_json::from_str(&text).expect("they are JSON");
    let cases: Vec<&Json> =
        items(&json, "cases").iter().filter(|case| case["kind"] == "redis_sentinel").collect();
    assert!(!cases.is_empty());
    for case in cases {
        let right = &case["observed"];
        let id = &case["id"];
        let wrong = |change: &dyn Fn(&mut Json)| {
            let mut case = case.clone();
            change(&mut case["observed"]);
            assert_ne!(case["observed"], *right, "{id}: nothing was changed");
            assert!(sentinel(&case).is_err(), "{id}: passes with {}", case["observed"]);
        };
        let other = match right["promoted"].as_str() {
            Some("R1") => json!("R2"),
            Some(_) => json!("R1"),
            None => json!("R1"),
        };
        wrong(&|o| o["promoted"] = other.clone());
        if !right["promoted"].is_null() {
            wrong(&|o| o["promoted"] = Json::Null);
            wrong(&|o| o["address_switched_ms"] = Json::Null);
            wrong(&|o| o["address_switched_ms"] = json!(900));
        }
        wrong(&|o| o["address_switched_ms"] = json!(5_000));
        wrong(&|o| o["sentinels_know_others"] = json!([2, 2]));
        wrong(&|o| o["events"] = json!(["+tilt"]));
        for place in 0..items(right, "events").len() {
            wrong(&|o| {
                if let Some(list) = o["events"].as_array_mut() {
                    list.remove(place);
                }
            });
        }
        wrong(&|o| {
            if let Some(list) = o["events"].as_array_mut() {
                list.reverse();
            }
        });
        for name in CHAIN.iter().filter(|name| right["first_ms"].get(**name).is_some()) {
            wrong(&|o| o["first_ms"][*name] = json!(9_999));
        }
        if right.get("offset_order").is_some() {
            wrong(&|o| o["offset_order"] = json!("R1 = R2"));
        }
    }
}
