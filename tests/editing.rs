//! Every edit can be taken back and made again, a refused one changes nothing and says why, and no
//! scenario that can be drawn makes the page hang.

mod common;

use switchyard::node::Value;
use switchyard::scenario::{FaultKind, Scenario};
use switchyard::session::{Command, Session};
use switchyard::sim::{Op, Reason, Rng, Span, Time};

use common::random::{Genes, random_command};
use common::{balancer, fault, link, one_by_one, poisson, scenario, send, steady, trio};

fn open(scenario: &Scenario) -> Session {
    Session::new(scenario.clone()).expect("the scenario is valid")
}

fn genes(rng: &mut Rng) -> Genes {
    rng.bits().to_le_bytes()
}

fn undo_all(session: &mut Session) {
    while session.undo().expect("what was done can be undone") {}
}

fn redo_all(session: &mut Session) {
    while session.redo().expect("what was undone can be done again") {}
}

/// Everything an edit could have changed.
fn shape(session: &Session) -> (String, u64, Time, u64, (usize, usize), String) {
    let run = session.run();
    (
        session.scenario().to_json(),
        run.trace_hash(),
        run.now(),
        run.links().len() as u64,
        session.undo_depth(),
        format!("{:?}", session.series()),
    )
}

// ===== undo and redo =====

#[test]
fn undo_all_gives_the_scenario_back_to_the_byte_and_redo_all_the_last_one() {
    let (mut allowed, mut refused) = (0, 0);
    for seed in 0..1_000 {
        let mut rng = Rng::from_seed(seed);
        let mut session = open(&match seed % 2 {
            0 => Scenario::default(),
            _ => trio(seed, 40.0),
        });
        let start = session.scenario().to_json();
        for turn in 0..rng.below(40) {
            let command = random_command(session.scenario(), genes(&mut rng));
            let before = shape(&session);
            match session.apply(command.clone(), 0) {
                Ok(()) => allowed += 1,
                Err(refusal) => {
                    refused += 1;
                    assert_eq!(shape(&session), before, "{command:?} was refused: {refusal}");
                    assert!(refusal.to_string().len() > 10, "{command:?}: {refusal}");
                }
            }
            assert_eq!(session.scenario().check(), Ok(()), "after {command:?}");
            if turn % 4 == 3 {
                session.advance(Span::from_millis(50), 1_000);
            }
        }
        let end = session.scenario().to_json();
        undo_all(&mut session);
        assert_eq!(session.scenario().to_json(), start, "seed {seed}");
        redo_all(&mut session);
        assert_eq!(session.scenario().to_json(), end, "seed {seed}");
        undo_all(&mut session);
        assert_eq!(session.scenario().to_json(), start, "seed {seed}, the second time");
    }
    // Both kinds must be plenty, or this proves little.
    assert!(allowed > 5_000 && refused > 2_000, "{allowed} allowed, {refused} refused");
}

#[test]
fn taking_a_node_out_and_back_restores_what_hung_on_it_in_its_place() {
    let mut full = trio(1, 40.0);
    full.nodes.push(poisson("c2", 5.0));
    full.links.insert(1, link("c2", "lb", 1.0));
    full.faults = vec![
        fault(10, "s1", FaultKind::Crash),
        fault(20, "lb", FaultKind::Crash),
        fault(30, "s1", FaultKind::Restart),
    ];
    full.sends = vec![send(1, "c2", "a"), send(2, "c", "b"), send(3, "c2", "c")];
    for id in ["c", "c2", "lb", "s1", "s2", "s3"] {
        let mut session = open(&full);
        session.apply(Command::RemoveNode(id.into()), 0).expect("it can be removed");
        let left = session.scenario();
        assert!(left.node(id).is_none());
        assert!(left.links.iter().all(|link| link.from != id && link.to != id));
        assert!(left.faults.iter().all(|fault| !fault.on.touches(id)));
        assert!(left.sends.iter().all(|send| send.from != id));
        assert!(session.undo().expect("the undo works"));
        assert_eq!(session.scenario(), &full, "{id}");
        assert_eq!(session.undo_depth(), (0, 1));
    }
}

#[test]
fn a_new_edit_makes_redo_impossible() {
    let mut session = open(&trio(1, 40.0));
    session.apply(Command::SetTitle("one".into()), 0).expect("allowed");
    session.undo().expect("the undo works");
    assert_eq!(session.undo_depth(), (0, 1));
    session.apply(Command::SetTitle("two".into()), 0).expect("allowed");
    assert_eq!(session.undo_depth(), (1, 0));
    assert!(!session.redo().expect("nothing to do is no error"));
    assert_eq!(session.scenario().title, "two");
}

