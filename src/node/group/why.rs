//! Why a server of the group was chosen, and why the group grew or shrank, in their own numbers.

use super::config::{Dispatch, Metric};
use super::control::{Action, Decision};
use super::member::Life;
use super::{Group, GroupConfig};
use crate::sim::{Context, Line, Sink, Span, Why};

impl Group {
    /// A request came: which server gets it, before it gets it.
    pub(super) fn explain<S: Sink + ?Sized>(
        &self,
        chosen: Option<usize>,
        why: &mut Why,
        cx: &Context<'_, S>,
    ) {
        let name = cx.own_name();
        let (cores, limit) = (self.config.cores, self.config.queue_limit);
        for (place, member) in self.places.iter().enumerate() {
            let Some(member) = member else { continue };
            let (busy, line) = (member.busy(), member.queue.len());
            why.line(|| Line {
                subject: format!("server {place}"),
                numbers: match member.life {
                    Life::Up => format!("{busy} at work + {line} waiting = {}", member.in_hand()),
                    Life::Dead => "0, dead, which nobody has noticed".to_owned(),
                    life => format!("{}: not chosen", life.words()),
                },
                chosen: chosen == Some(place),
            });
        }
        let Some(place) = chosen else {
            why.title(|| format!("{name} turned it away"));
            return why.say(|| "No server is up.".to_owned());
        };
        let Some(member) = &self.places[place] else { return };
        why.title(|| format!("{name} gave it to server {place}"));
        let rule = match self.config.dispatch {
            Dispatch::RoundRobin => format!("It is the next in turn after server {}.", self.last),
            Dispatch::LeastBusy => format!(
                "It has the fewest in hand, and of those it is the next in turn after server {}.",
                self.last
            ),
        };
        why.say(|| match member.life {
            Life::Dead => format!("{rule} It is dead, and refuses: connection refused."),
            _ if member.busy() < u32::from(cores) => format!("{rule} A core was free."),
            _ if member.queue.len() < limit as usize => format!("{rule} It waits there."),
            _ => format!("{rule} All its {limit} waiting places were taken: queue full."),
        });
    }

    /// Somebody who waited is next.
    pub(super) fn explain_next<S: Sink + ?Sized>(
        &self,
        place: usize,
        slot: u32,
        cx: &mut Context<'_, S>,
    ) {
        let mut why = cx.why(slot);
        if why.wanted() {
            let waited = cx.request(slot).map_or(Span::ZERO, |r| cx.now().since(r.since));
            let left = self.places[place].as_ref().map_or(0, |member| member.queue.len());
            let name = cx.own_name();
            why.line(|| Line {
                subject: format!("server {place}"),
                numbers: format!("waited {waited}, {left} wait on"),
                chosen: true,
            });
            why.title(|| format!("Server {place} of {name} took it from its line"));
            why.say(|| "A core was free, and it had waited longest there.".to_owned());
        }
        cx.decided(slot, why);
    }
}

impl Decision {
    /// The decision in words: the formula with its numbers, and what came of it.
    pub fn words(&self, config: &GroupConfig) -> String {
        let Decision { measured, target, up, wanted, allowed, .. } = *self;
        let servers = |n: u32| match n {
            1 => "1 server".to_owned(),
            n => format!("{n} servers"),
        };
        let found = match self.metric {
            Metric::Utilisation => format!("{} at {:.0} %", servers(up.into()), measured * 100.0),
            Metric::QueueDepth => format!("{}, {measured:.1} waiting at each", servers(up.into())),
        };
        let formula = format!("ceil({up} \u{d7} {measured} / {target}) = {wanted}");
        let limited = match wanted == u32::from(allowed) {
            true => String::new(),
            false => {
                let (fewest, most) = (config.fewest(), config.max);
                format!(", within {fewest} to {most}: {allowed}")
            }
        };
        let outcome = match self.action {
            Action::Blind => return "No server is up that could be measured.".to_owned(),
            Action::Close => {
                let (ratio, tolerance) = (measured / target, config.tolerance);
                return format!(
                    "{found}: {measured} / {target} = {ratio:.3} is within {tolerance} % of 1, so \
                     nothing is done."
                );
            }
            Action::Stay => match self.starting {
                0 => "as many as there are".to_owned(),
                n => format!("with {} that start, as many as there are", servers(n.into())),
            },
            Action::Incomplete => format!(
                "none is taken out before all are up: {} start, {} are dead",
                self.starting, self.dead
            ),
            Action::Cooling { until } => {
                format!("but it is cooling down until {:.1} s", until.seconds())
            }
            Action::Out(n) => format!("{} more", servers(n.into())),
            Action::In(n) => format!("{} fewer", servers(n.into())),
        };
        format!("{found}: {formula}{limited}; {outcome}.")
    }
}
