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

/// Text may end in \r\n; in other bytes, and at the end of the input, a \r is a byte like any.
#[test]
fn place_reads_any_bytes_from_standard_input() {
    let args = ["place", "--strategy", "md5_mod", "--nodes", "a,b", "--json"];
    let output = with_input(&args, b"k1\r\n\xff\xfe\n\n\xff\r\nk2\r\r\nlast\r");
    let report: Json = serde_json::from_slice(&output.stdout).expect("a JSON document");
    let keys = report["keys"].as_array().expect("a list");
    let texts: Vec<&str> = keys.iter().filter_map(|key| key["key"].as_str()).collect();
    assert_eq!(texts, ["k1", "\u{fffd}\u{fffd}", "", "\u{fffd}\r", "k2\r", "last\r"]);
    assert_eq!((&keys[1]["key_hex"], &keys[3]["key_hex"]), (&"fffe".into(), &"ff0d".into()));
    assert_eq!(report["total"], 6);
}

/// The rows of a text report: key, node, and the rest.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let keys = text.lines().filter(|line| !line.starts_with('#'));
    keys.map(|line| line.split('\t').collect()).collect()
}

#[test]
fn place_takes_nodes_away() {
    let args = ["place", "--strategy", "rendezvous", "--nodes", "a,b,c,d", "--remove", "b,d"];
    let numbers: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    let keys: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let said = text(&[&args[..], &keys].concat());
    for row in rows(&said) {
        match row[1].split_once(" -> ") {
            Some((from, to)) => assert!("bd".contains(from) && "ac".contains(to), "{row:?}"),
            None => assert!("ac".contains(row[1]), "only keys of b and d move: {row:?}"),
        }
    }
    let moved = rows(&said).iter().filter(|row| row[1].contains(" -> ")).count();
    let last = format!("# moved {moved} of 40 = {:.4}; ideal 0.5000", moved as f64 / 40.0);
    assert_eq!(said.lines().last(), Some(last.as_str()));
    // Again and again, one taken away and another added.
    let args = ["place", "--strategy", "rendezvous", "--nodes", "a,b,c", "--remove", "a"];
    let report = json(&[&args[..], &["--remove", "b", "--add", "x=2,y", "--json", "k"]].concat());
    assert!(["c", "x", "y"].contains(&report["keys"][0]["to"].as_str().expect("a node")));
}

/// The least that must move is counted as in the library: without weights where they are ignored.
#[test]
fn place_says_how_little_could_have_moved() {
    let ideal = |strategy: &str, change: &[&str]| {
        let args = ["place", "--strategy", strategy, "--nodes", "a=3,b", "--json"];
        json(&[&args[..], change, &["k"]].concat())["moved"]["ideal"].as_f64()
    };
    assert_eq!(ideal("jump", &["--remove", "a"]), Some(0.5));
    assert_eq!(ideal("maglev", &["--remove", "a"]), Some(0.75));
    assert_eq!(ideal("maglev", &["--add", "c=4"]), Some(0.5));
    // One comes and one goes: half of all keys, not the larger of both shares alone.
    assert_eq!(ideal("rendezvous", &["--remove", "a", "--add", "c"]), Some(0.5));
    // Another weight alone: from three of four to one of two.
    assert_eq!(ideal("ketama", &["--remove", "a", "--add", "a=1"]), Some(0.25));
}

