//! A kind of node with its settings.

use super::catalogue::{CATALOGUE, KindEntry};
use super::param::{Param, Spec, Value, number};
use super::tuning::{self, Tuning};
use super::{
    BalancerConfig, BoardConfig, CacheConfig, ClientsConfig, ClusterConfig, DatabaseConfig,
    GatewayConfig, GroupConfig, QueueConfig, RegistryConfig, RouterConfig, ServerConfig,
    TableConfig, WorkerConfig,
};
use crate::policy::Knob;

/// The settings of a node of some kind: what a scenario says about it.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Clients.
    Clients(ClientsConfig),
    /// A load balancer.
    Balancer(BalancerConfig),
    /// A server.
    Server(ServerConfig),
    /// A cache.
    Cache(CacheConfig),
    /// A partitioned table.
    Table(TableConfig),
    /// A shard router.
    Router(RouterConfig),
    /// A database with its replicas.
    Database(DatabaseConfig),
    /// A cache cluster.
    Cluster(ClusterConfig),
    /// A registry.
    Registry(RegistryConfig),
    /// A gateway.
    Gateway(GatewayConfig),
    /// A queue.
    Queue(QueueConfig),
    /// A worker.
    Worker(WorkerConfig),
    /// An autoscaled group.
    Group(GroupConfig),
    /// A board.
    Board(BoardConfig),
}

/// The kinds without their settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Clients.
    Clients,
    /// Load balancers.
    Balancer,
    /// Servers.
    Server,
    /// Caches.
    Cache,
    /// Partitioned tables.
    Table,
    /// Shard routers.
    Router,
    /// Databases.
    Database,
    /// Cache clusters.
    Cluster,
    /// Registries.
    Registry,
    /// Gateways.
    Gateway,
    /// Queues.
    Queue,
    /// Workers.
    Worker,
    /// Autoscaled groups.
    Group,
    /// Boards.
    Board,
}

/// The most members a node has that can fail by themselves.
pub const PARTS_MAX: u8 = 16;

/// The settings of one kind: its parameters, and those of the algorithm that it names.
pub trait Settings: Sized + 'static {
    /// Its own parameters, in the order in which they are shown.
    const PARAMS: &'static [Param<Self>];

    /// Further tables of parameters, shown after those.
    const MORE: &'static [&'static [Param<Self>]] = &[];

    /// The algorithm that is chosen: its key, and what can be set on it.
    fn algorithm(&self) -> Option<(&'static str, &'static [Knob])> {
        None
    }

    /// What was set on the algorithms that can be chosen.
    fn tuning(&self) -> Option<&Tuning> {
        None
    }

    /// The same, to be changed.
    fn tuning_mut(&mut self) -> Option<&mut Tuning> {
        None
    }

    /// Does this parameter make no difference while the others are as they are? An inspector leaves
    /// it out; it keeps its value.
    fn idle(&self, _key: &str) -> bool {
        false
    }

    /// Do the parameters fit together, each being allowed by itself?
    ///
    /// # Errors
    /// The name of the one that does not fit, and why.
    fn fit(&self) -> Result<(), (&'static str, String)> {
        Ok(())
    }
}

/// Settings of whatever kind, by the names of their parameters.
trait Named {
    fn specs(&self) -> Vec<Spec>;
    fn knobs(&self) -> &'static [Knob];
    fn get(&self, key: &str) -> Option<Value>;
    fn set(&mut self, key: &str, value: Value);
    fn idle(&self, key: &str) -> bool;
    fn fit(&self) -> Result<(), (&'static str, String)>;
}

/// The parameters of all its tables.
fn own<C: Settings>() -> impl Iterator<Item = &'static Param<C>> {
    C::PARAMS.iter().chain(C::MORE.iter().copied().flatten())
}

impl<C: Settings> Named for C {
    fn specs(&self) -> Vec<Spec> {
        let own = own::<C>().map(|param| param.spec);
        own.chain(self.knobs().iter().map(tuning::spec)).collect()
    }

