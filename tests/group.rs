//! An autoscaled group against its formulas: where it settles, when it may change, what it costs,
//! what becomes of requests when servers come, go and die.

mod common;

use common::{at_ms, group, link, poisson, scenario, the_group};
use switchyard::node::group::{Action, Dispatch, Life, Metric};
use switchyard::node::{Arrivals, ClientsConfig, GroupConfig, Service, Value};
use switchyard::scenario::build::{Run, build};
use switchyard::scenario::gallery::Preset;
use switchyard::scenario::{FaultKind, Scenario};
use switchyard::session::{Command, Session};
use switchyard::sim::{Reason, Silent, Span};

fn base() -> GroupConfig {
    GroupConfig {
        min: 1,
        max: 16,
        tolerance: 0.0,
        interval_ms: 1_000.0,
        startup_ms: 500.0,
        out_cooldown_ms: 1_000.0,
        in_cooldown_ms: 2_000.0,
        queue_limit: 1_000,
        ..GroupConfig::default()
    }
}

fn under(rate: f64, config: GroupConfig) -> Scenario {
    scenario(7, vec![poisson("c", rate), group("g", config)], vec![link("c", "g", 1.0)])
}

fn even(rate: f64, config: GroupConfig) -> Scenario {
    let crowd = ClientsConfig { rate, arrivals: Arrivals::Constant, ..ClientsConfig::default() };
    scenario(7, vec![common::clients("c", crowd), group("g", config)], vec![link("c", "g", 1.0)])
}

fn run_to(run: &mut Run, ms: u64) {
    assert!(run.run_until(at_ms(ms), u64::MAX, &mut Silent).reached);
}

/// In steady load of a erlangs: the fewest n with a / (n x cores) at most the target, whether it
/// comes from below or from above.
#[test]
fn in_steady_load_it_settles_at_the_fewest_servers_within_the_target() {
    // Rate, service in ms, cores, target in percent.
    let rows = [
        (50.0, 50.0, 1, 60.0),
        (100.0, 50.0, 1, 70.0),
        (200.0, 40.0, 4, 50.0),
        (20.0, 20.0, 2, 90.0),
    ];
    for (rate, service_ms, cores, target_utilisation) in rows {
        let erlangs = rate * service_ms / 1e3;
        let fits =
            |n: &u32| erlangs / (f64::from(*n) * f64::from(cores)) <= target_utilisation / 100.0;
        let expected = (1..=16).find(fits).expect("sixteen are enough");
        for min in [1, 12] {
            let config = GroupConfig {
                service: Service::Constant,
                service_ms,
                cores,
                target_utilisation,
                min,
                ..base()
            };
            let mut session = Session::new(even(rate, config)).expect("valid");
            session.advance(Span::from_millis(20_000), u64::MAX);
            // From above: there were many, and need not be from here on.
            let fewest = Command::Set("g".into(), "min".into(), Value::Number(1.0));
            session.apply(fewest, 0).expect("allowed");
            session.advance(Span::from_millis(20_000), u64::MAX);
            let before = the_group(session.run(), "g").paid().area(session.run().now());
            session.advance(Span::from_millis(20_000), u64::MAX);
            let node = the_group(session.run(), "g");
            let mean = (node.paid().area(session.run().now()) - before) as f64 / 20e9;
            assert_eq!(mean, f64::from(expected), "{rate}/s from {min}: {:?}", node.decision());
        }
    }
}

/// Every decision that changed something is the formula's, and no two come closer than the
/// cool-downs allow.
#[test]
fn decisions_follow_the_formula_and_do_not_flap_within_the_cooldowns() {
    for metric in [Metric::Utilisation, Metric::QueueDepth] {
        let config = GroupConfig {
            metric,
            target_queue: 1.0,
            interval_ms: 250.0,
            out_cooldown_ms: 900.0,
            in_cooldown_ms: 1_700.0,
            ..base()
        };
        let mut run = build(&under(90.0, config.clone()));
        run_to(&mut run, 60_000);
        let node = the_group(&run, "g");
        let log: Vec<_> = node.log().copied().collect();
        assert!(log.len() > 4, "{metric:?}: {log:?}");
        for decision in &log {
            let up = f64::from(decision.up);
            let wanted = (up * decision.measured / decision.target - 1e-9).ceil() as u32;
            assert_eq!(decision.wanted, wanted, "{decision:?}");
            assert_eq!(u32::from(decision.allowed), wanted.clamp(1, 16));
            let words = decision.words(&config);
            assert!(words.contains(&format!("= {wanted}")), "{words}");
        }
        for pair in log.windows(2) {
            let apart = pair[1].at.since(pair[0].at);
            let (first_out, then_out) = (
                matches!(pair[0].action, Action::Out(_)),
                matches!(pair[1].action, Action::Out(_)),
            );
            match (first_out, then_out) {
                (true, true) => assert!(apart >= Span::from_millis(900), "{pair:?}"),
                (_, false) => assert!(apart >= Span::from_millis(1_700), "{pair:?}"),
                // Adding after taking out has nothing to wait for.
                (false, true) => {}
            }
        }
    }
}

