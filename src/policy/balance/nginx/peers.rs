//! What nginx keeps about each server of an upstream, and the steps that its methods share.
//!
//! Who may be chosen: not tried yet for this request, not down, not out after failures
//! (`max_fails` reached, and not more than `fail_timeout` whole seconds since `checked`), not
//! full (`max_conns`). A failure costs `weight / max_fails` of the effective weight, whole numbers,
//! not below zero; each time the server is looked at again it gets one back. When a server that
//! has not been checked for longer than `fail_timeout` is chosen, `checked` becomes now: it
//! is let through once per `fail_timeout` until an answer after that clears its failures.
//!
//! Open-source nginx learns of another list of servers, or of other weights, only by a reload, and
//! workers begin knowing nothing. So all of this begins anew here, for every server, when one joins
//! or leaves or has another weight. What is in flight stays counted, and health, limits and names
//! are looked up in the list each time: their changes reset nothing.
//!
//! Source: nginx 1.22, ngx_http_upstream_round_robin.c; re-implemented from its rules.

use std::fmt;
use std::ops::Range;

use super::super::smooth_weighted::sum;
use super::super::{Answer, Ask, Backend};
use crate::sim::{Line, Time, Why};

/// When a server is given up for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// So many failures, 0 for never.
    pub max_fails: u32,
    /// For so many seconds.
    pub fail_timeout_s: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { max_fails: 1, fail_timeout_s: 10 }
    }
}

/// Greater weights count as this one, so that no sum of them overflows.
const WEIGHT_MAX: i64 = 1_000_000_000;

/// nginx's clock began in 1970: what never happened is longer ago than any time-out.
const LONG_AGO: i64 = -1_000_000_000;

/// The methods that try one server after another fall back to round robin when they have failed
/// more often than this.
pub(super) const TRIES_MAX: u32 = 20;

/// How they say so.
pub(super) const TIRED: &str = "21 tries found nobody, so round robin: ";

#[derive(Clone, Debug)]
struct Peer {
    limits: Limits,
    weight: i64,
    effective: i64,
    running: i64,
    fails: u32,
    /// The second of the last failure.
    accessed: i64,
    /// The second from which it is left out, or in which it was let through on trial.
    checked: i64,
}

impl Peer {
    fn new(limits: Limits, backend: &Backend) -> Peer {
        let weight = backend.weight.clamp(0, WEIGHT_MAX);
        let (accessed, checked) = (LONG_AGO, LONG_AGO);
        Peer { limits, weight, effective: weight, running: 0, fails: 0, accessed, checked }
    }

    /// The sum that the next step of smooth weighted round robin will make.
    #[cold]
    fn explain(&self, row: &mut String) {
        let Peer { running, effective, weight, .. } = *self;
        row.push_str(if row.is_empty() { "" } else { "; " });
        row.push_str(&sum(running, effective));
        if effective < weight {
            row.push_str(&format!(" (weight {weight} lowered to {effective})"));
        }
    }

    /// Did it fail too often, too lately?
    fn is_out(&self, now: Time) -> bool {
        let max = self.limits.max_fails;
        max > 0 && self.fails >= max && !self.out_of_time(second(now))
    }

    fn out_of_time(&self, now: i64) -> bool {
        now - self.checked > i64::from(self.limits.fail_timeout_s)
    }
}

/// The servers of one upstream.
#[derive(Clone, Debug)]
pub struct Peers {
    peers: Vec<Peer>,
    /// Limits by the order of joining.
    limits: Vec<Limits>,
    otherwise: Limits,
    joined: usize,
    total_weight: i64,
}

/// Why a server cannot be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    Tried,
    Down,
    Weightless,
    Failed { fails: u32, max: u32, until: i64 },
    Full { in_flight: u32, max: u32 },
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Obstacle::Tried => f.write_str("already tried for this request"),
            Obstacle::Down => f.write_str("unhealthy: skipped"),
            Obstacle::Weightless => f.write_str("weight below 1: gets nothing"),
            Obstacle::Failed { fails, max, until } => {
                write!(f, "{fails} of {max} failures: out through second {until}")
            }
            Obstacle::Full { in_flight, max } => write!(f, "{in_flight} of {max} in flight: full"),
        }
    }
}

