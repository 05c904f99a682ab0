//! Upgrading a server: ordinary edits and faults, so that files, links and undo know them.

use super::{Command, Refusal, Session};
use crate::node::machine::{self, CourseMachine, Machine, REBOOT};
use crate::node::{Kind, ServerConfig, Value};
use crate::scenario::{Fault, FaultKind, Problem, Target};

impl Session {
    fn server(&self, id: &str) -> Option<&ServerConfig> {
        match &self.scenario().node(id)?.kind {
            Kind::Server(config) => Some(config),
            _ => None,
        }
    }

    /// The next larger machine for this server. None when it is no server or there is none.
    pub fn larger_machine(&self, id: &str) -> Option<Machine> {
        let config = self.server(id)?;
        machine::next_larger(config.cores, config.memory_gb, config.network_gbps)
    }

    /// The price of the smallest machine that is no less than this server. None when it is no
    /// server or there is no such machine.
    pub fn price_of(&self, id: &str) -> Option<f64> {
        let config = self.server(id)?;
        machine::price(config.cores, config.memory_gb, config.network_gbps)
    }

    /// Puts a server on the next larger machine: it goes down just now, loses what it holds, and
    /// comes up again as the larger one. Refused when there is none. One step of undo.
    pub fn upgrade(&mut self, id: &str) -> Result<(), Refusal> {
        let Some(next) = self.larger_machine(id) else {
            return Err(Problem::new("", "there is no larger machine"));
        };
        let down = self.free_instant();
        let fault = |at, kind| Fault { at, on: Target::node(id), kind };
        let last = self.scenario().faults.len();
        let mut all = vec![
            Command::AddFault(last, fault(down, FaultKind::Crash)),
            Command::AddFault(last + 1, fault(down + REBOOT, FaultKind::Restart)),
        ];
        all.extend(settings(id, f64::from(next.cores), next.memory_gb, next.network_gbps));
        self.apply(Command::All(all), 0)
    }

    /// Upgrades a server as the course does: cores and memory doubled, the network 10 Gbps whatever
    /// it was, and no time for it. Refused beyond the limits of the settings.
    pub fn upgrade_as_in_course(&mut self, id: &str) -> Result<(), Refusal> {
        let Some(config) = self.server(id) else {
            return Err(Problem::new("", "it is no server"));
        };
        // The course counts whole GB; here a thousandth of one is a unit.
        let now = CourseMachine {
            cpu: i64::from(config.cores),
            memory: (config.memory_gb * 1e3).round() as i64,
            storage: 0,
            network: format!("{}Gbps", config.network_gbps),
        };
        let next = now.upgrade();
        let gbps = next.network.trim_end_matches("Gbps").parse().unwrap_or(config.network_gbps);
        let all = settings(id, next.cpu as f64, next.memory as f64 / 1e3, gbps);
        self.apply(Command::All(all.to_vec()), 0)
    }
}

fn settings(id: &str, cores: f64, memory_gb: f64, network_gbps: f64) -> [Command; 3] {
    [("cores", cores), ("memory", memory_gb), ("network", network_gbps)]
        .map(|(key, n)| Command::Set(id.to_owned(), key.to_owned(), Value::Number(n)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::gallery::Preset;
    use crate::sim::{Reason, Span};

    fn open() -> Session {
        let preset = Preset::find("scale-up").expect("it is built in");
        let mut session = Session::new(preset.scenario()).expect("it is valid");
        session.advance(Span::from_millis(2_000), u64::MAX);
        session
    }

    fn size(session: &Session) -> (u16, f64, f64) {
        let config = session.server("s1").expect("it is a server");
        (config.cores, config.memory_gb, config.network_gbps)
    }

    #[test]
    fn a_server_reboots_into_the_next_machine_until_there_is_none() {
        let mut session = open();
        let before = session.scenario().clone();
        assert_eq!((size(&session), session.price_of("s1")), ((2, 8.0, 1.0), Some(2.3)));
        session.upgrade("s1").expect("there is a larger one");
        assert_eq!((size(&session), session.price_of("s1")), ((4, 16.0, 5.0), Some(5.3)));
        session.advance(Span::from_millis(500), u64::MAX);
        assert!(!session.is_up("s1"));
        assert!(session.run().tally().failed[Reason::ConnectionRefused as usize] > 0);
        session.advance(REBOOT, u64::MAX);
        assert!(session.is_up("s1"));
        assert!(session.undo().expect("one step"));
        assert_eq!(session.scenario(), &before);
        for _ in 2..8 {
            session.upgrade("s1").expect("there is a larger one");
        }
        assert_eq!((size(&session), session.larger_machine("s1")), ((96, 384.0, 100.0), None));
        assert!(session.upgrade("s1").is_err() && session.upgrade("clients").is_err());
    }

    #[test]
    fn the_courses_upgrade_takes_no_time_and_can_make_it_slower() {
        let mut session = open();
        let network = Command::Set("s1".into(), "network".into(), Value::Number(100.0));
        session.apply(network, 0).expect("allowed");
        session.upgrade_as_in_course("s1").expect("allowed");
        assert_eq!(size(&session), (4, 16.0, 10.0));
        session.advance(Span::from_millis(10), u64::MAX);
        assert!(session.is_up("s1"));
        for _ in 2..10 {
            session.upgrade_as_in_course("s1").expect("allowed");
        }
        assert_eq!(size(&session).0, 1_024);
        // The course knows no end; a server here has one.
        let refused = session.upgrade_as_in_course("s1").expect_err("there is an end");
        assert!(refused.to_string().contains("must be between 1 and 1024"), "{refused}");
        assert_eq!(size(&session).0, 1_024);
    }
}
