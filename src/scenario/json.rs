//! The document as JSON: readable, and refused with path and reason when it is not right.

use serde_json::{Map, Value as Json, json};

use super::annotation::{Annotation, AnnotationKind};
use super::check::{Problem, clean};
use super::fault::{Fault, FaultKind, Target};
use super::types::{LinkSpec, NodeSpec, SCHEMA, Scenario, SendOne};
use crate::node::{CATALOGUE, Kind, KindEntry, Range, Value};
use crate::sim::{Op, Time};

/// The largest file that is read, in bytes: more than the largest valid scenario takes.
const BYTES_MAX: usize = 2 * 1024 * 1024;

impl Scenario {
    /// Reads a document. Nothing is taken over unless all of it is right.
    pub fn from_json(text: &str) -> Result<Scenario, Problem> {
        if text.len() > BYTES_MAX {
            return Err(Problem::new("", format!("the file is larger than {BYTES_MAX} bytes")));
        }
        let json: Json = serde_json::from_str(text)
            .map_err(|error| Problem::new("", format!("this is not JSON: {error}")))?;
        let scenario = read(&json)?;
        scenario.check()?;
        Ok(scenario)
    }

    /// Writes the document, with the parameters that differ from their defaults.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(&self.to_value())
            .expect("a tree of texts and finite numbers can always be written");
        text.push('\n');
        text
    }

    fn to_value(&self) -> Json {
        let plain = Scenario::default();
        let mut map = Map::new();
        map.insert("schema".into(), json!(SCHEMA));
        map.insert("title".into(), json!(self.title));
        if self.note != plain.note {
            map.insert("note".into(), json!(self.note));
        }
        map.insert("seed".into(), json!(self.seed));
        map.insert("speed".into(), tidy(self.speed));
        map.insert("nodes".into(), self.nodes.iter().map(node_value).collect());
        map.insert("links".into(), self.links.iter().map(link_value).collect());
        if !self.faults.is_empty() {
            let fault = |f: &Fault| {
                let mut map = Map::new();
                map.insert("at_ms".into(), millis(f.at));
                match &f.on {
                    Target::Node(id) => {
                        map.insert("node".into(), json!(id));
                    }
                    Target::Wire(from, to) => {
                        map.insert("from".into(), json!(from));
                        map.insert("to".into(), json!(to));
                    }
                }
                map.insert("what".into(), json!(f.kind.name()));
                if let (Some((field, _)), Some(number)) = (f.kind.amount(), f.kind.number()) {
                    map.insert(field.into(), json!(number));
                }
                Json::Object(map)
            };
            map.insert("faults".into(), self.faults.iter().map(fault).collect());
        }
        if !self.sends.is_empty() {
            let send = |s: &SendOne| {
                let mut map = Map::new();
                map.insert("at_ms".into(), millis(s.at));
                map.insert("from".into(), json!(s.from));
                map.insert("key".into(), json!(s.key));
                if s.op != Op::Read {
                    map.insert("op".into(), json!(s.op.words()));
                }
                Json::Object(map)
            };
            map.insert("sends".into(), self.sends.iter().map(send).collect());
        }
        if !self.annotations.is_empty() {
            let all = self.annotations.iter().map(annotation_value).collect();
            map.insert("annotations".into(), all);
        }
        Json::Object(map)
    }
}

fn annotation_value(annotation: &Annotation) -> Json {
    json!({
        "id": annotation.id,
        "what": annotation.what.word(),
        "text": annotation.text,
        "x": annotation.x,
        "y": annotation.y,
        "width": annotation.width,
        "height": annotation.height,
    })
}

fn node_value(node: &NodeSpec) -> Json {
    let mut map = Map::new();
    map.insert("id".into(), json!(node.id));
    map.insert("kind".into(), json!(node.kind.entry().key));
    map.insert("label".into(), json!(node.label));
    map.insert("x".into(), json!(node.x));
    map.insert("y".into(), json!(node.y));
    for spec in node.kind.specs() {
        let value = node.kind.get(spec.key);
        if value != node.kind.default_of(spec.key)
            && let Some(value) = value
        {
            let json = match value {
                Value::Number(n) => tidy(n),
                Value::Choice(words) | Value::Text(words) => json!(words),
                Value::Switch(on) => json!(on),
            };
            map.insert(spec.key.into(), json);
        }
    }
    Json::Object(map)
}

fn link_value(link: &LinkSpec) -> Json {
    let mut map = Map::new();
    map.insert("from".into(), json!(link.from));
    map.insert("to".into(), json!(link.to));
    map.insert("latency_ms".into(), tidy(link.latency_ms));
    if link.loss != 0.0 {
        map.insert("loss".into(), tidy(link.loss));
    }
    Json::Object(map)
}

/// Whole numbers without a decimal point.
fn tidy(n: f64) -> Json {
    match n.fract() == 0.0 && n.abs() < 9e15 {
        true => json!(n as i64),
        false => json!(n),
    }
}

