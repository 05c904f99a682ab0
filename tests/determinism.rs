//! The world is a value: same scenario and seed, same events, however one looks, stops, steps,
//! goes back or comes again.

mod common;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{env, fs};

use serde_json::json;
use switchyard::node::Value;
use switchyard::scenario::build::{Run, build};
use switchyard::scenario::{FaultKind, Scenario, link};
use switchyard::session::{Command, Explanation, Report, Series, Session};
use switchyard::sim::sink::Full;
use switchyard::sim::{Focus, Key, Outcome, Place, Request, Rng, Silent, Sink, Span, Tally, Time};

use common::{at_ms, fault, poisson, presets, scenario, send, steady, trio};

const NO_LIMIT: u64 = u64::MAX;

// ===== what a run is compared by =====

/// Everything that can be seen of a run at one instant.
#[derive(Clone, Debug, PartialEq)]
struct State {
    now: Time,
    tally: Tally,
    next: Option<Time>,
    in_flight: Vec<(u64, Place, Time)>,
    report: Report,
}

fn state(session: &Session) -> State {
    let run = session.run();
    let in_flight = run.requests().iter().map(|(_, r)| (r.id, r.place, r.since));
    State {
        now: run.now(),
        tally: *run.tally(),
        next: run.next_event(),
        in_flight: in_flight.collect(),
        report: session.report(),
    }
}

/// What was measured, as text: every count, percentile, ended request and failure.
fn measured(session: &Session) -> String {
    format!("{:?}", session.series())
}

fn open(scenario: &Scenario) -> Session {
    Session::new(scenario.clone()).expect("the scenario is valid")
}

fn advance_ms(session: &mut Session, ms: u64) {
    let advanced = session.advance(Span::from_millis(ms), NO_LIMIT);
    assert!(advanced.reached, "{advanced:?}");
}

/// A scenario with everything in it: loss, a crash, a restart, single requests, a full queue.
fn eventful() -> Scenario {
    let mut eventful = trio(3, 90.0);
    eventful.links[2].loss = 0.1;
    eventful.faults =
        vec![fault(1_500, "s1", FaultKind::Crash), fault(2_500, "s1", FaultKind::Restart)];
    eventful.sends = vec![send(1_000, "c", "user:a"), send(1_000, "c", "user:b")];
    eventful
}

