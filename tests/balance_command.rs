//! `switchyard balance` with servers that refuse, limits and backups, against what nginx and HAProxy
//! themselves were seen to do.

use std::process::{Command, Output};

use serde_json::{Value as Json, json};

fn command(strategy: &str, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_switchyard"))
        .args(["balance", "--strategy", strategy])
        .args(args)
        .output()
        .expect("the binary starts")
}

fn text(strategy: &str, args: &[&str]) -> String {
    let output = command(strategy, args);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}

fn json(strategy: &str, args: &[&str]) -> Json {
    let text = text(strategy, &[args, &["--json"]].concat());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{args:?}: {error}"))
}

/// What it says when it refuses.
fn refused(args: &[&str]) -> String {
    let output = command("nginx_round_robin", args);
    assert_eq!(output.status.code(), Some(2), "{args:?}");
    String::from_utf8(output.stderr).expect("text")
}

/// The servers that accepted, one letter a request; `-` is nobody.
fn picks(strategy: &str, args: &[&str]) -> String {
    let report = json(strategy, args);
    let picks = report["picks"].as_array().expect("a list").iter();
    picks.map(|pick| pick.as_str().unwrap_or("-")).collect()
}

/// As nginx 1.22.1 did it, all of it within one `fail_timeout`.
#[test]
fn nginx_goes_on_to_the_next_server() {
    let args = ["--servers", "a=3,b=2,c=1", "--refuse", "b@1", "--picks", "24"];
    assert_eq!(picks("nginx_round_robin", &args), "aacaaacaaacaaacaaacaaaca");
    let report = json("nginx_round_robin", &args);
    let step = &report["steps"][1];
    assert_eq!((&step["pick"], &step["server"]), (&json!(2), &json!("a")));
    assert_eq!(step["refused"].as_array().map(Vec::len), Some(1));
    assert_eq!(step["refused"][0]["server"], "b");
    assert_eq!(step["refused"][0]["numbers"][1]["numbers"], "2 + 2 = 4");
    assert_eq!(step["numbers"][1]["numbers"], "already tried for this request");
    assert_eq!(report["steps"][2]["refused"], json!([]));
    assert_eq!((&report["refusals"], &report["nobody"]), (&json!({ "b": 1 }), &json!(0)));

    let three = ["--servers", "a=5,b=1,c=1", "--set", "max_fails=3", "--refuse", "a@1"];
    let args = [&three[..], &["--picks", "30"]].concat();
    assert_eq!(picks("nginx_round_robin", &args), "bcbbbcbcbcbcbcbcbcbcbcbcbcbcbc");
    assert_eq!(json("nginx_round_robin", &args)["refusals"], json!({ "a": 3 }));

    let args = ["--servers", "a=2,b=1", "--refuse", "a@1,b@1", "--picks", "6"];
    assert_eq!(picks("nginx_round_robin", &args), "------");
}

#[test]
fn nginx_turns_to_backups_and_counts_their_failures_too() {
    let servers = ["--servers", "a=2,b=1,y=2,z=1", "--backup", "y,z"];
    let refuse = ["--refuse", "a@3,b@4,y@10", "--refuse", "z@13", "--picks", "16"];
    let args = [&servers[..], &refuse].concat();
    assert_eq!(picks("nginx_round_robin", &args), "abbyzyyzyzzz----");
}

#[test]
fn nginx_keeps_to_its_limits() {
    let hold = |args: &[&str]| picks("nginx_round_robin", &[args, &["--hold"]].concat());
    assert_eq!(hold(&["--servers", "a=2,b", "--limit", "a=1", "--picks", "5"]), "abbbb");
    let backup = ["--servers", "a,z", "--limit", "a=2", "--backup", "z", "--picks", "6"];
    assert_eq!(hold(&backup), "aazzzz");
    let all = ["--servers", "a=3,b=1,c=2", "--limit", "a=2,b=2", "--limit", "c=2"];
    assert_eq!(hold(&[&all[..], &["--picks", "8"]].concat()), "acabcb--");
    // What is refused does not stay in flight.
    let refuse = ["--servers", "a,b", "--limit", "a=1,b=2", "--refuse", "a@1", "--picks", "4"];
    assert_eq!(hold(&refuse), "bb--");
}

/// As HAProxy 2.6.12 did it with `option redispatch`: b is asked each time it is its turn.
#[test]
fn haproxy_avoids_the_server_just_tried() {
    let args = ["--servers", "a,b,c", "--refuse", "b@1", "--picks", "6"];
    assert_eq!(picks("haproxy_roundrobin", &args), "acacac");
    let lines = text("haproxy_roundrobin", &args);
    let starts: Vec<&str> =
        lines.lines().map(|line| line.rsplit_once('\t').map_or(line, |(start, _)| start)).collect();
    let expected = [
        "1\ta",
        "2\tb refuses",
        "2\tc",
        "3\ta",
        "4\tb refuses",
        "4\tc",
        "5\ta",
        "6\tb refuses",
        "6\tc",
        "# a c a c a c",
        "# a 3, b 0, c 3; refused by b 3",
    ];
    assert_eq!(starts, expected);
}

#[test]
fn after_so_many_tries_it_gives_up() {
    let servers = ["--servers", "a,b,c", "--refuse", "a@1,b@1", "--picks", "1"];
    assert_eq!(picks("nginx_round_robin", &servers), "c");
    let with = |tries| [&servers[..], &["--tries", tries]].concat();
    assert_eq!(picks("nginx_round_robin", &with("3")), "c");
    let report = json("nginx_round_robin", &with("2"));
    assert_eq!(report["picks"], json!([null]));
    assert_eq!(report["refusals"], json!({ "a": 1, "b": 1 }));
    assert_eq!(report["steps"][0]["why"], "Refused 2 times; no other server is tried.");
    // A strategy that does not look at what was tried asks the same server again.
    let same = ["--servers", "a", "--refuse", "a@2", "--tries", "4", "--picks", "2"];
    assert_eq!(json("round_robin", &same)["refusals"], json!({ "a": 4 }));
}

#[test]
fn nonsense_is_refused_with_the_reason() {
    let cases: [(&[&str], &str); 13] = [
        (&["--limit", "a"], "--limit must be server=number, from 1, got \"a\""),
        (&["--limit", "a=0"], "--limit must be server=number, from 1, got \"a=0\""),
        (&["--limit", "a=-1"], "--limit must be"),
        (&["--limit", "a=4294967296"], "--limit must be"),
        (&["--limit", "c=1"], "--limit: there is no server \"c\""),
        (&["--limit", "a=1,a=2"], "--limit: \"a\" is there twice"),
        (&["--backup", "c"], "--backup: there is no server \"c\""),
        (&["--backup", "a", "--backup", "a"], "--backup: \"a\" is there twice"),
        (&["--refuse", "a"], "--refuse must be server@pick, got \"a\""),
        (&["--refuse", "a@0"], "--refuse must be server@pick"),
        (&["--refuse", "c@1"], "--refuse: there is no server \"c\""),
        (&["--tries", "0"], "--tries must be a whole number from 1 to 1000, got \"0\""),
        (&["--tries"], "--tries"),
    ];
    for (args, words) in cases {
        let said = refused(&[&["--servers", "a,b"], args].concat());
        assert!(said.starts_with("switchyard: ") && said.contains(words), "{args:?}: {said}");
    }
}
