//! Why a gate let a request through or not, and where it went.

use std::net::Ipv4Addr;

use super::{Gateway, LinkId, Reason};
use crate::policy::gateway::Targets;
use crate::sim::{Context, Line, Sink, Span, Why};

/// Takes over what a guard said, under its gate's name.
pub(super) fn add(gate: &str, said: Why, why: &mut Why) {
    for line in said.lines {
        why.line(|| Line { subject: format!("{gate}: {}", line.subject), ..line });
    }
    more(said.sentence, why);
}

/// One sentence more.
fn more(words: String, why: &mut Why) {
    if !words.is_empty() && why.wanted() {
        let before = std::mem::take(&mut why.sentence);
        let gap = if before.is_empty() { "" } else { " " };
        why.say(|| format!("{before}{gap}{words}"));
    }
}

/// A share of addresses as the largest lot it falls on is compared with.
fn mark(percent: f64) -> String {
    format!("{} % = {}", percent, percent * 100.0)
}

impl Gateway {
    pub(super) fn explain_route(&self, service: &str, path: &str, why: &mut Why) {
        let found = self.door.routes().find(service, path);
        for (place, route) in self.door.routes().all().iter().enumerate() {
            let chosen = Some(place) == found;
            why.line(|| {
                let to = match &route.stable {
                    Targets::All => "all that are wired".to_owned(),
                    Targets::Named(names) => names.join(", "),
                };
                Line { subject: format!("route {}", route.name()), numbers: to, chosen }
            });
        }
        if found.is_none() {
            more(format!("The table has no service {service}."), why);
        }
    }

    pub(super) fn explain_token(&self, drawn: u64, passes: bool, why: &mut Why) {
        let of = self.config.no_token;
        why.line(|| {
            let sign = if passes { "\u{2265}" } else { "<" };
            let numbers = format!("the address draws {drawn} {sign} {}", mark(of));
            Line { subject: "token".to_owned(), numbers, chosen: passes }
        });
        if !passes {
            more("The address has no token.".to_owned(), why);
        }
    }

    pub(super) fn explain_canary(&self, drawn: u64, canary: bool, why: &mut Why) {
        let of = self.config.canary;
        why.line(|| {
            let (sign, to) = if canary { ("<", "canary") } else { ("\u{2265}", "stable") };
            let numbers = format!("the address draws {drawn} {sign} {}: {to}", mark(of));
            Line { subject: "canary".to_owned(), numbers, chosen: canary }
        });
    }

    pub(super) fn title<S: Sink + ?Sized>(
        &self,
        verdict: &Result<(bool, Option<Span>), Reason>,
        service: &str,
        path: &str,
        why: &mut Why,
        cx: &Context<'_, S>,
    ) {
        let own = cx.own_name();
        why.title(|| match verdict {
            Ok((_, None)) => format!("{own} let it in"),
            Ok((_, Some(wait))) => format!("{own} lets it in after {wait}"),
            Err(reason) => format!("{own} refused it: {}", reason.words()),
        });
        more(format!("It asks for {service}{path}."), why);
    }

    pub(super) fn title_attempt<S: Sink + ?Sized>(
        &self,
        slot: u32,
        chosen: Result<LinkId, Reason>,
        why: &mut Why,
        cx: &Context<'_, S>,
    ) {
        let Some(flight) = self.flights.get(&slot) else { return };
        let (own, attempt) = (cx.own_name(), flight.attempts);
        let route = self.door.routes().find(&flight.service, &flight.path);
        let route = route.and_then(|place| self.door.routes().all().get(place));
        match chosen {
            Ok(link) => {
                let card = cx.peer(link);
                why.title(|| format!("{own}, attempt {attempt}: {}", card.name));
                if route.is_some_and(|route| !route.serves(&card.name, &card.id)) {
                    let service = &flight.service;
                    more(format!("It is no server of {service}: a misroute."), why);
                }
            }
            Err(reason) => {
                why.title(|| format!("{own}, attempt {attempt}: {}", reason.words()));
                if reason == Reason::NoHealthyEndpoints {
                    let service = &flight.service;
                    more(format!("No healthy endpoints for service {service}."), why);
                }
            }
        }
    }

    pub(super) fn explain_given_up<S: Sink + ?Sized>(
        &self,
        slot: u32,
        reason: Reason,
        cx: &mut Context<'_, S>,
    ) {
        let mut why = cx.why(slot);
        if let Some(flight) = self.flights.get(&slot).filter(|_| why.wanted()) {
            let all = reason == Reason::DeadlinePassed;
            let allowed = if all { self.config.deadline() } else { self.config.timeout() };
            let allowed = allowed.unwrap_or(Span::ZERO);
            let address = cx.request(slot).map_or(0, |request| request.address);
            why.title(|| format!("{}: {}", cx.own_name(), reason.words()));
            why.say(|| match all {
                true => format!(
                    "The request of {} came {} ago; all attempts together have {allowed}.",
                    Ipv4Addr::from_bits(address),
                    cx.now().since(flight.since)
                ),
                false => format!(
                    "Attempt {} had {allowed}. Its answer will be dropped when it comes.",
                    flight.attempts
                ),
            });
        }
        cx.decided(slot, why);
    }

    pub(super) fn title_again<S: Sink + ?Sized>(
        &self,
        failed: u32,
        within: bool,
        wait: Option<Span>,
        why: &mut Why,
        cx: &Context<'_, S>,
    ) {
        let own = cx.own_name();
        let most = self.config.retries;
        why.title(|| match wait {
            Some(Span::ZERO) => format!("{own} tries again at once"),
            Some(wait) => format!("{own} tries again after {wait}"),
            None => format!("{own} does not try again"),
        });
        more(
            match within {
                true => format!("{failed} of 1 + {most} attempts have failed."),
                false => format!("All 1 + {most} attempts have failed."),
            },
            why,
        );
    }
}
