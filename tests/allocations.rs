//! Memory: no allocation per event in steady state, little per request in flight, and little for
//! reading a link, whoever wrote it.
//!
//! Counted by an allocator of its own. That is the one thing for which Rust asks for `unsafe`: the
//! trait cannot be implemented without. It passes every call on to the system's allocator.
#![allow(unsafe_code, reason = "an allocator cannot be written without")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use switchyard::node::Value;
use switchyard::policy::Knobs;
use switchyard::policy::evict::expiry::{Expiring, Lifetime};
use switchyard::policy::evict::{self, Eviction as _};
use switchyard::scenario::Scenario;
use switchyard::scenario::build::{Run, build};
use switchyard::scenario::link::{ENCODED_MAX, decode, encode};
use switchyard::sim::{Request, Rng, Silent, Span, Time, Why};

use common::{balancer, link, lossy, one_by_one, poisson, presets, scenario, steady, trio};

// ===== the counting allocator =====

/// What this thread has asked for. Tests run side by side, each in a thread of its own.
#[derive(Clone, Copy)]
struct Asked {
    times: u64,
    live: isize,
    peak: isize,
}

thread_local! {
    static ASKED: Cell<Asked> = const { Cell::new(Asked { times: 0, live: 0, peak: 0 }) };
}

fn note(times: u64, bytes: isize) {
    // A thread that is ending has no counter any more, and nobody who would read it.
    let _ = ASKED.try_with(|asked| {
        let Asked { times: before, live, peak } = asked.get();
        let live = live + bytes;
        asked.set(Asked { times: before + times, live, peak: peak.max(live) });
    });
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: every call goes to the system's allocator with the arguments it came with.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size().cast_signed());
        // SAFETY: the caller keeps to the contract of `alloc`, which is the same there.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note(0, -layout.size().cast_signed());
        // SAFETY: the pointer came from `alloc` above, that is, from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(1, size.cast_signed() - layout.size().cast_signed());
        // SAFETY: as for `dealloc`; the caller keeps to the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// What `work` asks for: how often, how many bytes it keeps, and how many it has at most.
fn asked<T>(work: impl FnOnce() -> T) -> (T, Asked) {
    let before = ASKED.get();
    ASKED.set(Asked { peak: before.live, ..before });
    let result = work();
    let after = ASKED.get();
    let peak = after.peak - before.live;
    (result, Asked { times: after.times - before.times, live: after.live - before.live, peak })
}

/// Straight to the terminal, because the test harness swallows what a passing test prints.
fn say(line: &str) {
    writeln!(io::stdout().lock(), "{line}").expect("the terminal takes text");
}

#[test]
fn the_allocator_counts() {
    let (kept, counted) = asked(|| {
        drop(std::hint::black_box(vec![0u8; 5_000]));
        std::hint::black_box(vec![0u8; 1_000])
    });
    assert_eq!((counted.times, counted.live, counted.peak), (2, 1_000, 5_000));
    drop(kept);
}

// ===== caches =====

/// A stream of keys may be of any length: what a cache takes depends on its entries and on the keys
/// that its policy remembers beside them, and a deadline for each entry.
#[test]
fn a_cache_takes_no_more_for_a_longer_stream() {
    const ENTRIES: usize = 100;
    const BYTES_EACH: usize = 300;
    const LIFE: Lifetime = Lifetime { ttl: Span::from_millis(50), jitter: 0.1, active: true };
    for entry in evict::CATALOGUE {
        let policy = (entry.make)(Knobs::DEFAULTS, ENTRIES).expect("100 entries fit");
        let mut ghosts = 0;
        let (_kept, taken) = asked(|| {
            let (mut cache, mut rng) = (Expiring::new(policy, LIFE), Rng::from_seed(1));
            for turn in 0..300_000u64 {
                cache.tick(Time::from_ns(turn * 1_000_000), &mut rng);
                cache.access(turn, &mut rng, &mut Why::off());
                ghosts = ghosts.max(cache.ghosts());
            }
            cache
        });
        let most = (BYTES_EACH * (ENTRIES + ghosts)).cast_signed();
        assert!(taken.peak <= most, "{}: {} bytes, {ghosts} ghosts", entry.key, taken.peak);
    }
}

// ===== events =====

fn many(run: &mut Run, events: u64) {
    assert_eq!(run.run_until(Time::MAX, events, &mut Silent).events, events, "it has ended");
}

#[test]
fn no_event_allocates_once_the_run_is_warm() {
    const EVENTS: u64 = 1_000_000;
    let queue = |rate| {
        let nodes = vec![poisson("c", rate), balancer("lb", "round_robin"), steady("s", 10.0)];
        scenario(1, nodes, vec![link("c", "lb", 1.0), link("lb", "s", 1.0)])
    };
    let mut failing = trio(1, 200.0);
    failing.links[1].loss = 0.2;
    let nodes = vec![one_by_one("c", 0), balancer("lb", "smooth_weighted"), steady("s", 1.0)];
    let wires = vec![lossy("c", "lb", 0.0, 0.1), link("lb", "s", 0.0)];
    let mut sick = queue(90.0);
    sick.nodes[2].kind.set("healthy", Value::Switch(false)).expect("allowed");
    let cases = [
        ("clients, link, balancer, link, server at load 0.9", queue(90.0)),
        ("more than the server can take", queue(150.0)),
        ("three servers, weighted, full queues, losses", failing),
        ("one after another", scenario(1, nodes, wires)),
        ("nobody healthy", sick),
    ];
    for (name, scenario) in cases {
        scenario.check().expect("a valid scenario");
        let mut run = build(&scenario);
        many(&mut run, EVENTS);
        let ((), counted) = asked(|| many(&mut run, EVENTS));
        say(&format!("{name}: {} allocations in {EVENTS} events", counted.times));
        assert_eq!((counted.times, counted.live), (0, 0), "{name}");
        assert!(run.tally().sent > EVENTS / 10 && run.conserved(), "{name}");
    }
}

// ===== requests =====

#[test]
fn a_request_in_flight_takes_less_than_two_hundred_bytes() {
    say(&format!("size of a request: {} bytes", size_of::<Request>()));
    let flood =
        scenario(1, vec![poisson("c", 1e5), steady("s", 1_000.0)], vec![link("c", "s", 60_000.0)]);
    let mut run = build(&flood);
    let mut kept = 0;
    // Just after a table has grown it is half empty: the worst count lies between powers of two.
    for count in [70_000, 100_000, 140_000, 200_000, 270_000] {
        let more = count - run.requests().len() as u64;
        let ((), counted) = asked(|| many(&mut run, more));
        kept += counted.live;
        assert_eq!(run.requests().len() as u64, count);
        let each = kept as f64 / count as f64;
        say(&format!("{count} requests in flight: {each:.0} bytes each"));
        assert!(each < 200.0, "{each} bytes each with {count} in flight");
    }
}

#[test]
fn stays_and_events_are_small() {
    assert!(size_of::<Request>() <= 104, "{}", size_of::<Request>());
    assert_eq!(size_of::<switchyard::sim::Event>(), 8);
}

// ===== links =====

#[test]
fn reading_a_link_takes_less_than_four_megabytes() {
    const MOST: isize = 4 * 1024 * 1024;
    let mut texts: Vec<String> = presets().map(|(_, scenario)| encode(&scenario)).collect();
    texts.push("A".repeat(10_000_000));
    texts.push(format!("1.{}", "A".repeat(ENCODED_MAX - 2)));
    // Up to the limit: zeros; a list of empty nodes; lists that claim to be long.
    for body in [
        vec![0; 40_000_000],
        vec![0; 256 * 1024],
        [vec![0, 0, 1, 0, 2, 0xff, 0xff, 0x0f], vec![0; 250_000]].concat(),
        [vec![0, 0, 1, 0, 2, 0, 0xff, 0xff, 0x0f], vec![0; 250_000]].concat(),
        [vec![0, 0, 1, 0, 2], vec![0xff; 9], vec![0x01; 1_000]].concat(),
        [vec![0xff, 0xff, 0x0f], vec![b'x'; 250_000]].concat(),
    ] {
        let stored = miniz_oxide::deflate::compress_to_vec(&body, 10);
        let mut bytes = vec![1];
        bytes.extend(crc32fast::hash(&stored).to_le_bytes());
        bytes.extend(stored);
        texts.push(format!("1.{}", URL_SAFE_NO_PAD.encode(bytes)));
    }
    let mut most = 0;
    for text in texts {
        let (read, counted) = asked(|| decode(&text));
        let head: String = text.chars().take(40).collect();
        assert!(counted.peak < MOST, "{} bytes for {head}...: {read:?}", counted.peak);
        most = most.max(counted.peak);
    }
    say(&format!("reading a link takes {most} bytes at most"));
    assert!(most > 100_000, "nothing large was read");
    assert_eq!(decode(&encode(&Scenario::default())), Ok(Scenario::default()));
}
