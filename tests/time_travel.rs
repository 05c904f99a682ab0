//! Through time and back: whoever stops, steps, seeks or asks why finds the run as it was, and leaves
//! it so.

mod common;

use std::collections::BTreeMap;

use switchyard::node::Value;
use switchyard::session::{Command, Explanation, Session};
use switchyard::sim::{Outcome, Place, Request, Rng, Span, Time};

use common::states::{
    NO_LIMIT, State, advance_ms, all, eventful, live_edit, measured, open, set, state, wander,
};
use common::{at_ms, scenario, send, steady, trio};

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
fn step_by_step_back_finds_what_was_there_before_each_event() {
    for edits in [false, true] {
        let mut session = open(&eventful());
        advance_ms(&mut session, 2_500);
        let mut met = Vec::new();
        for turn in 0..60 {
            if edits && turn == 30 {
                session.apply(set("c", "rate", Value::Number(55.0)), 0).expect("allowed");
            }
            met.push((session.run().events(), session.run().trace_hash()));
            session.step().expect("there is more to come");
        }
        let end = state(&session);
        for (events, hash) in met.into_iter().rev() {
            assert!(session.step_back());
            assert_eq!((session.run().events(), session.run().trace_hash()), (events, hash));
        }
        session.seek(Time::MAX);
        assert_eq!(state(&session), end);
    }
    let mut fresh = open(&eventful());
    assert!(!fresh.step_back(), "before the beginning there is nothing");
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
        offset += stay.span;
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
