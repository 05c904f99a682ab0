//! Shard routers and partitioned tables in running worlds: where keys land, what moves when shards
//! change, what a dead shard costs, and which partitions a query touches.

mod common;

use std::collections::BTreeMap;

use switchyard::node::clients::Popularity;
use switchyard::node::router::{Meanwhile, Migration};
use switchyard::node::table::{Scheme, Spread};
use switchyard::node::{ClientsConfig, Kind, Router, RouterConfig, TableConfig, Value};
use switchyard::policy::hash::md5::md5;
use switchyard::scenario::build::{Run, build, reconcile};
use switchyard::scenario::{FaultKind, LinkSpec, NodeSpec, Scenario};
use switchyard::session::{Command, Session};
use switchyard::sim::sink::Full;
use switchyard::sim::{Outcome, Place, Reason, Request, Silent, Span, Time};
use switchyard::stats::judge::Violation;

use common::states::{advance_ms, open, set};
use common::{
    at_ms, clients, fault, link, node, scenario, send, steady, the_clients, the_router, the_table,
};

fn router(config: RouterConfig) -> NodeSpec {
    node("sh", Kind::Router(config))
}

fn by(strategy: &'static str, migration: Migration) -> RouterConfig {
    RouterConfig { strategy, migration, move_rate: 500.0, ..RouterConfig::default() }
}

/// A table that is fast enough for anything here.
fn quick_table(id: &str) -> NodeSpec {
    let config = TableConfig { service_ms: 0.1, workers: 4, ..TableConfig::default() };
    node(id, Kind::Table(config))
}

fn ends(count: usize) -> Vec<LinkSpec> {
    (0..count).map(|n| link("sh", &format!("shard{n}"), 1.0)).collect()
}

/// A router over so many tables, asked for `user:0` to `user:999` at this rate.
fn tables(config: RouterConfig, count: usize, asking: ClientsConfig) -> Scenario {
    let shards = (0..count).map(|n| quick_table(&format!("shard{n}")));
    let nodes = [clients("c", asking), router(config)].into_iter().chain(shards);
    scenario(7, nodes.collect(), [vec![link("c", "sh", 1.0)], ends(count)].concat())
}

fn add_a_shard(session: &mut Session, n: usize) {
    let (nodes, links) = (session.scenario().nodes.len(), session.scenario().links.len());
    let id = format!("shard{n}");
    let both = vec![
        Command::AddNode(nodes, quick_table(&id)),
        Command::AddLink(links, link("sh", &id, 1.0)),
    ];
    session.apply(Command::All(both), 0).expect("an allowed edit");
}

// ===== where keys land =====

/// Servers as shards, and single requests with these keys, one a millisecond from `from_ms` on.
fn asked(shards: usize, keys: &[String], from_ms: u64) -> Scenario {
    let servers = (0..shards).map(|n| steady(&format!("shard{n}"), 0.1));
    let quiet = ClientsConfig { rate: 0.0, ..ClientsConfig::default() };
    let nodes = [clients("c", quiet), router(by("md5_first_byte", Migration::None))];
    let links = [vec![link("c", "sh", 1.0)], ends(shards)].concat();
    let mut made = scenario(1, nodes.into_iter().chain(servers).collect(), links);
    made.sends = (1..).zip(keys).map(|(ms, key)| send(from_ms + ms, "c", key)).collect();
    made
}

/// Which node served each key.
fn landings(run: &Run, full: &Full) -> BTreeMap<String, String> {
    let served = |id: u64| {
        full.stays.iter().find_map(|(request, stay)| match stay.place {
            Place::Serving(node) if *request == id => Some(run.card(node).id.to_string()),
            _ => None,
        })
    };
    let of = |request: &Request| {
        (run.key_name(request.key), served(request.id).expect("somebody served it"))
    };
    full.finished.iter().map(|(_, request)| of(request)).collect()
}

