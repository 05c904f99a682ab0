//! Nothing is lost silently: whatever is built, set, cut, crashed or edited, every request ends as
//! completed or failed for a named reason or is still in flight, and its stays add up.

mod common;

use std::collections::BTreeMap;

use proptest::prelude::*;
use switchyard::node::{AnyNode, Group, Kind, PARTS_MAX, Value};
use switchyard::scenario::build::{Run, build, reconcile};
use switchyard::scenario::{FaultKind, Scenario};
use switchyard::session::Session;
use switchyard::sim::sink::{Full, Stay};
use switchyard::sim::{NodeId, Outcome, Place, Reason, Silent, Span, Time};

use common::random::{self, Genes, random_command};

fn some_genes(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Genes>> {
    prop::collection::vec(any::<Genes>(), count)
}

/// A small scenario; there is always something that sends and something to send to.
fn some_scenario() -> impl Strategy<Value = Scenario> {
    (any::<u8>(), some_genes(0..6), some_genes(0..16), some_genes(0..6)).prop_map(
        |(seed, nodes, links, plan)| {
            let first =
                [[0, 0, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0], [2, 0, 0, 0, 0, 0, 0, 0]];
            let wires = [[0, 0, 1, 5, 0, 0, 0, 0], [0, 1, 2, 5, 0, 0, 0, 0]];
            random::scenario(
                seed,
                &[&first, &nodes[..]].concat(),
                &[&links[..], &wires].concat(),
                &plan,
            )
        },
    )
}

/// A group holds what is in service and in line, and has as many servers as it may.
fn check_group(
    group: &Group,
    (serving, waiting, calling): (u32, u32, u32),
) -> Result<(), TestCaseError> {
    prop_assert_eq!(group.serving().value(), serving);
    prop_assert_eq!((group.in_line().value(), calling), (waiting, 0));
    prop_assert!(group.load().0 <= serving);
    let (up, paid) = (group.up().value(), group.paid().value());
    prop_assert!(up <= paid && paid <= u32::from(PARTS_MAX), "{up} of {paid}");
    let (fewest, most) = (group.config().fewest(), group.config().max);
    prop_assert!((fewest..=most).contains(&group.desired()));
    Ok(())
}

/// What must hold between any two events.
fn check_run(run: &Run) -> Result<(), TestCaseError> {
    let tally = run.tally();
    prop_assert!(run.conserved(), "{:?} with {} in flight", tally, run.requests().len());
    prop_assert_eq!(run.requests().iter().count(), run.requests().len());
    let mut held = BTreeMap::<NodeId, (u32, u32, u32)>::new();
    for (_, request) in run.requests().iter() {
        prop_assert!(request.born <= request.since && request.since <= run.now());
        prop_assert!(request.until >= run.now(), "{request:?} should have left");
        match request.place {
            Place::Serving(node) => held.entry(node).or_default().0 += 1,
            Place::Waiting(node) => held.entry(node).or_default().1 += 1,
            Place::Calling(node) => held.entry(node).or_default().2 += 1,
            Place::Going(_) | Place::Returning(_) => {}
            Place::AtDoor(node) => prop_assert!(run.stands_still(node), "{request:?}"),
            // Between two events everybody is on the way, waiting or being served.
            Place::At(_) => prop_assert!(false, "{request:?} was left lying"),
        }
    }
    for (number, node) in run.nodes().iter().enumerate() {
        let (serving, waiting, calling) =
            held.get(&NodeId(number as u16)).copied().unwrap_or_default();
        match node {
            AnyNode::Server(server) => {
                prop_assert_eq!(server.in_service(), serving);
                prop_assert_eq!(server.in_line(), waiting);
                prop_assert_eq!(server.calling(), calling);
                let asking = server.asking().value();
                prop_assert!(calling <= asking && server.held().value() <= asking);
            }
            AnyNode::Cache(cache) => {
                prop_assert_eq!((cache.looking(), cache.waiting()), (serving, waiting));
                prop_assert!(cache.entries() <= cache.config().capacity as usize);
            }
            AnyNode::Table(table) => prop_assert_eq!(table.in_hand(), (serving, waiting)),
            AnyNode::Router(router) => prop_assert_eq!(router.in_hand(), (waiting, calling)),
            AnyNode::Database(database) => {
                prop_assert_eq!(database.held(), (serving, waiting, calling));
            }
            AnyNode::Cluster(cluster) => {
                prop_assert_eq!((cluster.calling(), 0, 0), (calling, serving, waiting));
                let capacity = cluster.config().capacity as usize;
                prop_assert!(cluster.members().all(|member| member.entries <= capacity));
            }
            AnyNode::Registry(registry) => {
                prop_assert_eq!((0, registry.in_hand(), 0), (serving, waiting, calling));
            }
            AnyNode::Gateway(gateway) => {
                prop_assert_eq!(serving, 0);
                prop_assert_eq!(gateway.in_hand(), (waiting, calling));
            }
            AnyNode::Queue(queue) => {
                let confirming = queue.confirming() as u32;
                prop_assert_eq!((confirming, 0, 0), (serving, waiting, calling));
                prop_assert!(queue.balances(), "{:?} {:?}", queue.ledger(), queue.counts());
            }
            AnyNode::Worker(worker) => {
                prop_assert_eq!(worker.in_hand(), (serving, waiting));
                prop_assert_eq!(calling, 0);
            }
            AnyNode::Group(group) => check_group(group, (serving, waiting, calling))?,
            AnyNode::Clients(clients) => {
                prop_assert_eq!(clients.in_hand(), (calling, waiting));
            }
            AnyNode::Balancer(balancer) => {
                prop_assert_eq!((balancer.waiting().value(), 0, 0), (waiting, serving, calling));
            }
            AnyNode::Board(_) => {}
        }
    }
    Ok(())
}

/// The stays of each ended request tile the time from its birth to its end.
fn check_stays(full: &Full) -> Result<(), TestCaseError> {
    let mut by_request = BTreeMap::<u64, Vec<Stay>>::new();
    for (id, stay) in &full.stays {
        by_request.entry(*id).or_default().push(*stay);
    }
    for (end, request) in &full.finished {
        let stays = by_request.get(&request.id).map_or(&[][..], Vec::as_slice);
        let mut at = request.born;
        for stay in stays {
            prop_assert_eq!(stay.from, at, "a gap or an overlap in {:?}: {:?}", request, stays);
            prop_assert!(stay.until >= stay.from);
            at = stay.until;
        }
        prop_assert_eq!(at, *end, "{:?}: {:?}", request, stays);
        let sum: u64 = stays.iter().map(|stay| stay.span().ns()).sum();
        prop_assert_eq!(sum, end.since(request.born).ns());
    }
    Ok(())
}

/// Each failure has a reason, and the reasons are counted as they are given.
fn check_reasons(run: &Run, full: &Full) -> Result<(), TestCaseError> {
    let mut failed = [0; Reason::ALL.len()];
    let mut completed = 0;
    for (_, request) in &full.finished {
        match request.outcome {
            Outcome::Failed(reason, _) => {
                prop_assert!(!reason.words().is_empty());
                failed[reason as usize] += 1;
            }
            Outcome::Done => completed += 1,
            Outcome::Pending => prop_assert!(false, "{request:?} ended as nothing"),
        }
    }
    prop_assert_eq!(failed, run.tally().failed);
    prop_assert_eq!(completed, run.tally().completed);
    Ok(())
}

/// With nobody in flight no balancer believes otherwise.
fn check_idle_balancers(run: &Run) -> Result<(), TestCaseError> {
    for (number, node) in run.nodes().iter().enumerate() {
        if let AnyNode::Balancer(balancer) = node
            && run.card(NodeId(number as u16)).up
        {
            for backend in balancer.backends() {
                prop_assert_eq!(backend.in_flight, 0, "of {}", backend.name);
            }
        }
    }
    Ok(())
}

/// Longer than any client waits between two requests.
const PATIENCE: Span = Span::from_millis(4_000_000);

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn every_request_is_accounted_for_after_every_event(
        scenario in some_scenario(),
        edits in some_genes(0..30),
    ) {
        let mut run = Run::default();
        let mut full = Full::default();
        reconcile(&mut run, &scenario, &mut full);
        // Keeps the document only: its own run stands still.
        let mut editor = Session::new(scenario).expect("a valid scenario");
        let mut last = Time::ZERO;
        for genes in edits.into_iter().map(Some).chain([None]) {
            for _ in 0..40 {
                let Some((at, _)) = run.step(Time::MAX, &mut full) else { break };
                prop_assert!(at >= last && run.now() == at, "time went from {} to {}", last, at);
                last = at;
                check_run(&run)?;
            }
            if let Some(genes) = genes
                && editor.apply(random_command(editor.scenario(), genes), 0).is_ok()
            {
                reconcile(&mut run, editor.scenario(), &mut full);
                check_run(&run)?;
            }
        }
        check_stays(&full)?;
        check_reasons(&run, &full)?;
    }

    #[test]
    fn a_session_accounts_for_every_request_through_edits_undo_and_seeking(
        scenario in some_scenario(),
        edits in some_genes(1..30),
    ) {
        let mut session = Session::new(scenario).expect("a valid scenario");
        for genes in edits {
            for _ in 0..25 {
                let before = session.run().now();
                if session.step().is_none() {
                    break;
                }
                prop_assert!(session.run().now() >= before);
                check_run(session.run())?;
            }
            match genes[7] % 8 {
                0 => session.seek(Time::from_ns(session.frontier().ns() / 2)),
                1 => drop(session.undo().expect("what was done can be undone")),
                2 => drop(session.redo().expect("what was undone can be redone")),
                _ => drop(session.apply(random_command(session.scenario(), genes), 0)),
            }
            check_run(session.run())?;
        }
    }

    #[test]
    fn when_the_clients_stop_everything_drains(
        scenario in some_scenario(),
        total in 1u32..60,
    ) {
        let mut scenario = scenario;
        scenario.faults.clear();
        let registries =
            scenario.nodes.iter().any(|node| matches!(node.kind, Kind::Registry(_)));
        // It holds no requests, and looks ten times a second for as long as anything goes on.
        scenario.nodes.retain(|node| !matches!(node.kind, Kind::Board(_)));
        for node in &mut scenario.nodes {
            if matches!(node.kind, Kind::Clients(_)) {
                let total = Value::Number(f64::from(total));
                node.kind.set("total", total).expect("an allowed total");
            }
            // Checks go on for ever.
            if matches!(node.kind, Kind::Balancer(_)) {
                node.kind.set("health", Value::Choice("mark".into())).expect("a choice");
            }
            if matches!(node.kind, Kind::Registry(_)) {
                node.kind.set("interval", Value::Number(3_600.0)).expect("allowed");
            }
            // Replicas are listened to once a second, for as long as a read of hours takes.
            if matches!(node.kind, Kind::Database(_)) {
                node.kind.set("min_replicas", Value::Number(0.0)).expect("allowed");
            }
            // What is lost on its way to a worker, or fails there, is sent again and again.
            if matches!(node.kind, Kind::Queue(_)) {
                node.kind.set("ack", Value::Choice("auto".into())).expect("a choice");
            }
            if matches!(node.kind, Kind::Router(_)) {
                // Over a lossy wire each row takes many tries.
                node.kind.set("keys", Value::Number(50.0)).expect("allowed");
            }
        }
        if !drains(&scenario, registries)? {
            // A shard that takes no row is asked again and again. Without moving it must end.
            for node in &mut scenario.nodes {
                if matches!(node.kind, Kind::Router(_)) {
                    node.kind.set("migration", Value::Choice("none".into())).expect("a choice");
                }
            }
            prop_assert!(drains(&scenario, registries)?, "it does not end");
        }
    }
}

