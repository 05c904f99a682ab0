//! HAProxy 2.6's own ways to choose a server, one file each, and what they share.
//!
//! * A weight is 0 to 256 and is multiplied by 16 (the *effective weight*), so that slow start can
//!   raise it in small steps. Weights outside are brought to the nearest bound; 0 drains: nothing
//!   new is sent there.
//! * A server is usable while it is healthy and its weight is not 0.
//! * Servers marked backup are asked only when no other is usable, and then only the first usable
//!   one in list order takes everything, unless `option allbackups` is on. (static-rr and map-based
//!   hashing do not quite keep to that: `map.rs`.)
//! * A server is full when its requests in flight have reached `maxconn`. roundrobin, static-rr,
//!   leastconn and first pass over full servers and choose nobody when all are full; HAProxy then
//!   lets the request wait in the backend's queue. A hash sticks to its server, full or not, and
//!   the request waits there. random chooses nobody when the one it drew is full.
//! * A request that comes back to be sent again (`option redispatch`) avoids the server it has just
//!   tried, unless there is no other; map-based hashing sends it to the same one again.
//! * Numbers of servers are `Backend::id`, from 1; consistent hashing and `first` go by them.
//!
//! Source: HAProxy 2.6 configuration manual, `balance`, `hash-type`, `weight`, `backup`; its
//! behaviour as recorded from 2.6.12.

mod bound;
pub(super) mod first;
mod hash_knobs;
mod hash_reasons;
pub(super) mod hashed;
mod key;
pub(super) mod leastconn;
mod map;
pub(super) mod random;
mod ring;
pub(super) mod roundrobin;
mod rounds;
mod slow_start;
pub(super) mod static_rr;
#[cfg(test)]
mod testing;
mod tree;

pub use first::HaproxyFirst;
pub use hashed::HaproxyHashed;
pub use leastconn::HaproxyLeastConn;
pub use random::HaproxyRandom;
pub use roundrobin::HaproxyRoundRobin;
pub use slow_start::{slow_start_period, slow_start_weight, weight_shown};
pub use static_rr::HaproxyStaticRr;

use super::{Ask, Backend};
use crate::policy::Knob;
use crate::sim::{Line, Why};

/// How many parts a unit of weight has.
const PARTS: u32 = 16;

/// The largest weight a server can have.
const WEIGHT_MAX: i64 = 256;

/// The largest effective weight.
const EFFECTIVE_MAX: u32 = WEIGHT_MAX as u32 * PARTS;

/// `option allbackups`.
const ALL_BACKUPS: Knob = Knob {
    key: "all_backups",
    wire: 0,
    label: "All backups",
    unit: "",
    help: "When only backups are left: 0 = the first one takes everything, 1 = all of them share.",
    min: 0.0,
    max: 1.0,
    default: 0.0,
    whole: true,
};

/// What is known of one server since it last changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Server {
    /// 16 times the weight.
    weight: u32,
    usable: bool,
    backup: bool,
}

impl Server {
    fn of(backend: &Backend) -> Server {
        let weight = backend.weight.clamp(0, WEIGHT_MAX) as u32 * PARTS;
        Server { weight, usable: backend.healthy && weight > 0, backup: backend.backup }
    }

    /// Which of the two groups it is in: 0 = active servers, 1 = backups.
    fn group(self) -> usize {
        usize::from(self.backup)
    }
}

/// Whom a request may be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Serving {
    /// The usable servers of this group.
    Group(usize),
    /// The first usable backup alone.
    Only(usize),
    Nobody,
}

/// All servers of a balancer, as of their last change.
#[derive(Clone, Debug, Default)]
struct Pool {
    servers: Vec<Server>,
    /// Usable servers in each group.
    usable: [usize; 2],
    /// The first usable backup in list order.
    first_backup: Option<usize>,
    all_backups: bool,
}

impl Pool {
    fn new(all_backups: bool) -> Pool {
        Pool { all_backups, ..Pool::default() }
    }

