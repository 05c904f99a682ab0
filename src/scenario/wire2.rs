//! The wire form, version 2: a version 1, and after it what its author has drawn. These types are
//! frozen too. A scenario without drawings is still written as version 1, so that older pages open
//! it.

use serde::{Deserialize, Serialize};

use super::annotation::{Annotation, AnnotationKind};
use super::check::Problem;
use super::wire::at_most;

/// The number of this version.
pub(super) const VERSION: u32 = 2;

#[derive(Serialize, Deserialize)]
struct Drawing {
    what: u8,
    id: String,
    text: String,
    x: i32,
    y: i32,
    width: i32,
    height: i32,
}

/// What follows the version 1.
#[derive(Serialize, Deserialize)]
pub(super) struct Drawings(#[serde(deserialize_with = "at_most::<800, _, _>")] Vec<Drawing>);

impl Drawings {
    /// The wire form of annotations that have been checked.
    pub(super) fn pack(all: &[Annotation]) -> Drawings {
        let drawing = |a: &Annotation| Drawing {
            what: a.what as u8,
            id: a.id.clone(),
            text: a.text.clone(),
            x: a.x,
            y: a.y,
            width: a.width,
            height: a.height,
        };
        Drawings(all.iter().map(drawing).collect())
    }

    /// The annotations, not yet checked.
    pub(super) fn unpack(self) -> Result<Vec<Annotation>, Problem> {
        let one = |(place, d): (usize, Drawing)| {
            let what = AnnotationKind::ALL.get(usize::from(d.what)).copied();
            let unknown = || {
                let path = format!("annotations[{place}]");
                Problem::new(path, "is of a kind this version does not know")
            };
            let Drawing { id, text, x, y, width, height, .. } = d;
            Ok(Annotation { id, what: what.ok_or_else(unknown)?, text, x, y, width, height })
        };
        self.0.into_iter().enumerate().map(one).collect()
    }
}
