//! The page around a frame: what it says is done, and what happens here is told to it.
//!
//! Only the page that holds this frame is heard, and only from the origin that `origin=` names, if
//! it names one; what changes something needs `api=1` besides.

use leptos::ev;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsValue;
use serde_json::json;
use web_sys::MessageEvent;

use super::store::Store;
use crate::node::{Range, Value};
use crate::scenario::{link, picture};
use crate::session::{Command, FromHost, Lock, MOMENT_EVENTS_MAX, Refused, Session, hear, say};
use crate::view::{layout, svg};

/// How much later than a change the page around hears of it, in ms.
const CHANGED_MS: u64 = 500;
/// The part of a frame that is not the canvas, in pixels.
const AROUND: f64 = 72.0;

/// Who listens, and what was told already.
#[derive(Clone, Debug, Default)]
struct Ear {
    /// The origin of the page around, once it has said something.
    origin: Option<String>,
    metrics: bool,
    /// `metrics` is sent at every second look.
    odd: bool,
    attempted: bool,
    completed: bool,
    height: f64,
}

#[derive(Clone, Copy)]
struct Host {
    store: Store,
    ear: StoredValue<Ear>,
}

/// Begins to listen and to tell, if there is a page around.
pub(super) fn listen(store: Store) {
    let parent = window().parent().ok().flatten();
    let Some(parent) = parent.filter(|parent| *parent != window()) else { return };
    let host = Host { store, ear: StoredValue::new(Ear::default()) };
    let around = JsValue::from(parent);
    let handle = window_event_listener(ev::message, move |event: MessageEvent| {
        let source = event.source().map(JsValue::from);
        let wanted = store.options.origin.as_deref();
        let known = wanted.is_none_or(|origin| origin == event.origin());
        if source.as_ref() == Some(&around) && known {
            host.heard(&event);
        }
    });
    on_cleanup(move || handle.remove());
    host.tell(&host.ready(None));
    host.watch();
}

impl Host {
    fn heard(self, event: &MessageEvent) {
        let data = event.data();
        if self.answered_resizer(&data, event) {
            return;
        }
        let Some(text) = js_sys::JSON::stringify(&data).ok().map(String::from) else { return };
        let Some(heard) = hear(&text) else { return };
        self.ear.update_value(|ear| ear.origin = Some(event.origin()));
        let id = heard.id.as_ref();
        // A slide that is shown or left is not an order from anybody.
        let slide = data.is_string();
        let done = match heard.message {
            Err(refused) => Err(refused),
            Ok(message) if message.changes() && !self.store.options.api && !slide => {
                let text = "this frame heeds no orders: its address has no api=1".to_owned();
                Err(Refused { code: "not-allowed", text })
            }
            Ok(message) => self.act(message, id),
        };
        if let Err(Refused { code, text }) = done {
            self.tell(&say("error", json!({ "code": code, "text": text }), id));
        }
    }

    fn act(self, message: FromHost, id: Option<&serde_json::Value>) -> Result<(), Refused> {
        let store = self.store;
        let refused = |text: String| Refused { code: "refused", text };
        match message {
            FromHost::Hello => {
                self.tell(&self.ready(id));
                self.ear.update_value(|ear| ear.height = 0.0);
                self.offer_height();
            }
            FromHost::Subscribe(on) => self.ear.update_value(|ear| ear.metrics = on),
            FromHost::Get(what) => return self.answer(&what, id),
            FromHost::Play(on) => store.playing.set(on),
            FromHost::Step(n) => {
                store.playing.set(false);
                for _ in 0..n {
                    if store.travel(Session::step).is_none() {
                        break;
                    }
                }
            }
            FromHost::Reset(seed) => {
                if let Some(seed) = seed {
                    self.order(Command::SetSeed(seed)).map_err(refused)?;
                }
                store.restart();
            }
            FromHost::Speed(x) => self.order(Command::SetSpeed(x)).map_err(refused)?,
            FromHost::Seek(at) => {
                let on = at.since(store.with(|session| session.run().now()));
                store.travel(|session| match at < session.frontier() {
                    true => session.seek(at),
                    false => drop(session.advance(on, MOMENT_EVENTS_MAX)),
                });
            }
            FromHost::Set(node, param, value) => {
                let value = self.fitting(&node, &param, value);
                self.order(Command::Set(node, param, value)).map_err(refused)?;
            }
            FromHost::Load(scenario) => {
                store.original.set_value(Some((*scenario).clone()));
                store.shared.set(false);
                store.open(*scenario);
                store.shared.set(true);
            }
        }
        store.refresh();
        super::surface::draw(store);
        Ok(())
    }

    /// What the page around orders is done whatever is locked against others.
    fn order(self, command: Command) -> Result<(), String> {
        let store = self.store;
        let lock = store.travel(|session| session.lock(Lock::default()));
        let done = store.travel(|session| session.apply(command, 0));
        store.travel(|session| session.lock(lock));
        done.map_err(|problem| problem.to_string())?;
        store.changed();
        Ok(())
    }

    /// A text is a choice where the parameter takes choices.
    fn fitting(self, node: &str, param: &str, value: Value) -> Value {
        let spec = self.store.with(|session| session.scenario().node(node)?.kind.spec(param));
        match (value, spec.map(|spec| spec.range)) {
            (Value::Text(words), Some(Range::Choice(_))) => Value::Choice(words),
            (value, _) => value,
        }
    }

    fn answer(self, what: &str, id: Option<&serde_json::Value>) -> Result<(), Refused> {
        let dark = super::theme::is_dark();
        let value = self.store.with(|session| {
            let scenario = session.scenario();
            match what {
                "metrics" => session.metrics(),
                "svg" => json!(svg::svg(scenario, &picture::inside(scenario), dark)),
                "link" => json!(link::encode(scenario)),
                _ => serde_json::from_str(&scenario.to_json()).unwrap_or_default(),
            }
        });
        self.tell(&say("got", json!({ "what": what, "value": value }), id));
        Ok(())
    }

