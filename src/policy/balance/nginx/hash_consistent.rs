//! nginx's `hash $key consistent`: the ring that moves few keys when servers come and go.
//!
//! The key's CRC-32 finds the next point on the ring ([`KetamaRing`]); the point names a server.
//! If nobody of that name can be chosen, the next point is looked at; after more than twenty
//! points, or without a key, round robin. Several servers of one name share its points, and a
//! step of smooth weighted round robin chooses among them.
//!
//! nginx builds a ring of any size; here a list that wants more than a million points has its
//! weights scaled down to a sum of 1024.

use std::sync::Arc;

use super::peers::{Group, Peers, TIRED, TRIES_MAX};
use super::ring::KetamaRing;
use super::{Entry, KNOBS, Method, Nginx, Turn};
use crate::policy::balance::Backend;
use crate::policy::hash::crc::crc32;
use crate::sim::{Line, Why};

/// `hash ... consistent`.
#[derive(Clone, Debug, Default)]
pub struct HashConsistent {
    /// Big and rarely changed: clones share it.
    ring: Arc<KetamaRing>,
    /// Names and weights the ring was built from.
    built: Vec<(Arc<str>, i64)>,
    /// By place, the first place with the same name.
    namesake: Vec<usize>,
    /// By that first place, one past the last with the same name.
    ends: Vec<usize>,
    /// Must the ring be built again before it is used?
    stale: bool,
}

/// What weights that are too large for a ring are scaled to.
const SCALED: u64 = 1024;

impl HashConsistent {
    fn build(&mut self, backends: &[Backend]) {
        self.stale = false;
        self.namesake.clear();
        self.ends.clear();
        for (place, backend) in backends.iter().enumerate() {
            let same = |other: &Backend| other.name == backend.name;
            let first = backends.iter().position(same).unwrap_or(place);
            self.namesake.push(first);
            self.ends.push(place + 1);
            self.ends[first] = place + 1;
        }
        let weight = |backend: &Backend| u64::try_from(backend.weight).unwrap_or(0);
        let total = backends.iter().map(weight).fold(0, u64::saturating_add);
        let servers = |scaled: bool| -> Vec<(&str, u64)> {
            let share = |backend: &Backend| match (scaled, weight(backend)) {
                (true, weight @ 1..) => {
                    let part = u128::from(weight) * u128::from(SCALED) / u128::from(total);
                    (part as u64).max(1)
                }
                (_, weight) => weight,
            };
            backends.iter().map(|backend| (&*backend.name, share(backend))).collect()
        };
        let ring = KetamaRing::new(&servers(false)).or_else(|_| KetamaRing::new(&servers(true)));
        self.ring = Arc::new(ring.unwrap_or_default());
    }

    fn is_current(&self, backends: &[Backend]) -> bool {
        let same = |(backend, (name, weight)): (&Backend, &(Arc<str>, i64))| {
            backend.name == *name && backend.weight == *weight
        };
        backends.len() == self.built.len() && backends.iter().zip(&self.built).all(same)
    }
}

impl Method for HashConsistent {
    const READS_KEY: bool = true;
    const BY_RUNNING_WEIGHT: bool = false;

    fn pick(&mut self, peers: &mut Peers, turn: &mut Turn) -> Option<usize> {
        let Turn { ask, backends, why, .. } = turn;
        let key = ask.key.unwrap_or_default();
        if self.stale {
            self.build(backends);
        }
        if backends.len() < 2 || key.is_empty() || self.ring.points().is_empty() {
            return peers.fall_back("There is no key, so round robin: ", ask, backends, why);
        }
        let start = self.ring.find(key);
        let (mut point, mut tries, mut behind) = (start, 0, ask.tried);
        while tries <= TRIES_MAX {
            let server = self.ring.server(point)?;
            if let [first, rest @ ..] = behind
                && self.namesake.get(*first) == Some(&server)
            {
                // A retry goes on at the point that led to the server tried last.
                behind = rest;
                continue;
            }
            let open = |peers: &Peers, place: usize| {
                self.namesake[place] == server && peers.open(ask, place, &backends[place])
            };
            let places = server..self.ends[server];
            if behind.is_empty() && places.clone().any(|place| open(peers, place)) {
                peers.rows(Group::All, ask, backends, why);
                let chosen = peers.smooth(places, open, why)?;
                peers.taken(chosen, ask.now);
                if why.wanted() {
                    self.explain([start, point], chosen, turn);
                }
                return Some(chosen);
            }
            point += 1;
            tries += 1;
        }
        if why.wanted() {
            peers.rows(Group::All, ask, backends, why);
            self.rows([start, point], backends, why);
        }
        peers.fall_back(TIRED, ask, backends, why)
    }

    fn check(&self, backends: &[Backend]) -> Result<(), String> {
        match self.is_current(backends) {
            true => Ok(()),
            false => Err(format!("the ring is for {:?}", self.built)),
        }
    }

    fn listed(&mut self, backends: &[Backend]) {
        if !self.is_current(backends) {
            self.stale = true;
            self.built.clear();
            let entry = |backend: &Backend| (backend.name.clone(), backend.weight);
            self.built.extend(backends.iter().map(entry));
        }
    }
}

impl HashConsistent {
    /// Instead of a row per server, one per point from the first to before the second: what keeps
    /// its server from being chosen.
    fn rows(&self, [first, end]: [usize; 2], backends: &[Backend], why: &mut Why) {
        let (all, obstacles) = (self.ring.points(), std::mem::take(&mut why.lines));
        for place in first..end {
            let (position, server) = all[place % all.len()];
            let server = server as usize;
            why.lines.push(Line {
                subject: backends[server].name.to_string(),
                numbers: format!("point {position}; {}", obstacles[server].numbers),
                chosen: false,
            });
        }
    }

    /// A row per point that was looked at, and where the key falls.
    fn explain(&self, points: [usize; 2], chosen: usize, turn: &mut Turn) {
        let Turn { ask, backends, why, .. } = turn;
        let all = self.ring.points();
        self.rows(points, backends, why);
        why.lines.push(Line {
            subject: backends[chosen].name.to_string(),
            numbers: format!("point {}", all[points[1] % all.len()].0),
            chosen: true,
        });
        let key = ask.key.unwrap_or_default();
        let (shown, hash) = (String::from_utf8_lossy(key), crc32(key));
        let position = all[points[1] % all.len()].0;
        why.sentence = format!(
            "CRC-32 of {shown:?} is {hash}; the next point on the ring whose server can be \
             chosen is {position}, of {}.",
            backends[chosen].name
        );
    }
}

pub(super) const ENTRY: Entry = Entry {
    key: "nginx_hash_consistent",
    wire: 14,
    name: "nginx: hash consistent",
    whose: "nginx 1.22, open source, one worker; the same ring as pingora's",
    rule: "The key's CRC-32 finds the next of 160 points per weight on a ring; \
           the next point again while the server cannot be chosen.",
    cost: "O(log points) time; 8 bytes per point, 160 points per unit of weight, made and sorted \
           anew when a server joins, leaves or has another weight",
    when: "Servers cache by key and come and go: one of n servers leaving moves one key in n.",
    when_not: "Shares must be exact: 160 points leave some 8 % of difference between servers.",
    source: "nginx documentation, ngx_http_upstream_module, hash ... consistent",
    knobs: KNOBS,
    make: Nginx::<HashConsistent>::make,
};
