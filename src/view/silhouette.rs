//! The silhouette of each kind, as strokes in a box of 24 by 24.

use crate::node::Family;

/// The icon of a kind.
pub fn kind(family: Family) -> &'static str {
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
