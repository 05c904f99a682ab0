//! The command line as a person or a script meets it: output, errors, exit status.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;

fn command(args: &[&str]) -> Output {
    with_input(args, b"")
}

fn with_input(args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_switchyard"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    let feeding = std::thread::Builder::new().spawn(move || {
        // A command that refuses its options never reads.
        let _fed = stdin.write_all(&input);
    });
    let output = child.wait_with_output().expect("the binary ends");
    feeding.expect("a thread").join().expect("feeding ends");
    output
}

/// What it prints when all is well.
fn text(args: &[&str]) -> String {
    let output = command(args);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}

fn json(args: &[&str]) -> Json {
    serde_json::from_str(&text(args)).unwrap_or_else(|error| panic!("{args:?}: {error}"))
}

/// What it says when it refuses.
fn refused(args: &[&str]) -> String {
    let output = command(args);
    assert_eq!(output.status.code(), Some(2), "{args:?}");
    let words = String::from_utf8(output.stderr).expect("text");
    assert!(words.starts_with("switchyard: "), "{words}");
    words
}

#[test]
fn balance_gives_the_sequence_and_the_numbers() {
    let args = ["balance", "--strategy", "smooth_weighted", "--servers", "a=5,b=1,c=1"];
    let all = [&args[..], &["--picks", "14", "--json"]].concat();
    let report = json(&all);
    let picks: Vec<&str> =
        report["picks"].as_array().expect("a list").iter().filter_map(Json::as_str).collect();
    assert_eq!(picks.concat(), "aabacaaaabacaa");
    assert_eq!(report["counts"]["a"], 10);
    assert_eq!(report["steps"][1]["numbers"][0]["numbers"], "−2 + 5 = 3");
    let lines = text(&[&args[..], &["--picks", "2"]].concat());
    let first =
        "1\ta\ta has the largest running weight and pays the sum of the weights: 5 − 7 = −2.";
    assert_eq!(lines.lines().next(), Some(first));
}

#[test]
fn balance_takes_servers_down_and_up_again() {
    let args = ["balance", "--strategy", "round-robin", "--servers", "a,b,c", "--picks", "9"];
    let with = [&args[..], &["--down", "b@4", "--up", "b@7", "--json"]].concat();
    let picks = json(&with)["picks"].to_string();
    assert_eq!(picks, r#"["a","b","c","a","c","a","b","c","a"]"#);
}

#[test]
fn place_says_which_keys_move() {
    let args = ["place", "--strategy", "jump", "--nodes", "a,b,c", "--add", "d", "--json"];
    let report = json(&[&args[..], &["k1", "k2", "k3", ""]].concat());
    let keys = report["keys"].as_array().expect("a list");
    assert_eq!(keys.len(), 4);
    let moved = keys.iter().filter(|key| key["node"] != key["to"]).count();
    assert_eq!(report["moved"]["count"], moved);
    assert_eq!(report["moved"]["ideal"], 0.25);
    // Jump moves keys only to the node that came.
    assert!(keys.iter().all(|key| key["node"] == key["to"] || key["to"] == "d"));
    assert!(keys.iter().all(|key| !key["why"].as_str().unwrap_or("").is_empty()));
}

#[test]
fn place_reads_any_bytes_from_standard_input() {
    let args = ["place", "--strategy", "md5_mod", "--nodes", "a,b", "--json"];
    let output = with_input(&args, b"k1\r\n\xff\xfe\n\nlast");
    let report: Json = serde_json::from_slice(&output.stdout).expect("a JSON document");
    let keys = report["keys"].as_array().expect("a list");
    assert_eq!(keys.len(), 4);
    assert_eq!(keys[0]["key"], "k1");
    assert_eq!(keys[1]["key_hex"], "fffe");
    assert_eq!(keys[2]["key"], "");
    assert_eq!(report["total"], 4);
}

#[test]
fn strategies_are_listed_by_room() {
    let all = json(&["strategies", "--json"]);
    assert_eq!(all["balance"][0]["key"], "round_robin");
    assert!(text(&["strategies", "place"]).contains("jump"));
    assert!(refused(&["strategies", "kitchen"]).contains("balance, place, evict, line, guard"));
}

#[test]
fn nonsense_is_refused_with_the_reason() {
    let cases: &[(&[&str], &str)] = &[
        (&["dance"], "does not know the command"),
        (&["balance"], "--strategy"),
        (&["balance", "--strategy", "best"], "there is round_robin"),
        (&["balance", "--strategy", "random"], "--servers"),
        (&["balance", "--strategy", "random", "--servers", ""], "names nobody"),
        (&["balance", "--strategy", "random", "--servers", "a,a"], "twice"),
        (&["balance", "--strategy", "random", "--servers", "a,,b"], "name is missing"),
        (&["balance", "--strategy", "random", "--servers", "a=heavy"], "whole number"),
        (&["balance", "--strategy", "random", "--servers", "a", "--picks", "0"], "--picks"),
        (&["balance", "--strategy", "random", "--servers", "a", "--down", "b@1"], "no server"),
        (&["balance", "--strategy", "random", "--servers", "a", "--set", "x=1"], "--set"),
        (&["balance", "--strategy", "random", "--servers", "a", "--clients", "x"], "IP address"),
        (&["balance", "--strategy", "random", "--servers", "a", "--colour"], "does not understand"),
        (&["place", "--strategy", "jump", "--nodes", "a", "--remove", "b", "k"], "no node"),
        (&["place", "--strategy", "jump", "--nodes", "a", "--remove", "a", "k"], "no node"),
        (&["place", "--strategy", "jump", "--nodes", "a", "--add", "a", "k"], "already"),
        (&["place", "--strategy", "ketama", "--nodes", "a=-1", "k"], "weight"),
        (&["place", "--strategy", "jump", "--nodes", "a", "--colour", "k"], "does not understand"),
    ];
    for (args, words) in cases {
        let said = refused(args);
        assert!(said.contains(words), "{args:?} said {said:?}, without {words:?}");
    }
}
