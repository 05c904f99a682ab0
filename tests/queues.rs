//! Queues and workers: nothing is lost unseen, and what is lost, comes twice or waits is exactly
//! what the rules say.

mod common;

use proptest::prelude::*;
use switchyard::node::queue::{
    Acknowledge, Assignor, Form, OnFailure, QueueConfig, Routing, RoutingKey,
};
use switchyard::node::worker::Spread;
use switchyard::node::{AnyNode, CATALOGUE, ClientsConfig, Kind, Queue, WorkerConfig};
use switchyard::scenario::build::{Run, build};
use switchyard::scenario::{FaultKind, NodeSpec, Scenario};
use switchyard::sim::{Full, Silent, Span, Time};

use common::random::{Genes, value};
use common::{clients, database, fault, link, queue, scenario, the_queue, the_worker, worker};

fn at_ms(ms: u64) -> Time {
    Time::ZERO + Span::from_millis(ms)
}

/// Clients that only write, `rate` a second, evenly, `total` in all; 0 is without end.
fn writers(rate: f64, total: u32) -> NodeSpec {
    let config = ClientsConfig { rate, writes: 100.0, total, ..ClientsConfig::default() };
    clients("c", ClientsConfig { arrivals: switchyard::node::Arrivals::Constant, ..config })
}

fn steady(id: &str, service_ms: f64) -> NodeSpec {
    let spread = Spread::Constant;
    worker(id, WorkerConfig { service_ms, spread, ..WorkerConfig::default() })
}

/// Clients, a queue, and these workers.
fn system(writers: NodeSpec, config: QueueConfig, workers: Vec<NodeSpec>) -> Scenario {
    let mut links = vec![link("c", "q", 1.0)];
    links.extend(workers.iter().map(|worker| link("q", &worker.id, 1.0)));
    let nodes = [vec![writers, queue("q", config)], workers].concat();
    scenario(3, nodes, links)
}

fn run_to(scenario: &Scenario, ms: u64) -> Run {
    let mut run = build(scenario);
    run.run_until(at_ms(ms), u64::MAX, &mut Silent);
    assert!(the_queue(&run, "q").balances());
    run
}

/// Effects made by all workers, once or again.
fn made(run: &Run) -> u64 {
    let of = |node: &AnyNode| match node {
        AnyNode::Worker(worker) => worker.handled().total(),
        _ => 0,
    };
    run.nodes().iter().map(of).sum()
}

fn duplicates(run: &Run) -> u64 {
    let of = |node: &AnyNode| match node {
        AnyNode::Worker(worker) => worker.duplicates(),
        _ => 0,
    };
    run.nodes().iter().map(of).sum()
}

// ===== conservation =====

fn random_kind(key: &str, genes: &[Genes; 4]) -> Kind {
    let entry = CATALOGUE.iter().find(|entry| entry.key == key).expect("it is in the table");
    let mut kind = (entry.make)();
    for (place, spec) in kind.specs().into_iter().enumerate() {
        let gene = genes[place / 8 % 4][place % 8];
        if gene.is_multiple_of(3) {
            kind.set(spec.key, value(&spec, gene / 3)).expect("an allowed value");
        }
    }
    kind
}