/// Which servers a round robin is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// All of them: methods that know no backups.
    All,
    Primary,
    Backup,
}

impl Group {
    /// The groups to be looked through, in order. A request that went to a backup stays there.
    pub(super) fn order(ask: &Ask, backends: &[Backend]) -> &'static [Group] {
        let is_backup = |place: &usize| backends.get(*place).is_some_and(|b| b.backup);
        match ask.tried.iter().any(is_backup) {
            true => &[Group::Backup],
            false => &[Group::Primary, Group::Backup],
        }
    }

    pub(super) fn has(self, backend: &Backend) -> bool {
        match self {
            Group::All => true,
            Group::Primary => !backend.backup,
            Group::Backup => backend.backup,
        }
    }
}

/// nginx's clock: whole seconds.
pub(super) fn second(now: Time) -> i64 {
    (now.ns() / 1_000_000_000) as i64
}

// ===== keeping up with the list =====

impl Peers {
    pub(super) fn new(limits: Vec<Limits>, otherwise: Limits) -> Peers {
        Peers { peers: Vec::new(), limits, otherwise, joined: 0, total_weight: 0 }
    }

    pub(super) fn added(&mut self, backends: &[Backend]) {
        let Some(newcomer) = backends.last() else { return };
        let limits = self.limits.get(self.joined).copied().unwrap_or(self.otherwise);
        self.joined += 1;
        self.peers.push(Peer::new(limits, newcomer));
        self.reload(backends);
    }

    pub(super) fn removed(&mut self, place: usize, backends: &[Backend]) {
        self.peers.remove(place);
        self.reload(backends);
    }

    pub(super) fn changed(&mut self, place: usize, backends: &[Backend]) {
        if self.peers[place].weight != backends[place].weight.clamp(0, WEIGHT_MAX) {
            self.reload(backends);
        }
    }

    /// All begin anew.
    fn reload(&mut self, backends: &[Backend]) {
        for (peer, backend) in self.peers.iter_mut().zip(backends) {
            *peer = Peer::new(peer.limits, backend);
        }
        self.total_weight = self.peers.iter().map(|peer| peer.weight).sum();
    }

    /// The accounts after a request has come back.
    pub(super) fn answered(&mut self, place: usize, answer: &Answer) {
        let lone = self.peers.len() == 1;
        let peer = &mut self.peers[place];
        if lone {
            peer.fails = 0;
        } else if answer.ok {
            if peer.accessed < peer.checked {
                peer.fails = 0;
            }
        } else {
            peer.fails = peer.fails.saturating_add(1);
            peer.accessed = second(answer.now);
            peer.checked = peer.accessed;
            if let Some(part) = peer.weight.checked_div(i64::from(peer.limits.max_fails)) {
                peer.effective = (peer.effective - part).max(0);
            }
        }
    }

    pub(super) fn check(&self, backends: &[Backend]) -> Result<(), String> {
        if self.peers.len() != backends.len() {
            return Err(format!("{} peers for {} servers", self.peers.len(), backends.len()));
        }
        for (peer, backend) in self.peers.iter().zip(backends) {
            let weight = backend.weight.clamp(0, WEIGHT_MAX);
            if peer.weight != weight || !(0..=weight).contains(&peer.effective) {
                return Err(format!("{peer:?} for weight {}", backend.weight));
            }
        }
        Ok(())
    }
}

// ===== looking =====

impl Peers {
    /// One running weight per server, in list order.
    pub(super) fn running(&self) -> Vec<i64> {
        self.peers.iter().map(|peer| peer.running).collect()
    }

    pub(super) fn total_weight(&self) -> u64 {
        self.total_weight.unsigned_abs()
    }

    pub(super) fn weight(&self, place: usize) -> u64 {
        self.peers[place].weight.unsigned_abs()
    }

