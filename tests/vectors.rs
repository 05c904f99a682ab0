//! Golden vectors from outside this project: every case of every covered kind must come out as it
//! says, and every kind that is not covered yet is listed here by name.
//!
//! Reads all `*.json` in `tests/vectors/`, or in the folder that `SWITCHYARD_VECTORS` names.

#[path = "vectors/kinds/balance.rs"]
mod balance;
#[path = "vectors/kinds/balancer_node.rs"]
mod balancer_node;
#[path = "vectors/kinds/broker.rs"]
mod broker;
#[path = "vectors/kinds/cache.rs"]
mod cache;
mod common;
#[path = "vectors/kinds/course.rs"]
mod course;
#[path = "vectors/kinds/envoy.rs"]
mod envoy;
#[path = "vectors/kinds/evict.rs"]
mod evict;
#[path = "vectors/kinds/gateway.rs"]
mod gateway;
#[path = "vectors/kinds/guard.rs"]
mod guard;
#[path = "vectors/kinds/haproxy.rs"]
mod haproxy;
#[path = "vectors/kinds/hash.rs"]
mod hash;
#[path = "vectors/kinds/machine.rs"]
mod machine;
#[path = "vectors/kinds/nginx.rs"]
mod nginx;
#[path = "vectors/kinds/place.rs"]
mod place;
#[path = "vectors/kinds/read_replica.rs"]
mod read_replica;
#[path = "vectors/kinds/redis.rs"]
mod redis;
#[path = "vectors/kinds/registry.rs"]
mod registry;
#[path = "vectors/kinds/resilience.rs"]
mod resilience;
#[path = "vectors/kinds/theory.rs"]
mod theory;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use serde_json::{Map, Value as Json, json};

/// What runs one case of a kind: `Err` says the first difference.
type Runner = fn(&Json) -> Result<(), String>;

/// A kind that is covered.
#[derive(Clone, Copy)]
struct Covered {
    kind: &'static str,
    run: Runner,
    /// The fields of a case that say what it expects; a case has one of them or more.
    expects: &'static [&'static str],
    /// How well a wrong expectation must be noticed.
    check: Check,
}

#[derive(Clone, Copy, PartialEq)]
enum Check {
    /// To the last bit: any change of any value in what is expected.
    Exact,
    /// To the last bit, but how long a list or map is says how much is asked: with less of it, less
    /// is asked.
    Given,
    /// Within a tolerance: any number that is twice as large and a hundred more.
    Rough,
    /// As stated in the runner, which says why nothing stricter is possible.
    Stated,
}

impl Covered {
    /// An exact kind of `course.json`.
    const fn course(kind: &'static str, run: Runner) -> Covered {
        Covered { kind, run, expects: &["expected"], check: Check::Exact }
    }

