//! What the address of a page may ask for: one table, from which the reader, the documentation and
//! the builder of snippets are made. What is unknown or odd never breaks anything: the default
//! holds, and a sentence says so.

use crate::session::Edit;
use crate::sim::{Span, Time};

use super::svg::escape;

/// Which values an option takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Values {
    /// `1` or `0`; the bare name is 1.
    Switch,
    /// One of these words.
    One(&'static [&'static str]),
    /// Some of these words, with commas.
    Some(&'static [&'static str]),
    /// A number from the first to the second, and its unit.
    Number(f64, f64, &'static str),
    /// A text.
    Text(&'static str),
}

/// An option.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spec {
    /// Its name in the address.
    pub name: &'static str,
    /// Its values.
    pub values: Values,
    /// What holds when it is not given, in words.
    pub default: &'static str,
    /// What it does, in a sentence.
    pub help: &'static str,
    /// Does the builder of snippets offer it?
    pub offered: bool,
}

/// The side panels, as `panels` names them.
pub const PANELS: &[&str] = &["request", "inspect", "outline", "text", "charts"];

const fn spec(
    name: &'static str,
    values: Values,
    default: &'static str,
    offered: bool,
    help: &'static str,
) -> Spec {
    Spec { name, values, default, help, offered }
}

/// Every option.
pub const OPTIONS: &[Spec] = &[
    spec(
        "embed",
        Values::Switch,
        "0",
        false,
        "A frame in somebody else's page: a poster first, no draft, no storage needed.",
    ),
    spec(
        "ui",
        Values::One(&["full", "min", "none"]),
        "full; min in a frame",
        true,
        "How much stands around the canvas: everything, the transport, or nothing.",
    ),
    spec(
        "panels",
        Values::Some(PANELS),
        "all; none in a frame",
        true,
        "The panels that are shown.",
    ),
    spec(
        "edit",
        Values::One(&["all", "params", "none"]),
        "all; params in a frame",
        true,
        "What may be changed: everything; settings, faults and single requests; or nothing.",
    ),
    spec(
        "locked",
        Values::Text("ids"),
        "none",
        true,
        "Nodes that stay as they are whatever edit allows: their ids, with commas.",
    ),
    spec(
        "load",
        Values::One(&["visible", "click", "auto"]),
        "visible",
        true,
        "When a frame loads the program: when it is seen, when Run is pressed, or at once.",
    ),
    spec(
        "autoplay",
        Values::Switch,
        "1, and 0 for those who want less motion",
        true,
        "Does it run by itself?",
    ),
    spec(
        "speed",
        Values::Number(0.001, 1000.0, "s/s"),
        "the scenario's",
        true,
        "Simulated seconds in a second.",
    ),
    spec(
        "seed",
        Values::Number(0.0, 9_007_199_254_740_991.0, ""),
        "the scenario's",
        true,
        "The seed of the run.",
    ),
    spec("t", Values::Number(0.0, 1e6, "s"), "0", true, "The simulated time at which it opens."),
    spec(
        "until",
        Values::Number(0.001, 1e6, "s"),
        "never",
        true,
        "Where it stops, and tells the page around that it is completed.",
    ),
    spec(
        "resize",
        Values::Switch,
        "0",
        true,
        "Does it ask the page around for the height it would like, as LTI and H5P do?",
    ),
    spec(
        "theme",
        Values::One(&["auto", "light", "dark", "projector"]),
        "auto",
        true,
        "Its colours; projector is light with strong lines and large letters.",
    ),
    spec(
        "wheel",
        Values::One(&["page", "zoom", "pan"]),
        "page in a frame",
        true,
        "What the plain wheel does: scrolls the page around, zooms, or moves the picture.",
    ),
    spec("links", Values::Switch, "1", true, "Does a frame offer to open the whole page?"),
    spec(
        "api",
        Values::Switch,
        "0",
        true,
        "May the page around a frame change what is in it, by messages?",
    ),
    spec(
        "origin",
        Values::Text("address"),
        "any",
        true,
        "The only origin whose messages are heeded, as https://lms.example.",
    ),
    spec("preset", Values::Text("name"), "none", false, "A built-in scenario."),
    spec(
        "src",
        Values::Text("address"),
        "none",
        false,
        "A scenario as JSON: from here, or by https with CORS, at most 256 kB.",
    ),
    spec(
        "test",
        Values::Text("word"),
        "none",
        false,
        "panic breaks down on purpose, to see what a person would see.",
    ),
];

/// How much stands around the canvas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Around {
    /// Nothing.
    Nothing,
    /// The transport.
    Transport,
    /// Everything.
    #[default]
    Everything,
}

