//! What becomes of messages in a broker: redelivery, expiry, overflow, dead letters, restarts.
//!
//! Many recordings say what was done in words only. Each such procedure is written out here once
//! and recognised by the distinctive part of its words, and what it observed is compared in full.

use serde_json::{Map, Value as Json, json};
use switchyard::policy::broker::{
    Binding, Broker, ConsumerArgs, ConsumerId, Death, Exchanging, Header, Headers, Message,
    QueueArgs,
};
use switchyard::sim::{Span, Time};

use super::super::{compare, items, text, whole};
use super::{Bench, flagged, published, queue_args};

fn observed(case: &Json, got: &Json) -> Result<(), String> {
    compare("observed", &case["observed"], got)
}

fn what(case: &Json) -> &str {
    case["inputs"]["what"].as_str().unwrap_or("")
}

fn unknown(case: &Json) -> Result<(), String> {
    Err(format!("no such procedure: {}", case["inputs"]))
}

/// A queue whose dead letters go to the queue `dlq`.
fn with_dead_letters(args: QueueArgs) -> Bench {
    let dead_letter_exchange = args.dead_letter_exchange.clone().or(Some("".into()));
    let dead_letter_key = args.dead_letter_key.clone().or(Some("dlq".into()));
    let mut bench = Bench::with_queue(QueueArgs { dead_letter_exchange, dead_letter_key, ..args });
    bench.broker.declare_queue("dlq", QueueArgs::default());
    bench
}

// ===== redelivery =====

pub(crate) fn redelivery(case: &Json) -> Result<(), String> {
    let inputs = &case["inputs"];
    if inputs["actions"].is_null() {
        return returned_again_and_again(case);
    }
    let mut bench = Bench::with_queue(QueueArgs::default());
    bench.publish_all(whole(inputs, "messages", 0) as u64)?;
    let prefetch = whole(inputs, "prefetch", 0) as u32;
    let id = bench.subscribe(ConsumerArgs { prefetch, ..ConsumerArgs::default() });
    let mut steps = vec![json!({ "after": "start", "got": bench.news(id) })];
    for action in items(inputs, "actions") {
        let body = action[1].as_str();
        let one = || body.ok_or_else(|| format!("which message? {action}"));
        match action[0].as_str() {
            Some("ack") => bench.ack(id, Some(one()?))?,
            Some("nack") | Some("reject") => bench.nack(id, one()?, true)?,
            Some("nack_drop") | Some("reject_drop") => bench.nack(id, one()?, false)?,
            Some("close") => bench.close(id),
            Some("recover") => {
                bench.held.remove(&id);
                bench.broker.recover(id, bench.now);
                bench.collect();
            }
            Some("nack_all") => {
                for (_, body) in bench.held.get(&id).cloned().unwrap_or_default() {
                    bench.nack(id, &body, true)?;
                }
            }
            Some("cancel_then_nack_all") => {
                bench.broker.cancel(id);
                for (_, body) in bench.held.get(&id).cloned().unwrap_or_default() {
                    bench.nack(id, &body, true)?;
                }
            }
            _ => return Err(format!("no such action: {action}")),
        }
        steps.push(json!({ "after": action, "got": bench.news(id) }));
    }
    bench.close(id);
    observed(case, &json!({ "steps": steps, "queue_after_close": bench.waiting("q") }))
}

