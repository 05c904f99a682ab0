//! The heartbeat: once a frame the run moves on, the dots are drawn, and at times numbers are read.

use leptos::prelude::*;

use super::draft;
use super::gestures;
use super::live;
use super::motion;
use super::store::Store;
use super::surface;
use crate::sim::Span;

/// Real time that the engine may take of a frame, in ms.
const ENGINE_MS: f64 = 6.0;
/// The longest frame that is made up for, in ms: after a pause of the tab nothing jumps.
const FRAME_MS_MAX: f64 = 50.0;
/// Events between two looks at the clock.
const CHUNK: u64 = 2_000;
/// How often cells, and how often numbers, are read anew, in ms.
const BEAT_MS: f64 = 80.0;
const PULSE_MS: f64 = 250.0;
/// How often a changed draft is kept, in ms.
const SAVE_MS: f64 = 1_000.0;

struct Clock {
    last: f64,
    beat: f64,
    pulse: f64,
    saved: f64,
    saved_rev: (u32, u32),
}

/// Starts the heartbeat. It rests while `awake` is false.
pub(super) fn start(store: Store, awake: RwSignal<bool>) {
    live::listen(store);
    Effect::new(move |_| {
        if awake.get() {
            let now = now_ms();
            let saved_rev = revision(store);
            let clock = Clock { last: now, beat: now, pulse: now, saved: now, saved_rev };
            next(store, awake, clock);
        }
    });
    // Moving the picture moves the dots, also while the run rests.
    Effect::new(move |_| {
        store.camera.track();
        store.rev.track();
        store.shifted.track();
        store.selection.track();
        store.playing.track();
        surface::draw(store);
    });
}

fn next(store: Store, awake: RwSignal<bool>, mut clock: Clock) {
    request_animation_frame(move || {
        if !awake.get_untracked() {
            return;
        }
        let now = now_ms();
        let passed = (now - clock.last).clamp(0.0, FRAME_MS_MAX);
        clock.last = now;
        gestures::drift(store);
        if store.playing.get_untracked() {
            run_on(store, passed, now);
            surface::draw(store);
            live_numbers(store, &mut clock, now);
        }
        keep_draft(store, &mut clock, now);
        next(store, awake, clock);
    });
}

fn run_on(store: Store, passed_ms: f64, began: f64) {
    let speed = store.with(|session| session.scenario().speed);
    let until =
        store.with(|session| session.run().now()) + Span::from_millis_f64(passed_ms * speed);
    let last = store.options.until.filter(|last| until >= *last);
    let until = last.unwrap_or(until);
    let mut behind = true;
    loop {
        let left = store.with(|session| until.since(session.run().now()));
        let advanced = store.travel(|session| session.advance(left, CHUNK));
        if let Some(halt) = advanced.halt {
            store.playing.set(false);
            store.refresh();
            store.warn(halt.words());
            return;
        }
        if advanced.reached {
            behind = false;
            if last.is_some() {
                store.playing.set(false);
                store.refresh();
            }
            break;
        }
        if now_ms() - began > ENGINE_MS {
            break;
        }
    }
    if behind != store.behind.get_untracked() {
        store.behind.set(behind);
    }
}

fn live_numbers(store: Store, clock: &mut Clock, now: f64) {
    if motion::holds_numbers(store) {
        return;
    }
    if now - clock.beat >= BEAT_MS {
        clock.beat = now;
        store.beat.update(|n| *n += 1);
    }
    if now - clock.pulse >= PULSE_MS {
        clock.pulse = now;
        store.pulse.update(|n| *n += 1);
    }
}

/// What changes whenever the document does.
fn revision(store: Store) -> (u32, u32) {
    (store.rev.get_untracked(), store.shifted.get_untracked())
}

fn keep_draft(store: Store, clock: &mut Clock, now: f64) {
    let rev = revision(store);
    if rev != clock.saved_rev && now - clock.saved >= SAVE_MS {
        clock.saved = now;
        clock.saved_rev = rev;
        draft::save(&store);
    }
}

fn now_ms() -> f64 {
    window().performance().map_or(0.0, |performance| performance.now())
}
