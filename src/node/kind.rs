//! A kind of node with its settings, and the table of all kinds.

use super::param::{Param, Spec, Value};
use super::{
    BalancerConfig, CacheConfig, ClientsConfig, DatabaseConfig, RouterConfig, ServerConfig,
    TableConfig,
};
use super::{balancer, cache, clients, database, router, server, table, tuning};

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
}

/// A kind as people meet it.
#[derive(Debug)]
pub struct KindEntry {
    /// Which kind.
    pub family: Family,
    /// Its name in files, and the beginning of the ids of new nodes.
    pub key: &'static str,
    /// Its number in links; never reused.
    pub wire: u8,
    /// Its name in the palette.
    pub name: &'static str,
    /// What it does, in one line.
    pub blurb: &'static str,
    /// How nodes of this kind are called when they are new; a number follows where it may.
    pub label: &'static str,
    /// May requests come to it over a link?
    pub takes: bool,
    /// To which kinds it may send requests.
    pub sends_to: &'static [Family],
    /// Where a link would be refused although kinds fit: the most links that may leave it.
    pub links_max: usize,
    /// Can it be slowed down?
    pub slows: bool,
    /// Can it be made to refuse what would change its contents?
    pub refuses: bool,
    /// What is modelled, by which formula, and what is not.
    pub card: &'static str,
    /// A new one.
    pub make: fn() -> Kind,
}

/// Who takes requests, the likeliest first.
const ANYWHERE: &[Family] = &[
    Family::Server,
    Family::Balancer,
    Family::Cache,
    Family::Database,
    Family::Router,
    Family::Table,
];

/// The most members a node has that can fail by themselves.
pub const PARTS_MAX: u8 = 16;

