//! Why a decision fell as it did, in the numbers it was made from.
//!
//! The algorithm that decides fills this in while it decides; nobody re-derives it afterwards. When
//! nobody is looking, `Why::off()` is handed in, and `say` and `line` build nothing; whoever will
//! read only the sentence hands in `Why::brief()`, and no row is built.

/// One row of a decision: a candidate, its numbers, and whether it was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Who or what the row is about, for example a server's name.
    pub subject: String,
    /// Its numbers, ready to be redone on paper: `-2 + 5 = 3`.
    pub numbers: String,
    /// Was it the one?
    pub chosen: bool,
}

/// The reasons for one decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Why {
    wanted: bool,
    brief: bool,
    /// What was decided, in a few words: `Balancer chose s1`.
    pub title: String,
    /// The candidates with their numbers, in the order in which they were looked at.
    pub lines: Vec<Line>,
    /// One plain sentence that says the rule with these numbers.
    pub sentence: String,
}

impl Why {
    /// Reasons that somebody will read.
    pub fn on() -> Why {
        Why { wanted: true, ..Why::default() }
    }

    /// Reasons of which somebody will read the title and the sentence, but not the rows.
    pub fn brief() -> Why {
        Why { wanted: true, brief: true, ..Why::default() }
    }

    /// Nobody is looking: nothing is built, nothing is allocated.
    pub const fn off() -> Why {
        Why {
            wanted: false,
            brief: false,
            title: String::new(),
            lines: Vec::new(),
            sentence: String::new(),
        }
    }

    /// Will somebody read this?
    #[inline]
    pub fn wanted(&self) -> bool {
        self.wanted
    }

    /// Sets the title.
    #[inline]
    pub fn title(&mut self, words: impl FnOnce() -> String) {
        if self.wanted {
            self.title = words();
        }
    }

    /// Sets the sentence.
    #[inline]
    pub fn say(&mut self, words: impl FnOnce() -> String) {
        if self.wanted {
            self.sentence = words();
        }
    }

    /// Adds a row.
    #[inline]
    pub fn line(&mut self, line: impl FnOnce() -> Line) {
        if self.wanted && !self.brief {
            self.lines.push(line());
        }
    }
}
