//! The world is a value: same scenario and seed, same events, however one looks, stops, steps,
//! goes back or comes again.

mod common;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{env, fs};

use serde_json::json;
use switchyard::node::Value;
use switchyard::scenario::build::{Run, build};
use switchyard::scenario::{Scenario, link};
use switchyard::session::{Command, Series, Session};
use switchyard::sim::sink::Full;
use switchyard::sim::{Focus, Key, Op, Place, Request, Silent, Sink, Span, Time};

use common::states::{NO_LIMIT, advance_ms, all, measured, open, set, state};
use common::{at_ms, poisson, presets, send, steady, trio};

fn run_for<S: Sink>(scenario: &Scenario, seconds: u64, sink: &mut S) -> Run {
    let mut run = build(scenario);
    assert!(run.run_until(at_ms(seconds * 1_000), NO_LIMIT, sink).reached);
    run
}

// ===== one run, one hash =====

#[test]
fn the_same_scenario_gives_the_same_run() {
    for (name, scenario) in all() {
        let run = || run_for(&scenario, 10, &mut Silent);
        let (first, second) = (run(), run());
        assert_eq!(first.trace_hash(), second.trace_hash(), "{name}");
        assert_eq!(first.tally(), second.tally(), "{name}");
        assert!(first.events() > 10, "{name} has only {} events", first.events());
    }
}

#[test]
fn another_seed_gives_another_run() {
    for (name, scenario) in all().filter(|(name, _)| *name != "course-round-robin") {
        let other = Scenario { seed: scenario.seed + 1, ..scenario.clone() };
        let hash = |s: &Scenario| run_for(s, 10, &mut Silent).trace_hash();
        assert_ne!(hash(&scenario), hash(&other), "{name}");
    }
}

#[test]
fn looking_changes_nothing() {
    for (name, scenario) in all() {
        let silent = run_for(&scenario, 10, &mut Silent);
        let (mut full, mut series) = (Full::default(), Series::default());
        let looked = [
            run_for(&scenario, 10, &mut full),
            run_for(&scenario, 10, &mut series),
            run_for(&scenario, 10, &mut Focus::on(3)),
        ];
        assert!(!full.stays.is_empty() && series.buckets().count() > 0, "{name}");
        for run in looked {
            assert_eq!(run.trace_hash(), silent.trace_hash(), "{name}");
            assert_eq!(run.tally(), silent.tally(), "{name}");
        }
    }
}

/// The same file is compared in a debug build, a release build and a browser.
#[test]
fn every_preset_has_its_golden_hash() {
    const SECONDS: u64 = 20;
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/trace_hashes.json");
    let rows = presets().map(|(name, scenario)| {
        let run = run_for(&scenario, SECONDS, &mut Silent);
        let hash = format!("{:016x}", run.trace_hash());
        let row = json!({ "seconds": SECONDS, "events": run.events(), "hash": hash });
        (name.to_owned(), row)
    });
    let got: BTreeMap<String, serde_json::Value> = rows.collect();
    if env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        let text = serde_json::to_string_pretty(&got).expect("a map of texts can be written");
        fs::create_dir_all(path.parent().expect("the path has a folder")).expect("a new folder");
        fs::write(&path, text + "\n").expect("the golden file can be written");
    }
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let golden: BTreeMap<String, serde_json::Value> =
        serde_json::from_str(&text).expect("the golden file is a flat object");
    assert_eq!(
        golden, got,
        "a built-in scenario now runs differently. If that is meant, run the test once with \
         UPDATE_GOLDEN=1 and say so in the changelog: every link ever shared changes with it"
    );
}

// ===== common random numbers =====

/// When requests were made, by whom, and what they ask for.
#[derive(Default)]
struct Made(Vec<(Time, String, Key)>);

impl Sink for Made {
    fn wants(&self, _request: &Request) -> bool {
        false
    }

    fn sent(&mut self, now: Time, request: &Request) {
        self.0.push((now, format!("{:?}", request.client), request.key));
    }
}

/// An edit of the scenario that a session holds.
type Change = fn(&mut Session) -> Command;

#[test]
fn whatever_else_changes_arrivals_and_keys_stay() {
    let made = |scenario: &Scenario| {
        let mut made = Made::default();
        run_for(scenario, 20, &mut made);
        made.0.retain(|(_, client, _)| client == "NodeId(0)");
        made.0
    };
    let base = made(&trio(5, 80.0));
    assert!(base.len() > 1_000);
    let changes: [(&str, Change); 5] = [
        ("strategy", |_| set("lb", "strategy", Value::Choice("round_robin".into()))),
        ("cores", |_| set("s2", "cores", Value::Number(7.0))),
        ("latency", |_| Command::SetLink("c".into(), "lb".into(), 60.0, 0.2)),
        ("a server more", |s| {
            let node = steady("s4", 10.0);
            let link = common::link("lb", "s4", 1.0);
            let places = (s.scenario().nodes.len(), s.scenario().links.len());
            Command::All(vec![Command::AddNode(places.0, node), Command::AddLink(places.1, link)])
        }),
        ("clients more", |s| Command::append_node(s.scenario(), poisson("c2", 50.0))),
    ];
    for (name, change) in changes {
        let mut session = open(&trio(5, 80.0));
        let command = change(&mut session);
        session.apply(command, 0).expect("the change is allowed");
        assert_eq!(made(session.scenario()), base, "{name}");
    }
}