fn all() -> impl Iterator<Item = (&'static str, Scenario)> {
    presets().chain([("eventful", eventful())])
}

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
    let changes: [(&str, fn(&mut Session) -> Command); 5] = [
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

fn set(node: &str, key: &str, value: Value) -> Command {
    Command::Set(node.into(), key.into(), value)
}

// ===== by hand, by file, by link =====

#[test]
fn a_kill_by_hand_is_the_kill_in_the_file_and_in_the_link() {
    let mut by_hand = open(&trio(9, 90.0));
    advance_ms(&mut by_hand, 1_234);
    by_hand.kill("s1").expect("s1 can be killed");
    by_hand.send_one("c", "user:42").expect("c can send");
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

// ===== through time =====

/// Goes on for `seconds` in odd steps and gives the states met on the way.
fn wander(session: &mut Session, seconds: u64, rng: &mut Rng, edits: bool) -> Vec<State> {
    let end = session.run().now() + Span::from_millis(seconds * 1_000);
    let mut met = Vec::new();
    let mut turn = 0;
    while session.run().now() < end {
        let span = Span::from_ns(u64::from(rng.below(333_333_333)) + 1);
        while !session
            .advance(span.min(end.since(session.run().now())), 1 + u64::from(rng.below(997)))
            .reached
            && rng.below(4) > 0
        {}
        turn += 1;
        if edits && turn % 5 == 0 {
            live_edit(session, turn / 5);
        }
        met.push(state(session));
    }
    met
}

fn live_edit(session: &mut Session, turn: u32) {
    let nodes = session.scenario().nodes.len();
    let links = session.scenario().links.len();
    let done = match turn % 7 {
        0 => session.apply(set("s3", "cores", Value::Number(f64::from(turn % 4 + 1))), 0),
        1 => session.kill("s2"),
        2 => session.revive("s2"),
        3 => session.apply(Command::RemoveNode("s1".into()), 0),
        4 => session.undo().map(|_| ()),
        5 => session.apply(
            Command::All(vec![
                Command::AddNode(nodes, steady(&format!("x{turn}"), 25.0)),
                Command::AddLink(links, common::link("lb", &format!("x{turn}"), 3.0)),
            ]),
            0,
        ),
        _ => session.send_one("c", &format!("by hand {turn}")),
    };
    done.unwrap_or_else(|refusal| panic!("edit {turn}: {refusal}"));
}

/// The last state met at each instant: at one instant there may be several, and an edit.
fn last_at_each_instant(met: Vec<State>) -> BTreeMap<Time, State> {
    met.into_iter().map(|state| (state.now, state)).collect()
}

#[test]
fn going_back_finds_the_run_as_it_was() {
    for (edits, seed) in [(false, 1), (true, 2), (true, 3)] {
        let mut rng = Rng::from_seed(seed);
        let mut session = open(&eventful());
        let met = last_at_each_instant(wander(&mut session, 30, &mut rng, edits));
        let (end, measured_then) = (state(&session), measured(&session));
        let times: Vec<Time> = met.keys().copied().collect();
        for _ in 0..20 {
            let at = times[rng.below(times.len() as u32) as usize];
            session.seek(at);
            compare_at(&session, &met[&at], edits);
        }
        session.seek(Time::MAX);
        assert_eq!(state(&session), end);
        assert_eq!(measured(&session), measured_then);
    }
}

/// Reports name nodes by the document, which may have changed since.
fn compare_at(session: &Session, then: &State, edits: bool) {
    let mut now = state(session);
    if edits {
        now.report.nodes.clone_from(&then.report.nodes);
    }
    assert_eq!(&now, then, "at {}", then.now);
}

#[test]
fn going_back_and_on_again_without_an_edit_changes_nothing() {
    let mut straight = open(&eventful());
    advance_ms(&mut straight, 8_000);
    let mut session = open(&eventful());
    let mut rng = Rng::from_seed(4);
    for back in [100, 2_500, 1, 999, 3_000] {
        advance_ms(&mut session, 1_000);
        let now = session.run().now();
        session.seek(now - Span::from_millis(back));
        for _ in 0..rng.below(30) {
            session.step();
        }
        advance_ms(&mut session, 600);
    }
    let left = straight.run().now().since(session.run().now());
    session.advance(left, NO_LIMIT);
    assert_eq!(state(&session), state(&straight));
    assert_eq!(measured(&session), measured(&straight));
}

#[test]
fn an_edit_in_the_past_makes_that_the_present() {
    let mut went_back = open(&eventful());
    advance_ms(&mut went_back, 5_000);
    went_back.seek(at_ms(2_050));
    let mut straight = open(&eventful());
    advance_ms(&mut straight, 2_050);
    for session in [&mut went_back, &mut straight] {
        session.apply(set("s2", "cores", Value::Number(3.0)), 0).expect("allowed");
        assert_eq!(session.frontier(), at_ms(2_050));
        advance_ms(session, 3_000);
    }
    assert_eq!(state(&went_back), state(&straight));
    assert_eq!(measured(&went_back), measured(&straight));
}

#[test]
fn single_steps_come_to_the_same_as_one_stride() {
    for (name, scenario) in all() {
        let mut stride = open(&scenario);
        advance_ms(&mut stride, 4_000);
        let mut steps = open(&scenario);
        while steps.run().next_event().is_some_and(|next| next <= at_ms(4_000)) {
            let before = steps.run().events();
            let stepped = steps.step().expect("there is a next event");
            assert_eq!(stepped.at, steps.run().now());
            assert_eq!(steps.run().events(), before + 1);
        }
        steps.advance(at_ms(4_000).since(steps.run().now()), NO_LIMIT);
        assert_eq!(state(&steps), state(&stride), "{name}");
        assert_eq!(measured(&steps), measured(&stride), "{name}");
    }
}

#[test]
fn tiny_budgets_come_to_the_same_as_one_stride() {
    for (name, scenario) in all() {
        let mut stride = open(&scenario);
        advance_ms(&mut stride, 4_000);
        for budget in [1, 2, 7] {
            let mut bits = open(&scenario);
            let mut events = 0;
            loop {
                let left = at_ms(4_000).since(bits.run().now());
                let advanced = bits.advance(left, budget);
                assert!(advanced.events <= budget);
                events += advanced.events;
                if advanced.reached {
                    break;
                }
            }
            assert_eq!(events, stride.run().events(), "{name}");
            assert_eq!(state(&bits), state(&stride), "{name}");
            assert_eq!(measured(&bits), measured(&stride), "{name}");
        }
    }
}

/// With wires of no length many events share an instant, and the playhead can stand among them.
#[test]
fn the_middle_of_an_instant_is_kept_too() {
    let crowd = || {
        let nodes = vec![
            common::one_by_one("c", 0),
            common::balancer("lb", "round_robin"),
            steady("s1", 10.0),
        ];
        scenario(1, nodes, vec![common::link("c", "lb", 0.0), common::link("lb", "s1", 0.0)])
    };
    for steps in 1..20 {
        let mut session = open(&crowd());
        for _ in 0..steps {
            session.step();
        }
        let (then, measured_then) = (state(&session), measured(&session));
        session.seek(Time::ZERO);
        session.seek(then.now);
        assert_eq!(state(&session), then, "after {steps} steps");
        session.seek(Time::ZERO);
        while session.run().events() < then.report.events {
            session.step();
        }
        assert_eq!(state(&session), then, "after {steps} steps, step by step");
        assert_eq!(measured(&session), measured_then, "after {steps} steps");
    }
}

/// However one got there: what the charts show is what the run counted.
#[test]
fn the_series_adds_up_to_the_tally_after_any_steering() {
    for seed in 0..20 {
        let mut rng = Rng::from_seed(seed);
        let mut session = open(&eventful());
        for turn in 0..12 {
            wander(&mut session, 1, &mut rng, false);
            match rng.below(4) {
                0 => session.seek(at_ms(u64::from(rng.below(5_000)))),
                1 => session.kill(["s1", "s2", "s3"][rng.below(3) as usize]).expect("allowed"),
                2 => drop(session.undo().expect("the undo works")),
                _ => live_edit(&mut session, turn * 7),
            }
        }
        wander(&mut session, 6, &mut rng, false);
        assert_eq!(session.run().now(), session.frontier());
        let sums = session.series().buckets().fold((0, 0, 0), |(sent, done, failed), (_, b)| {
            (sent + u64::from(b.sent), done + u64::from(b.done), failed + u64::from(b.failed))
        });
        let tally = session.run().tally();
        assert_eq!(sums, (tally.sent, tally.completed, tally.failures()), "seed {seed}");
    }
}

// ===== explaining =====

fn check_explanation(session: &Session, it: &Explanation) {
    let sum = it.stays.iter().fold(Span::ZERO, |sum, stay| sum + stay.span);
    assert_eq!(sum, it.latency, "the stays of request {} add up", it.request);
    let mut offset = Span::ZERO;
    for stay in &it.stays {
        assert_eq!(stay.offset, offset, "request {}: {:?}", it.request, it.stays);
        offset = offset + stay.span;
    }
    assert!(!it.decisions.is_empty(), "nobody decided about {it:?}");
    for (_, why) in &it.decisions {
        assert!(!why.title.is_empty() && !why.sentence.is_empty(), "{why:?}");
        assert!(why.lines.iter().all(|line| !line.numbers.is_empty()));
    }
    assert!(!it.path.is_empty() && !it.key.is_empty() && !it.ending.is_empty());
    assert!(it.born + it.latency <= session.run().now());
}

#[test]
fn ended_and_flying_requests_are_explained_and_nothing_changes() {
    for edits in [false, true] {
        let mut session = open(&eventful());
        wander(&mut session, 6, &mut Rng::from_seed(11), edits);
        for back in [Span::ZERO, Span::from_millis(700)] {
            session.seek(session.frontier() - back);
            let now = session.run().now();
            let (before, measured_before) = (state(&session), measured(&session));
            let ended: Vec<u64> =
                session.series().finished(now).map(|ended| ended.request.id).take(60).collect();
            let flying: Vec<u64> = session.run().requests().iter().map(|(_, r)| r.id).collect();
            assert!(ended.len() > 20 && !flying.is_empty());
            let mut outcomes = [0; 3];
            // One that is still on its first wire has met nobody who decides.
            let decided = |it: &Explanation| it.stays.len() > 1;
            for id in ended.into_iter().chain(flying) {
                let it = session.explain(id).unwrap_or_else(|| panic!("request {id}"));
                if decided(&it) {
                    check_explanation(&session, &it);
                }
                outcomes[match it.outcome {
                    Outcome::Pending => 0,
                    Outcome::Done => 1,
                    Outcome::Failed(..) => 2,
                }] += 1;
            }
            assert!(outcomes.iter().all(|&n| n > 0), "{outcomes:?}");
            assert_eq!(state(&session), before);
            assert_eq!(measured(&session), measured_before);
        }
        assert_eq!(session.explain(10_000_000), None);
    }
}

#[test]
fn a_request_that_an_edit_took_from_its_server_is_explained_whole() {
    let mut session = open(&trio(2, 90.0));
    advance_ms(&mut session, 3_000);
    let s1 = session.run().find("s1").expect("s1 is there");
    let held = |r: &Request| matches!(r.place, Place::Serving(n) | Place::Waiting(n) if n == s1);
    let ids: Vec<u64> =
        session.run().requests().iter().filter(|(_, r)| held(r)).map(|(_, r)| r.id).collect();
    assert!(!ids.is_empty());
    session.apply(Command::RemoveNode("s1".into()), 0).expect("s1 can be removed");
    for ms in [2, 1_000] {
        advance_ms(&mut session, ms);
        for &id in &ids {
            let it = session.explain(id).expect("it failed just now");
            check_explanation(&session, &it);
            assert!(matches!(it.outcome, Outcome::Failed(..)), "{it:?}");
        }
    }
}

#[test]
fn a_typed_key_keeps_its_name_when_another_is_taken_out() {
    let mut session = open(&trio(2, 20.0));
    session.apply(Command::AddSend(0, send(9_000, "c", "later")), 0).expect("allowed");
    session.apply(Command::AddSend(1, send(1_000, "c", "sooner")), 0).expect("allowed");
    advance_ms(&mut session, 1_003);
    session.apply(Command::RemoveSend(0), 0).expect("allowed");
    let keys: Vec<String> =
        session.run().requests().iter().map(|(_, r)| session.run().key_name(r.key)).collect();
    assert!(keys.iter().any(|key| key == "sooner"), "{keys:?}");
}
