//! What must hold for every algorithm of every room, because the tables, menus and links say so.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::{env, fs};

use switchyard::policy::balance::{self, Answer, Ask, Backend, Pick};
use switchyard::policy::{Knob, Knobs, ROOMS, place};
use switchyard::sim::{Rng, Span, Time, Why};

#[test]
fn entries_are_whole_and_their_names_and_numbers_unique() {
    for room in ROOMS {
        let entries = (room.entries)();
        assert!(!entries.is_empty(), "{} is empty", room.key);
        for (place, entry) in entries.iter().enumerate() {
            let name = format!("{}/{}", room.key, entry.key);
            for other in &entries[..place] {
                assert_ne!(entry.key, other.key, "{name}");
                assert_ne!(entry.wire, other.wire, "{name} and {}", other.key);
                assert_ne!(entry.name, other.name, "{name} and {}", other.key);
            }
            let plain = |key: &str| {
                key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            };
            assert!(plain(entry.key), "{name}");
            for sentence in [entry.rule, entry.when, entry.when_not] {
                assert!(sentence.ends_with(['.', '!', '?']), "{name}: {sentence:?}");
            }
            for words in [entry.whose, entry.cost, entry.source] {
                assert!(!words.is_empty(), "{name}");
            }
            entry.knobs.iter().enumerate().for_each(|(place, knob)| {
                knob_is_whole(&name, knob);
                for other in &entry.knobs[..place] {
                    assert!(knob.key != other.key && knob.wire != other.wire, "{name}");
                }
            });
        }
    }
}

fn knob_is_whole(name: &str, knob: &Knob) {
    let name = format!("{name}.{}", knob.key);
    assert!((knob.min..=knob.max).contains(&knob.default), "{name}");
    assert!(!knob.whole || knob.default.fract() == 0.0, "{name}");
    assert!(knob.wire < 128, "{name}: numbers of knobs in links are 7 bits");
    assert!(knob.help.ends_with('.') && !knob.label.is_empty(), "{name}");
}

/// What stands between two marks of a file is `made`. `UPDATE_README=1` writes it.
fn check_made(file: &str, (begin, end): (&str, &str), made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = fs::read_to_string(&path).expect("the file is there");
    let (before, rest) = text.split_once(begin).expect("the file says where it begins");
    let (_, after) = rest.split_once(end).expect("the file says where it ends");
    let fresh = format!("{before}{begin}\n{made}\n{end}{after}");
    if env::var_os("UPDATE_README").is_some() {
        fs::write(&path, &fresh).expect("the file can be written");
    }
    let now = fs::read_to_string(&path).expect("the file is there");
    assert!(now == fresh, "{file} has another table than the program: run `make readme`");
}

#[test]
fn the_readme_has_the_catalogues_as_they_are() {
    let marks = ("<!-- catalogues: made by `make readme` -->\n", "<!-- end of catalogues -->\n");
    let tables: Vec<String> = ROOMS.iter().map(|room| room.markdown()).collect();
    check_made("README.md", marks, &tables.join("\n"));
}

#[test]
fn the_readme_s_page_about_embedding_has_the_options_as_they_are() {
    let marks = ("<!-- options: made by `make readme` -->", "<!-- end of options -->");
    check_made("www/embedding.html", marks, &switchyard::view::options::to_html());
}

/// Values of a knob other than its default.
fn others(knob: &Knob) -> Vec<f64> {
    let middle = (knob.min + knob.max.min(knob.min + 64.0)) / 2.0;
    let (double, half, next) = (knob.default * 2.0, knob.default / 2.0, knob.default + 1.0);
    // 120 is a balance factor worth its name: up to 100 there is none.
    let all = [knob.min, knob.max, double, half, middle, next, 120.0];
    let fit = |value: f64| if knob.whole { value.round() } else { value };
    let mut values: Vec<f64> = all.map(fit).to_vec();
    values.retain(|value| (knob.min..=knob.max).contains(value) && *value != knob.default);
    values.sort_by(f64::total_cmp);
    values.dedup();
    values
}

