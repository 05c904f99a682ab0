//! A load balancer: asks its strategy which backend gets the request, and passes it on.
//!
//! Modelled: one list of backends in the order in which they were wired, counts of requests in
//! flight per backend, health as in the course: a mark on the server that the balancer reads at
//! once, also when a server crashes. Not modelled here: health checks and the time they need.

use std::net::{IpAddr, Ipv4Addr};

use super::param::{Choice, Param, Range, Spec, Value, number};
use super::tuning::Tuning;
use crate::policy::Knob;
use crate::policy::balance::{self, Answer, Ask, Backend, Memory, Pick};
use crate::sim::{
    Context, Event, LinkId, Outcome, Place, Reason, Request, Rng, Signal, Sink, Time, What, Why,
};
use crate::stats::Meter;

/// What can be set on a balancer.
#[derive(Clone, Debug)]
pub struct BalancerConfig {
    /// The strategy, from the catalogue.
    pub strategy: &'static str,
    /// The strategies' own settings.
    pub tuning: Tuning,
}

impl BalancerConfig {
    /// The catalogue entry of the strategy.
    pub fn entry(&self) -> &'static balance::Entry {
        balance::find(self.strategy).unwrap_or(balance::CATALOGUE[0])
    }

    /// What can be set on the strategy.
    pub(super) fn knobs(&self) -> &'static [Knob] {
        self.entry().knobs
    }

    pub(super) fn knob(&self, key: &str) -> Option<Value> {
        let knob = self.knobs().iter().find(|knob| knob.key == key)?;
        Some(Value::Number(self.tuning.of(self.strategy).get(knob)))
    }

    pub(super) fn set_knob(&mut self, key: &str, value: Value) {
        self.tuning.set(self.strategy, self.knobs(), key, number(value));
    }
}

impl PartialEq for BalancerConfig {
    fn eq(&self, other: &BalancerConfig) -> bool {
        let set = |c: &BalancerConfig, knob: &Knob| c.tuning.of(c.strategy).get(knob);
        self.strategy == other.strategy
            && self.knobs().iter().all(|knob| set(self, knob) == set(other, knob))
    }
}

impl Default for BalancerConfig {
    fn default() -> Self {
        BalancerConfig { strategy: balance::CATALOGUE[0].key, tuning: Tuning::default() }
    }
}

/// The parameters.
pub const PARAMS: &[Param<BalancerConfig>] = &[Param {
    spec: Spec {
        key: "strategy",
        wire: 0,
        label: "Strategy",
        unit: "",
        help: "How it chooses a server for each request.",
        range: Range::Choice(|| balance::CATALOGUE.iter().map(|entry| Choice::of(entry)).collect()),
    },
    get: |c| Value::Choice(c.strategy.to_owned()),
    set: |c, v| {
        let Value::Choice(key) = v else { return };
        if let Some(entry) = balance::find(&key) {
            c.strategy = entry.key;
        }
    },
}];

/// A running load balancer.
#[derive(Clone, Debug)]
pub struct Balancer {
    config: BalancerConfig,
    policy: Box<dyn balance::Balancer>,
    rng: Rng,
    /// How many backends ever joined.
    joined: u32,
    backends: Vec<Backend>,
    /// How many requests each backend was sent, in list order.
    picks: Vec<u64>,
    /// Place in the list by link number; `u16::MAX` for links that are not in it.
    places: Vec<u16>,
    /// When each request was sent on, by its slot: kept whatever the strategy, because the next one
    /// may want to know.
    sent_at: Vec<Time>,
    /// The key of the request being looked at, spelled out.
    key: String,
    picked: Meter,
    refused: u64,
    /// The last words of a strategy that fell over.
    last_words: Option<String>,
}

impl Balancer {
    /// A balancer called `id` in a run with this seed. Its backends come with its links.
    pub fn new(id: &str, seed: u64, config: BalancerConfig) -> Balancer {
        Balancer {
            rng: Rng::stream(seed, id, "picks"),
            joined: 0,
            policy: make(&config),
            config,
            backends: Vec::new(),
            picks: Vec::new(),
            places: Vec::new(),
            sent_at: Vec::new(),
            key: String::new(),
            picked: Meter::default(),
            refused: 0,
            last_words: None,
        }
    }

