//! What HAProxy does around its strategies: queues of requests that wait, and second tries.

use std::net::IpAddr;

use serde_json::{Value as Json, json};
use switchyard::policy::balance::{Ask, Backend};

use super::config::{Config, inputs};
use super::{Op, Proxy, SLACK_MS, items, near, node, ops};
use crate::compare;

/// A backend with its queues: a request whose server is full waits there, one for whom nobody was
/// chosen waits in the backend's queue, and a slot that becomes free takes the request that has
/// waited longest in either.
struct Queues {
    proxy: Proxy,
    /// `minconn` and `maxconn` of each server; 0 is no limit.
    limits: Vec<[u64; 2]>,
    fullconn: u64,
    all_backups: bool,
    /// Requests that a server works on, by their numbers.
    open: Vec<(u64, usize)>,
    /// Waiting requests in order of arrival, with the server they wait for.
    waiting: Vec<(u64, Option<usize>)>,
    /// Does the strategy go by the number in flight alone, queue or not?
    by_load: bool,
}

impl Queues {
    fn new(config: &Config, proxy: Proxy, by_load: bool) -> Result<Queues, String> {
        let dynamic = config.limits.iter().any(|[min, max]| min < max);
        let fullconn = match (config.fullconn, config.inputs["fullconn"].as_u64()) {
            (Some(one), Some(other)) if one != other => {
                return Err(format!("fullconn is {one}, or {other}"));
            }
            (None, None) if dynamic => {
                return Err("minconn needs fullconn: it would depend on the frontends".to_owned());
            }
            (one, other) => one.or(other).unwrap_or(0),
        };
        Ok(Queues {
            proxy,
            limits: config.limits.clone(),
            fullconn,
            all_backups: config.all_backups,
            open: Vec::new(),
            waiting: Vec::new(),
            by_load,
        })
    }

    /// The most that the server at `place` may work on while the backend has `all` requests.
    fn limit(&self, place: usize, all: u64) -> u64 {
        let [min, max] = self.limits[place];
        match min == max || all >= self.fullconn {
            true => max,
            false => min.max(max * all / self.fullconn),
        }
    }

    fn served(&self, place: usize) -> u64 {
        self.open.iter().filter(|(_, on)| *on == place).count() as u64
    }

    fn queued(&self, place: usize) -> bool {
        self.waiting.iter().any(|(_, on)| *on == Some(place))
    }

    /// Tells the strategy what each server may have in flight. A server with a queue of its own is
    /// full whatever its limit, except to leastconn, which goes by the number.
    fn set_limits(&mut self, all: u64) {
        for place in 0..self.limits.len() {
            let in_flight = self.proxy.list[place].in_flight;
            let mut most = self.limit(place, all).min(u64::from(u32::MAX)) as u32;
            if self.queued(place) && !self.by_load {
                most = most.min(in_flight);
            }
            if most != self.proxy.list[place].in_flight_max {
                self.proxy.change(place, |backend| backend.in_flight_max = most);
            }
        }
    }

    /// A request has come. Gives what arrives at a server.
    fn start(&mut self, id: u64, ask: &Ask, patient: bool) -> Result<Vec<Json>, String> {
        let all = (self.open.len() + self.waiting.len()) as u64 + 1;
        self.set_limits(all);
        let known_full = patient && self.waiting.iter().any(|(_, server)| server.is_none());
        let place = if known_full { None } else { self.proxy.choose(ask)? };
        let Some(place) = place else {
            self.waiting.push((id, None));
            return Ok(Vec::new());
        };
        let limited = self.limits[place][1] > 0;
        let full = self.queued(place) || self.served(place) >= self.limit(place, all);
        self.proxy.sent(place);
        if limited && full {
            self.waiting.push((id, Some(place)));
            return Ok(Vec::new());
        }
        Ok(vec![self.serve(id, place)])
    }

    fn serve(&mut self, id: u64, place: usize) -> Json {
        self.open.push((id, place));
        json!([id, &*self.proxy.list[place].name])
    }

    /// A request is done. Gives what arrives at its server instead: as long as there is room, for a
    /// dynamic limit may have grown.
    fn finish(&mut self, id: u64) -> Result<Vec<Json>, String> {
        // The one that finishes still counts for the limit.
        let all = (self.open.len() + self.waiting.len()) as u64;
        let found = self.open.iter().position(|(other, _)| *other == id);
        let (_, place) = self.open.remove(found.ok_or(format!("{id} is not in service"))?);
        self.proxy.answered(place);
        let mut arrived = Vec::new();
        while self.served(place) < self.limit(place, all) {
            let shares = self.takes_from_backend(place);
            let mine = |on: Option<usize>| on == Some(place) || (on.is_none() && shares);
            let Some(next) = self.waiting.iter().position(|(_, on)| mine(*on)) else { break };
            let (id, on) = self.waiting.remove(next);
            if on.is_none() {
                self.proxy.sent(place);
            }
            arrived.push(self.serve(id, place));
        }
        Ok(arrived)
    }

