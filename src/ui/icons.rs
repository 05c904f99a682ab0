//! Icons, drawn as strokes in a box of 24 by 24. They only accompany words.

use leptos::prelude::*;

use crate::node::Family;
use crate::scenario::AnnotationKind;

/// The icon of a kind.
pub(super) fn kind(family: Family) -> &'static str {
    match family {
        Family::Clients => {
            "M8 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2 20v-1.5A4.5 4.5 0 0 1 6.5 14h3a4.5 \
             4.5 0 0 1 4.5 4.5V20M15.5 4.3a3.5 3.5 0 0 1 0 6.4M22 20v-1.5a4.5 4.5 0 0 0-4-4.4"
        }
        Family::Balancer => {
            "M3 12h7M10 12l8-7M10 12h9M10 12l8 7M15 4.5h3.5V8M16.5 9.5 19 12l-2.5 2.5\
             M15 19.5h3.5V16"
        }
        Family::Cache => "M13 3 5 13.5h6L10 21l9-11h-6.5z",
        Family::Server => {
            "M4 4h16v6.5H4zM4 13.5h16V20H4zM7.5 7.3h.01M7.5 16.8h.01M11 7.3h5M11 16.8h5"
        }
        Family::Table => "M4 5h16v14H4zM4 10h16M4 14.5h16M10 10v9",
        Family::Router => {
            "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z\
             M12 4v5.5M19 16l-4.8-2.8M5 16l4.8-2.8"
        }
        Family::Cluster => {
            "M12 4a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM6 14a3 3 0 1 0 0 6 3 3 0 0 0 0-6z\
             M18 14a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM10.5 9.6 7.5 14.4M13.5 9.6l3 4.8M9 17h6"
        }
        Family::Registry => {
            "M5 4h12a2 2 0 0 1 2 2v14H7a2 2 0 0 1-2-2zM5 18a2 2 0 0 1 2-2h12M9 8h6M9 11.5l1.5 1.5 \
             3-3"
        }
        Family::Gateway => "M4 20V9a8 6 0 0 1 16 0v11M4 20h4v-8M20 20h-4v-8M8 12h8M2 16h4M18 16h4",
        Family::Queue => "M3 8h4v8H3zM10 8h4v8h-4zM17 8h4v8h-4z",
        Family::Worker => {
            "M12 8.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM12 3v3M12 18v3M3 12h3M18 12h3\
             M5.6 5.6l2.2 2.2M16.2 16.2l2.2 2.2M18.4 5.6l-2.2 2.2M7.8 16.2l-2.2 2.2"
        }
        Family::Board => "M4 5h16v11H4zM9 20h6M12 16v4M7 12l3-3 2.5 2L17 7.5",
        Family::Group => {
            "M4 9h7v7H4zM13 9h7v7h-7zM8.5 4.5 12 2l3.5 2.5M12 2v4M8.5 20.5 12 23l3.5-2.5M12 19v4"
        }
        Family::Database => {
            "M4 6a8 3 0 1 0 16 0a8 3 0 1 0-16 0M4 6v6a8 3 0 0 0 16 0V6M4 12v6a8 3 0 0 0 16 0v-6"
        }
    }
}

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