/// The vectors' `shard_bias`: keys with each first byte once, and where they land.
#[test]
fn the_histogram_is_the_one_of_the_first_byte() {
    let mut one_each = BTreeMap::<u8, String>::new();
    for key in (0u32..).map(|n| format!("k{n}")) {
        one_each.entry(md5(key.as_bytes())[0]).or_insert(key);
        if one_each.len() == 256 {
            break;
        }
    }
    let keys: Vec<String> = one_each.into_values().collect();
    for (shards, most, least, dead) in [(3, 86, 85, 0), (100, 3, 2, 0), (300, 1, 1, 44)] {
        let mut full = Full::default();
        let mut run = Run::default();
        reconcile(&mut run, &asked(shards, &keys, 0), &mut full);
        run.run_until(at_ms(2_000), u64::MAX, &mut full);
        let mut counts = BTreeMap::<String, u32>::new();
        for shard in landings(&run, &full).into_values() {
            *counts.entry(shard).or_default() += 1;
        }
        assert_eq!(counts.values().sum::<u32>(), 256);
        assert_eq!(counts.values().max(), Some(&most), "{shards} shards");
        assert_eq!(counts.values().min(), Some(&least), "{shards} shards");
        assert_eq!(shards - counts.len(), dead, "{shards} shards");
    }
}

/// The vectors' `shard_remap`: of user1 to user1000, 786 change shard when a fifth joins four.
#[test]
fn as_many_keys_move_as_the_rule_says_when_a_shard_is_added_while_it_runs() {
    let keys: Vec<String> = (1..=1000).map(|n| format!("user{n}")).collect();
    let (mut run, mut full) = (Run::default(), Full::default());
    reconcile(&mut run, &asked(4, &keys, 0), &mut full);
    run.run_until(at_ms(1_100), u64::MAX, &mut full);
    let before = landings(&run, &full);
    let mut full = Full::default();
    reconcile(&mut run, &asked(5, &keys, 1_100), &mut full);
    run.run_until(at_ms(2_300), u64::MAX, &mut full);
    let after = landings(&run, &full);
    assert_eq!((before.len(), after.len()), (1000, 1000));
    let moved = before.iter().filter(|(key, shard)| after[*key] != **shard).count();
    assert_eq!(moved, 786);
    let shards = ["user1", "user2", "user3", "user4"].map(|key| &*before[key]);
    assert_eq!(shards, ["shard0", "shard2", "shard2", "shard3"], "the course's demo");
}

// ===== what moves =====

/// Clients of one address that read, all keys alike.
fn reads() -> ClientsConfig {
    ClientsConfig { rate: 200.0, addresses: 1, ..ClientsConfig::default() }
}

/// Every row is where the router believes its owner to be.
fn all_in_place(run: &Run) {
    let router: &Router = the_router(run, "sh");
    assert_eq!(router.astray(), 0);
    for member in router.members() {
        let rows: u32 = the_table(run, &member.name).parts().map(|part| part.rows).sum();
        assert_eq!(rows, member.keys, "{}", member.name);
    }
}

#[test]
fn a_ring_moves_about_one_in_n_plus_one_and_no_row_is_missed() {
    for shards in [2, 4, 8] {
        let asking = ClientsConfig { writes: 20.0, ..reads() };
        let mut session = open(&tables(by("ketama", Migration::Move), shards, asking));
        advance_ms(&mut session, 1_000);
        all_in_place(session.run());
        add_a_shard(&mut session, shards);
        advance_ms(&mut session, 3_000);
        let router = the_router(session.run(), "sh");
        let change = router.change().expect("a shard was added");
        let (share, ideal) = (f64::from(change.moved) / 1_000.0, 1.0 / (shards as f64 + 1.0));
        assert!((share - ideal).abs() < 0.05, "{shards}: {share}");
        assert!((change.ideal - ideal).abs() < 1e-12);
        assert_eq!(router.moved(), u64::from(change.moved));
        assert_eq!((router.misroutes(), router.misses(), router.left_behind()), (0, 0, 0));
        all_in_place(session.run());
        let judge = the_clients(session.run(), "c").judge();
        assert_eq!(judge.count(Violation::StaleRead), 0);
        assert_eq!(session.run().tally().failures(), 0);
    }
}

