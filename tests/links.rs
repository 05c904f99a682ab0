//! Links are for ever and come from strangers: what is encoded opens again exactly, what was ever
//! published still opens, and nothing that anybody can paste does harm.

mod common;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use miniz_oxide::deflate::compress_to_vec;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use switchyard::node::{ClientsConfig, Kind, ServerConfig, Value};
use switchyard::scenario::link::{ENCODED_MAX, INFLATED_MAX, LinkError, decode, encode};
use switchyard::scenario::{FaultKind, NodeSpec, Scenario};
use switchyard::sim::Time;

use common::random::{self, Genes};
use common::{balancer, fault, link, poisson, presets, send, server, steady, trio};

// ===== a copy of the frozen wire form, by its description alone =====

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Number {
    Whole(i64),
    Broken(f64),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Setting {
    Number(Number),
    Choice(u8),
    Switch(bool),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct WireNode {
    kind: u8,
    id: String,
    label: Option<String>,
    x: i32,
    y: i32,
    settings: Vec<(u8, Setting)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct WireLink {
    from: u16,
    to: u16,
    latency_ms: Number,
    loss: Number,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct WireFault {
    at_ns: u64,
    node: u16,
    kind: u8,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct WireSend {
    at_ns: u64,
    from: u16,
    key: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Wire {
    title: String,
    note: String,
    seed: u64,
    speed: Number,
    nodes: Vec<WireNode>,
    links: Vec<WireLink>,
    faults: Vec<WireFault>,
    sends: Vec<WireSend>,
}

/// A link with these bytes as they stand and a checksum that fits.
fn sealed(flags: u8, stored: &[u8]) -> String {
    let mut bytes = vec![flags];
    bytes.extend(crc32fast::hash(stored).to_le_bytes());
    bytes.extend(stored);
    format!("1.{}", URL_SAFE_NO_PAD.encode(bytes))
}

fn deflated(body: &[u8]) -> String {
    sealed(1, &compress_to_vec(body, 10))
}

fn body_of(link: &str) -> Vec<u8> {
    let bytes = URL_SAFE_NO_PAD.decode(&link[2..]).expect("our own link");
    match bytes[0] {
        0 => bytes[5..].to_vec(),
        _ => miniz_oxide::inflate::decompress_to_vec(&bytes[5..]).expect("our own link"),
    }
}

fn wire_of(scenario: &Scenario) -> Wire {
    postcard::from_bytes(&body_of(&encode(scenario))).expect("the wire form as it is described")
}

fn decode_wire(wire: &Wire) -> Result<Scenario, LinkError> {
    decode(&sealed(0, &postcard::to_allocvec(wire).expect("it can be written")))
}

/// Links are for ever: this text was written down on the day version 1 was fixed.
#[test]
fn the_wire_form_is_frozen() {
    let mut plain = common::scenario(
        7,
        vec![poisson("c", 2.5), balancer("lb", "smooth_weighted"), steady("s", 40.0)],
        vec![link("c", "lb", 0.0), common::lossy("lb", "s", 12.5, 0.25)],
    );
    plain.title = "Frozen".into();
    plain.note = "For ever.".into();
    plain.nodes[2].label = "Stone".into();
    (plain.nodes[2].x, plain.nodes[2].y) = (-16, 320);
    plain.nodes[2].kind.set("healthy", Value::Switch(false)).expect("allowed");
    plain.faults = vec![fault(2_000, "s", FaultKind::Restart)];
    plain.sends = vec![send(1_000, "c", "user:42")];
    let frozen = include_str!("fixtures/links/frozen.txt").trim_end();
    assert_eq!(decode(frozen).as_ref(), Ok(&plain));
    let wire = wire_of(&plain);
    assert_eq!(postcard::to_allocvec(&wire).expect("it can be written"), body_of(frozen));
    assert_eq!(decode_wire(&wire), Ok(plain));
}

// ===== round trips =====

fn some_text(most: usize) -> impl Strategy<Value = String> {
    let letter = prop_oneof![
        8 => prop::char::range(' ', '~'),
        1 => prop::char::range('\u{a0}', '\u{2fff}'),
        1 => prop::char::range('\u{1f300}', '\u{1f6ff}'),
    ];
    let keep = |letters: Vec<char>| -> String {
        let is_ordering = |c: &char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        letters.into_iter().filter(|c| !is_ordering(c) && !c.is_control()).collect()
    };
    prop::collection::vec(letter, 0..=most).prop_map(keep)
}

/// Any valid scenario: numbers with all their digits, texts in any script.
fn some_scenario() -> impl Strategy<Value = Scenario> {
    let genes = |most: usize| prop::collection::vec(any::<Genes>(), 0..most);
    let bones = (any::<u8>(), genes(12), genes(40), genes(8));
    let texts = (some_text(120), some_text(300), prop::collection::vec(some_text(80), 12));
    let numbers = (0..1u64 << 53, 0.001f64..1_000.0, prop::collection::vec(0.0f64..1.0, 64));
    (bones, texts, numbers).prop_map(|((seed, nodes, links, plan), texts, numbers)| {
        let mut made = random::scenario(seed, &nodes, &links, &plan);
        (made.title, made.note) = (texts.0, texts.1);
        (made.seed, made.speed) = (numbers.0, numbers.1);
        for (node, label) in made.nodes.iter_mut().zip(texts.2) {
            node.label = label;
        }
        for (number, broken) in numbers.2.into_iter().enumerate() {
            set_a_number(&mut made, number, broken);
        }
        made.check().expect("still valid");
        made
    })
}

/// Puts a number with many digits somewhere.
fn set_a_number(made: &mut Scenario, number: usize, broken: f64) {
    if let Some(link) = made.links.get_mut(number) {
        (link.latency_ms, link.loss) = (broken * 60_000.0, broken);
    }
    match made.nodes.get_mut(number).map(|node| &mut node.kind) {
        Some(Kind::Clients(config)) => config.rate = broken * 1e6,
        Some(Kind::Server(config)) => config.service_ms = 0.001 + broken,
        _ => {}
    }
    if let Some(send) = made.sends.get_mut(number) {
        send.at = Time::from_ns((broken * 1e15) as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn a_link_opens_as_exactly_what_was_linked(scenario in some_scenario()) {
        let text = encode(&scenario);
        prop_assert_eq!(&encode(&scenario), &text, "the same scenario, another link");
        prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)));
        prop_assert_eq!(&decode(&text).map_err(|e| TestCaseError::fail(e.to_string()))?, &scenario);
        prop_assert_eq!(encode(&decode(&text).expect("it opened before")), text);
    }

    #[test]
    fn a_file_opens_as_exactly_what_was_saved(scenario in some_scenario()) {
        let text = scenario.to_json();
        let again = Scenario::from_json(&text).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(&again, &scenario);
        prop_assert_eq!(again.to_json(), text);
        prop_assert_eq!(encode(&again), encode(&scenario));
    }
}

// ===== what was published =====

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/links")
}

/// Many nodes, wires, settings and texts: a fixture should have something of everything.
fn big() -> Scenario {
    let mut big = realistic(60);
    for number in 0..40u64 {
        let kind = FaultKind::ALL[number as usize % 2].0;
        big.faults.push(fault(number * 37, &format!("s{}", number % 50 + 1), kind));
        big.sends.push(send(number * 11, "web", &format!("user:\u{e9}\u{4e2d}{number}")));
    }
    big.note = "Two lines\nof a note, with \"quotes\" and <b>markup</b>.".into();
    big
}

/// `UPDATE_GOLDEN=1` adds fixtures that are missing. Those there are never touched: somebody has
/// the link.
#[test]
fn every_link_ever_published_still_opens() {
    let folder = fixtures();
    if env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        for (name, scenario) in presets().chain([("big", big())]) {
            let path = folder.join(format!("{name}.txt"));
            if !path.exists() {
                fs::write(&path, encode(&scenario) + "\n").expect("a new fixture");
                fs::write(path.with_extension("json"), scenario.to_json()).expect("a new fixture");
            }
        }
    }
    for (name, _) in presets().chain([("big", big())]) {
        let there = folder.join(format!("{name}.txt")).exists();
        assert!(there, "{name} has no fixture yet: run this test once with UPDATE_GOLDEN=1");
    }
    for entry in fs::read_dir(&folder).expect("the fixtures") {
        let path = entry.expect("a folder can be listed").path();
        if path.extension().is_some_and(|end| end == "txt") {
            let read = |path: &Path| {
                fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
            };
            let opened = decode(read(&path).trim_end());
            let opened = opened.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(opened.to_json(), read(&path.with_extension("json")), "{}", path.display());
        }
    }
}

// ===== limits =====

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
    assert_eq!(latency(f64::NAN), range(ms, "NaN"));
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
        "nodes[3].service: must be between 0.001 and 3600000, got NaN"
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
    assert_eq!(join(2, 3), "links[3]: a server answers requests, it sends none on");
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
    let fault = WireFault { at_ns: 1, node: 1, kind: 77 };
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

// ===== damage =====

#[test]
fn anything_after_the_end_is_damage() {
    for scenario in [trio(1, 40.0), Scenario::default()] {
        let body = body_of(&encode(&scenario));
        assert_eq!(decode(&sealed(0, &body)).as_ref(), Ok(&scenario));
        assert_eq!(decode(&deflated(&body)).as_ref(), Ok(&scenario));
        let longer = [&body[..], &[0]].concat();
        assert_eq!(decode(&sealed(0, &longer)), Err(LinkError::Damaged));
        assert_eq!(decode(&deflated(&longer)), Err(LinkError::Damaged));
        let tail = [&compress_to_vec(&body, 10)[..], b"tail"].concat();
        assert_eq!(decode(&sealed(1, &tail)), Err(LinkError::Damaged));
        assert_eq!(decode(&(encode(&scenario) + "A")), Err(LinkError::Damaged));
    }
}

#[test]
fn every_shorter_link_is_refused() {
    let text = encode(&trio(1, 40.0));
    for length in 0..text.len() {
        match decode(&text[..length]) {
            Err(LinkError::NotOurs) => assert!(length < 2, "{length}"),
            Err(LinkError::Damaged) => assert!(length >= 2, "{length}"),
            other => panic!("{length} characters: {other:?}"),
        }
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let text = encode(&trio(1, 40.0));
    let bytes = URL_SAFE_NO_PAD.decode(&text[2..]).expect("our own link");
    for bit in 0..bytes.len() * 8 {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let flipped = decode(&format!("1.{}", URL_SAFE_NO_PAD.encode(bytes)));
        match flipped {
            Err(LinkError::Damaged) => {}
            // The first byte says how to read the rest; its other bits are for later versions.
            Err(LinkError::NotOurs) => assert!((1..8).contains(&bit), "bit {bit}"),
            other => panic!("bit {bit}: {other:?}"),
        }
    }
    for place in 2..text.len() {
        let mut other = text.clone().into_bytes();
        other[place] = if other[place] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).expect("letters");
        assert!(decode(&other).is_err(), "character {place}");
    }
}

#[test]
fn versions_and_strangers_are_told_apart() {
    let text = encode(&trio(1, 40.0));
    let payload = &text[2..];
    assert_eq!(decode(&format!("2.{payload}")), Err(LinkError::TooNew(2)));
    assert_eq!(decode("77.whatever follows"), Err(LinkError::TooNew(77)));
    for garbage in ["", ".", "hello", "0.AAAA", "-1.AAAA", "x.AAAA", "/1/AAAA", "\u{1f600}.\u{0}"] {
        assert_eq!(decode(garbage), Err(LinkError::NotOurs), "{garbage:?}");
    }
    for damaged in ["1.", "1.A", "1.%%%%", "1. AAAAAAAA", "1.AAAAAA==", "1.AAAAAA"] {
        assert_eq!(decode(damaged), Err(LinkError::Damaged), "{damaged:?}");
    }
}

#[test]
fn each_refusal_is_a_sentence_of_its_own() {
    let problem = match decode(&encode(&Scenario { seed: 1 << 60, ..Scenario::default() })) {
        Err(LinkError::Invalid(problem)) => problem,
        other => panic!("{other:?}"),
    };
    let all = [
        (LinkError::NotOurs, "does not look like a Switchyard link"),
        (LinkError::TooNew(2), "newer version of Switchyard (format 2)"),
        (LinkError::Damaged, "damaged: part of it is missing or was changed"),
        (LinkError::TooLarge, "too large: at most 64 kB, 256 kB unpacked"),
        (LinkError::Invalid(problem), "something wrong: seed: must be at most 9007199254740991"),
    ];
    for (error, words) in all {
        let sentence = error.to_string();
        assert!(sentence.contains(words) && sentence.ends_with('.'), "{sentence}");
    }
}

// ===== fuzzing =====

/// Whatever came out, it is valid and opens again; or it was refused in a sentence.
fn is_sound(text: &str) -> Result<(), TestCaseError> {
    match decode(text) {
        Ok(scenario) => {
            prop_assert_eq!(scenario.check(), Ok(()));
            let again = decode(&encode(&scenario));
            prop_assert_eq!(again.as_ref(), Ok(&scenario));
        }
        Err(error) => prop_assert!(error.to_string().ends_with('.')),
    }
    Ok(())
}

/// Changes some bytes, as a slip or a stranger would.
fn mutated(mut body: Vec<u8>, changes: Vec<(usize, u8, u8)>) -> Vec<u8> {
    for (place, byte, how) in changes {
        let place = place % (body.len() + 1);
        match how % 4 {
            0 if place < body.len() => body[place] = byte,
            1 if place < body.len() => body[place] ^= 1 << (byte % 8),
            2 if place < body.len() => drop(body.remove(place)),
            _ => body.insert(place, byte),
        }
    }
    body
}

fn some_changes() -> impl Strategy<Value = Vec<(usize, u8, u8)>> {
    prop::collection::vec(any::<(usize, u8, u8)>(), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4_000) })]

    #[test]
    fn any_text_is_opened_or_refused(text in any::<String>(), tail in "[A-Za-z0-9_-]{0,200}") {
        is_sound(&text)?;
        is_sound(&format!("1.{text}"))?;
        is_sound(&format!("1.{tail}"))?;
    }

    #[test]
    fn any_bytes_under_a_good_checksum_are_opened_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        flags in 0u8..3,
    ) {
        is_sound(&sealed(flags, &bytes))?;
        is_sound(&deflated(&bytes))?;
    }

    #[test]
    fn a_changed_body_under_a_good_checksum_is_opened_or_refused(
        which in 0..8usize,
        changes in some_changes(),
    ) {
        let scenario = match presets().nth(which) {
            Some((_, scenario)) => scenario,
            None => trio(which as u64, 40.0),
        };
        let body = body_of(&encode(&scenario));
        is_sound(&sealed(0, &mutated(body.clone(), changes.clone())))?;
        is_sound(&sealed(1, &mutated(compress_to_vec(&body, 10), changes)))?;
    }

    #[test]
    fn a_changed_file_is_opened_or_refused(which in 0..6usize, changes in some_changes()) {
        let (_, scenario) = presets().nth(which).expect("there are six");
        let bytes = mutated(scenario.to_json().into_bytes(), changes);
        if let Ok(text) = String::from_utf8(bytes) {
            match Scenario::from_json(&text) {
                Ok(read) => prop_assert_eq!(Scenario::from_json(&read.to_json()), Ok(read)),
                Err(problem) => prop_assert!(problem.to_string().len() > 5),
            }
        }
    }
}

