//! What a server does not take on, and what it does not go on with: load shedding, and work whose
//! deadline has passed.
//!
//! Shedding is the library's: at the door by the length and the age of the line
//! (`policy::guard::shed`), or at its head by CoDel (`policy::line`), which takes the place of the
//! line itself where that is first in, first out. A server that is shared by all has no line, so
//! nothing is shed there. Whether anybody still waits for a request, its deadline says.

use super::super::param::{Choice, Param, Range, Spec, Value};
use super::super::tuning::Tuning;
use super::config::Discipline;
use super::work::is_check;
use super::{Server, ServerConfig};
use crate::node::guarded;
use crate::policy::guard::{self, Ask, Guard, Verdict};
use crate::policy::line::{self, Make, Next, Waiting};
use crate::policy::{Knob, Knobs};
use crate::sim::{Context, Line, Reason, Rng, Sink, Span, Time, Why};

const CODEL: &str = "codel";
const DOOR: &str = "shed";
/// The ways to shed load.
const WAYS: [&str; 2] = [DOOR, CODEL];

/// Which load a server sheds.
#[derive(Clone, Debug, Default)]
pub struct ShedConfig {
    /// How: a guard or a line of the catalogues; nothing if empty.
    pub how: &'static str,
    /// The ways' own settings.
    pub tuning: Tuning,
    /// Does it drop what nobody waits for any more?
    pub drop_late: bool,
}

impl PartialEq for ShedConfig {
    fn eq(&self, other: &ShedConfig) -> bool {
        let set = |c: &ShedConfig, knob: &Knob| c.tuning.of(c.how).get(knob);
        let knobs = self.algorithm().map_or(&[][..], |(_, knobs)| knobs);
        (self.how, self.drop_late) == (other.how, other.drop_late)
            && knobs.iter().all(|knob| set(self, knob) == set(other, knob))
    }
}

impl ShedConfig {
    /// The way that is chosen: its key, and what can be set on it.
    pub(super) fn algorithm(&self) -> Option<(&'static str, &'static [Knob])> {
        match self.how {
            CODEL => line::find(CODEL).map(|entry| (entry.key, entry.knobs)),
            how => guard::find(how).map(|entry| (entry.key, entry.knobs)),
        }
    }

    fn knobs(&self) -> &Knobs {
        self.tuning.of(self.how)
    }
}

/// The parameters.
pub(super) const PARAMS: &[Param<ServerConfig>] = &[
    Param {
        spec: Spec {
            key: "shed",
            wire: 20,
            label: "Load shedding",
            unit: "",
            help: "Whether it turns requests away that would wait too long, although there is room \
                   for them. Used where there is a line.",
            range: Range::Choice(|| {
                let mut all = guarded::choices(&[DOOR], "Whoever finds room waits.");
                all.extend(line::find(CODEL).map(Choice::of));
                all
            }),
        },
        get: |c| guarded::key_of(c.shedding.how),
        set: |c, v| {
            if let Some(key) = guarded::of_key(&WAYS, &v) {
                c.shedding.how = key;
            }
        },
    },
    Param {
        spec: Spec {
            key: "drop_late",
            wire: 21,
            label: "Drops what is too late",
            unit: "",
            help: "Whether it looks at the deadline that travels with a request, and drops it once \
                   that has passed instead of working on it.",
            range: Range::Switch,
        },
        get: |c| Value::Switch(c.shedding.drop_late),
        set: |c, v| c.shedding.drop_late = v == Value::Switch(true),
    },
];

/// What sheds load, as it stands.
#[derive(Clone, Debug)]
pub(super) struct Shedding {
    door: Option<Box<dyn Guard>>,
    codel: Option<Box<dyn line::Discipline>>,
    tosses: Rng,
    /// Turned away to shed load; dropped because they were too late.
    pub(super) shed: u64,
    pub(super) too_late: u64,
}

