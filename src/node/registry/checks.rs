//! Who registers, and how it is found out how they are.

use super::config::Checking;
use super::{CHECK, Detection, Member, REGISTER, Registry, SERVICE, SILENCE, TIMEOUT};
use crate::policy::phi::{Heartbeats, Law, Settings};
use crate::policy::registry::{Answer, Status, TIMEOUT_UNSET};
use crate::sim::{
    Context, Found, Key, LinkId, Op, Outcome, Reason, Request, Sink, Span, Stamp, Time, Want,
};

/// A silence that phi does not find surprising by then is not looked at again.
const SILENCE_MAX: Span = Span::from_millis(86_400_000);

impl Member {
    /// What the timers of its checks carry.
    fn tag(&self) -> u32 {
        u32::from(self.round) << 16 | u32::from(self.link.0)
    }
}

impl Registry {
    // ===== coming and going =====

    /// No check of a member's is under way or due any more.
    pub(super) fn halt(&mut self, place: usize) {
        let member = &mut self.members[place];
        member.round = member.round.wrapping_add(1);
        member.beat = member.beat.wrapping_add(1);
        (member.open, member.next) = (None, None);
        let link = member.link;
        self.calls.retain(|_, of| *of != link);
    }

    /// A server is wired: if it runs, it has just been started, and registers.
    pub(super) fn wired<S: Sink + ?Sized>(&mut self, link: LinkId, cx: &mut Context<'_, S>) {
        let card = cx.peer(link);
        let (id, name, up) = (card.id.clone(), card.name.clone(), card.up);
        self.members.push(Member {
            link,
            id,
            name,
            up,
            round: 0,
            open: None,
            next: None,
            beat: 0,
            beats: None,
            good: None,
            sent: 0,
            in_vain: 0,
            vain_since_good: 0,
        });
        if up {
            self.send_registration(link, cx);
        }
    }

    /// A server is not wired any more: it strikes itself out.
    pub(super) fn unwired(&mut self, link: LinkId) {
        if let Some(place) = self.place(link) {
            let member = self.members.remove(place);
            self.list.deregister(&member.id);
            self.calls.retain(|_, of| *of != link);
        }
    }

    /// A server that starts registers itself. That it died, nobody tells the registry.
    pub(super) fn peer_changed<S: Sink + ?Sized>(&mut self, link: LinkId, cx: &mut Context<'_, S>) {
        let Some(place) = self.place(link) else { return };
        let (name, up) = (cx.peer(link).name.clone(), cx.peer(link).up);
        if self.up {
            // Whoever drains it tells the registry, and nobody else: lists that are kept stay.
            self.list.maintain(&self.members[place].id, cx.peer(link).draining);
        }
        let member = &mut self.members[place];
        member.name = name;
        if up && !std::mem::replace(&mut member.up, up) {
            self.send_registration(link, cx);
        } else {
            member.up = up;
        }
    }

    fn send_registration<S: Sink + ?Sized>(&self, link: LinkId, cx: &mut Context<'_, S>) {
        let latency = cx.outgoing().find(|(one, _)| *one == link).map(|(_, wire)| wire.latency);
        cx.wake_in(latency.unwrap_or(Span::ZERO), REGISTER, u32::from(link.0));
    }

    /// A registration is there; if the registry is down, it failed and nobody tries again.
    pub(super) fn registration_arrives<S: Sink + ?Sized>(
        &mut self,
        link: LinkId,
        cx: &mut Context<'_, S>,
    ) {
        let Some(place) = self.place(link) else { return };
        match self.up {
            true => self.enter(place, cx),
            false => self.counts.failed_registrations += 1,
        }
    }

