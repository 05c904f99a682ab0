//! A load balancer: asks its strategy which backend gets the request, and passes it on.
//!
//! Modelled: one list of backends in the order in which they were wired, counts of requests in
//! flight per backend, health as in the course: a mark on the server that the balancer reads at
//! once, also when a server crashes; a limit of requests in flight per server and backup servers,
//! for the strategies that know them; another server for a request whose connection was refused or
//! lost, as nginx's `proxy_next_upstream error`. Not modelled here: health checks and the time they
//! need, a queue for requests that nobody has room for (they fail).

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::Settings;
use super::param::{Choice, Param, Range, Spec, Value, number};
use super::tuning::Tuning;
use crate::policy::Knob;
use crate::policy::balance::{self, Answer, Ask, Backend, Memory, Pick};
use crate::sim::{
    Card, Context, Event, LinkId, NodeId, Outcome, Place, Reason, Request, Rng, Signal, Sink, Time,
    What, Why,
};
use crate::stats::Meter;

/// What can be set on a balancer.
#[derive(Clone, Debug)]
pub struct BalancerConfig {
    /// The strategy, from the catalogue.
    pub strategy: &'static str,
    /// The strategies' own settings.
    pub tuning: Tuning,
    /// How many servers a request may try.
    pub tries: u8,
}

impl BalancerConfig {
    /// The catalogue entry of the strategy.
    pub fn entry(&self) -> &'static balance::Entry {
        balance::find(self.strategy).unwrap_or(balance::CATALOGUE[0])
    }
}

impl PartialEq for BalancerConfig {
    fn eq(&self, other: &BalancerConfig) -> bool {
        let set = |c: &BalancerConfig, knob: &Knob| c.tuning.of(c.strategy).get(knob);
        self.strategy == other.strategy
            && self.tries == other.tries
            && self.entry().knobs.iter().all(|knob| set(self, knob) == set(other, knob))
    }
}

impl Default for BalancerConfig {
    fn default() -> Self {
        BalancerConfig { strategy: balance::CATALOGUE[0].key, tuning: Tuning::default(), tries: 1 }
    }
}

impl Settings for BalancerConfig {
    const PARAMS: &'static [Param<Self>] = PARAMS;

    fn algorithm(&self) -> Option<(&'static str, &'static [Knob])> {
        Some((self.strategy, self.entry().knobs))
    }

    fn tuning(&self) -> Option<&Tuning> {
        Some(&self.tuning)
    }

    fn tuning_mut(&mut self) -> Option<&mut Tuning> {
        Some(&mut self.tuning)
    }
}

