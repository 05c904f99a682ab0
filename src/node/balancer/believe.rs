//! What a balancer believes about its servers, and what that cost.
//!
//! As in the course it reads the mark on a server and whether it runs, at once: an oracle.
//! Otherwise nobody tells it that a server died. It finds out by checks of its own (`check`,
//! [`crate::policy::health`]), or from the requests it sends: as nginx counts failures, or as
//! Envoy's outlier detection does. A server that joins is taken to be up. From the death of a
//! server until the balancer stops using it is a window of detection; it is kept, with the requests
//! sent to the dead server in it. For that, and for nothing else, the truth is looked at.
//!
//! Draining is an order and not news: it is obeyed at once in every mode.

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::guarded;
use super::health::{Health, HealthConfig};
use super::{Balancer, INTERVAL, REVIEW};
use crate::policy::balance::envoy::outlier::{Outlier, Reply};
use crate::policy::health::{Checked, Passive};
use crate::sim::{Card, Context, LinkId, Outcome, Reason, Rng, Sink, Span, Time, Why};

/// How many windows of detection are kept.
const WINDOWS_MAX: usize = 64;
/// The share of its requests that a server gets when it starts slowly, at least. As in Envoy.
const LEAST_SHARE: f64 = 0.1;

/// From the death of a server until its balancer stopped using it.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    /// Which server.
    pub server: Arc<str>,
    /// When it died, or when the dead server was used again.
    pub from: Time,
    /// When the balancer stopped using it, or the server was back; nothing while it lasts.
    pub until: Option<Time>,
    /// Requests sent to it in between.
    pub lost: u64,
}

/// What a balancer keeps about one server.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub(super) link: LinkId,
    pub(super) checked: Checked,
    /// Checks: timers of earlier ones carry an older number.
    pub(super) round: u16,
    /// The check that is out.
    pub(super) open: Option<u32>,
    passive: Passive,
    /// What its card says: the order to drain, and for the course's way the rest.
    up: bool,
    marked: bool,
    draining: bool,
    /// May it be used, as far as the balancer knows?
    usable: bool,
    /// Since when it may be used again.
    back_at: Option<Time>,
    /// It is dead and used: since when, and how many requests it was sent.
    exposed: Option<(Time, u64)>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HealthCounts {
    /// Checks that went out.
    pub checks: u64,
    /// Checks that went badly.
    pub bad_checks: u64,
    /// Requests sent to a dead server.
    pub to_dead: u64,
}

/// What a balancer believes about all its servers, in list order.
#[derive(Clone, Debug)]
pub(super) struct Belief {
    pub(super) list: Vec<Watched>,
    outliers: Option<Outlier>,
    /// Timers of earlier settings carry an older number.
    epoch: u32,
    /// Are all used because too few are usable?
    panic: bool,
    /// Until then somebody starts slowly.
    returning_until: Time,
    pub(super) rng: Rng,
    pub(super) counts: HealthCounts,
    windows: VecDeque<Detection>,
    slow_start: Span,
}

impl Watched {
    fn new(link: LinkId, card: &Card, config: &HealthConfig) -> Watched {
        Watched {
            link,
            checked: Checked::new(config.rise, config.fall),
            round: 0,
            open: None,
            passive: Passive::default(),
            up: card.up,
            marked: card.healthy,
            draining: card.draining,
            usable: !card.draining && (config.how != Health::Mark || (card.up && card.healthy)),
            back_at: None,
            exposed: None,
        }
    }
}

impl Belief {
    pub(super) fn new(id: &str, seed: u64, config: &HealthConfig) -> Belief {
        Belief {
            list: Vec::new(),
            outliers: config.outlier(),
            epoch: 0,
            panic: false,
            returning_until: Time::ZERO,
            rng: Rng::stream(seed, id, "health"),
            counts: HealthCounts::default(),
            windows: VecDeque::new(),
            slow_start: Span::from_seconds_f64(config.slow_start_s),
        }
    }