    /// Enters an instance in the catalogue, and begins to check it.
    pub(super) fn enter<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        let id = self.members[place].id.clone();
        self.list.register(self.config.registration(&id, SERVICE));
        self.list.maintain(&id, cx.peer(self.members[place].link).draining);
        self.begin_checking(place, cx);
    }

    /// The first check comes at a random time within the pause between two.
    pub(super) fn begin_checking<S: Sink + ?Sized>(
        &mut self,
        place: usize,
        cx: &mut Context<'_, S>,
    ) {
        let interval = self.check_pause();
        let first = Span::from_ns((self.stagger.unit() * interval.ns() as f64) as u64);
        self.halt(place);
        self.members[place].beats = None;
        self.check_in(place, first, cx);
        if self.config.check == Checking::Heartbeat {
            // The time limit runs from the registration on.
            self.await_beat(place, cx);
        }
    }

    // ===== one check after another =====

    /// The time between two checks: the interval, by a clock that may run slow.
    fn check_pause(&self) -> Span {
        self.config.interval() * self.check_clock
    }

    fn check_in<S: Sink + ?Sized>(&mut self, place: usize, span: Span, cx: &mut Context<'_, S>) {
        let member = &mut self.members[place];
        member.round = member.round.wrapping_add(1);
        member.next = Some(cx.now() + span);
        let tag = member.tag();
        cx.wake_in(span, CHECK, tag);
    }

    /// The member whose check a timer is about, if it is still about one.
    fn timed(&self, link: LinkId, round: u16) -> Option<usize> {
        let place = self.place(link)?;
        (self.up && self.members[place].round == round).then_some(place)
    }

    /// A check begins, or a heartbeat is due.
    pub(super) fn check_due<S: Sink + ?Sized>(
        &mut self,
        link: LinkId,
        round: u16,
        cx: &mut Context<'_, S>,
    ) {
        let Some(place) = self.timed(link, round) else { return };
        self.counts.checks += 1;
        let lost = self.config.lost > 0.0 && self.losses.unit() * 100.0 < self.config.lost;
        self.counts.lost_checks += u64::from(lost);
        let call = (!lost).then(|| {
            let want = Want::one(Op::Check, Key::default());
            cx.call(None, want, Stamp::default(), link)
        });
        let member = &mut self.members[place];
        member.open = call;
        if let Some(slot) = call {
            self.calls.insert(slot, link);
        }
        match self.config.check {
            Checking::Http => {
                let member = &mut self.members[place];
                member.round = member.round.wrapping_add(1);
                member.next = None;
                let tag = member.tag();
                cx.wake_in(self.timeout(), TIMEOUT, tag);
            }
            // The next one does not wait for this one.
            Checking::Heartbeat | Checking::Phi => {
                self.check_in(place, self.check_pause(), cx);
            }
        }
    }

    fn timeout(&self) -> Span {
        let set = Span::from_seconds_f64(self.config.timeout_s);
        if set > Span::ZERO { set } else { TIMEOUT_UNSET }
    }

    /// A check has not been answered in time. Its answer will be nobody's.
    pub(super) fn check_timed_out<S: Sink + ?Sized>(
        &mut self,
        link: LinkId,
        round: u16,
        cx: &mut Context<'_, S>,
    ) {
        let Some(place) = self.timed(link, round) else { return };
        if let Some(slot) = self.members[place].open.take() {
            self.calls.remove(&slot);
        }
        self.heard(place, Answer::TimedOut, cx);
        self.check_in(place, self.check_pause(), cx);
    }

    /// A call of the registry's has come back: the answer to a check, or a heartbeat.
    pub(super) fn check_is_back<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        let answer = cx.request(slot).map(answer_of);
        cx.end_call(slot);
        let place = self.calls.remove(&slot).and_then(|link| self.place(link));
        let (Some(place), Some(answer), true) = (place, answer, self.up) else { return };
        self.members[place].open = None;
        match self.config.check {
            Checking::Http => {
                self.heard(place, answer, cx);
                self.check_in(place, self.check_pause(), cx);
            }
            // Only a sign of life is one: anything else is silence.
            Checking::Heartbeat | Checking::Phi if answer.status() == Status::Passing => {
                self.heard(place, Answer::Heartbeat, cx);
                self.await_beat(place, cx);
            }
            Checking::Heartbeat | Checking::Phi => {}
        }
    }

    // ===== silence =====

    /// Sets the timer for the silence that would be too long.
    fn await_beat<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        let now = cx.now();
        let span = match self.config.check {
            Checking::Http => return,
            Checking::Heartbeat => Some(Span::from_seconds_f64(self.config.silence_s)),
            Checking::Phi => {
                let settings = self.phi_settings();
                let member = &mut self.members[place];
                let beats = member.beats.get_or_insert_with(|| Heartbeats::new(settings));
                beats.beat(now);
                surprising_after(beats, now)
            }
        };
        let member = &mut self.members[place];
        member.beat = member.beat.wrapping_add(1);
        let tag = u32::from(member.beat) << 16 | u32::from(member.link.0);
        if let Some(span) = span {
            cx.wake_in(span, SILENCE, tag);
        }
    }

    /// Akka's settings for heartbeats that come this often: no pause is taken for usual.
    fn phi_settings(&self) -> Settings {
        let law = Law::Normal { least_deviation: Span::from_millis(100), pause: Span::ZERO };
        let (threshold, expected) = (self.config.phi, self.config.interval());
        Settings { law, threshold, expected, ..Settings::AKKA }
    }

    pub(super) fn silent<S: Sink + ?Sized>(
        &mut self,
        link: LinkId,
        beat: u16,
        cx: &mut Context<'_, S>,
    ) {
        let Some(place) = self.place(link).filter(|_| self.up) else { return };
        if self.members[place].beat == beat {
            self.heard(place, Answer::Silence, cx);
        }
    }

    // ===== what it means =====

    fn heard<S: Sink + ?Sized>(&mut self, place: usize, answer: Answer, cx: &Context<'_, S>) {
        let now = cx.now();
        let member = &mut self.members[place];
        // A silence is as many bad answers as it takes: nothing more will be heard.
        let mut needed = self.config.thresholds();
        if answer == Answer::Silence {
            needed.failures = 1;
        }
        let Some(check) = self.list.check_mut(&member.id) else { return };
        let before = check.heard(answer, now, needed);
        let status = check.status;
        self.counts.failed_checks += u64::from(answer.status() == Status::Critical);
        if status == Status::Critical && before.is_some() {
            self.detection = Some(Detection {
                name: member.name.clone(),
                at: now,
                after: member.good.map(|good| now.since(good)),
                in_vain: member.vain_since_good,
            });
        }
        if answer.status() == Status::Passing {
            (member.good, member.vain_since_good) = (Some(now), 0);
        }
    }
}

/// What the answer to a check says, as the HTTP status that a server would have sent.
fn answer_of(call: &Request) -> Answer {
    match (call.outcome, call.found) {
        (Outcome::Done, Found::Nothing) => Answer::Http(503),
        (Outcome::Done, _) => Answer::Http(200),
        (Outcome::Failed(Reason::QueueFull, _), _) => Answer::Http(429),
        (Outcome::Failed(Reason::MemoryFull, _), _) => Answer::Http(503),
        (Outcome::Failed(..) | Outcome::Pending, _) => Answer::Error,
    }
}

/// After how long a silence that begins now is too surprising, to the millisecond.
fn surprising_after(beats: &Heartbeats, now: Time) -> Option<Span> {
    let dead = |ms: u64| beats.dead(now + Span::from_millis(ms));
    let (mut alive, mut too_long) = (0, SILENCE_MAX.ns() / 1_000_000);
    if !dead(too_long) {
        return None;
    }
    while too_long - alive > 1 {
        let middle = alive + (too_long - alive) / 2;
        match dead(middle) {
            true => too_long = middle,
            false => alive = middle,
        }
    }
    Some(Span::from_millis(too_long))
}
