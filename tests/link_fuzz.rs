//! Links from strangers, for as long as one likes: `FUZZ_SECONDS=600 cargo test --release --test
//! link_fuzz`. Arbitrary bytes and changed links, under good checksums and bad ones, alone and with
//! a moment behind them; also pictures and messages, which lead to the same reader.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "it goes on for a time that a person chose"
)]

mod common;

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use miniz_oxide::deflate::compress_to_vec;
use switchyard::scenario::link::{decode, encode};
use switchyard::scenario::picture;
use switchyard::session::{Moment, hear};
use switchyard::sim::Rng;

use common::presets;
use common::wire::{body_of, deflated, sealed};

fn bytes(rng: &mut Rng, most: u32) -> Vec<u8> {
    (0..rng.below(most)).map(|_| rng.below(256) as u8).collect()
}

/// Some bytes changed, put in, taken out, doubled.
fn changed(rng: &mut Rng, mut all: Vec<u8>) -> Vec<u8> {
    for _ in 0..=rng.below(6) {
        if all.is_empty() {
            break;
        }
        let place = rng.below(all.len() as u32) as usize;
        let byte = [0, 1, 0x7f, 0x80, 0xff, rng.below(256) as u8][rng.below(6) as usize];
        match rng.below(5) {
            0 => all[place] = byte,
            1 => all.insert(place, byte),
            2 => drop(all.remove(place)),
            3 => all.truncate(place),
            _ => {
                let part = all[place..].to_vec();
                all.extend(part);
                all.truncate(100_000);
            }
        }
    }
    all
}

/// Whatever came out is right and opens again, or it was refused in a sentence.
fn open(text: &str) {
    match decode(text) {
        Ok(scenario) => {
            assert_eq!(scenario.check(), Ok(()));
            assert_eq!(decode(&encode(&scenario)).as_ref(), Ok(&scenario), "{text}");
        }
        Err(error) => assert!(error.to_string().ends_with('.'), "{text}"),
    }
}

#[test]
fn whatever_a_stranger_sends_is_opened_or_refused() {
    let seconds = std::env::var("FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let until = Instant::now() + Duration::from_secs(seconds.unwrap_or(2));
    let links: Vec<String> = presets().map(|(_, scenario)| encode(&scenario)).collect();
    let mut rng = Rng::from_seed(20_261_127);
    let (mut tried, mut slowest) = (0u64, Duration::ZERO);
    while Instant::now() < until {
        let link = &links[rng.below(links.len() as u32) as usize];
        let body = changed(&mut rng, body_of(link));
        let texts = [
            String::from_utf8_lossy(&changed(&mut rng, link.clone().into_bytes())).into_owned(),
            String::from_utf8_lossy(&bytes(&mut rng, 300)).into_owned(),
            sealed(rng.below(4) as u8, &bytes(&mut rng, 400)),
            deflated(&bytes(&mut rng, 400)),
            sealed(0, &body),
            sealed(1, &changed(&mut rng, compress_to_vec(&body, 10))),
            deflated(&body),
            format!("2{}", &deflated(&body)[1..]),
        ];
        for text in &texts {
            let began = Instant::now();
            open(text);
            slowest = slowest.max(began.elapsed());
            tried += 1;
        }
        let tail = String::from_utf8_lossy(&changed(&mut rng, b"&m=5.6.7&r=8&v=1,2,3".to_vec()))
            .into_owned();
        if let Some(moment) = Moment::read(&tail) {
            assert_eq!(Moment::read(&moment.to_string()).map(|again| again.at), Some(moment.at));
        }
        // Neither may panic; what they say is for the tests beside them.
        let _ = picture::from_png(&changed(
            &mut rng,
            b"\x89PNG\r\n\x1a\n\0\0\0\x05tEXtswitchyard\x001.AA\0\0\0\0".to_vec(),
        ));
        let _ = picture::from_svg(&format!("<metadata>switchyard:{}", texts[0]));
        let _ = hear(&format!("{{\"switchyard\":1,\"type\":\"load\",\"s\":{:?}}}", texts[4]));
    }
    // Straight to the terminal, because the test harness swallows what a passing test prints.
    writeln!(io::stdout().lock(), "{tried} links from strangers, the slowest took {slowest:?}")
        .expect("the terminal takes text");
    assert!(tried > 0);
}