    fn knobs(&self) -> &'static [Knob] {
        self.algorithm().map_or(&[], |(_, knobs)| knobs)
    }

    fn get(&self, key: &str) -> Option<Value> {
        if let Some(param) = own::<C>().find(|param| param.spec.key == key) {
            return Some((param.get)(self));
        }
        let (algorithm, knobs) = self.algorithm()?;
        let knob = knobs.iter().find(|knob| knob.key == key)?;
        Some(Value::Number(self.tuning()?.of(algorithm).get(knob)))
    }

    fn set(&mut self, key: &str, value: Value) {
        if let Some(param) = own::<C>().find(|param| param.spec.key == key) {
            return (param.set)(self, value);
        }
        if let Some((algorithm, knobs)) = self.algorithm()
            && let Some(tuning) = self.tuning_mut()
        {
            tuning.set(algorithm, knobs, key, number(value));
        }
    }

    fn idle(&self, key: &str) -> bool {
        Settings::idle(self, key)
    }

    fn fit(&self) -> Result<(), (&'static str, String)> {
        Settings::fit(self)
    }
}

impl Family {
    /// The row of this kind.
    pub fn entry(self) -> &'static KindEntry {
        let found = CATALOGUE.iter().find(|entry| entry.family == self);
        found.expect("every kind has a row, as the tests check")
    }
}

impl Kind {
    /// Which kind it is.
    pub fn family(&self) -> Family {
        match self {
            Kind::Clients(_) => Family::Clients,
            Kind::Balancer(_) => Family::Balancer,
            Kind::Server(_) => Family::Server,
            Kind::Cache(_) => Family::Cache,
            Kind::Table(_) => Family::Table,
            Kind::Router(_) => Family::Router,
            Kind::Database(_) => Family::Database,
            Kind::Cluster(_) => Family::Cluster,
            Kind::Registry(_) => Family::Registry,
            Kind::Gateway(_) => Family::Gateway,
            Kind::Queue(_) => Family::Queue,
            Kind::Worker(_) => Family::Worker,
            Kind::Group(_) => Family::Group,
            Kind::Board(_) => Family::Board,
        }
    }

    fn settings(&self) -> &dyn Named {
        match self {
            Kind::Clients(config) => config,
            Kind::Balancer(config) => config,
            Kind::Server(config) => config,
            Kind::Cache(config) => config,
            Kind::Table(config) => config,
            Kind::Router(config) => config,
            Kind::Database(config) => config,
            Kind::Cluster(config) => config,
            Kind::Registry(config) => config,
            Kind::Gateway(config) => config,
            Kind::Queue(config) => config,
            Kind::Worker(config) => config,
            Kind::Group(config) => config,
            Kind::Board(config) => config,
        }
    }

    fn settings_mut(&mut self) -> &mut dyn Named {
        match self {
            Kind::Clients(config) => config,
            Kind::Balancer(config) => config,
            Kind::Server(config) => config,
            Kind::Cache(config) => config,
            Kind::Table(config) => config,
            Kind::Router(config) => config,
            Kind::Database(config) => config,
            Kind::Cluster(config) => config,
            Kind::Registry(config) => config,
            Kind::Gateway(config) => config,
            Kind::Queue(config) => config,
            Kind::Worker(config) => config,
            Kind::Group(config) => config,
            Kind::Board(config) => config,
        }
    }

    /// How many members it has that can fail by themselves.
    pub fn parts(&self) -> u8 {
        match self {
            Kind::Database(config) => config.members() as u8,
            Kind::Cluster(config) => config.members,
            Kind::Group(config) => config.max,
            _ => 0,
        }
    }