fn millis(at: Time) -> Json {
    tidy(at.ns() as f64 / 1e6)
}

/// A value with the way to it.
struct At<'a> {
    json: &'a Json,
    path: String,
}

impl<'a> At<'a> {
    fn wrong<T>(&self, reason: impl Into<String>) -> Result<T, Problem> {
        Err(Problem::new(self.path.clone(), reason))
    }

    fn map(&self) -> Result<&'a Map<String, Json>, Problem> {
        self.json.as_object().map_or_else(|| self.wrong("must be an object"), Ok)
    }

    fn field(&self, key: &str) -> Result<Option<At<'a>>, Problem> {
        let path = if self.path.is_empty() { key.into() } else { format!("{}.{key}", self.path) };
        Ok(self.map()?.get(key).map(|json| At { json, path }))
    }

    fn needed(&self, key: &str) -> Result<At<'a>, Problem> {
        let found = self.field(key)?;
        found.map_or_else(|| self.wrong(format!("needs {key:?}")), Ok)
    }

    fn text(&self) -> Result<String, Problem> {
        self.json.as_str().map_or_else(|| self.wrong("must be a text"), |text| Ok(clean(text)))
    }

    fn number(&self) -> Result<f64, Problem> {
        self.json.as_f64().map_or_else(|| self.wrong("must be a number"), Ok)
    }

    fn place(&self) -> Result<i32, Problem> {
        let n = self.number()?.round();
        match n.abs() <= 1e6 {
            true => Ok(n as i32),
            false => self.wrong("must be between -100000 and 100000"),
        }
    }

    fn time(&self) -> Result<Time, Problem> {
        let ms = self.number()?;
        match (0.0..=1e9).contains(&ms) {
            true => Ok(Time::from_ns((ms * 1e6).round() as u64)),
            false => self.wrong(format!("must be between 0 and 1000000000, got {ms}")),
        }
    }

    fn list(&self) -> Result<Vec<At<'a>>, Problem> {
        let Some(items) = self.json.as_array() else { return self.wrong("must be a list") };
        let item = |(place, json)| At { json, path: format!("{}[{place}]", self.path) };
        Ok(items.iter().enumerate().map(item).collect())
    }

    fn only(&self, known: &[&str]) -> Result<(), Problem> {
        let unknown = self.map()?.keys().find(|key| !known.contains(&key.as_str()));
        if let Some(key) = unknown {
            let key: String = clean(key).chars().take(40).collect();
            return self.wrong(format!("has no field {key:?}; it has {}", known.join(", ")));
        }
        Ok(())
    }
}

fn read(json: &Json) -> Result<Scenario, Problem> {
    let root = At { json, path: String::new() };
    let plain = Scenario::default();
    match root.needed("schema")?.text()?.as_str() {
        SCHEMA => {}
        other if other.starts_with("switchyard/") => {
            let reason = format!("this was made with a newer version ({other}); reads {SCHEMA}");
            return Err(Problem::new("schema", reason));
        }
        _ => return Err(Problem::new("schema", format!("must be {SCHEMA:?}"))),
    }
    root.only(&[
        "schema",
        "title",
        "note",
        "seed",
        "speed",
        "nodes",
        "links",
        "faults",
        "sends",
        "annotations",
    ])?;
    Ok(Scenario {
        title: optional(&root, "title", plain.title, At::text)?,
        note: optional(&root, "note", plain.note, At::text)?,
        seed: optional(&root, "seed", plain.seed, |at| {
            at.json.as_u64().map_or_else(|| at.wrong("must be a whole number, 0 or more"), Ok)
        })?,
        speed: optional(&root, "speed", plain.speed, At::number)?,
        nodes: each(&root, "nodes", read_node)?,
        links: each(&root, "links", read_link)?,
        faults: each(&root, "faults", read_fault)?,
        sends: each(&root, "sends", |at| {
            at.only(&["at_ms", "from", "key", "op"])?;
            Ok(SendOne {
                op: optional(at, "op", Op::Read, |at| {
                    let name = at.text()?;
                    let found = Op::ALL.iter().find(|op| op.words() == name);
                    found.copied().map_or_else(|| at.wrong("must be GET, PUT or DELETE"), Ok)
                })?,
                at: at.needed("at_ms")?.time()?,
                from: at.needed("from")?.text()?,
                key: at.needed("key")?.text()?,
            })
        })?,
        annotations: each(&root, "annotations", read_annotation)?,
    })
}

fn read_annotation(at: &At<'_>) -> Result<Annotation, Problem> {
    at.only(&["id", "what", "text", "x", "y", "width", "height"])?;
    let word = at.needed("what")?;
    let named = word.text()?;
    let Some(what) = AnnotationKind::ALL.into_iter().find(|what| what.word() == named) else {
        return word.wrong("must be region or note");
    };
    let (width, height) = what.size();
    Ok(Annotation {
        id: at.needed("id")?.text()?,
        what,
        text: optional(at, "text", String::new(), At::text)?,
        x: optional(at, "x", 0, At::place)?,
        y: optional(at, "y", 0, At::place)?,
        width: optional(at, "width", width, At::place)?,
        height: optional(at, "height", height, At::place)?,
    })
}

