//! Databases with replicas: how old reads may be, who fails when a member dies, what a crash of the
//! primary costs in each mode, and that every acknowledged change is there or listed as lost.

mod common;

use std::collections::BTreeSet;

use proptest::prelude::*;
use switchyard::node::database::{Reads, Replication, Role, Spread};
use switchyard::node::{Arrivals, ClientsConfig, Database, DatabaseConfig, Value};
use switchyard::scenario::build::{Run, build};
use switchyard::scenario::{Fault, FaultKind, Scenario, SendOne};
use switchyard::session::{Command, Session};
use switchyard::sim::sink::Full;
use switchyard::sim::{Found, Key, Op, Outcome, Reason, Request, Span, Time};
use switchyard::stats::judge::Violation;

use common::{at_ms, clients, database, fault, link, scenario, the_clients, the_database};

/// Everything takes a fixed time: reads 1 ms, changes 2 ms, 100 ms to a replica.
fn exact() -> DatabaseConfig {
    DatabaseConfig {
        read_ms: 1.0,
        write_ms: 2.0,
        spread: Spread::Constant,
        lag_ms: 100.0,
        lag_spread: Spread::Constant,
        workers: 64,
        ..DatabaseConfig::default()
    }
}

/// Few keys, so that requests meet.
fn busy(rate: f64, writes: f64) -> ClientsConfig {
    ClientsConfig { rate, writes, keys: 20, addresses: 10, ..ClientsConfig::default() }
}

fn one(config: DatabaseConfig, asks: ClientsConfig, faults: Vec<Fault>) -> Scenario {
    let nodes = vec![clients("c", asks), database("db", config)];
    Scenario { faults, ..scenario(11, nodes, vec![link("c", "db", 1.0)]) }
}

fn quiet() -> ClientsConfig {
    ClientsConfig { rate: 0.0, ..ClientsConfig::default() }
}

fn send(ms: u64, op: Op, key: &str) -> SendOne {
    SendOne { at: at_ms(ms), from: "c".into(), key: key.into(), op }
}

fn run_with(scenario: &Scenario, ms: u64) -> (Run, Full) {
    let (mut run, mut full) = (build(scenario), Full::default());
    assert!(run.run_until(at_ms(ms), u64::MAX, &mut full).reached);
    (run, full)
}

fn finished(full: &Full) -> Vec<Request> {
    let mut all: Vec<Request> = full.finished.iter().map(|(_, request)| *request).collect();
    all.sort_by_key(|request| request.id);
    all
}

fn reason(request: &Request) -> Option<Reason> {
    match request.outcome {
        Outcome::Failed(reason, _) => Some(reason),
        _ => None,
    }
}

// ===== how old a read may be =====

/// A change is stored 1 + 2 ms after it was sent; a read looks 1 + 1 ms after.
#[test]
fn a_read_is_stale_exactly_while_the_lag_lasts_and_a_replica_answers() {
    for (lag, apply, replicas) in [(100.0, 0.0, 1), (60.0, 40.0, 2), (0.0, 0.0, 1), (100.0, 0.0, 0)]
    {
        for after in 2..130u64 {
            let config = DatabaseConfig { lag_ms: lag, apply_ms: apply, replicas, ..exact() };
            let mut scenario = one(config, quiet(), vec![]);
            scenario.sends = vec![send(1_000, Op::Write, "a"), send(1_000 + after, Op::Read, "a")];
            let (run, full) = run_with(&scenario, 2_000);
            let read = finished(&full)[1];
            // From the change being stored, at 1003, to the read looking, at 1002 + after.
            let between = after as f64 - 1.0;
            let stale = replicas > 0 && between < lag + apply;
            let expected = if stale { Found::Nothing } else { Found::Value };
            assert_eq!(read.found, expected, "{after} ms after, lag {lag} + {apply}");
            assert_eq!(the_database(&run, "db").reads_behind(), u64::from(stale));
        }
    }
}