#[test]
fn a_drag_is_one_step_and_ends_with_the_gesture_or_the_target() {
    let mut session = open(&trio(1, 40.0));
    let start = session.scenario().clone();
    let to = |id: &str, x| Command::Move(vec![(id.into(), x, 0)]);
    let rate = |n: f64| Command::Set("c".into(), "rate".into(), Value::Number(n));
    // (command, gesture, steps that can be undone afterwards)
    let story = [
        (to("s1", 1), 5, 1),
        (to("s1", 2), 5, 1),
        (to("s1", 3), 5, 1),
        (to("s2", 3), 5, 2),
        (to("s2", 4), 6, 3),
        (to("s2", 5), 0, 4),
        (to("s2", 6), 0, 5),
        (rate(1.0), 7, 6),
        (rate(2.0), 7, 6),
        (Command::Set("c".into(), "keys".into(), Value::Number(9.0)), 7, 7),
        (Command::SetLink("c".into(), "lb".into(), 1.0, 0.0), 8, 8),
        (Command::SetLink("c".into(), "lb".into(), 2.0, 0.0), 8, 8),
        (Command::SetLink("lb".into(), "s1".into(), 2.0, 0.0), 8, 9),
        (Command::Rename("c".into(), "a".into()), 9, 10),
        (Command::Rename("c".into(), "ab".into()), 9, 10),
    ];
    for (command, gesture, steps) in story {
        session.apply(command.clone(), gesture).expect("allowed");
        assert_eq!(session.undo_depth().0, steps, "after {command:?}");
    }
    let end = session.scenario().clone();
    undo_all(&mut session);
    assert_eq!(session.scenario(), &start);
    redo_all(&mut session);
    assert_eq!(session.scenario(), &end);
}

#[test]
fn undo_is_deep_and_its_memory_is_bounded() {
    let mut session = open(&trio(1, 40.0));
    for n in 0..2_000 {
        session.apply(Command::SetNote(format!("{n:04000}")), 0).expect("allowed");
    }
    // 8 MiB are about a thousand steps of two notes with 4,000 letters each.
    let (deep, _) = session.undo_depth();
    assert!((200..=1_050).contains(&deep), "{deep} steps");
    undo_all(&mut session);
    assert_eq!(session.scenario().note, format!("{:04000}", 2_000 - deep - 1));
}

#[test]
fn many_edits_as_one_are_all_made_or_none() {
    let mut session = open(&trio(1, 40.0));
    let before = shape(&session);
    let refused = Command::All(vec![
        Command::SetTitle("half".into()),
        Command::RemoveNode("s1".into()),
        Command::RemoveNode("s1".into()),
    ]);
    let refusal = session.apply(refused, 0).expect_err("s1 can only be removed once");
    assert_eq!(refusal.to_string(), "there is no node \"s1\"");
    assert_eq!(shape(&session), before);
    let number = session.scenario().nodes.len();
    let wires = session.scenario().links.len();
    let copy = Command::All(vec![
        Command::AddNode(number, steady("copy", 1.0)),
        Command::AddLink(wires, link("lb", "copy", 1.0)),
    ]);
    session.apply(copy, 0).expect("allowed");
    assert_eq!(session.undo_depth().0, 1);
    session.undo().expect("the undo works");
    assert_eq!(session.scenario().to_json(), before.0);
}

// ===== refusals =====

fn set(node: &str, key: &str, value: Value) -> Command {
    Command::Set(node.into(), key.into(), value)
}

