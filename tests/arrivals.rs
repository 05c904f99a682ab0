//! When requests are made: bursts and lists to the nanosecond, ramps and days by the area under
//! their curve, and users who wait by the closed forms of closed systems.

mod common;

use std::collections::BTreeMap;

use switchyard::node::clients::{Curve, PaceConfig, Popularity, Think};
use switchyard::node::{Arrivals, ClientsConfig, ServerConfig, Service, Value};
use switchyard::scenario::build::{Run, build};
use switchyard::scenario::{FaultKind, NodeSpec, Scenario};
use switchyard::session::{Command, Session};
use switchyard::sim::{Full, NodeId, Op, Outcome, Request, Silent, Sink, Span, Time};
use switchyard::stats::theory::{closed, interactive_response, repairmen};

use common::{at_ms, clients, fault, link, poisson, scenario, server, the_clients, the_server};

/// What clients made, and when each request ended and how.
#[derive(Default)]
struct Log {
    made: Vec<(Time, Request)>,
    responses: Vec<f64>,
}

impl Sink for Log {
    fn wants(&self, _request: &Request) -> bool {
        false
    }

    fn sent(&mut self, now: Time, request: &Request) {
        self.made.push((now, *request));
    }

    fn finished(&mut self, now: Time, request: &Request) {
        if request.outcome == Outcome::Done {
            self.responses.push(now.since(request.born).seconds());
        }
    }
}

fn paced(arrivals: Arrivals, rate: f64, pace: PaceConfig) -> ClientsConfig {
    ClientsConfig { arrivals, rate, pace: Box::new(pace), ..ClientsConfig::default() }
}

/// What these clients make in so many seconds, with nobody to answer.
fn made(config: ClientsConfig, seconds: u64, seed: u64) -> Vec<f64> {
    let mut log = Log::default();
    let mut run = build(&scenario(seed, vec![clients("c", config)], Vec::new()));
    run.run_until(at_ms(seconds * 1_000), u64::MAX, &mut log);
    log.made.iter().map(|(at, _)| at.seconds()).collect()
}

// ===== open loops =====

#[test]
fn bursts_are_exact() {
    let pace = PaceConfig { burst_size: 3, burst_pause_ms: 500.0, ..PaceConfig::default() };
    let at = made(paced(Arrivals::Bursts, 100.0, pace), 2, 1);
    let begins = [0.0, 0.52, 1.04, 1.56];
    let expected: Vec<f64> =
        begins.iter().flat_map(|b| [0.0, 0.01, 0.02].map(|gap| b + gap)).collect();
    assert_eq!(at.len(), expected.len(), "{at:?}");
    assert!(at.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-9), "{at:?}");
}

/// Counts in each interval against the area under the curve: the sum of the squared deviations over
/// the expected is chi-square, here with 40 degrees of freedom: 73.4 is its 0.1 % point.
fn follows(curve: Curve, at: &[f64], seconds: f64) {
    let (cells, width) = (40, seconds / 40.0);
    let mut chi = 0.0;
    for cell in 0..cells {
        let (from, until) = (f64::from(cell) * width, f64::from(cell + 1) * width);
        let count = at.iter().filter(|t| (from..until).contains(*t)).count() as f64;
        let expected = curve.expected(from, until);
        assert!(expected > 0.0 || count == 0.0, "{count} from {from} s where none are expected");
        if expected > 0.0 {
            let off = (count - expected) / expected.sqrt();
            assert!(off.abs() < 4.5, "{curve:?}: {count} from {from} s, expected {expected}");
            chi += off * off;
        }
    }
    assert!(chi < 73.4, "{curve:?}: chi-square {chi}");
    let (all, expected) = (at.len() as f64, curve.expected(0.0, seconds));
    assert!((all - expected).abs() < 3.5 * expected.sqrt(), "{all} in all, expected {expected}");
}

#[test]
fn a_ramp_and_a_day_follow_the_area_under_their_curves() {
    let up =
        PaceConfig { ramp_from: 5.0, ramp_start_s: 20.0, ramp_over_s: 50.0, ..Default::default() };
    let down = PaceConfig { ramp_from: 400.0, ramp_over_s: 80.0, ..PaceConfig::default() };
    let step = PaceConfig { ramp_start_s: 30.0, ramp_over_s: 0.0, ..PaceConfig::default() };
    let day = PaceConfig { period_s: 40.0, swing: 95.0, ..PaceConfig::default() };
    // So few in a day that its candidates are not cut into parts.
    let short = PaceConfig { period_s: 0.9, swing: 100.0, peak_at: 10.0, ..PaceConfig::default() };
    for (arrivals, rate, pace) in [
        (Arrivals::Ramp, 300.0, up),
        (Arrivals::Ramp, 0.0, down),
        (Arrivals::Ramp, 100.0, step),
        (Arrivals::Day, 150.0, day),
        (Arrivals::Day, 60.0, short),
    ] {
        let config = paced(arrivals, rate, pace);
        let curve = config.curve().expect("its rate changes with time");
        for seed in [3, 4] {
            follows(curve, &made(config.clone(), 100, seed), 100.0);
        }
    }
}