    /// New settings, from the next request on. Another strategy begins with no history.
    pub fn configure(&mut self, config: BalancerConfig) {
        if config != self.config {
            self.config = config;
            self.policy = make(&self.config);
            introduce(self.policy.as_mut(), &self.backends);
        }
    }

    /// The settings in force.
    pub fn config(&self) -> &BalancerConfig {
        &self.config
    }

    /// The list, in order.
    pub fn backends(&self) -> &[Backend] {
        &self.backends
    }

    /// Requests sent to each, in list order.
    pub fn picks(&self) -> &[u64] {
        &self.picks
    }

    /// What the strategy keeps between picks.
    pub fn memory(&self) -> Memory {
        self.policy.memory(&self.backends)
    }

    /// The place in the list that the next request would get, if it came at `now` with no key from
    /// no known address. Changes nothing: a copy is asked.
    pub fn next(&self, now: Time) -> Option<usize> {
        let ask = Ask { now, ..Ask::NOTHING };
        let mut policy = self.policy.clone();
        match policy.pick(&ask, &self.backends, &mut self.rng.clone(), &mut Why::off()) {
            Pick::Backend(place) => Some(place),
            Pick::Nobody | Pick::Crash(_) => None,
        }
    }

    /// Picks, by rate and in all.
    pub fn picked(&self) -> &Meter {
        &self.picked
    }

    /// Requests for which nobody could be chosen.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// The last words of a strategy that fell over, until it is started again.
    pub fn last_words(&self) -> Option<&str> {
        self.last_words.as_deref()
    }

    #[inline]
    pub(super) fn on_event<S: Sink>(&mut self, event: Event, cx: &mut Context<'_, S>) {
        match event.what {
            What::Arrive => self.arrive(event.arg, cx),
            What::Reply => {
                let Some(request) = cx.request(event.arg) else { return };
                let ok = request.outcome == Outcome::Done;
                if let Some(place) = came_over(request).and_then(|link| self.place_of(link)) {
                    self.answered(place, event.arg, cx.now(), ok);
                }
                cx.pass_back(event.arg);
            }
            What::Timer(_) | What::Planned => {}
        }
    }

    pub(super) fn on_signal<S: Sink>(&mut self, signal: Signal, cx: &mut Context<'_, S>) {
        match signal {
            Signal::LinkAdded(link) => self.add(link, cx),
            Signal::LinkRemoved(link) => self.remove(link),
            Signal::PeerChanged(link) => {
                let card = cx.peer(link);
                if let Some(place) = self.place_of(link) {
                    let backend = &mut self.backends[place];
                    backend.name = card.name.clone();
                    backend.weight = card.weight;
                    backend.healthy = card.up && card.healthy;
                    self.policy.changed(place, &self.backends);
                }
            }
            Signal::Crash => {}
            Signal::Restart => self.forget(),
            Signal::SendOne(_) => {}
        }
    }

