//! Links come from strangers: each limit of what a link may hold, and what a person reads who opens
//! one that goes beyond.

mod common;

use switchyard::node::{ClientsConfig, Kind, ServerConfig};
use switchyard::scenario::link::{ENCODED_MAX, INFLATED_MAX, LinkError, decode, encode};
use switchyard::scenario::{FaultKind, NodeSpec, Scenario};

use common::wire::{
    Number, Setting, Wire, WireFault, WireSend, decode_wire, deflated, sealed, wire_of,
};
use common::{balancer, fault, link, poisson, send, steady, trio};

fn invalid(result: Result<Scenario, LinkError>) -> String {
    match result {
        Err(LinkError::Invalid(problem)) => problem.to_string(),
        other => panic!("should be invalid, is {other:?}"),
    }
}

/// What a link says that was made from this scenario, which breaks a rule.
fn refusal(change: impl FnOnce(&mut Scenario)) -> String {
    let mut broken = trio(1, 40.0);
    change(&mut broken);
    invalid(decode(&encode(&broken)))
}

fn wire_refusal(change: impl FnOnce(&mut Wire)) -> String {
    let mut wire = wire_of(&trio(1, 40.0));
    change(&mut wire);
    invalid(decode_wire(&wire))
}

fn crowd(count: usize) -> Vec<NodeSpec> {
    (0..count).map(|n| steady(&format!("s{n}"), 100.0)).collect()
}

/// Balancers and servers, wired each to each until there are so many links.
fn mesh(count: usize) -> Scenario {
    let mut nodes: Vec<NodeSpec> =
        (0..10).map(|n| balancer(&format!("b{n}"), "round_robin")).collect();
    nodes.extend(crowd(400));
    let wire = |n: usize| link(&format!("b{}", n % 10), &format!("s{}", n / 10), 20.0);
    common::scenario(1, nodes, (0..count).map(wire).collect())
}

#[test]
fn counts_are_bounded() {
    let crowded = Scenario { nodes: crowd(501), ..Scenario::default() };
    assert_eq!(invalid(decode(&encode(&crowded))), "nodes: must be at most 500, got 501");
    assert_eq!(invalid(decode(&encode(&mesh(2_001)))), "links: must be at most 2000, got 2001");
    let mut faults = trio(1, 40.0);
    faults.faults = vec![fault(1, "s1", FaultKind::Crash); 1_001];
    assert_eq!(invalid(decode(&encode(&faults))), "faults: must be at most 1000, got 1001");
    let mut sends = trio(1, 40.0);
    sends.sends = vec![send(1, "c", "k"); 1_001];
    assert_eq!(invalid(decode(&encode(&sends))), "sends: must be at most 1000, got 1001");
}

#[test]
fn the_largest_scenario_is_saved_and_linked_and_opens_again() {
    let mut largest = mesh(2_000);
    largest.nodes.extend((0..90).map(|n| poisson(&format!("clients-{n}"), 12.5)));
    assert_eq!((largest.nodes.len(), largest.links.len()), (500, 2_000));
    for (number, link) in largest.links.iter_mut().enumerate() {
        (link.latency_ms, link.loss) = (number as f64 / 7.0, 0.015_625);
    }
    largest.check().expect("it is within the limits");
    assert_eq!(decode(&encode(&largest)).as_ref(), Ok(&largest));
    assert_eq!(Scenario::from_json(&largest.to_json()).as_ref(), Ok(&largest));

    // With every text as long as it may be it no longer fits in a link, but still in a file.
    largest.faults = vec![fault(1, "s1", FaultKind::Crash); 1_000];
    largest.sends = vec![send(1, "clients-0", &"\u{1f600}".repeat(200)); 1_000];
    for node in &mut largest.nodes {
        node.label = "\u{1f600}".repeat(80);
    }
    largest.note = "\"".repeat(4_000);
    assert_eq!(decode(&encode(&largest)), Err(LinkError::TooLarge));
    assert_eq!(Scenario::from_json(&largest.to_json()).as_ref(), Ok(&largest));
}

