//! Pasted lists: the instants of requests, or the keys they are to ask for, one on each line.
//!
//! `0.5 user:7 write` is a request half a second after the run began; `user:7 write` a key and what
//! to do with it. What a line leaves out is drawn as for any other request. Commas end a line too.

use std::sync::Arc;

use crate::sim::{Key, Op, Span, Time};

/// The most lines in a list.
const LINES_MAX: usize = 2_000;
/// The most characters in a key.
const KEY_MAX: usize = 200;
/// No instant is later, in seconds.
const LATEST_S: f64 = 1e6;

/// What a line says, with its key as text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line<'a> {
    /// When; not in a list of keys.
    at: Time,
    key: Option<&'a str>,
    op: Option<Op>,
    /// Its number, from 1.
    number: u32,
}

/// A line in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) at: Time,
    pub(super) key: Option<Key>,
    pub(super) op: Option<Op>,
    pub(super) number: u32,
}

/// Reads a list of instants, in seconds, each with a key and what to do or without. In the order of
/// the instants; lines with the same one stay in theirs.
///
/// # Errors
/// When it is not of that form; says what is wrong and where, in words for a person.
pub(super) fn times(text: &str) -> Result<Vec<Line<'_>>, String> {
    let mut all = lines(text, |number, words| {
        let first = words.next().unwrap_or_default();
        let seconds = first.parse::<f64>().ok().filter(|s| (0.0..=LATEST_S).contains(s));
        let Some(seconds) = seconds else {
            let wanted = "a time in seconds, as in 0.5, or 0.5 user:7 write";
            return Err(format!("{:?} is not {wanted}", short(first)));
        };
        let at = Time::ZERO + Span::from_seconds_f64(seconds);
        rest(words).map(|(key, op)| Line { at, key, op, number })
    })?;
    all.sort_by_key(|line| line.at);
    Ok(all)
}

/// Reads a list of keys, each with what to do or without.
///
/// # Errors
/// When it is not of that form; says what is wrong and where, in words for a person.
pub(super) fn keys(text: &str) -> Result<Vec<Line<'_>>, String> {
    lines(text, |number, words| match rest(words)? {
        (None, _) => Err("there must be a key before what to do, as in user:7 write".to_owned()),
        (key, op) => Ok(Line { at: Time::ZERO, key, op, number }),
    })
}

/// A list in use; `word` gives the number of a key that is not one of the numbered ones.
pub(super) fn entries(lines: &[Line<'_>], mut word: impl FnMut(&str) -> u32) -> Arc<[Entry]> {
    let mut key = |text: &str| match numbered(text) {
        Some(number) => Key::numbered(number),
        None => Key::typed(word(text)),
    };
    let entry = |line: &Line<'_>| {
        let Line { at, op, number, .. } = *line;
        Entry { at, key: line.key.map(&mut key), op, number }
    };
    lines.iter().map(entry).collect()
}

fn lines<'a>(
    text: &'a str,
    mut read: impl FnMut(u32, &mut dyn Iterator<Item = &'a str>) -> Result<Line<'a>, String>,
) -> Result<Vec<Line<'a>>, String> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.split(['\n', ','])) {
        let mut words = line.split_whitespace().peekable();
        if words.peek().is_some() {
            let line = read(number, &mut words).map_err(|what| format!("line {number}: {what}"))?;
            found.push(line);
        }
    }
    match found.len() {
        0 => Err("must have at least one line".to_owned()),
        n if n > LINES_MAX => Err(format!("must have at most {LINES_MAX} lines, has {n}")),
        _ => Ok(found),
    }
}

/// What comes after the time: a key, what to do, both or neither.
fn rest<'a>(
    words: &mut dyn Iterator<Item = &'a str>,
) -> Result<(Option<&'a str>, Option<Op>), String> {
    let (first, second, more) = (words.next(), words.next(), words.next());
    if let Some(word) = more {
        return Err(format!("{:?} is one word too many", short(word)));
    }
    match (first, second) {
        (None, _) => Ok((None, None)),
        (Some(word), None) if op(word).is_some() => Ok((None, op(word))),
        (Some(key), None) => Ok((Some(legal(key)?), None)),
        (Some(key), Some(word)) => match op(word) {
            Some(op) => Ok((Some(legal(key)?), Some(op))),
            None => Err(format!("{:?} must be read, write, delete or scan", short(word))),
        },
    }
}

