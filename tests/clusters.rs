//! Cache clusters: who holds which key, how old a read may be, what the death of a member costs,
//! when it is noticed, who takes over, and what moves when members come and go.

mod common;

use std::collections::BTreeSet;

use switchyard::node::cluster::{Level, Pattern, ReadsFrom, Standing};
use switchyard::node::{
    Arrivals, ClientsConfig, Cluster, ClusterConfig, DatabaseConfig, Kind, ServerConfig, Value,
    database,
};
use switchyard::policy::place::{self, Placed, Shard};
use switchyard::policy::{Knobs, evict};
use switchyard::scenario::build::{Run, build};
use switchyard::scenario::{Fault, FaultKind, Scenario, SendOne};
use switchyard::session::{Command, Session};
use switchyard::sim::sink::Full;
use switchyard::sim::{Found, Key, Op, Outcome, Reason, Request, Span, Time, Why};
use switchyard::stats::judge::Violation;

use common::{
    at_ms, clients, cluster, fault, link, node, scenario, the_clients, the_cluster, the_database,
};

/// Everything takes a fixed time: a hop 1 ms, a look 0.5 ms, 100 ms to a copy not waited for.
fn exact() -> ClusterConfig {
    ClusterConfig {
        hop_ms: 1.0,
        look_ms: 0.5,
        lag_ms: 100.0,
        capacity: 1_000,
        ..ClusterConfig::default()
    }
}

fn busy(rate: f64, writes: f64) -> ClientsConfig {
    ClientsConfig { rate, writes, keys: 100, addresses: 10, ..ClientsConfig::default() }
}

fn quiet() -> ClientsConfig {
    ClientsConfig { rate: 0.0, ..ClientsConfig::default() }
}