/// Deletions move as well: nobody is told of an older time.
#[test]
fn whoever_deletes_or_writes_while_rows_move_sees_it() {
    let config = RouterConfig { move_rate: 100.0, ..by("ketama", Migration::Move) };
    let asking = ClientsConfig { writes: 20.0, deletes: 30.0, keys: 200, ..reads() };
    for meanwhile in [Meanwhile::Old, Meanwhile::New] {
        let config = RouterConfig { meanwhile, ..config.clone() };
        let mut session = open(&tables(config, 3, asking.clone()));
        advance_ms(&mut session, 2_000);
        add_a_shard(&mut session, 3);
        advance_ms(&mut session, 6_000);
        let router = the_router(session.run(), "sh");
        assert!(router.moved() > 100 && router.astray() == 0);
        let stale = the_clients(session.run(), "c").judge().count(Violation::StaleRead);
        // Asked too early, the new shard knows of nothing.
        assert_eq!(stale > 0, meanwhile == Meanwhile::New, "{stale}");
    }
}

#[test]
fn as_in_the_course_rows_stay_behind_and_reads_miss() {
    let mut session = open(&tables(by("md5_first_byte", Migration::None), 4, reads()));
    advance_ms(&mut session, 1_000);
    add_a_shard(&mut session, 4);
    advance_ms(&mut session, 3_000);
    let router = the_router(session.run(), "sh");
    let change = router.change().expect("a shard was added");
    assert!(change.moved > 700, "nearly all keys: {change:?}");
    assert_eq!(router.astray(), change.moved as usize);
    assert!(router.misses() > 300, "{}", router.misses());
    assert!(router.misroutes() - router.misses() < 5, "all but those in flight missed");
    let rows: u32 = the_table(session.run(), "shard4").parts().map(|part| part.rows).sum();
    assert_eq!(rows, 0, "nobody filled the new one");
}

#[test]
fn asking_the_new_shard_meanwhile_misses_until_the_row_is_there() {
    let config = RouterConfig { meanwhile: Meanwhile::New, ..by("ketama", Migration::Move) };
    let mut session = open(&tables(config, 4, reads()));
    advance_ms(&mut session, 1_000);
    add_a_shard(&mut session, 4);
    advance_ms(&mut session, 100);
    assert!(the_router(session.run(), "sh").misroutes() > 0);
    advance_ms(&mut session, 2_000);
    let misses = the_router(session.run(), "sh").misses();
    assert!(misses > 0);
    all_in_place(session.run());
    advance_ms(&mut session, 1_000);
    assert_eq!(the_router(session.run(), "sh").misses(), misses, "none once all have moved");
}

/// Loss, a router that crashes in the middle and a shard that is down for a while delay moves and
/// lose no row.
#[test]
fn moves_are_made_again_until_they_work() {
    let mut made = tables(by("ketama", Migration::Move), 4, ClientsConfig { rate: 0.0, ..reads() });
    for link in made.links.iter_mut().filter(|link| link.from == "sh") {
        link.loss = 0.1;
    }
    made.faults = vec![
        fault(1_200, "sh", FaultKind::Crash),
        fault(1_300, "sh", FaultKind::Restart),
        fault(1_350, "shard2", FaultKind::Crash),
        fault(1_900, "shard2", FaultKind::Restart),
    ];
    let mut session = open(&made);
    advance_ms(&mut session, 1_000);
    add_a_shard(&mut session, 4);
    advance_ms(&mut session, 5_000);
    assert!(the_router(session.run(), "sh").failed_moves() > 0);
    all_in_place(session.run());
}

