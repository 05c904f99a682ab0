//! The table of routes with the balancers behind it.
//!
//! In the course there is one balancer for all services, and the instances that a service was
//! registered with are never looked at: a request for orders goes to whoever is next, be it a
//! server of users. With one balancer for each service it goes to those of its route only. In both
//! an unknown service is refused before any balancer is asked, so it takes nobody's turn.

use std::fmt;

use super::routes::{Route, Routes};
use crate::policy::Knobs;
use crate::policy::balance::{self, Answer, Ask, Backend, Balancer, Memory, Pick};
use crate::sim::{LinkId, Rng, Time, Why};

/// Why a request goes nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The table knows no such service.
    ServiceNotFound(String),
    /// Nobody can be chosen for the service.
    NoHealthyEndpoints(String),
    /// The balancer itself fell over, with these last words.
    Crash(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::ServiceNotFound(service) => write!(f, "service {service} not found"),
            Refusal::NoHealthyEndpoints(service) => {
                write!(f, "no healthy endpoints for service {service}")
            }
            Refusal::Crash(words) => f.write_str(words),
        }
    }
}

/// The address that a caller is sent to: the path is glued on as it is, with or without a slash.
pub fn url(address: &str, path: &str) -> String {
    format!("http://{address}{path}")
}

/// One of those that a request may be sent to, in a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Which pool.
    pub pool: usize,
    /// Its place in the pool's list.
    pub place: usize,
    /// The link to it.
    pub link: LinkId,
}

/// A list of instances and who chooses among them.
#[derive(Clone, Debug)]
struct Pool {
    list: Vec<Backend>,
    policy: Box<dyn Balancer>,
}

/// A gateway's table and pools.
#[derive(Clone, Debug)]
pub struct Door {
    routes: Routes,
    entry: &'static balance::Entry,
    /// One for all services; or two for each route, its canary's the second.
    shared: bool,
    pools: Vec<Pool>,
    joined: u32,
}

impl Door {
    /// A door with these routes and nobody behind them yet, with one balancer for all services or
    /// one for each.
    pub fn new(routes: Routes, entry: &'static balance::Entry, shared: bool) -> Door {
        let count = if shared { 1 } else { routes.all().len() * 2 };
        let pool = || Pool { list: Vec::new(), policy: (entry.make)(Knobs::DEFAULTS) };
        let pools = (0..count).map(|_| pool()).collect();
        Door { routes, entry, shared, pools, joined: 0 }
    }

    /// The table.
    pub fn routes(&self) -> &Routes {
        &self.routes
    }

    /// Enters a service in the table of a door with one balancer for all; the instances that are
    /// there already take it over.
    pub fn register(&mut self, route: Route) {
        self.routes.enter(route);
        if !self.shared {
            *self = Door::new(std::mem::take(&mut self.routes), self.entry, false);
        }
    }

    /// An instance is there: in the pools of the routes that name it. Of what `new` says its number
    /// is set here.
    pub fn enter(&mut self, new: Backend, id: &str) {
        self.joined += 1;
        let new = Backend { id: self.joined, ..new };
        for (number, pool) in self.pools.iter_mut().enumerate() {
            let route = self.routes.all().get(number / 2);
            let named = |one: &String| **one == *new.name || *one == id;
            let belongs = self.shared
                || route.is_some_and(|route| match number % 2 {
                    0 => route.stable.include(&new.name, id),
                    _ => route.canary.iter().any(named),
                });
            if belongs {
                pool.list.push(new.clone());
                pool.policy.added(&pool.list);
            }
        }
    }

    /// The instance behind this link is gone.
    pub fn leave(&mut self, link: LinkId) {
        for pool in &mut self.pools {
            if let Some(place) = pool.list.iter().position(|one| one.link == link) {
                pool.list.remove(place);
                pool.policy.removed(place, &pool.list);
            }
        }
    }

    /// The instances behind this link are marked anew, or have another weight.
    pub fn mark(&mut self, link: LinkId, healthy: bool, weight: i64) {
        for pool in &mut self.pools {
            if let Some(place) = pool.list.iter().position(|one| one.link == link) {
                let one = &mut pool.list[place];
                if (one.healthy, one.weight) != (healthy, weight) {
                    (one.healthy, one.weight) = (healthy, weight);
                    pool.policy.changed(place, &pool.list);
                }
            }
        }
    }

    /// The instances of a pool.
    pub fn list(&self, pool: usize) -> &[Backend] {
        self.pools.get(pool).map_or(&[], |pool| &pool.list)
    }