/// Clients, a cluster and a database that takes 1 ms to read and 2 to write, wires of 1 ms.
fn one(config: ClusterConfig, asks: ClientsConfig, faults: Vec<Fault>) -> Scenario {
    let store = DatabaseConfig {
        replicas: 0,
        workers: 64,
        read_ms: 1.0,
        write_ms: 2.0,
        spread: database::Spread::Constant,
        ..DatabaseConfig::default()
    };
    let nodes = vec![clients("c", asks), cluster("k", config), common::database("db", store)];
    let links = vec![link("c", "k", 1.0), link("k", "db", 1.0)];
    Scenario { faults, ..scenario(11, nodes, links) }
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

/// The keys that a member holds a value of.
fn values(cluster: &Cluster, member: usize) -> BTreeSet<u32> {
    let holds = |n: &u32| {
        let entry = cluster.entry_at(member, Key::numbered(*n));
        entry.is_some_and(|entry| entry.found == Found::Value)
    };
    (0..200).filter(holds).collect()
}

// ===== who holds what =====

#[test]
fn every_key_is_where_its_list_says_and_nowhere_else() {
    for placement in place::CATALOGUE {
        for copies in [1u8, 2, 3, 5] {
            let config = ClusterConfig {
                placement: placement.key,
                members: 4,
                copies,
                write_level: Level::All,
                ..exact()
            };
            let (run, _) = run_with(&one(config, busy(300.0, 50.0), vec![]), 3_000);
            let k = the_cluster(&run, "k");
            let shards: Vec<Shard> = (0..4).map(|n| Shard::new(&format!("m{n}"), 1)).collect();
            let placed = (placement.make)(Knobs::DEFAULTS, &shards).expect("it can be made");
            let mut kept = 0;
            for n in 0..100 {
                let mut list = Vec::new();
                placed.preference(format!("user:{n}").as_bytes(), usize::from(copies), &mut list);
                let holders: Vec<usize> =
                    (0..4).filter(|member| values(k, *member).contains(&n)).collect();
                if !holders.is_empty() {
                    kept += 1;
                    list.sort_unstable();
                    assert_eq!(holders, list, "{} with {copies}: user:{n}", placement.key);
                }
            }
            let owned = placed.owner(b"user:1", &mut Why::off()).is_some();
            assert_eq!(kept > 50, owned, "{}: {kept} keys are held", placement.key);
        }
    }
}

#[test]
fn a_read_asks_as_many_as_its_level_says_and_a_write_waits_for_as_many() {
    for (level, copies, asked) in [
        (Level::One, 3, 1),
        (Level::Quorum, 3, 2),
        (Level::All, 3, 3),
        (Level::Quorum, 4, 3),
        (Level::Quorum, 1, 1),
    ] {
        let config = ClusterConfig {
            members: 5,
            copies,
            read_level: level,
            write_level: Level::One,
            pattern: Pattern::ReadThrough,
            second_look: false,
            ..exact()
        };
        let mut scenario = one(config, quiet(), vec![]);
        scenario.sends = (0..10).map(|n| send(100 + n * 100, Op::Read, "a")).collect();
        let (run, _) = run_with(&scenario, 2_000);
        let looks: u64 = the_cluster(&run, "k").members().map(|m| m.hits + m.misses).sum();
        assert_eq!(looks, 10 * asked, "{level:?} of {copies}");
    }
}

// ===== how old a read may be =====

/// The first write is everywhere long before the second, which is with the owner at once and with
/// the copy 100 ms later.
#[test]
fn a_read_of_a_copy_is_stale_exactly_while_the_delay_lasts() {
    for (lag, copy_first) in [(100.0, true), (100.0, false), (30.0, true)] {
        for after in [5u64, 6, 7, 20, 33, 34, 35, 80, 103, 104, 105, 120] {
            let config = ClusterConfig { lag_ms: lag, ..exact() };
            let mut scenario = one(config, quiet(), vec![]);
            scenario.sends = vec![send(100, Op::Write, "a"), send(1_000, Op::Write, "a")];
            if copy_first {
                // Takes the owner's turn.
                scenario.sends.push(send(500, Op::Read, "a"));
            }
            scenario.sends.push(send(1_000 + after, Op::Read, "a"));
            let (run, full) = run_with(&scenario, 2_000);
            let read = *finished(&full).last().expect("it was answered");
            // The write is with the cluster again at 1005 and with the copy at 1006 + lag; the
            // read looks at 1002.5 + after.
            let stale = copy_first && (after as f64 + 2.5) < 6.0 + lag;
            // It was acknowledged at 1007.5: who came before could not expect it.
            let counted = stale && after as f64 + 1.0 >= 7.5;
            assert_eq!(the_cluster(&run, "k").counts().stale_hits, u64::from(counted), "{after}");
            assert_eq!(read.stamp.commit, if stale { 1 } else { 2 }, "{after} ms after, {lag}");
        }
    }
}

#[test]
fn levels_that_overlap_are_never_stale_and_others_are_sometimes() {
    let levels = [Level::One, Level::Quorum, Level::All];
    for copies in [2u8, 3, 4] {
        for (write, read) in levels.iter().flat_map(|w| levels.iter().map(move |r| (*w, *r))) {
            let config = ClusterConfig {
                members: 5,
                copies,
                read_level: read,
                write_level: write,
                tombstone_ms: 60_000.0,
                ..exact()
            };
            let asks = ClientsConfig { deletes: 10.0, keys: 20, ..busy(300.0, 30.0) };
            let (run, _) = run_with(&one(config, asks, vec![]), 10_000);
            let stale = the_clients(&run, "c").judge().count(Violation::StaleRead);
            let n = usize::from(copies);
            let overlap = read.of(n) + write.of(n) > n;
            assert_eq!(stale == 0, overlap, "N {copies} W {write:?} R {read:?}: {stale}");
        }
    }
}

#[test]
fn reading_from_the_owner_is_never_stale_and_repair_makes_copies_newer() {
    let config = ClusterConfig { reads_from: ReadsFrom::Owner, ..exact() };
    let (run, _) = run_with(&one(config, busy(300.0, 30.0), vec![]), 5_000);
    assert_eq!(the_clients(&run, "c").judge().count(Violation::StaleRead), 0);
    let behind = |repair: bool| {
        let config = ClusterConfig {
            copies: 3,
            read_level: Level::Quorum,
            lag_ms: 2_000.0,
            repair,
            ..exact()
        };
        let (run, _) = run_with(&one(config, busy(300.0, 10.0), vec![]), 6_000);
        let k = the_cluster(&run, "k");
        assert_eq!(k.counts().repaired > 0, repair);
        k.diverged()
    };
    let (without, with) = (behind(false), behind(true));
    assert!(with * 3 < without * 2, "{with} behind with repair, {without} without");
}

/// A deletion that is not remembered lets an older version come back; one that is does not.
#[test]
fn a_load_that_began_before_a_deletion_does_not_bring_the_key_back() {
    for (tombstone_ms, comes_back) in [(0.0, true), (5_000.0, false)] {
        let config = ClusterConfig { tombstone_ms, copies: 1, ..exact() };
        let mut scenario = one(config, quiet(), vec![]);
        // The write's only copy is on its way when the deletion overtakes it by level one.
        scenario.sends = vec![send(100, Op::Write, "a"), send(150, Op::Delete, "a")];
        if let Kind::Cluster(config) = &mut scenario.nodes[1].kind {
            config.copies = 2;
            config.members = 2;
            config.lag_ms = 100.0;
        }
        let (run, _) = run_with(&scenario, 220);
        let k = the_cluster(&run, "k");
        let key = Key::typed(0);
        let holds = |member: usize| {
            k.entry_at(member, key).is_some_and(|entry| entry.found == Found::Value)
        };
        // At 206 the old value came to the copy; the deletion comes 50 ms later. The owner has
        // neither.
        assert!(holds(0) != holds(1), "the copy is behind");
        let owner = k.holders("a")[0];
        assert_eq!(k.entry_at(owner, key).is_some(), !comes_back);
    }
}

// ===== members that die =====

#[test]
fn without_copies_a_dead_member_takes_its_keys_along_and_the_store_feels_it() {
    let dies = vec![fault(3_000, "k", FaultKind::CrashPart(1))];
    let outcome = |copies: u8| {
        let config = ClusterConfig { copies, write_level: Level::All, ..exact() };
        let before = run_with(&one(config.clone(), busy(400.0, 0.0), dies.clone()), 2_999).0;
        let held = values(the_cluster(&before, "k"), 1);
        let (run, _) = run_with(&one(config, busy(400.0, 0.0), dies.clone()), 6_000);
        let loads = the_database(&run, "db").reads() - the_database(&before, "db").reads();
        let loss = the_cluster(&run, "k").loss().expect("a member died").clone();
        assert_eq!(loss.held as usize, held.len());
        assert_eq!(u64::from(loss.lost), the_cluster(&run, "k").counts().lost);
        let named: Vec<u32> = loss.keys.iter().filter_map(|key| key.number()).collect();
        assert_eq!(named.len(), (loss.lost as usize).min(12));
        assert!(named.iter().all(|n| held.contains(n)));
        (loss.held, loss.lost, loads)
    };
    let (held, lost, loads) = outcome(1);
    assert!(held > 10 && lost == held, "{lost} of {held}");
    assert!(loads >= u64::from(lost) / 2, "{loads} loads for {lost} keys");
    let (held, lost, loads) = outcome(2);
    assert!(held > 10 && lost == 0, "{lost} of {held}");
    assert_eq!(loads, 0, "every key has a living copy");
}

#[test]
fn what_was_not_copied_yet_is_lost_or_set_back() {
    let config = ClusterConfig { copies: 2, lag_ms: 400.0, ..exact() };
    let asks = ClientsConfig { arrivals: Arrivals::Constant, ..busy(400.0, 60.0) };
    for member in 0..4 {
        let dies = vec![fault(4_000, "k", FaultKind::CrashPart(member))];
        let (before, _) = run_with(&one(config.clone(), asks.clone(), dies.clone()), 3_999);
        let k = the_cluster(&before, "k");
        let entry = |member: usize, n: u32| {
            k.entry_at(member, Key::numbered(n)).filter(|e| e.found == Found::Value)
        };
        let (mut lost, mut older) = (0, 0);
        for n in 0..100 {
            let Some(held) = entry(usize::from(member), n) else { continue };
            let others = (0..4).filter(|other| *other != usize::from(member));
            match others.filter_map(|other| entry(other, n)).map(|e| e.stamp).max() {
                None => lost += 1,
                Some(stamp) => older += u32::from(stamp < held.stamp),
            }
        }
        let (run, _) = run_with(&one(config.clone(), asks.clone(), dies), 4_000);
        let loss = the_cluster(&run, "k").loss().expect("it died").clone();
        // A write or two may fall into the last millisecond.
        assert!(loss.lost.abs_diff(lost) <= 2 && loss.set_back.abs_diff(older) <= 2, "{loss:?}");
        assert!(loss.set_back > 0, "{loss:?}");
    }
}

/// Heartbeats are at the multiples of the interval.
#[test]
fn a_dead_member_is_noticed_at_the_last_of_so_many_missing_heartbeats() {
    for (dies, heartbeat, misses, noticed) in [
        (3_000u64, 500.0, 3, 4_500),
        (3_001, 500.0, 3, 4_500),
        (3_499, 500.0, 1, 3_500),
        (2_950, 100.0, 7, 3_600),
    ] {
        let config = ClusterConfig { heartbeat_ms: heartbeat, misses, ..exact() };
        let faults = vec![fault(dies, "k", FaultKind::CrashPart(0))];
        let (run, _) = run_with(&one(config, busy(100.0, 0.0), faults), 6_000);
        let notice = the_cluster(&run, "k").noticed().expect("it is noticed");
        assert_eq!((notice.at, notice.member), (at_ms(noticed), 0));
        assert_eq!(notice.after, Span::from_millis(noticed - dies));
    }
}

#[test]
fn until_it_is_noticed_requests_time_out_and_afterwards_the_next_takes_over() {
    let dies = vec![fault(3_100, "k", FaultKind::CrashPart(2))];
    let config = ClusterConfig { copies: 1, ..exact() };
    let (run, full) = run_with(&one(config.clone(), busy(400.0, 20.0), dies.clone()), 8_000);
    let window = |request: &Request| request.born >= at_ms(3_090) && request.born <= at_ms(4_500);
    let failed: Vec<Request> =
        finished(&full).into_iter().filter(|request| reason(request).is_some()).collect();
    assert!(failed.len() > 50);
    assert!(failed.iter().all(|r| window(r) && reason(r) == Some(Reason::ReplicaLost)));
    let k = the_cluster(&run, "k");
    assert_eq!(k.counts().unanswered, failed.len() as u64);
    assert_eq!(k.counts().no_answer, failed.len() as u64);
    // What failed waited for the timeout of 100 ms.
    for (end, request) in full.finished.iter().filter(|(_, r)| reason(r).is_some()) {
        let took = end.since(request.born);
        assert!(took >= Span::from_millis(102), "{took}");
    }
    // With a copy nobody fails, and what asked the dead one first took the timeout longer.
    let config = ClusterConfig { copies: 2, ..config };
    let (run, full) = run_with(&one(config, busy(400.0, 0.0), dies), 8_000);
    assert!(finished(&full).iter().all(|request| reason(request).is_none()));
    assert!(the_cluster(&run, "k").counts().no_answer > 50);
    let slow =
        |(end, request): &&(Time, Request)| end.since(request.born) >= Span::from_millis(102);
    assert!(full.finished.iter().filter(slow).all(|(_, request)| window(request)));
    assert!(full.finished.iter().filter(slow).count() > 50);
}

#[test]
fn without_failover_the_dead_members_keys_fail_at_once_when_it_is_known() {
    let dies = vec![fault(3_000, "k", FaultKind::CrashPart(2))];
    let config = ClusterConfig { copies: 1, failover: false, ..exact() };
    let (run, full) = run_with(&one(config, busy(400.0, 0.0), dies), 8_000);
    let late = |r: &&(Time, Request)| r.1.born > at_ms(4_500) && reason(&r.1).is_some();
    assert!(full.finished.iter().filter(late).count() > 100);
    for (end, request) in full.finished.iter().filter(late) {
        assert_eq!(end.since(request.born), Span::from_millis(2), "at once");
    }
    assert!(the_cluster(&run, "k").counts().too_few > 100);
}

/// It was cut off, others took its keys over, it comes back with what is old by then.
#[test]
fn who_was_cut_off_comes_back_with_old_values_unless_they_were_kept_for_it() {
    let faults =
        vec![fault(3_000, "k", FaultKind::CutPart(1)), fault(6_000, "k", FaultKind::JoinPart(1))];
    let stale = |hints: bool| {
        let config = ClusterConfig { copies: 1, hints, ..exact() };
        let (run, _) = run_with(&one(config, busy(400.0, 20.0), faults.clone()), 9_000);
        let k = the_cluster(&run, "k");
        assert!(k.members().all(|member| member.standing == Standing::Up));
        assert_eq!((k.counts().hinted > 0, k.hints()), (hints, 0));
        assert_eq!(k.counts().lost, 0, "who is cut off loses nothing");
        the_clients(&run, "c").judge().count(Violation::StaleRead)
    };
    assert!(stale(false) > 10, "{}", stale(false));
    assert_eq!(stale(true), 0);
}

#[test]
fn a_crash_of_all_loses_everything_and_it_begins_again() {
    let faults = vec![fault(3_000, "k", FaultKind::Crash), fault(4_000, "k", FaultKind::Restart)];
    let (run, full) = run_with(&one(exact(), busy(400.0, 10.0), faults), 3_500);
    let k = the_cluster(&run, "k");
    assert_eq!((k.entries(), k.calling()), (0, 0));
    assert!(k.counts().lost > 50);
    drop(full);
    let faults = vec![fault(3_000, "k", FaultKind::Crash), fault(4_000, "k", FaultKind::Restart)];
    let (run, _) = run_with(&one(exact(), busy(400.0, 10.0), faults), 8_000);
    let k = the_cluster(&run, "k");
    assert!(k.entries() > 100);
    assert!(k.members().all(|member| member.standing == Standing::Up));
}

// ===== members that come and go =====

fn grown(placement: &'static str, handover: bool, from: u8, to: u8) -> Session {
    let config = ClusterConfig {
        placement,
        handover,
        members: from,
        move_rate: 500.0,
        copies: 1,
        ..exact()
    };
    let mut session = Session::new(one(config, busy(400.0, 0.0), vec![])).expect("it is valid");
    session.advance(Span::from_millis(4_000), u64::MAX);
    let set = Command::Set("k".into(), "members".into(), Value::Number(f64::from(to)));
    session.apply(set, 0).expect("an allowed edit");
    session
}

#[test]
fn as_many_keys_change_owner_as_the_placement_says_beside_the_least_that_could() {
    for (placement, from, to) in
        [("ketama", 4, 5), ("md5_mod", 4, 5), ("jump", 5, 4), ("redis_slots", 3, 6)]
    {
        let session = grown(placement, false, from, to);
        let k = the_cluster(session.run(), "k");
        let change = k.change().expect("members changed");
        let shards =
            |n: u8| -> Vec<Shard> { (0..n).map(|n| Shard::new(&format!("m{n}"), 1)).collect() };
        let make = place::find(placement).expect("it is in the catalogue").make;
        let (old, new) = (shards(from), shards(to));
        let before = make(Knobs::DEFAULTS, &old).expect("it can be made");
        let after = before.with(&new).expect("it can change");
        let keys = (0..100).map(|n| format!("user:{n}"));
        let moved = place::moved(
            Placed { by: &*before, shards: &old },
            Placed { by: &*after, shards: &new },
            keys,
        );
        assert_eq!((u64::from(change.moved), change.of), (moved.count, 100), "{placement}");
        assert_eq!(change.ideal, moved.ideal);
    }
    let share = |placement| {
        let session = grown(placement, false, 4, 5);
        the_cluster(session.run(), "k").change().expect("it changed").moved
    };
    assert!(share("ketama") < 35 && share("md5_mod") > 65);
}

#[test]
fn keys_that_are_handed_over_are_not_missed_again_and_all_arrive() {
    for (from, to) in [(4, 5), (5, 3)] {
        for handover in [false, true] {
            let mut session = grown("ketama", handover, from, to);
            let loads = |session: &Session| the_cluster(session.run(), "k").counts().loads;
            let (before, moved) = (loads(&session), {
                the_cluster(session.run(), "k").change().expect("it changed").moved
            });
            session.advance(Span::from_millis(3_000), u64::MAX);
            let k = the_cluster(session.run(), "k");
            assert_eq!(k.members().count(), usize::from(to));
            assert_eq!(k.to_hand_over(), 0);
            let missed = loads(&session) - before;
            match handover {
                // 500 keys a second: the last of a hundred after 0.2 s.
                true => assert!(missed < u64::from(moved), "{missed} of {moved}"),
                false => assert!(missed >= u64::from(moved) * 9 / 10, "{missed} of {moved}"),
            }
            if handover {
                assert!(k.counts().handed >= u64::from(moved) / 2);
                for n in 0..100u32 {
                    let holders: Vec<usize> = (0..usize::from(to))
                        .filter(|member| values(k, *member).contains(&n))
                        .collect();
                    assert_eq!(holders, k.holders(&format!("user:{n}")), "user:{n}");
                }
            }
        }
    }
}

#[test]
fn after_a_death_copies_are_made_again_when_keys_are_handed_over() {
    let dies = vec![fault(3_000, "k", FaultKind::CrashPart(1))];
    let copies = |handover: bool| {
        let config = ClusterConfig { handover, move_rate: 1_000.0, ..exact() };
        let asks = ClientsConfig { keys: 100, ..busy(400.0, 0.0) };
        let mut quiet_later = one(config, asks, dies.clone());
        // Nobody reads any more when it has been noticed, so nothing is loaded again.
        let mut session = Session::new(quiet_later.clone()).expect("it is valid");
        session.advance(Span::from_millis(3_100), u64::MAX);
        let set = Command::Set("c".into(), "rate".into(), Value::Number(0.0));
        session.apply(set, 0).expect("an allowed edit");
        session.advance(Span::from_millis(4_000), u64::MAX);
        quiet_later.faults.clear();
        the_cluster(session.run(), "k").entries()
    };
    let (without, with) = (copies(false), copies(true));
    assert_eq!(with, 200, "two of each of a hundred keys");
    assert!(without < 170, "{without}");
}

#[test]
fn the_last_member_joins_when_it_is_to() {
    let config = ClusterConfig { members: 5, joins_s: 2.0, ..exact() };
    let (run, _) = run_with(&one(config.clone(), busy(400.0, 0.0), vec![]), 1_999);
    assert_eq!(the_cluster(&run, "k").members().count(), 4);
    let (run, _) = run_with(&one(config, busy(400.0, 0.0), vec![]), 2_000);
    let k = the_cluster(&run, "k");
    assert_eq!(k.members().count(), 5);
    let change = k.change().expect("it joined");
    assert_eq!((change.at, change.from, change.to, change.ideal), (at_ms(2_000), 4, 5, 0.2));
}

// ===== managed by a server =====

#[test]
fn a_server_manages_it_as_it_does_a_cache() {
    let config = ClusterConfig { pattern: Pattern::CacheAside, ..exact() };
    let app = ServerConfig { cores: 64, service_ms: 1.0, ..ServerConfig::default() };
    let store = DatabaseConfig { replicas: 0, workers: 64, ..DatabaseConfig::default() };
    let nodes = vec![
        clients("c", busy(300.0, 10.0)),
        node("app", Kind::Server(app)),
        cluster("k", config),
        common::database("db", store),
    ];
    let links = vec![link("c", "app", 1.0), link("app", "k", 1.0), link("app", "db", 1.0)];
    let made = Scenario {
        faults: vec![fault(3_000, "k", FaultKind::CrashPart(0))],
        ..scenario(3, nodes, links)
    };
    let (run, full) = run_with(&made, 8_000);
    let k = the_cluster(&run, "k");
    assert!(k.hit_ratio().expect("it was read") > 0.7, "{:?}", k.counts());
    assert_eq!(k.counts().loads, 0, "it loads nothing itself");
    // A read that the cluster fails is the server's miss: the database answers it.
    let all = finished(&full);
    assert!(all.iter().filter(|r| r.op == Op::Read).all(|r| reason(r).is_none()));
}

// ===== load =====

#[test]
fn members_with_few_workers_have_a_line_and_turn_away_what_does_not_fit() {
    let config = ClusterConfig {
        members: 2,
        copies: 1,
        workers: 1,
        look_ms: 10.0,
        queue_limit: 5,
        timeout_ms: 1_000.0,
        ..exact()
    };
    let (run, full) = run_with(&one(config, busy(400.0, 0.0), vec![]), 5_000);
    let k = the_cluster(&run, "k");
    assert!(k.counts().queue_full > 500, "200 a second are the most of 400");
    let all = finished(&full);
    let failed = all.iter().filter(|r| reason(r) == Some(Reason::QueueFull)).count();
    assert_eq!(failed as u64, k.counts().queue_full);
    // Six before it at most, and itself: 70 ms, 4 of wires and hops, and 4 for a load.
    for (end, request) in &full.finished {
        assert!(end.since(request.born) <= Span::from_millis(79), "{request:?}");
    }
}

/// M/D/1: W = S + load x S / (2 (1 - load)), once every key is there.
#[test]
fn a_member_with_one_worker_is_a_queue_with_constant_times() {
    let config = ClusterConfig {
        members: 1,
        workers: 1,
        look_ms: 5.0,
        hop_ms: 0.0,
        queue_limit: 10_000,
        timeout_ms: 10_000.0,
        ..exact()
    };
    let asks = ClientsConfig { keys: 5, ..busy(120.0, 0.0) };
    let (_, full) = run_with(&one(config, asks, vec![]), 400_000);
    let warm = full.finished.iter().filter(|(_, request)| request.born > at_ms(2_000));
    let times: Vec<f64> =
        warm.map(|(end, request)| end.since(request.born).millis() - 2.0).collect();
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    let expected = 5.0 + 0.6 * 5.0 / (2.0 * 0.4);
    assert!((mean / expected - 1.0).abs() < 0.02, "{mean} ms, expected {expected}");
}

#[test]
fn each_member_evicts_as_its_policy_does_alone() {
    for policy in evict::CATALOGUE {
        let config = ClusterConfig { policy: policy.key, capacity: 8, copies: 1, ..exact() };
        let (run, _) = run_with(&one(config, busy(400.0, 10.0), vec![]), 3_000);
        let k = the_cluster(&run, "k");
        assert!(k.members().all(|member| member.entries <= 8), "{}", policy.key);
        assert!(k.entries() >= 20, "{}", policy.key);
    }
}

// ===== reasons =====

#[test]
fn the_reasons_can_be_redone_on_paper() {
    let config = ClusterConfig {
        members: 5,
        copies: 3,
        read_level: Level::Quorum,
        write_level: Level::Quorum,
        ..exact()
    };
    let mut scenario = one(config, quiet(), vec![]);
    scenario.sends =
        vec![send(100, Op::Write, "a"), send(300, Op::Read, "a"), send(400, Op::Read, "a")];
    let (run, full) = run_with(&scenario, 1_000);
    let holders = the_cluster(&run, "k").holders("a");
    let all: Vec<&Why> = full.decisions.iter().map(|decision| &decision.1.why).collect();
    let said = |words: &str| all.iter().any(|why| why.sentence.contains(words));
    assert!(said("a quorum is 3 / 2 + 1 = 2"), "{all:?}");
    assert!(said(&format!("In turn: 1 mod 3 = 1, so m{} first.", holders[1])), "{all:?}");
    assert!(said("R + W = 2 + 2 = 4 is more than N = 3."), "{all:?}");
    let tried = the_cluster(&run, "k").try_key("a");
    let lines = tried.lines.iter().filter(|line| line.numbers.contains("that hold it"));
    let names: Vec<String> = lines.map(|line| line.subject.clone()).collect();
    assert_eq!(names, holders.iter().map(|n| format!("m{n}")).collect::<Vec<_>>());
}
