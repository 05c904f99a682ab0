//! RabbitMQ as it was recorded, and the course's queue, through the broker that the queue node runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use switchyard::policy::broker::{
    Binding, Broker, Cause, ConsumerArgs, ConsumerId, Delivery, Exchange, Exchanging, Header,
    Headers, Message, Overflow, QueueArgs, Tag, Target,
};
use switchyard::sim::{Span, Time};

use super::{Covered, compare, is_true, items, text, whole};

#[path = "broker_more.rs"]
mod more;

/// What this file covers.
pub(crate) const KINDS: &[Covered] = &[
    Covered::course("queue", course_queue),
    Covered::recorded("rabbitmq_ack", ack),
    // Of a stream of confirms only what each message heard is modelled, not how frames bundle them.
    Covered::recorded("rabbitmq_confirm", more::confirm).stated(),
    Covered::recorded("rabbitmq_dlx", more::dead_letters).rough(),
    Covered::recorded("rabbitmq_durability", more::durability),
    // What is expected stands among what is asked, in the same rows.
    Covered::field("rabbitmq_headers", headers, &["messages"]).stated(),
    Covered::recorded("rabbitmq_misc", more::misc),
    Covered::recorded("rabbitmq_overflow", more::overflow),
    Covered::recorded("rabbitmq_prefetch", prefetch),
    Covered::recorded("rabbitmq_redelivery", more::redelivery),
    Covered::recorded("rabbitmq_routing", routing),
    Covered::field("rabbitmq_topic", topic, &["routes*"]).given(),
    Covered::recorded("rabbitmq_ttl", more::time_to_live).rough(),
];

/// A broker whose messages are their bodies, with a clock that is told.
#[derive(Default)]
pub(crate) struct Bench {
    broker: Broker<String>,
    now: Time,
    /// What each consumer got and has not given back, oldest first.
    held: BTreeMap<ConsumerId, Vec<(Tag, String)>>,
    /// What each consumer got since it was last asked.
    got: BTreeMap<ConsumerId, Vec<String>>,
    /// Dead letters that no queue took or that were only noted: body and cause.
    gone: Vec<(String, Cause)>,
}

/// As the recordings write a message: `+` when it was delivered before.
fn flagged(message: &Message<String>) -> String {
    format!("{}{}", message.body, if message.redelivered { "+" } else { "" })
}

pub(crate) fn published(body: &str, key: &str) -> Message<String> {
    let mut message = Message::new(body.to_owned(), body.len() as u32);
    message.routing_key = key.into();
    message
}

impl Bench {
    fn with_queue(args: QueueArgs) -> Bench {
        let mut bench = Bench::default();
        bench.broker.declare_queue("q", args);
        bench
    }

    /// Publishes; did the broker take it?
    fn publish(&mut self, message: Message<String>) -> Result<bool, String> {
        let published = self.broker.publish(message, false, self.now).map_err(|_| "no exchange")?;
        self.collect();
        Ok(!published.refused)
    }

    fn publish_all(&mut self, count: u64) -> Result<(), String> {
        (0..count).try_for_each(|n| self.publish(published(&format!("m{n}"), "q")).map(drop))
    }

    fn subscribe(&mut self, args: ConsumerArgs) -> ConsumerId {
        let id = self.broker.new_consumer();
        self.got.insert(id, Vec::new());
        self.broker.subscribe("q", id, args, self.now);
        self.collect();
        id
    }

    fn collect(&mut self) {
        for Delivery { consumer, tag, message, .. } in self.broker.take_deliveries() {
            self.got.entry(consumer).or_default().push(flagged(&message));
            if let Some(tag) = tag {
                self.held.entry(consumer).or_default().push((tag, message.body.clone()));
            }
        }
        for gone in self.broker.take_gone() {
            self.gone.push((gone.message.body, gone.cause));
        }
    }

    fn news(&mut self, consumer: ConsumerId) -> Vec<String> {
        self.got.get_mut(&consumer).map(std::mem::take).unwrap_or_default()
    }

