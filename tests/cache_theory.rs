//! Caches against closed forms, against a count of their own, and against each other.

mod common;

use std::collections::BTreeMap;

use switchyard::node::cache::Pattern;
use switchyard::node::clients::Popularity;
use switchyard::node::{Arrivals, CacheConfig, ClientsConfig, Kind, ServerConfig, Service};
use switchyard::scenario::build::{Run, build};
use switchyard::sim::sink::Full;
use switchyard::sim::{Found, Key, Op, Outcome, Request, Signal, Silent, Sink, Span, Stamp, Time};
use switchyard::stats::che::{Che, che_fifo, che_lru};
use switchyard::stats::judge::Violation;

use common::store::{Row, Store};
use common::{at_ms, cache, clients, link, scenario, server, the_cache, the_server};

/// A cache that needs no time to look, without a time to live.
fn quick() -> CacheConfig {
    CacheConfig { hit_ms: 0.0, ttl_ms: 0.0, ..CacheConfig::default() }
}

/// Clients, a cache and a server that answers in a microsecond, until all requests have ended.
fn run(seed: u64, crowd: ClientsConfig, config: CacheConfig) -> Run {
    let fast = ServerConfig {
        service_ms: 0.001,
        service: Service::Constant,
        cores: 64,
        ..ServerConfig::default()
    };
    let nodes = vec![clients("c", crowd), cache("cache", config), server("s", fast)];
    let links = vec![link("c", "cache", 0.0), link("cache", "s", 0.0)];
    let scenario = scenario(seed, nodes, links);
    scenario.check().expect("a valid scenario");
    let mut run = build(&scenario);
    while run.step(Time::MAX, &mut Silent).is_some() {}
    assert!(run.requests().is_empty() && run.conserved());
    run
}

// ===== closed forms =====

/// The course's four: 0.5, 0.909, 0.909, 0.333.
#[test]
fn one_key_with_a_time_to_live_is_hit_as_often_as_theory_says() {
    for (rate, ttl, published) in
        [(1.0, 1.0, 0.5), (1.0, 10.0, 0.909), (5.0, 2.0, 0.909), (0.1, 5.0, 0.333)]
    {
        let crowd = ClientsConfig { rate, keys: 1, total: 200_000, ..ClientsConfig::default() };
        let run = run(31, crowd, CacheConfig { ttl_ms: ttl * 1e3, ..quick() });
        let got = the_cache(&run, "cache").hit_ratio().expect("there were reads");
        let theory = rate * ttl / (1.0 + rate * ttl);
        println!("r {rate} T {ttl}: {got:.4}, theory {theory:.4}");
        assert!((theory - published).abs() < 5e-4);
        assert!((got - theory).abs() < 0.01, "r {rate} T {ttl}: {got}, not {theory}");
    }
}

#[test]
fn lru_and_fifo_are_hit_as_often_as_che_says() {
    const KEYS: u32 = 1_000;
    let weights: Vec<f64> = (1..=KEYS).map(|k| 1.0 / f64::from(k)).collect();
    for (policy, solve) in [
        ("lru", che_lru as fn(&[f64], f64) -> Option<Che>),
        ("fifo", che_fifo as fn(&[f64], f64) -> Option<Che>),
    ] {
        let crowd = ClientsConfig {
            rate: 1_000.0,
            keys: KEYS,
            popularity: Popularity::Zipf,
            total: 400_000,
            ..ClientsConfig::default()
        };
        let run =
            run(32, crowd, CacheConfig { capacity: 100, policy, single_flight: true, ..quick() });
        let got = the_cache(&run, "cache").hit_ratio().expect("there were reads");
        let theory = solve(&weights, 100.0).expect("it does not hold every key").hits;
        println!("{policy}: {got:.4}, Che {theory:.4}");
        assert!((got - theory).abs() < 0.005, "{policy}: {got}, not {theory}");
        let counts = the_cache(&run, "cache").counts();
        let stored = the_cache(&run, "cache").entries() as u64;
        assert_eq!((stored, counts.fills - counts.evictions), (100, 100));
        assert_eq!(counts.hits + counts.misses, 400_000);
    }
}