/// Settings in which a knob may matter: all defaults, and each switch beside it turned.
fn contexts(knobs: &'static [Knob], about: &Knob) -> Vec<Knobs> {
    let mut contexts = vec![Knobs::default()];
    let switches = knobs.iter().filter(|knob| knob.key != about.key && knob.max - knob.min == 1.0);
    for knob in switches {
        let mut turned = Knobs::default();
        let other = knob.min + knob.max - knob.default;
        turned.set(knobs, knob.key, other).expect("a switch has two values");
        contexts.push(turned);
    }
    contexts
}

/// What a list looks like in one of the lives below.
#[derive(Clone, Copy)]
struct Life {
    weights: [i64; 6],
    /// The last two are backups, and the others fall ill more often.
    backups: bool,
    /// How many may be in flight at each; 0 is no limit.
    limit: u32,
    /// Requests are tried again where they were not tried before.
    retries: bool,
}

const LIVES: [Life; 4] = [
    Life { weights: [5, 1, 3, 1, 2, 4], backups: false, limit: 40, retries: false },
    Life { weights: [1; 6], backups: false, limit: 0, retries: true },
    Life { weights: [2, 1, 1, 3, 1, 2], backups: true, limit: 12, retries: true },
    Life { weights: [1, 1, 1, 1, 8, 1], backups: false, limit: 0, retries: false },
];

/// The picks of four long eventful lives: failures, slow answers, some that stay, ups and downs.
fn picks(entry: &balance::Entry, knobs: &Knobs) -> Vec<Option<usize>> {
    LIVES.iter().flat_map(|life| live(entry, knobs, life, false)).collect()
}

/// The picks of one life; `blind` if what the strategy says it does not look at is kept from it.
fn live(entry: &balance::Entry, knobs: &Knobs, life: &Life, blind: bool) -> Vec<Option<usize>> {
    let mut policy = (entry.make)(knobs);
    let keyed = !blind || policy.reads_key();
    let timed = !blind || policy.reads_times();
    let mut list: Vec<Backend> = Vec::new();
    for (place, weight) in life.weights.into_iter().enumerate() {
        let name = format!("10.0.0.{}:80", place + 1);
        let backup = life.backups && place >= 4;
        let fresh = Backend::new(place as u32 + 1, &name, weight);
        list.push(Backend { in_flight_max: life.limit, backup, ..fresh });
        policy.added(&list);
    }
    let (mut rng, mut events) = (Rng::from_seed(7), Rng::from_seed(8));
    let mut under_way: Vec<(usize, Time)> = Vec::new();
    let mut picks = Vec::new();
    for number in 0..3_000u64 {
        let now = Time::ZERO + Span::from_millis(number * 37);
        let (page, part) = (events.below(300), events.below(4));
        let host = if page % 3 == 0 { "http://shop.example" } else { "" };
        // Now and then a key is there and empty.
        let key = match number % 40 {
            39 => String::new(),
            _ => format!("{host}/shop/{part}/item{page}?page={number}"),
        };
        let client = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + events.below(3_000) * 256));
        let mut tried: Vec<usize> = Vec::new();
        for _ in 0..if life.retries { 3 } else { 1 } {
            let key = keyed.then_some(key.as_bytes());
            let ask = Ask { now, key, client, tried: &tried };
            match policy.pick(&ask, &list, &mut rng, &mut Why::off()) {
                Pick::Backend(place) => {
                    list[place].in_flight += 1;
                    policy.sent(place, &list);
                    under_way.push((place, now));
                    picks.push(Some(place));
                    tried.push(place);
                }
                Pick::Nobody => picks.push(None),
                Pick::Crash(words) => panic!("{}: {words}", entry.key),
            }
        }
        // Quiet and busy times in turn: up to four, then up to sixty under way.
        let most = if (number / 300) % 2 == 0 { 4 } else { 60 };
        while under_way.len() > most || (events.below(3) == 0 && !under_way.is_empty()) {
            let which = events.below(under_way.len() as u32) as usize;
            let (place, since) = under_way.swap_remove(which);
            list[place].in_flight -= 1;
            let ok = events.below(100) >= 4 + 10 * place as u32;
            let took = if timed { now.since(since) } else { Span::ZERO };
            policy.answered(place, &Answer { now, took, ok }, &list);
        }
        if events.below(if life.backups { 12 } else { 200 }) == 0 {
            let place = events.below(if life.backups { 4 } else { 6 }) as usize;
            list[place].healthy = !list[place].healthy;
            policy.changed(place, &list);
        }
    }
    policy.check(&list).unwrap_or_else(|wrong| panic!("{}: {wrong}", entry.key));
    picks
}

