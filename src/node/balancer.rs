//! A load balancer: asks its strategy which backend gets the request, and passes it on.
//!
//! Modelled: one list of backends in the order in which they were wired, counts of requests in
//! flight per backend, health as in the course: a mark on the server that the balancer reads at
//! once, also when a server crashes. Not modelled here: health checks and the time they need.

use super::param::{Choice, Param, Range, Spec, Value};
use crate::policy::balance::{self, Backend, Memory, Pick};
use crate::sim::{
    Context, Event, LinkId, Outcome, Place, Reason, Request, Signal, Sink, What, Why,
};
use crate::stats::Meter;

/// What can be set on a balancer.
#[derive(Clone, Debug, PartialEq)]
pub struct BalancerConfig {
    /// The strategy, from the catalogue.
    pub strategy: &'static str,
}

impl Default for BalancerConfig {
    fn default() -> Self {
        BalancerConfig { strategy: balance::CATALOGUE[0].key }
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
        range: Range::Choice(|| {
            let choice = |entry: &balance::Entry| Choice {
                key: entry.key,
                wire: entry.wire,
                name: entry.name,
                rule: entry.rule,
            };
            balance::CATALOGUE.iter().map(choice).collect()
        }),
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
    backends: Vec<Backend>,
    /// How many requests each backend was sent, in list order.
    picks: Vec<u64>,
    /// Place in the list by link number; `u16::MAX` for links that are not in it.
    places: Vec<u16>,
    picked: Meter,
    refused: u64,
    /// The last words of a strategy that fell over.
    last_words: Option<String>,
}

impl Balancer {
    /// A balancer without backends; they come with its links.
    pub fn new(config: BalancerConfig) -> Balancer {
        Balancer {
            policy: make(&config),
            config,
            backends: Vec::new(),
            picks: Vec::new(),
            places: Vec::new(),
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
            self.backends.iter().for_each(|_| self.policy.added());
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
        self.policy.memory()
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
                if let Some(place) = came_over(request).and_then(|link| self.place_of(link)) {
                    let backend = &mut self.backends[place];
                    backend.in_flight = backend.in_flight.saturating_sub(1);
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
        let pick = self.policy.pick(&self.backends, &mut why);
        if why.wanted() {
            self.title(&pick, &mut why, cx);
        }
        cx.decided(slot, why);
        match pick {
            Pick::Backend(place) => {
                self.picks[place] += 1;
                self.picked.mark(cx.now());
                let backend = &mut self.backends[place];
                backend.in_flight += u32::from(cx.forward(slot, backend.link));
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
        self.backends.push(Backend {
            link,
            name: card.name.clone(),
            weight: card.weight,
            healthy: card.up && card.healthy,
            in_flight: 0,
        });
        self.picks.push(0);
        self.policy.added();
        self.index();
    }

    fn remove(&mut self, link: LinkId) {
        if let Some(place) = self.place_of(link) {
            self.backends.remove(place);
            self.picks.remove(place);
            self.policy.removed(place, self.backends.len());
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
        for backend in &mut self.backends {
            self.policy.added();
            backend.in_flight = 0;
        }
        self.last_words = None;
    }
}

fn make(config: &BalancerConfig) -> Box<dyn balance::Balancer> {
    let entry = balance::find(config.strategy).unwrap_or(&balance::CATALOGUE[0]);
    (entry.make)()
}

/// The link over which an answer has just come.
fn came_over(request: &Request) -> Option<LinkId> {
    match (request.place, request.outcome) {
        (Place::Returning(link) | Place::Going(link), _) => Some(link),
        (_, Outcome::Failed(_, Place::Going(link))) => Some(link),
        _ => None,
    }
}