// ===== stampedes =====

/// 25 readers of one key at one instant, as the course's stampede.
#[test]
fn single_flight_asks_the_store_once_for_25_readers() {
    for (single_flight, asked) in [(true, 1), (false, 25)] {
        let config = CacheConfig { single_flight, ..CacheConfig::default() };
        let still = ClientsConfig { rate: 0.0, ..ClientsConfig::default() };
        let slow = ServerConfig { cores: 64, ..ServerConfig::default() };
        let nodes = vec![clients("c", still), cache("cache", config), server("s", slow)];
        let links = vec![link("c", "cache", 1.0), link("cache", "s", 1.0)];
        let mut scenario = scenario(1, nodes, links);
        scenario.sends = (0..25).map(|_| common::send(100, "c", "hot")).collect();
        let mut run = build(&scenario);
        let mut full = Full::default();
        while run.step(Time::MAX, &mut full).is_some() {}
        let (counts, served) = (*the_cache(&run, "cache").counts(), the_server(&run, "s"));
        assert_eq!((served.arrived().total(), counts.misses), (asked, 25));
        assert_eq!((counts.loads, counts.coalesced), (asked, 25 - asked));
        let same = |(_, r): &(Time, Request)| r.outcome == Outcome::Done && r.found == Found::Value;
        assert_eq!(full.finished.iter().filter(|end| same(end)).count(), 25);
        let ends: std::collections::BTreeSet<Time> = full.finished.iter().map(|f| f.0).collect();
        assert_eq!(ends.len() == 1, single_flight, "with single flight all get it at once");
        if single_flight {
            let last = full.decisions.iter().rev().find(|(_, d)| d.why.title.contains("not have"));
            let sentence = "One other request is already loading it; this one and 23 before it \
                            wait for that answer.";
            assert_eq!(last.map(|(_, d)| d.why.sentence.as_str()), Some(sentence));
        }
    }
}

/// What a load fails with, everybody gets who waited for it.
#[test]
fn whoever_waits_for_a_load_shares_its_failure() {
    let config = CacheConfig { single_flight: true, ..CacheConfig::default() };
    let still = ClientsConfig { rate: 0.0, ..ClientsConfig::default() };
    let nodes =
        vec![clients("c", still), cache("cache", config), server("s", ServerConfig::default())];
    let links = vec![link("c", "cache", 1.0), common::lossy("cache", "s", 1.0, 1.0)];
    let mut scenario = scenario(1, nodes, links);
    scenario.sends = (0..5).map(|_| common::send(100, "c", "hot")).collect();
    let mut run = build(&scenario);
    while run.step(Time::MAX, &mut Silent).is_some() {}
    assert_eq!((run.tally().failures(), run.tally().completed), (5, 0));
    assert_eq!(the_cache(&run, "cache").counts().loads, 1);
}

/// Entries that come in together and have no jitter end together.
#[test]
fn jitter_spreads_what_would_end_together() {
    let misses_at_once = |ttl_jitter: f64| {
        let crowd = ClientsConfig {
            rate: 2_000.0,
            keys: 200,
            arrivals: Arrivals::Constant,
            popularity: Popularity::Sequential,
            total: 8_000,
            ..ClientsConfig::default()
        };
        let config = CacheConfig { capacity: 200, ttl_ms: 1_000.0, ttl_jitter, ..quick() };
        let nodes = vec![clients("c", crowd), cache("cache", config), server("s", fast_server())];
        let links = vec![link("c", "cache", 0.0), link("cache", "s", 0.0)];
        let mut run = build(&scenario(4, nodes, links));
        let mut misses_by = |tick: u64| {
            assert!(run.run_until(at_ms(tick * 100), u64::MAX, &mut Silent).reached);
            the_cache(&run, "cache").counts().misses
        };
        // After the cold start.
        let by: Vec<u64> = (5..40).map(&mut misses_by).collect();
        by.windows(2).map(|pair| pair[1] - pair[0]).max()
    };
    let (together, spread) = (misses_at_once(0.0), misses_at_once(50.0));
    assert!(together >= Some(190), "{together:?}: all keys within 100 ms");
    assert!(spread < Some(100), "{spread:?} within 100 ms with jitter");
}