/// Crashes and restarts of the queue and its workers.
fn crashes(made: &mut Scenario, plan: &[(u8, u16)], who: &[&str]) {
    for (number, (_, at)) in plan.iter().enumerate() {
        let kind = if number % 2 == 0 { FaultKind::Crash } else { FaultKind::Restart };
        let at = u64::from(*at) % 3_000;
        // Each crash with its restart.
        let node = who[usize::from(plan[number / 2 * 2].0) % who.len()];
        made.faults.push(fault(at, node, kind));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    /// Published = waiting + with workers + handled + lost + dropped + dead letters, after every
    /// event, whatever is set and whoever dies.
    #[test]
    fn every_message_is_accounted_for_after_every_event(
        genes in any::<[[Genes; 4]; 3]>(),
        workers in 1usize..4,
        plan in prop::collection::vec(any::<(u8, u16)>(), 0..10),
        loss in prop::sample::select(vec![0.0, 0.0, 0.1, 0.5]),
    ) {
        let asks = ClientsConfig { rate: 150.0, writes: 60.0, keys: 30, ..Default::default() };
        let hands = ["w1", "w2", "w3"];
        let hands: Vec<NodeSpec> = (0..workers)
            .map(|n| common::node(hands[n], random_kind("worker", &genes[n])))
            .collect();
        let mut made = system(clients("c", asks), QueueConfig::default(), hands);
        made.nodes[1].kind = random_kind("queue", &genes[2]);
        for link in &mut made.links[1..] {
            link.loss = loss;
        }
        let who: Vec<&str> = ["q", "w1", "w2", "w3"][..=workers].to_vec();
        crashes(&mut made, &plan, &who);
        let mut run = build(&made);
        for _ in 0..3_000 {
            if run.step(at_ms(4_000), &mut Silent).is_none() {
                break;
            }
            let node = the_queue(&run, "q");
            prop_assert!(node.balances(), "{:?} {:?}", node.ledger(), node.counts());
            prop_assert!(run.conserved());
        }
    }

    /// Acknowledged by hand, durable, persistent and confirmed: nothing is lost, and in the end
    /// everything confirmed has been handled.
    #[test]
    fn by_hand_and_on_disk_nothing_is_lost(
        form in prop::sample::select(vec![Form::Broker, Form::Log]),
        prefetch in 0u32..5,
        plan in prop::collection::vec(any::<(u8, u16)>(), 0..10),
    ) {
        let config = QueueConfig { form, prefetch, ..QueueConfig::default() };
        let hands = vec![steady("w1", 7.0), steady("w2", 11.0)];
        let mut made = system(writers(100.0, 250), config, hands);
        crashes(&mut made, &plan, &["q", "w1", "w2"]);
        for node in ["q", "w1", "w2"] {
            made.faults.push(fault(3_100, node, FaultKind::Restart));
        }
        let run = run_to(&made, 30_000);
        let node: &Queue = the_queue(&run, "q");
        prop_assert_eq!(node.counts(), (0, 0));
        prop_assert_eq!(node.ledger().lost, 0);
        prop_assert_eq!(node.ledger().handled, node.ledger().published);
        prop_assert!(node.ledger().published >= run.tally().completed);
        // Whatever was done more often than once came again.
        prop_assert_eq!(made_distinct(&run), node.ledger().published);
    }

    /// Acknowledged when sent: lost is exactly what was sent and not done.
    #[test]
    fn when_sent_exactly_what_was_not_done_is_lost(
        form in prop::sample::select(vec![Form::Broker, Form::Log]),
        plan in prop::collection::vec(any::<(u8, u16)>(), 0..10),
    ) {
        let acknowledge = Acknowledge::Auto;
        let config = QueueConfig {
            form,
            acknowledge,
            durable: true,
            persistent: true,
            ..QueueConfig::default()
        };
        let hands = vec![steady("w1", 15.0), steady("w2", 11.0)];
        let mut made = system(writers(100.0, 250), config, hands);
        crashes(&mut made, &plan, &["w1", "w2", "q"]);
        for node in ["w1", "w2", "q"] {
            made.faults.push(fault(3_100, node, FaultKind::Restart));
        }
        let run = run_to(&made, 30_000);
        let ledger = the_queue(&run, "q").ledger();
        // What the broker had not sent when it died was on disk.
        prop_assert_eq!(ledger.deliveries, made_distinct(&run) + ledger.lost);
        prop_assert_eq!(ledger.handled, made_distinct(&run));
        prop_assert_eq!(duplicates(&run), 0);
    }
}

fn made_distinct(run: &Run) -> u64 {
    made(run) - duplicates(run)
}

// ===== what the rules say =====

/// A producer faster than its consumer: the depth grows by the difference.
#[test]
fn the_depth_grows_by_the_difference_of_the_rates() {
    let made = system(writers(100.0, 0), QueueConfig::default(), vec![steady("w", 38.0)]);
    // Prefetch 1: a worker waits for the next message a round trip, 1 + 38 + 1 ms each.
    for seconds in [4u64, 8, 12] {
        let (waiting, _) = the_queue(&run_to(&made, seconds * 1_000), "q").counts();
        let expected = seconds as f64 * (100.0 - 25.0);
        assert!((waiting as f64 - expected).abs() <= 3.0, "{waiting} after {seconds} s");
    }
}

/// As in the course: the worker held everything, and it is gone. By hand it comes back.
#[test]
fn a_worker_dies_with_a_backlog_in_its_hands() {
    let lost = |acknowledge, prefetch| {
        let config = QueueConfig { acknowledge, prefetch, ..QueueConfig::default() };
        let mut made = system(writers(1_000.0, 10), config, vec![steady("w", 100.0)]);
        made.faults = vec![fault(350, "w", FaultKind::Crash)];
        let run = run_to(&made, 1_000);
        (the_queue(&run, "q").ledger().lost, the_queue(&run, "q").counts().0, made_distinct(&run))
    };
    assert_eq!(lost(Acknowledge::Auto, 0), (7, 0, 3));
    assert_eq!(lost(Acknowledge::Manual, 0), (0, 7, 3));
    assert_eq!(lost(Acknowledge::Manual, 1), (0, 7, 3));
}

/// Durability has two halves.
#[test]
fn a_restart_keeps_what_is_durable_and_persistent() {
    for (durable, persistent, kept) in
        [(true, true, 20), (true, false, 0), (false, true, 0), (false, false, 0)]
    {
        let config = QueueConfig { durable, persistent, ..QueueConfig::default() };
        let mut made = system(writers(100.0, 20), config, Vec::new());
        made.faults = vec![fault(500, "q", FaultKind::Crash), fault(600, "q", FaultKind::Restart)];
        let run = run_to(&made, 1_000);
        let queue = the_queue(&run, "q");
        assert_eq!((queue.counts().0, queue.ledger().lost), (kept, 20 - kept));
    }
}

/// Without prefetch the first worker takes the whole backlog; one that joins gets none of it.
#[test]
fn a_second_worker_gets_none_of_a_backlog_that_is_sent() {
    for (prefetch, late) in [(0, 0), (1, 5)] {
        let config = QueueConfig { prefetch, ..QueueConfig::default() };
        let mut made =
            system(writers(1_000.0, 12), config, vec![steady("w1", 100.0), steady("w2", 100.0)]);
        made.faults = vec![fault(1, "w2", FaultKind::Crash), fault(150, "w2", FaultKind::Restart)];
        let run = run_to(&made, 5_000);
        assert_eq!(the_worker(&run, "w2").handled().total(), late, "prefetch {prefetch}");
    }
}

/// After a restart nobody reconnects, as in the course: the queue grows, and nobody says a word.
#[test]
fn without_reconnecting_a_restart_leaves_the_queue_alone() {
    for reconnect in [true, false] {
        let config = QueueConfig { reconnect, ..QueueConfig::default() };
        let mut made = system(writers(100.0, 0), config, vec![steady("w", 2.0)]);
        made.faults = vec![fault(500, "q", FaultKind::Crash), fault(600, "q", FaultKind::Restart)];
        let run = run_to(&made, 2_000);
        let waiting = the_queue(&run, "q").counts().0;
        assert_eq!(waiting > 100, !reconnect, "{waiting} wait");
    }
}

#[test]
fn exchanges_route_by_what_they_look_at() {
    let shares = |routing, routing_key, bindings: &str| {
        let bindings = bindings.to_owned();
        let config = QueueConfig { routing, routing_key, bindings, ..QueueConfig::default() };
        let mut made =
            system(writers(100.0, 100), config, vec![steady("w1", 1.0), steady("w2", 1.0)]);
        // Half of them read.
        made.nodes[0].kind.set("writes", switchyard::node::Value::Number(50.0)).expect("a share");
        let run = run_to(&made, 3_000);
        let ledger = *the_queue(&run, "q").ledger();
        let of = |id| the_worker(&run, id).handled().total();
        (of("w1"), of("w2"), ledger.published, ledger.unroutable)
    };
    let both = RoutingKey::Both;
    let (puts, gets, published, none) = shares(Routing::Topic, both, "put.# get.#");
    assert!(puts > 30 && gets > 30, "{puts} {gets}");
    assert_eq!((puts + gets, published, none), (100, 100, 0));
    assert_eq!(shares(Routing::Fanout, both, "a b"), (100, 100, 200, 0));
    assert_eq!(shares(Routing::Topic, both, "*.user.* put"), (100, 0, 100, 0));
    assert_eq!(shares(Routing::Direct, RoutingKey::Operation, "put scan"), (puts, 0, 100, gets));
    assert_eq!(shares(Routing::Direct, both, "put get"), (0, 0, 100, 100));
}

/// Poison: with requeue it comes again for ever; refused, or given up after some returns, it is a
/// dead letter, and the rest goes on.
#[test]
fn poison_goes_round_until_somebody_gives_up() {
    let run = |on_failure, tries| {
        let config = QueueConfig { on_failure, tries, retry_ms: 100.0, ..QueueConfig::default() };
        let poison = WorkerConfig { service_ms: 5.0, poison_every: 10, ..WorkerConfig::default() };
        run_to(&system(writers(100.0, 50), config, vec![worker("w", poison)]), 20_000)
    };
    let forever = run(OnFailure::Requeue, 0);
    let ledger = the_queue(&forever, "q").ledger();
    assert!(ledger.handled == 9 && ledger.redelivered > 500, "{ledger:?}");
    for (on_failure, tries, failures) in
        [(OnFailure::Reject, 0, 1), (OnFailure::Requeue, 2, 3), (OnFailure::Retry, 3, 4)]
    {
        let run = run(on_failure, tries);
        let ledger = the_queue(&run, "q").ledger();
        assert_eq!((ledger.handled, ledger.dead), (45, 5), "{on_failure:?}");
        assert_eq!(the_worker(&run, "w").failed(), 5 * failures, "{on_failure:?}");
    }
}

/// A broker that dies while workers are at it delivers again: twice done, unless somebody looks.
#[test]
fn an_idempotent_worker_does_nothing_twice() {
    for idempotent in [false, true] {
        let hand = WorkerConfig { service_ms: 30.0, idempotent, ..WorkerConfig::default() };
        let config = QueueConfig { prefetch: 10, ..QueueConfig::default() };
        let mut made = system(writers(50.0, 100), config, vec![worker("w", hand)]);
        made.faults =
            vec![fault(900, "q", FaultKind::Crash), fault(1_000, "q", FaultKind::Restart)];
        let run = run_to(&made, 20_000);
        let hand = the_worker(&run, "w");
        let again = if idempotent { hand.skipped() } else { hand.duplicates() };
        let other = if idempotent { hand.duplicates() } else { hand.skipped() };
        assert!(again > 0 && other == 0, "{again} {other}");
        assert_eq!(made_distinct(&run), the_queue(&run, "q").ledger().published);
    }
}

/// Expired at the head only, and only while it waits.
#[test]
fn what_waits_too_long_is_a_dead_letter() {
    let config = QueueConfig { ttl_ms: 200.0, ..QueueConfig::default() };
    let run = run_to(&system(writers(100.0, 100), config, vec![steady("w", 98.0)]), 5_000);
    let ledger = the_queue(&run, "q").ledger();
    // One every 100 ms until the last has expired, 200 ms after it came.
    assert_eq!(ledger.handled + ledger.dead, 100);
    assert!((11..=13).contains(&ledger.handled), "{ledger:?}");
}

/// A full queue: the oldest goes, or the new one is refused, and with confirms the producer knows.
/// A broker that is down and set otherwise meanwhile forgets nothing of what that gives up.
#[test]
fn what_expires_while_a_dead_broker_is_set_otherwise_is_accounted_for() {
    use switchyard::node::Value;
    use switchyard::session::{Command, Session};
    let kept =
        QueueConfig { durable: true, persistent: true, ttl_ms: 500.0, ..QueueConfig::default() };
    let mut made = system(writers(20.0, 10), kept, vec![]);
    made.faults = vec![fault(700, "q", FaultKind::Crash)];
    let mut session = Session::new(made).expect("valid");
    session.advance(Span::from_millis(3_000), u64::MAX);
    let turned = Command::Set("q".into(), "prefetch".into(), Value::Number(3.0));
    session.apply(turned, 0).expect("allowed");
    let node = the_queue(session.run(), "q");
    assert!(node.balances(), "{:?} {:?}", node.ledger(), node.counts());
    let given_up: u64 = node.ledger().causes.iter().sum();
    assert!(given_up > 0, "they had waited too long: {:?}", node.ledger());
}

/// Each dead letter says what it was, where it died, of what and when.
#[test]
fn dead_letters_say_what_they_died_of() {
    let config = QueueConfig { length: 3, dead_letters: true, ..QueueConfig::default() };
    let run = run_to(&system(writers(100.0, 50), config, vec![steady("w", 40.0)]), 600);
    let node = the_queue(&run, "q");
    let told = switchyard::view::queue::dead_letters(node, &run, 5);
    assert_eq!(told.len(), 5.min(node.ledger().dead as usize));
    assert!(told[0].contains("from q1: did not fit in at 0."), "{}", told[0]);
    let times: Vec<Time> = node.dead_letters().map(|letter| letter.since).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "the newest comes first");
}