#[test]
fn a_shard_that_is_wired_again_has_its_rows() {
    let mut session = open(&tables(by("ketama", Migration::None), 4, reads()));
    advance_ms(&mut session, 500);
    session.apply(Command::RemoveLink("sh".into(), "shard1".into()), 0).expect("allowed");
    advance_ms(&mut session, 500);
    assert!(the_router(session.run(), "sh").left_behind() > 0);
    session.undo().expect("it can be undone");
    advance_ms(&mut session, 500);
    let router = the_router(session.run(), "sh");
    let member = router.members().iter().find(|member| &*member.name == "shard1").expect("back");
    let rows: u32 = the_table(session.run(), "shard1").parts().map(|part| part.rows).sum();
    assert!(rows > 0 && rows == member.keys);
}

// ===== failures =====

#[test]
fn only_the_keys_of_a_dead_shard_fail() {
    let made = tables(by("rendezvous", Migration::Move), 4, reads());
    let mut run = build(&made);
    run.run_until(at_ms(100), u64::MAX, &mut Silent);
    let mut full = Full::default();
    let dead = Scenario { faults: vec![fault(150, "shard2", FaultKind::Crash)], ..made };
    reconcile(&mut run, &dead, &mut full);
    run.run_until(at_ms(3_000), u64::MAX, &mut full);
    let router = the_router(&run, "sh");
    let (mut failed, mut answered) = (0, 0);
    for (_, request) in full.finished.iter().filter(|(_, r)| r.born > at_ms(200)) {
        let key = run.key_name(request.key);
        let place = router.try_key(&key).0.expect("it has an owner");
        match request.outcome {
            Outcome::Done => answered += u32::from(&*router.members()[place].name != "shard2"),
            Outcome::Failed(reason, _) => {
                assert_eq!(reason, Reason::ConnectionRefused);
                assert_eq!(&*router.members()[place].name, "shard2", "{key}");
                failed += 1;
            }
            Outcome::Pending => panic!("{request:?} ended as nothing"),
        }
    }
    assert!(failed > 50 && answered > 200, "{failed} failed, {answered} answered");
}

#[test]
fn a_range_query_needs_every_shard_it_asks() {
    let asking = ClientsConfig { scans: 100.0, scan_width: 50, rate: 20.0, ..reads() };
    let mut session = open(&tables(by("md5_first_byte", Migration::None), 4, asking));
    advance_ms(&mut session, 2_000);
    let tally = *session.run().tally();
    assert!(tally.completed > 10 && tally.failures() == 0);
    assert!(tally.calls >= 4 * tally.completed, "fifty neighbours lie on all four");
    session.kill("shard3").expect("it can be killed");
    advance_ms(&mut session, 2_000);
    let run = session.run();
    assert!(run.tally().failed[Reason::ConnectionRefused as usize] > 10);
    assert!(run.conserved());
}

#[test]
fn shards_of_the_same_name_are_told_apart() {
    let mut made = tables(by("ketama", Migration::None), 3, reads());
    for node in &mut made.nodes[2..] {
        node.label = "shard".to_owned();
    }
    let mut session = open(&made);
    advance_ms(&mut session, 1_000);
    let names: Vec<&str> =
        the_router(session.run(), "sh").members().iter().map(|member| &*member.name).collect();
    assert_eq!(names, ["shard", "shard (shard1)", "shard (shard2)"]);
    assert_eq!(session.run().tally().failures(), 0);
}

// ===== tables =====

fn one_table(config: TableConfig, asking: ClientsConfig) -> Session {
    let nodes = vec![clients("c", asking), node("t", Kind::Table(config))];
    open(&scenario(3, nodes, vec![link("c", "t", 1.0)]))
}

fn quick(scheme: Scheme) -> TableConfig {
    TableConfig { scheme, service_ms: 1.0, spread: Spread::Constant, ..TableConfig::default() }
}

/// Partitions touched by each query.
fn touched(session: &Session) -> f64 {
    let table = the_table(session.run(), "t");
    table.touched() as f64 / table.arrived().total() as f64
}