fn optional<'a, T>(
    at: &At<'a>,
    key: &str,
    otherwise: T,
    read: impl Fn(&At<'a>) -> Result<T, Problem>,
) -> Result<T, Problem> {
    at.field(key)?.map_or(Ok(otherwise), |field| read(&field))
}

fn each<'a, T>(
    at: &At<'a>,
    key: &str,
    read: impl Fn(&At<'a>) -> Result<T, Problem>,
) -> Result<Vec<T>, Problem> {
    let Some(list) = at.field(key)? else { return Ok(Vec::new()) };
    list.list()?.iter().map(read).collect()
}

fn read_node(at: &At<'_>) -> Result<NodeSpec, Problem> {
    let kind = at.needed("kind")?;
    let key = kind.text()?;
    let Some(entry) = CATALOGUE.iter().find(|entry| entry.key == key) else {
        let known: Vec<&str> = CATALOGUE.iter().map(|entry| entry.key).collect();
        let key: String = key.chars().take(40).collect();
        return kind.wrong(format!("must be one of {}, got {key:?}", known.join(", ")));
    };
    let id = at.needed("id")?.text()?;
    Ok(NodeSpec {
        label: optional(at, "label", id.clone(), At::text)?,
        id,
        x: optional(at, "x", 0, At::place)?,
        y: optional(at, "y", 0, At::place)?,
        kind: read_kind(at, entry)?,
    })
}

fn read_kind(at: &At<'_>, entry: &KindEntry) -> Result<Kind, Problem> {
    let mut kind = (entry.make)();
    let own = ["id", "kind", "label", "x", "y"];
    let mut keys: Vec<&String> = at.map()?.keys().collect();
    keys.retain(|key| !own.contains(&key.as_str()));
    // Choices first, because what else can be set may depend on them.
    let chosen =
        |key: &str| matches!(kind.spec(key).map(|spec| spec.range), Some(Range::Choice(_)));
    keys.sort_by_key(|key| !chosen(key));
    for key in keys {
        let path_key: String = clean(key).chars().take(40).collect();
        let field = At { json: &at.map()?[key], path: format!("{}.{path_key}", at.path) };
        let value = match kind.spec(key).map(|spec| spec.range) {
            Some(Range::Number { .. }) => Value::Number(field.number()?),
            Some(Range::Choice(_)) => Value::Choice(field.text()?),
            Some(Range::Text { .. }) => Value::Text(field.text()?),
            Some(Range::Switch) | None => Value::Switch(field.json.as_bool().unwrap_or(true)),
        };
        if matches!(value, Value::Switch(_)) && !field.json.is_boolean() && kind.spec(key).is_some()
        {
            return field.wrong("must be true or false");
        }
        kind.set(key, value).map_err(|reason| Problem::new(field.path, reason))?;
    }
    Ok(kind)
}

fn read_link(at: &At<'_>) -> Result<LinkSpec, Problem> {
    at.only(&["from", "to", "latency_ms", "loss"])?;
    Ok(LinkSpec {
        from: at.needed("from")?.text()?,
        to: at.needed("to")?.text()?,
        latency_ms: optional(at, "latency_ms", 1.0, At::number)?,
        loss: optional(at, "loss", 0.0, At::number)?,
    })
}

fn read_fault(at: &At<'_>) -> Result<Fault, Problem> {
    at.only(&["at_ms", "node", "from", "to", "what", "part", "factor", "percent", "ms"])?;
    let what = at.needed("what")?;
    let name = what.text()?;
    let Some(kind) = FaultKind::ALL.iter().find(|kind| kind.name() == name) else {
        let known: Vec<&str> = FaultKind::ALL.iter().map(|kind| kind.name()).collect();
        return what.wrong(format!("must be one of {}", known.join(", ")));
    };
    let kind = match kind.amount() {
        None => *kind,
        Some((field, range)) => {
            let given = at.needed(field)?;
            let amount = given.number()?;
            let (least, most) = (*range.start(), *range.end());
            if amount.fract() != 0.0 || !(f64::from(least)..=f64::from(most)).contains(&amount) {
                return given.wrong(format!("must be a whole number from {least} to {most}"));
            }
            kind.with(amount as u16)
        }
    };
    let on = match (at.field("node")?, at.field("from")?) {
        (Some(_), Some(_)) => return at.wrong("has a node or a wire, not both"),
        (None, Some(from)) => Target::Wire(from.text()?, at.needed("to")?.text()?),
        (None, None) if !kind.happens_to().0 => return at.wrong("needs \"from\" and \"to\""),
        (_, None) => Target::Node(at.needed("node")?.text()?),
    };
    Ok(Fault { at: at.needed("at_ms")?.time()?, on, kind })
}
