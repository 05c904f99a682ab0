//! The course's write-through cache: clients, a cache and a store in a row, event by event.
//!
//! Two of the course's faults are of a cache that is a program of its own. A get that fails finds
//! nothing, so the key is forgotten just before; a write behind the cache comes from clients that
//! are wired to the store.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use switchyard::node::cache::Pattern;
use switchyard::node::{AnyNode, CacheConfig, ClientsConfig, Kind};
use switchyard::sim::sink::Full;
use switchyard::sim::{
    Card, Found, Key, Link, Op, Outcome, Rng, Signal, Silent, Span, Stamp, Time,
};

use super::common::store::{Rig, Row, Store};
use super::{Covered, compare, is_true, items, text};

/// What this file covers.
pub(crate) const KINDS: &[Covered] = &[Covered::course("write_through", write_through)];

/// What the row has done so far, as the course counts it.
#[derive(Clone, Copy, PartialEq)]
struct Calls {
    gets: u64,
    sets: u64,
    reads: u64,
    writes: u64,
}

struct Bench {
    row: Row,
    now: Time,
    /// The values by the request that wrote them; 0 is what was there from the beginning.
    values: BTreeMap<(Key, u32), String>,
    requests: u32,
    behind: u64,
    get_fails: bool,
}

fn write_through(case: &Json) -> Result<(), String> {
    let mut bench = Bench::new(&case["inputs"]["db"])?;
    let mut steps = Vec::new();
    for (place, op) in items(&case["inputs"], "ops").iter().enumerate() {
        let key = op["key"].as_str().unwrap_or("");
        match text(op, "op")? {
            "fault" => bench.fault(text(op, "target")?, is_true(op, "on"))?,
            "db_write" => bench.write_behind(key, text(op, "value")?),
            "cache_drop" => bench.send(&[(key, Op::Invalidate, None)]).map(drop)?,
            "read" => steps.push(bench.step(place, &[(key, Op::Read, None)])?),
            "write" => steps.push(bench.step(place, &[(key, Op::Write, op["value"].as_str())])?),
            "write_interleaved" => {
                // The first writer's answer takes longer than everything the second does.
                let slow = Span::from_millis(50);
                bench.set_store(|store| store.delays = vec![slow, Span::ZERO]);
                let both = ["value", "value2"].map(|value| (key, Op::Write, op[value].as_str()));
                steps.push(bench.step(place, &both)?);
            }
            other => return Err(format!("an unknown step {other:?}")),
        }
    }
    compare("expected.steps", &case["expected"]["steps"], &Json::Array(steps))
}

impl Bench {
    fn new(db: &Json) -> Result<Bench, String> {
        let still = ClientsConfig { rate: 0.0, ..ClientsConfig::default() };
        let config =
            CacheConfig { pattern: Pattern::WriteThrough, ttl_ms: 0.0, ..CacheConfig::default() };
        let kinds = [("c", Kind::Clients(still.clone())), ("cache", Kind::Cache(config))];
        let mut row = Row::new(1, &kinds, Store::default(), Span::from_millis(1));
        let side = Rig::Real(AnyNode::new("side", 1, &Kind::Clients(still)));
        let side = row.world.add_node(side, Card::new("side", "side"), &mut Silent);
        let wire = Rng::stream(1, "side", "loss");
        let way = Link::new(side, row.id("store"), Span::from_millis(1), 0.0, wire);
        row.world.add_link(way, &mut Silent);
        let (now, values) = (Time::ZERO, BTreeMap::new());
        let mut bench = Bench { row, now, values, requests: 0, behind: 0, get_fails: false };
        for (key, value) in db.as_object().ok_or("needs a db")? {
            let value = value.as_str().ok_or("needs texts in its db")?;
            let key = Key::typed(bench.row.world.typed_key(key));
            bench.values.insert((key, 0), value.to_owned());
            bench.set_store(|store| {
                store.records.insert(key, (Stamp::default(), false));
            });
        }
        Ok(bench)
    }

    fn set_store(&mut self, change: impl FnOnce(&mut Store)) {
        let id = self.row.id("store");
        self.row.world.with_node(id, &mut Silent, |node, _| {
            if let Rig::Store(store) = node {
                change(store);
            }
        });
    }