fn op(word: &str) -> Option<Op> {
    let ops =
        [("read", Op::Read), ("write", Op::Write), ("delete", Op::Delete), ("scan", Op::Scan)];
    let named = |(name, op): &(&str, Op)| {
        word.eq_ignore_ascii_case(name) || word.eq_ignore_ascii_case(op.words())
    };
    ops.iter().find(|one| named(one)).map(|(_, op)| *op)
}

/// A key that can be shown as it is.
fn legal(key: &str) -> Result<&str, String> {
    let reorders = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if key.chars().any(|c| c.is_control() || reorders(c)) {
        return Err("the key must hold no control characters".to_owned());
    }
    match key.chars().count() > KEY_MAX {
        true => Err(format!("the key must be at most {KEY_MAX} characters long")),
        false => Ok(key),
    }
}

/// The number of a key that is written as a numbered one is.
fn numbered(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("user:")?;
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with("00");
    let number = digits.parse().ok().filter(|n| plain && *n < 1 << 31)?;
    (digits == "0" || !digits.starts_with('0')).then_some(number)
}

fn short(word: &str) -> String {
    word.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_with_what_stands_beside_them() {
        let text = "1.5 user:7 write\n0.25\n\n 1.5 GET, 2e0 cart:9";
        let lines = times(text).expect("it is right");
        let ms = |line: &Line| line.at.ns() / 1_000_000;
        assert_eq!(lines.iter().map(ms).collect::<Vec<_>>(), [250, 1_500, 1_500, 2_000]);
        let numbers: Vec<u32> = lines.iter().map(|line| line.number).collect();
        assert_eq!(numbers, [2, 1, 4, 5]);
        let entries = entries(&lines, |word| {
            assert_eq!(word, "cart:9");
            3
        });
        let what: Vec<_> = entries.iter().map(|entry| (entry.key, entry.op)).collect();
        let (seven, cart) = (Key::numbered(7), Key::typed(3));
        let wanted = [
            (None, None),
            (Some(seven), Some(Op::Write)),
            (None, Some(Op::Read)),
            (Some(cart), None),
        ];
        assert_eq!(what, wanted);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, said) in [
            ("", "at least one line"),
            ("0.5\nabc", "line 2: \"abc\" is not a time in seconds"),
            ("-1", "line 1: \"-1\" is not"),
            ("NaN", "line 1: \"NaN\" is not"),
            ("1e9", "line 1: \"1e9\" is not"),
            ("1\n2 user:1 eat", "line 2: \"eat\" must be read, write"),
            ("1 user:1 read now", "line 1: \"now\" is one word too many"),
            ("1 a\u{202e}b", "line 1: the key must hold no"),
        ] {
            let refused = times(text).expect_err("it is wrong");
            assert!(refused.contains(said), "{text:?}: {refused}");
        }
        assert!(times(&format!("1 {}", "x".repeat(201))).is_err_and(|r| r.contains("200")));
        assert!(times(&"1\n".repeat(2_001)).is_err_and(|r| r.contains("2000 lines")));
        assert!(keys("user:1, write").is_err_and(|r| r.starts_with("line 2: there must be a key")));
        assert!(keys("user:1\nuser:2 delete").is_ok_and(|lines| lines.len() == 2));
    }

    #[test]
    fn only_what_is_written_as_a_numbered_key_is_one() {
        assert_eq!(numbered("user:42"), Some(42));
        assert_eq!(numbered("user:0"), Some(0));
        for other in ["user:042", "user:00", "user:", "user:+4", "user:2147483648", "users:4"] {
            assert_eq!(numbered(other), None, "{other}");
        }
    }
}
