//! How a process enters itself: the course's `ServiceRegistry`, with what it sends.
//!
//! The handle remembers the id *before* it calls the registry, and only the last one. So a handle
//! that registers two ids can strike out only the second, one that never registered strikes out
//! nothing, and one whose call failed believes that it is registered.

use std::sync::Arc;

use super::catalogue::Catalogue;
use super::check::Status;
use crate::sim::Span;

/// What a process says about itself when it registers.
#[derive(Clone, Debug, PartialEq)]
pub struct Registration {
    /// Which instance.
    pub id: Arc<str>,
    /// Of which service.
    pub service: Arc<str>,
    /// Where it can be reached, as others will read it.
    pub address: Arc<str>,
    /// At which port.
    pub port: i64,
    /// Which page says how it is.
    pub check_http: Arc<str>,
    /// How long to wait between two checks.
    pub interval: Span,
    /// How long a check may take.
    pub timeout: Span,
    /// After how long in critical state to strike it out; none is never.
    pub deregister_after: Span,
    /// How it is at first; critical, if it does not say.
    pub initial_status: Option<Status>,
}

impl Registration {
    /// The course's: a check every 10 s, given up after 3 s, deregistration after 30 s, and
    /// `localhost` for an address, at which callers on other machines reach themselves.
    pub fn as_in_course(id: &str, service: &str, port: i64) -> Registration {
        Registration {
            id: id.into(),
            service: service.into(),
            address: "localhost".into(),
            port,
            check_http: format!("http://localhost:{port}/health").into(),
            interval: Span::from_millis(10_000),
            timeout: Span::from_millis(3_000),
            deregister_after: Span::from_millis(30_000),
            initial_status: None,
        }
    }
}

/// A process's hold on the registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handle {
    last: Option<Arc<str>>,
}

impl Handle {
    /// Registers. `registry` is nothing when it cannot be reached. False when that failed.
    pub fn register(
        &mut self,
        registration: Registration,
        registry: Option<&mut Catalogue>,
    ) -> bool {
        self.last = Some(registration.id.clone());
        match registry {
            Some(list) => {
                list.register(registration);
                true
            }
            None => false,
        }
    }

    /// Strikes out what it registered last. False when that failed: it never registered, the entry
    /// is gone, or the registry cannot be reached.
    pub fn deregister(&self, registry: Option<&mut Catalogue>) -> bool {
        match (&self.last, registry) {
            (Some(id), Some(list)) => list.deregister(id),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_strikes_out_only_what_it_registered_last() {
        let (mut list, mut handle) = (Catalogue::default(), Handle::default());
        assert!(!handle.deregister(Some(&mut list)), "nothing was registered");
        for id in ["a", "b"] {
            let one = Registration::as_in_course(id, "users", 80);
            assert!(handle.register(one, Some(&mut list)));
        }
        assert!(handle.deregister(Some(&mut list)) && !handle.deregister(Some(&mut list)));
        assert!(list.get("a").is_some(), "the earlier one leaks");
    }

    #[test]
    fn it_remembers_an_id_although_the_registry_was_down() {
        let (mut list, mut handle) = (Catalogue::default(), Handle::default());
        list.register(Registration::as_in_course("a", "users", 80));
        assert!(!handle.register(Registration::as_in_course("a", "users", 80), None));
        assert!(handle.deregister(Some(&mut list)), "it strikes out another process's entry");
    }
}