#[test]
fn another_strategy_leaves_the_lengths_of_service_as_they_are() {
    let lengths = |strategy: &str| {
        let mut scenario = trio(5, 60.0);
        let chosen = Value::Choice(strategy.to_owned());
        scenario.nodes[1].kind.set("strategy", chosen).expect("the strategy exists");
        let mut full = Full::default();
        let run = run_for(&scenario, 20, &mut full);
        let s3 = run.find("s3").expect("s3 is there");
        let mut stays: Vec<_> = full.stays.into_iter().map(|(_, stay)| stay).collect();
        stays.retain(|stay| stay.place == Place::Serving(s3));
        stays.iter().map(|stay| stay.span()).collect::<Vec<Span>>()
    };
    let (weighted, plain) = (lengths("smooth_weighted"), lengths("round_robin"));
    assert!(weighted.len() > 100 && plain.len() > weighted.len() + 50);
    assert_eq!(weighted, plain[..weighted.len()]);
}

// ===== by hand, by file, by link =====

#[test]
fn a_kill_by_hand_is_the_kill_in_the_file_and_in_the_link() {
    let mut by_hand = open(&trio(9, 90.0));
    advance_ms(&mut by_hand, 1_234);
    by_hand.kill("s1").expect("s1 can be killed");
    by_hand.send_one("c", "user:42", Op::Read).expect("c can send");
    advance_ms(&mut by_hand, 777);
    assert!(!by_hand.is_up("s1"));
    by_hand.revive("s1").expect("s1 can be revived");
    advance_ms(&mut by_hand, 2_000);
    assert!(by_hand.is_up("s1") && !by_hand.edited_while_running());

    let end = by_hand.run().now();
    let text = by_hand.scenario().to_json();
    let from_file = Scenario::from_json(&text).expect("what was written can be read");
    let from_link = link::decode(&link::encode(by_hand.scenario())).expect("the link opens");
    for again in [from_file, from_link] {
        assert_eq!(&again, by_hand.scenario());
        let mut session = open(&again);
        session.advance(end.since(Time::ZERO), NO_LIMIT);
        assert_eq!(state(&session), state(&by_hand));
        assert_eq!(measured(&session), measured(&by_hand));
    }
}

#[test]
fn a_kill_in_the_past_that_is_undone_has_never_been() {
    for (kill_at, live_edit) in [(1_000, false), (40_000, false), (1_000, true)] {
        let mut never = open(&trio(9, 90.0));
        let mut undone = open(&trio(9, 90.0));
        for session in [&mut never, &mut undone] {
            if live_edit {
                advance_ms(session, 500);
                session.apply(set("s2", "cores", Value::Number(2.0)), 0).expect("allowed");
            }
            let now = session.run().now();
            advance_ms(session, kill_at - (now.ns() / 1_000_000));
        }
        undone.kill("s1").expect("s1 can be killed");
        advance_ms(&mut undone, 3_000);
        advance_ms(&mut never, 3_000);
        assert_ne!(state(&undone), state(&never));
        assert!(undone.undo().expect("the undo works"));
        assert_eq!(state(&undone), state(&never));
        assert_eq!(measured(&undone), measured(&never));
        assert!(undone.redo().expect("the redo works"));
        assert_ne!(state(&undone), state(&never));
    }
}

#[test]
fn a_kill_older_than_all_snapshots_can_still_be_undone() {
    let mut session = open(&trio(9, 90.0));
    advance_ms(&mut session, 100);
    session.kill("s1").expect("s1 can be killed");
    // So many edits that the oldest snapshots go.
    for n in 0..2_000u32 {
        advance_ms(&mut session, 10);
        session.apply(set("c", "keys", Value::Number(f64::from(n + 1))), 1).expect("allowed");
    }
    assert!(session.earliest() > at_ms(200), "nothing was thinned: {}", session.earliest());
    let now = session.run().now();
    while session.undo_depth().0 > 0 {
        session.undo().expect("the undo works");
    }
    assert!(session.scenario().faults.is_empty());
    assert!(session.is_up("s1"));
    assert_eq!(session.run().now(), now);
}

#[test]
fn equal_single_requests_at_one_instant_are_all_sent() {
    let mut session = open(&trio(1, 10.0));
    advance_ms(&mut session, 100);
    for _ in 0..3 {
        let twin = send(200, "c", "twin");
        session.apply(Command::AddSend(0, twin), 0).expect("a request can be planned");
    }
    advance_ms(&mut session, 900);
    let mut again = open(session.scenario());
    advance_ms(&mut again, 1_000);
    assert_eq!(state(&session), state(&again));
}