    /// The balancer dies: no check of it is under way or due any more.
    pub(super) fn stop(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        for watched in &mut self.list {
            watched.round = watched.round.wrapping_add(1);
            watched.open = None;
        }
    }

    pub(super) fn removed(&mut self, place: usize) {
        self.list.remove(place);
        if let Some(outliers) = &mut self.outliers {
            outliers.removed(place);
        }
    }

    /// Does anybody start slowly just now?
    #[inline]
    pub(super) fn anybody_returns(&self, now: Time) -> bool {
        now < self.returning_until
    }

    /// Is the server at this place spared this time, because it starts slowly?
    pub(super) fn spares(&mut self, place: usize, now: Time) -> bool {
        let back_at = self.list.get(place).and_then(|watched| watched.back_at);
        let Some(since) = back_at.filter(|at| now.since(*at) < self.slow_start) else {
            return false;
        };
        let share = now.since(since).seconds() / self.slow_start.seconds();
        self.rng.unit() >= share.max(LEAST_SHARE)
    }

    fn end_window(&mut self, server: &Arc<str>, exposed: (Time, u64), now: Time) {
        let (from, lost) = exposed;
        if self.windows.len() == WINDOWS_MAX {
            self.windows.pop_front();
        }
        self.windows.push_back(Detection { server: server.clone(), from, until: Some(now), lost });
    }
}

impl Balancer {
    /// The windows of detection so far, oldest first; those that last come last.
    pub fn detections(&self) -> Vec<Detection> {
        let open = self.belief.list.iter().zip(&self.backends).filter_map(|(watched, backend)| {
            let (from, lost) = watched.exposed?;
            Some(Detection { server: backend.name.clone(), from, until: None, lost })
        });
        self.belief.windows.iter().cloned().chain(open).collect()
    }

    /// Checks, and requests sent to dead servers.
    pub fn health(&self) -> &HealthCounts {
        &self.belief.counts
    }

    /// Are all servers used because too few are usable?
    pub fn panics(&self) -> bool {
        self.belief.panic
    }

    /// What it believes about the server at this place, in a few words.
    pub fn believes(&self, place: usize, now: Time) -> String {
        let Some(watched) = self.belief.list.get(place) else { return String::new() };
        let config = &self.config.health;
        if watched.draining {
            return "draining".to_owned();
        }
        match config.how {
            Health::Mark if watched.usable => "healthy".to_owned(),
            Health::Mark => "unhealthy".to_owned(),
            Health::Checks => watched.checked.words(),
            Health::Passive => {
                let until = watched.passive.out_until(config.max_fails, config.fail_timeout(), now);
                match until {
                    Some(until) => format!("out until {until}"),
                    None => format!("{} of {} failures", watched.passive.fails(), config.max_fails),
                }
            }
            Health::Outliers => {
                match self.belief.outliers.as_ref().and_then(|outliers| outliers.ejection(place)) {
                    Some(ejection) => format!("out until {}", ejection.until),
                    None => "in".to_owned(),
                }
            }
        }
    }

    /// Adds what it believed to the reasons of a choice, where that is not what its list says.
    pub(super) fn tell_beliefs(&self, now: Time, why: &mut Why) {
        if self.config.health.how == Health::Mark && !self.belief.panic {
            return;
        }
        let mut said = Why::on();
        let all = self.backends.iter().enumerate();
        let words = all.map(|(place, b)| format!("{} {}", b.name, self.believes(place, now)));
        let words = words.collect::<Vec<String>>().join(", ");
        let percent = self.config.health.panic_percent;
        let usable = self.belief.list.iter().filter(|watched| watched.usable).count();
        said.say(|| match self.belief.panic {
            false => format!("It believes: {words}."),
            true => format!(
                "It believes: {words}. {usable} of {} are usable, which is below {percent} %: it \
                 uses all of them.",
                self.backends.len()
            ),
        });
        guarded::add("health", said, why);
    }

    // ===== coming, changing, beginning anew =====