    /// Takes a delivery off a consumer's hands: the oldest, or the one with this body.
    fn held_tag(&mut self, consumer: ConsumerId, body: Option<&str>) -> Result<Tag, String> {
        let held = self.held.entry(consumer).or_default();
        let place = match body {
            Some(body) => held.iter().position(|(_, held)| held == body),
            None => (!held.is_empty()).then_some(0),
        };
        let place = place.ok_or_else(|| format!("nothing to acknowledge: {body:?}"))?;
        Ok(held.remove(place).0)
    }

    fn ack(&mut self, consumer: ConsumerId, body: Option<&str>) -> Result<(), String> {
        let tag = self.held_tag(consumer, body)?;
        self.broker.ack(tag, self.now);
        self.collect();
        Ok(())
    }

    fn nack(&mut self, consumer: ConsumerId, body: &str, requeue: bool) -> Result<(), String> {
        let tag = self.held_tag(consumer, Some(body))?;
        self.broker.nack(tag, requeue, self.now);
        self.collect();
        Ok(())
    }

    fn close(&mut self, consumer: ConsumerId) {
        self.held.remove(&consumer);
        self.broker.close(consumer, self.now);
        self.collect();
    }

    /// Lets time pass, stopping at every expiry.
    fn wait(&mut self, until_ms: u64) {
        let until = Time::ZERO + Span::from_millis(until_ms);
        while let Some(next) = self.broker.next_expiry().filter(|next| *next <= until) {
            self.now = next.max(self.now);
            self.broker.tick(self.now);
        }
        self.now = until;
        self.collect();
    }

    /// What waits in a queue, with flags.
    fn waiting(&self, queue: &str) -> Vec<String> {
        let queue = self.broker.queue(queue);
        queue.map_or_else(Vec::new, |queue| queue.waiting().map(flagged).collect())
    }
}

// ===== routing =====

fn header(json: &Json) -> Result<Header, String> {
    Ok(match json {
        Json::Null => Header::Void,
        Json::Bool(on) => Header::Bool(*on),
        Json::Number(n) => match (n.as_i64(), n.as_f64()) {
            (Some(n), _) => Header::Int(n),
            (None, Some(n)) => Header::Float(n),
            _ => return Err(format!("no number: {n}")),
        },
        Json::String(text) if text == "(void)" => Header::Void,
        Json::String(text) => Header::Text(text.clone()),
        Json::Array(_) | Json::Object(_) => return Err(format!("no header: {json}")),
    })
}

fn header_map(json: &Json) -> Result<Headers, String> {
    let fields = json.as_object().ok_or_else(|| format!("no headers: {json}"))?;
    fields.iter().map(|(name, value)| Ok((name.clone(), header(value)?))).collect()
}

fn words_of(names: impl IntoIterator<Item = Arc<str>>) -> Json {
    names.into_iter().map(|name| json!(&*name)).collect()
}

fn routing(case: &Json) -> Result<(), String> {
    let inputs = &case["inputs"];
    let exchanging = match text(inputs, "type")? {
        "direct" => Exchanging::Direct,
        "topic" => Exchanging::Topic,
        "fanout" => Exchanging::Fanout,
        "headers" => Exchanging::Headers,
        other => return Err(format!("no such exchange: {other}")),
    };
    let mut broker = Broker::<()>::default();
    broker.declare_exchange("x", exchanging, true);
    for bound in items(inputs, "bindings") {
        let queue = bound[1].as_str().ok_or("a binding names a queue")?;
        let binding = match bound[0].as_str() {
            Some(key) => Binding::key(key),
            None => Binding::arguments(header_map(&bound[0])?),
        };
        broker.declare_queue(queue, QueueArgs::default());
        broker.bind("x", binding, queue);
    }
    let mut routes = Vec::new();
    let mut route = |key: &str, headers: Headers| {
        let mut message = Message::new((), 0);
        (message.exchange, message.routing_key) = ("x".into(), key.into());
        headers.into_iter().for_each(|(name, value)| message.set_header(&name, value));
        let queues = broker.route(&message).map_err(|_| "the exchange is there")?;
        let copies = broker.publish(message, false, Time::ZERO).map_err(|_| "it is there")?;
        if copies.queues != queues.len() {
            return Err("as many copies as queues".to_owned());
        }
        routes.push(words_of(queues));
        Ok(())
    };
    for key in items(inputs, "routing_keys") {
        route(key.as_str().ok_or("a routing key is a text")?, Headers::new())?;
    }
    for headers in items(inputs, "headers") {
        route("", header_map(headers)?)?;
    }
    compare("observed", &case["observed"], &json!({ "routes": routes }))
}

