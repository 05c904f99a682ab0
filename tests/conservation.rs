//! Nothing is lost silently: whatever is built, set, cut, crashed or edited, every request ends as
//! completed or failed for a named reason or is still in flight, and its stays add up.

mod common;

use std::collections::BTreeMap;

use proptest::prelude::*;
use switchyard::node::{AnyNode, Kind, Value};
use switchyard::scenario::Scenario;
use switchyard::scenario::build::{Run, build, reconcile};
use switchyard::session::Session;
use switchyard::sim::sink::{Full, Stay};
use switchyard::sim::{NodeId, Outcome, Place, Reason, Silent, Time};

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

/// What must hold between any two events.
fn check_run(run: &Run) -> Result<(), TestCaseError> {
    let tally = run.tally();
    prop_assert!(run.conserved(), "{:?} with {} in flight", tally, run.requests().len());
    prop_assert_eq!(run.requests().iter().count(), run.requests().len());
    let mut held = BTreeMap::<NodeId, (u32, u32)>::new();
    for (_, request) in run.requests().iter() {
        prop_assert!(request.born <= request.since && request.since <= run.now());
        prop_assert!(request.until >= run.now(), "{request:?} should have left");
        match request.place {
            Place::Serving(node) => held.entry(node).or_default().0 += 1,
            Place::Waiting(node) => held.entry(node).or_default().1 += 1,
            Place::Going(_) | Place::Returning(_) | Place::Calling(_) => {}
            // Between two events everybody is on the way, waiting or being served.
            Place::At(_) => prop_assert!(false, "{request:?} was left lying"),
        }
    }
    for (number, node) in run.nodes().iter().enumerate() {
        let AnyNode::Server(server) = node else { continue };
        let (serving, waiting) = held.get(&NodeId(number as u16)).copied().unwrap_or_default();
        prop_assert_eq!(server.busy().value(), serving);
        prop_assert_eq!(server.waiting().value(), waiting);
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

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

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
        for node in &mut scenario.nodes {
            if matches!(node.kind, Kind::Clients(_)) {
                let total = Value::Number(f64::from(total));
                node.kind.set("total", total).expect("an allowed total");
            }
        }
        let mut run = build(&scenario);
        let mut full = Full::default();
        while run.step(Time::MAX, &mut full).is_some() {
            prop_assert!(run.events() < 100_000, "it does not end");
        }
        prop_assert!(run.requests().is_empty());
        prop_assert_eq!(run.tally().sent, full.finished.len() as u64);
        check_run(&run)?;
        check_stays(&full)?;
        check_reasons(&run, &full)?;
        check_idle_balancers(&run)?;
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
