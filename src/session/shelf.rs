//! Scenarios that are kept under their names, as one text: whatever stands in a browser's storage
//! may be damaged or made by somebody else, and is read as such.

use serde_json::{Value as Json, json};

use crate::scenario::{Scenario, clean};

/// The most scenarios that are kept.
const KEPT_MAX: usize = 50;
/// The most bytes that all of them may take.
const BYTES_MAX: usize = 2 * 1024 * 1024;

/// A scenario that is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// Its name, at most 120 characters.
    pub name: String,
    /// When it was kept, in ms since 1970.
    pub when_ms: f64,
    /// The document.
    json: String,
}

impl Kept {
    /// The scenario, if it still can be read.
    pub fn scenario(&self) -> Option<Scenario> {
        Scenario::from_json(&self.json).ok()
    }
}

/// Why another one is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// There are as many as are kept.
    Count,
    /// Together they would take too much room.
    Bytes,
    /// Another has its name by now.
    Name,
}

impl Full {
    /// In a sentence.
    pub fn words(self) -> String {
        match self {
            Full::Count => format!("{KEPT_MAX} are kept already. Take one out first."),
            Full::Bytes => {
                format!("All kept together may take {BYTES_MAX} bytes. Take one out first.")
            }
            Full::Name => "Another one is kept under its name by now.".to_owned(),
        }
    }
}

/// What is kept, the newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shelf {
    kept: Vec<Kept>,
}

impl Shelf {
    /// What stands in a text; what cannot be understood is left out.
    pub fn read(text: &str) -> Shelf {
        let all: Json = serde_json::from_str(text).unwrap_or_default();
        let items = all.as_array().map_or(&[][..], Vec::as_slice);
        let item = |item: &Json| {
            let json = item["json"].as_str()?.to_owned();
            let name = short(item["name"].as_str()?);
            Some(Kept { name, when_ms: item["when"].as_f64()?, json })
        };
        let good = items.iter().filter_map(item).filter(|one| one.scenario().is_some());
        let mut kept: Vec<Kept> = Vec::new();
        for one in good.take(KEPT_MAX) {
            if !kept.iter().any(|other| other.name == one.name) {
                kept.push(one);
            }
        }
        Shelf { kept }
    }

    /// The text to be read again.
    pub fn write(&self) -> String {
        let item = |one: &Kept| json!({ "name": one.name, "when": one.when_ms, "json": one.json });
        Json::Array(self.kept.iter().map(item).collect()).to_string()
    }

    /// What is kept, the newest first.
    pub fn kept(&self) -> &[Kept] {
        &self.kept
    }

    /// Keeps a scenario under its title, in the place of one with the same name.
    ///
    /// # Errors
    /// There is no room; then nothing is changed.
    pub fn keep(&mut self, scenario: &Scenario, when_ms: f64) -> Result<(), Full> {
        let name = match scenario.title.trim() {
            "" => "Untitled".to_owned(),
            title => short(title),
        };
        let json = scenario.to_json();
        let others = self.kept.iter().filter(|one| one.name != name);
        let others = others.cloned().collect();
        self.hold(others, Kept { name, when_ms, json })
    }

    /// Gives one another name, and its scenario that title. Nothing happens without a name.
    ///
    /// # Errors
    /// Another one has that name; then nothing is changed.
    pub fn rename(&mut self, name: &str, wanted: &str) -> Result<(), Full> {
        let wanted = short(wanted.trim());
        if wanted.is_empty() || wanted == name {
            return Ok(());
        }
        if self.kept.iter().any(|other| other.name == wanted) {
            return Err(Full::Name);
        }
        if let Some(one) = self.kept.iter_mut().find(|one| one.name == name) {
            if let Some(scenario) = one.scenario() {
                one.json = Scenario { title: wanted.clone(), ..scenario }.to_json();
            }
            one.name = wanted;
        }
        Ok(())
    }

    /// Takes one out.
    pub fn remove(&mut self, name: &str) -> Option<Kept> {
        let place = self.kept.iter().position(|one| one.name == name)?;
        Some(self.kept.remove(place))
    }

    /// Puts one back that was taken out, as the newest.
    ///
    /// # Errors
    /// There is no room any more, or its name is taken; then nothing is changed.
    pub fn put_back(&mut self, one: Kept) -> Result<(), Full> {
        if self.kept.iter().any(|other| other.name == one.name) {
            return Err(Full::Name);
        }
        self.hold(self.kept.clone(), one)
    }

    /// Keeps one before others, if there is room for all.
    fn hold(&mut self, others: Vec<Kept>, one: Kept) -> Result<(), Full> {
        if others.len() >= KEPT_MAX {
            return Err(Full::Count);
        }
        let mut grown = Shelf { kept: others };
        grown.kept.insert(0, one);
        if grown.write().len() > BYTES_MAX {
            return Err(Full::Bytes);
        }
        *self = grown;
        Ok(())
    }
}