fn queue_names(targets: impl IntoIterator<Item = Target>) -> Vec<Arc<str>> {
    let name = |target| match target {
        Target::Queue(name) | Target::Exchange(name) => name,
    };
    targets.into_iter().map(name).collect()
}

fn topic(case: &Json) -> Result<(), String> {
    let mut exchange = Exchange::new(Exchanging::Topic, true);
    // Each row is a binding of its own: equal ones have other arguments in the source.
    let bound = |(row, pair): (usize, &Json)| match (pair[0].as_str(), pair[1].as_str()) {
        (Some(key), Some(queue)) => {
            let arguments = Headers::from([("row".to_owned(), Header::Int(row as i64))]);
            let binding = Binding { key: key.to_owned(), arguments };
            Ok((binding, Target::Queue(queue.into())))
        }
        _ => Err(format!("no binding: {pair}")),
    };
    let rows = items(case, "bindings").iter().enumerate();
    let bindings = rows.map(bound).collect::<Result<Vec<_>, _>>()?;
    for (binding, target) in &bindings {
        exchange.bind(binding.clone(), target.clone());
    }
    let check = |name: &str, exchange: &Exchange| {
        let Some(routes) = case[name].as_object() else { return Ok(()) };
        routes.iter().try_for_each(|(key, expected)| {
            let mut got = queue_names(exchange.route(key, None));
            // `t5` before `t10`.
            got.sort_by_key(|name| (name.len(), name.clone()));
            compare(&format!("{name}.{key:?}"), expected, &words_of(got))
        })
    };
    check("routes", &exchange)?;
    for number in items(case, "removed_1based") {
        let place = number.as_u64().and_then(|number| number.checked_sub(1));
        let gone = place.and_then(|place| bindings.get(place as usize));
        let (binding, target) = gone.ok_or_else(|| format!("no such binding: {number}"))?;
        exchange.unbind(binding, target);
    }
    check("routes_after_removal", &exchange)?;
    let known = ["routes", "routes_after_removal"];
    let mut fields = case.as_object().into_iter().flat_map(|fields| fields.keys());
    match fields.find(|name| name.starts_with("routes") && !known.contains(&name.as_str())) {
        Some(name) => Err(format!("the field {name:?} is not known")),
        None => Ok(()),
    }
}

fn headers(case: &Json) -> Result<(), String> {
    let mut exchange = Exchange::new(Exchanging::Headers, true);
    let bindings = case["bindings"].as_object().ok_or("needs bindings")?;
    for (queue, arguments) in bindings {
        let binding = Binding::arguments(header_map(arguments)?);
        exchange.bind(binding, Target::Queue(queue.as_str().into()));
    }
    let mut rows = Vec::new();
    for row in items(case, "messages") {
        let (field, value, headers) = match row["died"].as_str() {
            Some(died) => ("died", row["died"].clone(), more::headers_after(died)?),
            None => ("headers", row["headers"].clone(), header_map(&row["headers"])?),
        };
        let mut to = queue_names(exchange.route("", Some(&headers)));
        let order: Vec<&str> = items(row, "to").iter().filter_map(Json::as_str).collect();
        // The order in which queues are told means nothing.
        to.sort_by_key(|name| order.iter().position(|other| **other == **name));
        rows.push(json!({ field: value, "to": words_of(to) }));
    }
    compare("messages", &case["messages"], &json!(rows))
}

// ===== who gets it =====

