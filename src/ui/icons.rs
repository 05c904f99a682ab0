//! Icons, drawn as strokes in a box of 24 by 24. They only accompany words.

use leptos::prelude::*;

use crate::scenario::AnnotationKind;
pub(super) use crate::view::silhouette::kind;

/// What stands for a region or a note.
pub(super) fn drawing(what: AnnotationKind) -> &'static str {
    match what {
        AnnotationKind::Region => {
            "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M4 12h.01M20 12h.01M12 4h.01\
            M12 20h.01"
        }
        AnnotationKind::Note => "M5 4h14v10l-5 6H5zM14 20v-6h5M8.5 8.5h7M8.5 12h4",
    }
}

pub(super) const PLAY: &str = "M7 4.5v15l12-7.5z";
pub(super) const PAUSE: &str = "M8 5v14M16 5v14";
pub(super) const STEP: &str = "M6 5v14M10 5v14l9-7z";
pub(super) const STEP_BACK: &str = "M18 5v14M14 5v14l-9-7z";
pub(super) const RESTART: &str = "M18 5v14l-9-7zM5.5 5v14";
pub(super) const UNDO: &str = "M8 5 4 9l4 4M4 9h10a6 6 0 0 1 0 12h-3";
pub(super) const REDO: &str = "m16 5 4 4-4 4M20 9H10a6 6 0 0 0 0 12h3";
pub(super) const POWER: &str = "M12 3v9M6.3 6.8a8 8 0 1 0 11.4 0";
pub(super) const TRASH: &str = "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13";
pub(super) const PLUS: &str = "M12 5v14M5 12h14";
pub(super) const FIT: &str = "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5";
pub(super) const TIDY: &str = "M4 5h6v5H4zM4 14h6v5H4zM14 9.5h6v5h-6zM10 7.5h2v9h-2M12 12h2";
pub(super) const PANEL: &str = "M4 5h16v14H4zM14.5 5v14";
pub(super) const SUN: &str = "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2\
    M5 5l1.5 1.5M17.5 17.5 19 19M19 5l-1.5 1.5M6.5 17.5 5 19";
pub(super) const MOON: &str = "M20 14.5A8.5 8.5 0 1 1 9.5 4a7 7 0 0 0 10.5 10.5z";
pub(super) const OPEN_OUT: &str = "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6";

/// An icon; screen readers skip it.
#[component]
pub(super) fn Icon(
    /// Its strokes.
    #[prop(into)]
    path: Signal<&'static str>,
    /// Filled rather than stroked?
    #[prop(optional)]
    solid: bool,
) -> impl IntoView {
    view! {
        <svg class="icon" class:solid=solid viewBox="0 0 24 24" aria-hidden="true">
            <path d=path />
        </svg>
    }
}
