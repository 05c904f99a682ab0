//! When the next request is made: what rings, what is scheduled, and why it was now.

use std::sync::Arc;

use super::config::{Arrivals, ClientsConfig, Popularity};
use super::curve::{Curve, Drawn};
use super::listed::{self, Entry};
use super::users::Users;
use super::{AFTER_REFUSAL, Clients, NEXT, USER};
use crate::sim::{Context, Key, Line, Op, Rng, Sink, Span, Time, Why};

/// How a request came to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// Somebody sent this one.
    ByHand,
    /// It was its turn.
    InTurn,
    /// A user asks who has been thinking since then.
    ByUser(u32, Time),
}

/// What is remembered between requests, beyond a gap.
#[derive(Clone, Debug)]
pub(super) struct Pacing {
    /// Which candidates of a day are kept.
    tosses: Rng,
    /// Requests of this burst so far.
    in_burst: u32,
    /// The pasted list of instants, and the line that is next.
    times: Arc<[Entry]>,
    next_line: usize,
    /// The pasted list of keys.
    keys: Arc<[Entry]>,
    /// How the instant that is next was found.
    drawn: Option<Drawn>,
    pub(super) users: Users,
}

impl Pacing {
    pub(super) fn new(id: &str, seed: u64) -> Pacing {
        Pacing {
            tosses: Rng::stream(seed, id, "thinning"),
            in_burst: 0,
            times: Arc::default(),
            next_line: 0,
            keys: Arc::default(),
            drawn: None,
            users: Users::new(Rng::stream(seed, id, "think")),
        }
    }

    /// The key of a list that is next after so many requests, and what to do with it.
    pub(super) fn listed_key(&self, made: u32) -> (Key, Option<Op>) {
        let line = made.wrapping_sub(1) as usize % self.keys.len().max(1);
        let entry = self.keys.get(line);
        entry.map_or((Key::default(), None), |entry| (entry.key.unwrap_or_default(), entry.op))
    }
}

impl Clients {
    /// How many users think, and how many wait for an answer.
    pub fn users(&self) -> (u32, u32) {
        (self.pacing.users.thinking(), self.pacing.users.waiting())
    }

    /// About how many bytes its users take.
    pub fn bytes(&self) -> usize {
        self.pacing.users.bytes()
    }

    /// Reads the lists in use; all of them at the beginning, later those that are new.
    pub(super) fn read_lists<S: Sink + ?Sized>(
        &mut self,
        old: Option<&ClientsConfig>,
        cx: &mut Context<'_, S>,
    ) {
        let (config, pacing) = (&self.config, &mut self.pacing);
        let known = |same: fn(&ClientsConfig, &ClientsConfig) -> bool| {
            old.is_some_and(|old| same(old, config))
        };
        let same_times = |a: &ClientsConfig, b: &ClientsConfig| {
            a.arrivals == b.arrivals && a.pace.times == b.pace.times
        };
        if config.arrivals == Arrivals::List && !known(same_times) {
            let lines = listed::times(&config.pace.times).unwrap_or_default();
            pacing.times = listed::entries(&lines, |word| cx.word(word));
            let now = cx.now();
            let begins = now == Time::ZERO && self.generated == 0;
            // What lies in the past is not made up for.
            let past = pacing.times.partition_point(|entry| entry.at <= now);
            pacing.next_line = if begins { 0 } else { past };
        }
        let same_keys = |a: &ClientsConfig, b: &ClientsConfig| {
            a.popularity == b.popularity && a.pace.key_list == b.pace.key_list
        };
        if config.popularity == Popularity::Listed && !known(same_keys) {
            let lines = listed::keys(&config.pace.key_list).unwrap_or_default();
            pacing.keys = listed::entries(&lines, |word| cx.word(word));
        }
    }

    /// The pace is another one than it was with these settings.
    pub(super) fn change_pace(&mut self, old: &ClientsConfig) {
        let another = old.arrivals != self.config.arrivals;
        if another {
            self.pacing.in_burst = 0;
        }
        if another || !old.same_thoughts(&self.config) {
            self.pacing.users.stop();
        }
        self.pacing.users.limit(self.config.pace.users);
    }

    /// All that was begun is forgotten.
    pub(super) fn forget_pace(&mut self) {
        self.pacing.in_burst = 0;
        self.pacing.users.forget();
    }