#[test]
fn a_full_queue_drops_or_refuses() {
    use switchyard::policy::broker::Overflow;
    for (overflow, confirms, completed, dead, dropped) in [
        (Overflow::DropHead, true, 30, 25, 0),
        (Overflow::Reject, true, 5, 0, 25),
        (Overflow::Reject, false, 30, 0, 25),
        (Overflow::RejectDead, true, 5, 25, 0),
    ] {
        let config = QueueConfig { length: 5, overflow, confirms, ..QueueConfig::default() };
        let run = run_to(&system(writers(100.0, 30), config, Vec::new()), 2_000);
        let ledger = the_queue(&run, "q").ledger();
        let outcome = (run.tally().completed, ledger.dead, ledger.dropped);
        assert_eq!(outcome, (completed, dead, dropped), "{overflow:?}");
    }
}

/// A worker may ask a database, and a message's effect is the write that was promised for it.
#[test]
fn a_worker_writes_what_was_queued() {
    let mut made = system(writers(50.0, 40), QueueConfig::default(), vec![steady("w", 5.0)]);
    made.nodes.push(database("db", switchyard::node::DatabaseConfig::default()));
    made.links.push(link("w", "db", 1.0));
    let run = run_to(&made, 10_000);
    assert_eq!(made_distinct(&run), 40);
    assert_eq!(run.truth().commits(), 40);
}