/// Somebody gets the head and gives it back, again and again.
fn returned_again_and_again(case: &Json) -> Result<(), String> {
    let quorum = what(case).starts_with("quorum");
    let limit = what(case).split(|c: char| !c.is_ascii_digit()).find_map(|word| word.parse().ok());
    if !quorum && !what(case).starts_with("classic queue a b c; get + nack requeue") {
        return unknown(case);
    }
    let args =
        QueueArgs { quorum, delivery_limit: limit.filter(|_| quorum), ..QueueArgs::default() };
    let mut bench = with_dead_letters(args);
    for body in ["a", "b", "c"] {
        bench.publish(published(body, "q"))?;
    }
    let mut gets = Vec::new();
    // `five times`, or as often as somebody went on getting.
    const WORDS: [&str; 10] =
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    let before_times = what(case).split_whitespace().zip(what(case).split_whitespace().skip(1));
    let stated =
        before_times.filter(|(_, next)| next.starts_with("times")).find_map(|(word, _)| {
            let in_words = WORDS.iter().position(|known| *known == word).map(|place| place + 1);
            in_words.or_else(|| word.parse().ok())
        });
    for _ in 0..stated.unwrap_or(items(&case["observed"], "gets").len()) {
        let now = bench.now;
        let Some(got) = bench.broker.get("q", ConsumerId(0), now) else { break };
        gets.push(json!([got.message.body, got.message.redelivered]));
        bench.broker.nack(got.tag.ok_or("to be acknowledged")?, true, now);
    }
    bench.collect();
    observed(case, &json!({ "gets": gets }))
}

// ===== expiry =====

/// How far a recorded time may be from ours, in milliseconds.
const ROUGH_MS: f64 = 40.0;

/// The recorded times where ours are near them, ours where they are not.
fn near(expected: &Json, got: u64) -> Json {
    let close = expected.as_f64().is_some_and(|ms| (ms - got as f64).abs() <= ROUGH_MS);
    if close { expected.clone() } else { json!(got) }
}

pub(crate) fn time_to_live(case: &Json) -> Result<(), String> {
    let inputs = &case["inputs"];
    let expected = &case["observed"];
    if what(case).starts_with("after 700 ms count the queue") {
        return got_from_behind(case);
    }
    if what(case).starts_with("queue TTL 500; message got unacked at once") {
        let ttl = Some(Span::from_millis(500));
        let mut bench = with_dead_letters(QueueArgs { ttl, ..QueueArgs::default() });
        bench.publish(published("a", "q"))?;
        let got = bench.broker.get("q", ConsumerId(0), bench.now).ok_or("it is there")?;
        bench.wait(800);
        let before = bench.waiting("dlq");
        bench.broker.nack(got.tag.ok_or("to be acknowledged")?, true, bench.now);
        let after = bench.waiting("dlq");
        return observed(
            case,
            &json!({
                "dead_while_unacked": before,
                "dead_after_requeue": after,
                "left": bench.waiting("q"),
            }),
        );
    }
    if inputs["watched_ms"].is_null() {
        return unknown(case);
    }
    let mut bench = with_dead_letters(queue_args(&inputs["queue_arguments"])?);
    publish_with_expirations(&mut bench, inputs)?;
    bench.wait(whole(inputs, "watched_ms", 0) as u64);
    let died: Vec<(String, u64)> = dead_letters_of(&bench)
        .map(|dead| (dead.body.clone(), dead.deaths()[0].at.ns() / 1_000_000))
        .collect();
    let died = died.into_iter().map(|(body, at)| {
        let at = near(&expected["dead_lettered_at_ms"][&body], at);
        (body, at)
    });
    let died: Map<String, Json> = died.collect();
    let left = fetched(&mut bench)?;
    observed(case, &json!({ "dead_lettered_at_ms": died, "left": left }))
}

/// What somebody gets who empties the queue: what expires at its head meanwhile is not among it.
fn fetched(bench: &mut Bench) -> Result<Vec<String>, String> {
    let mut got = Vec::new();
    while let Some(next) = bench.broker.get("q", ConsumerId(0), bench.now) {
        bench.broker.ack(next.tag.ok_or("to be acknowledged")?, bench.now);
        got.push(next.message.body);
    }
    Ok(got)
}

fn dead_letters_of(bench: &Bench) -> impl Iterator<Item = &Message<String>> {
    bench.broker.queue("dlq").into_iter().flat_map(|queue| queue.waiting())
}

fn publish_with_expirations(bench: &mut Bench, inputs: &Json) -> Result<(), String> {
    for row in items(inputs, "messages") {
        let mut message = published(row[0].as_str().ok_or("a body")?, "q");
        message.expiration = row[1].as_u64().map(Span::from_millis);
        bench.publish(message)?;
    }
    Ok(())
}

