//! Registries in running worlds: who is found, when a death is noticed, who is struck out, and what
//! goes on while the registry is down.

mod common;

use switchyard::node::registry::Checking;
use switchyard::node::{
    Arrivals, ClientsConfig, Registry, RegistryConfig, ServerConfig, Service, Value,
};
use switchyard::policy::registry::{Pick, Status};
use switchyard::scenario::{FaultKind, Scenario};
use switchyard::session::{Command, Session};
use switchyard::sim::{Outcome, Reason, Span};

use common::{clients, fault, link, scenario, server, the_registry, the_server};

/// Even clients at 20 a second, a registry, and three servers on wires of 1 ms.
fn discovering(config: RegistryConfig) -> Scenario {
    let even =
        ClientsConfig { arrivals: Arrivals::Constant, rate: 20.0, ..ClientsConfig::default() };
    let quick =
        ServerConfig { service: Service::Constant, service_ms: 5.0, ..ServerConfig::default() };
    let mut nodes = vec![clients("c", even), common::registry("reg", config)];
    nodes.extend(["s1", "s2", "s3"].map(|id| server(id, quick.clone())));
    let wires = ["s1", "s2", "s3"].map(|id| link("reg", id, 1.0));
    scenario(7, nodes, [vec![link("c", "reg", 1.0)], wires.to_vec()].concat())
}

fn ran(scenario: Scenario, ms: u64) -> Session {
    let mut session = Session::new(scenario).expect("a valid scenario");
    on(&mut session, ms);
    session
}

fn on(session: &mut Session, ms: u64) {
    assert!(session.advance(Span::from_millis(ms), u64::MAX).reached);
}

fn registry(session: &Session) -> &Registry {
    the_registry(session.run(), "reg")
}

fn sent(session: &Session) -> Vec<u64> {
    registry(session).members().iter().map(|member| member.sent).collect()
}

fn status(session: &Session, place: usize) -> Option<Status> {
    let node = registry(session);
    node.check(&node.members()[place]).map(|check| check.status)
}

fn failed(session: &Session, reason: Reason) -> u64 {
    session.run().tally().failed[reason as usize]
}

/// Checks every second: all have passed by then.
fn often() -> RegistryConfig {
    RegistryConfig { interval_s: 1.0, ..RegistryConfig::default() }
}

fn shares(session: &mut Session, ms: u64) -> Vec<u64> {
    let before = sent(session);
    on(session, ms);
    sent(session).iter().zip(before).map(|(after, before)| after - before).collect()
}

// ===== who is found =====

#[test]
fn nobody_is_found_before_its_first_check_passes() {
    let mut session = ran(discovering(RegistryConfig::default()), 5);
    assert_eq!(registry(&session).passing(), 0);
    assert_eq!(registry(&session).catalogue().all().count(), 3);
    on(&mut session, 10_000);
    assert_eq!(registry(&session).passing(), 3, "the first check comes within the interval");
    assert!(failed(&session, Reason::NoHealthyEndpoints) > 0);
    assert_eq!(session.run().tally().failures(), failed(&session, Reason::NoHealthyEndpoints));
}

#[test]
fn the_first_takes_all_in_turn_is_even_and_random_nearly() {
    let share = |pick| {
        let mut session = ran(discovering(RegistryConfig { pick, ..often() }), 2_000);
        shares(&mut session, 30_000)
    };
    assert_eq!(share(Pick::First), [600, 0, 0]);
    assert_eq!(share(Pick::RoundRobin), [200, 200, 200]);
    assert!(share(Pick::Random).iter().all(|share| (150..250).contains(share)));
}

#[test]
fn the_first_takes_all_back_when_it_recovers() {
    let mut made = discovering(often());
    made.faults =
        vec![fault(10_000, "s1", FaultKind::Crash), fault(20_000, "s1", FaultKind::Restart)];
    let mut session = ran(made, 15_000);
    assert_eq!(shares(&mut session, 1_000), [0, 20, 0]);
    on(&mut session, 9_000);
    assert_eq!(shares(&mut session, 1_000), [20, 0, 0]);
}