#[test]
fn place_names_replicas() {
    let args = ["place", "--strategy", "cassandra_murmur3", "--nodes", "a,b,c", "--replicas"];
    let said = text(&[&args[..], &["2", "k1", "k2"]].concat());
    for row in rows(&said) {
        let list: Vec<&str> = row[2].split(' ').collect();
        assert!(list.len() == 2 && list[0] == row[1] && list[0] != list[1], "{row:?}");
        assert!(row[3].contains("its token"), "then the reason: {row:?}");
    }
    assert!(said.contains("# Each one owns the key once those before it have left the list."));
    let report = json(&[&args[..], &["9", "--json", "k1"]].concat());
    assert_eq!(report["keys"][0]["preference"].as_array().map(Vec::len), Some(3));
    assert_eq!(report["keys"][0]["preference"][0], report["keys"][0]["node"]);
    let kept = json(&[
        "place",
        "--strategy",
        "ketama",
        "--nodes",
        "a,b",
        "--replicas",
        "2",
        "--json",
        "k",
    ]);
    assert!(kept["preference_is"].as_str().is_some_and(|words| words.contains("on the ring")));
    assert!(json(&[&args[..], &["1", "--json", "k1"]].concat())["keys"][0]["preference"].is_null());
}

#[test]
fn place_sums_up() {
    let args = ["place", "--strategy", "kafka-murmur2", "--nodes", "a,b", "--summary"];
    let input: String = (0..500).map(|number| format!("key:{number}\n")).collect();
    let output = with_input(&args, input.as_bytes());
    let said = String::from_utf8(output.stdout).expect("text");
    let numbers: Vec<u64> =
        said.split([' ', ',', '\n']).filter_map(|word| word.parse().ok()).collect();
    assert_eq!((said.lines().count(), numbers[0]), (1, 500), "{said}");
    assert_eq!(numbers[1] + numbers[2], 500, "{said}");
    assert!(numbers[1].abs_diff(250) < 80, "{said}");
    let report = json(&[&args[..], &["--json", "--add", "c", "k1", "k2"]].concat());
    assert_eq!(report["keys"], Json::Array(Vec::new()));
    assert_eq!((&report["total"], &report["moved"]["ideal"]), (&2.into(), &(1.0 / 3.0).into()));
}

#[test]
fn place_takes_settings() {
    let said = |set: &[&str]| {
        let args = ["place", "--strategy", "mongodb_hashed", "--nodes", "a,b"];
        text(&[&args[..], set, &["k"]].concat())
    };
    assert!(said(&[]).contains("of 4, which"), "{}", said(&[]));
    assert!(said(&["--set", "chunks=50"]).contains("of 100, which"));
    let args = ["place", "--strategy", "mongodb_hashed", "--nodes", "a,b", "--set"];
    for (set, words) in [
        ("chunks=0", "from 1 to 8192"),
        ("chunks=x", "knob=number"),
        ("chunks", "knob=number"),
        ("points=3", "there is chunks"),
    ] {
        let all = refused(&[&args[..], &[set, "k"]].concat());
        assert!(all.contains("--set") && all.contains(words), "{set} said {all:?}");
    }
}

#[test]
fn place_cuts_ranges_where_it_is_told() {
    let nodes = |splits: &[&str], keys: &[&str]| -> Vec<String> {
        let args = ["place", "--strategy", "range", "--nodes", "a,b,c"];
        let said = text(&[&args[..], splits, keys].concat());
        rows(&said).iter().map(|row| row[1].to_owned()).collect()
    };
    let users = ["user1", "user5", "user9"];
    assert_eq!(nodes(&[], &users), ["b", "b", "b"], "letters begin with similar bytes");
    let splits = ["--split", "user5=c", "--split", "user9"];
    assert_eq!(nodes(&splits, &users), ["b", "c", "a"], "a is the first with one range");
    let change = ["--split", "user5=c", "--remove", "b", "--add", "d"];
    assert_eq!(nodes(&change, &["user1", "user5"])[1], "c", "what is cut stays cut");
    let equals = ["--split", "k=1=a"];
    assert_eq!(nodes(&equals, &["k=0", "k=1"]), ["b", "a"], "the last = counts");
}

