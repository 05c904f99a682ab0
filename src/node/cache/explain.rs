//! Why a cache answered as it did, in its own numbers. Nothing is built when nobody looks.

use super::{Cache, NOBODY};
use crate::node::shelf::Entry;
use crate::sim::{Context, Found, Key, Line, Sink, Span, Time, Why};

/// What a read was answered with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hit {
    /// A good entry.
    Held(Entry),
    /// One that is over and being loaded again.
    Over(Entry),
    /// A write that waits to be flushed.
    Waiting,
}

/// What happens after a miss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Miss {
    /// It says so.
    Answer,
    /// It waits for somebody else's load.
    Wait,
    /// It asks the store.
    Load,
    /// There is no store.
    Nowhere,
}

impl Cache {
    pub(super) fn explain_hit<S: Sink + ?Sized>(
        &self,
        mut why: Why,
        key: Key,
        how: Hit,
        cx: &Context<'_, S>,
    ) -> Why {
        if !why.wanted() {
            return why;
        }
        let (name, word, now) = (cx.own_name(), spelled(key, cx), cx.now());
        why.title(|| format!("{name} had {word}"));
        match how {
            Hit::Held(entry) => {
                why.line(|| age(&word, &entry, now));
                let what = match entry.found {
                    Found::Nothing => format!("That there is no {word}"),
                    Found::Unasked | Found::Value => word.clone(),
                };
                let age = now.since(entry.since);
                why.say(|| match life(&entry) {
                    Some(life) => format!("{what} has been here for {age} of {life}."),
                    None => format!("{what} has been here for {age}, without an end."),
                });
            }
            Hit::Over(entry) => {
                let over = now.since(entry.ends);
                let spare = Span::from_millis_f64(self.config.revalidate_ms);
                why.line(|| age(&word, &entry, now));
                why.say(|| {
                    format!(
                        "{word} has been over for {over}; until {spare} after its end it is served \
                         while it is loaded again."
                    )
                });
            }
            Hit::Waiting => {
                why.say(|| {
                    format!("{word} was written here and is not confirmed by the store yet.")
                });
            }
        }
        why
    }

    pub(super) fn explain_miss<S: Sink + ?Sized>(
        &self,
        mut why: Why,
        key: Key,
        next: Miss,
        cx: &Context<'_, S>,
    ) -> Why {
        if !why.wanted() {
            return why;
        }
        let (name, word) = (cx.own_name(), spelled(key, cx));
        why.title(|| format!("{name} did not have {word}"));
        let cause = match self.shelf.departure(key) {
            Ok(None) => "never here".to_owned(),
            Ok(Some(gone)) => gone.words(cx),
            Err(()) => "not here for long, if ever".to_owned(),
        };
        why.line(|| Line { subject: word, numbers: cause, chosen: false });
        let loading = self.loads.get(key).is_some();
        why.say(|| match next {
            Miss::Answer => "It says so and loads nothing: whoever asked manages it.".to_owned(),
            Miss::Wait => format!(
                "One other request is already loading it; {} for that answer.",
                self.those_who_wait(key)
            ),
            Miss::Load if loading => {
                "Another request is loading it too; without single flight each asks the store."
                    .to_owned()
            }
            Miss::Load => "The store is asked.".to_owned(),
            Miss::Nowhere => "No store is wired to it.".to_owned(),
        });
        why
    }

    fn those_who_wait(&self, key: Key) -> String {
        let first = self.loads.get(key).map_or(NOBODY, |load| load.first);
        let ahead = std::iter::successors((first != NOBODY).then_some(first), |&slot| {
            match self.held(slot) {
                super::Holding::Waiting(next) if next != NOBODY => Some(next),
                _ => None,
            }
        });
        match ahead.count() {
            0 => "this one waits".to_owned(),
            1 => "this one and 1 before it wait".to_owned(),
            n => format!("this one and {n} before it wait"),
        }
    }

    /// Completes what the policy wrote about an eviction, if there was one.
    pub(super) fn explain_kept<S: Sink + ?Sized>(
        &self,
        why: &mut Why,
        key: Key,
        cx: &Context<'_, S>,
    ) {
        if !why.wanted() {
            return;
        }
        let (name, word) = (cx.own_name(), spelled(key, cx));
        for line in &mut why.lines {
            // A policy knows keys as numbers.
            if let Ok(number) = line.subject.parse::<u32>() {
                line.subject = spelled(Key(number), cx);
            }
        }
        let Some(entry) = self.shelf.look(key) else {
            why.title(|| format!("{name} did not keep {word}"));
            if why.lines.is_empty() {
                why.say(|| "There is no such key, and that is not remembered.".to_owned());
            }
            return;
        };
        let stays = match life(&entry) {
            Some(life) => format!("It may stay for {life}."),
            None => "It may stay until it has to make room.".to_owned(),
        };
        let out = self.out.filter(|out| out.by == key && out.at == cx.now());
        match out.filter(|_| !why.lines.is_empty()) {
            Some(out) => {
                let left = spelled(out.key, cx);
                let reason = std::mem::take(&mut why.sentence);
                why.title(|| format!("{name} evicted {left} for {word}"));
                why.say(|| format!("{left} left for {word}. {reason}"));
            }
            None => {
                why.title(|| format!("{name} keeps {word}"));
                why.say(|| stays);
            }
        }
    }

    pub(super) fn explain_passing<S: Sink + ?Sized>(
        &self,
        mut why: Why,
        key: Key,
        cx: &Context<'_, S>,
    ) -> Why {
        if why.wanted() {
            let (name, word) = (cx.own_name(), spelled(key, cx));
            let pattern = self.config.pattern_name();
            why.title(|| format!("{name} sent {word} on to the store"));
            why.say(|| format!("{pattern}: the store is asked first."));
        }
        why
    }

    pub(super) fn explain_promise<S: Sink + ?Sized>(
        &self,
        mut why: Why,
        key: Key,
        cx: &Context<'_, S>,
    ) -> Why {
        if why.wanted() {
            let (name, word) = (cx.own_name(), spelled(key, cx));
            let flush = Span::from_millis_f64(self.config.flush_ms);
            let waiting = self.buffer.len();
            why.title(|| format!("{name} took {word} and acknowledged at once"));
            why.say(|| {
                format!(
                    "{waiting} keys were waiting for the store; what waits is sent {flush} after \
                     the first of them. A crash before that loses it."
                )
            });
        }
        why
    }
}

fn spelled<S: Sink + ?Sized>(key: Key, cx: &Context<'_, S>) -> String {
    let mut word = String::new();
    cx.spell_key(key, &mut word);
    word
}

/// How long it may live, if it ends at all.
fn life(entry: &Entry) -> Option<Span> {
    (entry.ends < Time::MAX).then(|| entry.ends.since(entry.since))
}

fn age(word: &str, entry: &Entry, now: Time) -> Line {
    let (since, age) = (entry.since, now.since(entry.since));
    Line {
        subject: word.to_owned(),
        numbers: format!("in at {since}, now {now}: {age}; version {}", entry.stamp.commit),
        chosen: true,
    }
}