// ===== the log =====

/// Each group reads everything, each partition by one member of it.
#[test]
fn every_group_reads_everything() {
    let config = QueueConfig { form: Form::Log, groups: 2, prefetch: 5, ..QueueConfig::default() };
    let hands = ["w1", "w2", "w3", "w4"].map(|id| steady(id, 5.0)).to_vec();
    let run = run_to(&system(writers(100.0, 200), config, hands), 10_000);
    let of = |id| the_worker(&run, id).handled().total();
    assert_eq!(of("w1") + of("w3"), 200);
    assert_eq!(of("w2") + of("w4"), 200);
    assert!(["w1", "w2", "w3", "w4"].into_iter().all(|id| of(id) > 20));
    assert_eq!(the_queue(&run, "q").ledger().published, 400);
}

/// A member that dies is missed after a while; the others take its partitions over from the
/// committed offsets. Range moves more than sticky, and cooperative lets the rest go on.
#[test]
fn a_group_goes_on_without_a_member() {
    let during = |assignor| {
        let config = QueueConfig {
            form: Form::Log,
            partitions: 6,
            assignor,
            rebalance_ms: 500.0,
            ..QueueConfig::default()
        };
        let hands = ["w1", "w2", "w3"].map(|id| steady(id, 4.0)).to_vec();
        let mut made = system(writers(150.0, 0), config, hands);
        made.faults = vec![fault(1_000, "w2", FaultKind::Crash)];
        // Missed at 2 s, shared out until 2.5 s.
        let before = made_distinct(&run_to(&made, 2_010));
        let run = run_to(&made, 2_490);
        let after = run_to(&made, 8_000);
        let node = the_queue(&after, "q");
        assert_eq!((node.ledger().lost, node.ledger().rebalances > 1), (0, true));
        assert!(node.lag_largest() < 10, "{assignor:?}: lag {}", node.lag_largest());
        made_distinct(&run) - before
    };
    for eager in [Assignor::Range, Assignor::RoundRobin, Assignor::Sticky] {
        assert_eq!(during(eager), 0, "{eager:?} stops everybody");
    }
    assert!(during(Assignor::Cooperative) > 20);
}