#[test]
fn the_judge_sees_stale_reads_from_replicas_and_none_from_the_primary() {
    let violations = |reads: Reads| {
        let lag_spread = Spread::Exponential;
        let config = DatabaseConfig { reads, lag_spread, ..exact() };
        let (run, _) = run_with(&one(config, busy(200.0, 30.0), vec![]), 20_000);
        let judge = the_clients(&run, "c").judge();
        Violation::ALL.map(|violation| judge.count(violation))
    };
    let turns = violations(Reads::RoundRobin);
    assert!(turns.iter().all(|count| *count > 10), "{turns:?}");
    let own = violations(Reads::ReadYourWrites);
    assert_eq!(own[Violation::OwnWriteUnseen as usize], 0, "{own:?}");
    assert!(own[Violation::StaleRead as usize] > 10, "others' changes may be missing: {own:?}");
    let monotonic = violations(Reads::Monotonic);
    assert_eq!(monotonic[Violation::BackInTime as usize], 0, "{monotonic:?}");
    assert!(monotonic[Violation::OwnWriteUnseen as usize] > 10, "{monotonic:?}");
    assert_eq!(violations(Reads::PrimaryOnly), [0, 0, 0]);
}

#[test]
fn synchronous_changes_are_seen_at_once_and_take_as_long_as_the_slowest_replica() {
    let config = DatabaseConfig { replication: Replication::Sync, ..exact() };
    let (run, full) = run_with(&one(config, busy(100.0, 30.0), vec![]), 20_000);
    assert_eq!(the_clients(&run, "c").judge().count(Violation::StaleRead), 0);
    for (end, request) in full.finished.iter().filter(|(_, request)| request.op == Op::Write) {
        // 1 ms there, 2 ms of work, 100 ms to the replicas, 1 ms back.
        assert_eq!(end.since(request.born).ns(), 104_000_000);
    }
}

#[test]
fn quorums_that_overlap_are_never_stale_and_others_are_sometimes() {
    for replicas in [2u8, 4] {
        for (write, read) in
            (1..=replicas + 1).flat_map(|w| (1..=replicas + 1).map(move |r| (w, r)))
        {
            let config = DatabaseConfig {
                replicas,
                replication: Replication::Quorum,
                write_quorum: write,
                read_quorum: read,
                lag_spread: Spread::Exponential,
                spread: Spread::Exponential,
                ..exact()
            };
            let (run, _) = run_with(&one(config, busy(300.0, 40.0), vec![]), 10_000);
            let stale = the_clients(&run, "c").judge().count(Violation::StaleRead);
            let overlap = read + write > replicas + 1;
            assert_eq!(stale == 0, overlap, "N {} W {write} R {read}: {stale}", replicas + 1);
        }
    }
}

// ===== members that die =====

#[test]
fn a_dead_replica_fails_its_share_as_in_the_course_and_nothing_after_detection() {
    for replicas in 1..=5u8 {
        for victim in 1..=replicas {
            let asks = ClientsConfig { arrivals: Arrivals::Constant, ..busy(1_000.0, 0.0) };
            let dies = fault(1_000, "db", FaultKind::CrashPart(victim));
            let failures = |health: bool| {
                let config = DatabaseConfig { replicas, health, detection_ms: 500.0, ..exact() };
                let (_, full) = run_with(&one(config, asks.clone(), vec![dies.clone()]), 5_000);
                let all = finished(&full);
                let late: Vec<Request> =
                    all.into_iter().filter(|r| r.born > at_ms(1_600)).collect();
                let lost = late.iter().filter(|r| reason(r) == Some(Reason::ReplicaLost)).count();
                assert_eq!(late.iter().filter(|r| reason(r).is_some()).count(), lost);
                (lost, late.len())
            };
            let (lost, all) = failures(false);
            assert!(lost.abs_diff(all / usize::from(replicas)) <= 1, "{lost} of {all}");
            assert_eq!(failures(true).0, 0, "{replicas} replicas, {victim} dies");
        }
    }
}

#[test]
fn without_failover_changes_fail_while_the_primary_is_down_and_reads_go_on() {
    let faults = vec![
        fault(1_000, "db", FaultKind::CrashPart(0)),
        fault(3_000, "db", FaultKind::RestartPart(0)),
    ];
    let config = DatabaseConfig { failover: false, ..exact() };
    let (run, full) = run_with(&one(config, busy(200.0, 50.0), faults), 5_000);
    for request in finished(&full) {
        let down = request.born > at_ms(1_000) && request.born < at_ms(2_998);
        match request.op {
            Op::Write if down => assert_eq!(reason(&request), Some(Reason::ConnectionRefused)),
            Op::Write => assert!(reason(&request).is_none() || request.born > at_ms(990)),
            _ => assert_eq!(reason(&request), None),
        }
    }
    let db = the_database(&run, "db");
    assert_eq!((db.promotions(), db.lost(), db.primary()), (0, 0, 0));
}