/// One that has expired behind one that has not is there until that one is gone.
fn got_from_behind(case: &Json) -> Result<(), String> {
    let mut bench = with_dead_letters(queue_args(&case["inputs"]["queue_arguments"])?);
    publish_with_expirations(&mut bench, &case["inputs"])?;
    bench.wait(700);
    let (count, before) = (bench.waiting("q").len(), bench.waiting("dlq"));
    let got = bench.broker.get("q", ConsumerId(0), bench.now).ok_or("it is there")?;
    observed(
        case,
        &json!({
            "count": count,
            "dead_before_get": before,
            "got": [got.message.body],
            "dead_after_get": bench.waiting("dlq"),
            "left": bench.waiting("q"),
        }),
    )
}

// ===== overflow =====

pub(crate) fn overflow(case: &Json) -> Result<(), String> {
    let inputs = &case["inputs"];
    let args = queue_args(&inputs["queue_arguments"])?;
    if what(case).starts_with("a,b taken unacked; c,d,e published") {
        return requeued_into_a_full_queue(case, args);
    }
    if !inputs["what"].is_null() {
        return unknown(case);
    }
    let dlx = inputs["dlx"] == json!(true);
    let mut bench = if dlx { with_dead_letters(args) } else { Bench::with_queue(args) };
    let mut heard = Vec::new();
    for body in items(inputs, "messages") {
        let taken = bench.publish(published(body.as_str().ok_or("a body")?, "q"))?;
        heard.push(if taken { "ack" } else { "nack" });
    }
    let dead: Vec<Json> = dead_letters_of(&bench)
        .map(|dead| json!([dead.body, dead.deaths()[0].cause.words()]))
        .collect();
    observed(case, &json!({ "publisher": heard, "left": bench.waiting("q"), "dead": dead }))
}

fn requeued_into_a_full_queue(case: &Json, args: QueueArgs) -> Result<(), String> {
    let mut bench = with_dead_letters(args);
    for body in ["a", "b"] {
        bench.publish(published(body, "q"))?;
        bench.broker.get("q", ConsumerId(0), bench.now).ok_or("it is there")?;
    }
    for body in ["c", "d", "e"] {
        bench.publish(published(body, "q"))?;
    }
    let (before, ready) = (bench.waiting("dlq"), bench.waiting("q").len());
    bench.close(ConsumerId(0));
    let dead: Vec<String> = bench.waiting("dlq").into_iter().skip(before.len()).collect();
    observed(
        case,
        &json!({
            "dead_before": before,
            "ready_before": ready,
            "dead_after_requeue": dead,
            "left": bench.waiting("q"),
        }),
    )
}

// ===== dead letters =====

fn death(death: &Death) -> Json {
    let mut entry = json!({
        "count": death.count,
        "reason": death.cause.words(),
        "queue": &*death.queue,
        "time": "<time>",
        "exchange": &*death.exchange,
        "routing-keys": [&*death.routing_key],
    });
    if let Some(expiration) = death.expiration {
        entry["original-expiration"] = json!(format!("{}", expiration.millis()));
    }
    entry
}

fn headers_of(message: &Message<String>) -> Json {
    let shown = |(name, value): (&String, &Header)| {
        let value = match value {
            Header::Void => Json::Null,
            Header::Bool(on) => json!(on),
            Header::Int(n) => json!(n),
            Header::Float(n) => json!(n),
            Header::Text(text) => json!(text),
        };
        (name.clone(), value)
    };
    let mut headers: Map<String, Json> =
        message.headers().into_iter().flatten().map(shown).collect();
    if !message.deaths().is_empty() {
        headers.insert("x-death".into(), message.deaths().iter().map(death).collect());
    }
    Json::Object(headers)
}

pub(crate) fn dead_letters(case: &Json) -> Result<(), String> {
    match what(case) {
        "W dead-letters to T, T has TTL 100 and dead-letters to W; job rejected three times; \
         headers seen at each of the 4 deliveries" => retried_three_times(case),
        "A (ttl 100) -> B (ttl 100) -> A, nobody consumes; [ms, messages in A, messages in B] at \
         each change" => round_and_round(case),
        "queue with ttl 100 whose dead letters go back to itself (default exchange, same key); \
         count after 500 ms" => {
            let mut bench = Bench::with_queue(dead_to("q", Some(100)));
            bench.publish(published("m", "q"))?;
            bench.wait(500);
            observed(case, &json!({ "count": bench.waiting("q").len() }))
        }
        words => died_once(case, words),
    }
}