#[test]
fn texts_are_bounded_and_clean() {
    let label = |text: &str| {
        let text = text.to_owned();
        refusal(move |s| s.nodes[2].label = text)
    };
    assert_eq!(label(&"é".repeat(81)), "nodes[2].label: must be at most 80 characters long");
    for marked in ["a\u{7}b", "a\u{9b}b", "a\u{202e}b", "a\u{2066}b", "a\nb"] {
        assert_eq!(label(marked), "nodes[2].label: must hold no control characters");
    }
    assert_eq!(
        refusal(|s| s.note = "x".repeat(4_001)),
        "note: must be at most 4000 characters long"
    );
    assert_eq!(
        refusal(|s| s.title = "x".repeat(121)),
        "title: must be at most 120 characters long"
    );
    assert_eq!(
        refusal(|s| s.sends.push(send(1, "c", &"k".repeat(201)))),
        "sends[0].key: must be at most 200 characters long"
    );
    for id in ["", "a b", "é", &"x".repeat(41)] {
        let id = id.to_owned();
        assert_eq!(
            wire_refusal(move |w| w.nodes[4].id = id),
            "nodes[4].id: must be 1 to 40 letters, digits, _ or -"
        );
    }
    let mut widest = trio(1, 40.0);
    widest.note = "é".repeat(4_000);
    widest.nodes[2].label = "\u{1f600}".repeat(80);
    assert_eq!(decode(&encode(&widest)).as_ref(), Ok(&widest));
}

#[test]
fn numbers_are_finite_and_in_their_ranges() {
    let latency = |ms| refusal(move |s| s.links[0].latency_ms = ms);
    let range = |path: &str, got: &str| format!("{path}, got {got}");
    let ms = "links[0].latency_ms: must be between 0 and 60000";
    let no_number = "links[0].latency_ms: must be a number between 0 and 60000";
    assert_eq!(latency(f64::NAN), no_number);
    assert_eq!(latency(f64::INFINITY), range(ms, "inf"));
    assert_eq!(latency(-1.0), range(ms, "-1"));
    assert_eq!(latency(60_000.5), range(ms, "60000.5"));
    let loss = "links[1].loss: must be between 0 and 1";
    assert_eq!(refusal(|s| s.links[1].loss = 2.0), range(loss, "2"));
    let speed = "speed: must be between 0.001 and 1000";
    assert_eq!(refusal(|s| s.speed = 0.0), range(speed, "0"));
    let rate = |rate: f64| {
        refusal(move |s| {
            s.nodes[0].kind = Kind::Clients(ClientsConfig { rate, ..Default::default() })
        })
    };
    let rates = "nodes[0].rate: must be between 0 and 1000000";
    assert_eq!(rate(1e6 + 1.0), range(rates, "1000001"));
    assert_eq!(rate(-3.0), range(rates, "-3"));
    assert_eq!(rate(f64::NEG_INFINITY), range(rates, "-inf"));
    let service_ms = f64::NAN;
    let broken = ServerConfig { service_ms, ..Default::default() };
    assert_eq!(
        refusal(|s| s.nodes[3].kind = Kind::Server(broken)),
        "nodes[3].service: must be a number between 0.001 and 3600000"
    );
    assert_eq!(refusal(|s| s.seed = 1 << 53), "seed: must be at most 9007199254740991");
    assert_eq!(
        refusal(|s| s.nodes[0].x = 100_001),
        "nodes[0].x: must be between -100000 and 100000, got 100001"
    );
    assert_eq!(
        refusal(|s| s.sends.push(common::send(1_000_000_001, "c", "k"))),
        "sends[0].at_ms: is too far in the future"
    );
}

