//! The course's kinds that are about one server: upgrading it, and the cache that it manages.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};
use switchyard::node::aside::{Aside, Heard, Next, OnWrite};
use switchyard::node::machine::CourseMachine;
use switchyard::sim::Op;

use super::{Covered, compare, is_true, items, text, whole};

/// What this file covers.
pub(crate) const KINDS: &[Covered] =
    &[Covered::course("cache_aside", cache_aside), Covered::course("upgrade", upgrade)];

// ===== upgrade =====

fn upgrade(case: &Json) -> Result<(), String> {
    let config = &case["inputs"]["config"];
    let number = |key| -> Result<i64, String> {
        text(config, key)?.parse().map_err(|_| format!("{key} is no 64-bit number: {config}"))
    };
    let first = CourseMachine {
        cpu: number("cpu_cores")?,
        memory: number("memory_gb")?,
        storage: number("storage_gb")?,
        network: text(config, "network_speed")?.to_owned(),
    };
    let mut all = vec![first.clone()];
    for _ in 0..whole(&case["inputs"], "upgrades", 0) {
        let next = all.last().map(CourseMachine::upgrade);
        all.extend(next);
    }
    let row = |machine: &CourseMachine| {
        json!({
            "cpu_cores": machine.cpu.to_string(),
            "memory_gb": machine.memory.to_string(),
            "storage_gb": machine.storage.to_string(),
            "network_speed": machine.network,
        })
    };
    let got = json!({
        "original_unchanged": all[0] == first,
        "sequence": all.iter().map(row).collect::<Vec<_>>(),
    });
    compare("expected", &case["expected"], &got)
}

// ===== cache_aside =====

/// What a store answered, as the course's code sees it: a user, nobody without an error, an error.
type Fetched = Result<Option<Json>, ()>;

/// The course's `CacheService` with a store and a cache of its own: whom it asks next is decided by
/// the state machine that servers use.
struct Service {
    now: i64,
    ttl: i64,
    null_for_missing: bool,
    store: BTreeMap<String, Json>,
    /// Text, and until when it is there; for ever where that is absent.
    cache: BTreeMap<String, (String, Option<i64>)>,
    faults: BTreeSet<String>,
    reads: u64,
    writes: u64,
    sets: u64,
}

impl Service {
    fn fails(&self, what: &str) -> bool {
        let all = what.starts_with("cache") && self.faults.contains("cache");
        all || self.faults.contains(what)
    }

    fn cached(&self, id: &str) -> Option<&String> {
        let fresh = |until: &Option<i64>| until.is_none_or(|until| self.now <= until);
        self.cache.get(id).filter(|(_, until)| fresh(until)).map(|(text, _)| text)
    }

    /// A user out of the cache: a hit if it can be read. The text `null` reads as an empty one.
    fn look(&self, id: &str) -> Option<Json> {
        let text = self.cached(id).filter(|_| !self.fails("cache_get"))?;
        match serde_json::from_str::<Json>(text).ok()? {
            Json::Null => Some(json!({ "id": "", "name": "", "email": "" })),
            user => Some(user),
        }
    }

    fn fetch(&mut self, id: &str) -> Fetched {
        self.reads += 1;
        if self.fails("db_read") {
            return Err(());
        }
        match self.store.get(id) {
            Some(user) => Ok(Some(user.clone())),
            None if self.null_for_missing => Ok(None),
            None => Err(()),
        }
    }

    fn fill(&mut self, id: &str, user: Option<&Json>) -> Heard {
        if self.fails("cache_set") {
            return Heard::Failed;
        }
        self.sets += 1;
        let text = user.map_or_else(|| "null".to_owned(), Json::to_string);
        let until = (self.ttl > 0).then_some(self.now + self.ttl);
        self.cache.insert(id.to_owned(), (text, until));
        Heard::Done
    }

    fn forget(&mut self, id: &str) -> Heard {
        match self.fails("cache_del") {
            true => Heard::Failed,
            false => {
                self.cache.remove(id);
                Heard::Done
            }
        }
    }

    /// `GetUser`. `between` happens after the store was read and before the cache is filled.
    fn get(&mut self, id: &str, mut between: impl FnMut(&mut Service)) -> Json {
        let (mut aside, mut next) = Aside::begin(Op::Read, OnWrite::Update);
        let (mut user, mut outcome, mut filled) = (None, "miss", false);
        loop {
            let heard = match next {
                Next::Cache(Op::Fill) => {
                    between(self);
                    filled = true;
                    self.fill(id, user.as_ref())
                }
                Next::Cache(_) => {
                    user = self.look(id);
                    outcome = if user.is_some() { "hit" } else { "miss" };
                    if user.is_some() { Heard::Value } else { Heard::Done }
                }
                Next::Stores => match self.fetch(id) {
                    Ok(found) => {
                        user = found;
                        if user.is_some() { Heard::Value } else { Heard::Done }
                    }
                    Err(()) => Heard::Failed,
                },
                Next::Answer | Next::Fail => break,
            };
            next = aside.hear(heard);
        }
        // The course's log says stored whatever the cache says.
        let mut step = json!({ "outcome": outcome, "store_claimed": filled });
        match (next, user) {
            (Next::Fail, _) => step["error"] = json!(true),
            (_, Some(user)) => step["value"] = user,
            (_, None) => step["nil_value"] = json!(true),
        }
        step
    }