/// Each bad edit with what a person reads.
fn refusals() -> Vec<(Command, &'static str)> {
    let number = Value::Number;
    let wire = |from: &str, to: &str| Command::AddLink(0, link(from, to, 1.0));
    let slow = |ms| Command::SetLink("c".into(), "lb".into(), ms, 0.0);
    let lossy = |loss| Command::SetLink("c".into(), "lb".into(), 1.0, loss);
    let mut twin = steady("s1", 1.0);
    twin.label = "another".into();
    let mut nameless = steady("no spaces", 1.0);
    nameless.label = "x".into();
    vec![
        (wire("lb", "lb"), "lb cannot be wired to itself"),
        (wire("lb", "s1"), "lb is wired to s1 already"),
        (wire("lb", "c"), "c only send requests, none can be sent to them"),
        (wire("c", "s1"), "c have one way in; put a balancer there to share requests out"),
        (wire("lb", "nobody"), "there is no node \"nobody\""),
        (set("s1", "cores", number(0.0)), "cores: must be between 1 and 1024, got 0"),
        (set("s1", "cores", number(1.5)), "cores: must be a whole number, got 1.5"),
        (set("s1", "cores", number(f64::NAN)), "cores: must be a number between 1 and 1024"),
        (set("s1", "service", number(-5.0)), "service: must be between 0.001 and 3600000, got -5"),
        (set("c", "rate", number(1e300)), "rate: must be between 0 and 1000000, got 1"),
        (set("c", "rate", Value::Switch(true)), "rate: must be a number"),
        (set("s1", "healthy", number(1.0)), "healthy: must be true or false"),
        (set("lb", "strategy", number(1.0)), "strategy: must be a text"),
        (
            set("lb", "strategy", Value::Choice("best".into())),
            "strategy: must be one of round_robin, smooth_weighted, ",
        ),
        (
            set("s1", "storage", number(1.0)),
            "storage: is not a parameter of a server; it has service, spread, cv, alpha, list, \
             cores, discipline, queue",
        ),
        (set("nobody", "cores", number(1.0)), "there is no node \"nobody\""),
        (slow(f64::INFINITY), "links[0].latency_ms: must be between 0 and 60000, got inf"),
        (slow(-1.0), "links[0].latency_ms: must be between 0 and 60000, got -1"),
        (lossy(1.5), "links[0].loss: must be between 0 and 1, got 1.5"),
        (lossy(f64::NAN), "links[0].loss: must be a number between 0 and 1"),
        (Command::RemoveLink("s1".into(), "c".into()), "there is no wire from \"s1\" to \"c\""),
        (Command::RemoveNode("nobody".into()), "there is no node \"nobody\""),
        (Command::AddNode(5, twin), "nodes[5].id: another node has the id \"s1\" already"),
        (Command::AddNode(5, nameless), "nodes[5].id: must be 1 to 40 letters, digits, _ or -"),
        (Command::AddNode(7, steady("new", 1.0)), "nodes[7]: is beyond the end of the list"),
        (Command::Rename("s1".into(), "x".repeat(81)), "nodes[2].label: must be at most 80 char"),
        (Command::Rename("s1".into(), "a\u{202e}b".into()), "nodes[2].label: must hold no contr"),
        (Command::Rename("s1".into(), "a\nb".into()), "nodes[2].label: must hold no control char"),
        (Command::SetNote("x".repeat(4_001)), "note: must be at most 4000 characters long"),
        (Command::SetTitle("x".repeat(121)), "title: must be at most 120 characters long"),
        (Command::SetSeed(u64::MAX), "seed: must be at most 9007199254740991"),
        (Command::SetSpeed(0.0), "speed: must be between 0.001 and 1000, got 0"),
        (Command::Move(vec![("s1".into(), i32::MAX, 0)]), "nodes[2].x: must be between -100000 an"),
        (Command::RemoveFault(0), "faults[0]: is not there"),
        (Command::RemoveSend(3), "sends[3]: is not there"),
        (
            Command::AddFault(0, fault(1, "nobody", FaultKind::Crash)),
            "faults[0].node: there is no node \"nobody\"",
        ),
        (Command::AddSend(0, send(1, "s1", "k")), "sends[0].from: there are no clients \"s1\""),
        (
            Command::AddSend(0, send(1, "c", &"k".repeat(201))),
            "sends[0].key: must be at most 200 characters long",
        ),
        (
            Command::AddFault(0, fault(u64::MAX / 1_000_000, "s1", FaultKind::Crash)),
            "faults[0].at_ms: is too far in the future",
        ),
    ]
}

#[test]
fn a_bad_edit_is_refused_in_a_readable_sentence_and_changes_nothing() {
    let mut session = open(&trio(1, 40.0));
    session.advance(Span::from_millis(300), 10_000);
    let before = shape(&session);
    for (command, words) in refusals() {
        let refusal = session.apply(command.clone(), 0).expect_err(words).to_string();
        assert!(refusal.starts_with(words), "{command:?}: {refusal}, not {words}");
        assert_eq!(shape(&session), before, "{command:?}");
    }
    for (refused, words) in [
        (session.kill("nobody"), "faults[0].node: there is no node \"nobody\""),
        (session.revive("nobody"), "faults[0].node: there is no node \"nobody\""),
        (session.send_one("s1", "k", Op::Read), "sends[0].from: there are no clients \"s1\""),
    ] {
        assert_eq!(refused.expect_err(words).to_string(), words);
        assert_eq!(shape(&session), before);
    }
}

// ===== scenarios that lead nowhere =====

/// Runs for ten seconds in frames of a bounded number of events, as the page does.
fn run_in_frames(session: &mut Session) {
    for _ in 0..1_000 {
        let before = session.run().events();
        let advanced = session.advance(Span::from_millis(10), 500);
        assert!(advanced.events <= 500);
        assert_eq!(session.run().events() - before, advanced.events);
        assert!(session.run().conserved());
    }
}

fn failed(session: &Session, reason: Reason) -> u64 {
    session.run().tally().failed[reason as usize]
}

