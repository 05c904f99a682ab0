//! Messages, and what they carry from one death to the next.

use std::sync::Arc;

use super::exchange::{Header, Headers};
use crate::sim::{Span, Time};

/// Why a message left a queue without being handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A consumer refused it and did not want it back.
    Rejected,
    /// Its time was up at the head of the queue.
    Expired,
    /// The queue was too long.
    MaxLen,
    /// It came back too often.
    DeliveryLimit,
}

impl Cause {
    /// All of them.
    pub const ALL: [Cause; 4] =
        [Cause::Rejected, Cause::Expired, Cause::MaxLen, Cause::DeliveryLimit];

    /// As RabbitMQ calls it.
    pub fn words(self) -> &'static str {
        match self {
            Cause::Rejected => "rejected",
            Cause::Expired => "expired",
            Cause::MaxLen => "maxlen",
            Cause::DeliveryLimit => "delivery_limit",
        }
    }
}

/// One entry of `x-death`: how often a message died in this queue of this cause.
#[derive(Clone, Debug, PartialEq)]
pub struct Death {
    /// How often.
    pub count: u32,
    /// Why.
    pub cause: Cause,
    /// Where.
    pub queue: Arc<str>,
    /// The exchange that it had been published to.
    pub exchange: Arc<str>,
    /// The key that it had been published with.
    pub routing_key: Arc<str>,
    /// When it died of this here first.
    pub at: Time,
    /// The expiry of its own that it had then.
    pub expiration: Option<Span>,
}

/// What few messages have.
#[derive(Clone, Debug, Default)]
struct Rare {
    headers: Headers,
    /// Newest first.
    deaths: Vec<Death>,
    first: Option<Death>,
}

/// A message; `B` is what it is about.
#[derive(Clone, Debug)]
pub struct Message<B> {
    /// What it is about.
    pub body: B,
    /// How long the body is, in bytes.
    pub bytes: u32,
    /// The exchange it was published to last.
    pub exchange: Arc<str>,
    /// The key it was published with last.
    pub routing_key: Arc<str>,
    /// Is it to survive a restart, in a durable queue?
    pub persistent: bool,
    /// How urgent it is; matters in a queue with priorities.
    pub priority: u8,
    /// How long it may wait, where it says so itself.
    pub expiration: Option<Span>,
    /// Has it been delivered before?
    pub redelivered: bool,
    /// How often it came back to this queue.
    pub returns: u32,
    /// Since when it is in the queue where it is.
    pub since: Time,
    rare: Option<Box<Rare>>,
}

impl<B> Message<B> {
    /// A transient message without headers.
    pub fn new(body: B, bytes: u32) -> Message<B> {
        Message {
            body,
            bytes,
            exchange: "".into(),
            routing_key: "".into(),
            persistent: false,
            priority: 0,
            expiration: None,
            redelivered: false,
            returns: 0,
            since: Time::ZERO,
            rare: None,
        }
    }

    /// Its headers, if it has any.
    pub fn headers(&self) -> Option<&Headers> {
        self.rare.as_ref().map(|rare| &rare.headers)
    }

    /// Gives it a header.
    pub fn set_header(&mut self, name: &str, value: Header) {
        self.rare.get_or_insert_default().headers.insert(name.to_owned(), value);
    }

    /// What it died of so far, newest first.
    pub fn deaths(&self) -> &[Death] {
        self.rare.as_ref().map_or(&[], |rare| &rare.deaths)
    }

    /// Its first death.
    pub fn first_death(&self) -> Option<&Death> {
        self.rare.as_ref().and_then(|rare| rare.first.as_ref())
    }

    /// How often it died in this queue of this cause.
    pub fn died(&self, queue: &str, cause: Cause) -> u32 {
        let same = |death: &&Death| &*death.queue == queue && death.cause == cause;
        self.deaths().iter().find(same).map_or(0, |death| death.count)
    }

    /// It dies in `queue`: notes the death at the head of the list, takes its own expiry away, and
    /// sets the headers of the first death once.
    pub(super) fn die(&mut self, queue: &Arc<str>, cause: Cause, now: Time) {
        let rare = self.rare.get_or_insert_default();
        let same = |death: &Death| death.queue == *queue && death.cause == cause;
        let death = match rare.deaths.iter().position(same) {
            Some(place) => {
                let mut death = rare.deaths.remove(place);
                death.count = death.count.saturating_add(1);
                death
            }
            None => Death {
                count: 1,
                cause,
                queue: queue.clone(),
                exchange: self.exchange.clone(),
                routing_key: self.routing_key.clone(),
                at: now,
                expiration: self.expiration,
            },
        };
        if rare.first.is_none() {
            for (name, value) in [
                ("x-first-death-exchange", &*death.exchange),
                ("x-first-death-queue", &*death.queue),
                ("x-first-death-reason", cause.words()),
            ] {
                rare.headers.insert(name.to_owned(), Header::Text(value.to_owned()));
            }
            rare.first = Some(death.clone());
        }
        rare.deaths.insert(0, death);
        (self.expiration, self.returns, self.redelivered) = (None, 0, false);
    }

    /// Would it come back to this queue without anybody having refused it on the way? Then it would
    /// go round for ever, and is dropped.
    pub(super) fn goes_round(&self, queue: &str) -> bool {
        let deaths = self.deaths();
        let Some(place) = deaths.iter().position(|death| &*death.queue == queue) else {
            return false;
        };
        deaths[..=place].iter().all(|death| death.cause != Cause::Rejected)
    }
}
