//! nginx's upstream balancers, as in the open-source version 1.22 with one worker process.
//!
//! All of them share what nginx keeps about a server ([`Peers`]): its running and effective weight,
//! its failures, and when it was last tried. Each is a [`Method`] on top of that.
//!
//! Modelled: `weight`, `max_fails`, `fail_timeout` on a clock of whole seconds, `max_conns`,
//! `backup`, `down` (our unhealthy), the list of servers already tried for a request, and the
//! rule that a lone server is never marked as failed. Not modelled: several workers (each would
//! have a state of its own), `zone`, `keepalive`, `slow_start`. A weight below 1, which nginx
//! refuses to start with, gets nothing here.
//!
//! Source: the nginx documentation of `ngx_http_upstream_module` and the behaviour of its 1.22
//! sources; checked against recordings of nginx 1.22.1.

mod hash;
mod hash_consistent;
mod ip_hash;
mod least_conn;
mod peers;
mod random;
mod ring;
mod round_robin;

pub use hash::Hash;
pub use hash_consistent::HashConsistent;
pub use ip_hash::IpHash;
pub use least_conn::LeastConn;
pub use peers::{Limits, Peers};
pub use random::{Random, RandomTwo};
pub use ring::KetamaRing;
pub use round_robin::RoundRobin;

use super::{Answer, Ask, Backend, Balancer, Entry, Memory, Pick};
use crate::policy::{Knob, Knobs};
use crate::sim::{Rng, Time, Why};

/// What every method is handed for one choice.
#[derive(Debug)]
pub struct Turn<'a> {
    /// The request.
    pub ask: &'a Ask<'a>,
    /// The list.
    pub backends: &'a [Backend],
    /// Random bits.
    pub rng: &'a mut Rng,
    /// The reasons.
    pub why: &'a mut Why,
}

/// One of nginx's ways to choose.
pub trait Method: Clone + std::fmt::Debug {
    /// Does it look at the key of a request?
    const READS_KEY: bool;
    /// Are the running weights what it chooses by?
    const BY_RUNNING_WEIGHT: bool;

    /// The place of the server for this request, or `None` for "no live upstreams".
    fn pick(&mut self, peers: &mut Peers, turn: &mut Turn) -> Option<usize>;

    /// The list, or somebody in it, changed.
    fn listed(&mut self, _backends: &[Backend]) {}

    /// As in [`Balancer::check`].
    ///
    /// # Errors
    /// Says what does not agree with the list.
    fn check(&self, _backends: &[Backend]) -> Result<(), String> {
        Ok(())
    }
}

/// An nginx upstream with this method.
#[derive(Clone, Debug)]
pub struct Nginx<M> {
    peers: Peers,
    method: M,
}

impl<M: Method + Default> Nginx<M> {
    /// An upstream without servers. The n-th server that joins has the n-th of these limits;
    /// those after the last have `otherwise`.
    pub fn new(limits: Vec<Limits>, otherwise: Limits) -> Nginx<M> {
        Nginx { peers: Peers::new(limits, otherwise), method: M::default() }
    }

    /// As a strategy, with the same limits for all.
    fn make(knobs: &Knobs) -> Box<dyn Balancer>
    where
        M: 'static,
    {
        let otherwise = Limits {
            max_fails: knobs.count(&MAX_FAILS) as u32,
            fail_timeout_s: knobs.count(&FAIL_TIMEOUT) as u32,
        };
        Box::new(Nginx::<M>::new(Vec::new(), otherwise))
    }
}

impl<M: Method + 'static> Balancer for Nginx<M> {
    fn pick(&mut self, ask: &Ask, backends: &[Backend], rng: &mut Rng, why: &mut Why) -> Pick {
        let picked = self.method.pick(&mut self.peers, &mut Turn { ask, backends, rng, why });
        if picked.is_none() {
            why.say(|| "No live upstreams: none of the servers can take it (502).".to_owned());
        }
        picked.map_or(Pick::Nobody, Pick::Backend)
    }

    fn added(&mut self, backends: &[Backend]) {
        self.peers.added(backends);
        self.method.listed(backends);
    }

    fn removed(&mut self, place: usize, backends: &[Backend]) {
        self.peers.removed(place, backends);
        self.method.listed(backends);
    }

    fn changed(&mut self, place: usize, backends: &[Backend]) {
        self.peers.changed(place, backends);
        self.method.listed(backends);
    }

    fn answered(&mut self, place: usize, answer: &Answer, _: &[Backend]) {
        self.peers.answered(place, answer);
    }

    fn reads_key(&self) -> bool {
        M::READS_KEY
    }

    fn knows_limits(&self) -> bool {
        true
    }

    /// Backups only while nobody else is there.
    fn takes_waiting(&self, place: usize, backends: &[Backend]) -> bool {
        let usable = |backend: &Backend| backend.healthy && backend.weight > 0;
        let primary = || backends.iter().any(|backend| usable(backend) && !backend.backup);
        backends.get(place).is_some_and(|one| usable(one) && (!one.backup || !primary()))
    }

    fn memory(&self, _: &[Backend], _: Time) -> Memory {
        match M::BY_RUNNING_WEIGHT {
            true => Memory::Weights(self.peers.running()),
            false => Memory::Nothing,
        }
    }

    fn check(&self, backends: &[Backend]) -> Result<(), String> {
        self.peers.check(backends)?;
        self.method.check(backends)
    }
}

const MAX_FAILS: Knob = Knob {
    key: "max_fails",
    wire: 0,
    label: "Failures allowed",
    unit: "",
    help: "After so many failures a server is left out for the time below; 0 never leaves it out.",
    min: 0.0,
    max: 1_000_000.0,
    default: 1.0,
    whole: true,
};

const FAIL_TIMEOUT: Knob = Knob {
    key: "fail_timeout",
    wire: 1,
    label: "Time out after failures",
    unit: "s",
    help: "For how long a server is left out, and how old a failure may be to count.",
    min: 0.0,
    max: 86_400.0,
    default: 10.0,
    whole: true,
};

const KNOBS: &[Knob] = &[MAX_FAILS, FAIL_TIMEOUT];

const WHOSE: &str = "nginx 1.22, open source, one worker";

/// The entries of this family.
pub(super) const ROUND_ROBIN: Entry = round_robin::ENTRY;
pub(super) const LEAST_CONN: Entry = least_conn::ENTRY;
pub(super) const IP_HASH: Entry = ip_hash::ENTRY;
pub(super) const HASH: Entry = hash::ENTRY;
pub(super) const HASH_CONSISTENT: Entry = hash_consistent::ENTRY;
pub(super) const RANDOM: Entry = random::ENTRY;
pub(super) const RANDOM_TWO: Entry = random::ENTRY_TWO;

#[cfg(test)]
mod tests;