    /// Does the server at `place` take requests that wait for anybody? Backups only when it is
    /// their turn.
    fn takes_from_backend(&self, place: usize) -> bool {
        let usable = |backend: &Backend| backend.healthy && backend.weight > 0;
        let list = &self.proxy.list;
        let first_backup = list.iter().position(|backend| usable(backend) && backend.backup);
        let no_active = !list.iter().any(|backend| usable(backend) && !backend.backup);
        let turn = no_active && (self.all_backups || first_backup == Some(place));
        usable(&list[place]) && (!list[place].backup || turn)
    }
}

/// Requests with limits. While the backend's queue is not empty, first, roundrobin and static-rr are
/// not asked: HAProxy knows that everybody is full.
pub(super) fn queue(case: &Json) -> Result<(), String> {
    let inputs = inputs(case, &["algorithm", "hash_type", "servers", "ops", "extra", "fullconn"])?;
    let lines =
        ["hash-type", "hash-balance-factor", "fullconn", "timeout", "retries", "redispatch"];
    let config = Config::read(inputs, &lines)?;
    let (strategy, knobs) = config.algorithm("")?;
    let patient = ["haproxy_first", "haproxy_roundrobin", "haproxy_static_rr"].contains(&strategy);
    let proxy = config.proxy(strategy, knobs.clone())?;
    let mut queues = Queues::new(&config, proxy, strategy == "haproxy_leastconn")?;
    let mut arrivals = Vec::new();
    for op in ops(inputs)? {
        arrivals.push(match op {
            Op::Start(id, key) => {
                let client = IpAddr::from([127, 0, 0, 1]);
                let ask = Ask { client, key: key.map(str::as_bytes), ..Ask::NOTHING };
                queues.start(id, &ask, patient)?
            }
            Op::Finish(id) => queues.finish(id)?,
        });
        queues.proxy.policy.check(&queues.proxy.list)?;
    }
    compare("observed", &case["observed"], &json!({ "arrivals": arrivals }))?;
    match node::queue(&config, strategy, knobs)? {
        Some(in_a_world) => compare("observed, in a world", &case["observed"], &in_a_world),
        None => Ok(()),
    }
}

// ===== second tries =====

/// What HAProxy does when a connection is refused.
struct Retries {
    most: u64,
    /// `option redispatch`, with its interval.
    redispatch: Option<i64>,
    /// Is another server as good as this one? That is what the round robins and random think.
    any_will_do: bool,
    /// How many active servers are usable.
    active: usize,
}

impl Retries {
    /// At this retry (from 1): is the request sent elsewhere, and is that after a wait?
    fn retry(&self, number: u64) -> (bool, bool) {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        let most = i64::try_from(self.most).unwrap_or(i64::MAX);
        let every = |interval: i64| match interval {
            // Counted back from the last retry.
            ..0 => number % (most + 1 + interval).max(1) == 0,
            0 => false,
            1.. => number % interval == 0,
        };
        let at_once = self.any_will_do && self.active > 1;
        let elsewhere = self.redispatch.is_some_and(|interval| at_once || every(interval));
        (elsewhere, !(elsewhere && at_once))
    }
}

/// Servers with nothing listening. With `option redispatch`, a round robin over more than one server
/// tries another at once when a connection is refused; any other does so at the retries that the
/// option names, the last by default. Otherwise the same server is tried again. Before all but a
/// round robin's new choice there is a second's wait. After as many retries as `retries` says there
/// is a 503.
pub(super) fn redispatch(case: &Json) -> Result<(), String> {
    let inputs = inputs(case, &["servers"])?;
    let config = Config::read(inputs, &["retries", "redispatch", "no"])?;
    let (strategy, knobs) = config.algorithm("roundrobin")?;
    if ["haproxy_hash", "haproxy_uri"].contains(&strategy) {
        return Err(format!("{strategy} would need keys"));
    }
    let (mut names, mut dead) = (Vec::new(), Vec::new());
    for server in items(inputs, "servers") {
        let words = server.as_str().ok_or(format!("not a server: {server}"))?;
        dead.push(words.ends_with(" (nothing listens)"));
        names.push(json!(words.trim_end_matches(" (nothing listens)")));
    }
    let retries = Retries {
        most: config.retries.unwrap_or(3),
        redispatch: config.redispatch,
        any_will_do: !["haproxy_leastconn", "haproxy_first", "haproxy_source"].contains(&strategy),
        active: dead.len(),
    };
    let mut proxy = Proxy::new(strategy, &knobs, super::named(&names)?)?;
    for request in items(&case["observed"], "requests") {
        let (mut tried, mut number, mut waited) = (Vec::new(), 0, 0.0);
        let mut elsewhere = true;
        let (status, place) = loop {
            let place = match tried.last() {
                Some(last) if !elsewhere => Some(*last),
                _ => proxy.choose(&Ask { tried: &tried, ..Ask::NOTHING })?,
            };
            let Some(place) = place else { break (503, None) };
            if !dead[place] {
                break (200, Some(place));
            }
            number += 1;
            if number > retries.most {
                break (503, Some(place));
            }
            let wait;
            (elsewhere, wait) = retries.retry(number);
            waited += if wait { 1_000.0 } else { 0.0 };
            tried.push(place);
        };
        let server = place.map(|place| &*proxy.list[place].name);
        compare("the status", &request["status"], &json!(status))?;
        compare("the server", &request["server"], &json!(server))?;
        near("the time", &request["ms"], waited)?;
    }
    Ok(())
}

