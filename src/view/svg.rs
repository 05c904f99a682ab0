//! A scenario as a drawing in SVG: the same places, wires and words as on the canvas, nothing that
//! moves. What its author wrote is text in it and never markup.

use std::fmt::Write as _;

use super::{layout, silhouette};
use crate::scenario::{AnnotationKind, Scenario};

/// Room around the drawing.
const MARGIN: f64 = 24.0;
/// Height of the line with the title.
const TITLE: f64 = 40.0;

/// The colours of a drawing.
#[derive(Clone, Copy, Debug)]
struct Colours {
    canvas: &'static str,
    node: &'static str,
    line: &'static str,
    wire: &'static str,
    text: &'static str,
    faint: &'static str,
    paper: &'static str,
}

const LIGHT: Colours = Colours {
    canvas: "#f7f8fa",
    node: "#ffffff",
    line: "#7c8698",
    wire: "#a3abba",
    text: "#12151c",
    faint: "#4a5263",
    paper: "#fdf6d8",
};
const DARK: Colours = Colours {
    canvas: "#0f1115",
    node: "#1d212a",
    line: "#6b7589",
    wire: "#4d5566",
    text: "#eceff5",
    faint: "#aab2c3",
    paper: "#35301d",
};

/// Text as it may stand between tags and in attributes.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // XML has no place for the others at all.
            c if c.is_control() && c != '\n' && c != '\t' => {}
            c => out.push(c),
        }
    }
    out
}

/// At most so many letters, with a mark where some are missing.
fn clipped(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most - 1).chain(['\u{2026}']).collect(),
        false => text.to_owned(),
    }
}

/// The drawing. `inside` stands in its metadata, so that the scenario can be opened from it.
pub fn svg(scenario: &Scenario, inside: &str, dark: bool) -> String {
    let colours = if dark { DARK } else { LIGHT };
    let extent = layout::extent(scenario);
    let title = if scenario.title.is_empty() { 0.0 } else { TITLE };
    let (left, top) = (extent.x - MARGIN, extent.y - MARGIN - title);
    let (width, height) = (extent.width + 2.0 * MARGIN, extent.height + 2.0 * MARGIN + title);
    let mut out = String::new();
    let Colours { canvas, text, faint, .. } = colours;
    // Writing to a String cannot fail, here and below.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"{left} {top} {width} {height}\" \
         width=\"{width}\" height=\"{height}\" font-family=\"Inter, system-ui, sans-serif\" \
         font-size=\"13\"><title>{}</title><metadata>{}</metadata>\
         <rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"{canvas}\"/>",
        escape(&scenario.title),
        escape(inside)
    );
    if title > 0.0 {
        let (x, y) = (left + MARGIN, top + MARGIN + 8.0);
        let words = escape(&clipped(&scenario.title, (width / 9.0).max(8.0) as usize));
        let _ = write!(
            out,
            "<text x=\"{x}\" y=\"{y}\" fill=\"{text}\" font-size=\"16\" font-weight=\"600\">\
             {words}</text>"
        );
    }
    regions(scenario, colours, &mut out);
    for link in &scenario.links {
        if let Some(curve) = layout::wire(scenario, &link.from, &link.to) {
            let (path, wire) = (curve.path(), colours.wire);
            let _ = write!(
                out,
                "<path d=\"{path}\" fill=\"none\" stroke=\"{wire}\" stroke-width=\"2\"/>"
            );
        }
    }
    for node in &scenario.nodes {
        let bounds = layout::bounds(scenario, node);
        let (x, y) = (bounds.x, bounds.y);
        let Colours { node: fill, line, .. } = colours;
        let middle = y + bounds.height / 2.0;
        let most = ((bounds.width - 56.0) / 7.5).max(3.0) as usize;
        let _ = write!(
            out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" rx=\"10\" fill=\"{fill}\" \
             stroke=\"{line}\"/><g transform=\"translate({} {})\" fill=\"none\" stroke=\"{text}\" \
             stroke-width=\"1.6\" stroke-linecap=\"round\" stroke-linejoin=\"round\">\
             <path d=\"{}\"/></g><text x=\"{}\" y=\"{}\" fill=\"{text}\" font-weight=\"600\">{}\
             </text><text x=\"{}\" y=\"{}\" fill=\"{faint}\" font-size=\"11\">{}</text>",
            bounds.width,
            bounds.height,
            x + 14.0,
            middle - 12.0,
            silhouette::kind(node.kind.family()),
            x + 48.0,
            middle - 2.0,
            escape(&clipped(&node.label, most)),
            x + 48.0,
            middle + 15.0,
            escape(node.kind.family().entry().name)
        );
    }
    notes(scenario, colours, &mut out);
    out.push_str("</svg>");
    out
}