/// A short day, folded: the shape within a day is right, and not only its mean.
#[test]
fn the_shape_within_a_short_day_is_right() {
    let pace = PaceConfig { period_s: 0.5, swing: 90.0, ..PaceConfig::default() };
    let config = paced(Arrivals::Day, 100.0, pace);
    let curve = config.curve().expect("it changes with time");
    let mut counts = [0.0_f64; 10];
    for at in made(config, 500, 7) {
        counts[((at % 0.5) * 20.0) as usize] += 1.0;
    }
    for (cell, count) in counts.iter().enumerate() {
        let from = cell as f64 * 0.05;
        let expected = curve.expected(from, from + 0.05) * 1_000.0;
        let off = (count - expected) / expected.sqrt();
        assert!(off.abs() < 4.0, "part {cell}: {count}, expected {expected}");
    }
}

#[test]
fn a_pasted_list_is_kept_to_the_letter() {
    let times = "1.5 user:7 write\n0.25\n1.5 cart:9 delete\n2 user:3 scan, 0 user:1";
    let pace = PaceConfig { times: times.to_owned(), ..PaceConfig::default() };
    let config = paced(Arrivals::List, 20.0, pace);
    let mut log = Log::default();
    let mut run = build(&scenario(1, vec![clients("c", config)], Vec::new()));
    run.run_until(at_ms(10_000), u64::MAX, &mut log);
    let what = |(at, request): &(Time, Request)| {
        (at.ns() / 1_000_000, run.key_name(request.key), request.op, request.width)
    };
    let all: Vec<_> = log.made.iter().map(what).collect();
    assert_eq!(all.len(), 5, "{all:?}");
    assert_eq!(all[0], (0, "user:1".to_owned(), Op::Read, 1));
    assert_eq!((all[1].0, all[1].2), (250, Op::Read));
    assert_eq!(all[2], (1_500, "user:7".to_owned(), Op::Write, 1));
    assert_eq!(all[3], (1_500, "cart:9".to_owned(), Op::Delete, 1));
    assert_eq!(all[4], (2_000, "user:3".to_owned(), Op::Scan, 10));
    assert!(run.next_event().is_none(), "a list ends");
}

/// A list of keys, under any pace; and a key of a list is the one that others ask for by number.
#[test]
fn keys_of_a_list_are_asked_for_in_order() {
    let key_list = "user:1\ncart:2 write\nuser:3".to_owned();
    let pace = PaceConfig { key_list, ..PaceConfig::default() };
    let config = ClientsConfig {
        popularity: Popularity::Listed,
        total: 7,
        ..paced(Arrivals::Constant, 10.0, pace)
    };
    let mut full = Full::default();
    let mut run = build(&scenario(1, vec![clients("c", config)], Vec::new()));
    run.run_until(at_ms(10_000), u64::MAX, &mut full);
    let asked: Vec<_> =
        full.finished.iter().map(|(_, r)| (run.key_name(r.key), r.op, r.key.number())).collect();
    let (one, three) = (("user:1", Op::Read, Some(1)), ("user:3", Op::Read, Some(3)));
    let two = ("cart:2", Op::Write, None);
    let wanted = [one, two, three, one, two, three, one].map(|(k, op, n)| (k.to_owned(), op, n));
    assert_eq!(asked, wanted);
}

/// What falls into a time when nobody is there is not made up for.
#[test]
fn a_list_goes_on_where_the_clock_is_after_a_crash_and_after_an_edit() {
    let list = |times: &str| PaceConfig { times: times.to_owned(), ..PaceConfig::default() };
    let mut made = scenario(
        1,
        vec![clients("c", paced(Arrivals::List, 1.0, list("0.5\n1\n1.5\n2\n2.5\n3")))],
        Vec::new(),
    );
    made.faults = vec![fault(900, "c", FaultKind::Crash), fault(1_800, "c", FaultKind::Restart)];
    let mut session = Session::new(made).expect("a valid scenario");
    session.advance(Span::from_millis(2_200), u64::MAX);
    assert_eq!(session.run().tally().sent, 2, "at 0.5 s and at 2 s");
    let other = Value::Text("0.1\n2.1\n2.4".to_owned());
    session.apply(Command::Set("c".into(), "times".into(), other), 0).expect("allowed");
    session.advance(Span::from_millis(5_000), u64::MAX);
    assert_eq!(session.run().tally().sent, 3, "only 2.4 s is still to come");
}

