//! Servers come and go: starting, draining, dying, being replaced.

use super::member::{Life, Member};
use super::{DETECT, Group, NUMBER_BITS, READY, timer};
use crate::sim::{Context, Reason, Sink, Span};

impl Group {
    /// A new server in the first free place: which, and its number.
    pub(super) fn put(&mut self, life: Life) -> Option<(usize, u32)> {
        let place = self.places.iter().position(Option::is_none)?;
        self.numbers = (self.numbers + 1) & ((1 << NUMBER_BITS) - 1);
        let cores = usize::from(self.config.cores);
        self.places[place] = Some(Member::new(self.numbers, cores, life));
        Some((place, self.numbers))
    }

    fn launch<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        let span = Span::from_millis_f64(self.config.startup_ms);
        if let Some((place, number)) = self.put(Life::Starting { until: cx.now() + span }) {
            cx.wake_in(span, READY, timer(place, 0, number));
        }
    }

    pub(super) fn ready(&mut self, place: usize) {
        if let Some(member) = &mut self.places[place]
            && matches!(member.life, Life::Starting { .. })
        {
            member.life = Life::Up;
        }
    }

    /// Servers there are, without those that are on their way out.
    pub(super) fn have(&self) -> u8 {
        self.of(|life| life != Life::Draining)
    }

    pub(super) fn of(&self, is: impl Fn(Life) -> bool) -> u8 {
        self.places.iter().flatten().filter(|member| is(member.life)).count() as u8
    }

    /// Brings the number of servers in line with what is desired. Whoever drains is taken back
    /// before a new one is started.
    pub(super) fn meet<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        while self.have() < self.desired {
            let mut all = self.places.iter_mut().flatten();
            match all.find(|member| member.life == Life::Draining) {
                Some(member) => member.life = Life::Up,
                None => self.launch(cx),
            }
        }
        while self.have() > self.desired {
            let Some(place) = self.least_missed() else { return };
            self.take_out(place, cx);
        }
    }

    /// Who goes first: whoever is beyond the most there can be, then starts, then has the fewest
    /// in hand, then has the highest number. A dead one that nobody has noticed looks idle.
    fn least_missed(&self) -> Option<usize> {
        let most = usize::from(self.config.max);
        let key = |place: usize, member: &Member| {
            let starting = matches!(member.life, Life::Starting { .. });
            (place < most, !starting, member.in_hand(), std::cmp::Reverse(place))
        };
        let all = self.places.iter().enumerate();
        let there = all.filter_map(|(place, member)| Some((place, member.as_ref()?)));
        let can = there.filter(|(_, member)| member.life != Life::Draining);
        can.min_by_key(|(place, member)| key(*place, member)).map(|(place, _)| place)
    }

    fn take_out<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        if self.config.drain
            && let Some(member) = &mut self.places[place]
        {
            member.life = Life::Draining;
            return self.leave_if_idle(place);
        }
        self.empty(place, cx);
        self.places[place] = None;
    }

    /// A server that drains goes when nothing is left.
    pub(super) fn leave_if_idle(&mut self, place: usize) {
        if let Some(member) = &self.places[place]
            && member.life == Life::Draining
            && member.in_hand() == 0
        {
            self.places[place] = None;
        }
    }

    /// What a server has in hand is lost.
    fn empty<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        let Some(member) = &mut self.places[place] else { return };
        let held = member.drop_all();
        self.counts.lost += held.len() as u64;
        for slot in held {
            cx.fail(slot, Reason::ConnectionLost);
        }
    }

    // ===== faults =====

    /// A server dies, or is cut off, which is the same to everybody here.
    pub(super) fn fall<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        let Some(member) = &mut self.places[place] else { return };
        if member.life == Life::Dead {
            return;
        }
        let was_leaving = member.life == Life::Draining;
        self.numbers = (self.numbers + 1) & ((1 << NUMBER_BITS) - 1);
        (member.life, member.number) = (Life::Dead, self.numbers);
        let number = member.number;
        self.empty(place, cx);
        match was_leaving {
            true => self.places[place] = None,
            false => {
                let span = Span::from_millis_f64(self.config.detection_ms);
                cx.wake_in(span, DETECT, timer(place, 0, number));
            }
        }
    }

    /// A server that died comes up again before that was noticed.
    pub(super) fn rise(&mut self, place: usize) {
        if let Some(member) = &mut self.places[place]
            && member.life == Life::Dead
        {
            member.life = Life::Up;
        }
    }

    /// A death is noticed: another server takes its place.
    pub(super) fn detect<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        if self.places[place].as_ref().is_none_or(|member| member.life != Life::Dead) {
            return;
        }
        self.places[place] = None;
        self.counts.replaced += 1;
        self.meet(cx);
    }

    /// All die at once, and nobody is left to start others.
    pub(super) fn crash<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        for place in 0..self.places.len() {
            self.empty(place, cx);
            self.places[place] = None;
        }
        self.down = true;
        self.stop_looking();
    }
}
