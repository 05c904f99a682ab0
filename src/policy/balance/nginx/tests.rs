//! What the methods share, step by step: failures, limits, backups, a lone server.

use super::*;
use crate::sim::{Span, Time};

/// An upstream with its list, kept as a balancer would.
struct Bench {
    policy: Box<dyn Balancer>,
    list: Vec<Backend>,
    now: Time,
}

impl Bench {
    fn new(policy: Box<dyn Balancer>, list: Vec<Backend>) -> Bench {
        let mut bench = Bench { policy, list, now: Time::ZERO };
        for joined in 1..=bench.list.len() {
            bench.policy.added(&bench.list[..joined]);
        }
        bench
    }

    fn of<M: Method + Default + 'static>(weights: &[i64]) -> Bench {
        let backend = |(place, &weight): (usize, &i64)| {
            Backend::new(place as u32 + 1, ["a", "b", "c", "d"][place], weight)
        };
        let list = weights.iter().enumerate().map(backend).collect();
        Bench::new(Box::new(Nginx::<M>::new(Vec::new(), Limits::default())), list)
    }

    fn pick(&mut self, tried: &[usize], why: &mut Why) -> Option<usize> {
        let ask = Ask { now: self.now, key: Some(b"user:1"), tried, ..Ask::NOTHING };
        match self.policy.pick(&ask, &self.list, &mut Rng::from_seed(5), why) {
            Pick::Backend(place) => Some(place),
            _ => None,
        }
    }

    /// Picks and answers at once; `-` when there is nobody.
    fn serve(&mut self, bad: &str) -> String {
        let Some(place) = self.pick(&[], &mut Why::off()) else { return "-".to_owned() };
        let name = self.list[place].name.to_string();
        let answer = Answer { now: self.now, took: Span::ZERO, ok: !bad.contains(&name) };
        self.policy.answered(place, &answer, &self.list);
        name
    }

    fn run(&mut self, n: usize, bad: &str) -> String {
        (0..n).map(|_| self.serve(bad)).collect()
    }
}

#[test]
fn five_one_one_is_spread_out() {
    let mut bench = Bench::of::<RoundRobin>(&[5, 1, 1]);
    assert_eq!(bench.run(14, ""), "aabacaaaabacaa");
    assert_eq!(bench.policy.memory(&bench.list, Time::ZERO), Memory::Weights(vec![0, 0, 0]));
}

#[test]
fn a_failure_takes_it_out_until_a_whole_second_after_the_time_out() {
    let mut bench = Bench::of::<RoundRobin>(&[1, 1]);
    bench.now = Time::ZERO + Span::from_millis(5_999);
    assert_eq!(bench.run(4, "a"), "abbb");
    // From second 5, ten more seconds; the clock shows 15 until just before 16.
    bench.now = Time::ZERO + Span::from_millis(15_999);
    assert_eq!(bench.run(2, "a"), "bb");
    // Then it takes part again, with a weight that was lowered to 0 and is raised by being looked
    // at; the one request that it gets fails, and the time begins again.
    bench.now = Time::ZERO + Span::from_millis(16_000);
    assert_eq!(bench.run(6, "a"), "bbabbb");
    bench.now = Time::ZERO + Span::from_millis(27_000);
    // On trial it answers, which clears its failures.
    assert_eq!(bench.run(8, ""), "bbababab");
}

#[test]
fn with_the_knobs_it_fails_later_and_is_back_sooner() {
    let served = |max_fails: f64, fail_timeout: f64| {
        let mut knobs = Knobs::default();
        knobs.set(KNOBS, "max_fails", max_fails).expect("in range");
        knobs.set(KNOBS, "fail_timeout", fail_timeout).expect("in range");
        let list = vec![Backend::new(1, "a", 1), Backend::new(2, "b", 1)];
        let mut bench = Bench::new((ROUND_ROBIN.make)(&knobs), list);
        let early = bench.run(6, "a");
        bench.now = Time::ZERO + Span::from_millis(3_000);
        early + &bench.run(3, "a")
    };
    assert_eq!(served(1.0, 10.0), "abbbbbbbb");
    assert_eq!(served(2.0, 10.0), "ababbbbbb");
    assert_eq!(served(0.0, 10.0), "ababababa");
    assert_eq!(served(1.0, 2.0), "abbbbbbba");
}