fn fast_server() -> ServerConfig {
    ServerConfig { service_ms: 0.001, service: Service::Constant, ..ServerConfig::default() }
}

// ===== with versions =====

fn row(seed: u64, crowd: ClientsConfig, config: CacheConfig, store: Store) -> Row {
    let kinds = [("c", Kind::Clients(crowd)), ("cache", Kind::Cache(config))];
    Row::new(seed, &kinds, store, Span::from_millis(2))
}

fn full_store() -> Store {
    Store { full: true, delays: vec![Span::from_millis(3)], ..Store::default() }
}

/// The stale hits that a cache counts are those that a list of the store's commits says.
#[test]
fn stale_hits_are_counted_as_the_store_counts_them() {
    for (pattern, stale) in
        [(Pattern::ReadThrough, true), (Pattern::WriteThrough, true), (Pattern::WriteAround, true)]
    {
        let crowd = ClientsConfig { rate: 400.0, keys: 20, writes: 20.0, ..Default::default() };
        let config = CacheConfig { pattern, ttl_ms: 700.0, ..CacheConfig::default() };
        let mut row = row(41, crowd, config, full_store());
        let (mut counted, mut diverged) = (0, 0);
        for _ in 0..40_000 {
            let before = *row.cache().counts();
            let Some((_, event)) = row.world.step(Time::MAX, &mut Silent) else { break };
            let hits = row.cache().counts().hits - before.hits;
            if hits == 1 {
                let request = row.world.requests().get(event.arg).expect("it is on its way back");
                let newest = row.store().records.get(&request.key).map(|record| record.0);
                counted += u64::from(newest.is_some_and(|newest| newest > request.stamp));
            }
            assert!(hits <= 1);
            assert_eq!(row.cache().counts().stale_hits, counted);
            let behind = |(key, (stamp, _)): &(&Key, &(Stamp, bool))| {
                row.cache().entry(**key).is_some_and(|entry| entry.stamp < *stamp)
            };
            let now = row.store().records.iter().filter(behind).count();
            assert_eq!(row.cache().diverged(row.world.truth()), now);
            diverged = diverged.max(now);
        }
        assert_eq!((counted > 0, diverged > 0), (stale, stale), "{pattern:?}");
        println!("{pattern:?}: {counted} stale hits, up to {diverged} behind");
    }
}

/// A store's answer is kept although a write overtook it; a write past the cache makes it forget.
#[test]
fn patterns_differ_in_what_a_write_leaves_behind() {
    let after_write = |pattern: Pattern| {
        let still = ClientsConfig { rate: 0.0, ..ClientsConfig::default() };
        let mut row =
            row(1, still, CacheConfig { pattern, ..CacheConfig::default() }, full_store());
        row.send(at_ms(100), "c", "k", Op::Read);
        row.send(at_ms(200), "c", "k", Op::Write);
        row.send(at_ms(300), "c", "k", Op::Read);
        let mut full = Full::default();
        row.run_until(at_ms(400), &mut full);
        let last = full.finished.last().expect("three requests").1;
        (last.stamp.commit, row.store().reads, row.cache().counts().hits)
    };
    assert_eq!(after_write(Pattern::WriteThrough), (1, 1, 1), "the new one, from the cache");
    assert_eq!(after_write(Pattern::WriteAround), (1, 2, 0), "the new one, from the store");
    assert_eq!(after_write(Pattern::ReadThrough), (0, 1, 1), "the old one, from the cache");
    // Promised under 1; the store has not been asked.
    assert_eq!(after_write(Pattern::WriteBehind), (1, 1, 1));
    assert_eq!(after_write(Pattern::CacheAside), (0, 0, 0), "it neither loads nor writes");
}

