//! What a cache shows: its entries as rings with the time they have left, and who left for whom.

use super::face::{Condition, Face, Inside};
use crate::node::Cache;
use crate::node::cache::{Entry, SHOWN};
use crate::scenario::build::Run;
use crate::sim::{Found, Key, Span, Time};

/// How an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has this place.
    Free,
    /// A value.
    Value,
    /// A write that the store does not have yet.
    Dirty,
    /// That there is no such key.
    Nothing,
    /// Over, and perhaps being loaded again.
    Over,
}

impl Standing {
    /// Its class in the style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Standing::Free => "free",
            Standing::Value => "value",
            Standing::Dirty => "dirty",
            Standing::Nothing => "nothing",
            Standing::Over => "over",
        }
    }
}

/// A place in the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Ring {
    /// How its entry stands.
    pub standing: Standing,
    /// The share of its life that is left, 0 to 1; 1 without an end.
    pub left: f64,
    /// `user:7, 3.2 s left`; empty when the place is free.
    pub words: String,
}

/// So many rings stand in a row.
pub const RINGS_PER_ROW: usize = 8;

/// How many places a cache of this capacity shows.
pub fn places(capacity: u32) -> usize {
    SHOWN.min(capacity as usize)
}

/// The face of a cache.
pub(super) fn face(node: &Cache, run: &Run) -> Face {
    let (config, counts, now) = (node.config(), node.counts(), run.now());
    let shown = node.shown();
    let rings: Vec<Ring> = (shown.iter().take(places(config.capacity)))
        .map(|one| ring(*one, node, run, now))
        .collect();
    let drawn = rings.iter().filter(|ring| ring.standing != Standing::Free).count();
    let name = |key: Key| run.key_name(key);
    let out = node.out().map(|out| (name(out.key), name(out.by)));
    let number = match node.hit_ratio() {
        Some(ratio) => format!("{:.0} % hits", ratio * 100.0),
        None => "no reads yet".to_owned(),
    };
    let (held, capacity) = (node.entries(), config.capacity);
    let mut words = format!(
        "{number}, {} of {}, {held} of {capacity} entries, {} hits, {} misses, {} evicted, \
         {} expired, {} loads, {} waited for another load, {} stale hits",
        config.entry().name,
        config.pattern_name(),
        counts.hits,
        counts.misses,
        counts.evictions,
        counts.expired,
        counts.loads + counts.refreshes,
        counts.coalesced,
        counts.stale_hits,
    );
    if node.dirty() > 0 || node.lost_writes() > 0 {
        words += &format!(
            ", {} writes wait to be flushed, {} acknowledged writes lost",
            node.dirty(),
            node.lost_writes()
        );
        let last = node.lost().last();
        if let Some(lost) = last {
            words += &format!(", last {} version {}", name(lost.key), lost.stamp.commit);
        }
    }
    let note = match (node.lost_writes(), node.dirty()) {
        (0, 0) => out.map_or_else(String::new, |(key, by)| format!("out: {key} for {by}")),
        (0, 1) => "1 write not flushed".to_owned(),
        (0, n) => format!("{n} writes not flushed"),
        (1, _) => "1 acknowledged write lost".to_owned(),
        (n, _) => format!("{n} acknowledged writes lost"),
    };
    Face {
        condition: Condition::Fine,
        number,
        detail: detail(node),
        inside: Inside::Rings { rings, more: held.saturating_sub(drawn), note },
        words,
    }
}

/// `LRU · 100 entries · TTL 5.00 s`.
fn detail(node: &Cache) -> String {
    let config = node.config();
    let entries = if config.capacity == 1 { "entry" } else { "entries" };
    let mut text = format!("{} \u{b7} {} {entries}", config.entry().name, config.capacity);
    if config.ttl_ms > 0.0 {
        text += &format!(" \u{b7} TTL {}", Span::from_millis_f64(config.ttl_ms));
    }
    text
}

fn ring(one: Option<(Key, Entry)>, node: &Cache, run: &Run, now: Time) -> Ring {
    let Some((key, entry)) = one else {
        return Ring { standing: Standing::Free, left: 0.0, words: String::new() };
    };
    let endless = entry.ends == Time::MAX;
    let rest = if now > entry.ends { Span::ZERO } else { entry.ends.since(now) };
    let life = entry.ends.since(entry.since).seconds();
    let left = match endless {
        true => 1.0,
        false if life > 0.0 => (rest.seconds() / life).clamp(0.0, 1.0),
        false => 0.0,
    };
    let standing = match entry.found {
        _ if node.is_dirty(key) => Standing::Dirty,
        _ if now > entry.ends => Standing::Over,
        Found::Nothing => Standing::Nothing,
        Found::Unasked | Found::Value => Standing::Value,
    };
    let key = run.key_name(key);
    let words = match standing {
        _ if endless => key,
        Standing::Over => format!("{key}, over"),
        _ => format!("{key}, {rest} left"),
    };
    Ring { standing, left, words }
}