/// What an address asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// A frame in somebody else's page.
    pub embed: bool,
    /// What may be changed.
    pub edit: Edit,
    /// How much stands around the canvas.
    pub around: Around,
    /// Which of `PANELS` are shown.
    pub panels: [bool; PANELS.len()],
    /// Ids of nodes that stay as they are.
    pub locked: Vec<String>,
    /// Does it run by itself, whatever else would decide?
    pub autoplay: Option<bool>,
    /// The theme, unless the system's.
    pub theme: Option<&'static str>,
    /// Simulated seconds in a second.
    pub speed: Option<f64>,
    /// The seed.
    pub seed: Option<u64>,
    /// Where it opens.
    pub at: Option<Time>,
    /// Where it stops and is completed.
    pub until: Option<Time>,
    /// Asks for its height unasked.
    pub resize: bool,
    /// What the plain wheel does, if the address says so.
    pub wheel: Option<&'static str>,
    /// Offers to open the whole page.
    pub links: bool,
    /// Heeds messages that change something.
    pub api: bool,
    /// The only origin that is heeded.
    pub origin: Option<String>,
    /// A built-in scenario.
    pub preset: Option<String>,
    /// Where a scenario is fetched from.
    pub src: Option<String>,
    /// Breaks down on purpose.
    pub panic: bool,
    /// What was not understood, a sentence each.
    pub problems: Vec<String>,
}