// ===== what no public case has =====

/// Worked out by hand from `max(minconn, maxconn * all / fullconn)`: with minconn 1, maxconn 4 and
/// fullconn 8, one slot up to 3 requests in all, two from 4, three from 6, four from 8 on.
#[test]
fn a_dynamic_limit_grows_with_the_backend() {
    let case = |observed: Json| {
        let ops: Vec<Json> =
            (0..6).map(|n| json!(["start", n])).chain([json!(["finish", 0])]).collect();
        json!({
            "inputs": {
                "algorithm": "roundrobin",
                "servers": [{ "id": "a", "minconn": 1, "maxconn": 4 }],
                "ops": ops,
                "extra": ["fullconn 8"],
            },
            "observed": { "arrivals": observed },
        })
    };
    // Once somebody waits nobody is asked; when one finishes, 6 in all make three slots.
    let right = json!([[[0, "a"]], [], [], [], [], [], [[1, "a"], [2, "a"], [3, "a"]]]);
    assert_eq!(queue(&case(right)), Ok(()));
    let one_only = json!([[[0, "a"]], [], [], [], [], [], [[1, "a"]]]);
    assert!(queue(&case(one_only)).is_err());
    let mut without = case(json!([]));
    without["inputs"]["extra"] = json!([]);
    assert!(queue(&without).is_err_and(|error| error.contains("minconn needs fullconn")));
    without["inputs"]["extra"] = json!(["maxqueue 1"]);
    assert!(queue(&without).is_err_and(|error| error.contains("not known")));
}

/// leastconn is asked although others wait, and takes the slot that a larger backend opens.
#[test]
fn leastconn_and_random_are_asked_although_others_wait() {
    let case = |algorithm: &str, observed: Json| {
        let ops: Vec<Json> =
            (0..4).map(|n| json!(["start", n])).chain([json!(["finish", 0])]).collect();
        json!({
            "inputs": {
                "algorithm": algorithm,
                "servers": [{ "id": "a", "minconn": 1, "maxconn": 4 }],
                "ops": ops,
                "config": format!("balance {algorithm}; fullconn 8; server a addr minconn 1"),
            },
            "observed": { "arrivals": observed },
        })
    };
    let arrivals = json!([[[0, "a"]], [], [], [[3, "a"]], [[1, "a"]]]);
    for algorithm in ["leastconn", "random", "random(3)"] {
        assert_eq!(queue(&case(algorithm, arrivals.clone())), Ok(()), "{algorithm}");
        assert!(queue(&case("roundrobin", arrivals.clone())).is_err());
    }
}

/// A lone server is tried again after a second each time, redispatch or not.
#[test]
fn redispatch_with_one_server_waits() {
    let case = |config: &str, ms: u64| {
        json!({
            "inputs": { "servers": ["a (nothing listens)"], "config": config },
            "observed": { "requests": [{ "status": 503, "server": "a", "ms": ms }] },
        })
    };
    for config in ["retries 2; option redispatch", "retries 2; option redispatch 1", "retries 2"] {
        assert_eq!(redispatch(&case(config, 2_000)), Ok(()), "{config}");
        assert!(redispatch(&case(config, 0)).is_err());
    }
    assert_eq!(redispatch(&case("option redispatch", 3_000)), Ok(()));
}

/// leastconn stays with its server until the last retry.
#[test]
fn redispatch_at_the_last_retry() {
    let case = |config: &str, server: &str, ms: u64| {
        json!({
            "inputs": { "servers": ["a (nothing listens)", "b"], "config": config },
            "observed": { "requests": [{ "status": 200, "server": server, "ms": ms }] },
        })
    };
    let lines = "balance leastconn; retries 3; option redispatch";
    assert_eq!(redispatch(&case(lines, "b", 3_000)), Ok(()));
    assert_eq!(redispatch(&case(&format!("{lines} 2"), "b", 2_000)), Ok(()));
    assert_eq!(redispatch(&case("retries 3; option redispatch", "b", SLACK_MS as u64)), Ok(()));
    assert!(redispatch(&case("balance uri; retries 3", "b", 0)).is_err());
}
