//! What can be set on a queue.

use crate::node::param::Choice;
use crate::policy::broker::{Exchanging, Overflow, QueueArgs};
use crate::sim::Span;

/// What a queue is made like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A broker: a message is gone once it is acknowledged.
    Broker,
    /// A log: messages stay, readers remember how far they are.
    Log,
}

/// Which queues get a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routing {
    /// The one queue there is.
    Default,
    /// Those whose binding is the routing key.
    Direct,
    /// Those whose binding matches the words of the routing key.
    Topic,
    /// All of them.
    Fanout,
}

/// What the routing key of a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoutingKey {
    /// What is asked for: `put`.
    Operation,
    /// The key, with dots: `user.7`.
    Key,
    /// Both: `put.user.7`.
    Both,
}

/// When a message counts as handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledge {
    /// Once it is sent.
    Auto,
    /// When the worker says so.
    Manual,
}

/// What becomes of a message that a worker failed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// It goes back to its place at once.
    Requeue,
    /// It is refused for good.
    Reject,
    /// It is put aside for a while.
    Retry,
}

/// How partitions are shared out among the members of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assignor {
    /// Runs of partitions, in order.
    Range,
    /// In turn.
    RoundRobin,
    /// As before as far as possible.
    Sticky,
    /// As before, and only what moves stands still.
    Cooperative,
}

/// In which partition a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partitioner {
    /// By its key.
    Key,
    /// In turn.
    InTurn,
}

/// What can be set on a queue.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueConfig {
    /// What it is made like.
    pub form: Form,
    /// Which queues get a message.
    pub routing: Routing,
    /// The bindings, one queue each, with spaces between.
    pub bindings: String,
    /// What the routing key is.
    pub routing_key: RoutingKey,
    /// When a message counts as handled.
    pub acknowledge: Acknowledge,
    /// The most unacknowledged messages of one worker; 0 is no limit.
    pub prefetch: u32,
    /// Do queues survive a restart?
    pub durable: bool,
    /// Do messages, in a queue that does?
    pub persistent: bool,
    /// Does the producer hear whether its message is safe?
    pub confirms: bool,
    /// How long it takes until a persistent message is on disk, in ms.
    pub disk_ms: f64,
    /// Does a message that no queue is bound for come back?
    pub mandatory: bool,
    /// How long a message may wait, in ms; 0 is for ever.
    pub ttl_ms: f64,
    /// The most messages that may wait in a queue; 0 is no limit.
    pub length: u32,
    /// What happens when it is full.
    pub overflow: Overflow,
    /// What becomes of a message that a worker failed on.
    pub on_failure: OnFailure,
    /// How often a message may come back; 0 is as often as it likes.
    pub tries: u32,
    /// How long it is put aside, in ms.
    pub retry_ms: f64,
    /// Are dead letters kept?
    pub dead_letters: bool,
    /// Do workers connect again when their connection broke?
    pub reconnect: bool,
    /// Partitions of the log.
    pub partitions: u32,
    /// Groups of readers; each reads everything.
    pub groups: u32,
    /// How partitions are shared out in a group.
    pub assignor: Assignor,
    /// Where a message goes.
    pub partitioner: Partitioner,
    /// How long until a group misses a member that died, in ms.
    pub session_ms: f64,
    /// How long partitions that change hands stand still, in ms.
    pub rebalance_ms: f64,
}

impl Default for QueueConfig {
    fn default() -> Self {
        QueueConfig {
            form: Form::Broker,
            routing: Routing::Default,
            bindings: "put.# get.#".to_owned(),
            routing_key: RoutingKey::Both,
            acknowledge: Acknowledge::Manual,
            prefetch: 1,
            durable: true,
            persistent: true,
            confirms: true,
            disk_ms: 2.0,
            mandatory: false,
            ttl_ms: 0.0,
            length: 0,
            overflow: Overflow::DropHead,
            on_failure: OnFailure::Requeue,
            tries: 0,
            retry_ms: 1_000.0,
            dead_letters: true,
            reconnect: true,
            partitions: 4,
            groups: 1,
            assignor: Assignor::Range,
            partitioner: Partitioner::Key,
            session_ms: 1_000.0,
            rebalance_ms: 300.0,
        }
    }
}

/// The most queues behind one exchange.
pub const QUEUES_MAX: usize = 8;
/// Where dead letters are kept.
pub(super) const DEAD: &str = "dead";
/// The exchange in front of several queues.
pub(super) const EXCHANGE: &str = "x";

impl QueueConfig {
    /// The names of the queues with their bindings; the only one of the default exchange has none.
    pub fn queues(&self) -> Vec<(String, Option<String>)> {
        if self.routing == Routing::Default {
            return vec![("q1".to_owned(), None)];
        }
        let bindings = self.bindings.split_whitespace().take(QUEUES_MAX).enumerate();
        bindings.map(|(n, key)| (format!("q{}", n + 1), Some(key.to_owned()))).collect()
    }

    /// How many rows it shows: queues, or partitions.
    pub fn rows_shown(&self) -> usize {
        match self.form {
            Form::Broker => self.queues().len(),
            Form::Log => (self.partitions * self.groups) as usize,
        }
    }