    /// `SetUser`, or `InvalidateUser`.
    fn change(&mut self, op: Op, id: &str, user: &Json) -> Json {
        let (mut aside, mut next) = Aside::begin(op, OnWrite::Update);
        loop {
            let heard = match next {
                Next::Cache(Op::Fill) => self.fill(id, Some(user)),
                Next::Cache(_) => self.forget(id),
                Next::Stores if self.fails("db_write") => Heard::Failed,
                Next::Stores => {
                    self.writes += 1;
                    self.store.insert(id.to_owned(), user.clone());
                    Heard::Done
                }
                Next::Answer => return json!({}),
                Next::Fail => return json!({ "error": true }),
            };
            next = aside.hear(heard);
        }
    }

    /// All look before any of them fills.
    fn get_at_once(&mut self, id: &str, readers: i64) -> Json {
        let mut open = Vec::new();
        for _ in 0..readers {
            let (mut aside, _) = Aside::begin(Op::Read, OnWrite::Update);
            let looked = if self.look(id).is_some() { Heard::Value } else { Heard::Done };
            if aside.hear(looked) == Next::Stores {
                open.push(aside);
            }
        }
        let missed = open.len() as i64;
        for mut aside in open {
            let fetched = self.fetch(id);
            let heard = match &fetched {
                Ok(Some(_)) => Heard::Value,
                Ok(None) => Heard::Done,
                Err(()) => Heard::Failed,
            };
            if aside.hear(heard) == Next::Cache(Op::Fill) {
                self.fill(id, fetched.ok().flatten().as_ref());
            }
        }
        json!({ "outcome": if missed == readers { "all_miss" } else { "some hit" } })
    }
}

fn user(op: &Json) -> Result<Json, String> {
    Ok(json!({ "id": text(op, "id")?, "name": text(op, "name")?, "email": text(op, "email")? }))
}

fn cache_aside(case: &Json) -> Result<(), String> {
    let inputs = &case["inputs"];
    let mut service = Service {
        now: 0,
        ttl: whole(inputs, "ttl_ms", 0),
        null_for_missing: is_true(inputs, "db_returns_null_for_missing"),
        store: BTreeMap::new(),
        cache: BTreeMap::new(),
        faults: BTreeSet::new(),
        reads: 0,
        writes: 0,
        sets: 0,
    };
    for row in items(inputs, "db") {
        service.store.insert(text(row, "id")?.to_owned(), user(row)?);
    }
    let mut steps = Vec::new();
    for (number, op) in items(inputs, "ops").iter().enumerate() {
        let id = op["id"].as_str().unwrap_or_default();
        let step = match text(op, "op")? {
            "get" => service.get(id, |_| ()),
            "get_interleaved_set" => {
                let new = user(op)?;
                service.get(id, |service| {
                    service.change(Op::Write, id, &new);
                })
            }
            "concurrent_get" => service.get_at_once(id, whole(op, "n", 0)),
            "set" => service.change(Op::Write, id, &user(op)?),
            "invalidate" => service.change(Op::Invalidate, id, &Json::Null),
            other => {
                behind_its_back(&mut service, other, op)?;
                continue;
            }
        };
        steps.push(shown(&service, step, number, id));
    }
    compare("expected", &case["expected"], &json!({ "steps": steps }))
}

/// What happens without the service's knowledge.
fn behind_its_back(service: &mut Service, what: &str, op: &Json) -> Result<(), String> {
    match what {
        "advance" => service.now += whole(op, "ms", 0),
        "db_write" => drop(service.store.insert(text(op, "id")?.to_owned(), user(op)?)),
        "db_delete" => drop(service.store.remove(text(op, "id")?)),
        "cache_corrupt" => {
            let until = (service.ttl > 0).then_some(service.now + service.ttl);
            let raw = text(op, "raw")?.to_owned();
            service.cache.insert(text(op, "id")?.to_owned(), (raw, until));
        }
        "fault" => {
            let target = text(op, "target")?;
            match is_true(op, "on") {
                true => drop(service.faults.insert(target.to_owned())),
                false => drop(service.faults.remove(target)),
            }
        }
        other => return Err(format!("an unknown op {other:?}")),
    }
    Ok(())
}

/// A step with the counts so far and what the cache now has of the key.
fn shown(service: &Service, mut step: Json, number: usize, id: &str) -> Json {
    step["op"] = json!(number);
    step["db_reads"] = json!(service.reads);
    step["db_writes"] = json!(service.writes);
    step["cache_sets_ok"] = json!(service.sets);
    if let Some(text) = service.cached(id) {
        match serde_json::from_str::<Json>(text).ok().and_then(|user| user.get("name").cloned()) {
            Some(name) => step["cached_name"] = name,
            None => step["cached_raw"] = json!(text),
        }
    }
    step
}