// ===== reasons =====

#[test]
fn reasons_can_be_redone_on_paper() {
    let told = |config: QueueConfig| {
        let mut run = build(&system(writers(100.0, 6), config, vec![steady("w", 50.0)]));
        let mut full = Full::default();
        run.run_until(at_ms(2_000), u64::MAX, &mut full);
        let sentence = |title: &str| {
            let found = full.decisions.iter().find(|(_, d)| d.why.title.contains(title));
            let (_, decision) = found.unwrap_or_else(|| panic!("nobody said {title}"));
            decision.why.clone()
        };
        [sentence("took"), sentence("sent it to w")]
    };
    let topic = QueueConfig { routing: Routing::Topic, ..QueueConfig::default() };
    let [took, sent] = told(topic);
    assert!(took.lines[0].numbers.starts_with("put.# matches put.user."), "{took:?}");
    assert!(took.lines[1].numbers.starts_with("get.# does not match put.user."), "{took:?}");
    assert!(sent.sentence.contains("head of the line of 1"), "{sent:?}");
    let mut run = build(&system(
        writers(100.0, 6),
        QueueConfig { form: Form::Log, ..QueueConfig::default() },
        vec![steady("w", 50.0)],
    ));
    let mut full = Full::default();
    run.run_until(at_ms(2_000), u64::MAX, &mut full);
    let appended = full.decisions.iter().filter(|(_, d)| d.why.title.contains("put it in"));
    for (_, decision) in appended {
        let words = &decision.why.sentence;
        // `murmur2(user:7) without its sign = H; H mod 4 = partition P, offset O.`
        let number = |after: &str| -> u64 {
            let rest = words.split(after).nth(1).expect("it says so");
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().expect("a number")
        };
        assert_eq!(number("sign = ") % 4, number("partition "), "{words}");
    }
}

/// What a worker holds of a partition that has moved on to another is read again when it dies.
#[test]
fn a_worker_dies_just_when_its_partitions_move() {
    let config = QueueConfig { form: Form::Log, prefetch: 0, ..QueueConfig::default() };
    let mut made = system(writers(100.0, 250), config, vec![steady("w1", 7.0), steady("w2", 11.0)]);
    for (at, node, kind) in [
        (0, "w1", FaultKind::Crash),
        (1_572, "w1", FaultKind::Restart),
        (1_572, "w2", FaultKind::Crash),
        (3_100, "w2", FaultKind::Restart),
    ] {
        made.faults.push(fault(at, node, kind));
    }
    let run = run_to(&made, 30_000);
    assert_eq!(the_queue(&run, "q").counts(), (0, 0));
    assert_eq!(made_distinct(&run), 250);
}
