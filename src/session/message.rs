//! What a page around a frame says to it, and what it hears: JSON objects with `switchyard: 1` and
//! a `type`. Anything else is nobody's, and ignored.

use serde_json::{Value as Json, json};

use super::Session;
use crate::node::Value;
use crate::scenario::link::{self, ENCODED_MAX};
use crate::scenario::{Scenario, link::LinkError};
use crate::sim::Time;

/// The version of the messages.
pub const MESSAGES: u32 = 1;
/// How many events a message may let happen at once.
const STEPS_MAX: u64 = 10_000;

/// What a page around says.
#[derive(Clone, Debug, PartialEq)]
pub enum FromHost {
    /// It is there, and wants to hear what happens.
    Hello,
    /// Open a scenario: a link's payload, or JSON.
    Load(Box<Scenario>),
    /// Run, or pause.
    Play(bool),
    /// Let so many events happen.
    Step(u64),
    /// Back to the start, with another seed if one is given.
    Reset(Option<u64>),
    /// Simulated seconds in a second.
    Speed(f64),
    /// Go to a moment that was run already.
    Seek(Time),
    /// Set a parameter of a node.
    Set(String, String, Value),
    /// Say something of what there is: `scenario`, `metrics`, `svg`, `link`.
    Get(String),
    /// Send `metrics` from now on, or no longer.
    Subscribe(bool),
}

impl FromHost {
    /// Does it change what is shown?
    pub fn changes(&self) -> bool {
        !matches!(self, FromHost::Hello | FromHost::Get(_) | FromHost::Subscribe(_))
    }
}

/// A message that was understood, or what was wrong with one that was meant for us.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// What the page around calls its message; answers carry it too.
    pub id: Option<Json>,
    /// What it says.
    pub message: Result<FromHost, Refused>,
}

/// Why a message was refused: a word for programs, a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// A word for programs, as `link-too-new`.
    pub code: &'static str,
    /// A sentence for people.
    pub text: String,
}

fn wrong(text: &str) -> Refused {
    Refused { code: "bad-message", text: text.to_owned() }
}

/// Reads a message; absent when it is nobody's. The plain texts that reveal.js sends count too.
pub fn hear(text: &str) -> Option<Heard> {
    if text.len() > 4 * ENCODED_MAX {
        return None;
    }
    let json: Json = serde_json::from_str(text).ok()?;
    let plain = |message| Some(Heard { id: None, message: Ok(message) });
    match json.as_str() {
        Some("slide:start") => return plain(FromHost::Play(true)),
        Some("slide:stop") => return plain(FromHost::Play(false)),
        _ => {}
    }
    if json.get("switchyard")?.as_u64()? != u64::from(MESSAGES) {
        return None;
    }
    let id = json.get("id").filter(|id| id.is_number() || id.is_string()).cloned();
    Some(Heard { id, message: understand(&json) })
}

fn understand(json: &Json) -> Result<FromHost, Refused> {
    let number = |name: &str| json.get(name).and_then(Json::as_f64);
    let text = |name: &str| json.get(name).and_then(Json::as_str).map(str::to_owned);
    let seconds = |low: f64, high: f64, name: &str| {
        let within = number(name).filter(|number| (low..=high).contains(number));
        within.ok_or_else(|| wrong(&format!("{name} must be a number from {low} to {high}")))
    };
    match json.get("type").and_then(Json::as_str).unwrap_or_default() {
        "hello" => Ok(FromHost::Hello),
        "run" => Ok(FromHost::Play(true)),
        "pause" => Ok(FromHost::Play(false)),
        "load" => load(json),
        "step" => {
            let n = json.get("n").map_or(Some(1), Json::as_u64).filter(|n| *n <= STEPS_MAX);
            n.map(FromHost::Step).ok_or_else(|| wrong("n must be a whole number up to 10000"))
        }
        "reset" => match json.get("seed") {
            None | Some(Json::Null) => Ok(FromHost::Reset(None)),
            Some(seed) => {
                let seed = seed.as_u64().ok_or_else(|| wrong("seed must be a whole number"))?;
                Ok(FromHost::Reset(Some(seed)))
            }
        },
        "speed" => Ok(FromHost::Speed(seconds(0.001, 1_000.0, "x")?)),
        "seek" => {
            let at = seconds(0.0, 1e6, "t")?;
            Ok(FromHost::Seek(Time::ZERO + crate::sim::Span::from_seconds_f64(at)))
        }
        "set" => {
            let (node, param) = (text("node"), text("param"));
            let (Some(node), Some(param)) = (node, param) else {
                return Err(wrong("node and param must be texts"));
            };
            let value = match json.get("value") {
                Some(Json::Number(n)) => Value::Number(n.as_f64().unwrap_or(f64::NAN)),
                Some(Json::Bool(on)) => Value::Switch(*on),
                // Whether it is a choice or free words is for the parameter to say.
                Some(Json::String(words)) => Value::Text(words.clone()),
                _ => return Err(wrong("value must be a number, a text, true or false")),
            };
            Ok(FromHost::Set(node, param, value))
        }
        "get" => {
            let what = text("what").unwrap_or_default();
            match &*what {
                "scenario" | "metrics" | "svg" | "link" => Ok(FromHost::Get(what)),
                _ => Err(wrong("what must be scenario, metrics, svg or link")),
            }
        }
        "subscribe" => {
            let on = json.get("metrics").map_or(Some(true), Json::as_bool);
            on.map(FromHost::Subscribe).ok_or_else(|| wrong("metrics must be true or false"))
        }
        "" => Err(wrong("type is missing")),
        other => Err(wrong(&format!("there is no message of type {}", head(other)))),
    }
}