/// The primary dies with 300 ms of changes on their way: what a replica had received survives, and
/// that is a prefix.
#[test]
fn asynchronous_loses_exactly_the_suffix_that_was_on_its_way() {
    let config = DatabaseConfig { lag_ms: 300.0, reads: Reads::PrimaryOnly, ..exact() };
    let asks = ClientsConfig { arrivals: Arrivals::Constant, ..busy(100.0, 100.0) };
    let dies = fault(1_000, "db", FaultKind::CrashPart(0));
    let (run, full) = run_with(&one(config, asks, vec![dies]), 4_000);
    let db = the_database(&run, "db");
    let promotion = db.promotion().expect("a replica was promoted").clone();
    // One change every 10 ms, stored 3 ms after: 10 + 3 = 13, ... 993. Received by 1000: up to 693.
    let acked: Vec<Request> = finished(&full)
        .into_iter()
        .filter(|r| r.born < at_ms(999) && reason(r).is_none())
        .collect();
    let (kept, lost): (Vec<&Request>, Vec<&Request>) =
        acked.iter().partition(|r| r.born <= at_ms(690));
    assert_eq!(promotion.position, kept.len() as u64);
    assert_eq!(db.lost(), lost.len() as u64);
    assert!(lost.len() > 20, "{}", lost.len());
    let listed: Vec<_> = db.losses().map(|lost| (lost.key, lost.stamp)).collect();
    assert_eq!(listed, lost.iter().map(|r| (r.key, r.stamp)).collect::<Vec<_>>());
    assert_eq!(promotion.at, at_ms(2_000));
    assert_eq!(promotion.member, 1, "both replicas are as far: the lower number");
}

#[test]
fn the_longest_log_is_promoted() {
    for seed in 0..30 {
        let config = DatabaseConfig {
            replicas: 4,
            lag_spread: Spread::Exponential,
            detection_ms: 0.0,
            ..exact()
        };
        let faults = vec![fault(1_000, "db", FaultKind::CrashPart(0))];
        let scenario = Scenario { seed, ..one(config, busy(200.0, 100.0), faults) };
        let (run, _) = run_with(&scenario, 1_001);
        let promotion = the_database(&run, "db").promotion().expect("one was promoted").clone();
        for other in &promotion.runners_up {
            let rank = |member: u8, position: u64| (position, std::cmp::Reverse(member));
            let best = rank(promotion.member, promotion.position);
            assert!(best > rank(other.member, other.position), "{}", promotion.words());
        }
    }
}

#[test]
fn semi_synchronous_and_synchronous_lose_nothing_when_the_primary_dies() {
    for replication in [Replication::SemiSync, Replication::Sync] {
        for seed in 0..10 {
            let config = DatabaseConfig { replication, lag_spread: Spread::Exponential, ..exact() };
            let dies = vec![fault(1_000, "db", FaultKind::CrashPart(0))];
            let scenario = Scenario { seed, ..one(config, busy(200.0, 100.0), dies) };
            let (run, full) = run_with(&scenario, 4_000);
            let db = the_database(&run, "db");
            assert_eq!((db.promotions(), db.lost()), (1, 0), "{replication:?}");
            let goes_on = |r: &Request| r.born > at_ms(2_500) && reason(r).is_none();
            assert!(finished(&full).iter().any(goes_on), "{replication:?}");
        }
    }
}

