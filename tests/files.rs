//! Scenario files: what is saved opens again exactly, and what is wrong is refused with the path and
//! the reason.

mod common;

use proptest::prelude::*;
use switchyard::node::CATALOGUE;
use switchyard::policy::balance;
use switchyard::scenario::Scenario;
use switchyard::scenario::link::encode;

use common::presets;
use common::random::{mutated, some_changes, some_scenario};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn a_file_opens_as_exactly_what_was_saved(scenario in some_scenario()) {
        let text = scenario.to_json();
        let again = Scenario::from_json(&text).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(&again, &scenario);
        prop_assert_eq!(again.to_json(), text);
        prop_assert_eq!(encode(&again), encode(&scenario));
    }

    #[test]
    fn a_changed_file_is_opened_or_refused(which in 0..6usize, changes in some_changes()) {
        let (_, scenario) = presets().nth(which).expect("there are six");
        let bytes = mutated(scenario.to_json().into_bytes(), changes);
        if let Ok(text) = String::from_utf8(bytes) {
            match Scenario::from_json(&text) {
                Ok(read) => prop_assert_eq!(Scenario::from_json(&read.to_json()), Ok(read)),
                Err(problem) => prop_assert!(problem.to_string().len() > 5),
            }
        }
    }
}

/// A document with one part replaced.
fn file(part: &str, with: &str) -> String {
    let base = r#"{"schema": "switchyard/1", "title": "t", "seed": 1, "speed": 1, "nodes": [
        {"id": "c", "kind": "clients", "rate": 5},
        {"id": "lb", "kind": "balancer", "strategy": "round_robin"},
        {"id": "s1", "kind": "server", "x": 1, "y": 2},
        {"id": "s2", "kind": "server", "queue": 7, "healthy": true}
    ], "links": [{"from": "c", "to": "lb", "latency_ms": 3}, {"from": "lb", "to": "s1"}],
    "faults": [{"at_ms": 5, "node": "s1", "what": "crash"}],
    "sends": [{"at_ms": 6, "from": "c", "key": "k"}]}"#;
    assert_eq!(base.matches(part).count(), 1, "{part}");
    base.replace(part, with)
}