/// Nodes spell out keys and keep times only for strategies that say they look at them.
#[test]
fn strategies_look_only_at_what_they_say() {
    for entry in balance::CATALOGUE {
        for life in &LIVES {
            let seeing = live(entry, Knobs::DEFAULTS, life, false);
            assert!(live(entry, Knobs::DEFAULTS, life, true) == seeing, "{}", entry.key);
        }
    }
}

/// Two entries that never differ would be one algorithm under two names.
#[test]
fn no_two_strategies_pick_the_same() {
    let all: Vec<_> =
        balance::CATALOGUE.iter().map(|entry| (entry.key, picks(entry, Knobs::DEFAULTS))).collect();
    for (place, (key, picks)) in all.iter().enumerate() {
        for (other, its) in &all[..place] {
            // The literal one differs only when somebody leaves, and then it falls over.
            if *key == "round_robin_as_in_course" {
                continue;
            }
            assert!(picks != its, "{key} picks as {other} does");
        }
    }
}

#[test]
fn every_setting_of_every_strategy_changes_its_picks() {
    let mut dead = Vec::new();
    for entry in balance::CATALOGUE {
        for knob in entry.knobs {
            let differs = contexts(entry.knobs, knob).into_iter().any(|context| {
                let plain = picks(entry, &context);
                others(knob).into_iter().any(|value| {
                    let mut knobs = context.clone();
                    knobs.set(entry.knobs, knob.key, value).expect("a value in range");
                    picks(entry, &knobs) != plain
                })
            });
            if !differs {
                dead.push(format!("{}.{}", entry.key, knob.key));
            }
        }
    }
    assert!(dead.is_empty(), "these do nothing: {}", dead.join(", "));
}

#[test]
fn every_setting_of_every_placement_moves_keys() {
    let shards: Vec<place::Shard> =
        (1..=6).map(|n| place::Shard::new(&format!("10.0.0.{n}:6379"), n)).collect();
    let owners = |entry: &place::Entry, knobs: &Knobs| -> Option<Vec<Option<usize>>> {
        let placement = (entry.make)(knobs, &shards).ok()?;
        let key = |n: u32| format!("user:{n}");
        // Some settings only matter when the members change.
        let more = [&shards[..], &[place::Shard::new("10.0.0.7:6379", 3)]].concat();
        let after = placement.with(&more).ok()?;
        let owner = |n: u32| {
            let key = key(n);
            [&placement, &after].map(|p| p.owner(key.as_bytes(), &mut Why::off()))
        };
        Some((0..2_000).flat_map(owner).collect())
    };
    let mut dead = Vec::new();
    for entry in place::CATALOGUE {
        for knob in entry.knobs {
            let differs = contexts(entry.knobs, knob).into_iter().any(|context| {
                let plain = owners(entry, &context);
                others(knob).into_iter().any(|value| {
                    let mut knobs = context.clone();
                    knobs.set(entry.knobs, knob.key, value).expect("a value in range");
                    let owners = owners(entry, &knobs);
                    owners.is_some() && plain.is_some() && owners != plain
                })
            });
            if !differs {
                dead.push(format!("{}.{}", entry.key, knob.key));
            }
        }
    }
    assert!(dead.is_empty(), "these do nothing: {}", dead.join(", "));
}