/// A write that waits leaves with its entry only once the store has been told.
#[test]
fn an_evicted_write_is_flushed_first_and_flushes_keep_their_order() {
    let still = ClientsConfig { rate: 0.0, ..ClientsConfig::default() };
    let config = CacheConfig {
        pattern: Pattern::WriteBehind,
        capacity: 1,
        flush_ms: 10_000.0,
        ..CacheConfig::default()
    };
    let mut row = row(1, still, config, full_store());
    row.send(at_ms(100), "c", "a", Op::Write);
    row.send(at_ms(200), "c", "b", Op::Write);
    row.run_until(at_ms(202), &mut Silent);
    assert_eq!((row.cache().dirty(), row.store().writes.len()), (1, 0));
    row.run_until(at_ms(300), &mut Silent);
    assert_eq!((row.cache().dirty(), row.store().writes.len()), (1, 1), "a went to the store");
    row.send(at_ms(400), "c", "b", Op::Write);
    row.send(at_ms(500), "c", "b", Op::Delete);
    row.send(at_ms(600), "c", "b", Op::Read);
    let mut full = Full::default();
    row.run_until(at_ms(700), &mut full);
    assert_eq!(
        full.finished.last().map(|(_, r)| (r.op, r.found)),
        Some((Op::Read, Found::Nothing))
    );
    row.run_until(at_ms(20_000), &mut Silent);
    assert_eq!((row.cache().dirty(), row.store().writes.len()), (0, 2), "three writes, one flush");
    let b = row.store().writes[1].0;
    assert!(row.store().records[&b].1, "the last was a deletion");
    assert_eq!(row.cache().lost_writes(), 0);
}

/// Acknowledged writes by key, last of each.
#[derive(Default)]
struct Acked {
    last: BTreeMap<Key, Stamp>,
    all: u64,
}

impl Sink for Acked {
    fn wants(&self, _request: &Request) -> bool {
        false
    }

    fn finished(&mut self, _now: Time, request: &Request) {
        if request.op.changes() && request.outcome == Outcome::Done {
            self.last.insert(request.key, request.stamp);
            self.all += 1;
        }
    }
}

#[test]
fn a_crash_of_a_write_behind_cache_loses_exactly_what_waited_and_says_so() {
    let mix = ClientsConfig { rate: 200.0, keys: 50, writes: 30.0, ..ClientsConfig::default() };
    let config = CacheConfig { pattern: Pattern::WriteBehind, ..CacheConfig::default() };
    let mut row = row(51, mix, config, full_store());
    row.plan(at_ms(3_700), "cache", Signal::Crash);
    row.plan(at_ms(4_000), "cache", Signal::Restart);
    let mut acked = Acked::default();
    row.run_until(Time::from_ns(at_ms(3_700).ns() - 1), &mut acked);
    let keys = (0..50).map(Key::numbered);
    let dirty: Vec<Key> = keys.filter(|key| row.cache().is_dirty(*key)).collect();
    assert!(dirty.len() > 10 && row.cache().lost_writes() == 0);
    row.run_until(at_ms(3_700), &mut acked);
    let lost: Vec<(Key, Stamp)> = row.cache().lost().map(|lost| (lost.key, lost.stamp)).collect();
    assert_eq!(lost.iter().map(|(key, _)| *key).collect::<Vec<_>>(), dirty);
    assert_eq!((row.cache().lost_writes(), row.cache().in_doubt()), (dirty.len() as u64, 0));
    assert_eq!((row.cache().entries(), row.cache().dirty()), (0, 0));
    for (key, stamp) in &lost {
        assert!(row.store().writes.iter().all(|(_, commit)| commit.by != stamp.by), "{key:?}");
    }
    // What was acknowledged last and is not listed, the store has.
    row.run_until(at_ms(3_999), &mut acked);
    for (key, stamp) in &acked.last {
        let listed = lost.iter().any(|(lost, _)| lost == key);
        let stored = row.store().records.get(key).is_some_and(|record| record.0.by == stamp.by);
        assert!(listed != stored, "{key:?} {stamp:?}");
    }
    // The judge finds the lost ones when they are read, and nothing else.
    row.run_until(at_ms(20_000), &mut acked);
    let switchyard::node::AnyNode::Clients(crowd) = row.node("c") else { panic!("clients") };
    assert!(crowd.judge().count(Violation::StaleRead) > 0);
    for finding in crowd.judge().findings().filter(|f| f.violation == Violation::StaleRead) {
        assert!(lost.contains(&(finding.key, finding.first.stamp)), "{finding:?} of {lost:?}");
    }
}