#[test]
fn a_failure_lowers_the_weight_and_looking_raises_it() {
    let mut bench = Bench::of::<RoundRobin>(&[4, 1]);
    let limits = Limits { max_fails: 2, fail_timeout_s: 10 };
    bench.policy = Box::new(Nginx::<RoundRobin>::new(vec![limits], limits));
    bench = Bench::new(bench.policy, bench.list);
    assert_eq!(bench.serve("a"), "a");
    let mut why = Why::on();
    bench.pick(&[], &mut why);
    assert_eq!(why.lines[0].numbers, "−1 + 2 = 1 (weight 4 lowered to 2)");
    let mut why = Why::on();
    bench.pick(&[], &mut why);
    assert!(why.lines[0].numbers.ends_with("(weight 4 lowered to 3)"), "{why:?}");
}

#[test]
fn a_full_server_is_passed_over_and_a_backup_is_the_last_resort() {
    let mut bench = Bench::of::<RoundRobin>(&[2, 1]);
    bench.list[0].in_flight_max = 2;
    bench.list[1].backup = true;
    let mut order = Vec::new();
    for _ in 0..4 {
        let place = bench.pick(&[], &mut Why::off()).expect("somebody");
        bench.list[place].in_flight += 1;
        order.push(place);
    }
    assert_eq!(order, [0, 0, 1, 1]);
    let mut why = Why::on();
    bench.list[1].healthy = false;
    assert_eq!(bench.pick(&[], &mut why), None);
    let rows: Vec<&str> = why.lines.iter().map(|line| line.numbers.as_str()).collect();
    assert_eq!(rows, ["2 of 2 in flight: full", "unhealthy: skipped"]);
    assert_eq!(why.sentence, "No live upstreams: none of the servers can take it (502).");
}

#[test]
fn a_lone_server_is_never_given_up() {
    let mut bench = Bench::of::<RoundRobin>(&[1]);
    assert_eq!(bench.run(4, "a"), "aaaa");
    assert_eq!(bench.pick(&[0], &mut Why::off()), None, "but not tried twice for one request");
}

#[test]
fn idle_servers_are_used_by_weight_and_busy_ones_by_connections() {
    let mut bench = Bench::of::<LeastConn>(&[3, 2, 1]);
    assert_eq!(bench.run(6, ""), "abacba");
    let mut held = String::new();
    for _ in 0..12 {
        let place = bench.pick(&[], &mut Why::off()).expect("somebody");
        bench.list[place].in_flight += 1;
        held.push_str(&bench.list[place].name);
    }
    assert_eq!(held, "abcababcaaba");
    let mut why = Why::on();
    bench.list[0].in_flight = 5;
    assert_eq!(bench.pick(&[], &mut why), Some(0));
    assert_eq!(why.sentence, "a has the fewest in flight for its weight.");
}

#[test]
fn a_retry_goes_on_where_the_first_try_stopped() {
    fn visits<M: Method + Default + 'static>() -> Vec<usize> {
        let mut bench = Bench::of::<M>(&[1, 2, 3, 4]);
        let mut tried = Vec::new();
        while let Some(place) = bench.pick(&tried, &mut Why::off()) {
            tried.push(place);
        }
        tried
    }
    let all = |mut tried: Vec<usize>| {
        tried.sort_unstable();
        assert_eq!(tried, [0, 1, 2, 3]);
    };
    all(visits::<RoundRobin>());
    all(visits::<LeastConn>());
    all(visits::<IpHash>());
    all(visits::<Hash>());
    all(visits::<HashConsistent>());
    all(visits::<Random>());
    all(visits::<RandomTwo>());
}

#[test]
fn servers_of_one_name_share_its_points() {
    let list = (1..=4).map(|id| Backend::new(id, "same:1", 1)).collect();
    let make = HASH_CONSISTENT.make;
    let mut bench = Bench::new(make(Knobs::DEFAULTS), list);
    let picks: Vec<Option<usize>> = (0..5).map(|_| bench.pick(&[], &mut Why::off())).collect();
    assert_eq!(picks, [0, 1, 2, 3, 0].map(Some));
}