fn dead_to(queue: &str, ttl_ms: Option<u64>) -> QueueArgs {
    QueueArgs {
        ttl: ttl_ms.map(Span::from_millis),
        dead_letter_exchange: Some("".into()),
        dead_letter_key: Some(queue.into()),
        ..QueueArgs::default()
    }
}

/// Published to the exchange X with the key rk, bound to Q, which dead-letters to DLQ.
fn died_once(case: &Json, words: &str) -> Result<(), String> {
    let expiration = words.strip_prefix("per-message expiration ").and_then(|ms| ms.parse().ok());
    let rejected = words.ends_with("basic.reject requeue=false");
    let limit = words.starts_with("x-max-length 1").then_some(1);
    if expiration.is_none() && !rejected && limit.is_none() {
        return unknown(case);
    }
    let mut bench = Bench::default();
    let broker = &mut bench.broker;
    broker.declare_exchange("X", Exchanging::Direct, true);
    broker.declare_queue("Q", QueueArgs { length_max: limit, ..dead_to("DLQ", None) });
    broker.declare_queue("DLQ", QueueArgs::default());
    broker.bind("X", Binding::key("rk"), "Q");
    let bodies: &[&str] = if limit.is_some() { &["m0", "m1"] } else { &["m"] };
    for body in bodies {
        let mut message = published(body, "rk");
        message.exchange = "X".into();
        message.expiration = expiration.map(Span::from_millis);
        if rejected {
            message.set_header("h", Header::Int(1));
        }
        bench.publish(message)?;
    }
    if rejected {
        let got = bench.broker.get("Q", ConsumerId(0), bench.now).ok_or("it is there")?;
        bench.broker.nack(got.tag.ok_or("to be acknowledged")?, false, bench.now);
    }
    bench.wait(1_000);
    let dead: Vec<Json> = bench
        .broker
        .queue("DLQ")
        .into_iter()
        .flat_map(|queue| queue.waiting())
        .map(|message| {
            json!({
                "body": message.body,
                "routing_key": &*message.routing_key,
                "exchange": &*message.exchange,
                "expiration": message.expiration.map(|span| span.millis().to_string()),
                "headers": headers_of(message),
            })
        })
        .collect();
    observed(case, &json!({ "dead": dead }))
}

fn retried_three_times(case: &Json) -> Result<(), String> {
    let mut bench = Bench::default();
    bench.broker.declare_queue("W", dead_to("T", None));
    bench.broker.declare_queue("T", dead_to("W", Some(100)));
    bench.publish(published("job", "W"))?;
    let mut seen = Vec::new();
    for round in 1..=4 {
        let got = bench.broker.get("W", ConsumerId(0), bench.now).ok_or("it is back")?;
        seen.push(headers_of(&got.message));
        if round < 4 {
            bench.broker.nack(got.tag.ok_or("to be acknowledged")?, false, bench.now);
            bench.wait(round * 150);
        }
    }
    observed(case, &json!({ "headers": seen }))
}

fn round_and_round(case: &Json) -> Result<(), String> {
    let mut bench = Bench::default();
    bench.broker.declare_queue("A", dead_to("B", Some(100)));
    bench.broker.declare_queue("B", dead_to("A", Some(100)));
    let counts = |bench: &Bench| (bench.waiting("A").len(), bench.waiting("B").len());
    let mut trace = vec![(0, counts(&bench))];
    bench.publish(published("m", "A"))?;
    let mut ms = 0;
    while ms < 500 {
        if trace.last().map(|(_, last)| *last) != Some(counts(&bench)) {
            trace.push((ms, counts(&bench)));
        }
        ms += 1;
        bench.wait(ms);
    }
    let rows: Vec<Json> = trace
        .iter()
        .enumerate()
        .map(|(row, (at, (a, b)))| json!([near(&case["observed"]["trace"][row][0], *at), a, b]))
        .collect();
    observed(case, &json!({ "trace": rows }))
}

