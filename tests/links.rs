//! Links are for ever: what is encoded opens again exactly, what was ever published still opens,
//! and what was damaged or made up is refused. See also `limits.rs`.

mod common;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use miniz_oxide::deflate::compress_to_vec;
use proptest::prelude::*;
use switchyard::node::{ServerConfig, Value};
use switchyard::scenario::link::{LinkError, decode, encode};
use switchyard::scenario::{Annotation, AnnotationKind, FaultKind, Scenario};

use common::random::{mutated, some_changes, some_scenario};
use common::wire::{body_of, decode_wire, deflated, sealed, wire_of};
use common::{balancer, fault, link, poisson, presets, send, server, steady, trio};

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

/// And this on the day version 2 was.
#[test]
fn the_second_wire_form_is_frozen_too() {
    let mut drawn = trio(3, 40.0);
    let annotation = |what, id: &str, text: &str, x| Annotation {
        id: id.into(),
        what,
        text: text.into(),
        x,
        y: -40,
        width: 480,
        height: 96,
    };
    drawn.annotations = vec![
        annotation(AnnotationKind::Region, "region1", "Zone A", -64),
        annotation(AnnotationKind::Note, "note1", "Two lines,\nfor ever.", 512),
    ];
    let frozen = include_str!("fixtures/links/frozen2.txt").trim_end();
    assert_eq!(encode(&drawn), frozen);
    assert_eq!(decode(frozen).as_ref(), Ok(&drawn));
    let plain = Scenario { annotations: Vec::new(), ..drawn };
    assert!(encode(&plain).starts_with("1."), "without drawings it is what it always was");
}

// ===== round trips =====

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
}

// ===== what was published =====

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/links")
}

/// Many nodes, wires, settings and texts: a fixture should have something of everything.
fn big() -> Scenario {
    let mut big = realistic(60);
    for number in 0..40u64 {
        let kind = FaultKind::ALL[number as usize % 2];
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
    assert_eq!(decode(&format!("2.{payload}")), Err(LinkError::Damaged));
    assert_eq!(decode(&format!("3.{payload}")), Err(LinkError::TooNew(3)));
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
        let most = match bare.nodes.len() {
            0..=5 => 350,
            6..=10 => 500,
            11..=20 => 800,
            _ => 2_200,
        };
        measure(name, &bare, most);
    }
    measure("a realistic scenario", &realistic(5), 350);
    measure("a realistic scenario", &realistic(10), 500);
    measure("a realistic scenario", &realistic(20), 800);
    measure("a realistic scenario", &realistic(80), 2_200);
}