/// Runs it until nothing more happens: false when only rows that no shard takes keep it going.
fn drains(scenario: &Scenario, registries: bool) -> Result<bool, TestCaseError> {
    let mut run = build(scenario);
    let mut full = Full::default();
    let mut last = (run.now(), run.tally().sent);
    while run.step(Time::MAX, &mut full).is_some() {
        if run.events() >= 100_000 {
            let in_vain = |node: &AnyNode| match node {
                AnyNode::Router(router) => router.failed_moves() > 1_000,
                _ => false,
            };
            prop_assert!(run.nodes().iter().any(in_vain), "it does not end");
            check_run(&run)?;
            return Ok(false);
        }
        if run.in_flight() > 0 || run.tally().sent > last.1 {
            last = (run.now(), run.tally().sent);
        }
        // A registry goes on checking, however long nobody asks for anything.
        if registries && run.now().since(last.0) > PATIENCE {
            break;
        }
    }
    prop_assert!(run.requests().iter().all(|(_, request)| request.is_call));
    prop_assert!(registries || run.requests().is_empty());
    prop_assert_eq!(run.tally().sent, full.finished.len() as u64);
    check_run(&run)?;
    check_stays(&full)?;
    check_reasons(&run, &full)?;
    // A call that nobody waits for any more (a hedge's other half) may take longer than patience lasts.
    if run.requests().is_empty() {
        check_idle_balancers(&run)?;
    }
    Ok(true)
}