    /// It is time for the next request.
    #[inline]
    pub(super) fn next_is_due<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        self.generated += 1;
        let entry = match self.config.arrivals {
            Arrivals::Bursts => {
                let left = self.pacing.in_burst % self.config.pace.burst_size.max(1);
                self.pacing.in_burst = left + 1;
                None
            }
            Arrivals::List => {
                self.pacing.next_line += 1;
                self.pacing.times.get(self.pacing.next_line - 1).copied()
            }
            _ => None,
        };
        let want = match entry {
            Some(entry) => self.want_of(entry.key, entry.op),
            None => self.want_of(None, None),
        };
        let person = self.addresses.below(self.config.addresses);
        self.send(want, person, Made::InTurn, cx);
        self.go_on(cx);
    }

    pub(super) fn ended(&self) -> bool {
        let all_sent = self.config.total > 0 && self.generated >= self.config.total;
        let by_rate = self.config.has_rate() && self.config.arrivals != Arrivals::Ramp;
        all_sent || (by_rate && self.config.rate <= 0.0)
    }

    pub(super) fn restart_timer<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        self.epoch += 1;
        if self.config.arrivals == Arrivals::List {
            // What fell into a time when nobody was there is not made up for.
            let past = self.pacing.times.partition_point(|entry| entry.at < cx.now());
            self.pacing.next_line = self.pacing.next_line.max(past);
        }
        match self.config.arrivals {
            Arrivals::Closed => self.users_go_on(cx),
            _ => self.go_on(cx),
        }
    }

    /// The next request, unless it has to wait for the answer to the last.
    fn go_on<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        if self.config.arrivals != Arrivals::OneByOne || self.awaited.is_none() {
            self.schedule_next(cx);
        }
    }

    #[inline]
    pub(super) fn schedule_next<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        if self.ended() {
            return;
        }
        let first = self.generated == 0;
        let mut gap = match self.config.arrivals {
            Arrivals::OneByOne if first => Span::ZERO,
            Arrivals::Poisson | Arrivals::Constant | Arrivals::OneByOne => {
                self.gap.draw(&mut self.arrivals)
            }
            _ => match self.shaped_gap(cx.now()) {
                Some(gap) => gap,
                None => return,
            },
        };
        if self.config.arrivals == Arrivals::OneByOne && self.failed_at_once == Some(cx.now()) {
            // Time must go on although no attempt was let out.
            gap = gap.max(AFTER_REFUSAL);
        }
        cx.wake_in(gap, NEXT, self.epoch);
    }

    /// How long it is to the next request of a burst, a curve or a list, if there is one.
    fn shaped_gap(&mut self, now: Time) -> Option<Span> {
        let pacing = &mut self.pacing;
        match (self.config.curve(), self.config.arrivals) {
            (Some(curve), _) => {
                let (gap, drawn) = curve.next(now, &mut self.arrivals, &mut pacing.tosses)?;
                pacing.drawn = Some(drawn);
                Some(gap)
            }
            (None, Arrivals::Bursts) => Some(match pacing.in_burst {
                0 => Span::ZERO,
                n if n < self.config.pace.burst_size => self.gap.draw(&mut self.arrivals),
                _ => Span::from_millis_f64(self.config.pace.burst_pause_ms),
            }),
            (None, Arrivals::List) => {
                let entry = pacing.times.get(pacing.next_line)?;
                Some(entry.at.since(now))
            }
            (None, _) => None,
        }
    }

    // ===== users =====

    /// Everybody who neither thinks nor waits begins to think.
    fn users_go_on<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        self.pacing.users.limit(self.config.pace.users);
        for user in 0..self.config.pace.users {
            if self.pacing.users.is_idle(user) {
                self.think(user, true, Span::ZERO, cx);
            }
        }
    }

    /// A user thinks, for at least so long, and then asks; the first time for the rest of a
    /// thought.
    fn think<S: Sink + ?Sized>(
        &mut self,
        user: u32,
        first: bool,
        least: Span,
        cx: &mut Context<'_, S>,
    ) {
        if self.ended() {
            return;
        }
        let thought = self.pacing.users.think(user, first, &self.gap, least, cx.now());
        if let Some(span) = thought {
            cx.wake_in(span, USER, user);
        }
    }

    /// A user may have thought long enough.
    pub(super) fn user_is_due<S: Sink + ?Sized>(&mut self, user: u32, cx: &mut Context<'_, S>) {
        let Some(since) = self.pacing.users.asks(user, cx.now()) else { return };
        if self.ended() {
            return;
        }
        self.generated += 1;
        let want = self.want_of(None, None);
        let person = user % self.config.addresses.max(1);
        self.send(want, person, Made::ByUser(user, since), cx);
    }

    /// A user has asked: it waits, unless the request has ended already.
    pub(super) fn user_waits<S: Sink + ?Sized>(
        &mut self,
        user: u32,
        (id, slot): (u64, u32),
        cx: &mut Context<'_, S>,
    ) {
        match cx.request(slot).is_some_and(|request| request.id == id) {
            true => self.pacing.users.wait(user, id, slot),
            false => self.think(user, false, AFTER_REFUSAL, cx),
        }
    }

    /// The request with this number, which was in this slot, has ended. Did a user wait for it?
    pub(super) fn user_hears<S: Sink + ?Sized>(
        &mut self,
        id: u64,
        slot: u32,
        cx: &mut Context<'_, S>,
    ) {
        let Some((user, asked)) = self.pacing.users.answered(id, slot) else { return };
        self.pacing.users.limit(self.config.pace.users);
        if self.config.arrivals == Arrivals::Closed && user < self.config.pace.users {
            // Time must go on where an answer takes none.
            let least = if asked == cx.now() { AFTER_REFUSAL } else { Span::ZERO };
            self.think(user, false, least, cx);
        }
    }

    // ===== why now =====

    /// Says why a request was made just now, where that has a reason beyond a gap.
    pub(super) fn explain_birth<S: Sink + ?Sized>(
        &self,
        slot: u32,
        made: Made,
        cx: &mut Context<'_, S>,
    ) {
        let mut why = cx.why(slot);
        if !why.wanted() || made == Made::ByHand {
            return;
        }
        match (self.config.curve(), self.config.arrivals, made) {
            (Some(curve), ..) => self.why_on_curve(curve, cx.now(), &mut why),
            (None, Arrivals::Bursts, _) => self.why_in_burst(&mut why),
            (None, Arrivals::List, _) => why.say(|| {
                let entry = self.pacing.times.get(self.pacing.next_line.wrapping_sub(1));
                let number = entry.map_or(0, |entry| entry.number);
                format!("Line {number} of the list says {} s.", cx.now().seconds())
            }),
            (None, _, Made::ByUser(user, since)) => self.why_of_user(user, since, cx, &mut why),
            // A gap was drawn, or the one before was answered: there is no more to say.
            (None, ..) => return,
        }
        why.title(|| format!("{} made it now", cx.own_name()));
        cx.decided(slot, why);
    }

    fn why_on_curve(&self, curve: Curve, now: Time, why: &mut Why) {
        let Some(drawn) = self.pacing.drawn else { return };
        let (since, at) = (drawn.since.seconds(), now.seconds());
        let rate = curve.rate(at);
        let how = match curve {
            Curve::Ramp { from, start, .. } if at < start => format!("{from}, until {start} s"),
            Curve::Ramp { to, start, over, .. } if at >= start + over => format!("{to}, for good"),
            Curve::Ramp { from, to, start, over } => {
                format!("{from} + ({to} - {from}) x ({at:.6} - {start}) / {over} = {rate:.3}")
            }
            Curve::Day { mean, swing, period, peak } => format!(
                "{mean} x (1 + {swing} x cos(2 pi x ({at:.6} / {period} - {peak}))) = {rate:.3}"
            ),
        };
        why.line(|| Line { subject: "requests/s now".to_owned(), numbers: how, chosen: false });
        why.say(|| match curve {
            Curve::Ramp { .. } => {
                let was = curve.rate(since);
                format!(
                    "The area under the rate from {since:.6} s to {at:.6} s, where it goes from \
                     {was:.3} to {rate:.3}, is {:.4}: just what was drawn (exponential, mean 1).",
                    drawn.area
                )
            }
            Curve::Day { .. } => {
                let Drawn { candidates, toss, .. } = drawn;
                format!(
                    "Candidates come at {candidates:.3} a second here, and each is kept with the \
                     chance rate / {candidates:.3}. Drawn {toss:.4}: {toss:.4} x {candidates:.3} = \
                     {:.3} is below {rate:.3}, so this one is kept.",
                    toss * candidates
                )
            }
        });
    }

    fn why_in_burst(&self, why: &mut Why) {
        let (number, of) = (self.pacing.in_burst, self.config.pace.burst_size);
        why.say(|| match number {
            1 if self.generated == 1 => format!("Request 1 of {of} in the first burst."),
            1 => {
                let pause = Span::from_millis_f64(self.config.pace.burst_pause_ms);
                format!("Request 1 of {of} in a burst; bursts have a pause of {pause} before them.")
            }
            _ => {
                let (rate, gap) = (self.config.rate, self.gap.mean());
                format!("Request {number} of {of} in a burst: 1 / {rate} s = {gap} after the last.")
            }
        });
    }

    fn why_of_user<S: Sink + ?Sized>(
        &self,
        user: u32,
        since: Time,
        cx: &Context<'_, S>,
        why: &mut Why,
    ) {
        let (thinking, waiting) = self.users();
        why.line(|| Line {
            subject: "the others".to_owned(),
            numbers: format!("{thinking} think, {waiting} wait"),
            chosen: false,
        });
        why.say(|| {
            let (thought, mean) = (cx.now().since(since), self.gap.mean());
            format!(
                "User {user} began to think at {since} and asks after {thought}; the mean is \
                 {mean}. It asks no more until it has its answer."
            )
        });
    }
}