impl Shedding {
    pub(super) fn new(id: &str, seed: u64, config: &ServerConfig) -> Shedding {
        Shedding {
            door: door(config),
            codel: codel(config),
            tosses: Rng::stream(seed, id, "shedding"),
            shed: 0,
            too_late: 0,
        }
    }
}

fn door(config: &ServerConfig) -> Option<Box<dyn Guard>> {
    match config.shedding.how {
        DOOR => guard::make(DOOR, config.shedding.knobs()),
        _ => None,
    }
}

/// CoDel drops from the head, so it is for those who are served in the order in which they came.
fn codel(config: &ServerConfig) -> Option<Box<dyn line::Discipline>> {
    if config.shedding.how != CODEL || config.discipline != Discipline::Fifo {
        return None;
    }
    match line::find(CODEL)?.make {
        Make::Line(make) => Some(make(config.shedding.knobs())),
        Make::Sharing => None,
    }
}

impl Server {
    /// Requests turned away to shed load.
    pub fn shed(&self) -> u64 {
        self.shedding.shed
    }

    /// Requests dropped because nobody waited for them any more.
    pub fn too_late(&self) -> u64 {
        self.shedding.too_late
    }

    /// New settings: those who wait stay in line, in the order in which they came.
    pub(super) fn reform_line<S: Sink + ?Sized>(
        &mut self,
        old: &ServerConfig,
        cx: &Context<'_, S>,
    ) {
        if old.shedding == self.config.shedding && old.discipline == self.config.discipline {
            return;
        }
        self.shedding.door = door(&self.config);
        if let Some(line) = std::mem::replace(&mut self.shedding.codel, codel(&self.config)) {
            self.queue.extend(line.waiting().iter().map(|who| who.id as u32));
        }
        if self.shedding.codel.is_some() {
            for slot in std::mem::take(&mut self.queue) {
                let since = cx.request(slot).map_or(cx.now(), |request| request.since);
                self.join_codel(slot, since, cx.now());
            }
        }
    }

    fn join_codel(&mut self, slot: u32, since: Time, now: Time) {
        if let Some(line) = &mut self.shedding.codel {
            line.push(Waiting { id: u64::from(slot), since, priority: 0 }, now);
        }
    }

    /// How many wait for a core.
    #[inline]
    pub(super) fn line_len(&self) -> usize {
        self.queue.len() + self.shedding.codel.as_ref().map_or(0, |line| line.len())
    }

    /// Joins the line.
    #[inline]
    pub(super) fn join_line(&mut self, slot: u32, now: Time) {
        match self.shedding.codel {
            None => self.queue.push_back(slot),
            Some(_) => self.join_codel(slot, now, now),
        }
    }

    /// Everybody leaves the line.
    pub(super) fn empty_line(&mut self) -> Vec<u32> {
        let mut all: Vec<u32> = self.queue.drain(..).collect();
        if let Some(line) = std::mem::replace(&mut self.shedding.codel, codel(&self.config)) {
            all.extend(line.waiting().iter().map(|who| who.id as u32));
        }
        all
    }

    /// Who is to be served next; those who are shed or too late are turned away on the way.
    #[inline]
    pub(super) fn next_in_line<S: Sink + ?Sized>(
        &mut self,
        cx: &mut Context<'_, S>,
    ) -> Option<u32> {
        loop {
            let next = match (self.config.discipline, &mut self.shedding.codel) {
                (Discipline::Fifo, None) => self.queue.pop_front()?,
                (Discipline::Lifo, None) => self.queue.pop_back()?,
                (Discipline::Sharing, _) => return None,
                (_, Some(line)) => match line.pop(cx.now(), &mut Why::off()) {
                    Next::Serve(who) => who.id as u32,
                    Next::Drop(who) => {
                        self.turn_away(who.id as u32, Reason::Shed, cx);
                        continue;
                    }
                    Next::Nobody => return None,
                },
            };
            if !self.is_too_late(next, cx) {
                return Some(next);
            }
            self.turn_away(next, Reason::DeadlinePassed, cx);
        }
    }

