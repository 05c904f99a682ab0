//! How fast the eviction policies are natively, on a stream with Zipf popularity.
//!
//! `cargo bench --bench evict` prints a table. `node benches/evict.mjs` runs it against libCacheSim,
//! with `-- --json` for one round as JSON and `-- --trace FILE` to write the stream for the peer.
//!
//! The stream: five million requests for a million keys, key i with a weight of floor(10^9 / i),
//! drawn by SplitMix64 with seed 42. Policies are called as the program calls them, through
//! `Box<dyn Eviction>`; times are the median of three.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a bench reads the clock")]

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::time::Instant;

use serde_json::json;
use switchyard::policy::Knobs;
use switchyard::policy::evict::{CATALOGUE, Entry};
use switchyard::sim::{Rng, Why};

const REQUESTS: usize = 5_000_000;
const KEYS: u64 = 1_000_000;
const CAPACITIES: [usize; 2] = [10_000, 100_000];
const ROUNDS: usize = 3;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let stream = zipf();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--trace", path] => write_trace(path, &stream).expect("the trace can be written"),
        ["--json", wanted @ ..] => print_json(&stream, wanted),
        _ => print_table(&stream),
    }
}

/// The stream, keys from 1.
fn zipf() -> Vec<u64> {
    let mut sum = 0;
    let add = |key| {
        sum += 1_000_000_000 / key;
        sum
    };
    let cumulated: Vec<u64> = (1..=KEYS).map(add).collect();
    let mut state = 42u64;
    let mut draw = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let number = (z ^ (z >> 31)) % sum;
        cumulated.partition_point(|&upto| upto <= number) as u64 + 1
    };
    (0..REQUESTS).map(|_| draw()).collect()
}

/// One run: seconds, and the share of misses.
fn run(entry: &Entry, capacity: usize, stream: &[u64]) -> (f64, f64) {
    let mut policy = (entry.make)(Knobs::DEFAULTS, capacity).expect("the capacity is possible");
    let (mut rng, mut why, mut misses) = (Rng::from_seed(1), Why::off(), 0u32);
    let start = Instant::now();
    for &key in stream {
        misses += u32::from(!policy.access(key, &mut rng, &mut why).is_hit());
    }
    let seconds = start.elapsed().as_secs_f64();
    (seconds, f64::from(misses) / stream.len() as f64)
}

fn print_table(stream: &[u64]) {
    println!("| policy | entries | requests/s | misses |");
    println!("|---|---:|---:|---:|");
    for entry in CATALOGUE {
        for capacity in CAPACITIES {
            let mut times = [0.0; ROUNDS];
            let mut misses = 0.0;
            for time in &mut times {
                (*time, misses) = run(entry, capacity, stream);
            }
            times.sort_by(f64::total_cmp);
            let rate = REQUESTS as f64 / times[ROUNDS / 2] / 1e6;
            println!("| {} | {capacity} | {rate:.1} M | {misses:.4} |", entry.name);
        }
    }
}

/// One round of the policies wanted, as a list.
fn print_json(stream: &[u64], wanted: &[&str]) {
    let mut rows = Vec::new();
    for entry in CATALOGUE.iter().filter(|entry| wanted.contains(&entry.key)) {
        for capacity in CAPACITIES {
            let (seconds, misses) = run(entry, capacity, stream);
            rows.push(json!({
                "policy": entry.key, "capacity": capacity, "seconds": seconds, "misses": misses,
            }));
        }
    }
    println!("{}", json!(rows));
}

/// In the peer's own binary format (oracleGeneral): time, key, size, next access; little-endian.
fn write_trace(path: &str, stream: &[u64]) -> std::io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    for (turn, key) in (0u32..).zip(stream) {
        out.write_all(&turn.to_le_bytes())?;
        out.write_all(&key.to_le_bytes())?;
        out.write_all(&1u32.to_le_bytes())?;
        out.write_all(&(-1i64).to_le_bytes())?;
    }
    out.flush()
}
