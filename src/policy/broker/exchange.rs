//! Exchanges: which queues get a copy of a message.
//!
//! - default: the queue whose name is the routing key.
//! - direct: the binding key is the routing key, letter for letter.
//! - topic: words between dots; `*` is exactly one word, `#` any number of them, none as well.
//! - fanout: every queue that is bound.
//! - headers: by a message's headers; with `all` and `any`, arguments that begin `x-` are not
//!   looked at, with `all-with-x` and `any-with-x` they are. A void argument asks for presence,
//!   others for the same value of the same type.
//!
//! A queue that is bound twice gets one copy. Source: RabbitMQ 3.10, rabbit_exchange_type_*.erl;
//! checked against recordings of the real broker.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How an exchange tells queues apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exchanging {
    /// By the whole routing key.
    #[default]
    Direct,
    /// By the words of the routing key.
    Topic,
    /// Not at all.
    Fanout,
    /// By headers.
    Headers,
}

/// The value of a header, or of an argument of a binding.
#[derive(Clone, Debug, PartialEq)]
pub enum Header {
    /// No value: in a binding, that the header is there.
    Void,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A broken number.
    Float(f64),
    /// Text.
    Text(String),
}

/// Headers by name.
pub type Headers = BTreeMap<String, Header>;

/// What a binding asks for. Two with other arguments are two, even where nobody looks at them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Binding {
    /// A key, or a pattern for one.
    pub key: String,
    /// Headers, and `x-match`.
    pub arguments: Headers,
}

impl Binding {
    /// One by its key.
    pub fn key(key: &str) -> Binding {
        Binding { key: key.to_owned(), arguments: Headers::new() }
    }

    /// One by headers.
    pub fn arguments(arguments: Headers) -> Binding {
        Binding { key: String::new(), arguments }
    }
}

/// Where a binding leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// To a queue.
    Queue(Arc<str>),
    /// To another exchange.
    Exchange(Arc<str>),
}

/// An exchange with its bindings.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    /// How it tells queues apart.
    pub exchanging: Exchanging,
    /// Does it survive a restart?
    pub durable: bool,
    /// Who gets what no binding lets through.
    pub alternate: Option<Arc<str>>,
    bindings: Vec<(Binding, Target)>,
}

impl Exchange {
    /// One without bindings.
    pub fn new(exchanging: Exchanging, durable: bool) -> Exchange {
        Exchange { exchanging, durable, alternate: None, bindings: Vec::new() }
    }

    /// Binds a queue or an exchange; the same again changes nothing.
    pub fn bind(&mut self, binding: Binding, target: Target) {
        if !self.bindings.iter().any(|(known, to)| *known == binding && *to == target) {
            self.bindings.push((binding, target));
        }
    }

    /// Takes a binding away.
    pub fn unbind(&mut self, binding: &Binding, target: &Target) {
        self.bindings.retain(|(known, to)| known != binding || to != target);
    }

    /// Takes every binding of a queue away.
    pub fn forget(&mut self, queue: &str) {
        self.bindings.retain(|(_, to)| !matches!(to, Target::Queue(name) if &**name == queue));
    }

    /// All bindings, oldest first.
    pub fn bindings(&self) -> &[(Binding, Target)] {
        &self.bindings
    }

    /// Does this binding let a message with that key and those headers through?
    pub fn matches(&self, binding: &Binding, key: &str, headers: Option<&Headers>) -> bool {
        match self.exchanging {
            Exchanging::Fanout => true,
            Exchanging::Direct => binding.key == key,
            Exchanging::Topic => topic_matches(&binding.key, key),
            Exchanging::Headers => headers_match(&binding.arguments, headers),
        }
    }

    /// Where a copy goes, each once.
    pub fn route(&self, key: &str, headers: Option<&Headers>) -> BTreeSet<Target> {
        let matching =
            self.bindings.iter().filter(|(binding, _)| self.matches(binding, key, headers));
        matching.map(|(_, target)| target.clone()).collect()
    }
}

fn words(key: &str) -> Vec<&str> {
    if key.is_empty() { Vec::new() } else { key.split('.').collect() }
}

/// Does a topic pattern match a routing key? Both are words between dots; the empty one has none.
/// Costs words times words at most.
pub fn topic_matches(pattern: &str, key: &str) -> bool {
    let key = words(key);
    // Which numbers of the key's words the pattern so far can stand for.
    let mut reached = vec![false; key.len() + 1];
    reached[0] = true;
    for part in words(pattern) {
        let mut next = vec![false; key.len() + 1];
        let mut any = false;
        for place in 0..=key.len() {
            any |= reached[place];
            match part {
                "#" => next[place] = any,
                _ if place < key.len() => {
                    next[place + 1] = reached[place] && (part == "*" || part == key[place]);
                }
                _ => {}
            }
        }
        reached = next;
    }
    reached[key.len()]
}

fn headers_match(asked: &Headers, headers: Option<&Headers>) -> bool {
    let how = match asked.get("x-match") {
        Some(Header::Text(how)) => how.as_str(),
        _ => "all",
    };
    let with_x = how.ends_with("-with-x");
    let mut looked_at =
        asked.iter().filter(|(name, _)| *name != "x-match" && (with_x || !name.starts_with("x-")));
    let meets = |(name, value): (&String, &Header)| {
        let there = headers.and_then(|headers| headers.get(name));
        there.is_some_and(|there| *value == Header::Void || there == value)
    };
    match how.starts_with("any") {
        true => looked_at.any(meets),
        false => looked_at.all(meets),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_for_words() {
        for (pattern, key, expected) in [
            ("#", "", true),
            ("", "", true),
            ("*", "", false),
            ("*.#", "a", true),
            ("#.b", "a.b.b", true),
            ("a.#.b", "a.b", true),
            ("a.#.b", "b", false),
            ("a.", "a", false),
            ("*.*", ".", true),
            ("#.#.#.#.#.#.#.#.#.#.#.#.x", "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a", false),
        ] {
            assert_eq!(topic_matches(pattern, key), expected, "{pattern:?} {key:?}");
        }
    }
}