/// A ring is refused wherever a scenario is read. In one made all the same, two servers that hold
/// their only core while they ask one another wait for ever; nothing is lost, and without held cores
/// all is answered or fails for the loop.
#[test]
fn servers_that_hold_cores_in_a_ring_wait_for_one_another() {
    for hold in [true, false] {
        let mut nodes = vec![
            common::one_by_one("c1", 5),
            common::one_by_one("c2", 5),
            common::steady("a", 10.0),
            common::steady("b", 10.0),
        ];
        for node in &mut nodes[2..] {
            node.kind.set("hold", Value::Switch(hold)).expect("a switch");
        }
        let links = [("c1", "a"), ("c2", "b"), ("a", "b"), ("b", "a")]
            .map(|(from, to)| common::link(from, to, 1.0));
        let mut run = build(&common::scenario(1, nodes, links.to_vec()));
        while run.step(Time::MAX, &mut Silent).is_some() {}
        check_run(&run).expect("everybody is somewhere");
        assert_eq!(run.requests().len(), if hold { 2 } else { 0 });
    }
}

/// A crash loses what a server holds and what it has sent on, and nothing else.
#[test]
fn a_removal_loses_exactly_what_was_in_flight_through_a_server_that_asks_others() {
    for (calls, discipline) in [("in_turn", "fifo"), ("at_once", "lifo"), ("at_once", "sharing")] {
        let mut web = common::steady("web", 10.0);
        for (key, choice) in [("calls", calls), ("discipline", discipline)] {
            web.kind.set(key, Value::Choice(choice.into())).expect("a choice");
        }
        web.kind.set("response_kb", Value::Number(500.0)).expect("a size");
        let nodes = vec![
            common::poisson("c", 60.0),
            web,
            common::steady("x", 5.0),
            common::steady("y", 7.0),
        ];
        let links = [("c", "web"), ("web", "x"), ("web", "y")]
            .map(|(from, to)| common::link(from, to, 1.0));
        let mut session = Session::new(common::scenario(3, nodes, links.to_vec())).expect("valid");
        session.advance(switchyard::sim::Span::from_millis(2_000), u64::MAX);
        let before = *session.run().tally();
        assert_eq!(before.failures(), 0);
        // What is on its way back to the client already arrives; what is on its way there does not.
        let is_past = |place: Place| matches!(place, Place::Returning(link) if link.0 == 0);
        let requests = session.run().requests();
        let clients = requests.iter().filter(|(_, request)| !request.is_call);
        let through = clients.filter(|(_, request)| !is_past(request.place)).count() as u64;
        assert!(through > 1, "{calls}: {through} in flight");
        session
            .apply(switchyard::session::Command::RemoveNode("web".into()), 0)
            .expect("it can be removed");
        check_run(session.run()).expect("everybody is somewhere");
        session.advance(switchyard::sim::Span::from_millis(500), u64::MAX);
        let lost = session.run().tally().failed[Reason::ConnectionLost as usize]
            + session.run().tally().failed[Reason::ConnectionRefused as usize];
        assert_eq!(lost, through, "{calls}, {discipline}");
    }
}

