//! The JSON Schema takes what the program takes and refuses what it refuses, as far as a schema can
//! say it.

mod common;

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use switchyard::node::{CATALOGUE, Range, Value};
use switchyard::scenario::{Scenario, schema};

use common::random::{self, Genes};
use common::{presets, trio};

fn validator() -> Validator {
    jsonschema::draft202012::new(&schema()).expect("the schema is a schema")
}

fn json(scenario: &Scenario) -> Json {
    serde_json::from_str(&scenario.to_json()).expect("a scenario is JSON")
}

#[test]
fn it_is_a_schema_itself() {
    assert!(jsonschema::meta::is_valid(&schema()));
}

#[test]
fn built_in_scenarios_are_valid() {
    let validator = validator();
    for (name, scenario) in presets() {
        let error = validator.validate(&json(&scenario)).err().map(|error| error.to_string());
        assert_eq!(error, None, "{name}");
    }
}

proptest! {
    #[test]
    fn whatever_can_be_built_is_valid(
        seed: u8,
        nodes in prop::collection::vec(any::<Genes>(), 0..8),
        links in prop::collection::vec(any::<Genes>(), 0..8),
        plan in prop::collection::vec(any::<Genes>(), 0..5),
    ) {
        let scenario = random::scenario(seed, &nodes, &links, &plan);
        let found = validator().validate(&json(&scenario)).err().map(|error| error.to_string());
        prop_assert_eq!(found, None);
    }
}

/// The limits of annotations: what the program refuses, the schema refuses.
#[test]
fn annotations_out_of_limits_are_refused_by_both() {
    let validator = validator();
    let with = |what: &str, text: usize, width: i32| {
        let text = "x".repeat(text);
        json!({
            "schema": "switchyard/1",
            "annotations": [{ "id": "a", "what": what, "text": text, "width": width }],
        })
    };
    let all = [
        ("region", 80, 48, true),
        ("region", 81, 48, false),
        ("note", 81, 48, true),
        ("note", 500, 20_000, true),
        ("note", 501, 48, false),
        ("note", 1, 47, false),
        ("note", 1, 20_001, false),
        ("arrow", 1, 48, false),
    ];
    for (what, text, width, good) in all {
        let json = with(what, text, width);
        assert_eq!(validator.is_valid(&json), good, "schema: {what}, {text}, {width}");
        let read = Scenario::from_json(&json.to_string());
        assert_eq!(read.is_ok(), good, "program: {what}, {text}, {width}: {read:?}");
    }
}

/// Each parameter of each kind: its limits are the schema's.
#[test]
fn what_is_out_of_range_is_refused_by_both() {
    let validator = validator();
    for entry in CATALOGUE {
        for spec in (entry.make)().specs() {
            let bad = match spec.range {
                Range::Number { max, .. } => json!(max * 2.0 + 1.0),
                Range::Choice(_) | Range::Switch => json!("no such thing"),
                Range::Text { most, .. } => json!("1".repeat(most + 1)),
            };
            let node = json!({ "id": "n", "kind": entry.key, spec.key: bad });
            let document = json!({ "schema": "switchyard/1", "nodes": [node] });
            let name = format!("{}.{}", entry.key, spec.key);
            assert!(!validator.is_valid(&document), "{name}: the schema takes {document}");
            assert!(Scenario::from_json(&document.to_string()).is_err(), "{name}");
        }
    }
}

/// A setting belongs to the algorithm that has it, and to no other.
#[test]
fn settings_of_an_algorithm_go_with_its_name() {
    let with = |strategy: &str| {
        let mut scenario = trio(1, 10.0);
        let kind = &mut scenario.nodes[1].kind;
        kind.set("strategy", Value::Choice("haproxy_random".into())).expect("allowed");
        kind.set("seed", Value::Number(7.0)).expect("allowed");
        let mut document = json(&scenario);
        document["nodes"][1]["strategy"] = json!(strategy);
        document
    };
    let validator = validator();
    assert!(validator.is_valid(&with("haproxy_random")));
    assert!(!validator.is_valid(&with("round_robin")));
    let unknown = json!({ "schema": "switchyard/1", "nodes": [{ "id": "n", "kind": "toaster" }] });
    assert!(!validator.is_valid(&unknown));
    assert!(!validator.is_valid(&json!({ "schema": "switchyard/1", "colour": "red" })));
    assert!(!validator.is_valid(&json!({})));
}

/// The schema that is published with the page is the one of this program.
#[test]
fn the_published_schema_is_the_one_of_this_program() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/www/scenario.schema.json");
    let fresh = serde_json::to_string_pretty(&switchyard::scenario::schema()).expect("JSON") + "\n";
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(path, &fresh).expect("the file can be written");
    }
    let now = std::fs::read_to_string(path).expect("the schema is there");
    assert!(now == fresh, "www/scenario.schema.json is of another program: run `make readme`");
}