    /// Is what is taken in written to disk?
    pub(super) fn on_disk(&self) -> bool {
        self.form == Form::Log || (self.durable && self.persistent)
    }

    /// How the broker's exchange tells queues apart, if there is one.
    pub(super) fn exchanging(&self) -> Option<Exchanging> {
        match self.routing {
            Routing::Default => None,
            Routing::Direct => Some(Exchanging::Direct),
            Routing::Topic => Some(Exchanging::Topic),
            Routing::Fanout => Some(Exchanging::Fanout),
        }
    }

    /// How a queue for work is declared.
    pub(super) fn queue_args(&self) -> QueueArgs {
        let requeues = self.on_failure == OnFailure::Requeue && self.tries > 0;
        QueueArgs {
            durable: self.durable,
            ttl: (self.ttl_ms > 0.0).then(|| Span::from_millis_f64(self.ttl_ms)),
            length_max: (self.length > 0).then_some(u64::from(self.length)),
            overflow: self.overflow,
            dead_letter_exchange: self.dead_letters.then(|| "".into()),
            dead_letter_key: self.dead_letters.then(|| DEAD.into()),
            delivery_limit: requeues.then_some(self.tries),
            ..QueueArgs::default()
        }
    }
}

pub(super) fn check_bindings(text: &str) -> Result<(), String> {
    let count = text.split_whitespace().count();
    if count == 0 || count > QUEUES_MAX {
        return Err(format!("must be 1 to {QUEUES_MAX} bindings with spaces between, got {count}"));
    }
    if text.chars().any(char::is_control) || text.contains('\u{202e}') {
        return Err("must hold no control characters".to_owned());
    }
    Ok(())
}

/// A table of choices: value, key, number in links, name, rule.
macro_rules! choices {
    (
        $name:ident: $type:ty =
        $($value:path, $key:literal, $wire:literal, $label:literal, $rule:literal;)*
    ) => {
        pub(super) const $name: &[($type, Choice)] =
            &[$(($value, Choice::plain($key, $wire, $label, $rule))),*];
    };
}

choices! { FORMS: Form =
    Form::Broker, "broker", 0, "Queue, as RabbitMQ",
        "The broker hands messages out one by one and forgets those that are acknowledged.";
    Form::Log, "log", 1, "Log, as Kafka",
        "Messages stay in partitions; groups of workers read at their own pace.";
}
choices! { ROUTINGS: Routing =
    Routing::Default, "default", 0, "Default",
        "One queue; all workers take from it in turn. As in the course.";
    Routing::Direct, "direct", 1, "Direct",
        "A queue gets the messages whose routing key is its binding.";
    Routing::Topic, "topic", 2, "Topic",
        "A queue gets the messages whose words match its binding: * is one word, # any number.";
    Routing::Fanout, "fanout", 3, "Fanout", "Every queue gets a copy.";
}
choices! { ROUTING_KEYS: RoutingKey =
    RoutingKey::Operation, "operation", 0, "put", "What is asked for: get, put, delete or scan.";
    RoutingKey::Key, "key", 1, "user.7", "The key, with a dot for the colon.";
    RoutingKey::Both, "both", 2, "put.user.7", "What is asked for, then the key.";
}
choices! { ACKNOWLEDGES: Acknowledge =
    Acknowledge::Auto, "auto", 0, "When sent, as in the course",
        "Auto-ack: handled as soon as it is sent. What a worker had not done when it died is gone.";
    Acknowledge::Manual, "manual", 1, "When the worker is done",
        "Manual: what a worker had not acknowledged when it died comes back, and may come twice.";
}
choices! { OVERFLOWS: Overflow =
    Overflow::DropHead, "drop_head", 0, "The oldest goes", "drop-head: the oldest makes room.";
    Overflow::Reject, "reject", 1, "The new one is refused",
        "reject-publish: the producer hears it only with confirms.";
    Overflow::RejectDead, "reject_dead", 2, "Refused, and dead-lettered",
        "reject-publish-dlx: refused, and a copy goes to the dead letters.";
}
choices! { ON_FAILURES: OnFailure =
    OnFailure::Requeue, "requeue", 0, "Back to its place",
        "nack with requeue: it comes again at once, marked as redelivered.";
    OnFailure::Reject, "reject", 1, "Refused for good",
        "reject: it goes to the dead letters, if they are kept.";
    OnFailure::Retry, "retry", 2, "Again after a while",
        "It waits in a queue of its own and joins the end when its time is over.";
}
choices! { ASSIGNORS: Assignor =
    Assignor::Range, "range", 0, "Range",
        "Members in order of name get runs of partitions; everybody stops while they change hands.";
    Assignor::RoundRobin, "round_robin", 1, "Round robin",
        "Partitions are dealt in turn; everybody stops while they change hands.";
    Assignor::Sticky, "sticky", 2, "Sticky",
        "Members keep what they have as far as it is fair; everybody stops meanwhile.";
    Assignor::Cooperative, "cooperative", 3, "Cooperative sticky",
        "Members keep what they have, and only the partitions that move stop.";
}
choices! { PARTITIONERS: Partitioner =
    Partitioner::Key, "key", 0, "By key", "murmur2 of the key: one key, one partition, in order.";
    Partitioner::InTurn, "in_turn", 1, "In turn", "Evenly, and without any order between them.";
}