// ===== lengths =====

/// As a person would draw it: named, placed, set up, with latencies, a title, a seed, two faults.
fn realistic(count: usize) -> Scenario {
    let mut made = Scenario { seed: 4_711, speed: 0.25, ..Scenario::default() };
    made.title = "Shop front with two tiers of servers".into();
    let mut web = poisson("web", 240.0);
    web.label = "Shop visitors".into();
    let mut edge = balancer("edge", "smooth_weighted");
    edge.label = "Edge balancer".into();
    (edge.x, edge.y) = (272, 144);
    made.nodes = vec![web, edge];
    made.links = vec![link("web", "edge", 30.0)];
    for number in 1..=count - 2 {
        let id = format!("s{number}");
        let config = ServerConfig {
            cores: [1, 2, 4][number % 3],
            service_ms: [40.0, 55.0, 120.0, 12.5][number % 4],
            queue_limit: [100, 20][number % 2],
            weight: [1, 2, 5][number % 3],
            ..ServerConfig::default()
        };
        let mut node = server(&id, config);
        node.label = format!("Server {number}");
        (node.x, node.y) = (576 + 192 * (number as i32 / 6), 160 * (number as i32 % 6));
        made.nodes.push(node);
        made.links.push(link("edge", &id, [12.0, 20.0, 2.5][number % 3]));
    }
    made.faults =
        vec![fault(2_000, "s1", FaultKind::Crash), fault(5_500, "s1", FaultKind::Restart)];
    made.check().expect("it is valid");
    made
}

