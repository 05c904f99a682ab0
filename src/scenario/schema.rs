//! The JSON Schema of the scenario document, made from the tables of kinds and parameters.
//!
//! Nothing about a parameter is written down a second time: names, limits, units and sentences are
//! those that the inspector and the checks use, and the settings of an algorithm appear where its
//! name is chosen. Draft 2020-12. What a schema cannot say (ends of links, unique ids, who may be
//! wired to whom) is left to the check, which says it in words.

use serde_json::{Map, Value as Json, json};

use super::annotation::{AnnotationKind, EDGE_MAX, EDGE_MIN};
use super::check::{
    ANNOTATIONS_MAX, AT_MS_MAX, ID_MAX, KEY_MAX, LABEL_MAX, LATENCY_MS_MAX, LINKS_MAX, NODES_MAX,
    NOTE_MAX, PLACE_MAX, PLAN_MAX, SEED_MAX, TITLE_MAX,
};
use super::fault::FaultKind;
use super::types::SCHEMA;
use crate::node::{CATALOGUE, Choice, Kind, KindEntry, Range, Spec, Value};
use crate::sim::Op;

const ID_PATTERN: &str = "^[A-Za-z0-9_-]+$";

/// The schema.
pub fn schema() -> Json {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Switchyard scenario",
        "description": "A system to be simulated: nodes, links, what goes wrong, and when.",
        "type": "object",
        "required": ["schema"],
        "additionalProperties": false,
        "properties": {
            "schema": { "const": SCHEMA, "description": "The version of the document." },
            "title": { "type": "string", "maxLength": TITLE_MAX },
            "note": { "type": "string", "maxLength": NOTE_MAX, "description": "From the author." },
            "seed": {
                "type": "integer", "minimum": 0, "maximum": SEED_MAX, "default": 1,
                "description": "Of all randomness: same scenario, same seed, same run.",
            },
            "speed": {
                "type": "number", "minimum": 0.001, "maximum": 1000,
                "description": "Simulated time that passes in a second on the screen.",
            },
            "nodes": { "type": "array", "maxItems": NODES_MAX, "items": node() },
            "links": { "type": "array", "maxItems": LINKS_MAX, "items": link() },
            "faults": { "type": "array", "maxItems": PLAN_MAX, "items": fault() },
            "sends": { "type": "array", "maxItems": PLAN_MAX, "items": send() },
            "annotations": {
                "type": "array", "maxItems": ANNOTATIONS_MAX, "items": annotation(),
            },
        },
    })
}

fn id(what: &str) -> Json {
    json!({
        "type": "string", "minLength": 1, "maxLength": ID_MAX, "pattern": ID_PATTERN,
        "description": what,
    })
}

fn annotation() -> Json {
    let words = AnnotationKind::ALL.map(AnnotationKind::word);
    let limit = |what: AnnotationKind| {
        json!({
            "if": { "properties": { "what": { "const": what.word() } } },
            "then": { "properties": { "text": { "maxLength": what.text_max() } } },
        })
    };
    json!({
        "type": "object",
        "description": "Drawn beside the system; changes no run.",
        "required": ["id", "what"],
        "additionalProperties": false,
        "properties": {
            "id": id("Unique among nodes and annotations."),
            "what": { "enum": words },
            "text": { "type": "string" },
            "x": { "type": "integer", "minimum": -PLACE_MAX, "maximum": PLACE_MAX },
            "y": { "type": "integer", "minimum": -PLACE_MAX, "maximum": PLACE_MAX },
            "width": { "type": "integer", "minimum": EDGE_MIN, "maximum": EDGE_MAX },
            "height": { "type": "integer", "minimum": EDGE_MIN, "maximum": EDGE_MAX },
        },
        "allOf": AnnotationKind::ALL.map(limit),
    })
}

fn at() -> Json {
    json!({ "type": "number", "minimum": 0, "maximum": AT_MS_MAX, "description": "When, in ms." })
}

fn node() -> Json {
    let kinds: Vec<&str> = CATALOGUE.iter().map(|entry| entry.key).collect();
    json!({
        "type": "object",
        "required": ["id", "kind"],
        "properties": {
            "id": id("Unique in the scenario. Random streams are named after it."),
            "kind": { "enum": kinds },
            "label": { "type": "string", "maxLength": LABEL_MAX, "description": "Its name." },
            "x": { "type": "integer", "minimum": -PLACE_MAX, "maximum": PLACE_MAX },
            "y": { "type": "integer", "minimum": -PLACE_MAX, "maximum": PLACE_MAX },
        },
        "allOf": CATALOGUE.iter().map(of_kind).collect::<Vec<Json>>(),
        "unevaluatedProperties": false,
    })
}

/// What a node of this kind may have beside.
fn of_kind(entry: &KindEntry) -> Json {
    let plain = (entry.make)();
    let own = plain.specs();
    // What is there whatever is chosen; the settings of the first choice are not.
    let chosen = |kind: &Kind| -> Vec<Json> {
        let choices = own.iter().filter_map(|spec| match spec.range {
            Range::Choice(all) => Some((spec, all())),
            _ => None,
        });
        choices.flat_map(|(spec, all)| dependent(kind, spec, &all)).collect()
    };
    let conditions = chosen(&plain);
    let names: Vec<String> = conditions.iter().flat_map(names_of).collect();
    let always = own.iter().filter(|spec| !names.iter().any(|name| name == spec.key));
    let properties: Map<String, Json> =
        always.map(|spec| (spec.key.to_owned(), property(spec, &plain))).collect();
    let mut then = json!({ "description": entry.blurb, "properties": properties });
    if !conditions.is_empty() {
        then["allOf"] = json!(conditions);
    }
    json!({ "if": { "properties": { "kind": { "const": entry.key } } }, "then": then })
}