// ===== when a death is noticed =====

#[test]
fn a_death_is_noticed_within_the_interval_and_requests_go_there_until_then() {
    for at in [20_300, 22_500, 24_100, 27_700, 29_900] {
        let mut made = discovering(RegistryConfig::default());
        made.faults = vec![fault(at, "s1", FaultKind::Crash)];
        let mut session = ran(made, at);
        let vain = |session: &Session| registry(session).counts().in_vain;
        assert_eq!(status(&session, 0), Some(Status::Passing));
        let mut waited = 0;
        while status(&session, 0) == Some(Status::Passing) {
            on(&mut session, 100);
            waited += 100;
        }
        assert!(waited <= 10_100, "{waited} ms");
        // Twenty a second go there until it is known, and none afterwards but what was on its way.
        let expected = waited * 20 / 1_000;
        assert!(vain(&session).abs_diff(expected) <= 4, "{} in {waited} ms", vain(&session));
        let then = vain(&session);
        on(&mut session, 5_000);
        assert!(vain(&session) - then <= 1);
        let seen = registry(&session).detection().expect("it was noticed");
        assert_eq!((&*seen.name, seen.in_vain), ("s1", then));
        assert!(seen.after.expect("it was well before") <= Span::from_millis(10_010));
    }
}

/// Nothing is refused by a server that answers in ten seconds: the check gives up after three.
#[test]
fn a_server_that_is_slow_fails_its_checks_by_the_timeout() {
    let mut made = discovering(RegistryConfig { timeout_s: 0.01, ..often() });
    made.faults = vec![fault(5_000, "s2", FaultKind::Slow(200))];
    let session = ran(made, 8_000);
    assert_eq!(status(&session, 1), Some(Status::Critical));
    let last = registry(&session).check(&registry(&session).members()[1]).and_then(|c| c.last);
    let (_, answer) = last.expect("it was checked");
    assert_eq!(answer.words(), "no answer in time");
}

/// A server with a full line says 429: a warning, and so not found.
#[test]
fn a_server_that_is_overrun_warns() {
    let mut made = discovering(often());
    for node in &mut made.nodes {
        if node.id == "s1" {
            for (key, value) in [("service", 2_000.0), ("queue", 0.0)] {
                node.kind.set(key, Value::Number(value)).expect("an allowed value");
            }
        }
    }
    let mut session = ran(made, 1_000);
    let mut warned = 0;
    for _ in 0..100 {
        on(&mut session, 100);
        warned += u32::from(status(&session, 0) == Some(Status::Warning));
    }
    assert!(warned > 20, "{warned} of 100");
    assert!(sent(&session)[1] > 0, "others are found meanwhile");
}

#[test]
fn a_server_that_is_marked_unhealthy_says_so_itself() {
    let mut session = ran(discovering(often()), 3_000);
    let mark = Command::Set("s1".into(), "healthy".into(), Value::Switch(false));
    session.apply(mark, 0).expect("allowed");
    assert_eq!(status(&session, 0), Some(Status::Passing), "nobody has asked it yet");
    on(&mut session, 1_200);
    assert_eq!(status(&session, 0), Some(Status::Critical));
}

/// Whoever drains a server tells the registry, as by Consul's maintenance mode.
#[test]
fn a_server_that_is_drained_is_not_found() {
    let mut made = discovering(often());
    made.faults = vec![fault(5_000, "s1", FaultKind::Drain), fault(8_000, "s1", FaultKind::Ready)];
    let mut session = ran(made, 5_100);
    assert_eq!(shares(&mut session, 1_000), [0, 20, 0]);
    on(&mut session, 2_900);
    assert_eq!(shares(&mut session, 1_000), [20, 0, 0], "its checks went on meanwhile");
}