/// What is replaced in the document, by what, and what a person then reads.
const REFUSALS: &[(&str, &str, &str)] = &[
    ("\"queue\": 7", "\"queue\": -5", "nodes[3].queue: must be between 0 and 1000000, got -5"),
    ("\"queue\": 7", "\"queue\": 1.5", "nodes[3].queue: must be a whole number, got 1.5"),
    ("\"queue\": 7", "\"queue\": \"7\"", "nodes[3].queue: must be a number"),
    ("\"queue\": 7", "\"queue\": null", "nodes[3].queue: must be a number"),
    (
        "\"queue\": 7",
        "\"capacity\": 7",
        "nodes[3].capacity: is not a parameter of a server; it has service, spread, cv, alpha, \
         list, cores, discipline, queue, memory, memory_per_request, network, response_kb, calls, \
         hold, on_write, weight, healthy, in_flight_max, backup, shed, drop_late",
    ),
    ("true", "1", "nodes[3].healthy: must be true or false"),
    ("\"rate\": 5", "\"rate\": 1e7", "nodes[0].rate: must be between 0 and 1000000, got 10000000"),
    ("\"round_robin\"", "\"best\"", "nodes[1].strategy: must be one of STRATEGIES, got \"best\""),
    ("\"round_robin\"", "3", "nodes[1].strategy: must be a text"),
    ("\"balancer\"", "\"teapot\"", "nodes[1].kind: must be one of KINDS, got \"teapot\""),
    ("\"kind\": \"balancer\", ", "", "nodes[1]: needs \"kind\""),
    ("\"id\": \"s2\", ", "", "nodes[3]: needs \"id\""),
    ("\"id\": \"s2\"", "\"id\": \"s1\"", "nodes[3].id: another node has the id \"s1\" already"),
    ("\"id\": \"s2\"", "\"id\": \"s 2\"", "nodes[3].id: must be 1 to 40 letters, digits, _ or -"),
    (
        "{\"from\": \"lb\", \"to\": \"s1\"}",
        "{\"from\": \"lb\", \"to\": \"s1\"}, {\"from\": \"s1\", \"to\": \"s2\"}, \
         {\"from\": \"s2\", \"to\": \"lb\"}",
        "links[3]: would close the ring s2 \u{2192} lb \u{2192} s1 \u{2192} s2: a request that comes \
         round would wait for itself",
    ),
    (
        "\"kind\": \"server\", \"x\": 1",
        "\"kind\": \"table\", \"attached\": \"0 4\", \"x\": 1",
        "nodes[2].attached: there is no partition 4, only 0 to 3",
    ),
    ("\"x\": 1", "\"x\": 1e9", "nodes[2].x: must be between -100000 and 100000"),
    ("\"x\": 1", "\"x\": 200000", "nodes[2].x: must be between -100000 and 100000, got 200000"),
    (
        "\"latency_ms\": 3",
        "\"latency_ms\": -1",
        "links[0].latency_ms: must be between 0 and 60000, got -1",
    ),
    (
        "\"latency_ms\": 3",
        "\"delay\": 3",
        "links[0]: has no field \"delay\"; it has from, to, latency_ms, loss",
    ),
    ("\"to\": \"s1\"", "\"to\": \"s9\"", "links[1]: there is no node \"s9\""),
    ("\"to\": \"s1\"", "\"to\": \"lb\"", "links[1]: lb cannot be wired to itself"),
    ("\"at_ms\": 5", "\"at_ms\": -5", "faults[0].at_ms: must be between 0 and 1000000000, got -5"),
    ("\"node\": \"s1\"", "\"node\": \"s9\"", "faults[0].node: there is no node \"s9\""),
    (
        "\"crash\"",
        "\"melt\"",
        "faults[0].what: must be one of crash, restart, refuse_writes, accept_writes, slow, normal, \
         crash_part, restart_part, cut_part, join_part, drain, ready, errors, \
         pause, resume, flush, check_clock, cut, join, lose, delay",
    ),
    ("\"at_ms\": 6, ", "", "sends[0]: needs \"at_ms\""),
    (
        "\"from\": \"c\", \"key\"",
        "\"from\": \"s1\", \"key\"",
        "sends[0].from: there are no clients \"s1\"",
    ),
    ("\"k\"", "7", "sends[0].key: must be a text"),
    ("\"seed\": 1", "\"seed\": -1", "seed: must be a whole number, 0 or more"),
    ("\"seed\": 1", "\"seed\": 9007199254740992", "seed: must be at most 9007199254740991"),
    ("\"speed\": 1", "\"speed\": 0", "speed: must be between 0.001 and 1000, got 0"),
    ("\"title\": \"t\"", "\"title\": [\"t\"]", "title: must be a text"),
    (
        "\"title\": \"t\"",
        "\"name\": \"t\"",
        "has no field \"name\"; it has schema, title, note, seed, speed, nodes, links, faults, sends, \
         annotations",
    ),
    (
        "\"switchyard/1\"",
        "\"switchyard/2\"",
        "schema: this was made with a newer version (switchyard/2); reads switchyard/1",
    ),
    ("\"switchyard/1\"", "\"other\"", "schema: must be \"switchyard/1\""),
    ("\"schema\": \"switchyard/1\", ", "", "needs \"schema\""),
];

#[test]
fn a_bad_file_is_refused_with_the_path_and_the_reason() {
    Scenario::from_json(&file("\"k\"", "\"key\"")).expect("as it stands it is right");
    let strategies: Vec<&str> = balance::CATALOGUE.iter().map(|entry| entry.key).collect();
    let kinds: Vec<&str> = CATALOGUE.iter().map(|entry| entry.key).collect();
    for (part, with, words) in REFUSALS {
        let problem = Scenario::from_json(&file(part, with)).expect_err(words);
        let words = words.replace("STRATEGIES", &strategies.join(", "));
        let words = words.replace("KINDS", &kinds.join(", "));
        assert_eq!(problem.to_string(), words, "{part} -> {with}");
    }
    for (text, words) in [
        ("", "this is not JSON: "),
        ("{\"schema\": ", "this is not JSON: "),
        ("[]", "must be an object"),
        ("{\"schema\": \"switchyard/1\", \"nodes\": {}}", "nodes: must be a list"),
        ("{\"schema\": \"switchyard/1\", \"nodes\": [7]}", "nodes[0]: must be an object"),
    ] {
        let problem = Scenario::from_json(text).expect_err(words).to_string();
        assert!(problem.starts_with(words), "{text}: {problem}");
    }
    let deep = "[".repeat(100_000);
    assert!(Scenario::from_json(&deep).is_err());
    let long = format!("{}{}", file("\"k\"", "\"key\""), " ".repeat(8 << 20));
    let problem = Scenario::from_json(&long).expect_err("too long").to_string();
    assert!(problem.starts_with("the file is larger than "), "{problem}");
}

#[test]
fn marks_that_reorder_text_are_taken_out_of_files() {
    let marked = file("\"x\": 1", "\"label\": \"a\\u202eb\\u0007c\"");
    let read = Scenario::from_json(&marked).expect("it is cleaned");
    assert_eq!(read.nodes[2].label, "abc");
}
