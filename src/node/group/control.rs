//! The controller: it looks back at fixed instants, multiples of its interval, and decides.
//!
//! While nothing happens and the fewest servers are there it sleeps, so that a run without requests
//! comes to an end; the next request wakes it, and it looks at the same instants as before.

use super::config::Metric;
use super::member::Life;
use super::tracking::wanted;
use super::{Group, LOOK};
use crate::sim::{Context, Sink, Span, Time};

/// How many decisions are kept.
const LOG_MAX: usize = 64;
/// What is measured is rounded to so many parts of one, so that what is shown is what counted.
const GRAIN: f64 = 1e4;

/// The areas of what is measured, at one instant.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    at: Time,
    busy: u128,
    capacity: u128,
    waiting: u128,
    up: u128,
}

/// What a decision came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// There are as many as there are to be.
    Stay,
    /// What was measured is within the tolerance of its target.
    Close,
    /// There was nothing to measure: no server was up.
    Blind,
    /// Fewer were measured than there are to be, and until the others serve none is taken out.
    Incomplete,
    /// Servers were added or taken out too short a time ago.
    Cooling {
        /// Until when it waits.
        until: Time,
    },
    /// So many servers were started, or taken back while they drained.
    Out(u8),
    /// So many servers were taken out.
    In(u8),
}

/// One decision of the controller, with everything it was made from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// When.
    pub at: Time,
    /// What was measured: a share of 1, or requests waiting for each server; rounded to 0.0001.
    pub measured: f64,
    /// What it is to be.
    pub target: f64,
    /// Which of the two it is.
    pub metric: Metric,
    /// Servers that were up: those measured.
    pub up: u8,
    /// Servers that were starting.
    pub starting: u8,
    /// Dead servers that had not been noticed.
    pub dead: u8,
    /// What the formula asks for.
    pub wanted: u32,
    /// The same within the limits.
    pub allowed: u8,
    /// What was done.
    pub action: Action,
}

impl Group {
    /// Sees to it that the controller looks again.
    pub(super) fn wake<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        if self.looking || self.down {
            return;
        }
        let (now, every) = (cx.now(), self.config.interval().ns());
        let last = Time::from_ns(now.ns() / every * every);
        if last > self.mark.at {
            // Nothing has changed since: only the servers that were up have gone on being so.
            let span = u128::from(now.since(last).ns());
            let mut mark = self.areas(now);
            mark.at = last;
            mark.capacity -= span * u128::from(self.capacity.value());
            mark.up -= span * u128::from(self.up.value());
            self.mark = mark;
        }
        self.look_later(cx);
    }

    /// The next look is at the next multiple of the interval.
    pub(super) fn look_later<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        let (now, every) = (cx.now().ns(), self.config.interval().ns());
        self.turn = self.turn.wrapping_add(1);
        self.looking = true;
        cx.wake_in(Span::from_ns(every - now % every), LOOK, self.turn);
    }

    pub(super) fn stop_looking(&mut self) {
        self.turn = self.turn.wrapping_add(1);
        self.looking = false;
    }

    /// The controller measures and decides.
    pub(super) fn look<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        let decision = self.decide(cx.now());
        self.decision = Some(decision);
        if let Action::Out(_) | Action::In(_) = decision.action {
            let added = matches!(decision.action, Action::Out(_));
            self.cooling.changed(cx.now(), added);
            match added {
                true => self.counts.scaled_out += 1,
                false => self.counts.scaled_in += 1,
            }
            self.desired = decision.allowed;
            self.meet(cx);
            self.log.push_back(decision);
            if self.log.len() > LOG_MAX {
                self.log.pop_front();
            }
        }
        self.mark = self.areas(cx.now());
        match self.is_settled(&decision) {
            true => self.stop_looking(),
            false => self.look_later(cx),
        }
    }

    fn decide(&self, now: Time) -> Decision {
        let Mark { busy, capacity, waiting, up, .. } = self.areas(now);
        let share = |part: u128, whole: u128| part as f64 / whole as f64;
        let (metric, target) = (self.config.metric, self.config.target());
        let measured = match metric {
            _ if up == self.mark.up => None,
            Metric::Utilisation => {
                Some(share(busy - self.mark.busy, capacity - self.mark.capacity))
            }
            Metric::QueueDepth => Some(share(waiting - self.mark.waiting, up - self.mark.up)),
        };
        let measured = measured.map(|value| (value * GRAIN).round() / GRAIN);
        let current = self.of(|life| life == Life::Up);
        let desired = self.desired;
        let value = measured.unwrap_or(0.0);
        let tolerance = self.config.tolerance / 100.0;
        let wanted = wanted(current, value, target, tolerance);
        let fewest = u32::from(self.config.fewest());
        let allowed = wanted.clamp(fewest, u32::from(self.config.max)) as u8;
        let cooldown = |ms: f64| Span::from_millis_f64(ms);
        let cools = match allowed > desired {
            true => self.cooling.until(now, true, cooldown(self.config.out_cooldown_ms)),
            false => self.cooling.until(now, false, cooldown(self.config.in_cooldown_ms)),
        };
        let action = match (measured, cools) {
            (None, _) => Action::Blind,
            _ if current == 0 => Action::Blind,
            (Some(value), _) if (value / target - 1.0).abs() <= tolerance => Action::Close,
            _ if allowed == desired => Action::Stay,
            // As AWS blocks scaling in while servers warm up: those measured do the others' work.
            _ if allowed < desired && current < desired => Action::Incomplete,
            (_, Some(until)) => Action::Cooling { until },
            _ if allowed > desired => Action::Out(allowed - desired),
            _ => Action::In(desired - allowed),
        };
        Decision {
            at: now,
            measured: value,
            target,
            metric,
            up: current,
            starting: self.of(|life| matches!(life, Life::Starting { .. })),
            dead: self.of(|life| life == Life::Dead),
            wanted,
            allowed,
            action,
        }
    }

    /// Would a look change nothing, now and until something happens?
    fn is_settled(&self, last: &Decision) -> bool {
        let quiet = |member: &super::Member| member.life == Life::Up && member.in_hand() == 0;
        // Within a tolerance of all of the target, not even nothing to do is far enough from it.
        let close = last.measured == 0.0 && matches!(last.action, Action::Close);
        let stays = close || self.desired == self.config.fewest();
        stays && self.places.iter().flatten().all(quiet)
    }

    pub(super) fn areas(&self, now: Time) -> Mark {
        Mark {
            at: now,
            busy: self.busy.area(now),
            capacity: self.capacity.area(now),
            waiting: self.waiting.area(now),
            up: self.up.area(now),
        }
    }
}