#[test]
fn an_empty_scenario_runs_and_nothing_happens() {
    let mut session = open(&Scenario::default());
    assert_eq!(session.step(), None);
    run_in_frames(&mut session);
    // However far: where nothing happens there is nothing to do.
    assert!(session.advance(Span::from_ns(u64::MAX / 2), 1).reached);
    assert_eq!(session.run().events(), 0);
    session.seek(Time::ZERO);
    session.restart();
    assert_eq!(session.report().nodes, []);
}

#[test]
fn requests_that_cannot_be_served_fail_for_a_named_reason() {
    let wired = vec![link("c", "lb", 1.0), link("lb", "s1", 1.0)];
    let sick = || {
        let mut node = steady("s1", 10.0);
        node.kind.set("healthy", Value::Switch(false)).expect("allowed");
        node
    };
    let lb = || balancer("lb", "round_robin");
    let mut crashed =
        scenario(1, vec![poisson("c", 100.0), lb(), steady("s1", 10.0)], wired.clone());
    crashed.faults = vec![fault(0, "s1", FaultKind::Crash)];
    let mut door = crashed.clone();
    door.faults = vec![fault(0, "lb", FaultKind::Crash)];
    let cases = [
        ("no wire", scenario(1, vec![poisson("c", 100.0)], vec![]), Reason::BadRequest),
        (
            "no servers",
            scenario(1, vec![poisson("c", 100.0), lb()], vec![link("c", "lb", 1.0)]),
            Reason::BadRequest,
        ),
        (
            "all unhealthy",
            scenario(1, vec![poisson("c", 100.0), lb(), sick()], wired),
            Reason::NoHealthyBackend,
        ),
        ("all crashed", crashed, Reason::NoHealthyBackend),
        ("the balancer crashed", door, Reason::ConnectionRefused),
        (
            "a crashed server without a balancer",
            Scenario {
                faults: vec![fault(0, "s1", FaultKind::Crash)],
                ..scenario(
                    1,
                    vec![poisson("c", 100.0), steady("s1", 10.0)],
                    vec![link("c", "s1", 1.0)],
                )
            },
            Reason::ConnectionRefused,
        ),
    ];
    for (name, scenario, reason) in cases {
        let mut session = open(&scenario);
        run_in_frames(&mut session);
        let tally = session.run().tally();
        assert!(tally.sent > 800, "{name}: {tally:?}");
        assert_eq!(tally.completed, 0, "{name}");
        let in_flight = session.run().in_flight();
        assert_eq!(failed(&session, reason) + in_flight, tally.sent, "{name}: {tally:?}");
        assert!(in_flight < 10, "{name}");
        let last = session.series().finished(session.run().now()).next();
        let id = last.expect("some have ended").request.id;
        let ending = session.explain(id).expect("it ended just now").ending;
        assert!(ending.starts_with("failed ") && ending.ends_with(reason.words()), "{ending}");
    }
}

/// One after another, without a wire and without a pause: time never moves. The budget ends it.
#[test]
fn a_run_that_stands_still_comes_back_with_a_reason() {
    let mut session = open(&scenario(1, vec![one_by_one("c", 0)], vec![]));
    let first = session.advance(Span::from_millis(10), 5_000);
    assert_eq!((first.events, first.reached, first.halt), (5_000, false, None));
    let endless = session.advance(Span::from_millis(10), u64::MAX);
    let words = endless.halt.expect("it stands still").words();
    assert!(words.starts_with("Paused: "), "{words}");
    assert!(session.run().conserved());
    // Wiring the clients to something lets time go on.
    session.apply(Command::AddNode(1, steady("s", 1.0)), 0).expect("allowed");
    session.apply(Command::AddLink(0, link("c", "s", 1.0)), 0).expect("allowed");
    let on = session.advance(Span::from_millis(1_000), 10_000);
    assert!(on.reached && on.halt.is_none(), "{on:?}");
    assert!(session.run().tally().completed > 300);
}

#[test]
fn the_fastest_and_the_slowest_of_everything_still_comes_back() {
    for (rate, service_ms, latency) in
        [(1e6, 0.001, 0.0), (1e6, 3.6e6, 60_000.0), (1e-9, 3.6e6, 60_000.0), (1e6, 0.001, 60_000.0)]
    {
        let mut nodes = vec![poisson("c", rate), balancer("lb", "round_robin"), steady("s", 1.0)];
        nodes[2].kind.set("service", Value::Number(service_ms)).expect("allowed");
        let links = vec![link("c", "lb", latency), link("lb", "s", latency)];
        let mut session = open(&scenario(1, nodes, links));
        run_in_frames(&mut session);
        for _ in 0..50 {
            session.step();
        }
        session.seek(Time::from_ns(session.frontier().ns() / 2));
        session.seek(Time::MAX);
        assert!(session.run().conserved());
        let spread = Value::Choice("exponential".into());
        session.apply(set("s", "spread", spread), 0).expect("allowed");
    }
}