fn head(text: &str) -> String {
    text.chars().take(40).collect()
}

fn load(json: &Json) -> Result<FromHost, Refused> {
    let refused = |code, text| Refused { code, text };
    let scenario = match (json.get("s"), json.get("scenario")) {
        (Some(Json::String(payload)), _) => link::decode(payload).map_err(|error| {
            let code = match error {
                LinkError::TooNew(_) => "link-too-new",
                LinkError::TooLarge => "link-too-large",
                LinkError::NotOurs => "link-not-ours",
                LinkError::Damaged => "link-damaged",
                LinkError::Invalid(_) => "link-invalid",
            };
            refused(code, error.to_string())
        })?,
        (None, Some(scenario)) => {
            let read = Scenario::from_json(&scenario.to_string()).and_then(Scenario::finished);
            read.map_err(|problem| refused("scenario-invalid", problem.to_string()))?
        }
        _ => return Err(wrong("load wants a payload as s, or a scenario")),
    };
    Ok(FromHost::Load(Box::new(scenario)))
}

/// A message to the page around.
pub fn say(kind: &str, mut fields: Json, id: Option<&Json>) -> String {
    fields["switchyard"] = json!(MESSAGES);
    fields["type"] = json!(kind);
    if let Some(id) = id {
        fields["id"] = id.clone();
    }
    fields.to_string()
}

impl Session {
    /// What `state` says.
    pub fn state_message(&self, running: bool) -> String {
        let fields = json!({
            "running": running,
            "t": self.run().now().seconds(),
            "seed": self.scenario().seed,
        });
        say("state", fields, None)
    }

    /// What `metrics` says: of the last whole bucket of time, and of all so far.
    pub fn metrics(&self) -> Json {
        let now = self.run().now();
        let span = self.series().bucket_span();
        let mut buckets = self.series().buckets().filter(|(from, _)| *from + span <= now);
        let last = buckets.by_ref().last();
        let rate = |count: u32| f64::from(count) / span.seconds();
        let percentile = |place: usize| last.and_then(|(_, b)| b.percentiles.map(|p| p[place]));
        let tally = self.run().tally();
        json!({
            "t": now.seconds(),
            "rps": last.map(|(_, bucket)| rate(bucket.sent)),
            "done_rps": last.map(|(_, bucket)| rate(bucket.done)),
            "fail_rps": last.map(|(_, bucket)| rate(bucket.failed)),
            "p50": percentile(0),
            "p95": percentile(1),
            "p99": percentile(2),
            "sent": tally.sent,
            "completed": tally.completed,
            "failed": tally.failed.iter().sum::<u64>(),
            "in_flight": self.run().in_flight(),
        })
    }

