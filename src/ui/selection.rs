//! What is selected, and selecting it.

use leptos::prelude::*;

use super::store::{Panel, Store};

/// What is selected.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Selection {
    #[default]
    Nothing,
    Node(String),
    /// Several nodes, in the order in which they were chosen.
    Nodes(Vec<String>),
    Wire(String, String),
    Request(u64),
}

impl Store {
    pub(super) fn select(&self, selection: Selection) {
        match &selection {
            Selection::Node(_) | Selection::Nodes(_) | Selection::Wire(..) => {
                self.panel.set(Panel::Inspect);
            }
            Selection::Request(_) => self.panel.set(Panel::Request),
            Selection::Nothing => {}
        }
        if let Selection::Node(id) = &selection {
            self.focus.set(Some(id.clone()));
        }
        self.selection.set(selection);
    }

    pub(super) fn is_selected(&self, id: &str) -> bool {
        self.selection.with(|selection| match selection {
            Selection::Node(node) => node == id,
            Selection::Nodes(all) => all.iter().any(|node| node == id),
            _ => false,
        })
    }

    /// Is this where the keyboard enters the canvas? As a tab index.
    pub(super) fn tab_stop(&self, id: &str) -> &'static str {
        let here = self.entry.with(|entry| entry.as_deref() == Some(id));
        if here { "0" } else { "-1" }
    }

    /// The nodes that are selected.
    pub(super) fn selected_nodes(&self) -> Vec<String> {
        match self.selection.get_untracked() {
            Selection::Node(id) => vec![id],
            Selection::Nodes(all) => all,
            _ => Vec::new(),
        }
    }

    /// Selects these nodes, however many they are.
    pub(super) fn select_nodes(&self, mut ids: Vec<String>) {
        match ids.len() {
            0 => self.selection.set(Selection::Nothing),
            1 => self.select(Selection::Node(ids.remove(0))),
            _ => self.select(Selection::Nodes(ids)),
        }
    }

    /// Takes a node into the selection, or out of it.
    pub(super) fn toggle_selected(&self, id: &str) {
        let mut ids = self.selected_nodes();
        match ids.iter().position(|other| other == id) {
            Some(place) => drop(ids.remove(place)),
            None => ids.push(id.to_owned()),
        }
        let count = ids.len();
        self.select_nodes(ids);
        self.say(&format!("{count} selected"));
    }

    /// The name of one node, the number of several.
    pub(super) fn names(&self, ids: &[String]) -> String {
        match ids {
            [one] => self.label(one),
            several => format!("{} components", several.len()),
        }
    }
}