/// Balancers in a ring send a request round until its way is too long.
#[test]
fn a_ring_of_balancers_fails_requests_and_forgets_none() {
    let nodes = vec![
        common::one_by_one("c", 5),
        common::balancer("a", "round_robin"),
        common::balancer("b", "round_robin"),
    ];
    let links =
        vec![common::link("c", "a", 1.0), common::link("a", "b", 1.0), common::link("b", "a", 1.0)];
    let mut run = build(&common::scenario(1, nodes, links));
    while run.step(Time::MAX, &mut Silent).is_some() {}
    assert_eq!(run.tally().failed[Reason::BadRequest as usize], 5);
    check_idle_balancers(&run).expect("no balancer waits for an answer that never comes");
}

/// Clients that send one after another have one request on its way, whatever is turned meanwhile.
#[test]
fn one_after_another_stays_one_after_another() {
    let nodes = vec![common::one_by_one("c", 0), common::steady("s", 100.0)];
    let mut session = Session::new(common::scenario(1, nodes, vec![common::link("c", "s", 10.0)]))
        .expect("valid");
    let turns = [
        ("pause", Value::Number(5.0)),
        ("rate", Value::Number(50.0)),
        ("total", Value::Number(1.0)),
        ("total", Value::Number(0.0)),
        ("pause", Value::Number(0.0)),
    ];
    for (key, value) in turns.into_iter().cycle().take(50) {
        session.advance(switchyard::sim::Span::from_millis(37), 1_000);
        let command = switchyard::session::Command::Set("c".into(), key.into(), value);
        session.apply(command, 0).expect("an allowed value");
        assert!(session.run().requests().len() <= 1);
    }
    for _ in 0..5 {
        session.kill("c").expect("c can be killed");
        session.advance(switchyard::sim::Span::from_millis(3), 1_000);
        session.revive("c").expect("c can be revived");
        session.advance(switchyard::sim::Span::from_millis(500), 1_000);
        assert!(session.run().requests().len() <= 1);
    }
    assert!(session.run().tally().completed > 20);
}