    /// Does nobody wait for it any more, and does that matter here?
    #[inline]
    pub(super) fn is_too_late<S: Sink + ?Sized>(&self, slot: u32, cx: &Context<'_, S>) -> bool {
        let late = |slot| cx.request(slot).is_some_and(|request| request.is_too_late(cx.now()));
        self.config.shedding.drop_late && late(slot)
    }

    /// Is a request refused at the door? For which reason, if so.
    #[inline]
    pub(super) fn refuses<S: Sink + ?Sized>(
        &mut self,
        slot: u32,
        why: &mut Why,
        cx: &Context<'_, S>,
    ) -> Option<Reason> {
        if self.is_too_late(slot, cx) {
            self.explain_late(slot, why, cx);
            return Some(Reason::DeadlinePassed);
        }
        let Shedding { door, tosses, .. } = &mut self.shedding;
        let door = door.as_mut()?;
        let first = self.queue.front().and_then(|&slot| cx.request(slot));
        let ask = Ask {
            waiting: self.queue.len() as u32,
            oldest: first.map_or(Span::ZERO, |request| cx.now().since(request.since)),
            ..Ask::at(cx.now())
        };
        let verdict = door.admit(&ask, tosses, why);
        if verdict == Verdict::Pass {
            return None;
        }
        why.title(|| format!("{} shed it", cx.own_name()));
        Some(Reason::Shed)
    }

    /// Counts one that is not served for this reason.
    pub(super) fn count_turned_away(&mut self, reason: Reason, check: bool) {
        match reason {
            _ if check => {}
            Reason::DeadlinePassed => self.shedding.too_late += 1,
            _ => self.shedding.shed += 1,
        }
    }

    /// One who waited is not served.
    fn turn_away<S: Sink + ?Sized>(&mut self, slot: u32, reason: Reason, cx: &mut Context<'_, S>) {
        self.here -= 1;
        self.waiting.set(cx.now(), self.line_len() as u32);
        self.count_turned_away(reason, is_check(slot, cx));
        let mut why = cx.why(slot);
        match reason {
            Reason::DeadlinePassed => self.explain_late(slot, &mut why, cx),
            _ => self.explain_codel(slot, &mut why, cx),
        }
        cx.decided(slot, why);
        cx.fail(slot, reason);
    }

    fn explain_late<S: Sink + ?Sized>(&self, slot: u32, why: &mut Why, cx: &Context<'_, S>) {
        why.title(|| format!("{} dropped it", cx.own_name()));
        why.say(|| {
            let deadline = cx.request(slot).and_then(|request| request.deadline());
            let deadline = deadline.unwrap_or(cx.now());
            let late = cx.now().since(deadline);
            format!("Its deadline was {deadline}, {late} ago: nobody waits for the answer.")
        });
    }

    fn explain_codel<S: Sink + ?Sized>(&self, slot: u32, why: &mut Why, cx: &Context<'_, S>) {
        let knobs = self.algorithm_knobs();
        let waited = cx.request(slot).map_or(Span::ZERO, |r| cx.now().since(r.since));
        why.title(|| format!("{} shed it", cx.own_name()));
        why.line(|| Line {
            subject: "in line".to_owned(),
            numbers: format!("waited {waited}, {knobs}, {} wait on", self.line_len()),
            chosen: false,
        });
        why.say(|| {
            "Those at the head have waited longer than the target for a whole interval or more, \
             and a drop was due: CoDel."
                .to_owned()
        });
    }

    /// `target 5 ms, interval 100 ms`.
    fn algorithm_knobs(&self) -> String {
        let shedding = &self.config.shedding;
        let knobs = shedding.algorithm().map_or(&[][..], |(_, knobs)| knobs);
        let words = |knob: &Knob| {
            let set = shedding.knobs().get(knob);
            format!("{} {set} {}", knob.label.to_lowercase(), knob.unit)
        };
        knobs.iter().map(words).collect::<Vec<String>>().join(", ")
    }
}