/// Another node changes nobody's arrivals, of whatever shape.
#[test]
fn arrivals_are_nobody_elses() {
    for arrivals in [Arrivals::Ramp, Arrivals::Day, Arrivals::Bursts] {
        let config = paced(arrivals, 50.0, PaceConfig::default());
        let times = |more: Vec<NodeSpec>| {
            let mut log = Log::default();
            let nodes = [vec![clients("c", config.clone())], more].concat();
            build(&scenario(1, nodes, Vec::new())).run_until(at_ms(20_000), u64::MAX, &mut log);
            log.made.retain(|(_, request)| request.client == NodeId(0));
            log.made.iter().map(|(at, request)| (*at, request.key)).collect::<Vec<_>>()
        };
        let alone = times(Vec::new());
        assert!(alone.len() > 100, "{arrivals:?}");
        assert_eq!(alone, times(vec![poisson("d", 70.0)]), "{arrivals:?}");
    }
}

// ===== closed loops =====

const SERVICE_MS: f64 = 10.0;

/// Users before one server, and nothing else.
fn cycle(users: u32, think_ms: f64, think: Think, cores: u16, seed: u64) -> Scenario {
    let pace = PaceConfig { users, think_ms, think, ..PaceConfig::default() };
    let config = ServerConfig {
        cores,
        service: Service::Exponential,
        service_ms: SERVICE_MS,
        queue_limit: 100_000,
        ..ServerConfig::default()
    };
    let nodes = vec![clients("c", paced(Arrivals::Closed, 20.0, pace)), server("s", config)];
    scenario(seed, nodes, vec![link("c", "s", 0.0)])
}

fn mean_and_error(batches: &[f64]) -> (f64, f64) {
    let n = batches.len() as f64;
    let mean = batches.iter().sum::<f64>() / n;
    let squares: f64 = batches.iter().map(|x| (x - mean) * (x - mean)).sum();
    (mean, (squares / (n - 1.0) / n).sqrt())
}

/// Throughput and mean response in the long run, in batches of time, with their standard errors.
fn measured(scenario: &Scenario) -> [(f64, f64); 2] {
    const BATCH_S: u64 = 100;
    let mut run = build(scenario);
    run.run_until(at_ms(20_000), u64::MAX, &mut Silent);
    let (mut rates, mut responses) = (Vec::new(), Vec::new());
    for batch in 1..=30 {
        let mut log = Log::default();
        run.run_until(at_ms(20_000 + batch * BATCH_S * 1_000), u64::MAX, &mut log);
        let count = log.responses.len() as f64;
        rates.push(count / BATCH_S as f64);
        responses.push(log.responses.iter().sum::<f64>() / count);
    }
    [mean_and_error(&rates), mean_and_error(&responses)]
}

#[track_caller]
fn agrees(name: &str, (got, error): (f64, f64), theory: f64) {
    println!("{name}: {got:.5} +- {error:.5}, theory {theory:.5}");
    assert!(error < 0.02 * theory, "{name}: the standard error {error} of {got} proves nothing");
    assert!((got - theory).abs() <= 3.5 * error, "{name}: {got} +- {error}, not {theory}");
}

#[test]
fn users_before_one_server_are_the_machine_repairman() {
    for (users, think_ms, seed) in [(1, 30.0, 1), (4, 50.0, 2), (10, 90.0, 3), (30, 100.0, 4)] {
        let theory = closed(users, think_ms / 1e3, &[SERVICE_MS / 1e3]);
        let [rate, response] = measured(&cycle(users, think_ms, Think::Exponential, 1, seed));
        agrees(&format!("{users} users, answers/s"), rate, theory.throughput);
        agrees(&format!("{users} users, response"), response, theory.response);
    }
    let theory = repairmen(3, 12, 0.04, SERVICE_MS / 1e3);
    let [rate, response] = measured(&cycle(12, 40.0, Think::Exponential, 3, 5));
    agrees("three cores, answers/s", rate, theory.throughput);
    agrees("three cores, response", response, theory.response);
}