#[test]
fn links_stay_short() {
    let own = "https://example.org/switchyard/#s=".len();
    // Straight to the terminal, because the test harness swallows what a passing test prints.
    let mut out = io::stdout().lock();
    let mut measure = |name: &str, scenario: &Scenario, most: usize| {
        let length = encode(scenario).len();
        let nodes = scenario.nodes.len();
        writeln!(out, "link of {name}, {nodes} nodes: {length} characters, at most {most}")
            .expect("the terminal takes text");
        assert!(length + own <= most, "{name}: {length} characters");
    };
    for (name, scenario) in presets() {
        // A note is as long as its author likes.
        let bare = Scenario { note: String::new(), ..scenario };
        measure(name, &bare, 350);
    }
    measure("a realistic scenario", &realistic(5), 350);
    measure("a realistic scenario", &realistic(10), 500);
    measure("a realistic scenario", &realistic(20), 800);
}

// ===== files =====

/// A document with one part replaced.
fn file(part: &str, with: &str) -> String {
    let base = r#"{"schema": "switchyard/1", "title": "t", "seed": 1, "speed": 1, "nodes": [
        {"id": "c", "kind": "clients", "rate": 5},
        {"id": "lb", "kind": "balancer", "strategy": "round_robin"},
        {"id": "s1", "kind": "server", "x": 1, "y": 2},
        {"id": "s2", "kind": "server", "queue": 7, "healthy": true}
    ], "links": [{"from": "c", "to": "lb", "latency_ms": 3}, {"from": "lb", "to": "s1"}],
    "faults": [{"at_ms": 5, "node": "s1", "what": "crash"}],
    "sends": [{"at_ms": 6, "from": "c", "key": "k"}]}"#;
    assert_eq!(base.matches(part).count(), 1, "{part}");
    base.replace(part, with)
}

