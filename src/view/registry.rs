//! What registries show of their inside: instances with the lamps of their checks.

use super::face::{Condition, Face, Inside};
use super::layout::ROWS_MAX;
use crate::node::Registry;
use crate::node::registry::Member;
use crate::policy::registry::Status;
use crate::scenario::build::Run;
use crate::sim::{Span, Time};

/// An instance with its check.
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceRow {
    /// Its name.
    pub name: String,
    /// What the registry says about it: a shape for the eye, a word for everybody.
    pub lamp: Lamp,
    /// When it was last checked and will be next: `2 s, next 7 s`.
    pub checked: String,
    /// What the last check said: `HTTP 200`, `no answer in time`.
    pub said: String,
    /// Its share of the requests, from 0 to 1.
    pub share: f64,
    /// The number beside it.
    pub number: String,
}

/// The state of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lamp {
    /// It may be used.
    Passing,
    /// It asks not to be used.
    Warning,
    /// It does not answer as it should.
    Critical,
    /// It is not in the catalogue.
    Absent,
}

impl Lamp {
    /// Its shape, which tells it apart without its colour.
    pub fn shape(self) -> &'static str {
        match self {
            Lamp::Passing => "\u{25cf}",
            Lamp::Warning => "\u{25b2}",
            Lamp::Critical => "\u{25a0}",
            Lamp::Absent => "\u{25cb}",
        }
    }

    /// In a word.
    pub fn words(self) -> &'static str {
        match self {
            Lamp::Passing => "passing",
            Lamp::Warning => "warning",
            Lamp::Critical => "critical",
            Lamp::Absent => "not listed",
        }
    }
}

/// A length of time as short as it can be read: `0.4 s`, `7 s`, `3 min`.
fn short(span: Span) -> String {
    match span.seconds() {
        s if s < 0.95 => format!("{s:.1} s"),
        s if s < 99.5 => format!("{s:.0} s"),
        s => format!("{:.0} min", s / 60.0),
    }
}

fn row(node: &Registry, member: &Member, now: Time, all: f64) -> InstanceRow {
    let check = node.check(member);
    let lamp = match node.status(member) {
        Some(Status::Passing) => Lamp::Passing,
        Some(Status::Warning) => Lamp::Warning,
        Some(Status::Critical) => Lamp::Critical,
        None => Lamp::Absent,
    };
    let last = check.and_then(|check| check.last).map(|(at, _)| now.since(at));
    let next = member.next.map(|at| format!("next {}", short(at.since(now))));
    let checked = match (last, next) {
        (Some(last), Some(next)) => format!("{} ago, {next}", short(last)),
        (Some(last), None) => format!("{} ago", short(last)),
        (None, Some(next)) => next,
        (None, None) => String::new(),
    };
    InstanceRow {
        name: member.name.to_string(),
        lamp,
        checked,
        said: check
            .and_then(|check| check.last)
            .map_or("not checked yet".to_owned(), |(_, answer)| answer.words()),
        share: member.sent as f64 / all,
        number: member.sent.to_string(),
    }
}

/// What happened last, or what is worth knowing now.
fn news(node: &Registry, run: &Run, down: bool) -> String {
    let now = run.now();
    let ttl = node.config().ttl();
    match (down, node.detection()) {
        (true, _) if ttl == Span::ZERO => "down: no list, no requests".to_owned(),
        (true, _) => match node.oldest_list().map(|at| now.since(at)) {
            Some(age) if age <= ttl => {
                format!("down: lists serve {} more", short(Span::from_ns(ttl.ns() - age.ns())))
            }
            _ => "down: lists have expired".to_owned(),
        },
        (false, Some(seen)) => {
            let ago = short(now.since(seen.at));
            let lag =
                seen.after.map(|after| format!(", {} after its last good check", short(after)));
            let vain = match seen.in_vain {
                0 => String::new(),
                n => format!(", {n} in vain"),
            };
            format!("{} critical {ago} ago{}{vain}", seen.name, lag.unwrap_or_default())
        }
        (false, None) if node.passing() == 0 => "nobody has passed a check yet".to_owned(),
        (false, None) => String::new(),
    }
}

/// What a registry shows.
pub(super) fn face(node: &Registry, run: &Run, down: bool) -> Face {
    let now = run.now();
    let all = (node.sent().total() as f64).max(1.0);
    let rows: Vec<InstanceRow> =
        node.members().iter().map(|member| row(node, member, now, all)).collect();
    let note = news(node, run, down);
    let counts = node.counts();
    let per_second = node.sent().per_second(now);
    let in_words: Vec<String> = rows
        .iter()
        .take(ROWS_MAX)
        .map(|row| {
            format!("{} {} ({}), {} requests", row.name, row.lamp.words(), row.said, row.number)
        })
        .collect();
    Face {
        condition: Condition::Fine,
        number: match per_second >= 9.95 {
            true => format!("{per_second:.0}/s"),
            false => format!("{per_second:.1}/s"),
        },
        detail: format!(
            "{} of {} passing \u{b7} asked {} \u{b7} from lists {}",
            node.passing(),
            rows.len(),
            counts.lookups,
            counts.from_list
        ),
        words: format!(
            "{}; {} found nobody, {} found the registry down, {} went to a dead instance; {note}",
            in_words.join("; "),
            counts.nobody,
            counts.unreachable,
            counts.in_vain
        ),
        inside: Inside::Instances(rows.into_iter().take(ROWS_MAX).collect(), note),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_lamps_look_or_read_alike() {
        let all = [Lamp::Passing, Lamp::Warning, Lamp::Critical, Lamp::Absent];
        for (place, lamp) in all.iter().enumerate() {
            for other in &all[..place] {
                assert!(lamp.shape() != other.shape() && lamp.words() != other.words());
            }
        }
    }

    #[test]
    fn times_are_short() {
        let texts = [400, 7_000, 180_000].map(|ms| short(Span::from_millis(ms)));
        assert_eq!(texts, ["0.4 s", "7 s", "3 min"]);
    }
}