#[test]
fn a_key_keeps_its_server_while_others_come_and_go() {
    let names = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"];
    let list: Vec<Backend> =
        names.iter().enumerate().map(|(n, name)| Backend::new(n as u32 + 1, name, 1)).collect();
    let mut bench = Bench::new((HASH_CONSISTENT.make)(Knobs::DEFAULTS), list);
    let owners = |bench: &mut Bench| -> Vec<String> {
        let owner = |n: u32| {
            let key = format!("user:{n}");
            let ask = Ask { key: Some(key.as_bytes()), ..Ask::NOTHING };
            let rng = &mut Rng::from_seed(1);
            match bench.policy.pick(&ask, &bench.list, rng, &mut Why::off()) {
                Pick::Backend(place) => bench.list[place].name.to_string(),
                other => panic!("{other:?}"),
            }
        };
        (0..1_000).map(owner).collect()
    };
    let before = owners(&mut bench);
    let lost = bench.list.remove(1);
    bench.policy.removed(1, &bench.list);
    let after = owners(&mut bench);
    for (before, after) in before.iter().zip(&after) {
        assert!(before == after || **before == *lost.name, "{before} became {after}");
    }
    let moved = before.iter().zip(&after).filter(|(before, after)| before != after).count();
    assert!((200..300).contains(&moved), "{moved} of 1000 moved");
}

#[test]
fn the_ring_says_where_the_key_falls() {
    let mut bench = Bench::of::<HashConsistent>(&[1, 1]);
    let mut why = Why::on();
    let place = bench.pick(&[], &mut why).expect("somebody");
    bench.list[place].healthy = false;
    let mut why_not = Why::on();
    let other = bench.pick(&[], &mut why_not).expect("the other");
    assert_eq!(other, 1 - place);
    let row = &why_not.lines[0];
    assert!(row.numbers.ends_with("; unhealthy: skipped"), "{row:?}");
    assert_eq!(why.lines.len(), 1);
    let hash = crc32fast::hash(b"user:1");
    assert!(why.sentence.starts_with(&format!("CRC-32 of \"user:1\" is {hash}; the next point")));
}

#[test]
fn idle_servers_turn_the_weights_of_random_two_upside_down() {
    let mut bench = Bench::of::<RandomTwo>(&[4, 1]);
    let (mut counts, rng) = ([0u32; 2], &mut Rng::from_seed(42));
    for _ in 0..100_000 {
        let picked = bench.policy.pick(&Ask::NOTHING, &bench.list, rng, &mut Why::off());
        let Pick::Backend(place) = picked else { panic!("{picked:?}") };
        counts[place] += 1;
    }
    // 20 %, and 80 % of the 0.9 % that draw 21 times the same and fall back to round robin:
    // 20 738; three standard deviations are 385.
    assert!(counts[0].abs_diff(20_738) < 385, "{counts:?}");
}

#[test]
fn both_knobs_work_in_every_method() {
    let entries = [ROUND_ROBIN, LEAST_CONN, IP_HASH, HASH, HASH_CONSISTENT, RANDOM, RANDOM_TWO];
    for entry in entries {
        let served = |max_fails: f64, fail_timeout: f64| {
            let mut knobs = Knobs::default();
            knobs.set(entry.knobs, "max_fails", max_fails).expect("in range");
            knobs.set(entry.knobs, "fail_timeout", fail_timeout).expect("in range");
            let list = vec![Backend::new(1, "a", 1), Backend::new(2, "b", 1)];
            let mut bench = Bench::new((entry.make)(&knobs), list);
            let early = bench.run(20, "ab").ends_with('-');
            bench.now = Time::ZERO + Span::from_millis(5_000);
            (early, bench.run(1, "ab") == "-")
        };
        assert_eq!(served(1.0, 10.0), (true, true), "{}: both out", entry.key);
        assert_eq!(served(1.0, 4.0), (true, false), "{}: back again", entry.key);
        assert_eq!(served(0.0, 10.0), (false, false), "{}: never out", entry.key);
    }
}

/// Whatever is configuration is learned by a reload, and a reload forgets.
#[test]
fn another_list_or_weight_begins_anew() {
    let out = || {
        let mut bench = Bench::of::<RoundRobin>(&[4, 1, 1]);
        assert_eq!(bench.run(6, "a"), "abcbcb");
        bench
    };
    let mut joined = out();
    joined.list.push(Backend::new(4, "d", 1));
    joined.policy.added(&joined.list);
    assert_eq!(joined.run(7, ""), "abacada");
    let mut left = out();
    left.list.pop();
    left.policy.removed(2, &left.list);
    assert_eq!(left.run(5, ""), "aabaa");
    let mut weighed = out();
    weighed.list[0].weight = 3;
    weighed.policy.changed(0, &weighed.list);
    assert_eq!(weighed.run(5, ""), "abaca");
    // Health and limits are no configuration here: the failure is still known.
    let mut limited = out();
    limited.list[1].in_flight_max = 9;
    limited.policy.changed(1, &limited.list);
    limited.list[2].healthy = false;
    limited.policy.changed(2, &limited.list);
    assert_eq!(limited.run(2, ""), "bb");
}