    /// Whose part of the weights, laid end to end, `offset` falls on; it is below their sum.
    pub(super) fn at_weight(&self, offset: u64) -> usize {
        let mut left = offset;
        for (place, peer) in self.peers.iter().enumerate() {
            let weight = peer.weight.unsigned_abs();
            if left < weight {
                return place;
            }
            left -= weight;
        }
        self.peers.len().saturating_sub(1)
    }

    /// The first and the last number of that part.
    fn part(&self, place: usize) -> (i64, i64) {
        let first: i64 = self.peers[..place].iter().map(|peer| peer.weight).sum();
        (first, first + self.peers[place].weight - 1)
    }

    /// Can the server at `place` be chosen? The same as no [`Peers::obstacle`], and faster.
    #[inline]
    pub(super) fn open(&self, ask: &Ask, place: usize, backend: &Backend) -> bool {
        let peer = &self.peers[place];
        backend.healthy
            && peer.weight > 0
            && (backend.in_flight_max == 0 || backend.in_flight < backend.in_flight_max)
            && (peer.fails == 0 || !peer.is_out(ask.now))
            && (ask.tried.is_empty() || !ask.tried.contains(&place))
    }

    /// What keeps the server at `place` from being chosen.
    pub(super) fn obstacle(&self, ask: &Ask, place: usize, backend: &Backend) -> Option<Obstacle> {
        let peer = &self.peers[place];
        if ask.tried.contains(&place) {
            Some(Obstacle::Tried)
        } else if !backend.healthy {
            Some(Obstacle::Down)
        } else if peer.weight == 0 {
            Some(Obstacle::Weightless)
        } else if peer.is_out(ask.now) {
            let Limits { max_fails: max, fail_timeout_s } = peer.limits;
            let until = peer.checked + i64::from(fail_timeout_s);
            Some(Obstacle::Failed { fails: peer.fails, max, until })
        } else {
            full(backend)
        }
    }

    /// The same for a server that is alone: its failures do not count.
    fn obstacle_alone(ask: &Ask, backend: &Backend) -> Option<Obstacle> {
        match backend {
            _ if ask.tried.contains(&0) => Some(Obstacle::Tried),
            Backend { healthy: false, .. } => Some(Obstacle::Down),
            Backend { weight: ..=0, .. } => Some(Obstacle::Weightless),
            _ => full(backend),
        }
    }
}

fn full(backend: &Backend) -> Option<Obstacle> {
    let Backend { in_flight, in_flight_max: max, .. } = *backend;
    (max > 0 && in_flight >= max).then_some(Obstacle::Full { in_flight, max })
}

// ===== choosing =====

impl Peers {
    /// Smooth weighted round robin over those of `groups` that can be chosen, group by group.
    pub(super) fn round_robin(
        &mut self,
        groups: &[Group],
        ask: &Ask,
        backends: &[Backend],
        why: &mut Why,
    ) -> Option<usize> {
        if let [only] = backends {
            return self.alone(ask, only, why);
        }
        for &group in groups {
            self.rows(group, ask, backends, why);
            let open = |peers: &Peers, place: usize| {
                let backend = &backends[place];
                group.has(backend) && peers.open(ask, place, backend)
            };
            if let Some(best) = self.smooth(0..self.peers.len(), open, why) {
                self.taken(best, ask.now);
                return Some(best);
            }
        }
        None
    }

    fn alone(&self, ask: &Ask, only: &Backend, why: &mut Why) -> Option<usize> {
        let obstacle = Peers::obstacle_alone(ask, only);
        why.line(|| Line {
            subject: only.name.to_string(),
            numbers: obstacle.map_or_else(|| "the only server".to_owned(), |o| o.to_string()),
            chosen: obstacle.is_none(),
        });
        why.say(|| "There is only one server, and failures do not count then.".to_owned());
        obstacle.is_none().then_some(0)
    }