/// Both replicas are gone: after the timeout MySQL goes on alone, until one has caught up.
#[test]
fn semi_synchronous_goes_on_alone_after_the_timeout() {
    let config = DatabaseConfig {
        replication: Replication::SemiSync,
        semi_timeout_ms: 700.0,
        failover: false,
        ..exact()
    };
    let mut scenario = one(config, quiet(), vec![]);
    scenario.faults = vec![
        fault(500, "db", FaultKind::CutPart(1)),
        fault(500, "db", FaultKind::CutPart(2)),
        fault(3_000, "db", FaultKind::JoinPart(2)),
    ];
    scenario.sends = [1_000, 2_000, 4_000].map(|ms| send(ms, Op::Write, "a")).to_vec();
    let (run, full) = run_with(&scenario, 6_000);
    let took: Vec<u64> =
        full.finished.iter().map(|(end, r)| end.since(r.born).ns() / 1_000_000).collect();
    // 4 ms are work and wires. The first waits in vain, the second does not wait, the last waits for
    // one replica.
    assert_eq!(took, [704, 4, 104]);
    assert_eq!(the_database(&run, "db").gave_up_waiting(), 1);
}

// ===== split brain =====

fn split(fencing: bool) -> (Run, Full) {
    let config = DatabaseConfig { fencing, detection_ms: 500.0, ..exact() };
    let faults =
        vec![fault(2_000, "db", FaultKind::CutPart(0)), fault(6_000, "db", FaultKind::JoinPart(0))];
    run_with(&one(config, busy(200.0, 50.0), faults), 5_900)
}

#[test]
fn without_fencing_both_sides_take_changes_and_one_sides_are_lost() {
    let (mut run, _) = split(false);
    assert_eq!(roles(&run), [Role::SecondPrimary, Role::Primary, Role::Replica]);
    let apart = the_database(&run, "db").acknowledged_apart();
    assert!(apart > 50, "{apart}");
    let before = the_database(&run, "db").lost();
    run.run_until(at_ms(9_000), u64::MAX, &mut Full::default());
    let db = the_database(&run, "db");
    assert!(db.lost() >= before + apart, "{} after {before} and {apart}", db.lost());
    assert_eq!((db.diverged(), db.acknowledged_apart()), (0, 0));
    assert_eq!(roles(&run), [Role::Replica, Role::Primary, Role::Replica]);
    assert!(db.discarded() >= apart);
}

#[test]
fn with_fencing_the_old_primary_refuses_and_nothing_diverges_after_the_promotion() {
    let (mut run, full) = split(true);
    let refused = finished(&full).iter().filter(|r| reason(r) == Some(Reason::NotLeader)).count();
    assert!((1..=30).contains(&refused), "each of ten addresses hears it about once: {refused}");
    let db = the_database(&run, "db");
    let promotion = db.promotion().expect("there was one").clone();
    assert_eq!((db.acknowledged_apart(), db.diverged()), (0, promotion.behind));
    assert_eq!(db.lost(), promotion.lost);
    run.run_until(at_ms(9_000), u64::MAX, &mut Full::default());
    let db = the_database(&run, "db");
    assert_eq!((db.lost(), db.diverged()), (promotion.lost, 0));
    assert_eq!(db.discarded(), promotion.behind);
}

// ===== as Redis does it =====

fn failing_over(config: DatabaseConfig, faults: Vec<Fault>) -> Run {
    let asks = ClientsConfig { total: 400, ..busy(100.0, 100.0) };
    run_with(&one(config, asks, faults), 9_000).0
}

fn watched() -> DatabaseConfig {
    DatabaseConfig { sentinels: 3, lag_ms: 20.0, ..exact() }
}

fn roles(run: &Run) -> Vec<Role> {
    the_database(run, "db").members(run.now()).map(|member| member.role).collect()
}

fn said(run: &Run) -> Vec<&'static str> {
    the_database(run, "db").sentinel_events().map(|event| event.said.name()).collect()
}

#[test]
fn under_wait_a_change_goes_on_with_as_many_as_have_it_when_the_time_is_over() {
    // Two of three replicas are 300 ms further away.
    for (wait_for, timeout, took, have) in [
        (0, 500.0, 0, 0),
        (1, 500.0, 20, 1),
        (2, 500.0, 320, 2),
        (3, 200.0, 200, 1),
        (4, 400.0, 400, 3),
    ] {
        let config = DatabaseConfig {
            replication: Replication::Wait,
            replicas: 3,
            lag_ms: 20.0,
            extra_lag: "0 300 0 300".to_owned(),
            semi_timeout_ms: timeout,
            wait_for,
            ..exact()
        };
        let mut scenario = one(config, quiet(), vec![]);
        scenario.sends = vec![send(1_000, Op::Write, "a")];
        let (run, full) = run_with(&scenario, 5_000);
        let waited = the_database(&run, "db").waited().expect("it was answered");
        let words = format!("{wait_for} within {timeout}");
        assert_eq!((waited.wanted, waited.have), (wait_for, have), "{words}");
        assert_eq!(waited.took, Span::from_millis(took), "{words}");
        assert_eq!(reason(&finished(&full)[0]), None, "the change is done either way");
        let short = u64::from(have < wait_for);
        assert_eq!(the_database(&run, "db").gave_up_waiting(), short, "{words}");
    }
}