/// The parameters.
const PARAMS: &[Param<BalancerConfig>] = &[
    Param {
        spec: Spec {
            key: "strategy",
            wire: 0,
            label: "Strategy",
            unit: "",
            help: "How it chooses a server for each request.",
            range: Range::Choice(|| balance::CATALOGUE.iter().map(|e| Choice::of(e)).collect()),
        },
        get: |c| Value::Choice(c.strategy.to_owned()),
        set: |c, v| {
            let Value::Choice(key) = v else { return };
            if let Some(entry) = balance::find(&key) {
                c.strategy = entry.key;
            }
        },
    },
    Param {
        spec: Spec {
            key: "tries",
            wire: 1,
            label: "Servers tried",
            unit: "servers",
            help: "How many servers a request may try: the strategy is asked again when a \
                   connection was refused or lost. 1 is no second try.",
            range: Range::Number { min: 1.0, max: 16.0, handy: 5.0, step: 1.0, whole: true },
        },
        get: |c| Value::Number(f64::from(c.tries)),
        set: |c, v| c.tries = number(v) as u8,
    },
];

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
    sent_at: Vec<Sent>,
    /// Counts restarts: answers to requests sent before the last one are nobody's any more.
    epoch: u32,
    /// The requests that failed with a backend and may try another, by their slots: the numbers of
    /// the backends they tried.
    tried: BTreeMap<u32, Vec<u32>>,
    retried: u64,
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
            epoch: 0,
            tried: BTreeMap::new(),
            retried: 0,
            key: String::new(),
            picked: Meter::default(),
            refused: 0,
            last_words: None,
        }
    }

    /// New settings, from the next request on. Another strategy begins with no history.
    pub fn configure(&mut self, config: BalancerConfig) {
        let same = BalancerConfig { tries: config.tries, ..self.config.clone() } == config;
        self.config = config;
        if !same {
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

    /// What the strategy keeps between picks, as it stands at `now`.
    pub fn memory(&self, now: Time) -> Memory {
        self.policy.memory(&self.backends, now)
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

    /// Second and later tries with another server.
    pub fn retried(&self) -> u64 {
        self.retried
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
    pub(super) fn on_event<S: Sink + ?Sized>(&mut self, event: Event, cx: &mut Context<'_, S>) {
        match event.what {
            What::Arrive => self.choose(event.arg, cx),
            What::Reply => {
                let Some(request) = cx.request(event.arg) else { return };
                let outcome = request.outcome;
                if let Some(link) = came_over(request)
                    && let Some(place) = self.place_of(link)
                {
                    let dead = unanswered(outcome, link, cx.far_end(link));
                    self.answered(place, event.arg, cx.now(), !dead);
                    if dead && self.may_try_another(place, event.arg) {
                        return self.choose(event.arg, cx);
                    }
                }
                if !self.tried.is_empty() {
                    self.tried.remove(&event.arg);
                }
                cx.pass_back(event.arg);
            }
            What::Timer(_) | What::Planned => {}
        }
    }

    pub(super) fn on_signal<S: Sink + ?Sized>(&mut self, signal: Signal, cx: &mut Context<'_, S>) {
        match signal {
            Signal::LinkAdded(link) => self.add(link, cx),
            Signal::LinkRemoved(link) => self.remove(link),
            Signal::PeerChanged(link) => {
                let card = cx.peer(link);
                if let Some(place) = self.place_of(link) {
                    let backend = &mut self.backends[place];
                    describe(backend, card);
                    self.policy.changed(place, &self.backends);
                }
            }
            Signal::Crash => {}
            Signal::Restart => self.forget(cx.now()),
            Signal::SendOne(..)
            | Signal::RefuseWrites(_)
            | Signal::Slow(_)
            | Signal::Part(..)
            | Signal::Parcel => {}
        }
    }

    /// Asks the strategy for a backend and sends the request there.
    #[inline]
    fn choose<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        let mut why = cx.why(slot);
        let Some(request) = cx.request(slot) else { return };
        let client = IpAddr::V4(Ipv4Addr::from_bits(request.address));
        self.key.clear();
        if self.policy.reads_key() {
            cx.spell_key(request.key, &mut self.key);
        }
        let key = Some(self.key.as_bytes());
        let tried = self.places_tried(slot);
        let ask = Ask { now: cx.now(), key, client, tried: &tried };
        let pick = self.policy.pick(&ask, &self.backends, &mut self.rng, &mut why);
        if why.wanted() {
            self.title(&pick, &mut why, cx);
        }
        cx.decided(slot, why);
        self.retried += u64::from(!tried.is_empty());
        match pick {
            Pick::Backend(place) => {
                if cx.forward(slot, self.backends[place].link) {
                    self.picks[place] += 1;
                    self.picked.mark(cx.now());
                    self.sent(place, slot, cx.now());
                } else {
                    self.tried.remove(&slot);
                }
            }
            Pick::Nobody => {
                self.refused += 1;
                self.tried.remove(&slot);
                let wired = !self.backends.is_empty();
                cx.fail(slot, if wired { Reason::NoHealthyBackend } else { Reason::BadRequest });
            }
            Pick::Crash(words) => {
                self.refused += 1;
                self.last_words = Some(words);
                self.tried.remove(&slot);
                cx.fail(slot, Reason::ConnectionLost);
                cx.crash_self();
            }
        }
    }

    /// A request is on its way to a backend.
    fn sent(&mut self, place: usize, slot: u32, now: Time) {
        self.backends[place].in_flight += 1;
        let slot = slot as usize;
        let sent = Sent { at: now, epoch: self.epoch };
        if self.sent_at.len() <= slot {
            self.sent_at.resize(slot + 1, sent);
        }
        self.sent_at[slot] = sent;
        self.policy.sent(place, &self.backends);
    }

    /// A request is back from a backend.
    fn answered(&mut self, place: usize, slot: u32, now: Time, ok: bool) {
        let sent = self.sent_at.get(slot as usize).copied();
        let Some(sent) = sent.filter(|sent| sent.epoch == self.epoch) else { return };
        let backend = &mut self.backends[place];
        backend.in_flight = backend.in_flight.saturating_sub(1);
        self.policy.answered(place, &Answer { now, took: now.since(sent.at), ok }, &self.backends);
    }

    /// Notes who was tried in vain. False when the request has to go back as it is.
    fn may_try_another(&mut self, place: usize, slot: u32) -> bool {
        if self.config.tries < 2 {
            return false;
        }
        let tried = self.tried.entry(slot).or_default();
        tried.push(self.backends[place].id);
        tried.len() < usize::from(self.config.tries)
    }

    /// The places of the backends that this request tried and that are still in the list.
    #[inline]
    fn places_tried(&self, slot: u32) -> Vec<usize> {
        if self.tried.is_empty() {
            return Vec::new();
        }
        let ids = self.tried.get(&slot).map_or(&[][..], Vec::as_slice);
        let place = |id: &u32| self.backends.binary_search_by_key(id, |backend| backend.id).ok();
        ids.iter().filter_map(place).collect()
    }

    fn title<S: Sink + ?Sized>(&self, pick: &Pick, why: &mut Why, cx: &Context<'_, S>) {
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

    fn add<S: Sink + ?Sized>(&mut self, link: LinkId, cx: &Context<'_, S>) {
        let card = cx.peer(link);
        self.joined += 1;
        let new = Backend::new(self.joined, &card.name, card.weight);
        let mut backend = Backend { link, joined: cx.now(), ..new };
        describe(&mut backend, card);
        self.backends.push(backend);
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
    fn forget(&mut self, now: Time) {
        self.policy = make(&self.config);
        self.epoch += 1;
        self.tried.clear();
        for backend in &mut self.backends {
            (backend.in_flight, backend.joined) = (0, now);
        }
        introduce(self.policy.as_mut(), &self.backends);
        self.last_words = None;
    }
}

/// When a request was sent on, and in which life of the balancer.
#[derive(Clone, Copy, Debug)]
struct Sent {
    at: Time,
    epoch: u32,
}

/// Was the connection to the server at the end of this link refused or lost? An error from further
/// behind is an answer.
fn unanswered(outcome: Outcome, link: LinkId, server: NodeId) -> bool {
    let Outcome::Failed(Reason::ConnectionRefused | Reason::ConnectionLost, place) = outcome else {
        return false;
    };
    [Place::Going(link), Place::Returning(link), Place::At(server)].contains(&place)
}

/// What a balancer reads from a server's card.
fn describe(backend: &mut Backend, card: &Card) {
    backend.name = card.name.clone();
    backend.weight = card.weight;
    backend.healthy = card.up && card.healthy && !card.draining;
    backend.in_flight_max = card.in_flight_max;
    backend.backup = card.backup;
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