/// Every kind, in the order of the palette.
pub const CATALOGUE: &[KindEntry] = &[
    KindEntry {
        family: Family::Clients,
        key: "clients",
        wire: 0,
        name: "Clients",
        blurb: "Send requests, at a rate or one by one",
        label: "Clients",
        takes: false,
        sends_to: ANYWHERE,
        links_max: 1,
        slows: false,
        refuses: false,
        card: "Poisson arrivals: gaps between requests are exponential with mean 1 / rate. \
               Keys are alike, by Zipf's law (the k-th in proportion to 1 / k^s), from a hot set, \
               or in order. An address is a session: answers are judged by the versions they give. \
               No timeouts and no retries: a client waits for its answer.",
        make: || Kind::Clients(ClientsConfig::default()),
    },
    KindEntry {
        family: Family::Balancer,
        key: "balancer",
        wire: 1,
        name: "Balancer",
        blurb: "Chooses a server for each request",
        label: "Balancer",
        takes: true,
        sends_to: ANYWHERE,
        links_max: 512,
        slows: false,
        refuses: false,
        card: "Chooses in no time. It reads each server's health mark directly and at once, \
               as in the course; health checks, and the time they take, are not modelled.",
        make: || Kind::Balancer(BalancerConfig::default()),
    },
    KindEntry {
        family: Family::Server,
        key: "server",
        wire: 2,
        name: "Server",
        blurb: "Works on requests, asks those behind it",
        label: "s",
        takes: true,
        sends_to: ANYWHERE,
        links_max: 64,
        slows: true,
        refuses: false,
        card: "Cores serve one request each and the rest wait, or all share the cores. \
               Load = rate \u{d7} service time / cores; mean response of one core with exponential \
               times, or shared by all, = service time / (1 \u{2212} load). Then it asks those \
               it is wired to, in turn or all at once; a core held meanwhile is a thread that \
               waits, and servers that hold cores and ask one another in a ring can wait for \
               ever, as in reality. A request holds its memory from arrival to answer; answers \
               leave one after another, each for size \u{d7} 8 / network speed. Storage changes \
               nothing about how fast a server is; it is only in the table of machines.",
        make: || Kind::Server(ServerConfig::default()),
    },
    KindEntry {
        family: Family::Cache,
        key: "cache",
        wire: 3,
        name: "Cache",
        blurb: "Keeps answers; somebody has to leave",
        label: "Cache",
        takes: true,
        sends_to: &[Family::Database, Family::Router, Family::Table, Family::Server],
        links_max: 1,
        slows: true,
        refuses: true,
        card: "Real keys in real versions: a hit is a hit because that key is here. Any eviction \
               policy, any of six patterns. Poisson reads of one key at rate r with time to live T \
               hit with probability rT / (1 + rT). Looks do not wait for each other; sizes of \
               values are not modelled, and range queries pass through.",
        make: || Kind::Cache(CacheConfig::default()),
    },
    KindEntry {
        family: Family::Table,
        key: "table",
        wire: 5,
        name: "Table",
        blurb: "Rows in partitions, by hash or by range",
        label: "Table",
        takes: true,
        sends_to: &[],
        links_max: 0,
        slows: true,
        refuses: true,
        card: "Each partition has workers and a queue of its own; load = its share of the queries \
               \u{d7} rate \u{d7} time / workers. A query for one key touches one partition; a run \
               of keys touches all with a hash, and only the ranges it meets otherwise, at the \
               same time, and waits for the last. Rows survive a crash, queries in hand do not. \
               Splits take no time; indexes, locks and the size of rows are not modelled.",
        make: || Kind::Table(TableConfig::default()),
    },
    KindEntry {
        family: Family::Router,
        key: "router",
        wire: 6,
        name: "Shard router",
        blurb: "Sends each key to the shard that owns it",
        label: "Shard router",
        takes: true,
        sends_to: &[Family::Database, Family::Table, Family::Server],
        links_max: 512,
        slows: false,
        refuses: false,
        card: "Places keys in no time. Its shards are the nodes it is wired to, in that order, by \
               their names and weights. At the start it hands each its rows. When shards change, \
               rows stay behind or move by two calls each, beside the traffic; moving a share of \
               1 / (n + 1) for one more shard is the least there is. The router keeps a log: rows \
               in its hands survive a crash. Copies of a shard are not modelled.",
        make: || Kind::Router(RouterConfig::default()),
    },
    KindEntry {
        family: Family::Database,
        key: "database",
        wire: 4,
        name: "Database",
        blurb: "Keeps values: a primary and its replicas",
        label: "Database",
        takes: true,
        sends_to: &[],
        links_max: 0,
        slows: true,
        refuses: true,
        card: "A primary takes changes and sends its log to replicas in order; each member has \
               workers, a line and its own versions. Under constant lag d and apply time a, a \
               replica read t after a change is stale exactly when t < d + a. \
               R + W > N makes reads meet the newest acknowledged change. A client address is a \
               session and sends changes to the primary it knows, until that one refuses. \
               Not modelled: transactions, the way back of replicas' acknowledgements, the work of \
               applying; a range query costs as much as one read.",
        make: || Kind::Database(DatabaseConfig::default()),
    },
];

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
        }
    }

    /// How many members it has that can fail by themselves.
    pub fn parts(&self) -> u8 {
        match self {
            Kind::Clients(_)
            | Kind::Balancer(_)
            | Kind::Server(_)
            | Kind::Cache(_)
            | Kind::Table(_)
            | Kind::Router(_) => 0,
            Kind::Database(config) => config.members() as u8,
        }
    }

    /// The row of its kind.
    pub fn entry(&self) -> &'static KindEntry {
        self.family().entry()
    }

    /// Its parameters, in the order in which they are shown; the knobs of the algorithm that is
    /// chosen come last.
    pub fn specs(&self) -> Vec<Spec> {
        match self {
            Kind::Clients(_) => clients::PARAMS.iter().map(|param| param.spec).collect(),
            Kind::Balancer(config) => {
                let own = balancer::PARAMS.iter().map(|param| param.spec);
                own.chain(config.knobs().iter().map(tuning::spec)).collect()
            }
            Kind::Server(_) => server::PARAMS.iter().map(|param| param.spec).collect(),
            Kind::Cache(config) => {
                let own = cache::PARAMS.iter().map(|param| param.spec);
                own.chain(config.knobs().iter().map(tuning::spec)).collect()
            }
            Kind::Table(_) => table::PARAMS.iter().map(|param| param.spec).collect(),
            Kind::Router(config) => {
                let own = router::PARAMS.iter().map(|param| param.spec);
                own.chain(config.knobs().iter().map(tuning::spec)).collect()
            }
            Kind::Database(_) => database::PARAMS.iter().map(|param| param.spec).collect(),
        }
    }

    /// The parameter with this name.
    pub fn spec(&self, key: &str) -> Option<Spec> {
        self.specs().into_iter().find(|spec| spec.key == key)
    }

    /// The value of a parameter.
    pub fn get(&self, key: &str) -> Option<Value> {
        match self {
            Kind::Clients(config) => get(clients::PARAMS, config, key),
            Kind::Balancer(config) => {
                get(balancer::PARAMS, config, key).or_else(|| config.knob(key))
            }
            Kind::Server(config) => get(server::PARAMS, config, key),
            Kind::Cache(config) => get(cache::PARAMS, config, key).or_else(|| config.knob(key)),
            Kind::Table(config) => get(table::PARAMS, config, key),
            Kind::Router(config) => get(router::PARAMS, config, key).or_else(|| config.knob(key)),
            Kind::Database(config) => get(database::PARAMS, config, key),
        }
    }

    /// The value that a parameter has until it is set.
    pub fn default_of(&self, key: &str) -> Option<Value> {
        let own = (self.entry().make)().get(key);
        let knobs = match self {
            Kind::Balancer(config) => config.knobs(),
            Kind::Cache(config) => config.knobs(),
            Kind::Router(config) => config.knobs(),
            Kind::Clients(_) | Kind::Server(_) | Kind::Table(_) | Kind::Database(_) => &[],
        };
        let knob = knobs.iter().find(|knob| knob.key == key);
        own.or_else(|| knob.map(|knob| Value::Number(knob.default)))
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
        match self {
            Kind::Clients(config) => {
                set(clients::PARAMS, config, key, &value);
            }
            Kind::Balancer(config) => {
                if !set(balancer::PARAMS, config, key, &value) {
                    config.set_knob(key, value);
                }
            }
            Kind::Server(config) => {
                set(server::PARAMS, config, key, &value);
            }
            Kind::Cache(config) => {
                if !set(cache::PARAMS, config, key, &value) {
                    config.set_knob(key, value);
                }
            }
            Kind::Table(config) => {
                set(table::PARAMS, config, key, &value);
            }
            Kind::Router(config) => {
                if !set(router::PARAMS, config, key, &value) {
                    config.set_knob(key, value);
                }
            }
            Kind::Database(config) => {
                set(database::PARAMS, config, key, &value);
            }
        }
        Ok(())
    }
}

fn get<C>(params: &[Param<C>], config: &C, key: &str) -> Option<Value> {
    params.iter().find(|param| param.spec.key == key).map(|param| (param.get)(config))
}

/// Was there such a parameter?
fn set<C>(params: &[Param<C>], config: &mut C, key: &str, value: &Value) -> bool {
    let param = params.iter().find(|param| param.spec.key == key);
    param.inspect(|param| (param.set)(config, value.clone())).is_some()
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

    #[test]
    fn what_is_set_is_read_back_and_nonsense_is_refused() {
        for entry in CATALOGUE {
            let mut kind = (entry.make)();
            for spec in kind.specs() {
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