/// Cost is price times the integral of the number of servers, from the start of each to its end;
/// a price that is turned counts from then on.
#[test]
fn cost_is_the_integral_of_the_servers_there_were() {
    let config = GroupConfig { price: 36.0, interval_ms: 250.0, ..base() };
    let mut scenario = under(80.0, config);
    scenario.faults = vec![common::fault(4_000, "g", FaultKind::CrashPart(1))];
    let mut session = Session::new(scenario).expect("valid");
    let mut server_ms = [0u64; 2];
    for (half, sum) in server_ms.iter_mut().enumerate() {
        for _ in 0..6_000 {
            // What is there between two instants is what is there at the second, before it.
            let there = the_group(session.run(), "g").members().count() as u64;
            *sum += there;
            session.advance(Span::from_millis(1), u64::MAX);
        }
        if half == 0 {
            let price = Command::Set("g".into(), "price".into(), Value::Number(72.0));
            session.apply(price, 0).expect("allowed");
        }
    }
    let now = session.run().now();
    let node = the_group(session.run(), "g");
    // 36 an hour is 0.01 a second.
    let expected = server_ms[0] as f64 * 1e-5 + server_ms[1] as f64 * 2e-5;
    let cost = node.cost(now);
    // Draining servers end at any instant, so that counting by the millisecond misses a little.
    assert!((cost / expected - 1.0).abs() < 1e-3, "{cost} against {expected}");
    assert!(
        (node.server_hours(now) * 3.6e6 / (server_ms[0] + server_ms[1]) as f64 - 1.0).abs() < 1e-3
    );
    assert!(node.most_servers() > 2);
}

/// A new server costs from its start and serves only after its start-up time.
#[test]
fn a_new_server_costs_before_it_serves() {
    let config = GroupConfig { startup_ms: 3_000.0, interval_ms: 500.0, min: 1, ..base() };
    let mut run = build(&under(60.0, config));
    run_to(&mut run, 500);
    let node = the_group(&run, "g");
    let out = node.log().next().copied().expect("it grows at once");
    assert_eq!(out.at, at_ms(500));
    assert!(node.members().skip(1).all(|m| m.life == Life::Starting { until: at_ms(3_500) }));
    assert_eq!(node.paid().value(), u32::from(out.allowed));
    run_to(&mut run, 3_499);
    assert_eq!(the_group(&run, "g").up().value(), 1);
    assert!(the_group(&run, "g").members().skip(1).all(|m| m.served == 0));
    run_to(&mut run, 3_500);
    assert_eq!(the_group(&run, "g").up().value(), u32::from(out.allowed));
}

/// Taken out with draining nothing is lost; without, what it had is.
#[test]
fn draining_loses_nothing() {
    for drain in [true, false] {
        let config = GroupConfig { drain, min: 8, service_ms: 100.0, ..base() };
        let mut session = Session::new(under(60.0, config)).expect("valid");
        session.advance(Span::from_millis(3_010), u64::MAX);
        for key in ["min", "max"] {
            session
                .apply(Command::Set("g".into(), key.into(), Value::Number(2.0)), 0)
                .expect("allowed");
        }
        let node = the_group(session.run(), "g");
        let leaving = node.members().filter(|m| m.life == Life::Draining).count();
        assert_eq!((leaving > 0, node.lost() > 0), (drain, !drain));
        session.advance(Span::from_millis(3_000), u64::MAX);
        let node = the_group(session.run(), "g");
        assert_eq!(node.members().count(), 2);
        let lost = session.run().tally().failed[Reason::ConnectionLost as usize];
        assert_eq!((lost, node.lost()), (node.lost(), lost));
    }
}

