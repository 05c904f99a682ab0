//! The registry's list: every instance that registered, by its id, with its check.
//!
//! As Consul (agent/agent.go `reapServicesInternal`, `addServiceInternal`): who registers is
//! critical until a check says otherwise; who registers again under the same id keeps its status
//! and its place; discovery gives those of a service that are passing; who has been critical for
//! strictly longer than it wished at registration, or than a minute, whichever is longer, goes with
//! the next round of the reaper. The order of what discovery gives is not documented; here it is by
//! ascending id.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::check::{Check, Status};
use super::deregisters_after;
use super::handle::Registration;
use crate::sim::{Span, Time};

/// An instance in the list.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// What it registered.
    pub registration: Registration,
    /// How it is.
    pub check: Check,
    /// Is it in maintenance, that is, not to be found whatever its check says?
    pub maintenance: bool,
}

impl Instance {
    /// Its status: in maintenance it is critical, as Consul's extra check makes it.
    pub fn status(&self) -> Status {
        if self.maintenance { Status::Critical } else { self.check.status }
    }
}

/// An instance that was critical for too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaped {
    /// Its id.
    pub id: Arc<str>,
    /// For how long it had been critical.
    pub critical_for: Span,
}

/// The list.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    instances: BTreeMap<Arc<str>, Instance>,
}

impl Catalogue {
    /// Enters an instance.
    pub fn register(&mut self, registration: Registration) {
        let first = registration.initial_status.unwrap_or(Status::Critical);
        let known = self.instances.get(&registration.id);
        let maintenance = known.is_some_and(|known| known.maintenance);
        let check = Check::new(known.map_or(first, |known| known.check.status));
        let id = registration.id.clone();
        self.instances.insert(id, Instance { registration, check, maintenance });
    }

    /// Strikes an instance out. False when there is none with this id.
    pub fn deregister(&mut self, id: &str) -> bool {
        self.instances.remove(id).is_some()
    }

    /// The instance with this id.
    pub fn get(&self, id: &str) -> Option<&Instance> {
        self.instances.get(id)
    }

    /// The check of the instance with this id.
    pub fn check_mut(&mut self, id: &str) -> Option<&mut Check> {
        self.instances.get_mut(id).map(|instance| &mut instance.check)
    }

    /// All instances, by ascending id.
    pub fn all(&self) -> impl Iterator<Item = &Instance> {
        self.instances.values()
    }

    /// The instances of this service that are passing, by ascending id.
    pub fn passing(&self, service: &str) -> impl Iterator<Item = &Instance> {
        self.instances.values().filter(move |instance| {
            &*instance.registration.service == service && instance.status() == Status::Passing
        })
    }

    /// An instance begins or ends its maintenance.
    pub fn maintain(&mut self, id: &str, on: bool) {
        if let Some(instance) = self.instances.get_mut(id) {
            instance.maintenance = on;
        }
    }

    /// All checks are critical again and none has been made: what a registry that starts anew on
    /// the list that it kept on disk says.
    pub fn start_anew(&mut self) {
        for instance in self.instances.values_mut() {
            instance.check = Check::new(Status::Critical);
        }
    }

    /// A round of the reaper: strikes out those that were critical for too long.
    pub fn reap(&mut self, now: Time) -> Vec<Reaped> {
        let overdue = |instance: &&Instance| {
            let after = deregisters_after(instance.registration.deregister_after);
            after.is_some_and(|after| instance.check.overdue(now, after))
        };
        let gone = self.instances.values().filter(overdue).map(|instance| Reaped {
            id: instance.registration.id.clone(),
            critical_for: now.since(instance.check.critical_since.unwrap_or(now)),
        });
        let gone: Vec<Reaped> = gone.collect();
        gone.iter().for_each(|reaped| {
            self.instances.remove(&reaped.id);
        });
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Answer, Thresholds};
    use super::*;

    const fn at(s: u64) -> Time {
        Time::from_ns(s * 1_000_000_000)
    }

    fn list() -> Catalogue {
        let mut list = Catalogue::default();
        list.register(Registration::as_in_course("a-2", "a", 2));
        list.register(Registration::as_in_course("a-1", "a", 1));
        list.register(Registration::as_in_course("b-1", "b", 3));
        list
    }

    fn hear(list: &mut Catalogue, id: &str, answer: Answer, s: u64) {
        let check = list.check_mut(id).expect("it is there");
        check.heard(answer, at(s), Thresholds::default());
    }

    #[test]
    fn only_passing_instances_of_the_service_are_found_in_order() {
        let mut list = list();
        assert_eq!(list.passing("a").count(), 0, "who registers is critical");
        for id in ["a-1", "a-2", "b-1"] {
            hear(&mut list, id, Answer::Http(200), 1);
        }
        let ids: Vec<&str> = list.passing("a").map(|one| &*one.registration.id).collect();
        assert_eq!(ids, ["a-1", "a-2"]);
        hear(&mut list, "a-1", Answer::Http(429), 2);
        assert_eq!(list.passing("a").count(), 1);
    }

    #[test]
    fn nobody_in_maintenance_is_found() {
        let mut list = list();
        hear(&mut list, "a-1", Answer::Http(200), 1);
        list.maintain("a-1", true);
        assert_eq!(list.passing("a").count(), 0);
        list.register(Registration::as_in_course("a-1", "a", 1));
        assert_eq!(list.passing("a").count(), 0, "it is in maintenance still");
        list.maintain("a-1", false);
        assert_eq!(list.passing("a").count(), 1);
    }

    #[test]
    fn who_registers_again_keeps_its_status() {
        let mut list = list();
        hear(&mut list, "a-1", Answer::Http(200), 1);
        list.register(Registration::as_in_course("a-1", "a", 9));
        let again = list.get("a-1").expect("it is there");
        assert_eq!((again.check.status, again.registration.port), (Status::Passing, 9));
    }

    #[test]
    fn the_reaper_takes_whoever_was_critical_for_more_than_a_minute() {
        let mut list = list();
        hear(&mut list, "a-1", Answer::Error, 10);
        assert!(list.reap(at(70)).is_empty(), "exactly a minute is not longer");
        hear(&mut list, "a-1", Answer::TimedOut, 75);
        let gone = list.reap(Time::from_ns(at(70).ns() + 1));
        assert_eq!(gone.len(), 1);
        assert_eq!((&*gone[0].id, gone[0].critical_for.ns()), ("a-1", 60_000_000_001));
        assert_eq!(list.all().count(), 2, "those that were never asked stay");
    }

    #[test]
    fn a_good_answer_begins_the_minute_anew() {
        let mut list = list();
        hear(&mut list, "a-1", Answer::Error, 10);
        hear(&mut list, "a-1", Answer::Http(200), 60);
        hear(&mut list, "a-1", Answer::Error, 65);
        assert!(list.reap(at(100)).is_empty());
        assert_eq!(list.reap(at(126)).len(), 1);
    }
}
