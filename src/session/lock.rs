//! What whoever looks at a document may change, as a teacher set it.

use super::command::{Command, Refusal};
use crate::scenario::Scenario;

/// How much may be changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edit {
    /// Everything.
    #[default]
    All,
    /// Settings, faults and single requests.
    Params,
    /// Nothing.
    Nothing,
}

/// What is locked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// How much may be changed.
    pub edit: Edit,
    /// Nodes that stay as they are all the same, by id.
    pub nodes: Vec<String>,
}

impl Lock {
    /// Refuses a command that changes something locked.
    pub(super) fn admit(&self, scenario: &Scenario, command: &Command) -> Result<(), Refusal> {
        if let Command::All(all) = command {
            return all.iter().try_for_each(|one| self.admit(scenario, one));
        }
        // Looking at it slowly changes nothing.
        let allowed = match self.edit {
            Edit::All => true,
            Edit::Params => is_setting(command),
            Edit::Nothing => matches!(command, Command::SetSpeed(_)),
        };
        if !allowed {
            let words = match self.edit {
                Edit::Params => "is locked: settings and faults may be changed, the rest may not",
                _ => "is locked: nothing in it may be changed here",
            };
            return Err(Refusal::new("this scenario", words));
        }
        let found = match command {
            Command::Replace(other) => {
                self.nodes.iter().find(|id| scenario.node(id) != other.node(id))
            }
            _ => about(command).find(|id| self.nodes.contains(id)),
        };
        match found {
            Some(id) => Err(Refusal::new(id.clone(), "is locked")),
            None => Ok(()),
        }
    }
}

fn is_setting(command: &Command) -> bool {
    matches!(
        command,
        Command::Set(..)
            | Command::SetLink(..)
            | Command::SetSeed(_)
            | Command::SetSpeed(_)
            | Command::AddFault(..)
            | Command::RemoveFault(_)
            | Command::SetFault(..)
            | Command::AddSend(..)
            | Command::RemoveSend(_)
    )
}

/// The nodes that a command changes themselves; not those that only get another wire.
fn about(command: &Command) -> Box<dyn Iterator<Item = &String> + '_> {
    match command {
        Command::RemoveNode(id) | Command::Set(id, ..) | Command::Rename(id, _) => {
            Box::new(std::iter::once(id))
        }
        Command::Move(places) => Box::new(places.iter().map(|(id, ..)| id)),
        _ => Box::new(std::iter::empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::Value;
    use crate::scenario::gallery::GALLERY;
    use crate::session::Session;

    fn locked(edit: Edit, nodes: &[&str]) -> Session {
        let mut session = Session::new(GALLERY[0].scenario()).expect("a built-in scenario");
        let nodes = nodes.iter().map(|id| (*id).to_owned()).collect();
        session.lock(Lock { edit, nodes });
        session
    }

    fn rate(of: &str) -> Command {
        Command::Set(of.into(), "rate".into(), Value::Number(9.0))
    }

    fn refused(session: &mut Session, command: Command) -> String {
        let before = session.scenario().clone();
        let words = session.apply(command, 0).expect_err("locked").to_string();
        assert_eq!(*session.scenario(), before);
        words
    }

    #[test]
    fn settings_and_faults_may_be_changed_and_the_rest_not() {
        let mut session = locked(Edit::Params, &[]);
        session.apply(rate("clients"), 0).expect("a setting");
        session.kill("s2").expect("a fault");
        session.undo().expect("what was done can be undone");
        for command in [
            Command::RemoveNode("s1".into()),
            Command::Rename("s1".into(), "x".into()),
            Command::Move(vec![("s1".into(), 0, 0)]),
            Command::SetTitle("x".into()),
            Command::All(vec![rate("clients"), Command::RemoveNode("s1".into())]),
        ] {
            assert!(refused(&mut session, command).contains("is locked"));
        }
    }

    #[test]
    fn nothing_may_be_changed_but_how_fast_it_is_looked_at() {
        let mut session = locked(Edit::Nothing, &[]);
        refused(&mut session, rate("clients"));
        assert!(session.kill("s2").is_err());
        session.apply(Command::SetSpeed(2.0), 0).expect("a speed");
    }

    #[test]
    fn a_locked_node_stays_as_it_is_and_may_be_wired() {
        let mut session = locked(Edit::All, &["s1"]);
        assert_eq!(refused(&mut session, Command::RemoveNode("s1".into())), "s1: is locked");
        refused(&mut session, Command::Move(vec![("s2".into(), 0, 0), ("s1".into(), 0, 0)]));
        session.apply(Command::Move(vec![("s2".into(), 0, 0)]), 0).expect("another");
        let mut other = session.scenario().clone();
        other.nodes[2].label = "another".into();
        refused(&mut session, Command::Replace(Box::new(other)));
        session.apply(Command::RemoveLink("lb".into(), "s1".into()), 0).expect("a wire");
    }
}