fn prefetch(case: &Json) -> Result<(), String> {
    let inputs = &case["inputs"];
    let mut bench = Bench::with_queue(QueueArgs::default());
    let (count, filled) = (whole(inputs, "n", 0) as u64, is_true(inputs, "prefilled"));
    if filled {
        bench.publish_all(count)?;
    }
    let (priorities, auto_ack) = (items(inputs, "priority"), is_true(inputs, "auto_ack"));
    let mut consumers = BTreeMap::new();
    for (number, prefetch) in items(inputs, "prefetch").iter().enumerate() {
        let priority = priorities.get(number).and_then(Json::as_i64).unwrap_or(0) as i32;
        let prefetch = prefetch.as_u64().ok_or("a prefetch is a number")? as u32;
        let id = bench.subscribe(ConsumerArgs { prefetch, auto_ack, priority });
        consumers.insert(format!("c{}", number + 1), id);
    }
    if !filled {
        bench.publish_all(count)?;
    }
    let news = |bench: &mut Bench| -> Json {
        let all = consumers.iter().map(|(name, id)| (name.clone(), json!(bench.news(*id))));
        Json::Object(all.collect())
    };
    let mut deliveries = vec![news(&mut bench)];
    for step in items(inputs, "script") {
        let subject = step[1].as_str().ok_or("a step has a subject")?;
        match step[0].as_str() {
            Some("ack") => {
                let id = *consumers.get(subject).ok_or_else(|| format!("nobody: {subject}"))?;
                bench.ack(id, None)?;
            }
            Some("publish") => drop(bench.publish(published(subject, "q"))?),
            _ => return Err(format!("no such step: {step}")),
        }
        deliveries.push(news(&mut bench));
    }
    let ready = bench.waiting("q").len();
    compare(
        "observed",
        &case["observed"],
        &json!({ "deliveries": deliveries, "ready_left": ready }),
    )
}

/// A consumer that takes five seconds for each message is killed after 1.2: its code has seen one.
fn ack(case: &Json) -> Result<(), String> {
    let inputs = &case["inputs"];
    let (prefetch, auto_ack) = (whole(inputs, "prefetch", 0) as u32, is_true(inputs, "auto_ack"));
    let mut bench = Bench::with_queue(QueueArgs { durable: true, ..QueueArgs::default() });
    bench.publish_all(whole(inputs, "messages", 0) as u64)?;
    let id = bench.subscribe(ConsumerArgs { prefetch, auto_ack, priority: 0 });
    let handed: Vec<String> = bench.news(id).into_iter().take(1).collect();
    let ready = bench.waiting("q").len();
    bench.now = Time::ZERO + Span::from_millis(1_200);
    bench.close(id);
    let got = json!({
        "handed_to_code": handed,
        "ready_while_connected": ready,
        "left_after": bench.waiting("q"),
    });
    compare("observed", &case["observed"], &got)
}

// ===== the course's producer and consumer =====

/// The course's program: one producer, consumers with auto-ack that never come back.
#[derive(Default)]
struct Program {
    bench: Bench,
    queue: String,
    producer_open: bool,
    /// Each consumer with how many it still handles; none once its connection is gone.
    consumers: Vec<(Option<ConsumerId>, u64)>,
    handled: BTreeMap<String, Vec<String>>,
    unhandled: BTreeMap<String, Vec<String>>,
    consume_errors: u32,
    publish_errors: u32,
    published: u32,
    received: u32,
    unroutable: u32,
}

impl Program {
    fn publish(&mut self, body: &str) -> Result<(), String> {
        if !self.producer_open {
            self.publish_errors += 1;
            return Ok(());
        }
        self.published += 1;
        let message = published(body, &self.queue);
        let now = self.bench.now;
        let heard = self.bench.broker.publish(message, false, now).map_err(|_| "no exchange")?;
        self.unroutable += u32::from(heard.queues == 0);
        self.deliver();
        Ok(())
    }

    /// Whatever was delivered is handled at once, as long as its consumer handles anything.
    fn deliver(&mut self) {
        self.bench.collect();
        for (number, (id, left)) in self.consumers.iter_mut().enumerate() {
            let Some(id) = id else { continue };
            let name = format!("c{number}");
            for body in self.bench.news(*id) {
                if *left > 0 {
                    (*left, self.received) = (*left - 1, self.received + 1);
                    self.handled.entry(name.clone()).or_default().push(body);
                } else {
                    self.unhandled.entry(name.clone()).or_default().push(body);
                }
            }
        }
    }

    fn consume(&mut self, handles: u64) {
        let queue = self.queue.clone();
        let id = self.bench.broker.new_consumer();
        let args = ConsumerArgs { auto_ack: true, ..ConsumerArgs::default() };
        if !self.bench.broker.subscribe(&queue, id, args, self.bench.now) {
            self.consume_errors += 1;
            return;
        }
        self.handled.entry(format!("c{}", self.consumers.len())).or_default();
        self.consumers.push((Some(id), handles));
        self.deliver();
    }