/// The settings that come with each value of a choice.
fn dependent(kind: &Kind, spec: &Spec, all: &[Choice]) -> Vec<Json> {
    let with = |choice: &Choice| {
        let mut kind = kind.clone();
        let set = kind.set(spec.key, Value::Choice(choice.key.to_owned()));
        set.is_ok().then_some(kind)
    };
    let kinds: Vec<(&Choice, Kind)> =
        all.iter().filter_map(|choice| Some((choice, with(choice)?))).collect();
    // A setting that is there whatever is chosen belongs to the node.
    let everywhere = |key: &str| kinds.iter().all(|(_, kind)| kind.spec(key).is_some());
    let default = kind.default_of(spec.key);
    let mut rules = Vec::new();
    for (choice, kind) in &kinds {
        let specs = kind.specs();
        let more = specs.iter().filter(|spec| !everywhere(spec.key));
        let properties: Map<String, Json> =
            more.map(|spec| (spec.key.to_owned(), property(spec, kind))).collect();
        if properties.is_empty() {
            continue;
        }
        let mut condition = json!({ "properties": { spec.key: { "const": choice.key } } });
        if default != Some(Value::Choice(choice.key.to_owned())) {
            condition["required"] = json!([spec.key]);
        }
        rules.push(json!({ "if": condition, "then": { "properties": properties } }));
    }
    rules
}

fn names_of(rule: &Json) -> Vec<String> {
    let properties = rule["then"]["properties"].as_object();
    properties.map(|all| all.keys().cloned().collect()).unwrap_or_default()
}

fn property(spec: &Spec, kind: &Kind) -> Json {
    let mut json = match spec.range {
        Range::Number { min, max, whole, .. } => {
            let name = if whole { "integer" } else { "number" };
            json!({ "type": name, "minimum": min, "maximum": max })
        }
        Range::Choice(all) => {
            let one = |choice: &Choice| {
                let Choice { key, name, rule, .. } = choice;
                json!({ "const": key, "title": name, "description": rule })
            };
            json!({ "oneOf": all().iter().map(one).collect::<Vec<Json>>() })
        }
        Range::Switch => json!({ "type": "boolean" }),
        Range::Text { most, example, .. } => {
            json!({ "type": "string", "maxLength": most, "examples": [example] })
        }
    };
    json["title"] = json!(spec.label);
    let unit = if spec.unit.is_empty() { String::new() } else { format!(" In {}.", spec.unit) };
    json["description"] = json!(format!("{}{unit}", spec.help));
    match kind.default_of(spec.key) {
        Some(Value::Number(n)) => json["default"] = json!(n),
        Some(Value::Choice(words) | Value::Text(words)) => json["default"] = json!(words),
        Some(Value::Switch(on)) => json["default"] = json!(on),
        None => {}
    }
    json
}

fn link() -> Json {
    json!({
        "type": "object",
        "required": ["from", "to"],
        "additionalProperties": false,
        "properties": {
            "from": id("The node that requests come from."),
            "to": id("The node that they go to."),
            "latency_ms": {
                "type": "number", "minimum": 0, "maximum": LATENCY_MS_MAX, "default": 1,
                "description": "How long a crossing takes.",
            },
            "loss": {
                "type": "number", "minimum": 0, "maximum": 1, "default": 0,
                "description": "The probability that a crossing fails.",
            },
        },
    })
}

fn fault() -> Json {
    let one = |kind: &FaultKind, wire: bool| {
        let mut properties = json!({ "at_ms": at(), "what": { "const": kind.name() } });
        let mut required = vec!["at_ms", "what"];
        let places: &[(&str, &str)] = match wire {
            true => &[
                ("from", "The node where the wire that it happens to begins."),
                ("to", "The node where that wire ends."),
            ],
            false => &[("node", "The node it happens to.")],
        };
        for (field, what) in places {
            properties[*field] = id(what);
            required.push(field);
        }
        if let Some((field, range)) = kind.amount() {
            let (least, most) = (range.start(), range.end());
            properties[field] = json!({ "type": "integer", "minimum": least, "maximum": most });
            required.push(field);
        }
        json!({
            "type": "object", "required": required, "additionalProperties": false,
            "properties": properties,
        })
    };
    let all = FaultKind::ALL.iter().flat_map(|kind| {
        let (nodes, wires) = kind.happens_to();
        nodes.then(|| one(kind, false)).into_iter().chain(wires.then(|| one(kind, true)))
    });
    json!({ "oneOf": all.collect::<Vec<Json>>() })
}

fn send() -> Json {
    let ops = [Op::Read, Op::Write, Op::Delete].map(Op::words);
    json!({
        "type": "object",
        "required": ["at_ms", "from", "key"],
        "additionalProperties": false,
        "properties": {
            "at_ms": at(),
            "from": id("The clients that send it."),
            "key": { "type": "string", "maxLength": KEY_MAX },
            "op": { "enum": ops, "default": ops[0] },
        },
    })
}