    /// Which pool a request of this route is chosen from.
    pub fn pool(&self, route: usize, canary: bool) -> usize {
        if self.shared { 0 } else { route * 2 + usize::from(canary) }
    }

    /// Chooses an instance for a request of a route.
    ///
    /// # Errors
    /// When nobody can be chosen.
    pub fn choose(
        &mut self,
        route: usize,
        canary: bool,
        ask: &Ask<'_>,
        rng: &mut Rng,
        why: &mut Why,
    ) -> Result<Target, Refusal> {
        let number = self.pool(route, canary);
        let service = || self.routes.all().get(route).map_or(String::new(), |r| r.service.clone());
        let Some(pool) = self.pools.get_mut(number) else {
            return Err(Refusal::ServiceNotFound(service()));
        };
        match pool.policy.pick(ask, &pool.list, rng, why) {
            Pick::Backend(place) => Ok(Target { pool: number, place, link: pool.list[place].link }),
            Pick::Nobody => Err(Refusal::NoHealthyEndpoints(service())),
            Pick::Crash(words) => Err(Refusal::Crash(words)),
        }
    }

    /// The route for a service and a path.
    ///
    /// # Errors
    /// When the table knows no such service.
    pub fn find(&self, service: &str, path: &str) -> Result<usize, Refusal> {
        let found = self.routes.find(service, path);
        found.ok_or_else(|| Refusal::ServiceNotFound(service.to_owned()))
    }

    /// A request is on its way to an instance.
    pub fn sent(&mut self, target: Target) {
        if let Some(pool) = self.pools.get_mut(target.pool)
            && let Some(one) = pool.list.get_mut(target.place)
        {
            one.in_flight += 1;
            pool.policy.sent(target.place, &pool.list);
        }
    }

    /// A request is back from the instance behind this link, or was given up.
    pub fn answered(&mut self, pool: usize, link: LinkId, answer: &Answer) {
        if let Some(pool) = self.pools.get_mut(pool)
            && let Some(place) = pool.list.iter().position(|one| one.link == link)
        {
            let one = &mut pool.list[place];
            one.in_flight = one.in_flight.saturating_sub(1);
            pool.policy.answered(place, answer, &pool.list);
        }
    }

    /// What the balancer of a pool keeps between picks.
    pub fn memory(&self, pool: usize, now: Time) -> Memory {
        self.pools.get(pool).map_or(Memory::Nothing, |pool| pool.policy.memory(&pool.list, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "users: u1 u2 canary u3; orders: o1";

    fn door(shared: bool) -> Door {
        let entry = balance::find("round_robin").expect("it is in the catalogue");
        let mut door = Door::new(Routes::parse(TABLE).expect("it is right"), entry, shared);
        for (number, name) in ["u1", "u2", "u3", "o1"].into_iter().enumerate() {
            let link = LinkId(number as u16);
            door.enter(Backend { link, ..Backend::new(0, name, 1) }, &format!("n{number}"));
        }
        door
    }

    fn go(door: &mut Door, service: &str, canary: bool) -> Result<u16, Refusal> {
        let route = door.find(service, "/7")?;
        let (mut rng, mut why) = (Rng::from_seed(1), Why::off());
        door.choose(route, canary, &Ask::NOTHING, &mut rng, &mut why).map(|to| to.link.0)
    }

    #[test]
    fn one_balancer_for_all_sends_orders_to_users() {
        let mut door = door(true);
        let went: Vec<_> = (0..4).map(|_| go(&mut door, "orders", false)).collect();
        assert_eq!(went, [Ok(0), Ok(1), Ok(2), Ok(3)]);
    }

    #[test]
    fn one_for_each_keeps_to_the_routes() {
        let mut door = door(false);
        let went: Vec<_> = (0..3).map(|_| go(&mut door, "users", false)).collect();
        assert_eq!(went, [Ok(0), Ok(1), Ok(0)]);
        assert_eq!((go(&mut door, "orders", false), go(&mut door, "users", true)), (Ok(3), Ok(2)));
        door.mark(LinkId(3), false, 1);
        let nobody = Err(Refusal::NoHealthyEndpoints("orders".to_owned()));
        assert_eq!(go(&mut door, "orders", false), nobody);
        door.leave(LinkId(0));
        assert_eq!(go(&mut door, "users", false), Ok(1));
    }

    #[test]
    fn an_unknown_service_takes_nobodys_turn() {
        let mut door = door(true);
        let unknown = go(&mut door, "ghost", false).expect_err("nobody knows it");
        assert_eq!(unknown.to_string(), "service ghost not found");
        assert_eq!(door.memory(0, Time::ZERO), Memory::Cursor(0));
    }
}