    fn added(&mut self, backends: &[Backend]) {
        for backend in backends.iter().skip(self.servers.len()) {
            self.servers.push(Server::of(backend));
        }
        self.recount();
    }

    /// The server at `place` before and after its change. Nothing if it is not known.
    fn changed(&mut self, place: usize, backends: &[Backend]) -> Option<(Server, Server)> {
        let server = self.servers.get_mut(place)?;
        let before = *server;
        *server = Server::of(backends.get(place)?);
        let now = *server;
        self.recount();
        Some((before, now))
    }

    /// The server that was at `place`. Nothing if it was not known.
    fn removed(&mut self, place: usize) -> Option<Server> {
        if place >= self.servers.len() {
            return None;
        }
        let server = self.servers.remove(place);
        self.recount();
        Some(server)
    }

    fn recount(&mut self) {
        self.usable = [0; 2];
        self.first_backup = None;
        for (place, server) in self.servers.iter().enumerate().filter(|(_, server)| server.usable) {
            self.usable[server.group()] += 1;
            if server.backup && self.first_backup.is_none() {
                self.first_backup = Some(place);
            }
        }
    }

    fn serving(&self) -> Serving {
        match (self.usable, self.first_backup) {
            ([0, _], None) => Serving::Nobody,
            ([0, _], Some(only)) if !self.all_backups => Serving::Only(only),
            ([0, _], Some(_)) => Serving::Group(1),
            _ => Serving::Group(0),
        }
    }

    /// How many servers share the requests: 1 if the first backup takes everything.
    fn in_use(&self) -> usize {
        match self.serving() {
            Serving::Group(group) => self.usable[group],
            Serving::Only(_) => 1,
            Serving::Nobody => 0,
        }
    }

    /// Is the server at `place` usable and in the group whose turn it is? Unlike [`Pool::serves`],
    /// of several backups all are.
    fn in_turn(&self, place: usize) -> bool {
        let group = match self.serving() {
            Serving::Group(group) => group,
            Serving::Only(_) => 1,
            Serving::Nobody => return false,
        };
        self.servers.get(place).is_some_and(|server| server.usable && server.group() == group)
    }

    /// May a request be sent to the server at `place` at all, full or not?
    fn serves(&self, place: usize) -> bool {
        match self.serving() {
            Serving::Group(_) => self.in_turn(place),
            Serving::Only(only) => only == place,
            Serving::Nobody => false,
        }
    }

    fn check(&self, backends: &[Backend]) -> Result<(), String> {
        let now: Vec<Server> = backends.iter().map(Server::of).collect();
        if now != self.servers {
            return Err(format!("knows the servers as {:?}, they are {now:?}", self.servers));
        }
        Ok(())
    }
}

/// Can it take one more?
fn has_room(backend: &Backend) -> bool {
    backend.in_flight_max == 0 || backend.in_flight < backend.in_flight_max
}

/// The server this very request was last sent to without success.
fn avoided(ask: &Ask) -> Option<usize> {
    ask.tried.last().copied()
}

/// Why a server was not among the candidates, in a few words; nothing if it was.
fn out_of_it(place: usize, pool: &Pool, backends: &[Backend]) -> Option<&'static str> {
    let server = pool.servers.get(place)?;
    match server {
        Server { weight: 0, .. } => Some("weight 0: drained"),
        Server { usable: false, .. } => Some("down"),
        Server { backup: true, .. } if !pool.serves(place) => Some("backup: not needed"),
        _ if backends.get(place).is_none_or(|backend| !has_room(backend)) => Some("full"),
        _ => None,
    }
}