    /// A row for everybody, in list order: what keeps it out, or nothing yet.
    pub(super) fn rows(&self, group: Group, ask: &Ask, backends: &[Backend], why: &mut Why) {
        if !why.wanted() {
            return;
        }
        why.lines.clear();
        for (place, backend) in backends.iter().enumerate() {
            let obstacle = self.obstacle(ask, place, backend).map(|o| o.to_string());
            debug_assert_eq!(self.open(ask, place, backend), obstacle.is_none());
            let waits = (!group.has(backend)).then(|| "not in this group".to_owned());
            let numbers = obstacle.or(waits).unwrap_or_default();
            let subject = backend.name.to_string();
            why.lines.push(Line { subject, numbers, chosen: false });
        }
    }

    /// The same over everybody, as the last resort of a method that knows no backups. The rows of
    /// what it tried stay, before those of the round robin.
    pub(super) fn fall_back(
        &mut self,
        because: &str,
        ask: &Ask,
        backends: &[Backend],
        why: &mut Why,
    ) -> Option<usize> {
        let tries = std::mem::take(&mut why.lines);
        let chosen = self.round_robin(&[Group::All], ask, backends, why);
        why.lines.splice(0..0, tries);
        if why.wanted() && backends.len() > 1 {
            why.sentence.insert_str(0, because);
        }
        chosen
    }

    /// One step of smooth weighted round robin over those of `places` for which `among` holds.
    /// Expects a row for every place in `why`.
    pub(super) fn smooth(
        &mut self,
        places: Range<usize>,
        among: impl Fn(&Peers, usize) -> bool,
        why: &mut Why,
    ) -> Option<usize> {
        // The best so far: its place, and its running weight with this step's share.
        let (mut best, mut total) = (None::<(usize, i64)>, 0);
        for place in places {
            if !among(self, place) {
                continue;
            }
            let peer = &mut self.peers[place];
            if why.wanted() {
                peer.explain(&mut why.lines[place].numbers);
            }
            peer.running += peer.effective;
            total += peer.effective;
            peer.effective += i64::from(peer.effective < peer.weight);
            if best.is_none_or(|(_, largest)| peer.running > largest) {
                best = Some((place, peer.running));
            }
        }
        let (best, before) = best?;
        self.peers[best].running -= total;
        if why.wanted() {
            why.lines[best].chosen = true;
            why.sentence = format!(
                "{} has the largest running weight and pays the sum of the weights: {}.",
                why.lines[best].subject,
                sum(before, -total)
            );
        }
        Some(best)
    }

    /// The server at `place` was chosen.
    pub(super) fn taken(&mut self, place: usize, now: Time) {
        let (peer, now) = (&mut self.peers[place], second(now));
        if peer.out_of_time(now) {
            peer.checked = now;
        }
    }

    /// Looks at one server after another until one can be chosen; after too many, round robin.
    ///
    /// `step` gives a number whose remainder by the sum of weights says whose part it falls on,
    /// and, if asked to, how it came about. With `replay` the same numbers come again for a retry,
    /// and those that led to the servers already tried cost no try, as in nginx, which goes on
    /// where it stopped.
    pub(super) fn walk(
        &mut self,
        replay: bool,
        ask: &Ask,
        backends: &[Backend],
        why: &mut Why,
        mut step: impl FnMut(bool) -> (u64, String),
    ) -> Option<usize> {
        let (total, mut behind) = (self.total_weight(), if replay { ask.tried } else { &[] });
        let mut tries = 0;
        while total > 0 && tries <= TRIES_MAX {
            let (value, how) = step(why.wanted());
            let place = self.at_weight(value % total);
            if let [first, rest @ ..] = behind
                && *first == place
            {
                behind = rest;
                continue;
            }
            let obstacle = self.obstacle(ask, place, &backends[place]);
            let chosen = obstacle.is_none() && behind.is_empty();
            why.line(|| Line {
                subject: backends[place].name.to_string(),
                numbers: {
                    let obstacle = obstacle.map_or(String::new(), |o| format!(": {o}"));
                    let (first, last) = self.part(place);
                    let rest = value % total;
                    format!("{how}{value} mod {total} = {rest}, in {first} to {last}{obstacle}")
                },
                chosen,
            });
            if chosen {
                self.taken(place, ask.now);
                return Some(place);
            }
            tries += 1;
        }
        self.fall_back(if total > 0 { TIRED } else { "" }, ask, backends, why)
    }
}