fn regions(scenario: &Scenario, colours: Colours, out: &mut String) {
    let Colours { line, faint, .. } = colours;
    for one in scenario.annotations.iter().filter(|a| a.what == AnnotationKind::Region) {
        let r = layout::drawn(one);
        let _ = write!(
            out,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"12\" fill=\"none\" \
             stroke=\"{line}\" stroke-dasharray=\"6 4\"/><text x=\"{}\" y=\"{}\" fill=\"{faint}\" \
             font-size=\"12\">{}</text>",
            r.x,
            r.y,
            r.width,
            r.height,
            r.x + 12.0,
            r.y + 18.0,
            escape(&clipped(&one.text, (r.width / 7.0) as usize))
        );
    }
}

fn notes(scenario: &Scenario, colours: Colours, out: &mut String) {
    let Colours { paper, text, line, .. } = colours;
    for one in scenario.annotations.iter().filter(|a| a.what == AnnotationKind::Note) {
        let r = layout::drawn(one);
        let _ = write!(
            out,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"6\" fill=\"{paper}\" \
             stroke=\"{line}\"/>",
            r.x, r.y, r.width, r.height
        );
        let across = ((r.width - 20.0) / 6.5).max(1.0) as usize;
        let down = ((r.height - 12.0) / 16.0).max(1.0) as usize;
        for (place, words) in wrapped(&one.text, across).into_iter().take(down).enumerate() {
            let (x, y) = (r.x + 10.0, r.y + 20.0 + 16.0 * place as f64);
            let words = escape(&words);
            let _ = write!(
                out,
                "<text x=\"{x}\" y=\"{y}\" fill=\"{text}\" font-size=\"12\">{words}</text>"
            );
        }
    }
}

/// Lines of at most so many letters, broken between words where there is a place to.
fn wrapped(text: &str, most: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let letters = line.chars().count() + 1 + word.chars().count();
            if !line.is_empty() && letters > most {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&clipped(word, most.max(2)));
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::gallery::GALLERY;

    #[test]
    fn every_example_is_drawn_whole() {
        for preset in GALLERY {
            let scenario = preset.scenario();
            let picture = svg(&scenario, "x", false);
            let lines = scenario.links.len() + scenario.nodes.len();
            assert_eq!(picture.matches("<path ").count(), lines, "{}", preset.key);
            assert!(picture.matches("<rect ").count() > scenario.nodes.len(), "{}", preset.key);
            assert!(!picture.contains("NaN") && !picture.contains("inf"), "{}", preset.key);
        }
    }

    #[test]
    fn what_its_author_wrote_is_text_and_never_markup() {
        let mut scenario = GALLERY[0].scenario();
        let evil = "</text><script>alert(1)</script>\" onload='x' \u{1}&";
        scenario.title = evil.into();
        scenario.nodes[0].label = evil.into();
        for dark in [true, false] {
            let picture = svg(&scenario, evil, dark);
            assert!(!picture.contains("<script") && !picture.contains("onload='"));
            assert!(!picture.contains('\u{1}'));
        }
        assert_eq!(escape("a<b>&\"'\u{1}"), "a&lt;b&gt;&amp;&quot;&#39;");
    }

    #[test]
    fn long_words_are_clipped_and_long_lines_broken() {
        assert_eq!(clipped("abcdef", 4), "abc\u{2026}");
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("a\n\nb", 8), ["a", "", "b"]);
    }
}