/// The numbers of a walk follow from one another, and what a method gives up after is shown.
#[test]
fn a_walk_says_how_each_number_came_about() {
    let mut bench = Bench::of::<Hash>(&[1, 1]);
    let crc = |key: &str| u64::from(crc32fast::hash(key.as_bytes()) >> 16) & 0x7fff;
    let (first, second) = (crc("user:1"), crc("1user:1"));
    let sum = first + second;
    bench.list[(first % 2) as usize].healthy = false;
    let mut why = Why::on();
    bench.pick(&[], &mut why);
    let row = |value: u64| format!("{value} mod 2 = {}, in {} to {0}", value % 2, value % 2);
    let unhealthy = format!("{}: unhealthy: skipped", row(first));
    assert_eq!(why.lines[0].numbers, unhealthy);
    let how = format!("\"1user:1\" gives {second}, {first} + {second} = {}", row(sum));
    assert!(why.lines[1].numbers.starts_with(&how), "{why:?}");

    let mut bench = Bench::of::<IpHash>(&[5, 1]);
    bench.list[0].healthy = false;
    let mut why = Why::on();
    bench.pick(&[], &mut why);
    let words = "0.0.0.0: from 89, hash × 113 + byte modulo 6271 over the first three bytes is ";
    let hash: u64 = why
        .sentence
        .strip_prefix(words)
        .and_then(|rest| rest.strip_suffix('.'))
        .and_then(|number| number.parse().ok())
        .expect("a hash");
    let again = hash * 113 % 6271 * 113 % 6271 * 113 % 6271;
    let start = format!("from {hash} again {again} mod 6 = {}, in ", again % 6);
    assert!(why.lines[1].numbers.starts_with(&start), "{why:?}");
}

#[test]
fn what_was_tried_stays_when_a_method_falls_back() {
    let tired = |mut bench: Bench| {
        bench.list[0].healthy = false;
        bench.list[1].healthy = false;
        let mut why = Why::on();
        assert_eq!(bench.pick(&[], &mut why), Some(2));
        let chosen = why.lines.iter().filter(|line| line.chosen).count();
        (why.lines.len(), chosen, why.sentence)
    };
    // The last is so light that 21 tries do not find it.
    let words = "21 tries found nobody, so round robin: c has the largest running weight";
    for bench in [
        Bench::of::<Hash>(&[900_000, 900_000, 1]),
        Bench::of::<IpHash>(&[900_000, 900_000, 1]),
        Bench::of::<Random>(&[900_000, 900_000, 1]),
        Bench::of::<HashConsistent>(&[3_000, 3_000, 1]),
    ] {
        let (rows, chosen, sentence) = tired(bench);
        assert_eq!((rows, chosen), (24, 1));
        assert!(sentence.starts_with(words), "{sentence}");
    }
    // With one left there are no two to choose from; that is not nobody.
    let (rows, chosen, sentence) = tired(Bench::of::<RandomTwo>(&[1, 1, 1]));
    assert_eq!((rows, chosen), (24, 1));
    let words = "21 draws did not find two different servers that can be chosen, so round robin: c";
    assert!(sentence.starts_with(words), "{sentence}");
}

#[test]
fn a_method_says_when_it_falls_back() {
    let mut bench = Bench::of::<Hash>(&[1, 1]);
    let mut why = Why::on();
    let rng = &mut Rng::from_seed(1);
    bench.policy.pick(&Ask::NOTHING, &bench.list, rng, &mut why);
    let words = "There is no key, so round robin: a has the largest running weight";
    assert!(why.sentence.starts_with(words), "{}", why.sentence);
}

proptest::proptest! {
    /// After as many picks as the weights have units, all have had their part and owe nothing.
    #[test]
    fn shares_are_exact_over_a_cycle(weights in proptest::collection::vec(1..30i64, 2..5)) {
        let mut bench = Bench::of::<RoundRobin>(&weights);
        for _ in 0..2 {
            let served = bench.run(weights.iter().sum::<i64>() as usize, "");
            for (name, weight) in ["a", "b", "c", "d"].iter().zip(&weights) {
                assert_eq!(served.matches(name).count() as i64, *weight, "{served}");
            }
            let zero = Memory::Weights(vec![0; weights.len()]);
            assert_eq!(bench.policy.memory(&bench.list, Time::ZERO), zero);
        }
    }
}