    fn ready(self, id: Option<&serde_json::Value>) -> String {
        let title = self.store.with(|session| session.scenario().title.clone());
        let fields = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "title": title,
            "api": self.store.options.api,
            "height": self.height(),
            "capabilities": ["load", "run", "pause", "step", "reset", "speed", "seek", "set", "get",
                "subscribe"],
        });
        say("ready", fields, id)
    }

    fn state(self) -> String {
        let running = self.store.playing.get_untracked();
        self.store.with(|session| session.state_message(running))
    }

    /// Tells the page around: once it has said who it is, only it; before that whoever it is.
    fn tell(self, message: &str) {
        let Ok(value) = js_sys::JSON::parse(message) else { return };
        let origin = self.ear.with_value(|ear| ear.origin.clone());
        let origin = origin.or_else(|| self.store.options.origin.clone());
        let target = origin.filter(|origin| origin != "null").unwrap_or_else(|| "*".to_owned());
        if let Ok(Some(parent)) = window().parent() {
            // An origin that is none is nobody to tell.
            let _ = parent.post_message(&value, &target);
        }
    }

    /// Tells what happens, as it happens: states four times a second, metrics twice, changes when
    /// they have settled.
    fn watch(self) {
        let store = self.store;
        Effect::new(move |_| {
            store.pulse.track();
            if store.playing.get() && !self.ear.with_value(|ear| ear.attempted) {
                self.ear.update_value(|ear| ear.attempted = true);
                self.state_what_was_done("attempted");
            }
            self.tell(&self.state());
            self.ear.update_value(|ear| ear.odd = !ear.odd);
            if self.ear.with_value(|ear| ear.metrics && ear.odd) {
                self.tell(&say("metrics", store.with(Session::metrics), None));
            }
            self.look_for_the_end();
        });
        let waiting = StoredValue::new(false);
        Effect::new(move |before: Option<(u32, u32)>| {
            let now = (store.rev.get(), store.shifted.get());
            if before.is_some_and(|before| before != now) && !waiting.get_value() {
                waiting.set_value(true);
                let later = std::time::Duration::from_millis(CHANGED_MS);
                set_timeout(move || self.tell_changes(waiting), later);
            }
            now
        });
        Effect::new(move |_| {
            store.viewport.track();
            store.rev.track();
            if store.options.resize || self.ear.with_value(|ear| ear.origin.is_some()) {
                self.offer_height();
            }
        });
    }

    fn tell_changes(self, waiting: StoredValue<bool>) {
        waiting.set_value(false);
        let payload = self.store.with(|session| link::encode(session.scenario()));
        self.tell(&say("changed", json!({ "s": payload }), None));
        self.state_what_was_done("interacted");
    }

    /// Is it where it was to be watched to, or has it come to its own end?
    fn look_for_the_end(self) {
        let until = self.store.options.until;
        let (now, over) = self.store.with(|session| {
            let run = session.run();
            (run.now(), run.events() > 0 && run.next_event().is_none())
        });
        let there = until.map_or(over, |until| now >= until);
        if there && !self.ear.with_value(|ear| ear.completed) {
            self.ear.update_value(|ear| ear.completed = true);
            self.state_what_was_done("completed");
        }
    }

    fn state_what_was_done(self, verb: &str) {
        let location = window().location();
        let (origin, path) = (location.origin(), location.pathname());
        let here = format!("{}{}", origin.unwrap_or_default(), path.unwrap_or_default());
        let statement = self.store.with(|session| session.statement(verb, &here));
        self.tell(&say(verb, json!({ "statement": statement }), None));
    }

    /// The height at which the whole picture is seen at this width.
    fn height(self) -> f64 {
        let (width, _) = self.store.viewport.get_untracked();
        let extent = self.store.with(|session| layout::extent(session.scenario()));
        let picture = (extent.height + 96.0) * (width / (extent.width + 96.0)).min(1.0);
        (picture + AROUND).clamp(240.0, 640.0).round()
    }

    /// Says how high it would like to be, in the words of everybody who may listen.
    fn offer_height(self) {
        let height = self.height();
        if self.ear.with_value(|ear| ear.height) == height {
            return;
        }
        self.ear.update_value(|ear| ear.height = height);
        self.tell(&say("resize", json!({ "height": height }), None));
        for subject in ["lti.frameResize", "org.imsglobal.lti.frameResize"] {
            self.tell(&json!({ "subject": subject, "height": height }).to_string());
        }
        self.say_h5p("prepareResize");
    }

    fn say_h5p(self, action: &str) {
        let (_, high) = self.store.viewport.get_untracked();
        let fields = json!({
            "context": "h5p", "action": action,
            "scrollHeight": self.height(), "clientHeight": high + AROUND,
        });
        self.tell(&fields.to_string());
    }

    /// H5P's resizer asks in its own words.
    fn answered_resizer(self, data: &JsValue, event: &MessageEvent) -> bool {
        let get = |name: &str| js_sys::Reflect::get(data, &JsValue::from_str(name)).ok();
        let text = |name: &str| get(name).and_then(|value| value.as_string());
        if !data.is_object() || text("context").as_deref() != Some("h5p") {
            return false;
        }
        self.ear.update_value(|ear| ear.origin = Some(event.origin()));
        match text("action").as_deref() {
            Some("hello") => {
                self.tell(&json!({ "context": "h5p", "action": "hello" }).to_string());
                self.say_h5p("prepareResize");
            }
            Some("resizePrepared") => self.say_h5p("resize"),
            _ => {}
        }
        true
    }
}