#[test]
fn more_failures_forgive_lost_checks() {
    let flaps = |failures| {
        let config = RegistryConfig { failures, lost: 20.0, timeout_s: 0.1, ..often() };
        let session = ran(discovering(config), 120_000);
        assert!(registry(&session).counts().lost_checks > 40);
        failed(&session, Reason::NoHealthyEndpoints) + sent(&session)[1] + sent(&session)[2]
    };
    let (one, four) = (flaps(1), flaps(4));
    assert!(four * 10 < one, "{four} against {one} that did not find the first");
}

#[test]
fn checks_are_nobodys_traffic() {
    let session = ran(discovering(often()), 60_000);
    let run = session.run();
    let arrived: u64 =
        ["s1", "s2", "s3"].iter().map(|id| the_server(run, id).arrived().total()).sum();
    let on_its_way = run.in_flight();
    assert!(sent(&session).iter().sum::<u64>() - arrived <= on_its_way);
    assert!(registry(&session).counts().checks > 150);
    assert!(run.tally().calls - run.tally().calls_ended <= 3);
}

// ===== signs of life =====

#[test]
fn a_silence_is_noticed_after_the_time_limit() {
    for (check, least, most) in [(Checking::Heartbeat, 3_900, 5_100), (Checking::Phi, 900, 2_100)] {
        let config = RegistryConfig { check, silence_s: 5.0, ..often() };
        let mut made = discovering(config);
        made.faults = vec![fault(20_000, "s1", FaultKind::Crash)];
        let mut session = ran(made, 20_000);
        assert_eq!(registry(&session).passing(), 3, "{check:?}");
        let mut waited = 0;
        while status(&session, 0) == Some(Status::Passing) {
            on(&mut session, 50);
            waited += 50;
        }
        assert!((least..=most).contains(&waited), "{check:?}: {waited} ms");
        let seen = registry(&session).detection().expect("it was noticed");
        assert!(seen.after.expect("it was well").millis() >= waited as f64 - 50.0);
    }
}

// ===== who is struck out =====

#[test]
fn the_reaper_strikes_out_after_more_than_a_minute_on_its_round() {
    let mut made = discovering(often());
    made.faults =
        vec![fault(10_000, "s1", FaultKind::Crash), fault(150_000, "s1", FaultKind::Restart)];
    let mut session = ran(made, 11_500);
    assert_eq!(status(&session, 0), Some(Status::Critical));
    on(&mut session, 89_990 - 11_500);
    assert_eq!(status(&session, 0), Some(Status::Critical), "thirty seconds were asked for");
    on(&mut session, 20);
    assert_eq!(status(&session, 0), None, "the round at 90 s finds it critical for over a minute");
    assert_eq!(registry(&session).counts().reaped, 1);
    on(&mut session, 59_980);
    assert_eq!(status(&session, 0), None);
    on(&mut session, 1_500);
    assert_eq!(status(&session, 0), Some(Status::Passing), "it registers when it starts");
}

#[test]
fn who_was_struck_out_while_it_ran_stays_out() {
    let mut made = discovering(RegistryConfig { timeout_s: 0.01, ..often() });
    made.faults =
        vec![fault(5_000, "s1", FaultKind::Slow(200)), fault(100_000, "s1", FaultKind::Normal)];
    let session = ran(made, 130_000);
    assert_eq!(status(&session, 0), None);
    assert_eq!(registry(&session).catalogue().all().count(), 2);
}

#[test]
fn what_is_unwired_is_struck_out_at_once() {
    let mut session = ran(discovering(often()), 3_000);
    session.apply(Command::RemoveNode("s1".into()), 0).expect("allowed");
    assert_eq!(registry(&session).catalogue().all().count(), 2);
    let before = session.run().tally().failures();
    on(&mut session, 2_000);
    assert!(session.run().tally().failures() - before <= 1, "at most what was there");
}

// ===== the registry is down =====