#[test]
fn the_lowest_priority_number_is_promoted_then_the_longest_log_then_the_lowest_member() {
    for (priorities, extra_lag, heir) in [
        ("", "", Some(1)),
        ("", "0 300 0", Some(2)),
        ("100 10 100", "0 300 0", Some(1)),
        ("100 100 10", "0 0 300", Some(2)),
        ("100 0 100", "", Some(2)),
        ("100 0 0", "", None),
    ] {
        for sentinels in [0, 3] {
            let (priorities, extra_lag) = (priorities.to_owned(), extra_lag.to_owned());
            let config = DatabaseConfig { priorities, extra_lag, sentinels, ..watched() };
            let run = failing_over(config, vec![fault(2_000, "db", FaultKind::CrashPart(0))]);
            let db = the_database(&run, "db");
            let promoted = db.promotion().map(|promotion| promotion.member);
            assert_eq!(promoted, heir, "{:?}", db.config());
            let refused = said(&run).contains(&"-failover-abort-no-good-slave");
            assert_eq!(refused, sentinels > 0 && heir.is_none());
        }
    }
}

#[test]
fn sentinels_promote_with_a_quorum_and_a_majority_and_not_before() {
    for (sentinels, quorum, frozen, down, leads) in [
        (3, 2, 0, true, true),
        (3, 2, 1, true, true),
        (3, 1, 2, true, false),
        (3, 2, 2, false, false),
        (5, 2, 3, true, false),
        (5, 4, 2, false, false),
        (5, 4, 1, true, true),
        (3, 1, 3, false, false),
    ] {
        let config = DatabaseConfig {
            sentinels,
            sentinel_quorum: quorum,
            sentinels_frozen: frozen,
            ..watched()
        };
        let run = failing_over(config, vec![fault(2_000, "db", FaultKind::CrashPart(0))]);
        let (db, said) = (the_database(&run, "db"), said(&run));
        let words = format!("{frozen} of {sentinels} frozen, quorum {quorum}");
        assert_eq!(said.contains(&"+sdown"), frozen < sentinels, "{words}");
        assert_eq!(said.contains(&"+odown"), down, "{words}");
        assert_eq!(said.contains(&"+elected-leader"), leads, "{words}");
        assert_eq!(db.promotions(), u64::from(leads), "{words}");
        assert_eq!(db.stuck().is_some(), !leads, "{words}");
        if let Some(promotion) = db.promotion() {
            // Missed after 1 s, three steps of 100 ms, and the chosen one is asked within 1 s.
            assert_eq!(promotion.at, at_ms(2_000 + 1_000 + 300 + 1_000), "{words}");
        }
    }
}

#[test]
fn a_primary_that_comes_back_is_kept_before_the_failover_is_tried_and_follows_after() {
    for (back, kept) in [(2_900, true), (3_050, true), (3_150, false), (4_000, false)] {
        let faults = vec![
            fault(2_000, "db", FaultKind::CrashPart(0)),
            fault(back, "db", FaultKind::RestartPart(0)),
        ];
        let run = failing_over(watched(), faults);
        let db = the_database(&run, "db");
        assert_eq!(db.promotions() == 0, kept, "back at {back}");
        assert_eq!(roles(&run)[0], if kept { Role::Primary } else { Role::Replica });
        assert_eq!((db.diverged(), db.acknowledged_apart()), (0, 0));
        assert_eq!(db.acknowledged(), db.kept() + db.lost());
        assert_eq!(said(&run).contains(&"-sdown"), back > 3_000);
    }
}