/// Reasons for the first backup taking everything.
fn explain_only(place: usize, backends: &[Backend], why: &mut Why) {
    if !why.wanted() {
        return;
    }
    for (number, backend) in backends.iter().enumerate() {
        why.line(|| Line {
            subject: backend.name.to_string(),
            numbers: match (number == place, backend.backup) {
                (true, _) => "the first usable backup".to_owned(),
                (false, true) => "backup: not the first usable one".to_owned(),
                (false, false) => "down or drained".to_owned(),
            },
            chosen: number == place,
        });
    }
    why.say(|| {
        let name = &backends[place].name;
        format!("No active server is usable, so the first usable backup, {name}, takes everything.")
    });
}

/// Reasons for choosing nobody.
fn explain_nobody(pool: &Pool, backends: &[Backend], why: &mut Why) {
    if !why.wanted() {
        return;
    }
    for (place, backend) in backends.iter().enumerate() {
        why.line(|| Line {
            subject: backend.name.to_string(),
            numbers: out_of_it(place, pool, backends).unwrap_or("not chosen").to_owned(),
            chosen: false,
        });
    }
    why.say(|| match pool.serving() {
        Serving::Nobody => "No server is usable.".to_owned(),
        _ => "Every server that could be asked is full.".to_owned(),
    });
}

#[cfg(test)]
mod tests {
    use super::testing::{happenings, list, survives};
    use super::*;
    use crate::policy::Knobs;
    use crate::policy::balance::{CATALOGUE, Entry, Pick};
    use crate::sim::Rng;
    use proptest::prelude::*;

    fn own() -> Vec<&'static Entry> {
        let own = CATALOGUE.iter().filter(|entry| entry.key.starts_with("haproxy_"));
        own.copied().collect()
    }

    #[test]
    fn weights_out_of_range_are_brought_to_the_nearest_bound() {
        let weigh = |weight| Server::of(&Backend::new(1, "a", weight)).weight;
        assert_eq!([i64::MIN, -1, 0, 1, 256, i64::MAX].map(weigh), [0, 0, 0, 16, 4_096, 4_096]);
    }

    /// 60 requests that stay, with 60 keys and addresses, while only two backups are left.
    #[test]
    fn one_backup_or_all_of_them() {
        for entry in own() {
            let used = [0.0, 1.0].map(|all| {
                let mut knobs = Knobs::default();
                assert_eq!(knobs.set(entry.knobs, "all_backups", all), Ok(()));
                let mut policy = (entry.make)(&knobs);
                let mut list = list(&[1, 1, 1]);
                for backend in &mut list {
                    (backend.backup, backend.in_flight_max) = (backend.id > 1, 40);
                }
                policy.added(&list);
                list[0].healthy = false;
                policy.changed(0, &list);
                for number in 0..60u8 {
                    let (key, client) = ([number], [10, 0, 0, number].into());
                    let ask = Ask { key: Some(&key), client, ..Ask::NOTHING };
                    let rng = &mut Rng::from_seed(1);
                    if let Pick::Backend(place) = policy.pick(&ask, &list, rng, &mut Why::off()) {
                        list[place].in_flight += 1;
                        policy.sent(place, &list);
                    }
                }
                assert_eq!(policy.check(&list), Ok(()));
                [0, 1, 2].map(|place: usize| list[place].in_flight)
            });
            let [one, all] = used;
            assert!(one[1] > 0 && one[2] == 0, "{}: {one:?}", entry.key);
            assert!(all[1] > 0 && all[2] > 0, "{}: {all:?}", entry.key);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        /// Whatever happens to whatever strategy, with its knobs anywhere in their ranges.
        #[test]
        fn nothing_upsets_them(
            which in any::<prop::sample::Index>(),
            turns in prop::collection::vec(0.0..=1.0f64, 12),
            story in happenings(),
        ) {
            let entries = own();
            let entry = which.get(&entries);
            let mut knobs = Knobs::default();
            for (knob, turn) in entry.knobs.iter().zip(turns) {
                let value = (knob.min + turn * (knob.max - knob.min)).round();
                prop_assert_eq!(knobs.set(entry.knobs, knob.key, value), Ok(()));
            }
            survives(entry, &knobs, story);
        }
    }
}
