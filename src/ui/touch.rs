//! Fingers: one more on the canvas, and two that move and zoom it.

use std::time::Duration;

use leptos::prelude::*;
use web_sys::PointerEvent;

use super::gestures::{Gesture, cancel, on_canvas};
use super::menu;
use super::store::{Selection, Store};
use crate::view::camera::Point;

/// One more finger is down. With two, whatever the first had begun is taken back, and both move and
/// zoom the canvas.
pub(super) fn second_finger(store: Store, event: &PointerEvent) -> bool {
    if event.pointer_type() != "touch" || store.options.embed {
        return false;
    }
    let finger = (event.pointer_id(), on_canvas(event));
    let first = store.finger.get_untracked().filter(|(id, _)| *id != finger.0);
    match first {
        None => {
            store.finger.set(Some(finger));
            press_long(store, finger);
            false
        }
        Some(first) => {
            cancel(store);
            store.gesture.set(Gesture::Pinch { fingers: [first, finger] });
            true
        }
    }
}

/// How long a finger rests before it means the menu.
const LONG: Duration = Duration::from_millis(500);
/// How far it may wander meanwhile, in pixels.
const WANDER: f64 = 6.0;

/// A finger that stays where it is asks for the menu of what is under it.
fn press_long(store: Store, (id, from): (i32, Point)) {
    let ask = move || {
        let there = store
            .finger
            .get_untracked()
            .filter(|(own, at)| *own == id && at.distance2(from) <= WANDER * WANDER);
        let begun = store.gesture.get_untracked();
        if there.is_none() || matches!(begun, Gesture::Pinch { .. } | Gesture::Wire { .. }) {
            return;
        }
        cancel(store);
        if matches!(begun, Gesture::Pan { .. }) {
            store.selection.set(Selection::Nothing);
        }
        menu::open_at(store, from);
    };
    set_timeout(ask, LONG);
}

/// One of two fingers has moved.
pub(super) fn pinched(store: Store, id: i32, at: Point) {
    let Gesture::Pinch { fingers } = store.gesture.get_untracked() else { return };
    let after = fingers.map(|(own, was)| (own, if own == id { at } else { was }));
    let span = |fingers: &[(i32, Point); 2]| fingers[0].1.distance2(fingers[1].1).sqrt().max(1.0);
    let middle = |fingers: &[(i32, Point); 2]| {
        let [(_, a), (_, b)] = fingers;
        Point::new((a.x + b.x) / 2.0, (a.y + b.y) / 2.0)
    };
    let (before, now) = (middle(&fingers), middle(&after));
    let factor = span(&after) / span(&fingers);
    store.camera.update(|camera| {
        *camera = camera.panned(now.x - before.x, now.y - before.y).zoomed(now, factor);
    });
    store.gesture.set(Gesture::Pinch { fingers: after });
}