    #[inline]
    fn arrive<S: Sink>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        let mut why = cx.why(slot);
        let Some(request) = cx.request(slot) else { return };
        let client = IpAddr::V4(Ipv4Addr::from_bits(request.address));
        self.key.clear();
        if self.policy.reads_key() {
            cx.spell_key(request.key, &mut self.key);
        }
        let key = Some(self.key.as_bytes());
        let ask = Ask { now: cx.now(), key, client, tried: &[] };
        let pick = self.policy.pick(&ask, &self.backends, &mut self.rng, &mut why);
        if why.wanted() {
            self.title(&pick, &mut why, cx);
        }
        cx.decided(slot, why);
        match pick {
            Pick::Backend(place) => {
                self.picks[place] += 1;
                self.picked.mark(cx.now());
                if cx.forward(slot, self.backends[place].link) {
                    self.sent(place, slot, cx.now());
                }
            }
            Pick::Nobody => {
                self.refused += 1;
                let wired = !self.backends.is_empty();
                cx.fail(slot, if wired { Reason::NoHealthyBackend } else { Reason::BadRequest });
            }
            Pick::Crash(words) => {
                self.refused += 1;
                self.last_words = Some(words);
                cx.fail(slot, Reason::ConnectionLost);
                cx.crash_self();
            }
        }
    }

    /// A request is on its way to a backend.
    fn sent(&mut self, place: usize, slot: u32, now: Time) {
        self.backends[place].in_flight += 1;
        let slot = slot as usize;
        if self.sent_at.len() <= slot {
            self.sent_at.resize(slot + 1, now);
        }
        self.sent_at[slot] = now;
        self.policy.sent(place, &self.backends);
    }

    /// A request is back from a backend.
    fn answered(&mut self, place: usize, slot: u32, now: Time, ok: bool) {
        let backend = &mut self.backends[place];
        backend.in_flight = backend.in_flight.saturating_sub(1);
        let sent = self.sent_at.get(slot as usize).copied().unwrap_or(now);
        self.policy.answered(place, &Answer { now, took: now.since(sent), ok }, &self.backends);
    }

    fn title<S: Sink>(&self, pick: &Pick, why: &mut Why, cx: &Context<'_, S>) {
        let name = cx.own_name();
        match pick {
            Pick::Backend(place) => {
                let chosen = &self.backends[*place].name;
                why.title(|| format!("{name} chose {chosen}"));
            }
            Pick::Nobody => {
                why.title(|| format!("{name} had nobody to choose"));
                if self.backends.is_empty() {
                    why.say(|| "No server is wired to it.".to_owned());
                }
            }
            Pick::Crash(words) => {
                why.title(|| format!("{name} fell over"));
                why.say(|| format!("The strategy itself failed: {words}."));
            }
        }
    }

    fn add<S: Sink>(&mut self, link: LinkId, cx: &Context<'_, S>) {
        let card = cx.peer(link);
        self.joined += 1;
        self.backends.push(Backend {
            link,
            healthy: card.up && card.healthy,
            ..Backend::new(self.joined, &card.name, card.weight)
        });
        self.picks.push(0);
        self.policy.added(&self.backends);
        self.index();
    }

    fn remove(&mut self, link: LinkId) {
        if let Some(place) = self.place_of(link) {
            self.backends.remove(place);
            self.picks.remove(place);
            self.policy.removed(place, &self.backends);
            self.index();
        }
    }

    fn index(&mut self) {
        self.places.clear();
        for (place, backend) in self.backends.iter().enumerate() {
            let number = usize::from(backend.link.0);
            if self.places.len() <= number {
                self.places.resize(number + 1, u16::MAX);
            }
            self.places[number] = place as u16;
        }
    }

    fn place_of(&self, link: LinkId) -> Option<usize> {
        let place = *self.places.get(usize::from(link.0))?;
        (place != u16::MAX).then_some(usize::from(place))
    }

    /// As after a restart: no history, nothing in flight, the same list.
    fn forget(&mut self) {
        self.policy = make(&self.config);
        self.backends.iter_mut().for_each(|backend| backend.in_flight = 0);
        introduce(self.policy.as_mut(), &self.backends);
        self.last_words = None;
    }
}

fn make(config: &BalancerConfig) -> Box<dyn balance::Balancer> {
    (config.entry().make)(config.tuning.of(config.strategy))
}

/// Tells a strategy without history about everybody in the list.
fn introduce(policy: &mut dyn balance::Balancer, backends: &[Backend]) {
    (1..=backends.len()).for_each(|joined| policy.added(&backends[..joined]));
}

/// The link over which an answer has just come.
fn came_over(request: &Request) -> Option<LinkId> {
    match (request.place, request.outcome) {
        (Place::Returning(link) | Place::Going(link), _) => Some(link),
        (_, Outcome::Failed(_, Place::Going(link))) => Some(link),
        _ => None,
    }
}