    /// The row of its kind.
    pub fn entry(&self) -> &'static KindEntry {
        self.family().entry()
    }

    /// Its parameters, in the order in which they are shown; the knobs of the algorithm that is
    /// chosen come last.
    pub fn specs(&self) -> Vec<Spec> {
        self.settings().specs()
    }

    /// Does this parameter make no difference while the others are as they are?
    pub fn idle(&self, key: &str) -> bool {
        self.settings().idle(key)
    }

    /// The parameter with this name.
    pub fn spec(&self, key: &str) -> Option<Spec> {
        self.specs().into_iter().find(|spec| spec.key == key)
    }

    /// The value of a parameter.
    pub fn get(&self, key: &str) -> Option<Value> {
        self.settings().get(key)
    }

    /// The value that a parameter has until it is set.
    pub fn default_of(&self, key: &str) -> Option<Value> {
        let own = (self.entry().make)().get(key);
        let knob = self.settings().knobs().iter().find(|knob| knob.key == key);
        own.or_else(|| knob.map(|knob| Value::Number(knob.default)))
    }

    /// Do its parameters fit together? If not: which one does not, and why.
    pub fn fit(&self) -> Result<(), (&'static str, String)> {
        self.settings().fit()
    }

    /// Sets a parameter. Refused with the reason when there is no such one or the value is not
    /// allowed; then nothing has changed.
    pub fn set(&mut self, key: &str, value: Value) -> Result<(), String> {
        let Some(spec) = self.spec(key) else {
            let known: Vec<&str> = self.specs().iter().map(|spec| spec.key).collect();
            let name = self.entry().name.to_lowercase();
            return Err(format!("is not a parameter of a {name}; it has {}", known.join(", ")));
        };
        spec.check(&value)?;
        self.settings_mut().set(key, value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::param::Range;
    use super::*;

    #[test]
    fn every_kind_has_one_row_and_unique_numbers() {
        for (place, entry) in CATALOGUE.iter().enumerate() {
            assert_eq!((entry.make)().family(), entry.family);
            for other in &CATALOGUE[..place] {
                assert!(entry.key != other.key && entry.wire != other.wire);
            }
        }
    }

    #[test]
    fn parameters_are_unique_and_their_defaults_allowed() {
        for entry in CATALOGUE {
            let kind = (entry.make)();
            let specs = kind.specs();
            for (place, spec) in specs.iter().enumerate() {
                let value = kind.get(spec.key).expect("every parameter can be read");
                assert_eq!(spec.check(&value), Ok(()), "{}.{}", entry.key, spec.key);
                for other in &specs[..place] {
                    assert!(spec.key != other.key && spec.wire != other.wire);
                }
                assert!(spec.help.ends_with('.'), "{}.{}", entry.key, spec.key);
            }
        }
    }

    /// Names and numbers of an algorithm's knobs beside the node's own.
    #[test]
    fn no_knob_has_the_name_of_a_parameter() {
        let choices = |range| match range {
            Range::Choice(all) => all(),
            Range::Number { .. } | Range::Switch | Range::Text { .. } => Vec::new(),
        };
        for entry in CATALOGUE {
            for chosen in (entry.make)().specs() {
                for choice in choices(chosen.range) {
                    let mut kind = (entry.make)();
                    let value = Value::Choice(choice.key.to_owned());
                    assert_eq!(kind.set(chosen.key, value), Ok(()));
                    let specs = kind.specs();
                    for (place, spec) in specs.iter().enumerate() {
                        let like = |other: &&Spec| other.key == spec.key || other.wire == spec.wire;
                        let found = specs[..place].iter().find(like);
                        assert!(found.is_none(), "{}: {spec:?} and {found:?}", entry.key);
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_set_is_read_back_and_nonsense_is_refused() {
        for entry in CATALOGUE {
            let mut kind = (entry.make)();
            // One at a time, because a choice may bring other parameters with it.
            let mut place = 0;
            while let Some(&spec) = kind.specs().get(place) {
                place += 1;
                let (good, bad) = match spec.range {
                    Range::Number { min, max, .. } => {
                        (Value::Number(max), vec![min - 1.0, max + 1.0, f64::NAN])
                    }
                    Range::Choice(all) => {
                        let last = all().last().expect("a choice has choices").key;
                        (Value::Choice(last.to_owned()), vec![1.0])
                    }
                    Range::Switch => (Value::Switch(false), vec![0.0]),
                    Range::Text { example, .. } => (Value::Text(example.to_owned()), vec![1.0]),
                };
                assert_eq!(kind.set(spec.key, good.clone()), Ok(()));
                for value in bad.into_iter().map(Value::Number) {
                    assert!(kind.set(spec.key, value).is_err(), "{}.{}", entry.key, spec.key);
                }
                assert_eq!(kind.get(spec.key), Some(good));
            }
            assert!(kind.set("no such thing", Value::Number(1.0)).is_err());
        }
    }
}