#[test]
fn sentinels_that_thaw_promote_then() {
    let config = DatabaseConfig { sentinels_frozen: 2, ..watched() };
    let scenario =
        one(config, busy(100.0, 100.0), vec![fault(2_000, "db", FaultKind::CrashPart(0))]);
    let mut session = Session::new(scenario).expect("a valid scenario");
    session.advance(Span::from_millis(6_000), u64::MAX);
    assert_eq!(the_database(session.run(), "db").promotions(), 0);
    let one = Value::Number(1.0);
    session.apply(Command::Set("db".into(), "sentinels_frozen".into(), one), 0).expect("allowed");
    session.advance(Span::from_millis(3_000), u64::MAX);
    assert_eq!(the_database(session.run(), "db").promotions(), 1);
}

#[test]
fn a_primary_out_of_touch_soon_refuses_what_would_be_lost() {
    let lost = |min_replicas| {
        let config =
            DatabaseConfig { min_replicas, max_silence_s: 0.5, fencing: false, ..watched() };
        let faults = vec![
            fault(1_000, "db", FaultKind::CutPart(0)),
            fault(6_000, "db", FaultKind::JoinPart(0)),
        ];
        let run = failing_over(config, faults);
        (the_database(&run, "db").lost(), the_database(&run, "db").changes_failed())
    };
    let ((all, _), (few, refused)) = (lost(0), lost(1));
    // 100 changes a second: without, all until the end are lost; with, half a second of them.
    assert!(all > 250 && (30..80).contains(&few) && refused > 150, "{all}, {few}, {refused}");
}

#[test]
fn an_expired_key_is_found_nowhere_and_deleted_when_the_primary_is_asked() {
    let config = DatabaseConfig { replicas: 1, lifetime_ms: 500.0, records: 3, ..exact() };
    let mut scenario = one(config, quiet(), vec![]);
    scenario.sends =
        vec![send(1_000, Op::Write, "a"), send(1_400, Op::Read, "a"), send(1_600, Op::Read, "a")];
    let (mut run, full) = run_with(&scenario, 2_000);
    let found: Vec<Found> = finished(&full)[1..].iter().map(|read| read.found).collect();
    assert_eq!(found, [Found::Value, Found::Nothing]);
    let keys = |run: &Run| [0, 1].map(|member| the_database(run, "db").keys(member));
    assert_eq!(keys(&run), [4, 4], "a replica only hides it");
    // The replica is gone: the primary is asked, and deletes it.
    scenario.faults = vec![fault(1_500, "db", FaultKind::CutPart(1))];
    scenario.nodes[1] = database(
        "db",
        DatabaseConfig { reads: Reads::PrimaryOnly, ..the_database(&run, "db").config().clone() },
    );
    run = run_with(&scenario, 2_000).0;
    assert_eq!(keys(&run), [3, 4], "the replica has not heard of it");
    assert_eq!(the_database(&run, "db").expired_keys(), 1);
}

// ===== nothing is lost silently =====

fn some_config() -> impl Strategy<Value = DatabaseConfig> {
    let modes = [
        Replication::Async,
        Replication::SemiSync,
        Replication::Sync,
        Replication::Quorum,
        Replication::Wait,
    ];
    let reads = [Reads::RoundRobin, Reads::PrimaryOnly, Reads::ReadYourWrites, Reads::Monotonic];
    let switches = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let sizes = (0u8..5, 1u16..4, 0u32..6, 1u8..6, 1u8..6);
    let times = (0.0f64..120.0, 0.0f64..40.0, 0.0f64..400.0, 0.0f64..300.0);
    let lists =
        (prop::sample::select(vec!["", "30 0 90"]), prop::sample::select(vec!["", "1 0 2"]));
    let watch = (0u8..4, 1u8..3, 0u8..2, 0u8..3, 0u8..4, 0u8..2);
    (
        prop::sample::select(modes.to_vec()),
        prop::sample::select(reads.to_vec()),
        switches,
        sizes,
        times,
        lists,
        watch,
    )
        .prop_map(|(replication, reads, switches, sizes, times, lists, watch)| {
            DatabaseConfig {
                extra_lag: lists.0.to_owned(),
                priorities: lists.1.to_owned(),
                sentinels: watch.0,
                sentinel_quorum: watch.1,
                sentinels_frozen: watch.2,
                wait_for: watch.3,
                min_replicas: watch.4 / 2,
                max_silence_s: 0.2,
                lifetime_ms: 700.0 * f64::from(watch.5),
                replication,
                reads,
                health: switches.0,
                failover: switches.1,
                fencing: switches.2,
                lag_spread: if switches.3 { Spread::Constant } else { Spread::Exponential },
                replicas: sizes.0,
                workers: sizes.1,
                queue_limit: sizes.2,
                write_quorum: sizes.3,
                read_quorum: sizes.4,
                lag_ms: times.0,
                apply_ms: times.1,
                semi_timeout_ms: times.2,
                detection_ms: times.3,
                ..DatabaseConfig::default()
            }
        })
}