#[test]
fn place_keeps_a_directory() {
    let args = ["place", "--strategy", "directory", "--nodes", "a,b,c", "--list", "acme=c,b"];
    let more = ["--list", "=b", "--remove", "c", "--replicas", "3", "acme", "", "other"];
    let said = text(&[&args[..], &more].concat());
    let found: Vec<Vec<&str>> = rows(&said).into_iter().map(|row| row[1..3].to_vec()).collect();
    assert_eq!(found, [["c -> b", "c b a"], ["b", "b a c"], ["a", "a b c"]]);
    let nobody = text(&[&args[..], &["--set", "default=0", "other"]].concat());
    assert_eq!(rows(&nobody)[0][1], "-");
}

#[test]
fn place_takes_keys_behind_two_dashes() {
    let args = ["place", "--strategy", "jump", "--nodes", "a,b", "k", "--json"];
    let report = json(&[&args[..], &["--", "--json", "--", "-k"]].concat());
    let keys: Vec<&str> = (report["keys"].as_array().expect("a list").iter())
        .filter_map(|key| key["key"].as_str())
        .collect();
    assert_eq!(keys, ["k", "--json", "--", "-k"]);
}

#[test]
fn place_refuses_what_does_not_fit() {
    let range: &[&str] = &["place", "--strategy", "range", "--nodes", "a,b", "k"];
    let directory: &[&str] = &["place", "--strategy", "directory", "--nodes", "a,b", "k"];
    let jump: &[&str] = &["place", "--strategy", "jump", "--nodes", "a,b", "k"];
    let many: Vec<String> = (0..65).map(|number| format!("n{number}")).collect();
    let many = many.join(",");
    let anchor: &[&str] = &["place", "--strategy", "anchor", "--nodes", &many, "k"];
    let cases: &[(&[&str], &[&str], &str)] = &[
        (range, &["--split", "m=z"], "--split: there is no node \"z\""),
        (range, &["--split", "m", "--split", "m=a"], "a range begins with \"m\" already"),
        (range, &["--split", ""], "a range begins with \"\" already"),
        (range, &["--split"], "--split"),
        (range, &["--list", "k=a"], "--list is for --strategy directory"),
        (directory, &["--list", "k"], "--list must be KEY=node"),
        (directory, &["--list", "k=z"], "--list: there is no node \"z\""),
        (directory, &["--list", "k="], "--list: there is no node \"\""),
        (directory, &["--list", "k=a,a"], "--list: two nodes are called \"a\""),
        (directory, &["--list", "k=a", "--list", "k=b"], "\"k\" is listed twice"),
        (directory, &["--split", "m"], "--split is for --strategy range"),
        (jump, &["--split", "m"], "--split is for --strategy range"),
        (jump, &["--list", "k=a"], "--list is for --strategy directory"),
        (jump, &["--replicas", "0"], "--replicas must be a whole number from 1 to 1000"),
        (jump, &["--colour"], "goes after --"),
        (jump, &["--remove", "a,b"], "after the change"),
        (anchor, &[], "--set capacity=65"),
    ];
    for (args, more, words) in cases {
        let said = refused(&[*args, *more].concat());
        assert!(said.contains(words), "{args:?} {more:?} said {said:?}, without {words:?}");
    }
    assert!(text(&["help"]).contains("--split KEY[=node]"));
    assert!(text(&["help"]).contains("--list KEY=node"));
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

#[test]
fn a_scenario_with_a_gap_is_not_run() {
    let path = std::env::temp_dir().join(format!("switchyard-gap-{}.json", std::process::id()));
    let text = r#"{ "schema": "switchyard/1", "nodes": [
        { "id": "c", "kind": "clients" }, { "id": "r", "kind": "router", "label": "Shards" } ],
        "links": [{ "from": "c", "to": "r" }] }"#;
    std::fs::write(&path, text).expect("a file for a moment");
    let words = refused(&["run", &path.to_string_lossy()]);
    std::fs::remove_file(&path).expect("it was just written");
    let wanted = "nodes[1]: Shards has no shard: wire it to a database, a table or a server";
    assert!(words.contains(wanted), "{words}");
}