/// R = N / X - Z, whatever the think times are: an identity and not a limit.
#[test]
fn the_interactive_response_time_law_holds() {
    for think in [Think::Exponential, Think::Constant] {
        for (users, think_ms) in [(3, 100.0), (25, 100.0), (5, 0.0)] {
            let [(rate, _), (response, _)] = measured(&cycle(users, think_ms, think, 1, 9));
            let law = interactive_response(f64::from(users), rate, think_ms / 1e3);
            assert!((response - law).abs() < 0.02 * law, "{think:?} {users}: {response}, {law}");
        }
    }
}

/// After every event each user either thinks or waits, and who waits has one request under way;
/// with time limits, retries and hedges too, where a request is more than one call.
#[test]
fn users_are_thinking_or_waiting_after_every_event() {
    let plain = cycle(20, 60.0, Think::Constant, 1, 3);
    let mut tried = cycle(20, 60.0, Think::Exponential, 1, 3);
    for (key, value) in [("timeout", 120.0), ("tries", 3.0), ("hedge", 90.0), ("deadline", 400.0)] {
        tried.nodes[0].kind.set(key, Value::Number(value)).expect("allowed");
    }
    let mut guarded = tried.clone();
    guarded.nodes[0].kind.set("at_once", Value::Choice("bulkhead".into())).expect("allowed");
    guarded.nodes[0].kind.set("at_once_most", Value::Number(2.0)).expect("allowed");
    let mut failing = cycle(20, 0.0, Think::Exponential, 1, 3);
    failing.links.clear();
    for (name, made) in
        [("plain", plain), ("tried", tried), ("guarded", guarded), ("failing", failing)]
    {
        let mut run = build(&made);
        for _ in 0..20_000 {
            run.step(Time::MAX, &mut Silent).expect("it goes on");
            let (thinking, waiting) = the_clients(&run, "c").users();
            assert_eq!(thinking + waiting, 20, "{name} at {}", run.now());
            assert_eq!(u64::from(waiting), run.in_flight(), "{name} at {}", run.now());
            assert!(run.conserved());
        }
        assert!(run.now() > at_ms(100), "{name}: time stands still");
        assert!(run.tally().sent > 500, "{name}");
    }
}

/// Users come and go while it runs, die, and come back.
#[test]
fn users_come_and_go() {
    let mut made = cycle(10, 100.0, Think::Exponential, 1, 3);
    made.faults = vec![fault(4_000, "c", FaultKind::Crash), fault(5_000, "c", FaultKind::Restart)];
    let mut session = Session::new(made).expect("a valid scenario");
    let users = |run: &Run| the_clients(run, "c").users();
    let mut at = |ms: u64, count: f64, expected: u32| {
        let set = Command::Set("c".into(), "users".into(), Value::Number(count));
        session.apply(set, 0).expect("allowed");
        session.advance(Span::from_millis(ms), u64::MAX);
        let (thinking, waiting) = users(session.run());
        assert_eq!(thinking + waiting, expected, "{} s", session.run().now().seconds());
    };
    at(1_000, 40.0, 40);
    at(1_000, 3.0, 3);
    at(1_000, 5.0, 5);
    at(1_500, 5.0, 0);
    at(1_500, 5.0, 5);
    let sent = session.run().tally().sent;
    let open = Value::Choice("poisson".to_owned());
    session.apply(Command::Set("c".into(), "arrivals".into(), open), 0).expect("allowed");
    session.advance(Span::from_millis(2_000), u64::MAX);
    assert_eq!(users(session.run()), (0, 0));
    assert!(session.run().tally().sent > sent + 20);
}

/// Each user keeps its address: who comes from one is one session.
#[test]
fn a_user_keeps_its_address() {
    let mut log = Log::default();
    let mut run = build(&cycle(6, 50.0, Think::Exponential, 1, 3));
    run.run_until(at_ms(5_000), u64::MAX, &mut log);
    let mut by_address = BTreeMap::<u32, u32>::new();
    for (_, request) in &log.made {
        *by_address.entry(request.address).or_default() += 1;
    }
    assert_eq!(by_address.len(), 6);
    assert!(by_address.values().all(|&count| count > 20), "{by_address:?}");
}