fn some_faults(replicas: u8) -> impl Strategy<Value = Vec<Fault>> {
    let one = (0u64..4_000, 0u8..12, 0..=replicas).prop_map(|(ms, what, part)| {
        let kind = match what {
            0..=2 => FaultKind::CrashPart(part),
            3..=4 => FaultKind::RestartPart(part),
            5..=6 => FaultKind::CutPart(part),
            7..=8 => FaultKind::JoinPart(part),
            9 => FaultKind::Crash,
            _ => FaultKind::Restart,
        };
        fault(ms, "db", kind)
    });
    prop::collection::vec(one, 0..24)
}

/// The changes that clients were told about, and those that are under way.
fn changes(run: &Run, full: &Full) -> (Vec<Request>, u64, u64) {
    let ended = finished(full).into_iter().filter(|r| r.op.changes());
    let (acked, failed): (Vec<Request>, Vec<Request>) = ended.partition(|r| reason(r).is_none());
    let open = run.requests().iter().filter(|(_, r)| r.op.changes()).count();
    (acked, failed.len() as u64, open as u64)
}

/// Every change is acknowledged, failed or open; every acknowledged one is there, overwritten,
/// listed as lost, or still with an old primary that was not fenced.
fn check_changes(run: &Run, full: &Full, lost: &BTreeSet<(Key, u32)>) -> Result<(), TestCaseError> {
    let db = the_database(run, "db");
    let (acked, failed, open) = changes(run, full);
    let sent = acked.len() as u64 + failed + open;
    prop_assert_eq!(sent, run.tally().sent - others(run, full));
    prop_assert!(db.changes() >= db.acknowledged() + db.changes_failed());
    prop_assert_eq!(db.acknowledged(), db.kept() + db.lost() + db.acknowledged_apart());
    for request in acked {
        let (key, stamp) = (request.key, request.stamp);
        let there = db.cell(db.primary(), key).stamp >= stamp;
        let apart = db.acknowledged_apart() > 0;
        prop_assert!(
            there || apart || lost.contains(&(key, stamp.commit)),
            "{:?} was acknowledged and is nowhere",
            request
        );
    }
    Ok(())
}

fn others(run: &Run, full: &Full) -> u64 {
    let ended = full.finished.iter().filter(|(_, r)| !r.op.changes()).count();
    let open = run.requests().iter().filter(|(_, r)| !r.op.changes()).count();
    (ended + open) as u64
}

/// Runs it in small steps and gives every lost change, also those that leave the list.
fn watch(scenario: &Scenario) -> Result<(Run, Full), TestCaseError> {
    let (mut run, mut full, mut lost) = (build(scenario), Full::default(), BTreeSet::new());
    for ms in (0..6_000).step_by(50) {
        run.run_until(at_ms(ms), u64::MAX, &mut full);
        let db = the_database(&run, "db");
        lost.extend(db.losses().map(|lost| (lost.key, lost.stamp.commit)));
        check_changes(&run, &full, &lost)?;
        prop_assert_eq!(lost.len() as u64, db.lost(), "each is listed once");
    }
    Ok((run, full))
}