#[test]
fn a_bad_file_is_refused_with_the_path_and_the_reason() {
    Scenario::from_json(&file("\"k\"", "\"key\"")).expect("as it stands it is right");
    let rows: &[(&str, &str, &str)] = &[
        ("\"queue\": 7", "\"queue\": -5", "nodes[3].queue: must be between 0 and 1000000, got -5"),
        ("\"queue\": 7", "\"queue\": 1.5", "nodes[3].queue: must be a whole number, got 1.5"),
        ("\"queue\": 7", "\"queue\": \"7\"", "nodes[3].queue: must be a number"),
        ("\"queue\": 7", "\"queue\": null", "nodes[3].queue: must be a number"),
        (
            "\"queue\": 7",
            "\"capacity\": 7",
            "nodes[3].capacity: is not a parameter of a server; it has service, spread, cores, queue, weight, healthy",
        ),
        ("true", "1", "nodes[3].healthy: must be true or false"),
        (
            "\"rate\": 5",
            "\"rate\": 1e7",
            "nodes[0].rate: must be between 0 and 1000000, got 10000000",
        ),
        (
            "\"round_robin\"",
            "\"best\"",
            "nodes[1].strategy: must be one of round_robin, smooth_weighted, round_robin_as_in_course, got \"best\"",
        ),
        ("\"round_robin\"", "3", "nodes[1].strategy: must be a text"),
        (
            "\"balancer\"",
            "\"router\"",
            "nodes[1].kind: must be one of clients, balancer, server, got \"router\"",
        ),
        ("\"kind\": \"balancer\", ", "", "nodes[1]: needs \"kind\""),
        ("\"id\": \"s2\", ", "", "nodes[3]: needs \"id\""),
        ("\"id\": \"s2\"", "\"id\": \"s1\"", "nodes[3].id: another node has the id \"s1\" already"),
        (
            "\"id\": \"s2\"",
            "\"id\": \"s 2\"",
            "nodes[3].id: must be 1 to 40 letters, digits, _ or -",
        ),
        ("\"x\": 1", "\"x\": 1e9", "nodes[2].x: must be between -100000 and 100000"),
        ("\"x\": 1", "\"x\": 200000", "nodes[2].x: must be between -100000 and 100000, got 200000"),
        (
            "\"latency_ms\": 3",
            "\"latency_ms\": -1",
            "links[0].latency_ms: must be between 0 and 60000, got -1",
        ),
        (
            "\"latency_ms\": 3",
            "\"delay\": 3",
            "links[0]: has no field \"delay\"; it has from, to, latency_ms, loss",
        ),
        ("\"to\": \"s1\"", "\"to\": \"s9\"", "links[1]: there is no node \"s9\""),
        ("\"to\": \"s1\"", "\"to\": \"lb\"", "links[1]: lb cannot be wired to itself"),
        (
            "\"from\": \"lb\"",
            "\"from\": \"s2\"",
            "links[1]: a server answers requests, it sends none on",
        ),
        (
            "\"at_ms\": 5",
            "\"at_ms\": -5",
            "faults[0].at_ms: must be between 0 and 1000000000, got -5",
        ),
        ("\"node\": \"s1\"", "\"node\": \"s9\"", "faults[0].node: there is no node \"s9\""),
        ("\"crash\"", "\"melt\"", "faults[0].what: must be one of crash, restart"),
        ("\"at_ms\": 6, ", "", "sends[0]: needs \"at_ms\""),
        (
            "\"from\": \"c\", \"key\"",
            "\"from\": \"s1\", \"key\"",
            "sends[0].from: there are no clients \"s1\"",
        ),
        ("\"k\"", "7", "sends[0].key: must be a text"),
        ("\"seed\": 1", "\"seed\": -1", "seed: must be a whole number, 0 or more"),
        ("\"seed\": 1", "\"seed\": 9007199254740992", "seed: must be at most 9007199254740991"),
        ("\"speed\": 1", "\"speed\": 0", "speed: must be between 0.001 and 1000, got 0"),
        ("\"title\": \"t\"", "\"title\": [\"t\"]", "title: must be a text"),
        (
            "\"title\": \"t\"",
            "\"name\": \"t\"",
            "has no field \"name\"; it has schema, title, note, seed, speed, nodes, links, faults, sends",
        ),
        (
            "\"switchyard/1\"",
            "\"switchyard/2\"",
            "schema: this was made with a newer version (switchyard/2); reads switchyard/1",
        ),
        ("\"switchyard/1\"", "\"other\"", "schema: must be \"switchyard/1\""),
        ("\"schema\": \"switchyard/1\", ", "", "needs \"schema\""),
    ];
    for (part, with, words) in rows {
        let problem = Scenario::from_json(&file(part, with)).expect_err(words);
        assert_eq!(problem.to_string(), *words, "{part} -> {with}");
    }
    for (text, words) in [
        ("", "this is not JSON: "),
        ("{\"schema\": ", "this is not JSON: "),
        ("[]", "must be an object"),
        ("{\"schema\": \"switchyard/1\", \"nodes\": {}}", "nodes: must be a list"),
        ("{\"schema\": \"switchyard/1\", \"nodes\": [7]}", "nodes[0]: must be an object"),
    ] {
        let problem = Scenario::from_json(text).expect_err(words).to_string();
        assert!(problem.starts_with(words), "{text}: {problem}");
    }
    let deep = "[".repeat(100_000);
    assert!(Scenario::from_json(&deep).is_err());
    let long = format!("{}{}", file("\"k\"", "\"key\""), " ".repeat(8 << 20));
    let problem = Scenario::from_json(&long).expect_err("too long").to_string();
    assert!(problem.starts_with("the file is larger than "), "{problem}");
}

#[test]
fn marks_that_reorder_text_are_taken_out_of_files() {
    let marked = file("\"x\": 1", "\"label\": \"a\\u202eb\\u0007c\"");
    let read = Scenario::from_json(&marked).expect("it is cleaned");
    assert_eq!(read.nodes[2].label, "abc");
}