#[test]
fn without_a_list_every_request_needs_the_registry() {
    let mut made = discovering(often());
    made.faults =
        vec![fault(10_000, "reg", FaultKind::Crash), fault(20_000, "reg", FaultKind::Restart)];
    let mut session = ran(made, 10_100);
    let before = session.run().tally().completed;
    on(&mut session, 9_800);
    assert_eq!(session.run().tally().completed, before);
    assert!(failed(&session, Reason::ConnectionRefused) >= 195);
    on(&mut session, 150);
    assert_eq!(registry(&session).catalogue().all().count(), 3, "the catalogue was kept");
    assert_eq!(registry(&session).passing(), 0, "what was known about health was not");
    on(&mut session, 1_500);
    assert_eq!(registry(&session).passing(), 3);
}

#[test]
fn a_list_that_is_kept_serves_until_it_has_expired() {
    let mut made = discovering(RegistryConfig { ttl_s: 5.0, ..often() });
    made.faults = vec![fault(10_000, "reg", FaultKind::Crash)];
    let mut session = ran(made, 10_000);
    let read = registry(&session).oldest_list().expect("the client has one");
    let expires = (read + Span::from_millis(5_000)).ns() / 1_000_000;
    let failures = session.run().tally().failures();
    on(&mut session, expires - 10_000);
    assert_eq!(session.run().tally().failures(), failures, "nobody notices until {expires} ms");
    let completed = session.run().tally().completed;
    on(&mut session, 2_000);
    assert!(session.run().tally().completed - completed <= 2);
    assert!(failed(&session, Reason::ConnectionRefused) >= 38);
    assert!(registry(&session).counts().from_list > 100);
}

#[test]
fn a_list_hides_what_changed_and_leaving_out_who_refused_shows_it() {
    let vain = |forget| {
        let mut made = discovering(RegistryConfig { ttl_s: 30.0, forget, ..often() });
        // The list of the first second has been read anew by then, and is kept until after the end.
        made.faults = vec![fault(40_000, "s1", FaultKind::Crash)];
        let session = ran(made, 55_000);
        registry(&session).counts().in_vain
    };
    assert!(vain(false) > 250, "the list says it is there: {}", vain(false));
    assert_eq!(vain(true), 1);
}

#[test]
fn a_server_that_starts_while_the_registry_is_down_is_not_heard() {
    let mut made = discovering(often());
    made.faults = vec![
        fault(5_000, "s1", FaultKind::Crash),
        fault(96_000, "reg", FaultKind::Crash),
        fault(97_000, "s1", FaultKind::Restart),
        fault(98_000, "reg", FaultKind::Restart),
    ];
    let session = ran(made, 130_000);
    assert_eq!(registry(&session).counts().failed_registrations, 1);
    assert_eq!(status(&session, 0), None);
}

// ===== why =====

#[test]
fn reasons_name_those_on_the_list_and_those_who_are_not() {
    let mut made = discovering(RegistryConfig { pick: Pick::RoundRobin, ..often() });
    made.faults = vec![fault(5_000, "s2", FaultKind::Crash)];
    let session = ran(made, 8_000);
    let all: Vec<_> = session.series().finished(session.run().now()).collect();
    let done = all.iter().filter(|ended| ended.request.outcome == Outcome::Done);
    let last = done.max_by_key(|ended| ended.request.id).expect("some were answered").request;
    let story = session.explain(last.id).expect("it was recorded");
    let (_, why) = &story.decisions[0];
    assert!(why.title.starts_with("reg: the client takes s"), "{}", why.title);
    let line = |name: &str| why.lines.iter().find(|l| l.subject == name).expect("a line for it");
    assert!(line("s2").numbers.starts_with("critical: no connection"), "{:?}", why.lines);
    let picks: u64 = why
        .sentence
        .split("pick ")
        .nth(1)
        .and_then(|s| s.split(' ').next())
        .and_then(|n| n.parse().ok())
        .expect("the sentence says which pick");
    let place = format!("place {}", picks % 2);
    assert!(
        why.sentence.contains(&format!("{picks} mod 2 passing = {place}.")),
        "{}",
        why.sentence
    );
    let chosen = why.lines.iter().find(|line| line.chosen).expect("one was chosen");
    assert_eq!(chosen.numbers, place);
}
