//! How fast the engine is natively: `cargo bench`. BENCHMARKS.md says what each row means.
//!
//! The machine may be busy with other things, and those only ever add to a time. So everything is
//! measured in many slices, all about equally long and too short to be interrupted often, in
//! alternation with the yardstick; the fastest slice counts, on both sides of a ratio. What a person
//! waits for is given as a median. The bench judges nothing: it has no floors.
#![allow(unsafe_code, reason = "an allocator that counts cannot be written without")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a bench reads the clock")]

mod shared;

use std::hint::black_box;
use std::time::Instant;

use shared::counting::Counting;
use shared::systems::{self, Done, LOAD, SYSTEMS, System};
use switchyard::scenario::build::{self, Run};
use switchyard::session::Series;
use switchyard::sim::{Full, Request, Silent, Sink, Time};
use switchyard::stats::theory;

#[global_allocator]
static COUNTING: Counting = Counting::new();

/// Slices of each system.
const ROUNDS: usize = 101;
/// How long a slice is, about.
const SLICE_SECONDS: f64 = 0.002;
/// Customers in a slice whose length is not adapted.
const SLICE: u64 = 10_000;
/// Customers before it counts: queues and tables have found their size.
const WARM_UP: u64 = 200_000;

fn main() {
    println!("# The engine, natively\n");
    theory_holds();
    speed();
    sinks();
    sizes();
    session();
    memory();
}

/// A fast engine that is wrong is of no use: the mean response against the formula.
fn theory_holds() {
    for (name, cores) in [("hand 1", 1), ("hand 4", 4), ("M/M/1", 1), ("M/M/4", 4)] {
        let expected = theory::mmc_response(cores, LOAD);
        let got = (system(name).run)(2_000_000).response;
        println!("{name}: mean response {got:.3} service times, by formula {expected:.3}");
        assert!((got / expected - 1.0).abs() < 0.06, "{name} does not do what the formula says");
    }
}

/// Customers per second and cost per event, against the yardstick.
fn speed() {
    println!(
        "\n| system | customers/s | events each | ns/event | its events over the hand loop's | \
         of the hand loop, same c |"
    );
    println!("|---|---:|---:|---:|---:|---:|");
    let measured: Vec<&System> = SYSTEMS.iter().filter(|system| system.rate).collect();
    let fastest = alternate(&measured);
    for (place, system) in measured.iter().enumerate() {
        let hand = if system.name.contains('4') { "hand 4" } else { "hand 1" };
        let base = measured.iter().position(|s| s.name == hand).unwrap_or(place);
        let done = (system.run)(SLICE);
        let each = done.events as f64 / done.customers as f64;
        let (ns, ratio) = (fastest[place] * 1e9, fastest[base] / fastest[place]);
        // The hand loop takes two events for a customer.
        let over = ns / each / (fastest[base] * 1e9 / 2.0);
        println!(
            "| {} | {:.2} M | {each:.1} | {:.1} | {over:.2} | {ratio:.2} |",
            system.name,
            1e3 / ns,
            ns / each
        );
    }
}

/// Seconds for a customer in the fastest slice, system by system.
fn alternate(measured: &[&System]) -> Vec<f64> {
    let once = |system: &System, customers| time(|| (system.run)(customers)).0 / customers as f64;
    let first = measured.iter().map(|s| once(s, SLICE).min(once(s, SLICE)));
    let slices: Vec<u64> = first.map(|seconds| (SLICE_SECONDS / seconds) as u64).collect();
    let mut fastest = vec![f64::MAX; measured.len()];
    for _ in 0..ROUNDS {
        for (place, system) in measured.iter().enumerate() {
            fastest[place] = fastest[place].min(once(system, slices[place]));
        }
    }
    fastest
}