/// A balancer that sees to limits gives nobody more than its limit, lets nobody wait while somebody
/// who is used has room, and forgets none of those who wait, whoever dies meanwhile.
#[test]
fn a_balancer_keeps_limits_and_forgets_nobody_who_waits() {
    for (strategy, limit) in [("round_robin", 1.0), ("least_connections", 3.0), ("random", 2.0)] {
        let mut nodes = vec![common::poisson("c", 220.0), common::balancer("lb", strategy)];
        nodes.extend(["s1", "s2", "s3"].map(|id| common::steady(id, 20.0)));
        for (key, n) in [("connections", limit), ("queue", 40.0), ("queue_timeout", 300.0)] {
            nodes[1].kind.set(key, Value::Number(n)).expect(key);
        }
        let mut links = vec![common::link("c", "lb", 1.0)];
        links.extend(["s1", "s2", "s3"].map(|id| common::lossy("lb", id, 3.0, 0.02)));
        let kinds = [FaultKind::Crash, FaultKind::Restart];
        let dies = |n: u64| {
            common::fault(
                400 + n * 350,
                ["s2", "s3", "lb"][n as usize % 3],
                kinds[n as usize / 3 % 2],
            )
        };
        let scenario =
            Scenario { faults: (0..24).map(dies).collect(), ..common::scenario(5, nodes, links) };
        let mut run = build(&scenario);
        let mut most = 0;
        while run.step(common::at_ms(12_000), &mut Silent).is_some() {
            check_run(&run).expect("it adds up");
            let lb = common::the_balancer(&run, "lb");
            most = most.max(lb.waiting().value());
            let full = |b: &switchyard::policy::balance::Backend| {
                assert!(b.in_flight <= b.in_flight_max, "{}: {}", b.name, b.in_flight);
                !b.healthy || b.in_flight == b.in_flight_max
            };
            let all_full = lb.backends().iter().filter(|b| !full(b)).count() == 0;
            assert!(
                all_full || lb.waiting().value() == 0,
                "{strategy}: somebody waits for nothing"
            );
        }
        assert_eq!(most, 40, "{strategy}");
        let failed = |reason: Reason| run.tally().failed[reason as usize];
        assert!(failed(Reason::QueueFull) > 0 && failed(Reason::TimedOutWaiting) > 0, "{strategy}");
    }
}
