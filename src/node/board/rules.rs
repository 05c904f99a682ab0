//! Alert rules as a learner writes them: `errors > 5% for 10s; saturation of db > 90%`.
//!
//! A rule is a metric, `>` or `<`, a value with its unit, and perhaps `for` and how long that must
//! hold, as in alerting rules of Prometheus. Rules stand in lines of their own or between `;`.

use crate::sim::Span;

/// The most rules of a board.
pub const RULES_MAX: usize = 16;
/// The longest a rule may have to hold, in seconds.
const FOR_MAX_S: f64 = 3_600.0;

/// What a rule looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Requests made in a second.
    Rate,
    /// The share of ended requests that failed.
    Errors,
    /// The mean latency of answered requests.
    Mean,
    /// A percentile of it.
    Percentile(u8),
    /// How busy the node with this name, or id, is.
    Saturation(String),
}

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// As it was written, without spaces around it.
    pub text: String,
    /// What it looks at.
    pub metric: Metric,
    /// Is it to be above the limit, or below?
    pub above: bool,
    /// The limit: requests/s, a share of 1, or ms.
    pub limit: f64,
    /// How long that must hold before it fires.
    pub hold: Span,
}

impl Rule {
    /// Does this value break it?
    pub fn holds(&self, value: f64) -> bool {
        if self.above { value > self.limit } else { value < self.limit }
    }
}

impl Metric {
    /// A value of it in words: `12.5 %`.
    pub fn words(&self, value: f64) -> String {
        match self {
            Metric::Rate => format!("{value:.1}/s"),
            Metric::Errors | Metric::Saturation(_) => format!("{:.1} %", value * 100.0),
            Metric::Mean | Metric::Percentile(_) => format!("{value:.0} ms"),
        }
    }
}

/// A piece of a rule: a word, a number, or a mark; and where it begins, in characters from 1.
#[derive(Clone, Debug, PartialEq)]
struct Piece {
    text: String,
    at: usize,
}

/// The rules in a text.
///
/// # Errors
/// What is wrong, and at which character, counted from 1.
pub fn parse(text: &str) -> Result<Vec<Rule>, String> {
    let mut rules = Vec::new();
    let mut begin = 0;
    for part in text.split([';', '\n']) {
        let pieces = pieces(part, begin)?;
        if !pieces.is_empty() {
            rules.push(rule(part, &pieces)?);
        }
        begin += part.chars().count() + 1;
    }
    match rules.len() > RULES_MAX {
        true => Err(format!("must be at most {RULES_MAX} rules, got {}", rules.len())),
        false => Ok(rules),
    }
}

fn pieces(part: &str, begin: usize) -> Result<Vec<Piece>, String> {
    let mut pieces: Vec<Piece> = Vec::new();
    let class = |c: char| match c {
        '0'..='9' | '.' => 0,
        '>' | '<' => 1,
        _ => 2,
    };
    // A name may begin with digits, and a word may hold them: only after a mark is it a number.
    let mut last = None;
    for (place, c) in part.chars().enumerate() {
        let at = begin + place + 1;
        let reorders = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if reorders || (c.is_control() && c != '\t') {
            return Err(format!("at {at}: no control characters"));
        }
        if c.is_whitespace() {
            last = None;
            continue;
        }
        let after_mark = pieces.iter().any(|piece| matches!(piece.text.as_str(), ">" | "<"));
        let class = if after_mark || class(c) == 1 { class(c) } else { 2 };
        match pieces.last_mut() {
            Some(piece) if last == Some(class) && class != 1 => piece.text.push(c),
            _ => pieces.push(Piece { text: c.to_string(), at }),
        }
        last = Some(class);
    }
    Ok(pieces)
}

/// What should have stood somewhere, and what did.
fn expected(what: &str, piece: Option<&Piece>, end: usize) -> String {
    match piece {
        Some(piece) => {
            let got: String = piece.text.chars().take(20).collect();
            format!("at {}: expected {what}, got {got:?}", piece.at)
        }
        None => format!("at {end}: expected {what}"),
    }
}

fn rule(part: &str, pieces: &[Piece]) -> Result<Rule, String> {
    let end = pieces.last().map_or(1, |last| last.at + last.text.chars().count());
    let word = |place: usize| pieces.get(place).map(|piece| piece.text.as_str());
    let is_mark = |piece: &Piece| matches!(piece.text.as_str(), ">" | "<");
    let mark = pieces.iter().position(is_mark).ok_or_else(|| expected("> or <", None, end))?;
    let metric = metric(&pieces[..mark], pieces[mark].at, end)?;
    let number = |place: usize| {
        let number = word(place).and_then(|text| text.parse::<f64>().ok());
        number.filter(|n| n.is_finite()).ok_or_else(|| expected("a number", pieces.get(place), end))
    };
    let value = number(mark + 1)?;
    let unit = word(mark + 2).unwrap_or_default();
    let (units, scale): (&str, Option<f64>) = match (&metric, unit) {
        (Metric::Rate, unit) => ("/s", (unit == "/s").then_some(1.0)),
        (Metric::Errors | Metric::Saturation(_), unit) => ("%", (unit == "%").then_some(0.01)),
        (Metric::Mean | Metric::Percentile(_), unit) => ("ms or s", milliseconds(unit)),
    };
    let scale = scale.ok_or_else(|| expected(units, pieces.get(mark + 2), end))?;
    let hold = match word(mark + 3) {
        None => Span::ZERO,
        Some("for") => {
            let length = number(mark + 4)?;
            let unit = milliseconds(word(mark + 5).unwrap_or_default());
            let unit = unit.ok_or_else(|| expected("ms or s", pieces.get(mark + 5), end))?;
            let ms = length * unit;
            if !(0.0..=FOR_MAX_S * 1e3).contains(&ms) {
                let at = pieces[mark + 4].at;
                return Err(format!("at {at}: must be at most {FOR_MAX_S} s"));
            }
            if let Some(more) = pieces.get(mark + 6) {
                return Err(expected("; or the end", Some(more), end));
            }
            Span::from_millis_f64(ms)
        }
        Some(_) => return Err(expected("for, ; or the end", pieces.get(mark + 3), end)),
    };
    let (text, above) = (part.trim().to_owned(), pieces[mark].text == ">");
    Ok(Rule { text, metric, above, limit: value * scale, hold })
}

