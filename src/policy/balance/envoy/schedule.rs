//! What Envoy's round robin and least request share: nothing is scheduled while all weights are
//! equal; once two differ, an earliest-deadline-first schedule decides.
//!
//! Built anew over the healthy hosts at the first pick after a change; history is lost then, as in
//! Envoy. Source: Envoy `load_balancer_impl.cc`, `EdfLoadBalancerBase::refresh`.

use super::edf::{Due, Edf, Generation};
use super::{healthy, weight};
use crate::policy::Knob;
use crate::policy::balance::{Backend, Memory};
use crate::sim::{Line, Rng, Why};

/// The knob for the seed.
pub(super) const SEED: Knob = Knob {
    key: "seed",
    wire: 0,
    label: "Seed",
    unit: "",
    help: "Where the order begins. -1 is at random, as in Envoy, where it keeps many proxies from \
           beginning with the same host.",
    min: -1.0,
    max: 4_294_967_295.0,
    default: -1.0,
    whole: true,
};

/// The healthy hosts and, if their weights differ, their schedule.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    generation: Generation,
    /// Drawn at the first pick unless it was set.
    seed: Option<u64>,
    stale: bool,
    /// The places of the healthy, in list order.
    pub(super) hosts: Vec<usize>,
    /// Numbers in it are numbers in `hosts`.
    pub(super) edf: Option<Edf>,
}

impl Schedule {
    /// With no history; `seed` as the knob says.
    pub(super) fn new(generation: Generation, seed: f64) -> Schedule {
        let seed = (seed >= 0.0).then_some(seed as u64);
        Schedule { generation, seed, stale: true, hosts: Vec::new(), edf: None }
    }

    /// The list changed.
    pub(super) fn outdate(&mut self) {
        self.stale = true;
    }

    /// The seed, drawn if that was not done yet.
    pub(super) fn seed(&mut self, rng: &mut Rng) -> u64 {
        *self.seed.get_or_insert_with(|| rng.bits())
    }

    /// Builds what is out of date. `due` is the weight a host is scheduled by.
    #[inline]
    pub(super) fn refresh(
        &mut self,
        backends: &[Backend],
        rng: &mut Rng,
        due: impl Fn(&Backend) -> f64,
    ) {
        if !self.stale {
            return;
        }
        self.stale = false;
        let seed = self.seed(rng);
        healthy(backends, &mut self.hosts);
        let mut weights = self.hosts.iter().map(|&place| weight(&backends[place]));
        let first = weights.next();
        let equal = weights.all(|weight| Some(weight) == first);
        self.edf = (!equal).then(|| {
            let weights: Vec<f64> = self.hosts.iter().map(|&place| due(&backends[place])).collect();
            Edf::begin(self.generation, &weights, seed)
        });
    }

    /// Picks from the schedule. `None` when there is none, because the weights are equal.
    #[inline]
    pub(super) fn pick(
        &mut self,
        backends: &[Backend],
        why: &mut Why,
        due: impl Fn(&Backend) -> f64,
        numbers: impl Fn(&Backend) -> String,
    ) -> Option<usize> {
        let edf = self.edf.as_mut()?;
        let before = if why.wanted() { edf.due() } else { Vec::new() };
        let hosts = &self.hosts;
        let host = edf.pick(|host| due(&backends[hosts[host]]))?;
        let place = hosts[host];
        if why.wanted() {
            self.explain(&before, place, backends, why, (due, numbers));
        }
        Some(place)
    }

    /// Every host with its deadline, the earliest first.
    fn explain(
        &self,
        before: &[Due],
        chosen: usize,
        backends: &[Backend],
        why: &mut Why,
        (due, numbers): (impl Fn(&Backend) -> f64, impl Fn(&Backend) -> String),
    ) {
        for (rank, Due { deadline, host, .. }) in before.iter().enumerate() {
            let place = self.hosts[*host];
            why.line(|| Line {
                subject: backends[place].name.to_string(),
                numbers: format!("due at {deadline}, {}", numbers(&backends[place])),
                chosen: rank == 0,
            });
        }
        unhealthy(backends, why);
        let (Some(first), name) = (before.first(), &backends[chosen].name) else { return };
        let (now, weight) = (first.deadline, due(&backends[chosen]));
        let tie = match before.get(1) {
            Some(second) if second.deadline == now => " and has waited longest",
            _ => "",
        };
        let next = now + 1.0 / weight;
        why.say(|| {
            format!(
                "{name} is due first, at {now}{tie}. Its next time is {now} + 1 / {weight} = \
                 {next}."
            )
        });
    }

    /// The order in which hosts are due, if there is a schedule.
    pub(super) fn memory(&self) -> Option<Memory> {
        let edf = self.edf.as_ref()?;
        if self.stale {
            return None;
        }
        Some(Memory::Order(edf.due().iter().map(|due| self.hosts[due.host]).collect()))
    }

    /// Does it stand on the list as it is?
    ///
    /// # Errors
    /// Says what does not fit.
    pub(super) fn check(&self, backends: &[Backend]) -> Result<(), String> {
        let mut now = Vec::new();
        healthy(backends, &mut now);
        match self.stale || now == self.hosts {
            true => Ok(()),
            false => Err(format!("scheduled {:?}, healthy {now:?}", self.hosts)),
        }
    }
}

/// A row for everybody who is not healthy.
pub(super) fn unhealthy(backends: &[Backend], why: &mut Why) {
    for backend in backends.iter().filter(|backend| !backend.healthy) {
        why.line(|| Line {
            subject: backend.name.to_string(),
            numbers: "unhealthy: left out".to_owned(),
            chosen: false,
        });
    }
}

/// The sentence when there is nobody.
pub(super) fn nobody(backends: &[Backend], why: &mut Why) {
    unhealthy(backends, why);
    why.say(|| format!("None of the {} servers is healthy.", backends.len()));
}