#[test]
fn a_write_behind_cache_that_does_not_crash_is_consistent_for_its_readers() {
    let mix =
        ClientsConfig { rate: 300.0, keys: 30, writes: 30.0, deletes: 5.0, ..Default::default() };
    for capacity in [100, 5] {
        let config = CacheConfig {
            pattern: Pattern::WriteBehind,
            capacity,
            flush_ms: 300.0,
            ttl_ms: 200.0,
            ..CacheConfig::default()
        };
        let mut row = row(52, mix.clone(), config, full_store());
        row.run_until(at_ms(20_000), &mut Silent);
        let switchyard::node::AnyNode::Clients(crowd) = row.node("c") else { panic!("clients") };
        for violation in Violation::ALL {
            assert_eq!(crowd.judge().count(violation), 0, "{violation:?} with {capacity} entries");
        }
        assert!(crowd.judge().judged() > 3_000 && row.store().writes.len() > 500);
    }
}

/// A store that takes no writes: tried eight times, then listed.
#[test]
fn a_flush_that_keeps_failing_is_given_up_and_listed() {
    let still = ClientsConfig { rate: 0.0, ..ClientsConfig::default() };
    let config = CacheConfig { pattern: Pattern::WriteBehind, ..CacheConfig::default() };
    let mut row = row(1, still, config, Store { refuses: true, ..full_store() });
    row.send(at_ms(100), "c", "k", Op::Write);
    row.run_until(at_ms(8_000), &mut Silent);
    assert_eq!((row.cache().dirty(), row.cache().lost_writes()), (1, 0));
    row.run_until(at_ms(9_000), &mut Silent);
    assert_eq!((row.cache().dirty(), row.cache().lost_writes()), (0, 1));
    assert_eq!(row.cache().counts().written, 8);
    assert_eq!(row.world.next_event(), None, "it does not try for ever");
}

/// 'Set fails': readers do not notice, a writer hears of it although the store has the value.
#[test]
fn while_it_refuses_writes_the_store_goes_ahead_without_it() {
    let still = ClientsConfig { rate: 0.0, ..ClientsConfig::default() };
    let mut row = row(1, still, CacheConfig::default(), full_store());
    row.send(at_ms(100), "c", "k", Op::Read);
    row.plan(at_ms(200), "cache", Signal::RefuseWrites(true));
    row.send(at_ms(300), "c", "k", Op::Write);
    row.send(at_ms(400), "c", "other", Op::Read);
    row.plan(at_ms(500), "cache", Signal::RefuseWrites(false));
    row.send(at_ms(600), "c", "k", Op::Read);
    let mut full = Full::default();
    row.run_until(at_ms(1_000), &mut full);
    let ended: Vec<(bool, u32)> =
        full.finished.iter().map(|(_, r)| (r.outcome == Outcome::Done, r.stamp.commit)).collect();
    assert_eq!(ended, [(true, 0), (false, 1), (true, 0), (true, 0)]);
    assert_eq!(row.store().writes.len(), 1);
    let counts = row.cache().counts();
    assert_eq!((counts.refused, counts.stale_hits, row.cache().entries()), (2, 1, 1));
    assert_eq!(row.cache().diverged(row.world.truth()), 1);
}

// ===== staying fresh =====