/// The headers of a message that died as the words say: `expired in Q1`.
pub(crate) fn headers_after(words: &str) -> Result<Headers, String> {
    let (cause, queue) = words.split_once(" in ").ok_or_else(|| format!("no death: {words}"))?;
    let mut bench = Bench::default();
    bench.broker.declare_queue(queue, dead_to("dead", (cause == "expired").then_some(0)));
    bench.broker.declare_queue("dead", QueueArgs::default());
    bench.publish(published("m", queue))?;
    if cause.starts_with("rejected") {
        let got = bench.broker.get(queue, ConsumerId(0), bench.now).ok_or("it is there")?;
        bench.broker.nack(got.tag.ok_or("to be acknowledged")?, false, bench.now);
    }
    let dead = bench.broker.queue("dead").and_then(|dead| dead.waiting().next());
    dead.and_then(Message::headers).cloned().ok_or_else(|| format!("nobody died: {words}"))
}

// ===== confirms, restarts and the rest =====

pub(crate) fn confirm(case: &Json) -> Result<(), String> {
    let inputs = &case["inputs"];
    let mut broker = Broker::<String>::default();
    broker.declare_queue("q", QueueArgs { durable: true, ..QueueArgs::default() });
    let mut hear = |exchange: &str, key: &str, mandatory: bool, persistent: bool| {
        let mut message = published("m", key);
        (message.exchange, message.persistent) = (exchange.into(), persistent);
        match broker.publish(message, mandatory, Time::ZERO) {
            Err(_) => "ChannelClosedByBroker 404",
            Ok(heard) if heard.refused => "nack",
            Ok(heard) if heard.returned => "returned 312 NO_ROUTE, then ack",
            Ok(_) => "ack",
        }
    };
    if let Some(asked) = inputs["what"].as_array() {
        let outcome = asked.iter().map(|words| match words.as_str() {
            Some("unroutable, not mandatory") => Ok(hear("", "nobody", false, false)),
            Some("unroutable, mandatory") => Ok(hear("", "nobody", true, false)),
            Some("routable") => Ok(hear("", "q", false, false)),
            Some("routable, mandatory") => Ok(hear("", "q", true, false)),
            Some("exchange does not exist") => Ok(hear("nowhere", "q", false, false)),
            _ => Err(format!("no such publish: {words}")),
        });
        let outcome = outcome.collect::<Result<Vec<&str>, String>>()?;
        return observed(case, &json!({ "outcome": outcome }));
    }
    let persistent = inputs["persistent"] == json!(true);
    let count = whole(inputs, "messages", 0);
    let acks = (0..count).filter(|_| hear("", "q", false, persistent) == "ack").count() as i64;
    let got = json!({ "all_50_covered": acks == count, "any_nack": acks != count });
    compare("all_50_covered", &case["observed"]["all_50_covered"], &got["all_50_covered"])?;
    compare("any_nack", &case["observed"]["any_nack"], &got["any_nack"])
}