    /// An exact kind of `field.json`, whose cases say what they expect in these fields; a kind that
    /// is in `recorded.json` as well has `observed` there.
    const fn field(kind: &'static str, run: Runner, expects: &'static [&'static str]) -> Covered {
        Covered { kind, run, expects, check: Check::Exact }
    }

    /// An exact kind of `recorded.json`.
    const fn recorded(kind: &'static str, run: Runner) -> Covered {
        Covered { kind, run, expects: &["observed"], check: Check::Exact }
    }

    /// Does this field say what is expected? A name that ends in `*` stands for all that begin so.
    fn expects_in(&self, field: &str) -> bool {
        self.expects.iter().any(|name| match name.strip_suffix('*') {
            Some(start) => field.starts_with(start),
            None => *name == field,
        })
    }

    const fn given(self) -> Covered {
        Covered { check: Check::Given, ..self }
    }

    const fn rough(self) -> Covered {
        Covered { check: Check::Rough, ..self }
    }

    const fn stated(self) -> Covered {
        Covered { check: Check::Stated, ..self }
    }
}

/// Every covered kind, by the file that covers it.
const COVERED: &[&[Covered]] = &[
    balance::KINDS,
    broker::KINDS,
    cache::KINDS,
    course::KINDS,
    envoy::KINDS,
    evict::KINDS,
    gateway::KINDS,
    guard::KINDS,
    haproxy::KINDS,
    hash::KINDS,
    machine::KINDS,
    nginx::KINDS,
    place::KINDS,
    read_replica::KINDS,
    redis::KINDS,
    registry::KINDS,
    resilience::KINDS,
    theory::KINDS,
];

/// Kinds whose algorithms are not built yet. This list only shrinks.
#[rustfmt::skip] // One a line, so that two edits do not collide.
const NOT_YET_COVERED: &[&str] = &[
    "libcachesim_cloudphysics_bytes",
    "lirs_reference_c",
    "memcached_rules",
    "memcached_slabs",
    "redis_cluster",
];

// ===== the files =====

struct Case {
    id: String,
    kind: String,
    json: Json,
}

#[test]
fn every_case_of_a_covered_kind_comes_out_as_it_says() {
    let (mut tally, mut wrong) = (BTreeMap::<String, (usize, usize)>::new(), Vec::new());
    for case in all_cases() {
        let (passed, total) = tally.entry(case.kind.clone()).or_default();
        *total += 1;
        match covered(&case.kind).map(|kind| (kind.run)(&case.json)) {
            Some(Ok(())) => *passed += 1,
            Some(Err(difference)) => wrong.push(format!("{}: {difference}", case.id)),
            None => {}
        }
    }
    // Straight to the terminal, because the test harness swallows what a passing test prints.
    let mut out = io::stdout().lock();
    for (kind, (passed, total)) in &tally {
        let line = match (covered(kind), NOT_YET_COVERED.contains(&kind.as_str())) {
            (Some(_), _) => format!("{kind}: {passed}/{total}"),
            (None, true) => format!("{kind}: not yet covered ({total} cases)"),
            (None, false) => {
                wrong.push(format!("{kind}: this test does not know the kind"));
                format!("{kind}: unknown ({total} cases)")
            }
        };
        writeln!(out, "{line}").expect("the terminal takes text");
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// At most this many wrong versions of each case are tried, spread evenly over all there are.
const WRONG_MAX: usize = 24;

/// Whatever is changed in what a case expects, its runner notices.
#[test]
fn a_wrong_expectation_is_noticed() {
    let (mut tried, mut untried) = (BTreeSet::new(), BTreeSet::new());
    let mut unnoticed = Vec::new();
    for case in all_cases() {
        let Some(kind) = covered(&case.kind) else { continue };
        if kind.check == Check::Stated {
            continue;
        }
        let fields = case.json.as_object().into_iter().flat_map(Map::keys).map(String::as_str);
        let expects: Vec<&str> = fields.filter(|field| kind.expects_in(field)).collect();
        // A field may carry its input in its name, as `buckets_1_to_20`: other cases have others.
        if expects.is_empty() {
            untried.insert(kind.kind);
            continue;
        }
        let mut wrong = 0usize;
        expects.iter().for_each(|key| falsify(&case.json[key], kind.check, &mut |_| wrong += 1));
        if wrong == 0 && kind.check != Check::Exact {
            // Where numbers need only be near, a case without any has nothing to be wrong by.
            untried.insert(kind.kind);
            continue;
        }
        assert!(wrong > 0, "{} expects nothing", case.id);
        tried.insert(kind.kind);
        let stride = wrong.div_ceil(WRONG_MAX);
        let mut number = 0;
        for key in expects {
            falsify(&case.json[key], kind.check, &mut |other| {
                number += 1;
                // The sums over all steps may be left out: they say nothing that the steps do not.
                let sums_left_out =
                    case.json[key].get("counts").is_some() && other.get("counts").is_none();
                if number % stride != 0 || sums_left_out {
                    return;
                }
                let mut json = case.json.clone();
                json[key] = other;
                if (kind.run)(&json).is_ok() {
                    unnoticed.push(format!("{}: passes with {}", case.id, json[key]));
                }
            });
        }
    }
    assert!(unnoticed.is_empty(), "\n{}", unnoticed.join("\n"));
    // With the cases that are kept here every kind is tried; elsewhere a few may have none to try.
    let own = env::var_os("SWITCHYARD_VECTORS").is_none();
    let never: Vec<_> = untried.difference(&tried).collect();
    assert!(!own || never.is_empty(), "no case of these could be tried: {never:?}");
}

#[test]
fn a_kind_is_covered_or_not_yet_and_never_both() {
    assert!(NOT_YET_COVERED.is_sorted_by(|a, b| a < b), "sorted, so that two edits do not collide");
    for Covered { kind, .. } in COVERED.iter().copied().flatten() {
        assert!(!NOT_YET_COVERED.contains(kind), "{kind} is covered: take it off the list");
    }
}

fn covered(kind: &str) -> Option<&'static Covered> {
    COVERED.iter().copied().flatten().find(|covered| covered.kind == kind)
}

fn all_cases() -> Vec<Case> {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let folder = env::var_os("SWITCHYARD_VECTORS").map_or_else(own, PathBuf::from);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a folder can be listed").path());
    let mut files: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    assert!(!files.is_empty(), "there is no *.json in {}", folder.display());
    files.iter().flat_map(|file| cases(file)).collect()
}

/// The cases in one file, whichever of the three formats it has.
fn cases(file: &Path) -> Vec<Case> {
    let name = file.display();
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{name}: {error}"));
    let json: Json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let list = |list: &Json| list.as_array().unwrap_or_else(|| panic!("{name}: no list")).clone();
    let told = |case: Json| {
        let field = |key: &str| match case[key].as_str() {
            Some(text) => text.to_owned(),
            None => panic!("{name}: a case without {key:?}: {case}"),
        };
        Case { id: field("id"), kind: field("kind"), json: case }
    };
    match json.get("format").map(|format| format.as_str().unwrap_or("")) {
        Some("course-vectors/1") => list(&json["vectors"]).into_iter().map(told).collect(),
        Some("recorded/1") => list(&json["cases"]).into_iter().map(told).collect(),
        Some(other) => panic!("{name}: the format {other:?} is not known"),
        None => {
            let kinds = json.as_object().unwrap_or_else(|| panic!("{name}: not keyed by kind"));
            let of_kind = |(kind, group): (&String, &Json)| -> Vec<Case> {
                let numbered = list(&group["cases"]).into_iter().enumerate();
                let case =
                    |(n, json)| Case { id: format!("{kind}[{n}]"), kind: kind.clone(), json };
                numbered.map(case).collect()
            };
            kinds.iter().flat_map(of_kind).collect()
        }
    }
}

/// Every version of `json` with one value in it changed, as far as `check` can see changes.
fn falsify(json: &Json, check: Check, found: &mut dyn FnMut(Json)) {
    let exact = [Check::Exact, Check::Given].contains(&check);
    match json {
        Json::Null if exact => found(json!("somebody")),
        Json::Bool(on) => found(json!(!on)),
        Json::Number(n) if exact => found(match (n.as_u64(), n.as_f64()) {
            (Some(n), _) => json!(n ^ 1),
            (None, n) => json!(n.expect("a number is a number") + 1.0),
        }),
        Json::Number(n) => found(json!(n.as_f64().expect("a number is a number") * 2.0 + 100.0)),
        Json::String(text) if exact => found(json!(format!("{text}?"))),
        Json::Null | Json::String(_) => {}
        Json::Array(items) => {
            if let Some((_, shorter)) = items.split_last()
                && check == Check::Exact
            {
                found(json!(shorter));
            }
            for (place, item) in items.iter().enumerate() {
                falsify(item, check, &mut |wrong| {
                    let mut items = items.clone();
                    items[place] = wrong;
                    found(Json::Array(items));
                });
            }
        }
        Json::Object(map) => {
            for (key, item) in map {
                if check == Check::Exact {
                    let mut without = map.clone();
                    without.remove(key);
                    found(Json::Object(without));
                }
                falsify(item, check, &mut |wrong| {
                    let mut map = map.clone();
                    map.insert(key.clone(), wrong);
                    found(Json::Object(map));
                });
            }
        }
    }
}

/// Where two trees first differ, in words.
fn compare(path: &str, expected: &Json, got: &Json) -> Result<(), String> {
    let differ = || Err(format!("{path} should be {expected}, is {got}"));
    match (expected, got) {
        (Json::Array(a), Json::Array(b)) => {
            for (place, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&format!("{path}[{place}]"), a, b)?;
            }
            match a.len() == b.len() {
                true => Ok(()),
                false => Err(format!("{path} should have {} items, has {}", a.len(), b.len())),
            }
        }
        (Json::Object(a), Json::Object(b)) => {
            for key in a.keys().chain(b.keys()) {
                let side = |map: &Map<String, Json>| map.get(key).cloned();
                match (side(a), side(b)) {
                    (Some(a), Some(b)) => compare(&format!("{path}.{key}"), &a, &b)?,
                    (Some(a), None) => {
                        return Err(format!("{path}.{key} should be {a}, is absent"));
                    }
                    (None, b) => return Err(format!("{path}.{key} should be absent, is {b:?}")),
                }
            }
            Ok(())
        }
        // Two whole numbers beyond 2^53 may be the same float.
        (Json::Number(a), Json::Number(b)) if a.is_f64() || b.is_f64() => {
            if a.as_f64() == b.as_f64() { Ok(()) } else { differ() }
        }
        _ if expected == got => Ok(()),
        _ => differ(),
    }
}

// ===== inputs =====

/// A list of a case; one that is absent is empty.
fn items<'a>(json: &'a Json, key: &str) -> &'a [Json] {
    json[key].as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(json: &'a Json, key: &str) -> Result<&'a str, String> {
    json[key].as_str().ok_or_else(|| format!("needs {key:?}: {json}"))
}

fn whole(json: &Json, key: &str, otherwise: i64) -> i64 {
    json[key].as_i64().unwrap_or(otherwise)
}

/// Booleans that are absent are false.
fn is_true(json: &Json, key: &str) -> bool {
    json[key].as_bool().unwrap_or(false)
}
