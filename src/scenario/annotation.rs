//! What an author draws beside the system: regions around parts of it, and notes. They change no
//! run.

/// The smallest edge of an annotation, in canvas units.
pub const EDGE_MIN: i32 = 48;
/// The largest edge, in canvas units.
pub const EDGE_MAX: i32 = 20_000;

/// A region around a part of the picture, or a note on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// Its id, of the same form as a node's, and unique among nodes and annotations.
    pub id: String,
    /// What it is.
    pub what: AnnotationKind,
    /// The name of a region, at most 80 characters; the text of a note, at most 500.
    pub text: String,
    /// The left edge, in canvas units.
    pub x: i32,
    /// The top edge, in canvas units.
    pub y: i32,
    /// Its width, in canvas units: 48 to 20,000.
    pub width: i32,
    /// Its height, in canvas units: 48 to 20,000.
    pub height: i32,
}

/// What an annotation is. The numbers stand in links: they never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnnotationKind {
    /// A frame under everything, with a name. Moving it moves what lies in it.
    Region = 0,
    /// A text on a sheet.
    Note = 1,
}

impl AnnotationKind {
    /// All of them, in the order of their numbers.
    pub const ALL: [AnnotationKind; 2] = [AnnotationKind::Region, AnnotationKind::Note];

    /// Its word in files and on the page.
    pub fn word(self) -> &'static str {
        match self {
            AnnotationKind::Region => "region",
            AnnotationKind::Note => "note",
        }
    }

    /// How long its text may be, in characters.
    pub fn text_max(self) -> usize {
        match self {
            AnnotationKind::Region => 80,
            AnnotationKind::Note => 500,
        }
    }

    /// How large a new one is, in canvas units.
    pub fn size(self) -> (i32, i32) {
        match self {
            AnnotationKind::Region => (480, 320),
            AnnotationKind::Note => (208, 112),
        }
    }
}

impl Annotation {
    /// Is it a note, and not a region?
    pub fn is_note(&self) -> bool {
        self.what == AnnotationKind::Note
    }

    /// What it is called: its first words, or what it is when it says nothing.
    pub fn name(&self) -> String {
        let line = self.text.trim().lines().next().unwrap_or_default();
        match line.chars().count() {
            0 => self.what.word().to_owned(),
            1..=40 => line.to_owned(),
            _ => line.chars().take(39).chain(['\u{2026}']).collect(),
        }
    }
}