fn milliseconds(unit: &str) -> Option<f64> {
    match unit {
        "ms" => Some(1.0),
        "s" => Some(1e3),
        _ => None,
    }
}

fn metric(pieces: &[Piece], mark: usize, end: usize) -> Result<Metric, String> {
    const KNOWN: &str = "rate, errors, mean, p50, p90, p95, p99 or saturation of a node";
    let words: Vec<&str> = pieces.iter().map(|piece| piece.text.as_str()).collect();
    let only = |metric: Metric| match pieces.get(1) {
        None => Ok(metric),
        more => Err(expected("> or <", more, end)),
    };
    match words.as_slice() {
        ["rate", ..] => only(Metric::Rate),
        ["errors", ..] => only(Metric::Errors),
        ["mean", ..] => only(Metric::Mean),
        [word @ ("p50" | "p90" | "p95" | "p99"), ..] => {
            only(Metric::Percentile(word[1..].parse().unwrap_or(99)))
        }
        ["saturation", "of", name @ ..] if !name.is_empty() => {
            Ok(Metric::Saturation(name.join(" ")))
        }
        ["saturation", "of"] => Err(format!("at {mark}: expected the name of a node")),
        ["saturation", ..] => Err(match pieces.get(1) {
            Some(piece) => expected("of", Some(piece), end),
            None => format!("at {mark}: expected of"),
        }),
        _ => Err(match pieces.first() {
            Some(piece) => expected(KNOWN, Some(piece), end),
            None => format!("at {mark}: expected {KNOWN}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read() {
        let rules = parse(
            "errors > 5% for 10s;p99>500 ms for 2.5s\n rate < 10/s ; ;saturation of my db 2 > 90% \
             for 500ms; mean > 1s",
        );
        let rules = rules.expect("they are right");
        let told: Vec<_> = rules
            .iter()
            .map(|r| (r.metric.clone(), r.above, (r.limit * 1e6).round() / 1e6, r.hold.millis()))
            .collect();
        assert_eq!(
            told,
            [
                (Metric::Errors, true, 0.05, 10_000.0),
                (Metric::Percentile(99), true, 500.0, 2_500.0),
                (Metric::Rate, false, 10.0, 0.0),
                (Metric::Saturation("my db 2".into()), true, 0.9, 500.0),
                (Metric::Mean, true, 1_000.0, 0.0),
            ]
        );
        assert_eq!(rules[3].text, "saturation of my db 2 > 90% for 500ms");
        assert_eq!(parse(" ;\n; "), Ok(vec![]));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let rows = [
            ("errors", "at 7: expected > or <"),
            ("errors > five", "at 10: expected a number, got \"five\""),
            ("errors > 5", "at 11: expected %"),
            ("errors > 5ms", "at 11: expected %, got \"ms\""),
            ("rate < 1/s; p98 > 1ms", "at 13: expected rate, errors, mean"),
            ("rate < 10/s since 4s", "at 13: expected for, ; or the end, got \"since\""),
            ("rate < 10/s for", "at 16: expected a number"),
            ("rate < 10/s for 5", "at 18: expected ms or s"),
            ("rate < 10/s for 2s x", "at 20: expected ; or the end, got \"x\""),
            ("rate < 10/s for 9000s", "at 17: must be at most 3600 s"),
            ("saturation > 90%", "at 12: expected of"),
            ("saturation of > 90%", "at 15: expected the name of a node"),
            ("errors often > 3%", "at 8: expected > or <, got \"often\""),
            ("> 3%", "at 1: expected rate"),
            ("p99 > 1.2.3ms", "at 7: expected a number, got \"1.2.3\""),
            ("saturation of \u{202e}s1 > 5%", "at 15: no control characters"),
        ];
        for (text, expected) in rows {
            let problem = parse(text).expect_err(text);
            assert!(problem.starts_with(expected), "{text}: {problem}");
        }
        let many = "rate < 1/s;".repeat(RULES_MAX + 1);
        assert_eq!(parse(&many), Err("must be at most 16 rules, got 17".to_owned()));
    }
}