/// What it costs that somebody looks.
fn sinks() {
    println!("\n| M/M/1, 1 ms links, recorded by | ns/event | of silent |");
    println!("|---|---:|---:|");
    let mut fastest = [f64::MAX; 3];
    for _ in 0..ROUNDS {
        fastest[0] = fastest[0].min(per_event(warm_chain(), &mut Silent));
        fastest[1] = fastest[1].min(per_event(warm_chain(), &mut Series::default()));
        fastest[2] = fastest[2].min(per_event(warm_chain(), &mut Full::default()));
    }
    let names = ["nobody (silent)", "the page's charts (series)", "everything about all (full)"];
    for (name, seconds) in names.iter().zip(fastest) {
        println!("| {name} | {:.1} | {:.2} |", seconds * 1e9, seconds / fastest[0]);
    }
}

fn warm_chain() -> Run {
    let mut run = build::build(&systems::chain(1, 1, 1.0));
    systems::run_customers(&mut run, SLICE, &mut Silent);
    run
}

fn per_event<S: Sink>(mut run: Run, sink: &mut S) -> f64 {
    let (seconds, done) = time(|| systems::run_customers(&mut run, SLICE, sink));
    seconds / done.events as f64
}

/// Cost per event as the system grows.
fn sizes() {
    println!("\n| nodes | ns/event | of 10 nodes |");
    println!("|---:|---:|---:|");
    let counts = [1, 10, 50];
    let mut runs = counts.map(|groups| build::build(&systems::groups(groups)));
    for run in &mut runs {
        run.run_until(Time::MAX, 6 * WARM_UP, &mut Silent);
    }
    let mut fastest = [f64::MAX; 3];
    let events = 6 * SLICE;
    for _ in 0..ROUNDS {
        for (run, fastest) in runs.iter_mut().zip(&mut fastest) {
            let seconds = time(|| run.run_until(Time::MAX, events, &mut Silent)).0;
            *fastest = fastest.min(seconds / events as f64);
        }
    }
    for (groups, seconds) in counts.iter().zip(fastest) {
        println!("| {} | {:.1} | {:.2} |", groups * 10, seconds * 1e9, seconds / fastest[0]);
    }
}

/// What a person waits for.
fn session() {
    const SEEKS: u64 = 400;
    let mut minutes: Vec<f64> = Vec::new();
    let mut events = 0;
    for _ in 0..9 {
        let (seconds, session) = time(|| systems::minute(systems::MINUTE_RATE));
        events = session.run().events();
        minutes.push(seconds);
    }
    let mut session = systems::minute(1_000.0);
    let mut seek = |number| time(|| session.seek(systems::instant(number))).0;
    let mut seeks: Vec<f64> = (0..SEEKS).map(&mut seek).collect();
    seeks.sort_by(f64::total_cmp);
    println!("\n| what a person waits for | ms |");
    println!("|---|---:|");
    let minute = median(&minutes) * 1e3;
    println!("| a minute of {events} events to its end, with charts and snapshots | {minute:.1} |");
    println!(
        "| seek in 60 s at 1,000 requests/s, median of {SEEKS} | {:.2} |",
        median(&seeks) * 1e3
    );
    println!("| the same, slowest | {:.2} |", seeks[seeks.len() - 1] * 1e3);
}

/// Allocations in steady state, and bytes for each request in flight.
fn memory() {
    let mut run = build::build(&systems::chain(1, 1, 1.0));
    systems::run_customers(&mut run, 10 * WARM_UP, &mut Silent);
    let before = COUNTING.times();
    let done: Done = systems::run_customers(&mut run, WARM_UP, &mut Silent);
    let allocations = COUNTING.times() - before;
    // A server that is too slow by far: everything sent is in flight.
    let empty = COUNTING.live();
    let run = black_box(systems::flood(100_000));
    let each = (COUNTING.live() - empty) / run.requests().len() as i64;
    println!("\n| memory | |");
    println!("|---|---:|");
    println!("| allocations in {} events, in steady state | {allocations} |", done.events);
    println!("| bytes of a request | {} |", size_of::<Request>());
    println!("| bytes held for each of {} requests in flight | {each} |", run.requests().len());
}

fn system(name: &str) -> &'static System {
    SYSTEMS.iter().find(|system| system.name == name).expect("the bench names its own systems")
}

fn time<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let began = Instant::now();
    let done = black_box(work());
    (began.elapsed().as_secs_f64(), done)
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