/// Is this the truth, as the oracle has it, once everybody is together again?
fn check_truth(run: &Run, db: &Database) -> Result<(), TestCaseError> {
    for number in 0..20 {
        let key = Key::numbered(number);
        let newest = run.truth().newest(key).map(|newest| newest.stamp).unwrap_or_default();
        prop_assert_eq!(newest, db.cell(db.primary(), key).stamp, "{:?}", key);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn every_change_is_accounted_for_whatever_fails(
        (config, faults) in some_config().prop_flat_map(|c| (Just(c.clone()), some_faults(c.replicas))),
        seed in any::<u8>(),
    ) {
        let members = config.members() as u8;
        let asks = ClientsConfig { total: 300, deletes: 10.0, ..busy(80.0, 40.0) };
        let mut scenario = Scenario { seed: u64::from(seed), ..one(config, asks, faults) };
        // In the end everybody is there again.
        scenario.faults.push(fault(4_500, "db", FaultKind::Restart));
        for part in 0..members {
            scenario.faults.push(fault(4_500, "db", FaultKind::RestartPart(part)));
            scenario.faults.push(fault(4_501, "db", FaultKind::JoinPart(part)));
        }
        let (run, full) = watch(&scenario)?;
        let db = the_database(&run, "db");
        let (_, _, open) = changes(&run, &full);
        prop_assert_eq!(db.changes(), db.acknowledged() + db.changes_failed() + open);
        prop_assert_eq!((db.diverged(), db.acknowledged_apart()), (0, 0));
        check_truth(&run, db)?;
        // Everybody has the same again.
        for member in 0..usize::from(members) {
            for number in 0..20 {
                let key = Key::numbered(number);
                prop_assert_eq!(db.cell(member, key), db.cell(db.primary(), key));
            }
        }
    }

    #[test]
    fn synchronous_never_loses_an_acknowledged_change(
        (config, faults) in some_config().prop_flat_map(|c| (Just(c.clone()), some_faults(c.replicas))),
        seed in any::<u8>(),
    ) {
        let config = DatabaseConfig { replication: Replication::Sync, ..config };
        let asks = ClientsConfig { total: 300, ..busy(80.0, 60.0) };
        let scenario = Scenario { seed: u64::from(seed), ..one(config, asks, faults) };
        let (run, _) = watch(&scenario)?;
        let db = the_database(&run, "db");
        prop_assert_eq!(db.lost(), 0);
        let judge = the_clients(&run, "c").judge();
        if db.config().health && db.config().fencing {
            prop_assert_eq!(judge.count(Violation::StaleRead), 0);
        }
    }
}

#[test]
fn time_is_counted_from_the_change_that_is_missing() {
    let mut scenario = one(exact(), quiet(), vec![]);
    scenario.sends = vec![send(1_000, Op::Write, "a"), send(1_020, Op::Write, "b")];
    let (run, _) = run_with(&scenario, 1_063);
    let members: Vec<_> = the_database(&run, "db").members(run.now()).collect();
    assert_eq!((members[0].behind, members[1].behind), (0, 2));
    assert_eq!(members[1].behind_for, at_ms(1_063).since(at_ms(1_003)));
    assert_eq!(Time::ZERO + members[0].behind_for, Time::ZERO);
}

// ===== two requests that do not fit together =====

#[test]
fn a_stale_read_names_the_write_it_missed_and_both_ways_can_be_drawn() {
    let scenario = one(exact(), busy(200.0, 30.0), vec![]);
    let mut session = Session::new(scenario).expect("it is valid");
    session.advance(Span::from_millis(20_000), u64::MAX);
    let findings: Vec<_> = session.findings().copied().collect();
    assert!(findings.len() > 20, "{}", findings.len());
    for finding in findings {
        let read = session.explain(finding.second.request).expect("it is remembered");
        assert_eq!((read.op, read.born), (Op::Read, finding.second.born));
        let conflict = read.conflicts.iter().find(|one| one.other == finding.first.request);
        let conflict = conflict.expect("the read says what is wrong with it");
        let other = session.explain(conflict.other).expect("it is remembered too");
        assert_eq!(other.key, read.key);
        assert!(!read.path.is_empty() && other.path == conflict.path && !other.path.is_empty());
        let version = finding.first.stamp.commit;
        assert!(other.version.contains(&version.to_string()), "{} {version}", other.version);
        assert!(conflict.words.contains(&format!("version {version}")), "{}", conflict.words);
        // What it missed was over before it began.
        assert!(other.born + other.latency <= read.born);
    }
}
