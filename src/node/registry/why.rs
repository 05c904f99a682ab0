//! Why a client's request goes where it goes.

use super::Registry;
use crate::policy::registry::Status;
use crate::sim::{Context, Line, LinkId, Sink, Why};

impl Registry {
    /// Completes the reasons that the client's rule gave.
    pub(super) fn explain<S: Sink + ?Sized>(
        &self,
        place: Option<usize>,
        client: LinkId,
        why: &mut Why,
        cx: &Context<'_, S>,
    ) {
        let own = cx.own_name();
        why.title(|| match place {
            Some(place) => format!("{own}: the client takes {}", self.members[place].name),
            None => format!("{own}: the client finds nobody"),
        });
        for member in &self.members {
            let (check, status) = (self.check(member), self.status(member));
            if status == Some(Status::Passing) {
                continue;
            }
            let drained = status != check.map(|check| check.status);
            why.line(|| {
                let numbers = match check {
                    Some(check) => {
                        let last = check.last.map(|(at, answer)| {
                            format!("{}, {} ago", answer.words(), cx.now().since(at))
                        });
                        let last = last.unwrap_or("not checked yet".to_owned());
                        let drained = if drained { " (in maintenance)" } else { "" };
                        format!("{}{drained}: {last}", check.status.words())
                    }
                    None => "not registered".to_owned(),
                };
                Line { subject: member.name.to_string(), numbers, chosen: false }
            });
        }
        let rule = std::mem::take(&mut why.sentence);
        let read = self.list_of(client).and_then(|list| list.read_at());
        let age = read.map(|at| cx.now().since(at));
        let ttl = self.config.ttl();
        why.say(|| {
            let list = match age {
                Some(age) if age.ns() > 0 => {
                    format!("Its list is {age} old, no older than {ttl}, so it did not ask anew.")
                }
                _ => "It has just asked the registry for those that pass.".to_owned(),
            };
            let rule = if rule.is_empty() { "Nobody is on it.".to_owned() } else { rule };
            format!("{list} {rule}")
        });
    }

    /// The registry is down, and the client has no list that it may use.
    pub(super) fn explain_unreachable<S: Sink + ?Sized>(
        &self,
        slot: u32,
        client: LinkId,
        cx: &mut Context<'_, S>,
    ) {
        let mut why = cx.why(slot);
        if why.wanted() {
            let read = self.list_of(client).and_then(|list| list.read_at());
            let ttl = self.config.ttl();
            why.title(|| format!("{} cannot be asked: it is down", cx.own_name()));
            why.say(|| match read {
                _ if ttl.ns() == 0 => {
                    "The client keeps no list, so every request needs the registry.".to_owned()
                }
                Some(at) => {
                    let age = cx.now().since(at);
                    format!("The client's list is {age} old, older than {ttl}: it has expired.")
                }
                None => "The client has never had a list.".to_owned(),
            });
        }
        cx.decided(slot, why);
    }
}