    fn step(&mut self, step: &Json) -> Result<(), String> {
        let declare = |bench: &mut Bench, queue: &str| {
            let durable = QueueArgs { durable: true, ..QueueArgs::default() };
            bench.broker.declare_queue(queue, durable);
        };
        match text(step, "op")? {
            "publish" => self.publish(text(step, "body")?)?,
            "publish_range" => {
                let prefix = text(step, "prefix")?;
                for number in whole(step, "from", 1)..=whole(step, "to", 0) {
                    self.publish(&format!("{prefix}{number}"))?;
                }
            }
            "consume" => {
                let queue = self.queue.clone();
                // The constructor declares the queue, on either side.
                declare(&mut self.bench, &queue);
                self.consume(step["handles"].as_u64().unwrap_or(u64::MAX));
            }
            "kill" => {
                let place = whole(step, "consumer", 0) as usize;
                let gone = self.consumers.get_mut(place).and_then(|(id, _)| id.take());
                gone.into_iter().for_each(|id| self.bench.close(id));
            }
            "restart" => {
                self.bench.broker.restart(false, self.bench.now);
                self.producer_open = false;
                self.consumers.iter_mut().for_each(|(id, _)| *id = None);
            }
            "delete_queue" => drop(self.bench.broker.delete_queue(&self.queue)),
            "close_producer" => self.producer_open = false,
            "open_producer" => {
                let queue = self.queue.clone();
                declare(&mut self.bench, &queue);
                self.producer_open = true;
            }
            other => return Err(format!("no such operation: {other}")),
        }
        Ok(())
    }
}

fn course_queue(case: &Json) -> Result<(), String> {
    let inputs = &case["inputs"];
    let queue = text(inputs, "queue")?;
    let mut program = Program { queue: queue.to_owned(), ..Program::default() };
    program.step(&json!({ "op": "open_producer" }))?;
    for step in items(inputs, "ops") {
        program.step(step)?;
    }
    let left = program.bench.broker.queue(queue).map(|queue| queue.depth() as i64);
    let example = published("", queue);
    let got = json!({
        "consume_errors": program.consume_errors,
        "delivered_not_handled": program.unhandled,
        "handled": program.handled,
        "publish_args": {
            "content_type": "text/plain",
            "delivery_mode": if example.persistent { 2 } else { 0 },
            "exchange": &*example.exchange,
            "immediate": false,
            "mandatory": false,
            "routing_key": &*example.routing_key,
        },
        "publish_errors": program.publish_errors,
        "published_log_lines": program.published,
        "queue_depth": left.unwrap_or(-1),
        "received_log_lines": program.received,
        "unroutable_dropped": program.unroutable,
    });
    compare("expected", &case["expected"], &got)
}

pub(crate) fn queue_args(arguments: &Json) -> Result<QueueArgs, String> {
    let mut args = QueueArgs { durable: true, ..QueueArgs::default() };
    for (name, value) in arguments.as_object().into_iter().flatten() {
        let number = value.as_u64();
        match name.as_str() {
            "x-message-ttl" => args.ttl = number.map(Span::from_millis),
            "x-max-length" => args.length_max = number,
            "x-max-length-bytes" => args.bytes_max = number,
            "x-max-priority" => args.priority_max = number.map(|most| most as u8),
            "x-delivery-limit" => args.delivery_limit = number.map(|most| most as u32),
            "x-single-active-consumer" => args.single_active = value == &json!(true),
            "x-queue-type" => args.quorum = value == &json!("quorum"),
            "x-dead-letter-exchange" => args.dead_letter_exchange = value.as_str().map(Into::into),
            "x-dead-letter-routing-key" => args.dead_letter_key = value.as_str().map(Into::into),
            "x-overflow" => {
                args.overflow = match value.as_str() {
                    Some("drop-head") => Overflow::DropHead,
                    Some("reject-publish") => Overflow::Reject,
                    Some("reject-publish-dlx") => Overflow::RejectDead,
                    _ => return Err(format!("no such overflow: {value}")),
                }
            }
            other => return Err(format!("the argument {other:?} is not known")),
        }
    }
    Ok(args)
}