#[test]
fn a_run_of_keys_touches_all_by_hash_and_only_what_it_meets_by_range() {
    let runs = ClientsConfig { scans: 100.0, scan_width: 10, rate: 100.0, ..reads() };
    for (scheme, asking, least, most) in [
        (Scheme::Hash, reads(), 1.0, 1.0),
        (Scheme::Range, reads(), 1.0, 1.0),
        (Scheme::Hash, runs.clone(), 4.0, 4.0),
        // 27 of 1000 runs of ten begin just before one of three bounds.
        (Scheme::Range, runs, 1.0, 1.1),
    ] {
        let mut session = one_table(quick(scheme), asking);
        advance_ms(&mut session, 10_000);
        let mean = touched(&session);
        assert!((least..=most).contains(&mean), "{scheme:?}: {mean}");
        assert_eq!(session.run().tally().failures(), 0);
    }
}

#[test]
fn keys_that_grow_all_fall_into_the_last_range() {
    let growing = ClientsConfig {
        writes: 100.0,
        popularity: Popularity::Sequential,
        keys: 1_000_000,
        ..reads()
    };
    let shares = |scheme| {
        // user:0 to user:749 are passed by before the run begins to count.
        let bounds = "user:0 user:1 user:2".to_owned();
        let config = TableConfig { records: 0, bounds, ..quick(scheme) };
        let mut session = one_table(config, growing.clone());
        advance_ms(&mut session, 5_000);
        let served = the_table(session.run(), "t").parts().map(|part| part.served.total());
        served.collect::<Vec<u64>>()
    };
    let by_range = shares(Scheme::Range);
    let total: u64 = by_range.iter().sum();
    assert_eq!(by_range[..3], [0, 1, 1]);
    assert_eq!(by_range[3], total - 2, "all but the two before its bound");
    let by_hash = shares(Scheme::Hash);
    assert!(by_hash.iter().all(|&n| n * 4 > total * 8 / 10), "{by_hash:?}");
}

#[test]
fn with_nothing_attached_as_in_the_course_every_insert_fails() {
    let none = TableConfig { attached: "none".to_owned(), ..quick(Scheme::Hash) };
    let mut session = one_table(none, ClientsConfig { writes: 100.0, ..reads() });
    advance_ms(&mut session, 1_000);
    let tally = *session.run().tally();
    assert_eq!(tally.completed, 0);
    assert_eq!(tally.failures(), tally.failed[Reason::PartitionNotFound as usize]);
    assert_eq!(Reason::PartitionNotFound.words(), "partition not found");
    let last = session.series().finished(session.run().now()).last().expect("one ended").request.id;
    let why = &session.explain(last).expect("it can be explained").decisions[0].1;
    assert!(why.title.starts_with("partition partition_"), "{}", why.title);
    assert!(why.title.ends_with(" not found"), "{}", why.title);
    session.apply(set("t", "attached", Value::Text("0 1 3".into())), 0).expect("allowed");
    advance_ms(&mut session, 2_000);
    let failed = session.run().tally().failures() - tally.failures();
    let all = session.run().tally().completed + failed;
    assert!((0.15..0.35).contains(&(failed as f64 / all as f64)), "a quarter: {failed} of {all}");
}

#[test]
fn the_course_and_the_table_agree_about_partitions() {
    let session = one_table(quick(Scheme::Hash), reads());
    let why = the_table(session.run(), "t").try_key("user:42");
    let byte = md5(b"user:42")[0];
    assert_eq!(why.lines[0].subject, format!("partition_{}", byte % 4));
    assert_eq!(why.lines[0].numbers, format!("{byte} mod 4 = {}", byte % 4));
}