/// Of n servers in turn a dead one fails every n-th request until it is noticed; under least busy it
/// looks idle and draws them all. Then another starts in its place.
#[test]
fn a_dead_server_fails_its_share_until_it_is_noticed_and_is_replaced() {
    for (dispatch, share) in [(Dispatch::RoundRobin, 0.25), (Dispatch::LeastBusy, 1.0)] {
        let config = GroupConfig {
            dispatch,
            service: Service::Constant,
            service_ms: 200.0,
            min: 4,
            max: 4,
            detection_ms: 2_000.0,
            startup_ms: 1_000.0,
            ..base()
        };
        let mut scenario = even(50.0, config);
        scenario.faults = vec![common::fault(5_000, "g", FaultKind::CrashPart(2))];
        let mut run = build(&scenario);
        run_to(&mut run, 6_999);
        assert_eq!(the_group(&run, "g").members().count(), 4);
        let refused = the_group(&run, "g").refused_dead();
        let expected = 100.0 * share;
        assert!((refused as f64 - expected).abs() <= 6.0, "{dispatch:?}: {refused}");
        run_to(&mut run, 7_001);
        let life = |run: &Run| the_group(run, "g").members().nth(2).map(|m| m.life);
        assert_eq!(life(&run), Some(Life::Starting { until: at_ms(8_000) }));
        run_to(&mut run, 8_001);
        assert_eq!((life(&run), the_group(&run, "g").replaced()), (Some(Life::Up), 1));
        let before = run.tally().failures();
        run_to(&mut run, 12_000);
        assert_eq!(run.tally().failures(), before);
    }
}

/// One server up with exponential times and Poisson arrivals is M/M/1: mean number in line and at
/// work = load / (1 - load).
#[test]
fn a_group_of_one_is_one_server() {
    let config = GroupConfig { min: 1, max: 1, service_ms: 20.0, ..base() };
    let mut run = build(&under(35.0, config));
    run_to(&mut run, 2_000_000);
    let (node, now) = (the_group(&run, "g"), run.now());
    let inside = node.serving().mean(now) + node.in_line().mean(now);
    let expected = 0.7 / 0.3;
    assert!((inside / expected - 1.0).abs() < 0.06, "{inside} against {expected}");
}

/// Without requests the controller sleeps, and wakes to the same instants.
#[test]
fn an_idle_group_comes_to_rest_and_looks_at_the_same_instants_again() {
    let mut scenario = under(0.0, GroupConfig { interval_ms: 700.0, ..base() });
    scenario.sends = vec![common::send(100, "c", "a"), common::send(10_000, "c", "b")];
    let mut run = build(&scenario);
    while run.step(at_ms(u64::MAX / 2_000_000), &mut Silent).is_some() {
        assert!(run.events() < 1_000, "it does not come to rest");
    }
    let decision = the_group(&run, "g").decision().copied().expect("it has looked");
    assert_eq!(decision.at.ns() % 700_000_000, 0);
    assert!(decision.at > at_ms(10_000) && decision.at < at_ms(12_000));
    // The first window it looks back at after its sleep begins at the last of those instants.
    assert!(decision.measured < 1.0, "{decision:?}");
}

/// The built-in scenario: where servers start too late requests fail, where more were kept none do,
/// and that costs more.
#[test]
fn the_built_in_scenario_tells_its_story() {
    let preset = Preset::find("autoscaling").expect("it is built in");
    let mut run = build(&preset.scenario());
    run_to(&mut run, 2_000);
    assert_eq!(run.tally().failures(), 0);
    run_to(&mut run, 8_000);
    let (cold, warm) = (the_group(&run, "cold"), the_group(&run, "warm"));
    assert!(cold.refused() > 50 && warm.refused() == 0, "{} {}", cold.refused(), warm.refused());
    assert_eq!(run.tally().failed[Reason::QueueFull as usize], cold.refused());
    assert!(warm.cost(run.now()) > cold.cost(run.now()) * 1.2);
    let refused = cold.refused();
    run_to(&mut run, 14_000);
    assert!(the_group(&run, "cold").refused() < refused + 5);
    run_to(&mut run, 25_000);
    let left = ["cold", "warm"].map(|id| the_group(&run, id).paid().value());
    assert_eq!(left, [2, 5]);
}