/// Reads of one hot key, the store slow: how often each way makes somebody wait.
#[test]
fn refreshing_ahead_and_revalidating_keep_readers_from_waiting() {
    let misses = |change: fn(&mut CacheConfig)| {
        let crowd = ClientsConfig { rate: 100.0, keys: 1, ..ClientsConfig::default() };
        let mut config = CacheConfig { ttl_ms: 1_000.0, ..CacheConfig::default() };
        change(&mut config);
        let slow = Store { delays: vec![Span::from_millis(100)], ..full_store() };
        let mut row = row(61, crowd, config, slow);
        row.run_until(at_ms(30_000), &mut Silent);
        (row.cache().counts().misses, *row.cache().counts())
    };
    let (plain, _) = misses(|_| {});
    let (single, _) = misses(|c| c.single_flight = true);
    let (ahead, counts) = misses(|c| c.pattern = Pattern::RefreshAhead);
    assert!(plain > 200 && single > 200, "{plain} and {single} in 27 lives");
    assert!(ahead < 20 && counts.refreshes > 25, "{ahead}: only those of the beginning");
    let (stale, counts) = misses(|c| c.revalidate_ms = 500.0);
    assert!(stale < 20 && counts.over_hits > 200, "{stale}: only those of the beginning");
    assert!((25..=28).contains(&counts.refreshes), "one load for each end: {}", counts.refreshes);
}

#[test]
fn what_is_not_there_is_remembered_if_wanted() {
    let reads = |negative_ms: f64| {
        let crowd = ClientsConfig { rate: 100.0, keys: 3, ..ClientsConfig::default() };
        let config = CacheConfig { negative_ms, ..CacheConfig::default() };
        let mut row = row(71, crowd, config, Store { full: false, ..full_store() });
        row.run_until(at_ms(10_000), &mut Silent);
        row.store().reads
    };
    let (penetrated, remembered) = (reads(0.0), reads(1_000.0));
    assert!(penetrated > 900, "every read reaches the store");
    assert!((20..60).contains(&remembered), "{remembered}: about one a second and key");
}

// ===== words =====

#[test]
fn reasons_can_be_redone_on_paper() {
    let still = ClientsConfig { rate: 0.0, ..ClientsConfig::default() };
    let config = CacheConfig { capacity: 1, ..CacheConfig::default() };
    let mut row = row(1, still, config, full_store());
    for (ms, key) in [(1_000, "a"), (2_200, "a"), (3_000, "b"), (4_000, "a"), (10_000, "a")] {
        row.send(at_ms(ms), "c", key, Op::Read);
    }
    let mut full = Full::default();
    row.run_until(at_ms(11_000), &mut full);
    let of_cache = full.decisions.iter().map(|(request, d)| {
        let lines: Vec<String> =
            d.why.lines.iter().map(|line| format!("{} {}", line.subject, line.numbers)).collect();
        (*request, format!("{} | {} | {}", d.why.title, lines.join("; "), d.why.sentence))
    });
    let said: Vec<(u64, String)> = of_cache.collect();
    let expected = [
        (1, "cache did not have a | a never here | The store is asked."),
        (1, "cache keeps a |  | It may stay for 5.00 s."),
        (
            2,
            "cache had a | a in at 1.010 s, now 2.203 s: 1.19 s; version 0 | \
             a has been here for 1.19 s of 5.00 s.",
        ),
        (3, "cache did not have b | b never here | The store is asked."),
        (
            3,
            "cache evicted a for b | a place 1 of 1 by last request | \
             a left for b. Of all 1 entries it was asked for longest ago.",
        ),
        (4, "cache did not have a | a evicted for b 993 ms ago | The store is asked."),
        (
            4,
            "cache evicted b for a | b place 1 of 1 by last request | \
             b left for a. Of all 1 entries it was asked for longest ago.",
        ),
        (5, "cache did not have a | a expired 993 ms ago | The store is asked."),
        (5, "cache keeps a |  | It may stay for 5.00 s."),
    ];
    let expected: Vec<(u64, String)> =
        expected.iter().map(|(request, words)| (*request, (*words).to_owned())).collect();
    assert_eq!(said, expected);
}