#[test]
fn a_range_that_grows_too_big_is_split_at_its_median() {
    let config = TableConfig { bounds: String::new(), split_at: 300, ..quick(Scheme::Range) };
    let mut session = one_table(config, ClientsConfig { rate: 0.0, ..reads() });
    advance_ms(&mut session, 10);
    let rows = |session: &Session| {
        the_table(session.run(), "t").parts().map(|part| part.rows).collect::<Vec<u32>>()
    };
    assert_eq!(rows(&session), [250, 250, 250, 250]);
    session.apply(set("t", "split", Value::Number(200.0)), 0).expect("allowed");
    assert_eq!(rows(&session), [125; 8]);
    let growing = ClientsConfig {
        writes: 100.0,
        popularity: Popularity::Sequential,
        keys: 100_000,
        rate: 400.0,
        ..reads()
    };
    let config =
        TableConfig { bounds: String::new(), split_at: 300, records: 0, ..quick(Scheme::Range) };
    let mut session = one_table(config, growing);
    advance_ms(&mut session, 4_000);
    let table = the_table(session.run(), "t");
    assert!(table.splits() >= 4, "{}", table.splits());
    assert!(table.parts().all(|part| part.rows <= 300));
    let stored: u32 = table.parts().map(|part| part.rows).sum();
    assert_eq!(u64::from(stored), table.served().total());
}

/// A query that touches several partitions waits for the slowest; they work at the same time.
#[test]
fn partitions_work_at_the_same_time() {
    let asking = ClientsConfig { scans: 100.0, rate: 2.0, ..reads() };
    let mut session = one_table(TableConfig { service_ms: 40.0, ..quick(Scheme::Hash) }, asking);
    advance_ms(&mut session, 20_000);
    let latency = the_clients(session.run(), "c").latency().percentile(10.0);
    assert!(latency >= Span::from_millis(42) && latency < Span::from_millis(44), "{latency}");
}

/// A partition is an M/M/1: at half its load a query takes twice its service time. A query that
/// needs all four idle partitions takes as long as the slowest: 1 + 1/2 + 1/3 + 1/4 service times.
#[test]
fn a_partition_is_a_queue_and_a_run_waits_for_the_slowest_of_four() {
    let spread = Spread::Exponential;
    let one = TableConfig { bounds: String::new(), spread, ..quick(Scheme::Range) };
    let all = TableConfig { spread, ..quick(Scheme::Hash) };
    let busy = ClientsConfig { rate: 50.0, ..reads() };
    let idle = ClientsConfig { rate: 2.0, scans: 100.0, ..reads() };
    for (config, asking, seconds, times) in
        [(one, busy, 1_000, 2.0), (all, idle, 4_000, 25.0 / 12.0)]
    {
        let mut session = one_table(TableConfig { service_ms: 10.0, ..config }, asking);
        advance_ms(&mut session, seconds * 1_000);
        let mean = the_clients(session.run(), "c").latency().mean().millis();
        // Two crossings of 1 ms.
        let expected = 2.0 + 10.0 * times;
        assert!((mean / expected - 1.0).abs() < 0.05, "{mean} ms, expected {expected} ms");
    }
}

#[test]
fn rows_survive_a_crash_and_queries_do_not() {
    let mut session = one_table(quick(Scheme::Hash), ClientsConfig { writes: 50.0, ..reads() });
    advance_ms(&mut session, 2_000);
    session.kill("t").expect("it can be killed");
    session.revive("t").expect("it comes up again");
    let before = session.run().now();
    advance_ms(&mut session, 2_000);
    let judge = the_clients(session.run(), "c").judge();
    assert_eq!(judge.count(Violation::StaleRead), 0);
    assert!(session.run().now() > before && session.run().now() > Time::ZERO);
}

/// The course's partitions take the byte that its shards take: with four and four, each shard fills
/// one partition of its own.
#[test]
fn the_same_byte_twice_fills_four_of_sixteen_cells() {
    let cells = |shards: usize| {
        let mut session = open(&tables(by("md5_first_byte", Migration::None), shards, reads()));
        advance_ms(&mut session, 100);
        let run = session.run();
        let all = (0..shards).map(|n| the_table(run, &format!("shard{n}")));
        all.flat_map(|table| table.parts().collect::<Vec<_>>()).filter(|p| p.rows > 0).count()
    };
    assert_eq!([4, 8, 5].map(cells), [4, 8, 20]);
}