/// A value that was understood.
enum Value {
    Switch(bool),
    Word(&'static str),
    Words(Vec<&'static str>),
    Number(f64),
    Text(String),
}

impl Options {
    /// Reads the pairs of an address's query.
    pub fn read(pairs: &[(String, String)]) -> Options {
        let mut options = Options { links: true, ..Options::default() };
        let given = |name: &str| pairs.iter().find(|(key, _)| key == name);
        options.embed = given("embed").is_some_and(|(_, value)| switch(value) == Some(true));
        if options.embed {
            (options.edit, options.around) = (Edit::Params, Around::Transport);
        } else {
            options.panels = [true; PANELS.len()];
        }
        for (name, value) in pairs {
            let Some(spec) = OPTIONS.iter().find(|spec| spec.name == name) else {
                options.problems.push(format!("The option {name} is unknown here."));
                continue;
            };
            match understand(spec, value) {
                Some(value) => options.take(spec.name, value),
                None => options
                    .problems
                    .push(format!("{name}={value} is not understood: {}.", allowed(spec.values))),
            }
        }
        options
    }

    fn take(&mut self, name: &str, value: Value) {
        match (name, value) {
            ("ui", Value::Word(word)) => {
                self.around = match word {
                    "full" => Around::Everything,
                    "min" => Around::Transport,
                    _ => Around::Nothing,
                };
            }
            ("edit", Value::Word(word)) => {
                self.edit = match word {
                    "all" => Edit::All,
                    "params" => Edit::Params,
                    _ => Edit::Nothing,
                };
            }
            ("panels", Value::Words(words)) => {
                self.panels = std::array::from_fn(|place| words.contains(&PANELS[place]));
            }
            ("locked", Value::Text(text)) => {
                self.locked = text.split(',').map(|id| id.trim().to_owned()).collect();
            }
            ("autoplay", Value::Switch(on)) => self.autoplay = Some(on),
            ("theme", Value::Word(word)) => self.theme = Some(word).filter(|word| *word != "auto"),
            ("speed", Value::Number(number)) => self.speed = Some(number),
            ("seed", Value::Number(number)) => self.seed = Some(number as u64),
            ("t", Value::Number(number)) => self.at = Some(instant(number)),
            ("until", Value::Number(number)) => self.until = Some(instant(number)),
            ("resize", Value::Switch(on)) => self.resize = on,
            ("wheel", Value::Word(word)) => self.wheel = Some(word),
            ("links", Value::Switch(on)) => self.links = on,
            ("api", Value::Switch(on)) => self.api = on,
            ("origin", Value::Text(text)) => self.origin = Some(text),
            ("preset", Value::Text(text)) => self.preset = Some(text),
            ("src", Value::Text(text)) => self.src = Some(text),
            ("test", Value::Text(text)) => self.panic = text == "panic",
            // `embed` was read before all others, `load` is for the page before the program.
            _ => {}
        }
    }

    /// Is one of `PANELS` shown?
    pub fn shows(&self, panel: &str) -> bool {
        PANELS.iter().zip(self.panels).any(|(name, on)| on && *name == panel)
    }
}

fn instant(seconds: f64) -> Time {
    Time::ZERO + Span::from_seconds_f64(seconds)
}

fn switch(value: &str) -> Option<bool> {
    match value {
        "" | "1" | "true" | "yes" => Some(true),
        "0" | "false" | "no" => Some(false),
        _ => None,
    }
}

fn understand(spec: &Spec, value: &str) -> Option<Value> {
    match spec.values {
        Values::Switch => switch(value).map(Value::Switch),
        Values::One(words) => words.iter().find(|word| **word == value).map(|w| Value::Word(w)),
        Values::Some(words) => {
            let found = |word: &str| words.iter().find(|known| **known == word).copied();
            let all = value.split(',').map(str::trim).filter(|word| !word.is_empty());
            all.map(found).collect::<Option<Vec<_>>>().map(Value::Words)
        }
        Values::Number(low, high, _) => {
            let number: f64 = value.parse().ok()?;
            let whole = spec.name != "seed" || number.fract() == 0.0;
            ((low..=high).contains(&number) && whole).then_some(Value::Number(number))
        }
        Values::Text(_) => (value.len() <= 4096).then(|| Value::Text(value.to_owned())),
    }
}

/// The values in words.
pub fn allowed(values: Values) -> String {
    match values {
        Values::Switch => "1 or 0".to_owned(),
        Values::One(words) => words.join(", "),
        Values::Some(words) => format!("some of {}, with commas", words.join(", ")),
        Values::Number(low, high, unit) => format!("{low} to {high} {unit}").trim_end().to_owned(),
        Values::Text(what) => what.to_owned(),
    }
}

/// A query for what was chosen, beginning with `?embed`: pairs of name and value, those without a
/// value left out.
pub fn query(chosen: &[(&'static str, String)]) -> String {
    let mut text = "?embed".to_owned();
    for (name, value) in chosen.iter().filter(|(_, value)| !value.is_empty()) {
        text.push_str(&format!("&{name}={}", escaped(value)));
    }
    text
}

/// What may stand in a query as it is; everything else as `%` and two digits a byte.
fn escaped(value: &str) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'-'
            | b'_'
            | b'.'
            | b'~'
            | b','
            | b':'
            | b'/' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// The options as a table for the page about embedding.
pub fn to_html() -> String {
    let mut text = "<table>\n<thead><tr><th>option</th><th>values</th><th>without it</th>\
                    <th>what it does</th></tr></thead>\n<tbody>\n"
        .to_owned();
    for spec in OPTIONS {
        let Spec { name, values, default, help, .. } = *spec;
        let cells = [&*allowed(values), default, help];
        let cells: String = cells.map(|cell| format!("<td>{}</td>", escape(cell))).concat();
        text.push_str(&format!("<tr><td><code>{name}</code></td>{cells}</tr>\n"));
    }
    text + "</tbody>\n</table>"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Options {
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (name.to_owned(), value.to_owned())
        });
        Options::read(&pairs.collect::<Vec<_>>())
    }

    #[test]
    fn a_page_has_everything_and_a_frame_little() {
        let page = read("");
        assert_eq!((page.edit, page.around), (Edit::All, Around::Everything));
        assert!(PANELS.iter().all(|panel| page.shows(panel)) && page.problems.is_empty());
        let frame = read("embed");
        assert_eq!((frame.edit, frame.around), (Edit::Params, Around::Transport));
        assert!(!PANELS.iter().any(|panel| frame.shows(panel)) && frame.links && !frame.api);
        assert!(!read("embed=0").embed);
    }

    #[test]
    fn every_option_can_be_given_and_changes_something() {
        for spec in OPTIONS {
            let value = match spec.values {
                Values::Switch => if spec.name == "links" { "0" } else { "1" }.to_owned(),
                Values::One(words) => words[1].to_owned(),
                Values::Some(words) => words[1].to_owned(),
                Values::Number(low, ..) => (low + 2.0).to_string(),
                Values::Text(_) if spec.name == "test" => "panic".to_owned(),
                Values::Text(_) => "a,b".to_owned(),
            };
            let given = read(&format!("{}={value}", spec.name));
            assert!(given.problems.is_empty(), "{}: {:?}", spec.name, given.problems);
            // The page itself reads `load`, before there is a program.
            assert!(given != read("") || spec.name == "load", "{} changes nothing", spec.name);
        }
    }

    #[test]
    fn what_is_odd_means_the_default_and_is_told() {
        let odd = read("colour=red&speed=fast&edit=some&seed=1.5&t=-1&panels=inspect,food&embed");
        assert_eq!(odd.problems.len(), 6);
        assert_eq!(odd.problems[0], "The option colour is unknown here.");
        assert!(odd.problems[1].starts_with("speed=fast is not understood: 0.001 to 1000"));
        assert_eq!(Options { problems: Vec::new(), ..odd }, read("embed"));
    }

    #[test]
    fn a_query_is_read_back_as_it_was_chosen() {
        let chosen =
            [("edit", "none".to_owned()), ("t", "12.5".to_owned()), ("speed", String::new())];
        assert_eq!(query(&chosen), "?embed&edit=none&t=12.5");
        assert_eq!(query(&[("locked", "a b&c".to_owned())]), "?embed&locked=a%20b%26c");
    }
}
