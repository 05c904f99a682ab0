//! The camera on the move. Meanwhile the picture is shifted and scaled as it is: nothing in it is
//! drawn anew, which costs next to nothing however much there is.

use std::time::Duration;

use leptos::prelude::*;

use super::gestures::Gesture;
use super::store::Store;
use crate::session::fragment;
use crate::view::camera::{Camera, Point, Rect};
use crate::view::{layout, minimap};

/// How long after the last move of the camera the picture is drawn anew.
const REST: Duration = Duration::from_millis(140);
/// From so many nodes on, live numbers on them wait until the camera rests.
const MANY: usize = 100;

/// How near the edge the canvas begins to move along, in pixels, and how fast.
const EDGE: f64 = 24.0;
const EDGE_SPEED: f64 = 8.0;

/// Notes when the camera moves and when it has come to rest.
pub(super) fn watch(store: Store) {
    let turn = StoredValue::new(0u32);
    Effect::new(move |before: Option<()>| {
        store.camera.track();
        if before.is_none() {
            return;
        }
        turn.update_value(|turn| *turn = turn.wrapping_add(1));
        let own = turn.get_value();
        if !store.moving.get_untracked() {
            store.moving.set(true);
        }
        let rest = move || {
            if turn.get_value() == own {
                store.moving.set(false);
            }
        };
        set_timeout(rest, REST);
    });
}

/// Is there so much in the picture that live numbers have to wait for the camera, or for the hand?
pub(super) fn holds_numbers(store: Store) -> bool {
    let dragged = |g: &Gesture| matches!(g, Gesture::Nodes { moved: true, .. });
    let busy = store.moving.get_untracked() || store.gesture.with_untracked(dragged);
    busy && store.with(|session| session.scenario().nodes.len() > MANY)
}

/// What can be seen of a large picture; nothing said of a small one, all of which is kept up to
/// date.
pub(super) fn seen(store: Store) -> Option<Rect> {
    let many = store.with(|session| session.scenario().nodes.len() > MANY);
    let (camera, screen) = (store.camera.get_untracked(), store.viewport.get_untracked());
    many.then(|| minimap::seen(camera, screen))
}

/// Moves the canvas along when the pointer is near its edge; gives by how much.
pub(super) fn pan_at_edge(store: Store, at: Point) -> Option<(f64, f64)> {
    let (width, height) = store.viewport.get_untracked();
    let push = |place: f64, size: f64| {
        if place < EDGE {
            EDGE_SPEED
        } else if place > size - EDGE {
            -EDGE_SPEED
        } else {
            0.0
        }
    };
    let (dx, dy) = (push(at.x, width), push(at.y, height));
    let near = dx != 0.0 || dy != 0.0;
    if near {
        store.camera.update(|camera| *camera = camera.panned(dx, dy));
    }
    near.then_some((dx, dy))
}

/// Where the camera stands, as a style.
pub(super) fn transform(store: Store) -> String {
    let c = store.camera.get();
    format!("transform:translate({:.2}px,{:.2}px) scale({})", c.x, c.y, c.zoom)
}

/// The zoom by which what must stay legible is measured: in coarse steps, downwards, and only when
/// the camera rests, because each change means a look at every card.
pub(super) fn legible(store: Store) -> Memo<f64> {
    Memo::new(move |before: Option<&f64>| {
        let coarse = |zoom: f64| match zoom >= 1.0 {
            true => 1.0,
            false => (zoom * 20.0).floor().max(1.0) / 20.0,
        };
        match (store.moving.get(), before) {
            (true, Some(before)) => *before,
            _ => coarse(store.camera.get_untracked().zoom),
        }
    })
}

impl Store {
    /// The whole picture in view.
    pub(super) fn fit(&self) {
        let (width, height) = self.viewport.get_untracked();
        if let (true, Some((middle, zoom))) = (width > 0.0, self.view.get_untracked()) {
            self.view.set(None);
            self.camera.set(super::arrival::looking_at(*self, middle, zoom));
        } else if width > 0.0 {
            // Room is left below for zoom and legend.
            let (margin, below) = match (self.options.embed, width < 700.0) {
                (false, false) => (48.0, 24.0),
                _ => (12.0, 40.0),
            };
            let extent = self.with(|session| layout::extent(session.scenario()));
            self.camera.set(Camera::fitting(extent, width, height - below, margin));
        }
    }

    /// What is selected in view, no larger than it is.
    pub(super) fn fit_selection(&self) {
        let ids = self.selected_nodes();
        let (width, height) = self.viewport.get_untracked();
        if ids.is_empty() || width <= 0.0 {
            return self.fit();
        }
        let part = self.with(|session| fragment(session.scenario(), &ids));
        let extent = layout::extent(&part);
        self.camera.set(Camera::fitting(extent, width, height, 96.0));
    }
}