    /// Is a server that joins used at once?
    pub(super) fn believe_newcomer(&self, card: &Card) -> bool {
        Watched::new(LinkId(0), card, &self.config.health).usable
    }

    /// A server has joined the list.
    pub(super) fn watch<S: Sink + ?Sized>(&mut self, link: LinkId, cx: &mut Context<'_, S>) {
        let watched = Watched::new(link, cx.peer(link), &self.config.health);
        self.belief.list.push(watched);
        if let Some(outliers) = &mut self.belief.outliers {
            outliers.added();
        }
        let place = self.belief.list.len() - 1;
        self.begin_checks(place, cx);
        if place == 0 && self.belief.outliers.is_some() {
            cx.wake_in(self.check_pause(), INTERVAL, self.belief.epoch);
        }
        self.settle(cx.now());
    }

    /// Everything it believed is forgotten.
    pub(super) fn believe_anew<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        let now = cx.now();
        self.belief.stop();
        for (watched, backend) in self.belief.list.iter().zip(&self.backends) {
            if let Some(exposed) = watched.exposed {
                let (from, lost) = exposed;
                let server = backend.name.clone();
                self.belief.windows.push_back(Detection { server, from, until: Some(now), lost });
            }
        }
        self.belief.slow_start = Span::from_seconds_f64(self.config.health.slow_start_s);
        self.belief.outliers = self.config.health.outlier();
        for place in 0..self.backends.len() {
            let old = &self.belief.list[place];
            let (link, round) = (old.link, old.round);
            let fresh = Watched::new(link, cx.peer(link), &self.config.health);
            self.belief.list[place] = Watched { round, ..fresh };
            if let Some(outliers) = &mut self.belief.outliers {
                outliers.added();
            }
            self.begin_checks(place, cx);
        }
        if self.belief.outliers.is_some() && !self.backends.is_empty() {
            cx.wake_in(self.check_pause(), INTERVAL, self.belief.epoch);
        }
        self.settle(now);
    }

    /// Something about a server changed: its name, weight, limits, an order to drain. Whether it
    /// runs, and its mark, are news only for a balancer that reads them.
    pub(super) fn card_changed<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        let now = cx.now();
        self.describe(place, cx);
        let card = cx.peer(self.backends[place].link);
        let watched = &mut self.belief.list[place];
        (watched.up, watched.marked, watched.draining) = (card.up, card.healthy, card.draining);
        let before = self.backends[place].healthy;
        self.settle(now);
        if self.backends[place].healthy == before {
            self.policy.changed(place, &self.backends);
        }
    }

    // ===== what requests say =====

    /// A request was sent to a server.
    #[inline]
    pub(super) fn believe_sent<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        let how = self.config.health.how;
        let watched = &mut self.belief.list[place];
        if let Some((_, lost)) = &mut watched.exposed {
            *lost += 1;
            self.belief.counts.to_dead += 1;
        }
        if how == Health::Passive {
            let timeout = self.config.health.fail_timeout();
            watched.passive.sent(cx.now(), timeout);
            self.look_at(place, cx);
        }
    }

    /// A request came back from a server, which answered it or did not.
    #[inline]
    pub(super) fn believe_answered<S: Sink + ?Sized>(
        &mut self,
        place: usize,
        (outcome, ok): (Outcome, bool),
        cx: &mut Context<'_, S>,
    ) {
        let now = cx.now();
        match self.config.health.how {
            Health::Mark | Health::Checks => {}
            Health::Passive => {
                self.belief.list[place].passive.answered(ok, now);
                self.look_at(place, cx);
            }
            Health::Outliers => {
                let Belief { outliers, rng, .. } = &mut self.belief;
                let reply = reply_of(outcome, ok);
                let out = outliers.as_mut().is_some_and(|outliers| {
                    outliers.answered(place, reply, now, rng, &mut Why::off())
                });
                if out {
                    self.settle(now);
                }
            }
        }
    }

    /// A server whose failures changed: it may be out, and then it may come back later.
    fn look_at<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        let (config, now) = (&self.config.health, cx.now());
        let watched = &self.belief.list[place];
        let until = watched.passive.out_until(config.max_fails, config.fail_timeout(), now);
        if let Some(until) = until {
            // It is out to the end of that instant.
            cx.wake_in(until.since(now) + Span::from_ns(1), REVIEW, 0);
        }
        let usable = until.is_none() && !watched.draining;
        if usable != watched.usable {
            self.settle(now);
        }
    }

    /// The time of a server that was left out may be over.
    pub(super) fn review<S: Sink + ?Sized>(&mut self, cx: &Context<'_, S>) {
        self.settle(cx.now());
    }

    /// Outlier detection: those whose time is over come back, and rates are compared.
    pub(super) fn look_at_all<S: Sink + ?Sized>(&mut self, epoch: u32, cx: &mut Context<'_, S>) {
        let Belief { outliers, rng, epoch: current, .. } = &mut self.belief;
        let Some(outliers) = outliers.as_mut().filter(|_| epoch == *current) else { return };
        outliers.interval(cx.now(), rng, &mut Why::off());
        cx.wake_in(self.check_pause(), INTERVAL, epoch);
        self.settle(cx.now());
    }

    // ===== what follows =====

    fn is_usable(&self, place: usize, now: Time) -> bool {
        let (watched, config) = (&self.belief.list[place], &self.config.health);
        !watched.draining
            && match config.how {
                Health::Mark => watched.up && watched.marked,
                Health::Checks => watched.checked.is_up(),
                Health::Passive => {
                    let timeout = config.fail_timeout();
                    watched.passive.out_until(config.max_fails, timeout, now).is_none()
                }
                Health::Outliers => {
                    let outliers = self.belief.outliers.as_ref();
                    outliers.is_none_or(|outliers| outliers.ejection(place).is_none())
                }
            }
    }

    /// Marks in the list who may be used, from what is believed now.
    pub(super) fn settle(&mut self, now: Time) {
        let slow_start = self.belief.slow_start;
        for place in 0..self.belief.list.len() {
            let usable = self.is_usable(place, now);
            let watched = &mut self.belief.list[place];
            if usable && !watched.usable && slow_start > Span::ZERO {
                watched.back_at = Some(now);
                self.belief.returning_until = now + slow_start;
            }
            watched.usable = usable;
        }
        let here = self.belief.list.iter().filter(|watched| !watched.draining).count();
        let usable = self.belief.list.iter().filter(|watched| watched.usable).count();
        self.belief.panic =
            (usable as f64) * 100.0 < self.config.health.panic_percent * here as f64;
        for place in 0..self.belief.list.len() {
            let watched = &mut self.belief.list[place];
            let healthy = watched.usable || (self.belief.panic && !watched.draining);
            let exposed = healthy && !watched.up;
            match (exposed, watched.exposed) {
                (true, None) => watched.exposed = Some((now, 0)),
                (false, Some(window)) => {
                    watched.exposed = None;
                    let name = self.backends[place].name.clone();
                    self.belief.end_window(&name, window, now);
                }
                (true, Some(_)) | (false, None) => {}
            }
            if self.backends[place].healthy != healthy {
                self.backends[place].healthy = healthy;
                self.policy.changed(place, &self.backends);
                self.line.stale = true;
            }
        }
    }
}

/// An answer as outlier detection sees it: the status that a server would have sent.
fn reply_of(outcome: Outcome, ok: bool) -> Reply {
    match outcome {
        Outcome::Failed(reason, _) => match reason {
            _ if !ok => Reply::GatewayFailure,
            Reason::QueueFull | Reason::MemoryFull | Reason::Shed | Reason::NoHealthyBackend => {
                Reply::GatewayFailure
            }
            Reason::BadRequest | Reason::RateLimited | Reason::NotAllowed => Reply::Fine,
            _ => Reply::Error,
        },
        Outcome::Done | Outcome::Pending => Reply::Fine,
    }
}