#[test]
fn ends_of_links_exist_and_may_be_joined() {
    assert_eq!(wire_refusal(|w| w.links[1].to = 99), "links[1].to: names no node");
    assert_eq!(wire_refusal(|w| w.links[0].from = u16::MAX), "links[0].from: names no node");
    assert_eq!(
        wire_refusal(|w| w.faults.push(WireFault { at_ns: 1, node: 5, kind: 0 })),
        "faults[0]: names no node"
    );
    assert_eq!(
        wire_refusal(|w| w.sends.push(WireSend { at_ns: 1, from: 5, key: String::new() })),
        "sends[0].from: names no node"
    );
    assert_eq!(
        wire_refusal(|w| w.sends.push(WireSend { at_ns: 1, from: 2, key: String::new() })),
        "sends[0].from: there are no clients \"s1\""
    );
    let join = |from, to| wire_refusal(move |w| (w.links[3].from, w.links[3].to) = (from, to));
    assert_eq!(join(1, 1), "links[3]: lb cannot be wired to itself");
    assert_eq!(join(1, 2), "links[3]: lb is wired to s1 already");
    assert_eq!(join(1, 0), "links[3]: c only send requests, none can be sent to them");
    assert_eq!(
        wire_refusal(|w| w.nodes[4].id = "s1".into()),
        "nodes[4].id: another node has the id \"s1\" already"
    );
}

#[test]
fn what_a_later_version_may_have_is_refused_and_not_guessed() {
    let unknown = "is of a kind this version does not know";
    assert_eq!(wire_refusal(|w| w.nodes[1].kind = 200), format!("nodes[1]: {unknown}"));
    let fault = WireFault { at_ns: 1, node: 1, kind: 250 };
    assert_eq!(wire_refusal(|w| w.faults.push(fault)), format!("faults[0]: {unknown}"));
    let setting =
        |number, setting| wire_refusal(move |w| w.nodes[2].settings = vec![(number, setting)]);
    assert_eq!(setting(99, Setting::Switch(true)), format!("nodes[2]: {unknown}"));
    assert_eq!(setting(1, Setting::Choice(99)), format!("nodes[2].spread: {unknown}"));
    assert_eq!(setting(2, Setting::Choice(0)), "nodes[2].cores: is not a choice");
    assert_eq!(
        setting(2, Setting::Number(Number::Whole(0))),
        "nodes[2].cores: must be between 1 and 1024, got 0"
    );
    assert_eq!(
        setting(2, Setting::Number(Number::Broken(2.5))),
        "nodes[2].cores: must be a whole number, got 2.5"
    );
    assert_eq!(setting(2, Setting::Switch(true)), "nodes[2].cores: must be a number");
}

#[test]
fn bombs_are_refused_before_they_go_off() {
    // Deflate packs a thousand to one at best, so 100 MB are too long to be looked at ...
    let hundred = deflated(&vec![0; 100_000_000]);
    assert!(hundred.len() > ENCODED_MAX);
    assert_eq!(decode(&hundred), Err(LinkError::TooLarge));
    // ... and what is short enough to be looked at unpacks to 40 MB.
    let forty = deflated(&vec![0; 40_000_000]);
    assert!(forty.len() <= ENCODED_MAX, "{} characters", forty.len());
    assert_eq!(decode(&forty), Err(LinkError::TooLarge));
    assert_eq!(decode(&deflated(&vec![0; INFLATED_MAX + 1])), Err(LinkError::TooLarge));
    // A body of just the limit is unpacked, and found wanting.
    assert_eq!(decode(&deflated(&vec![0; INFLATED_MAX])), Err(LinkError::Damaged));
    let long = format!("1.{}", "A".repeat(ENCODED_MAX - 1));
    assert_eq!((long.len(), decode(&long)), (ENCODED_MAX + 1, Err(LinkError::TooLarge)));
    assert_ne!(decode(&long[..ENCODED_MAX]), Err(LinkError::TooLarge));
}

#[test]
fn lists_that_claim_to_be_endless_are_damaged() {
    // Empty title and note, seed 1, speed 1, then a list of 2^63 nodes of which none follows.
    let mut body = vec![0, 0, 1, 0, 2];
    body.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
    assert_eq!(decode(&sealed(0, &body)), Err(LinkError::Damaged));
}