/// The same server under the same load; then it is four times slower. The open line grows by what
/// comes beyond what is served, and the closed one never beyond its users, who ask less instead.
#[test]
fn an_overloaded_open_loop_grows_and_a_closed_one_does_not() {
    let users = 20;
    let mean = closed(users, 0.3, &[SERVICE_MS / 1e3]).throughput;
    let mut made = cycle(users, 300.0, Think::Exponential, 1, 3);
    made.nodes.push(poisson("o", mean));
    let mut other = made.nodes[1].clone();
    other.id = "t".to_owned();
    made.nodes.push(other);
    made.links.push(link("o", "t", 0.0));
    made.faults = ["s", "t"].map(|id| fault(10_000, id, FaultKind::Slow(4))).into_iter().collect();
    let mut run = build(&made);
    run.run_until(at_ms(10_000), u64::MAX, &mut Silent);
    let before = ["c", "o"].map(|id| the_clients(&run, id).sent().total() as f64 / 10.0);
    assert!(before.iter().all(|rate| (rate / mean - 1.0).abs() < 0.15), "{before:?}, {mean}");
    let inside =
        |run: &Run, id| the_server(run, id).waiting().value() + the_server(run, id).busy().value();
    while run.step(at_ms(70_000), &mut Silent).is_some() {
        assert!(inside(&run, "s") <= users, "{} at {}", inside(&run, "s"), run.now());
    }
    // A quarter of 100 a second are served, for a minute.
    let grown = 60.0 * (mean - 25.0);
    let open = f64::from(inside(&run, "t"));
    assert!((open / grown - 1.0).abs() < 0.15, "{open} wait, expected {grown}");
    let asked = the_clients(&run, "c").sent().total() as f64 - before[0] * 10.0;
    assert!((asked / 60.0 / 25.0 - 1.0).abs() < 0.1, "{asked} asked in a minute");
    // Coordinated omission: those who wait report seconds where the others wait a minute.
    let worst = ["c", "o"].map(|id| the_clients(&run, id).latency().percentile(99.0).seconds());
    assert!(worst[0] < 3.0 && worst[1] > 20.0, "{worst:?}");
}

// ===== why now =====

#[test]
fn why_a_request_is_made_now_can_be_done_again() {
    let said = |arrivals, pace| {
        let config = ClientsConfig { total: 5, ..paced(arrivals, 10.0, pace) };
        let mut full = Full::default();
        let mut run = build(&scenario(1, vec![clients("c", config)], Vec::new()));
        run.run_until(at_ms(60_000), u64::MAX, &mut full);
        let all = full.decisions.into_iter().map(|(_, d)| (d.at.seconds(), d.why));
        all.collect::<Vec<_>>()
    };
    let numbers = |text: &str| -> Vec<f64> {
        let cut = text.split(|c: char| !c.is_ascii_digit() && c != '.' && c != '-');
        cut.filter_map(|word| word.trim_end_matches('.').parse().ok()).collect()
    };
    let ramp = said(Arrivals::Ramp, PaceConfig { ramp_from: 2.0, ..PaceConfig::default() });
    assert_eq!(ramp.len(), 5);
    for (at, why) in &ramp {
        let n = numbers(&why.sentence);
        let area = (n[2] + n[3]) / 2.0 * (n[1] - n[0]);
        assert!((area - n[4]).abs() < 2e-3 && (n[1] - at).abs() < 1e-6, "{}", why.sentence);
        let n = numbers(&why.lines[0].numbers);
        let rate = n[0] + (n[1] - n[2]) * (n[3] - n[4]) / n[5];
        assert!((rate - n[6]).abs() < 2e-3, "{}", why.lines[0].numbers);
    }
    for (_, why) in said(Arrivals::Day, PaceConfig::default()) {
        let n = numbers(&why.sentence);
        let (candidates, toss, below) = (n[0], n[2], n[5]);
        assert!(toss * candidates < below + 1e-3, "{}", why.sentence);
        assert!(why.lines[0].numbers.contains("cos(2 pi x ("), "{}", why.lines[0].numbers);
    }
    let burst = said(Arrivals::Bursts, PaceConfig { burst_size: 3, ..PaceConfig::default() });
    let words: Vec<&str> = burst.iter().map(|(_, why)| why.sentence.as_str()).collect();
    assert!(words[0].starts_with("Request 1 of 3 in the first burst"), "{words:?}");
    assert!(words[1].contains("2 of 3") && words[1].contains("100 ms"), "{words:?}");
    assert!(words[3].contains("pause of 1.00 s"), "{words:?}");
    let list = said(Arrivals::List, PaceConfig::default());
    assert_eq!(list[1].1.sentence, "Line 2 of the list says 1 s.");
    let users = said(Arrivals::Closed, PaceConfig::default());
    assert!(users.iter().all(|(_, why)| why.sentence.contains("the mean is 500 ms")));
    assert_eq!(said(Arrivals::Poisson, PaceConfig::default()).len(), 0);
}
