//! What one decision costs: every balancing strategy and every placement, at 8, 64 and 512 nodes.
//!
//! `cargo bench --bench policies` prints nanoseconds per decision (medians of five) and how the cost
//! grows from 8 to 512: about 1 is constant time. The last line compares decisions that nobody looks
//! at with decisions whose reasons are written.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a bench reads the clock")]

use std::hint::black_box;
use std::time::Instant;

use switchyard::policy::Knobs;
use switchyard::policy::balance::{self, Answer, Ask, Backend, Pick};
use switchyard::policy::place::{self, Shard};
use switchyard::sim::{Rng, Span, Time, Why};

const SIZES: [usize; 3] = [8, 64, 512];
const ROUNDS: usize = 5;
/// Each measurement takes about this long, so that slow algorithms are not measured for minutes.
const BUDGET_NS: u128 = 20_000_000;

fn main() {
    println!("{:<30} {:>8} {:>8} {:>8} {:>9}", "balance, ns per decision", 8, 64, 512, "512 / 8");
    for entry in balance::CATALOGUE {
        row(entry.key, SIZES.map(|n| balanced(entry, n, false)));
    }
    println!("\n{:<30} {:>8} {:>8} {:>8} {:>9}", "place, ns per key", 8, 64, 512, "512 / 8");
    for entry in place::CATALOGUE {
        let costs = SIZES.map(|n| placed(entry, n));
        match costs.iter().all(Option::is_some) {
            true => row(entry.key, costs.map(|cost| cost.unwrap_or(0.0))),
            false => println!("{:<30} cannot have 512", entry.key),
        }
    }
    let entry = balance::find("smooth_weighted").expect("it is in the catalogue");
    let (unseen, seen) = (balanced(entry, 8, false), balanced(entry, 8, true));
    println!("\nsmooth_weighted at 8 with its reasons written: {:.0} times as long", seen / unseen);
}

fn row(key: &str, [small, middle, large]: [f64; 3]) {
    let growth = large / small;
    println!("{key:<30} {small:>8.0} {middle:>8.0} {large:>8.0} {growth:>9.1}");
}

/// The median over rounds of the time that one call of `once` takes, in nanoseconds.
fn median(mut once: impl FnMut(u64)) -> f64 {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let (begun, mut calls) = (Instant::now(), 0u64);
        while begun.elapsed().as_nanos() < BUDGET_NS {
            for _ in 0..64 {
                once(calls);
                calls += 1;
            }
        }
        times.push(begun.elapsed().as_nanos() as f64 / calls as f64);
    }
    times.sort_by(f64::total_cmp);
    times[ROUNDS / 2]
}

/// A pick, the news that it was sent, and the news that the oldest of 2n came back.
fn balanced(entry: &balance::Entry, n: usize, seen: bool) -> f64 {
    let mut policy = (entry.make)(Knobs::DEFAULTS);
    let mut list: Vec<Backend> = Vec::new();
    for place in 0..n {
        let name = format!("10.0.{}.{}:80", place / 250, place % 250 + 1);
        list.push(Backend::new(place as u32 + 1, &name, place as i64 % 3 + 1));
        policy.added(&list);
    }
    let mut rng = Rng::from_seed(1);
    let mut under_way = std::collections::VecDeque::new();
    let mut key = String::new();
    median(|call| {
        let now = Time::ZERO + Span::from_ns(call * 1_000_000);
        key.clear();
        key.push_str("user:");
        key.push(char::from(b'a' + (call % 26) as u8));
        key.push(char::from(b'a' + (call / 26 % 26) as u8));
        let client =
            std::net::Ipv4Addr::from_bits(0x0a00_0000 + (call as u32 % 5_000) * 256).into();
        let ask = Ask { now, key: Some(key.as_bytes()), client, tried: &[] };
        let mut why = if seen { Why::on() } else { Why::off() };
        if let Pick::Backend(place) = policy.pick(&ask, &list, &mut rng, &mut why) {
            list[place].in_flight += 1;
            policy.sent(place, &list);
            under_way.push_back(place);
        }
        black_box(&why);
        if under_way.len() > 2 * n
            && let Some(place) = under_way.pop_front()
        {
            list[place].in_flight -= 1;
            let answer = Answer { now, took: Span::from_millis(20), ok: true };
            policy.answered(place, &answer, &list);
        }
    })
}

fn placed(entry: &place::Entry, n: usize) -> Option<f64> {
    let shard = |place: usize| Shard::new(&format!("10.0.0.{place}:6379"), 1);
    let shards: Vec<Shard> = (1..=n).map(shard).collect();
    let placement = (entry.make)(Knobs::DEFAULTS, &shards).ok()?;
    let keys: Vec<String> = (0..1_024).map(|n| format!("user:{n}")).collect();
    Some(median(|call| {
        let key = keys[call as usize % keys.len()].as_bytes();
        black_box(placement.owner(key, &mut Why::off()));
    }))
}