/// A name without marks that would change how it reads, and not too long.
fn short(name: &str) -> String {
    clean(name).chars().filter(|c| *c != '\n').take(120).collect()
}

/// The name of a file for this title: what every file system takes.
pub fn file_name(title: &str) -> String {
    let letter = |c: char| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = title.chars().take(60).map(letter).collect();
    let words: Vec<&str> = name.split('-').filter(|word| !word.is_empty()).collect();
    match words.is_empty() {
        true => "scenario.switchyard.json".to_owned(),
        false => format!("{}.switchyard.json", words.join("-")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::gallery::GALLERY;

    #[test]
    fn what_is_kept_comes_back_and_one_name_is_one_scenario() {
        let mut shelf = Shelf::default();
        for (n, preset) in GALLERY.iter().enumerate().take(5) {
            shelf.keep(&preset.scenario(), n as f64).expect("there is room");
        }
        shelf.keep(&GALLERY[0].scenario(), 9.0).expect("in its own place");
        assert_eq!(shelf.kept().len(), 5);
        assert_eq!(shelf.kept()[0].scenario(), Some(GALLERY[0].scenario()));
        assert_eq!(Shelf::read(&shelf.write()), shelf);
        let name = shelf.kept()[2].name.clone();
        let gone = shelf.remove(&name).expect("it was there");
        assert_eq!((shelf.remove(&name), shelf.kept().len()), (None, 4));
        assert_eq!(shelf.put_back(gone.clone()), Ok(()));
        assert_eq!((shelf.kept()[0].name.clone(), shelf.put_back(gone)), (name, Err(Full::Name)));
        shelf.keep(&Scenario::default(), 1.0).expect("there is room");
        assert_eq!(shelf.kept()[0].name, "Untitled");
        let other = shelf.kept()[1].name.clone();
        assert_eq!(shelf.rename("Untitled", &other), Err(Full::Name));
        assert_eq!(shelf.rename("Untitled", "  "), Ok(()));
        assert_eq!(shelf.rename("Untitled", " My \u{202e}own\n"), Ok(()));
        assert_eq!(shelf.kept()[0].name, "My own");
        let titled = shelf.kept()[0].scenario().expect("it can be read");
        assert_eq!(titled.title, "My own");
    }

    #[test]
    fn there_is_an_end_to_what_is_kept() {
        let mut shelf = Shelf::default();
        for n in 0..KEPT_MAX {
            let title = format!("number {n}");
            shelf.keep(&Scenario { title, ..Scenario::default() }, 0.0).expect("there is room");
        }
        let before = shelf.clone();
        assert_eq!(shelf.keep(&Scenario::default(), 0.0), Err(Full::Count));
        assert_eq!(shelf, before);
        let gone = shelf.remove("number 3").expect("it was there");
        shelf.keep(&Scenario::default(), 0.0).expect("there is room again");
        assert_eq!(shelf.put_back(gone), Err(Full::Count));
        assert_eq!(shelf.kept().len(), KEPT_MAX, "nothing else is pushed out");
        let mut shelf = Shelf::default();
        let mut large = GALLERY[0].scenario();
        large.note = "n".repeat(4_000);
        let model = large.nodes[0].clone();
        for n in 0..490 {
            let id = format!("x{n}");
            large.nodes.push(crate::scenario::NodeSpec {
                id,
                label: "\u{1f600}".repeat(80),
                ..model.clone()
            });
        }
        let mut n = 0;
        while n < KEPT_MAX {
            large.title = format!("large {n}");
            match shelf.keep(&large, 0.0) {
                Ok(()) => n += 1,
                Err(full) => {
                    assert_eq!(full, Full::Bytes);
                    break;
                }
            }
        }
        assert!(n > 2 && n < KEPT_MAX, "{n}");
        assert!(shelf.write().len() <= BYTES_MAX);
    }

    #[test]
    fn a_damaged_text_costs_what_is_damaged_and_nothing_else() {
        for text in ["", "{}", "[1,2]", "\u{0}", "[{\"name\":7}]", "[[[[", "null"] {
            assert_eq!(Shelf::read(text), Shelf::default(), "{text}");
        }
        let mut shelf = Shelf::default();
        shelf.keep(&GALLERY[0].scenario(), 3.0).expect("there is room");
        let mixed =
            shelf.write().replacen('[', "[{\"name\":\"bad\",\"when\":1,\"json\":\"{}\"},", 1);
        assert_eq!(Shelf::read(&mixed), shelf);
    }

    #[test]
    fn names_of_files_are_plain() {
        assert_eq!(
            file_name("How long? Until / somebody..notices"),
            "how-long-until-somebody-notices.switchyard.json"
        );
        assert_eq!(file_name(" \u{202e}../"), "scenario.switchyard.json");
    }
}