    fn fault(&mut self, target: &str, on: bool) -> Result<(), String> {
        match target {
            "db_write" => self.set_store(|store| store.refuses = on),
            "cache_set" => {
                self.now = self.now + Span::from_millis(1);
                self.row.plan(self.now, "cache", Signal::RefuseWrites(on));
            }
            "cache_get" => self.get_fails = on,
            other => return Err(format!("an unknown fault {other:?}")),
        }
        Ok(())
    }

    fn write_behind(&mut self, key: &str, value: &str) {
        self.requests += 1;
        self.behind += 1;
        let typed = Key::typed(self.row.world.typed_key(key));
        self.values.insert((typed, self.requests), value.to_owned());
        self.now = self.now + Span::from_millis(1);
        self.row.send(self.now, "side", key, Op::Write);
        self.now = self.now + Span::from_millis(100);
        self.row.run_until(self.now, &mut Silent);
    }

    fn calls(&self) -> Calls {
        let (counts, store) = (self.row.cache().counts(), self.row.store());
        Calls {
            gets: counts.hits + counts.misses,
            sets: counts.fills + counts.refused,
            reads: store.reads,
            writes: store.writes.len() as u64 + store.refused,
        }
    }

    /// Sends these 1 ms apart, runs until all is still; what ended, and the calls in their order.
    fn send(
        &mut self,
        all: &[(&str, Op, Option<&str>)],
    ) -> Result<(Full, Vec<&'static str>), String> {
        for (key, op, value) in all {
            self.requests += 1;
            self.now = self.now + Span::from_millis(1);
            if let Some(value) = value {
                let typed = Key::typed(self.row.world.typed_key(key));
                self.values.insert((typed, self.requests), (*value).to_owned());
            }
            self.row.send(self.now, "c", key, *op);
        }
        self.now = self.now + Span::from_millis(200);
        let (mut full, mut order, mut before) = (Full::default(), Vec::new(), self.calls());
        while self.row.world.step(self.now, &mut full).is_some() {
            let after = self.calls();
            let named = [
                ("cache.get", after.gets - before.gets),
                ("db.read", after.reads - before.reads),
                ("db.write", after.writes - before.writes),
                ("cache.set", after.sets - before.sets),
            ];
            for (name, count) in named {
                order.extend((0..count).map(|_| name));
            }
            before = after;
        }
        match full.finished.len() == all.len() {
            true => Ok((full, order)),
            false => Err("a request did not end".to_owned()),
        }
    }

    fn step(&mut self, place: usize, all: &[(&str, Op, Option<&str>)]) -> Result<Json, String> {
        let (name, op, _) = all[0];
        if self.get_fails && op == Op::Read {
            self.send(&[(name, Op::Invalidate, None)])?;
        }
        let hits = self.row.cache().counts().hits;
        let (full, order) = self.send(all)?;
        let key = Key::typed(self.row.world.typed_key(name));
        let last = full.finished.last().map(|(_, request)| *request).ok_or("nothing ended")?;
        let answered =
            last.outcome == Outcome::Done && (op == Op::Write || last.found == Found::Value);
        let value = |stamp: Stamp| self.values.get(&(key, stamp.by)).cloned();
        let mut step = Map::new();
        step.insert("op".into(), json!(place));
        if op == Op::Read {
            let hit = self.row.cache().counts().hits > hits;
            step.insert("outcome".into(), json!(if hit { "hit" } else { "miss" }));
            if answered {
                step.insert("value".into(), json!(value(last.stamp)));
            }
        }
        if !answered {
            step.insert("error".into(), json!(true));
        }
        let (counts, store) = (self.row.cache().counts(), self.row.store());
        step.insert("db_reads".into(), json!(store.reads));
        step.insert("db_writes".into(), json!(store.writes.len() as u64 - self.behind));
        step.insert("cache_sets_ok".into(), json!(counts.fills));
        if let Some(entry) = self.row.cache().entry(key) {
            step.insert("in_cache".into(), json!(value(entry.stamp)));
        }
        if let Some((stamp, _)) = store.records.get(&key) {
            step.insert("in_db".into(), json!(value(*stamp)));
        }
        step.insert("order".into(), json!(order));
        Ok(Json::Object(step))
    }
}