pub(crate) fn durability(case: &Json) -> Result<(), String> {
    let words = what(case);
    let killed = words.contains("kill") || words.contains("KILL");
    if !words.starts_with("each queue got one persistent and one transient message")
        && case["observed"]["survivors"].is_null()
    {
        return unknown(case);
    }
    let mut bench = Bench::default();
    let broker = &mut bench.broker;
    let durable = QueueArgs { durable: true, ..QueueArgs::default() };
    let quorum = QueueArgs { quorum: true, ..durable.clone() };
    broker.declare_exchange("durable_exchange", Exchanging::Direct, true);
    broker.declare_exchange("transient_exchange", Exchanging::Direct, false);
    for (name, args) in [
        ("durable_queue", &durable),
        ("transient_queue", &QueueArgs::default()),
        ("quorum_queue", &quorum),
        ("lazy_durable_queue", &durable),
        ("durable_queue_one_unacked", &durable),
    ] {
        broker.declare_queue(name, args.clone());
        let bodies = match name {
            "durable_queue_one_unacked" => [("u1", true), ("u2", true)],
            _ => [("persistent", true), ("transient", false)],
        };
        for (body, persistent) in bodies {
            let mut message = published(body, name);
            message.persistent = persistent;
            broker.publish(message, false, Time::ZERO).map_err(|_| "the default exchange")?;
        }
    }
    broker.get("durable_queue_one_unacked", ConsumerId(0), Time::ZERO).ok_or("it is there")?;
    broker.restart(killed, Time::ZERO + Span::from_millis(1_000));
    let mut survivors = Map::new();
    for name in case["observed"]["survivors"].as_object().into_iter().flat_map(Map::keys) {
        let value = match (name.ends_with("_exchange"), bench.broker.queue(name)) {
            (true, _) => json!(bench.broker.exchange(name).is_some()),
            (false, None) => json!("gone"),
            (false, Some(queue)) => json!(queue.waiting().map(flagged).collect::<Vec<_>>()),
        };
        survivors.insert(name.clone(), value);
    }
    // Every queue and exchange that was made is told of.
    if survivors.len() != 7 {
        return Err(format!("{} survivors are told of, not 7", survivors.len()));
    }
    observed(case, &json!({ "survivors": survivors }))
}

pub(crate) fn misc(case: &Json) -> Result<(), String> {
    let inputs = &case["inputs"];
    if let Some(most) = inputs["x_max_priority"].as_u64() {
        let priority_max = Some(most as u8);
        let mut bench = Bench::with_queue(QueueArgs { priority_max, ..QueueArgs::default() });
        for (number, priority) in items(inputs, "priorities").iter().enumerate() {
            let mut message = published(&format!("m{number}"), "q");
            message.priority = priority.as_u64().unwrap_or(0).min(255) as u8;
            bench.publish(message)?;
        }
        return observed(case, &json!({ "order": bench.waiting("q") }));
    }
    let words = text(inputs, "what")?;
    if words.starts_with("default exchange routes by queue name; direct exchange X (alternate") {
        return from_exchange_to_exchange(case);
    }
    if !words.starts_with("x-single-active-consumer, two consumers") {
        return unknown(case);
    }
    let mut bench = Bench::with_queue(QueueArgs { single_active: true, ..QueueArgs::default() });
    let two = ConsumerArgs { prefetch: 2, ..ConsumerArgs::default() };
    let consumers = [bench.subscribe(two), bench.subscribe(two)];
    bench.publish_all(5)?;
    let news = |bench: &mut Bench| -> Vec<Json> {
        let named = |(number, id)| {
            let got = bench.news(id);
            got.into_iter().map(move |body| json!([format!("c{}", number + 1), body]))
        };
        consumers.into_iter().enumerate().flat_map(named).collect()
    };
    let before = news(&mut bench);
    bench.close(consumers[0]);
    let after = news(&mut bench);
    observed(case, &json!({ "before": before, "after_c1_closed": after }))
}

/// An alternate exchange, and an exchange bound to another one.
fn from_exchange_to_exchange(case: &Json) -> Result<(), String> {
    let mut bench = Bench::default();
    let broker = &mut bench.broker;
    for (name, exchanging) in
        [("X", Exchanging::Direct), ("AE", Exchanging::Fanout), ("T", Exchanging::Topic)]
    {
        broker.declare_exchange(name, exchanging, true);
    }
    for queue in ["Q1", "QA"] {
        broker.declare_queue(queue, QueueArgs::default());
    }
    broker.set_alternate("X", Some("AE"));
    broker.bind("X", Binding::key("k"), "Q1");
    broker.bind("AE", Binding::key(""), "QA");
    broker.bind_exchange("T", Binding::key("r.#"), "X");
    for (exchange, key, body) in [
        ("", "Q1", "default"),
        ("X", "k", "k"),
        ("X", "nope", "nope"),
        ("T", "r.k", "e2e-rk"),
        ("T", "k", "dropped"),
    ] {
        let mut message = published(body, key);
        message.exchange = exchange.into();
        bench.publish(message)?;
    }
    observed(case, &json!({ "Q1": bench.waiting("Q1"), "QA": bench.waiting("QA") }))
}