    /// An xAPI statement about it, in the shape in which H5P sends them: what somebody did, and how
    /// far it went.
    pub fn statement(&self, verb: &str, object: &str) -> Json {
        let now = self.run().now().seconds();
        let done = verb == "completed";
        json!({
            "verb": {
                "id": format!("http://adlnet.gov/expapi/verbs/{verb}"),
                "display": { "en-US": verb },
            },
            "object": {
                "objectType": "Activity",
                "id": object,
                "definition": { "name": { "en-US": self.scenario().title } },
            },
            "result": { "completion": done, "duration": format!("PT{now:.1}S") },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::gallery::GALLERY;
    use crate::sim::Span;

    fn heard(json: Json) -> Result<FromHost, Refused> {
        hear(&json.to_string()).expect("a message of ours").message
    }

    #[test]
    fn what_is_not_ours_is_nobodys() {
        let large = format!("{{\"switchyard\":1,\"type\":\"{}\"}}", "x".repeat(5 * ENCODED_MAX));
        for text in [
            "",
            "1",
            "null",
            "[]",
            "{}",
            "\"slide:other\"",
            "{\"switchyard\":2,\"type\":\"run\"}",
            "{\"switchyard\":\"1\"}",
            &large,
        ] {
            assert_eq!(hear(text), None, "{}", head(text));
        }
    }

    #[test]
    fn slides_run_and_pause_it() {
        let message = |text| hear(text).expect("from reveal.js").message;
        assert_eq!(message("\"slide:start\""), Ok(FromHost::Play(true)));
        assert_eq!(message("\"slide:stop\""), Ok(FromHost::Play(false)));
    }

    #[test]
    fn every_message_is_read() {
        let of = |kind: &str, mut fields: Json| {
            fields["switchyard"] = json!(1);
            fields["type"] = json!(kind);
            heard(fields)
        };
        assert_eq!(of("hello", json!({})), Ok(FromHost::Hello));
        assert_eq!(of("step", json!({})), Ok(FromHost::Step(1)));
        assert_eq!(of("step", json!({ "n": 5 })), Ok(FromHost::Step(5)));
        assert_eq!(of("reset", json!({ "seed": 7 })), Ok(FromHost::Reset(Some(7))));
        assert_eq!(of("speed", json!({ "x": 0.5 })), Ok(FromHost::Speed(0.5)));
        let seek = FromHost::Seek(Time::ZERO + Span::from_millis(1_500));
        assert_eq!(of("seek", json!({ "t": 1.5 })), Ok(seek));
        let set = of("set", json!({ "node": "a", "param": "rate", "value": 3 }));
        assert_eq!(set, Ok(FromHost::Set("a".into(), "rate".into(), Value::Number(3.0))));
        assert_eq!(of("get", json!({ "what": "svg" })), Ok(FromHost::Get("svg".into())));
        assert_eq!(of("subscribe", json!({})), Ok(FromHost::Subscribe(true)));
        let first = GALLERY[0].scenario();
        let loaded = FromHost::Load(Box::new(first.clone()));
        assert_eq!(of("load", json!({ "s": link::encode(&first) })), Ok(loaded.clone()));
        let whole: Json = serde_json::from_str(&first.to_json()).expect("JSON");
        assert_eq!(of("load", json!({ "scenario": whole })), Ok(loaded));
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (fields, code, words) in [
            (json!({ "type": "step", "n": -1 }), "bad-message", "whole number"),
            (json!({ "type": "speed", "x": "fast" }), "bad-message", "x must be a number"),
            (json!({ "type": "seek", "t": -1 }), "bad-message", "t must be a number"),
            (json!({ "type": "set", "node": "a" }), "bad-message", "must be texts"),
            (
                json!({ "type": "set", "node": "a", "param": "b", "value": [] }),
                "bad-message",
                "value",
            ),
            (json!({ "type": "get", "what": "cookies" }), "bad-message", "what must be"),
            (json!({ "type": "explode" }), "bad-message", "no message of type explode"),
            (json!({}), "bad-message", "type is missing"),
            (json!({ "type": "load" }), "bad-message", "load wants"),
            (json!({ "type": "load", "s": "9.AAAA" }), "link-too-new", "newer version"),
            (json!({ "type": "load", "s": "1.AAAA" }), "link-damaged", "damaged"),
            (json!({ "type": "load", "s": "x".repeat(70_000) }), "link-too-large", "too large"),
            (json!({ "type": "load", "scenario": { "nodes": 1 } }), "scenario-invalid", ""),
        ] {
            let mut fields = fields;
            fields["switchyard"] = json!(1);
            let refused = heard(fields.clone()).expect_err("wrong");
            assert_eq!(refused.code, code, "{fields}");
            assert!(refused.text.contains(words), "{fields}: {}", refused.text);
        }
    }

    #[test]
    fn an_answer_carries_the_id_of_the_question() {
        let text = "{\"switchyard\":1,\"type\":\"hello\",\"id\":\"q1\"}";
        let heard = hear(text).expect("a message of ours");
        let answer: Json =
            serde_json::from_str(&say("ready", json!({}), heard.id.as_ref())).expect("JSON");
        assert_eq!(answer, json!({ "switchyard": 1, "type": "ready", "id": "q1" }));
    }

    #[test]
    fn metrics_are_those_of_the_run() {
        let mut session = Session::new(GALLERY[0].scenario()).expect("a built-in scenario");
        session.advance(Span::from_millis(10_000), u64::MAX);
        let metrics = session.metrics();
        assert_eq!(metrics["sent"], json!(session.report().sent));
        assert!(metrics["p50"].as_f64() <= metrics["p99"].as_f64());
        assert!(metrics["rps"].as_f64().expect("a whole bucket") > 0.0);
        let statement = session.statement("completed", "https://example.org/1");
        assert_eq!(statement["result"]["duration"], json!("PT10.0S"));
        assert_eq!(statement["result"]["completion"], json!(true));
    }
}
